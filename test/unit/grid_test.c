/*-------------------------------------------------------------------------
 *
 * grid_test.c
 *	  Floors, segments and the choice of block spans.
 *-------------------------------------------------------------------------
 */
#include "tap.h"

#include "format/grid.h"

#define SECOND INT64_C(1000000)
#define HOUR (3600 * SECOND)
#define DAY TSDB_US_PER_DAY
#define SEGMENT (32 * DAY)

static void test_floor(void);
static void test_segments(void);
static void test_segment_choice(void);
static void test_choice(void);
static void test_choice_rules(void);

int
main(void)
{
	test_floor();
	test_segments();
	test_segment_choice();
	test_choice();
	test_choice_rules();
	return done();
}

// private functions

static void
test_floor(void)
{
	uint64_t random = 1;
	int64_t start;
	bool is_right = true;

	ok(tsdb_grid_floor(0, DAY, &start) && start == 0, "2000-01-01 begins a day");
	ok(tsdb_grid_floor(-1, DAY, &start) && start == -DAY, "the microsecond before lies in the day before");
	ok(tsdb_grid_floor(TSDB_EPOCH_1970_US - 1, HOUR, &start) && start == TSDB_EPOCH_1970_US - HOUR, "before 1970: floor, not truncation");
	ok(tsdb_grid_floor(0, 32 * DAY, &start) && (start - TSDB_EPOCH_1970_US) % (32 * DAY) == 0, "long spans count from 1970");
	ok(!tsdb_grid_floor(INT64_MIN, DAY, &start) && !tsdb_grid_floor(INT64_MAX, DAY, &start), "infinities have no place");
	ok(!tsdb_grid_floor(INT64_MIN + 1, DAY, &start), "a floor below the least time is refused");
	ok(!tsdb_grid_floor(INT64_MAX - 1, DAY, &start), "a distance from 1970 that overflows is refused");
	for (int i = 0; i < 100000; i++)
	{
		int64_t t = (int64_t) random_next(&random) >> (1 + random_below(&random, 50));
		int64_t step = 1 + (int64_t) (random_next(&random) >> (10 + random_below(&random, 50)));

		if (tsdb_grid_floor(t, step, &start))
			is_right &= start <= t && (uint64_t) t - (uint64_t) start < (uint64_t) step && (start - TSDB_EPOCH_1970_US) % step == 0;
	}
	ok(is_right, "random times lie in their spans");
}

static void
test_segments(void)
{
	uint64_t random = 2;
	int32_t segment_no;
	int64_t from_us;
	bool is_right = true;

	ok(tsdb_grid_segment(TSDB_EPOCH_1970_US, SEGMENT, &segment_no, &from_us) && segment_no == 0 && from_us == TSDB_EPOCH_1970_US,
	   "1970 begins segment 0");
	ok(tsdb_grid_segment(TSDB_EPOCH_1970_US - 1, SEGMENT, &segment_no, &from_us) && segment_no == -1, "before it lies segment -1");
	ok(!tsdb_grid_segment(1, 1, &segment_no, &from_us), "a number beyond 32 bits is refused");
	ok(tsdb_grid_segment_start(INT32_MAX, INT64_MAX) == INT64_MAX && tsdb_grid_segment_start(INT32_MIN, INT64_MAX) == INT64_MIN,
	   "starts saturate");
	for (int i = 0; i < 100000; i++)
	{
		int64_t t = (int64_t) random_next(&random) >> (1 + random_below(&random, 30));

		if (!tsdb_grid_segment(t, SEGMENT, &segment_no, &from_us))
			continue;
		is_right &= from_us <= t && tsdb_grid_segment_start(segment_no, SEGMENT) == from_us &&
					t < tsdb_grid_segment_start(segment_no + 1, SEGMENT);
	}
	ok(is_right, "numbers and starts agree");
}

/* Spans of segments: rows and series of a load, days that each covers. */
static void
test_segment_choice(void)
{
	static const struct
	{
		uint64_t nrows;
		uint64_t nseries;
		double days;
		int64_t wanted_days;
		const char *what;
	} loads[] = {
		{24 * 365 * 10, 10, 365, 256, "a sample an hour for a year"},
		{24 * 365 * 30, 10, 1095, 256, "a sample an hour for three years"},
		{1000 * 10, 10, 1000, 512, "a sample a day: the longest"},
		{24 * 365, 10, 36.5, 64, "a sample an hour for five weeks: one more doubling"},
		{24 * 32 * 100, 100, 32, 32, "a sample an hour for a month: one segment"},
		{24 * 365, 3, 121, 128, "rows enough"},
		{24 * 100, 1, 100, 32, "too few rows"},
		{4095, 1, 170, 32, "one row too few"},
		{4096, 1, 170, 256, "rows that say something"},
		{96 * 365 * 10, 10, 365, 64, "a sample a quarter of an hour"},
		{144 * 365 * 10, 10, 365, 32, "a sample every ten minutes"},
		{86400 * 40, 1, 40, 32, "a sample a second"},
		{5000, 5000, 0, 32, "a sample of each series"},
		{0, 0, 0, 32, "nothing"}};

	for (size_t i = 0; i < sizeof(loads) / sizeof(loads[0]); i++)
	{
		int64_t span_us = tsdb_grid_choose_segment(loads[i].nrows, loads[i].nseries,
												   loads[i].days * (double) DAY * (double) loads[i].nseries, SEGMENT);

		ok(span_us == loads[i].wanted_days * DAY, "%s: segments of %lld days", loads[i].what, (long long) (span_us / DAY));
	}
	ok(tsdb_grid_choose_segment(100000, 10, 1e18, 1024 * DAY) == 1024 * DAY, "a longer span by the options stays");
}

static void
test_choice(void)
{
	static const struct
	{
		const char *name;
		int64_t sample_us;
		int64_t every_us;
		int64_t block_us;
	} cases[] = {
		{"1 kHz", 1000, 1000, 5 * SECOND},
		{"100 ms", 100000, 100000, 300 * SECOND},
		{"1 s", SECOND, SECOND, HOUR},
		{"1 s on a microsecond grid", 1, SECOND, HOUR},
		{"10 s", 10 * SECOND, 10 * SECOND, 12 * HOUR},
		{"1 min", 60 * SECOND, 60 * SECOND, 2 * DAY},
		{"5 min", 300 * SECOND, 300 * SECOND, 32 * DAY},
		{"15 min", 900 * SECOND, 900 * SECOND, 32 * DAY},
		{"1 h", HOUR, HOUR, 32 * DAY},
		{"1 day on a second grid", SECOND, DAY, 32 * DAY}};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
	{
		int64_t got_us = tsdb_grid_choose_block((uint64_t) (SEGMENT / cases[i].every_us), SEGMENT, cases[i].sample_us, SEGMENT);

		ok(got_us == cases[i].block_us, "%s: block of %lld s, %lld expected", cases[i].name,
		   (long long) (got_us / SECOND), (long long) (cases[i].block_us / SECOND));
	}
	ok(tsdb_grid_choose_block(0, 0, SECOND, SEGMENT) == SEGMENT, "no samples: the whole segment");
	ok(tsdb_grid_choose_block(1, 0, SECOND, SEGMENT) == SEGMENT, "one sample: the whole segment");
	ok(tsdb_grid_choose_block(512, 512 * DAY, DAY, 512 * DAY) == 512 * DAY, "coarse grids: a segment beyond the ladder");
	ok(tsdb_grid_choose_block(UINT64_MAX, 1, 1, SEGMENT) == 1000, "too dense for all: the shortest");
}

static void
test_choice_rules(void)
{
	uint64_t random = 3;
	bool is_right = true;

	for (int i = 0; i < 100000; i++)
	{
		int64_t sample_us = tsdb_grid_ladder(random_below(&random, 25));
		uint64_t nrows = random_next(&random) >> (20 + random_below(&random, 44));
		int64_t span_us = 1 + (int64_t) (random_next(&random) >> (2 + random_below(&random, 60)));
		int64_t block_us = tsdb_grid_choose_block(nrows, span_us, sample_us, SEGMENT);

		is_right &= block_us >= sample_us && SEGMENT % block_us == 0 && block_us % sample_us == 0;
		/* More than fit only when no shorter span is on the grid. */
		if ((double) nrows / (double) span_us * (double) block_us > 16384)
			for (uint32_t j = 0; tsdb_grid_ladder(j) != 0 && tsdb_grid_ladder(j) < block_us; j++)
				is_right &= tsdb_grid_ladder(j) < sample_us || tsdb_grid_ladder(j) % sample_us != 0;
	}
	ok(is_right, "random densities: on the grid, divides the segment, not over the limit");
	ok(tsdb_grid_ladder(25) == 0 && tsdb_grid_ladder(24) == SEGMENT, "the ladder ends at 32 days");
}
