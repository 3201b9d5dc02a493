/*-------------------------------------------------------------------------
 *
 * scannode.h
 *	  TsdbScan: a custom scan that reads the series, times and columns that a query needs.
 *
 * Plan:
 *	  custom_exprs		five lists: time bounds, tag conditions, pins (quals.h), right sides of conditions on values
 *						(valuequals.h), and the conditions that these express in full
 *	  custom_private	lists: strategies of the bounds, shapes of the conditions on values, sort keys of the
 *						series (scanorder.h), integers: TSDB_SCAN_* that are set, clock of and conditions on local time (localexpr.h)
 *	  qual				all other conditions
 *
 * The conditions of the fifth list are not evaluated again, but when EvalPlanQual brings a newer row.
 *-------------------------------------------------------------------------
 */
#ifndef TSDB_SCANNODE_H
#define TSDB_SCANNODE_H

#include "postgres.h"
#include "nodes/execnodes.h"
#include "nodes/extensible.h"
#include "plan/restriction.h"
#include "plan/timeslices.h"
#include "plan/valuequals.h"
#include "port/atomics.h"
#include "read/edges.h"
#include "read/reader.h"
#include "read/rowslot.h"

/* How the rows are walked. */
#define TSDB_SCAN_BY_SERIES 1 /* series one by one, in order of the sort keys */
#define TSDB_SCAN_BACKWARD 2 /* latest row first */
#define TSDB_SCAN_ONE_PER_SERIES 3 /* the first row of each series that passes; nothing is left in qual then */

#define TSDB_SCAN_BY_TIME 4 /* all series together, slice by slice (timeslices.h) */

#define TSDB_SCANNODE_NCOUNTERS (sizeof(TsdbReaderCounters) / sizeof(uint64))

/* What the processes of a parallel scan share. */
typedef struct TsdbScanShared
{
	pg_atomic_uint32 next_unit; /* first unit of the reader that nobody has taken */
	pg_atomic_uint64 counters[TSDB_SCANNODE_NCOUNTERS]; /* of the workers, as in TsdbReaderCounters */
	pg_atomic_uint64 rows_filtered;
} TsdbScanShared;

typedef struct TsdbScanState
{
	CustomScanState css;
	MemoryContext context; /* reader, filler, pending rows */
	int nwanted;
	TsdbWanted *wanted; /* columns that the plan uses */
	TsdbRestriction *restriction;
	const TsdbRestricted *restricted; /* NULL: to be evaluated */
	TsdbValueFilter *value_filter; /* NULL: no conditions on values */
	List *clock; /* localexpr.h; NIL: no conditions on local time */
	List *local; /* conditions on it */
	bool is_never; /* no time fulfils them */
	uint32 *series; /* to read, ascending; NULL: all */
	uint32 nseries;
	uint32 *all_series; /* those that there were at the first look; with conditions on local time only */
	uint32 nall;
	struct TsdbDeleteRange *delete_range; /* deleterange.h; NULL: hand up rows */
	ExprState *recheck; /* the conditions that are not in qual */
	bool by_series;
	bool is_backward;
	bool one_per_series;
	TsdbBatch *witness; /* one_per_series, and nobody looks at more than tags: a row that stands for those there are */
	bool sees_tid; /* somebody looks at system columns */
	TsdbEdges *edges; /* one_per_series, where roots may tell the row */
	bool is_edge; /* the current row comes from a root: it has no TID */
	uint64 rows_summarised; /* that did */
	List *sort_keys;
	TsdbTimeSlices *slices; /* NULL: not by time */
	bool slices_backward; /* latest slice first */

	TsdbReader *reader; /* NULL: not opened yet */
	TsdbRowFiller *filler;
	int nterms;
	TsdbFilterTerm *terms; /* of the value filter */
	bool has_unit; /* parallel: the reader is on a unit that is not used up */
	bool is_positioned; /* reader is restricted and somewhere in its rows */
	uint32 *walk; /* by_series: ids in the order of the scan */
	int64 nwalk;
	int64 walk_at; /* -1: before the first, nwalk: after the last */
	const TsdbBatch *batch; /* window of the current row; NULL: before the first or after the last one */
	int64 row; /* of the window, or with a filter of the rows that pass */
	int64 nrows;
	uint32 *rows; /* rows of the window that pass; with a filter only */
	uint32 nrows_max; /* room in it */
	uint64 rows_filtered; /* by conditions on values, of decoded windows */
	TsdbScanShared *shared; /* NULL: not parallel */
	TsdbReaderCounters worker_counters; /* sums that the workers left behind */
} TsdbScanState;

extern const CustomScanMethods tsdb_scannode_methods;

/* tsdb_scannode_init - make the node known, so that workers can read plans with it. */
extern void tsdb_scannode_init(void);

#endif /* TSDB_SCANNODE_H */
