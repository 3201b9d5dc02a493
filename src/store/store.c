/*-------------------------------------------------------------------------
 *
 * store.c
 *	  Versioned key/value rows of a tsdb table in its TOAST relation.
 *
 * Owns: every tuple of the TOAST relation.  Knows nothing of series or codecs.
 * Invariant: a row is written once and never changed; a newer version is
 * another row, and the old one is deleted in the same transaction.
 * See docs/FORMAT.md "Rows".
 *
 * Opening, writing and deleting; reading is in store_scan.c, VACUUM FULL in store_copy.c.
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/heapam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "access/tableam.h"
#include "access/toast_internals.h"
#include "access/xact.h"
#include "catalog/pg_type.h"
#include "catalog/toasting.h"
#include "miscadmin.h"
#include "storage/bufmgr.h"
#include "storage/freespace.h"
#include "storage/lmgr.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

#include "pg/compat.h"
#include "store/store_private.h"

/*
 * Where a backend put its last row of each kind, per table, so that kinds
 * fill pages of their own.  Rows of segments are one kind in this.  Core remembers one page per relation only, and a page that isn't
 * full is found again only after it was tried or vacuumed: small rows between big
 * ones would take a page each.
 *
 * `last` is the page that core remembered when we left.  When that changed, the file may have
 * been truncated: hints behind its end are forgotten.
 */
#define TSDB_PAGE_HINTS 16 /* tables; power of two */
#define TSDB_NPLACES 7
#define RUN_PAGES 16 /* pages of runs that a backend remembers */
#define MAX_PAGE_TRIES 32 /* looks for a page with room before the file is extended */
#define PLACE_OF_PIECES 0 /* no kind: rows of segments */
#define PLACE_OF_MOVED 6 /* no kind: where the caller says */
#define ROW_OVERHEAD (MAXALIGN(SizeofHeapTupleHeader) + 8 + VARHDRSZ) /* bytes of a tuple beside those of the row */

typedef struct PageHints
{
	RelFileLocator locator;
	BlockNumber last;
	BlockNumber blkno[TSDB_NPLACES];
	BlockNumber run_pages[RUN_PAGES]; /* where runs were put before, oldest at next_run_page */
	int next_run_page;
} PageHints;

static PageHints page_hints[TSDB_PAGE_HINTS];

static void toast_create(Relation rel);
static void indexes_drop_abandoned(TsdbStore *store);
static bool index_is_abandoned(Relation index);
static PageHints *page_hints_get(Relation toast);
static int choose_page(TsdbStore *store, PageHints *hints, int place, Size nbytes);
static void note_page(PageHints *hints, int place, BlockNumber blkno);
static int turn_page(Relation toast, PageHints *hints, Size nbytes);
static void row_put(TsdbStore *store, int place, TsdbKind kind, uint32 id, int32 seq,
					const void *bytes, Size nbytes, CommandId cid, int options);
static HeapTuple row_form(TsdbStore *store, TsdbKind kind, uint32 id, int32 seq,
						  const void *bytes, Size nbytes, Datum *values, bool *isnull);
static void index_insert_all(TsdbStore *store, Datum *values, bool *isnull, ItemPointer tid);
static ArrayBuildState *option_append(ArrayBuildState *options, const char *option);

TsdbStore *
tsdb_store_open(Relation rel, LOCKMODE lockmode, bool create)
{
	TsdbStore *store;
	int valid;

	if (!OidIsValid(rel->rd_rel->reltoastrelid))
	{
		if (!create)
			return NULL;
		toast_create(rel);
	}

	store = palloc0(sizeof(TsdbStore));
	store->context = CurrentMemoryContext;
	store->table_name = pstrdup(RelationGetRelationName(rel));
	store->lockmode = lockmode;
	store->toast = table_open(rel->rd_rel->reltoastrelid, lockmode);
	valid = toast_open_indexes(store->toast, lockmode, &store->indexes, &store->nindexes);
	store->index = store->indexes[valid];
	if (lockmode >= RowExclusiveLock)
		indexes_drop_abandoned(store);
	return store;
}

void
tsdb_store_close(TsdbStore *store)
{
	/* Rule C4: whoever wrote keeps the locks, or REINDEX CONCURRENTLY and VACUUM FULL pull the rug away. */
	LOCKMODE release = store->lockmode == AccessShareLock ? AccessShareLock : NoLock;

	if (store->probe != NULL)
	{
		index_endscan(store->probe);
		ExecDropSingleTupleTableSlot(store->probe_slot);
	}
	toast_close_indexes(store->indexes, store->nindexes, release);
	table_close(store->toast, release);
	if (store->chunk != NULL)
		pfree(store->chunk);
	if (store->pages != NULL)
		pfree(store->pages);
	pfree(store->table_name);
	pfree(store);
}

Oid
tsdb_store_relid(const TsdbStore *store)
{
	return RelationGetRelid(store->toast);
}

Relation
tsdb_store_rel(const TsdbStore *store)
{
	return store->toast;
}

bool
tsdb_store_may_freeze(const TsdbStore *store)
{
	for (int i = 0; i < store->nindexes; i++)
		if (store->indexes[i]->rd_index->indisready && !store->indexes[i]->rd_index->indisvalid)
			return false;
	return true;
}

void
tsdb_store_put(TsdbStore *store, TsdbKind kind, uint32 id, int32 seq,
			   const void *bytes, Size nbytes, CommandId cid, bool frozen)
{
	row_put(store, kind, kind, id, seq, bytes, nbytes, cid, frozen ? HEAP_INSERT_FROZEN : 0);
}

void
tsdb_store_put_piece(TsdbStore *store, TsdbKind kind, uint32 id, int32 seq,
					 const void *bytes, Size nbytes, CommandId cid)
{
	row_put(store, PLACE_OF_PIECES, kind, id, seq, bytes, nbytes, cid, 0);
}

BlockNumber
tsdb_store_put_at(TsdbStore *store, TsdbKind kind, uint32 id, int32 seq,
				  const void *bytes, Size nbytes, CommandId cid, BlockNumber target)
{
	PageHints *hints = page_hints_get(store->toast);

	RelationSetTargetBlock(store->toast, target);
	hints->last = target;
	hints->blkno[PLACE_OF_MOVED] = target;
	row_put(store, PLACE_OF_MOVED, kind, id, seq, bytes, nbytes, cid, 0);
	return hints->blkno[PLACE_OF_MOVED];
}

Size
tsdb_store_piece_room(TsdbStore *store)
{
	BlockNumber blkno = page_hints_get(store->toast)->blkno[PLACE_OF_PIECES];
	Size room;

	if (!BlockNumberIsValid(blkno) || blkno >= RelationGetNumberOfBlocks(store->toast))
		return 0;
	room = MAXALIGN_DOWN(tsdb_store_page_room(store->toast, blkno));
	return room > ROW_OVERHEAD ? Min(room - ROW_OVERHEAD, TSDB_STORE_MAX_BYTES) : 0;
}

void
tsdb_store_delete(TsdbStore *store, ItemPointer tid)
{
	TM_FailureData failure;
	TM_Result result;

	Assert(store->lockmode >= RowExclusiveLock);

	result = heap_delete(store->toast, tid, GetCurrentCommandId(true), InvalidSnapshot, true, &failure, false);
	switch (result)
	{
		case TM_Ok:
			break;
		case TM_Updated:
		case TM_Deleted:
			ereport(ERROR,
					(errcode(ERRCODE_T_R_SERIALIZATION_FAILURE),
					 errmsg("could not replace data of table \"%s\" due to concurrent change", store->table_name),
					 errhint("Retry the transaction.")));
			break;
		default:
			elog(ERROR, "unexpected result %d of deleting row (%u,%u) of the store of table \"%s\"",
				 (int) result, ItemPointerGetBlockNumber(tid), ItemPointerGetOffsetNumber(tid), store->table_name);
	}
}

void
tsdb_store_put_page(TsdbStore *store, uint64 page_no, const void *bytes, Size nbytes, CommandId cid)
{
	tsdb_store_put(store, TSDB_KIND_PAGE, (uint32) (page_no >> 31), (int32) (page_no & 0x7FFFFFFF),
				   bytes, nbytes, cid, false);
}

/*
 * tsdb_store_toast_options - storage options of our TOAST relations (rules R6 and C10).
 *
 *	freeze_min_age 0		a page is made all-visible and frozen in one go
 *	vacuum thresholds	compaction leaves dead rows in a few places that every reader steps over
 *	vacuum_truncate		would take an exclusive lock; the freed end is used again anyway
 */
Datum
tsdb_store_toast_options(void)
{
	static const char *const options[] = {
		"autovacuum_freeze_min_age=0",
		"autovacuum_vacuum_threshold=50",
		"autovacuum_vacuum_scale_factor=0.01",
		"autovacuum_vacuum_insert_threshold=1000",
		"autovacuum_vacuum_insert_scale_factor=0.05",
		"vacuum_truncate=false",
	};
	ArrayBuildState *array = NULL;

	for (size_t i = 0; i < lengthof(options); i++)
		array = option_append(array, options[i]);
	return makeArrayResult(array, CurrentMemoryContext);
}

// private functions

/*
 * toast_create - give a table the TOAST relation that it lacks (rules R2, C7).
 *
 * Only rewrites come here: the transient copy of a heap without one.  The lock
 * is the strongest, since somebody else's could be created in between.
 */
static void
toast_create(Relation rel)
{
	if (IsInParallelMode())
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_TRANSACTION_STATE),
				 errmsg("cannot create storage of table \"%s\" during a parallel operation", RelationGetRelationName(rel)),
				 errhint("Set max_parallel_workers_per_gather = 0 for this statement.")));

	NewHeapCreateToastTable(RelationGetRelid(rel), tsdb_store_toast_options(), AccessExclusiveLock, InvalidOid);
	if (!OidIsValid(rel->rd_rel->reltoastrelid))
		elog(ERROR, "table \"%s\" got no TOAST relation", RelationGetRelationName(rel));
}

static ArrayBuildState *
option_append(ArrayBuildState *options, const char *option)
{
	return accumArrayResult(options, CStringGetTextDatum(option), false, TEXTOID, CurrentMemoryContext);
}

static PageHints *
page_hints_get(Relation toast)
{
	PageHints *hints = &page_hints[TSDB_LOCATOR_NUMBER(toast->rd_locator) % TSDB_PAGE_HINTS];
	BlockNumber npages = 0;

	if (RelFileLocatorEquals(hints->locator, toast->rd_locator) && BlockNumberIsValid(hints->last))
	{
		if (hints->last == RelationGetTargetBlock(toast))
			return hints;
		npages = RelationGetNumberOfBlocks(toast);
	}
	hints->locator = toast->rd_locator;
	for (int place = 0; place < TSDB_NPLACES; place++)
		if (hints->blkno[place] >= npages)
			hints->blkno[place] = InvalidBlockNumber;
	for (int i = 0; i < RUN_PAGES; i++)
		if (hints->run_pages[i] >= npages)
			hints->run_pages[i] = InvalidBlockNumber;
	return hints;
}

/* choose_page - make a page the target of the next row, if there is one to prefer; returns what heap_insert has to be told. */
static int
choose_page(TsdbStore *store, PageHints *hints, int place, Size nbytes)
{
	Relation toast = store->toast;
	BlockNumber blkno = hints->blkno[place];
	bool is_known = BlockNumberIsValid(blkno);

	if (place == PLACE_OF_PIECES)
		blkno = tsdb_store_piece_page(store, blkno, MAXALIGN(nbytes));

	if (place == TSDB_KIND_RUN && !is_known)
		blkno = hints->blkno[TSDB_KIND_PAGE]; /* beside the end of its payload */
	if (!BlockNumberIsValid(blkno))
		return 0;
	RelationSetTargetBlock(toast, blkno);
	if (place == TSDB_KIND_RUN && is_known && tsdb_store_page_room(toast, blkno) < MAXALIGN(nbytes))
		return turn_page(toast, hints, nbytes);
	return 0;
}

/* note_page - a row went to this page. */
static void
note_page(PageHints *hints, int place, BlockNumber blkno)
{
	bool is_new = place == TSDB_KIND_RUN && blkno != hints->blkno[place];

	hints->blkno[place] = blkno;
	for (int i = 0; i < RUN_PAGES; i++)
		is_new &= hints->run_pages[i] != blkno;
	if (!is_new)
		return;
	hints->run_pages[hints->next_run_page] = blkno;
	hints->next_run_page = (hints->next_run_page + 1) % RUN_PAGES;
}

/*
 * turn_page - the page that this backend puts runs on is full: choose the next; returns what heap_insert has to be told.
 *
 * Runs live minutes, other rows for ever.  In holes between those, runs would have many pages
 * written and logged in full again and again, and keep each of them from becoming empty.
 * So they go to a page that is all but empty: one of those that had runs before, when they are gone and a reader has
 * pruned it, or one that VACUUM has found, or a new one.
 */
static int
turn_page(Relation toast, PageHints *hints, Size nbytes)
{
	Size wanted = Max(MAXALIGN(nbytes), BLCKSZ / 8 * 7);
	BlockNumber blkno;

	for (int i = 0; i < RUN_PAGES; i++)
	{
		blkno = hints->run_pages[(hints->next_run_page + i) % RUN_PAGES];
		if (BlockNumberIsValid(blkno) && tsdb_store_page_room(toast, blkno) >= wanted)
		{
			RelationSetTargetBlock(toast, blkno);
			return 0;
		}
	}

	/* The map knows what VACUUM found, not what was filled since. */
	blkno = GetPageWithFreeSpace(toast, wanted);
	for (int tries = 0; BlockNumberIsValid(blkno) && tries < MAX_PAGE_TRIES; tries++)
	{
		Size room = tsdb_store_page_room(toast, blkno);

		if (room >= wanted)
		{
			RelationSetTargetBlock(toast, blkno);
			return 0;
		}
		blkno = RecordAndGetPageWithFreeSpace(toast, blkno, room, wanted);
	}
	return HEAP_INSERT_SKIP_FSM;
}

/* row_put - insert a row into the heap page that a kind of rows (place) goes to. */
static void
row_put(TsdbStore *store, int place, TsdbKind kind, uint32 id, int32 seq,
		const void *bytes, Size nbytes, CommandId cid, int options)
{
	PageHints *hints = page_hints_get(store->toast);
	Datum values[TSDB_STORE_NCOLUMNS];
	bool isnull[TSDB_STORE_NCOLUMNS];
	HeapTuple tuple;

	Assert(store->lockmode >= RowExclusiveLock);

	tuple = row_form(store, kind, id, seq, bytes, nbytes, values, isnull);
	options |= choose_page(store, hints, place, tuple->t_len);

	/*
	 * Rule R1: no logical decoding, or decoding stumbles over chunks that belong to no tuple.
	 * An error in here leaves `last` invalid: the hints start anew.
	 */
	hints->last = InvalidBlockNumber;
	heap_insert(store->toast, tuple, cid, options | HEAP_INSERT_NO_LOGICAL, NULL);
	note_page(hints, place, ItemPointerGetBlockNumber(&tuple->t_self));
	hints->last = RelationGetTargetBlock(store->toast);

	index_insert_all(store, values, isnull, &tuple->t_self);
	heap_freetuple(tuple);
}

/* row_form - make the tuple; values and isnull are what the indexes want. */
static HeapTuple
row_form(TsdbStore *store, TsdbKind kind, uint32 id, int32 seq,
		 const void *bytes, Size nbytes, Datum *values, bool *isnull)
{
	if (nbytes > TSDB_STORE_MAX_BYTES || id > TSDB_STORE_MAX_ID)
		elog(ERROR, "row (%d,%u,%d) of %zu bytes does not fit into the store of table \"%s\"",
			 (int) kind, id, seq, nbytes, store->table_name);

	if (store->chunk == NULL)
		store->chunk = MemoryContextAlloc(store->context, VARHDRSZ + TSDB_STORE_MAX_BYTES);
	SET_VARSIZE(store->chunk, VARHDRSZ + nbytes);
	if (nbytes > 0)
		memcpy(VARDATA(store->chunk), bytes, nbytes);

	values[0] = ObjectIdGetDatum(store_key(kind, id));
	values[1] = Int32GetDatum(seq);
	values[2] = PointerGetDatum(store->chunk);
	memset(isnull, 0, TSDB_STORE_NCOLUMNS * sizeof(bool));
	return heap_form_tuple(RelationGetDescr(store->toast), values, isnull);
}

/*
 * indexes_drop_abandoned - leave alone what a cancelled REINDEX CONCURRENTLY left behind.
 *
 * Such an index never becomes valid: core refuses to rebuild invalid indexes of TOAST relations.  TRUNCATE and rewrites
 * leave its entries in place while the rows go; the same key at the same TID once more would be an error.
 */
static void
indexes_drop_abandoned(TsdbStore *store)
{
	int kept = 0;

	for (int i = 0; i < store->nindexes; i++)
	{
		Relation index = store->indexes[i];

		if (index != store->index && !index->rd_index->indisvalid && index_is_abandoned(index))
			index_close(index, NoLock);
		else
			store->indexes[kept++] = index;
	}
	store->nindexes = kept;
}

/* index_is_abandoned - REINDEX CONCURRENTLY holds a lock on its new index from before others see it until it is done. */
static bool
index_is_abandoned(Relation index)
{
	LOCKTAG tag;
	int nholders;

	SET_LOCKTAG_RELATION(tag, MyDatabaseId, RelationGetRelid(index));
	pfree(GetLockConflicts(&tag, ShareUpdateExclusiveLock, &nholders));
	return nholders == 0;
}

/*
 * index_insert_all - rules R3 and C5.
 *
 * Every ready index gets the entry (REINDEX CONCURRENTLY makes a second one); only the valid one judges
 * uniqueness, the leftover of a cancelled REINDEX CONCURRENTLY may hold keys that died long ago.
 */
static void
index_insert_all(TsdbStore *store, Datum *values, bool *isnull, ItemPointer tid)
{
	for (int i = 0; i < store->nindexes; i++)
	{
		Form_pg_index form = store->indexes[i]->rd_index;

		if (form->indisready)
			(void) index_insert(store->indexes[i], values, isnull, tid, store->toast,
								form->indisunique && form->indisvalid ? UNIQUE_CHECK_YES : UNIQUE_CHECK_NO,
								false, NULL);
	}
}
