/*-------------------------------------------------------------------------
 *
 * block.c
 *	  One column of one block or run chunk: cell states and values.
 *
 *		0					every cell is a VALUE; then the values
 *		1					every cell is NULL
 *		2					every cell is ABSENT
 *		3					varint: length of the states, the states (tsdb_flags_encode), the values
 * Only VALUE cells have a value; when there is none, nothing follows.  Values are a column chunk, of
 * TEXT a text chunk.  No cells (n = 0): no bytes.
 *-------------------------------------------------------------------------
 */
#include "format/block.h"
#include "format/ints.h"
#include "format/number.h"

/* First byte: 0 to 2, all cells have that state (TSDB_CELL_...); or they have several. */
#define CELLS_ALL_VALUE 0
#define CELLS_MIXED 3

#define MAX_ARENA_BYTES UINT64_C(0xFFFF0000)

static uint32_t count_values(const uint8_t *states, uint32_t n);
static bool is_uniform(const uint8_t *states, uint32_t n);
static void encode_values(TsdbBytes *out, TsdbType type, const uint64_t *words, uint32_t nvalues,
						  const uint8_t *arena, TsdbSticky *sticky, bool use_lz4, const TsdbMem *scratch);
static TsdbStatus decode_states(TsdbSpan *src, uint8_t *states, uint32_t n, const TsdbMem *scratch);
static TsdbStatus decode_values(TsdbSpan src, TsdbType type, uint64_t *words, uint32_t nvalues,
								TsdbBytes *arena, const TsdbMem *scratch);
static size_t max_text_bytes(TsdbSpan src, uint32_t nvalues, const TsdbBytes *arena);
static void spread_values(uint64_t *words, const uint8_t *states, uint32_t n, uint32_t nvalues);

void
tsdb_cells_encode(TsdbBytes *out, TsdbType type, const uint64_t *words, const uint8_t *states, uint32_t n,
				  const uint8_t *arena, TsdbSticky *sticky, bool use_lz4, const TsdbMem *scratch)
{
	uint64_t *values;
	uint32_t nvalues = 0;
	TsdbBytes flags;

	if (n == 0)
		return;
	if (states == NULL || is_uniform(states, n))
	{
		tsdb_bytes_append_u8(out, states ? states[0] : CELLS_ALL_VALUE);
		if (states == NULL || states[0] == TSDB_CELL_VALUE)
			encode_values(out, type, words, n, arena, sticky, use_lz4, scratch);
		return;
	}

	tsdb_bytes_init(&flags, scratch);
	tsdb_flags_encode(&flags, states, n, scratch);
	tsdb_bytes_append_u8(out, CELLS_MIXED);
	tsdb_bytes_append_varint(out, flags.len);
	tsdb_bytes_append(out, flags.data, flags.len);

	values = (uint64_t *) tsdb_mem_alloc(scratch, n * sizeof(*values));
	for (uint32_t i = 0; i < n; i++)
	{
		values[nvalues] = words[i];
		nvalues += states[i] == TSDB_CELL_VALUE;
	}
	if (nvalues > 0)
		encode_values(out, type, values, nvalues, arena, sticky, use_lz4, scratch);
}

TsdbStatus
tsdb_cells_decode_range(TsdbSpan src, TsdbType type, uint64_t *words, uint8_t *states, bool *has_states,
						uint32_t n, uint32_t from, uint32_t until, TsdbBytes *arena, const TsdbMem *scratch)
{
	TsdbSpan values = src;
	uint8_t kind;

	if (n == 0 || (from == 0 && until == n) || type == TSDB_TYPE_TEXT || !tsdb_span_read_u8(&values, &kind) || kind != CELLS_ALL_VALUE)
		return tsdb_cells_decode(src, type, words, states, has_states, n, arena, scratch);
	*has_states = false;
	return tsdb_column_decode_range(values, type, words, n, from, until, scratch);
}

TsdbStatus
tsdb_cells_decode(TsdbSpan src, TsdbType type, uint64_t *words, uint8_t *states, bool *has_states,
				  uint32_t n, TsdbBytes *arena, const TsdbMem *scratch)
{
	uint8_t kind;
	uint32_t nvalues;

	*has_states = false;
	if (n == 0)
		return tsdb_span_left(&src) == 0 ? TSDB_OK : TSDB_CORRUPT;
	if (n > TSDB_MAX_VALUES || !tsdb_type_is_known(type) || !tsdb_span_read_u8(&src, &kind) || kind > CELLS_MIXED)
		return TSDB_CORRUPT;
	if (kind == CELLS_ALL_VALUE)
		return decode_values(src, type, words, n, arena, scratch);

	*has_states = true;
	if (kind == CELLS_MIXED)
		TSDB_TRY(decode_states(&src, states, n, scratch));
	else
		memset(states, kind, n);
	nvalues = count_values(states, n);
	TSDB_TRY(decode_values(src, type, words, nvalues, arena, scratch));
	spread_values(words, states, n, nvalues);
	return TSDB_OK;
}

bool
tsdb_cells_values(TsdbSpan src, TsdbSpan *values)
{
	uint8_t kind;
	uint64_t nbytes;

	if (!tsdb_span_read_u8(&src, &kind) || kind > CELLS_MIXED)
		return false;
	if (kind == CELLS_MIXED &&
		(!tsdb_span_read_varint(&src, &nbytes) || nbytes > tsdb_span_left(&src) || !tsdb_span_take(&src, (size_t) nbytes, values)))
		return false;
	*values = src;
	return true;
}

// private functions

static uint32_t
count_values(const uint8_t *states, uint32_t n)
{
	uint32_t nvalues = 0;

	for (uint32_t i = 0; i < n; i++)
		nvalues += states[i] == TSDB_CELL_VALUE;
	return nvalues;
}

static bool
is_uniform(const uint8_t *states, uint32_t n)
{
	return memcmp(states, states + 1, n - 1) == 0;
}

static void
encode_values(TsdbBytes *out, TsdbType type, const uint64_t *words, uint32_t nvalues,
			  const uint8_t *arena, TsdbSticky *sticky, bool use_lz4, const TsdbMem *scratch)
{
	if (type == TSDB_TYPE_TEXT)
		tsdb_text_encode(out, arena, words, nvalues, use_lz4, scratch);
	else
		tsdb_column_encode(out, type, words, nvalues, sticky, scratch);
}

static TsdbStatus
decode_states(TsdbSpan *src, uint8_t *states, uint32_t n, const TsdbMem *scratch)
{
	TsdbSpan flags;
	uint64_t nbytes;

	if (!tsdb_span_read_varint(src, &nbytes) || nbytes > tsdb_span_left(src))
		return TSDB_CORRUPT;
	tsdb_span_take(src, (size_t) nbytes, &flags);
	TSDB_TRY(tsdb_flags_decode(flags, states, n, scratch));
	for (uint32_t i = 0; i < n; i++)
		if (states[i] > TSDB_CELL_ABSENT)
			return TSDB_CORRUPT;
	return is_uniform(states, n) ? TSDB_CORRUPT : TSDB_OK;
}

static TsdbStatus
decode_values(TsdbSpan src, TsdbType type, uint64_t *words, uint32_t nvalues,
			  TsdbBytes *arena, const TsdbMem *scratch)
{
	if (nvalues == 0)
		return tsdb_span_left(&src) == 0 ? TSDB_OK : TSDB_CORRUPT;
	if (type == TSDB_TYPE_TEXT)
		return tsdb_text_decode(src, words, nvalues, arena, max_text_bytes(src, nvalues, arena), scratch);
	return tsdb_column_decode(src, type, words, nvalues, scratch);
}

/*
 * max_text_bytes - what a text chunk of that size can hold: LZ4 repeats a byte at most 255
 * times, each string has a length and up to 3 bytes of padding besides.
 */
static size_t
max_text_bytes(TsdbSpan src, uint32_t nvalues, const TsdbBytes *arena)
{
	uint64_t bytes = tsdb_span_left(&src) * UINT64_C(256) + nvalues * UINT64_C(8) + 65536;
	uint64_t room = arena->len < MAX_ARENA_BYTES ? MAX_ARENA_BYTES - arena->len : 0;

	return (size_t) (bytes < room ? bytes : room);
}

/* spread_values - move dense values to their cells, in place, last first; other cells become 0. */
static void
spread_values(uint64_t *words, const uint8_t *states, uint32_t n, uint32_t nvalues)
{
	for (uint32_t i = n; i-- > 0;)
		words[i] = states[i] == TSDB_CELL_VALUE ? words[--nvalues] : 0;
}
