/*-------------------------------------------------------------------------
 *
 * subs.c
 *	  Sub-summaries that hold sums or extremes alone.
 *
 *-------------------------------------------------------------------------
 */
#include "format/grid.h"
#include "format/moments.h"
#include "format/subs.h"

static bool is_short(const TsdbSummary *summary);
static void join(TsdbSummary *into, const TsdbSummary *next, TsdbType type);
static bool rescale(TsdbSummary *summary, uint8_t decimals);
static void set_sum(TsdbSummary *summary, int64_t sum);

uint32_t
tsdb_subs_fields(TsdbSubKind kind)
{
	static const uint32_t fields[TSDB_SUB_KINDS] = {
		TSDB_SUMMARY_ALL | TSDB_SUMMARY_RANGE, TSDB_SUMMARY_COUNTS | TSDB_SUMMARY_SUM | TSDB_SUMMARY_RANGE,
		TSDB_SUMMARY_COUNTS | TSDB_SUMMARY_MINMAX | TSDB_SUMMARY_RANGE};

	return fields[kind];
}

bool
tsdb_subs_can_reduce(const TsdbSummary *summary, TsdbType type, TsdbSubKind kind)
{
	if (type == TSDB_TYPE_BOOL || !tsdb_type_has_sum(type) || summary->nrows == 0 || summary->nvalues != summary->nrows)
		return false;
	return kind != TSDB_SUBS_SUMS || ((!tsdb_type_is_float(type) || summary->decimals > 0) && is_short(summary));
}

void
tsdb_subs_reduce(TsdbSummary *summary, TsdbSubKind kind)
{
	TsdbSummary whole = *summary;

	if (kind == TSDB_SUBS_WHOLE)
		return;
	tsdb_summary_init(summary);
	summary->nrows = whole.nrows;
	summary->nvalues = whole.nvalues;
	summary->first_row_time = whole.first_row_time;
	summary->last_row_time = whole.last_row_time;
	/* What is coded as distances from these. */
	summary->first_time = summary->min_time = summary->max_time = whole.first_row_time;
	summary->last_time = whole.last_row_time;
	if (kind == TSDB_SUBS_EXTREMES)
	{
		summary->min = whole.min;
		summary->max = whole.max;
		return;
	}
	summary->decimals = whole.decimals;
	set_sum(summary, (int64_t) whole.int_sum_lo);
}

uint32_t
tsdb_subs_coarsen(TsdbSummary *subs, uint32_t n, TsdbType type, int64_t span_us)
{
	uint32_t kept = 0;
	int64_t until_us = INT64_MIN;

	for (uint32_t i = 0; i < n; i++)
	{
		int64_t start_us;

		if (kept > 0 && subs[i].first_row_time < until_us)
		{
			join(&subs[kept - 1], &subs[i], type);
			continue;
		}
		subs[kept++] = subs[i];
		if (!tsdb_grid_floor(subs[i].first_row_time, span_us, &start_us) ||
			__builtin_add_overflow(start_us, span_us, &until_us))
			until_us = INT64_MIN;
	}
	return kept;
}

bool
tsdb_subs_align(TsdbSummary *subs, uint32_t n)
{
	uint8_t decimals = 0;

	for (uint32_t i = 0; i < n; i++)
		decimals = subs[i].decimals > decimals ? subs[i].decimals : decimals;
	for (uint32_t i = 0; i < n; i++)
		if (!is_short(&subs[i]) || !rescale(&subs[i], decimals))
			return false;
	return true;
}

// private functions

/* is_short - does the exact sum fit 64 bits? */
static bool
is_short(const TsdbSummary *summary)
{
	return summary->int_sum_hi == (int64_t) summary->int_sum_lo >> 63;
}

static void
join(TsdbSummary *into, const TsdbSummary *next, TsdbType type)
{
	TsdbSummary more = *next;
	int64_t sum;

	into->nrows += next->nrows;
	into->nvalues += next->nvalues;
	into->last_row_time = into->last_time = next->last_row_time;
	if (tsdb_number_less(type, next->min, into->min))
		into->min = next->min;
	if (tsdb_number_less(type, into->max, next->max))
		into->max = next->max;
	if (is_short(into) && rescale(into, more.decimals) && rescale(&more, into->decimals) &&
		!__builtin_add_overflow((int64_t) into->int_sum_lo, (int64_t) more.int_sum_lo, &sum))
		set_sum(into, sum);
	else
		into->int_sum_hi = INT64_MAX; /* tsdb_subs_align finds it */
}

/* rescale - to units of more decimals. */
static bool
rescale(TsdbSummary *summary, uint8_t decimals)
{
	int64_t sum = (int64_t) summary->int_sum_lo;

	if (summary->decimals >= decimals)
		return true;
	for (; summary->decimals < decimals; summary->decimals++)
		if (__builtin_mul_overflow(sum, 10, &sum))
			return false;
	set_sum(summary, sum);
	return true;
}

/* set_sum - and squares of which nothing is written. */
static void
set_sum(TsdbSummary *summary, int64_t sum)
{
	summary->int_sum_lo = (uint64_t) sum;
	summary->int_sum_hi = sum >> 63;
	tsdb_moments_set_spread(summary, 0);
}
