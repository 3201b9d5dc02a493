/*-------------------------------------------------------------------------
 *
 * debug_point.h
 *	  Named places where a test can stop a backend or make it fail.
 *
 * TSDB_DEBUG_POINT("compact_before_commit") costs one predictable branch while
 * tsdb.debug_points is off (the default; superusers only).  When on, a backend
 * that comes to the place
 *	- raises an error if the session listed the name with tsdb_test.debug_point_error, else
 *	- waits while some session holds the name with tsdb_test.debug_point_hold,
 *	  which takes a session-level lock; tsdb_test.debug_point_release, or the end of the
 *	  holder's session, lets it go on.
 * The SQL functions are not part of the extension: test/setup/debug_points.sql makes them.
 *
 * Not inside critical sections or with buffer or lightweight locks held.
 *-------------------------------------------------------------------------
 */
#ifndef TSDB_DEBUG_POINT_H
#define TSDB_DEBUG_POINT_H

#include "postgres.h"

extern bool tsdb_debug_points; /* GUC tsdb.debug_points */

#define TSDB_DEBUG_POINT(name)           \
	do                                   \
	{                                    \
		if (unlikely(tsdb_debug_points)) \
			tsdb_debug_point_pass(name); \
	} while (0)

/* tsdb_debug_point_pass - stop or fail at a named place if a test asked for it; use the macro. */
extern void tsdb_debug_point_pass(const char *name);

/* tsdb_debug_point_init - define the GUCs; called by _PG_init. */
extern void tsdb_debug_point_init(void);

#endif /* TSDB_DEBUG_POINT_H */
