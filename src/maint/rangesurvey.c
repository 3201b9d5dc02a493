/*-------------------------------------------------------------------------
 *
 * rangesurvey.c
 *	  Does it pay to take a range out as a whole?
 *
 * What it costs: segments are written anew, blocks across an edge coded anew, and no compaction can begin before the
 * transaction ends.  So less than a block is deleted row by row.
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "maint/rangesegments.h"
#include "maint/rangesurvey.h"
#include "series/tsdbtable.h"
#include "store/metapage.h"
#include "store/runstore.h"
#include "utils/memutils.h"

static bool has_whole_block(TsdbStore *store, Relation rel, Snapshot snapshot, const TsdbRangeDelete *request);
static bool is_whole_block_in(const TsdbRangeDelete *request, const TsdbSegment *segment);
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
		is_large = has_whole_block(store, rel, snapshot, request) || has_many_run_rows(store, rel, snapshot, request);
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

static bool
has_whole_block(TsdbStore *store, Relation rel, Snapshot snapshot, const TsdbRangeDelete *request)
{
	TsdbRangeSegments *segments = tsdb_rangesegments_begin(store, rel, snapshot, request);
	MemoryContext work = AllocSetContextCreate(CurrentMemoryContext, "tsdb surveyed segment", ALLOCSET_DEFAULT_SIZES);
	MemoryContext caller = MemoryContextSwitchTo(work);
	TsdbStoredSegment stored;
	bool found = false;

	while (!found && tsdb_rangesegments_next(segments, &stored))
	{
		found = is_whole_block_in(request, &stored.segment);
		MemoryContextReset(work);
	}
	MemoryContextSwitchTo(caller);
	tsdb_rangesegments_end(segments);
	return found;
}

/* Groups have rows.  In one that is cut, blocks are aligned: a stretch of twice their span holds one as a whole. */
static bool
is_whole_block_in(const TsdbRangeDelete *request, const TsdbSegment *segment)
{
	for (uint32 g = 0; g < segment->ngroups; g++)
	{
		const TsdbSegmentGroup *group = &segment->groups[g];
		int64 from_us = Max(group->from_us, request->from_us);
		int64 until_us = Min(group->until_us, request->until_us);

		if (from_us < until_us &&
			((from_us == group->from_us && until_us == group->until_us) || (until_us - from_us) / 2 >= segment->block_us))
			return true;
	}
	return false;
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
