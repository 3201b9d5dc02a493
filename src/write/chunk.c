/*-------------------------------------------------------------------------
 *
 * chunk.c
 *	  Growable columns of buffered rows.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "format/merge.h"
#include "fmgr.h"
#include "pg/check.h"
#include "pg/compat.h"
#include "series/columns.h"
#include "utils/memutils.h"
#include "write/chunk.h"

#define FIRST_CAPACITY 16

static void copy_row(TsdbBatch *rows, uint32 to, uint32 from);
static uint32 *visible_rows(const TsdbBufferChunk *chunk, CommandId cid, uint32 *nvisible);
static void start_row(TsdbBufferChunk *chunk, uint32 series, int64 time_us);
static void set_kind(TsdbBufferChunk *chunk, TsdbRowKind kind);
static void end_row(TsdbBufferChunk *chunk, CommandId cid);
static void grow(TsdbBufferChunk *chunk, uint32 capacity);
static void *resize(void *array, Size nbytes);
static void need_kinds(TsdbBufferChunk *chunk);
static void need_states(TsdbBufferChunk *chunk, TsdbColumn *column);
static uint64 datum_to_word(TsdbBufferChunk *chunk, uint8 type, Datum value);
static uint64 append_text(TsdbBufferChunk *chunk, const void *bytes, Size nbytes);
static void copy_rows(TsdbBatch *to, const TsdbBatch *from, uint32 first, uint32 nrows);
static void *copy_array(const void *from, Size nbytes);
static void add_mark(TsdbBufferChunk *chunk, CommandId cid, uint32 first_row);

TsdbBufferChunk *
tsdb_chunk_create(MemoryContext parent, const TsdbTable *table)
{
	MemoryContext context = AllocSetContextCreate(parent, "tsdb buffer", ALLOCSET_SMALL_SIZES);
	TsdbBufferChunk *chunk = MemoryContextAllocZero(context, sizeof(TsdbBufferChunk));
	MemoryContext old = MemoryContextSwitchTo(context);

	chunk->context = context;
	chunk->rows.ncolumns = table->nvalues;
	chunk->rows.columns = palloc0_array(TsdbColumn, table->nvalues + 1);
	for (int i = 0; i < table->nvalues; i++)
	{
		chunk->rows.columns[i].attnum = table->values[i].attnum;
		chunk->rows.columns[i].type = table->values[i].type;
	}
	grow(chunk, FIRST_CAPACITY);
	MemoryContextSwitchTo(old);
	return chunk;
}

void
tsdb_chunk_free(TsdbBufferChunk *chunk)
{
	MemoryContextDelete(chunk->context);
}

bool
tsdb_chunk_fits(const TsdbBufferChunk *chunk, const TsdbTable *table)
{
	if (chunk->rows.ncolumns != table->nvalues)
		return false;
	for (int i = 0; i < table->nvalues; i++)
		if (chunk->rows.columns[i].attnum != table->values[i].attnum ||
			chunk->rows.columns[i].type != table->values[i].type)
			return false;
	return true;
}

void
tsdb_chunk_append(TsdbBufferChunk *chunk, const TsdbTable *table, uint32 series, int64 time_us,
				  TsdbRowKind kind, const Datum *values, const bool *isnull, const bool *written, CommandId cid)
{
	TsdbBatch *rows = &chunk->rows;
	MemoryContext old = MemoryContextSwitchTo(chunk->context);
	uint32 row = rows->nrows;

	start_row(chunk, series, time_us);
	set_kind(chunk, kind);
	for (int i = 0; i < rows->ncolumns; i++)
	{
		TsdbColumn *column = &rows->columns[i];
		int att = column->attnum - 1;
		uint8 state = TSDB_CELL_VALUE;

		if (kind == TSDB_ROW_TOMBSTONE || (written != NULL && !written[att]))
			state = TSDB_CELL_ABSENT;
		else if (isnull[att])
			state = TSDB_CELL_NULL;
		column->words[row] = state == TSDB_CELL_VALUE ? datum_to_word(chunk, column->type, values[att]) : 0;
		if (state != TSDB_CELL_VALUE && column->states == NULL)
			need_states(chunk, column);
		if (column->states != NULL)
			column->states[row] = state;
	}
	end_row(chunk, cid);
	MemoryContextSwitchTo(old);
}

void
tsdb_chunk_append_cells(TsdbBufferChunk *chunk, uint32 series, int64 time_us,
						const TsdbCell *cells, int ncells, CommandId cid)
{
	TsdbBatch *rows = &chunk->rows;
	MemoryContext old = MemoryContextSwitchTo(chunk->context);
	uint32 row = rows->nrows;
	int nwritten = 0;

	if (chunk->last_rows == NULL)
		chunk->last_rows = palloc0_array(uint32, rows->ncolumns + 1);
	start_row(chunk, series, time_us);
	for (int i = 0; i < ncells; i++)
	{
		const TsdbCell *cell = &cells[i];
		TsdbColumn *column = &rows->columns[cell->column];

		if (chunk->last_rows[cell->column] != row + 1)
			nwritten++;
		chunk->last_rows[cell->column] = row + 1;
		if (cell->is_null)
			column->words[row] = 0;
		else if (column->type == TSDB_TYPE_TEXT)
			column->words[row] = append_text(chunk, cell->text, cell->nbytes);
		else
			column->words[row] = cell->word;
		if (cell->is_null && column->states == NULL)
			need_states(chunk, column);
		if (column->states != NULL)
			column->states[row] = cell->is_null ? TSDB_CELL_NULL : TSDB_CELL_VALUE;
	}

	/* Who writes every column writes the whole row. */
	set_kind(chunk, nwritten == rows->ncolumns ? TSDB_ROW_FULL : TSDB_ROW_PATCH);
	for (int i = 0; nwritten < rows->ncolumns && i < rows->ncolumns; i++)
	{
		TsdbColumn *column = &rows->columns[i];

		if (chunk->last_rows[i] == row + 1)
			continue;
		if (column->states == NULL)
			need_states(chunk, column);
		column->states[row] = TSDB_CELL_ABSENT;
		column->words[row] = 0;
	}
	end_row(chunk, cid);
	MemoryContextSwitchTo(old);
}

void
tsdb_chunk_concat(TsdbBufferChunk *chunk, const TsdbBufferChunk *from)
{
	MemoryContext old = MemoryContextSwitchTo(chunk->context);
	TsdbBatch *rows = &chunk->rows;
	const TsdbBatch *more = &from->rows;
	uint32 first = rows->nrows;

	while (chunk->capacity < first + more->nrows)
		grow(chunk, chunk->capacity * 2);
	memcpy(rows->series + first, more->series, sizeof(uint32) * more->nrows);
	memcpy(rows->times + first, more->times, sizeof(int64) * more->nrows);
	if (more->kinds != NULL)
		need_kinds(chunk);
	if (rows->kinds != NULL && more->kinds != NULL)
		memcpy(rows->kinds + first, more->kinds, more->nrows);
	else if (rows->kinds != NULL)
		memset(rows->kinds + first, TSDB_ROW_FULL, more->nrows);
	for (int i = 0; i < rows->ncolumns; i++)
	{
		TsdbColumn *column = &rows->columns[i];
		const TsdbColumn *source = &more->columns[i];

		if (source->states != NULL && column->states == NULL)
			need_states(chunk, column);
		if (column->states != NULL && source->states != NULL)
			memcpy(column->states + first, source->states, more->nrows);
		else if (column->states != NULL)
			memset(column->states + first, TSDB_CELL_VALUE, more->nrows);
		memcpy(column->words + first, source->words, sizeof(uint64) * more->nrows);
		if (column->type == TSDB_TYPE_TEXT)
			for (uint32 row = 0; row < more->nrows; row++)
				if (source->states == NULL || source->states[row] == TSDB_CELL_VALUE)
				{
					uint32 nbytes;

					memcpy(&nbytes, more->arena.data + source->words[row], sizeof(nbytes));
					column->words[first + row] =
						append_text(chunk, more->arena.data + source->words[row] + sizeof(nbytes), nbytes);
				}
	}
	for (int i = 0; i < from->nmarks; i++)
		if (chunk->nmarks == 0 || chunk->marks[chunk->nmarks - 1].cid != from->marks[i].cid)
			add_mark(chunk, from->marks[i].cid, first + from->marks[i].first_row);
	rows->nrows += more->nrows;
	MemoryContextSwitchTo(old);
}

bool
tsdb_chunk_same_columns(const TsdbBufferChunk *a, const TsdbBufferChunk *b)
{
	if (a->rows.ncolumns != b->rows.ncolumns)
		return false;
	for (int i = 0; i < a->rows.ncolumns; i++)
		if (a->rows.columns[i].attnum != b->rows.columns[i].attnum ||
			a->rows.columns[i].type != b->rows.columns[i].type)
			return false;
	return true;
}

CommandId
tsdb_chunk_lowest_cid(const TsdbBufferChunk *chunk)
{
	CommandId lowest = chunk->marks[0].cid;

	for (int i = 1; i < chunk->nmarks; i++)
		lowest = Min(lowest, chunk->marks[i].cid);
	return lowest;
}

CommandId
tsdb_chunk_cid(const TsdbBufferChunk *chunk, uint32 row)
{
	int low = 0;
	int high = chunk->nmarks;

	while (low < high)
	{
		int middle = low + (high - low) / 2;

		if (chunk->marks[middle].first_row <= row)
			low = middle + 1;
		else
			high = middle;
	}
	return chunk->marks[low - 1].cid;
}

TsdbBatch *
tsdb_chunk_visible(const TsdbBufferChunk *chunk, CommandId cid)
{
	TsdbMem mem = tsdb_mem_context(CurrentMemoryContext);
	uint32 nvisible;
	uint32 *visible = visible_rows(chunk, cid, &nvisible);
	TsdbBatch view;
	TsdbBatch *sorted;
	uint32 *order;
	uint32 nwinners;

	if (nvisible == 0)
		return NULL;

	/* The chunk goes on growing, and folding patches changes rows in place: work on a copy. */
	copy_rows(&view, &chunk->rows, 0, visible != NULL ? chunk->rows.nrows : nvisible);
	if (visible != NULL)
	{
		TsdbBatch all = view;

		tsdb_batch_gather(&view, &all, visible, nvisible, &mem);
	}
	sorted = palloc0(sizeof(TsdbBatch));
	tsdb_merge_flush(&view, &order, &nwinners, &mem);
	tsdb_batch_gather(sorted, &view, order, nwinners, &mem);
	return sorted;
}

TsdbBatch *
tsdb_chunk_written(const TsdbBufferChunk *chunk, uint32 from, CommandId cid)
{
	TsdbMem mem = tsdb_mem_context(CurrentMemoryContext);
	uint32 *rows = MemoryContextAllocHuge(CurrentMemoryContext, sizeof(uint32) * ((Size) chunk->rows.nrows - from + 1));
	TsdbBatch view;
	TsdbBatch *sorted;
	uint32 *order;
	uint32 n = 0;

	for (int i = 0; i < chunk->nmarks; i++)
	{
		uint32 until = i + 1 < chunk->nmarks ? chunk->marks[i + 1].first_row : chunk->rows.nrows;

		for (uint32 row = Max(from, chunk->marks[i].first_row); chunk->marks[i].cid == cid && row < until; row++)
			rows[n++] = row - from;
	}
	if (n == 0)
		return NULL;
	copy_rows(&view, &chunk->rows, from, chunk->rows.nrows - from);
	if (n < view.nrows)
	{
		TsdbBatch all = view;

		tsdb_batch_gather(&view, &all, rows, n, &mem);
	}
	sorted = palloc0(sizeof(TsdbBatch));
	tsdb_merge_flush(&view, &order, &n, &mem);
	tsdb_batch_gather(sorted, &view, order, n, &mem);
	return sorted;
}

void
tsdb_chunk_remove(TsdbBufferChunk *chunk, uint32 from, const bool *is_gone)
{
	TsdbBatch *rows = &chunk->rows;
	uint32 kept = from;
	int mark = 0;

	/* Marks of commands whose rows are all gone stay, without rows. */
	for (uint32 row = from; row < rows->nrows; row++)
	{
		for (; mark < chunk->nmarks && chunk->marks[mark].first_row <= row; mark++)
			if (chunk->marks[mark].first_row >= from)
				chunk->marks[mark].first_row = kept;
		if (!is_gone[row - from])
			copy_row(rows, kept++, row);
	}
	rows->nrows = kept;
	if (chunk->last_rows != NULL)
		memset(chunk->last_rows, 0, sizeof(uint32) * rows->ncolumns);
}

// private functions

static void
copy_row(TsdbBatch *rows, uint32 to, uint32 from)
{
	rows->series[to] = rows->series[from];
	rows->times[to] = rows->times[from];
	if (rows->kinds != NULL)
		rows->kinds[to] = rows->kinds[from];
	for (int i = 0; i < rows->ncolumns; i++)
	{
		rows->columns[i].words[to] = rows->columns[i].words[from];
		if (rows->columns[i].states != NULL)
			rows->columns[i].states[to] = rows->columns[i].states[from];
	}
}

/* Rows of commands below cid: their number, and NULL when they are the first so many, else which. */
static uint32 *
visible_rows(const TsdbBufferChunk *chunk, CommandId cid, uint32 *nvisible)
{
	uint32 *rows;
	uint32 n = 0;
	int nlow = 0;

	while (nlow < chunk->nmarks && chunk->marks[nlow].cid < cid)
		nlow++;
	*nvisible = nlow < chunk->nmarks ? chunk->marks[nlow].first_row : chunk->rows.nrows;
	for (int i = nlow; i < chunk->nmarks; i++)
		if (chunk->marks[i].cid < cid)
			n++;
	if (n == 0)
		return NULL;

	n = 0;
	rows = MemoryContextAllocHuge(CurrentMemoryContext, sizeof(uint32) * ((Size) chunk->rows.nrows + 1));
	for (int i = 0; i < chunk->nmarks; i++)
	{
		uint32 until = i + 1 < chunk->nmarks ? chunk->marks[i + 1].first_row : chunk->rows.nrows;

		for (uint32 row = chunk->marks[i].first_row; chunk->marks[i].cid < cid && row < until; row++)
			rows[n++] = row;
	}
	*nvisible = n;
	return rows;
}

static void
start_row(TsdbBufferChunk *chunk, uint32 series, int64 time_us)
{
	uint32 row = chunk->rows.nrows;

	if (row == chunk->capacity)
		grow(chunk, chunk->capacity < 1024 ? chunk->capacity * 4 : chunk->capacity + chunk->capacity / 2);
	chunk->rows.series[row] = series;
	chunk->rows.times[row] = time_us;
}

static void
set_kind(TsdbBufferChunk *chunk, TsdbRowKind kind)
{
	if (kind != TSDB_ROW_FULL)
		need_kinds(chunk);
	if (chunk->rows.kinds != NULL)
		chunk->rows.kinds[chunk->rows.nrows] = kind;
}

static void
end_row(TsdbBufferChunk *chunk, CommandId cid)
{
	if (chunk->nmarks == 0 || chunk->marks[chunk->nmarks - 1].cid != cid)
		add_mark(chunk, cid, chunk->rows.nrows);
	chunk->rows.nrows++;
}

static void
grow(TsdbBufferChunk *chunk, uint32 capacity)
{
	TsdbBatch *rows = &chunk->rows;

	rows->series = resize(rows->series, sizeof(uint32) * capacity);
	rows->times = resize(rows->times, sizeof(int64) * capacity);
	if (rows->kinds != NULL)
		rows->kinds = resize(rows->kinds, capacity);
	for (int i = 0; i < rows->ncolumns; i++)
	{
		rows->columns[i].words = resize(rows->columns[i].words, sizeof(uint64) * capacity);
		if (rows->columns[i].states != NULL)
			rows->columns[i].states = resize(rows->columns[i].states, capacity);
	}
	chunk->capacity = capacity;
	chunk->nbytes = MemoryContextMemAllocated(chunk->context, true);
}

static void *
resize(void *array, Size nbytes)
{
	return array == NULL ? MemoryContextAllocHuge(CurrentMemoryContext, nbytes) : repalloc_huge(array, nbytes);
}

static void
need_kinds(TsdbBufferChunk *chunk)
{
	if (chunk->rows.kinds != NULL)
		return;
	chunk->rows.kinds = palloc_extended(chunk->capacity, MCXT_ALLOC_HUGE);
	memset(chunk->rows.kinds, TSDB_ROW_FULL, chunk->capacity);
}

static void
need_states(TsdbBufferChunk *chunk, TsdbColumn *column)
{
	column->states = palloc_extended(chunk->capacity, MCXT_ALLOC_HUGE);
	memset(column->states, TSDB_CELL_VALUE, chunk->capacity);
}

static uint64
datum_to_word(TsdbBufferChunk *chunk, uint8 type, Datum value)
{
	struct varlena *text;
	uint64 word;

	if (type != TSDB_TYPE_TEXT)
		return tsdb_columns_word(type, value);
	text = PG_DETOAST_DATUM_PACKED(value);
	word = append_text(chunk, VARDATA_ANY(text), VARSIZE_ANY_EXHDR(text));
	if ((Pointer) text != DatumGetPointer(value))
		pfree(text);
	return word;
}

/* The arena is kept by hand: a doubling TsdbBytes would keep its old pieces. */
static uint64
append_text(TsdbBufferChunk *chunk, const void *bytes, Size nbytes)
{
	TsdbBytes *arena = &chunk->rows.arena;
	Size needed = (sizeof(uint32) + nbytes + 3) & ~(Size) 3;
	uint32 length = nbytes;
	uint64 word = arena->len;

	if (arena->cap - arena->len < needed)
	{
		Size cap = Max(arena->cap + arena->cap / 2, 1024);

		while (cap - arena->len < needed)
			cap *= 2;
		arena->data = resize(arena->data, cap);
		arena->cap = cap;
		chunk->nbytes = MemoryContextMemAllocated(chunk->context, true);
	}
	memcpy(arena->data + arena->len, &length, sizeof(length));
	memcpy(arena->data + arena->len + sizeof(length), bytes, nbytes);
	memset(arena->data + arena->len + sizeof(length) + nbytes, 0, needed - sizeof(length) - nbytes);
	arena->len += needed;
	return word;
}

static void
add_mark(TsdbBufferChunk *chunk, CommandId cid, uint32 first_row)
{
	if (chunk->nmarks == chunk->marks_capacity)
	{
		chunk->marks_capacity = Max(4, chunk->marks_capacity * 2);
		chunk->marks = resize(chunk->marks, sizeof(TsdbCidMark) * chunk->marks_capacity);
	}
	chunk->marks[chunk->nmarks].cid = cid;
	chunk->marks[chunk->nmarks].first_row = first_row;
	chunk->nmarks++;
}

static void
copy_rows(TsdbBatch *to, const TsdbBatch *from, uint32 first, uint32 nrows)
{
	*to = *from;
	to->nrows = nrows;
	to->series = copy_array(from->series + first, sizeof(uint32) * nrows);
	to->times = copy_array(from->times + first, sizeof(int64) * nrows);
	to->kinds = from->kinds == NULL ? NULL : copy_array(from->kinds + first, nrows);
	to->columns = copy_array(from->columns, sizeof(TsdbColumn) * (from->ncolumns + 1));
	for (int i = 0; i < from->ncolumns; i++)
	{
		const TsdbColumn *column = &from->columns[i];

		to->columns[i].words = copy_array(column->words + first, sizeof(uint64) * nrows);
		to->columns[i].states = column->states == NULL ? NULL : copy_array(column->states + first, nrows);
	}
	to->arena.data = copy_array(from->arena.data, from->arena.len);
	to->arena.cap = from->arena.len;
}

static void *
copy_array(const void *from, Size nbytes)
{
	void *to;

	if (from == NULL)
		return NULL;
	to = MemoryContextAllocHuge(CurrentMemoryContext, nbytes + 1);
	memcpy(to, from, nbytes);
	return to;
}
