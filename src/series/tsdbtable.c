/*-------------------------------------------------------------------------
 *
 * tsdbtable.c
 *	  What a table's options mean: roles of its columns, grid, spans.
 *
 * The result is one chunk in rel->rd_amcache: core frees it with the relcache entry's
 * contents, so it can't be stale, and a repeated call is a pointer test.
 * The serial tells results apart that were made while ALTER TABLE
 * runs: see TsdbReloptionsChange.
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/relation.h"
#include "catalog/pg_am.h"
#include "catalog/pg_class.h"
#include "catalog/pg_type.h"
#include "commands/defrem.h"
#include "format/grid.h"
#include "miscadmin.h"
#include "utils/acl.h"
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
} CachedTable;

static Oid am_oid;
static bool am_oid_known;
static uint64 am_invalidations;
static bool am_callback_registered;

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
	CachedTable *cached = (CachedTable *) rel->rd_amcache;
	const TsdbReloptionsChange *change = tsdb_reloptions_change_of(rel);
	uint64 serial = change ? change->serial : 0;

	if (likely(cached != NULL && cached->serial == serial))
		return &cached->table;

	cached = make_cached(rel, serial, options_of(rel, change, false));
	if (rel->rd_amcache != NULL)
		pfree(rel->rd_amcache);
	rel->rd_amcache = cached;
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
	CachedTable *cached;
	TsdbTable table = {0};

	if (is_same_descriptor(desc, RelationGetDescr(rel)))
		return rel;

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
	before->rd_amcache = cached;
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
