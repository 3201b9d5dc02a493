/*-------------------------------------------------------------------------
 *
 * image.c
 *	  Before-image: what an edit found at some times of one series, and a fingerprint of what it left there.
 *
 *-------------------------------------------------------------------------
 */
#include "format/image.h"
#include "format/block.h"
#include "format/ints.h"

#define IMAGE_VERSION 1

static TsdbStatus read_piece(TsdbSpan *src, TsdbSpan *piece);
static TsdbStatus decode_keys(TsdbSpan *src, TsdbImage *image, const TsdbMem *mem);
static TsdbStatus decode_column(TsdbSpan *src, TsdbImage *image, int i, const TsdbMem *mem);
static uint64_t cell_value(const TsdbColumn *column, const uint8_t *arena, uint32_t row);

void
tsdb_image_encode(TsdbBytes *out, const TsdbImage *image, TsdbSticky *stickies, const TsdbMem *scratch)
{
	size_t start = out->len;
	TsdbBytes piece;

	tsdb_bytes_append_u8(out, IMAGE_VERSION);
	tsdb_bytes_append_varint(out, image->nsamples);
	tsdb_bytes_append_zvarint(out, image->times[0]);
	tsdb_bytes_init(&piece, scratch);
	tsdb_times_encode(&piece, image->times, image->nsamples, image->times[0], scratch);
	tsdb_bytes_append_varint(out, piece.len);
	tsdb_bytes_append(out, piece.data, piece.len);
	piece.len = 0;
	tsdb_flags_encode(&piece, image->flags, image->nsamples, scratch);
	tsdb_bytes_append_varint(out, piece.len);
	tsdb_bytes_append(out, piece.data, piece.len);

	tsdb_bytes_append_varint(out, (uint64_t) image->ncolumns);
	for (int i = 0; i < image->ncolumns; i++)
	{
		const TsdbColumn *column = &image->before.columns[i];

		piece.len = 0;
		tsdb_cells_encode(&piece, (TsdbType) column->type, column->words, column->states, image->before.nrows,
						  image->before.arena.data, stickies != NULL ? &stickies[i] : NULL, true, scratch);
		tsdb_bytes_append_varint(out, image->column_ids[i]);
		tsdb_bytes_append_u8(out, column->type);
		tsdb_bytes_append_u64(out, image->fingerprints[i]);
		tsdb_bytes_append_varint(out, piece.len);
		tsdb_bytes_append(out, piece.data, piece.len);
	}
	tsdb_bytes_append_crc(out, start);
}

TsdbStatus
tsdb_image_decode(TsdbSpan src, TsdbImage *image, const TsdbMem *mem)
{
	uint8_t version;
	uint64_t ncolumns;

	memset(image, 0, sizeof(*image));
	if (!tsdb_span_cut_crc(&src) || !tsdb_span_read_u8(&src, &version) || version != IMAGE_VERSION)
		return TSDB_CORRUPT;
	TSDB_TRY(decode_keys(&src, image, mem));
	if (!tsdb_span_read_varint(&src, &ncolumns) || ncolumns > TSDB_IMAGE_MAX_COLUMNS)
		return TSDB_CORRUPT;
	image->ncolumns = image->before.ncolumns = (int) ncolumns;
	image->column_ids = (uint32_t *) tsdb_mem_alloc(mem, (ncolumns + 1) * sizeof(uint32_t));
	image->fingerprints = (uint64_t *) tsdb_mem_alloc(mem, (ncolumns + 1) * sizeof(uint64_t));
	image->before.columns = (TsdbColumn *) tsdb_mem_alloc(mem, (ncolumns + 1) * sizeof(TsdbColumn));
	tsdb_bytes_init(&image->before.arena, mem);
	for (int i = 0; i < image->ncolumns; i++)
		TSDB_TRY(decode_column(&src, image, i, mem));
	return tsdb_span_left(&src) == 0 ? TSDB_OK : TSDB_CORRUPT;
}

uint64_t
tsdb_image_fold(uint64_t fingerprint, const TsdbColumn *column, const uint8_t *arena, uint32_t row)
{
	uint64_t value = UINT64_C(0xB7E151628AED2A6A); /* of NULL */

	if (column->states == NULL || column->states[row] == TSDB_CELL_VALUE)
		value = cell_value(column, arena, row);
	fingerprint = (fingerprint ^ value ^ UINT64_C(0x243F6A8885A308D3)) * UINT64_C(0x9E3779B97F4A7C15);
	return fingerprint ^ (fingerprint >> 29);
}

// private functions

static TsdbStatus
read_piece(TsdbSpan *src, TsdbSpan *piece)
{
	uint64_t nbytes;

	if (!tsdb_span_read_varint(src, &nbytes) || nbytes > tsdb_span_left(src) || !tsdb_span_take(src, (size_t) nbytes, piece))
		return TSDB_CORRUPT;
	return TSDB_OK;
}

static TsdbStatus
decode_keys(TsdbSpan *src, TsdbImage *image, const TsdbMem *mem)
{
	uint64_t n;
	int64_t first;
	TsdbSpan piece;
	uint32_t nbefore = 0;

	if (!tsdb_span_read_varint(src, &n) || n == 0 || n > TSDB_IMAGE_MAX_SAMPLES || !tsdb_span_read_zvarint(src, &first))
		return TSDB_CORRUPT;
	image->nsamples = (uint32_t) n;
	image->times = (int64_t *) tsdb_mem_alloc(mem, n * sizeof(int64_t));
	image->flags = (uint8_t *) tsdb_mem_alloc(mem, n);
	TSDB_TRY(read_piece(src, &piece));
	TSDB_TRY(tsdb_times_decode(piece, image->times, image->nsamples, first, mem));
	TSDB_TRY(read_piece(src, &piece));
	TSDB_TRY(tsdb_flags_decode(piece, image->flags, image->nsamples, mem));
	image->before.times = (int64_t *) tsdb_mem_alloc(mem, n * sizeof(int64_t));
	for (uint32_t i = 0; i < image->nsamples; i++)
		if ((image->flags[i] & TSDB_IMAGE_WAS) != 0)
			image->before.times[nbefore++] = image->times[i];
	image->before.nrows = nbefore;
	return TSDB_OK;
}

static TsdbStatus
decode_column(TsdbSpan *src, TsdbImage *image, int i, const TsdbMem *mem)
{
	TsdbColumn *column = &image->before.columns[i];
	uint32_t n = image->before.nrows;
	uint64_t id;
	TsdbSpan piece;
	bool has_states;

	memset(column, 0, sizeof(*column));
	if (!tsdb_span_read_varint(src, &id) || id > UINT32_MAX || !tsdb_span_read_u8(src, &column->type) ||
		!tsdb_span_read_u64(src, &image->fingerprints[i]))
		return TSDB_CORRUPT;
	image->column_ids[i] = (uint32_t) id;
	TSDB_TRY(read_piece(src, &piece));
	column->words = (uint64_t *) tsdb_mem_alloc(mem, ((size_t) n + 1) * sizeof(uint64_t));
	column->states = (uint8_t *) tsdb_mem_alloc(mem, (size_t) n + 1);
	TSDB_TRY(tsdb_cells_decode(piece, (TsdbType) column->type, column->words, column->states, &has_states, n,
							   &image->before.arena, mem));
	if (!has_states)
		column->states = NULL;
	return TSDB_OK;
}

/* NaNs are one: text knows no others. */
static uint64_t
cell_value(const TsdbColumn *column, const uint8_t *arena, uint32_t row)
{
	uint64_t word = column->words[row];
	uint32_t nbytes;

	switch ((TsdbType) column->type)
	{
		case TSDB_TYPE_TEXT:
			memcpy(&nbytes, arena + word, sizeof(nbytes));
			return tsdb_hash_bytes(arena + word + sizeof(nbytes), nbytes);
		case TSDB_TYPE_FLOAT8:
			return (word & UINT64_C(0x7FFFFFFFFFFFFFFF)) > UINT64_C(0x7FF0000000000000) ? UINT64_C(0x7FF8000000000000) : word;
		case TSDB_TYPE_FLOAT4:
			return (word & UINT64_C(0x7FFFFFFF)) > UINT64_C(0x7F800000) ? UINT64_C(0x7FC00000) : word;
		default:
			return word;
	}
}
