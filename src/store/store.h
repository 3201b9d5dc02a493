/*-------------------------------------------------------------------------
 *
 * store.h
 *	  Versioned key/value rows of a tsdb table in its TOAST relation.
 *
 * The narrow waist: nobody else touches the TOAST relation.  A row is (kind,
 * id, seq) -> bytes; it is written once and never changed, and deleted
 * by TID.  Visibility, rollback, WAL and vacuum are those of the heap.
 *
 * chunk_id = kind << 28 | id (28 bits), chunk_seq = seq, chunk_data = bytes.
 * See docs/FORMAT.md "Rows" and docs/ARCHITECTURE.md "Locks".
 *-------------------------------------------------------------------------
 */
#ifndef TSDB_STORE_H
#define TSDB_STORE_H

#include "postgres.h"
#include "access/htup_details.h"
#include "access/skey.h"
#include "base/base.h"
#include "storage/itemptr.h"
#include "utils/rel.h"
#include "utils/snapshot.h"

#define TSDB_STORE_MAX_BYTES 8100 /* bytes of a row; see ARCHITECTURE R5 */
#define TSDB_STORE_MAX_ID 0x0FFFFFFFu

/* Kinds of rows; on disk. */
typedef enum TsdbKind
{
	TSDB_KIND_DICT = 1, /* id = hash28(tags), seq = series id; no bytes */
	TSDB_KIND_SERIES = 2, /* id = 0, seq = series id; bytes = tags */
	TSDB_KIND_RUN = 3, /* id = 0, seq = run number's low 31 bits; bytes = run header (+ payload) */
	TSDB_KIND_SEGMENT = 4, /* id = series id, seq = segment number; bytes = segment root */
	TSDB_KIND_PAGE = 5 /* id = page number >> 31, seq = its low 31 bits; bytes = payload */
} TsdbKind;

/*
 * TsdbStore - the open TOAST relation of a table and its indexes.
 *
 * Opened with AccessShareLock for reading or RowExclusiveLock for writing.
 * Writers keep the lock to the end of the transaction (rule C4).
 */
typedef struct TsdbStore TsdbStore;

/*
 * tsdb_store_open - open the store of a tsdb table.
 *
 *	create	writers only: make a missing TOAST relation (rules R2, C7)
 *
 * Returns NULL when there is no TOAST relation and create is false: the table
 * is empty.  Memory: current context.  Not usable after the transaction.
 */
extern TsdbStore *tsdb_store_open(Relation rel, LOCKMODE lockmode, bool create);

/*
 * tsdb_store_toast_options - storage options of our TOAST relations (rules R6, C10), as a
 * text[] for its pg_class.reloptions: "name=value", names without the prefix "toast.".
 */
extern Datum tsdb_store_toast_options(void);

/* tsdb_store_close - release memory and pins; reader locks are released, writer locks are kept until commit. */
extern void tsdb_store_close(TsdbStore *store);

/* tsdb_store_relid - OID of the TOAST relation. */
extern Oid tsdb_store_relid(const TsdbStore *store);

/* tsdb_store_rel - the open TOAST relation: its size and file, not its rows. */
extern Relation tsdb_store_rel(const TsdbStore *store);

/*
 * tsdb_store_may_freeze - may rows be put as frozen now?
 *
 * Not while REINDEX CONCURRENTLY has an index that takes entries but isn't valid yet: its last pass adds what
 * its snapshot sees and the index lacked before, and expects that nothing becomes visible
 * meanwhile.  Who was told true keeps that pass waiting with the lock on the TOAST relation.
 */
extern bool tsdb_store_may_freeze(const TsdbStore *store);

/*
 * tsdb_store_put - insert a row, all ready indexes included, never logically decoded.
 *
 *	seq		int32; ordered as a signed number
 *	frozen	visible to everybody at once and not undone by ROLLBACK (dictionary only)
 *	cid		command id to stamp; ignored for frozen rows
 *
 * Raises ERRCODE_UNIQUE_VIOLATION when a live row has the key.  Allowed while the
 * backend is in parallel mode as leader (no XID assignment, no CommandCounterIncrement here).
 * WAL: heap insert and btree insert.
 */
extern void tsdb_store_put(TsdbStore *store, TsdbKind kind, uint32 id, int32 seq,
						   const void *bytes, Size nbytes, CommandId cid, bool frozen);

/* tsdb_store_delete - delete the row version at tid; it must be visible to the caller's snapshot. Serialisation error when somebody else deleted it. */
extern void tsdb_store_delete(TsdbStore *store, ItemPointer tid);

/*
 * tsdb_store_find - read one row.
 *
 * Returns false when no version of the key is visible to the snapshot.  bytes
 * point into memory of the current context.  tid may be NULL.
 */
extern bool tsdb_store_find(TsdbStore *store, Snapshot snapshot, TsdbKind kind, uint32 id, int32 seq,
							TsdbSpan *bytes, ItemPointer tid);

/*
 * A scan of a key range in key order, forward or backward:
 * kind, id_from <= id <= id_until, within the first id seq >= seq_from, within the last id
 * seq <= seq_until.
 */
typedef struct TsdbStoreScan TsdbStoreScan;

typedef struct TsdbStoreRow
{
	TsdbKind kind;
	uint32 id;
	int32 seq;
	TsdbSpan bytes; /* valid until the next call */
	ItemPointerData tid;
	TransactionId xmin; /* raw inserting (sub)transaction, for the barrier */
} TsdbStoreRow;

extern TsdbStoreScan *tsdb_store_beginscan(TsdbStore *store, Snapshot snapshot, TsdbKind kind,
										   uint32 id_from, int32 seq_from, uint32 id_until, int32 seq_until,
										   bool backward);
/* tsdb_store_rescan - begin anew with another range of the same kind; same snapshot and direction. */
extern void tsdb_store_rescan(TsdbStoreScan *scan, TsdbKind kind,
							  uint32 id_from, int32 seq_from, uint32 id_until, int32 seq_until);
extern bool tsdb_store_getnext(TsdbStoreScan *scan, TsdbStoreRow *row);
extern void tsdb_store_endscan(TsdbStoreScan *scan);

/*
 * tsdb_store_barrier_scan - call `visit` for every RUN row version that an MVCC snapshot taken
 * now might not see yet but a later one may: inserted by a transaction that is in progress
 * (our own included) or committed after `snapshot` was taken, and for visible rows with a deleter in progress.
 */
extern void tsdb_store_barrier_scan(TsdbStore *store, Snapshot snapshot,
									void (*visit)(const TsdbStoreRow *row, void *arg), void *arg);

/*
 * tsdb_store_put_piece - as put, for rows of segments: those of all kinds go to one heap page until it is full.
 *
 * tsdb_store_piece_room - bytes of a row that this page has room for, as far as this backend knows; 0 = none.
 * Only a hint: others may use the page too.
 */
extern void tsdb_store_put_piece(TsdbStore *store, TsdbKind kind, uint32 id, int32 seq,
								 const void *bytes, Size nbytes, CommandId cid);
extern Size tsdb_store_piece_room(TsdbStore *store);

/*
 * tsdb_store_cut - cut the file of a TOAST relation down to npages; false when it stays longer.
 *
 * Pages that are not empty stay, and nothing is cut while somebody uses the file: this is not waited for.  Readers who come meanwhile wait
 * until each of the pages has been looked at.
 * Locks: the caller holds a lock on the relation; AccessExclusiveLock is given back at once.
 */
extern bool tsdb_store_cut(Relation toast, BlockNumber npages);

/*
 * TsdbHeapRow - a row as it lies in the heap.
 */
typedef struct TsdbHeapRow
{
	HeapTuple tuple; /* a copy */
	Size heap_bytes; /* room that it takes in a page */
} TsdbHeapRow;

#define TSDB_HEAP_MAX_ROWS MaxHeapTuplesPerPage

/*
 * tsdb_store_heap_rows - the live rows of a heap page, palloc'd copies in rows[TSDB_HEAP_MAX_ROWS].
 *
 * False when the page can't be emptied by moving rows: it holds rows of the dictionary, or such
 * that are being written, or dead ones that a snapshot before oldest_xmin sees.
 */
extern bool tsdb_store_heap_rows(TsdbStore *store, BlockNumber blkno, TransactionId oldest_xmin,
								 TsdbHeapRow *rows, uint32 *nrows);

/* tsdb_store_heap_room - free bytes of a heap page for nrows rows: their heap_bytes, and a line pointer for each but the first. */
extern Size tsdb_store_heap_room(TsdbStore *store, BlockNumber blkno, uint32 nrows);

/*
 * tsdb_store_move - delete a row and insert it again, with its key and bytes, into another heap page.
 *
 * Returns the page it went to: `target`, unless that has no room any more.  The caller keeps compactions out.
 */
extern BlockNumber tsdb_store_move(TsdbStore *store, const TsdbHeapRow *row, BlockNumber target, CommandId cid);

/* Payload pages: page numbers come from tsdb_metapage_allocate(TSDB_COUNTER_PAGE). */
extern void tsdb_store_put_page(TsdbStore *store, uint64 page_no, const void *bytes, Size nbytes, CommandId cid);

/*
 * tsdb_store_put_end_pages - n payload pages of TSDB_STORE_MAX_BYTES, near the end of the file, for a merged run.
 *
 * The file may grow, so that as many heap pages are free as runs take.
 */
extern void tsdb_store_put_end_pages(TsdbStore *store, uint64 first_page, const uint8 *bytes, uint32 n, CommandId cid);

/* tsdb_store_note_run_pages - so many heap pages hold merged runs. */
extern void tsdb_store_note_run_pages(TsdbStore *store, uint32 npages);
/* tsdb_store_get_page - as find, for a page that must exist; raises DATA_CORRUPTED when it does not. */
extern TsdbSpan tsdb_store_get_page(TsdbStore *store, Snapshot snapshot, uint64 page_no);
/* tsdb_store_read_page - copy up to nbytes of that page, from byte skip on; returns how many there are, 0 when the page ends before. */
extern Size tsdb_store_read_page(TsdbStore *store, Snapshot snapshot, uint64 page_no, Size skip, void *bytes, Size nbytes);
extern void tsdb_store_delete_page(TsdbStore *store, Snapshot snapshot, uint64 page_no);

/* tsdb_store_copy - VACUUM FULL: fill new's TOAST relation from old's, keeping xmin/xmax (rules C1, C2). */
extern void tsdb_store_copy(Relation old_rel, Relation new_rel, TransactionId oldest_xmin,
							TransactionId *xid_cutoff, MultiXactId *multi_cutoff,
							double *num_tuples, double *tups_vacuumed, double *tups_recently_dead);

#endif /* TSDB_STORE_H */
