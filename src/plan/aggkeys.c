/*-------------------------------------------------------------------------
 *
 * aggkeys.c
 *	  Group keys as small numbers: equal tuples of values get equal ids.
 *
 * An open hash table of ids over an array of tuples.  Equality is that of the
 * query's GROUP BY; NULL equals NULL.
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "common/hashfn.h"
#include "fmgr.h"
#include "nodes/nodeFuncs.h"
#include "plan/aggkeys.h"
#include "utils/datum.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"

#define NO_ID PG_UINT32_MAX
#define FIRST_CAPACITY 64 /* a power of two */

typedef struct KeyColumn
{
	FmgrInfo hash;
	FmgrInfo equals;
	Oid collation;
	int16 typlen;
	bool typbyval;
} KeyColumn;

struct TsdbAggKeys
{
	MemoryContext context; /* tuples and table */
	int ncolumns;
	KeyColumn *columns;
	uint32 ntuples;
	uint32 capacity; /* of ids; a power of two; tuples: half of it */
	uint32 *ids; /* by hash, open addressing */
	uint32 *hashes; /* of tuples, by id */
	Datum *values; /* ncolumns per tuple */
	bool *isnull;
};

static void set_column(KeyColumn *column, Node *expr, Oid operator);
static void allocate(TsdbAggKeys *keys, uint32 capacity);
static void grow(TsdbAggKeys *keys);
static void enter(TsdbAggKeys *keys, uint32 id);
static uint32 hash_tuple(TsdbAggKeys *keys, const Datum *values, const bool *isnull);
static bool is_tuple(TsdbAggKeys *keys, uint32 id, const Datum *values, const bool *isnull);
static uint32 append(TsdbAggKeys *keys, uint32 hash, const Datum *values, const bool *isnull);

TsdbAggKeys *
tsdb_aggkeys_create(List *exprs, List *operators)
{
	TsdbAggKeys *keys = palloc0(sizeof(TsdbAggKeys));
	ListCell *expr;
	ListCell *operator;

	keys->columns = palloc0(sizeof(KeyColumn) * Max(list_length(exprs), 1));
	forboth (expr, exprs, operator, operators)
		set_column(&keys->columns[keys->ncolumns++], lfirst(expr), lfirst_oid(operator));
	keys->context = AllocSetContextCreate(CurrentMemoryContext, "tsdb group keys", ALLOCSET_DEFAULT_SIZES);
	allocate(keys, FIRST_CAPACITY);
	return keys;
}

void
tsdb_aggkeys_reset(TsdbAggKeys *keys)
{
	MemoryContextReset(keys->context);
	keys->ntuples = 0;
	allocate(keys, FIRST_CAPACITY);
}

uint32
tsdb_aggkeys_intern(TsdbAggKeys *keys, const Datum *values, const bool *isnull)
{
	uint32 hash = hash_tuple(keys, values, isnull);
	uint32 mask = keys->capacity - 1;

	for (uint32 at = hash & mask; keys->ids[at] != NO_ID; at = (at + 1) & mask)
	{
		uint32 id = keys->ids[at];

		if (keys->hashes[id] == hash && is_tuple(keys, id, values, isnull))
			return id;
	}
	return append(keys, hash, values, isnull);
}

uint32
tsdb_aggkeys_count(const TsdbAggKeys *keys)
{
	return keys->ntuples;
}

void
tsdb_aggkeys_values(const TsdbAggKeys *keys, uint32 id, const Datum **values, const bool **isnull)
{
	Assert(id < keys->ntuples);
	*values = keys->values + (Size) id * keys->ncolumns;
	*isnull = keys->isnull + (Size) id * keys->ncolumns;
}

void
tsdb_aggkeys_copy(const TsdbAggKeys *keys, Datum *values, const bool *isnull)
{
	for (int i = 0; i < keys->ncolumns; i++)
	{
		if (!isnull[i])
			values[i] = datumCopy(values[i], keys->columns[i].typbyval, keys->columns[i].typlen);
	}
}

// private functions

static void
set_column(KeyColumn *column, Node *expr, Oid operator)
{
	Oid hash;
	Oid right_hash;

	if (!get_op_hash_functions(operator, & hash, &right_hash))
		elog(ERROR, "no hash function for operator %u", operator);
	fmgr_info(hash, &column->hash);
	fmgr_info(get_opcode(operator), &column->equals);
	column->collation = exprCollation(expr);
	get_typlenbyval(exprType(expr), &column->typlen, &column->typbyval);
}

static void
allocate(TsdbAggKeys *keys, uint32 capacity)
{
	Size ntuples = capacity / 2;
	Size nvalues = ntuples * Max(keys->ncolumns, 1);

	keys->capacity = capacity;
	keys->ids = MemoryContextAllocHuge(keys->context, sizeof(uint32) * capacity);
	memset(keys->ids, 0xFF, sizeof(uint32) * capacity);
	keys->hashes = MemoryContextAllocHuge(keys->context, sizeof(uint32) * ntuples);
	keys->values = MemoryContextAllocHuge(keys->context, sizeof(Datum) * nvalues);
	keys->isnull = MemoryContextAllocHuge(keys->context, sizeof(bool) * nvalues);
}

static void
grow(TsdbAggKeys *keys)
{
	TsdbAggKeys old = *keys;
	Size nvalues = (Size) old.ntuples * old.ncolumns;

	if (old.capacity > PG_UINT32_MAX / 4)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("too many groups"),
				 errdetail("The limit is %u keys.", old.capacity / 2),
				 errhint("Set tsdb.enable_agg = off for this query.")));
	allocate(keys, old.capacity * 2);
	memcpy(keys->hashes, old.hashes, sizeof(uint32) * old.ntuples);
	memcpy(keys->values, old.values, sizeof(Datum) * nvalues);
	memcpy(keys->isnull, old.isnull, sizeof(bool) * nvalues);
	for (uint32 id = 0; id < keys->ntuples; id++)
		enter(keys, id);
	pfree(old.ids);
	pfree(old.hashes);
	pfree(old.values);
	pfree(old.isnull);
}

static void
enter(TsdbAggKeys *keys, uint32 id)
{
	uint32 mask = keys->capacity - 1;
	uint32 at = keys->hashes[id] & mask;

	while (keys->ids[at] != NO_ID)
		at = (at + 1) & mask;
	keys->ids[at] = id;
}

static uint32
hash_tuple(TsdbAggKeys *keys, const Datum *values, const bool *isnull)
{
	uint32 hash = 0;

	for (int i = 0; i < keys->ncolumns; i++)
	{
		KeyColumn *column = &keys->columns[i];
		uint32 part = isnull[i] ? 0 : DatumGetUInt32(FunctionCall1Coll(&column->hash, column->collation, values[i]));

		hash = hash_combine(hash, part);
	}
	return murmurhash32(hash);
}

static bool
is_tuple(TsdbAggKeys *keys, uint32 id, const Datum *values, const bool *isnull)
{
	const Datum *known;
	const bool *known_isnull;

	tsdb_aggkeys_values(keys, id, &known, &known_isnull);
	for (int i = 0; i < keys->ncolumns; i++)
	{
		KeyColumn *column = &keys->columns[i];

		if (known_isnull[i] != isnull[i])
			return false;
		if (!isnull[i] && !DatumGetBool(FunctionCall2Coll(&column->equals, column->collation, known[i], values[i])))
			return false;
	}
	return true;
}

static uint32
append(TsdbAggKeys *keys, uint32 hash, const Datum *values, const bool *isnull)
{
	MemoryContext caller = MemoryContextSwitchTo(keys->context);
	uint32 id;

	if (keys->ntuples == keys->capacity / 2)
		grow(keys);
	id = keys->ntuples++;
	keys->hashes[id] = hash;
	for (int i = 0; i < keys->ncolumns; i++)
	{
		const KeyColumn *column = &keys->columns[i];
		Size at = (Size) id * keys->ncolumns + i;

		keys->isnull[at] = isnull[i];
		keys->values[at] = isnull[i] ? (Datum) 0 : datumCopy(values[i], column->typbyval, column->typlen);
	}
	enter(keys, id);
	MemoryContextSwitchTo(caller);
	return id;
}
