/*-------------------------------------------------------------------------
 *
 * aggnode.c
 *	  TsdbAggregate: a custom scan that answers a grouped query from summaries.
 *
 * At the first fetch all cells (read/aggregate.h) of all tables are added to their groups; then the groups are
 * emitted.  Everything that may depend on parameters or the session's time zone is worked out then.  Where groups can't
 * come back, because each is a series or a bucket of the only series, they are emitted one by one as their cells end
 * (streaming).
 *
 * Parallel: only where all tags are keys, so that a group lies in one series.  Processes claim ranges of series ids.
 *
 * A group is found by two ids, that of its tag keys and that of its bucket keys.  The first changes with the series,
 * the second with the bucket; so keys are computed once per series and bucket.  Buckets with equal keys are one group:
 * a local hour may come twice.
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/parallel.h"
#include "access/table.h"
#include "executor/executor.h"
#include "miscadmin.h"
#include "nodes/extensible.h"
#include "plan/aggnode.h"
#include "plan/aggorder.h"
#include "plan/aggquery.h"
#include "plan/aggread.h"
#include "plan/bucketexpr.h"
#include "plan/explain.h"
#include "utils/datum.h"
#include "utils/memutils.h"

static Node *create_state(CustomScan *scan);
static void begin_aggregate(CustomScanState *node, EState *estate, int eflags);
static void begin_keys(TsdbAggNodeState *state, List *keys, List *operators, List *kinds);
static void begin_order(TsdbAggNodeState *state, List *kinds);
static void begin_calls(TsdbAggNodeState *state, CustomScan *scan);
static void begin_row(TsdbAggNodeState *state, Oid relid);
static void begin_tables(TsdbAggNodeState *state, CustomScan *scan);
static void begin_table(TsdbAggNodeState *state, TsdbAggTableState *table, List *plan, List *exprs);
static TupleTableSlot *exec_aggregate(CustomScanState *node);
static TupleTableSlot *fetch_group(ScanState *node);
static void start(TsdbAggNodeState *state);
static bool may_stream(TsdbAggNodeState *state);
static bool stream_group(TsdbAggNodeState *state, TupleTableSlot *slot);
static bool is_same_group(const TsdbAggNodeState *state, const TsdbAggregateCell *cell, TupleTableSlot *slot);
static void store_present_keys(TsdbAggNodeState *state, TupleTableSlot *slot);
static void emit_group(TsdbAggNodeState *state, const TsdbAggGroup *group, TupleTableSlot *slot);
static void store_keys(const TsdbAggNodeState *state, const Datum *tags, const bool *tags_isnull,
					   const Datum *buckets, const bool *buckets_isnull, TupleTableSlot *slot);
static void store_results(const TsdbAggNodeState *state, const char *states, TupleTableSlot *slot);
static bool recheck_group(ScanState *node, TupleTableSlot *slot);
static void collect_groups(TsdbAggNodeState *state);
static void reset_groups(TsdbAggNodeState *state);
static void end_aggregate(CustomScanState *node);
static void rescan(CustomScanState *node);
static Size estimate_dsm(CustomScanState *node, ParallelContext *pcxt);
static void initialize_dsm(CustomScanState *node, ParallelContext *pcxt, void *coordinate);
static void reinitialize_dsm(CustomScanState *node, ParallelContext *pcxt, void *coordinate);
static void initialize_worker(CustomScanState *node, shm_toc *toc, void *coordinate);
static void shutdown_aggregate(CustomScanState *node);

const CustomScanMethods tsdb_aggnode_methods = {
	.CustomName = "TsdbAggregate",
	.CreateCustomScanState = create_state,
};

static const CustomExecMethods exec_methods = {
	.CustomName = "TsdbAggregate",
	.BeginCustomScan = begin_aggregate,
	.ExecCustomScan = exec_aggregate,
	.EndCustomScan = end_aggregate,
	.ReScanCustomScan = rescan,
	.EstimateDSMCustomScan = estimate_dsm,
	.InitializeDSMCustomScan = initialize_dsm,
	.ReInitializeDSMCustomScan = reinitialize_dsm,
	.InitializeWorkerCustomScan = initialize_worker,
	.ShutdownCustomScan = shutdown_aggregate,
	.ExplainCustomScan = tsdb_explain_aggregate,
};

void
tsdb_aggnode_init(void)
{
	RegisterCustomScanMethods(&tsdb_aggnode_methods);
}

// private functions

static Node *
create_state(CustomScan *scan)
{
	TsdbAggNodeState *state = (TsdbAggNodeState *) newNode(sizeof(TsdbAggNodeState), T_CustomScanState);

	state->css.methods = &exec_methods;
	return (Node *) state;
}

static void
begin_aggregate(CustomScanState *node, EState *estate, int eflags)
{
	TsdbAggNodeState *state = (TsdbAggNodeState *) node;
	CustomScan *scan = (CustomScan *) node->ss.ps.plan;
	List *private = scan->custom_private;
	Oid relid = linitial_oid(linitial(private));

	state->context = AllocSetContextCreate(estate->es_query_cxt, "tsdb aggregation", ALLOCSET_DEFAULT_SIZES);
	state->econtext = CreateExprContext(estate);
	state->result_context = AllocSetContextCreate(estate->es_query_cxt, "tsdb sorted groups", ALLOCSET_DEFAULT_SIZES);
	state->order = list_nth(private, 9);
	state->is_grouped = lsecond_oid(linitial(private)) != 0;
	state->has_all_tags = lthird_oid(linitial(private)) != 0;
	state->bucket = list_nth(private, 4);
	begin_row(state, relid);
	begin_tables(state, scan);
	begin_keys(state, lsecond(private), lthird(private), lfourth(private));
	begin_order(state, lfourth(private));
	begin_calls(state, scan);
	state->groups = tsdb_agggroups_create(state->states_bytes);
	state->seen_buckets = tsdb_aggbuckets_create();
	state->states = palloc(Max(state->states_bytes, 1));
}

static void
begin_row(TsdbAggNodeState *state, Oid relid)
{
	Relation rel = table_open(relid, AccessShareLock);

	/* Of the kind that the node's own scan slot has: the expressions are compiled for that. */
	state->row = ExecInitExtraTupleSlot(state->css.ss.ps.state, CreateTupleDescCopy(RelationGetDescr(rel)), &TTSOpsVirtual);
	memset(state->row->tts_isnull, true, sizeof(bool) * state->row->tts_tupleDescriptor->natts);
	state->econtext->ecxt_scantuple = state->row;
	table_close(rel, NoLock);
}

static void
begin_tables(TsdbAggNodeState *state, CustomScan *scan)
{
	List *plans = list_nth(scan->custom_private, 8);
	ListCell *plan;
	ListCell *exprs;

	state->tables = palloc0(sizeof(TsdbAggTableState) * list_length(plans));
	forboth (plan, plans, exprs, lsecond(scan->custom_exprs))
		begin_table(state, &state->tables[state->ntables++], lfirst(plan), lfirst(exprs));
	tsdb_aggread_find_time(state);
}

static void
begin_table(TsdbAggNodeState *state, TsdbAggTableState *table, List *plan, List *exprs)
{
	table->rel = table_open(linitial_oid(linitial(plan)), AccessShareLock);
	table->attnums = lsecond(plan);
	table->restriction = tsdb_restriction_create(&state->css.ss.ps, table->rel, linitial(exprs), lfourth(plan),
												 lthird(plan), lsecond(exprs));
	table->values = tsdb_valuefilter_create(&state->css.ss.ps, lthird(exprs), list_nth(plan, 4));
	table->clock = list_nth(plan, 5);
	table->local = list_nth(plan, 6);
	tsdb_localexpr_check_rights(table->clock);
	if (tsdb_bucketexpr_clock(state->bucket) != NIL)
	{
		table->clock = tsdb_bucketexpr_clock(state->bucket);
		table->clock_attnums = table->attnums;
		tsdb_localexpr_check_rights(table->clock);
	}
}

static void
begin_keys(TsdbAggNodeState *state, List *keys, List *operators, List *kinds)
{
	List *exprs[2] = {NIL, NIL}; /* of tags, of the time */
	List *equals[2] = {NIL, NIL};

	state->key_buckets = palloc(sizeof(bool) * Max(list_length(keys), 1));
	state->key_positions = palloc(sizeof(int) * Max(list_length(keys), 1));
	for (int i = 0; i < list_length(keys); i++)
	{
		int kind = list_nth_int(kinds, i) != TSDB_AGGKEY_TAGS;

		state->key_buckets[i] = kind != 0;
		state->key_positions[i] = list_length(exprs[kind]);
		exprs[kind] = lappend(exprs[kind], list_nth(keys, i));
		equals[kind] = lappend_oid(equals[kind], list_nth_oid(operators, i));
	}
	state->nkeys = list_length(keys);
	state->tag_keys = ExecInitExprList(exprs[0], &state->css.ss.ps);
	state->bucket_keys = ExecInitExprList(exprs[1], &state->css.ss.ps);
	if (state->bucket != NIL)
		state->bucket_arguments = ExecInitExprList(tsdb_bucketexpr_arguments(state->bucket), &state->css.ss.ps);
	state->tag_sets = tsdb_aggkeys_create(exprs[0], equals[0]);
	state->bucket_sets = tsdb_aggkeys_create(exprs[1], equals[1]);
	state->needs_tags = exprs[0] != NIL || tsdb_bucketexpr_clock(state->bucket) != NIL;
	state->tag_values = palloc0(sizeof(Datum) * Max(state->nkeys, 1));
	state->tag_isnull = palloc0(sizeof(bool) * Max(state->nkeys, 1));
	state->bucket_values = palloc0(sizeof(Datum) * Max(state->nkeys, 1));
	state->bucket_isnull = palloc0(sizeof(bool) * Max(state->nkeys, 1));
}

/* What is known of the order that groups come in. */
static void
begin_order(TsdbAggNodeState *state, List *kinds)
{
	int nbuckets = 0;
	ListCell *lc;

	foreach (lc, kinds)
	{
		nbuckets += lfirst_int(lc) != TSDB_AGGKEY_TAGS;
		state->has_rising_keys |= lfirst_int(lc) >= TSDB_AGGKEY_RISING;
	}
	state->has_start_key = nbuckets == 1 && list_member_int(kinds, TSDB_AGGKEY_START);

	state->is_rising_order = true;
	foreach (lc, state->order)
	{
		int kind = list_nth_int(kinds, linitial_int(lfirst(lc)));

		if (kind == TSDB_AGGKEY_TAGS)
			continue;
		state->is_rising_order = kind >= TSDB_AGGKEY_RISING && list_nth_int(lfirst(lc), 4) != 0;
		break;
	}
}

static void
begin_calls(TsdbAggNodeState *state, CustomScan *scan)
{
	List *calls = list_nth(scan->custom_private, 5);
	List *tags = list_nth(scan->custom_private, 6);
	List *strategies = list_nth(scan->custom_private, 7);
	List *steppeds = list_nth(scan->custom_private, 10);
	List *bounds = linitial(scan->custom_exprs);

	state->calls = palloc0(sizeof(TsdbAggCallState) * Max(list_length(calls), 1));
	state->ncalls = list_length(calls);
	for (int i = 0; i < state->ncalls; i++)
	{
		TsdbAggCallState *call = &state->calls[i];

		call->call = tsdb_aggquery_call(list_nth(calls, i));
		call->offset = state->states_bytes;
		state->states_bytes += tsdb_aggstate_size(&call->call);
		if (list_nth(tags, i) != NIL)
			call->tags_filter = ExecInitQual(list_nth(tags, i), &state->css.ss.ps);
		if (list_nth(bounds, i) != NIL)
			call->times_filter = tsdb_restriction_create(&state->css.ss.ps, state->tables[0].rel, list_nth(bounds, i),
														 list_nth(strategies, i), NIL, NIL);
		if (list_nth(steppeds, i) != NIL)
			call->stepped = ExecInitExpr(linitial(list_nth(steppeds, i)), &state->css.ss.ps);
		if (call->tags_filter != NULL || call->stepped != NULL || call->call.source == TSDB_AGG_TAG)
			state->needs_tags = true;
	}
}

static TupleTableSlot *
exec_aggregate(CustomScanState *node)
{
	return ExecScan(&node->ss, fetch_group, recheck_group);
}

static TupleTableSlot *
fetch_group(ScanState *node)
{
	TsdbAggNodeState *state = (TsdbAggNodeState *) node;
	TupleTableSlot *slot = ExecClearTuple(node->ss_ScanTupleSlot);

	CHECK_FOR_INTERRUPTS();
	if (!state->is_started)
		start(state);
	if (state->is_streaming)
		return stream_group(state, slot) ? ExecStoreVirtualTuple(slot) : slot;
	if (!state->is_done)
		collect_groups(state);
	if (state->next >= tsdb_agggroups_count(state->groups))
		return slot;
	emit_group(state, state->sorted ? state->sorted[state->next] : tsdb_agggroups_at(state->groups, state->next), slot);
	state->next++;
	return ExecStoreVirtualTuple(slot);
}

static void
start(TsdbAggNodeState *state)
{
	MemoryContext caller = MemoryContextSwitchTo(state->context);

	tsdb_aggread_start(state);
	state->is_streaming = may_stream(state);
	state->is_started = true;
	state->is_done = false;
	state->ahead = NULL;
	MemoryContextSwitchTo(caller);
}

/* Is every group complete when the next one begins, and do they come in the order that was promised? */
static bool
may_stream(TsdbAggNodeState *state)
{
	bool is_one_series = tsdb_aggread_is_one_series(state);

	if (!state->is_grouped || (!is_one_series && !state->has_all_tags))
		return false;
	if (state->order != NIL && !(is_one_series && state->is_rising_order))
		return false;
	return state->bucket == NIL ||
		   (state->rule.kind == TSDB_BUCKETS_FIXED && state->has_rising_keys && state->request.ncuts == 0);
}

/* Read the cells of the next group and store its row; false at the end. */
static bool
stream_group(TsdbAggNodeState *state, TupleTableSlot *slot)
{
	MemoryContext caller = MemoryContextSwitchTo(state->context);
	const TsdbAggregateCell *cell = state->ahead;
	uint32 series;
	int64 from;

	if (cell == NULL && !state->is_done)
		cell = tsdb_aggread_next(state);
	state->is_done = cell == NULL;
	if (cell != NULL)
	{
		series = cell->series;
		from = cell->bucket.from;
		store_present_keys(state, slot);
		memset(state->states, 0, state->states_bytes);
		do
		{
			tsdb_aggread_add(state, cell, state->states);
			cell = tsdb_aggread_next(state);
		} while (cell != NULL && cell->series == series &&
				 (state->bucket == NIL || cell->bucket.from == from || is_same_group(state, cell, slot)));
		store_results(state, state->states, slot);
	}
	state->ahead = cell;
	MemoryContextSwitchTo(caller);
	return !state->is_done;
}

/* Of single microseconds several may have the same keys: those of this cell, and those in the slot? */
static bool
is_same_group(const TsdbAggNodeState *state, const TsdbAggregateCell *cell, TupleTableSlot *slot)
{
	if (state->rule.exact_until_us == 0 ||
		(cell->bucket.from > state->rule.exact_from_us && cell->bucket.from < state->rule.exact_until_us))
		return false;
	for (int i = 0; i < state->nkeys; i++)
	{
		Form_pg_attribute attr = TupleDescAttr(slot->tts_tupleDescriptor, i);
		int position = state->key_positions[i];

		if (!state->key_buckets[i])
			continue;
		if (slot->tts_isnull[i] != state->bucket_isnull[position] ||
			(!slot->tts_isnull[i] && !datumIsEqual(slot->tts_values[i], state->bucket_values[position], attr->attbyval, attr->attlen)))
			return false;
	}
	return true;
}

/* The keys of the cell that has just been read, copied: the next cell overwrites them. */
static void
store_present_keys(TsdbAggNodeState *state, TupleTableSlot *slot)
{
	MemoryContext caller = MemoryContextSwitchTo(state->css.ss.ps.ps_ExprContext->ecxt_per_tuple_memory);

	store_keys(state, state->tag_values, state->tag_isnull, state->bucket_values, state->bucket_isnull, slot);
	for (int i = 0; i < state->nkeys; i++)
	{
		Form_pg_attribute attr = TupleDescAttr(slot->tts_tupleDescriptor, i);

		if (!slot->tts_isnull[i])
			slot->tts_values[i] = datumCopy(slot->tts_values[i], attr->attbyval, attr->attlen);
	}
	MemoryContextSwitchTo(caller);
}

static void
emit_group(TsdbAggNodeState *state, const TsdbAggGroup *group, TupleTableSlot *slot)
{
	const Datum *tags = NULL;
	const bool *tags_isnull = NULL;
	const Datum *buckets = NULL;
	const bool *buckets_isnull = NULL;

	if (state->nkeys > 0)
	{
		tsdb_aggkeys_values(state->tag_sets, group->tags, &tags, &tags_isnull);
		tsdb_aggkeys_values(state->bucket_sets, group->bucket, &buckets, &buckets_isnull);
	}
	store_keys(state, tags, tags_isnull, buckets, buckets_isnull, slot);
	store_results(state, TSDB_AGGGROUP_STATES(group), slot);
}

static void
store_keys(const TsdbAggNodeState *state, const Datum *tags, const bool *tags_isnull,
		   const Datum *buckets, const bool *buckets_isnull, TupleTableSlot *slot)
{
	for (int i = 0; i < state->nkeys; i++)
	{
		int position = state->key_positions[i];

		slot->tts_values[i] = state->key_buckets[i] ? buckets[position] : tags[position];
		slot->tts_isnull[i] = state->key_buckets[i] ? buckets_isnull[position] : tags_isnull[position];
	}
}

static void
store_results(const TsdbAggNodeState *state, const char *states, TupleTableSlot *slot)
{
	MemoryContext caller = MemoryContextSwitchTo(state->css.ss.ps.ps_ExprContext->ecxt_per_tuple_memory);

	for (int i = 0; i < state->ncalls; i++)
	{
		const TsdbAggCallState *call = &state->calls[i];
		int column = state->nkeys + i;

		slot->tts_values[column] = tsdb_aggstate_finish(states + call->offset, &call->call, &slot->tts_isnull[column]);
	}
	MemoryContextSwitchTo(caller);
}

/* There are no rows to lock, so nothing to look at again. */
static bool
recheck_group(ScanState *node, TupleTableSlot *slot)
{
	return true;
}

/* Add all cells to their groups. */
static void
collect_groups(TsdbAggNodeState *state)
{
	MemoryContext caller = MemoryContextSwitchTo(state->context);
	const TsdbAggregateCell *cell;

	reset_groups(state);
	while ((cell = tsdb_aggread_next(state)) != NULL)
	{
		TsdbAggGroup *group = tsdb_agggroups_get(state->groups, state->tags_id, state->bucket_id);

		tsdb_aggread_add(state, cell, TSDB_AGGGROUP_STATES(group));
	}
	if (!state->is_grouped)
		tsdb_agggroups_get(state->groups, 0, 0); /* one group, even of no rows */
	if (state->order != NIL)
	{
		MemoryContextSwitchTo(state->result_context);
		state->sorted = tsdb_aggorder_sort(state);
	}
	state->is_done = true;
	MemoryContextSwitchTo(caller);
	MemoryContextReset(state->context);
}

static void
reset_groups(TsdbAggNodeState *state)
{
	tsdb_aggkeys_reset(state->tag_sets);
	tsdb_aggkeys_reset(state->bucket_sets);
	tsdb_agggroups_reset(state->groups);
	MemoryContextReset(state->result_context);
	state->sorted = NULL;
	state->next = 0;
}

static void
end_aggregate(CustomScanState *node)
{
	TsdbAggNodeState *state = (TsdbAggNodeState *) node;

	tsdb_aggread_stop(state);
	for (int i = 0; i < state->ntables; i++)
		table_close(state->tables[i].rel, NoLock);
	MemoryContextDelete(state->context);
}

/* Without new parameters collected groups stay as they are. */
static void
rescan(CustomScanState *node)
{
	TsdbAggNodeState *state = (TsdbAggNodeState *) node;

	ExecScanReScan(&node->ss);
	state->next = 0;
	if (node->ss.ps.chgParam == NULL && state->is_started && !state->is_streaming && state->is_done)
		return;
	tsdb_aggread_stop(state);
	MemoryContextReset(state->context);
	state->is_started = false;
}

static Size
estimate_dsm(CustomScanState *node, ParallelContext *pcxt)
{
	return sizeof(TsdbAggShared);
}

static void
initialize_dsm(CustomScanState *node, ParallelContext *pcxt, void *coordinate)
{
	TsdbAggNodeState *state = (TsdbAggNodeState *) node;
	TsdbAggShared *shared = coordinate;

	pg_atomic_init_u32(&shared->next_unit, 0);
	pg_atomic_init_u64(&shared->ncells, 0);
	for (Size i = 0; i < TSDB_AGGNODE_NCOUNTERS; i++)
		pg_atomic_init_u64(&shared->counters[i], 0);
	shared->unit_series = tsdb_aggread_unit_series(state);
	state->shared = shared;
}

static void
reinitialize_dsm(CustomScanState *node, ParallelContext *pcxt, void *coordinate)
{
	TsdbAggShared *shared = coordinate;

	pg_atomic_write_u32(&shared->next_unit, 0);
}

static void
initialize_worker(CustomScanState *node, shm_toc *toc, void *coordinate)
{
	((TsdbAggNodeState *) node)->shared = coordinate;
}

/* Workers leave their counters behind; the leader adds them to its own before the shared memory goes. */
static void
shutdown_aggregate(CustomScanState *node)
{
	TsdbAggNodeState *state = (TsdbAggNodeState *) node;
	uint64 *counters = (uint64 *) &state->counters;

	if (state->shared == NULL)
		return;
	tsdb_aggread_stop(state);
	if (IsParallelWorker())
		pg_atomic_fetch_add_u64(&state->shared->ncells, state->ncells);
	else
		state->ncells += pg_atomic_exchange_u64(&state->shared->ncells, 0);
	for (Size i = 0; i < TSDB_AGGNODE_NCOUNTERS; i++)
	{
		if (IsParallelWorker())
			pg_atomic_fetch_add_u64(&state->shared->counters[i], counters[i]);
		else
			counters[i] += pg_atomic_exchange_u64(&state->shared->counters[i], 0);
	}
}
