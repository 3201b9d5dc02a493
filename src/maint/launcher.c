/*-------------------------------------------------------------------------
 *
 * launcher.c
 *	  Starts a maintenance worker for each database, again and again.
 *
 * One process for the server.  It reads pg_database, which needs no database to
 * connect to, and every tsdb.maintenance_naptime starts a worker in each
 * database that may have the extension; the worker makes one pass and exits, so that
 * nothing of ours stands in the way of DROP DATABASE for long.  A database without the
 * extension is looked at again after a while, or when somebody asks for it.
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/heapam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "access/tableam.h"
#include "access/xact.h"
#include "catalog/pg_database.h"
#include "maint/maintainer.h"
#include "miscadmin.h"
#include "pg/wakeup.h"
#include "pgstat.h"
#include "postmaster/bgworker.h"
#include "postmaster/interrupt.h"
#include "storage/ipc.h"
#include "storage/latch.h"
#include "storage/proc.h"
#include "tcop/tcopprot.h"
#include "utils/guc.h"
#include "utils/hsearch.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

#define WITHOUT_EXTENSION_NAPS 30 /* naps between looks at a database without the extension */
#define THOROUGH_NAPS 10 /* naps between thorough passes */
#define SOON_MS 250 /* between passes over a database that asked for more */

/* What the launcher remembers of a database. */
typedef struct Database
{
	Oid database_id; /* hash key */
	bool exists; /* seen in the last scan of pg_database */
	bool has_extension;
	bool is_wanted; /* somebody asked, or the last pass did not finish */
	int worker_no; /* -1 = none runs */
	TimestampTz last_start;
	TimestampTz last_thorough;
} Database;

typedef struct Worker
{
	BackgroundWorkerHandle *handle; /* NULL = free */
	Oid database_id;
} Worker;

static HTAB *databases = NULL;
static Worker workers[TSDB_MAX_WORKERS];

static void make_databases(void);
static void scan_databases(MemoryContext work);
static void take_requests(void);
static void reap_workers(void);
static void start_workers(void);
static bool is_due(const Database *database, TimestampTz now);
static void start_worker(Database *database, TimestampTz now);
static Database *find_database(Oid database_id);
static long nap_ms(void);

void
tsdb_launcher_main(Datum arg)
{
	MemoryContext work;

	pqsignal(SIGHUP, SignalHandlerForConfigReload);
	pqsignal(SIGTERM, die);
	BackgroundWorkerUnblockSignals();
	BackgroundWorkerInitializeConnectionByOid(InvalidOid, InvalidOid, 0);
	make_databases();
	work = AllocSetContextCreate(TopMemoryContext, "tsdb launcher", ALLOCSET_DEFAULT_SIZES);
	tsdb_wakeup_listen();

	for (;;)
	{
		CHECK_FOR_INTERRUPTS();
		if (ConfigReloadPending)
		{
			ConfigReloadPending = false;
			ProcessConfigFile(PGC_SIGHUP);
		}
		reap_workers();
		scan_databases(work);
		take_requests();
		start_workers();
		(void) WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH, nap_ms(), PG_WAIT_EXTENSION);
		ResetLatch(MyLatch);
	}
}

// private functions

static void
make_databases(void)
{
	HASHCTL control = {0};

	control.keysize = sizeof(Oid);
	control.entrysize = sizeof(Database);
	databases = hash_create("tsdb databases", 16, &control, HASH_ELEM | HASH_BLOBS);
}

/* Learn of new databases and forget those that are gone. */
static void
scan_databases(MemoryContext work)
{
	MemoryContext caller;
	Relation rel;
	TableScanDesc scan;
	HeapTuple tuple;
	HASH_SEQ_STATUS all;
	Database *database;

	hash_seq_init(&all, databases);
	while ((database = hash_seq_search(&all)) != NULL)
		database->exists = false;

	StartTransactionCommand();
	(void) GetTransactionSnapshot();
	caller = MemoryContextSwitchTo(work);
	rel = table_open(DatabaseRelationId, AccessShareLock);
	scan = table_beginscan_catalog(rel, 0, NULL);
	while (HeapTupleIsValid(tuple = heap_getnext(scan, ForwardScanDirection)))
	{
		Form_pg_database form = (Form_pg_database) GETSTRUCT(tuple);
		bool found;

		/* A limit of -2 marks what an interrupted DROP DATABASE has left. */
		if (!form->datallowconn || form->datconnlimit == -2)
			continue;
		database = hash_search(databases, &form->oid, HASH_ENTER, &found);
		if (!found)
		{
			database->has_extension = true;
			database->is_wanted = false;
			database->worker_no = -1;
			database->last_start = database->last_thorough = 0;
		}
		database->exists = true;
	}
	table_endscan(scan);
	table_close(rel, AccessShareLock);
	MemoryContextSwitchTo(caller);
	CommitTransactionCommand();
	MemoryContextReset(work);

	hash_seq_init(&all, databases);
	while ((database = hash_seq_search(&all)) != NULL)
		if (!database->exists && database->worker_no < 0)
			hash_search(databases, &database->database_id, HASH_REMOVE, NULL);
}

static void
take_requests(void)
{
	Oid database_id;

	while ((database_id = tsdb_wakeup_next()) != InvalidOid)
	{
		Database *database = find_database(database_id);

		if (database != NULL)
			database->is_wanted = true;
	}
}

/* Workers that have exited: read their answers. */
static void
reap_workers(void)
{
	for (int i = 0; i < TSDB_MAX_WORKERS; i++)
	{
		TsdbWorkerOrder *order = tsdb_maintainer_order(i);
		Database *database;
		pid_t pid;

		if (workers[i].handle == NULL || GetBackgroundWorkerPid(workers[i].handle, &pid) != BGWH_STOPPED)
			continue;
		database = find_database(workers[i].database_id);
		if (database != NULL)
		{
			database->worker_no = -1;
			database->has_extension = order->has_extension;
			database->is_wanted |= order->has_more;
		}
		pfree(workers[i].handle);
		workers[i].handle = NULL;
	}
}

static void
start_workers(void)
{
	HASH_SEQ_STATUS all;
	Database *database;
	TimestampTz now = GetCurrentTimestamp();

	hash_seq_init(&all, databases);
	while ((database = hash_seq_search(&all)) != NULL)
		if (is_due(database, now))
			start_worker(database, now);
}

static bool
is_due(const Database *database, TimestampTz now)
{
	int nap = tsdb_maintenance_naptime_s * 1000;

	if (!database->exists || database->worker_no >= 0)
		return false;
	if (database->is_wanted)
		return TimestampDifferenceExceeds(database->last_start, now, SOON_MS);
	if (!database->has_extension)
		nap *= WITHOUT_EXTENSION_NAPS;
	return TimestampDifferenceExceeds(database->last_start, now, nap);
}

static void
start_worker(Database *database, TimestampTz now)
{
	int nap = tsdb_maintenance_naptime_s * 1000;
	BackgroundWorker worker = {0};
	TsdbWorkerOrder *order;
	int worker_no = 0;

	while (worker_no < tsdb_max_workers && workers[worker_no].handle != NULL)
		worker_no++;
	if (worker_no >= tsdb_max_workers)
		return;
	order = tsdb_maintainer_order(worker_no);
	order->database_id = database->database_id;
	order->is_thorough = TimestampDifferenceExceeds(database->last_thorough, now, nap * THOROUGH_NAPS);
	order->has_extension = database->has_extension;
	order->has_more = false;

	worker.bgw_flags = BGWORKER_SHMEM_ACCESS | BGWORKER_BACKEND_DATABASE_CONNECTION;
	worker.bgw_start_time = BgWorkerStart_RecoveryFinished;
	worker.bgw_restart_time = BGW_NEVER_RESTART;
	snprintf(worker.bgw_library_name, BGW_MAXLEN, "tsdb");
	snprintf(worker.bgw_function_name, BGW_MAXLEN, "tsdb_maintainer_main");
	snprintf(worker.bgw_name, BGW_MAXLEN, "tsdb maintenance worker");
	snprintf(worker.bgw_type, BGW_MAXLEN, "tsdb maintenance worker");
	worker.bgw_main_arg = Int32GetDatum(worker_no);
	worker.bgw_notify_pid = MyProcPid;
	database->last_start = now;
	if (!RegisterDynamicBackgroundWorker(&worker, &workers[worker_no].handle))
	{
		/* No process is free; the next nap may find one. */
		workers[worker_no].handle = NULL;
		return;
	}
	workers[worker_no].database_id = database->database_id;
	database->worker_no = worker_no;
	database->is_wanted = false;
	if (order->is_thorough)
		database->last_thorough = now;
}

static Database *
find_database(Oid database_id)
{
	return hash_search(databases, &database_id, HASH_FIND, NULL);
}

/* Short while something is wanted, else as set. */
static long
nap_ms(void)
{
	HASH_SEQ_STATUS all;
	Database *database;
	long nap = tsdb_maintenance_naptime_s * 1000L;

	hash_seq_init(&all, databases);
	while ((database = hash_seq_search(&all)) != NULL)
		if (database->exists && database->is_wanted)
			nap = SOON_MS;
	return nap;
}
