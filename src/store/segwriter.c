/*-------------------------------------------------------------------------
 *
 * segwriter.c
 *	  Write a segment: append chunks to its stream, replace its root.
 *
 * Pages of the heap are to be full.  A row of 8100 bytes fills one; what is left of a stream or a root does not.  So
 * the rows of all segments go to one page of the heap until it is full (tsdb_store_put_piece),
 * and a stream begins with a page that is as long as that heap page has room for.
 * The end of a short stream lies beside the root, which saves it a row of its own.
 *
 * See docs/FORMAT.md "Segments".
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "miscadmin.h"
#include "pg/check.h"
#include "store/metapage.h"
#include "store/segstore_private.h"
#include "utils/memutils.h"

#define MIN_LEAD_PAGE 256 /* a row costs 60 bytes and a lookup: smaller gaps stay */
#define MAX_TAIL_PAGES 8 /* roots of long streams are read more often than their ends */

struct TsdbSegmentWriter
{
	TsdbStore *store;
	Relation rel;
	Snapshot snapshot;
	CommandId cid;
	const TsdbStoredSegment *old;
	bool rewrite;
	TsdbSegment stream; /* stream_bytes, lead_bytes and pages: full ones of the new stream, old ones that stay first */
	uint32 capacity; /* of pages */
	bool is_loaded; /* bytes of an old page that is not full are in page */
	uint64 replaced_page; /* page_no of the old last page when it is written anew, 0 = none */
	Size limit; /* of the page that is being filled */
	Size filled;
	uint8 page[TSDB_SEGMENT_PAGE_BYTES];
};

static void load_tail(TsdbSegmentWriter *writer);
static uint64 next_page(const TsdbSegment *stream);
static TsdbSpan read_last_page(TsdbSegmentWriter *writer);
static void choose_limit(TsdbSegmentWriter *writer);
static void append_bytes(TsdbSegmentWriter *writer, const void *bytes, Size nbytes);
static void write_page(TsdbSegmentWriter *writer);
static void write_rows(TsdbSegmentWriter *writer, TsdbSegment *segment);
static Size encode_row(TsdbSegmentWriter *writer, TsdbSegment *segment, Size tail_bytes, TsdbBytes *row);
static void put_long_root(TsdbSegmentWriter *writer, const TsdbBytes *root, TsdbBytes *row);

TsdbSegmentWriter *
tsdb_segwriter_begin(TsdbStore *store, Relation rel, Snapshot snapshot,
					 const TsdbStoredSegment *old, bool rewrite, CommandId cid)
{
	TsdbSegmentWriter *writer = palloc0(sizeof(TsdbSegmentWriter));
	TsdbSegment *stream = &writer->stream;

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
		stream->npages = old->segment.npages;
		stream->stream_bytes = old->segment.stream_bytes;
		stream->lead_bytes = old->segment.lead_bytes;
	}
	stream->pages = palloc_array(TsdbSegmentPage, writer->capacity);
	if (stream->npages > 0)
		memcpy(stream->pages, old->segment.pages, sizeof(TsdbSegmentPage) * stream->npages);
	return writer;
}

TsdbChunkRef
tsdb_segwriter_append(TsdbSegmentWriter *writer, const void *bytes, Size nbytes)
{
	TsdbChunkRef ref;
	uint32 crc = tsdb_crc32c(bytes, nbytes);

	load_tail(writer);
	ref.offset = writer->stream.stream_bytes;
	ref.nbytes = nbytes + sizeof(crc);
	append_bytes(writer, bytes, nbytes);
	append_bytes(writer, &crc, sizeof(crc));
	return ref;
}

void
tsdb_segwriter_finish(TsdbSegmentWriter *writer, TsdbSegment *segment)
{
	const TsdbStoredSegment *old = writer->old;

	/* The tail is replaced with the root even when nothing was appended. */
	if (old != NULL && tsdb_span_left(&old->segment.tail) > 0)
		load_tail(writer);
	if (old != NULL)
	{
		tsdb_segstore_delete_root(writer->store, writer->snapshot, old);
		if (writer->replaced_page != 0)
			tsdb_store_delete_page(writer->store, writer->snapshot, writer->replaced_page);
		for (uint32 i = 0; writer->rewrite && i < old->segment.npages; i++)
		{
			CHECK_FOR_INTERRUPTS();
			tsdb_store_delete_page(writer->store, writer->snapshot, old->segment.pages[i].page_no);
		}
	}
	write_rows(writer, segment);
	pfree(writer);
}

void
tsdb_segwriter_release(TsdbSegmentWriter *writer, uint64 from, uint64 until)
{
	TsdbSegment *stream = &writer->stream;
	const TsdbSegment *old = &writer->old->segment;
	uint32 kept = 0;

	Assert(!writer->rewrite);
	load_tail(writer);
	for (uint32 i = 0; i < stream->npages; i++)
	{
		const TsdbSegmentPage *page = &stream->pages[i];

		/* The last page stays: it says where the stream goes on. */
		if (i + 1 < stream->npages && tsdb_segment_page_start(old, page->stream_page) >= from &&
			tsdb_segment_page_start(old, page->stream_page + 1) <= until)
			tsdb_store_delete_page(writer->store, writer->snapshot, page->page_no);
		else
			stream->pages[kept++] = *page;
	}
	stream->npages = kept;
}

// private functions

/* load_tail - before the first append take the bytes that fill no page: they will be written anew. */
static void
load_tail(TsdbSegmentWriter *writer)
{
	const TsdbSegment *old = writer->old != NULL && !writer->rewrite ? &writer->old->segment : NULL;
	TsdbSegment *stream = &writer->stream;
	TsdbSpan bytes = {NULL, NULL};

	if (writer->is_loaded)
		return;
	writer->is_loaded = true;
	if (old != NULL && tsdb_span_left(&old->tail) > 0)
		bytes = old->tail;
	else if (old != NULL && (old->lead_bytes + old->stream_bytes) % TSDB_SEGMENT_PAGE_BYTES != 0)
		bytes = read_last_page(writer);
	writer->filled = tsdb_span_left(&bytes);
	if (writer->filled > TSDB_SEGMENT_PAGE_BYTES ||
		stream->stream_bytes - writer->filled != tsdb_segment_page_start(stream, next_page(stream)))
		TSDB_CHECK(TSDB_CORRUPT, writer->rel, "The end of series %u, segment %d, holds %zu bytes, behind %u pages.",
				   writer->old->segment.series, writer->old->segment.segment_no, writer->filled, stream->npages);
	if (writer->filled > 0)
		memcpy(writer->page, bytes.at, writer->filled);
	choose_limit(writer);
}

/* next_page - the page of the stream behind the last one listed. */
static uint64
next_page(const TsdbSegment *stream)
{
	return stream->npages == 0 ? 0 : stream->pages[stream->npages - 1].stream_page + 1;
}

/* read_last_page - the last page of the old stream, which is not full; it is taken off the list. */
static TsdbSpan
read_last_page(TsdbSegmentWriter *writer)
{
	TsdbSegment *stream = &writer->stream;

	if (stream->npages == 0)
		TSDB_CHECK(TSDB_CORRUPT, writer->rel, "Series %u, segment %d, has no last page.",
				   writer->old->segment.series, writer->old->segment.segment_no);
	writer->replaced_page = stream->pages[--stream->npages].page_no;
	return tsdb_store_get_page(writer->store, writer->snapshot, writer->replaced_page);
}

/* choose_limit - the length of the next page: the first one of a stream fills what is left of a heap page. */
static void
choose_limit(TsdbSegmentWriter *writer)
{
	Size room;

	writer->limit = TSDB_SEGMENT_PAGE_BYTES;
	if (writer->stream.npages > 0)
		return;
	room = tsdb_store_piece_room(writer->store);
	if (room >= MIN_LEAD_PAGE && room > writer->filled && room < TSDB_SEGMENT_PAGE_BYTES)
		writer->limit = room;
	writer->stream.lead_bytes = 0;
}

static void
append_bytes(TsdbSegmentWriter *writer, const void *bytes, Size nbytes)
{
	const uint8 *from = bytes;

	while (nbytes > 0)
	{
		Size take = Min(nbytes, writer->limit - writer->filled);

		CHECK_FOR_INTERRUPTS();
		memcpy(writer->page + writer->filled, from, take);
		writer->filled += take;
		writer->stream.stream_bytes += take;
		from += take;
		nbytes -= take;
		if (writer->filled == writer->limit)
			write_page(writer);
	}
}

/* write_page - put what has gathered into a page; the first one of a stream is then full, however short. */
static void
write_page(TsdbSegmentWriter *writer)
{
	TsdbSegment *stream = &writer->stream;
	TsdbSegmentPage *page;

	if (stream->npages == writer->capacity)
	{
		writer->capacity *= 2;
		stream->pages = repalloc_huge(stream->pages, sizeof(TsdbSegmentPage) * writer->capacity);
	}
	if (stream->npages == 0)
		stream->lead_bytes = TSDB_SEGMENT_PAGE_BYTES - writer->filled;
	page = &stream->pages[stream->npages++];
	page->stream_page = tsdb_segment_pages_for(stream, stream->stream_bytes) - 1;
	page->page_no = tsdb_metapage_allocate(writer->rel, TSDB_COUNTER_PAGE, 1);
	tsdb_store_put_piece(writer->store, TSDB_KIND_PAGE, (uint32) (page->page_no >> 31),
						 (int32) (page->page_no & 0x7FFFFFFF), writer->page, writer->filled, writer->cid);
	writer->filled = 0;
	writer->limit = TSDB_SEGMENT_PAGE_BYTES;
}

/*
 * write_rows - write the end of the stream and the root.
 *
 * Together, if they fit into a row.  A row that the heap page at hand has no room for leaves a gap there: the bytes of a
 * short stream fill it, apart from their root.
 */
static void
write_rows(TsdbSegmentWriter *writer, TsdbSegment *segment)
{
	TsdbMem mem = tsdb_mem_context(CurrentMemoryContext);
	Size room = tsdb_store_piece_room(writer->store);
	TsdbBytes row;
	Size nbytes = 0;

	tsdb_bytes_init(&row, &mem);
	if (writer->filled > 0 && writer->stream.npages <= MAX_TAIL_PAGES)
		nbytes = encode_row(writer, segment, writer->filled, &row);
	if (writer->filled > 0 &&
		(nbytes == 0 || (nbytes > room && writer->stream.npages == 0 && room >= MIN_LEAD_PAGE && writer->filled <= room)))
	{
		write_page(writer);
		nbytes = 0;
	}
	if (nbytes == 0)
		(void) encode_row(writer, segment, 0, &row);
	tsdb_store_put_piece(writer->store, TSDB_KIND_SEGMENT, segment->series, segment->segment_no,
						 row.data, row.len, writer->cid);
}

/* encode_row - the SEGMENT row with so many bytes of the stream in it; returns its length, 0 when they don't fit. */
static Size
encode_row(TsdbSegmentWriter *writer, TsdbSegment *segment, Size tail_bytes, TsdbBytes *row)
{
	TsdbMem mem = tsdb_mem_context(CurrentMemoryContext);
	TsdbBytes root;

	segment->stream_bytes = writer->stream.stream_bytes;
	segment->lead_bytes = writer->stream.lead_bytes;
	segment->pages = writer->stream.pages;
	segment->npages = writer->stream.npages;
	segment->tail = tsdb_span(writer->page, tail_bytes);
	tsdb_bytes_init(&root, &mem);
	tsdb_segment_encode(&root, segment, &mem);

	row->len = 0;
	if (tail_bytes > 0)
	{
		tsdb_bytes_append_u8(row, TSDB_ROOT_WITH_TAIL);
		tsdb_bytes_append_varint(row, root.len);
		tsdb_bytes_append(row, root.data, root.len);
		tsdb_bytes_append(row, writer->page, tail_bytes);
		return row->len <= TSDB_STORE_MAX_BYTES ? row->len : 0;
	}
	if (root.len + 1 > TSDB_STORE_MAX_BYTES)
		put_long_root(writer, &root, row);
	else
	{
		tsdb_bytes_append_u8(row, TSDB_ROOT_IN_ROW);
		tsdb_bytes_append(row, root.data, root.len);
	}
	return row->len;
}

/* put_long_root - write a root into pages; the row says where they are. */
static void
put_long_root(TsdbSegmentWriter *writer, const TsdbBytes *root, TsdbBytes *row)
{
	uint64 npages = (root->len + TSDB_STORE_MAX_BYTES - 1) / TSDB_STORE_MAX_BYTES;
	uint64 first_page = tsdb_metapage_allocate(writer->rel, TSDB_COUNTER_PAGE, npages);

	for (uint64 i = 0; i < npages; i++)
	{
		uint64 page_no = first_page + i;

		tsdb_store_put_piece(writer->store, TSDB_KIND_PAGE, (uint32) (page_no >> 31), (int32) (page_no & 0x7FFFFFFF),
							 root->data + i * TSDB_STORE_MAX_BYTES,
							 Min(root->len - i * TSDB_STORE_MAX_BYTES, TSDB_STORE_MAX_BYTES), writer->cid);
	}
	tsdb_bytes_append_u8(row, TSDB_ROOT_IN_PAGES);
	tsdb_bytes_append_varint(row, first_page);
	tsdb_bytes_append_varint(row, npages);
	tsdb_bytes_append_varint(row, root->len);
}
