/*-------------------------------------------------------------------------
 *
 * aggorder.h
 *	  The order in which groups are emitted.
 *
 *-------------------------------------------------------------------------
 */
#ifndef TSDB_AGGORDER_H
#define TSDB_AGGORDER_H

#include "postgres.h"
#include "nodes/pathnodes.h"
#include "plan/aggnode.h"
#include "plan/aggquery.h"

/*
 * tsdb_aggorder_match - leading pathkeys that are group keys.
 *
 * Returns for each an int list { key, sort operator, collation, nulls first, ascending }.
 */
extern List *tsdb_aggorder_match(const TsdbAggQuery *query, List *pathkeys);

/* tsdb_aggorder_sort - all groups, sorted so; palloc'd in the current context. */
extern TsdbAggGroup **tsdb_aggorder_sort(const TsdbAggNodeState *state);

#endif /* TSDB_AGGORDER_H */
