/*-------------------------------------------------------------------------
 *
 * aggquery.h
 *	  Which grouped queries can be answered from summaries.
 *
 *-------------------------------------------------------------------------
 */
#ifndef TSDB_AGGQUERY_H
#define TSDB_AGGQUERY_H

#include "postgres.h"
#include "nodes/pathnodes.h"
#include "plan/aggstate.h"
#include "plan/localexpr.h"
#include "plan/quals.h"
#include "plan/valuequals.h"
#include "series/tsdbtable.h"

/* A table underneath: the one of the query or a partition. */
typedef struct TsdbAggTable
{
	RelOptInfo *rel;
	Oid relid;
	const TsdbTable *table; /* copy */
	List *attnums; /* int list: its column for each column of the query's table, 0 = none */
	TsdbQuals quals;
	TsdbValueQuals values;
	TsdbLocalQuals local;
} TsdbAggTable;

/* What a key is made of. */
typedef enum TsdbAggKeyKind
{
	TSDB_AGGKEY_TAGS,
	TSDB_AGGKEY_BUCKET, /* the time; those that follow too */
	TSDB_AGGKEY_RISING, /* see TsdbBucketRise */
	TSDB_AGGKEY_START
} TsdbAggKeyKind;

typedef struct TsdbAggQuery
{
	Oid relid; /* the query's table, perhaps a partitioned one */
	const TsdbTable *shape; /* roles of its columns */
	bool has_all_tags; /* one table, all of whose tags are keys: no two series have equal keys */
	bool is_grouped; /* there is a GROUP BY: no group without rows */
	List *keys; /* group expressions that depend on the row */
	List *key_exprs; /* list beside it: what computes them, see seriesexpr.h */
	List *key_operators; /* oid list beside it: equality */
	List *key_kinds; /* int list beside it: TsdbAggKeyKind */
	List *bucket; /* bucketexpr.h; NIL: no key is made of the time */
	List *aggrefs; /* different Aggrefs of target list and HAVING */
	List *calls; /* beside it: int lists, see tsdb_aggquery_call */
	List *steppeds; /* beside it: TIME_AVERAGE: list of an expression over tags; NIL: false */
	List *filter_tags; /* beside it: lists of conditions on tags of the query's table */
	List *filter_bounds; /* beside it: lists of time bounds */
	List *filter_strategies; /* beside it: int lists */
	List *tables; /* TsdbAggTable */
} TsdbAggQuery;

/*
 * tsdb_aggquery_match - what a query asks, or NULL when any of it is not of the kind that summaries answer.
 *
 *	input_rel	a table, or a partitioned or inherited one all of whose remaining members are tsdb tables of one shape
 *	target		of the grouping step
 *	having		its conditions, ANDed
 */
extern TsdbAggQuery *tsdb_aggquery_match(PlannerInfo *root, RelOptInfo *input_rel, PathTarget *target, List *having);

/* tsdb_aggquery_call - read an element of calls. */
extern TsdbAggCall tsdb_aggquery_call(List *call);

#endif /* TSDB_AGGQUERY_H */
