/*-------------------------------------------------------------------------
 *
 * dict.c
 *	  DICT: few distinct values, as codes in a sorted dictionary.
 *
 * Sensors are converters: their values lie on a lattice that need not be
 * decimal.  A sorted dictionary keeps neighbours near, so differences of
 * codes are small.
 *
 * Body, after the tag:
 *	  d			varint, 2 .. 4096
 *	  values	chunk of d words, keys strictly ascending; DEC, BITS, RAW or INT
 *	  codes		IPK(n), each 0 .. d - 1
 *-------------------------------------------------------------------------
 */
#include "codec/codec_private.h"

#define PROBE_STEP 1024 /* values after which a hopeless dictionary is given up */

/* Distinct words of a chunk in order of their first use. */
typedef struct WordSet
{
	uint16_t *slots; /* hash table of number + 1 */
	uint32_t mask;
	uint64_t *words;
	uint32_t count;
	uint32_t limit;
} WordSet;

typedef struct KeyNumber
{
	int64_t key;
	uint32_t number;
} KeyNumber;

static bool collect(WordSet *set, const uint64_t *words, uint32_t n, uint16_t *numbers, const TsdbMem *scratch);
static void sort_keys(KeyNumber *keys, KeyNumber *spare, uint32_t n);
static void write_dictionary(TsdbBytes *out, TsdbType type, const KeyNumber *sorted, uint32_t d, unsigned mask, const TsdbMem *scratch);

/*
 * tsdb_dict_encode - append a whole chunk, tag included.
 *
 * Returns false, with nothing appended, when there are more than n / 2 or
 * 4096 distinct values, or only one.
 */
bool
tsdb_dict_encode(TsdbBytes *out, TsdbType type, const uint64_t *words, uint32_t n, unsigned mask,
				 const TsdbMem *scratch)
{
	uint16_t *numbers = tsdb_mem_array(scratch, n, sizeof(uint16_t));
	int64_t *codes;
	KeyNumber *keys;
	uint32_t *rank;
	WordSet set;

	if (!collect(&set, words, n, numbers, scratch) || set.count < 2)
		return false;
	keys = tsdb_mem_array(scratch, 2 * set.count, sizeof(KeyNumber));
	rank = tsdb_mem_array(scratch, set.count, sizeof(uint32_t));
	codes = tsdb_mem_array(scratch, n, sizeof(int64_t));
	for (uint32_t i = 0; i < set.count; i++)
	{
		keys[i].key = tsdb_key_from_word(type, set.words[i]);
		keys[i].number = i;
	}
	sort_keys(keys, keys + set.count, set.count);
	for (uint32_t i = 0; i < set.count; i++)
		rank[keys[i].number] = i;
	for (uint32_t i = 0; i < n; i++)
		codes[i] = rank[numbers[i]];

	tsdb_bytes_append_u8(out, TSDB_TAG(TSDB_CODEC_DICT, 0));
	write_dictionary(out, type, keys, set.count, mask, scratch);
	tsdb_ipk_encode(out, codes, n);
	return true;
}

/*
 * tsdb_dict_decode - the body of a chunk into n words.
 */
TsdbStatus
tsdb_dict_decode(TsdbSpan *src, TsdbType type, uint64_t *words, uint32_t n, unsigned mask,
				 const TsdbMem *scratch)
{
	uint16_t *codes = tsdb_mem_array(scratch, n, sizeof(uint16_t));
	uint32_t d;
	uint64_t *dictionary = tsdb_dict_read(src, type, n, &d, mask, scratch);

	if (dictionary == NULL || tsdb_ipk_decode_codes(src, codes, n, d) != TSDB_OK)
		return TSDB_CORRUPT;
	for (uint32_t i = 0; i < n; i++)
		words[i] = dictionary[codes[i]];
	return TSDB_OK;
}

/*
 * tsdb_dict_read - the d distinct words before the codes, ascending by key; NULL when they are damaged.
 */
uint64_t *
tsdb_dict_read(TsdbSpan *src, TsdbType type, uint32_t n, uint32_t *d, unsigned mask, const TsdbMem *scratch)
{
	uint64_t count;
	uint64_t *words;

	if (!tsdb_span_read_varint(src, &count) || count < 2 || count > TSDB_MAX_DICTIONARY || count > n / 2)
		return NULL;
	*d = (uint32_t) count;
	words = tsdb_mem_array(scratch, *d, sizeof(uint64_t));
	if (tsdb_chunk_decode(src, type, words, *d, mask & TSDB_MASK_DICTIONARY, scratch) != TSDB_OK)
		return NULL;
	for (uint32_t i = 1; i < *d; i++)
		if (tsdb_key_from_word(type, words[i]) <= tsdb_key_from_word(type, words[i - 1]))
			return NULL;
	return words;
}

// private functions

/* Number the distinct words; false when there are too many. */
static bool
collect(WordSet *set, const uint64_t *words, uint32_t n, uint16_t *numbers, const TsdbMem *scratch)
{
	uint32_t size = 16;

	set->limit = n / 2 < TSDB_MAX_DICTIONARY ? n / 2 : TSDB_MAX_DICTIONARY;
	while (size < 2 * set->limit)
		size *= 2;
	set->slots = tsdb_mem_array(scratch, size, sizeof(uint16_t));
	set->words = tsdb_mem_array(scratch, set->limit, sizeof(uint64_t));
	set->mask = size - 1;
	set->count = 0;
	memset(set->slots, 0, size * sizeof(uint16_t));

	for (uint32_t i = 0; i < n; i++)
	{
		uint64_t product = (words[i] ^ words[i] >> 29) * UINT64_C(0x9e3779b97f4a7c15);
		uint32_t slot = (uint32_t) (product >> 40) & set->mask;

		while (set->slots[slot] != 0 && set->words[set->slots[slot] - 1] != words[i])
			slot = (slot + 1) & set->mask;
		if (set->slots[slot] == 0)
		{
			if (set->count == set->limit)
				return false;
			set->words[set->count++] = words[i];
			set->slots[slot] = (uint16_t) set->count;
		}
		numbers[i] = (uint16_t) (set->slots[slot] - 1);
		/* Nearly nothing occurred twice: it would not fit in the end. */
		if (i == PROBE_STEP && n > 2 * PROBE_STEP && set->count > PROBE_STEP - PROBE_STEP / 32)
			return false;
	}
	return true;
}

/* Radix sort by bytes; the bytes that all keys share are skipped. */
static void
sort_keys(KeyNumber *keys, KeyNumber *spare, uint32_t n)
{
	KeyNumber *from = keys;
	KeyNumber *to = spare;

	for (int shift = 0; shift < 64; shift += 8)
	{
		const uint64_t flip = shift == 56 ? 0x80 : 0; /* the sign orders the other way */
		uint32_t starts[257] = {0};
		KeyNumber *swap = from;

		for (uint32_t i = 0; i < n; i++)
			starts[(((uint64_t) from[i].key >> shift & 0xff) ^ flip) + 1]++;
		if (starts[(((uint64_t) from[0].key >> shift & 0xff) ^ flip) + 1] == n)
			continue;
		for (uint32_t i = 1; i < 256; i++)
			starts[i] += starts[i - 1];
		for (uint32_t i = 0; i < n; i++)
			to[starts[((uint64_t) from[i].key >> shift & 0xff) ^ flip]++] = from[i];
		from = to;
		to = swap;
	}
	if (from != keys)
		memcpy(keys, from, n * sizeof(KeyNumber));
}

static void
write_dictionary(TsdbBytes *out, TsdbType type, const KeyNumber *sorted, uint32_t d, unsigned mask, const TsdbMem *scratch)
{
	uint64_t *words = tsdb_mem_array(scratch, d, sizeof(uint64_t));

	for (uint32_t i = 0; i < d; i++)
		words[i] = tsdb_word_from_key(type, sorted[i].key);
	tsdb_bytes_append_varint(out, d);
	tsdb_chunk_encode(out, type, words, d, mask & TSDB_MASK_DICTIONARY, scratch);
}
