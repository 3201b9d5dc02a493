/*-------------------------------------------------------------------------
 *
 * extent.c
 *	  Between which times series have rows.
 *
 * The number of a segment says where it lies; its root is only looked at when that could move an end.
 */
#include "postgres.h"

#include "format/grid.h"
#include "miscadmin.h"
#include "pg/check.h"
#include "read/extent.h"
#include "store/segstore.h"
#include "utils/memutils.h"

static void add_segment(TsdbExtent *extent, Relation rel, TsdbStore *store, Snapshot snapshot, int64 segment_us,
						uint32 series, bool is_last, bool is_exact);
static bool find_end(TsdbStore *store, Snapshot snapshot, uint32 series, bool is_last, int32 *segment_no);
static void add_rows(TsdbExtent *extent, Relation rel, const TsdbSegment *segment);

void
tsdb_extent_add_segments(TsdbExtent *extent, Relation rel, TsdbStore *store, Snapshot snapshot, int64 segment_us,
						 const uint32 *series, uint32 nseries, ScanDirection near)
{
	MemoryContext work = AllocSetContextCreate(CurrentMemoryContext, "tsdb extent", ALLOCSET_DEFAULT_SIZES);
	MemoryContext caller = MemoryContextSwitchTo(work);

	for (uint32 i = 0; i < nseries; i++)
	{
		CHECK_FOR_INTERRUPTS();
		add_segment(extent, rel, store, snapshot, segment_us, series[i], false, !ScanDirectionIsBackward(near));
		add_segment(extent, rel, store, snapshot, segment_us, series[i], true, ScanDirectionIsBackward(near));
		MemoryContextReset(work);
	}
	MemoryContextSwitchTo(caller);
	MemoryContextDelete(work);
}

// private functions

/* Add the first or the last segment of a series, or just its rows. */
static void
add_segment(TsdbExtent *extent, Relation rel, TsdbStore *store, Snapshot snapshot, int64 segment_us,
			uint32 series, bool is_last, bool is_exact)
{
	TsdbStoredSegment stored;
	int64 from_us;
	int32 segment_no;

	if (!find_end(store, snapshot, series, is_last, &segment_no))
		return;
	from_us = tsdb_grid_segment_start(segment_no, segment_us);
	if (is_last ? from_us + segment_us <= extent->until : extent->from <= from_us)
		return;
	if (!is_exact && is_last)
		extent->until = from_us + segment_us;
	else if (!is_exact)
		extent->from = from_us;
	else if (tsdb_segstore_find(store, rel, snapshot, series, segment_no, &stored))
		add_rows(extent, rel, &stored.segment);
}

static bool
find_end(TsdbStore *store, Snapshot snapshot, uint32 series, bool is_last, int32 *segment_no)
{
	TsdbStoreScan *scan = tsdb_store_beginscan(store, snapshot, TSDB_KIND_SEGMENT, series, PG_INT32_MIN, series, PG_INT32_MAX,
											   is_last);
	TsdbStoreRow row;
	bool found = tsdb_store_getnext(scan, &row);

	if (found)
		*segment_no = row.seq;
	tsdb_store_endscan(scan);
	return found;
}

/* By the summary of any column; a table of times and tags alone has none. */
static void
add_rows(TsdbExtent *extent, Relation rel, const TsdbSegment *segment)
{
	TsdbMem mem = tsdb_mem_context(CurrentMemoryContext);
	uint32 n = tsdb_segment_nsummaries(segment);
	TsdbSummary *summaries;

	if (segment->nrows == 0)
		return;
	for (int i = 0; i < segment->ncolumns; i++)
	{
		const TsdbSegmentColumn *column = &segment->columns[i];

		summaries = palloc(sizeof(TsdbSummary) * n);
		TSDB_CHECK(tsdb_summaries_decode(column->summaries, (TsdbType) column->type, summaries, n, segment->from_us,
										 TSDB_SUMMARY_COUNTS, &mem),
				   rel, "The summaries of column %d of series %u, segment %d, do not decode.",
				   column->attnum, segment->series, segment->segment_no);
		if (summaries[0].nrows == segment->nrows)
		{
			tsdb_extent_add(extent, summaries[0].first_row_time, summaries[0].last_row_time + 1);
			return;
		}
	}
	tsdb_extent_add(extent, segment->groups[0].from_us, segment->groups[segment->ngroups - 1].until_us);
}
