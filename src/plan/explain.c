/*-------------------------------------------------------------------------
 *
 * explain.c
 *	  What EXPLAIN shows of the scan node.
 *
 * Without ANALYZE, times and series are worked out here, unless they depend on
 * parameters that only an execution knows.  After several loops they are those of the last one.
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "commands/explain.h"
#include "fmgr.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "plan/deleterange.h"
#include "plan/explain.h"
#include "plan/localexpr.h"
#include "plan/scannode.h"
#include "utils/builtins.h"
#include "utils/ruleutils.h"
#include "utils/timestamp.h"

static void explain_conditions(CustomScan *scan, List *ancestors, ExplainState *es);
static void explain_walk(const TsdbScanState *state, ExplainState *es);
static char *time_text(int64 time_us);
static void explain_counters(const TsdbScanState *state, ExplainState *es);
static void add_counters(TsdbReaderCounters *sum, const TsdbReaderCounters *more);

void
tsdb_explain_scan(CustomScanState *node, List *ancestors, ExplainState *es)
{
	TsdbScanState *state = (TsdbScanState *) node;
	CustomScan *scan = (CustomScan *) node->ss.ps.plan;

	explain_conditions(scan, ancestors, es);
	explain_walk(state, es);
	if (state->restricted == NULL && !es->analyze &&
		!tsdb_explain_needs_execution((Node *) scan->custom_exprs, node->ss.ps.state))
		state->restricted = tsdb_restriction_evaluate(state->restriction);
	if (state->restricted != NULL)
		tsdb_explain_restriction(state->restricted, es);
	if (state->local != NIL)
		ExplainPropertyText("Local Time", tsdb_localexpr_text(state->local), es);
	if ((state->delete_range == NULL || !tsdb_deleterange_explain(state, es)) && es->analyze)
		explain_counters(state, es);
}

void
tsdb_explain_restriction(const TsdbRestricted *restricted, ExplainState *es)
{
	if (restricted->has_times)
	{
		char *range = restricted->from < restricted->until
						  ? psprintf("[%s, %s)", time_text(restricted->from), time_text(restricted->until))
						  : "empty";

		ExplainPropertyText("Time Range", range, es);
	}
	if (restricted->has_tags)
	{
		ExplainPropertyUInteger("Series Matched", NULL, restricted->nseries, es);
		ExplainPropertyUInteger("Series Known", NULL, restricted->nseries_known, es);
	}
}

bool
tsdb_explain_needs_execution(Node *node, void *context)
{
	if (node == NULL)
		return false;
	if (IsA(node, Param))
		return ((Param *) node)->paramkind != PARAM_EXTERN || ((EState *) context)->es_param_list_info == NULL;
	return expression_tree_walker(node, tsdb_explain_needs_execution, context);
}

// private functions

/* Those that the scan takes care of; the rest is the node's filter. */
static void
explain_conditions(CustomScan *scan, List *ancestors, ExplainState *es)
{
	List *conditions = list_nth(scan->custom_exprs, 4);
	List *context;

	if (conditions == NIL)
		return;
	context = set_deparse_context_plan(es->deparse_cxt, (Plan *) scan, ancestors);
	ExplainPropertyText("Conditions",
						deparse_expression((Node *) make_ands_explicit(conditions), context,
										   es->verbose, false),
						es);
}

static void
explain_walk(const TsdbScanState *state, ExplainState *es)
{
	if (state->is_backward)
		ExplainPropertyText("Time Direction", "Backward", es);
	if (state->slices != NULL)
		ExplainPropertyText("Time Slices", state->slices_backward ? "Backward" : "Forward", es);
	if (state->sort_keys != NIL)
		ExplainPropertyText("Series Order", "By Tags", es);
	if (state->one_per_series)
		ExplainPropertyBool("One Row Per Series", true, es);
}

static char *
time_text(int64 time_us)
{
	return DatumGetCString(DirectFunctionCall3(timestamptz_out, TimestampTzGetDatum(time_us), 0, 0));
}

static void
explain_counters(const TsdbScanState *state, ExplainState *es)
{
	TsdbReaderCounters counters = state->worker_counters;

	if (state->reader != NULL)
		add_counters(&counters, tsdb_reader_counters(state->reader));
	if (state->one_per_series)
		ExplainPropertyUInteger("Rows from Summary", NULL, state->rows_summarised, es);
	ExplainPropertyUInteger("Windows Read", NULL, counters.windows, es);
	ExplainPropertyUInteger("Segments Opened", NULL, counters.segments_opened, es);
	ExplainPropertyUInteger("Blocks Decoded", NULL, counters.blocks_decoded, es);
	ExplainPropertyUInteger("Blocks Skipped", NULL, counters.blocks_skipped, es);
	if (state->value_filter != NULL)
	{
		ExplainPropertyUInteger("Blocks Skipped by Value", NULL, counters.blocks_filtered, es);
		ExplainPropertyUInteger("Rows Removed by Value", NULL, state->rows_filtered, es);
	}
	ExplainPropertyUInteger("Runs Read", NULL, counters.runs_read, es);
	ExplainPropertyUInteger("Runs Skipped", NULL, counters.runs_skipped, es);
	ExplainPropertyUInteger("Pending Rows", NULL, counters.pending_rows, es);
}

static void
add_counters(TsdbReaderCounters *sum, const TsdbReaderCounters *more)
{
	sum->windows += more->windows;
	sum->blocks_filtered += more->blocks_filtered;
	sum->segments_opened += more->segments_opened;
	sum->blocks_decoded += more->blocks_decoded;
	sum->blocks_skipped += more->blocks_skipped;
	sum->runs_read += more->runs_read;
	sum->runs_skipped += more->runs_skipped;
	sum->pending_rows += more->pending_rows;
	sum->rows += more->rows;
}
