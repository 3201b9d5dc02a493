/*-------------------------------------------------------------------------
 *
 * runkeys.c
 *	  Series and times of the rows of a run chunk.
 *
 * Layout: runkeys.h.  A thousand series that were sampled together share one
 * list of times; series of their own clocks have one list each or, when a
 * series has few rows, all differences in one list.
 *-------------------------------------------------------------------------
 */
#include "format/runkeys.h"
#include "format/ints.h"

/* Series per chunk, and rows per series, for which a list of times each is worth a try. */
#define EACH_MAX_SERIES 64
#define EACH_MIN_ROWS 8

#define MAX_SERIES_ID 0x0FFFFFFFu

/* Rows of one chunk by series: series i has counts[i] rows. */
typedef struct Keys
{
	uint32_t nrows;
	uint32_t nseries;
	uint64_t *gaps; /* of series i: id - id before - 1; [0] is not used */
	uint64_t *counts; /* rows per series */
	const int64_t *times;
} Keys;

static void count_series(Keys *keys, const TsdbBatch *batch, uint32_t from, const TsdbMem *scratch);
static void append_series(TsdbBytes *out, const Keys *keys, const TsdbMem *scratch);
static bool is_shared(const Keys *keys);
static bool is_strict(const Keys *keys);
static void append_each(TsdbBytes *out, const Keys *keys, int64_t base_us, const TsdbMem *scratch);
static void append_steps(TsdbBytes *out, const Keys *keys, const TsdbMem *scratch);
static void split_steps(const Keys *keys, uint64_t *firsts, uint64_t *inner);
static uint64_t common_unit(uint64_t unit, const uint64_t *steps, uint32_t n);
static void divide_steps(uint64_t *steps, uint32_t n, uint64_t unit);
static void append_times(TsdbBytes *out, const int64_t *times, uint32_t n, int64_t base_us, const TsdbMem *scratch);
static TsdbStatus read_series(TsdbSpan *src, const TsdbRunChunk *chunk, Keys *keys, TsdbBatch *batch,
							  const TsdbMem *mem);
static TsdbStatus copy_series(const TsdbBatch *base, const TsdbRunChunk *chunk, Keys *keys, TsdbBatch *batch,
							  const TsdbMem *mem);
static TsdbStatus fill_series(Keys *keys, uint32_t id, TsdbBatch *batch);
static TsdbStatus read_shared(TsdbSpan *src, const Keys *keys, int64_t base_us, const TsdbRunChunk *chunk,
							  int64_t *times, const TsdbMem *mem);
static TsdbStatus read_each(TsdbSpan *src, const Keys *keys, int64_t base_us, int64_t *times, const TsdbMem *mem);
static TsdbStatus read_steps(TsdbSpan *src, const Keys *keys, int64_t first_us, int64_t *times, const TsdbMem *mem);
static TsdbStatus read_times(TsdbSpan *src, int64_t *times, uint32_t n, int64_t base_us, const TsdbMem *mem);
static TsdbStatus check_keys(const TsdbRun *run, const TsdbRunChunk *chunk, const TsdbBatch *batch);

TsdbRunTimes
tsdb_runkeys_encode(TsdbBytes *out, const TsdbBatch *batch, uint32_t from, uint32_t until, bool is_known,
					int64_t base_us, const TsdbMem *scratch)
{
	Keys keys;
	TsdbBytes each;
	TsdbBytes steps;

	if (until - from == 1)
		return TSDB_RUNTIMES_SHARED;
	keys.nrows = until - from;
	keys.times = batch->times + from;
	count_series(&keys, batch, from, scratch);
	if (keys.nseries > 1 && !is_known)
		append_series(out, &keys, scratch);
	if (is_shared(&keys))
	{
		if (keys.counts[0] > 1)
			append_times(out, keys.times, (uint32_t) keys.counts[0], base_us, scratch);
		return TSDB_RUNTIMES_SHARED;
	}

	tsdb_bytes_init(&steps, scratch);
	append_steps(&steps, &keys, scratch);
	if (keys.nseries <= EACH_MAX_SERIES && keys.nrows / keys.nseries >= EACH_MIN_ROWS && is_strict(&keys))
	{
		tsdb_bytes_init(&each, scratch);
		append_each(&each, &keys, base_us, scratch);
		if (each.len < steps.len)
		{
			tsdb_bytes_append(out, each.data, each.len);
			return TSDB_RUNTIMES_EACH;
		}
	}
	tsdb_bytes_append(out, steps.data, steps.len);
	return TSDB_RUNTIMES_STEPS;
}

TsdbStatus
tsdb_runkeys_decode(TsdbSpan *src, TsdbRunTimes mode, const TsdbRun *run, const TsdbRunChunk *chunk,
					const TsdbBatch *base, TsdbBatch *batch, const TsdbMem *mem)
{
	Keys keys;
	TsdbStatus status;

	if (chunk->nrows == 0 || chunk->nrows > TSDB_MAX_VALUES)
		return TSDB_CORRUPT;
	batch->nrows = chunk->nrows;
	batch->series = NULL;
	batch->series_id = chunk->first.series;
	batch->times = (int64_t *) tsdb_mem_alloc(mem, chunk->nrows * sizeof(int64_t));
	status = base ? copy_series(base, chunk, &keys, batch, mem) : read_series(src, chunk, &keys, batch, mem);
	if (status != TSDB_OK)
		return status;

	if (mode == TSDB_RUNTIMES_SHARED)
		status = read_shared(src, &keys, run->min_time, chunk, batch->times, mem);
	else if (mode == TSDB_RUNTIMES_EACH)
		status = read_each(src, &keys, run->min_time, batch->times, mem);
	else if (mode == TSDB_RUNTIMES_STEPS)
		status = read_steps(src, &keys, chunk->first.time, batch->times, mem);
	else
		status = TSDB_CORRUPT;
	return status == TSDB_OK ? check_keys(run, chunk, batch) : status;
}

// private functions

/* count_series - fill nseries, gaps and counts from the rows that begin at `from`. */
static void
count_series(Keys *keys, const TsdbBatch *batch, uint32_t from, const TsdbMem *scratch)
{
	const uint32_t *series = batch->series ? batch->series + from : NULL;
	bool single = series == NULL || series[0] == series[keys->nrows - 1];
	uint32_t room = single ? 1 : keys->nrows;
	uint32_t at = 0;
	uint32_t i;

	keys->gaps = (uint64_t *) tsdb_mem_alloc(scratch, room * sizeof(uint64_t));
	keys->counts = (uint64_t *) tsdb_mem_alloc(scratch, room * sizeof(uint64_t));
	keys->counts[0] = keys->nrows;
	keys->nseries = 1;
	if (single)
		return;
	for (i = 1; i < keys->nrows; i++)
	{
		if (series[i] == series[i - 1])
			continue;
		keys->counts[keys->nseries - 1] = i - at;
		keys->gaps[keys->nseries++] = series[i] - series[i - 1] - 1;
		at = i;
	}
	keys->counts[keys->nseries - 1] = keys->nrows - at;
}

/* append_series - counts less one, as gaps: nothing but zeros is the common case. */
static void
append_series(TsdbBytes *out, const Keys *keys, const TsdbMem *scratch)
{
	uint64_t *extra = (uint64_t *) tsdb_mem_alloc(scratch, keys->nseries * sizeof(uint64_t));
	uint32_t i;

	for (i = 0; i < keys->nseries; i++)
		extra[i] = keys->counts[i] - 1;
	tsdb_bytes_append_varint(out, keys->nseries);
	tsdb_intlist_encode(out, (const int64_t *) keys->gaps + 1, keys->nseries - 1, scratch);
	tsdb_intlist_encode(out, (const int64_t *) extra, keys->nseries, scratch);
}

/* is_shared - has every series the same, strictly ascending times? */
static bool
is_shared(const Keys *keys)
{
	uint64_t count = keys->counts[0];
	uint32_t i;

	for (i = 1; i < count; i++)
	{
		if (keys->times[i] <= keys->times[i - 1])
			return false;
	}
	for (i = 1; i < keys->nseries; i++)
	{
		if (keys->counts[i] != count ||
			memcmp(keys->times, keys->times + i * count, count * sizeof(int64_t)) != 0)
			return false;
	}
	return true;
}

/* is_strict - has no series two versions of one time? */
static bool
is_strict(const Keys *keys)
{
	const int64_t *times = keys->times;
	uint32_t i;
	uint64_t j;

	for (i = 0; i < keys->nseries; i++)
	{
		for (j = 1; j < keys->counts[i]; j++)
		{
			if (times[j] <= times[j - 1])
				return false;
		}
		times += keys->counts[i];
	}
	return true;
}

static void
append_each(TsdbBytes *out, const Keys *keys, int64_t base_us, const TsdbMem *scratch)
{
	const int64_t *times = keys->times;
	uint32_t i;

	for (i = 0; i < keys->nseries; i++)
	{
		append_times(out, times, (uint32_t) keys->counts[i], base_us, scratch);
		times += keys->counts[i];
	}
}

static void
append_steps(TsdbBytes *out, const Keys *keys, const TsdbMem *scratch)
{
	uint32_t nfirsts = keys->nseries - 1;
	uint32_t ninner = keys->nrows - keys->nseries;
	uint64_t *firsts = (uint64_t *) tsdb_mem_alloc(scratch, keys->nrows * sizeof(uint64_t));
	uint64_t *inner = firsts + nfirsts;
	uint64_t unit;

	split_steps(keys, firsts, inner);
	unit = common_unit(common_unit(0, firsts, nfirsts), inner, ninner);
	if (unit == 0)
		unit = 1;
	divide_steps(firsts, nfirsts + ninner, unit);
	tsdb_bytes_append_varint(out, unit);
	tsdb_intlist_encode(out, (const int64_t *) firsts, nfirsts, scratch);
	tsdb_intlist_encode(out, (const int64_t *) inner, ninner, scratch);
}

/* split_steps - differences modulo 2^64, as the extremes of int64 are that far apart. */
static void
split_steps(const Keys *keys, uint64_t *firsts, uint64_t *inner)
{
	const int64_t *times = keys->times;
	const int64_t *before = times;
	uint32_t i;
	uint64_t j;

	for (i = 0; i < keys->nseries; i++)
	{
		if (i > 0)
			*firsts++ = (uint64_t) *times - (uint64_t) *before;
		for (j = 1; j < keys->counts[i]; j++)
			*inner++ = (uint64_t) times[j] - (uint64_t) times[j - 1];
		before = times;
		times += keys->counts[i];
	}
}

/* common_unit - greatest common divisor of unit and all |steps|; 0 when all are 0. */
static uint64_t
common_unit(uint64_t unit, const uint64_t *steps, uint32_t n)
{
	uint32_t i;

	for (i = 0; i < n && unit != 1; i++)
	{
		uint64_t rest = (int64_t) steps[i] < 0 ? 0 - steps[i] : steps[i];

		while (rest != 0)
		{
			uint64_t modulo = unit % rest;

			unit = rest;
			rest = modulo;
		}
	}
	return unit;
}

static void
divide_steps(uint64_t *steps, uint32_t n, uint64_t unit)
{
	uint32_t i;

	if (unit == 1)
		return;
	for (i = 0; i < n; i++)
	{
		if ((int64_t) steps[i] < 0)
			steps[i] = 0 - (0 - steps[i]) / unit;
		else
			steps[i] /= unit;
	}
}

static void
append_times(TsdbBytes *out, const int64_t *times, uint32_t n, int64_t base_us, const TsdbMem *scratch)
{
	TsdbBytes chunk;

	tsdb_bytes_init(&chunk, scratch);
	tsdb_times_encode(&chunk, times, n, base_us, scratch);
	tsdb_bytes_append_varint(out, chunk.len);
	tsdb_bytes_append(out, chunk.data, chunk.len);
}

static TsdbStatus
read_series(TsdbSpan *src, const TsdbRunChunk *chunk, Keys *keys, TsdbBatch *batch, const TsdbMem *mem)
{
	uint64_t nseries = 1;
	bool several = chunk->first.series != chunk->last.series;

	if (several && (!tsdb_span_read_varint(src, &nseries) || nseries < 2 || nseries > chunk->nrows))
		return TSDB_CORRUPT;
	keys->nrows = chunk->nrows;
	keys->nseries = (uint32_t) nseries;
	keys->gaps = (uint64_t *) tsdb_mem_alloc(mem, nseries * sizeof(uint64_t));
	keys->counts = (uint64_t *) tsdb_mem_alloc(mem, nseries * sizeof(uint64_t));
	keys->counts[0] = chunk->nrows;
	if (!several)
		return TSDB_OK;
	if (tsdb_intlist_decode(src, (int64_t *) keys->gaps + 1, keys->nseries - 1, mem) != TSDB_OK ||
		tsdb_intlist_decode(src, (int64_t *) keys->counts, keys->nseries, mem) != TSDB_OK)
		return TSDB_CORRUPT;
	batch->series = (uint32_t *) tsdb_mem_alloc(mem, chunk->nrows * sizeof(uint32_t));
	return fill_series(keys, chunk->first.series, batch);
}

/* copy_series - from rows of another run, as many as here. */
static TsdbStatus
copy_series(const TsdbBatch *base, const TsdbRunChunk *chunk, Keys *keys, TsdbBatch *batch, const TsdbMem *mem)
{
	if (base->nrows != chunk->nrows || base->series == NULL || chunk->first.series == chunk->last.series ||
		base->series[0] == base->series[base->nrows - 1])
		return TSDB_CORRUPT;
	keys->nrows = chunk->nrows;
	count_series(keys, base, 0, mem);
	batch->series = (uint32_t *) tsdb_mem_alloc(mem, chunk->nrows * sizeof(uint32_t));
	memcpy(batch->series, base->series, chunk->nrows * sizeof(uint32_t));
	return TSDB_OK;
}

/* fill_series - series id of every row; counts come in less one. */
static TsdbStatus
fill_series(Keys *keys, uint32_t id, TsdbBatch *batch)
{
	uint32_t done = 0;
	uint32_t i;
	uint64_t j;

	for (i = 0; i < keys->nseries; i++)
	{
		if (i > 0 && keys->gaps[i] >= MAX_SERIES_ID - id)
			return TSDB_CORRUPT;
		if (keys->counts[i] >= keys->nrows - done)
			return TSDB_CORRUPT;
		id += i > 0 ? (uint32_t) keys->gaps[i] + 1 : 0;
		keys->counts[i]++;
		for (j = 0; j < keys->counts[i]; j++)
			batch->series[done++] = id;
	}
	return done == keys->nrows ? TSDB_OK : TSDB_CORRUPT;
}

static TsdbStatus
read_shared(TsdbSpan *src, const Keys *keys, int64_t base_us, const TsdbRunChunk *chunk, int64_t *times,
			const TsdbMem *mem)
{
	uint64_t count = keys->counts[0];
	uint32_t i;

	times[0] = chunk->first.time;
	if (count > 1 && read_times(src, times, (uint32_t) count, base_us, mem) != TSDB_OK)
		return TSDB_CORRUPT;
	for (i = 1; i < keys->nseries; i++)
	{
		if (keys->counts[i] != count)
			return TSDB_CORRUPT;
		memcpy(times + i * count, times, count * sizeof(int64_t));
	}
	return TSDB_OK;
}

static TsdbStatus
read_each(TsdbSpan *src, const Keys *keys, int64_t base_us, int64_t *times, const TsdbMem *mem)
{
	uint32_t i;

	for (i = 0; i < keys->nseries; i++)
	{
		if (read_times(src, times, (uint32_t) keys->counts[i], base_us, mem) != TSDB_OK)
			return TSDB_CORRUPT;
		times += keys->counts[i];
	}
	return TSDB_OK;
}

static TsdbStatus
read_steps(TsdbSpan *src, const Keys *keys, int64_t first_us, int64_t *times, const TsdbMem *mem)
{
	uint64_t *firsts = (uint64_t *) tsdb_mem_alloc(mem, keys->nrows * sizeof(uint64_t));
	uint64_t *inner = firsts + keys->nseries - 1;
	uint64_t first = (uint64_t) first_us;
	uint64_t unit;
	uint32_t i;
	uint64_t j;

	if (!tsdb_span_read_varint(src, &unit) || unit == 0 ||
		tsdb_intlist_decode(src, (int64_t *) firsts, keys->nseries - 1, mem) != TSDB_OK ||
		tsdb_intlist_decode(src, (int64_t *) inner, keys->nrows - keys->nseries, mem) != TSDB_OK)
		return TSDB_CORRUPT;
	for (i = 0; i < keys->nseries; i++)
	{
		uint64_t time;

		if (i > 0)
			first += firsts[i - 1] * unit;
		time = first;
		*times++ = (int64_t) time;
		for (j = 1; j < keys->counts[i]; j++)
		{
			time += *inner++ * unit;
			*times++ = (int64_t) time;
		}
	}
	return TSDB_OK;
}

static TsdbStatus
read_times(TsdbSpan *src, int64_t *times, uint32_t n, int64_t base_us, const TsdbMem *mem)
{
	uint64_t nbytes;
	TsdbSpan chunk;

	if (!tsdb_span_read_varint(src, &nbytes) || nbytes > tsdb_span_left(src) ||
		!tsdb_span_take(src, (size_t) nbytes, &chunk))
		return TSDB_CORRUPT;
	return tsdb_times_decode(chunk, times, n, base_us, mem);
}

static TsdbStatus
check_keys(const TsdbRun *run, const TsdbRunChunk *chunk, const TsdbBatch *batch)
{
	const uint32_t *series = batch->series;
	const int64_t *times = batch->times;
	uint32_t last = batch->nrows - 1;
	uint32_t i;

	if (tsdb_key_compare(tsdb_batch_key(batch, 0), chunk->first) != 0 ||
		tsdb_key_compare(tsdb_batch_key(batch, last), chunk->last) != 0)
		return TSDB_CORRUPT;
	for (i = 0; i <= last; i++)
	{
		if (times[i] < run->min_time || times[i] > run->max_time)
			return TSDB_CORRUPT;
		if (i > 0 && times[i] < times[i - 1] && (series == NULL || series[i] == series[i - 1]))
			return TSDB_CORRUPT;
	}
	return TSDB_OK;
}
