/*-------------------------------------------------------------------------
 *
 * localclock.c
 *	  The zones of the series of a table, at execution.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "attr/attributes.h"
#include "miscadmin.h"
#include "plan/localclock.h"
#include "plan/localexpr.h"
#include "series/series.h"
#include "series/seriesscan.h"
#include "series/tsdbtable.h"
#include "store/metapage.h"
#include "utils/memutils.h"

/* What is known of a zone. */
typedef struct ZoneWindows
{
	pg_tz *zone;
	TsdbLocalWindows *windows;
} ZoneWindows;

struct TsdbLocalClock
{
	MemoryContext context;
	Relation rel;
	TsdbAttributed *attributed;
	int ntags;
	int *tag_indexes; /* in rel, by index in the rules' table */
	Datum *values;
	bool *isnull;
	int nterms;
	TsdbLocalTerm *terms;
	TsdbReadWindows windows;
	int nzones;
	ZoneWindows *zones;
	bool has_zone; /* of all series that windows are asked for */
	pg_tz *zone;
	uint32 series; /* looked at last; 0: none */
	TsdbLocalWindows *series_windows;
};

static void group_all(TsdbLocalClock *clock, TsdbZoneSeries **groups, int *ngroups);
static pg_tz *zone_of_series(TsdbLocalClock *clock, uint32 series);
static pg_tz *zone_of_tags(TsdbLocalClock *clock, const Datum *values, const bool *isnull);
static TsdbZoneSeries *find_group(TsdbZoneSeries **groups, int *ngroups, pg_tz *zone);
static void append_series(TsdbZoneSeries *group, uint32 series);
static bool next_window(void *arg, uint32 series, int64 time, int64 *from, int64 *until);
static bool previous_window(void *arg, uint32 series, int64 time, int64 *from, int64 *until);
static TsdbLocalWindows *windows_of_series(TsdbLocalClock *clock, uint32 series);
static TsdbLocalWindows *windows_of_zone(TsdbLocalClock *clock, pg_tz *zone);

TsdbLocalClock *
tsdb_localclock_create(Relation rel, List *description, List *attnums, List *terms)
{
	TsdbLocalClock *clock = palloc0(sizeof(TsdbLocalClock));
	const TsdbTable *table = tsdb_table_get(rel);
	List *columns = tsdb_localexpr_columns(description);
	ListCell *lc;

	clock->context = CurrentMemoryContext;
	clock->rel = rel;
	clock->attributed = tsdb_attributes_open(tsdb_localexpr_table(description));
	clock->tag_indexes = palloc(sizeof(int) * Max(list_length(columns), 1));
	clock->values = palloc(sizeof(Datum) * Max(list_length(columns), 1));
	clock->isnull = palloc(sizeof(bool) * Max(list_length(columns), 1));
	foreach (lc, columns)
	{
		int attnum = attnums == NIL ? lfirst_int(lc) : list_nth_int(attnums, lfirst_int(lc) - 1);

		if (attnum <= 0 || attnum > table->natts || table->columns[attnum - 1].role != TSDB_ROLE_TAG)
			elog(ERROR, "column %d of table \"%s\" is not a tag", attnum, RelationGetRelationName(rel));
		clock->tag_indexes[clock->ntags++] = table->columns[attnum - 1].tag_index;
	}
	clock->terms = tsdb_localexpr_terms(terms, &clock->nterms);
	clock->windows.arg = clock;
	clock->windows.next = next_window;
	clock->windows.previous = previous_window;
	return clock;
}

TsdbZoneSeries *
tsdb_localclock_group(TsdbLocalClock *clock, const uint32 *series, uint32 nseries, int *nzones)
{
	TsdbZoneSeries *groups = palloc0(sizeof(TsdbZoneSeries));

	*nzones = 1;
	if (tsdb_attributes_only_zone(clock->attributed, &groups[0].zone))
	{
		/* Windows are asked for series by series: only those that exist. */
		if (series == NULL && clock->nterms > 0)
			series = tsdb_series_list(clock->rel, tsdb_table_get(clock->rel), &nseries);
		groups[0].series = unconstify(uint32 *, series);
		groups[0].nseries = nseries;
		return groups;
	}

	*nzones = 0;
	if (series == NULL)
		group_all(clock, &groups, nzones);
	for (uint32 i = 0; i < nseries; i++)
	{
		CHECK_FOR_INTERRUPTS();
		append_series(find_group(&groups, nzones, zone_of_series(clock, series[i])), series[i]);
	}
	return groups;
}

void
tsdb_localclock_set_zone(TsdbLocalClock *clock, pg_tz *zone)
{
	clock->has_zone = true;
	clock->zone = zone;
	clock->series_windows = NULL;
}

const TsdbReadWindows *
tsdb_localclock_windows(TsdbLocalClock *clock)
{
	return clock->nterms > 0 ? &clock->windows : NULL;
}

bool
tsdb_localclock_is_never(TsdbLocalClock *clock)
{
	return clock->nterms > 0 && tsdb_localwindows_is_empty(windows_of_zone(clock, NULL));
}

// private functions

static void
group_all(TsdbLocalClock *clock, TsdbZoneSeries **groups, int *ngroups)
{
	TsdbSeriesScan *scan = tsdb_seriesscan_begin(clock->rel, tsdb_table_get(clock->rel), 0);
	const Datum *values;
	const bool *isnull;
	uint32 series;

	while ((series = tsdb_seriesscan_next(scan, &values, &isnull)) != 0)
	{
		CHECK_FOR_INTERRUPTS();
		append_series(find_group(groups, ngroups, zone_of_tags(clock, values, isnull)), series);
	}
	tsdb_seriesscan_end(scan);
}

static pg_tz *
zone_of_series(TsdbLocalClock *clock, uint32 series)
{
	const Datum *values;
	const bool *isnull;
	pg_tz *zone;

	if (clock->has_zone)
		return clock->zone;
	if (tsdb_attributes_only_zone(clock->attributed, &zone))
		return zone;
	tsdb_series_tags(clock->rel, tsdb_table_get(clock->rel), series, &values, &isnull);
	return zone_of_tags(clock, values, isnull);
}

static pg_tz *
zone_of_tags(TsdbLocalClock *clock, const Datum *values, const bool *isnull)
{
	for (int i = 0; i < clock->ntags; i++)
	{
		clock->values[i] = values[clock->tag_indexes[i]];
		clock->isnull[i] = isnull[clock->tag_indexes[i]];
	}
	return tsdb_attributes_find(clock->attributed, clock->values, clock->isnull)->zone;
}

static TsdbZoneSeries *
find_group(TsdbZoneSeries **groups, int *ngroups, pg_tz *zone)
{
	TsdbZoneSeries *group;

	for (int i = 0; i < *ngroups; i++)
		if ((*groups)[i].zone == zone)
			return &(*groups)[i];
	*groups = repalloc(*groups, sizeof(TsdbZoneSeries) * (*ngroups + 1));
	group = &(*groups)[(*ngroups)++];
	memset(group, 0, sizeof(*group));
	group->zone = zone;
	return group;
}

/* Room doubles: at 8, 16, 32, ... series. */
static void
append_series(TsdbZoneSeries *group, uint32 series)
{
	if (group->series == NULL)
		group->series = palloc(8 * sizeof(uint32));
	else if (group->nseries >= 8 && (group->nseries & (group->nseries - 1)) == 0)
		group->series = repalloc_huge(group->series, (Size) group->nseries * 2 * sizeof(uint32));
	group->series[group->nseries++] = series;
}

static bool
next_window(void *arg, uint32 series, int64 time, int64 *from, int64 *until)
{
	return tsdb_localwindows_next(windows_of_series(arg, series), time, from, until);
}

static bool
previous_window(void *arg, uint32 series, int64 time, int64 *from, int64 *until)
{
	return tsdb_localwindows_previous(windows_of_series(arg, series), time, from, until);
}

/* A reader asks for ids between those that exist, too: any zone will do. */
static TsdbLocalWindows *
windows_of_series(TsdbLocalClock *clock, uint32 series)
{
	if (clock->series_windows == NULL || clock->series != series)
	{
		bool exists = series != 0 && series < tsdb_metapage_next(clock->rel, TSDB_COUNTER_SERIES);

		clock->series_windows = windows_of_zone(clock, exists ? zone_of_series(clock, series) : NULL);
		clock->series = series;
	}
	return clock->series_windows;
}

static TsdbLocalWindows *
windows_of_zone(TsdbLocalClock *clock, pg_tz *zone)
{
	MemoryContext caller;
	ZoneWindows *found;

	for (int i = 0; i < clock->nzones; i++)
		if (clock->zones[i].zone == zone)
			return clock->zones[i].windows;
	caller = MemoryContextSwitchTo(clock->context);
	clock->zones = clock->nzones == 0 ? palloc(sizeof(ZoneWindows)) : repalloc(clock->zones, sizeof(ZoneWindows) * (clock->nzones + 1));
	found = &clock->zones[clock->nzones++];
	found->zone = zone;
	found->windows = tsdb_localwindows_create(clock->terms, clock->nterms, zone);
	MemoryContextSwitchTo(caller);
	return found->windows;
}
