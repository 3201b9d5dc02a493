/*-------------------------------------------------------------------------
 *
 * seriesexpr.h
 *	  Calls that depend on the series of a row alone: tsdb.timezone, unit, description, low, high, stepped.
 *
 *-------------------------------------------------------------------------
 */
#ifndef TSDB_SERIESEXPR_H
#define TSDB_SERIESEXPR_H

#include "postgres.h"
#include "nodes/pathnodes.h"

/*
 * tsdb_seriesexpr_without_time - an expression over rows of rel, in which such calls do not name the time any more.
 *
 * So an expression that depends on the row's series alone has no columns but tags.  It holds for rows alone, not for what an outer
 * join puts in their place.  Returns the expression itself where there is nothing to do, else a copy.
 */
extern Node *tsdb_seriesexpr_without_time(RelOptInfo *rel, AttrNumber time_attnum, Node *node);

/* tsdb_seriesexpr_is_safe - is this such a call, of a table with its tags, so that it can't raise whatever they are? */
extern bool tsdb_seriesexpr_is_safe(Node *node);

#endif /* TSDB_SERIESEXPR_H */
