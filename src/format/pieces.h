/*-------------------------------------------------------------------------
 *
 * pieces.h
 *	  A merge result as a list of stretches to copy and rows to compose.
 *
 * The merge decides by keys alone and writes down pieces; then the result is
 * built from them one array after the other.
 *-------------------------------------------------------------------------
 */
#ifndef TSDB_PIECES_H
#define TSDB_PIECES_H

#include "format/versions.h"

#define TSDB_PIECE_BASE (-1) /* rows of the base */
#define TSDB_PIECE_COMPOSED (-2) /* one row, cell by cell from several versions */
#define TSDB_PIECE_NO_ROW UINT32_MAX

typedef struct TsdbPiece
{
	int32_t source; /* index of a source, or one of the above */
	uint32_t from; /* first row in its batch; COMPOSED: first version */
	uint32_t n; /* rows; COMPOSED: versions, ascending by age; all but the first are PATCHes */
	uint32_t base_row; /* COMPOSED: row of the base below the versions, or TSDB_PIECE_NO_ROW */
} TsdbPiece;

typedef struct TsdbPieces
{
	const TsdbBatch *base; /* or NULL */
	const TsdbMergeSource *sources;
	int nsources;
	const TsdbVersion *versions;
	TsdbPiece *pieces;
	uint32_t npieces;
	uint32_t nrows; /* of the result */
} TsdbPieces;

/* tsdb_pieces_batch - the batch that a piece's rows lie in; not for COMPOSED ones. */
static inline const TsdbBatch *
tsdb_pieces_batch(const TsdbPieces *list, int32_t source)
{
	return source < 0 ? list->base : list->sources[source].batch;
}

/* tsdb_pieces_append - add n rows, joining them to the piece before where they follow it. */
static inline void
tsdb_pieces_append(TsdbPieces *list, int32_t source, uint32_t from, uint32_t n)
{
	TsdbPiece *last = list->npieces > 0 ? &list->pieces[list->npieces - 1] : NULL;

	list->nrows += n;
	if (last != NULL && last->source == source && last->from + last->n == from)
	{
		last->n += n;
		return;
	}
	last = &list->pieces[list->npieces++];
	last->source = source;
	last->from = from;
	last->n = n;
	last->base_row = TSDB_PIECE_NO_ROW;
}

/*
 * tsdb_pieces_build - make nrows, series, times, columns and arena of out.
 *
 * Without versions to compose a cell is copied as it is, ABSENT ones too.
 * Kinds and sequences are left to the caller.  Returns TSDB_CORRUPT when the
 * inputs have different columns or a text points outside of its arena.
 */
extern TsdbStatus tsdb_pieces_build(const TsdbPieces *list, TsdbBatch *out, const TsdbMem *mem);

#endif /* TSDB_PIECES_H */
