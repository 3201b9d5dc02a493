/*-------------------------------------------------------------------------
 *
 * compact.h
 *	  Runs into bigger runs, runs into segments.
 *
 * Never inside VACUUM (docs/ARCHITECTURE.md "Why VACUUM does not compact").
 *-------------------------------------------------------------------------
 */
#ifndef TSDB_COMPACT_H
#define TSDB_COMPACT_H

#include "postgres.h"
#include "utils/rel.h"

typedef enum TsdbCompactMode
{
	TSDB_COMPACT_TIERS, /* only merge small runs into bigger ones */
	TSDB_COMPACT_AGED, /* tiers, and into segments what is older than compact_after */
	TSDB_COMPACT_FULL /* everything that the barrier allows; rewrite segments with dead bytes */
} TsdbCompactMode;

typedef struct TsdbCompactResult
{
	bool skipped; /* another compaction holds the table */
	bool stopped; /* ended early: long enough at work, or somebody waits for the table; only without `wait` */
	uint32 runs_merged; /* runs that are gone */
	uint32 runs_left; /* visible runs that stay */
	uint32 runs_blocked; /* of them, kept back by the barrier (a transaction in progress) */
	uint64 segments_written;
	uint64 blocks_written;
	uint64 rows; /* rows decoded and coded again */
	uint64 bytes_written; /* payload */
} TsdbCompactResult;

/*
 * tsdb_compact_table - one compaction in the current transaction.
 *
 *	wait	wait for another compaction of the table; else skip it then, and make way for others: the
 *			caller holds exactly AccessShareLock (maintenance worker)
 *
 * Locks: table AccessShare held by the caller at least; TOAST relation RowExclusive to commit; page lock 1 to commit.
 * Interruptible; memory bounded by one segment's blocks being rewritten plus the overlapping chunks.
 */
extern void tsdb_compact_table(Relation rel, TsdbCompactMode mode, bool wait, TsdbCompactResult *result);

/*
 * tsdb_compact_materialize - store the values of columns that rows are older than.
 *
 * VACUUM FULL makes core forget what ALTER TABLE ADD COLUMN ... DEFAULT gave to older rows, so all
 * blocks that lack such a column are coded anew before. Does nothing when no column has such a value.
 * Locks: the caller holds AccessExclusiveLock on the table; else as above.
 */
extern void tsdb_compact_materialize(Relation rel);

/* tsdb_compact_retention - drop blocks and segments that lie wholly before `until` (us); same locks. Returns rows dropped. */
extern uint64 tsdb_compact_retention(Relation rel, int64 until_us, bool wait);

#endif /* TSDB_COMPACT_H */
