/*-------------------------------------------------------------------------
 *
 * rowkey.h
 *	  Where a row belongs: its series and its time on the grid.
 *
 *-------------------------------------------------------------------------
 */
#ifndef TSDB_ROWKEY_H
#define TSDB_ROWKEY_H

#include "postgres.h"
#include "executor/tuptable.h"
#include "format/batch.h"
#include "series/tsdbtable.h"

/*
 * tsdb_rowkey_get - series and grid time of a row in a slot; the slot gets the grid time.
 *
 *	create	make the series when it is new; false: key.series is 0 then
 *
 * Raises NOT_NULL_VIOLATION without a time and DATETIME_VALUE_OUT_OF_RANGE for the infinities.
 */
extern TsdbKey tsdb_rowkey_get(Relation rel, const TsdbTable *table, TupleTableSlot *slot, bool create);

#endif /* TSDB_ROWKEY_H */
