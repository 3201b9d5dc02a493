/*-------------------------------------------------------------------------
 *
 * integral.c
 *	  The parts of a summary that weigh values with time.
 *
 * For a regular stretch (values v_0 .. v_n-1, none NULL or bad, a distance d apart, sum s)
 *	  stepped = d * (s - v_n-1)			sloped = d * (s - (v_0 + v_n-1) / 2)
 * Both compute and merge use these formulas where they hold, so that the integrals of regular series follow bit for
 * bit from other fields and need no bytes.  Whether two stretches that are merged were regular is seen by their integrals
 * being what the formulas say: then the sum of both and of the region between is the formula of the whole, by algebra.
 *-------------------------------------------------------------------------
 */
#include <math.h>

#include "format/batch.h"
#include "format/integral.h"
#include "format/moments.h"

static bool is_even(uint32_t n, const int64_t *times);
static bool is_regular(const TsdbSummary *summary, TsdbType type, int64_t stride_us);
static void add_regions(TsdbSummary *summary, TsdbType type, uint32_t n, const int64_t *times,
						const uint64_t *words, const uint8_t *states,
						const uint64_t *qualities, const uint8_t *quality_states);
static void add_zero_durations(TsdbSummary *summary, TsdbType type, uint32_t n, const int64_t *times,
							   const uint64_t *words, const uint8_t *states,
							   const uint64_t *qualities, const uint8_t *quality_states);
static void add_state(TsdbSummary *summary, TsdbType type, uint64_t word, int64_t duration_us);
static bool has_last_row(const TsdbSummary *summary);
static bool has_first_row(const TsdbSummary *summary);

void
tsdb_integral_compute(TsdbSummary *summary, TsdbType type, uint32_t n, const int64_t *times,
					  const uint64_t *words, const uint8_t *states,
					  const uint64_t *qualities, const uint8_t *quality_states)
{
	add_zero_durations(summary, type, n, times, words, states, qualities, quality_states);
	if (!is_even(n, times) ||
		!tsdb_integral_regular(summary, type, &summary->integral_stepped, &summary->integral_sloped))
		add_regions(summary, type, n, times, words, states, qualities, quality_states);
}

void
tsdb_integral_merge(TsdbSummary *out, const TsdbSummary *a, const TsdbSummary *b, TsdbType type)
{
	int64_t gap_us = tsdb_number_span(a->last_row_time, b->first_row_time);
	double before;

	out->duration_zero_us = tsdb_number_add(a->duration_zero_us, b->duration_zero_us);
	out->duration_nonzero_us = tsdb_number_add(a->duration_nonzero_us, b->duration_nonzero_us);
	if (has_last_row(a))
		add_state(out, type, a->last, gap_us);

	if (is_regular(a, type, gap_us) && is_regular(b, type, gap_us) &&
		tsdb_integral_regular(out, type, &out->integral_stepped, &out->integral_sloped))
		return;

	out->integral_stepped = a->integral_stepped + b->integral_stepped;
	out->integral_sloped = a->integral_sloped + b->integral_sloped;
	if (!has_last_row(a))
		return;
	before = tsdb_number_value(type, a->last);
	out->integral_stepped += before * (double) gap_us;
	if (has_first_row(b))
		out->integral_sloped += (before * 0.5 + tsdb_number_value(type, b->first) * 0.5) * (double) gap_us;
}

void
tsdb_integral_of_values(TsdbSummary *summary, TsdbType type, uint32_t n, const int64_t *times,
						const uint64_t *words, const uint8_t *states)
{
	double stepped[2] = {0, 0}; /* sum, and what its roundings lost */
	double sloped[2] = {0, 0};
	double before = 0;
	uint32_t last = n;

	for (uint32_t i = 0; i < n; i++)
	{
		double value;

		if (states && states[i] != TSDB_CELL_VALUE)
			continue;
		value = tsdb_number_value(type, words[i]);
		if (last < n)
		{
			double duration_us = (double) tsdb_number_span(times[last], times[i]);

			tsdb_sum_add(&stepped[0], &stepped[1], before * duration_us);
			tsdb_sum_add(&sloped[0], &sloped[1], (before * 0.5 + value * 0.5) * duration_us);
		}
		before = value;
		last = i;
	}
	summary->integral_stepped = stepped[0] + stepped[1];
	summary->integral_sloped = sloped[0] + sloped[1];
}

void
tsdb_integral_join(const TsdbSummary *a, const TsdbSummary *b, TsdbType type, double *stepped, double *sloped)
{
	*stepped = *sloped = 0;
	if (a->nvalues > 0)
	{
		*stepped = a->integral_stepped;
		*sloped = a->integral_sloped;
	}
	if (b->nvalues > 0)
	{
		*stepped += b->integral_stepped;
		*sloped += b->integral_sloped;
	}
	if (a->nvalues > 0 && b->nvalues > 0)
	{
		double gap_us = (double) tsdb_number_span(a->last_time, b->first_time);
		double before = tsdb_number_value(type, a->last);

		*stepped += before * gap_us;
		*sloped += (before * 0.5 + tsdb_number_value(type, b->first) * 0.5) * gap_us;
	}
}

bool
tsdb_integral_is_of_values(const TsdbSummary *summary)
{
	return summary->nvalues == 0 || (summary->nvalues == summary->nrows && summary->nbad == 0);
}

bool
tsdb_integral_regular(const TsdbSummary *summary, TsdbType type, double *stepped, double *sloped)
{
	int64_t span_us = tsdb_number_span(summary->first_row_time, summary->last_row_time);
	double first = tsdb_number_value(type, summary->first);
	double last = tsdb_number_value(type, summary->last);
	double stride_us;
	double hi;
	double lo;

	if (summary->nvalues != summary->nrows || summary->nbad > 0 || summary->nrows == 0 || span_us < 0)
		return false;
	if (summary->nrows > 1 && (uint64_t) span_us % (summary->nrows - 1) != 0)
		return false;
	tsdb_moments_sum(summary, type, &hi, &lo);
	if (!isfinite(hi))
		return false;
	stride_us = summary->nrows > 1 ? (double) ((uint64_t) span_us / (summary->nrows - 1)) : 0;
	*stepped = stride_us * ((hi - last) + lo);
	*sloped = stride_us * ((hi - (first * 0.5 + last * 0.5)) + lo);
	return true;
}

// private functions

/* is_even - are all times the same distance apart? */
static bool
is_even(uint32_t n, const int64_t *times)
{
	for (uint32_t i = 2; i < n; i++)
		if (tsdb_number_span(times[i - 1], times[i]) != tsdb_number_span(times[0], times[1]))
			return false;
	return true;
}

/* is_regular - are the integrals those of a regular stretch with this distance? */
static bool
is_regular(const TsdbSummary *summary, TsdbType type, int64_t stride_us)
{
	int64_t span_us = tsdb_number_span(summary->first_row_time, summary->last_row_time);
	double stepped;
	double sloped;

	if (summary->nrows > 1 && (uint64_t) span_us / (summary->nrows - 1) != (uint64_t) stride_us)
		return false;
	return tsdb_integral_regular(summary, type, &stepped, &sloped) &&
		   stepped == summary->integral_stepped && sloped == summary->integral_sloped;
}

static void
add_regions(TsdbSummary *summary, TsdbType type, uint32_t n, const int64_t *times,
			const uint64_t *words, const uint8_t *states,
			const uint64_t *qualities, const uint8_t *quality_states)
{
	bool has_before = false;
	double before = 0;

	for (uint32_t i = 0; i < n; i++)
	{
		bool has_value = (!states || states[i] == TSDB_CELL_VALUE) &&
						 !TSDB_QUALITY_IS_BAD(tsdb_quality_at(qualities, quality_states, i));
		double value = has_value ? tsdb_number_value(type, words[i]) : 0;

		if (has_before)
		{
			double duration_us = (double) tsdb_number_span(times[i - 1], times[i]);

			summary->integral_stepped += before * duration_us;
			if (has_value)
				summary->integral_sloped += (before * 0.5 + value * 0.5) * duration_us;
		}
		before = value;
		has_before = has_value;
	}
}

static void
add_zero_durations(TsdbSummary *summary, TsdbType type, uint32_t n, const int64_t *times,
				   const uint64_t *words, const uint8_t *states,
				   const uint64_t *qualities, const uint8_t *quality_states)
{
	for (uint32_t i = 0; i + 1 < n; i++)
		if ((!states || states[i] == TSDB_CELL_VALUE) &&
			!TSDB_QUALITY_IS_BAD(tsdb_quality_at(qualities, quality_states, i)))
			add_state(summary, type, words[i], tsdb_number_span(times[i], times[i + 1]));
}

static void
add_state(TsdbSummary *summary, TsdbType type, uint64_t word, int64_t duration_us)
{
	int64_t *total_us = tsdb_number_is_zero(type, word) ? &summary->duration_zero_us : &summary->duration_nonzero_us;

	*total_us = tsdb_number_add(*total_us, duration_us);
}

/* has_last_row - does the last row rule the time after it: a value that is not bad? */
static bool
has_last_row(const TsdbSummary *summary)
{
	return summary->nvalues > 0 && summary->last_time == summary->last_row_time &&
		   !TSDB_QUALITY_IS_BAD(summary->last_row_quality);
}

static bool
has_first_row(const TsdbSummary *summary)
{
	return summary->nvalues > 0 && summary->first_time == summary->first_row_time &&
		   !TSDB_QUALITY_IS_BAD(summary->first_row_quality);
}
