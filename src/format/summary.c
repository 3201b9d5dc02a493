/*-------------------------------------------------------------------------
 *
 * summary.c
 *	  What is known of a stretch of one column: compute from rows, merge.
 *
 * Rows and their quality here; sums in moments.c, values weighed with time in
 * integral.c, bytes in summaries_*.c.
 *-------------------------------------------------------------------------
 */
#include "format/batch.h"
#include "format/integral.h"
#include "format/moments.h"
#include "format/summary.h"

static void compute_rows(TsdbSummary *summary, uint32_t n, const int64_t *times,
						 const uint64_t *qualities, const uint8_t *quality_states);
static void count_row(TsdbSummary *summary, uint32_t quality, int64_t duration_us);
static void add_duration(TsdbSummary *summary, uint32_t quality, int64_t duration_us);
static inline void compute_values(TsdbSummary *summary, TsdbType type, uint32_t n, const uint64_t *words, const uint8_t *states);
static void set_value_rows(TsdbSummary *summary, const int64_t *times, const uint64_t *qualities, const uint8_t *quality_states);
static void merge_rows(TsdbSummary *out, const TsdbSummary *a, const TsdbSummary *b);
static void merge_durations(TsdbSummary *out, const TsdbSummary *a, const TsdbSummary *b);
static void merge_values(TsdbSummary *out, const TsdbSummary *a, const TsdbSummary *b, TsdbType type);
static void merge_sums(TsdbSummary *out, const TsdbSummary *a, const TsdbSummary *b, TsdbType type);
static int severity(uint32_t quality);

void
tsdb_summary_init(TsdbSummary *summary)
{
	memset(summary, 0, sizeof(*summary));
}

void
tsdb_summary_compute(TsdbSummary *summary, TsdbType type, uint32_t n, const int64_t *times,
					 const uint64_t *words, const uint8_t *states,
					 const uint64_t *qualities, const uint8_t *quality_states, uint64_t sequence)
{
	tsdb_summary_init(summary);
	summary->sequence = sequence;
	compute_rows(summary, n, times, qualities, quality_states);
	if (states == NULL)
		summary->nvalues = n;
	else
		for (uint32_t i = 0; i < n; i++)
			summary->nvalues += states[i] == TSDB_CELL_VALUE;
	if (type == TSDB_TYPE_TEXT || summary->nvalues == 0)
		return;

	/* The type is a constant in each call, so that the loops don't test it. */
	if (type == TSDB_TYPE_FLOAT8)
		compute_values(summary, TSDB_TYPE_FLOAT8, n, words, states);
	else if (type == TSDB_TYPE_FLOAT4)
		compute_values(summary, TSDB_TYPE_FLOAT4, n, words, states);
	else
		compute_values(summary, TSDB_TYPE_INT8, n, words, states);
	set_value_rows(summary, times, qualities, quality_states);
	if (!tsdb_type_has_sum(type))
		return;
	tsdb_moments_compute(summary, type, n, words, states);
	tsdb_integral_compute(summary, type, n, times, words, states, qualities, quality_states);
}

void
tsdb_summary_merge(TsdbSummary *into, const TsdbSummary *next, TsdbType type)
{
	TsdbSummary merged;

	if (next->nrows == 0)
		return;
	if (into->nrows == 0)
	{
		*into = *next;
		return;
	}
	tsdb_summary_init(&merged);
	merge_rows(&merged, into, next);
	merge_durations(&merged, into, next);
	if (type != TSDB_TYPE_TEXT && merged.nvalues > 0)
	{
		merge_values(&merged, into, next, type);
		if (tsdb_type_has_sum(type))
			merge_sums(&merged, into, next, type);
	}
	*into = merged;
}

// private functions

static void
compute_rows(TsdbSummary *summary, uint32_t n, const int64_t *times,
			 const uint64_t *qualities, const uint8_t *quality_states)
{
	summary->nrows = n;
	summary->first_row_time = times[0];
	summary->last_row_time = times[n - 1];
	if (qualities == NULL)
	{
		summary->ngood = n;
		summary->duration_good_us = tsdb_number_span(times[0], times[n - 1]);
		return;
	}
	summary->first_row_quality = tsdb_quality_at(qualities, quality_states, 0);
	summary->last_row_quality = tsdb_quality_at(qualities, quality_states, n - 1);
	summary->worst_quality = summary->first_row_quality;
	for (uint32_t i = 0; i < n; i++)
		count_row(summary, tsdb_quality_at(qualities, quality_states, i),
				  i + 1 < n ? tsdb_number_span(times[i], times[i + 1]) : 0);
}

/* count_row - add a row and the region that it opens. */
static void
count_row(TsdbSummary *summary, uint32_t quality, int64_t duration_us)
{
	summary->ngood += TSDB_QUALITY_IS_GOOD(quality);
	summary->nuncertain += TSDB_QUALITY_IS_UNCERTAIN(quality);
	summary->nbad += TSDB_QUALITY_IS_BAD(quality);
	add_duration(summary, quality, duration_us);
	if (severity(quality) > severity(summary->worst_quality))
		summary->worst_quality = quality;
}

static void
add_duration(TsdbSummary *summary, uint32_t quality, int64_t duration_us)
{
	int64_t *total_us = TSDB_QUALITY_IS_BAD(quality)	? &summary->duration_bad_us
						: TSDB_QUALITY_IS_GOOD(quality) ? &summary->duration_good_us
														: &summary->duration_uncertain_us;

	*total_us = tsdb_number_add(*total_us, duration_us);
}

/*
 * compute_values - extremes, first, last and transitions.
 *
 * min_time .. last_time are row numbers until set_value_rows replaces them.
 */
static inline __attribute__((always_inline)) void
compute_values(TsdbSummary *summary, TsdbType type, uint32_t n, const uint64_t *words, const uint8_t *states)
{
	uint32_t row = 0;
	uint32_t min_row;
	uint32_t max_row;
	uint32_t last_row;

	while (states && states[row] != TSDB_CELL_VALUE)
		row++;
	min_row = max_row = last_row = row;
	summary->first_time = row;
	for (row++; row < n; row++)
	{
		if (states && states[row] != TSDB_CELL_VALUE)
			continue;
		summary->transitions += !tsdb_number_is_same(type, words[last_row], words[row]);
		if (tsdb_number_less(type, words[row], words[min_row]))
			min_row = row;
		if (tsdb_number_less(type, words[max_row], words[row]))
			max_row = row;
		last_row = row;
	}
	summary->min = words[min_row];
	summary->max = words[max_row];
	summary->first = words[summary->first_time];
	summary->last = words[last_row];
	summary->min_time = min_row;
	summary->max_time = max_row;
	summary->last_time = last_row;
}

static void
set_value_rows(TsdbSummary *summary, const int64_t *times, const uint64_t *qualities, const uint8_t *quality_states)
{
	summary->first_quality = tsdb_quality_at(qualities, quality_states, (uint32_t) summary->first_time);
	summary->last_quality = tsdb_quality_at(qualities, quality_states, (uint32_t) summary->last_time);
	summary->first_time = times[summary->first_time];
	summary->last_time = times[summary->last_time];
	summary->min_time = times[summary->min_time];
	summary->max_time = times[summary->max_time];
}

static void
merge_rows(TsdbSummary *out, const TsdbSummary *a, const TsdbSummary *b)
{
	out->nrows = a->nrows + b->nrows;
	out->nvalues = a->nvalues + b->nvalues;
	out->ngood = a->ngood + b->ngood;
	out->nuncertain = a->nuncertain + b->nuncertain;
	out->nbad = a->nbad + b->nbad;
	out->worst_quality = severity(b->worst_quality) > severity(a->worst_quality) ? b->worst_quality : a->worst_quality;
	out->first_row_quality = a->first_row_quality;
	out->last_row_quality = b->last_row_quality;
	out->first_row_time = a->first_row_time;
	out->last_row_time = b->last_row_time;
	out->sequence = a->sequence > b->sequence ? a->sequence : b->sequence;
}

/* merge_durations - by quality, with the region between a and b. */
static void
merge_durations(TsdbSummary *out, const TsdbSummary *a, const TsdbSummary *b)
{
	int64_t gap_us = tsdb_number_span(a->last_row_time, b->first_row_time);

	out->duration_good_us = tsdb_number_add(a->duration_good_us, b->duration_good_us);
	out->duration_uncertain_us = tsdb_number_add(a->duration_uncertain_us, b->duration_uncertain_us);
	out->duration_bad_us = tsdb_number_add(a->duration_bad_us, b->duration_bad_us);
	add_duration(out, a->last_row_quality, gap_us);
}

static void
merge_values(TsdbSummary *out, const TsdbSummary *a, const TsdbSummary *b, TsdbType type)
{
	bool has_both = a->nvalues > 0 && b->nvalues > 0;
	const TsdbSummary *min = has_both && tsdb_number_less(type, b->min, a->min) ? b : a;
	const TsdbSummary *max = has_both && tsdb_number_less(type, a->max, b->max) ? b : a;
	const TsdbSummary *first = a->nvalues > 0 ? a : b;
	const TsdbSummary *last = b->nvalues > 0 ? b : a;

	if (!has_both)
		min = max = first;
	out->transitions = a->transitions + b->transitions;
	if (has_both)
		out->transitions += !tsdb_number_is_same(type, a->last, b->first);
	out->min = min->min;
	out->min_time = min->min_time;
	out->max = max->max;
	out->max_time = max->max_time;
	out->first = first->first;
	out->first_time = first->first_time;
	out->first_quality = first->first_quality;
	out->last = last->last;
	out->last_time = last->last_time;
	out->last_quality = last->last_quality;
}

static void
merge_sums(TsdbSummary *out, const TsdbSummary *a, const TsdbSummary *b, TsdbType type)
{
	if (a->nvalues > 0 && b->nvalues > 0)
		tsdb_moments_merge(out, a, b, type);
	else
		tsdb_moments_copy(out, a->nvalues > 0 ? a : b);
	tsdb_integral_merge(out, a, b, type);
}

static int
severity(uint32_t quality)
{
	return TSDB_QUALITY_IS_BAD(quality) ? 2 : (int) (quality >> 30);
}
