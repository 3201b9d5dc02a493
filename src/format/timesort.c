/*-------------------------------------------------------------------------
 *
 * timesort.c
 *	  Row numbers of one series in order of their times.
 *
 * Few rows, and rows that mostly ascend, are merged: halves that are in order
 * already cost one compare.  Others are sorted by digits: the distance of a
 * time from the least one, without the low bits that all have as zeros, and
 * below it the place of the row make one word, so that a pass reads and writes
 * one array and the times are asked for once.
 *-------------------------------------------------------------------------
 */
#include <string.h>

#include "format/timesort.h"

#define SHORT_STRETCH 16 /* up to this length rows are inserted */
#define FEW 48 /* rows that are merged anyway */
#define MANY 2048 /* rows for which longer digits pay */
#define MAX_DIGIT_BITS 11

static bool mostly_ascend(const int64_t *times, const uint32_t *rows, uint32_t n);
static bool sort_by_digits(const int64_t *times, uint32_t *rows, uint32_t *spare, uint64_t *keys, uint32_t n);
static uint64_t take_distances(const int64_t *times, const uint32_t *rows, uint64_t *keys, uint32_t n);
static bool sort_digit(const uint64_t *from, uint64_t *to, uint32_t n, int shift, uint32_t mask);
static void sort_by_merging(const int64_t *times, uint32_t *rows, uint32_t *spare, uint32_t n);
static void insert_sorted(const int64_t *times, uint32_t *rows, uint32_t n);
static void merge_halves(const int64_t *times, uint32_t *rows, uint32_t *spare, uint32_t middle, uint32_t n);

void
tsdb_timesort(const int64_t *times, uint32_t *rows, uint32_t *spare, uint64_t *keys, uint32_t n)
{
	uint32_t middle = n / 2;

	if (n > TSDB_TIMESORT_AT_ONCE)
	{
		tsdb_timesort(times, rows, spare, keys, middle);
		tsdb_timesort(times, rows + middle, spare, keys, n - middle);
		if (times[rows[middle]] < times[rows[middle - 1]])
			merge_halves(times, rows, spare, middle, n);
		return;
	}
	if (n <= FEW || mostly_ascend(times, rows, n) || !sort_by_digits(times, rows, spare, keys, n))
		sort_by_merging(times, rows, spare, n);
}

// private functions

/* Is not one row in sixteen earlier than that before it? */
static bool
mostly_ascend(const int64_t *times, const uint32_t *rows, uint32_t n)
{
	uint32_t descents = 0;

	for (uint32_t i = 1; i < n && descents <= n / 16; i++)
		descents += times[rows[i]] < times[rows[i - 1]];
	return descents <= n / 16;
}

/* False, with nothing done, when distance and place need more than 64 bits. */
static bool
sort_by_digits(const int64_t *times, uint32_t *rows, uint32_t *spare, uint64_t *keys, uint32_t n)
{
	uint64_t bits = take_distances(times, rows, keys, n);
	uint64_t *from = keys;
	uint64_t *to = keys + n;
	int place_bits = 32 - __builtin_clz(n);
	int zeros;
	int width;
	int npasses;
	int digit_bits;

	if (bits == 0)
		return true;
	zeros = __builtin_ctzll(bits);
	width = 64 - __builtin_clzll(bits) - zeros;
	if (width + place_bits > 64)
		return false;
	npasses = width / (n < MANY ? 8 : MAX_DIGIT_BITS) + 1;
	digit_bits = (width + npasses - 1) / npasses;
	for (uint32_t i = 0; i < n; i++)
		keys[i] = keys[i] >> zeros << place_bits | i;
	for (int done = 0; done < width; done += digit_bits)
		if (sort_digit(from, to, n, place_bits + done, (UINT32_C(1) << digit_bits) - 1))
		{
			uint64_t *swap = from;

			from = to;
			to = swap;
		}
	memcpy(spare, rows, n * sizeof(uint32_t));
	for (uint32_t i = 0; i < n; i++)
		rows[i] = spare[from[i] & ((UINT64_C(1) << place_bits) - 1)];
	return true;
}

/* Returns which bits of any of them are set. */
static uint64_t
take_distances(const int64_t *times, const uint32_t *rows, uint64_t *keys, uint32_t n)
{
	int64_t least = times[rows[0]];
	uint64_t bits = 0;

	for (uint32_t i = 0; i < n; i++)
	{
		int64_t time = times[rows[i]];

		keys[i] = (uint64_t) time;
		least = time < least ? time : least;
	}
	for (uint32_t i = 0; i < n; i++)
	{
		keys[i] -= (uint64_t) least;
		bits |= keys[i];
	}
	return bits;
}

/* Stable.  False, with nothing done, when all have the same digit. */
static bool
sort_digit(const uint64_t *from, uint64_t *to, uint32_t n, int shift, uint32_t mask)
{
	uint32_t starts[1 << MAX_DIGIT_BITS];
	uint32_t sum = 0;

	memset(starts, 0, ((size_t) mask + 1) * sizeof(uint32_t));
	for (uint32_t i = 0; i < n; i++)
		starts[from[i] >> shift & mask]++;
	if (starts[from[0] >> shift & mask] == n)
		return false;
	for (uint32_t i = 0; i <= mask; i++)
	{
		uint32_t count = starts[i];

		starts[i] = sum;
		sum += count;
	}
	for (uint32_t i = 0; i < n; i++)
		to[starts[from[i] >> shift & mask]++] = from[i];
	return true;
}

static void
sort_by_merging(const int64_t *times, uint32_t *rows, uint32_t *spare, uint32_t n)
{
	uint32_t middle = n / 2;

	if (n <= SHORT_STRETCH)
	{
		insert_sorted(times, rows, n);
		return;
	}
	sort_by_merging(times, rows, spare, middle);
	sort_by_merging(times, rows + middle, spare, n - middle);
	if (times[rows[middle]] < times[rows[middle - 1]])
		merge_halves(times, rows, spare, middle, n);
}

static void
insert_sorted(const int64_t *times, uint32_t *rows, uint32_t n)
{
	for (uint32_t i = 1; i < n; i++)
	{
		uint32_t row = rows[i];
		uint32_t j;

		for (j = i; j > 0 && times[rows[j - 1]] > times[row]; j--)
			rows[j] = rows[j - 1];
		rows[j] = row;
	}
}

static void
merge_halves(const int64_t *times, uint32_t *rows, uint32_t *spare, uint32_t middle, uint32_t n)
{
	uint32_t a = 0;
	uint32_t b = middle;
	uint32_t to = 0;

	memcpy(spare, rows, middle * sizeof(uint32_t));
	while (a < middle && b < n)
	{
		if (times[rows[b]] < times[spare[a]])
			rows[to++] = rows[b++];
		else
			rows[to++] = spare[a++];
	}
	memcpy(rows + to, spare + a, (middle - a) * sizeof(uint32_t));
}
