/*-------------------------------------------------------------------------
 *
 * dec.c
 *	  DEC: floats that were printed with few decimals, as integers.
 *
 * v = (double) i / 10^k, float4: rounded to float once more.  For a value that
 * was read from a decimal with at most 15 digits this is exact: integer and
 * power are exact, and the division is correctly rounded.
 *
 * Body, after the tag:
 *	  k			tag parameter 0 .. 22; or parameter 31 or 30, with exceptions:
 *				k u8, e varint (31: 1 .. n - 1; 30: 1 .. n), positions IPK(e, ascending),
 *				31: chunk(e values; DEC is not allowed in it)
 *				30: IPK(e) of distances, not 0: keys less those of i / 10^k
 *	  integers	IPK(n), |i| < 2^51; of a value beside a decimal that one's; at another exception the
 *				last one before it, before the first one that one
 *
 * Decimals that somebody has calculated with are off by a few units of the last bit, 36.806999999999995:
 * the distance takes a bit or two, where the value takes eight bytes.
 *
 * The exceptions stand before the integers, so that a fold can leave them out
 * while it reads.
 *-------------------------------------------------------------------------
 */
#include "codec/codec_private.h"

#define HAS_EXCEPTIONS 31 /* as tag parameters */
#define HAS_NEIGHBOURS 30
#define MAX_DISTANCE 64 /* units of the last bit: a value so far from a decimal lies beside it */
#define MAX_NEIGHBOUR (INT64_C(1) << 42) /* above, decimals lie so close that every value is beside one */
#define NPROBES 64 /* exceptions, of which an eighth has to lie beside decimals */
#define GOOD 0 /* of a value, in an array beside it */
#define EXCEPTION 1
#define NEIGHBOUR 2 /* an exception that lies beside a decimal */
#define NSAMPLES 64
#define LIMIT TSDB_DEC_LIMIT

const double tsdb_power_of_ten[TSDB_MAX_DECIMALS + 1] = {
	1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11,
	1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};

/* What stands before the integers. */
typedef struct DecHead
{
	uint32_t decimals;
	uint32_t nexceptions;
	int64_t *positions;
	uint64_t *words; /* of the exceptions, or NULL */
	int64_t *distances; /* of the exceptions, or NULL */
} DecHead;

static TSDB_INLINE uint64_t word8(double value);
static TSDB_INLINE uint64_t word4(double value);
static TSDB_INLINE bool is_in_range(int64_t integer);
static uint32_t find_integers(TsdbType type, const uint64_t *words, uint32_t n, double scale, int64_t *integers, uint8_t *bad);
static uint32_t find_integers8(const uint64_t *words, uint32_t n, double scale, int64_t *integers, uint8_t *bad);
static uint32_t find_integers4(const uint64_t *words, uint32_t n, double scale, int64_t *integers, uint8_t *bad);
static uint32_t find_neighbours(TsdbType type, const uint64_t *words, uint32_t n, uint32_t decimals, const int64_t *integers,
								uint8_t *bad);
static void write_neighbours(TsdbBytes *out, TsdbType type, const uint64_t *words, uint32_t n, uint32_t decimals,
							 const int64_t *integers, const uint8_t *bad, uint32_t nexceptions, const TsdbMem *scratch);
static int64_t distance(TsdbType type, uint64_t word, int64_t integer, uint32_t decimals);
static bool move_words(TsdbType type, uint64_t *words, const DecHead *head);
static void fill_exceptions(int64_t *integers, const uint8_t *bad, uint32_t n);
static void write_exceptions(TsdbBytes *out, TsdbType type, const uint64_t *words, uint32_t n, const uint8_t *bad,
							 uint32_t nexceptions, unsigned mask, const TsdbMem *scratch);
static bool read_head(TsdbSpan *src, uint8_t tag, TsdbType type, uint32_t n, unsigned mask, DecHead *head, const TsdbMem *scratch);
static TsdbStatus decode_integers(TsdbSpan *src, TsdbType type, double scale, uint64_t *words, uint32_t n, uint32_t from, uint32_t until);
static void words8_from_offsets(const int32_t *offsets, int64_t base, double scale, uint64_t *words, uint32_t n);
static void words4_from_offsets(const int32_t *offsets, int64_t base, double scale, uint64_t *words, uint32_t n);
static void words_from_integers(TsdbType type, const int64_t *integers, double scale, uint64_t *words, uint32_t n);

/*
 * tsdb_dec_encode - append a whole chunk, tag included.
 *
 * Returns false, with nothing appended, when more than half of the values are neither decimals nor beside one.
 */
bool
tsdb_dec_encode(TsdbBytes *out, TsdbType type, const uint64_t *words, uint32_t n, uint32_t decimals,
				unsigned mask, const TsdbMem *scratch)
{
	int64_t *integers = tsdb_mem_array(scratch, n, sizeof(int64_t));
	uint8_t *bad = tsdb_mem_array(scratch, n, 1);
	uint32_t nexceptions;
	uint32_t nneighbours = 0;

	nexceptions = find_integers(type, words, n, tsdb_power_of_ten[decimals], integers, bad);
	if (nexceptions > 0)
		nneighbours = find_neighbours(type, words, n, decimals, integers, bad);
	if (nexceptions - nneighbours > n / 2)
		return false;
	if (nexceptions == 0)
		tsdb_bytes_append_u8(out, TSDB_TAG(TSDB_CODEC_DEC, decimals));
	else if (nneighbours > nexceptions / 2)
	{
		fill_exceptions(integers, bad, n);
		tsdb_bytes_append_u8(out, TSDB_TAG(TSDB_CODEC_DEC, HAS_NEIGHBOURS));
		tsdb_bytes_append_u8(out, (uint8_t) decimals);
		write_neighbours(out, type, words, n, decimals, integers, bad, nexceptions, scratch);
	}
	else if (nexceptions > n / 2)
		return false;
	else
	{
		for (uint32_t i = 0; i < n; i++)
			bad[i] = bad[i] != GOOD ? EXCEPTION : GOOD;
		tsdb_bytes_append_u8(out, TSDB_TAG(TSDB_CODEC_DEC, HAS_EXCEPTIONS));
		tsdb_bytes_append_u8(out, (uint8_t) decimals);
		write_exceptions(out, type, words, n, bad, nexceptions, mask, scratch);
		fill_exceptions(integers, bad, n);
	}
	tsdb_ipk_encode(out, integers, n);
	return true;
}

/*
 * tsdb_dec_decode - the body of a chunk into n words.
 */
TsdbStatus
tsdb_dec_decode(TsdbSpan *src, uint8_t tag, TsdbType type, uint64_t *words, uint32_t n,
				unsigned mask, const TsdbMem *scratch)
{
	DecHead head;

	if (!read_head(src, tag, type, n, mask, &head, scratch) ||
		decode_integers(src, type, tsdb_power_of_ten[head.decimals], words, n, 0, n) != TSDB_OK)
		return TSDB_CORRUPT;
	if (head.distances != NULL)
		return move_words(type, words, &head) ? TSDB_OK : TSDB_CORRUPT;
	for (uint32_t i = 0; i < head.nexceptions; i++)
		words[head.positions[i]] = head.words[i];
	return TSDB_OK;
}

/*
 * tsdb_dec_decode_range - at least words from .. until - 1 of n of a chunk without exceptions.
 */
TsdbStatus
tsdb_dec_decode_range(TsdbSpan *src, uint8_t tag, TsdbType type, uint64_t *words, uint32_t n, uint32_t from, uint32_t until)
{
	uint32_t decimals = TSDB_TAG_PARAMETER(tag);

	if (!tsdb_type_is_float(type) || decimals > TSDB_MAX_DECIMALS)
		return TSDB_CORRUPT;
	return decode_integers(src, type, tsdb_power_of_ten[decimals], words, n, from, until);
}

/*
 * tsdb_dec_fold - the body of a float8 chunk into a running fold.
 *
 * The division is monotone: least and greatest value are those of the integers.
 */
TsdbStatus
tsdb_dec_fold(TsdbSpan *src, uint8_t tag, uint32_t n, unsigned mask, TsdbFoldState *state, const TsdbMem *scratch)
{
	DecHead head;
	TsdbRange range;
	double min;
	double max;

	if (tag == TSDB_TAG(TSDB_CODEC_DEC, HAS_NEIGHBOURS))
	{
		uint64_t *words = tsdb_mem_array(scratch, n, sizeof(uint64_t));

		if (tsdb_dec_decode(src, tag, state->type, words, n, mask, scratch) != TSDB_OK)
			return TSDB_CORRUPT;
		tsdb_fold_add_words(state, words, n);
		return TSDB_OK;
	}
	if (!read_head(src, tag, state->type, n, mask, &head, scratch) ||
		tsdb_ipk_range(src, n, head.positions, head.nexceptions, &range) != TSDB_OK)
		return TSDB_CORRUPT;
	if (!is_in_range(range.min) || !is_in_range(range.max))
		return TSDB_CORRUPT;
	min = tsdb_double_from_word(state->type, tsdb_dec_word(state->type, range.min, head.decimals));
	max = tsdb_double_from_word(state->type, tsdb_dec_word(state->type, range.max, head.decimals));
	tsdb_fold_add_decimals(state, min, max, range.sum, tsdb_power_of_ten[head.decimals], n - head.nexceptions);
	tsdb_fold_add_words(state, head.words, head.nexceptions);
	return TSDB_OK;
}

/*
 * tsdb_dec_decode_integers - a chunk, tag included, into its n integers, not divided yet.
 *
 * Returns false when it is another codec's, has exceptions, or is damaged; src then stays.
 */
bool
tsdb_dec_decode_integers(TsdbSpan *src, uint32_t *decimals, int64_t *integers, uint32_t n)
{
	TsdbSpan rest = *src;
	uint8_t tag;

	if (!tsdb_span_read_u8(&rest, &tag) || TSDB_TAG_CODEC(tag) != TSDB_CODEC_DEC ||
		TSDB_TAG_PARAMETER(tag) > TSDB_MAX_DECIMALS || tsdb_ipk_decode(&rest, integers, n) != TSDB_OK)
		return false;
	for (uint32_t i = 0; i < n; i++)
		if (!is_in_range(integers[i]))
			return false;
	*decimals = TSDB_TAG_PARAMETER(tag);
	*src = rest;
	return true;
}

/*
 * tsdb_dec_integer - the integer of one word, or false when it has none with so many decimals.
 */
bool
tsdb_dec_integer(TsdbType type, uint64_t word, uint32_t decimals, int64_t *integer)
{
	uint8_t bad;

	return find_integers(type, &word, 1, tsdb_power_of_ten[decimals], integer, &bad) == 0;
}

/*
 * tsdb_dec_word - the word of one integer.
 */
uint64_t
tsdb_dec_word(TsdbType type, int64_t integer, uint32_t decimals)
{
	double value = tsdb_integer_to_double(integer) / tsdb_power_of_ten[decimals];

	return type == TSDB_TYPE_FLOAT4 ? word4(value) : word8(value);
}

/*
 * tsdb_dec_candidates - the numbers of decimals that are worth trying.
 *
 *	candidates	most promising first, TSDB_NO_DECIMALS = none
 *
 * From up to 64 evenly spread values: the least k that is enough for 97 % of
 * those that have any, and the least that is enough for half of them.
 */
void
tsdb_dec_candidates(TsdbType type, const uint64_t *words, uint32_t n, uint8_t candidates[2])
{
	uint32_t enough_for[TSDB_MAX_DECIMALS + 1] = {0};
	uint32_t count = n < NSAMPLES ? n : NSAMPLES;
	uint32_t decimal = 0;
	uint32_t covered = 0;

	for (uint32_t i = 0; i < count; i++)
	{
		uint64_t word = words[(uint64_t) i * n / count];
		uint32_t k = 0;
		int64_t integer;

		while (k <= TSDB_MAX_DECIMALS && !tsdb_dec_integer(type, word, k, &integer))
			k++;
		if (k <= TSDB_MAX_DECIMALS)
		{
			enough_for[k]++;
			decimal++;
		}
	}
	candidates[0] = candidates[1] = TSDB_NO_DECIMALS;
	if (decimal * 8 < count || decimal == 0)
		return;
	for (uint32_t k = 0; k <= TSDB_MAX_DECIMALS && candidates[0] == TSDB_NO_DECIMALS; k++)
	{
		covered += enough_for[k];
		if (covered * 2 >= decimal && candidates[1] == TSDB_NO_DECIMALS)
			candidates[1] = (uint8_t) k;
		if (covered * 100 >= decimal * 97)
			candidates[0] = (uint8_t) k;
	}
	if (candidates[1] == candidates[0])
		candidates[1] = TSDB_NO_DECIMALS;
}

// private functions

static TSDB_INLINE uint64_t
word8(double value)
{
	uint64_t word;

	memcpy(&word, &value, 8);
	return word;
}

static TSDB_INLINE uint64_t
word4(double value)
{
	float narrow = (float) value;
	uint32_t word;

	memcpy(&word, &narrow, 4);
	return word;
}

static TSDB_INLINE bool
is_in_range(int64_t integer)
{
	return (uint64_t) integer + (uint64_t) LIMIT - 1 < 2 * (uint64_t) LIMIT - 1;
}

/* Integers of all words; bad[i] = EXCEPTION where there is none.  Returns how many are bad. */
static uint32_t
find_integers(TsdbType type, const uint64_t *words, uint32_t n, double scale, int64_t *integers, uint8_t *bad)
{
	if (type == TSDB_TYPE_FLOAT4)
		return find_integers4(words, n, scale, integers, bad);
	return find_integers8(words, n, scale, integers, bad);
}

TSDB_CLONES static uint32_t
find_integers8(const uint64_t *words, uint32_t n, double scale, int64_t *integers, uint8_t *bad)
{
	uint64_t nbad = 0;

	for (uint32_t i = 0; i < n; i++)
	{
		double value;
		int64_t integer;
		uint64_t is_bad;

		memcpy(&value, &words[i], 8);
		integer = tsdb_round_to_integer(value * scale);
		is_bad = (uint64_t) !is_in_range(integer) | (word8(tsdb_integer_to_double(integer) / scale) != words[i]);
		integers[i] = integer;
		bad[i] = (uint8_t) is_bad;
		nbad += is_bad;
	}
	return (uint32_t) nbad;
}

TSDB_CLONES static uint32_t
find_integers4(const uint64_t *words, uint32_t n, double scale, int64_t *integers, uint8_t *bad)
{
	uint64_t nbad = 0;

	for (uint32_t i = 0; i < n; i++)
	{
		double value = tsdb_double_from_word(TSDB_TYPE_FLOAT4, words[i]);
		int64_t integer = tsdb_round_to_integer(value * scale);
		uint64_t is_bad;

		is_bad = (uint64_t) !is_in_range(integer) | (word4(tsdb_integer_to_double(integer) / scale) != (uint32_t) words[i]);
		integers[i] = integer;
		bad[i] = (uint8_t) is_bad;
		nbad += is_bad;
	}
	return (uint32_t) nbad;
}

/* Which of the bad ones lie beside the decimal of their integer, and how many; 0 as soon as it does not seem to pay. */
static uint32_t
find_neighbours(TsdbType type, const uint64_t *words, uint32_t n, uint32_t decimals, const int64_t *integers, uint8_t *bad)
{
	uint32_t count = 0;
	uint32_t seen = 0;

	for (uint32_t i = 0; i < n; i++)
	{
		int64_t d;

		if (bad[i] == GOOD)
			continue;
		if (++seen == NPROBES && count < NPROBES / 8)
			return 0;
		if (integers[i] <= -MAX_NEIGHBOUR || integers[i] >= MAX_NEIGHBOUR)
			continue;
		d = distance(type, words[i], integers[i], decimals);
		if (d < -MAX_DISTANCE || d > MAX_DISTANCE)
			continue;
		bad[i] = NEIGHBOUR;
		count++;
	}
	return count;
}

/* From the decimal to the word, in units of the last bit. */
static int64_t
distance(TsdbType type, uint64_t word, int64_t integer, uint32_t decimals)
{
	return (int64_t) ((uint64_t) tsdb_key_from_word(type, word) -
					  (uint64_t) tsdb_key_from_word(type, tsdb_dec_word(type, integer, decimals)));
}

static void
write_neighbours(TsdbBytes *out, TsdbType type, const uint64_t *words, uint32_t n, uint32_t decimals,
				 const int64_t *integers, const uint8_t *bad, uint32_t nexceptions, const TsdbMem *scratch)
{
	int64_t *positions = tsdb_mem_array(scratch, nexceptions, sizeof(int64_t));
	int64_t *distances = tsdb_mem_array(scratch, nexceptions, sizeof(int64_t));
	uint32_t count = 0;

	for (uint32_t i = 0; i < n; i++)
		if (bad[i] != GOOD)
		{
			positions[count] = i;
			distances[count++] = distance(type, words[i], integers[i], decimals);
		}
	tsdb_bytes_append_varint(out, nexceptions);
	tsdb_ipk_encode(out, positions, nexceptions);
	tsdb_ipk_encode(out, distances, nexceptions);
}

/* Decimals to the words that lie beside them; false when one lands where its type has no value. */
static bool
move_words(TsdbType type, uint64_t *words, const DecHead *head)
{
	for (uint32_t i = 0; i < head->nexceptions; i++)
	{
		uint64_t *word = &words[head->positions[i]];
		int64_t key = (int64_t) ((uint64_t) tsdb_key_from_word(type, *word) + (uint64_t) head->distances[i]);

		if (head->distances[i] == 0 || (type == TSDB_TYPE_FLOAT4 && (key < INT32_MIN || key > INT32_MAX)))
			return false;
		*word = tsdb_word_from_key(type, key);
	}
	return true;
}

/* Repeat the last integer that counts, so that the differences stay small; one does. */
static void
fill_exceptions(int64_t *integers, const uint8_t *bad, uint32_t n)
{
	uint32_t first = 0;

	while (bad[first] == EXCEPTION)
		first++;
	for (uint32_t i = 0; i < first; i++)
		integers[i] = integers[first];
	for (uint32_t i = first + 1; i < n; i++)
		if (bad[i] == EXCEPTION)
			integers[i] = integers[i - 1];
}

static void
write_exceptions(TsdbBytes *out, TsdbType type, const uint64_t *words, uint32_t n, const uint8_t *bad,
				 uint32_t nexceptions, unsigned mask, const TsdbMem *scratch)
{
	int64_t *positions = tsdb_mem_array(scratch, nexceptions, sizeof(int64_t));
	uint64_t *exceptions = tsdb_mem_array(scratch, nexceptions, sizeof(uint64_t));
	uint32_t count = 0;

	for (uint32_t i = 0; i < n; i++)
		if (bad[i])
		{
			positions[count] = i;
			exceptions[count++] = words[i];
		}
	tsdb_bytes_append_varint(out, nexceptions);
	tsdb_ipk_encode(out, positions, nexceptions);
	tsdb_chunk_encode(out, type, exceptions, nexceptions, mask & TSDB_MASK_EXCEPTIONS, scratch);
}

static bool
read_head(TsdbSpan *src, uint8_t tag, TsdbType type, uint32_t n, unsigned mask, DecHead *head, const TsdbMem *scratch)
{
	bool has_neighbours;
	uint8_t decimals;
	uint64_t count;

	head->decimals = TSDB_TAG_PARAMETER(tag);
	head->nexceptions = 0;
	head->positions = NULL;
	head->words = NULL;
	head->distances = NULL;
	if (!tsdb_type_is_float(type))
		return false;
	if (head->decimals != HAS_EXCEPTIONS && head->decimals != HAS_NEIGHBOURS)
		return head->decimals <= TSDB_MAX_DECIMALS;

	has_neighbours = head->decimals == HAS_NEIGHBOURS;
	if (!tsdb_span_read_u8(src, &decimals) || decimals > TSDB_MAX_DECIMALS ||
		!tsdb_span_read_varint(src, &count) || count == 0 || count >= (uint64_t) n + has_neighbours)
		return false;
	head->decimals = decimals;
	head->nexceptions = (uint32_t) count;
	head->positions = tsdb_mem_array(scratch, head->nexceptions, sizeof(int64_t));
	if (tsdb_ipk_decode(src, head->positions, head->nexceptions) != TSDB_OK ||
		head->positions[0] < 0 || head->positions[head->nexceptions - 1] >= (int64_t) n)
		return false;
	for (uint32_t i = 1; i < head->nexceptions; i++)
		if (head->positions[i] <= head->positions[i - 1])
			return false;
	if (has_neighbours)
	{
		head->distances = tsdb_mem_array(scratch, head->nexceptions, sizeof(int64_t));
		return tsdb_ipk_decode(src, head->distances, head->nexceptions) == TSDB_OK;
	}
	head->words = tsdb_mem_array(scratch, head->nexceptions, sizeof(uint64_t));
	return tsdb_chunk_decode(src, type, head->words, head->nexceptions, mask & TSDB_MASK_EXCEPTIONS, scratch) == TSDB_OK;
}

/* At least those from .. until - 1 of n. */
static TsdbStatus
decode_integers(TsdbSpan *src, TsdbType type, double scale, uint64_t *words, uint32_t n, uint32_t from, uint32_t until)
{
	TsdbIpk ipk;
	uint32_t m;

	if (tsdb_ipk_open(&ipk, *src, n) != TSDB_OK)
		return TSDB_CORRUPT;
	for (; ipk.left > n - until; words += m)
	{
		bool is_before = n - ipk.left + TSDB_MINIBLOCK <= from;

		if (ipk.narrow)
		{
			int32_t offsets[TSDB_MINIBLOCK];

			if (tsdb_ipk_next_narrow(&ipk, offsets, &m) != TSDB_OK)
				return TSDB_CORRUPT;
			if (is_before)
				continue;
			if (type == TSDB_TYPE_FLOAT4)
				words4_from_offsets(offsets, ipk.base, scale, words, m);
			else
				words8_from_offsets(offsets, ipk.base, scale, words, m);
		}
		else
		{
			int64_t integers[TSDB_MINIBLOCK];

			if (tsdb_ipk_next(&ipk, integers, &m) != TSDB_OK)
				return TSDB_CORRUPT;
			words_from_integers(type, integers, scale, words, m);
		}
	}
	*src = ipk.src;
	return TSDB_OK;
}

/* base + offset is exact in doubles: both and their sum are below 2^52. */
TSDB_CLONES static void
words8_from_offsets(const int32_t *offsets, int64_t base, double scale, uint64_t *words, uint32_t n)
{
	double wide = (double) base;

	for (uint32_t i = 0; i < n; i++)
		words[i] = word8((wide + (double) offsets[i]) / scale);
}

TSDB_CLONES static void
words4_from_offsets(const int32_t *offsets, int64_t base, double scale, uint64_t *words, uint32_t n)
{
	double wide = (double) base;

	for (uint32_t i = 0; i < n; i++)
		words[i] = word4((wide + (double) offsets[i]) / scale);
}

TSDB_CLONES static void
words_from_integers(TsdbType type, const int64_t *integers, double scale, uint64_t *words, uint32_t n)
{
	if (type == TSDB_TYPE_FLOAT4)
	{
		for (uint32_t i = 0; i < n; i++)
			words[i] = word4(tsdb_integer_to_double(integers[i]) / scale);
	}
	else
	{
		for (uint32_t i = 0; i < n; i++)
			words[i] = word8(tsdb_integer_to_double(integers[i]) / scale);
	}
}
