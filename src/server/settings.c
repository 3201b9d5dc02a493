/*-------------------------------------------------------------------------
 *
 * settings.c
 *	  Settings of the ingest server.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <limits.h>

#include "series/options.h"
#include "server/listen.h"
#include "server/settings.h"
#include "utils/guc.h"

char *tsdb_ingest_database = NULL;
int tsdb_ingest_workers = 1;
char *tsdb_http_listen = NULL;
char *tsdb_tcp_listen = NULL;
char *tsdb_udp_listen = NULL;
int tsdb_ingest_memory_kb = 256 * 1024;
int tsdb_ingest_max_body_kb = 25000;
int tsdb_ingest_max_connections = 4096;
int tsdb_ingest_timeout_s = 60;
char *tsdb_anonymous_role = NULL;
char *tsdb_default_sample_interval = NULL;

static void define_addresses(void);
static void define_limits(void);
static bool check_addresses(char **value, void **extra, GucSource source);
static bool check_sample_interval(char **value, void **extra, GucSource source);

void
tsdb_settings_init(void)
{
	DefineCustomStringVariable("tsdb.ingest_database", "Database that the line protocol server writes into.",
							   "Empty: there is no server.",
							   &tsdb_ingest_database, "", PGC_POSTMASTER, 0, NULL, NULL, NULL);
	DefineCustomIntVariable("tsdb.ingest_workers", "Processes that share the line protocol server's ports.", NULL,
							&tsdb_ingest_workers, 1, 1, TSDB_MAX_INGEST_WORKERS, PGC_POSTMASTER, 0, NULL, NULL, NULL);
	DefineCustomStringVariable("tsdb.anonymous_role", "Role of line protocol requests without credentials.",
							   "Empty: they are refused.  Raw TCP and UDP always act as this role.",
							   &tsdb_anonymous_role, "", PGC_SIGHUP, GUC_SUPERUSER_ONLY, NULL, NULL, NULL);
	DefineCustomStringVariable("tsdb.default_sample_interval", "Grid of the tables that the line protocol server makes.",
							   "An interval such as '1us', which keeps every sample apart.",
							   &tsdb_default_sample_interval, "1us", PGC_SIGHUP, 0, check_sample_interval, NULL, NULL);
	define_addresses();
	define_limits();
}

// private functions

static void
define_addresses(void)
{
	DefineCustomStringVariable("tsdb.http_listen", "Addresses where line protocol is taken over HTTP.",
							   "A list of host:port; empty: none.",
							   &tsdb_http_listen, "127.0.0.1:8086", PGC_SIGHUP, GUC_LIST_INPUT, check_addresses, NULL, NULL);
	DefineCustomStringVariable("tsdb.tcp_listen", "Addresses where lines are taken over TCP.",
							   "A list of host:port/schema; empty: none.",
							   &tsdb_tcp_listen, "", PGC_SIGHUP, GUC_LIST_INPUT, check_addresses, NULL, NULL);
	DefineCustomStringVariable("tsdb.udp_listen", "Addresses where lines are taken over UDP.",
							   "A list of host:port/schema; empty: none.",
							   &tsdb_udp_listen, "", PGC_SIGHUP, GUC_LIST_INPUT, check_addresses, NULL, NULL);
}

static void
define_limits(void)
{
	DefineCustomIntVariable("tsdb.ingest_memory", "Memory of requests that wait, for each process of the line protocol server.",
							"Beyond it clients are told to come back.",
							&tsdb_ingest_memory_kb, 256 * 1024, 1024, INT_MAX, PGC_SIGHUP, GUC_UNIT_KB, NULL, NULL, NULL);
	DefineCustomIntVariable("tsdb.ingest_max_body", "Largest body of a line protocol request, unpacked.", NULL,
							&tsdb_ingest_max_body_kb, 25000, 1, 1000000, PGC_SIGHUP, GUC_UNIT_KB, NULL, NULL, NULL);
	DefineCustomIntVariable("tsdb.ingest_max_connections", "Connections that each process of the line protocol server keeps.", NULL,
							&tsdb_ingest_max_connections, 4096, 1, 1000000, PGC_POSTMASTER, 0, NULL, NULL, NULL);
	DefineCustomIntVariable("tsdb.ingest_timeout", "Time after which a silent connection of the line protocol server is closed.", NULL,
							&tsdb_ingest_timeout_s, 60, 1, 86400, PGC_POSTMASTER, GUC_UNIT_S, NULL, NULL, NULL);
}

static bool
check_addresses(char **value, void **extra, GucSource source)
{
	if (tsdb_listen_is_valid(*value))
		return true;
	GUC_check_errdetail("It must be a list of host:port, or port alone.");
	GUC_check_errhint("For instance 127.0.0.1:8086, or *:8086 for all interfaces; lines over TCP and UDP may have a schema behind them: 127.0.0.1:8094/public.");
	return false;
}

static bool
check_sample_interval(char **value, void **extra, GucSource source)
{
	if (tsdb_options_is_sample_interval(*value))
		return true;
	GUC_check_errdetail("It must be an interval with a unit that divides a day or is a multiple of one.");
	GUC_check_errhint("For instance 1us, 100ms, 10s or 1min.");
	return false;
}
