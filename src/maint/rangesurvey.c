/*-------------------------------------------------------------------------
 *
 * rangesurvey.c
 *	  Does it pay to take a range out as a whole?
 *
 * What it costs: segments are written anew, blocks across an edge coded anew, and no compaction can begin before the
 * transaction ends.  So few rows are deleted one by one.
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "format/grid.h"
#include "maint/rangesegments.h"
#include "maint/rangesurvey.h"
#include "series/tsdbtable.h"
#include "store/metapage.h"
#include "store/runstore.h"
#include "utils/memutils.h"

#define MIN_ROWS 2048
#define MIN_ROWS_OF_SEGMENT 512

static bool has_many_segment_rows(TsdbStore *store, Relation rel, Snapshot snapshot, const TsdbRangeDelete *request);
static double rows_in(const TsdbRangeDelete *request, const TsdbSegmentGroup *group);
static bool is_whole_block_in(const TsdbRangeDelete *request, const TsdbSegmentGroup *group, int64 block_us);
static bool has_many_run_rows(TsdbStore *store, Relation rel, Snapshot snapshot, const TsdbRangeDelete *request);

bool
tsdb_rangesurvey_is_large(Relation rel, const TsdbRangeDelete *request, Snapshot snapshot)
{
	int64 span_us;
	MemoryContext work;
	MemoryContext caller;
	TsdbStore *store;
	bool is_large = false;

	/* A few samples: nothing needs to be looked up. */
	if (!__builtin_sub_overflow(request->until_us, request->from_us, &span_us) && span_us / tsdb_table_get(rel)->sample_us <= 1)
		return false;
	if (tsdb_metapage_segment_us(rel) == 0)
		return false;
	work = AllocSetContextCreate(CurrentMemoryContext, "tsdb range survey", ALLOCSET_DEFAULT_SIZES);
	caller = MemoryContextSwitchTo(work);
	store = tsdb_store_open(rel, AccessShareLock, false);
	if (store != NULL)
	{
		is_large = has_many_segment_rows(store, rel, snapshot, request) || has_many_run_rows(store, rel, snapshot, request);
		tsdb_store_close(store);
	}
	MemoryContextSwitchTo(caller);
	MemoryContextDelete(work);
	return is_large;
}

uint64
tsdb_rangesurvey_run_rows(const TsdbRangeDelete *request, const TsdbRun *run)
{
	uint64 nrows = 0;

	if (run->min_time >= request->until_us || run->max_time < request->from_us)
		return 0;
	for (uint32 c = 0; c < run->nchunks; c++)
		if (request->series == NULL || (run->chunks[c].last.series >= request->series[0] &&
										run->chunks[c].first.series <= request->series[request->nseries - 1]))
			nrows += run->chunks[c].nrows;
	return nrows;
}

// private functions

/* A block that goes as a whole is worth it; so are many rows of blocks that are cut, as to code them anew costs less. */
static bool
has_many_segment_rows(TsdbStore *store, Relation rel, Snapshot snapshot, const TsdbRangeDelete *request)
{
	TsdbRangeSegments *segments = tsdb_rangesegments_begin(store, rel, snapshot, request);
	MemoryContext work = AllocSetContextCreate(CurrentMemoryContext, "tsdb surveyed segment", ALLOCSET_DEFAULT_SIZES);
	MemoryContext caller = MemoryContextSwitchTo(work);
	TsdbStoredSegment stored;
	double nrows = 0;
	double nsegments = 0;
	bool found = false;

	while (!found && tsdb_rangesegments_next(segments, &stored))
	{
		nsegments++;
		for (uint32 g = 0; g < stored.segment.ngroups && !found; g++)
		{
			nrows += rows_in(request, &stored.segment.groups[g]);
			found = is_whole_block_in(request, &stored.segment.groups[g], stored.segment.block_us);
		}
		MemoryContextReset(work);
	}
	MemoryContextSwitchTo(caller);
	tsdb_rangesegments_end(segments);
	return found || (nrows >= MIN_ROWS && nrows >= MIN_ROWS_OF_SEGMENT * nsegments);
}

/* As if they were spread evenly. */
static double
rows_in(const TsdbRangeDelete *request, const TsdbSegmentGroup *group)
{
	int64 from_us = Max(group->from_us, request->from_us);
	int64 until_us = Min(group->until_us, request->until_us);

	if (from_us >= until_us)
		return 0;
	return (double) group->nrows * ((double) until_us - (double) from_us) / ((double) group->until_us - (double) group->from_us);
}

/* Blocks are aligned: the first one that begins in the range has to end there, too. */
static bool
is_whole_block_in(const TsdbRangeDelete *request, const TsdbSegmentGroup *group, int64 block_us)
{
	int64 from_us = Max(group->from_us, request->from_us);
	int64 until_us = Min(group->until_us, request->until_us);
	int64 block_from_us;

	if (from_us >= until_us || block_us <= 0 || !tsdb_grid_floor(from_us, block_us, &block_from_us))
		return false;
	return block_from_us == from_us ? until_us - from_us >= block_us : until_us - block_from_us >= 2 * block_us;
}

static bool
has_many_run_rows(TsdbStore *store, Relation rel, Snapshot snapshot, const TsdbRangeDelete *request)
{
	uint32 nruns;
	TsdbStoredRun *runs = tsdb_runstore_list(store, rel, snapshot, &nruns);
	uint64 nrows = 0;

	for (uint32 i = 0; i < nruns && nrows <= TSDB_RANGESURVEY_MANY_ROWS; i++)
		nrows += tsdb_rangesurvey_run_rows(request, &runs[i].run);
	return nrows > TSDB_RANGESURVEY_MANY_ROWS;
}
