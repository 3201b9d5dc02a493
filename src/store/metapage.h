/*-------------------------------------------------------------------------
 *
 * metapage.h
 *	  The one page of the main fork: format version and logged counters.
 *
 * A counter never hands out a number twice, crash or not, rolled back or
 * not.  Numbers are logged ahead in steps of TSDB_COUNTER_STEP (the idea is that of
 * sequences), so a crash or a promotion skips some.  The page holds for each
 * counter `next` and `limit` (logged; everything below may have been used) and the
 * incarnation of the server that moved `next` last: a server with another
 * incarnation (restart, crash, standby, restore) goes on at `limit`.
 * The incarnation is a random number in shared memory.
 *
 * Made by the first writer (extension lock, GenericXLog); a main fork of 0 pages is an empty table.
 *-------------------------------------------------------------------------
 */
#ifndef TSDB_METAPAGE_H
#define TSDB_METAPAGE_H

#include "postgres.h"
#include "utils/rel.h"

#define TSDB_FORMAT_VERSION 1
#define TSDB_COUNTER_STEP 32

typedef enum TsdbCounter
{
	TSDB_COUNTER_SERIES, /* series ids, from 1 */
	TSDB_COUNTER_SEQUENCE, /* sequences = run numbers, from 1 */
	TSDB_COUNTER_PAGE, /* payload pages, from 1 */
	TSDB_COUNTER_BLOCK, /* block ids, from 1 */
	TSDB_NCOUNTERS
} TsdbCounter;

/*
 * tsdb_metapage_allocate - take n consecutive numbers; returns the first.
 *
 * Makes the metapage when there is none.  Locks: buffer lock, briefly.  WAL: one generic record per TSDB_COUNTER_STEP numbers or bigger allocation.
 * Raises PROGRAM_LIMIT_EXCEEDED when series ids run out (2^28 - 1).
 */
extern uint64 tsdb_metapage_allocate(Relation rel, TsdbCounter counter, uint64 n);

/* tsdb_metapage_next - the number that would come next; 1 for an empty table. */
extern uint64 tsdb_metapage_next(Relation rel, TsdbCounter counter);

/* tsdb_metapage_segment_us - span of a segment, fixed by the first writer; 0 when there is no metapage yet. */
extern int64 tsdb_metapage_segment_us(Relation rel);
/* tsdb_metapage_create - make the metapage unless it exists; returns the segment span in force. */
extern int64 tsdb_metapage_create(Relation rel, int64 segment_us);

/* Approximate live rows and last sequence merged, for the planner and the worker; not exact, not logged. */
extern double tsdb_metapage_rows(Relation rel);
extern void tsdb_metapage_set_rows(Relation rel, double nrows);

/* tsdb_metapage_copy - carry the counters over to another main fork (VACUUM FULL, SET TABLESPACE uses a plain copy). */
extern void tsdb_metapage_copy(Relation old_rel, Relation new_rel);

/* Locks: see docs/ARCHITECTURE.md, "Locks" */
typedef enum TsdbPageLock
{
	TSDB_LOCK_ALLOCATE = 0, /* Share: from sequence allocation to the RUN row; Exclusive: barrier read */
	TSDB_LOCK_COMPACT = 1, /* Exclusive, to the end of the compaction's transaction */
	TSDB_LOCK_DICTIONARY = 2 /* + hash % 64, Exclusive, brief */
} TsdbPageLock;
/* use LockPage()/UnlockPage()/ConditionalLockPage() of core with these as block numbers */

/* tsdb_metapage_shmem_init - called by _PG_init. */
extern void tsdb_metapage_shmem_init(void);

#endif /* TSDB_METAPAGE_H */
