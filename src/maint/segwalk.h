/*-------------------------------------------------------------------------
 *
 * segwalk.h
 *	  Walk over all rows of a segment that is taken apart, in stretches of time.
 *
 *-------------------------------------------------------------------------
 */
#ifndef TSDB_SEGWALK_H
#define TSDB_SEGWALK_H

#include "maint/segload.h"

typedef struct TsdbSegmentWalk
{
	TsdbCompaction *compaction;
	const TsdbSegment *segment;
	uint32 group_no; /* the loaded one; ngroups = at the end */
	uint32 block_index; /* block of the next row */
	uint32 row; /* the next row in it */
	TsdbLoadedGroup loaded;
	TsdbBatch *batch; /* block_index decoded, or NULL */
	MemoryContext context;
	MemoryContext group_context;
	MemoryContext block_context;
} TsdbSegmentWalk;

/* tsdb_segwalk_start - begin at the first row; memory comes from below context. */
extern void tsdb_segwalk_start(TsdbSegmentWalk *walk, TsdbCompaction *compaction, const TsdbSegment *segment,
							   MemoryContext context);

/* tsdb_segwalk_time - time of the next row; false at the end. */
extern bool tsdb_segwalk_time(const TsdbSegmentWalk *walk, int64 *time_us);

/* tsdb_segwalk_count - rows before a time that are still to come; blocks and groups that it cuts count as wholes or not at all. */
extern uint64 tsdb_segwalk_count(const TsdbSegmentWalk *walk, int64 until_us);

/*
 * tsdb_segwalk_take - step over rows before a time, as far as they are of one block; false when there is none left.
 *
 * The batch lives until window is reset, or longer.  Its rows count as of the segment's watermark.
 */
extern bool tsdb_segwalk_take(TsdbSegmentWalk *walk, int64 until_us, MemoryContext window,
							  const TsdbBatch **batch, uint32 *from, uint32 *until);

#endif /* TSDB_SEGWALK_H */
