/*-------------------------------------------------------------------------
 *
 * codec_test.c
 *	  Chunks of numbers: exact round trips, sizes, damaged bytes.
 *-------------------------------------------------------------------------
 */
#include "codec/codec_private.h"
#include "plant.h"

#define GUARD UINT64_C(0x5a5a5a5a5a5a5a5a)
#define NGUARDS 8

static const uint32_t lengths[] = {1, 2, 3, 7, 8, 9, 40, 63, 64, 65, 255, 256, 257, 1024, 3600, 4096, 8192, 16384};
static const TsdbType int_types[] = {TSDB_TYPE_INT2, TSDB_TYPE_INT4, TSDB_TYPE_INT8, TSDB_TYPE_BOOL,
									 TSDB_TYPE_TIMESTAMPTZ, TSDB_TYPE_DATE, TSDB_TYPE_QUALITY};
#define NLENGTHS (sizeof(lengths) / sizeof(lengths[0]))
#define NINTS (sizeof(int_types) / sizeof(int_types[0]))

static Arena arena;
static const TsdbMem mem = {arena_alloc, &arena};
static uint64_t words[TSDB_MAX_VALUES];
static double values[TSDB_MAX_VALUES];

static void test_empty(void);
static void test_floats(void);
static void test_ints(void);
static void test_specials(void);
static void test_neighbours(void);
static void test_wide_ints(void);
static void test_sticky(void);
static void test_sizes(void);
static void test_small(void);
static void test_truncated(void);
static void test_flipped(void);
static void test_refused(void);
static void test_frozen(void);
static void fill_neighbours(TsdbType type, uint32_t n, uint32_t share, int64_t reach, uint64_t seed);
static void fill_words(TsdbType type, PlantSeries series, uint32_t n, uint64_t seed);
static void fill_exact(uint32_t shape, uint32_t n);
static bool decodes_to(const TsdbBytes *chunk, TsdbType type, const uint64_t *expected, uint32_t n);
static uint32_t count_failures(TsdbType type, uint32_t n);
static double bits_per_value(PlantSeries series);

int
main(void)
{
	test_empty();
	test_floats();
	test_ints();
	test_specials();
	test_neighbours();
	test_wide_ints();
	test_sticky();
	test_sizes();
	test_small();
	test_truncated();
	test_flipped();
	test_refused();
	test_frozen();
	arena_reset(&arena);
	free(arena.pieces);
	return done();
}

// private functions

static void
test_empty(void)
{
	TsdbBytes out;

	tsdb_bytes_init(&out, &mem);
	tsdb_column_encode(&out, TSDB_TYPE_FLOAT8, words, 0, NULL, &mem);
	ok(out.len == 0, "nothing takes no bytes");
	ok(tsdb_column_decode(tsdb_span("", 0), TSDB_TYPE_FLOAT8, words, 0, &mem) == TSDB_OK, "no bytes are nothing");
	ok(tsdb_column_decode(tsdb_span("x", 1), TSDB_TYPE_FLOAT8, words, 0, &mem) == TSDB_CORRUPT, "a byte too many");
	ok(tsdb_column_codec(tsdb_span("", 0)) == TSDB_CODEC_RAW, "codec of nothing");
}

static void
test_floats(void)
{
	static const TsdbType types[] = {TSDB_TYPE_FLOAT8, TSDB_TYPE_FLOAT4};

	for (int t = 0; t < 2; t++)
		for (PlantSeries series = 0; series < PLANT_NSERIES; series++)
		{
			uint32_t failures = 0;

			for (uint32_t i = 0; i < NLENGTHS; i++)
			{
				fill_words(types[t], series, lengths[i], 11 * i + series);
				failures += count_failures(types[t], lengths[i]);
			}
			ok(failures == 0, "%s as float%d: every length and codec is exact", plant_names[series], t == 0 ? 8 : 4);
		}
}

static void
test_ints(void)
{
	for (uint32_t t = 0; t < NINTS; t++)
	{
		uint32_t failures = 0;

		for (uint32_t i = 0; i < NLENGTHS; i++)
			for (PlantSeries series = 0; series < PLANT_NSERIES; series++)
			{
				fill_words(int_types[t], series, lengths[i], i + series);
				failures += count_failures(int_types[t], lengths[i]);
			}
		ok(failures == 0, "integers of type %d: every length and codec is exact", (int) int_types[t]);
	}
}

/* Values that have tripped codecs before, alone and among others. */
static void
test_specials(void)
{
	static const uint64_t specials[] = {
		0, UINT64_C(0x8000000000000000), 1, UINT64_C(0x8000000000000001), UINT64_C(0x7ff0000000000000),
		UINT64_C(0xfff0000000000000), UINT64_C(0x7ff8000000000000), UINT64_C(0xfff8000000000001),
		UINT64_C(0x7ff0000000000001), UINT64_C(0x7fefffffffffffff), UINT64_C(0xffefffffffffffff),
		UINT64_C(0x0010000000000000), UINT64_C(0x000fffffffffffff), UINT64_C(0x4330000000000000),
		UINT64_C(0x4320000000000000), UINT64_C(0xc320000000000000), UINT64_C(0x431fffffffffffff),
		UINT64_C(0x43e0000000000000), UINT64_C(0xc3e0000000000000), UINT64_C(0xffffffffffffffff)};
	const uint32_t nspecials = sizeof(specials) / sizeof(specials[0]);
	uint32_t failures = 0;
	uint64_t seed = 3;

	for (uint32_t s = 0; s < nspecials; s++)
	{
		for (uint32_t i = 0; i < 700; i++)
			words[i] = specials[s];
		failures += count_failures(TSDB_TYPE_FLOAT8, 1) + count_failures(TSDB_TYPE_FLOAT8, 700);
		fill_words(TSDB_TYPE_FLOAT8, PLANT_WALK2, 700, s);
		words[s * 30] = specials[s];
		words[699] = specials[s];
		failures += count_failures(TSDB_TYPE_FLOAT8, 700);
	}
	for (uint32_t i = 0; i < 4096; i++)
		words[i] = specials[random_below(&seed, nspecials)];
	failures += count_failures(TSDB_TYPE_FLOAT8, 4096);
	for (uint32_t i = 0; i < 4096; i++)
		words[i] = (words[i] >> 32 & 0xfffffffe) | (i & 1);
	failures += count_failures(TSDB_TYPE_FLOAT4, 4096);
	ok(failures == 0, "NaN payloads, -0.0, infinities, subnormals, the limits of 2^51 .. 2^63");
}

/* Decimals that were calculated with, a few units of the last bit beside what they mean. */
static void
test_neighbours(void)
{
	static const TsdbType types[] = {TSDB_TYPE_FLOAT8, TSDB_TYPE_FLOAT4};
	static const int64_t reaches[] = {1, 3, 64, 65, 100000};
	uint32_t failures = 0;
	TsdbBytes exact;
	TsdbBytes beside;

	for (int t = 0; t < 2; t++)
		for (uint32_t i = 0; i < NLENGTHS; i++)
			for (uint32_t share = 1; share <= 4; share++)
				for (uint32_t r = 0; r < sizeof(reaches) / sizeof(reaches[0]); r++)
				{
					fill_neighbours(types[t], lengths[i], share, reaches[r], i);
					failures += count_failures(types[t], lengths[i]);
					for (uint32_t j = 0; j < lengths[i]; j += 5)
						words[j] = types[t] == TSDB_TYPE_FLOAT8 ? UINT64_C(0x7ff8000000000000) : UINT64_C(0xff800000);
					failures += count_failures(types[t], lengths[i]);
				}
	ok(failures == 0, "values beside decimals are exact, infinities between them too");

	tsdb_bytes_init(&exact, &mem);
	tsdb_bytes_init(&beside, &mem);
	fill_neighbours(TSDB_TYPE_FLOAT8, 4096, 1, 0, 7);
	tsdb_column_encode(&exact, TSDB_TYPE_FLOAT8, words, 4096, NULL, &mem);
	fill_neighbours(TSDB_TYPE_FLOAT8, 4096, 4, 1, 7);
	tsdb_column_encode(&beside, TSDB_TYPE_FLOAT8, words, 4096, NULL, &mem);
	ok(beside.len < exact.len + 4096 / 4, "a quarter of them one unit off costs %zu bytes of 4096 values, %zu without",
	   beside.len - exact.len, exact.len);
	arena_reset(&arena);
}

static void
test_wide_ints(void)
{
	uint32_t failures = 0;
	uint64_t seed = 5;

	for (uint32_t width = 1; width <= 64; width++)
		for (int shape = 0; shape < 4; shape++)
		{
			uint64_t sum = 0;

			for (uint32_t i = 0; i < 600; i++)
			{
				uint64_t random = random_next(&seed) >> (64 - width);

				if (shape == 1 && random_below(&seed, 20) == 0)
					random = random_next(&seed);
				sum += shape == 3 ? random : 0;
				words[i] = shape == 2 ? (i & 1 ? random : 0 - random) : shape == 3 ? sum
																				   : random;
			}
			failures += count_failures(TSDB_TYPE_INT8, 600);
			failures += count_failures(TSDB_TYPE_INT8, 256 + width);
		}
	for (uint32_t i = 0; i < 600; i++)
		words[i] = i & 1 ? (uint64_t) INT64_MAX : (uint64_t) INT64_MIN;
	failures += count_failures(TSDB_TYPE_INT8, 600) + count_failures(TSDB_TYPE_INT8, 2);
	for (uint32_t i = 0; i < 600; i++)
		words[i] = (uint64_t) INT64_MIN + i * UINT64_C(0x6180000000000001);
	failures += count_failures(TSDB_TYPE_INT8, 600);
	ok(failures == 0, "every width of 1 .. 64 bits, outliers, signs, sums, INT64_MIN and MAX");
}

/* Flushes: the remembered codec, changes of the signal, all of it exact. */
static void
test_sticky(void)
{
	TsdbSticky sticky;
	uint32_t failures = 0;
	uint32_t growth = 0;

	memset(&sticky, 0, sizeof(sticky));
	for (uint32_t chunk = 0; chunk < 120; chunk++)
	{
		PlantSeries series = chunk < 40 ? PLANT_WALK2 : (PlantSeries) (chunk % PLANT_NSERIES);
		uint32_t n = 1 + (chunk * 977) % 3000;
		TsdbBytes out;
		TsdbBytes full;

		fill_words(TSDB_TYPE_FLOAT8, series, n, chunk);
		tsdb_bytes_init(&out, &mem);
		tsdb_bytes_init(&full, &mem);
		tsdb_column_encode(&out, TSDB_TYPE_FLOAT8, words, n, &sticky, &mem);
		tsdb_column_encode(&full, TSDB_TYPE_FLOAT8, words, n, NULL, &mem);
		failures += !decodes_to(&out, TSDB_TYPE_FLOAT8, words, n);
		growth += chunk < 40 && out.len > full.len + full.len / 8 + 8;
		arena_reset(&arena);
	}
	ok(failures == 0, "sticky chunks are exact, also when the signal changes");
	ok(growth == 0, "sticky chunks of one signal are no more than an eighth larger");
}

static void
test_sizes(void)
{
	static const struct
	{
		PlantSeries series;
		double limit;
	} goals[] = {{PLANT_WALK2, 5.0}, {PLANT_COUNTER, 2.7}, {PLANT_VALVE, 0.17}, {PLANT_NOISE, 50.7}, {PLANT_ADC12, 3.1}};

	for (uint32_t i = 0; i < sizeof(goals) / sizeof(goals[0]); i++)
	{
		double bits = bits_per_value(goals[i].series);

		ok(bits <= goals[i].limit, "%s: %.3f bits a value, limit %.2f", plant_names[goals[i].series], bits, goals[i].limit);
	}
}

/* Summaries are arrays of a few values: the frame must not cost more than they do. */
static void
test_small(void)
{
	TsdbBytes out;
	double few[3] = {21.5, 21.75, 21.25};

	tsdb_bytes_init(&out, &mem);
	tsdb_column_encode(&out, TSDB_TYPE_FLOAT8, (uint64_t *) few, 1, NULL, &mem);
	ok(out.len <= 3, "one decimal: %zu bytes", out.len);
	out.len = 0;
	tsdb_column_encode(&out, TSDB_TYPE_FLOAT8, (uint64_t *) few, 3, NULL, &mem);
	ok(out.len <= 9, "three decimals: %zu bytes", out.len);
	out.len = 0;
	for (uint64_t i = 0; i < 40; i++)
		words[i] = 1000 + i * 60;
	tsdb_column_encode(&out, TSDB_TYPE_INT8, words, 40, NULL, &mem);
	ok(out.len <= 6, "a straight line of 40: %zu bytes", out.len);
	out.len = 0;
	memset(words, 0, sizeof(words));
	tsdb_column_encode(&out, TSDB_TYPE_INT8, words, TSDB_MAX_VALUES, NULL, &mem);
	ok(out.len == 2, "16384 zeros: %zu bytes", out.len);
	arena_reset(&arena);
}

/* A chunk that is cut anywhere, or followed by a byte, is refused. */
static void
test_truncated(void)
{
	uint32_t accepted = 0;
	uint32_t cuts = 0;

	for (uint32_t i = 0; i < PLANT_NSERIES * 4; i++)
	{
		TsdbType type = i % 4 == 3 ? TSDB_TYPE_FLOAT4 : i % 4 == 2 ? TSDB_TYPE_INT8
																   : TSDB_TYPE_FLOAT8;
		uint32_t n = i % 4 == 0 ? 300 : 70 + i;
		uint64_t decoded[300];
		TsdbFold fold;
		TsdbBytes out;

		fill_words(type, (PlantSeries) (i / 4), n, i);
		tsdb_bytes_init(&out, &mem);
		tsdb_column_encode(&out, type, words, n, NULL, &mem);
		for (size_t cut = 0; cut < out.len; cut++, cuts++)
		{
			uint8_t *bytes = exact_copy(&mem, out.data, cut);

			accepted += tsdb_column_decode(tsdb_span(bytes, cut), type, decoded, n, &mem) == TSDB_OK;
			accepted += tsdb_column_fold(tsdb_span(bytes, cut), type, n, &fold, &mem) == TSDB_OK;
		}
		tsdb_bytes_append_u8(&out, 0);
		accepted += tsdb_column_decode(tsdb_span(out.data, out.len), type, decoded, n, &mem) == TSDB_OK;
		arena_reset(&arena);
	}
	ok(accepted == 0, "none of %u truncations is accepted", cuts);
}

/* A flipped bit: refused, or n words and not one more; fold and decode agree on which. */
static void
test_flipped(void)
{
	uint32_t outside = 0;
	uint32_t refused = 0;
	uint32_t flips = 0;

	for (uint32_t i = 0; i < PLANT_NSERIES * 3; i++)
	{
		TsdbType type = i % 3 == 2 ? TSDB_TYPE_INT8 : i % 3 == 1 ? TSDB_TYPE_FLOAT4
																 : TSDB_TYPE_FLOAT8;
		uint32_t n = 40 + i * 20;
		TsdbBytes out;

		fill_words(type, (PlantSeries) (i / 3), n, i);
		tsdb_bytes_init(&out, &mem);
		tsdb_column_encode(&out, type, words, n, NULL, &mem);
		for (size_t bit = 0; bit < out.len * 8; bit += 1 + out.len / 400, flips++)
		{
			uint64_t decoded[NGUARDS + 40 + PLANT_NSERIES * 60];
			Arena inner = {NULL, 0, 0, 0};
			TsdbMem inner_mem = {arena_alloc, &inner};
			uint8_t *bytes = exact_copy(&inner_mem, out.data, out.len);
			TsdbFold fold;

			for (uint32_t j = 0; j < NGUARDS; j++)
				decoded[n + j] = GUARD;
			bytes[bit / 8] ^= (uint8_t) (1 << bit % 8);
			refused += tsdb_column_decode(tsdb_span(bytes, out.len), type, decoded, n, &inner_mem) != TSDB_OK;
			if (tsdb_column_fold(tsdb_span(bytes, out.len), type, n, &fold, &inner_mem) == TSDB_OK)
				outside += fold.n != n;
			for (uint32_t j = 0; j < NGUARDS; j++)
				outside += decoded[n + j] != GUARD;
			arena_reset(&inner);
			free(inner.pieces);
		}
		arena_reset(&arena);
	}
	ok(outside == 0, "%u single bit flips stay in bounds", flips);
	ok(refused > 0 && refused < flips, "%u of them are refused", refused);
}

/* Bytes that no encoder writes. */
static void
test_refused(void)
{
	static const struct
	{
		const char *what;
		TsdbType type;
		uint32_t n;
		uint8_t nbytes;
		uint8_t bytes[16];
	} cases[] = {
		{"LZ4 tag", TSDB_TYPE_FLOAT8, 1, 3, {7, 0, 0}},
		{"INT of a float", TSDB_TYPE_FLOAT8, 1, 3, {6, 0x84, 0}},
		{"DEC of an integer", TSDB_TYPE_INT8, 1, 3, {2, 0x84, 0}},
		{"BITS of an integer", TSDB_TYPE_INT8, 1, 3, {3, 0x84, 0}},
		{"23 decimals", TSDB_TYPE_FLOAT8, 1, 3, {2 | 23 << 3, 0x84, 0}},
		{"constant with 23 decimals", TSDB_TYPE_FLOAT8, 1, 2, {1 | 24 << 3, 0}},
		{"decimal constant of an integer", TSDB_TYPE_INT4, 1, 2, {1 | 1 << 3, 0}},
		{"parameter of RLE", TSDB_TYPE_INT4, 1, 6, {5 | 1 << 3, 1, 0x84, 0, 1, 0}},
		{"run of no length", TSDB_TYPE_INT4, 3, 6, {5, 1, 0x84, 0, 1, 0}},
		{"runs inside of runs", TSDB_TYPE_INT4, 1, 9, {5, 1, 0x84, 0, 5, 1, 0x84, 0, 1}},
		{"dictionary of one", TSDB_TYPE_INT4, 4, 8, {4, 1, 6, 0x84, 0, 0x84, 0, 0}},
		{"descending dictionary", TSDB_TYPE_INT4, 4, 9, {4, 2, 6, 0x86, 4, 1, 0x84, 0}},
		{"code beyond the dictionary", TSDB_TYPE_INT4, 4, 8, {4, 2, 6, 0x86, 4, 2, 0x84, 4}},
		{"width 65", TSDB_TYPE_INT8, 2, 5, {6, 0x01, 0, 129, 0}},
		{"bytes of offset without order 0", TSDB_TYPE_INT8, 2, 5, {6, 0x0d, 0, 0, 0}},
		{"all values exceptional", TSDB_TYPE_FLOAT8, 1, 9, {2 | 31 << 3, 0, 1, 0x84, 0, 1, 0, 0, 0}},
		{"more neighbours than values", TSDB_TYPE_FLOAT8, 1, 10, {2 | 30 << 3, 0, 2, 0x81, 0, 2, 0x84, 2, 0x84, 0}},
		{"neighbour at no distance", TSDB_TYPE_FLOAT8, 1, 9, {2 | 30 << 3, 0, 1, 0x84, 0, 0x84, 0, 0x84, 0}},
		{"neighbour beyond all floats", TSDB_TYPE_FLOAT4, 1, 14, {2 | 30 << 3, 0, 1, 0x84, 0, 0x84, 0xfe, 0xff, 0xff, 0xff, 0x1f, 0x84, 0}},
	};
	uint64_t decoded[4];

	for (uint32_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		ok(tsdb_column_decode(tsdb_span(exact_copy(&mem, cases[i].bytes, cases[i].nbytes), cases[i].nbytes),
							  cases[i].type, decoded, cases[i].n, &mem) == TSDB_CORRUPT,
		   "refused: %s", cases[i].what);
	arena_reset(&arena);
}

/*
 * The bytes of version 1, whatever the compiler, the processor and the options:
 * one checksum over chunks of every shape.
 */
static void
test_frozen(void)
{
	TsdbBytes all;
	uint32_t checksum;

	tsdb_bytes_init(&all, &mem);
	for (uint32_t shape = 0; shape < 12; shape++)
		for (uint32_t i = 0; i < NLENGTHS; i += 2)
		{
			static const TsdbType types[] = {TSDB_TYPE_FLOAT8, TSDB_TYPE_FLOAT4, TSDB_TYPE_INT8};
			TsdbType type = types[shape % 3];

			fill_exact(shape, lengths[i]);
			if (type == TSDB_TYPE_FLOAT4)
				for (uint32_t j = 0; j < lengths[i]; j++)
				{
					double value = tsdb_double_from_word(TSDB_TYPE_FLOAT8, words[j]);
					float narrow = (float) value;

					words[j] = 0;
					memcpy(&words[j], &narrow, sizeof(narrow));
				}
			tsdb_column_encode(&all, type, words, lengths[i], NULL, &mem);
		}
	checksum = tsdb_crc32c(all.data, all.len);
	ok(checksum == UINT32_C(0x817b8c50), "frozen bytes: checksum %08x of %zu", checksum, all.len);
	arena_reset(&arena);
}

/* A walk of two decimals; each share-th value is up to `reach` units of the last bit off. */
static void
fill_neighbours(TsdbType type, uint32_t n, uint32_t share, int64_t reach, uint64_t seed)
{
	int64_t at = 4711;

	for (uint32_t i = 0; i < n; i++)
	{
		at += (int64_t) random_below(&seed, 41) - 20;
		words[i] = tsdb_dec_word(type, at, 2);
		if (i % share == 0)
			words[i] = tsdb_word_from_key(type, tsdb_key_from_word(type, words[i]) + (int64_t) random_below(&seed, (uint32_t) (2 * reach + 1)) - reach);
	}
}

/* n words of the series; for integers its values as such, random bits cut to the width. */
static void
fill_words(TsdbType type, PlantSeries series, uint32_t n, uint64_t seed)
{
	plant_fill(series, values, n, seed);
	for (uint32_t i = 0; i < n; i++)
	{
		float narrow = (float) values[i];
		int64_t integer = fabs(values[i]) < 1e15 ? (int64_t) (values[i] * 10) : (int64_t) (seed + i * UINT64_C(0x9e3779b97f4a7c15));

		words[i] = 0;
		if (type == TSDB_TYPE_FLOAT8)
			memcpy(&words[i], &values[i], 8);
		else if (type == TSDB_TYPE_FLOAT4)
			memcpy(&words[i], &narrow, 4);
		else if (type == TSDB_TYPE_BOOL)
			words[i] = integer > 0;
		else if (type == TSDB_TYPE_INT2 || type == TSDB_TYPE_QUALITY)
			words[i] = (uint64_t) (int64_t) (int16_t) integer;
		else if (type == TSDB_TYPE_INT4 || type == TSDB_TYPE_DATE)
			words[i] = (uint64_t) (int64_t) (int32_t) integer;
		else
			words[i] = (uint64_t) integer;
	}
}

/* n float8 words made without libm, so that they are the same everywhere. */
static void
fill_exact(uint32_t shape, uint32_t n)
{
	uint64_t seed = shape * 1000 + n;
	double level = 1000;

	for (uint32_t i = 0; i < n; i++)
	{
		double value;

		level += random_below(&seed, 11) - 5.0;
		if (shape < 3)
			value = level / 100;
		else if (shape < 6)
			value = random_below(&seed, 20) == 0 ? random_unit(&seed) : level / 10;
		else if (shape < 9)
			value = random_below(&seed, 12) * 0.15625 * 1.07;
		else
			value = random_unit(&seed) - 0.5;
		if (shape % 2 == 1 && i % 7 != 0 && i > 0)
			words[i] = words[i - 1];
		else
			memcpy(&words[i], &value, 8);
	}
}

static bool
decodes_to(const TsdbBytes *chunk, TsdbType type, const uint64_t *expected, uint32_t n)
{
	static uint64_t decoded[TSDB_MAX_VALUES + NGUARDS];
	uint8_t *bytes = exact_copy(&mem, chunk->data, chunk->len);

	for (uint32_t i = 0; i < NGUARDS; i++)
		decoded[n + i] = GUARD;
	if (tsdb_column_decode(tsdb_span(bytes, chunk->len), type, decoded, n, &mem) != TSDB_OK)
		return false;
	for (uint32_t i = 0; i < NGUARDS; i++)
		if (decoded[n + i] != GUARD)
			return false;
	return memcmp(decoded, expected, n * sizeof(uint64_t)) == 0;
}

/* Selection and every codec alone on words[0 .. n-1]. */
static uint32_t
count_failures(TsdbType type, uint32_t n)
{
	uint32_t failures = 0;
	TsdbBytes out;

	tsdb_bytes_init(&out, &mem);
	tsdb_column_encode(&out, type, words, n, NULL, &mem);
	failures += !decodes_to(&out, type, words, n);
	failures += out.len > 1 + (size_t) n * 8 + 10;
	for (TsdbCodec codec = TSDB_CODEC_RAW; codec <= TSDB_CODEC_INT; codec++)
		for (uint32_t decimals = 0; decimals <= (codec == TSDB_CODEC_DEC ? 4 : 0); decimals += 2)
		{
			out.len = 0;
			if (!tsdb_chunk_encode_as(&out, codec, decimals, type, words, n, TSDB_MASK_ALL, &mem))
			{
				failures += out.len != 0;
				continue;
			}
			failures += !decodes_to(&out, type, words, n);
			failures += tsdb_column_codec(tsdb_span(out.data, out.len)) != codec;
		}
	arena_reset(&arena);
	return failures;
}

/* Over 20 chunks of 3600. */
static double
bits_per_value(PlantSeries series)
{
	const uint32_t n = 3600;
	size_t nbytes = 0;
	double memory = 0;
	uint64_t seed = 1;

	for (uint32_t chunk = 0; chunk < 20; chunk++)
	{
		TsdbBytes out;

		for (uint32_t i = 0; i < n; i++)
			values[i] = plant_value(series, chunk * n + i, &memory, &seed);
		tsdb_bytes_init(&out, &mem);
		tsdb_column_encode(&out, TSDB_TYPE_FLOAT8, (uint64_t *) values, n, NULL, &mem);
		nbytes += out.len;
		arena_reset(&arena);
	}
	return (double) nbytes * 8 / (20 * n);
}
