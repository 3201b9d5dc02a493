/*-------------------------------------------------------------------------
 *
 * attach.c
 *	  How a worker of the ingest server gets into its database, which may not be there.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/heapam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "access/tableam.h"
#include "access/xact.h"
#include "catalog/pg_database.h"
#include "miscadmin.h"
#include "pg/shmem.h"
#include "pgstat.h"
#include "postmaster/bgworker.h"
#include "postmaster/interrupt.h"
#include "server/attach.h"
#include "server/settings.h"
#include "storage/ipc.h"
#include "storage/latch.h"
#include "utils/snapmgr.h"

#define LOOK_MS 1000 /* is the database there? */
#define MAX_FAILURES 6 /* at most a minute between attempts */

/* What a worker tells the one after it. */
typedef struct Attempts
{
	int nfailures; /* in a row */
	bool has_looked; /* the database was there a moment ago */
} Attempts;

static Attempts *attempts = NULL; /* of each worker, in shared memory */

static void wait_for_database(void);
static bool database_takes_connections(void);
static void nap(long ms);

void
tsdb_attach_init(void)
{
	tsdb_shmem_register("tsdb ingest workers", sizeof(Attempts) * TSDB_MAX_INGEST_WORKERS, (void **) &attempts, NULL);
}

void
tsdb_attach(int worker_no)
{
	Attempts *own = &attempts[worker_no];

	if (own->nfailures > 0 && !own->has_looked)
	{
		BackgroundWorkerInitializeConnectionByOid(InvalidOid, InvalidOid, 0);
		wait_for_database();
		own->has_looked = true;
		proc_exit(1);
	}
	/* The database may have been there all the time, and something else be wrong. */
	if (own->nfailures > 1)
		nap(1000L << Min(own->nfailures, MAX_FAILURES));
	own->has_looked = false;
	own->nfailures++;
	BackgroundWorkerInitializeConnection(tsdb_ingest_database, NULL, 0);
}

void
tsdb_attach_done(int worker_no)
{
	attempts[worker_no].nfailures = 0;
}

// private functions

static void
wait_for_database(void)
{
	bool is_told = false;

	while (!database_takes_connections())
	{
		if (!is_told)
			ereport(LOG,
					(errmsg("tsdb ingest: waiting for database \"%s\"", tsdb_ingest_database),
					 errdetail("It does not exist, or takes no connections."),
					 errhint("Create it, or change tsdb.ingest_database and restart the server.")));
		is_told = true;
		nap(LOOK_MS);
	}
}

static bool
database_takes_connections(void)
{
	Relation rel;
	TableScanDesc scan;
	HeapTuple tuple;
	bool found = false;

	StartTransactionCommand();
	(void) GetTransactionSnapshot();
	rel = table_open(DatabaseRelationId, AccessShareLock);
	scan = table_beginscan_catalog(rel, 0, NULL);
	while (HeapTupleIsValid(tuple = heap_getnext(scan, ForwardScanDirection)))
	{
		Form_pg_database form = (Form_pg_database) GETSTRUCT(tuple);

		/* A limit of -2 marks what an interrupted DROP DATABASE has left. */
		if (form->datallowconn && form->datconnlimit != -2 && strcmp(NameStr(form->datname), tsdb_ingest_database) == 0)
			found = true;
	}
	table_endscan(scan);
	table_close(rel, AccessShareLock);
	CommitTransactionCommand();
	return found;
}

/* Shutdown and the postmaster's death end it. */
static void
nap(long ms)
{
	(void) WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH, ms, PG_WAIT_EXTENSION);
	ResetLatch(MyLatch);
	if (ShutdownRequestPending)
		proc_exit(1);
	CHECK_FOR_INTERRUPTS();
}
