/*-------------------------------------------------------------------------
 *
 * block_test.c
 *	  Cells: states and values of a column, coded, decoded, damaged.
 *-------------------------------------------------------------------------
 */
#include "summary_kit.h"

#include "format/block.h"

static void test_round_trips(void);
static bool survives(const Stretch *cells, const TsdbBytes *text);
static void fill_text(Stretch *cells, TsdbBytes *text, uint64_t *random);
static void fill_states(Stretch *cells, uint64_t *random);
static void test_sizes(void);
static void test_big_text(void);
static void test_damage(void);

static Stretch stretch;
static Arena arena;
static const TsdbMem mem = {arena_alloc, &arena};

int
main(void)
{
	test_round_trips();
	test_sizes();
	test_big_text();
	test_damage();
	arena_reset(&arena);
	free(arena.pieces);
	return done();
}

// private functions

static void
test_round_trips(void)
{
	uint64_t random = 1;

	for (size_t t = 0; t < STRETCH_NTYPES; t++)
	{
		bool is_right = true;

		for (int i = 0; i < 300 && is_right; i++)
		{
			TsdbBytes text;

			stretch_fill(&stretch, stretch_types[t], random_below(&random, i % 10 ? 50 : KIT_ROWS), 0, &random);
			tsdb_bytes_init(&text, &mem);
			fill_states(&stretch, &random);
			if (stretch_types[t] == TSDB_TYPE_TEXT)
				fill_text(&stretch, &text, &random);
			is_right = survives(&stretch, &text);
			arena_reset(&arena);
		}
		ok(is_right, "cells of type %d survive coding", stretch_types[t]);
	}
}

/* fill_states - none, all of one kind, or a mixture. */
static void
fill_states(Stretch *cells, uint64_t *random)
{
	uint32_t kind = random_below(random, 6);
	uint32_t rare = 1 + random_below(random, 40);

	cells->has_states = kind > 0;
	for (uint32_t i = 0; i < cells->n; i++)
		cells->states[i] = kind <= 3 ? (uint8_t) (kind - 1) : random_below(random, rare) ? TSDB_CELL_VALUE
																						 : (uint8_t) random_below(random, 3);
}

static void
fill_text(Stretch *cells, TsdbBytes *text, uint64_t *random)
{
	for (uint32_t i = 0; i < cells->n; i++)
	{
		uint8_t string[40];
		uint32_t length = random_below(random, 40);

		for (uint32_t j = 0; j < length; j++)
			string[j] = (uint8_t) ('a' + random_below(random, 3));
		cells->words[i] = text->len;
		tsdb_bytes_append_u32(text, length);
		tsdb_bytes_append(text, string, length);
		while (text->len % 4)
			tsdb_bytes_append_u8(text, 0);
	}
}

static bool
is_same_cell(const Stretch *cells, const TsdbBytes *text, uint32_t i, uint64_t word, const TsdbBytes *decoded_text)
{
	uint32_t length;

	if (cells->type != TSDB_TYPE_TEXT)
		return cells->words[i] == word;
	memcpy(&length, text->data + cells->words[i], 4);
	return word % 4 == 0 && memcmp(text->data + cells->words[i], decoded_text->data + word, 4 + length) == 0;
}

static bool
survives(const Stretch *cells, const TsdbBytes *text)
{
	uint64_t *words = (uint64_t *) tsdb_mem_alloc(&mem, cells->n * sizeof(uint64_t));
	uint8_t *states = (uint8_t *) tsdb_mem_alloc(&mem, cells->n);
	bool has_states;
	TsdbBytes out;
	TsdbBytes decoded_text;

	tsdb_bytes_init(&out, &mem);
	tsdb_bytes_init(&decoded_text, &mem);
	tsdb_bytes_append_u32(&decoded_text, 0xFFFFFFFF); /* decoding appends */
	tsdb_cells_encode(&out, cells->type, cells->words, cells->has_states ? cells->states : NULL, cells->n, text->data, NULL, true, &mem);
	if (tsdb_cells_decode(tsdb_span(exact_copy(&mem, out.data, out.len), out.len), cells->type, words, states, &has_states, cells->n,
						  &decoded_text, &mem) != TSDB_OK)
		return false;
	for (uint32_t i = 0; i < cells->n; i++)
	{
		uint8_t state = cells->has_states ? cells->states[i] : TSDB_CELL_VALUE;

		if ((has_states ? states[i] : TSDB_CELL_VALUE) != state)
			return false;
		if (state == TSDB_CELL_VALUE && !is_same_cell(cells, text, i, words[i], &decoded_text))
			return false;
	}
	return true;
}

static void
test_sizes(void)
{
	TsdbBytes out;

	memset(stretch.states, TSDB_CELL_NULL, KIT_ROWS);
	memset(stretch.words, 0, sizeof(stretch.words));
	tsdb_bytes_init(&out, &mem);
	tsdb_cells_encode(&out, TSDB_TYPE_FLOAT8, stretch.words, stretch.states, 3600, NULL, NULL, true, &mem);
	ok(out.len <= 2, "3600 NULLs: %zu bytes", out.len);
	memset(stretch.states, TSDB_CELL_VALUE, KIT_ROWS);
	stretch.states[1234] = TSDB_CELL_NULL;
	tsdb_bytes_init(&out, &mem);
	tsdb_cells_encode(&out, TSDB_TYPE_FLOAT8, stretch.words, stretch.states, 3600, NULL, NULL, true, &mem);
	ok(out.len <= 24, "one NULL among 3600 equal values: %zu bytes", out.len);
	arena_reset(&arena);
}

/* What the encoder writes, however well it packs, the decoder's bound lets pass. */
static void
test_big_text(void)
{
	uint32_t length = 20 * 1000 * 1000;
	uint64_t words[3] = {0, length + 4, 0};
	TsdbBytes text;
	TsdbBytes out;
	TsdbBytes decoded;
	uint64_t got[3];
	uint8_t states[3];
	bool has_states;

	tsdb_bytes_init(&text, &mem);
	for (int i = 0; i < 2; i++)
	{
		uint8_t *to;

		tsdb_bytes_append_u32(&text, length);
		to = tsdb_bytes_reserve(&text, length);
		memset(to, 'x' + i, length);
		text.len += length;
	}
	tsdb_bytes_init(&out, &mem);
	tsdb_bytes_init(&decoded, &mem);
	tsdb_cells_encode(&out, TSDB_TYPE_TEXT, words, NULL, 3, text.data, NULL, true, &mem);
	ok(tsdb_cells_decode(tsdb_span(out.data, out.len), TSDB_TYPE_TEXT, got, states, &has_states, 3, &decoded, &mem) == TSDB_OK &&
		   decoded.data[got[1] + 4] == 'y' && decoded.data[got[2] + 3 + length] == 'x',
	   "two texts of 20 MB each, %zu bytes coded", out.len);
	arena_reset(&arena);
}

static void
test_damage(void)
{
	uint64_t random = 2;
	uint32_t refused = 0;
	uint32_t truncations = 0;
	uint32_t taken = 0;
	uint64_t words[KIT_ROWS];
	uint8_t states[KIT_ROWS];
	bool has_states;

	for (int round = 0; round < 300; round++)
	{
		TsdbBytes out;
		TsdbBytes text;

		stretch_fill(&stretch, stretch_types[random_below(&random, STRETCH_NTYPES)], 1 + random_below(&random, 200), 0, &random);
		tsdb_bytes_init(&text, &mem);
		fill_states(&stretch, &random);
		if (stretch.type == TSDB_TYPE_TEXT)
			fill_text(&stretch, &text, &random);
		tsdb_bytes_init(&out, &mem);
		tsdb_cells_encode(&out, stretch.type, stretch.words, stretch.has_states ? stretch.states : NULL, stretch.n, text.data, NULL, true, &mem);
		for (size_t nbytes = 0; nbytes < out.len; nbytes++, truncations++)
		{
			tsdb_bytes_init(&text, &mem);
			refused += tsdb_cells_decode(tsdb_span(exact_copy(&mem, out.data, nbytes), nbytes), stretch.type, words, states, &has_states,
										 stretch.n, &text, &mem) == TSDB_CORRUPT;
		}
		for (int flip = 0; flip < 200; flip++)
		{
			uint8_t *bytes = exact_copy(&mem, out.data, out.len);

			bytes[random_below(&random, (uint32_t) out.len)] ^= (uint8_t) (1 << random_below(&random, 8));
			tsdb_bytes_init(&text, &mem);
			taken += tsdb_cells_decode(tsdb_span(bytes, out.len), stretch.type, words, states, &has_states, stretch.n, &text, &mem) == TSDB_OK;
		}
		arena_reset(&arena);
	}
	ok(refused == truncations, "all %u truncations are refused (%u)", truncations, refused);
	ok(taken < 300 * 200, "%u of %d flipped bits decode, in bounds", taken, 300 * 200);
}
