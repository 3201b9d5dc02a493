/*-------------------------------------------------------------------------
 *
 * segfind.h
 *	  The nearest segment in (series, segment number) order, both ways.
 *
 *-------------------------------------------------------------------------
 */
#ifndef TSDB_SEGFIND_H
#define TSDB_SEGFIND_H

#include "postgres.h"
#include "store/store.h"
#include "utils/snapshot.h"

typedef struct TsdbSegmentFinder TsdbSegmentFinder;

/* tsdb_segfind_create - store and snapshot outlive the finder.  Memory: current context. */
extern TsdbSegmentFinder *tsdb_segfind_create(TsdbStore *store, Snapshot snapshot);
extern void tsdb_segfind_free(TsdbSegmentFinder *finder);

/* tsdb_segfind_restrict - only these series from now on, both inclusive; others count as having none. */
extern void tsdb_segfind_restrict(TsdbSegmentFinder *finder, uint32 series_from, uint32 series_upto);

/* tsdb_segfind_after - the first segment at or after (series, segment_no); tsdb_segfind_before: the last at or before it. */
extern bool tsdb_segfind_after(TsdbSegmentFinder *finder, uint32 series, int32 segment_no,
							   uint32 *found_series, int32 *found_no);
extern bool tsdb_segfind_before(TsdbSegmentFinder *finder, uint32 series, int32 segment_no,
								uint32 *found_series, int32 *found_no);

#endif /* TSDB_SEGFIND_H */
