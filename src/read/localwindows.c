/*-------------------------------------------------------------------------
 *
 * localwindows.c
 *	  Times at which the wall clock of a zone fulfils conditions.
 *
 * Each condition says, for a wall clock time, whether it holds and over which piece around it that stays so.  The
 * search steps from piece to piece; where a condition fails it goes on behind that condition's piece.  Pieces end where the
 * zone changes its offset, too.
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "datatype/timestamp.h"
#include "miscadmin.h"
#include "read/buckets.h"
#include "read/localwindows.h"
#include "utils/datetime.h"

#define CALENDAR_CYCLE_US (146097 * USECS_PER_DAY)

struct TsdbLocalWindows
{
	int nterms;
	TsdbLocalTerm *terms;
	bool is_empty; /* no time fulfils them */
	TsdbBuckets *clock; /* knows the offsets of the zone */
	int64 last_from; /* window found last */
	int64 last_until;
};

/* A stretch of wall clock time over which a condition holds, or fails. */
typedef struct Piece
{
	bool holds;
	int64 from; /* half open */
	int64 until;
} Piece;

static bool judge(const TsdbLocalWindows *windows, int64 local, Piece *piece);
static Piece judge_term(const TsdbLocalTerm *term, int64 local);
static Piece judge_hour(const TsdbLocalTerm *term, int64 local);
static Piece judge_month(const TsdbLocalTerm *term, int64 local);
static Piece judge_range(int64 from, int64 until, int64 base, Piece piece, int64 local);
static bool has_any(const TsdbLocalWindows *windows);
static int64 day_of(int64 local);
static int64 day_start(int64 day);

TsdbLocalWindows *
tsdb_localwindows_create(const TsdbLocalTerm *terms, int nterms, pg_tz *zone)
{
	TsdbLocalWindows *windows = palloc0(sizeof(TsdbLocalWindows));
	TsdbBucketRule rule = {.kind = TSDB_BUCKETS_LOCAL, .width_us = USECS_PER_DAY, .zone = zone};

	windows->nterms = nterms;
	windows->terms = palloc(sizeof(TsdbLocalTerm) * Max(nterms, 1));
	memcpy(windows->terms, terms, sizeof(TsdbLocalTerm) * nterms);
	windows->clock = tsdb_buckets_create(&rule);
	windows->is_empty = !has_any(windows);
	return windows;
}

bool
tsdb_localwindows_is_empty(const TsdbLocalWindows *windows)
{
	return windows->is_empty;
}

bool
tsdb_localwindows_next(TsdbLocalWindows *windows, int64 time, int64 *from, int64 *until)
{
	if (time >= windows->last_from && time < windows->last_until)
	{
		*from = time;
		*until = windows->last_until;
		return true;
	}
	time = Max(time, MIN_TIMESTAMP);
	while (!windows->is_empty && time < END_TIMESTAMP)
	{
		int64 offset_us;
		int64 known_from;
		int64 known_until;
		Piece piece;

		CHECK_FOR_INTERRUPTS();
		offset_us = tsdb_buckets_offset(windows->clock, time, &known_from, &known_until);
		if (judge(windows, time + offset_us, &piece))
		{
			windows->last_from = *from = time;
			windows->last_until = *until = Min(piece.until - offset_us, known_until);
			return true;
		}
		time = Min(piece.until - offset_us, known_until);
	}
	return false;
}

bool
tsdb_localwindows_previous(TsdbLocalWindows *windows, int64 time, int64 *from, int64 *until)
{
	time = Min(time, END_TIMESTAMP);
	while (!windows->is_empty && time > MIN_TIMESTAMP)
	{
		int64 offset_us;
		int64 known_from;
		int64 known_until;
		Piece piece;

		CHECK_FOR_INTERRUPTS();
		offset_us = tsdb_buckets_offset(windows->clock, time - 1, &known_from, &known_until);
		if (judge(windows, time - 1 + offset_us, &piece))
		{
			*from = Max(piece.from - offset_us, known_from);
			*until = time;
			return true;
		}
		time = Max(piece.from - offset_us, known_from);
	}
	return false;
}

// private functions

/*
 * has_any - is there any time that fulfils the conditions?
 *
 * Those of the calendar come back every 400 years; a range that has come to its end says itself that nothing follows.
 */
static bool
has_any(const TsdbLocalWindows *windows)
{
	int64 start = MIN_TIMESTAMP;
	int64 local;
	int64 end;

	for (int i = 0; i < windows->nterms; i++)
	{
		if (windows->terms[i].from >= windows->terms[i].until && windows->terms[i].kind >= TSDB_LOCAL_TIME)
			return false;
		if (windows->terms[i].kind == TSDB_LOCAL_RANGE)
			start = Max(start, windows->terms[i].from);
	}
	end = start < END_TIMESTAMP - CALENDAR_CYCLE_US ? start + CALENDAR_CYCLE_US : END_TIMESTAMP;
	for (local = start; local < end;)
	{
		Piece piece;

		CHECK_FOR_INTERRUPTS();
		if (judge(windows, local, &piece))
			return true;
		local = piece.until;
	}
	return false;
}

/*
 * judge - do all conditions hold at a wall clock time?
 *
 *	piece	out: where that stays so; when they fail, at least one of them fails in all of it
 */
static bool
judge(const TsdbLocalWindows *windows, int64 local, Piece *piece)
{
	/* Offsets are subtracted from the ends. */
	piece->holds = true;
	piece->from = MIN_TIMESTAMP - USECS_PER_DAY;
	piece->until = END_TIMESTAMP + USECS_PER_DAY;
	for (int i = 0; i < windows->nterms; i++)
	{
		Piece own = judge_term(&windows->terms[i], local);

		if (!own.holds)
		{
			own.from = Max(own.from, MIN_TIMESTAMP - USECS_PER_DAY);
			own.until = Min(own.until, END_TIMESTAMP + USECS_PER_DAY);
			*piece = own;
			return false;
		}
		piece->from = Max(piece->from, own.from);
		piece->until = Min(piece->until, own.until);
	}
	return true;
}

static Piece
judge_term(const TsdbLocalTerm *term, int64 local)
{
	int64 day = day_of(local);
	Piece piece = {false, day_start(day), day_start(day + 1)};
	Piece always = {true, PG_INT64_MIN, PG_INT64_MAX};
	int year;
	int month;
	int month_day;

	switch (term->kind)
	{
		case TSDB_LOCAL_HOUR:
			return judge_hour(term, local);
		case TSDB_LOCAL_MONTH:
			return judge_month(term, local);
		case TSDB_LOCAL_TIME:
			return judge_range(term->from, term->until, piece.from, piece, local);
		case TSDB_LOCAL_RANGE:
			return judge_range(term->from, term->until, 0, always, local);
		case TSDB_LOCAL_WEEKDAY:
			piece.holds = (term->mask >> j2day((int) day + POSTGRES_EPOCH_JDATE)) & 1;
			break;
		case TSDB_LOCAL_DAY:
			j2date((int) day + POSTGRES_EPOCH_JDATE, &year, &month, &month_day);
			piece.holds = (term->mask >> month_day) & 1;
			break;
	}
	return piece;
}

/* Neighbouring hours of one day, all of them wanted or none. */
static Piece
judge_hour(const TsdbLocalTerm *term, int64 local)
{
	int64 midnight = day_start(day_of(local));
	int first = (int) ((local - midnight) / USECS_PER_HOUR);
	int end = first + 1;
	uint32 wanted = (term->mask >> first) & 1;
	Piece piece;

	while (first > 0 && ((term->mask >> (first - 1)) & 1) == wanted)
		first--;
	while (end < HOURS_PER_DAY && ((term->mask >> end) & 1) == wanted)
		end++;
	piece.holds = wanted;
	piece.from = midnight + first * USECS_PER_HOUR;
	piece.until = midnight + end * USECS_PER_HOUR;
	return piece;
}

static Piece
judge_month(const TsdbLocalTerm *term, int64 local)
{
	Piece piece;
	int year;
	int month;
	int month_day;

	j2date((int) Max(day_of(local) + POSTGRES_EPOCH_JDATE, 0), &year, &month, &month_day);
	piece.holds = (term->mask >> month) & 1;
	piece.from = day_start(date2j(year, month, 1) - POSTGRES_EPOCH_JDATE);
	piece.until = day_start((month == 12 ? date2j(year + 1, 1, 1) : date2j(year, month + 1, 1)) - POSTGRES_EPOCH_JDATE);
	return piece;
}

/* [from, until), counted from base; within the piece that is given. */
static Piece
judge_range(int64 from, int64 until, int64 base, Piece piece, int64 local)
{
	int64 offset = local - base;

	piece.holds = offset >= from && offset < until;
	if (offset < from)
		piece.until = Min(piece.until, from == PG_INT64_MAX ? from : base + from);
	else if (offset >= until)
		piece.from = Max(piece.from, base + until);
	else
	{
		if (from != PG_INT64_MIN)
			piece.from = Max(piece.from, base + from);
		if (until != PG_INT64_MAX)
			piece.until = Min(piece.until, base + until);
	}
	return piece;
}

static int64
day_of(int64 local)
{
	return local >= 0 ? local / USECS_PER_DAY : -((USECS_PER_DAY - 1 - local) / USECS_PER_DAY);
}

static int64
day_start(int64 day)
{
	return day * USECS_PER_DAY;
}
