/*-------------------------------------------------------------------------
 *
 * segbuild.c
 *	  Write a segment anew: replace blocks, keep the rest of its tree.
 *
 * Works group by group.  The chunks of new blocks are collected and appended in
 * portions, column by column, so that a reader of one column finds its cells side by side, then
 * times, which are a few bytes if they are regular and then mostly lie beside the root; the group's columns and base follow when the group is
 * complete, the root at the end.
 *
 * Memory: the summaries of one group and PENDING_BYTES of coded chunks.
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "format/block.h"
#include "format/grid.h"
#include "maint/segbuild_private.h"
#include "miscadmin.h"
#include "pg/check.h"
#include "store/metapage.h"
#include "utils/memutils.h"

#define PENDING_BYTES (8 * 1024 * 1024)

static void load_old_root(TsdbSegmentBuild *build);
static void choose_block_ids(TsdbSegmentBuild *build);
static const TsdbSegment *old_groups(const TsdbSegmentBuild *build);
static bool enter_gathered(TsdbSegmentBuild *build, int64 time_us);
static void find_group_span(const TsdbSegmentBuild *build, int64 time_us, int64 *from_us, int64 *until_us);
static uint32 count_joined(const TsdbSegmentBuild *build, int64 from_us, int64 until_us);
static bool is_uniform(TsdbSegmentBuild *build, uint32 nold);
static void start_new_group(TsdbSegmentBuild *build, int64 time_us);
static bool is_complete(const TsdbSegmentBuild *build, int64 until_us);
static void start_group(TsdbSegmentBuild *build, int64 from_us, int64 until_us, uint32 nold);
static void finish_group(TsdbSegmentBuild *build);
static void pass_group(TsdbSegmentBuild *build);
static void keep_group(TsdbSegmentBuild *build, uint32 group_no);
static void encode_block(TsdbSegmentBuild *build, NewBlock *fresh, const TsdbBatch *batch, uint32 from);
static void write_pending(TsdbSegmentBuild *build);
static TsdbSpan copy_pending(TsdbSegmentBuild *build, const TsdbBytes *bytes);
static void begin_writer(TsdbSegmentBuild *build);
static void write_root(TsdbSegmentBuild *build, uint64 merged_seq);

TsdbSegmentBuild *
tsdb_segbuild_begin(TsdbCompaction *compaction, const TsdbSegmentPlan *plan, const TsdbStoredSegment *old)
{
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "tsdb segment build", ALLOCSET_DEFAULT_SIZES);
	MemoryContext caller = MemoryContextSwitchTo(context);
	TsdbSegmentBuild *build = palloc0(sizeof(TsdbSegmentBuild));
	TsdbSegment *segment = &build->segment;

	build->compaction = compaction;
	build->plan = *plan;
	build->plan.rewrite |= plan->relayout;
	build->old = old;
	build->context = context;
	build->group_context = AllocSetContextCreate(context, "tsdb group", ALLOCSET_DEFAULT_SIZES);
	build->pending_context = AllocSetContextCreate(context, "tsdb pending chunks", ALLOCSET_DEFAULT_SIZES);
	build->scratch = AllocSetContextCreate(context, "tsdb segment scratch", ALLOCSET_DEFAULT_SIZES);
	build->ncolumns = compaction->table.nvalues;
	segment->series = plan->series;
	segment->segment_no = plan->segment_no;
	segment->from_us = plan->from_us;
	segment->until_us = plan->until_us;
	segment->block_us = plan->block_us;
	segment->group_us = plan->group_us;
	segment->ncolumns = build->ncolumns;
	build->groups_capacity = 40;
	segment->groups = palloc_array(TsdbSegmentGroup, build->groups_capacity);
	build->summaries = palloc_array(TsdbSummary *, build->ncolumns + 1);
	for (int v = 0; v < build->ncolumns; v++)
		build->summaries[v] = palloc_array(TsdbSummary, build->groups_capacity + 1);
	load_old_root(build);
	choose_block_ids(build);
	build->is_changed = build->plan.rewrite || build->columns_changed;
	MemoryContextSwitchTo(caller);
	return build;
}

const TsdbLoadedGroup *
tsdb_segbuild_enter(TsdbSegmentBuild *build, int64 time_us)
{
	const TsdbSegment *old = old_groups(build);

	if (build->in_group && time_us >= build->group_from && time_us < build->group_until)
		return build->has_old ? &build->loaded : NULL;
	finish_group(build);
	if (enter_gathered(build, time_us))
		return &build->loaded;
	while (old != NULL && build->next_old < old->ngroups && old->groups[build->next_old].until_us <= time_us)
		pass_group(build);
	if (old != NULL && build->next_old < old->ngroups && old->groups[build->next_old].from_us <= time_us)
	{
		start_group(build, old->groups[build->next_old].from_us, old->groups[build->next_old].until_us, 1);
		return &build->loaded;
	}
	start_new_group(build, time_us);
	return NULL;
}

void
tsdb_segbuild_group_span(const TsdbSegmentBuild *build, int64 *from_us, int64 *until_us)
{
	Assert(build->in_group);
	*from_us = build->group_from;
	*until_us = build->group_until;
}

void
tsdb_segbuild_replace(TsdbSegmentBuild *build, uint32 block_index)
{
	const TsdbLoadedGroup *loaded = &build->loaded;

	Assert(build->has_old && block_index < loaded->base.nblocks);
	if (build->replaced[block_index])
		return;
	build->replaced[block_index] = true;
	build->group_changed = true;
	build->is_changed = true;
	build->dead_bytes += loaded->base.blocks[block_index].times.nbytes;
	for (int c = 0; c < build->old->segment.ncolumns; c++)
		if (loaded->has_column[c])
			build->dead_bytes += loaded->columns[c].cells[block_index].nbytes;
}

void
tsdb_segbuild_add(TsdbSegmentBuild *build, int64 from_us, int64 until_us,
				  const TsdbBatch *batch, uint32 from, uint32 until)
{
	TsdbCompaction *compaction = build->compaction;
	MemoryContext caller = MemoryContextSwitchTo(build->group_context);
	NewBlock *fresh = palloc0(sizeof(NewBlock));
	TsdbBlock *block = &fresh->block;

	Assert(build->in_group && from_us >= build->group_from && until_us <= build->group_until);
	Assert(until > from && until - from <= TSDB_MAX_VALUES);
	CHECK_FOR_INTERRUPTS();
	block->block_id = (uint32) ((tsdb_metapage_allocate(compaction->rel, TSDB_COUNTER_BLOCK, 1) - 1) % PG_INT32_MAX) + 1;
	block->from_us = from_us;
	block->until_us = until_us;
	block->nrows = until - from;
	block->first_time = batch->times[from];
	block->last_time = batch->times[until - 1];
	fresh->cells = palloc0_array(TsdbSpan, build->ncolumns + 1);
	fresh->refs = palloc0_array(TsdbChunkRef, build->ncolumns + 1);
	fresh->summaries = palloc_array(TsdbSummary, build->ncolumns + 1);
	fresh->subs = palloc0_array(NewSubs, build->ncolumns + 1);
	fresh->fine = palloc0_array(NewSubs, build->ncolumns + 1);
	if (build->nblocks == build->blocks_capacity)
	{
		build->blocks_capacity = Max(build->blocks_capacity * 2, 32);
		build->blocks = build->blocks == NULL ? palloc_array(NewBlock *, build->blocks_capacity) : repalloc_array(build->blocks, NewBlock *, build->blocks_capacity);
	}
	build->blocks[build->nblocks++] = fresh;
	for (int v = 0; v < build->ncolumns; v++)
	{
		tsdb_segbuild_summarize(build, &fresh->summaries[v], v, batch, from, block->nrows);
		tsdb_segsubs_compute(build, fresh, v, batch, from);
	}
	MemoryContextSwitchTo(caller);

	encode_block(build, fresh, batch, from);
	build->group_changed = true;
	build->is_changed = true;
	compaction->result->blocks_written++;
	compaction->result->rows += block->nrows;
	if (build->pending_bytes > PENDING_BYTES)
		write_pending(build);
}

void
tsdb_segbuild_release(TsdbSegmentBuild *build, uint64 from, uint64 until)
{
	MemoryContext caller = MemoryContextSwitchTo(build->context);
	uint64 *range = palloc_array(uint64, 2);

	range[0] = from;
	range[1] = until;
	build->released = lappend(build->released, range);
	MemoryContextSwitchTo(caller);
}

uint64
tsdb_segbuild_finish(TsdbSegmentBuild *build, uint64 merged_seq)
{
	const TsdbSegment *old = old_groups(build);
	MemoryContext caller = MemoryContextSwitchTo(build->context);
	uint64 nrows;

	finish_group(build);
	if (!build->is_changed)
		nrows = old != NULL ? old->nrows : 0;
	else
	{
		while (old != NULL && build->next_old < old->ngroups)
			pass_group(build);
		nrows = build->segment.nrows;
		if (nrows > 0)
			write_root(build, merged_seq);
	}
	MemoryContextSwitchTo(caller);
	MemoryContextDelete(build->context);
	return nrows;
}

TsdbChunkRef
tsdb_segbuild_append(TsdbSegmentBuild *build, const void *bytes, Size nbytes)
{
	TsdbCompaction *compaction = build->compaction;
	TsdbChunkRef ref;

	begin_writer(build);
	compaction->result->bytes_written += nbytes;
	ref = tsdb_segwriter_append(build->writer, bytes, nbytes);
	if (ref.offset + nbytes > TSDB_SEGMENT_MAX_BYTES)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("too many bytes in segment %d of series %u of table \"%s\"", build->segment.segment_no,
						build->segment.series, RelationGetRelationName(compaction->rel)),
				 errdetail("The limit is %llu bytes.", (unsigned long long) TSDB_SEGMENT_MAX_BYTES)));
	return ref;
}

TsdbChunkRef
tsdb_segbuild_copy(TsdbSegmentBuild *build, TsdbChunkRef ref)
{
	TsdbCompaction *compaction = build->compaction;
	MemoryContext caller = MemoryContextSwitchTo(build->scratch);
	TsdbSpan bytes = tsdb_segstore_chunk(compaction->store, compaction->rel, compaction->snapshot,
										 &build->old->segment, ref);

	ref = tsdb_segbuild_append(build, bytes.at, tsdb_span_left(&bytes));
	MemoryContextSwitchTo(caller);
	MemoryContextReset(build->scratch);
	return ref;
}

void
tsdb_segbuild_list(TsdbSegmentBuild *build, const TsdbSegmentGroup *group)
{
	TsdbSegment *segment = &build->segment;

	if (segment->ngroups == build->groups_capacity)
	{
		build->groups_capacity *= 2;
		segment->groups = repalloc_array(segment->groups, TsdbSegmentGroup, build->groups_capacity);
		for (int v = 0; v < build->ncolumns; v++)
			build->summaries[v] = repalloc_huge(build->summaries[v], sizeof(TsdbSummary) * (build->groups_capacity + 1));
	}
	segment->groups[segment->ngroups++] = *group;
	segment->nrows += group->nrows;
}

void
tsdb_segbuild_summarize(TsdbSegmentBuild *build, TsdbSummary *summary, int v, const TsdbBatch *batch,
						uint32 from, uint32 nrows)
{
	const TsdbColumn *column = &batch->columns[v];
	int16 quality_attnum = build->quality_attnums[v];
	TsdbColumn *quality = quality_attnum > 0 ? tsdb_batch_column(batch, quality_attnum) : NULL;

	tsdb_summary_compute(summary, column->type, nrows, batch->times + from, column->words + from,
						 column->states ? column->states + from : NULL,
						 quality ? quality->words + from : NULL,
						 quality && quality->states ? quality->states + from : NULL,
						 build->compaction->barrier - 1);
}

// private functions

static void
load_old_root(TsdbSegmentBuild *build)
{
	TsdbCompaction *compaction = build->compaction;
	const TsdbSegment *old;
	TsdbMem mem = tsdb_mem_context(build->context);
	uint32 nsummaries;

	build->old_columns = palloc_array(int, build->ncolumns + 1);
	build->quality_attnums = palloc_array(int16, build->ncolumns + 1);
	for (int v = 0; v < build->ncolumns; v++)
		build->quality_attnums[v] = compaction->table.columns[compaction->table.values[v].attnum - 1].quality_attnum;
	build->old_summaries = palloc0_array(TsdbSummary *, build->ncolumns + 1);
	if (build->old == NULL)
		return;
	old = &build->old->segment;
	nsummaries = tsdb_segment_nsummaries(old);
	build->columns_changed = old->ncolumns != build->ncolumns && old->nrows > 0;
	for (int v = 0; v < build->ncolumns; v++)
	{
		int c = tsdb_segload_column(compaction, old, &compaction->table.values[v]);

		build->old_columns[v] = c;
		if (c < 0)
		{
			build->columns_changed |= old->nrows > 0;
			continue;
		}
		if (build->plan.relayout || old->nrows == 0)
			continue;
		/* Summaries that stay were made with the column of their time; see tsdb_segload_has_other_quality. */
		build->quality_attnums[v] = old->columns[c].quality_attnum;
		build->old_summaries[v] = palloc_array(TsdbSummary, nsummaries);
		TSDB_CHECK(tsdb_summaries_decode(old->columns[c].summaries, old->columns[c].type, build->old_summaries[v],
										 nsummaries, old->from_us, TSDB_SUMMARY_ALL, &mem),
				   compaction->rel, "The summaries of column %d of series %u, segment %d, do not decode.",
				   old->columns[c].attnum, old->series, old->segment_no);
	}
	build->columns_changed &= !build->plan.relayout;
}

static void
choose_block_ids(TsdbSegmentBuild *build)
{
	TsdbSegment *segment = &build->segment;
	uint64 next = (tsdb_metapage_next(build->compaction->rel, TSDB_COUNTER_BLOCK) - 1) % PG_INT32_MAX + 1;
	bool wraps = next > PG_INT32_MAX - (1 << 24);
	bool has_old = build->old != NULL && build->old->segment.nrows > 0 && !build->plan.relayout;

	segment->min_block_id = wraps ? 1 : next;
	segment->max_block_id = segment->min_block_id;
	if (!has_old)
		return;
	segment->min_block_id = build->old->segment.min_block_id;
	segment->max_block_id = build->old->segment.max_block_id;
	if (segment->min_block_id > 1 && (wraps || next < segment->min_block_id))
	{
		segment->min_block_id = 1;
		build->plan.rewrite = true;
	}
}

/* The groups that stay or are taken over, NULL = none. */
static const TsdbSegment *
old_groups(const TsdbSegmentBuild *build)
{
	return build->old != NULL && !build->plan.relayout ? &build->old->segment : NULL;
}

/* Enter the groups in the span of the grid around a time as one, when that is due; false when it is not. */
static bool
enter_gathered(TsdbSegmentBuild *build, int64 time_us)
{
	const TsdbSegment *old = old_groups(build);
	int64 from_us;
	int64 until_us;
	int64 last_us;
	uint32 nold;

	if (old == NULL || !build->plan.gathers)
		return false;
	find_group_span(build, time_us, &from_us, &until_us);
	if (!build->plan.rewrite && !is_complete(build, until_us))
		return false;
	while (build->next_old < old->ngroups && old->groups[build->next_old].until_us <= from_us)
		pass_group(build);
	nold = count_joined(build, from_us, until_us);
	if (nold == 0 || (nold > 1 && !is_uniform(build, nold)))
		return false;
	if (build->next_old + nold < old->ngroups && old->groups[build->next_old + nold].from_us < until_us)
		return false; /* one that reaches beyond the span */

	if (build->segment.ngroups > 0)
		from_us = Max(from_us, build->segment.groups[build->segment.ngroups - 1].until_us);
	last_us = old->groups[build->next_old + nold - 1].until_us;
	if (!is_complete(build, until_us))
	{
		if (time_us >= last_us)
			return false;
		until_us = last_us;
	}
	start_group(build, from_us, until_us, nold);
	return true;
}

/* The span of group_us around a time, inside the segment. */
static void
find_group_span(const TsdbSegmentBuild *build, int64 time_us, int64 *from_us, int64 *until_us)
{
	const TsdbSegment *segment = &build->segment;

	if (!tsdb_grid_floor(time_us, segment->group_us, from_us))
		*from_us = segment->from_us;
	if (__builtin_add_overflow(*from_us, segment->group_us, until_us))
		*until_us = segment->until_us;
	*from_us = Max(*from_us, segment->from_us);
	*until_us = Min(*until_us, segment->until_us);
}

/* Old groups from the next one on that lie in a span and can be joined. */
static uint32
count_joined(const TsdbSegmentBuild *build, int64 from_us, int64 until_us)
{
	const TsdbSegment *old = &build->old->segment;
	uint32 nblocks = 0;
	uint32 n = 0;

	if (build->next_old < old->ngroups && old->groups[build->next_old].from_us < from_us)
		return 0;
	while (build->next_old + n < old->ngroups && old->groups[build->next_old + n].until_us <= until_us)
	{
		nblocks += old->groups[build->next_old + n].nblocks;
		n++;
	}
	return nblocks > TSDB_GROUP_MAX_BLOCKS / 2 ? 0 : n;
}

/* Do the sub-summaries of the next old groups go together? */
static bool
is_uniform(TsdbSegmentBuild *build, uint32 nold)
{
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "tsdb groups to join", ALLOCSET_DEFAULT_SIZES);
	MemoryContext caller = MemoryContextSwitchTo(context);
	TsdbLoadedGroup loaded;
	bool uniform;

	tsdb_segload_group(build->compaction, &build->old->segment, build->next_old, nold, &loaded);
	uniform = tsdb_segload_is_uniform(&loaded, build->old->segment.ncolumns);
	MemoryContextSwitchTo(caller);
	MemoryContextDelete(context);
	return uniform;
}

/* Does the last block of a span of group_us have rows? */
static bool
is_complete(const TsdbSegmentBuild *build, int64 until_us)
{
	return build->plan.last_us >= until_us - build->segment.block_us;
}

/* A group of new rows alone: a span of the grid, cut by the segment and by its neighbours. */
static void
start_new_group(TsdbSegmentBuild *build, int64 time_us)
{
	const TsdbSegment *old = old_groups(build);
	const TsdbSegment *segment = &build->segment;
	int64 from_us;
	int64 until_us;
	int64 part_from_us;
	int64 part_until_us;

	find_group_span(build, time_us, &from_us, &until_us);
	if (!is_complete(build, until_us) && build->plan.part_us > 0)
	{
		/* What is known to come, in whole parts. */
		if (tsdb_grid_floor(time_us, build->plan.part_us, &part_from_us))
			from_us = Max(from_us, part_from_us);
		if (tsdb_grid_floor(Max(build->plan.last_us, time_us), build->plan.part_us, &part_until_us) &&
			!__builtin_add_overflow(part_until_us, build->plan.part_us, &part_until_us))
			until_us = Min(until_us, part_until_us);
	}
	if (segment->ngroups > 0)
		from_us = Max(from_us, segment->groups[segment->ngroups - 1].until_us);
	if (old != NULL && build->next_old < old->ngroups)
		until_us = Min(until_us, old->groups[build->next_old].from_us);
	start_group(build, from_us, until_us, 0);
}

/* nold: old groups that it takes over. */
static void
start_group(TsdbSegmentBuild *build, int64 from_us, int64 until_us, uint32 nold)
{
	MemoryContext caller;

	MemoryContextReset(build->group_context);
	caller = MemoryContextSwitchTo(build->group_context);
	build->in_group = true;
	build->group_from = from_us;
	build->group_until = until_us;
	build->has_old = nold > 0;
	build->group_changed = false;
	build->blocks = NULL;
	build->nblocks = build->blocks_capacity = build->nwritten = 0;
	build->sub_us = palloc0_array(int64, build->ncolumns + 1);
	if (nold > 0)
	{
		tsdb_segload_group(build->compaction, &build->old->segment, build->next_old, nold, &build->loaded);
		build->replaced = palloc0_array(bool, build->loaded.base.nblocks + 1);
		build->next_old += nold;
	}
	for (int v = 0; v < build->ncolumns; v++)
	{
		int c = build->old_columns[v];

		if (nold > 0 && c >= 0 && build->loaded.has_column[c])
			build->sub_us[v] = build->loaded.columns[c].subs[TSDB_SUBS_WHOLE].span_us;
		else if (build->compaction->table.values[v].type != TSDB_TYPE_TEXT)
			build->sub_us[v] = build->plan.sub_us;
	}
	MemoryContextSwitchTo(caller);
}

static void
finish_group(TsdbSegmentBuild *build)
{
	MemoryContext caller;

	if (!build->in_group)
		return;
	build->in_group = false;
	if (build->has_old && !build->group_changed && !build->plan.rewrite && !build->columns_changed)
	{
		for (uint32 p = 0; p < build->loaded.ngroups; p++)
			keep_group(build, build->loaded.group_no + p);
		return;
	}
	if (!build->has_old && build->nblocks == 0)
		return;
	caller = MemoryContextSwitchTo(build->group_context);
	write_pending(build);
	tsdb_seggroup_write(build);
	MemoryContextSwitchTo(caller);
	MemoryContextReset(build->scratch);
}

static void
pass_group(TsdbSegmentBuild *build)
{
	const TsdbSegmentGroup *group = &build->old->segment.groups[build->next_old];

	CHECK_FOR_INTERRUPTS();
	if (!build->plan.rewrite && !build->columns_changed)
	{
		keep_group(build, build->next_old++);
		return;
	}
	if (!enter_gathered(build, group->from_us))
		start_group(build, group->from_us, group->until_us, 1);
	finish_group(build);
}

static void
keep_group(TsdbSegmentBuild *build, uint32 group_no)
{
	const TsdbSegment *old = &build->old->segment;

	tsdb_segbuild_list(build, &old->groups[group_no]);
	for (int v = 0; v < build->ncolumns; v++)
	{
		const TsdbSummary *from = build->old_summaries[v];

		build->summaries[v][build->segment.ngroups] = from[old->ngroups == 1 ? 0 : group_no + 1];
	}
}

static void
encode_block(TsdbSegmentBuild *build, NewBlock *fresh, const TsdbBatch *batch, uint32 from)
{
	const TsdbTable *table = &build->compaction->table;
	TsdbMem mem = tsdb_mem_context(build->scratch);
	MemoryContext caller = MemoryContextSwitchTo(build->scratch);
	uint32 nrows = fresh->block.nrows;
	TsdbBytes bytes;

	tsdb_bytes_init(&bytes, &mem);
	tsdb_times_encode(&bytes, batch->times + from, nrows, fresh->block.from_us, &mem);
	fresh->times = copy_pending(build, &bytes);
	for (int v = 0; v < build->ncolumns; v++)
	{
		const TsdbColumn *column = &batch->columns[v];

		MemoryContextReset(build->scratch);
		tsdb_bytes_init(&bytes, &mem);
		tsdb_cells_encode(&bytes, column->type, column->words + from, column->states ? column->states + from : NULL,
						  nrows, batch->arena.data, NULL, table->compression != TSDB_COMPRESSION_FAST, &mem);
		fresh->cells[v] = copy_pending(build, &bytes);
	}
	MemoryContextSwitchTo(caller);
	MemoryContextReset(build->scratch);
}

static void
write_pending(TsdbSegmentBuild *build)
{
	for (int v = 0; v < build->ncolumns; v++)
		for (uint32 i = build->nwritten; i < build->nblocks; i++)
		{
			NewBlock *fresh = build->blocks[i];

			fresh->refs[v] = tsdb_segbuild_append(build, fresh->cells[v].at, tsdb_span_left(&fresh->cells[v]));
		}
	for (uint32 i = build->nwritten; i < build->nblocks; i++)
	{
		NewBlock *fresh = build->blocks[i];

		fresh->block.times = tsdb_segbuild_append(build, fresh->times.at, tsdb_span_left(&fresh->times));
	}
	build->nwritten = build->nblocks;
	build->pending_bytes = 0;
	MemoryContextReset(build->pending_context);
}

static TsdbSpan
copy_pending(TsdbSegmentBuild *build, const TsdbBytes *bytes)
{
	uint8 *copy;

	if (bytes->len > PG_UINT32_MAX)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("block of table \"%s\" is too big", RelationGetRelationName(build->compaction->rel)),
				 errdetail("A column of it takes %zu bytes, the limit is %u.", bytes->len, PG_UINT32_MAX)));
	copy = MemoryContextAllocHuge(build->pending_context, Max(bytes->len, 1));
	memcpy(copy, bytes->data, bytes->len);
	build->pending_bytes += bytes->len;
	return tsdb_span(copy, bytes->len);
}

static void
begin_writer(TsdbSegmentBuild *build)
{
	TsdbCompaction *compaction = build->compaction;
	MemoryContext caller;

	if (build->writer != NULL)
		return;
	caller = MemoryContextSwitchTo(build->context);
	build->writer = tsdb_segwriter_begin(compaction->store, compaction->rel, compaction->snapshot, build->old,
										 build->plan.rewrite, compaction->cid);
	MemoryContextSwitchTo(caller);
}

static void
write_root(TsdbSegmentBuild *build, uint64 merged_seq)
{
	const TsdbTable *table = &build->compaction->table;
	TsdbSegment *segment = &build->segment;
	TsdbMem mem = tsdb_mem_context(build->context);
	ListCell *cell;

	if (segment->ngroups > TSDB_SEGMENT_MAX_GROUPS)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("too many samples in segment %d of series %u of table \"%s\"", segment->segment_no,
						segment->series, RelationGetRelationName(build->compaction->rel)),
				 errdetail("They would take %u groups, the limit is %u.", segment->ngroups, TSDB_SEGMENT_MAX_GROUPS)));
	segment->merged_seq = merged_seq;
	segment->columns = palloc_array(TsdbSegmentColumn, build->ncolumns + 1);
	for (int v = 0; v < build->ncolumns; v++)
	{
		TsdbSummary *summaries = build->summaries[v];
		TsdbBytes coded;

		summaries[0] = summaries[1];
		for (uint32 g = 1; g < segment->ngroups; g++)
			if (summaries[g + 1].nrows > 0)
				tsdb_summary_merge(&summaries[0], &summaries[g + 1], table->values[v].type);
		tsdb_bytes_init(&coded, &mem);
		tsdb_summaries_encode(&coded, table->values[v].type, summaries, tsdb_segment_nsummaries(segment),
							  segment->from_us, &mem);
		segment->columns[v].attnum = table->values[v].attnum;
		segment->columns[v].quality_attnum = build->quality_attnums[v];
		segment->columns[v].type = table->values[v].type;
		segment->columns[v].summaries = tsdb_span(coded.data, coded.len);
	}
	if (build->old != NULL && !build->plan.rewrite)
		segment->dead_bytes = build->old->segment.dead_bytes + build->dead_bytes;
	begin_writer(build);
	foreach (cell, build->released)
	{
		const uint64 *range = lfirst(cell);

		if (!build->plan.rewrite)
			tsdb_segwriter_release(build->writer, range[0], range[1]);
	}
	tsdb_segwriter_finish(build->writer, segment);
	build->compaction->result->segments_written++;
}
