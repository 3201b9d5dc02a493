/*-------------------------------------------------------------------------
 *
 * merge_test.c
 *	  Merges against a model that applies every version, one by one, to a map.
 *-------------------------------------------------------------------------
 */
#include "batch_kit.h"
#include "format/merge.h"

#define MAX_SOURCES 8
#define MAX_SERIES 4
#define MAX_TIMES 120
#define MAX_KEYS (MAX_SERIES * MAX_TIMES)
#define FIRST_SERIES 7
#define TIME_STEP 5

/* What the map holds of a cell: where its value lies. */
typedef struct ModelCell
{
	const TsdbBatch *batch; /* NULL: NULL */
	uint32_t row;
} ModelCell;

typedef struct Model
{
	bool exists[MAX_KEYS];
	TsdbOrigin origins[MAX_KEYS];
	ModelCell cells[MAX_KEYS][KIT_NCOLUMNS];
} Model;

/* A version in the order in which the model applies it. */
typedef struct Step
{
	uint64_t sequence;
	int32_t source;
	uint32_t row;
} Step;

typedef struct Case
{
	uint32_t nseries;
	uint32_t ntimes;
	TsdbBatch base;
	uint32_t base_from;
	uint32_t base_until;
	TsdbBatch batches[MAX_SOURCES];
	TsdbMergeSource sources[MAX_SOURCES];
	int nsources;
	uint64_t watermark;
} Case;

static void test_rows(void);
static void test_shared(void);
static void test_versions(void);
static void test_flush(void);
static void test_other_columns(void);
static void test_texts(void);

int
main(void)
{
	test_rows();
	test_shared();
	test_versions();
	test_flush();
	test_other_columns();
	test_texts();
	return kit_done();
}

static uint32_t
key_no(TsdbKey key)
{
	return (key.series - FIRST_SERIES) * MAX_TIMES + (uint32_t) (key.time / TIME_STEP);
}

static int
compare_uint32(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *) a;
	uint32_t y = *(const uint32_t *) b;

	return x < y ? -1 : x > y;
}

/* make_keys - nrows random keys, ascending; nrows shrinks when `unique`. */
static void
make_keys(TsdbBatch *batch, const Case *test, uint32_t nrows, bool unique, const TsdbMem *mem)
{
	uint32_t *numbers = (uint32_t *) tsdb_mem_alloc(mem, (nrows + 1) * sizeof(uint32_t));
	uint32_t only = kit_below(test->nseries);
	bool single = kit_below(3) == 0;
	uint32_t kept = 0;
	uint32_t i;

	memset(batch, 0, sizeof(*batch));
	for (i = 0; i < nrows; i++)
		numbers[i] = (single ? only : kit_below(test->nseries)) * MAX_TIMES + kit_below(test->ntimes);
	qsort(numbers, nrows, sizeof(uint32_t), compare_uint32);
	for (i = 0; i < nrows; i++)
	{
		if (!unique || i == 0 || numbers[i] != numbers[i - 1])
			numbers[kept++] = numbers[i];
	}
	batch->nrows = kept;
	batch->series_id = FIRST_SERIES + only;
	batch->series = single ? NULL : (uint32_t *) tsdb_mem_alloc(mem, kept * sizeof(uint32_t));
	batch->times = (int64_t *) tsdb_mem_alloc(mem, kept * sizeof(int64_t));
	for (i = 0; i < kept; i++)
	{
		if (!single)
			batch->series[i] = FIRST_SERIES + numbers[i] / MAX_TIMES;
		batch->times[i] = (int64_t) (numbers[i] % MAX_TIMES) * TIME_STEP;
	}
}

static void
make_kinds(TsdbBatch *batch, const TsdbMem *mem)
{
	uint32_t i;

	if (kit_below(3) == 0)
		return;
	batch->kinds = (uint8_t *) tsdb_mem_alloc(mem, batch->nrows);
	for (i = 0; i < batch->nrows; i++)
		batch->kinds[i] = (uint8_t) kit_below(3);
}

/* make_sequences - the highest one is `top`; versions of one key ascend. */
static void
make_sequences(TsdbBatch *batch, uint64_t top, const TsdbMem *mem)
{
	uint32_t i;

	batch->sequence = top;
	if (kit_below(2) == 0)
		return;
	batch->sequences = (uint64_t *) tsdb_mem_alloc(mem, batch->nrows * sizeof(uint64_t));
	for (i = 0; i < batch->nrows; i++)
	{
		/* Multiples of 16 plus the low bits of top: no other source has them. */
		uint64_t sequence = top - 16 * kit_below((uint32_t) (top / 16) + 1);

		if (i > 0 && tsdb_key_compare(tsdb_batch_key(batch, i - 1), tsdb_batch_key(batch, i)) == 0 &&
			sequence < batch->sequences[i - 1])
			sequence = batch->sequences[i - 1];
		batch->sequences[i] = sequence;
	}
}

static void
make_case(Case *test, const TsdbMem *mem)
{
	uint32_t size = kit_below(4) == 0 ? MAX_TIMES : 8;
	int i;

	memset(test, 0, sizeof(*test));
	test->nseries = 1 + kit_below(MAX_SERIES);
	test->ntimes = 1 + kit_below(size);
	test->nsources = (int) kit_below(MAX_SOURCES + 1);
	test->watermark = kit_below(3) ? 0 : kit_below(200);
	make_keys(&test->base, test, kit_below(3) ? kit_below(size * 3) : 0, true, mem);
	kit_fill_cells(&test->base, kit_below(2) * 20, mem);
	test->base_from = kit_below(test->base.nrows / 2 + 1);
	test->base_until = test->base.nrows - kit_below((test->base.nrows - test->base_from) / 2 + 1);
	for (i = 0; i < test->nsources; i++)
	{
		TsdbBatch *batch = &test->batches[i];
		TsdbMergeSource *source = &test->sources[i];

		make_keys(batch, test, kit_below(size), kit_below(2), mem);
		make_kinds(batch, mem);
		make_sequences(batch, (uint64_t) kit_below(12) * 16 + (uint64_t) i, mem);
		kit_fill_cells(batch, kit_below(2) * 20, mem);
		source->batch = batch;
		source->from = kit_below(batch->nrows / 3 + 1);
		source->until = batch->nrows - kit_below((batch->nrows - source->from) / 3 + 1);
		source->is_pending = kit_below(5) == 0;
	}
}

static int
compare_steps(const void *a, const void *b)
{
	const Step *x = (const Step *) a;
	const Step *y = (const Step *) b;

	if (x->sequence != y->sequence)
		return x->sequence < y->sequence ? -1 : 1;
	if (x->source != y->source)
		return x->source < y->source ? -1 : 1;
	return x->row < y->row ? -1 : x->row > y->row;
}

/* model_apply - the definition in merge.h, row by row. */
static void
model_apply(Model *model, const TsdbBatch *batch, int32_t source, uint32_t row)
{
	uint32_t key = key_no(tsdb_batch_key(batch, row));
	uint8_t kind = kit_kind(batch, row);
	int i;

	if (kind != TSDB_ROW_PATCH || !model->exists[key])
		memset(model->cells[key], 0, sizeof(model->cells[key]));
	model->exists[key] = kind != TSDB_ROW_TOMBSTONE;
	model->origins[key].source = source;
	model->origins[key].row = row;
	for (i = 0; i < KIT_NCOLUMNS; i++)
	{
		uint8_t state = kit_state(batch, i, row);

		if (state == TSDB_CELL_ABSENT)
			continue;
		model->cells[key][i].batch = state == TSDB_CELL_VALUE ? batch : NULL;
		model->cells[key][i].row = row;
	}
}

static void
model_run(Model *model, const Case *test)
{
	Step *steps = (Step *) malloc(MAX_SOURCES * MAX_KEYS * sizeof(Step));
	uint32_t nsteps = 0;
	uint32_t row;
	int i;

	memset(model, 0, sizeof(*model));
	for (row = test->base_from; row < test->base_until; row++)
		model_apply(model, &test->base, -1, row);
	for (i = 0; i < test->nsources; i++)
	{
		const TsdbMergeSource *source = &test->sources[i];

		for (row = source->from; row < source->until; row++)
		{
			uint64_t sequence = kit_sequence(source->batch, row);

			if (!source->is_pending && sequence < test->watermark)
				continue;
			steps[nsteps].sequence = source->is_pending ? UINT64_MAX : sequence;
			steps[nsteps].source = i;
			steps[nsteps++].row = row;
		}
	}
	qsort(steps, nsteps, sizeof(Step), compare_steps);
	for (row = 0; row < nsteps; row++)
		model_apply(model, test->sources[steps[row].source].batch, steps[row].source, steps[row].row);
	free(steps);
}

/* is_model - does out hold what the map holds, by ascending key? */
static bool
is_model(const TsdbBatch *out, const TsdbOrigin *origins, const Model *model)
{
	uint32_t row = 0;
	uint32_t key;
	int i;

	if (out->kinds != NULL)
		return false;
	for (key = 0; key < MAX_KEYS; key++)
	{
		if (!model->exists[key])
			continue;
		if (row == out->nrows || key_no(tsdb_batch_key(out, row)) != key)
			return false;
		if (origins != NULL && (origins[row].source != model->origins[key].source ||
								origins[row].row != model->origins[key].row))
			return false;
		for (i = 0; i < KIT_NCOLUMNS; i++)
		{
			const ModelCell *cell = &model->cells[key][i];

			if (kit_state(out, i, row) != (cell->batch ? TSDB_CELL_VALUE : TSDB_CELL_NULL))
				return false;
			if (cell->batch != NULL && !kit_same_cell(out, i, row, cell->batch, i, cell->row))
				return false;
		}
		row++;
	}
	return row == out->nrows;
}

static void
test_rows(void)
{
	static Model model;
	static Case test;
	KitPool pool;
	int nwrong = 0;
	int round;

	kit_pool_init(&pool);
	for (round = 0; round < 30000; round++)
	{
		TsdbBatch out;
		TsdbOrigin *origins = NULL;
		bool wants_origins = kit_below(2);
		bool has_base;

		make_case(&test, &pool.mem);
		has_base = test.base_until > test.base_from || kit_below(2);
		if (tsdb_merge_rows(has_base ? &test.base : NULL, test.base_from, test.base_until, test.sources,
							test.nsources, test.watermark, &out, wants_origins ? &origins : NULL,
							&pool.mem) != TSDB_OK)
			nwrong++;
		model_run(&model, &test);
		nwrong += !is_model(&out, wants_origins ? origins : NULL, &model);
		kit_pool_reset(&pool);
	}
	kit_ok(nwrong == 0, "merge of rows = model, with origins (%d of %d differ)", nwrong, round);
	kit_pool_free(&pool);
}

static void
test_shared(void)
{
	static Case test;
	KitPool pool;
	TsdbBatch out;
	TsdbOrigin *origins;

	kit_pool_init(&pool);
	test.nseries = 1;
	test.ntimes = MAX_TIMES;
	make_keys(&test.base, &test, 100, true, &pool.mem);
	kit_fill_cells(&test.base, 0, &pool.mem);
	kit_ok(tsdb_merge_rows(&test.base, 3, 20, NULL, 0, 0, &out, &origins, &pool.mem) == TSDB_OK && out.nrows == 17 &&
			   out.columns[0].words == test.base.columns[0].words + 3 && origins[16].source == -1 &&
			   origins[16].row == 19,
		   "a base alone is shared, not copied");
	test.sources[0].batch = &test.base;
	test.sources[0].from = 2;
	test.sources[0].until = 9;
	kit_ok(tsdb_merge_rows(NULL, 0, 0, test.sources, 1, 0, &out, &origins, &pool.mem) == TSDB_OK && out.nrows == 7 &&
			   out.times == test.base.times + 2 && origins[0].source == 0 && origins[0].row == 2,
		   "a single plain source is shared, not copied");
	kit_ok(tsdb_merge_rows(NULL, 0, 0, test.sources, 1, 1, &out, &origins, &pool.mem) == TSDB_OK && out.nrows == 0,
		   "a source below the watermark is nothing");
	kit_ok(tsdb_merge_rows(&test.base, 2, 9, test.sources, 1, 0, &out, &origins, &pool.mem) == TSDB_OK && out.nrows == 7 &&
			   out.times == test.base.times + 2 && origins[6].source == 0 && origins[6].row == 8,
		   "a source with a row for each of the base is shared");
	kit_ok(tsdb_merge_rows(&test.base, 2, 9, test.sources, 1, 1, &out, &origins, &pool.mem) == TSDB_OK && out.nrows == 7 &&
			   origins[6].source == -1,
		   "but not below the watermark");
	kit_ok(tsdb_merge_rows(&test.base, 2, 10, test.sources, 1, 0, &out, &origins, &pool.mem) == TSDB_OK && out.nrows == 8 &&
			   origins[6].source == 0 && origins[7].source == -1,
		   "nor when it lacks a row");
	kit_ok(tsdb_merge_rows(NULL, 0, 0, NULL, 0, 0, &out, &origins, &pool.mem) == TSDB_OK && out.nrows == 0 &&
			   out.ncolumns == 0,
		   "nothing merged with nothing is nothing");
	kit_pool_free(&pool);
}

/* is_reduced - order, and no version below a FULL row or TOMBSTONE of its key. */
static bool
is_reduced(const TsdbBatch *out)
{
	uint32_t row;

	for (row = 1; row < out->nrows; row++)
	{
		int order = tsdb_key_compare(tsdb_batch_key(out, row - 1), tsdb_batch_key(out, row));

		if (order > 0)
			return false;
		if (order == 0 && (kit_kind(out, row) != TSDB_ROW_PATCH ||
						   kit_sequence(out, row) < kit_sequence(out, row - 1)))
			return false;
	}
	return true;
}

/* Merging some runs first must not change what a reader sees of all, at any watermark. */
static void
test_versions(void)
{
	static Model model;
	static Case test;
	KitPool pool;
	int nwrong = 0;
	int nloose = 0;
	int round;

	kit_pool_init(&pool);
	for (round = 0; round < 20000; round++)
	{
		TsdbMergeSource sources[MAX_SOURCES + 1];
		TsdbMergeSource chosen[MAX_SOURCES];
		TsdbBatch merged;
		TsdbBatch out;
		int nchosen = 0;
		int nsources = 0;
		int i;

		make_case(&test, &pool.mem);
		for (i = 0; i < test.nsources; i++)
		{
			if (!test.sources[i].is_pending && kit_below(2))
				chosen[nchosen++] = test.sources[i];
			else
				sources[nsources++] = test.sources[i];
		}
		if (tsdb_merge_versions(chosen, nchosen, &merged, &pool.mem) != TSDB_OK)
			nwrong++;
		nloose += !is_reduced(&merged);
		if (nchosen > 0)
		{
			sources[nsources].batch = &merged;
			sources[nsources].from = 0;
			sources[nsources].until = merged.nrows;
			sources[nsources++].is_pending = false;
		}
		if (tsdb_merge_rows(&test.base, test.base_from, test.base_until, sources, nsources, test.watermark, &out,
							NULL, &pool.mem) != TSDB_OK)
			nwrong++;
		model_run(&model, &test);
		nwrong += !is_model(&out, NULL, &model);
		kit_pool_reset(&pool);
	}
	kit_ok(nwrong == 0, "merging runs first changes no result (%d of %d differ)", nwrong, round);
	kit_ok(nloose == 0, "merged runs are in order and hold nothing that is overwritten (%d do)", nloose);
	kit_pool_free(&pool);
}

/* Winners applied to any state must leave the same as all rows applied in order of arrival. */
static bool
is_consolidated(const Case *test, const TsdbBatch *all, const TsdbBatch *winners)
{
	static Model one_by_one;
	static Model at_once;
	uint32_t row;
	uint32_t key;
	int i;

	memset(&one_by_one, 0, sizeof(Model));
	for (row = test->base_from; row < test->base_until; row++)
		model_apply(&one_by_one, &test->base, -1, row);
	at_once = one_by_one;
	for (row = 0; row < all->nrows; row++)
		model_apply(&one_by_one, all, 0, row);
	for (row = 0; row < winners->nrows; row++)
	{
		if (row > 0 &&
			tsdb_key_compare(tsdb_batch_key(winners, row - 1), tsdb_batch_key(winners, row)) >= 0)
			return false;
		model_apply(&at_once, winners, 0, row);
	}
	for (key = 0; key < MAX_KEYS; key++)
	{
		if (one_by_one.exists[key] != at_once.exists[key])
			return false;
		for (i = 0; i < KIT_NCOLUMNS && one_by_one.exists[key]; i++)
		{
			const ModelCell *a = &one_by_one.cells[key][i];
			const ModelCell *b = &at_once.cells[key][i];

			if ((a->batch == NULL) != (b->batch == NULL) ||
				(a->batch != NULL && !kit_same_cell(a->batch, i, a->row, b->batch, i, b->row)))
				return false;
		}
	}
	return true;
}

/* arrive - gather rows of a sorted batch in the order in which they are said to come. */
static void
arrive(TsdbBatch *in, const TsdbBatch *sorted, int pattern, const TsdbMem *mem)
{
	uint32_t n = sorted->nrows;
	uint32_t *order = (uint32_t *) tsdb_mem_alloc(mem, (n + 1) * sizeof(uint32_t));
	uint32_t i;

	for (i = 0; i < n; i++)
		order[i] = pattern == 1 ? n - 1 - i : i;
	for (i = n; pattern == 2 && i > 1; i--)
	{
		uint32_t j = kit_below(i);
		uint32_t swap = order[j];

		order[j] = order[i - 1];
		order[i - 1] = swap;
	}
	tsdb_batch_gather(in, sorted, order, n, mem);
}

static void
copy_states(TsdbBatch *batch, const TsdbMem *mem)
{
	uint8_t *copy;
	uint64_t *words;
	int i;

	if (batch->kinds != NULL)
	{
		copy = (uint8_t *) tsdb_mem_alloc(mem, batch->nrows);
		batch->kinds = (uint8_t *) memcpy(copy, batch->kinds, batch->nrows);
	}
	for (i = 0; i < batch->ncolumns; i++)
	{
		TsdbColumn *column = &batch->columns[i];

		words = (uint64_t *) tsdb_mem_alloc(mem, batch->nrows * sizeof(uint64_t));
		column->words = (uint64_t *) memcpy(words, column->words, batch->nrows * sizeof(uint64_t));
		if (column->states == NULL)
			continue;
		copy = (uint8_t *) tsdb_mem_alloc(mem, batch->nrows);
		column->states = (uint8_t *) memcpy(copy, column->states, batch->nrows);
	}
}

static void
test_flush(void)
{
	static Case test;
	KitPool pool;
	int nwrong = 0;
	int round;

	kit_pool_init(&pool);
	for (round = 0; round < 20000; round++)
	{
		TsdbBatch sorted;
		TsdbBatch all;
		TsdbBatch in;
		TsdbBatch winners;
		uint32_t *order;
		uint32_t nout;

		make_case(&test, &pool.mem);
		make_keys(&sorted, &test, kit_below(300), kit_below(2), &pool.mem);
		make_kinds(&sorted, &pool.mem);
		kit_fill_cells(&sorted, kit_below(2) * 20, &pool.mem);
		arrive(&in, &sorted, (int) kit_below(3), &pool.mem);

		/* Folding changes the input in place: the model keeps the original. */
		all = in;
		all.columns = (TsdbColumn *) tsdb_mem_alloc(&pool.mem, KIT_NCOLUMNS * sizeof(TsdbColumn));
		memcpy(all.columns, in.columns, KIT_NCOLUMNS * sizeof(TsdbColumn));
		copy_states(&in, &pool.mem);
		tsdb_merge_flush(&in, &order, &nout, &pool.mem);
		tsdb_batch_gather(&winners, &in, order, nout, &pool.mem);
		nwrong += !is_consolidated(&test, &all, &winners);
		kit_pool_reset(&pool);
	}
	kit_ok(nwrong == 0, "flushed winners = all rows in order of arrival (%d of %d differ)", nwrong, round);
	kit_pool_free(&pool);
}

static void
test_other_columns(void)
{
	static Case test;
	KitPool pool;
	TsdbBatch out;

	kit_pool_init(&pool);
	test.nseries = 1;
	test.ntimes = MAX_TIMES;
	make_keys(&test.base, &test, 20, true, &pool.mem);
	kit_fill_cells(&test.base, 0, &pool.mem);
	make_keys(&test.batches[0], &test, 20, true, &pool.mem);
	kit_fill_cells(&test.batches[0], 0, &pool.mem);
	test.batches[0].columns[1].type = TSDB_TYPE_INT8;
	test.sources[0].batch = &test.batches[0];
	test.sources[0].until = test.batches[0].nrows;
	kit_ok(tsdb_merge_rows(&test.base, 0, test.base.nrows, test.sources, 1, 0, &out, NULL, &pool.mem) ==
			   TSDB_CORRUPT,
		   "inputs of columns of different types are refused");
	test.batches[0].columns[1].type = TSDB_TYPE_INT4;
	test.batches[0].ncolumns--;
	kit_ok(tsdb_merge_rows(&test.base, 0, test.base.nrows, test.sources, 1, 0, &out, NULL, &pool.mem) ==
			   TSDB_CORRUPT,
		   "inputs of different numbers of columns are refused");
	kit_pool_free(&pool);
}

/* Of a big arena of which little is used each string is copied, neighbours that share one share the copy. */
static void
test_texts(void)
{
	static Case test;
	KitPool pool;
	TsdbBatch out;
	TsdbBatch *batch = &test.batches[0];
	uint64_t *words;

	kit_pool_init(&pool);
	test.nseries = 1;
	test.ntimes = MAX_TIMES;
	make_keys(&test.base, &test, 2000, true, &pool.mem);
	kit_fill_cells(&test.base, 0, &pool.mem);
	make_keys(batch, &test, 2000, true, &pool.mem);
	kit_fill_cells(batch, 0, &pool.mem);
	while (batch->arena.len < 2000)
		kit_text(&batch->arena);
	words = batch->columns[2].words;
	words[1] = words[0];
	test.sources[0].batch = batch;
	test.sources[0].until = 4;
	kit_ok(tsdb_merge_rows(&test.base, 0, test.base.nrows, test.sources, 1, 0, &out, NULL, &pool.mem) == TSDB_OK &&
			   out.arena.len < test.base.arena.len + 80 && out.columns[2].words[0] == out.columns[2].words[1] &&
			   kit_same_cell(&out, 2, 1, batch, 2, 1) && kit_same_cell(&out, 2, 3, batch, 2, 3),
		   "equal neighbours share a string");

	words[1] = batch->arena.len - 3;
	kit_ok(tsdb_merge_rows(&test.base, 0, test.base.nrows, test.sources, 1, 0, &out, NULL, &pool.mem) ==
			   TSDB_CORRUPT,
		   "a text outside of its arena is refused");
	words[1] = words[0];
	memset(batch->arena.data + words[0], 0x7f, 4);
	kit_ok(tsdb_merge_rows(&test.base, 0, test.base.nrows, test.sources, 1, 0, &out, NULL, &pool.mem) ==
			   TSDB_CORRUPT,
		   "a text longer than its arena is refused");
	kit_pool_free(&pool);
}
