/*-------------------------------------------------------------------------
 *
 * session.h
 *	  Transactions of the ingest server, in which it is somebody else.
 *
 *-------------------------------------------------------------------------
 */
#ifndef TSDB_SESSION_H
#define TSDB_SESSION_H

#include "postgres.h"

/* tsdb_session_begin - a transaction with an active snapshot, as this role, which can't get out of it. */
extern void tsdb_session_begin(Oid role);

/* tsdb_session_become - go on as another role; InvalidOid: as ourselves. */
extern void tsdb_session_become(Oid role);

extern void tsdb_session_commit(void);

/*
 * tsdb_session_rollback - for PG_CATCH: end the transaction and hand the error over.
 *
 * The error lives in `context`, which becomes the current one.
 */
extern ErrorData *tsdb_session_rollback(MemoryContext context);

/* tsdb_session_execute - a command through SPI, in which all names have their schema. */
extern void tsdb_session_execute(const char *command);

/* tsdb_session_hurry - from now on wait for locks hardly at all; off: as long as clients wait. */
extern void tsdb_session_hurry(bool on);

/* tsdb_session_init - settings of the process: no setting of a database or role may stop or hijack the work. */
extern void tsdb_session_init(void);

#endif /* TSDB_SESSION_H */
