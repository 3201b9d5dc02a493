/*-------------------------------------------------------------------------
 *
 * compaction.h
 *	  What the files of one compaction share: its locks, barrier, snapshot and runs.
 *
 * Private to src/maint.
 *-------------------------------------------------------------------------
 */
#ifndef TSDB_COMPACTION_H
#define TSDB_COMPACTION_H

#include "postgres.h"
#include "maint/compact.h"
#include "maint/runcursor.h"
#include "series/tsdbtable.h"
#include "store/runstore.h"
#include "store/segstore.h"
#include "utils/snapshot.h"

/* A segment named by its key. */
typedef struct TsdbSegmentKey
{
	uint32 series;
	int32 segment_no;
	uint64 merged_seq; /* run rows below it are in there */
} TsdbSegmentKey;

/* A list of segments, ascending. */
typedef struct TsdbSegmentKeys
{
	TsdbSegmentKey *keys;
	uint32 n;
	uint32 capacity;
} TsdbSegmentKeys;

typedef struct TsdbCompaction
{
	Relation rel;
	TsdbTable table; /* a copy: survives invalidations */
	TsdbStore *store;
	Snapshot snapshot; /* taken after the locks; everything is read with it */
	uint64 barrier; /* rows with a lower sequence are all visible or gone for good */
	CommandId cid;
	int64 segment_us;
	TsdbCompactMode mode;
	int64 cutoff_us; /* segments with unmerged rows before it are merged */
	bool materialize; /* code blocks anew that lack a column with a default */
	bool yield; /* stop early when somebody waits for the table */
	TimestampTz started;
	MemoryContext context;
	TsdbCompactResult *result;

	uint32 nruns; /* every run that the snapshot sees */
	TsdbStoredRun *runs;
	bool *is_candidate; /* all its rows lie below the barrier */
	bool *is_merged; /* every row of it is in segments now */
	bool *is_moved; /* every row of it is in a bigger run now */

	TsdbSegmentKeys touched; /* segments that were written or found up to date */
	TsdbSegmentKeys emptied; /* of them, those without a row left; settled at the end */
	double rows_added; /* rows of segments, after minus before */
	double rows_taken; /* rows of runs that went into segments */
	double rows_swept; /* rows of all segments before, -1 = not counted */
} TsdbCompaction;

/* tsdb_compaction_add_key - append a segment to a list. */
extern void tsdb_compaction_add_key(TsdbCompaction *compaction, TsdbSegmentKeys *list, uint32 series, int32 segment_no,
									uint64 merged_seq);

/* tsdb_compaction_copy_table - a deep copy in the current context. */
extern void tsdb_compaction_copy_table(TsdbTable *copy, const TsdbTable *table);

/* tsdb_segmerge_run - merge the rows of candidate runs into segments; marks runs that are used up. */
extern void tsdb_segmerge_run(TsdbCompaction *compaction);

/* tsdb_segmerge_rewrite - copy the live chunks of one segment into a new stream, nothing decoded. */
extern void tsdb_segmerge_rewrite(TsdbCompaction *compaction, const TsdbStoredSegment *stored);

/* tsdb_segmerge_recode - decode and code every block of one segment. */
extern void tsdb_segmerge_recode(TsdbCompaction *compaction, const TsdbStoredSegment *stored);

/* tsdb_segmerge_trim - drop the rows of one segment before until_us, whole blocks and large parts of a block; returns how many. */
extern uint64 tsdb_segmerge_trim(TsdbCompaction *compaction, const TsdbStoredSegment *stored, int64 until_us);

/* tsdb_tier_merge - merge small runs that are left over into bigger ones. */
extern void tsdb_tier_merge(TsdbCompaction *compaction);

#endif /* TSDB_COMPACTION_H */
