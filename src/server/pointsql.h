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

/* tsdb_pointsql_insert - INSERT the row of a point whose columns are all there, as the current role; raises what the table raises. */
extern void tsdb_pointsql_insert(TsdbPointBatch *batch, const TsdbLinePoint *point, int64 time);

#endif /* TSDB_POINTSQL_H */
