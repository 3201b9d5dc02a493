/*-------------------------------------------------------------------------
 *
 * scan.h
 *	  Scans of the access method: sequential, parallel, ANALYZE, TABLESAMPLE.
 *
 * Signatures are those of the TableAmRoutine members that they serve.
 *-------------------------------------------------------------------------
 */
#ifndef TSDB_SCAN_H
#define TSDB_SCAN_H

#include "postgres.h"
#include "access/relscan.h"
#include "access/tableam.h"
#include "pg/compat.h"
#include "read/reader.h"
#include "read/rowslot.h"

/* A place in the table with a number of rows, for ANALYZE. */
typedef struct TsdbSampleUnit
{
	TsdbKey from;
	int64 span_us; /* rows are spread over it; 0: just here */
	double rows_upto; /* rows of this unit and all before it */
} TsdbSampleUnit;

typedef struct TsdbScan
{
	TableScanDescData base;
	MemoryContext context;
	TsdbReader *reader; /* NULL until the first row is asked for */
	TsdbRowFiller *filler;
	const TsdbBatch *window;
	int64 row; /* in the window */
	bool unit_claimed; /* parallel scan: reading a unit */

	/* ANALYZE */
	uint32 nsample_units;
	TsdbSampleUnit *sample_units;
	BlockNumber sample_pages;
	double live_due; /* rows of the current page not yet counted */
	int64 sample_step;
	int64 sample_left;

	/* TABLESAMPLE */
	BlockNumber sample_block;
	int64 sample_from; /* first row of the slice of the window that is the block */
} TsdbScan;

extern TableScanDesc tsdb_scan_begin(Relation rel, Snapshot snapshot, int nkeys, struct ScanKeyData *key,
									 ParallelTableScanDesc pscan, uint32 flags);
extern void tsdb_scan_end(TableScanDesc base);
extern void tsdb_scan_rescan(TableScanDesc base, struct ScanKeyData *key, bool set_params,
							 bool allow_strat, bool allow_sync, bool allow_pagemode);
extern bool tsdb_scan_getnextslot(TableScanDesc base, ScanDirection direction, TupleTableSlot *slot);
extern Size tsdb_scan_parallel_estimate(Relation rel);
extern Size tsdb_scan_parallel_initialize(Relation rel, ParallelTableScanDesc pscan);
extern void tsdb_scan_parallel_reinitialize(Relation rel, ParallelTableScanDesc pscan);

/* tsdb_scan_open - open the reader if need be, for rows as the slot's descriptor has them; for sample.c. */
extern void tsdb_scan_open(TsdbScan *scan, TupleDesc desc);
/* tsdb_scan_store - store row scan->row of the window. */
extern void tsdb_scan_store(TsdbScan *scan, TupleTableSlot *slot);

/* sample.c */
extern bool tsdb_sample_analyze_next_block(TSDB_ANALYZE_BLOCK_PARAMS);
extern bool tsdb_sample_analyze_next_tuple(TableScanDesc base, TransactionId oldest_xmin,
										   double *live_rows, double *dead_rows, TupleTableSlot *slot);
extern bool tsdb_sample_next_block(TableScanDesc base, struct SampleScanState *state);
extern bool tsdb_sample_next_tuple(TableScanDesc base, struct SampleScanState *state, TupleTableSlot *slot);

#endif /* TSDB_SCAN_H */
