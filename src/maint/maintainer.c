/*-------------------------------------------------------------------------
 *
 * maintainer.c
 *	  A maintenance worker: one pass over the tsdb tables of one database.
 *
 * Each table is done in transactions of its own, as its owner, without waiting for locks.
 * An error is logged, the table is left alone for a while and the others go on.
 * Never compacts inside VACUUM: see docs/ARCHITECTURE.md "Why VACUUM does not compact".
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/heapam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "access/tableam.h"
#include "access/xact.h"
#include "catalog/pg_class.h"
#include "commands/extension.h"
#include "maint/compact.h"
#include "maint/maintainer.h"
#include "maint/policy.h"
#include "maint/progress.h"
#include "miscadmin.h"
#include "pg/counters.h"
#include "pg/shmem.h"
#include "pg/wakeup.h"
#include "pgstat.h"
#include "postmaster/bgworker.h"
#include "postmaster/interrupt.h"
#include "series/tsdbtable.h"
#include "storage/ipc.h"
#include "storage/latch.h"
#include "storage/lmgr.h"
#include "storage/lwlock.h"
#include "storage/proc.h"
#include "tcop/tcopprot.h"
#include "utils/fmgroids.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

#define PASS_US INT64CONST(3000000) /* a pass starts no other table after that */
#define NFAILURES 64
#define FAILURE_US INT64CONST(600000000) /* a table that failed is left alone */

/* A table that could not be maintained. */
typedef struct Failure
{
	Oid database_id;
	Oid relid;
	TimestampTz at;
} Failure;

typedef struct Maintenance
{
	TsdbWorkerOrder orders[TSDB_MAX_WORKERS];
	LWLock *lock; /* failures */
	Failure failures[NFAILURES];
} Maintenance;

int tsdb_maintenance_naptime_s = 15;
int tsdb_max_workers = 2;

static bool maintenance_enabled = true; /* GUC tsdb.maintenance */
static Maintenance *maintenance = NULL; /* in shared memory */

static void define_settings(void);
static void register_launcher(void);
static void make_maintenance(void *piece);
static void set_session(void);
static bool has_extension(void);
static List *list_tables(MemoryContext context);
static bool maintain_tables(List *tables, bool is_thorough);
static bool maintain_table(Oid relid, bool is_thorough);
static bool maintain_guarded(Oid relid, bool is_thorough);
static Relation open_table(Oid relid);
static bool compact_table(Relation rel, bool is_thorough);
static void drop_expired(Relation rel);
static void note_failure(Oid relid);
static bool has_failed(Oid relid);

void
tsdb_maintainer_wake(Oid database_id)
{
	tsdb_wakeup_request(database_id);
}

void
tsdb_maintainer_init(void)
{
	define_settings();
	tsdb_wakeup_init();
	tsdb_counters_init();
	tsdb_progress_init();
	tsdb_shmem_register("tsdb maintenance", sizeof(Maintenance), (void **) &maintenance, make_maintenance);
	if (!IsBinaryUpgrade)
		register_launcher();
}

TsdbWorkerOrder *
tsdb_maintainer_order(int worker_no)
{
	return &maintenance->orders[worker_no];
}

void
tsdb_maintainer_main(Datum arg)
{
	TsdbWorkerOrder *order = tsdb_maintainer_order(DatumGetInt32(arg));
	bool is_thorough = order->is_thorough;

	pqsignal(SIGHUP, SignalHandlerForConfigReload);
	pqsignal(SIGTERM, die);
	BackgroundWorkerUnblockSignals();
	BackgroundWorkerInitializeConnectionByOid(order->database_id, InvalidOid, 0);
	set_session();

	order->has_extension = has_extension();
	if (order->has_extension && maintenance_enabled)
	{
		tsdb_counters_add(TSDB_STAT_WORKER_PASSES, 1);
		order->has_more = maintain_tables(list_tables(TopMemoryContext), is_thorough);
	}
	proc_exit(0);
}

// private functions

static void
define_settings(void)
{
	DefineCustomBoolVariable("tsdb.maintenance", "Maintain tsdb tables in the background.",
							 "Runs are merged, old data are packed and retention is applied.",
							 &maintenance_enabled, true, PGC_SIGHUP, 0, NULL, NULL, NULL);
	DefineCustomIntVariable("tsdb.maintenance_naptime", "Time between two maintenance passes over a database.", NULL,
							&tsdb_maintenance_naptime_s, 15, 1, 3600, PGC_SIGHUP, GUC_UNIT_S, NULL, NULL, NULL);
	DefineCustomIntVariable("tsdb.max_workers", "Maintenance workers that may run at the same time.", NULL,
							&tsdb_max_workers, 2, 1, TSDB_MAX_WORKERS, PGC_SIGHUP, 0, NULL, NULL, NULL);
}

static void
register_launcher(void)
{
	BackgroundWorker worker = {0};

	worker.bgw_flags = BGWORKER_SHMEM_ACCESS | BGWORKER_BACKEND_DATABASE_CONNECTION;
	worker.bgw_start_time = BgWorkerStart_RecoveryFinished;
	worker.bgw_restart_time = 10;
	snprintf(worker.bgw_library_name, BGW_MAXLEN, "tsdb");
	snprintf(worker.bgw_function_name, BGW_MAXLEN, "tsdb_launcher_main");
	snprintf(worker.bgw_name, BGW_MAXLEN, "tsdb launcher");
	snprintf(worker.bgw_type, BGW_MAXLEN, "tsdb launcher");
	RegisterBackgroundWorker(&worker);
}

static void
make_maintenance(void *piece)
{
	Maintenance *made = piece;

	made->lock = tsdb_shmem_lock();
}

/* No setting of the database or of the server may stop or hijack the work. */
static void
set_session(void)
{
	SetConfigOption("search_path", "", PGC_SUSET, PGC_S_OVERRIDE);
	SetConfigOption("statement_timeout", "0", PGC_SUSET, PGC_S_OVERRIDE);
	SetConfigOption("lock_timeout", "0", PGC_SUSET, PGC_S_OVERRIDE);
	SetConfigOption("idle_in_transaction_session_timeout", "0", PGC_SUSET, PGC_S_OVERRIDE);
	SetConfigOption("default_transaction_isolation", "read committed", PGC_SUSET, PGC_S_OVERRIDE);
	SetConfigOption("default_transaction_read_only", "off", PGC_SUSET, PGC_S_OVERRIDE);
}

static bool
has_extension(void)
{
	bool found;

	StartTransactionCommand();
	found = OidIsValid(get_extension_oid("tsdb", true)) && OidIsValid(tsdb_table_am_oid());
	CommitTransactionCommand();
	return found;
}

/* OIDs of the tables and materialized views that any session may write to. */
static List *
list_tables(MemoryContext context)
{
	List *tables = NIL;
	Relation rel;
	TableScanDesc scan;
	ScanKeyData key;
	HeapTuple tuple;

	StartTransactionCommand();
	ScanKeyInit(&key, Anum_pg_class_relam, BTEqualStrategyNumber, F_OIDEQ, ObjectIdGetDatum(tsdb_table_am_oid()));
	rel = table_open(RelationRelationId, AccessShareLock);
	scan = table_beginscan_catalog(rel, 1, &key);
	while (HeapTupleIsValid(tuple = heap_getnext(scan, ForwardScanDirection)))
	{
		Form_pg_class form = (Form_pg_class) GETSTRUCT(tuple);
		MemoryContext caller;

		if ((form->relkind != RELKIND_RELATION && form->relkind != RELKIND_MATVIEW) ||
			form->relpersistence == RELPERSISTENCE_TEMP)
			continue;
		caller = MemoryContextSwitchTo(context);
		tables = lappend_oid(tables, form->oid);
		MemoryContextSwitchTo(caller);
	}
	table_endscan(scan);
	table_close(rel, AccessShareLock);
	CommitTransactionCommand();
	return tables;
}

/* One pass; true when there is more to do. */
static bool
maintain_tables(List *tables, bool is_thorough)
{
	TimestampTz started = GetCurrentTimestamp();
	bool has_more = false;
	ListCell *cell;

	foreach (cell, tables)
	{
		CHECK_FOR_INTERRUPTS();
		if (ConfigReloadPending)
		{
			ConfigReloadPending = false;
			ProcessConfigFile(PGC_SIGHUP);
		}
		if (GetCurrentTimestamp() - started > PASS_US)
			return true;
		if (!has_failed(lfirst_oid(cell)))
			has_more |= maintain_guarded(lfirst_oid(cell), is_thorough);
	}
	return has_more;
}

/* As maintain_table; an error is logged and ends only this table's transaction. */
static bool
maintain_guarded(Oid relid, bool is_thorough)
{
	MemoryContext caller = CurrentMemoryContext;
	volatile bool has_more = false;

	PG_TRY();
	{
		has_more = maintain_table(relid, is_thorough);
	}
	PG_CATCH();
	{
		MemoryContextSwitchTo(caller);
		HOLD_INTERRUPTS();
		EmitErrorReport();
		AbortOutOfAnyTransaction();
		FlushErrorState();
		RESUME_INTERRUPTS();
		tsdb_counters_add(TSDB_STAT_WORKER_ERRORS, 1);
		note_failure(relid);
	}
	PG_END_TRY();
	MemoryContextSwitchTo(TopMemoryContext);
	return has_more;
}

/* True when the table wants another pass soon. */
static bool
maintain_table(Oid relid, bool is_thorough)
{
	bool has_more = false;
	int nsteps = is_thorough ? 2 : 1;

	for (int step = 0; step < nsteps; step++)
	{
		Relation rel;
		Oid user_id;
		int security_context;

		StartTransactionCommand();
		PushActiveSnapshot(GetTransactionSnapshot());
		rel = open_table(relid);
		if (rel != NULL)
		{
			/* What may run in here (detoasting, domain checks) runs as the owner. */
			GetUserIdAndSecContext(&user_id, &security_context);
			SetUserIdAndSecContext(rel->rd_rel->relowner, security_context | SECURITY_RESTRICTED_OPERATION);
			if (step == 0)
				has_more = compact_table(rel, is_thorough);
			else
				drop_expired(rel);
			SetUserIdAndSecContext(user_id, security_context);
			table_close(rel, NoLock);
		}
		PopActiveSnapshot();
		CommitTransactionCommand();
		pgstat_report_stat(false);
		pgstat_report_activity(STATE_IDLE, NULL);
	}
	return has_more;
}

/* NULL when it is gone, is no tsdb table any more or somebody holds it for himself. */
static Relation
open_table(Oid relid)
{
	Relation rel;
	char activity[NAMEDATALEN * 2 + 32];

	if (!ConditionalLockRelationOid(relid, AccessShareLock))
		return NULL;
	rel = try_relation_open(relid, NoLock);
	if (rel == NULL)
	{
		UnlockRelationOid(relid, AccessShareLock);
		return NULL;
	}
	if (!tsdb_table_is(relid) || rel->rd_rel->relpersistence == RELPERSISTENCE_TEMP)
	{
		relation_close(rel, NoLock);
		return NULL;
	}
	snprintf(activity, sizeof(activity), "tsdb maintenance: %s.%s",
			 get_namespace_name(RelationGetNamespace(rel)), RelationGetRelationName(rel));
	pgstat_report_activity(STATE_RUNNING, activity);
	return rel;
}

static bool
compact_table(Relation rel, bool is_thorough)
{
	TsdbPolicyStep step = tsdb_policy_choose(rel, is_thorough);
	TsdbCompactResult result;

	if (!step.is_due)
		return false;
	tsdb_compact_table(rel, step.mode, false, &result);
	return result.stopped;
}

static void
drop_expired(Relation rel)
{
	const TsdbTable *table = tsdb_table_get(rel);
	int64 until_us;

	if (table->retention_us > 0 && !__builtin_sub_overflow(GetCurrentTimestamp(), table->retention_us, &until_us))
		(void) tsdb_compact_retention(rel, until_us, false);
}

static void
note_failure(Oid relid)
{
	Failure *oldest = &maintenance->failures[0];

	LWLockAcquire(maintenance->lock, LW_EXCLUSIVE);
	for (int i = 0; i < NFAILURES; i++)
		if (maintenance->failures[i].at < oldest->at)
			oldest = &maintenance->failures[i];
	oldest->database_id = MyDatabaseId;
	oldest->relid = relid;
	oldest->at = GetCurrentTimestamp();
	LWLockRelease(maintenance->lock);
}

static bool
has_failed(Oid relid)
{
	TimestampTz now = GetCurrentTimestamp();
	bool found = false;

	LWLockAcquire(maintenance->lock, LW_SHARED);
	for (int i = 0; i < NFAILURES; i++)
	{
		const Failure *failure = &maintenance->failures[i];

		found |= failure->relid == relid && failure->database_id == MyDatabaseId && now - failure->at < FAILURE_US;
	}
	LWLockRelease(maintenance->lock);
	return found;
}
