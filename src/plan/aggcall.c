/*-------------------------------------------------------------------------
 *
 * aggcall.c
 *	  Which aggregates are known.
 *
 * Variances of int8 are not: the sum of squares may need more than 128 bits.
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/stratnum.h"
#include "catalog/pg_type.h"
#include "format/number.h"
#include "optimizer/optimizer.h"
#include "plan/aggcall.h"
#include "plan/quals.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/typcache.h"

/* A function of one argument, and the type of column that it takes. */
typedef struct KnownCall
{
	Oid function;
	TsdbAggKind kind;
	TsdbType type;
} KnownCall;

#define VARIANCES(suffix, type)                               \
	{F_VAR_POP_##suffix, TSDB_AGG_VAR_POP, type},             \
		{F_VAR_SAMP_##suffix, TSDB_AGG_VAR_SAMP, type},       \
		{F_VARIANCE_##suffix, TSDB_AGG_VAR_SAMP, type},       \
		{F_STDDEV_POP_##suffix, TSDB_AGG_STDDEV_POP, type},   \
		{F_STDDEV_SAMP_##suffix, TSDB_AGG_STDDEV_SAMP, type}, \
	{                                                         \
		F_STDDEV_##suffix, TSDB_AGG_STDDEV_SAMP, type         \
	}

#define NUMBERS(suffix, type)                 \
	{F_SUM_##suffix, TSDB_AGG_SUM, type},     \
		{F_AVG_##suffix, TSDB_AGG_AVG, type}, \
		{F_MIN_##suffix, TSDB_AGG_MIN, type}, \
	{                                         \
		F_MAX_##suffix, TSDB_AGG_MAX, type    \
	}

static const KnownCall known_calls[] = {
	NUMBERS(FLOAT8, TSDB_TYPE_FLOAT8),
	NUMBERS(FLOAT4, TSDB_TYPE_FLOAT4),
	NUMBERS(INT2, TSDB_TYPE_INT2),
	NUMBERS(INT4, TSDB_TYPE_INT4),
	NUMBERS(INT8, TSDB_TYPE_INT8),
	VARIANCES(FLOAT8, TSDB_TYPE_FLOAT8),
	VARIANCES(FLOAT4, TSDB_TYPE_FLOAT4),
	VARIANCES(INT2, TSDB_TYPE_INT2),
	VARIANCES(INT4, TSDB_TYPE_INT4),
	{F_MIN_INT4, TSDB_AGG_MIN, TSDB_TYPE_QUALITY},
	{F_MAX_INT4, TSDB_AGG_MAX, TSDB_TYPE_QUALITY},
	{F_MIN_DATE, TSDB_AGG_MIN, TSDB_TYPE_DATE},
	{F_MAX_DATE, TSDB_AGG_MAX, TSDB_TYPE_DATE},
	{F_MIN_TIMESTAMPTZ, TSDB_AGG_MIN, TSDB_TYPE_TIMESTAMPTZ},
	{F_MAX_TIMESTAMPTZ, TSDB_AGG_MAX, TSDB_TYPE_TIMESTAMPTZ},
	{F_BOOL_AND, TSDB_AGG_MIN, TSDB_TYPE_BOOL},
	{F_EVERY, TSDB_AGG_MIN, TSDB_TYPE_BOOL},
	{F_BOOL_OR, TSDB_AGG_MAX, TSDB_TYPE_BOOL},
};

static AttrNumber column_of(RelOptInfo *rel, Node *node);
static Node *without_cast(Node *node);
static bool is_ours(const Aggref *aggref, const char *name);
static bool match_time_average(RelOptInfo *rel, const TsdbTable *shape, Aggref *aggref, TsdbAggCall *call);
static bool match_count(const TsdbTable *shape, AttrNumber attnum, Node *arg, TsdbAggCall *call);
static bool match_known(Oid function, TsdbAggCall *call);
static bool match_quality(RelOptInfo *rel, const TsdbTable *shape, Aggref *aggref, TsdbAggCall *call);
static bool is_paired(const TsdbTable *shape, int i, AttrNumber quality);
static bool match_first_last(RelOptInfo *rel, const TsdbTable *shape, Aggref *aggref, TsdbAggCall *call);

bool
tsdb_aggcall_match(RelOptInfo *rel, const TsdbTable *shape, Aggref *aggref, TsdbAggCall *call)
{
	Node *arg;

	memset(call, 0, sizeof(*call));
	if (aggref->aggfnoid == F_COUNT_)
		return true; /* COUNT of ROWS */
	if (aggref->args == NIL)
		return false;

	if (is_ours(aggref, "time_average"))
		return match_time_average(rel, shape, aggref, call);
	arg = (Node *) linitial_node(TargetEntry, aggref->args)->expr;
	call->attnum = column_of(rel, arg);
	if (aggref->aggfnoid == F_COUNT_ANY)
		return match_count(shape, call->attnum, arg, call);
	if (call->attnum <= 0)
		return false;

	call->source = TSDB_AGG_VALUE;
	call->type = shape->columns[call->attnum - 1].type;
	if (shape->columns[call->attnum - 1].role == TSDB_ROLE_TIME)
	{
		call->source = TSDB_AGG_TIME;
		call->type = TSDB_TYPE_TIMESTAMPTZ;
	}
	else if (shape->columns[call->attnum - 1].role != TSDB_ROLE_VALUE)
		return false;
	if (call->source == TSDB_AGG_VALUE && call->type == TSDB_TYPE_QUALITY && match_quality(rel, shape, aggref, call))
		return true;
	if (list_length(aggref->args) == 2)
		return match_first_last(rel, shape, aggref, call);
	return match_known(aggref->aggfnoid, call);
}

bool
tsdb_aggcall_takes_order(RelOptInfo *rel, const TsdbTable *shape, const Aggref *aggref, const TsdbAggCall *call)
{
	const SortGroupClause *order;
	const TargetEntry *entry;

	if (aggref->aggorder == NIL)
		return true;
	if (!tsdb_aggstate_is_sequence(call) || list_length(aggref->aggorder) != 1)
		return false;
	order = linitial_node(SortGroupClause, aggref->aggorder);
	entry = get_sortgroupclause_tle(unconstify(SortGroupClause *, order), aggref->args);
	return IsA(entry->expr, Var) && column_of(rel, (Node *) entry->expr) == shape->time_attnum &&
		   get_op_opfamily_strategy(order->sortop, lookup_type_cache(TIMESTAMPTZOID, TYPECACHE_BTREE_OPFAMILY)->btree_opf) == BTLessStrategyNumber;
}

Node *
tsdb_aggcall_stepped(const Aggref *aggref, const TsdbAggCall *call)
{
	if (call->kind != TSDB_AGG_TIME_AVERAGE || list_length(aggref->aggargtypes) < 3)
		return NULL;
	return (Node *) lthird_node(TargetEntry, aggref->args)->expr;
}

// private functions

static bool
is_ours(const Aggref *aggref, const char *name)
{
	char *function = get_func_name(aggref->aggfnoid);
	char *schema = get_namespace_name(get_func_namespace(aggref->aggfnoid));

	return function != NULL && schema != NULL && strcmp(schema, "tsdb") == 0 && strcmp(function, name) == 0;
}

/* Of a value column that is a number, by the time. */
static bool
match_time_average(RelOptInfo *rel, const TsdbTable *shape, Aggref *aggref, TsdbAggCall *call)
{
	const TsdbTableColumn *column;
	Node *by;

	if (list_length(aggref->args) < 2)
		return false;
	call->kind = TSDB_AGG_TIME_AVERAGE;
	call->source = TSDB_AGG_VALUE;
	call->attnum = column_of(rel, without_cast((Node *) linitial_node(TargetEntry, aggref->args)->expr));
	by = (Node *) lsecond_node(TargetEntry, aggref->args)->expr;
	if (call->attnum <= 0 || !IsA(by, Var) || column_of(rel, by) != shape->time_attnum)
		return false;
	column = &shape->columns[call->attnum - 1];
	call->type = column->type;
	return column->role == TSDB_ROLE_VALUE && tsdb_type_has_sum(call->type);
}

/* What a number is before it becomes a float8. */
static Node *
without_cast(Node *node)
{
	if (IsA(node, FuncExpr))
		switch (((FuncExpr *) node)->funcid)
		{
			case F_FLOAT8_FLOAT4:
			case F_FLOAT8_INT2:
			case F_FLOAT8_INT4:
			case F_FLOAT8_INT8:
				return linitial(((FuncExpr *) node)->args);
			default:
				break;
		}
	return node;
}

/* The column of rel that an argument is, perhaps relabelled; 0 when it is something else. */
static AttrNumber
column_of(RelOptInfo *rel, Node *node)
{
	while (IsA(node, RelabelType))
		node = (Node *) ((RelabelType *) node)->arg;
	if (!IsA(node, Var) || (Index) ((Var *) node)->varno != rel->relid || ((Var *) node)->varlevelsup != 0 ||
		((Var *) node)->varattno <= 0)
		return 0;
	return ((Var *) node)->varattno;
}

static bool
match_count(const TsdbTable *shape, AttrNumber attnum, Node *arg, TsdbAggCall *call)
{
	call->kind = TSDB_AGG_COUNT;
	call->source = TSDB_AGG_ROWS;
	if (attnum == 0)
		return IsA(arg, Const) && !((Const *) arg)->constisnull;
	switch (shape->columns[attnum - 1].role)
	{
		case TSDB_ROLE_TIME:
			return true; /* never NULL */
		case TSDB_ROLE_TAG:
			call->source = TSDB_AGG_TAG;
			return true;
		case TSDB_ROLE_VALUE:
			call->source = TSDB_AGG_VALUE;
			call->type = shape->columns[attnum - 1].type;
			return true;
		default:
			return false;
	}
}

static bool
match_known(Oid function, TsdbAggCall *call)
{
	for (Size i = 0; i < lengthof(known_calls); i++)
	{
		if (known_calls[i].function == function && known_calls[i].type == call->type)
		{
			call->kind = known_calls[i].kind;
			return true;
		}
	}
	return false;
}

/*
 * What a quality column says of the rows.  Its summaries know the codes; how many rows and how much time have which severity
 * is known to those of the value columns that belong to it.
 */
static bool
match_quality(RelOptInfo *rel, const TsdbTable *shape, Aggref *aggref, TsdbAggCall *call)
{
	static const struct
	{
		const char *name;
		TsdbAggKind kind;
		int nargs;
	} known[] = {
		{"worst", TSDB_AGG_WORST, 1},
		{"count_good", TSDB_AGG_COUNT_GOOD, 1},
		{"count_uncertain", TSDB_AGG_COUNT_UNCERTAIN, 1},
		{"count_bad", TSDB_AGG_COUNT_BAD, 1},
		{"duration_good", TSDB_AGG_DURATION_GOOD, 2},
		{"duration_uncertain", TSDB_AGG_DURATION_UNCERTAIN, 2},
		{"duration_bad", TSDB_AGG_DURATION_BAD, 2},
		{"percent_good", TSDB_AGG_PERCENT_GOOD, 2},
	};
	char *name = get_func_name(aggref->aggfnoid);
	char *schema = get_namespace_name(get_func_namespace(aggref->aggfnoid));
	AttrNumber quality = call->attnum;
	Size i = 0;

	if (name == NULL || schema == NULL || strcmp(schema, "tsdb") != 0)
		return false;
	while (i < lengthof(known) && strcmp(known[i].name, name) != 0)
		i++;
	if (i == lengthof(known) || list_length(aggref->args) != known[i].nargs)
		return false;
	if (known[i].nargs == 2 && (!IsA(lsecond_node(TargetEntry, aggref->args)->expr, Var) ||
								column_of(rel, (Node *) lsecond_node(TargetEntry, aggref->args)->expr) != shape->time_attnum))
		return false;
	call->kind = known[i].kind;
	if (call->kind == TSDB_AGG_WORST)
		return true;

	/* Decoding strings for it would be dear. */
	call->attnum = 0;
	for (int pass = 0; pass < 2 && call->attnum == 0; pass++)
		for (int c = 0; c < shape->natts && call->attnum == 0; c++)
			if (is_paired(shape, c, quality) && (pass == 1 || shape->columns[c].type != TSDB_TYPE_TEXT))
			{
				call->attnum = (AttrNumber) (c + 1);
				call->type = shape->columns[c].type;
			}
	return call->attnum != 0;
}

static bool
is_paired(const TsdbTable *shape, int i, AttrNumber quality)
{
	return shape->columns[i].role == TSDB_ROLE_VALUE && shape->columns[i].quality_attnum == quality;
}

/* tsdb.first and tsdb.last of a value column by the time; NULLs don't count. */
static bool
match_first_last(RelOptInfo *rel, const TsdbTable *shape, Aggref *aggref, TsdbAggCall *call)
{
	Node *by = (Node *) lsecond_node(TargetEntry, aggref->args)->expr;
	char *name = get_func_name(aggref->aggfnoid);
	char *schema = get_namespace_name(get_func_namespace(aggref->aggfnoid));

	if (name == NULL || schema == NULL || strcmp(schema, "tsdb") != 0 || call->source != TSDB_AGG_VALUE ||
		call->type == TSDB_TYPE_TEXT || column_of(rel, by) != shape->time_attnum || !IsA(by, Var))
		return false;
	call->kind = strcmp(name, "first") == 0 ? TSDB_AGG_FIRST : TSDB_AGG_LAST;
	return strcmp(name, "first") == 0 || strcmp(name, "last") == 0;
}
