/*-------------------------------------------------------------------------
 *
 * aggcall.h
 *	  Which aggregates are known.
 *
 *-------------------------------------------------------------------------
 */
#ifndef TSDB_AGGCALL_H
#define TSDB_AGGCALL_H

#include "postgres.h"
#include "nodes/pathnodes.h"
#include "plan/aggstate.h"
#include "series/tsdbtable.h"

/*
 * tsdb_aggcall_match - what an Aggref computes of a column of rel; false when it isn't known.
 *
 *	shape	roles of rel's columns
 *
 * Looks at the function and its arguments alone, not at FILTER and DISTINCT, and not at the third argument of tsdb.time_average.
 */
extern bool tsdb_aggcall_match(RelOptInfo *rel, const TsdbTable *shape, Aggref *aggref, TsdbAggCall *call);

/* tsdb_aggcall_takes_order - is the order that it asks for, if any, one that cells come in?  ORDER BY time of an aggregate of a sequence. */
extern bool tsdb_aggcall_takes_order(RelOptInfo *rel, const TsdbTable *shape, const Aggref *aggref, const TsdbAggCall *call);

/* tsdb_aggcall_stepped - the third argument of tsdb.time_average; NULL: there is none. */
extern Node *tsdb_aggcall_stepped(const Aggref *aggref, const TsdbAggCall *call);

#endif /* TSDB_AGGCALL_H */
