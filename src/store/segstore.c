/*-------------------------------------------------------------------------
 *
 * segstore.c
 *	  Segments as rows: root, stream of pages, copy-on-write writer.
 *
 * SEGMENT row: { form u8 = 0, root bytes } or { form u8 = 1, first page
 * varint, number of pages varint, root bytes varint }.
 *
 * See docs/FORMAT.md "Segments".
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "miscadmin.h"
#include "pg/check.h"
#include "store/metapage.h"
#include "store/segstore.h"
#include "utils/memutils.h"

#define ROOT_IN_ROW 0
#define ROOT_IN_PAGES 1

struct TsdbSegmentScan
{
	TsdbStore *store;
	Relation rel;
	Snapshot snapshot;
	TsdbStoreScan *rows;
};

struct TsdbSegmentWriter
{
	TsdbStore *store;
	Relation rel;
	Snapshot snapshot;
	CommandId cid;
	const TsdbStoredSegment *old;
	bool rewrite;
	uint64 stream_bytes;
	TsdbSegmentPage *pages; /* full pages of the new stream, old ones that stay first */
	uint32 npages;
	uint32 capacity;
	uint64 replaced_page; /* page_no of the old last page when it is written anew, 0 = none */
	uint8 tail[TSDB_SEGMENT_PAGE_BYTES]; /* bytes of the page that is being filled */
};

static void decode_row(TsdbStore *store, Relation rel, Snapshot snapshot, uint32 series, int32 segment_no,
					   TsdbSpan bytes, TsdbStoredSegment *stored);
static uint64 find_page(Relation rel, const TsdbSegment *segment, uint64 stream_page);
static void load_tail(TsdbSegmentWriter *writer);
static void append_bytes(TsdbSegmentWriter *writer, const void *bytes, Size nbytes);
static void write_tail(TsdbSegmentWriter *writer, Size nbytes);
static void put_root(TsdbSegmentWriter *writer, const TsdbSegment *segment);
static void delete_root(TsdbStore *store, Snapshot snapshot, const TsdbStoredSegment *stored);

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
		uint64 page_no = find_page(rel, segment, offset / TSDB_SEGMENT_PAGE_BYTES);
		Size skip = offset % TSDB_SEGMENT_PAGE_BYTES;
		TsdbSpan page = tsdb_store_get_page(store, snapshot, page_no);
		Size take;

		if (tsdb_span_left(&page) <= skip)
			TSDB_CHECK(TSDB_CORRUPT, rel, "Page %llu of series %u, segment %d, is too short.",
					   (unsigned long long) page_no, segment->series, segment->segment_no);
		take = Min(tsdb_span_left(&page) - skip, ref.nbytes - done);
		memcpy(bytes + done, page.at + skip, take);
		pfree(unconstify(uint8 *, page.at));
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
tsdb_segstore_group(TsdbStore *store, Relation rel, Snapshot snapshot, const TsdbSegment *segment,
					uint32 group_no, TsdbGroupBase *base)
{
	TsdbMem mem = tsdb_mem_context(CurrentMemoryContext);
	const TsdbSegmentGroup *group = &segment->groups[group_no];
	TsdbSpan bytes = tsdb_segstore_chunk(store, rel, snapshot, segment, group->base);

	TSDB_CHECK(tsdb_groupbase_decode(bytes, base, segment, group, &mem), rel,
			   "Group %u of series %u, segment %d, does not decode.", group_no, segment->series, segment->segment_no);
}

bool
tsdb_segstore_groupcolumn(TsdbStore *store, Relation rel, Snapshot snapshot, const TsdbSegment *segment,
						  const TsdbGroupBase *base, int column_index, TsdbGroupColumn *column)
{
	TsdbMem mem = tsdb_mem_context(CurrentMemoryContext);
	TsdbSpan bytes;

	if (base->columns[column_index].nbytes == 0)
		return false;
	bytes = tsdb_segstore_chunk(store, rel, snapshot, segment, base->columns[column_index]);
	TSDB_CHECK(tsdb_groupcolumn_decode(bytes, column, base->nblocks, &mem), rel,
			   "A group of column %d of series %u, segment %d, does not decode.",
			   segment->columns[column_index].attnum, segment->series, segment->segment_no);
	return true;
}

void
tsdb_segstore_block_times(TsdbStore *store, Relation rel, Snapshot snapshot, const TsdbSegment *segment,
						  const TsdbBlock *block, int64 *times)
{
	TsdbMem mem = tsdb_mem_context(CurrentMemoryContext);
	TsdbSpan bytes = tsdb_segstore_chunk(store, rel, snapshot, segment, block->times);
	TsdbStatus status = tsdb_times_decode(bytes, times, block->nrows, block->from_us, &mem);

	if (status == TSDB_OK && (times[0] != block->first_time || times[block->nrows - 1] != block->last_time))
		status = TSDB_CORRUPT;
	TSDB_CHECK(status, rel, "The times of block %u of series %u, segment %d, do not decode.",
			   block->block_id, segment->series, segment->segment_no);
}

TsdbSegmentWriter *
tsdb_segwriter_begin(TsdbStore *store, Relation rel, Snapshot snapshot,
					 const TsdbStoredSegment *old, bool rewrite, CommandId cid)
{
	TsdbSegmentWriter *writer = palloc0(sizeof(TsdbSegmentWriter));

	writer->store = store;
	writer->rel = rel;
	writer->snapshot = snapshot;
	writer->cid = cid;
	writer->old = old;
	writer->rewrite = rewrite;
	writer->capacity = 16;
	if (old != NULL && !rewrite)
	{
		writer->capacity += old->segment.npages;
		writer->stream_bytes = old->segment.stream_bytes;
	}
	writer->pages = palloc_array(TsdbSegmentPage, writer->capacity);
	if (old != NULL && !rewrite)
	{
		writer->npages = old->segment.npages;
		memcpy(writer->pages, old->segment.pages, sizeof(TsdbSegmentPage) * writer->npages);
	}
	return writer;
}

TsdbChunkRef
tsdb_segwriter_append(TsdbSegmentWriter *writer, const void *bytes, Size nbytes)
{
	TsdbChunkRef ref;
	uint32 crc = tsdb_crc32c(bytes, nbytes);

	ref.offset = writer->stream_bytes;
	ref.nbytes = nbytes + sizeof(crc);
	load_tail(writer);
	append_bytes(writer, bytes, nbytes);
	append_bytes(writer, &crc, sizeof(crc));
	return ref;
}

void
tsdb_segwriter_finish(TsdbSegmentWriter *writer, TsdbSegment *segment)
{
	const TsdbStoredSegment *old = writer->old;
	Size filled = writer->stream_bytes % TSDB_SEGMENT_PAGE_BYTES;
	bool appended = old == NULL || writer->rewrite || writer->stream_bytes != old->segment.stream_bytes;

	if (filled > 0 && appended)
		write_tail(writer, filled);
	segment->stream_bytes = writer->stream_bytes;
	segment->pages = writer->pages;
	segment->npages = writer->npages;

	if (old != NULL)
	{
		delete_root(writer->store, writer->snapshot, old);
		if (writer->replaced_page != 0)
			tsdb_store_delete_page(writer->store, writer->snapshot, writer->replaced_page);
		for (uint32 i = 0; writer->rewrite && i < old->segment.npages; i++)
		{
			CHECK_FOR_INTERRUPTS();
			tsdb_store_delete_page(writer->store, writer->snapshot, old->segment.pages[i].page_no);
		}
	}
	put_root(writer, segment);
	pfree(writer);
}

void
tsdb_segstore_delete(TsdbStore *store, Relation rel, Snapshot snapshot, const TsdbStoredSegment *stored)
{
	delete_root(store, snapshot, stored);
	for (uint32 i = 0; i < stored->segment.npages; i++)
	{
		CHECK_FOR_INTERRUPTS();
		tsdb_store_delete_page(store, snapshot, stored->segment.pages[i].page_no);
	}
}

// private functions

/* The decoded root points into bytes, which must live in the current context. */
static void
decode_row(TsdbStore *store, Relation rel, Snapshot snapshot, uint32 series, int32 segment_no,
		   TsdbSpan bytes, TsdbStoredSegment *stored)
{
	TsdbMem mem = tsdb_mem_context(CurrentMemoryContext);
	uint8 form;
	uint64 first_page = 0;
	uint64 npages = 0;
	uint64 nbytes = 0;
	bool ok;

	ok = tsdb_span_read_u8(&bytes, &form) && form <= ROOT_IN_PAGES;
	if (ok && form == ROOT_IN_PAGES)
		ok = tsdb_span_read_varint(&bytes, &first_page) && tsdb_span_read_varint(&bytes, &npages) &&
			 tsdb_span_read_varint(&bytes, &nbytes) && first_page > 0 && tsdb_span_left(&bytes) == 0 &&
			 nbytes < MaxAllocHugeSize / 2 && npages == (nbytes + TSDB_STORE_MAX_BYTES - 1) / TSDB_STORE_MAX_BYTES;
	if (ok && form == ROOT_IN_PAGES)
	{
		uint8 *root = MemoryContextAllocHuge(CurrentMemoryContext, nbytes + 1);
		Size done = 0;

		for (uint64 i = 0; ok && i < npages; i++)
		{
			TsdbSpan page = tsdb_store_get_page(store, snapshot, first_page + i);
			Size take = tsdb_span_left(&page);

			CHECK_FOR_INTERRUPTS();
			ok = take <= nbytes - done;
			if (ok)
				memcpy(root + done, page.at, take);
			done += take;
			pfree(unconstify(uint8 *, page.at));
		}
		ok = ok && done == nbytes;
		bytes = tsdb_span(root, nbytes);
	}
	stored->root_page = first_page;
	stored->root_npages = npages;
	stored->root_bytes = tsdb_span_left(&bytes);
	ok = ok && tsdb_segment_decode(bytes, &stored->segment, &mem) == TSDB_OK &&
		 stored->segment.series == series && stored->segment.segment_no == segment_no;
	TSDB_CHECK(ok ? TSDB_OK : TSDB_CORRUPT, rel, "The root of series %u, segment %d, does not decode.",
			   series, segment_no);
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

/* Before the first append: take the bytes of a last page that is not full; it will be written anew. */
static void
load_tail(TsdbSegmentWriter *writer)
{
	Size filled = writer->stream_bytes % TSDB_SEGMENT_PAGE_BYTES;
	TsdbSegmentPage *last;
	TsdbSpan page;

	if (filled == 0 || writer->old == NULL || writer->rewrite ||
		writer->stream_bytes != writer->old->segment.stream_bytes || writer->replaced_page != 0)
		return;
	if (writer->npages == 0)
		TSDB_CHECK(TSDB_CORRUPT, writer->rel, "Series %u, segment %d, has no last page.",
				   writer->old->segment.series, writer->old->segment.segment_no);
	last = &writer->pages[writer->npages - 1];
	page = tsdb_store_get_page(writer->store, writer->snapshot, last->page_no);
	if (last->stream_page != writer->stream_bytes / TSDB_SEGMENT_PAGE_BYTES ||
		tsdb_span_left(&page) != filled)
		TSDB_CHECK(TSDB_CORRUPT, writer->rel, "The last page of series %u, segment %d, holds %zu bytes instead of %zu.",
				   writer->old->segment.series, writer->old->segment.segment_no,
				   tsdb_span_left(&page), filled);
	memcpy(writer->tail, page.at, filled);
	pfree(unconstify(uint8 *, page.at));
	writer->replaced_page = last->page_no;
	writer->npages--;
}

static void
append_bytes(TsdbSegmentWriter *writer, const void *bytes, Size nbytes)
{
	const uint8 *from = bytes;

	while (nbytes > 0)
	{
		Size filled = writer->stream_bytes % TSDB_SEGMENT_PAGE_BYTES;
		Size take = Min(nbytes, TSDB_SEGMENT_PAGE_BYTES - filled);

		CHECK_FOR_INTERRUPTS();
		memcpy(writer->tail + filled, from, take);
		writer->stream_bytes += take;
		from += take;
		nbytes -= take;
		if (filled + take == TSDB_SEGMENT_PAGE_BYTES)
			write_tail(writer, TSDB_SEGMENT_PAGE_BYTES);
	}
}

static void
write_tail(TsdbSegmentWriter *writer, Size nbytes)
{
	TsdbSegmentPage *page;

	if (writer->npages == writer->capacity)
	{
		writer->capacity *= 2;
		writer->pages = repalloc_huge(writer->pages, sizeof(TsdbSegmentPage) * writer->capacity);
	}
	page = &writer->pages[writer->npages++];
	page->stream_page = (writer->stream_bytes - 1) / TSDB_SEGMENT_PAGE_BYTES;
	page->page_no = tsdb_metapage_allocate(writer->rel, TSDB_COUNTER_PAGE, 1);
	tsdb_store_put_page(writer->store, page->page_no, writer->tail, nbytes, writer->cid);
}

static void
put_root(TsdbSegmentWriter *writer, const TsdbSegment *segment)
{
	TsdbMem mem = tsdb_mem_context(CurrentMemoryContext);
	TsdbBytes row;
	TsdbBytes root;

	tsdb_bytes_init(&row, &mem);
	tsdb_bytes_init(&root, &mem);
	tsdb_segment_encode(&root, segment, &mem);
	if (root.len + 1 <= TSDB_STORE_MAX_BYTES)
	{
		tsdb_bytes_append_u8(&row, ROOT_IN_ROW);
		tsdb_bytes_append(&row, root.data, root.len);
	}
	else
	{
		uint64 npages = (root.len + TSDB_STORE_MAX_BYTES - 1) / TSDB_STORE_MAX_BYTES;
		uint64 first_page = tsdb_metapage_allocate(writer->rel, TSDB_COUNTER_PAGE, npages);

		for (uint64 i = 0; i < npages; i++)
			tsdb_store_put_page(writer->store, first_page + i, root.data + i * TSDB_STORE_MAX_BYTES,
								Min(root.len - i * TSDB_STORE_MAX_BYTES, TSDB_STORE_MAX_BYTES), writer->cid);
		tsdb_bytes_append_u8(&row, ROOT_IN_PAGES);
		tsdb_bytes_append_varint(&row, first_page);
		tsdb_bytes_append_varint(&row, npages);
		tsdb_bytes_append_varint(&row, root.len);
	}
	tsdb_store_put(writer->store, TSDB_KIND_SEGMENT, segment->series, segment->segment_no,
				   row.data, row.len, writer->cid, false);
}

static void
delete_root(TsdbStore *store, Snapshot snapshot, const TsdbStoredSegment *stored)
{
	ItemPointerData tid = stored->tid;

	for (uint32 i = 0; i < stored->root_npages; i++)
		tsdb_store_delete_page(store, snapshot, stored->root_page + i);
	tsdb_store_delete(store, &tid);
}
