/*-------------------------------------------------------------------------
 *
 * runchunk.c
 *	  One chunk of a run: keys, kinds, sequences, columns.
 *
 * Layout: runchunk.h.
 *-------------------------------------------------------------------------
 */
#include "format/runchunk.h"
#include "format/block.h"
#include "format/ints.h"
#include "format/runkeys.h"

#define FLAG_TIMES 0x03
#define FLAG_KINDS 0x04
#define SEQUENCES_SHIFT 3
#define FLAG_SEQUENCES (0x03 << SEQUENCES_SHIFT)
#define FLAG_BASE 0x20
#define TYPE_STEPS 0x40
#define TYPE_DIFF 0x80
#define STEPS_MAX_ROWS 512 /* of a series in a chunk; with more, other codecs do as well */

enum
{
	SEQUENCES_RUN = 0,
	SEQUENCES_CONST = 1,
	SEQUENCES_EACH = 2,
	SEQUENCES_SHARED = 3
};

/* How the rows of a chunk are distributed over series. */
typedef struct Series
{
	uint32_t n;
	uint32_t *counts; /* NULL: only one series */
	bool is_even; /* all counts are equal */
} Series;

static const uint8_t *stored_kinds(const TsdbBatch *batch, uint32_t from, uint32_t n);
static uint64_t newest_column(const TsdbBatch *batch);
static void append_piece(TsdbBytes *out, const TsdbBytes *piece);
static void count_series(Series *series, const TsdbBatch *batch, uint32_t from, uint32_t n, const TsdbMem *scratch);
static int append_sequences(TsdbBytes *out, const TsdbRun *run, const TsdbBatch *batch, uint32_t from, uint32_t n,
							const Series *series, const TsdbMem *scratch);
static bool repeats(const uint64_t *values, uint32_t n, uint32_t period);
static uint64_t append_columns(TsdbBytes *out, TsdbRun *run, const TsdbBatch *batch, uint32_t from, uint32_t n,
							   const Series *series, const uint8_t *kinds, TsdbSticky *stickies, bool use_lz4, const TsdbMem *scratch);
static bool has_gaps(const uint8_t *states, uint32_t n);
static bool append_difference(TsdbBytes *cells, const TsdbBatch *base, const TsdbColumn *column, uint32_t from,
							  uint32_t n, const TsdbMem *scratch);
static bool append_steps(TsdbBytes *cells, const Series *series, const TsdbColumn *column, uint32_t from, uint32_t n,
						 const TsdbMem *scratch);
static bool take_smaller(TsdbBytes *cells, const TsdbBytes *other);
static const uint8_t *settle_states(const TsdbColumn *column, uint32_t from, uint32_t n, const uint8_t *kinds,
									uint8_t *settled, bool *absent);
static TsdbStatus read_kinds(TsdbSpan *src, TsdbBatch *batch, const TsdbMem *mem);
static TsdbStatus read_sequences(TsdbSpan *src, int mode, const TsdbRun *run, const Series *series, TsdbBatch *batch,
								 const TsdbMem *mem);
static TsdbStatus check_sequences(const TsdbBatch *batch);
static TsdbStatus read_columns(TsdbSpan *src, const TsdbBatch *base, const Series *series, int16_t newest, const TsdbWanted *wanted,
							   int nwanted, TsdbBatch *batch, const TsdbMem *mem);
static TsdbStatus read_difference(TsdbSpan cells, uint8_t type, const TsdbBatch *base, const Series *series,
								  bool has_kinds, uint32_t n, TsdbColumn *column, const TsdbMem *mem);
static TsdbStatus read_cells(TsdbSpan cells, TsdbBatch *batch, TsdbColumn *column, uint8_t **states,
							 const TsdbMem *mem);
static TsdbStatus check_states(const uint8_t *states, const uint8_t *kinds, uint32_t n);
static void fill_missing(const TsdbWanted *wanted, int16_t newest, TsdbBatch *batch, TsdbColumn *column, const TsdbMem *mem);
static uint64_t missing_word(const TsdbWanted *wanted, TsdbBatch *batch);

void
tsdb_runchunk_encode(TsdbBytes *out, TsdbRun *run, const TsdbBatch *batch, uint32_t from, uint32_t until,
					 bool fresh, TsdbSticky *stickies, bool use_lz4, const TsdbMem *scratch)
{
	uint32_t n = until - from;
	const uint8_t *kinds = stored_kinds(batch, from, n);
	TsdbBytes piece;
	uint64_t ncolumns;
	uint8_t flags;
	size_t flags_at = out->len;
	Series series;

	count_series(&series, batch, from, n, scratch);
	tsdb_bytes_append_u8(out, 0);
	flags = (uint8_t) tsdb_runkeys_encode(out, batch, from, until, run->base != NULL, run->min_time, scratch);
	if (run->base != NULL)
		flags |= FLAG_BASE;
	tsdb_bytes_init(&piece, scratch);
	if (kinds != NULL)
	{
		flags |= FLAG_KINDS;
		tsdb_flags_encode(&piece, kinds, n, scratch);
		append_piece(out, &piece);
		tsdb_bytes_append_varint(out, newest_column(batch));
	}
	if (!fresh)
		flags |= (uint8_t) (append_sequences(out, run, batch, from, n, &series, scratch) << SEQUENCES_SHIFT);
	out->data[flags_at] = flags;

	piece.len = 0;
	ncolumns = append_columns(&piece, run, batch, from, n, &series, kinds, stickies, use_lz4, scratch);
	tsdb_bytes_append_varint(out, ncolumns);
	tsdb_bytes_append(out, piece.data, piece.len);
	tsdb_bytes_append_crc(out, flags_at);
}

TsdbStatus
tsdb_runchunk_decode(TsdbSpan src, const TsdbRun *run, const TsdbRunChunk *chunk, const TsdbWanted *wanted,
					 int nwanted, TsdbBatch *batch, const TsdbMem *mem)
{
	const TsdbBatch *base = NULL;
	uint64_t newest = INT16_MAX;
	Series series;
	uint8_t flags;

	memset(batch, 0, sizeof(*batch));
	tsdb_bytes_init(&batch->arena, mem);
	if (!tsdb_span_cut_crc(&src) || !tsdb_span_read_u8(&src, &flags) || (flags & ~(FLAG_TIMES | FLAG_KINDS | FLAG_SEQUENCES | FLAG_BASE)) != 0)
		return TSDB_CORRUPT;
	if ((flags & FLAG_BASE) != 0)
	{
		base = run->base;
		if (base == NULL || (flags & FLAG_KINDS) != 0)
			return TSDB_CORRUPT;
	}
	if (tsdb_runkeys_decode(&src, (TsdbRunTimes) (flags & FLAG_TIMES), run, chunk, base, batch, mem) != TSDB_OK)
		return TSDB_CORRUPT;
	if ((flags & FLAG_KINDS) != 0 &&
		(read_kinds(&src, batch, mem) != TSDB_OK || !tsdb_span_read_varint(&src, &newest) || newest > INT16_MAX))
		return TSDB_CORRUPT;
	count_series(&series, batch, 0, batch->nrows, mem);
	if (read_sequences(&src, (flags & FLAG_SEQUENCES) >> SEQUENCES_SHIFT, run, &series, batch, mem) != TSDB_OK)
		return TSDB_CORRUPT;
	if (read_columns(&src, base, &series, (int16_t) newest, wanted, nwanted, batch, mem) != TSDB_OK)
		return TSDB_CORRUPT;
	return tsdb_span_left(&src) == 0 ? TSDB_OK : TSDB_CORRUPT;
}

// private functions

/* stored_kinds - kinds of the rows, or NULL when all are FULL. */
static const uint8_t *
stored_kinds(const TsdbBatch *batch, uint32_t from, uint32_t n)
{
	uint32_t i;

	if (batch->kinds == NULL)
		return NULL;
	for (i = 0; i < n; i++)
	{
		if (batch->kinds[from + i] != TSDB_ROW_FULL)
			return batch->kinds + from;
	}
	return NULL;
}

/* newest_column - the last column of the table that the writer knows, 0 = none. */
static uint64_t
newest_column(const TsdbBatch *batch)
{
	int i = batch->ncolumns - 1;

	if (i >= 0 && batch->columns[i].attnum == TSDB_RUN_ROW_ATTNUM)
		i--;
	return i < 0 ? 0 : (uint64_t) batch->columns[i].attnum;
}

static void
append_piece(TsdbBytes *out, const TsdbBytes *piece)
{
	tsdb_bytes_append_varint(out, piece->len);
	tsdb_bytes_append(out, piece->data, piece->len);
}

static void
count_series(Series *series, const TsdbBatch *batch, uint32_t from, uint32_t n, const TsdbMem *scratch)
{
	const uint32_t *ids = batch->series ? batch->series + from : NULL;
	uint32_t before = 0;
	uint32_t i;

	series->n = 1;
	series->counts = NULL;
	series->is_even = true;
	if (ids == NULL || ids[0] == ids[n - 1])
		return;
	series->counts = (uint32_t *) tsdb_mem_alloc(scratch, n * sizeof(uint32_t));
	series->n = 0;
	for (i = 1; i <= n; i++)
	{
		if (i < n && ids[i] == ids[i - 1])
			continue;
		series->counts[series->n] = i - before;
		series->is_even &= series->counts[series->n] == series->counts[0];
		series->n++;
		before = i;
	}
}

static int
append_sequences(TsdbBytes *out, const TsdbRun *run, const TsdbBatch *batch, uint32_t from, uint32_t n,
				 const Series *series, const TsdbMem *scratch)
{
	uint64_t first = batch->sequences ? batch->sequences[from] : batch->sequence;
	uint64_t *offsets;
	uint32_t i;

	for (i = 1; batch->sequences != NULL && i < n; i++)
	{
		if (batch->sequences[from + i] != first)
			break;
	}
	if (batch->sequences == NULL || i == n)
	{
		tsdb_bytes_append_varint(out, first - run->min_seq);
		return SEQUENCES_CONST;
	}
	offsets = (uint64_t *) tsdb_mem_alloc(scratch, n * sizeof(uint64_t));
	for (i = 0; i < n; i++)
		offsets[i] = batch->sequences[from + i] - run->min_seq;
	if (series->counts != NULL && series->is_even && repeats(offsets, n, series->counts[0]))
	{
		tsdb_intlist_encode(out, (const int64_t *) offsets, series->counts[0], scratch);
		return SEQUENCES_SHARED;
	}
	tsdb_intlist_encode(out, (const int64_t *) offsets, n, scratch);
	return SEQUENCES_EACH;
}

static bool
repeats(const uint64_t *values, uint32_t n, uint32_t period)
{
	return memcmp(values, values + period, (n - period) * sizeof(uint64_t)) == 0;
}

/* append_columns - returns how many were appended. */
static uint64_t
append_columns(TsdbBytes *out, TsdbRun *run, const TsdbBatch *batch, uint32_t from, uint32_t n,
			   const Series *series, const uint8_t *kinds, TsdbSticky *stickies, bool use_lz4, const TsdbMem *scratch)
{
	uint8_t *settled = kinds ? (uint8_t *) tsdb_mem_alloc(scratch, n) : NULL;
	uint64_t ndifferences = 0;
	TsdbBytes cells;
	uint64_t ncolumns = 0;
	int16_t before = 0;
	int i;

	tsdb_bytes_init(&cells, scratch);
	for (i = 0; i < batch->ncolumns; i++)
	{
		const TsdbColumn *column = &batch->columns[i];
		bool absent = false;
		uint8_t type = column->type;
		const uint8_t *states = settle_states(column, from, n, kinds, settled, &absent);

		if (absent)
			continue;
		cells.len = 0;
		tsdb_cells_encode(&cells, (TsdbType) column->type, column->words + from, states, n, batch->arena.data,
						  stickies ? &stickies[i] : NULL, use_lz4, scratch);
		if (kinds != NULL || has_gaps(states, n))
			;
		else if (run->base != NULL && append_difference(&cells, run->base, column, from, n, scratch))
		{
			type |= TYPE_DIFF;
			ndifferences++;
		}
		else if (append_steps(&cells, series, column, from, n, scratch))
			type |= TYPE_STEPS;
		tsdb_bytes_append_varint(out, (uint64_t) (column->attnum - before));
		tsdb_bytes_append_u8(out, type);
		append_piece(out, &cells);
		before = column->attnum;
		ncolumns++;
	}
	if (ndifferences == 0)
		run->base = NULL;
	return ncolumns;
}

/* has_gaps - is there a cell without a value? */
static bool
has_gaps(const uint8_t *states, uint32_t n)
{
	uint32_t i;

	for (i = 0; states != NULL && i < n; i++)
	{
		if (states[i] != TSDB_CELL_VALUE)
			return true;
	}
	return false;
}

/* append_difference - put the column's difference from the base in place of its cells, if it is smaller. */
static bool
append_difference(TsdbBytes *cells, const TsdbBatch *base, const TsdbColumn *column, uint32_t from, uint32_t n,
				  const TsdbMem *scratch)
{
	const TsdbColumn *old = tsdb_batch_column(base, column->attnum);
	TsdbBytes difference;

	if (old == NULL || old->type != column->type || column->type == TSDB_TYPE_TEXT || old->states != NULL)
		return false;
	tsdb_bytes_init(&difference, scratch);
	tsdb_diff_encode(&difference, (TsdbType) column->type, column->words + from, old->words, n, scratch);
	return take_smaller(cells, &difference);
}

/* append_steps - put the column's steps within each series in place of its cells, if they are smaller. */
static bool
append_steps(TsdbBytes *cells, const Series *series, const TsdbColumn *column, uint32_t from, uint32_t n,
			 const TsdbMem *scratch)
{
	TsdbBytes steps;

	if (series->counts == NULL || series->n == n || n / series->n > STEPS_MAX_ROWS || column->type == TSDB_TYPE_TEXT ||
		column->attnum == TSDB_RUN_ROW_ATTNUM)
		return false;
	tsdb_bytes_init(&steps, scratch);
	tsdb_steps_encode(&steps, (TsdbType) column->type, column->words + from, series->counts, series->n, n, scratch);
	return take_smaller(cells, &steps);
}

static bool
take_smaller(TsdbBytes *cells, const TsdbBytes *other)
{
	if (other->len >= cells->len)
		return false;
	cells->len = 0;
	tsdb_bytes_append(cells, other->data, other->len);
	return true;
}

/*
 * settle_states - cell states that suit the kinds of the rows, whatever the caller left in the cells.
 *
 * kinds NULL: all rows are FULL.  *absent is set when no row has the column.
 */
static const uint8_t *
settle_states(const TsdbColumn *column, uint32_t from, uint32_t n, const uint8_t *kinds, uint8_t *settled,
			  bool *absent)
{
	const uint8_t *states = column->states ? column->states + from : NULL;
	uint32_t nabsent = 0;
	uint32_t i;

	if (kinds == NULL || column->attnum == TSDB_RUN_ROW_ATTNUM)
		return states;
	for (i = 0; i < n; i++)
	{
		uint8_t state = states ? states[i] : TSDB_CELL_VALUE;

		if (kinds[i] == TSDB_ROW_TOMBSTONE)
			state = TSDB_CELL_ABSENT;
		else if (kinds[i] == TSDB_ROW_FULL && state == TSDB_CELL_ABSENT)
			state = TSDB_CELL_NULL;
		settled[i] = state;
		nabsent += state == TSDB_CELL_ABSENT;
	}
	*absent = nabsent == n;
	return settled;
}

static TsdbStatus
read_kinds(TsdbSpan *src, TsdbBatch *batch, const TsdbMem *mem)
{
	uint64_t nbytes;
	TsdbSpan piece;
	uint32_t i;

	if (!tsdb_span_read_varint(src, &nbytes) || nbytes > tsdb_span_left(src) ||
		!tsdb_span_take(src, (size_t) nbytes, &piece))
		return TSDB_CORRUPT;
	batch->kinds = (uint8_t *) tsdb_mem_alloc(mem, batch->nrows);
	if (tsdb_flags_decode(piece, batch->kinds, batch->nrows, mem) != TSDB_OK)
		return TSDB_CORRUPT;
	for (i = 0; i < batch->nrows; i++)
	{
		if (batch->kinds[i] > TSDB_ROW_TOMBSTONE)
			return TSDB_CORRUPT;
	}
	return TSDB_OK;
}

static TsdbStatus
read_sequences(TsdbSpan *src, int mode, const TsdbRun *run, const Series *series, TsdbBatch *batch,
			   const TsdbMem *mem)
{
	uint32_t nstored = batch->nrows;
	uint64_t range = run->max_seq - run->min_seq;
	uint64_t offset;
	uint32_t i;

	if (mode == SEQUENCES_RUN)
	{
		batch->sequence = run->run_no;
		return TSDB_OK;
	}
	if (mode == SEQUENCES_CONST)
	{
		if (!tsdb_span_read_varint(src, &offset) || offset > range)
			return TSDB_CORRUPT;
		batch->sequence = run->min_seq + offset;
		return TSDB_OK;
	}
	if (mode == SEQUENCES_SHARED)
	{
		if (series->counts == NULL || !series->is_even)
			return TSDB_CORRUPT;
		nstored = series->counts[0];
	}
	batch->sequences = (uint64_t *) tsdb_mem_alloc(mem, batch->nrows * sizeof(uint64_t));
	if (tsdb_intlist_decode(src, (int64_t *) batch->sequences, nstored, mem) != TSDB_OK)
		return TSDB_CORRUPT;
	for (i = nstored; i < batch->nrows; i++)
		batch->sequences[i] = batch->sequences[i - nstored];
	for (i = 0; i < batch->nrows; i++)
	{
		if (batch->sequences[i] > range)
			return TSDB_CORRUPT;
		batch->sequences[i] += run->min_seq;
	}
	return check_sequences(batch);
}

/* check_sequences - versions of one key ascend by sequence. */
static TsdbStatus
check_sequences(const TsdbBatch *batch)
{
	uint32_t i;

	for (i = 1; i < batch->nrows; i++)
	{
		if (batch->sequences[i] < batch->sequences[i - 1] && batch->times[i] == batch->times[i - 1] &&
			(batch->series == NULL || batch->series[i] == batch->series[i - 1]))
			return TSDB_CORRUPT;
	}
	return TSDB_OK;
}

/* read_columns - newest: the last column that the writer knew. */
static TsdbStatus
read_columns(TsdbSpan *src, const TsdbBatch *base, const Series *series, int16_t newest, const TsdbWanted *wanted,
			 int nwanted, TsdbBatch *batch, const TsdbMem *mem)
{
	uint8_t *states = NULL;
	uint64_t ncolumns;
	uint64_t i;
	int32_t attnum = 0;
	int next = 0;

	batch->ncolumns = nwanted;
	batch->columns = (TsdbColumn *) tsdb_mem_alloc(mem, ((size_t) nwanted + 1) * sizeof(TsdbColumn));
	if (!tsdb_span_read_varint(src, &ncolumns) || ncolumns > INT16_MAX)
		return TSDB_CORRUPT;
	for (i = 0; i < ncolumns; i++)
	{
		uint64_t step;
		uint8_t type;
		uint64_t nbytes;
		TsdbSpan cells;

		if (!tsdb_span_read_varint(src, &step) || step == 0 || step > (uint64_t) (INT16_MAX - attnum) ||
			!tsdb_span_read_u8(src, &type) || !tsdb_span_read_varint(src, &nbytes) ||
			nbytes > tsdb_span_left(src) || !tsdb_span_take(src, (size_t) nbytes, &cells))
			return TSDB_CORRUPT;
		attnum += (int32_t) step;
		if (attnum > newest && attnum != TSDB_RUN_ROW_ATTNUM)
			return TSDB_CORRUPT;
		for (; next < nwanted && wanted[next].attnum < attnum; next++)
			fill_missing(&wanted[next], newest, batch, &batch->columns[next], mem);
		if (next == nwanted || wanted[next].attnum != attnum)
			continue;
		if (wanted[next].type != (type & ~(TYPE_DIFF | TYPE_STEPS)))
			return TSDB_CORRUPT;
		batch->columns[next].attnum = (int16_t) attnum;
		batch->columns[next].type = wanted[next].type;
		if ((type & (TYPE_DIFF | TYPE_STEPS)) != 0)
		{
			if (read_difference(cells, type, base, series, batch->kinds != NULL, batch->nrows, &batch->columns[next], mem) != TSDB_OK)
				return TSDB_CORRUPT;
		}
		else if (read_cells(cells, batch, &batch->columns[next], &states, mem) != TSDB_OK)
			return TSDB_CORRUPT;
		next++;
	}
	for (; next < nwanted; next++)
		fill_missing(&wanted[next], newest, batch, &batch->columns[next], mem);
	return TSDB_OK;
}

/* read_difference - a column of which every cell has a value, as differences or steps. */
static TsdbStatus
read_difference(TsdbSpan cells, uint8_t type, const TsdbBatch *base, const Series *series, bool has_kinds,
				uint32_t n, TsdbColumn *column, const TsdbMem *mem)
{
	const TsdbColumn *old = base ? tsdb_batch_column(base, column->attnum) : NULL;

	if (has_kinds || column->type == TSDB_TYPE_TEXT || column->attnum == TSDB_RUN_ROW_ATTNUM)
		return TSDB_CORRUPT;
	column->states = NULL;
	column->words = (uint64_t *) tsdb_mem_alloc(mem, n * sizeof(uint64_t));
	if (type == (column->type | TYPE_STEPS) && series->counts != NULL)
		return tsdb_steps_decode(cells, (TsdbType) column->type, column->words, series->counts, series->n, n, mem);
	if (type != (column->type | TYPE_DIFF) || old == NULL || old->type != column->type || old->states != NULL)
		return TSDB_CORRUPT;
	return tsdb_diff_decode(cells, (TsdbType) column->type, old->words, column->words, n, mem);
}

/* read_cells - *states: an array that the column before did not need, or NULL. */
static TsdbStatus
read_cells(TsdbSpan cells, TsdbBatch *batch, TsdbColumn *column, uint8_t **states, const TsdbMem *mem)
{
	uint32_t n = batch->nrows;
	bool has_states = false;

	if (*states == NULL)
		*states = (uint8_t *) tsdb_mem_alloc(mem, n);
	column->words = (uint64_t *) tsdb_mem_alloc(mem, n * sizeof(uint64_t));
	column->states = *states;
	if (tsdb_cells_decode(cells, (TsdbType) column->type, column->words, column->states, &has_states, n,
						  &batch->arena, mem) != TSDB_OK)
		return TSDB_CORRUPT;
	if (has_states)
		*states = NULL;
	else
		column->states = NULL;
	if (column->attnum == TSDB_RUN_ROW_ATTNUM)
		return column->states == NULL ? TSDB_OK : TSDB_CORRUPT;
	return check_states(column->states, batch->kinds, n);
}

/* check_states - FULL rows lack no cell, TOMBSTONEs have none; states NULL = all VALUE, kinds NULL = all FULL. */
static TsdbStatus
check_states(const uint8_t *states, const uint8_t *kinds, uint32_t n)
{
	uint32_t i;

	if (states == NULL && kinds == NULL)
		return TSDB_OK;
	for (i = 0; i < n; i++)
	{
		uint8_t state = states ? states[i] : TSDB_CELL_VALUE;
		uint8_t kind = kinds ? kinds[i] : TSDB_ROW_FULL;

		if (state > TSDB_CELL_ABSENT ||
			(kind == TSDB_ROW_FULL && state == TSDB_CELL_ABSENT) ||
			(kind == TSDB_ROW_TOMBSTONE && state != TSDB_CELL_ABSENT))
			return TSDB_CORRUPT;
	}
	return TSDB_OK;
}

/*
 * fill_missing - a column that the chunk does not hold.
 *
 * No PATCH of the chunk wrote it, if the writer knew it.  Else whatever is older than the PATCH is older than the
 * column too, so the sample has the value for such rows after it, whether it was there before or not.
 */
static void
fill_missing(const TsdbWanted *wanted, int16_t newest, TsdbBatch *batch, TsdbColumn *column, const TsdbMem *mem)
{
	uint32_t n = batch->nrows;
	uint64_t word = missing_word(wanted, batch);
	uint32_t i;

	column->attnum = wanted->attnum;
	column->type = wanted->type;
	column->words = (uint64_t *) tsdb_mem_alloc(mem, n * sizeof(uint64_t));
	column->states = NULL;
	for (i = 0; i < n; i++)
		column->words[i] = word;
	if (batch->kinds == NULL && wanted->missing_state == TSDB_CELL_VALUE)
		return;
	column->states = (uint8_t *) tsdb_mem_alloc(mem, n);
	memset(column->states, wanted->missing_state, n);
	for (i = 0; batch->kinds != NULL && i < n; i++)
	{
		if (batch->kinds[i] == TSDB_ROW_TOMBSTONE || (batch->kinds[i] == TSDB_ROW_PATCH && wanted->attnum <= newest))
			column->states[i] = TSDB_CELL_ABSENT;
	}
}

/* missing_word - the word of the missing value; a text is appended to the arena. */
static uint64_t
missing_word(const TsdbWanted *wanted, TsdbBatch *batch)
{
	static const uint8_t padding[4] = {0};
	TsdbBytes *arena = &batch->arena;
	uint32_t length;
	uint64_t word;

	if (wanted->missing_state != TSDB_CELL_VALUE)
		return 0;
	if (wanted->type != TSDB_TYPE_TEXT)
		return wanted->missing_word;
	tsdb_bytes_append(arena, padding, (4 - arena->len % 4) % 4);
	word = arena->len;
	memcpy(&length, wanted->missing_text, 4);
	tsdb_bytes_append(arena, wanted->missing_text, 4 + (size_t) length);
	return word;
}
