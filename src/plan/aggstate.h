/*-------------------------------------------------------------------------
 *
 * aggstate.h
 *	  Accumulators: summaries of several series and stretches become one value of SQL.
 *
 *-------------------------------------------------------------------------
 */
#ifndef TSDB_AGGSTATE_H
#define TSDB_AGGSTATE_H

#include "postgres.h"
#include "access/attnum.h"
#include "format/summary.h"

/* What an aggregate computes; bool_and and bool_or are MIN and MAX of bool. */
typedef enum TsdbAggKind
{
	TSDB_AGG_COUNT,
	TSDB_AGG_SUM,
	TSDB_AGG_AVG,
	TSDB_AGG_MIN,
	TSDB_AGG_MAX,
	TSDB_AGG_FIRST,
	TSDB_AGG_LAST,
	TSDB_AGG_WORST,
	TSDB_AGG_COUNT_GOOD, /* of a value column with the quality that is meant, as all that follow up to PERCENT_GOOD */
	TSDB_AGG_COUNT_UNCERTAIN,
	TSDB_AGG_COUNT_BAD,
	TSDB_AGG_DURATION_GOOD,
	TSDB_AGG_DURATION_UNCERTAIN,
	TSDB_AGG_DURATION_BAD,
	TSDB_AGG_PERCENT_GOOD,
	TSDB_AGG_TIME_AVERAGE,
	TSDB_AGG_VAR_POP,
	TSDB_AGG_VAR_SAMP,
	TSDB_AGG_STDDEV_POP,
	TSDB_AGG_STDDEV_SAMP
} TsdbAggKind;

/* Of what. */
typedef enum TsdbAggSource
{
	TSDB_AGG_ROWS, /* count(*) */
	TSDB_AGG_TAG, /* count of a tag: of the rows of series that have it */
	TSDB_AGG_TIME,
	TSDB_AGG_VALUE
} TsdbAggSource;

typedef struct TsdbAggCall
{
	TsdbAggKind kind;
	TsdbAggSource source;
	AttrNumber attnum; /* column, unless ROWS */
	TsdbType type; /* VALUE: the column's */
	bool is_stepped; /* TIME_AVERAGE, of the series that is added */
} TsdbAggCall;

/* tsdb_aggstate_is_sequence - do the rows of a group count as one sequence in time?  Then they must be of one series, added in order. */
extern bool tsdb_aggstate_is_sequence(const TsdbAggCall *call);

/* tsdb_aggstate_fields - TSDB_SUMMARY_* that the aggregate of a value column needs. */
extern uint32 tsdb_aggstate_fields(const TsdbAggCall *call);

/* tsdb_aggstate_size - bytes of an accumulator, a multiple of 8; a new one is all zero. */
extern Size tsdb_aggstate_size(const TsdbAggCall *call);

/* tsdb_aggstate_add_rows - ROWS and TAG: count more rows. */
extern void tsdb_aggstate_add_rows(void *state, uint64 nrows);

/* tsdb_aggstate_add_times - TIME: nrows rows with times of first .. last. */
extern void tsdb_aggstate_add_times(void *state, const TsdbAggCall *call, uint64 nrows, int64 first, int64 last);

/* tsdb_aggstate_add_summary - VALUE: a disjoint set of rows. */
extern void tsdb_aggstate_add_summary(void *state, const TsdbAggCall *call, const TsdbSummary *summary);

/*
 * tsdb_aggstate_finish - the aggregate's value, of the type that core's function returns.
 *
 * Raises NUMERIC_VALUE_OUT_OF_RANGE where finite floats overflow, as core does.  Memory: current context.
 */
extern Datum tsdb_aggstate_finish(const void *state, const TsdbAggCall *call, bool *isnull);

#endif /* TSDB_AGGSTATE_H */
