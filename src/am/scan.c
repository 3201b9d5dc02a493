/*-------------------------------------------------------------------------
 *
 * scan.c
 *	  Sequential and parallel scans of the access method, both ways.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "am/scan.h"
#include "miscadmin.h"
#include "port/atomics.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"
#include "write/buffer.h"

/* Shared by the processes of a parallel scan: units are claimed one by one. */
typedef struct ParallelScan
{
	ParallelTableScanDescData base;
	pg_atomic_uint32 next_unit;
} ParallelScan;

static bool next_window(TsdbScan *scan, ScanDirection direction);
static bool next_parallel_window(TsdbScan *scan);
static void close_reader(TsdbScan *scan);

TableScanDesc
tsdb_scan_begin(Relation rel, Snapshot snapshot, int nkeys, struct ScanKeyData *key,
				ParallelTableScanDesc pscan, uint32 flags)
{
	TsdbScan *scan = palloc0(sizeof(TsdbScan));

	RelationIncrementReferenceCount(rel);
	scan->base.rs_rd = rel;
	scan->base.rs_snapshot = snapshot;
	scan->base.rs_nkeys = nkeys;
	scan->base.rs_flags = flags;
	scan->base.rs_parallel = pscan;
	scan->context = AllocSetContextCreate(CurrentMemoryContext, "tsdb scan", ALLOCSET_DEFAULT_SIZES);
	scan->sample_block = InvalidBlockNumber;
	if (nkeys > 0)
		elog(ERROR, "scan keys on table \"%s\" of access method tsdb", RelationGetRelationName(rel));
	return (TableScanDesc) scan;
}

void
tsdb_scan_end(TableScanDesc base)
{
	TsdbScan *scan = (TsdbScan *) base;

	close_reader(scan);
	if ((base->rs_flags & SO_TEMP_SNAPSHOT) != 0)
		UnregisterSnapshot(base->rs_snapshot);
	RelationDecrementReferenceCount(base->rs_rd);
	MemoryContextDelete(scan->context);
	pfree(scan);
}

/* A rescan sees what its snapshot sees, the rows of commands since the last pass included: start over. */
void
tsdb_scan_rescan(TableScanDesc base, struct ScanKeyData *key, bool set_params,
				 bool allow_strat, bool allow_sync, bool allow_pagemode)
{
	close_reader((TsdbScan *) base);
}

bool
tsdb_scan_getnextslot(TableScanDesc base, ScanDirection direction, TupleTableSlot *slot)
{
	TsdbScan *scan = (TsdbScan *) base;

	tsdb_scan_open(scan, slot->tts_tupleDescriptor);
	if (scan->window != NULL)
		scan->row += ScanDirectionIsBackward(direction) ? -1 : 1;
	if (scan->window == NULL || scan->row < 0 || scan->row >= scan->window->nrows)
	{
		/* Slots of the last row point into the window that goes away. */
		ExecClearTuple(slot);
		if (!next_window(scan, direction))
			return false;
	}
	tsdb_scan_store(scan, slot);
	return true;
}

Size
tsdb_scan_parallel_estimate(Relation rel)
{
	return sizeof(ParallelScan);
}

Size
tsdb_scan_parallel_initialize(Relation rel, ParallelTableScanDesc pscan)
{
	tsdb_compat_parallelscan_set_rel(pscan, rel);
	pscan->phs_syncscan = false;
	pg_atomic_init_u32(&((ParallelScan *) pscan)->next_unit, 0);
	return sizeof(ParallelScan);
}

void
tsdb_scan_parallel_reinitialize(Relation rel, ParallelTableScanDesc pscan)
{
	pg_atomic_write_u32(&((ParallelScan *) pscan)->next_unit, 0);
}

void
tsdb_scan_open(TsdbScan *scan, TupleDesc desc)
{
	Relation rel = scan->base.rs_rd;
	Snapshot snapshot = scan->base.rs_snapshot;
	const TsdbTable *table;
	MemoryContext old;
	TsdbBatch **pending;
	CommandId curcid = InvalidCommandId;
	int npending;

	if (scan->reader != NULL)
		return;
	old = MemoryContextSwitchTo(scan->context);
	if (snapshot != NULL && snapshot->snapshot_type == SNAPSHOT_MVCC)
		curcid = snapshot->curcid;
	rel = tsdb_table_as_described(rel, desc);
	table = tsdb_table_copy(rel);
	pending = tsdb_buffer_pending(rel, table, curcid, &npending);
	scan->reader = tsdb_reader_open(rel, table, snapshot, table->values, table->nvalues, pending, npending);
	scan->filler = tsdb_rowfiller_create(rel, table, table->values, table->nvalues);
	MemoryContextSwitchTo(old);
}

void
tsdb_scan_store(TsdbScan *scan, TupleTableSlot *slot)
{
	ExecClearTuple(slot);
	tsdb_rowfiller_fill(scan->filler, scan->row, slot);
	tsdb_reader_tid(scan->reader, scan->row, &slot->tts_tid);
}

// private functions

static bool
next_window(TsdbScan *scan, ScanDirection direction)
{
	bool found;

	if (scan->base.rs_parallel != NULL)
		found = next_parallel_window(scan);
	else
	{
		scan->window = tsdb_reader_next(scan->reader, direction);
		found = scan->window != NULL;
	}
	if (!found)
	{
		scan->window = NULL;
		return false;
	}
	tsdb_rowfiller_set_batch(scan->filler, scan->window);
	scan->row = ScanDirectionIsBackward(direction) ? (int64) scan->window->nrows - 1 : 0;
	return true;
}

static bool
next_parallel_window(TsdbScan *scan)
{
	ParallelScan *shared = (ParallelScan *) scan->base.rs_parallel;

	for (;;)
	{
		uint32 unit;

		CHECK_FOR_INTERRUPTS();
		if (scan->unit_claimed)
		{
			scan->window = tsdb_reader_next(scan->reader, ForwardScanDirection);
			if (scan->window != NULL)
				return true;
		}
		unit = pg_atomic_fetch_add_u32(&shared->next_unit, 1);
		if (unit >= tsdb_reader_nunits(scan->reader))
		{
			pg_atomic_write_u32(&shared->next_unit, tsdb_reader_nunits(scan->reader));
			scan->unit_claimed = false;
			return false;
		}
		tsdb_reader_set_unit(scan->reader, unit);
		scan->unit_claimed = true;
	}
}

static void
close_reader(TsdbScan *scan)
{
	if (scan->reader != NULL)
		tsdb_reader_close(scan->reader);
	scan->reader = NULL;
	scan->filler = NULL;
	scan->window = NULL;
	scan->unit_claimed = false;
	scan->sample_units = NULL;
	scan->sample_block = InvalidBlockNumber;
	MemoryContextReset(scan->context);
}
