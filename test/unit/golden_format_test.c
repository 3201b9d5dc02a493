/*-------------------------------------------------------------------------
 *
 * golden_format_test.c
 *	  Golden files of cells, summaries, runs and the tree of a segment.
 *
 * See golden_kit.h.
 *-------------------------------------------------------------------------
 */
#include "format/block.h"
#include "format/grid.h"
#include "format/run.h"
#include "format/segment.h"
#include "golden_fill.h"
#include "golden_kit.h"
#include "summary_kit.h"

#define SEGMENT_US (32 * TSDB_US_PER_DAY)
#define HOUR_US INT64_C(3600000000)
#define BLOCK_ROWS 360
#define NBLOCKS 24
#define SUBS_PER_BLOCK 4
#define MAX_ROWS 1000
#define RUN_NO 4711

/* How the cells of a column are there. */
typedef enum Presence
{
	PRESENCE_ALL,
	PRESENCE_NULLS,
	PRESENCE_NONE,
	PRESENCE_ABSENT,
	PRESENCE_MIXED
} Presence;

typedef struct CellsCase
{
	TsdbType type;
	Presence presence;
	GoldenFill fill; /* NULL: text */
} CellsCase;

typedef struct SummariesCase
{
	TsdbType type;
	GoldenFill fill;
	uint32_t n;
	bool is_regular; /* no NULLs, all good, one distance of times */
} SummariesCase;

typedef struct RunCase
{
	uint32_t nseries;
	uint32_t nrows; /* of each series */
	bool is_shared; /* all series have the same times */
	bool is_merged; /* of a higher tier: kinds and sequences per row, payload in pages */
	uint8_t mode; /* TsdbRunTimes of the first chunk */
} RunCase;

static void encode_cells(const void *detail, TsdbBytes *out);
static const char *check_cells(const void *detail, TsdbSpan src);
static void make_cells(const CellsCase *cells, uint64_t *words, uint8_t *states, TsdbBytes *texts);
static void encode_summaries(const void *detail, TsdbBytes *out);
static const char *check_summaries(const void *detail, TsdbSpan src);
static TsdbSummary *make_summaries(const SummariesCase *summaries);
static void encode_known(const void *detail, TsdbBytes *out);
static const char *check_known(const void *detail, TsdbSpan src);
static void make_known(TsdbSummary *summary);
static void encode_run(const void *detail, TsdbBytes *out);
static const char *check_run(const void *detail, TsdbSpan src);
static const char *check_chunk(const RunCase *run_case, const TsdbRun *run, const TsdbRunChunk *chunk, TsdbSpan bytes);
static const char *check_row(const TsdbBatch *a, uint32_t a_row, const TsdbBatch *b, uint32_t b_row);
static void make_rows(const RunCase *run_case, TsdbBatch *batch);
static void set_run(const RunCase *run_case, TsdbRun *run);
static void encode_root(const void *detail, TsdbBytes *out);
static const char *check_root(const void *detail, TsdbSpan src);
static void encode_base(const void *detail, TsdbBytes *out);
static const char *check_base(const void *detail, TsdbSpan src);
static void make_tree(TsdbSegment *segment, TsdbGroupBase *base);
static TsdbChunkRef next_chunk(TsdbSegment *segment, uint32_t nbytes);
static void encode_directory(const void *detail, TsdbBytes *out);
static const char *check_directory(const void *detail, TsdbSpan src);
static bool is_same_ref(TsdbChunkRef a, TsdbChunkRef b);
static void forget_nans(TsdbSummary *summary);
static const char *compare_summaries(TsdbSpan src, TsdbType type, const TsdbSummary *expected, uint32_t n, int64_t base_us);

/* Which NaN a sum of NaNs is depends on the compiler. */
static const SummariesCase with_nans = {TSDB_TYPE_FLOAT8, fill_exceptions, 10, false};

#define CELLS(file, relaxed, ...)                                                                                                    \
	{                                                                                                                                \
		.name = file, .encode = encode_cells, .check = check_cells, .detail = &(const CellsCase){__VA_ARGS__}, .is_relaxed = relaxed \
	}
#define SUMMARIES(file, ...)                                                                                 \
	{                                                                                                        \
		.name = file, .encode = encode_summaries, .check = check_summaries, .detail = &(const SummariesCase) \
		{                                                                                                    \
			__VA_ARGS__                                                                                      \
		}                                                                                                    \
	}
#define RUN(file, ...)                                                                     \
	{                                                                                      \
		.name = file, .encode = encode_run, .check = check_run, .detail = &(const RunCase) \
		{                                                                                  \
			__VA_ARGS__                                                                    \
		}                                                                                  \
	}

static const GoldenCase cases[] = {
	CELLS("cells_values", false, TSDB_TYPE_FLOAT8, PRESENCE_ALL, fill_decimals),
	CELLS("cells_nulls", false, TSDB_TYPE_INT4, PRESENCE_NULLS, fill_walk),
	CELLS("cells_none", false, TSDB_TYPE_BOOL, PRESENCE_NONE, fill_states),
	CELLS("cells_absent", false, TSDB_TYPE_INT8, PRESENCE_ABSENT, fill_wide),
	CELLS("cells_mixed", false, TSDB_TYPE_QUALITY, PRESENCE_MIXED, fill_qualities),
	CELLS("cells_text", false, TSDB_TYPE_TEXT, PRESENCE_NULLS, NULL),

	{.name = "summary_known", .encode = encode_known, .check = check_known},
	SUMMARIES("summaries_float8", TSDB_TYPE_FLOAT8, fill_decimals, 24, true),
	SUMMARIES("summaries_float8_digits", TSDB_TYPE_FLOAT8, fill_digits, 10, false),
	{.name = "summaries_float8_mixed", .encode = encode_summaries, .check = check_summaries, .detail = &with_nans, .is_relaxed = true},
	SUMMARIES("summaries_float4", TSDB_TYPE_FLOAT4, fill_decimals4, 10, false),
	SUMMARIES("summaries_int2", TSDB_TYPE_INT2, fill_noise, 10, false),
	SUMMARIES("summaries_int4", TSDB_TYPE_INT4, fill_walk, 10, true),
	SUMMARIES("summaries_int8", TSDB_TYPE_INT8, fill_wide, 10, false),
	SUMMARIES("summaries_bool", TSDB_TYPE_BOOL, fill_states, 10, true),
	SUMMARIES("summaries_text", TSDB_TYPE_TEXT, fill_noise, 10, false),
	SUMMARIES("summaries_timestamptz", TSDB_TYPE_TIMESTAMPTZ, fill_counter, 10, false),
	SUMMARIES("summaries_date", TSDB_TYPE_DATE, fill_noise, 1, true),
	SUMMARIES("summaries_quality", TSDB_TYPE_QUALITY, fill_qualities, 10, false),

	RUN("run_shared", 20, 10, true, false, 0),
	RUN("run_each", 3, 120, false, false, 1),
	RUN("run_steps", 40, 6, false, true, 2),
	RUN("run_one", 1, 1, true, false, 0),

	{.name = "segment_root", .encode = encode_root, .check = check_root},
	{.name = "segment_group_base", .encode = encode_base, .check = check_base},
	{.name = "segment_group_column", .encode = encode_directory, .check = check_directory},
};

int
main(int argc, char **argv)
{
	return golden_main(argc, argv, cases, sizeof(cases) / sizeof(cases[0]));
}

// private functions

static void
encode_cells(const void *detail, TsdbBytes *out)
{
	const CellsCase *cells = (const CellsCase *) detail;
	uint64_t words[MAX_ROWS];
	uint8_t states[MAX_ROWS];
	TsdbBytes texts;

	make_cells(cells, words, states, &texts);
	tsdb_cells_encode(out, cells->type, words, cells->presence == PRESENCE_ALL ? NULL : states, MAX_ROWS, texts.data,
					  NULL, true, &mem);
}

static const char *
check_cells(const void *detail, TsdbSpan src)
{
	const CellsCase *cells = (const CellsCase *) detail;
	uint64_t expected[MAX_ROWS];
	uint64_t words[MAX_ROWS];
	uint8_t expected_states[MAX_ROWS];
	uint8_t states[MAX_ROWS];
	bool has_states;
	TsdbBytes texts;
	TsdbBytes decoded;

	make_cells(cells, expected, expected_states, &texts);
	tsdb_bytes_init(&decoded, &mem);
	if (tsdb_cells_decode(src, cells->type, words, states, &has_states, MAX_ROWS, &decoded, &mem) != TSDB_OK)
		return "they do not";
	if (has_states != (cells->presence != PRESENCE_ALL))
		return "states";
	for (uint32_t i = 0; i < MAX_ROWS; i++)
	{
		if (has_states && states[i] != expected_states[i])
			return "a state";
		if (expected_states[i] != TSDB_CELL_VALUE)
			continue;
		if (cells->fill == NULL ? !golden_same_text(texts.data, expected[i], decoded.data, words[i]) : words[i] != expected[i])
			return "a value";
	}
	return NULL;
}

static void
make_cells(const CellsCase *cells, uint64_t *words, uint8_t *states, TsdbBytes *texts)
{
	static const char *const names[] = {"idle", "heating", "melting", "tapping", "repair"};

	tsdb_bytes_init(texts, &mem);
	if (cells->fill != NULL)
		cells->fill(words, MAX_ROWS);
	for (uint32_t i = 0; i < MAX_ROWS; i++)
	{
		if (cells->fill == NULL)
			words[i] = golden_text(texts, names[i / 37 % 5]);
		states[i] = TSDB_CELL_VALUE;
		if (cells->presence == PRESENCE_NONE || (cells->presence >= PRESENCE_NULLS && i % 41 == 5))
			states[i] = TSDB_CELL_NULL;
		if (cells->presence == PRESENCE_ABSENT || (cells->presence == PRESENCE_MIXED && i % 3 == 1))
			states[i] = TSDB_CELL_ABSENT;
	}
}

static void
encode_summaries(const void *detail, TsdbBytes *out)
{
	const SummariesCase *summaries = (const SummariesCase *) detail;

	tsdb_summaries_encode(out, summaries->type, make_summaries(summaries), summaries->n, GOLDEN_START_US, &mem);
}

static const char *
check_summaries(const void *detail, TsdbSpan src)
{
	const SummariesCase *summaries = (const SummariesCase *) detail;

	return compare_summaries(src, summaries->type, make_summaries(summaries), summaries->n, GOLDEN_START_US);
}

/* One per 40 rows; unless regular the second has no rows and the third no values. */
static TsdbSummary *
make_summaries(const SummariesCase *summaries)
{
	enum
	{
		NROWS = 40
	};
	TsdbSummary *made = (TsdbSummary *) golden_zeroed(summaries->n, sizeof(TsdbSummary));
	uint64_t words[MAX_ROWS];
	uint64_t qualities[MAX_ROWS];
	int64_t times[MAX_ROWS];
	uint8_t states[MAX_ROWS];
	uint32_t n = summaries->n * NROWS;

	summaries->fill(words, n);
	fill_qualities(qualities, n);
	if (summaries->is_regular)
		fill_regular(times, n);
	else
		fill_holes(times, n);
	for (uint32_t i = 0; i < n; i++)
		states[i] = i / NROWS == 2 || i % 17 == 0 ? TSDB_CELL_NULL : TSDB_CELL_VALUE;
	for (uint32_t i = 0; i < summaries->n; i++)
	{
		uint32_t from = i * NROWS;

		if (i == 1 && !summaries->is_regular)
			tsdb_summary_init(&made[i]);
		else
			tsdb_summary_compute(&made[i], summaries->type, NROWS, times + from, words + from,
								 summaries->is_regular ? NULL : states + from,
								 summaries->is_regular ? NULL : qualities + from, NULL, RUN_NO + i / 3);
	}
	return made;
}

/* Four samples, 1.5 NULL 0 3.0 at 10 s, the last one bad: every field by hand. */
static void
make_known(TsdbSummary *summary)
{
	tsdb_summary_init(summary);
	summary->nrows = 4;
	summary->nvalues = 3;
	summary->ngood = 3;
	summary->nbad = 1;
	summary->duration_good_us = 30000000;
	summary->duration_zero_us = 10000000;
	summary->duration_nonzero_us = 10000000;
	summary->transitions = 2;
	summary->worst_quality = 0x80000000;
	summary->last_row_quality = 0x80000000;
	summary->first_row_time = GOLDEN_START_US;
	summary->last_row_time = GOLDEN_START_US + 30000000;
	summary->sequence = RUN_NO;
	summary->min = golden_double(0.0);
	summary->max = golden_double(3.0);
	summary->min_time = GOLDEN_START_US + 20000000;
	summary->max_time = GOLDEN_START_US + 30000000;
	summary->first = golden_double(1.5);
	summary->last = golden_double(3.0);
	summary->first_time = GOLDEN_START_US;
	summary->last_time = GOLDEN_START_US + 30000000;
	summary->last_quality = 0x80000000;
	summary->sum_hi = 4.5;
	summary->decimals = 2;
	summary->int_sum_lo = 45;
	summary->int_sumsq_lo = 1125;
	summary->m2 = 4.5; /* 1.5^2 + 3^2 - 4.5^2 / 3 */
	summary->integral_stepped = 15000000.0;
}

static void
encode_known(const void *detail, TsdbBytes *out)
{
	TsdbSummary known;

	make_known(&known);
	tsdb_summaries_encode(out, TSDB_TYPE_FLOAT8, &known, 1, GOLDEN_START_US, &mem);
}

/* What the file says, and what is computed from the samples. */
static const char *
check_known(const void *detail, TsdbSpan src)
{
	static const int64_t times[] = {GOLDEN_START_US, GOLDEN_START_US + 10000000, GOLDEN_START_US + 20000000,
									GOLDEN_START_US + 30000000};
	static const uint8_t states[] = {TSDB_CELL_VALUE, TSDB_CELL_NULL, TSDB_CELL_VALUE, TSDB_CELL_VALUE};
	static const uint64_t qualities[] = {0, 0, 0, UINT64_C(0xffffffff80000000)};
	uint64_t words[] = {golden_double(1.5), 0, golden_double(0.0), golden_double(3.0)};
	TsdbSummary computed;
	TsdbSummary known;
	const char *wrong;

	make_known(&known);
	tsdb_summary_compute(&computed, TSDB_TYPE_FLOAT8, 4, times, words, states, qualities, NULL, RUN_NO);
	wrong = summary_differs(&computed, &known, TSDB_SUMMARY_ALL);
	return wrong ? wrong : compare_summaries(src, TSDB_TYPE_FLOAT8, &known, 1, GOLDEN_START_US);
}

/* The RUN row as it stands when the payload follows the header. */
static void
encode_run(const void *detail, TsdbBytes *out)
{
	const RunCase *run_case = (const RunCase *) detail;
	TsdbBatch batch;
	TsdbBytes payload;
	TsdbRun run;

	memset(&run, 0, sizeof(run));
	make_rows(run_case, &batch);
	tsdb_bytes_init(&payload, &mem);
	set_run(run_case, &run);
	tsdb_run_encode(&run, &payload, &batch, !run_case->is_merged, NULL, true, &mem);
	tsdb_runheader_encode(out, &run, &mem);
	tsdb_bytes_append(out, payload.data, payload.len);
}

static const char *
check_run(const void *detail, TsdbSpan src)
{
	const RunCase *run_case = (const RunCase *) detail;
	TsdbRun expected;
	TsdbRun run;

	memset(&expected, 0, sizeof(expected));
	set_run(run_case, &expected);
	if (tsdb_runheader_decode(&src, &run, &mem) != TSDB_OK)
		return "the header does not";
	if (run.run_no != expected.run_no || run.tier != expected.tier || run.barrier_seq != expected.barrier_seq ||
		run.first_page != expected.first_page || run.nrows != (uint64_t) run_case->nseries * run_case->nrows)
		return "header";
	if (run.min_seq != RUN_NO - (run_case->is_merged ? 5 : 0) || run.max_seq != RUN_NO)
		return "range of sequences";
	if (run.payload_bytes != tsdb_span_left(&src) || run.nchunks == 0)
		return "length of the payload";
	for (uint32_t i = 0; i < run.nchunks; i++)
	{
		TsdbSpan bytes = tsdb_span(src.at + run.chunks[i].offset, run.chunks[i].nbytes);
		const char *wrong = check_chunk(run_case, &run, &run.chunks[i], bytes);

		if (wrong != NULL)
			return wrong;
	}
	return NULL;
}

static const char *
check_chunk(const RunCase *run_case, const TsdbRun *run, const TsdbRunChunk *chunk, TsdbSpan bytes)
{
	/* The run has no column 4, and column 301 is younger. */
	static const TsdbWanted wanted[] = {
		{.attnum = 3, .type = TSDB_TYPE_FLOAT8, .missing_state = TSDB_CELL_NULL},
		{.attnum = 4, .type = TSDB_TYPE_INT4, .missing_state = TSDB_CELL_NULL},
		{.attnum = 5, .type = TSDB_TYPE_TEXT, .missing_state = TSDB_CELL_NULL},
		{.attnum = 300, .type = TSDB_TYPE_BOOL, .missing_state = TSDB_CELL_NULL},
		{.attnum = 301, .type = TSDB_TYPE_INT8, .missing_state = TSDB_CELL_VALUE, .missing_word = 77}};
	TsdbBatch expected;
	TsdbBatch batch;

	make_rows(run_case, &expected);
	if ((bytes.at[0] & 3) != run_case->mode)
		return "another mode of times";
	if (tsdb_runchunk_decode(bytes, run, chunk, wanted, 5, &batch, &mem) != TSDB_OK)
		return "a chunk does not";
	for (uint32_t i = 0; i < batch.nrows; i++)
	{
		const char *wrong = check_row(&batch, i, &expected, (uint32_t) chunk->first_row + i);

		if (wrong != NULL)
			return wrong;
	}
	return NULL;
}

/* a: as wanted by check_chunk; b: as made. */
static const char *
check_row(const TsdbBatch *a, uint32_t a_row, const TsdbBatch *b, uint32_t b_row)
{
	static const int stored[] = {0, 2, 3}; /* places of b's columns in a */
	uint8_t kind = b->kinds ? b->kinds[b_row] : TSDB_ROW_FULL;
	uint64_t sequence = b->sequences ? b->sequences[b_row] : RUN_NO;
	uint8_t missing = kind == TSDB_ROW_FULL ? TSDB_CELL_NULL : TSDB_CELL_ABSENT;
	const TsdbColumn *added = &a->columns[4];

	if (tsdb_key_compare(tsdb_batch_key(a, a_row), tsdb_batch_key(b, b_row)) != 0)
		return "a key";
	if ((a->kinds ? a->kinds[a_row] : TSDB_ROW_FULL) != kind)
		return "a kind";
	if ((a->sequences ? a->sequences[a_row] : a->sequence) != sequence)
		return "a sequence";
	for (int c = 0; c < b->ncolumns; c++)
	{
		const TsdbColumn *x = &a->columns[stored[c]];
		const TsdbColumn *y = &b->columns[c];
		uint8_t state = y->states[b_row];

		if ((x->states ? x->states[a_row] : TSDB_CELL_VALUE) != state)
			return "a state";
		if (state != TSDB_CELL_VALUE)
			continue;
		if (y->type == TSDB_TYPE_TEXT ? !golden_same_text(a->arena.data, x->words[a_row], b->arena.data, y->words[b_row]) : x->words[a_row] != y->words[b_row])
			return "a value";
	}
	if (a->columns[1].states == NULL || a->columns[1].states[a_row] != missing)
		return "a column that is missing";
	if (kind == TSDB_ROW_TOMBSTONE ? added->states[a_row] != TSDB_CELL_ABSENT : added->words[a_row] != 77 || (added->states != NULL && added->states[a_row] != TSDB_CELL_VALUE))
		return "the default of a column that is missing";
	return NULL;
}

static void
make_rows(const RunCase *run_case, TsdbBatch *batch)
{
	static const uint8_t kinds[] = {TSDB_ROW_FULL, TSDB_ROW_FULL, TSDB_ROW_PATCH, TSDB_ROW_FULL, TSDB_ROW_TOMBSTONE};
	static const char *const names[] = {"open", "shut", ""};
	static const GoldenFill fills[] = {fill_decimals, NULL, fill_states};
	static const int16_t attnums[] = {3, 5, 300};
	static const uint8_t types[] = {TSDB_TYPE_FLOAT8, TSDB_TYPE_TEXT, TSDB_TYPE_BOOL};
	uint32_t n = run_case->nseries * run_case->nrows;

	memset(batch, 0, sizeof(*batch));
	tsdb_bytes_init(&batch->arena, &mem);
	batch->nrows = n;
	batch->series = (uint32_t *) golden_zeroed(n, sizeof(uint32_t));
	batch->times = (int64_t *) golden_zeroed(n, sizeof(int64_t));
	if (run_case->is_merged)
	{
		batch->kinds = (uint8_t *) golden_zeroed(n, 1);
		batch->sequences = (uint64_t *) golden_zeroed(n, sizeof(uint64_t));
	}
	for (uint32_t i = 0; i < n; i++)
	{
		uint32_t series = i / run_case->nrows;
		uint32_t row = i % run_case->nrows;

		batch->series[i] = 5 + series * 3;
		batch->times[i] = GOLDEN_START_US + (int64_t) row * 1000000 +
						  (run_case->is_shared ? 0 : (int64_t) series * 1234567 + (row % 3 == 0) * (row * row * row * 7919 + row * row * 104729) % 4999);
		if (!run_case->is_merged)
			continue;
		/* Two versions of each second row's key. */
		if (row % 2 == 1)
			batch->times[i] = batch->times[i - 1];
		batch->kinds[i] = kinds[i % 5];
		batch->sequences[i] = RUN_NO - 5 + row % 2 * 5;
	}
	batch->ncolumns = 3;
	batch->columns = (TsdbColumn *) golden_zeroed(3, sizeof(TsdbColumn));
	for (int c = 0; c < 3; c++)
	{
		TsdbColumn *column = &batch->columns[c];

		column->attnum = attnums[c];
		column->type = types[c];
		column->words = (uint64_t *) golden_zeroed(n, sizeof(uint64_t));
		column->states = (uint8_t *) golden_zeroed(n, 1);
		if (fills[c] != NULL)
			fills[c](column->words, n);
		for (uint32_t i = 0; i < n; i++)
		{
			uint8_t kind = batch->kinds ? batch->kinds[i] : TSDB_ROW_FULL;

			if (fills[c] == NULL)
				column->words[i] = golden_text(&batch->arena, names[i / 4 % 3]);
			column->states[i] = c == 0 && i % 11 == 3 ? TSDB_CELL_NULL : TSDB_CELL_VALUE;
			if (kind == TSDB_ROW_TOMBSTONE || (kind == TSDB_ROW_PATCH && c == 1))
				column->states[i] = TSDB_CELL_ABSENT;
		}
	}
}

/* What the caller of tsdb_run_encode sets. */
static void
set_run(const RunCase *run_case, TsdbRun *run)
{
	run->run_no = RUN_NO;
	run->min_seq = run->max_seq = RUN_NO;
	run->barrier_seq = run_case->is_merged ? RUN_NO - 9 : RUN_NO;
	run->tier = run_case->is_merged ? 1 : 0;
	run->first_page = run_case->is_merged ? INT64_C(1) << 33 : 0;
}

static void
encode_root(const void *detail, TsdbBytes *out)
{
	TsdbSegment segment;
	TsdbGroupBase base;

	make_tree(&segment, &base);
	tsdb_segment_encode(out, &segment, &mem);
}

static const char *
check_root(const void *detail, TsdbSpan src)
{
	TsdbSegment a;
	TsdbSegment b;
	TsdbGroupBase base;

	make_tree(&a, &base);
	if (tsdb_segment_decode(src, &b, &mem) != TSDB_OK)
		return "it does not";
	if (a.series != b.series || a.segment_no != b.segment_no || a.from_us != b.from_us || a.until_us != b.until_us)
		return "key";
	if (a.merged_seq != b.merged_seq || a.block_us != b.block_us || a.group_us != b.group_us || a.nrows != b.nrows ||
		a.min_block_id != b.min_block_id || a.max_block_id != b.max_block_id ||
		a.stream_bytes != b.stream_bytes || a.dead_bytes != b.dead_bytes || a.lead_bytes != b.lead_bytes)
		return "totals";
	if (a.npages != b.npages || a.ngroups != b.ngroups || a.ncolumns != b.ncolumns)
		return "counts";
	for (uint32_t i = 0; i < a.npages; i++)
		if (a.pages[i].stream_page != b.pages[i].stream_page || a.pages[i].page_no != b.pages[i].page_no)
			return "pages";
	for (uint32_t i = 0; i < a.ngroups; i++)
		if (a.groups[i].from_us != b.groups[i].from_us || a.groups[i].until_us != b.groups[i].until_us ||
			a.groups[i].nblocks != b.groups[i].nblocks || a.groups[i].nrows != b.groups[i].nrows ||
			!is_same_ref(a.groups[i].base, b.groups[i].base))
			return "groups";
	for (int i = 0; i < a.ncolumns; i++)
		if (a.columns[i].attnum != b.columns[i].attnum || a.columns[i].type != b.columns[i].type ||
			a.columns[i].quality_attnum != b.columns[i].quality_attnum ||
			tsdb_span_left(&a.columns[i].summaries) != tsdb_span_left(&b.columns[i].summaries) ||
			memcmp(a.columns[i].summaries.at, b.columns[i].summaries.at, tsdb_span_left(&a.columns[i].summaries)) != 0)
			return "columns";
	return NULL;
}

static void
encode_base(const void *detail, TsdbBytes *out)
{
	TsdbSegment segment;
	TsdbGroupBase base;

	make_tree(&segment, &base);
	tsdb_groupbase_encode(out, &base, &segment, &segment.groups[0], &mem);
}

static const char *
check_base(const void *detail, TsdbSpan src)
{
	TsdbSegment segment;
	TsdbGroupBase a;
	TsdbGroupBase b;

	make_tree(&segment, &a);
	if (tsdb_groupbase_decode(src, &b, &segment, &segment.groups[0], &mem) != TSDB_OK)
		return "it does not";
	if (a.nblocks != b.nblocks || a.ncolumns != b.ncolumns)
		return "counts";
	for (uint32_t i = 0; i < a.nblocks; i++)
	{
		const TsdbBlock *x = &a.blocks[i];
		const TsdbBlock *y = &b.blocks[i];

		if (x->block_id != y->block_id || x->from_us != y->from_us || x->until_us != y->until_us || x->nrows != y->nrows ||
			x->first_time != y->first_time || x->last_time != y->last_time || !is_same_ref(x->times, y->times))
			return "blocks";
	}
	for (int i = 0; i < a.ncolumns; i++)
		if (!is_same_ref(a.columns[i], b.columns[i]))
			return "columns";
	return NULL;
}

/* Two days with a gap between them: 24 blocks of an hour, then one block that was cut; a hole in the pages. */
static void
make_tree(TsdbSegment *segment, TsdbGroupBase *base)
{
	static const SummariesCase values = {TSDB_TYPE_FLOAT8, fill_decimals, 3, true};
	static const SummariesCase texts = {TSDB_TYPE_TEXT, fill_noise, 3, false};
	const SummariesCase *summaries[] = {&values, &texts};

	memset(segment, 0, sizeof(*segment));
	memset(base, 0, sizeof(*base));
	segment->series = 7;
	segment->segment_no = 291;
	segment->from_us = tsdb_grid_segment_start(segment->segment_no, SEGMENT_US);
	segment->until_us = segment->from_us + SEGMENT_US;
	segment->merged_seq = RUN_NO + 1;
	segment->block_us = HOUR_US;
	segment->group_us = TSDB_US_PER_DAY;
	segment->min_block_id = 100;
	segment->max_block_id = 100 + NBLOCKS;
	segment->ngroups = 2;
	segment->groups = (TsdbSegmentGroup *) golden_zeroed(2, sizeof(TsdbSegmentGroup));
	segment->ncolumns = 2;
	segment->columns = (TsdbSegmentColumn *) golden_zeroed(2, sizeof(TsdbSegmentColumn));
	for (int c = 0; c < 2; c++)
	{
		TsdbBytes out;

		tsdb_bytes_init(&out, &mem);
		tsdb_summaries_encode(&out, summaries[c]->type, make_summaries(summaries[c]), 3, segment->from_us, &mem);
		segment->columns[c].attnum = (int16_t) (3 + 2 * c);
		segment->columns[c].type = (uint8_t) summaries[c]->type;
		segment->columns[c].quality_attnum = (int16_t) (300 * c);
		segment->columns[c].summaries = tsdb_span(out.data, out.len);
	}

	base->nblocks = NBLOCKS;
	base->blocks = (TsdbBlock *) golden_zeroed(NBLOCKS, sizeof(TsdbBlock));
	base->ncolumns = 2;
	base->columns = (TsdbChunkRef *) golden_zeroed(2, sizeof(TsdbChunkRef));
	for (uint32_t i = 0; i < NBLOCKS; i++)
	{
		TsdbBlock *block = &base->blocks[i];

		block->block_id = i == 9 ? 100 + NBLOCKS : 100 + i;
		block->from_us = segment->from_us + i * HOUR_US;
		block->until_us = block->from_us + HOUR_US;
		block->nrows = i == 11 ? 17 : BLOCK_ROWS;
		block->first_time = block->from_us + (i == 11 ? 1234567 : 0);
		block->last_time = block->until_us - 10000000;
		segment->stream_bytes += 4000 + i; /* its cells */
		block->times = next_chunk(segment, 9);
		segment->groups[0].nrows += block->nrows;
	}
	segment->dead_bytes = 500;
	segment->stream_bytes += segment->dead_bytes;
	base->columns[0] = next_chunk(segment, 900);
	segment->groups[0].from_us = segment->from_us;
	segment->groups[0].until_us = segment->from_us + TSDB_US_PER_DAY;
	segment->groups[0].nblocks = NBLOCKS;
	segment->groups[0].base = next_chunk(segment, 130);
	segment->groups[1].from_us = segment->from_us + 5 * TSDB_US_PER_DAY;
	segment->groups[1].until_us = segment->from_us + 6 * TSDB_US_PER_DAY;
	segment->groups[1].nblocks = 1;
	segment->groups[1].nrows = 16384;
	segment->groups[1].base = next_chunk(segment, 21);
	segment->nrows = segment->groups[0].nrows + segment->groups[1].nrows;

	segment->pages = (TsdbSegmentPage *) golden_zeroed(64, sizeof(TsdbSegmentPage));
	segment->lead_bytes = 5555;
	for (uint64_t page = 0; page < tsdb_segment_pages_for(segment, segment->stream_bytes); page++)
	{
		if (page == 4)
			continue;
		segment->pages[segment->npages].stream_page = page;
		segment->pages[segment->npages++].page_no = page < 9 ? 1000 + page : 77 + page;
	}
}

static TsdbChunkRef
next_chunk(TsdbSegment *segment, uint32_t nbytes)
{
	TsdbChunkRef ref = {segment->stream_bytes, nbytes};

	segment->stream_bytes += nbytes;
	return ref;
}

static const SummariesCase directory_summaries = {TSDB_TYPE_INT4, fill_walk, NBLOCKS - 1, true};

static void
make_directory(TsdbGroupColumn *column)
{
	memset(column, 0, sizeof(*column));
	column->cells = (TsdbChunkRef *) golden_zeroed(NBLOCKS, sizeof(TsdbChunkRef));
	for (uint32_t i = 0; i < NBLOCKS; i++)
		if (i != 5) /* written before the column existed */
			column->cells[i] = (TsdbChunkRef){1000 + i * UINT64_C(4013), 300 + i % 4};
	column->nsummaries = NBLOCKS - 1;
	column->subs[TSDB_SUBS_WHOLE] = (TsdbSubs){86400 * INT64_C(1000000), 12, {60000, 417}};
	column->subs[TSDB_SUBS_SUMS] = (TsdbSubs){1800 * INT64_C(1000000), 480, {60417, 533}};
	column->subs[TSDB_SUBS_EXTREMES] = (TsdbSubs){3600 * INT64_C(1000000), 240, {61000, 301}};
}

static void
encode_directory(const void *detail, TsdbBytes *out)
{
	TsdbGroupColumn column;
	TsdbBytes summaries;

	make_directory(&column);
	tsdb_bytes_init(&summaries, &mem);
	encode_summaries(&directory_summaries, &summaries);
	column.summaries = tsdb_span(summaries.data, summaries.len);
	tsdb_groupcolumn_encode(out, &column, NBLOCKS, &mem);
}

static const char *
check_directory(const void *detail, TsdbSpan src)
{
	TsdbGroupColumn a;
	TsdbGroupColumn b;

	make_directory(&a);
	if (tsdb_groupcolumn_decode(src, &b, NBLOCKS, &mem) != TSDB_OK)
		return "it does not";
	for (uint32_t i = 0; i < NBLOCKS; i++)
		if (!is_same_ref(a.cells[i], b.cells[i]))
			return "cells";
	for (int k = 0; k < TSDB_SUB_KINDS; k++)
		if (a.subs[k].span_us != b.subs[k].span_us || a.subs[k].n != b.subs[k].n || !is_same_ref(a.subs[k].ref, b.subs[k].ref))
			return "sub-summaries";
	if (a.nsummaries != b.nsummaries)
		return "counts";
	return check_summaries(&directory_summaries, b.summaries);
}

static bool
is_same_ref(TsdbChunkRef a, TsdbChunkRef b)
{
	return a.nbytes == b.nbytes && (a.nbytes == 0 || a.offset == b.offset);
}

static const char *
compare_summaries(TsdbSpan src, TsdbType type, const TsdbSummary *expected, uint32_t n, int64_t base_us)
{
	TsdbSummary *decoded = (TsdbSummary *) golden_zeroed(n, sizeof(TsdbSummary));

	if (tsdb_summaries_decode(src, type, decoded, n, base_us, TSDB_SUMMARY_ALL, &mem) != TSDB_OK)
		return "they do not";
	for (uint32_t i = 0; i < n; i++)
	{
		TsdbSummary a = decoded[i];
		TsdbSummary b = expected[i];
		const char *wrong;

		forget_nans(&a);
		forget_nans(&b);
		wrong = summary_differs(&a, &b, TSDB_SUMMARY_ALL);
		if (wrong != NULL)
			return wrong;
	}
	return NULL;
}

/* forget_nans - make all NaNs that were computed the same. */
static void
forget_nans(TsdbSummary *summary)
{
	double *computed[] = {&summary->sum_hi, &summary->m2, &summary->integral_stepped, &summary->integral_sloped};

	for (size_t i = 0; i < sizeof(computed) / sizeof(computed[0]); i++)
		if (isnan(*computed[i]))
			*computed[i] = NAN;
}
