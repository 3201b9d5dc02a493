/*-------------------------------------------------------------------------
 *
 * buckets.c
 *	  Edges of buckets: floors of UTC or wall clock time, and the way back to UTC.
 *
 * The offset of a zone is constant between two changes.  The finder remembers one such stretch; a bucket inside
 * it costs a division.  For others it walks over the changes around the bucket and puts the bucket together from a piece of each
 * stretch.
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "common/int.h"
#include "miscadmin.h"
#include "parser/scansup.h"
#include "read/buckets.h"
#include "utils/datetime.h"
#include "utils/timestamp.h"

/* Wider than any offset from UTC (POSIX rules reach 167 hours); more of it saves walks of those who come downwards. */
#define MARGIN_US (32 * USECS_PER_DAY)
#define MAX_OFFSET_US (8 * USECS_PER_DAY)

#define EPOCH_SHIFT_SECS ((int64) (POSTGRES_EPOCH_JDATE - UNIX_EPOCH_JDATE) * SECS_PER_DAY)
#define MONDAY_US (2 * USECS_PER_DAY) /* 2000-01-03 */

typedef struct Stretch
{
	int64 from; /* offset is known since; may have begun earlier */
	int64 until; /* PG_INT64_MAX: for ever */
	int64 offset_us; /* wall clock minus UTC */
} Stretch;

struct TsdbBuckets
{
	TsdbBucketRule rule;
	int64 phase_us; /* origin modulo width, 0 .. width - 1 */
	int64 phase_months; /* month of the origin, counted from year 0 */
	Stretch stretch;
};

static TsdbBucket floor_local(const TsdbBuckets *buckets, int64 local);
static TsdbBucket find_single(TsdbBuckets *buckets, int64 time);
static TsdbBucket floor_width(int64 width, int64 phase, int64 time);
static TsdbBucket floor_months(int64 months, int64 phase, int64 local);
static int64 month_start(int64 month_no);
static int64 month_of(int64 local);
static const Stretch *stretch_of(TsdbBuckets *buckets, int64 time);
static TsdbBucket join_pieces(TsdbBuckets *buckets, TsdbBucket wall, int64 time);
static int64 first_showing(TsdbBuckets *buckets, int64 local);
static Stretch stretch_at(pg_tz *zone, int64 from);
static int64 walk_start(int64 local);
static int64 shift(int64 local, int64 offset_us);
static bool calendar_months(int unit, int32 *months, int *first_year);
static const char *check_width(const Interval *width, bool *invalid, const char **hint);

bool
tsdb_buckets_trunc_rule(const char *unit, pg_tz *zone, TsdbBucketRule *rule)
{
	char *lower = downcase_truncate_identifier(unit, (int) strlen(unit), false);
	int first_year = 2000;
	int val;

	memset(rule, 0, sizeof(*rule));
	rule->zone = zone;
	if (DecodeUnits(0, lower, &val) != UNITS)
		return false;
	if (calendar_months(val, &rule->months, &first_year))
	{
		rule->kind = TSDB_BUCKETS_MONTHS;
		rule->origin_us = (int64) (date2j(first_year, 1, 1) - POSTGRES_EPOCH_JDATE) * USECS_PER_DAY;
		return true;
	}
	rule->kind = zone == NULL ? TSDB_BUCKETS_FIXED : TSDB_BUCKETS_LOCAL;
	switch (val)
	{
		case DTK_WEEK:
			rule->width_us = 7 * USECS_PER_DAY;
			rule->origin_us = MONDAY_US;
			return true;
		case DTK_DAY:
			rule->width_us = USECS_PER_DAY;
			return true;
		case DTK_HOUR:
			rule->width_us = USECS_PER_HOUR;
			rule->keeps_offset = true;
			return true;
		case DTK_MINUTE:
			rule->width_us = USECS_PER_MINUTE;
			rule->keeps_offset = true;
			return true;
		case DTK_SECOND:
		case DTK_MILLISEC:
		case DTK_MICROSEC:
			rule->kind = TSDB_BUCKETS_FIXED; /* offsets are whole seconds */
			rule->width_us = val == DTK_SECOND ? USECS_PER_SEC : val == DTK_MILLISEC ? 1000
																					 : 1;
			return true;
		default:
			return false;
	}
}

const char *
tsdb_buckets_interval_rule(const Interval *width, pg_tz *zone, const int64 *origin, TsdbBucketRule *rule,
						   bool *invalid, const char **hint)
{
	const char *problem = check_width(width, invalid, hint);

	if (problem != NULL)
		return problem;
	memset(rule, 0, sizeof(*rule));
	rule->zone = zone;
	if (origin != NULL)
		rule->origin_us = zone == NULL ? *origin : *origin + stretch_at(zone, *origin).offset_us;
	else if (width->month == 0)
		rule->origin_us = MONDAY_US;
	if (width->month != 0)
	{
		rule->kind = TSDB_BUCKETS_MONTHS;
		rule->months = width->month;
		if (rule->origin_us == month_start(month_of(rule->origin_us)))
			return NULL;
		*invalid = true;
		*hint = "Give the first of a month, at midnight of the zone of the buckets (UTC when none is given)";
		return "origin of buckets of months must be the start of a month";
	}
	rule->kind = zone == NULL ? TSDB_BUCKETS_FIXED : TSDB_BUCKETS_LOCAL;
	rule->width_us = width->day * USECS_PER_DAY + width->time;
	rule->keeps_offset = rule->width_us <= USECS_PER_HOUR;
	return NULL;
}

void
tsdb_buckets_interval_get(const Interval *width, pg_tz *zone, const int64 *origin, TsdbBucketRule *rule)
{
	const char *problem;
	const char *hint;
	bool invalid;

	if (origin != NULL && TIMESTAMP_NOT_FINITE(*origin))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("origin of buckets must be finite"),
				 errhint("Give a time at which a bucket begins, or none.")));
	problem = tsdb_buckets_interval_rule(width, zone, origin, rule, &invalid, &hint);
	if (problem != NULL)
		ereport(ERROR,
				(errcode(invalid ? ERRCODE_INVALID_PARAMETER_VALUE : ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("%s", problem),
				 errhint("%s.", hint)));
}

bool
tsdb_buckets_fixed_rule(const Interval *width, int64 origin, TsdbBucketRule *rule)
{
	bool invalid;
	const char *hint;

	if (check_width(width, &invalid, &hint) != NULL || width->month != 0 || TIMESTAMP_NOT_FINITE(origin))
		return false;
	memset(rule, 0, sizeof(*rule));
	rule->kind = TSDB_BUCKETS_FIXED;
	rule->width_us = width->day * USECS_PER_DAY + width->time;
	rule->origin_us = origin;
	return true;
}

TsdbBuckets *
tsdb_buckets_create(const TsdbBucketRule *rule)
{
	TsdbBuckets *buckets = (TsdbBuckets *) palloc0(sizeof(TsdbBuckets));

	buckets->rule = *rule;
	if (rule->kind == TSDB_BUCKETS_FIXED || rule->kind == TSDB_BUCKETS_LOCAL)
	{
		buckets->phase_us = rule->origin_us % rule->width_us;
		if (buckets->phase_us < 0)
			buckets->phase_us += rule->width_us;
	}
	if (rule->kind == TSDB_BUCKETS_MONTHS)
		buckets->phase_months = month_of(rule->origin_us);
	if (rule->zone == NULL || rule->kind == TSDB_BUCKETS_FIXED)
	{
		buckets->stretch.from = PG_INT64_MIN;
		buckets->stretch.until = PG_INT64_MAX;
	}
	return buckets;
}

TsdbBucket
tsdb_buckets_find(TsdbBuckets *buckets, int64 time)
{
	const Stretch *stretch;
	TsdbBucket wall;
	TsdbBucket found;

	if (buckets->rule.kind == TSDB_BUCKETS_FIXED)
		return buckets->rule.exact_until_us == 0 ? floor_width(buckets->rule.width_us, buckets->phase_us, time)
												 : find_single(buckets, time);
	if (buckets->rule.kind == TSDB_BUCKETS_NONE)
	{
		found.from = PG_INT64_MIN;
		found.until = PG_INT64_MAX;
		return found;
	}
	stretch = stretch_of(buckets, time);
	wall = floor_local(buckets, time + stretch->offset_us);
	found.from = shift(wall.from, stretch->offset_us);
	found.until = shift(wall.until, stretch->offset_us);
	if (found.from > stretch->from && found.until < stretch->until)
		return found;
	return buckets->rule.zone == NULL ? found : join_pieces(buckets, wall, time);
}

bool
tsdb_buckets_is_regular(const TsdbBuckets *buckets, TsdbBucket bucket)
{
	const Stretch *stretch = &buckets->stretch;

	if (!IS_VALID_TIMESTAMP(bucket.from) || !IS_VALID_TIMESTAMP(bucket.until) || buckets->rule.kind == TSDB_BUCKETS_NONE)
		return false;
	if (buckets->rule.kind == TSDB_BUCKETS_FIXED || buckets->rule.zone == NULL)
		return true;
	/* No change of the offset anywhere near. */
	return stretch->from <= bucket.from - MAX_OFFSET_US && stretch->until >= bucket.until + MAX_OFFSET_US;
}

int64
tsdb_buckets_key(TsdbBuckets *buckets, int64 time)
{
	const Stretch *stretch;
	TsdbBucket wall;
	int64 key;

	if (buckets->rule.kind == TSDB_BUCKETS_FIXED)
		key = floor_width(buckets->rule.width_us, buckets->phase_us, time).from;
	else
	{
		stretch = stretch_of(buckets, time);
		wall = floor_local(buckets, time + stretch->offset_us);
		key = shift(wall.from, stretch->offset_us);
		/* Shortly after a change of the offset, the wall clock may have shown the start before */
		if (wall.from != PG_INT64_MIN && !buckets->rule.keeps_offset && buckets->rule.zone != NULL &&
			key < stretch->from + MAX_OFFSET_US)
			key = first_showing(buckets, wall.from);
	}
	return IS_VALID_TIMESTAMP(key) ? key : PG_INT64_MIN;
}

int64
tsdb_buckets_offset(TsdbBuckets *buckets, int64 time, int64 *from, int64 *until)
{
	const Stretch *stretch = stretch_of(buckets, time);

	*from = stretch->from;
	*until = stretch->until;
	return stretch->offset_us;
}

// private functions

static TsdbBucket
floor_local(const TsdbBuckets *buckets, int64 local)
{
	if (buckets->rule.kind == TSDB_BUCKETS_MONTHS)
		return floor_months(buckets->rule.months, buckets->phase_months, local);
	return floor_width(buckets->rule.width_us, buckets->phase_us, local);
}

/* Of a rule of single microseconds far from now. */
static TsdbBucket
find_single(TsdbBuckets *buckets, int64 time)
{
	TsdbBucket bucket = {time, time + 1};

	if (time >= buckets->rule.exact_from_us && time < buckets->rule.exact_until_us)
	{
		bucket = floor_width(buckets->rule.width_us, buckets->phase_us, time);
		bucket.from = Max(bucket.from, buckets->rule.exact_from_us);
		bucket.until = Min(bucket.until, buckets->rule.exact_until_us);
	}
	return bucket;
}

static TsdbBucket
floor_width(int64 width, int64 phase, int64 time)
{
	TsdbBucket bucket;
	int64 rest;
	int64 from_phase;

	if (pg_sub_s64_overflow(time, phase, &from_phase))
		from_phase = time + (width - phase);
	rest = from_phase % width;
	if (rest < 0)
		rest += width;
	if (pg_sub_s64_overflow(time, rest, &bucket.from))
		bucket.from = PG_INT64_MIN;
	if (pg_add_s64_overflow(time, width - rest, &bucket.until))
		bucket.until = PG_INT64_MAX;
	return bucket;
}

static TsdbBucket
floor_months(int64 months, int64 phase, int64 local)
{
	TsdbBucket bucket;
	int64 month_no = month_of(local) - phase;
	int64 rest = month_no % months;

	if (rest < 0)
		rest += months;
	bucket.from = month_start(phase + month_no - rest);
	bucket.until = month_start(phase + month_no - rest + months);
	return bucket;
}

/* Wall clock time at which a month counted from year 0 begins; no edge outside of what timestamps can say. */
static int64
month_start(int64 month_no)
{
	int64 year = month_no >= 0 ? month_no / 12 : -((11 - month_no) / 12);
	int month = (int) (month_no - year * 12) + 1;

	if (year < JULIAN_MINYEAR || (year == JULIAN_MINYEAR && month < JULIAN_MINMONTH + 1))
		return PG_INT64_MIN;
	if (year > 294277)
		return PG_INT64_MAX;
	return (int64) (date2j((int) year, month, 1) - POSTGRES_EPOCH_JDATE) * USECS_PER_DAY;
}

static int64
month_of(int64 local)
{
	int64 days = local >= 0 ? local / USECS_PER_DAY : -((USECS_PER_DAY - 1 - local) / USECS_PER_DAY);
	int year;
	int month;
	int day;

	/* Wall clocks behind UTC can be before the first of Julian days */
	j2date((int) Max(days + POSTGRES_EPOCH_JDATE, 0), &year, &month, &day);
	return (int64) year * 12 + month - 1;
}

/* The stretch around a time, remembered. */
static const Stretch *
stretch_of(TsdbBuckets *buckets, int64 time)
{
	Stretch *stretch = &buckets->stretch;

	if (time >= stretch->from && time < stretch->until)
		return stretch;
	if (time < stretch->from || (uint64) time - (uint64) stretch->until > MARGIN_US)
		*stretch = stretch_at(buckets->rule.zone, walk_start(time));
	while (time >= stretch->until)
	{
		CHECK_FOR_INTERRUPTS();
		*stretch = stretch_at(buckets->rule.zone, stretch->until);
	}
	return stretch;
}

/* The time around `time` whose wall clock reads within `wall`: the pieces that the stretches of the zone give, joined. */
static TsdbBucket
join_pieces(TsdbBuckets *buckets, TsdbBucket wall, int64 time)
{
	Stretch stretch = stretch_at(buckets->rule.zone, walk_start(wall.from));
	int64 offset_us = stretch.offset_us;
	TsdbBucket joined = {0, 0};

	if (wall.from == PG_INT64_MIN)
		stretch.from = PG_INT64_MIN;
	for (;;)
	{
		TsdbBucket piece;
		bool known;

		CHECK_FOR_INTERRUPTS();
		piece.from = Max(shift(wall.from, stretch.offset_us), stretch.from);
		piece.until = Min(shift(wall.until, stretch.offset_us), stretch.until);
		known = joined.from <= time && time < joined.until;
		if (piece.from < piece.until)
		{
			if (joined.from < joined.until && joined.until == piece.from &&
				!(buckets->rule.keeps_offset && offset_us != stretch.offset_us))
				piece.from = joined.from;
			else if (known)
				return joined;
			joined = piece;
			offset_us = stretch.offset_us;
		}
		else if (known)
			return joined;
		if (stretch.until == PG_INT64_MAX)
			return joined;
		stretch = stretch_at(buckets->rule.zone, stretch.until);
	}
}

/* The first instant at which the wall clock shows a time, or, where that was skipped, a later one. */
static int64
first_showing(TsdbBuckets *buckets, int64 local)
{
	Stretch stretch = stretch_at(buckets->rule.zone, walk_start(local));

	if (local < stretch.from)
		return PG_INT64_MIN;
	while (shift(local, stretch.offset_us) >= stretch.until)
	{
		CHECK_FOR_INTERRUPTS();
		stretch = stretch_at(buckets->rule.zone, stretch.until);
	}
	return Max(shift(local, stretch.offset_us), stretch.from);
}

/* What is known of a zone from an instant on. */
static Stretch
stretch_at(pg_tz *zone, int64 from)
{
	Stretch stretch = {.from = from, .until = PG_INT64_MAX};
	int64 floor_secs = from >= 0 ? from / USECS_PER_SEC : -((USECS_PER_SEC - 1 - from) / USECS_PER_SEC);
	pg_time_t secs = floor_secs + EPOCH_SHIFT_SECS;
	pg_time_t boundary;
	long int before;
	long int after;
	int before_isdst;
	int after_isdst;
	int found;

	found = pg_next_dst_boundary(&secs, &before, &before_isdst, &boundary, &after, &after_isdst, zone);
	if (found == 0)
	{
		/* Asked for the last change of its table, PostgreSQL forgets the rule for later years */
		secs++;
		found = pg_next_dst_boundary(&secs, &before, &before_isdst, &boundary, &after, &after_isdst, zone);
	}
	if (found > 0 && boundary - EPOCH_SHIFT_SECS < END_TIMESTAMP / USECS_PER_SEC)
		stretch.until = (boundary - EPOCH_SHIFT_SECS) * USECS_PER_SEC;
	stretch.offset_us = before * USECS_PER_SEC;
	return stretch;
}

/* An instant before all that a zone may show as `local`. */
static int64
walk_start(int64 local)
{
	return Max(local, MIN_TIMESTAMP) - MARGIN_US;
}

/* From the wall clock to UTC; "no edge" stays so. */
static int64
shift(int64 local, int64 offset_us)
{
	int64 utc;

	if (local == PG_INT64_MIN || local == PG_INT64_MAX)
		return local;
	if (pg_sub_s64_overflow(local, offset_us, &utc))
		return offset_us > 0 ? PG_INT64_MIN : PG_INT64_MAX;
	return utc;
}

/* Units of the calendar that are a number of months; a year in which one of them begins. */
static bool
calendar_months(int unit, int32 *months, int *first_year)
{
	switch (unit)
	{
		case DTK_MONTH:
			*months = 1;
			return true;
		case DTK_QUARTER:
			*months = 3;
			return true;
		case DTK_YEAR:
			*months = 12;
			return true;
		case DTK_DECADE:
			*months = 120;
			return true;
		case DTK_CENTURY:
			*months = 1200;
			*first_year = 2001;
			return true;
		case DTK_MILLENNIUM:
			*months = 12000;
			*first_year = 2001;
			return true;
		default:
			return false;
	}
}

static const char *
check_width(const Interval *width, bool *invalid, const char **hint)
{
	int64 us;

	*invalid = true;
	*hint = "Buckets have a width of more than zero, for example '5 minutes' or '1 month'";
	if (width->month != 0 && (width->day != 0 || width->time != 0))
	{
		*invalid = false;
		*hint = "Use months and years alone, or days and shorter units alone";
		return "buckets of months and days together are not supported";
	}
	if (width->month < 0)
		return "width of buckets must be positive";
	if (width->month > 0)
		return NULL;
	if (pg_mul_s64_overflow(width->day, USECS_PER_DAY, &us) || pg_add_s64_overflow(us, width->time, &us))
		return "width of buckets is out of range";
	return us > 0 ? NULL : "width of buckets must be positive";
}
