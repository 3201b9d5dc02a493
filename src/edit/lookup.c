/*-------------------------------------------------------------------------
 *
 * lookup.c
 *	  The samples of a table at given times.
 *
 * Windows of the reader are walked beside the times: a block is decoded once if a time lies in it, and not
 * at all if none does.
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "edit/lookup.h"
#include "miscadmin.h"
#include "pg/check.h"
#include "utils/snapmgr.h"
#include "write/buffer.h"

static const TsdbBatch *find_window(TsdbLookup *lookup, TsdbKey key);
static void init_rows(TsdbLookup *lookup, uint32 series, uint32 n, TsdbBatch *rows, TsdbMem *mem);
static void copy_row(TsdbBatch *rows, const TsdbBatch *window, uint32 from, uint32 capacity);

TsdbLookup *
tsdb_lookup_open(Relation rel, const TsdbTable *table, Snapshot snapshot, CommandId curcid, int nwanted)
{
	TsdbLookup *lookup = palloc0(sizeof(TsdbLookup));
	TsdbBatch **pending;
	int npending;

	lookup->rel = rel;
	lookup->snapshot = RegisterSnapshot(snapshot);
	if (lookup->snapshot->curcid != curcid)
	{
		/* It may be shared; the copy is ours alone. */
		UnregisterSnapshot(lookup->snapshot);
		PushCopiedSnapshot(snapshot);
		GetActiveSnapshot()->curcid = curcid;
		lookup->snapshot = RegisterSnapshot(GetActiveSnapshot());
		PopActiveSnapshot();
	}
	pending = tsdb_buffer_pending(rel, table, curcid, &npending);
	table = tsdb_table_get(rel);
	lookup->wanted = table->values;
	lookup->nwanted = nwanted == 0 ? 0 : table->nvalues;
	lookup->reader = tsdb_reader_open(rel, table, lookup->snapshot, lookup->wanted, lookup->nwanted, pending, npending);
	return lookup;
}

void
tsdb_lookup_close(TsdbLookup *lookup)
{
	tsdb_reader_close(lookup->reader);
	UnregisterSnapshot(lookup->snapshot);
	pfree(lookup);
}

void
tsdb_lookup_restrict(TsdbLookup *lookup, const uint32 *series, uint32 nseries, int64 from, int64 until)
{
	tsdb_reader_restrict(lookup->reader, series, nseries, from, until);
	lookup->is_placed = false;
}

void
tsdb_lookup_rows(TsdbLookup *lookup, uint32 series, const int64 *times, uint32 n, bool *found, TsdbBatch *rows)
{
	TsdbMem *mem = palloc(sizeof(TsdbMem));
	uint32 i = 0;

	*mem = tsdb_mem_context(CurrentMemoryContext);
	init_rows(lookup, series, n, rows, mem);
	memset(found, false, n);
	while (i < n)
	{
		TsdbKey key = {series, times[i]};
		const TsdbBatch *window = find_window(lookup, key);
		uint32 row = lookup->row;

		if (window == NULL)
			return;
		for (; i < n; i++)
		{
			TsdbKey there;

			key.time = times[i];
			lookup->asked = key;
			while (row < window->nrows && tsdb_key_compare(tsdb_batch_key(window, row), key) < 0)
				row++;
			lookup->row = row;
			if (row == window->nrows)
				break;
			there = tsdb_batch_key(window, row);
			if (there.series != series)
				return;
			found[i] = there.time == times[i];
			if (found[i])
				copy_row(rows, window, row, n);
		}
	}
}

// private functions

/*
 * The window with the first row at or after key, which is not before lookup->row; NULL: there is none.
 *
 * Where the last search ended is where the next one goes on: between what was asked for and what was found there is
 * nothing, so series without samples in the range cost no search of their own.
 */
static const TsdbBatch *
find_window(TsdbLookup *lookup, TsdbKey key)
{
	bool goes_on = lookup->is_placed && tsdb_key_compare(key, lookup->asked) >= 0;

	CHECK_FOR_INTERRUPTS();
	lookup->asked = key;
	lookup->is_placed = true;
	if (goes_on && (lookup->window == NULL ||
					tsdb_key_compare(tsdb_batch_key(lookup->window, lookup->window->nrows - 1), key) >= 0))
		return lookup->window;
	tsdb_reader_seek(lookup->reader, key);
	lookup->window = tsdb_reader_next(lookup->reader, ForwardScanDirection);
	lookup->row = 0;
	return lookup->window;
}

static void
init_rows(TsdbLookup *lookup, uint32 series, uint32 n, TsdbBatch *rows, TsdbMem *mem)
{
	memset(rows, 0, sizeof(*rows));
	rows->series_id = series;
	rows->times = palloc_array(int64, n + 1);
	rows->ncolumns = lookup->nwanted;
	rows->columns = palloc0_array(TsdbColumn, lookup->nwanted + 1);
	for (int c = 0; c < lookup->nwanted; c++)
	{
		rows->columns[c].attnum = lookup->wanted[c].attnum;
		rows->columns[c].type = lookup->wanted[c].type;
		rows->columns[c].words = palloc_array(uint64, n + 1);
	}
	tsdb_bytes_init(&rows->arena, mem);
}

static void
copy_row(TsdbBatch *rows, const TsdbBatch *window, uint32 from, uint32 capacity)
{
	uint32 to = rows->nrows++;

	rows->times[to] = window->times[from];
	for (int c = 0; c < rows->ncolumns; c++)
	{
		TsdbColumn *column = &rows->columns[c];
		const TsdbColumn *source = &window->columns[c];
		uint8 state = source->states != NULL ? source->states[from] : TSDB_CELL_VALUE;

		if (state != TSDB_CELL_VALUE && column->states == NULL)
		{
			column->states = palloc_array(uint8, capacity + 1);
			memset(column->states, TSDB_CELL_VALUE, capacity);
		}
		if (column->states != NULL)
			column->states[to] = state;
		column->words[to] = state == TSDB_CELL_VALUE ? source->words[from] : 0;
		if (state == TSDB_CELL_VALUE && column->type == TSDB_TYPE_TEXT)
		{
			const uint8_t *text = window->arena.data + source->words[from];
			uint32 padding = 0;
			uint32 nbytes;

			memcpy(&nbytes, text, sizeof(nbytes));
			column->words[to] = rows->arena.len;
			tsdb_bytes_append(&rows->arena, text, sizeof(nbytes) + nbytes);
			tsdb_bytes_append(&rows->arena, &padding, (4 - nbytes % 4) % 4);
		}
	}
}
