/*-------------------------------------------------------------------------
 *
 * segbuild_private.h
 *	  Shared by segbuild.c and seggroup.c: a segment that is being written.
 *
 *-------------------------------------------------------------------------
 */
#ifndef TSDB_SEGBUILD_PRIVATE_H
#define TSDB_SEGBUILD_PRIVATE_H

#include "maint/segbuild.h"
#include "nodes/pg_list.h"

/* A block that was added, per value column of the table where it says so. */
typedef struct NewBlock
{
	TsdbBlock block;
	TsdbSpan times; /* coded; gone once written */
	TsdbSpan *cells; /* coded, per column */
	TsdbChunkRef *refs; /* written, per column */
	TsdbSummary *summaries; /* per column */
	uint32 *nsubs; /* per column */
	TsdbSummary **subs;
} NewBlock;

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

/* tsdb_segbuild_append - add a chunk to the stream. */
extern TsdbChunkRef tsdb_segbuild_append(TsdbSegmentBuild *build, const void *bytes, Size nbytes);

/* tsdb_segbuild_copy - carry a chunk over from the old stream. */
extern TsdbChunkRef tsdb_segbuild_copy(TsdbSegmentBuild *build, TsdbChunkRef ref);

/* tsdb_segbuild_list - list a group in the root; its summaries go to index ngroups. */
extern void tsdb_segbuild_list(TsdbSegmentBuild *build, const TsdbSegmentGroup *group);

/* tsdb_seggroup_write - write the entered group, whose new chunks are in the stream already. */
extern void tsdb_seggroup_write(TsdbSegmentBuild *build);

#endif /* TSDB_SEGBUILD_PRIVATE_H */
