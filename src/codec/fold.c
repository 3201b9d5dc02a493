/*-------------------------------------------------------------------------
 *
 * fold.c
 *	  count, sum, min, max: of words, and of chunks in their coded form.
 *
 * Order of floats: PostgreSQL's, NaN above all.  The sum of floats is a pair
 * hi + lo: hi is the sum rounded to a double, lo what that leaves out.  Three
 * ways lead there and agree within 1e-15 of the sum of the magnitudes:
 *	  words		Neumaier's compensated sum, one step = tsdb_sum_add; long arrays
 *				in eight interleaved chains that are joined at the end
 *	  decimals	exact 128-bit sum of the integers, one division
 *	  weights	value times count, split so that both products are exact
 * An infinite or overflowing sum has lo = 0.
 *-------------------------------------------------------------------------
 */
#include <math.h>

#include "codec/codec_private.h"

#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic ignored "-Wpsabi"
#endif

#define NCHAINS 8
#define PIECE 1024 /* values after which the chains are joined */

typedef double Four __attribute__((vector_size(32)));
typedef int64_t FourMasks __attribute__((vector_size(32)));

typedef struct FourChains
{
	Four hi;
	Four lo;
	Four least;
	Four most;
	FourMasks nans;
} FourChains;

/* Result of eight chains. */
typedef struct Chained
{
	double hi[NCHAINS];
	double lo[NCHAINS];
	double least[NCHAINS];
	double most[NCHAINS];
	int64_t nans[NCHAINS];
} Chained;

static void fold_state_init(TsdbFoldState *state, TsdbType type);
static void fold_state_result(const TsdbFoldState *state, TsdbFold *fold);
static void extend_range(TsdbFoldState *state, double min, double max, uint32_t n);
static double upper_half(double value);
static double division_rest(double dividend, double quotient, double divisor);
static bool is_less(double a, double b);
static void fold_weighted(TsdbFoldState *state, const uint64_t *words, const uint32_t *counts, uint32_t n);
static void fold_doubles(TsdbFoldState *state, const uint64_t *words, uint32_t n);
static void chain_doubles(const uint8_t *values, uint32_t n, Chained *chained);
static TSDB_INLINE void chain_sum(FourChains *chains, const Four *values);
static TSDB_INLINE void chain_range(FourChains *chains, const Four *values);
static void join_range(TsdbFoldState *state, const Chained *chained, uint32_t n, uint32_t count);
static void join_sum(TsdbFoldState *state, const Chained *chained);
static void range_offsets(const int32_t *offsets, uint32_t n, TsdbRange *range, int64_t base);
static void range_values(const int64_t *values, uint32_t n, TsdbRange *range);

/*
 * tsdb_column_fold - fold a whole chunk of n values, n > 0 (n = 0 gives count 0).
 */
TsdbStatus
tsdb_column_fold(TsdbSpan src, TsdbType type, uint32_t n, TsdbFold *fold, const TsdbMem *scratch)
{
	TsdbFoldState state;

	fold_state_init(&state, type);
	if (n > TSDB_MAX_VALUES)
		return TSDB_CORRUPT;
	if (n > 0 && tsdb_chunk_fold(&src, n, TSDB_MASK_ALL, &state, scratch) != TSDB_OK)
		return TSDB_CORRUPT;
	if (tsdb_span_left(&src) > 0)
		return TSDB_CORRUPT;
	fold_state_result(&state, fold);
	return TSDB_OK;
}

/*
 * tsdb_words_fold - fold n decoded words.
 */
void
tsdb_words_fold(TsdbType type, const uint64_t *words, uint32_t n, TsdbFold *fold)
{
	TsdbFoldState state;

	fold_state_init(&state, type);
	tsdb_fold_add_words(&state, words, n);
	fold_state_result(&state, fold);
}

/*
 * tsdb_fold_add_word - one value that occurs `count` times, count > 0.
 */
void
tsdb_fold_add_word(TsdbFoldState *state, uint64_t word, uint32_t count)
{
	double value;
	double head;

	if (!tsdb_type_is_float(state->type))
	{
		tsdb_fold_add_ints(state, (int64_t) word, (int64_t) word, (__int128) (int64_t) word * count, count);
		return;
	}
	value = tsdb_double_from_word(state->type, word);
	extend_range(state, value, value, count);

	/* 26 + 27 bits of significand: both products with a count are exact. */
	head = upper_half(value);
	if (count > 1 && isfinite(value))
	{
		tsdb_sum_add(&state->sum_hi, &state->sum_lo, head * count);
		tsdb_sum_add(&state->sum_hi, &state->sum_lo, (value - head) * count);
	}
	else
		tsdb_sum_add(&state->sum_hi, &state->sum_lo, value);
}

/*
 * tsdb_fold_add_weighted - n values, each with the number of times it occurs (0 = never).
 */
void
tsdb_fold_add_weighted(TsdbFoldState *state, const uint64_t *words, const uint32_t *counts, uint32_t n)
{
	for (uint32_t start = 0; start < n; start += TSDB_MINIBLOCK)
	{
		uint32_t m = n - start < TSDB_MINIBLOCK ? n - start : TSDB_MINIBLOCK;

		if (tsdb_type_is_float(state->type))
			fold_weighted(state, words + start, counts + start, m);
		else
			for (uint32_t i = start; i < start + m; i++)
				if (counts[i] > 0)
					tsdb_fold_add_word(state, words[i], counts[i]);
	}
}

/*
 * tsdb_fold_add_words - n values in their order.
 */
void
tsdb_fold_add_words(TsdbFoldState *state, const uint64_t *words, uint32_t n)
{
	TsdbRange range = {INT64_MAX, INT64_MIN, 0};

	if (n == 0)
		return;
	if (tsdb_type_is_float(state->type))
		fold_doubles(state, words, n);
	else
	{
		range_values((const int64_t *) words, n, &range);
		tsdb_fold_add_ints(state, range.min, range.max, range.sum, n);
	}
}

/*
 * tsdb_fold_add_ints - n integers of which only range and sum are known.
 */
void
tsdb_fold_add_ints(TsdbFoldState *state, int64_t min, int64_t max, __int128 sum, uint32_t n)
{
	if (state->n == 0 || min < state->int_min)
		state->int_min = min;
	if (state->n == 0 || max > state->int_max)
		state->int_max = max;
	state->int_sum += sum;
	state->n += n;
}

/*
 * tsdb_fold_add_decimals - n values integer / scale; min and max are divided already.
 *
 *	sum		of the integers, |sum| < 2^110
 */
void
tsdb_fold_add_decimals(TsdbFoldState *state, double min, double max, __int128 sum, double scale, uint32_t n)
{
	double head = (double) sum;
	double tail = (double) (sum - (__int128) head);
	double quotient = head / scale;
	double rest = division_rest(head, quotient, scale);

	extend_range(state, min, max, n);
	tsdb_sum_add(&state->sum_hi, &state->sum_lo, quotient);
	tsdb_sum_add(&state->sum_hi, &state->sum_lo, (rest + tail) / scale);
}

/*
 * tsdb_ipk_range - range and sum of a packed array; moves src past it.
 */
TsdbStatus
tsdb_ipk_range(TsdbSpan *src, uint32_t n, const int64_t *skip, uint32_t n_skip, TsdbRange *range)
{
	TsdbIpk ipk;
	uint32_t start = 0;
	uint32_t skipped = 0;
	uint32_t m;

	range->min = INT64_MAX;
	range->max = INT64_MIN;
	range->sum = 0;
	if (tsdb_ipk_open(&ipk, *src, n) != TSDB_OK)
		return TSDB_CORRUPT;
	for (; ipk.left > 0; start += m)
	{
		int64_t values[TSDB_MINIBLOCK];
		int32_t offsets[TSDB_MINIBLOCK];

		if ((ipk.narrow ? tsdb_ipk_next_narrow(&ipk, offsets, &m) : tsdb_ipk_next(&ipk, values, &m)) != TSDB_OK)
			return TSDB_CORRUPT;
		if (ipk.narrow)
			range_offsets(offsets, m, range, ipk.base);
		else
			range_values(values, m, range);
		for (; skipped < n_skip && skip[skipped] < (int64_t) start + m; skipped++)
		{
			uint32_t at = (uint32_t) (skip[skipped] - start);

			range->sum -= ipk.narrow ? (__int128) ipk.base + offsets[at] : (__int128) values[at];
		}
	}
	*src = ipk.src;
	return TSDB_OK;
}

// private functions

static void
fold_state_init(TsdbFoldState *state, TsdbType type)
{
	memset(state, 0, sizeof(*state));
	state->type = type;
}

static void
fold_state_result(const TsdbFoldState *state, TsdbFold *fold)
{
	memset(fold, 0, sizeof(*fold));
	fold->n = state->n;
	fold->min = state->min;
	fold->max = state->max;
	fold->sum_hi = state->sum_hi;
	fold->sum_lo = state->sum_lo;
	tsdb_sum_finish(&fold->sum_hi, &fold->sum_lo);
	fold->int_min = state->int_min;
	fold->int_max = state->int_max;
	fold->int_sum_hi = (int64_t) (state->int_sum >> 64);
	fold->int_sum_lo = (uint64_t) state->int_sum;
}

static void
extend_range(TsdbFoldState *state, double min, double max, uint32_t n)
{
	if (state->n == 0 || is_less(min, state->min))
		state->min = min;
	if (state->n == 0 || is_less(state->max, max))
		state->max = max;
	state->n += n;
}

/* The upper 26 bits of the significand; what is left out has 27. */
static double
upper_half(double value)
{
	uint64_t bits;

	memcpy(&bits, &value, 8);
	bits &= ~UINT64_C(0x7ffffff);
	memcpy(&value, &bits, 8);
	return value;
}

/* dividend - quotient * divisor without an error that matters (Dekker's product). */
static double
division_rest(double dividend, double quotient, double divisor)
{
	double product = quotient * divisor;
	double q = upper_half(quotient);
	double d = upper_half(divisor);
	double lost = q * d - product;

	lost += q * (divisor - d);
	lost += (quotient - q) * d;
	lost += (quotient - q) * (divisor - d);
	return (dividend - product) - lost;
}

/* PostgreSQL's order: NaN is greater than every number and equal to itself. */
static bool
is_less(double a, double b)
{
	return isnan(b) ? !isnan(a) : a < b;
}

/* Up to 256 values with their counts: exact products, summed in chains. */
static void
fold_weighted(TsdbFoldState *state, const uint64_t *words, const uint32_t *counts, uint32_t n)
{
	double values[TSDB_MINIBLOCK];
	double products[2 * TSDB_MINIBLOCK];
	uint32_t used = 0;
	uint32_t total = 0;
	Chained chained;
	Chained range;

	for (uint32_t i = 0; i < n; i++)
	{
		double value = tsdb_double_from_word(state->type, words[i]);
		double head = upper_half(value);

		if (counts[i] == 0)
			continue;
		if (!isfinite(value))
			head = value;
		values[used] = value;
		products[2 * used] = head * counts[i];
		products[2 * used + 1] = isfinite(value) ? (value - head) * counts[i] : 0.0;
		used++;
		total += counts[i];
	}
	if (used == 0)
		return;
	chain_doubles((const uint8_t *) values, used, &range);
	chain_doubles((const uint8_t *) products, 2 * used, &chained);
	join_range(state, &range, used, total);
	join_sum(state, &chained);
}

/* n values in their order. */
static void
fold_doubles(TsdbFoldState *state, const uint64_t *words, uint32_t n)
{
	for (uint32_t start = 0; start < n; start += PIECE)
	{
		uint32_t m = n - start < PIECE ? n - start : PIECE;
		double values[PIECE];
		Chained chained;

		if (state->type == TSDB_TYPE_FLOAT8)
			chain_doubles((const uint8_t *) (words + start), m, &chained);
		else
		{
			for (uint32_t i = 0; i < m; i++)
				values[i] = tsdb_double_from_word(TSDB_TYPE_FLOAT4, words[start + i]);
			chain_doubles((const uint8_t *) values, m, &chained);
		}
		join_range(state, &chained, m, m);
		join_sum(state, &chained);
	}
}

/*
 * Sum, least and greatest of n doubles at any address; value i goes to chain
 * i % 8.  A last incomplete row is filled up with 0.0 for the sum and with
 * its first value for the range.
 */
TSDB_CLONES static void
chain_doubles(const uint8_t *values, uint32_t n, Chained *chained)
{
	FourChains chains[2];
	uint32_t i;

	memset(chains, 0, sizeof(chains));
	chains[0].least = chains[1].least = chains[0].hi + INFINITY;
	chains[0].most = chains[1].most = chains[0].hi - INFINITY;
	for (i = 0; i + NCHAINS <= n; i += NCHAINS)
	{
		Four value[2];

		/* In two loads: gcc takes one of 64 bytes apart, and the parts don't forward. */
		memcpy(&value[0], values + i * sizeof(double), sizeof(Four));
		memcpy(&value[1], values + (i + 4) * sizeof(double), sizeof(Four));
		chain_sum(&chains[0], &value[0]);
		chain_sum(&chains[1], &value[1]);
		chain_range(&chains[0], &value[0]);
		chain_range(&chains[1], &value[1]);
	}
	if (i < n)
	{
		double last[NCHAINS] = {0};
		Four value[2];

		memcpy(last, values + i * sizeof(double), (n - i) * sizeof(double));
		memcpy(value, last, sizeof(value));
		chain_sum(&chains[0], &value[0]);
		chain_sum(&chains[1], &value[1]);
		/* A NaN must not be counted again. */
		for (uint32_t j = n - i; j < NCHAINS; j++)
			last[j] = last[0] == last[0] ? last[0] : chains[0].least[0];
		memcpy(value, last, sizeof(value));
		chain_range(&chains[0], &value[0]);
		chain_range(&chains[1], &value[1]);
	}
	for (uint32_t j = 0; j < NCHAINS; j++)
	{
		chained->hi[j] = chains[j / 4].hi[j % 4];
		chained->lo[j] = chains[j / 4].lo[j % 4];
		chained->least[j] = chains[j / 4].least[j % 4];
		chained->most[j] = chains[j / 4].most[j % 4];
		chained->nans[j] = chains[j / 4].nans[j % 4];
	}
}

/* Knuth's two-sum, free of branches; it equals Neumaier's step. */
static TSDB_INLINE void
chain_sum(FourChains *chains, const Four *values)
{
	Four value = *values;
	Four sum = chains->hi + value;
	Four part = sum - chains->hi;

	chains->lo += (chains->hi - (sum - part)) + (value - part);
	chains->hi = sum;
}

/* least and most pass over NaNs, which are counted. */
static TSDB_INLINE void
chain_range(FourChains *chains, const Four *values)
{
	Four value = *values;
	FourMasks smaller = value < chains->least;
	FourMasks greater = value > chains->most;

	chains->least = (Four) (((FourMasks) value & smaller) | ((FourMasks) chains->least & ~smaller));
	chains->most = (Four) (((FourMasks) value & greater) | ((FourMasks) chains->most & ~greater));
	chains->nans -= value != value;
}

/* n values were looked at; with their weights they count `count`. */
static void
join_range(TsdbFoldState *state, const Chained *chained, uint32_t n, uint32_t count)
{
	double min = INFINITY;
	double max = -INFINITY;
	int64_t nans = 0;

	for (uint32_t j = 0; j < NCHAINS; j++)
	{
		min = chained->least[j] < min ? chained->least[j] : min;
		max = chained->most[j] > max ? chained->most[j] : max;
		nans += chained->nans[j];
	}
	if (nans > 0)
		max = NAN;
	if (nans == n)
		min = NAN;
	extend_range(state, min, max, count);
}

static void
join_sum(TsdbFoldState *state, const Chained *chained)
{
	for (uint32_t j = 0; j < NCHAINS; j++)
	{
		tsdb_sum_add(&state->sum_hi, &state->sum_lo, chained->hi[j]);
		if (isfinite(chained->hi[j]))
			tsdb_sum_add(&state->sum_hi, &state->sum_lo, chained->lo[j]);
	}
}

/* Sums of the low and high 16 bits can't overflow 32 bits within a miniblock. */
TSDB_CLONES static void
range_offsets(const int32_t *offsets, uint32_t n, TsdbRange *range, int64_t base)
{
	int32_t min = INT32_MAX;
	int32_t max = INT32_MIN;
	uint32_t low = 0;
	int32_t high = 0;

	for (uint32_t i = 0; i < n; i++)
	{
		min = offsets[i] < min ? offsets[i] : min;
		max = offsets[i] > max ? offsets[i] : max;
		low += (uint32_t) offsets[i] & 0xffff;
		high += offsets[i] >> 16;
	}
	/* Damaged bytes may leave the range of int64: modulo 2^64, as in a decoded array. */
	if ((int64_t) ((uint64_t) base + (uint64_t) (int64_t) min) < range->min)
		range->min = (int64_t) ((uint64_t) base + (uint64_t) (int64_t) min);
	if ((int64_t) ((uint64_t) base + (uint64_t) (int64_t) max) > range->max)
		range->max = (int64_t) ((uint64_t) base + (uint64_t) (int64_t) max);
	range->sum += (__int128) base * n + (int64_t) high * 65536 + low;
}

TSDB_CLONES static void
range_values(const int64_t *values, uint32_t n, TsdbRange *range)
{
	int64_t min = range->min;
	int64_t max = range->max;
	uint64_t low = 0;
	int64_t high = 0;

	for (uint32_t i = 0; i < n; i++)
	{
		min = values[i] < min ? values[i] : min;
		max = values[i] > max ? values[i] : max;
		low += (uint64_t) values[i] & 0xffffffff;
		high += values[i] >> 32;
	}
	range->min = min;
	range->max = max;
	range->sum += (__int128) high * ((__int128) 1 << 32) + low;
}
