/*-------------------------------------------------------------------------
 *
 * baserows.c
 *	  What this backend committed last to a table, for coding the next run against it.
 *
 * Runs of one set of series form a chain.  Differences are smallest from the run just before, but whoever reads a run
 * reads its base too, and the base of that: so the base of the run at place p lies FANOUT^z runs before it, where z
 * says how often FANOUT divides p.  Three of four runs have their neighbour for a base, and
 * no run has more than (FANOUT - 1) * NLEVELS runs below it.
 *
 * A chain ends when it is full, when the series are other ones, and with a compaction (store/runbase.h).
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "format/batch.h"
#include "pg/compat.h"
#include "utils/memutils.h"
#include "write/baserows.h"

#define NPLACES 8 /* tables of which a chain is remembered */
#define FANOUT 4
#define NLEVELS 4
#define CHAIN_RUNS 256 /* FANOUT^NLEVELS */
#define MIN_ROWS 16 /* fewer: the run's own numbers are most of it */
#define MAX_WORDS 65536 /* of all columns together */

/* A run; lives in its own memory. */
typedef struct Kept
{
	MemoryContext context;
	TsdbBatch rows; /* without text columns */
	uint64 run_no;
	int nlevels; /* of the chain, that it is the last run of */
} Kept;

typedef struct Chain
{
	RelFileLocator locator;
	uint64 generation; /* of all its runs */
	uint32 nruns; /* 0 = none */
	Kept *last[NLEVELS]; /* level z: at the last place that FANOUT^z divides */
} Chain;

/* A run of the transaction in progress. */
typedef struct Written
{
	RelFileLocator locator;
	uint64 generation;
	uint32 place; /* in its chain */
	Kept *kept; /* NULL = none */
} Written;

static Chain chains[NPLACES];
static Written written[NPLACES];
static bool has_written = false;

static int slot_of(Relation rel);
static int level_of(uint32 place);
static void append_run(Chain *chain, Written *run);
static void end_chain(Chain *chain);
static void drop_written(Written *run);
static Kept *keep_rows(const TsdbBatch *rows, uint64 run_no);
static void *copy_array(const void *array, Size nbytes);

void
tsdb_baserows_offer(Relation rel, TsdbRunOffer *offer)
{
	const Chain *chain = &chains[slot_of(rel)];
	const Kept *base;

	memset(offer, 0, sizeof(*offer));
	if (chain->nruns == 0 || chain->nruns == CHAIN_RUNS || !RelFileLocatorEquals(chain->locator, rel->rd_locator))
		return;
	base = chain->last[level_of(chain->nruns)];
	offer->run_no = base->run_no;
	offer->rows = &base->rows;
	offer->generation = chain->generation;
}

void
tsdb_baserows_note(Relation rel, const TsdbBatch *rows, uint64 run_no, const TsdbRunOffer *offer)
{
	Written *run = &written[slot_of(rel)];

	if (!offer->may_serve || rows->nrows < MIN_ROWS || rows->series == NULL || rows->kinds != NULL ||
		(uint64) rows->nrows * rows->ncolumns > MAX_WORDS)
		return;
	drop_written(run);
	run->kept = keep_rows(rows, run_no);
	run->locator = rel->rd_locator;
	run->generation = offer->generation;
	run->place = offer->is_used ? chains[slot_of(rel)].nruns : 0;
	has_written = true;
}

void
tsdb_baserows_forget(Relation rel)
{
	end_chain(&chains[slot_of(rel)]);
	drop_written(&written[slot_of(rel)]);
}

void
tsdb_baserows_end(bool committed)
{
	if (!has_written)
		return;
	for (int i = 0; i < NPLACES; i++)
		if (written[i].kept != NULL && committed)
			append_run(&chains[i], &written[i]);
		else
			drop_written(&written[i]);
	has_written = false;
}

// private functions

static int
slot_of(Relation rel)
{
	return TSDB_LOCATOR_NUMBER(rel->rd_locator) % NPLACES;
}

/* The level whose last run is the base of the run at a place. */
static int
level_of(uint32 place)
{
	int level = 0;

	for (; level < NLEVELS - 1 && place % FANOUT == 0; place /= FANOUT)
		level++;
	return level;
}

/* A run that was committed: the next of the chain, or the first of a new one. */
static void
append_run(Chain *chain, Written *run)
{
	int level = NLEVELS - 1;

	if (run->place == 0)
	{
		end_chain(chain);
		chain->locator = run->locator;
		chain->generation = run->generation;
	}
	else if (run->place != chain->nruns || !RelFileLocatorEquals(run->locator, chain->locator))
	{
		drop_written(run);
		return;
	}
	else
		level = level_of(run->place);

	for (; level >= 0; level--)
	{
		Kept *old = chain->last[level];

		if (old != NULL && --old->nlevels == 0)
			MemoryContextDelete(old->context);
		chain->last[level] = run->kept;
		run->kept->nlevels++;
	}
	chain->nruns++;
	run->kept = NULL;
}

static void
end_chain(Chain *chain)
{
	for (int level = 0; level < NLEVELS; level++)
		if (chain->last[level] != NULL && --chain->last[level]->nlevels == 0)
			MemoryContextDelete(chain->last[level]->context);
	memset(chain, 0, sizeof(Chain));
}

static void
drop_written(Written *run)
{
	if (run->kept != NULL)
		MemoryContextDelete(run->kept->context);
	run->kept = NULL;
}

/* A copy of the series and the columns that differences are made of. */
static Kept *
keep_rows(const TsdbBatch *rows, uint64 run_no)
{
	MemoryContext context = AllocSetContextCreate(TopMemoryContext, "tsdb base rows", ALLOCSET_SMALL_SIZES);
	MemoryContext caller = MemoryContextSwitchTo(context);
	Kept *kept = palloc0(sizeof(Kept));
	TsdbBatch *copy = &kept->rows;

	kept->context = context;
	kept->run_no = run_no;
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
	MemoryContextSwitchTo(caller);
	return kept;
}

static void *
copy_array(const void *array, Size nbytes)
{
	void *copy = palloc(nbytes);

	memcpy(copy, array, nbytes);
	return copy;
}
