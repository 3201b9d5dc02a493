/*-------------------------------------------------------------------------
 *
 * pointsql.c
 *	  Rows of tables that only the executor can write: heap tables, partitions, triggers, checks, policies.
 *
 * Whole rows are inserted: columns that the line doesn't name get their defaults.
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "server/pointsql.h"
#include "server/session.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/timestamp.h"

#define MAX_ROWS 1000 /* of an INSERT */
#define MAX_BYTES (1024 * 1024)

/* An INSERT that grows. */
typedef struct TsdbSqlRows
{
	Oid relid;
	StringInfoData columns;
	StringInfoData command;
	int nrows;
} TsdbSqlRows;

static void begin_command(TsdbSqlRows *rows, const TsdbMeasurement *measurement, const char *columns);
static void append_tags(StringInfo columns, StringInfo values, const TsdbMeasurement *measurement, const TsdbLinePoint *point);
static void append_fields(StringInfo columns, StringInfo values, const TsdbMeasurement *measurement, const TsdbLinePoint *point);
static bool comes_again(const TsdbLinePoint *point, uint32 place);
static void append_value(StringInfo columns, StringInfo values, const TsdbTarget *target, const char *value);
static const char *time_column(const TsdbMeasurement *measurement);
static char *field_text(const TsdbLineField *field);

void
tsdb_pointsql_begin(TsdbPointBatch *batch)
{
	if (batch->sql_rows != NULL)
		batch->sql_rows->nrows = 0;
}

void
tsdb_pointsql_add(TsdbPointBatch *batch, const TsdbLinePoint *point, int64 time)
{
	TsdbMeasurement *measurement = batch->measurement;
	TsdbSqlRows *rows = batch->sql_rows;
	StringInfoData columns;
	StringInfoData values;

	if (rows == NULL)
	{
		MemoryContext caller = MemoryContextSwitchTo(batch->context);

		batch->sql_rows = rows = palloc0(sizeof(TsdbSqlRows));
		initStringInfo(&rows->columns);
		initStringInfo(&rows->command);
		MemoryContextSwitchTo(caller);
	}
	initStringInfo(&columns);
	initStringInfo(&values);
	appendStringInfoString(&columns, quote_identifier(time_column(measurement)));
	appendStringInfo(&values, "('%s'", timestamptz_to_str(time));
	append_tags(&columns, &values, measurement, point);
	append_fields(&columns, &values, measurement, point);
	appendStringInfoChar(&values, ')');

	if (rows->nrows == MAX_ROWS || rows->command.len + values.len > MAX_BYTES || rows->relid != measurement->relid ||
		strcmp(rows->columns.data, columns.data) != 0)
		tsdb_pointsql_flush(batch);
	if (rows->nrows == 0)
		begin_command(rows, measurement, columns.data);
	else
		appendStringInfoString(&rows->command, ", ");
	appendBinaryStringInfo(&rows->command, values.data, values.len);
	rows->nrows++;
}

void
tsdb_pointsql_flush(TsdbPointBatch *batch)
{
	TsdbSqlRows *rows = batch->sql_rows;

	if (rows == NULL || rows->nrows == 0)
		return;
	rows->nrows = 0;
	tsdb_session_execute(rows->command.data);
}

// private functions

static void
begin_command(TsdbSqlRows *rows, const TsdbMeasurement *measurement, const char *columns)
{
	rows->relid = measurement->relid;
	resetStringInfo(&rows->columns);
	appendStringInfoString(&rows->columns, columns);
	resetStringInfo(&rows->command);
	appendStringInfo(&rows->command, "INSERT INTO %s (%s) VALUES ",
					 quote_qualified_identifier(get_namespace_name(measurement->key.schema), measurement->key.name), columns);
}

static void
append_tags(StringInfo columns, StringInfo values, const TsdbMeasurement *measurement, const TsdbLinePoint *point)
{
	for (uint32 i = 0; i < point->ntags; i++)
	{
		char *key = palloc(point->tags[i].key.nbytes + 1);
		char *value = palloc(point->tags[i].value.nbytes + 1);
		uint32 nbytes = tsdb_line_unescape_key(point->tags[i].key, key);

		value[tsdb_line_unescape_key(point->tags[i].value, value)] = '\0';
		append_value(columns, values, tsdb_measurement_column(measurement, key, nbytes, true), value);
	}
}

/* Of a field that comes twice the last value counts. */
static void
append_fields(StringInfo columns, StringInfo values, const TsdbMeasurement *measurement, const TsdbLinePoint *point)
{
	for (uint32 i = 0; i < point->nfields; i++)
	{
		char *key = palloc(point->fields[i].key.nbytes + 1);
		uint32 nbytes = tsdb_line_unescape_name(point->fields[i].key, key);
		const TsdbTarget *target = tsdb_measurement_column(measurement, key, nbytes, false);

		if (target->role != TSDB_ROLE_TIME && !comes_again(point, i))
			append_value(columns, values, target, field_text(&point->fields[i]));
	}
}

static bool
comes_again(const TsdbLinePoint *point, uint32 place)
{
	TsdbLineText key = point->fields[place].key;

	for (uint32 i = place + 1; i < point->nfields; i++)
		if (point->fields[i].key.nbytes == key.nbytes && memcmp(point->fields[i].key.at, key.at, key.nbytes) == 0)
			return true;
	return false;
}

static void
append_value(StringInfo columns, StringInfo values, const TsdbTarget *target, const char *value)
{
	appendStringInfo(columns, ", %s", quote_identifier(target->name));
	appendStringInfo(values, ", %s", quote_literal_cstr(value));
}

/* That of a tsdb table; else the column "time", or the first one of type timestamptz. */
static const char *
time_column(const TsdbMeasurement *measurement)
{
	HASH_SEQ_STATUS status;
	const TsdbTarget *target;
	const TsdbTarget *found = NULL;

	hash_seq_init(&status, measurement->columns);
	while ((target = hash_seq_search(&status)) != NULL)
	{
		if (target->role == TSDB_ROLE_TIME || (strcmp(target->name, "time") == 0 && (found == NULL || found->role != TSDB_ROLE_TIME)))
			found = target;
		else if (found == NULL && target->type == TSDB_TYPE_TIMESTAMPTZ)
			found = target;
	}
	if (found == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_COLUMN),
				 errmsg("table \"%s\" has no time column", measurement->key.name),
				 errdetail("A point needs a column of type timestamptz for its time."),
				 errhint("Add one that is called time.")));
	return found->name;
}

static char *
field_text(const TsdbLineField *field)
{
	char *text;

	switch (field->type)
	{
		case TSDB_FIELD_FLOAT:
			return psprintf("%.17g", field->value.real);
		case TSDB_FIELD_INTEGER:
			return psprintf(INT64_FORMAT, field->value.integer);
		case TSDB_FIELD_BOOLEAN:
			return field->value.boolean ? "true" : "false";
		default:
			text = palloc(field->value.string.nbytes + 1);
			text[tsdb_line_unescape_string(field->value.string, text)] = '\0';
			return text;
	}
}
