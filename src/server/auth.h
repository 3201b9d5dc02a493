/*-------------------------------------------------------------------------
 *
 * auth.h
 *	  Who sends a request: a role of PostgreSQL, by its password.
 *
 * Passwords are checked as the server does it (SCRAM and md5 verifiers of pg_authid, LOGIN, VALID UNTIL,
 * CONNECT on the database); pg_hba.conf, which is about connections to the server, is not asked.
 *-------------------------------------------------------------------------
 */
#ifndef TSDB_AUTH_H
#define TSDB_AUTH_H

#include "postgres.h"

typedef enum TsdbAuthResult
{
	TSDB_AUTH_OK,
	TSDB_AUTH_NONE, /* no credentials, and there is no role for that */
	TSDB_AUTH_UNREADABLE,
	TSDB_AUTH_FAILED
} TsdbAuthResult;

/*
 * tsdb_auth_check - the role of a request.
 *
 *	authorization	header: Basic ..., Token user:password, Bearer is not known; NULL = none
 *	user, password	as in the URL; count when there is no header; NULL = none
 *
 * In a transaction.  A check that succeeded is remembered for some seconds, until any role is changed.
 */
extern TsdbAuthResult tsdb_auth_check(const char *authorization, const char *user, const char *password, Oid *role);

/* tsdb_auth_anonymous - the role of who gives no name; InvalidOid = none. */
extern Oid tsdb_auth_anonymous(void);

/* tsdb_auth_init - once per process, connected to the database. */
extern void tsdb_auth_init(void);

#endif /* TSDB_AUTH_H */
