/*-------------------------------------------------------------------------
 *
 * fold_test.c
 *	  count, sum, min, max of coded chunks against the plain way.
 *-------------------------------------------------------------------------
 */
#include "codec/codec_private.h"
#include "plant.h"

#define MAX_N 4096

static Arena arena;
static const TsdbMem mem = {arena_alloc, &arena};
static uint64_t words[MAX_N];
static double values[MAX_N];

static void test_floats(void);
static void test_float4(void);
static void test_ints(void);
static void test_special_order(void);
static void test_dictionaries(void);
static void test_sum_add(void);
static void test_frozen(void);
static void fill_walk(uint32_t shape, uint32_t n);
static uint32_t count_wrong(TsdbType type, uint32_t n);
static bool is_right(const TsdbFold *fold, TsdbType type, uint32_t n);
static bool is_right_float(const TsdbFold *fold, TsdbType type, uint32_t n);
static bool is_right_int(const TsdbFold *fold, uint32_t n);

int
main(void)
{
	test_floats();
	test_float4();
	test_ints();
	test_special_order();
	test_dictionaries();
	test_sum_add();
	test_frozen();
	arena_reset(&arena);
	free(arena.pieces);
	return done();
}

// private functions

static void
test_floats(void)
{
	for (PlantSeries series = 0; series < PLANT_WILD; series++)
	{
		uint32_t wrong = 0;

		for (uint32_t n = 1; n <= MAX_N; n += 1 + n / 3)
		{
			plant_fill(series, values, n, n);
			memcpy(words, values, n * sizeof(double));
			wrong += count_wrong(TSDB_TYPE_FLOAT8, n);
		}
		ok(wrong == 0, "%s: every codec folds to the same", plant_names[series]);
	}
}

static void
test_float4(void)
{
	uint32_t wrong = 0;

	for (PlantSeries series = 0; series < PLANT_WILD; series++)
	{
		plant_fill(series, values, 1000, 1);
		for (uint32_t i = 0; i < 1000; i++)
		{
			float narrow = (float) values[i];

			words[i] = 0;
			memcpy(&words[i], &narrow, sizeof(narrow));
		}
		wrong += count_wrong(TSDB_TYPE_FLOAT4, 1000);
	}
	ok(wrong == 0, "float4: every codec folds to the same");
}

static void
test_ints(void)
{
	uint32_t wrong = 0;
	uint64_t seed = 1;

	for (uint32_t width = 1; width <= 64; width++)
	{
		for (uint32_t i = 0; i < 700; i++)
			words[i] = (random_next(&seed) >> (64 - width)) * (i & 1 ? 1 : UINT64_MAX);
		wrong += count_wrong(TSDB_TYPE_INT8, 700);
	}
	for (uint32_t i = 0; i < 700; i++)
		words[i] = (uint64_t) INT64_MIN;
	wrong += count_wrong(TSDB_TYPE_INT8, 700);
	ok(wrong == 0, "integers: 128-bit sums of every width");
}

/* PostgreSQL's order: NaN above infinity. */
static void
test_special_order(void)
{
	static const double with_nan[] = {3, NAN, -INFINITY, 2};
	static const double only_nan[] = {NAN, NAN};
	static const double infinite[] = {1, INFINITY, 2};
	TsdbFold fold;

	tsdb_words_fold(TSDB_TYPE_FLOAT8, (const uint64_t *) with_nan, 4, &fold);
	ok(fold.n == 4 && isnan(fold.max) && fold.min == -INFINITY && isnan(fold.sum_hi + fold.sum_lo), "NaN is the greatest");
	tsdb_words_fold(TSDB_TYPE_FLOAT8, (const uint64_t *) only_nan, 2, &fold);
	ok(isnan(fold.min) && isnan(fold.max), "only NaN: least and greatest");
	tsdb_words_fold(TSDB_TYPE_FLOAT8, (const uint64_t *) infinite, 3, &fold);
	ok(fold.sum_hi == INFINITY && fold.sum_lo == 0 && fold.max == INFINITY, "an infinite sum has no rest");
	tsdb_words_fold(TSDB_TYPE_FLOAT8, NULL, 0, &fold);
	ok(fold.n == 0 && fold.sum_hi == 0, "nothing");
	ok(tsdb_column_fold(tsdb_span("", 0), TSDB_TYPE_FLOAT8, 0, &fold, &mem) == TSDB_OK && fold.n == 0, "an empty chunk");
}

/* Few distinct values, some of which have no place among the others. */
static void
test_dictionaries(void)
{
	static const double outsiders[][2] = {{NAN, NAN}, {-NAN, 1}, {-NAN, NAN}, {INFINITY, 3}, {-INFINITY, 2}, {-INFINITY, INFINITY}, {-INFINITY, NAN}, {0.0, -0.0}, {1e300, -1e300}, {1e-300, 5e-324}, {1e308, 1e308}, {0x1p43, 0x1p-10}};
	static const uint64_t integers[] = {0, INT64_MAX, (uint64_t) INT64_MIN, UINT64_C(1) << 48, UINT64_C(1) << 49};
	uint64_t seed = 7;
	uint32_t wrong = 0;

	for (uint32_t i = 0; i < sizeof(outsiders) / sizeof(outsiders[0]); i++)
		for (uint32_t n = 50; n <= MAX_N; n *= 3)
		{
			for (uint32_t j = 0; j < n; j++)
				values[j] = random_below(&seed, 30) == 0 ? outsiders[i][j % 2] : (random_below(&seed, 40) - 20.0) * 0.137;
			memcpy(words, values, n * sizeof(double));
			wrong += count_wrong(TSDB_TYPE_FLOAT8, n);
		}
	ok(wrong == 0, "dictionaries of floats with outsiders");
	wrong = 0;
	for (uint32_t i = 0; i < sizeof(integers) / sizeof(integers[0]); i++)
	{
		for (uint32_t j = 0; j < MAX_N; j++)
			words[j] = j % 30 == 0 ? integers[i] : random_below(&seed, 20);
		wrong += count_wrong(TSDB_TYPE_INT8, MAX_N);
	}
	ok(wrong == 0, "dictionaries of integers that lie apart");
}

static void
test_sum_add(void)
{
	double hi = 0;
	double lo = 0;

	tsdb_sum_add(&hi, &lo, 1.0);
	tsdb_sum_add(&hi, &lo, 1e100);
	tsdb_sum_add(&hi, &lo, 1.0);
	tsdb_sum_add(&hi, &lo, -1e100);
	tsdb_sum_finish(&hi, &lo);
	ok(hi == 2.0 && lo == 0.0, "1 + 1e100 + 1 - 1e100 = 2");
	hi = lo = 0;
	for (int i = 0; i < 10; i++)
		tsdb_sum_add(&hi, &lo, 0.1);
	tsdb_sum_finish(&hi, &lo);
	ok(hi == 1.0 && fabs(lo) < 1e-15, "ten tenths are one");
}

/*
 * The results bit for bit, whatever the compiler, the processor and the
 * options: one checksum over the folds of every codec.
 */
static void
test_frozen(void)
{
	static const uint32_t lengths[] = {2, 9, 255, 256, 257, 1000, 3600, MAX_N};
	uint32_t checksum;
	TsdbBytes all;

	tsdb_bytes_init(&all, &mem);
	for (uint32_t shape = 0; shape < 24; shape++)
		for (uint32_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++)
		{
			fill_walk(shape, lengths[i]);
			for (TsdbCodec codec = TSDB_CODEC_RAW; codec <= TSDB_CODEC_INT; codec++)
			{
				TsdbBytes out;
				TsdbFold fold;

				tsdb_bytes_init(&out, &mem);
				if (!tsdb_chunk_encode_as(&out, codec, 2, TSDB_TYPE_FLOAT8, words, lengths[i], TSDB_MASK_ALL, &mem))
					continue;
				if (tsdb_column_fold(tsdb_span(out.data, out.len), TSDB_TYPE_FLOAT8, lengths[i], &fold, &mem) != TSDB_OK)
					tsdb_bytes_append_u8(&all, (uint8_t) codec);
				tsdb_bytes_append(&all, &fold.min, sizeof(double));
				tsdb_bytes_append(&all, &fold.max, sizeof(double));
				tsdb_bytes_append(&all, &fold.sum_hi, sizeof(double));
				tsdb_bytes_append(&all, &fold.sum_lo, sizeof(double));
			}
		}
	checksum = tsdb_crc32c(all.data, all.len);
	ok(checksum == UINT32_C(0xc063012a), "frozen folds: checksum %08x of %zu", checksum, all.len);
	arena_reset(&arena);
}

/* A walk whose steps grow with the shape, with jumps; of two decimals, or on a lattice that has none. */
static void
fill_walk(uint32_t shape, uint32_t n)
{
	uint64_t seed = shape + 1;
	int64_t level = 2000;

	for (uint32_t i = 0; i < n; i++)
	{
		uint64_t news = random_next(&seed);

		if (shape > 1)
			level += (int64_t) (news >> (64 - shape / 2)) * (news & 1 ? 1 : -1);
		if (news % 100 == 0)
			level += (int64_t) (news >> 50) - (1 << 13);
		values[i] = shape % 2 == 0 ? (double) level / 100 : (double) level * 0.137;
	}
	memcpy(words, values, n * sizeof(double));
}

/* Of all codecs that take words[0 .. n-1]. */
static uint32_t
count_wrong(TsdbType type, uint32_t n)
{
	uint32_t wrong = 0;
	TsdbFold fold;

	tsdb_words_fold(type, words, n, &fold);
	wrong += !is_right(&fold, type, n);
	for (TsdbCodec codec = TSDB_CODEC_RAW; codec <= TSDB_CODEC_INT; codec++)
	{
		TsdbBytes out;

		tsdb_bytes_init(&out, &mem);
		if (!tsdb_chunk_encode_as(&out, codec, 2, type, words, n, TSDB_MASK_ALL, &mem))
			continue;
		memset(&fold, 0x55, sizeof(fold));
		if (tsdb_column_fold(tsdb_span(out.data, out.len), type, n, &fold, &mem) != TSDB_OK || !is_right(&fold, type, n))
			wrong++;
	}
	arena_reset(&arena);
	return wrong;
}

static bool
is_right(const TsdbFold *fold, TsdbType type, uint32_t n)
{
	if (fold->n != n)
		return false;
	return tsdb_type_is_float(type) ? is_right_float(fold, type, n) : is_right_int(fold, n);
}

/* Sum within 1e-15 of the sum of magnitudes; min and max bit for bit (but for the sign of zero). */
static bool
is_right_float(const TsdbFold *fold, TsdbType type, uint32_t n)
{
	long double sum = 0;
	long double magnitude = 0;
	double min = tsdb_double_from_word(type, words[0]);
	double max = min;
	bool min_same;
	bool max_same;

	for (uint32_t i = 0; i < n; i++)
	{
		double value = tsdb_double_from_word(type, words[i]);

		sum += value;
		magnitude += fabs(value);
		if (isnan(min) || value < min)
			min = isnan(value) ? min : value;
		if (isnan(value) || value > max)
			max = isnan(max) ? max : value;
	}
	min_same = isnan(min) ? isnan(fold->min) : fold->min == min;
	max_same = isnan(max) ? isnan(fold->max) : fold->max == max;
	if (!min_same || !max_same)
		return false;
	if (isnan((double) sum) || isinf((double) sum))
		return isnan((double) sum) ? isnan(fold->sum_hi) : fold->sum_hi == (double) sum && fold->sum_lo == 0;
	return fold->sum_hi + fold->sum_lo == fold->sum_hi &&
		   fabsl((long double) fold->sum_hi + fold->sum_lo - sum) <= 1e-15L * magnitude;
}

static bool
is_right_int(const TsdbFold *fold, uint32_t n)
{
	__int128 sum = 0;
	int64_t min = INT64_MAX;
	int64_t max = INT64_MIN;

	for (uint32_t i = 0; i < n; i++)
	{
		int64_t value = (int64_t) words[i];

		sum += value;
		min = value < min ? value : min;
		max = value > max ? value : max;
	}
	return fold->int_min == min && fold->int_max == max && fold->int_sum_hi == (int64_t) (sum >> 64) &&
		   fold->int_sum_lo == (uint64_t) sum;
}
