/*-------------------------------------------------------------------------
 *
 * move.c
 *	  Move rows from the end of a table's storage into free space in front of it.
 *
 * Heap pages are emptied from the end down to `cut`, the first page that has to go: what lies
 * behind it fits into the free space before it.  Stretches of pages are taken from the end, the pages of one in
 * their order, which keeps streams readable in one go.  The rows of a page go together to the page that has just enough
 * room for them, the lowest of those; if there is none, each goes to one of its own.  What fits by the sum of bytes may
 * fit nowhere in one piece: then the cut moves up, page by page, until one of those behind it has the room.
 * For each page that it moved up, at the end, a page in front that is half empty goes into the gaps of others: that room
 * counts after the next vacuum.  Whatever can't be moved ends the work: pages before it could not be given back.
 *
 * Rows that are moved count as deleted and inserted, by an ordinary transaction, under the
 * locks of a compaction.  So readers and standbys see what they saw, and a crash undoes a step.
 * See docs/ARCHITECTURE.md "Giving space back".
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "maint/move.h"
#include "maint/progress.h"
#include "miscadmin.h"
#include "pg/debug_point.h"
#include "storage/bufmgr.h"
#include "storage/freespace.h"
#include "storage/lmgr.h"
#include "storage/procarray.h"
#include "store/metapage.h"
#include "store/store.h"
#include "utils/memutils.h"

#define STEP_BYTES (64 * 1024 * 1024) /* moved in a transaction */
#define MAX_STRETCH 128 /* pages; or an eighth of what has to go: room may turn out to be less than it seemed */
#define ROOM_UNIT 32 /* bytes: room is kept rounded down to this */
#define NUNITS (BLCKSZ / ROOM_UNIT)
#define MIN_UNITS 4 /* less room holds no row worth moving */

struct TsdbMove
{
	Oid toast_oid;
	BlockNumber cut; /* pages from here on are to be emptied */
	BlockNumber from; /* those of the stretch that is being emptied */
	BlockNumber next; /* pages from here on are empty */
	uint64 rows;
	uint64 bytes;

	/* pages before the cut by the room they have */
	BlockNumber nraised; /* pages that the cut moved up by */
	BlockNumber capacity; /* pages of the file beyond that are not listed */
	BlockNumber *following; /* the next page in the list of those with so many units */
	BlockNumber first[NUNITS]; /* heads of these lists */
};

static BlockNumber find_cut(TsdbStore *store, BlockNumber npages);
static BlockNumber raise_cut(TsdbStore *store, BlockNumber cut, BlockNumber npages);
static void list_room(TsdbMove *move, TsdbStore *store);
static uint8 free_units(TsdbStore *store, BlockNumber blkno);
static void add_room(TsdbMove *move, BlockNumber blkno, Size nbytes);
static BlockNumber take_room(TsdbMove *move, TsdbStore *store, Size nbytes, uint32 nrows);
static BlockNumber find_room(TsdbMove *move, TsdbStore *store, Size nbytes);
static bool empty_stretch(TsdbMove *move, TsdbStore *store, CommandId cid);
static void merge_sparse(TsdbMove *move, TsdbStore *store, CommandId cid);
static bool empty_page(TsdbMove *move, TsdbStore *store, BlockNumber blkno, bool as_one, CommandId cid);
static BlockNumber take_room_for_all(TsdbMove *move, TsdbStore *store, const TsdbHeapRow *rows, uint32 nrows);
static bool move_together(TsdbMove *move, TsdbStore *store, const TsdbHeapRow *rows, uint32 nrows,
						  BlockNumber target, CommandId cid);
static bool move_singly(TsdbMove *move, TsdbStore *store, TsdbHeapRow *rows, uint32 nrows, CommandId cid);
static void put_back(TsdbMove *move, TsdbStore *store, BlockNumber blkno);
static bool move_row(TsdbMove *move, TsdbStore *store, const TsdbHeapRow *row, BlockNumber target, CommandId cid);
static int compare_sizes(const void *a, const void *b);

TsdbMove *
tsdb_move_begin(Relation rel, uint32 least_share, BlockNumber least_pages)
{
	TsdbStore *store = tsdb_store_open(rel, AccessShareLock, false);
	TsdbMove *move = NULL;
	BlockNumber npages;
	BlockNumber least;
	BlockNumber cut;

	if (store == NULL)
		return NULL;
	npages = RelationGetNumberOfBlocks(tsdb_store_rel(store));
	least = Max(npages / least_share, least_pages);
	cut = find_cut(store, npages);
	if (npages - cut >= least)
		cut = raise_cut(store, cut, npages);
	if (npages - cut >= least)
	{
		move = palloc0(sizeof(TsdbMove));
		move->toast_oid = tsdb_store_relid(store);
		move->cut = cut;
		move->from = move->next = npages;
		list_room(move, store);
	}
	tsdb_store_close(store);
	return move;
}

bool
tsdb_move_step(Relation rel, TsdbMove *move)
{
	MemoryContext work = AllocSetContextCreate(CurrentMemoryContext, "tsdb move", ALLOCSET_DEFAULT_SIZES);
	MemoryContext caller = MemoryContextSwitchTo(work);
	TsdbStore *store = tsdb_store_open(rel, RowExclusiveLock, false);
	uint64 until = move->bytes + STEP_BYTES;
	bool more = false;

	if (store != NULL && tsdb_store_relid(store) == move->toast_oid &&
		RelationGetNumberOfBlocks(tsdb_store_rel(store)) >= move->next &&
		ConditionalLockPage(rel, TSDB_LOCK_COMPACT, ExclusiveLock))
	{
		CommandId cid = GetCurrentCommandId(true);

		tsdb_progress_start(RelationGetRelid(rel));
		tsdb_progress_phase(TSDB_PHASE_MOVING, 0);
		do
		{
			more = move->next > move->cut && empty_stretch(move, store, cid);
			tsdb_progress_set(move->rows);
		} while (more && move->bytes < until);
		if (!more)
			merge_sparse(move, store, cid);
		TSDB_DEBUG_POINT("move_before_commit");
		tsdb_progress_end();
	}
	if (store != NULL)
		tsdb_store_close(store);
	MemoryContextSwitchTo(caller);
	MemoryContextDelete(work);
	return more;
}

Oid
tsdb_move_toast(const TsdbMove *move)
{
	return move->toast_oid;
}

BlockNumber
tsdb_move_end(const TsdbMove *move)
{
	return move->next;
}

uint64
tsdb_move_rows(const TsdbMove *move)
{
	return move->rows;
}

uint64
tsdb_move_bytes(const TsdbMove *move)
{
	return move->bytes;
}

// private functions

/* find_cut - the first page from which on everything fits into the free space before it, by the free space map. */
static BlockNumber
find_cut(TsdbStore *store, BlockNumber npages)
{
	BlockNumber cut = npages;
	uint64 room = 0; /* before the cut */
	uint64 used = 0; /* behind it */

	for (BlockNumber blkno = 0; blkno < npages; blkno++)
	{
		CHECK_FOR_INTERRUPTS();
		room += free_units(store, blkno);
	}
	while (cut > 0)
	{
		uint8 units = free_units(store, cut - 1);

		CHECK_FOR_INTERRUPTS();
		if (used + (NUNITS - 1 - units) > room - units)
			break;
		used += NUNITS - 1 - units;
		room -= units;
		cut--;
	}
	return cut;
}

/* raise_cut - up to the last page that can't be emptied now. */
static BlockNumber
raise_cut(TsdbStore *store, BlockNumber cut, BlockNumber npages)
{
	MemoryContext work = AllocSetContextCreate(CurrentMemoryContext, "tsdb move", ALLOCSET_DEFAULT_SIZES);
	MemoryContext caller = MemoryContextSwitchTo(work);
	TransactionId oldest_xmin = GetOldestNonRemovableTransactionId(tsdb_store_rel(store));
	TsdbHeapRow *rows = MemoryContextAlloc(caller, sizeof(TsdbHeapRow) * TSDB_HEAP_MAX_ROWS);
	BlockNumber blkno = npages;
	uint32 nrows;

	while (blkno > cut)
	{
		CHECK_FOR_INTERRUPTS();
		if (!tsdb_store_heap_rows(store, blkno - 1, oldest_xmin, rows, &nrows))
			break;
		blkno--;
		MemoryContextReset(work);
	}
	MemoryContextSwitchTo(caller);
	MemoryContextDelete(work);
	pfree(rows);
	return blkno;
}

/* list_room - list the pages before the cut by their room, low ones first. */
static void
list_room(TsdbMove *move, TsdbStore *store)
{
	move->capacity = Min((Size) move->next, (Size) maintenance_work_mem * 1024 / sizeof(*move->following));
	move->following = MemoryContextAllocHuge(CurrentMemoryContext, Max(move->capacity, 1) * sizeof(*move->following));
	for (int units = 0; units < NUNITS; units++)
		move->first[units] = InvalidBlockNumber;
	for (BlockNumber blkno = Min(move->cut, move->capacity); blkno-- > 0;)
	{
		CHECK_FOR_INTERRUPTS();
		add_room(move, blkno, (Size) free_units(store, blkno) * ROOM_UNIT);
	}
}

/* free_units - room of a page as the free space map knows it; the most it tells is that of an empty page. */
static uint8
free_units(TsdbStore *store, BlockNumber blkno)
{
	Size room = GetRecordedFreeSpace(tsdb_store_rel(store), blkno);

	return room >= MaxHeapTupleSize ? NUNITS - 1 : room / ROOM_UNIT;
}

static void
add_room(TsdbMove *move, BlockNumber blkno, Size nbytes)
{
	uint8 units = Min(nbytes / ROOM_UNIT, NUNITS - 1);

	if (units < MIN_UNITS || blkno >= move->capacity)
		return;
	move->following[blkno] = move->first[units];
	move->first[units] = blkno;
}

/* take_room - take the page off its list that has the least room for nrows rows of nbytes; it has that room indeed. */
static BlockNumber
take_room(TsdbMove *move, TsdbStore *store, Size nbytes, uint32 nrows)
{
	/* Of an empty page as much as a row can take. */
	for (Size units = Min((nbytes + ROOM_UNIT - 1) / ROOM_UNIT, NUNITS - 1); units < NUNITS; units++)
		while (BlockNumberIsValid(move->first[units]))
		{
			BlockNumber blkno = move->first[units];
			Size room = tsdb_store_heap_room(store, blkno, nrows);

			CHECK_FOR_INTERRUPTS();
			move->first[units] = move->following[blkno];
			if (room >= nbytes)
				return blkno;
			/* Others have used it, or it is a line pointer short. */
			add_room(move, blkno, Min(room, (units - 1) * ROOM_UNIT));
		}
	return InvalidBlockNumber;
}

/* find_room - as take_room for a row; if there is none before the cut, behind it, and the cut moves up to there. */
static BlockNumber
find_room(TsdbMove *move, TsdbStore *store, Size nbytes)
{
	BlockNumber target = take_room(move, store, nbytes, 1);

	while (!BlockNumberIsValid(target) && move->cut < move->from)
	{
		CHECK_FOR_INTERRUPTS();
		add_room(move, move->cut, (Size) free_units(store, move->cut) * ROOM_UNIT);
		move->cut++;
		move->nraised++;
		target = take_room(move, store, nbytes, 1);
	}
	return target;
}

/* empty_stretch - empty the last pages that are not; false when that can't be done. */
static bool
empty_stretch(TsdbMove *move, TsdbStore *store, CommandId cid)
{
	BlockNumber left = move->next - move->cut;

	move->from = move->next - Min(left / 8 + 1, MAX_STRETCH);
	for (BlockNumber blkno = move->from; blkno < move->next; blkno++)
	{
		CHECK_FOR_INTERRUPTS();
		if (!empty_page(move, store, blkno, false, cid))
			return false;
	}
	move->next = move->from;
	return true;
}

/* merge_sparse - empty pages in front, the emptiest first, into gaps of others: one for each that the cut moved up by. */
static void
merge_sparse(TsdbMove *move, TsdbStore *store, CommandId cid)
{
	if (BlockNumberIsValid(move->first[NUNITS - 1]))
		return; /* there is room */
	for (int units = NUNITS - 2; units >= NUNITS / 2; units--)
		while (move->nraised > 0 && BlockNumberIsValid(move->first[units]))
		{
			BlockNumber blkno = move->first[units];

			CHECK_FOR_INTERRUPTS();
			move->first[units] = move->following[blkno];
			move->nraised -= empty_page(move, store, blkno, true, cid);
		}
}

/* empty_page - move all rows of a page, to one other or wherever there is room; false when that can't be done. */
static bool
empty_page(TsdbMove *move, TsdbStore *store, BlockNumber blkno, bool as_one, CommandId cid)
{
	MemoryContext work = AllocSetContextCreate(CurrentMemoryContext, "tsdb move page", ALLOCSET_DEFAULT_SIZES);
	MemoryContext caller = MemoryContextSwitchTo(work);
	TransactionId oldest_xmin = GetOldestNonRemovableTransactionId(tsdb_store_rel(store));
	TsdbHeapRow *rows = palloc_array(TsdbHeapRow, TSDB_HEAP_MAX_ROWS);
	uint32 nrows;
	bool done = tsdb_store_heap_rows(store, blkno, oldest_xmin, rows, &nrows);

	if (done && nrows > 0)
	{
		BlockNumber target = take_room_for_all(move, store, rows, nrows);

		if (BlockNumberIsValid(target))
			done = move_together(move, store, rows, nrows, target, cid);
		else
			done = !as_one && move_singly(move, store, rows, nrows, cid);
	}
	MemoryContextSwitchTo(caller);
	MemoryContextDelete(work);
	return done;
}

static BlockNumber
take_room_for_all(TsdbMove *move, TsdbStore *store, const TsdbHeapRow *rows, uint32 nrows)
{
	Size nbytes = 0;

	for (uint32 i = 0; i < nrows; i++)
		nbytes += rows[i].heap_bytes + (i > 0 ? sizeof(ItemIdData) : 0);
	return take_room(move, store, nbytes, nrows);
}

static bool
move_together(TsdbMove *move, TsdbStore *store, const TsdbHeapRow *rows, uint32 nrows, BlockNumber target, CommandId cid)
{
	bool done = true;

	for (uint32 i = 0; done && i < nrows; i++)
		done = move_row(move, store, &rows[i], target, cid);
	put_back(move, store, target);
	return done;
}

/* move_singly - each row to a page of its own, big ones first; false when one finds none. */
static bool
move_singly(TsdbMove *move, TsdbStore *store, TsdbHeapRow *rows, uint32 nrows, CommandId cid)
{
	bool done = true;

	qsort(rows, nrows, sizeof(TsdbHeapRow), compare_sizes);
	for (uint32 i = 0; done && i < nrows; i++)
	{
		BlockNumber target = find_room(move, store, rows[i].heap_bytes);

		done = BlockNumberIsValid(target) && move_row(move, store, &rows[i], target, cid);
		if (done)
			put_back(move, store, target);
	}
	return done;
}

/* put_back - list a page again that took rows; the free space map learns of it too, for whoever looks before the next vacuum. */
static void
put_back(TsdbMove *move, TsdbStore *store, BlockNumber blkno)
{
	Size room = tsdb_store_heap_room(store, blkno, 1);

	RecordPageWithFreeSpace(tsdb_store_rel(store), blkno, room);
	add_room(move, blkno, room);
}

/* move_row - false when it went elsewhere: somebody else has taken the room meanwhile. */
static bool
move_row(TsdbMove *move, TsdbStore *store, const TsdbHeapRow *row, BlockNumber target, CommandId cid)
{
	move->rows++;
	move->bytes += row->heap_bytes;
	return tsdb_store_move(store, row, target, cid) == target;
}

static int
compare_sizes(const void *a, const void *b)
{
	Size left = ((const TsdbHeapRow *) a)->heap_bytes;
	Size right = ((const TsdbHeapRow *) b)->heap_bytes;

	return left > right ? -1 : left < right;
}
