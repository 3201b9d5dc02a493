/*-------------------------------------------------------------------------
 *
 * sql_bucket.c
 *	  SQL function tsdb.time_bucket: the start of the bucket that a time lies in.
 *
 * The rule and its finder of a call site stay from call to call, as long as width, zone and origin do.
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "pg/compat.h"
#include "read/buckets.h"
#include "utils/builtins.h"
#include "utils/date.h"
#include "utils/datetime.h"
#include "utils/memutils.h"

typedef struct CallSite
{
	Interval width;
	bool has_origin;
	int64 origin;
	char *zone_name; /* NULL: UTC */
	size_t zone_bytes;
	TsdbBuckets *buckets;
} CallSite;

static int64 bucket_start(FunctionCallInfo fcinfo, int64 time, const text *zone, const int64 *origin);
static bool is_same(const CallSite *site, const Interval *width, const text *zone, const int64 *origin);
static CallSite *open_site(FmgrInfo *flinfo, const Interval *width, const text *zone, const int64 *origin);
static TsdbBuckets *open_buckets(const Interval *width, pg_tz *zone, const int64 *origin);
static DateADT date_bucket(FunctionCallInfo fcinfo, DateADT date, const DateADT *origin);
static int64 date_midnight(DateADT date);
static TsdbBuckets *test_buckets(FunctionCallInfo fcinfo);

PG_FUNCTION_INFO_V1(tsdb_time_bucket);
PG_FUNCTION_INFO_V1(tsdb_time_bucket_origin);
PG_FUNCTION_INFO_V1(tsdb_time_bucket_zone);
PG_FUNCTION_INFO_V1(tsdb_time_bucket_zone_origin);
PG_FUNCTION_INFO_V1(tsdb_time_bucket_date);
PG_FUNCTION_INFO_V1(tsdb_time_bucket_date_origin);
PG_FUNCTION_INFO_V1(tsdb_test_bucket);
PG_FUNCTION_INFO_V1(tsdb_test_bucket_count);

/* tsdb.time_bucket(interval, timestamptz) and (interval, timestamp): buckets of UTC, respectively of the wall clock meant. */
Datum
tsdb_time_bucket(PG_FUNCTION_ARGS)
{
	PG_RETURN_TIMESTAMP(bucket_start(fcinfo, PG_GETARG_TIMESTAMP(1), NULL, NULL));
}

/* tsdb.time_bucket(interval, timestamptz, origin timestamptz), and the same of timestamp. */
Datum
tsdb_time_bucket_origin(PG_FUNCTION_ARGS)
{
	int64 origin = PG_GETARG_TIMESTAMP(2);

	PG_RETURN_TIMESTAMP(bucket_start(fcinfo, PG_GETARG_TIMESTAMP(1), NULL, &origin));
}

/* tsdb.time_bucket(interval, timestamptz, timezone text): buckets of the wall clock of a zone. */
Datum
tsdb_time_bucket_zone(PG_FUNCTION_ARGS)
{
	PG_RETURN_TIMESTAMPTZ(bucket_start(fcinfo, PG_GETARG_TIMESTAMPTZ(1), PG_GETARG_TEXT_PP(2), NULL));
}

/* tsdb.time_bucket(interval, timestamptz, timezone text, origin timestamptz) */
Datum
tsdb_time_bucket_zone_origin(PG_FUNCTION_ARGS)
{
	int64 origin = PG_GETARG_TIMESTAMPTZ(3);

	PG_RETURN_TIMESTAMPTZ(bucket_start(fcinfo, PG_GETARG_TIMESTAMPTZ(1), PG_GETARG_TEXT_PP(2), &origin));
}

/* tsdb.time_bucket(interval, date): whole days. */
Datum
tsdb_time_bucket_date(PG_FUNCTION_ARGS)
{
	PG_RETURN_DATEADT(date_bucket(fcinfo, PG_GETARG_DATEADT(1), NULL));
}

/* tsdb.time_bucket(interval, date, origin date) */
Datum
tsdb_time_bucket_date_origin(PG_FUNCTION_ARGS)
{
	DateADT origin = PG_GETARG_DATEADT(2);

	PG_RETURN_DATEADT(date_bucket(fcinfo, PG_GETARG_DATEADT(1), &origin));
}

/* tsdb_test.bucket(rule text, zone text, time timestamptz): the bucket of a time; 'infinity': no edge. */
Datum
tsdb_test_bucket(PG_FUNCTION_ARGS)
{
	/* A call site has one rule; the tests see to it */
	TsdbBuckets *buckets = fcinfo->flinfo->fn_extra != NULL ? (TsdbBuckets *) fcinfo->flinfo->fn_extra : test_buckets(fcinfo);
	TsdbBucket bucket = tsdb_buckets_find(buckets, PG_GETARG_TIMESTAMPTZ(2));
	TupleDesc shape;
	Datum values[2];
	bool nulls[2] = {false, false};

	fcinfo->flinfo->fn_extra = buckets;
	if (get_call_result_type(fcinfo, NULL, &shape) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	values[0] = TimestampTzGetDatum(bucket.from);
	values[1] = TimestampTzGetDatum(bucket.until);
	PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(shape), values, nulls)));
}

/* tsdb_test.bucket_count(rule text, zone text, from timestamptz, until timestamptz): by finding each. */
Datum
tsdb_test_bucket_count(PG_FUNCTION_ARGS)
{
	TsdbBuckets *buckets = test_buckets(fcinfo);
	int64 time = PG_GETARG_TIMESTAMPTZ(2);
	int64 until = PG_GETARG_TIMESTAMPTZ(3);
	int64 count = 0;

	while (time < until)
	{
		CHECK_FOR_INTERRUPTS();
		time = tsdb_buckets_find(buckets, time).until;
		count++;
	}
	PG_RETURN_INT64(count);
}

// private functions

static int64
bucket_start(FunctionCallInfo fcinfo, int64 time, const text *zone, const int64 *origin)
{
	const Interval *width = PG_GETARG_INTERVAL_P(0);
	CallSite *site = (CallSite *) fcinfo->flinfo->fn_extra;
	int64 start;

	if (site == NULL || !is_same(site, width, zone, origin))
		site = open_site(fcinfo->flinfo, width, zone, origin);
	if (TIMESTAMP_NOT_FINITE(time))
		return time;
	start = tsdb_buckets_key(site->buckets, time);
	if (start == PG_INT64_MIN)
		ereport(ERROR,
				(errcode(ERRCODE_DATETIME_VALUE_OUT_OF_RANGE),
				 errmsg("timestamp out of range"),
				 errdetail("The bucket begins before the first timestamp there is.")));
	return start;
}

static bool
is_same(const CallSite *site, const Interval *width, const text *zone, const int64 *origin)
{
	if (site->width.month != width->month || site->width.day != width->day || site->width.time != width->time)
		return false;
	if (site->has_origin != (origin != NULL) || (origin != NULL && site->origin != *origin))
		return false;
	if (site->zone_name == NULL || zone == NULL)
		return site->zone_name == NULL && zone == NULL;
	return site->zone_bytes == VARSIZE_ANY_EXHDR(zone) && memcmp(site->zone_name, VARDATA_ANY(zone), site->zone_bytes) == 0;
}

/* Replaces what the call site had; raises before it does. */
static CallSite *
open_site(FmgrInfo *flinfo, const Interval *width, const text *zone, const int64 *origin)
{
	CallSite *old = (CallSite *) flinfo->fn_extra;
	MemoryContext caller = MemoryContextSwitchTo(flinfo->fn_mcxt);
	CallSite *site = (CallSite *) palloc0(sizeof(CallSite));

	site->width = *width;
	site->has_origin = origin != NULL;
	site->origin = origin != NULL ? *origin : 0;
	if (zone != NULL)
	{
		site->zone_name = text_to_cstring(zone);
		site->zone_bytes = VARSIZE_ANY_EXHDR(zone);
	}
	site->buckets = open_buckets(width, zone != NULL ? tsdb_compat_zone_get(site->zone_name) : NULL, origin);
	MemoryContextSwitchTo(caller);
	flinfo->fn_extra = site;
	if (old != NULL)
	{
		if (old->zone_name != NULL)
			pfree(old->zone_name);
		pfree(old->buckets);
		pfree(old);
	}
	return site;
}

static TsdbBuckets *
open_buckets(const Interval *width, pg_tz *zone, const int64 *origin)
{
	TsdbBucketRule rule;

	tsdb_buckets_interval_get(width, zone, origin, &rule);
	return tsdb_buckets_create(&rule);
}

static DateADT
date_bucket(FunctionCallInfo fcinfo, DateADT date, const DateADT *origin)
{
	int64 origin_us = origin != NULL ? date_midnight(*origin) : 0;
	int64 start;

	start = bucket_start(fcinfo, date_midnight(date), NULL, origin != NULL ? &origin_us : NULL);
	if (DATE_NOT_FINITE(date))
		return date;
	return (DateADT) (start >= 0 ? start / USECS_PER_DAY : -((USECS_PER_DAY - 1 - start) / USECS_PER_DAY));
}

/* Dates go further than timestamps. */
static int64
date_midnight(DateADT date)
{
	if (DATE_IS_NOBEGIN(date))
		return DT_NOBEGIN;
	if (DATE_IS_NOEND(date))
		return DT_NOEND;
	if (date >= TIMESTAMP_END_JULIAN - POSTGRES_EPOCH_JDATE)
		ereport(ERROR,
				(errcode(ERRCODE_DATETIME_VALUE_OUT_OF_RANGE),
				 errmsg("date out of range for timestamp")));
	return date * USECS_PER_DAY;
}

/* The finder of a test's rule: a unit of date_trunc, or a width of tsdb.time_bucket. */
static TsdbBuckets *
test_buckets(FunctionCallInfo fcinfo)
{
	char *name = text_to_cstring(PG_GETARG_TEXT_PP(0));
	pg_tz *zone = tsdb_compat_zone_get(text_to_cstring(PG_GETARG_TEXT_PP(1)));
	MemoryContext caller = MemoryContextSwitchTo(fcinfo->flinfo->fn_mcxt);
	TsdbBucketRule rule;
	TsdbBuckets *buckets;

	if (tsdb_buckets_trunc_rule(name, zone, &rule))
		buckets = tsdb_buckets_create(&rule);
	else
		buckets = open_buckets(DatumGetIntervalP(DirectFunctionCall3(interval_in, CStringGetDatum(name), ObjectIdGetDatum(InvalidOid), Int32GetDatum(-1))),
							   zone, NULL);
	MemoryContextSwitchTo(caller);
	return buckets;
}
