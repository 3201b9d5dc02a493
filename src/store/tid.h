/*-------------------------------------------------------------------------
 *
 * tid.h
 *	  How a TID names a sample.
 *
 * 32 bits of container and 16 bits of row:
 *
 *	  0 + 31 bits	block id, row of the block
 *	  10 + 30 bits	run number modulo 2^30 (one number per TSDB_RUN_TID_ROWS rows), row of that stretch
 *	  11 + 30 bits	rows in the memory of this backend; never meaningful to another one
 *
 * The row part is row + 1 (1 .. 60000), so that it is a valid offset number.  A
 * TID whose container is gone (compacted since) finds nothing: numbers come
 * back only after 2^30 or 2^31 others.
 *-------------------------------------------------------------------------
 */
#ifndef TSDB_TID_H
#define TSDB_TID_H

#include "postgres.h"
#include "format/run.h"
#include "storage/itemptr.h"

#define TSDB_TID_RUN 0x80000000u
#define TSDB_TID_PENDING 0xC0000000u
#define TSDB_TID_KIND_MASK 0xC0000000u
#define TSDB_TID_NUMBER_MASK 0x3FFFFFFFu

static inline void
tsdb_tid_set_block(ItemPointer tid, uint32 block_id, uint32 row)
{
	ItemPointerSet(tid, block_id & 0x7FFFFFFFu, (OffsetNumber) (row + 1));
}

/* kind: TSDB_TID_RUN or TSDB_TID_PENDING; row: of the whole run or batch */
static inline void
tsdb_tid_set_row(ItemPointer tid, uint32 kind, uint64 number, uint64 row)
{
	/* 0x3FFFFFFF would make InvalidBlockNumber of a pending row: leave it out by using 2^30 - 1 numbers. */
	uint32 wrapped = (uint32) ((number + row / TSDB_RUN_TID_ROWS) % TSDB_TID_NUMBER_MASK);

	ItemPointerSet(tid, kind | wrapped, (OffsetNumber) (row % TSDB_RUN_TID_ROWS + 1));
}

static inline bool
tsdb_tid_is_block(ItemPointer tid)
{
	return (ItemPointerGetBlockNumberNoCheck(tid) & TSDB_TID_RUN) == 0;
}

static inline uint32
tsdb_tid_kind(ItemPointer tid)
{
	return ItemPointerGetBlockNumberNoCheck(tid) & TSDB_TID_KIND_MASK;
}

/*
 * tsdb_tid_row - row of a TID within the container that starts with `number` and has nrows rows; false when it is another's.
 */
static inline bool
tsdb_tid_row(ItemPointer tid, uint64 number, uint64 nrows, uint64 *row)
{
	uint32 wanted = ItemPointerGetBlockNumberNoCheck(tid) & TSDB_TID_NUMBER_MASK;
	uint64 base = number % TSDB_TID_NUMBER_MASK;
	uint64 ahead = (wanted + (uint64) TSDB_TID_NUMBER_MASK - base) % TSDB_TID_NUMBER_MASK;
	OffsetNumber offset = ItemPointerGetOffsetNumberNoCheck(tid);

	if (offset == 0 || offset > TSDB_RUN_TID_ROWS)
		return false;
	*row = ahead * TSDB_RUN_TID_ROWS + offset - 1;
	return *row < nrows;
}

/* tsdb_tid_reserve - n consecutive numbers of the pending kind, never used before by this backend. */
extern uint64 tsdb_tid_reserve(uint64 n);

#endif /* TSDB_TID_H */
