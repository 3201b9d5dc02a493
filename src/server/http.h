/*-------------------------------------------------------------------------
 *
 * http.h
 *	  Requests over HTTP, whole, one after the other; libmicrohttpd does the protocol.
 *
 * The library runs inside tsdb_http_run, on this process's only thread.  Its callbacks never raise and
 * never look at the database: they collect a request and its body, and suspend the
 * connection.  The caller takes complete requests with tsdb_http_next, answers each, and runs on.
 *-------------------------------------------------------------------------
 */
#ifndef TSDB_HTTP_H
#define TSDB_HTTP_H

#include "postgres.h"
#include "nodes/pg_list.h"
#include "proto/body.h"

typedef struct TsdbHttp TsdbHttp;
typedef struct TsdbHttpRequest TsdbHttpRequest;

typedef struct TsdbHttpLimits
{
	Size body_bytes; /* of one body, unpacked */
	Size total_bytes; /* of all bodies that are here */
	unsigned int connections;
	unsigned int timeout_s; /* of a silent connection */
} TsdbHttpLimits;

/* tsdb_http_start - serve these listeners (listen.h), whose descriptors are the library's from now on.  Says in the log which it refuses. */
extern TsdbHttp *tsdb_http_start(List *listeners, const TsdbHttpLimits *limits);

/* tsdb_http_set_limits - for requests that come from now on. */
extern void tsdb_http_set_limits(TsdbHttp *http, const TsdbHttpLimits *limits);

/* tsdb_http_fds - file descriptors to wait for, readable = tsdb_http_run has work (int list). */
extern List *tsdb_http_fds(const TsdbHttp *http);

/* tsdb_http_timeout_ms - run again after so long at the latest; -1 = whenever. */
extern long tsdb_http_timeout_ms(const TsdbHttp *http);

/* tsdb_http_run - read and write what sockets allow. */
extern void tsdb_http_run(TsdbHttp *http);

/*
 * tsdb_http_gathers - is a request complete while others are on their way, of which the last run brought a piece?
 *
 *	timeout_ms	for the next piece, at most this long; set to 0 when there is one that no descriptor tells of
 */
extern bool tsdb_http_gathers(const TsdbHttp *http, int *timeout_ms);

/* tsdb_http_next - the oldest complete request that is not answered, NULL = none.  It is the caller's until answered. */
extern TsdbHttpRequest *tsdb_http_next(TsdbHttp *http);

/* Parts of a request; strings are valid until it is answered.  argument: of the URL, decoded.  NULL = not there. */
extern const char *tsdb_http_method(const TsdbHttpRequest *request);
extern const char *tsdb_http_path(const TsdbHttpRequest *request);
extern const char *tsdb_http_argument(const TsdbHttpRequest *request, const char *name);
extern const char *tsdb_http_header(const TsdbHttpRequest *request, const char *name);
extern char *tsdb_http_body(const TsdbHttpRequest *request, Size *nbytes); /* ends with a NUL beyond nbytes; may be changed */
extern TsdbBodyFault tsdb_http_fault(const TsdbHttpRequest *request);

/* tsdb_http_set_header - a header of the answer (besides those that every answer has). */
extern void tsdb_http_set_header(TsdbHttpRequest *request, const char *name, const char *value);

/* tsdb_http_answer - give the answer; the request is gone afterwards. */
extern void tsdb_http_answer(TsdbHttpRequest *request, int status, const char *content_type, const char *body, Size nbytes);

/* tsdb_http_pending - requests that are not answered, or whose answer is not sent. */
extern int tsdb_http_pending(const TsdbHttp *http);

/* tsdb_http_bytes - memory of the bodies that are here. */
extern Size tsdb_http_bytes(const TsdbHttp *http);

/* tsdb_http_quiesce - take no new connections.  tsdb_http_stop: close all. */
extern void tsdb_http_quiesce(TsdbHttp *http);
extern void tsdb_http_stop(TsdbHttp *http);

#endif /* TSDB_HTTP_H */
