/*-------------------------------------------------------------------------
 *
 * l1cursor.h
 *	  Compacted rows of a table: from key to block, both ways.
 *
 *-------------------------------------------------------------------------
 */
#ifndef TSDB_L1CURSOR_H
#define TSDB_L1CURSOR_H

#include "read/prune.h"
#include "read/reader.h"
#include "store/segstore.h"

/* A stretch of keys with one watermark and at most one block. */
typedef struct TsdbRegion
{
	TsdbKey lo;
	TsdbKey hi; /* exclusive */
	uint64 watermark; /* run rows below it are in the tree already */
	bool has_block;
	uint32 block_id;
} TsdbRegion;

typedef struct TsdbL1Cursor TsdbL1Cursor;

/* tsdb_l1_open - wanted and counters are the reader's and outlive the cursor. */
extern TsdbL1Cursor *tsdb_l1_open(Relation rel, TsdbStore *store, Snapshot snapshot, int64 segment_us,
								  const TsdbWanted *wanted, int nwanted, TsdbReaderCounters *counters);
extern void tsdb_l1_close(TsdbL1Cursor *cursor);

/* tsdb_l1_restrict - only segments of these series are wanted from now on, both inclusive; 0 and TSDB_STORE_MAX_ID: all. */
extern void tsdb_l1_restrict(TsdbL1Cursor *cursor, uint32 series_from, uint32 series_upto);

/*
 * tsdb_l1_next - the first key at or after `key` that may have a row: `key` itself inside a block, else
 * the first row of the next block.  tsdb_l1_previous: the last one before `key`.
 */
extern bool tsdb_l1_next(TsdbL1Cursor *cursor, TsdbKey key, TsdbKey *found);
extern bool tsdb_l1_previous(TsdbL1Cursor *cursor, TsdbKey key, TsdbKey *found);

/* tsdb_l1_region - the region that covers key; tsdb_l1_block then decodes its block. */
extern void tsdb_l1_region(TsdbL1Cursor *cursor, TsdbKey key, TsdbRegion *region);
extern void tsdb_l1_empty_region(TsdbRegion *region);
extern const TsdbBatch *tsdb_l1_block(TsdbL1Cursor *cursor);

/*
 * tsdb_l1_barren - can no compacted row around the block of the last region pass these terms, on wanted columns?
 *
 * Asked before tsdb_l1_block, it saves decoding it; says how far the stretch reaches.
 */
extern bool tsdb_l1_barren(TsdbL1Cursor *cursor, const TsdbFilterTerm *terms, int nterms, ScanDirection direction,
						   TsdbBarren *barren);

/* tsdb_l1_resolve - key of row offset - 1 of a block; false when this snapshot has no such block. */
extern bool tsdb_l1_resolve(TsdbL1Cursor *cursor, uint32 block_id, uint32 offset, TsdbKey *key);

/* tsdb_l1_segment_tid - where the row of the segment around a key lies; invalid: there is none. */
extern void tsdb_l1_segment_tid(TsdbL1Cursor *cursor, TsdbKey key, ItemPointer tid);

#endif /* TSDB_L1CURSOR_H */
