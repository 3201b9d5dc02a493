/*-------------------------------------------------------------------------
 *
 * integral_test.c
 *	  Integrals of the values alone: against a naive model, joined from pieces, from summaries and from arrays of them.
 *-------------------------------------------------------------------------
 */
#include "summary_kit.h"

#include "format/integral.h"
#include "format/number.h"

#define NCASES 3000
#define BASE_US INT64_C(820454400000000) /* 2026-01-01 */

typedef struct Integrals
{
	double stepped;
	double sloped;
	double magnitude; /* of the stepped one's parts */
} Integrals;

static void test_rows(void);
static const char *check_rows(uint64_t *random);
static void test_arrays(void);
static const char *check_arrays(TsdbType type, uint32_t n, uint64_t *random, uint32_t *nplain);
static void naive(const Stretch *rows, uint32_t from, uint32_t until, Integrals *out);
static uint64_t float_word(float value);
static bool are_close(const Integrals *expected, const TsdbSummary *summary);

static Stretch stretch;
static Arena arena;
static const TsdbMem mem = {arena_alloc, &arena};

int
main(void)
{
	test_rows();
	test_arrays();
	arena_reset(&arena);
	free(arena.pieces);
	return done();
}

// private functions

static void
test_rows(void)
{
	uint64_t random = 3;

	for (size_t t = 0; t < STRETCH_NTYPES; t++)
	{
		const char *wrong = NULL;

		if (!tsdb_type_has_sum(stretch_types[t]))
			continue;
		for (int i = 0; i < NCASES && wrong == NULL; i++)
		{
			stretch_fill(&stretch, stretch_types[t], 1 + random_below(&random, 60), BASE_US, &random);
			wrong = check_rows(&random);
		}
		ok(wrong == NULL, "rows of type %d: %s", stretch_types[t], wrong ? wrong : "as by definition, whole and joined");
	}
}

/* The whole at once, and two halves that are joined. */
static const char *
check_rows(uint64_t *random)
{
	uint32_t cut = random_below(random, stretch.n + 1);
	const uint8_t *states = stretch.has_states ? stretch.states : NULL;
	TsdbSummary whole;
	TsdbSummary own;
	TsdbSummary halves[2];
	Integrals expected;

	naive(&stretch, 0, stretch.n, &expected);
	stretch_summary(&stretch, 0, stretch.n, 1, &own);
	whole = own;
	if (whole.nvalues == 0)
		return tsdb_integral_is_of_values(&whole) ? NULL : "nothing is a value";
	tsdb_integral_of_values(&whole, stretch.type, stretch.n, stretch.times, stretch.words, states);
	if (!are_close(&expected, &whole))
		return "integrals of the whole";
	if (tsdb_integral_is_of_values(&own) && !are_close(&expected, &own))
		return "the summary's own integrals";
	for (int half = 0; half < 2; half++)
	{
		uint32_t from = half == 0 ? 0 : cut;
		uint32_t until = half == 0 ? cut : stretch.n;

		tsdb_summary_init(&halves[half]);
		if (from == until)
			continue;
		stretch_summary(&stretch, from, until, 1, &halves[half]);
		if (halves[half].nvalues > 0)
			tsdb_integral_of_values(&halves[half], stretch.type, until - from, stretch.times + from, stretch.words + from,
									states ? states + from : NULL);
	}
	tsdb_integral_join(&halves[0], &halves[1], stretch.type, &whole.integral_stepped, &whole.integral_sloped);
	return are_close(&expected, &whole) ? NULL : "joined integrals";
}

static void
test_arrays(void)
{
	uint64_t random = 5;

	for (size_t t = 0; t < STRETCH_NTYPES; t++)
	{
		const char *wrong = NULL;
		uint32_t nplain = 0;

		if (!tsdb_type_has_sum(stretch_types[t]))
			continue;
		for (int i = 0; i < NCASES / 2 && wrong == NULL; i++)
		{
			wrong = check_arrays(stretch_types[t], 1 + random_below(&random, 40), &random, &nplain);
			arena_reset(&arena);
		}
		ok(wrong == NULL && nplain > NCASES / 20, "arrays of type %d, %u of them plain: %s", stretch_types[t], nplain,
		   wrong ? wrong : "folds are the integrals of all rows");
	}
}

/* n stretches of 1 to 20 rows, mostly at one distance. */
static const char *
check_arrays(TsdbType type, uint32_t n, uint64_t *random, uint32_t *nplain)
{
	static Stretch part;
	static TsdbSummary summaries[40];
	static uint32_t begins[41];
	int64_t stride_us = 1000 * (1 + (int64_t) random_below(random, 5000));
	bool is_even = random_below(random, 4) > 0;
	uint32_t from = random_below(random, n);
	uint32_t nfolded = 1 + random_below(random, n - from);
	TsdbSummaryArrays arrays;
	TsdbSummary folded;
	Integrals expected;
	TsdbBytes out;

	stretch_fill(&stretch, type, n * 20, BASE_US, random);
	stretch.n = 0;
	for (uint32_t j = 0; j < n; j++)
	{
		int64_t first_us = stretch.n == 0 ? BASE_US : stretch.times[stretch.n - 1] + stride_us * (1 + random_below(random, 3));

		stretch_fill(&part, type, 1 + random_below(random, 20), first_us, random);
		begins[j] = stretch.n;
		part.has_states &= random_below(random, 10) == 0;
		part.has_qualities &= random_below(random, 10) == 0;
		for (uint32_t k = 0; k < part.n; k++)
		{
			if (type == TSDB_TYPE_FLOAT8)
				part.words[k] = double_word((double) ((int) random_below(random, 4000) - 2000) / 100);
			if (type == TSDB_TYPE_FLOAT4)
				part.words[k] = float_word((float) ((int) random_below(random, 4000) - 2000) / 4);
			if (is_even)
				part.times[k] = first_us + stride_us * k;
			stretch.times[stretch.n] = part.times[k];
			stretch.words[stretch.n] = part.words[k];
			stretch.states[stretch.n] = part.has_states ? part.states[k] : TSDB_CELL_VALUE;
			stretch.n++;
		}
		stretch_summary(&part, 0, part.n, 1, &summaries[j]);
	}
	begins[n] = stretch.n;
	stretch.has_states = true;

	tsdb_bytes_init(&out, &mem);
	tsdb_summaries_encode(&out, type, summaries, n, BASE_US, &mem);
	if (tsdb_summaries_decode_arrays(tsdb_span(out.data, out.len), type, &arrays, n, BASE_US, TSDB_SUMMARY_INTEGRALS, &mem) != TSDB_OK)
		return "does not decode";
	if (!arrays.is_plain)
		return NULL;
	(*nplain)++;
	for (uint32_t j = from; j < from + nfolded; j++)
		if (!tsdb_integral_is_of_values(&summaries[j]))
			return "is plain";
	tsdb_summary_init(&folded);
	tsdb_summaries_fold(&arrays, from, nfolded, &folded);
	naive(&stretch, begins[from], begins[from + nfolded], &expected);
	return are_close(&expected, &folded) ? NULL : "the fold differs";
}

static void
naive(const Stretch *rows, uint32_t from, uint32_t until, Integrals *out)
{
	long double stepped = 0;
	long double sloped = 0;
	long double magnitude = 0;
	uint32_t last = until;

	for (uint32_t i = from; i < until; i++)
	{
		if (rows->has_states && rows->states[i] != TSDB_CELL_VALUE)
			continue;
		if (last < until)
		{
			long double us = (long double) (rows->times[i] - rows->times[last]);
			long double a = word_double(rows->type, rows->words[last]);
			long double b = word_double(rows->type, rows->words[i]);

			stepped += a * us;
			sloped += (a + b) / 2 * us;
			magnitude += (fabsl(a) + fabsl(b)) * us;
		}
		last = i;
	}
	out->stepped = (double) stepped;
	out->sloped = (double) sloped;
	out->magnitude = (double) magnitude;
}

/* Where doubles overflow, the order of additions decides. */
static bool
is_close(double expected, double value, double magnitude)
{
	return !isfinite(magnitude) || fabs(expected - value) <= 1e-12 * magnitude;
}

static uint64_t
float_word(float value)
{
	uint32_t bits;

	memcpy(&bits, &value, sizeof(bits));
	return bits;
}

static bool
are_close(const Integrals *expected, const TsdbSummary *summary)
{
	return is_close(expected->stepped, summary->integral_stepped, expected->magnitude) &&
		   is_close(expected->sloped, summary->integral_sloped, expected->magnitude);
}
