/*-------------------------------------------------------------------------
 *
 * golden_stretch_test.c
 *	  Golden file of an archived stretch.
 *
 * See golden_kit.h.  Journals hold stretches of every version for ever.
 *-------------------------------------------------------------------------
 */
#include "format/block.h"
#include "format/stretch.h"
#include "golden_fill.h"
#include "golden_kit.h"

#define BLOCK_ROWS 200
#define NBLOCKS 3
#define NCOLUMNS 3
#define SECOND_US 1000000

static void encode_stretch(const void *detail, TsdbBytes *out);
static const char *check_stretch(const void *detail, TsdbSpan src);
static void make_block(TsdbStretchBlock *block, uint32_t i);
static int64_t time_of(uint32_t i, uint32_t row);

static const GoldenCase cases[] = {
	{.name = "stretch", .encode = encode_stretch, .check = check_stretch},
};

int
main(int argc, char **argv)
{
	return golden_main(argc, argv, cases, sizeof(cases) / sizeof(cases[0]));
}

// private functions

/* Three blocks; the last column is missing in all of them and the second in the first. */
static void
encode_stretch(const void *detail, TsdbBytes *out)
{
	TsdbStretchColumn columns[NCOLUMNS] = {
		{.id = 7, .type = TSDB_TYPE_FLOAT8, .missing_state = TSDB_CELL_NULL},
		{.id = 300, .type = TSDB_TYPE_INT4, .missing_state = TSDB_CELL_VALUE, .missing_word = 42},
		{.id = 1, .type = TSDB_TYPE_TEXT, .missing_state = TSDB_CELL_VALUE, .missing_text = tsdb_span("unknown", 7)}};
	TsdbStretchBlock blocks[NBLOCKS];
	TsdbStretch stretch = {.ncolumns = NCOLUMNS, .columns = columns, .nblocks = NBLOCKS, .blocks = blocks};

	for (uint32_t i = 0; i < NBLOCKS; i++)
		make_block(&blocks[i], i);
	tsdb_stretch_encode(out, &stretch, &mem);
}

static const char *
check_stretch(const void *detail, TsdbSpan src)
{
	TsdbWanted wanted[NCOLUMNS] = {{.attnum = 2, .type = TSDB_TYPE_TEXT}, {.attnum = 4, .type = TSDB_TYPE_FLOAT8}, {.attnum = 5, .type = TSDB_TYPE_INT4}};
	int places[NCOLUMNS] = {2, 0, 1};
	uint64_t decimals[BLOCK_ROWS];
	uint64_t walk[BLOCK_ROWS];
	TsdbStretch stretch;

	if (tsdb_stretch_decode(src, &stretch, &mem) != TSDB_OK)
		return "it does not";
	if (stretch.nblocks != NBLOCKS || stretch.nrows != NBLOCKS * BLOCK_ROWS || stretch.columns[0].id != 7 ||
		stretch.columns[1].id != 300 || stretch.columns[2].id != 1)
		return "counts or ids";
	fill_decimals(decimals, BLOCK_ROWS);
	fill_walk(walk, BLOCK_ROWS);
	for (uint32_t i = 0; i < NBLOCKS; i++)
	{
		TsdbBatch batch;

		if (tsdb_stretch_rows(&stretch, i, wanted, places, NCOLUMNS, &batch, &mem) != TSDB_OK)
			return "a block does not";
		for (uint32_t row = 0; row < BLOCK_ROWS; row++)
			if (batch.times[row] != time_of(i, row) || batch.columns[1].words[row] != decimals[row] ||
				batch.columns[2].words[row] != (i == 0 ? 42 : walk[row]) ||
				memcmp(batch.arena.data + batch.columns[0].words[row], "\7\0\0\0unknown", 11) != 0)
				return "a row";
	}
	return NULL;
}

static void
make_block(TsdbStretchBlock *block, uint32_t i)
{
	int64_t times[BLOCK_ROWS];
	uint64_t words[BLOCK_ROWS];
	TsdbBytes bytes[NCOLUMNS];

	for (uint32_t row = 0; row < BLOCK_ROWS; row++)
		times[row] = time_of(i, row);
	block->base_us = times[0] - SECOND_US;
	block->nrows = BLOCK_ROWS;
	block->first_time = times[0];
	block->last_time = times[BLOCK_ROWS - 1];
	block->cells = (TsdbSpan *) golden_zeroed(NCOLUMNS, sizeof(TsdbSpan));
	for (int c = 0; c < NCOLUMNS; c++)
		tsdb_bytes_init(&bytes[c], &mem);
	tsdb_times_encode(&bytes[0], times, BLOCK_ROWS, block->base_us, &mem);
	fill_decimals(words, BLOCK_ROWS);
	tsdb_cells_encode(&bytes[1], TSDB_TYPE_FLOAT8, words, NULL, BLOCK_ROWS, NULL, NULL, false, &mem);
	fill_walk(words, BLOCK_ROWS);
	tsdb_cells_encode(&bytes[2], TSDB_TYPE_INT4, words, NULL, BLOCK_ROWS, NULL, NULL, false, &mem);
	block->times = tsdb_span(bytes[0].data, bytes[0].len);
	block->cells[0] = tsdb_span(bytes[1].data, bytes[1].len);
	if (i > 0)
		block->cells[1] = tsdb_span(bytes[2].data, bytes[2].len);
}

/* Some rows are left out, and there is a gap of a day between blocks. */
static int64_t
time_of(uint32_t i, uint32_t row)
{
	return INT64_C(800000000000000) + (int64_t) (i * 86400 + row + row / 10) * SECOND_US;
}
