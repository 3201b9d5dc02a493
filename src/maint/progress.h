/*-------------------------------------------------------------------------
 *
 * progress.h
 *	  What long work is going on, for the view tsdb.progress.
 *
 *-------------------------------------------------------------------------
 */
#ifndef TSDB_PROGRESS_H
#define TSDB_PROGRESS_H

#include "postgres.h"
#include "datatype/timestamp.h"

typedef enum TsdbPhase
{
	TSDB_PHASE_WAITING, /* for another compaction or for writers */
	TSDB_PHASE_SEGMENTS, /* runs into segments: rows */
	TSDB_PHASE_TIERS, /* runs into bigger runs: rows */
	TSDB_PHASE_DELETING, /* merged runs: runs */
	TSDB_PHASE_SWEEPING, /* segments that waste space */
	TSDB_PHASE_RETENTION, /* old segments */
	TSDB_PHASE_VERIFYING, /* objects */
	TSDB_PHASE_MOVING /* rows to the front of the file: rows */
} TsdbPhase;

typedef struct TsdbProgress
{
	int pid; /* 0 = free */
	Oid database_id;
	Oid relid;
	TsdbPhase phase;
	uint64 done;
	uint64 total; /* 0 = not known */
	TimestampTz started;
} TsdbProgress;

/* tsdb_progress_start - this backend begins long work on a table; ends with the transaction at the latest. */
extern void tsdb_progress_start(Oid relid);
extern void tsdb_progress_phase(TsdbPhase phase, uint64 total);
extern void tsdb_progress_set(uint64 done);
extern void tsdb_progress_end(void);

/* tsdb_progress_list - copy of what is going on; palloc'd. */
extern TsdbProgress *tsdb_progress_list(int *n);
extern const char *tsdb_progress_name(TsdbPhase phase);

/* tsdb_progress_init - called by _PG_init. */
extern void tsdb_progress_init(void);

#endif /* TSDB_PROGRESS_H */
