/*-------------------------------------------------------------------------
 *
 * batch_test.c
 *	  Finding and gathering rows of a batch.
 *-------------------------------------------------------------------------
 */
#include "batch_kit.h"
#include "format/merge.h"

static void make_batch(TsdbBatch *batch, uint32_t nrows, bool single, const TsdbMem *mem);
static void test_find(bool single);
static void test_column(void);
static void test_gather(void);
static bool is_gathered(const TsdbBatch *out, const TsdbBatch *in, const uint32_t *order, uint32_t n);

int
main(void)
{
	test_find(true);
	test_find(false);
	test_column();
	test_gather();
	return kit_done();
}

/* make_batch - rows ascending by (series, time), some keys twice. */
static void
make_batch(TsdbBatch *batch, uint32_t nrows, bool single, const TsdbMem *mem)
{
	uint32_t series = 5;
	int64_t time = -20;
	uint32_t i;

	memset(batch, 0, sizeof(*batch));
	batch->nrows = nrows;
	batch->series_id = series;
	batch->times = (int64_t *) tsdb_mem_alloc(mem, nrows * sizeof(int64_t));
	batch->series = single ? NULL : (uint32_t *) tsdb_mem_alloc(mem, nrows * sizeof(uint32_t));
	for (i = 0; i < nrows; i++)
	{
		if (!single && kit_below(10) == 0)
		{
			series += 1 + kit_below(3);
			time = -20;
		}
		time += kit_below(4);
		batch->times[i] = time;
		if (!single)
			batch->series[i] = series;
	}
	kit_fill_cells(batch, 20, mem);
}

static void
test_find(bool single)
{
	KitPool pool;
	bool passed = true;
	int round;

	kit_pool_init(&pool);
	for (round = 0; round < 300; round++)
	{
		TsdbBatch batch;
		TsdbKey key;

		make_batch(&batch, kit_below(60), single, &pool.mem);
		for (key.series = 3; key.series < 20; key.series++)
		{
			for (key.time = -23; key.time < 60; key.time += 1 + (int64_t) kit_below(3))
			{
				uint32_t row = 0;

				while (row < batch.nrows && tsdb_key_compare(tsdb_batch_key(&batch, row), key) < 0)
					row++;
				passed = passed && tsdb_batch_find(&batch, key) == row;
			}
		}
		kit_pool_reset(&pool);
	}
	kit_ok(passed, "find = linear search, %s", single ? "one series" : "several series");
	kit_pool_free(&pool);
}

static void
test_column(void)
{
	KitPool pool;
	TsdbBatch batch;

	kit_pool_init(&pool);
	make_batch(&batch, 3, true, &pool.mem);
	kit_ok(tsdb_batch_column(&batch, 7) == &batch.columns[2], "a column is found by its attnum");
	kit_ok(tsdb_batch_column(&batch, 5) == NULL, "a column that is not there is NULL");
	kit_pool_free(&pool);
}

static void
test_gather(void)
{
	KitPool pool;
	uint32_t order[100];
	bool passed = true;
	int round;

	kit_pool_init(&pool);
	for (round = 0; round < 500; round++)
	{
		TsdbBatch in;
		TsdbBatch out;
		uint32_t n = kit_below(100);
		bool stretch = kit_below(3) == 0;
		size_t arena_bytes;
		uint32_t i;

		make_batch(&in, 100, kit_below(2), &pool.mem);
		for (i = 0; i < n; i++)
			order[i] = stretch ? (100 - n) / 2 + i : kit_below(100);
		tsdb_batch_gather(&out, &in, order, n, &pool.mem);
		passed = passed && is_gathered(&out, &in, order, n);

		/* Appending to the result must leave the arena of the input alone. */
		arena_bytes = in.arena.len;
		kit_text(&out.arena);
		kit_text(&in.arena);
		passed = passed && out.arena.data != in.arena.data && in.arena.len > arena_bytes &&
				 is_gathered(&out, &in, order, n);
		kit_pool_reset(&pool);
	}
	kit_ok(passed, "gather copies the rows asked for");
	kit_pool_free(&pool);
}

static bool
is_gathered(const TsdbBatch *out, const TsdbBatch *in, const uint32_t *order, uint32_t n)
{
	uint32_t i;

	if (out->nrows != n)
		return false;
	for (i = 0; i < n; i++)
	{
		if (!kit_same_row(out, i, in, order[i]))
			return false;
	}
	return true;
}
