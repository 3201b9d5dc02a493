/*-------------------------------------------------------------------------
 *
 * aggpath.c
 *	  Paths and plans of the aggregate node.
 *
 * The node emits groups: the keys and the aggregates, from which target list and HAVING
 * are computed as over a scan.  So it is a scan without a relation whose custom_scan_tlist holds them.
 *
 * Expressions that depend on columns must not be in custom_exprs: setrefs would look for them among the node's
 * output.  They travel in custom_private, and the parameters in them in custom_exprs, where the planner finds them.
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "access/stratnum.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "nodes/extensible.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/cost.h"
#include "optimizer/optimizer.h"
#include "optimizer/pathnode.h"
#include "optimizer/paths.h"
#include "optimizer/tlist.h"
#include "plan/aggnode.h"
#include "plan/aggorder.h"
#include "plan/aggpath.h"
#include "plan/aggquery.h"
#include "plan/bucketexpr.h"
#include "utils/selfuncs.h"
#include "utils/spccache.h"
#include "utils/timestamp.h"

/* Reading summaries, beside reading the samples that they stand for. */
#define SUMMARY_RATIO 0.01
/* Decoding and folding a value in a column, beside an operator on a row. */
#define DECODE_RATIO 0.1
/*
 * What groups may take by estimate, in multiples of hash_mem.  Core's plans spill, the node does not; but they also
 * read every sample, which is worse for long before memory is.
 */
#define MEMORY_RATIO 64
#define GROUP_BYTES 100 /* beside the accumulators: ids, hash tables, keys */
/* Buckets when nothing is known of the span of the data: a year. */
#define GUESSED_SPAN_US (365.0 * USECS_PER_DAY)

static void add_serial_path(PlannerInfo *root, RelOptInfo *input_rel, RelOptInfo *grouped_rel, const TsdbAggQuery *query,
							List *having, List *order, List *pathkeys);
static bool streams(const TsdbAggQuery *query, List *order);
static Size group_bytes(const TsdbAggQuery *query);
static void add_parallel_path(PlannerInfo *root, RelOptInfo *input_rel, RelOptInfo *grouped_rel, const TsdbAggQuery *query,
							  List *having);
static CustomPath *make_path(RelOptInfo *grouped_rel, const TsdbAggQuery *query, List *having, List *order);
static double set_cost(PlannerInfo *root, RelOptInfo *input_rel, RelOptInfo *grouped_rel, const TsdbAggQuery *query,
					   CustomPath *path);
static void add_table_cost(PlannerInfo *root, const TsdbAggTable *table, CustomPath *path, double *nrows);
static double estimate_groups(PlannerInfo *root, const TsdbAggQuery *query, double nrows);
static double known_span_us(const TsdbAggQuery *query);
static bool constant_us(Node *bound, double *time_us);
static List *make_scan_tlist(const TsdbAggQuery *query);
static List *wanted_pathkeys(PlannerInfo *root);
static List *make_private(const TsdbAggQuery *query, List *order);
static List *make_table_private(const TsdbAggTable *table);
static List *make_exprs(const TsdbAggQuery *query);
static bool collect_params(Node *node, void *context);
static Plan *plan_path(PlannerInfo *root, RelOptInfo *rel, struct CustomPath *best_path,
					   List *tlist, List *clauses, List *custom_plans);

static const CustomPathMethods path_methods = {
	.CustomName = "TsdbAggregate",
	.PlanCustomPath = plan_path,
};

void
tsdb_aggpath_add(PlannerInfo *root, RelOptInfo *input_rel, RelOptInfo *grouped_rel, List *having)
{
	TsdbAggQuery *query = tsdb_aggquery_match(root, input_rel, grouped_rel->reltarget, having);
	List *pathkeys = wanted_pathkeys(root);
	List *order;

	if (query == NULL)
		return;
	add_parallel_path(root, input_rel, grouped_rel, query, having);
	order = tsdb_aggorder_match(query, pathkeys);
	add_serial_path(root, input_rel, grouped_rel, query, having, order, list_truncate(list_copy(pathkeys), list_length(order)));
	if (order != NIL && streams(query, NIL))
		add_serial_path(root, input_rel, grouped_rel, query, having, NIL, NIL);
}

// private functions

static void
add_serial_path(PlannerInfo *root, RelOptInfo *input_rel, RelOptInfo *grouped_rel, const TsdbAggQuery *query, List *having,
				List *order, List *pathkeys)
{
	CustomPath *path = make_path(grouped_rel, query, having, order);
	double ngroups = set_cost(root, input_rel, grouped_rel, query, path);

	path->path.pathkeys = pathkeys;
	if (streams(query, order) || ngroups * group_bytes(query) <= (double) get_hash_memory_limit() * MEMORY_RATIO)
		add_path(grouped_rel, &path->path);
}

/* Will groups be emitted as they come?  For one series they may be even when this says no. */
static bool
streams(const TsdbAggQuery *query, List *order)
{
	TsdbBucketRule rule;

	if (!query->is_grouped)
		return true; /* there is one */
	if (order != NIL || !query->has_all_tags)
		return false;
	if (query->bucket == NIL)
		return true;
	tsdb_bucketexpr_rule(query->bucket, &rule);
	return rule.kind == TSDB_BUCKETS_FIXED &&
		   (list_member_int(query->key_kinds, TSDB_AGGKEY_RISING) || list_member_int(query->key_kinds, TSDB_AGGKEY_START));
}

static Size
group_bytes(const TsdbAggQuery *query)
{
	Size nbytes = GROUP_BYTES;
	ListCell *lc;

	foreach (lc, query->calls)
	{
		TsdbAggCall call = tsdb_aggquery_call(lfirst(lc));

		nbytes += tsdb_aggstate_size(&call);
	}
	return nbytes;
}

/*
 * Where samples have to be decoded, series can be shared out, if each group lies in one of them: then what the processes
 * emit is final.
 */
static void
add_parallel_path(PlannerInfo *root, RelOptInfo *input_rel, RelOptInfo *grouped_rel, const TsdbAggQuery *query, List *having)
{
	const TsdbAggTable *table = linitial(query->tables);
	CustomPath *path;
	int nworkers;
	double divisor;
	double nrows;

	if (!grouped_rel->consider_parallel || !query->has_all_tags || table->table->ntags == 0 || table->values.exprs == NIL ||
		tsdb_bucketexpr_clock(query->bucket) != NIL || table->local.clock != NIL)
		return; /* processes share ranges of series ids, not zones */
	nworkers = compute_parallel_worker(table->rel, table->rel->pages, -1, max_parallel_workers_per_gather);
	if (nworkers <= 0)
		return;

	path = make_path(grouped_rel, query, having, NIL);
	set_cost(root, input_rel, grouped_rel, query, path);
	divisor = nworkers + (parallel_leader_participation ? Max(1.0 - 0.3 * nworkers, 0) : 0);
	nrows = path->path.rows;
	path->path.startup_cost /= divisor;
	path->path.total_cost /= divisor;
	path->path.rows = clamp_row_est(nrows / divisor);
	path->path.parallel_aware = true;
	path->path.parallel_workers = nworkers;
	add_path(grouped_rel, (Path *) create_gather_path(root, grouped_rel, &path->path, grouped_rel->reltarget, NULL, &nrows));
}

static CustomPath *
make_path(RelOptInfo *grouped_rel, const TsdbAggQuery *query, List *having, List *order)
{
	CustomPath *path = makeNode(CustomPath);

	path->path.pathtype = T_CustomScan;
	path->path.parent = grouped_rel;
	path->path.pathtarget = grouped_rel->reltarget;
	path->path.parallel_safe = grouped_rel->consider_parallel;
	path->flags = CUSTOMPATH_SUPPORT_PROJECTION;
	path->methods = &path_methods;
	path->custom_private = list_make4(make_scan_tlist(query), having, make_exprs(query), make_private(query, order));
	return path;
}

/* set_cost - returns how many groups there may be. */
static double
set_cost(PlannerInfo *root, RelOptInfo *input_rel, RelOptInfo *grouped_rel, const TsdbAggQuery *query, CustomPath *path)
{
	double nrows = 0;
	double ngroups;
	QualCost having_cost;
	Selectivity passing;
	List *having = lsecond(path->custom_private);
	ListCell *lc;

	foreach (lc, query->tables)
		add_table_cost(root, lfirst(lc), path, &nrows);
	ngroups = query->is_grouped ? estimate_groups(root, query, nrows) : 1;
	cost_qual_eval(&having_cost, having, root);
	passing = clauselist_selectivity(root, having, 0, JOIN_INNER, NULL);

	path->path.total_cost += ngroups * (list_length(query->aggrefs) + 1) * cpu_operator_cost;
	path->path.startup_cost = path->path.total_cost + having_cost.startup + path->path.pathtarget->cost.startup;
	path->path.rows = clamp_row_est(ngroups * passing);
	path->path.total_cost = path->path.startup_cost + ngroups * (cpu_tuple_cost + having_cost.per_tuple) +
							path->path.rows * path->path.pathtarget->cost.per_tuple;
	return ngroups;
}

/* Summaries are read where they can be, samples where values have conditions. */
static void
add_table_cost(PlannerInfo *root, const TsdbAggTable *table, CustomPath *path, double *nrows)
{
	RelOptInfo *rel = table->rel;
	List *rinfos = list_concat_copy(table->quals.time_rinfos, table->quals.tag_rinfos);
	double touched = clauselist_selectivity(root, rinfos, 0, JOIN_INNER, NULL);
	double ratio = table->values.exprs == NIL ? SUMMARY_RATIO : DECODE_RATIO;
	double page_cost;

	get_tablespace_page_costs(rel->reltablespace, NULL, &page_cost);
	path->path.total_cost += rel->tuples * touched * cpu_operator_cost * ratio;
	path->path.total_cost += rel->pages * touched * page_cost * ratio;
	*nrows += rel->rows;
}

/* Groups by tags as core estimates them, times the buckets in the range of the conditions. */
static double
estimate_groups(PlannerInfo *root, const TsdbAggQuery *query, double nrows)
{
	List *tags = NIL;
	double ngroups;
	ListCell *key;
	ListCell *kind;

	forboth (key, query->keys, kind, query->key_kinds)
	{
		if (lfirst_int(kind) == TSDB_AGGKEY_TAGS)
			tags = lappend(tags, lfirst(key));
	}
	ngroups = tags == NIL ? 1 : estimate_num_groups(root, tags, nrows, NULL, NULL);
	if (query->bucket != NIL)
		ngroups *= ceil(known_span_us(query) / tsdb_bucketexpr_width(query->bucket));
	return clamp_row_est(Min(ngroups, nrows));
}

/* From the constants among the bounds of the first table. */
static double
known_span_us(const TsdbAggQuery *query)
{
	const TsdbAggTable *table = linitial(query->tables);
	double from_us = -INFINITY;
	double until_us = INFINITY;
	ListCell *bound;
	ListCell *strategy;

	forboth (bound, table->quals.bounds, strategy, table->quals.strategies)
	{
		double time_us;

		if (!constant_us(lfirst(bound), &time_us))
			continue;
		if (lfirst_int(strategy) >= BTEqualStrategyNumber)
			from_us = Max(from_us, time_us);
		if (lfirst_int(strategy) <= BTEqualStrategyNumber)
			until_us = Min(until_us, time_us);
	}
	if (isinf(from_us) && !isinf(until_us))
		return GUESSED_SPAN_US;
	if (isinf(until_us))
		until_us = (double) GetCurrentTimestamp();
	return isinf(from_us) || until_us < from_us ? GUESSED_SPAN_US : until_us - from_us;
}

static bool
constant_us(Node *bound, double *time_us)
{
	const Const *value = (Const *) bound;

	if (!IsA(bound, Const) || value->constisnull || (value->consttype != TIMESTAMPTZOID && value->consttype != TIMESTAMPOID))
		return false;
	*time_us = (double) DatumGetTimestamp(value->constvalue);
	return !TIMESTAMP_NOT_FINITE(DatumGetTimestamp(value->constvalue));
}

/* The order that the next step of the query likes its input to have. */
static List *
wanted_pathkeys(PlannerInfo *root)
{
	if (root->window_pathkeys != NIL)
		return root->window_pathkeys;
	return root->distinct_pathkeys != NIL ? root->distinct_pathkeys : root->sort_pathkeys;
}

/* What the node emits: keys, then aggregates. */
static List *
make_scan_tlist(const TsdbAggQuery *query)
{
	List *exprs = list_concat_copy(query->keys, query->aggrefs);
	List *tlist = NIL;
	ListCell *lc;

	foreach (lc, exprs)
		tlist = lappend(tlist, makeTargetEntry(copyObject(lfirst(lc)), (AttrNumber) (list_length(tlist) + 1), NULL, false));
	return tlist;
}

/* See aggnode.h. */
static List *
make_private(const TsdbAggQuery *query, List *order)
{
	List *tables = NIL;
	List *result;
	ListCell *lc;

	foreach (lc, query->tables)
		tables = lappend(tables, make_table_private(lfirst(lc)));

	result = list_make5(list_make3_oid(query->relid, query->is_grouped, query->has_all_tags), query->key_exprs, query->key_operators,
						query->key_kinds, query->bucket);
	result = lappend(result, query->calls);
	result = lappend(result, query->filter_tags);
	result = lappend(result, query->filter_strategies);
	result = lappend(result, tables);
	result = lappend(result, order);
	return lappend(result, query->steppeds);
}

static List *
make_table_private(const TsdbAggTable *table)
{
	List *result = list_make5(list_make1_oid(table->relid), table->attnums, table->quals.tags, table->quals.strategies,
							  table->values.shapes);

	return lappend(lappend(result, table->local.clock), table->local.terms);
}

/* See aggnode.h. */
static List *
make_exprs(const TsdbAggQuery *query)
{
	List *tables = NIL;
	List *params = NIL;
	ListCell *lc;

	collect_params((Node *) query->key_exprs, &params);
	collect_params((Node *) query->filter_tags, &params);
	collect_params((Node *) query->steppeds, &params);
	foreach (lc, query->tables)
	{
		const TsdbAggTable *table = lfirst(lc);

		tables = lappend(tables, list_make3(table->quals.bounds, table->quals.pins, table->values.exprs));
		collect_params((Node *) table->quals.tags, &params);
	}
	return list_make3(query->filter_bounds, tables, params);
}

static bool
collect_params(Node *node, void *context)
{
	List **params = context;

	if (node == NULL)
		return false;
	if (IsA(node, Param))
	{
		*params = list_append_unique(*params, node);
		return false;
	}
	return expression_tree_walker(node, collect_params, context);
}

static Plan *
plan_path(PlannerInfo *root, RelOptInfo *rel, struct CustomPath *best_path,
		  List *tlist, List *clauses, List *custom_plans)
{
	CustomScan *scan = makeNode(CustomScan);

	scan->scan.plan.targetlist = tlist;
	scan->scan.plan.qual = lsecond(best_path->custom_private);
	scan->scan.scanrelid = 0;
	scan->flags = best_path->flags;
	scan->custom_scan_tlist = linitial(best_path->custom_private);
	scan->custom_exprs = lthird(best_path->custom_private);
	scan->custom_private = lfourth(best_path->custom_private);
	scan->methods = &tsdb_aggnode_methods;
	return &scan->scan.plan;
}
