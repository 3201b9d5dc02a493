/*-------------------------------------------------------------------------
 *
 * tagbytes.c
 *	  Tags of a series as bytes: the form that is stored, hashed and compared.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "pg/compat.h"
#include "series/tagbytes.h"

static int column_compare(const void *a, const void *b);
static void append_varint(StringInfo out, uint64 value);
static void append_value(const TsdbTagColumn *column, Datum value, StringInfo out);
static void append_byval(int16 attlen, Datum value, StringInfo out);
static void append_varlena(Datum value, StringInfo out);
static const TsdbTagColumn *column_find(const TsdbTagLayout *layout, uint64 attnum);
static TsdbStatus read_value(const TsdbTagColumn *column, TsdbSpan bytes, Datum *value);

TsdbTagLayout
tsdb_tagbytes_layout(const TsdbTable *table, TupleDesc desc)
{
	TsdbTagLayout layout;

	layout.ntags = table->ntags;
	layout.columns = palloc0(Max(table->ntags, 1) * sizeof(TsdbTagColumn));
	for (int i = 0; i < table->ntags; i++)
	{
		TsdbTagColumn *column = &layout.columns[i];
		Form_pg_attribute attribute = TupleDescAttr(desc, table->tag_attnums[i] - 1);

		column->attnum = table->tag_attnums[i];
		column->attlen = attribute->attlen;
		column->attbyval = attribute->attbyval;
		column->type_oid = attribute->atttypid;
		column->tag_index = i;
	}
	qsort(layout.columns, layout.ntags, sizeof(TsdbTagColumn), column_compare);
	return layout;
}

bool
tsdb_tagbytes_layout_equals(const TsdbTagLayout *a, const TsdbTagLayout *b)
{
	if (a->ntags != b->ntags)
		return false;
	for (int i = 0; i < a->ntags; i++)
		if (a->columns[i].attnum != b->columns[i].attnum ||
			a->columns[i].type_oid != b->columns[i].type_oid ||
			a->columns[i].tag_index != b->columns[i].tag_index)
			return false;
	return true;
}

void
tsdb_tagbytes_encode(const TsdbTagLayout *layout, const Datum *values, const bool *isnull, StringInfo out)
{
	for (int i = 0; i < layout->ntags; i++)
	{
		const TsdbTagColumn *column = &layout->columns[i];

		if (isnull[column->attnum - 1])
			continue;
		append_varint(out, column->attnum);
		append_value(column, values[column->attnum - 1], out);
	}
}

TsdbStatus
tsdb_tagbytes_decode(const TsdbTagLayout *layout, TsdbSpan bytes, Datum *values, bool *isnull)
{
	uint64 last_attnum = 0;

	for (int i = 0; i < layout->ntags; i++)
	{
		values[i] = (Datum) 0;
		isnull[i] = true;
	}

	while (tsdb_span_left(&bytes) > 0)
	{
		uint64 attnum;
		uint64 nbytes;
		TsdbSpan value;
		const TsdbTagColumn *column;

		if (!tsdb_span_read_varint(&bytes, &attnum) || attnum <= last_attnum ||
			!tsdb_span_read_varint(&bytes, &nbytes) || !tsdb_span_take(&bytes, nbytes, &value))
			return TSDB_CORRUPT;
		last_attnum = attnum;
		column = column_find(layout, attnum);
		if (column == NULL)
			continue;
		if (read_value(column, value, &values[column->tag_index]) != TSDB_OK)
			return TSDB_CORRUPT;
		isnull[column->tag_index] = false;
	}
	return TSDB_OK;
}

// private functions

static int
column_compare(const void *a, const void *b)
{
	return ((const TsdbTagColumn *) a)->attnum - ((const TsdbTagColumn *) b)->attnum;
}

static void
append_varint(StringInfo out, uint64 value)
{
	while (value >= 0x80)
	{
		appendStringInfoCharMacro(out, (char) (value | 0x80));
		value >>= 7;
	}
	appendStringInfoCharMacro(out, (char) value);
}

static void
append_value(const TsdbTagColumn *column, Datum value, StringInfo out)
{
	if (column->attbyval)
		append_byval(column->attlen, value, out);
	else if (column->attlen > 0)
	{
		append_varint(out, column->attlen);
		appendBinaryStringInfo(out, DatumGetPointer(value), column->attlen);
	}
	else if (column->attlen == -1)
		append_varlena(value, out);
	else
		elog(ERROR, "type %u cannot be a tag", column->type_oid);
}

static void
append_byval(int16 attlen, Datum value, StringInfo out)
{
	append_varint(out, attlen);
	for (int i = 0; i < attlen; i++)
		appendStringInfoCharMacro(out, (char) (value >> (8 * i)));
}

static void
append_varlena(Datum value, StringInfo out)
{
	struct varlena *flat = pg_detoast_datum_packed((struct varlena *) DatumGetPointer(value));

	append_varint(out, VARSIZE_ANY_EXHDR(flat));
	appendBinaryStringInfo(out, VARDATA_ANY(flat), VARSIZE_ANY_EXHDR(flat));
	if ((Pointer) flat != DatumGetPointer(value))
		pfree(flat);
}

static const TsdbTagColumn *
column_find(const TsdbTagLayout *layout, uint64 attnum)
{
	for (int i = 0; i < layout->ntags; i++)
		if (layout->columns[i].attnum == (int64) attnum)
			return &layout->columns[i];
	return NULL;
}

static TsdbStatus
read_value(const TsdbTagColumn *column, TsdbSpan bytes, Datum *value)
{
	Size nbytes = tsdb_span_left(&bytes);
	char *copy;

	if (column->attlen > 0 && nbytes != (Size) column->attlen)
		return TSDB_CORRUPT;
	if (column->attbyval)
	{
		uint64 number = 0;
		char native[sizeof(Datum)];

		for (Size i = 0; i < nbytes; i++)
			number |= (uint64) bytes.at[i] << (8 * i);
		/* Through memory, so that the Datum is extended as its type wants. */
		store_att_byval(native, (Datum) number, column->attlen);
		*value = fetch_att(native, true, column->attlen);
		return TSDB_OK;
	}
	if (column->attlen > 0)
		copy = memcpy(palloc(nbytes), bytes.at, nbytes);
	else
	{
		copy = palloc(VARHDRSZ + nbytes);
		SET_VARSIZE(copy, VARHDRSZ + nbytes);
		memcpy(VARDATA(copy), bytes.at, nbytes);
	}
	*value = PointerGetDatum(copy);
	return TSDB_OK;
}
