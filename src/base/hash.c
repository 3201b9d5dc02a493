/*-------------------------------------------------------------------------
 *
 * hash.c
 *	  The hash and the checksum of the disk format.  Frozen for ever.
 *
 * tsdb_hash_bytes reads 16 bytes a step as two little-endian words and folds
 * the 128-bit product of the keyed words, the multiply-and-fold step of the
 * public domain wyhash family.  It is not a defence against chosen keys.
 *
 * tsdb_crc32c is CRC-32C (Castagnoli, RFC 3720 B.4), by tables of eight
 * bytes a step or by the SSE4.2 instruction; both give the same number.  A
 * CRC is linear, so a table entry is the XOR of the entries of its bits: the
 * source spells out only the 64 entries of single bits.
 *-------------------------------------------------------------------------
 */
#include "base/base.h"

#if defined(__x86_64__) && defined(__GNUC__) && !defined(TSDB_NO_SIMD)
#define HAVE_CRC_INSTRUCTION 1
#endif

#define HASH_KEY_0 UINT64_C(0x9e3779b97f4a7c15)
#define HASH_KEY_1 UINT64_C(0xd1b54a32d192ed03)
#define HASH_KEY_2 UINT64_C(0x8cb92ba72f3d8dd7)

/* Entries of the single bits 1, 2, 4 .. 128 of the eight tables. */
#define CRC_BITS_0(b) \
	CRC_OF_BITS(b, 0xf26b8303, 0xe13b70f7, 0xc79a971f, 0x8ad958cf, 0x105ec76f, 0x20bd8ede, 0x417b1dbc, 0x82f63b78)
#define CRC_BITS_1(b) \
	CRC_OF_BITS(b, 0x13a29877, 0x274530ee, 0x4e8a61dc, 0x9d14c3b8, 0x3fc5f181, 0x7f8be302, 0xff17c604, 0xfbc3faf9)
#define CRC_BITS_2(b) \
	CRC_OF_BITS(b, 0xa541927e, 0x4f6f520d, 0x9edea41a, 0x38513ec5, 0x70a27d8a, 0xe144fb14, 0xc76580d9, 0x8b277743)
#define CRC_BITS_3(b) \
	CRC_OF_BITS(b, 0xdd45aab8, 0xbf672381, 0x7b2231f3, 0xf64463e6, 0xe964b13d, 0xd725148b, 0xaba65fe7, 0x52a0c93f)
#define CRC_BITS_4(b) \
	CRC_OF_BITS(b, 0x38116fac, 0x7022df58, 0xe045beb0, 0xc5670b91, 0x8f2261d3, 0x1ba8b557, 0x37516aae, 0x6ea2d55c)
#define CRC_BITS_5(b) \
	CRC_OF_BITS(b, 0xef306b19, 0xdb8ca0c3, 0xb2f53777, 0x6006181f, 0xc00c303e, 0x85f4168d, 0x0e045beb, 0x1c08b7d6)
#define CRC_BITS_6(b) \
	CRC_OF_BITS(b, 0x68032cc8, 0xd0065990, 0xa5e0c5d1, 0x4e2dfd53, 0x9c5bfaa6, 0x3d5b83bd, 0x7ab7077a, 0xf56e0ef4)
#define CRC_BITS_7(b) \
	CRC_OF_BITS(b, 0x493c7d27, 0x9278fa4e, 0x211d826d, 0x423b04da, 0x847609b4, 0x0d006599, 0x1a00cb32, 0x34019664)

#define CRC_BIT(b, bit, entry) (((b) & (bit)) ? UINT32_C(entry) : 0)
#define CRC_OF_BITS(b, e0, e1, e2, e3, e4, e5, e6, e7)             \
	(CRC_BIT(b, 1, e0) ^ CRC_BIT(b, 2, e1) ^ CRC_BIT(b, 4, e2) ^   \
	 CRC_BIT(b, 8, e3) ^ CRC_BIT(b, 16, e4) ^ CRC_BIT(b, 32, e5) ^ \
	 CRC_BIT(b, 64, e6) ^ CRC_BIT(b, 128, e7))
#define CRC_4(f, b) f(b), f((b) + 1), f((b) + 2), f((b) + 3)
#define CRC_16(f, b) CRC_4(f, b), CRC_4(f, (b) + 4), CRC_4(f, (b) + 8), CRC_4(f, (b) + 12)
#define CRC_64(f, b) CRC_16(f, b), CRC_16(f, (b) + 16), CRC_16(f, (b) + 32), CRC_16(f, (b) + 48)
#define CRC_256(f)                                                  \
	{                                                               \
		CRC_64(f, 0), CRC_64(f, 64), CRC_64(f, 128), CRC_64(f, 192) \
	}

static const uint32_t crc_table[8][256] = {
	CRC_256(CRC_BITS_0), CRC_256(CRC_BITS_1), CRC_256(CRC_BITS_2), CRC_256(CRC_BITS_3),
	CRC_256(CRC_BITS_4), CRC_256(CRC_BITS_5), CRC_256(CRC_BITS_6), CRC_256(CRC_BITS_7)};

static uint64_t multiply_fold(uint64_t a, uint64_t b);
static uint64_t read_up_to_8(const uint8_t *at, size_t nbytes);
static uint32_t crc32c_tables(uint32_t crc, const uint8_t *at, size_t nbytes);
#ifdef HAVE_CRC_INSTRUCTION
static uint32_t crc32c_instruction(uint32_t crc, const uint8_t *at, size_t nbytes);
#endif

/*
 * tsdb_hash_bytes - 64-bit hash of nbytes bytes.
 */
uint64_t
tsdb_hash_bytes(const void *src, size_t nbytes)
{
	const uint8_t *at = (const uint8_t *) src;
	size_t left = nbytes;
	uint64_t state = HASH_KEY_0;
	uint64_t a;
	uint64_t b;

	while (left > 16)
	{
		memcpy(&a, at, 8);
		memcpy(&b, at + 8, 8);
		state = multiply_fold(a ^ HASH_KEY_1, b ^ state);
		at += 16;
		left -= 16;
	}
	a = read_up_to_8(at, left < 8 ? left : 8);
	b = left > 8 ? read_up_to_8(at + 8, left - 8) : 0;
	state = multiply_fold(a ^ HASH_KEY_1, b ^ state);
	return multiply_fold(state ^ HASH_KEY_2, (uint64_t) nbytes ^ HASH_KEY_1);
}

/*
 * tsdb_crc32c - CRC-32C of nbytes bytes; 0xE3069283 for "123456789".
 */
uint32_t
tsdb_crc32c(const void *src, size_t nbytes)
{
	const uint8_t *at = (const uint8_t *) src;

#ifdef HAVE_CRC_INSTRUCTION
	if (__builtin_cpu_supports("sse4.2"))
		return ~crc32c_instruction(~UINT32_C(0), at, nbytes);
#endif
	return ~crc32c_tables(~UINT32_C(0), at, nbytes);
}

// private functions

/* High and low word of the product, XORed. */
static uint64_t
multiply_fold(uint64_t a, uint64_t b)
{
	unsigned __int128 product = (unsigned __int128) a * b;

	return (uint64_t) product ^ (uint64_t) (product >> 64);
}

/* Zero-extended little-endian word of 0 .. 8 bytes. */
static uint64_t
read_up_to_8(const uint8_t *at, size_t nbytes)
{
	uint64_t word = 0;

	if (nbytes > 0)
		memcpy(&word, at, nbytes);
	return word;
}

static uint32_t
crc32c_tables(uint32_t crc, const uint8_t *at, size_t nbytes)
{
	while (nbytes >= 8)
	{
		uint32_t low;
		uint32_t high;

		memcpy(&low, at, 4);
		memcpy(&high, at + 4, 4);
		low ^= crc;
		crc = crc_table[7][low & 255] ^ crc_table[6][(low >> 8) & 255] ^
			  crc_table[5][(low >> 16) & 255] ^ crc_table[4][low >> 24] ^
			  crc_table[3][high & 255] ^ crc_table[2][(high >> 8) & 255] ^
			  crc_table[1][(high >> 16) & 255] ^ crc_table[0][high >> 24];
		at += 8;
		nbytes -= 8;
	}
	for (; nbytes > 0; nbytes--)
		crc = (crc >> 8) ^ crc_table[0][(crc ^ *at++) & 255];
	return crc;
}

#ifdef HAVE_CRC_INSTRUCTION
__attribute__((target("sse4.2"))) static uint32_t
crc32c_instruction(uint32_t crc, const uint8_t *at, size_t nbytes)
{
	uint64_t wide = crc;

	for (; nbytes >= 8; nbytes -= 8)
	{
		uint64_t word;

		memcpy(&word, at, 8);
		wide = __builtin_ia32_crc32di(wide, word);
		at += 8;
	}
	crc = (uint32_t) wide;
	for (; nbytes > 0; nbytes--)
		crc = __builtin_ia32_crc32qi(crc, *at++);
	return crc;
}
#endif
