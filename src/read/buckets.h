/*-------------------------------------------------------------------------
 *
 * buckets.h
 *	  Stretches of time that a query groups by: fixed widths, calendar units, in any zone.
 *
 * A bucket is a half-open stretch of UTC time [from, until), us since 2000-01-01.  The buckets of a rule cover all
 * time without gap or overlap, so a rule is a list of edges, found one by one as they are needed.
 *
 * On a wall clock a bucket is the time whose wall clock reads from a multiple of the width up to the next: a day of 23 or 25
 * hours is one bucket.  Where the clock is set back over an edge of a bucket, the wall clock is in the same bucket twice:
 * two buckets here, though expressions of SQL give them the same key (America/St_Johns until 2011, at 00:01).
 *-------------------------------------------------------------------------
 */
#ifndef TSDB_BUCKETS_H
#define TSDB_BUCKETS_H

#include "postgres.h"
#include "datatype/timestamp.h"
#include "pgtime.h"

typedef enum TsdbBucketKind
{
	TSDB_BUCKETS_NONE, /* one bucket: all time */
	TSDB_BUCKETS_FIXED, /* width_us long, counted from origin_us in UTC */
	TSDB_BUCKETS_LOCAL, /* width_us of wall clock, counted from origin_us (local) on the wall clock of zone */
	TSDB_BUCKETS_MONTHS /* `months` calendar months on the wall clock of zone, counted from the month of origin_us */
} TsdbBucketKind;

typedef struct TsdbBucketRule
{
	TsdbBucketKind kind;
	int64 width_us; /* > 0 */
	int32 months; /* > 0 */
	int64 origin_us; /* FIXED: UTC; else on the wall clock */
	pg_tz *zone; /* LOCAL, MONTHS; NULL = UTC */
	int64 exact_from_us; /* FIXED: before, and from exact_until_us on, each microsecond is a bucket */
	int64 exact_until_us; /* both 0: there is no such time */
	bool keeps_offset; /* LOCAL: every change of the offset from UTC is an edge too, so that a repeated hour stays apart */
} TsdbBucketRule;

typedef struct TsdbBucket
{
	int64 from; /* PG_INT64_MIN: no lower edge */
	int64 until; /* exclusive; PG_INT64_MAX: no upper edge */
} TsdbBucket;

/* Finder of buckets; remembers the last zone offset, so that neighbouring times cost little. */
typedef struct TsdbBuckets TsdbBuckets;

/*
 * tsdb_buckets_trunc_rule - the buckets of date_trunc(unit, timestamptz, zone).
 *
 * Those of date_trunc(unit, time AT TIME ZONE zone) and of time::date ('day', session_timezone) too.
 * Returns false for a unit that date_trunc doesn't know.
 */
extern bool tsdb_buckets_trunc_rule(const char *unit, pg_tz *zone, TsdbBucketRule *rule);

/*
 * tsdb_buckets_interval_rule - the buckets of tsdb.time_bucket(width, time, zone, origin).
 *
 *	zone	NULL: UTC
 *	origin	UTC, with a zone as well; NULL: the default one
 *
 * Up to one hour wide, repeated hours stay apart as in date_trunc('hour', ...); wider, they belong to one bucket.
 * Returns NULL, or why there is no such rule: a message for an error of ERRCODE_FEATURE_NOT_SUPPORTED or
 * (*invalid) ERRCODE_INVALID_PARAMETER_VALUE, with a hint (without its period).
 */
extern const char *tsdb_buckets_interval_rule(const Interval *width, pg_tz *zone, const int64 *origin,
											  TsdbBucketRule *rule, bool *invalid, const char **hint);

/* tsdb_buckets_interval_get - the same, raising when there are no such buckets. */
extern void tsdb_buckets_interval_get(const Interval *width, pg_tz *zone, const int64 *origin, TsdbBucketRule *rule);

/* tsdb_buckets_fixed_rule - the buckets of date_bin(width, timestamptz, origin); false where it would raise. */
extern bool tsdb_buckets_fixed_rule(const Interval *width, int64 origin, TsdbBucketRule *rule);

/* tsdb_buckets_create - in the current memory context; the rule is copied. */
extern TsdbBuckets *tsdb_buckets_create(const TsdbBucketRule *rule);

/* tsdb_buckets_find - the bucket that a finite time lies in. */
extern TsdbBucket tsdb_buckets_find(TsdbBuckets *buckets, int64 time);

/*
 * tsdb_buckets_is_regular - is the start of a bucket that was just found the only instant that its wall clock shows so?
 *
 * Then it is what functions of SQL call the bucket.  False also when that is not known without looking for it.
 */
extern bool tsdb_buckets_is_regular(const TsdbBuckets *buckets, TsdbBucket bucket);

/*
 * tsdb_buckets_key - what tsdb.time_bucket returns for a finite time: when the wall clock first showed the start of its bucket.
 *
 * Never later than the time, and equal for times of one bucket.  Where the start was skipped: the instant of the skip.  With
 * keeps_offset: the start by the time's own offset.  PG_INT64_MIN when it lies before all timestamps.
 */
extern int64 tsdb_buckets_key(TsdbBuckets *buckets, int64 time);

/*
 * tsdb_buckets_offset - what the wall clock of the rule's zone is ahead of UTC at a time, us.
 *
 *	from, until		out: between which, at least, it stays so
 */
extern int64 tsdb_buckets_offset(TsdbBuckets *buckets, int64 time, int64 *from, int64 *until);

#endif /* TSDB_BUCKETS_H */
