/*-------------------------------------------------------------------------
 *
 * baserows.c
 *	  What this backend committed last to a table, for coding the next run against it.
 *
 * A base serves until the last run coded against it was bigger than the average of all since, itself included:
 * the further from the base, the bigger the differences, and a new one costs its
 * own size once.  Compaction ends it too (store/runbase.h).
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "format/batch.h"
#include "pg/compat.h"
#include "utils/memutils.h"
#include "write/baserows.h"

#define NPLACES 8 /* tables of which a base is remembered */
#define MIN_ROWS 16 /* fewer: the run's own numbers are most of it */
#define MAX_WORDS 65536 /* of all columns together */

typedef struct Base
{
	RelFileLocator locator;
	MemoryContext context; /* of rows; NULL = none */
	TsdbBatch rows; /* without text columns */
	uint64 run_no;
	uint64 generation;
	uint64 nbytes; /* of it and all coded against it */
	uint64 nruns;
	bool is_worn; /* the next run is coded for itself */
} Base;

static Base bases[NPLACES];
static Base written[NPLACES]; /* by this transaction */
static bool has_written = false;

static Base *place_of(Base *places, Relation rel);
static void free_base(Base *base);
static void copy_rows(TsdbBatch *copy, const TsdbBatch *rows);
static void *copy_array(const void *array, Size nbytes);

void
tsdb_baserows_offer(Relation rel, TsdbRunOffer *offer)
{
	Base *base = place_of(bases, rel);

	memset(offer, 0, sizeof(*offer));
	if (base->context == NULL || base->is_worn || !RelFileLocatorEquals(base->locator, rel->rd_locator))
		return;
	offer->run_no = base->run_no;
	offer->rows = &base->rows;
	offer->generation = base->generation;
}

void
tsdb_baserows_note(Relation rel, const TsdbBatch *rows, uint64 run_no, const TsdbRunOffer *offer)
{
	Base *base = place_of(offer->is_used ? bases : written, rel);
	MemoryContext caller;

	if (offer->is_used)
	{
		base->nbytes += offer->nbytes;
		base->nruns++;
		base->is_worn = offer->nbytes * base->nruns > base->nbytes;
		return;
	}
	if (!offer->may_serve || rows->nrows < MIN_ROWS || rows->series == NULL || rows->kinds != NULL ||
		(uint64) rows->nrows * rows->ncolumns > MAX_WORDS)
		return;
	free_base(base);
	base->context = AllocSetContextCreate(TopMemoryContext, "tsdb base rows", ALLOCSET_SMALL_SIZES);
	caller = MemoryContextSwitchTo(base->context);
	copy_rows(&base->rows, rows);
	MemoryContextSwitchTo(caller);
	base->locator = rel->rd_locator;
	base->run_no = run_no;
	base->generation = offer->generation;
	base->nbytes = offer->nbytes;
	base->nruns = 1;
	base->is_worn = false;
	has_written = true;
}

void
tsdb_baserows_forget(Relation rel)
{
	free_base(place_of(bases, rel));
	free_base(place_of(written, rel));
}

void
tsdb_baserows_end(bool committed)
{
	if (!has_written)
		return;
	for (int i = 0; i < NPLACES; i++)
	{
		if (written[i].context == NULL)
			continue;
		if (committed)
		{
			free_base(&bases[i]);
			bases[i] = written[i];
			memset(&written[i], 0, sizeof(Base));
		}
		else
			free_base(&written[i]);
	}
	has_written = false;
}

// private functions

static Base *
place_of(Base *places, Relation rel)
{
	return &places[TSDB_LOCATOR_NUMBER(rel->rd_locator) % NPLACES];
}

static void
free_base(Base *base)
{
	if (base->context != NULL)
		MemoryContextDelete(base->context);
	memset(base, 0, sizeof(Base));
}

/* Series and the columns that differences are made of; in the current context. */
static void
copy_rows(TsdbBatch *copy, const TsdbBatch *rows)
{
	memset(copy, 0, sizeof(*copy));
	copy->nrows = rows->nrows;
	copy->series = copy_array(rows->series, sizeof(uint32) * rows->nrows);
	copy->columns = palloc_array(TsdbColumn, rows->ncolumns + 1);
	for (int i = 0; i < rows->ncolumns; i++)
	{
		const TsdbColumn *column = &rows->columns[i];

		if (column->type == TSDB_TYPE_TEXT || column->states != NULL)
			continue;
		copy->columns[copy->ncolumns] = *column;
		copy->columns[copy->ncolumns++].words = copy_array(column->words, sizeof(uint64) * rows->nrows);
	}
}

static void *
copy_array(const void *array, Size nbytes)
{
	void *copy = palloc(nbytes);

	memcpy(copy, array, nbytes);
	return copy;
}
