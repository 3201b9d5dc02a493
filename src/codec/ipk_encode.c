/*-------------------------------------------------------------------------
 *
 * ipk_encode.c
 *	  Packed integers: n int64 to bytes.  The layout, and how it is chosen.
 *
 * Header
 *	  h			u8		bits 0-1 order, bit 2 narrow, bits 3-6 base_bytes (order 0:
 *						0 .. 8; order 4: 9 .. 15 for 0 1 2 3 4 6 8, order field 0; else 0),
 *						bit 7 zero
 *	  base		zvarint	orders 0 and 4: the minimum; else the first value
 *	  slope		zvarint	orders 2 and 3 only
 *
 * Residuals, unsigned, by order:
 *	  0	offsets		x[i] - minimum of its miniblock
 *	  1	deltas		zigzag(x[i] - x[i-1])
 *	  2	slope		zigzag(x[i] - x[i-1] - slope)
 *	  3	second		zigzag(x[i] - 2 x[i-1] + x[i-2]), slope = x[1] - x[0]
 *	  4	centred		zigzag(x[i] - a middle value of its miniblock): white noise
 * The first residual of orders 1-3 is 0, the second of order 3 too.  narrow:
 * max - min < 2^31 - 1, and all arithmetic on x - base is modulo 2^32 (zigzag
 * of an int32); else it is modulo 2^64.  zero: all residuals are 0 and nothing
 * follows (a constant, a straight line).
 *
 * Miniblocks of 256 values, the last one of what remains:
 *	  offset	base_bytes bytes of minimum (order 4: middle) - base, orders 0 and 4
 *	  code		u8		width w and kind:
 *						0 .. 64 plain, 65 .. 128 with patches (w = code - 65),
 *						130 .. 191 Rice (w = code - 130),
 *						192 .. 253 Rice with patches (w = code - 192)
 *	  bits		the low w bits.  A full miniblock: lanes.c, 32 w bytes; w > 32:
 *				256 low words (1024 bytes), then lanes of the high w - 32.
 *				Else a plain bit string of ceil(m * w / 8) bytes.
 *	  unary		Rice: varint length - ceil(m / 8), then length bytes of
 *				quotients (bitstring.c), each residual >> w, at most 12
 *	  patches	count u8 (1 .. 255), hb u8 (1 .. 8), count positions u8 ascending,
 *				count times hb bytes of residual >> w; such a quotient is 0
 *
 * Against the study this is built on: the code byte says whether there are
 * patches, an array without residuals has no miniblocks, a short miniblock
 * wastes no lanes, the unary length is relative; together they make arrays
 * of 1 .. 40 values cheap.  Order 4 is new: deltas of white noise cost half a
 * bit more than the noise itself.
 *-------------------------------------------------------------------------
 */
#include "codec/codec_private.h"

#define NSAMPLES 15 /* values whose median is the slope, or the middle of a miniblock */
#define MAX_WIDTH 64
#define SAMPLE_ALL 6 /* the order of an array of fewer miniblocks is chosen from all of them */
#define SAMPLE_STEP 3 /* else from every third */

/* How the whole array is written. */
typedef struct ArrayPlan
{
	TsdbIpkOrder order;
	bool narrow;
	uint8_t base_bytes;
	int64_t base;
	int64_t slope;
	bool zero; /* nothing but the header is needed */
	uint64_t bits; /* estimated cost */
} ArrayPlan;

/* How one miniblock is written. */
typedef struct MiniblockPlan
{
	bool rice;
	uint32_t width;
	uint32_t npatches;
	uint32_t patch_bytes;
	uint32_t bytes; /* cost of the whole */
} MiniblockPlan;

static void plan_array(ArrayPlan *plan, const int64_t *values, uint32_t n);
static void consider_order(ArrayPlan *plan, const int64_t *values, uint32_t n, TsdbIpkOrder order, int64_t base, int64_t slope);
static bool has_offsets(TsdbIpkOrder order);
static uint8_t offset_bytes(const ArrayPlan *plan, const int64_t *values, uint32_t n);
static bool is_zero(const ArrayPlan *plan, const int64_t *values, uint32_t n);
static uint32_t zvarint_length(int64_t value);
static uint32_t varint_length(uint64_t value);
static int64_t sample_slope(const int64_t *values, uint32_t n);
static int64_t sample_middle(const int64_t *values, uint32_t n);
static void sort_into(int64_t *sorted, uint32_t count, int64_t value);
static void find_range(const int64_t *values, uint32_t n, int64_t *min, int64_t *max);
static void write_header(TsdbBytes *out, const ArrayPlan *plan);
static uint64_t miniblock_origin(const ArrayPlan *plan, const int64_t *values, uint32_t n);
static uint64_t make_residuals(const ArrayPlan *plan, const int64_t *values, uint32_t start, uint32_t n, uint64_t *residuals);
static void residuals_offsets(const int64_t *values, uint32_t n, uint64_t min, uint64_t *residuals);
static void residuals_centred(const int64_t *values, uint32_t n, uint64_t middle, bool narrow, uint64_t *residuals);
static void residuals_deltas(const int64_t *values, uint32_t n, uint64_t slope, bool narrow, uint64_t *residuals);
static void residuals_second(const int64_t *values, uint32_t n, bool narrow, uint64_t *residuals);
static TSDB_INLINE uint32_t bit_length(uint64_t value);
static uint64_t sum_of_lengths(const uint64_t *residuals, uint32_t n);
static uint64_t sum_of_lengths_narrow(const uint64_t *residuals, uint32_t n);
static void plan_miniblock(MiniblockPlan *plan, const uint64_t *residuals, uint32_t n);
static void count_lengths(const uint64_t *residuals, uint32_t n, uint32_t *histogram);
static void consider_rice(MiniblockPlan *plan, const uint64_t *residuals, uint32_t n, uint32_t width, uint32_t widest);
static void sum_quotients(const uint64_t *residuals, uint32_t n, uint32_t width, uint32_t *sum, uint32_t *excess);
static uint32_t patch_cost(uint32_t npatches, uint32_t patch_bytes);
static void write_miniblock(TsdbBytes *out, const MiniblockPlan *plan, const uint64_t *residuals, uint32_t n);
static uint8_t *write_bits(uint8_t *to, const uint64_t *residuals, uint32_t n, uint32_t width);
static uint8_t *write_unary(uint8_t *to, const uint64_t *residuals, uint32_t n, uint32_t width);
static uint8_t *write_patches(uint8_t *to, const MiniblockPlan *plan, const uint64_t *residuals, uint32_t n);

/*
 * tsdb_ipk_encode - append n packed integers; n = 0 appends nothing.
 *
 * Every int64 is allowed.
 */
void
tsdb_ipk_encode(TsdbBytes *out, const int64_t *values, uint32_t n)
{
	ArrayPlan plan;

	if (n == 0)
		return;
	plan_array(&plan, values, n);
	write_header(out, &plan);
	if (plan.zero)
		return;

	for (uint32_t start = 0; start < n; start += TSDB_MINIBLOCK)
	{
		uint32_t m = n - start < TSDB_MINIBLOCK ? n - start : TSDB_MINIBLOCK;
		uint64_t residuals[TSDB_MINIBLOCK];
		MiniblockPlan miniblock;
		uint64_t offset;

		offset = make_residuals(&plan, values, start, m, residuals);
		tsdb_bytes_append(out, &offset, plan.base_bytes);
		plan_miniblock(&miniblock, residuals, m);
		write_miniblock(out, &miniblock, residuals, m);
	}
}

// private functions

/* Choose the order with the fewest bits. */
static void
plan_array(ArrayPlan *plan, const int64_t *values, uint32_t n)
{
	int64_t min;
	int64_t max;
	int64_t slope;

	find_range(values, n, &min, &max);
	plan->order = TSDB_IPK_OFFSETS;
	plan->narrow = (uint64_t) max - (uint64_t) min < INT32_MAX;
	plan->base = min;
	plan->base_bytes = 0;
	plan->slope = 0;
	plan->zero = min == max;
	plan->bits = UINT64_MAX;
	if (plan->zero)
		return;

	consider_order(plan, values, n, TSDB_IPK_OFFSETS, min, 0);
	consider_order(plan, values, n, TSDB_IPK_CENTRED, min, 0);
	consider_order(plan, values, n, TSDB_IPK_DELTAS, values[0], 0);
	slope = sample_slope(values, n);
	if (slope != 0)
		consider_order(plan, values, n, TSDB_IPK_SLOPE, values[0], slope);
	if (n > 2)
		consider_order(plan, values, n, TSDB_IPK_SECOND, values[0], (int64_t) ((uint64_t) values[1] - (uint64_t) values[0]));
	if (has_offsets(plan->order))
		plan->base_bytes = offset_bytes(plan, values, n);
	else
		plan->zero = is_zero(plan, values, n);
}

/* Take an order when a sample of it needs fewer bits, header included, than the best so far. */
static void
consider_order(ArrayPlan *plan, const int64_t *values, uint32_t n, TsdbIpkOrder order, int64_t base, int64_t slope)
{
	const uint32_t nminiblocks = (n + TSDB_MINIBLOCK - 1) / TSDB_MINIBLOCK;
	const uint32_t step = nminiblocks < SAMPLE_ALL ? 1 : SAMPLE_STEP;
	ArrayPlan trial = *plan;
	uint64_t residuals[TSDB_MINIBLOCK];
	uint64_t header_bytes;

	trial.order = order;
	trial.base = base;
	trial.slope = slope;
	header_bytes = zvarint_length(base);
	if (has_offsets(order))
		header_bytes += (uint64_t) offset_bytes(&trial, values, n) * nminiblocks;
	else if (order != TSDB_IPK_DELTAS)
		header_bytes += zvarint_length(slope);
	trial.bits = header_bytes * 8 / step;

	for (uint32_t start = 0; start < n && trial.bits < plan->bits; start += step * TSDB_MINIBLOCK)
	{
		uint32_t m = n - start < TSDB_MINIBLOCK ? n - start : TSDB_MINIBLOCK;

		(void) make_residuals(&trial, values, start, m, residuals);
		trial.bits += plan->narrow ? sum_of_lengths_narrow(residuals, m) : sum_of_lengths(residuals, m);
	}
	if (trial.bits < plan->bits)
		*plan = trial;
}

/* Whether miniblocks start with a distance from the base. */
static bool
has_offsets(TsdbIpkOrder order)
{
	return order == TSDB_IPK_OFFSETS || order == TSDB_IPK_CENTRED;
}

/* Bytes of the greatest distance of a miniblock from the base. */
static uint8_t
offset_bytes(const ArrayPlan *plan, const int64_t *values, uint32_t n)
{
	uint64_t widest = 0;
	uint8_t nbytes = 0;

	for (uint32_t start = 0; start < n; start += TSDB_MINIBLOCK)
		widest |= miniblock_origin(plan, values + start, n - start < TSDB_MINIBLOCK ? n - start : TSDB_MINIBLOCK) - (uint64_t) plan->base;
	for (; widest > 0; widest >>= 8)
		nbytes++;
	if (plan->order == TSDB_IPK_CENTRED && nbytes > TSDB_IPK_CENTRED_STEPS)
		nbytes = (uint8_t) ((nbytes + 1) / 2 * 2);
	return nbytes;
}

/* Whether no residual is left, so that the header is all. */
static bool
is_zero(const ArrayPlan *plan, const int64_t *values, uint32_t n)
{
	for (uint32_t start = 0; start < n; start += TSDB_MINIBLOCK)
	{
		uint32_t m = n - start < TSDB_MINIBLOCK ? n - start : TSDB_MINIBLOCK;
		uint64_t residuals[TSDB_MINIBLOCK];

		(void) make_residuals(plan, values, start, m, residuals);
		for (uint32_t i = 0; i < m; i++)
			if (residuals[i] != 0)
				return false;
	}
	return true;
}

static uint32_t
zvarint_length(int64_t value)
{
	return varint_length((uint64_t) value << 1 ^ (uint64_t) (value >> 63));
}

static uint32_t
varint_length(uint64_t value)
{
	uint32_t length = 1;

	for (; value >= 0x80; value >>= 7)
		length++;
	return length;
}

/* Median of some evenly spread deltas. */
static int64_t
sample_slope(const int64_t *values, uint32_t n)
{
	int64_t sorted[NSAMPLES] = {0};
	uint32_t count = n - 1 < NSAMPLES ? n - 1 : NSAMPLES;

	for (uint32_t i = 0; i < count; i++)
	{
		uint32_t at = 1 + (uint32_t) ((uint64_t) i * (n - 1) / count);

		sort_into(sorted, i, (int64_t) ((uint64_t) values[at] - (uint64_t) values[at - 1]));
	}
	return sorted[count / 2];
}

/* Median of some evenly spread values. */
static int64_t
sample_middle(const int64_t *values, uint32_t n)
{
	int64_t sorted[NSAMPLES] = {0};
	uint32_t count = n < NSAMPLES ? n : NSAMPLES;

	for (uint32_t i = 0; i < count; i++)
		sort_into(sorted, i, values[(uint64_t) i * n / count]);
	return sorted[count / 2];
}

/* Insert one more value into a sorted array. */
static void
sort_into(int64_t *sorted, uint32_t count, int64_t value)
{
	uint32_t place = count;

	for (; place > 0 && sorted[place - 1] > value; place--)
		sorted[place] = sorted[place - 1];
	sorted[place] = value;
}

TSDB_CLONES static void
find_range(const int64_t *values, uint32_t n, int64_t *min, int64_t *max)
{
	int64_t low = values[0];
	int64_t high = values[0];

	for (uint32_t i = 1; i < n; i++)
	{
		low = values[i] < low ? values[i] : low;
		high = values[i] > high ? values[i] : high;
	}
	*min = low;
	*max = high;
}

static void
write_header(TsdbBytes *out, const ArrayPlan *plan)
{
	uint32_t order = plan->order;
	uint32_t base_bytes = plan->base_bytes;

	if (plan->order == TSDB_IPK_CENTRED)
	{
		order = TSDB_IPK_OFFSETS;
		if (base_bytes > TSDB_IPK_CENTRED_STEPS)
			base_bytes = (base_bytes + TSDB_IPK_CENTRED_STEPS) / 2;
		base_bytes += TSDB_IPK_CENTRED_FIRST;
	}
	tsdb_bytes_append_u8(out, (uint8_t) (order | (plan->narrow ? TSDB_IPK_NARROW : 0) |
										 base_bytes << TSDB_IPK_BASE_SHIFT | (plan->zero ? TSDB_IPK_ZERO : 0)));
	tsdb_bytes_append_zvarint(out, plan->base);
	if (order >= TSDB_IPK_SLOPE)
		tsdb_bytes_append_zvarint(out, plan->slope);
}

/* Minimum or middle of a miniblock, by the order. */
static uint64_t
miniblock_origin(const ArrayPlan *plan, const int64_t *values, uint32_t n)
{
	int64_t min;
	int64_t max;

	if (plan->order == TSDB_IPK_CENTRED)
		return (uint64_t) sample_middle(values, n);
	find_range(values, n, &min, &max);
	return (uint64_t) min;
}

/*
 * Residuals of values[start .. start + n - 1].  Returns the distance of the
 * miniblock's minimum or middle from the base for orders 0 and 4, else 0.
 */
static uint64_t
make_residuals(const ArrayPlan *plan, const int64_t *values, uint32_t start, uint32_t n, uint64_t *residuals)
{
	const int64_t *at = values + start;

	if (has_offsets(plan->order))
	{
		uint64_t origin = miniblock_origin(plan, at, n);

		if (plan->order == TSDB_IPK_OFFSETS)
			residuals_offsets(at, n, origin, residuals);
		else
			residuals_centred(at, n, origin, plan->narrow, residuals);
		return origin - (uint64_t) plan->base;
	}
	if (plan->order == TSDB_IPK_SECOND)
	{
		uint32_t head = start == 0 ? (n < 2 ? n : 2) : 0;

		residuals[0] = residuals[1] = 0;
		residuals_second(at + head, n - head, plan->narrow, residuals + head);
	}
	else
	{
		uint32_t head = start == 0;

		residuals[0] = 0;
		residuals_deltas(at + head, n - head, (uint64_t) plan->slope, plan->narrow, residuals + head);
	}
	return 0;
}

TSDB_CLONES static void
residuals_offsets(const int64_t *values, uint32_t n, uint64_t min, uint64_t *residuals)
{
	for (uint32_t i = 0; i < n; i++)
		residuals[i] = (uint64_t) values[i] - min;
}

/* zigzag(values[i] - middle). */
TSDB_CLONES static void
residuals_centred(const int64_t *values, uint32_t n, uint64_t middle, bool narrow, uint64_t *residuals)
{
	for (uint32_t i = 0; i < n; i++)
	{
		uint64_t delta = (uint64_t) values[i] - middle;
		uint32_t low = (uint32_t) delta;

		residuals[i] = narrow ? ((low << 1) ^ (uint32_t) ((int32_t) low >> 31)) : ((delta << 1) ^ -(delta >> 63));
	}
}

/*
 * zigzag(values[i] - values[i-1] - slope).  Narrow ones are zigzags of the low
 * 32 bits as an int32; a wider intermediate can't be cut after the zigzag.
 */
TSDB_CLONES static void
residuals_deltas(const int64_t *values, uint32_t n, uint64_t slope, bool narrow, uint64_t *residuals)
{
	if (narrow)
	{
		for (uint32_t i = 0; i < n; i++)
		{
			uint32_t delta = (uint32_t) ((uint64_t) values[i] - (uint64_t) (values - 1)[i] - slope);

			residuals[i] = (delta << 1) ^ (uint32_t) ((int32_t) delta >> 31);
		}
	}
	else
	{
		for (uint32_t i = 0; i < n; i++)
		{
			uint64_t delta = (uint64_t) values[i] - (uint64_t) (values - 1)[i] - slope;

			residuals[i] = (delta << 1) ^ -(delta >> 63);
		}
	}
}

/* zigzag(values[i] - 2 values[i-1] + values[i-2]). */
TSDB_CLONES static void
residuals_second(const int64_t *values, uint32_t n, bool narrow, uint64_t *residuals)
{
	for (uint32_t i = 0; i < n; i++)
	{
		uint64_t delta = (uint64_t) values[i] - 2 * (uint64_t) (values - 1)[i] + (uint64_t) (values - 2)[i];
		uint32_t low = (uint32_t) delta;

		residuals[i] = narrow ? ((low << 1) ^ (uint32_t) ((int32_t) low >> 31)) : ((delta << 1) ^ -(delta >> 63));
	}
}

static TSDB_INLINE uint32_t
bit_length(uint64_t value)
{
	return value == 0 ? 0 : 64 - (uint32_t) __builtin_clzll(value);
}

static uint64_t
sum_of_lengths(const uint64_t *residuals, uint32_t n)
{
	uint64_t sum = 0;

	for (uint32_t i = 0; i < n; i++)
		sum += bit_length(residuals[i]);
	return sum;
}

/*
 * The same of residuals below 2^32, for vectors: the exponent of a float is
 * the length.  The bit below the first one is cleared, so that nothing is
 * rounded up to the next power of two.
 */
TSDB_CLONES static uint64_t
sum_of_lengths_narrow(const uint64_t *residuals, uint32_t n)
{
	uint32_t sum = 0;

	for (uint32_t i = 0; i < n; i++)
	{
		uint32_t half = (uint32_t) residuals[i] >> 1;
		float number = (float) (int32_t) (half & ~(half >> 1));
		uint32_t bits;
		uint32_t exponent;

		memcpy(&bits, &number, 4);
		exponent = bits >> 23;
		sum += (exponent > 126 ? exponent - 126 : 0) + (residuals[i] != 0);
	}
	return sum;
}

/* The cheapest of every plain width and of the Rice widths around the median length. */
static void
plan_miniblock(MiniblockPlan *plan, const uint64_t *residuals, uint32_t n)
{
	uint32_t histogram[MAX_WIDTH + 1];
	uint32_t widest = MAX_WIDTH;
	uint32_t longer = 0;
	uint32_t median = 0;

	count_lengths(residuals, n, histogram);
	while (histogram[widest] == 0)
		widest--; /* some length has a count: n > 0 */

	plan->rice = false;
	plan->width = widest;
	plan->npatches = 0;
	plan->patch_bytes = 0;
	plan->bytes = (n * widest + 7) / 8;
	for (uint32_t width = widest; width-- > 0;)
	{
		uint32_t patch_bytes = (widest - width + 7) / 8;
		uint32_t bytes;

		longer += histogram[width + 1];
		if (longer <= n / 2)
			median = width;
		if (longer > UINT8_MAX || longer * 2 > n)
			break;
		bytes = (n * width + 7) / 8 + patch_cost(longer, patch_bytes);
		if (bytes < plan->bytes)
		{
			plan->width = width;
			plan->npatches = longer;
			plan->patch_bytes = patch_bytes;
			plan->bytes = bytes;
		}
	}
	for (uint32_t width = median > 3 ? median - 3 : 0; width <= median + 1 && width <= TSDB_RICE_MAX_WIDTH; width++)
		consider_rice(plan, residuals, n, width, widest);
}

/* Four tables, so that equal neighbours do not wait for each other. */
static void
count_lengths(const uint64_t *residuals, uint32_t n, uint32_t *histogram)
{
	uint32_t counts[4][MAX_WIDTH + 1];
	uint32_t i;

	memset(counts, 0, sizeof(counts));
	for (i = 0; i + 4 <= n; i += 4)
	{
		counts[0][bit_length(residuals[i])]++;
		counts[1][bit_length(residuals[i + 1])]++;
		counts[2][bit_length(residuals[i + 2])]++;
		counts[3][bit_length(residuals[i + 3])]++;
	}
	for (; i < n; i++)
		counts[0][bit_length(residuals[i])]++;
	for (uint32_t length = 0; length <= MAX_WIDTH; length++)
		histogram[length] = counts[0][length] + counts[1][length] + counts[2][length] + counts[3][length];
}

static void
consider_rice(MiniblockPlan *plan, const uint64_t *residuals, uint32_t n, uint32_t width, uint32_t widest)
{
	uint32_t sum;
	uint32_t excess;
	uint32_t patch_bytes = widest > width ? (widest - width + 7) / 8 : 0;
	uint32_t unary;
	uint32_t bytes;

	sum_quotients(residuals, n, width, &sum, &excess);
	if (excess > UINT8_MAX)
		return;
	unary = (n + sum + 7) / 8;
	bytes = (n * width + 7) / 8 + varint_length(unary - (n + 7) / 8) + unary + patch_cost(excess, patch_bytes);
	if (bytes < plan->bytes)
	{
		plan->rice = true;
		plan->width = width;
		plan->npatches = excess;
		plan->patch_bytes = patch_bytes;
		plan->bytes = bytes;
	}
}

/* Sum of the quotients that Rice writes, and how many are too great for it. */
TSDB_CLONES static void
sum_quotients(const uint64_t *residuals, uint32_t n, uint32_t width, uint32_t *sum, uint32_t *excess)
{
	uint64_t total = 0;
	uint64_t greater = 0;

	for (uint32_t i = 0; i < n; i++)
	{
		uint64_t quotient = residuals[i] >> width;
		uint64_t fits = quotient <= TSDB_RICE_MAX_QUOTIENT;

		total += quotient & -fits;
		greater += 1 - fits;
	}
	*sum = (uint32_t) total;
	*excess = (uint32_t) greater;
}

static uint32_t
patch_cost(uint32_t npatches, uint32_t patch_bytes)
{
	return npatches == 0 ? 0 : 2 + npatches * (1 + patch_bytes);
}

static void
write_miniblock(TsdbBytes *out, const MiniblockPlan *plan, const uint64_t *residuals, uint32_t n)
{
	uint8_t *start = tsdb_bytes_reserve(out, 1 + 10 + plan->bytes + 32);
	uint8_t *to = start;

	if (plan->rice)
		*to++ = (uint8_t) (plan->width + (plan->npatches > 0 ? TSDB_IPK_CODE_RICE_PATCHED : TSDB_IPK_CODE_RICE));
	else
		*to++ = (uint8_t) (plan->width + (plan->npatches > 0 ? TSDB_IPK_CODE_PATCHED : TSDB_IPK_CODE_PLAIN));
	to = write_bits(to, residuals, n, plan->width);
	if (plan->rice)
		to = write_unary(to, residuals, n, plan->width);
	if (plan->npatches > 0)
		to = write_patches(to, plan, residuals, n);
	out->len += (size_t) (to - start);
}

/* The low bits of all residuals; returns the end. */
static uint8_t *
write_bits(uint8_t *to, const uint64_t *residuals, uint32_t n, uint32_t width)
{
	uint32_t words[TSDB_MINIBLOCK];

	if (n < TSDB_MINIBLOCK)
	{
		tsdb_bitstring_pack(to, residuals, n, width);
		return to + (n * width + 7) / 8;
	}
	for (uint32_t i = 0; i < TSDB_MINIBLOCK; i++)
		words[i] = (uint32_t) residuals[i];
	if (width > 32)
	{
		memcpy(to, words, sizeof(words));
		for (uint32_t i = 0; i < TSDB_MINIBLOCK; i++)
			words[i] = (uint32_t) (residuals[i] >> 32);
		tsdb_lanes_pack(to + sizeof(words), words, width - 32);
	}
	else
		tsdb_lanes_pack(to, words, width);
	return to + TSDB_MINIBLOCK / 8 * width;
}

/* The quotients; returns the end. */
static uint8_t *
write_unary(uint8_t *to, const uint64_t *residuals, uint32_t n, uint32_t width)
{
	uint8_t quotients[TSDB_MINIBLOCK];
	uint32_t sum = 0;
	uint32_t extra;

	for (uint32_t i = 0; i < n; i++)
	{
		uint64_t quotient = residuals[i] >> width;

		quotients[i] = quotient <= TSDB_RICE_MAX_QUOTIENT ? (uint8_t) quotient : 0;
		sum += quotients[i];
	}
	extra = (n + sum + 7) / 8 - (n + 7) / 8;
	for (; extra >= 0x80; extra >>= 7)
		*to++ = (uint8_t) (extra | 0x80);
	*to++ = (uint8_t) extra;
	return to + tsdb_unary_pack(to, quotients, n);
}

/* What the low bits and the quotients leave out; returns the end. */
static uint8_t *
write_patches(uint8_t *to, const MiniblockPlan *plan, const uint64_t *residuals, uint32_t n)
{
	uint64_t most = plan->rice ? TSDB_RICE_MAX_QUOTIENT : 0;
	uint8_t *highs;

	*to++ = (uint8_t) plan->npatches;
	*to++ = (uint8_t) plan->patch_bytes;
	highs = to + plan->npatches;
	for (uint32_t i = 0; i < n; i++)
	{
		uint64_t high = residuals[i] >> plan->width;

		if (high <= most)
			continue;
		*to++ = (uint8_t) i;
		memcpy(highs, &high, plan->patch_bytes);
		highs += plan->patch_bytes;
	}
	return highs;
}
