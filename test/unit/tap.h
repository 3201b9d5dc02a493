/*-------------------------------------------------------------------------
 *
 * tap.h
 *	  What the plain C tests share: TAP output, memory, random numbers.
 *
 * A test is a main() that calls ok() and ends with `return done();`.
 *-------------------------------------------------------------------------
 */
#ifndef TSDB_TEST_TAP_H
#define TSDB_TEST_TAP_H

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/base.h"

static int tap_count;
static int tap_failed;

/* ok - one TAP line; returns the condition. */
__attribute__((unused, format(printf, 2, 3))) static bool
ok(bool condition, const char *format, ...)
{
	va_list args;

	tap_count++;
	tap_failed += !condition;
	printf("%sok %d - ", condition ? "" : "not ", tap_count);
	va_start(args, format);
	vprintf(format, args);
	va_end(args);
	printf("\n");
	return condition;
}

/* done - the plan line and the exit code. */
__attribute__((unused)) static int
done(void)
{
	printf("1..%d\n", tap_count);
	return tap_failed > 0;
}

/*
 * A TsdbMem whose pieces are single malloc blocks, so that a sanitizer sees
 * every overrun; arena_reset frees them all.
 */
typedef struct Arena
{
	void **pieces;
	size_t count;
	size_t capacity;
	size_t nbytes; /* handed out since the last reset */
} Arena;

__attribute__((unused)) static void *
arena_alloc(void *region, size_t nbytes)
{
	Arena *arena = (Arena *) region;
	void *piece = malloc(nbytes > 0 ? nbytes : 1);

	if (arena->count == arena->capacity)
	{
		arena->capacity = arena->capacity > 0 ? arena->capacity * 2 : 64;
		arena->pieces = (void **) realloc(arena->pieces, arena->capacity * sizeof(void *));
	}
	if (piece == NULL || arena->pieces == NULL)
		abort();
	arena->pieces[arena->count++] = piece;
	arena->nbytes += nbytes;
	return piece;
}

__attribute__((unused)) static void
arena_reset(Arena *arena)
{
	while (arena->count > 0)
		free(arena->pieces[--arena->count]);
	arena->nbytes = 0;
}

/* exact_copy - the bytes in a block of exactly their size: a read past the end is seen. */
__attribute__((unused)) static uint8_t *
exact_copy(const TsdbMem *mem, const void *bytes, size_t nbytes)
{
	uint8_t *copy = (uint8_t *) tsdb_mem_alloc(mem, nbytes);

	if (nbytes > 0)
		memcpy(copy, bytes, nbytes);
	return copy;
}

/* random_next - splitmix64; a test names its own seed. */
__attribute__((unused)) static uint64_t
random_next(uint64_t *state)
{
	uint64_t z = (*state += UINT64_C(0x9e3779b97f4a7c15));

	z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
	return z ^ (z >> 31);
}

/* random_below - 0 .. limit - 1. */
__attribute__((unused)) static uint32_t
random_below(uint64_t *state, uint32_t limit)
{
	return (uint32_t) ((random_next(state) >> 32) * limit >> 32);
}

/* random_unit - 0 <= x < 1. */
__attribute__((unused)) static double
random_unit(uint64_t *state)
{
	return (double) (random_next(state) >> 11) / 9007199254740992.0;
}

#endif /* TSDB_TEST_TAP_H */
