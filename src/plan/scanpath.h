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

/*
 * tsdb_scanpath_one_per_series - a path that yields one row of each series that has one which passes.
 *
 *	pathkeys	what the rows should be ordered by; the path's pathkeys say how many of them it can
 *	target		what it has to compute
 *
 * Which row: the first one if pathkeys lead to the time, else any.  NULL when some condition has to see the rows.  The path is not added to rel,
 * whose rows it does not give.
 */
extern CustomPath *tsdb_scanpath_one_per_series(PlannerInfo *root, RelOptInfo *rel, Oid relid, List *pathkeys,
												PathTarget *target);

#endif /* TSDB_SCANPATH_H */
