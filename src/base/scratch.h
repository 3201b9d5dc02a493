/*-------------------------------------------------------------------------
 *
 * scratch.h
 *	  Working memory that loops use again.
 *
 * A TsdbMem never frees.  Code that needs working memory once per chunk, of
 * many chunks, takes it from a scratch and resets that between chunks: the
 * peak counts, not the sum.
 *-------------------------------------------------------------------------
 */
#ifndef TSDB_SCRATCH_H
#define TSDB_SCRATCH_H

#include "base/base.h"

typedef struct TsdbScratch
{
	TsdbMem mem; /* what users of the scratch get */
	const TsdbMem *parent; /* where pieces come from, for good */
	uint8_t *piece;
	size_t used_bytes;
	size_t piece_bytes;
} TsdbScratch;

/* tsdb_scratch_init - empty scratch over parent; must stay where it is (mem points at it). */
extern void tsdb_scratch_init(TsdbScratch *scratch, const TsdbMem *parent);

/* tsdb_scratch_reset - everything taken from scratch->mem so far may be handed out again. */
extern void tsdb_scratch_reset(TsdbScratch *scratch);

#endif /* TSDB_SCRATCH_H */
