/*-------------------------------------------------------------------------
 *
 * ddl.h
 *	  What tsdb adds to utility commands: options of tables, refusals.
 *
 *-------------------------------------------------------------------------
 */
#ifndef TSDB_DDL_H
#define TSDB_DDL_H

/* tsdb_ddl_init - put the hooks in place; called by _PG_init (also by that of pg_upgrade's servers, which don't preload). */
extern void tsdb_ddl_init(void);

#endif /* TSDB_DDL_H */
