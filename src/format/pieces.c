/*-------------------------------------------------------------------------
 *
 * pieces.c
 *	  A merge result as a list of stretches to copy and rows to compose.
 *
 * Texts: an input of which most rows are used gives its whole arena, and its
 * words are moved by a constant; of others each string is copied, equal
 * neighbours once.
 *-------------------------------------------------------------------------
 */
#include "format/pieces.h"

/* An arena up to this size is taken whole whatever is used of it. */
#define SMALL_ARENA_BYTES 1024

/* What becomes of the texts of one input: by source + 1, base first. */
typedef struct TextMove
{
	const TsdbBytes *arena;
	uint32_t nused; /* rows of the result that come from it */
	uint32_t nrows;
	bool whole;
	uint64_t shift; /* whole: new word - old word */
	uint64_t last_word; /* else: the string copied last, and where to */
	uint64_t last_moved;
} TextMove;

static const TsdbBatch *first_input(const TsdbPieces *list);
static bool has_columns_of(const TsdbBatch *batch, const TsdbBatch *other);
static bool has_same_columns(const TsdbPieces *list, const TsdbBatch *first);
static void build_keys(const TsdbPieces *list, TsdbBatch *out, const TsdbMem *mem);
static TsdbKey piece_key(const TsdbPieces *list, const TsdbPiece *piece, bool last);
static void build_series(const TsdbPieces *list, TsdbBatch *out, const TsdbMem *mem);
static TextMove *plan_texts(const TsdbPieces *list, TsdbBatch *out, const TsdbMem *mem);
static void move_arena(TextMove *move, TsdbBytes *arena);
static TsdbStatus build_column(const TsdbPieces *list, int column_no, TextMove *moves, TsdbBatch *out,
							   const TsdbMem *mem);
static bool has_states(const TsdbPieces *list, int column_no);
static TsdbStatus copy_cells(TsdbColumn *to, uint32_t at, const TsdbColumn *from, const TsdbPiece *piece,
							 TextMove *move, TsdbBytes *arena);
static TsdbStatus compose_cell(const TsdbPieces *list, const TsdbPiece *piece, int column_no, TsdbColumn *to,
							   uint32_t at, TextMove *moves, TsdbBytes *arena);
static bool move_text(TextMove *move, uint64_t *word, TsdbBytes *arena);
static bool is_all_values(const uint8_t *states, uint32_t n);

TsdbStatus
tsdb_pieces_build(const TsdbPieces *list, TsdbBatch *out, const TsdbMem *mem)
{
	const TsdbBatch *first = first_input(list);
	TextMove *moves;
	int i;

	memset(out, 0, sizeof(*out));
	tsdb_bytes_init(&out->arena, mem);
	out->nrows = list->nrows;
	out->ncolumns = first ? first->ncolumns : 0;
	out->columns = (TsdbColumn *) tsdb_mem_alloc(mem, ((size_t) out->ncolumns + 1) * sizeof(TsdbColumn));
	if (!has_same_columns(list, first))
		return TSDB_CORRUPT;
	build_keys(list, out, mem);
	for (i = 0; i < out->ncolumns; i++)
		out->columns[i] = first->columns[i];
	moves = plan_texts(list, out, mem);
	for (i = 0; i < out->ncolumns; i++)
	{
		if (build_column(list, i, moves, out, mem) != TSDB_OK)
			return TSDB_CORRUPT;
	}
	return TSDB_OK;
}

// private functions

static const TsdbBatch *
first_input(const TsdbPieces *list)
{
	if (list->base != NULL)
		return list->base;
	return list->nsources > 0 ? list->sources[0].batch : NULL;
}

static bool
has_columns_of(const TsdbBatch *batch, const TsdbBatch *other)
{
	int i;

	if (batch->ncolumns != other->ncolumns)
		return false;
	for (i = 0; i < batch->ncolumns; i++)
	{
		if (batch->columns[i].attnum != other->columns[i].attnum ||
			batch->columns[i].type != other->columns[i].type)
			return false;
	}
	return true;
}

static bool
has_same_columns(const TsdbPieces *list, const TsdbBatch *first)
{
	int i;

	for (i = 0; i < list->nsources; i++)
	{
		if (!has_columns_of(list->sources[i].batch, first))
			return false;
	}
	return true;
}

static void
build_keys(const TsdbPieces *list, TsdbBatch *out, const TsdbMem *mem)
{
	uint32_t done = 0;
	uint32_t i;

	out->times = (int64_t *) tsdb_mem_alloc(mem, ((size_t) out->nrows + 1) * sizeof(int64_t));
	for (i = 0; i < list->npieces; i++)
	{
		const TsdbPiece *piece = &list->pieces[i];

		if (piece->source == TSDB_PIECE_COMPOSED)
			out->times[done++] = list->versions[piece->from].time;
		else if (piece->n == 1)
			out->times[done++] = tsdb_pieces_batch(list, piece->source)->times[piece->from];
		else
		{
			memcpy(out->times + done, tsdb_pieces_batch(list, piece->source)->times + piece->from,
				   piece->n * sizeof(int64_t));
			done += piece->n;
		}
	}
	if (out->nrows == 0)
		return;
	out->series_id = piece_key(list, &list->pieces[0], false).series;
	if (piece_key(list, &list->pieces[list->npieces - 1], true).series != out->series_id)
		build_series(list, out, mem);
}

/* piece_key - key of the first or last row of a piece. */
static TsdbKey
piece_key(const TsdbPieces *list, const TsdbPiece *piece, bool last)
{
	if (piece->source == TSDB_PIECE_COMPOSED)
	{
		TsdbKey key;

		key.series = list->versions[piece->from].series;
		key.time = list->versions[piece->from].time;
		return key;
	}
	return tsdb_batch_key(tsdb_pieces_batch(list, piece->source), last ? piece->from + piece->n - 1 : piece->from);
}

static void
build_series(const TsdbPieces *list, TsdbBatch *out, const TsdbMem *mem)
{
	uint32_t done = 0;
	uint32_t i;
	uint32_t j;

	out->series = (uint32_t *) tsdb_mem_alloc(mem, out->nrows * sizeof(uint32_t));
	for (i = 0; i < list->npieces; i++)
	{
		const TsdbPiece *piece = &list->pieces[i];
		const TsdbBatch *batch;

		if (piece->source == TSDB_PIECE_COMPOSED)
		{
			out->series[done++] = list->versions[piece->from].series;
			continue;
		}
		batch = tsdb_pieces_batch(list, piece->source);
		for (j = 0; j < piece->n; j++)
			out->series[done++] = batch->series ? batch->series[piece->from + j] : batch->series_id;
	}
}

/* plan_texts - decide per input and move whole arenas; NULL when no column is a text. */
static TextMove *
plan_texts(const TsdbPieces *list, TsdbBatch *out, const TsdbMem *mem)
{
	int ninputs = list->nsources + 1;
	TextMove *moves;
	uint32_t i;
	int j;

	for (j = 0; j < out->ncolumns && out->columns[j].type != TSDB_TYPE_TEXT; j++)
		;
	if (j == out->ncolumns)
		return NULL;
	moves = (TextMove *) tsdb_mem_alloc(mem, (size_t) ninputs * sizeof(TextMove));
	memset(moves, 0, (size_t) ninputs * sizeof(TextMove));
	for (i = 0; i < list->npieces; i++)
	{
		if (list->pieces[i].source != TSDB_PIECE_COMPOSED)
			moves[list->pieces[i].source + 1].nused += list->pieces[i].n;
	}
	for (j = 0; j < ninputs; j++)
	{
		const TsdbBatch *batch = tsdb_pieces_batch(list, j - 1);

		if (batch == NULL)
			continue;
		moves[j].arena = &batch->arena;
		moves[j].nrows = batch->nrows;
		moves[j].last_word = UINT64_MAX;
		if (moves[j].nused > 0)
			move_arena(&moves[j], &out->arena);
	}
	return moves;
}

static void
move_arena(TextMove *move, TsdbBytes *arena)
{
	static const uint8_t padding[4] = {0};

	move->whole = move->arena->len <= SMALL_ARENA_BYTES || move->nused >= move->nrows / 2;
	if (!move->whole || move->arena->len == 0)
		return;
	if (arena->len == 0 && arena->data == NULL)
	{
		/* Shared and full to the brim: whoever appends copies it first. */
		arena->data = move->arena->data;
		arena->len = move->arena->len;
		arena->cap = move->arena->len;
		return;
	}
	tsdb_bytes_append(arena, padding, (4 - arena->len % 4) % 4);
	move->shift = arena->len;
	tsdb_bytes_append(arena, move->arena->data, move->arena->len);
}

static TsdbStatus
build_column(const TsdbPieces *list, int column_no, TextMove *moves, TsdbBatch *out, const TsdbMem *mem)
{
	TsdbColumn *to = &out->columns[column_no];
	bool is_text = to->type == TSDB_TYPE_TEXT;
	uint32_t done = 0;
	uint32_t i;

	to->words = (uint64_t *) tsdb_mem_alloc(mem, ((size_t) out->nrows + 1) * sizeof(uint64_t));
	to->states = has_states(list, column_no) ? (uint8_t *) tsdb_mem_alloc(mem, (size_t) out->nrows + 1) : NULL;
	for (i = 0; i < list->npieces; i++)
	{
		const TsdbPiece *piece = &list->pieces[i];
		TsdbStatus status;

		if (piece->source == TSDB_PIECE_COMPOSED)
			status = compose_cell(list, piece, column_no, to, done, is_text ? moves : NULL, &out->arena);
		else
			status = copy_cells(to, done, &tsdb_pieces_batch(list, piece->source)->columns[column_no], piece,
								is_text ? &moves[piece->source + 1] : NULL, &out->arena);
		if (status != TSDB_OK)
			return status;
		done += piece->source == TSDB_PIECE_COMPOSED ? 1 : piece->n;
	}
	if (to->states != NULL && is_all_values(to->states, out->nrows))
		to->states = NULL;
	return TSDB_OK;
}

/* has_states - can a cell of the result be other than a VALUE? */
static bool
has_states(const TsdbPieces *list, int column_no)
{
	uint32_t i;

	for (i = 0; i < list->npieces; i++)
	{
		int32_t source = list->pieces[i].source;

		if (source == TSDB_PIECE_COMPOSED || tsdb_pieces_batch(list, source)->columns[column_no].states != NULL)
			return true;
	}
	return false;
}

static TsdbStatus
copy_cells(TsdbColumn *to, uint32_t at, const TsdbColumn *from, const TsdbPiece *piece, TextMove *move,
		   TsdbBytes *arena)
{
	uint32_t i;

	if (piece->n == 1)
	{
		to->words[at] = from->words[piece->from];
		if (to->states != NULL)
			to->states[at] = from->states ? from->states[piece->from] : TSDB_CELL_VALUE;
	}
	else
	{
		memcpy(to->words + at, from->words + piece->from, piece->n * sizeof(uint64_t));
		if (to->states != NULL && from->states != NULL)
			memcpy(to->states + at, from->states + piece->from, piece->n);
		else if (to->states != NULL)
			memset(to->states + at, TSDB_CELL_VALUE, piece->n);
	}
	if (move == NULL || (move->whole && move->shift == 0))
		return TSDB_OK;
	for (i = 0; i < piece->n; i++)
	{
		if ((to->states == NULL || to->states[at + i] == TSDB_CELL_VALUE) &&
			!move_text(move, &to->words[at + i], arena))
			return TSDB_CORRUPT;
	}
	return TSDB_OK;
}

/* compose_cell - the newest version that has the cell decides; below a FULL row or TOMBSTONE nothing counts. */
static TsdbStatus
compose_cell(const TsdbPieces *list, const TsdbPiece *piece, int column_no, TsdbColumn *to, uint32_t at,
			 TextMove *moves, TsdbBytes *arena)
{
	int32_t source = TSDB_PIECE_BASE;
	uint32_t row = piece->base_row;
	uint8_t state = TSDB_CELL_NULL;
	uint32_t i;

	for (i = piece->n; i-- > 0;)
	{
		const TsdbVersion *version = &list->versions[piece->from + i];
		const uint8_t *states = list->sources[version->source].batch->columns[column_no].states;

		if (version->kind == TSDB_ROW_TOMBSTONE)
			break;
		if (states != NULL && states[version->row] == TSDB_CELL_ABSENT && version->kind == TSDB_ROW_PATCH)
			continue;
		source = version->source;
		row = version->row;
		break;
	}
	if (row != TSDB_PIECE_NO_ROW)
	{
		const TsdbColumn *from = &tsdb_pieces_batch(list, source)->columns[column_no];

		state = from->states ? from->states[row] : TSDB_CELL_VALUE;
		to->words[at] = from->words[row];
	}
	if (state != TSDB_CELL_VALUE)
	{
		to->words[at] = 0;
		to->states[at] = TSDB_CELL_NULL;
		return TSDB_OK;
	}
	to->states[at] = TSDB_CELL_VALUE;
	if (moves != NULL && !move_text(&moves[source + 1], &to->words[at], arena))
		return TSDB_CORRUPT;
	return TSDB_OK;
}

/* move_text - from a word of the input to one of the result. */
static bool
move_text(TextMove *move, uint64_t *word, TsdbBytes *arena)
{
	static const uint8_t padding[4] = {0};
	uint64_t room = move->arena->len;
	uint32_t length;

	if (move->whole)
	{
		*word += move->shift;
		return true;
	}
	if (*word == move->last_word)
	{
		*word = move->last_moved;
		return true;
	}
	if (room < 4 || *word > room - 4)
		return false;
	memcpy(&length, move->arena->data + *word, 4);
	if (length > room - 4 - *word)
		return false;
	tsdb_bytes_append(arena, padding, (4 - arena->len % 4) % 4);
	move->last_word = *word;
	move->last_moved = arena->len;
	tsdb_bytes_append(arena, move->arena->data + *word, 4 + (size_t) length);
	*word = move->last_moved;
	return true;
}

static bool
is_all_values(const uint8_t *states, uint32_t n)
{
	uint32_t i;

	for (i = 0; i < n; i++)
	{
		if (states[i] != TSDB_CELL_VALUE)
			return false;
	}
	return true;
}
