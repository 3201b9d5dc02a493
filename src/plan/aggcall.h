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
 * Looks at the function and its arguments alone, not at FILTER, DISTINCT and ORDER BY.
 */
extern bool tsdb_aggcall_match(RelOptInfo *rel, const TsdbTable *shape, Aggref *aggref, TsdbAggCall *call);

#endif /* TSDB_AGGCALL_H */
