/*-------------------------------------------------------------------------
 *
 * chunk.h
 *	  Growable columns of buffered rows.
 *
 * Rows are in order of arrival.  Command ids ascend; `marks` says where each begins.
 *-------------------------------------------------------------------------
 */
#ifndef TSDB_CHUNK_H
#define TSDB_CHUNK_H

#include "postgres.h"
#include "format/batch.h"
#include "series/tsdbtable.h"

typedef struct TsdbCidMark
{
	CommandId cid;
	uint32 first_row;
} TsdbCidMark;

typedef struct TsdbBufferChunk
{
	MemoryContext context; /* all of it */
	TsdbBatch rows; /* kinds and states are NULL until one row needs them; arena: data, len, cap only */
	uint32 capacity;
	int nmarks;
	int marks_capacity;
	TsdbCidMark *marks;
	uint64 reserved_seq; /* sequence this chunk must be written under, 0 = a new one */
	Size nbytes; /* allocated */
} TsdbBufferChunk;

extern TsdbBufferChunk *tsdb_chunk_create(MemoryContext parent, const TsdbTable *table);
extern void tsdb_chunk_free(TsdbBufferChunk *chunk);

/* tsdb_chunk_fits - do rows of this table, as its columns are now, go into the chunk? */
extern bool tsdb_chunk_fits(const TsdbBufferChunk *chunk, const TsdbTable *table);

/* tsdb_chunk_append - see tsdb_buffer_append. */
extern void tsdb_chunk_append(TsdbBufferChunk *chunk, const TsdbTable *table, uint32 series, int64 time_us,
							  TsdbRowKind kind, const Datum *values, const bool *isnull, const bool *written,
							  CommandId cid);

/* tsdb_chunk_concat - append all rows of `from`, which has the same columns. */
extern void tsdb_chunk_concat(TsdbBufferChunk *chunk, const TsdbBufferChunk *from);

/* tsdb_chunk_same_columns - can they be concatenated? */
extern bool tsdb_chunk_same_columns(const TsdbBufferChunk *a, const TsdbBufferChunk *b);

/* tsdb_chunk_rows_before - number of rows, a prefix, that commands below cid have written. */
extern uint32 tsdb_chunk_rows_before(const TsdbBufferChunk *chunk, CommandId cid);

/* tsdb_chunk_sorted - the first nrows rows, sorted and consolidated, as a batch in the current context. */
extern TsdbBatch *tsdb_chunk_sorted(const TsdbBufferChunk *chunk, uint32 nrows);

#endif /* TSDB_CHUNK_H */
