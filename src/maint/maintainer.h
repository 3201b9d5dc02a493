/*-------------------------------------------------------------------------
 *
 * maintainer.h
 *	  The background processes: one launcher, workers that it starts per database.
 *
 *-------------------------------------------------------------------------
 */
#ifndef TSDB_MAINTAINER_H
#define TSDB_MAINTAINER_H

#include "postgres.h"

/* tsdb_maintainer_wake - have a database looked at soon: too many runs, or a VACUUM.  Cheap. */
extern void tsdb_maintainer_wake(Oid database_id);

/* tsdb_maintainer_init - GUCs, shared memory of maintenance, launcher; called by _PG_init. */
extern void tsdb_maintainer_init(void);

/* Entry points of the processes. */
extern PGDLLEXPORT void tsdb_launcher_main(Datum arg);
extern PGDLLEXPORT void tsdb_maintainer_main(Datum arg);

extern int tsdb_maintenance_naptime_s;
extern int tsdb_max_workers;

/* A worker's answer to the launcher, and what it was told; in shared memory by worker number. */
typedef struct TsdbWorkerOrder
{
	Oid database_id;
	bool is_thorough; /* in: also little and late data, and retention */
	bool has_extension; /* out */
	bool has_more; /* out: come back soon */
} TsdbWorkerOrder;

#define TSDB_MAX_WORKERS 16
extern TsdbWorkerOrder *tsdb_maintainer_order(int worker_no);

#endif /* TSDB_MAINTAINER_H */
