/*-------------------------------------------------------------------------
 *
 * buffer.h
 *	  Rows that this transaction has written and not yet flushed.
 *
 * One buffer per table (TOAST relfilenode) and subtransaction level.  Rows carry the
 * command id that wrote them; readers overlay the rows with cid < their snapshot's curcid, so
 * visibility is the heap's.  Flushed at PRE_COMMIT and PRE_PREPARE, on overflow of
 * tsdb.write_buffer, before parallel plans; never by a plain read (docs/ARCHITECTURE.md "Life of an INSERT").
 *-------------------------------------------------------------------------
 */
#ifndef TSDB_BUFFER_H
#define TSDB_BUFFER_H

#include "postgres.h"
#include "format/batch.h"
#include "series/tsdbtable.h"
#include "storage/itemptr.h"
#include "utils/rel.h"
#include "write/chunk.h"

/*
 * tsdb_buffer_append - buffer one row.
 *
 *	values, isnull	by attnum - 1, the whole table row; the time column must hold time_us already snapped to the grid
 *	written		PATCH: which attnums - 1 are written; NULL for FULL rows and TOMBSTONEs
 *	tid			out: a TID of this backend's own (pending) name space
 *
 * A TOMBSTONE does not count where the same command (cid) has written a FULL row: a command takes
 * away what was there before it.
 *
 * May flush.  Raises for rows that can't be stored (text over 1 GB etc).  Toasted values are flattened.
 */
extern void tsdb_buffer_append(Relation rel, const TsdbTable *table, uint32 series, int64 time_us, TsdbRowKind kind,
							   const Datum *values, const bool *isnull, const bool *written,
							   CommandId cid, ItemPointer tid);

/*
 * tsdb_buffer_append_cells - buffer one row of which only some columns are written: a PATCH, or a FULL row when it is all of them.
 *
 *	cells	in any order; of two for one column the later counts
 *
 * For writers that have no slots; else as tsdb_buffer_append.  The caller checks NOT NULL.
 */
extern void tsdb_buffer_append_cells(Relation rel, const TsdbTable *table, uint32 series, int64 time_us,
									 const TsdbCell *cells, int ncells, CommandId cid);

/*
 * tsdb_buffer_pending - the rows that a snapshot of ours with this curcid sees, as sorted batches, oldest first.
 *
 * Each batch: keys ascending and unique, columns = table->values; kinds may be PATCH or
 * TOMBSTONE.  palloc'd in the current context.  May flush first when there are many (only if allowed now).
 */
extern TsdbBatch **tsdb_buffer_pending(Relation rel, const TsdbTable *table, CommandId curcid, int *nbatches);

/* tsdb_buffer_has_pending - are there unflushed rows for this table (InvalidOid: for any)? */
extern bool tsdb_buffer_has_pending(Oid relid);

/* tsdb_buffer_flush - flush what may be flushed now (rows of the current level) of one table, or all (InvalidOid).  Returns false when rows of outer levels remain. */
extern bool tsdb_buffer_flush(Oid relid);

/* tsdb_buffer_forget - drop every pending row of a table: non-transactional truncate. */
extern void tsdb_buffer_forget(Relation rel);

/* tsdb_buffer_init - GUCs and transaction callbacks. */
extern void tsdb_buffer_init(void);

/*
 * TsdbBufferWatcher - who keeps a record of what is written (edit/capture.h).
 *
 *	append	called before a row is buffered, while tsdb_buffer_is_watched is set or the table requires reasons
 *	flush	called before rows of a chunk (from nreviewed on) are written as a run; may take rows out of it; may read the table
 */
typedef struct TsdbBufferWatcher
{
	void (*append)(Relation rel, const TsdbTable *table, TsdbKey key, TsdbRowKind kind, CommandId cid);
	void (*flush)(Relation rel, TsdbBufferChunk *chunk);
} TsdbBufferWatcher;

extern bool tsdb_buffer_is_watched;
extern void tsdb_buffer_set_watcher(const TsdbBufferWatcher *watcher);

/* tsdb_buffer_review - show the watcher the rows of a table at the current level that it has not seen yet. */
extern void tsdb_buffer_review(Relation rel);

#endif /* TSDB_BUFFER_H */
