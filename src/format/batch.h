/*-------------------------------------------------------------------------
 *
 * batch.h
 *	  Decoded rows in columns: what buffer, runs, blocks and the merge speak.
 *
 * Order of rows: (series, time, sequence), ascending; a batch that is the
 * result of a merge holds each (series, time) once, and only FULL rows.
 *-------------------------------------------------------------------------
 */
#ifndef TSDB_BATCH_H
#define TSDB_BATCH_H

#include "codec/codec.h"

/* What a stored row does to the sample at its (series, time); on disk. */
typedef enum TsdbRowKind
{
	TSDB_ROW_FULL = 0, /* the whole row: replaces whatever was there */
	TSDB_ROW_PATCH = 1, /* only the cells that are not ABSENT are written */
	TSDB_ROW_TOMBSTONE = 2 /* the sample is gone; cells are ABSENT */
} TsdbRowKind;

/* State of a cell; on disk. */
typedef enum TsdbCellState
{
	TSDB_CELL_VALUE = 0,
	TSDB_CELL_NULL = 1,
	TSDB_CELL_ABSENT = 2 /* only in rows that are not FULL */
} TsdbCellState;

typedef struct TsdbColumn
{
	int16_t attnum; /* column of the table; never changes, survives renames */
	uint8_t type; /* TsdbType */
	uint64_t *words; /* nrows words, see codec.h; undefined where the state is not VALUE */
	uint8_t *states; /* nrows TsdbCellState, or NULL: every cell is a VALUE */
} TsdbColumn;

typedef struct TsdbBatch
{
	uint32_t nrows;
	uint32_t *series; /* nrows series ids, or NULL: all rows are of series_id */
	uint32_t series_id;
	int64_t *times; /* nrows, us since 2000-01-01 UTC */
	uint64_t *sequences; /* nrows, or NULL: all rows have `sequence` */
	uint64_t sequence;
	uint8_t *kinds; /* nrows TsdbRowKind, or NULL: all FULL */
	int ncolumns;
	TsdbColumn *columns; /* ascending attnum */
	TsdbBytes arena; /* text cells: word = offset of { length u32, bytes }, multiple of 4 */
} TsdbBatch;

/* A point in the order of a table. */
typedef struct TsdbKey
{
	uint32_t series;
	int64_t time;
} TsdbKey;

static inline int
tsdb_key_compare(TsdbKey a, TsdbKey b)
{
	if (a.series != b.series)
		return a.series < b.series ? -1 : 1;
	return a.time < b.time ? -1 : a.time > b.time;
}

static inline TsdbKey
tsdb_batch_key(const TsdbBatch *batch, uint32_t row)
{
	TsdbKey key;

	key.series = batch->series ? batch->series[row] : batch->series_id;
	key.time = batch->times[row];
	return key;
}

/*
 * A column that a reader wants, and what a FULL row holds for it that was
 * written before the column existed (ALTER TABLE ADD COLUMN ... DEFAULT).
 */
typedef struct TsdbWanted
{
	int16_t attnum;
	uint8_t type; /* TsdbType */
	uint8_t missing_state; /* TSDB_CELL_VALUE or TSDB_CELL_NULL */
	uint64_t missing_word; /* numeric types */
	const uint8_t *missing_text; /* TEXT: { length u32, bytes } */
} TsdbWanted;

/* tsdb_batch_find - first row whose key is >= key, by bisection; nrows when there is none. */
extern uint32_t tsdb_batch_find(const TsdbBatch *batch, TsdbKey key);

/* tsdb_batch_column - the column of that attnum, or NULL. */
extern TsdbColumn *tsdb_batch_column(const TsdbBatch *batch, int16_t attnum);

#endif /* TSDB_BATCH_H */
