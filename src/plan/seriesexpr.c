/*-------------------------------------------------------------------------
 *
 * seriesexpr.c
 *	  Calls that depend on the series of a row alone: tsdb.timezone, unit, description, low, high, stepped.
 *
 * In their form with columns they are given the time, by which they tell a row from none.  Where there is a row, any
 * time will do; then what is left are tags, and everything that is known of expressions over tags holds.
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "attr/attributes.h"
#include "catalog/pg_class.h"
#include "catalog/pg_type.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "plan/localexpr.h"
#include "plan/seriesexpr.h"
#include "utils/lsyscache.h"

static const char *const functions[] = {"timezone", "unit", "description", "low", "high", "stepped"};

typedef struct Rows
{
	RelOptInfo *rel;
	AttrNumber time_attnum;
} Rows;

static bool has_call(Node *node, void *context);
static Node *without_time(Node *node, void *context);
static bool is_call(const Rows *rows, Node *node);
static bool is_series_function(Oid function);

Node *
tsdb_seriesexpr_without_time(RelOptInfo *rel, AttrNumber time_attnum, Node *node)
{
	Rows rows = {rel, time_attnum};

	return has_call(node, &rows) ? without_time(node, &rows) : node;
}

bool
tsdb_seriesexpr_is_safe(Node *node)
{
	const FuncExpr *call = (FuncExpr *) node;
	const Const *table;
	const TsdbRowTags *tags;

	if (!IsA(node, FuncExpr) || list_length(call->args) < 3)
		return false;
	table = linitial(call->args);
	if (!IsA(table, Const) || table->consttype != REGCLASSOID || table->constisnull || !is_series_function(call->funcid) ||
		(get_rel_relkind(DatumGetObjectId(table->constvalue)) != RELKIND_PARTITIONED_TABLE && !tsdb_table_is(DatumGetObjectId(table->constvalue))))
		return false;
	tags = tsdb_attributes_tags(tsdb_attributes_open(DatumGetObjectId(table->constvalue)));
	if (list_length(call->args) != 2 + tags->ntags)
		return false;
	for (int i = 0; i < tags->ntags; i++)
		if (exprType(list_nth(call->args, 2 + i)) != tags->tags[i].type_oid)
			return false;
	return true;
}

// private functions

static bool
has_call(Node *node, void *context)
{
	return node != NULL && (is_call(context, node) || expression_tree_walker(node, has_call, context));
}

static Node *
without_time(Node *node, void *context)
{
	FuncExpr *call;

	if (node == NULL)
		return NULL;
	if (!is_call(context, node))
		return expression_tree_mutator(node, without_time, context);
	call = copyObject((FuncExpr *) node);
	lfirst(list_nth_cell(call->args, 1)) = makeConst(TIMESTAMPTZOID, -1, InvalidOid, sizeof(int64), Int64GetDatum(0), false, FLOAT8PASSBYVAL);
	return (Node *) call;
}

/* Of the table's time and its tags? */
static bool
is_call(const Rows *rows, Node *node)
{
	int nbefore;

	if (!IsA(node, FuncExpr))
		return false;
	for (Size i = 0; i < lengthof(functions); i++)
		if (tsdb_localexpr_clock(rows->rel, rows->time_attnum, node, functions[i], &nbefore) != NIL)
			return nbefore == 0;
	return false;
}

static bool
is_series_function(Oid function)
{
	char *name = get_func_name(function);
	char *schema = get_namespace_name(get_func_namespace(function));

	if (name == NULL || schema == NULL || strcmp(schema, "tsdb") != 0)
		return false;
	for (Size i = 0; i < lengthof(functions); i++)
		if (strcmp(name, functions[i]) == 0)
			return true;
	return false;
}
