/*-------------------------------------------------------------------------
 *
 * lanes.c
 *	  256 integers of 0 .. 32 bits packed in eight lanes.
 *
 * Value i sits in row i / 8, lane i % 8.  The bits of a lane are one
 * little-endian string of 32 * width bits, cut in 32-bit words; word j of all
 * eight lanes stands together in 32 bytes:
 *
 *	  bytes 32 j .. 32 j + 31	lane 0 word j | lane 1 word j | .. | lane 7 word j
 *
 * so a vector of eight words unpacks with shifts alone and the whole takes
 * exactly 32 * width bytes.
 *-------------------------------------------------------------------------
 */
#include "codec/codec_private.h"

#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic ignored "-Wpsabi"
#endif

#define NLANES 8
#define NROWS 32

typedef uint32_t Lanes __attribute__((vector_size(32)));

static TSDB_INLINE void unpack_width(const uint8_t *from, uint32_t *values, const uint32_t width);

/*
 * tsdb_lanes_pack - pack the low `width` bits of 256 values into 32 * width bytes.
 */
TSDB_CLONES void
tsdb_lanes_pack(uint8_t *to, const uint32_t *values, uint32_t width)
{
	const uint32_t mask = width == 32 ? ~UINT32_C(0) : (UINT32_C(1) << width) - 1;
	Lanes word = {0};
	uint32_t filled = 0;

	for (uint32_t row = 0; row < NROWS && width > 0; row++)
	{
		Lanes value;

		memcpy(&value, values + row * NLANES, sizeof(Lanes));
		value &= mask;
		word |= value << filled;
		filled += width;
		if (filled >= 32)
		{
			memcpy(to, &word, sizeof(Lanes));
			to += sizeof(Lanes);
			filled -= 32;
			/* A shift by all 32 bits is undefined: nothing is left over then. */
			word = filled > 0 ? value >> (width - filled) : value ^ value;
		}
	}
}

#define UNPACK_CASE(w)                 \
	case w:                            \
		unpack_width(from, values, w); \
		break
#define UNPACK_CASES_4(w) \
	UNPACK_CASE(w);       \
	UNPACK_CASE((w) + 1); \
	UNPACK_CASE((w) + 2); \
	UNPACK_CASE((w) + 3)

/*
 * tsdb_lanes_unpack - 256 values from 32 * width bytes, width 0 .. 32.
 */
TSDB_CLONES void
tsdb_lanes_unpack(const uint8_t *from, uint32_t *values, uint32_t width)
{
	switch (width)
	{
		UNPACK_CASES_4(0);
		UNPACK_CASES_4(4);
		UNPACK_CASES_4(8);
		UNPACK_CASES_4(12);
		UNPACK_CASES_4(16);
		UNPACK_CASES_4(20);
		UNPACK_CASES_4(24);
		UNPACK_CASES_4(28);
		UNPACK_CASE(32);
	}
}

// private functions

/* One instance a width: every shift is a constant. */
static TSDB_INLINE void
unpack_width(const uint8_t *from, uint32_t *values, const uint32_t width)
{
	const uint32_t mask = width == 32 ? ~UINT32_C(0) : (UINT32_C(1) << width) - 1;

#if defined(__clang__)
#pragma unroll
#else
#pragma GCC unroll 32
#endif
	for (uint32_t row = 0; row < NROWS; row++)
	{
		const uint32_t bit = row * width;
		Lanes value = {0};
		Lanes high;

		if (width > 0)
			memcpy(&value, from + bit / 32 * sizeof(Lanes), sizeof(Lanes));
		value >>= bit % 32;
		if (bit % 32 + width > 32)
		{
			memcpy(&high, from + (bit / 32 + 1) * sizeof(Lanes), sizeof(Lanes));
			value |= high << (32 - bit % 32);
		}
		value &= mask;
		memcpy(values + row * NLANES, &value, sizeof(Lanes));
	}
}
