/*-------------------------------------------------------------------------
 *
 * seriesscan.h
 *	  The series of a table one after the other, with their tags.
 *
 * Where many are looked at and few are of interest: nothing of those that are passed over stays in memory, and the
 * dictionary is read in one go instead of series by series.
 *-------------------------------------------------------------------------
 */
#ifndef TSDB_SERIESSCAN_H
#define TSDB_SERIESSCAN_H

#include "postgres.h"
#include "series/tsdbtable.h"
#include "utils/rel.h"

typedef struct TsdbSeriesScan TsdbSeriesScan;

/* tsdb_seriesscan_begin - at the first id that is not below `from`; ids ascend. */
extern TsdbSeriesScan *tsdb_seriesscan_begin(Relation rel, const TsdbTable *table, uint32 from);

/*
 * tsdb_seriesscan_next - the next series; 0 at the end.
 *
 *	values, isnull	out: tags by tag index, valid until the next call
 *
 * Raises DATA_CORRUPTED when its tags are damaged.
 */
extern uint32 tsdb_seriesscan_next(TsdbSeriesScan *scan, const Datum **values, const bool **isnull);

extern void tsdb_seriesscan_end(TsdbSeriesScan *scan);

#endif /* TSDB_SERIESSCAN_H */
