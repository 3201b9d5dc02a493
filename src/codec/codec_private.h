/*-------------------------------------------------------------------------
 *
 * codec_private.h
 *	  What the files of codec/ share and nobody else sees.
 *
 * Reading functions take a span, move it past what they used and return
 * TSDB_CORRUPT for anything that no encoder writes; the outermost caller
 * checks that nothing is left over.
 *
 * Vector code: TSDB_CLONES compiles a function twice and lets the loader
 * choose; a few inner loops are written for AVX2 and AVX-512 and choose by
 * tsdb_cpu_has.  Nothing but speed may depend on either.  -DTSDB_NO_SIMD
 * leaves only the plain twins.
 *-------------------------------------------------------------------------
 */
#ifndef TSDB_CODEC_PRIVATE_H
#define TSDB_CODEC_PRIVATE_H

#include "codec/codec.h"

#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "tsdb is little endian only"
#endif
#if defined(__FAST_MATH__) || (defined(__FLT_EVAL_METHOD__) && __FLT_EVAL_METHOD__ != 0)
#error "the codecs need IEEE arithmetic: no -ffast-math, no x87"
#endif

#if defined(__x86_64__) && defined(__GNUC__) && !defined(TSDB_NO_SIMD)
#define TSDB_HAVE_AVX2 1
#endif
#if defined(TSDB_HAVE_AVX2) && !defined(__clang__)
#define TSDB_CLONES __attribute__((target_clones("avx2", "default"), optimize("O3")))
#else
#define TSDB_CLONES
#endif
#define TSDB_INLINE inline __attribute__((always_inline))
#define TSDB_TARGET_AVX2 __attribute__((target("avx2")))
#define TSDB_TARGET_AVX512 __attribute__((target("avx512f,avx512bw,avx512vbmi,avx512vbmi2,popcnt")))

/* What a loop that is written for a processor needs of it. */
typedef enum TsdbCpu
{
	TSDB_CPU_PLAIN,
	TSDB_CPU_AVX2,
	TSDB_CPU_AVX512 /* with VBMI2: Ice Lake, Zen 4 and later */
} TsdbCpu;

extern TsdbCpu tsdb_cpu_limit; /* tests lower it to reach the twins */

/* The set of codecs that a nested chunk may use. */
#define TSDB_MASK(codec) (1u << (codec))
#define TSDB_MASK_ALL 0x7fu
#define TSDB_MASK_RUN_VALUES (TSDB_MASK_ALL & ~TSDB_MASK(TSDB_CODEC_RLE))
#define TSDB_MASK_EXCEPTIONS (TSDB_MASK_ALL & ~TSDB_MASK(TSDB_CODEC_DEC))
#define TSDB_MASK_DICTIONARY                                 \
	(TSDB_MASK(TSDB_CODEC_RAW) | TSDB_MASK(TSDB_CODEC_DEC) | \
	 TSDB_MASK(TSDB_CODEC_BITS) | TSDB_MASK(TSDB_CODEC_INT))

#define TSDB_MAX_DICTIONARY 4096
#define TSDB_MAX_DECIMALS 22 /* 10^22 is the last exact power of ten */
#define TSDB_NO_DECIMALS 255
#define TSDB_DEC_LIMIT (INT64_C(1) << 51) /* integers of DEC are below, either way */

/* A tag byte: the codec in bits 0-2, a parameter of that codec above. */
#define TSDB_TAG(codec, parameter) ((uint8_t) ((codec) | (parameter) << 3))
#define TSDB_TAG_CODEC(tag) ((TsdbCodec) ((tag) &7))
#define TSDB_TAG_PARAMETER(tag) ((uint32_t) (tag) >> 3)

#ifdef TSDB_HAVE_AVX2
static inline bool
tsdb_cpu_has(TsdbCpu cpu)
{
	if (cpu > tsdb_cpu_limit)
		return false;
	if (cpu == TSDB_CPU_AVX512)
		return __builtin_cpu_supports("avx512vbmi2") && __builtin_cpu_supports("avx512vbmi") &&
			   __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("popcnt");
	return cpu == TSDB_CPU_PLAIN || __builtin_cpu_supports("avx2");
}
#endif

static inline bool
tsdb_type_is_float(TsdbType type)
{
	return type == TSDB_TYPE_FLOAT8 || type == TSDB_TYPE_FLOAT4;
}

/* tsdb_key_from_word - int64 with the order of the values; exact and reversible. */
static inline int64_t
tsdb_key_from_word(TsdbType type, uint64_t word)
{
	if (type == TSDB_TYPE_FLOAT8)
		return (int64_t) (word ^ ((uint64_t) - (int64_t) (word >> 63) >> 1));
	if (type == TSDB_TYPE_FLOAT4)
	{
		uint32_t bits = (uint32_t) word;

		return (int32_t) (bits ^ ((uint32_t) - (int32_t) (bits >> 31) >> 1));
	}
	return (int64_t) word;
}

static inline uint64_t
tsdb_word_from_key(TsdbType type, int64_t key)
{
	if (type == TSDB_TYPE_FLOAT8)
		return (uint64_t) key ^ ((uint64_t) (key >> 63) >> 1);
	if (type == TSDB_TYPE_FLOAT4)
	{
		int32_t low = (int32_t) (uint32_t) (uint64_t) key;

		return (uint32_t) low ^ ((uint32_t) (low >> 31) >> 1);
	}
	return (uint64_t) key;
}

/* tsdb_double_from_word - value of a float word; exact. */
static inline double
tsdb_double_from_word(TsdbType type, uint64_t word)
{
	double wide;

	if (type == TSDB_TYPE_FLOAT4)
	{
		uint32_t bits = (uint32_t) word;
		float narrow;

		memcpy(&narrow, &bits, 4);
		return (double) narrow;
	}
	memcpy(&wide, &word, 8);
	return wide;
}

/*
 * Double to integer and back by adding 1.5 * 2^52, which rounds to the nearest
 * integer and leaves it in the low bits: exact below 2^51, no undefined
 * conversion of NaN, and it needs no vector conversion instruction.
 */
#define TSDB_ROUNDER 6755399441055744.0
#define TSDB_ROUNDER_BITS UINT64_C(0x4338000000000000)

/* tsdb_round_to_integer - the nearest integer, or anything when |value| >= 2^51 or NaN. */
static TSDB_INLINE int64_t
tsdb_round_to_integer(double value)
{
	double moved = value + TSDB_ROUNDER;
	uint64_t bits;

	memcpy(&bits, &moved, 8);
	return (int64_t) (bits - TSDB_ROUNDER_BITS);
}

/* tsdb_integer_to_double - of an integer below 2^51; of others a fixed something. */
static TSDB_INLINE double
tsdb_integer_to_double(int64_t integer)
{
	uint64_t bits = (uint64_t) integer + TSDB_ROUNDER_BITS;
	double moved;

	memcpy(&moved, &bits, 8);
	return moved - TSDB_ROUNDER;
}

static inline void *
tsdb_mem_array(const TsdbMem *mem, size_t n, size_t width)
{
	return tsdb_mem_alloc(mem, (n > 0 ? n : 1) * width);
}

/*
 * bitstring.c, lanes.c - bit strings.
 */
extern void tsdb_lanes_pack(uint8_t *to, const uint32_t *values, uint32_t width);
extern void tsdb_lanes_unpack(const uint8_t *from, uint32_t *values, uint32_t width);
extern void tsdb_bitstring_pack(uint8_t *to, const uint64_t *values, uint32_t n, uint32_t width);
extern void tsdb_bitstring_unpack(const uint8_t *from, uint64_t *values, uint32_t n, uint32_t width);
extern void tsdb_bitstring_unpack_narrow(const uint8_t *from, uint32_t *values, uint32_t n, uint32_t width);
extern size_t tsdb_unary_pack(uint8_t *to, const uint8_t *quotients, uint32_t n);
#define TSDB_UNARY_ROOM 128 /* bytes past the last quotient that unpacking may write */
extern bool tsdb_unary_unpack(TsdbSpan from, uint8_t *quotients, uint32_t n);

/*
 * prefix_sum.c - residuals to values.
 */
extern uint32_t tsdb_sum_deltas(const uint32_t *residuals, uint32_t n, uint32_t previous, uint32_t slope, int32_t *offsets);
extern uint32_t tsdb_sum_seconds(const uint32_t *residuals, uint32_t n, uint32_t previous, uint32_t *delta, int32_t *offsets);

/*
 * ipk_encode.c, ipk_decode.c - packed integers; the layout is described in ipk_encode.c.
 */
#define TSDB_MINIBLOCK 256 /* values in a full miniblock */
#define TSDB_RICE_MAX_QUOTIENT 12

#define TSDB_IPK_ORDER 0x03
#define TSDB_IPK_NARROW 0x04
#define TSDB_IPK_BASE_SHIFT 3
#define TSDB_IPK_ZERO 0x80

typedef enum TsdbIpkOrder
{
	TSDB_IPK_OFFSETS = 0, /* from the minimum of the miniblock */
	TSDB_IPK_DELTAS = 1,
	TSDB_IPK_SLOPE = 2, /* deltas less a constant */
	TSDB_IPK_SECOND = 3, /* differences of deltas */
	TSDB_IPK_CENTRED = 4 /* from the middle of the miniblock, both ways */
} TsdbIpkOrder;

/* The field base_bytes of order CENTRED: first + 0 .. 6 stands for 0, 1, 2, 3, 4, 6, 8 bytes. */
#define TSDB_IPK_CENTRED_FIRST 9
#define TSDB_IPK_CENTRED_STEPS 4 /* single ones, then doubles */

/* First code of each kind of miniblock; code - first = width. */
#define TSDB_IPK_CODE_PLAIN 0 /* widths 0 .. 64 */
#define TSDB_IPK_CODE_PATCHED 65 /* widths 0 .. 63 */
#define TSDB_IPK_CODE_RICE 130 /* widths 0 .. 61 */
#define TSDB_IPK_CODE_RICE_PATCHED 192 /* widths 0 .. 61 */
#define TSDB_RICE_MAX_WIDTH 61

/* Sequential reader of one packed array, a miniblock at a time. */
typedef struct TsdbIpk
{
	TsdbSpan src; /* what is not read yet */
	uint32_t left; /* values still to come */
	bool narrow; /* every value - base fits int32 */
	bool zero; /* no miniblocks: all residuals are 0 */
	bool started;
	uint8_t order; /* TsdbIpkOrder */
	uint8_t base_bytes;
	int64_t base;
	uint64_t previous; /* last value - base */
	uint64_t delta; /* slope, or the last delta of order SECOND */
} TsdbIpk;

extern void tsdb_ipk_encode(TsdbBytes *out, const int64_t *values, uint32_t n);
extern TsdbStatus tsdb_ipk_open(TsdbIpk *ipk, TsdbSpan src, uint32_t n);
extern TsdbStatus tsdb_ipk_next_narrow(TsdbIpk *ipk, int32_t *offsets, uint32_t *n);
extern TsdbStatus tsdb_ipk_next(TsdbIpk *ipk, int64_t *values, uint32_t *n);
extern TsdbStatus tsdb_ipk_decode(TsdbSpan *src, int64_t *values, uint32_t n);
extern TsdbStatus tsdb_ipk_decode_codes(TsdbSpan *src, uint16_t *codes, uint32_t n, uint32_t limit);

/*
 * fold.c - a running count, sum, min, max.
 */
typedef struct TsdbFoldState
{
	TsdbType type;
	uint32_t n;
	double min;
	double max;
	double sum_hi;
	double sum_lo;
	int64_t int_min;
	int64_t int_max;
	__int128 int_sum;
} TsdbFoldState;

extern void tsdb_fold_add_word(TsdbFoldState *state, uint64_t word, uint32_t count);
extern void tsdb_fold_add_weighted(TsdbFoldState *state, const uint64_t *words, const uint32_t *counts, uint32_t n);
extern void tsdb_fold_add_words(TsdbFoldState *state, const uint64_t *words, uint32_t n);
extern void tsdb_fold_add_ints(TsdbFoldState *state, int64_t min, int64_t max, __int128 sum, uint32_t n);
extern void tsdb_fold_add_decimals(TsdbFoldState *state, double min, double max, __int128 sum, double scale, uint32_t n);

/* Least, greatest and sum of what was read of a packed array. */
typedef struct TsdbRange
{
	int64_t min;
	int64_t max;
	__int128 sum;
} TsdbRange;

/* skip: n_skip ascending positions whose values do not count. */
extern TsdbStatus tsdb_ipk_range(TsdbSpan *src, uint32_t n, const int64_t *skip, uint32_t n_skip, TsdbRange *range);

/*
 * dec.c, bits.c, dict.c, dict_fold.c, rle.c - the bodies of chunks, after the tag byte.
 */
extern const double tsdb_power_of_ten[TSDB_MAX_DECIMALS + 1];

extern bool tsdb_dec_encode(TsdbBytes *out, TsdbType type, const uint64_t *words, uint32_t n, uint32_t decimals,
							unsigned mask, const TsdbMem *scratch);
extern TsdbStatus tsdb_dec_decode_range(TsdbSpan *src, uint8_t tag, TsdbType type, uint64_t *words, uint32_t n,
										uint32_t from, uint32_t until);
extern TsdbStatus tsdb_dec_decode(TsdbSpan *src, uint8_t tag, TsdbType type, uint64_t *words, uint32_t n,
								  unsigned mask, const TsdbMem *scratch);
extern TsdbStatus tsdb_dec_fold(TsdbSpan *src, uint8_t tag, uint32_t n, unsigned mask, TsdbFoldState *state,
								const TsdbMem *scratch);
extern bool tsdb_dec_decode_integers(TsdbSpan *src, uint32_t *decimals, int64_t *integers, uint32_t n);
extern bool tsdb_dec_integer(TsdbType type, uint64_t word, uint32_t decimals, int64_t *integer);
extern uint64_t tsdb_dec_word(TsdbType type, int64_t integer, uint32_t decimals);
extern void tsdb_dec_candidates(TsdbType type, const uint64_t *words, uint32_t n, uint8_t candidates[2]);

extern void tsdb_bits_encode(TsdbBytes *out, TsdbType type, const uint64_t *words, uint32_t n, const TsdbMem *scratch);
extern TsdbStatus tsdb_bits_decode(TsdbSpan *src, TsdbType type, uint64_t *words, uint32_t n);

extern bool tsdb_dict_encode(TsdbBytes *out, TsdbType type, const uint64_t *words, uint32_t n, unsigned mask,
							 const TsdbMem *scratch);
extern TsdbStatus tsdb_dict_decode(TsdbSpan *src, TsdbType type, uint64_t *words, uint32_t n, unsigned mask,
								   const TsdbMem *scratch);
extern uint64_t *tsdb_dict_read(TsdbSpan *src, TsdbType type, uint32_t n, uint32_t *d, unsigned mask, const TsdbMem *scratch);
extern TsdbStatus tsdb_dict_fold(TsdbSpan *src, uint32_t n, unsigned mask, TsdbFoldState *state, const TsdbMem *scratch);

extern uint32_t tsdb_rle_count(const uint64_t *words, uint32_t n);
extern void tsdb_rle_encode(TsdbBytes *out, TsdbType type, const uint64_t *words, uint32_t n, unsigned mask,
							const TsdbMem *scratch);
extern TsdbStatus tsdb_rle_decode(TsdbSpan *src, TsdbType type, uint64_t *words, uint32_t n, unsigned mask,
								  const TsdbMem *scratch);
extern TsdbStatus tsdb_rle_fold(TsdbSpan *src, uint32_t n, unsigned mask, TsdbFoldState *state, const TsdbMem *scratch);

/*
 * codec.c, select.c - whole chunks, tag included.
 */
extern void tsdb_chunk_encode(TsdbBytes *out, TsdbType type, const uint64_t *words, uint32_t n, unsigned mask,
							  const TsdbMem *scratch);
extern bool tsdb_chunk_encode_as(TsdbBytes *out, TsdbCodec codec, uint32_t decimals, TsdbType type,
								 const uint64_t *words, uint32_t n, unsigned mask, const TsdbMem *scratch);
extern TsdbStatus tsdb_chunk_decode(TsdbSpan *src, TsdbType type, uint64_t *words, uint32_t n, unsigned mask,
									const TsdbMem *scratch);
extern TsdbStatus tsdb_chunk_fold(TsdbSpan *src, uint32_t n, unsigned mask, TsdbFoldState *state,
								  const TsdbMem *scratch);

#endif /* TSDB_CODEC_PRIVATE_H */
