/*-------------------------------------------------------------------------
 *
 * segbuild_private.h
 *	  Shared by segbuild.c, seggroup.c and segsubs.c: a segment that is being written.
 *
 *-------------------------------------------------------------------------
 */
#ifndef TSDB_SEGBUILD_PRIVATE_H
#define TSDB_SEGBUILD_PRIVATE_H

#include "maint/segbuild.h"
#include "nodes/pg_list.h"

/* Sub-summaries of a block. */
typedef struct NewSubs
{
	uint32 n;
	TsdbSummary *list;
} NewSubs;

/* A block that was added, per value column of the table where it says so. */
typedef struct NewBlock
{
	TsdbBlock block;
	TsdbSpan times; /* coded; gone once written */
	TsdbSpan *cells; /* coded, per column */
	TsdbChunkRef *refs; /* written, per column */
	TsdbSummary *summaries; /* per column */
	NewSubs *subs; /* per column */
	NewSubs *fine; /* per column: with sums and extremes alone; none unless they can be had for the whole block */
} NewBlock;

/* A block of the group as it will be: new, or one that stays. */
typedef struct Entry
{
	NewBlock *fresh; /* NULL = stays */
	uint32 old_index; /* then: in the old form of the group */
} Entry;

/* The group as it will be, with one of its columns. */
typedef struct Group
{
	const Entry *entries;
	const TsdbBlock *blocks;
	uint32 n;
	int64 from_us;
	const TsdbChunkRef *cells;
} Group;

struct TsdbSegmentBuild
{
	TsdbCompaction *compaction;
	TsdbSegmentPlan plan;
	const TsdbStoredSegment *old;
	bool columns_changed; /* the root's columns are not the table's */
	bool is_changed; /* something has to be written */
	int ncolumns; /* value columns of the table */
	int16 *quality_attnums; /* per column: the quality column that its summaries are made with */
	int *old_columns; /* their places in the old root, -1 = none */
	TsdbSummary **old_summaries; /* per column: those of the old root, NULL = none */
	TsdbSegment segment; /* the new root */
	uint32 groups_capacity;
	TsdbSummary **summaries; /* per column: [whole, group 0, ...] */
	TsdbSegmentWriter *writer; /* NULL before the first append */
	uint64 dead_bytes; /* replaced by this build */
	uint32 next_old; /* old groups before it are done */
	List *released; /* of uint64[2]: bytes of the old stream */

	/* the entered group */
	bool in_group;
	int64 group_from;
	int64 group_until;
	bool has_old;
	bool group_changed;
	TsdbLoadedGroup loaded;
	bool *replaced; /* per block of the old form */
	int64 *sub_us; /* per column */
	NewBlock **blocks;
	uint32 nblocks;
	uint32 blocks_capacity;
	uint32 nwritten; /* of them, chunks appended */
	Size pending_bytes;

	MemoryContext context; /* everything */
	MemoryContext group_context;
	MemoryContext pending_context; /* coded chunks */
	MemoryContext scratch; /* one step */
};

/* tsdb_segsubs_compute - those of rows of batch, of column v. */
extern void tsdb_segsubs_compute(TsdbSegmentBuild *build, NewBlock *fresh, int v, const TsdbBatch *batch, uint32 from);

/* tsdb_segsubs_write - those of a group to the stream, where they pay; fills column->subs. */
extern void tsdb_segsubs_write(TsdbSegmentBuild *build, int v, const Group *group, TsdbGroupColumn *column);

/* tsdb_segbuild_summarize - a summary of nrows rows of column v. */
extern void tsdb_segbuild_summarize(TsdbSegmentBuild *build, TsdbSummary *summary, int v, const TsdbBatch *batch,
									uint32 from, uint32 nrows);

/* tsdb_segbuild_append - add a chunk to the stream. */
extern TsdbChunkRef tsdb_segbuild_append(TsdbSegmentBuild *build, const void *bytes, Size nbytes);

/* tsdb_segbuild_copy - carry a chunk over from the old stream. */
extern TsdbChunkRef tsdb_segbuild_copy(TsdbSegmentBuild *build, TsdbChunkRef ref);

/* tsdb_segbuild_list - list a group in the root; its summaries go to index ngroups. */
extern void tsdb_segbuild_list(TsdbSegmentBuild *build, const TsdbSegmentGroup *group);

/* tsdb_seggroup_write - write the entered group, whose new chunks are in the stream already. */
extern void tsdb_seggroup_write(TsdbSegmentBuild *build);

#endif /* TSDB_SEGBUILD_PRIVATE_H */
