/*-------------------------------------------------------------------------
 *
 * runset.h
 *	  The runs that a snapshot sees, as one source of versions.
 *
 * Taken once, when the set is opened.  Of each run at most one chunk is kept decoded.
 *-------------------------------------------------------------------------
 */
#ifndef TSDB_RUNSET_H
#define TSDB_RUNSET_H

#include "format/merge.h"
#include "read/reader.h"
#include "store/runstore.h"

typedef struct TsdbRunSet TsdbRunSet;

/* tsdb_runset_open - store NULL: no runs.  Arguments outlive the set.  Memory: current context. */
extern TsdbRunSet *tsdb_runset_open(Relation rel, TsdbStore *store, Snapshot snapshot,
									const TsdbWanted *wanted, int nwanted, TsdbReaderCounters *counters);

/* tsdb_runset_restrict - from now on runs without rows in [from, until) may be left out. */
extern void tsdb_runset_restrict(TsdbRunSet *set, int64 from, int64 until);

extern uint32 tsdb_runset_size(const TsdbRunSet *set);
/* tsdb_runset_numbers - run numbers, ascending. */
extern uint32 tsdb_runset_numbers(const TsdbRunSet *set, const uint64 **run_numbers);

/* tsdb_runset_extent - make room for the times of all runs. */
extern void tsdb_runset_extent(const TsdbRunSet *set, TsdbExtent *extent);

/* tsdb_runset_next / previous - the first key of any run at or after key; the last one before it. */
extern bool tsdb_runset_next(TsdbRunSet *set, TsdbKey key, TsdbKey *found);
extern bool tsdb_runset_previous(TsdbRunSet *set, TsdbKey key, TsdbKey *found);

/* tsdb_runset_is_below - are the runs that may hold keys of [lo, hi) wholly below a watermark? */
extern bool tsdb_runset_is_below(TsdbRunSet *set, TsdbKey lo, TsdbKey hi, uint64 watermark);

/* tsdb_runset_start - the first chunk start at or after key.  start_after: above key, at most limit.  start_upto: the last at or below key, at least limit. */
extern bool tsdb_runset_start(TsdbRunSet *set, TsdbKey key, TsdbKey *found);
extern TsdbKey tsdb_runset_start_after(TsdbRunSet *set, TsdbKey key, TsdbKey limit);
extern TsdbKey tsdb_runset_start_upto(TsdbRunSet *set, TsdbKey key, TsdbKey limit);

/*
 * tsdb_runset_collect - sources for a merge of [lo, hi), which must not hold two chunks of one run.
 *
 *	sources, runs	room for one entry per run; runs[i] is the index of source i's run
 *
 * Returns their number.  The batches stay until the next collect.
 */
extern int tsdb_runset_collect(TsdbRunSet *set, TsdbKey lo, TsdbKey hi, TsdbMergeSource *sources, int *runs);

/* tsdb_runset_tid - TID of a row of the decoded chunk of a run.  resolve: the key that a TID of the run kind stands for. */
extern void tsdb_runset_tid(const TsdbRunSet *set, int run, uint32 row, ItemPointer tid);
extern bool tsdb_runset_resolve(TsdbRunSet *set, ItemPointer tid, TsdbKey *key);

#endif /* TSDB_RUNSET_H */
