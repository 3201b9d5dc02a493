/*-------------------------------------------------------------------------
 *
 * ingester.c
 *	  The line protocol server: background workers that share their ports.
 *
 * A worker is one thread and one loop: wait for sockets, let the HTTP library and the streams read, take all
 * requests that are complete, write them in one transaction, answer.  While a commit waits for the
 * disk others arrive: that is the group commit.  What was answered with success is committed.
 */
#include "postgres.h"

#include <sys/epoll.h>
#include <sys/resource.h>
#include <unistd.h>

#include "access/xact.h"
#include "miscadmin.h"
#include "pg/counters.h"
#include "pgstat.h"
#include "postmaster/bgworker.h"
#include "postmaster/interrupt.h"
#include "server/attach.h"
#include "server/auth.h"
#include "server/http.h"
#include "server/ingester.h"
#include "server/listen.h"
#include "server/measurement.h"
#include "server/routes.h"
#include "server/session.h"
#include "server/settings.h"
#include "server/stream.h"
#include "storage/fd.h"
#include "storage/ipc.h"
#include "storage/latch.h"
#include "tcop/tcopprot.h"
#include "utils/guc.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#define RESTART_S 1 /* who fails again and again waits by himself: attach.c */
#define SPARE_FILES 256 /* beside sockets: what PostgreSQL opens without asking its own limit */
#define STOP_MS 3000 /* a worker that is told to stop gives clients so long to end their requests; DROP DATABASE waits for 5 s */
#define GATHER_MS 4 /* for requests that are on their way when another one is complete */
#define RETRY_MS 500 /* until lines that could not be written are tried again */
#define TROUBLE_MS 60000 /* between two lines of the log about one kind of trouble */

typedef enum Trouble
{
	TROUBLE_LINES, /* lines of a stream that could not be written */
	TROUBLE_LOST, /* no room */
	TROUBLE_RETRY, /* the database said: not now */
	TROUBLE_INTERNAL,
	NTROUBLES
} Trouble;

typedef struct Server
{
	List *http_listeners;
	List *tcp_listeners;
	List *udp_listeners;
	TsdbHttp *http;
	TsdbStreams *streams;
	char *addresses; /* the settings that the listeners were opened by */
	int epoll_fd; /* over those of http and streams */
	bool keeps_lines; /* a stream's lines wait for better times */
	uint64 queue_bytes; /* as counted in the statistics */
} Server;

typedef struct Turn
{
	int nwrites;
	int capacity;
	TsdbRoutedWrite **writes;
	TsdbStreamLines *lines; /* beside them, for those of streams */
} Turn;

static Server server;
static MemoryContext server_context = NULL;
static MemoryContext turn_context = NULL;

static void raise_file_limit(void);
static void open_server(void);
static void warn_of_anonymous(void);
static void close_server(void);
static char *addresses(void);
static void set_limits(TsdbHttpLimits *http, TsdbStreamLimits *stream);
static void watch(int fd);
static void reload(void);
static void wait_for_work(bool is_stopping);
static void run_turn(void);
static void gather(void);
static void collect_requests(Turn *turn);
static void collect_lines(Turn *turn);
static TsdbRoutedWrite *add_write(Turn *turn, TsdbRoutedWrite *write, const TsdbStreamLines *lines);
static void write_all(Turn *turn);
static void finish_write(TsdbRoutedWrite *routed, TsdbStreamLines *lines);
static void count_write(const TsdbRoutedWrite *routed);
static void count_queue(void);
static void note_trouble(Trouble which, const char *message, const char *detail);
static void stop_server(void);

void
tsdb_ingester_init(void)
{
	tsdb_settings_init();
	tsdb_attach_init();
	if (IsBinaryUpgrade || tsdb_ingest_database[0] == '\0')
		return;
	for (int i = 0; i < tsdb_ingest_workers; i++)
	{
		BackgroundWorker worker = {0};

		worker.bgw_flags = BGWORKER_SHMEM_ACCESS | BGWORKER_BACKEND_DATABASE_CONNECTION;
		worker.bgw_start_time = BgWorkerStart_RecoveryFinished;
		worker.bgw_restart_time = RESTART_S;
		snprintf(worker.bgw_library_name, BGW_MAXLEN, "tsdb");
		snprintf(worker.bgw_function_name, BGW_MAXLEN, "tsdb_ingester_main");
		snprintf(worker.bgw_name, BGW_MAXLEN, "tsdb ingest worker %d", i + 1);
		snprintf(worker.bgw_type, BGW_MAXLEN, "tsdb ingest worker");
		worker.bgw_main_arg = Int32GetDatum(i);
		RegisterBackgroundWorker(&worker);
	}
}

void
tsdb_ingester_main(Datum arg)
{
	pqsignal(SIGHUP, SignalHandlerForConfigReload);
	pqsignal(SIGTERM, SignalHandlerForShutdownRequest);
	pqsignal(SIGINT, StatementCancelHandler); /* lock_timeout comes by it */
	pqsignal(SIGPIPE, SIG_IGN);
	BackgroundWorkerUnblockSignals();
	tsdb_attach(DatumGetInt32(arg));
	raise_file_limit();
	tsdb_session_init();
	tsdb_auth_init();
	tsdb_measurement_init();
	server_context = AllocSetContextCreate(TopMemoryContext, "tsdb ingest server", ALLOCSET_DEFAULT_SIZES);
	turn_context = AllocSetContextCreate(TopMemoryContext, "tsdb ingest requests", ALLOCSET_DEFAULT_SIZES);
	open_server();
	warn_of_anonymous();
	tsdb_attach_done(DatumGetInt32(arg));

	while (!ShutdownRequestPending)
	{
		/* Somebody's cancel that found nothing to cancel. */
		QueryCancelPending = false;
		CHECK_FOR_INTERRUPTS();
		if (ConfigReloadPending)
			reload();
		wait_for_work(false);
		run_turn();
	}
	stop_server();
	/* With 0 the postmaster would not start us again after pg_terminate_backend. */
	proc_exit(1);
}

// private functions

/* Sockets come on top of the files that PostgreSQL reckons with. */
static void
raise_file_limit(void)
{
	struct rlimit limit;
	rlim_t wanted = (rlim_t) max_files_per_process + tsdb_ingest_max_connections * 2 + SPARE_FILES;

	if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY || limit.rlim_cur >= wanted)
		return;
	limit.rlim_cur = limit.rlim_max == RLIM_INFINITY ? wanted : Min(wanted, limit.rlim_max);
	(void) setrlimit(RLIMIT_NOFILE, &limit);
}

static void
open_server(void)
{
	MemoryContext caller = MemoryContextSwitchTo(server_context);
	TsdbHttpLimits http_limits;
	TsdbStreamLimits stream_limits;
	ListCell *lc;

	set_limits(&http_limits, &stream_limits);
	server.addresses = addresses();
	server.http_listeners = tsdb_listen_open(tsdb_http_listen, SOCK_STREAM);
	server.tcp_listeners = tsdb_listen_open(tsdb_tcp_listen, SOCK_STREAM);
	server.udp_listeners = tsdb_listen_open(tsdb_udp_listen, SOCK_DGRAM);
	server.epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (server.epoll_fd < 0)
		ereport(ERROR,
				(errcode_for_socket_access(),
				 errmsg("could not create an epoll descriptor: %m"),
				 errdetail("The line protocol server needs one to wait for its connections."),
				 errhint("Raise the operating system's limit of open files.")));
	server.http = tsdb_http_start(server.http_listeners, &http_limits);
	server.streams = tsdb_streams_start(server.tcp_listeners, server.udp_listeners, &stream_limits);
	foreach (lc, tsdb_http_fds(server.http))
		watch(lfirst_int(lc));
	watch(tsdb_streams_fd(server.streams));
	MemoryContextSwitchTo(caller);
	ereport(LOG, (errmsg("tsdb takes line protocol for database \"%s\" on %s", tsdb_ingest_database, server.addresses)));
}

/* Else a misspelt name would look to clients like a wrong password. */
static void
warn_of_anonymous(void)
{
	MemoryContext caller = CurrentMemoryContext;

	StartTransactionCommand();
	if (tsdb_anonymous_role[0] != '\0' && !OidIsValid(tsdb_auth_anonymous()))
		ereport(LOG,
				(errmsg("tsdb refuses line protocol without credentials"),
				 errdetail("Setting \"tsdb.anonymous_role\" names \"%s\", which is no role that may log in to database \"%s\".",
						   tsdb_anonymous_role, tsdb_ingest_database),
				 errhint("CREATE ROLE ... LOGIN makes one; requests that come later will find it.")));
	CommitTransactionCommand();
	MemoryContextSwitchTo(caller);
}

static void
close_server(void)
{
	tsdb_http_stop(server.http);
	tsdb_streams_stop(server.streams);
	/* Their descriptors are closed. */
	list_free_deep(server.http_listeners);
	tsdb_listen_close(server.tcp_listeners);
	tsdb_listen_close(server.udp_listeners);
	close(server.epoll_fd);
	MemoryContextReset(server_context);
}

/* What listeners depend on, for comparison and for the log. */
static char *
addresses(void)
{
	return psprintf("HTTP \"%s\", TCP \"%s\", UDP \"%s\"", tsdb_http_listen, tsdb_tcp_listen, tsdb_udp_listen);
}

static void
set_limits(TsdbHttpLimits *http, TsdbStreamLimits *stream)
{
	http->body_bytes = (Size) tsdb_ingest_max_body_kb * 1024;
	http->total_bytes = (Size) tsdb_ingest_memory_kb * 1024;
	http->connections = tsdb_ingest_max_connections;
	http->timeout_s = tsdb_ingest_timeout_s;
	stream->line_bytes = http->body_bytes;
	stream->total_bytes = http->total_bytes / 4;
	stream->connections = tsdb_ingest_max_connections;
}

static void
watch(int fd)
{
	struct epoll_event event = {0};

	event.events = EPOLLIN;
	if (epoll_ctl(server.epoll_fd, EPOLL_CTL_ADD, fd, &event) != 0)
		ereport(ERROR,
				(errcode_for_socket_access(),
				 errmsg("could not wait for a socket: %m"),
				 errdetail("The line protocol server can't go on."),
				 errhint("It starts again by itself.")));
}

/* Other addresses: all connections are closed, once their requests are answered. */
static void
reload(void)
{
	TsdbHttpLimits http_limits;
	TsdbStreamLimits stream_limits;
	char *wanted;

	ConfigReloadPending = false;
	ProcessConfigFile(PGC_SIGHUP);
	tsdb_session_init();
	set_limits(&http_limits, &stream_limits);
	tsdb_http_set_limits(server.http, &http_limits);
	wanted = addresses();
	if (strcmp(wanted, server.addresses) != 0)
	{
		stop_server();
		open_server();
	}
	pfree(wanted);
	warn_of_anonymous();
}

static void
wait_for_work(bool is_stopping)
{
	long timeout = tsdb_http_timeout_ms(server.http);

	if (server.keeps_lines)
		timeout = timeout < 0 ? RETRY_MS : Min(timeout, RETRY_MS);
	if (is_stopping)
		timeout = timeout < 0 ? 50 : Min(timeout, 50);
	pgstat_report_activity(STATE_IDLE, NULL);
	if (!is_stopping)
		(void) pgstat_report_stat(false);
	(void) WaitLatchOrSocket(MyLatch, WL_LATCH_SET | WL_SOCKET_READABLE | WL_EXIT_ON_PM_DEATH | (timeout >= 0 ? WL_TIMEOUT : 0),
							 server.epoll_fd, timeout, PG_WAIT_EXTENSION);
	ResetLatch(MyLatch);
}

/* Read, write, answer. */
static void
run_turn(void)
{
	MemoryContext caller = MemoryContextSwitchTo(turn_context);
	Turn turn = {0};

	tsdb_http_run(server.http);
	tsdb_streams_run(server.streams);
	gather();
	collect_requests(&turn);
	collect_lines(&turn);
	count_queue();
	if (turn.nwrites > 0)
		write_all(&turn);
	tsdb_http_run(server.http);
	count_queue();
	MemoryContextSwitchTo(caller);
	MemoryContextReset(turn_context);
}

/*
 * The library reads a body in pieces, one of each connection at a time.  Who is behind by some of them would have to wait for
 * the commit of the first: so go on reading while pieces come, for as long as a commit is worth.
 */
static void
gather(void)
{
	TimestampTz until = GetCurrentTimestamp() + GATHER_MS * INT64CONST(1000);
	int timeout_ms = 1;
	struct epoll_event event;

	while (tsdb_http_gathers(server.http, &timeout_ms) && GetCurrentTimestamp() < until &&
		   (timeout_ms == 0 || epoll_wait(server.epoll_fd, &event, 1, timeout_ms) > 0))
	{
		tsdb_http_run(server.http);
		timeout_ms = 1;
	}
}

static void
collect_requests(Turn *turn)
{
	TsdbHttpRequest *volatile request;

	while ((request = tsdb_http_next(server.http)) != NULL)
	{
		PG_TRY();
		{
			TsdbRoutedWrite *routed = tsdb_routes_serve(request);

			tsdb_counters_add(TSDB_STAT_INGEST_REQUESTS, 1);
			if (routed != NULL)
				(void) add_write(turn, routed, NULL);
		}
		PG_CATCH();
		{
			ErrorData *error = tsdb_session_rollback(turn_context);

			note_trouble(TROUBLE_INTERNAL, error->message, error->detail);
			tsdb_reply_error(request, TSDB_DIALECT_V1, 500, error->message);
		}
		PG_END_TRY();
	}
}

/* Without a role for those who give no name nothing that came over a stream can be written. */
static void
collect_lines(Turn *turn)
{
	TsdbStreamLines lines;
	uint64 lost = tsdb_streams_lost(server.streams);
	Oid role = InvalidOid;

	if (lost > 0)
		note_trouble(TROUBLE_LOST, psprintf("%llu bytes of lines were thrown away", (unsigned long long) lost),
					 "A line was longer than tsdb.ingest_max_body, or more waited than tsdb.ingest_memory allows.");
	server.keeps_lines = false;
	tsdb_streams_rewind(server.streams);
	while (tsdb_streams_take(server.streams, &lines))
	{
		TsdbRoutedWrite *routed;

		if (!OidIsValid(role))
		{
			StartTransactionCommand();
			role = tsdb_auth_anonymous();
			CommitTransactionCommand();
			MemoryContextSwitchTo(turn_context);
		}
		if (!OidIsValid(role))
		{
			note_trouble(TROUBLE_LINES, "lines over TCP and UDP are thrown away",
						 "tsdb.anonymous_role names no role that may log in to the database.");
			tsdb_streams_done(server.streams, &lines, false);
			continue;
		}
		routed = add_write(turn, palloc0(sizeof(TsdbRoutedWrite)), &lines);
		routed->write.role = role;
		routed->write.schema = lines.schema;
		routed->write.lines = lines.lines;
		routed->write.nbytes = lines.nbytes;
		(void) tsdb_precision_parse(NULL, &routed->write.precision);
		routed->write.received_us = GetCurrentTimestamp();
	}
}

static TsdbRoutedWrite *
add_write(Turn *turn, TsdbRoutedWrite *write, const TsdbStreamLines *lines)
{
	if (turn->nwrites == turn->capacity)
	{
		int capacity = Max(16, turn->capacity * 2);

		MemoryContextSwitchTo(turn_context);
		turn->writes = turn->capacity > 0 ? repalloc(turn->writes, sizeof(TsdbRoutedWrite *) * capacity) : palloc(sizeof(TsdbRoutedWrite *) * capacity);
		turn->lines = turn->capacity > 0 ? repalloc(turn->lines, sizeof(TsdbStreamLines) * capacity) : palloc(sizeof(TsdbStreamLines) * capacity);
		turn->capacity = capacity;
	}
	turn->writes[turn->nwrites] = write;
	if (lines != NULL)
		turn->lines[turn->nwrites] = *lines;
	turn->nwrites++;
	return write;
}

static void
write_all(Turn *turn)
{
	TsdbWriteRequest **requests = palloc(sizeof(TsdbWriteRequest *) * turn->nwrites);

	for (int i = 0; i < turn->nwrites; i++)
		requests[i] = &turn->writes[i]->write;
	pgstat_report_activity(STATE_RUNNING, "line protocol");
	tsdb_writer_run(requests, turn->nwrites);
	for (int i = 0; i < turn->nwrites; i++)
	{
		count_write(turn->writes[i]);
		finish_write(turn->writes[i], &turn->lines[i]);
	}
}

static void
finish_write(TsdbRoutedWrite *routed, TsdbStreamLines *lines)
{
	bool is_retry = routed->write.status == TSDB_WRITE_RETRY;

	if (is_retry)
		note_trouble(TROUBLE_RETRY, "the line protocol server could not write now", routed->write.message);
	if (routed->request != NULL)
	{
		tsdb_reply_write(routed->request, routed->dialect, &routed->write);
		return;
	}
	if (routed->write.status != TSDB_WRITE_DONE && !is_retry)
		note_trouble(TROUBLE_LINES, "lines over TCP or UDP could not be written", routed->write.message);
	server.keeps_lines |= is_retry;
	tsdb_streams_done(server.streams, lines, is_retry);
}

static void
count_write(const TsdbRoutedWrite *routed)
{
	tsdb_counters_add(TSDB_STAT_INGEST_POINTS, routed->write.npoints);
	tsdb_counters_add(TSDB_STAT_INGEST_REJECTED, routed->write.nrejected);
	if (routed->write.status == TSDB_WRITE_RETRY)
		tsdb_counters_add(TSDB_STAT_INGEST_RETRIES, 1);
	else
		tsdb_counters_add(TSDB_STAT_INGEST_BYTES, routed->write.nbytes);
	tsdb_counters_time(TSDB_STAT_INGEST, GetCurrentTimestamp() - routed->write.received_us);
}

/* The statistics add; of what comes and goes they get the difference. */
static void
count_queue(void)
{
	uint64 bytes = tsdb_http_bytes(server.http);

	tsdb_counters_add(TSDB_STAT_INGEST_QUEUE_BYTES, bytes - server.queue_bytes);
	server.queue_bytes = bytes;
}

static void
note_trouble(Trouble which, const char *message, const char *detail)
{
	static TimestampTz last[NTROUBLES];
	static uint64 unreported[NTROUBLES];
	TimestampTz now = GetCurrentTimestamp();

	unreported[which]++;
	if (last[which] != 0 && !TimestampDifferenceExceeds(last[which], now, TROUBLE_MS))
		return;
	ereport(LOG,
			(errmsg("tsdb ingest: %s", message),
			 detail != NULL ? errdetail_internal("%s", detail) : 0,
			 unreported[which] > 1 ? errcontext("%llu times since the last line about it", (unsigned long long) unreported[which]) : 0));
	last[which] = now;
	unreported[which] = 0;
}

/* Take nothing new, answer what is here, close. */
static void
stop_server(void)
{
	TimestampTz began = GetCurrentTimestamp();

	tsdb_http_quiesce(server.http);
	tsdb_streams_quiesce(server.streams);
	do
	{
		run_turn();
		if (tsdb_http_pending(server.http) == 0)
			break;
		wait_for_work(true);
	} while (!TimestampDifferenceExceeds(began, GetCurrentTimestamp(), STOP_MS));
	close_server();
}
