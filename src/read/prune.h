/*-------------------------------------------------------------------------
 *
 * prune.h
 *	  Blocks of an open segment that no row of can pass a filter, by their summaries.
 *
 *-------------------------------------------------------------------------
 */
#ifndef TSDB_PRUNE_H
#define TSDB_PRUNE_H

#include "postgres.h"
#include "access/sdir.h"
#include "format/filter.h"
#include "format/segment.h"
#include "utils/rel.h"

/* A stretch of a segment without a matching row. */
typedef struct TsdbBarren
{
	int64 from_us;
	int64 until_us;
	uint64 nblocks; /* from the block asked about on, in the direction asked about */
} TsdbBarren;

/* Decoded summaries of one open segment and of its loaded group. */
typedef struct TsdbPruner TsdbPruner;

/* tsdb_pruner_create - wanted outlives the pruner.  Memory: contexts of its own below the current one. */
extern TsdbPruner *tsdb_pruner_create(Relation rel, const TsdbWanted *wanted, int nwanted);

/* tsdb_pruner_forget_segment - another segment was opened.  forget_group: another group was loaded. */
extern void tsdb_pruner_forget_segment(TsdbPruner *pruner);
extern void tsdb_pruner_forget_group(TsdbPruner *pruner);

/*
 * tsdb_pruner_find - can no row of a block of the loaded group pass?  If so, which stretch around it is just as barren.
 *
 *	terms		on wanted columns
 *	columns		per wanted column; stored[c] false: no block of the group holds it
 *
 * What runs and pending rows change is not looked at.
 */
extern bool tsdb_pruner_find(TsdbPruner *pruner, const TsdbFilterTerm *terms, int nterms, const TsdbSegment *segment,
							 uint32 group_no, const TsdbGroupBase *base, const TsdbGroupColumn *columns,
							 const bool *stored, uint32 block_index, ScanDirection direction, TsdbBarren *barren);

#endif /* TSDB_PRUNE_H */
