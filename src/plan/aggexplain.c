/*-------------------------------------------------------------------------
 *
 * aggexplain.c
 *	  What EXPLAIN shows of the aggregate node.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "nodes/makefuncs.h"
#include "pg/compat.h"
#include "plan/aggnode.h"
#include "plan/explain.h"
#include "plan/localexpr.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/ruleutils.h"

static void explain_tables(TsdbAggNodeState *state, ExplainState *es);
static void explain_keys(TsdbAggNodeState *state, List *ancestors, ExplainState *es);
static void explain_clock(const TsdbAggNodeState *state, ExplainState *es);
static void explain_summaries(const TsdbAggNodeState *state, ExplainState *es);

void
tsdb_explain_aggregate(CustomScanState *node, List *ancestors, ExplainState *es)
{
	TsdbAggNodeState *state = (TsdbAggNodeState *) node;
	CustomScan *scan = (CustomScan *) node->ss.ps.plan;

	explain_tables(state, es);
	explain_keys(state, ancestors, es);
	if (state->ntables == 1)
	{
		TsdbAggTableState *table = &state->tables[0];

		if (table->restricted == NULL && !es->analyze &&
			!tsdb_explain_needs_execution((Node *) lsecond(scan->custom_exprs), node->ss.ps.state) &&
			!tsdb_explain_needs_execution((Node *) lthird(scan->custom_exprs), node->ss.ps.state))
			table->restricted = tsdb_restriction_evaluate(table->restriction);
		if (table->restricted != NULL)
			tsdb_explain_restriction(table->restricted, es);
		if (table->local != NIL)
			ExplainPropertyText("Local Time", tsdb_localexpr_text(table->local), es);
	}
	if (state->tables[0].clock != NIL)
		explain_clock(state, es);
	if (es->analyze)
		explain_summaries(state, es);
}

// private functions

static void
explain_tables(TsdbAggNodeState *state, ExplainState *es)
{
	List *names = NIL;

	for (int i = 0; i < state->ntables; i++)
		names = lappend(names, RelationGetRelationName(state->tables[i].rel));
	ExplainPropertyList(state->ntables == 1 ? "Table" : "Tables", names, es);
}

/* Keys are the first columns that the node emits. */
static void
explain_keys(TsdbAggNodeState *state, List *ancestors, ExplainState *es)
{
	CustomScan *scan = (CustomScan *) state->css.ss.ps.plan;
	List *context = set_deparse_context_plan(es->deparse_cxt, (Plan *) scan, ancestors);
	bool prefix = es->verbose || tsdb_compat_explain_ntables(es) > 1;
	List *keys = NIL;

	for (int i = 0; i < state->nkeys; i++)
	{
		TargetEntry *entry = list_nth(scan->custom_scan_tlist, i);
		Node *key = (Node *) makeVarFromTargetEntry(INDEX_VAR, entry);

		keys = lappend(keys, deparse_expression(key, context, prefix, true));
	}
	if (keys != NIL)
		ExplainPropertyList("Group Key", keys, es);
}

/* Whose rules say which zone a series has; how many zones there were. */
static void
explain_clock(const TsdbAggNodeState *state, ExplainState *es)
{
	ExplainPropertyText("Time Zones of", get_rel_name(tsdb_localexpr_table(state->tables[0].clock)), es);
	if (es->analyze)
		ExplainPropertyUInteger("Time Zones Read", NULL, state->nzones_read, es);
}

static void
explain_summaries(const TsdbAggNodeState *state, ExplainState *es)
{
	const TsdbAggregateCounters *counters = &state->counters;

	ExplainPropertyUInteger("Segments from Summary", NULL, counters->segments_summarised, es);
	ExplainPropertyUInteger("Groups from Summary", NULL, counters->groups_summarised, es);
	ExplainPropertyUInteger("Blocks from Summary", NULL, counters->blocks_summarised, es);
	ExplainPropertyUInteger("Parts from Summary", NULL, counters->subs_summarised, es);
	ExplainPropertyUInteger("Blocks Skipped by Value", NULL, counters->blocks_skipped, es);
	ExplainPropertyUInteger("Cells", NULL, state->ncells, es);
	ExplainPropertyUInteger("Segments Opened", NULL, counters->reader.segments_opened, es);
	ExplainPropertyUInteger("Blocks Decoded", NULL, counters->reader.blocks_decoded, es);
	ExplainPropertyUInteger("Runs Read", NULL, counters->reader.runs_read, es);
	ExplainPropertyUInteger("Pending Rows", NULL, counters->reader.pending_rows, es);
}
