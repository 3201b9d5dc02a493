/*-------------------------------------------------------------------------
 *
 * timesort_test.c
 *	  Rows by time, against a plain sort.
 *-------------------------------------------------------------------------
 */
#include <stdlib.h>
#include <string.h>

#include "format/timesort.h"
#include "tap.h"

#define MAX_N 20000
#define MORE_N (3 * TSDB_TIMESORT_AT_ONCE)
#define NROWS (2 * MORE_N)

enum
{
	ARRIVAL_RANDOM,
	ARRIVAL_BACKWARDS,
	ARRIVAL_NEARLY,
	ARRIVAL_FEW_TIMES,
	ARRIVAL_EQUAL,
	ARRIVAL_ANYTHING,
	NARRIVALS
};

static int64_t times[NROWS];
static uint32_t rows[MORE_N];
static uint32_t before[MORE_N];
static uint32_t spare[MORE_N];
static uint64_t keys[2 * TSDB_TIMESORT_AT_ONCE];

static void test_arrival(int arrival, const char *name);
static void test_many(void);
static void fill_times(int arrival, int64_t step, uint32_t nrows, uint64_t *seed);
static bool sorts(uint32_t n, uint64_t *seed);
static int compare_rows(const void *left, const void *right);

int
main(void)
{
	static const char *const names[] = {"random", "backwards", "nearly in order", "few times", "one time", "anything"};

	for (int arrival = 0; arrival < NARRIVALS; arrival++)
		test_arrival(arrival, names[arrival]);
	test_many();
	return done();
}

// private functions

static void
test_arrival(int arrival, const char *name)
{
	static const int64_t steps[] = {1, 1000, 1000000, INT64_C(3153000000), INT64_C(86400000000)};
	uint64_t seed = (uint64_t) arrival;
	uint32_t wrong = 0;
	uint32_t count = 0;

	for (uint32_t n = 1; n <= MAX_N; n += 1 + n / 5)
		for (uint32_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++, count++)
		{
			fill_times(arrival, steps[i], 2 * n, &seed);
			wrong += !sorts(n, &seed);
		}
	ok(wrong == 0, "%s: %u of %u arrays are sorted otherwise", name, wrong, count);
}

/* More than are sorted at once. */
static void
test_many(void)
{
	uint64_t seed = 1;

	fill_times(ARRIVAL_RANDOM, 1000000, NROWS, &seed);
	ok(sorts(MORE_N, &seed), "%d rows", MORE_N);
}

static void
fill_times(int arrival, int64_t step, uint32_t nrows, uint64_t *seed)
{
	for (uint32_t row = 0; row < nrows; row++)
	{
		int64_t number = row;

		if (arrival == ARRIVAL_RANDOM || (arrival == ARRIVAL_NEARLY && random_below(seed, 40) == 0))
			number = random_below(seed, nrows);
		else if (arrival == ARRIVAL_BACKWARDS)
			number = (int64_t) nrows - row;
		else if (arrival == ARRIVAL_FEW_TIMES)
			number = random_below(seed, 3);
		else if (arrival == ARRIVAL_EQUAL)
			number = 7;
		times[row] = (number - nrows / 3) * step;
		if (arrival == ARRIVAL_ANYTHING)
			times[row] = (int64_t) (random_next(seed) >> step % 40);
		if (arrival == ARRIVAL_ANYTHING && row % 3 == 0)
			times[row] = row % 2 == 0 ? INT64_MIN : INT64_MAX;
	}
}

/* Of every second row or so, ascending, as those of one series. */
static bool
sorts(uint32_t n, uint64_t *seed)
{
	uint32_t row = 0;

	for (uint32_t i = 0; i < n; i++)
	{
		row += random_below(seed, 2);
		rows[i] = before[i] = row++;
	}
	tsdb_timesort(times, rows, spare, keys, n);

	/* Places of rows ascend with their numbers, so that who compares those too is stable. */
	qsort(before, n, sizeof(uint32_t), compare_rows);
	return memcmp(rows, before, n * sizeof(uint32_t)) == 0;
}

static int
compare_rows(const void *left, const void *right)
{
	uint32_t a = *(const uint32_t *) left;
	uint32_t b = *(const uint32_t *) right;

	if (times[a] != times[b])
		return times[a] < times[b] ? -1 : 1;
	return a < b ? -1 : a > b;
}
