/*-------------------------------------------------------------------------
 *
 * restriction.h
 *	  The times and series that a scan has to read, worked out at execution.
 *
 *-------------------------------------------------------------------------
 */
#ifndef TSDB_RESTRICTION_H
#define TSDB_RESTRICTION_H

#include "postgres.h"
#include "nodes/execnodes.h"
#include "utils/rel.h"

typedef struct TsdbRestriction TsdbRestriction;

/* Result of an evaluation. */
typedef struct TsdbRestricted
{
	bool has_times; /* there are conditions on the time */
	bool has_tags;
	int64 from; /* half open, us; everything without conditions */
	int64 until;
	uint32 *series; /* matching ids, ascending; NULL without conditions on tags */
	uint32 nseries;
	uint32 nseries_known; /* in the dictionary; 1 at most when every tag is pinned */
} TsdbRestricted;

/*
 * tsdb_restriction_create - compile the conditions of a plan.
 *
 *	parent		the node whose parameters they use
 *	bounds, strategies, tags, pins	see TsdbQuals, after setrefs
 *
 * Memory: current context, which has to be the query's.
 */
extern TsdbRestriction *tsdb_restriction_create(PlanState *parent, Relation rel,
												List *bounds, List *strategies, List *tags, List *pins);

/*
 * tsdb_restriction_evaluate - evaluate them with the present parameters.
 *
 * The result is valid until the next evaluation.  Evaluates init plans; reads the dictionary when there are
 * conditions on tags.
 */
extern const TsdbRestricted *tsdb_restriction_evaluate(TsdbRestriction *restriction);

/* tsdb_restricted_is_empty - can no row match? */
static inline bool
tsdb_restricted_is_empty(const TsdbRestricted *restricted)
{
	return restricted->from >= restricted->until || (restricted->series != NULL && restricted->nseries == 0);
}

#endif /* TSDB_RESTRICTION_H */
