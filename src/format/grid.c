/*-------------------------------------------------------------------------
 *
 * grid.c
 *	  Time <-> sample, block and segment: the one place that divides by spans.
 *
 *-------------------------------------------------------------------------
 */
#include "format/grid.h"

#define US_PER_SECOND INT64_C(1000000)
#define US_PER_MINUTE (60 * US_PER_SECOND)
#define US_PER_HOUR (60 * US_PER_MINUTE)

#define AIM_ROWS 4000.0 /* samples of a block: wanted (of 2880 and 5760 the former), good range, limit */
#define MIN_GOOD_ROWS 2048.0
#define MAX_GOOD_ROWS 8640.0
#define SPARSE_ROWS_A_DAY 1000.0 /* series with less: long blocks pack better, and little is decoded in vain */
#define SPARSE_AIM_ROWS 8192.0
#define SPARSE_MAX_GOOD_ROWS 12288.0
#define MAX_ROWS 16384.0
#define SAMPLE_ROWS 4096 /* fewer say nothing about the series of a table */
#define MAX_SEGMENT_US (512 * TSDB_US_PER_DAY)

/* Spans of automatic blocks; positions are on disk: append only. */
static const int64_t ladder_us[] = {
	1000, 10000, 100000,
	1 * US_PER_SECOND, 5 * US_PER_SECOND, 10 * US_PER_SECOND, 15 * US_PER_SECOND, 30 * US_PER_SECOND,
	1 * US_PER_MINUTE, 5 * US_PER_MINUTE, 15 * US_PER_MINUTE, 30 * US_PER_MINUTE,
	1 * US_PER_HOUR, 2 * US_PER_HOUR, 3 * US_PER_HOUR, 4 * US_PER_HOUR, 6 * US_PER_HOUR, 8 * US_PER_HOUR, 12 * US_PER_HOUR,
	1 * TSDB_US_PER_DAY, 2 * TSDB_US_PER_DAY, 4 * TSDB_US_PER_DAY, 8 * TSDB_US_PER_DAY, 16 * TSDB_US_PER_DAY, 32 * TSDB_US_PER_DAY};

#define NLADDER (sizeof(ladder_us) / sizeof(ladder_us[0]))

static int64_t floor_div(int64_t a, int64_t b);
static double badness(double rows, bool is_sparse);

bool
tsdb_grid_floor(int64_t t_us, int64_t step_us, int64_t *start_us)
{
	int64_t offset_us;
	int64_t start;

	if (t_us == INT64_MIN || t_us == INT64_MAX ||
		__builtin_sub_overflow(t_us, TSDB_EPOCH_1970_US, &offset_us) ||
		__builtin_mul_overflow(floor_div(offset_us, step_us), step_us, &start) ||
		__builtin_add_overflow(start, TSDB_EPOCH_1970_US, &start) || start == INT64_MIN)
		return false;
	*start_us = start;
	return true;
}

bool
tsdb_grid_segment(int64_t t_us, int64_t segment_us, int32_t *segment_no, int64_t *from_us)
{
	int64_t from;
	int64_t number;

	if (!tsdb_grid_floor(t_us, segment_us, &from))
		return false;
	/* Exact, and no overflow: from - epoch was just computed as a multiple. */
	number = (from - TSDB_EPOCH_1970_US) / segment_us;
	if (number < INT32_MIN || number > INT32_MAX)
		return false;
	*segment_no = (int32_t) number;
	*from_us = from;
	return true;
}

int64_t
tsdb_grid_segment_start(int32_t segment_no, int64_t segment_us)
{
	int64_t start;

	if (__builtin_mul_overflow((int64_t) segment_no, segment_us, &start) ||
		__builtin_add_overflow(start, TSDB_EPOCH_1970_US, &start))
		return segment_no < 0 ? INT64_MIN : INT64_MAX;
	return start;
}

int64_t
tsdb_grid_choose_segment(uint64_t nrows, uint64_t nseries, double series_us, int64_t segment_us)
{
	if (nrows < SAMPLE_ROWS || nseries == 0)
		return segment_us;
	while (segment_us <= MAX_SEGMENT_US / 2 && series_us / (double) nseries > (double) segment_us &&
		   (double) nrows / series_us * (double) segment_us < AIM_ROWS)
		segment_us *= 2;
	return segment_us;
}

int64_t
tsdb_grid_choose_block(uint64_t nrows, int64_t span_us, int64_t sample_us, int64_t segment_us)
{
	double rows_per_us = span_us > 0 ? (double) nrows / (double) span_us : 0;
	int64_t best_us = segment_us;
	bool is_sparse = rows_per_us * (double) TSDB_US_PER_DAY < SPARSE_ROWS_A_DAY;
	double best = badness(rows_per_us * (double) segment_us, is_sparse);

	/* Downwards: the longest of equally good ones, the shortest when all are too full. */
	for (size_t i = NLADDER; i-- > 0;)
	{
		double now = badness(rows_per_us * (double) ladder_us[i], is_sparse);

		if (ladder_us[i] < sample_us || ladder_us[i] % sample_us != 0 || segment_us % ladder_us[i] != 0)
			continue;
		if (now < best)
		{
			best = now;
			best_us = ladder_us[i];
		}
	}
	return best_us;
}

int64_t
tsdb_grid_ladder(uint32_t i)
{
	return i < NLADDER ? ladder_us[i] : 0;
}

// private functions

/* floor_div - towards minus infinity, where C truncates: what lies before 1970 is negative. */
static int64_t
floor_div(int64_t a, int64_t b)
{
	int64_t quotient = a / b;

	return a % b < 0 ? quotient - 1 : quotient;
}

/* badness - how far a block of so many rows is from the aim: the ratio, worse out of the good range, worst above the limit. */
static double
badness(double rows, bool is_sparse)
{
	double aim = is_sparse ? SPARSE_AIM_ROWS : AIM_ROWS;
	double ratio = rows > aim ? rows / aim : aim / (rows > 1e-9 ? rows : 1e-9);

	if (rows > MAX_ROWS)
		return 1e30 * ratio;
	return rows < MIN_GOOD_ROWS || rows > (is_sparse ? SPARSE_MAX_GOOD_ROWS : MAX_GOOD_ROWS) ? 1e6 * ratio : ratio;
}
