/*-------------------------------------------------------------------------
 *
 * runbase.h
 *	  Runs that others are coded against.
 *
 * A flush may code a small run against one that the same backend committed before, its base (format/run.h), which may
 * have a base itself.  So whoever sees the one sees the others, as long as no compaction takes a base away alone:
 *
 *	- a writer holds the base back as its barrier, and looks at the generation under the allocation lock;
 *	- compaction steps the generation on while it holds that lock alone, when it reads the barrier: from then on nobody
 *	  uses a base from before, and who did before that is found in progress, or visible;
 *	- compaction lowers its barrier to the base of a run across the barrier, and on to the base of that, which is
 *	  visible when a run against it is; and deletes a base only together with all runs that were coded
 *	  against it (maint/compact.c).
 *-------------------------------------------------------------------------
 */
#ifndef TSDB_RUNBASE_H
#define TSDB_RUNBASE_H

#include "store/runstore.h"

/* A chain of bases is no longer; their writer (write/baserows.c) stays below. */
#define TSDB_RUNBASE_MAX_DEPTH 16
#define TSDB_RUNBASE_KEPT 16 /* in memory: those that a run, and the next ones, are coded against */

/* Rows of bases that were decoded last; all zero at first.  The owner's `wanted` never changes. */
typedef struct TsdbRunBase
{
	struct
	{
		uint64 run_no; /* 0 = none */
		uint64 used; /* when, by the clock */
		MemoryContext context;
		TsdbBatch rows;
	} kept[TSDB_RUNBASE_KEPT];
	uint64 clock;
} TsdbRunBase;

/*
 * tsdb_runbase_decode - read and decode a chunk of a run, with what it is coded against.
 *
 *	base	cache; its memory is a child of `parent`
 *
 * The batch lives in the current context, which is that of mem.  Raises DATA_CORRUPTED.
 */
extern void tsdb_runbase_decode(TsdbStore *store, Relation rel, Snapshot snapshot, const TsdbStoredRun *stored,
								uint32 chunk_no, const TsdbWanted *wanted, int nwanted, TsdbRunBase *base,
								MemoryContext parent, TsdbBatch *batch, const TsdbMem *mem);

/* tsdb_runbase_generation - how often compactions have read the barrier, of this table or another one; under the allocation lock. */
extern uint64 tsdb_runbase_generation(Relation rel);

/* tsdb_runbase_advance - bases up to now are not used any more; the caller holds the allocation lock alone. */
extern void tsdb_runbase_advance(Relation rel);

/* tsdb_runbase_init - ask for the shared memory. */
extern void tsdb_runbase_init(void);

#endif /* TSDB_RUNBASE_H */
