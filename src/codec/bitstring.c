/*-------------------------------------------------------------------------
 *
 * bitstring.c
 *	  Plain bit strings (of the miniblocks that are not full) and unary ones.
 *
 * Plain: value i is bits i * width .. i * width + width - 1 of a little-endian
 * string of ceil(n * width / 8) bytes, padded with zero bits.
 *
 * Unary: a quotient q is q zero bits and a one bit, lowest bit first.  Decoded
 * a byte at a time: a table gives the zeros before each one of a byte, the
 * zeros that the bytes before it end with come on top of the first, and the
 * number of ones moves the output.
 *-------------------------------------------------------------------------
 */
#include "codec/codec_private.h"

#ifdef TSDB_HAVE_AVX2
#include <immintrin.h>
#endif

/* Byte j of entry b: how many zeros stand before one bit number j of b, from the one before it on. */
static const uint64_t gaps_of_ones[256] = {
	UINT64_C(0x0000000000000000), UINT64_C(0x0000000000000000), UINT64_C(0x0000000000000001), UINT64_C(0x0000000000000000),
	UINT64_C(0x0000000000000002), UINT64_C(0x0000000000000100), UINT64_C(0x0000000000000001), UINT64_C(0x0000000000000000),
	UINT64_C(0x0000000000000003), UINT64_C(0x0000000000000200), UINT64_C(0x0000000000000101), UINT64_C(0x0000000000010000),
	UINT64_C(0x0000000000000002), UINT64_C(0x0000000000000100), UINT64_C(0x0000000000000001), UINT64_C(0x0000000000000000),
	UINT64_C(0x0000000000000004), UINT64_C(0x0000000000000300), UINT64_C(0x0000000000000201), UINT64_C(0x0000000000020000),
	UINT64_C(0x0000000000000102), UINT64_C(0x0000000000010100), UINT64_C(0x0000000000010001), UINT64_C(0x0000000001000000),
	UINT64_C(0x0000000000000003), UINT64_C(0x0000000000000200), UINT64_C(0x0000000000000101), UINT64_C(0x0000000000010000),
	UINT64_C(0x0000000000000002), UINT64_C(0x0000000000000100), UINT64_C(0x0000000000000001), UINT64_C(0x0000000000000000),
	UINT64_C(0x0000000000000005), UINT64_C(0x0000000000000400), UINT64_C(0x0000000000000301), UINT64_C(0x0000000000030000),
	UINT64_C(0x0000000000000202), UINT64_C(0x0000000000020100), UINT64_C(0x0000000000020001), UINT64_C(0x0000000002000000),
	UINT64_C(0x0000000000000103), UINT64_C(0x0000000000010200), UINT64_C(0x0000000000010101), UINT64_C(0x0000000001010000),
	UINT64_C(0x0000000000010002), UINT64_C(0x0000000001000100), UINT64_C(0x0000000001000001), UINT64_C(0x0000000100000000),
	UINT64_C(0x0000000000000004), UINT64_C(0x0000000000000300), UINT64_C(0x0000000000000201), UINT64_C(0x0000000000020000),
	UINT64_C(0x0000000000000102), UINT64_C(0x0000000000010100), UINT64_C(0x0000000000010001), UINT64_C(0x0000000001000000),
	UINT64_C(0x0000000000000003), UINT64_C(0x0000000000000200), UINT64_C(0x0000000000000101), UINT64_C(0x0000000000010000),
	UINT64_C(0x0000000000000002), UINT64_C(0x0000000000000100), UINT64_C(0x0000000000000001), UINT64_C(0x0000000000000000),
	UINT64_C(0x0000000000000006), UINT64_C(0x0000000000000500), UINT64_C(0x0000000000000401), UINT64_C(0x0000000000040000),
	UINT64_C(0x0000000000000302), UINT64_C(0x0000000000030100), UINT64_C(0x0000000000030001), UINT64_C(0x0000000003000000),
	UINT64_C(0x0000000000000203), UINT64_C(0x0000000000020200), UINT64_C(0x0000000000020101), UINT64_C(0x0000000002010000),
	UINT64_C(0x0000000000020002), UINT64_C(0x0000000002000100), UINT64_C(0x0000000002000001), UINT64_C(0x0000000200000000),
	UINT64_C(0x0000000000000104), UINT64_C(0x0000000000010300), UINT64_C(0x0000000000010201), UINT64_C(0x0000000001020000),
	UINT64_C(0x0000000000010102), UINT64_C(0x0000000001010100), UINT64_C(0x0000000001010001), UINT64_C(0x0000000101000000),
	UINT64_C(0x0000000000010003), UINT64_C(0x0000000001000200), UINT64_C(0x0000000001000101), UINT64_C(0x0000000100010000),
	UINT64_C(0x0000000001000002), UINT64_C(0x0000000100000100), UINT64_C(0x0000000100000001), UINT64_C(0x0000010000000000),
	UINT64_C(0x0000000000000005), UINT64_C(0x0000000000000400), UINT64_C(0x0000000000000301), UINT64_C(0x0000000000030000),
	UINT64_C(0x0000000000000202), UINT64_C(0x0000000000020100), UINT64_C(0x0000000000020001), UINT64_C(0x0000000002000000),
	UINT64_C(0x0000000000000103), UINT64_C(0x0000000000010200), UINT64_C(0x0000000000010101), UINT64_C(0x0000000001010000),
	UINT64_C(0x0000000000010002), UINT64_C(0x0000000001000100), UINT64_C(0x0000000001000001), UINT64_C(0x0000000100000000),
	UINT64_C(0x0000000000000004), UINT64_C(0x0000000000000300), UINT64_C(0x0000000000000201), UINT64_C(0x0000000000020000),
	UINT64_C(0x0000000000000102), UINT64_C(0x0000000000010100), UINT64_C(0x0000000000010001), UINT64_C(0x0000000001000000),
	UINT64_C(0x0000000000000003), UINT64_C(0x0000000000000200), UINT64_C(0x0000000000000101), UINT64_C(0x0000000000010000),
	UINT64_C(0x0000000000000002), UINT64_C(0x0000000000000100), UINT64_C(0x0000000000000001), UINT64_C(0x0000000000000000),
	UINT64_C(0x0000000000000007), UINT64_C(0x0000000000000600), UINT64_C(0x0000000000000501), UINT64_C(0x0000000000050000),
	UINT64_C(0x0000000000000402), UINT64_C(0x0000000000040100), UINT64_C(0x0000000000040001), UINT64_C(0x0000000004000000),
	UINT64_C(0x0000000000000303), UINT64_C(0x0000000000030200), UINT64_C(0x0000000000030101), UINT64_C(0x0000000003010000),
	UINT64_C(0x0000000000030002), UINT64_C(0x0000000003000100), UINT64_C(0x0000000003000001), UINT64_C(0x0000000300000000),
	UINT64_C(0x0000000000000204), UINT64_C(0x0000000000020300), UINT64_C(0x0000000000020201), UINT64_C(0x0000000002020000),
	UINT64_C(0x0000000000020102), UINT64_C(0x0000000002010100), UINT64_C(0x0000000002010001), UINT64_C(0x0000000201000000),
	UINT64_C(0x0000000000020003), UINT64_C(0x0000000002000200), UINT64_C(0x0000000002000101), UINT64_C(0x0000000200010000),
	UINT64_C(0x0000000002000002), UINT64_C(0x0000000200000100), UINT64_C(0x0000000200000001), UINT64_C(0x0000020000000000),
	UINT64_C(0x0000000000000105), UINT64_C(0x0000000000010400), UINT64_C(0x0000000000010301), UINT64_C(0x0000000001030000),
	UINT64_C(0x0000000000010202), UINT64_C(0x0000000001020100), UINT64_C(0x0000000001020001), UINT64_C(0x0000000102000000),
	UINT64_C(0x0000000000010103), UINT64_C(0x0000000001010200), UINT64_C(0x0000000001010101), UINT64_C(0x0000000101010000),
	UINT64_C(0x0000000001010002), UINT64_C(0x0000000101000100), UINT64_C(0x0000000101000001), UINT64_C(0x0000010100000000),
	UINT64_C(0x0000000000010004), UINT64_C(0x0000000001000300), UINT64_C(0x0000000001000201), UINT64_C(0x0000000100020000),
	UINT64_C(0x0000000001000102), UINT64_C(0x0000000100010100), UINT64_C(0x0000000100010001), UINT64_C(0x0000010001000000),
	UINT64_C(0x0000000001000003), UINT64_C(0x0000000100000200), UINT64_C(0x0000000100000101), UINT64_C(0x0000010000010000),
	UINT64_C(0x0000000100000002), UINT64_C(0x0000010000000100), UINT64_C(0x0000010000000001), UINT64_C(0x0001000000000000),
	UINT64_C(0x0000000000000006), UINT64_C(0x0000000000000500), UINT64_C(0x0000000000000401), UINT64_C(0x0000000000040000),
	UINT64_C(0x0000000000000302), UINT64_C(0x0000000000030100), UINT64_C(0x0000000000030001), UINT64_C(0x0000000003000000),
	UINT64_C(0x0000000000000203), UINT64_C(0x0000000000020200), UINT64_C(0x0000000000020101), UINT64_C(0x0000000002010000),
	UINT64_C(0x0000000000020002), UINT64_C(0x0000000002000100), UINT64_C(0x0000000002000001), UINT64_C(0x0000000200000000),
	UINT64_C(0x0000000000000104), UINT64_C(0x0000000000010300), UINT64_C(0x0000000000010201), UINT64_C(0x0000000001020000),
	UINT64_C(0x0000000000010102), UINT64_C(0x0000000001010100), UINT64_C(0x0000000001010001), UINT64_C(0x0000000101000000),
	UINT64_C(0x0000000000010003), UINT64_C(0x0000000001000200), UINT64_C(0x0000000001000101), UINT64_C(0x0000000100010000),
	UINT64_C(0x0000000001000002), UINT64_C(0x0000000100000100), UINT64_C(0x0000000100000001), UINT64_C(0x0000010000000000),
	UINT64_C(0x0000000000000005), UINT64_C(0x0000000000000400), UINT64_C(0x0000000000000301), UINT64_C(0x0000000000030000),
	UINT64_C(0x0000000000000202), UINT64_C(0x0000000000020100), UINT64_C(0x0000000000020001), UINT64_C(0x0000000002000000),
	UINT64_C(0x0000000000000103), UINT64_C(0x0000000000010200), UINT64_C(0x0000000000010101), UINT64_C(0x0000000001010000),
	UINT64_C(0x0000000000010002), UINT64_C(0x0000000001000100), UINT64_C(0x0000000001000001), UINT64_C(0x0000000100000000),
	UINT64_C(0x0000000000000004), UINT64_C(0x0000000000000300), UINT64_C(0x0000000000000201), UINT64_C(0x0000000000020000),
	UINT64_C(0x0000000000000102), UINT64_C(0x0000000000010100), UINT64_C(0x0000000000010001), UINT64_C(0x0000000001000000),
	UINT64_C(0x0000000000000003), UINT64_C(0x0000000000000200), UINT64_C(0x0000000000000101), UINT64_C(0x0000000000010000),
	UINT64_C(0x0000000000000002), UINT64_C(0x0000000000000100), UINT64_C(0x0000000000000001), UINT64_C(0x0000000000000000)};

#ifdef TSDB_HAVE_AVX2
static const uint8_t numbers_of_bits[64] = {
	0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31,
	32, 33, 34, 35, 36, 37, 38, 39, 40, 41, 42, 43, 44, 45, 46, 47, 48, 49, 50, 51, 52, 53, 54, 55, 56, 57, 58, 59, 60, 61, 62, 63};
#endif

#define COUNT_2(c) (c), (c) + 1, (c) + 1, (c) + 2
#define COUNT_4(c) COUNT_2(c), COUNT_2((c) + 1), COUNT_2((c) + 1), COUNT_2((c) + 2)
#define COUNT_6(c) COUNT_4(c), COUNT_4((c) + 1), COUNT_4((c) + 1), COUNT_4((c) + 2)

/* How many bits of a byte are one. */
static const uint8_t number_of_ones[256] = {COUNT_6(0), COUNT_6(1), COUNT_6(1), COUNT_6(2)};

#define LAST_1(c) (c)
#define LAST_2(c) LAST_1(c), LAST_1(c)
#define LAST_4(c) LAST_2(c), LAST_2(c)
#define LAST_8(c) LAST_4(c), LAST_4(c)
#define LAST_16(c) LAST_8(c), LAST_8(c)
#define LAST_32(c) LAST_16(c), LAST_16(c)
#define LAST_64(c) LAST_32(c), LAST_32(c)
#define LAST_128(c) LAST_64(c), LAST_64(c)

/* How many zeros follow the last one bit of a byte. */
static const uint8_t zeros_at_end[256] = {8, LAST_1(7), LAST_2(6), LAST_4(5), LAST_8(4), LAST_16(3), LAST_32(2), LAST_64(1), LAST_128(0)};

static TSDB_INLINE void unpack_byte(uint8_t byte, uint8_t **to, uint64_t *zeros);
#ifdef TSDB_HAVE_AVX2
static bool unpack_avx512(TsdbSpan from, uint8_t *quotients);
static TSDB_INLINE uint64_t word_at(const uint8_t *at, const uint8_t *end);
#endif
static bool has_greater(const uint8_t *quotients, uint32_t n);

/*
 * tsdb_bitstring_pack - write ceil(n * width / 8) bytes; the caller has room for 8 more.
 *
 *	values	n <= 256, higher bits than width are cut off
 *	width	0 .. 64
 */
void
tsdb_bitstring_pack(uint8_t *to, const uint64_t *values, uint32_t n, uint32_t width)
{
	const uint64_t mask = width == 64 ? ~UINT64_C(0) : (UINT64_C(1) << width) - 1;
	uint64_t word = 0;
	uint32_t filled = 0;

	if (width == 0)
		return;
	for (uint32_t i = 0; i < n; i++)
	{
		uint64_t value = values[i] & mask;

		word |= value << filled;
		if (filled + width >= 64)
		{
			memcpy(to, &word, 8);
			to += 8;
			word = filled > 0 ? value >> (64 - filled) : 0;
			filled += width - 64;
		}
		else
			filled += width;
	}
	memcpy(to, &word, 8);
}

/*
 * tsdb_bitstring_unpack - reverse of pack; reads 8 bytes past the string, so
 * the caller copies it to a place where it may.
 */
void
tsdb_bitstring_unpack(const uint8_t *from, uint64_t *values, uint32_t n, uint32_t width)
{
	const uint64_t mask = width == 64 ? ~UINT64_C(0) : (UINT64_C(1) << width) - 1;

	for (uint32_t i = 0; i < n; i++)
	{
		size_t bit = (size_t) i * width;
		uint64_t word;

		memcpy(&word, from + bit / 8, 8);
		word >>= bit % 8;
		if (width > 57 && bit % 8 > 0)
			word |= (uint64_t) from[bit / 8 + 8] << (64 - bit % 8);
		values[i] = word & mask;
	}
}

/*
 * tsdb_bitstring_unpack_narrow - the same for widths 0 .. 32.
 */
void
tsdb_bitstring_unpack_narrow(const uint8_t *from, uint32_t *values, uint32_t n, uint32_t width)
{
	const uint64_t mask = (UINT64_C(1) << width) - 1;
	size_t bit = 0;

	for (uint32_t i = 0; i < n; i++, bit += width)
	{
		uint64_t word;

		memcpy(&word, from + bit / 8, 8);
		values[i] = (uint32_t) (word >> bit % 8 & mask);
	}
}

/*
 * tsdb_unary_pack - write n quotients; returns the number of bytes.
 *
 *	to	room for 8 bytes more than the string takes
 */
size_t
tsdb_unary_pack(uint8_t *to, const uint8_t *quotients, uint32_t n)
{
	uint8_t *start = to;
	uint64_t word = 0;
	uint32_t filled = 0;

	for (uint32_t i = 0; i < n; i++)
	{
		filled += quotients[i];
		if (filled >= 32)
		{
			memcpy(to, &word, 4);
			to += 4;
			word >>= 32;
			filled -= 32;
		}
		word |= UINT64_C(1) << filled;
		filled++;
	}
	memcpy(to, &word, 8);
	return (size_t) (to - start) + (filled + 7) / 8;
}

/*
 * tsdb_unary_unpack - n quotients from a string that must hold exactly n ones,
 * the last of them in its last byte.
 *
 *	quotients	room for TSDB_UNARY_ROOM bytes more
 */
bool
tsdb_unary_unpack(TsdbSpan from, uint8_t *quotients, uint32_t n)
{
	const uint8_t *at = from.at;
	uint8_t *to = quotients;
	uint64_t zeros = 0; /* since the last one */
	uint64_t word;

	if (tsdb_span_left(&from) == 0 || from.end[-1] == 0)
		return false;
#ifdef TSDB_HAVE_AVX2
	if (n == TSDB_MINIBLOCK && tsdb_cpu_has(TSDB_CPU_AVX512))
		return unpack_avx512(from, quotients);
#endif
	for (; from.end - at >= (ptrdiff_t) sizeof(word) && to <= quotients + n; at += sizeof(word))
	{
		memcpy(&word, at, sizeof(word));
		/* So no number of zeros gets near what a byte can't hold. */
		if (word == 0)
			return false;
		for (uint32_t i = 0; i < 2; i++)
		{
			unpack_byte((uint8_t) word, &to, &zeros);
			unpack_byte((uint8_t) (word >> 8), &to, &zeros);
			unpack_byte((uint8_t) (word >> 16), &to, &zeros);
			unpack_byte((uint8_t) (word >> 24), &to, &zeros);
			word >>= 32;
		}
	}
	for (; at < from.end && to <= quotients + n; at++)
		unpack_byte(*at, &to, &zeros);
	return to == quotients + n && !has_greater(quotients, n);
}

// private functions

/* The quotients that end in a byte. */
static TSDB_INLINE void
unpack_byte(uint8_t byte, uint8_t **to, uint64_t *zeros)
{
	uint64_t gaps = gaps_of_ones[byte] + *zeros;

	memcpy(*to, &gaps, sizeof(gaps));
	*to += number_of_ones[byte];
	*zeros = zeros_at_end[byte] + (byte == 0 ? *zeros : 0);
}

#ifdef TSDB_HAVE_AVX2
/*
 * A full miniblock, 64 bits at a time: the places of the ones, modulo 256,
 * are moved together; a quotient is the distance of two less one.
 */
TSDB_TARGET_AVX512 static bool
unpack_avx512(TsdbSpan from, uint8_t *quotients)
{
	uint8_t room[1 + TSDB_MINIBLOCK + 64];
	uint8_t *places = room + 1;
	uint8_t *to = places;
	__m512i numbers = _mm512_loadu_si512(numbers_of_bits);
	__mmask64 greater = 0;

	room[0] = UINT8_MAX;
	for (const uint8_t *at = from.at; at < from.end && to <= places + TSDB_MINIBLOCK; at += sizeof(uint64_t))
	{
		uint64_t word = word_at(at, from.end);

		/* So no distance gets near 256. */
		if (word == 0)
			return false;
		_mm512_storeu_si512(to, _mm512_maskz_compress_epi8(word, numbers));
		to += __builtin_popcountll(word);
		numbers = _mm512_add_epi8(numbers, _mm512_set1_epi8(64));
	}
	if (to != places + TSDB_MINIBLOCK)
		return false;
	for (uint32_t i = 0; i < TSDB_MINIBLOCK; i += 64)
	{
		__m512i distances = _mm512_sub_epi8(_mm512_loadu_si512(places + i), _mm512_loadu_si512(places + i - 1));
		__m512i values = _mm512_sub_epi8(distances, _mm512_set1_epi8(1));

		greater |= _mm512_cmpgt_epu8_mask(values, _mm512_set1_epi8(TSDB_RICE_MAX_QUOTIENT));
		_mm512_storeu_si512(quotients + i, values);
	}
	return greater == 0;
}

/* Zeros follow the end. */
static TSDB_INLINE uint64_t
word_at(const uint8_t *at, const uint8_t *end)
{
	uint64_t word = 0;

	if (end - at >= (ptrdiff_t) sizeof(word))
		memcpy(&word, at, sizeof(word));
	else
		for (uint32_t i = 0; at + i < end; i++)
			word |= (uint64_t) at[i] << 8 * i;
	return word;
}
#endif

/* Whether a quotient is greater than any that is written. */
TSDB_CLONES static bool
has_greater(const uint8_t *quotients, uint32_t n)
{
	uint8_t greatest = 0;

	for (uint32_t i = 0; i < n; i++)
		greatest = quotients[i] > greatest ? quotients[i] : greatest;
	return greatest > TSDB_RICE_MAX_QUOTIENT;
}
