/*-------------------------------------------------------------------------
 *
 * valuequals.c
 *	  Which conditions of a query compare a value column with something constant.
 *
 * A shape is a list of five integers: attnum, TsdbType and TsdbFilterOp of the term, the type
 * of the right side, and which element of an array the right side is (Element).
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/stratnum.h"
#include "catalog/pg_type.h"
#include "executor/executor.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/clauses.h"
#include "optimizer/optimizer.h"
#include "optimizer/restrictinfo.h"
#include "plan/quals.h"
#include "plan/valuequals.h"
#include "utils/array.h"
#include "utils/lsyscache.h"
#include "utils/typcache.h"

/* What of the right side the column is compared with. */
typedef enum Element
{
	ELEMENT_NONE, /* nothing: IS NULL and the like */
	ELEMENT_WHOLE,
	ELEMENT_LEAST, /* of an array */
	ELEMENT_GREATEST
} Element;

typedef struct Shape
{
	int attnum;
	int type; /* TsdbType */
	int op; /* TsdbFilterOp */
	Oid right_type; /* of the right side, for an array of its elements */
	int element;
} Shape;

struct TsdbValueFilter
{
	ExprContext *econtext;
	int nterms;
	Shape *shapes;
	ExprState **expressions; /* NULL: no right side */
	TsdbFilterTerm *terms;
};

/* What a search for terms needs to know. */
typedef struct Search
{
	PlannerInfo *root;
	RelOptInfo *rel;
	const TsdbTable *table;
	List *exprs;
	List *shapes;
} Search;

/* How much of a condition its terms say. */
typedef enum Finding
{
	FOUND_NOTHING,
	FOUND_PART,
	FOUND_ALL
} Finding;

static Finding find_terms(Search *search, Node *clause);
static Finding find_comparison(Search *search, OpExpr *op);
static bool orient(Search *search, OpExpr *op, const TsdbTableColumn **column, Shape *shape, Node **right);
static bool orient_sides(Search *search, Node *left, Node *right, Shape *shape);
static bool find_op(Oid opno, Oid column_type, const TsdbTableColumn *column, Shape *shape);
static bool is_comparable(uint8 type, Oid right_type);
static Finding find_membership(Search *search, ScalarArrayOpExpr *op);
static Finding find_null_test(Search *search, NullTest *test);
static Finding find_boolean_test(Search *search, BooleanTest *test);
static Finding find_truth(Search *search, Node *node, TsdbFilterOp op);
static Finding find_not_good(Search *search, BoolExpr *either);
static const TsdbTableColumn *value_column(Search *search, Node *node, int *attnum);
static bool is_integer_type(Oid type);
static bool is_float_type(Oid type);
static void add_term(Search *search, const Shape *shape, Node *right);
static void evaluate_term(TsdbValueFilter *filter, int i);
static bool pick_element(const Shape *shape, Datum *value);
static void set_right_side(TsdbFilterTerm *term, const Shape *shape, Datum value);
static double double_of(Oid type, Datum value);

void
tsdb_valuequals_split(PlannerInfo *root, RelOptInfo *rel, const TsdbTable *table, List *rinfos, TsdbValueQuals *quals)
{
	Search search = {root, rel, table, NIL, NIL};
	ListCell *lc;

	memset(quals, 0, sizeof(*quals));
	foreach (lc, rinfos)
	{
		RestrictInfo *rinfo = lfirst_node(RestrictInfo, lc);
		Finding finding;

		if (rinfo->pseudoconstant || !restriction_is_securely_promotable(rinfo, rel) ||
			contain_volatile_functions((Node *) rinfo->clause) || contain_subplans((Node *) rinfo->clause))
			continue;
		finding = find_terms(&search, (Node *) rinfo->clause);
		if (finding == FOUND_ALL)
			quals->exact_rinfos = lappend(quals->exact_rinfos, rinfo);
		else if (finding == FOUND_PART)
			quals->partial_rinfos = lappend(quals->partial_rinfos, rinfo);
	}
	quals->exprs = search.exprs;
	quals->shapes = search.shapes;
}

TsdbValueFilter *
tsdb_valuefilter_create(PlanState *parent, List *exprs, List *shapes)
{
	TsdbValueFilter *filter = palloc0(sizeof(TsdbValueFilter));
	ListCell *expr;
	ListCell *integers;

	filter->econtext = CreateExprContext(parent->state);
	filter->shapes = palloc(sizeof(Shape) * Max(list_length(shapes), 1));
	filter->expressions = palloc0(sizeof(ExprState *) * Max(list_length(shapes), 1));
	filter->terms = palloc0(sizeof(TsdbFilterTerm) * Max(list_length(shapes), 1));
	forboth (expr, exprs, integers, shapes)
	{
		List *list = lfirst(integers);
		Shape *shape = &filter->shapes[filter->nterms];

		shape->attnum = linitial_int(list);
		shape->type = lsecond_int(list);
		shape->op = lthird_int(list);
		shape->right_type = (Oid) lfourth_int(list);
		shape->element = list_nth_int(list, 4);
		if (shape->element != ELEMENT_NONE)
			filter->expressions[filter->nterms] = ExecInitExpr(lfirst(expr), parent);
		filter->nterms++;
	}
	return filter;
}

TsdbFilterTerm *
tsdb_valuefilter_evaluate(TsdbValueFilter *filter, int *nterms)
{
	MemoryContext caller = MemoryContextSwitchTo(filter->econtext->ecxt_per_tuple_memory);

	ResetExprContext(filter->econtext);
	for (int i = 0; i < filter->nterms; i++)
		evaluate_term(filter, i);
	*nterms = filter->nterms;
	MemoryContextSwitchTo(caller);
	return filter->terms;
}

// private functions

static Finding
find_terms(Search *search, Node *clause)
{
	switch (nodeTag(clause))
	{
		case T_Var:
		case T_RelabelType:
			return find_truth(search, clause, TSDB_FILTER_NE);
		case T_OpExpr:
			return find_comparison(search, (OpExpr *) clause);
		case T_ScalarArrayOpExpr:
			return find_membership(search, (ScalarArrayOpExpr *) clause);
		case T_NullTest:
			return find_null_test(search, (NullTest *) clause);
		case T_BooleanTest:
			return find_boolean_test(search, (BooleanTest *) clause);
		case T_BoolExpr:
			if (((BoolExpr *) clause)->boolop == NOT_EXPR)
				return find_truth(search, linitial(((BoolExpr *) clause)->args), TSDB_FILTER_EQ);
			if (((BoolExpr *) clause)->boolop == OR_EXPR)
				return find_not_good(search, (BoolExpr *) clause);
			return FOUND_NOTHING;
		default:
			return FOUND_NOTHING;
	}
}

static Finding
find_comparison(Search *search, OpExpr *op)
{
	const TsdbTableColumn *column;
	Shape shape;
	Node *right;

	if (!orient(search, op, &column, &shape, &right))
		return FOUND_NOTHING;
	add_term(search, &shape, right);
	return FOUND_ALL;
}

/* Put the column on the left; false when this is no comparison of a column with something constant. */
static bool
orient(Search *search, OpExpr *op, const TsdbTableColumn **column, Shape *shape, Node **right)
{
	Oid opno = op->opno;

	if (list_length(op->args) != 2)
		return false;
	if (orient_sides(search, linitial(op->args), lsecond(op->args), shape))
		*right = lsecond(op->args);
	else if (orient_sides(search, lsecond(op->args), linitial(op->args), shape))
	{
		opno = get_commutator(opno);
		*right = linitial(op->args);
	}
	else
		return false;

	*column = &search->table->columns[shape->attnum - 1];
	return OidIsValid(opno) && find_op(opno, exprType(*right), *column, shape);
}

static bool
orient_sides(Search *search, Node *left, Node *right, Shape *shape)
{
	return value_column(search, left, &shape->attnum) != NULL &&
		   !bms_is_member(search->rel->relid, pull_varnos(search->root, right));
}

/*
 * What the operator asks for.  It has to belong to the btree family of the column's numbers,
 * or be the negator of its equality.
 */
static bool
find_op(Oid opno, Oid right_expr_type, const TsdbTableColumn *column, Shape *shape)
{
	Oid left_type;
	Oid right_type;
	Oid family;
	int strategy;

	op_input_types(opno, &left_type, &right_type);
	if (!is_comparable(column->type, left_type) || !is_comparable(column->type, right_type) ||
		getBaseType(right_expr_type) != right_type)
		return false;

	family = lookup_type_cache(left_type, TYPECACHE_BTREE_OPFAMILY)->btree_opf;
	strategy = get_op_opfamily_strategy(opno, family);
	switch (strategy)
	{
		case BTLessStrategyNumber:
			shape->op = TSDB_FILTER_LT;
			break;
		case BTLessEqualStrategyNumber:
			shape->op = TSDB_FILTER_LE;
			break;
		case BTEqualStrategyNumber:
			shape->op = TSDB_FILTER_EQ;
			break;
		case BTGreaterEqualStrategyNumber:
			shape->op = TSDB_FILTER_GE;
			break;
		case BTGreaterStrategyNumber:
			shape->op = TSDB_FILTER_GT;
			break;
		default:
			opno = get_negator(opno);
			if (!OidIsValid(opno) || get_op_opfamily_strategy(opno, family) != BTEqualStrategyNumber)
				return false;
			shape->op = TSDB_FILTER_NE;
			break;
	}
	shape->type = column->type;
	shape->right_type = right_type;
	shape->element = ELEMENT_WHOLE;
	return true;
}

/* Can a column of this type be compared as numbers with a right side of that one? */
static bool
is_comparable(uint8 type, Oid right_type)
{
	switch ((TsdbType) type)
	{
		case TSDB_TYPE_FLOAT8:
		case TSDB_TYPE_FLOAT4:
			return is_float_type(right_type);
		case TSDB_TYPE_INT2:
		case TSDB_TYPE_INT4:
		case TSDB_TYPE_INT8:
		case TSDB_TYPE_QUALITY:
			return is_integer_type(right_type);
		case TSDB_TYPE_BOOL:
			return right_type == BOOLOID;
		case TSDB_TYPE_TIMESTAMPTZ:
			return right_type == TIMESTAMPTZOID;
		case TSDB_TYPE_DATE:
			return right_type == DATEOID;
		default:
			return false;
	}
}

/* column = ANY (array): the column lies between the least and the greatest element. */
static Finding
find_membership(Search *search, ScalarArrayOpExpr *op)
{
	Node *right = lsecond(op->args);
	const TsdbTableColumn *column;
	Oid element_type = get_element_type(exprType(right));
	Shape shape;

	if (!op->useOr || !OidIsValid(element_type) || !orient_sides(search, linitial(op->args), right, &shape))
		return FOUND_NOTHING;
	column = &search->table->columns[shape.attnum - 1];
	if (!find_op(op->opno, element_type, column, &shape) || shape.op != TSDB_FILTER_EQ)
		return FOUND_NOTHING;

	shape.op = TSDB_FILTER_GE;
	shape.element = ELEMENT_LEAST;
	add_term(search, &shape, right);
	shape.op = TSDB_FILTER_LE;
	shape.element = ELEMENT_GREATEST;
	add_term(search, &shape, right);
	return FOUND_PART;
}

static Finding
find_null_test(Search *search, NullTest *test)
{
	Shape shape = {.op = test->nulltesttype == IS_NULL ? TSDB_FILTER_NULL : TSDB_FILTER_NOT_NULL};
	const TsdbTableColumn *column = value_column(search, (Node *) test->arg, &shape.attnum);

	if (column == NULL || test->argisrow)
		return FOUND_NOTHING;
	shape.type = column->type;
	add_term(search, &shape, NULL);
	return FOUND_ALL;
}

static Finding
find_boolean_test(Search *search, BooleanTest *test)
{
	switch (test->booltesttype)
	{
		case IS_TRUE:
			return find_truth(search, (Node *) test->arg, TSDB_FILTER_NE);
		case IS_FALSE:
			return find_truth(search, (Node *) test->arg, TSDB_FILTER_EQ);
		case IS_UNKNOWN:
			return find_truth(search, (Node *) test->arg, TSDB_FILTER_NULL);
		case IS_NOT_UNKNOWN:
			return find_truth(search, (Node *) test->arg, TSDB_FILTER_NOT_NULL);
		default:
			return FOUND_NOTHING; /* a value or NULL */
	}
}

/* A boolean column by itself, compared with false. */
static Finding
find_truth(Search *search, Node *node, TsdbFilterOp op)
{
	Shape shape = {.op = op, .right_type = BOOLOID, .element = ELEMENT_WHOLE};
	const TsdbTableColumn *column = value_column(search, node, &shape.attnum);

	if (column == NULL || column->type != TSDB_TYPE_BOOL)
		return FOUND_NOTHING;
	shape.type = column->type;
	if (op == TSDB_FILTER_NULL || op == TSDB_FILTER_NOT_NULL)
	{
		shape.element = ELEMENT_NONE;
		add_term(search, &shape, NULL);
	}
	else
		add_term(search, &shape, makeBoolConst(false, false));
	return FOUND_ALL;
}

/* NOT tsdb.is_good(quality), as the planner leaves it: quality < 0 OR quality >= 2^30. */
static Finding
find_not_good(Search *search, BoolExpr *either)
{
	bool has_bad = false;
	bool has_uncertain = false;
	Shape shape = {0};
	ListCell *lc;

	foreach (lc, either->args)
	{
		const TsdbTableColumn *column;
		Shape arm;
		Const *right;

		if (!IsA(lfirst(lc), OpExpr) || !orient(search, lfirst(lc), &column, &arm, (Node **) &right) ||
			column->type != TSDB_TYPE_QUALITY || !IsA(right, Const) || right->constisnull || right->consttype != INT4OID ||
			(shape.attnum != 0 && shape.attnum != arm.attnum))
			return FOUND_NOTHING;
		shape.attnum = arm.attnum;
		has_bad = has_bad || (arm.op == TSDB_FILTER_LT && DatumGetInt32(right->constvalue) == 0);
		has_uncertain = has_uncertain || (arm.op == TSDB_FILTER_GE && DatumGetInt32(right->constvalue) == 1 << 30);
	}
	if (list_length(either->args) != 2 || !has_bad || !has_uncertain)
		return FOUND_NOTHING;
	shape.type = TSDB_TYPE_QUALITY;
	shape.op = TSDB_FILTER_NOT_GOOD;
	add_term(search, &shape, NULL);
	return FOUND_ALL;
}

/* The value column that an expression is, perhaps relabelled; else NULL. */
static const TsdbTableColumn *
value_column(Search *search, Node *node, int *attnum)
{
	Var *var = (Var *) node;

	while (IsA(var, RelabelType))
		var = (Var *) ((RelabelType *) var)->arg;
	if (!IsA(var, Var) || (Index) var->varno != search->rel->relid || var->varlevelsup != 0 ||
		var->varattno <= 0 || var->varattno > search->table->natts ||
		search->table->columns[var->varattno - 1].role != TSDB_ROLE_VALUE)
		return NULL;
	*attnum = var->varattno;
	return &search->table->columns[var->varattno - 1];
}

static bool
is_integer_type(Oid type)
{
	return type == INT2OID || type == INT4OID || type == INT8OID;
}

static bool
is_float_type(Oid type)
{
	return type == FLOAT4OID || type == FLOAT8OID;
}

static void
add_term(Search *search, const Shape *shape, Node *right)
{
	List *integers = list_make5_int(shape->attnum, shape->type, shape->op, (int) shape->right_type, shape->element);

	search->exprs = lappend(search->exprs, right != NULL ? right : makeBoolConst(false, true));
	search->shapes = lappend(search->shapes, integers);
}

static void
evaluate_term(TsdbValueFilter *filter, int i)
{
	const Shape *shape = &filter->shapes[i];
	TsdbFilterTerm *term = &filter->terms[i];
	bool isnull;
	Datum value;

	memset(term, 0, sizeof(*term));
	term->attnum = (int16) shape->attnum;
	term->type = (uint8) shape->type;
	term->op = (uint8) shape->op;
	if (shape->element == ELEMENT_NONE)
		return;

	value = ExecEvalExpr(filter->expressions[i], filter->econtext, &isnull);
	if (isnull || (shape->element != ELEMENT_WHOLE && !pick_element(shape, &value)))
		term->never = true;
	else
		set_right_side(term, shape, value);
}

/* Replace an array by its least or greatest element; false when it has none that a value can equal. */
static bool
pick_element(const Shape *shape, Datum *value)
{
	ArrayType *array = DatumGetArrayTypeP(*value);
	TypeCacheEntry *type = lookup_type_cache(shape->right_type, TYPECACHE_CMP_PROC_FINFO);
	Datum *elements;
	bool *isnull;
	int nelements;
	bool found = false;

	deconstruct_array(array, shape->right_type, type->typlen, type->typbyval, type->typalign, &elements, &isnull, &nelements);
	for (int i = 0; i < nelements; i++)
	{
		int32 order;

		if (isnull[i])
			continue;
		order = found ? DatumGetInt32(FunctionCall2Coll(&type->cmp_proc_finfo, InvalidOid, elements[i], *value)) : 0;
		if (!found || (shape->element == ELEMENT_LEAST ? order < 0 : order > 0))
			*value = elements[i];
		found = true;
	}
	return found;
}

static void
set_right_side(TsdbFilterTerm *term, const Shape *shape, Datum value)
{
	switch (shape->right_type)
	{
		case FLOAT4OID:
		case FLOAT8OID:
		{
			double number = double_of(shape->right_type, value);

			if (shape->type == TSDB_TYPE_FLOAT4)
				tsdb_filter_set_float(term, (TsdbFilterOp) shape->op, number);
			else
				memcpy(&term->word, &number, sizeof(number));
			break;
		}
		case INT2OID:
			term->word = (uint64) (int64) DatumGetInt16(value);
			break;
		case INT4OID:
		case DATEOID:
			term->word = (uint64) (int64) DatumGetInt32(value);
			break;
		case INT8OID:
		case TIMESTAMPTZOID:
			term->word = (uint64) DatumGetInt64(value);
			break;
		case BOOLOID:
			term->word = DatumGetBool(value);
			break;
		default:
			elog(ERROR, "unexpected type %u of a bound for values", shape->right_type);
	}
}

static double
double_of(Oid type, Datum value)
{
	return type == FLOAT4OID ? (double) DatumGetFloat4(value) : DatumGetFloat8(value);
}
