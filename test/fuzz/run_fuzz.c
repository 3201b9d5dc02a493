/*-------------------------------------------------------------------------
 *
 * run_fuzz.c
 *	  Arbitrary bytes as a run header and as a chunk of a run.
 *
 * First byte: even = header, odd = chunk.
 *
 *	header	The bytes get the checksum that they lack.  What decodes must code
 *			to a header that decodes to the same.
 *	chunk	A small run and one entry of its header are taken from the first
 *			bytes, the rest is the chunk.  What decodes is merged with itself
 *			and coded again, and must then come back.
 *-------------------------------------------------------------------------
 */
#include <stdlib.h>

#include "format/merge.h"
#include "format/run.h"

#define MAX_PIECES 65536

static void *pieces[MAX_PIECES];
static size_t npieces;

extern int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t nbytes);

static void *
piece_alloc(void *region, size_t nbytes)
{
	void *piece = malloc(nbytes ? nbytes : 1);

	if (piece == NULL || npieces == MAX_PIECES)
		abort();
	pieces[npieces++] = piece;
	return piece;
}

static const TsdbMem mem = {piece_alloc, NULL};

static void
require(bool holds)
{
	if (!holds)
		abort();
}

static void
fuzz_header(TsdbSpan src)
{
	TsdbBytes bytes;
	TsdbRun run;
	TsdbRun again;
	TsdbSpan read;

	tsdb_bytes_init(&bytes, &mem);
	tsdb_bytes_append(&bytes, src.at, tsdb_span_left(&src));
	tsdb_bytes_append_u32(&bytes, tsdb_crc32c(src.at, tsdb_span_left(&src)));
	read = tsdb_span(bytes.data, bytes.len);
	if (tsdb_runheader_decode(&read, &run, &mem) != TSDB_OK)
		return;
	tsdb_bytes_init(&bytes, &mem);
	tsdb_runheader_encode(&bytes, &run, &mem);
	read = tsdb_span(bytes.data, bytes.len);
	require(tsdb_runheader_decode(&read, &again, &mem) == TSDB_OK && tsdb_span_left(&read) == 0);
	require(run.run_no == again.run_no && run.min_seq == again.min_seq && run.max_seq == again.max_seq &&
			run.barrier_seq == again.barrier_seq && run.base_no == again.base_no && run.nrows == again.nrows && run.nchunks == again.nchunks &&
			run.min_time == again.min_time && run.max_time == again.max_time &&
			run.payload_bytes == again.payload_bytes && run.first_page == again.first_page);
}

/* read_entry - what the header would say of the chunk, from a few bytes. */
static bool
read_entry(TsdbSpan *src, TsdbRun *run, TsdbRunChunk *chunk)
{
	uint16_t nrows;
	uint8_t series;
	uint8_t span;
	uint32_t range_ms;

	memset(run, 0, sizeof(*run));
	memset(chunk, 0, sizeof(*chunk));
	if (!tsdb_span_read_u16(src, &nrows) || !tsdb_span_read_u8(src, &series) || !tsdb_span_read_u8(src, &span) ||
		!tsdb_span_read_u32(src, &range_ms))
		return false;
	chunk->nrows = nrows % (TSDB_MAX_VALUES + 1);
	chunk->first.series = 1 + series;
	chunk->last.series = chunk->first.series + span;
	chunk->first.time = 800000000000000;
	chunk->last.time = chunk->first.time + (int64_t) range_ms * 1000;
	chunk->nbytes = (uint32_t) tsdb_span_left(src);
	run->run_no = 1000;
	run->min_seq = 900;
	run->max_seq = 1000;
	run->nrows = chunk->nrows;
	run->min_time = chunk->first.time;
	run->max_time = chunk->last.time;
	run->nchunks = 1;
	run->chunks = chunk;
	return chunk->nrows > 0;
}

static bool
is_text_inside(const TsdbBatch *batch, uint64_t word)
{
	uint32_t length;

	if (batch->arena.len < 4 || word > batch->arena.len - 4)
		return false;
	memcpy(&length, batch->arena.data + word, 4);
	return length <= batch->arena.len - 4 - word;
}

static void
check_batch(const TsdbBatch *batch)
{
	uint32_t row;
	int i;

	for (row = 1; row < batch->nrows; row++)
		require(tsdb_key_compare(tsdb_batch_key(batch, row - 1), tsdb_batch_key(batch, row)) <= 0);
	for (i = 0; i < batch->ncolumns; i++)
	{
		const TsdbColumn *column = &batch->columns[i];

		for (row = 0; column->type == TSDB_TYPE_TEXT && row < batch->nrows; row++)
		{
			if (column->states == NULL || column->states[row] == TSDB_CELL_VALUE)
				require(is_text_inside(batch, column->words[row]));
		}
	}
}

static void
merge_with_itself(const TsdbBatch *batch)
{
	TsdbMergeSource sources[2];
	TsdbOrigin *origins;
	TsdbBatch out;
	int i;

	for (i = 0; i < 2; i++)
	{
		sources[i].batch = batch;
		sources[i].from = 0;
		sources[i].until = batch->nrows;
		sources[i].is_pending = i == 1;
	}
	require(tsdb_merge_rows(NULL, 0, 0, sources, 2, 950, &out, &origins, &mem) == TSDB_OK);
	require(out.nrows <= batch->nrows && out.kinds == NULL);
	check_batch(&out);
	require(tsdb_merge_versions(sources, 2, &out, &mem) == TSDB_OK);
	check_batch(&out);
}

static void
code_again(const TsdbBatch *batch, const TsdbWanted *wanted, int nwanted)
{
	TsdbBytes payload;
	TsdbRun run;
	uint32_t i;

	memset(&run, 0, sizeof(run));
	tsdb_bytes_init(&payload, &mem);
	tsdb_run_encode(&run, &payload, batch, false, NULL, true, &mem);
	for (i = 0; i < run.nchunks; i++)
	{
		const TsdbRunChunk *chunk = &run.chunks[i];
		TsdbBatch part;
		uint32_t row;

		require(tsdb_runchunk_decode(tsdb_span(payload.data + chunk->offset, chunk->nbytes), &run, chunk, wanted,
									 nwanted, &part, &mem) == TSDB_OK);
		for (row = 0; row < part.nrows; row++)
			require(tsdb_key_compare(tsdb_batch_key(&part, row),
									 tsdb_batch_key(batch, (uint32_t) chunk->first_row + row)) == 0);
	}
}

/* A run of the same rows, coded against them; and the input itself, as if it were coded against its own rows. */
static void
code_against(TsdbSpan src, const TsdbRun *run, const TsdbBatch *batch, const TsdbWanted *wanted, int nwanted)
{
	TsdbSticky stickies[4];
	TsdbBytes payload;
	TsdbBatch part;
	TsdbRun again;

	memset(stickies, 0, sizeof(stickies));
	memset(&again, 0, sizeof(again));
	tsdb_bytes_init(&payload, &mem);
	if (tsdb_run_encode_against(&again, &payload, batch, 7, batch, stickies, true, &mem))
	{
		again.run_no = again.min_seq = again.max_seq = 8;
		require(tsdb_runchunk_decode(tsdb_span(payload.data, payload.len), &again, again.chunks, wanted, nwanted, &part,
									 &mem) == TSDB_OK);
		check_batch(&part);
		require(part.nrows == batch->nrows && memcmp(part.times, batch->times, batch->nrows * sizeof(int64_t)) == 0);
	}
	again = *run;
	again.base = batch;
	if (tsdb_runchunk_decode(src, &again, again.chunks, wanted, nwanted, &part, &mem) == TSDB_OK)
		check_batch(&part);
}

static void
fuzz_chunk(TsdbSpan src)
{
	static const TsdbType types[] = {TSDB_TYPE_FLOAT8, TSDB_TYPE_INT4, TSDB_TYPE_TEXT, TSDB_TYPE_BOOL};
	static const uint8_t text[] = {2, 0, 0, 0, 'o', 'k'};
	TsdbWanted wanted[4];
	TsdbRun run;
	TsdbRunChunk chunk;
	TsdbBatch batch;
	int i;

	memset(wanted, 0, sizeof(wanted));
	for (i = 0; i < 4; i++)
	{
		wanted[i].attnum = (int16_t) (3 + i);
		wanted[i].type = (uint8_t) types[i];
		wanted[i].missing_text = text;
	}
	if (!read_entry(&src, &run, &chunk) ||
		tsdb_runchunk_decode(src, &run, &chunk, wanted, 4, &batch, &mem) != TSDB_OK)
		return;
	check_batch(&batch);
	merge_with_itself(&batch);
	code_again(&batch, wanted, 4);
	code_against(src, &run, &batch, wanted, 4);
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t nbytes)
{
	if (nbytes > 0 && bytes[0] % 2 == 0)
		fuzz_header(tsdb_span(bytes + 1, nbytes - 1));
	else if (nbytes > 0)
		fuzz_chunk(tsdb_span(bytes + 1, nbytes - 1));
	while (npieces > 0)
		free(pieces[--npieces]);
	return 0;
}
