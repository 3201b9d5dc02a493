/*-------------------------------------------------------------------------
 *
 * sql_rowsupport.c
 *	  Planner support of the functions about rows: f(..., row) becomes f(..., table, time, tags ...).
 *
 * Then only the columns that count are read, and the planner sees which ones the function depends on.  Only for the whole
 * row of a table in the query; a row that comes from elsewhere stays one.
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "attr/attributes.h"
#include "catalog/pg_collation.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_type.h"
#include "fmgr.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "nodes/pathnodes.h"
#include "nodes/supportnodes.h"
#include "parser/parsetree.h"
#include "pg/compat.h"
#include "series/tsdbtable.h"
#include "utils/builtins.h"
#include "utils/catcache.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"

static Node *simplify(PlannerInfo *root, FuncExpr *call);
static const RangeTblEntry *entry_of(PlannerInfo *root, const Var *row);
static bool has_series(const RangeTblEntry *entry);
static List *columns_of(const Var *row, Oid relid);
static Node *make_column(const Var *row, AttrNumber attnum, Oid relid);
static Oid find_column_form(const FuncExpr *call, List *args);

PG_FUNCTION_INFO_V1(tsdb_row_support);

Datum
tsdb_row_support(PG_FUNCTION_ARGS)
{
	Node *request = (Node *) PG_GETARG_POINTER(0);
	Node *result = NULL;

	if (IsA(request, SupportRequestSimplify))
	{
		SupportRequestSimplify *simplification = (SupportRequestSimplify *) request;

		if (simplification->root != NULL)
			result = simplify(simplification->root, simplification->fcall);
	}
	PG_RETURN_POINTER(result);
}

// private functions

static Node *
simplify(PlannerInfo *root, FuncExpr *call)
{
	List *before = NIL;
	List *after = NIL;
	List *columns = NIL;
	FuncExpr *result;
	ListCell *lc;

	foreach (lc, call->args)
	{
		Var *arg = lfirst(lc);

		if (columns == NIL && IsA(arg, Var) && arg->varattno == InvalidAttrNumber)
		{
			const RangeTblEntry *entry = entry_of(root, arg);

			if (entry == NULL || !has_series(entry))
				return NULL;
			columns = columns_of(arg, entry->relid);
		}
		else if (columns == NIL)
			before = lappend(before, arg);
		else
			after = lappend(after, arg);
	}
	if (columns == NIL)
		return NULL;

	/* An origin comes before the table. */
	result = makeNode(FuncExpr);
	*result = *call;
	result->funcformat = TSDB_CALL_OF_ROW;
	result->args = list_concat(list_concat(before, after), columns);
	result->funcid = find_column_form(call, result->args);
	if (!OidIsValid(result->funcid))
	{
		/* It takes its value out of the row. */
		result->funcid = call->funcid;
		result->args = call->args;
	}
	return (Node *) result;
}

static const RangeTblEntry *
entry_of(PlannerInfo *root, const Var *row)
{
	for (Index level = 0; level < row->varlevelsup; level++)
	{
		root = root->parent_root;
		if (root == NULL)
			return NULL;
	}
	if (row->varno < 1 || (int) row->varno > list_length(root->parse->rtable))
		return NULL;
	return rt_fetch(row->varno, root->parse->rtable);
}

/* Errors are for the execution, which may never come. */
static bool
has_series(const RangeTblEntry *entry)
{
	if (entry->rtekind != RTE_RELATION)
		return false;
	if (entry->relkind == RELKIND_PARTITIONED_TABLE)
		return tsdb_rowtags_are_in(entry->relid);
	return tsdb_table_is(entry->relid);
}

static List *
columns_of(const Var *row, Oid relid)
{
	const TsdbRowTags *tags = tsdb_attributes_tags(tsdb_attributes_open(relid));
	List *columns;

	columns = list_make2(makeConst(REGCLASSOID, -1, InvalidOid, sizeof(Oid), ObjectIdGetDatum(relid), false, true),
						 make_column(row, tags->time_attnum, relid));
	for (int i = 0; i < tags->ntags; i++)
		columns = lappend(columns, make_column(row, tags->tags[i].attnum, relid));
	if (tags->ntags == 0)
		columns = lappend(columns, makeNullConst(TEXTOID, -1, DEFAULT_COLLATION_OID));
	return columns;
}

static Node *
make_column(const Var *row, AttrNumber attnum, Oid relid)
{
	Oid type;
	int32 typmod;
	Oid collation;
	Var *var;

	get_atttypetypmodcoll(relid, attnum, &type, &typmod, &collation);
	var = makeVar(row->varno, attnum, type, typmod, collation, row->varlevelsup);
	tsdb_compat_var_copy_nulling(var, row);
	return (Node *) var;
}

/* The function of the same name, in the same schema, that takes these arguments up to the tags. */
static Oid
find_column_form(const FuncExpr *call, List *args)
{
	CatCList *candidates = SearchSysCacheList1(PROCNAMEARGSNSP, CStringGetDatum(get_func_name(call->funcid)));
	Oid found = InvalidOid;

	for (int i = 0; i < candidates->n_members && !OidIsValid(found); i++)
	{
		Form_pg_proc form = (Form_pg_proc) GETSTRUCT(&candidates->members[i]->tuple);
		bool fits = form->pronamespace == get_func_namespace(call->funcid) && form->provariadic == ANYOID &&
					form->pronargs <= list_length(args);

		for (int j = 0; fits && j < form->pronargs - 1; j++)
			fits = form->proargtypes.values[j] == exprType(list_nth(args, j));
		if (fits)
			found = form->oid;
	}
	ReleaseSysCacheList(candidates);
	return found;
}
