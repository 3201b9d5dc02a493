/*-------------------------------------------------------------------------
 *
 * store_scan.c
 *	  Reading rows of the store: by key, by key range, and for the barrier.
 *
 * All reads go through the one valid index of the TOAST relation, under the
 * caller's snapshot, and return rows in key order.  A key is (chunk_id, chunk_seq); ranges that
 * span ids are bounded by row comparisons, so that the btree starts at
 * the first row and stops behind the last.
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/multixact.h"
#include "access/skey.h"
#include "access/stratnum.h"
#include "access/tableam.h"
#include "access/transam.h"
#include "access/xact.h"
#include "miscadmin.h"
#include "storage/bufmgr.h"
#include "storage/procarray.h"
#include "utils/fmgroids.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"

#include "pg/compat.h"
#include "store/store_private.h"

struct TsdbStoreScan
{
	TsdbStore *store;
	MemoryContext context; /* of the scan */
	IndexScanDesc index_scan;
	TupleTableSlot *slot;
	ScanDirection direction;
	ScanKeyData keys[4];
	ScanKeyData from_members[2]; /* of a row comparison in keys */
	ScanKeyData until_members[2];
};

/* What the barrier has to do with a version of a row. */
typedef enum Liveness
{
	LIVENESS_DECIDED, /* the snapshot sees it as every later one does, or it never lived */
	LIVENESS_OPEN /* a later snapshot may see it otherwise */
} Liveness;

static int range_keys(TsdbStoreScan *scan, TsdbKind kind, uint32 id_from, int32 seq_from, uint32 id_until, int32 seq_until);
static void key_bound(ScanKey key, StrategyNumber strategy, Oid value);
static void seq_bound(ScanKey key, StrategyNumber strategy, int32 value);
static RegProcedure bound_procedure(StrategyNumber strategy, RegProcedure equal, RegProcedure at_least, RegProcedure at_most);
static void row_bound(ScanKey key, ScanKey members, StrategyNumber strategy, Oid id_value, int32 seq_value);
static void probe_open(TsdbStore *store, Snapshot snapshot);
static HeapTuple probe_fetch(TsdbStore *store, Snapshot snapshot, TsdbKind kind, uint32 id, int32 seq);
static TsdbStorePage *find_page(TsdbStore *store, uint64 page_no);
static void load_page(TsdbStore *store, Snapshot snapshot, uint64 page_no, TsdbStorePage *page);
static void probe_release(TsdbStore *store);
static HeapTuple slot_tuple(TupleTableSlot *slot);
static bool fetch_next(TsdbStoreScan *scan, TsdbStoreRow *row);
static Liveness liveness_get(HeapTupleHeader header, Snapshot snapshot);
static bool deletion_is_open(HeapTupleHeader header, Snapshot snapshot);
static void raise_missing_page(const TsdbStore *store, uint64 page_no);
static void raise_invalid_row(const TsdbStore *store, HeapTuple tuple, const char *detail);

bool
tsdb_store_find(TsdbStore *store, Snapshot snapshot, TsdbKind kind, uint32 id, int32 seq,
				TsdbSpan *bytes, ItemPointer tid)
{
	HeapTuple tuple = probe_fetch(store, snapshot, kind, id, seq);
	TsdbStoreRow row;
	Size nbytes;

	if (tuple == NULL)
	{
		probe_release(store);
		return false;
	}

	tsdb_store_read_row(store, tuple, &row);
	nbytes = tsdb_span_left(&row.bytes);
	*bytes = tsdb_span(memcpy(palloc(Max(nbytes, 1)), row.bytes.at, nbytes), nbytes);
	if (tid != NULL)
		*tid = row.tid;
	probe_release(store);
	return true;
}

TsdbSpan
tsdb_store_get_page(TsdbStore *store, Snapshot snapshot, uint64 page_no)
{
	TsdbSpan bytes = {NULL, NULL};

	if ((page_no >> 31) > TSDB_STORE_MAX_ID ||
		!tsdb_store_find(store, snapshot, TSDB_KIND_PAGE, (uint32) (page_no >> 31), (int32) (page_no & 0x7FFFFFFF),
						 &bytes, NULL))
		raise_missing_page(store, page_no);
	return bytes;
}

/* Neighbouring chunks are read one after the other: the last pages are kept. */
Size
tsdb_store_read_page(TsdbStore *store, Snapshot snapshot, uint64 page_no, Size skip, void *bytes, Size nbytes)
{
	TsdbStorePage *page = find_page(store, page_no);
	Size take;

	if (page->page_no != page_no)
		load_page(store, snapshot, page_no, page);
	page->used = ++store->page_clock;
	take = page->nbytes > skip ? Min(page->nbytes - skip, nbytes) : 0;
	memcpy(bytes, page->bytes + skip, take);
	return take;
}

void
tsdb_store_delete_page(TsdbStore *store, Snapshot snapshot, uint64 page_no)
{
	HeapTuple tuple = NULL;
	ItemPointerData tid;

	if ((page_no >> 31) <= TSDB_STORE_MAX_ID)
		tuple = probe_fetch(store, snapshot, TSDB_KIND_PAGE, (uint32) (page_no >> 31), (int32) (page_no & 0x7FFFFFFF));
	if (tuple == NULL)
		raise_missing_page(store, page_no);
	tid = tuple->t_self;
	probe_release(store);
	tsdb_store_delete(store, &tid);
}

TsdbStoreScan *
tsdb_store_beginscan(TsdbStore *store, Snapshot snapshot, TsdbKind kind,
					 uint32 id_from, int32 seq_from, uint32 id_until, int32 seq_until,
					 bool backward)
{
	TsdbStoreScan *scan = palloc0(sizeof(TsdbStoreScan));
	int nkeys = range_keys(scan, kind, id_from, seq_from, id_until, seq_until);

	scan->store = store;
	scan->context = CurrentMemoryContext;
	scan->slot = table_slot_create(store->toast, NULL);
	scan->direction = backward ? BackwardScanDirection : ForwardScanDirection;
	scan->index_scan = tsdb_compat_index_beginscan(store->toast, store->index, snapshot, nkeys);
	index_rescan(scan->index_scan, scan->keys, nkeys, NULL, 0);
	return scan;
}

void
tsdb_store_rescan(TsdbStoreScan *scan, TsdbKind kind, uint32 id_from, int32 seq_from, uint32 id_until, int32 seq_until)
{
	MemoryContext old = MemoryContextSwitchTo(scan->context);
	int nkeys = range_keys(scan, kind, id_from, seq_from, id_until, seq_until);

	ExecClearTuple(scan->slot);
	if (nkeys != scan->index_scan->numberOfKeys)
	{
		Snapshot snapshot = scan->index_scan->xs_snapshot;

		index_endscan(scan->index_scan);
		scan->index_scan = tsdb_compat_index_beginscan(scan->store->toast, scan->store->index, snapshot, nkeys);
	}
	index_rescan(scan->index_scan, scan->keys, nkeys, NULL, 0);
	MemoryContextSwitchTo(old);
}

bool
tsdb_store_getnext(TsdbStoreScan *scan, TsdbStoreRow *row)
{
	CHECK_FOR_INTERRUPTS();
	return fetch_next(scan, row);
}

void
tsdb_store_endscan(TsdbStoreScan *scan)
{
	ExecDropSingleTupleTableSlot(scan->slot);
	index_endscan(scan->index_scan);
	pfree(scan);
}

void
tsdb_store_barrier_scan(TsdbStore *store, Snapshot snapshot,
						void (*visit)(const TsdbStoreRow *row, void *arg), void *arg)
{
	TsdbStoreScan *scan = tsdb_store_beginscan(store, SnapshotAny, TSDB_KIND_RUN, 0, PG_INT32_MIN,
											   TSDB_STORE_MAX_ID, PG_INT32_MAX, false);
	TsdbStoreRow row;

	while (tsdb_store_getnext(scan, &row))
	{
		HeapTupleTableSlot *slot = (HeapTupleTableSlot *) scan->slot;
		Buffer buffer = ((BufferHeapTupleTableSlot *) scan->slot)->buffer;
		HeapTupleHeaderData header;

		/* Hint bits and xmax change under a share lock at most; take a copy that fits together. */
		LockBuffer(buffer, BUFFER_LOCK_SHARE);
		memcpy(&header, slot->tuple->t_data, SizeofHeapTupleHeader);
		LockBuffer(buffer, BUFFER_LOCK_UNLOCK);

		if (liveness_get(&header, snapshot) == LIVENESS_OPEN)
			visit(&row, arg);
	}
	tsdb_store_endscan(scan);
}

void
tsdb_store_read_row(const TsdbStore *store, HeapTuple tuple, TsdbStoreRow *row)
{
	const char *problem = tsdb_store_parse_row(tuple, row);

	if (problem != NULL)
		raise_invalid_row(store, tuple, problem);
}

/*
 * tsdb_store_parse_row - take apart a tuple of the TOAST relation.
 *
 * By hand: the three columns lie at fixed offsets 0, 4 and 8, and the bytes always have a
 * four-byte header, because storage of TOAST columns is PLAIN.  Nothing read is trusted.
 */
const char *
tsdb_store_parse_row(HeapTuple tuple, TsdbStoreRow *row)
{
	HeapTupleHeader header = tuple->t_data;
	const char *columns = (const char *) header + header->t_hoff;
	Size left = tuple->t_len - header->t_hoff;
	uint32 key;
	const struct varlena *chunk = (const struct varlena *) (columns + 8);

	if (tuple->t_len < (uint32) (header->t_hoff + 8 + VARHDRSZ) ||
		HeapTupleHasNulls(tuple) || HeapTupleHeaderGetNatts(header) != TSDB_STORE_NCOLUMNS)
		return "It does not have three columns.";
	if (!VARATT_IS_4B_U(chunk) || VARSIZE_4B(chunk) < VARHDRSZ || VARSIZE_4B(chunk) > left - 8)
		return "The length of its bytes is wrong.";

	memcpy(&key, columns, 4);
	memcpy(&row->seq, columns + 4, 4);
	row->kind = key >> 28;
	row->id = key & TSDB_STORE_MAX_ID;
	row->bytes = tsdb_span(VARDATA_4B(chunk), VARSIZE_4B(chunk) - VARHDRSZ);
	row->tid = tuple->t_self;
	row->xmin = HeapTupleHeaderGetXmin(header);
	return NULL;
}

// private functions

/* range_keys - scan keys of a range; returns how many. */
static int
range_keys(TsdbStoreScan *scan, TsdbKind kind, uint32 id_from, int32 seq_from, uint32 id_until, int32 seq_until)
{
	Oid from = store_key(kind, id_from);
	Oid until = store_key(kind, id_until);
	int nkeys = 0;

	if (id_from == id_until)
	{
		key_bound(&scan->keys[nkeys++], BTEqualStrategyNumber, from);
		if (seq_from != PG_INT32_MIN)
			seq_bound(&scan->keys[nkeys++], BTGreaterEqualStrategyNumber, seq_from);
		if (seq_until != PG_INT32_MAX)
			seq_bound(&scan->keys[nkeys++], BTLessEqualStrategyNumber, seq_until);
		return nkeys;
	}

	if (seq_from == PG_INT32_MIN)
		key_bound(&scan->keys[nkeys++], BTGreaterEqualStrategyNumber, from);
	else
		row_bound(&scan->keys[nkeys++], scan->from_members, BTGreaterEqualStrategyNumber, from, seq_from);
	if (seq_until == PG_INT32_MAX)
		key_bound(&scan->keys[nkeys++], BTLessEqualStrategyNumber, until);
	else
		row_bound(&scan->keys[nkeys++], scan->until_members, BTLessEqualStrategyNumber, until, seq_until);
	return nkeys;
}

static void
key_bound(ScanKey key, StrategyNumber strategy, Oid value)
{
	ScanKeyInit(key, TSDB_STORE_COLUMN_KEY, strategy, bound_procedure(strategy, F_OIDEQ, F_OIDGE, F_OIDLE),
				ObjectIdGetDatum(value));
}

static void
seq_bound(ScanKey key, StrategyNumber strategy, int32 value)
{
	ScanKeyInit(key, TSDB_STORE_COLUMN_SEQ, strategy, bound_procedure(strategy, F_INT4EQ, F_INT4GE, F_INT4LE),
				Int32GetDatum(value));
}

static RegProcedure
bound_procedure(StrategyNumber strategy, RegProcedure equal, RegProcedure at_least, RegProcedure at_most)
{
	if (strategy == BTEqualStrategyNumber)
		return equal;
	return strategy == BTGreaterEqualStrategyNumber ? at_least : at_most;
}

/* row_bound - (chunk_id, chunk_seq) >= or <= (value, seq); see access/skey.h on row comparisons. */
static void
row_bound(ScanKey key, ScanKey members, StrategyNumber strategy, Oid id_value, int32 seq_value)
{
	ScanKeyEntryInitialize(&members[0], SK_ROW_MEMBER, TSDB_STORE_COLUMN_KEY, strategy,
						   InvalidOid, InvalidOid, F_BTOIDCMP, ObjectIdGetDatum(id_value));
	ScanKeyEntryInitialize(&members[1], SK_ROW_MEMBER | SK_ROW_END, TSDB_STORE_COLUMN_SEQ, strategy,
						   InvalidOid, InvalidOid, F_BTINT4CMP, Int32GetDatum(seq_value));

	MemSet(key, 0, sizeof(ScanKeyData));
	key->sk_flags = SK_ROW_HEADER;
	key->sk_attno = TSDB_STORE_COLUMN_KEY;
	key->sk_strategy = strategy;
	key->sk_argument = PointerGetDatum(members);
}

/*
 * probe_fetch - find the version of a row that a snapshot sees; call probe_release when done with it.
 *
 * One index scan is kept for all lookups of a store.  The snapshot is only looked at while fetching,
 * so a new one can simply be put in.
 */
static HeapTuple
probe_fetch(TsdbStore *store, Snapshot snapshot, TsdbKind kind, uint32 id, int32 seq)
{
	MemoryContext old;
	bool found;

	if (store->probe == NULL)
		probe_open(store, snapshot);

	/* See fetch_next. */
	old = MemoryContextSwitchTo(store->context);
	store->probe_keys[0].sk_argument = ObjectIdGetDatum(store_key(kind, id));
	store->probe_keys[1].sk_argument = Int32GetDatum(seq);
	store->probe->xs_snapshot = snapshot;
	index_rescan(store->probe, store->probe_keys, lengthof(store->probe_keys), NULL, 0);
	found = index_getnext_slot(store->probe, ForwardScanDirection, store->probe_slot);
	MemoryContextSwitchTo(old);
	if (!found)
		return NULL;
	return slot_tuple(store->probe_slot);
}

static void
probe_open(TsdbStore *store, Snapshot snapshot)
{
	MemoryContext old = MemoryContextSwitchTo(store->context);

	key_bound(&store->probe_keys[0], BTEqualStrategyNumber, InvalidOid);
	seq_bound(&store->probe_keys[1], BTEqualStrategyNumber, 0);
	store->probe_slot = table_slot_create(store->toast, NULL);
	store->probe = tsdb_compat_index_beginscan(store->toast, store->index, snapshot, lengthof(store->probe_keys));
	MemoryContextSwitchTo(old);
}

/* find_page - the kept page of that number, or the one that was not used for longest. */
static TsdbStorePage *
find_page(TsdbStore *store, uint64 page_no)
{
	TsdbStorePage *oldest;

	if (store->pages == NULL)
		store->pages = MemoryContextAllocZero(store->context, sizeof(TsdbStorePage) * TSDB_STORE_PAGES);
	oldest = &store->pages[0];
	for (int i = 0; i < TSDB_STORE_PAGES; i++)
	{
		if (store->pages[i].page_no == page_no)
			return &store->pages[i];
		if (store->pages[i].used < oldest->used)
			oldest = &store->pages[i];
	}
	return oldest;
}

static void
load_page(TsdbStore *store, Snapshot snapshot, uint64 page_no, TsdbStorePage *page)
{
	HeapTuple tuple = NULL;
	TsdbStoreRow row;

	page->page_no = 0;
	if (page_no > 0 && (page_no >> 31) <= TSDB_STORE_MAX_ID)
		tuple = probe_fetch(store, snapshot, TSDB_KIND_PAGE, (uint32) (page_no >> 31), (int32) (page_no & 0x7FFFFFFF));
	if (tuple == NULL)
		raise_missing_page(store, page_no);
	tsdb_store_read_row(store, tuple, &row);
	page->nbytes = tsdb_span_left(&row.bytes);
	if (page->nbytes > TSDB_STORE_MAX_BYTES)
		raise_invalid_row(store, tuple, "It is too long.");
	memcpy(page->bytes, row.bytes.at, page->nbytes);
	probe_release(store);
	page->page_no = page_no;
}

/* probe_release - let go of every pin: the next lookup may run under another resource owner. */
static void
probe_release(TsdbStore *store)
{
	MemoryContext old = MemoryContextSwitchTo(store->context);

	ExecClearTuple(store->probe_slot);
	index_rescan(store->probe, NULL, lengthof(store->probe_keys), NULL, 0);
	MemoryContextSwitchTo(old);
}

static HeapTuple
slot_tuple(TupleTableSlot *slot)
{
	Assert(TTS_IS_BUFFERTUPLE(slot));
	return ((HeapTupleTableSlot *) slot)->tuple;
}

/* The index allocates as it goes (btree: killed items); that has to live as long as the scan. */
static bool
fetch_next(TsdbStoreScan *scan, TsdbStoreRow *row)
{
	MemoryContext old = MemoryContextSwitchTo(scan->context);
	bool found = index_getnext_slot(scan->index_scan, scan->direction, scan->slot);

	MemoryContextSwitchTo(old);
	if (!found)
		return false;
	tsdb_store_read_row(scan->store, slot_tuple(scan->slot), row);
	return true;
}

/*
 * liveness_get - may a later snapshot see this version otherwise than `snapshot` does?
 *
 * In progress must be asked before committed: a transaction leaves
 * the proc array only after its end is in clog.
 */
static Liveness
liveness_get(HeapTupleHeader header, Snapshot snapshot)
{
	TransactionId xmin = HeapTupleHeaderGetXmin(header);

	if (xmin == FrozenTransactionId)
		return deletion_is_open(header, snapshot) ? LIVENESS_OPEN : LIVENESS_DECIDED;
	if (!TransactionIdIsNormal(xmin))
		return LIVENESS_DECIDED;
	if (TransactionIdIsCurrentTransactionId(xmin) || TransactionIdIsInProgress(xmin))
		return LIVENESS_OPEN;
	if (!TransactionIdDidCommit(xmin))
		return LIVENESS_DECIDED;
	if (XidInMVCCSnapshot(xmin, snapshot))
		return LIVENESS_OPEN;
	return deletion_is_open(header, snapshot) ? LIVENESS_OPEN : LIVENESS_DECIDED;
}

/*
 * deletion_is_open - is somebody deleting a version that the snapshot sees?
 *
 * Our own deletions are none: they are undone only together with whatever we do now.
 */
static bool
deletion_is_open(HeapTupleHeader header, Snapshot snapshot)
{
	TransactionId xmax;

	if ((header->t_infomask & HEAP_XMAX_INVALID) || HEAP_XMAX_IS_LOCKED_ONLY(header->t_infomask))
		return false;
	xmax = HeapTupleHeaderGetUpdateXid(header);
	if (!TransactionIdIsNormal(xmax) || TransactionIdIsCurrentTransactionId(xmax))
		return false;
	if (TransactionIdIsInProgress(xmax))
		return true;
	return TransactionIdDidCommit(xmax) && XidInMVCCSnapshot(xmax, snapshot);
}

static void
raise_missing_page(const TsdbStore *store, uint64 page_no)
{
	ereport(ERROR,
			(errcode(ERRCODE_DATA_CORRUPTED),
			 errmsg("invalid data in table \"%s\"", store->table_name),
			 errdetail("Payload page %llu is missing.", (unsigned long long) page_no),
			 errhint("Run tsdb.verify('%s') to list every damaged object.", store->table_name)));
}

static void
raise_invalid_row(const TsdbStore *store, HeapTuple tuple, const char *detail)
{
	ereport(ERROR,
			(errcode(ERRCODE_DATA_CORRUPTED),
			 errmsg("invalid row (%u,%u) in the TOAST relation of table \"%s\"",
					ItemPointerGetBlockNumber(&tuple->t_self), ItemPointerGetOffsetNumber(&tuple->t_self),
					store->table_name),
			 errdetail_internal("%s", detail),
			 errhint("Run tsdb.verify('%s') to list every damaged object.", store->table_name)));
}
