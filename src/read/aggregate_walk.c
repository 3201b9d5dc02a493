/*-------------------------------------------------------------------------
 *
 * aggregate_walk.c
 *	  The tree of summaries in order of (series, time), as high as it serves.
 *
 * A stretch (segment, group, block, part of a block) is answered from its summary when
 *	 - no run and no pending row holds a version of a key in its span,
 *	 - its rows lie inside one cell and inside the restriction,
 *	 - the conditions let through all of its rows, and
 *	 - each asked column has a summary over all of them, with the qualities that count now.
 * When the conditions let through none it is passed over.  Else the walk goes one level down; what
 * remains is read from the reader, which merges.  So are the gaps between stretches, if a version lies there.
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "format/grid.h"
#include "miscadmin.h"
#include "pg/check.h"
#include "read/aggregate_private.h"
#include "read/keys.h"
#include "store/metapage.h"
#include "store/segstore.h"
#include "utils/memutils.h"

#define MAX_SKIPPED 2 /* segments that are read over before the scan is begun anew */

typedef enum Step
{
	STEP_PIECE,
	STEP_MORE,
	STEP_END
} Step;

static void *alloc_per_source(TsdbAggregateWalk *walk, Size nbytes);
static bool allow(TsdbAggregateWalk *walk);
static bool allow_series(TsdbAggregateWalk *walk);
static Step step_segments(TsdbAggregateWalk *walk, TsdbAggregatePiece *piece);
static bool is_cut(TsdbAggregateWalk *walk, const TsdbSegmentGroup *group);
static Step step_groups(TsdbAggregateWalk *walk, TsdbAggregatePiece *piece);
static Step step_blocks(TsdbAggregateWalk *walk, TsdbAggregatePiece *piece);
static Step step_subs(TsdbAggregateWalk *walk, TsdbAggregatePiece *piece);
static void count_skipped(TsdbAggregateWalk *walk, uint32 nblocks);
static bool find_touched(TsdbAggregateWalk *walk, TsdbKey key);
static Step merge_block(TsdbAggregateWalk *walk, TsdbAggregatePiece *piece);
static Step read_block(TsdbAggregateWalk *walk, TsdbAggregatePiece *piece);
static bool is_last_edge(TsdbAggregateWalk *walk, const TsdbAggregateStretch *stretch);
static Step read_sub(TsdbAggregateWalk *walk, const TsdbAggregateStretch *stretch, TsdbAggregatePiece *piece);
static void read_until(TsdbAggregateWalk *walk, int64 until_us);
static bool read_gap(TsdbAggregateWalk *walk, int64 until_us);
static bool next_window(TsdbAggregateWalk *walk, TsdbAggregatePiece *piece);
static void leave_segment(TsdbAggregateWalk *walk);
static bool find_segment(TsdbAggregateWalk *walk);
static void begin_scan(TsdbAggregateWalk *walk);

TsdbAggregateWalk *
tsdb_aggregate_walk_open(TsdbAggregator *aggregator, const TsdbTable *table, Snapshot snapshot)
{
	TsdbAggregateWalk *walk = palloc0(sizeof(TsdbAggregateWalk));

	walk->aggregator = aggregator;
	walk->rel = aggregator->rel;
	walk->nsources = aggregator->nsources;
	walk->sources = aggregator->sources;
	walk->snapshot = tsdb_reader_snapshot(aggregator->reader);
	walk->segment_us = tsdb_metapage_segment_us(walk->rel);
	if (walk->segment_us != 0)
		walk->store = tsdb_store_open(walk->rel, AccessShareLock, false);
	walk->scan_context = AllocSetContextCreate(CurrentMemoryContext, "tsdb segment scan", ALLOCSET_SMALL_SIZES);
	walk->segment_context = AllocSetContextCreate(CurrentMemoryContext, "tsdb segment", ALLOCSET_DEFAULT_SIZES);
	walk->group_context = AllocSetContextCreate(CurrentMemoryContext, "tsdb group", ALLOCSET_DEFAULT_SIZES);
	walk->block_context = AllocSetContextCreate(CurrentMemoryContext, "tsdb block", ALLOCSET_DEFAULT_SIZES);
	walk->block.columns = alloc_per_source(walk, sizeof(TsdbColumn));
	walk->states = alloc_per_source(walk, sizeof(uint8 *));
	walk->columns = alloc_per_source(walk, sizeof(int));
	walk->directories = alloc_per_source(walk, sizeof(TsdbGroupColumn));
	walk->has_directory = alloc_per_source(walk, sizeof(bool));
	walk->has_cells = alloc_per_source(walk, sizeof(bool));
	walk->summaries = alloc_per_source(walk, sizeof(TsdbSummary *));
	walk->patched = alloc_per_source(walk, sizeof(TsdbSummary));
	tsdb_aggregate_level_init(walk, &walk->root);
	tsdb_aggregate_level_init(walk, &walk->blocks);
	for (int k = 0; k < TSDB_SUB_KINDS; k++)
		tsdb_aggregate_level_init(walk, &walk->subs[k]);
	tsdb_aggregate_walk_restrict(walk, NULL, 0, PG_INT64_MIN, PG_INT64_MAX);
	return walk;
}

void
tsdb_aggregate_walk_close(TsdbAggregateWalk *walk)
{
	if (walk->scan != NULL)
		tsdb_segstore_endscan(walk->scan);
	if (walk->store != NULL)
		tsdb_store_close(walk->store);
}

void
tsdb_aggregate_walk_restrict(TsdbAggregateWalk *walk, const uint32 *series, uint32 nseries, int64 from, int64 until)
{
	if (walk->series != NULL)
		pfree(walk->series);
	walk->series = NULL;
	walk->nseries = nseries;
	if (series != NULL)
	{
		walk->series = palloc_extended(sizeof(uint32) * Max((Size) nseries, 1), MCXT_ALLOC_HUGE);
		memcpy(walk->series, series, sizeof(uint32) * nseries);
	}
	walk->from = from;
	walk->until = until;
	walk->pos = KEY_MIN;
	walk->is_reading = false;
	walk->is_merging = false;
	walk->depth = DEPTH_SEGMENTS;
	walk->has_touched = false;
	walk->has_segment = false;
	walk->is_scanning = false;
	tsdb_reader_restrict(walk->aggregator->reader, series, nseries, from, until);
}

bool
tsdb_aggregate_walk_next(TsdbAggregateWalk *walk, TsdbAggregatePiece *piece)
{
	MemoryContext old = MemoryContextSwitchTo(walk->aggregator->context);
	Step step = STEP_MORE;

	while (step == STEP_MORE)
	{
		CHECK_FOR_INTERRUPTS();
		if (walk->is_reading)
			step = next_window(walk, piece) ? STEP_PIECE : STEP_MORE;
		else if (walk->is_merging)
			step = merge_block(walk, piece);
		else if (walk->depth == DEPTH_SEGMENTS)
			step = step_segments(walk, piece);
		else if (!key_before(walk->pos, walk->stop))
			leave_segment(walk);
		else if (walk->depth == DEPTH_GROUPS)
			step = step_groups(walk, piece);
		else if (walk->depth == DEPTH_BLOCKS)
			step = step_blocks(walk, piece);
		else
			step = step_subs(walk, piece);
	}
	MemoryContextSwitchTo(old);
	return step == STEP_PIECE;
}

void
tsdb_aggregate_walk_skip(TsdbAggregateWalk *walk)
{
	if (walk->depth != DEPTH_SEGMENTS)
		leave_segment(walk);
	walk->is_reading = false;
	walk->is_merging = false;
	walk->pos = key_max(walk->pos, walk->stop);
}

void
tsdb_aggregate_walk_count(TsdbAggregateWalk *walk)
{
	TsdbAggregateCounters *counters = &walk->aggregator->counters;

	counters->reader = *tsdb_reader_counters(walk->aggregator->reader);
	counters->reader.blocks_decoded += walk->ndecoded;
}

void
tsdb_aggregate_walk_pass(TsdbAggregateWalk *walk, int64 until_us)
{
	walk->pos.time = Min(until_us, walk->stop.time);
}

bool
tsdb_aggregate_touched(TsdbAggregateWalk *walk, int64 from_us, int64 until_us)
{
	const TsdbSegment *segment = &walk->stored.segment;
	TsdbKey from = {walk->pos.series, from_us};
	TsdbKey until = {walk->pos.series, until_us};

	if (!find_touched(walk, from) || !key_before(walk->touched, until))
		return false;
	if (!walk->has_segment || segment->series != walk->pos.series ||
		from_us < segment->from_us || until_us > segment->until_us)
		return true;

	/* Runs that wait for the rest of their rows to be compacted. */
	if (!walk->is_merged_known)
	{
		from.time = segment->from_us;
		until.time = segment->until_us;
		walk->is_merged = tsdb_reader_is_merged(walk->aggregator->reader, from, until, segment->merged_seq);
		walk->is_merged_known = true;
	}
	return !walk->is_merged;
}

// private functions

static void *
alloc_per_source(TsdbAggregateWalk *walk, Size nbytes)
{
	return palloc0(nbytes * (walk->nsources + 1));
}

/* Move pos up to the next key that the restriction allows, and set stop, in the same series; false when there is none. */
static bool
allow(TsdbAggregateWalk *walk)
{
	const TsdbReadWindows *windows = walk->aggregator->request.windows;

	while (allow_series(walk))
	{
		int64 from;
		int64 until;

		walk->window_from = walk->from;
		if (windows == NULL)
			return true;
		CHECK_FOR_INTERRUPTS();
		if (windows->next(windows->arg, walk->pos.series, walk->pos.time, &from, &until) && from < walk->until)
		{
			walk->pos.time = walk->window_from = from;
			walk->stop.time = Min(walk->stop.time, until);
			return true;
		}
		if (walk->pos.series == PG_UINT32_MAX)
			return false;
		walk->pos.series++;
		walk->pos.time = PG_INT64_MIN;
	}
	return false;
}

/* The same without looking at windows of time. */
static bool
allow_series(TsdbAggregateWalk *walk)
{
	if (walk->from >= walk->until)
		return false;
	if (walk->pos.time >= walk->until)
	{
		if (walk->pos.series == PG_UINT32_MAX)
			return false;
		walk->pos.series++;
		walk->pos.time = PG_INT64_MIN;
	}
	if (walk->series != NULL)
	{
		uint32 low = 0;
		uint32 high = walk->nseries;

		while (low < high)
		{
			uint32 middle = low + (high - low) / 2;

			if (walk->series[middle] < walk->pos.series)
				low = middle + 1;
			else
				high = middle;
		}
		if (low == walk->nseries)
			return false;
		if (walk->series[low] != walk->pos.series)
		{
			walk->pos.series = walk->series[low];
			walk->pos.time = PG_INT64_MIN;
		}
	}
	walk->pos.time = Max(walk->pos.time, walk->from);
	walk->stop.series = walk->pos.series;
	walk->stop.time = walk->until;
	return true;
}

/* Find what comes next: a segment, or versions before it. */
static Step
step_segments(TsdbAggregateWalk *walk, TsdbAggregatePiece *piece)
{
	const TsdbSegment *segment = &walk->stored.segment;
	TsdbKey start = KEY_MAX;
	bool has_segment;
	bool has_touched;
	TsdbAggregateStretch stretch = {0};

	if (!allow(walk))
		return STEP_END;
	has_segment = find_segment(walk);
	has_touched = find_touched(walk, walk->pos);
	if (!has_segment && !has_touched)
		return STEP_END;
	if (has_segment)
	{
		start.series = segment->series;
		start.time = segment->from_us;
	}
	if (has_touched && key_before(walk->touched, start))
	{
		walk->pos = key_max(walk->pos, walk->touched);
		/* It may lie in another series, or behind what is allowed. */
		if (key_before(walk->pos, walk->stop))
			read_until(walk, start.series == walk->pos.series ? start.time : PG_INT64_MAX);
		return STEP_MORE;
	}
	walk->pos = key_max(walk->pos, start);
	if (!key_before(walk->pos, walk->stop))
		return STEP_MORE;

	if (segment->nrows == 0)
	{
		if (!read_gap(walk, segment->until_us))
			leave_segment(walk);
		return STEP_MORE;
	}
	tsdb_aggregate_level_root(walk);
	stretch.from_us = segment->from_us;
	stretch.until_us = segment->until_us;
	stretch.nrows = segment->nrows;
	if (segment->ngroups == 1 && is_cut(walk, &segment->groups[0]))
	{
		walk->depth = DEPTH_GROUPS;
		walk->group_no = 0;
		return STEP_MORE;
	}
	tsdb_aggregate_level_summaries(walk);
	switch (tsdb_aggregate_level_ask(walk, &walk->root, &stretch, piece))
	{
		case ANSWER_PIECE:
			walk->aggregator->counters.segments_summarised++;
			leave_segment(walk);
			return STEP_PIECE;
		case ANSWER_NOTHING:
			count_skipped(walk, 1);
			leave_segment(walk);
			return STEP_MORE;
		case ANSWER_CUT:
		case ANSWER_TOUCHED:
			break;
	}
	walk->depth = DEPTH_GROUPS;
	walk->group_no = 0;
	return STEP_MORE;
}

/* Does a cell end in the middle of a group?  Then its summary need not be read. */
static bool
is_cut(TsdbAggregateWalk *walk, const TsdbSegmentGroup *group)
{
	TsdbAggregator *aggregator = walk->aggregator;
	int64 from_us = Max(walk->pos.time, group->from_us);

	return aggregator->request.nterms == 0 && (aggregator->buckets != NULL || aggregator->request.ncuts > 0) &&
		   from_us < walk->until && !TIMESTAMP_NOT_FINITE(from_us) &&
		   tsdb_aggregate_bucket(aggregator, from_us).until < group->until_us;
}

static Step
step_groups(TsdbAggregateWalk *walk, TsdbAggregatePiece *piece)
{
	const TsdbSegment *segment = &walk->stored.segment;
	const TsdbSegmentGroup *group = &segment->groups[walk->group_no];
	TsdbAggregateStretch stretch = {0};

	if (walk->group_no == segment->ngroups)
	{
		if (!read_gap(walk, segment->until_us))
			leave_segment(walk);
		return STEP_MORE;
	}
	if (group->until_us <= walk->pos.time)
	{
		walk->group_no++;
		return STEP_MORE;
	}
	if (walk->pos.time < group->from_us)
	{
		read_gap(walk, group->from_us);
		return STEP_MORE;
	}
	if (tsdb_aggregate_strip_groups(walk, piece))
		return STEP_PIECE;
	stretch.from_us = group->from_us;
	stretch.until_us = group->until_us;
	stretch.nrows = group->nrows;
	stretch.index = tsdb_segment_group_summary(segment, walk->group_no);
	switch (tsdb_aggregate_level_ask(walk, &walk->root, &stretch, piece))
	{
		case ANSWER_PIECE:
			walk->aggregator->counters.groups_summarised++;
			walk->group_no++;
			tsdb_aggregate_walk_pass(walk, group->until_us);
			return STEP_PIECE;
		case ANSWER_NOTHING:
			count_skipped(walk, group->nblocks);
			walk->group_no++;
			tsdb_aggregate_walk_pass(walk, group->until_us);
			return STEP_MORE;
		case ANSWER_CUT:
		case ANSWER_TOUCHED:
			break;
	}
	tsdb_aggregate_level_group(walk);
	walk->depth = DEPTH_BLOCKS;
	walk->block_no = 0;
	return STEP_MORE;
}

static Step
step_blocks(TsdbAggregateWalk *walk, TsdbAggregatePiece *piece)
{
	const TsdbBlock *block;
	TsdbAggregateStretch stretch = {0};

	if (walk->base.blocks == NULL && tsdb_aggregate_strip_untouched(walk, piece))
		return STEP_PIECE;
	if (walk->block_no == walk->base.nblocks)
	{
		if (!read_gap(walk, walk->stored.segment.groups[walk->group_no].until_us))
		{
			walk->depth = DEPTH_GROUPS;
			walk->group_no++;
		}
		return STEP_MORE;
	}
	if (tsdb_aggregate_strip_fine(walk, piece))
		return STEP_PIECE;
	tsdb_aggregate_level_base(walk);
	block = &walk->base.blocks[walk->block_no];
	if (block->until_us <= walk->pos.time)
	{
		walk->block_no++;
		return STEP_MORE;
	}
	if (walk->pos.time < block->from_us)
	{
		read_gap(walk, block->from_us);
		return STEP_MORE;
	}
	if (tsdb_aggregate_strip_blocks(walk, piece))
		return STEP_PIECE;
	stretch.from_us = block->from_us;
	stretch.until_us = block->until_us;
	stretch.nrows = block->nrows;
	stretch.index = walk->block_no;
	stretch.has_times = true;
	stretch.first_time = block->first_time;
	stretch.last_time = block->last_time;
	switch (tsdb_aggregate_level_ask(walk, &walk->blocks, &stretch, piece))
	{
		case ANSWER_PIECE:
			walk->aggregator->counters.blocks_summarised++;
			walk->block_no++;
			tsdb_aggregate_walk_pass(walk, block->until_us);
			return STEP_PIECE;
		case ANSWER_NOTHING:
			count_skipped(walk, 1);
			walk->block_no++;
			tsdb_aggregate_walk_pass(walk, block->until_us);
			return STEP_MORE;
		case ANSWER_CUT:
			if (tsdb_aggregate_subs_find(walk))
			{
				walk->depth = DEPTH_SUBS;
				return STEP_MORE;
			}
			return read_block(walk, piece);
		case ANSWER_TOUCHED:
			break;
	}
	tsdb_aggregate_block_decode(walk);
	walk->is_merging = true;
	return STEP_MORE;
}

/* The block at hand and the versions that touch it, window by window from pos on. */
static Step
merge_block(TsdbAggregateWalk *walk, TsdbAggregatePiece *piece)
{
	TsdbKey until = {walk->pos.series, walk->base.blocks[walk->block_no].until_us};
	const TsdbBatch *batch;

	until = key_min(until, walk->stop);
	if (!key_before(walk->pos, until))
	{
		walk->is_merging = false;
		walk->block_no++;
		return STEP_MORE;
	}
	batch = tsdb_reader_merge(walk->aggregator->reader, &walk->block, walk->stored.segment.merged_seq, walk->pos, &until);
	walk->pos = until;
	piece->series = walk->pos.series;
	piece->summaries = NULL;
	piece->strip = NULL;
	piece->batch = batch;
	piece->row = 0;
	piece->until = batch->nrows;
	return batch->nrows > 0 ? STEP_PIECE : STEP_MORE;
}

/* Parts of a block that no version touches; from the first one that does not serve on it is decoded. */
static Step
step_subs(TsdbAggregateWalk *walk, TsdbAggregatePiece *piece)
{
	const TsdbBlock *block = &walk->base.blocks[walk->block_no];
	TsdbAggregateStretch stretch = {0};

	if (walk->sub_no < walk->nsubs)
	{
		TsdbAggregateAnswer answer;

		if (tsdb_aggregate_strip_subs(walk, piece))
			return STEP_PIECE;
		/* The span counts for nothing here but for where the next one begins. */
		stretch.from_us = walk->pos.time;
		stretch.until_us = block->until_us;
		stretch.index = walk->sub_no;
		for (int s = 0; s < walk->nsources; s++)
		{
			const TsdbSummary *sub = tsdb_aggregate_level_get(&walk->subs[walk->sub_kind], s, walk->sub_no);

			if (sub != NULL)
			{
				stretch.nrows = sub->nrows;
				stretch.has_times = true;
				stretch.first_time = sub->first_row_time;
				stretch.last_time = sub->last_row_time;
			}
		}
		answer = tsdb_aggregate_level_ask(walk, &walk->subs[walk->sub_kind], &stretch, piece);
		if (answer == ANSWER_PIECE || answer == ANSWER_NOTHING)
		{
			walk->aggregator->counters.subs_summarised += answer == ANSWER_PIECE;
			walk->sub_no++;
			tsdb_aggregate_walk_pass(walk, Max(walk->pos.time, stretch.last_time + 1));
			return answer == ANSWER_PIECE ? STEP_PIECE : STEP_MORE;
		}
		if (answer == ANSWER_CUT && (walk->sub_kind != TSDB_SUBS_WHOLE || is_last_edge(walk, &stretch)))
			return read_sub(walk, &stretch, piece);
		walk->depth = DEPTH_BLOCKS;
		return read_block(walk, piece);
	}
	walk->pos.time = Max(walk->pos.time, block->until_us);
	walk->depth = DEPTH_BLOCKS;
	walk->block_no++;
	return STEP_MORE;
}

/* Rows of the block at hand, which no version touches, from pos on. */
static Step
read_block(TsdbAggregateWalk *walk, TsdbAggregatePiece *piece)
{
	const TsdbBatch *batch = &walk->block;
	TsdbKey until = {walk->pos.series, walk->base.blocks[walk->block_no].until_us};

	tsdb_aggregate_block_decode(walk);
	until = key_min(until, walk->stop);
	piece->series = walk->pos.series;
	piece->summaries = NULL;
	piece->strip = NULL;
	piece->batch = batch;
	piece->row = tsdb_batch_find(batch, walk->pos);
	piece->until = tsdb_batch_find(batch, until);
	walk->pos = until;
	walk->block_no++;
	return piece->row < piece->until ? STEP_PIECE : STEP_MORE;
}

/* By conditions on values; or because they lie outside of the times that are asked for. */
static void
count_skipped(TsdbAggregateWalk *walk, uint32 nblocks)
{
	if (walk->aggregator->request.nterms > 0)
		walk->aggregator->counters.blocks_skipped += nblocks;
}

/* Is a part of the block at hand cut by the edge of a cell, and does the next cell go on to the end of the block? */
static bool
is_last_edge(TsdbAggregateWalk *walk, const TsdbAggregateStretch *stretch)
{
	TsdbAggregator *aggregator = walk->aggregator;
	int64 last_us = walk->base.blocks[walk->block_no].last_time;

	return aggregator->request.nterms == 0 && stretch->first_time >= walk->pos.time && last_us < walk->stop.time &&
		   tsdb_aggregate_bucket(aggregator, stretch->first_time).until <= stretch->last_time &&
		   tsdb_aggregate_bucket(aggregator, stretch->last_time).until > last_us;
}

/* The rows of a part of the block at hand, which no version touches: rows behind it need not be decoded. */
static Step
read_sub(TsdbAggregateWalk *walk, const TsdbAggregateStretch *stretch, TsdbAggregatePiece *piece)
{
	const TsdbBlock *block = &walk->base.blocks[walk->block_no];
	const TsdbSegment *segment = &walk->stored.segment;
	const int64 *times = NULL;
	uint64 from;
	uint64 until;

	from = tsdb_aggregate_subs_rows(walk, walk->sub_no);
	until = tsdb_aggregate_subs_rows(walk, walk->sub_no + 1);
	if (from < until && until <= block->nrows)
	{
		tsdb_aggregate_block_range(walk, (uint32) from, (uint32) until);
		times = walk->block.times;
	}
	if (from >= until || until > block->nrows || times[from] != stretch->first_time || times[until - 1] != stretch->last_time)
		TSDB_CHECK(TSDB_CORRUPT, walk->rel, "Sub-summaries of block %u of series %u, segment %d, do not fit its rows.",
				   block->block_id, segment->series, segment->segment_no);
	piece->series = walk->pos.series;
	piece->summaries = NULL;
	piece->strip = NULL;
	piece->batch = &walk->block;
	piece->row = (uint32) from;
	piece->until = (uint32) until;
	while (piece->row < piece->until && times[piece->row] < walk->pos.time)
		piece->row++;
	while (piece->row < piece->until && times[piece->until - 1] >= walk->stop.time)
		piece->until--;
	tsdb_aggregate_walk_pass(walk, stretch->last_time + 1);
	walk->sub_no++;
	return piece->row < piece->until ? STEP_PIECE : STEP_MORE;
}

/* The first key with a version at or after key: walk->touched. */
static bool
find_touched(TsdbAggregateWalk *walk, TsdbKey key)
{
	if (!walk->has_touched || key_before(key, walk->touched_from) || key_before(walk->touched, key))
	{
		walk->has_touched = true;
		walk->touched_from = key;
		if (!tsdb_reader_next_version(walk->aggregator->reader, key, &walk->touched))
			walk->touched = KEY_MAX;
	}
	return key_before(walk->touched, KEY_MAX);
}

/* Read the rows from pos on with all their versions; pos moves to the end. */
static void
read_until(TsdbAggregateWalk *walk, int64 until_us)
{
	TsdbKey until = {walk->pos.series, until_us};

	until = key_min(until, walk->stop);
	tsdb_reader_set_range(walk->aggregator->reader, walk->pos, until);
	walk->pos = until;
	walk->is_reading = true;
}

/* Go over a gap between stretches; true when there is something to read in it. */
static bool
read_gap(TsdbAggregateWalk *walk, int64 until_us)
{
	if (walk->pos.time < until_us && tsdb_aggregate_touched(walk, walk->pos.time, until_us))
	{
		read_until(walk, until_us);
		return true;
	}
	walk->pos.time = Max(walk->pos.time, until_us);
	return false;
}

static bool
next_window(TsdbAggregateWalk *walk, TsdbAggregatePiece *piece)
{
	const TsdbBatch *batch = tsdb_reader_next(walk->aggregator->reader, ForwardScanDirection);

	if (batch == NULL)
	{
		walk->is_reading = false;
		walk->is_merging = false;
		return false;
	}
	piece->series = tsdb_batch_key(batch, 0).series;
	piece->summaries = NULL;
	piece->strip = NULL;
	piece->batch = batch;
	piece->row = 0;
	piece->until = batch->nrows;
	return true;
}

static void
leave_segment(TsdbAggregateWalk *walk)
{
	TsdbKey until = {walk->stored.segment.series, walk->stored.segment.until_us};

	walk->pos = key_max(walk->pos, key_min(until, walk->stop));
	walk->depth = DEPTH_SEGMENTS;
}

/* Load the first segment that ends after pos; false when there is none. */
static bool
find_segment(TsdbAggregateWalk *walk)
{
	int skipped = 0;

	if (walk->store == NULL || walk->pos.series > TSDB_STORE_MAX_ID)
		return false;
	for (;;)
	{
		MemoryContext old;

		CHECK_FOR_INTERRUPTS();
		if (walk->has_segment)
		{
			TsdbKey until = {walk->stored.segment.series, walk->stored.segment.until_us};

			if (key_before(walk->pos, until))
				return true;
			if (skipped++ >= MAX_SKIPPED)
			{
				walk->is_scanning = false;
				skipped = 0;
			}
		}
		if (!walk->is_scanning)
			begin_scan(walk);
		walk->has_segment = false;
		walk->has_root = walk->has_summaries = walk->has_group = walk->has_decoded = false;
		MemoryContextReset(walk->segment_context);
		old = MemoryContextSwitchTo(walk->segment_context);
		walk->has_segment = tsdb_segstore_getnext_pinned(walk->scan, &walk->stored);
		walk->is_merged_known = false;
		MemoryContextSwitchTo(old);
		if (!walk->has_segment)
			return false;
	}
}

static void
begin_scan(TsdbAggregateWalk *walk)
{
	int32 segment_no;
	int64 from_us;

	if (!tsdb_grid_segment(walk->pos.time, walk->segment_us, &segment_no, &from_us))
		segment_no = walk->pos.time < 0 ? PG_INT32_MIN : PG_INT32_MAX;
	if (walk->scan != NULL)
		tsdb_segstore_rescan(walk->scan, walk->pos.series, segment_no, TSDB_STORE_MAX_ID, PG_INT32_MAX);
	else
	{
		MemoryContext old = MemoryContextSwitchTo(walk->scan_context);

		walk->scan = tsdb_segstore_beginscan(walk->store, walk->rel, walk->snapshot, walk->pos.series, segment_no,
											 TSDB_STORE_MAX_ID, PG_INT32_MAX, false);
		MemoryContextSwitchTo(old);
	}
	walk->is_scanning = true;
}
