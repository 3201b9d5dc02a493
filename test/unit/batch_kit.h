/*-------------------------------------------------------------------------
 *
 * batch_kit.h
 *	  Memory, random numbers, random batches and TAP lines of the tests of
 *	  batch, run and merge.
 *-------------------------------------------------------------------------
 */
#ifndef BATCH_KIT_H
#define BATCH_KIT_H

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "format/batch.h"

#define KIT_NCOLUMNS 4

static const TsdbType kit_types[KIT_NCOLUMNS] = {TSDB_TYPE_FLOAT8, TSDB_TYPE_INT4, TSDB_TYPE_TEXT, TSDB_TYPE_BOOL};
static const int16_t kit_attnums[KIT_NCOLUMNS] = {3, 4, 7, 300};

/* Every piece of memory is a malloc of its own, so that ASan sees each overrun. */
typedef struct KitPool
{
	TsdbMem mem;
	void **pieces;
	size_t npieces;
	size_t room;
	size_t nbytes;
} KitPool;

static inline void *
kit_alloc(void *region, size_t nbytes)
{
	KitPool *pool = (KitPool *) region;
	void *piece = malloc(nbytes ? nbytes : 1);

	if (pool->npieces == pool->room)
	{
		pool->room = pool->room ? pool->room * 2 : 64;
		pool->pieces = (void **) realloc(pool->pieces, pool->room * sizeof(void *));
	}
	if (piece == NULL || pool->pieces == NULL)
		abort();
	pool->pieces[pool->npieces++] = piece;
	pool->nbytes += nbytes;
	return piece;
}

static inline void
kit_pool_init(KitPool *pool)
{
	memset(pool, 0, sizeof(*pool));
	pool->mem.alloc = kit_alloc;
	pool->mem.region = pool;
}

static inline void
kit_pool_reset(KitPool *pool)
{
	while (pool->npieces > 0)
		free(pool->pieces[--pool->npieces]);
	pool->nbytes = 0;
}

static inline void
kit_pool_free(KitPool *pool)
{
	kit_pool_reset(pool);
	free(pool->pieces);
	pool->pieces = NULL;
	pool->room = 0;
}

static int kit_ntests;
static int kit_nfailed;

static inline void
kit_ok(bool passed, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	printf("%sok %d - ", passed ? "" : "not ", ++kit_ntests);
	vprintf(format, args);
	printf("\n");
	va_end(args);
	kit_nfailed += !passed;
}

static inline int
kit_done(void)
{
	printf("1..%d\n", kit_ntests);
	return kit_nfailed > 0;
}

static uint64_t kit_seed = 88172645463325252u;

static inline uint64_t
kit_random(void)
{
	kit_seed ^= kit_seed << 13;
	kit_seed ^= kit_seed >> 7;
	kit_seed ^= kit_seed << 17;
	return kit_seed * 0x2545F4914F6CDD1Du;
}

static inline uint32_t
kit_below(uint32_t n)
{
	return (uint32_t) ((kit_random() >> 32) % n);
}

/* kit_text - append a random short string; returns its word. */
static inline uint64_t
kit_text(TsdbBytes *arena)
{
	static const uint8_t padding[4] = {0};
	uint32_t length = kit_below(10);
	uint64_t word;
	uint32_t i;

	tsdb_bytes_append(arena, padding, (4 - arena->len % 4) % 4);
	word = arena->len;
	tsdb_bytes_append_u32(arena, length);
	for (i = 0; i < length; i++)
		tsdb_bytes_append_u8(arena, (uint8_t) ('a' + kit_below(26)));
	return word;
}

static inline uint64_t
kit_word(TsdbType type, TsdbBytes *arena)
{
	double number;
	uint64_t word;

	switch (type)
	{
		case TSDB_TYPE_FLOAT8:
			number = (double) kit_below(100000) / 100.0;
			memcpy(&word, &number, sizeof(word));
			return word;
		case TSDB_TYPE_TEXT:
			return kit_text(arena);
		case TSDB_TYPE_BOOL:
			return kit_below(2);
		default:
			return (uint64_t) ((int64_t) kit_below(2000) - 1000);
	}
}

/*
 * kit_fill_cells - random columns for the rows of a batch whose keys and kinds are set.
 *
 * null_percent: of the cells of FULL and PATCH rows.
 */
static inline void
kit_fill_cells(TsdbBatch *batch, uint32_t null_percent, const TsdbMem *mem)
{
	uint32_t n = batch->nrows;
	int i;
	uint32_t row;

	tsdb_bytes_init(&batch->arena, mem);
	batch->ncolumns = KIT_NCOLUMNS;
	batch->columns = (TsdbColumn *) tsdb_mem_alloc(mem, KIT_NCOLUMNS * sizeof(TsdbColumn));
	for (i = 0; i < KIT_NCOLUMNS; i++)
	{
		TsdbColumn *column = &batch->columns[i];

		column->attnum = kit_attnums[i];
		column->type = (uint8_t) kit_types[i];
		column->words = (uint64_t *) tsdb_mem_alloc(mem, n * sizeof(uint64_t));
		column->states = batch->kinds != NULL || null_percent > 0 ? (uint8_t *) tsdb_mem_alloc(mem, n) : NULL;
		for (row = 0; row < n; row++)
		{
			uint8_t kind = batch->kinds ? batch->kinds[row] : TSDB_ROW_FULL;
			uint8_t state = kit_below(100) < null_percent ? TSDB_CELL_NULL : TSDB_CELL_VALUE;

			if (kind == TSDB_ROW_TOMBSTONE || (kind == TSDB_ROW_PATCH && kit_below(2) == 0))
				state = TSDB_CELL_ABSENT;
			column->words[row] = state == TSDB_CELL_VALUE ? kit_word(kit_types[i], &batch->arena) : UINT64_MAX;
			if (column->states != NULL)
				column->states[row] = state;
		}
	}
}

static inline uint8_t
kit_state(const TsdbBatch *batch, int column, uint32_t row)
{
	const uint8_t *states = batch->columns[column].states;

	return states ? states[row] : TSDB_CELL_VALUE;
}

static inline uint8_t
kit_kind(const TsdbBatch *batch, uint32_t row)
{
	return batch->kinds ? batch->kinds[row] : TSDB_ROW_FULL;
}

static inline uint64_t
kit_sequence(const TsdbBatch *batch, uint32_t row)
{
	return batch->sequences ? batch->sequences[row] : batch->sequence;
}

static inline bool
kit_same_text(const TsdbBytes *a, uint64_t a_word, const TsdbBytes *b, uint64_t b_word)
{
	uint32_t a_length;
	uint32_t b_length;

	if (a_word % 4 != 0 || a_word + 4 > a->len || b_word + 4 > b->len)
		return false;
	memcpy(&a_length, a->data + a_word, 4);
	memcpy(&b_length, b->data + b_word, 4);
	return a_length == b_length && a_word + 4 + a_length <= a->len && b_word + 4 + b_length <= b->len &&
		   memcmp(a->data + a_word + 4, b->data + b_word + 4, a_length) == 0;
}

/* kit_same_cell - same state and, where a VALUE, same value; the columns are of one type. */
static inline bool
kit_same_cell(const TsdbBatch *a, int a_column, uint32_t a_row, const TsdbBatch *b, int b_column, uint32_t b_row)
{
	const TsdbColumn *a_cells = &a->columns[a_column];
	const TsdbColumn *b_cells = &b->columns[b_column];

	if (a_cells->type != b_cells->type || kit_state(a, a_column, a_row) != kit_state(b, b_column, b_row))
		return false;
	if (kit_state(a, a_column, a_row) != TSDB_CELL_VALUE)
		return true;
	if (a_cells->type == TSDB_TYPE_TEXT)
		return kit_same_text(&a->arena, a_cells->words[a_row], &b->arena, b_cells->words[b_row]);
	return a_cells->words[a_row] == b_cells->words[b_row];
}

static inline bool
kit_same_row(const TsdbBatch *a, uint32_t a_row, const TsdbBatch *b, uint32_t b_row)
{
	int i;

	if (a->ncolumns != b->ncolumns || kit_kind(a, a_row) != kit_kind(b, b_row) ||
		tsdb_key_compare(tsdb_batch_key(a, a_row), tsdb_batch_key(b, b_row)) != 0)
		return false;
	for (i = 0; i < a->ncolumns; i++)
	{
		if (!kit_same_cell(a, i, a_row, b, i, b_row))
			return false;
	}
	return true;
}

#endif /* BATCH_KIT_H */
