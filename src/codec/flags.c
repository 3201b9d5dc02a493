/*-------------------------------------------------------------------------
 *
 * flags.c
 *	  n small states 0 .. 3: presence of cells, kinds of rows.
 *
 * Chunk
 *	  tag	u8	mode in bits 0-2, state a in bits 3-4, state b in bits 5-6
 *	  rest	by mode:
 *		0 EQUAL		nothing: all are a (b = 0)
 *		1 BITMAP	ceil(n / 8) bytes, bit i = 1 where b, else a
 *		2 LIST		count varint (1 .. n - 1), IPK(count, ascending) of the places of b, else a
 *		3 PAIRS		ceil(n / 4) bytes, two bits each, lowest first (a = b = 0)
 *		4 RUNS		count varint (2 .. n), IPK(count) of run length - 1,
 *					IPK(count) of the states (a = b = 0)
 * Spare bits are zero.  The smallest wins.
 *-------------------------------------------------------------------------
 */
#include "codec/codec_private.h"

typedef enum FlagsMode
{
	FLAGS_EQUAL = 0,
	FLAGS_BITMAP = 1,
	FLAGS_LIST = 2,
	FLAGS_PAIRS = 3,
	FLAGS_RUNS = 4
} FlagsMode;

#define NSTATES 4

static void append_tag(TsdbBytes *out, FlagsMode mode, uint32_t a, uint32_t b);
static void encode_bits(TsdbBytes *out, const uint8_t *flags, uint32_t n, uint32_t a, uint32_t b);
static void encode_pairs(TsdbBytes *out, const uint8_t *flags, uint32_t n);
static void encode_list(TsdbBytes *out, const uint8_t *flags, uint32_t n, uint32_t a, uint32_t b, const TsdbMem *scratch);
static void encode_runs(TsdbBytes *out, const uint8_t *flags, uint32_t n, uint32_t nruns, const TsdbMem *scratch);
static bool decode_bits(TsdbSpan *src, uint8_t *flags, uint32_t n, uint8_t a, uint8_t b);
static bool decode_pairs(TsdbSpan *src, uint8_t *flags, uint32_t n);
static bool decode_list(TsdbSpan *src, uint8_t *flags, uint32_t n, uint8_t a, uint8_t b, const TsdbMem *scratch);
static bool decode_runs(TsdbSpan *src, uint8_t *flags, uint32_t n, const TsdbMem *scratch);

/*
 * tsdb_flags_encode - see codec.h; of a flag only the low two bits count.
 */
void
tsdb_flags_encode(TsdbBytes *out, const uint8_t *flags, uint32_t n, const TsdbMem *scratch)
{
	uint32_t counts[NSTATES] = {0};
	uint32_t nruns = 1;
	uint32_t most = 0;
	uint32_t other = 0;
	TsdbBytes list;
	TsdbBytes runs;

	if (n == 0)
		return;
	for (uint32_t i = 0; i < n; i++)
	{
		counts[flags[i] & 3]++;
		nruns += i > 0 && flags[i] != flags[i - 1];
	}
	for (uint32_t state = 1; state < NSTATES; state++)
		most = counts[state] > counts[most] ? state : most;
	if (counts[most] == n)
	{
		append_tag(out, FLAGS_EQUAL, most, 0);
		return;
	}
	while (other == most || counts[other] == 0)
		other++;

	tsdb_bytes_init(&runs, scratch);
	encode_runs(&runs, flags, n, nruns, scratch);
	if (counts[most] + counts[other] < n)
	{
		if (runs.len < 1 + (n + 3) / 4)
			tsdb_bytes_append(out, runs.data, runs.len);
		else
			encode_pairs(out, flags, n);
		return;
	}
	tsdb_bytes_init(&list, scratch);
	encode_list(&list, flags, n, most, other, scratch);
	if (1 + (n + 7) / 8 <= list.len && 1 + (n + 7) / 8 <= runs.len)
		encode_bits(out, flags, n, most, other);
	else if (list.len <= runs.len)
		tsdb_bytes_append(out, list.data, list.len);
	else
		tsdb_bytes_append(out, runs.data, runs.len);
}

/*
 * tsdb_flags_decode - see codec.h.
 */
TsdbStatus
tsdb_flags_decode(TsdbSpan src, uint8_t *flags, uint32_t n, const TsdbMem *scratch)
{
	uint8_t tag;
	uint8_t a;
	uint8_t b;
	bool ok = true;

	if (n == 0 || n > TSDB_MAX_VALUES)
		return n == 0 && tsdb_span_left(&src) == 0 ? TSDB_OK : TSDB_CORRUPT;
	if (!tsdb_span_read_u8(&src, &tag) || tag > 0x7f)
		return TSDB_CORRUPT;
	a = tag >> 3 & 3;
	b = tag >> 5 & 3;
	switch (tag & 7)
	{
		case FLAGS_EQUAL:
			memset(flags, a, n);
			break;
		case FLAGS_BITMAP:
			ok = decode_bits(&src, flags, n, a, b);
			break;
		case FLAGS_LIST:
			ok = decode_list(&src, flags, n, a, b, scratch);
			break;
		case FLAGS_PAIRS:
			ok = decode_pairs(&src, flags, n);
			break;
		case FLAGS_RUNS:
			ok = decode_runs(&src, flags, n, scratch);
			break;
		default:
			ok = false;
	}
	return ok && tsdb_span_left(&src) == 0 ? TSDB_OK : TSDB_CORRUPT;
}

// private functions

static void
append_tag(TsdbBytes *out, FlagsMode mode, uint32_t a, uint32_t b)
{
	tsdb_bytes_append_u8(out, (uint8_t) (mode | a << 3 | b << 5));
}

static void
encode_bits(TsdbBytes *out, const uint8_t *flags, uint32_t n, uint32_t a, uint32_t b)
{
	uint8_t *to;

	append_tag(out, FLAGS_BITMAP, a, b);
	to = tsdb_bytes_reserve(out, (n + 7) / 8);
	memset(to, 0, (n + 7) / 8);
	for (uint32_t i = 0; i < n; i++)
		to[i / 8] |= (uint8_t) (((flags[i] & 3) == b) << i % 8);
	out->len += (n + 7) / 8;
}

static void
encode_pairs(TsdbBytes *out, const uint8_t *flags, uint32_t n)
{
	uint8_t *to;

	append_tag(out, FLAGS_PAIRS, 0, 0);
	to = tsdb_bytes_reserve(out, (n + 3) / 4);
	memset(to, 0, (n + 3) / 4);
	for (uint32_t i = 0; i < n; i++)
		to[i / 4] |= (uint8_t) ((flags[i] & 3) << i % 4 * 2);
	out->len += (n + 3) / 4;
}

static void
encode_list(TsdbBytes *out, const uint8_t *flags, uint32_t n, uint32_t a, uint32_t b, const TsdbMem *scratch)
{
	int64_t *places = tsdb_mem_array(scratch, n, sizeof(int64_t));
	uint32_t count = 0;

	for (uint32_t i = 0; i < n; i++)
		if ((flags[i] & 3) == b)
			places[count++] = i;
	append_tag(out, FLAGS_LIST, a, b);
	tsdb_bytes_append_varint(out, count);
	tsdb_ipk_encode(out, places, count);
}

static void
encode_runs(TsdbBytes *out, const uint8_t *flags, uint32_t n, uint32_t nruns, const TsdbMem *scratch)
{
	int64_t *lengths = tsdb_mem_array(scratch, nruns, sizeof(int64_t));
	int64_t *states = tsdb_mem_array(scratch, nruns, sizeof(int64_t));
	uint32_t run = 0;

	lengths[0] = 0;
	states[0] = flags[0] & 3;
	for (uint32_t i = 1; i < n; i++)
	{
		if (flags[i] != flags[i - 1])
		{
			run++;
			lengths[run] = 0;
			states[run] = flags[i] & 3;
		}
		else
			lengths[run]++;
	}
	append_tag(out, FLAGS_RUNS, 0, 0);
	tsdb_bytes_append_varint(out, nruns);
	tsdb_ipk_encode(out, lengths, nruns);
	tsdb_ipk_encode(out, states, nruns);
}

static bool
decode_bits(TsdbSpan *src, uint8_t *flags, uint32_t n, uint8_t a, uint8_t b)
{
	TsdbSpan bits;

	if (!tsdb_span_take(src, (n + 7) / 8, &bits) || (n % 8 > 0 && bits.end[-1] >> n % 8 != 0))
		return false;
	for (uint32_t i = 0; i < n; i++)
		flags[i] = bits.at[i / 8] >> i % 8 & 1 ? b : a;
	return true;
}

static bool
decode_pairs(TsdbSpan *src, uint8_t *flags, uint32_t n)
{
	TsdbSpan pairs;

	if (!tsdb_span_take(src, (n + 3) / 4, &pairs) || (n % 4 > 0 && pairs.end[-1] >> n % 4 * 2 != 0))
		return false;
	for (uint32_t i = 0; i < n; i++)
		flags[i] = pairs.at[i / 4] >> i % 4 * 2 & 3;
	return true;
}

static bool
decode_list(TsdbSpan *src, uint8_t *flags, uint32_t n, uint8_t a, uint8_t b, const TsdbMem *scratch)
{
	uint64_t count;
	uint16_t *places;

	if (!tsdb_span_read_varint(src, &count) || count == 0 || count >= n)
		return false;
	places = tsdb_mem_array(scratch, (size_t) count, sizeof(uint16_t));
	if (tsdb_ipk_decode_codes(src, places, (uint32_t) count, n) != TSDB_OK)
		return false;
	memset(flags, a, n);
	for (uint32_t i = 0; i < count; i++)
	{
		if (i > 0 && places[i] <= places[i - 1])
			return false;
		flags[places[i]] = b;
	}
	return true;
}

static bool
decode_runs(TsdbSpan *src, uint8_t *flags, uint32_t n, const TsdbMem *scratch)
{
	uint64_t count;
	uint16_t *lengths;
	uint16_t *states;
	uint32_t at = 0;

	if (!tsdb_span_read_varint(src, &count) || count < 2 || count > n)
		return false;
	lengths = tsdb_mem_array(scratch, (size_t) count, sizeof(uint16_t));
	states = tsdb_mem_array(scratch, (size_t) count, sizeof(uint16_t));
	if (tsdb_ipk_decode_codes(src, lengths, (uint32_t) count, n) != TSDB_OK ||
		tsdb_ipk_decode_codes(src, states, (uint32_t) count, NSTATES) != TSDB_OK)
		return false;
	for (uint32_t run = 0; run < count; run++)
	{
		if (lengths[run] >= n - at)
			return false;
		memset(flags + at, states[run], (size_t) lengths[run] + 1);
		at += (uint32_t) lengths[run] + 1;
	}
	return at == n;
}
