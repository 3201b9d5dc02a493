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
#include "nodes/nodeFuncs.h"
#include "plan/explain.h"
#include "plan/scannode.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

static bool needs_execution(Node *node, void *context);
static void explain_restriction(const TsdbRestricted *restricted, ExplainState *es);
static char *time_text(int64 time_us);
static void explain_counters(const TsdbScanState *state, ExplainState *es);
static void add_counters(TsdbReaderCounters *sum, const TsdbReaderCounters *more);

void
tsdb_explain_scan(CustomScanState *node, List *ancestors, ExplainState *es)
{
	TsdbScanState *state = (TsdbScanState *) node;
	CustomScan *scan = (CustomScan *) node->ss.ps.plan;

	if (state->restricted == NULL && !es->analyze &&
		!needs_execution((Node *) scan->custom_exprs, node->ss.ps.state))
		state->restricted = tsdb_restriction_evaluate(state->restriction);
	if (state->restricted != NULL)
		explain_restriction(state->restricted, es);
	if (es->analyze)
		explain_counters(state, es);
}

// private functions

static bool
needs_execution(Node *node, void *context)
{
	if (node == NULL)
		return false;
	if (IsA(node, Param))
		return ((Param *) node)->paramkind != PARAM_EXTERN || ((EState *) context)->es_param_list_info == NULL;
	return expression_tree_walker(node, needs_execution, context);
}

static void
explain_restriction(const TsdbRestricted *restricted, ExplainState *es)
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
	ExplainPropertyUInteger("Windows Read", NULL, counters.windows, es);
	ExplainPropertyUInteger("Segments Opened", NULL, counters.segments_opened, es);
	ExplainPropertyUInteger("Blocks Decoded", NULL, counters.blocks_decoded, es);
	ExplainPropertyUInteger("Blocks Skipped", NULL, counters.blocks_skipped, es);
	ExplainPropertyUInteger("Runs Read", NULL, counters.runs_read, es);
	ExplainPropertyUInteger("Runs Skipped", NULL, counters.runs_skipped, es);
	ExplainPropertyUInteger("Pending Rows", NULL, counters.pending_rows, es);
}

static void
add_counters(TsdbReaderCounters *sum, const TsdbReaderCounters *more)
{
	sum->windows += more->windows;
	sum->segments_opened += more->segments_opened;
	sum->blocks_decoded += more->blocks_decoded;
	sum->blocks_skipped += more->blocks_skipped;
	sum->runs_read += more->runs_read;
	sum->runs_skipped += more->runs_skipped;
	sum->pending_rows += more->pending_rows;
	sum->rows += more->rows;
}
