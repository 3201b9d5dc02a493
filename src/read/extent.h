/*-------------------------------------------------------------------------
 *
 * extent.h
 *	  Between which times series have rows.
 *
 *-------------------------------------------------------------------------
 */
#ifndef TSDB_EXTENT_H
#define TSDB_EXTENT_H

#include "postgres.h"
#include "access/sdir.h"
#include "store/store.h"
#include "utils/rel.h"

/* Half open, us; empty when from >= until. */
typedef struct TsdbExtent
{
	int64 from;
	int64 until;
} TsdbExtent;

/* tsdb_extent_add - make room for [from, until). */
static inline void
tsdb_extent_add(TsdbExtent *extent, int64 from, int64 until)
{
	extent->from = Min(extent->from, from);
	extent->until = Max(extent->until, until);
}

/*
 * tsdb_extent_add_segments - make room for the compacted rows of some series.
 *
 *	near	the end that shall be exact: forward the first row, backward the last; the other one is that of a segment
 *
 * Costs two searches per series.
 */
extern void tsdb_extent_add_segments(TsdbExtent *extent, Relation rel, TsdbStore *store, Snapshot snapshot,
									 int64 segment_us, const uint32 *series, uint32 nseries, ScanDirection near);

#endif /* TSDB_EXTENT_H */
