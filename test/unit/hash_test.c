/*-------------------------------------------------------------------------
 *
 * hash_test.c
 *	  The frozen hash and the checksum of the disk format.
 *-------------------------------------------------------------------------
 */
#include "tap.h"

static uint32_t crc_by_bits(const uint8_t *at, size_t nbytes);
static void test_crc(void);
static void test_hash(void);
static uint32_t average_flips(void);

int
main(void)
{
	test_crc();
	test_hash();
	return done();
}

// private functions

/* The definition: one bit at a time. */
static uint32_t
crc_by_bits(const uint8_t *at, size_t nbytes)
{
	uint32_t crc = ~UINT32_C(0);

	for (; nbytes > 0; nbytes--)
	{
		crc ^= *at++;
		for (int bit = 0; bit < 8; bit++)
			crc = (crc >> 1) ^ (crc & 1 ? UINT32_C(0x82f63b78) : 0);
	}
	return ~crc;
}

static void
test_crc(void)
{
	uint8_t bytes[300];
	uint64_t seed = 1;
	uint32_t wrong = 0;

	ok(tsdb_crc32c("123456789", 9) == 0xe3069283, "check value of CRC-32C");
	memset(bytes, 0, 32);
	ok(tsdb_crc32c(bytes, 32) == 0x8a9136aa, "32 zeros (RFC 3720)");
	memset(bytes, 0xff, 32);
	ok(tsdb_crc32c(bytes, 32) == 0x62a8ab43, "32 ones (RFC 3720)");
	ok(tsdb_crc32c(bytes, 0) == 0, "nothing");
	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (uint8_t) random_next(&seed);
	for (size_t start = 0; start < 8; start++)
		for (size_t n = 0; n + start <= sizeof(bytes); n++)
			wrong += tsdb_crc32c(bytes + start, n) != crc_by_bits(bytes + start, n);
	ok(wrong == 0, "every length and alignment equals the definition");
}

static void
test_hash(void)
{
	uint8_t bytes[64] = {0};
	uint64_t seen[65];
	uint32_t equal = 0;
	uint32_t flips;

	ok(tsdb_hash_bytes("", 0) == UINT64_C(0xfbe0ac844d66a21e), "frozen: hash of nothing");
	ok(tsdb_hash_bytes("123456789", 9) == UINT64_C(0x8fc63e898557e549), "frozen: hash of 9 bytes");
	ok(tsdb_hash_bytes("site=Linz,machine=press 4,sensor=oil", 36) == UINT64_C(0x9168216cc89c8fe2), "frozen: hash of 36 bytes");
	for (uint32_t n = 0; n <= 64; n++)
	{
		seen[n] = tsdb_hash_bytes(bytes, n);
		for (uint32_t i = 0; i < n; i++)
			equal += seen[i] == seen[n];
	}
	ok(equal == 0, "zeros of different lengths differ");
	flips = average_flips();
	ok(flips >= 3100 && flips <= 3300, "one bit changes half of the hash (%u of 6400)", flips);
}

/* Bits of the hash, in hundredths, that change with one bit of the input. */
static uint32_t
average_flips(void)
{
	uint64_t seed = 7;
	uint64_t changed = 0;
	uint32_t trials = 0;

	for (uint32_t n = 1; n <= 48; n++)
		for (uint32_t bit = 0; bit < n * 8; bit++, trials++)
		{
			uint8_t bytes[48];
			uint64_t before;

			for (uint32_t i = 0; i < n; i++)
				bytes[i] = (uint8_t) random_next(&seed);
			before = tsdb_hash_bytes(bytes, n);
			bytes[bit / 8] ^= (uint8_t) (1 << bit % 8);
			changed += (uint64_t) __builtin_popcountll(before ^ tsdb_hash_bytes(bytes, n));
		}
	return (uint32_t) (changed * 100 / trials);
}
