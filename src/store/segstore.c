/*-------------------------------------------------------------------------
 *
 * segstore.c
 *	  Segments as rows: find, read and delete them; segwriter.c writes them.
 *
 * See docs/FORMAT.md "Segments".
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "miscadmin.h"
#include "pg/check.h"
#include "store/segstore_private.h"
#include "utils/memutils.h"

#define CACHE_LINE_BYTES 64
#define SUMMARIES_BYTES 2048

struct TsdbSegmentScan
{
	TsdbStore *store;
	Relation rel;
	Snapshot snapshot;
	TsdbStoreScan *rows;
};

static void decode_row(TsdbStore *store, Relation rel, Snapshot snapshot, uint32 series, int32 segment_no,
					   TsdbSpan bytes, TsdbStoredSegment *stored);
static void prefetch_end(TsdbSpan tail);
static TsdbSpan read_long_root(TsdbStore *store, Snapshot snapshot, TsdbSpan *row, TsdbStoredSegment *stored);
static bool cut_tail(TsdbSpan *row, TsdbSpan *tail);
static Size read_stream(TsdbStore *store, Relation rel, Snapshot snapshot, const TsdbSegment *segment,
						uint64 offset, uint8 *bytes, Size nbytes);
static uint64 find_page(Relation rel, const TsdbSegment *segment, uint64 stream_page);

TsdbSegmentScan *
tsdb_segstore_beginscan(TsdbStore *store, Relation rel, Snapshot snapshot,
						uint32 series_from, int32 segment_from, uint32 series_until, int32 segment_until,
						bool backward)
{
	TsdbSegmentScan *scan = palloc(sizeof(TsdbSegmentScan));

	scan->store = store;
	scan->rel = rel;
	scan->snapshot = snapshot;
	scan->rows = tsdb_store_beginscan(store, snapshot, TSDB_KIND_SEGMENT,
									  series_from, segment_from, series_until, segment_until, backward);
	return scan;
}

bool
tsdb_segstore_getnext_pinned(TsdbSegmentScan *scan, TsdbStoredSegment *stored)
{
	TsdbStoreRow row;

	if (!tsdb_store_getnext(scan->rows, &row))
		return false;
	decode_row(scan->store, scan->rel, scan->snapshot, row.id, row.seq, row.bytes, stored);
	stored->tid = row.tid;
	prefetch_end(stored->segment.tail);
	return true;
}

bool
tsdb_segstore_getnext(TsdbSegmentScan *scan, TsdbStoredSegment *stored)
{
	TsdbStoreRow row;
	Size nbytes;
	uint8 *copy;

	if (!tsdb_store_getnext(scan->rows, &row))
		return false;
	nbytes = tsdb_span_left(&row.bytes);
	copy = palloc(nbytes);
	memcpy(copy, row.bytes.at, nbytes);
	decode_row(scan->store, scan->rel, scan->snapshot, row.id, row.seq, tsdb_span(copy, nbytes), stored);
	stored->tid = row.tid;
	return true;
}

void
tsdb_segstore_rescan(TsdbSegmentScan *scan, uint32 series_from, int32 segment_from,
					 uint32 series_until, int32 segment_until)
{
	tsdb_store_rescan(scan->rows, TSDB_KIND_SEGMENT, series_from, segment_from, series_until, segment_until);
}

void
tsdb_segstore_endscan(TsdbSegmentScan *scan)
{
	tsdb_store_endscan(scan->rows);
	pfree(scan);
}

bool
tsdb_segstore_find(TsdbStore *store, Relation rel, Snapshot snapshot, uint32 series, int32 segment_no,
				   TsdbStoredSegment *stored)
{
	TsdbSpan bytes;
	ItemPointerData tid;

	if (!tsdb_store_find(store, snapshot, TSDB_KIND_SEGMENT, series, segment_no, &bytes, &tid))
		return false;
	decode_row(store, rel, snapshot, series, segment_no, bytes, stored);
	stored->tid = tid;
	return true;
}

TsdbSpan
tsdb_segstore_chunk(TsdbStore *store, Relation rel, Snapshot snapshot, const TsdbSegment *segment, TsdbChunkRef ref)
{
	uint8 *bytes = palloc(Max(ref.nbytes, 1));
	uint64 offset = ref.offset;
	Size done = 0;
	TsdbSpan chunk;

	if (offset > segment->stream_bytes || ref.nbytes > segment->stream_bytes - offset)
		TSDB_CHECK(TSDB_CORRUPT, rel, "A chunk of series %u, segment %d, lies outside the stream.",
				   segment->series, segment->segment_no);
	while (done < ref.nbytes)
	{
		Size take = read_stream(store, rel, snapshot, segment, offset, bytes + done, ref.nbytes - done);

		done += take;
		offset += take;
	}
	chunk = tsdb_span(bytes, ref.nbytes);
	TSDB_CHECK(tsdb_span_cut_crc(&chunk) ? TSDB_OK : TSDB_CORRUPT, rel,
			   "A chunk of %u bytes at offset %llu of series %u, segment %d, does not match its checksum.",
			   ref.nbytes, (unsigned long long) ref.offset, segment->series, segment->segment_no);
	return chunk;
}

void
tsdb_segstore_open_group(TsdbStore *store, Relation rel, Snapshot snapshot, const TsdbSegment *segment,
						 uint32 group_no, TsdbGroupBase *base)
{
	TsdbMem mem = tsdb_mem_context(CurrentMemoryContext);
	const TsdbSegmentGroup *group = &segment->groups[group_no];
	TsdbSpan bytes = tsdb_segstore_chunk(store, rel, snapshot, segment, group->base);

	TSDB_CHECK(tsdb_groupbase_open(bytes, base, segment, group, &mem), rel,
			   "Group %u of series %u, segment %d, does not decode.", group_no, segment->series, segment->segment_no);
}

void
tsdb_segstore_read_blocks(Relation rel, const TsdbSegment *segment, uint32 group_no, TsdbGroupBase *base)
{
	TsdbMem mem = tsdb_mem_context(CurrentMemoryContext);

	TSDB_CHECK(tsdb_groupbase_read_blocks(base, segment, &segment->groups[group_no], &mem), rel,
			   "Group %u of series %u, segment %d, does not decode.", group_no, segment->series, segment->segment_no);
}

void
tsdb_segstore_group(TsdbStore *store, Relation rel, Snapshot snapshot, const TsdbSegment *segment,
					uint32 group_no, TsdbGroupBase *base)
{
	tsdb_segstore_open_group(store, rel, snapshot, segment, group_no, base);
	tsdb_segstore_read_blocks(rel, segment, group_no, base);
}

bool
tsdb_segstore_open_groupcolumn(TsdbStore *store, Relation rel, Snapshot snapshot, const TsdbSegment *segment,
							   const TsdbGroupBase *base, int column_index, TsdbGroupColumn *column)
{
	TsdbMem mem = tsdb_mem_context(CurrentMemoryContext);
	TsdbSpan bytes;

	if (base->columns[column_index].nbytes == 0)
		return false;
	bytes = tsdb_segstore_chunk(store, rel, snapshot, segment, base->columns[column_index]);
	TSDB_CHECK(tsdb_groupcolumn_open(bytes, column, base->nblocks, &mem), rel,
			   "A group of column %d of series %u, segment %d, does not decode.",
			   segment->columns[column_index].attnum, segment->series, segment->segment_no);
	return true;
}

void
tsdb_segstore_read_cells(Relation rel, const TsdbSegment *segment, const TsdbGroupBase *base, int column_index,
						 TsdbGroupColumn *column)
{
	TsdbMem mem = tsdb_mem_context(CurrentMemoryContext);

	TSDB_CHECK(tsdb_groupcolumn_read_cells(column, base->nblocks, &mem), rel,
			   "A group of column %d of series %u, segment %d, does not decode.",
			   segment->columns[column_index].attnum, segment->series, segment->segment_no);
}

bool
tsdb_segstore_groupcolumn(TsdbStore *store, Relation rel, Snapshot snapshot, const TsdbSegment *segment,
						  const TsdbGroupBase *base, int column_index, TsdbGroupColumn *column)
{
	if (!tsdb_segstore_open_groupcolumn(store, rel, snapshot, segment, base, column_index, column))
		return false;
	tsdb_segstore_read_cells(rel, segment, base, column_index, column);
	return true;
}

void
tsdb_segstore_block_times(TsdbStore *store, Relation rel, Snapshot snapshot, const TsdbSegment *segment,
						  const TsdbBlock *block, int64 *times)
{
	tsdb_segstore_some_times(store, rel, snapshot, segment, block, times, 0, block->nrows);
	if (times[0] != block->first_time || times[block->nrows - 1] != block->last_time)
		TSDB_CHECK(TSDB_CORRUPT, rel, "The times of block %u of series %u, segment %d, do not decode.",
				   block->block_id, segment->series, segment->segment_no);
}

void
tsdb_segstore_some_times(TsdbStore *store, Relation rel, Snapshot snapshot, const TsdbSegment *segment,
						 const TsdbBlock *block, int64 *times, uint32 from, uint32 until)
{
	TsdbMem mem = tsdb_mem_context(CurrentMemoryContext);
	TsdbSpan bytes = tsdb_segstore_chunk(store, rel, snapshot, segment, block->times);
	TsdbStatus status = tsdb_times_decode_range(bytes, times, block->nrows, from, until, block->from_us, &mem);

	TSDB_CHECK(status, rel, "The times of block %u of series %u, segment %d, do not decode.",
			   block->block_id, segment->series, segment->segment_no);
}

void
tsdb_segstore_delete(TsdbStore *store, Relation rel, Snapshot snapshot, const TsdbStoredSegment *stored)
{
	tsdb_segstore_delete_root(store, snapshot, stored);
	for (uint32 i = 0; i < stored->segment.npages; i++)
	{
		CHECK_FOR_INTERRUPTS();
		tsdb_store_delete_page(store, snapshot, stored->segment.pages[i].page_no);
	}
}

void
tsdb_segstore_delete_root(TsdbStore *store, Snapshot snapshot, const TsdbStoredSegment *stored)
{
	ItemPointerData tid = stored->tid;

	for (uint32 i = 0; i < stored->root_npages; i++)
		tsdb_store_delete_page(store, snapshot, stored->root_page + i);
	tsdb_store_delete(store, &tid);
}

// private functions

/* The decoded root and the tail point into bytes, which must live in the current context. */
static void
decode_row(TsdbStore *store, Relation rel, Snapshot snapshot, uint32 series, int32 segment_no,
		   TsdbSpan bytes, TsdbStoredSegment *stored)
{
	TsdbMem mem = tsdb_mem_context(CurrentMemoryContext);
	TsdbSegment *segment = &stored->segment;
	TsdbSpan tail = {NULL, NULL};
	uint8 form;
	bool ok;

	stored->root_page = stored->root_npages = 0;
	ok = tsdb_span_read_u8(&bytes, &form) && form <= TSDB_ROOT_WITH_TAIL;
	if (ok && form == TSDB_ROOT_IN_PAGES)
	{
		bytes = read_long_root(store, snapshot, &bytes, stored);
		ok = bytes.at != NULL;
	}
	else if (ok && form == TSDB_ROOT_WITH_TAIL)
		ok = cut_tail(&bytes, &tail);
	stored->root_bytes = tsdb_span_left(&bytes);
	ok = ok && tsdb_segment_decode(bytes, segment, &mem) == TSDB_OK &&
		 segment->series == series && segment->segment_no == segment_no &&
		 tsdb_span_left(&tail) <= segment->stream_bytes;
	TSDB_CHECK(ok ? TSDB_OK : TSDB_CORRUPT, rel, "The root of series %u, segment %d, does not decode.",
			   series, segment_no);
	segment->tail = tail;
}

/* prefetch_end - the summaries of the last group are written last: fetch them into the processor's cache. */
static void
prefetch_end(TsdbSpan tail)
{
	Size nbytes = Min(tsdb_span_left(&tail), SUMMARIES_BYTES);

	for (Size i = 0; i < nbytes; i += CACHE_LINE_BYTES)
		__builtin_prefetch(tail.end - i - 1);
}

/* read_long_root - put a root together that lies in pages; NULL when the row makes no sense. */
static TsdbSpan
read_long_root(TsdbStore *store, Snapshot snapshot, TsdbSpan *row, TsdbStoredSegment *stored)
{
	TsdbSpan nothing = {NULL, NULL};
	uint64 first_page;
	uint64 npages;
	uint64 nbytes;
	uint8 *root;
	Size done = 0;

	if (!tsdb_span_read_varint(row, &first_page) || !tsdb_span_read_varint(row, &npages) ||
		!tsdb_span_read_varint(row, &nbytes) || first_page == 0 || tsdb_span_left(row) != 0 ||
		nbytes >= MaxAllocHugeSize / 2 || npages != (nbytes + TSDB_STORE_MAX_BYTES - 1) / TSDB_STORE_MAX_BYTES)
		return nothing;
	root = MemoryContextAllocHuge(CurrentMemoryContext, nbytes + 1);
	for (uint64 i = 0; i < npages; i++)
	{
		TsdbSpan page = tsdb_store_get_page(store, snapshot, first_page + i);
		Size take = tsdb_span_left(&page);

		CHECK_FOR_INTERRUPTS();
		if (take > nbytes - done)
			return nothing;
		memcpy(root + done, page.at, take);
		done += take;
		pfree(unconstify(uint8 *, page.at));
	}
	stored->root_page = first_page;
	stored->root_npages = npages;
	return done == nbytes ? tsdb_span(root, nbytes) : nothing;
}

/* cut_tail - leave the root in row, give the rest. */
static bool
cut_tail(TsdbSpan *row, TsdbSpan *tail)
{
	TsdbSpan root;
	uint64 nbytes;

	if (!tsdb_span_read_varint(row, &nbytes) || nbytes > tsdb_span_left(row) ||
		!tsdb_span_take(row, nbytes, &root))
		return false;
	*tail = *row;
	*row = root;
	return true;
}

/* read_stream - copy at most nbytes from one place of the stream, in the tail or in a page; returns how many. */
static Size
read_stream(TsdbStore *store, Relation rel, Snapshot snapshot, const TsdbSegment *segment,
			uint64 offset, uint8 *bytes, Size nbytes)
{
	uint64 tail_start = tsdb_segment_tail_start(segment);
	uint64 stream_page = tsdb_segment_pages_for(segment, offset + 1) - 1;
	Size skip = offset - tsdb_segment_page_start(segment, stream_page);
	uint64 page_no;
	Size take;

	if (offset >= tail_start)
	{
		memcpy(bytes, segment->tail.at + (offset - tail_start), nbytes);
		return nbytes;
	}
	page_no = find_page(rel, segment, stream_page);
	take = tsdb_store_read_page(store, snapshot, page_no, skip, bytes, nbytes);
	if (take == 0)
		TSDB_CHECK(TSDB_CORRUPT, rel, "Page %llu of series %u, segment %d, is too short.",
				   (unsigned long long) page_no, segment->series, segment->segment_no);
	return take;
}

static uint64
find_page(Relation rel, const TsdbSegment *segment, uint64 stream_page)
{
	uint32 low = 0;
	uint32 high = segment->npages;

	while (low < high)
	{
		uint32 middle = low + (high - low) / 2;

		if (segment->pages[middle].stream_page < stream_page)
			low = middle + 1;
		else
			high = middle;
	}
	if (low == segment->npages || segment->pages[low].stream_page != stream_page)
		TSDB_CHECK(TSDB_CORRUPT, rel, "Series %u, segment %d, has no page %llu.",
				   segment->series, segment->segment_no, (unsigned long long) stream_page);
	return segment->pages[low].page_no;
}
