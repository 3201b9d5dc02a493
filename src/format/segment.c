/*-------------------------------------------------------------------------
 *
 * segment.c
 *	  The root of a series' segment <-> bytes.
 *
 *		version		u8, 1
 *		flags		u8: ROOT_ON_GRID from_us follows from segment_no and the span
 *		series, segment_no			varint, zvarint
 *		span						until_us - from_us, see tsdb_span_us_encode
 *		[from_us					zvarint, unless ROOT_ON_GRID]
 *		block_us, group_us			spans
 *		merged_seq, nrows			varints
 *		min_block_id, max - min		varints
 *		stream_bytes, dead_bytes	varints
 *		lead_bytes	varint, less than TSDB_SEGMENT_PAGE_BYTES
 *		pages		varint: number of runs; each { stream pages left out, number - 1, page_no less that after the
 *					run before (zvarint) }: pages that follow one another in the stream and in their numbers
 *		groups		varint: ngroups; timelists of the gaps before and of the spans less group_us;
 *					intlists of nblocks, of nrows but the last (what is left of the segment's) and chunk references of the bases
 *		columns		varint: ncolumns; each { attnum less the one before, type u8, attnum of the
 *					quality column (0 = none), length varint, summaries }
 *		crc32c		u32 of all bytes before
 * Lists: see ints.h and refs.h.
 *-------------------------------------------------------------------------
 */
#include "format/grid.h"
#include "format/ints.h"
#include "format/number.h"
#include "format/refs.h"
#include "format/segment.h"

#define ROOT_VERSION 1
#define ROOT_ON_GRID 1
#define CRC_BYTES 4

static void encode_head(TsdbBytes *out, const TsdbSegment *segment);
static void encode_pages(TsdbBytes *out, const TsdbSegment *segment);
static uint32_t count_following(const TsdbSegment *segment, uint32_t from);
static void encode_groups(TsdbBytes *out, const TsdbSegment *segment, const TsdbMem *scratch);
static void encode_columns(TsdbBytes *out, const TsdbSegment *segment);
static TsdbStatus check_crc(TsdbSpan *src);
static TsdbStatus decode_head(TsdbSpan *src, TsdbSegment *segment);
static TsdbStatus decode_span(TsdbSpan *src, TsdbSegment *segment, bool is_on_grid);
static TsdbStatus decode_totals(TsdbSpan *src, TsdbSegment *segment);
static TsdbStatus decode_pages(TsdbSpan *src, TsdbSegment *segment, const TsdbMem *mem);
static TsdbStatus count_pages(TsdbSpan src, uint64_t nruns, uint64_t max_pages, uint32_t *npages);
static TsdbStatus decode_groups(TsdbSpan *src, TsdbSegment *segment, const TsdbMem *mem);
static TsdbStatus decode_group_spans(TsdbSpan *src, TsdbSegment *segment, int64_t *values, const TsdbMem *mem);
static TsdbStatus decode_group_rows(TsdbSpan *src, TsdbSegment *segment, int64_t *values, const TsdbMem *mem);
static TsdbStatus decode_columns(TsdbSpan *src, TsdbSegment *segment, const TsdbMem *mem);
static TsdbStatus decode_column(TsdbSpan *src, TsdbSegmentColumn *column, int16_t previous_attnum);

void
tsdb_segment_encode(TsdbBytes *out, const TsdbSegment *segment, const TsdbMem *scratch)
{
	size_t start = out->len;

	encode_head(out, segment);
	encode_pages(out, segment);
	encode_groups(out, segment, scratch);
	encode_columns(out, segment);
	tsdb_bytes_append_u32(out, tsdb_crc32c(out->data + start, out->len - start));
}

TsdbStatus
tsdb_segment_decode(TsdbSpan src, TsdbSegment *segment, const TsdbMem *mem)
{
	memset(segment, 0, sizeof(*segment));
	TSDB_TRY(check_crc(&src));
	TSDB_TRY(decode_head(&src, segment));
	TSDB_TRY(decode_pages(&src, segment, mem));
	TSDB_TRY(decode_groups(&src, segment, mem));
	TSDB_TRY(decode_columns(&src, segment, mem));
	return tsdb_span_left(&src) == 0 ? TSDB_OK : TSDB_CORRUPT;
}

// private functions

static void
encode_head(TsdbBytes *out, const TsdbSegment *segment)
{
	int64_t span_us = tsdb_number_span(segment->from_us, segment->until_us);
	bool is_on_grid = tsdb_grid_segment_start(segment->segment_no, span_us) == segment->from_us;

	tsdb_bytes_append_u8(out, ROOT_VERSION);
	tsdb_bytes_append_u8(out, is_on_grid ? ROOT_ON_GRID : 0);
	tsdb_bytes_append_varint(out, segment->series);
	tsdb_bytes_append_zvarint(out, segment->segment_no);
	tsdb_span_us_encode(out, span_us);
	if (!is_on_grid)
		tsdb_bytes_append_zvarint(out, segment->from_us);
	tsdb_span_us_encode(out, segment->block_us);
	tsdb_span_us_encode(out, segment->group_us);
	tsdb_bytes_append_varint(out, segment->merged_seq);
	tsdb_bytes_append_varint(out, segment->nrows);
	tsdb_bytes_append_varint(out, segment->min_block_id);
	tsdb_bytes_append_varint(out, segment->max_block_id - segment->min_block_id);
	tsdb_bytes_append_varint(out, segment->stream_bytes);
	tsdb_bytes_append_varint(out, segment->dead_bytes);
	tsdb_bytes_append_varint(out, segment->lead_bytes);
}

static void
encode_pages(TsdbBytes *out, const TsdbSegment *segment)
{
	uint64_t nruns = 0;
	TsdbSegmentPage next = {0, 0};

	for (uint32_t i = 0; i < segment->npages; i += count_following(segment, i))
		nruns++;
	tsdb_bytes_append_varint(out, nruns);
	for (uint32_t i = 0; i < segment->npages;)
	{
		const TsdbSegmentPage *page = &segment->pages[i];
		uint32_t length = count_following(segment, i);

		tsdb_bytes_append_varint(out, page->stream_page - next.stream_page);
		tsdb_bytes_append_varint(out, length - 1);
		tsdb_bytes_append_zvarint(out, (int64_t) (page->page_no - next.page_no));
		next.stream_page = page->stream_page + length;
		next.page_no = page->page_no + length;
		i += length;
	}
}

/* count_following - pages from a page on that are consecutive both ways. */
static uint32_t
count_following(const TsdbSegment *segment, uint32_t from)
{
	const TsdbSegmentPage *pages = segment->pages;
	uint32_t i = from + 1;

	while (i < segment->npages &&
		   pages[i].stream_page == pages[i - 1].stream_page + 1 &&
		   pages[i].page_no == pages[i - 1].page_no + 1)
		i++;
	return i - from;
}

static void
encode_groups(TsdbBytes *out, const TsdbSegment *segment, const TsdbMem *scratch)
{
	uint32_t n = segment->ngroups;
	const TsdbSegmentGroup *groups = segment->groups;
	int64_t *values;
	TsdbChunkRef *refs;

	tsdb_bytes_append_varint(out, n);
	if (n == 0)
		return;
	values = (int64_t *) tsdb_mem_alloc(scratch, n * sizeof(*values));
	refs = (TsdbChunkRef *) tsdb_mem_alloc(scratch, n * sizeof(*refs));
	for (uint32_t i = 0; i < n; i++)
		values[i] = tsdb_number_span(i == 0 ? segment->from_us : groups[i - 1].until_us, groups[i].from_us);
	tsdb_timelist_encode(out, values, n, scratch);
	for (uint32_t i = 0; i < n; i++)
		values[i] = tsdb_number_span(groups[i].from_us, groups[i].until_us) - segment->group_us;
	tsdb_timelist_encode(out, values, n, scratch);
	for (uint32_t i = 0; i < n; i++)
		values[i] = groups[i].nblocks;
	tsdb_intlist_encode(out, values, n, scratch);
	for (uint32_t i = 0; i < n; i++)
		values[i] = (int64_t) groups[i].nrows;
	tsdb_intlist_encode(out, values, n - 1, scratch);
	for (uint32_t i = 0; i < n; i++)
		refs[i] = groups[i].base;
	tsdb_refs_encode(out, refs, n, scratch);
}

static void
encode_columns(TsdbBytes *out, const TsdbSegment *segment)
{
	int16_t previous_attnum = 0;

	tsdb_bytes_append_varint(out, (uint64_t) segment->ncolumns);
	for (int i = 0; i < segment->ncolumns; i++)
	{
		const TsdbSegmentColumn *column = &segment->columns[i];

		tsdb_bytes_append_varint(out, (uint64_t) (column->attnum - previous_attnum));
		tsdb_bytes_append_u8(out, column->type);
		tsdb_bytes_append_varint(out, (uint64_t) column->quality_attnum);
		tsdb_bytes_append_varint(out, tsdb_span_left(&column->summaries));
		tsdb_bytes_append(out, column->summaries.at, tsdb_span_left(&column->summaries));
		previous_attnum = column->attnum;
	}
}

/* check_crc - cut the checksum off. */
static TsdbStatus
check_crc(TsdbSpan *src)
{
	TsdbSpan crc_span;
	uint32_t crc;

	if (tsdb_span_left(src) < CRC_BYTES)
		return TSDB_CORRUPT;
	crc_span = tsdb_span(src->end - CRC_BYTES, CRC_BYTES);
	if (!tsdb_span_read_u32(&crc_span, &crc))
		return TSDB_CORRUPT;
	src->end -= CRC_BYTES;
	return tsdb_crc32c(src->at, tsdb_span_left(src)) == crc ? TSDB_OK : TSDB_CORRUPT;
}

static TsdbStatus
decode_head(TsdbSpan *src, TsdbSegment *segment)
{
	uint8_t version;
	uint8_t flags;
	uint64_t series;
	int64_t segment_no;

	if (!tsdb_span_read_u8(src, &version) || version != ROOT_VERSION ||
		!tsdb_span_read_u8(src, &flags) || flags > ROOT_ON_GRID ||
		tsdb_varint_decode_max(src, UINT32_MAX, &series) != TSDB_OK ||
		!tsdb_span_read_zvarint(src, &segment_no) || segment_no < INT32_MIN || segment_no > INT32_MAX)
		return TSDB_CORRUPT;
	segment->series = (uint32_t) series;
	segment->segment_no = (int32_t) segment_no;
	TSDB_TRY(decode_span(src, segment, (flags & ROOT_ON_GRID) != 0));
	TSDB_TRY(tsdb_span_us_decode(src, &segment->block_us));
	TSDB_TRY(tsdb_span_us_decode(src, &segment->group_us));
	if (segment->block_us < 0 || segment->group_us < 0)
		return TSDB_CORRUPT;
	return decode_totals(src, segment);
}

static TsdbStatus
decode_span(TsdbSpan *src, TsdbSegment *segment, bool is_on_grid)
{
	int64_t span_us;

	TSDB_TRY(tsdb_span_us_decode(src, &span_us));
	if (span_us <= 0)
		return TSDB_CORRUPT;
	if (is_on_grid)
		segment->from_us = tsdb_grid_segment_start(segment->segment_no, span_us);
	else if (!tsdb_span_read_zvarint(src, &segment->from_us))
		return TSDB_CORRUPT;
	/* A segment at the end of time ends there. */
	segment->until_us = tsdb_number_add(segment->from_us, span_us);
	return segment->from_us < segment->until_us ? TSDB_OK : TSDB_CORRUPT;
}

static TsdbStatus
decode_totals(TsdbSpan *src, TsdbSegment *segment)
{
	uint64_t min_block_id;
	uint64_t more_block_ids;
	uint64_t lead_bytes;

	if (!tsdb_span_read_varint(src, &segment->merged_seq) ||
		!tsdb_span_read_varint(src, &segment->nrows) || segment->nrows > INT64_MAX)
		return TSDB_CORRUPT;
	TSDB_TRY(tsdb_varint_decode_max(src, INT32_MAX, &min_block_id));
	TSDB_TRY(tsdb_varint_decode_max(src, INT32_MAX - min_block_id, &more_block_ids));
	segment->min_block_id = (uint32_t) min_block_id;
	segment->max_block_id = (uint32_t) (min_block_id + more_block_ids);
	TSDB_TRY(tsdb_varint_decode_max(src, TSDB_SEGMENT_MAX_BYTES, &segment->stream_bytes));
	TSDB_TRY(tsdb_varint_decode_max(src, segment->stream_bytes, &segment->dead_bytes));
	TSDB_TRY(tsdb_varint_decode_max(src, TSDB_SEGMENT_PAGE_BYTES - 1, &lead_bytes));
	segment->lead_bytes = (uint32_t) lead_bytes;
	return TSDB_OK;
}

static TsdbStatus
decode_pages(TsdbSpan *src, TsdbSegment *segment, const TsdbMem *mem)
{
	uint64_t max_pages = tsdb_segment_pages_for(segment, segment->stream_bytes);
	TsdbSegmentPage next = {0, 0};
	uint64_t nruns;

	if (!tsdb_span_read_varint(src, &nruns) || nruns > tsdb_span_left(src))
		return TSDB_CORRUPT;
	TSDB_TRY(count_pages(*src, nruns, max_pages, &segment->npages));
	segment->pages = (TsdbSegmentPage *) tsdb_mem_alloc(mem, ((size_t) segment->npages + 1) * sizeof(TsdbSegmentPage));
	for (uint32_t i = 0; i < segment->npages;)
	{
		uint64_t skipped = 0;
		uint64_t more = 0;
		int64_t moved = 0;

		/* count_pages has read the same bytes. */
		tsdb_span_read_varint(src, &skipped);
		tsdb_span_read_varint(src, &more);
		tsdb_span_read_zvarint(src, &moved);
		next.stream_page += skipped;
		next.page_no += (uint64_t) moved;
		for (uint64_t j = 0; j <= more; j++, i++, next.stream_page++, next.page_no++)
			segment->pages[i] = next;
	}
	return TSDB_OK;
}

/* count_pages - length of the page table, before memory is taken for it. */
static TsdbStatus
count_pages(TsdbSpan src, uint64_t nruns, uint64_t max_pages, uint32_t *npages)
{
	uint64_t end = 0;
	uint64_t total = 0;

	for (uint64_t i = 0; i < nruns; i++)
	{
		uint64_t skipped;
		uint64_t more;
		int64_t moved;

		TSDB_TRY(tsdb_varint_decode_max(&src, max_pages - end, &skipped));
		end += skipped;
		if (end == max_pages)
			return TSDB_CORRUPT;
		TSDB_TRY(tsdb_varint_decode_max(&src, max_pages - end - 1, &more));
		end += more + 1;
		total += more + 1;
		if (!tsdb_span_read_zvarint(&src, &moved))
			return TSDB_CORRUPT;
	}
	*npages = (uint32_t) total;
	return TSDB_OK;
}

static TsdbStatus
decode_groups(TsdbSpan *src, TsdbSegment *segment, const TsdbMem *mem)
{
	uint64_t n;
	int64_t *values;
	TsdbChunkRef *refs;

	TSDB_TRY(tsdb_varint_decode_max(src, TSDB_SEGMENT_MAX_GROUPS, &n));
	segment->ngroups = (uint32_t) n;
	if (n == 0)
		return segment->nrows == 0 ? TSDB_OK : TSDB_CORRUPT;
	segment->groups = (TsdbSegmentGroup *) tsdb_mem_alloc(mem, n * sizeof(TsdbSegmentGroup));
	values = (int64_t *) tsdb_mem_alloc(mem, n * sizeof(*values));
	refs = (TsdbChunkRef *) tsdb_mem_alloc(mem, n * sizeof(*refs));
	TSDB_TRY(decode_group_spans(src, segment, values, mem));
	TSDB_TRY(decode_group_rows(src, segment, values, mem));
	TSDB_TRY(tsdb_refs_decode(src, refs, segment->ngroups, segment->stream_bytes, mem));
	for (uint32_t i = 0; i < n; i++)
	{
		segment->groups[i].base = refs[i];
		if (refs[i].nbytes == 0)
			return TSDB_CORRUPT;
	}
	return TSDB_OK;
}

static TsdbStatus
decode_group_spans(TsdbSpan *src, TsdbSegment *segment, int64_t *values, const TsdbMem *mem)
{
	uint32_t n = segment->ngroups;
	TsdbSegmentGroup *groups = segment->groups;
	int64_t end_us = segment->from_us;

	TSDB_TRY(tsdb_timelist_decode(src, values, n, mem));
	for (uint32_t i = 0; i < n; i++)
		groups[i].from_us = values[i];
	TSDB_TRY(tsdb_timelist_decode(src, values, n, mem));
	for (uint32_t i = 0; i < n; i++)
	{
		int64_t span_us;

		if (groups[i].from_us < 0 ||
			__builtin_add_overflow(groups[i].from_us, end_us, &groups[i].from_us) ||
			__builtin_add_overflow(values[i], segment->group_us, &span_us) || span_us <= 0 ||
			__builtin_add_overflow(groups[i].from_us, span_us, &groups[i].until_us) ||
			groups[i].until_us > segment->until_us)
			return TSDB_CORRUPT;
		end_us = groups[i].until_us;
	}
	return TSDB_OK;
}

static TsdbStatus
decode_group_rows(TsdbSpan *src, TsdbSegment *segment, int64_t *values, const TsdbMem *mem)
{
	uint32_t n = segment->ngroups;
	int64_t left = (int64_t) segment->nrows;

	TSDB_TRY(tsdb_intlist_decode(src, values, n, mem));
	for (uint32_t i = 0; i < n; i++)
	{
		if (values[i] < 1 || values[i] > TSDB_GROUP_MAX_BLOCKS)
			return TSDB_CORRUPT;
		segment->groups[i].nblocks = (uint32_t) values[i];
	}
	TSDB_TRY(tsdb_intlist_decode(src, values, n - 1, mem));
	for (uint32_t i = 0; i < n; i++)
	{
		int64_t nrows = i + 1 < n ? values[i] : left;

		if (nrows < segment->groups[i].nblocks || nrows > left)
			return TSDB_CORRUPT;
		segment->groups[i].nrows = (uint64_t) nrows;
		left -= nrows;
	}
	return TSDB_OK;
}

static TsdbStatus
decode_columns(TsdbSpan *src, TsdbSegment *segment, const TsdbMem *mem)
{
	uint64_t n;
	int16_t attnum = 0;

	TSDB_TRY(tsdb_varint_decode_max(src, tsdb_span_left(src), &n));
	if (n > TSDB_MAX_VALUES)
		return TSDB_CORRUPT;
	segment->ncolumns = (int) n;
	segment->columns = (TsdbSegmentColumn *) tsdb_mem_alloc(mem, (n + 1) * sizeof(TsdbSegmentColumn));
	for (uint64_t i = 0; i < n; i++)
	{
		TSDB_TRY(decode_column(src, &segment->columns[i], attnum));
		attnum = segment->columns[i].attnum;
	}
	return TSDB_OK;
}

static TsdbStatus
decode_column(TsdbSpan *src, TsdbSegmentColumn *column, int16_t previous_attnum)
{
	uint64_t step;
	uint64_t quality_attnum;
	uint64_t nbytes;

	if (tsdb_varint_decode_max(src, (uint64_t) (INT16_MAX - previous_attnum), &step) != TSDB_OK || step == 0 ||
		!tsdb_span_read_u8(src, &column->type) || !tsdb_type_is_known(column->type) ||
		tsdb_varint_decode_max(src, INT16_MAX, &quality_attnum) != TSDB_OK ||
		!tsdb_span_read_varint(src, &nbytes) || nbytes > tsdb_span_left(src))
		return TSDB_CORRUPT;
	column->attnum = (int16_t) (previous_attnum + (int16_t) step);
	column->quality_attnum = (int16_t) quality_attnum;
	tsdb_span_take(src, (size_t) nbytes, &column->summaries);
	return TSDB_OK;
}
