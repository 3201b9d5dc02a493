/*-------------------------------------------------------------------------
 *
 * diff.c
 *	  Differences of values that belong to different series.
 *
 * The samples of many series at one moment have little to do with each other
 * and much with those of the moment before.
 *
 * Diff: an array less another one of the same length.
 *
 *	 floats		u8: decimals 0 .. 22, or 31; IPK(n) of the differences
 *				decimals: of the integers of both (see DEC); 31: of the keys
 *	 others		IPK(n) of the differences
 *
 * Steps: n values of m series, one series after the other.
 *
 *	 firsts		varint length, column chunk: the first value of each series
 *	 rest		as diff: the n - m others less the one before each
 *
 * Differences are modulo 2^64.
 *-------------------------------------------------------------------------
 */
#include "codec/codec_private.h"

#define OF_KEYS 31

static uint8_t find_decimals(TsdbType type, const uint64_t *words, const uint64_t *base, uint32_t n,
							 int64_t *integers, int64_t *base_integers);
static bool has_integers(TsdbType type, const uint64_t *words, uint32_t n, uint8_t decimals, int64_t *integers);
static bool read_differences(TsdbSpan *src, TsdbType type, uint32_t n, uint8_t *decimals, int64_t *differences);
static bool to_key(TsdbType type, uint64_t word, uint8_t decimals, int64_t *key);
static bool from_key(TsdbType type, int64_t key, uint8_t decimals, uint64_t *word);

void
tsdb_diff_encode(TsdbBytes *out, TsdbType type, const uint64_t *words, const uint64_t *base, uint32_t n,
				 const TsdbMem *scratch)
{
	int64_t *differences = tsdb_mem_array(scratch, n, sizeof(int64_t));
	int64_t *base_integers = tsdb_mem_array(scratch, n, sizeof(int64_t));
	uint8_t decimals = OF_KEYS;

	if (n == 0)
		return;
	if (tsdb_type_is_float(type))
	{
		decimals = find_decimals(type, words, base, n, differences, base_integers);
		tsdb_bytes_append_u8(out, decimals);
	}
	for (uint32_t i = 0; i < n; i++)
	{
		if (decimals == OF_KEYS)
			differences[i] = (int64_t) ((uint64_t) tsdb_key_from_word(type, words[i]) -
										(uint64_t) tsdb_key_from_word(type, base[i]));
		else
			differences[i] -= base_integers[i];
	}
	tsdb_ipk_encode(out, differences, n);
}

TsdbStatus
tsdb_diff_decode(TsdbSpan src, TsdbType type, const uint64_t *base, uint64_t *words, uint32_t n, const TsdbMem *scratch)
{
	int64_t *differences = tsdb_mem_array(scratch, n, sizeof(int64_t));
	uint8_t decimals;

	if (n > 0 && !read_differences(&src, type, n, &decimals, differences))
		return TSDB_CORRUPT;
	for (uint32_t i = 0; i < n; i++)
	{
		int64_t key;

		if (!to_key(type, base[i], decimals, &key) ||
			!from_key(type, (int64_t) ((uint64_t) key + (uint64_t) differences[i]), decimals, &words[i]))
			return TSDB_CORRUPT;
	}
	return tsdb_span_left(&src) == 0 ? TSDB_OK : TSDB_CORRUPT;
}

void
tsdb_steps_encode(TsdbBytes *out, TsdbType type, const uint64_t *words, const uint32_t *counts, uint32_t nseries,
				  uint32_t n, const TsdbMem *scratch)
{
	uint64_t *firsts = tsdb_mem_array(scratch, nseries, sizeof(uint64_t));
	uint64_t *others = tsdb_mem_array(scratch, n, sizeof(uint64_t));
	uint64_t *before = tsdb_mem_array(scratch, n, sizeof(uint64_t));
	uint32_t nothers = 0;
	uint32_t row = 0;
	TsdbBytes chunk;

	for (uint32_t s = 0; s < nseries; s++)
	{
		firsts[s] = words[row++];
		for (uint32_t i = 1; i < counts[s]; i++, row++, nothers++)
		{
			others[nothers] = words[row];
			before[nothers] = words[row - 1];
		}
	}
	tsdb_bytes_init(&chunk, scratch);
	tsdb_column_encode(&chunk, type, firsts, nseries, NULL, scratch);
	tsdb_bytes_append_varint(out, chunk.len);
	tsdb_bytes_append(out, chunk.data, chunk.len);
	tsdb_diff_encode(out, type, others, before, nothers, scratch);
}

TsdbStatus
tsdb_steps_decode(TsdbSpan src, TsdbType type, uint64_t *words, const uint32_t *counts, uint32_t nseries, uint32_t n,
				  const TsdbMem *scratch)
{
	uint64_t *firsts = tsdb_mem_array(scratch, nseries, sizeof(uint64_t));
	int64_t *steps = tsdb_mem_array(scratch, n, sizeof(int64_t));
	uint32_t row = 0;
	uint64_t nbytes;
	uint8_t decimals;
	TsdbSpan chunk;

	if (nseries >= n || !tsdb_span_read_varint(&src, &nbytes) || nbytes > tsdb_span_left(&src) ||
		!tsdb_span_take(&src, (size_t) nbytes, &chunk) ||
		tsdb_column_decode(chunk, type, firsts, nseries, scratch) != TSDB_OK ||
		!read_differences(&src, type, n - nseries, &decimals, steps))
		return TSDB_CORRUPT;
	for (uint32_t s = 0; s < nseries; s++)
	{
		int64_t key = 0;

		/* A value alone in its series need not be an integer. */
		if (counts[s] > 1 && !to_key(type, firsts[s], decimals, &key))
			return TSDB_CORRUPT;
		words[row++] = firsts[s];
		for (uint32_t i = 1; i < counts[s]; i++)
		{
			key = (int64_t) ((uint64_t) key + (uint64_t) *steps++);
			if (!from_key(type, key, decimals, &words[row++]))
				return TSDB_CORRUPT;
		}
	}
	return tsdb_span_left(&src) == 0 ? TSDB_OK : TSDB_CORRUPT;
}

// private functions

/* Decimals with which both arrays are integers, and those; OF_KEYS when there are none. */
static uint8_t
find_decimals(TsdbType type, const uint64_t *words, const uint64_t *base, uint32_t n,
			  int64_t *integers, int64_t *base_integers)
{
	uint8_t candidates[4];

	tsdb_dec_candidates(type, words, n, candidates);
	tsdb_dec_candidates(type, base, n, candidates + 2);
	for (int i = 0; i < 4; i++)
	{
		bool tried = candidates[i] == TSDB_NO_DECIMALS;

		for (int j = 0; j < i; j++)
			tried |= candidates[j] == candidates[i];
		if (!tried && has_integers(type, words, n, candidates[i], integers) &&
			has_integers(type, base, n, candidates[i], base_integers))
			return candidates[i];
	}
	return OF_KEYS;
}

static bool
has_integers(TsdbType type, const uint64_t *words, uint32_t n, uint8_t decimals, int64_t *integers)
{
	for (uint32_t i = 0; i < n; i++)
		if (!tsdb_dec_integer(type, words[i], decimals, &integers[i]))
			return false;
	return true;
}

static bool
read_differences(TsdbSpan *src, TsdbType type, uint32_t n, uint8_t *decimals, int64_t *differences)
{
	*decimals = OF_KEYS;
	if (tsdb_type_is_float(type) &&
		(!tsdb_span_read_u8(src, decimals) || (*decimals > TSDB_MAX_DECIMALS && *decimals != OF_KEYS)))
		return false;
	return tsdb_ipk_decode(src, differences, n) == TSDB_OK;
}

/* What differences are taken of; false when a float has no integer with so many decimals. */
static inline bool
to_key(TsdbType type, uint64_t word, uint8_t decimals, int64_t *key)
{
	if (decimals != OF_KEYS)
		return tsdb_dec_integer(type, word, decimals, key);
	*key = tsdb_key_from_word(type, word);
	return true;
}

static inline bool
from_key(TsdbType type, int64_t key, uint8_t decimals, uint64_t *word)
{
	if (decimals == OF_KEYS)
	{
		*word = tsdb_word_from_key(type, key);
		return type != TSDB_TYPE_FLOAT4 || (key >= INT32_MIN && key <= INT32_MAX);
	}
	if (key <= -TSDB_DEC_LIMIT || key >= TSDB_DEC_LIMIT)
		return false;
	*word = tsdb_dec_word(type, key, decimals);
	return true;
}
