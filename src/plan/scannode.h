/*-------------------------------------------------------------------------
 *
 * scannode.h
 *	  TsdbScan: a custom scan that reads the series, times and columns that a query needs.
 *
 * Plan:
 *	  custom_exprs		list of three lists: time bounds, tag conditions, pins (quals.h)
 *	  custom_private	list of one list: strategies of the bounds
 *	  qual				every condition, those of custom_exprs included
 *-------------------------------------------------------------------------
 */
#ifndef TSDB_SCANNODE_H
#define TSDB_SCANNODE_H

#include "postgres.h"
#include "nodes/execnodes.h"
#include "nodes/extensible.h"
#include "plan/restriction.h"
#include "port/atomics.h"
#include "read/reader.h"
#include "read/rowslot.h"

#define TSDB_SCANNODE_NCOUNTERS (sizeof(TsdbReaderCounters) / sizeof(uint64))

/* What the processes of a parallel scan share. */
typedef struct TsdbScanShared
{
	pg_atomic_uint32 next_unit; /* first unit of the reader that nobody has taken */
	pg_atomic_uint64 counters[TSDB_SCANNODE_NCOUNTERS]; /* of the workers, as in TsdbReaderCounters */
} TsdbScanShared;

typedef struct TsdbScanState
{
	CustomScanState css;
	MemoryContext context; /* reader, filler, pending rows */
	int nwanted;
	TsdbWanted *wanted; /* columns that the plan uses */
	TsdbRestriction *restriction;
	const TsdbRestricted *restricted; /* NULL: to be evaluated */
	TsdbReader *reader; /* NULL: not opened yet */
	TsdbRowFiller *filler;
	bool has_unit; /* parallel: the reader is on a unit that is not used up */
	bool is_positioned; /* reader is restricted and somewhere in its rows */
	const TsdbBatch *batch; /* window of the current row; NULL: before the first or after the last one */
	int64 row; /* in the window */
	TsdbScanShared *shared; /* NULL: not parallel */
	TsdbReaderCounters worker_counters; /* sums that the workers left behind */
} TsdbScanState;

extern const CustomScanMethods tsdb_scannode_methods;

/* tsdb_scannode_init - make the node known, so that workers can read plans with it. */
extern void tsdb_scannode_init(void);

#endif /* TSDB_SCANNODE_H */
