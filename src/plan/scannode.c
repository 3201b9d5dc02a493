/*-------------------------------------------------------------------------
 *
 * scannode.c
 *	  TsdbScan: a custom scan that reads the series, times and columns that a query needs.
 *
 * Everything happens at the first fetch, not at the start of the executor: conditions
 * may use parameters that are not known before, and the runs on disk and the pending rows
 * in memory must be listed at one moment.  A rescan keeps the reader open: the snapshot is the same.
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/parallel.h"
#include "access/sysattr.h"
#include "executor/executor.h"
#include "miscadmin.h"
#include "nodes/extensible.h"
#include "optimizer/optimizer.h"
#include "plan/explain.h"
#include "plan/scannode.h"
#include "utils/memutils.h"
#include "write/buffer.h"

static Node *create_state(CustomScan *scan);
static void begin_scan(CustomScanState *node, EState *estate, int eflags);
static void choose_columns(TsdbScanState *state, const TsdbTable *table);
static void copy_wanted(TsdbWanted *to, const TsdbWanted *from);
static TupleTableSlot *exec_scan(CustomScanState *node);
static TupleTableSlot *fetch_row(ScanState *node);
static bool recheck_row(ScanState *node, TupleTableSlot *slot);
static bool position(TsdbScanState *state);
static void open_reader(TsdbScanState *state);
static bool advance(TsdbScanState *state, ScanDirection direction);
static const TsdbBatch *next_window(TsdbScanState *state, ScanDirection direction);
static bool take_unit(TsdbScanState *state);
static void end_scan(CustomScanState *node);
static void rescan(CustomScanState *node);
static Size estimate_dsm(CustomScanState *node, ParallelContext *pcxt);
static void initialize_dsm(CustomScanState *node, ParallelContext *pcxt, void *coordinate);
static void reinitialize_dsm(CustomScanState *node, ParallelContext *pcxt, void *coordinate);
static void initialize_worker(CustomScanState *node, shm_toc *toc, void *coordinate);
static void shutdown_scan(CustomScanState *node);

const CustomScanMethods tsdb_scannode_methods = {
	.CustomName = "TsdbScan",
	.CreateCustomScanState = create_state,
};

static const CustomExecMethods exec_methods = {
	.CustomName = "TsdbScan",
	.BeginCustomScan = begin_scan,
	.ExecCustomScan = exec_scan,
	.EndCustomScan = end_scan,
	.ReScanCustomScan = rescan,
	.EstimateDSMCustomScan = estimate_dsm,
	.InitializeDSMCustomScan = initialize_dsm,
	.ReInitializeDSMCustomScan = reinitialize_dsm,
	.InitializeWorkerCustomScan = initialize_worker,
	.ShutdownCustomScan = shutdown_scan,
	.ExplainCustomScan = tsdb_explain_scan,
};

void
tsdb_scannode_init(void)
{
	RegisterCustomScanMethods(&tsdb_scannode_methods);
}

// private functions

static Node *
create_state(CustomScan *scan)
{
	TsdbScanState *state = (TsdbScanState *) newNode(sizeof(TsdbScanState), T_CustomScanState);

	state->css.methods = &exec_methods;
	return (Node *) state;
}

static void
begin_scan(CustomScanState *node, EState *estate, int eflags)
{
	TsdbScanState *state = (TsdbScanState *) node;
	CustomScan *scan = (CustomScan *) node->ss.ps.plan;
	Relation rel = node->ss.ss_currentRelation;

	state->context = AllocSetContextCreate(estate->es_query_cxt, "tsdb scan", ALLOCSET_DEFAULT_SIZES);
	choose_columns(state, tsdb_table_get(rel));
	state->restriction = tsdb_restriction_create(&node->ss.ps, rel, linitial(scan->custom_exprs),
												 linitial(scan->custom_private), lsecond(scan->custom_exprs),
												 lthird(scan->custom_exprs));
}

/* The value columns that the finished plan refers to. */
static void
choose_columns(TsdbScanState *state, const TsdbTable *table)
{
	CustomScan *scan = (CustomScan *) state->css.ss.ps.plan;
	Bitmapset *attnos = NULL;
	bool whole_row;

	pull_varattnos((Node *) scan->scan.plan.targetlist, scan->scan.scanrelid, &attnos);
	pull_varattnos((Node *) scan->scan.plan.qual, scan->scan.scanrelid, &attnos);
	whole_row = bms_is_member(-FirstLowInvalidHeapAttributeNumber, attnos);

	state->wanted = palloc(sizeof(TsdbWanted) * Max(table->nvalues, 1));
	for (int i = 0; i < table->nvalues; i++)
	{
		if (whole_row || bms_is_member(table->values[i].attnum - FirstLowInvalidHeapAttributeNumber, attnos))
			copy_wanted(&state->wanted[state->nwanted++], &table->values[i]);
	}
}

static void
copy_wanted(TsdbWanted *to, const TsdbWanted *from)
{
	*to = *from;
	if (from->missing_text != NULL)
	{
		uint32 nbytes;
		uint8 *text;

		memcpy(&nbytes, from->missing_text, sizeof(nbytes));
		text = palloc(sizeof(nbytes) + nbytes);
		memcpy(text, from->missing_text, sizeof(nbytes) + nbytes);
		to->missing_text = text;
	}
}

static TupleTableSlot *
exec_scan(CustomScanState *node)
{
	return ExecScan(&node->ss, fetch_row, recheck_row);
}

static TupleTableSlot *
fetch_row(ScanState *node)
{
	TsdbScanState *state = (TsdbScanState *) node;
	TupleTableSlot *slot = node->ss_ScanTupleSlot;

	if (!state->is_positioned && !position(state))
		return ExecClearTuple(slot);
	if (!advance(state, node->ps.state->es_direction))
		return ExecClearTuple(slot);

	tsdb_rowfiller_fill(state->filler, (uint32) state->row, slot);
	tsdb_reader_tid(state->reader, (uint32) state->row, &slot->tts_tid);
	return slot;
}

/* All conditions are in the filter too, which ExecScan evaluates. */
static bool
recheck_row(ScanState *node, TupleTableSlot *slot)
{
	return true;
}

/* Go to before the first row of what the conditions leave.  False when that is nothing. */
static bool
position(TsdbScanState *state)
{
	const TsdbRestricted *restricted = state->restricted;

	if (restricted == NULL)
		restricted = state->restricted = tsdb_restriction_evaluate(state->restriction);
	if (tsdb_restricted_is_empty(restricted))
		return false;

	if (state->reader == NULL)
		open_reader(state);
	else
		tsdb_reader_rescan(state->reader);
	tsdb_reader_restrict(state->reader, restricted->series, restricted->nseries, restricted->from, restricted->until);
	state->batch = NULL;
	state->has_unit = false;
	state->is_positioned = true;
	return true;
}

static void
open_reader(TsdbScanState *state)
{
	Relation rel = state->css.ss.ss_currentRelation;
	Snapshot snapshot = state->css.ss.ps.state->es_snapshot;
	MemoryContext caller = MemoryContextSwitchTo(state->context);
	TsdbBatch **pending;
	int npending;

	pending = tsdb_buffer_pending(rel, tsdb_table_get(rel), snapshot->curcid, &npending);
	state->filler = tsdb_rowfiller_create(rel, tsdb_table_get(rel), state->wanted, state->nwanted);
	state->reader = tsdb_reader_open(rel, tsdb_table_get(rel), snapshot, state->wanted, state->nwanted,
									 pending, npending);
	MemoryContextSwitchTo(caller);
}

/* Step to the next row in this direction; false beyond the last one. */
static bool
advance(TsdbScanState *state, ScanDirection direction)
{
	bool is_backward = ScanDirectionIsBackward(direction);

	if (state->batch != NULL)
	{
		state->row += is_backward ? -1 : 1;
		if (state->row >= 0 && state->row < state->batch->nrows)
			return true;
	}

	CHECK_FOR_INTERRUPTS();
	state->batch = next_window(state, is_backward ? BackwardScanDirection : ForwardScanDirection);
	if (state->batch == NULL)
		return false;
	tsdb_rowfiller_set_batch(state->filler, state->batch);
	state->row = is_backward ? (int64) state->batch->nrows - 1 : 0;
	return true;
}

/* Parallel scans go forward only: cursors are never parallel. */
static const TsdbBatch *
next_window(TsdbScanState *state, ScanDirection direction)
{
	if (state->shared == NULL)
		return tsdb_reader_next(state->reader, direction);

	while (state->has_unit || take_unit(state))
	{
		const TsdbBatch *batch = tsdb_reader_next(state->reader, ForwardScanDirection);

		if (batch != NULL)
			return batch;
		state->has_unit = false;
	}
	return NULL;
}

static bool
take_unit(TsdbScanState *state)
{
	uint32 unit = pg_atomic_fetch_add_u32(&state->shared->next_unit, 1);

	if (unit >= tsdb_reader_nunits(state->reader))
		return false;
	tsdb_reader_set_unit(state->reader, unit);
	state->has_unit = true;
	return true;
}

static void
end_scan(CustomScanState *node)
{
	TsdbScanState *state = (TsdbScanState *) node;

	if (state->reader != NULL)
		tsdb_reader_close(state->reader);
	state->reader = NULL;
	ExecClearTuple(node->ss.ss_ScanTupleSlot);
	MemoryContextDelete(state->context);
}

static void
rescan(CustomScanState *node)
{
	TsdbScanState *state = (TsdbScanState *) node;

	ExecScanReScan(&node->ss);
	state->is_positioned = false;
	if (node->ss.ps.chgParam != NULL)
		state->restricted = NULL;
}

static Size
estimate_dsm(CustomScanState *node, ParallelContext *pcxt)
{
	return sizeof(TsdbScanShared);
}

static void
initialize_dsm(CustomScanState *node, ParallelContext *pcxt, void *coordinate)
{
	TsdbScanShared *shared = coordinate;

	pg_atomic_init_u32(&shared->next_unit, 0);
	for (Size i = 0; i < TSDB_SCANNODE_NCOUNTERS; i++)
		pg_atomic_init_u64(&shared->counters[i], 0);
	((TsdbScanState *) node)->shared = shared;
}

static void
reinitialize_dsm(CustomScanState *node, ParallelContext *pcxt, void *coordinate)
{
	TsdbScanShared *shared = coordinate;

	pg_atomic_write_u32(&shared->next_unit, 0);
}

static void
initialize_worker(CustomScanState *node, shm_toc *toc, void *coordinate)
{
	((TsdbScanState *) node)->shared = coordinate;
}

/* Workers leave their counters behind; the leader takes the sums before the shared memory goes. */
static void
shutdown_scan(CustomScanState *node)
{
	TsdbScanState *state = (TsdbScanState *) node;

	if (state->shared == NULL)
		return;
	if (!IsParallelWorker())
	{
		uint64 *sums = (uint64 *) &state->worker_counters;

		for (Size i = 0; i < TSDB_SCANNODE_NCOUNTERS; i++)
			sums[i] = pg_atomic_read_u64(&state->shared->counters[i]);
	}
	else if (state->reader != NULL)
	{
		const uint64 *counters = (const uint64 *) tsdb_reader_counters(state->reader);

		for (Size i = 0; i < TSDB_SCANNODE_NCOUNTERS; i++)
			pg_atomic_fetch_add_u64(&state->shared->counters[i], counters[i]);
	}
}
