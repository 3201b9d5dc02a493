/*-------------------------------------------------------------------------
 *
 * subs.h
 *	  Sub-summaries that hold sums or extremes alone: of short spans, for edges of cells that cut blocks.
 *
 * They are arrays of summaries like others, whose other fields are as if nothing were there, which costs next to nothing.  Only what
 * can be read as plain arrays is worth keeping: a value in every row, sums that are exact and fit 64 bits.
 *-------------------------------------------------------------------------
 */
#ifndef TSDB_SUBS_H
#define TSDB_SUBS_H

#include "format/segment.h"
#include "format/summary.h"

/* tsdb_subs_fields - the fields that sub-summaries of a kind hold. */
extern uint32_t tsdb_subs_fields(TsdbSubKind kind);

/* tsdb_subs_can_reduce - can a summary of rows be one of a kind? */
extern bool tsdb_subs_can_reduce(const TsdbSummary *summary, TsdbType type, TsdbSubKind kind);

/* tsdb_subs_reduce - leave the fields of a kind alone. */
extern void tsdb_subs_reduce(TsdbSummary *summary, TsdbSubKind kind);

/*
 * tsdb_subs_coarsen - join neighbours among n that lie in one span of the grid; returns how many are left.
 *
 * All of one block and of one kind.
 */
extern uint32_t tsdb_subs_coarsen(TsdbSummary *subs, uint32_t n, TsdbType type, int64_t span_us);

/* tsdb_subs_align - bring sums of floats to one number of decimals; false when one does not fit 64 bits. */
extern bool tsdb_subs_align(TsdbSummary *subs, uint32_t n);

#endif /* TSDB_SUBS_H */
