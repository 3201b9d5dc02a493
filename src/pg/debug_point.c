/*-------------------------------------------------------------------------
 *
 * debug_point.c
 *	  Named places where a test can stop a backend or make it fail.
 *
 * A point is a heavyweight lock: who holds the point has it in Exclusive
 * mode for the session, who passes takes it in Share mode and lets go at once.
 * pg_locks shows who waits, and isolationtester sees the blocking.
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "common/hashfn.h"
#include "fmgr.h"
#include "utils/builtins.h"
#include "utils/guc.h"

#include "pg/debug_point.h"
#include "pg/locktag.h"

static LOCKTAG point_tag(const char *name);
static bool list_has(const char *names, const char *name);
static void require_enabled(void);

PG_FUNCTION_INFO_V1(tsdb_debug_point_hold);
PG_FUNCTION_INFO_V1(tsdb_debug_point_release);
PG_FUNCTION_INFO_V1(tsdb_debug_point_error);

bool tsdb_debug_points = false;
static char *failing_points = NULL;

void
tsdb_debug_point_pass(const char *name)
{
	LOCKTAG tag = point_tag(name);

	if (list_has(failing_points, name))
		ereport(ERROR,
				(errcode(ERRCODE_T_R_SERIALIZATION_FAILURE),
				 errmsg("debug point \"%s\" raises an error", name)));

	(void) LockAcquire(&tag, ShareLock, false, false);
	LockRelease(&tag, ShareLock, false);
}

void
tsdb_debug_point_init(void)
{
	DefineCustomBoolVariable("tsdb.debug_points",
							 "Lets tests stop backends at named places.",
							 NULL, &tsdb_debug_points, false,
							 PGC_SUSET, GUC_NOT_IN_SAMPLE, NULL, NULL, NULL);
	DefineCustomStringVariable("tsdb.debug_point_errors",
							   "Comma-separated names of debug points that raise an error.",
							   NULL, &failing_points, "",
							   PGC_SUSET, GUC_NOT_IN_SAMPLE, NULL, NULL, NULL);
}

/* tsdb_test.debug_point_hold(text) - stop whoever comes to the point. */
Datum
tsdb_debug_point_hold(PG_FUNCTION_ARGS)
{
	LOCKTAG tag = point_tag(text_to_cstring(PG_GETARG_TEXT_PP(0)));

	require_enabled();
	(void) LockAcquire(&tag, ExclusiveLock, true, false);
	PG_RETURN_VOID();
}

/* tsdb_test.debug_point_release(text) - let them go on; false, with a warning, when this session did not hold the point. */
Datum
tsdb_debug_point_release(PG_FUNCTION_ARGS)
{
	LOCKTAG tag = point_tag(text_to_cstring(PG_GETARG_TEXT_PP(0)));

	PG_RETURN_BOOL(LockRelease(&tag, ExclusiveLock, true));
}

/* tsdb_test.debug_point_error(text) - names that fail in this session; '' for none. */
Datum
tsdb_debug_point_error(PG_FUNCTION_ARGS)
{
	require_enabled();
	SetConfigOption("tsdb.debug_point_errors", text_to_cstring(PG_GETARG_TEXT_PP(0)), PGC_SUSET, PGC_S_SESSION);
	PG_RETURN_VOID();
}

// private functions

static LOCKTAG
point_tag(const char *name)
{
	return tsdb_locktag_make(TSDB_LOCKCLASS_DEBUG_POINT, string_hash(name, strlen(name) + 1), 0);
}

static bool
list_has(const char *names, const char *name)
{
	size_t len = strlen(name);
	const char *at = names;

	while (at != NULL && *at != '\0')
	{
		if (strncmp(at, name, len) == 0 && (at[len] == ',' || at[len] == '\0'))
			return true;
		at = strchr(at, ',');
		if (at != NULL)
			at++;
	}
	return false;
}

static void
require_enabled(void)
{
	if (!tsdb_debug_points)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("debug points are off"),
				 errhint("Set tsdb.debug_points = on.")));
}
