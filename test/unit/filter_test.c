/*-------------------------------------------------------------------------
 *
 * filter_test.c
 *	  Filters against the operators of C, with PostgreSQL's order of floats; verdicts against the rows.
 *-------------------------------------------------------------------------
 */
#include <float.h>
#include <math.h>

#include "tap.h"

#include "format/filter.h"
#include "format/number.h"

#define NROWS 1500
#define NCASES 4000

static const double doubles[] = {-INFINITY, -DBL_MAX, -2.5, -1, -DBL_MIN, -0.0, 0.0, 5e-324, 1, 1.5, 2.5, 1e300, DBL_MAX, INFINITY, NAN};
static const double near_floats[] = {-INFINITY, -1e300, -FLT_MAX, -2.5, -0.1, -0.0, 0.0, 1e-300, 0.1, 0.30000001192092896, 1, 1e300, INFINITY, NAN};
static const int64_t integers[] = {INT64_MIN, INT64_MIN + 1, INT32_MIN, -40000, -1, 0, 1, 7, 40000, 1 << 30, INT32_MAX, INT64_MAX - 1, INT64_MAX};

#define PICK(list, random) (list)[random_next(random) % (sizeof(list) / sizeof((list)[0]))]

static uint64_t words[NROWS];
static uint8_t states[NROWS];
static int64_t times[NROWS];
static uint32_t rows[NROWS];

static void test_random(void);
static const char *check_case(uint64_t *random);
static void make_rows(TsdbType type, bool has_states, uint64_t *random);
static uint64_t random_word(TsdbType type, uint64_t *random);
static void random_term(TsdbFilterTerm *term, TsdbType type, double *value, uint64_t *random);
static bool row_matches(const TsdbFilterTerm *asked, double value, bool is_null, uint64_t word);
static int compare(TsdbType type, uint64_t word, uint64_t other, double value);
static bool op_holds(TsdbFilterOp op, int order);
static void test_several_terms(void);
static void test_edges(void);
static void test_unknown(void);

int
main(void)
{
	test_random();
	test_several_terms();
	test_edges();
	test_unknown();
	return done();
}

// private functions

static void
test_random(void)
{
	uint64_t random = 20261121;
	const char *fault = NULL;

	for (int i = 0; i < NCASES && fault == NULL; i++)
		fault = check_case(&random);
	ok(fault == NULL, "random filters select what the operators say, and summaries are judged rightly: %s", fault ? fault : "");
}

/* One term over one column: every row compared with the plain operator, the verdict with the rows. */
static const char *
check_case(uint64_t *random)
{
	static const TsdbType types[] = {TSDB_TYPE_FLOAT8, TSDB_TYPE_FLOAT4, TSDB_TYPE_INT2, TSDB_TYPE_INT4, TSDB_TYPE_INT8,
									 TSDB_TYPE_BOOL, TSDB_TYPE_TIMESTAMPTZ, TSDB_TYPE_DATE, TSDB_TYPE_QUALITY};
	TsdbType type = PICK(types, random);
	bool has_states = random_next(random) % 2;
	TsdbColumn column = {3, (uint8_t) type, words, has_states ? states : NULL};
	TsdbBatch batch = {.nrows = NROWS, .ncolumns = 1, .columns = &column};
	uint32_t from = random_next(random) % NROWS;
	uint32_t until = from + random_next(random) % (NROWS - from) + 1;
	TsdbFilterTerm term = {.attnum = 3, .type = (uint8_t) type};
	TsdbFilterTerm asked;
	TsdbFilterVerdict verdict;
	TsdbSummary summary;
	double value;
	uint32_t n;
	uint32_t at = 0;

	make_rows(type, has_states, random);
	random_term(&term, type, &value, random);
	asked = term;
	if (type == TSDB_TYPE_FLOAT4 && term.op <= TSDB_FILTER_GT)
		tsdb_filter_set_float(&term, (TsdbFilterOp) term.op, value);

	n = tsdb_filter_select(&term, 1, &batch, from, until, rows);
	for (uint32_t i = from; i < until; i++)
	{
		bool is_null = has_states && states[i] != TSDB_CELL_VALUE;
		bool selected = at < n && rows[at] == i;

		if (selected != row_matches(&asked, value, is_null, words[i]))
			return "a row is wrong";
		at += selected;
	}
	if (at != n)
		return "rows that don't exist";

	tsdb_summary_compute(&summary, type, until - from, times + from, words + from, has_states ? states + from : NULL, NULL, NULL, 1);
	verdict = tsdb_filter_judge(&term, &summary);
	if ((verdict == TSDB_FILTER_NONE && n > 0) || (verdict == TSDB_FILTER_ALL && n < until - from))
		return "a wrong verdict";
	if (until - from == 1 && verdict == TSDB_FILTER_SOME)
		return "no verdict of a single row";
	return NULL;
}

static void
make_rows(TsdbType type, bool has_states, uint64_t *random)
{
	uint64_t few[4];
	bool is_dull = random_next(random) % 2;

	for (int i = 0; i < 4; i++)
		few[i] = random_word(type, random);
	for (int i = 0; i < NROWS; i++)
	{
		times[i] = i;
		words[i] = is_dull ? few[i / 400] : random_word(type, random);
		states[i] = has_states && random_next(random) % 4 == 0 ? TSDB_CELL_NULL : TSDB_CELL_VALUE;
	}
}

static uint64_t
random_word(TsdbType type, uint64_t *random)
{
	bool is_negative_nan = random_next(random) % 40 == 0;

	switch (type)
	{
		case TSDB_TYPE_FLOAT8:
			return is_negative_nan ? UINT64_C(0xFFF8000000000001) : tsdb_number_bits(PICK(doubles, random));
		case TSDB_TYPE_FLOAT4:
		{
			float narrow = (float) PICK(near_floats, random);
			uint32_t bits;

			memcpy(&bits, &narrow, sizeof(bits));
			return is_negative_nan ? 0xFFC00001 : bits;
		}
		case TSDB_TYPE_BOOL:
			return random_next(random) % 2;
		case TSDB_TYPE_INT2:
			return (uint64_t) (int64_t) (int16_t) PICK(integers, random);
		case TSDB_TYPE_INT8:
		case TSDB_TYPE_TIMESTAMPTZ:
			return (uint64_t) PICK(integers, random);
		default:
			return (uint64_t) (int64_t) (int32_t) PICK(integers, random);
	}
}

static void
random_term(TsdbFilterTerm *term, TsdbType type, double *value, uint64_t *random)
{
	term->op = (uint8_t) (random_next(random) % (type == TSDB_TYPE_QUALITY ? TSDB_FILTER_NOT_GOOD + 1 : TSDB_FILTER_NOT_NULL + 1));
	term->never = random_next(random) % 30 == 0;
	*value = PICK(near_floats, random);
	if (type == TSDB_TYPE_FLOAT8)
		term->word = random_word(type, random);
	else
		term->word = (uint64_t) PICK(integers, random);
}

static bool
row_matches(const TsdbFilterTerm *asked, double value, bool is_null, uint64_t word)
{
	if (asked->never)
		return false;
	if (asked->op == TSDB_FILTER_NULL)
		return is_null;
	if (is_null)
		return false;
	switch ((TsdbFilterOp) asked->op)
	{
		case TSDB_FILTER_NOT_NULL:
			return true;
		case TSDB_FILTER_GOOD:
			return TSDB_QUALITY_IS_GOOD(word);
		case TSDB_FILTER_UNCERTAIN:
			return TSDB_QUALITY_IS_UNCERTAIN(word);
		case TSDB_FILTER_BAD:
			return TSDB_QUALITY_IS_BAD(word);
		case TSDB_FILTER_NOT_GOOD:
			return !TSDB_QUALITY_IS_GOOD(word);
		default:
			return op_holds((TsdbFilterOp) asked->op, compare((TsdbType) asked->type, word, asked->word, value));
	}
}

static int
compare(TsdbType type, uint64_t word, uint64_t other, double value)
{
	double a;
	double b;

	if (!tsdb_type_is_float(type))
		return (int64_t) word < (int64_t) other ? -1 : (int64_t) word > (int64_t) other;
	a = tsdb_number_value(type, word);
	b = type == TSDB_TYPE_FLOAT4 ? value : tsdb_number_double(other);
	if (isnan(a) || isnan(b))
		return isnan(a) - isnan(b);
	return a < b ? -1 : a > b;
}

static bool
op_holds(TsdbFilterOp op, int order)
{
	switch (op)
	{
		case TSDB_FILTER_LT:
			return order < 0;
		case TSDB_FILTER_LE:
			return order <= 0;
		case TSDB_FILTER_EQ:
			return order == 0;
		case TSDB_FILTER_NE:
			return order != 0;
		case TSDB_FILTER_GE:
			return order >= 0;
		default:
			return order > 0;
	}
}

static void
test_several_terms(void)
{
	TsdbColumn columns[2] = {{3, TSDB_TYPE_INT4, words, NULL}, {5, TSDB_TYPE_INT4, words, states}};
	TsdbBatch batch = {.nrows = NROWS, .ncolumns = 2, .columns = columns};
	TsdbFilterTerm terms[3] = {{3, TSDB_TYPE_INT4, TSDB_FILTER_GE, false, 100},
							   {3, TSDB_TYPE_INT4, TSDB_FILTER_LT, false, 200},
							   {5, TSDB_TYPE_INT4, TSDB_FILTER_NULL, false, 0}};
	bool right = true;
	uint32_t n;

	for (uint32_t i = 0; i < NROWS; i++)
	{
		words[i] = i;
		states[i] = i % 2 ? TSDB_CELL_NULL : TSDB_CELL_VALUE;
	}
	n = tsdb_filter_select(terms, 3, &batch, 0, NROWS, rows);
	for (uint32_t i = 0; i < n; i++)
		right = right && rows[i] == 101 + 2 * i;
	ok(right && n == 50, "terms are ANDed: %u rows", n);
	ok(tsdb_filter_select(terms, 0, &batch, 7, 20, rows) == 13 && rows[0] == 7, "no terms: every row");
}

/* Where the bounds of a condition and of the values meet, a summary decides. */
static void
test_edges(void)
{
	static const struct
	{
		TsdbFilterOp op;
		uint64_t word;
		TsdbFilterVerdict verdict;
	} cases[] = {
		{TSDB_FILTER_LE, 9, TSDB_FILTER_ALL},
		{TSDB_FILTER_LE, 8, TSDB_FILTER_SOME},
		{TSDB_FILTER_LT, 9, TSDB_FILTER_SOME},
		{TSDB_FILTER_LT, 10, TSDB_FILTER_ALL},
		{TSDB_FILTER_LT, 3, TSDB_FILTER_NONE},
		{TSDB_FILTER_LE, 3, TSDB_FILTER_SOME},
		{TSDB_FILTER_GE, 3, TSDB_FILTER_ALL},
		{TSDB_FILTER_GT, 3, TSDB_FILTER_SOME},
		{TSDB_FILTER_GT, 2, TSDB_FILTER_ALL},
		{TSDB_FILTER_GE, 9, TSDB_FILTER_SOME},
		{TSDB_FILTER_GT, 9, TSDB_FILTER_NONE},
		{TSDB_FILTER_EQ, 2, TSDB_FILTER_NONE},
		{TSDB_FILTER_NE, 10, TSDB_FILTER_ALL},
	};
	TsdbSummary summary;
	TsdbFilterTerm term = {3, TSDB_TYPE_INT4, TSDB_FILTER_GE, false, 0};

	for (uint32_t i = 0; i < 7; i++)
	{
		times[i] = i;
		words[i] = 3 + i;
	}
	tsdb_summary_compute(&summary, TSDB_TYPE_INT4, 7, times, words, NULL, NULL, NULL, 1);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
	{
		term.op = (uint8_t) cases[i].op;
		term.word = cases[i].word;
		ok(tsdb_filter_judge(&term, &summary) == cases[i].verdict, "3 .. 9, operator %d, %d", (int) cases[i].op, (int) cases[i].word);
	}
}

static void
test_unknown(void)
{
	TsdbFilterTerm term = {3, TSDB_TYPE_INT4, TSDB_FILTER_GE, false, 100};

	ok(tsdb_filter_judge(&term, NULL) == TSDB_FILTER_SOME, "no summary: perhaps");
	term.never = true;
	ok(tsdb_filter_judge(&term, NULL) == TSDB_FILTER_NONE, "compared with NULL: none");
}
