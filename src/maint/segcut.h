/*-------------------------------------------------------------------------
 *
 * segcut.h
 *	  Cut a range of time out of a segment.
 *
 * Groups and blocks inside the range vanish from the lists without being decoded; a block across an edge is decoded, and
 * what is left of it coded anew.  The watermark stays: runs count as before.
 *-------------------------------------------------------------------------
 */
#ifndef TSDB_SEGCUT_H
#define TSDB_SEGCUT_H

#include "maint/segload.h"

typedef struct TsdbSegmentCut
{
	int64 from_us; /* half open */
	int64 until_us;
	bool lazily; /* leave a block as it is when less than a quarter of it would go */

	/*
	 * Called in order of time for each block that has rows in the range, before it goes.  NULL = not wanted.
	 *
	 *	rows	a block across an edge: decoded, as tsdb_segload_block does; rows from .. until-1 lie in the range.
	 *			NULL: all rows do
	 */
	void (*visit)(const TsdbSegment *segment, const TsdbLoadedGroup *loaded, uint32 block_index,
				  const TsdbBatch *rows, uint32 from, uint32 until, void *arg);
	void *arg;
} TsdbSegmentCut;

/*
 * tsdb_segcut_run - cut one segment; returns the rows that are left.
 *
 * A segment that is left without rows is noted in compaction->emptied, for tsdb_compaction_settle.
 */
extern uint64 tsdb_segcut_run(TsdbCompaction *compaction, const TsdbStoredSegment *stored, const TsdbSegmentCut *cut);

#endif /* TSDB_SEGCUT_H */
