/*-------------------------------------------------------------------------
 *
 * golden_fill.h
 *	  Values of the golden files: made by integer arithmetic and single
 *	  divisions, so that they are the same bits on every machine.
 *-------------------------------------------------------------------------
 */
#ifndef TSDB_TEST_GOLDEN_FILL_H
#define TSDB_TEST_GOLDEN_FILL_H

#include "format/batch.h"
#include "tap.h"

#define GOLDEN_START_US INT64_C(800000000000000) /* in May 2025 */

static inline uint64_t
golden_double(double value)
{
	uint64_t word;

	memcpy(&word, &value, sizeof(word));
	return word;
}

static inline uint64_t
golden_float(float value)
{
	uint32_t bits;

	memcpy(&bits, &value, sizeof(bits));
	return bits;
}

/* golden_noise - about bell-shaped, -4 * range .. 4 * range. */
static inline int64_t
golden_noise(uint64_t *random, uint32_t range)
{
	int64_t sum = 0;

	for (int i = 0; i < 4; i++)
		sum += (int64_t) random_below(random, 2 * range + 1) - range;
	return sum;
}

/*
 * How values go on: one function per shape, word i of n.
 */
typedef void (*GoldenFill)(uint64_t *words, uint32_t n);

__attribute__((unused)) static void
fill_decimals(uint64_t *words, uint32_t n)
{
	uint64_t random = 1;
	int64_t at = 2000;

	for (uint32_t i = 0; i < n; i++)
		words[i] = golden_double((double) (at += golden_noise(&random, 3)) / 100.0);
}

__attribute__((unused)) static void
fill_exceptions(uint64_t *words, uint32_t n)
{
	static const uint64_t odd[] = {
		UINT64_C(0x8000000000000000), UINT64_C(0x7ff0000000000000), UINT64_C(0xfff0000000000000),
		UINT64_C(0x7ff8000000000000), UINT64_C(0xfff8000000001234), UINT64_C(0x3fd5555555555555)};

	fill_decimals(words, n);
	for (uint32_t i = 0; i < 6 * 12 && i * 13 < n; i++)
		words[i * 13] = odd[i % 6];
}

/* Decimals and their neighbours, and some values that are neither. */
__attribute__((unused)) static void
fill_neighbours(uint64_t *words, uint32_t n)
{
	fill_decimals(words, n);
	for (uint32_t i = 0; i < n; i++)
		words[i] += i % 3 == 0 ? i % 5 - UINT64_C(2) : 0;
	for (uint32_t i = 100; i < n; i += 211)
		words[i] = UINT64_C(0x7ff8000000000000);
}

__attribute__((unused)) static void
fill_decimals4(uint64_t *words, uint32_t n)
{
	uint64_t random = 2;
	int64_t at = 215;

	for (uint32_t i = 0; i < n; i++)
		words[i] = golden_float((float) ((double) (at += golden_noise(&random, 1)) / 10.0));
}

/* Every bit of the significand is used. */
__attribute__((unused)) static void
fill_digits(uint64_t *words, uint32_t n)
{
	uint64_t random = 3;

	for (uint32_t i = 0; i < n; i++)
		words[i] = golden_double((i % 9 == 0 ? -20.0 : 20.0) + (double) (random_next(&random) >> 11) / 9007199254740992.0);
}

__attribute__((unused)) static void
fill_digits4(uint64_t *words, uint32_t n)
{
	uint64_t random = 4;

	for (uint32_t i = 0; i < n; i++)
		words[i] = golden_float((i % 7 == 0 ? -3.0f : 3.0f) + (float) (random_next(&random) >> 41) / 8388608.0f);
}

/* A converter: few values on a lattice that is not decimal. */
__attribute__((unused)) static void
fill_lattice(uint64_t *words, uint32_t n)
{
	uint64_t random = 5;
	int64_t at = 2000;

	for (uint32_t i = 0; i < n; i++)
	{
		at += golden_noise(&random, 1);
		words[i] = golden_double((double) at / 4096.0 * 10.173);
	}
}

__attribute__((unused)) static void
fill_steps(uint64_t *words, uint32_t n)
{
	uint64_t random = 6;
	double level = 20.0;

	for (uint32_t i = 0; i < n; i++)
	{
		if (random_below(&random, 60) == 0)
			level = 20.0 + (double) random_below(&random, 12) * 2.5;
		words[i] = golden_double(level);
	}
}

__attribute__((unused)) static void
fill_wild(uint64_t *words, uint32_t n)
{
	uint64_t random = 7;

	for (uint32_t i = 0; i < n; i++)
		words[i] = random_next(&random);
}

__attribute__((unused)) static void
fill_wild4(uint64_t *words, uint32_t n)
{
	uint64_t random = 8;

	for (uint32_t i = 0; i < n; i++)
		words[i] = random_next(&random) >> 32;
}

__attribute__((unused)) static void
fill_decimal(uint64_t *words, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++)
		words[i] = golden_double(-21.75);
}

__attribute__((unused)) static void
fill_nan(uint64_t *words, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++)
		words[i] = UINT64_C(0xfff80000deadbeef);
}

__attribute__((unused)) static void
fill_minus(uint64_t *words, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++)
		words[i] = (uint64_t) INT64_C(-1234567890123);
}

/* Integers, for the ways of packing them. */

/* Offsets from the minimum of a miniblock, whose distance from the least of all takes two bytes. */
__attribute__((unused)) static void
fill_levels(uint64_t *words, uint32_t n)
{
	uint64_t random = 9;

	for (uint32_t i = 0; i < n; i++)
		words[i] = (uint64_t) ((int64_t) (i / 256) * 9000 - 5000 + random_below(&random, 200));
}

/* White noise around a middle. */
__attribute__((unused)) static void
fill_noise(uint64_t *words, uint32_t n)
{
	uint64_t random = 10;

	for (uint32_t i = 0; i < n; i++)
		words[i] = (uint64_t) (700 + golden_noise(&random, 100));
}

__attribute__((unused)) static void
fill_walk(uint64_t *words, uint32_t n)
{
	uint64_t random = 11;
	int64_t at = 123456;

	for (uint32_t i = 0; i < n; i++)
		words[i] = (uint64_t) (at += golden_noise(&random, 50));
}

/* A totaliser: a slope and a little noise. */
__attribute__((unused)) static void
fill_counter(uint64_t *words, uint32_t n)
{
	uint64_t random = 12;
	int64_t at = INT64_C(5000000000);

	for (uint32_t i = 0; i < n; i++)
		words[i] = (uint64_t) (at += 1000 + golden_noise(&random, 1));
}

/* Second differences are small. */
__attribute__((unused)) static void
fill_square(uint64_t *words, uint32_t n)
{
	uint64_t random = 13;

	for (uint32_t i = 0; i < n; i++)
		words[i] = (uint64_t) ((int64_t) i * i * 977 + random_below(&random, 2));
}

__attribute__((unused)) static void
fill_line(uint64_t *words, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++)
		words[i] = (uint64_t) (INT64_C(-17) + (int64_t) i * 25);
}

/* Small with spikes: patches. */
__attribute__((unused)) static void
fill_spikes(uint64_t *words, uint32_t n)
{
	uint64_t random = 14;

	for (uint32_t i = 0; i < n; i++)
		words[i] = random_below(&random, 40) == 0 ? random_next(&random) >> 30 : random_below(&random, 16);
}

/* Mostly 0, falling off like a geometric distribution: Rice; now and then far out: with patches. */
__attribute__((unused)) static void
fill_waiting(uint64_t *words, uint32_t n)
{
	uint64_t random = 15;

	for (uint32_t i = 0; i < n; i++)
	{
		words[i] = random_below(&random, 3);
		while (random_below(&random, 5) > 1)
			words[i] += 3;
	}
}

__attribute__((unused)) static void
fill_waiting_spikes(uint64_t *words, uint32_t n)
{
	fill_waiting(words, n);
	for (uint32_t i = 5; i < n; i += 61)
		words[i] = UINT64_C(1) << 33 | i;
}

__attribute__((unused)) static void
fill_wide(uint64_t *words, uint32_t n)
{
	uint64_t random = 16;

	for (uint32_t i = 0; i < n; i++)
		words[i] = (uint64_t) ((int64_t) random_next(&random) >> 23);
}

__attribute__((unused)) static void
fill_states(uint64_t *words, uint32_t n)
{
	uint64_t random = 17;
	uint64_t state = 0;

	for (uint32_t i = 0; i < n; i++)
	{
		if (random_below(&random, 90) == 0)
			state = 1 - state;
		words[i] = state;
	}
}

__attribute__((unused)) static void
fill_qualities(uint64_t *words, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++)
		words[i] = (uint64_t) (int64_t) (int32_t) (i % 100 < 90 ? 0 : i % 100 < 97 ? 0x40900000
																				   : UINT32_C(0x808C0000));
}

/*
 * Times.
 */
__attribute__((unused)) static void
fill_regular(int64_t *times, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++)
		times[i] = GOLDEN_START_US + (int64_t) i * 10000000;
}

/* A third of the places is empty, without pattern. */
__attribute__((unused)) static void
fill_thirds(int64_t *times, uint32_t n)
{
	uint64_t random = 18;
	int64_t at = GOLDEN_START_US;

	for (uint32_t i = 0; i < n; i++)
	{
		times[i] = at;
		do
			at += 1000000;
		while (random_below(&random, 3) == 0);
	}
}

__attribute__((unused)) static void
fill_holes(int64_t *times, uint32_t n)
{
	uint64_t random = 19;
	int64_t at = GOLDEN_START_US;

	for (uint32_t i = 0; i < n; i++)
	{
		times[i] = at;
		at += 60000000 * (random_below(&random, 80) == 0 ? 3 : 1);
	}
}

/* Arrivals without a clock. */
__attribute__((unused)) static void
fill_arrivals(int64_t *times, uint32_t n)
{
	uint64_t random = 20;
	int64_t at = GOLDEN_START_US;

	for (uint32_t i = 0; i < n; i++)
		times[i] = at += 1 + (int64_t) (random_next(&random) >> 40);
}

/* A clock that is read a little late: deviations do not add up. */
__attribute__((unused)) static void
fill_late(int64_t *times, uint32_t n)
{
	uint64_t random = 21;

	for (uint32_t i = 0; i < n; i++)
		times[i] = GOLDEN_START_US + (int64_t) i * 1000000 + (int64_t) random_below(&random, 5000);
}

/*
 * States 0 .. 3.
 */
__attribute__((unused)) static void
fill_equal(uint8_t *flags, uint32_t n)
{
	memset(flags, 2, n);
}

__attribute__((unused)) static void
fill_coins(uint8_t *flags, uint32_t n)
{
	uint64_t random = 22;

	for (uint32_t i = 0; i < n; i++)
		flags[i] = (uint8_t) random_below(&random, 2);
}

__attribute__((unused)) static void
fill_few(uint8_t *flags, uint32_t n)
{
	memset(flags, 0, n);
	for (uint32_t i = 7; i < n; i += 97)
		flags[i] = 1;
}

__attribute__((unused)) static void
fill_dice(uint8_t *flags, uint32_t n)
{
	uint64_t random = 23;

	for (uint32_t i = 0; i < n; i++)
		flags[i] = (uint8_t) random_below(&random, 4);
}

__attribute__((unused)) static void
fill_bursts(uint8_t *flags, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++)
		flags[i] = (uint8_t) (i / 119 % 3);
}

/* golden_text - append a string to an arena; returns its word. */
__attribute__((unused)) static uint64_t
golden_text(TsdbBytes *arena, const char *string)
{
	static const uint8_t padding[4] = {0};
	uint32_t length = (uint32_t) strlen(string);
	uint64_t word;

	tsdb_bytes_append(arena, padding, (4 - arena->len % 4) % 4);
	word = arena->len;
	tsdb_bytes_append_u32(arena, length);
	tsdb_bytes_append(arena, string, length);
	return word;
}

/* golden_same_text - are two words of two arenas the same string? */
__attribute__((unused)) static bool
golden_same_text(const uint8_t *a, uint64_t a_word, const uint8_t *b, uint64_t b_word)
{
	uint32_t a_length;
	uint32_t b_length;

	memcpy(&a_length, a + a_word, 4);
	memcpy(&b_length, b + b_word, 4);
	return a_length == b_length && memcmp(a + a_word + 4, b + b_word + 4, a_length) == 0;
}

#endif /* TSDB_TEST_GOLDEN_FILL_H */
