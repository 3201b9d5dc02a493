/*-------------------------------------------------------------------------
 *
 * moments.c
 *	  Sum and sum of squares of a summary: exact where the values allow it.
 *
 * A sensor's 20.15 is the double nearest to 2015 / 100.  Adding the 2015s as
 * integers is exact and associative, so a block, the merge of its quarter
 * hours and the decoded copy of either have the same bits, and 16 bytes of sum
 * plus 8 of squares are stored as two small integers.
 *
 * With S = sum, Q = sum of squares, n = number of values, q = floor(S / n), r = S - q n:
 *	  squares about the mean = Q - S^2 / n = Q - q (S + r) - r^2 / n
 * Q - q (S + r) is the integer "spread"; it is never negative and needs few bits.
 *-------------------------------------------------------------------------
 */
#include <math.h>

#include "format/batch.h"
#include "format/moments.h"

#define MAX_DECIMAL 2251799813685248.0 /* 2^51 */
#define MAX_WHOLE 1e30 /* of a sum with a low part; far from what 128 bits hold */
#define MAX_EXACT (INT64_C(1) << 53) /* integers that are doubles */
#define NO_SQUARES (~(TsdbUint128) 0)

static const double powers_of_ten[TSDB_MOMENTS_DECIMALS + 1] = {
	1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15};

static void compute_integers(TsdbSummary *summary, uint32_t n, const uint64_t *words, const uint8_t *states);
static bool compute_decimals(TsdbSummary *summary, TsdbType type, uint32_t n, const uint64_t *words, const uint8_t *states);
static void compute_floats(TsdbSummary *summary, TsdbType type, uint32_t n, const uint64_t *words, const uint8_t *states);
static int find_decimals(TsdbType type, uint32_t n, const uint64_t *words, const uint8_t *states);
static bool is_decimal(double value, double power, int64_t *units);
static bool merge_decimals(TsdbSummary *out, const TsdbSummary *a, const TsdbSummary *b);
static void merge_floats(TsdbSummary *out, const TsdbSummary *a, const TsdbSummary *b);
static bool rescale(const TsdbSummary *summary, int decimals, TsdbInt128 *sum, TsdbUint128 *squares);
static double spread_squares(const TsdbSummary *summary);
static void divide_decimal(TsdbInt128 sum, double power, double *hi, double *lo);
static TsdbInt128 floor_mean(const TsdbSummary *summary, TsdbInt128 *rest);
static void sum_add(double *hi, double *lo, double value);
static TsdbInt128 get_sum(const TsdbSummary *summary);
static void set_sum(TsdbSummary *summary, TsdbInt128 sum);
static TsdbUint128 get_squares(const TsdbSummary *summary);
static void set_squares(TsdbSummary *summary, TsdbUint128 squares);
static TsdbUint128 add_squares(TsdbUint128 a, TsdbUint128 b);

void
tsdb_moments_compute(TsdbSummary *summary, TsdbType type, uint32_t n,
					 const uint64_t *words, const uint8_t *states)
{
	if (!tsdb_type_is_float(type))
		compute_integers(summary, n, words, states);
	else if (!compute_decimals(summary, type, n, words, states))
		compute_floats(summary, type, n, words, states);
}

void
tsdb_moments_merge(TsdbSummary *out, const TsdbSummary *a, const TsdbSummary *b, TsdbType type)
{
	if (!tsdb_type_is_float(type))
	{
		set_sum(out, (TsdbInt128) ((TsdbUint128) get_sum(a) + (TsdbUint128) get_sum(b)));
		set_squares(out, add_squares(get_squares(a), get_squares(b)));
	}
	else if (!merge_decimals(out, a, b))
		merge_floats(out, a, b);
}

void
tsdb_moments_copy(TsdbSummary *out, const TsdbSummary *from)
{
	out->decimals = from->decimals;
	out->sum_hi = from->sum_hi;
	out->sum_lo = from->sum_lo;
	out->m2 = from->m2;
	set_sum(out, get_sum(from));
	set_squares(out, get_squares(from));
}

void
tsdb_moments_derive_sum(TsdbSummary *summary)
{
	divide_decimal(get_sum(summary), powers_of_ten[summary->decimals - 1], &summary->sum_hi, &summary->sum_lo);
}

void
tsdb_moments_derive_squares(TsdbSummary *summary)
{
	double power = powers_of_ten[summary->decimals - 1];

	summary->m2 = spread_squares(summary) / power / power;
}

double
tsdb_moments_power(uint8_t decimals)
{
	return powers_of_ten[decimals - 1];
}

void
tsdb_moments_sum(const TsdbSummary *summary, TsdbType type, double *hi, double *lo)
{
	if (tsdb_type_is_float(type))
	{
		*hi = summary->sum_hi;
		*lo = summary->sum_lo;
	}
	else
		divide_decimal(get_sum(summary), 1, hi, lo);
}

double
tsdb_summary_squares(const TsdbSummary *summary, TsdbType type)
{
	if (tsdb_type_is_float(type))
		return summary->m2;
	if (summary->nvalues == 0)
		return 0;
	return get_squares(summary) == NO_SQUARES ? NAN : spread_squares(summary);
}

TsdbUint128
tsdb_moments_spread(const TsdbSummary *summary)
{
	TsdbInt128 rest;
	TsdbInt128 mean = floor_mean(summary, &rest);

	return get_squares(summary) - (TsdbUint128) mean * ((TsdbUint128) get_sum(summary) + (TsdbUint128) rest);
}

void
tsdb_moments_set_spread(TsdbSummary *summary, TsdbUint128 spread)
{
	TsdbInt128 rest;
	TsdbInt128 mean = floor_mean(summary, &rest);

	set_squares(summary, spread + (TsdbUint128) mean * ((TsdbUint128) get_sum(summary) + (TsdbUint128) rest));
}

// private functions

static void
compute_integers(TsdbSummary *summary, uint32_t n, const uint64_t *words, const uint8_t *states)
{
	TsdbInt128 sum = 0;
	TsdbUint128 squares = 0;

	for (uint32_t i = 0; i < n; i++)
	{
		int64_t value = (int64_t) words[i];

		if (states && states[i] != TSDB_CELL_VALUE)
			continue;
		sum += value;
		squares = add_squares(squares, (TsdbUint128) ((TsdbInt128) value * value));
	}
	set_sum(summary, sum);
	set_squares(summary, squares);
}

/* compute_decimals - exact sums, when every value is a decimal of the same number of digits. */
static bool
compute_decimals(TsdbSummary *summary, TsdbType type, uint32_t n, const uint64_t *words, const uint8_t *states)
{
	int decimals = find_decimals(type, n, words, states);
	TsdbInt128 sum = 0;
	TsdbUint128 squares = 0;

	if (decimals < 0)
		return false;
	for (uint32_t i = 0; i < n; i++)
	{
		int64_t units;

		if (states && states[i] != TSDB_CELL_VALUE)
			continue;
		if (!is_decimal(tsdb_number_value(type, words[i]), powers_of_ten[decimals], &units))
			return false;
		sum += units;
		squares += (TsdbUint128) ((TsdbInt128) units * units);
	}
	summary->decimals = (uint8_t) (decimals + 1);
	set_sum(summary, sum);
	set_squares(summary, squares);
	tsdb_moments_derive_sum(summary);
	tsdb_moments_derive_squares(summary);
	return true;
}

static void
compute_floats(TsdbSummary *summary, TsdbType type, uint32_t n, const uint64_t *words, const uint8_t *states)
{
	double mean;

	for (uint32_t i = 0; i < n; i++)
		if (!states || states[i] == TSDB_CELL_VALUE)
			sum_add(&summary->sum_hi, &summary->sum_lo, tsdb_number_value(type, words[i]));

	mean = summary->sum_hi / (double) summary->nvalues;
	for (uint32_t i = 0; i < n; i++)
	{
		double distance = tsdb_number_value(type, words[i]) - mean;

		if (!states || states[i] == TSDB_CELL_VALUE)
			summary->m2 += distance * distance;
	}
}

/*
 * find_decimals - the fewest digits after the point that write all values, -1 when there are none.
 *
 * A decimal of k digits is one of k + 1 digits as well, so one pass does; values that get too big for the final number
 * of digits are found when they are added.
 */
static int
find_decimals(TsdbType type, uint32_t n, const uint64_t *words, const uint8_t *states)
{
	int decimals = 0;

	for (uint32_t i = 0; i < n; i++)
	{
		int64_t units;

		if (states && states[i] != TSDB_CELL_VALUE)
			continue;
		while (!is_decimal(tsdb_number_value(type, words[i]), powers_of_ten[decimals], &units))
			if (++decimals > TSDB_MOMENTS_DECIMALS)
				return -1;
	}
	return decimals;
}

/* is_decimal - is value the double nearest to units / power?  The division of two exact numbers is correctly rounded. */
static bool
is_decimal(double value, double power, int64_t *units)
{
	double scaled = value * power;

	if (!(fabs(scaled) < MAX_DECIMAL))
		return false; /* NaN and infinities too */
	*units = (int64_t) (scaled < 0 ? scaled - 0.5 : scaled + 0.5);
	return (double) *units / power == value;
}

static bool
merge_decimals(TsdbSummary *out, const TsdbSummary *a, const TsdbSummary *b)
{
	int decimals = a->decimals > b->decimals ? a->decimals : b->decimals;
	TsdbInt128 a_sum;
	TsdbInt128 b_sum;
	TsdbUint128 a_squares;
	TsdbUint128 b_squares;

	if (a->decimals == 0 || b->decimals == 0 ||
		!rescale(a, decimals, &a_sum, &a_squares) || !rescale(b, decimals, &b_sum, &b_squares) ||
		__builtin_add_overflow(a_sum, b_sum, &a_sum) || __builtin_add_overflow(a_squares, b_squares, &a_squares))
		return false;
	out->decimals = (uint8_t) decimals;
	set_sum(out, a_sum);
	set_squares(out, a_squares);
	tsdb_moments_derive_sum(out);
	tsdb_moments_derive_squares(out);
	return true;
}

static void
merge_floats(TsdbSummary *out, const TsdbSummary *a, const TsdbSummary *b)
{
	double a_n = (double) a->nvalues;
	double b_n = (double) b->nvalues;
	double distance = b->sum_hi / b_n - a->sum_hi / a_n;

	out->decimals = 0;
	set_sum(out, 0);
	set_squares(out, 0);
	out->sum_hi = a->sum_hi;
	out->sum_lo = a->sum_lo;
	sum_add(&out->sum_hi, &out->sum_lo, b->sum_hi);
	sum_add(&out->sum_hi, &out->sum_lo, b->sum_lo);
	out->m2 = a->m2 + b->m2 + distance * distance * (a_n / (a_n + b_n)) * b_n;
}

/* rescale - the exact sums in units of more decimals; false when they don't fit. */
static bool
rescale(const TsdbSummary *summary, int decimals, TsdbInt128 *sum, TsdbUint128 *squares)
{
	int64_t factor = (int64_t) powers_of_ten[decimals - summary->decimals];

	return !__builtin_mul_overflow(get_sum(summary), (TsdbInt128) factor, sum) &&
		   !__builtin_mul_overflow(get_squares(summary), (TsdbUint128) ((TsdbInt128) factor * factor), squares);
}

/* spread_squares - sum of squares about the mean from exact sums, in their units. */
static double
spread_squares(const TsdbSummary *summary)
{
	TsdbInt128 rest;
	double remainder;

	floor_mean(summary, &rest);
	remainder = (double) rest;
	return (double) tsdb_moments_spread(summary) - remainder / (double) summary->nvalues * remainder;
}

/*
 * divide_decimal - sum / power as hi + lo, power a power of ten up to 10^15.
 *
 * Which way is taken depends on the sum alone, so equal sums have equal quotients.
 */
static void
divide_decimal(TsdbInt128 sum, double power, double *hi, double *lo)
{
	TsdbInt128 whole;
	double units;
	double fraction;

	if (sum == (int64_t) sum && (int64_t) sum > -MAX_EXACT && (int64_t) sum < MAX_EXACT)
	{
		units = (double) (int64_t) sum;
		*hi = units / power;
		*lo = fma(-*hi, power, units) / power;
		return;
	}
	whole = sum / (int64_t) power;
	units = (double) (int64_t) (sum - whole * (int64_t) power);
	fraction = units / power;
	*hi = (double) whole;
	*lo = 0;
	if (fabs(*hi) > MAX_WHOLE)
		return;
	sum_add(hi, lo, (double) (whole - (TsdbInt128) *hi));
	sum_add(hi, lo, fraction);
	sum_add(hi, lo, fma(-fraction, power, units) / power);
}

/* floor_mean - floor(sum / nvalues) and what is left, 0 .. nvalues - 1. */
static TsdbInt128
floor_mean(const TsdbSummary *summary, TsdbInt128 *rest)
{
	TsdbInt128 n = summary->nvalues;
	TsdbInt128 sum = get_sum(summary);
	TsdbInt128 mean;

	if (sum == (int64_t) sum && n == (int64_t) n)
		mean = (int64_t) sum / (int64_t) n;
	else
		mean = sum / n;
	*rest = sum - mean * n;
	if (*rest < 0)
	{
		*rest += n;
		mean--;
	}
	return mean;
}

/* sum_add - hi + lo += value, hi the rounded sum.  Infinities and NaN stay in hi. */
static void
sum_add(double *hi, double *lo, double value)
{
	double sum = *hi + value;
	double moved = sum - *hi;
	double error = (*hi - (sum - moved)) + (value - moved);

	if (!isfinite(sum))
	{
		*hi = sum;
		*lo = 0;
		return;
	}
	error += *lo;
	*hi = sum + error;
	*lo = error - (*hi - sum);
}

static TsdbInt128
get_sum(const TsdbSummary *summary)
{
	return (TsdbInt128) ((TsdbUint128) (uint64_t) summary->int_sum_hi << 64 | summary->int_sum_lo);
}

static void
set_sum(TsdbSummary *summary, TsdbInt128 sum)
{
	summary->int_sum_hi = (int64_t) ((TsdbUint128) sum >> 64);
	summary->int_sum_lo = (uint64_t) (TsdbUint128) sum;
}

static TsdbUint128
get_squares(const TsdbSummary *summary)
{
	return (TsdbUint128) summary->int_sumsq_hi << 64 | summary->int_sumsq_lo;
}

static void
set_squares(TsdbSummary *summary, TsdbUint128 squares)
{
	summary->int_sumsq_hi = (uint64_t) (squares >> 64);
	summary->int_sumsq_lo = (uint64_t) squares;
}

/* add_squares - saturating: NO_SQUARES stays. */
static TsdbUint128
add_squares(TsdbUint128 a, TsdbUint128 b)
{
	TsdbUint128 sum;

	return __builtin_add_overflow(a, b, &sum) ? NO_SQUARES : sum;
}
