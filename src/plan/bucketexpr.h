/*-------------------------------------------------------------------------
 *
 * bucketexpr.h
 *	  Which expressions over the time are constant in buckets of time.
 *
 *-------------------------------------------------------------------------
 */
#ifndef TSDB_BUCKETEXPR_H
#define TSDB_BUCKETEXPR_H

#include "postgres.h"
#include "nodes/pathnodes.h"
#include "read/buckets.h"
#include "series/tsdbtable.h"

/*
 * tsdb_bucketexpr_find - recognise an expression whose only dependence on the row is through one bucketing function.
 *
 *	time_attnum		the time column of rel
 *
 * Returns its description for tsdb_bucketexpr_rule, fit for a plan, or NIL.  The functions: tsdb.time_bucket, date_trunc,
 * date_bin, floor(extract(epoch ...) / n), ::date, and tsdb.local_bucket; over the time, over the time AT TIME ZONE a constant, and over
 * time::timestamp.  Their other arguments must not depend on columns.
 */
extern List *tsdb_bucketexpr_find(RelOptInfo *rel, AttrNumber time_attnum, Node *expr);

/* How a key over buckets behaves when their rule is FIXED. */
typedef enum TsdbBucketRise
{
	TSDB_BUCKET_ANY,
	TSDB_BUCKET_RISING, /* greater in every later bucket */
	TSDB_BUCKET_START /* the timestamptz at which the bucket begins */
} TsdbBucketRise;

/* tsdb_bucketexpr_rise - for an expression that tsdb_bucketexpr_find knows. */
extern TsdbBucketRise tsdb_bucketexpr_rise(RelOptInfo *rel, AttrNumber time_attnum, Node *expr);

/*
 * tsdb_bucketexpr_rule - the rule at the moment: in the session's time zone, where the expression depends on it.
 *
 * Of arguments that are not constants nothing is known: then, and for those that the function refuses, each microsecond is a bucket.
 */
extern void tsdb_bucketexpr_rule(List *bucket, TsdbBucketRule *rule);

/* Its arguments, and the same bucketing with others: their values as constants.  NULL constants are no arguments, unless they are. */
extern List *tsdb_bucketexpr_arguments(List *bucket);
extern List *tsdb_bucketexpr_with_arguments(List *bucket, List *arguments);

/* tsdb_bucketexpr_clock - which clock counts (localexpr.h), if each series has its own; else NIL. */
extern List *tsdb_bucketexpr_clock(List *bucket);

/* tsdb_bucketexpr_localise - the same buckets on the wall clock of another zone (NULL: UTC); for rules that have a clock. */
extern void tsdb_bucketexpr_localise(TsdbBucketRule *rule, pg_tz *zone);

/* tsdb_bucketexpr_width - roughly how wide its buckets are, us. */
extern double tsdb_bucketexpr_width(List *bucket);

#endif /* TSDB_BUCKETEXPR_H */
