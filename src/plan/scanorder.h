/*-------------------------------------------------------------------------
 *
 * scanorder.h
 *	  Orders of rows that a scan can deliver without sorting them.
 *
 * Rows of one series come by time, forward or backward.  Series come one after the other, sorted by
 * their tags: that is a sort of the dictionary.
 *-------------------------------------------------------------------------
 */
#ifndef TSDB_SCANORDER_H
#define TSDB_SCANORDER_H

#include "postgres.h"
#include "nodes/pathnodes.h"
#include "plan/quals.h"
#include "series/tsdbtable.h"

typedef struct TsdbScanOrder
{
	int nkeys; /* leading pathkeys that it satisfies; 0: it is nothing special */
	List *sort_keys; /* series by series, sorted so: int lists { tag index, sort operator, collation, nulls first } */
	bool by_time; /* within a series, rows of which alone may be asked for */
	bool is_backward; /* latest first */
	bool has_all_tags; /* each tag is pinned or a sort key */
} TsdbScanOrder;

/* tsdb_scanorder_match - how to deliver as many leading pathkeys as possible. */
extern void tsdb_scanorder_match(RelOptInfo *rel, const TsdbTable *table, const TsdbQuals *quals,
								 List *pathkeys, TsdbScanOrder *order);

/* tsdb_scanorder_is_time - does this pathkey order by time?  Which way? */
extern bool tsdb_scanorder_is_time(RelOptInfo *rel, const TsdbTable *table, PathKey *key, bool *is_backward);

/* tsdb_scanorder_sort - sort series ids by their tags; at execution. */
extern void tsdb_scanorder_sort(Relation rel, List *sort_keys, uint32 *series, uint32 nseries);

#endif /* TSDB_SCANORDER_H */
