/*-------------------------------------------------------------------------
 *
 * ipk_decode.c
 *	  Packed integers: bytes to int64, a miniblock at a time.
 *
 * The layout is described in ipk_encode.c.  Narrow arrays (nine of ten) are
 * decoded to int32 distances from the base, so that the consumers of dec.c
 * and fold.c run on eight lanes; the rest goes through 64-bit words.
 *
 * A step unpacks the low bits, adds quotients and patches, and turns
 * residuals into values; each pass works on one kilobyte in L1.
 *-------------------------------------------------------------------------
 */
#include "codec/codec_private.h"

/* The head of a miniblock, taken apart. */
typedef struct Miniblock
{
	uint32_t n;
	uint64_t offset; /* of orders 0 and 4 */
	uint32_t width;
	bool rice;
	uint32_t npatches;
	uint32_t patch_bytes;
	TsdbSpan bits;
	TsdbSpan positions;
	TsdbSpan highs;
	uint8_t quotients[TSDB_MINIBLOCK + TSDB_UNARY_ROOM];
} Miniblock;

static bool is_chained(const TsdbIpk *ipk);
static bool read_miniblock(TsdbIpk *ipk, Miniblock *miniblock);
static bool read_code(TsdbSpan *src, Miniblock *miniblock, bool *patched);
static bool read_quotients(TsdbSpan *src, Miniblock *miniblock);
static bool read_patches(TsdbSpan *src, Miniblock *miniblock);
static uint64_t patch_high(const Miniblock *miniblock, uint32_t i);
static void residuals_narrow(const Miniblock *miniblock, uint32_t *residuals);
static void add_quotients_narrow(uint32_t *residuals, const uint8_t *quotients, uint32_t width);
static void residuals_wide(const Miniblock *miniblock, uint64_t *residuals);
static void values_narrow(TsdbIpk *ipk, const Miniblock *miniblock, const uint32_t *residuals, int32_t *offsets);
static void add_offset_narrow(const uint32_t *residuals, uint32_t n, uint32_t offset, int32_t *offsets);
static void add_middle_narrow(const uint32_t *residuals, uint32_t n, uint32_t middle, int32_t *offsets);
static void values_wide(TsdbIpk *ipk, const Miniblock *miniblock, const uint64_t *residuals, int64_t *values);
static void zero_narrow(TsdbIpk *ipk, uint32_t n, int32_t *offsets);
static void add_base(const int32_t *offsets, uint64_t base, int64_t *values, uint32_t n);
static uint32_t codes_from_offsets(const int32_t *offsets, uint32_t base, uint16_t *codes, uint32_t n);

/*
 * tsdb_ipk_open - read the header of an array of n values, n > 0.
 */
TsdbStatus
tsdb_ipk_open(TsdbIpk *ipk, TsdbSpan src, uint32_t n)
{
	uint8_t head;
	int64_t slope = 0;

	if (!tsdb_span_read_u8(&src, &head) || !tsdb_span_read_zvarint(&src, &ipk->base))
		return TSDB_CORRUPT;
	ipk->order = head & TSDB_IPK_ORDER;
	ipk->narrow = (head & TSDB_IPK_NARROW) != 0;
	ipk->zero = (head & TSDB_IPK_ZERO) != 0;
	ipk->base_bytes = (head & 0x7f) >> TSDB_IPK_BASE_SHIFT;
	if (ipk->order != TSDB_IPK_OFFSETS && ipk->base_bytes > 0)
		return TSDB_CORRUPT;
	if (ipk->base_bytes >= TSDB_IPK_CENTRED_FIRST)
	{
		if (ipk->zero)
			return TSDB_CORRUPT;
		ipk->order = TSDB_IPK_CENTRED;
		ipk->base_bytes = (uint8_t) (ipk->base_bytes - TSDB_IPK_CENTRED_FIRST);
		if (ipk->base_bytes > TSDB_IPK_CENTRED_STEPS)
			ipk->base_bytes = (uint8_t) (2 * ipk->base_bytes - TSDB_IPK_CENTRED_STEPS);
	}
	else if (ipk->order >= TSDB_IPK_SLOPE && !tsdb_span_read_zvarint(&src, &slope))
		return TSDB_CORRUPT;

	/* The value before the first one, so that the first residual is 0. */
	ipk->delta = (uint64_t) slope;
	ipk->previous = 0 - (uint64_t) slope;
	ipk->started = false;
	ipk->left = n;
	ipk->src = src;
	return TSDB_OK;
}

/*
 * tsdb_ipk_next_narrow - the next miniblock of a narrow array.
 *
 *	offsets		256 distances from ipk->base; those past *n are rubbish
 */
TsdbStatus
tsdb_ipk_next_narrow(TsdbIpk *ipk, int32_t *offsets, uint32_t *n)
{
	*n = ipk->left < TSDB_MINIBLOCK ? ipk->left : TSDB_MINIBLOCK;
	if (ipk->zero)
		zero_narrow(ipk, *n, offsets);
	else
	{
		Miniblock miniblock;
		uint32_t residuals[TSDB_MINIBLOCK];

		miniblock.n = *n;
		if (!read_miniblock(ipk, &miniblock) || miniblock.width > 32)
			return TSDB_CORRUPT;
		residuals_narrow(&miniblock, residuals);
		if (!ipk->started && is_chained(ipk) && residuals[0] != 0)
			return TSDB_CORRUPT;
		values_narrow(ipk, &miniblock, residuals, offsets);
	}
	ipk->started = true;
	ipk->left -= *n;
	return TSDB_OK;
}

/*
 * tsdb_ipk_next - the next miniblock of any array.
 *
 *	values		room for 256; those past *n are left as they were
 */
TsdbStatus
tsdb_ipk_next(TsdbIpk *ipk, int64_t *values, uint32_t *n)
{
	if (ipk->narrow)
	{
		int32_t offsets[TSDB_MINIBLOCK];

		if (tsdb_ipk_next_narrow(ipk, offsets, n) != TSDB_OK)
			return TSDB_CORRUPT;
		add_base(offsets, (uint64_t) ipk->base, values, *n);
	}
	else
	{
		Miniblock miniblock;
		uint64_t residuals[TSDB_MINIBLOCK];

		*n = ipk->left < TSDB_MINIBLOCK ? ipk->left : TSDB_MINIBLOCK;
		miniblock.n = *n;
		miniblock.offset = 0;
		if (ipk->zero)
			memset(residuals, 0, sizeof(residuals));
		else if (!read_miniblock(ipk, &miniblock))
			return TSDB_CORRUPT;
		else
			residuals_wide(&miniblock, residuals);
		if (!ipk->started && is_chained(ipk) && residuals[0] != 0)
			return TSDB_CORRUPT;
		values_wide(ipk, &miniblock, residuals, values);
		ipk->started = true;
		ipk->left -= *n;
	}
	return TSDB_OK;
}

/*
 * tsdb_ipk_decode - a whole array of n values, n > 0; moves src past it.
 */
TsdbStatus
tsdb_ipk_decode(TsdbSpan *src, int64_t *values, uint32_t n)
{
	TsdbIpk ipk;

	if (tsdb_ipk_open(&ipk, *src, n) != TSDB_OK)
		return TSDB_CORRUPT;
	while (ipk.left > 0)
	{
		uint32_t m;

		if (tsdb_ipk_next(&ipk, values, &m) != TSDB_OK)
			return TSDB_CORRUPT;
		values += m;
	}
	*src = ipk.src;
	return TSDB_OK;
}

/*
 * tsdb_ipk_decode_codes - like decode, for values that must be 0 .. limit - 1.
 *
 *	limit	at most 65536
 */
TsdbStatus
tsdb_ipk_decode_codes(TsdbSpan *src, uint16_t *codes, uint32_t n, uint32_t limit)
{
	TsdbIpk ipk;

	if (tsdb_ipk_open(&ipk, *src, n) != TSDB_OK || !ipk.narrow ||
		ipk.base < 0 || ipk.base >= (int64_t) limit)
		return TSDB_CORRUPT;
	while (ipk.left > 0)
	{
		int32_t offsets[TSDB_MINIBLOCK];
		uint32_t m;

		if (tsdb_ipk_next_narrow(&ipk, offsets, &m) != TSDB_OK ||
			codes_from_offsets(offsets, (uint32_t) ipk.base, codes, m) >= limit)
			return TSDB_CORRUPT;
		codes += m;
	}
	*src = ipk.src;
	return TSDB_OK;
}

// private functions

/* Whether residuals are differences of neighbours; then the first one is 0. */
static bool
is_chained(const TsdbIpk *ipk)
{
	return ipk->order != TSDB_IPK_OFFSETS && ipk->order != TSDB_IPK_CENTRED;
}

/* Cut one miniblock out of the source; its n is set by the caller. */
static bool
read_miniblock(TsdbIpk *ipk, Miniblock *miniblock)
{
	TsdbSpan src = ipk->src;
	bool patched;

	miniblock->offset = 0;
	miniblock->npatches = 0;
	if (!tsdb_span_read(&src, &miniblock->offset, ipk->base_bytes) ||
		!read_code(&src, miniblock, &patched) ||
		!tsdb_span_take(&src, ((size_t) miniblock->n * miniblock->width + 7) / 8, &miniblock->bits))
		return false;
	if (miniblock->rice && !read_quotients(&src, miniblock))
		return false;
	if (patched && !read_patches(&src, miniblock))
		return false;
	ipk->src = src;
	return true;
}

static bool
read_code(TsdbSpan *src, Miniblock *miniblock, bool *patched)
{
	uint8_t code;

	if (!tsdb_span_read_u8(src, &code))
		return false;
	miniblock->rice = code >= TSDB_IPK_CODE_RICE;
	*patched = false;
	if (code >= TSDB_IPK_CODE_RICE_PATCHED)
	{
		*patched = true;
		miniblock->width = code - TSDB_IPK_CODE_RICE_PATCHED;
		return miniblock->width <= TSDB_RICE_MAX_WIDTH;
	}
	if (miniblock->rice)
	{
		miniblock->width = code - TSDB_IPK_CODE_RICE;
		return true;
	}
	if (code >= TSDB_IPK_CODE_PATCHED)
	{
		*patched = true;
		miniblock->width = code - TSDB_IPK_CODE_PATCHED;
		return miniblock->width < 64;
	}
	miniblock->width = code;
	return true;
}

static bool
read_quotients(TsdbSpan *src, Miniblock *miniblock)
{
	uint64_t extra;
	TsdbSpan unary;

	return tsdb_span_read_varint(src, &extra) &&
		   extra <= TSDB_MINIBLOCK * (TSDB_RICE_MAX_QUOTIENT + 1) &&
		   tsdb_span_take(src, (miniblock->n + 7) / 8 + (size_t) extra, &unary) &&
		   tsdb_unary_unpack(unary, miniblock->quotients, miniblock->n);
}

/* Positions must ascend and be inside the miniblock. */
static bool
read_patches(TsdbSpan *src, Miniblock *miniblock)
{
	uint8_t count;
	uint8_t patch_bytes;

	if (!tsdb_span_read_u8(src, &count) || !tsdb_span_read_u8(src, &patch_bytes) ||
		count == 0 || patch_bytes == 0 || patch_bytes > 8 ||
		!tsdb_span_take(src, count, &miniblock->positions) ||
		!tsdb_span_take(src, (size_t) count * patch_bytes, &miniblock->highs))
		return false;
	for (uint32_t i = 1; i < count; i++)
		if (miniblock->positions.at[i] <= miniblock->positions.at[i - 1])
			return false;
	miniblock->npatches = count;
	miniblock->patch_bytes = patch_bytes;
	return miniblock->positions.at[count - 1] < miniblock->n;
}

static uint64_t
patch_high(const Miniblock *miniblock, uint32_t i)
{
	const uint8_t *at = miniblock->highs.at + (size_t) i * miniblock->patch_bytes;
	uint64_t high = 0;

	/* One load where it stays inside, and the bytes of the next patches are cut off. */
	if (miniblock->highs.end - at >= 8)
	{
		memcpy(&high, at, 8);
		high &= ~UINT64_C(0) >> (64 - 8 * miniblock->patch_bytes);
	}
	else
		memcpy(&high, at, miniblock->patch_bytes);
	return high;
}

/* Residuals modulo 2^32, width <= 32. */
static void
residuals_narrow(const Miniblock *miniblock, uint32_t *residuals)
{
	if (miniblock->n == TSDB_MINIBLOCK)
		tsdb_lanes_unpack(miniblock->bits.at, residuals, miniblock->width);
	else
	{
		uint8_t padded[TSDB_MINIBLOCK * 4 + 8];
		size_t nbytes = tsdb_span_left(&miniblock->bits);

		memcpy(padded, miniblock->bits.at, nbytes);
		memset(padded + nbytes, 0, 8);
		tsdb_bitstring_unpack_narrow(padded, residuals, miniblock->n, miniblock->width);
	}
	/* Of the quotients past n nothing is used. */
	if (miniblock->rice && miniblock->n == TSDB_MINIBLOCK && miniblock->width < 32)
		add_quotients_narrow(residuals, miniblock->quotients, miniblock->width);
	else if (miniblock->rice && miniblock->width < 32)
		for (uint32_t i = 0; i < miniblock->n; i++)
			residuals[i] |= (uint32_t) miniblock->quotients[i] << miniblock->width;
	if (miniblock->width < 32)
		for (uint32_t i = 0; i < miniblock->npatches; i++)
			residuals[miniblock->positions.at[i]] |= (uint32_t) patch_high(miniblock, i) << miniblock->width;
}

TSDB_CLONES static void
add_quotients_narrow(uint32_t *residuals, const uint8_t *quotients, uint32_t width)
{
	for (uint32_t i = 0; i < TSDB_MINIBLOCK; i++)
		residuals[i] |= (uint32_t) quotients[i] << width;
}

/* Residuals modulo 2^64, any width. */
static void
residuals_wide(const Miniblock *miniblock, uint64_t *residuals)
{
	uint32_t width = miniblock->width;

	if (miniblock->n == TSDB_MINIBLOCK)
	{
		uint32_t low[TSDB_MINIBLOCK];
		uint32_t high[TSDB_MINIBLOCK];

		tsdb_lanes_unpack(miniblock->bits.at, low, width < 32 ? width : 32);
		if (width > 32)
			tsdb_lanes_unpack(miniblock->bits.at + sizeof(low), high, width - 32);
		else
			memset(high, 0, sizeof(high));
		for (uint32_t i = 0; i < TSDB_MINIBLOCK; i++)
			residuals[i] = (uint64_t) high[i] << 32 | low[i];
	}
	else
	{
		uint8_t padded[TSDB_MINIBLOCK * 8 + 8];
		size_t nbytes = tsdb_span_left(&miniblock->bits);

		memcpy(padded, miniblock->bits.at, nbytes);
		memset(padded + nbytes, 0, 8);
		tsdb_bitstring_unpack(padded, residuals, miniblock->n, width);
	}
	if (miniblock->rice)
		for (uint32_t i = 0; i < miniblock->n; i++)
			residuals[i] |= (uint64_t) miniblock->quotients[i] << width;
	for (uint32_t i = 0; i < miniblock->npatches; i++)
		residuals[miniblock->positions.at[i]] |= patch_high(miniblock, i) << width;
}

static void
values_narrow(TsdbIpk *ipk, const Miniblock *miniblock, const uint32_t *residuals, int32_t *offsets)
{
	uint32_t previous = (uint32_t) ipk->previous;
	uint32_t delta = (uint32_t) ipk->delta;

	if (ipk->order == TSDB_IPK_OFFSETS)
	{
		add_offset_narrow(residuals, miniblock->n, (uint32_t) miniblock->offset, offsets);
		return;
	}
	if (ipk->order == TSDB_IPK_CENTRED)
	{
		add_middle_narrow(residuals, miniblock->n, (uint32_t) miniblock->offset, offsets);
		return;
	}
	if (ipk->order == TSDB_IPK_SECOND)
	{
		previous = tsdb_sum_seconds(residuals, miniblock->n, previous, &delta, offsets);
		ipk->delta = delta;
	}
	else
		previous = tsdb_sum_deltas(residuals, miniblock->n, previous, delta, offsets);
	ipk->previous = previous;
}

TSDB_CLONES static void
add_offset_narrow(const uint32_t *residuals, uint32_t n, uint32_t offset, int32_t *offsets)
{
	for (uint32_t i = 0; i < n; i++)
		offsets[i] = (int32_t) (residuals[i] + offset);
}

TSDB_CLONES static void
add_middle_narrow(const uint32_t *residuals, uint32_t n, uint32_t middle, int32_t *offsets)
{
	for (uint32_t i = 0; i < n; i++)
		offsets[i] = (int32_t) (middle + ((residuals[i] >> 1) ^ -(residuals[i] & 1)));
}

static void
values_wide(TsdbIpk *ipk, const Miniblock *miniblock, const uint64_t *residuals, int64_t *values)
{
	uint64_t previous = ipk->previous;
	uint64_t delta = ipk->delta;
	uint64_t base = (uint64_t) ipk->base;

	for (uint32_t i = 0; i < miniblock->n; i++)
	{
		uint64_t change = (residuals[i] >> 1) ^ -(residuals[i] & 1);

		if (ipk->order == TSDB_IPK_OFFSETS)
			previous = miniblock->offset + residuals[i];
		else if (ipk->order == TSDB_IPK_CENTRED)
			previous = miniblock->offset + change;
		else if (ipk->order == TSDB_IPK_SECOND)
		{
			delta += change;
			previous += delta;
		}
		else
			previous += delta + change;
		values[i] = (int64_t) (base + previous);
	}
	ipk->previous = previous;
	ipk->delta = delta;
}

/* A constant, or a straight line through the base. */
static void
zero_narrow(TsdbIpk *ipk, uint32_t n, int32_t *offsets)
{
	uint32_t previous = (uint32_t) ipk->previous;
	uint32_t delta = ipk->order == TSDB_IPK_OFFSETS ? 0 : (uint32_t) ipk->delta;

	for (uint32_t i = 0; i < TSDB_MINIBLOCK; i++)
		offsets[i] = (int32_t) (previous + (i + 1) * delta);
	ipk->previous = previous + n * delta;
}

TSDB_CLONES static void
add_base(const int32_t *offsets, uint64_t base, int64_t *values, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++)
		values[i] = (int64_t) (base + (uint64_t) (int64_t) offsets[i]);
}

/* Returns the greatest code as an unsigned number. */
TSDB_CLONES static uint32_t
codes_from_offsets(const int32_t *offsets, uint32_t base, uint16_t *codes, uint32_t n)
{
	uint32_t greatest = 0;

	for (uint32_t i = 0; i < n; i++)
	{
		uint32_t code = (uint32_t) offsets[i] + base;

		greatest = code > greatest ? code : greatest;
		codes[i] = (uint16_t) code;
	}
	return greatest;
}
