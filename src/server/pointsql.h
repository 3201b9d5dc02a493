/*-------------------------------------------------------------------------
 *
 * pointsql.h
 *	  Rows of tables that only the executor can write: heap tables, partitions, triggers, checks, policies.
 *
 *-------------------------------------------------------------------------
 */
#ifndef TSDB_POINTSQL_H
#define TSDB_POINTSQL_H

#include "server/point.h"

/* tsdb_pointsql_begin - there are no rows. */
extern void tsdb_pointsql_begin(TsdbPointBatch *batch);

/*
 * tsdb_pointsql_add - the row of a point whose columns are all there.
 *
 * Rows of the same table with the same columns, one after the other, share an INSERT, which is executed as the current role
 * when another one begins or it is long enough: then it raises what the table raises.
 */
extern void tsdb_pointsql_add(TsdbPointBatch *batch, const TsdbLinePoint *point, int64 time);

/* tsdb_pointsql_flush - insert the rows that are left. */
extern void tsdb_pointsql_flush(TsdbPointBatch *batch);

#endif /* TSDB_POINTSQL_H */
