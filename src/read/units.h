/*-------------------------------------------------------------------------
 *
 * units.h
 *	  Pieces of a table for the processes of a parallel scan.
 *
 *-------------------------------------------------------------------------
 */
#ifndef TSDB_UNITS_H
#define TSDB_UNITS_H

#include "read/runset.h"
#include "store/store.h"

/*
 * tsdb_units_list - where the pieces begin: the start of all keys, segments and chunks of runs; ascending.
 *
 *	store	NULL: there are no segments
 *
 * The same for every process with the same snapshot.  palloc'd in the current context.
 */
extern TsdbKey *tsdb_units_list(TsdbStore *store, Snapshot snapshot, int64 segment_us, TsdbRunSet *runs, uint32 *nunits);

#endif /* TSDB_UNITS_H */
