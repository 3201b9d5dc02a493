/*-------------------------------------------------------------------------
 *
 * scratch.c
 *	  Working memory that loops use again.
 *
 * One piece is cut from front to end.  A piece that is full is left to the
 * parent and one of twice the size follows, so that what was left behind
 * never exceeds the piece in use.
 *-------------------------------------------------------------------------
 */
#include "base/scratch.h"

#define FIRST_PIECE_BYTES 8192
#define ALIGNMENT 16

static void *scratch_alloc(void *region, size_t nbytes);

void
tsdb_scratch_init(TsdbScratch *scratch, const TsdbMem *parent)
{
	scratch->mem.alloc = scratch_alloc;
	scratch->mem.region = scratch;
	scratch->parent = parent;
	scratch->piece = NULL;
	scratch->used_bytes = 0;
	scratch->piece_bytes = 0;
}

void
tsdb_scratch_reset(TsdbScratch *scratch)
{
	scratch->used_bytes = 0;
}

// private functions

static void *
scratch_alloc(void *region, size_t nbytes)
{
	TsdbScratch *scratch = (TsdbScratch *) region;
	size_t aligned_bytes = (nbytes + ALIGNMENT - 1) & ~(size_t) (ALIGNMENT - 1);
	void *result;

	if (scratch->piece_bytes - scratch->used_bytes < aligned_bytes)
	{
		size_t piece_bytes = scratch->piece_bytes < FIRST_PIECE_BYTES ? FIRST_PIECE_BYTES : scratch->piece_bytes * 2;

		while (piece_bytes < aligned_bytes)
			piece_bytes *= 2;
		scratch->piece = (uint8_t *) tsdb_mem_alloc(scratch->parent, piece_bytes);
		scratch->piece_bytes = piece_bytes;
		scratch->used_bytes = 0;
	}
	result = scratch->piece + scratch->used_bytes;
	scratch->used_bytes += aligned_bytes;
	return result;
}
