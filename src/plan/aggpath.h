/*-------------------------------------------------------------------------
 *
 * aggpath.h
 *	  Paths and plans of the aggregate node.
 *
 *-------------------------------------------------------------------------
 */
#ifndef TSDB_AGGPATH_H
#define TSDB_AGGPATH_H

#include "postgres.h"
#include "nodes/pathnodes.h"

/*
 * tsdb_aggpath_add - add our path for UPPERREL_GROUP_AGG, if the query is of the kind that summaries answer.
 *
 *	having	conditions of HAVING, ANDed
 */
extern void tsdb_aggpath_add(PlannerInfo *root, RelOptInfo *input_rel, RelOptInfo *grouped_rel, List *having);

#endif /* TSDB_AGGPATH_H */
