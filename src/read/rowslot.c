/*-------------------------------------------------------------------------
 *
 * rowslot.c
 *	  Rows of a decoded window into the slots of the executor.
 *
 * A template of the row holds what does not change inside a series: tags,
 * and NULL for what nobody asked for.  A row is a copy of it plus its time and its
 * values.  Text is made into varlenas when it is first asked for.
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "executor/tuptable.h"
#include "pg/check.h"
#include "read/rowslot.h"
#include "series/series.h"
#include "utils/datum.h"
#include "utils/memutils.h"

StaticAssertDecl(sizeof(Datum) == sizeof(uint64), "tsdb needs 64-bit Datums: a word of a column is one");

/* How a word becomes a Datum. */
typedef enum Conversion
{
	CONVERT_NONE, /* the sign extended value is the Datum */
	CONVERT_FLOAT4,
	CONVERT_BOOL,
	CONVERT_TEXT
} Conversion;

typedef struct FilledColumn
{
	int attno; /* attnum - 1 */
	Conversion conversion;
	const uint64_t *words; /* of the current window */
	const uint8_t *states; /* NULL: all are values */
	Datum *texts; /* TEXT: varlenas made so far, NULL until the first one of the window */
} FilledColumn;

struct TsdbRowFiller
{
	Relation rel;
	MemoryContext owner; /* lives as long as the filler */
	MemoryContext window; /* tags and text of the current window */
	const TsdbBatch *batch;
	int natts;
	int time_attno;
	int ntags;
	int16 *tag_attnums;
	Datum *values; /* template of a row */
	bool *isnull;
	bool has_series; /* the template's tags are those of `series` */
	uint32 series;
	int ncolumns;
	FilledColumn *columns;
};

static Conversion conversion_of(uint8 type);
static void set_series(TsdbRowFiller *filler, uint32 series);
static void fill_columns(TsdbRowFiller *filler, uint32 row, Datum *values, bool *isnull);
static Datum text_datum(TsdbRowFiller *filler, FilledColumn *column, uint32 row);
static Datum make_text(TsdbRowFiller *filler, uint64_t offset);

TsdbRowFiller *
tsdb_rowfiller_create(Relation rel, const TsdbTable *table, const TsdbWanted *wanted, int nwanted)
{
	MemoryContext owner = AllocSetContextCreate(CurrentMemoryContext, "tsdb row filler", ALLOCSET_SMALL_SIZES);
	MemoryContext caller = MemoryContextSwitchTo(owner);
	TsdbRowFiller *filler = palloc0(sizeof(TsdbRowFiller));

	filler->rel = rel;
	filler->owner = owner;
	filler->window = AllocSetContextCreate(owner, "tsdb row filler window", ALLOCSET_DEFAULT_SIZES);
	filler->natts = RelationGetDescr(rel)->natts;
	filler->time_attno = table->time_attnum - 1;
	filler->ntags = table->ntags;
	filler->tag_attnums = palloc(sizeof(int16) * Max(table->ntags, 1));
	for (int i = 0; i < table->ntags; i++)
		filler->tag_attnums[i] = table->tag_attnums[i];

	filler->values = palloc0(sizeof(Datum) * filler->natts);
	filler->isnull = palloc(sizeof(bool) * filler->natts);
	memset(filler->isnull, true, sizeof(bool) * filler->natts);
	filler->isnull[filler->time_attno] = false;

	filler->ncolumns = nwanted;
	filler->columns = palloc0(sizeof(FilledColumn) * Max(nwanted, 1));
	for (int i = 0; i < nwanted; i++)
	{
		filler->columns[i].attno = wanted[i].attnum - 1;
		filler->columns[i].conversion = conversion_of(wanted[i].type);
	}

	MemoryContextSwitchTo(caller);
	return filler;
}

void
tsdb_rowfiller_free(TsdbRowFiller *filler)
{
	MemoryContextDelete(filler->owner);
}

void
tsdb_rowfiller_set_batch(TsdbRowFiller *filler, const TsdbBatch *batch)
{
	Assert(batch->ncolumns == filler->ncolumns);

	MemoryContextReset(filler->window);
	filler->batch = batch;
	filler->has_series = false;
	for (int i = 0; i < filler->ncolumns; i++)
	{
		FilledColumn *column = &filler->columns[i];

		Assert(batch->columns[i].attnum == column->attno + 1);
		column->words = batch->columns[i].words;
		column->states = batch->columns[i].states;
		column->texts = NULL;
	}
}

void
tsdb_rowfiller_fill(TsdbRowFiller *filler, uint32 row, TupleTableSlot *slot)
{
	const TsdbBatch *batch = filler->batch;
	uint32 series = batch->series ? batch->series[row] : batch->series_id;

	Assert(row < batch->nrows);
	Assert(slot->tts_tupleDescriptor->natts == filler->natts);

	if (!filler->has_series || series != filler->series)
		set_series(filler, series);

	ExecClearTuple(slot);
	memcpy(slot->tts_values, filler->values, sizeof(Datum) * filler->natts);
	memcpy(slot->tts_isnull, filler->isnull, sizeof(bool) * filler->natts);
	slot->tts_values[filler->time_attno] = Int64GetDatum(batch->times[row]);
	fill_columns(filler, row, slot->tts_values, slot->tts_isnull);
	slot->tts_tableOid = RelationGetRelid(filler->rel);
	ExecStoreVirtualTuple(slot);
}

// private functions

static Conversion
conversion_of(uint8 type)
{
	switch (type)
	{
		case TSDB_TYPE_FLOAT4:
			return CONVERT_FLOAT4;
		case TSDB_TYPE_BOOL:
			return CONVERT_BOOL;
		case TSDB_TYPE_TEXT:
			return CONVERT_TEXT;
		default:
			return CONVERT_NONE;
	}
}

/*
 * Put the tags of a series into the template.  They are copied, because the cache of the
 * dictionary may let go of its own at any invalidation message.
 */
static void
set_series(TsdbRowFiller *filler, uint32 series)
{
	TupleDesc tupdesc = RelationGetDescr(filler->rel);
	MemoryContext caller;
	const Datum *values;
	const bool *isnull;

	filler->has_series = false;
	tsdb_series_tags(filler->rel, tsdb_table_get(filler->rel), series, &values, &isnull);

	caller = MemoryContextSwitchTo(filler->window);
	for (int i = 0; i < filler->ntags; i++)
	{
		int attno = filler->tag_attnums[i] - 1;
		Form_pg_attribute att = TupleDescAttr(tupdesc, attno);

		filler->isnull[attno] = isnull[i];
		filler->values[attno] = isnull[i] ? (Datum) 0 : datumCopy(values[i], att->attbyval, att->attlen);
	}
	MemoryContextSwitchTo(caller);
	filler->series = series;
	filler->has_series = true;
}

static void
fill_columns(TsdbRowFiller *filler, uint32 row, Datum *values, bool *isnull)
{
	for (int i = 0; i < filler->ncolumns; i++)
	{
		FilledColumn *column = &filler->columns[i];
		uint64_t word;

		if (column->states != NULL && column->states[row] != TSDB_CELL_VALUE)
			continue; /* the template says NULL */

		isnull[column->attno] = false;
		word = column->words[row];
		switch (column->conversion)
		{
			case CONVERT_NONE:
				values[column->attno] = (Datum) word;
				break;
			case CONVERT_FLOAT4:
				values[column->attno] = Int32GetDatum((int32) (uint32) word);
				break;
			case CONVERT_BOOL:
				values[column->attno] = BoolGetDatum(word != 0);
				break;
			case CONVERT_TEXT:
				values[column->attno] = text_datum(filler, column, row);
				break;
		}
	}
}

/* The varlena of a row, made once per window; neighbours that share their bytes share it too. */
static Datum
text_datum(TsdbRowFiller *filler, FilledColumn *column, uint32 row)
{
	if (column->texts == NULL)
		column->texts = MemoryContextAllocExtended(filler->window, sizeof(Datum) * (Size) filler->batch->nrows,
												   MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
	if (column->texts[row] == (Datum) 0)
	{
		if (row > 0 && column->texts[row - 1] != (Datum) 0 && column->words[row - 1] == column->words[row])
			column->texts[row] = column->texts[row - 1];
		else
			column->texts[row] = make_text(filler, column->words[row]);
	}
	return column->texts[row];
}

static Datum
make_text(TsdbRowFiller *filler, uint64_t offset)
{
	const uint8_t *entry = filler->batch->arena.data + offset;
	uint32_t nbytes;
	struct varlena *text;

	memcpy(&nbytes, entry, sizeof(nbytes));
	TSDB_CHECK(nbytes > MaxAllocSize - VARHDRSZ ? TSDB_CORRUPT : TSDB_OK, filler->rel,
			   "A text of series %u has %u bytes.", filler->series, nbytes);
	text = MemoryContextAlloc(filler->window, VARHDRSZ + nbytes);
	SET_VARSIZE(text, VARHDRSZ + nbytes);
	memcpy(VARDATA(text), entry + sizeof(nbytes), nbytes);
	return PointerGetDatum(text);
}
