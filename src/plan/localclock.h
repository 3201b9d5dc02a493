/*-------------------------------------------------------------------------
 *
 * localclock.h
 *	  The zones of the series of a table, at execution.
 *
 *-------------------------------------------------------------------------
 */
#ifndef TSDB_LOCALCLOCK_H
#define TSDB_LOCALCLOCK_H

#include "postgres.h"
#include "nodes/pg_list.h"
#include "pgtime.h"
#include "read/localwindows.h"
#include "read/readrange.h"
#include "utils/rel.h"

typedef struct TsdbLocalClock TsdbLocalClock;

/* Series of one zone. */
typedef struct TsdbZoneSeries
{
	pg_tz *zone; /* NULL: UTC */
	uint32 *series; /* ascending; NULL: all there are */
	uint32 nseries;
} TsdbZoneSeries;

/*
 * tsdb_localclock_create - in the current memory context.
 *
 *	clock		see tsdb_localexpr_clock
 *	attnums		int list: columns of rel by those of the clock's expression; NIL: they are the same
 *	terms		descriptions of conditions on local time, see tsdb_localexpr_split; NIL: none
 */
extern TsdbLocalClock *tsdb_localclock_create(Relation rel, List *clock, List *attnums, List *terms);

/* tsdb_localclock_group - series by zones as these are now; series NULL = all.  In the current memory context. */
extern TsdbZoneSeries *tsdb_localclock_group(TsdbLocalClock *clock, const uint32 *series, uint32 nseries, int *nzones);

/* tsdb_localclock_set_zone - from now on windows are asked for of series of this zone alone, as they were grouped. */
extern void tsdb_localclock_set_zone(TsdbLocalClock *clock, pg_tz *zone);

/* tsdb_localclock_windows - windows that the conditions leave of each series, NULL without conditions; zones as they were at the first look. */
extern const TsdbReadWindows *tsdb_localclock_windows(TsdbLocalClock *clock);

/* tsdb_localclock_is_never - does no time at all fulfil the conditions? */
extern bool tsdb_localclock_is_never(TsdbLocalClock *clock);

#endif /* TSDB_LOCALCLOCK_H */
