/*-------------------------------------------------------------------------
 *
 * quals.c
 *	  Which conditions of a query say something about times and series.
 *
 * What is found here narrows what is read; every condition also stays in
 * the filter of the scan, so a condition that is missed costs time only.
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/stratnum.h"
#include "access/sysattr.h"
#include "catalog/pg_type.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/clauses.h"
#include "optimizer/optimizer.h"
#include "optimizer/restrictinfo.h"
#include "plan/quals.h"
#include "plan/seriesexpr.h"
#include "utils/array.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/timestamp.h"
#include "utils/typcache.h"

static bool is_time_bound(PlannerInfo *root, RelOptInfo *rel, const TsdbTable *table, Node *clause,
						  Node **bound, int *strategy);
static void add_hull(PlannerInfo *root, RelOptInfo *rel, const TsdbTable *table, Node *clause, TsdbQuals *quals);
static Node *find_edge(PlannerInfo *root, RelOptInfo *rel, const TsdbTable *table, Node *clause, bool is_lower);
static Node *edge_of_any(PlannerInfo *root, RelOptInfo *rel, const TsdbTable *table, List *clauses, bool is_lower);
static Node *edge_of_array(PlannerInfo *root, RelOptInfo *rel, const TsdbTable *table, ScalarArrayOpExpr *op, bool is_lower);
static List *array_elements(Node *array);
static Node *make_extreme(List *edges, bool is_lower);
static bool is_constant_here(PlannerInfo *root, RelOptInfo *rel, Node *node);
static bool is_tag_condition(RelOptInfo *rel, const TsdbTable *table, Node *clause);
static void find_pins(PlannerInfo *root, RelOptInfo *rel, const TsdbTable *table, TsdbQuals *quals);
static Node *find_pin(PlannerInfo *root, RelOptInfo *rel, AttrNumber tag, List *clauses);
static bool is_bytewise_equality(const OpExpr *op);
static bool may_raise(Node *node, void *context);
static bool function_may_raise(Oid function, void *context);
static bool is_pattern_match(Oid function);

void
tsdb_quals_split(PlannerInfo *root, RelOptInfo *rel, const TsdbTable *table, List *rinfos, TsdbQuals *quals)
{
	ListCell *lc;

	memset(quals, 0, sizeof(*quals));
	foreach (lc, rinfos)
	{
		RestrictInfo *rinfo = lfirst_node(RestrictInfo, lc);
		Node *clause = tsdb_seriesexpr_without_time(rel, table->time_attnum, (Node *) rinfo->clause);
		Node *bound;
		int strategy;

		if (rinfo->pseudoconstant || !restriction_is_securely_promotable(rinfo, rel) ||
			contain_volatile_functions(clause) || contain_subplans(clause))
			continue;

		if (is_time_bound(root, rel, table, clause, &bound, &strategy))
		{
			quals->bounds = lappend(quals->bounds, bound);
			quals->strategies = lappend_int(quals->strategies, strategy);
			quals->time_rinfos = lappend(quals->time_rinfos, rinfo);
		}
		else if (is_tag_condition(rel, table, clause))
		{
			quals->tags = lappend(quals->tags, clause);
			quals->tag_rinfos = lappend(quals->tag_rinfos, rinfo);
		}
		else
			add_hull(root, rel, table, clause, quals);
	}
	find_pins(root, rel, table, quals);
}

bool
tsdb_quals_is_bytewise(Oid type, Oid collation)
{
	switch (type)
	{
		case TEXTOID:
			return OidIsValid(collation) && get_collation_isdeterministic(collation);
		case BOOLOID:
		case INT2OID:
		case INT4OID:
		case INT8OID:
		case UUIDOID:
		case DATEOID:
			return true;
		default:
			return false;
	}
}

bool
tsdb_quals_is_column(Node *node, RelOptInfo *rel, AttrNumber attnum)
{
	Var *var;

	while (IsA(node, RelabelType))
		node = (Node *) ((RelabelType *) node)->arg;
	var = (Var *) node;
	return IsA(node, Var) && (Index) var->varno == rel->relid && var->varlevelsup == 0 && var->varattno == attnum;
}

// private functions

/* Is this `time op bound` or `bound op time` with a btree operator of timestamptz? */
static bool
is_time_bound(PlannerInfo *root, RelOptInfo *rel, const TsdbTable *table, Node *clause, Node **bound, int *strategy)
{
	OpExpr *op = (OpExpr *) clause;
	Oid opno;
	Oid bound_type;

	if (!IsA(clause, OpExpr) || list_length(op->args) != 2)
		return false;

	if (tsdb_quals_is_column(linitial(op->args), rel, table->time_attnum) && is_constant_here(root, rel, lsecond(op->args)))
	{
		opno = op->opno;
		*bound = lsecond(op->args);
	}
	else if (tsdb_quals_is_column(lsecond(op->args), rel, table->time_attnum) && is_constant_here(root, rel, linitial(op->args)))
	{
		opno = get_commutator(op->opno);
		*bound = linitial(op->args);
	}
	else
		return false;

	bound_type = exprType(*bound);
	if (bound_type != TIMESTAMPTZOID && bound_type != TIMESTAMPOID && bound_type != DATEOID)
		return false;
	if (!OidIsValid(opno))
		return false;

	*strategy = get_op_opfamily_strategy(opno, lookup_type_cache(TIMESTAMPTZOID, TYPECACHE_BTREE_OPFAMILY)->btree_opf);
	return *strategy != 0;
}

/*
 * Bounds of the times that a condition can be true for: (time >= a AND time < b) OR (time >= c AND time < d), time IN (...).
 *
 * It stays a condition beside them.  NULLs among the edges are passed over, as what they belong to is not true for any time.
 */
static void
add_hull(PlannerInfo *root, RelOptInfo *rel, const TsdbTable *table, Node *clause, TsdbQuals *quals)
{
	Node *lower = find_edge(root, rel, table, clause, true);
	Node *upper = find_edge(root, rel, table, clause, false);

	if (lower != NULL)
	{
		quals->bounds = lappend(quals->bounds, lower);
		quals->strategies = lappend_int(quals->strategies, BTGreaterEqualStrategyNumber);
	}
	if (upper != NULL)
	{
		quals->bounds = lappend(quals->bounds, upper);
		quals->strategies = lappend_int(quals->strategies, BTLessEqualStrategyNumber);
	}
}

/* A timestamptz that no time for which the condition is true lies below (above); NULL when there is none to be seen. */
static Node *
find_edge(PlannerInfo *root, RelOptInfo *rel, const TsdbTable *table, Node *clause, bool is_lower)
{
	Node *bound;
	int strategy;
	ListCell *lc;

	if (is_orclause(clause))
		return edge_of_any(root, rel, table, ((BoolExpr *) clause)->args, is_lower);
	if (IsA(clause, ScalarArrayOpExpr))
		return edge_of_array(root, rel, table, (ScalarArrayOpExpr *) clause, is_lower);
	if (is_andclause(clause))
	{
		foreach (lc, ((BoolExpr *) clause)->args)
		{
			bound = find_edge(root, rel, table, lfirst(lc), is_lower);
			if (bound != NULL)
				return bound;
		}
		return NULL;
	}
	if (!is_time_bound(root, rel, table, clause, &bound, &strategy) || exprType(bound) != TIMESTAMPTZOID)
		return NULL;
	return (is_lower ? strategy >= BTEqualStrategyNumber : strategy <= BTEqualStrategyNumber) ? bound : NULL;
}

static Node *
edge_of_any(PlannerInfo *root, RelOptInfo *rel, const TsdbTable *table, List *clauses, bool is_lower)
{
	List *edges = NIL;
	ListCell *lc;

	foreach (lc, clauses)
	{
		Node *edge = find_edge(root, rel, table, lfirst(lc), is_lower);

		if (edge == NULL)
			return NULL;
		edges = lappend(edges, edge);
	}
	return make_extreme(edges, is_lower);
}

/* time = ANY (ARRAY[...]) */
static Node *
edge_of_array(PlannerInfo *root, RelOptInfo *rel, const TsdbTable *table, ScalarArrayOpExpr *op, bool is_lower)
{
	List *elements;

	if (!op->useOr || op->opfuncid != F_TIMESTAMPTZ_EQ ||
		!tsdb_quals_is_column(linitial(op->args), rel, table->time_attnum) || !is_constant_here(root, rel, lsecond(op->args)))
		return NULL;
	elements = array_elements(lsecond(op->args));
	return elements == NIL ? NULL : make_extreme(elements, is_lower);
}

/* Of an array of timestamptz whose elements can be told; else NIL. */
static List *
array_elements(Node *array)
{
	const Const *value = (const Const *) array;
	List *elements = NIL;
	Datum *values;
	bool *isnull;
	int n;

	if (IsA(array, ArrayExpr) && !((ArrayExpr *) array)->multidims)
		return ((ArrayExpr *) array)->elements;
	if (!IsA(array, Const) || value->constisnull || value->consttype != TIMESTAMPTZARRAYOID)
		return NIL;
	deconstruct_array(DatumGetArrayTypeP(value->constvalue), TIMESTAMPTZOID, sizeof(TimestampTz), FLOAT8PASSBYVAL,
					  TYPALIGN_DOUBLE, &values, &isnull, &n);
	for (int i = 0; i < n; i++)
		elements = lappend(elements, makeConst(TIMESTAMPTZOID, -1, InvalidOid, sizeof(TimestampTz), values[i], isnull[i],
											   FLOAT8PASSBYVAL));
	return elements;
}

static Node *
make_extreme(List *edges, bool is_lower)
{
	MinMaxExpr *extreme = makeNode(MinMaxExpr);

	extreme->minmaxtype = TIMESTAMPTZOID;
	extreme->op = is_lower ? IS_LEAST : IS_GREATEST;
	extreme->args = edges;
	extreme->location = -1;
	return (Node *) extreme;
}

/* Nothing in it depends on the row: constants, parameters, stable functions, columns of an outer row. */
static bool
is_constant_here(PlannerInfo *root, RelOptInfo *rel, Node *node)
{
	return !bms_is_member(rel->relid, pull_varnos(root, node));
}

static bool
is_tag_condition(RelOptInfo *rel, const TsdbTable *table, Node *clause)
{
	Bitmapset *attnos = NULL;
	int member = -1;

	pull_varattnos(clause, rel->relid, &attnos);
	if (bms_is_empty(attnos))
		return false;
	while ((member = bms_next_member(attnos, member)) >= 0)
	{
		AttrNumber attnum = member + FirstLowInvalidHeapAttributeNumber;

		if (attnum <= 0 || attnum > table->natts || table->columns[attnum - 1].role != TSDB_ROLE_TAG)
			return false;
	}
	return !may_raise(clause, NULL);
}

/* Tags that have to equal one value each; when all do, the dictionary needs no listing. */
static void
find_pins(PlannerInfo *root, RelOptInfo *rel, const TsdbTable *table, TsdbQuals *quals)
{
	for (int i = 0; i < table->ntags; i++)
	{
		Node *pin = find_pin(root, rel, table->tag_attnums[i], quals->tags);

		if (pin == NULL)
			continue;
		quals->pins = lappend(quals->pins, pin);
		quals->pinned = bms_add_member(quals->pinned, i);
	}
	if (list_length(quals->pins) < table->ntags)
		quals->pins = NIL;
}

static Node *
find_pin(PlannerInfo *root, RelOptInfo *rel, AttrNumber tag, List *clauses)
{
	ListCell *lc;

	foreach (lc, clauses)
	{
		OpExpr *op = lfirst(lc);

		if (!IsA(op, OpExpr) || list_length(op->args) != 2 || !is_bytewise_equality(op))
			continue;
		if (tsdb_quals_is_column(linitial(op->args), rel, tag) && is_constant_here(root, rel, lsecond(op->args)))
			return lsecond(op->args);
		if (tsdb_quals_is_column(lsecond(op->args), rel, tag) && is_constant_here(root, rel, linitial(op->args)))
			return linitial(op->args);
	}
	return NULL;
}

/* Does this operator hold just when the bytes of both sides are equal, as the dictionary compares them? */
static bool
is_bytewise_equality(const OpExpr *op)
{
	switch (op->opfuncid)
	{
		case F_TEXTEQ:
			return tsdb_quals_is_bytewise(TEXTOID, op->inputcollid);
		case F_BOOLEQ:
		case F_INT2EQ:
		case F_INT4EQ:
		case F_INT8EQ:
		case F_UUID_EQ:
		case F_DATE_EQ:
			return true;
		default:
			return false;
	}
}

/*
 * Can some value of a column make this expression raise an error?  Leak-proof functions
 * can't, and a few others that everybody uses on tags.  What has no column in it
 * doesn't depend on the row: an index condition would evaluate it just so.
 */
static bool
may_raise(Node *node, void *context)
{
	if (node == NULL)
		return false;

	switch (nodeTag(node))
	{
		case T_Var:
		case T_Const:
		case T_Param:
		case T_List:
		case T_BoolExpr:
		case T_RelabelType:
		case T_CaseExpr:
		case T_CaseWhen:
		case T_CaseTestExpr:
		case T_CoalesceExpr:
		case T_NullTest:
		case T_BooleanTest:
		case T_ArrayExpr:
			break;

		case T_FuncExpr:
		case T_OpExpr:
		case T_DistinctExpr:
		case T_NullIfExpr:
		case T_ScalarArrayOpExpr:
			if (check_functions_in_node(node, function_may_raise, node) && contain_var_clause(node))
				return true;
			break;

		default:
			return contain_var_clause(node);
	}
	return expression_tree_walker(node, may_raise, context);
}

static bool
function_may_raise(Oid function, void *context)
{
	if (is_pattern_match(function))
	{
		Node *node = context;
		List *args = IsA(node, ScalarArrayOpExpr) ? ((ScalarArrayOpExpr *) node)->args
					 : IsA(node, FuncExpr)		  ? ((FuncExpr *) node)->args
												  : ((OpExpr *) node)->args;

		/* A pattern that comes from a tag may be malformed. */
		return list_length(args) != 2 || contain_var_clause(lsecond(args));
	}

	switch (function)
	{
		case F_LOWER_TEXT:
		case F_UPPER_TEXT:
		case F_BTRIM_TEXT:
		case F_BTRIM_TEXT_TEXT:
		case F_LTRIM_TEXT:
		case F_RTRIM_TEXT:
		case F_LENGTH_TEXT:
		case F_STRPOS:
		case F_LEFT:
		case F_RIGHT:
		case F_STARTS_WITH:
			return false;
		default:
			return !get_func_leakproof(function) && !tsdb_seriesexpr_is_safe(context);
	}
}

static bool
is_pattern_match(Oid function)
{
	switch (function)
	{
		case F_TEXTLIKE:
		case F_TEXTNLIKE:
		case F_TEXTICLIKE:
		case F_TEXTICNLIKE:
		case F_TEXTREGEXEQ:
		case F_TEXTREGEXNE:
		case F_TEXTICREGEXEQ:
		case F_TEXTICREGEXNE:
			return true;
		default:
			return false;
	}
}
