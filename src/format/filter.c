/*-------------------------------------------------------------------------
 *
 * filter.c
 *	  Conditions on value and quality columns: judged by summary, evaluated over decoded columns.
 *
 * Every comparison becomes one range of ranks, perhaps negated.  A rank is an unsigned integer with the order of the
 * values.  Integers: the word less the least int64.  Floats: the bits are turned into an
 * integer of the same order, counted from -infinity, so that NaNs of either sign come out above
 * +infinity, -0.0 just below 0.0:
 *
 *		rank	0 ......... zero - 1   zero .......... top    top + 1 ........... 2^64 - 1
 *		value	-infinity	 -0.0		0.0		 +infinity	   NaNs
 *
 * "first <= rank <= last" is then (rank - first) <= (last - first) without a branch.
 *-------------------------------------------------------------------------
 */
#include <math.h>

#include "format/filter.h"
#include "format/number.h"

#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__) && !defined(TSDB_NO_SIMD)
#define CLONES __attribute__((target_clones("avx2", "default"), optimize("O3")))
#else
#define CLONES
#endif

#define STRIP 512 /* rows whose verdicts are kept as bytes */
#define INTEGER_BASE (UINT64_C(1) << 63)
#define FLOAT8_BASE UINT64_C(0x800FFFFFFFFFFFFF) /* the ordered bits of -infinity */
#define FLOAT8_ZERO (UINT64_C(0) - FLOAT8_BASE)
#define FLOAT8_TOP (UINT64_C(0x7FF0000000000000) - FLOAT8_BASE)
#define FLOAT4_BASE UINT64_C(0xFFFFFFFF807FFFFF)
#define FLOAT4_ZERO (UINT64_C(0) - FLOAT4_BASE)
#define FLOAT4_TOP (UINT64_C(0x7F800000) - FLOAT4_BASE)
#define GOOD_CODES (UINT64_C(1) << 30) /* 0 .. this - 1; uncertain ones follow, bad ones are negative */

/* Ranks first .. last match, or with `others` all but these. */
typedef struct Range
{
	uint64_t first;
	uint64_t last;
	bool others;
} Range;

static Range term_range(const TsdbFilterTerm *term);
static Range severity_range(TsdbFilterOp op);
static void value_ranks(TsdbType type, uint64_t word, uint64_t *lowest, uint64_t *highest);
static uint64_t rank_of(TsdbType type, uint64_t word);
static TsdbFilterVerdict judge_range(const Range *range, uint64_t min, uint64_t max);
static void apply_term(const TsdbFilterTerm *term, const TsdbColumn *column, uint32_t from, uint32_t n, uint8_t *matches);
static void apply_states(const uint8_t *states, uint8_t wanted, uint32_t n, uint8_t *matches);
static void apply_integers(const uint64_t *words, const Range *range, uint32_t n, uint8_t *matches);
static void apply_floats8(const uint64_t *words, const Range *range, uint32_t n, uint8_t *matches);
static void apply_floats4(const uint64_t *words, const Range *range, uint32_t n, uint8_t *matches);
static uint32_t collect_rows(const uint8_t *matches, uint32_t from, uint32_t n, uint32_t *rows);

TsdbFilterVerdict
tsdb_filter_judge(const TsdbFilterTerm *term, const TsdbSummary *summary)
{
	TsdbFilterVerdict verdict;
	Range range;

	if (term->never)
		return TSDB_FILTER_NONE;
	if (summary == NULL)
		return TSDB_FILTER_SOME;
	if (term->op == TSDB_FILTER_NULL)
		verdict = summary->nvalues == 0 ? TSDB_FILTER_ALL : TSDB_FILTER_NONE;
	else if (summary->nvalues == 0)
		return TSDB_FILTER_NONE;
	else if (term->op == TSDB_FILTER_NOT_NULL)
		verdict = TSDB_FILTER_ALL;
	else
	{
		range = term_range(term);
		verdict = judge_range(&range, rank_of((TsdbType) term->type, summary->min),
							  rank_of((TsdbType) term->type, summary->max));
		if (verdict == TSDB_FILTER_NONE)
			return verdict;
	}

	/* Some values and some NULLs: neither all nor, for IS NULL, none of them. */
	if (summary->nvalues > 0 && summary->nvalues < summary->nrows)
		return TSDB_FILTER_SOME;
	return verdict;
}

void
tsdb_filter_set_float(TsdbFilterTerm *term, TsdbFilterOp op, double value)
{
	float rounded = (float) value;
	bool use_below = op == TSDB_FILTER_LE || op == TSDB_FILTER_GT;
	uint32_t bits;

	term->op = (uint8_t) op;
	if (!isnan(value) && (double) rounded != value)
	{
		/* Between two floats: nothing equals it, and the nearer one is asked about from the right side. */
		if (op == TSDB_FILTER_EQ)
			term->never = true;
		else if (op == TSDB_FILTER_NE)
			term->op = TSDB_FILTER_NOT_NULL;
		else if (use_below && (double) rounded > value)
			rounded = nextafterf(rounded, -INFINITY);
		else if (!use_below && (double) rounded < value)
			rounded = nextafterf(rounded, INFINITY);
	}
	memcpy(&bits, &rounded, sizeof(bits));
	term->word = bits;
}

uint32_t
tsdb_filter_select(const TsdbFilterTerm *terms, int nterms, const TsdbBatch *batch,
				   uint32_t from, uint32_t until, uint32_t *rows)
{
	uint8_t matches[STRIP];
	uint32_t nrows = 0;

	for (uint32_t at = from; at < until; at += STRIP)
	{
		uint32_t n = until - at < STRIP ? until - at : STRIP;

		memset(matches, 1, sizeof(matches));
		for (int i = 0; i < nterms; i++)
			apply_term(&terms[i], tsdb_batch_column(batch, terms[i].attnum), at, n, matches);
		nrows += collect_rows(matches, at, n, rows + nrows);
	}
	return nrows;
}

// private functions

/* Of a term that compares. */
static Range
term_range(const TsdbFilterTerm *term)
{
	Range range = {0, UINT64_MAX, false};
	uint64_t lowest;
	uint64_t highest;

	if (term->op >= TSDB_FILTER_GOOD)
		return severity_range((TsdbFilterOp) term->op);
	value_ranks((TsdbType) term->type, term->word, &lowest, &highest);
	switch ((TsdbFilterOp) term->op)
	{
		case TSDB_FILTER_LE:
			range.last = highest;
			break;
		case TSDB_FILTER_GT:
			range.last = highest;
			range.others = true;
			break;
		case TSDB_FILTER_GE:
			range.first = lowest;
			break;
		case TSDB_FILTER_LT:
			range.first = lowest;
			range.others = true;
			break;
		default:
			range.first = lowest;
			range.last = highest;
			range.others = term->op == TSDB_FILTER_NE;
			break;
	}
	return range;
}

static Range
severity_range(TsdbFilterOp op)
{
	Range range = {INTEGER_BASE, INTEGER_BASE + GOOD_CODES - 1, op == TSDB_FILTER_NOT_GOOD};

	if (op == TSDB_FILTER_UNCERTAIN)
	{
		range.first = INTEGER_BASE + GOOD_CODES;
		range.last = UINT64_MAX;
	}
	else if (op == TSDB_FILTER_BAD)
	{
		range.first = 0;
		range.last = INTEGER_BASE - 1;
	}
	return range;
}

/* Ranks of everything that equals a value: one, but for zero and NaN. */
static void
value_ranks(TsdbType type, uint64_t word, uint64_t *lowest, uint64_t *highest)
{
	uint64_t zero = type == TSDB_TYPE_FLOAT8 ? FLOAT8_ZERO : FLOAT4_ZERO;
	uint64_t top = type == TSDB_TYPE_FLOAT8 ? FLOAT8_TOP : FLOAT4_TOP;

	*lowest = *highest = rank_of(type, word);
	if (!tsdb_type_is_float(type))
		return;
	if (*lowest == zero || *lowest == zero - 1)
	{
		*lowest = zero - 1;
		*highest = zero;
	}
	else if (*lowest > top)
	{
		*lowest = top + 1;
		*highest = UINT64_MAX;
	}
}

static inline uint64_t
rank_float8(uint64_t word)
{
	return (word ^ ((uint64_t) - (int64_t) (word >> 63) >> 1)) - FLOAT8_BASE;
}

static inline uint64_t
rank_float4(uint64_t word)
{
	uint32_t bits = (uint32_t) word;

	bits ^= (uint32_t) - (int32_t) (bits >> 31) >> 1;
	return (uint64_t) (int64_t) (int32_t) bits - FLOAT4_BASE;
}

static uint64_t
rank_of(TsdbType type, uint64_t word)
{
	if (type == TSDB_TYPE_FLOAT8)
		return rank_float8(word);
	if (type == TSDB_TYPE_FLOAT4)
		return rank_float4(word);
	return word + INTEGER_BASE;
}

/* Of values between two, both of which exist; min and max may be any of several equal ones. */
static TsdbFilterVerdict
judge_range(const Range *range, uint64_t min, uint64_t max)
{
	bool none = max < range->first || min > range->last;
	bool all = min >= range->first && max <= range->last;

	if (range->others ? all : none)
		return TSDB_FILTER_NONE;
	return (range->others ? none : all) ? TSDB_FILTER_ALL : TSDB_FILTER_SOME;
}

/* Clear the bytes of rows that do not match. */
static void
apply_term(const TsdbFilterTerm *term, const TsdbColumn *column, uint32_t from, uint32_t n, uint8_t *matches)
{
	Range range;

	if (term->never || (term->op == TSDB_FILTER_NULL && column->states == NULL))
	{
		memset(matches, 0, n);
		return;
	}
	if (column->states != NULL)
		apply_states(column->states + from, term->op == TSDB_FILTER_NULL ? TSDB_CELL_NULL : TSDB_CELL_VALUE, n, matches);
	if (term->op == TSDB_FILTER_NULL || term->op == TSDB_FILTER_NOT_NULL)
		return;

	range = term_range(term);
	if (term->type == TSDB_TYPE_FLOAT8)
		apply_floats8(column->words + from, &range, n, matches);
	else if (term->type == TSDB_TYPE_FLOAT4)
		apply_floats4(column->words + from, &range, n, matches);
	else
		apply_integers(column->words + from, &range, n, matches);
}

CLONES static void
apply_states(const uint8_t *states, uint8_t wanted, uint32_t n, uint8_t *matches)
{
	for (uint32_t i = 0; i < n; i++)
		matches[i] &= states[i] == wanted;
}

CLONES static void
apply_integers(const uint64_t *words, const Range *range, uint32_t n, uint8_t *matches)
{
	uint64_t first = range->first - INTEGER_BASE;
	uint64_t span = range->last - range->first;
	uint8_t others = range->others;

	for (uint32_t i = 0; i < n; i++)
		matches[i] &= (words[i] - first <= span) ^ others;
}

CLONES static void
apply_floats8(const uint64_t *words, const Range *range, uint32_t n, uint8_t *matches)
{
	uint64_t first = range->first;
	uint64_t span = range->last - range->first;
	uint8_t others = range->others;

	for (uint32_t i = 0; i < n; i++)
		matches[i] &= (rank_float8(words[i]) - first <= span) ^ others;
}

CLONES static void
apply_floats4(const uint64_t *words, const Range *range, uint32_t n, uint8_t *matches)
{
	uint64_t first = range->first;
	uint64_t span = range->last - range->first;
	uint8_t others = range->others;

	for (uint32_t i = 0; i < n; i++)
		matches[i] &= (rank_float4(words[i]) - first <= span) ^ others;
}

/* Eight rows at a time: mostly all or none of them match. */
static uint32_t
collect_rows(const uint8_t *matches, uint32_t from, uint32_t n, uint32_t *rows)
{
	uint32_t nrows = 0;
	uint32_t i = 0;

	for (; i + 8 <= n; i += 8)
	{
		uint64_t eight;

		memcpy(&eight, matches + i, sizeof(eight));
		if (eight == 0)
			continue;
		if (eight == UINT64_C(0x0101010101010101))
		{
			for (uint32_t j = 0; j < 8; j++)
				rows[nrows + j] = from + i + j;
			nrows += 8;
			continue;
		}

		/* The slot behind the last match is written too, yet never beyond the room for i + 8 rows. */
		for (uint32_t j = 0; j < 8; j++)
		{
			rows[nrows] = from + i + j;
			nrows += matches[i + j];
		}
	}
	for (; i < n; i++)
	{
		rows[nrows] = from + i;
		nrows += matches[i];
	}
	return nrows;
}
