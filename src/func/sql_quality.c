/*-------------------------------------------------------------------------
 *
 * sql_quality.c
 *	  SQL functions for quality codes: names, OPC DA, aggregates.
 *
 * Durations and percent_good keep the time and the severity of every sample of a group, because samples may come in any order.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "fmgr.h"
#include "format/quality.h"
#include "func/variant.h"
#include "miscadmin.h"
#include "pg/compat.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

/* A sample of a group. */
typedef struct Sample
{
	int64 time;
	uint32 severity;
} Sample;

/* Transition state of the aggregates over quality and time. */
typedef struct Samples
{
	bool is_sorted;
	Size n;
	Size capacity;
	Sample *samples;
} Samples;

static uint32 parse_name(const char *name);
static Datum count_step(FunctionCallInfo fcinfo, uint32 severity);
static bool sum_durations(FunctionCallInfo fcinfo, int64 us[3], uint32 *last_severity);
static Datum duration_of(FunctionCallInfo fcinfo, uint32 severity);
static int compare_samples(const void *a, const void *b);

PG_FUNCTION_INFO_V1(tsdb_quality);
PG_FUNCTION_INFO_V1(tsdb_quality_literal);
PG_FUNCTION_INFO_V1(tsdb_quality_text);
PG_FUNCTION_INFO_V1(tsdb_quality_of_da);
PG_FUNCTION_INFO_V1(tsdb_quality_as_da);
PG_FUNCTION_INFO_V1(tsdb_worst_step);
PG_FUNCTION_INFO_V1(tsdb_quality_step);
PG_FUNCTION_INFO_V1(tsdb_percent_good_value);

/* tsdb.count_good(quality) and its like - no quality is a good one. */
TSDB_SQL_VARIANT(tsdb_count_good_step, count_step, TSDB_SEVERITY_GOOD);
TSDB_SQL_VARIANT(tsdb_count_uncertain_step, count_step, TSDB_SEVERITY_UNCERTAIN);
TSDB_SQL_VARIANT(tsdb_count_bad_step, count_step, TSDB_SEVERITY_BAD);
TSDB_SQL_VARIANT(tsdb_duration_good_value, duration_of, TSDB_SEVERITY_GOOD);
TSDB_SQL_VARIANT(tsdb_duration_uncertain_value, duration_of, TSDB_SEVERITY_UNCERTAIN);
TSDB_SQL_VARIANT(tsdb_duration_bad_value, duration_of, TSDB_SEVERITY_BAD);

/* tsdb.quality(text) - the code of a name. */
Datum
tsdb_quality(PG_FUNCTION_ARGS)
{
	PG_RETURN_INT32((int32) parse_name(text_to_cstring(PG_GETARG_TEXT_PP(0))));
}

/* tsdb.quality(unknown) - the same for a literal. */
Datum
tsdb_quality_literal(PG_FUNCTION_ARGS)
{
	PG_RETURN_INT32((int32) parse_name(PG_GETARG_CSTRING(0)));
}

/* tsdb.quality_name(quality) - the name of a code; tsdb.quality(text) gives it back. */
Datum
tsdb_quality_text(PG_FUNCTION_ARGS)
{
	char buffer[TSDB_QUALITY_NAME_BYTES];

	PG_RETURN_TEXT_P(cstring_to_text(tsdb_quality_name((uint32) PG_GETARG_INT32(0), buffer)));
}

/* tsdb.quality_from_da(int) - the code for a 16-bit quality of OPC DA. */
Datum
tsdb_quality_of_da(PG_FUNCTION_ARGS)
{
	int32 da = PG_GETARG_INT32(0);

	if (da < 0 || da > PG_UINT16_MAX)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("OPC DA quality %d is out of range", da),
				 errdetail("It must be between 0 and %d.", PG_UINT16_MAX)));
	PG_RETURN_INT32((int32) tsdb_quality_from_da((uint16) da));
}

/* tsdb.quality_to_da(quality) - the nearest quality of OPC DA. */
Datum
tsdb_quality_as_da(PG_FUNCTION_ARGS)
{
	PG_RETURN_INT32(tsdb_quality_to_da((uint32) PG_GETARG_INT32(0)));
}

/* tsdb.worst(quality) - keep the code of the higher severity. */
Datum
tsdb_worst_step(PG_FUNCTION_ARGS)
{
	PG_RETURN_INT32((int32) tsdb_quality_worse((uint32) PG_GETARG_INT32(0), (uint32) PG_GETARG_INT32(1)));
}

/* tsdb.quality_step(internal, quality, timestamptz) - remember a sample; one without a time does not count. */
Datum
tsdb_quality_step(PG_FUNCTION_ARGS)
{
	Samples *state = PG_ARGISNULL(0) ? NULL : (Samples *) PG_GETARG_POINTER(0);
	MemoryContext context;
	Sample *sample;

	if (!AggCheckCallContext(fcinfo, &context))
		elog(ERROR, "aggregate function called in non-aggregate context");
	if (PG_ARGISNULL(2))
	{
		if (state == NULL)
			PG_RETURN_NULL();
		PG_RETURN_POINTER(state);
	}
	if (state == NULL)
	{
		state = MemoryContextAllocZero(context, sizeof(Samples));
		state->is_sorted = true;
		state->capacity = 8;
		state->samples = MemoryContextAlloc(context, sizeof(Sample) * state->capacity);
	}
	if (state->n == state->capacity)
	{
		state->capacity *= 2;
		state->samples = repalloc_huge(state->samples, sizeof(Sample) * state->capacity);
	}
	sample = &state->samples[state->n++];
	sample->time = PG_GETARG_TIMESTAMPTZ(2);
	sample->severity = PG_ARGISNULL(1) ? TSDB_SEVERITY_GOOD : tsdb_quality_severity((uint32) PG_GETARG_INT32(1));
	if (state->n > 1 && compare_samples(sample - 1, sample) > 0)
		state->is_sorted = false;
	PG_RETURN_POINTER(state);
}

Datum
tsdb_percent_good_value(PG_FUNCTION_ARGS)
{
	int64 us[3];
	uint32 last_severity;

	if (!sum_durations(fcinfo, us, &last_severity))
		PG_RETURN_NULL();
	PG_RETURN_FLOAT8(tsdb_quality_percent_good(us, last_severity));
}

// private functions

static uint32
parse_name(const char *name)
{
	uint32 code;

	if (!tsdb_quality_from_name(name, strlen(name), &code))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("quality \"%s\" does not exist", name),
				 errhint("Names are those of OPC UA, for example 'good', 'uncertain_last_usable_value' or 'bad_sensor_failure'; any code can be written as '0x80000000'.")));
	return code;
}

static Datum
count_step(FunctionCallInfo fcinfo, uint32 severity)
{
	uint32 code = PG_ARGISNULL(1) ? 0 : (uint32) PG_GETARG_INT32(1);
	int64 count = PG_ARGISNULL(0) ? 0 : PG_GETARG_INT64(0);

	PG_RETURN_INT64(count + (tsdb_quality_severity(code) == severity));
}

/* Each sample counts until the next one of the group; false when there is none. */
static bool
sum_durations(FunctionCallInfo fcinfo, int64 us[3], uint32 *last_severity)
{
	Samples *state = PG_ARGISNULL(0) ? NULL : (Samples *) PG_GETARG_POINTER(0);

	if (state == NULL)
		return false;
	if (!state->is_sorted)
		qsort(state->samples, state->n, sizeof(Sample), compare_samples);
	state->is_sorted = true;
	memset(us, 0, sizeof(int64) * 3);
	for (Size i = 1; i < state->n; i++)
	{
		int64 length;

		CHECK_FOR_INTERRUPTS();
		/* The infinities are far away. */
		if (__builtin_sub_overflow(state->samples[i].time, state->samples[i - 1].time, &length) ||
			__builtin_add_overflow(us[state->samples[i - 1].severity], length, &us[state->samples[i - 1].severity]))
			ereport(ERROR,
					(errcode(ERRCODE_DATETIME_VALUE_OUT_OF_RANGE),
					 errmsg("interval out of range")));
	}
	*last_severity = state->samples[state->n - 1].severity;
	return true;
}

static Datum
duration_of(FunctionCallInfo fcinfo, uint32 severity)
{
	int64 us[3];
	uint32 last_severity;
	Interval *interval;

	if (!sum_durations(fcinfo, us, &last_severity))
		PG_RETURN_NULL();
	interval = palloc0_array(Interval, 1);
	interval->time = us[severity];
	PG_RETURN_INTERVAL_P(interval);
}

/* Of samples of one time, which are of several series, the worst is last. */
static int
compare_samples(const void *a, const void *b)
{
	const Sample *left = a;
	const Sample *right = b;

	if (left->time != right->time)
		return left->time < right->time ? -1 : 1;
	return left->severity < right->severity ? -1 : left->severity > right->severity;
}
