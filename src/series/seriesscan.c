/*-------------------------------------------------------------------------
 *
 * seriesscan.c
 *	  The series of a table one after the other, with their tags.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "pg/check.h"
#include "series/series.h"
#include "series/seriescache.h"
#include "series/seriesscan.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"

struct TsdbSeriesScan
{
	Relation rel;
	const TsdbTable *table;
	TsdbStore *store; /* NULL: nothing was ever written */
	TsdbStoreScan *scan;
	MemoryContext context; /* of the tags at hand */
	Datum *values;
	bool *isnull;
};

TsdbSeriesScan *
tsdb_seriesscan_begin(Relation rel, const TsdbTable *table, uint32 from)
{
	TsdbSeriesScan *scan = palloc0(sizeof(TsdbSeriesScan));

	scan->rel = rel;
	scan->table = table;
	scan->store = tsdb_store_open(rel, AccessShareLock, false);
	if (scan->store == NULL)
		return scan;
	scan->scan = tsdb_store_beginscan(scan->store, SnapshotSelf, TSDB_KIND_SERIES, 0, (int32) from, 0, PG_INT32_MAX, false);
	scan->context = AllocSetContextCreate(CurrentMemoryContext, "tsdb tags of a series", ALLOCSET_SMALL_SIZES);
	scan->values = palloc(sizeof(Datum) * (table->ntags + 1));
	scan->isnull = palloc(sizeof(bool) * (table->ntags + 1));
	return scan;
}

uint32
tsdb_seriesscan_next(TsdbSeriesScan *scan, const Datum **values, const bool **isnull)
{
	TsdbSeriesCache *cache;
	TsdbStoreRow row;
	TsdbSpan tags;
	MemoryContext caller;
	TsdbStatus status;

	if (scan->store == NULL || !tsdb_store_getnext(scan->scan, &row))
		return 0;
	cache = tsdb_seriescache_get(scan->rel, scan->table);
	if (tsdb_seriescache_tags(cache, (uint32) row.seq, values, isnull))
		return (uint32) row.seq;
	tags = tsdb_series_tag_bytes(scan->rel, (uint32) row.seq, row.bytes);
	if (tsdb_seriescache_has_room())
		status = tsdb_seriescache_add_tags(cache, (uint32) row.seq, tags, values, isnull);
	else
	{
		MemoryContextReset(scan->context);
		caller = MemoryContextSwitchTo(scan->context);
		status = tsdb_seriescache_decode_tags(cache, tags, scan->values, scan->isnull);
		MemoryContextSwitchTo(caller);
		*values = scan->values;
		*isnull = scan->isnull;
	}
	TSDB_CHECK(status, scan->rel, "The tags of series %u do not decode.", (uint32) row.seq);
	return (uint32) row.seq;
}

void
tsdb_seriesscan_end(TsdbSeriesScan *scan)
{
	if (scan->store != NULL)
	{
		tsdb_store_endscan(scan->scan);
		tsdb_store_close(scan->store);
		MemoryContextDelete(scan->context);
		pfree(scan->values);
		pfree(scan->isnull);
	}
	pfree(scan);
}
