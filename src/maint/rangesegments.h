/*-------------------------------------------------------------------------
 *
 * rangesegments.h
 *	  The segments that a range touches.
 *
 *-------------------------------------------------------------------------
 */
#ifndef TSDB_RANGESEGMENTS_H
#define TSDB_RANGESEGMENTS_H

#include "postgres.h"
#include "maint/rangedelete.h"
#include "store/segstore.h"

typedef struct TsdbRangeSegments TsdbRangeSegments;

/*
 * tsdb_rangesegments_begin - look for segments that have rows and lie in the range, at least in part.
 *
 * In order of series and time; those before and after the range are not read.  Store, snapshot and request
 * outlive it.  Memory: the current context, at next too.
 */
extern TsdbRangeSegments *tsdb_rangesegments_begin(TsdbStore *store, Relation rel, Snapshot snapshot,
												   const TsdbRangeDelete *request);
extern bool tsdb_rangesegments_next(TsdbRangeSegments *segments, TsdbStoredSegment *stored);
extern void tsdb_rangesegments_end(TsdbRangeSegments *segments);

#endif /* TSDB_RANGESEGMENTS_H */
