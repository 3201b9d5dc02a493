/*-------------------------------------------------------------------------
 *
 * restriction.c
 *	  The times and series that a scan has to read, worked out at execution.
 *
 * Bounds become one range of microseconds.  Conditions on tags are evaluated
 * once per series of the dictionary, on a row that holds nothing but tags.
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/stratnum.h"
#include "catalog/pg_type.h"
#include "executor/executor.h"
#include "miscadmin.h"
#include "nodes/nodeFuncs.h"
#include "plan/restriction.h"
#include "series/series.h"
#include "series/seriesscan.h"
#include "series/tsdbtable.h"
#include "utils/date.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

/* Room for series at first, a power of two. */
#define FIRST_SERIES 8

typedef struct Bound
{
	int strategy;
	Oid type;
	ExprState *expression;
} Bound;

struct TsdbRestriction
{
	Relation rel;
	ExprContext *econtext;
	MemoryContext context; /* the series of the last evaluation */
	int nbounds;
	Bound *bounds;
	ExprState *tags; /* NULL: no conditions */
	List *pins; /* ExprStates by tag index; NIL: series are found by listing them */
	TupleTableSlot *slot; /* a row of tags */
	TsdbRestricted result;
};

static void evaluate_bound(TsdbRestriction *restriction, const Bound *bound);
static int64 bound_time_us(Oid type, Datum value);
static void narrow(TsdbRestricted *result, int strategy, int64 time_us);
static void match_series(TsdbRestriction *restriction);
static void match_all(TsdbRestriction *restriction);
static void append_series(TsdbRestricted *result, uint32 series);
static uint32 find_pinned(TsdbRestriction *restriction);
static bool is_match(TsdbRestriction *restriction, const TsdbTable *table, const Datum *values, const bool *isnull);

TsdbRestriction *
tsdb_restriction_create(PlanState *parent, Relation rel, List *bounds, List *strategies, List *tags, List *pins)
{
	TsdbRestriction *restriction = palloc0(sizeof(TsdbRestriction));
	ListCell *bound;
	ListCell *strategy;

	restriction->rel = rel;
	restriction->econtext = CreateExprContext(parent->state);
	restriction->context = AllocSetContextCreate(CurrentMemoryContext, "tsdb matching series", ALLOCSET_SMALL_SIZES);
	restriction->bounds = palloc(sizeof(Bound) * Max(list_length(bounds), 1));
	forboth (bound, bounds, strategy, strategies)
	{
		Bound *next = &restriction->bounds[restriction->nbounds++];

		next->strategy = lfirst_int(strategy);
		next->type = exprType(lfirst(bound));
		next->expression = ExecInitExpr(lfirst(bound), parent);
	}
	if (tags != NIL)
	{
		/* Of the kind that the parent's scan slot has: the expressions are compiled for that. */
		restriction->slot = ExecInitExtraTupleSlot(parent->state, RelationGetDescr(rel), &TTSOpsVirtual);
		restriction->tags = ExecInitQual(tags, parent);
		restriction->pins = ExecInitExprList(pins, parent);
	}
	restriction->result.has_times = bounds != NIL;
	restriction->result.has_tags = tags != NIL;
	return restriction;
}

const TsdbRestricted *
tsdb_restriction_evaluate(TsdbRestriction *restriction)
{
	TsdbRestricted *result = &restriction->result;

	result->from = PG_INT64_MIN;
	result->until = PG_INT64_MAX;
	result->series = NULL;
	result->nseries = 0;
	result->nseries_known = 0;
	MemoryContextReset(restriction->context);
	ResetExprContext(restriction->econtext);

	for (int i = 0; i < restriction->nbounds; i++)
		evaluate_bound(restriction, &restriction->bounds[i]);
	if (restriction->tags != NULL && result->from < result->until)
		match_series(restriction);
	return result;
}

// private functions

static void
evaluate_bound(TsdbRestriction *restriction, const Bound *bound)
{
	bool isnull;
	Datum value = ExecEvalExprSwitchContext(bound->expression, restriction->econtext, &isnull);

	if (isnull)
	{
		restriction->result.from = PG_INT64_MAX; /* no row matches a comparison with NULL */
		restriction->result.until = PG_INT64_MIN;
	}
	else
		narrow(&restriction->result, bound->strategy, bound_time_us(bound->type, value));
}

/* As the operators between types see it: what doesn't fit into a timestamptz is an infinity. */
static int64
bound_time_us(Oid type, Datum value)
{
	int overflow;

	switch (type)
	{
		case TIMESTAMPTZOID:
			return DatumGetTimestampTz(value);
		case TIMESTAMPOID:
			return timestamp2timestamptz_opt_overflow(DatumGetTimestamp(value), &overflow);
		case DATEOID:
			return date2timestamptz_opt_overflow(DatumGetDateADT(value), &overflow);
		default:
			elog(ERROR, "unexpected type %u of a time bound", type);
	}
	return 0;
}

/* No row has an infinite time: what lies after an infinity is as good as the infinity. */
static void
narrow(TsdbRestricted *result, int strategy, int64 time_us)
{
	int64 after_us = TIMESTAMP_NOT_FINITE(time_us) ? time_us : time_us + 1;

	switch (strategy)
	{
		case BTLessStrategyNumber:
			result->until = Min(result->until, time_us);
			break;
		case BTLessEqualStrategyNumber:
			result->until = Min(result->until, after_us);
			break;
		case BTEqualStrategyNumber:
			result->from = Max(result->from, time_us);
			result->until = Min(result->until, after_us);
			break;
		case BTGreaterEqualStrategyNumber:
			result->from = Max(result->from, time_us);
			break;
		case BTGreaterStrategyNumber:
			result->from = Max(result->from, after_us);
			break;
		default:
			elog(ERROR, "unexpected strategy %d of a time bound", strategy);
	}
}

/* The array of series is not NULL even when there is none. */
static void
match_series(TsdbRestriction *restriction)
{
	MemoryContext caller = MemoryContextSwitchTo(restriction->context);
	TsdbRestricted *result = &restriction->result;

	result->series = palloc(sizeof(uint32) * FIRST_SERIES);
	if (restriction->pins == NIL)
		match_all(restriction);
	else
	{
		uint32 series = find_pinned(restriction);
		const TsdbTable *table = tsdb_table_get(restriction->rel);
		const Datum *values;
		const bool *isnull;

		if (series != 0)
		{
			result->nseries_known = 1;
			tsdb_series_tags(restriction->rel, table, series, &values, &isnull);
			if (is_match(restriction, table, values, isnull))
				append_series(result, series);
		}
	}
	ExecClearTuple(restriction->slot);
	MemoryContextSwitchTo(caller);
}

static void
match_all(TsdbRestriction *restriction)
{
	TsdbRestricted *result = &restriction->result;
	const TsdbTable *table = tsdb_table_get(restriction->rel);
	TsdbSeriesScan *scan = tsdb_seriesscan_begin(restriction->rel, table, 0);
	const Datum *values;
	const bool *isnull;
	uint32 series;

	while ((series = tsdb_seriesscan_next(scan, &values, &isnull)) != 0)
	{
		CHECK_FOR_INTERRUPTS();
		result->nseries_known++;
		if (is_match(restriction, table, values, isnull))
			append_series(result, series);
	}
	tsdb_seriesscan_end(scan);
}

/* Grow by doubling. */
static void
append_series(TsdbRestricted *result, uint32 series)
{
	if (result->nseries >= FIRST_SERIES && (result->nseries & (result->nseries - 1)) == 0)
		result->series = repalloc_huge(result->series, (Size) result->nseries * 2 * sizeof(uint32));
	result->series[result->nseries++] = series;
}

/* The one series that has these tags, or 0. */
static uint32
find_pinned(TsdbRestriction *restriction)
{
	const TsdbTable *table;
	TupleTableSlot *slot = ExecClearTuple(restriction->slot);
	int ntags = list_length(restriction->pins);
	Datum *values = palloc(sizeof(Datum) * ntags);
	bool *isnull = palloc(sizeof(bool) * ntags);

	/* A NULL pins to nothing: no equality holds for it. */
	for (int i = 0; i < ntags; i++)
	{
		values[i] = ExecEvalExprSwitchContext(list_nth(restriction->pins, i), restriction->econtext, &isnull[i]);
		if (isnull[i])
			return 0;
	}

	table = tsdb_table_get(restriction->rel);
	memset(slot->tts_isnull, true, sizeof(bool) * slot->tts_tupleDescriptor->natts);
	for (int i = 0; i < ntags; i++)
	{
		slot->tts_values[table->tag_attnums[i] - 1] = values[i];
		slot->tts_isnull[table->tag_attnums[i] - 1] = false;
	}
	return tsdb_series_find(restriction->rel, table, slot->tts_values, slot->tts_isnull);
}

static bool
is_match(TsdbRestriction *restriction, const TsdbTable *table, const Datum *values, const bool *isnull)
{
	TupleTableSlot *slot = ExecClearTuple(restriction->slot);
	bool matches;

	memset(slot->tts_isnull, true, sizeof(bool) * slot->tts_tupleDescriptor->natts);
	for (int i = 0; i < table->ntags; i++)
	{
		slot->tts_values[table->tag_attnums[i] - 1] = values[i];
		slot->tts_isnull[table->tag_attnums[i] - 1] = isnull[i];
	}
	ExecStoreVirtualTuple(slot);

	restriction->econtext->ecxt_scantuple = slot;
	matches = ExecQual(restriction->tags, restriction->econtext);
	ResetExprContext(restriction->econtext);
	return matches;
}
