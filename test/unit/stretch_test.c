/*-------------------------------------------------------------------------
 *
 * stretch_test.c
 *	  Archived stretches: packed, taken from coded chunks, decoded, damaged.
 *-------------------------------------------------------------------------
 */
#include "summary_kit.h"

#include "format/block.h"
#include "format/stretch.h"

#define NCOLUMNS 3

static void test_pack(void);
static void test_many_rows(void);
static void test_missing(void);
static void test_order(void);
static void test_damage(void);
static void fill_batch(TsdbBatch *batch, uint32_t n, uint64_t *random);
static bool has_rows(const TsdbStretch *stretch, const TsdbBatch *batch, uint32_t from, uint32_t until);
static bool same_cell(const TsdbBatch *a, uint32_t a_row, const TsdbBatch *b, uint32_t b_row, int c);
static TsdbSpan pack_rows(const TsdbBatch *batch, uint32_t from, uint32_t until);

static const uint32_t ids[NCOLUMNS] = {70000, 3, 12};
static const TsdbType types[NCOLUMNS] = {TSDB_TYPE_FLOAT8, TSDB_TYPE_TEXT, TSDB_TYPE_QUALITY};
static Stretch stretch;
static Arena arena;
static const TsdbMem mem = {arena_alloc, &arena};

int
main(void)
{
	test_pack();
	test_many_rows();
	test_missing();
	test_order();
	test_damage();
	arena_reset(&arena);
	free(arena.pieces);
	return done();
}

// private functions

static void
test_pack(void)
{
	uint64_t random = 7;
	bool is_right = true;

	for (int i = 0; i < 300 && is_right; i++)
	{
		uint32_t n = 1 + random_below(&random, i % 10 ? 50 : KIT_ROWS);
		uint32_t from = random_below(&random, n);
		uint32_t until = from + 1 + random_below(&random, n - from);
		TsdbStretch decoded;
		TsdbBatch batch;

		fill_batch(&batch, n, &random);
		is_right = tsdb_stretch_decode(pack_rows(&batch, from, until), &decoded, &mem) == TSDB_OK &&
				   has_rows(&decoded, &batch, from, until);
		arena_reset(&arena);
	}
	ok(is_right, "rows survive packing");
}

/* More than a block holds, and times at the ends of time. */
static void
test_many_rows(void)
{
	uint32_t n = 3 * TSDB_MAX_VALUES + 5;
	TsdbBatch batch = {0};
	TsdbColumn column = {0};
	TsdbStretch decoded;
	uint64_t random = 3;
	TsdbSpan bytes;

	batch.nrows = n;
	batch.times = (int64_t *) tsdb_mem_alloc(&mem, n * sizeof(int64_t));
	batch.ncolumns = 1;
	batch.columns = &column;
	column.type = TSDB_TYPE_INT8;
	column.words = (uint64_t *) tsdb_mem_alloc(&mem, n * sizeof(uint64_t));
	for (uint32_t i = 0; i < n; i++)
	{
		batch.times[i] = (int64_t) i * 1000000;
		column.words[i] = random_next(&random);
	}
	batch.times[0] = INT64_MIN;
	batch.times[n - 1] = INT64_MAX;
	bytes = pack_rows(&batch, 0, n);
	ok(tsdb_stretch_decode(bytes, &decoded, &mem) == TSDB_OK && decoded.nblocks == 4 && decoded.nrows == n &&
		   decoded.first_time == INT64_MIN && decoded.last_time == INT64_MAX && has_rows(&decoded, &batch, 0, n),
	   "a stretch of several blocks, from -infinity to infinity");
	arena_reset(&arena);
}

/* Cells that are not there: the stretch's own missing values, or those of the table. */
static void
test_missing(void)
{
	uint8_t text[16] = {3, 0, 0, 0, 'a', 'b', 'c'};
	TsdbStretchColumn columns[2] = {{.id = 1, .type = TSDB_TYPE_INT4, .missing_state = TSDB_CELL_VALUE, .missing_word = 42},
									{.id = 2, .type = TSDB_TYPE_TEXT, .missing_state = TSDB_CELL_VALUE}};
	TsdbWanted wanted[4] = {{.attnum = 5, .type = TSDB_TYPE_INT4, .missing_state = TSDB_CELL_NULL},
							{.attnum = 6, .type = TSDB_TYPE_TEXT, .missing_state = TSDB_CELL_NULL},
							{.attnum = 7, .type = TSDB_TYPE_TEXT, .missing_state = TSDB_CELL_VALUE, .missing_text = text},
							{.attnum = 8, .type = TSDB_TYPE_BOOL, .missing_state = TSDB_CELL_NULL}};
	int places[4] = {0, 1, -1, -1};
	int wrong = 1;
	int64_t times[2] = {10, 20};
	TsdbSpan cells[2] = {{NULL, NULL}, {NULL, NULL}};
	TsdbStretchBlock block = {.base_us = 5, .nrows = 2, .first_time = 10, .last_time = 20, .cells = cells};
	TsdbStretch made = {.ncolumns = 2, .columns = columns, .nblocks = 1, .blocks = &block};
	TsdbStretch decoded;
	TsdbBytes out;
	TsdbBytes coded;
	TsdbBatch batch;
	uint32_t length = 0;

	columns[1].missing_text = tsdb_span("hello", 5);
	tsdb_bytes_init(&coded, &mem);
	tsdb_times_encode(&coded, times, 2, 5, &mem);
	block.times = tsdb_span(coded.data, coded.len);
	tsdb_bytes_init(&out, &mem);
	tsdb_stretch_encode(&out, &made, &mem);
	ok(tsdb_stretch_decode(tsdb_span(out.data, out.len), &decoded, &mem) == TSDB_OK &&
		   tsdb_stretch_rows(&decoded, 0, wanted, places, 4, &batch, &mem) == TSDB_OK,
	   "a stretch without cells decodes");
	ok(batch.columns[0].states == NULL && batch.columns[0].words[1] == 42, "a word that was missing");
	memcpy(&length, batch.arena.data + batch.columns[1].words[1], sizeof(length));
	ok(length == 5 && memcmp(batch.arena.data + batch.columns[1].words[1] + 4, "hello", 5) == 0, "a string that was missing");
	memcpy(&length, batch.arena.data + batch.columns[2].words[0], sizeof(length));
	ok(length == 3 && memcmp(batch.arena.data + batch.columns[2].words[0] + 4, "abc", 3) == 0,
	   "a column that the stretch lacks has the table's missing value");
	ok(batch.columns[3].states != NULL && batch.columns[3].states[0] == TSDB_CELL_NULL, "or NULL");
	ok(tsdb_stretch_rows(&decoded, 0, wanted, &wrong, 1, &batch, &mem) == TSDB_CORRUPT, "another type is refused");
	arena_reset(&arena);
}

/* With a right checksum, too: blocks come one after the other, and so do the times of one. */
static void
test_order(void)
{
	static const struct
	{
		int64_t first;
		int64_t last;
		bool is_right;
		const char *what;
	} seconds[] = {
		{21, 30, true, "a block behind another"},
		{20, 30, false, "one that begins with the last time of the other"},
		{15, 30, false, "one that begins inside of it"},
		{1, 9, false, "one before it"},
		{30, 30, false, "two rows of one time"},
		{30, 25, false, "a block that ends before it begins"},
	};

	for (size_t i = 0; i < sizeof(seconds) / sizeof(seconds[0]); i++)
	{
		uint8_t byte = 0;
		TsdbStretchBlock blocks[2] = {
			{.base_us = 10, .nrows = 2, .first_time = 10, .last_time = 20, .times = tsdb_span(&byte, 1)},
			{.base_us = seconds[i].first, .nrows = 2, .first_time = seconds[i].first, .last_time = seconds[i].last, .times = tsdb_span(&byte, 1)}};
		TsdbStretch made = {.nblocks = 2, .blocks = blocks};
		TsdbStretch decoded;
		TsdbBytes out;

		tsdb_bytes_init(&out, &mem);
		tsdb_stretch_encode(&out, &made, &mem);
		ok((tsdb_stretch_decode(tsdb_span(out.data, out.len), &decoded, &mem) == TSDB_OK) == seconds[i].is_right, "%s", seconds[i].what);
	}
	arena_reset(&arena);
}

static void
test_damage(void)
{
	uint64_t random = 11;
	TsdbBatch batch;
	TsdbSpan bytes;
	uint8_t *copy;
	size_t nbytes;
	TsdbStretch decoded;
	bool is_refused = true;

	fill_batch(&batch, 200, &random);
	bytes = pack_rows(&batch, 0, 200);
	nbytes = tsdb_span_left(&bytes);
	copy = (uint8_t *) tsdb_mem_alloc(&mem, nbytes);
	for (size_t i = 0; i < nbytes && is_refused; i++)
	{
		memcpy(copy, bytes.at, nbytes);
		copy[i] ^= (uint8_t) (1 + random_below(&random, 255));
		is_refused = tsdb_stretch_decode(tsdb_span(copy, nbytes), &decoded, &mem) == TSDB_CORRUPT &&
					 tsdb_stretch_decode(tsdb_span(bytes.at, i), &decoded, &mem) == TSDB_CORRUPT;
	}
	ok(is_refused, "changed bytes and short ones are refused");
	arena_reset(&arena);
}

static void
fill_batch(TsdbBatch *batch, uint32_t n, uint64_t *random)
{
	memset(batch, 0, sizeof(*batch));
	tsdb_bytes_init(&batch->arena, &mem);
	batch->nrows = n;
	batch->ncolumns = NCOLUMNS;
	batch->columns = (TsdbColumn *) tsdb_mem_alloc(&mem, NCOLUMNS * sizeof(TsdbColumn));
	for (int c = 0; c < NCOLUMNS; c++)
	{
		TsdbColumn *column = &batch->columns[c];

		stretch_fill(&stretch, types[c], n, -1000000, random);
		column->attnum = (int16_t) (c + 1);
		column->type = types[c];
		column->words = (uint64_t *) tsdb_mem_alloc(&mem, n * sizeof(uint64_t));
		column->states = stretch.has_states ? (uint8_t *) tsdb_mem_alloc(&mem, n) : NULL;
		memcpy(column->words, stretch.words, n * sizeof(uint64_t));
		if (stretch.has_states)
			memcpy(column->states, stretch.states, n);
		for (uint32_t i = 0; types[c] == TSDB_TYPE_TEXT && i < n; i++)
		{
			uint8_t string[8] = {(uint8_t) (random_below(random, 5)), 0, 0, 0, 'x', 'y', 'z', (uint8_t) i};

			column->words[i] = batch->arena.len;
			tsdb_bytes_append(&batch->arena, string, sizeof(string));
		}
	}
	batch->times = (int64_t *) tsdb_mem_alloc(&mem, n * sizeof(int64_t));
	memcpy(batch->times, stretch.times, n * sizeof(int64_t));
}

static bool
has_rows(const TsdbStretch *decoded, const TsdbBatch *batch, uint32_t from, uint32_t until)
{
	TsdbWanted wanted[NCOLUMNS];
	int places[NCOLUMNS];
	uint32_t row = from;

	for (int c = 0; c < batch->ncolumns; c++)
	{
		memset(&wanted[c], 0, sizeof(TsdbWanted));
		wanted[c].attnum = batch->columns[c].attnum;
		wanted[c].type = batch->columns[c].type;
		places[c] = c;
		if (decoded->columns[c].id != ids[c])
			return false;
	}
	for (uint32_t i = 0; i < decoded->nblocks; i++)
	{
		TsdbBatch rows;

		if (tsdb_stretch_rows(decoded, i, wanted, places, batch->ncolumns, &rows, &mem) != TSDB_OK)
			return false;
		for (uint32_t r = 0; r < rows.nrows; r++, row++)
		{
			if (row >= until || rows.times[r] != batch->times[row])
				return false;
			for (int c = 0; c < batch->ncolumns; c++)
				if (!same_cell(&rows, r, batch, row, c))
					return false;
		}
	}
	return row == until && decoded->nrows == until - from;
}

static bool
same_cell(const TsdbBatch *a, uint32_t a_row, const TsdbBatch *b, uint32_t b_row, int c)
{
	const TsdbColumn *left = &a->columns[c];
	const TsdbColumn *right = &b->columns[c];
	uint8_t left_state = left->states ? left->states[a_row] : TSDB_CELL_VALUE;
	uint8_t right_state = right->states ? right->states[b_row] : TSDB_CELL_VALUE;
	uint32_t length;

	if (left_state != right_state || left_state != TSDB_CELL_VALUE)
		return left_state == right_state;
	if (left->type != TSDB_TYPE_TEXT)
		return left->words[a_row] == right->words[b_row];
	memcpy(&length, a->arena.data + left->words[a_row], sizeof(length));
	return memcmp(a->arena.data + left->words[a_row], b->arena.data + right->words[b_row], 4 + length) == 0;
}

static TsdbSpan
pack_rows(const TsdbBatch *batch, uint32_t from, uint32_t until)
{
	TsdbBytes out;

	tsdb_bytes_init(&out, &mem);
	tsdb_stretch_pack(&out, batch, from, until, ids, &mem);
	return tsdb_span(out.data, out.len);
}
