/*-------------------------------------------------------------------------
 *
 * aggregate_level.c
 *	  Summaries of one level of the tree: load them, ask whether one serves.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "format/integral.h"
#include "format/moments.h"
#include "pg/check.h"
#include "read/aggregate_private.h"
#include "utils/memutils.h"

static void get_allowed(const TsdbAggregateWalk *walk, int64 *from, int64 *until);
static uint32 count_before(const int64 *times, uint32 n, int64 end);
static void load_block_summaries(TsdbAggregateWalk *walk, int s);
static void decode_singly(TsdbAggregateWalk *walk, TsdbAggregateLevel *level, TsdbSpan bytes, int s, uint32 fields, uint32 n, int64 base_us);
static bool covers_group(const TsdbAggregateWalk *walk, int s);
static bool find_times(TsdbAggregateWalk *walk, const TsdbAggregateLevel *level, TsdbAggregateStretch *stretch);
static const TsdbSummary *get_summary(TsdbAggregateWalk *walk, const TsdbAggregateLevel *level, const TsdbAggregateStretch *stretch, int s);
static TsdbFilterVerdict judge(TsdbAggregateWalk *walk, const TsdbAggregateLevel *level, const TsdbAggregateStretch *stretch);
static bool choose_summaries(TsdbAggregateWalk *walk, const TsdbAggregateLevel *level, const TsdbAggregateStretch *stretch);

void
tsdb_aggregate_level_init(TsdbAggregateWalk *walk, TsdbAggregateLevel *level)
{
	level->arrays = palloc0_array(TsdbSummaryArrays, walk->nsources + 1);
	level->summaries = palloc0_array(TsdbSummary *, walk->nsources + 1);
	level->offsets = palloc0_array(uint32, walk->nsources + 1);
	level->taken = palloc0_array(TsdbSummary, walk->nsources + 1);
	level->has_qualities = palloc0_array(bool, walk->nsources + 1);
}

void
tsdb_aggregate_level_root(TsdbAggregateWalk *walk)
{
	const TsdbSegment *segment = &walk->stored.segment;

	if (walk->has_root)
		return;
	tsdb_aggregate_level_clear(walk, &walk->root);
	for (int s = 0; s < walk->nsources; s++)
	{
		const TsdbAggregateSource *source = &walk->sources[s];

		walk->columns[s] = -1;
		for (int c = 0; c < segment->ncolumns; c++)
			if (segment->columns[c].attnum == source->wanted.attnum)
				walk->columns[s] = c;
		if (walk->columns[s] < 0)
			continue;
		if (segment->columns[walk->columns[s]].type != source->wanted.type)
			TSDB_CHECK(TSDB_CORRUPT, walk->rel, "Column %d of series %u, segment %d, has type %d instead of %d.",
					   source->wanted.attnum, segment->series, segment->segment_no,
					   segment->columns[walk->columns[s]].type, source->wanted.type);
		walk->root.has_qualities[s] = segment->columns[walk->columns[s]].quality_attnum == source->quality_attnum;
	}
	walk->has_root = true;
	walk->has_summaries = false;
}

void
tsdb_aggregate_level_summaries(TsdbAggregateWalk *walk)
{
	const TsdbSegment *segment = &walk->stored.segment;
	uint32 n = tsdb_segment_nsummaries(segment);
	MemoryContext old;

	if (walk->has_summaries)
		return;
	old = MemoryContextSwitchTo(walk->segment_context);
	for (int s = 0; s < walk->nsources; s++)
		if (walk->columns[s] >= 0 && walk->sources[s].fields != 0)
			tsdb_aggregate_level_decode(walk, &walk->root, segment->columns[walk->columns[s]].summaries, s, walk->sources[s].fields, n,
										segment->from_us);
	MemoryContextSwitchTo(old);
	walk->root.strip_source = tsdb_aggregate_level_find_strip(walk, &walk->root);
	for (uint32 i = 0; walk->root.strip_source >= 0 && i < segment->ngroups; i++)
		if (!tsdb_aggregate_level_covers(walk, &walk->root, tsdb_segment_group_summary(segment, i), segment->groups[i].nrows))
			walk->root.strip_source = -1;
	walk->has_summaries = true;
}

void
tsdb_aggregate_level_group(TsdbAggregateWalk *walk)
{
	MemoryContext old;

	if (walk->has_group && walk->loaded_group == walk->group_no)
		return;
	walk->has_group = false;
	walk->has_decoded = false;
	MemoryContextReset(walk->group_context);
	old = MemoryContextSwitchTo(walk->group_context);
	tsdb_segstore_open_group(walk->store, walk->rel, walk->snapshot, &walk->stored.segment, walk->group_no, &walk->base);
	tsdb_aggregate_level_clear(walk, &walk->blocks);
	memset(walk->is_sub_tried, 0, sizeof(walk->is_sub_tried));
	for (int s = 0; s < walk->nsources; s++)
	{
		walk->has_directory[s] = walk->has_cells[s] = false;
		walk->blocks.has_qualities[s] = walk->root.has_qualities[s];
		if (walk->columns[s] >= 0 && walk->sources[s].fields != 0)
			load_block_summaries(walk, s);
	}
	walk->has_group = true;
	walk->loaded_group = walk->group_no;
	MemoryContextSwitchTo(old);
	walk->blocks.strip_source = tsdb_aggregate_level_find_strip(walk, &walk->blocks);
	for (int s = 0; walk->blocks.strip_source >= 0 && s < walk->nsources; s++)
		if (walk->sources[s].output >= 0 && !covers_group(walk, s))
			walk->blocks.strip_source = -1;
}

void
tsdb_aggregate_level_base(TsdbAggregateWalk *walk)
{
	MemoryContext old;

	if (walk->base.blocks != NULL)
		return;
	old = MemoryContextSwitchTo(walk->group_context);
	tsdb_segstore_read_blocks(walk->rel, &walk->stored.segment, walk->group_no, &walk->base);
	MemoryContextSwitchTo(old);
}

const TsdbChunkRef *
tsdb_aggregate_level_cells(TsdbAggregateWalk *walk, int s)
{
	MemoryContext old;

	if (!walk->has_cells[s])
	{
		old = MemoryContextSwitchTo(walk->group_context);
		tsdb_segstore_read_cells(walk->rel, &walk->stored.segment, &walk->base, walk->columns[s], &walk->directories[s]);
		MemoryContextSwitchTo(old);
		walk->has_cells[s] = true;
	}
	return walk->directories[s].cells;
}

const TsdbSummary *
tsdb_aggregate_level_get(const TsdbAggregateLevel *level, int s, uint32 index)
{
	const TsdbSummaryArrays *arrays = &level->arrays[s];
	TsdbSummary *taken = &level->taken[s];

	index += level->offsets[s];
	if (!arrays->is_plain)
		return level->summaries[s] != NULL ? &level->summaries[s][index] : NULL;
	tsdb_summaries_fold(arrays, index, 1, taken);
	if (arrays->sums != NULL && taken->decimals > 0)
		tsdb_moments_derive_sum(taken);
	return taken;
}

uint32
tsdb_aggregate_level_count(TsdbAggregateWalk *walk, const TsdbAggregateLevel *level, uint32 index, uint32 until)
{
	TsdbAggregator *aggregator = walk->aggregator;
	const TsdbSummaryArrays *arrays;
	int64 first;
	int64 from;
	int64 end;

	if (level->strip_source < 0)
		return 0;
	arrays = &level->arrays[level->strip_source];
	first = arrays->first_row_times[level->offsets[level->strip_source] + index];
	get_allowed(walk, &from, &end);
	if (first < from || first >= end)
		return 0;
	if (aggregator->buckets != NULL || aggregator->request.ncuts > 0)
	{
		if (aggregator->is_open && aggregator->cell.series == walk->pos.series && first < aggregator->cell.bucket.until)
			end = Min(end, aggregator->cell.bucket.until);
		else
			end = Min(end, tsdb_aggregate_bucket(aggregator, first).until);
	}
	return count_before(arrays->last_row_times + level->offsets[level->strip_source] + index, until - index, end);
}

TsdbAggregateAnswer
tsdb_aggregate_level_ask(TsdbAggregateWalk *walk, const TsdbAggregateLevel *level, TsdbAggregateStretch *stretch, TsdbAggregatePiece *piece)
{
	TsdbAggregator *aggregator = walk->aggregator;
	int64 from;
	int64 until;
	TsdbFilterVerdict verdict;

	get_allowed(walk, &from, &until);
	if (tsdb_aggregate_touched(walk, stretch->from_us, stretch->until_us))
		return ANSWER_TOUCHED;
	verdict = judge(walk, level, stretch);
	if (verdict == TSDB_FILTER_NONE)
		return ANSWER_NOTHING;
	if (!stretch->has_times && !find_times(walk, level, stretch))
		return ANSWER_CUT;
	if (stretch->last_time < from || stretch->first_time >= until)
		return ANSWER_NOTHING;
	if (verdict == TSDB_FILTER_SOME || stretch->first_time < from || stretch->last_time >= until)
		return ANSWER_CUT;
	if (aggregator->buckets != NULL || aggregator->request.ncuts > 0)
	{
		bool is_inside = aggregator->is_open && aggregator->cell.series == walk->pos.series &&
						 stretch->last_time < aggregator->cell.bucket.until;

		if (!is_inside && tsdb_aggregate_bucket(aggregator, stretch->first_time).until <= stretch->last_time)
			return ANSWER_CUT;
	}
	if (!choose_summaries(walk, level, stretch))
		return ANSWER_CUT;
	piece->series = walk->pos.series;
	piece->strip = NULL;
	piece->summaries = walk->summaries;
	piece->nrows = stretch->nrows;
	piece->first_time = stretch->first_time;
	piece->last_time = stretch->last_time;
	return ANSWER_PIECE;
}

void
tsdb_aggregate_level_clear(TsdbAggregateWalk *walk, TsdbAggregateLevel *level)
{
	for (int s = 0; s < walk->nsources; s++)
	{
		level->arrays[s].is_plain = false;
		level->summaries[s] = NULL;
		level->offsets[s] = 0;
		level->has_qualities[s] = false;
	}
	level->strip_source = -1;
}

void
tsdb_aggregate_level_decode(TsdbAggregateWalk *walk, TsdbAggregateLevel *level, TsdbSpan bytes, int s, uint32 fields,
							uint32 n, int64 base_us)
{
	TsdbMem mem = tsdb_mem_context(CurrentMemoryContext);

	if (tsdb_summaries_decode_arrays(bytes, walk->sources[s].wanted.type, &level->arrays[s], n, base_us,
									 fields, &mem) != TSDB_OK ||
		!level->arrays[s].is_plain)
		decode_singly(walk, level, bytes, s, fields, n, base_us);
}

/* A source whose arrays say of which stretches several can be taken at once, -1 when none can. */
int
tsdb_aggregate_level_find_strip(const TsdbAggregateWalk *walk, const TsdbAggregateLevel *level)
{
	int found = -1;

	if (walk->aggregator->request.nterms > 0)
		return -1;
	for (int s = 0; s < walk->nsources; s++)
	{
		if (walk->sources[s].output < 0)
			continue;
		if (!level->arrays[s].is_plain)
			return -1;
		found = s;
	}
	return found;
}

/* Have the asked columns values in all rows of a stretch? */
bool
tsdb_aggregate_level_covers(const TsdbAggregateWalk *walk, const TsdbAggregateLevel *level, uint32 index, uint64 nrows)
{
	for (int s = 0; s < walk->nsources; s++)
		if (walk->sources[s].output >= 0 && level->arrays[s].nrows[level->offsets[s] + index] != nrows)
			return false;
	return true;
}

// private functions

/* What rows may lie in: the restriction, or the window of it that pos is in. */
static void
get_allowed(const TsdbAggregateWalk *walk, int64 *from, int64 *until)
{
	bool has_windows = walk->aggregator->request.windows != NULL;

	*from = has_windows ? walk->window_from : walk->from;
	*until = has_windows ? walk->stop.time : walk->until;
}

/* How many of n ascending times lie before end?  Mostly few do, or all. */
static uint32
count_before(const int64 *times, uint32 n, int64 end)
{
	uint32 low = 0;
	uint32 high = 1;

	while (high < n && times[high - 1] < end)
	{
		low = high;
		high *= 2;
	}
	high = Min(high, n);
	while (low < high)
	{
		uint32 middle = low + (high - low) / 2;

		if (times[middle] < end)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* One summary per block; empty ones for blocks that are older than the column. */
static void
load_block_summaries(TsdbAggregateWalk *walk, int s)
{
	const TsdbSegment *segment = &walk->stored.segment;
	TsdbGroupColumn *directory = &walk->directories[s];
	TsdbAggregateLevel *level = &walk->blocks;
	int64 from_us = segment->groups[walk->group_no].from_us;
	TsdbSummary *stored;
	TsdbSummary *summaries;
	uint32 next = 0;

	walk->has_directory[s] = tsdb_segstore_open_groupcolumn(walk->store, walk->rel, walk->snapshot, segment, &walk->base,
															walk->columns[s], directory);
	if (!walk->has_directory[s] || (directory->nsummaries == 0 && walk->base.nblocks > 1))
		return;
	if (directory->nsummaries == 0)
	{
		/* A group of one block: its summary is the group's, which may have been passed over. */
		if (!walk->root.arrays[s].is_plain && walk->root.summaries[s] == NULL)
			tsdb_aggregate_level_summaries(walk);
		level->arrays[s] = walk->root.arrays[s];
		level->summaries[s] = walk->root.summaries[s];
		level->offsets[s] = tsdb_segment_group_summary(segment, walk->group_no);
		return;
	}
	tsdb_aggregate_level_decode(walk, level, directory->summaries, s, walk->sources[s].fields, directory->nsummaries, from_us);
	if (directory->nsummaries == walk->base.nblocks)
		return;
	if (level->arrays[s].is_plain)
	{
		level->arrays[s].is_plain = false;
		decode_singly(walk, level, directory->summaries, s, walk->sources[s].fields, directory->nsummaries, from_us);
	}
	stored = level->summaries[s];
	summaries = palloc0_array(TsdbSummary, walk->base.nblocks);
	for (uint32 i = 0; i < walk->base.nblocks; i++)
		if (tsdb_aggregate_level_cells(walk, s)[i].nbytes > 0)
			summaries[i] = stored[next++];
	level->summaries[s] = summaries;
}

static void
decode_singly(TsdbAggregateWalk *walk, TsdbAggregateLevel *level, TsdbSpan bytes, int s, uint32 fields, uint32 n, int64 base_us)
{
	TsdbMem mem = tsdb_mem_context(CurrentMemoryContext);
	TsdbSummary *summaries = palloc_array(TsdbSummary, n + 1);

	TSDB_CHECK(tsdb_summaries_decode(bytes, walk->sources[s].wanted.type, summaries, n, base_us,
									 fields, &mem),
			   walk->rel, "Summaries of column %d of series %u, segment %d, do not decode.",
			   walk->sources[s].wanted.attnum, walk->stored.segment.series, walk->stored.segment.segment_no);
	level->summaries[s] = summaries;
}

/* Has a column values in all rows of the group at hand?  Blocks have no fewer rows than their summaries. */
static bool
covers_group(const TsdbAggregateWalk *walk, int s)
{
	const TsdbSummaryArrays *arrays = &walk->blocks.arrays[s];
	uint64 nrows = 0;

	for (uint32 i = 0; i < walk->base.nblocks; i++)
		nrows += arrays->nrows[walk->blocks.offsets[s] + i];
	return nrows == walk->stored.segment.groups[walk->group_no].nrows;
}

/* Times of the first and last row, from a column that all rows store. */
static bool
find_times(TsdbAggregateWalk *walk, const TsdbAggregateLevel *level, TsdbAggregateStretch *stretch)
{
	for (int s = 0; s < walk->nsources; s++)
	{
		const TsdbSummary *summary = tsdb_aggregate_level_get(level, s, stretch->index);

		if (summary != NULL && summary->nrows == stretch->nrows)
		{
			stretch->first_time = summary->first_row_time;
			stretch->last_time = summary->last_row_time;
			return stretch->has_times = true;
		}
	}
	return false;
}

/* The summary of a column over all rows of a stretch, NULL when that is not known. */
static const TsdbSummary *
get_summary(TsdbAggregateWalk *walk, const TsdbAggregateLevel *level, const TsdbAggregateStretch *stretch, int s)
{
	const TsdbSummary *summary = tsdb_aggregate_level_get(level, s, stretch->index);
	TsdbSummary *patched = &walk->patched[s];

	if (summary != NULL && summary->nrows == stretch->nrows)
		return summary;
	if (walk->sources[s].wanted.missing_state != TSDB_CELL_NULL)
		return NULL;
	/* Rows older than the column are NULL there. */
	if (summary != NULL)
		*patched = *summary;
	else
		tsdb_summary_init(patched);
	patched->nrows = stretch->nrows;
	patched->first_row_time = stretch->first_time;
	patched->last_row_time = stretch->last_time;
	return patched;
}

static TsdbFilterVerdict
judge(TsdbAggregateWalk *walk, const TsdbAggregateLevel *level, const TsdbAggregateStretch *stretch)
{
	const TsdbAggregateRequest *request = &walk->aggregator->request;
	TsdbFilterVerdict verdict = TSDB_FILTER_ALL;

	for (int i = 0; i < request->nterms && verdict != TSDB_FILTER_NONE; i++)
		for (int s = 0; s < walk->nsources; s++)
			if (walk->sources[s].wanted.attnum == request->terms[i].attnum)
				verdict = Min(verdict, tsdb_filter_judge(&request->terms[i], get_summary(walk, level, stretch, s)));
	return verdict;
}

static bool
choose_summaries(TsdbAggregateWalk *walk, const TsdbAggregateLevel *level, const TsdbAggregateStretch *stretch)
{
	for (int s = 0; s < walk->nsources; s++)
	{
		const TsdbAggregateSource *source = &walk->sources[s];
		const TsdbSummary *summary;

		if (source->output < 0)
			continue;
		summary = get_summary(walk, level, stretch, s);
		if (summary == NULL)
			return false;
		if ((source->asked & TSDB_SUMMARY_QUALITY) && (summary == &walk->patched[s] || !level->has_qualities[s]))
			return false;
		if ((source->asked & TSDB_SUMMARY_INTEGRALS) && !tsdb_integral_is_of_values(summary))
			return false;
		walk->summaries[s] = summary;
	}
	return true;
}
