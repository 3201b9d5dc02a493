/*-------------------------------------------------------------------------
 *
 * runchunk.h
 *	  One chunk of a run: keys, kinds, sequences, columns.
 *
 *	 bytes		what
 *	 1			flags: bits 0-1 TsdbRunTimes, bit 2 kinds stored, bits 3-4 sequences
 *				(0 = the run's number, 1 = one for all, 2 = one per row,
 *				3 = one per row, the same for each series), bit 5 the series are those of the run's base
 *	 ...		keys, see runkeys.h
 *	 ...		kinds, when stored: varint length, flags chunk; varint the last column that the writer knew; else all rows are FULL
 *	 ...		sequences: 1: varint, 2: intlist, 3: intlist of the first series; all less the run's min_seq
 *	 varint		number of columns, then for each, ascending:
 *				varint attnum - attnum before, u8 type, varint length, cells;
 *				type + 64: every cell has a value, and instead of cells stand steps within each series
 *				type + 128: every cell has a value, and instead of cells stand differences from the base
 *
 * A column of which every cell is ABSENT is left out; the columns of the batch that is encoded are all that the table has.
 * tsdb_runchunk_decode is declared in run.h.
 *-------------------------------------------------------------------------
 */
#ifndef TSDB_RUNCHUNK_H
#define TSDB_RUNCHUNK_H

#include "format/run.h"

/*
 * tsdb_runchunk_encode - append rows from .. until-1 as one chunk.
 *
 *	run		min_time and min_seq are read; base, unless NULL, has the same series row by row, and is set to NULL when no
 *			column got smaller by it
 *	fresh, stickies, use_lz4	see tsdb_run_encode
 *
 * Cells of TOMBSTONE rows are written ABSENT, ABSENT cells of FULL rows NULL.
 */
extern void tsdb_runchunk_encode(TsdbBytes *out, TsdbRun *run, const TsdbBatch *batch, uint32_t from,
								 uint32_t until, bool fresh, TsdbSticky *stickies, bool use_lz4,
								 const TsdbMem *scratch);

#endif /* TSDB_RUNCHUNK_H */
