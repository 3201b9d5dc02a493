/*-------------------------------------------------------------------------
 *
 * moments.h
 *	  Sum and sum of squares of a summary: exact where the values allow it.
 *
 * Three representations:
 *	 integers	128-bit sum and sum of squares, exact
 *	 decimals	floats that are the doubles nearest to i / 10^k, |i| < 2^51: 128-bit sums of i
 *				and i * i, exact; sum_hi + sum_lo and m2 are derived from them by one function, so equal
 *				sums have equal bits whatever order they were merged in
 *	 floats		sum_hi + sum_lo by compensated addition, m2 by two passes and Chan's merge
 * For use by summary.c and summaries_*.c.
 *-------------------------------------------------------------------------
 */
#ifndef TSDB_MOMENTS_H
#define TSDB_MOMENTS_H

#include "format/number.h"
#include "format/summary.h"

#define TSDB_MOMENTS_DECIMALS 15

/* tsdb_moments_compute - fill the sums of n rows; nvalues is there already and > 0. */
extern void tsdb_moments_compute(TsdbSummary *summary, TsdbType type, uint32_t n,
								 const uint64_t *words, const uint8_t *states);

/* tsdb_moments_merge - sums of a and b, both with values. */
extern void tsdb_moments_merge(TsdbSummary *out, const TsdbSummary *a, const TsdbSummary *b, TsdbType type);

/* tsdb_moments_copy - the sums of from. */
extern void tsdb_moments_copy(TsdbSummary *out, const TsdbSummary *from);

/* tsdb_moments_derive_sum - sum_hi, sum_lo from the exact sum of decimals. */
extern void tsdb_moments_derive_sum(TsdbSummary *summary);

/* tsdb_moments_derive_squares - m2 from the exact sums of decimals. */
extern void tsdb_moments_derive_squares(TsdbSummary *summary);

/* tsdb_moments_power - what the exact sum of decimals is divided by; `decimals` of a summary, > 0. */
extern double tsdb_moments_power(uint8_t decimals);

/* tsdb_moments_sum - the sum as hi + lo, for every type that has sums. */
extern void tsdb_moments_sum(const TsdbSummary *summary, TsdbType type, double *hi, double *lo);

/*
 * tsdb_moments_spread - the exact sum of squares less floor(sum / n) * (sum + sum mod n), modulo 2^128: about
 * the sum of squares about the mean, a small number.
 * tsdb_moments_set_spread - the reverse: set the exact sum of squares.
 */
extern TsdbUint128 tsdb_moments_spread(const TsdbSummary *summary);
extern void tsdb_moments_set_spread(TsdbSummary *summary, TsdbUint128 spread);

#endif /* TSDB_MOMENTS_H */
