/*-------------------------------------------------------------------------
 *
 * stretch.h
 *	  Archived stretch: blocks of one series as bytes that stand for themselves.
 *
 * Names no series, page, block id or attnum: columns go by ids that the caller gives them.  So it can be kept in a
 * column of an ordinary table, dumped, restored elsewhere and read by later versions.  Coded chunks of blocks are
 * taken over as they are.  Layout: docs/FORMAT.md "Archived stretches"; ends with a crc32c.
 *-------------------------------------------------------------------------
 */
#ifndef TSDB_STRETCH_H
#define TSDB_STRETCH_H

#include "format/batch.h"

#define TSDB_STRETCH_MAX_BLOCKS 65536
#define TSDB_STRETCH_MAX_COLUMNS 1700

typedef struct TsdbStretchColumn
{
	uint32_t id;
	uint8_t type; /* TsdbType */
	uint8_t missing_state; /* of blocks that hold no cells of the column: TSDB_CELL_VALUE or TSDB_CELL_NULL */
	uint64_t missing_word; /* of a VALUE; TEXT: none */
	TsdbSpan missing_text; /* TEXT: its bytes */
} TsdbStretchColumn;

typedef struct TsdbStretchBlock
{
	int64_t base_us; /* that times are coded against */
	uint32_t nrows; /* 1 .. TSDB_MAX_VALUES */
	int64_t first_time;
	int64_t last_time;
	TsdbSpan times; /* tsdb_times_* */
	TsdbSpan *cells; /* per column, tsdb_cells_*; empty: missing */
} TsdbStretchBlock;

typedef struct TsdbStretch
{
	uint64_t nrows;
	int64_t first_time;
	int64_t last_time;
	int ncolumns;
	TsdbStretchColumn *columns; /* in any order of ids, each once */
	uint32_t nblocks; /* > 0; ascending in time, disjoint */
	TsdbStretchBlock *blocks;
} TsdbStretch;

/* tsdb_stretch_encode - append a stretch; nrows, first_time and last_time follow from the blocks. */
extern void tsdb_stretch_encode(TsdbBytes *out, const TsdbStretch *stretch, const TsdbMem *scratch);

/*
 * tsdb_stretch_decode - the reverse: arrays in mem, spans point into src.
 *
 * Any bytes may come: the order and times of blocks, counts and the checksum are checked; chunks are when they are decoded.
 */
extern TsdbStatus tsdb_stretch_decode(TsdbSpan src, TsdbStretch *stretch, const TsdbMem *mem);

/* tsdb_stretch_pack - code rows from .. until-1 of a batch of FULL rows of one series as a stretch; column_ids: per column of the batch. */
extern void tsdb_stretch_pack(TsdbBytes *out, const TsdbBatch *batch, uint32_t from, uint32_t until,
							  const uint32_t *column_ids, const TsdbMem *scratch);

/*
 * tsdb_stretch_rows - decode a block: FULL rows, columns as wanted and in that order.
 *
 *	places	per wanted column: its place in stretch->columns, -1 = the stretch lacks it: then its missing value.
 *			The types have to be equal (TSDB_CORRUPT)
 *
 * Everything is allocated in mem; batch->series_id is 0, for the caller to set.
 */
extern TsdbStatus tsdb_stretch_rows(const TsdbStretch *stretch, uint32_t block_no, const TsdbWanted *wanted,
									const int *places, int nwanted, TsdbBatch *batch, const TsdbMem *mem);

#endif /* TSDB_STRETCH_H */
