/*-------------------------------------------------------------------------
 *
 * subs_test.c
 *	  Sub-summaries of sums and extremes: reduced, joined, brought to one unit, coded; against summaries of the same rows.
 *-------------------------------------------------------------------------
 */
#include "summary_kit.h"

#include "format/grid.h"
#include "format/moments.h"
#include "format/subs.h"

#define NCASES 2000
#define BASE_US INT64_C(820454400000000) /* 2026-01-01 */
#define MINUTE_US INT64_C(60000000)
#define MAX_SPANS 64

static void test_joined(void);
static void make_rows(TsdbType type, uint64_t *random);
static uint32_t list_spans(TsdbSummary *subs, int64_t span_us);
static const char *check_joined(TsdbSubKind kind, uint64_t *random);
static const char *check_coded(const TsdbSummary *subs, uint32_t n, TsdbSubKind kind);
static void test_units(void);
static void test_size(void);
static void test_lines(void);

static Arena arena;
static const TsdbMem mem = {arena_alloc, &arena};
static Stretch stretch;

int
main(void)
{
	test_joined();
	test_units();
	test_size();
	test_lines();
	arena_reset(&arena);
	free(arena.pieces);
	return done();
}

// private functions

/* Summaries of short spans, reduced and joined, are those of wide spans. */
static void
test_joined(void)
{
	static const TsdbType types[] = {TSDB_TYPE_FLOAT8, TSDB_TYPE_FLOAT4, TSDB_TYPE_INT2, TSDB_TYPE_INT4, TSDB_TYPE_INT8};
	uint64_t random = 1;

	for (size_t t = 0; t < sizeof(types) / sizeof(types[0]); t++)
		for (int kind = TSDB_SUBS_SUMS; kind < TSDB_SUB_KINDS; kind++)
		{
			const char *wrong = NULL;

			for (int i = 0; i < NCASES && wrong == NULL; i++)
			{
				make_rows(types[t], &random);
				wrong = check_joined(kind, &random);
				arena_reset(&arena);
			}
			ok(wrong == NULL, "type %d, kind %d: joined spans equal wide ones: %s", types[t], kind, wrong ? wrong : "all fields");
		}
}

/* A sample a minute, some missing; decimals of one to three digits, or integers. */
static void
make_rows(TsdbType type, uint64_t *random)
{
	int64_t time_us = BASE_US + random_below(random, 180) * MINUTE_US;

	stretch.type = type;
	stretch.has_states = stretch.has_qualities = false;
	stretch.n = 1 + random_below(random, 600);
	for (uint32_t i = 0; i < stretch.n; i++)
	{
		int64_t units = (int64_t) random_below(random, 4000) - 2000;
		static const double powers[] = {1, 10, 100, 1000};

		stretch.times[i] = time_us;
		time_us += random_below(random, 20) ? MINUTE_US : 45 * MINUTE_US;
		if (type == TSDB_TYPE_FLOAT8)
			stretch.words[i] = double_word((double) units / powers[random_below(random, i % 40 < 30 ? 2 : 4)]);
		else if (type == TSDB_TYPE_FLOAT4)
		{
			float value = (float) units / 4;
			uint32_t bits;

			memcpy(&bits, &value, sizeof(bits));
			stretch.words[i] = bits;
		}
		else
			stretch.words[i] = (uint64_t) units;
	}
}

static uint32_t
list_spans(TsdbSummary *subs, int64_t span_us)
{
	uint32_t n = 0;

	for (uint32_t from = 0; from < stretch.n;)
	{
		uint32_t until = from;
		int64_t start_us = 0;

		tsdb_grid_floor(stretch.times[from], span_us, &start_us);
		while (until < stretch.n && stretch.times[until] - start_us < span_us)
			until++;
		stretch_summary(&stretch, from, until, 1, &subs[n++]);
		from = until;
	}
	return n;
}

static const char *
check_joined(TsdbSubKind kind, uint64_t *random)
{
	static TsdbSummary fine[KIT_ROWS];
	static TsdbSummary wide[KIT_ROWS];
	int64_t fine_us = 15 * MINUTE_US << random_below(random, 2);
	uint32_t nfine = list_spans(fine, fine_us);
	uint32_t nwide = list_spans(wide, fine_us * 2);

	for (uint32_t i = 0; i < nfine; i++)
	{
		if (!tsdb_subs_can_reduce(&fine[i], stretch.type, kind))
			return "not reducible";
		tsdb_subs_reduce(&fine[i], kind);
	}
	nfine = tsdb_subs_coarsen(fine, nfine, stretch.type, fine_us * 2);
	if (nfine != nwide)
		return "number of spans";
	if (!tsdb_subs_align(fine, nfine))
		return "units";
	for (uint32_t i = 0; i < nwide; i++)
	{
		TsdbSummary pair[2] = {wide[i], fine[i]};

		tsdb_subs_reduce(&pair[0], kind);
		if (!tsdb_subs_align(pair, 2))
			return "units of one";
		if (pair[0].nrows != fine[i].nrows || pair[0].nvalues != fine[i].nvalues ||
			pair[0].first_row_time != fine[i].first_row_time || pair[0].last_row_time != fine[i].last_row_time)
			return "rows";
		if (pair[0].int_sum_hi != fine[i].int_sum_hi || pair[0].int_sum_lo != fine[i].int_sum_lo || pair[0].decimals != fine[i].decimals)
			return "sum";
		if (pair[0].min != fine[i].min || pair[0].max != fine[i].max)
			return "extremes";
	}
	return check_coded(fine, nfine, kind);
}

/* They can be read as plain arrays, and say the same. */
static const char *
check_coded(const TsdbSummary *subs, uint32_t n, TsdbSubKind kind)
{
	TsdbSummaryArrays arrays;
	TsdbSummary folded;
	TsdbBytes out;
	uint64_t nrows = 0;

	tsdb_bytes_init(&out, &mem);
	tsdb_summaries_encode(&out, stretch.type, subs, n, BASE_US, &mem);
	if (tsdb_summaries_decode_arrays(tsdb_span(out.data, out.len), stretch.type, &arrays, n, BASE_US,
									 tsdb_subs_fields(kind), &mem) != TSDB_OK ||
		!arrays.is_plain)
		return "not plain";
	for (uint32_t i = 0; i < n; i++)
	{
		nrows += subs[i].nrows;
		if (arrays.nrows[i] != subs[i].nrows || arrays.row_totals[i + 1] != nrows || arrays.first_row_times[i] != subs[i].first_row_time ||
			arrays.last_row_times[i] != subs[i].last_row_time)
			return "decoded rows";
		if (kind == TSDB_SUBS_SUMS && (uint64_t) arrays.sums[i] != subs[i].int_sum_lo)
			return "decoded sums";
		if (kind == TSDB_SUBS_EXTREMES && (arrays.mins[i] != subs[i].min || arrays.maxs[i] != subs[i].max))
			return "decoded extremes";
	}
	tsdb_summaries_fold(&arrays, 0, n, &folded);
	return folded.nrows == nrows && folded.last_row_time == subs[n - 1].last_row_time ? NULL : "fold";
}

/* Sums that 64 bits do not hold in the units of others, or at all. */
static void
test_units(void)
{
	TsdbSummary subs[2];

	stretch.type = TSDB_TYPE_INT8;
	stretch.has_states = stretch.has_qualities = false;
	stretch.n = 2;
	for (uint32_t i = 0; i < 2; i++)
	{
		stretch.times[i] = BASE_US + i * MINUTE_US;
		stretch.words[i] = INT64_MAX;
		stretch_summary(&stretch, i, i + 1, 1, &subs[i]);
		tsdb_subs_reduce(&subs[i], TSDB_SUBS_SUMS);
	}
	ok(tsdb_subs_align(subs, 2), "two great integers can be kept");
	ok(tsdb_subs_coarsen(subs, 2, TSDB_TYPE_INT8, 15 * MINUTE_US) == 1 && !tsdb_subs_align(subs, 1), "their sum can't");
	stretch_summary(&stretch, 0, 2, 1, &subs[0]);
	ok(!tsdb_subs_can_reduce(&subs[0], TSDB_TYPE_INT8, TSDB_SUBS_SUMS) && tsdb_subs_can_reduce(&subs[0], TSDB_TYPE_INT8, TSDB_SUBS_EXTREMES),
	   "as a whole they have extremes alone");

	stretch.type = TSDB_TYPE_FLOAT8;
	stretch.words[0] = double_word(2e15);
	stretch.words[1] = double_word(0.0001);
	for (uint32_t i = 0; i < 2; i++)
	{
		stretch_summary(&stretch, i, i + 1, 1, &subs[i]);
		tsdb_subs_reduce(&subs[i], TSDB_SUBS_SUMS);
	}
	ok(!tsdb_subs_align(subs, 2), "2e15 in units of 0.0001 is too much");
	stretch.words[0] = double_word(0.1 + 0.2);
	stretch_summary(&stretch, 0, 1, 1, &subs[0]);
	ok(!tsdb_subs_can_reduce(&subs[0], TSDB_TYPE_FLOAT8, TSDB_SUBS_SUMS), "0.1 + 0.2 is no decimal");
	stretch.has_states = true;
	stretch.states[0] = TSDB_CELL_VALUE;
	stretch.states[1] = TSDB_CELL_NULL;
	stretch_summary(&stretch, 0, 2, 1, &subs[0]);
	ok(!tsdb_subs_can_reduce(&subs[0], TSDB_TYPE_FLOAT8, TSDB_SUBS_EXTREMES), "nothing with a NULL");
	stretch.has_states = false;
}

/* 32 days of a sensor at a sample a minute: half hours of sums, hours of extremes. */
static void
test_size(void)
{
	static TsdbSummary subs[2][1536];
	TsdbBytes sums;
	TsdbBytes extremes;

	stretch.type = TSDB_TYPE_FLOAT8;
	for (uint32_t i = 0; i < 1536; i++)
	{
		stretch.n = 30;
		for (uint32_t j = 0; j < 30; j++)
		{
			uint32_t k = i * 30 + j;

			stretch.times[j] = BASE_US + k * MINUTE_US;
			stretch.words[j] = double_word(round(2000 + 500 * sin(k / 571.0) + 40 * sin(k * 12.9898)) / 100);
		}
		stretch_summary(&stretch, 0, 30, 1, &subs[0][i]);
		subs[1][i] = subs[0][i];
		tsdb_subs_reduce(&subs[0][i], TSDB_SUBS_SUMS);
		tsdb_subs_reduce(&subs[1][i], TSDB_SUBS_EXTREMES);
	}
	ok(tsdb_subs_coarsen(subs[1], 1536, TSDB_TYPE_FLOAT8, 60 * MINUTE_US) == 768, "hours of half hours");
	tsdb_bytes_init(&sums, &mem);
	tsdb_bytes_init(&extremes, &mem);
	ok(tsdb_subs_align(subs[0], 1536), "one unit");
	tsdb_summaries_encode(&sums, TSDB_TYPE_FLOAT8, subs[0], 1536, BASE_US, &mem);
	tsdb_summaries_encode(&extremes, TSDB_TYPE_FLOAT8, subs[1], 768, BASE_US, &mem);
	ok(sums.len <= 1536 && extremes.len <= 1000, "a sum takes %.2f bytes, extremes of an hour %.2f", (double) sums.len / 1536, (double) extremes.len / 768);
}

/* What is said to be a line is one. */
static void
test_lines(void)
{
	uint64_t random = 5;
	uint32_t nlines = 0;
	const char *wrong = NULL;

	for (int i = 0; i < NCASES && wrong == NULL; i++)
	{
		static uint64_t words[3000];
		static uint64_t filled[3000];
		uint32_t n = 5 + random_below(&random, 2990);
		int64_t first = (int64_t) random_below(&random, 100000) - 50000;
		int64_t step = i % 3 == 0 ? 0 : random_below(&random, i % 5 ? 100 : 1000000);
		TsdbBytes out;
		bool is_bent = i % 4 == 0;

		for (uint32_t j = 0; j < n; j++)
			words[j] = (uint64_t) (first + (int64_t) j * step);
		if (is_bent)
			words[random_below(&random, n)] += 1 + random_below(&random, 3);
		tsdb_bytes_init(&out, &mem);
		tsdb_column_encode(&out, TSDB_TYPE_INT8, words, n, NULL, &mem);
		if (tsdb_column_line(tsdb_span(out.data, out.len), n, &first, &step))
		{
			nlines++;
			tsdb_line_fill((int64_t *) filled, n, first, step);
			if (memcmp(words, filled, n * sizeof(uint64_t)) != 0)
				wrong = "no line";
			for (size_t cut = 0; cut < out.len && wrong == NULL; cut++)
				if (tsdb_column_line(tsdb_span(out.data, cut), n, &first, &step))
					wrong = "a line in part of a chunk";
		}
		else if (!is_bent && step * n < INT32_MAX / 2)
			wrong = "a line is not found";
		arena_reset(&arena);
	}
	ok(wrong == NULL && nlines > NCASES / 2, "lines are told from others: %s, %u", wrong ? wrong : "all", nlines);
}
