/*-------------------------------------------------------------------------
 *
 * ddl_check.c
 *	  The tables that a command touched, after it.
 *
 * Looking at the result catches every way that led to it: DROP TYPE ... CASCADE
 * drops a tag column just as DROP COLUMN does, and if the whole table
 * went with it, all is well.
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/relation.h"
#include "catalog/partition.h"
#include "catalog/pg_class.h"
#include "catalog/pg_type.h"
#include "format/grid.h"
#include "miscadmin.h"
#include "nodes/nodeFuncs.h"
#include "storage/smgr.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/partcache.h"
#include "utils/rel.h"
#include "utils/syscache.h"
#include "utils/timestamp.h"

#include "am/ddl_private.h"
#include "series/options.h"
#include "write/buffer.h"

static void check_table(TsdbDdlFrame *frame, Relation rel);
static void check_dropped(Relation rel, const TsdbDdlColumn *column);
static void check_retyped(Relation rel, const TsdbDdlColumn *column);
static void check_partition(Relation rel);
static PartitionBoundSpec *bound_of(Oid relid);
static void check_bound(Relation rel, Oid parent_oid, PartitionBoundSpec *bound, const TsdbTable *table);
static int key_position(Relation parent, const char *column);
static void check_limits(Relation rel, List *limits, int position, int64 sample_us);
static void check_limit(Relation rel, Node *value, int64 sample_us);

void
tsdb_ddl_check_tables(TsdbDdlFrame *frame)
{
	ListCell *lc;

	foreach (lc, frame->touched_oids)
	{
		Oid relid = lfirst_oid(lc);
		Relation rel = tsdb_table_is(relid) ? try_relation_open(relid, AccessShareLock) : NULL;

		if (rel == NULL)
			continue;
		check_table(frame, rel);
		if (list_member_oid(frame->created_oids, relid))
			tsdb_ddl_refuse_warn_published(rel);
		relation_close(rel, AccessShareLock);
	}
}

bool
tsdb_ddl_check_has_rows(Relation rel)
{
	if (IsBinaryUpgrade)
		return false;
	/* Not RelationGetNumberOfBlocks, which asks the access method. */
	return smgrnblocks(RelationGetSmgr(rel), MAIN_FORKNUM) > 0 || tsdb_buffer_has_pending(RelationGetRelid(rel));
}

// private functions

static void
check_table(TsdbDdlFrame *frame, Relation rel)
{
	ListCell *lc;

	foreach (lc, frame->dropped)
		check_dropped(rel, (const TsdbDdlColumn *) lfirst(lc));
	(void) tsdb_table_get(rel);
	foreach (lc, frame->retyped)
		check_retyped(rel, (const TsdbDdlColumn *) lfirst(lc));
	if (rel->rd_rel->relispartition)
		check_partition(rel);
}

static void
check_dropped(Relation rel, const TsdbDdlColumn *column)
{
	List *options;
	const char *tags;
	const char *time_column;
	const char *role = NULL;

	if (column == NULL || column->relid != RelationGetRelid(rel))
		return;

	options = tsdb_reloptions_read(RelationGetRelid(rel));
	tags = tsdb_reloptions_find(options, TSDB_OPTION_TAGS);
	time_column = tsdb_reloptions_find(options, TSDB_OPTION_TIME_COLUMN);
	if (tags != NULL && tsdb_options_rename(TSDB_OPTION_TAGS, tags, column->name, "") != NULL)
		role = "a tag";
	else if (time_column == NULL ? column->type_oid == TIMESTAMPTZOID : tsdb_options_rename(TSDB_OPTION_TIME_COLUMN, time_column, column->name, "") != NULL)
		role = "the time column";
	if (role == NULL)
		return;
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_TABLE_DEFINITION),
			 errmsg("column \"%s\" of table \"%s\" can't be dropped", column->name, RelationGetRelationName(rel)),
			 errdetail("It is %s: rows of the table are kept by tags and time.", role),
			 errhint("Make a new table without the column, and INSERT INTO it SELECT from this one.")));
}

/* check_retyped - core doesn't rewrite when the bytes in a heap would be the same; ours say which type they are. */
static void
check_retyped(Relation rel, const TsdbDdlColumn *column)
{
	AttrNumber attnum;

	if (column == NULL || column->relid != RelationGetRelid(rel) || column->relfilenode != rel->rd_rel->relfilenode)
		return;
	attnum = get_attnum(RelationGetRelid(rel), column->name);
	if (attnum == InvalidAttrNumber || tsdb_table_get(rel)->columns[attnum - 1].role != TSDB_ROLE_VALUE || !tsdb_ddl_check_has_rows(rel))
		return;
	ereport(ERROR,
			(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
			 errmsg("type of column \"%s\" of table \"%s\" can't be changed from %s without a rewrite",
					column->name, RelationGetRelationName(rel), format_type_be(column->type_oid)),
			 errhint("Ask for a rewrite with an expression: ALTER TABLE ... ALTER COLUMN %s TYPE ... USING %s + 0.",
					 quote_identifier(column->name), quote_identifier(column->name))));
}

/*
 * check_partition - is every row in the same partition before and after its time is put on the grid?
 *
 * Rows are routed by the time they came with.
 */
static void
check_partition(Relation rel)
{
	const TsdbTable *table = tsdb_table_get(rel);
	Oid child = RelationGetRelid(rel);
	ListCell *lc;

	foreach (lc, get_partition_ancestors(child))
	{
		PartitionBoundSpec *bound = bound_of(child);

		if (bound != NULL && !bound->is_default)
			check_bound(rel, lfirst_oid(lc), bound, table);
		child = lfirst_oid(lc);
	}
}

static PartitionBoundSpec *
bound_of(Oid relid)
{
	HeapTuple tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(relid));
	PartitionBoundSpec *bound = NULL;
	Datum value;
	bool isnull;

	if (!HeapTupleIsValid(tuple))
		return NULL;
	value = SysCacheGetAttr(RELOID, tuple, Anum_pg_class_relpartbound, &isnull);
	if (!isnull)
		bound = castNode(PartitionBoundSpec, stringToNode(TextDatumGetCString(value)));
	ReleaseSysCache(tuple);
	return bound;
}

static void
check_bound(Relation rel, Oid parent_oid, PartitionBoundSpec *bound, const TsdbTable *table)
{
	Relation parent = relation_open(parent_oid, AccessShareLock);
	int position = key_position(parent, NameStr(TupleDescAttr(RelationGetDescr(rel), table->time_attnum - 1)->attname));
	ListCell *lc;

	if (position >= 0 && bound->strategy == PARTITION_STRATEGY_RANGE)
	{
		check_limits(rel, bound->lowerdatums, position, table->sample_us);
		check_limits(rel, bound->upperdatums, position, table->sample_us);
	}
	else if (position >= 0 && bound->strategy == PARTITION_STRATEGY_LIST)
	{
		foreach (lc, bound->listdatums)
			check_limit(rel, lfirst(lc), table->sample_us);
	}
	else if (position >= 0 && table->sample_us > 1)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("table \"%s\" can't be a partition by hash of its time", RelationGetRelationName(rel)),
				 errdetail("The grid changes times after rows have been routed."),
				 errhint("Partition by RANGE of the time or by HASH of tags, or use sample_interval = '1us'.")));
	relation_close(parent, AccessShareLock);
}

/* key_position - place of a column in a partition key, -1 when it isn't part of it. */
static int
key_position(Relation parent, const char *column)
{
	PartitionKey key = RelationGetPartitionKey(parent);

	for (int i = 0; key != NULL && i < key->partnatts; i++)
	{
		AttrNumber attnum = key->partattrs[i];

		if (attnum > 0 && strcmp(NameStr(TupleDescAttr(RelationGetDescr(parent), attnum - 1)->attname), column) == 0)
			return i;
	}
	return -1;
}

static void
check_limits(Relation rel, List *limits, int position, int64 sample_us)
{
	PartitionRangeDatum *limit;

	if (position >= list_length(limits))
		return;
	limit = castNode(PartitionRangeDatum, list_nth(limits, position));
	if (limit->kind == PARTITION_RANGE_DATUM_VALUE)
		check_limit(rel, limit->value, sample_us);
}

static void
check_limit(Relation rel, Node *value, int64 sample_us)
{
	Const *limit;
	int64 on_grid;
	TimestampTz time;

	if (!IsA(value, Const))
		return;
	limit = castNode(Const, value);
	if (limit->constisnull || limit->consttype != TIMESTAMPTZOID)
		return;
	time = DatumGetTimestampTz(limit->constvalue);
	if (TIMESTAMP_NOT_FINITE(time) || (tsdb_grid_floor(time, sample_us, &on_grid) && on_grid == time))
		return;
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_OBJECT_DEFINITION),
			 errmsg("partition bound %s of table \"%s\" is not on its grid",
					timestamptz_to_str(time), RelationGetRelationName(rel)),
			 errdetail("Times are floored to multiples of %lld us since 1970-01-01 00:00 UTC, after rows have been routed.", (long long) sample_us),
			 errhint("Choose a bound that is a multiple of option \"%s\" in UTC.", TSDB_OPTION_SAMPLE_INTERVAL)));
}
