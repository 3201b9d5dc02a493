/*-------------------------------------------------------------------------
 *
 * point.c
 *	  Points of line protocol -> rows of tables.
 *
 * Lines come in heaps of the same measurement with the same keys in the same order, so the
 * table of the last point and the columns of its keys, by position, are remembered.
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "access/xact.h"
#include "catalog/pg_type_d.h"
#include "common/int.h"
#include "format/grid.h"
#include "miscadmin.h"
#include "series/series.h"
#include "server/point.h"
#include "server/pointsql.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#define UNIX_EPOCH_US (INT64CONST(946684800) * USECS_PER_SEC) /* 2000-01-01 in Unix time */

static bool same_measurement(const TsdbPointBatch *batch, TsdbLineText text);
static void remember_measurement(TsdbPointBatch *batch, TsdbLineText text);
static TsdbPointOutcome open_measurement(TsdbPointBatch *batch, const TsdbLinePoint *point, const char *name, uint32 nbytes);
static const TsdbRefusal *find_refusal(const TsdbPointBatch *batch, const TsdbMeasurementKey *key);
static TsdbWishes *find_wishes(const TsdbPointBatch *batch, const TsdbMeasurementKey *key);
static TsdbWishes *make_wishes(TsdbPointBatch *batch, const TsdbMeasurementKey *key, const char *name, uint32 nbytes);
static void wish_columns(TsdbPointBatch *batch, TsdbWishes *wishes, const TsdbLinePoint *point);
static const TsdbTarget *find_target(TsdbPointBatch *batch, TsdbLineText key, bool is_tag, uint32 place);
static TsdbPointOutcome take_tags(TsdbPointBatch *batch, const TsdbLinePoint *point);
static Datum tag_datum(const TsdbTarget *target, TsdbLineText text);
static TsdbPointOutcome take_fields(TsdbPointBatch *batch, const TsdbLinePoint *point);
static bool take_field(TsdbPointBatch *batch, const TsdbLinePoint *point, const TsdbLineField *field,
					   const TsdbTarget *target, TsdbCell *cell);
static bool take_real(double value, uint8 type, TsdbCell *cell);
static bool take_integer(int64 value, uint8 type, TsdbCell *cell);
static void take_string(TsdbLineText string, TsdbCell *cell);
static bool has_required(const TsdbPointBatch *batch);
static bool take_time(TsdbPointBatch *batch, const TsdbLinePoint *point, int64 *time);
static int64 arrival_time(const TsdbPointBatch *batch);
static TsdbPointOutcome drop(TsdbPointBatch *batch, const char *reason);
static char *text_of(TsdbLineText text);
static char *tag_text(TsdbLineText text);
static const char *column_type_name(uint8 type);

void
tsdb_point_begin(TsdbPointBatch *batch)
{
	batch->measurement = NULL;
	tsdb_pointsql_begin(batch);
	if (batch->row_context == NULL)
		batch->row_context = AllocSetContextCreate(batch->context, "tsdb point", ALLOCSET_DEFAULT_SIZES);
}

void
tsdb_point_end(TsdbPointBatch *batch)
{
	tsdb_point_flush(batch);
	batch->measurement = NULL;
	MemoryContextReset(batch->row_context);
}

void
tsdb_point_flush(TsdbPointBatch *batch)
{
	tsdb_pointsql_flush(batch);
}

TsdbPointOutcome
tsdb_point_resolve(TsdbPointBatch *batch, const TsdbLinePoint *point)
{
	char *name;
	uint32 nbytes;
	TsdbPointOutcome outcome;
	MemoryContext caller;

	/* What the last point needed, and why it was dropped, has been used. */
	MemoryContextReset(batch->row_context);
	if (same_measurement(batch, point->measurement))
		return TSDB_POINT_WRITTEN;
	caller = MemoryContextSwitchTo(batch->context);
	name = palloc(point->measurement.nbytes + 1);
	nbytes = tsdb_line_unescape_name(point->measurement, name);
	name[nbytes] = '\0';
	outcome = open_measurement(batch, point, name, nbytes);
	if (outcome == TSDB_POINT_WRITTEN)
		remember_measurement(batch, point->measurement);
	else
		batch->measurement = NULL;
	pfree(name);
	MemoryContextSwitchTo(caller);
	return outcome;
}

TsdbPointOutcome
tsdb_point_write(TsdbPointBatch *batch, const TsdbLinePoint *point)
{
	TsdbMeasurement *measurement = batch->measurement;
	MemoryContext caller = MemoryContextSwitchTo(batch->row_context);
	TsdbPointOutcome outcome = take_tags(batch, point);
	int64 time;

	if (outcome == TSDB_POINT_WRITTEN)
		outcome = take_fields(batch, point);
	if (outcome == TSDB_POINT_WRITTEN && !take_time(batch, point, &time))
		outcome = TSDB_POINT_DROPPED;
	if (outcome == TSDB_POINT_PUT_OFF)
		wish_columns(batch, make_wishes(batch, &measurement->key, NULL, 0), point);
	else if (outcome == TSDB_POINT_WRITTEN && measurement->is_direct)
	{
		uint32 series = tsdb_series_get_or_create(measurement->rel, measurement->table, batch->values, batch->isnull);

		/* Making a series may have taken in news of the table. */
		measurement->table = tsdb_table_get(measurement->rel);
		tsdb_buffer_append_cells(measurement->rel, measurement->table, series, time, batch->cells, batch->ncells,
								 GetCurrentCommandId(true));
	}
	else if (outcome == TSDB_POINT_WRITTEN)
		tsdb_pointsql_add(batch, point, time);
	MemoryContextSwitchTo(caller);
	return outcome;
}

// private functions

static bool
same_measurement(const TsdbPointBatch *batch, TsdbLineText text)
{
	return batch->measurement != NULL && batch->measurement_bytes == text.nbytes &&
		   memcmp(batch->measurement_text, text.at, text.nbytes) == 0;
}

static void
remember_measurement(TsdbPointBatch *batch, TsdbLineText text)
{
	int natts = RelationGetDescr(batch->measurement->rel)->natts;

	if (batch->measurement_room < text.nbytes)
	{
		batch->measurement_room = text.nbytes * 2;
		batch->measurement_text = palloc(batch->measurement_room);
	}
	memcpy(batch->measurement_text, text.at, text.nbytes);
	batch->measurement_bytes = text.nbytes;
	if (batch->natts < natts)
	{
		batch->natts = natts;
		batch->values = palloc0(sizeof(Datum) * natts);
		batch->isnull = palloc(sizeof(bool) * natts);
	}
}

static TsdbPointOutcome
open_measurement(TsdbPointBatch *batch, const TsdbLinePoint *point, const char *name, uint32 nbytes)
{
	TsdbMeasurementKey key;
	const TsdbRefusal *refusal;

	memset(&key, 0, sizeof(key));
	key.schema = batch->schema;
	(void) tsdb_name_map(name, nbytes, TSDB_NAME_FIRST, key.name);
	refusal = find_refusal(batch, &key);
	if (refusal != NULL)
	{
		batch->now.is_forbidden |= refusal->is_forbidden;
		return drop(batch, refusal->message);
	}
	batch->measurement = tsdb_measurement_open(&key, RowExclusiveLock);
	if (batch->measurement == NULL || find_wishes(batch, &key) != NULL)
	{
		TsdbWishes *wishes = make_wishes(batch, &key, name, nbytes);

		wish_columns(batch, wishes, point);
		return TSDB_POINT_PUT_OFF;
	}
	if (!tsdb_measurement_permits(batch->measurement, batch->request->role))
	{
		batch->now.is_forbidden = true;
		MemoryContextSwitchTo(batch->row_context);
		return drop(batch, psprintf("\"%s\" user is not authorized to write to measurement \"%s\" of database \"%s\"",
									GetUserNameFromId(batch->request->role, true), name, batch->request->schema));
	}
	return TSDB_POINT_WRITTEN;
}

static const TsdbRefusal *
find_refusal(const TsdbPointBatch *batch, const TsdbMeasurementKey *key)
{
	ListCell *lc;

	foreach (lc, batch->refused)
		if (memcmp(&((TsdbRefusal *) lfirst(lc))->key, key, sizeof(*key)) == 0)
			return lfirst(lc);
	return NULL;
}

static TsdbWishes *
find_wishes(const TsdbPointBatch *batch, const TsdbMeasurementKey *key)
{
	ListCell *lc;

	foreach (lc, batch->wishes)
		if (memcmp(&((TsdbWishes *) lfirst(lc))->key, key, sizeof(*key)) == 0)
			return lfirst(lc);
	return NULL;
}

static TsdbWishes *
make_wishes(TsdbPointBatch *batch, const TsdbMeasurementKey *key, const char *name, uint32 nbytes)
{
	TsdbWishes *wishes = find_wishes(batch, key);
	MemoryContext caller;

	if (wishes != NULL)
		return wishes;
	caller = MemoryContextSwitchTo(batch->context);
	wishes = palloc0(sizeof(TsdbWishes));
	wishes->key = *key;
	if (name != NULL)
		wishes->measurement = pnstrdup(name, nbytes);
	wishes->measurement_bytes = nbytes;
	batch->wishes = lappend(batch->wishes, wishes);
	MemoryContextSwitchTo(caller);
	/* Points that come later wait with this one. */
	batch->measurement = NULL;
	return wishes;
}

/* Every column of the point: which ones are there already is seen when they are made. */
static void
wish_columns(TsdbPointBatch *batch, TsdbWishes *wishes, const TsdbLinePoint *point)
{
	static const char *const sql_types[] = {"float8", "int8", "bool", "text"};
	MemoryContext caller = MemoryContextSwitchTo(batch->context);

	for (uint32 i = 0; i < point->ntags; i++)
	{
		char *key = tag_text(point->tags[i].key);

		tsdb_wishes_add(wishes, key, strlen(key), true, NULL);
		pfree(key);
	}
	for (uint32 i = 0; i < point->nfields; i++)
	{
		char *key = text_of(point->fields[i].key);

		tsdb_wishes_add(wishes, key, strlen(key), false, sql_types[point->fields[i].type]);
		pfree(key);
	}
	MemoryContextSwitchTo(caller);
}

/* The column of a key; that of the same place in the last line, if it is the same key. */
static const TsdbTarget *
find_target(TsdbPointBatch *batch, TsdbLineText key, bool is_tag, uint32 place)
{
	TsdbKeyMemo *memo = place < TSDB_KEY_MEMOS ? &batch->measurement->memos[is_tag][place] : NULL;
	const TsdbTarget *target;
	uint32 nbytes;
	char *name;

	if (memo != NULL && memo->target != NULL && memo->nbytes == key.nbytes && memcmp(memo->text, key.at, key.nbytes) == 0)
		return memo->target;
	name = palloc(key.nbytes + 1);
	nbytes = is_tag ? tsdb_line_unescape_key(key, name) : tsdb_line_unescape_name(key, name);
	target = tsdb_measurement_column(batch->measurement, name, nbytes, is_tag);
	if (memo != NULL && key.nbytes <= sizeof(memo->text))
	{
		memo->target = target;
		memo->nbytes = (uint8) key.nbytes;
		memcpy(memo->text, key.at, key.nbytes);
	}
	return target;
}

static TsdbPointOutcome
take_tags(TsdbPointBatch *batch, const TsdbLinePoint *point)
{
	bool is_missing = false;

	memset(batch->isnull, true, sizeof(bool) * batch->natts);
	for (uint32 i = 0; i < point->ntags; i++)
	{
		const TsdbTarget *target = find_target(batch, point->tags[i].key, true, i);

		if (target == NULL)
			is_missing = true;
		else if (target->role == TSDB_ROLE_TIME)
			return drop(batch, psprintf("invalid tag key: input tag \"%s\" on measurement \"%s\" is invalid",
										tag_text(point->tags[i].key), text_of(point->measurement)));
		else if (batch->measurement->is_direct)
		{
			batch->values[target->attnum - 1] = tag_datum(target, point->tags[i].value);
			batch->isnull[target->attnum - 1] = false;
		}
	}
	return is_missing ? TSDB_POINT_PUT_OFF : TSDB_POINT_WRITTEN;
}

/* Tag columns that the server makes are text; others are read as their type reads text. */
static Datum
tag_datum(const TsdbTarget *target, TsdbLineText text)
{
	struct varlena *datum = palloc(VARHDRSZ + text.nbytes + 1);
	uint32 nbytes = tsdb_line_unescape_key(text, VARDATA(datum));
	Oid input;
	Oid parameter;

	if (target->type_oid == TEXTOID)
	{
		SET_VARSIZE(datum, VARHDRSZ + nbytes);
		return PointerGetDatum(datum);
	}
	VARDATA(datum)
	[nbytes] = '\0';
	getTypeInputInfo(target->type_oid, &input, &parameter);
	return OidInputFunctionCall(input, VARDATA(datum), parameter, target->typmod);
}

static TsdbPointOutcome
take_fields(TsdbPointBatch *batch, const TsdbLinePoint *point)
{
	bool is_missing = false;
	uint32 nignored = 0;

	batch->cells = palloc(sizeof(TsdbCell) * point->nfields);
	batch->ncells = 0;
	for (uint32 i = 0; i < point->nfields; i++)
	{
		const TsdbLineField *field = &point->fields[i];
		const TsdbTarget *target = find_target(batch, field->key, false, i);

		if (target == NULL)
			is_missing = true;
		else if (target->role == TSDB_ROLE_TIME)
			nignored++;
		else if (!take_field(batch, point, field, target, &batch->cells[batch->ncells++]))
			return TSDB_POINT_DROPPED;
	}
	if (is_missing)
		return TSDB_POINT_PUT_OFF;
	/* As InfluxDB does: beside others a field that is called like the time is nothing, alone it is wrong. */
	if (nignored == point->nfields)
		return drop(batch, psprintf("invalid field name: input field \"%s\" on measurement \"%s\" is invalid",
									text_of(point->fields[0].key), text_of(point->measurement)));
	if (batch->measurement->is_direct && batch->measurement->nrequired > 0 && !has_required(batch))
		return drop(batch, psprintf("a line on measurement \"%s\" lacks a tag or field that must not be NULL", text_of(point->measurement)));
	return TSDB_POINT_WRITTEN;
}

/* False: the field has another type than its column. */
static bool
take_field(TsdbPointBatch *batch, const TsdbLinePoint *point, const TsdbLineField *field, const TsdbTarget *target, TsdbCell *cell)
{
	static const char *const types[] = {"float", "integer", "boolean", "string"};
	bool ok = false;

	cell->column = target->value_index;
	cell->is_null = false;
	switch (field->type)
	{
		case TSDB_FIELD_FLOAT:
			ok = take_real(field->value.real, target->type, cell);
			break;
		case TSDB_FIELD_INTEGER:
			ok = take_integer(field->value.integer, target->type, cell);
			break;
		case TSDB_FIELD_BOOLEAN:
			ok = target->type == TSDB_TYPE_BOOL;
			cell->word = field->value.boolean;
			break;
		case TSDB_FIELD_STRING:
			ok = target->type == TSDB_TYPE_TEXT;
			take_string(field->value.string, cell);
			break;
	}
	/* Columns of types that are none of ours, in tables of others, read text. */
	if (!ok && (batch->measurement->is_direct || target->type != 0))
		(void) drop(batch, psprintf("field type conflict: input field \"%s\" on measurement \"%s\" is type %s, already exists as type %s",
									text_of(field->key), text_of(point->measurement), types[field->type],
									column_type_name(target->type)));
	return ok || (!batch->measurement->is_direct && target->type == 0);
}

static bool
take_real(double value, uint8 type, TsdbCell *cell)
{
	float narrow = (float) value;

	if (type == TSDB_TYPE_FLOAT8)
		memcpy(&cell->word, &value, sizeof(value));
	else if (type == TSDB_TYPE_FLOAT4 && !isinf(narrow))
	{
		cell->word = 0;
		memcpy(&cell->word, &narrow, sizeof(narrow));
	}
	else
		return false;
	return true;
}

/* Integers are widened, and narrowed where they fit. */
static bool
take_integer(int64 value, uint8 type, TsdbCell *cell)
{
	switch (type)
	{
		case TSDB_TYPE_FLOAT8:
		case TSDB_TYPE_FLOAT4:
			return take_real((double) value, type, cell);
		case TSDB_TYPE_INT8:
			break;
		case TSDB_TYPE_INT4:
		case TSDB_TYPE_QUALITY:
			if (value != (int32) value)
				return false;
			break;
		case TSDB_TYPE_INT2:
			if (value != (int16) value)
				return false;
			break;
		default:
			return false;
	}
	cell->word = (uint64) value;
	return true;
}

static void
take_string(TsdbLineText string, TsdbCell *cell)
{
	char *copy;

	cell->text = string.at;
	cell->nbytes = string.nbytes;
	if (!string.has_escapes)
		return;
	copy = palloc(string.nbytes + 1);
	cell->nbytes = tsdb_line_unescape_string(string, copy);
	cell->text = copy;
}

static bool
has_required(const TsdbPointBatch *batch)
{
	HASH_SEQ_STATUS status;
	const TsdbTarget *target;
	bool all = true;

	hash_seq_init(&status, batch->measurement->columns);
	while ((target = hash_seq_search(&status)) != NULL)
	{
		bool found = !target->is_not_null || target->role == TSDB_ROLE_TIME;

		if (target->role == TSDB_ROLE_TAG)
			found |= !batch->isnull[target->attnum - 1];
		for (uint32 i = 0; !found && target->value_index >= 0 && i < batch->ncells; i++)
			found = batch->cells[i].column == target->value_index;
		all &= found;
	}
	return all;
}

/* On the grid of the table. */
static bool
take_time(TsdbPointBatch *batch, const TsdbLinePoint *point, int64 *time)
{
	const TsdbTable *table = batch->measurement->table;
	int32 segment_no;
	int64 segment_start;
	bool ok = true;

	*time = arrival_time(batch);
	if (point->has_time)
		ok = !pg_sub_s64_overflow(point->unix_us, UNIX_EPOCH_US, time);
	if (ok && table != NULL)
		ok = tsdb_grid_floor(*time, table->sample_us, time) &&
			 tsdb_grid_segment(*time, tsdb_table_segment_us(table), &segment_no, &segment_start);
	ok = ok && IS_VALID_TIMESTAMP(*time);
	if (!ok)
		(void) drop(batch, psprintf("time outside range of measurement \"%s\"", text_of(point->measurement)));
	return ok;
}

/* As InfluxDB does: in whole units of the request's precision. */
static int64
arrival_time(const TsdbPointBatch *batch)
{
	static const int64 units_us[] = {
		[TSDB_PRECISION_NS] = 1,
		[TSDB_PRECISION_US] = 1,
		[TSDB_PRECISION_MS] = 1000,
		[TSDB_PRECISION_S] = USECS_PER_SEC,
		[TSDB_PRECISION_M] = USECS_PER_MINUTE,
		[TSDB_PRECISION_H] = USECS_PER_HOUR};
	int64 received_us = batch->request->received_us;

	return received_us - received_us % units_us[batch->request->precision];
}

static TsdbPointOutcome
drop(TsdbPointBatch *batch, const char *reason)
{
	batch->reason = reason;
	return TSDB_POINT_DROPPED;
}

/* Measurements and field keys; tag keys have other escapes. */
static char *
text_of(TsdbLineText text)
{
	char *copy = palloc(text.nbytes + 1);

	copy[tsdb_line_unescape_name(text, copy)] = '\0';
	return copy;
}

static char *
tag_text(TsdbLineText text)
{
	char *copy = palloc(text.nbytes + 1);

	copy[tsdb_line_unescape_key(text, copy)] = '\0';
	return copy;
}

/* As InfluxDB says it. */
static const char *
column_type_name(uint8 type)
{
	switch (type)
	{
		case TSDB_TYPE_FLOAT8:
		case TSDB_TYPE_FLOAT4:
			return "float";
		case TSDB_TYPE_INT2:
		case TSDB_TYPE_INT4:
		case TSDB_TYPE_INT8:
		case TSDB_TYPE_QUALITY:
			return "integer";
		case TSDB_TYPE_BOOL:
			return "boolean";
		case TSDB_TYPE_TEXT:
			return "string";
		default:
			return "time";
	}
}
