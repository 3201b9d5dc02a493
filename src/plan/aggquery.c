/*-------------------------------------------------------------------------
 *
 * aggquery.c
 *	  Which grouped queries can be answered from summaries.
 *
 * A strict list of what is understood; all else keeps core's plans.  Conditions have to be understood in full, because
 * no row is there to check them on: bounds of the time, conditions on tags, and comparisons of
 * value columns that are exact.
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/table.h"
#include "catalog/pg_aggregate.h"
#include "catalog/pg_type.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/clauses.h"
#include "optimizer/optimizer.h"
#include "optimizer/restrictinfo.h"
#include "optimizer/tlist.h"
#include "parser/parsetree.h"
#include "partitioning/partbounds.h"
#include "plan/aggcall.h"
#include "plan/aggquery.h"
#include "plan/bucketexpr.h"
#include "plan/seriesexpr.h"
#include "utils/lsyscache.h"

/* Of the walk over target list and HAVING. */
typedef struct Collection
{
	List *keys; /* every group expression */
	List *aggrefs;
} Collection;

static bool is_plain_query(PlannerInfo *root, RelOptInfo *input_rel);
static bool find_tables(PlannerInfo *root, RelOptInfo *input_rel, TsdbAggQuery *query);
static bool add_table(PlannerInfo *root, RelOptInfo *rel, TsdbAggQuery *query);
static List *map_columns(Relation parent, Oid relid);
static const TsdbTable *make_shape(Relation parent, const TsdbAggTable *member);
static int16 parent_attnum(const TsdbAggTable *member, int16 attnum);
static bool has_shape(const TsdbTable *shape, const TsdbAggTable *member);
static bool match_conditions(PlannerInfo *root, TsdbAggTable *table);
static bool match_keys(PlannerInfo *root, RelOptInfo *rel, TsdbAggQuery *query);
static bool match_key(RelOptInfo *rel, TsdbAggQuery *query, Node *expr);
static TsdbAggKeyKind key_kind(RelOptInfo *rel, const TsdbTable *shape, Node *expr);
static bool is_tag_expression(RelOptInfo *rel, const TsdbTable *shape, Node *expr);
static bool has_one_clock(const TsdbAggQuery *query);
static bool has_all_tags(const TsdbAggQuery *query);
static bool has_bytewise_equality(const Var *var);
static bool collect_aggrefs(Node *node, void *context);
static bool match_aggref(PlannerInfo *root, RelOptInfo *rel, TsdbAggQuery *query, Aggref *aggref);
static bool match_stepped(RelOptInfo *rel, TsdbAggQuery *query, const Aggref *aggref, const TsdbAggCall *call);
static bool is_one_series(PlannerInfo *root, RelOptInfo *rel, const TsdbAggQuery *query);
static bool has_ordered_partitions(PlannerInfo *root, RelOptInfo *rel, const TsdbAggQuery *query);
static bool is_partitioned_by(PlannerInfo *root, RelOptInfo *rel, const TsdbAggQuery *query, TsdbRole role);
static bool match_filter(PlannerInfo *root, RelOptInfo *rel, TsdbAggQuery *query, Expr *filter);

TsdbAggQuery *
tsdb_aggquery_match(PlannerInfo *root, RelOptInfo *input_rel, PathTarget *target, List *having)
{
	TsdbAggQuery *query = palloc0(sizeof(TsdbAggQuery));
	Collection collection = {NIL, NIL};
	ListCell *lc;

	if (!is_plain_query(root, input_rel) || !find_tables(root, input_rel, query))
		return NULL;
	foreach (lc, query->tables)
	{
		if (!match_conditions(root, lfirst(lc)))
			return NULL;
	}

	collection.keys = get_sortgrouplist_exprs(root->parse->groupClause, root->processed_tlist);
	if (!match_keys(root, input_rel, query) ||
		collect_aggrefs((Node *) target->exprs, &collection) || collect_aggrefs((Node *) having, &collection))
		return NULL;
	if (!has_one_clock(query))
		return NULL;
	query->has_all_tags = has_all_tags(query);
	foreach (lc, collection.aggrefs)
	{
		if (!match_aggref(root, input_rel, query, lfirst(lc)))
			return NULL;
	}
	return query;
}

TsdbAggCall
tsdb_aggquery_call(List *call)
{
	TsdbAggCall result;

	result.kind = (TsdbAggKind) linitial_int(call);
	result.source = (TsdbAggSource) lsecond_int(call);
	result.attnum = (AttrNumber) lthird_int(call);
	result.type = (TsdbType) lfourth_int(call);
	return result;
}

// private functions

/* One table, and nothing that needs its rows. */
static bool
is_plain_query(PlannerInfo *root, RelOptInfo *input_rel)
{
	Query *parse = root->parse;
	RangeTblEntry *rte;

	if (input_rel->reloptkind != RELOPT_BASEREL || IS_DUMMY_REL(input_rel) ||
		parse->groupingSets != NIL || parse->hasTargetSRFs || root->rowMarks != NIL || parse->rowMarks != NIL)
		return false;
	rte = planner_rt_fetch(input_rel->relid, root);
	return rte->rtekind == RTE_RELATION && rte->tablesample == NULL &&
		   (rte->relkind == RELKIND_RELATION || rte->relkind == RELKIND_MATVIEW || rte->relkind == RELKIND_PARTITIONED_TABLE);
}

static bool
find_tables(PlannerInfo *root, RelOptInfo *input_rel, TsdbAggQuery *query)
{
	query->relid = planner_rt_fetch(input_rel->relid, root)->relid;
	if (!planner_rt_fetch(input_rel->relid, root)->inh)
		return add_table(root, input_rel, query);

	for (int rti = 1; rti < root->simple_rel_array_size; rti++)
	{
		RelOptInfo *member = root->simple_rel_array[rti];

		if (member == NULL || member->reloptkind != RELOPT_OTHER_MEMBER_REL ||
			!bms_equal(member->top_parent_relids, input_rel->relids) || planner_rt_fetch(rti, root)->inh ||
			IS_DUMMY_REL(member))
			continue;
		if (!add_table(root, member, query))
			return false;
	}
	return query->tables != NIL;
}

/* The first member decides on the shape. */
static bool
add_table(PlannerInfo *root, RelOptInfo *rel, TsdbAggQuery *query)
{
	TsdbAggTable *member = palloc0(sizeof(TsdbAggTable));
	Relation parent;
	Relation relation;
	bool fits = true;

	member->rel = rel;
	member->relid = planner_rt_fetch(rel->relid, root)->relid;
	if (!tsdb_table_is(member->relid))
		return false;

	parent = table_open(query->relid, NoLock);
	relation = table_open(member->relid, NoLock);
	member->table = tsdb_table_copy(relation);
	member->attnums = map_columns(parent, member->relid);
	if (query->shape == NULL)
		query->shape = make_shape(parent, member);
	else
		fits = has_shape(query->shape, member);
	table_close(relation, NoLock);
	table_close(parent, NoLock);

	query->tables = lappend(query->tables, member);
	return fits;
}

/* By name: columns of partitions may stand in another order. */
static List *
map_columns(Relation parent, Oid relid)
{
	TupleDesc desc = RelationGetDescr(parent);
	List *attnums = NIL;

	for (int i = 0; i < desc->natts; i++)
	{
		Form_pg_attribute attr = TupleDescAttr(desc, i);

		attnums = lappend_int(attnums, attr->attisdropped				   ? 0
									   : relid == RelationGetRelid(parent) ? attr->attnum
																		   : get_attnum(relid, NameStr(attr->attname)));
	}
	return attnums;
}

/* The roles of the query's columns, as one member has them. */
static const TsdbTable *
make_shape(Relation parent, const TsdbAggTable *member)
{
	TsdbTable *shape = palloc0(sizeof(TsdbTable));

	shape->relid = RelationGetRelid(parent);
	shape->natts = list_length(member->attnums);
	shape->columns = palloc0(sizeof(TsdbTableColumn) * Max(shape->natts, 1));
	shape->tag_attnums = palloc0(sizeof(int16) * Max(member->table->ntags, 1));
	shape->ntags = member->table->ntags;
	for (int i = 0; i < shape->natts; i++)
	{
		int attnum = list_nth_int(member->attnums, i);
		TsdbTableColumn *column = &shape->columns[i];

		if (attnum == 0)
			continue;
		*column = member->table->columns[attnum - 1];
		column->quality_attnum = parent_attnum(member, column->quality_attnum);
		if (column->role == TSDB_ROLE_TIME)
			shape->time_attnum = (int16) (i + 1);
		else if (column->role == TSDB_ROLE_TAG)
			shape->tag_attnums[column->tag_index] = (int16) (i + 1);
	}
	return shape;
}

/* The parent's number of a member's column, 0 = the parent does not have it. */
static int16
parent_attnum(const TsdbAggTable *member, int16 attnum)
{
	for (int i = 0; i < list_length(member->attnums); i++)
		if (attnum != 0 && list_nth_int(member->attnums, i) == attnum)
			return (int16) (i + 1);
	return 0;
}

/* An inherited table may have more columns than its parent, but the roles have to be the same. */
static bool
has_shape(const TsdbTable *shape, const TsdbAggTable *member)
{
	for (int i = 0; i < shape->natts; i++)
	{
		int attnum = list_nth_int(member->attnums, i);
		const TsdbTableColumn *column;

		if (attnum == 0)
			continue;
		column = &member->table->columns[attnum - 1];
		if (column->role != shape->columns[i].role || column->type != shape->columns[i].type ||
			parent_attnum(member, column->quality_attnum) != shape->columns[i].quality_attnum)
			return false;
	}
	return true;
}

/* All conditions have to be among those that are evaluated without the row. */
static bool
match_conditions(PlannerInfo *root, TsdbAggTable *table)
{
	List *rinfos = table->rel->baserestrictinfo;
	ListCell *lc;

	tsdb_quals_split(root, table->rel, table->table, rinfos, &table->quals);
	tsdb_valuequals_split(root, table->rel, table->table, rinfos, &table->values);
	tsdb_localexpr_split(root, table->rel, table->table, rinfos, &table->local);
	foreach (lc, rinfos)
	{
		if (!list_member_ptr(table->quals.time_rinfos, lfirst(lc)) &&
			!list_member_ptr(table->quals.tag_rinfos, lfirst(lc)) &&
			!list_member_ptr(table->values.exact_rinfos, lfirst(lc)) &&
			!list_member_ptr(table->local.rinfos, lfirst(lc)))
			return false;
	}
	return true;
}

static bool
match_keys(PlannerInfo *root, RelOptInfo *rel, TsdbAggQuery *query)
{
	ListCell *lc;

	query->is_grouped = root->parse->groupClause != NIL;
	foreach (lc, root->parse->groupClause)
	{
		SortGroupClause *clause = lfirst_node(SortGroupClause, lc);
		Node *key = get_sortgroupclause_expr(clause, root->processed_tlist);
		Node *expr = tsdb_seriesexpr_without_time(rel, query->shape->time_attnum, key);

		if (contain_volatile_functions(expr) || contain_subplans(expr))
			return false;
		if (!contain_var_clause(expr))
			continue; /* one value for all rows: the projection computes it */
		if (!clause->hashable || !match_key(rel, query, expr))
			return false;
		if (list_member(query->keys, key))
			continue;
		query->keys = lappend(query->keys, key);
		query->key_exprs = lappend(query->key_exprs, expr);
		query->key_operators = lappend_oid(query->key_operators, clause->eqop);
		query->key_kinds = lappend_int(query->key_kinds, key_kind(rel, query->shape, expr));
	}
	return true;
}

static TsdbAggKeyKind
key_kind(RelOptInfo *rel, const TsdbTable *shape, Node *expr)
{
	if (is_tag_expression(rel, shape, expr))
		return TSDB_AGGKEY_TAGS;
	switch (tsdb_bucketexpr_rise(rel, shape->time_attnum, expr))
	{
		case TSDB_BUCKET_START:
			return TSDB_AGGKEY_START;
		case TSDB_BUCKET_RISING:
			return TSDB_AGGKEY_RISING;
		default:
			return TSDB_AGGKEY_BUCKET;
	}
}

/* An expression over tags, or over the time in buckets; all of the latter in the same ones. */
static bool
match_key(RelOptInfo *rel, TsdbAggQuery *query, Node *expr)
{
	List *bucket;

	if (is_tag_expression(rel, query->shape, expr))
		return true;
	bucket = tsdb_bucketexpr_find(rel, query->shape->time_attnum, expr);
	if (bucket == NIL || (query->bucket != NIL && !equal(query->bucket, bucket)))
		return false;
	query->bucket = bucket;
	return true;
}

static bool
is_tag_expression(RelOptInfo *rel, const TsdbTable *shape, Node *expr)
{
	List *vars = pull_var_clause(expr, PVC_INCLUDE_PLACEHOLDERS);
	ListCell *lc;

	foreach (lc, vars)
	{
		Var *var = lfirst(lc);

		if (!IsA(var, Var) || (Index) var->varno != rel->relid || var->varattno <= 0 ||
			shape->columns[var->varattno - 1].role != TSDB_ROLE_TAG)
			return false;
	}
	return true;
}

/* Buckets and conditions have to go by the same rules, those of the series. */
static bool
has_one_clock(const TsdbAggQuery *query)
{
	List *clock = tsdb_bucketexpr_clock(query->bucket);
	ListCell *lc;

	if (clock != NIL && !tsdb_localexpr_is_of_tags(clock, query->shape))
		return false;
	foreach (lc, query->tables)
	{
		const TsdbAggTable *table = lfirst(lc);

		if (clock != NIL && table->local.clock != NIL &&
			tsdb_localexpr_table(clock) != tsdb_localexpr_table(table->local.clock))
			return false;
	}
	return true;
}

/* As plain columns, and with an equality that is that of the dictionary. */
static bool
has_all_tags(const TsdbAggQuery *query)
{
	int nfound = 0;
	ListCell *lc;

	foreach (lc, query->keys)
	{
		const Var *var = lfirst(lc);

		nfound += IsA(var, Var) && query->shape->columns[var->varattno - 1].role == TSDB_ROLE_TAG &&
				  has_bytewise_equality(var);
	}
	return list_length(query->tables) == 1 && nfound == query->shape->ntags;
}

static bool
has_bytewise_equality(const Var *var)
{
	Oid type = getBaseType(var->vartype);

	return tsdb_quals_is_bytewise(type == VARCHAROID ? TEXTOID : type, var->varcollid);
}

/* True when something is neither a key, nor an aggregate, nor made of them. */
static bool
collect_aggrefs(Node *node, void *context)
{
	Collection *collection = context;

	if (node == NULL || list_member(collection->keys, node))
		return false;
	switch (nodeTag(node))
	{
		case T_Aggref:
			collection->aggrefs = list_append_unique(collection->aggrefs, node);
			return false;
		case T_Var:
		case T_PlaceHolderVar:
		case T_GroupingFunc:
		case T_WindowFunc:
			return true;
		default:
			return expression_tree_walker(node, collect_aggrefs, context);
	}
}

static bool
match_aggref(PlannerInfo *root, RelOptInfo *rel, TsdbAggQuery *query, Aggref *aggref)
{
	TsdbAggCall call;

	if (aggref->aggkind != AGGKIND_NORMAL || aggref->agglevelsup != 0 || aggref->aggsplit != AGGSPLIT_SIMPLE ||
		aggref->aggdistinct != NIL ||
		!tsdb_aggcall_match(rel, query->shape, aggref, &call) ||
		!tsdb_aggcall_takes_order(rel, query->shape, aggref, &call) ||
		(tsdb_aggstate_is_sequence(&call) && !is_one_series(root, rel, query)) ||
		!match_stepped(rel, query, aggref, &call) ||
		!match_filter(root, rel, query, aggref->aggfilter))
		return false;
	query->aggrefs = lappend(query->aggrefs, aggref);
	query->calls = lappend(query->calls, list_make4_int(call.kind, call.source, call.attnum, call.type));
	return true;
}

/* What depends on the series alone. */
static bool
match_stepped(RelOptInfo *rel, TsdbAggQuery *query, const Aggref *aggref, const TsdbAggCall *call)
{
	Node *stepped = tsdb_aggcall_stepped(aggref, call);

	if (stepped == NULL)
	{
		query->steppeds = lappend(query->steppeds, NIL);
		return true;
	}
	stepped = tsdb_seriesexpr_without_time(rel, query->shape->time_attnum, stepped);
	query->steppeds = lappend(query->steppeds, list_make1(stepped));
	return !contain_volatile_functions(stepped) && !contain_subplans(stepped) && is_tag_expression(rel, query->shape, stepped);
}

/* Does each group lie in one series, and come in order of time? */
static bool
is_one_series(PlannerInfo *root, RelOptInfo *rel, const TsdbAggQuery *query)
{
	Bitmapset *known = NULL;
	ListCell *lc;

	foreach (lc, query->tables)
	{
		const Bitmapset *pinned = ((TsdbAggTable *) lfirst(lc))->quals.pinned;

		known = lc == list_head(query->tables) ? bms_copy(pinned) : bms_int_members(known, pinned);
	}
	foreach (lc, query->keys)
	{
		const Var *var = lfirst(lc);

		if (IsA(var, Var) && query->shape->columns[var->varattno - 1].role == TSDB_ROLE_TAG && has_bytewise_equality(var))
			known = bms_add_member(known, query->shape->columns[var->varattno - 1].tag_index);
	}
	return bms_num_members(known) == query->shape->ntags &&
		   (list_length(query->tables) == 1 || has_ordered_partitions(root, rel, query));
}

/* Do the partitions, as they are read, have the rows of each series in order of time? */
static bool
has_ordered_partitions(PlannerInfo *root, RelOptInfo *rel, const TsdbAggQuery *query)
{
	int i = -1;

	if (rel->part_scheme == NULL)
		return planner_rt_fetch(rel->relid, root)->relkind == RELKIND_RELATION && !planner_rt_fetch(rel->relid, root)->inh;
	if (!is_partitioned_by(root, rel, query, TSDB_ROLE_TAG) &&
		(rel->part_scheme->strategy != PARTITION_STRATEGY_RANGE || !is_partitioned_by(root, rel, query, TSDB_ROLE_TIME) ||
		 (rel->boundinfo->default_index >= 0 && bms_is_member(rel->boundinfo->default_index, rel->live_parts))))
		return false;
	while ((i = bms_next_member(rel->live_parts, i)) >= 0)
		if (rel->part_rels[i] != NULL && !IS_DUMMY_REL(rel->part_rels[i]) && !has_ordered_partitions(root, rel->part_rels[i], query))
			return false;
	return true;
}

/* By columns of one role alone? */
static bool
is_partitioned_by(PlannerInfo *root, RelOptInfo *rel, const TsdbAggQuery *query, TsdbRole role)
{
	Oid relid = planner_rt_fetch(rel->relid, root)->relid;

	for (int i = 0; i < rel->part_scheme->partnatts; i++)
	{
		const Var *var = linitial(rel->partexprs[i]);
		AttrNumber attnum;

		if (!IsA(var, Var) || var->varattno <= 0)
			return false;
		attnum = get_attnum(query->relid, get_attname(relid, var->varattno, false));
		if (attnum <= 0 || query->shape->columns[attnum - 1].role != role)
			return false;
	}
	return true;
}

/* FILTER: conditions on tags, evaluated once per series, and bounds of the time, at which stretches are cut. */
static bool
match_filter(PlannerInfo *root, RelOptInfo *rel, TsdbAggQuery *query, Expr *filter)
{
	List *clauses = make_ands_implicit(filter);
	List *rinfos = NIL;
	TsdbQuals quals;
	ListCell *lc;

	foreach (lc, clauses)
		rinfos = lappend(rinfos, make_simple_restrictinfo(root, lfirst(lc)));
	tsdb_quals_split(root, rel, query->shape, rinfos, &quals);
	query->filter_tags = lappend(query->filter_tags, quals.tags);
	query->filter_bounds = lappend(query->filter_bounds, quals.bounds);
	query->filter_strategies = lappend(query->filter_strategies, quals.strategies);
	return list_length(quals.time_rinfos) + list_length(quals.tag_rinfos) == list_length(rinfos);
}
