/*-------------------------------------------------------------------------
 *
 * mergeflush.c
 *	  Sort and consolidate the rows of one flush.
 *
 * Rows mostly come as time passes, all series by turns, or one series after
 * the other.  So: nothing to do when they ascend; else a stable radix sort by
 * series, after which the times of a series mostly ascend; else they are
 * sorted (timesort.c).  Rows of one key then lie together in order of
 * arrival and are folded into one.
 *-------------------------------------------------------------------------
 */
#include "format/merge.h"
#include "format/timesort.h"

#define RADIX_BITS 11
#define RADIX (1 << RADIX_BITS)

static bool is_consolidated(const TsdbBatch *in);
static uint32_t *sort_by_series(const TsdbBatch *in, uint32_t *order, uint32_t *other);
static uint32_t series_range(const TsdbBatch *in, uint32_t *lowest);
static void sort_digit(const uint32_t *series, uint32_t lowest, int shift, const uint32_t *from, uint32_t *to,
					   uint32_t n);
static uint32_t sort_times(TsdbBatch *in, uint32_t *order, uint32_t *other, const TsdbMem *mem);
static uint32_t fold_keys(TsdbBatch *in, const uint32_t *rows, uint32_t n, uint32_t *winners);
static uint32_t fold_key(TsdbBatch *in, const uint32_t *rows, uint32_t n);
static void patch_row(TsdbBatch *in, uint32_t row, uint32_t patch);
static void fill_up(TsdbBatch *in, uint32_t row);

void
tsdb_merge_flush(TsdbBatch *in, uint32_t **order, uint32_t *nout, const TsdbMem *mem)
{
	uint32_t *sorted = (uint32_t *) tsdb_mem_alloc(mem, ((size_t) in->nrows + 1) * sizeof(uint32_t));
	uint32_t *other;
	uint32_t i;

	for (i = 0; i < in->nrows; i++)
		sorted[i] = i;
	*order = sorted;
	*nout = in->nrows;
	if (is_consolidated(in))
		return;

	other = (uint32_t *) tsdb_mem_alloc(mem, ((size_t) in->nrows + 1) * sizeof(uint32_t));
	if (in->series != NULL)
	{
		*order = sort_by_series(in, sorted, other);
		other = *order == sorted ? other : sorted;
	}
	*nout = sort_times(in, *order, other, mem);
}

// private functions

/* is_consolidated - do the keys ascend strictly? */
static bool
is_consolidated(const TsdbBatch *in)
{
	uint32_t i;

	for (i = 1; i < in->nrows; i++)
	{
		if (in->series != NULL && in->series[i] != in->series[i - 1])
		{
			if (in->series[i] < in->series[i - 1])
				return false;
		}
		else if (in->times[i] <= in->times[i - 1])
			return false;
	}
	return true;
}

/* sort_by_series - returns which of the two arrays holds the result. */
static uint32_t *
sort_by_series(const TsdbBatch *in, uint32_t *order, uint32_t *other)
{
	uint32_t lowest;
	uint32_t range = series_range(in, &lowest);
	int shift;

	for (shift = 0; shift < 32 && (range >> shift) != 0; shift += RADIX_BITS)
	{
		uint32_t *swap = order;

		sort_digit(in->series, lowest, shift, order, other, in->nrows);
		order = other;
		other = swap;
	}
	return order;
}

/* series_range - highest less lowest id; 0 when the rows are sorted by series as they came. */
static uint32_t
series_range(const TsdbBatch *in, uint32_t *lowest)
{
	uint32_t highest = in->series[0];
	bool ascending = true;
	uint32_t i;

	*lowest = in->series[0];
	for (i = 1; i < in->nrows; i++)
	{
		uint32_t series = in->series[i];

		ascending = ascending && series >= in->series[i - 1];
		if (series < *lowest)
			*lowest = series;
		if (series > highest)
			highest = series;
	}
	return ascending ? 0 : highest - *lowest;
}

/* sort_digit - stable counting sort by RADIX_BITS bits of series - lowest. */
static void
sort_digit(const uint32_t *series, uint32_t lowest, int shift, const uint32_t *from, uint32_t *to, uint32_t n)
{
	uint32_t starts[RADIX] = {0};
	uint32_t sum = 0;
	uint32_t i;

	for (i = 0; i < n; i++)
		starts[((series[i] - lowest) >> shift) & (RADIX - 1)]++;
	for (i = 0; i < RADIX; i++)
	{
		uint32_t count = starts[i];

		starts[i] = sum;
		sum += count;
	}
	for (i = 0; i < n; i++)
		to[starts[((series[from[i]] - lowest) >> shift) & (RADIX - 1)]++] = from[i];
}

/*
 * sort_times - sort the rows of each series by time, unless they are, and keep
 * the winner of each key; returns how many there are.
 *
 * Series by series: the times of one are near for both.
 */
static uint32_t
sort_times(TsdbBatch *in, uint32_t *order, uint32_t *other, const TsdbMem *mem)
{
	uint64_t *keys = NULL;
	uint32_t kept = 0;
	uint32_t from;
	uint32_t until;

	for (from = 0; from < in->nrows; from = until)
	{
		bool ascending = true;

		for (until = from + 1; until < in->nrows; until++)
		{
			if (in->series != NULL && in->series[order[until]] != in->series[order[from]])
				break;
			ascending = ascending && in->times[order[until]] >= in->times[order[until - 1]];
		}
		if (!ascending && keys == NULL)
			keys = (uint64_t *) tsdb_mem_alloc(mem, 2 * sizeof(uint64_t) * (in->nrows < TSDB_TIMESORT_AT_ONCE ? in->nrows : TSDB_TIMESORT_AT_ONCE));
		if (!ascending)
			tsdb_timesort(in->times, order + from, other, keys, until - from);
		kept += fold_keys(in, order + from, until - from, order + kept);
	}
	return kept;
}

/* fold_keys - keep the winner of each time of a series; returns how many there are. */
static uint32_t
fold_keys(TsdbBatch *in, const uint32_t *rows, uint32_t n, uint32_t *winners)
{
	uint32_t kept = 0;
	uint32_t from;
	uint32_t until;

	for (from = 0; from < n; from = until)
	{
		for (until = from + 1; until < n; until++)
			if (in->times[rows[until]] != in->times[rows[from]])
				break;
		winners[kept++] = fold_key(in, rows + from, until - from);
	}
	return kept;
}

/* fold_key - the winning one of n rows of a key, in order of arrival. */
static uint32_t
fold_key(TsdbBatch *in, const uint32_t *rows, uint32_t n)
{
	uint32_t winner = rows[0];
	uint32_t i;

	if (in->kinds == NULL)
		return rows[n - 1];
	for (i = 1; i < n; i++)
	{
		uint32_t row = rows[i];

		if (in->kinds[row] != TSDB_ROW_PATCH)
			winner = row;
		else if (in->kinds[winner] == TSDB_ROW_TOMBSTONE)
		{
			fill_up(in, row);
			winner = row;
		}
		else
			patch_row(in, winner, row);
	}
	return winner;
}

/* patch_row - write the cells that patch has over those of row. */
static void
patch_row(TsdbBatch *in, uint32_t row, uint32_t patch)
{
	int i;

	for (i = 0; i < in->ncolumns; i++)
	{
		TsdbColumn *column = &in->columns[i];

		if (column->states != NULL)
		{
			if (column->states[patch] == TSDB_CELL_ABSENT)
				continue;
			column->states[row] = column->states[patch];
		}
		column->words[row] = column->words[patch];
	}
}

/* fill_up - make a PATCH a FULL row. */
static void
fill_up(TsdbBatch *in, uint32_t row)
{
	int i;

	in->kinds[row] = TSDB_ROW_FULL;
	for (i = 0; i < in->ncolumns; i++)
	{
		uint8_t *states = in->columns[i].states;

		if (states != NULL && states[row] == TSDB_CELL_ABSENT)
			states[row] = TSDB_CELL_NULL;
	}
}
