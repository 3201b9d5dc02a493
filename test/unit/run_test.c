/*-------------------------------------------------------------------------
 *
 * run_test.c
 *	  Runs: round trips of every shape of keys, cutting, sizes, damage.
 *-------------------------------------------------------------------------
 */
#include "batch_kit.h"
#include "format/run.h"

#define MAX_SERIES_ID 0x0FFFFFFFu

typedef enum Shape
{
	SHAPE_ONE, /* a single row */
	SHAPE_SNAPSHOT, /* many series, one time */
	SHAPE_SHARED, /* many series, the same few times */
	SHAPE_STRIDE, /* many series, regular times, phases of their own */
	SHAPE_JITTER, /* some series, irregular times */
	SHAPE_CLOCKS, /* few series, regular times with deviations */
	SHAPE_LONG, /* few series, thousands of rows */
	SHAPE_VERSIONS, /* keys several times */
	SHAPE_EXTREME, /* ends of the ranges of ids and times */
	NSHAPES
} Shape;

static const char *const shape_names[NSHAPES] = {"one row", "snapshot", "shared times", "stride", "jitter", "clocks", "long",
												 "versions", "extreme"};

static void test_round_trip(Shape shape);
static TsdbSpan copy_exactly(const uint8_t *from, size_t nbytes, const TsdbMem *mem);
static void test_against(void);
static void test_against_sizes(void);
static void test_against_damage(void);
static void test_lonely_value(void);
static void test_patches(void);
static void test_cutting(void);
static void test_sizes(void);
static void test_settled_states(void);
static void test_missing_text(void);
static void test_damage(Shape shape);
static void test_header_damage(void);
static bool decodes_with_base(uint64_t step, const TsdbMem *mem);
static void test_other_type(void);
static void test_foreign_key(void);

int
main(void)
{
	int shape;

	for (shape = 0; shape < NSHAPES; shape++)
		test_round_trip((Shape) shape);
	test_against();
	test_against_sizes();
	test_against_damage();
	test_lonely_value();
	test_patches();
	test_cutting();
	test_sizes();
	test_settled_states();
	test_missing_text();
	for (shape = 0; shape < NSHAPES; shape++)
		test_damage((Shape) shape);
	test_header_damage();
	test_other_type();
	test_foreign_key();
	return kit_done();
}

static void
append_key(TsdbBatch *batch, uint32_t series, int64_t time)
{
	batch->series[batch->nrows] = series;
	batch->times[batch->nrows++] = time;
}

static void number_columns(TsdbBatch *batch, int ncolumns, const TsdbMem *mem);

static void
make_series(TsdbBatch *batch, Shape shape, uint32_t series, uint32_t nrows)
{
	int64_t start = shape == SHAPE_STRIDE ? (int64_t) kit_below(1000) * 1000 : 0;
	int64_t time = 800000000000000 + start;
	uint32_t i;

	for (i = 0; i < nrows; i++)
	{
		append_key(batch, series, shape == SHAPE_CLOCKS ? time + (int64_t) kit_below(10000) : time);
		if (shape == SHAPE_JITTER)
			time += 900000 + (int64_t) kit_below(200) * 1000;
		else if (shape == SHAPE_LONG)
			time += kit_below(50) == 0 ? 7000000 : 1000000;
		else if (shape == SHAPE_VERSIONS)
			time += (int64_t) kit_below(3) * 1000000;
		else
			time += 1000000;
	}
}

static void
make_extreme(TsdbBatch *batch)
{
	append_key(batch, 1, INT64_MIN);
	append_key(batch, 1, INT64_MAX);
	append_key(batch, 2, INT64_MIN);
	append_key(batch, 2, 0);
	append_key(batch, 2, INT64_MAX - 1);
	append_key(batch, MAX_SERIES_ID - 1, -1);
	append_key(batch, MAX_SERIES_ID, INT64_MAX);
}

/* make_keys - rows of a shape, in order. */
static void
make_keys(TsdbBatch *batch, Shape shape, const TsdbMem *mem)
{
	uint32_t nseries = 2 + kit_below(300);
	uint32_t nrows = 2 + kit_below(20);
	uint32_t series = 0;
	uint32_t i;

	if (shape == SHAPE_ONE || shape == SHAPE_LONG)
		nseries = shape == SHAPE_ONE ? 1 : 1 + kit_below(3);
	else if (shape == SHAPE_JITTER)
		nseries = 1 + kit_below(60);
	if (shape == SHAPE_ONE || shape == SHAPE_SNAPSHOT)
		nrows = 1;
	else if (shape == SHAPE_LONG)
		nrows = 3000 + kit_below(9000);
	else if (shape == SHAPE_CLOCKS)
	{
		nseries = 2 + kit_below(4);
		nrows = 300 + kit_below(300);
	}
	memset(batch, 0, sizeof(*batch));
	batch->series = (uint32_t *) tsdb_mem_alloc(mem, (nseries * nrows + 7) * sizeof(uint32_t));
	batch->times = (int64_t *) tsdb_mem_alloc(mem, (nseries * nrows + 7) * sizeof(int64_t));
	if (shape == SHAPE_EXTREME)
		make_extreme(batch);
	for (i = 0; shape != SHAPE_EXTREME && i < nseries; i++)
	{
		series += 1 + (kit_below(4) == 0 ? kit_below(100000) : 0);
		make_series(batch, shape, series, shape == SHAPE_JITTER ? 1 + kit_below(nrows) : nrows);
	}
	if (batch->series[0] == batch->series[batch->nrows - 1])
	{
		batch->series_id = batch->series[0];
		batch->series = NULL;
	}
}

static void
make_batch(TsdbBatch *batch, Shape shape, bool fresh, const TsdbMem *mem)
{
	uint32_t i;

	make_keys(batch, shape, mem);
	if (kit_below(2) || shape == SHAPE_VERSIONS)
	{
		batch->kinds = (uint8_t *) tsdb_mem_alloc(mem, batch->nrows);
		for (i = 0; i < batch->nrows; i++)
			batch->kinds[i] = (uint8_t) (kit_below(4) == 0 ? kit_below(3) : shape == SHAPE_VERSIONS);
	}
	batch->sequence = 1000 + kit_below(1000);
	if (!fresh && kit_below(3))
	{
		batch->sequences = (uint64_t *) tsdb_mem_alloc(mem, batch->nrows * sizeof(uint64_t));
		for (i = 0; i < batch->nrows; i++)
		{
			batch->sequences[i] = 1000 + kit_below(50);
			if (i > 0 && tsdb_key_compare(tsdb_batch_key(batch, i - 1), tsdb_batch_key(batch, i)) == 0 &&
				batch->sequences[i] < batch->sequences[i - 1])
				batch->sequences[i] = batch->sequences[i - 1];
		}
	}
	kit_fill_cells(batch, kit_below(2) * 20, mem);
}

/* write_run - header, then payload, as a RUN row holds them. */
static void
write_run(TsdbRun *run, TsdbBytes *row, const TsdbBatch *batch, bool fresh, const TsdbMem *mem)
{
	TsdbSticky stickies[KIT_NCOLUMNS];
	TsdbBytes payload;

	memset(run, 0, sizeof(*run));
	memset(stickies, 0, sizeof(stickies));
	tsdb_bytes_init(&payload, mem);
	tsdb_run_encode(run, &payload, batch, fresh, fresh ? stickies : NULL, true, mem);
	run->run_no = fresh ? batch->sequence : 5000;
	if (fresh)
	{
		run->min_seq = run->run_no;
		run->max_seq = run->run_no;
	}
	run->barrier_seq = run->min_seq - kit_below(9);
	run->tier = fresh ? 0 : 2;
	run->first_page = kit_below(2) ? kit_random() : 0;
	tsdb_bytes_init(row, mem);
	tsdb_runheader_encode(row, run, mem);
	tsdb_bytes_append(row, payload.data, payload.len);
}

static bool
is_same_run(const TsdbRun *a, const TsdbRun *b)
{
	uint32_t i;

	if (a->run_no != b->run_no || a->nnumbers != b->nnumbers || a->min_seq != b->min_seq ||
		a->max_seq != b->max_seq || a->barrier_seq != b->barrier_seq || a->tier != b->tier ||
		a->nrows != b->nrows || a->min_time != b->min_time || a->max_time != b->max_time ||
		a->payload_bytes != b->payload_bytes || a->first_page != b->first_page || a->nchunks != b->nchunks)
		return false;
	for (i = 0; i < a->nchunks; i++)
	{
		const TsdbRunChunk *x = &a->chunks[i];
		const TsdbRunChunk *y = &b->chunks[i];

		if (tsdb_key_compare(x->first, y->first) != 0 || tsdb_key_compare(x->last, y->last) != 0 ||
			x->nrows != y->nrows || x->first_row != y->first_row || x->offset != y->offset ||
			x->nbytes != y->nbytes)
			return false;
	}
	return true;
}

/* Columns 4 and 300 of the batch, and two that it does not have. */
static void
make_wanted(TsdbWanted wanted[4])
{
	static const uint8_t text[9] = {5, 0, 0, 0, 'e', 'm', 'p', 't', 'y'};

	memset(wanted, 0, 4 * sizeof(TsdbWanted));
	wanted[0].attnum = 1;
	wanted[0].type = TSDB_TYPE_FLOAT8;
	wanted[0].missing_state = TSDB_CELL_NULL;
	wanted[1].attnum = 4;
	wanted[1].type = TSDB_TYPE_INT4;
	wanted[1].missing_state = TSDB_CELL_NULL;
	wanted[2].attnum = 8;
	wanted[2].type = TSDB_TYPE_TEXT;
	wanted[2].missing_state = TSDB_CELL_VALUE;
	wanted[2].missing_text = text;
	wanted[3].attnum = 300;
	wanted[3].type = TSDB_TYPE_BOOL;
	wanted[3].missing_state = TSDB_CELL_VALUE;
	wanted[3].missing_word = 1;
}

static void
want_all(TsdbWanted wanted[KIT_NCOLUMNS])
{
	int i;

	memset(wanted, 0, KIT_NCOLUMNS * sizeof(TsdbWanted));
	for (i = 0; i < KIT_NCOLUMNS; i++)
	{
		wanted[i].attnum = kit_attnums[i];
		wanted[i].type = (uint8_t) kit_types[i];
		wanted[i].missing_state = TSDB_CELL_NULL;
	}
}

static bool
is_missing(const TsdbBatch *batch, int column, uint32_t row, const TsdbWanted *wanted)
{
	TsdbBytes text;

	if (kit_kind(batch, row) != TSDB_ROW_FULL)
		return kit_state(batch, column, row) == TSDB_CELL_ABSENT;
	if (kit_state(batch, column, row) != wanted->missing_state)
		return false;
	if (wanted->type != TSDB_TYPE_TEXT || wanted->missing_state != TSDB_CELL_VALUE)
		return true;
	text.data = (uint8_t *) wanted->missing_text;
	text.len = 9;
	return kit_same_text(&batch->arena, batch->columns[column].words[row], &text, 0);
}

/* is_partial - is `part` what make_wanted asks of rows from first_row on of batch? */
static bool
is_partial(const TsdbBatch *part, const TsdbBatch *batch, uint32_t first_row, const TsdbWanted *wanted)
{
	uint32_t row;

	if (part->ncolumns != 4)
		return false;
	for (row = 0; row < part->nrows; row++)
	{
		if (!is_missing(part, 0, row, &wanted[0]) || !is_missing(part, 2, row, &wanted[2]) ||
			!kit_same_cell(part, 1, row, batch, 1, first_row + row) ||
			!kit_same_cell(part, 3, row, batch, 3, first_row + row))
			return false;
	}
	return true;
}

static bool
is_chunk(const TsdbBatch *part, const TsdbBatch *batch, uint32_t first_row)
{
	uint32_t row;

	for (row = 0; row < part->nrows; row++)
	{
		if (!kit_same_row(part, row, batch, first_row + row) ||
			kit_sequence(part, row) != kit_sequence(batch, first_row + row))
			return false;
	}
	return true;
}

/* read_run - decode a RUN row completely and compare. */
static bool
read_run(const TsdbRun *run, TsdbSpan row, const TsdbBatch *batch, const TsdbMem *mem)
{
	TsdbRun read;
	TsdbWanted all[KIT_NCOLUMNS];
	TsdbWanted some[4];
	uint64_t nrows = 0;
	uint32_t i;

	want_all(all);
	make_wanted(some);
	if (tsdb_runheader_decode(&row, &read, mem) != TSDB_OK || !is_same_run(run, &read) ||
		tsdb_span_left(&row) != read.payload_bytes)
		return false;
	for (i = 0; i < read.nchunks; i++)
	{
		const TsdbRunChunk *chunk = &read.chunks[i];
		TsdbSpan bytes = tsdb_span(row.at + chunk->offset, chunk->nbytes);
		TsdbBatch part;

		if (tsdb_runchunk_decode(bytes, &read, chunk, all, KIT_NCOLUMNS, &part, mem) != TSDB_OK ||
			part.nrows != chunk->nrows || !is_chunk(&part, batch, (uint32_t) chunk->first_row))
			return false;
		if (tsdb_runchunk_decode(bytes, &read, chunk, some, 4, &part, mem) != TSDB_OK ||
			!is_partial(&part, batch, (uint32_t) chunk->first_row, some))
			return false;
		if (tsdb_runchunk_decode(bytes, &read, chunk, NULL, 0, &part, mem) != TSDB_OK || part.ncolumns != 0)
			return false;
		nrows += chunk->nrows;
	}
	return nrows == batch->nrows;
}

static void
test_round_trip(Shape shape)
{
	KitPool pool;
	int nrounds = shape == SHAPE_LONG ? 30 : 300;
	int nwrong = 0;
	int round;

	kit_pool_init(&pool);
	for (round = 0; round < nrounds; round++)
	{
		bool fresh = kit_below(2);
		TsdbBatch batch;
		TsdbRun run;
		TsdbBytes row;

		make_batch(&batch, shape, fresh, &pool.mem);
		write_run(&run, &row, &batch, fresh, &pool.mem);
		nwrong += !read_run(&run, tsdb_span(row.data, row.len), &batch, &pool.mem);
		kit_pool_reset(&pool);
	}
	kit_ok(nwrong == 0, "round trip, %s (%d of %d differ)", shape_names[shape], nwrong, nrounds);
	kit_pool_free(&pool);
}

/* is_cut_well - the promises of run.h about where chunks end. */
/* follow - a batch some moments later: the same series, values nearby or others. */
static void
follow(TsdbBatch *batch, const TsdbBatch *base, const TsdbMem *mem)
{
	uint32_t row;
	int c;

	*batch = *base;
	batch->sequence = base->sequence + 1 + kit_below(100);
	batch->times = (int64_t *) tsdb_mem_alloc(mem, base->nrows * sizeof(int64_t));
	for (row = 0; row < base->nrows; row++)
		batch->times[row] = base->times[row] + 1000000;
	kit_fill_cells(batch, kit_below(3) == 0 ? 20 : 0, mem);
	for (c = 0; c < batch->ncolumns; c++)
	{
		if (batch->columns[c].type == TSDB_TYPE_TEXT || base->columns[c].states != NULL || kit_below(2))
			continue;
		for (row = 0; row < base->nrows; row++)
			if (kit_below(20))
				batch->columns[c].words[row] = base->columns[c].words[row];
	}
}

/* write_against - as write_run, against a base; false when it was not used. */
static bool
write_against(TsdbRun *run, TsdbBytes *row, const TsdbBatch *batch, const TsdbBatch *base, const TsdbMem *mem)
{
	TsdbSticky stickies[KIT_NCOLUMNS];
	TsdbBytes payload;

	memset(run, 0, sizeof(*run));
	memset(stickies, 0, sizeof(stickies));
	tsdb_bytes_init(&payload, mem);
	if (!tsdb_run_encode_against(run, &payload, batch, base->sequence, base, stickies, true, mem))
		return false;
	run->run_no = run->min_seq = run->max_seq = batch->sequence;
	run->barrier_seq = base->sequence;
	tsdb_bytes_init(row, mem);
	tsdb_runheader_encode(row, run, mem);
	tsdb_bytes_append(row, payload.data, payload.len);
	return true;
}

/* decode_all - the only chunk of a run, against the rows of its base as a reader has them. */
static TsdbStatus
decode_all(TsdbSpan row, const TsdbBatch *base, TsdbBatch *part, const TsdbMem *mem)
{
	TsdbWanted all[KIT_NCOLUMNS];
	TsdbRun read;

	want_all(all);
	if (tsdb_runheader_decode(&row, &read, mem) != TSDB_OK || read.nchunks != 1)
		return TSDB_CORRUPT;
	read.base = base;
	return tsdb_runchunk_decode(row, &read, read.chunks, all, KIT_NCOLUMNS, part, mem);
}

static void
test_against(void)
{
	const Shape shapes[] = {SHAPE_SNAPSHOT, SHAPE_SHARED, SHAPE_STRIDE, SHAPE_JITTER, SHAPE_ONE, SHAPE_VERSIONS};
	KitPool pool;
	int nwrong = 0;
	int nused = 0;
	int round;

	kit_pool_init(&pool);
	for (round = 0; round < 300; round++)
	{
		TsdbBatch base;
		TsdbBatch batch;
		TsdbBatch base_rows;
		TsdbBatch part;
		TsdbRun run;
		TsdbRun base_run;
		TsdbBytes row;
		TsdbBytes base_row;

		make_batch(&base, shapes[round % 6], true, &pool.mem);
		base.kinds = NULL;
		if (base.nrows < 2000)
		{
			kit_fill_cells(&base, kit_below(4) == 0 ? 20 : 0, &pool.mem);
			write_run(&base_run, &base_row, &base, true, &pool.mem);
			follow(&batch, &base, &pool.mem);
			if (write_against(&run, &row, &batch, &base, &pool.mem))
			{
				nused++;
				nwrong += run.base_no != base.sequence ||
						  decode_all(tsdb_span(base_row.data, base_row.len), NULL, &base_rows, &pool.mem) != TSDB_OK ||
						  decode_all(tsdb_span(row.data, row.len), &base_rows, &part, &pool.mem) != TSDB_OK ||
						  part.nrows != batch.nrows || !is_chunk(&part, &batch, 0);
			}
		}
		kit_pool_reset(&pool);
	}
	kit_ok(nwrong == 0 && nused >= 60, "round trip against a base (%d of %d differ)", nwrong, nused);
	kit_pool_free(&pool);
}

/* walk - move every value of two decimals by a few hundredths. */
static void
walk(TsdbBatch *batch, const TsdbMem *mem)
{
	const uint64_t *words = batch->columns[0].words;
	uint32_t row;

	batch->columns[0].words = (uint64_t *) tsdb_mem_alloc(mem, batch->nrows * sizeof(uint64_t));
	for (row = 0; row < batch->nrows; row++)
	{
		double value;

		memcpy(&value, &words[row], 8);
		value = (double) ((int64_t) (value * 100.0 + 0.5) + (int64_t) kit_below(7) - 3) / 100.0;
		memcpy(&batch->columns[0].words[row], &value, 8);
	}
}

/* A thousand random walks: a second of them, the next one, and 64 of them merged. */
static void
test_against_sizes(void)
{
	KitPool pool;
	TsdbBatch base;
	TsdbBatch batch;
	TsdbBatch merged;
	TsdbColumn column;
	TsdbRun run;
	TsdbBytes row;
	size_t alone;
	bool used = false;
	uint32_t i;
	uint32_t second;

	kit_pool_init(&pool);
	memset(&base, 0, sizeof(base));
	base.series = (uint32_t *) tsdb_mem_alloc(&pool.mem, 1000 * sizeof(uint32_t));
	base.times = (int64_t *) tsdb_mem_alloc(&pool.mem, 1000 * sizeof(int64_t));
	for (i = 0; i < 1000; i++)
		append_key(&base, i + 1, 800000000000000);
	base.sequence = 77;
	base.ncolumns = 1;
	base.columns = &column;
	column.attnum = 3;
	column.type = TSDB_TYPE_FLOAT8;
	column.states = NULL;
	column.words = (uint64_t *) tsdb_mem_alloc(&pool.mem, 1000 * sizeof(uint64_t));
	for (i = 0; i < 1000; i++)
	{
		double value = (double) (1500 + kit_below(3000)) / 100.0;

		memcpy(&column.words[i], &value, 8);
	}
	write_run(&run, &row, &base, true, &pool.mem);
	alone = row.len;
	merged = base;
	merged.nrows = 0;
	merged.series = (uint32_t *) tsdb_mem_alloc(&pool.mem, 64000 * sizeof(uint32_t));
	merged.times = (int64_t *) tsdb_mem_alloc(&pool.mem, 64000 * sizeof(int64_t));
	merged.sequences = (uint64_t *) tsdb_mem_alloc(&pool.mem, 64000 * sizeof(uint64_t));
	merged.columns = (TsdbColumn *) tsdb_mem_alloc(&pool.mem, sizeof(TsdbColumn));
	merged.columns[0] = column;
	merged.columns[0].words = (uint64_t *) tsdb_mem_alloc(&pool.mem, 64000 * sizeof(uint64_t));
	batch = base;
	batch.columns = (TsdbColumn *) tsdb_mem_alloc(&pool.mem, sizeof(TsdbColumn));
	batch.columns[0] = column;
	for (second = 0; second < 64; second++)
	{
		for (i = 0; i < 1000; i++)
		{
			merged.series[i * 64 + second] = i + 1;
			merged.times[i * 64 + second] = 800000000000000 + (int64_t) second * 1000000;
			merged.sequences[i * 64 + second] = 77 + second;
			merged.columns[0].words[i * 64 + second] = batch.columns[0].words[i];
		}
		walk(&batch, &pool.mem);
		batch.sequence = 78;
		if (second == 0)
			used = write_against(&run, &row, &batch, &base, &pool.mem);
		if (second == 0)
			kit_ok(used && row.len < 430 && alone > 1450,
				   "a second of 1000 walks takes %d bytes, against the one before %d", (int) alone, (int) row.len);
	}
	merged.nrows = 64000;
	write_run(&run, &row, &merged, false, &pool.mem);
	kit_ok(run.payload_bytes < 27000, "64 seconds of them take %d bytes", (int) run.payload_bytes);
	kit_pool_free(&pool);
}

/* Bytes or a base that do not belong together are refused or stay in bounds. */
static void
test_against_damage(void)
{
	KitPool pool;
	KitPool scratch;
	TsdbBatch base;
	TsdbBatch batch;
	TsdbBatch other;
	TsdbBatch part;
	TsdbRun run;
	TsdbBytes row;
	int naccepted = 0;
	bool passed;
	uint32_t i;

	kit_pool_init(&pool);
	kit_pool_init(&scratch);
	do
	{
		make_batch(&base, SHAPE_SNAPSHOT, true, &pool.mem);
		base.kinds = NULL;
		kit_fill_cells(&base, 0, &pool.mem);
		follow(&batch, &base, &pool.mem);
	} while (!write_against(&run, &row, &batch, &base, &pool.mem));
	kit_ok(decode_all(tsdb_span(row.data, row.len), &base, &part, &pool.mem) == TSDB_OK && is_chunk(&part, &batch, 0),
		   "a chunk against a base is read back");
	passed = decode_all(tsdb_span(row.data, row.len), NULL, &part, &pool.mem) == TSDB_CORRUPT;
	other = base;
	other.nrows--;
	passed = passed && decode_all(tsdb_span(row.data, row.len), &other, &part, &pool.mem) == TSDB_CORRUPT;
	other = base;
	other.series = NULL;
	passed = passed && decode_all(tsdb_span(row.data, row.len), &other, &part, &pool.mem) == TSDB_CORRUPT;
	other = base;
	other.ncolumns = 0;
	passed = passed && decode_all(tsdb_span(row.data, row.len), &other, &part, &pool.mem) == TSDB_CORRUPT;
	kit_ok(passed, "without its base, or with another one, it is refused");
	for (i = 0; i < row.len; i++)
	{
		naccepted += decode_all(copy_exactly(row.data, i, &scratch.mem), &base, &part, &scratch.mem) == TSDB_OK;
		kit_pool_reset(&scratch);
	}
	for (i = 0; i < 2000; i++)
	{
		TsdbSpan src = copy_exactly(row.data, row.len, &scratch.mem);

		((uint8_t *) src.at)[kit_below((uint32_t) row.len)] ^= (uint8_t) (1 << kit_below(8));
		naccepted += decode_all(src, &base, &part, &scratch.mem) == TSDB_OK;
		kit_pool_reset(&scratch);
	}
	kit_ok(naccepted == 0, "damaged chunks against a base are refused (%d were not)", naccepted);
	kit_pool_free(&scratch);
	kit_pool_free(&pool);
}

/* Two decimals in every series but one of a single sample, which is no number. */
static void
test_lonely_value(void)
{
	KitPool pool;
	TsdbBatch batch;
	TsdbBatch part;
	TsdbRun run;
	TsdbBytes row;
	TsdbWanted wanted;
	double nan = __builtin_nan("");
	bool passed;
	uint32_t i;

	kit_pool_init(&pool);
	memset(&batch, 0, sizeof(batch));
	memset(&wanted, 0, sizeof(wanted));
	batch.series = (uint32_t *) tsdb_mem_alloc(&pool.mem, 201 * sizeof(uint32_t));
	batch.times = (int64_t *) tsdb_mem_alloc(&pool.mem, 201 * sizeof(int64_t));
	for (i = 0; i < 201; i++)
		append_key(&batch, 1 + i / 20, (int64_t) i % 20 * 1000000);
	batch.sequence = 77;
	number_columns(&batch, 1, &pool.mem);
	for (i = 0; i < 200; i++)
	{
		double value = (double) (i / 20 * 977 + kit_below(5)) / 100.0;

		memcpy(&batch.columns[0].words[i], &value, 8);
	}
	memcpy(&batch.columns[0].words[200], &nan, 8);
	wanted.attnum = 3;
	wanted.type = TSDB_TYPE_FLOAT8;
	write_run(&run, &row, &batch, true, &pool.mem);
	passed = tsdb_runchunk_decode(tsdb_span(row.data + row.len - run.payload_bytes, run.payload_bytes), &run, run.chunks,
								  &wanted, 1, &part, &pool.mem) == TSDB_OK &&
			 memcmp(part.columns[0].words, batch.columns[0].words, 201 * sizeof(uint64_t)) == 0;
	kit_ok(passed && run.payload_bytes < 150, "steps beside a value alone in its series (%d bytes)", (int) run.payload_bytes);
	kit_pool_free(&pool);
}

/* PATCH rows that write every column: neither steps nor differences are allowed for them. */
static void
test_patches(void)
{
	KitPool pool;
	TsdbBatch batch;
	TsdbRun run;
	TsdbBytes row;

	kit_pool_init(&pool);
	make_keys(&batch, SHAPE_SHARED, &pool.mem);
	batch.sequence = 77;
	kit_fill_cells(&batch, 0, &pool.mem);
	batch.kinds = (uint8_t *) tsdb_mem_alloc(&pool.mem, batch.nrows);
	memset(batch.kinds, TSDB_ROW_PATCH, batch.nrows);
	write_run(&run, &row, &batch, true, &pool.mem);
	kit_ok(read_run(&run, tsdb_span(row.data, row.len), &batch, &pool.mem), "patches of every column are read back");
	kit_pool_free(&pool);
}

static bool
is_cut_well(const TsdbRun *run, const TsdbBatch *batch)
{
	uint32_t i;

	for (i = 0; i < run->nchunks; i++)
	{
		const TsdbRunChunk *chunk = &run->chunks[i];
		uint32_t end = (uint32_t) chunk->first_row + chunk->nrows;

		if (chunk->nrows > TSDB_RUN_CHUNK_ROWS)
			return false;
		if (end == batch->nrows)
			continue;
		if (tsdb_key_compare(tsdb_batch_key(batch, end - 1), tsdb_batch_key(batch, end)) == 0)
			return false;
		if (chunk->nrows < TSDB_RUN_CHUNK_MIN)
			return false;
	}
	return true;
}

static void
test_cutting(void)
{
	KitPool pool;
	TsdbBatch batch;
	TsdbRun run;
	TsdbBytes row;
	bool passed = true;
	bool read = true;
	uint32_t i;
	int round;

	kit_pool_init(&pool);
	for (round = 0; round < 20; round++)
	{
		uint32_t n = 20000 + kit_below(80000);
		uint32_t mean_rows = 1 + kit_below(12000);

		memset(&batch, 0, sizeof(batch));
		batch.series = (uint32_t *) tsdb_mem_alloc(&pool.mem, n * sizeof(uint32_t));
		batch.times = (int64_t *) tsdb_mem_alloc(&pool.mem, n * sizeof(int64_t));
		append_key(&batch, 1, 0);
		while (batch.nrows < n)
		{
			uint32_t last = batch.nrows - 1;

			if (kit_below(mean_rows) == 0)
				append_key(&batch, batch.series[last] + 1, 0);
			else
				append_key(&batch, batch.series[last], batch.times[last] + kit_below(2) * 1000);
		}
		batch.sequence = 9;
		kit_fill_cells(&batch, 0, &pool.mem);
		write_run(&run, &row, &batch, true, &pool.mem);
		passed = passed && is_cut_well(&run, &batch) &&
				 run.nnumbers == (n + TSDB_RUN_TID_ROWS - 1) / TSDB_RUN_TID_ROWS;
		if (round < 3)
			read = read && read_run(&run, tsdb_span(row.data, row.len), &batch, &pool.mem);
		kit_pool_reset(&pool);
	}
	kit_ok(passed, "chunks end where run.h says");
	kit_ok(read, "runs of many chunks are read back");

	/* More versions of one key than a chunk may hold. */
	memset(&batch, 0, sizeof(batch));
	batch.series = (uint32_t *) tsdb_mem_alloc(&pool.mem, 40000 * sizeof(uint32_t));
	batch.times = (int64_t *) tsdb_mem_alloc(&pool.mem, 40000 * sizeof(int64_t));
	for (i = 0; i < 40000; i++)
		append_key(&batch, 3, i < 10 ? -5 : i < 39990 ? 0
													  : 5);
	batch.sequence = 9;
	kit_fill_cells(&batch, 0, &pool.mem);
	write_run(&run, &row, &batch, true, &pool.mem);
	passed = run.chunks[0].nrows == 10;
	for (i = 0; i < run.nchunks; i++)
		passed = passed && run.chunks[i].nrows <= TSDB_MAX_VALUES;
	kit_ok(passed && read_run(&run, tsdb_span(row.data, row.len), &batch, &pool.mem),
		   "a key of too many versions is cut and read back");
	memset(&batch, 0, sizeof(batch));
	batch.sequence = 9;
	kit_fill_cells(&batch, 0, &pool.mem);
	write_run(&run, &row, &batch, true, &pool.mem);
	kit_ok(run.nchunks == 0 && run.nnumbers == 1 && read_run(&run, tsdb_span(row.data, row.len), &batch, &pool.mem),
		   "an empty run is read back");
	kit_pool_free(&pool);
}

/* number_columns - ncolumns float8 columns of two decimals. */
static void
number_columns(TsdbBatch *batch, int ncolumns, const TsdbMem *mem)
{
	uint32_t row;
	int i;

	batch->ncolumns = ncolumns;
	batch->columns = (TsdbColumn *) tsdb_mem_alloc(mem, (size_t) ncolumns * sizeof(TsdbColumn));
	tsdb_bytes_init(&batch->arena, mem);
	for (i = 0; i < ncolumns; i++)
	{
		batch->columns[i].attnum = (int16_t) (3 + i);
		batch->columns[i].type = TSDB_TYPE_FLOAT8;
		batch->columns[i].states = NULL;
		batch->columns[i].words = (uint64_t *) tsdb_mem_alloc(mem, batch->nrows * sizeof(uint64_t));
		for (row = 0; row < batch->nrows; row++)
			batch->columns[i].words[row] = kit_word(TSDB_TYPE_FLOAT8, &batch->arena);
	}
}

static size_t
shape_bytes(uint32_t nseries, uint32_t nrows, bool shared, int ncolumns, uint64_t sequence)
{
	KitPool pool;
	TsdbBatch batch;
	TsdbRun run;
	TsdbBytes row;
	uint32_t i;
	uint32_t j;
	size_t nbytes;

	kit_pool_init(&pool);
	memset(&batch, 0, sizeof(batch));
	batch.series = (uint32_t *) tsdb_mem_alloc(&pool.mem, nseries * nrows * sizeof(uint32_t));
	batch.times = (int64_t *) tsdb_mem_alloc(&pool.mem, nseries * nrows * sizeof(int64_t));
	for (i = 0; i < nseries; i++)
	{
		int64_t phase = shared ? 0 : (int64_t) kit_below(1000) * 1000;

		for (j = 0; j < nrows; j++)
			append_key(&batch, 4000 + i, 800000000000000 + phase + (int64_t) j * 1000000);
	}
	batch.sequence = sequence;
	number_columns(&batch, ncolumns, &pool.mem);
	write_run(&run, &row, &batch, true, &pool.mem);
	nbytes = row.len;
	kit_pool_free(&pool);
	return nbytes;
}

/* times_bits - bits of the keys, per row, of a run without columns. */
static size_t
times_bits(Shape shape)
{
	KitPool pool;
	TsdbBatch batch;
	TsdbRun run;
	TsdbBytes row;
	size_t nbits;

	kit_pool_init(&pool);
	make_keys(&batch, shape, &pool.mem);
	batch.sequence = 1;
	write_run(&run, &row, &batch, true, &pool.mem);
	nbits = row.len * 8 / batch.nrows;
	kit_pool_free(&pool);
	return nbits;
}

static void
test_sizes(void)
{
	size_t one = shape_bytes(1, 1, true, 3, 1000000);
	size_t snapshot = shape_bytes(1000, 1, true, 1, 1000000);
	size_t eight = shape_bytes(1000, 8, true, 1, 1000000);
	size_t phases = shape_bytes(1000, 8, false, 1, 1000000);
	size_t clocks = times_bits(SHAPE_CLOCKS);
	size_t hour = shape_bytes(1, 3600, true, 1, 1000000);

	/* Values are uniform in 100000 steps: 16.6 bits each, about 17 in the packer. */
	kit_ok(one <= 80, "a row of three columns takes %d bytes", (int) one);
	kit_ok(snapshot <= 1000 * 18 / 8 + 100, "a second of 1000 series takes %d bytes", (int) snapshot);
	kit_ok(eight <= 8000 * 18 / 8 + 100, "8 seconds of 1000 series take %d bytes", (int) eight);
	kit_ok(phases <= 8000 * 18 / 8 + 1000 * 11 / 8 + 200, "with phases of their own %d bytes", (int) phases);
	/* Deviations of 10 ms in us: 13.3 bits. */
	kit_ok(clocks <= 15, "irregular clocks take %d bits a row", (int) clocks);
	kit_ok(hour <= 3600 * 18 / 8 + 100, "an hour of one series takes %d bytes", (int) hour);
}

static void
test_settled_states(void)
{
	KitPool pool;
	TsdbBatch batch;
	TsdbBatch part;
	TsdbRun run;
	TsdbBytes row;
	TsdbWanted wanted;
	TsdbSpan src;
	uint8_t kinds[3] = {TSDB_ROW_FULL, TSDB_ROW_TOMBSTONE, TSDB_ROW_PATCH};
	uint8_t states[3] = {TSDB_CELL_ABSENT, TSDB_CELL_VALUE, TSDB_CELL_ABSENT};
	int64_t times[3] = {1, 2, 3};

	kit_pool_init(&pool);
	memset(&batch, 0, sizeof(batch));
	memset(&wanted, 0, sizeof(wanted));
	batch.nrows = 3;
	batch.series_id = 1;
	batch.sequence = 77;
	batch.times = times;
	batch.kinds = kinds;
	number_columns(&batch, 1, &pool.mem);
	batch.columns[0].states = states;
	wanted.attnum = 3;
	wanted.type = TSDB_TYPE_FLOAT8;
	write_run(&run, &row, &batch, true, &pool.mem);
	src = tsdb_span(row.data, row.len);
	kit_ok(tsdb_runheader_decode(&src, &run, &pool.mem) == TSDB_OK &&
			   tsdb_runchunk_decode(src, &run, run.chunks, &wanted, 1, &part, &pool.mem) == TSDB_OK &&
			   kit_state(&part, 0, 0) == TSDB_CELL_NULL && kit_state(&part, 0, 1) == TSDB_CELL_ABSENT &&
			   kit_state(&part, 0, 2) == TSDB_CELL_ABSENT,
		   "cell states are made to suit the kinds of rows");
	wanted.attnum = 4;
	wanted.missing_state = TSDB_CELL_VALUE;
	wanted.missing_word = 7;
	kit_ok(tsdb_runchunk_decode(src, &run, run.chunks, &wanted, 1, &part, &pool.mem) == TSDB_OK &&
			   kit_state(&part, 0, 0) == TSDB_CELL_VALUE && kit_state(&part, 0, 1) == TSDB_CELL_ABSENT &&
			   kit_state(&part, 0, 2) == TSDB_CELL_VALUE && part.columns[0].words[2] == 7,
		   "a column that is younger than a PATCH has the value for older rows in it");
	kit_pool_free(&pool);
}

/* A column that no row of a chunk has takes no byte; it comes back ABSENT. */
static void
test_missing_text(void)
{
	KitPool pool;
	TsdbBatch batch;
	TsdbBatch part;
	TsdbRun run;
	TsdbBytes row;
	TsdbWanted wanted[KIT_NCOLUMNS];
	TsdbSpan src;
	uint8_t kinds[2] = {TSDB_ROW_TOMBSTONE, TSDB_ROW_TOMBSTONE};
	int64_t times[2] = {1, 2};
	bool passed;
	int i;

	kit_pool_init(&pool);
	memset(&batch, 0, sizeof(batch));
	batch.nrows = 2;
	batch.series_id = 1;
	batch.sequence = 77;
	batch.times = times;
	batch.kinds = kinds;
	kit_fill_cells(&batch, 0, &pool.mem);
	write_run(&run, &row, &batch, true, &pool.mem);
	want_all(wanted);
	src = tsdb_span(row.data, row.len);
	passed = tsdb_runheader_decode(&src, &run, &pool.mem) == TSDB_OK &&
			 tsdb_runchunk_decode(src, &run, run.chunks, wanted, KIT_NCOLUMNS, &part, &pool.mem) == TSDB_OK;
	for (i = 0; passed && i < KIT_NCOLUMNS; i++)
		passed = kit_state(&part, i, 0) == TSDB_CELL_ABSENT && kit_state(&part, i, 1) == TSDB_CELL_ABSENT;
	kit_ok(passed && row.len <= 41, "two tombstones take %d bytes", (int) row.len);
	kit_pool_free(&pool);
}

/* copy_exactly - bytes with nothing behind them. */
static TsdbSpan
copy_exactly(const uint8_t *from, size_t nbytes, const TsdbMem *mem)
{
	uint8_t *to = (uint8_t *) tsdb_mem_alloc(mem, nbytes);

	memcpy(to, from, nbytes);
	return tsdb_span(to, nbytes);
}

/* Every truncation of a chunk is refused; what has a flipped bit is refused or stays in bounds. */
static void
test_damage(Shape shape)
{
	KitPool pool;
	KitPool scratch;
	TsdbWanted wanted[KIT_NCOLUMNS];
	int naccepted = 0;
	int nflipped = 0;
	int round;

	kit_pool_init(&pool);
	kit_pool_init(&scratch);
	want_all(wanted);
	for (round = 0; round < 8; round++)
	{
		TsdbBatch batch;
		TsdbBatch part;
		TsdbRun run;
		TsdbBytes row;
		const uint8_t *payload;
		uint32_t nbytes;
		uint32_t step;
		uint32_t i;

		make_batch(&batch, shape, round % 2, &pool.mem);
		write_run(&run, &row, &batch, round % 2, &pool.mem);
		payload = row.data + row.len - run.payload_bytes;
		nbytes = run.chunks[0].nbytes;
		step = 1 + nbytes / 300;
		for (i = 0; i < nbytes; i += step)
		{
			naccepted += tsdb_runchunk_decode(copy_exactly(payload, i, &scratch.mem), &run, run.chunks, wanted,
											  KIT_NCOLUMNS, &part, &scratch.mem) == TSDB_OK;
			kit_pool_reset(&scratch);
		}
		for (i = 0; i < 300; i++)
		{
			TsdbSpan src = copy_exactly(payload, nbytes, &scratch.mem);

			((uint8_t *) src.at)[kit_below(nbytes)] ^= (uint8_t) (1 << kit_below(8));
			if (tsdb_runchunk_decode(src, &run, run.chunks, wanted, KIT_NCOLUMNS, &part, &scratch.mem) == TSDB_OK)
				nflipped += part.nrows != run.chunks[0].nrows ||
							tsdb_key_compare(tsdb_batch_key(&part, 0), run.chunks[0].first) != 0;
			kit_pool_reset(&scratch);
		}
		kit_pool_reset(&pool);
	}
	kit_ok(naccepted == 0, "truncated chunks are refused, %s (%d were not)", shape_names[shape], naccepted);
	kit_ok(nflipped == 0, "flipped bits never change what the header promises, %s", shape_names[shape]);
	kit_pool_free(&scratch);
	kit_pool_free(&pool);
}

static void
test_header_damage(void)
{
	KitPool pool;
	int naccepted = 0;
	int shape;

	kit_pool_init(&pool);
	for (shape = 0; shape < NSHAPES; shape++)
	{
		TsdbBatch batch;
		TsdbRun run;
		TsdbRun read;
		TsdbBytes row;
		size_t header_bytes;
		size_t i;
		int bit;

		make_batch(&batch, (Shape) shape, false, &pool.mem);
		write_run(&run, &row, &batch, false, &pool.mem);
		header_bytes = row.len - run.payload_bytes;
		for (i = 0; i < header_bytes; i++)
		{
			TsdbSpan src = copy_exactly(row.data, i, &pool.mem);

			naccepted += tsdb_runheader_decode(&src, &read, &pool.mem) == TSDB_OK;
			for (bit = 0; bit < 8; bit++)
			{
				src = copy_exactly(row.data, header_bytes, &pool.mem);
				((uint8_t *) src.at)[i] ^= (uint8_t) (1 << bit);
				naccepted += tsdb_runheader_decode(&src, &read, &pool.mem) == TSDB_OK;
			}
		}
		kit_pool_reset(&pool);
	}
	kit_ok(naccepted == 0, "damaged headers are refused (%d were not)", naccepted);
	kit_ok(decodes_with_base(5, &pool.mem), "a run may have a base");
	kit_ok(!decodes_with_base(0, &pool.mem), "but not itself");
	kit_pool_free(&pool);
}

/* decodes_with_base - is a header, checksum and all, right whose base lies so many runs back? */
static bool
decodes_with_base(uint64_t step, const TsdbMem *mem)
{
	TsdbBatch batch;
	TsdbRun run;
	TsdbRun read;
	TsdbBytes row;
	TsdbSpan src;

	make_batch(&batch, (Shape) 0, false, mem);
	write_run(&run, &row, &batch, false, mem);
	run.base_no = run.run_no - step;
	row.len = 0;
	tsdb_runheader_encode(&row, &run, mem);
	src = tsdb_span(row.data, row.len);
	return tsdb_runheader_decode(&src, &read, mem) == TSDB_OK && read.base_no == run.base_no;
}

static void
test_other_type(void)
{
	KitPool pool;
	TsdbBatch batch;
	TsdbBatch part;
	TsdbRun run;
	TsdbBytes row;
	TsdbWanted wanted[KIT_NCOLUMNS];
	const uint8_t *payload;

	kit_pool_init(&pool);
	make_batch(&batch, SHAPE_SHARED, true, &pool.mem);
	write_run(&run, &row, &batch, true, &pool.mem);
	payload = row.data + row.len - run.payload_bytes;
	want_all(wanted);
	wanted[1].type = TSDB_TYPE_INT8;
	kit_ok(tsdb_runchunk_decode(tsdb_span(payload, run.chunks[0].nbytes), &run, run.chunks, wanted, KIT_NCOLUMNS,
								&part, &pool.mem) == TSDB_CORRUPT,
		   "a column of another type is refused");
	kit_pool_free(&pool);
}

/* A chunk whose keys are not those that the header promises. */
static void
test_foreign_key(void)
{
	KitPool pool;
	TsdbBatch batch;
	TsdbBatch part;
	TsdbRun run;
	TsdbRunChunk chunk;
	TsdbBytes row;
	TsdbSpan src;
	bool refused;

	kit_pool_init(&pool);
	make_batch(&batch, SHAPE_JITTER, true, &pool.mem);
	write_run(&run, &row, &batch, true, &pool.mem);
	src = tsdb_span(row.data + row.len - run.payload_bytes, run.chunks[0].nbytes);
	chunk = run.chunks[0];
	chunk.last.time++;
	refused = tsdb_runchunk_decode(src, &run, &chunk, NULL, 0, &part, &pool.mem) == TSDB_CORRUPT;
	chunk = run.chunks[0];
	chunk.last.series++;
	refused = refused && tsdb_runchunk_decode(src, &run, &chunk, NULL, 0, &part, &pool.mem) == TSDB_CORRUPT;
	chunk = run.chunks[0];
	chunk.nrows = 0;
	refused = refused && tsdb_runchunk_decode(src, &run, &chunk, NULL, 0, &part, &pool.mem) == TSDB_CORRUPT;
	chunk = run.chunks[0];
	chunk.nrows++;
	refused = refused && tsdb_runchunk_decode(src, &run, &chunk, NULL, 0, &part, &pool.mem) == TSDB_CORRUPT;
	run.max_time--;
	refused = refused && tsdb_runchunk_decode(src, &run, run.chunks, NULL, 0, &part, &pool.mem) == TSDB_CORRUPT;
	run.max_time++;
	run.min_time++;
	refused = refused && tsdb_runchunk_decode(src, &run, run.chunks, NULL, 0, &part, &pool.mem) == TSDB_CORRUPT;
	kit_ok(refused, "a chunk that breaks the promises of its header is refused");
	kit_pool_free(&pool);
}
