/*-------------------------------------------------------------------------
 *
 * run.c
 *	  Cutting a sorted batch into the chunks of a run, and the run's header.
 *
 * Header, all but the first byte varints:
 *
 *	 1 byte		flags: bit 0 fresh (min_seq = max_seq = run_no), bit 1 the payload lies in pages, bit 2 coded against a base
 *	 1 byte		tier
 *	 varint		run_no
 *	 zvarint	run_no - max_seq, varint max_seq - min_seq: unless fresh
 *	 varint		min_seq - barrier_seq
 *	 varint		run_no - base_no, when flagged
 *	 varint		first_page, when flagged
 *	 varint		number of chunks; 0 ends the header
 *	 chunks		first key less the last key of the chunk before (series 0, time 0 before the first): varint, zvarint
 *				last key less first key: varint, zvarint; varint nrows; varint nbytes
 *	 zvarint	min_time - time of the first row, varint max_time - min_time
 *	 u32		crc32c of all the above
 *
 * Chunk payload: runchunk.h.
 *-------------------------------------------------------------------------
 */
#include "format/run.h"
#include "base/scratch.h"
#include "format/runchunk.h"

#define FLAG_FRESH 0x01
#define FLAG_PAGES 0x02
#define FLAG_BASE 0x04
#define MAX_SERIES_ID 0x0FFFFFFFu
#define MIN_CHUNK_BYTES 6 /* of a chunk's entry in the header */

static void encode_chunks(TsdbRun *run, TsdbBytes *payload, const TsdbBatch *batch, bool fresh, TsdbSticky *stickies,
						  bool use_lz4, const TsdbMem *mem);
static bool has_series_of(const TsdbBatch *batch, const TsdbBatch *base);
static uint32_t chunk_end(const TsdbBatch *batch, uint32_t from);
static uint32_t series_end(const TsdbBatch *batch, uint32_t from);
static uint32_t key_boundary(const TsdbBatch *batch, uint32_t from, uint32_t at);
static bool is_same_key(const TsdbBatch *batch, uint32_t row, uint32_t other);
static uint32_t count_chunks(const TsdbBatch *batch);
static void measure_times(TsdbRun *run, const TsdbBatch *batch);
static void measure_sequences(TsdbRun *run, const TsdbBatch *batch);
static void append_chunk_entries(TsdbBytes *out, const TsdbRun *run);
static TsdbStatus read_numbers(TsdbSpan *src, TsdbRun *run);
static TsdbStatus read_chunk_entries(TsdbSpan *src, TsdbRun *run, const TsdbMem *mem);
static TsdbStatus read_chunk_entry(TsdbSpan *src, TsdbKey before, TsdbRunChunk *chunk);
static bool read_key(TsdbSpan *src, TsdbKey before, TsdbKey *key);
static TsdbStatus read_times(TsdbSpan *src, TsdbRun *run);
static uint32_t count_numbers(uint64_t nrows);

void
tsdb_run_encode(TsdbRun *run, TsdbBytes *payload, const TsdbBatch *batch, bool fresh, TsdbSticky *stickies,
				bool use_lz4, const TsdbMem *mem)
{
	run->base_no = 0;
	run->base = NULL;
	encode_chunks(run, payload, batch, fresh, stickies, use_lz4, mem);
}

bool
tsdb_run_encode_against(TsdbRun *run, TsdbBytes *payload, const TsdbBatch *batch, uint64_t base_no,
						const TsdbBatch *base, TsdbSticky *stickies, bool use_lz4, const TsdbMem *mem)
{
	size_t start = payload->len;

	if (batch->kinds != NULL || !has_series_of(batch, base) || count_chunks(batch) != 1)
		return false;
	run->base_no = base_no;
	run->base = base;
	encode_chunks(run, payload, batch, true, stickies, use_lz4, mem);
	if (run->base != NULL)
		return true;
	payload->len = start;
	return false;
}

void
tsdb_runheader_encode(TsdbBytes *out, const TsdbRun *run, const TsdbMem *scratch)
{
	bool fresh = run->min_seq == run->run_no && run->max_seq == run->run_no;
	size_t start = out->len;

	tsdb_bytes_append_u8(out, (uint8_t) ((fresh ? FLAG_FRESH : 0) | (run->first_page != 0 ? FLAG_PAGES : 0) |
										 (run->base_no != 0 ? FLAG_BASE : 0)));
	tsdb_bytes_append_u8(out, run->tier);
	tsdb_bytes_append_varint(out, run->run_no);
	if (!fresh)
	{
		tsdb_bytes_append_zvarint(out, (int64_t) (run->run_no - run->max_seq));
		tsdb_bytes_append_varint(out, run->max_seq - run->min_seq);
	}
	tsdb_bytes_append_varint(out, run->min_seq - run->barrier_seq);
	if (run->base_no != 0)
		tsdb_bytes_append_varint(out, run->run_no - run->base_no);
	if (run->first_page != 0)
		tsdb_bytes_append_varint(out, run->first_page);
	tsdb_bytes_append_varint(out, run->nchunks);
	if (run->nchunks > 0)
	{
		append_chunk_entries(out, run);
		tsdb_bytes_append_zvarint(out, (int64_t) ((uint64_t) run->min_time - (uint64_t) run->chunks[0].first.time));
		tsdb_bytes_append_varint(out, (uint64_t) run->max_time - (uint64_t) run->min_time);
	}
	tsdb_bytes_append_u32(out, tsdb_crc32c(out->data + start, out->len - start));
}

TsdbStatus
tsdb_runheader_decode(TsdbSpan *src, TsdbRun *run, const TsdbMem *mem)
{
	const uint8_t *start = src->at;
	size_t nbytes;
	uint32_t crc;

	memset(run, 0, sizeof(*run));
	if (read_numbers(src, run) != TSDB_OK || read_chunk_entries(src, run, mem) != TSDB_OK)
		return TSDB_CORRUPT;
	if (run->nchunks > 0 && read_times(src, run) != TSDB_OK)
		return TSDB_CORRUPT;
	nbytes = (size_t) (src->at - start);
	if (!tsdb_span_read_u32(src, &crc) || crc != tsdb_crc32c(start, nbytes))
		return TSDB_CORRUPT;
	return TSDB_OK;
}

// private functions

/* encode_chunks - what the two public ones do; tsdb_runchunk_encode forgets a base that does not help. */
static void
encode_chunks(TsdbRun *run, TsdbBytes *payload, const TsdbBatch *batch, bool fresh, TsdbSticky *stickies,
			  bool use_lz4, const TsdbMem *mem)
{
	size_t start = payload->len;
	TsdbScratch scratch;
	uint32_t from = 0;
	uint32_t i;

	tsdb_scratch_init(&scratch, mem);
	run->nrows = batch->nrows;
	run->nnumbers = count_numbers(batch->nrows);
	run->nchunks = count_chunks(batch);
	run->chunks = (TsdbRunChunk *) tsdb_mem_alloc(mem, ((size_t) run->nchunks + 1) * sizeof(TsdbRunChunk));
	measure_times(run, batch);
	if (!fresh)
		measure_sequences(run, batch);
	for (i = 0; i < run->nchunks; i++)
	{
		TsdbRunChunk *chunk = &run->chunks[i];
		uint32_t until = chunk_end(batch, from);
		size_t before = payload->len;

		tsdb_scratch_reset(&scratch);
		tsdb_runchunk_encode(payload, run, batch, from, until, fresh, stickies, use_lz4, &scratch.mem);
		chunk->first = tsdb_batch_key(batch, from);
		chunk->last = tsdb_batch_key(batch, until - 1);
		chunk->nrows = until - from;
		chunk->first_row = from;
		chunk->offset = before - start;
		chunk->nbytes = (uint32_t) (payload->len - before);
		from = until;
	}
	run->payload_bytes = payload->len - start;
}

/* has_series_of - the same series, more than one, row by row. */
static bool
has_series_of(const TsdbBatch *batch, const TsdbBatch *base)
{
	return batch->nrows == base->nrows && batch->nrows > 1 && batch->series != NULL && base->series != NULL &&
		   batch->series[0] != batch->series[batch->nrows - 1] &&
		   memcmp(batch->series, base->series, batch->nrows * sizeof(uint32_t)) == 0;
}

/*
 * chunk_end - where the chunk that begins at `from` ends.
 *
 * Versions of one key stay together while they fit into TSDB_MAX_VALUES; a key
 * with more is cut, which readers that look at neighbouring chunks (last key
 * of one = first key of the next) put together again.
 */
static uint32_t
chunk_end(const TsdbBatch *batch, uint32_t from)
{
	uint32_t until = series_end(batch, from);

	while (until - from < TSDB_RUN_CHUNK_MIN && until < batch->nrows)
		until = series_end(batch, until);
	if (until - from > TSDB_RUN_CHUNK_ROWS)
		until = key_boundary(batch, from, from + TSDB_RUN_CHUNK_ROWS);
	return until;
}

/* series_end - first row behind the series of row `from`, by doubling steps and bisection. */
static uint32_t
series_end(const TsdbBatch *batch, uint32_t from)
{
	uint32_t step = 1;
	uint32_t low = from;
	uint32_t high;

	if (batch->series == NULL)
		return batch->nrows;
	while (step < batch->nrows - low && batch->series[low + step] == batch->series[from])
	{
		low += step;
		step *= 2;
	}
	high = step < batch->nrows - low ? low + step : batch->nrows;
	while (high - low > 1)
	{
		uint32_t middle = low + (high - low) / 2;

		if (batch->series[middle] == batch->series[from])
			low = middle;
		else
			high = middle;
	}
	return high;
}

/* key_boundary - the row at or before `at` that begins a key; when there is none behind `from`, the first after. */
static uint32_t
key_boundary(const TsdbBatch *batch, uint32_t from, uint32_t at)
{
	uint32_t row = at;

	while (row > from && is_same_key(batch, row, row - 1))
		row--;
	if (row > from)
		return row;
	row = at;
	while (row < batch->nrows && row - from < TSDB_MAX_VALUES && is_same_key(batch, row, row - 1))
		row++;
	return row;
}

static bool
is_same_key(const TsdbBatch *batch, uint32_t row, uint32_t other)
{
	return batch->times[row] == batch->times[other] &&
		   (batch->series == NULL || batch->series[row] == batch->series[other]);
}

static uint32_t
count_chunks(const TsdbBatch *batch)
{
	uint32_t nchunks = 0;
	uint32_t from;

	for (from = 0; from < batch->nrows; from = chunk_end(batch, from))
		nchunks++;
	return nchunks;
}

static void
measure_times(TsdbRun *run, const TsdbBatch *batch)
{
	uint32_t i;

	run->min_time = batch->nrows > 0 ? batch->times[0] : 0;
	run->max_time = run->min_time;
	for (i = 1; i < batch->nrows; i++)
	{
		if (batch->times[i] < run->min_time)
			run->min_time = batch->times[i];
		if (batch->times[i] > run->max_time)
			run->max_time = batch->times[i];
	}
}

static void
measure_sequences(TsdbRun *run, const TsdbBatch *batch)
{
	uint32_t i;

	run->min_seq = batch->sequences != NULL && batch->nrows > 0 ? batch->sequences[0] : batch->sequence;
	run->max_seq = run->min_seq;
	for (i = 1; batch->sequences != NULL && i < batch->nrows; i++)
	{
		if (batch->sequences[i] < run->min_seq)
			run->min_seq = batch->sequences[i];
		if (batch->sequences[i] > run->max_seq)
			run->max_seq = batch->sequences[i];
	}
}

static void
append_chunk_entries(TsdbBytes *out, const TsdbRun *run)
{
	TsdbKey before = {0, 0};
	uint32_t i;

	for (i = 0; i < run->nchunks; i++)
	{
		const TsdbRunChunk *chunk = &run->chunks[i];

		tsdb_bytes_append_varint(out, chunk->first.series - before.series);
		tsdb_bytes_append_zvarint(out, (int64_t) ((uint64_t) chunk->first.time - (uint64_t) before.time));
		tsdb_bytes_append_varint(out, chunk->last.series - chunk->first.series);
		tsdb_bytes_append_zvarint(out, (int64_t) ((uint64_t) chunk->last.time - (uint64_t) chunk->first.time));
		tsdb_bytes_append_varint(out, chunk->nrows);
		tsdb_bytes_append_varint(out, chunk->nbytes);
		before = chunk->last;
	}
}

/* read_numbers - everything before the list of chunks. */
static TsdbStatus
read_numbers(TsdbSpan *src, TsdbRun *run)
{
	uint8_t flags;
	int64_t above = 0;
	uint64_t range = 0;
	uint64_t barrier;
	uint64_t step;

	if (!tsdb_span_read_u8(src, &flags) || (flags & ~(FLAG_FRESH | FLAG_PAGES | FLAG_BASE)) != 0 ||
		!tsdb_span_read_u8(src, &run->tier) || !tsdb_span_read_varint(src, &run->run_no))
		return TSDB_CORRUPT;
	if ((flags & FLAG_FRESH) == 0 && (!tsdb_span_read_zvarint(src, &above) || !tsdb_span_read_varint(src, &range)))
		return TSDB_CORRUPT;
	run->max_seq = run->run_no - (uint64_t) above;
	if (range > run->max_seq)
		return TSDB_CORRUPT;
	run->min_seq = run->max_seq - range;
	if (!tsdb_span_read_varint(src, &barrier) || barrier > run->min_seq)
		return TSDB_CORRUPT;
	run->barrier_seq = run->min_seq - barrier;
	if ((flags & FLAG_BASE) != 0)
	{
		if (!tsdb_span_read_varint(src, &step) || step == 0 || step >= run->run_no)
			return TSDB_CORRUPT;
		run->base_no = run->run_no - step;
	}
	if ((flags & FLAG_PAGES) != 0 && (!tsdb_span_read_varint(src, &run->first_page) || run->first_page == 0))
		return TSDB_CORRUPT;
	return TSDB_OK;
}

static TsdbStatus
read_chunk_entries(TsdbSpan *src, TsdbRun *run, const TsdbMem *mem)
{
	TsdbKey before = {0, 0};
	uint64_t nchunks;
	uint32_t i;

	if (!tsdb_span_read_varint(src, &nchunks) || nchunks > tsdb_span_left(src) / MIN_CHUNK_BYTES ||
		nchunks > UINT32_MAX)
		return TSDB_CORRUPT;
	run->nchunks = (uint32_t) nchunks;
	run->chunks = (TsdbRunChunk *) tsdb_mem_alloc(mem, ((size_t) nchunks + 1) * sizeof(TsdbRunChunk));
	for (i = 0; i < run->nchunks; i++)
	{
		TsdbRunChunk *chunk = &run->chunks[i];

		if (read_chunk_entry(src, before, chunk) != TSDB_OK)
			return TSDB_CORRUPT;
		if (i > 0 && tsdb_key_compare(before, chunk->first) > 0)
			return TSDB_CORRUPT;
		chunk->first_row = run->nrows;
		chunk->offset = run->payload_bytes;
		run->nrows += chunk->nrows;
		run->payload_bytes += chunk->nbytes;
		before = chunk->last;
	}
	if (run->nrows > (uint64_t) UINT32_MAX * TSDB_RUN_TID_ROWS)
		return TSDB_CORRUPT;
	run->nnumbers = count_numbers(run->nrows);
	return TSDB_OK;
}

static TsdbStatus
read_chunk_entry(TsdbSpan *src, TsdbKey before, TsdbRunChunk *chunk)
{
	uint64_t nrows;
	uint64_t nbytes;

	if (!read_key(src, before, &chunk->first) || !read_key(src, chunk->first, &chunk->last) ||
		tsdb_key_compare(chunk->first, chunk->last) > 0)
		return TSDB_CORRUPT;
	if (!tsdb_span_read_varint(src, &nrows) || nrows == 0 || nrows > TSDB_MAX_VALUES)
		return TSDB_CORRUPT;
	if (nrows == 1 && tsdb_key_compare(chunk->first, chunk->last) != 0)
		return TSDB_CORRUPT;
	if (!tsdb_span_read_varint(src, &nbytes) || nbytes == 0 || nbytes > UINT32_MAX)
		return TSDB_CORRUPT;
	chunk->nrows = (uint32_t) nrows;
	chunk->nbytes = (uint32_t) nbytes;
	return TSDB_OK;
}

static bool
read_key(TsdbSpan *src, TsdbKey before, TsdbKey *key)
{
	uint64_t series;
	int64_t time;

	if (!tsdb_span_read_varint(src, &series) || series > MAX_SERIES_ID - before.series ||
		!tsdb_span_read_zvarint(src, &time))
		return false;
	key->series = before.series + (uint32_t) series;
	key->time = (int64_t) ((uint64_t) before.time + (uint64_t) time);
	return key->series != 0;
}

/* read_times - the range of all rows, which must hold the ends of every chunk. */
static TsdbStatus
read_times(TsdbSpan *src, TsdbRun *run)
{
	int64_t below;
	uint64_t range;
	uint32_t i;

	if (!tsdb_span_read_zvarint(src, &below) || !tsdb_span_read_varint(src, &range))
		return TSDB_CORRUPT;
	run->min_time = (int64_t) ((uint64_t) run->chunks[0].first.time + (uint64_t) below);
	run->max_time = (int64_t) ((uint64_t) run->min_time + range);
	for (i = 0; i < run->nchunks; i++)
	{
		const TsdbRunChunk *chunk = &run->chunks[i];

		if (chunk->first.time < run->min_time || chunk->first.time > run->max_time ||
			chunk->last.time < run->min_time || chunk->last.time > run->max_time)
			return TSDB_CORRUPT;
	}
	return TSDB_OK;
}

static uint32_t
count_numbers(uint64_t nrows)
{
	return nrows == 0 ? 1 : (uint32_t) ((nrows + TSDB_RUN_TID_ROWS - 1) / TSDB_RUN_TID_ROWS);
}
