/*-------------------------------------------------------------------------
 *
 * wakeup.h
 *	  Ask the maintenance launcher to look at a database soon.
 *
 * Below the writers, who call it; the launcher itself is maint/maintainer.c.
 *-------------------------------------------------------------------------
 */
#ifndef TSDB_WAKEUP_H
#define TSDB_WAKEUP_H

#include "postgres.h"

/* tsdb_wakeup_request - cheap, never waits; does nothing where no launcher runs. */
extern void tsdb_wakeup_request(Oid database_id);

/* tsdb_wakeup_listen - called by the launcher: requests set its latch from now on. */
extern void tsdb_wakeup_listen(void);

/* tsdb_wakeup_next - called by the launcher: take one request; InvalidOid when there is none. */
extern Oid tsdb_wakeup_next(void);

/* tsdb_wakeup_init - called by _PG_init. */
extern void tsdb_wakeup_init(void);

#endif /* TSDB_WAKEUP_H */
