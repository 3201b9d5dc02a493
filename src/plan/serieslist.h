/*-------------------------------------------------------------------------
 *
 * serieslist.h
 *	  View tsdb.series: conditions on tags choose the series that are listed.
 *
 *-------------------------------------------------------------------------
 */
#ifndef TSDB_SERIESLIST_H
#define TSDB_SERIESLIST_H

#include "postgres.h"
#include "nodes/pathnodes.h"

/* tsdb_serieslist_narrow - where rte calls tsdb.series_ids(table), and tags are compared with what is known before, hand that on. */
extern void tsdb_serieslist_narrow(PlannerInfo *root, RelOptInfo *rel, RangeTblEntry *rte);

#endif /* TSDB_SERIESLIST_H */
