/*-------------------------------------------------------------------------
 *
 * sql_clone.c
 *	  Copies of the segments of a series under other series, for benches: years of a fleet in seconds.
 *
 * Block ids are not made anew, so a TID of a clone may stand for a row of another: clones are for reading.
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/table.h"
#include "access/xact.h"
#include "catalog/pg_type.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "series/series.h"
#include "store/segstore.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"

typedef struct ClonedChunk
{
	TsdbChunkRef ref; /* in the source's stream */
	TsdbSpan bytes;
} ClonedChunk;

typedef struct ClonedSegment
{
	TsdbSegment segment;
	uint32 nchunks;
	ClonedChunk *chunks; /* in order of the stream */
} ClonedSegment;

typedef struct Cloning
{
	Relation rel;
	const TsdbTable *table;
	TsdbStore *store;
	Snapshot snapshot;
	uint32 nsegments;
	ClonedSegment *segments;
} Cloning;

static uint32 series_of(Cloning *cloning, int32 tag);
static void load_segments(Cloning *cloning, uint32 series);
static void load_chunks(Cloning *cloning, ClonedSegment *cloned);
static void add_chunk(Cloning *cloning, ClonedSegment *cloned, TsdbChunkRef ref);
static int compare_chunks(const void *a, const void *b);
static void write_clone(Cloning *cloning, const ClonedSegment *cloned, uint32 series);

PG_FUNCTION_INFO_V1(tsdb_test_clone_series);

/*
 * tsdb_test.clone_series(target regclass, source int4, first int4, last int4) - copies of series `source` as first .. last.
 *
 * The table has one tag, an int4.  The source has to be compacted and rewritten, the others must have no segment.
 * Returns the segments written.
 */
Datum
tsdb_test_clone_series(PG_FUNCTION_ARGS)
{
	Cloning cloning = {0};
	int64 nwritten = 0;

	cloning.rel = tsdb_table_open(PG_GETARG_OID(0), RowExclusiveLock, ACL_INSERT);
	cloning.table = tsdb_table_copy(cloning.rel);
	if (cloning.table->ntags != 1 ||
		TupleDescAttr(RelationGetDescr(cloning.rel), cloning.table->tag_attnums[0] - 1)->atttypid != INT4OID)
		ereport(ERROR, (errcode(ERRCODE_FEATURE_NOT_SUPPORTED), errmsg("a table with one tag of type integer is needed")));
	cloning.store = tsdb_store_open(cloning.rel, RowExclusiveLock, true);
	cloning.snapshot = GetActiveSnapshot();
	load_segments(&cloning, series_of(&cloning, PG_GETARG_INT32(1)));

	for (int32 tag = PG_GETARG_INT32(2); tag <= PG_GETARG_INT32(3); tag++)
	{
		uint32 series = series_of(&cloning, tag);

		for (uint32 i = 0; i < cloning.nsegments; i++)
			write_clone(&cloning, &cloning.segments[i], series);
		nwritten += cloning.nsegments;
	}
	tsdb_store_close(cloning.store);
	table_close(cloning.rel, NoLock);
	PG_RETURN_INT64(nwritten);
}

// private functions

static uint32
series_of(Cloning *cloning, int32 tag)
{
	int natts = RelationGetNumberOfAttributes(cloning->rel);
	int tag_index = cloning->table->tag_attnums[0] - 1;
	Datum *values = palloc0_array(Datum, natts);
	bool *isnull = palloc_array(bool, natts);

	memset(isnull, true, natts);
	values[tag_index] = Int32GetDatum(tag);
	isnull[tag_index] = false;
	return tsdb_series_get_or_create(cloning->rel, cloning->table, values, isnull);
}

static void
load_segments(Cloning *cloning, uint32 series)
{
	TsdbSegmentScan *scan = tsdb_segstore_beginscan(cloning->store, cloning->rel, cloning->snapshot,
													series, PG_INT32_MIN, series, PG_INT32_MAX, false);
	TsdbStoredSegment stored;
	uint32 capacity = 128;

	cloning->segments = palloc_array(ClonedSegment, capacity);
	while (tsdb_segstore_getnext(scan, &stored))
	{
		CHECK_FOR_INTERRUPTS();
		if (cloning->nsegments == capacity)
		{
			capacity *= 2;
			cloning->segments = repalloc_array(cloning->segments, ClonedSegment, capacity);
		}
		cloning->segments[cloning->nsegments].segment = stored.segment;
		load_chunks(cloning, &cloning->segments[cloning->nsegments++]);
	}
	tsdb_segstore_endscan(scan);
}

static void
load_chunks(Cloning *cloning, ClonedSegment *cloned)
{
	const TsdbSegment *segment = &cloned->segment;

	cloned->nchunks = 0;
	cloned->chunks = NULL;
	for (uint32 g = 0; g < segment->ngroups; g++)
	{
		TsdbGroupBase base;

		add_chunk(cloning, cloned, segment->groups[g].base);
		tsdb_segstore_group(cloning->store, cloning->rel, cloning->snapshot, segment, g, &base);
		for (uint32 b = 0; b < base.nblocks; b++)
			add_chunk(cloning, cloned, base.blocks[b].times);
		for (int c = 0; c < base.ncolumns; c++)
		{
			TsdbGroupColumn column;

			if (!tsdb_segstore_groupcolumn(cloning->store, cloning->rel, cloning->snapshot, segment, &base, c, &column))
				continue;
			add_chunk(cloning, cloned, base.columns[c]);
			for (int k = 0; k < TSDB_SUB_KINDS; k++)
				add_chunk(cloning, cloned, column.subs[k].ref);
			for (uint32 b = 0; b < base.nblocks; b++)
				add_chunk(cloning, cloned, column.cells[b]);
		}
	}
	qsort(cloned->chunks, cloned->nchunks, sizeof(ClonedChunk), compare_chunks);
}

static void
add_chunk(Cloning *cloning, ClonedSegment *cloned, TsdbChunkRef ref)
{
	if (ref.nbytes == 0)
		return;
	if (cloned->chunks == NULL)
		cloned->chunks = palloc_array(ClonedChunk, 64);
	else if (cloned->nchunks >= 64 && (cloned->nchunks & (cloned->nchunks - 1)) == 0)
		cloned->chunks = repalloc_array(cloned->chunks, ClonedChunk, cloned->nchunks * 2);
	cloned->chunks[cloned->nchunks].ref = ref;
	cloned->chunks[cloned->nchunks++].bytes =
		tsdb_segstore_chunk(cloning->store, cloning->rel, cloning->snapshot, &cloned->segment, ref);
}

static int
compare_chunks(const void *a, const void *b)
{
	uint64 offset_a = ((const ClonedChunk *) a)->ref.offset;
	uint64 offset_b = ((const ClonedChunk *) b)->ref.offset;

	return offset_a < offset_b ? -1 : offset_a > offset_b;
}

/* The references of the tree stay right because every chunk comes to lie where it lay. */
static void
write_clone(Cloning *cloning, const ClonedSegment *cloned, uint32 series)
{
	MemoryContext work = AllocSetContextCreate(CurrentMemoryContext, "tsdb clone", ALLOCSET_DEFAULT_SIZES);
	MemoryContext caller = MemoryContextSwitchTo(work);
	TsdbSegment segment = cloned->segment;
	TsdbSegmentWriter *writer = tsdb_segwriter_begin(cloning->store, cloning->rel, cloning->snapshot, NULL, true,
													 GetCurrentCommandId(true));

	CHECK_FOR_INTERRUPTS();
	for (uint32 i = 0; i < cloned->nchunks; i++)
	{
		const ClonedChunk *chunk = &cloned->chunks[i];
		TsdbChunkRef ref = tsdb_segwriter_append(writer, chunk->bytes.at, tsdb_span_left(&chunk->bytes));

		if (ref.offset != chunk->ref.offset || ref.nbytes != chunk->ref.nbytes)
			ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE), errmsg("the source series has dead bytes"),
							errhint("Run VACUUM FULL first.")));
	}
	segment.series = series;
	tsdb_segwriter_finish(writer, &segment);
	MemoryContextSwitchTo(caller);
	MemoryContextDelete(work);
}
