/*-------------------------------------------------------------------------
 *
 * series.h
 *	  Tag tuple <-> series id, with a per-backend cache.
 *
 * Tags are kept as bytes: for each non-NULL tag, ascending attnum,
 * { attnum varint, length varint, datum bytes }.  A NULL tag is left out, so a tag column
 * that is added later is NULL for older series.  Equality is that of the bytes.
 * Dictionary rows are frozen: see rule C3 of docs/ARCHITECTURE.md.
 *-------------------------------------------------------------------------
 */
#ifndef TSDB_SERIES_H
#define TSDB_SERIES_H

#include "postgres.h"
#include "series/tsdbtable.h"
#include "store/store.h"
#include "utils/rel.h"

/*
 * tsdb_series_get_or_create - the id of the series with these tags; made when new.
 *
 *	values, isnull	the table's row, by attnum - 1; only tag columns are looked at (toasted values are fine)
 *
 * A memo of the last tag tuple and a hash table per backend make repeats cheap (a few ns, some 30 ns).
 */
extern uint32 tsdb_series_get_or_create(Relation rel, const TsdbTable *table, const Datum *values, const bool *isnull);

/* tsdb_series_find - as above, without creating: 0 when there is no such series. */
extern uint32 tsdb_series_find(Relation rel, const TsdbTable *table, const Datum *values, const bool *isnull);

/*
 * tsdb_series_tags - the tags of a series as Datums by tag index (order of table->tag_attnums).
 *
 * Returned arrays live in the cache until the transaction ends or the table is invalidated; raises DATA_CORRUPTED for an unknown id.
 */
extern void tsdb_series_tags(Relation rel, const TsdbTable *table, uint32 series_id,
							 const Datum **values, const bool **isnull);

/* tsdb_series_list - every id in ascending order (orphans of a crash may be among them); palloc'd in the current context. */
extern uint32 *tsdb_series_list(Relation rel, const TsdbTable *table, uint32 *nseries);

#define TSDB_SERIES_MAX_LOCKS 64 /* of a transaction on one table; beyond, all series together are locked */

/* tsdb_series_lock - lock a series for UPDATE/DELETE/FOR UPDATE to the end of the transaction. Returns false when wait is not LockWaitBlock and it is taken. */
extern bool tsdb_series_lock(Relation rel, uint32 series_id, LockWaitPolicy wait);

/* tsdb_series_forget - drop what is cached of a table whose rows were truncated in place. */
extern void tsdb_series_forget(Relation rel);

/* tsdb_series_tag_bytes - the tags in a SERIES row; raises DATA_CORRUPTED when it is damaged.  For seriesscan.c. */
extern TsdbSpan tsdb_series_tag_bytes(Relation rel, uint32 series_id, TsdbSpan bytes);

/* tsdb_series_row_is_intact - does a SERIES row match its checksum?  For verify, which must not ask the cache. */
extern bool tsdb_series_row_is_intact(TsdbSpan bytes);

#endif /* TSDB_SERIES_H */
