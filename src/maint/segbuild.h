/*-------------------------------------------------------------------------
 *
 * segbuild.h
 *	  Write a segment anew: replace blocks, keep the rest of its tree.
 *
 * Blocks are given in ascending order of time.  Groups without a changed block keep their
 * chunks, blocks that are not replaced keep their cells and summaries.  Nothing
 * is written when nothing changes.
 *-------------------------------------------------------------------------
 */
#ifndef TSDB_SEGBUILD_H
#define TSDB_SEGBUILD_H

#include "maint/compaction.h"
#include "maint/segload.h"

typedef struct TsdbSegmentBuild TsdbSegmentBuild;

/* What is to be built. */
typedef struct TsdbSegmentPlan
{
	uint32 series;
	int32 segment_no;
	int64 from_us;
	int64 until_us;
	int64 block_us;
	int64 group_us; /* span of groups that are complete */
	int64 part_us; /* spans that groups grow by, as long as rows of the last block in group_us are missing */
	int64 last_us; /* no row is later */
	bool gathers; /* groups that lie in one group_us become one when it is complete, or rewritten anyway */
	bool relayout; /* no block of the old tree stays */
	bool rewrite; /* a new stream: live chunks are copied, the old pages go */
	int64 sub_us; /* span of sub-summaries of groups that are new, 0 = none */
	int64 fine_us; /* of those with sums or extremes alone */
} TsdbSegmentPlan;

/* tsdb_segsubs_choose - spans of sub-summaries, by the spans of blocks and groups and how dense rows are. */
extern void tsdb_segsubs_choose(TsdbSegmentPlan *plan, double rows_per_us);

/* old: the segment as it is, NULL = none. */
extern TsdbSegmentBuild *tsdb_segbuild_begin(TsdbCompaction *compaction, const TsdbSegmentPlan *plan,
											 const TsdbStoredSegment *old);

/*
 * tsdb_segbuild_enter - come to the group that covers time_us.
 *
 * A group's columns are written anew with each change, so groups are short while they fill, and are joined when
 * they have become as many as make one of group_us.
 * Returns its old form, NULL when it has none (or relayout); valid until the next call.
 */
extern const TsdbLoadedGroup *tsdb_segbuild_enter(TsdbSegmentBuild *build, int64 time_us);

/* tsdb_segbuild_group_span - span of the entered group. */
extern void tsdb_segbuild_group_span(const TsdbSegmentBuild *build, int64 *from_us, int64 *until_us);

/* tsdb_segbuild_replace - leave out a block of the entered group's old form. */
extern void tsdb_segbuild_replace(TsdbSegmentBuild *build, uint32 block_index);

/* tsdb_segbuild_add - a new block of the entered group: rows from .. until-1 of batch, 1 .. TSDB_MAX_VALUES. */
extern void tsdb_segbuild_add(TsdbSegmentBuild *build, int64 from_us, int64 until_us,
							  const TsdbBatch *batch, uint32 from, uint32 until);

/*
 * tsdb_segbuild_release - no chunk that stays lies in these bytes of the old stream: pages that hold nothing else can go.
 *
 * They count as dead all the same.
 */
extern void tsdb_segbuild_release(TsdbSegmentBuild *build, uint64 from, uint64 until);

/*
 * tsdb_segbuild_finish - write the root and free the build.
 *
 * Returns the rows of the segment now; 0: none is left and nothing was written: the old
 * segment is as it was and the caller settles what becomes of it.
 */
extern uint64 tsdb_segbuild_finish(TsdbSegmentBuild *build, uint64 merged_seq);

#endif /* TSDB_SEGBUILD_H */
