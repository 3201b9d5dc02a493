/*-------------------------------------------------------------------------
 *
 * summary_test.c
 *	  Summaries: against a naive model, merged from random pieces, coded and decoded, damaged.
 *-------------------------------------------------------------------------
 */
#include "summary_kit.h"

#include "format/number.h"

#define NCASES 3000
#define BASE_US INT64_C(820454400000000) /* 2026-01-01 */

static void test_definitions(void);
static const char *check_model(const Stretch *stretch);
static const char *check_rows(const Stretch *stretch, const TsdbSummary *summary);
static const char *check_extremes(const Stretch *stretch, const TsdbSummary *summary);
static const char *check_sums(const Stretch *stretch, const TsdbSummary *summary);
static const char *check_regions(const Stretch *stretch, const TsdbSummary *summary);
static void test_merge(void);
static const char *check_cuts(const Stretch *stretch, uint64_t *random);
static const char *check_merged(const TsdbSummary *whole, const TsdbSummary *merged, const Stretch *stretch);
static void test_exact_merge(void);
static void test_coding(void);
static const char *check_coding(const TsdbSummary *summaries, TsdbType type, uint32_t n, const TsdbMem *mem);
static void test_arrays(void);
static const char *check_arrays(const TsdbSummary *summaries, TsdbType type, uint32_t n, uint64_t *random, uint32_t *nplain);
static bool is_plain(const TsdbSummary *summaries, TsdbType type, uint32_t n, uint32_t fields);
static const char *check_fold(const TsdbSummary *summaries, const TsdbSummaryArrays *arrays, uint32_t from, uint32_t n, uint32_t fields);
static void test_sizes(void);
static size_t coded_bytes(uint32_t nsummaries, uint32_t nrows, double *bytes_each);
static void test_damage(void);
static void test_specials(void);
static uint32_t random_summaries(TsdbSummary *summaries, TsdbType type, uint32_t n, uint64_t *random);

static Stretch stretch;
static Arena arena;
static const TsdbMem mem = {arena_alloc, &arena};

int
main(void)
{
	test_definitions();
	test_merge();
	test_exact_merge();
	test_coding();
	test_arrays();
	test_sizes();
	test_damage();
	test_specials();
	arena_reset(&arena);
	free(arena.pieces);
	return done();
}

// private functions

static bool
has_value(const Stretch *rows, uint32_t i)
{
	return !rows->has_states || rows->states[i] == TSDB_CELL_VALUE;
}

static uint32_t
quality_at(const Stretch *rows, uint32_t i)
{
	return rows->has_qualities && rows->quality_states[i] == TSDB_CELL_VALUE ? (uint32_t) rows->qualities[i] : 0;
}

static bool
is_close(double a, double b, double scale)
{
	return a == b || (isnan(a) && isnan(b)) || fabs(a - b) <= 1e-11 * scale || (!isfinite(scale) && !isfinite(a));
}

static void
test_definitions(void)
{
	uint64_t random = 1;

	for (size_t t = 0; t < STRETCH_NTYPES; t++)
	{
		const char *wrong = NULL;

		for (int i = 0; i < NCASES / 3 && wrong == NULL; i++)
		{
			stretch_fill(&stretch, stretch_types[t], 1 + random_below(&random, 60), BASE_US, &random);
			wrong = check_model(&stretch);
		}
		ok(wrong == NULL, "type %d equals the definitions: %s", stretch_types[t], wrong ? wrong : "all fields");
	}
}

static const char *
check_model(const Stretch *rows)
{
	TsdbSummary summary;
	const char *wrong;

	stretch_summary(rows, 0, rows->n, 17, &summary);
	wrong = check_rows(rows, &summary);
	if (wrong == NULL && rows->type != TSDB_TYPE_TEXT && summary.nvalues > 0)
		wrong = check_extremes(rows, &summary);
	if (wrong == NULL && rows->type <= TSDB_TYPE_BOOL && summary.nvalues > 0)
		wrong = check_sums(rows, &summary);
	if (wrong == NULL && rows->type <= TSDB_TYPE_BOOL)
		wrong = check_regions(rows, &summary);
	return wrong;
}

static const char *
check_rows(const Stretch *rows, const TsdbSummary *summary)
{
	uint64_t count[3] = {0};
	int64_t duration[3] = {0};
	uint64_t nvalues = 0;
	uint32_t worst = quality_at(rows, 0);

	for (uint32_t i = 0; i < rows->n; i++)
	{
		uint32_t quality = quality_at(rows, i);
		int severity = quality >> 31 ? 2 : (int) (quality >> 30);

		count[severity]++;
		nvalues += has_value(rows, i);
		if (i + 1 < rows->n)
			duration[severity] += rows->times[i + 1] - rows->times[i];
		if (severity > (worst >> 31 ? 2 : (int) (worst >> 30)))
			worst = quality;
	}
	if (summary->nrows != rows->n || summary->nvalues != nvalues || summary->sequence != 17)
		return "counts";
	if (summary->ngood != count[0] || summary->nuncertain != count[1] || summary->nbad != count[2])
		return "counts by quality";
	if (summary->duration_good_us != duration[0] || summary->duration_uncertain_us != duration[1] || summary->duration_bad_us != duration[2])
		return "durations by quality";
	if (summary->worst_quality != worst || summary->first_row_quality != quality_at(rows, 0) ||
		summary->last_row_quality != quality_at(rows, rows->n - 1))
		return "qualities";
	if (summary->first_row_time != rows->times[0] || summary->last_row_time != rows->times[rows->n - 1])
		return "row times";
	return NULL;
}

/* -1, 0, 1 in PostgreSQL's order. */
static int
compare(TsdbType type, uint64_t a, uint64_t b)
{
	double x = word_double(type, a);
	double y = word_double(type, b);

	if (type != TSDB_TYPE_FLOAT8 && type != TSDB_TYPE_FLOAT4)
		return (int64_t) a < (int64_t) b ? -1 : (int64_t) a > (int64_t) b;
	if (isnan(x) || isnan(y))
		return isnan(x) - isnan(y);
	return x < y ? -1 : x > y;
}

static const char *
check_extremes(const Stretch *rows, const TsdbSummary *summary)
{
	int64_t first = -1;
	int64_t last = -1;
	int64_t min = -1;
	int64_t max = -1;
	uint64_t transitions = 0;

	for (uint32_t i = 0; i < rows->n; i++)
	{
		if (!has_value(rows, i))
			continue;
		if (last >= 0)
			transitions += rows->words[last] != rows->words[i] &&
						   !(compare(rows->type, rows->words[last], rows->words[i]) == 0 && word_double(rows->type, rows->words[i]) == 0);
		if (first < 0)
			first = min = max = i;
		if (compare(rows->type, rows->words[i], rows->words[min]) < 0)
			min = i;
		if (compare(rows->type, rows->words[i], rows->words[max]) > 0)
			max = i;
		last = i;
	}
	if (summary->min != rows->words[min] || summary->min_time != rows->times[min])
		return "minimum";
	if (summary->max != rows->words[max] || summary->max_time != rows->times[max])
		return "maximum";
	if (summary->first != rows->words[first] || summary->first_time != rows->times[first] || summary->first_quality != quality_at(rows, (uint32_t) first))
		return "first";
	if (summary->last != rows->words[last] || summary->last_time != rows->times[last] || summary->last_quality != quality_at(rows, (uint32_t) last))
		return "last";
	return summary->transitions == transitions ? NULL : "transitions";
}

static const char *
check_sums(const Stretch *rows, const TsdbSummary *summary)
{
	TsdbInt128 exact = 0;
	long double sum = 0;
	long double magnitude = 0;
	long double squares = 0;
	double n = (double) summary->nvalues;

	for (uint32_t i = 0; i < rows->n; i++)
		if (has_value(rows, i))
		{
			exact += (int64_t) rows->words[i];
			sum += word_double(rows->type, rows->words[i]);
			magnitude += fabsl((long double) word_double(rows->type, rows->words[i]));
		}
	for (uint32_t i = 0; i < rows->n; i++)
		if (has_value(rows, i))
		{
			long double distance = word_double(rows->type, rows->words[i]) - sum / n;

			squares += distance * distance;
		}
	if (rows->type != TSDB_TYPE_FLOAT8 && rows->type != TSDB_TYPE_FLOAT4)
	{
		if ((uint64_t) exact != summary->int_sum_lo || (int64_t) (exact >> 64) != summary->int_sum_hi)
			return "exact sum";
		if ((summary->int_sumsq_hi & summary->int_sumsq_lo) == UINT64_MAX)
			return NULL;
	}
	else if (!is_close(summary->sum_hi, (double) sum, (double) magnitude))
		return "sum";
	if (isfinite((double) squares) && !is_close(tsdb_summary_squares(summary, rows->type), (double) squares, (double) (squares + magnitude * magnitude / n)))
		return "squares about the mean";
	return NULL;
}

static const char *
check_regions(const Stretch *rows, const TsdbSummary *summary)
{
	double stepped = 0;
	double sloped = 0;
	double magnitude = 0;
	int64_t zero = 0;
	int64_t nonzero = 0;

	for (uint32_t i = 0; i + 1 < rows->n; i++)
	{
		double v = word_double(rows->type, rows->words[i]);
		double w = word_double(rows->type, rows->words[i + 1]);
		int64_t us = rows->times[i + 1] - rows->times[i];

		if (!has_value(rows, i) || quality_at(rows, i) >> 31)
			continue;
		stepped += v * (double) us;
		magnitude += (fabs(v) + fabs(w)) * (double) us;
		*(v == 0 ? &zero : &nonzero) += us;
		if (has_value(rows, i + 1) && !(quality_at(rows, i + 1) >> 31))
			sloped += (v / 2 + w / 2) * (double) us;
	}
	if (!is_close(summary->integral_stepped, stepped, magnitude))
		return "stepped integral";
	if (!is_close(summary->integral_sloped, sloped, magnitude))
		return "sloped integral";
	return summary->duration_zero_us == zero && summary->duration_nonzero_us == nonzero ? NULL : "states";
}

static void
test_merge(void)
{
	uint64_t random = 2;

	for (size_t t = 0; t < STRETCH_NTYPES; t++)
	{
		const char *wrong = NULL;

		for (int i = 0; i < NCASES && wrong == NULL; i++)
		{
			stretch_fill(&stretch, stretch_types[t], 1 + random_below(&random, 40), BASE_US, &random);
			wrong = check_cuts(&stretch, &random);
		}
		ok(wrong == NULL, "type %d merged from random pieces is the whole: %s", stretch_types[t], wrong ? wrong : "all fields");
	}
}

/* check_cuts - pieces merged one by one, and in another nesting. */
static const char *
check_cuts(const Stretch *rows, uint64_t *random)
{
	TsdbSummary whole;
	TsdbSummary left;
	TsdbSummary right;
	TsdbSummary piece;
	const char *wrong;
	uint32_t middle = random_below(random, rows->n + 1);

	stretch_summary(rows, 0, rows->n, 9, &whole);
	tsdb_summary_init(&left);
	tsdb_summary_init(&right);
	for (uint32_t from = 0, until; from < rows->n; from = until)
	{
		until = from + 1 + random_below(random, 10);
		if (from < middle && until > middle)
			until = middle;
		if (until > rows->n)
			until = rows->n;
		stretch_summary(rows, from, until, until == rows->n ? 9 : 3, &piece);
		tsdb_summary_merge(from < middle ? &left : &right, &piece, rows->type);
	}
	tsdb_summary_merge(&left, &right, rows->type);
	wrong = check_merged(&whole, &left, rows);
	return wrong;
}

static const char *
check_merged(const TsdbSummary *whole, const TsdbSummary *merged, const Stretch *rows)
{
	bool is_float = rows->type == TSDB_TYPE_FLOAT8 || rows->type == TSDB_TYPE_FLOAT4;
	uint32_t exact = TSDB_SUMMARY_ALL & ~(TSDB_SUMMARY_INTEGRALS | (is_float && whole->decimals == 0 ? TSDB_SUMMARY_SUM | TSDB_SUMMARY_SQUARES : 0));
	const char *wrong = summary_differs(whole, merged, exact);
	double magnitude = 0;
	double span_us = (double) (whole->last_row_time - whole->first_row_time);

	if (wrong != NULL)
		return wrong;
	if (whole->duration_zero_us != merged->duration_zero_us || whole->duration_nonzero_us != merged->duration_nonzero_us ||
		whole->transitions != merged->transitions)
		return "states";
	if (rows->type > TSDB_TYPE_BOOL)
		return NULL;
	for (uint32_t i = 0; i < rows->n; i++)
		if (has_value(rows, i))
			magnitude += fabs(word_double(rows->type, rows->words[i]));
	if (is_float && !is_close(whole->sum_hi + whole->sum_lo, merged->sum_hi + merged->sum_lo, magnitude))
		return "sum";
	if (is_float && isfinite(whole->m2) && !is_close(whole->m2, merged->m2, whole->m2 + magnitude * magnitude))
		return "m2";
	if (!is_close(whole->integral_stepped, merged->integral_stepped, magnitude * span_us))
		return "stepped integral";
	return is_close(whole->integral_sloped, merged->integral_sloped, magnitude * span_us) ? NULL : "sloped integral";
}

/* Regular decimals: merging gives every bit that computing gives. */
static void
test_exact_merge(void)
{
	uint64_t random = 3;
	const char *wrong = NULL;

	for (int round = 0; round < 300 && wrong == NULL; round++)
	{
		TsdbSummary whole;
		TsdbSummary merged;
		TsdbSummary piece;
		uint32_t step = 1 + random_below(&random, 900);

		stretch_fill(&stretch, TSDB_TYPE_FLOAT8, KIT_ROWS, BASE_US, &random);
		stretch.has_states = stretch.has_qualities = false;
		for (uint32_t i = 0; i < KIT_ROWS; i++)
		{
			stretch.times[i] = BASE_US + INT64_C(1000000) * i;
			stretch.words[i] = double_word((double) (2000 + (int) random_below(&random, 700)) / 100);
		}
		stretch_summary(&stretch, 0, KIT_ROWS, 1, &whole);
		tsdb_summary_init(&merged);
		for (uint32_t from = 0; from < KIT_ROWS; from += step)
		{
			stretch_summary(&stretch, from, from + step < KIT_ROWS ? from + step : KIT_ROWS, 1, &piece);
			tsdb_summary_merge(&merged, &piece, TSDB_TYPE_FLOAT8);
		}
		wrong = summary_differs(&whole, &merged, TSDB_SUMMARY_ALL);
	}
	ok(wrong == NULL, "regular two-decimal series: merged pieces are bit for bit the whole: %s", wrong ? wrong : "all fields");
}

/* random_summaries - consecutive stretches of one series; some empty.  Returns n. */
static uint32_t
random_summaries(TsdbSummary *summaries, TsdbType type, uint32_t n, uint64_t *random)
{
	int64_t from_us = BASE_US;
	uint32_t nrows = 1 + random_below(random, 40);
	bool has_empty = random_below(random, 3) == 0;

	for (uint32_t i = 0; i < n; i++)
	{
		stretch_fill(&stretch, type, random_below(random, 4) ? nrows : 1 + random_below(random, 40), from_us, random);
		from_us = stretch.times[stretch.n - 1];
		stretch_summary(&stretch, 0, stretch.n, 1000 + random_below(random, 3), &summaries[i]);
		if (has_empty && random_below(random, 4) == 0)
			tsdb_summary_init(&summaries[i]);
	}
	if (n > 2 && random_below(random, 2))
	{
		tsdb_summary_init(&summaries[0]);
		for (uint32_t i = 1; i < n; i++)
			tsdb_summary_merge(&summaries[0], &summaries[i], type);
	}
	return n;
}

static void
test_coding(void)
{
	static TsdbSummary summaries[TSDB_MAX_SUMMARIES];
	uint64_t random = 4;

	for (size_t t = 0; t < STRETCH_NTYPES; t++)
	{
		const char *wrong = NULL;

		for (int i = 0; i < NCASES / 4 && wrong == NULL; i++)
		{
			uint32_t n = random_summaries(summaries, stretch_types[t], 1 + random_below(&random, 40), &random);

			wrong = check_coding(summaries, stretch_types[t], n, &mem);
			arena_reset(&arena);
		}
		if (wrong == NULL)
			wrong = check_coding(summaries, stretch_types[t],
								 random_summaries(summaries, stretch_types[t], TSDB_MAX_SUMMARIES, &random), &mem);
		arena_reset(&arena);
		ok(wrong == NULL, "summaries of type %d survive coding: %s", stretch_types[t], wrong ? wrong : "all fields");
	}
}

static const char *
check_coding(const TsdbSummary *summaries, TsdbType type, uint32_t n, const TsdbMem *memory)
{
	static TsdbSummary decoded[TSDB_MAX_SUMMARIES];
	static const uint32_t masks[] = {
		TSDB_SUMMARY_ALL, TSDB_SUMMARY_COUNTS, TSDB_SUMMARY_MINMAX, TSDB_SUMMARY_MINMAX_TIMES, TSDB_SUMMARY_SUM,
		TSDB_SUMMARY_SQUARES, TSDB_SUMMARY_FIRSTLAST, TSDB_SUMMARY_QUALITY, TSDB_SUMMARY_INTEGRALS, 0};
	TsdbBytes out;
	uint8_t *bytes;

	tsdb_bytes_init(&out, memory);
	tsdb_summaries_encode(&out, type, summaries, n, BASE_US - 1000000, memory);
	bytes = exact_copy(memory, out.data, out.len);
	for (size_t m = 0; m < sizeof(masks) / sizeof(masks[0]); m++)
	{
		if (tsdb_summaries_decode(tsdb_span(bytes, out.len), type, decoded, n, BASE_US - 1000000, masks[m], memory) != TSDB_OK)
			return "does not decode";
		for (uint32_t i = 0; i < n; i++)
		{
			const char *wrong = summary_differs(&summaries[i], &decoded[i], masks[m] | TSDB_SUMMARY_COUNTS);

			if (wrong != NULL)
				return wrong;
		}
	}
	return NULL;
}

/* Fields side by side, and folds over stretches of them, are what merging the summaries gives. */
static void
test_arrays(void)
{
	static TsdbSummary summaries[TSDB_MAX_SUMMARIES];
	uint64_t random = 14;

	for (size_t t = 0; t < STRETCH_NTYPES; t++)
	{
		TsdbType type = stretch_types[t];
		const char *wrong = NULL;
		uint32_t nplain = 0;

		for (int i = 0; i < NCASES / 2 && wrong == NULL; i++)
		{
			uint32_t n = 1 + random_below(&random, i % 20 ? 40 : TSDB_MAX_SUMMARIES);
			int64_t from_us = BASE_US;

			for (uint32_t j = 0; j < n; j++)
			{
				stretch_fill(&stretch, type, 1 + random_below(&random, 20), from_us, &random);
				if (i % 4)
					stretch.has_states = false;
				for (uint32_t k = 0; k < stretch.n && i % 2; k++)
					if (type == TSDB_TYPE_FLOAT8)
						stretch.words[k] = double_word((double) ((int) random_below(&random, 4000) - 2000) / 100);
				stretch_summary(&stretch, 0, stretch.n, 1, &summaries[j]);
				/* The last times are not in order when they jitter. */
				from_us = stretch.times[stretch.n - 1] + 5000;
			}
			wrong = check_arrays(summaries, type, n, &random, &nplain);
			arena_reset(&arena);
		}
		ok(wrong == NULL && (nplain > NCASES / 8 || type == TSDB_TYPE_TEXT),
		   "arrays of type %d, %u of them plain: %s", type, nplain, wrong ? wrong : "folds are merges");
	}
}

static const char *
check_arrays(const TsdbSummary *summaries, TsdbType type, uint32_t n, uint64_t *random, uint32_t *nplain)
{
	static const uint32_t masks[] = {
		TSDB_SUMMARY_COUNTS, TSDB_SUMMARY_MINMAX, TSDB_SUMMARY_SUM, TSDB_SUMMARY_FIRSTLAST,
		TSDB_SUMMARY_MINMAX | TSDB_SUMMARY_SUM, TSDB_SUMMARY_MINMAX | TSDB_SUMMARY_SUM | TSDB_SUMMARY_FIRSTLAST,
		TSDB_SUMMARY_QUALITY, TSDB_SUMMARY_ALL};
	TsdbBytes out;
	uint8_t *bytes;

	tsdb_bytes_init(&out, &mem);
	tsdb_summaries_encode(&out, type, summaries, n, BASE_US, &mem);
	bytes = exact_copy(&mem, out.data, out.len);
	for (size_t m = 0; m < sizeof(masks) / sizeof(masks[0]); m++)
	{
		TsdbSummaryArrays arrays;

		if (tsdb_summaries_decode_arrays(tsdb_span(bytes, out.len), type, &arrays, n, BASE_US, masks[m], &mem) != TSDB_OK)
			return "does not decode";
		if (arrays.is_plain != is_plain(summaries, type, n, masks[m]))
			return arrays.is_plain ? "is not plain" : "is plain";
		*nplain += arrays.is_plain;
		for (int i = 0; arrays.is_plain && i < 20; i++)
		{
			uint32_t from = random_below(random, n);
			const char *wrong = check_fold(summaries, &arrays, from, 1 + random_below(random, n - from), masks[m]);

			if (wrong != NULL)
				return wrong;
		}
	}
	return NULL;
}

static bool
is_plain(const TsdbSummary *summaries, TsdbType type, uint32_t n, uint32_t fields)
{
	bool has_sum = (fields & TSDB_SUMMARY_SUM) && type <= TSDB_TYPE_BOOL;

	if (type == TSDB_TYPE_TEXT || (fields & ~(TSDB_SUMMARY_COUNTS | TSDB_SUMMARY_MINMAX | TSDB_SUMMARY_SUM | TSDB_SUMMARY_FIRSTLAST)))
		return false;
	for (uint32_t i = 0; i < n; i++)
	{
		const TsdbSummary *s = &summaries[i];

		if (s->nvalues != s->nrows)
			return false;
		if (has_sum && (s->decimals != summaries[0].decimals || s->int_sum_hi != (int64_t) s->int_sum_lo >> 63 ||
						(type <= TSDB_TYPE_FLOAT4 && s->decimals == 0)))
			return false;
	}
	return true;
}

static const char *
check_fold(const TsdbSummary *summaries, const TsdbSummaryArrays *arrays, uint32_t from, uint32_t n, uint32_t fields)
{
	TsdbSummary merged = summaries[from];
	TsdbSummary folded;

	for (uint32_t i = from + 1; i < from + n; i++)
		tsdb_summary_merge(&merged, &summaries[i], arrays->type);
	tsdb_summary_init(&folded);
	tsdb_summaries_fold(arrays, from, n, &folded);
	folded.sequence = merged.sequence;
	folded.first_quality = merged.first_quality;
	folded.last_quality = merged.last_quality;
	if (fields & TSDB_SUMMARY_SUM)
	{
		folded.sum_hi = merged.sum_hi; /* follow from the exact ones */
		folded.sum_lo = merged.sum_lo;
	}
	return summary_differs(&merged, &folded, fields | TSDB_SUMMARY_COUNTS);
}

static void
test_sizes(void)
{
	double each;
	size_t nbytes;

	nbytes = coded_bytes(24, 3600, &each);
	ok(each <= 30, "24 summaries of hourly two-decimal blocks: %.1f bytes each (aim 30)", each);
	nbytes = coded_bytes(1, 3600, &each);
	ok(nbytes <= 70, "one summary: %zu bytes (aim 70)", nbytes);
	nbytes = coded_bytes(1, 1, &each);
	ok(nbytes <= 40, "one summary of one row: %zu bytes (aim 40)", nbytes);
	nbytes = coded_bytes(96, 900, &each);
	ok(each <= 28, "96 summaries of quarters of an hour: %.1f bytes each (aim 28)", each);
}

/* coded_bytes - size of summaries of consecutive stretches of a random walk of two decimals, one sample a second. */
static size_t
coded_bytes(uint32_t nsummaries, uint32_t nrows, double *bytes_each)
{
	static TsdbSummary summaries[128];
	uint64_t random = 5;
	double memory = 0;
	int64_t time_us = BASE_US;
	TsdbBytes out;
	size_t nbytes;

	stretch.type = TSDB_TYPE_FLOAT8;
	stretch.has_states = stretch.has_qualities = false;
	for (uint32_t i = 0; i < nsummaries; i++)
	{
		for (uint32_t j = 0; j < nrows; j++, time_us += 1000000)
		{
			stretch.times[j] = time_us;
			stretch.words[j] = double_word(plant_value(PLANT_WALK2, j, &memory, &random));
		}
		stretch_summary(&stretch, 0, nrows, 123456, &summaries[i]);
	}
	tsdb_bytes_init(&out, &mem);
	tsdb_summaries_encode(&out, TSDB_TYPE_FLOAT8, summaries, nsummaries, BASE_US, &mem);
	*bytes_each = (double) out.len / nsummaries;
	nbytes = out.len;
	arena_reset(&arena);
	return nbytes;
}

/* Damaged bytes are refused or give numbers; sanitizers watch. */
static void
test_damage(void)
{
	static TsdbSummary summaries[64];
	static TsdbSummary decoded[64];
	uint64_t random = 6;
	uint32_t refused = 0;
	uint32_t truncations = 0;
	uint32_t taken = 0;

	for (int round = 0; round < 400; round++)
	{
		TsdbType type = stretch_types[random_below(&random, STRETCH_NTYPES)];
		uint32_t n = random_summaries(summaries, type, 1 + random_below(&random, 30), &random);
		TsdbBytes out;

		tsdb_bytes_init(&out, &mem);
		tsdb_summaries_encode(&out, type, summaries, n, BASE_US, &mem);
		for (size_t nbytes = 0; nbytes < out.len; nbytes++, truncations++)
			refused += tsdb_summaries_decode(tsdb_span(exact_copy(&mem, out.data, nbytes), nbytes), type, decoded, n, BASE_US,
											 TSDB_SUMMARY_ALL, &mem) == TSDB_CORRUPT;
		for (int flip = 0; flip < 200; flip++)
		{
			uint8_t *bytes = exact_copy(&mem, out.data, out.len);

			bytes[random_below(&random, (uint32_t) out.len)] ^= (uint8_t) (1 << random_below(&random, 8));
			if (tsdb_summaries_decode(tsdb_span(bytes, out.len), type, decoded, n, BASE_US, TSDB_SUMMARY_ALL, &mem) == TSDB_CORRUPT)
				continue;
			taken++;
			for (uint32_t i = 1; i < n; i++)
				tsdb_summary_merge(&decoded[0], &decoded[i], type);
		}
		arena_reset(&arena);
	}
	ok(refused == truncations, "all %u truncations are refused (%u)", truncations, refused);
	ok(taken < 400 * 200, "%u of %d flipped bits decode, in bounds", taken, 400 * 200);
}

static void
set_floats(const double *values, uint32_t n)
{
	stretch.type = TSDB_TYPE_FLOAT8;
	stretch.n = n;
	stretch.has_states = stretch.has_qualities = false;
	for (uint32_t i = 0; i < n; i++)
	{
		stretch.times[i] = BASE_US + INT64_C(10000000) * i;
		stretch.words[i] = double_word(values[i]);
	}
}

static void
test_specials(void)
{
	static const double tenths[] = {0.1, 0.2, -0.3};
	static const double odd[] = {1, NAN, -INFINITY, 2};
	static const double zeros[] = {0.0, -0.0, 0.0, 1.5};
	TsdbSummary summary;
	TsdbSummary other;

	set_floats(tenths, 3);
	stretch_summary(&stretch, 0, 3, 1, &summary);
	ok(summary.sum_hi == 0 && summary.sum_lo == 0 && summary.decimals == 2, "0.1 + 0.2 - 0.3 is 0");
	set_floats(odd, 4);
	stretch_summary(&stretch, 0, 4, 1, &summary);
	ok(isnan(word_double(TSDB_TYPE_FLOAT8, summary.max)) && word_double(TSDB_TYPE_FLOAT8, summary.min) == -INFINITY,
	   "NaN is the greatest, -infinity the least");
	ok(isnan(summary.sum_hi) && summary.sum_lo == 0 && summary.decimals == 0, "their sum is NaN");
	set_floats(zeros, 4);
	stretch_summary(&stretch, 0, 4, 1, &summary);
	ok(summary.transitions == 1 && summary.duration_zero_us == 30000000, "-0.0 is no transition, and zero");

	stretch.type = TSDB_TYPE_INT8;
	stretch.words[0] = stretch.words[1] = stretch.words[2] = stretch.words[3] = (uint64_t) INT64_MIN;
	stretch_summary(&stretch, 0, 3, 1, &summary);
	ok(summary.int_sum_hi == -2 && summary.int_sum_lo == UINT64_C(1) << 63 && tsdb_summary_squares(&summary, TSDB_TYPE_INT8) == 0,
	   "three least int8: sum exact, no spread");
	stretch_summary(&stretch, 0, 4, 1, &summary);
	ok(isnan(tsdb_summary_squares(&summary, TSDB_TYPE_INT8)), "four: squares did not fit, and say so");
	stretch_summary(&stretch, 0, 1, 1, &other);
	tsdb_summary_merge(&summary, &other, TSDB_TYPE_INT8);
	ok(isnan(tsdb_summary_squares(&summary, TSDB_TYPE_INT8)) && summary.int_sum_hi == -3 && summary.int_sum_lo == UINT64_C(1) << 63,
	   "and stay so when merged");
	ok(check_coding(&summary, TSDB_TYPE_INT8, 1, &mem) == NULL, "and when coded");
}
