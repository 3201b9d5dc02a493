/*-------------------------------------------------------------------------
 *
 * store_room.c
 *	  Where merged runs lie in the file: at its end, with room in front of them for segments.
 *
 * What a merged run holds is written once more, as segments, and only then is its place free.  A file that just grew
 * would have the segments behind the runs, and VACUUM would move them to the front before it cuts the
 * file, which writes all of them twice.  So runs take the last of the free pages, segments the first; and as long as there are no more
 * free pages than pages of runs, the file grows by twice the length of a new run, which takes the second half.  The first
 * runs leave more room, up to 1.5 MB: it counts for as long as nothing lies behind later ones.
 *
 * Pages that are free for good stay with the free space map; nothing breaks when it is wrong.
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "miscadmin.h"
#include "pg/compat.h"
#include "storage/bufmgr.h"
#include "storage/freespace.h"
#include "utils/rel.h"

#include "store/store_private.h"

#define MAX_PAGES 16384 /* of a file: in bigger ones runs are a small part */
#define FIRST_ROOM 192 /* pages that are free as soon as a quarter of that holds runs */
#define FREE_BYTES (BLCKSZ / 8 * 7)

static BlockNumber *choose_targets(TsdbStore *store, uint32 n);
static uint32 find_last_free(Relation toast, BlockNumber npages, BlockNumber *targets, uint32 n);
static void grow(Relation toast, BlockNumber npages, BlockNumber by);

void
tsdb_store_note_run_pages(TsdbStore *store, uint32 npages)
{
	store->run_pages = npages;
}

void
tsdb_store_put_end_pages(TsdbStore *store, uint64 first_page, const uint8 *bytes, uint32 n, CommandId cid)
{
	BlockNumber *targets = choose_targets(store, n);

	for (uint32 i = 0; i < n; i++)
	{
		const uint8 *at = bytes + (Size) i * TSDB_STORE_MAX_BYTES;
		uint64 page_no = first_page + i;

		CHECK_FOR_INTERRUPTS();
		if (!BlockNumberIsValid(targets[i]))
		{
			tsdb_store_put_page(store, page_no, at, TSDB_STORE_MAX_BYTES, cid);
			continue;
		}
		(void) tsdb_store_put_at(store, TSDB_KIND_PAGE, (uint32) (page_no >> 31), (int32) (page_no & 0x7FFFFFFF), at,
								 TSDB_STORE_MAX_BYTES, cid, targets[i]);
		RecordPageWithFreeSpace(store->toast, targets[i], 0);
	}
	store->run_pages += n;
	pfree(targets);
}

BlockNumber
tsdb_store_piece_page(TsdbStore *store, BlockNumber blkno, Size nbytes)
{
	BlockNumber npages = RelationGetNumberOfBlocks(store->toast);

	if (npages > MAX_PAGES)
		return blkno;
	if (BlockNumberIsValid(blkno) && blkno < npages)
	{
		Size room = tsdb_store_page_room(store->toast, blkno);

		if (room >= nbytes)
			return blkno;
		RecordPageWithFreeSpace(store->toast, blkno, room);
	}
	for (; store->next_free < npages; store->next_free++)
	{
		CHECK_FOR_INTERRUPTS();
		if (GetRecordedFreeSpace(store->toast, store->next_free) >= FREE_BYTES &&
			tsdb_store_page_room(store->toast, store->next_free) >= FREE_BYTES)
			return store->next_free++;
	}
	return blkno;
}

Size
tsdb_store_page_room(Relation toast, BlockNumber blkno)
{
	Buffer buffer = ReadBuffer(toast, blkno);
	Size room;

	LockBuffer(buffer, BUFFER_LOCK_SHARE);
	room = store_free_bytes(BufferGetPage(buffer));
	UnlockReleaseBuffer(buffer);
	return room;
}

// private functions

/* Places for n pages, from the end of the file; InvalidBlockNumber where there is none to prefer. */
static BlockNumber *
choose_targets(TsdbStore *store, uint32 n)
{
	BlockNumber npages = RelationGetNumberOfBlocks(store->toast);
	BlockNumber *targets = palloc_array(BlockNumber, n + 1);
	uint32 runs = store->run_pages + n;
	uint32 wanted = n + Max(runs, Min(4 * runs, FIRST_ROOM));
	uint32 nfree;

	for (uint32 i = 0; i < n; i++)
		targets[i] = InvalidBlockNumber;
	if (n == 0 || npages > MAX_PAGES)
		return targets;
	nfree = find_last_free(store->toast, npages, targets, n);
	if (nfree < wanted)
	{
		uint32 lacking = Min(wanted - nfree, 5 * n);
		uint32 nnew = Min(lacking, n);

		grow(store->toast, npages, lacking);
		memmove(targets + nnew, targets, sizeof(BlockNumber) * (n - nnew));
		for (uint32 i = 0; i < nnew; i++)
			targets[i] = npages + lacking - 1 - i;
	}
	return targets;
}

/* How many pages are free; the last n of them, from the end. */
static uint32
find_last_free(Relation toast, BlockNumber npages, BlockNumber *targets, uint32 n)
{
	uint32 nfree = 0;

	for (BlockNumber blkno = npages; blkno-- > 0;)
	{
		CHECK_FOR_INTERRUPTS();
		if (GetRecordedFreeSpace(toast, blkno) < FREE_BYTES)
			continue;
		if (nfree < n)
			targets[nfree] = blkno;
		nfree++;
	}
	return nfree;
}

/* Add empty pages to the file; the free space map learns of them. */
static void
grow(Relation toast, BlockNumber npages, BlockNumber by)
{
	tsdb_compat_extend(toast, npages + by);
	for (BlockNumber blkno = npages; blkno < npages + by; blkno++)
		RecordPageWithFreeSpace(toast, blkno, BLCKSZ - SizeOfPageHeaderData);
	FreeSpaceMapVacuumRange(toast, npages, npages + by);
}
