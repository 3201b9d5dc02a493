/*-------------------------------------------------------------------------
 *
 * planner.c
 *	  Where tsdb hooks into planner and executor.
 *
 * Planner: every scan of a tsdb table gets a path of ours beside core's, and so do queries that need
 * one row of each series, and grouped queries that summaries can answer.
 * Executor: rows that this transaction has not flushed yet live in the memory of this
 * backend, where parallel workers don't see them; so they are flushed before a parallel
 * plan starts.
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/parallel.h"
#include "executor/executor.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/cost.h"
#include "optimizer/paths.h"
#include "optimizer/planner.h"
#include "plan/aggnode.h"
#include "plan/aggpath.h"
#include "plan/deleterange.h"
#include "plan/distinctpath.h"
#include "plan/planner.h"
#include "plan/scannode.h"
#include "plan/scanpath.h"
#include "plan/serieslist.h"
#include "series/tsdbtable.h"
#include "utils/guc.h"
#include "utils/memutils.h"
#include "write/buffer.h"

bool tsdb_enable_scan = true;
bool tsdb_enable_agg = true;

static set_rel_pathlist_hook_type prev_set_rel_pathlist = NULL;
static create_upper_paths_hook_type prev_create_upper_paths = NULL;
static ExecutorStart_hook_type prev_executor_start = NULL;

static void set_rel_pathlist(PlannerInfo *root, RelOptInfo *rel, Index rti, RangeTblEntry *rte);
static bool is_scannable(RelOptInfo *rel, const RangeTblEntry *rte);
static void create_upper_paths(PlannerInfo *root, UpperRelationKind stage, RelOptInfo *input_rel, RelOptInfo *output_rel, void *extra);
static void executor_start(QueryDesc *query, int eflags);
static void forbid_workers(QueryDesc *query);

void
tsdb_planner_init(void)
{
	DefineCustomBoolVariable("tsdb.enable_scan",
							 "Enables the planner's use of tsdb's own scan.",
							 "It reads only the series, times and columns that a query needs.",
							 &tsdb_enable_scan, true, PGC_USERSET, GUC_EXPLAIN, NULL, NULL, NULL);

	DefineCustomBoolVariable("tsdb.enable_agg",
							 "Enables the planner's use of tsdb's own aggregation.",
							 "It answers grouped queries from summaries.",
							 &tsdb_enable_agg, true, PGC_USERSET, GUC_EXPLAIN, NULL, NULL, NULL);

	tsdb_scannode_init();
	tsdb_aggnode_init();
	tsdb_deleterange_init();
	prev_set_rel_pathlist = set_rel_pathlist_hook;
	set_rel_pathlist_hook = set_rel_pathlist;
	prev_create_upper_paths = create_upper_paths_hook;
	create_upper_paths_hook = create_upper_paths;
	prev_executor_start = ExecutorStart_hook;
	ExecutorStart_hook = executor_start;
}

// private functions

static void
set_rel_pathlist(PlannerInfo *root, RelOptInfo *rel, Index rti, RangeTblEntry *rte)
{
	if (prev_set_rel_pathlist)
		prev_set_rel_pathlist(root, rel, rti, rte);
	tsdb_serieslist_narrow(root, rel, rte);
	if (tsdb_enable_scan && is_scannable(rel, rte))
		tsdb_scanpath_add(root, rel, rte->relid);
}

static bool
is_scannable(RelOptInfo *rel, const RangeTblEntry *rte)
{
	ListCell *lc;

	if (rte->rtekind != RTE_RELATION || rte->inh ||
		(rte->relkind != RELKIND_RELATION && rte->relkind != RELKIND_MATVIEW))
		return false; /* subquery, partition parent, ... */
	if (rte->tablesample != NULL)
		return false; /* TABLESAMPLE draws pages, we read windows */
	if (IS_DUMMY_REL(rel))
		return false; /* constraint exclusion proved it empty */
	foreach (lc, rel->baserestrictinfo)
	{
		if (IsA(lfirst_node(RestrictInfo, lc)->clause, CurrentOfExpr))
			return false; /* only a TID scan can evaluate it */
	}
	return tsdb_table_is(rte->relid);
}

static void
create_upper_paths(PlannerInfo *root, UpperRelationKind stage, RelOptInfo *input_rel, RelOptInfo *output_rel, void *extra)
{
	if (prev_create_upper_paths)
		prev_create_upper_paths(root, stage, input_rel, output_rel, extra);
	if (tsdb_enable_scan)
		tsdb_distinctpath_add(root, stage, input_rel, output_rel);
	if (tsdb_enable_agg && stage == UPPERREL_GROUP_AGG)
		tsdb_aggpath_add(root, input_rel, output_rel, (List *) ((GroupPathExtraData *) extra)->havingQual);
}

static void
executor_start(QueryDesc *query, int eflags)
{
	/*
	 * Rows of any table, not only of those in the plan: functions that workers
	 * call may read others.  Rows of outer subtransactions can't be flushed now; then Gather runs the
	 * plan in this process alone.
	 */
	if (query->plannedstmt->parallelModeNeeded && (eflags & EXEC_FLAG_EXPLAIN_ONLY) == 0 &&
		!IsParallelWorker() && tsdb_buffer_has_pending(InvalidOid) && !tsdb_buffer_flush(InvalidOid))
		forbid_workers(query);

	if (prev_executor_start)
		prev_executor_start(query, eflags);
	else
		standard_ExecutorStart(query, eflags);
	tsdb_deleterange_prepare(query);
}

/* The plan may be a cached one, so a copy of its top is changed. */
static void
forbid_workers(QueryDesc *query)
{
	PlannedStmt *copy = MemoryContextAlloc(GetMemoryChunkContext(query), sizeof(PlannedStmt));

	memcpy(copy, query->plannedstmt, sizeof(PlannedStmt));
	copy->parallelModeNeeded = false;
	query->plannedstmt = copy;
}
