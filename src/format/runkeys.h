/*-------------------------------------------------------------------------
 *
 * runkeys.h
 *	  Series and times of the rows of a run chunk.
 *
 * What the run header knows (number of rows, first and last key) is not repeated.
 *
 *		several series only, unless they are those of the base, row by row:
 *								varint nseries
 *								intlist: id - id before - 1 (nseries - 1)
 *								intlist: rows of each series - 1 (nseries)
 *		SHARED		every series has the same strictly ascending times; one time: nothing, else
 *					varint length, times chunk (base: min_time of the run)
 *		EACH		per series: varint length, times chunk (same base)
 *		STEPS		varint unit in us; intlist: first time - first time of the series before (nseries - 1);
 *					intlist: time - time before, of the other rows (n - nseries); both in units
 *
 * The mode lies in the chunk's flags.
 *-------------------------------------------------------------------------
 */
#ifndef TSDB_RUNKEYS_H
#define TSDB_RUNKEYS_H

#include "format/run.h"

typedef enum TsdbRunTimes
{
	TSDB_RUNTIMES_SHARED = 0,
	TSDB_RUNTIMES_EACH = 1,
	TSDB_RUNTIMES_STEPS = 2
} TsdbRunTimes;

/*
 * tsdb_runkeys_encode - append series and times of rows from .. until-1; returns how the times are coded.
 *
 *	is_known	the series are those of the run's base
 */
extern TsdbRunTimes tsdb_runkeys_encode(TsdbBytes *out, const TsdbBatch *batch, uint32_t from, uint32_t until,
										bool is_known, int64_t base_us, const TsdbMem *scratch);

/*
 * tsdb_runkeys_decode - cut them off src; sets nrows, series or series_id, and times of the batch.
 *
 *	base	rows with the same series; NULL: they are stored
 *
 * Refuses keys that descend, leave the time range of the run, or do not begin
 * and end as the header says.
 */
extern TsdbStatus tsdb_runkeys_decode(TsdbSpan *src, TsdbRunTimes mode, const TsdbRun *run, const TsdbRunChunk *chunk,
									  const TsdbBatch *base, TsdbBatch *batch, const TsdbMem *mem);

#endif /* TSDB_RUNKEYS_H */
