/*-------------------------------------------------------------------------
 *
 * store_cut.c
 *	  Give empty pages at the end of the file back to the file system.
 *
 * What VACUUM does at its end, in portions that the caller chooses and without a least share of the file.
 * Empty means: no line pointer in use.  VACUUM frees those, after the index has lost its entries, so nothing refers to such
 * a page any more but hints, which are looked at before they are used.
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/storage.h"
#include "miscadmin.h"
#include "storage/bufmgr.h"
#include "storage/lmgr.h"
#include "utils/rel.h"

#include "store/store.h"

static BlockNumber used_pages(Relation toast, BlockNumber most);
static bool is_empty(Relation toast, BlockNumber blkno);

bool
tsdb_store_cut(Relation toast, BlockNumber npages)
{
	BlockNumber before;
	BlockNumber used;

	if (!ConditionalLockRelation(toast, AccessExclusiveLock))
		return false;
	before = RelationGetNumberOfBlocks(toast);
	used = used_pages(toast, before > npages ? before - npages : 0);
	if (used < before)
		RelationTruncate(toast, used);
	UnlockRelation(toast, AccessExclusiveLock);
	return used <= npages;
}

// private functions

/* used_pages - pages of the file without the empty ones at its end, of which it looks at `most` at most. */
static BlockNumber
used_pages(Relation toast, BlockNumber most)
{
	BlockNumber npages = RelationGetNumberOfBlocks(toast);
	BlockNumber least = npages > most ? npages - most : 0;

	while (npages > least && is_empty(toast, npages - 1))
	{
		CHECK_FOR_INTERRUPTS();
		npages--;
	}
	return npages;
}

static bool
is_empty(Relation toast, BlockNumber blkno)
{
	Buffer buffer = ReadBuffer(toast, blkno);
	bool empty = true;
	Page page;

	LockBuffer(buffer, BUFFER_LOCK_SHARE);
	page = BufferGetPage(buffer);
	for (OffsetNumber offset = FirstOffsetNumber; empty && !PageIsNew(page) && offset <= PageGetMaxOffsetNumber(page); offset++)
		empty = !ItemIdIsUsed(PageGetItemId(page, offset));
	UnlockReleaseBuffer(buffer);
	return empty;
}
