/*-------------------------------------------------------------------------
 *
 * text_test.c
 *	  Chunks of strings and of flags: exact round trips, sizes, damaged bytes.
 *-------------------------------------------------------------------------
 */
#include "codec/codec.h"
#include "tap.h"

static const uint32_t lengths[] = {1, 2, 3, 4, 7, 8, 9, 63, 64, 65, 255, 256, 257, 1000, 3600, 16384};
#define NLENGTHS (sizeof(lengths) / sizeof(lengths[0]))
#define NTEXTS 6
#define NFLAGS 7

static Arena arena;
static const TsdbMem mem = {arena_alloc, &arena};
static uint64_t words[TSDB_MAX_VALUES];
static uint8_t flags[TSDB_MAX_VALUES];

static void test_texts(void);
static void test_text_limits(void);
static void test_text_damage(void);
static void test_flags(void);
static void test_flag_sizes(void);
static void test_flag_damage(void);
static void fill_texts(TsdbBytes *strings, uint32_t shape, uint32_t n, uint64_t seed);
static void add_text(TsdbBytes *strings, uint64_t *word, const void *bytes, uint32_t length);
static bool is_exact_text(const TsdbBytes *strings, uint32_t n, bool use_lz4);
static bool are_valid_texts(const TsdbBytes *strings, const uint64_t *decoded, uint32_t n);
static void fill_flags(uint32_t shape, uint32_t n, uint64_t seed);
static size_t flags_size(uint32_t n);
static bool are_exact_flags(uint32_t n);

int
main(void)
{
	test_texts();
	test_text_limits();
	test_text_damage();
	test_flags();
	test_flag_sizes();
	test_flag_damage();
	arena_reset(&arena);
	free(arena.pieces);
	return done();
}

// private functions

static void
test_texts(void)
{
	static const char *const names[NTEXTS] = {"few labels", "all equal", "all different", "empty", "binary", "long"};

	for (uint32_t shape = 0; shape < NTEXTS; shape++)
	{
		uint32_t failures = 0;

		for (uint32_t i = 0; i < NLENGTHS; i++)
		{
			TsdbBytes strings;

			fill_texts(&strings, shape, lengths[i], i);
			failures += !is_exact_text(&strings, lengths[i], true);
			failures += !is_exact_text(&strings, lengths[i], false);
			arena_reset(&arena);
		}
		ok(failures == 0, "strings, %s: every length is exact", names[shape]);
	}
}

/* Sizes, and what a decoder must refuse before it takes memory. */
static void
test_text_limits(void)
{
	TsdbBytes strings;
	TsdbBytes out;
	TsdbBytes back;
	size_t arena_bytes;

	fill_texts(&strings, 0, 3600, 1);
	tsdb_bytes_init(&out, &mem);
	tsdb_text_encode(&out, strings.data, words, 3600, true, &mem);
	ok(out.len < 3600 / 8, "3600 labels of 5 kinds in runs: %zu bytes", out.len);

	tsdb_bytes_init(&strings, &mem);
	(void) tsdb_bytes_reserve(&strings, 1 << 20);
	memset(strings.data, 'a', 1 << 20);
	strings.len = 0;
	tsdb_bytes_append_u32(&strings, (1 << 20) - 4);
	words[0] = 0;
	out.len = 0;
	tsdb_text_encode(&out, strings.data, words, 1, true, &mem);
	ok(out.len < 5000, "a megabyte of one letter: %zu bytes", out.len);
	tsdb_bytes_init(&back, &mem);
	arena_bytes = arena.nbytes;
	ok(tsdb_text_decode(tsdb_span(out.data, out.len), words, 1, &back, (1 << 20) - 1, &mem) == TSDB_CORRUPT,
	   "refused: a byte more than the limit");
	ok(back.len == 0 && arena.nbytes - arena_bytes < 1000, "no memory was taken for it");
	ok(tsdb_text_decode(tsdb_span(out.data, out.len), words, 1, &back, 1 << 20, &mem) == TSDB_OK, "the limit itself is accepted");
	arena_reset(&arena);
}

static void
test_text_damage(void)
{
	uint32_t accepted = 0;
	uint32_t invalid = 0;
	uint32_t flips = 0;

	for (uint32_t shape = 0; shape < NTEXTS; shape++)
	{
		const uint32_t n = 60;
		uint64_t decoded[60];
		TsdbBytes strings;
		TsdbBytes out;
		Arena inner = {NULL, 0, 0, 0};
		TsdbMem inner_mem = {arena_alloc, &inner};

		fill_texts(&strings, shape, n, shape);
		tsdb_bytes_init(&out, &mem);
		tsdb_text_encode(&out, strings.data, words, n, true, &mem);
		for (size_t bit = 0; bit < out.len * 8; bit += 1 + out.len / 300, flips++)
		{
			uint8_t *bytes = exact_copy(&inner_mem, out.data, out.len);
			TsdbBytes back;

			tsdb_bytes_init(&back, &inner_mem);
			accepted += tsdb_text_decode(tsdb_span(exact_copy(&inner_mem, out.data, bit / 8), bit / 8), decoded, n, &back, 1 << 20, &inner_mem) == TSDB_OK;
			bytes[bit / 8] ^= (uint8_t) (1 << bit % 8);
			back.len = 0;
			if (tsdb_text_decode(tsdb_span(bytes, out.len), decoded, n, &back, 1 << 20, &inner_mem) == TSDB_OK)
				invalid += !are_valid_texts(&back, decoded, n);
			arena_reset(&inner);
		}
		free(inner.pieces);
		arena_reset(&arena);
	}
	ok(accepted == 0, "truncated strings are refused");
	ok(invalid == 0, "%u flipped bits leave every string inside of the arena", flips);
}

static void
test_flags(void)
{
	for (uint32_t shape = 0; shape < NFLAGS; shape++)
	{
		uint32_t failures = 0;

		for (uint32_t i = 0; i < NLENGTHS; i++)
		{
			fill_flags(shape, lengths[i], i);
			failures += !are_exact_flags(lengths[i]);
		}
		ok(failures == 0, "flags of shape %u: every length is exact", shape);
	}
	ok(tsdb_flags_decode(tsdb_span("", 0), flags, 0, &mem) == TSDB_OK, "no flags in no bytes");
}

static void
test_flag_sizes(void)
{
	size_t size;

	memset(flags, 3, 3600);
	size = flags_size(3600);
	ok(size == 1, "all equal: %zu byte", size);
	memset(flags, 0, 3600);
	flags[1234] = 2;
	size = flags_size(3600);
	ok(size <= 6, "one of 3600: %zu bytes", size);
	fill_flags(2, 3600, 1);
	size = flags_size(3600);
	ok(size <= 451, "half of 3600 at random: %zu bytes", size);
	fill_flags(4, 3600, 1);
	size = flags_size(3600);
	ok(size <= 901, "four states at random: %zu bytes", size);
	fill_flags(3, 3600, 1);
	size = flags_size(3600);
	ok(size <= 120, "bursts: %zu bytes", size);
}

static void
test_flag_damage(void)
{
	uint32_t accepted = 0;
	uint32_t invalid = 0;

	for (uint32_t shape = 0; shape < NFLAGS; shape++)
	{
		const uint32_t n = 500;
		uint8_t decoded[500];
		TsdbBytes out;

		fill_flags(shape, n, 9);
		tsdb_bytes_init(&out, &mem);
		tsdb_flags_encode(&out, flags, n, &mem);
		for (size_t bit = 0; bit < out.len * 8; bit++)
		{
			uint8_t *bytes = exact_copy(&mem, out.data, out.len);

			accepted += tsdb_flags_decode(tsdb_span(exact_copy(&mem, out.data, bit / 8), bit / 8), decoded, n, &mem) == TSDB_OK;
			bytes[bit / 8] ^= (uint8_t) (1 << bit % 8);
			if (tsdb_flags_decode(tsdb_span(bytes, out.len), decoded, n, &mem) == TSDB_OK)
				for (uint32_t i = 0; i < n; i++)
					invalid += decoded[i] > 3;
		}
		arena_reset(&arena);
	}
	ok(accepted == 0, "truncated flags are refused");
	ok(invalid == 0, "flipped bits give states 0 .. 3");
}

static void
fill_texts(TsdbBytes *strings, uint32_t shape, uint32_t n, uint64_t seed)
{
	static const char *const labels[] = {"running", "stopped", "maintenance", "", "running slowly"};
	uint32_t label = 0;

	tsdb_bytes_init(strings, &mem);
	for (uint32_t i = 0; i < n; i++)
	{
		char text[400];
		uint32_t length = 0;

		if (random_below(&seed, 30) == 0)
			label = random_below(&seed, 5);
		if (shape == 0)
			length = (uint32_t) snprintf(text, sizeof(text), "%s", labels[label]);
		else if (shape == 1)
			length = (uint32_t) snprintf(text, sizeof(text), "batch 4711");
		else if (shape == 2)
			length = (uint32_t) snprintf(text, sizeof(text), "order %u of line %u", i * 7919, label);
		else if (shape == 4 || shape == 5)
		{
			length = shape == 4 ? random_below(&seed, 9) : random_below(&seed, sizeof(text));
			for (uint32_t j = 0; j < length; j++)
				text[j] = (char) (shape == 4 ? random_next(&seed) : 'a' + j % 7);
		}
		if (n > 2000 && shape == 5)
			length = length / 10;
		add_text(strings, &words[i], text, length);
	}
}

static void
add_text(TsdbBytes *strings, uint64_t *word, const void *bytes, uint32_t length)
{
	while (strings->len % 4 != 0)
		tsdb_bytes_append_u8(strings, 0);
	*word = strings->len;
	tsdb_bytes_append_u32(strings, length);
	tsdb_bytes_append(strings, bytes, length);
}

/* The result is appended to an arena that is not empty and not aligned. */
static bool
is_exact_text(const TsdbBytes *strings, uint32_t n, bool use_lz4)
{
	static uint64_t decoded[TSDB_MAX_VALUES];
	TsdbBytes out;
	TsdbBytes back;

	tsdb_bytes_init(&out, &mem);
	tsdb_bytes_init(&back, &mem);
	tsdb_bytes_append(&back, "xyz", 3);
	tsdb_text_encode(&out, strings->data, words, n, use_lz4, &mem);
	if (tsdb_text_decode(tsdb_span(exact_copy(&mem, out.data, out.len), out.len), decoded, n, &back, 1 << 28, &mem) != TSDB_OK ||
		!are_valid_texts(&back, decoded, n) || memcmp(back.data, "xyz", 3) != 0)
		return false;
	for (uint32_t i = 0; i < n; i++)
	{
		uint32_t length;

		memcpy(&length, strings->data + words[i], 4);
		if (memcmp(strings->data + words[i], back.data + decoded[i], 4 + (size_t) length) != 0)
			return false;
	}
	return true;
}

static bool
are_valid_texts(const TsdbBytes *strings, const uint64_t *decoded, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++)
	{
		uint32_t length;

		if (decoded[i] % 4 != 0 || decoded[i] + 4 > strings->len)
			return false;
		memcpy(&length, strings->data + decoded[i], 4);
		if (length > strings->len - decoded[i] - 4)
			return false;
	}
	return true;
}

static void
fill_flags(uint32_t shape, uint32_t n, uint64_t seed)
{
	uint8_t state = 0;

	for (uint32_t i = 0; i < n; i++)
	{
		if (shape == 0)
			state = 2;
		else if (shape == 1)
			state = random_below(&seed, 100) == 0 ? 1 : 0;
		else if (shape == 2)
			state = random_below(&seed, 2) ? 3 : 1;
		else if (shape == 3 && random_below(&seed, 100) == 0)
			state = (uint8_t) (1 - state);
		else if (shape == 4)
			state = (uint8_t) random_below(&seed, 4);
		else if (shape == 5 && random_below(&seed, 50) == 0)
			state = (uint8_t) random_below(&seed, 3);
		else if (shape == 6)
			state = i % 10 == 0 ? 0 : 2;
		flags[i] = state;
	}
}

static size_t
flags_size(uint32_t n)
{
	TsdbBytes out;
	size_t size;

	tsdb_bytes_init(&out, &mem);
	tsdb_flags_encode(&out, flags, n, &mem);
	size = out.len;
	arena_reset(&arena);
	return size;
}

static bool
are_exact_flags(uint32_t n)
{
	static uint8_t decoded[TSDB_MAX_VALUES];
	TsdbBytes out;
	bool exact;

	tsdb_bytes_init(&out, &mem);
	tsdb_flags_encode(&out, flags, n, &mem);
	exact = tsdb_flags_decode(tsdb_span(exact_copy(&mem, out.data, out.len), out.len), decoded, n, &mem) == TSDB_OK &&
			memcmp(decoded, flags, n) == 0;
	arena_reset(&arena);
	return exact;
}
