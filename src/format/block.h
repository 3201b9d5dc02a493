/*-------------------------------------------------------------------------
 *
 * block.h
 *	  One column of one block or run chunk: cell states and values.
 *
 * Layout: docs/FORMAT.md "Cells".
 *-------------------------------------------------------------------------
 */
#ifndef TSDB_BLOCK_H
#define TSDB_BLOCK_H

#include "format/batch.h"

/*
 * tsdb_cells_encode - append n cells of a column.
 *
 *	words, states	see TsdbColumn; only VALUE cells are stored densely
 *	arena			TEXT: where the words point
 *	sticky			see tsdb_column_encode
 *	use_lz4			see tsdb_text_encode
 */
extern void tsdb_cells_encode(TsdbBytes *out, TsdbType type, const uint64_t *words, const uint8_t *states, uint32_t n,
							  const uint8_t *arena, TsdbSticky *sticky, bool use_lz4, const TsdbMem *scratch);

/*
 * tsdb_cells_decode - the reverse.
 *
 *	words		room for n
 *	states		room for n; *has_states says whether it was filled (else all are VALUE)
 *	arena		TEXT: strings are appended here
 */
extern TsdbStatus tsdb_cells_decode(TsdbSpan src, TsdbType type, uint64_t *words, uint8_t *states, bool *has_states,
									uint32_t n, TsdbBytes *arena, const TsdbMem *scratch);

/* tsdb_cells_decode_range - at least cells from .. until - 1 of them; there is room for n all the same. */
extern TsdbStatus tsdb_cells_decode_range(TsdbSpan src, TsdbType type, uint64_t *words, uint8_t *states, bool *has_states,
										  uint32_t n, uint32_t from, uint32_t until, TsdbBytes *arena, const TsdbMem *scratch);

/* tsdb_cells_values - the coded values in a column's cells, empty when there are none; false for damaged bytes.  For views. */
extern bool tsdb_cells_values(TsdbSpan src, TsdbSpan *values);

#endif /* TSDB_BLOCK_H */
