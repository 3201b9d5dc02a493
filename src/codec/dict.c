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

#define MAX_SPREAD (INT64_C(1) << 48) /* times TSDB_MAX_VALUES it still fits int64 */
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

/* A dictionary in DEC without exceptions. */
typedef struct Decimals
{
	uint32_t d;
	uint32_t decimals;
	int64_t *integers;
} Decimals;

static bool collect(WordSet *set, const uint64_t *words, uint32_t n, uint16_t *numbers, const TsdbMem *scratch);
static void sort_keys(KeyNumber *keys, KeyNumber *spare, uint32_t n);
static void write_dictionary(TsdbBytes *out, TsdbType type, const KeyNumber *sorted, uint32_t d, unsigned mask, const TsdbMem *scratch);
static uint64_t *read_dictionary(TsdbSpan *src, TsdbType type, uint32_t n, uint32_t *d, unsigned mask, const TsdbMem *scratch);
static bool read_decimals(TsdbSpan *src, uint32_t n, Decimals *decimals, const TsdbMem *scratch);
static void fold_decimals(TsdbFoldState *state, const Decimals *decimals, const uint16_t *codes, uint32_t n);
static void range_codes(const uint16_t *codes, uint32_t n, uint16_t *least, uint16_t *greatest);
static void count_codes(const uint16_t *codes, uint32_t n, uint32_t *counts, uint32_t d);

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
	uint64_t *dictionary = read_dictionary(src, type, n, &d, mask, scratch);

	if (dictionary == NULL || tsdb_ipk_decode_codes(src, codes, n, d) != TSDB_OK)
		return TSDB_CORRUPT;
	for (uint32_t i = 0; i < n; i++)
		words[i] = dictionary[codes[i]];
	return TSDB_OK;
}

/*
 * tsdb_dict_fold - the body of a chunk into a running fold.
 *
 * A dictionary of decimals is summed up as integers.  Another: each value
 * once, with its count, unless the values hardly repeat.
 */
TsdbStatus
tsdb_dict_fold(TsdbSpan *src, uint32_t n, unsigned mask, TsdbFoldState *state, const TsdbMem *scratch)
{
	uint16_t *codes = tsdb_mem_array(scratch, n, sizeof(uint16_t));
	Decimals decimals;
	uint64_t *dictionary;
	uint32_t d;

	if (state->type == TSDB_TYPE_FLOAT8 && read_decimals(src, n, &decimals, scratch))
	{
		if (tsdb_ipk_decode_codes(src, codes, n, decimals.d) != TSDB_OK)
			return TSDB_CORRUPT;
		fold_decimals(state, &decimals, codes, n);
		return TSDB_OK;
	}
	dictionary = read_dictionary(src, state->type, n, &d, mask, scratch);
	if (dictionary == NULL || tsdb_ipk_decode_codes(src, codes, n, d) != TSDB_OK)
		return TSDB_CORRUPT;
	if (d > n / 4)
	{
		uint64_t *words = tsdb_mem_array(scratch, n, sizeof(uint64_t));

		for (uint32_t i = 0; i < n; i++)
			words[i] = dictionary[codes[i]];
		tsdb_fold_add_words(state, words, n);
	}
	else
	{
		uint32_t *counts = tsdb_mem_array(scratch, 4 * d, sizeof(uint32_t));

		count_codes(codes, n, counts, d);
		tsdb_fold_add_weighted(state, dictionary, counts, d);
	}
	return TSDB_OK;
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

/* NULL when it is damaged. */
static uint64_t *
read_dictionary(TsdbSpan *src, TsdbType type, uint32_t n, uint32_t *d, unsigned mask, const TsdbMem *scratch)
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

/*
 * False, with src where it was, when the dictionary is of another kind, or
 * damaged, or spans so much that the sum of n distances could overflow.
 */
static bool
read_decimals(TsdbSpan *src, uint32_t n, Decimals *decimals, const TsdbMem *scratch)
{
	TsdbSpan rest = *src;
	uint64_t count;

	if (!tsdb_span_read_varint(&rest, &count) || count < 2 || count > TSDB_MAX_DICTIONARY || count > n / 2)
		return false;
	decimals->d = (uint32_t) count;
	decimals->integers = tsdb_mem_array(scratch, decimals->d, sizeof(int64_t));
	if (!tsdb_dec_decode_integers(&rest, &decimals->decimals, decimals->integers, decimals->d))
		return false;
	for (uint32_t i = 1; i < decimals->d; i++)
		if (decimals->integers[i] <= decimals->integers[i - 1])
			return false;
	if (decimals->integers[decimals->d - 1] - decimals->integers[0] > MAX_SPREAD)
		return false;
	*src = rest;
	return true;
}

/* Sum of the distances from the least integer; the range is that of the codes. */
static void
fold_decimals(TsdbFoldState *state, const Decimals *decimals, const uint16_t *codes, uint32_t n)
{
	const int64_t *integers = decimals->integers;
	int64_t base = integers[0];
	int64_t sums[2] = {0};
	uint16_t least;
	uint16_t greatest;
	uint32_t i;

	range_codes(codes, n, &least, &greatest);
	for (i = 0; i + 4 <= n; i += 4)
	{
		uint64_t four; /* one load instead of four */

		memcpy(&four, codes + i, sizeof(four));
		sums[0] += (integers[four & 0xffff] - base) + (integers[four >> 16 & 0xffff] - base);
		sums[1] += (integers[four >> 32 & 0xffff] - base) + (integers[four >> 48] - base);
	}
	for (; i < n; i++)
		sums[0] += integers[codes[i]] - base;
	tsdb_fold_add_decimals(state,
						   tsdb_double_from_word(TSDB_TYPE_FLOAT8, tsdb_dec_word(TSDB_TYPE_FLOAT8, integers[least], decimals->decimals)),
						   tsdb_double_from_word(TSDB_TYPE_FLOAT8, tsdb_dec_word(TSDB_TYPE_FLOAT8, integers[greatest], decimals->decimals)),
						   (__int128) base * n + sums[0] + sums[1], tsdb_power_of_ten[decimals->decimals], n);
}

TSDB_CLONES static void
range_codes(const uint16_t *codes, uint32_t n, uint16_t *least, uint16_t *greatest)
{
	uint16_t min = UINT16_MAX;
	uint16_t max = 0;

	for (uint32_t i = 0; i < n; i++)
	{
		min = codes[i] < min ? codes[i] : min;
		max = codes[i] > max ? codes[i] : max;
	}
	*least = min;
	*greatest = max;
}

/* Four tables, so that equal neighbours do not wait for each other; counts has 4 d entries. */
static void
count_codes(const uint16_t *codes, uint32_t n, uint32_t *counts, uint32_t d)
{
	uint32_t *second = counts + d;
	uint32_t *third = second + d;
	uint32_t *fourth = third + d;
	uint32_t i;

	memset(counts, 0, 4 * (size_t) d * sizeof(uint32_t));
	for (i = 0; i + 4 <= n; i += 4)
	{
		uint64_t four; /* one load instead of four */

		memcpy(&four, codes + i, sizeof(four));
		counts[four & 0xffff]++;
		second[four >> 16 & 0xffff]++;
		third[four >> 32 & 0xffff]++;
		fourth[four >> 48]++;
	}
	for (; i < n; i++)
		counts[codes[i]]++;
	for (i = 0; i < d; i++)
		counts[i] += second[i] + third[i] + fourth[i];
}
