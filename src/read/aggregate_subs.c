/*-------------------------------------------------------------------------
 *
 * aggregate_subs.c
 *	  Sub-summaries of the block at hand: which kind serves, load it.
 *
 * Whole ones serve where cells end at the edges of their spans: days of UTC.  Where cells end elsewhere, at midnights of
 * other zones, finer ones of sums and extremes do, if no other field is asked for; parts that are cut are decoded.
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "format/grid.h"
#include "format/subs.h"
#include "read/aggregate_private.h"

#define MANY_CELLS 4 /* in a group: reading all of its fine parts pays */

static TsdbSubKind choose_kind(TsdbAggregateWalk *walk);
static TsdbSubKind fine_kind(const TsdbAggregateWalk *walk);
static bool has_many_cells(const TsdbAggregateWalk *walk, TsdbBucket bucket);
static int64 span_of(const TsdbAggregateWalk *walk, TsdbSubKind kind);
static bool has_kind(TsdbAggregateWalk *walk, TsdbSubKind kind);
static bool fits(TsdbAggregateWalk *walk, int64 span_us);
static bool is_edge(int64 time, int64 span_us);
static bool load(TsdbAggregateWalk *walk, TsdbSubKind kind);
static bool load_column(TsdbAggregateWalk *walk, TsdbSubKind kind, int s);
static bool add_sums(TsdbAggregateWalk *walk, int s);
static bool find_parts(TsdbAggregateWalk *walk);
static uint32 find_sub(const TsdbAggregateWalk *walk, int s, int64 time);
static bool covers_group(TsdbAggregateWalk *walk, TsdbSubKind kind);
static uint32 find_passed(const TsdbAggregateWalk *walk, uint32 n);

bool
tsdb_aggregate_subs_find(TsdbAggregateWalk *walk)
{
	const TsdbBlock *block = &walk->base.blocks[walk->block_no];
	TsdbBucket bucket = tsdb_aggregate_bucket(walk->aggregator, Max(walk->pos.time, block->first_time));
	TsdbSubKind kind = choose_kind(walk);

	if (!has_kind(walk, kind))
		return false;
	/* Cells shorter than the parts. */
	if (bucket.until != PG_INT64_MAX && bucket.from != PG_INT64_MIN && bucket.until - bucket.from < walk->sub_us[kind])
		return false;
	walk->sub_kind = kind;
	if (find_parts(walk))
		return true;
	/* Fine ones may be left out. */
	walk->sub_kind = TSDB_SUBS_WHOLE;
	return kind != TSDB_SUBS_WHOLE && has_kind(walk, TSDB_SUBS_WHOLE) && find_parts(walk);
}

uint32
tsdb_aggregate_subs_of_group(TsdbAggregateWalk *walk, uint32 *index)
{
	TsdbSubKind kind = fine_kind(walk);
	int64 whole_us = span_of(walk, TSDB_SUBS_WHOLE);
	TsdbBucket bucket;
	uint32 n;

	bucket = tsdb_aggregate_bucket(walk->aggregator, walk->pos.time);
	/* Whole ones serve without the others being read. */
	if (kind == TSDB_SUBS_WHOLE || !has_many_cells(walk, bucket) || (whole_us > 0 && is_edge(Min(bucket.until, walk->stop.time), whole_us)) ||
		!has_kind(walk, kind) || !covers_group(walk, kind))
		return 0;
	if (bucket.until - bucket.from < walk->sub_us[kind])
		return 0;
	walk->sub_kind = kind;
	n = walk->directories[walk->subs[kind].strip_source].subs[kind].n;
	*index = find_passed(walk, n);
	return n;
}

uint64
tsdb_aggregate_subs_rows(TsdbAggregateWalk *walk, uint32 n)
{
	const TsdbAggregateLevel *level = &walk->subs[walk->sub_kind];
	uint64 nrows = 0;

	for (int s = 0; s < walk->nsources; s++)
	{
		const TsdbSummaryArrays *arrays = &level->arrays[s];
		uint32 from = level->offsets[s];

		if (arrays->is_plain)
			return arrays->row_totals[from + n] - arrays->row_totals[from];
		if (level->summaries[s] == NULL)
			continue;
		for (uint32 i = 0; i < n; i++)
			nrows += level->summaries[s][from + i].nrows;
		return nrows;
	}
	return 0;
}

// private functions

static TsdbSubKind
choose_kind(TsdbAggregateWalk *walk)
{
	TsdbSubKind fine = fine_kind(walk);

	int64 whole_us = span_of(walk, TSDB_SUBS_WHOLE);

	if (fine == TSDB_SUBS_WHOLE || (whole_us > 0 && fits(walk, whole_us)))
		return TSDB_SUBS_WHOLE;
	/* To read all of the group's for one edge, and decode all the same, would be dear. */
	if (!has_many_cells(walk, tsdb_aggregate_bucket(walk->aggregator, walk->pos.time)) && !fits(walk, span_of(walk, fine)))
		return TSDB_SUBS_WHOLE;
	return has_kind(walk, fine) ? fine : TSDB_SUBS_WHOLE;
}

/* Are there several cells like this in the group? */
static bool
has_many_cells(const TsdbAggregateWalk *walk, TsdbBucket bucket)
{
	const TsdbSegmentGroup *group = &walk->stored.segment.groups[walk->group_no];

	return bucket.until != PG_INT64_MAX && bucket.from != PG_INT64_MIN &&
		   bucket.until - bucket.from < (group->until_us - group->from_us) / MANY_CELLS;
}

/* The fine ones that have what is asked for; WHOLE: none have. */
static TsdbSubKind
fine_kind(const TsdbAggregateWalk *walk)
{
	uint32 fields = 0;

	for (int s = 0; s < walk->nsources; s++)
		fields |= walk->sources[s].fields;
	if (walk->aggregator->request.nterms > 0 || fields == 0 ||
		(fields & ~(tsdb_subs_fields(TSDB_SUBS_SUMS) | tsdb_subs_fields(TSDB_SUBS_EXTREMES))) != 0)
		return TSDB_SUBS_WHOLE;
	return fields & TSDB_SUMMARY_MINMAX ? TSDB_SUBS_EXTREMES : TSDB_SUBS_SUMS;
}

/* Span of a kind, 0 when there are none. */
static int64
span_of(const TsdbAggregateWalk *walk, TsdbSubKind kind)
{
	for (int s = 0; s < walk->nsources; s++)
		if (walk->sources[s].fields != 0)
			return walk->has_directory[s] ? walk->directories[s].subs[kind].span_us : 0;
	return 0;
}

/* Loaded now, or before. */
static bool
has_kind(TsdbAggregateWalk *walk, TsdbSubKind kind)
{
	if (!walk->is_sub_tried[kind])
	{
		walk->is_sub_tried[kind] = true;
		walk->has_subs[kind] = load(walk, kind);
	}
	return walk->has_subs[kind];
}

/* Do what cuts the block, the edge of the cell at pos and that of what is allowed, lie at edges of such spans? */
static bool
fits(TsdbAggregateWalk *walk, int64 span_us)
{
	const TsdbBlock *block = &walk->base.blocks[walk->block_no];
	int64 from = Max(walk->pos.time, block->first_time);
	int64 until = Min(tsdb_aggregate_bucket(walk->aggregator, from).until, walk->stop.time);

	return (from == block->first_time || is_edge(from, span_us)) && (until > block->last_time || is_edge(until, span_us));
}

static bool
is_edge(int64 time, int64 span_us)
{
	int64 start_us;

	return span_us > 0 && tsdb_grid_floor(time, span_us, &start_us) && start_us == time;
}

static bool
load(TsdbAggregateWalk *walk, TsdbSubKind kind)
{
	int64 sub_us = 0;
	bool is_loaded = true;
	MemoryContext old;

	for (int s = 0; s < walk->nsources; s++)
	{
		const TsdbSubs *subs = &walk->directories[s].subs[kind];

		if (walk->sources[s].fields == 0)
			continue;
		if (!walk->has_directory[s] || subs->span_us == 0 || subs->n == 0 || (sub_us != 0 && subs->span_us != sub_us))
			return false;
		sub_us = subs->span_us;
	}
	if (sub_us == 0)
		return false;
	old = MemoryContextSwitchTo(walk->group_context);
	tsdb_aggregate_level_clear(walk, &walk->subs[kind]);
	for (int s = 0; is_loaded && s < walk->nsources; s++)
	{
		walk->subs[kind].has_qualities[s] = walk->root.has_qualities[s];
		is_loaded = walk->sources[s].fields == 0 || load_column(walk, kind, s);
	}
	MemoryContextSwitchTo(old);
	walk->sub_us[kind] = sub_us;
	return is_loaded;
}

static bool
load_column(TsdbAggregateWalk *walk, TsdbSubKind kind, int s)
{
	const TsdbSubs *subs = &walk->directories[s].subs[kind];
	uint32 fields = walk->sources[s].fields & tsdb_subs_fields(kind);
	int64 from_us = walk->stored.segment.groups[walk->group_no].from_us;
	TsdbSpan bytes = tsdb_segstore_chunk(walk->store, walk->rel, walk->snapshot, &walk->stored.segment, subs->ref);

	tsdb_aggregate_level_decode(walk, &walk->subs[kind], bytes, s, fields, subs->n, from_us);
	if (kind == TSDB_SUBS_WHOLE)
		return true;
	if (!walk->subs[kind].arrays[s].is_plain)
		return false;
	return kind != TSDB_SUBS_EXTREMES || (walk->sources[s].fields & TSDB_SUMMARY_SUM) == 0 || add_sums(walk, s);
}

/* Sums for those of extremes, whose spans are as wide or wider. */
static bool
add_sums(TsdbAggregateWalk *walk, int s)
{
	TsdbSummaryArrays *extremes = &walk->subs[TSDB_SUBS_EXTREMES].arrays[s];
	const TsdbSummaryArrays *sums = &walk->subs[TSDB_SUBS_SUMS].arrays[s];
	uint32 next = 0;

	if (!has_kind(walk, TSDB_SUBS_SUMS))
		return false;
	extremes->sums = palloc_array(int64, extremes->n);
	extremes->decimals = sums->decimals;
	if (sums->sum_totals == NULL)
		return false;
	extremes->sum_totals = palloc_array(int64, extremes->n + 1);
	extremes->sum_totals[0] = 0;
	for (uint32 i = 0; i < extremes->n; i++)
	{
		uint64 nrows = 0;

		extremes->sums[i] = 0;
		while (next < sums->n && sums->first_row_times[next] < extremes->first_row_times[i])
			next++;
		for (; next < sums->n && sums->last_row_times[next] <= extremes->last_row_times[i]; next++)
		{
			nrows += sums->nrows[next];
			extremes->sums[i] += sums->sums[next];
		}
		if (nrows != extremes->nrows[i])
			return false;
		extremes->sum_totals[i + 1] = extremes->sum_totals[i] + extremes->sums[i];
	}
	return true;
}

static bool
find_parts(TsdbAggregateWalk *walk)
{
	const TsdbBlock *block = &walk->base.blocks[walk->block_no];
	TsdbAggregateLevel *level = &walk->subs[walk->sub_kind];
	int strip_source = -1;
	bool any = false;

	for (int s = 0; s < walk->nsources; s++)
	{
		uint32 first;
		uint32 n;

		if (walk->sources[s].fields == 0)
			continue;
		if (walk->directories[s].nsummaries < walk->base.nblocks && tsdb_aggregate_level_cells(walk, s)[walk->block_no].nbytes == 0)
			return false;
		first = find_sub(walk, s, block->first_time);
		n = find_sub(walk, s, block->last_time + 1) - first;
		if (n == 0 || (any && n != walk->nsubs))
			return false;
		level->offsets[s] = first;
		walk->nsubs = n;
		any = true;
	}
	if (any)
		strip_source = tsdb_aggregate_level_find_strip(walk, level);
	for (uint32 i = 0; strip_source >= 0 && walk->nsources > 1 && i < walk->nsubs; i++)
		if (!tsdb_aggregate_level_covers(walk, level, i, level->arrays[strip_source].nrows[level->offsets[strip_source] + i]))
			strip_source = -1;
	level->strip_source = strip_source;
	walk->sub_no = strip_source < 0 ? 0 : find_passed(walk, walk->nsubs);
	return any;
}

/* The first sub-summary of a column whose rows begin at a time or later. */
static uint32
find_sub(const TsdbAggregateWalk *walk, int s, int64 time)
{
	const TsdbAggregateLevel *level = &walk->subs[walk->sub_kind];
	const TsdbSummaryArrays *arrays = &level->arrays[s];
	uint32 low = 0;
	uint32 high = walk->directories[s].subs[walk->sub_kind].n;

	while (low < high)
	{
		uint32 middle = low + (high - low) / 2;
		int64 first = arrays->is_plain ? arrays->first_row_times[middle] : level->summaries[s][middle].first_row_time;

		if (first < time)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/*
 * covers_group - are there parts of all rows of the group, the same ones for all that is asked for?
 *
 * Then offsets and strip_source are those of the group.
 */
static bool
covers_group(TsdbAggregateWalk *walk, TsdbSubKind kind)
{
	TsdbAggregateLevel *level = &walk->subs[kind];
	uint64 nrows = walk->stored.segment.groups[walk->group_no].nrows;
	int first = -1;

	for (int s = 0; s < walk->nsources; s++)
	{
		const TsdbSummaryArrays *arrays = &level->arrays[s];

		level->offsets[s] = 0;
		if (walk->sources[s].output < 0 || walk->sources[s].fields == 0)
			continue;
		if (arrays->row_totals[arrays->n] != nrows)
			return false;
		if (first < 0)
			first = s;
		else if (arrays->n != level->arrays[first].n ||
				 memcmp(arrays->row_totals, level->arrays[first].row_totals, arrays->n * sizeof(uint64)) != 0)
			return false;
	}
	level->strip_source = first;
	return first >= 0;
}

/* Of n parts, how many end before pos? */
static uint32
find_passed(const TsdbAggregateWalk *walk, uint32 n)
{
	const TsdbAggregateLevel *level = &walk->subs[walk->sub_kind];
	const int64 *lasts = level->arrays[level->strip_source].last_row_times + level->offsets[level->strip_source];
	uint32 low = 0;
	uint32 high = n;

	while (low < high)
	{
		uint32 middle = low + (high - low) / 2;

		if (lasts[middle] < walk->pos.time)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}
