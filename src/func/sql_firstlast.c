/*-------------------------------------------------------------------------
 *
 * sql_firstlast.c
 *	  SQL aggregates tsdb.first and tsdb.last: the value at the earliest, respectively the latest time.
 *
 * A state is the best row so far.  Rows whose value or time is NULL do not count: the summaries of blocks, which answer the same
 * question, know only of values that are there.
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type_d.h"
#include "fmgr.h"
#include "func/variant.h"
#include "libpq/pqformat.h"
#include "pg/compat.h"
#include "utils/datum.h"
#include "utils/expandeddatum.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"

typedef struct Extreme
{
	bool is_known; /* a row has been seen */
	int64 time; /* us, or days if it is a date */
	int16 typlen; /* of the value */
	bool typbyval;
	bool has_dates; /* type of the time */
	Datum value; /* by reference: in buffer */
	Size capacity; /* of buffer */
	char *buffer;
} Extreme;

static Datum step(FunctionCallInfo fcinfo, bool is_last);
static Datum combine(FunctionCallInfo fcinfo, bool is_last);
static MemoryContext aggregate_context(FunctionCallInfo fcinfo);
static Extreme *create_state(FunctionCallInfo fcinfo, MemoryContext context);
static void keep(Extreme *state, MemoryContext context, int64 time, Datum value);
static bool is_expanded(const Extreme *state, Datum value);

/* Of rows of one time tsdb.first keeps the one seen first, tsdb.last the one seen last. */
TSDB_SQL_VARIANT(tsdb_first_step, step, false);
TSDB_SQL_VARIANT(tsdb_last_step, step, true);
TSDB_SQL_VARIANT(tsdb_first_combine, combine, false);
TSDB_SQL_VARIANT(tsdb_last_combine, combine, true);

PG_FUNCTION_INFO_V1(tsdb_extreme_serialize);
PG_FUNCTION_INFO_V1(tsdb_extreme_deserialize);
PG_FUNCTION_INFO_V1(tsdb_extreme_value);

/* For the leader of parallel workers: same server, so the value goes as it lies in memory. */
Datum
tsdb_extreme_serialize(PG_FUNCTION_ARGS)
{
	Extreme *state = (Extreme *) PG_GETARG_POINTER(0);
	StringInfoData out;

	(void) aggregate_context(fcinfo);
	pq_begintypsend(&out);
	pq_sendbyte(&out, state->is_known);
	pq_sendint64(&out, state->time);
	pq_sendint16(&out, state->typlen);
	pq_sendbyte(&out, state->typbyval);
	if (state->is_known)
	{
		Size nbytes = datumEstimateSpace(state->value, false, state->typbyval, state->typlen);
		char *end;

		enlargeStringInfo(&out, (int) nbytes);
		end = out.data + out.len;
		datumSerialize(state->value, false, state->typbyval, state->typlen, &end);
		out.len += (int) nbytes;
	}
	PG_RETURN_BYTEA_P(pq_endtypsend(&out));
}

Datum
tsdb_extreme_deserialize(PG_FUNCTION_ARGS)
{
	bytea *image = PG_GETARG_BYTEA_PP(0);
	Extreme *state = (Extreme *) palloc0(sizeof(Extreme));
	StringInfoData in;

	(void) aggregate_context(fcinfo);
	initStringInfo(&in);
	appendBinaryStringInfo(&in, VARDATA_ANY(image), (int) VARSIZE_ANY_EXHDR(image));
	state->is_known = pq_getmsgbyte(&in) != 0;
	state->time = pq_getmsgint64(&in);
	state->typlen = (int16) pq_getmsgint(&in, 2);
	state->typbyval = pq_getmsgbyte(&in) != 0;
	if (state->is_known)
	{
		char *at = in.data + in.cursor;
		bool is_null;

		state->value = datumRestore(&at, &is_null);
	}
	pfree(in.data);
	PG_RETURN_POINTER(state);
}

/* The value of either; NULL when no row counted. */
Datum
tsdb_extreme_value(PG_FUNCTION_ARGS)
{
	Extreme *state = PG_ARGISNULL(0) ? NULL : (Extreme *) PG_GETARG_POINTER(0);

	(void) aggregate_context(fcinfo);
	if (state == NULL || !state->is_known)
		PG_RETURN_NULL();
	/* As a window function the state goes on to change */
	return datumCopy(state->value, state->typbyval, state->typlen);
}

// private functions

static Datum
step(FunctionCallInfo fcinfo, bool is_last)
{
	MemoryContext context = aggregate_context(fcinfo);
	Extreme *state = PG_ARGISNULL(0) ? create_state(fcinfo, context) : (Extreme *) PG_GETARG_POINTER(0);
	int64 time;

	if (!PG_ARGISNULL(1) && !PG_ARGISNULL(2))
	{
		time = state->has_dates ? PG_GETARG_INT32(2) : PG_GETARG_INT64(2);
		if (!state->is_known || (is_last ? time >= state->time : time < state->time))
			keep(state, context, time, PG_GETARG_DATUM(1));
	}
	PG_RETURN_POINTER(state);
}

static Datum
combine(FunctionCallInfo fcinfo, bool is_last)
{
	MemoryContext context = aggregate_context(fcinfo);
	Extreme *state = PG_ARGISNULL(0) ? NULL : (Extreme *) PG_GETARG_POINTER(0);
	Extreme *other = PG_ARGISNULL(1) ? NULL : (Extreme *) PG_GETARG_POINTER(1);

	if (other == NULL)
	{
		if (state == NULL)
			PG_RETURN_NULL();
		PG_RETURN_POINTER(state);
	}
	if (state == NULL)
	{
		state = (Extreme *) MemoryContextAllocZero(context, sizeof(Extreme));
		state->typlen = other->typlen;
		state->typbyval = other->typbyval;
	}
	if (other->is_known &&
		(!state->is_known || (is_last ? other->time >= state->time : other->time < state->time)))
		keep(state, context, other->time, other->value);
	PG_RETURN_POINTER(state);
}

static MemoryContext
aggregate_context(FunctionCallInfo fcinfo)
{
	MemoryContext context;

	if (!AggCheckCallContext(fcinfo, &context))
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("functions of the aggregates \"first\" and \"last\" cannot be called by themselves"),
				 errhint("Use tsdb.first(value, time) and tsdb.last(value, time).")));
	return context;
}

static Extreme *
create_state(FunctionCallInfo fcinfo, MemoryContext context)
{
	Extreme *state = (Extreme *) MemoryContextAllocZero(context, sizeof(Extreme));
	Oid value_type = get_fn_expr_argtype(fcinfo->flinfo, 1);
	Oid time_type = get_fn_expr_argtype(fcinfo->flinfo, 2);

	if (!OidIsValid(value_type) || !OidIsValid(time_type))
		elog(ERROR, "could not determine the types of an aggregate's arguments");
	get_typlenbyval(value_type, &state->typlen, &state->typbyval);
	state->has_dates = getBaseType(time_type) == DATEOID;
	return state;
}

/* The memory of the last value is used again. */
static void
keep(Extreme *state, MemoryContext context, int64 time, Datum value)
{
	Size nbytes;

	state->is_known = true;
	state->time = time;
	state->value = value;
	if (state->typbyval)
		return;
	nbytes = is_expanded(state, value) ? EOH_get_flat_size(DatumGetEOHP(value))
									   : datumGetSize(value, false, state->typlen);
	if (nbytes > state->capacity)
	{
		Size capacity = Max(nbytes, Min(2 * state->capacity, MaxAllocSize));
		char *grown = (char *) MemoryContextAlloc(context, capacity);

		if (state->buffer != NULL)
			pfree(state->buffer);
		state->buffer = grown;
		state->capacity = capacity;
	}
	if (is_expanded(state, value))
		EOH_flatten_into(DatumGetEOHP(value), state->buffer, nbytes);
	else
		memcpy(state->buffer, DatumGetPointer(value), nbytes);
	state->value = PointerGetDatum(state->buffer);
}

static bool
is_expanded(const Extreme *state, Datum value)
{
	return state->typlen == -1 && VARATT_IS_EXTERNAL_EXPANDED(DatumGetPointer(value));
}
