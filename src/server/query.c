/*-------------------------------------------------------------------------
 *
 * query.c
 *	  The statements of InfluxQL that clients need before they write.
 *
 * The answers' shapes are those recorded from InfluxDB 1.x.  A database is a schema, a measurement a table of it.
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/namespace.h"
#include "common/string.h"
#include "executor/spi.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "proto/form.h"
#include "server/query.h"
#include "server/reply.h"
#include "server/session.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/json.h"

/* A statement being read. */
typedef struct Reader
{
	const char *start;
	const char *at;
	char *word; /* the next word, NULL at the end of a statement; identifiers without their quotes */
	bool is_quoted;
	const char *word_at;
} Reader;

static char *query_text(TsdbHttpRequest *request);
static bool is_readable(const char *text);
static char *query_argument(TsdbHttpRequest *request, const char *name);
static bool serve_statement(Reader *reader, TsdbHttpRequest *request, Oid role, StringInfo result);
static void next_word(Reader *reader);
static bool accept(Reader *reader, const char *keyword);
static void skip_statement(Reader *reader);
static void parse_error(Reader *reader, TsdbHttpRequest *request, const char *expected);
static void create_database(const char *name, const char *statement, Oid role, StringInfo result);
static void show_databases(Oid role, StringInfo result);
static void show_measurements(const char *database, Oid role, StringInfo result);
static void show_policies(StringInfo result);
static void append_values(StringInfo result, const char *series, const char *column, const char *query,
						  const char *argument, Oid role);
static void append_error(StringInfo result, const char *message);

void
tsdb_query_serve(TsdbHttpRequest *request, Oid role)
{
	char *text = query_text(request);
	Reader reader = {0};
	StringInfoData json;
	int statement_id = 0;

	if (text == NULL)
	{
		tsdb_reply_error(request, TSDB_DIALECT_V1, 400, "missing required parameter \"q\"");
		return;
	}
	if (!is_readable(text))
	{
		tsdb_reply_error(request, TSDB_DIALECT_V1, 400, "the query is not UTF-8, or not valid in the encoding of the database");
		return;
	}
	initStringInfo(&json);
	appendStringInfoString(&json, "{\"results\":[");
	reader.start = reader.at = text;
	for (;;)
	{
		StringInfoData result;

		next_word(&reader);
		while (reader.word == NULL && *reader.at == ';')
		{
			reader.at++;
			next_word(&reader);
		}
		if (reader.word == NULL && statement_id > 0)
			break;
		initStringInfo(&result);
		if (!serve_statement(&reader, request, role, &result))
			return;
		appendStringInfo(&json, "%s{\"statement_id\":%d%s}", statement_id > 0 ? "," : "", statement_id, result.data);
		statement_id++;
	}
	appendStringInfoString(&json, "]}");
	tsdb_reply_json(request, 200, json.data);
}

// private functions

/* q of the URL or of a form; or the whole body. */
static char *
query_text(TsdbHttpRequest *request)
{
	char *text = query_argument(request, "q");
	const char *type = tsdb_http_header(request, "Content-Type");

	if (text == NULL && type != NULL && pg_strncasecmp(type, "application/vnd.influxql", 24) == 0)
	{
		Size nbytes;

		text = tsdb_http_body(request, &nbytes);
	}
	return text;
}

/* UTF-8; databases of other encodings have names of ASCII here. */
static bool
is_readable(const char *text)
{
	if (!pg_verify_mbstr(PG_UTF8, text, (int) strlen(text), true))
		return false;
	return GetDatabaseEncoding() == PG_UTF8 || GetDatabaseEncoding() == PG_SQL_ASCII || pg_is_ascii(text);
}

/* Of the URL, or of a form in the body. */
static char *
query_argument(TsdbHttpRequest *request, const char *name)
{
	const char *argument = tsdb_http_argument(request, name);
	Size nbytes;
	char *body = tsdb_http_body(request, &nbytes);
	char *value;

	if (argument != NULL)
		return pstrdup(argument);
	value = palloc(nbytes + 1);
	return tsdb_form_find(body, nbytes, name, value) ? value : NULL;
}

/* Append what goes into the statement's result; false: the request has been answered with an error. */
static bool
serve_statement(Reader *reader, TsdbHttpRequest *request, Oid role, StringInfo result)
{
	const char *begin = reader->word_at;
	char *database = query_argument(request, "db");

	if (accept(reader, "CREATE"))
	{
		char *name;

		if (!accept(reader, "DATABASE"))
		{
			parse_error(reader, request, "DATABASE");
			return false;
		}
		if (reader->word == NULL)
		{
			parse_error(reader, request, "identifier");
			return false;
		}
		name = reader->word;
		skip_statement(reader);
		create_database(name, pnstrdup(begin, reader->at - begin), role, result);
		return true;
	}
	if (!accept(reader, "SHOW"))
	{
		parse_error(reader, request, "CREATE, SHOW");
		return false;
	}
	if (accept(reader, "DATABASES"))
		show_databases(role, result);
	else if (accept(reader, "MEASUREMENTS"))
		show_measurements(accept(reader, "ON") && reader->word != NULL ? reader->word : database, role, result);
	else if (accept(reader, "RETENTION") && accept(reader, "POLICIES"))
		show_policies(result);
	else
	{
		parse_error(reader, request, "DATABASES, MEASUREMENTS, RETENTION");
		return false;
	}
	skip_statement(reader);
	return true;
}

static void
next_word(Reader *reader)
{
	StringInfoData word;

	while (isspace((unsigned char) *reader->at))
		reader->at++;
	reader->word_at = reader->at;
	reader->word = NULL;
	reader->is_quoted = *reader->at == '"';
	if (*reader->at == '\0' || *reader->at == ';')
		return;
	initStringInfo(&word);
	if (reader->is_quoted)
	{
		for (reader->at++; *reader->at != '\0' && *reader->at != '"'; reader->at++)
		{
			if (*reader->at == '\\' && reader->at[1] != '\0')
				reader->at++;
			appendStringInfoChar(&word, *reader->at);
		}
		if (*reader->at == '"')
			reader->at++;
	}
	else
		do
			appendStringInfoChar(&word, *reader->at++);
		while (isalnum((unsigned char) *reader->at) || *reader->at == '_' || IS_HIGHBIT_SET(*reader->at));
	reader->word = word.data;
}

static bool
accept(Reader *reader, const char *keyword)
{
	if (reader->word == NULL || reader->is_quoted || pg_strcasecmp(reader->word, keyword) != 0)
		return false;
	next_word(reader);
	return true;
}

/* Limits, durations of retention and the like change nothing here. */
static void
skip_statement(Reader *reader)
{
	while (reader->word != NULL)
		next_word(reader);
}

static void
parse_error(Reader *reader, TsdbHttpRequest *request, const char *expected)
{
	tsdb_reply_error(request, TSDB_DIALECT_V1, 400,
					 psprintf("error parsing query: found %s, expected %s at line 1, char %d",
							  reader->word != NULL ? reader->word : "EOF", expected,
							  (int) (reader->word_at - reader->start) + 1));
}

static void
create_database(const char *name, const char *statement, Oid role, StringInfo result)
{
	MemoryContext context = CurrentMemoryContext;
	char *volatile user = NULL;

	if (strlen(name) >= NAMEDATALEN)
	{
		append_error(result, psprintf("invalid name: \"%s\" is longer than %d bytes", name, NAMEDATALEN - 1));
		return;
	}
	PG_TRY();
	{
		tsdb_session_begin(role);
		user = MemoryContextStrdup(context, GetUserNameFromId(role, false));
		if (!OidIsValid(get_namespace_oid(name, true)))
			tsdb_session_execute(psprintf("CREATE SCHEMA IF NOT EXISTS %s", quote_identifier(name)));
		tsdb_session_commit();
	}
	PG_CATCH();
	{
		ErrorData *error = tsdb_session_rollback(context);

		if (error->sqlerrcode == ERRCODE_INSUFFICIENT_PRIVILEGE && user != NULL)
			append_error(result, psprintf("error authorizing query: %s not authorized to execute statement '%s', requires admin privilege",
										  user, statement));
		else
			append_error(result, error->message);
	}
	PG_END_TRY();
}

static void
show_databases(Oid role, StringInfo result)
{
	append_values(result, "databases", "name",
				  "SELECT nspname::text FROM pg_namespace WHERE nspname NOT LIKE 'pg\\_%' AND nspname NOT IN ('information_schema', 'tsdb')"
				  " AND has_schema_privilege(oid, 'USAGE') AND $1::text IS NULL ORDER BY 1",
				  NULL, role);
}

static void
show_measurements(const char *database, Oid role, StringInfo result)
{
	if (database == NULL || *database == '\0')
		append_error(result, "database name required");
	else
		append_values(result, "measurements", "name",
					  "SELECT c.relname::text FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
					  " WHERE n.nspname = $1 AND c.relkind IN ('r', 'p', 'v', 'm') AND NOT c.relispartition"
					  " AND has_schema_privilege(n.oid, 'USAGE') AND has_table_privilege(c.oid, 'SELECT, INSERT') ORDER BY 1",
					  database, role);
}

static void
show_policies(StringInfo result)
{
	appendStringInfoString(result, ",\"series\":[{\"columns\":[\"name\",\"duration\",\"shardGroupDuration\",\"replicaN\",\"default\"],"
								   "\"values\":[[\"autogen\",\"0s\",\"168h0m0s\",1,true]]}]");
}

/* One series of one column: the rows of a query with one text argument. */
static void
append_values(StringInfo result, const char *series, const char *column, const char *query,
			  const char *argument, Oid role)
{
	MemoryContext context = CurrentMemoryContext;
	Oid types[1] = {TEXTOID};
	Datum values[1] = {(Datum) 0};
	char nulls[1] = {argument != NULL ? ' ' : 'n'};
	StringInfoData rows;
	ErrorData *volatile error = NULL;

	initStringInfo(&rows);
	PG_TRY();
	{
		tsdb_session_begin(role);
		if (argument != NULL)
			values[0] = CStringGetTextDatum(argument);
		if (SPI_connect() != SPI_OK_CONNECT ||
			SPI_execute_with_args(query, 1, types, values, nulls, true, 0) != SPI_OK_SELECT)
			elog(ERROR, "could not read the catalog");
		for (uint64 i = 0; i < SPI_processed; i++)
		{
			appendStringInfoString(&rows, i > 0 ? ",[" : "[");
			escape_json(&rows, SPI_getvalue(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, 1));
			appendStringInfoChar(&rows, ']');
		}
		SPI_finish();
		tsdb_session_commit();
	}
	PG_CATCH();
	{
		error = tsdb_session_rollback(context);
	}
	PG_END_TRY();
	if (error != NULL)
		append_error(result, error->message);
	else if (rows.len > 0)
		appendStringInfo(result, ",\"series\":[{\"name\":\"%s\",\"columns\":[\"%s\"],\"values\":[%s]}]", series, column, rows.data);
	else if (strcmp(series, "databases") == 0)
		appendStringInfo(result, ",\"series\":[{\"name\":\"%s\",\"columns\":[\"%s\"]}]", series, column);
}

static void
append_error(StringInfo result, const char *message)
{
	appendStringInfoString(result, ",\"error\":");
	escape_json(result, message);
}
