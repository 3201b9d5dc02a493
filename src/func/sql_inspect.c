/*-------------------------------------------------------------------------
 *
 * sql_inspect.c
 *	  SQL functions that show or tend what a table stores: tsdb.segments, tsdb.blocks,
 *	  tsdb.block_columns, tsdb.runs, tsdb.compact, tsdb.verify.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/table.h"
#include "catalog/pg_type.h"
#include "format/block.h"
#include "fmgr.h"
#include "funcapi.h"
#include "maint/compact.h"
#include "maint/verify.h"
#include "miscadmin.h"
#include "pg/check.h"
#include "pg/compat.h"
#include "series/tsdbtable.h"
#include "store/metapage.h"
#include "store/runstore.h"
#include "store/segstore.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rls.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

/* The table that a function looks at, and where its rows go. */
typedef struct Inspection
{
	Relation rel;
	TsdbStore *store; /* NULL: nothing was ever written */
	Snapshot snapshot;
	ReturnSetInfo *result;
	MemoryContext work; /* one segment or run */
} Inspection;

/* What lower_barrier works on. */
typedef struct Barrier
{
	Relation rel;
	uint64 sequence;
} Barrier;

static void begin_inspection(Inspection *inspection, FunctionCallInfo fcinfo);
static void check_policies(Relation rel);
static void end_inspection(Inspection *inspection);
static void put_row(Inspection *inspection, Datum *values, bool *nulls);
static void for_each_segment(Inspection *inspection, void (*show)(Inspection *inspection, const TsdbSegment *segment));
static void show_segment(Inspection *inspection, const TsdbSegment *segment);
static void show_blocks(Inspection *inspection, const TsdbSegment *segment);
static void show_block(Inspection *inspection, const TsdbSegment *segment, const TsdbBlock *block, uint64 nbytes);
static void show_block_columns(Inspection *inspection, const TsdbSegment *segment);
static void show_group_column(Inspection *inspection, const TsdbSegment *segment, uint32 group_no,
							  const TsdbGroupBase *base, int column_no);
static void show_column(Inspection *inspection, const TsdbSegment *segment, const TsdbBlock *block,
						const TsdbSegmentColumn *column, TsdbChunkRef cells, const TsdbSummary *summary);
static const TsdbSummary *column_summaries(Inspection *inspection, const TsdbSegment *segment, uint32 group_no,
										   const TsdbSegmentColumn *column, const TsdbGroupColumn *directory);
static void show_run(Inspection *inspection, const TsdbRun *run, uint64 barrier);
static uint64 find_barrier(Inspection *inspection);
static void lower_barrier(const TsdbStoreRow *row, void *arg);
static Datum interval_of(int64 span_us);
static Datum float_of(TsdbType type, uint64 word, bool *isnull);
static const char *codec_name(Inspection *inspection, const TsdbSegment *segment, TsdbChunkRef cells, TsdbType type);
static Relation open_owned(Oid relid);
static void put_finding(const char *object, const char *problem, void *arg);

PG_FUNCTION_INFO_V1(tsdb_segments);
PG_FUNCTION_INFO_V1(tsdb_blocks);
PG_FUNCTION_INFO_V1(tsdb_block_columns);
PG_FUNCTION_INFO_V1(tsdb_runs);
PG_FUNCTION_INFO_V1(tsdb_compact);
PG_FUNCTION_INFO_V1(tsdb_verify);
PG_FUNCTION_INFO_V1(tsdb_test_compact);
PG_FUNCTION_INFO_V1(tsdb_test_retain);

/* tsdb.segments(regclass) - one row per segment that the current snapshot sees. */
Datum
tsdb_segments(PG_FUNCTION_ARGS)
{
	Inspection inspection;

	begin_inspection(&inspection, fcinfo);
	for_each_segment(&inspection, show_segment);
	end_inspection(&inspection);
	return (Datum) 0;
}

/* tsdb.blocks(regclass) - one row per block. */
Datum
tsdb_blocks(PG_FUNCTION_ARGS)
{
	Inspection inspection;

	begin_inspection(&inspection, fcinfo);
	for_each_segment(&inspection, show_blocks);
	end_inspection(&inspection);
	return (Datum) 0;
}

/* tsdb.block_columns(regclass) - the summary of each column of each block. */
Datum
tsdb_block_columns(PG_FUNCTION_ARGS)
{
	Inspection inspection;

	begin_inspection(&inspection, fcinfo);
	for_each_segment(&inspection, show_block_columns);
	end_inspection(&inspection);
	return (Datum) 0;
}

/* tsdb.runs(regclass) - one row per run. */
Datum
tsdb_runs(PG_FUNCTION_ARGS)
{
	Inspection inspection;

	begin_inspection(&inspection, fcinfo);
	if (inspection.store != NULL)
	{
		uint64 barrier = find_barrier(&inspection);
		uint32 nruns;
		TsdbStoredRun *runs = tsdb_runstore_list(inspection.store, inspection.rel, inspection.snapshot, &nruns);

		for (uint32 i = 0; i < nruns; i++)
			show_run(&inspection, &runs[i].run, barrier);
	}
	end_inspection(&inspection);
	return (Datum) 0;
}

/*
 * tsdb.compact(regclass) - merge everything that may be merged into segments.
 *
 * Waits for a compaction in progress.  Says so when transactions in progress keep runs back.
 */
Datum
tsdb_compact(PG_FUNCTION_ARGS)
{
	Relation rel;
	TsdbCompactResult result;

	PreventCommandIfReadOnly("tsdb.compact()");
	PreventCommandIfParallelMode("tsdb.compact()");
	PreventCommandDuringRecovery("tsdb.compact()");
	rel = open_owned(PG_GETARG_OID(0));
	tsdb_compact_table(rel, TSDB_COMPACT_FULL, true, &result);
	if (result.runs_blocked > 0)
		ereport(NOTICE,
				(errmsg("%u runs of table \"%s\" were left as they are", result.runs_blocked, RelationGetRelationName(rel)),
				 errdetail("A transaction that wrote to the table was in progress, maybe this one, or is prepared; or this one has an older snapshot.")));
	table_close(rel, NoLock);
	PG_RETURN_VOID();
}

/* tsdb.verify(regclass) - read and check everything; one row per finding. */
Datum
tsdb_verify(PG_FUNCTION_ARGS)
{
	Inspection inspection;

	PreventCommandIfParallelMode("tsdb.verify()");
	begin_inspection(&inspection, fcinfo);
	tsdb_verify_table(inspection.rel, inspection.snapshot, put_finding, &inspection);
	end_inspection(&inspection);
	return (Datum) 0;
}

/* tsdb_test.compact(regclass, text) - one compaction in a given mode, for tests: test/setup/maintenance.sql. */
Datum
tsdb_test_compact(PG_FUNCTION_ARGS)
{
	Relation rel = open_owned(PG_GETARG_OID(0));
	char *mode = text_to_cstring(PG_GETARG_TEXT_PP(1));
	TsdbCompactResult result;

	tsdb_compact_table(rel, strcmp(mode, "tiers") == 0 ? TSDB_COMPACT_TIERS : strcmp(mode, "aged") == 0 ? TSDB_COMPACT_AGED
																										: TSDB_COMPACT_FULL,
					   true, &result);
	table_close(rel, NoLock);
	PG_RETURN_INT64((int64) result.runs_merged);
}

/* tsdb_test.retain(regclass, timestamptz) - drop what is older, for tests. */
Datum
tsdb_test_retain(PG_FUNCTION_ARGS)
{
	Relation rel = open_owned(PG_GETARG_OID(0));
	uint64 dropped = tsdb_compact_retention(rel, PG_GETARG_TIMESTAMPTZ(1), true);

	table_close(rel, NoLock);
	PG_RETURN_INT64((int64) dropped);
}

// private functions

static void
begin_inspection(Inspection *inspection, FunctionCallInfo fcinfo)
{
	InitMaterializedSRF(fcinfo, 0);
	memset(inspection, 0, sizeof(Inspection));
	inspection->result = (ReturnSetInfo *) fcinfo->resultinfo;
	inspection->rel = tsdb_table_open(PG_GETARG_OID(0), AccessShareLock, ACL_SELECT);
	check_policies(inspection->rel);
	inspection->snapshot = GetActiveSnapshot();
	inspection->work = AllocSetContextCreate(CurrentMemoryContext, "tsdb inspection", ALLOCSET_DEFAULT_SIZES);
	if (tsdb_metapage_segment_us(inspection->rel) != 0)
		inspection->store = tsdb_store_open(inspection->rel, AccessShareLock, false);
}

/* Summaries, times and findings tell of rows that a policy may hide. */
static void
check_policies(Relation rel)
{
	if (check_enable_rls(RelationGetRelid(rel), InvalidOid, true) == RLS_ENABLED)
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("what table \"%s\" stores is hidden by row security", RelationGetRelationName(rel)),
				 errhint("Ask its owner, or a role that bypasses row security.")));
}

static void
end_inspection(Inspection *inspection)
{
	if (inspection->store != NULL)
		tsdb_store_close(inspection->store);
	MemoryContextDelete(inspection->work);
	table_close(inspection->rel, AccessShareLock);
}

static void
put_row(Inspection *inspection, Datum *values, bool *nulls)
{
	CHECK_FOR_INTERRUPTS();
	tuplestore_putvalues(inspection->result->setResult, inspection->result->setDesc, values, nulls);
}

static void
for_each_segment(Inspection *inspection, void (*show)(Inspection *inspection, const TsdbSegment *segment))
{
	TsdbSegmentScan *scan;
	TsdbStoredSegment stored;
	MemoryContext caller = CurrentMemoryContext;

	if (inspection->store == NULL)
		return;
	scan = tsdb_segstore_beginscan(inspection->store, inspection->rel, inspection->snapshot,
								   0, PG_INT32_MIN, TSDB_STORE_MAX_ID, PG_INT32_MAX, false);
	MemoryContextSwitchTo(inspection->work);
	while (tsdb_segstore_getnext(scan, &stored))
	{
		show(inspection, &stored.segment);
		MemoryContextReset(inspection->work);
	}
	MemoryContextSwitchTo(caller);
	tsdb_segstore_endscan(scan);
}

static void
show_segment(Inspection *inspection, const TsdbSegment *segment)
{
	enum
	{
		COL_SERIES,
		COL_SEGMENT,
		COL_FROM,
		COL_UNTIL,
		COL_SAMPLES,
		COL_BLOCKS,
		COL_GROUPS,
		COL_BYTES,
		COL_DEAD_BYTES,
		COL_BLOCK_INTERVAL,
		COL_MERGED,
		NCOLS
	};
	Datum values[NCOLS];
	bool nulls[NCOLS] = {false};
	int64 nblocks = 0;

	for (uint32 g = 0; g < segment->ngroups; g++)
		nblocks += segment->groups[g].nblocks;
	values[COL_SERIES] = Int32GetDatum((int32) segment->series);
	values[COL_SEGMENT] = Int32GetDatum(segment->segment_no);
	values[COL_FROM] = TimestampTzGetDatum(segment->from_us);
	values[COL_UNTIL] = TimestampTzGetDatum(segment->until_us);
	values[COL_SAMPLES] = Int64GetDatum((int64) segment->nrows);
	values[COL_BLOCKS] = Int64GetDatum(nblocks);
	values[COL_GROUPS] = Int32GetDatum((int32) segment->ngroups);
	values[COL_BYTES] = Int64GetDatum((int64) segment->stream_bytes);
	values[COL_DEAD_BYTES] = Int64GetDatum((int64) segment->dead_bytes);
	values[COL_BLOCK_INTERVAL] = interval_of(segment->block_us);
	values[COL_MERGED] = Int64GetDatum((int64) segment->merged_seq);
	put_row(inspection, values, nulls);
}

static void
show_blocks(Inspection *inspection, const TsdbSegment *segment)
{
	for (uint32 g = 0; g < segment->ngroups; g++)
	{
		TsdbGroupBase base;
		TsdbGroupColumn *columns = palloc0_array(TsdbGroupColumn, segment->ncolumns + 1);

		tsdb_segstore_group(inspection->store, inspection->rel, inspection->snapshot, segment, g, &base);
		for (int c = 0; c < segment->ncolumns; c++)
			(void) tsdb_segstore_groupcolumn(inspection->store, inspection->rel, inspection->snapshot, segment,
											 &base, c, &columns[c]);
		for (uint32 b = 0; b < base.nblocks; b++)
		{
			uint64 nbytes = base.blocks[b].times.nbytes;

			for (int c = 0; c < segment->ncolumns; c++)
				nbytes += columns[c].cells != NULL ? columns[c].cells[b].nbytes : 0;
			show_block(inspection, segment, &base.blocks[b], nbytes);
		}
	}
}

static void
show_block(Inspection *inspection, const TsdbSegment *segment, const TsdbBlock *block, uint64 nbytes)
{
	enum
	{
		COL_SERIES,
		COL_BLOCK,
		COL_FROM,
		COL_UNTIL,
		COL_FIRST,
		COL_LAST,
		COL_SAMPLES,
		COL_BYTES,
		COL_TIME_BYTES,
		NCOLS
	};
	Datum values[NCOLS];
	bool nulls[NCOLS] = {false};

	values[COL_SERIES] = Int32GetDatum((int32) segment->series);
	values[COL_BLOCK] = Int64GetDatum(block->block_id);
	values[COL_FROM] = TimestampTzGetDatum(block->from_us);
	values[COL_UNTIL] = TimestampTzGetDatum(block->until_us);
	values[COL_FIRST] = TimestampTzGetDatum(block->first_time);
	values[COL_LAST] = TimestampTzGetDatum(block->last_time);
	values[COL_SAMPLES] = Int32GetDatum((int32) block->nrows);
	values[COL_BYTES] = Int64GetDatum((int64) nbytes);
	values[COL_TIME_BYTES] = Int64GetDatum(block->times.nbytes);
	put_row(inspection, values, nulls);
}

static void
show_block_columns(Inspection *inspection, const TsdbSegment *segment)
{
	for (uint32 g = 0; g < segment->ngroups; g++)
	{
		TsdbGroupBase base;

		tsdb_segstore_group(inspection->store, inspection->rel, inspection->snapshot, segment, g, &base);
		for (int c = 0; c < segment->ncolumns; c++)
			show_group_column(inspection, segment, g, &base, c);
	}
}

static void
show_group_column(Inspection *inspection, const TsdbSegment *segment, uint32 group_no,
				  const TsdbGroupBase *base, int column_no)
{
	const TsdbSegmentColumn *column = &segment->columns[column_no];
	const TsdbSummary *next;
	TsdbGroupColumn directory;

	if (!tsdb_segstore_groupcolumn(inspection->store, inspection->rel, inspection->snapshot, segment, base,
								   column_no, &directory))
		return;
	next = column_summaries(inspection, segment, group_no, column, &directory);
	for (uint32 b = 0; b < base->nblocks; b++)
		if (directory.cells[b].nbytes > 0)
			show_column(inspection, segment, &base->blocks[b], column, directory.cells[b], next++);
}

static void
show_column(Inspection *inspection, const TsdbSegment *segment, const TsdbBlock *block,
			const TsdbSegmentColumn *column, TsdbChunkRef cells, const TsdbSummary *summary)
{
	enum
	{
		COL_SERIES,
		COL_BLOCK,
		COL_COLUMN,
		COL_CODEC,
		COL_BYTES,
		COL_SAMPLES,
		COL_VALUES,
		COL_GOOD,
		COL_UNCERTAIN,
		COL_BAD,
		COL_MIN,
		COL_MAX,
		COL_FIRST,
		COL_LAST,
		COL_TRANSITIONS,
		NCOLS
	};
	Datum values[NCOLS];
	bool nulls[NCOLS] = {false};
	char *name = get_attname(RelationGetRelid(inspection->rel), column->attnum, true);
	bool is_empty = summary->nvalues == 0;

	if (name == NULL)
		return; /* dropped since */
	values[COL_SERIES] = Int32GetDatum((int32) segment->series);
	values[COL_BLOCK] = Int64GetDatum(block->block_id);
	values[COL_COLUMN] = CStringGetTextDatum(name);
	values[COL_CODEC] = CStringGetTextDatum(codec_name(inspection, segment, cells, column->type));
	values[COL_BYTES] = Int64GetDatum(cells.nbytes);
	values[COL_SAMPLES] = Int64GetDatum((int64) summary->nrows);
	values[COL_VALUES] = Int64GetDatum((int64) summary->nvalues);
	values[COL_GOOD] = Int64GetDatum((int64) summary->ngood);
	values[COL_UNCERTAIN] = Int64GetDatum((int64) summary->nuncertain);
	values[COL_BAD] = Int64GetDatum((int64) summary->nbad);
	nulls[COL_MIN] = nulls[COL_MAX] = nulls[COL_FIRST] = nulls[COL_LAST] = is_empty;
	values[COL_MIN] = float_of(column->type, summary->min, &nulls[COL_MIN]);
	values[COL_MAX] = float_of(column->type, summary->max, &nulls[COL_MAX]);
	values[COL_FIRST] = float_of(column->type, summary->first, &nulls[COL_FIRST]);
	values[COL_LAST] = float_of(column->type, summary->last, &nulls[COL_LAST]);
	values[COL_TRANSITIONS] = Int64GetDatum((int64) summary->transitions);
	put_row(inspection, values, nulls);
}

/* Summaries of the blocks that store the column; of a group's only block they are in the root. */
static const TsdbSummary *
column_summaries(Inspection *inspection, const TsdbSegment *segment, uint32 group_no,
				 const TsdbSegmentColumn *column, const TsdbGroupColumn *directory)
{
	TsdbMem mem = tsdb_mem_context(CurrentMemoryContext);
	bool in_root = directory->nsummaries == 0;
	uint32 n = in_root ? tsdb_segment_nsummaries(segment) : directory->nsummaries;
	TsdbSummary *summaries = palloc_array(TsdbSummary, n);

	TSDB_CHECK(tsdb_summaries_decode(in_root ? column->summaries : directory->summaries, column->type, summaries, n,
									 in_root ? segment->from_us : segment->groups[group_no].from_us,
									 TSDB_SUMMARY_ALL, &mem),
			   inspection->rel, "Summaries of series %u, segment %d, do not decode.", segment->series, segment->segment_no);
	return in_root && segment->ngroups > 1 ? &summaries[group_no + 1] : summaries;
}

static void
show_run(Inspection *inspection, const TsdbRun *run, uint64 barrier)
{
	enum
	{
		COL_RUN,
		COL_TIER,
		COL_FROM,
		COL_UNTIL,
		COL_SAMPLES,
		COL_CHUNKS,
		COL_BYTES,
		COL_MIN_SEQUENCE,
		COL_MAX_SEQUENCE,
		COL_BLOCKED,
		NCOLS
	};
	Datum values[NCOLS];
	bool nulls[NCOLS] = {false};

	values[COL_RUN] = Int64GetDatum((int64) run->run_no);
	values[COL_TIER] = Int32GetDatum(run->tier);
	values[COL_FROM] = TimestampTzGetDatum(run->min_time);
	values[COL_UNTIL] = TimestampTzGetDatum(run->max_time);
	nulls[COL_FROM] = nulls[COL_UNTIL] = run->nrows == 0;
	values[COL_SAMPLES] = Int64GetDatum((int64) run->nrows);
	values[COL_CHUNKS] = Int32GetDatum((int32) run->nchunks);
	values[COL_BYTES] = Int64GetDatum((int64) run->payload_bytes);
	values[COL_MIN_SEQUENCE] = Int64GetDatum((int64) run->min_seq);
	values[COL_MAX_SEQUENCE] = Int64GetDatum((int64) run->max_seq);
	values[COL_BLOCKED] = BoolGetDatum(run->max_seq >= barrier);
	put_row(inspection, values, nulls);
}

/* What a compaction would not touch now; unlike it we do not wait for flushes. */
static uint64
find_barrier(Inspection *inspection)
{
	Barrier barrier = {inspection->rel, PG_UINT64_MAX};

	tsdb_store_barrier_scan(inspection->store, inspection->snapshot, lower_barrier, &barrier);
	return barrier.sequence;
}

static void
lower_barrier(const TsdbStoreRow *row, void *arg)
{
	Barrier *barrier = arg;
	TsdbStoredRun stored;

	tsdb_runstore_decode_row(barrier->rel, row, &stored);
	barrier->sequence = Min(barrier->sequence, Min(stored.run.run_no, Min(stored.run.min_seq, stored.run.barrier_seq)));
}

static Datum
interval_of(int64 span_us)
{
	Interval *interval = palloc0(sizeof(Interval));

	interval->day = (int32) (span_us / USECS_PER_DAY);
	interval->time = span_us % USECS_PER_DAY;
	return IntervalPGetDatum(interval);
}

/* A word of a numeric column for people to look at; others are NULL. */
static Datum
float_of(TsdbType type, uint64 word, bool *isnull)
{
	uint32 bits = (uint32) word;
	float4 single;
	float8 number;

	switch (type)
	{
		case TSDB_TYPE_FLOAT8:
			memcpy(&number, &word, sizeof(number));
			break;
		case TSDB_TYPE_FLOAT4:
			memcpy(&single, &bits, sizeof(single));
			number = single;
			break;
		case TSDB_TYPE_TEXT:
		case TSDB_TYPE_DATE:
		case TSDB_TYPE_TIMESTAMPTZ:
			*isnull = true;
			number = 0;
			break;
		default:
			number = (float8) (int64) word;
			break;
	}
	return Float8GetDatum(number);
}

/* Name of the outermost codec of a block's values. */
static const char *
codec_name(Inspection *inspection, const TsdbSegment *segment, TsdbChunkRef cells, TsdbType type)
{
	static const char *const names[] = {"raw", "const", "dec", "bits", "dict", "rle", "int", "lz4"};
	TsdbSpan bytes = tsdb_segstore_chunk(inspection->store, inspection->rel, inspection->snapshot, segment, cells);
	TsdbSpan values;
	TsdbCodec codec;

	if (!tsdb_cells_values(bytes, &values) || tsdb_span_left(&values) == 0)
		return "null";
	if (type == TSDB_TYPE_TEXT)
		return "text";
	codec = tsdb_column_codec(values);
	return codec < lengthof(names) ? names[codec] : "unknown";
}

static Relation
open_owned(Oid relid)
{
	Relation rel = tsdb_table_open(relid, AccessShareLock, 0);

	if (!tsdb_compat_is_owner(relid, GetUserId()))
		aclcheck_error(ACLCHECK_NOT_OWNER, get_relkind_objtype(rel->rd_rel->relkind), RelationGetRelationName(rel));
	if (RELATION_IS_OTHER_TEMP(rel))
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("cannot access temporary tables of other sessions")));
	return rel;
}

static void
put_finding(const char *object, const char *problem, void *arg)
{
	Inspection *inspection = arg;
	bool nulls[2] = {false};
	Datum values[2];

	values[0] = CStringGetTextDatum(object);
	values[1] = CStringGetTextDatum(problem);
	put_row(inspection, values, nulls);
}
