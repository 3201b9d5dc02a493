/*-------------------------------------------------------------------------
 *
 * ingester.h
 *	  The line protocol server: background workers that share their ports.
 *
 *-------------------------------------------------------------------------
 */
#ifndef TSDB_INGESTER_H
#define TSDB_INGESTER_H

#include "postgres.h"

/* tsdb_ingester_init - settings and workers; called by _PG_init. */
extern void tsdb_ingester_init(void);

/* tsdb_ingester_main - a worker; its argument is its number. */
extern PGDLLEXPORT void tsdb_ingester_main(Datum arg);

#endif /* TSDB_INGESTER_H */
