/*-------------------------------------------------------------------------
 *
 * runbase.h
 *	  Runs that others are coded against.
 *
 * A flush may code a small run against one that the same backend committed before, its base (format/run.h).  So
 * whoever sees the one sees the other, as long as no compaction takes the base away alone:
 *
 *	- a writer holds the base back as its barrier, and looks at the generation under the allocation lock;
 *	- compaction steps the generation on while it holds that lock alone, when it reads the barrier: from then on nobody
 *	  uses a base from before, and who did before that is found in progress, or visible;
 *	- compaction lowers its barrier to the base of a run across the barrier, and deletes a base only
 *	  together with all runs that were coded against it (maint/compact.c).
 *-------------------------------------------------------------------------
 */
#ifndef TSDB_RUNBASE_H
#define TSDB_RUNBASE_H

#include "store/runstore.h"

/* The rows of the base that was decoded last; all zero at first.  The owner's `wanted` never changes. */
typedef struct TsdbRunBase
{
	uint64 run_no; /* 0 = none */
	MemoryContext context;
	TsdbBatch rows;
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
