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

/*
 * tsdb_compaction_begin - locks, barrier, snapshot, runs; false when the table is empty or, without `wait`, somebody else compacts it.
 *
 * See compact.c.  The current context becomes compaction->context until the end.
 */
extern bool tsdb_compaction_begin(TsdbCompaction *compaction, Relation rel, TsdbCompactMode mode, bool wait,
								  TsdbCompactResult *result);
extern void tsdb_compaction_end(TsdbCompaction *compaction);

/* tsdb_compaction_absorb - merge the candidate runs' rows into the segments that begin before until_us, and look at the table anew. */
extern void tsdb_compaction_absorb(TsdbCompaction *compaction, int64 until_us);

/* tsdb_compaction_look_again - list the runs again: what this transaction has written so far counts; of others' nothing new. */
extern void tsdb_compaction_look_again(TsdbCompaction *compaction);

/*
 * tsdb_compaction_would_show_rows - may this transaction not compact?
 *
 * What compaction writes is visible to this transaction.  When that reads by an older snapshot (REPEATABLE READ) than
 * compaction, rows that others have committed meanwhile would appear: then nothing may be merged.
 */
extern bool tsdb_compaction_would_show_rows(TsdbCompaction *compaction);

/*
 * tsdb_compaction_settle - what becomes of the emptied segments.
 *
 * Segments without a row go; but as long as a run with a lower sequence than theirs
 * exists, a tombstone must keep its rows from coming back.
 */
extern void tsdb_compaction_settle(TsdbCompaction *compaction);

/* tsdb_compaction_has_older_runs - does a row below this sequence stay in a run, maybe a bigger one than before? */
extern bool tsdb_compaction_has_older_runs(const TsdbCompaction *compaction, uint64 sequence);

/* tsdb_compaction_wrote - note a segment that was written or cut, with the rows that it has now and had before. */
extern void tsdb_compaction_wrote(TsdbCompaction *compaction, TsdbSegmentKey key, uint64 nrows, uint64 nrows_before);

/* tsdb_segmerge_run - merge the rows of candidate runs into segments; marks runs that are used up. */
extern void tsdb_segmerge_run(TsdbCompaction *compaction);

/* tsdb_segmerge_rewrite - copy the live chunks of one segment into a new stream, nothing decoded. */
extern void tsdb_segmerge_rewrite(TsdbCompaction *compaction, const TsdbStoredSegment *stored);

/* tsdb_segmerge_layout - spans of blocks, groups and sub-summaries for a new segment of nrows rows in span_us; those of old, if it has rows. */
struct TsdbSegmentPlan;
extern void tsdb_segmerge_layout(TsdbCompaction *compaction, struct TsdbSegmentPlan *plan, const TsdbSegment *old,
								 double nrows, double span_us);

/* tsdb_segmerge_recode - decode and code every block of one segment. */
extern void tsdb_segmerge_recode(TsdbCompaction *compaction, const TsdbStoredSegment *stored);

/* tsdb_tier_merge - merge small runs that are left over into bigger ones. */
extern void tsdb_tier_merge(TsdbCompaction *compaction);

#endif /* TSDB_COMPACTION_H */
