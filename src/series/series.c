/*-------------------------------------------------------------------------
 *
 * series.c
 *	  Tag tuple <-> series id.
 *
 * A series is two rows of the store: SERIES (0, id) holds the tags, DICT (hash of the tags, id)
 * leads to it.  Both are frozen when they are inserted: visible to everybody at
 * once and not undone by ROLLBACK.  An id never dies, so caches need no check against snapshots,
 * nobody waits for somebody else's commit and two sessions can't deadlock over series in
 * different order.  A rolled back writer leaves a series without samples.
 *
 * Creating: under the dictionary lock of the hash look again, take an id, insert SERIES,
 * then DICT.  Inserting a frozen row and its index entry isn't atomic; as ids are
 * never used twice, what an error in between leaves behind is in nobody's way (rule C3).
 * Of several ids with the same tags the highest wins.
 *
 * While REINDEX CONCURRENTLY works on the TOAST relation rows can't be inserted frozen (see
 * tsdb_store_may_freeze).  Then the rows are ordinary ones: others who want the same series wait for the end
 * of the transaction that makes it, and its rollback takes the series away.
 *
 * SERIES bytes: { version u8 = 1, time of creation zvarint (us since 2000-01-01 UTC), tags, crc32c of all before }.
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "storage/lmgr.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

#include "pg/check.h"
#include "pg/compat.h"
#include "pg/debug_point.h"
#include "pg/locktag.h"
#include "series/series.h"
#include "series/seriescache.h"
#include "store/metapage.h"

#define SERIES_VERSION 1
#define DICTIONARY_LOCKS 64

/* Beyond so many series of a table a transaction locks them all. */

static MemoryContext workspace_enter(void);
static void workspace_leave(MemoryContext old);
static uint32 hash_tags(TsdbSpan tags);
static uint32 lookup(Relation rel, TsdbStore *store, Snapshot snapshot, uint32 hash, TsdbSpan tags);
static bool has_tags(Relation rel, TsdbStore *store, Snapshot snapshot, uint32 series_id, TsdbSpan tags);
static uint32 create(Relation rel, TsdbStore *store, uint32 hash, TsdbSpan tags);
static uint32 try_create(Relation rel, TsdbStore *store, uint32 hash, TsdbSpan tags, TransactionId *creator);
static void insert_rows(TsdbStore *store, uint32 series_id, uint32 hash, TsdbSpan tags);
static void check_length(Relation rel, TsdbSpan tags);
static bool open_row(TsdbSpan *bytes);
static void raise_unknown(Relation rel, uint32 series_id);
static uint32 *append_id(uint32 *ids, uint32 n, uint32 series_id);
static bool acquire(Oid relid, uint32 series_id, LOCKMODE mode, LockWaitPolicy wait, bool *is_new);

uint32
tsdb_series_get_or_create(Relation rel, const TsdbTable *table, const Datum *values, const bool *isnull)
{
	TsdbSeriesCache *cache = tsdb_seriescache_get(rel, table);
	TsdbSpan tags;
	uint32 series_id = tsdb_seriescache_find(cache, values, isnull, &tags);
	MemoryContext old;
	TsdbStore *store;

	if (series_id != 0)
		return series_id;

	old = workspace_enter();
	store = tsdb_store_open(rel, RowExclusiveLock, true);
	series_id = lookup(rel, store, SnapshotSelf, hash_tags(tags), tags);
	if (series_id == 0)
		series_id = create(rel, store, hash_tags(tags), tags);
	tsdb_seriescache_add(cache, store, values, isnull, tags, series_id);
	tsdb_store_close(store);
	workspace_leave(old);
	return series_id;
}

uint32
tsdb_series_find(Relation rel, const TsdbTable *table, const Datum *values, const bool *isnull)
{
	TsdbSeriesCache *cache = tsdb_seriescache_get(rel, table);
	TsdbSpan tags;
	uint32 series_id = tsdb_seriescache_find(cache, values, isnull, &tags);
	MemoryContext old;
	TsdbStore *store;

	if (series_id != 0)
		return series_id;

	old = workspace_enter();
	store = tsdb_store_open(rel, AccessShareLock, false);
	if (store != NULL)
	{
		series_id = lookup(rel, store, SnapshotSelf, hash_tags(tags), tags);
		if (series_id != 0)
			tsdb_seriescache_add(cache, store, values, isnull, tags, series_id);
		tsdb_store_close(store);
	}
	workspace_leave(old);
	return series_id;
}

void
tsdb_series_tags(Relation rel, const TsdbTable *table, uint32 series_id,
				 const Datum **values, const bool **isnull)
{
	TsdbSeriesCache *cache = tsdb_seriescache_get(rel, table);
	MemoryContext old;
	TsdbStore *store;
	TsdbSpan bytes = {NULL, NULL};

	if (tsdb_seriescache_tags(cache, series_id, values, isnull))
		return;

	old = workspace_enter();
	store = tsdb_store_open(rel, AccessShareLock, false);
	if (store == NULL || series_id == 0 || series_id > TSDB_STORE_MAX_ID ||
		!tsdb_store_find(store, SnapshotSelf, TSDB_KIND_SERIES, 0, (int32) series_id, &bytes, NULL))
		raise_unknown(rel, series_id);
	TSDB_CHECK(tsdb_seriescache_add_tags(cache, series_id, tsdb_series_tag_bytes(rel, series_id, bytes), values, isnull), rel,
			   "The tags of series %u do not decode.", series_id);
	tsdb_store_close(store);
	workspace_leave(old);
}

uint32 *
tsdb_series_list(Relation rel, const TsdbTable *table, uint32 *nseries)
{
	TsdbSeriesCache *cache = tsdb_seriescache_get(rel, table);
	TsdbStore *store = tsdb_store_open(rel, AccessShareLock, false);
	TsdbStoreScan *scan;
	TsdbStoreRow row;
	uint32 *ids = NULL;
	uint32 n = 0;

	*nseries = 0;
	if (store == NULL)
		return palloc(sizeof(uint32));

	scan = tsdb_store_beginscan(store, SnapshotSelf, TSDB_KIND_SERIES, 0, PG_INT32_MIN, 0, PG_INT32_MAX, false);
	while (tsdb_store_getnext(scan, &row))
	{
		const Datum *values;
		const bool *isnull;
		TsdbSpan tags = row.bytes;

		/* Who lists series mostly wants their tags next.  Who asks for damaged ones is told then; verify doesn't. */
		if (tsdb_seriescache_has_room() && !tsdb_seriescache_tags(cache, (uint32) row.seq, &values, &isnull) && open_row(&tags))
			(void) tsdb_seriescache_add_tags(cache, (uint32) row.seq, tags, &values, &isnull);
		ids = append_id(ids, n++, (uint32) row.seq);
	}
	tsdb_store_endscan(scan);
	tsdb_store_close(store);
	*nseries = n;
	return ids != NULL ? ids : palloc(sizeof(uint32));
}

/*
 * Two levels: a series in Exclusive mode needs the table's lock (id 0) in RowExclusive mode, which all
 * may share; a transaction with many series takes the table's in Exclusive mode instead.
 */
bool
tsdb_series_lock(Relation rel, uint32 series_id, LockWaitPolicy wait)
{
	static LocalTransactionId counted_lxid = InvalidLocalTransactionId;
	static Oid counted_relid = InvalidOid;
	static uint32 nlocks = 0;
	Oid relid = RelationGetRelid(rel);
	LocalTransactionId lxid = tsdb_compat_lxid();
	bool is_new;

	if (lxid != counted_lxid || relid != counted_relid)
	{
		counted_lxid = lxid;
		counted_relid = relid;
		nlocks = 0;
	}

	/* What a rolled back subtransaction took is counted too: the table's lock comes a little early then. */
	if (nlocks >= TSDB_SERIES_MAX_LOCKS)
		return acquire(relid, 0, ExclusiveLock, wait, &is_new);
	if (!acquire(relid, 0, RowExclusiveLock, wait, &is_new) ||
		!acquire(relid, series_id, ExclusiveLock, wait, &is_new))
		return false;
	if (is_new)
		nlocks++;
	return true;
}

void
tsdb_series_forget(Relation rel)
{
	tsdb_seriescache_forget(RelationGetRelid(rel));
}

TsdbSpan
tsdb_series_tag_bytes(Relation rel, uint32 series_id, TsdbSpan bytes)
{
	if (!open_row(&bytes))
		ereport(ERROR,
				(errcode(ERRCODE_DATA_CORRUPTED),
				 errmsg("invalid data in table \"%s\"", RelationGetRelationName(rel)),
				 errdetail("The tags of series %u are damaged, or of another version than %u.", series_id, SERIES_VERSION),
				 errhint("Run tsdb.verify('%s') to list every damaged object.", RelationGetRelationName(rel))));
	return bytes;
}

bool
tsdb_series_row_is_intact(TsdbSpan bytes)
{
	return open_row(&bytes);
}

// private functions

/* workspace_enter - what a lookup allocates goes at its end: callers may come a million times in one context. */
static MemoryContext
workspace_enter(void)
{
	return MemoryContextSwitchTo(AllocSetContextCreate(CurrentMemoryContext, "tsdb series lookup",
													   ALLOCSET_SMALL_SIZES));
}

static void
workspace_leave(MemoryContext old)
{
	MemoryContext workspace = MemoryContextSwitchTo(old);

	MemoryContextDelete(workspace);
}

static uint32
hash_tags(TsdbSpan tags)
{
	return (uint32) (tsdb_hash_bytes(tags.at, tsdb_span_left(&tags)) & TSDB_STORE_MAX_ID);
}

/*
 * lookup - the series with these tags, 0 when there is none.
 *
 *	snapshot	SnapshotSelf, or a dirty one, which finds the series of running transactions too and
 *				tells in its xmin which made the one found
 *
 * Never under the transaction's snapshot: a series made by somebody else since must be found.
 */
static uint32
lookup(Relation rel, TsdbStore *store, Snapshot snapshot, uint32 hash, TsdbSpan tags)
{
	TsdbStoreScan *scan = tsdb_store_beginscan(store, snapshot, TSDB_KIND_DICT,
											   hash, PG_INT32_MIN, hash, PG_INT32_MAX, true);
	TsdbStoreRow row;
	uint32 series_id = 0;

	while (series_id == 0 && tsdb_store_getnext(scan, &row))
		if (has_tags(rel, store, snapshot, (uint32) row.seq, tags))
			series_id = (uint32) row.seq;
	tsdb_store_endscan(scan);
	return series_id;
}

static bool
has_tags(Relation rel, TsdbStore *store, Snapshot snapshot, uint32 series_id, TsdbSpan tags)
{
	bool is_settled = snapshot->snapshot_type != SNAPSHOT_DIRTY || !TransactionIdIsValid(snapshot->xmin);
	TsdbSpan bytes;
	TsdbSpan found;

	if (!tsdb_store_find(store, snapshot, TSDB_KIND_SERIES, 0, (int32) series_id, &bytes, NULL))
	{
		/* Whoever was making it may have rolled back this moment. */
		if (is_settled)
			raise_unknown(rel, series_id);
		return false;
	}
	found = tsdb_series_tag_bytes(rel, series_id, bytes);
	return tsdb_span_left(&found) == tsdb_span_left(&tags) &&
		   memcmp(found.at, tags.at, tsdb_span_left(&tags)) == 0;
}

/* create - make a series, unless somebody was faster; waits for a transaction that is making the same. */
static uint32
create(Relation rel, TsdbStore *store, uint32 hash, TsdbSpan tags)
{
	TransactionId creator;
	uint32 series_id;

	check_length(rel, tags);
	while ((series_id = try_create(rel, store, hash, tags, &creator)) == 0)
		XactLockTableWait(creator, NULL, NULL, XLTW_None);
	return series_id;
}

/*
 * try_create - under the dictionary lock look again, then insert.
 *
 * Returns 0 when a running transaction is making the series.  Locks: that of the hash, released on return (or by abort).
 */
static uint32
try_create(Relation rel, TsdbStore *store, uint32 hash, TsdbSpan tags, TransactionId *creator)
{
	BlockNumber lock = TSDB_LOCK_DICTIONARY + hash % DICTIONARY_LOCKS;
	SnapshotData dirty;
	uint32 series_id;

	InitDirtySnapshot(dirty);
	dirty.xmin = InvalidTransactionId;
	LockPage(rel, lock, ExclusiveLock);
	series_id = lookup(rel, store, &dirty, hash, tags);
	*creator = series_id != 0 ? dirty.xmin : InvalidTransactionId;
	if (series_id == 0)
	{
		series_id = (uint32) tsdb_metapage_allocate(rel, TSDB_COUNTER_SERIES, 1);
		insert_rows(store, series_id, hash, tags);
	}
	UnlockPage(rel, lock, ExclusiveLock);
	return TransactionIdIsValid(*creator) ? 0 : series_id;
}

static void
insert_rows(TsdbStore *store, uint32 series_id, uint32 hash, TsdbSpan tags)
{
	TsdbMem mem = tsdb_mem_context(CurrentMemoryContext);
	CommandId cid = GetCurrentCommandId(true);
	bool frozen = tsdb_store_may_freeze(store);
	TsdbBytes bytes;

	tsdb_bytes_init(&bytes, &mem);
	tsdb_bytes_append_u8(&bytes, SERIES_VERSION);
	tsdb_bytes_append_zvarint(&bytes, GetCurrentTimestamp());
	tsdb_bytes_append(&bytes, tags.at, tsdb_span_left(&tags));
	tsdb_bytes_append_crc(&bytes, 0);

	if (!frozen)
		tsdb_seriescache_forget_at_abort();
	TSDB_DEBUG_POINT("series_before_insert");
	tsdb_store_put(store, TSDB_KIND_SERIES, 0, (int32) series_id, bytes.data, bytes.len, cid, frozen);
	TSDB_DEBUG_POINT("series_before_dict");
	tsdb_store_put(store, TSDB_KIND_DICT, hash, (int32) series_id, NULL, 0, cid, frozen);
}

static void
check_length(Relation rel, TsdbSpan tags)
{
	Size limit = TSDB_STORE_MAX_BYTES - 1 - 10 - 4; /* version, longest varint, checksum */

	if (tsdb_span_left(&tags) > limit)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("tags of a series of table \"%s\" are too long", RelationGetRelationName(rel)),
				 errdetail("They take %zu bytes, the limit is %zu.", tsdb_span_left(&tags), limit),
				 errhint("Keep long texts in a table of their own and use a short name as tag.")));
}

/* open_row - check a SERIES row and leave its tags. */
static bool
open_row(TsdbSpan *bytes)
{
	uint8 version = 0;
	int64 created;

	return tsdb_span_cut_crc(bytes) && tsdb_span_read_u8(bytes, &version) && version == SERIES_VERSION &&
		   tsdb_span_read_zvarint(bytes, &created);
}

static void
raise_unknown(Relation rel, uint32 series_id)
{
	ereport(ERROR,
			(errcode(ERRCODE_DATA_CORRUPTED),
			 errmsg("invalid data in table \"%s\"", RelationGetRelationName(rel)),
			 errdetail("There is no series %u.", series_id),
			 errhint("Run tsdb.verify('%s') to list every damaged object.", RelationGetRelationName(rel))));
}

/* append_id - grow by doubling: at 8, 16, 32, ... ids. */
static uint32 *
append_id(uint32 *ids, uint32 n, uint32 series_id)
{
	if (ids == NULL)
		ids = palloc(8 * sizeof(uint32));
	else if (n >= 8 && (n & (n - 1)) == 0)
		ids = repalloc_huge(ids, (Size) n * 2 * sizeof(uint32));
	ids[n] = series_id;
	return ids;
}

static bool
acquire(Oid relid, uint32 series_id, LOCKMODE mode, LockWaitPolicy wait, bool *is_new)
{
	LOCKTAG tag = tsdb_locktag_make(TSDB_LOCKCLASS_SERIES, relid, series_id);
	LockAcquireResult result = LockAcquire(&tag, mode, false, wait != LockWaitBlock);

	*is_new = result == LOCKACQUIRE_OK;
	return result != LOCKACQUIRE_NOT_AVAIL;
}
