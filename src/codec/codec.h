/*-------------------------------------------------------------------------
 *
 * codec.h
 *	  Bytes <-> arrays: every codec of a column, by one pair of functions.
 *
 * A value travels as one 64-bit word:
 *	  float8		the bits
 *	  float4		the 32 bits, zero extended
 *	  int2/4/8, date, timestamptz, bool (0/1), quality: the value, sign extended
 *	  text			has its own pair of functions
 *
 * A coded chunk knows its length only from outside (the caller's directory),
 * and the number of values also comes from outside: n is 0 .. TSDB_MAX_VALUES.
 * Round trips are exact bit for bit (NaN payloads, -0.0).
 *
 * Decoding needs no slack after the source: chunks may end right before an unmapped page.
 * Decoders never read outside src, never write outside the result, never
 * loop longer than n and the length of src allow, and return TSDB_CORRUPT for
 * anything an encoder does not write.
 * Layouts: docs/FORMAT.md "Column chunks".
 *-------------------------------------------------------------------------
 */
#ifndef TSDB_CODEC_H
#define TSDB_CODEC_H

#include "base/base.h"

#define TSDB_MAX_VALUES 16384 /* values in a chunk */

/* Value types; the numbers are on disk. */
typedef enum TsdbType
{
	TSDB_TYPE_FLOAT8 = 1,
	TSDB_TYPE_FLOAT4 = 2,
	TSDB_TYPE_INT2 = 3,
	TSDB_TYPE_INT4 = 4,
	TSDB_TYPE_INT8 = 5,
	TSDB_TYPE_BOOL = 6,
	TSDB_TYPE_TEXT = 7,
	TSDB_TYPE_TIMESTAMPTZ = 8,
	TSDB_TYPE_DATE = 9,
	TSDB_TYPE_QUALITY = 10
} TsdbType;

/* Chunk tags; the numbers are on disk. */
typedef enum TsdbCodec
{
	TSDB_CODEC_RAW = 0,
	TSDB_CODEC_CONST = 1,
	TSDB_CODEC_DEC = 2,
	TSDB_CODEC_BITS = 3,
	TSDB_CODEC_DICT = 4,
	TSDB_CODEC_RLE = 5,
	TSDB_CODEC_INT = 6,
	TSDB_CODEC_LZ4 = 7
} TsdbCodec;

/*
 * TsdbSticky - what the encoder remembers of the last chunk of the same series
 * and column; all zero at first.  In memory only.
 */
typedef struct TsdbSticky
{
	uint8_t codec; /* TsdbCodec of the last chunk + 1, 0 = none yet */
	uint8_t decimals; /* DEC: k */
	uint8_t age; /* chunks since the last full plan */
	uint32_t millibits; /* 1/1000 bit per value at the last full plan */
} TsdbSticky;

/*
 * tsdb_column_encode - append one chunk holding n words of a numeric type.
 *
 *	sticky	NULL = try all and keep the smallest (compaction); else reuse the remembered transform (flush)
 *	scratch	working memory; may be out->mem
 *
 * n = 0 appends nothing.
 */
extern void tsdb_column_encode(TsdbBytes *out, TsdbType type, const uint64_t *words, uint32_t n,
							   TsdbSticky *sticky, const TsdbMem *scratch);

/*
 * tsdb_column_decode - expand a whole chunk into words[0 .. n-1].
 *
 * src must be used up exactly.
 */
extern TsdbStatus tsdb_column_decode(TsdbSpan src, TsdbType type, uint64_t *words, uint32_t n,
									 const TsdbMem *scratch);

/* tsdb_column_decode_range - at least words from .. until - 1 of them; there is room for n, and what lies behind may be damaged. */
extern TsdbStatus tsdb_column_decode_range(TsdbSpan src, TsdbType type, uint64_t *words, uint32_t n,
										   uint32_t from, uint32_t until, const TsdbMem *scratch);

/*
 * tsdb_column_line - does a chunk of n words of an integer type hold first, first + step, ..., step >= 0?
 *
 * Only lines that the coded form shows, and short steps; false of all others and of damage.  n * step is below 2^31.
 * tsdb_line_fill writes such an array, modulo 2^64.
 */
extern bool tsdb_column_line(TsdbSpan src, uint32_t n, int64_t *first, int64_t *step);
extern void tsdb_line_fill(int64_t *values, uint32_t n, int64_t first, int64_t step);

/*
 * tsdb_diff_encode / tsdb_diff_decode - n words of a numeric type as differences from n others.
 *
 * Always possible, not always smaller than tsdb_column_encode.  base: the same words for both.
 * src must be used up exactly.
 */
extern void tsdb_diff_encode(TsdbBytes *out, TsdbType type, const uint64_t *words, const uint64_t *base, uint32_t n,
							 const TsdbMem *scratch);
extern TsdbStatus tsdb_diff_decode(TsdbSpan src, TsdbType type, const uint64_t *base, uint64_t *words, uint32_t n,
								   const TsdbMem *scratch);

/*
 * tsdb_steps_encode / tsdb_steps_decode - n words of a numeric type, of nseries < n series one after the other, as
 * differences from the one before.
 *
 *	counts	words of each series, at least 1; n together
 */
extern void tsdb_steps_encode(TsdbBytes *out, TsdbType type, const uint64_t *words, const uint32_t *counts,
							  uint32_t nseries, uint32_t n, const TsdbMem *scratch);
extern TsdbStatus tsdb_steps_decode(TsdbSpan src, TsdbType type, uint64_t *words, const uint32_t *counts,
									uint32_t nseries, uint32_t n, const TsdbMem *scratch);

/*
 * tsdb_text_encode / tsdb_text_decode - n strings.
 *
 *	arena	bytes; word i is the offset of { length u32, bytes } in it, offsets are multiples of 4
 *	use_lz4	false: the LZ4 stage is left out (compression = fast)
 *
 * Decoding appends to arena (equal strings of one chunk may share an entry) and stores the offsets in words.
 * arena stays below 4 GB; a length is at most 1 GB.  Decoding refuses expansions beyond max_bytes of arena.
 */
extern void tsdb_text_encode(TsdbBytes *out, const uint8_t *arena, const uint64_t *words, uint32_t n,
							 bool use_lz4, const TsdbMem *scratch);
extern TsdbStatus tsdb_text_decode(TsdbSpan src, uint64_t *words, uint32_t n, TsdbBytes *arena, size_t max_bytes,
								   const TsdbMem *scratch);

/*
 * tsdb_times_encode / tsdb_times_decode - n strictly ascending times in us.
 *
 * A regular stride costs nothing per value, gaps in it a missing list or a bitmap or a list of
 * what is present, anything else differences in units of the greatest common
 * divisor.  base_us: a time known to the reader (start of the block), to keep numbers small.
 * For runs of several series see run.h.
 */
extern void tsdb_times_encode(TsdbBytes *out, const int64_t *times, uint32_t n, int64_t base_us,
							  const TsdbMem *scratch);
extern TsdbStatus tsdb_times_decode(TsdbSpan src, int64_t *times, uint32_t n, int64_t base_us,
									const TsdbMem *scratch);

/* tsdb_times_decode_range - at least times from .. until - 1 of them, as above. */
extern TsdbStatus tsdb_times_decode_range(TsdbSpan src, int64_t *times, uint32_t n, uint32_t from, uint32_t until,
										  int64_t base_us, const TsdbMem *scratch);

/*
 * tsdb_flags_encode / tsdb_flags_decode - n small states 0 .. 3 (presence of cells, kinds of rows).
 *
 * All equal: one byte.  Else the smallest of bitmap(s), lists, runs.
 */
extern void tsdb_flags_encode(TsdbBytes *out, const uint8_t *flags, uint32_t n, const TsdbMem *scratch);
extern TsdbStatus tsdb_flags_decode(TsdbSpan src, uint8_t *flags, uint32_t n, const TsdbMem *scratch);

/*
 * TsdbFold - count, sum, min, max of a chunk, computed on the coded form.
 *
 * For FLOAT8 and FLOAT4: min and max as doubles with PostgreSQL's order (NaN above all;
 * -0.0 = 0.0), sum = hi + lo compensated (see summary.h).  For integer types the int64 members.
 */
typedef struct TsdbFold
{
	uint32_t n;
	double min;
	double max;
	double sum_hi;
	double sum_lo;
	int64_t int_min;
	int64_t int_max;
	int64_t int_sum_hi; /* 128-bit sum: high and low word */
	uint64_t int_sum_lo;
} TsdbFold;

extern TsdbStatus tsdb_column_fold(TsdbSpan src, TsdbType type, uint32_t n, TsdbFold *fold, const TsdbMem *scratch);

/* tsdb_words_fold - the same of n decoded words; every n, also 0. */
extern void tsdb_words_fold(TsdbType type, const uint64_t *words, uint32_t n, TsdbFold *fold);

/*
 * tsdb_sum_add - add x to the running sum hi + lo (Neumaier's step).
 *
 * hi is the plain running sum, lo gathers what its roundings lost.  A sum that
 * is not finite has lo = 0.  To add another pair, add its hi, then its lo.
 */
static inline void
tsdb_sum_add(double *hi, double *lo, double x)
{
	double sum = *hi + x;
	double part = sum - *hi;
	double lost = (*hi - (sum - part)) + (x - part);

	*hi = sum;
	*lo = lost - lost == 0.0 ? *lo + lost : 0.0;
}

/* tsdb_sum_finish - make hi the rounded value of hi + lo, and lo the rest. */
static inline void
tsdb_sum_finish(double *hi, double *lo)
{
	double rest = *lo;

	*lo = 0.0;
	tsdb_sum_add(hi, lo, rest);
}

/* tsdb_column_codec - the outer tag of a chunk, for views; RAW for an empty one. */
extern TsdbCodec tsdb_column_codec(TsdbSpan src);

#endif /* TSDB_CODEC_H */
