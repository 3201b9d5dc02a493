/*-------------------------------------------------------------------------
 *
 * reply.c
 *	  Answers to HTTP clients as InfluxDB gives them.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "mb/pg_wchar.h"
#include "server/reply.h"
#include "utils/json.h"

#define RETRY_SECONDS "1"

static void set_request_id(TsdbHttpRequest *request);
static const char *printable(const char *message);
static const char *code_name(int status);

void
tsdb_reply_empty(TsdbHttpRequest *request, int status)
{
	tsdb_reply_text(request, status, "application/json", "");
}

void
tsdb_reply_text(TsdbHttpRequest *request, int status, const char *content_type, const char *text)
{
	tsdb_http_set_header(request, "X-Influxdb-Version", TSDB_REPLY_VERSION);
	tsdb_http_set_header(request, "X-Influxdb-Build", "OSS");
	set_request_id(request);
	tsdb_http_answer(request, status, content_type, text, strlen(text));
}

void
tsdb_reply_json(TsdbHttpRequest *request, int status, const char *json)
{
	tsdb_reply_text(request, status, "application/json", psprintf("%s\n", json));
}

void
tsdb_reply_error(TsdbHttpRequest *request, TsdbDialect dialect, int status, const char *message)
{
	StringInfoData json;

	message = printable(message);
	initStringInfo(&json);
	if (dialect == TSDB_DIALECT_V1)
	{
		tsdb_http_set_header(request, "X-Influxdb-Error", message);
		appendStringInfoString(&json, "{\"error\":");
	}
	else
		appendStringInfo(&json, "{\"code\":\"%s\",\"message\":", code_name(status));
	escape_json(&json, message);
	appendStringInfoString(&json, "}");
	if (status == 429 || status == 503)
		tsdb_http_set_header(request, "Retry-After", RETRY_SECONDS);
	tsdb_reply_json(request, status, json.data);
}

void
tsdb_reply_auth(TsdbHttpRequest *request, TsdbDialect dialect, TsdbAuthResult result)
{
	tsdb_http_set_header(request, "WWW-Authenticate", "Basic realm=\"InfluxDB\"");
	if (dialect == TSDB_DIALECT_V2)
		tsdb_reply_error(request, dialect, 401, "unauthorized access");
	else
		tsdb_reply_error(request, dialect, 401,
						 result == TSDB_AUTH_FAILED ? "authorization failed" : "unable to parse authentication credentials");
}

void
tsdb_reply_fault(TsdbHttpRequest *request, TsdbDialect dialect, TsdbBodyFault fault)
{
	switch (fault)
	{
		case TSDB_BODY_TOO_LARGE:
			tsdb_reply_error(request, dialect, 413, "Request Entity Too Large");
			break;
		case TSDB_BODY_NO_ROOM:
			tsdb_reply_error(request, dialect, 503, "too many bytes wait to be written; come back later");
			break;
		case TSDB_BODY_ENCODING:
			tsdb_reply_error(request, dialect, 415, "unknown content encoding; gzip and identity are understood");
			break;
		default:
			tsdb_reply_error(request, dialect, 400, "body is not what its content encoding says");
			break;
	}
}

void
tsdb_reply_write(TsdbHttpRequest *request, TsdbDialect dialect, const TsdbWriteRequest *write)
{
	switch (write->status)
	{
		case TSDB_WRITE_DONE:
			tsdb_reply_empty(request, 204);
			break;
		case TSDB_WRITE_PARTIAL:
		case TSDB_WRITE_REJECTED:
			tsdb_reply_error(request, dialect, 400, write->message);
			break;
		case TSDB_WRITE_NO_SCHEMA:
			tsdb_reply_error(request, dialect, 404, write->message);
			break;
		case TSDB_WRITE_FORBIDDEN:
			tsdb_reply_error(request, dialect, 403, write->message);
			break;
		case TSDB_WRITE_RETRY:
			tsdb_reply_error(request, dialect, 503, write->message);
			break;
	}
}

// private functions

/* The client's own, or a number that tells requests apart in logs. */
static void
set_request_id(TsdbHttpRequest *request)
{
	const char *given = tsdb_http_header(request, "X-Request-Id");
	uint64 number[2] = {0};

	if (given == NULL)
		given = tsdb_http_header(request, "Request-Id");
	if (given == NULL)
	{
		(void) pg_strong_random(number, sizeof(number));
		given = psprintf("%08x-%04x-4%03x-a%03x-%012llx", (uint32) number[0], (uint32) (number[0] >> 48),
						 (uint32) (number[0] >> 32) & 0xfff, (uint32) (number[1] >> 48) & 0xfff,
						 (unsigned long long) (number[1] & UINT64CONST(0xffffffffffff)));
	}
	tsdb_http_set_header(request, "Request-Id", given);
	tsdb_http_set_header(request, "X-Request-Id", given);
}

/* Parts of a request are repeated in errors, and may be anything. */
static const char *
printable(const char *message)
{
	char *copy;

	if (pg_verify_mbstr(PG_UTF8, message, (int) strlen(message), true))
		return message;
	copy = pstrdup(message);
	for (char *c = copy; *c != '\0'; c++)
		if (IS_HIGHBIT_SET(*c))
			*c = '?';
	return copy;
}

/* InfluxDB 2's names of statuses. */
static const char *
code_name(int status)
{
	switch (status)
	{
		case 401:
			return "unauthorized";
		case 403:
			return "forbidden";
		case 404:
			return "not found";
		case 405:
			return "method not allowed";
		case 413:
			return "request too large";
		case 429:
			return "too many requests";
		case 500:
			return "internal error";
		case 503:
			return "unavailable";
		default:
			return "invalid";
	}
}
