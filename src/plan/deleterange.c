/*-------------------------------------------------------------------------
 *
 * deleterange.c
 *	  DELETE statements that take whole ranges out instead of rows.
 *
 * Range deletes read by a snapshot of their own, taken behind their locks.  They may be used only where that sees of the
 * range just what the statement's snapshot sees: others' changes are looked for in maint/rangecheck.c, those of this
 * transaction by command ids here.
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "commands/trigger.h"
#include "executor/executor.h"
#include "maint/rangedelete.h"
#include "pg/compat.h"
#include "pg/counters.h"
#include "plan/deleterange.h"
#include "series/tsdbtable.h"
#include "utils/snapmgr.h"
#include "write/buffer.h"

/* What the scans of one statement share. */
typedef struct Statement
{
	CommandId cid; /* as long as this is the current one, nobody has written anything since the statement began */
	bool is_counted;
} Statement;

struct TsdbDeleteRange
{
	Statement *statement;
	bool is_tried;
	bool is_done;
	const char *outcome; /* for EXPLAIN */
	TsdbRangeDeleted deleted;
};

static ExecutorRun_hook_type prev_executor_run = NULL;
static ExecutorFinish_hook_type prev_executor_finish = NULL;
static int change_depth = 0; /* queries that change tables and are running now */

static bool is_plain_delete(const QueryDesc *query);
static void mark_scans(PlanState *node, Statement *statement);
static void mark_scan(TsdbScanState *state, Statement *statement);
static bool shows_rows(const TriggerDesc *triggers, bool is_root);
static const char *find_obstacle(const TsdbScanState *state);
static bool try_range(TsdbScanState *state, const TsdbRestricted *restricted);
static void executor_run(TSDB_EXECUTOR_RUN_PARAMS);
static void executor_finish(QueryDesc *query);

void
tsdb_deleterange_prepare(QueryDesc *query)
{
	ModifyTableState *node = (ModifyTableState *) query->planstate;
	MemoryContext caller;
	Statement *statement;

	if (!is_plain_delete(query))
		return;
	caller = MemoryContextSwitchTo(query->estate->es_query_cxt);
	statement = palloc0(sizeof(Statement));
	statement->cid = query->estate->es_output_cid;
	statement->is_counted = node->canSetTag;
	mark_scans(outerPlanState(node), statement);
	MemoryContextSwitchTo(caller);
}

bool
tsdb_deleterange_run(TsdbScanState *state, const TsdbRestricted *restricted)
{
	struct TsdbDeleteRange *range = state->delete_range;

	if (!range->is_tried)
	{
		range->is_tried = true;
		range->outcome = find_obstacle(state);
		if (range->outcome == NULL)
			range->is_done = try_range(state, restricted);
	}
	return range->is_done;
}

bool
tsdb_deleterange_explain(const TsdbScanState *state, ExplainState *es)
{
	const struct TsdbDeleteRange *range = state->delete_range;

	ExplainPropertyText("Range Delete", !es->analyze ? "possible" : range->is_tried ? range->outcome
																					: "nothing to delete",
						es);
	if (!range->is_done)
		return false;
	ExplainPropertyUInteger("Rows Deleted", NULL, range->deleted.nrows, es);
	ExplainPropertyUInteger("Blocks Dropped", NULL, range->deleted.blocks_dropped, es);
	ExplainPropertyUInteger("Blocks Decoded", NULL, range->deleted.blocks_decoded, es);
	return true;
}

void
tsdb_deleterange_init(void)
{
	prev_executor_run = ExecutorRun_hook;
	ExecutorRun_hook = executor_run;
	prev_executor_finish = ExecutorFinish_hook;
	ExecutorFinish_hook = executor_finish;
}

// private functions

/*
 * Nothing in the statement looks at what goes, and nothing else in it writes.  Inside another statement that changes
 * tables rows are marked one by one: that one may come to them, and has to be told.
 */
static bool
is_plain_delete(const QueryDesc *query)
{
	const ModifyTableState *node = (const ModifyTableState *) query->planstate;
	const ModifyTable *plan;

	if (query->operation != CMD_DELETE || !IsA(node, ModifyTableState) || change_depth > 0 ||
		query->plannedstmt->hasModifyingCTE || query->crosscheck_snapshot != InvalidSnapshot ||
		query->snapshot == InvalidSnapshot || query->snapshot->curcid != query->estate->es_output_cid)
		return false;
	plan = (const ModifyTable *) node->ps.plan;
	return plan->operation == CMD_DELETE && plan->returningLists == NIL && plan->rowMarks == NIL &&
		   !shows_rows(node->rootResultRelInfo->ri_TrigDesc, true);
}

static void
mark_scans(PlanState *node, Statement *statement)
{
	if (IsA(node, AppendState))
	{
		const AppendState *append = (const AppendState *) node;

		for (int i = 0; i < append->as_nplans; i++)
			mark_scans(append->appendplans[i], statement);
	}
	else if (IsA(node, CustomScanState) && ((const CustomScan *) node->plan)->methods == &tsdb_scannode_methods)
		mark_scan((TsdbScanState *) node, statement);
}

/* Conditions on values and on local time are left to rows; so is what core evaluates. */
static void
mark_scan(TsdbScanState *state, Statement *statement)
{
	const CustomScan *scan = (const CustomScan *) state->css.ss.ps.plan;
	const ResultRelInfo *target = state->css.ss.ps.state->es_result_relations[scan->scan.scanrelid - 1];

	if (scan->scan.plan.qual != NIL || state->value_filter != NULL || state->clock != NIL || target == NULL ||
		shows_rows(target->ri_TrigDesc, false))
		return;
	state->delete_range = palloc0(sizeof(struct TsdbDeleteRange));
	state->delete_range->statement = statement;
}

/* Do triggers look at deleted rows?  Those of each row are the table's own, transition tables the one's that the statement names. */
static bool
shows_rows(const TriggerDesc *triggers, bool is_root)
{
	if (triggers == NULL)
		return false;
	return triggers->trig_delete_old_table ||
		   (!is_root && (triggers->trig_delete_before_row || triggers->trig_delete_after_row || triggers->trig_delete_instead_row));
}

static const char *
find_obstacle(const TsdbScanState *state)
{
	if (state->css.ss.ps.state->es_epq_active != NULL || IsInParallelMode())
		return "rows are asked for";
	if (GetCurrentCommandId(false) != state->delete_range->statement->cid)
		return "triggers have written";
	if (tsdb_buffer_is_watched || tsdb_table_get(state->css.ss.ss_currentRelation)->require_reason)
		return "rows are journaled";
	return NULL;
}

static bool
try_range(TsdbScanState *state, const TsdbRestricted *restricted)
{
	static const char *const outcomes[] = {
		[TSDB_RANGE_DONE] = "done",
		[TSDB_RANGE_SMALL] = "few rows",
		[TSDB_RANGE_BUSY] = "table is busy",
		[TSDB_RANGE_CHANGED] = "changed meanwhile",
	};
	EState *estate = state->css.ss.ps.state;
	struct TsdbDeleteRange *range = state->delete_range;
	TsdbRangeDelete request = {0};
	TsdbRangeOutcome outcome;

	request.series = restricted->series;
	request.nseries = restricted->nseries;
	request.from_us = restricted->from;
	request.until_us = restricted->until;
	outcome = tsdb_rangedelete_statement(state->css.ss.ss_currentRelation, &request, estate->es_snapshot,
										 state->css.ss.ps.plan->plan_rows, &range->deleted);
	range->outcome = outcomes[outcome];
	range->statement->cid = GetCurrentCommandId(false);
	if (outcome != TSDB_RANGE_DONE)
		return false;
	tsdb_counters_add(TSDB_STAT_ROWS_CUT, range->deleted.nrows);
	if (range->statement->is_counted)
		estate->es_processed += range->deleted.nrows;
	return true;
}

static void
executor_run(TSDB_EXECUTOR_RUN_PARAMS)
{
	bool changes = query->operation != CMD_SELECT || query->plannedstmt->hasModifyingCTE;

	change_depth += changes;
	PG_TRY();
	{
		if (prev_executor_run != NULL)
			prev_executor_run(TSDB_EXECUTOR_RUN_ARGS);
		else
			standard_ExecutorRun(TSDB_EXECUTOR_RUN_ARGS);
	}
	PG_FINALLY();
	{
		change_depth -= changes;
	}
	PG_END_TRY();
}

/* WITH queries that nobody reads change rows here. */
static void
executor_finish(QueryDesc *query)
{
	bool changes = query->plannedstmt->hasModifyingCTE;

	change_depth += changes;
	PG_TRY();
	{
		if (prev_executor_finish != NULL)
			prev_executor_finish(query);
		else
			standard_ExecutorFinish(query);
	}
	PG_FINALLY();
	{
		change_depth -= changes;
	}
	PG_END_TRY();
}
