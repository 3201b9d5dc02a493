/*-------------------------------------------------------------------------
 *
 * planner.h
 *	  Where tsdb hooks into planner and executor.
 *
 *-------------------------------------------------------------------------
 */
#ifndef TSDB_PLANNER_H
#define TSDB_PLANNER_H

/* GUC tsdb.enable_scan: false leaves tsdb tables to the plain scans of core. */
extern bool tsdb_enable_scan;

/* GUC tsdb.enable_agg: false leaves grouped queries to core's aggregation. */
extern bool tsdb_enable_agg;

/* tsdb_planner_init - GUCs, hooks and custom scan methods; called by _PG_init, also of parallel workers. */
extern void tsdb_planner_init(void);

#endif /* TSDB_PLANNER_H */
