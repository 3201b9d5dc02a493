/*-------------------------------------------------------------------------
 *
 * ddl.c
 *	  What tsdb adds to utility commands: which command, in which order.
 *
 * Our options are taken out of the command before core sees it.  For a new table
 * they are written by the object access hook, when the table exists but nobody has
 * seen it yet: CREATE TABLE AS inserts rows before this hook is back.  For ALTER TABLE see ddl_alter.c.
 * After the command every tsdb table that it touched is checked (ddl_check.c).
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/tableam.h"
#include "catalog/namespace.h"
#include "commands/defrem.h"
#include "tcop/utility.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"

#include "am/ddl.h"
#include "am/ddl_private.h"
#include "series/options.h"

#define MAX_VACUUM_ROUNDS 2 /* the second fills what the first has made room in */

/* The arguments of ProcessUtility. */
typedef struct UtilityCall
{
	PlannedStmt *pstmt;
	const char *query_string;
	bool read_only_tree;
	ProcessUtilityContext context;
	ParamListInfo params;
	QueryEnvironment *query_env;
	DestReceiver *dest;
	QueryCompletion *completion;
} UtilityCall;

static ProcessUtility_hook_type next_process_utility;

static void process_utility(PlannedStmt *pstmt, const char *query_string, bool read_only_tree,
							ProcessUtilityContext context, ParamListInfo params, QueryEnvironment *query_env,
							DestReceiver *dest, QueryCompletion *completion);
static void run_next(const UtilityCall *call);
static bool concerns_tables(Node *stmt);
static bool is_changed_by_us(Node *stmt);
static void run_vacuum(UtilityCall *call);
static bool give_back(UtilityCall *call, VacuumStmt *stmt, Oid relid);
static void run_framed(UtilityCall *call);
static TsdbDdlAlter *prepare(TsdbDdlFrame *frame, Node *stmt);
static void prepare_create(TsdbDdlFrame *frame, CreateStmt *stmt);
static void prepare_create_as(TsdbDdlFrame *frame, CreateTableAsStmt *stmt);
static void prepare_new_table(TsdbDdlFrame *frame, const char *name, List **options);
static CreateTableAsStmt *explained_create_as(Node *stmt);
static Oid new_access_method(const char *access_method, PartitionBoundSpec *bound, List *parents);
static List *constraints_of_alter(AlterTableStmt *stmt);

void
tsdb_ddl_init(void)
{
	next_process_utility = ProcessUtility_hook;
	ProcessUtility_hook = process_utility;
	tsdb_ddl_object_init();
	tsdb_ddl_refuse_init();
}

// private functions

static void
process_utility(PlannedStmt *pstmt, const char *query_string, bool read_only_tree,
				ProcessUtilityContext context, ParamListInfo params, QueryEnvironment *query_env,
				DestReceiver *dest, QueryCompletion *completion)
{
	UtilityCall call = {pstmt, query_string, read_only_tree, context, params, query_env, dest, completion};

	/* First the kind: ROLLBACK must not look at catalogs. */
	if (!concerns_tables(pstmt->utilityStmt) || !OidIsValid(tsdb_table_am_oid()))
	{
		run_next(&call);
		return;
	}

	if (is_changed_by_us(pstmt->utilityStmt))
	{
		call.pstmt = copyObject(pstmt);
		call.read_only_tree = false;
	}
	if (IsA(call.pstmt->utilityStmt, VacuumStmt))
		run_vacuum(&call);
	else
		run_framed(&call);
}

static void
run_next(const UtilityCall *call)
{
	ProcessUtility_hook_type next = next_process_utility ? next_process_utility : standard_ProcessUtility;

	next(call->pstmt, call->query_string, call->read_only_tree, call->context, call->params,
		 call->query_env, call->dest, call->completion);
}

/* concerns_tables - may this command make, change or drop tables or columns, or refer to them? */
static bool
concerns_tables(Node *stmt)
{
	switch (nodeTag(stmt))
	{
		case T_DropStmt:
		case T_DropOwnedStmt:
		case T_RenameStmt:
		case T_CreatePublicationStmt:
		case T_AlterPublicationStmt:
			return true;
		default:
			return is_changed_by_us(stmt);
	}
}

static bool
is_changed_by_us(Node *stmt)
{
	switch (nodeTag(stmt))
	{
		case T_CreateStmt:
		case T_CreateTableAsStmt:
		case T_AlterTableStmt:
		case T_VacuumStmt:
			return true;
		case T_ExplainStmt:
			return explained_create_as(stmt) != NULL;
		default:
			return false;
	}
}

/* run_vacuum - core's VACUUM, then what gives space of tsdb tables back. */
static void
run_vacuum(UtilityCall *call)
{
	VacuumStmt *stmt = (VacuumStmt *) call->pstmt->utilityStmt;
	List *tables = tsdb_ddl_vacuum_begin(stmt);
	MemoryContext caller = CurrentMemoryContext;
	ListCell *cell;

	run_next(call);
	foreach (cell, tables)
		for (int round = 0; round < MAX_VACUUM_ROUNDS && give_back(call, stmt, lfirst_oid(cell)); round++)
			;
	MemoryContextSwitchTo(caller);
}

/* give_back - move rows of a table to the front and vacuum it once more; false when there is nothing to move. */
static bool
give_back(UtilityCall *call, VacuumStmt *stmt, Oid relid)
{
	BlockNumber npages;
	VacuumStmt *again = tsdb_ddl_vacuum_move(relid, stmt, &npages);

	if (again == NULL)
		return false;
	call->pstmt->utilityStmt = (Node *) again;
	for (int ntries = 0; ntries == 0 || tsdb_ddl_vacuum_retry(again, npages, ntries); ntries++)
	{
		/* In memory that outlives transactions.  Not a command of the user's: other hooks don't see it. */
		MemoryContextSwitchTo(PortalContext);
		standard_ProcessUtility(call->pstmt, call->query_string, false, call->context, call->params,
								call->query_env, call->dest, NULL);
	}
	call->pstmt->utilityStmt = (Node *) stmt;
	return true;
}

static void
run_framed(UtilityCall *call)
{
	TsdbDdlFrame frame = {0};
	TsdbDdlAlter *volatile alter = NULL;
	Node *stmt = call->pstmt->utilityStmt;

	frame.context = CurrentMemoryContext;
	frame.outer = tsdb_ddl_object_frame;
	tsdb_ddl_object_frame = &frame;
	PG_TRY();
	{
		alter = prepare(&frame, stmt);
		run_next(call);
	}
	PG_CATCH();
	{
		tsdb_ddl_object_frame = frame.outer;
		if (alter != NULL)
			tsdb_ddl_alter_abandon(alter);
		PG_RE_THROW();
	}
	PG_END_TRY();
	tsdb_ddl_object_frame = frame.outer;

	if (alter != NULL)
		tsdb_ddl_alter_finish(alter, &frame);
	if (IsA(stmt, AlterTableStmt))
		tsdb_ddl_alter_attached((AlterTableStmt *) stmt, &frame);
	tsdb_ddl_check_tables(&frame);
	tsdb_ddl_refuse_publication(stmt);
	if (IsA(stmt, RenameStmt))
		tsdb_ddl_rules_renamed((RenameStmt *) stmt);
}

static TsdbDdlAlter *
prepare(TsdbDdlFrame *frame, Node *stmt)
{
	switch (nodeTag(stmt))
	{
		case T_CreateStmt:
			prepare_create(frame, (CreateStmt *) stmt);
			break;
		case T_CreateTableAsStmt:
			prepare_create_as(frame, (CreateTableAsStmt *) stmt);
			break;
		case T_ExplainStmt:
			prepare_create_as(frame, explained_create_as(stmt));
			break;
		case T_AlterTableStmt:
			tsdb_ddl_refuse_references(constraints_of_alter((AlterTableStmt *) stmt), NULL);
			return tsdb_ddl_alter_begin((AlterTableStmt *) stmt);
		default:
			break;
	}
	return NULL;
}

static void
prepare_create(TsdbDdlFrame *frame, CreateStmt *stmt)
{
	Oid am = new_access_method(stmt->accessMethod, stmt->partbound, stmt->inhRelations);
	bool ours = am == tsdb_table_am_oid();

	tsdb_ddl_refuse_references(stmt->tableElts, ours ? stmt->relation->relname : NULL);
	if (stmt->partspec != NULL)
		tsdb_ddl_options_refuse_parent(stmt->options, stmt->relation->relname);
	else if (ours)
		prepare_new_table(frame, stmt->relation->relname, &stmt->options);
	else
		tsdb_ddl_options_refuse_heap(stmt->options, stmt->relation->relname, am, true);
}

static void
prepare_create_as(TsdbDdlFrame *frame, CreateTableAsStmt *stmt)
{
	Oid am = new_access_method(stmt->into->accessMethod, NULL, NIL);

	if (am == tsdb_table_am_oid())
		prepare_new_table(frame, stmt->into->rel->relname, &stmt->into->options);
	else
		tsdb_ddl_options_refuse_heap(stmt->into->options, stmt->into->rel->relname, am, true);
}

static void
prepare_new_table(TsdbDdlFrame *frame, const char *name, List **options)
{
	*options = tsdb_ddl_options_take(*options, false, &frame->create_options);
	*options = tsdb_ddl_options_add_toast(*options);
	frame->create_name = name;
}

/* explained_create_as - the CREATE TABLE AS that an EXPLAIN is about, or NULL: it doesn't pass through ProcessUtility again. */
static CreateTableAsStmt *
explained_create_as(Node *stmt)
{
	Query *query;

	if (!IsA(stmt, ExplainStmt) || !IsA(((ExplainStmt *) stmt)->query, Query))
		return NULL;
	query = (Query *) ((ExplainStmt *) stmt)->query;
	if (query->commandType != CMD_UTILITY || !IsA(query->utilityStmt, CreateTableAsStmt))
		return NULL;
	return (CreateTableAsStmt *) query->utilityStmt;
}

/* new_access_method - with which core will make this table. */
static Oid
new_access_method(const char *access_method, PartitionBoundSpec *bound, List *parents)
{
	Oid am = InvalidOid;

	if (access_method != NULL)
		am = get_table_am_oid(access_method, true);
	else if (bound != NULL && parents != NIL)
	{
		/* From 17 on partitioned tables may have an access method, and partitions inherit it. */
		am = tsdb_ddl_object_access_method(RangeVarGetRelid(linitial_node(RangeVar, parents), NoLock, true));
	}
	if (!OidIsValid(am) && access_method == NULL)
		am = get_table_am_oid(default_table_access_method, true);
	return am;
}

/* constraints_of_alter - columns and constraints that an ALTER TABLE adds. */
static List *
constraints_of_alter(AlterTableStmt *stmt)
{
	List *elements = NIL;
	ListCell *lc;

	foreach (lc, stmt->cmds)
	{
		AlterTableCmd *cmd = lfirst_node(AlterTableCmd, lc);

		if (cmd->subtype == AT_AddConstraint || cmd->subtype == AT_AddColumn)
			elements = lappend(elements, cmd->def);
	}
	return elements;
}
