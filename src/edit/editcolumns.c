/*-------------------------------------------------------------------------
 *
 * editcolumns.c
 *	  Columns of images <-> columns of the table as it is now.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "edit/editcolumns.h"
#include "edit/journal.h"
#include "fmgr.h"
#include "pg/check.h"
#include "pg/compat.h"
#include "series/columns.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "write/flush.h"

static Oid base_type(uint8 type);
static void convert_column(Relation rel, TsdbColumn *column, const TsdbWanted *wanted, TsdbBatch *rows);
static uint64 word_of(uint8 type, Datum value, TsdbBatch *rows);

uint32 *
tsdb_editcolumns_ids(Relation rel, const TsdbTable *table)
{
	List *columns = tsdb_journal_columns(RelationGetRelid(rel));
	uint32 *ids = palloc0_array(uint32, table->nvalues + 1);

	for (int i = 0; i < table->nvalues; i++)
	{
		const char *name = NameStr(TupleDescAttr(RelationGetDescr(rel), table->values[i].attnum - 1)->attname);
		ListCell *lc;

		foreach (lc, columns)
		{
			const TsdbEditColumn *column = lfirst(lc);

			if (ids[i] == 0 && column->name != NULL && strcmp(column->name, name) == 0)
				ids[i] = column->id;
		}
		if (ids[i] == 0)
			ids[i] = tsdb_journal_add_column(RelationGetRelid(rel), name);
	}
	return ids;
}

int
tsdb_editcolumns_place(Relation rel, const TsdbTable *table, List *columns, uint32 id)
{
	ListCell *lc;

	foreach (lc, columns)
	{
		const TsdbEditColumn *column = lfirst(lc);

		if (column->id != id || column->name == NULL)
			continue;
		for (int i = 0; i < table->nvalues; i++)
			if (strcmp(column->name, NameStr(TupleDescAttr(RelationGetDescr(rel), table->values[i].attnum - 1)->attname)) == 0)
				return i;
	}
	return -1;
}

void
tsdb_editcolumns_adapt(Relation rel, const TsdbTable *table, List *columns, const uint32 *ids, TsdbBatch *rows)
{
	TsdbMem *mem = palloc(sizeof(TsdbMem));
	int n = 0;

	*mem = tsdb_mem_context(CurrentMemoryContext);
	rows->arena.mem = mem;
	for (int i = 0; i < rows->ncolumns; i++)
	{
		int place = tsdb_editcolumns_place(rel, table, columns, ids[i]);

		if (place < 0)
			continue;
		rows->columns[n] = rows->columns[i];
		rows->columns[n].attnum = table->values[place].attnum;
		if (rows->columns[n].type != table->values[place].type)
			convert_column(rel, &rows->columns[n], &table->values[place], rows);
		n++;
	}
	rows->ncolumns = n;
	tsdb_flush_adapt_columns(rows, table);
	rows->arena.mem = mem;
}

Datum
tsdb_editcolumns_datum(const TsdbColumn *column, const uint8_t *arena, uint32 row)
{
	uint64 word = column->words[row];
	uint32 nbytes;

	switch ((TsdbType) column->type)
	{
		case TSDB_TYPE_FLOAT4:
			return Int32GetDatum((int32) (uint32) word);
		case TSDB_TYPE_BOOL:
			return BoolGetDatum(word != 0);
		case TSDB_TYPE_TEXT:
			memcpy(&nbytes, arena + word, sizeof(nbytes));
			return PointerGetDatum(cstring_to_text_with_len((const char *) arena + word + sizeof(nbytes), nbytes));
		default:
			return (Datum) word;
	}
}

// private functions

static Oid
base_type(uint8 type)
{
	switch ((TsdbType) type)
	{
		case TSDB_TYPE_FLOAT8:
			return FLOAT8OID;
		case TSDB_TYPE_FLOAT4:
			return FLOAT4OID;
		case TSDB_TYPE_INT2:
			return INT2OID;
		case TSDB_TYPE_INT4:
		case TSDB_TYPE_QUALITY:
			return INT4OID;
		case TSDB_TYPE_INT8:
			return INT8OID;
		case TSDB_TYPE_BOOL:
			return BOOLOID;
		case TSDB_TYPE_TEXT:
			return TEXTOID;
		case TSDB_TYPE_TIMESTAMPTZ:
			return TIMESTAMPTZOID;
		case TSDB_TYPE_DATE:
			return DATEOID;
	}
	elog(ERROR, "unknown tsdb column type %d", type);
	return InvalidOid;
}

static void
convert_column(Relation rel, TsdbColumn *column, const TsdbWanted *wanted, TsdbBatch *rows)
{
	Form_pg_attribute att = TupleDescAttr(RelationGetDescr(rel), wanted->attnum - 1);
	uint64 *words = palloc_array(uint64, rows->nrows + 1);
	Oid output;
	Oid input;
	Oid parameter;
	bool is_varlena;

	getTypeOutputInfo(base_type(column->type), &output, &is_varlena);
	getTypeInputInfo(att->atttypid, &input, &parameter);
	for (uint32 row = 0; row < rows->nrows; row++)
	{
		char *text;

		words[row] = 0;
		if (column->states != NULL && column->states[row] != TSDB_CELL_VALUE)
			continue;
		text = OidOutputFunctionCall(output, tsdb_editcolumns_datum(column, rows->arena.data, row));
		words[row] = word_of(wanted->type, OidInputFunctionCall(input, text, parameter, att->atttypmod), rows);
	}
	column->words = words;
	column->type = wanted->type;
}

static uint64
word_of(uint8 type, Datum value, TsdbBatch *rows)
{
	struct varlena *text;
	uint32 nbytes;
	uint32 padding = 0;
	uint64 word = rows->arena.len;

	if (type != TSDB_TYPE_TEXT)
		return tsdb_columns_word(type, value);
	text = PG_DETOAST_DATUM_PACKED(value);
	nbytes = VARSIZE_ANY_EXHDR(text);
	tsdb_bytes_append(&rows->arena, &nbytes, sizeof(nbytes));
	tsdb_bytes_append(&rows->arena, VARDATA_ANY(text), nbytes);
	tsdb_bytes_append(&rows->arena, &padding, (4 - nbytes % 4) % 4);
	return word;
}
