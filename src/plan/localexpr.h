/*-------------------------------------------------------------------------
 *
 * localexpr.h
 *	  tsdb.local_time and tsdb.local_bucket in queries: which clock they show, and conditions on it.
 *
 * What is recognised is their form with columns, into which tsdb_row_support turns the one with a row.
 *-------------------------------------------------------------------------
 */
#ifndef TSDB_LOCALEXPR_H
#define TSDB_LOCALEXPR_H

#include "postgres.h"
#include "nodes/pathnodes.h"
#include "read/localwindows.h"
#include "series/tsdbtable.h"

/*
 * tsdb_localexpr_clock - is this a call of tsdb.<name> whose last arguments are a table, the time and the tags of rel?
 *
 *	nbefore		arguments before the table
 *
 * Returns its clock, fit for a plan: the table whose rules count, and the columns of rel that its tags are in; or NIL.
 */
extern List *tsdb_localexpr_clock(RelOptInfo *rel, AttrNumber time_attnum, Node *node, const char *name, int *nbefore);

/* Conditions on local time. */
typedef struct TsdbLocalQuals
{
	List *clock; /* NIL: none */
	List *terms; /* beside it: descriptions of the conditions */
	List *rinfos; /* the RestrictInfos that they say in full */
} TsdbLocalQuals;

/*
 * tsdb_localexpr_split - find conditions that say at which local times rows are wanted.
 *
 * They are: hour, day, month or day of the week by extract or date_part, in comparisons with constants, joined by AND, OR and NOT; the local
 * timestamp, its date and its time of day, compared with a constant.
 */
extern void tsdb_localexpr_split(PlannerInfo *root, RelOptInfo *rel, const TsdbTable *table, List *rinfos, TsdbLocalQuals *quals);

/* tsdb_localexpr_table - the table whose rules count for a clock. */
extern Oid tsdb_localexpr_table(List *clock);

/* tsdb_localexpr_check_rights - of a clock or NIL, when execution begins: raises as the function does, see tsdb_attributes_check_rights. */
extern void tsdb_localexpr_check_rights(List *clock);

/* tsdb_localexpr_columns - int list: columns of its tags in their order there. */
extern List *tsdb_localexpr_columns(List *clock);

/* tsdb_localexpr_is_of_tags - do these columns tell the series?  Anybody may name others of the same types in a call. */
extern bool tsdb_localexpr_is_of_tags(List *clock, const TsdbTable *table);

/* tsdb_localexpr_terms - conditions from their descriptions, in the current memory context. */
extern TsdbLocalTerm *tsdb_localexpr_terms(List *descriptions, int *nterms);

/* tsdb_localexpr_text - conditions for EXPLAIN. */
extern char *tsdb_localexpr_text(List *descriptions);

#endif /* TSDB_LOCALEXPR_H */
