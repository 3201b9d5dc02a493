/*-------------------------------------------------------------------------
 *
 * distinctpath.c
 *	  Queries that need one row of each series: DISTINCT tags, the last row per series, count(DISTINCT tag).
 *
 * Where further rows of a series can't change the result, the scan may stop at the
 * first one.  Core's own nodes for DISTINCT and aggregates go on top, so the result is what they make of it.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/sysattr.h"
#include "access/table.h"
#include "catalog/pg_aggregate.h"
#include "catalog/pg_class.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/clauses.h"
#include "optimizer/cost.h"
#include "optimizer/optimizer.h"
#include "optimizer/pathnode.h"
#include "optimizer/paths.h"
#include "optimizer/prep.h"
#include "optimizer/tlist.h"
#include "parser/parsetree.h"
#include "plan/distinctpath.h"
#include "plan/scanpath.h"
#include "series/tsdbtable.h"
#include "utils/lsyscache.h"
#include "utils/selfuncs.h"
#include "utils/syscache.h"

/* A query of one tsdb table, or of a partitioned one of tsdb tables with the same tags. */
typedef struct Source
{
	PlannerInfo *root;
	RelOptInfo *rel;
	Oid relid;
	List *members; /* RelOptInfos: the table itself, or the partitions that are left */
	Bitmapset *tags; /* attnums of the query's table */
} Source;

static bool find_source(PlannerInfo *root, RelOptInfo *input_rel, Source *source);
static bool add_members(Source *source, RelOptInfo *rel);
static bool add_member(Source *source, RelOptInfo *rel, Oid relid);
static Bitmapset *tag_attnums(Oid relid, Oid parent);
static void add_distinct(Source *source, RelOptInfo *input_rel, RelOptInfo *output_rel);
static void add_aggregate(Source *source, RelOptInfo *input_rel, RelOptInfo *output_rel);
static bool is_of_tags(Source *source, Node *node);
static bool are_of_tags(Source *source, List *sort_clauses);
static bool sees_repetition(Node *node, Source *source);
static bool is_extreme(Oid aggregate);
static Path *make_input(Source *source, List *pathkeys, PathTarget *target, RelOptInfo *output_rel, bool may_sort);
static Path *make_member_input(Source *source, RelOptInfo *rel, List *pathkeys, PathTarget *target, RelOptInfo *output_rel,
							   bool may_sort);

void
tsdb_distinctpath_add(PlannerInfo *root, UpperRelationKind stage, RelOptInfo *input_rel, RelOptInfo *output_rel)
{
	Source source;

	if ((stage != UPPERREL_DISTINCT && stage != UPPERREL_GROUP_AGG) || !find_source(root, input_rel, &source))
		return;
	if (stage == UPPERREL_DISTINCT)
		add_distinct(&source, input_rel, output_rel);
	else
		add_aggregate(&source, input_rel, output_rel);
}

// private functions

/* False when the query is not a plain one of one tsdb table. */
static bool
find_source(PlannerInfo *root, RelOptInfo *input_rel, Source *source)
{
	Query *parse = root->parse;
	RangeTblEntry *rte;
	int relid;

	if (parse->setOperations != NULL || parse->hasWindowFuncs || parse->hasTargetSRFs || parse->rowMarks != NIL ||
		parse->groupingSets != NIL || !bms_get_singleton_member(root->all_baserels, &relid))
		return false;
	source->root = root;
	source->rel = find_base_rel(root, relid);
	rte = planner_rt_fetch(relid, root);
	if (rte->rtekind != RTE_RELATION || rte->tablesample != NULL || IS_DUMMY_REL(source->rel) ||
		source->rel->reloptkind != RELOPT_BASEREL || !bms_is_empty(source->rel->lateral_relids))
		return false;
	source->relid = rte->relid;
	source->members = NIL;
	if (rte->inh && (rte->relkind != RELKIND_PARTITIONED_TABLE || source->rel != input_rel))
		return false;
	return add_members(source, source->rel) && source->members != NIL;
}

/* The leaves; false when one of them is no tsdb table, or has other tags. */
static bool
add_members(Source *source, RelOptInfo *rel)
{
	RangeTblEntry *rte = planner_rt_fetch(rel->relid, source->root);

	if (!rte->inh)
		return add_member(source, rel, rte->relid);
	for (int i = 0; i < rel->nparts; i++)
	{
		if (bms_is_member(i, rel->live_parts) && !IS_DUMMY_REL(rel->part_rels[i]) && !add_members(source, rel->part_rels[i]))
			return false;
	}
	return true;
}

static bool
add_member(Source *source, RelOptInfo *rel, Oid relid)
{
	Bitmapset *tags;

	if (!tsdb_table_is(relid))
		return false;
	tags = tag_attnums(relid, source->relid);
	if (source->members != NIL && !bms_equal(tags, source->tags))
		return false;
	source->tags = tags;
	source->members = lappend(source->members, rel);
	return true;
}

/* The tags of a table, as columns of its parent, which may stand in another order. */
static Bitmapset *
tag_attnums(Oid relid, Oid parent)
{
	Relation relation = table_open(relid, NoLock);
	const TsdbTable *table = tsdb_table_get(relation);
	Bitmapset *attnums = NULL;

	for (int i = 0; i < table->ntags; i++)
	{
		AttrNumber attnum = table->tag_attnums[i];

		attnums = bms_add_member(attnums, relid == parent ? attnum : get_attnum(parent, get_attname(relid, attnum, false)));
	}
	table_close(relation, NoLock);
	return attnums;
}

/* DISTINCT of tags alone; DISTINCT ON tags, when the order leads from them to the time. */
static void
add_distinct(Source *source, RelOptInfo *input_rel, RelOptInfo *output_rel)
{
	PlannerInfo *root = source->root;
	Query *parse = root->parse;
	List *needed = root->distinct_pathkeys;
	Path *input;

	if (parse->hasAggs || parse->groupClause != NIL || parse->havingQual != NULL ||
		contain_volatile_functions((Node *) input_rel->reltarget->exprs) ||
		!are_of_tags(source, parse->distinctClause))
		return;
	if (!grouping_is_sortable(parse->distinctClause))
		return;
	if (parse->hasDistinctOn && list_length(needed) < list_length(root->sort_pathkeys))
		needed = root->sort_pathkeys;

	/* With ON the row that comes is the one that is shown: a sort in between could choose among one row per series only. */
	input = make_input(source, needed, input_rel->reltarget, output_rel, !parse->hasDistinctOn);
	if (input != NULL)
		add_path(output_rel, (Path *) create_upper_unique_path(root, output_rel, input, list_length(root->distinct_pathkeys),
															   input->rows));
}

/* Groups of tags, and aggregates that see each tag once: GROUP BY tag, count(DISTINCT tag), max(tag). */
static void
add_aggregate(Source *source, RelOptInfo *input_rel, RelOptInfo *output_rel)
{
	PlannerInfo *root = source->root;
	Query *parse = root->parse;
	AggClauseCosts costs = {0};
	Path *input;
	double ngroups = 1;

	if (!are_of_tags(source, parse->groupClause) || !grouping_is_sortable(parse->groupClause) ||
		(parse->groupClause == NIL && !parse->hasAggs) ||
		sees_repetition((Node *) root->processed_tlist, source) || sees_repetition(parse->havingQual, source))
		return;

	input = make_input(source, root->group_pathkeys, input_rel->reltarget, output_rel, true);
	if (input == NULL)
		return;
	get_agg_clause_costs(root, AGGSPLIT_SIMPLE, &costs);
	if (parse->groupClause != NIL)
		ngroups = estimate_num_groups(root, get_sortgrouplist_exprs(parse->groupClause, root->processed_tlist), input->rows,
									  NULL, NULL);
	add_path(output_rel, (Path *) create_agg_path(root, output_rel, input, output_rel->reltarget,
												  parse->groupClause != NIL ? AGG_SORTED : AGG_PLAIN, AGGSPLIT_SIMPLE,
												  parse->groupClause, (List *) parse->havingQual, &costs, ngroups));
}

/* Is this expression the same for all rows of a series? */
static bool
is_of_tags(Source *source, Node *node)
{
	Bitmapset *attnos = NULL;
	int member = -1;

	if (contain_volatile_functions(node) || contain_subplans(node))
		return false;
	pull_varattnos(node, source->rel->relid, &attnos);
	while ((member = bms_next_member(attnos, member)) >= 0)
	{
		AttrNumber attnum = member + FirstLowInvalidHeapAttributeNumber;

		if (attnum <= 0 || !bms_is_member(attnum, source->tags))
			return false;
	}
	return true;
}

static bool
are_of_tags(Source *source, List *sort_clauses)
{
	List *exprs = get_sortgrouplist_exprs(sort_clauses, source->root->processed_tlist);
	ListCell *lc;

	foreach (lc, exprs)
	{
		if (!is_of_tags(source, lfirst(lc)))
			return false;
	}
	return true;
}

/* Is there an aggregate that sees more than one row of a series, or a column that is no tag? */
static bool
sees_repetition(Node *node, Source *source)
{
	if (node == NULL)
		return false;
	if (IsA(node, Aggref))
	{
		Aggref *aggref = (Aggref *) node;

		if (aggref->agglevelsup != 0)
			return true;
		return aggref->args == NIL || (aggref->aggdistinct == NIL && !is_extreme(aggref->aggfnoid)) ||
			   aggref->aggdirectargs != NIL || !is_of_tags(source, (Node *) aggref->args) ||
			   !is_of_tags(source, (Node *) aggref->aggfilter);
	}
	if (IsA(node, Var) || IsA(node, PlaceHolderVar) || IsA(node, SubPlan) || IsA(node, AlternativeSubPlan) ||
		IsA(node, GroupingFunc))
		return !is_of_tags(source, node);
	return expression_tree_walker(node, sees_repetition, source);
}

/* min, max and the like: the first value in some order. */
static bool
is_extreme(Oid aggregate)
{
	HeapTuple tuple = SearchSysCache1(AGGFNOID, ObjectIdGetDatum(aggregate));
	bool is = false;

	if (HeapTupleIsValid(tuple))
	{
		is = OidIsValid(((Form_pg_aggregate) GETSTRUCT(tuple))->aggsortop);
		ReleaseSysCache(tuple);
	}
	return is;
}

/* One row of each series of each member, ordered as asked; NULL when that can't be had. */
static Path *
make_input(Source *source, List *pathkeys, PathTarget *target, RelOptInfo *output_rel, bool may_sort)
{
	List *inputs = NIL;
	ListCell *lc;

	if (list_length(source->members) == 1 && linitial(source->members) == source->rel)
		return make_member_input(source, source->rel, pathkeys, target, output_rel, may_sort);
	foreach (lc, source->members)
	{
		RelOptInfo *rel = lfirst(lc);
		Path *input = make_member_input(source, rel, pathkeys, rel->reltarget, output_rel, may_sort);

		if (input == NULL)
			return NULL;
		inputs = lappend(inputs, input);
	}
	if (pathkeys == NIL)
		return (Path *) create_append_path(source->root, source->rel, inputs, NIL, NIL, NULL, 0, false, -1);
	return (Path *) create_merge_append_path(source->root, source->rel, inputs, pathkeys, NULL);
}

static Path *
make_member_input(Source *source, RelOptInfo *rel, List *pathkeys, PathTarget *target, RelOptInfo *output_rel, bool may_sort)
{
	Path *input = (Path *) tsdb_scanpath_one_per_series(source->root, rel, planner_rt_fetch(rel->relid, source->root)->relid,
														pathkeys, target);

	if (input == NULL || pathkeys_contained_in(pathkeys, input->pathkeys))
		return input;
	if (!may_sort)
		return NULL;
	/* Members are sorted when they are merged. */
	return rel == source->rel ? (Path *) create_sort_path(source->root, output_rel, input, pathkeys, -1.0) : input;
}
