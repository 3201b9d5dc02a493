/*-------------------------------------------------------------------------
 *
 * rowslot.h
 *	  Rows of a decoded window into the slots of the executor.
 *
 * Used by the plain scan of the access method and by the scan node alike.
 *-------------------------------------------------------------------------
 */
#ifndef TSDB_ROWSLOT_H
#define TSDB_ROWSLOT_H

#include "postgres.h"
#include "executor/tuptable.h"
#include "format/batch.h"
#include "series/tsdbtable.h"
#include "utils/rel.h"

typedef struct TsdbRowFiller TsdbRowFiller;

/*
 * tsdb_rowfiller_create - prepare to fill slots of a table.
 *
 *	wanted	columns of the batches to come, in their order (copied); all other value columns read as NULL
 *
 * Memory: a context below the current one, bounded by the text and tags of one window.
 */
extern TsdbRowFiller *tsdb_rowfiller_create(Relation rel, const TsdbTable *table,
											const TsdbWanted *wanted, int nwanted);

/* tsdb_rowfiller_free - give the memory back; slots filled by it must have been cleared or materialised. */
extern void tsdb_rowfiller_free(TsdbRowFiller *filler);

/*
 * tsdb_rowfiller_set_batch - go over to another window.
 *
 * The batch must stay until the next call.  By-reference values in slots that were filled from the one
 * before are gone.
 */
extern void tsdb_rowfiller_set_batch(TsdbRowFiller *filler, const TsdbBatch *batch);

/*
 * tsdb_rowfiller_fill - store a row of the window in a slot of the table's row type.
 *
 * Sets every attribute (dropped and unwanted ones to NULL) and tts_tableOid; tts_tid is left
 * to the caller.  Text and tags point into the filler's memory.
 */
extern void tsdb_rowfiller_fill(TsdbRowFiller *filler, uint32 row, TupleTableSlot *slot);

#endif /* TSDB_ROWSLOT_H */
