/*-------------------------------------------------------------------------
 *
 * scanpath.c
 *	  Paths and plans of the scan node.
 *
 * Costs are those of a sequential scan less what the conditions on time and tags
 * leave out, and less the value columns that nobody asks for; so ours wins
 * wherever core would read the table from end to end.
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
#include "plan/quals.h"
#include "plan/scannode.h"
#include "plan/scanpath.h"
#include "series/tsdbtable.h"
#include "utils/spccache.h"

/* A row out of a decoded window costs less than one out of a heap page. */
#define ROW_COST_RATIO 0.8
/* Less than a block is not decoded. */
#define MIN_SCANNED_ROWS 4096.0

/* Series in a dictionary that has to be listed, a guess: nobody counts them for the planner. */
#define MATCHED_SERIES(rel) Min((rel)->tuples / 10, 100.0)

/* What a scan has to touch. */
typedef struct Volume
{
	double npages; /* if every column were read; what workers are counted by */
	double share; /* of them, for the columns that are */
	double nrows;
	double nconditions; /* evaluations of tag conditions */
} Volume;

static void add_serial_path(PlannerInfo *root, RelOptInfo *rel, const TsdbTable *table, Relids required_outer);
static void add_parallel_path(PlannerInfo *root, RelOptInfo *rel, const TsdbTable *table);
static void add_parameterised_paths(PlannerInfo *root, RelOptInfo *rel, const TsdbTable *table);
static bool is_wanted_member(PlannerInfo *root, RelOptInfo *rel, EquivalenceClass *ec, EquivalenceMember *em, void *arg);
static List *add_outer(PlannerInfo *root, RelOptInfo *rel, const TsdbTable *table, RestrictInfo *rinfo, List *outers);
static bool contains_set(List *sets, Relids set);
static void estimate_volume(PlannerInfo *root, RelOptInfo *rel, const TsdbTable *table, List *join_clauses,
							Volume *volume);
static double wanted_share(RelOptInfo *rel, const TsdbTable *table);
static CustomPath *make_path(RelOptInfo *rel);
static void set_cost(PlannerInfo *root, RelOptInfo *rel, CustomPath *path, const Volume *volume, double divisor);
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
	const TsdbTable *table = tsdb_table_get(relation);

	add_serial_path(root, rel, table, rel->lateral_relids);
	if (rel->consider_parallel && bms_is_empty(rel->lateral_relids))
		add_parallel_path(root, rel, table);
	add_parameterised_paths(root, rel, table);
	table_close(relation, NoLock);
}

// private functions

static void
add_serial_path(PlannerInfo *root, RelOptInfo *rel, const TsdbTable *table, Relids required_outer)
{
	CustomPath *path = make_path(rel);
	ParamPathInfo *param_info = get_baserel_parampathinfo(root, rel, required_outer);
	Volume volume;

	estimate_volume(root, rel, table, param_info ? param_info->ppi_clauses : NIL, &volume);
	path->path.parallel_safe = rel->consider_parallel;
	path->path.param_info = param_info;
	path->path.rows = param_info ? param_info->ppi_rows : rel->rows;
	set_cost(root, rel, path, &volume, 1.0);
	add_path(rel, &path->path);
}

static void
add_parallel_path(PlannerInfo *root, RelOptInfo *rel, const TsdbTable *table)
{
	CustomPath *path;
	Volume volume;
	int nworkers;

	estimate_volume(root, rel, table, NIL, &volume);
	nworkers = compute_parallel_worker(rel, volume.npages, -1, max_parallel_workers_per_gather);
	if (nworkers <= 0)
		return;

	path = make_path(rel);
	path->path.parallel_safe = true;
	path->path.parallel_aware = true;
	path->path.parallel_workers = nworkers;
	path->path.rows = clamp_row_est(rel->rows / workers_divisor(nworkers));
	set_cost(root, rel, path, &volume, workers_divisor(nworkers));
	add_partial_path(rel, &path->path);
}

/*
 * Inner sides of nested loops: series or times that depend on the row of another relation.
 * One path per set of relations that a useful join clause needs.
 */
static void
add_parameterised_paths(PlannerInfo *root, RelOptInfo *rel, const TsdbTable *table)
{
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
		add_serial_path(root, rel, table, lfirst(lc));
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
estimate_volume(PlannerInfo *root, RelOptInfo *rel, const TsdbTable *table, List *join_clauses, Volume *volume)
{
	TsdbQuals quals;
	Selectivity touched;

	tsdb_quals_split(root, rel, table, list_concat_copy(rel->baserestrictinfo, join_clauses), &quals);
	touched = clauselist_selectivity(root, list_concat(quals.time_rinfos, quals.tag_rinfos),
									 join_clauses == NIL ? 0 : rel->relid, JOIN_INNER, NULL);

	volume->nrows = Max(rel->tuples * touched, Min(rel->tuples, MIN_SCANNED_ROWS));
	volume->npages = rel->tuples > 0 ? ceil(rel->pages * volume->nrows / rel->tuples) : 0;
	volume->share = wanted_share(rel, table);
	volume->nconditions = list_length(quals.tags);
	if (quals.pins == NIL)
		volume->nconditions *= MATCHED_SERIES(rel);
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

static CustomPath *
make_path(RelOptInfo *rel)
{
	CustomPath *path = makeNode(CustomPath);

	path->path.pathtype = T_CustomScan;
	path->path.parent = rel;
	path->path.pathtarget = rel->reltarget;
	path->flags = CUSTOMPATH_SUPPORT_BACKWARD_SCAN | CUSTOMPATH_SUPPORT_PROJECTION;
	path->methods = &path_methods;
	return path;
}

/* Pages are read by somebody whatever the number of workers; work on rows is shared. */
static void
set_cost(PlannerInfo *root, RelOptInfo *rel, CustomPath *path, const Volume *volume, double divisor)
{
	QualCost qual_cost = rel->baserestrictcost;
	Cost cpu_cost;
	double page_cost;

	if (path->path.param_info)
	{
		QualCost join_cost;

		cost_qual_eval(&join_cost, path->path.param_info->ppi_clauses, root);
		qual_cost.startup += join_cost.startup;
		qual_cost.per_tuple += join_cost.per_tuple;
	}

	get_tablespace_page_costs(rel->reltablespace, NULL, &page_cost);
	cpu_cost = volume->nrows * (ROW_COST_RATIO * cpu_tuple_cost + qual_cost.per_tuple);
	cpu_cost /= divisor;
	cpu_cost += volume->nconditions * cpu_operator_cost;
	cpu_cost += path->path.pathtarget->cost.per_tuple * path->path.rows;
	path->path.startup_cost = qual_cost.startup + path->path.pathtarget->cost.startup;
	path->path.total_cost = path->path.startup_cost + cpu_cost + volume->npages * volume->share * page_cost;
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
	TsdbQuals quals;

	tsdb_quals_split(root, rel, tsdb_table_get(relation), clauses, &quals);
	table_close(relation, NoLock);

	scan->scan.plan.targetlist = tlist;
	scan->scan.plan.qual = extract_actual_clauses(clauses, false);
	scan->scan.scanrelid = rel->relid;
	scan->flags = best_path->flags;
	scan->custom_exprs = list_make3(quals.bounds, quals.tags, quals.pins);
	scan->custom_private = list_make1(quals.strategies);
	scan->methods = &tsdb_scannode_methods;
	return &scan->scan.plan;
}
