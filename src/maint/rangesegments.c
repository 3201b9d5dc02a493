/*-------------------------------------------------------------------------
 *
 * rangesegments.c
 *	  The segments that a range touches.
 *
 * One search of the index per series: of ten years of a thousand series most lie outside.
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "format/grid.h"
#include "maint/rangesegments.h"
#include "miscadmin.h"
#include "series/series.h"
#include "store/metapage.h"

struct TsdbRangeSegments
{
	const TsdbRangeDelete *request;
	TsdbSegmentScan *scan;
	uint32 *listed; /* all series, when a part of the time is asked for of all */
	const uint32 *series; /* to search; NULL: one search for all */
	uint32 nseries;
	uint32 at; /* of the search that is open + 1 */
	int32 first_no; /* segment numbers, both inclusive */
	int32 last_no;
};

static int32 segment_of(int64 time_us, int64 segment_us);

TsdbRangeSegments *
tsdb_rangesegments_begin(TsdbStore *store, Relation rel, Snapshot snapshot, const TsdbRangeDelete *request)
{
	TsdbRangeSegments *segments = palloc0(sizeof(TsdbRangeSegments));
	int64 segment_us = tsdb_metapage_segment_us(rel);

	segments->request = request;
	segments->series = request->series;
	segments->nseries = request->nseries;
	segments->first_no = segment_of(request->from_us, segment_us);
	segments->last_no = segment_of(request->until_us, segment_us);
	if (request->series == NULL && (segments->first_no != PG_INT32_MIN || segments->last_no != PG_INT32_MAX))
	{
		segments->listed = tsdb_series_list(rel, tsdb_table_get(rel), &segments->nseries);
		segments->series = segments->nseries > 0 ? segments->listed : NULL;
	}
	segments->scan = tsdb_segstore_beginscan(store, rel, snapshot, segments->series != NULL ? segments->series[0] : 0,
											 segments->first_no,
											 segments->series != NULL ? segments->series[0] : TSDB_STORE_MAX_ID,
											 segments->last_no, false);
	segments->at = 1;
	return segments;
}

bool
tsdb_rangesegments_next(TsdbRangeSegments *segments, TsdbStoredSegment *stored)
{
	const TsdbRangeDelete *request = segments->request;

	for (;;)
	{
		CHECK_FOR_INTERRUPTS();
		if (tsdb_segstore_getnext(segments->scan, stored))
		{
			if (stored->segment.nrows > 0 && stored->segment.from_us < request->until_us &&
				stored->segment.until_us > request->from_us)
				return true;
			continue;
		}
		if (segments->series == NULL || segments->at >= segments->nseries)
			return false;
		tsdb_segstore_rescan(segments->scan, segments->series[segments->at], segments->first_no,
							 segments->series[segments->at], segments->last_no);
		segments->at++;
	}
}

void
tsdb_rangesegments_end(TsdbRangeSegments *segments)
{
	tsdb_segstore_endscan(segments->scan);
	if (segments->listed != NULL)
		pfree(segments->listed);
	pfree(segments);
}

// private functions

/* The number of the segment around a time; the lowest or highest there is for those beyond. */
static int32
segment_of(int64 time_us, int64 segment_us)
{
	int32 segment_no;
	int64 from_us;

	if (time_us == PG_INT64_MIN || time_us == PG_INT64_MAX || !tsdb_grid_segment(time_us, segment_us, &segment_no, &from_us))
		return time_us < 0 ? PG_INT32_MIN : PG_INT32_MAX;
	return segment_no;
}
