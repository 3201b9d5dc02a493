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
#include "plan/deleterange.h"
#include "plan/explain.h"
#include "plan/localclock.h"
#include "plan/localexpr.h"
#include "plan/scannode.h"
#include "plan/scanorder.h"
#include "series/series.h"
#include "utils/memutils.h"
#include "write/buffer.h"

static Node *create_state(CustomScan *scan);
static void begin_scan(CustomScanState *node, EState *estate, int eflags);
static void choose_columns(TsdbScanState *state, const TsdbTable *table);
static void add_value_columns(List *shapes, Bitmapset **attnos);
static void make_witness(TsdbScanState *state);
static void copy_wanted(TsdbWanted *to, const TsdbWanted *from);
static void choose_walk(TsdbScanState *state, List *modes, const TsdbTable *table);
static TupleTableSlot *exec_scan(CustomScanState *node);
static TupleTableSlot *fetch_row(ScanState *node);
static TupleTableSlot *fetch_by_time(TsdbScanState *state, TupleTableSlot *slot);
static void fill_slot(TsdbScanState *state, TupleTableSlot *slot);
static bool recheck_row(ScanState *node, TupleTableSlot *slot);
static bool position(TsdbScanState *state);
static void open_reader(TsdbScanState *state);
static void choose_series(TsdbScanState *state);
static void list_walk(TsdbScanState *state);
static void start_slices(TsdbScanState *state);
static bool advance(TsdbScanState *state, ScanDirection direction);
static bool is_reverse(const TsdbScanState *state, ScanDirection direction);
static bool load_window(TsdbScanState *state, ScanDirection direction);
static bool load_edge(TsdbScanState *state, ScanDirection direction);
static TsdbPresence look_at_series(TsdbScanState *state);
static void apply_filter(TsdbScanState *state);
static const TsdbBatch *next_window(TsdbScanState *state, ScanDirection direction);
static const TsdbBatch *next_walk_window(TsdbScanState *state, ScanDirection direction);
static bool step_walk(TsdbScanState *state, int step);
static bool move_walk(TsdbScanState *state, int step);
static void restrict_to_walk(TsdbScanState *state);
static const TsdbBatch *next_unit_window(TsdbScanState *state);
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
	choose_walk(state, lfourth(scan->custom_private), tsdb_table_get(rel));
	choose_columns(state, tsdb_table_get(rel));
	state->sort_keys = lthird(scan->custom_private);
	state->restriction = tsdb_restriction_create(&node->ss.ps, rel, linitial(scan->custom_exprs),
												 linitial(scan->custom_private), lsecond(scan->custom_exprs),
												 lthird(scan->custom_exprs));
	if (lsecond(scan->custom_private) != NIL)
		state->value_filter = tsdb_valuefilter_create(&node->ss.ps, lfourth(scan->custom_exprs), lsecond(scan->custom_private));
	state->clock = list_nth(scan->custom_private, 4);
	tsdb_localexpr_check_rights(state->clock);
	state->local = list_nth(scan->custom_private, 5);
	state->recheck = ExecInitQual(list_nth(scan->custom_exprs, 4), &node->ss.ps);
}

/* The value columns that the finished plan refers to. */
static void
choose_columns(TsdbScanState *state, const TsdbTable *table)
{
	CustomScan *scan = (CustomScan *) state->css.ss.ps.plan;
	Bitmapset *attnos = NULL;
	bool whole_row;
	bool sees_time;

	pull_varattnos((Node *) scan->scan.plan.targetlist, scan->scan.scanrelid, &attnos);
	pull_varattnos((Node *) scan->scan.plan.qual, scan->scan.scanrelid, &attnos);
	add_value_columns(lsecond(scan->custom_private), &attnos);
	whole_row = bms_is_member(-FirstLowInvalidHeapAttributeNumber, attnos);

	/* Or a system column, or the whole row: all that come before the first column. */
	sees_time = bms_is_member(table->time_attnum - FirstLowInvalidHeapAttributeNumber, attnos) ||
				(bms_next_member(attnos, -1) >= 0 && bms_next_member(attnos, -1) <= -FirstLowInvalidHeapAttributeNumber);

	state->wanted = palloc(sizeof(TsdbWanted) * Max(table->nvalues, 1));
	for (int i = 0; i < table->nvalues; i++)
	{
		if (whole_row || bms_is_member(table->values[i].attnum - FirstLowInvalidHeapAttributeNumber, attnos))
			copy_wanted(&state->wanted[state->nwanted++], &table->values[i]);
	}
	state->sees_tid = bms_next_member(attnos, -1) >= 0 && bms_next_member(attnos, -1) < -FirstLowInvalidHeapAttributeNumber;
	if (state->one_per_series && state->nwanted == 0 && !sees_time)
		make_witness(state);
}

/* Those that the filter looks at. */
static void
add_value_columns(List *shapes, Bitmapset **attnos)
{
	ListCell *lc;

	foreach (lc, shapes)
		*attnos = bms_add_member(*attnos, linitial_int(lfirst(lc)) - FirstLowInvalidHeapAttributeNumber);
}

static void
make_witness(TsdbScanState *state)
{
	static const int64 any_time = 0;

	state->witness = palloc0(sizeof(TsdbBatch));
	state->witness->nrows = 1;
	state->witness->times = unconstify(int64 *, &any_time);
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

static void
choose_walk(TsdbScanState *state, List *modes, const TsdbTable *table)
{
	state->by_series = list_member_int(modes, TSDB_SCAN_BY_SERIES);
	state->is_backward = list_member_int(modes, TSDB_SCAN_BACKWARD);
	state->one_per_series = list_member_int(modes, TSDB_SCAN_ONE_PER_SERIES);
	if (list_member_int(modes, TSDB_SCAN_BY_TIME))
	{
		MemoryContext caller = MemoryContextSwitchTo(state->context);

		state->slices = tsdb_timeslices_create(RelationGetDescr(state->css.ss.ss_currentRelation), table->time_attnum,
											   state->is_backward);
		state->slices_backward = state->is_backward;
		state->is_backward = false; /* within a slice */
		MemoryContextSwitchTo(caller);
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
	if (state->slices != NULL)
		return fetch_by_time(state, slot);
	if (!advance(state, node->ps.state->es_direction))
		return ExecClearTuple(slot);
	fill_slot(state, slot);
	return slot;
}

/* The next row of the slice of time that is open, or of the next one that has rows. */
static TupleTableSlot *
fetch_by_time(TsdbScanState *state, TupleTableSlot *slot)
{
	int64 from;
	int64 until;

	while (!tsdb_timeslices_get(state->slices, slot))
	{
		if (!tsdb_timeslices_open(state->slices, &from, &until))
			return ExecClearTuple(slot);
		tsdb_reader_restrict(state->reader, state->series, state->nseries, from, until);
		state->batch = NULL;
		while (advance(state, ForwardScanDirection))
		{
			fill_slot(state, slot);
			tsdb_timeslices_put(state->slices, slot);
		}
	}
	slot->tts_tableOid = RelationGetRelid(state->css.ss.ss_currentRelation);
	return slot;
}

static void
fill_slot(TsdbScanState *state, TupleTableSlot *slot)
{
	uint32 row = state->nterms > 0 ? state->rows[state->row] : (uint32) state->row;

	tsdb_rowfiller_fill(state->filler, row, slot);
	if (!state->is_edge)
		tsdb_reader_tid(state->reader, row, &slot->tts_tid);
}

static bool
recheck_row(ScanState *node, TupleTableSlot *slot)
{
	ExprContext *econtext = node->ps.ps_ExprContext;

	econtext->ecxt_scantuple = slot;
	return ExecQual(((TsdbScanState *) node)->recheck, econtext);
}

/* Go to before the first row of what the conditions leave.  False when that is nothing. */
static bool
position(TsdbScanState *state)
{
	const TsdbRestricted *restricted = state->restricted;

	if (restricted == NULL)
	{
		restricted = state->restricted = tsdb_restriction_evaluate(state->restriction);
		if (state->value_filter != NULL)
			state->terms = tsdb_valuefilter_evaluate(state->value_filter, &state->nterms);
	}
	if (tsdb_restricted_is_empty(restricted) ||
		(state->delete_range != NULL && tsdb_deleterange_run(state, restricted)))
		return false;

	if (state->reader == NULL)
		open_reader(state);
	else
		tsdb_reader_rescan(state->reader);
	if (state->is_never)
		return false;
	tsdb_reader_set_filter(state->reader, state->terms, state->nterms);
	choose_series(state);
	if (state->by_series)
		list_walk(state);
	else if (state->slices != NULL)
		start_slices(state);
	else
		tsdb_reader_restrict(state->reader, state->series, state->nseries, restricted->from, restricted->until);
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
	if (state->one_per_series && state->value_filter == NULL && !state->sees_tid)
		state->edges = tsdb_edges_open(rel, state->reader, state->wanted, state->nwanted,
									   state->is_backward || state->witness != NULL ? BackwardScanDirection : ForwardScanDirection);
	if (state->clock != NIL)
	{
		TsdbLocalClock *clock = tsdb_localclock_create(rel, state->clock, NIL, state->local);

		state->is_never = tsdb_localclock_is_never(clock);
		tsdb_reader_set_windows(state->reader, tsdb_localclock_windows(clock));
	}
	MemoryContextSwitchTo(caller);
}

/* Those that match.  With windows of time, which are asked for series by series, only those that exist. */
static void
choose_series(TsdbScanState *state)
{
	Relation rel = state->css.ss.ss_currentRelation;

	state->series = state->restricted->series;
	state->nseries = state->restricted->nseries;
	if (state->series == NULL && state->clock != NIL)
	{
		MemoryContext caller = MemoryContextSwitchTo(state->context);

		if (state->all_series == NULL)
			state->all_series = tsdb_series_list(rel, tsdb_table_get(rel), &state->nall);
		state->series = state->all_series;
		state->nseries = state->nall;
		MemoryContextSwitchTo(caller);
	}
}

/* The series to read, in the order of the scan. */
static void
list_walk(TsdbScanState *state)
{
	Relation rel = state->css.ss.ss_currentRelation;
	const TsdbRestricted *restricted = state->restricted;
	MemoryContext caller = MemoryContextSwitchTo(state->context);
	uint32 nseries = restricted->nseries;

	if (state->walk != NULL)
		pfree(state->walk);
	if (restricted->series == NULL)
		state->walk = tsdb_series_list(rel, tsdb_table_get(rel), &nseries);
	else
	{
		state->walk = MemoryContextAllocHuge(state->context, sizeof(uint32) * nseries);
		memcpy(state->walk, restricted->series, sizeof(uint32) * nseries);
	}
	if (state->sort_keys != NIL)
		tsdb_scanorder_sort(rel, state->sort_keys, state->walk, nseries);
	state->nwalk = nseries;
	state->walk_at = -1;
	MemoryContextSwitchTo(caller);
}

/* All series together, over all times that they may have rows of. */
static void
start_slices(TsdbScanState *state)
{
	Relation rel = state->css.ss.ss_currentRelation;
	const TsdbRestricted *restricted = state->restricted;
	uint32 *series = restricted->series;
	uint32 nseries = restricted->nseries;
	TsdbExtent extent;

	if (series == NULL)
		series = tsdb_series_list(rel, tsdb_table_get(rel), &nseries);
	extent = tsdb_reader_extent(state->reader, series, nseries,
								state->slices_backward ? BackwardScanDirection : ForwardScanDirection);
	tsdb_timeslices_start(state->slices, Max(extent.from, restricted->from), Min(extent.until, restricted->until),
						  state->css.ss.ps.plan->plan_rows);
	if (series != restricted->series)
		pfree(series);
}

/* Step to the next row in this direction; false beyond the last one. */
static bool
advance(TsdbScanState *state, ScanDirection direction)
{
	bool is_back = is_reverse(state, direction);

	if (state->batch != NULL && !state->one_per_series)
	{
		state->row += is_back ? -1 : 1;
		if (state->row >= 0 && state->row < state->nrows)
			return true;
	}
	if (state->one_per_series ? !load_edge(state, direction) : !load_window(state, direction))
		return false;
	tsdb_rowfiller_set_batch(state->filler, state->batch);
	state->row = is_back ? state->nrows - 1 : 0;
	return true;
}

/* Are the rows of a window taken from its end? */
static bool
is_reverse(const TsdbScanState *state, ScanDirection direction)
{
	return (bool) ScanDirectionIsBackward(direction) != state->is_backward;
}

/* The next window with a row that passes the filter. */
static bool
load_window(TsdbScanState *state, ScanDirection direction)
{
	do
	{
		CHECK_FOR_INTERRUPTS();
		state->batch = state->by_series ? next_walk_window(state, direction) : next_window(state, direction);
		if (state->batch == NULL)
			return false;
		state->nrows = state->batch->nrows;
		if (state->nterms > 0)
			apply_filter(state);
	} while (state->nrows == 0);
	return true;
}

/* The row of the next series that has one which passes. */
static bool
load_edge(TsdbScanState *state, ScanDirection direction)
{
	TsdbPresence presence = TSDB_PRESENCE_NONE;

	while (presence == TSDB_PRESENCE_NONE)
	{
		CHECK_FOR_INTERRUPTS();
		if (!move_walk(state, 1))
			return false;
		presence = look_at_series(state);
	}
	state->is_edge = presence == TSDB_PRESENCE_SOME;
	state->rows_summarised += state->is_edge;
	state->nrows = 1;
	if (state->is_edge)
		return true;
	restrict_to_walk(state);
	return load_window(state, direction);
}

static TsdbPresence
look_at_series(TsdbScanState *state)
{
	const TsdbRestricted *restricted = state->restricted;
	uint32 series = state->walk[state->walk_at];

	if (state->edges == NULL)
		return TSDB_PRESENCE_UNKNOWN;
	if (state->witness == NULL)
		return tsdb_edges_find(state->edges, series, restricted->from, restricted->until, &state->batch);
	state->batch = state->witness;
	state->witness->series_id = series;
	return tsdb_edges_probe(state->edges, series, restricted->from, restricted->until);
}

static void
apply_filter(TsdbScanState *state)
{
	uint32 nrows = state->batch->nrows;

	if (nrows > state->nrows_max)
	{
		if (state->rows != NULL)
			pfree(state->rows);
		state->rows = NULL;
		state->nrows_max = 0;
		state->rows = MemoryContextAllocHuge(state->context, sizeof(uint32) * (Size) nrows);
		state->nrows_max = nrows;
	}
	state->nrows = tsdb_filter_select(state->terms, state->nterms, state->batch, 0, nrows, state->rows);
	state->rows_filtered += nrows - state->nrows;
}

static const TsdbBatch *
next_window(TsdbScanState *state, ScanDirection direction)
{
	if (state->shared != NULL)
		return next_unit_window(state);
	return tsdb_reader_next(state->reader, is_reverse(state, direction) ? BackwardScanDirection : ForwardScanDirection);
}

/* The next window of this series, or of the next one that has rows. */
static const TsdbBatch *
next_walk_window(TsdbScanState *state, ScanDirection direction)
{
	ScanDirection in_series = is_reverse(state, direction) ? BackwardScanDirection : ForwardScanDirection;
	int step = ScanDirectionIsBackward(direction) ? -1 : 1;

	do
	{
		const TsdbBatch *batch = NULL;

		CHECK_FOR_INTERRUPTS();
		if (state->walk_at >= 0 && state->walk_at < state->nwalk)
			batch = tsdb_reader_next(state->reader, in_series);
		if (batch != NULL)
			return batch;
	} while (step_walk(state, step));
	return NULL;
}

/* Go to the next series; false when there is none. */
static bool
step_walk(TsdbScanState *state, int step)
{
	if (!move_walk(state, step))
		return false;
	restrict_to_walk(state);
	return true;
}

static bool
move_walk(TsdbScanState *state, int step)
{
	int64 at = state->walk_at + step;

	state->walk_at = Max(-1, Min(at, state->nwalk));
	return at >= 0 && at < state->nwalk;
}

static void
restrict_to_walk(TsdbScanState *state)
{
	tsdb_reader_restrict(state->reader, &state->walk[state->walk_at], 1, state->restricted->from, state->restricted->until);
}

/* Parallel scans go forward only: cursors are never parallel. */
static const TsdbBatch *
next_unit_window(TsdbScanState *state)
{
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

	if (state->edges != NULL)
		tsdb_edges_close(state->edges);
	state->edges = NULL;
	if (state->reader != NULL)
		tsdb_reader_close(state->reader);
	state->reader = NULL;
	ExecClearTuple(node->ss.ss_ScanTupleSlot);
	if (state->slices != NULL)
		tsdb_timeslices_free(state->slices);
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
	pg_atomic_init_u64(&shared->rows_filtered, 0);
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
		state->rows_filtered += pg_atomic_exchange_u64(&state->shared->rows_filtered, 0);
	}
	else if (state->reader != NULL)
	{
		const uint64 *counters = (const uint64 *) tsdb_reader_counters(state->reader);

		for (Size i = 0; i < TSDB_SCANNODE_NCOUNTERS; i++)
			pg_atomic_fetch_add_u64(&state->shared->counters[i], counters[i]);
		pg_atomic_fetch_add_u64(&state->shared->rows_filtered, (int64) state->rows_filtered);
	}
}
