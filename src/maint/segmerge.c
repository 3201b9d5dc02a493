/*-------------------------------------------------------------------------
 *
 * segmerge.c
 *	  Rows of runs into segments.
 *
 * Walks over all runs in step, segment by segment in the order of keys.  For each one that is to
 * be merged the stretches of time that runs have rows in are merged window by
 * window with the blocks that lie there, and handed to segbuild.c.
 *
 * A segment's watermark rises to the barrier, so every row below the barrier has to go in:
 * once a segment is merged, all runs that touch it are.  Between
 * segments one may stop at any time.
 *
 * Memory: one window of rows, the blocks in it, one chunk per run.
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "format/grid.h"
#include "maint/progress.h"
#include "maint/segbuild.h"
#include "maint/segwalk.h"
#include "miscadmin.h"
#include "pg/check.h"
#include "storage/lmgr.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#define WINDOW_ROWS (4 * TSDB_MAX_VALUES) /* rows gathered at a time, unless they are of one time */
#define BLOCK_TEXT_BYTES (64 * 1024 * 1024) /* strings of a block */
#define GROUP_BLOCKS 256 /* of a group that is complete: what one read of summaries brings */
#define PART_BLOCKS 2048 /* of a group that fills, at most */
#define SPARSE_ROWS 64 /* rows that say nothing about the density of a segment */
#define STEP_US INT64CONST(2000000) /* after which a worker ends its transaction */

/* The segment that is being merged. */
typedef struct Merge
{
	TsdbCompaction *compaction;
	TsdbRunCursors *cursors;
	TsdbRunCursor **active; /* cursors with rows in the segment */
	uint32 nactive;
	bool has_old;
	TsdbStoredSegment stored;
	uint64 watermark;
	TsdbSegmentPlan plan;
	TsdbSegmentBuild *build;
	bool is_walking; /* relayout of an old segment */
	TsdbSegmentWalk walk;
	const TsdbBatch *block; /* old block being replaced, NULL = none */
	MemoryContext context; /* the segment */
	MemoryContext block_context;
	MemoryContext window;
	TsdbMergeSource *base; /* old rows of the window */
	int nbase;
	int base_capacity;
} Merge;

static bool next_driver(TsdbCompaction *compaction, TsdbRunCursor *list, uint32 ncursors, TsdbKey *key);
static void skip_series(TsdbCompaction *compaction, TsdbRunCursors *cursors, TsdbRunCursor *list, uint32 ncursors, TsdbKey from);
static bool should_stop(TsdbCompaction *compaction);
static void merge_segment(TsdbCompaction *compaction, TsdbRunCursors *cursors, uint32 series, int32 segment_no);
static void start_walk(Merge *merge);
static void find_active(Merge *merge);
static void make_plan(Merge *merge);
static int64 choose_block_us(const Merge *merge, double nrows, double span_us);
static int64 choose_part_us(int64 block_us, int64 segment_us);
static int64 choose_group_us(int64 block_us, int64 segment_us);
static bool choose_rewrite(const Merge *merge, double nnew, int64 first_us, int64 last_us);
static double share_replaced(const Merge *merge, double nnew, int64 first_us, int64 last_us);
static bool next_time(Merge *merge, int64 *time_us);
static void merge_next(Merge *merge, int64 time_us);
static void find_span(Merge *merge, const TsdbLoadedGroup *loaded, int64 time_us,
					  int64 *from_us, int64 *until_us, int64 *block_index);
static uint64 count_rows(Merge *merge, int64 until_us);
static void merge_span(Merge *merge, int64 from_us, int64 until_us);
static void take_rows(Merge *merge, int64 until_us);
static bool has_news(Merge *merge);
static void merge_window(Merge *merge, int64 from_us, int64 until_us);
static void emit_rows(Merge *merge, const TsdbBatch *rows, uint32 from, uint32 until, int64 from_us, int64 until_us);
static bool fits_block(const TsdbBatch *rows, uint32 from, uint32 until);
static void add_base(Merge *merge, const TsdbBatch *batch, uint32 from, uint32 until);
static uint32 find_time(const TsdbBatch *batch, int64 time_us);
static void take_base(Merge *merge, int64 until_us);
static void begin_rebuild(Merge *merge, TsdbCompaction *compaction, const TsdbStoredSegment *stored, bool rewrite);
static void prepare_rebuild(Merge *merge, TsdbCompaction *compaction, const TsdbStoredSegment *stored);
static uint64 finish_segment(Merge *merge, uint64 merged_seq);

void
tsdb_segmerge_run(TsdbCompaction *compaction)
{
	TsdbRunCursors *cursors;
	TsdbRunCursor *list;
	uint32 ncursors;
	TsdbKey key;

	cursors = tsdb_runcursor_open(compaction->store, compaction->rel, compaction->snapshot, &compaction->table,
								  compaction->runs, compaction->is_candidate, compaction->nruns,
								  (Size) maintenance_work_mem * 1024);
	list = tsdb_runcursor_list(cursors, &ncursors);
	tsdb_progress_phase(TSDB_PHASE_SEGMENTS, 0);
	while (next_driver(compaction, list, ncursors, &key))
	{
		int32 segment_no;
		int64 from_us;

		CHECK_FOR_INTERRUPTS();
		if (should_stop(compaction))
		{
			compaction->result->stopped = true;
			break;
		}
		if (key.time >= compaction->cutoff_us)
		{
			/* The rest of the series is younger still. */
			skip_series(compaction, cursors, list, ncursors, key);
			continue;
		}
		if (!tsdb_grid_segment(key.time, compaction->segment_us, &segment_no, &from_us))
			TSDB_CHECK(TSDB_CORRUPT, compaction->rel, "A row of series %u lies outside of time.", key.series);
		merge_segment(compaction, cursors, key.series, segment_no);
		tsdb_progress_set(compaction->result->rows);
	}
	for (uint32 i = 0; i < ncursors; i++)
	{
		compaction->rows_taken += list[i].taken;
		if (list[i].taken == list[i].stored->run.nrows)
			compaction->is_merged[list[i].index] = true;
	}
	tsdb_runcursor_close(cursors);
}

void
tsdb_segmerge_rewrite(TsdbCompaction *compaction, const TsdbStoredSegment *stored)
{
	Merge merge;

	begin_rebuild(&merge, compaction, stored, true);
	(void) finish_segment(&merge, stored->segment.merged_seq);
}

void
tsdb_segmerge_recode(TsdbCompaction *compaction, const TsdbStoredSegment *stored)
{
	Merge merge;
	MemoryContext caller;
	int64 time_us;

	prepare_rebuild(&merge, compaction, stored);
	merge.plan.relayout = true;
	merge.plan.part_us = choose_part_us(stored->segment.block_us, compaction->segment_us);
	if (stored->segment.ngroups > 0)
		merge.plan.last_us = stored->segment.groups[stored->segment.ngroups - 1].until_us - 1;
	caller = MemoryContextSwitchTo(merge.context);
	merge.cursors = tsdb_runcursor_open(compaction->store, compaction->rel, compaction->snapshot, &compaction->table,
										NULL, NULL, 0, 0);
	merge.watermark = stored->segment.merged_seq;
	merge.build = tsdb_segbuild_begin(compaction, &merge.plan, &merge.stored);
	start_walk(&merge);
	while (next_time(&merge, &time_us))
		merge_next(&merge, time_us);
	MemoryContextSwitchTo(caller);
	(void) finish_segment(&merge, stored->segment.merged_seq);
}

void
tsdb_segmerge_layout(TsdbCompaction *compaction, TsdbSegmentPlan *plan, const TsdbSegment *old, double nrows, double span_us)
{
	Merge merge = {0};

	merge.compaction = compaction;
	if (old != NULL && old->nrows > 0)
	{
		plan->block_us = old->block_us;
		plan->group_us = old->group_us;
	}
	else
	{
		plan->block_us = choose_block_us(&merge, nrows, span_us);
		plan->group_us = choose_group_us(plan->block_us, compaction->segment_us);
	}
	tsdb_segsubs_choose(plan, nrows / span_us);
}

// private functions

/* The lowest key of the runs that may have rows before the cutoff. */
static bool
next_driver(TsdbCompaction *compaction, TsdbRunCursor *list, uint32 ncursors, TsdbKey *key)
{
	bool found = false;

	key->series = PG_UINT32_MAX;
	key->time = PG_INT64_MAX;
	for (uint32 i = 0; i < ncursors; i++)
	{
		if (tsdb_runcursor_is_done(&list[i]) || list[i].stored->run.min_time >= compaction->cutoff_us)
			continue;
		if (!found || tsdb_key_compare(list[i].key, *key) < 0)
			*key = list[i].key;
		found = true;
	}
	return found;
}

/* Move the drivers that stand in a series behind it. */
static void
skip_series(TsdbCompaction *compaction, TsdbRunCursors *cursors, TsdbRunCursor *list, uint32 ncursors, TsdbKey from)
{
	TsdbKey next = {from.series + 1, PG_INT64_MIN};

	for (uint32 i = 0; i < ncursors; i++)
		if (list[i].stored->run.min_time < compaction->cutoff_us)
			tsdb_runcursor_seek(cursors, &list[i], next);
}

/*
 * A worker commits now and then, which makes way for those who want the table for themselves.  (To ask
 * LockHasWaitersRelation() crashes: a lock as weak as ours may be held by the fast path, which it doesn't know.)
 */
static bool
should_stop(TsdbCompaction *compaction)
{
	return compaction->yield && GetCurrentTimestamp() - compaction->started > STEP_US;
}

static void
merge_segment(TsdbCompaction *compaction, TsdbRunCursors *cursors, uint32 series, int32 segment_no)
{
	Merge merge = {0};
	MemoryContext caller;
	int64 time_us;

	merge.compaction = compaction;
	merge.cursors = cursors;
	merge.context = AllocSetContextCreate(CurrentMemoryContext, "tsdb segment merge", ALLOCSET_DEFAULT_SIZES);
	merge.block_context = AllocSetContextCreate(merge.context, "tsdb old block", ALLOCSET_DEFAULT_SIZES);
	merge.window = AllocSetContextCreate(merge.context, "tsdb merge window", ALLOCSET_DEFAULT_SIZES);
	merge.plan.series = series;
	merge.plan.segment_no = segment_no;
	merge.plan.from_us = tsdb_grid_segment_start(segment_no, compaction->segment_us);
	merge.plan.until_us = segment_no == PG_INT32_MAX ? PG_INT64_MAX : tsdb_grid_segment_start(segment_no + 1, compaction->segment_us);

	caller = MemoryContextSwitchTo(merge.context);
	merge.has_old = tsdb_segstore_find(compaction->store, compaction->rel, compaction->snapshot, series, segment_no,
									   &merge.stored);
	if (merge.has_old)
		merge.watermark = merge.stored.segment.merged_seq;
	find_active(&merge);
	make_plan(&merge);
	merge.build = tsdb_segbuild_begin(compaction, &merge.plan, merge.has_old ? &merge.stored : NULL);
	if (merge.plan.relayout)
		start_walk(&merge);
	while (next_time(&merge, &time_us))
		merge_next(&merge, time_us);
	MemoryContextSwitchTo(caller);
	/* A run that this transaction itself has merged holds the barrier below what is in segments already. */
	(void) finish_segment(&merge, Max(merge.watermark, compaction->barrier));
}

/* All of the old segment is taken apart. */
static void
start_walk(Merge *merge)
{
	merge->is_walking = true;
	tsdb_segwalk_start(&merge->walk, merge->compaction, &merge->stored.segment, merge->context);
}

/* Cursors with rows in the segment, moved to the first of them. */
static void
find_active(Merge *merge)
{
	TsdbKey from = {merge->plan.series, merge->plan.from_us};
	TsdbKey until = {merge->plan.series, merge->plan.until_us};
	uint32 ncursors;
	TsdbRunCursor *list = tsdb_runcursor_list(merge->cursors, &ncursors);

	merge->active = palloc_array(TsdbRunCursor *, ncursors + 1);
	for (uint32 i = 0; i < ncursors; i++)
	{
		tsdb_runcursor_seek(merge->cursors, &list[i], from);
		if (!tsdb_runcursor_is_done(&list[i]) && tsdb_key_compare(list[i].key, until) < 0)
			merge->active[merge->nactive++] = &list[i];
	}
}

/* Spans of blocks and groups, and how much of the old tree stays. */
static void
make_plan(Merge *merge)
{
	TsdbCompaction *compaction = merge->compaction;
	const TsdbSegment *old = &merge->stored.segment;
	TsdbSegmentPlan *plan = &merge->plan;
	TsdbKey until = {plan->series, plan->until_us};
	bool has_rows = merge->has_old && old->nrows > 0;
	double nrows = has_rows ? old->nrows : 0;
	int64 first_us = PG_INT64_MAX;
	int64 last_us = PG_INT64_MIN;
	int64 old_first_us;
	int64 old_last_us;
	double span_us;

	for (uint32 i = 0; i < merge->nactive; i++)
	{
		nrows += tsdb_runcursor_count(merge->cursors, merge->active[i], until);
		first_us = Min(first_us, merge->active[i]->key.time);
		last_us = Max(last_us, tsdb_runcursor_last_time(merge->cursors, merge->active[i], until));
	}
	plan->rewrite = has_rows && choose_rewrite(merge, nrows - (double) old->nrows, first_us, last_us);
	if (has_rows && tsdb_segload_extent(compaction, old, &old_first_us, &old_last_us))
	{
		first_us = Min(first_us, old_first_us);
		last_us = Max(last_us, old_last_us);
	}
	span_us = (double) last_us - (double) first_us;
	span_us = nrows > 1 ? span_us * nrows / (nrows - 1) : 0;
	if (nrows < SPARSE_ROWS)
		span_us = (double) plan->until_us - (double) plan->from_us;
	span_us = Max(span_us, (double) compaction->table.sample_us);

	plan->block_us = choose_block_us(merge, nrows, span_us);
	plan->relayout = has_rows && (plan->block_us != old->block_us || tsdb_segload_has_other_quality(compaction, old) ||
								  (compaction->materialize && tsdb_segload_lacks_values(compaction, old)));
	plan->group_us = has_rows && !plan->relayout ? old->group_us : choose_group_us(plan->block_us, compaction->segment_us);
	plan->part_us = choose_part_us(plan->block_us, compaction->segment_us);
	plan->last_us = last_us;
	plan->gathers = true;
	tsdb_segsubs_choose(plan, nrows / span_us);
}

/* The option, or what suits the density; an old span that is not far off stays. */
static int64
choose_block_us(const Merge *merge, double nrows, double span_us)
{
	const TsdbTable *table = &merge->compaction->table;
	int64 segment_us = merge->compaction->segment_us;
	const TsdbSegment *old = &merge->stored.segment;

	if (table->block_us > 0)
		return Min(table->block_us, segment_us);
	if (merge->has_old && old->nrows > 0)
	{
		double expected = nrows * (double) old->block_us / span_us;

		if (expected >= TSDB_MAX_VALUES / 16 && expected <= TSDB_MAX_VALUES)
			return old->block_us;
	}
	return tsdb_grid_choose_block((uint64) nrows, (int64) Min(span_us, (double) segment_us), table->sample_us, segment_us);
}

/* A day or a 64th of the segment, whichever is more, in whole blocks; less when that would be too many blocks. */
static int64
choose_part_us(int64 block_us, int64 segment_us)
{
	int64 part_us = TSDB_US_PER_DAY;

	if (segment_us / 64 > part_us)
		part_us = (segment_us / 64 + TSDB_US_PER_DAY - 1) / TSDB_US_PER_DAY * TSDB_US_PER_DAY;
	part_us = Max((part_us + block_us - 1) / block_us, 1) * block_us;
	while (part_us / block_us > PART_BLOCKS && part_us / block_us % 2 == 0)
		part_us /= 2;
	if (part_us / block_us > PART_BLOCKS)
		part_us = block_us * (PART_BLOCKS / 2);
	return Min(part_us, segment_us);
}

/* As many blocks as are read at once, or the whole segment when it is not many more; at least a part. */
static int64
choose_group_us(int64 block_us, int64 segment_us)
{
	int64 part_us = choose_part_us(block_us, segment_us);

	if (segment_us / block_us <= GROUP_BLOCKS)
		return segment_us;
	return Max(part_us, block_us * GROUP_BLOCKS);
}

/* Is so much of the stream dead, or about to be, that a new one is better?  nnew rows of runs, at first .. last. */
static bool
choose_rewrite(const Merge *merge, double nnew, int64 first_us, int64 last_us)
{
	const TsdbCompaction *compaction = merge->compaction;
	const TsdbSegment *old = &merge->stored.segment;
	bool is_full = compaction->mode == TSDB_COMPACT_FULL;
	double wasted = tsdb_segment_wasted_bytes(old);
	double live = old->stream_bytes - old->dead_bytes;
	double share = share_replaced(merge, is_full ? old->nrows : nnew, first_us, last_us);

	wasted += live * share;
	if (is_full)
		return wasted > 0.05 * old->stream_bytes;
	/* Blocks of the past come seldom again; until then what is copied is not to be more than what it gives back. */
	if (old->until_us < Min(compaction->cutoff_us, compaction->started))
		return wasted > 0.1 * old->stream_bytes;
	return wasted > live * (1 - share);
}

/* share_replaced - of the old rows those in blocks that nnew rows at first .. last will replace, at most. */
static double
share_replaced(const Merge *merge, double nnew, int64 first_us, int64 last_us)
{
	const TsdbSegment *old = &merge->stored.segment;
	double from_us = (double) first_us - (double) old->block_us;
	double until_us = (double) last_us + (double) old->block_us;
	double nreached = 0;
	double nblocks = 0;

	for (uint32 g = 0; g < old->ngroups; g++)
	{
		const TsdbSegmentGroup *group = &old->groups[g];
		double overlap_us = Min(until_us, (double) group->until_us) - Max(from_us, (double) group->from_us);

		nblocks += group->nblocks;
		if (overlap_us > 0)
			nreached += (double) group->nrows * overlap_us / ((double) group->until_us - (double) group->from_us);
	}
	return Min(nreached / (double) old->nrows, nnew / Max(nblocks, 1));
}

/* The next time that runs (or the old blocks that are taken apart) have a row at. */
static bool
next_time(Merge *merge, int64 *time_us)
{
	bool found;

	*time_us = PG_INT64_MAX;
	found = merge->is_walking && tsdb_segwalk_time(&merge->walk, time_us);
	for (uint32 i = 0; i < merge->nactive; i++)
	{
		const TsdbRunCursor *cursor = merge->active[i];

		if (tsdb_runcursor_is_done(cursor) || cursor->key.series != merge->plan.series ||
			cursor->key.time >= merge->plan.until_us)
			continue;
		if (!found || cursor->key.time < *time_us)
			*time_us = cursor->key.time;
		found = true;
	}
	return found;
}

/* Merge the block span around a time. */
static void
merge_next(Merge *merge, int64 time_us)
{
	const TsdbLoadedGroup *loaded = tsdb_segbuild_enter(merge->build, time_us);
	int64 from_us;
	int64 until_us;
	int64 block_index;

	find_span(merge, loaded, time_us, &from_us, &until_us, &block_index);
	if (!merge->is_walking && count_rows(merge, until_us) <= WINDOW_ROWS)
	{
		take_rows(merge, until_us);
		if (!has_news(merge))
		{
			tsdb_runcursor_release(merge->cursors);
			return;
		}
	}
	if (block_index >= 0)
	{
		MemoryContext caller = MemoryContextSwitchTo(merge->block_context);
		TsdbBatch *block = palloc(sizeof(TsdbBatch));

		tsdb_segload_block(merge->compaction, &merge->stored.segment, loaded, block_index, block);
		MemoryContextSwitchTo(caller);
		merge->block = block;
		tsdb_segbuild_replace(merge->build, block_index);
	}
	merge_span(merge, from_us, until_us);
	merge->block = NULL;
	MemoryContextReset(merge->block_context);
}

/* The old block that covers a time, or else the span of the grid, as far as it is free. */
static void
find_span(Merge *merge, const TsdbLoadedGroup *loaded, int64 time_us,
		  int64 *from_us, int64 *until_us, int64 *block_index)
{
	int64 group_from;
	int64 group_until;

	*block_index = -1;
	tsdb_segbuild_group_span(merge->build, &group_from, &group_until);
	if (!tsdb_grid_floor(time_us, merge->plan.block_us, from_us))
		*from_us = group_from;
	if (__builtin_add_overflow(*from_us, merge->plan.block_us, until_us))
		*until_us = group_until;
	*from_us = Max(*from_us, group_from);
	*until_us = Min(*until_us, group_until);
	for (uint32 i = 0; loaded != NULL && i < loaded->base.nblocks; i++)
	{
		const TsdbBlock *block = &loaded->base.blocks[i];

		if (block->until_us <= time_us)
			*from_us = Max(*from_us, block->until_us);
		else if (block->from_us > time_us)
			*until_us = Min(*until_us, block->from_us);
		else
		{
			*from_us = block->from_us;
			*until_us = block->until_us;
			*block_index = i;
			return;
		}
	}
}

/* Rows before a time that are still to be merged, old ones included; not far too many. */
static uint64
count_rows(Merge *merge, int64 until_us)
{
	TsdbKey until = {merge->plan.series, until_us};
	uint64 nrows = 0;

	for (uint32 i = 0; i < merge->nactive; i++)
		nrows += tsdb_runcursor_count(merge->cursors, merge->active[i], until);
	if (merge->is_walking)
		nrows += tsdb_segwalk_count(&merge->walk, until_us);
	return nrows;
}

/* Merge a stretch of time, in halves if there is too much of it. */
static void
merge_span(Merge *merge, int64 from_us, int64 until_us)
{
	CHECK_FOR_INTERRUPTS();
	if (until_us - from_us > 1 && count_rows(merge, until_us) > WINDOW_ROWS)
	{
		int64 middle_us = from_us + (until_us - from_us) / 2;

		merge_span(merge, from_us, middle_us);
		merge_span(merge, middle_us, until_us);
		return;
	}
	take_rows(merge, until_us);
	merge_window(merge, from_us, until_us);
}

static void
take_rows(Merge *merge, int64 until_us)
{
	TsdbKey until = {merge->plan.series, until_us};

	for (uint32 i = 0; i < merge->nactive; i++)
		tsdb_runcursor_take(merge->cursors, merge->active[i], until);
}

/* Is any row of the runs not in the segment yet? */
static bool
has_news(Merge *merge)
{
	int nsources;
	const TsdbMergeSource *sources = tsdb_runcursor_sources(merge->cursors, &nsources);

	for (int i = 0; i < nsources; i++)
	{
		const TsdbBatch *batch = sources[i].batch;

		if (batch->sequences == NULL && batch->sequence >= merge->watermark)
			return true;
		for (uint32 row = sources[i].from; batch->sequences != NULL && row < sources[i].until; row++)
			if (batch->sequences[row] >= merge->watermark)
				return true;
	}
	return false;
}

static void
merge_window(Merge *merge, int64 from_us, int64 until_us)
{
	MemoryContext caller = MemoryContextSwitchTo(merge->window);
	TsdbMem mem = tsdb_mem_context(merge->window);
	TsdbBatch rows = {0};
	int nsources;
	TsdbMergeSource *sources = tsdb_runcursor_sources(merge->cursors, &nsources);
	const TsdbMergeSource *base = NULL;
	TsdbStatus status;

	merge->nbase = 0;
	if (merge->is_walking)
		take_base(merge, until_us);
	else if (merge->block != NULL)
		add_base(merge, merge->block, find_time(merge->block, from_us), find_time(merge->block, until_us));
	if (merge->nbase == 1)
		base = &merge->base[0];
	else if (merge->nbase > 1)
	{
		/* Several old blocks: as the oldest sources. */
		TsdbMergeSource *all = palloc_array(TsdbMergeSource, merge->nbase + nsources);

		memcpy(all, merge->base, sizeof(TsdbMergeSource) * merge->nbase);
		memcpy(all + merge->nbase, sources, sizeof(TsdbMergeSource) * nsources);
		sources = all;
		nsources += merge->nbase;
	}
	status = tsdb_merge_rows(base ? base->batch : NULL, base ? base->from : 0, base ? base->until : 0,
							 sources, nsources, merge->watermark, &rows, NULL, &mem);
	TSDB_CHECK(status, merge->compaction->rel, "Rows of series %u, segment %d, do not merge.",
			   merge->plan.series, merge->plan.segment_no);
	emit_rows(merge, &rows, 0, rows.nrows, from_us, until_us);
	tsdb_runcursor_release(merge->cursors);
	MemoryContextSwitchTo(caller);
	MemoryContextReset(merge->window);
}

/* Make blocks of merged rows, halving the span until they fit. */
static void
emit_rows(Merge *merge, const TsdbBatch *rows, uint32 from, uint32 until, int64 from_us, int64 until_us)
{
	int64 middle_us;
	uint32 middle;

	if (from == until)
		return;
	if (fits_block(rows, from, until))
	{
		tsdb_segbuild_add(merge->build, from_us, until_us, rows, from, until);
		return;
	}
	middle_us = from_us + (until_us - from_us) / 2;
	for (middle = from; middle < until && rows->times[middle] < middle_us; middle++)
		;
	emit_rows(merge, rows, from, middle, from_us, middle_us);
	emit_rows(merge, rows, middle, until, middle_us, until_us);
}

static bool
fits_block(const TsdbBatch *rows, uint32 from, uint32 until)
{
	Size nbytes = 0;

	if (until - from == 1)
		return true;
	if (until - from > TSDB_MAX_VALUES)
		return false;
	for (int c = 0; c < rows->ncolumns; c++)
	{
		const TsdbColumn *column = &rows->columns[c];

		for (uint32 i = from; column->type == TSDB_TYPE_TEXT && i < until; i++)
			if (column->states == NULL || column->states[i] == TSDB_CELL_VALUE)
			{
				uint32 length;

				memcpy(&length, rows->arena.data + column->words[i], sizeof(length));
				nbytes += length;
			}
	}
	return nbytes <= BLOCK_TEXT_BYTES;
}

static void
add_base(Merge *merge, const TsdbBatch *batch, uint32 from, uint32 until)
{
	TsdbMergeSource *source;

	if (from >= until)
		return;
	if (merge->nbase == merge->base_capacity)
	{
		Size capacity = Max(merge->base_capacity * 2, 16);
		TsdbMergeSource *grown = MemoryContextAlloc(merge->context, sizeof(TsdbMergeSource) * capacity);

		if (merge->nbase > 0)
			memcpy(grown, merge->base, sizeof(TsdbMergeSource) * merge->nbase);
		merge->base = grown;
		merge->base_capacity = capacity;
	}
	source = &merge->base[merge->nbase++];
	source->batch = batch;
	source->from = from;
	source->until = until;
	source->is_pending = false;
}

static uint32
find_time(const TsdbBatch *batch, int64 time_us)
{
	TsdbKey key = {batch->series_id, time_us};

	return tsdb_batch_find(batch, key);
}

/* Old rows before a time become base rows of the window. */
static void
take_base(Merge *merge, int64 until_us)
{
	const TsdbBatch *batch;
	uint32 from;
	uint32 until;

	while (tsdb_segwalk_take(&merge->walk, until_us, merge->window, &batch, &from, &until))
		add_base(merge, batch, from, until);
}

/* A build without new rows. */
static void
begin_rebuild(Merge *merge, TsdbCompaction *compaction, const TsdbStoredSegment *stored, bool rewrite)
{
	MemoryContext caller;

	prepare_rebuild(merge, compaction, stored);
	merge->plan.rewrite = rewrite;
	caller = MemoryContextSwitchTo(merge->context);
	merge->build = tsdb_segbuild_begin(compaction, &merge->plan, &merge->stored);
	MemoryContextSwitchTo(caller);
}

static void
prepare_rebuild(Merge *merge, TsdbCompaction *compaction, const TsdbStoredSegment *stored)
{
	const TsdbSegment *segment = &stored->segment;

	memset(merge, 0, sizeof(Merge));
	merge->compaction = compaction;
	merge->context = AllocSetContextCreate(CurrentMemoryContext, "tsdb segment rebuild", ALLOCSET_DEFAULT_SIZES);
	merge->block_context = AllocSetContextCreate(merge->context, "tsdb rebuild block", ALLOCSET_DEFAULT_SIZES);
	merge->window = AllocSetContextCreate(merge->context, "tsdb rebuild window", ALLOCSET_DEFAULT_SIZES);
	merge->has_old = true;
	merge->stored = *stored;
	merge->plan.series = segment->series;
	merge->plan.segment_no = segment->segment_no;
	merge->plan.from_us = segment->from_us;
	merge->plan.until_us = segment->until_us;
	merge->plan.block_us = segment->block_us;
	merge->plan.group_us = segment->group_us;
}

/* Write the segment, note what became of it and free the merge; returns its rows. */
static uint64
finish_segment(Merge *merge, uint64 merged_seq)
{
	TsdbCompaction *compaction = merge->compaction;
	uint64 nrows = tsdb_segbuild_finish(merge->build, merged_seq);

	tsdb_compaction_wrote(compaction, (TsdbSegmentKey){merge->plan.series, merge->plan.segment_no, merged_seq}, nrows,
						  merge->has_old ? merge->stored.segment.nrows : 0);
	MemoryContextDelete(merge->context);
	return nrows;
}
