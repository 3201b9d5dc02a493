/*-------------------------------------------------------------------------
 *
 * bits.c
 *	  BITS: floats whose digits say nothing, as ordered integers.
 *
 * Body, after the tag: IPK(n) of the keys of codec_private.h - the bits of the
 * float as a signed integer, with the magnitude inverted when negative, so
 * that keys have the order of the values and neighbours are near.  float4:
 * the same with 32 bits.
 *-------------------------------------------------------------------------
 */
#include "codec/codec_private.h"

static void words_from_keys(TsdbType type, const int64_t *keys, uint64_t *words, uint32_t n);

/*
 * tsdb_bits_encode - append a whole chunk, tag included.
 */
void
tsdb_bits_encode(TsdbBytes *out, TsdbType type, const uint64_t *words, uint32_t n, const TsdbMem *scratch)
{
	int64_t *keys = tsdb_mem_array(scratch, n, sizeof(int64_t));

	for (uint32_t i = 0; i < n; i++)
		keys[i] = tsdb_key_from_word(type, words[i]);
	tsdb_bytes_append_u8(out, TSDB_TAG(TSDB_CODEC_BITS, 0));
	tsdb_ipk_encode(out, keys, n);
}

/*
 * tsdb_bits_decode - the body of a chunk into n words.
 */
TsdbStatus
tsdb_bits_decode(TsdbSpan *src, TsdbType type, uint64_t *words, uint32_t n)
{
	TsdbIpk ipk;
	uint32_t m;

	if (!tsdb_type_is_float(type) || tsdb_ipk_open(&ipk, *src, n) != TSDB_OK)
		return TSDB_CORRUPT;
	for (; ipk.left > 0; words += m)
	{
		int64_t keys[TSDB_MINIBLOCK];

		if (tsdb_ipk_next(&ipk, keys, &m) != TSDB_OK)
			return TSDB_CORRUPT;
		words_from_keys(type, keys, words, m);
	}
	*src = ipk.src;
	return TSDB_OK;
}

// private functions

TSDB_CLONES static void
words_from_keys(TsdbType type, const int64_t *keys, uint64_t *words, uint32_t n)
{
	if (type == TSDB_TYPE_FLOAT4)
	{
		for (uint32_t i = 0; i < n; i++)
			words[i] = tsdb_word_from_key(TSDB_TYPE_FLOAT4, keys[i]);
	}
	else
	{
		for (uint32_t i = 0; i < n; i++)
			words[i] = tsdb_word_from_key(TSDB_TYPE_FLOAT8, keys[i]);
	}
}
