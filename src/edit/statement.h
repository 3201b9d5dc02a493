/*-------------------------------------------------------------------------
 *
 * statement.h
 *	  Where statements begin and end: hooks into executor and utility commands.
 *
 *-------------------------------------------------------------------------
 */
#ifndef TSDB_STATEMENT_H
#define TSDB_STATEMENT_H

/* tsdb_statement_init - install the hooks. */
extern void tsdb_statement_init(void);

#endif /* TSDB_STATEMENT_H */
