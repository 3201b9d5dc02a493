/*-------------------------------------------------------------------------
 *
 * handler.h
 *	  The access method.
 *
 *-------------------------------------------------------------------------
 */
#ifndef TSDB_HANDLER_H
#define TSDB_HANDLER_H

#include "access/tableam.h"

/* tsdb_handler_init - complete the slot operations; called by _PG_init. */
extern void tsdb_handler_init(void);

#endif /* TSDB_HANDLER_H */
