/*-------------------------------------------------------------------------
 *
 * codec_fuzz.c
 *	  libFuzzer target of codec/: damaged chunks, and round trips.
 *
 * Input: action u8, type u8, n u16, then the bytes of a chunk, or words to
 * encode.  Aborts when a round trip is not exact, when a fold counts other
 * values than decoding gives, or when what a damaged chunk decodes to does not
 * survive being encoded again.
 *-------------------------------------------------------------------------
 */
#include "codec/codec_private.h"
#include "tap.h"

enum
{
	ACTION_DECODE,
	ACTION_ENCODE,
	ACTION_TIMES,
	ACTION_FLAGS,
	ACTION_TEXT,
	ACTION_DELTAS,
	NACTIONS
};

static Arena arena;
static const TsdbMem mem = {arena_alloc, &arena};
static uint64_t words[TSDB_MAX_VALUES];
static uint64_t decoded[TSDB_MAX_VALUES];

extern int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t nbytes);

static void check(bool condition);
static TsdbType type_from_byte(uint8_t byte);
static uint32_t fill_words(TsdbType type, TsdbSpan src);
static void fuzz_decode(TsdbSpan src, TsdbType type, uint32_t n);
static void fuzz_encode(TsdbType type, uint32_t n);
static void round_trip(const TsdbBytes *chunk, TsdbType type, uint32_t n);
static void fuzz_times(TsdbSpan src, uint32_t n);
static void fuzz_flags(TsdbSpan src, uint32_t n);
static void fuzz_text(TsdbSpan src, uint32_t n);

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t nbytes)
{
	TsdbSpan src = tsdb_span(bytes, nbytes);
	uint8_t action;
	uint8_t type_byte;
	uint16_t n;
	TsdbType type;

	if (!tsdb_span_read_u8(&src, &action) || !tsdb_span_read_u8(&src, &type_byte) || !tsdb_span_read_u16(&src, &n))
		return 0;
	type = type_from_byte(type_byte);
	n = (uint16_t) (n % (TSDB_MAX_VALUES + 1));
	switch (action % NACTIONS)
	{
		case ACTION_DECODE:
			fuzz_decode(src, type, n);
			break;
		case ACTION_ENCODE:
			fuzz_encode(type, fill_words(type, src));
			break;
		case ACTION_TIMES:
			fuzz_times(src, n);
			break;
		case ACTION_FLAGS:
			fuzz_flags(src, n);
			break;
		case ACTION_TEXT:
			fuzz_text(src, n);
			break;
		case ACTION_DELTAS:
		{
			uint32_t count = fill_words(type, src);

			/* Neighbours that are near, as in a real series. */
			for (uint32_t i = 1; i < count; i++)
				words[i] = words[i - 1] + (uint64_t) ((int64_t) words[i] >> (type_byte % 64));
			for (uint32_t i = 0; i < count && type == TSDB_TYPE_FLOAT4; i++)
				words[i] = (uint32_t) words[i];
			fuzz_encode(type, count);
			break;
		}
	}
	arena_reset(&arena);
	return 0;
}

// private functions

static void
check(bool condition)
{
	if (!condition)
		abort();
}

static TsdbType
type_from_byte(uint8_t byte)
{
	static const TsdbType types[] = {TSDB_TYPE_FLOAT8, TSDB_TYPE_FLOAT4, TSDB_TYPE_INT8, TSDB_TYPE_BOOL};

	return types[byte & 3];
}

/* Words of 1 .. 8 bytes each from the input, by its first byte; returns how many. */
static uint32_t
fill_words(TsdbType type, TsdbSpan src)
{
	uint8_t width_byte = 0;
	uint32_t n = 0;
	size_t width;

	(void) tsdb_span_read_u8(&src, &width_byte);
	width = 1 + width_byte % 8;
	while (n < TSDB_MAX_VALUES)
	{
		uint64_t word = 0;
		double value;

		if (!tsdb_span_read(&src, &word, width))
			break;
		/* A third of the widths stands for printed decimals. */
		value = (double) (int64_t) word / 100;
		if (type == TSDB_TYPE_FLOAT8 && width_byte % 3 == 1)
			memcpy(&word, &value, 8);
		words[n++] = type == TSDB_TYPE_FLOAT4 ? (uint32_t) word : word;
	}
	return n;
}

static void
fuzz_decode(TsdbSpan src, TsdbType type, uint32_t n)
{
	TsdbFold fold;
	TsdbStatus status = tsdb_column_decode(src, type, decoded, n, &mem);
	TsdbStatus fold_status = tsdb_column_fold(src, type, n, &fold, &mem);
	TsdbBytes again;

	if (status != TSDB_OK)
		return;
	/* Folding refuses integers of DEC that are too great, which decoding lets pass. */
	check(fold_status != TSDB_OK || fold.n == n);
	tsdb_bytes_init(&again, &mem);
	memcpy(words, decoded, n * sizeof(uint64_t));
	tsdb_column_encode(&again, type, words, n, NULL, &mem);
	round_trip(&again, type, n);
}

static void
fuzz_encode(TsdbType type, uint32_t n)
{
	TsdbBytes out;

	tsdb_bytes_init(&out, &mem);
	tsdb_column_encode(&out, type, words, n, NULL, &mem);
	round_trip(&out, type, n);
	for (TsdbCodec codec = TSDB_CODEC_RAW; codec <= TSDB_CODEC_INT && n > 0; codec++)
	{
		out.len = 0;
		if (tsdb_chunk_encode_as(&out, codec, 2, type, words, n, TSDB_MASK_ALL, &mem))
			round_trip(&out, type, n);
	}
}

static void
round_trip(const TsdbBytes *chunk, TsdbType type, uint32_t n)
{
	uint8_t *bytes = exact_copy(&mem, chunk->data, chunk->len);
	TsdbFold fold;

	check(tsdb_column_decode(tsdb_span(bytes, chunk->len), type, decoded, n, &mem) == TSDB_OK);
	check(n == 0 || memcmp(decoded, words, n * sizeof(uint64_t)) == 0);
	check(tsdb_column_fold(tsdb_span(bytes, chunk->len), type, n, &fold, &mem) == TSDB_OK && fold.n == n);
}

static void
fuzz_times(TsdbSpan src, uint32_t n)
{
	int64_t base_us = 0;
	TsdbBytes again;

	(void) tsdb_span_read(&src, &base_us, 8);
	if (tsdb_times_decode(src, (int64_t *) decoded, n, base_us, &mem) != TSDB_OK)
		return;
	tsdb_bytes_init(&again, &mem);
	tsdb_times_encode(&again, (int64_t *) decoded, n, base_us, &mem);
	check(tsdb_times_decode(tsdb_span(again.data, again.len), (int64_t *) words, n, base_us, &mem) == TSDB_OK);
	check(memcmp(words, decoded, n * sizeof(uint64_t)) == 0);
}

static void
fuzz_flags(TsdbSpan src, uint32_t n)
{
	uint8_t *flags = tsdb_mem_array(&mem, n, 1);
	uint8_t *back = tsdb_mem_array(&mem, n, 1);
	TsdbBytes again;

	if (tsdb_flags_decode(src, flags, n, &mem) != TSDB_OK)
		return;
	tsdb_bytes_init(&again, &mem);
	tsdb_flags_encode(&again, flags, n, &mem);
	check(tsdb_flags_decode(tsdb_span(again.data, again.len), back, n, &mem) == TSDB_OK);
	check(memcmp(flags, back, n) == 0);
}

static void
fuzz_text(TsdbSpan src, uint32_t n)
{
	TsdbBytes strings;
	TsdbBytes back;
	TsdbBytes again;

	tsdb_bytes_init(&strings, &mem);
	if (tsdb_text_decode(src, decoded, n, &strings, 1 << 20, &mem) != TSDB_OK)
		return;
	tsdb_bytes_init(&again, &mem);
	tsdb_bytes_init(&back, &mem);
	tsdb_text_encode(&again, strings.data, decoded, n, true, &mem);
	check(tsdb_text_decode(tsdb_span(again.data, again.len), words, n, &back, (size_t) 1 << 30, &mem) == TSDB_OK);
	for (uint32_t i = 0; i < n; i++)
	{
		uint32_t length;

		memcpy(&length, strings.data + decoded[i], 4);
		check(memcmp(strings.data + decoded[i], back.data + words[i], 4 + (size_t) length) == 0);
	}
}
