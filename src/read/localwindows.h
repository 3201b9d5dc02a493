/*-------------------------------------------------------------------------
 *
 * localwindows.h
 *	  Times at which the wall clock of a zone fulfils conditions: "at six in the morning", "on weekdays".
 *
 * A condition is constant over pieces of the wall clock's time, so the times that fulfil all of them are
 * windows of UTC time, found one by one as they are needed.
 *-------------------------------------------------------------------------
 */
#ifndef TSDB_LOCALWINDOWS_H
#define TSDB_LOCALWINDOWS_H

#include "postgres.h"
#include "pgtime.h"

typedef enum TsdbLocalKind
{
	TSDB_LOCAL_HOUR, /* mask: bits 0 .. 23 */
	TSDB_LOCAL_WEEKDAY, /* mask: bits 0 .. 6, Sunday is 0 */
	TSDB_LOCAL_DAY, /* of the month; mask: bits 1 .. 31 */
	TSDB_LOCAL_MONTH, /* mask: bits 1 .. 12 */
	TSDB_LOCAL_TIME, /* time of day in [from, until), us since midnight */
	TSDB_LOCAL_RANGE /* timestamp in [from, until) */
} TsdbLocalKind;

/* A condition on the wall clock. */
typedef struct TsdbLocalTerm
{
	TsdbLocalKind kind;
	uint32 mask;
	int64 from;
	int64 until;
} TsdbLocalTerm;

typedef struct TsdbLocalWindows TsdbLocalWindows;

/* tsdb_localwindows_create - for conditions that all have to hold (copied); zone NULL = UTC.  In the current memory context. */
extern TsdbLocalWindows *tsdb_localwindows_create(const TsdbLocalTerm *terms, int nterms, pg_tz *zone);

/* tsdb_localwindows_is_empty - is there no time at all that fulfils the conditions? */
extern bool tsdb_localwindows_is_empty(const TsdbLocalWindows *windows);

/*
 * tsdb_localwindows_next - the first window, or rest of one, at or after a time; false when there is none.
 *
 *	from, until		out, half open; from >= time.  The next window may touch it.
 */
extern bool tsdb_localwindows_next(TsdbLocalWindows *windows, int64 time, int64 *from, int64 *until);

/* tsdb_localwindows_previous - the last window, or beginning of one, before a time: until <= time. */
extern bool tsdb_localwindows_previous(TsdbLocalWindows *windows, int64 time, int64 *from, int64 *until);

#endif /* TSDB_LOCALWINDOWS_H */
