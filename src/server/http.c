/*-------------------------------------------------------------------------
 *
 * http.c
 *	  Requests over HTTP, whole, one after the other; libmicrohttpd does the protocol.
 *
 * One daemon of the library for each listening socket, all driven by epoll from outside.  Life of a request:
 * the library calls on_request with its headers, then with pieces of the body, then once more without any; there we
 * suspend the connection and queue the request.  The answer wakes the connection up, and the
 * library calls on_request a last time, which hands the answer over.
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <microhttpd.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <unistd.h>

#include "lib/ilist.h"
#include "server/http.h"
#include "server/listen.h"

#define CONNECTION_MEMORY ((size_t) 32 * 1024) /* headers and reading buffer */
#define MAX_HEADERS 10 /* of an answer */

typedef enum RequestState
{
	REQUEST_READING,
	REQUEST_QUEUED, /* its connection is suspended */
	REQUEST_ANSWERED
} RequestState;

struct TsdbHttpRequest
{
	dlist_node node; /* in queue while REQUEST_QUEUED */
	TsdbHttp *http;
	struct MHD_Connection *connection;
	RequestState state;
	char *method;
	char *path;
	TsdbBody body;
	int nheaders;
	char *header_names[MAX_HEADERS];
	char *header_values[MAX_HEADERS];
	int status;
	struct MHD_Response *response;
};

struct TsdbHttp
{
	List *daemons; /* struct MHD_Daemon * */
	TsdbHttpLimits limits;
	TsdbBodyAccount account;
	dlist_head queue;
	int npending;
	int nreading; /* whose body is not complete */
	bool has_progressed; /* the last run brought a piece of a body */
};

static long library_timeout_ms(const TsdbHttp *http);
static struct MHD_Daemon *start_daemon(TsdbHttp *http, const TsdbListener *listener);
static void log_library(void *arg, const char *format, va_list args) pg_attribute_printf(2, 0);
static enum MHD_Result on_request(void *arg, struct MHD_Connection *connection, const char *url, const char *method,
								  const char *version, const char *upload, size_t *upload_bytes, void **state);
static TsdbHttpRequest *begin_request(TsdbHttp *http, struct MHD_Connection *connection, const char *url, const char *method);
static bool is_ambiguous(struct MHD_Connection *connection);
static enum MHD_Result count_lengths(void *arg, enum MHD_ValueKind kind, const char *name, const char *value);
static enum MHD_Result refuse(struct MHD_Connection *connection);
static void acknowledge(struct MHD_Connection *connection);
static bool expects_too_much(TsdbHttpRequest *request);
static enum MHD_Result send_answer(TsdbHttpRequest *request);
static void on_completed(void *arg, struct MHD_Connection *connection, void **state, enum MHD_RequestTerminationCode why);

TsdbHttp *
tsdb_http_start(List *listeners, const TsdbHttpLimits *limits)
{
	TsdbHttp *http = palloc0(sizeof(TsdbHttp));
	ListCell *lc;

	dlist_init(&http->queue);
	tsdb_http_set_limits(http, limits);
	foreach (lc, listeners)
	{
		struct MHD_Daemon *daemon = start_daemon(http, lfirst(lc));

		if (daemon != NULL)
			http->daemons = lappend(http->daemons, daemon);
	}
	return http;
}

void
tsdb_http_set_limits(TsdbHttp *http, const TsdbHttpLimits *limits)
{
	http->limits = *limits;
	http->account.max_bytes = limits->total_bytes;
}

List *
tsdb_http_fds(const TsdbHttp *http)
{
	List *fds = NIL;
	ListCell *lc;

	foreach (lc, http->daemons)
		fds = lappend_int(fds, MHD_get_daemon_info(lfirst(lc), MHD_DAEMON_INFO_EPOLL_FD)->epoll_fd);
	return fds;
}

long
tsdb_http_timeout_ms(const TsdbHttp *http)
{
	return dlist_is_empty(unconstify(dlist_head *, &http->queue)) ? library_timeout_ms(http) : 0;
}

void
tsdb_http_run(TsdbHttp *http)
{
	ListCell *lc;

	http->has_progressed = false;
	foreach (lc, http->daemons)
		(void) MHD_run(lfirst(lc));
}

bool
tsdb_http_gathers(const TsdbHttp *http, int *timeout_ms)
{
	if (dlist_is_empty(unconstify(dlist_head *, &http->queue)) || http->nreading == 0 || !http->has_progressed)
		return false;
	if (library_timeout_ms(http) == 0)
		*timeout_ms = 0;
	return true;
}

TsdbHttpRequest *
tsdb_http_next(TsdbHttp *http)
{
	if (dlist_is_empty(&http->queue))
		return NULL;
	return dlist_container(TsdbHttpRequest, node, dlist_pop_head_node(&http->queue));
}

const char *
tsdb_http_method(const TsdbHttpRequest *request)
{
	return request->method;
}

const char *
tsdb_http_path(const TsdbHttpRequest *request)
{
	return request->path;
}

const char *
tsdb_http_argument(const TsdbHttpRequest *request, const char *name)
{
	const char *value = NULL;
	size_t nbytes = 0;

	if (MHD_lookup_connection_value_n(request->connection, MHD_GET_ARGUMENT_KIND, name, strlen(name), &value, &nbytes) == MHD_NO || value == NULL)
		return NULL;
	/* Whoever writes %00 means to be read in two ways. */
	return strlen(value) == nbytes ? value : "";
}

const char *
tsdb_http_header(const TsdbHttpRequest *request, const char *name)
{
	return MHD_lookup_connection_value(request->connection, MHD_HEADER_KIND, name);
}

char *
tsdb_http_body(const TsdbHttpRequest *request, Size *nbytes)
{
	*nbytes = request->body.nbytes;
	return request->body.data != NULL ? request->body.data : "";
}

TsdbBodyFault
tsdb_http_fault(const TsdbHttpRequest *request)
{
	return request->body.fault;
}

void
tsdb_http_set_header(TsdbHttpRequest *request, const char *name, const char *value)
{
	char *copy = strdup(value);

	if (request->nheaders == MAX_HEADERS || copy == NULL)
	{
		free(copy);
		return;
	}
	/* A line end would begin another header. */
	for (char *c = copy; *c != '\0'; c++)
		if ((unsigned char) *c < ' ')
			*c = ' ';
	request->header_names[request->nheaders] = unconstify(char *, name);
	request->header_values[request->nheaders++] = copy;
}

void
tsdb_http_answer(TsdbHttpRequest *request, int status, const char *content_type, const char *body, Size nbytes)
{
	request->status = status;
	request->response = MHD_create_response_from_buffer(nbytes, unconstify(char *, body), MHD_RESPMEM_MUST_COPY);
	if (request->response != NULL)
	{
		if (content_type != NULL)
			(void) MHD_add_response_header(request->response, MHD_HTTP_HEADER_CONTENT_TYPE, content_type);
		for (int i = 0; i < request->nheaders; i++)
			(void) MHD_add_response_header(request->response, request->header_names[i], request->header_values[i]);
	}
	request->state = REQUEST_ANSWERED;
	tsdb_body_free(&request->body);
	MHD_resume_connection(request->connection);
}

int
tsdb_http_pending(const TsdbHttp *http)
{
	return http->npending;
}

Size
tsdb_http_bytes(const TsdbHttp *http)
{
	return http->account.used_bytes;
}

void
tsdb_http_quiesce(TsdbHttp *http)
{
	ListCell *lc;

	foreach (lc, http->daemons)
	{
		int fd = MHD_quiesce_daemon(lfirst(lc));

		/* Closed at once, the kernel gives new connections to other workers. */
		if (fd >= 0)
			close(fd);
	}
}

void
tsdb_http_stop(TsdbHttp *http)
{
	ListCell *lc;

	/* The library refuses to stop while connections are suspended. */
	while (!dlist_is_empty(&http->queue))
		tsdb_http_answer(tsdb_http_next(http), MHD_HTTP_SERVICE_UNAVAILABLE, NULL, "", 0);
	foreach (lc, http->daemons)
		MHD_stop_daemon(lfirst(lc));
	list_free(http->daemons);
	pfree(http);
}

// private functions

/* Its epoll descriptors tell of what is new only; of what it has not taken from a socket yet the timeout does. */
static long
library_timeout_ms(const TsdbHttp *http)
{
	long timeout = -1;
	ListCell *lc;

	foreach (lc, http->daemons)
	{
		MHD_UNSIGNED_LONG_LONG ms;

		if (MHD_get_timeout(lfirst(lc), &ms) == MHD_YES && (timeout < 0 || (long) ms < timeout))
			timeout = (long) Min(ms, 3600 * 1000);
	}
	return timeout;
}

static struct MHD_Daemon *
start_daemon(TsdbHttp *http, const TsdbListener *listener)
{
	struct MHD_Daemon *daemon =
		MHD_start_daemon(MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ERROR_LOG, 0, NULL, NULL, on_request, http,
						 MHD_OPTION_EXTERNAL_LOGGER, log_library, NULL,
						 MHD_OPTION_LISTEN_SOCKET, listener->fd,
						 MHD_OPTION_NOTIFY_COMPLETED, on_completed, NULL,
						 MHD_OPTION_CONNECTION_MEMORY_LIMIT, CONNECTION_MEMORY,
						 MHD_OPTION_CONNECTION_LIMIT, http->limits.connections,
						 MHD_OPTION_CONNECTION_TIMEOUT, http->limits.timeout_s,
						 MHD_OPTION_END);

	if (daemon == NULL)
		ereport(LOG,
				(errmsg("could not serve HTTP on \"%s\"", listener->address),
				 errhint("The lines before say what libmicrohttpd found wrong.")));
	if (daemon == NULL)
		close(listener->fd);
	return daemon;
}

static void
log_library(void *arg, const char *format, va_list args)
{
	char line[512];

	vsnprintf(line, sizeof(line), format, args);
	line[strcspn(line, "\n")] = '\0';
	ereport(DEBUG1, (errmsg_internal("libmicrohttpd: %s", line)));
}

static enum MHD_Result
on_request(void *arg, struct MHD_Connection *connection, const char *url, const char *method,
		   const char *version, const char *upload, size_t *upload_bytes, void **state)
{
	TsdbHttpRequest *request = *state;

	if (request == NULL)
	{
		if (is_ambiguous(connection))
			return refuse(connection);
		request = begin_request(arg, connection, url, method);
		if (request == NULL)
			return MHD_NO; /* out of memory: closes the connection */
		*state = request;
		if (!expects_too_much(request))
		{
			acknowledge(connection);
			return MHD_YES;
		}
	}
	else if (request->state == REQUEST_ANSWERED)
		return send_answer(request);
	else if (*upload_bytes > 0)
	{
		tsdb_body_add(&request->body, upload, *upload_bytes);
		*upload_bytes = 0;
		request->http->has_progressed = true;
		return MHD_YES;
	}

	tsdb_body_end(&request->body);
	request->state = REQUEST_QUEUED;
	request->http->nreading--;
	dlist_push_tail(&request->http->queue, &request->node);
	MHD_suspend_connection(connection);
	return MHD_YES;
}

/* Does it say twice how long its body is?  A proxy in front may have read the other one, and what follows as part of the body. */
static bool
is_ambiguous(struct MHD_Connection *connection)
{
	int nlengths = 0;

	(void) MHD_get_connection_values(connection, MHD_HEADER_KIND, count_lengths, &nlengths);
	return nlengths > 1;
}

static enum MHD_Result
count_lengths(void *arg, enum MHD_ValueKind kind, const char *name, const char *value)
{
	if (pg_strcasecmp(name, MHD_HTTP_HEADER_CONTENT_LENGTH) == 0 || pg_strcasecmp(name, MHD_HTTP_HEADER_TRANSFER_ENCODING) == 0)
		(*(int *) arg)++;
	return MHD_YES;
}

/* The library closes the connection afterwards, as nobody has read the body. */
static enum MHD_Result
refuse(struct MHD_Connection *connection)
{
	struct MHD_Response *response = MHD_create_response_from_buffer(0, "", MHD_RESPMEM_PERSISTENT);
	enum MHD_Result result;

	if (response == NULL)
		return MHD_NO;
	(void) MHD_add_response_header(response, MHD_HTTP_HEADER_CONNECTION, "close");
	result = MHD_queue_response(connection, MHD_HTTP_BAD_REQUEST, response);
	MHD_destroy_response(response);
	return result;
}

static TsdbHttpRequest *
begin_request(TsdbHttp *http, struct MHD_Connection *connection, const char *url, const char *method)
{
	TsdbHttpRequest *request = calloc(1, sizeof(TsdbHttpRequest));

	if (request == NULL)
		return NULL;
	request->http = http;
	request->connection = connection;
	request->method = strdup(method);
	request->path = strdup(url);
	if (request->method == NULL || request->path == NULL)
	{
		free(request->method);
		free(request->path);
		free(request);
		return NULL;
	}
	tsdb_body_begin(&request->body,
					MHD_lookup_connection_value(connection, MHD_HEADER_KIND, MHD_HTTP_HEADER_CONTENT_ENCODING),
					http->limits.body_bytes, &http->account);
	http->npending++;
	http->nreading++;
	return request;
}

/*
 * A client that sends headers and body apart, without TCP_NODELAY, sends the second when the first is acknowledged;
 * after some requests on a connection the kernel would do that 40 ms later.
 */
static void
acknowledge(struct MHD_Connection *connection)
{
	const union MHD_ConnectionInfo *info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
	int on = 1;

	if (info != NULL)
		(void) setsockopt(info->connect_fd, IPPROTO_TCP, TCP_QUICKACK, &on, sizeof(on));
}

/* Who says beforehand that he will send too much is told so before he does; the connection closes after that. */
static bool
expects_too_much(TsdbHttpRequest *request)
{
	const char *length = tsdb_http_header(request, MHD_HTTP_HEADER_CONTENT_LENGTH);

	if (length == NULL || request->body.fault != TSDB_BODY_OK || strtoull(length, NULL, 10) <= request->body.max_bytes)
		return false;
	request->body.fault = TSDB_BODY_TOO_LARGE;
	return true;
}

static enum MHD_Result
send_answer(TsdbHttpRequest *request)
{
	enum MHD_Result result;

	if (request->response == NULL)
		return MHD_NO;
	result = MHD_queue_response(request->connection, request->status, request->response);
	MHD_destroy_response(request->response);
	request->response = NULL;
	return result;
}

static void
on_completed(void *arg, struct MHD_Connection *connection, void **state, enum MHD_RequestTerminationCode why)
{
	TsdbHttpRequest *request = *state;

	if (request == NULL)
		return;
	/* A connection that is suspended is never completed, so nobody else holds the request. */
	tsdb_body_free(&request->body);
	if (request->response != NULL)
		MHD_destroy_response(request->response);
	for (int i = 0; i < request->nheaders; i++)
		free(request->header_values[i]);
	free(request->method);
	free(request->path);
	request->http->npending--;
	if (request->state == REQUEST_READING)
		request->http->nreading--;
	free(request);
	*state = NULL;
}
