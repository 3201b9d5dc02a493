/*-------------------------------------------------------------------------
 *
 * runchunk.h
 *	  One chunk of a run: keys, kinds, sequences, columns.
 *
 *	 bytes		what
 *	 1			flags: bits 0-1 TsdbRunTimes, bit 2 kinds stored, bits 3-4 sequences
 *				(0 = the run's number, 1 = one for all, 2 = one per row)
 *	 ...		keys, see runkeys.h
 *	 ...		kinds, when stored: varint length, flags chunk; else all rows are FULL
 *	 ...		sequences: 1: varint, 2: intlist; both less the run's min_seq
 *	 varint		number of columns, then for each, ascending:
 *				varint attnum - attnum before, u8 type, varint length, cells
 *
 * A column of which every cell is ABSENT is left out.
 * tsdb_runchunk_decode is declared in run.h.
 *-------------------------------------------------------------------------
 */
#ifndef TSDB_RUNCHUNK_H
#define TSDB_RUNCHUNK_H

#include "format/run.h"

/*
 * tsdb_runchunk_encode - append rows from .. until-1 as one chunk.
 *
 *	run		min_time and min_seq are read
 *	fresh, stickies, use_lz4	see tsdb_run_encode
 *
 * Cells of TOMBSTONE rows are written ABSENT, ABSENT cells of FULL rows NULL.
 */
extern void tsdb_runchunk_encode(TsdbBytes *out, const TsdbRun *run, const TsdbBatch *batch, uint32_t from,
								 uint32_t until, bool fresh, TsdbSticky *stickies, bool use_lz4,
								 const TsdbMem *scratch);

#endif /* TSDB_RUNCHUNK_H */
