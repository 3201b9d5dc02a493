/*-------------------------------------------------------------------------
 *
 * statement.c
 *	  Where statements begin and end: hooks into executor and utility commands.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/namespace.h"
#include "catalog/pg_inherits.h"
#include "edit/capture.h"
#include "edit/statement.h"
#include "executor/executor.h"
#include "nodes/parsenodes.h"
#include "storage/lockdefs.h"
#include "pg/compat.h"
#include "series/tsdbtable.h"
#include "tcop/utility.h"

static ExecutorRun_hook_type next_executor_run = NULL;
static ExecutorFinish_hook_type next_executor_finish = NULL;
static ProcessUtility_hook_type next_process_utility = NULL;

static void executor_run(TSDB_EXECUTOR_RUN_PARAMS);
static void executor_finish(QueryDesc *desc);
static TsdbEditKind kind_of(const QueryDesc *desc);
static void run_next(PlannedStmt *pstmt, const char *query_string, bool read_only_tree, ProcessUtilityContext context,
					 ParamListInfo params, QueryEnvironment *query_env, DestReceiver *dest, QueryCompletion *completion);
static void process_utility(PlannedStmt *pstmt, const char *query_string, bool read_only_tree,
							ProcessUtilityContext context, ParamListInfo params, QueryEnvironment *query_env,
							DestReceiver *dest, QueryCompletion *completion);
static void check_truncate(TruncateStmt *stmt);

void
tsdb_statement_init(void)
{
	next_executor_run = ExecutorRun_hook;
	ExecutorRun_hook = executor_run;
	next_executor_finish = ExecutorFinish_hook;
	ExecutorFinish_hook = executor_finish;
	next_process_utility = ProcessUtility_hook;
	ProcessUtility_hook = process_utility;
}

// private functions

static void
executor_run(TSDB_EXECUTOR_RUN_PARAMS)
{
	TsdbEditKind outer = tsdb_capture_set_kind(kind_of(query));

	PG_TRY();
	{
		if (next_executor_run != NULL)
			next_executor_run(TSDB_EXECUTOR_RUN_ARGS);
		else
			standard_ExecutorRun(TSDB_EXECUTOR_RUN_ARGS);
	}
	PG_FINALLY();
	{
		(void) tsdb_capture_set_kind(outer);
	}
	PG_END_TRY();
}

/* After triggers too: what they write is journaled as edits of their own. */
static void
executor_finish(QueryDesc *desc)
{
	if (next_executor_finish != NULL)
		next_executor_finish(desc);
	else
		standard_ExecutorFinish(desc);
	if (desc->operation != CMD_SELECT || desc->plannedstmt->hasModifyingCTE)
		tsdb_capture_end_command(desc->estate->es_output_cid);
}

static TsdbEditKind
kind_of(const QueryDesc *desc)
{
	switch (desc->operation)
	{
		case CMD_INSERT:
			return TSDB_EDIT_INSERT;
		case CMD_UPDATE:
			return TSDB_EDIT_UPDATE;
		case CMD_DELETE:
			return TSDB_EDIT_DELETE;
		case CMD_MERGE:
			return TSDB_EDIT_MERGE;
		default:
			return TSDB_EDIT_UNKNOWN;
	}
}

static void
run_next(PlannedStmt *pstmt, const char *query_string, bool read_only_tree, ProcessUtilityContext context,
		 ParamListInfo params, QueryEnvironment *query_env, DestReceiver *dest, QueryCompletion *completion)
{
	if (next_process_utility != NULL)
		next_process_utility(pstmt, query_string, read_only_tree, context, params, query_env, dest, completion);
	else
		standard_ProcessUtility(pstmt, query_string, read_only_tree, context, params, query_env, dest, completion);
}

static void
process_utility(PlannedStmt *pstmt, const char *query_string, bool read_only_tree,
				ProcessUtilityContext context, ParamListInfo params, QueryEnvironment *query_env,
				DestReceiver *dest, QueryCompletion *completion)
{
	bool is_copy = IsA(pstmt->utilityStmt, CopyStmt) && ((CopyStmt *) pstmt->utilityStmt)->is_from;
	TsdbEditKind outer;
	CommandId cid;

	if (IsA(pstmt->utilityStmt, TruncateStmt) && OidIsValid(tsdb_table_am_oid()))
		check_truncate((TruncateStmt *) pstmt->utilityStmt);
	if (!is_copy)
	{
		run_next(pstmt, query_string, read_only_tree, context, params, query_env, dest, completion);
		return;
	}
	/* The one that COPY takes for its rows. */
	cid = GetCurrentCommandId(false);
	outer = tsdb_capture_set_kind(TSDB_EDIT_COPY);
	PG_TRY();
	{
		run_next(pstmt, query_string, read_only_tree, context, params, query_env, dest, completion);
	}
	PG_FINALLY();
	{
		(void) tsdb_capture_set_kind(outer);
	}
	PG_END_TRY();
	tsdb_capture_end_command(cid);
}

static void
check_truncate(TruncateStmt *stmt)
{
	ListCell *lc;

	foreach (lc, stmt->relations)
	{
		RangeVar *name = lfirst_node(RangeVar, lc);
		Oid relid = RangeVarGetRelid(name, NoLock, true);
		List *relids = OidIsValid(relid) && name->inh ? find_all_inheritors(relid, NoLock, NULL) : list_make1_oid(relid);
		ListCell *member;

		foreach (member, relids)
			if (OidIsValid(lfirst_oid(member)) && tsdb_table_is(lfirst_oid(member)))
				tsdb_capture_refuse_truncate(lfirst_oid(member));
	}
}
