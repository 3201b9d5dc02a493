/*-------------------------------------------------------------------------
 *
 * twins_test.c
 *	  Loops that are written for a processor against their plain twins.
 *-------------------------------------------------------------------------
 */
#include "codec/codec_private.h"
#include "plant.h"

#define NTRIALS 2000
#define MAX_N 4096

static Arena arena;
static const TsdbMem mem = {arena_alloc, &arena};

static void test_unary(TsdbCpu cpu, const char *name);
static void test_damaged_unary(TsdbCpu cpu, const char *name);
static void test_sums(TsdbCpu cpu, const char *name);
static void test_chunks(TsdbCpu cpu, const char *name);
static size_t pack_random(uint8_t *string, uint8_t *quotients, uint64_t *seed);
static bool unpack_as(TsdbCpu cpu, const uint8_t *string, size_t nbytes, uint8_t *quotients);
static bool is_same_chunk(TsdbCpu cpu, const TsdbBytes *chunk, const uint64_t *words, uint32_t n);

int
main(void)
{
	static const char *const names[] = {"plain", "AVX2", "AVX-512"};

	for (TsdbCpu cpu = TSDB_CPU_PLAIN; cpu <= TSDB_CPU_AVX512; cpu++)
	{
		test_unary(cpu, names[cpu]);
		test_damaged_unary(cpu, names[cpu]);
		test_sums(cpu, names[cpu]);
		test_chunks(cpu, names[cpu]);
	}
	free(arena.pieces);
	return done();
}

// private functions

static void
test_unary(TsdbCpu cpu, const char *name)
{
	uint64_t seed = 1;
	uint32_t wrong = 0;

	for (uint32_t trial = 0; trial < NTRIALS; trial++)
	{
		uint8_t string[1024];
		uint8_t quotients[TSDB_MINIBLOCK];
		uint8_t unpacked[TSDB_MINIBLOCK + TSDB_UNARY_ROOM];
		size_t nbytes = pack_random(string, quotients, &seed);

		wrong += !unpack_as(cpu, string, nbytes, unpacked) || memcmp(unpacked, quotients, TSDB_MINIBLOCK) != 0;
	}
	ok(wrong == 0, "%s: quotients come back", name);
}

/* Bits flipped, bytes cleared, bytes cut off: taken or refused alike, with the same result. */
static void
test_damaged_unary(TsdbCpu cpu, const char *name)
{
	uint64_t seed = 2;
	uint32_t wrong = 0;
	uint32_t taken = 0;

	for (uint32_t trial = 0; trial < NTRIALS; trial++)
	{
		uint8_t string[1024];
		uint8_t quotients[TSDB_MINIBLOCK];
		uint8_t plain[TSDB_MINIBLOCK + TSDB_UNARY_ROOM];
		uint8_t unpacked[TSDB_MINIBLOCK + TSDB_UNARY_ROOM];
		size_t nbytes = pack_random(string, quotients, &seed);
		uint32_t from = random_below(&seed, (uint32_t) nbytes);
		bool is_taken;

		if (trial % 3 == 0)
			nbytes -= 1 + random_below(&seed, 3);
		else if (trial % 3 == 1)
			memset(string + from, 0, random_below(&seed, (uint32_t) nbytes - from));
		else
			/* Two neighbours that differ change places: the number of ones stays. */
			string[from] = (uint8_t) ((string[from] & 1) << 1 | (string[from] & 2) >> 1 | (string[from] & 0xfc));
		is_taken = unpack_as(TSDB_CPU_PLAIN, string, nbytes, plain);
		taken += is_taken;
		wrong += is_taken != unpack_as(cpu, string, nbytes, unpacked) ||
				 (is_taken && memcmp(unpacked, plain, TSDB_MINIBLOCK) != 0);
	}
	ok(wrong == 0 && taken > 0 && taken < NTRIALS, "%s: damaged quotients, %u of %u taken", name, taken, NTRIALS);
}

static void
test_sums(TsdbCpu cpu, const char *name)
{
	uint64_t seed = 3;
	uint32_t wrong = 0;

	for (uint32_t trial = 0; trial < NTRIALS; trial++)
	{
		uint32_t residuals[TSDB_MINIBLOCK];
		int32_t plain[TSDB_MINIBLOCK];
		int32_t sums[TSDB_MINIBLOCK];
		uint32_t start = (uint32_t) random_next(&seed);
		uint32_t plain_delta = (uint32_t) random_next(&seed) >> trial % 32;
		uint32_t delta = plain_delta;

		for (uint32_t i = 0; i < TSDB_MINIBLOCK; i++)
			residuals[i] = (uint32_t) random_next(&seed) >> trial % 32;
		tsdb_cpu_limit = TSDB_CPU_PLAIN;
		wrong += tsdb_sum_deltas(residuals, TSDB_MINIBLOCK, start, delta, plain) != (uint32_t) plain[TSDB_MINIBLOCK - 1];
		tsdb_cpu_limit = cpu;
		wrong += tsdb_sum_deltas(residuals, TSDB_MINIBLOCK, start, delta, sums) != (uint32_t) plain[TSDB_MINIBLOCK - 1];
		wrong += memcmp(sums, plain, sizeof(sums)) != 0;

		tsdb_cpu_limit = TSDB_CPU_PLAIN;
		(void) tsdb_sum_seconds(residuals, TSDB_MINIBLOCK, start, &plain_delta, plain);
		tsdb_cpu_limit = cpu;
		wrong += tsdb_sum_seconds(residuals, TSDB_MINIBLOCK, start, &delta, sums) != (uint32_t) plain[TSDB_MINIBLOCK - 1];
		wrong += memcmp(sums, plain, sizeof(sums)) != 0 || delta != plain_delta;
	}
	tsdb_cpu_limit = TSDB_CPU_AVX512;
	ok(wrong == 0, "%s: sums of differences, and sums of those", name);
}

/* Every codec over every kind of series: the same words, and the same fold bit for bit. */
static void
test_chunks(TsdbCpu cpu, const char *name)
{
	static double values[MAX_N];
	static uint64_t words[MAX_N];
	uint32_t wrong = 0;

	for (PlantSeries series = 0; series < PLANT_NSERIES; series++)
		for (uint32_t n = 100; n <= MAX_N; n += n / 2)
		{
			plant_fill(series, values, n, n);
			memcpy(words, values, n * sizeof(double));
			for (TsdbCodec codec = TSDB_CODEC_RAW; codec <= TSDB_CODEC_RLE; codec++)
			{
				TsdbBytes chunk;

				tsdb_bytes_init(&chunk, &mem);
				if (tsdb_chunk_encode_as(&chunk, codec, 2, TSDB_TYPE_FLOAT8, words, n, TSDB_MASK_ALL, &mem))
					wrong += !is_same_chunk(cpu, &chunk, words, n);
			}
			arena_reset(&arena);
		}
	ok(wrong == 0, "%s: chunks decode and fold to the same bits", name);
}

/* Quotients of every steepness, from nearly all 0 to nearly all great. */
static size_t
pack_random(uint8_t *string, uint8_t *quotients, uint64_t *seed)
{
	uint32_t steepness = 1 + random_below(seed, TSDB_RICE_MAX_QUOTIENT + 1);

	for (uint32_t i = 0; i < TSDB_MINIBLOCK; i++)
		quotients[i] = (uint8_t) random_below(seed, steepness);
	return tsdb_unary_pack(string, quotients, TSDB_MINIBLOCK);
}

static bool
unpack_as(TsdbCpu cpu, const uint8_t *string, size_t nbytes, uint8_t *quotients)
{
	bool is_taken;

	tsdb_cpu_limit = cpu;
	is_taken = tsdb_unary_unpack(tsdb_span(string, nbytes), quotients, TSDB_MINIBLOCK);
	tsdb_cpu_limit = TSDB_CPU_AVX512;
	return is_taken;
}

static bool
is_same_chunk(TsdbCpu cpu, const TsdbBytes *chunk, const uint64_t *words, uint32_t n)
{
	static uint64_t decoded[MAX_N];
	TsdbSpan src = tsdb_span(chunk->data, chunk->len);
	TsdbFold plain;
	TsdbFold fold;
	bool is_same;

	tsdb_cpu_limit = TSDB_CPU_PLAIN;
	is_same = tsdb_column_fold(src, TSDB_TYPE_FLOAT8, n, &plain, &mem) == TSDB_OK;
	tsdb_cpu_limit = cpu;
	is_same &= tsdb_column_fold(src, TSDB_TYPE_FLOAT8, n, &fold, &mem) == TSDB_OK &&
			   tsdb_column_decode(src, TSDB_TYPE_FLOAT8, decoded, n, &mem) == TSDB_OK;
	tsdb_cpu_limit = TSDB_CPU_AVX512;
	return is_same && memcmp(&plain, &fold, sizeof(fold)) == 0 && memcmp(decoded, words, n * sizeof(uint64_t)) == 0;
}
