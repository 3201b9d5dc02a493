/*-------------------------------------------------------------------------
 *
 * tsdbtable.c
 *	  What a table's options mean: roles of its columns, grid, spans.
 *
 * rel->rd_amcache points to the result: core frees the pointer with the relcache entry's
 * contents, so it can't be stale, and a repeated call is a pointer test.  The result
 * itself stays to the end of the transaction, because any lock that is taken may let an invalidation in
 * (VACUUM and ANALYZE of others suffice) while a caller far up still reads it.
 * The serial tells results apart that were made while ALTER TABLE
 * runs: see TsdbReloptionsChange.
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/relation.h"
#include "access/xact.h"
#include "catalog/pg_am.h"
#include "catalog/pg_class.h"
#include "catalog/pg_type.h"
#include "commands/defrem.h"
#include "format/grid.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/hsearch.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/syscache.h"

#include "series/columns.h"
#include "series/options.h"
#include "series/reloptions.h"
#include "series/tsdbtable.h"

#define AM_NAME "tsdb"
#define DEFAULT_SEGMENT_US (32 * TSDB_US_PER_DAY)
#define MIN_SEGMENT_STEPS 512

typedef struct CachedTable
{
	TsdbTable table; /* first, so that a pointer to it is one to us */
	uint64 serial; /* of the change in progress; 0 = none */
	struct CachedTable *next_outdated;
} CachedTable;

/* What rd_amcache points to. */
typedef struct TablePointer
{
	CachedTable *cached;
	uint64 generation; /* another one: cached is gone */
} TablePointer;

/* The newest result for a table. */
typedef struct NewestTable
{
	Oid relid; /* hash key */
	CachedTable *cached;
} NewestTable;

/* Tables that a backend remembers; those that were dropped count too. */
#define MAX_TABLES 4096

static HTAB *newest_tables;
static CachedTable *outdated; /* to be freed at the end of the transaction */
static uint64 generation;

static Oid am_oid;
static bool am_oid_known;
static uint64 am_invalidations;
static bool am_callback_registered;

static void make_newest_tables(void);
static NewestTable *find_newest(Oid relid);
static void end_transaction(XactEvent event, void *arg);
static void forget_tables(void);
static CachedTable *make_cached(Relation rel, uint64 serial, List *options);
static void make_table(Relation rel, TupleDesc desc, List *options, TsdbTable *table);
static Size cached_bytes(const TsdbTable *table);
static char *copy_part(char **to, const void *part, Size nbytes);
static void copy_table(CachedTable *cached, const TsdbTable *table);
static List *options_of(Relation rel, const TsdbReloptionsChange *change, bool before);
static bool is_same_descriptor(TupleDesc a, TupleDesc b);
static void forget_am_oid(Datum arg, int cacheid, uint32 hashvalue);
static void check_is_tsdb(Relation rel);

const TsdbTable *
tsdb_table_get(Relation rel)
{
	TablePointer *pointer = (TablePointer *) rel->rd_amcache;
	const TsdbReloptionsChange *change = tsdb_reloptions_change_of(rel);
	uint64 serial = change ? change->serial : 0;
	CachedTable *cached;
	NewestTable *newest;

	if (likely(pointer != NULL && pointer->generation == generation && pointer->cached->serial == serial))
		return &pointer->cached->table;

	cached = make_cached(rel, serial, options_of(rel, change, false));
	newest = find_newest(RelationGetRelid(rel));
	if (newest->cached != NULL)
	{
		newest->cached->next_outdated = outdated;
		outdated = newest->cached;
	}
	newest->cached = cached;

	/* Reading the catalogs may have taken the pointer away. */
	if (rel->rd_amcache == NULL)
		rel->rd_amcache = MemoryContextAlloc(CacheMemoryContext, sizeof(TablePointer));
	pointer = (TablePointer *) rel->rd_amcache;
	pointer->cached = cached;
	pointer->generation = generation;
	return &cached->table;
}

const TsdbTable *
tsdb_table_copy(Relation rel)
{
	const TsdbTable *table = tsdb_table_get(rel);
	CachedTable *copy = palloc0(cached_bytes(table));

	copy_table(copy, table);
	return &copy->table;
}

Relation
tsdb_table_as_described(Relation rel, TupleDesc desc)
{
	const TsdbReloptionsChange *change = tsdb_reloptions_change_of(rel);
	Relation before;
	TablePointer *pointer;
	CachedTable *cached;
	TsdbTable table = {0};

	if (is_same_descriptor(desc, RelationGetDescr(rel)))
		return rel;

	pointer = palloc(sizeof(TablePointer));
	before = palloc(sizeof(RelationData));
	memcpy(before, rel, sizeof(RelationData));
	before->rd_att = desc;
	/* Statistics link to one relcache entry only. */
	before->pgstat_enabled = false;
	before->pgstat_info = NULL;

	make_table(before, desc, options_of(rel, change, true), &table);
	cached = palloc0(cached_bytes(&table));
	cached->serial = change ? change->serial : 0;
	copy_table(cached, &table);
	pointer->cached = cached;
	pointer->generation = generation;
	before->rd_amcache = pointer;
	return before;
}

bool
tsdb_table_is(Oid relid)
{
	Oid tsdb_am = tsdb_table_am_oid();
	HeapTuple tuple;
	Form_pg_class form;
	bool is;

	if (!OidIsValid(tsdb_am))
		return false;
	tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(relid));
	if (!HeapTupleIsValid(tuple))
		return false;
	form = (Form_pg_class) GETSTRUCT(tuple);
	is = form->relam == tsdb_am && (form->relkind == RELKIND_RELATION || form->relkind == RELKIND_MATVIEW);
	ReleaseSysCache(tuple);
	return is;
}

Oid
tsdb_table_am_oid(void)
{
	if (!am_callback_registered)
	{
		CacheRegisterSyscacheCallback(AMNAME, forget_am_oid, (Datum) 0);
		am_callback_registered = true;
	}
	if (!am_oid_known)
	{
		uint64 invalidations = am_invalidations;

		am_oid = get_table_am_oid(AM_NAME, true);
		am_oid_known = invalidations == am_invalidations;
	}
	return am_oid;
}

uint8
tsdb_table_value_type(Oid type_oid)
{
	return tsdb_columns_value_type(type_oid);
}

Relation
tsdb_table_open(Oid relid, LOCKMODE lockmode, uint32 required_acl)
{
	Relation rel;

	/* Before the lock: who may not use the table may not block it either. */
	if (SearchSysCacheExists1(RELOID, ObjectIdGetDatum(relid)) &&
		pg_class_aclmask(relid, GetUserId(), required_acl, ACLMASK_ALL) != required_acl)
		aclcheck_error(ACLCHECK_NO_PRIV, get_relkind_objtype(get_rel_relkind(relid)), get_rel_name(relid));

	rel = try_relation_open(relid, lockmode);
	if (rel == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_TABLE),
				 errmsg("relation with OID %u does not exist", relid)));
	check_is_tsdb(rel);
	return rel;
}

int64
tsdb_table_segment_us(const TsdbTable *table)
{
	int64 span_us = DEFAULT_SEGMENT_US;

	while (span_us / table->sample_us < MIN_SEGMENT_STEPS)
		span_us *= 2;
	/* Options are bounded, so that this can't overflow. */
	if (table->block_us > 0 && span_us % table->block_us != 0)
		span_us = (span_us / table->block_us + 1) * table->block_us;
	return span_us;
}

// private functions

static void
make_newest_tables(void)
{
	HASHCTL control = {0};

	control.keysize = sizeof(Oid);
	control.entrysize = sizeof(NewestTable);
	newest_tables = hash_create("tsdb tables", 64, &control, HASH_ELEM | HASH_BLOBS);
	RegisterXactCallback(end_transaction, NULL);
}

static NewestTable *
find_newest(Oid relid)
{
	NewestTable *newest;
	bool found;

	if (newest_tables == NULL)
		make_newest_tables();
	newest = hash_search(newest_tables, &relid, HASH_ENTER, &found);
	if (!found)
		newest->cached = NULL;
	return newest;
}

static void
end_transaction(XactEvent event, void *arg)
{
	if (event == XACT_EVENT_PRE_COMMIT || event == XACT_EVENT_PARALLEL_PRE_COMMIT || event == XACT_EVENT_PRE_PREPARE)
		return;
	while (outdated != NULL)
	{
		CachedTable *next = outdated->next_outdated;

		pfree(outdated);
		outdated = next;
	}
	if (hash_get_num_entries(newest_tables) > MAX_TABLES)
		forget_tables();
}

static void
forget_tables(void)
{
	HASH_SEQ_STATUS all;
	NewestTable *newest;

	generation++;
	hash_seq_init(&all, newest_tables);
	while ((newest = hash_seq_search(&all)) != NULL)
	{
		if (newest->cached != NULL)
			pfree(newest->cached);
		hash_search(newest_tables, &newest->relid, HASH_REMOVE, NULL);
	}
}

static CachedTable *
make_cached(Relation rel, uint64 serial, List *options)
{
	MemoryContext work = AllocSetContextCreate(CurrentMemoryContext, "tsdb table", ALLOCSET_SMALL_SIZES);
	MemoryContext caller = MemoryContextSwitchTo(work);
	CachedTable *cached;
	TsdbTable table = {0};

	make_table(rel, RelationGetDescr(rel), options, &table);
	cached = MemoryContextAllocZero(CacheMemoryContext, cached_bytes(&table));
	cached->serial = serial;
	copy_table(cached, &table);

	MemoryContextSwitchTo(caller);
	MemoryContextDelete(work);
	return cached;
}

static void
make_table(Relation rel, TupleDesc desc, List *options, TsdbTable *table)
{
	const char *name = tsdb_reloptions_name(rel);
	TsdbOptions parsed;

	tsdb_options_parse(options, name, &parsed);
	table->relid = RelationGetRelid(rel);
	table->sample_us = parsed.sample_us;
	table->block_us = parsed.block_us;
	table->retention_us = parsed.retention_us;
	table->compact_after_us = parsed.compact_after_us;
	table->compression = parsed.compression;
	table->require_reason = parsed.require_reason;
	table->edit_horizon_us = parsed.edit_horizon_us;
	tsdb_columns_assign(desc, name, &parsed, table);
}

static Size
cached_bytes(const TsdbTable *table)
{
	Size nbytes = MAXALIGN(sizeof(CachedTable)) +
				  MAXALIGN(table->natts * sizeof(TsdbTableColumn)) +
				  MAXALIGN(table->ntags * sizeof(int16)) +
				  MAXALIGN(table->nvalues * sizeof(TsdbWanted));

	for (int i = 0; i < table->nvalues; i++)
	{
		if (table->values[i].missing_text != NULL)
			nbytes += MAXALIGN(tsdb_columns_text_bytes(table->values[i].missing_text));
	}
	return nbytes;
}

/* copy_part - append a part to the chunk; NULL for an empty one. */
static char *
copy_part(char **to, const void *part, Size nbytes)
{
	char *place = *to;

	if (nbytes == 0)
		return NULL;
	memcpy(place, part, nbytes);
	*to += MAXALIGN(nbytes);
	return place;
}

/* copy_table - flatten a table into the chunk that cached_bytes measured. */
static void
copy_table(CachedTable *cached, const TsdbTable *table)
{
	TsdbTable *copy = &cached->table;
	char *to = (char *) cached + MAXALIGN(sizeof(CachedTable));

	*copy = *table;
	copy->columns = (TsdbTableColumn *) copy_part(&to, table->columns, table->natts * sizeof(TsdbTableColumn));
	copy->tag_attnums = (int16 *) copy_part(&to, table->tag_attnums, table->ntags * sizeof(int16));
	copy->values = (TsdbWanted *) copy_part(&to, table->values, table->nvalues * sizeof(TsdbWanted));
	for (int i = 0; i < copy->nvalues; i++)
	{
		const uint8_t *text = copy->values[i].missing_text;

		if (text != NULL)
			copy->values[i].missing_text = (uint8_t *) copy_part(&to, text, tsdb_columns_text_bytes(text));
	}
}

/* options_of - those in force: of a change in progress, else of the catalog. */
static List *
options_of(Relation rel, const TsdbReloptionsChange *change, bool before)
{
	List *options = NIL;

	if (change != NULL)
		options = before || change->new_options == NIL ? change->old_options : change->new_options;
	return options != NIL ? options : tsdb_reloptions_read(RelationGetRelid(rel));
}

/* is_same_descriptor - do rows of both hold the same columns in the same places? */
static bool
is_same_descriptor(TupleDesc a, TupleDesc b)
{
	if (a->natts != b->natts)
		return false;
	for (int i = 0; i < a->natts; i++)
	{
		if (TupleDescAttr(a, i)->atttypid != TupleDescAttr(b, i)->atttypid ||
			TupleDescAttr(a, i)->attisdropped != TupleDescAttr(b, i)->attisdropped)
			return false;
	}
	return true;
}

static void
forget_am_oid(Datum arg, int cacheid, uint32 hashvalue)
{
	am_invalidations++;
	am_oid_known = false;
}

static void
check_is_tsdb(Relation rel)
{
	if (OidIsValid(tsdb_table_am_oid()) && rel->rd_rel->relam == tsdb_table_am_oid() &&
		rel->rd_rel->relkind != RELKIND_PARTITIONED_TABLE)
		return;
	ereport(ERROR,
			(errcode(ERRCODE_WRONG_OBJECT_TYPE),
			 errmsg("\"%s\" is not a tsdb table", RelationGetRelationName(rel)),
			 rel->rd_rel->relkind == RELKIND_PARTITIONED_TABLE ? errhint("Name one of its partitions.") : errhint("Tables of tsdb are made with CREATE TABLE ... USING tsdb.")));
}
