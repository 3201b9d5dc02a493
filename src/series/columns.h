/*-------------------------------------------------------------------------
 *
 * columns.h
 *	  Columns of a tsdb table: which one is the time, a tag, a value, a quality.
 *
 *-------------------------------------------------------------------------
 */
#ifndef TSDB_COLUMNS_H
#define TSDB_COLUMNS_H

#include "postgres.h"
#include "access/tupdesc.h"
#include "series/options.h"
#include "series/tsdbtable.h"

/*
 * tsdb_columns_assign - give every column its role: fills natts, columns, time, tags and values of table.
 *
 *	table_name	for messages
 *
 * Raises when a column that the options name is missing or can't be what they say, and for
 * value columns of unsupported types.  Memory: current context.
 */
extern void tsdb_columns_assign(TupleDesc desc, const char *table_name, const TsdbOptions *options, TsdbTable *table);

/* tsdb_columns_value_type - TsdbType for a column type, domains looked through; 0 when unsupported. */
extern uint8 tsdb_columns_value_type(Oid type_oid);

/* tsdb_columns_text_bytes - size of a { length u32, bytes } text. */
extern Size tsdb_columns_text_bytes(const uint8_t *text);

/* tsdb_columns_word - a value as its column stores it (codec.h); of all types but text. */
static inline uint64
tsdb_columns_word(uint8 type, Datum value)
{
	switch ((TsdbType) type)
	{
		case TSDB_TYPE_FLOAT4:
			return (uint32) DatumGetInt32(value);
		case TSDB_TYPE_INT2:
			return (uint64) (int64) DatumGetInt16(value);
		case TSDB_TYPE_INT4:
		case TSDB_TYPE_DATE:
		case TSDB_TYPE_QUALITY:
			return (uint64) (int64) DatumGetInt32(value);
		case TSDB_TYPE_BOOL:
			return DatumGetBool(value) ? 1 : 0;
		case TSDB_TYPE_FLOAT8:
		case TSDB_TYPE_INT8:
		case TSDB_TYPE_TIMESTAMPTZ:
			return (uint64) DatumGetInt64(value);
		case TSDB_TYPE_TEXT:
			break;
	}
	elog(ERROR, "no word for tsdb column type %d", type);
	return 0;
}

#endif /* TSDB_COLUMNS_H */
