/*-------------------------------------------------------------------------
 *
 * segbuild.c
 *	  Write a segment anew: replace blocks, keep the rest of its tree.
 *
 * Works group by group.  The chunks of new blocks are collected and appended in
 * portions, times first, then column by column, so that a reader of one column finds its
 * cells side by side; the group's columns and base follow when the group is
 * complete, the root at the end.
 *
 * Memory: the summaries of one group and PENDING_BYTES of coded chunks.
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "format/block.h"
#include "format/grid.h"
#include "maint/segbuild.h"
#include "miscadmin.h"
#include "pg/check.h"
#include "store/metapage.h"
#include "utils/memutils.h"

#define PENDING_BYTES (8 * 1024 * 1024)
#define SUB_US INT64CONST(900000000)	/* a quarter of an hour */
#define PART_BLOCKS 2048		/* blocks of a group that had to be split */

/* A block that was added, per value column of the table where it says so. */
typedef struct NewBlock
{
	TsdbBlock	block;
	TsdbSpan	times;			/* coded; gone once written */
	TsdbSpan   *cells;			/* coded, per column */
	TsdbChunkRef *refs;			/* written, per column */
	TsdbSummary *summaries;		/* per column */
	uint32	   *nsubs;			/* per column */
	TsdbSummary **subs;
} NewBlock;

/* A block of the group as it will be: new, or one that stays. */
typedef struct Entry
{
	NewBlock   *fresh;			/* NULL = stays */
	uint32		old_index;		/* then: in the old form of the group */
} Entry;

/* What is known of a column of the old form of the group. */
typedef struct OldColumn
{
	bool		is_stored;
	const TsdbGroupColumn *directory;
	TsdbSummary *summaries;		/* per block of the group; zero where the block lacks the column */
	TsdbSummary *subs;
} OldColumn;

struct TsdbSegmentBuild
{
	TsdbCompaction *compaction;
	TsdbSegmentPlan plan;
	const TsdbStoredSegment *old;
	bool		columns_changed;	/* the root's columns are not the table's */
	bool		is_changed;		/* something has to be written */
	int			ncolumns;		/* value columns of the table */
	int		   *old_columns;	/* their places in the old root, -1 = none */
	TsdbSummary **old_summaries;	/* per column: those of the old root, NULL = none */
	TsdbSegment segment;		/* the new root */
	uint32		groups_capacity;
	TsdbSummary **summaries;	/* per column: [whole, group 0, ...] */
	TsdbSegmentWriter *writer;	/* NULL before the first append */
	uint64		dead_bytes;		/* replaced by this build */
	uint32		next_old;		/* old groups before it are done */

	/* the entered group */
	bool		in_group;
	int64		group_from;
	int64		group_until;
	bool		has_old;
	bool		group_changed;
	TsdbLoadedGroup loaded;
	bool	   *replaced;		/* per block of the old form */
	int64	   *sub_us;			/* per column */
	NewBlock  **blocks;
	uint32		nblocks;
	uint32		blocks_capacity;
	uint32		nwritten;		/* of them, chunks appended */
	Size		pending_bytes;

	MemoryContext context;		/* everything */
	MemoryContext group_context;
	MemoryContext pending_context;	/* coded chunks */
	MemoryContext scratch;		/* one step */
};

static void load_old_root(TsdbSegmentBuild *build);
static void choose_block_ids(TsdbSegmentBuild *build);
static void start_group(TsdbSegmentBuild *build, int64 from_us, int64 until_us, bool has_old);
static void finish_group(TsdbSegmentBuild *build);
static void pass_group(TsdbSegmentBuild *build);
static void keep_group(TsdbSegmentBuild *build, uint32 group_no);
static void write_group(TsdbSegmentBuild *build);
static uint32 list_entries(TsdbSegmentBuild *build, Entry *entries);
static void write_part(TsdbSegmentBuild *build, const Entry *entries, uint32 n, int64 from_us, int64 until_us);
static void copy_times(TsdbSegmentBuild *build, TsdbBlock *blocks, const Entry *entries, uint32 n);
static void write_column(TsdbSegmentBuild *build, int v, const Entry *entries, const TsdbBlock *blocks, uint32 n,
						 int64 from_us, TsdbChunkRef *cells, TsdbChunkRef *written, TsdbSummary *total);
static void place_cells(TsdbSegmentBuild *build, int v, const Entry *entries, uint32 n, TsdbChunkRef *cells);
static uint32 gather_subs(TsdbSegmentBuild *build, int v, const OldColumn *old, const Entry *entries,
						  const TsdbBlock *blocks, uint32 n, TsdbSummary **subs);
static void read_old_column(TsdbSegmentBuild *build, int v, OldColumn *old);
static void read_old_subs(TsdbSegmentBuild *build, int v, OldColumn *old);
static void count_dead_group(TsdbSegmentBuild *build);
static void add_group(TsdbSegmentBuild *build, const TsdbSegmentGroup *group);
static void encode_block(TsdbSegmentBuild *build, NewBlock *fresh, const TsdbBatch *batch, uint32 from);
static void summarize_column(TsdbSegmentBuild *build, NewBlock *fresh, int v, const TsdbBatch *batch, uint32 from);
static void compute_summary(TsdbSegmentBuild *build, TsdbSummary *summary, int v, const TsdbBatch *batch,
							uint32 from, uint32 nrows);
static void write_pending(TsdbSegmentBuild *build);
static TsdbSpan copy_pending(TsdbSegmentBuild *build, const TsdbBytes *bytes);
static void begin_writer(TsdbSegmentBuild *build);
static TsdbChunkRef append(TsdbSegmentBuild *build, const void *bytes, Size nbytes);
static TsdbChunkRef copy_chunk(TsdbSegmentBuild *build, TsdbChunkRef ref);
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
	const TsdbSegment *old = build->old != NULL && !build->plan.relayout ? &build->old->segment : NULL;
	TsdbSegment *segment = &build->segment;
	int64		from_us;
	int64		until_us;

	if (build->in_group && time_us >= build->group_from && time_us < build->group_until)
		return build->has_old ? &build->loaded : NULL;
	finish_group(build);
	while (old != NULL && build->next_old < old->ngroups && old->groups[build->next_old].until_us <= time_us)
		pass_group(build);

	if (old != NULL && build->next_old < old->ngroups && old->groups[build->next_old].from_us <= time_us)
	{
		start_group(build, old->groups[build->next_old].from_us, old->groups[build->next_old].until_us, true);
		return &build->loaded;
	}

	/* A span of the grid, cut by the segment and by its neighbours. */
	if (!tsdb_grid_floor(time_us, segment->group_us, &from_us))
		from_us = segment->from_us;
	if (__builtin_add_overflow(from_us, segment->group_us, &until_us))
		until_us = segment->until_us;
	from_us = Max(from_us, segment->from_us);
	until_us = Min(until_us, segment->until_us);
	if (segment->ngroups > 0)
		from_us = Max(from_us, segment->groups[segment->ngroups - 1].until_us);
	if (old != NULL && build->next_old < old->ngroups)
		until_us = Min(until_us, old->groups[build->next_old].from_us);
	start_group(build, from_us, until_us, false);
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
	NewBlock   *fresh = palloc0(sizeof(NewBlock));
	TsdbBlock  *block = &fresh->block;

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
	fresh->nsubs = palloc0_array(uint32, build->ncolumns + 1);
	fresh->subs = palloc0_array(TsdbSummary *, build->ncolumns + 1);
	if (build->nblocks == build->blocks_capacity)
	{
		build->blocks_capacity = Max(build->blocks_capacity * 2, 32);
		build->blocks = build->blocks == NULL ? palloc_array(NewBlock *, build->blocks_capacity) : repalloc_array(build->blocks, NewBlock *, build->blocks_capacity);
	}
	build->blocks[build->nblocks++] = fresh;
	for (int v = 0; v < build->ncolumns; v++)
		summarize_column(build, fresh, v, batch, from);
	MemoryContextSwitchTo(caller);

	encode_block(build, fresh, batch, from);
	build->group_changed = true;
	build->is_changed = true;
	compaction->result->blocks_written++;
	compaction->result->rows += block->nrows;
	if (build->pending_bytes > PENDING_BYTES)
		write_pending(build);
}

uint64
tsdb_segbuild_finish(TsdbSegmentBuild *build, uint64 merged_seq)
{
	const TsdbSegment *old = build->old != NULL && !build->plan.relayout ? &build->old->segment : NULL;
	MemoryContext caller = MemoryContextSwitchTo(build->context);
	uint64		nrows;

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

// private functions

/* Where the table's columns are in the old root, and their summaries. */
static void
load_old_root(TsdbSegmentBuild *build)
{
	TsdbCompaction *compaction = build->compaction;
	const TsdbSegment *old;
	TsdbMem		mem = tsdb_mem_context(build->context);
	uint32		nsummaries;

	build->old_columns = palloc_array(int, build->ncolumns + 1);
	build->old_summaries = palloc0_array(TsdbSummary *, build->ncolumns + 1);
	if (build->old == NULL)
		return;
	old = &build->old->segment;
	nsummaries = tsdb_segment_nsummaries(old);
	build->columns_changed = old->ncolumns != build->ncolumns && old->nrows > 0;
	for (int v = 0; v < build->ncolumns; v++)
	{
		int			c = tsdb_segload_column(compaction, old, &compaction->table.values[v]);

		build->old_columns[v] = c;
		if (c < 0)
		{
			build->columns_changed |= old->nrows > 0;
			continue;
		}
		if (build->plan.relayout || old->nrows == 0)
			continue;
		build->old_summaries[v] = palloc_array(TsdbSummary, nsummaries);
		TSDB_CHECK(tsdb_summaries_decode(old->columns[c].summaries, old->columns[c].type, build->old_summaries[v],
										 nsummaries, old->from_us, TSDB_SUMMARY_ALL, &mem),
				   compaction->rel, "The summaries of column %d of series %u, segment %d, do not decode.",
				   old->columns[c].attnum, old->series, old->segment_no);
	}
	build->columns_changed &= !build->plan.relayout;
}

/*
 * Group bases count block ids from the root's lowest, so that one must not change under
 * groups that are kept.  Near the end of the 31 bits, after which ids
 * start again, everything is written anew with the lowest id there is.
 */
static void
choose_block_ids(TsdbSegmentBuild *build)
{
	TsdbSegment *segment = &build->segment;
	uint64		next = (tsdb_metapage_next(build->compaction->rel, TSDB_COUNTER_BLOCK) - 1) % PG_INT32_MAX + 1;
	bool		wraps = next > PG_INT32_MAX - (1 << 24);
	bool		has_old = build->old != NULL && build->old->segment.nrows > 0 && !build->plan.relayout;

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

static void
start_group(TsdbSegmentBuild *build, int64 from_us, int64 until_us, bool has_old)
{
	MemoryContext caller;

	MemoryContextReset(build->group_context);
	caller = MemoryContextSwitchTo(build->group_context);
	build->in_group = true;
	build->group_from = from_us;
	build->group_until = until_us;
	build->has_old = has_old;
	build->group_changed = false;
	build->blocks = NULL;
	build->nblocks = build->blocks_capacity = build->nwritten = 0;
	build->sub_us = palloc0_array(int64, build->ncolumns + 1);
	if (has_old)
	{
		tsdb_segload_group(build->compaction, &build->old->segment, build->next_old, &build->loaded);
		build->replaced = palloc0_array(bool, build->loaded.base.nblocks + 1);
		build->next_old++;
	}
	for (int v = 0; v < build->ncolumns; v++)
	{
		int			c = build->old_columns[v];

		if (has_old && c >= 0 && build->loaded.has_column[c])
			build->sub_us[v] = build->loaded.columns[c].sub_us;
		else if (build->plan.use_subs && build->compaction->table.values[v].type != TSDB_TYPE_TEXT)
			build->sub_us[v] = SUB_US;
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
		keep_group(build, build->loaded.group_no);
		return;
	}
	if (!build->has_old && build->nblocks == 0)
		return;
	caller = MemoryContextSwitchTo(build->group_context);
	write_pending(build);
	count_dead_group(build);
	write_group(build);
	MemoryContextSwitchTo(caller);
	MemoryContextReset(build->scratch);
}

/* Take over the next old group: as it is if possible. */
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
	start_group(build, group->from_us, group->until_us, true);
	finish_group(build);
}

static void
keep_group(TsdbSegmentBuild *build, uint32 group_no)
{
	const TsdbSegment *old = &build->old->segment;

	add_group(build, &old->groups[group_no]);
	for (int v = 0; v < build->ncolumns; v++)
	{
		const TsdbSummary *from = build->old_summaries[v];

		build->summaries[v][build->segment.ngroups] = from[old->ngroups == 1 ? 0 : group_no + 1];
	}
}

static void
write_group(TsdbSegmentBuild *build)
{
	uint32		nold = build->has_old ? build->loaded.base.nblocks : 0;
	Entry	   *entries = palloc_array(Entry, nold + build->nblocks + 1);
	uint32		n = list_entries(build, entries);
	uint32		part = n > TSDB_GROUP_MAX_BLOCKS ? PART_BLOCKS : n;
	int64		from_us = build->group_from;

	for (uint32 done = 0; done < n; done += part)
	{
		uint32		count = Min(part, n - done);
		int64		until_us = build->group_until;

		if (done + count < n)
		{
			const Entry *next = &entries[done + count];

			until_us = next->fresh != NULL ? next->fresh->block.from_us : build->loaded.base.blocks[next->old_index].from_us;
		}
		write_part(build, entries + done, count, from_us, until_us);
		from_us = until_us;
	}
}

/* The blocks of the group as it will be, ascending. */
static uint32
list_entries(TsdbSegmentBuild *build, Entry *entries)
{
	uint32		nold = build->has_old ? build->loaded.base.nblocks : 0;
	uint32		old_index = 0;
	uint32		new_index = 0;
	uint32		n = 0;

	while (old_index < nold || new_index < build->nblocks)
	{
		Entry	   *entry = &entries[n];

		if (old_index < nold && build->replaced[old_index])
		{
			old_index++;
			continue;
		}
		if (old_index < nold &&
			(new_index == build->nblocks ||
			 build->loaded.base.blocks[old_index].from_us < build->blocks[new_index]->block.from_us))
		{
			entry->fresh = NULL;
			entry->old_index = old_index++;
		}
		else
		{
			entry->fresh = build->blocks[new_index++];
			entry->old_index = 0;
		}
		n++;
	}
	return n;
}

static void
write_part(TsdbSegmentBuild *build, const Entry *entries, uint32 n, int64 from_us, int64 until_us)
{
	TsdbMem		mem = tsdb_mem_context(build->scratch);
	TsdbSegmentGroup group = {0};
	TsdbGroupBase base = {0};
	TsdbChunkRef **cells = palloc_array(TsdbChunkRef *, build->ncolumns + 1);
	TsdbSummary *totals = palloc_array(TsdbSummary, build->ncolumns + 1);
	TsdbBytes	bytes;

	base.nblocks = n;
	base.blocks = palloc_array(TsdbBlock, n);
	base.ncolumns = build->ncolumns;
	base.columns = palloc0_array(TsdbChunkRef, build->ncolumns + 1);
	for (uint32 i = 0; i < n; i++)
	{
		base.blocks[i] = entries[i].fresh != NULL ? entries[i].fresh->block : build->loaded.base.blocks[entries[i].old_index];
		group.nrows += base.blocks[i].nrows;
		build->segment.max_block_id = Max(build->segment.max_block_id, base.blocks[i].block_id);
	}
	if (build->plan.rewrite)
		copy_times(build, base.blocks, entries, n);
	for (int v = 0; v < build->ncolumns; v++)
	{
		cells[v] = palloc0_array(TsdbChunkRef, n);
		place_cells(build, v, entries, n, cells[v]);
	}
	for (int v = 0; v < build->ncolumns; v++)
		write_column(build, v, entries, base.blocks, n, from_us, cells[v], &base.columns[v], &totals[v]);

	group.from_us = from_us;
	group.until_us = until_us;
	group.nblocks = n;
	tsdb_bytes_init(&bytes, &mem);
	tsdb_groupbase_encode(&bytes, &base, &build->segment, &group, &mem);
	group.base = append(build, bytes.data, bytes.len);
	MemoryContextReset(build->scratch);
	add_group(build, &group);
	for (int v = 0; v < build->ncolumns; v++)
		build->summaries[v][build->segment.ngroups] = totals[v];
}

/* Into a new stream: times of the blocks that stay. */
static void
copy_times(TsdbSegmentBuild *build, TsdbBlock *blocks, const Entry *entries, uint32 n)
{
	for (uint32 i = 0; i < n; i++)
		if (entries[i].fresh == NULL)
			blocks[i].times = copy_chunk(build, blocks[i].times);
}

/* Where the cells of a column are, or will be in a new stream. */
static void
place_cells(TsdbSegmentBuild *build, int v, const Entry *entries, uint32 n, TsdbChunkRef *cells)
{
	int			c = build->has_old ? build->old_columns[v] : -1;

	for (uint32 i = 0; i < n; i++)
	{
		if (entries[i].fresh != NULL)
			cells[i] = entries[i].fresh->refs[v];
		else if (c >= 0 && build->loaded.has_column[c])
		{
			cells[i] = build->loaded.columns[c].cells[entries[i].old_index];
			if (build->plan.rewrite && cells[i].nbytes > 0)
				cells[i] = copy_chunk(build, cells[i]);
		}
	}
}

/* The directory of a column of a group; *total becomes the summary of the group. */
static void
write_column(TsdbSegmentBuild *build, int v, const Entry *entries, const TsdbBlock *blocks, uint32 n,
			 int64 from_us, TsdbChunkRef *cells, TsdbChunkRef *written, TsdbSummary *total)
{
	TsdbType	type = build->compaction->table.values[v].type;
	TsdbMem		mem = tsdb_mem_context(build->scratch);
	TsdbGroupColumn column = {0};
	TsdbSummary *summaries = palloc_array(TsdbSummary, n);
	TsdbSummary *subs = NULL;
	OldColumn	old;
	TsdbBytes	bytes;
	TsdbBytes	coded;

	read_old_column(build, v, &old);
	tsdb_summary_init(total);
	for (uint32 i = 0; i < n; i++)
	{
		if (cells[i].nbytes == 0)
			continue;
		summaries[column.nsummaries] = entries[i].fresh != NULL ? entries[i].fresh->summaries[v] : old.summaries[entries[i].old_index];
		if (column.nsummaries == 0)
			*total = summaries[0];
		else
			tsdb_summary_merge(total, &summaries[column.nsummaries], type);
		column.nsummaries++;
	}
	if (column.nsummaries == 0)
		return;

	column.cells = cells;
	/* The only block's summary is that of the group, which is in the root. */
	if (n == 1)
		column.nsummaries = 0;
	tsdb_bytes_init(&coded, &mem);
	tsdb_summaries_encode(&coded, type, summaries, column.nsummaries, from_us, &mem);
	column.summaries = tsdb_span(coded.data, coded.len);
	column.sub_us = build->sub_us[v];
	if (column.sub_us > 0)
	{
		read_old_subs(build, v, &old);
		column.nsubs = gather_subs(build, v, &old, entries, blocks, n, &subs);
	}
	if (column.nsubs == 0 || column.nsubs > TSDB_MAX_SUMMARIES)
		column.sub_us = column.nsubs = 0;
	tsdb_bytes_init(&coded, &mem);
	tsdb_summaries_encode(&coded, type, subs, column.nsubs, from_us, &mem);
	column.subs = tsdb_span(coded.data, coded.len);

	tsdb_bytes_init(&bytes, &mem);
	tsdb_groupcolumn_encode(&bytes, &column, n, &mem);
	*written = append(build, bytes.data, bytes.len);
	pfree(summaries);
	MemoryContextReset(build->scratch);
}

/* Sub-summaries of the blocks that store the column, in order; those of old blocks are told apart by their times. */
static uint32
gather_subs(TsdbSegmentBuild *build, int v, const OldColumn *old, const Entry *entries,
			const TsdbBlock *blocks, uint32 n, TsdbSummary **subs)
{
	uint32		nold = old->is_stored ? old->directory->nsubs : 0;
	uint32		total = nold;
	uint32		next_old = 0;
	uint32		nsubs = 0;

	for (uint32 i = 0; i < n; i++)
		if (entries[i].fresh != NULL)
			total += entries[i].fresh->nsubs[v];
	*subs = palloc_array(TsdbSummary, total + 1);
	for (uint32 i = 0; i < n; i++)
	{
		const NewBlock *fresh = entries[i].fresh;

		if (fresh != NULL)
		{
			memcpy(*subs + nsubs, fresh->subs[v], sizeof(TsdbSummary) * fresh->nsubs[v]);
			nsubs += fresh->nsubs[v];
			continue;
		}
		while (next_old < nold && old->subs[next_old].first_row_time < blocks[i].first_time)
			next_old++;
		while (next_old < nold && old->subs[next_old].first_row_time <= blocks[i].last_time)
			(*subs)[nsubs++] = old->subs[next_old++];
	}
	return nsubs;
}

/* Summaries of the old form of the group, one per block. */
static void
read_old_column(TsdbSegmentBuild *build, int v, OldColumn *old)
{
	TsdbCompaction *compaction = build->compaction;
	int			c = build->has_old ? build->old_columns[v] : -1;
	TsdbMem		mem = tsdb_mem_context(build->scratch);
	TsdbSummary *coded;
	uint32		next = 0;
	const TsdbSegment *segment;

	memset(old, 0, sizeof(OldColumn));
	if (c < 0 || !build->loaded.has_column[c])
		return;
	segment = &build->old->segment;
	old->is_stored = true;
	old->directory = &build->loaded.columns[c];
	old->summaries = MemoryContextAllocZero(build->scratch, sizeof(TsdbSummary) * build->loaded.base.nblocks);
	if (old->directory->nsummaries == 0)
	{
		/* A group of one block: see write_column. */
		old->summaries[0] = build->old_summaries[v][segment->ngroups == 1 ? 0 : build->loaded.group_no + 1];
		return;
	}
	coded = MemoryContextAlloc(build->scratch, sizeof(TsdbSummary) * old->directory->nsummaries);
	TSDB_CHECK(tsdb_summaries_decode(old->directory->summaries, segment->columns[c].type, coded,
									 old->directory->nsummaries, segment->groups[build->loaded.group_no].from_us,
									 TSDB_SUMMARY_ALL, &mem),
			   compaction->rel, "The summaries of column %d in group %u of series %u, segment %d, do not decode.",
			   segment->columns[c].attnum, build->loaded.group_no, segment->series, segment->segment_no);
	for (uint32 i = 0; i < build->loaded.base.nblocks; i++)
		if (old->directory->cells[i].nbytes > 0)
			old->summaries[i] = coded[next++];
}

static void
read_old_subs(TsdbSegmentBuild *build, int v, OldColumn *old)
{
	TsdbMem		mem = tsdb_mem_context(build->scratch);
	int			c = build->old_columns[v];
	const TsdbSegment *segment;

	if (!old->is_stored || old->directory->nsubs == 0)
		return;
	segment = &build->old->segment;
	old->subs = MemoryContextAlloc(build->scratch, sizeof(TsdbSummary) * old->directory->nsubs);
	TSDB_CHECK(tsdb_summaries_decode(old->directory->subs, segment->columns[c].type, old->subs,
									 old->directory->nsubs, segment->groups[build->loaded.group_no].from_us,
									 TSDB_SUMMARY_ALL, &mem),
			   build->compaction->rel, "The sub-summaries of column %d in group %u of series %u, segment %d, do not decode.",
			   segment->columns[c].attnum, build->loaded.group_no, segment->series, segment->segment_no);
}

/* The old base and directories are replaced, and the cells of dropped columns with them. */
static void
count_dead_group(TsdbSegmentBuild *build)
{
	const TsdbLoadedGroup *loaded = &build->loaded;
	const TsdbSegment *old;

	if (!build->has_old)
		return;
	old = &build->old->segment;
	build->dead_bytes += old->groups[loaded->group_no].base.nbytes;
	for (int c = 0; c < old->ncolumns; c++)
	{
		bool		is_dropped = true;

		build->dead_bytes += loaded->base.columns[c].nbytes;
		for (int v = 0; v < build->ncolumns; v++)
			is_dropped &= build->old_columns[v] != c;
		for (uint32 i = 0; is_dropped && loaded->has_column[c] && i < loaded->base.nblocks; i++)
			if (!build->replaced[i])
				build->dead_bytes += loaded->columns[c].cells[i].nbytes;
	}
}

/* List a group in the root; its summaries go to index ngroups. */
static void
add_group(TsdbSegmentBuild *build, const TsdbSegmentGroup *group)
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

static void
encode_block(TsdbSegmentBuild *build, NewBlock *fresh, const TsdbBatch *batch, uint32 from)
{
	const TsdbTable *table = &build->compaction->table;
	TsdbMem		mem = tsdb_mem_context(build->scratch);
	MemoryContext caller = MemoryContextSwitchTo(build->scratch);
	uint32		nrows = fresh->block.nrows;
	TsdbBytes	bytes;

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

/* Summary and sub-summaries of a column of a new block. */
static void
summarize_column(TsdbSegmentBuild *build, NewBlock *fresh, int v, const TsdbBatch *batch, uint32 from)
{
	const TsdbBlock *block = &fresh->block;
	int64		sub_us = build->sub_us[v];
	uint32		until = from + block->nrows;
	uint32		capacity;

	compute_summary(build, &fresh->summaries[v], v, batch, from, block->nrows);
	if (sub_us == 0)
		return;
	capacity = Min((uint64) block->nrows, (uint64) (block->last_time - block->first_time) / sub_us + 2);
	fresh->subs[v] = palloc_array(TsdbSummary, capacity);
	while (from < until)
	{
		int64		start_us;
		uint32		end = from + 1;

		if (!tsdb_grid_floor(batch->times[from], sub_us, &start_us))
			start_us = batch->times[from];
		while (end < until && batch->times[end] - start_us < sub_us)
			end++;
		Assert(fresh->nsubs[v] < capacity);
		compute_summary(build, &fresh->subs[v][fresh->nsubs[v]++], v, batch, from, end - from);
		from = end;
	}
}

static void
compute_summary(TsdbSegmentBuild *build, TsdbSummary *summary, int v, const TsdbBatch *batch,
				uint32 from, uint32 nrows)
{
	const TsdbTable *table = &build->compaction->table;
	const TsdbColumn *column = &batch->columns[v];
	int16		quality_attnum = table->columns[column->attnum - 1].quality_attnum;
	TsdbColumn *quality = quality_attnum > 0 ? tsdb_batch_column(batch, quality_attnum) : NULL;

	tsdb_summary_compute(summary, column->type, nrows, batch->times + from, column->words + from,
						 column->states ? column->states + from : NULL,
						 quality ? quality->words + from : NULL,
						 quality && quality->states ? quality->states + from : NULL,
						 build->compaction->barrier - 1);
}

/* Append the chunks that are waiting. */
static void
write_pending(TsdbSegmentBuild *build)
{
	for (uint32 i = build->nwritten; i < build->nblocks; i++)
	{
		NewBlock   *fresh = build->blocks[i];

		fresh->block.times = append(build, fresh->times.at, tsdb_span_left(&fresh->times));
	}
	for (int v = 0; v < build->ncolumns; v++)
		for (uint32 i = build->nwritten; i < build->nblocks; i++)
		{
			NewBlock   *fresh = build->blocks[i];

			fresh->refs[v] = append(build, fresh->cells[v].at, tsdb_span_left(&fresh->cells[v]));
		}
	build->nwritten = build->nblocks;
	build->pending_bytes = 0;
	MemoryContextReset(build->pending_context);
}

static TsdbSpan
copy_pending(TsdbSegmentBuild *build, const TsdbBytes *bytes)
{
	uint8	   *copy;

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

/* Not before something is written: nothing may come of the build. */
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

static TsdbChunkRef
append(TsdbSegmentBuild *build, const void *bytes, Size nbytes)
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

/* Carry a chunk over from the old stream. */
static TsdbChunkRef
copy_chunk(TsdbSegmentBuild *build, TsdbChunkRef ref)
{
	TsdbCompaction *compaction = build->compaction;
	MemoryContext caller = MemoryContextSwitchTo(build->scratch);
	TsdbSpan	bytes = tsdb_segstore_chunk(compaction->store, compaction->rel, compaction->snapshot,
											&build->old->segment, ref);

	ref = append(build, bytes.at, tsdb_span_left(&bytes));
	MemoryContextSwitchTo(caller);
	MemoryContextReset(build->scratch);
	return ref;
}

static void
write_root(TsdbSegmentBuild *build, uint64 merged_seq)
{
	const TsdbTable *table = &build->compaction->table;
	TsdbSegment *segment = &build->segment;
	TsdbMem		mem = tsdb_mem_context(build->context);

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
		TsdbBytes	coded;

		summaries[0] = summaries[1];
		for (uint32 g = 1; g < segment->ngroups; g++)
			if (summaries[g + 1].nrows > 0)
				tsdb_summary_merge(&summaries[0], &summaries[g + 1], table->values[v].type);
		tsdb_bytes_init(&coded, &mem);
		tsdb_summaries_encode(&coded, table->values[v].type, summaries, tsdb_segment_nsummaries(segment),
							  segment->from_us, &mem);
		segment->columns[v].attnum = table->values[v].attnum;
		segment->columns[v].type = table->values[v].type;
		segment->columns[v].summaries = tsdb_span(coded.data, coded.len);
	}
	if (build->old != NULL && !build->plan.rewrite)
		segment->dead_bytes = build->old->segment.dead_bytes + build->dead_bytes;
	begin_writer(build);
	tsdb_segwriter_finish(build->writer, segment);
	build->compaction->result->segments_written++;
}
