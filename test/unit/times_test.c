/*-------------------------------------------------------------------------
 *
 * times_test.c
 *	  Chunks of times: exact round trips, sizes, damaged bytes.
 *-------------------------------------------------------------------------
 */
#include "codec/codec.h"
#include "tap.h"

#define SECOND INT64_C(1000000)
#define BASE (INT64_C(700000000) * SECOND)

typedef enum Shape
{
	SHAPE_REGULAR,
	SHAPE_ODD_STRIDE,
	SHAPE_ONE_HOLE,
	SHAPE_HOLES,
	SHAPE_SPARSE,
	SHAPE_OUTAGE,
	SHAPE_JITTER,
	SHAPE_JITTER_HOLES,
	SHAPE_DRIFT,
	SHAPE_EVENTS,
	SHAPE_MICROSECONDS,
	NSHAPES
} Shape;

static const char *const shape_names[NSHAPES] = {
	"regular", "odd stride", "one hole", "holes", "sparse", "outage", "jitter", "jitter and holes", "drift", "events", "every microsecond"};
static const uint32_t lengths[] = {1, 2, 3, 4, 7, 8, 63, 64, 65, 255, 256, 257, 1000, 3600, 16384};
#define NLENGTHS (sizeof(lengths) / sizeof(lengths[0]))

static Arena arena;
static const TsdbMem mem = {arena_alloc, &arena};
static int64_t times[TSDB_MAX_VALUES];

static void test_round_trips(void);
static void test_sizes(void);
static void test_extremes(void);
static void test_damage(void);
static void fill_times(Shape shape, uint32_t n, uint64_t seed);
static size_t encoded_size(uint32_t n, int64_t base_us);
static bool is_exact(uint32_t n, int64_t base_us);

int
main(void)
{
	test_round_trips();
	test_sizes();
	test_extremes();
	test_damage();
	arena_reset(&arena);
	free(arena.pieces);
	return done();
}

// private functions

static void
test_round_trips(void)
{
	for (Shape shape = 0; shape < NSHAPES; shape++)
	{
		uint32_t failures = 0;

		for (uint32_t i = 0; i < NLENGTHS; i++)
		{
			fill_times(shape, lengths[i], i);
			failures += !is_exact(lengths[i], BASE);
			failures += !is_exact(lengths[i], times[0] - 7);
			failures += !is_exact(lengths[i], times[lengths[i] - 1]);
		}
		ok(failures == 0, "%s: every length is exact", shape_names[shape]);
	}
	ok(tsdb_times_decode(tsdb_span("", 0), times, 0, BASE, &mem) == TSDB_OK, "no times in no bytes");
}

static void
test_sizes(void)
{
	size_t size;

	times[0] = BASE + 90 * SECOND;
	size = encoded_size(1, BASE);
	ok(size == 2, "one time on a whole second: %zu bytes", size);
	fill_times(SHAPE_REGULAR, 3600, 0);
	size = encoded_size(3600, BASE);
	ok(size <= 4, "3600 regular: %zu bytes", size);
	for (int64_t i = 0; i < 3600; i++)
		times[i] = BASE + 123457 + i * 10 * SECOND;
	size = encoded_size(3600, BASE);
	ok(size <= 9, "10 s data off the grid by microseconds: %zu bytes", size);
	fill_times(SHAPE_ONE_HOLE, 3600, 0);
	size = encoded_size(3600, BASE);
	ok(size <= 12, "one hole: %zu bytes", size);
	fill_times(SHAPE_JITTER, 3600, 0);
	size = encoded_size(3600, BASE);
	ok((double) size * 8 / 3600 <= 14.5, "jitter of 5 ms in us: %.2f bits a time", (double) size * 8 / 3600);
	fill_times(SHAPE_JITTER_HOLES, 3600, 0);
	size = encoded_size(3600, BASE);
	ok((double) size * 8 / 3600 <= 20, "jitter and holes: %.2f bits a time", (double) size * 8 / 3600);
	fill_times(SHAPE_OUTAGE, 3600, 0);
	size = encoded_size(3600, BASE);
	ok(size <= 60, "an outage of a day: %zu bytes", size);
}

static void
test_extremes(void)
{
	times[0] = INT64_MIN;
	times[1] = INT64_MAX;
	ok(is_exact(2, 0) && is_exact(2, INT64_MAX) && is_exact(1, INT64_MAX), "-infinity and infinity");
	times[0] = INT64_MIN;
	times[1] = INT64_MIN + 1;
	times[2] = -1;
	times[3] = 0;
	times[4] = INT64_MAX - 1;
	times[5] = INT64_MAX;
	ok(is_exact(6, 0) && is_exact(6, INT64_MIN) && is_exact(6, INT64_MAX) && is_exact(5, 3), "the ends of int64");
	for (int64_t i = 0; i < 4; i++)
		times[i] = INT64_MIN + i * (INT64_C(1) << 61) + i * i;
	ok(is_exact(4, 0) && is_exact(4, INT64_MAX), "strides near the end of int64");
}

static void
test_damage(void)
{
	uint32_t accepted = 0;
	uint32_t unordered = 0;
	uint32_t flips = 0;

	for (Shape shape = 0; shape < NSHAPES; shape++)
	{
		const uint32_t n = 300;
		int64_t decoded[300];
		TsdbBytes out;

		fill_times(shape, n, shape);
		tsdb_bytes_init(&out, &mem);
		tsdb_times_encode(&out, times, n, BASE, &mem);
		for (size_t cut = 0; cut < out.len; cut++)
			accepted += tsdb_times_decode(tsdb_span(exact_copy(&mem, out.data, cut), cut), decoded, n, BASE, &mem) == TSDB_OK;
		for (size_t bit = 0; bit < out.len * 8; bit++, flips++)
		{
			uint8_t *bytes = exact_copy(&mem, out.data, out.len);

			bytes[bit / 8] ^= (uint8_t) (1 << bit % 8);
			if (tsdb_times_decode(tsdb_span(bytes, out.len), decoded, n, BASE, &mem) == TSDB_OK)
				for (uint32_t i = 1; i < n; i++)
					unordered += decoded[i] <= decoded[i - 1];
		}
		arena_reset(&arena);
	}
	ok(accepted == 0, "truncated times are refused");
	ok(unordered == 0, "of %u flipped bits none gives times that do not ascend", flips);
}

static void
fill_times(Shape shape, uint32_t n, uint64_t seed)
{
	int64_t time = BASE + 3600 * SECOND;

	for (uint32_t i = 0; i < n; i++)
	{
		int64_t step = SECOND;
		int64_t shift = 0;

		if (shape == SHAPE_ODD_STRIDE)
			step = 33333;
		if (shape == SHAPE_ONE_HOLE && i == n / 2)
			step = 2 * SECOND;
		if ((shape == SHAPE_HOLES || shape == SHAPE_JITTER_HOLES) && random_below(&seed, 20) == 0)
			step = (2 + random_below(&seed, 4)) * SECOND;
		if (shape == SHAPE_SPARSE)
			step = (1 + random_below(&seed, 60)) * SECOND;
		if (shape == SHAPE_OUTAGE && i == n / 3)
			step = 86400 * SECOND;
		if (shape == SHAPE_DRIFT)
			step += 137 + random_below(&seed, 3);
		if (shape == SHAPE_EVENTS)
			step = 1 + (int64_t) (random_next(&seed) >> (20 + random_below(&seed, 30)));
		if (shape == SHAPE_MICROSECONDS)
			step = 1;
		if (shape == SHAPE_JITTER || shape == SHAPE_JITTER_HOLES)
			shift = (int64_t) random_below(&seed, 10001) - 5000;
		time += step;
		times[i] = time + shift;
	}
}

static size_t
encoded_size(uint32_t n, int64_t base_us)
{
	TsdbBytes out;
	size_t size;

	tsdb_bytes_init(&out, &mem);
	tsdb_times_encode(&out, times, n, base_us, &mem);
	size = out.len;
	arena_reset(&arena);
	return size;
}

static bool
is_exact(uint32_t n, int64_t base_us)
{
	static int64_t decoded[TSDB_MAX_VALUES];
	TsdbBytes out;
	bool exact;

	tsdb_bytes_init(&out, &mem);
	tsdb_times_encode(&out, times, n, base_us, &mem);
	exact = tsdb_times_decode(tsdb_span(exact_copy(&mem, out.data, out.len), out.len), decoded, n, base_us, &mem) == TSDB_OK &&
			memcmp(decoded, times, n * sizeof(int64_t)) == 0;
	arena_reset(&arena);
	return exact;
}
