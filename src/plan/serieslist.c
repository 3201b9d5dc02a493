/*-------------------------------------------------------------------------
 *
 * serieslist.c
 *	  View tsdb.series: conditions on tags choose the series that are listed.
 *
 * tsdb.series_ids(t) with tsdb.series_tags(t, id) @> '{...}' becomes tsdb.series_ids(t, '{...}').  The condition stays: what
 * the function leaves out does not meet it, what it lists may or may not.
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/clauses.h"
#include "optimizer/optimizer.h"
#include "optimizer/restrictinfo.h"
#include "parser/parse_func.h"
#include "plan/serieslist.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"

static Node *find_tags(PlannerInfo *root, RelOptInfo *rel, Node *table, List *rinfos, bool is_joined);
static Node *match_tags(PlannerInfo *root, RelOptInfo *rel, Node *table, Node *clause);
static bool is_tags_of(RelOptInfo *rel, Node *table, Node *node);
static bool is_function(const FuncExpr *call, const char *name, int nargs);

void
tsdb_serieslist_narrow(PlannerInfo *root, RelOptInfo *rel, RangeTblEntry *rte)
{
	static const Oid arguments[] = {REGCLASSOID, JSONBOID};
	RangeTblFunction *function;
	FuncExpr *call;
	Node *tags;

	if (rte->rtekind != RTE_FUNCTION || list_length(rte->functions) != 1)
		return;
	function = linitial_node(RangeTblFunction, rte->functions);
	call = (FuncExpr *) function->funcexpr;
	if (!IsA(call, FuncExpr) || !is_function(call, "series_ids", 1))
		return;
	tags = find_tags(root, rel, linitial(call->args), rel->baserestrictinfo, false);
	if (tags == NULL)
		tags = find_tags(root, rel, linitial(call->args), rel->joininfo, true);
	if (tags == NULL)
		return;
	call = copyObject(call);
	call->funcid = LookupFuncName(list_make2(makeString("tsdb"), makeString("series_ids")), lengthof(arguments), arguments, false);
	call->args = lappend(call->args, copyObject(tags));
	function->funcexpr = (Node *) call;
}

// private functions

static Node *
find_tags(PlannerInfo *root, RelOptInfo *rel, Node *table, List *rinfos, bool is_joined)
{
	ListCell *lc;

	foreach (lc, rinfos)
	{
		RestrictInfo *rinfo = lfirst_node(RestrictInfo, lc);
		Node *tags;

		if (rinfo->pseudoconstant || !restriction_is_securely_promotable(rinfo, rel) ||
			(is_joined && !join_clause_is_movable_to(rinfo, rel)))
			continue;
		tags = match_tags(root, rel, table, (Node *) rinfo->clause);
		if (tags != NULL)
			return tags;
	}
	return NULL;
}

/* tags @> constant, constant <@ tags, tags = constant: the constant, which is the same for all rows. */
static Node *
match_tags(PlannerInfo *root, RelOptInfo *rel, Node *table, Node *clause)
{
	OpExpr *op = (OpExpr *) clause;
	Node *left;
	Node *right;
	Node *constant = NULL;

	if (!IsA(clause, OpExpr) || list_length(op->args) != 2)
		return NULL;
	left = linitial(op->args);
	right = lsecond(op->args);
	if ((op->opfuncid == F_JSONB_CONTAINS || op->opfuncid == F_JSONB_EQ) && is_tags_of(rel, table, left))
		constant = right;
	else if ((op->opfuncid == F_JSONB_CONTAINED || op->opfuncid == F_JSONB_EQ) && is_tags_of(rel, table, right))
		constant = left;
	if (constant == NULL || !bms_is_empty(pull_varnos(root, constant)) || contain_volatile_functions(constant) || contain_subplans(constant))
		return NULL;
	return constant;
}

/* tsdb.series_tags(table, id), the id being what rel lists? */
static bool
is_tags_of(RelOptInfo *rel, Node *table, Node *node)
{
	FuncExpr *call = (FuncExpr *) node;
	Var *id;

	if (!IsA(node, FuncExpr) || !is_function(call, "series_tags", 2) || !equal(linitial(call->args), table))
		return false;
	id = lsecond(call->args);
	return IsA(id, Var) && (Index) id->varno == rel->relid && id->varlevelsup == 0 && id->varattno == 1;
}

static bool
is_function(const FuncExpr *call, const char *name, int nargs)
{
	char *function = get_func_name(call->funcid);
	char *schema = get_namespace_name(get_func_namespace(call->funcid));

	return function != NULL && schema != NULL && strcmp(function, name) == 0 && strcmp(schema, "tsdb") == 0 &&
		   list_length(call->args) == nargs;
}
