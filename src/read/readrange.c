/*-------------------------------------------------------------------------
 *
 * readrange.c
 *	  Which keys a reader may deliver: some series, a stretch of time, a piece of the line of keys.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "miscadmin.h"
#include "read/keys.h"
#include "read/readrange.h"

static bool allow_forward(const TsdbReadRange *range, TsdbKey *key, TsdbKey *stop);
static bool allow_backward(const TsdbReadRange *range, TsdbKey *key, TsdbKey *stop);
static uint32 count_below(const TsdbReadRange *range, uint64 series);

bool
tsdb_readrange_forward(const TsdbReadRange *range, TsdbKey *key, TsdbKey *stop)
{
	while (allow_forward(range, key, stop))
	{
		int64 from;
		int64 until;

		if (range->windows == NULL)
			return true;
		CHECK_FOR_INTERRUPTS();
		if (range->windows->next(range->windows->arg, key->series, key->time, &from, &until))
		{
			TsdbKey end = {key->series, until};

			key->time = from;
			*stop = key_min(*stop, end);
			if (key_before(*key, *stop))
				return true;
			/* Behind what is allowed of this series: the next one, or the end */
		}
		if (key->series == PG_UINT32_MAX)
			return false;
		key->series++;
		key->time = PG_INT64_MIN;
	}
	return false;
}

bool
tsdb_readrange_backward(const TsdbReadRange *range, TsdbKey *key, TsdbKey *stop)
{
	while (allow_backward(range, key, stop))
	{
		int64 from;
		int64 until;

		if (range->windows == NULL)
			return true;
		CHECK_FOR_INTERRUPTS();
		if (range->windows->previous(range->windows->arg, key->series, key->time, &from, &until))
		{
			TsdbKey start = {key->series, from};

			key->time = until;
			*stop = key_max(*stop, start);
			if (key_before(*stop, *key))
				return true;
		}
		if (key->series == 0)
			return false;
		key->series--;
		key->time = PG_INT64_MAX;
	}
	return false;
}

// private functions

static bool
allow_forward(const TsdbReadRange *range, TsdbKey *key, TsdbKey *stop)
{
	bool timed = range->from != PG_INT64_MIN || range->until != PG_INT64_MAX;

	if (range->from >= range->until)
		return false;
	*key = key_max(*key, range->lo);
	if (timed && key->time >= range->until)
	{
		if (key->series == PG_UINT32_MAX)
			return false;
		key->series++;
		key->time = PG_INT64_MIN;
	}
	if (range->series != NULL)
	{
		uint32 low = count_below(range, key->series);

		if (low == range->nseries)
			return false;
		if (range->series[low] != key->series)
		{
			key->series = range->series[low];
			key->time = PG_INT64_MIN;
		}
	}
	if (timed && key->time < range->from)
		key->time = range->from;

	*stop = range->hi;
	if (timed || range->series != NULL)
	{
		TsdbKey end = {key->series, range->until};

		if (range->until == PG_INT64_MAX && key->series != PG_UINT32_MAX)
		{
			end.series++;
			end.time = PG_INT64_MIN;
		}
		*stop = key_min(*stop, end);
	}
	return key_before(*key, *stop);
}

static bool
allow_backward(const TsdbReadRange *range, TsdbKey *key, TsdbKey *stop)
{
	bool timed = range->from != PG_INT64_MIN || range->until != PG_INT64_MAX;

	if (range->from >= range->until)
		return false;
	*key = key_min(*key, range->hi);
	if ((timed || range->series != NULL) && key->time <= range->from)
	{
		if (key->series == 0)
			return false;
		key->series--;
		key->time = PG_INT64_MAX;
	}
	if (range->series != NULL)
	{
		uint32 low = count_below(range, (uint64) key->series + 1);

		if (low == 0)
			return false;
		if (range->series[low - 1] != key->series)
		{
			key->series = range->series[low - 1];
			key->time = PG_INT64_MAX;
		}
	}
	if (timed && key->time > range->until)
		key->time = range->until;

	*stop = range->lo;
	if (timed || range->series != NULL)
	{
		TsdbKey start = {key->series, range->from};

		*stop = key_max(*stop, start);
	}
	return key_before(*stop, *key);
}

/* How many of the series have a lower id. */
static uint32
count_below(const TsdbReadRange *range, uint64 series)
{
	uint32 low = 0;
	uint32 high = range->nseries;

	while (low < high)
	{
		uint32 middle = low + (high - low) / 2;

		if (range->series[middle] < series)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}
