/*-------------------------------------------------------------------------
 *
 * flush.h
 *	  Buffered rows -> runs.
 *
 *-------------------------------------------------------------------------
 */
#ifndef TSDB_FLUSH_H
#define TSDB_FLUSH_H

#include "write/chunk.h"
#include "utils/rel.h"

/*
 * tsdb_flush_chunk - write a chunk as one or more runs.
 *
 *	barrier_seq	see tsdb_runstore_write
 *	at_commit	no snapshot of this transaction will look again: commands need not be told apart
 *
 * Returns the lowest sequence that the written runs hold compaction back at.
 */
extern uint64 tsdb_flush_chunk(Relation rel, TsdbBufferChunk *chunk, uint64 barrier_seq, bool at_commit);

/* tsdb_flush_numbers - run numbers that nrows rows take at most. */
extern uint64 tsdb_flush_numbers(uint32 nrows);

/* tsdb_flush_adapt_columns - bring a batch that was buffered before an ALTER TABLE to the table's columns of today. */
extern void tsdb_flush_adapt_columns(TsdbBatch *batch, const TsdbTable *table);

#endif /* TSDB_FLUSH_H */
