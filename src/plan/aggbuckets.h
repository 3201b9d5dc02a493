/*-------------------------------------------------------------------------
 *
 * aggbuckets.h
 *	  Memory of the buckets seen, so that their keys are computed once and not once per series.
 *
 *-------------------------------------------------------------------------
 */
#ifndef TSDB_AGGBUCKETS_H
#define TSDB_AGGBUCKETS_H

#include "postgres.h"

typedef struct TsdbAggBuckets TsdbAggBuckets;

/* tsdb_aggbuckets_create - nothing seen yet.  Memory: a context below the current one. */
extern TsdbAggBuckets *tsdb_aggbuckets_create(void);

extern void tsdb_aggbuckets_reset(TsdbAggBuckets *buckets);

/* tsdb_aggbuckets_find - the id that was stored for the bucket that begins at from; false when there is none. */
extern bool tsdb_aggbuckets_find(TsdbAggBuckets *buckets, int64 from, uint32 *id);

/* tsdb_aggbuckets_store - remember the id of a bucket that was not found. */
extern void tsdb_aggbuckets_store(TsdbAggBuckets *buckets, int64 from, uint32 id);

#endif /* TSDB_AGGBUCKETS_H */
