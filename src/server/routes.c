/*-------------------------------------------------------------------------
 *
 * routes.c
 *	  Which request is answered how.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "pg/counters.h"
#include "server/query.h"
#include "server/routes.h"
#include "utils/timestamp.h"

typedef TsdbRoutedWrite *(*Handler)(TsdbHttpRequest *request);

typedef struct Route
{
	const char *path;
	const char *methods; /* that are allowed, as in the header Allow */
	Handler handler;
} Route;

static TsdbRoutedWrite *serve_write_v1(TsdbHttpRequest *request);
static TsdbRoutedWrite *serve_write_v2(TsdbHttpRequest *request);
static TsdbRoutedWrite *make_write(TsdbHttpRequest *request, TsdbDialect dialect, char *schema);
static bool set_precision(TsdbHttpRequest *request, TsdbDialect dialect, TsdbPrecision *precision);
static bool set_role(TsdbHttpRequest *request, TsdbDialect dialect, Oid *role);
static TsdbRoutedWrite *serve_query(TsdbHttpRequest *request);
static TsdbRoutedWrite *serve_ping(TsdbHttpRequest *request);
static TsdbRoutedWrite *serve_health(TsdbHttpRequest *request);
static TsdbRoutedWrite *serve_metrics(TsdbHttpRequest *request);
static bool is_default_policy(const char *policy);
static bool method_allowed(const char *methods, const char *method);

static const Route routes[] = {
	{"/write", "OPTIONS, POST", serve_write_v1},
	{"/api/v2/write", "OPTIONS, POST", serve_write_v2},
	{"/query", "GET, OPTIONS, POST", serve_query},
	{"/ping", "GET, HEAD, OPTIONS", serve_ping},
	{"/health", "GET, HEAD, OPTIONS", serve_health},
	{"/metrics", "GET, HEAD, OPTIONS", serve_metrics}};

TsdbRoutedWrite *
tsdb_routes_serve(TsdbHttpRequest *request)
{
	const char *method = tsdb_http_method(request);

	for (int i = 0; i < (int) lengthof(routes); i++)
	{
		if (strcmp(tsdb_http_path(request), routes[i].path) != 0)
			continue;
		if (!method_allowed(routes[i].methods, method))
		{
			tsdb_http_set_header(request, "Allow", routes[i].methods);
			tsdb_reply_error(request, TSDB_DIALECT_V1, 405, "Method Not Allowed");
			return NULL;
		}
		if (strcmp(method, "OPTIONS") == 0)
		{
			tsdb_http_set_header(request, "Allow", routes[i].methods);
			tsdb_reply_empty(request, 204);
			return NULL;
		}
		return routes[i].handler(request);
	}
	tsdb_reply_error(request, TSDB_DIALECT_V1, 404, "404 page not found");
	return NULL;
}

// private functions

static TsdbRoutedWrite *
serve_write_v1(TsdbHttpRequest *request)
{
	const char *database = tsdb_http_argument(request, "db");
	const char *policy = tsdb_http_argument(request, "rp");

	if (database == NULL || *database == '\0')
	{
		tsdb_reply_error(request, TSDB_DIALECT_V1, 400, "database is required");
		return NULL;
	}
	if (!is_default_policy(policy))
	{
		tsdb_reply_error(request, TSDB_DIALECT_V1, 500, psprintf("retention policy not found: %s", policy));
		return NULL;
	}
	return make_write(request, TSDB_DIALECT_V1, pstrdup(database));
}

/* The bucket is database, or database/policy. */
static TsdbRoutedWrite *
serve_write_v2(TsdbHttpRequest *request)
{
	const char *bucket = tsdb_http_argument(request, "bucket");
	char *database;
	char *slash;

	if (bucket == NULL || *bucket == '\0' || *bucket == '/')
	{
		tsdb_reply_error(request, TSDB_DIALECT_V2, 400, "bucket is required");
		return NULL;
	}
	database = pstrdup(bucket);
	slash = strchr(database, '/');
	if (slash != NULL)
	{
		*slash = '\0';
		if (!is_default_policy(slash + 1))
		{
			tsdb_reply_error(request, TSDB_DIALECT_V2, 404, psprintf("bucket \"%s\" not found", bucket));
			return NULL;
		}
	}
	return make_write(request, TSDB_DIALECT_V2, database);
}

static TsdbRoutedWrite *
make_write(TsdbHttpRequest *request, TsdbDialect dialect, char *schema)
{
	TsdbRoutedWrite *routed = palloc0(sizeof(TsdbRoutedWrite));

	if (!set_precision(request, dialect, &routed->write.precision) || !set_role(request, dialect, &routed->write.role))
		return NULL;
	if (tsdb_http_fault(request) != TSDB_BODY_OK)
	{
		tsdb_reply_fault(request, dialect, tsdb_http_fault(request));
		return NULL;
	}
	routed->request = request;
	routed->dialect = dialect;
	routed->write.schema = schema;
	routed->write.lines = tsdb_http_body(request, &routed->write.nbytes);
	routed->write.received_us = GetCurrentTimestamp();
	return routed;
}

static bool
set_precision(TsdbHttpRequest *request, TsdbDialect dialect, TsdbPrecision *precision)
{
	const char *name = tsdb_http_argument(request, "precision");

	if (tsdb_precision_parse(name, precision))
		return true;
	tsdb_reply_error(request, dialect, 400,
					 psprintf("invalid precision \"%s\" (use n, u, ms, s, m or h)", name));
	return false;
}

/* Answers, and returns false, when the request is not let in. */
static bool
set_role(TsdbHttpRequest *request, TsdbDialect dialect, Oid *role)
{
	TsdbAuthResult result;

	StartTransactionCommand();
	result = tsdb_auth_check(tsdb_http_header(request, "Authorization"), tsdb_http_argument(request, "u"),
							 tsdb_http_argument(request, "p"), role);
	CommitTransactionCommand();
	if (result == TSDB_AUTH_OK)
		return true;
	tsdb_counters_add(TSDB_STAT_INGEST_REFUSED, 1);
	tsdb_reply_auth(request, dialect, result);
	return false;
}

static TsdbRoutedWrite *
serve_query(TsdbHttpRequest *request)
{
	Oid role;

	if (!set_role(request, TSDB_DIALECT_V1, &role))
		return NULL;
	if (tsdb_http_fault(request) != TSDB_BODY_OK)
		tsdb_reply_fault(request, TSDB_DIALECT_V1, tsdb_http_fault(request));
	else
		tsdb_query_serve(request, role);
	return NULL;
}

static TsdbRoutedWrite *
serve_ping(TsdbHttpRequest *request)
{
	const char *verbose = tsdb_http_argument(request, "verbose");

	if (verbose != NULL && strcmp(verbose, "false") != 0 && strcmp(verbose, "0") != 0)
		tsdb_reply_json(request, 200, "{\"version\":\"" TSDB_REPLY_VERSION "\"}");
	else
		tsdb_reply_empty(request, 204);
	return NULL;
}

static TsdbRoutedWrite *
serve_health(TsdbHttpRequest *request)
{
	tsdb_reply_json(request, 200, "{\"checks\":[],\"message\":\"ready for queries and writes\",\"name\":\"influxdb\","
								  "\"status\":\"pass\",\"version\":\"" TSDB_REPLY_VERSION "\"}");
	return NULL;
}

/* Prometheus' text format. */
static TsdbRoutedWrite *
serve_metrics(TsdbHttpRequest *request)
{
	StringInfoData text;

	initStringInfo(&text);
	for (int i = 0; i < TSDB_NSTATS; i++)
	{
		TsdbStatisticValue value;

		tsdb_counters_read((TsdbStatistic) i, &value);
		appendStringInfo(&text, "# TYPE tsdb_%s_total counter\ntsdb_%s_total " UINT64_FORMAT "\n",
						 value.name, value.name, value.count);
		if (value.is_duration)
			appendStringInfo(&text,
							 "# TYPE tsdb_%s_seconds summary\ntsdb_%s_seconds{quantile=\"0.5\"} %.6f\n"
							 "tsdb_%s_seconds{quantile=\"0.99\"} %.6f\n",
							 value.name, value.name, value.p50_us / 1e6, value.name, value.p99_us / 1e6);
	}
	tsdb_reply_text(request, 200, "text/plain; version=0.0.4", text.data);
	return NULL;
}

static bool
is_default_policy(const char *policy)
{
	return policy == NULL || *policy == '\0' || strcmp(policy, "autogen") == 0 || strcmp(policy, "default") == 0;
}

/* methods is a list with ", " between its elements. */
static bool
method_allowed(const char *methods, const char *method)
{
	Size length = strlen(method);

	for (const char *at = methods; (at = strstr(at, method)) != NULL; at += length)
		if ((at == methods || at[-1] == ' ') && (at[length] == '\0' || at[length] == ','))
			return true;
	return false;
}
