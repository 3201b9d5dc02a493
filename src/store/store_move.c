/*-------------------------------------------------------------------------
 *
 * store_move.c
 *	  Rows of the store by their place in the file: what lies in a heap page, to another one.
 *
 * A row that is moved is deleted and inserted again, same key and bytes, by one transaction: whoever
 * reads sees one of the two, as when a row is replaced.  Rows of the dictionary stay: they are
 * frozen, and looked up without a snapshot, which could miss both.
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/heapam.h"
#include "access/htup_details.h"
#include "miscadmin.h"
#include "storage/bufmgr.h"
#include "utils/rel.h"

#include "store/store_private.h"

static bool is_movable(HeapTuple tuple);

bool
tsdb_store_heap_rows(TsdbStore *store, BlockNumber blkno, TransactionId oldest_xmin, TsdbHeapRow *rows, uint32 *nrows)
{
	Buffer buffer = ReadBuffer(store->toast, blkno);
	Page page = BufferGetPage(buffer);
	bool can_empty = true;
	OffsetNumber last;

	*nrows = 0;
	LockBuffer(buffer, BUFFER_LOCK_SHARE);
	last = PageIsNew(page) ? 0 : PageGetMaxOffsetNumber(page);
	for (OffsetNumber offset = FirstOffsetNumber; offset <= last && can_empty; offset++)
	{
		ItemId item = PageGetItemId(page, offset);
		HeapTupleData tuple;
		HTSV_Result state;

		if (!ItemIdIsNormal(item))
			continue;
		tuple.t_tableOid = RelationGetRelid(store->toast);
		tuple.t_data = (HeapTupleHeader) PageGetItem(page, item);
		tuple.t_len = ItemIdGetLength(item);
		ItemPointerSet(&tuple.t_self, blkno, offset);
		state = HeapTupleSatisfiesVacuum(&tuple, oldest_xmin, buffer);
		if (state == HEAPTUPLE_DEAD)
			continue;
		can_empty = state == HEAPTUPLE_LIVE && is_movable(&tuple);
		if (can_empty)
		{
			rows[*nrows].tuple = heap_copytuple(&tuple);
			rows[*nrows].heap_bytes = MAXALIGN(tuple.t_len);
			(*nrows)++;
		}
	}
	UnlockReleaseBuffer(buffer);
	return can_empty;
}

Size
tsdb_store_heap_room(TsdbStore *store, BlockNumber blkno, uint32 nrows)
{
	Buffer buffer = ReadBuffer(store->toast, blkno);
	uint32 nfree = 0;
	Page page;
	Size room;

	LockBuffer(buffer, BUFFER_LOCK_SHARE);
	page = BufferGetPage(buffer);
	room = store_free_bytes(page);
	/* Core counts a line pointer for each row that it adds, and then uses one that is free. */
	for (OffsetNumber offset = FirstOffsetNumber; !PageIsNew(page) && offset <= PageGetMaxOffsetNumber(page); offset++)
		nfree += !ItemIdIsUsed(PageGetItemId(page, offset));
	room += Min(nfree, nrows - 1) * sizeof(ItemIdData);
	UnlockReleaseBuffer(buffer);
	return room;
}

BlockNumber
tsdb_store_move(TsdbStore *store, const TsdbHeapRow *row, BlockNumber target, CommandId cid)
{
	TsdbStoreRow content;

	tsdb_store_read_row(store, row->tuple, &content);
	tsdb_store_delete(store, &row->tuple->t_self);
	return tsdb_store_put_at(store, content.kind, content.id, content.seq,
							 content.bytes.at, tsdb_span_left(&content.bytes), cid, target);
}

// private functions

/* is_movable - is it a sound row of a kind that may be moved? */
static bool
is_movable(HeapTuple tuple)
{
	TsdbStoreRow content;

	return tsdb_store_parse_row(tuple, &content) == NULL &&
		   (content.kind == TSDB_KIND_RUN || content.kind == TSDB_KIND_SEGMENT || content.kind == TSDB_KIND_PAGE);
}
