/*-------------------------------------------------------------------------
 *
 * segcut.c
 *	  Cut a range of time out of a segment.
 *
 * Pages that hold nothing but chunks that went are given back at once.  Short segments have few of these: when much of
 * what is left would be dead, what stays is copied into a new stream.
 *
 * Memory: one group's directories, one block, a reference per chunk that goes.
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "maint/segbuild.h"
#include "maint/segcut.h"
#include "miscadmin.h"
#include "utils/memutils.h"

#define MAX_WASTE (1.0 / 12) /* of what stays */

typedef struct Cut
{
	TsdbCompaction *compaction;
	const TsdbStoredSegment *stored;
	const TsdbSegmentCut *range;
	TsdbSegmentBuild *build;
	MemoryContext context; /* the segment */
	MemoryContext group; /* groups that no build has loaded */
	MemoryContext block; /* one decoded block */
	TsdbChunkRef *dead; /* chunks that go */
	uint32 ndead;
	uint32 capacity;
} Cut;

static uint64 cut_segment(Cut *cut);
static bool is_inside(Cut *cut);
static void visit_all(Cut *cut);
static void begin_build(Cut *cut, bool relayout);
static bool wants_rewrite(const Cut *cut);
static double share_inside(const TsdbSegmentCut *range, const TsdbSegmentGroup *group);
static void cut_group(Cut *cut, const TsdbLoadedGroup *loaded);
static void cut_block(Cut *cut, const TsdbLoadedGroup *loaded, uint32 i);
static bool has_rows_in(const Cut *cut, const TsdbBlock *block);
static void visit(Cut *cut, const TsdbLoadedGroup *loaded, uint32 i, const TsdbBatch *rows, uint32 from, uint32 until);
static void keep_rest(Cut *cut, const TsdbBlock *block, TsdbBatch *rows, uint32 from, uint32 until);
static void close_gap(TsdbBatch *rows, uint32 from, uint32 until);
static void recode(Cut *cut);
static void drop_block(Cut *cut, const TsdbLoadedGroup *loaded, uint32 i);
static void drop_directories(Cut *cut, const TsdbLoadedGroup *loaded);
static void add_dead(Cut *cut, TsdbChunkRef ref);
static void release_pages(Cut *cut);
static int compare_refs(const void *a, const void *b);
static uint32 find_time(const TsdbBatch *batch, int64 time_us);

uint64
tsdb_segcut_run(TsdbCompaction *compaction, const TsdbStoredSegment *stored, const TsdbSegmentCut *range)
{
	const TsdbSegment *segment = &stored->segment;
	Cut cut = {0};
	MemoryContext caller;
	uint64 nrows;

	cut.compaction = compaction;
	cut.stored = stored;
	cut.range = range;
	cut.context = AllocSetContextCreate(CurrentMemoryContext, "tsdb segment cut", ALLOCSET_DEFAULT_SIZES);
	cut.group = AllocSetContextCreate(cut.context, "tsdb cut group", ALLOCSET_DEFAULT_SIZES);
	cut.block = AllocSetContextCreate(cut.context, "tsdb cut block", ALLOCSET_DEFAULT_SIZES);
	caller = MemoryContextSwitchTo(cut.context);
	nrows = cut_segment(&cut);
	MemoryContextSwitchTo(caller);
	MemoryContextDelete(cut.context);

	tsdb_compaction_wrote(compaction, (TsdbSegmentKey){segment->series, segment->segment_no, segment->merged_seq}, nrows,
						  segment->nrows);
	return nrows;
}

// private functions

static uint64
cut_segment(Cut *cut)
{
	const TsdbSegment *segment = &cut->stored->segment;
	bool has_other_quality = tsdb_segload_has_other_quality(cut->compaction, segment);

	if (is_inside(cut))
	{
		if (cut->range->visit != NULL)
			visit_all(cut);
		return 0;
	}

	/* New summaries would not fit those that stay: then all are made anew. */
	if (has_other_quality && !cut->range->lazily)
		recode(cut);
	else
	{
		begin_build(cut, false);
		for (uint32 g = 0; g < segment->ngroups; g++)
			if (segment->groups[g].from_us < cut->range->until_us && segment->groups[g].until_us > cut->range->from_us)
			{
				CHECK_FOR_INTERRUPTS();
				cut_group(cut, tsdb_segbuild_enter(cut->build, segment->groups[g].from_us));
			}
		release_pages(cut);
	}
	return tsdb_segbuild_finish(cut->build, segment->merged_seq);
}

static bool
is_inside(Cut *cut)
{
	int64 first_us;
	int64 last_us;

	return tsdb_segload_extent(cut->compaction, &cut->stored->segment, &first_us, &last_us) &&
		   cut->range->from_us <= first_us && last_us < cut->range->until_us;
}

static void
visit_all(Cut *cut)
{
	const TsdbSegment *segment = &cut->stored->segment;

	for (uint32 g = 0; g < segment->ngroups; g++)
	{
		MemoryContext caller = MemoryContextSwitchTo(cut->group);
		TsdbLoadedGroup loaded;

		CHECK_FOR_INTERRUPTS();
		tsdb_segload_group(cut->compaction, segment, g, 1, &loaded);
		for (uint32 i = 0; i < loaded.base.nblocks; i++)
			visit(cut, &loaded, i, NULL, 0, loaded.base.blocks[i].nrows);
		MemoryContextSwitchTo(caller);
		MemoryContextReset(cut->group);
	}
}

static void
begin_build(Cut *cut, bool relayout)
{
	const TsdbSegment *segment = &cut->stored->segment;
	TsdbSegmentPlan plan = {0};

	plan.series = segment->series;
	plan.segment_no = segment->segment_no;
	plan.from_us = segment->from_us;
	plan.until_us = segment->until_us;
	plan.block_us = segment->block_us;
	plan.group_us = segment->group_us;
	plan.relayout = relayout;
	plan.rewrite = wants_rewrite(cut);
	cut->build = tsdb_segbuild_begin(cut->compaction, &plan, cut->stored);
}

/*
 * wants_rewrite - would so much be wasted that a new stream is better?
 *
 * The cells of a column lie side by side in a group.  Where they begin and end to go is a part of a page, one in all on average.
 */
static bool
wants_rewrite(const Cut *cut)
{
	const TsdbSegment *segment = &cut->stored->segment;
	double wasted = tsdb_segment_wasted_bytes(segment);
	double live = segment->stream_bytes - segment->dead_bytes;
	double going = 0;
	double parts = 0;

	/* Who is in no hurry comes back, again and again. */
	if (cut->range->lazily)
		return wasted > live;
	for (uint32 g = 0; g < segment->ngroups; g++)
	{
		double share = share_inside(cut->range, &segment->groups[g]);

		going += live * share * (double) segment->groups[g].nrows / (double) segment->nrows;
		if (share > 0)
			parts += segment->ncolumns * TSDB_SEGMENT_PAGE_BYTES;
	}
	return wasted + Min(going, parts) > MAX_WASTE * (live - going);
}

/* share_inside - of a group, by time. */
static double
share_inside(const TsdbSegmentCut *range, const TsdbSegmentGroup *group)
{
	double from_us = Max(range->from_us, group->from_us);
	double until_us = Min(range->until_us, group->until_us);

	return from_us < until_us ? (until_us - from_us) / ((double) group->until_us - (double) group->from_us) : 0;
}

static void
cut_group(Cut *cut, const TsdbLoadedGroup *loaded)
{
	uint32 ndead = cut->ndead;

	for (uint32 i = 0; i < loaded->base.nblocks; i++)
		if (has_rows_in(cut, &loaded->base.blocks[i]))
			cut_block(cut, loaded, i);
	if (cut->ndead > ndead)
		drop_directories(cut, loaded);
}

static void
cut_block(Cut *cut, const TsdbLoadedGroup *loaded, uint32 i)
{
	const TsdbBlock *block = &loaded->base.blocks[i];
	const TsdbSegmentCut *range = cut->range;
	MemoryContext caller;
	TsdbBatch rows;
	uint32 from;
	uint32 until;

	if (block->first_time >= range->from_us && block->last_time < range->until_us)
	{
		visit(cut, loaded, i, NULL, 0, block->nrows);
		drop_block(cut, loaded, i);
		return;
	}
	caller = MemoryContextSwitchTo(cut->block);
	if (!range->lazily || (!tsdb_segload_has_other_quality(cut->compaction, &cut->stored->segment) &&
						   range->until_us - block->first_time >= (block->last_time - block->first_time) / 4))
	{
		tsdb_segload_block(cut->compaction, &cut->stored->segment, loaded, i, &rows);
		from = find_time(&rows, range->from_us);
		until = find_time(&rows, range->until_us);
		if (from < until)
		{
			visit(cut, loaded, i, &rows, from, until);
			drop_block(cut, loaded, i);
			keep_rest(cut, block, &rows, from, until);
		}
	}
	MemoryContextSwitchTo(caller);
	MemoryContextReset(cut->block);
}

static bool
has_rows_in(const Cut *cut, const TsdbBlock *block)
{
	return block->first_time < cut->range->until_us && block->last_time >= cut->range->from_us;
}

static void
visit(Cut *cut, const TsdbLoadedGroup *loaded, uint32 i, const TsdbBatch *rows, uint32 from, uint32 until)
{
	if (cut->range->visit != NULL)
		cut->range->visit(&cut->stored->segment, loaded, i, rows, from, until, cut->range->arg);
}

/* What is left of a block is one block still, over the same span. */
static void
keep_rest(Cut *cut, const TsdbBlock *block, TsdbBatch *rows, uint32 from, uint32 until)
{
	if (from > 0 && until < rows->nrows)
	{
		close_gap(rows, from, until);
		from = rows->nrows;
		until = rows->nrows;
	}
	if (from > 0)
		tsdb_segbuild_add(cut->build, block->from_us, block->until_us, rows, 0, from);
	else if (until < rows->nrows)
		tsdb_segbuild_add(cut->build, block->from_us, block->until_us, rows, until, rows->nrows);
}

static void
close_gap(TsdbBatch *rows, uint32 from, uint32 until)
{
	uint32 n = rows->nrows - until;

	memmove(rows->times + from, rows->times + until, sizeof(int64) * n);
	for (int c = 0; c < rows->ncolumns; c++)
	{
		TsdbColumn *column = &rows->columns[c];

		memmove(column->words + from, column->words + until, sizeof(uint64) * n);
		if (column->states != NULL)
			memmove(column->states + from, column->states + until, n);
	}
	rows->nrows = from + n;
}

/* All blocks that stay are decoded and coded anew. */
static void
recode(Cut *cut)
{
	const TsdbSegment *segment = &cut->stored->segment;

	begin_build(cut, true);
	for (uint32 g = 0; g < segment->ngroups; g++)
	{
		MemoryContext caller = MemoryContextSwitchTo(cut->group);
		TsdbLoadedGroup loaded;

		tsdb_segload_group(cut->compaction, segment, g, 1, &loaded);
		MemoryContextSwitchTo(cut->block);
		for (uint32 i = 0; i < loaded.base.nblocks; i++)
		{
			const TsdbBlock *block = &loaded.base.blocks[i];
			TsdbBatch rows;
			uint32 from;
			uint32 until;

			CHECK_FOR_INTERRUPTS();
			tsdb_segload_block(cut->compaction, segment, &loaded, i, &rows);
			from = find_time(&rows, cut->range->from_us);
			until = find_time(&rows, cut->range->until_us);
			if (from < until)
				visit(cut, &loaded, i, from == 0 && until == rows.nrows ? NULL : &rows, from, until);
			else
				from = until = rows.nrows;
			(void) tsdb_segbuild_enter(cut->build, block->from_us);
			keep_rest(cut, block, &rows, from, until);
			MemoryContextReset(cut->block);
		}
		MemoryContextSwitchTo(caller);
		MemoryContextReset(cut->group);
	}
}

static void
drop_block(Cut *cut, const TsdbLoadedGroup *loaded, uint32 i)
{
	tsdb_segbuild_replace(cut->build, i);
	add_dead(cut, loaded->base.blocks[i].times);
	for (int c = 0; c < cut->stored->segment.ncolumns; c++)
		if (loaded->has_column[c])
			add_dead(cut, loaded->columns[c].cells[i]);
}

/* The group is written anew, or not at all. */
static void
drop_directories(Cut *cut, const TsdbLoadedGroup *loaded)
{
	add_dead(cut, cut->stored->segment.groups[loaded->group_no].base);
	for (int c = 0; c < cut->stored->segment.ncolumns; c++)
	{
		add_dead(cut, loaded->base.columns[c]);
		for (int k = 0; loaded->has_column[c] && k < TSDB_SUB_KINDS; k++)
			add_dead(cut, loaded->columns[c].subs[k].ref);
	}
}

static void
add_dead(Cut *cut, TsdbChunkRef ref)
{
	if (ref.nbytes == 0)
		return;
	if (cut->ndead == cut->capacity)
	{
		cut->capacity = Max(cut->capacity * 2, 256);
		if (cut->dead == NULL)
			cut->dead = MemoryContextAlloc(cut->context, sizeof(TsdbChunkRef) * cut->capacity);
		else
			cut->dead = repalloc_huge(cut->dead, sizeof(TsdbChunkRef) * cut->capacity);
	}
	cut->dead[cut->ndead++] = ref;
}

/* Join neighbouring chunks to stretches of the stream. */
static void
release_pages(Cut *cut)
{
	uint32 i = 0;

	if (cut->ndead > 1)
		qsort(cut->dead, cut->ndead, sizeof(TsdbChunkRef), compare_refs);
	while (i < cut->ndead)
	{
		uint64 from = cut->dead[i].offset;
		uint64 until = from;

		for (; i < cut->ndead && cut->dead[i].offset == until; i++)
			until += cut->dead[i].nbytes;
		if (until - from >= TSDB_SEGMENT_PAGE_BYTES)
			tsdb_segbuild_release(cut->build, from, until);
	}
}

static int
compare_refs(const void *a, const void *b)
{
	uint64 left = ((const TsdbChunkRef *) a)->offset;
	uint64 right = ((const TsdbChunkRef *) b)->offset;

	return left < right ? -1 : left > right;
}

static uint32
find_time(const TsdbBatch *batch, int64 time_us)
{
	TsdbKey key = {batch->series_id, time_us};

	return tsdb_batch_find(batch, key);
}
