/*-------------------------------------------------------------------------
 *
 * seggroup.c
 *	  Write one group of a segment: directories of its columns, base.
 *
 * The group as it will be is the blocks that were added and the old ones that stay.  The latter
 * keep their cells and summaries; in a new stream their chunks are copied.
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "maint/segbuild_private.h"
#include "miscadmin.h"
#include "pg/check.h"
#include "utils/memutils.h"

#define PART_BLOCKS 2048 /* blocks of a group that had to be split */

/* What is known of a column of the old form of the group. */
typedef struct OldColumn
{
	bool is_stored;
	TsdbSummary *summaries; /* per block of the group; zero where the block lacks the column */
} OldColumn;

static uint32 list_entries(TsdbSegmentBuild *build, Entry *entries);
static void write_part(TsdbSegmentBuild *build, const Entry *entries, uint32 n, int64 from_us, int64 until_us);
static void copy_times(TsdbSegmentBuild *build, TsdbBlock *blocks, const Entry *entries, uint32 n);
static void place_cells(TsdbSegmentBuild *build, int v, const Entry *entries, uint32 n, TsdbChunkRef *cells);
static void write_column(TsdbSegmentBuild *build, int v, const Entry *entries, const TsdbBlock *blocks, uint32 n,
						 int64 from_us, TsdbChunkRef *cells, TsdbChunkRef *written, TsdbSummary *total);
static void read_old_column(TsdbSegmentBuild *build, int v, OldColumn *old);
static void read_old_part(TsdbSegmentBuild *build, int v, const TsdbLoadedGroup *part, TsdbSummary *summaries);
static void count_dead_group(TsdbSegmentBuild *build);

void
tsdb_seggroup_write(TsdbSegmentBuild *build)
{
	uint32 nold = build->has_old ? build->loaded.base.nblocks : 0;
	Entry *entries = palloc_array(Entry, nold + build->nblocks + 1);
	uint32 n = list_entries(build, entries);
	uint32 part = n > TSDB_GROUP_MAX_BLOCKS ? PART_BLOCKS : n;
	int64 from_us = build->group_from;

	count_dead_group(build);
	for (uint32 done = 0; done < n; done += part)
	{
		uint32 count = Min(part, n - done);
		int64 until_us = build->group_until;

		if (done + count < n)
		{
			const Entry *next = &entries[done + count];

			until_us = next->fresh != NULL ? next->fresh->block.from_us : build->loaded.base.blocks[next->old_index].from_us;
		}
		write_part(build, entries + done, count, from_us, until_us);
		from_us = until_us;
	}
}

// private functions

static uint32
list_entries(TsdbSegmentBuild *build, Entry *entries)
{
	uint32 nold = build->has_old ? build->loaded.base.nblocks : 0;
	uint32 old_index = 0;
	uint32 new_index = 0;
	uint32 n = 0;

	while (old_index < nold || new_index < build->nblocks)
	{
		Entry *entry = &entries[n];

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
	TsdbMem mem = tsdb_mem_context(build->scratch);
	TsdbSegmentGroup group = {0};
	TsdbGroupBase base = {0};
	TsdbChunkRef **cells = palloc_array(TsdbChunkRef *, build->ncolumns + 1);
	TsdbSummary *totals = palloc_array(TsdbSummary, build->ncolumns + 1);
	TsdbBytes bytes;

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
	for (int v = 0; v < build->ncolumns; v++)
	{
		cells[v] = palloc0_array(TsdbChunkRef, n);
		place_cells(build, v, entries, n, cells[v]);
	}
	if (build->plan.rewrite)
		copy_times(build, base.blocks, entries, n);
	for (int v = 0; v < build->ncolumns; v++)
		write_column(build, v, entries, base.blocks, n, from_us, cells[v], &base.columns[v], &totals[v]);

	group.from_us = from_us;
	group.until_us = until_us;
	group.nblocks = n;
	tsdb_bytes_init(&bytes, &mem);
	tsdb_groupbase_encode(&bytes, &base, &build->segment, &group, &mem);
	group.base = tsdb_segbuild_append(build, bytes.data, bytes.len);
	MemoryContextReset(build->scratch);
	tsdb_segbuild_list(build, &group);
	for (int v = 0; v < build->ncolumns; v++)
		build->summaries[v][build->segment.ngroups] = totals[v];
}

static void
copy_times(TsdbSegmentBuild *build, TsdbBlock *blocks, const Entry *entries, uint32 n)
{
	for (uint32 i = 0; i < n; i++)
		if (entries[i].fresh == NULL)
			blocks[i].times = tsdb_segbuild_copy(build, blocks[i].times);
}

static void
place_cells(TsdbSegmentBuild *build, int v, const Entry *entries, uint32 n, TsdbChunkRef *cells)
{
	int c = build->has_old ? build->old_columns[v] : -1;

	for (uint32 i = 0; i < n; i++)
	{
		if (entries[i].fresh != NULL)
			cells[i] = entries[i].fresh->refs[v];
		else if (c >= 0 && build->loaded.has_column[c])
		{
			cells[i] = build->loaded.columns[c].cells[entries[i].old_index];
			if (build->plan.rewrite && cells[i].nbytes > 0)
				cells[i] = tsdb_segbuild_copy(build, cells[i]);
		}
	}
}

static void
write_column(TsdbSegmentBuild *build, int v, const Entry *entries, const TsdbBlock *blocks, uint32 n,
			 int64 from_us, TsdbChunkRef *cells, TsdbChunkRef *written, TsdbSummary *total)
{
	TsdbType type = build->compaction->table.values[v].type;
	TsdbMem mem = tsdb_mem_context(build->scratch);
	TsdbGroupColumn column = {0};
	TsdbSummary *summaries = palloc_array(TsdbSummary, n);
	Group group = {entries, blocks, n, from_us, cells};
	OldColumn old;
	TsdbBytes bytes;
	TsdbBytes coded;

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
	tsdb_segsubs_write(build, v, &group, &column);

	tsdb_bytes_init(&bytes, &mem);
	tsdb_groupcolumn_encode(&bytes, &column, n, &mem);
	*written = tsdb_segbuild_append(build, bytes.data, bytes.len);
	pfree(summaries);
	MemoryContextReset(build->scratch);
}

static void
read_old_column(TsdbSegmentBuild *build, int v, OldColumn *old)
{
	int c = build->has_old ? build->old_columns[v] : -1;
	TsdbSummary *summaries;

	memset(old, 0, sizeof(OldColumn));
	if (c < 0 || !build->loaded.has_column[c])
		return;
	old->is_stored = true;
	summaries = old->summaries = MemoryContextAllocZero(build->scratch, sizeof(TsdbSummary) * build->loaded.base.nblocks);
	for (uint32 p = 0; p < build->loaded.ngroups; p++)
	{
		const TsdbLoadedGroup *part = &build->loaded.parts[p];

		if (part->has_column[c])
			read_old_part(build, v, part, summaries);
		summaries += part->base.nblocks;
	}
}

/* The summaries of the blocks of one old group. */
static void
read_old_part(TsdbSegmentBuild *build, int v, const TsdbLoadedGroup *part, TsdbSummary *summaries)
{
	TsdbMem mem = tsdb_mem_context(build->scratch);
	int c = build->old_columns[v];
	const TsdbSegment *segment = &build->old->segment;
	const TsdbGroupColumn *directory = &part->columns[c];
	TsdbSummary *coded;
	uint32 next = 0;

	if (directory->nsummaries == 0)
	{
		/* A group of one block: see write_column. */
		summaries[0] = build->old_summaries[v][tsdb_segment_group_summary(segment, part->group_no)];
		return;
	}
	coded = MemoryContextAlloc(build->scratch, sizeof(TsdbSummary) * directory->nsummaries);
	TSDB_CHECK(tsdb_summaries_decode(directory->summaries, segment->columns[c].type, coded, directory->nsummaries,
									 segment->groups[part->group_no].from_us, TSDB_SUMMARY_ALL, &mem),
			   build->compaction->rel, "The summaries of column %d in group %u of series %u, segment %d, do not decode.",
			   segment->columns[c].attnum, part->group_no, segment->series, segment->segment_no);
	for (uint32 i = 0; i < part->base.nblocks; i++)
		if (directory->cells[i].nbytes > 0)
			summaries[i] = coded[next++];
}

static void
count_dead_group(TsdbSegmentBuild *build)
{
	const TsdbLoadedGroup *loaded = &build->loaded;
	const TsdbSegment *old;

	if (!build->has_old)
		return;
	old = &build->old->segment;
	for (uint32 p = 0; p < loaded->ngroups; p++)
		build->dead_bytes += old->groups[loaded->group_no + p].base.nbytes;
	for (int c = 0; c < old->ncolumns; c++)
	{
		bool is_dropped = true;

		for (uint32 p = 0; p < loaded->ngroups; p++)
		{
			build->dead_bytes += loaded->parts[p].base.columns[c].nbytes;
			for (int k = 0; k < TSDB_SUB_KINDS; k++)
				build->dead_bytes += loaded->parts[p].columns[c].subs[k].ref.nbytes;
		}
		for (int v = 0; v < build->ncolumns; v++)
			is_dropped &= build->old_columns[v] != c;
		for (uint32 i = 0; is_dropped && loaded->has_column[c] && i < loaded->base.nblocks; i++)
			if (!build->replaced[i])
				build->dead_bytes += loaded->columns[c].cells[i].nbytes;
	}
}
