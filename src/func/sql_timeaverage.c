/*-------------------------------------------------------------------------
 *
 * sql_timeaverage.c
 *	  SQL aggregate tsdb.time_average: the average of a value over time, not over samples.
 *
 * Between two samples the value is on the straight line between them, or, stepped, that of the earlier one.  The integral
 * is summed up as rows come, so they have to come in order of time.  Rows whose value or time is NULL do not count.
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "fmgr.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

typedef struct TimeAverage
{
	bool is_stepped;
	bool has_span; /* two different times have been seen */
	TimestampTz first_time;
	TimestampTz last_time;
	double last_value;
	double integral; /* value * us */
	double lost; /* of the integral, in rounding: Kahan's sum */
} TimeAverage;

static TimeAverage *get_state(FunctionCallInfo fcinfo);
static void add_sample(TimeAverage *state, TimestampTz time, double value);

PG_FUNCTION_INFO_V1(tsdb_time_average_step);
PG_FUNCTION_INFO_V1(tsdb_time_average_final);

/* The transition function: (state, value, time [, stepped]). */
Datum
tsdb_time_average_step(PG_FUNCTION_ARGS)
{
	TimeAverage *state = PG_ARGISNULL(0) ? NULL : (TimeAverage *) PG_GETARG_POINTER(0);
	TimestampTz time;

	if (PG_ARGISNULL(1) || PG_ARGISNULL(2) || TIMESTAMP_NOT_FINITE(PG_GETARG_TIMESTAMPTZ(2)))
	{
		if (state == NULL)
			PG_RETURN_NULL();
		PG_RETURN_POINTER(state);
	}
	time = PG_GETARG_TIMESTAMPTZ(2);
	if (state == NULL)
	{
		state = get_state(fcinfo);
		state->first_time = state->last_time = time;
		state->last_value = PG_GETARG_FLOAT8(1);
	}
	else
		add_sample(state, time, PG_GETARG_FLOAT8(1));
	PG_RETURN_POINTER(state);
}

/* The only time there is: its value. */
Datum
tsdb_time_average_final(PG_FUNCTION_ARGS)
{
	TimeAverage *state = PG_ARGISNULL(0) ? NULL : (TimeAverage *) PG_GETARG_POINTER(0);

	if (state == NULL)
		PG_RETURN_NULL();
	if (!state->has_span)
		PG_RETURN_FLOAT8(state->last_value);
	PG_RETURN_FLOAT8((state->integral + state->lost) / (double) (state->last_time - state->first_time));
}

// private functions

static TimeAverage *
get_state(FunctionCallInfo fcinfo)
{
	MemoryContext context;
	TimeAverage *state;

	if (!AggCheckCallContext(fcinfo, &context))
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("function was not called as part of an aggregate")));
	state = MemoryContextAllocZero(context, sizeof(TimeAverage));
	state->is_stepped = PG_NARGS() > 3 && !PG_ARGISNULL(3) && PG_GETARG_BOOL(3);
	return state;
}

/* Of several samples of one time the last one counts from there on. */
static void
add_sample(TimeAverage *state, TimestampTz time, double value)
{
	double span_us = (double) (time - state->last_time);
	double area;
	double sum;

	if (time < state->last_time)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("rows of tsdb.time_average() must come in order of time"),
				 errdetail("%s came after %s; series that are mixed in one group come so, too.",
						   pstrdup(timestamptz_to_str(time)), pstrdup(timestamptz_to_str(state->last_time))),
				 errhint("Group by all tags, and write tsdb.time_average(value, time ORDER BY time).")));
	area = span_us * (state->is_stepped ? state->last_value : state->last_value / 2 + value / 2);
	sum = state->integral + area;
	if (fabs(state->integral) >= fabs(area))
		state->lost += (state->integral - sum) + area;
	else
		state->lost += (area - sum) + state->integral;
	if (isinf(sum) || isnan(sum))
		state->lost = 0;
	state->integral = sum;
	state->has_span |= span_us > 0;
	state->last_time = time;
	state->last_value = value;
}
