/*-------------------------------------------------------------------------
 *
 * stretch.c
 *	  Archived stretch: blocks of one series as bytes that stand for themselves.
 *
 *		version		u8: 1
 *		columns		varint; of each: id varint, type u8, missing u8: 0 = NULL, 1 = the value follows: a word u64, or of TEXT
 *					varint length and bytes
 *		blocks		varint; of each: base_us zvarint, less the last time of the block before; first_time zvarint, less base_us;
 *					varint last_time - first_time; varint nrows; varint length of the times; per column varint length of the cells
 *		chunks		of each block: times, cells in the order of columns
 *		crc32c
 */
#include "format/block.h"
#include "format/ints.h"
#include "format/number.h"
#include "format/stretch.h"

#define STRETCH_VERSION 1
#define PIECE_TEXT_BYTES (64 * 1024 * 1024) /* strings of a block that is packed */

static void encode_columns(TsdbBytes *out, const TsdbStretch *stretch);
static void encode_directory(TsdbBytes *out, const TsdbStretch *stretch);
static TsdbStatus decode_columns(TsdbSpan *src, TsdbStretch *stretch, const TsdbMem *mem);
static TsdbStatus decode_missing(TsdbSpan *src, TsdbStretchColumn *column);
static TsdbStatus decode_blocks(TsdbSpan *src, TsdbStretch *stretch, const TsdbMem *mem);
static TsdbStatus decode_span(TsdbSpan *src, TsdbStretchBlock *block, const TsdbStretchBlock *previous);
static TsdbStatus take_chunk(TsdbSpan *src, TsdbSpan *chunk);
static uint32_t find_piece(const TsdbBatch *batch, uint32_t from, uint32_t until);
static void pack_block(TsdbStretchBlock *block, const TsdbBatch *batch, uint32_t from, uint32_t until, const TsdbMem *mem);
static TsdbStatus decode_times(const TsdbStretchBlock *block, int64_t *times, const TsdbMem *mem);
static TsdbStatus decode_column(const TsdbStretch *stretch, const TsdbStretchBlock *block, int place, const TsdbWanted *wanted,
								TsdbBatch *batch, TsdbColumn *column, const TsdbMem *mem);
static void fill_column(TsdbBatch *batch, TsdbColumn *column, uint8_t state, uint64_t word, TsdbSpan text);

void
tsdb_stretch_encode(TsdbBytes *out, const TsdbStretch *stretch, const TsdbMem *scratch)
{
	size_t start = out->len;

	tsdb_bytes_append_u8(out, STRETCH_VERSION);
	encode_columns(out, stretch);
	encode_directory(out, stretch);
	for (uint32_t i = 0; i < stretch->nblocks; i++)
	{
		const TsdbStretchBlock *block = &stretch->blocks[i];

		tsdb_bytes_append(out, block->times.at, tsdb_span_left(&block->times));
		for (int c = 0; c < stretch->ncolumns; c++)
			tsdb_bytes_append(out, block->cells[c].at, tsdb_span_left(&block->cells[c]));
	}
	tsdb_bytes_append_crc(out, start);
}

TsdbStatus
tsdb_stretch_decode(TsdbSpan src, TsdbStretch *stretch, const TsdbMem *mem)
{
	uint8_t version;

	memset(stretch, 0, sizeof(*stretch));
	if (!tsdb_span_cut_crc(&src) || !tsdb_span_read_u8(&src, &version) || version != STRETCH_VERSION)
		return TSDB_CORRUPT;
	TSDB_TRY(decode_columns(&src, stretch, mem));
	TSDB_TRY(decode_blocks(&src, stretch, mem));
	return tsdb_span_left(&src) == 0 ? TSDB_OK : TSDB_CORRUPT;
}

void
tsdb_stretch_pack(TsdbBytes *out, const TsdbBatch *batch, uint32_t from, uint32_t until,
				  const uint32_t *column_ids, const TsdbMem *scratch)
{
	TsdbStretch stretch = {0};
	uint32_t npieces = 0;

	stretch.ncolumns = batch->ncolumns;
	stretch.columns = (TsdbStretchColumn *) tsdb_mem_alloc(scratch, ((size_t) batch->ncolumns + 1) * sizeof(TsdbStretchColumn));
	memset(stretch.columns, 0, ((size_t) batch->ncolumns + 1) * sizeof(TsdbStretchColumn));
	for (int c = 0; c < batch->ncolumns; c++)
	{
		stretch.columns[c].id = column_ids[c];
		stretch.columns[c].type = batch->columns[c].type;
		stretch.columns[c].missing_state = TSDB_CELL_NULL;
	}
	for (uint32_t row = from; row < until; row = find_piece(batch, row, until))
		npieces++;
	stretch.blocks = (TsdbStretchBlock *) tsdb_mem_alloc(scratch, ((size_t) npieces + 1) * sizeof(TsdbStretchBlock));
	while (from < until)
	{
		uint32_t end = find_piece(batch, from, until);

		pack_block(&stretch.blocks[stretch.nblocks++], batch, from, end, scratch);
		from = end;
	}
	tsdb_stretch_encode(out, &stretch, scratch);
}

TsdbStatus
tsdb_stretch_rows(const TsdbStretch *stretch, uint32_t block_no, const TsdbWanted *wanted,
				  const int *places, int nwanted, TsdbBatch *batch, const TsdbMem *mem)
{
	const TsdbStretchBlock *block = &stretch->blocks[block_no];

	memset(batch, 0, sizeof(*batch));
	tsdb_bytes_init(&batch->arena, mem);
	batch->nrows = block->nrows;
	batch->times = (int64_t *) tsdb_mem_alloc(mem, block->nrows * sizeof(int64_t));
	batch->columns = (TsdbColumn *) tsdb_mem_alloc(mem, ((size_t) nwanted + 1) * sizeof(TsdbColumn));
	batch->ncolumns = nwanted;
	TSDB_TRY(decode_times(block, batch->times, mem));
	for (int c = 0; c < nwanted; c++)
		TSDB_TRY(decode_column(stretch, block, places[c], &wanted[c], batch, &batch->columns[c], mem));
	return TSDB_OK;
}

// private functions

static void
encode_columns(TsdbBytes *out, const TsdbStretch *stretch)
{
	tsdb_bytes_append_varint(out, (uint64_t) stretch->ncolumns);
	for (int c = 0; c < stretch->ncolumns; c++)
	{
		const TsdbStretchColumn *column = &stretch->columns[c];
		size_t nbytes = tsdb_span_left(&column->missing_text);

		tsdb_bytes_append_varint(out, column->id);
		tsdb_bytes_append_u8(out, column->type);
		tsdb_bytes_append_u8(out, column->missing_state == TSDB_CELL_VALUE);
		if (column->missing_state != TSDB_CELL_VALUE)
			continue;
		if (column->type != TSDB_TYPE_TEXT)
			tsdb_bytes_append_u64(out, column->missing_word);
		else
		{
			tsdb_bytes_append_varint(out, nbytes);
			tsdb_bytes_append(out, column->missing_text.at, nbytes);
		}
	}
}

/* Differences are taken modulo 2^64: times may be as far apart as the infinities. */
static void
encode_directory(TsdbBytes *out, const TsdbStretch *stretch)
{
	uint64_t previous = 0;

	tsdb_bytes_append_varint(out, stretch->nblocks);
	for (uint32_t i = 0; i < stretch->nblocks; i++)
	{
		const TsdbStretchBlock *block = &stretch->blocks[i];

		tsdb_bytes_append_zvarint(out, (int64_t) ((uint64_t) block->base_us - previous));
		tsdb_bytes_append_zvarint(out, (int64_t) ((uint64_t) block->first_time - (uint64_t) block->base_us));
		tsdb_bytes_append_varint(out, (uint64_t) block->last_time - (uint64_t) block->first_time);
		tsdb_bytes_append_varint(out, block->nrows);
		tsdb_bytes_append_varint(out, tsdb_span_left(&block->times));
		for (int c = 0; c < stretch->ncolumns; c++)
			tsdb_bytes_append_varint(out, tsdb_span_left(&block->cells[c]));
		previous = (uint64_t) block->last_time;
	}
}

static TsdbStatus
decode_columns(TsdbSpan *src, TsdbStretch *stretch, const TsdbMem *mem)
{
	uint64_t ncolumns;

	TSDB_TRY(tsdb_varint_decode_max(src, TSDB_STRETCH_MAX_COLUMNS, &ncolumns));
	stretch->ncolumns = (int) ncolumns;
	stretch->columns = (TsdbStretchColumn *) tsdb_mem_alloc(mem, (ncolumns + 1) * sizeof(TsdbStretchColumn));
	memset(stretch->columns, 0, (ncolumns + 1) * sizeof(TsdbStretchColumn));
	for (int c = 0; c < stretch->ncolumns; c++)
	{
		TsdbStretchColumn *column = &stretch->columns[c];
		uint64_t id;

		TSDB_TRY(tsdb_varint_decode_max(src, UINT32_MAX, &id));
		column->id = (uint32_t) id;
		if (!tsdb_span_read_u8(src, &column->type) || !tsdb_type_is_known((TsdbType) column->type))
			return TSDB_CORRUPT;
		TSDB_TRY(decode_missing(src, column));
	}
	return TSDB_OK;
}

static TsdbStatus
decode_missing(TsdbSpan *src, TsdbStretchColumn *column)
{
	uint8_t has_value;

	if (!tsdb_span_read_u8(src, &has_value) || has_value > 1)
		return TSDB_CORRUPT;
	column->missing_state = has_value ? TSDB_CELL_VALUE : TSDB_CELL_NULL;
	if (!has_value)
		return TSDB_OK;
	if (column->type == TSDB_TYPE_TEXT)
	{
		TSDB_TRY(take_chunk(src, &column->missing_text));
		(void) tsdb_span_take(src, tsdb_span_left(&column->missing_text), &column->missing_text);
		return TSDB_OK;
	}
	return tsdb_span_read_u64(src, &column->missing_word) ? TSDB_OK : TSDB_CORRUPT;
}

static TsdbStatus
decode_blocks(TsdbSpan *src, TsdbStretch *stretch, const TsdbMem *mem)
{
	uint64_t nblocks;

	TSDB_TRY(tsdb_varint_decode_max(src, TSDB_STRETCH_MAX_BLOCKS, &nblocks));
	if (nblocks == 0 || nblocks > tsdb_span_left(src))
		return TSDB_CORRUPT;
	stretch->nblocks = (uint32_t) nblocks;
	stretch->blocks = (TsdbStretchBlock *) tsdb_mem_alloc(mem, nblocks * sizeof(TsdbStretchBlock));
	for (uint32_t i = 0; i < stretch->nblocks; i++)
	{
		TsdbStretchBlock *block = &stretch->blocks[i];

		TSDB_TRY(decode_span(src, block, i > 0 ? block - 1 : NULL));
		if (tsdb_span_left(src) < (size_t) stretch->ncolumns + 1)
			return TSDB_CORRUPT;
		block->cells = (TsdbSpan *) tsdb_mem_alloc(mem, ((size_t) stretch->ncolumns + 1) * sizeof(TsdbSpan));
		TSDB_TRY(take_chunk(src, &block->times));
		for (int c = 0; c < stretch->ncolumns; c++)
			TSDB_TRY(take_chunk(src, &block->cells[c]));
		stretch->nrows += block->nrows;
	}
	stretch->first_time = stretch->blocks[0].first_time;
	stretch->last_time = stretch->blocks[nblocks - 1].last_time;

	/* Lengths are known: now the chunks. */
	for (uint32_t i = 0; i < stretch->nblocks; i++)
	{
		TsdbStretchBlock *block = &stretch->blocks[i];

		if (!tsdb_span_take(src, tsdb_span_left(&block->times), &block->times))
			return TSDB_CORRUPT;
		for (int c = 0; c < stretch->ncolumns; c++)
			if (!tsdb_span_take(src, tsdb_span_left(&block->cells[c]), &block->cells[c]))
				return TSDB_CORRUPT;
	}
	return TSDB_OK;
}

static TsdbStatus
decode_span(TsdbSpan *src, TsdbStretchBlock *block, const TsdbStretchBlock *previous)
{
	int64_t base;
	int64_t first;
	uint64_t length;
	uint64_t nrows;

	if (!tsdb_span_read_zvarint(src, &base) || !tsdb_span_read_zvarint(src, &first) || !tsdb_span_read_varint(src, &length))
		return TSDB_CORRUPT;
	TSDB_TRY(tsdb_varint_decode_max(src, TSDB_MAX_VALUES, &nrows));
	block->base_us = (int64_t) ((uint64_t) base + (previous ? (uint64_t) previous->last_time : 0));
	block->first_time = (int64_t) ((uint64_t) block->base_us + (uint64_t) first);
	block->last_time = (int64_t) ((uint64_t) block->first_time + length);
	block->nrows = (uint32_t) nrows;
	if (nrows == 0 || length < nrows - 1 || (nrows == 1) != (length == 0) || block->last_time < block->first_time ||
		(previous != NULL && block->first_time <= previous->last_time))
		return TSDB_CORRUPT;
	return TSDB_OK;
}

/* Read a length; the chunk is that many bytes that are there, somewhere behind. */
static TsdbStatus
take_chunk(TsdbSpan *src, TsdbSpan *chunk)
{
	uint64_t nbytes;

	TSDB_TRY(tsdb_varint_decode_max(src, tsdb_span_left(src), &nbytes));
	if (nbytes > tsdb_span_left(src))
		return TSDB_CORRUPT;
	*chunk = tsdb_span(src->at, (size_t) nbytes);
	return TSDB_OK;
}

/* Where the block that begins at `from` ends. */
static uint32_t
find_piece(const TsdbBatch *batch, uint32_t from, uint32_t until)
{
	uint64_t nbytes = 0;
	uint32_t row = from;

	if (until - from > TSDB_MAX_VALUES)
		until = from + TSDB_MAX_VALUES;
	for (; row < until && (row == from || nbytes <= PIECE_TEXT_BYTES); row++)
		for (int c = 0; c < batch->ncolumns; c++)
		{
			const TsdbColumn *column = &batch->columns[c];
			uint32_t length;

			if (column->type != TSDB_TYPE_TEXT || (column->states != NULL && column->states[row] != TSDB_CELL_VALUE))
				continue;
			memcpy(&length, batch->arena.data + column->words[row], sizeof(length));
			nbytes += length;
		}
	return row;
}

static void
pack_block(TsdbStretchBlock *block, const TsdbBatch *batch, uint32_t from, uint32_t until, const TsdbMem *mem)
{
	TsdbBytes bytes;

	block->base_us = block->first_time = batch->times[from];
	block->last_time = batch->times[until - 1];
	block->nrows = until - from;
	tsdb_bytes_init(&bytes, mem);
	tsdb_times_encode(&bytes, batch->times + from, block->nrows, block->base_us, mem);
	block->times = tsdb_span(bytes.data, bytes.len);
	block->cells = (TsdbSpan *) tsdb_mem_alloc(mem, ((size_t) batch->ncolumns + 1) * sizeof(TsdbSpan));
	for (int c = 0; c < batch->ncolumns; c++)
	{
		const TsdbColumn *column = &batch->columns[c];

		tsdb_bytes_init(&bytes, mem);
		tsdb_cells_encode(&bytes, (TsdbType) column->type, column->words + from, column->states ? column->states + from : NULL,
						  block->nrows, batch->arena.data, NULL, true, mem);
		block->cells[c] = tsdb_span(bytes.data, bytes.len);
	}
}

static TsdbStatus
decode_times(const TsdbStretchBlock *block, int64_t *times, const TsdbMem *mem)
{
	TSDB_TRY(tsdb_times_decode(block->times, times, block->nrows, block->base_us, mem));
	return times[0] == block->first_time && times[block->nrows - 1] == block->last_time ? TSDB_OK : TSDB_CORRUPT;
}

static TsdbStatus
decode_column(const TsdbStretch *stretch, const TsdbStretchBlock *block, int place, const TsdbWanted *wanted,
			  TsdbBatch *batch, TsdbColumn *column, const TsdbMem *mem)
{
	TsdbSpan text = {NULL, NULL};
	bool has_states;
	uint32_t length;

	column->attnum = wanted->attnum;
	column->type = wanted->type;
	column->words = (uint64_t *) tsdb_mem_alloc(mem, block->nrows * sizeof(uint64_t));
	column->states = (uint8_t *) tsdb_mem_alloc(mem, block->nrows);
	if (place < 0)
	{
		if (wanted->missing_state == TSDB_CELL_VALUE && wanted->type == TSDB_TYPE_TEXT)
		{
			memcpy(&length, wanted->missing_text, sizeof(length));
			text = tsdb_span(wanted->missing_text + sizeof(length), length);
		}
		fill_column(batch, column, wanted->missing_state, wanted->missing_word, text);
		return TSDB_OK;
	}
	if (stretch->columns[place].type != wanted->type)
		return TSDB_CORRUPT;
	if (tsdb_span_left(&block->cells[place]) == 0)
	{
		const TsdbStretchColumn *stored = &stretch->columns[place];

		fill_column(batch, column, stored->missing_state, stored->missing_word, stored->missing_text);
		return TSDB_OK;
	}
	TSDB_TRY(tsdb_cells_decode(block->cells[place], (TsdbType) wanted->type, column->words, column->states, &has_states,
							   block->nrows, &batch->arena, mem));
	for (uint32_t i = 0; has_states && i < block->nrows; i++)
		if (column->states[i] == TSDB_CELL_ABSENT)
			return TSDB_CORRUPT;
	if (!has_states)
		column->states = NULL;
	return TSDB_OK;
}

static void
fill_column(TsdbBatch *batch, TsdbColumn *column, uint8_t state, uint64_t word, TsdbSpan text)
{
	static const uint8_t padding[4] = {0};
	uint32_t length = (uint32_t) tsdb_span_left(&text);

	if (state != TSDB_CELL_VALUE)
	{
		memset(column->words, 0, batch->nrows * sizeof(uint64_t));
		memset(column->states, TSDB_CELL_NULL, batch->nrows);
		return;
	}
	if (column->type == TSDB_TYPE_TEXT)
	{
		word = batch->arena.len;
		tsdb_bytes_append_u32(&batch->arena, length);
		tsdb_bytes_append(&batch->arena, text.at, length);
		tsdb_bytes_append(&batch->arena, padding, (4 - batch->arena.len % 4) % 4);
	}
	for (uint32_t i = 0; i < batch->nrows; i++)
		column->words[i] = word;
	column->states = NULL;
}
