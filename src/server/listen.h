/*-------------------------------------------------------------------------
 *
 * listen.h
 *	  Sockets of the ingest server, from the addresses in its settings.
 *
 * Several workers open their own sockets on the same ports (SO_REUSEPORT): the kernel deals connections out.
 *-------------------------------------------------------------------------
 */
#ifndef TSDB_LISTEN_H
#define TSDB_LISTEN_H

#include "postgres.h"
#include "nodes/pg_list.h"

typedef struct TsdbListener
{
	int fd; /* bound, not blocking; TCP: listening */
	char *address; /* as in the setting */
	char *schema; /* after the slash, else "public" */
} TsdbListener;

/*
 * tsdb_listen_open - open the sockets of a list of host:port[/schema].
 *
 *	type	SOCK_STREAM or SOCK_DGRAM
 *
 * An address that can't be had is logged and left out.  Memory: current context.
 */
extern List *tsdb_listen_open(const char *addresses, int type);

/* tsdb_listen_is_valid - can a list of addresses be read? */
extern bool tsdb_listen_is_valid(const char *addresses);

extern void tsdb_listen_close(List *listeners);

#endif /* TSDB_LISTEN_H */
