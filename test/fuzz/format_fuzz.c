/*-------------------------------------------------------------------------
 *
 * format_fuzz.c
 *	  Decoders of summaries, cells, segment roots, group bases, group columns, archived stretches and before-images on arbitrary bytes.
 *
 * Input: what to decode, type, count (u16), then the object.  What a decoder takes
 * must survive being encoded and decoded again.  The checksums of roots, stretches and images are put right first.
 *-------------------------------------------------------------------------
 */
#include "segment_kit.h"
#include "summary_kit.h"

#include "format/block.h"
#include "format/image.h"
#include "format/stretch.h"

#define HEAD_BYTES 4

enum
{
	SUMMARIES,
	CELLS,
	ROOT,
	GROUP_BASE,
	GROUP_COLUMN,
	STRETCH,
	IMAGE,
	NTARGETS
};

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t nbytes);

static void fuzz_summaries(TsdbSpan src, TsdbType type, uint32_t n);
static void fuzz_cells(TsdbSpan src, TsdbType type, uint32_t n);
static void fuzz_root(TsdbSpan src);
static void fuzz_base(TsdbSpan src, uint32_t n);
static void fuzz_column(TsdbSpan src, uint32_t n);
static void fuzz_stretch(TsdbSpan src);
static void fuzz_image(TsdbSpan src);
static TsdbSpan with_crc(TsdbSpan src);
static void expect(bool condition);

static Arena arena;
static const TsdbMem mem = {arena_alloc, &arena};

int
LLVMFuzzerTestOneInput(const uint8_t *input, size_t nbytes)
{
	TsdbSpan src;
	TsdbType type;
	uint32_t n;

	if (nbytes < HEAD_BYTES)
		return 0;
	type = stretch_types[input[1] % STRETCH_NTYPES];
	n = (uint32_t) input[2] | (uint32_t) input[3] << 8;
	src = tsdb_span(exact_copy(&mem, input + HEAD_BYTES, nbytes - HEAD_BYTES), nbytes - HEAD_BYTES);
	switch (input[0] % NTARGETS)
	{
		case SUMMARIES:
			fuzz_summaries(src, type, 1 + n % 199);
			break;
		case CELLS:
			fuzz_cells(src, type, 1 + n % 1999);
			break;
		case ROOT:
			fuzz_root(src);
			break;
		case GROUP_BASE:
			fuzz_base(src, n);
			break;
		case GROUP_COLUMN:
			fuzz_column(src, n % 300);
			break;
		case STRETCH:
			fuzz_stretch(src);
			break;
		case IMAGE:
			fuzz_image(src);
			break;
	}
	arena_reset(&arena);
	return 0;
}

// private functions

static void
fuzz_summaries(TsdbSpan src, TsdbType type, uint32_t n)
{
	static TsdbSummary first[200];
	static TsdbSummary again[200];
	TsdbBytes out;

	for (uint32_t fields = 1; fields <= TSDB_SUMMARY_ALL; fields <<= 1)
		tsdb_summaries_decode(src, type, again, n, 0, fields, &mem);
	if (tsdb_summaries_decode(src, type, first, n, 0, TSDB_SUMMARY_ALL, &mem) != TSDB_OK)
		return;
	tsdb_bytes_init(&out, &mem);
	tsdb_summaries_encode(&out, type, first, n, 0, &mem);
	expect(tsdb_summaries_decode(tsdb_span(out.data, out.len), type, again, n, 0, TSDB_SUMMARY_ALL, &mem) == TSDB_OK);
	for (uint32_t i = 0; i < n; i++)
		expect(summary_differs(&first[i], &again[i], TSDB_SUMMARY_ALL) == NULL);
	for (uint32_t i = 1; i < n; i++)
		tsdb_summary_merge(&first[0], &first[i], type);
}

static void
fuzz_cells(TsdbSpan src, TsdbType type, uint32_t n)
{
	uint64_t *words = (uint64_t *) kit_array(&mem, n, sizeof(uint64_t));
	uint64_t *again = (uint64_t *) kit_array(&mem, n, sizeof(uint64_t));
	uint8_t *states = (uint8_t *) kit_array(&mem, n, 1);
	uint8_t *states_again = (uint8_t *) kit_array(&mem, n, 1);
	bool has_states;
	bool has_states_again;
	TsdbBytes text;
	TsdbBytes text_again;
	TsdbBytes out;

	tsdb_bytes_init(&text, &mem);
	tsdb_bytes_init(&text_again, &mem);
	tsdb_bytes_init(&out, &mem);
	if (tsdb_cells_decode(src, type, words, states, &has_states, n, &text, &mem) != TSDB_OK)
		return;
	tsdb_cells_encode(&out, type, words, has_states ? states : NULL, n, text.data, NULL, true, &mem);
	expect(tsdb_cells_decode(tsdb_span(out.data, out.len), type, again, states_again, &has_states_again, n, &text_again, &mem) == TSDB_OK);
	expect(has_states == has_states_again && (!has_states || memcmp(states, states_again, n) == 0));
	for (uint32_t i = 0; i < n; i++)
		if (type != TSDB_TYPE_TEXT && (!has_states || states[i] == TSDB_CELL_VALUE))
			expect(words[i] == again[i]);
}

static void
fuzz_root(TsdbSpan src)
{
	TsdbSegment segment;
	TsdbSegment again;
	TsdbBytes out;
	TsdbBytes out_again;

	if (tsdb_segment_decode(with_crc(src), &segment, &mem) != TSDB_OK)
		return;
	tsdb_bytes_init(&out, &mem);
	tsdb_bytes_init(&out_again, &mem);
	tsdb_segment_encode(&out, &segment, &mem);
	expect(tsdb_segment_decode(tsdb_span(out.data, out.len), &again, &mem) == TSDB_OK);
	tsdb_segment_encode(&out_again, &again, &mem);
	expect(out.len == out_again.len && memcmp(out.data, out_again.data, out.len) == 0);
}

static void
fuzz_base(TsdbSpan src, uint32_t n)
{
	TsdbSegmentGroup group = {0, TSDB_US_PER_DAY, n % 100, n * UINT64_C(100), {0, 0}};
	TsdbSegment segment = {.until_us = TSDB_US_PER_DAY, .block_us = INT64_C(3600000000), .min_block_id = 7, .max_block_id = 5000, .stream_bytes = 1 << 24, .ncolumns = (int) n % 7};
	TsdbGroupBase base;
	TsdbGroupBase again;
	TsdbBytes out;

	if (tsdb_groupbase_decode(src, &base, &segment, &group, &mem) != TSDB_OK)
		return;
	for (uint32_t i = 0; i < base.nblocks; i++)
		expect(base.blocks[i].from_us <= base.blocks[i].first_time && base.blocks[i].first_time <= base.blocks[i].last_time &&
			   base.blocks[i].last_time < base.blocks[i].until_us && base.blocks[i].until_us <= group.until_us &&
			   base.blocks[i].times.offset + base.blocks[i].times.nbytes <= segment.stream_bytes);
	tsdb_bytes_init(&out, &mem);
	tsdb_groupbase_encode(&out, &base, &segment, &group, &mem);
	expect(tsdb_groupbase_decode(tsdb_span(out.data, out.len), &again, &segment, &group, &mem) == TSDB_OK);
	for (uint32_t i = 0; i < base.nblocks; i++)
		expect(base.blocks[i].from_us == again.blocks[i].from_us && base.blocks[i].last_time == again.blocks[i].last_time &&
			   base.blocks[i].block_id == again.blocks[i].block_id && base.blocks[i].nrows == again.blocks[i].nrows);
}

static void
fuzz_column(TsdbSpan src, uint32_t n)
{
	TsdbGroupColumn column;
	TsdbGroupColumn again;
	TsdbBytes out;

	if (tsdb_groupcolumn_decode(src, &column, n, &mem) != TSDB_OK)
		return;
	tsdb_bytes_init(&out, &mem);
	tsdb_groupcolumn_encode(&out, &column, n, &mem);
	expect(tsdb_groupcolumn_decode(tsdb_span(out.data, out.len), &again, n, &mem) == TSDB_OK);
	for (uint32_t i = 0; i < n; i++)
		expect(column.cells[i].offset == again.cells[i].offset && column.cells[i].nbytes == again.cells[i].nbytes);
	expect(column.nsummaries == again.nsummaries);
	for (int k = 0; k < TSDB_SUB_KINDS; k++)
		expect(column.subs[k].span_us == again.subs[k].span_us && column.subs[k].n == again.subs[k].n);
}

static void
fuzz_image(TsdbSpan src)
{
	TsdbImage first;
	TsdbImage again;
	TsdbBytes out;

	if (tsdb_image_decode(with_crc(src), &first, &mem) != TSDB_OK)
		return;
	tsdb_bytes_init(&out, &mem);
	tsdb_image_encode(&out, &first, NULL, &mem);
	expect(tsdb_image_decode(tsdb_span(out.data, out.len), &again, &mem) == TSDB_OK);
	expect(first.nsamples == again.nsamples && first.ncolumns == again.ncolumns && first.before.nrows == again.before.nrows);
	expect(memcmp(first.times, again.times, first.nsamples * sizeof(int64_t)) == 0);
}

static void
fuzz_stretch(TsdbSpan src)
{
	TsdbStretch first;
	TsdbStretch again;
	TsdbBytes out;

	if (tsdb_stretch_decode(with_crc(src), &first, &mem) != TSDB_OK)
		return;
	tsdb_bytes_init(&out, &mem);
	tsdb_stretch_encode(&out, &first, &mem);
	expect(tsdb_stretch_decode(tsdb_span(out.data, out.len), &again, &mem) == TSDB_OK);
	expect(first.nrows == again.nrows && first.first_time == again.first_time && first.last_time == again.last_time);
	for (uint32_t i = 0; i < first.nblocks && i < 64; i++)
		for (int c = 0; c < first.ncolumns && c < 8; c++)
		{
			TsdbWanted wanted = {.attnum = 1, .type = first.columns[c].type};
			TsdbBatch batch;

			if (tsdb_stretch_rows(&first, i, &wanted, &c, 1, &batch, &mem) == TSDB_OK)
				expect(batch.nrows == first.blocks[i].nrows && batch.times[0] == first.blocks[i].first_time);
		}
}

static TsdbSpan
with_crc(TsdbSpan src)
{
	size_t nbytes = tsdb_span_left(&src);
	uint8_t *bytes = (uint8_t *) tsdb_mem_alloc(&mem, nbytes + 4);
	uint32_t crc = tsdb_crc32c(src.at, nbytes);

	if (nbytes > 0)
		memcpy(bytes, src.at, nbytes);
	memcpy(bytes + nbytes, &crc, 4);
	return tsdb_span(bytes, nbytes + 4);
}

static void
expect(bool condition)
{
	if (!condition)
		abort();
}
