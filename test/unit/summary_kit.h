/*-------------------------------------------------------------------------
 *
 * summary_kit.h
 *	  Random stretches of rows and comparison of summaries, for tests and fuzzers.
 *-------------------------------------------------------------------------
 */
#ifndef TSDB_TEST_SUMMARY_KIT_H
#define TSDB_TEST_SUMMARY_KIT_H

#include <math.h>

#include "format/batch.h"
#include "format/summary.h"
#include "plant.h"

#define KIT_ROWS 4096

typedef struct Stretch
{
	TsdbType type;
	uint32_t n;
	int64_t times[KIT_ROWS];
	uint64_t words[KIT_ROWS];
	uint8_t states[KIT_ROWS];
	uint64_t qualities[KIT_ROWS];
	uint8_t quality_states[KIT_ROWS];
	bool has_states;
	bool has_qualities;
} Stretch;

static const TsdbType stretch_types[] = {
	TSDB_TYPE_FLOAT8, TSDB_TYPE_FLOAT4, TSDB_TYPE_INT2, TSDB_TYPE_INT4, TSDB_TYPE_INT8, TSDB_TYPE_BOOL,
	TSDB_TYPE_TEXT, TSDB_TYPE_TIMESTAMPTZ, TSDB_TYPE_DATE, TSDB_TYPE_QUALITY};

#define STRETCH_NTYPES (sizeof(stretch_types) / sizeof(stretch_types[0]))

__attribute__((unused)) static uint64_t
double_word(double value)
{
	uint64_t word;

	memcpy(&word, &value, sizeof(word));
	return word;
}

__attribute__((unused)) static double
word_double(TsdbType type, uint64_t word)
{
	double value;
	float narrow;
	uint32_t bits = (uint32_t) word;

	memcpy(&value, &word, sizeof(value));
	memcpy(&narrow, &bits, sizeof(narrow));
	if (type == TSDB_TYPE_FLOAT8)
		return value;
	return type == TSDB_TYPE_FLOAT4 ? (double) narrow : (double) (int64_t) word;
}

/* stretch_word - a value of any type from the plant's series. */
__attribute__((unused)) static uint64_t
stretch_word(TsdbType type, PlantSeries series, uint32_t i, double *memory, uint64_t *random)
{
	double value = plant_value(series, i, memory, random);
	float narrow = (float) value;
	uint32_t bits;

	memcpy(&bits, &narrow, sizeof(bits));
	switch (type)
	{
		case TSDB_TYPE_FLOAT8:
			return double_word(value);
		case TSDB_TYPE_FLOAT4:
			return bits;
		case TSDB_TYPE_BOOL:
			return random_next(random) & 1;
		case TSDB_TYPE_INT2:
			return (uint64_t) (int64_t) (int16_t) random_next(random);
		case TSDB_TYPE_INT8:
			return series == PLANT_WILD ? random_next(random) : (uint64_t) ((int64_t) random_next(random) >> 40);
		case TSDB_TYPE_TEXT:
			return i * 8;
		default:
			return (uint64_t) (int64_t) (int32_t) random_next(random);
	}
}

/* stretch_fill - n random rows from from_us on; regular or not, with NULLs and qualities or not. */
__attribute__((unused)) static void
stretch_fill(Stretch *stretch, TsdbType type, uint32_t n, int64_t from_us, uint64_t *random)
{
	static const uint32_t codes[] = {0, 0x00960000, 0x40950000, 0x408F0400, 0x808C0000, 0x80000000};
	PlantSeries series = (PlantSeries) random_below(random, PLANT_NSERIES);
	int64_t stride_us = (1 + random_below(random, 20)) * (random_below(random, 2) ? 1000000 : 7919);
	uint32_t jitter_us = random_below(random, 3) == 0 ? 5000 : 1;
	uint32_t gaps = random_below(random, 4) == 0 ? 10 : 0;
	uint32_t nulls = random_below(random, 3) == 0 ? 1 + random_below(random, 100) : 0;
	double memory = 0;

	stretch->type = type;
	stretch->n = n;
	stretch->has_states = nulls > 0;
	stretch->has_qualities = random_below(random, 3) == 0;
	for (uint32_t i = 0; i < n; i++)
	{
		from_us += stride_us * (gaps > 0 && random_below(random, gaps) == 0 ? 3 : 1);
		stretch->times[i] = from_us + random_below(random, jitter_us);
		stretch->states[i] = nulls > 0 && random_below(random, 100) < nulls ? TSDB_CELL_NULL : TSDB_CELL_VALUE;
		stretch->words[i] = stretch_word(type, series, i, &memory, random);
		stretch->qualities[i] = (uint64_t) (int64_t) (int32_t) codes[random_below(random, 8) ? 0 : random_below(random, 6)];
		stretch->quality_states[i] = random_below(random, 50) == 0 ? TSDB_CELL_NULL : TSDB_CELL_VALUE;
	}
}

__attribute__((unused)) static void
stretch_summary(const Stretch *stretch, uint32_t from, uint32_t until, uint64_t sequence, TsdbSummary *summary)
{
	tsdb_summary_compute(summary, stretch->type, until - from, stretch->times + from, stretch->words + from,
						 stretch->has_states ? stretch->states + from : NULL,
						 stretch->has_qualities ? stretch->qualities + from : NULL,
						 stretch->has_qualities ? stretch->quality_states + from : NULL, sequence);
}

/* summary_differs - name of the first field of the given groups that is not the same bit for bit, NULL when none is. */
__attribute__((unused)) static const char *
summary_differs(const TsdbSummary *a, const TsdbSummary *b, uint32_t fields)
{
#define SAME(group, field)                                                         \
	if ((fields & (group)) && memcmp(&a->field, &b->field, sizeof(a->field)) != 0) \
		return #field;
	SAME(TSDB_SUMMARY_COUNTS, nrows)
	SAME(TSDB_SUMMARY_COUNTS, nvalues)
	SAME(TSDB_SUMMARY_COUNTS, first_row_time)
	SAME(TSDB_SUMMARY_COUNTS, last_row_time)
	SAME(TSDB_SUMMARY_COUNTS, sequence)
	SAME(TSDB_SUMMARY_MINMAX, min)
	SAME(TSDB_SUMMARY_MINMAX, max)
	SAME(TSDB_SUMMARY_MINMAX_TIMES, min_time)
	SAME(TSDB_SUMMARY_MINMAX_TIMES, max_time)
	SAME(TSDB_SUMMARY_SUM, decimals)
	SAME(TSDB_SUMMARY_SUM, sum_hi)
	SAME(TSDB_SUMMARY_SUM, sum_lo)
	SAME(TSDB_SUMMARY_SUM, int_sum_hi)
	SAME(TSDB_SUMMARY_SUM, int_sum_lo)
	SAME(TSDB_SUMMARY_SQUARES, m2)
	SAME(TSDB_SUMMARY_SQUARES, int_sumsq_hi)
	SAME(TSDB_SUMMARY_SQUARES, int_sumsq_lo)
	SAME(TSDB_SUMMARY_FIRSTLAST, first)
	SAME(TSDB_SUMMARY_FIRSTLAST, last)
	SAME(TSDB_SUMMARY_FIRSTLAST, first_time)
	SAME(TSDB_SUMMARY_FIRSTLAST, last_time)
	SAME(TSDB_SUMMARY_FIRSTLAST, first_quality)
	SAME(TSDB_SUMMARY_FIRSTLAST, last_quality)
	SAME(TSDB_SUMMARY_QUALITY, ngood)
	SAME(TSDB_SUMMARY_QUALITY, nuncertain)
	SAME(TSDB_SUMMARY_QUALITY, nbad)
	SAME(TSDB_SUMMARY_QUALITY, duration_good_us)
	SAME(TSDB_SUMMARY_QUALITY, duration_uncertain_us)
	SAME(TSDB_SUMMARY_QUALITY, duration_bad_us)
	SAME(TSDB_SUMMARY_QUALITY, worst_quality)
	SAME(TSDB_SUMMARY_QUALITY, first_row_quality)
	SAME(TSDB_SUMMARY_QUALITY, last_row_quality)
	SAME(TSDB_SUMMARY_INTEGRALS, integral_stepped)
	SAME(TSDB_SUMMARY_INTEGRALS, integral_sloped)
	SAME(TSDB_SUMMARY_INTEGRALS, duration_zero_us)
	SAME(TSDB_SUMMARY_INTEGRALS, duration_nonzero_us)
	SAME(TSDB_SUMMARY_INTEGRALS, transitions)
#undef SAME
	return NULL;
}

#endif /* TSDB_TEST_SUMMARY_KIT_H */
