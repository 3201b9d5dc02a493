/*-------------------------------------------------------------------------
 *
 * attach.h
 *	  How a worker of the ingest server gets into its database, which may not be there.
 *
 *-------------------------------------------------------------------------
 */
#ifndef TSDB_ATTACH_H
#define TSDB_ATTACH_H

#include "postgres.h"

/* tsdb_attach_init - from _PG_init. */
extern void tsdb_attach_init(void);

/*
 * tsdb_attach - connect this worker to tsdb.ingest_database.
 *
 * After an attempt that failed the worker connects to no database first and waits until that one is there and takes
 * connections; as a process can't connect twice it exits then, and the next one, which the postmaster starts, attaches.
 * After other failures it waits longer and longer.
 */
extern void tsdb_attach(int worker_no);

/* tsdb_attach_done - all went well so far. */
extern void tsdb_attach_done(int worker_no);

#endif /* TSDB_ATTACH_H */
