/*-------------------------------------------------------------------------
 *
 * session.c
 *	  Transactions of the ingest server, in which it is somebody else.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "server/session.h"
#include "utils/guc.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"

#define LOCK_TIMEOUT "3s" /* clients wait for 5 */
#define SHORT_LOCK_TIMEOUT "100ms"

static Oid own_role = InvalidOid;
static char *user_path = NULL; /* search_path of the database, for code of users */

void
tsdb_session_begin(Oid role)
{
	SetCurrentStatementStartTimestamp();
	StartTransactionCommand();
	PushActiveSnapshot(GetTransactionSnapshot());
	tsdb_session_become(role);
}

void
tsdb_session_become(Oid role)
{
	if (OidIsValid(role))
		SetUserIdAndSecContext(role, SECURITY_LOCAL_USERID_CHANGE | SECURITY_RESTRICTED_OPERATION);
	else
		SetUserIdAndSecContext(own_role, 0);
}

/* No code of users is left to run: nothing can be deferred in a restricted operation. */
void
tsdb_session_commit(void)
{
	tsdb_session_become(InvalidOid);
	if (ActiveSnapshotSet())
		PopActiveSnapshot();
	CommitTransactionCommand();
}

ErrorData *
tsdb_session_rollback(MemoryContext context)
{
	ErrorData *error;

	MemoryContextSwitchTo(context);
	error = CopyErrorData();
	FlushErrorState();
	AbortCurrentTransaction();
	MemoryContextSwitchTo(context);
	return error;
}

/*
 * What triggers and defaults name without a schema is looked for as in other sessions; what they set ends with the
 * command, for this process serves others afterwards.
 */
void
tsdb_session_execute(const char *command)
{
	int level = NewGUCNestLevel();

	(void) set_config_option("search_path", user_path, PGC_USERSET, PGC_S_SESSION, GUC_ACTION_SAVE, true, 0, false);
	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "SPI_connect failed");
	/* Restricted operations can't defer. */
	if (SPI_execute("SET CONSTRAINTS ALL IMMEDIATE", false, 0) < 0 || SPI_execute(command, false, 0) < 0)
		elog(ERROR, "could not execute \"%s\"", command);
	SPI_finish();
	AtEOXact_GUC(false, level);
}

void
tsdb_session_hurry(bool on)
{
	SetConfigOption("lock_timeout", on ? SHORT_LOCK_TIMEOUT : LOCK_TIMEOUT, PGC_SUSET, PGC_S_OVERRIDE);
}

void
tsdb_session_init(void)
{
	if (user_path == NULL)
		user_path = MemoryContextStrdup(TopMemoryContext, GetConfigOption("search_path", false, false));
	own_role = GetUserId();
	SetConfigOption("search_path", "pg_catalog", PGC_SUSET, PGC_S_OVERRIDE);
	SetConfigOption("statement_timeout", "0", PGC_SUSET, PGC_S_OVERRIDE);
	SetConfigOption("lock_timeout", LOCK_TIMEOUT, PGC_SUSET, PGC_S_OVERRIDE);
	SetConfigOption("idle_in_transaction_session_timeout", "0", PGC_SUSET, PGC_S_OVERRIDE);
	SetConfigOption("default_transaction_isolation", "read committed", PGC_SUSET, PGC_S_OVERRIDE);
	SetConfigOption("default_transaction_read_only", "off", PGC_SUSET, PGC_S_OVERRIDE);
	SetConfigOption("default_table_access_method", "heap", PGC_SUSET, PGC_S_OVERRIDE);
	SetConfigOption("row_security", "on", PGC_SUSET, PGC_S_OVERRIDE);
	SetConfigOption("client_min_messages", "error", PGC_SUSET, PGC_S_OVERRIDE);
}
