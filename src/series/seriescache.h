/*-------------------------------------------------------------------------
 *
 * seriescache.h
 *	  What a backend remembers of the series of its tables; used by series.c only.
 *
 * Two maps per table, tags -> id and id -> tags, and a memo of the row seen last.  Ids never die, so
 * an entry is right for as long as the table has the same TOAST file; relcache invalidation makes us compare.
 *-------------------------------------------------------------------------
 */
#ifndef TSDB_SERIESCACHE_H
#define TSDB_SERIESCACHE_H

#include "postgres.h"

#include "series/tagbytes.h"
#include "store/store.h"
#include "utils/rel.h"

typedef struct TsdbSeriesCache TsdbSeriesCache;

/* tsdb_seriescache_get - the cache of a table; good until the end of the transaction. */
extern TsdbSeriesCache *tsdb_seriescache_get(Relation rel, const TsdbTable *table);

/*
 * tsdb_seriescache_find - id of the series with a row's tags; 0 when it isn't cached.
 *
 *	tags	set when 0 is returned: the tags as bytes, valid until the next call
 */
extern uint32 tsdb_seriescache_find(TsdbSeriesCache *cache, const Datum *values, const bool *isnull, TsdbSpan *tags);

/* tsdb_seriescache_add - remember what was found in `store`. */
extern void tsdb_seriescache_add(TsdbSeriesCache *cache, TsdbStore *store, const Datum *values, const bool *isnull,
								 TsdbSpan tags, uint32 series_id);

/* tsdb_seriescache_tags - tags of a series by tag index, if cached; valid until the end of the transaction. */
extern bool tsdb_seriescache_tags(TsdbSeriesCache *cache, uint32 series_id, const Datum **values, const bool **isnull);

/* tsdb_seriescache_add_tags - decode and remember the tags of a series. */
extern TsdbStatus tsdb_seriescache_add_tags(TsdbSeriesCache *cache, uint32 series_id, TsdbSpan tags,
											const Datum **values, const bool **isnull);

/* tsdb_seriescache_decode_tags - the same without remembering; the arrays are the caller's, Datums in the current context. */
extern TsdbStatus tsdb_seriescache_decode_tags(const TsdbSeriesCache *cache, TsdbSpan tags, Datum *values, bool *isnull);

/* tsdb_seriescache_has_room - is it wise to cache what nobody asked for yet? */
extern bool tsdb_seriescache_has_room(void);

/* tsdb_seriescache_forget - drop what is known of a table. */
extern void tsdb_seriescache_forget(Oid relid);

/* tsdb_seriescache_forget_at_abort - this transaction makes a series that its rollback takes away again. */
extern void tsdb_seriescache_forget_at_abort(void);

#endif /* TSDB_SERIESCACHE_H */
