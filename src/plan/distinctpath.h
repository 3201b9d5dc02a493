/*-------------------------------------------------------------------------
 *
 * distinctpath.h
 *	  Queries that need one row of each series: DISTINCT tags, the last row per series, count(DISTINCT tag).
 *
 *-------------------------------------------------------------------------
 */
#ifndef TSDB_DISTINCTPATH_H
#define TSDB_DISTINCTPATH_H

#include "postgres.h"
#include "nodes/pathnodes.h"

/* tsdb_distinctpath_add - add our paths to output_rel at UPPERREL_DISTINCT and UPPERREL_GROUP_AGG; removes none. */
extern void tsdb_distinctpath_add(PlannerInfo *root, UpperRelationKind stage, RelOptInfo *input_rel, RelOptInfo *output_rel);

#endif /* TSDB_DISTINCTPATH_H */
