/*-------------------------------------------------------------------------
 *
 * routes.h
 *	  Which request is answered how.
 *
 *-------------------------------------------------------------------------
 */
#ifndef TSDB_ROUTES_H
#define TSDB_ROUTES_H

#include "server/reply.h"

/* A write that waits to be run. */
typedef struct TsdbRoutedWrite
{
	TsdbWriteRequest write;
	TsdbHttpRequest *request; /* NULL: the lines came over TCP or UDP */
	TsdbDialect dialect;
} TsdbRoutedWrite;

/*
 * tsdb_routes_serve - answer a request, or return the write that it asks for (in the current context).
 *
 * Outside a transaction; uses some of its own.  An error raised here leaves the request unanswered.
 */
extern TsdbRoutedWrite *tsdb_routes_serve(TsdbHttpRequest *request);

#endif /* TSDB_ROUTES_H */
