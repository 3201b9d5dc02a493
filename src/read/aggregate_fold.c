/*-------------------------------------------------------------------------
 *
 * aggregate_fold.c
 *	  Rows -> summaries, summaries -> summaries: the fields that are asked for.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "format/integral.h"
#include "format/moments.h"
#include "format/number.h"
#include "read/aggregate_private.h"

/* What needs no look at times or at neighbours. */
#define QUICK_FIELDS (TSDB_SUMMARY_COUNTS | TSDB_SUMMARY_MINMAX | TSDB_SUMMARY_SUM | TSDB_SUMMARY_FIRSTLAST | \
					  TSDB_SUMMARY_INTEGRALS | TSDB_SUMMARY_RANGE)

/* Rows without gaps between them. */
typedef struct Rows
{
	uint32 n;
	const int64 *times;
	const uint64 *words;
	const uint8 *states; /* NULL: all have values */
	const uint64 *qualities;
	const uint8 *quality_states;
} Rows;

static bool is_quick(TsdbType type, uint32 fields);
static void merge_quickly(TsdbSummary *into, const TsdbSummary *next, TsdbType type, uint32 fields);
static void copy_values(TsdbSummary *into, const TsdbSummary *next);
static void merge_values(TsdbSummary *into, const TsdbSummary *next, TsdbType type, uint32 fields);
static bool add_exact(TsdbSummary *into, const TsdbSummary *next);
static void add_floats(TsdbSummary *into, const TsdbSummary *next, TsdbType type);
static void gather_rows(Rows *rows, const TsdbBatch *batch, const TsdbColumn *column, const TsdbColumn *quality,
						const uint32 *indexes, uint32 from, uint32 n);
static const uint64 *gather_words(const uint64 *words, const uint32 *indexes, uint32 n);
static const uint8 *gather_states(const uint8 *states, const uint32 *indexes, uint32 n);
static void fold_quickly(TsdbSummary *summary, TsdbType type, uint32 fields, const Rows *rows);
static double fold_squares(TsdbType type, const uint64 *values, uint32 n, double mean);
static const uint64 *list_values(const Rows *rows, uint32 *n);
static void set_ends(TsdbSummary *summary, const Rows *rows);
static uint64 word_from_double(TsdbType type, double value);

void
tsdb_aggregate_fold(TsdbSummary *into, uint32 fields, const TsdbBatch *batch, const TsdbColumn *column,
					const TsdbColumn *quality, const uint32 *indexes, uint32 from, uint32 n)
{
	TsdbSummary summary;
	Rows rows;

	if (n == 0)
		return;
	gather_rows(&rows, batch, column, quality, indexes, from, n);
	if (!is_quick(column->type, fields))
		tsdb_summary_compute(&summary, column->type, n, rows.times, rows.words, rows.states,
							 rows.qualities, rows.quality_states, batch->sequence);
	else
		fold_quickly(&summary, column->type, fields, &rows);
	if ((fields & TSDB_SUMMARY_INTEGRALS) && summary.nvalues > 0 && tsdb_type_has_sum(column->type))
		tsdb_integral_of_values(&summary, column->type, n, rows.times, rows.words, rows.states);
	tsdb_aggregate_merge(into, &summary, column->type, fields);
}

void
tsdb_aggregate_merge(TsdbSummary *into, const TsdbSummary *next, TsdbType type, uint32 fields)
{
	double stepped = 0;
	double sloped = 0;

	if (into->nrows == 0)
	{
		*into = *next;
		return;
	}
	if (fields & TSDB_SUMMARY_INTEGRALS)
		tsdb_integral_join(into, next, type, &stepped, &sloped);
	if (fields & ~QUICK_FIELDS)
		tsdb_summary_merge(into, next, type);
	else
		merge_quickly(into, next, type, fields);
	if (fields & TSDB_SUMMARY_INTEGRALS)
	{
		into->integral_stepped = stepped;
		into->integral_sloped = sloped;
	}
}

void
tsdb_aggregate_add(TsdbSummary *into, const TsdbSummaryArrays *arrays, uint32 from, uint32 n, uint32 fields)
{
	TsdbSummary sum;

	if (into->nrows == 0)
	{
		tsdb_summaries_fold(arrays, from, n, into);
		return;
	}
	tsdb_summary_init(&sum);
	tsdb_summaries_fold(arrays, from, n, &sum);
	if (into->decimals != sum.decimals)
		tsdb_aggregate_finish(&sum, arrays->type, fields);
	tsdb_aggregate_merge(into, &sum, arrays->type, fields);
}

void
tsdb_aggregate_finish(TsdbSummary *summary, TsdbType type, uint32 fields)
{
	if ((fields & TSDB_SUMMARY_SUM) && tsdb_type_is_float(type) && summary->decimals > 0)
		tsdb_moments_derive_sum(summary);
}

// private functions

static bool
is_quick(TsdbType type, uint32 fields)
{
	/* Squares of integers are exact, so tsdb_summary_compute has to make them. */
	return (fields & ~(QUICK_FIELDS | (tsdb_type_is_float(type) ? TSDB_SUMMARY_SQUARES : 0))) == 0;
}

static void
merge_quickly(TsdbSummary *into, const TsdbSummary *next, TsdbType type, uint32 fields)
{
	if (next->nvalues > 0 && type != TSDB_TYPE_TEXT)
	{
		if (into->nvalues == 0)
			copy_values(into, next);
		else
			merge_values(into, next, type, fields);
	}
	into->nrows += next->nrows;
	into->nvalues += next->nvalues;
	into->last_row_time = next->last_row_time;
	into->sequence = Max(into->sequence, next->sequence);
}

static void
copy_values(TsdbSummary *into, const TsdbSummary *next)
{
	TsdbSummary before = *into;

	*into = *next;
	into->nrows = before.nrows;
	into->nvalues = 0;
	into->first_row_time = before.first_row_time;
	into->sequence = before.sequence;
}

/* Both have values. */
static void
merge_values(TsdbSummary *into, const TsdbSummary *next, TsdbType type, uint32 fields)
{
	if (fields & (TSDB_SUMMARY_MINMAX | TSDB_SUMMARY_RANGE))
	{
		if (tsdb_number_less(type, next->min, into->min))
			into->min = next->min;
		if (tsdb_number_less(type, into->max, next->max))
			into->max = next->max;
	}
	if (fields & TSDB_SUMMARY_FIRSTLAST)
	{
		into->last = next->last;
		into->last_time = next->last_time;
		into->last_quality = next->last_quality;
	}
	if ((fields & TSDB_SUMMARY_SUM) == 0 || !tsdb_type_has_sum(type))
		return;
	if (!tsdb_type_is_float(type))
		add_exact(into, next);
	else if (into->decimals == 0 || into->decimals != next->decimals || !add_exact(into, next))
		add_floats(into, next, type);
}

/* Add the 128-bit sums; false, and nothing is changed, when they overflow. */
static bool
add_exact(TsdbSummary *into, const TsdbSummary *next)
{
	TsdbInt128 sum = (TsdbInt128) ((TsdbUint128) (uint64) into->int_sum_hi << 64 | into->int_sum_lo);
	TsdbInt128 more = (TsdbInt128) ((TsdbUint128) (uint64) next->int_sum_hi << 64 | next->int_sum_lo);

	if (__builtin_add_overflow(sum, more, &sum))
		return false;
	into->int_sum_hi = (int64) ((TsdbUint128) sum >> 64);
	into->int_sum_lo = (uint64) (TsdbUint128) sum;
	return true;
}

/* Sums with different numbers of decimals, or with none. */
static void
add_floats(TsdbSummary *into, const TsdbSummary *next, TsdbType type)
{
	TsdbSummary sum = {0};

	tsdb_aggregate_finish(into, type, TSDB_SUMMARY_SUM);
	if (into->decimals > 0 && next->decimals > 0)
	{
		sum.nvalues = into->nvalues + next->nvalues;
		tsdb_moments_merge(&sum, into, next, type);
		into->decimals = sum.decimals;
		into->int_sum_hi = sum.int_sum_hi;
		into->int_sum_lo = sum.int_sum_lo;
		into->sum_hi = sum.sum_hi;
		into->sum_lo = sum.sum_lo;
		return;
	}
	into->decimals = 0;
	into->int_sum_hi = 0;
	into->int_sum_lo = 0;
	tsdb_sum_add(&into->sum_hi, &into->sum_lo, next->sum_hi);
	tsdb_sum_add(&into->sum_hi, &into->sum_lo, next->sum_lo);
	tsdb_sum_finish(&into->sum_hi, &into->sum_lo);
}

static void
gather_rows(Rows *rows, const TsdbBatch *batch, const TsdbColumn *column, const TsdbColumn *quality,
			const uint32 *indexes, uint32 from, uint32 n)
{
	memset(rows, 0, sizeof(Rows));
	rows->n = n;
	rows->times = batch->times + from;
	rows->words = column->words + from;
	rows->states = column->states != NULL ? column->states + from : NULL;
	if (quality != NULL)
	{
		rows->qualities = quality->words + from;
		rows->quality_states = quality->states != NULL ? quality->states + from : NULL;
	}
	if (indexes == NULL)
		return;
	rows->times = (const int64 *) gather_words((const uint64 *) rows->times, indexes, n);
	rows->words = gather_words(rows->words, indexes, n);
	rows->states = gather_states(rows->states, indexes, n);
	rows->qualities = gather_words(rows->qualities, indexes, n);
	rows->quality_states = gather_states(rows->quality_states, indexes, n);
}

static const uint64 *
gather_words(const uint64 *words, const uint32 *indexes, uint32 n)
{
	uint64 *gathered;

	if (words == NULL)
		return NULL;
	gathered = palloc_array(uint64, n);
	for (uint32 i = 0; i < n; i++)
		gathered[i] = words[indexes[i]];
	return gathered;
}

static const uint8 *
gather_states(const uint8 *states, const uint32 *indexes, uint32 n)
{
	uint8 *gathered;

	if (states == NULL)
		return NULL;
	gathered = palloc_array(uint8, n);
	for (uint32 i = 0; i < n; i++)
		gathered[i] = states[indexes[i]];
	return gathered;
}

static void
fold_quickly(TsdbSummary *summary, TsdbType type, uint32 fields, const Rows *rows)
{
	const uint64 *values;
	uint32 nvalues;
	TsdbFold fold;

	tsdb_summary_init(summary);
	summary->nrows = rows->n;
	summary->first_row_time = rows->times[0];
	summary->last_row_time = rows->times[rows->n - 1];
	values = list_values(rows, &nvalues);
	summary->nvalues = nvalues;
	if (nvalues == 0 || type == TSDB_TYPE_TEXT)
		return;
	if (fields & (TSDB_SUMMARY_FIRSTLAST | TSDB_SUMMARY_INTEGRALS))
		set_ends(summary, rows);
	if ((fields & (TSDB_SUMMARY_MINMAX | TSDB_SUMMARY_SUM | TSDB_SUMMARY_SQUARES)) == 0)
		return;
	tsdb_words_fold(type, values, nvalues, &fold);
	if (tsdb_type_is_float(type))
	{
		summary->min = word_from_double(type, fold.min);
		summary->max = word_from_double(type, fold.max);
		summary->sum_hi = fold.sum_hi;
		summary->sum_lo = fold.sum_lo;
		if (fields & TSDB_SUMMARY_SQUARES)
			summary->m2 = fold_squares(type, values, nvalues, fold.sum_hi / nvalues);
		return;
	}
	summary->min = (uint64) fold.int_min;
	summary->max = (uint64) fold.int_max;
	summary->int_sum_hi = fold.int_sum_hi;
	summary->int_sum_lo = fold.int_sum_lo;
}

/* Sum of squares about the mean, in four chains. */
static double
fold_squares(TsdbType type, const uint64 *values, uint32 n, double mean)
{
	double sums[4] = {0};
	uint32 i = 0;

	for (; i + 4 <= n; i += 4)
		for (uint32 j = 0; j < 4; j++)
		{
			double distance = tsdb_number_value(type, values[i + j]) - mean;

			sums[j] += distance * distance;
		}
	for (; i < n; i++)
	{
		double distance = tsdb_number_value(type, values[i]) - mean;

		sums[0] += distance * distance;
	}
	return (sums[0] + sums[1]) + (sums[2] + sums[3]);
}

static const uint64 *
list_values(const Rows *rows, uint32 *n)
{
	uint64 *values;

	*n = rows->n;
	if (rows->states == NULL)
		return rows->words;
	values = palloc_array(uint64, rows->n);
	*n = 0;
	for (uint32 i = 0; i < rows->n; i++)
	{
		values[*n] = rows->words[i];
		*n += rows->states[i] == TSDB_CELL_VALUE;
	}
	return values;
}

/* First and last value; there is one. */
static void
set_ends(TsdbSummary *summary, const Rows *rows)
{
	uint32 first = 0;
	uint32 last = rows->n - 1;

	while (rows->states != NULL && rows->states[first] != TSDB_CELL_VALUE)
		first++;
	while (rows->states != NULL && rows->states[last] != TSDB_CELL_VALUE)
		last--;
	summary->first = rows->words[first];
	summary->first_time = rows->times[first];
	summary->last = rows->words[last];
	summary->last_time = rows->times[last];
}

static uint64
word_from_double(TsdbType type, double value)
{
	float single = (float) value;
	uint32 bits;

	if (type == TSDB_TYPE_FLOAT8)
		return tsdb_number_bits(value);
	memcpy(&bits, &single, sizeof(bits));
	return bits;
}
