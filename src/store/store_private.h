/*-------------------------------------------------------------------------
 *
 * store_private.h
 *	  What store.c, store_scan.c and store_copy.c share; nobody else includes it.
 *
 *-------------------------------------------------------------------------
 */
#ifndef TSDB_STORE_PRIVATE_H
#define TSDB_STORE_PRIVATE_H

#include "postgres.h"

#include "access/genam.h"
#include "access/htup.h"
#include "executor/tuptable.h"
#include "storage/bufpage.h"
#include "utils/rel.h"

#include "store/store.h"

/* Columns of a TOAST relation; the third are the bytes */
#define TSDB_STORE_COLUMN_KEY 1
#define TSDB_STORE_COLUMN_SEQ 2
#define TSDB_STORE_NCOLUMNS 3

#define TSDB_STORE_PAGES 4

/* A payload page that was read; pages never change. */
typedef struct TsdbStorePage
{
	uint64 page_no; /* 0 = none */
	uint64 used; /* for eviction */
	Size nbytes;
	uint8 bytes[TSDB_STORE_MAX_BYTES];
} TsdbStorePage;

struct TsdbStore
{
	Relation toast;
	Relation *indexes;
	int nindexes;
	Relation index; /* the valid one; also in indexes */
	LOCKMODE lockmode;
	char *table_name; /* for messages */
	MemoryContext context; /* where all of this lives */
	IndexScanDesc probe; /* point lookups; NULL until the first; no pins between calls */
	TupleTableSlot *probe_slot;
	ScanKeyData probe_keys[2];
	TsdbStorePage *pages; /* TSDB_STORE_PAGES; NULL until the first is read */
	uint64 page_clock;
	BlockNumber next_free; /* no page before is free for segments */
	uint32 run_pages; /* heap pages of merged runs, as far as anybody said */
	struct varlena *chunk; /* image of chunk_data for insertion; NULL until the first */
};

static inline Oid
store_key(TsdbKind kind, uint32 id)
{
	return (Oid) ((uint32) kind << 28 | id);
}

/* store_free_bytes - room on a page; heap_insert makes one of zeros an empty one. */
static inline Size
store_free_bytes(Page page)
{
	return PageIsNew(page) ? BLCKSZ - SizeOfPageHeaderData - sizeof(ItemIdData) : PageGetHeapFreeSpace(page);
}

/* tsdb_store_page_room - bytes that a row may take on a page of the file. */
extern Size tsdb_store_page_room(Relation toast, BlockNumber blkno);

/* tsdb_store_piece_page - where a row of a segment goes when `blkno`, maybe invalid, has no room: the first free page; invalid when there is none. */
extern BlockNumber tsdb_store_piece_page(TsdbStore *store, BlockNumber blkno, Size nbytes);

/* tsdb_store_put_at - as tsdb_store_put, into heap page `target` if it has room; returns the page. */
extern BlockNumber tsdb_store_put_at(TsdbStore *store, TsdbKind kind, uint32 id, int32 seq,
									 const void *bytes, Size nbytes, CommandId cid, BlockNumber target);

/* tsdb_store_read_row - take apart a tuple of the TOAST relation; bytes point into it.  Raises DATA_CORRUPTED. */
extern void tsdb_store_read_row(const TsdbStore *store, HeapTuple tuple, TsdbStoreRow *row);

/* tsdb_store_parse_row - the same; returns what is wrong with it, NULL = nothing. */
extern const char *tsdb_store_parse_row(HeapTuple tuple, TsdbStoreRow *row);

#endif /* TSDB_STORE_PRIVATE_H */
