/*-------------------------------------------------------------------------
 *
 * scanpath.c
 *	  Paths and plans of the scan node.
 *
 * Costs are those of a sequential scan less what the conditions on time and tags
 * leave out, and less the value columns that nobody asks for; so ours wins
 * wherever core would read the table from end to end.  Conditions that the scan itself takes care of cost nothing
 * per row.
 *
 * Beside the path without an order there is one with as many of the query's pathkeys as the scan can deliver.
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "access/sysattr.h"
#include "access/table.h"
#include "nodes/extensible.h"
#include "nodes/makefuncs.h"
#include "optimizer/cost.h"
#include "optimizer/optimizer.h"
#include "optimizer/pathnode.h"
#include "optimizer/paths.h"
#include "optimizer/restrictinfo.h"
#include "parser/parsetree.h"
#include "plan/localexpr.h"
#include "plan/quals.h"
#include "plan/scannode.h"
#include "plan/scanorder.h"
#include "plan/scanpath.h"
#include "plan/valuequals.h"
#include "series/tsdbtable.h"
#include "store/metapage.h"
#include "utils/spccache.h"

/* A row out of a decoded window costs less than one out of a heap page, and less still when it is not looked at. */
#define ROW_COST_RATIO 0.7
#define DECODE_COST_RATIO 0.1
/* Less than a block is not decoded. */
#define MIN_SCANNED_ROWS 4096.0
/* To go to a series: descents of an index and the decoding of a segment's head, in units of cpu_operator_cost. */
#define SERIES_OPERATORS 200.0
/* Sorting slice by slice goes through tuples and files more often than one big sort. */
#define SLICES_COST_RATIO 2.0

/* What a scan has to touch. */
typedef struct Volume
{
	double npages; /* if every column were read; what workers are counted by */
	double share; /* of them, for the columns that are */
	double nrows; /* decoded */
	double npassed; /* rows that pass what the scan itself looks at */
	double nseries; /* that match */
	double nconditions; /* evaluations of tag conditions */
	QualCost filter_cost; /* of what is left to the filter */
} Volume;

/* What the conditions of a path say. */
typedef struct Conditions
{
	TsdbQuals quals;
	TsdbValueQuals values;
	TsdbLocalQuals local;
	List *left; /* RestrictInfos that remain for the filter */
} Conditions;

static void split_conditions(PlannerInfo *root, RelOptInfo *rel, const TsdbTable *table, List *rinfos, Conditions *conditions);
static void add_serial_path(PlannerInfo *root, RelOptInfo *rel, Relation relation, Relids required_outer);
static void add_ordered_path(PlannerInfo *root, RelOptInfo *rel, Relation relation, const Conditions *conditions, const Volume *volume);
static void add_time_path(PlannerInfo *root, RelOptInfo *rel, Relation relation, const Volume *volume);
static void add_parallel_path(PlannerInfo *root, RelOptInfo *rel, const Volume *volume);
static void add_parameterised_paths(PlannerInfo *root, RelOptInfo *rel, Relation relation);
static bool is_wanted_member(PlannerInfo *root, RelOptInfo *rel, EquivalenceClass *ec, EquivalenceMember *em, void *arg);
static List *add_outer(PlannerInfo *root, RelOptInfo *rel, const TsdbTable *table, RestrictInfo *rinfo, List *outers);
static bool contains_set(List *sets, Relids set);
static void estimate_volume(PlannerInfo *root, RelOptInfo *rel, Relation relation, const Conditions *conditions,
							bool is_join, Volume *volume);
static double wanted_share(RelOptInfo *rel, const TsdbTable *table);
static CustomPath *make_path(RelOptInfo *rel, const TsdbScanOrder *order);
static void set_cost(RelOptInfo *rel, CustomPath *path, const Volume *volume, double divisor);
static Cost sort_cost(double n);
static double workers_divisor(int nworkers);
static Plan *plan_path(PlannerInfo *root, RelOptInfo *rel, struct CustomPath *best_path,
					   List *tlist, List *clauses, List *custom_plans);

static const CustomPathMethods path_methods = {
	.CustomName = "TsdbScan",
	.PlanCustomPath = plan_path,
};

void
tsdb_scanpath_add(PlannerInfo *root, RelOptInfo *rel, Oid relid)
{
	Relation relation = table_open(relid, NoLock);
	Conditions conditions;
	Volume volume;

	add_serial_path(root, rel, relation, rel->lateral_relids);
	if (bms_is_empty(rel->lateral_relids))
	{
		split_conditions(root, rel, tsdb_table_get(relation), rel->baserestrictinfo, &conditions);
		estimate_volume(root, rel, relation, &conditions, false, &volume);
		add_ordered_path(root, rel, relation, &conditions, &volume);
		if (rel->consider_parallel)
			add_parallel_path(root, rel, &volume);
	}
	add_parameterised_paths(root, rel, relation);
	table_close(relation, NoLock);
}

CustomPath *
tsdb_scanpath_one_per_series(PlannerInfo *root, RelOptInfo *rel, Oid relid, List *pathkeys, PathTarget *target)
{
	Relation relation = table_open(relid, NoLock);
	CustomPath *path = NULL;
	Conditions conditions;
	TsdbScanOrder order;
	Volume volume;

	split_conditions(root, rel, tsdb_table_get(relation), rel->baserestrictinfo, &conditions);
	tsdb_scanorder_match(rel, tsdb_table_get(relation), &conditions.quals, pathkeys, &order);
	if (conditions.left == NIL && conditions.local.clock == NIL)
	{
		estimate_volume(root, rel, relation, &conditions, false, &volume);
		path = make_path(rel, &order);
		path->path.parallel_safe = rel->consider_parallel;
		path->path.pathtarget = target;
		path->path.pathkeys = list_truncate(list_copy(pathkeys), order.nkeys);
		path->path.rows = clamp_row_est(Min(volume.nseries, rel->rows));
		path->flags &= ~CUSTOMPATH_SUPPORT_BACKWARD_SCAN;
		lsecond(path->custom_private) = list_append_unique_int(lsecond(path->custom_private), TSDB_SCAN_BY_SERIES);
		lsecond(path->custom_private) = lappend_int(lsecond(path->custom_private), TSDB_SCAN_ONE_PER_SERIES);
		volume.nrows = volume.npassed = path->path.rows;
		volume.npages = Min(volume.npages, path->path.rows);
		set_cost(rel, path, &volume, 1.0);
		path->path.total_cost += SERIES_OPERATORS * cpu_operator_cost * volume.nseries;
	}
	table_close(relation, NoLock);
	return path;
}

// private functions

static void
split_conditions(PlannerInfo *root, RelOptInfo *rel, const TsdbTable *table, List *rinfos, Conditions *conditions)
{
	tsdb_quals_split(root, rel, table, rinfos, &conditions->quals);
	tsdb_valuequals_split(root, rel, table, rinfos, &conditions->values);
	conditions->left = list_difference_ptr(rinfos, conditions->quals.time_rinfos);
	conditions->left = list_difference_ptr(conditions->left, conditions->quals.tag_rinfos);
	conditions->left = list_difference_ptr(conditions->left, conditions->values.exact_rinfos);
	tsdb_localexpr_split(root, rel, table, rinfos, &conditions->local);
	conditions->left = list_difference_ptr(conditions->left, conditions->local.rinfos);
}

static void
add_serial_path(PlannerInfo *root, RelOptInfo *rel, Relation relation, Relids required_outer)
{
	TsdbScanOrder order = {0};
	CustomPath *path = make_path(rel, &order);
	ParamPathInfo *param_info = get_baserel_parampathinfo(root, rel, required_outer);
	List *join_clauses = param_info ? param_info->ppi_clauses : NIL;
	Conditions conditions;
	Volume volume;

	split_conditions(root, rel, tsdb_table_get(relation), list_concat_copy(rel->baserestrictinfo, join_clauses), &conditions);
	estimate_volume(root, rel, relation, &conditions, join_clauses != NIL, &volume);
	path->path.parallel_safe = rel->consider_parallel;
	path->path.param_info = param_info;
	path->path.rows = param_info ? param_info->ppi_rows : rel->rows;
	set_cost(rel, path, &volume, 1.0);
	add_path(rel, &path->path);
}

/* The order that the query wants, or the beginning of it. */
static void
add_ordered_path(PlannerInfo *root, RelOptInfo *rel, Relation relation, const Conditions *conditions, const Volume *volume)
{
	TsdbScanOrder order;
	CustomPath *path;

	if (root->query_pathkeys == NIL)
		return;
	tsdb_scanorder_match(rel, tsdb_table_get(relation), &conditions->quals, root->query_pathkeys, &order);
	if (order.nkeys == 0)
	{
		add_time_path(root, rel, relation, volume);
		return;
	}

	path = make_path(rel, &order);
	path->path.pathkeys = list_truncate(list_copy(root->query_pathkeys), order.nkeys);
	path->path.parallel_safe = rel->consider_parallel;
	path->path.rows = rel->rows;
	set_cost(rel, path, volume, 1.0);
	if (order.sort_keys != NIL)
	{
		path->path.startup_cost += sort_cost(volume->nseries);
		path->path.total_cost += sort_cost(volume->nseries) + SERIES_OPERATORS * cpu_operator_cost * volume->nseries;
	}
	add_path(rel, &path->path);
}

/*
 * Rows of many series by time.  In all it costs more than sorting them, slices being read one by
 * one; but the first rows come early, for LIMIT.
 */
static void
add_time_path(PlannerInfo *root, RelOptInfo *rel, Relation relation, const Volume *volume)
{
	TsdbScanOrder order = {0};
	CustomPath *path;

	if (!tsdb_scanorder_is_time(rel, tsdb_table_get(relation), linitial(root->query_pathkeys), &order.is_backward))
		return;

	path = make_path(rel, &order);
	lsecond(path->custom_private) = lappend_int(lsecond(path->custom_private), TSDB_SCAN_BY_TIME);
	path->flags &= ~CUSTOMPATH_SUPPORT_BACKWARD_SCAN;
	path->path.pathkeys = list_make1(linitial(root->query_pathkeys));
	path->path.parallel_safe = rel->consider_parallel;
	path->path.rows = rel->rows;
	set_cost(rel, path, volume, 1.0);
	path->path.startup_cost += 4.0 * SERIES_OPERATORS * cpu_operator_cost * volume->nseries;
	path->path.total_cost += path->path.startup_cost + sort_cost(volume->npassed) * SLICES_COST_RATIO;
	add_path(rel, &path->path);
}

static void
add_parallel_path(PlannerInfo *root, RelOptInfo *rel, const Volume *volume)
{
	TsdbScanOrder order = {0};
	CustomPath *path;
	int nworkers;

	nworkers = compute_parallel_worker(rel, volume->npages, -1, max_parallel_workers_per_gather);
	if (nworkers <= 0)
		return;

	path = make_path(rel, &order);
	path->path.parallel_safe = true;
	path->path.parallel_aware = true;
	path->path.parallel_workers = nworkers;
	path->path.rows = clamp_row_est(rel->rows / workers_divisor(nworkers));
	set_cost(rel, path, volume, workers_divisor(nworkers));
	add_partial_path(rel, &path->path);
}

/*
 * Inner sides of nested loops: series or times that depend on the row of another relation.
 * One path per set of relations that a useful join clause needs.
 */
static void
add_parameterised_paths(PlannerInfo *root, RelOptInfo *rel, Relation relation)
{
	const TsdbTable *table = tsdb_table_get(relation);
	List *outers = NIL;
	ListCell *lc;

	foreach (lc, rel->joininfo)
	{
		RestrictInfo *rinfo = lfirst_node(RestrictInfo, lc);

		if (join_clause_is_movable_to(rinfo, rel))
			outers = add_outer(root, rel, table, rinfo, outers);
	}
	if (rel->has_eclass_joins)
	{
		for (int i = 0; i <= table->ntags; i++)
		{
			AttrNumber attnum = i < table->ntags ? table->tag_attnums[i] : table->time_attnum;
			List *clauses = generate_implied_equalities_for_column(root, rel, is_wanted_member, &attnum,
																   rel->lateral_referencers);

			foreach (lc, clauses)
				outers = add_outer(root, rel, table, lfirst_node(RestrictInfo, lc), outers);
		}
	}

	foreach (lc, outers)
		add_serial_path(root, rel, relation, lfirst(lc));
}

/* Is this member of an equivalence class the column *arg? */
static bool
is_wanted_member(PlannerInfo *root, RelOptInfo *rel, EquivalenceClass *ec, EquivalenceMember *em, void *arg)
{
	return tsdb_quals_is_column((Node *) em->em_expr, rel, *(AttrNumber *) arg);
}

/* Add what a join clause needs from outside to the list of sets, if the clause says anything about times or series. */
static List *
add_outer(PlannerInfo *root, RelOptInfo *rel, const TsdbTable *table, RestrictInfo *rinfo, List *outers)
{
	TsdbQuals quals;
	Relids outer;

	tsdb_quals_split(root, rel, table, list_make1(rinfo), &quals);
	if (quals.bounds == NIL && quals.tags == NIL)
		return outers;

	outer = bms_union(rinfo->clause_relids, rel->lateral_relids);
	outer = bms_del_member(outer, rel->relid);
	if (bms_is_empty(outer) || contains_set(outers, outer))
		return outers;
	return lappend(outers, outer);
}

static bool
contains_set(List *sets, Relids set)
{
	ListCell *lc;

	foreach (lc, sets)
	{
		if (bms_equal(lfirst(lc), set))
			return true;
	}
	return false;
}

static void
estimate_volume(PlannerInfo *root, RelOptInfo *rel, Relation relation, const Conditions *conditions,
				bool is_join, Volume *volume)
{
	int varno = is_join ? rel->relid : 0;
	const TsdbQuals *quals = &conditions->quals;
	double nknown = tsdb_metapage_next(relation, TSDB_COUNTER_SERIES) - 1;
	Selectivity matching = clauselist_selectivity(root, quals->tag_rinfos, varno, JOIN_INNER, NULL);
	Selectivity touched = clauselist_selectivity(root, list_concat_copy(quals->time_rinfos, quals->tag_rinfos), varno,
												 JOIN_INNER, NULL);

	volume->nrows = Max(rel->tuples * touched, Min(rel->tuples, MIN_SCANNED_ROWS));
	volume->npassed = volume->nrows * clauselist_selectivity(root, conditions->values.exact_rinfos, varno, JOIN_INNER, NULL);
	volume->npages = rel->tuples > 0 ? ceil(rel->pages * volume->nrows / rel->tuples) : 0;
	volume->share = wanted_share(rel, tsdb_table_get(relation));
	volume->nseries = quals->pins != NIL ? 1 : Max(nknown * matching, 1);
	volume->nconditions = list_length(quals->tags) * (quals->pins != NIL ? 1 : nknown);
	cost_qual_eval(&volume->filter_cost, conditions->left, root);
}

/* Share of a row's columns that have to be read, the time being one. */
static double
wanted_share(RelOptInfo *rel, const TsdbTable *table)
{
	Bitmapset *attnos = NULL;
	int nwanted = 1;
	ListCell *lc;

	pull_varattnos((Node *) rel->reltarget->exprs, rel->relid, &attnos);
	foreach (lc, rel->baserestrictinfo)
		pull_varattnos((Node *) lfirst_node(RestrictInfo, lc)->clause, rel->relid, &attnos);

	if (bms_is_member(-FirstLowInvalidHeapAttributeNumber, attnos))
		return 1.0; /* the whole row */
	for (int i = 0; i < table->nvalues; i++)
		nwanted += bms_is_member(table->values[i].attnum - FirstLowInvalidHeapAttributeNumber, attnos);
	return (double) nwanted / (table->nvalues + 1);
}

/* custom_private: sort keys, and which TSDB_SCAN_* are set. */
static CustomPath *
make_path(RelOptInfo *rel, const TsdbScanOrder *order)
{
	CustomPath *path = makeNode(CustomPath);
	List *modes = NIL;

	if (order->sort_keys != NIL)
		modes = lappend_int(modes, TSDB_SCAN_BY_SERIES);
	if (order->is_backward)
		modes = lappend_int(modes, TSDB_SCAN_BACKWARD);
	path->custom_private = list_make2(order->sort_keys, modes);

	path->path.pathtype = T_CustomScan;
	path->path.parent = rel;
	path->path.pathtarget = rel->reltarget;
	path->flags = CUSTOMPATH_SUPPORT_BACKWARD_SCAN | CUSTOMPATH_SUPPORT_PROJECTION;
	path->methods = &path_methods;
	return path;
}

/* Pages are read by somebody whatever the number of workers; work on rows is shared. */
static void
set_cost(RelOptInfo *rel, CustomPath *path, const Volume *volume, double divisor)
{
	Cost cpu_cost;
	double page_cost;

	get_tablespace_page_costs(rel->reltablespace, NULL, &page_cost);
	cpu_cost = DECODE_COST_RATIO * cpu_tuple_cost * volume->nrows +
			   (ROW_COST_RATIO * cpu_tuple_cost + volume->filter_cost.per_tuple) * volume->npassed;
	cpu_cost /= divisor;
	cpu_cost += path->path.pathtarget->cost.per_tuple * path->path.rows;
	path->path.startup_cost = volume->filter_cost.startup + path->path.pathtarget->cost.startup +
							  volume->nconditions * cpu_operator_cost;
	path->path.total_cost = path->path.startup_cost + cpu_cost + volume->npages * volume->share * page_cost;
}

/* As core estimates it, in memory. */
static Cost
sort_cost(double n)
{
	return 2.0 * cpu_operator_cost * n * log2(Max(n, 2.0));
}

/* The planner's assumption: the leader helps less the more workers it serves. */
static double
workers_divisor(int nworkers)
{
	double leader = 1.0 - 0.3 * nworkers;

	return parallel_leader_participation && leader > 0 ? nworkers + leader : nworkers;
}

static Plan *
plan_path(PlannerInfo *root, RelOptInfo *rel, struct CustomPath *best_path,
		  List *tlist, List *clauses, List *custom_plans)
{
	CustomScan *scan = makeNode(CustomScan);
	Relation relation = table_open(planner_rt_fetch(rel->relid, root)->relid, NoLock);
	Conditions conditions;
	List *done;

	split_conditions(root, rel, tsdb_table_get(relation), clauses, &conditions);
	table_close(relation, NoLock);
	done = extract_actual_clauses(list_difference_ptr(clauses, conditions.left), false);

	scan->scan.plan.targetlist = tlist;
	scan->scan.plan.qual = extract_actual_clauses(conditions.left, false);
	scan->scan.scanrelid = rel->relid;
	scan->flags = best_path->flags;
	scan->custom_exprs = list_make5(conditions.quals.bounds, conditions.quals.tags, conditions.quals.pins,
									conditions.values.exprs, done);
	scan->custom_private = list_make4(conditions.quals.strategies, conditions.values.shapes,
									  linitial(best_path->custom_private), lsecond(best_path->custom_private));
	scan->custom_private = lappend(scan->custom_private, conditions.local.clock);
	scan->custom_private = lappend(scan->custom_private, conditions.local.terms);
	scan->methods = &tsdb_scannode_methods;
	return &scan->scan.plan;
}
