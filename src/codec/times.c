/*-------------------------------------------------------------------------
 *
 * times.c
 *	  n strictly ascending times in microseconds.
 *
 * Chunk
 *	  tag		u8		mode in bits 0-2, unit in bits 3-7: an index of unit_us
 *	  first		zvarint	(t[0] - base_us) in units
 *	  stride	varint	in units, > 0; not in LIST, and only if n > 1
 *	  rest		by mode:
 *		0 REGULAR	nothing: t[i] = first + i * stride
 *		1 BITMAP	slots varint (n < slots), ceil(slots / 8) bytes, one bit a
 *					place of the grid first + j * stride; the first and the
 *					last bit are ones
 *		2 MISSING	count varint, IPK(count, ascending) of the empty places
 *		3 LIST		IPK(n - 1) of (t[i] - t[i-1]) in units - 1
 *		4 JITTER	IPK(n) of t[i] - (first + i * stride), in units
 *
 * The unit divides everything that is written (in JITTER deviations too), so
 * whole seconds are short.  Of REGULAR nothing else is tried; else the
 * smallest wins.  All arithmetic is modulo 2^64; that the result ascends is
 * checked at the end, which also finds every overflow.
 *-------------------------------------------------------------------------
 */
#include "codec/codec_private.h"

typedef enum TimesMode
{
	TIMES_REGULAR = 0,
	TIMES_BITMAP = 1,
	TIMES_MISSING = 2,
	TIMES_LIST = 3,
	TIMES_JITTER = 4
} TimesMode;

#define NUNITS 14

static const int64_t unit_us[NUNITS] = {
	1, 10, 100, 1000, 10000, 100000, 1000000, 10000000, 60000000,
	300000000, 900000000, INT64_C(3600000000), INT64_C(43200000000), INT64_C(86400000000)};

static bool is_regular(uint64_t first, uint64_t stride, uint32_t n);
static int64_t common_divisor(const int64_t *times, uint32_t n);
static uint32_t find_unit(int64_t first, int64_t divisor);
static void write_head(TsdbBytes *out, TimesMode mode, uint32_t unit, int64_t first, int64_t stride);
static void encode_grid(TsdbBytes *best, uint32_t unit, int64_t first, int64_t stride, const int64_t *times, uint32_t n, const TsdbMem *scratch);
static void encode_bitmap(TsdbBytes *best, uint32_t unit, int64_t first, int64_t stride, const int64_t *times, uint32_t n, uint32_t nslots, const TsdbMem *scratch);
static void encode_missing(TsdbBytes *best, uint32_t unit, int64_t first, int64_t stride, const int64_t *times, uint32_t n, uint32_t nmissing, const TsdbMem *scratch);
static void encode_list(TsdbBytes *best, uint32_t unit, int64_t first, const int64_t *times, uint32_t n, const TsdbMem *scratch);
static void encode_jitter(TsdbBytes *best, const int64_t *times, uint32_t n, int64_t base_us, const TsdbMem *scratch);
static int64_t median_delta(const int64_t *times, uint32_t n, const TsdbMem *scratch);
static void keep_smaller(TsdbBytes *best, const TsdbBytes *trial);
static bool decode_bitmap(TsdbSpan *src, int64_t *times, uint32_t n, uint64_t first, uint64_t stride);
static bool decode_missing(TsdbSpan *src, int64_t *times, uint32_t n, uint64_t first, uint64_t stride, const TsdbMem *scratch);
static bool decode_list(TsdbSpan *src, int64_t *times, uint32_t n, uint64_t first, uint64_t unit);
static bool decode_jitter(TsdbSpan *src, int64_t *times, uint32_t n, uint64_t first, uint64_t stride, uint64_t unit);
static void fill_regular(int64_t *times, uint32_t n, uint64_t first, uint64_t stride);
static bool is_ascending(const int64_t *times, uint32_t n);

/*
 * tsdb_times_encode - see codec.h.
 */
void
tsdb_times_encode(TsdbBytes *out, const int64_t *times, uint32_t n, int64_t base_us, const TsdbMem *scratch)
{
	int64_t first;
	int64_t span;
	int64_t stride;
	uint32_t unit = 0;
	TsdbBytes best;

	if (n == 0)
		return;
	first = (int64_t) ((uint64_t) times[0] - (uint64_t) base_us);
	tsdb_bytes_init(&best, scratch);
	if (n == 1)
	{
		unit = find_unit(first, 0);
		write_head(out, TIMES_REGULAR, unit, first / unit_us[unit], 0);
		return;
	}
	if (__builtin_sub_overflow(times[n - 1], times[0], &span))
	{
		/* -infinity .. infinity: differences modulo 2^64. */
		encode_list(&best, unit, first, times, n, scratch);
		tsdb_bytes_append(out, best.data, best.len);
		return;
	}

	stride = common_divisor(times, n);
	unit = find_unit(first, stride);
	if (span / stride == (int64_t) n - 1)
	{
		write_head(out, TIMES_REGULAR, unit, first / unit_us[unit], stride / unit_us[unit]);
		return;
	}
	encode_list(&best, unit, first, times, n, scratch);
	encode_grid(&best, unit, first, stride, times, n, scratch);
	encode_jitter(&best, times, n, base_us, scratch);
	tsdb_bytes_append(out, best.data, best.len);
}

/*
 * tsdb_times_decode - see codec.h.
 */
TsdbStatus
tsdb_times_decode(TsdbSpan src, int64_t *times, uint32_t n, int64_t base_us, const TsdbMem *scratch)
{
	return tsdb_times_decode_range(src, times, n, 0, n, base_us, scratch);
}

TsdbStatus
tsdb_times_decode_range(TsdbSpan src, int64_t *times, uint32_t n, uint32_t from, uint32_t until, int64_t base_us,
						const TsdbMem *scratch)
{
	uint8_t tag;
	int64_t first_units;
	uint64_t stride = 0;
	uint64_t first;
	uint64_t unit;
	bool ok = true;

	if (n == 0 || n > TSDB_MAX_VALUES || from > until || until > n)
		return n == 0 && tsdb_span_left(&src) == 0 ? TSDB_OK : TSDB_CORRUPT;
	if (!tsdb_span_read_u8(&src, &tag) || tag >> 3 >= NUNITS || !tsdb_span_read_zvarint(&src, &first_units))
		return TSDB_CORRUPT;
	if (n > 1 && (tag & 7) != TIMES_LIST && !tsdb_span_read_varint(&src, &stride))
		return TSDB_CORRUPT;
	if (n == 1 && (tag & 7) != TIMES_REGULAR)
		return TSDB_CORRUPT;

	unit = (uint64_t) unit_us[tag >> 3];
	first = (uint64_t) base_us + (uint64_t) first_units * unit;
	stride *= unit;
	switch (tag & 7)
	{
		case TIMES_REGULAR:
			if (!is_regular(first, stride, n) || tsdb_span_left(&src) > 0)
				return TSDB_CORRUPT;
			fill_regular(times + from, until - from, first + from * stride, stride);
			return TSDB_OK;
		case TIMES_BITMAP:
			ok = decode_bitmap(&src, times, n, first, stride);
			break;
		case TIMES_MISSING:
			ok = decode_missing(&src, times, n, first, stride, scratch);
			break;
		case TIMES_LIST:
			ok = decode_list(&src, times, n, first, unit);
			break;
		case TIMES_JITTER:
			ok = decode_jitter(&src, times, n, first, stride, unit);
			break;
		default:
			ok = false;
	}
	return ok && tsdb_span_left(&src) == 0 && is_ascending(times, n) ? TSDB_OK : TSDB_CORRUPT;
}

// private functions

/* Do n times with a stride ascend, without wrapping around? */
static bool
is_regular(uint64_t first, uint64_t stride, uint32_t n)
{
	int64_t length;
	int64_t last;

	return n == 1 || (stride > 0 && stride <= INT64_MAX && !__builtin_mul_overflow((int64_t) stride, (int64_t) n - 1, &length) &&
					  !__builtin_add_overflow((int64_t) first, length, &last));
}

/* Greatest common divisor of the differences, n > 1, last - first fits int64. */
static int64_t
common_divisor(const int64_t *times, uint32_t n)
{
	int64_t divisor = times[1] - times[0];

	for (uint32_t i = 2; i < n && divisor > 1; i++)
	{
		int64_t rest = times[i] - times[i - 1];

		if (rest == divisor)
			continue;
		while (rest != 0)
		{
			int64_t next = divisor % rest;

			divisor = rest;
			rest = next;
		}
	}
	return divisor;
}

/* The greatest unit that divides both. */
static uint32_t
find_unit(int64_t first, int64_t divisor)
{
	uint32_t unit = NUNITS - 1;

	while (first % unit_us[unit] != 0 || divisor % unit_us[unit] != 0)
		unit--;
	return unit;
}

/* stride 0 = none. */
static void
write_head(TsdbBytes *out, TimesMode mode, uint32_t unit, int64_t first, int64_t stride)
{
	tsdb_bytes_append_u8(out, (uint8_t) (mode | unit << 3));
	tsdb_bytes_append_zvarint(out, first);
	if (stride != 0)
		tsdb_bytes_append_varint(out, (uint64_t) stride);
}

/* A stride with gaps: a bitmap, or a list of the gaps, when there are not too many. */
static void
encode_grid(TsdbBytes *best, uint32_t unit, int64_t first, int64_t stride, const int64_t *times, uint32_t n, const TsdbMem *scratch)
{
	uint64_t last = (uint64_t) (times[n - 1] - times[0]) / (uint64_t) stride;
	uint32_t nslots;

	if (last >= (uint64_t) TSDB_MAX_VALUES * 64)
		return; /* not a grid */
	nslots = (uint32_t) last + 1;
	if ((nslots + 7) / 8 < best->len)
		encode_bitmap(best, unit, first, stride, times, n, nslots, scratch);
	/* Not more than half of the slots, and a missing one takes a bit at least. */
	if (nslots - n <= n && (nslots - n) / 8 < best->len)
		encode_missing(best, unit, first, stride, times, n, nslots - n, scratch);
}

static void
encode_bitmap(TsdbBytes *best, uint32_t unit, int64_t first, int64_t stride, const int64_t *times, uint32_t n, uint32_t nslots, const TsdbMem *scratch)
{
	uint8_t *bitmap;
	TsdbBytes trial;

	tsdb_bytes_init(&trial, scratch);
	write_head(&trial, TIMES_BITMAP, unit, first / unit_us[unit], stride / unit_us[unit]);
	tsdb_bytes_append_varint(&trial, nslots);
	bitmap = tsdb_bytes_reserve(&trial, (nslots + 7) / 8);
	memset(bitmap, 0, (nslots + 7) / 8);
	for (uint32_t i = 0; i < n; i++)
	{
		uint32_t slot = (uint32_t) ((times[i] - times[0]) / stride);

		bitmap[slot / 8] |= (uint8_t) (1 << slot % 8);
	}
	trial.len += (nslots + 7) / 8;
	keep_smaller(best, &trial);
}

static void
encode_missing(TsdbBytes *best, uint32_t unit, int64_t first, int64_t stride, const int64_t *times, uint32_t n, uint32_t nmissing, const TsdbMem *scratch)
{
	int64_t *missing = tsdb_mem_array(scratch, nmissing, sizeof(int64_t));
	uint32_t count = 0;
	int64_t place = 0;
	TsdbBytes trial;

	for (uint32_t i = 0; i < n; i++, place++)
		for (; place < (times[i] - times[0]) / stride; place++)
			missing[count++] = place;
	tsdb_bytes_init(&trial, scratch);
	write_head(&trial, TIMES_MISSING, unit, first / unit_us[unit], stride / unit_us[unit]);
	tsdb_bytes_append_varint(&trial, nmissing);
	tsdb_ipk_encode(&trial, missing, nmissing);
	keep_smaller(best, &trial);
}

static void
encode_list(TsdbBytes *best, uint32_t unit, int64_t first, const int64_t *times, uint32_t n, const TsdbMem *scratch)
{
	int64_t *deltas = tsdb_mem_array(scratch, n, sizeof(int64_t));
	TsdbBytes trial;

	for (uint32_t i = 1; i < n; i++)
		deltas[i - 1] = (int64_t) (((uint64_t) times[i] - (uint64_t) times[i - 1]) / (uint64_t) unit_us[unit] - 1);
	tsdb_bytes_init(&trial, scratch);
	write_head(&trial, TIMES_LIST, unit, first / unit_us[unit], 0);
	tsdb_ipk_encode(&trial, deltas, n - 1);
	keep_smaller(best, &trial);
}

/* Deviations from a straight line, by the median and by the mean of the differences. */
static void
encode_jitter(TsdbBytes *best, const int64_t *times, uint32_t n, int64_t base_us, const TsdbMem *scratch)
{
	int64_t *deviations = tsdb_mem_array(scratch, n, sizeof(int64_t));
	int64_t strides[2];

	strides[0] = median_delta(times, n, scratch);
	strides[1] = (times[n - 1] - times[0]) / (n - 1);
	for (int i = 0; i < 2; i++)
	{
		int64_t first = (int64_t) ((uint64_t) times[0] - (uint64_t) base_us);
		uint32_t unit = find_unit(first, strides[i]);
		TsdbBytes trial;

		if (i == 1 && strides[1] == strides[0])
			continue;
		for (uint32_t j = 0; j < n; j++)
		{
			deviations[j] = (int64_t) ((uint64_t) times[j] - (uint64_t) times[0] - j * (uint64_t) strides[i]);
			if (deviations[j] % unit_us[unit] != 0)
				unit = find_unit(deviations[j], unit_us[unit]);
		}
		for (uint32_t j = 0; j < n; j++)
			deviations[j] /= unit_us[unit];
		tsdb_bytes_init(&trial, scratch);
		write_head(&trial, TIMES_JITTER, unit, first / unit_us[unit], strides[i] / unit_us[unit]);
		tsdb_ipk_encode(&trial, deviations, n);
		keep_smaller(best, &trial);
	}
}

/* Of up to 64 evenly spread differences. */
static int64_t
median_delta(const int64_t *times, uint32_t n, const TsdbMem *scratch)
{
	uint32_t count = n - 1 < 64 ? n - 1 : 64;
	int64_t *sorted = tsdb_mem_array(scratch, count, sizeof(int64_t));

	for (uint32_t i = 0; i < count; i++)
	{
		uint32_t at = 1 + (uint32_t) ((uint64_t) i * (n - 1) / count);
		int64_t delta = times[at] - times[at - 1];
		uint32_t place = i;

		for (; place > 0 && sorted[place - 1] > delta; place--)
			sorted[place] = sorted[place - 1];
		sorted[place] = delta;
	}
	return sorted[count / 2];
}

static void
keep_smaller(TsdbBytes *best, const TsdbBytes *trial)
{
	if (best->len == 0 || trial->len < best->len)
		*best = *trial;
}

static bool
decode_bitmap(TsdbSpan *src, int64_t *times, uint32_t n, uint64_t first, uint64_t stride)
{
	uint64_t nslots;
	TsdbSpan bitmap;
	uint32_t count = 0;

	if (!tsdb_span_read_varint(src, &nslots) || nslots <= n || nslots > (uint64_t) tsdb_span_left(src) * 8 ||
		!tsdb_span_take(src, ((size_t) nslots + 7) / 8, &bitmap))
		return false;
	for (uint64_t byte = 0; byte < (nslots + 7) / 8; byte++)
		for (unsigned bits = bitmap.at[byte]; bits != 0; bits &= bits - 1)
		{
			uint64_t slot = byte * 8 + (uint64_t) __builtin_ctz(bits);

			if (count == n || slot >= nslots || (count == 0) != (slot == 0))
				return false;
			times[count++] = (int64_t) (first + slot * stride);
			if (count == n && slot != nslots - 1)
				return false;
		}
	return count == n;
}

static bool
decode_missing(TsdbSpan *src, int64_t *times, uint32_t n, uint64_t first, uint64_t stride, const TsdbMem *scratch)
{
	uint64_t nmissing;
	int64_t *missing;
	uint32_t count = 0;
	int64_t slot = 0;

	if (!tsdb_span_read_varint(src, &nmissing) || nmissing == 0 || nmissing > TSDB_MAX_VALUES)
		return false;
	missing = tsdb_mem_array(scratch, (size_t) nmissing, sizeof(int64_t));
	if (tsdb_ipk_decode(src, missing, (uint32_t) nmissing) != TSDB_OK || missing[0] == 0)
		return false;
	for (uint32_t i = 0; i < nmissing; i++, slot++)
	{
		if (missing[i] < slot || missing[i] - slot > (int64_t) (n - count))
			return false;
		for (; slot < missing[i]; slot++)
			times[count++] = (int64_t) (first + (uint64_t) slot * stride);
	}
	for (; count < n; slot++)
		times[count++] = (int64_t) (first + (uint64_t) slot * stride);
	return true;
}

static bool
decode_list(TsdbSpan *src, int64_t *times, uint32_t n, uint64_t first, uint64_t unit)
{
	uint64_t time = first;

	if (tsdb_ipk_decode(src, times + 1, n - 1) != TSDB_OK)
		return false;
	times[0] = (int64_t) first;
	for (uint32_t i = 1; i < n; i++)
	{
		time += ((uint64_t) times[i] + 1) * unit;
		times[i] = (int64_t) time;
	}
	return true;
}

static bool
decode_jitter(TsdbSpan *src, int64_t *times, uint32_t n, uint64_t first, uint64_t stride, uint64_t unit)
{
	if (tsdb_ipk_decode(src, times, n) != TSDB_OK)
		return false;
	for (uint32_t i = 0; i < n; i++)
		times[i] = (int64_t) (first + i * stride + (uint64_t) times[i] * unit);
	return true;
}

TSDB_CLONES static void
fill_regular(int64_t *times, uint32_t n, uint64_t first, uint64_t stride)
{
	for (uint32_t i = 0; i < n; i++)
		times[i] = (int64_t) (first + i * stride);
}

TSDB_CLONES static bool
is_ascending(const int64_t *times, uint32_t n)
{
	uint64_t falls = 0;

	for (uint32_t i = 1; i < n; i++)
		falls += times[i] <= times[i - 1];
	return falls == 0;
}
