/*-------------------------------------------------------------------------
 *
 * quals.h
 *	  Which conditions of a query say something about times and series.
 *
 *-------------------------------------------------------------------------
 */
#ifndef TSDB_QUALS_H
#define TSDB_QUALS_H

#include "postgres.h"
#include "nodes/pathnodes.h"
#include "series/tsdbtable.h"

typedef struct TsdbQuals
{
	List *bounds; /* right sides of `time op bound`: timestamptz, timestamp or date; none of the table's columns */
	List *strategies; /* int list beside it: btree strategy numbers */
	List *tags; /* conditions on tag columns alone, ANDed */
	List *pins; /* when every tag is pinned by equality: its values, in the order of the option; else NIL */
	Bitmapset *pinned; /* indexes of the tags that equal one value each */
	List *time_rinfos; /* the RestrictInfos that bounds and tags say in full; bounds that others imply may be there too */
	List *tag_rinfos;
} TsdbQuals;

/*
 * tsdb_quals_split - find the conditions that can be evaluated before a row is read.
 *
 *	rinfos	RestrictInfos of a scan of rel: its own and, for a parameterised path, join clauses
 *
 * A tag condition qualifies only when no tag of any series can make it raise: the
 * dictionary also holds series whose rows the snapshot doesn't see.  Row security: only clauses that may go first.
 */
extern void tsdb_quals_split(PlannerInfo *root, RelOptInfo *rel, const TsdbTable *table, List *rinfos,
							 TsdbQuals *quals);

/* tsdb_quals_is_bytewise - do values of this type that are equal under the collation have the same bytes? */
extern bool tsdb_quals_is_bytewise(Oid type, Oid collation);

/* tsdb_quals_is_column - is this expression a column of rel, perhaps relabelled? */
extern bool tsdb_quals_is_column(Node *node, RelOptInfo *rel, AttrNumber attnum);

#endif /* TSDB_QUALS_H */
