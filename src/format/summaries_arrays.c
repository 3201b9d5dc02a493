/*-------------------------------------------------------------------------
 *
 * summaries_arrays.c
 *	  Arrays of summaries -> arrays of fields, and folds over stretches of them.  Layout: summaries_private.h.
 *
 * The plain case alone: each summary has rows and a value in every one of them, sums are exact and fit 64 bits, all floats
 * have the same number of decimals.  A question about many stretches then costs a loop over each field that it asks for.
 * What is not plain, or not right, is left to summaries_decode.c.
 *
 *-------------------------------------------------------------------------
 */
#include "format/summaries_private.h"

#define FIELDS \
	(TSDB_SUMMARY_COUNTS | TSDB_SUMMARY_MINMAX | TSDB_SUMMARY_SUM | TSDB_SUMMARY_FIRSTLAST | TSDB_SUMMARY_INTEGRALS | TSDB_SUMMARY_RANGE)
#define MAX_ROWS (UINT64_C(1) << 32) /* of a stretch */
#define MAX_TIME_US (INT64_C(1) << 61)

static bool is_plain(const Coding *coding, uint32_t fields);
static void take_memory(TsdbSummaryArrays *arrays, uint32_t fields, const TsdbMem *mem);
static bool decode_rows(const Coding *coding, TsdbSummaryArrays *arrays);
static bool decode_values(const Coding *coding, TsdbSummaryArrays *arrays, uint32_t fields);
static bool decode_ends(const Coding *coding, TsdbSummaryArrays *arrays);
static bool open_words(const Coding *coding, Chunk chunk, TsdbType type, uint64_t *words, uint32_t n);
static bool fill_rows(const Coding *coding, TsdbSummaryArrays *arrays);
static bool get_line(const Coding *coding, Chunk chunk, uint32_t n, int64_t *first, int64_t *step);
static bool place_rows(const Coding *coding, TsdbSummaryArrays *arrays);
static bool scale_times(const Coding *coding, int64_t *values, uint32_t n, int64_t least);
static void add_totals(TsdbSummaryArrays *arrays);
static bool has_nan(TsdbType type, const uint64_t *words, uint32_t n);
static void fold_integrals(const TsdbSummaryArrays *arrays, TsdbSummary *out, uint32_t from, uint32_t n);
static void fold_extremes(const TsdbSummaryArrays *arrays, TsdbSummary *out, uint32_t from, uint32_t n);

TsdbStatus
tsdb_summaries_decode_arrays(TsdbSpan src, TsdbType type, TsdbSummaryArrays *arrays, uint32_t n,
							 int64_t base_us, uint32_t fields, const TsdbMem *mem)
{
	Coding coding;

	memset(arrays, 0, sizeof(*arrays));
	if (n == 0 || n > TSDB_MAX_SUMMARIES || type == TSDB_TYPE_TEXT || (fields & ~FIELDS) != 0)
		return TSDB_OK;
	if (fields & TSDB_SUMMARY_INTEGRALS)
		fields |= TSDB_SUMMARY_SUM | TSDB_SUMMARY_FIRSTLAST;
	memset(&coding, 0, sizeof(coding));
	coding.type = type;
	coding.n = n;
	coding.base_us = base_us;
	coding.scratch = mem;
	TSDB_TRY(tsdb_coding_read(&src, &coding));
	if (!is_plain(&coding, fields))
		return TSDB_OK;
	arrays->n = n;
	arrays->type = type;
	arrays->decimals = (uint8_t) (coding.head >> HEAD_DECIMALS_SHIFT);
	arrays->has_integrals = (fields & TSDB_SUMMARY_INTEGRALS) && tsdb_type_has_sum(type);
	take_memory(arrays, fields, mem);
	arrays->is_plain = decode_rows(&coding, arrays) && decode_values(&coding, arrays, fields) &&
					   ((fields & TSDB_SUMMARY_FIRSTLAST) == 0 || decode_ends(&coding, arrays));
	if (arrays->is_plain)
		add_totals(arrays);
	return TSDB_OK;
}

void
tsdb_summaries_fold(const TsdbSummaryArrays *arrays, uint32_t from, uint32_t n, TsdbSummary *out)
{
	out->nrows = out->nvalues = arrays->row_totals[from + n] - arrays->row_totals[from];
	out->first_row_time = arrays->first_row_times[from];
	out->last_row_time = arrays->last_row_times[from + n - 1];
	out->sequence = 0;
	out->decimals = arrays->decimals;
	out->min = out->max = 0;
	if (arrays->mins != NULL)
		fold_extremes(arrays, out, from, n);
	if (arrays->sums != NULL)
	{
		TsdbInt128 sum = 0;

		if (arrays->sum_totals != NULL)
			sum = arrays->sum_totals[from + n] - arrays->sum_totals[from];
		else
			for (uint32_t i = from; i < from + n; i++)
				sum += arrays->sums[i];
		out->int_sum_hi = (int64_t) ((TsdbUint128) sum >> 64);
		out->int_sum_lo = (uint64_t) (TsdbUint128) sum;
	}
	if (arrays->firsts != NULL)
	{
		out->first = arrays->firsts[from];
		out->last = arrays->lasts[from + n - 1];
		out->first_time = arrays->first_row_times[from] + arrays->first_offsets[from];
		out->last_time = arrays->last_row_times[from + n - 1] - arrays->last_offsets[from + n - 1];
	}
	if (arrays->has_integrals)
		fold_integrals(arrays, out, from, n);
}

// private functions

static bool
is_plain(const Coding *coding, uint32_t fields)
{
	bool is_float = tsdb_type_is_float(coding->type);
	uint32_t decimals = coding->head >> HEAD_DECIMALS_SHIFT;

	if (coding->chunks[CHUNK_NULLS].at != NULL || ((coding->head & HEAD_JOINED) && coding->n > JOINED_MAX))
		return false;
	if ((fields & TSDB_SUMMARY_SUM) == 0 || !tsdb_type_has_sum(coding->type))
		return true;
	if ((fields & TSDB_SUMMARY_INTEGRALS) &&
		(coding->chunks[CHUNK_INTEGRAL_KINDS].at != NULL || coding->chunks[CHUNK_NOT_GOOD].at != NULL))
		return false;
	return coding->chunks[CHUNK_DECIMALS].at == NULL && coding->chunks[CHUNK_SUM_HIGH].at == NULL &&
		   coding->chunks[CHUNK_FLOAT_SUM].at == NULL && coding->chunks[CHUNK_FLOAT_REST].at == NULL &&
		   (is_float ? decimals > 0 && decimals <= TSDB_MOMENTS_DECIMALS + 1 : decimals == 0);
}

static void
take_memory(TsdbSummaryArrays *arrays, uint32_t fields, const TsdbMem *mem)
{
	uint32_t n = arrays->n;
	uint64_t *words = (uint64_t *) tsdb_mem_alloc(mem, ((size_t) n * 12 + 2) * sizeof(uint64_t));

	arrays->nrows = words;
	arrays->first_row_times = (int64_t *) words + n;
	arrays->last_row_times = (int64_t *) words + 2 * n;
	if (fields & TSDB_SUMMARY_MINMAX)
	{
		arrays->mins = words + 3 * n;
		arrays->maxs = words + 4 * n;
	}
	if (fields & TSDB_SUMMARY_FIRSTLAST)
	{
		/* Behind the extremes, as they lie in a JOINED chunk. */
		arrays->firsts = words + 5 * n;
		arrays->lasts = words + 6 * n;
		arrays->first_offsets = (int64_t *) words + 7 * n;
		arrays->last_offsets = (int64_t *) words + 8 * n;
	}
	if ((fields & TSDB_SUMMARY_SUM) && tsdb_type_has_sum(arrays->type))
	{
		arrays->sums = (int64_t *) words + 9 * n;
		arrays->sum_totals = (int64_t *) words + 11 * n + 1;
	}
	arrays->row_totals = words + 10 * n;
}

/* decode_rows - every stretch has rows, and begins behind the end of the one before, unless that is the first: see root. */
static bool
decode_rows(const Coding *coding, TsdbSummaryArrays *arrays)
{
	uint32_t n = arrays->n;

	if (fill_rows(coding, arrays))
		return true;
	/* Lengths are where they become times. */
	return open_words(coding, CHUNK_LENGTH, TSDB_TYPE_INT8, (uint64_t *) arrays->last_row_times, n) &&
		   open_words(coding, CHUNK_ROWS, TSDB_TYPE_INT8, arrays->nrows, n) &&
		   open_words(coding, CHUNK_FIRST_ROW, TSDB_TYPE_INT8, (uint64_t *) arrays->first_row_times, n) &&
		   place_rows(coding, arrays);
}

/* fill_rows - those of a regular series: as many in each stretch, at one distance.  False when they are not, or not right. */
static bool
fill_rows(const Coding *coding, TsdbSummaryArrays *arrays)
{
	uint32_t n = arrays->n;
	int64_t unit_us = (int64_t) coding->unit_us;
	int64_t max = MAX_TIME_US / unit_us;
	int64_t length;
	int64_t rows;
	int64_t first;
	int64_t distance;
	int64_t step;

	if (!get_line(coding, CHUNK_LENGTH, n, &length, &step) || step != 0 || !get_line(coding, CHUNK_ROWS, n, &rows, &step) ||
		step != 0 || !get_line(coding, CHUNK_FIRST_ROW, n, &first, &distance))
		return false;
	if (length < 0 || length >= distance || rows < 0 || rows > INT32_MAX || first < -max || first > max / 2 || distance > max / 2 / (int64_t) n ||
		coding->base_us < -MAX_TIME_US || coding->base_us > MAX_TIME_US)
		return false;
	if (coding->head & HEAD_ROWS_FROM_LENGTH)
		rows = length + 1 - rows;
	if (rows <= 0)
		return false;
	first = first * unit_us + coding->base_us;
	tsdb_line_fill((int64_t *) arrays->nrows, n, rows, 0);
	tsdb_line_fill(arrays->first_row_times, n, first, distance * unit_us);
	tsdb_line_fill(arrays->last_row_times, n, first + length * unit_us, distance * unit_us);
	return true;
}

static bool
get_line(const Coding *coding, Chunk chunk, uint32_t n, int64_t *first, int64_t *step)
{
	*first = *step = 0;
	return coding->chunks[chunk].at == NULL ||
		   (n > TSDB_INTS_PLAIN && tsdb_column_line(coding->chunks[chunk], n, first, step));
}

static bool
decode_values(const Coding *coding, TsdbSummaryArrays *arrays, uint32_t fields)
{
	uint32_t n = arrays->n;
	uint64_t *extremes = arrays->nrows + 3 * n;

	if (coding->head & HEAD_JOINED)
	{
		if ((fields & (TSDB_SUMMARY_MINMAX | TSDB_SUMMARY_FIRSTLAST)) != 0 &&
			!open_words(coding, CHUNK_EXTREMES, coding->type, extremes, 4 * n))
			return false;
	}
	else if ((arrays->mins != NULL && !open_words(coding, CHUNK_EXTREMES, coding->type, extremes, 2 * n)) ||
			 (arrays->firsts != NULL && !open_words(coding, CHUNK_ENDS, coding->type, arrays->firsts, 2 * n)))
		return false;
	if (arrays->mins != NULL)
		arrays->has_nan = has_nan(coding->type, extremes, 2 * n);
	return arrays->sums == NULL || open_words(coding, CHUNK_SUM, TSDB_TYPE_INT8, (uint64_t *) arrays->sums, n);
}

static bool
decode_ends(const Coding *coding, TsdbSummaryArrays *arrays)
{
	bool is_right = true;

	if (!open_words(coding, CHUNK_VALUE_TIMES, TSDB_TYPE_INT8, (uint64_t *) arrays->first_offsets, 2 * arrays->n) ||
		!scale_times(coding, arrays->first_offsets, 2 * arrays->n, 0))
		return false;
	for (uint32_t i = 0; i < arrays->n; i++)
	{
		int64_t length_us = arrays->last_row_times[i] - arrays->first_row_times[i];

		is_right &= arrays->first_offsets[i] <= length_us && arrays->last_offsets[i] <= length_us;
	}
	return is_right;
}

static bool
open_words(const Coding *coding, Chunk chunk, TsdbType type, uint64_t *words, uint32_t n)
{
	const TsdbSpan *span = &coding->chunks[chunk];

	if (span->at == NULL)
	{
		memset(words, 0, n * sizeof(uint64_t));
		return true;
	}
	if (n <= TSDB_INTS_PLAIN && chunk != CHUNK_EXTREMES && chunk != CHUNK_ENDS)
		return tsdb_ints_decode(*span, (int64_t *) words, n, coding->scratch) == TSDB_OK;
	return tsdb_column_decode(*span, type, words, n, coding->scratch) == TSDB_OK;
}

/* place_rows - units to us, lengths to times; false when something is out of range. One loop: there may be thousands of them. */
static bool
place_rows(const Coding *coding, TsdbSummaryArrays *arrays)
{
	uint64_t *nrows = arrays->nrows;
	int64_t *firsts = arrays->first_row_times;
	int64_t *lasts = arrays->last_row_times;
	int64_t unit_us = (int64_t) coding->unit_us;
	int64_t base_us = coding->base_us;
	int64_t max = MAX_TIME_US / unit_us;
	uint64_t from_length = coding->head & HEAD_ROWS_FROM_LENGTH ? UINT64_MAX : 0;
	int64_t before_us = INT64_MIN;
	bool is_wrong = base_us < -MAX_TIME_US || base_us > MAX_TIME_US;

	for (uint32_t i = 0; i < arrays->n && !is_wrong; i++)
	{
		uint64_t length = (uint64_t) lasts[i];
		uint64_t rows = from_length ? length + 1 - nrows[i] : nrows[i];

		is_wrong = length > (uint64_t) max || (uint64_t) firsts[i] + (uint64_t) max > 2 * (uint64_t) max || rows - 1 >= MAX_ROWS;
		if (is_wrong)
			break;
		nrows[i] = rows;
		firsts[i] = firsts[i] * unit_us + base_us;
		lasts[i] = lasts[i] * unit_us + firsts[i];
		is_wrong = i > 1 && firsts[i] <= before_us;
		before_us = lasts[i];
	}
	return !is_wrong;
}

/* scale_times - units to us; false when one is out of the range that sums of two stay in. */
static bool
scale_times(const Coding *coding, int64_t *values, uint32_t n, int64_t least)
{
	int64_t unit_us = (int64_t) coding->unit_us;
	int64_t max = MAX_TIME_US / unit_us;
	int64_t min = least / unit_us;
	bool is_right = true;

	for (uint32_t i = 0; i < n; i++)
		is_right &= values[i] >= min && values[i] <= max;
	if (!is_right)
		return false;
	for (uint32_t i = 0; i < n; i++)
		values[i] *= unit_us;
	return true;
}

static void
add_totals(TsdbSummaryArrays *arrays)
{
	uint32_t n = arrays->n;
	int64_t limit = INT64_MAX / n;
	bool is_big = false;

	arrays->row_totals[0] = 0;
	for (uint32_t i = 0; i < n; i++)
		arrays->row_totals[i + 1] = arrays->row_totals[i] + arrays->nrows[i];
	if (arrays->sums == NULL)
		return;
	arrays->sum_totals[0] = 0;
	for (uint32_t i = 0; i < n; i++)
	{
		int64_t sum = arrays->sums[i];

		is_big |= sum > limit || sum < -limit;
		arrays->sum_totals[i + 1] = (int64_t) ((uint64_t) arrays->sum_totals[i] + (uint64_t) sum);
	}
	if (is_big)
		arrays->sum_totals = NULL;
}

static bool
has_nan(TsdbType type, const uint64_t *words, uint32_t n)
{
	bool any = false;

	if (type != TSDB_TYPE_FLOAT8)
		return false; /* of float4 it makes no difference */
	for (uint32_t i = 0; i < n; i++)
		any |= tsdb_number_double(words[i]) != tsdb_number_double(words[i]);
	return any;
}

/* As tsdb_integral_regular has it for each stretch, and as tsdb_integral_join for what is between them. */
static void
fold_integrals(const TsdbSummaryArrays *arrays, TsdbSummary *out, uint32_t from, uint32_t n)
{
	double power = arrays->decimals > 0 ? tsdb_moments_power(arrays->decimals) : 1;
	double stepped[2] = {0, 0}; /* sum, and what its roundings lost */
	double sloped[2] = {0, 0};

	for (uint32_t i = from; i < from + n; i++)
	{
		double first = tsdb_number_value(arrays->type, arrays->firsts[i]);
		double last = tsdb_number_value(arrays->type, arrays->lasts[i]);
		double sum = (double) arrays->sums[i] / power;
		double stride_us = 0;

		if (i > from)
		{
			double before = tsdb_number_value(arrays->type, arrays->lasts[i - 1]);
			double gap_us = (double) (arrays->first_row_times[i] - arrays->last_row_times[i - 1]);

			tsdb_sum_add(&stepped[0], &stepped[1], before * gap_us);
			tsdb_sum_add(&sloped[0], &sloped[1], (before * 0.5 + first * 0.5) * gap_us);
		}
		if (arrays->nrows[i] > 1)
			stride_us = (double) (arrays->last_row_times[i] - arrays->first_row_times[i]) / (double) (arrays->nrows[i] - 1);
		tsdb_sum_add(&stepped[0], &stepped[1], stride_us * (sum - last));
		tsdb_sum_add(&sloped[0], &sloped[1], stride_us * (sum - (first * 0.5 + last * 0.5)));
	}
	out->integral_stepped = stepped[0] + stepped[1];
	out->integral_sloped = sloped[0] + sloped[1];
}

static void
fold_extremes(const TsdbSummaryArrays *arrays, TsdbSummary *out, uint32_t from, uint32_t n)
{
	uint64_t min = arrays->mins[from];
	uint64_t max = arrays->maxs[from];

	if (arrays->type == TSDB_TYPE_FLOAT8 && !arrays->has_nan)
	{
		double low = tsdb_number_double(min);
		double high = tsdb_number_double(max);

		for (uint32_t i = from + 1; i < from + n; i++)
		{
			double next_low = tsdb_number_double(arrays->mins[i]);
			double next_high = tsdb_number_double(arrays->maxs[i]);

			low = next_low < low ? next_low : low;
			high = next_high > high ? next_high : high;
		}
		min = tsdb_number_bits(low);
		max = tsdb_number_bits(high);
	}
	else
		for (uint32_t i = from + 1; i < from + n; i++)
		{
			min = tsdb_number_less(arrays->type, arrays->mins[i], min) ? arrays->mins[i] : min;
			max = tsdb_number_less(arrays->type, max, arrays->maxs[i]) ? arrays->maxs[i] : max;
		}
	out->min = min;
	out->max = max;
}
