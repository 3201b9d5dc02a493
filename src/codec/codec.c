/*-------------------------------------------------------------------------
 *
 * codec.c
 *	  Chunks of numbers: the tag, and what each codec does with the rest.
 *
 * A chunk is a tag byte - codec in bits 0-2, a parameter of it above - and a
 * body.  Bodies that are not described in a file of their own:
 *
 *	  RAW	n words: 4 bytes each for float4, else 8
 *	  CONST	parameter 0: the word; float8 8 bytes, float4 4, others zvarint
 *			parameter 1 + k (floats): zvarint i, the value is i / 10^k as in DEC
 *	  INT	IPK(n); integer types only
 *
 * LZ4 is a tag of text chunks alone (text.c).  The codecs that a nested chunk
 * may use are fewer at each level (the masks of codec_private.h), so nesting
 * ends after four levels whatever the bytes say.
 *-------------------------------------------------------------------------
 */
#include "codec/codec_private.h"

static void raw_encode(TsdbBytes *out, TsdbType type, const uint64_t *words, uint32_t n);
static TsdbStatus raw_decode(TsdbSpan *src, TsdbType type, uint64_t *words, uint32_t n);
static void const_encode(TsdbBytes *out, TsdbType type, uint64_t word);
static bool const_word(TsdbSpan *src, uint8_t tag, TsdbType type, uint64_t *word);
static TsdbStatus const_decode(TsdbSpan *src, uint8_t tag, TsdbType type, uint64_t *words, uint32_t n);
static TsdbStatus int_decode(TsdbSpan *src, TsdbType type, uint64_t *words, uint32_t n);
static TsdbStatus int_fold(TsdbSpan *src, uint32_t n, TsdbFoldState *state);
static TsdbStatus decode_and_fold(TsdbSpan *src, uint32_t n, unsigned mask, TsdbFoldState *state, const TsdbMem *scratch);

/*
 * tsdb_column_decode - see codec.h.
 */
TsdbStatus
tsdb_column_decode(TsdbSpan src, TsdbType type, uint64_t *words, uint32_t n, const TsdbMem *scratch)
{
	if (n > TSDB_MAX_VALUES)
		return TSDB_CORRUPT;
	if (n > 0 && tsdb_chunk_decode(&src, type, words, n, TSDB_MASK_ALL, scratch) != TSDB_OK)
		return TSDB_CORRUPT;
	return tsdb_span_left(&src) == 0 ? TSDB_OK : TSDB_CORRUPT;
}

/*
 * tsdb_column_decode_range - see codec.h.
 */
TsdbStatus
tsdb_column_decode_range(TsdbSpan src, TsdbType type, uint64_t *words, uint32_t n, uint32_t from, uint32_t until, const TsdbMem *scratch)
{
	TsdbSpan body = src;
	uint8_t tag;

	if (n > TSDB_MAX_VALUES || from > until || until > n)
		return TSDB_CORRUPT;
	if ((from == 0 && until == n) || !tsdb_span_read_u8(&body, &tag) || TSDB_TAG_CODEC(tag) != TSDB_CODEC_DEC ||
		TSDB_TAG_PARAMETER(tag) > TSDB_MAX_DECIMALS)
		return tsdb_column_decode(src, type, words, n, scratch);
	return tsdb_dec_decode_range(&body, tag, type, words, n, from, until);
}

/*
 * tsdb_column_codec - see codec.h.
 */
TsdbCodec
tsdb_column_codec(TsdbSpan src)
{
	return tsdb_span_left(&src) == 0 ? TSDB_CODEC_RAW : TSDB_TAG_CODEC(src.at[0]);
}

/*
 * tsdb_chunk_encode_as - append n words with one given codec, n > 0.
 *
 *	decimals	of DEC
 *
 * Returns false, with nothing appended, when the codec can't or is not allowed to.
 */
bool
tsdb_chunk_encode_as(TsdbBytes *out, TsdbCodec codec, uint32_t decimals, TsdbType type,
					 const uint64_t *words, uint32_t n, unsigned mask, const TsdbMem *scratch)
{
	bool is_float = tsdb_type_is_float(type);

	if ((mask & TSDB_MASK(codec)) == 0)
		return false;
	switch (codec)
	{
		case TSDB_CODEC_RAW:
			raw_encode(out, type, words, n);
			return true;
		case TSDB_CODEC_CONST:
			if (tsdb_rle_count(words, n) != 1)
				return false;
			const_encode(out, type, words[0]);
			return true;
		case TSDB_CODEC_DEC:
			return is_float && decimals <= TSDB_MAX_DECIMALS &&
				   tsdb_dec_encode(out, type, words, n, decimals, mask, scratch);
		case TSDB_CODEC_BITS:
			if (is_float)
				tsdb_bits_encode(out, type, words, n, scratch);
			return is_float;
		case TSDB_CODEC_DICT:
			return tsdb_dict_encode(out, type, words, n, mask, scratch);
		case TSDB_CODEC_RLE:
			tsdb_rle_encode(out, type, words, n, mask, scratch);
			return true;
		case TSDB_CODEC_INT:
			if (is_float)
				return false;
			tsdb_bytes_append_u8(out, TSDB_TAG(TSDB_CODEC_INT, 0));
			tsdb_ipk_encode(out, (const int64_t *) words, n);
			return true;
		case TSDB_CODEC_LZ4:
			break;
	}
	return false;
}

/*
 * tsdb_chunk_decode - n words, n > 0; moves src past the chunk.
 */
TsdbStatus
tsdb_chunk_decode(TsdbSpan *src, TsdbType type, uint64_t *words, uint32_t n, unsigned mask, const TsdbMem *scratch)
{
	uint8_t tag;
	TsdbCodec codec;

	if (!tsdb_span_read_u8(src, &tag))
		return TSDB_CORRUPT;
	codec = TSDB_TAG_CODEC(tag);
	if ((mask & TSDB_MASK(codec)) == 0)
		return TSDB_CORRUPT;
	if (codec != TSDB_CODEC_DEC && codec != TSDB_CODEC_CONST && TSDB_TAG_PARAMETER(tag) != 0)
		return TSDB_CORRUPT;
	switch (codec)
	{
		case TSDB_CODEC_RAW:
			return raw_decode(src, type, words, n);
		case TSDB_CODEC_CONST:
			return const_decode(src, tag, type, words, n);
		case TSDB_CODEC_DEC:
			return tsdb_dec_decode(src, tag, type, words, n, mask, scratch);
		case TSDB_CODEC_BITS:
			return tsdb_bits_decode(src, type, words, n);
		case TSDB_CODEC_DICT:
			return tsdb_dict_decode(src, type, words, n, mask, scratch);
		case TSDB_CODEC_RLE:
			return tsdb_rle_decode(src, type, words, n, mask, scratch);
		case TSDB_CODEC_INT:
			return int_decode(src, type, words, n);
		case TSDB_CODEC_LZ4:
			break;
	}
	return TSDB_CORRUPT;
}

/*
 * tsdb_chunk_fold - add the n values of a chunk to a running fold, n > 0.
 */
TsdbStatus
tsdb_chunk_fold(TsdbSpan *src, uint32_t n, unsigned mask, TsdbFoldState *state, const TsdbMem *scratch)
{
	TsdbSpan body = *src;
	uint8_t tag;
	uint64_t word;
	TsdbCodec codec;
	TsdbStatus status = TSDB_CORRUPT;

	if (!tsdb_span_read_u8(&body, &tag))
		return TSDB_CORRUPT;
	codec = TSDB_TAG_CODEC(tag);
	if ((mask & TSDB_MASK(codec)) == 0)
		return TSDB_CORRUPT;
	/* What has no way of its own (float4 is rounded after the division), or a tag that decoding refuses. */
	if (codec == TSDB_CODEC_RAW || codec == TSDB_CODEC_BITS || codec == TSDB_CODEC_LZ4 ||
		(codec == TSDB_CODEC_DEC && state->type != TSDB_TYPE_FLOAT8) ||
		(codec != TSDB_CODEC_DEC && codec != TSDB_CODEC_CONST && TSDB_TAG_PARAMETER(tag) != 0))
		return decode_and_fold(src, n, mask, state, scratch);

	if (codec == TSDB_CODEC_DEC)
		status = tsdb_dec_fold(&body, tag, n, mask, state, scratch);
	else if (codec == TSDB_CODEC_DICT)
		status = tsdb_dict_fold(&body, n, mask, state, scratch);
	else if (codec == TSDB_CODEC_RLE)
		status = tsdb_rle_fold(&body, n, mask, state, scratch);
	else if (codec == TSDB_CODEC_INT)
		status = int_fold(&body, n, state);
	else if (const_word(&body, tag, state->type, &word))
	{
		tsdb_fold_add_word(state, word, n);
		status = TSDB_OK;
	}
	*src = body;
	return status;
}

// private functions

static void
raw_encode(TsdbBytes *out, TsdbType type, const uint64_t *words, uint32_t n)
{
	tsdb_bytes_append_u8(out, TSDB_TAG(TSDB_CODEC_RAW, 0));
	if (type == TSDB_TYPE_FLOAT4)
		for (uint32_t i = 0; i < n; i++)
			tsdb_bytes_append_u32(out, (uint32_t) words[i]);
	else
		tsdb_bytes_append(out, words, (size_t) n * sizeof(uint64_t));
}

static TsdbStatus
raw_decode(TsdbSpan *src, TsdbType type, uint64_t *words, uint32_t n)
{
	size_t width = type == TSDB_TYPE_FLOAT4 ? 4 : 8;
	TsdbSpan body;

	if (!tsdb_span_take(src, n * width, &body))
		return TSDB_CORRUPT;
	if (width == 8)
		memcpy(words, body.at, n * width);
	else
		for (uint32_t i = 0; i < n; i++)
		{
			uint32_t word;

			memcpy(&word, body.at + i * width, width);
			words[i] = word;
		}
	return TSDB_OK;
}

/* Floats: the fewest decimals that the value has, if that is shorter than its bits. */
static void
const_encode(TsdbBytes *out, TsdbType type, uint64_t word)
{
	if (!tsdb_type_is_float(type))
	{
		tsdb_bytes_append_u8(out, TSDB_TAG(TSDB_CODEC_CONST, 0));
		tsdb_bytes_append_zvarint(out, (int64_t) word);
		return;
	}
	for (uint32_t decimals = 0; decimals <= TSDB_MAX_DECIMALS; decimals++)
	{
		const int64_t limit = type == TSDB_TYPE_FLOAT4 ? INT64_C(1) << 20 : INT64_C(1) << 48; /* 3 and 7 bytes of zvarint */
		int64_t integer;

		if (!tsdb_dec_integer(type, word, decimals, &integer))
			continue;
		if (integer >= limit || integer < -limit)
			break;
		tsdb_bytes_append_u8(out, TSDB_TAG(TSDB_CODEC_CONST, 1 + decimals));
		tsdb_bytes_append_zvarint(out, integer);
		return;
	}
	tsdb_bytes_append_u8(out, TSDB_TAG(TSDB_CODEC_CONST, 0));
	tsdb_bytes_append(out, &word, type == TSDB_TYPE_FLOAT4 ? 4 : 8);
}

static bool
const_word(TsdbSpan *src, uint8_t tag, TsdbType type, uint64_t *word)
{
	uint32_t parameter = TSDB_TAG_PARAMETER(tag);
	int64_t integer;

	if (parameter == 0 && tsdb_type_is_float(type))
	{
		*word = 0;
		return tsdb_span_read(src, word, type == TSDB_TYPE_FLOAT4 ? 4 : 8);
	}
	if (parameter > (tsdb_type_is_float(type) ? 1 + TSDB_MAX_DECIMALS : 0) ||
		!tsdb_span_read_zvarint(src, &integer))
		return false;
	*word = parameter == 0 ? (uint64_t) integer : tsdb_dec_word(type, integer, parameter - 1);
	return true;
}

static TsdbStatus
const_decode(TsdbSpan *src, uint8_t tag, TsdbType type, uint64_t *words, uint32_t n)
{
	uint64_t word;

	if (!const_word(src, tag, type, &word))
		return TSDB_CORRUPT;
	for (uint32_t i = 0; i < n; i++)
		words[i] = word;
	return TSDB_OK;
}

static TsdbStatus
int_decode(TsdbSpan *src, TsdbType type, uint64_t *words, uint32_t n)
{
	if (tsdb_type_is_float(type))
		return TSDB_CORRUPT;
	return tsdb_ipk_decode(src, (int64_t *) words, n);
}

static TsdbStatus
int_fold(TsdbSpan *src, uint32_t n, TsdbFoldState *state)
{
	TsdbRange range;

	if (tsdb_type_is_float(state->type) || tsdb_ipk_range(src, n, NULL, 0, &range) != TSDB_OK)
		return TSDB_CORRUPT;
	tsdb_fold_add_ints(state, range.min, range.max, range.sum, n);
	return TSDB_OK;
}

static TsdbStatus
decode_and_fold(TsdbSpan *src, uint32_t n, unsigned mask, TsdbFoldState *state, const TsdbMem *scratch)
{
	uint64_t *words = tsdb_mem_array(scratch, n, sizeof(uint64_t));

	if (tsdb_chunk_decode(src, state->type, words, n, mask, scratch) != TSDB_OK)
		return TSDB_CORRUPT;
	tsdb_fold_add_words(state, words, n);
	return TSDB_OK;
}
