/*-------------------------------------------------------------------------
 *
 * aggregate_level.c
 *	  Summaries of one level of the tree: load them, ask whether one serves.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "pg/check.h"
#include "read/aggregate_private.h"
#include "utils/memutils.h"

static void load_block_summaries(TsdbAggregateWalk *walk, int s);
static bool load_subs(TsdbAggregateWalk *walk);
static TsdbSummary *decode(TsdbAggregateWalk *walk, TsdbSpan bytes, int s, uint32 n, int64 base_us);
static void clear_level(TsdbAggregateWalk *walk, TsdbAggregateLevel *level);
static bool find_times(TsdbAggregateWalk *walk, const TsdbAggregateLevel *level, TsdbAggregateStretch *stretch);
static const TsdbSummary *get_summary(TsdbAggregateWalk *walk, const TsdbAggregateLevel *level, const TsdbAggregateStretch *stretch, int s);
static TsdbFilterVerdict judge(TsdbAggregateWalk *walk, const TsdbAggregateLevel *level, const TsdbAggregateStretch *stretch);
static bool choose_summaries(TsdbAggregateWalk *walk, const TsdbAggregateLevel *level, const TsdbAggregateStretch *stretch);

void
tsdb_aggregate_level_init(TsdbAggregateWalk *walk, TsdbAggregateLevel *level)
{
	level->summaries = palloc0_array(TsdbSummary *, walk->nsources + 1);
	level->has_qualities = palloc0_array(bool, walk->nsources + 1);
}

void
tsdb_aggregate_level_root(TsdbAggregateWalk *walk)
{
	const TsdbSegment *segment = &walk->stored.segment;
	uint32 n = tsdb_segment_nsummaries(segment);
	MemoryContext old;

	if (walk->has_root)
		return;
	old = MemoryContextSwitchTo(walk->segment_context);
	clear_level(walk, &walk->root);
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
		if (source->fields != 0)
			walk->root.summaries[s] = decode(walk, segment->columns[walk->columns[s]].summaries, s, n, segment->from_us);
	}
	MemoryContextSwitchTo(old);
	walk->has_root = true;
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
	tsdb_segstore_group(walk->store, walk->rel, walk->snapshot, &walk->stored.segment, walk->group_no, &walk->base);
	clear_level(walk, &walk->blocks);
	walk->has_subs = false;
	for (int s = 0; s < walk->nsources; s++)
	{
		walk->has_directory[s] = false;
		walk->blocks.has_qualities[s] = walk->root.has_qualities[s];
		if (walk->columns[s] >= 0 && walk->sources[s].fields != 0)
			load_block_summaries(walk, s);
	}
	walk->has_group = true;
	walk->loaded_group = walk->group_no;
	MemoryContextSwitchTo(old);
}

bool
tsdb_aggregate_level_subs(TsdbAggregateWalk *walk)
{
	const TsdbBlock *block = &walk->base.blocks[walk->block_no];
	TsdbBucket bucket = tsdb_aggregate_bucket(walk->aggregator, Max(walk->pos.time, block->first_time));
	bool any = false;

	if (!walk->has_subs && !load_subs(walk))
		return false;
	/* Cells shorter than the parts. */
	if (bucket.until != PG_INT64_MAX && bucket.from != PG_INT64_MIN && bucket.until - bucket.from < walk->sub_us)
		return false;
	walk->sub_no = 0;
	for (int s = 0; s < walk->nsources; s++)
	{
		const TsdbGroupColumn *directory = &walk->directories[s];
		TsdbSummary *first = NULL;
		uint32 n = 0;

		if (walk->sources[s].fields == 0)
			continue;
		if (directory->cells[walk->block_no].nbytes == 0)
			return false;
		for (uint32 i = 0; i < directory->nsubs; i++)
		{
			TsdbSummary *sub = &walk->group_subs[s][i];

			if (sub->first_row_time > block->last_time)
				break;
			if (sub->first_row_time >= block->first_time && n++ == 0)
				first = sub;
		}
		if (n == 0 || (any && n != walk->nsubs))
			return false;
		walk->subs.summaries[s] = first;
		walk->nsubs = n;
		any = true;
	}
	return any;
}

TsdbAggregateAnswer
tsdb_aggregate_level_ask(TsdbAggregateWalk *walk, const TsdbAggregateLevel *level, TsdbAggregateStretch *stretch, TsdbAggregatePiece *piece)
{
	TsdbAggregator *aggregator = walk->aggregator;
	bool has_windows = aggregator->request.windows != NULL;
	int64 from = has_windows ? walk->window_from : walk->from;
	int64 until = has_windows ? walk->stop.time : walk->until;
	TsdbFilterVerdict verdict;

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
	piece->summaries = walk->summaries;
	piece->nrows = stretch->nrows;
	piece->first_time = stretch->first_time;
	piece->last_time = stretch->last_time;
	return ANSWER_PIECE;
}

// private functions

/* One summary per block; empty ones for blocks that are older than the column. */
static void
load_block_summaries(TsdbAggregateWalk *walk, int s)
{
	const TsdbSegment *segment = &walk->stored.segment;
	TsdbGroupColumn *directory = &walk->directories[s];
	TsdbSummary *stored;
	TsdbSummary *summaries;
	uint32 next = 0;

	walk->has_directory[s] = tsdb_segstore_groupcolumn(walk->store, walk->rel, walk->snapshot, segment, &walk->base,
													   walk->columns[s], directory);
	if (!walk->has_directory[s] || (directory->nsummaries == 0 && walk->base.nblocks > 1))
		return;
	if (directory->nsummaries == 0)
	{
		/* A group of one block: its summary is the group's. */
		walk->blocks.summaries[s] =
			&walk->root.summaries[s][tsdb_segment_group_summary(segment, walk->group_no)];
		return;
	}
	stored = decode(walk, directory->summaries, s, directory->nsummaries, segment->groups[walk->group_no].from_us);
	if (directory->nsummaries == walk->base.nblocks)
	{
		walk->blocks.summaries[s] = stored;
		return;
	}
	summaries = palloc0_array(TsdbSummary, walk->base.nblocks);
	for (uint32 i = 0; i < walk->base.nblocks; i++)
		if (directory->cells[i].nbytes > 0)
			summaries[i] = stored[next++];
	walk->blocks.summaries[s] = summaries;
}

static bool
load_subs(TsdbAggregateWalk *walk)
{
	MemoryContext old;
	int64 sub_us = 0;

	for (int s = 0; s < walk->nsources; s++)
	{
		if (walk->sources[s].fields == 0)
			continue;
		if (!walk->has_directory[s] || walk->directories[s].sub_us == 0 || walk->directories[s].nsubs == 0 ||
			(sub_us != 0 && walk->directories[s].sub_us != sub_us))
			return false;
		sub_us = walk->directories[s].sub_us;
	}
	if (sub_us == 0)
		return false;
	old = MemoryContextSwitchTo(walk->group_context);
	clear_level(walk, &walk->subs);
	for (int s = 0; s < walk->nsources; s++)
	{
		walk->subs.has_qualities[s] = walk->root.has_qualities[s];
		if (walk->sources[s].fields != 0)
			walk->group_subs[s] = decode(walk, walk->directories[s].subs, s, walk->directories[s].nsubs,
										 walk->stored.segment.groups[walk->group_no].from_us);
	}
	MemoryContextSwitchTo(old);
	walk->sub_us = sub_us;
	walk->has_subs = true;
	return true;
}

static TsdbSummary *
decode(TsdbAggregateWalk *walk, TsdbSpan bytes, int s, uint32 n, int64 base_us)
{
	TsdbMem mem = tsdb_mem_context(CurrentMemoryContext);
	TsdbSummary *summaries = palloc_array(TsdbSummary, n + 1);

	TSDB_CHECK(tsdb_summaries_decode(bytes, walk->sources[s].wanted.type, summaries, n, base_us,
									 walk->sources[s].fields, &mem),
			   walk->rel, "Summaries of column %d of series %u, segment %d, do not decode.",
			   walk->sources[s].wanted.attnum, walk->stored.segment.series, walk->stored.segment.segment_no);
	return summaries;
}

static void
clear_level(TsdbAggregateWalk *walk, TsdbAggregateLevel *level)
{
	for (int s = 0; s < walk->nsources; s++)
	{
		level->summaries[s] = NULL;
		level->has_qualities[s] = false;
	}
	level->times = NULL;
}

/* Times of the first and last row, from a column that all rows store. */
static bool
find_times(TsdbAggregateWalk *walk, const TsdbAggregateLevel *level, TsdbAggregateStretch *stretch)
{
	for (int s = 0; s < walk->nsources; s++)
	{
		const TsdbSummary *summary = level->summaries[s] != NULL ? &level->summaries[s][stretch->index] : NULL;

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
	const TsdbSummary *summary = level->summaries[s] != NULL ? &level->summaries[s][stretch->index] : NULL;
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
		if ((source->asked & (TSDB_SUMMARY_QUALITY | TSDB_SUMMARY_INTEGRALS)) &&
			(summary == &walk->patched[s] || !level->has_qualities[s]))
			return false;
		walk->summaries[s] = summary;
	}
	return true;
}
