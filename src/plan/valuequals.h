/*-------------------------------------------------------------------------
 *
 * valuequals.h
 *	  Which conditions of a query compare a value column with something constant.
 *
 * Found at planning: expressions for the right sides (they go to custom_exprs) and beside them a list of
 * integers each (custom_private).  Evaluated at execution, they become the terms of a filter.
 *-------------------------------------------------------------------------
 */
#ifndef TSDB_VALUEQUALS_H
#define TSDB_VALUEQUALS_H

#include "postgres.h"
#include "format/filter.h"
#include "nodes/execnodes.h"
#include "nodes/pathnodes.h"
#include "series/tsdbtable.h"

typedef struct TsdbValueQuals
{
	List *exprs; /* right sides; a NULL constant where the condition has none */
	List *shapes; /* beside it: lists of integers, see valuequals.c */
	List *exact_rinfos; /* conditions that the terms express in full: a row matches these just when it passes the terms */
	List *partial_rinfos; /* conditions that the terms only narrow: they have to be checked again */
} TsdbValueQuals;

/*
 * tsdb_valuequals_split - find conditions on single value columns of rel.
 *
 *	rinfos	as for tsdb_quals_split; those on times and tags are passed over
 *
 * Recognised: column op x and x op column with the comparison operators of the column's btree family and their
 * negation <>, over int2/int4/int8 and float4/float8 in any mix; IS [NOT] NULL; boolean columns, NOT and IS TRUE; what
 * tsdb.is_good and the like are inlined to, also negated; column = ANY (constants), in part.  x is anything that
 * does not depend on the row.  Row security: only clauses that may go first.
 */
extern void tsdb_valuequals_split(PlannerInfo *root, RelOptInfo *rel, const TsdbTable *table, List *rinfos,
								  TsdbValueQuals *quals);

typedef struct TsdbValueFilter TsdbValueFilter;

/*
 * tsdb_valuefilter_create - compile the right sides of a plan; exprs and shapes after setrefs.
 *
 * Memory: current context, which has to be the query's.
 */
extern TsdbValueFilter *tsdb_valuefilter_create(PlanState *parent, List *exprs, List *shapes);

/*
 * tsdb_valuefilter_evaluate - the terms with the present parameters, and their number in *nterms.
 *
 * Valid until the next evaluation.  Evaluates init plans.
 */
extern TsdbFilterTerm *tsdb_valuefilter_evaluate(TsdbValueFilter *filter, int *nterms);

#endif /* TSDB_VALUEQUALS_H */
