/*-------------------------------------------------------------------------
 *
 * aggregate_back.c
 *	  Pieces of one series, newest first: for last values.
 *
 * Segments are looked at from the last one on.  Where a summary does not serve, a few windows are
 * read backward; when they don't end the search, the rest of the segment is walked over forward as usual, which
 * uses the summaries below.
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "format/grid.h"
#include "miscadmin.h"
#include "read/aggregate_private.h"
#include "utils/memutils.h"

#define MAX_WINDOWS 2 /* of a segment, read backward */

static bool next_piece(TsdbAggregateWalk *walk, TsdbAggregatePiece *piece);
static bool find_segment(TsdbAggregateWalk *walk);
static void position_scan(TsdbAggregateWalk *walk);
static bool step_segment(TsdbAggregateWalk *walk, TsdbAggregatePiece *piece, bool *found);
static void read_back(TsdbAggregateWalk *walk, int64 from_us);
static void begin_windows(TsdbAggregateWalk *walk, int64 from_us, int32 nwindows);
static bool next_window(TsdbAggregateWalk *walk, TsdbAggregatePiece *piece);
static void walk_forward(TsdbAggregateWalk *walk, int64 from_us, int64 until_us);
static bool next_forward(TsdbAggregateWalk *walk, TsdbAggregatePiece *piece);

void
tsdb_aggregate_back_begin(TsdbAggregateWalk *walk, uint32 series)
{
	TsdbAggregateBack *back = &walk->back;

	walk->has_segment = false;
	walk->is_reading = false;
	walk->is_merging = false;
	back->is_positioned = false;
	back->is_forward = false;
	back->nwindows = 0;
	walk->pos.series = series;
	walk->pos.time = walk->until;
	walk->stop.series = series;
	walk->stop.time = walk->until;
}

bool
tsdb_aggregate_back_next(TsdbAggregateWalk *walk, TsdbAggregatePiece *piece)
{
	MemoryContext old = MemoryContextSwitchTo(walk->aggregator->context);
	bool found;

	piece->is_forward = false;
	found = next_piece(walk, piece);
	MemoryContextSwitchTo(old);
	return found;
}

// private functions

static bool
next_piece(TsdbAggregateWalk *walk, TsdbAggregatePiece *piece)
{
	const TsdbSegment *segment = &walk->stored.segment;

	for (;;)
	{
		bool found;

		CHECK_FOR_INTERRUPTS();
		if (walk->back.is_forward)
		{
			if (next_forward(walk, piece))
				return true;
			continue;
		}
		if (walk->is_reading)
		{
			if (next_window(walk, piece))
				return true;
			continue;
		}
		if (walk->pos.time <= walk->from)
			return false;
		if (!find_segment(walk))
			read_back(walk, walk->from);
		else if (segment->until_us < walk->pos.time)
			read_back(walk, segment->until_us);
		else if (step_segment(walk, piece, &found) && found)
			return true;
	}
}

/* Load the last segment of the series that begins before pos; false when there is none. */
static bool
find_segment(TsdbAggregateWalk *walk)
{
	MemoryContext old;

	if (walk->has_segment && walk->stored.segment.from_us < walk->pos.time)
		return true;
	if (walk->store == NULL || walk->pos.series > TSDB_STORE_MAX_ID || (walk->back.is_positioned && !walk->has_segment))
		return false;
	if (!walk->back.is_positioned)
		position_scan(walk);
	walk->has_segment = false;
	walk->has_root = walk->has_summaries = walk->has_group = walk->has_decoded = false;
	MemoryContextReset(walk->segment_context);
	old = MemoryContextSwitchTo(walk->segment_context);
	walk->has_segment = tsdb_segstore_getnext_pinned(walk->scan, &walk->stored);
	walk->is_merged_known = false;
	MemoryContextSwitchTo(old);
	return walk->has_segment;
}

static void
position_scan(TsdbAggregateWalk *walk)
{
	uint32 series = walk->pos.series;
	int32 segment_no;
	int64 from_us;

	if (!tsdb_grid_segment(walk->pos.time - 1, walk->segment_us, &segment_no, &from_us))
		segment_no = walk->pos.time < 0 ? PG_INT32_MIN : PG_INT32_MAX;
	if (walk->scan != NULL)
		tsdb_segstore_rescan(walk->scan, series, PG_INT32_MIN, series, segment_no);
	else
	{
		MemoryContext old = MemoryContextSwitchTo(walk->scan_context);

		walk->scan = tsdb_segstore_beginscan(walk->store, walk->rel, walk->snapshot, series, PG_INT32_MIN,
											 series, segment_no, true);
		MemoryContextSwitchTo(old);
	}
	walk->back.is_positioned = true;
}

/* The segment that pos is the end of, or lies in: its summary, or begin to read it. */
static bool
step_segment(TsdbAggregateWalk *walk, TsdbAggregatePiece *piece, bool *found)
{
	const TsdbSegment *segment = &walk->stored.segment;
	TsdbAggregateStretch stretch = {0};
	TsdbAggregateAnswer answer = ANSWER_TOUCHED;

	*found = false;
	if (segment->nrows > 0)
	{
		tsdb_aggregate_level_root(walk);
		tsdb_aggregate_level_summaries(walk);
		stretch.from_us = segment->from_us;
		stretch.until_us = segment->until_us;
		stretch.nrows = segment->nrows;
		answer = tsdb_aggregate_level_ask(walk, &walk->root, &stretch, piece);
	}
	if (answer == ANSWER_PIECE || answer == ANSWER_NOTHING)
	{
		walk->pos.time = segment->from_us;
		*found = answer == ANSWER_PIECE;
		walk->aggregator->counters.segments_summarised += *found;
		walk->aggregator->counters.blocks_skipped += !*found;
		return true;
	}
	begin_windows(walk, Max(segment->from_us, walk->from), 0);
	return false;
}

/* Go back over a stretch without a segment; read it if a version lies there. */
static void
read_back(TsdbAggregateWalk *walk, int64 from_us)
{
	from_us = Max(from_us, walk->from);
	if (!tsdb_aggregate_touched(walk, from_us, walk->pos.time))
	{
		walk->pos.time = from_us;
		return;
	}
	/* No summaries there: read on. */
	begin_windows(walk, from_us, PG_INT32_MIN);
}

static void
begin_windows(TsdbAggregateWalk *walk, int64 from_us, int32 nwindows)
{
	TsdbKey from = {walk->pos.series, from_us};

	tsdb_reader_set_range(walk->aggregator->reader, from, walk->pos);
	walk->is_reading = true;
	walk->back.nwindows = nwindows;
	walk->back.from_us = from_us;
}

static bool
next_window(TsdbAggregateWalk *walk, TsdbAggregatePiece *piece)
{
	TsdbAggregateBack *back = &walk->back;
	const TsdbBatch *batch;

	if (back->nwindows == MAX_WINDOWS)
	{
		walk_forward(walk, back->from_us, walk->pos.time);
		return false;
	}
	batch = tsdb_reader_next(walk->aggregator->reader, BackwardScanDirection);
	if (batch == NULL)
	{
		walk->is_reading = false;
		walk->is_merging = false;
		walk->pos.time = back->from_us;
		return false;
	}
	back->nwindows++;
	walk->pos.time = batch->times[0];
	piece->series = walk->pos.series;
	piece->summaries = NULL;
	piece->strip = NULL;
	piece->batch = batch;
	piece->row = 0;
	piece->until = batch->nrows;
	return true;
}

/* Walk over what is left of the segment, oldest first. */
static void
walk_forward(TsdbAggregateWalk *walk, int64 from_us, int64 until_us)
{
	TsdbAggregateBack *back = &walk->back;

	back->is_forward = true;
	back->saved_from = walk->from;
	back->saved_until = walk->until;
	back->saved_series = walk->series;
	back->saved_nseries = walk->nseries;
	back->series = walk->pos.series;
	walk->from = from_us;
	walk->until = until_us;
	walk->series = &back->series;
	walk->nseries = 1;
	walk->pos.time = from_us;
	walk->is_reading = false;
	walk->is_merging = false;
	walk->depth = DEPTH_SEGMENTS;
}

static bool
next_forward(TsdbAggregateWalk *walk, TsdbAggregatePiece *piece)
{
	TsdbAggregateBack *back = &walk->back;

	if (tsdb_aggregate_walk_next(walk, piece))
	{
		piece->is_forward = true;
		return true;
	}
	walk->pos.series = back->series;
	walk->pos.time = walk->from;
	walk->from = back->saved_from;
	walk->until = back->saved_until;
	walk->series = back->saved_series;
	walk->nseries = back->saved_nseries;
	walk->stop.series = back->series;
	walk->stop.time = walk->until;
	back->is_forward = false;
	walk->is_reading = false;
	walk->is_merging = false;
	return false;
}
