/*-------------------------------------------------------------------------
 *
 * aggregate_strip.c
 *	  Several neighbouring stretches of the tree as one piece.
 *
 * Where summaries are plain (aggregate_level.c), all stretches that lie in one cell and that no version touches are
 * taken at once: a cell of many blocks costs a fold over arrays.
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "read/aggregate_private.h"

static void take_strip(TsdbAggregateWalk *walk, const TsdbAggregateLevel *level, uint32 index, uint32 n, TsdbAggregatePiece *piece);
static int64 find_touched_us(TsdbAggregateWalk *walk);

bool
tsdb_aggregate_strip_groups(TsdbAggregateWalk *walk, TsdbAggregatePiece *piece)
{
	const TsdbSegment *segment = &walk->stored.segment;
	uint32 n = segment->ngroups - walk->group_no;
	uint32 index = tsdb_segment_group_summary(segment, walk->group_no);
	int64 touched_us;

	n = tsdb_aggregate_level_count(walk, &walk->root, index, index + n);
	if (n == 0)
		return false;
	touched_us = find_touched_us(walk);
	while (n > 0 && segment->groups[walk->group_no + n - 1].until_us > touched_us)
		n--;
	if (n == 0)
		return false;
	take_strip(walk, &walk->root, index, n, piece);
	walk->aggregator->counters.groups_summarised += n;
	walk->group_no += n;
	tsdb_aggregate_walk_pass(walk, segment->groups[walk->group_no - 1].until_us);
	return true;
}

bool
tsdb_aggregate_strip_untouched(TsdbAggregateWalk *walk, TsdbAggregatePiece *piece)
{
	const TsdbSegmentGroup *group = &walk->stored.segment.groups[walk->group_no];
	const TsdbAggregateLevel *level = &walk->blocks;
	const TsdbSummaryArrays *arrays;
	uint32 n;

	if (level->strip_source < 0 || find_touched_us(walk) < group->until_us)
		return false;
	arrays = &level->arrays[level->strip_source];
	while (walk->block_no < walk->base.nblocks &&
		   arrays->last_row_times[level->offsets[level->strip_source] + walk->block_no] < walk->pos.time)
		walk->block_no++;
	if (walk->block_no == walk->base.nblocks ||
		arrays->first_row_times[level->offsets[level->strip_source] + walk->block_no] < walk->pos.time)
		return false;
	n = tsdb_aggregate_level_count(walk, level, walk->block_no, walk->base.nblocks);
	if (n == 0)
		return false;
	take_strip(walk, level, walk->block_no, n, piece);
	walk->aggregator->counters.blocks_summarised += n;
	walk->block_no += n;
	tsdb_aggregate_walk_pass(walk, walk->block_no < walk->base.nblocks ? piece->last_time + 1 : group->until_us);
	return true;
}

bool
tsdb_aggregate_strip_fine(TsdbAggregateWalk *walk, TsdbAggregatePiece *piece)
{
	const TsdbSegmentGroup *group = &walk->stored.segment.groups[walk->group_no];
	const TsdbAggregateLevel *level;
	uint32 index;
	uint32 total;
	uint32 n;

	if (find_touched_us(walk) < group->until_us)
		return false;
	total = tsdb_aggregate_subs_of_group(walk, &index);
	level = &walk->subs[walk->sub_kind];
	if (total == 0 || index == total || level->arrays[level->strip_source].first_row_times[index] < walk->pos.time)
		return false;
	n = tsdb_aggregate_level_count(walk, level, index, total);
	if (n == 0)
		return false;
	take_strip(walk, level, index, n, piece);
	walk->aggregator->counters.subs_summarised += n;
	tsdb_aggregate_walk_pass(walk, index + n < total ? piece->last_time + 1 : group->until_us);
	return true;
}

bool
tsdb_aggregate_strip_blocks(TsdbAggregateWalk *walk, TsdbAggregatePiece *piece)
{
	const TsdbBlock *blocks = walk->base.blocks;
	uint32 n = tsdb_aggregate_level_count(walk, &walk->blocks, walk->block_no, walk->base.nblocks);
	int64 touched_us;

	if (n == 0)
		return false;
	touched_us = find_touched_us(walk);
	while (n > 0 && blocks[walk->block_no + n - 1].until_us > touched_us)
		n--;
	if (n == 0)
		return false;
	take_strip(walk, &walk->blocks, walk->block_no, n, piece);
	walk->aggregator->counters.blocks_summarised += n;
	walk->block_no += n;
	tsdb_aggregate_walk_pass(walk, blocks[walk->block_no - 1].until_us);
	return true;
}

bool
tsdb_aggregate_strip_subs(TsdbAggregateWalk *walk, TsdbAggregatePiece *piece)
{
	uint32 n = tsdb_aggregate_level_count(walk, &walk->subs[walk->sub_kind], walk->sub_no, walk->nsubs);

	if (n == 0)
		return false;
	take_strip(walk, &walk->subs[walk->sub_kind], walk->sub_no, n, piece);
	walk->aggregator->counters.subs_summarised += n;
	walk->sub_no += n;
	tsdb_aggregate_walk_pass(walk, Max(walk->pos.time, piece->last_time + 1));
	return true;
}

// private functions

static void
take_strip(TsdbAggregateWalk *walk, const TsdbAggregateLevel *level, uint32 index, uint32 n, TsdbAggregatePiece *piece)
{
	int s = level->strip_source;
	const TsdbSummaryArrays *arrays = &level->arrays[s];
	uint32 from = level->offsets[s] + index;

	piece->series = walk->pos.series;
	piece->summaries = NULL;
	piece->strip = level;
	piece->index = index;
	piece->nstretches = n;
	piece->first_time = arrays->first_row_times[from];
	piece->last_time = arrays->last_row_times[from + n - 1];
	piece->nrows = arrays->row_totals[from + n] - arrays->row_totals[from];
}

/* When the first version comes that touches the rest of the segment; what ends before it is as it was compacted. */
static int64
find_touched_us(TsdbAggregateWalk *walk)
{
	if (!tsdb_aggregate_touched(walk, walk->pos.time, walk->stored.segment.until_us))
		return PG_INT64_MAX;
	return walk->touched.time;
}
