/*-------------------------------------------------------------------------
 *
 * dict_fold.c
 *	  count, sum, min and max of DICT chunks, by their codes.
 *
 * A dictionary ascends, so the range of the values is that of the codes.  The
 * sum is one of integers, hence exact, in whatever order it is built:
 *
 *	  integers, and floats whose dictionary is of decimals: each code has its
 *				distance from the least integer
 *	  other floats: each code has two parts in fixed point.  With all magnitudes
 *				below 2^e a value is high * 2^(e-47) + low * 2^(e-95)
 *
 * Infinities and NaN are outermost, so whether there is one shows in the range.
 * What fits neither (magnitudes that are more than 2^42 apart, integers that
 * are more than 2^48 apart, NaN with a sign) is decoded.
 *-------------------------------------------------------------------------
 */
#include <math.h>

#include "codec/codec_private.h"

#define MAX_SPREAD (INT64_C(1) << 48) /* times TSDB_MAX_VALUES it still fits int64 */
#define HIGH_BITS 47
#define LOW_BITS 48
#define MAX_EXPONENT 900 /* so that no power of two overflows */

/* What each code adds to the sums. */
typedef struct Table
{
	uint32_t d;
	bool is_paired; /* two numbers a code, high and low, or one */
	int64_t *numbers;
} Table;

typedef struct CodeFold
{
	uint32_t least;
	uint32_t greatest;
	int64_t sum;
	int64_t low_sum;
} CodeFold;

typedef int64_t Pair __attribute__((vector_size(16)));

static bool read_decimals(TsdbSpan *src, uint32_t n, uint32_t *decimals, Table *table, const TsdbMem *scratch);
static TsdbStatus fold_decimals(TsdbSpan *src, uint32_t n, uint32_t decimals, Table *table, TsdbFoldState *state,
								const TsdbMem *scratch);
static TsdbStatus fold_ints(TsdbSpan *src, uint32_t n, Table *table, TsdbFoldState *state,
							const TsdbMem *scratch);
static TsdbStatus fold_floats(TsdbSpan *src, uint32_t n, const double *values, const Table *table, int exponent, TsdbFoldState *state,
							  const TsdbMem *scratch);
static TsdbStatus fold_words(TsdbSpan *src, uint32_t n, const uint64_t *words, uint32_t d, TsdbFoldState *state, const TsdbMem *scratch);
static bool has_distances(const Table *table);
static int64_t make_distances(Table *table);
static bool make_pairs(const double *values, Table *table, int *exponent, const TsdbMem *scratch);
static bool fix_values(const double *values, double scale, int64_t *pairs, uint32_t d);
static bool ascends(const int64_t *integers, uint32_t n);
static TsdbStatus fold_codes(TsdbSpan *src, uint32_t n, const Table *table, CodeFold *fold, const TsdbMem *scratch);
static void range_codes(const int32_t *offsets, uint32_t base, uint32_t n, CodeFold *fold);
static void sum_singles(const int64_t *numbers, const int32_t *offsets, uint32_t n, CodeFold *fold);
static TSDB_INLINE Pair pair_at(const int64_t *numbers, int32_t offset);
static void sum_pairs(const int64_t *numbers, const int32_t *offsets, uint32_t n, CodeFold *fold);

/*
 * tsdb_dict_fold - the body of a chunk into a running fold.
 */
TsdbStatus
tsdb_dict_fold(TsdbSpan *src, uint32_t n, unsigned mask, TsdbFoldState *state, const TsdbMem *scratch)
{
	uint32_t decimals;
	int exponent;
	uint64_t *words;
	double *values;
	Table table;

	if (state->type == TSDB_TYPE_FLOAT8 && read_decimals(src, n, &decimals, &table, scratch))
		return fold_decimals(src, n, decimals, &table, state, scratch);
	words = tsdb_dict_read(src, state->type, n, &table.d, mask, scratch);
	if (words == NULL)
		return TSDB_CORRUPT;
	if (!tsdb_type_is_float(state->type))
	{
		table.is_paired = false;
		table.numbers = (int64_t *) words;
		if (has_distances(&table))
			return fold_ints(src, n, &table, state, scratch);
	}
	else
	{
		values = tsdb_mem_array(scratch, table.d, sizeof(double));
		for (uint32_t i = 0; i < table.d; i++)
			values[i] = tsdb_double_from_word(state->type, words[i]);
		if (make_pairs(values, &table, &exponent, scratch))
			return fold_floats(src, n, values, &table, exponent, state, scratch);
	}
	return fold_words(src, n, words, table.d, state, scratch);
}

// private functions

/* False, with src where it was, when the dictionary is of another kind, or damaged, or spans too much. */
static bool
read_decimals(TsdbSpan *src, uint32_t n, uint32_t *decimals, Table *table, const TsdbMem *scratch)
{
	TsdbSpan rest = *src;
	uint64_t count;

	if (!tsdb_span_read_varint(&rest, &count) || count < 2 || count > TSDB_MAX_DICTIONARY || count > n / 2)
		return false;
	table->d = (uint32_t) count;
	table->is_paired = false;
	table->numbers = tsdb_mem_array(scratch, table->d, sizeof(int64_t));
	if (!tsdb_dec_decode_integers(&rest, decimals, table->numbers, table->d) ||
		!ascends(table->numbers, table->d) || !has_distances(table))
		return false;
	*src = rest;
	return true;
}

static TsdbStatus
fold_decimals(TsdbSpan *src, uint32_t n, uint32_t decimals, Table *table, TsdbFoldState *state,
			  const TsdbMem *scratch)
{
	int64_t base = make_distances(table);
	CodeFold fold;
	uint64_t min;
	uint64_t max;

	if (fold_codes(src, n, table, &fold, scratch) != TSDB_OK)
		return TSDB_CORRUPT;
	min = tsdb_dec_word(TSDB_TYPE_FLOAT8, base + table->numbers[fold.least], decimals);
	max = tsdb_dec_word(TSDB_TYPE_FLOAT8, base + table->numbers[fold.greatest], decimals);
	tsdb_fold_add_decimals(state, tsdb_double_from_word(TSDB_TYPE_FLOAT8, min), tsdb_double_from_word(TSDB_TYPE_FLOAT8, max),
						   (__int128) base * n + fold.sum, tsdb_power_of_ten[decimals], n);
	return TSDB_OK;
}

static TsdbStatus
fold_ints(TsdbSpan *src, uint32_t n, Table *table, TsdbFoldState *state,
		  const TsdbMem *scratch)
{
	int64_t base = make_distances(table);
	CodeFold fold;

	if (fold_codes(src, n, table, &fold, scratch) != TSDB_OK)
		return TSDB_CORRUPT;
	tsdb_fold_add_ints(state, base + table->numbers[fold.least], base + table->numbers[fold.greatest],
					   (__int128) base * n + fold.sum, n);
	return TSDB_OK;
}

static TsdbStatus
fold_floats(TsdbSpan *src, uint32_t n, const double *values, const Table *table, int exponent, TsdbFoldState *state,
			const TsdbMem *scratch)
{
	double ends[2];
	CodeFold fold;

	if (fold_codes(src, n, table, &fold, scratch) != TSDB_OK)
		return TSDB_CORRUPT;
	ends[0] = values[fold.least];
	ends[1] = values[fold.greatest];
	tsdb_fold_add_decimals(state, ends[0], ends[1],
						   (__int128) fold.sum * (INT64_C(1) << LOW_BITS) + fold.low_sum,
						   ldexp(1.0, HIGH_BITS + LOW_BITS - exponent), n);
	for (int i = 0; i < 2; i++)
		if (!isfinite(ends[i]))
			tsdb_sum_add(&state->sum_hi, &state->sum_lo, ends[i]);
	return TSDB_OK;
}

static TsdbStatus
fold_words(TsdbSpan *src, uint32_t n, const uint64_t *words, uint32_t d, TsdbFoldState *state, const TsdbMem *scratch)
{
	uint16_t *codes = tsdb_mem_array(scratch, n, sizeof(uint16_t));
	uint64_t *decoded = tsdb_mem_array(scratch, n, sizeof(uint64_t));

	if (tsdb_ipk_decode_codes(src, codes, n, d) != TSDB_OK)
		return TSDB_CORRUPT;
	for (uint32_t i = 0; i < n; i++)
		decoded[i] = words[codes[i]];
	tsdb_fold_add_words(state, decoded, n);
	return TSDB_OK;
}

static bool
has_distances(const Table *table)
{
	return (uint64_t) table->numbers[table->d - 1] - (uint64_t) table->numbers[0] <= (uint64_t) MAX_SPREAD;
}

/* Returns the least integer, from which they count then. */
static int64_t
make_distances(Table *table)
{
	int64_t base = table->numbers[0];

	for (uint32_t i = 0; i < table->d; i++)
		table->numbers[i] -= base;
	return base;
}

/* False when a value has no fixed point; that of infinities and NaN is 0. */
static bool
make_pairs(const double *values, Table *table, int *exponent, const TsdbMem *scratch)
{
	uint32_t from = 0;
	uint32_t until = table->d;

	while (from < until && values[from] == -INFINITY)
		from++;
	while (from < until && !isfinite(values[until - 1]))
		until--;
	if (from == until || isnan(values[from]))
		return false;
	(void) frexp(fmax(fabs(values[from]), fabs(values[until - 1])), exponent);
	if (*exponent < -MAX_EXPONENT || *exponent > MAX_EXPONENT)
		return false;
	table->is_paired = true;
	table->numbers = tsdb_mem_array(scratch, 2 * (size_t) table->d, sizeof(int64_t));
	memset(table->numbers, 0, 2 * (size_t) table->d * sizeof(int64_t));
	return fix_values(values + from, ldexp(1.0, HIGH_BITS - *exponent), table->numbers + 2 * from, until - from);
}

/* Every step is exact but the two that round. */
TSDB_CLONES static bool
fix_values(const double *values, double scale, int64_t *pairs, uint32_t d)
{
	const double low_scale = (double) (INT64_C(1) << LOW_BITS);
	uint64_t is_lost = 0;

	for (uint32_t i = 0; i < d; i++)
	{
		double value = values[i] * scale;
		int64_t high = tsdb_round_to_integer(value);
		double rest = (value - tsdb_integer_to_double(high)) * low_scale;
		int64_t low = tsdb_round_to_integer(rest);

		is_lost |= tsdb_integer_to_double(low) != rest;
		pairs[2 * i] = high;
		pairs[2 * i + 1] = low;
	}
	return is_lost == 0;
}

TSDB_CLONES static bool
ascends(const int64_t *integers, uint32_t n)
{
	uint64_t wrong = 0;

	for (uint32_t i = 1; i < n; i++)
		wrong |= integers[i] <= integers[i - 1];
	return wrong == 0;
}

/* Codes are checked before the table is asked for them. */
static TsdbStatus
fold_codes(TsdbSpan *src, uint32_t n, const Table *table, CodeFold *fold, const TsdbMem *scratch)
{
	int32_t *offsets = tsdb_mem_array(scratch, n + TSDB_MINIBLOCK, sizeof(int32_t));
	uint32_t m;
	TsdbIpk ipk;

	if (tsdb_ipk_open(&ipk, *src, n) != TSDB_OK || !ipk.narrow || ipk.base < 0 || ipk.base >= (int64_t) table->d)
		return TSDB_CORRUPT;
	while (ipk.left > 0)
		if (tsdb_ipk_next_narrow(&ipk, offsets + n - ipk.left, &m) != TSDB_OK)
			return TSDB_CORRUPT;
	range_codes(offsets, (uint32_t) ipk.base, n, fold);
	if (fold->greatest >= table->d)
		return TSDB_CORRUPT;
	if (table->is_paired)
		sum_pairs(table->numbers + 2 * ipk.base, offsets, n, fold);
	else
		sum_singles(table->numbers + ipk.base, offsets, n, fold);
	*src = ipk.src;
	return TSDB_OK;
}

/* A code below 0 counts as a very great one. */
TSDB_CLONES static void
range_codes(const int32_t *offsets, uint32_t base, uint32_t n, CodeFold *fold)
{
	uint32_t least = UINT32_MAX;
	uint32_t greatest = 0;

	for (uint32_t i = 0; i < n; i++)
	{
		uint32_t code = (uint32_t) offsets[i] + base;

		least = code < least ? code : least;
		greatest = code > greatest ? code : greatest;
	}
	fold->least = least;
	fold->greatest = greatest;
}

/* In four sums, so that additions do not wait for each other; one load for two offsets. */
static void
sum_singles(const int64_t *numbers, const int32_t *offsets, uint32_t n, CodeFold *fold)
{
	const int32_t *until = offsets + n;
	int64_t sums[4] = {0};

	for (; until - offsets >= 4; offsets += 4)
	{
		int64_t two[2];

		memcpy(two, offsets, sizeof(two));
		sums[0] += numbers[(int32_t) two[0]];
		sums[1] += numbers[two[0] >> 32];
		sums[2] += numbers[(int32_t) two[1]];
		sums[3] += numbers[two[1] >> 32];
	}
	for (; offsets < until; offsets++)
		sums[0] += numbers[*offsets];
	fold->sum = (sums[0] + sums[1]) + (sums[2] + sums[3]);
}

static void
sum_pairs(const int64_t *numbers, const int32_t *offsets, uint32_t n, CodeFold *fold)
{
	const int32_t *until = offsets + n;
	Pair first = {0};
	Pair second = {0};
	Pair third = {0};
	Pair fourth = {0};

	for (; until - offsets >= 8; offsets += 8)
	{
		first += pair_at(numbers, offsets[0]);
		second += pair_at(numbers, offsets[1]);
		third += pair_at(numbers, offsets[2]);
		fourth += pair_at(numbers, offsets[3]);
		first += pair_at(numbers, offsets[4]);
		second += pair_at(numbers, offsets[5]);
		third += pair_at(numbers, offsets[6]);
		fourth += pair_at(numbers, offsets[7]);
	}
	for (; offsets < until; offsets++)
		first += pair_at(numbers, *offsets);
	first += second + third + fourth;
	fold->sum = first[0];
	fold->low_sum = first[1];
}

/* At any address. */
static TSDB_INLINE Pair
pair_at(const int64_t *numbers, int32_t offset)
{
	Pair pair;

	memcpy(&pair, numbers + 2 * (ptrdiff_t) offset, sizeof(pair));
	return pair;
}
