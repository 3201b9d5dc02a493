/*-------------------------------------------------------------------------
 *
 * chunk.h
 *	  Growable columns of buffered rows.
 *
 * Rows are in order of arrival; `marks` says where rows of another command begin.  Command ids ascend but for
 * row triggers that write to the table of their own statement, which then goes on with its lower one.
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
	uint32 nreviewed; /* rows that the journal has seen, or need not see */
	uint32 *last_rows; /* per column, made when first needed: row + 1 of the last cell from tsdb_chunk_append_cells */
} TsdbBufferChunk;

extern TsdbBufferChunk *tsdb_chunk_create(MemoryContext parent, const TsdbTable *table);
extern void tsdb_chunk_free(TsdbBufferChunk *chunk);

/* tsdb_chunk_fits - do rows of this table, as its columns are now, go into the chunk? */
extern bool tsdb_chunk_fits(const TsdbBufferChunk *chunk, const TsdbTable *table);

/* tsdb_chunk_append - see tsdb_buffer_append. */
extern void tsdb_chunk_append(TsdbBufferChunk *chunk, const TsdbTable *table, uint32 series, int64 time_us,
							  TsdbRowKind kind, const Datum *values, const bool *isnull, const bool *written,
							  CommandId cid);

/* A cell of a row whose cells are known one by one. */
typedef struct TsdbCell
{
	int column; /* index in table->values */
	bool is_null;
	uint64 word; /* of the column's type (codec.h) */
	const void *text; /* TEXT: nbytes of it, instead of the word */
	Size nbytes;
} TsdbCell;

/* tsdb_chunk_append_cells - see tsdb_buffer_append_cells. */
extern void tsdb_chunk_append_cells(TsdbBufferChunk *chunk, uint32 series, int64 time_us,
									const TsdbCell *cells, int ncells, CommandId cid);

/* tsdb_chunk_concat - append all rows of `from`, which has the same columns. */
extern void tsdb_chunk_concat(TsdbBufferChunk *chunk, const TsdbBufferChunk *from);

/* tsdb_chunk_same_columns - can they be concatenated? */
extern bool tsdb_chunk_same_columns(const TsdbBufferChunk *a, const TsdbBufferChunk *b);

/* tsdb_chunk_lowest_cid - of all rows; the chunk is not empty. */
extern CommandId tsdb_chunk_lowest_cid(const TsdbBufferChunk *chunk);

/* tsdb_chunk_cid - the command that wrote a row. */
extern CommandId tsdb_chunk_cid(const TsdbBufferChunk *chunk, uint32 row);

/*
 * tsdb_chunk_visible - the rows that commands below cid have written, sorted and consolidated.
 *
 * Returns a batch in the current context that lives on its own, or NULL when there are none.
 */
extern TsdbBatch *tsdb_chunk_visible(const TsdbBufferChunk *chunk, CommandId cid);

/* tsdb_chunk_written - what command cid has written, from row `from` on: sorted, consolidated, on its own; NULL when nothing. */
extern TsdbBatch *tsdb_chunk_written(const TsdbBufferChunk *chunk, uint32 from, CommandId cid);

/* tsdb_chunk_remove - take rows out, from row `from` on those for which is_gone[row - from]. */
extern void tsdb_chunk_remove(TsdbBufferChunk *chunk, uint32 from, const bool *is_gone);

#endif /* TSDB_CHUNK_H */
