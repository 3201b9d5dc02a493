/*-------------------------------------------------------------------------
 *
 * segment_test.c
 *	  Segment roots, group bases and group columns: coded, decoded, damaged, and their sizes.
 *-------------------------------------------------------------------------
 */
#include "segment_kit.h"
#include "summary_kit.h"

static void test_roots(void);
static const char *check_root(const TsdbSegment *segment);
static void test_pages(void);
static void test_bases(void);
static const char *check_base(const TsdbGroupBase *base, const TsdbSegment *segment, const TsdbSegmentGroup *group);
static void test_columns(void);
static const char *check_column(const TsdbGroupColumn *column, uint32_t nblocks);
static void make_column(TsdbGroupColumn *column, uint32_t nblocks, uint64_t *random);
static void test_odd_spans(void);
static void test_sizes(void);
static void test_small_segment(void);
static void test_damage(void);
static void test_lies(void);
static void test_base_lies(void);

static Arena arena;
static const TsdbMem mem = {arena_alloc, &arena};

int
main(void)
{
	test_roots();
	test_pages();
	test_bases();
	test_columns();
	test_odd_spans();
	test_sizes();
	test_small_segment();
	test_damage();
	test_lies();
	test_base_lies();
	arena_reset(&arena);
	free(arena.pieces);
	return done();
}

// private functions

static TsdbGroupBase *
random_segment(TsdbSegment *segment, uint64_t *random)
{
	static const int64_t spans_us[] = {INT64_C(3600000000), INT64_C(43200000000), 2 * TSDB_US_PER_DAY, KIT_SEGMENT_US};
	int64_t block_us = spans_us[random_below(random, 4)];
	uint32_t ngroups = block_us > TSDB_US_PER_DAY ? random_below(random, 2) : random_below(random, 33);

	return kit_segment(segment, ngroups, (int) random_below(random, 6), block_us, random, &mem);
}

static void
test_roots(void)
{
	uint64_t random = 1;
	const char *wrong = NULL;

	for (int i = 0; i < 500 && wrong == NULL; i++)
	{
		TsdbSegment segment;

		random_segment(&segment, &random);
		wrong = check_root(&segment);
		arena_reset(&arena);
	}
	ok(wrong == NULL, "roots survive coding: %s", wrong ? wrong : "all fields");
}

static TsdbBytes
encode_root(const TsdbSegment *segment)
{
	TsdbBytes out;

	tsdb_bytes_init(&out, &mem);
	tsdb_segment_encode(&out, segment, &mem);
	return out;
}

static const char *
check_root(const TsdbSegment *a)
{
	TsdbSegment b;
	TsdbBytes out = encode_root(a);

	if (tsdb_segment_decode(tsdb_span(exact_copy(&mem, out.data, out.len), out.len), &b, &mem) != TSDB_OK)
		return "does not decode";
	if (a->series != b.series || a->segment_no != b.segment_no || a->from_us != b.from_us || a->until_us != b.until_us)
		return "key";
	if (a->merged_seq != b.merged_seq || a->block_us != b.block_us || a->group_us != b.group_us || a->nrows != b.nrows ||
		a->min_block_id != b.min_block_id || a->max_block_id != b.max_block_id ||
		a->stream_bytes != b.stream_bytes || a->dead_bytes != b.dead_bytes || a->lead_bytes != b.lead_bytes)
		return "totals";
	if (a->npages != b.npages || a->ngroups != b.ngroups || a->ncolumns != b.ncolumns)
		return "counts";
	for (uint32_t i = 0; i < a->npages; i++)
		if (a->pages[i].stream_page != b.pages[i].stream_page || a->pages[i].page_no != b.pages[i].page_no)
			return "pages";
	for (uint32_t i = 0; i < a->ngroups; i++)
		if (a->groups[i].from_us != b.groups[i].from_us || a->groups[i].until_us != b.groups[i].until_us ||
			a->groups[i].nblocks != b.groups[i].nblocks || a->groups[i].nrows != b.groups[i].nrows ||
			a->groups[i].base.offset != b.groups[i].base.offset || a->groups[i].base.nbytes != b.groups[i].base.nbytes)
			return "groups";
	for (int i = 0; i < a->ncolumns; i++)
		if (a->columns[i].attnum != b.columns[i].attnum || a->columns[i].type != b.columns[i].type ||
			tsdb_span_left(&b.columns[i].summaries) != 39 || memcmp(a->columns[i].summaries.at, b.columns[i].summaries.at, 39) != 0)
			return "columns";
	return NULL;
}

static void
test_bases(void)
{
	uint64_t random = 2;
	const char *wrong = NULL;
	uint32_t nbases = 0;

	for (int i = 0; i < 500 && wrong == NULL; i++)
	{
		TsdbSegment segment;
		TsdbGroupBase *bases = random_segment(&segment, &random);

		for (uint32_t g = 0; g < segment.ngroups && wrong == NULL; g++, nbases++)
			wrong = check_base(&bases[g], &segment, &segment.groups[g]);
		arena_reset(&arena);
	}
	ok(wrong == NULL && nbases > 1000, "%u group bases survive coding: %s", nbases, wrong ? wrong : "all fields");
}

static bool
is_same_ref(TsdbChunkRef a, TsdbChunkRef b)
{
	return a.nbytes == b.nbytes && (a.nbytes == 0 || a.offset == b.offset);
}

static const char *
check_base(const TsdbGroupBase *base, const TsdbSegment *segment, const TsdbSegmentGroup *group)
{
	TsdbGroupBase decoded;
	TsdbBytes out;

	tsdb_bytes_init(&out, &mem);
	tsdb_groupbase_encode(&out, base, segment, group, &mem);
	if (tsdb_groupbase_decode(tsdb_span(exact_copy(&mem, out.data, out.len), out.len), &decoded, segment, group, &mem) != TSDB_OK)
		return "does not decode";
	if (decoded.nblocks != base->nblocks || decoded.ncolumns != base->ncolumns)
		return "counts";
	for (uint32_t i = 0; i < base->nblocks; i++)
	{
		const TsdbBlock *a = &base->blocks[i];
		const TsdbBlock *b = &decoded.blocks[i];

		if (a->from_us != b->from_us || a->until_us != b->until_us)
			return "spans";
		if (a->first_time != b->first_time || a->last_time != b->last_time)
			return "times";
		if (a->nrows != b->nrows || a->block_id != b->block_id || !is_same_ref(a->times, b->times))
			return "rows, ids or chunks";
	}
	for (int i = 0; i < base->ncolumns; i++)
		if (!is_same_ref(base->columns[i], decoded.columns[i]))
			return "columns";
	return NULL;
}

static void
make_column(TsdbGroupColumn *column, uint32_t nblocks, uint64_t *random)
{
	TsdbSegment stream = {0};
	uint8_t *bytes = (uint8_t *) tsdb_mem_alloc(&mem, 500);

	memset(column, 0, sizeof(*column));
	column->cells = (TsdbChunkRef *) kit_array(&mem, nblocks, sizeof(TsdbChunkRef));
	for (uint32_t i = 0; i < nblocks; i++)
		if (random_below(random, 10))
		{
			column->cells[i] = kit_chunk(&stream, 1 + random_below(random, 4000), random);
			column->nsummaries++;
		}
	for (int i = 0; i < 500; i++)
		bytes[i] = (uint8_t) random_next(random);
	if (nblocks == 1 && random_below(random, 2))
		column->nsummaries = 0;
	column->summaries = tsdb_span(bytes, column->nsummaries ? random_below(random, 500) : 0);
	for (int k = 0; k < TSDB_SUB_KINDS; k++)
		if (random_below(random, 2))
		{
			column->subs[k].span_us = INT64_C(900000000) << k;
			column->subs[k].n = 1 + random_below(random, 100);
			column->subs[k].ref = kit_chunk(&stream, 1 + random_below(random, 4000), random);
		}
}

static bool
is_same_span(TsdbSpan a, TsdbSpan b)
{
	return tsdb_span_left(&a) == tsdb_span_left(&b) &&
		   (tsdb_span_left(&a) == 0 || memcmp(a.at, b.at, tsdb_span_left(&a)) == 0);
}

static void
test_columns(void)
{
	uint64_t random = 3;
	const char *wrong = NULL;

	for (int i = 0; i < 3000 && wrong == NULL; i++)
	{
		TsdbGroupColumn column;
		uint32_t nblocks = 1 + random_below(&random, i % 10 ? 30 : 2);

		make_column(&column, nblocks, &random);
		wrong = check_column(&column, nblocks);
		arena_reset(&arena);
	}
	ok(wrong == NULL, "group columns survive coding: %s", wrong ? wrong : "all fields");
}

static const char *
check_column(const TsdbGroupColumn *a, uint32_t nblocks)
{
	TsdbGroupColumn b;
	TsdbBytes out;

	tsdb_bytes_init(&out, &mem);
	tsdb_groupcolumn_encode(&out, a, nblocks, &mem);
	if (tsdb_groupcolumn_decode(tsdb_span(exact_copy(&mem, out.data, out.len), out.len), &b, nblocks, &mem) != TSDB_OK)
		return "does not decode";
	for (uint32_t i = 0; i < nblocks; i++)
		if (!is_same_ref(a->cells[i], b.cells[i]))
			return "cells";
	if (a->nsummaries != b.nsummaries || !is_same_span(a->summaries, b.summaries))
		return "summaries";
	for (int k = 0; k < TSDB_SUB_KINDS; k++)
		if (a->subs[k].span_us != b.subs[k].span_us || a->subs[k].n != b.subs[k].n || !is_same_ref(a->subs[k].ref, b.subs[k].ref))
			return "sub-summaries";
	return NULL;
}

/* Spans that are on no ladder, and the ends of time. */
static void
test_odd_spans(void)
{
	uint64_t random = 4;
	TsdbSegment segment;

	kit_segment(&segment, 0, 0, 1, &random, &mem);
	segment.from_us = INT64_MAX - 5;
	segment.until_us = INT64_MAX;
	segment.block_us = 7;
	segment.group_us = INT64_MAX;
	ok(check_root(&segment) == NULL, "a tombstone segment at the end of time");
	segment.from_us = INT64_MIN;
	segment.until_us = INT64_MIN + 1;
	ok(check_root(&segment) == NULL, "a tombstone segment at the beginning of time");
	arena_reset(&arena);
}

/* Pages cover the stream without gap, whatever the first one lacks. */
static void
test_pages(void)
{
	static const uint32_t leads[] = {0, 1, 4000, TSDB_SEGMENT_PAGE_BYTES - 1};
	uint32_t wrong = 0;

	for (int i = 0; i < 4; i++)
	{
		TsdbSegment segment = {.lead_bytes = leads[i]};

		wrong += tsdb_segment_pages_for(&segment, 0) != 0;
		wrong += tsdb_segment_page_start(&segment, 0) != 0;
		wrong += tsdb_segment_page_start(&segment, 1) != TSDB_SEGMENT_PAGE_BYTES - leads[i];
		for (uint64_t nbytes = 1; nbytes < 4 * TSDB_SEGMENT_PAGE_BYTES; nbytes++)
		{
			uint64_t last = tsdb_segment_pages_for(&segment, nbytes) - 1;

			wrong += tsdb_segment_page_start(&segment, last) >= nbytes || tsdb_segment_page_start(&segment, last + 1) < nbytes;
		}
	}
	ok(wrong == 0, "a stream's pages follow one another without gap, the first one of any length");
}

static void
test_sizes(void)
{
	uint64_t random = 8;
	TsdbSegment segment;
	TsdbGroupBase *bases;
	TsdbBytes out;

	bases = kit_segment(&segment, 32, 1, INT64_C(3600000000), &random, &mem);
	out = encode_root(&segment);
	ok(out.len <= 400, "root of 32 days but for its summaries: %zu bytes, %u pages", out.len - 39, segment.npages);
	tsdb_bytes_init(&out, &mem);
	tsdb_groupbase_encode(&out, &bases[0], &segment, &segment.groups[0], &mem);
	ok(out.len <= 150, "group base of %u blocks: %zu bytes", bases[0].nblocks, out.len);
	arena_reset(&arena);
}

/* One block of 768 hourly samples: what a sparse series costs a month. */
static void
test_small_segment(void)
{
	static Stretch stretch;
	uint64_t random = 6;
	double memory = 0;
	TsdbSegment segment;
	TsdbGroupBase *bases = kit_segment(&segment, 1, 1, KIT_SEGMENT_US, &random, &mem);
	TsdbGroupColumn column = {0};
	TsdbSummary summary;
	TsdbBytes summaries;
	TsdbBytes base;
	TsdbBytes cells;
	size_t root_bytes;

	stretch.type = TSDB_TYPE_FLOAT8;
	stretch.n = 768;
	for (uint32_t i = 0; i < stretch.n; i++)
	{
		stretch.times[i] = segment.from_us + i * INT64_C(3600000000);
		stretch.words[i] = stretch_word(stretch.type, PLANT_WALK2, i, &memory, &random);
	}
	stretch_summary(&stretch, 0, stretch.n, 123456, &summary);
	tsdb_bytes_init(&summaries, &mem);
	tsdb_summaries_encode(&summaries, stretch.type, &summary, tsdb_segment_nsummaries(&segment), segment.from_us, &mem);
	segment.columns[0].summaries = tsdb_span(summaries.data, summaries.len);
	root_bytes = encode_root(&segment).len;
	ok(root_bytes <= 150, "root of one block: %zu bytes, %zu of them the summary (aim 150)", root_bytes, summaries.len);
	tsdb_bytes_init(&base, &mem);
	tsdb_groupbase_encode(&base, &bases[0], &segment, &segment.groups[0], &mem);
	ok(base.len <= 60, "its group base: %zu bytes (aim 60)", base.len);
	tsdb_bytes_init(&cells, &mem);
	column.cells = &segment.groups[0].base;
	tsdb_groupcolumn_encode(&cells, &column, 1, &mem);
	ok(cells.len <= 90, "its group column: %zu bytes (aim 90)", cells.len);
	arena_reset(&arena);
}

static void
test_damage(void)
{
	uint64_t random = 5;
	uint32_t accepted[3] = {0};
	uint32_t taken = 0;

	for (int round = 0; round < 60; round++)
	{
		TsdbSegment segment;
		TsdbSegment decoded_segment;
		TsdbGroupBase *bases = random_segment(&segment, &random);
		TsdbGroupBase decoded_base;
		TsdbGroupColumn column;
		TsdbBytes out[3];

		for (int i = 0; i < 3; i++)
			tsdb_bytes_init(&out[i], &mem);
		make_column(&column, 20, &random);
		tsdb_segment_encode(&out[0], &segment, &mem);
		if (segment.ngroups > 0)
			tsdb_groupbase_encode(&out[1], &bases[0], &segment, &segment.groups[0], &mem);
		tsdb_groupcolumn_encode(&out[2], &column, 20, &mem);
#define DECODE(what, bytes, nbytes)                                                                                     \
	((what) == 0   ? tsdb_segment_decode(tsdb_span(bytes, nbytes), &decoded_segment, &mem)                              \
	 : (what) == 1 ? tsdb_groupbase_decode(tsdb_span(bytes, nbytes), &decoded_base, &segment, &segment.groups[0], &mem) \
				   : tsdb_groupcolumn_decode(tsdb_span(bytes, nbytes), &column, 20, &mem))
		for (int what = 0; what < 3; what++)
		{
			if (what == 1 && segment.ngroups == 0)
				continue;
			for (size_t nbytes = 0; nbytes < out[what].len; nbytes++)
				accepted[what] += DECODE(what, exact_copy(&mem, out[what].data, nbytes), nbytes) == TSDB_OK;
			for (int flip = 0; flip < 300; flip++)
			{
				uint8_t *bytes = exact_copy(&mem, out[what].data, out[what].len);

				bytes[random_below(&random, (uint32_t) out[what].len)] ^= (uint8_t) (1 << random_below(&random, 8));
				if (DECODE(what, bytes, out[what].len) == TSDB_OK)
				{
					taken++;
					accepted[what] += what == 0;
				}
			}
		}
#undef DECODE
		arena_reset(&arena);
	}
	ok(accepted[0] == 0, "every truncation and flipped bit of a root is refused");
	ok(accepted[1] == 0, "every truncation of a group base is refused");
	ok(accepted[2] == 0, "every truncation of a group column is refused");
	ok(taken > 0, "%u flipped bits below the root decode, in bounds", taken);
}

static bool
is_lawful_ref(TsdbChunkRef ref, const TsdbSegment *segment)
{
	return ref.offset <= segment->stream_bytes && ref.nbytes <= segment->stream_bytes - ref.offset;
}

/* is_lawful_root - what segment.h promises of a decoded root. */
static bool
is_lawful_root(const TsdbSegment *segment)
{
	int64_t end_us = segment->from_us;
	uint64_t nrows = 0;

	for (uint32_t i = 0; i < segment->npages; i++)
		if (tsdb_segment_page_start(segment, segment->pages[i].stream_page) >= segment->stream_bytes ||
			(i > 0 && segment->pages[i].stream_page <= segment->pages[i - 1].stream_page))
			return false;
	for (uint32_t i = 0; i < segment->ngroups; i++)
	{
		const TsdbSegmentGroup *group = &segment->groups[i];

		if (group->from_us < end_us || group->from_us >= group->until_us || group->nblocks < 1 ||
			group->nrows < group->nblocks || group->base.nbytes == 0 || !is_lawful_ref(group->base, segment))
			return false;
		end_us = group->until_us;
		nrows += group->nrows;
	}
	for (int i = 1; i < segment->ncolumns; i++)
		if (segment->columns[i].attnum <= segment->columns[i - 1].attnum)
			return false;
	return end_us <= segment->until_us && nrows == segment->nrows && segment->min_block_id <= segment->max_block_id &&
		   segment->dead_bytes <= segment->stream_bytes;
}

static bool
is_lawful_base(const TsdbGroupBase *base, const TsdbSegment *segment, const TsdbSegmentGroup *group)
{
	int64_t end_us = group->from_us;
	uint64_t nrows = 0;

	for (uint32_t i = 0; i < base->nblocks; i++)
	{
		const TsdbBlock *block = &base->blocks[i];

		if (block->from_us < end_us || block->first_time < block->from_us || block->last_time < block->first_time ||
			block->until_us <= block->last_time || block->nrows < 1 || block->nrows > TSDB_MAX_VALUES ||
			block->block_id < segment->min_block_id || block->block_id > segment->max_block_id ||
			block->times.nbytes == 0 || !is_lawful_ref(block->times, segment))
			return false;
		end_us = block->until_us;
		nrows += block->nrows;
	}
	for (int i = 0; i < base->ncolumns; i++)
		if (!is_lawful_ref(base->columns[i], segment))
			return false;
	return end_us <= group->until_us && nrows == group->nrows;
}

/* decodes_with - does a root decode with one byte changed and a checksum that fits?  *is_lawful: and obeys the rules. */
static bool
decodes_with(TsdbBytes root, size_t at, uint8_t byte, bool *is_lawful)
{
	uint8_t *bytes = exact_copy(&mem, root.data, root.len);
	uint32_t crc;
	TsdbSegment segment;

	bytes[at] = byte;
	crc = tsdb_crc32c(bytes, root.len - 4);
	memcpy(bytes + root.len - 4, &crc, 4);
	if (tsdb_segment_decode(tsdb_span(bytes, root.len), &segment, &mem) != TSDB_OK)
		return false;
	*is_lawful &= is_lawful_root(&segment);
	return true;
}

/* Whatever one byte says, with a fitting checksum: in bounds, and what decodes obeys the rules of the header. */
static void
test_lies(void)
{
	uint64_t random = 7;
	uint32_t taken = 0;
	uint32_t versions = 0;
	bool is_lawful = true;
	TsdbSegment segment;
	TsdbBytes root;

	kit_segment(&segment, 5, 2, INT64_C(3600000000), &random, &mem);
	root = encode_root(&segment);
	for (size_t at = 0; at < root.len - 4; at++)
		for (int byte = 0; byte < 256; byte++)
			taken += decodes_with(root, at, (uint8_t) byte, &is_lawful);
	for (int byte = 0; byte < 256; byte++)
		versions += decodes_with(root, 0, (uint8_t) byte, &is_lawful);
	ok(taken < (root.len - 4) * 256 && is_lawful, "%u lies of one byte are believed, and all obey the rules", taken);
	ok(versions == 1, "one version is known");
	arena_reset(&arena);
}

/* The same for group bases, which have no checksum. */
static void
test_base_lies(void)
{
	uint64_t random = 9;
	uint32_t taken = 0;
	bool is_lawful = true;

	for (int round = 0; round < 20; round++)
	{
		TsdbSegment segment;
		TsdbGroupBase *bases = kit_segment(&segment, 2, 3, INT64_C(10800000000), &random, &mem);
		TsdbGroupBase decoded;
		TsdbBytes out;

		tsdb_bytes_init(&out, &mem);
		tsdb_groupbase_encode(&out, &bases[1], &segment, &segment.groups[1], &mem);
		for (size_t at = 0; at < out.len; at++)
			for (int byte = 0; byte < 256; byte++)
			{
				uint8_t *bytes = exact_copy(&mem, out.data, out.len);

				bytes[at] = (uint8_t) byte;
				if (tsdb_groupbase_decode(tsdb_span(bytes, out.len), &decoded, &segment, &segment.groups[1], &mem) != TSDB_OK)
					continue;
				taken++;
				is_lawful &= is_lawful_base(&decoded, &segment, &segment.groups[1]);
			}
		arena_reset(&arena);
	}
	ok(is_lawful && taken > 0, "%u lies of one byte in group bases are believed, and all obey the rules", taken);
}
