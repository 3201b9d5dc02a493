/*-------------------------------------------------------------------------
 *
 * scanpath.h
 *	  Paths and plans of the scan node.
 *
 *-------------------------------------------------------------------------
 */
#ifndef TSDB_SCANPATH_H
#define TSDB_SCANPATH_H

#include "postgres.h"
#include "nodes/pathnodes.h"

/* tsdb_scanpath_add - add our paths for a tsdb table that the planner has locked; removes none. */
extern void tsdb_scanpath_add(PlannerInfo *root, RelOptInfo *rel, Oid relid);

#endif /* TSDB_SCANPATH_H */
