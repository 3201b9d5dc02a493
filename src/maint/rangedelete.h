/*-------------------------------------------------------------------------
 *
 * rangedelete.h
 *	  Take whole ranges of time out of a table, and put archived ones back.
 *
 * Segments, groups and blocks inside the range go without being decoded.  docs/ARCHITECTURE.md "Range deletes".
 *-------------------------------------------------------------------------
 */
#ifndef TSDB_RANGEDELETE_H
#define TSDB_RANGEDELETE_H

#include "postgres.h"
#include "format/batch.h"
#include "utils/rel.h"
#include "utils/snapshot.h"

/* Rows that are taken out of one series, adjacent in time: an archived stretch, or decoded rows. */
typedef struct TsdbTaken
{
	uint32 series;
	uint64 nrows; /* > 0 */
	int64 first_time; /* of the rows, us */
	int64 last_time;
	TsdbSpan stretch; /* format/stretch.h; empty: rows */
	const TsdbBatch *rows; /* else rows from .. until-1 of it: FULL, columns = tsdb_table_get(rel)->values */
	uint32 from;
	uint32 until;
} TsdbTaken;

typedef struct TsdbRangeDelete
{
	const uint32 *series; /* ascending ids, NULL = all */
	uint32 nseries;
	int64 from_us; /* half open; PG_INT64_MIN .. PG_INT64_MAX = all */
	int64 until_us;

	/*
	 * Called for everything that is taken out, in order of series and, within a series, of time; each row once.  What
	 * it points to is gone afterwards.  May run SQL (SPI) on other tables.  NULL: nothing is kept, nothing is read that
	 * need not be.
	 */
	void (*take)(const TsdbTaken *taken, void *arg);
	uint32 (*column_id)(int16 attnum, void *arg); /* names columns in archived stretches; unused without take */
	void *arg;
} TsdbRangeDelete;

/*
 * tsdb_rangedelete_run - take the samples of a range out; returns how many there were.
 *
 * In the current transaction: undone by ROLLBACK and ROLLBACK TO, visible to its later commands (the command counter is
 * incremented).  What was committed before the lock was granted is taken out too.
 * Locks, to the end of the transaction: ShareRowExclusive on the table (waits for writers and keeps them out; readers
 * go on), RowExclusive on the TOAST relation, page lock 1.
 * REPEATABLE READ and above: serialisation error when what is taken out changed after the transaction's snapshot.
 * Raises in parallel mode.  The caller has checked privileges, row security and options.
 */
extern uint64 tsdb_rangedelete_run(Relation rel, const TsdbRangeDelete *request);

/* What became of a range that a statement wants to delete. */
typedef enum TsdbRangeOutcome
{
	TSDB_RANGE_DONE,
	TSDB_RANGE_SMALL, /* too few rows: see rangesurvey.h */
	TSDB_RANGE_BUSY, /* the table is being compacted, or another transaction has taken ranges out of it */
	TSDB_RANGE_CHANGED /* since the snapshot others have written or compacted samples of the range */
} TsdbRangeOutcome;

typedef struct TsdbRangeDeleted
{
	uint64 nrows;
	uint64 blocks_dropped; /* without being decoded */
	uint64 blocks_decoded;
} TsdbRangeDeleted;

/*
 * tsdb_rangedelete_statement - take out what a snapshot sees in a range, beside other writers.
 *
 *	snapshot	the statement's; what others have committed after it is left alone
 *	nexpected	samples in the range, about: how long it is worth while to wait for a compaction
 *
 * As tsdb_rangedelete_run, without `take`.  But if the outcome is not TSDB_RANGE_DONE nothing has happened, and row by row
 * is the way: that knows what to do about each sample that somebody has changed.
 * Locks, to the end of the transaction: those of the series, as each row's DELETE would take them; RowExclusive on the TOAST
 * relation; page lock 1.  INSERTs go on.
 */
extern TsdbRangeOutcome tsdb_rangedelete_statement(Relation rel, const TsdbRangeDelete *request, Snapshot snapshot,
												   double nexpected, TsdbRangeDeleted *deleted);

/* tsdb_rangedelete_next_key - move a key to the first one at or after it that lies in the range; false when there is none. */
extern bool tsdb_rangedelete_next_key(const TsdbRangeDelete *request, TsdbKey *key);

/* tsdb_rangedelete_lock - the lock on the table, and the flush of what this transaction has written; for rangerestore.c. */
extern void tsdb_rangedelete_lock(Relation rel);

/*
 * TsdbRangeRestore - put archived stretches back: begin, put for each, end.
 *
 * Give stretches in ascending order of (series, time).  Where the table has no sample and no version of one in the span of a
 * stretch, its blocks are written as blocks of segments; else its rows are written as ordinary rows, which replace
 * what is there.  Same locks, snapshots and errors as above.
 *
 *	attnum_of	column of the table for a column id of the stretch, 0 = it is gone
 */
typedef struct TsdbRangeRestore TsdbRangeRestore;
extern TsdbRangeRestore *tsdb_rangerestore_begin(Relation rel);
extern void tsdb_rangerestore_put(TsdbRangeRestore *restore, uint32 series, TsdbSpan stretch,
								  int16 (*attnum_of)(uint32 column_id, void *arg), void *arg);
/* tsdb_rangerestore_end - returns the rows written; they are visible to later commands. */
extern uint64 tsdb_rangerestore_end(TsdbRangeRestore *restore);

#endif /* TSDB_RANGEDELETE_H */
