/*-------------------------------------------------------------------------
 *
 * localexpr.c
 *	  tsdb.local_time and tsdb.local_bucket in queries: which clock they show, and conditions on it.
 *
 * A condition on a field of the calendar is evaluated at plan time for each value that the field can have, and becomes the set
 * of those for which it holds.  Only comparisons of btree operators, casts between numbers, AND, OR and
 * NOT may be in it: they can't raise.
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/stratnum.h"
#include "attr/attributes.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_type.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
#include "optimizer/restrictinfo.h"
#include "pg/compat.h"
#include "plan/localexpr.h"
#include "plan/quals.h"
#include "utils/builtins.h"
#include "utils/date.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/numeric.h"
#include "utils/timestamp.h"
#include "utils/typcache.h"

/* A field of the calendar. */
typedef struct Field
{
	const char *name;
	TsdbLocalKind kind;
	int lowest;
	int highest;
} Field;

static const Field fields[] = {
	{"hour", TSDB_LOCAL_HOUR, 0, 23},
	{"dow", TSDB_LOCAL_WEEKDAY, 0, 6},
	{"isodow", TSDB_LOCAL_WEEKDAY, 1, 7},
	{"day", TSDB_LOCAL_DAY, 1, 31},
	{"month", TSDB_LOCAL_MONTH, 1, 12},
};

/* Of the walk over a condition. */
typedef struct Search
{
	RelOptInfo *rel;
	AttrNumber time_attnum;
	List *clock; /* of the calls seen */
	const Field *field; /* of the calls seen */
	int value; /* to put in their place */
} Search;

static bool match_condition(PlannerInfo *root, Search *search, Node *clause, TsdbLocalTerm *term);
static bool match_field(PlannerInfo *root, Search *search, Node *clause, TsdbLocalTerm *term);
static bool may_be_folded(Search *search, Node *node);
static bool are_all_folded(Search *search, List *nodes);
static bool is_btree_operator(Oid opno);
static bool match_call(Search *search, Node *node, const Field **field);
static const Field *find_field(Node *unit);
static Node *put_value(Node *node, void *context);
static bool match_range(Search *search, Node *clause, TsdbLocalTerm *term);
static bool is_clock(Search *search, Node *node);
static bool set_range(TsdbLocalTerm *term, int strategy, int64 from, int64 until);
static bool constant_range(Node *clock, const Const *bound, TsdbLocalTerm *term, int64 *from, int64 *until);
static List *describe(const TsdbLocalTerm *term);
static Const *int8_const(int64 value);
static void append_mask(StringInfo out, const char *name, uint32 mask);
static void append_range(StringInfo out, const TsdbLocalTerm *term);

List *
tsdb_localexpr_clock(RelOptInfo *rel, AttrNumber time_attnum, Node *node, const char *name, int *nbefore)
{
	FuncExpr *call = (FuncExpr *) node;
	const TsdbRowTags *tags;
	char *schema;
	char *function;
	List *columns = NIL;
	int table_argno;
	Const *table = NULL;

	if (!IsA(node, FuncExpr))
		return NIL;
	for (table_argno = 0; table_argno < list_length(call->args); table_argno++)
	{
		table = list_nth(call->args, table_argno);
		if (IsA(table, Const) && table->consttype == REGCLASSOID)
			break;
	}
	if (table_argno > 2 || table_argno + 2 > list_length(call->args) || table->constisnull)
		return NIL;
	function = get_func_name(call->funcid);
	schema = get_namespace_name(get_func_namespace(call->funcid));
	if (function == NULL || schema == NULL || strcmp(function, name) != 0 || strcmp(schema, "tsdb") != 0 ||
		!tsdb_quals_is_column(list_nth(call->args, table_argno + 1), rel, time_attnum) ||
		(get_rel_relkind(DatumGetObjectId(table->constvalue)) != RELKIND_PARTITIONED_TABLE && !tsdb_table_is(DatumGetObjectId(table->constvalue))))
		return NIL;

	tags = tsdb_attributes_tags(tsdb_attributes_open(DatumGetObjectId(table->constvalue)));
	if (list_length(call->args) != table_argno + 2 + Max(tags->ntags, 1))
		return NIL;
	for (int i = 0; i < tags->ntags; i++)
	{
		Var *var = list_nth(call->args, table_argno + 2 + i);

		if (!IsA(var, Var) || (Index) var->varno != rel->relid || var->varlevelsup != 0 || var->varattno <= 0 ||
			var->vartype != tags->tags[i].type_oid)
			return NIL;
		columns = lappend_int(columns, var->varattno);
	}
	*nbefore = table_argno;
	return list_make2(list_make2_oid(tags->relid, call->funcformat == TSDB_CALL_OF_ROW), columns);
}

void
tsdb_localexpr_split(PlannerInfo *root, RelOptInfo *rel, const TsdbTable *table, List *rinfos, TsdbLocalQuals *quals)
{
	ListCell *lc;

	memset(quals, 0, sizeof(*quals));
	foreach (lc, rinfos)
	{
		RestrictInfo *rinfo = lfirst_node(RestrictInfo, lc);
		Search search = {rel, table->time_attnum, NIL, NULL, 0};
		TsdbLocalTerm term = {0};

		if (rinfo->pseudoconstant || !restriction_is_securely_promotable(rinfo, rel) ||
			!match_condition(root, &search, (Node *) rinfo->clause, &term) || !tsdb_localexpr_is_of_tags(search.clock, table) ||
			(quals->clock != NIL && !equal(quals->clock, search.clock)))
			continue;
		quals->clock = search.clock;
		quals->terms = lappend(quals->terms, describe(&term));
		quals->rinfos = lappend(quals->rinfos, rinfo);
	}
}

Oid
tsdb_localexpr_table(List *clock)
{
	return linitial_oid(linitial(clock));
}

bool
tsdb_localexpr_is_of_tags(List *clock, const TsdbTable *table)
{
	ListCell *lc;

	foreach (lc, tsdb_localexpr_columns(clock))
		if (lfirst_int(lc) > table->natts || table->columns[lfirst_int(lc) - 1].role != TSDB_ROLE_TAG)
			return false;
	return true;
}

void
tsdb_localexpr_check_rights(List *clock)
{
	if (clock != NIL && lsecond_oid(linitial(clock)) == 0)
		tsdb_attributes_check_rights(tsdb_attributes_open(tsdb_localexpr_table(clock)));
}

List *
tsdb_localexpr_columns(List *clock)
{
	return lsecond(clock);
}

TsdbLocalTerm *
tsdb_localexpr_terms(List *descriptions, int *nterms)
{
	TsdbLocalTerm *terms = palloc0(sizeof(TsdbLocalTerm) * Max(list_length(descriptions), 1));
	ListCell *lc;

	*nterms = 0;
	foreach (lc, descriptions)
	{
		TsdbLocalTerm *term = &terms[(*nterms)++];
		List *description = lfirst(lc);

		term->kind = (TsdbLocalKind) DatumGetInt64(linitial_node(Const, description)->constvalue);
		term->mask = (uint32) DatumGetInt64(lsecond_node(Const, description)->constvalue);
		term->from = DatumGetInt64(lthird_node(Const, description)->constvalue);
		term->until = DatumGetInt64(lfourth_node(Const, description)->constvalue);
	}
	return terms;
}

char *
tsdb_localexpr_text(List *descriptions)
{
	int nterms;
	const TsdbLocalTerm *terms = tsdb_localexpr_terms(descriptions, &nterms);
	StringInfoData out;

	initStringInfo(&out);
	for (int i = 0; i < nterms; i++)
	{
		if (i > 0)
			appendStringInfoString(&out, ", ");
		switch (terms[i].kind)
		{
			case TSDB_LOCAL_HOUR:
				append_mask(&out, "hour", terms[i].mask);
				break;
			case TSDB_LOCAL_WEEKDAY:
				append_mask(&out, "weekday", terms[i].mask);
				break;
			case TSDB_LOCAL_DAY:
				append_mask(&out, "day", terms[i].mask);
				break;
			case TSDB_LOCAL_MONTH:
				append_mask(&out, "month", terms[i].mask);
				break;
			case TSDB_LOCAL_TIME:
			case TSDB_LOCAL_RANGE:
				append_range(&out, &terms[i]);
				break;
		}
	}
	return out.data;
}

// private functions

static bool
match_condition(PlannerInfo *root, Search *search, Node *clause, TsdbLocalTerm *term)
{
	return match_range(search, clause, term) || match_field(root, search, clause, term);
}

/* A condition on one field: for which of its values does it hold? */
static bool
match_field(PlannerInfo *root, Search *search, Node *clause, TsdbLocalTerm *term)
{
	search->clock = NIL;
	if (!may_be_folded(search, clause) || search->field == NULL)
		return false;
	term->kind = search->field->kind;
	for (int value = search->field->lowest; value <= search->field->highest; value++)
	{
		Const *result;

		search->value = value;
		result = (Const *) eval_const_expressions(root, put_value(copyObject(clause), search));
		if (!IsA(result, Const))
			return false;
		if (!result->constisnull && DatumGetBool(result->constvalue))
			term->mask |= 1u << (term->kind == TSDB_LOCAL_WEEKDAY ? value % 7 : value);
	}
	return true;
}

/* Nothing but a field of the clock, constants, and what can't raise? */
static bool
may_be_folded(Search *search, Node *node)
{
	const Field *field;

	if (match_call(search, node, &field))
	{
		bool is_same = search->field == NULL || search->field == field;

		search->field = field;
		return is_same;
	}
	switch (nodeTag(node))
	{
		case T_Const:
			return true;
		case T_BoolExpr:
			return are_all_folded(search, ((BoolExpr *) node)->args);
		case T_OpExpr:
			return is_btree_operator(((OpExpr *) node)->opno) && are_all_folded(search, ((OpExpr *) node)->args);
		case T_ScalarArrayOpExpr:
			return is_btree_operator(((ScalarArrayOpExpr *) node)->opno) && are_all_folded(search, ((ScalarArrayOpExpr *) node)->args);
		case T_ArrayExpr:
			return are_all_folded(search, ((ArrayExpr *) node)->elements);
		case T_RelabelType:
			return may_be_folded(search, (Node *) ((RelabelType *) node)->arg);
		case T_FuncExpr:
			switch (((FuncExpr *) node)->funcid)
			{
				case F_INT4_NUMERIC:
				case F_INT8_NUMERIC:
				case F_INT2_NUMERIC:
				case F_FLOAT8_NUMERIC:
				case F_INT4_FLOAT8:
				case F_INT8_FLOAT8:
				case F_NUMERIC_FLOAT8:
					return match_call(search, linitial(((FuncExpr *) node)->args), &field) &&
						   are_all_folded(search, ((FuncExpr *) node)->args);
				default:
					return false;
			}
		default:
			return false;
	}
}

static bool
are_all_folded(Search *search, List *nodes)
{
	ListCell *lc;

	foreach (lc, nodes)
	{
		if (!may_be_folded(search, lfirst(lc)))
			return false;
	}
	return true;
}

static bool
is_btree_operator(Oid opno)
{
	return tsdb_compat_is_order_operator(opno) && op_volatile(opno) == PROVOLATILE_IMMUTABLE;
}

/* extract(field from local time), date_part('field', local time) */
static bool
match_call(Search *search, Node *node, const Field **field)
{
	FuncExpr *call = (FuncExpr *) node;

	if (!IsA(node, FuncExpr) || (call->funcid != F_EXTRACT_TEXT_TIMESTAMP && call->funcid != F_DATE_PART_TEXT_TIMESTAMP))
		return false;
	*field = find_field(linitial(call->args));
	return *field != NULL && is_clock(search, lsecond(call->args));
}

static const Field *
find_field(Node *unit)
{
	const Const *value = (const Const *) unit;
	char *name;

	if (!IsA(unit, Const) || value->constisnull || value->consttype != TEXTOID)
		return NULL;
	name = TextDatumGetCString(value->constvalue);
	for (int i = 0; i < (int) lengthof(fields); i++)
		if (pg_strcasecmp(name, fields[i].name) == 0)
			return &fields[i];
	return NULL;
}

/* Put the value in the place of the field. */
static Node *
put_value(Node *node, void *context)
{
	Search *search = context;
	const Field *field;

	if (node == NULL)
		return NULL;
	if (match_call(search, node, &field))
	{
		if (exprType(node) == NUMERICOID)
			return (Node *) makeConst(NUMERICOID, -1, InvalidOid, -1, NumericGetDatum(int64_to_numeric(search->value)), false, false);
		return (Node *) makeConst(FLOAT8OID, -1, InvalidOid, sizeof(float8), Float8GetDatum(search->value), false, FLOAT8PASSBYVAL);
	}
	return expression_tree_mutator(node, put_value, context);
}

/* The clock, its date or its time of day, compared with a constant. */
static bool
match_range(Search *search, Node *clause, TsdbLocalTerm *term)
{
	OpExpr *op = (OpExpr *) clause;
	Node *clock;
	Node *bound;
	Oid opno;
	Oid family;
	int64 from;
	int64 until;

	if (!IsA(clause, OpExpr) || list_length(op->args) != 2)
		return false;
	clock = linitial(op->args);
	bound = lsecond(op->args);
	opno = op->opno;
	if (IsA(clock, Const))
	{
		clock = lsecond(op->args);
		bound = linitial(op->args);
		opno = get_commutator(op->opno);
	}
	if (!IsA(bound, Const) || ((Const *) bound)->constisnull || !OidIsValid(opno) ||
		!is_clock(search, IsA(clock, FuncExpr) && (((FuncExpr *) clock)->funcid == F_DATE_TIMESTAMP || ((FuncExpr *) clock)->funcid == F_TIME_TIMESTAMP)
							  ? linitial(((FuncExpr *) clock)->args)
							  : clock) ||
		!constant_range(clock, (Const *) bound, term, &from, &until))
		return false;
	family = lookup_type_cache(exprType(clock), TYPECACHE_BTREE_OPFAMILY)->btree_opf;
	return set_range(term, get_op_opfamily_strategy(opno, family), from, until);
}

/* tsdb.local_time, always the same one. */
static bool
is_clock(Search *search, Node *node)
{
	int nbefore;
	List *clock = tsdb_localexpr_clock(search->rel, search->time_attnum, node, "local_time", &nbefore);

	if (clock == NIL || nbefore != 0 || (search->clock != NIL && !equal(search->clock, clock)))
		return false;
	search->clock = clock;
	return true;
}

/* [from, until) are the clock times that equal the constant. */
static bool
set_range(TsdbLocalTerm *term, int strategy, int64 from, int64 until)
{
	term->from = PG_INT64_MIN;
	term->until = PG_INT64_MAX;
	switch (strategy)
	{
		case BTLessStrategyNumber:
			term->until = from;
			return true;
		case BTLessEqualStrategyNumber:
			term->until = until;
			return true;
		case BTEqualStrategyNumber:
			term->from = from;
			term->until = until;
			return true;
		case BTGreaterEqualStrategyNumber:
			term->from = from;
			return true;
		case BTGreaterStrategyNumber:
			term->from = until;
			return true;
		default:
			return false;
	}
}

static bool
constant_range(Node *clock, const Const *bound, TsdbLocalTerm *term, int64 *from, int64 *until)
{
	Oid type = exprType(clock);

	term->kind = type == TIMEOID ? TSDB_LOCAL_TIME : TSDB_LOCAL_RANGE;
	if (type == TIMEOID && bound->consttype == TIMEOID)
		*from = DatumGetTimeADT(bound->constvalue);
	else if (bound->consttype == TIMESTAMPOID)
		*from = DatumGetTimestamp(bound->constvalue);
	else if (bound->consttype == DATEOID && !DATE_NOT_FINITE(DatumGetDateADT(bound->constvalue)) &&
			 DatumGetDateADT(bound->constvalue) < TIMESTAMP_END_JULIAN - POSTGRES_EPOCH_JDATE)
		*from = DatumGetDateADT(bound->constvalue) * USECS_PER_DAY;
	else
		return false;
	if (type != TIMEOID && (TIMESTAMP_NOT_FINITE(*from) || !IS_VALID_TIMESTAMP(*from)))
		return false;
	*until = *from + 1;
	if (type == DATEOID)
	{
		/* Days are compared as their midnights. */
		if (*from % USECS_PER_DAY != 0)
			return false;
		*until = *from + USECS_PER_DAY;
	}
	return true;
}

static List *
describe(const TsdbLocalTerm *term)
{
	return list_make4(int8_const((int64) term->kind), int8_const((int64) term->mask), int8_const(term->from), int8_const(term->until));
}

static Const *
int8_const(int64 value)
{
	return makeConst(INT8OID, -1, InvalidOid, sizeof(int64), Int64GetDatum(value), false, FLOAT8PASSBYVAL);
}

static void
append_mask(StringInfo out, const char *name, uint32 mask)
{
	const char *separator = "";

	appendStringInfo(out, "%s in {", name);
	for (int i = 0; i < 32; i++)
		if ((mask >> i) & 1)
		{
			appendStringInfo(out, "%s%d", separator, i);
			separator = ",";
		}
	appendStringInfoChar(out, '}');
}

static void
append_range(StringInfo out, const TsdbLocalTerm *term)
{
	PGFunction output = term->kind == TSDB_LOCAL_TIME ? time_out : timestamp_out;
	bool has_from = term->from != PG_INT64_MIN;
	bool has_until = term->until != PG_INT64_MAX;

	appendStringInfo(out, "[%s, %s)", has_from ? DatumGetCString(DirectFunctionCall1(output, Int64GetDatum(term->from))) : "",
					 has_until ? DatumGetCString(DirectFunctionCall1(output, Int64GetDatum(term->until))) : "");
}
