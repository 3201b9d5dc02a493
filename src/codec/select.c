/*-------------------------------------------------------------------------
 *
 * select.c
 *	  Which codec a chunk of numbers gets.
 *
 * Full plan: every codec that may pay is run and the smallest result kept.
 * Constant chunks are seen first; DICT gives up early when its values do not
 * repeat; BITS is tried only while the best is above 24 bits a value, and for a dictionary; RLE only
 * when there are fewer than 0.9 n runs.
 *
 * Sticky plan (flushes): the codec of the last chunk of the series is run
 * alone.  The full plan is made again after 16 chunks, when the codec can't
 * take the chunk, and when its bits per value grew by a tenth.
 *-------------------------------------------------------------------------
 */
#include "codec/codec_private.h"

#define REPLAN_CHUNKS 16
#define BITS_ABOVE 24 /* bits per value of the best so far */
#define SMALL_CHUNK 64 /* a plan for so few values costs nothing */

/* The best result so far, and where the next one is tried. */
typedef struct Contest
{
	TsdbBytes best;
	TsdbBytes trial;
	uint8_t decimals; /* of the best, when it is DEC */
} Contest;

static uint8_t plan_chunk(TsdbBytes *out, TsdbType type, const uint64_t *words, uint32_t n, unsigned mask, const TsdbMem *scratch);
static void contest_init(Contest *contest, uint32_t n, const TsdbMem *scratch);
static void compete(Contest *contest, TsdbCodec codec, uint8_t decimals, TsdbType type, const uint64_t *words,
					uint32_t n, unsigned mask, const TsdbMem *scratch);
static bool encode_sticky(TsdbBytes *out, TsdbType type, const uint64_t *words, uint32_t n, TsdbSticky *sticky, const TsdbMem *scratch);

/*
 * tsdb_column_encode - see codec.h.
 */
void
tsdb_column_encode(TsdbBytes *out, TsdbType type, const uint64_t *words, uint32_t n,
				   TsdbSticky *sticky, const TsdbMem *scratch)
{
	size_t start = out->len;
	uint8_t decimals;

	if (n == 0)
		return;
	if (sticky != NULL && n > SMALL_CHUNK && encode_sticky(out, type, words, n, sticky, scratch))
		return;

	decimals = plan_chunk(out, type, words, n, TSDB_MASK_ALL, scratch);
	if (sticky != NULL && n > SMALL_CHUNK)
	{
		sticky->codec = (uint8_t) (TSDB_TAG_CODEC(out->data[start]) + 1);
		sticky->decimals = decimals;
		sticky->age = 0;
		sticky->millibits = (uint32_t) ((out->len - start) * 8000 / n);
	}
}

/*
 * tsdb_chunk_encode - append the smallest chunk that the mask allows, n > 0.
 */
void
tsdb_chunk_encode(TsdbBytes *out, TsdbType type, const uint64_t *words, uint32_t n, unsigned mask,
				  const TsdbMem *scratch)
{
	(void) plan_chunk(out, type, words, n, mask, scratch);
}

// private functions

/* Full plan; returns the decimals when the result is DEC. */
static uint8_t
plan_chunk(TsdbBytes *out, TsdbType type, const uint64_t *words, uint32_t n, unsigned mask, const TsdbMem *scratch)
{
	uint32_t runs = tsdb_rle_count(words, n);
	Contest contest;
	uint8_t candidates[2] = {TSDB_NO_DECIMALS, TSDB_NO_DECIMALS};

	if (runs == 1 && tsdb_chunk_encode_as(out, TSDB_CODEC_CONST, 0, type, words, n, mask, scratch))
		return TSDB_NO_DECIMALS;

	contest_init(&contest, n, scratch);
	compete(&contest, TSDB_CODEC_INT, 0, type, words, n, mask, scratch);
	if (tsdb_type_is_float(type) && (mask & TSDB_MASK(TSDB_CODEC_DEC)))
		tsdb_dec_candidates(type, words, n, candidates);
	for (int i = 0; i < 2 && candidates[i] != TSDB_NO_DECIMALS; i++)
		compete(&contest, TSDB_CODEC_DEC, candidates[i], type, words, n, mask, scratch);
	if (n >= 4)
		compete(&contest, TSDB_CODEC_DICT, 0, type, words, n, mask, scratch);
	if (mask == TSDB_MASK_DICTIONARY || contest.best.len == 0 || contest.best.len * 8 > (size_t) n * BITS_ABOVE)
		compete(&contest, TSDB_CODEC_BITS, 0, type, words, n, mask, scratch);
	if ((uint64_t) runs * 10 < (uint64_t) n * 9)
		compete(&contest, TSDB_CODEC_RLE, 0, type, words, n, mask, scratch);
	if (contest.best.len == 0 || contest.best.len > 1 + (size_t) n * (type == TSDB_TYPE_FLOAT4 ? 4 : 8))
		compete(&contest, TSDB_CODEC_RAW, 0, type, words, n, mask, scratch);
	tsdb_bytes_append(out, contest.best.data, contest.best.len);
	return contest.decimals;
}

static void
contest_init(Contest *contest, uint32_t n, const TsdbMem *scratch)
{
	contest->decimals = TSDB_NO_DECIMALS;
	tsdb_bytes_init(&contest->best, scratch);
	tsdb_bytes_init(&contest->trial, scratch);
	(void) tsdb_bytes_reserve(&contest->best, (size_t) n * 4 + 64);
	(void) tsdb_bytes_reserve(&contest->trial, (size_t) n * 4 + 64);
}

static void
compete(Contest *contest, TsdbCodec codec, uint8_t decimals, TsdbType type, const uint64_t *words,
		uint32_t n, unsigned mask, const TsdbMem *scratch)
{
	TsdbBytes loser;

	contest->trial.len = 0;
	if (!tsdb_chunk_encode_as(&contest->trial, codec, decimals, type, words, n, mask, scratch))
		return;
	if (contest->best.len > 0 && contest->trial.len >= contest->best.len)
		return;
	loser = contest->best;
	contest->best = contest->trial;
	contest->trial = loser;
	contest->decimals = codec == TSDB_CODEC_DEC ? decimals : TSDB_NO_DECIMALS;
}

/* Returns false, with nothing appended, when a full plan is due. */
static bool
encode_sticky(TsdbBytes *out, TsdbType type, const uint64_t *words, uint32_t n, TsdbSticky *sticky, const TsdbMem *scratch)
{
	size_t start = out->len;

	if (sticky->codec == 0 || sticky->codec > TSDB_CODEC_LZ4 || ++sticky->age >= REPLAN_CHUNKS)
		return false;
	if (!tsdb_chunk_encode_as(out, (TsdbCodec) (sticky->codec - 1), sticky->decimals, type, words, n,
							  TSDB_MASK_ALL, scratch))
		return false;
	if ((out->len - start) * 8000 / n <= (uint64_t) sticky->millibits + sticky->millibits / 10)
		return true;
	out->len = start;
	return false;
}
