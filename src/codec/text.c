/*-------------------------------------------------------------------------
 *
 * text.c
 *	  n strings, each { length u32, bytes } in an arena at a multiple of 4.
 *
 * Chunk
 *	  tag		u8		codec DICT or RAW in bits 0-2; bit 3: the bytes are LZ4
 *	  d			varint	DICT only: 1 .. max(1, n / 2) distinct strings, ascending by
 *						bytes, a prefix before the longer one; RAW: d = n, in order
 *	  lengths	IPK(d)
 *	  bytes		of all d strings; or, LZ4: size varint, one LZ4 block
 *	  codes		DICT and d > 1: chunk of n int8 words, each 0 .. d - 1
 *
 * LZ4 is taken when it saves more than 5 % and more than 64 bytes.  The decoder
 * knows the exact size of an LZ4 block beforehand and refuses what can't be
 * reached from so few bytes, or what goes beyond the caller's limit, before it
 * takes memory.
 *-------------------------------------------------------------------------
 */
#include <lz4.h>
#include <stdlib.h>

#include "codec/codec_private.h"

#define IS_LZ4 1 /* as tag parameter */
#define MAX_LENGTH (UINT32_C(1) << 30)
#define MAX_ARENA UINT32_MAX
#define LZ4_MIN_SAVED 64
#define LZ4_MAX_RATIO 255 /* no LZ4 block expands by more */
#define TEXT_HEAD sizeof(uint32_t)

/* A distinct string, while it is sorted. */
typedef struct TextEntry
{
	const uint8_t *bytes;
	uint32_t length;
	uint32_t number;
} TextEntry;

/* Distinct strings of a chunk in order of their first use. */
typedef struct TextSet
{
	uint32_t *slots; /* hash table of number + 1 */
	uint32_t mask;
	TextEntry *entries;
	uint32_t count;
	uint32_t limit;
} TextSet;

static TextEntry text_at(const uint8_t *arena, uint64_t word);
static bool collect(TextSet *set, const uint8_t *arena, const uint64_t *words, uint32_t n, uint32_t *numbers, const TsdbMem *scratch);
static int compare_entries(const void *left, const void *right);
static void write_strings(TsdbBytes *out, const TextEntry *entries, uint32_t d, TsdbCodec codec, bool use_lz4, const TsdbMem *scratch);
static bool compress(TsdbBytes *packed, const uint8_t *bytes, size_t nbytes, const TsdbMem *scratch);
static bool read_strings(TsdbSpan *src, bool is_lz4, uint64_t *offsets, uint32_t d, TsdbBytes *arena, size_t max_bytes, const TsdbMem *scratch);
static const uint8_t *read_bytes(TsdbSpan *src, bool is_lz4, size_t nbytes, const TsdbMem *scratch);

/*
 * tsdb_text_encode - see codec.h.
 */
void
tsdb_text_encode(TsdbBytes *out, const uint8_t *arena, const uint64_t *words, uint32_t n,
				 bool use_lz4, const TsdbMem *scratch)
{
	uint32_t *numbers = tsdb_mem_array(scratch, n, sizeof(uint32_t));
	uint64_t *codes;
	uint32_t *rank;
	TextSet set;

	if (n == 0)
		return;
	if (!collect(&set, arena, words, n, numbers, scratch))
	{
		TextEntry *all = tsdb_mem_array(scratch, n, sizeof(TextEntry));

		for (uint32_t i = 0; i < n; i++)
			all[i] = text_at(arena, words[i]);
		write_strings(out, all, n, TSDB_CODEC_RAW, use_lz4, scratch);
		return;
	}
	qsort(set.entries, set.count, sizeof(TextEntry), compare_entries);
	write_strings(out, set.entries, set.count, TSDB_CODEC_DICT, use_lz4, scratch);
	if (set.count == 1)
		return;

	codes = tsdb_mem_array(scratch, n, sizeof(uint64_t));
	rank = tsdb_mem_array(scratch, set.count, sizeof(uint32_t));
	for (uint32_t i = 0; i < set.count; i++)
		rank[set.entries[i].number] = i;
	for (uint32_t i = 0; i < n; i++)
		codes[i] = rank[numbers[i]];
	tsdb_chunk_encode(out, TSDB_TYPE_INT8, codes, n, TSDB_MASK_ALL, scratch);
}

/*
 * tsdb_text_decode - see codec.h.
 *
 *	max_bytes	how much longer arena may become
 */
TsdbStatus
tsdb_text_decode(TsdbSpan src, uint64_t *words, uint32_t n, TsdbBytes *arena, size_t max_bytes,
				 const TsdbMem *scratch)
{
	uint8_t tag;
	uint64_t d = n;
	uint64_t *offsets = words;

	if (n == 0 || n > TSDB_MAX_VALUES)
		return n == 0 && tsdb_span_left(&src) == 0 ? TSDB_OK : TSDB_CORRUPT;
	if (!tsdb_span_read_u8(&src, &tag) || TSDB_TAG_PARAMETER(tag) > IS_LZ4)
		return TSDB_CORRUPT;
	if (TSDB_TAG_CODEC(tag) == TSDB_CODEC_DICT)
	{
		if (!tsdb_span_read_varint(&src, &d) || d == 0 || (d > 1 && d > n / 2))
			return TSDB_CORRUPT;
		offsets = tsdb_mem_array(scratch, (size_t) d, sizeof(uint64_t));
	}
	else if (TSDB_TAG_CODEC(tag) != TSDB_CODEC_RAW)
		return TSDB_CORRUPT;
	if (!read_strings(&src, TSDB_TAG_PARAMETER(tag) == IS_LZ4, offsets, (uint32_t) d, arena, max_bytes, scratch))
		return TSDB_CORRUPT;

	if (offsets != words)
	{
		memset(words, 0, n * sizeof(uint64_t));
		if (d > 1 && tsdb_chunk_decode(&src, TSDB_TYPE_INT8, words, n, TSDB_MASK_ALL, scratch) != TSDB_OK)
			return TSDB_CORRUPT;
		for (uint32_t i = 0; i < n; i++)
		{
			if (words[i] >= d)
				return TSDB_CORRUPT;
			words[i] = offsets[words[i]];
		}
	}
	return tsdb_span_left(&src) == 0 ? TSDB_OK : TSDB_CORRUPT;
}

// private functions

static TextEntry
text_at(const uint8_t *arena, uint64_t word)
{
	TextEntry entry;

	memcpy(&entry.length, arena + word, TEXT_HEAD);
	entry.bytes = arena + word + TEXT_HEAD;
	entry.number = 0;
	return entry;
}

/* Number the distinct strings; false when there are more than max(1, n / 2). */
static bool
collect(TextSet *set, const uint8_t *arena, const uint64_t *words, uint32_t n, uint32_t *numbers, const TsdbMem *scratch)
{
	uint32_t size = 16;

	set->limit = n < 2 ? 1 : n / 2;
	while (size < 2 * set->limit)
		size *= 2;
	set->slots = tsdb_mem_array(scratch, size, sizeof(uint32_t));
	set->entries = tsdb_mem_array(scratch, set->limit, sizeof(TextEntry));
	set->mask = size - 1;
	set->count = 0;
	memset(set->slots, 0, size * sizeof(uint32_t));

	for (uint32_t i = 0; i < n; i++)
	{
		TextEntry entry = text_at(arena, words[i]);
		uint32_t slot;

		/* Often the same entry as before: no need to look at its bytes. */
		if (i > 0 && words[i] == words[i - 1])
		{
			numbers[i] = numbers[i - 1];
			continue;
		}
		slot = (uint32_t) tsdb_hash_bytes(entry.bytes, entry.length) & set->mask;
		for (; set->slots[slot] != 0; slot = (slot + 1) & set->mask)
		{
			const TextEntry *other = &set->entries[set->slots[slot] - 1];

			if (other->length == entry.length && memcmp(other->bytes, entry.bytes, entry.length) == 0)
				break;
		}
		if (set->slots[slot] == 0)
		{
			if (set->count == set->limit)
				return false;
			entry.number = set->count;
			set->entries[set->count++] = entry;
			set->slots[slot] = set->count;
		}
		numbers[i] = set->slots[slot] - 1;
	}
	return true;
}

/* By bytes, a prefix before the longer string. */
static int
compare_entries(const void *left, const void *right)
{
	const TextEntry *a = (const TextEntry *) left;
	const TextEntry *b = (const TextEntry *) right;
	int order = memcmp(a->bytes, b->bytes, a->length < b->length ? a->length : b->length);

	if (order != 0)
		return order;
	return a->length < b->length ? -1 : a->length > b->length;
}

static void
write_strings(TsdbBytes *out, const TextEntry *entries, uint32_t d, TsdbCodec codec, bool use_lz4, const TsdbMem *scratch)
{
	int64_t *lengths = tsdb_mem_array(scratch, d, sizeof(int64_t));
	size_t nbytes = 0;
	uint8_t *bytes;
	TsdbBytes packed;
	bool is_lz4;

	for (uint32_t i = 0; i < d; i++)
	{
		lengths[i] = entries[i].length;
		nbytes += entries[i].length;
	}
	bytes = tsdb_mem_array(scratch, nbytes, 1);
	nbytes = 0;
	for (uint32_t i = 0; i < d; i++)
	{
		memcpy(bytes + nbytes, entries[i].bytes, entries[i].length);
		nbytes += entries[i].length;
	}
	is_lz4 = use_lz4 && compress(&packed, bytes, nbytes, scratch);

	tsdb_bytes_append_u8(out, TSDB_TAG(codec, is_lz4 ? IS_LZ4 : 0));
	if (codec == TSDB_CODEC_DICT)
		tsdb_bytes_append_varint(out, d);
	tsdb_ipk_encode(out, lengths, d);
	if (is_lz4)
	{
		tsdb_bytes_append_varint(out, packed.len);
		tsdb_bytes_append(out, packed.data, packed.len);
	}
	else
		tsdb_bytes_append(out, bytes, nbytes);
}

/* False when it does not pay, or the bytes are too many for one block. */
static bool
compress(TsdbBytes *packed, const uint8_t *bytes, size_t nbytes, const TsdbMem *scratch)
{
	int bound;
	int size;

	if (nbytes <= LZ4_MIN_SAVED || nbytes > LZ4_MAX_INPUT_SIZE)
		return false;
	bound = LZ4_compressBound((int) nbytes);
	tsdb_bytes_init(packed, scratch);
	size = LZ4_compress_default((const char *) bytes, (char *) tsdb_bytes_reserve(packed, (size_t) bound), (int) nbytes, bound);
	if (size <= 0 || (size_t) size + LZ4_MIN_SAVED >= nbytes || (size_t) size + nbytes / 20 >= nbytes)
		return false;
	packed->len = (size_t) size;
	return true;
}

/* Append d strings to the arena and note their offsets. */
static bool
read_strings(TsdbSpan *src, bool is_lz4, uint64_t *offsets, uint32_t d, TsdbBytes *arena, size_t max_bytes, const TsdbMem *scratch)
{
	static const uint8_t zeros[TEXT_HEAD] = {0};
	int64_t *lengths = tsdb_mem_array(scratch, d, sizeof(int64_t));
	size_t nbytes = 0;
	size_t end = arena->len;
	const uint8_t *bytes;

	if (tsdb_ipk_decode(src, lengths, d) != TSDB_OK)
		return false;
	for (uint32_t i = 0; i < d; i++)
	{
		if (lengths[i] < 0 || lengths[i] > (int64_t) MAX_LENGTH)
			return false;
		nbytes += (size_t) lengths[i];
		end = (end + 3) / 4 * 4 + TEXT_HEAD + (size_t) lengths[i];
	}
	if (end - arena->len > max_bytes || end > MAX_ARENA)
		return false;
	bytes = read_bytes(src, is_lz4, nbytes, scratch);
	if (bytes == NULL)
		return false;

	(void) tsdb_bytes_reserve(arena, end - arena->len);
	for (uint32_t i = 0; i < d; i++)
	{
		uint32_t length = (uint32_t) lengths[i];

		tsdb_bytes_append(arena, zeros, (0 - arena->len) % TEXT_HEAD);
		offsets[i] = arena->len;
		tsdb_bytes_append_u32(arena, length);
		tsdb_bytes_append(arena, bytes, length);
		bytes += length;
	}
	return true;
}

/* nbytes bytes of the strings, in the source or unpacked; NULL when damaged. */
static const uint8_t *
read_bytes(TsdbSpan *src, bool is_lz4, size_t nbytes, const TsdbMem *scratch)
{
	TsdbSpan piece;
	uint64_t size;
	uint8_t *unpacked;

	if (!is_lz4)
		return tsdb_span_take(src, nbytes, &piece) ? piece.at : NULL;
	if (!tsdb_span_read_varint(src, &size) || size > INT32_MAX || !tsdb_span_take(src, (size_t) size, &piece) ||
		nbytes > LZ4_MAX_INPUT_SIZE || nbytes / LZ4_MAX_RATIO > size)
		return NULL;
	unpacked = tsdb_mem_array(scratch, nbytes, 1);
	if (LZ4_decompress_safe((const char *) piece.at, (char *) unpacked, (int) size, (int) nbytes) != (int) nbytes)
		return NULL;
	return unpacked;
}
