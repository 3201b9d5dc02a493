/*-------------------------------------------------------------------------
 *
 * deleterange.h
 *	  DELETE statements that take whole ranges out instead of rows.
 *
 * Where nobody has to see the rows that a DELETE takes away, and its conditions are a range of time and a set of series, the
 * scan below it hands no rows up, but takes the range out and counts (maint/rangedelete.h).  Decided when execution starts,
 * and once more by each scan; else it hands up rows as it does for every query.
 *-------------------------------------------------------------------------
 */
#ifndef TSDB_DELETERANGE_H
#define TSDB_DELETERANGE_H

#include "postgres.h"
#include "commands/explain.h"
#include "executor/execdesc.h"
#include "plan/scannode.h"

/* tsdb_deleterange_prepare - mark the scans of a statement that may do so; after the executor has started. */
extern void tsdb_deleterange_prepare(QueryDesc *query);

/*
 * tsdb_deleterange_run - take out what a scan is restricted to; false when it has to hand up rows.
 *
 * Once per scan; later calls answer the same.  The command counter is incremented.
 */
extern bool tsdb_deleterange_run(TsdbScanState *state, const TsdbRestricted *restricted);

/* tsdb_deleterange_explain - what became of it; false: the scan has handed up rows, and its own counters are to be shown. */
extern bool tsdb_deleterange_explain(const TsdbScanState *state, ExplainState *es);

/* tsdb_deleterange_init - hook into the executor. */
extern void tsdb_deleterange_init(void);

#endif /* TSDB_DELETERANGE_H */
