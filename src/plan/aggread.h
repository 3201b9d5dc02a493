/*-------------------------------------------------------------------------
 *
 * aggread.h
 *	  The reading half of TsdbAggregate: cells of every table, one after the other.
 *
 *-------------------------------------------------------------------------
 */
#ifndef TSDB_AGGREAD_H
#define TSDB_AGGREAD_H

#include "postgres.h"
#include "plan/aggnode.h"

/* tsdb_aggread_find_time - set time_attnum; the tables are open. */
extern void tsdb_aggread_find_time(TsdbAggNodeState *state);

/*
 * tsdb_aggread_start - evaluate the conditions and go to before the first cell.
 *
 * Memory: requests, aggregators and pending rows in the current context, which has to stay until the stop.
 */
extern void tsdb_aggread_start(TsdbAggNodeState *state);

/*
 * tsdb_aggread_next - the next cell of all rows that the conditions let through, or NULL.
 *
 * tags_id and bucket_id are those of its keys.  Valid until the next call.
 */
extern const TsdbAggregateCell *tsdb_aggread_next(TsdbAggNodeState *state);

/* tsdb_aggread_stop - close what is open; harmless when nothing is. */
extern void tsdb_aggread_stop(TsdbAggNodeState *state);

/* tsdb_aggread_is_one_series - can all cells only be of one series?  After the start. */
extern bool tsdb_aggread_is_one_series(TsdbAggNodeState *state);

/* tsdb_aggread_unit_series - how many series ids a process of a parallel aggregation should claim at a time. */
extern uint32 tsdb_aggread_unit_series(TsdbAggNodeState *state);

/* tsdb_aggread_add - add a cell to the accumulators of its group. */
extern void tsdb_aggread_add(const TsdbAggNodeState *state, const TsdbAggregateCell *cell, char *states);

#endif /* TSDB_AGGREAD_H */
