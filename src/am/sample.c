/*-------------------------------------------------------------------------
 *
 * sample.c
 *	  ANALYZE and TABLESAMPLE.
 *
 * ANALYZE draws pages of the size that tsdb_storage_size reports.  Page i of n stands for the i-th n-th
 * of all rows, in table order: segment roots and run headers say where that is.  Of such a page one
 * window is decoded and a few dozen rows, spread over it, are shown;
 * the count of live rows is the exact share.
 *
 * TABLESAMPLE SYSTEM draws units (segments, run chunks); BERNOULLI reads everything.
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "access/tsmapi.h"
#include "am/scan.h"
#include "am/storage.h"
#include "format/grid.h"
#include "miscadmin.h"
#include "nodes/execnodes.h"
#include "store/metapage.h"
#include "store/runstore.h"
#include "store/segstore.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"

#define ROWS_PER_PAGE 300 /* shown to ANALYZE of one virtual page, more of a small table */
#define ROWS_IN_ALL 30000

static void list_units(TsdbScan *scan);
static void add_unit(TsdbScan *scan, uint32 *capacity, TsdbKey from, int64 span_us, double nrows);
static bool next_slice(TsdbScan *scan);

bool
tsdb_sample_analyze_next_block(TSDB_ANALYZE_BLOCK_PARAMS)
{
	TsdbScan *mine = (TsdbScan *) scan;
	BlockNumber blkno;
	TsdbSampleUnit *unit;
	TsdbKey key;
	double total;
	double wanted;
	double before;
	uint32 low = 0;
	uint32 high;

	CHECK_FOR_INTERRUPTS();
	if (!tsdb_compat_analyze_block(TSDB_ANALYZE_BLOCK_ARGS, &blkno))
		return false;
	tsdb_scan_open(mine, RelationGetDescr(scan->rs_rd));
	if (mine->sample_units == NULL)
		list_units(mine);
	mine->window = NULL;
	mine->live_due = 0;
	if (mine->nsample_units == 0 || blkno >= mine->sample_pages)
		return true;

	total = mine->sample_units[mine->nsample_units - 1].rows_upto;
	wanted = (blkno + 0.5) / mine->sample_pages * total;
	high = mine->nsample_units - 1;
	while (low < high)
	{
		uint32 middle = low + (high - low) / 2;

		if (mine->sample_units[middle].rows_upto <= wanted)
			low = middle + 1;
		else
			high = middle;
	}
	unit = &mine->sample_units[low];
	before = low > 0 ? unit[-1].rows_upto : 0;
	key = unit->from;
	if (unit->rows_upto > before)
		key.time += (int64) (unit->span_us * Min(1.0, (wanted - before) / (unit->rows_upto - before)));
	tsdb_reader_seek(mine->reader, key);
	mine->window = tsdb_reader_next(mine->reader, ForwardScanDirection);
	if (mine->window == NULL)
	{
		tsdb_reader_seek(mine->reader, key);
		mine->window = tsdb_reader_next(mine->reader, BackwardScanDirection);
	}
	mine->live_due = total / mine->sample_pages;
	mine->sample_left = (int64) ceil(mine->live_due);
	if (mine->window != NULL)
	{
		int64 shown = Max(ROWS_PER_PAGE, ROWS_IN_ALL / (int64) mine->sample_pages);

		tsdb_rowfiller_set_batch(mine->filler, mine->window);
		mine->sample_step = Max(1, mine->sample_left / shown);
		mine->row = -mine->sample_step + mine->sample_step / 2;
	}
	return true;
}

bool
tsdb_sample_analyze_next_tuple(TableScanDesc base, TransactionId oldest_xmin, double *live_rows,
							   double *dead_rows, TupleTableSlot *slot)
{
	TsdbScan *scan = (TsdbScan *) base;

	*live_rows += scan->live_due;
	scan->live_due = 0;
	ExecClearTuple(slot);
	if (scan->window == NULL)
		return false;
	scan->row += scan->sample_step;
	scan->sample_left -= scan->sample_step;
	while (scan->window != NULL && scan->row >= scan->window->nrows)
	{
		scan->row -= scan->window->nrows;
		scan->window = tsdb_reader_next(scan->reader, ForwardScanDirection);
		if (scan->window != NULL)
			tsdb_rowfiller_set_batch(scan->filler, scan->window);
	}
	if (scan->window == NULL || scan->sample_left < 0)
	{
		scan->window = NULL;
		return false;
	}
	tsdb_scan_store(scan, slot);
	return true;
}

bool
tsdb_sample_next_block(TableScanDesc base, SampleScanState *state)
{
	TsdbScan *scan = (TsdbScan *) base;
	TsmRoutine *tsm = state->tsmroutine;

	tsdb_scan_open(scan, RelationGetDescr(base->rs_rd));
	if (tsm->NextSampleBlock != NULL)
	{
		uint32 nunits = tsdb_reader_nunits(scan->reader);

		scan->sample_block = tsm->NextSampleBlock(state, nunits);
		if (!BlockNumberIsValid(scan->sample_block))
			return false;
		tsdb_reader_set_unit(scan->reader, scan->sample_block);
		scan->window = NULL;
		scan->sample_from = 0;
		return true;
	}
	scan->sample_block = BlockNumberIsValid(scan->sample_block) ? scan->sample_block + 1 : 0;
	return next_slice(scan);
}

bool
tsdb_sample_next_tuple(TableScanDesc base, SampleScanState *state, TupleTableSlot *slot)
{
	TsdbScan *scan = (TsdbScan *) base;
	TsmRoutine *tsm = state->tsmroutine;

	ExecClearTuple(slot);
	if (scan->window == NULL && !next_slice(scan))
		return false;
	do
	{
		int64 nrows = Min((int64) scan->window->nrows - scan->sample_from, MaxOffsetNumber);
		OffsetNumber offset = tsm->NextSampleTuple(state, scan->sample_block, nrows);

		CHECK_FOR_INTERRUPTS();
		if (OffsetNumberIsValid(offset))
		{
			scan->row = scan->sample_from + offset - 1;
			tsdb_scan_store(scan, slot);
			return true;
		}
		/* SYSTEM goes on within the unit, BERNOULLI calls each slice a block. */
	} while (tsm->NextSampleBlock != NULL && next_slice(scan));
	return false;
}

// private functions

static void
list_units(TsdbScan *scan)
{
	Relation rel = scan->base.rs_rd;
	MemoryContext old = MemoryContextSwitchTo(scan->context);
	Snapshot snapshot = RegisterSnapshot(GetLatestSnapshot());
	TsdbStore *store = tsdb_store_open(rel, AccessShareLock, false);
	uint32 capacity = 64;

	scan->sample_units = palloc_array(TsdbSampleUnit, capacity);
	scan->nsample_units = 0;
	scan->sample_pages = tsdb_storage_pages(rel);
	if (store != NULL)
	{
		MemoryContext root = AllocSetContextCreate(scan->context, "tsdb root", ALLOCSET_DEFAULT_SIZES);
		TsdbSegmentScan *segments = tsdb_segstore_beginscan(store, rel, snapshot, 0, PG_INT32_MIN,
															TSDB_STORE_MAX_ID, PG_INT32_MAX, false);
		TsdbStoredSegment stored;
		TsdbStoredRun *runs;
		uint32 nruns;

		for (;;)
		{
			bool more;

			CHECK_FOR_INTERRUPTS();
			MemoryContextReset(root);
			MemoryContextSwitchTo(root);
			more = tsdb_segstore_getnext(segments, &stored);
			MemoryContextSwitchTo(scan->context);
			if (!more)
				break;
			for (uint32 i = 0; i < stored.segment.ngroups; i++)
			{
				const TsdbSegmentGroup *group = &stored.segment.groups[i];
				TsdbKey from = {stored.segment.series, group->from_us};

				add_unit(scan, &capacity, from, group->until_us - group->from_us, group->nrows);
			}
		}
		tsdb_segstore_endscan(segments);
		MemoryContextSwitchTo(root);
		runs = tsdb_runstore_list(store, rel, snapshot, &nruns);
		MemoryContextSwitchTo(scan->context);
		for (uint32 i = 0; i < nruns; i++)
			for (uint32 c = 0; c < runs[i].run.nchunks; c++)
				add_unit(scan, &capacity, runs[i].run.chunks[c].first, 0, runs[i].run.chunks[c].nrows);
		MemoryContextDelete(root);
		tsdb_store_close(store);
	}
	UnregisterSnapshot(snapshot);
	MemoryContextSwitchTo(old);
}

static void
add_unit(TsdbScan *scan, uint32 *capacity, TsdbKey from, int64 span_us, double nrows)
{
	TsdbSampleUnit *unit;

	if (scan->nsample_units == *capacity)
	{
		*capacity *= 2;
		scan->sample_units = repalloc_huge(scan->sample_units, sizeof(TsdbSampleUnit) * *capacity);
	}
	unit = &scan->sample_units[scan->nsample_units++];
	unit->from = from;
	unit->span_us = span_us;
	unit->rows_upto = nrows + (scan->nsample_units > 1 ? unit[-1].rows_upto : 0);
}

/* The next stretch of rows that fits the offsets of a page. */
static bool
next_slice(TsdbScan *scan)
{
	if (scan->window != NULL && scan->sample_from + MaxOffsetNumber < scan->window->nrows)
	{
		scan->sample_from += MaxOffsetNumber;
		return true;
	}
	scan->sample_from = 0;
	scan->window = tsdb_reader_next(scan->reader, ForwardScanDirection);
	if (scan->window == NULL)
		return false;
	tsdb_rowfiller_set_batch(scan->filler, scan->window);
	return true;
}
