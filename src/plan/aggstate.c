/*-------------------------------------------------------------------------
 *
 * aggstate.c
 *	  Accumulators: summaries of several series and stretches become one value of SQL.
 *
 * Counts and extremes are small; sums keep what format/moments.c merges: integers and decimals
 * exactly, other floats with a compensated sum.
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "format/moments.h"
#include "format/number.h"
#include "format/quality.h"
#include "plan/aggstate.h"
#include "plan/aggvalue.h"
#include "utils/date.h"
#include "utils/float.h"
#include "utils/timestamp.h"

/* COUNT */
typedef struct Count
{
	uint64 nvalues;
} Count;

/* MIN, MAX, FIRST, LAST */
typedef struct Extreme
{
	uint64 nvalues;
	uint64 word;
	int64 time; /* FIRST, LAST: of the word */
} Extreme;

/* DURATION_*, PERCENT_GOOD: by severity */
typedef struct Durations
{
	uint64 nrows;
	int64 us[3];
	int64 last_time;
	uint64 last_severity;
} Durations;

/* TIME_AVERAGE */
typedef struct Average
{
	uint64 nvalues;
	int64 first_time; /* of the values so far */
	int64 last_time;
	double last;
	double integral_hi; /* from the first to the last, value * us */
	double integral_lo;
} Average;

/* SUM, AVG and, with the last fields, the family of VAR */
typedef struct Moments
{
	uint64 nvalues;
	uint64 min; /* floats: to tell overflow from infinite input */
	uint64 max;
	int64 int_sum_hi; /* as in TsdbSummary */
	uint64 int_sum_lo;
	double sum_hi;
	double sum_lo;
	uint64 decimals;
	uint64 int_sumsq_hi;
	uint64 int_sumsq_lo;
	double m2;
} Moments;

static bool is_quality_count(const TsdbAggCall *call);
static void add_quality_count(Count *state, const TsdbAggCall *call, const TsdbSummary *summary);
static bool is_duration(const TsdbAggCall *call);
static void add_average(Average *state, const TsdbAggCall *call, const TsdbSummary *summary);
static Datum finish_average(const Average *state);
static void add_durations(Durations *state, const TsdbSummary *summary);
static Datum finish_durations(const Durations *state, const TsdbAggCall *call);
static bool has_squares(const TsdbAggCall *call);
static bool is_moments(const TsdbAggCall *call);
static void add_extreme(Extreme *state, const TsdbAggCall *call, const TsdbSummary *summary);
static void add_moments(Moments *state, const TsdbAggCall *call, const TsdbSummary *summary);
static void load_moments(TsdbSummary *summary, const Moments *state, bool squares);
static void save_moments(Moments *state, const TsdbSummary *summary, bool squares);
static Datum word_datum(TsdbType type, uint64 word);
static Datum finish_moments(const Moments *state, const TsdbAggCall *call, bool *isnull);
static Datum finish_integers(const Moments *state, const TsdbAggCall *call);
static Datum finish_floats(const Moments *state, const TsdbAggCall *call);
static bool has_infinite(const Moments *state, TsdbType type);
static bool is_sample(TsdbAggKind kind);
static bool is_deviation(TsdbAggKind kind);

bool
tsdb_aggstate_is_sequence(const TsdbAggCall *call)
{
	return is_duration(call) || call->kind == TSDB_AGG_TIME_AVERAGE;
}

uint32
tsdb_aggstate_fields(const TsdbAggCall *call)
{
	uint32 fields = TSDB_SUMMARY_COUNTS;

	if (call->kind == TSDB_AGG_MIN || call->kind == TSDB_AGG_MAX || call->kind == TSDB_AGG_WORST)
		fields |= TSDB_SUMMARY_MINMAX;
	else if (is_quality_count(call) || is_duration(call))
		fields |= TSDB_SUMMARY_QUALITY;
	else if (call->kind == TSDB_AGG_TIME_AVERAGE)
		fields |= TSDB_SUMMARY_FIRSTLAST | TSDB_SUMMARY_INTEGRALS;
	else if (call->kind == TSDB_AGG_FIRST || call->kind == TSDB_AGG_LAST)
		fields |= TSDB_SUMMARY_FIRSTLAST;
	else if (is_moments(call))
	{
		fields |= TSDB_SUMMARY_SUM;
		if (tsdb_type_is_float(call->type))
			fields |= TSDB_SUMMARY_RANGE;
		if (has_squares(call))
			fields |= TSDB_SUMMARY_SQUARES;
	}
	return fields;
}

Size
tsdb_aggstate_size(const TsdbAggCall *call)
{
	if (call->kind == TSDB_AGG_COUNT || is_quality_count(call))
		return sizeof(Count);
	if (is_duration(call))
		return sizeof(Durations);
	if (call->kind == TSDB_AGG_TIME_AVERAGE)
		return sizeof(Average);
	if (!is_moments(call))
		return sizeof(Extreme);
	return has_squares(call) ? sizeof(Moments) : offsetof(Moments, int_sumsq_hi);
}

void
tsdb_aggstate_add_rows(void *state, uint64 nrows)
{
	((Count *) state)->nvalues += nrows;
}

void
tsdb_aggstate_add_times(void *state, const TsdbAggCall *call, uint64 nrows, int64 first, int64 last)
{
	Extreme *extreme = state;

	if (call->kind == TSDB_AGG_MIN && (extreme->nvalues == 0 || first < (int64) extreme->word))
		extreme->word = (uint64) first;
	else if (call->kind == TSDB_AGG_MAX && (extreme->nvalues == 0 || last > (int64) extreme->word))
		extreme->word = (uint64) last;
	((Count *) state)->nvalues += nrows;
}

void
tsdb_aggstate_add_summary(void *state, const TsdbAggCall *call, const TsdbSummary *summary)
{
	if (is_quality_count(call))
		add_quality_count(state, call, summary);
	else if (is_duration(call))
		add_durations(state, summary);
	if (summary->nvalues == 0 || is_quality_count(call) || is_duration(call))
		return;
	if (call->kind == TSDB_AGG_TIME_AVERAGE)
		add_average(state, call, summary);
	else if (call->kind == TSDB_AGG_COUNT)
		((Count *) state)->nvalues += summary->nvalues;
	else if (is_moments(call))
		add_moments(state, call, summary);
	else
		add_extreme(state, call, summary);
}

Datum
tsdb_aggstate_finish(const void *state, const TsdbAggCall *call, bool *isnull)
{
	uint64 nvalues = ((const Count *) state)->nvalues;

	*isnull = false;
	if (call->kind == TSDB_AGG_COUNT || is_quality_count(call))
		return Int64GetDatum((int64) nvalues);

	*isnull = nvalues == 0 || (is_sample(call->kind) && nvalues == 1);
	if (*isnull)
		return (Datum) 0;
	if (is_duration(call))
		return finish_durations(state, call);
	if (call->kind == TSDB_AGG_TIME_AVERAGE)
		return finish_average(state);
	if (is_moments(call))
		return finish_moments(state, call, isnull);
	return word_datum(call->source == TSDB_AGG_TIME ? TSDB_TYPE_TIMESTAMPTZ : call->type,
					  ((const Extreme *) state)->word);
}

// private functions

static bool
is_quality_count(const TsdbAggCall *call)
{
	return call->kind >= TSDB_AGG_COUNT_GOOD && call->kind <= TSDB_AGG_COUNT_BAD;
}

static void
add_quality_count(Count *state, const TsdbAggCall *call, const TsdbSummary *summary)
{
	if (call->kind == TSDB_AGG_COUNT_GOOD)
		state->nvalues += summary->ngood;
	else
		state->nvalues += call->kind == TSDB_AGG_COUNT_BAD ? summary->nbad : summary->nuncertain;
}

static bool
is_duration(const TsdbAggCall *call)
{
	return call->kind >= TSDB_AGG_DURATION_GOOD && call->kind <= TSDB_AGG_PERCENT_GOOD;
}

/* A later stretch, and the way there from the last value. */
static void
add_average(Average *state, const TsdbAggCall *call, const TsdbSummary *summary)
{
	double first = tsdb_number_value(call->type, summary->first);

	if (state->nvalues == 0)
		state->first_time = summary->first_time;
	else
	{
		double gap_us = (double) (summary->first_time - state->last_time);

		tsdb_sum_add(&state->integral_hi, &state->integral_lo,
					 gap_us * (call->is_stepped ? state->last : state->last * 0.5 + first * 0.5));
	}
	tsdb_sum_add(&state->integral_hi, &state->integral_lo,
				 call->is_stepped ? summary->integral_stepped : summary->integral_sloped);
	state->last = tsdb_number_value(call->type, summary->last);
	state->last_time = summary->last_time;
	state->nvalues += summary->nvalues;
}

/* Of one value: that. */
static Datum
finish_average(const Average *state)
{
	if (state->last_time == state->first_time)
		return Float8GetDatum(state->last);
	return Float8GetDatum((state->integral_hi + state->integral_lo) / (double) (state->last_time - state->first_time));
}

/* A later stretch: what lies between belongs to the last row before it. */
static void
add_durations(Durations *state, const TsdbSummary *summary)
{
	if (summary->nrows == 0)
		return;
	if (state->nrows > 0)
		state->us[state->last_severity] += summary->first_row_time - state->last_time;
	state->us[TSDB_SEVERITY_GOOD] += summary->duration_good_us;
	state->us[TSDB_SEVERITY_UNCERTAIN] += summary->duration_uncertain_us;
	state->us[TSDB_SEVERITY_BAD] += summary->duration_bad_us;
	state->last_severity = tsdb_quality_severity(summary->last_row_quality);
	state->last_time = summary->last_row_time;
	state->nrows += summary->nrows;
}

static Datum
finish_durations(const Durations *state, const TsdbAggCall *call)
{
	if (call->kind == TSDB_AGG_PERCENT_GOOD)
		return Float8GetDatum(tsdb_quality_percent_good(state->us, state->last_severity));
	return tsdb_aggvalue_duration(state->us[call->kind - TSDB_AGG_DURATION_GOOD]);
}

static bool
has_squares(const TsdbAggCall *call)
{
	return call->kind >= TSDB_AGG_VAR_POP;
}

static bool
is_moments(const TsdbAggCall *call)
{
	return call->kind == TSDB_AGG_SUM || call->kind == TSDB_AGG_AVG || has_squares(call);
}

static bool
is_sample(TsdbAggKind kind)
{
	return kind == TSDB_AGG_VAR_SAMP || kind == TSDB_AGG_STDDEV_SAMP;
}

static bool
is_deviation(TsdbAggKind kind)
{
	return kind == TSDB_AGG_STDDEV_POP || kind == TSDB_AGG_STDDEV_SAMP;
}

static void
add_extreme(Extreme *state, const TsdbAggCall *call, const TsdbSummary *summary)
{
	bool is_new = state->nvalues == 0;
	uint64 word;

	switch (call->kind)
	{
		case TSDB_AGG_MIN:
			if (is_new || tsdb_number_less(call->type, summary->min, state->word))
				state->word = summary->min;
			break;
		case TSDB_AGG_MAX:
			if (is_new || tsdb_number_less(call->type, state->word, summary->max))
				state->word = summary->max;
			break;
		case TSDB_AGG_WORST:
			word = (uint64) (int64) (int32) tsdb_quality_worse((uint32) summary->min, (uint32) summary->max);
			state->word = is_new ? word : (uint64) (int64) (int32) tsdb_quality_worse((uint32) state->word, (uint32) word);
			break;
		case TSDB_AGG_FIRST:
			if (is_new || summary->first_time < state->time)
			{
				state->word = summary->first;
				state->time = summary->first_time;
			}
			break;
		default:
			if (is_new || summary->last_time > state->time)
			{
				state->word = summary->last;
				state->time = summary->last_time;
			}
			break;
	}
	state->nvalues += summary->nvalues;
}

static void
add_moments(Moments *state, const TsdbAggCall *call, const TsdbSummary *summary)
{
	bool squares = has_squares(call);
	TsdbSummary known;
	TsdbSummary more;
	TsdbSummary sum;
	Moments added = {0};

	if (state->nvalues == 0)
	{
		save_moments(state, summary, squares);
		return;
	}
	save_moments(&added, summary, squares);
	load_moments(&more, &added, squares); /* what was not asked for is zero now */
	load_moments(&known, state, squares);
	tsdb_summary_init(&sum);
	sum.nvalues = known.nvalues + more.nvalues;
	sum.min = tsdb_number_less(call->type, more.min, known.min) ? more.min : known.min;
	sum.max = tsdb_number_less(call->type, known.max, more.max) ? more.max : known.max;
	tsdb_moments_merge(&sum, &known, &more, call->type);
	save_moments(state, &sum, squares);
}

static void
load_moments(TsdbSummary *summary, const Moments *state, bool squares)
{
	tsdb_summary_init(summary);
	summary->nvalues = state->nvalues;
	summary->min = state->min;
	summary->max = state->max;
	summary->int_sum_hi = state->int_sum_hi;
	summary->int_sum_lo = state->int_sum_lo;
	summary->sum_hi = state->sum_hi;
	summary->sum_lo = state->sum_lo;
	summary->decimals = (uint8) state->decimals;
	if (squares)
	{
		summary->int_sumsq_hi = state->int_sumsq_hi;
		summary->int_sumsq_lo = state->int_sumsq_lo;
		summary->m2 = state->m2;
	}
}

static void
save_moments(Moments *state, const TsdbSummary *summary, bool squares)
{
	state->nvalues = summary->nvalues;
	state->min = summary->min;
	state->max = summary->max;
	state->int_sum_hi = summary->int_sum_hi;
	state->int_sum_lo = summary->int_sum_lo;
	state->sum_hi = summary->sum_hi;
	state->sum_lo = summary->sum_lo;
	state->decimals = summary->decimals;
	if (squares)
	{
		state->int_sumsq_hi = summary->int_sumsq_hi;
		state->int_sumsq_lo = summary->int_sumsq_lo;
		state->m2 = summary->m2;
	}
}

/* A word of a column (codec.h) as a Datum of its type. */
static Datum
word_datum(TsdbType type, uint64 word)
{
	switch (type)
	{
		case TSDB_TYPE_FLOAT8:
			return Float8GetDatum(tsdb_number_double(word));
		case TSDB_TYPE_FLOAT4:
			return Float4GetDatum(tsdb_number_float(word));
		case TSDB_TYPE_INT2:
			return Int16GetDatum((int16) word);
		case TSDB_TYPE_INT4:
		case TSDB_TYPE_QUALITY:
			return Int32GetDatum((int32) word);
		case TSDB_TYPE_INT8:
			return Int64GetDatum((int64) word);
		case TSDB_TYPE_BOOL:
			return BoolGetDatum(word != 0);
		case TSDB_TYPE_TIMESTAMPTZ:
			return TimestampTzGetDatum((TimestampTz) word);
		case TSDB_TYPE_DATE:
			return DateADTGetDatum((DateADT) word);
		default:
			elog(ERROR, "unexpected type %d of an aggregate", type);
	}
	return (Datum) 0;
}

static Datum
finish_moments(const Moments *state, const TsdbAggCall *call, bool *isnull)
{
	return tsdb_type_is_float(call->type) ? finish_floats(state, call) : finish_integers(state, call);
}

/* Exactly what core's functions give: sum of int2 and int4 is int8, all else numeric. */
static Datum
finish_integers(const Moments *state, const TsdbAggCall *call)
{
	TsdbInt128 sum = (TsdbInt128) (((TsdbUint128) (uint64) state->int_sum_hi << 64) | state->int_sum_lo);
	TsdbUint128 squares;

	if (call->kind == TSDB_AGG_SUM)
		return call->type == TSDB_TYPE_INT8 ? tsdb_aggvalue_numeric(sum) : Int64GetDatum((int64) sum);
	if (call->kind == TSDB_AGG_AVG)
		return tsdb_aggvalue_mean(sum, state->nvalues);

	squares = ((TsdbUint128) state->int_sumsq_hi << 64) | state->int_sumsq_lo;
	return tsdb_aggvalue_variance(sum, squares, state->nvalues, is_sample(call->kind), is_deviation(call->kind));
}

/*
 * Core's overflow errors, without its order of additions: a result that is not finite has to come from
 * a value that is not, and averages, which keep a sum of squares too, overflow with that.
 */
static Datum
finish_floats(const Moments *state, const TsdbAggCall *call)
{
	bool infinite = has_infinite(state, call->type);
	double spread = tsdb_number_value(call->type, state->max) - tsdb_number_value(call->type, state->min);
	double result;

	if (!infinite && (!isfinite(state->sum_hi) || (call->kind != TSDB_AGG_SUM && !isfinite(spread * spread))))
		float_overflow_error();
	if (call->kind == TSDB_AGG_SUM && call->type == TSDB_TYPE_FLOAT4)
	{
		float4 sum = (float4) state->sum_hi;

		if (!infinite && isinf(sum))
			float_overflow_error();
		return Float4GetDatum(sum);
	}
	if (call->kind == TSDB_AGG_SUM)
		return Float8GetDatum(state->sum_hi);
	if (call->kind == TSDB_AGG_AVG)
		return Float8GetDatum(state->sum_hi / (double) state->nvalues);

	if (!infinite && !isfinite(state->m2))
		float_overflow_error();
	result = infinite ? get_float8_nan() : state->m2 / (double) (state->nvalues - is_sample(call->kind));
	return Float8GetDatum(is_deviation(call->kind) ? sqrt(result) : result);
}

/* Is one of the values infinite or NaN?  NaN is above all. */
static bool
has_infinite(const Moments *state, TsdbType type)
{
	return !isfinite(tsdb_number_value(type, state->min)) || !isfinite(tsdb_number_value(type, state->max));
}
