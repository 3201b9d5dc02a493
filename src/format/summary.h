/*-------------------------------------------------------------------------
 *
 * summary.h
 *	  What is known of a stretch of one column without decoding it.
 *
 * The same struct serves a quarter of an hour, a block, a group (a day) and a segment;
 * summaries of adjacent stretches merge without loss.
 *
 * Regions: sample i rules from its time to the next sample's.  A stretch of n samples
 * covers [first_row_time, last_row_time]; the region between two
 * stretches is added when they are merged.
 *	 duration_*		by the quality of the region's first sample (rows, NULL values too)
 *	 integral_stepped	sum v_i * (t_i+1 - t_i) over regions whose first sample has a value and is not bad
 *	 integral_sloped	trapezoids over regions whose both ends have a value and are not bad
 *	 duration_zero/nonzero	stepped, over regions whose first sample has a value and is not bad
 *	 transitions		changes of value between neighbouring non-NULL samples (bit compare; 0.0 = -0.0)
 * min, max, sum, first, last are over all non-NULL values whatever their quality, as SQL's
 * aggregates are.  NaN is above all numbers (PostgreSQL's order).
 * TEXT has nothing from min on, no transitions and no zero state; TIMESTAMPTZ, DATE and QUALITY have
 * no sums, squares, integrals and zero state.  Such fields are 0, and so are those of no values.
 *-------------------------------------------------------------------------
 */
#ifndef TSDB_SUMMARY_H
#define TSDB_SUMMARY_H

#include "codec/codec.h"

/* OPC UA severity: the two top bits of a status code. */
#define TSDB_QUALITY_IS_GOOD(q) (((uint32_t) (q) >> 30) == 0)
#define TSDB_QUALITY_IS_UNCERTAIN(q) (((uint32_t) (q) >> 30) == 1)
#define TSDB_QUALITY_IS_BAD(q) (((uint32_t) (q) >> 31) != 0)

typedef struct TsdbSummary
{
	uint64_t nrows;
	uint64_t nvalues; /* non-NULL */
	uint64_t ngood; /* rows by quality; no quality column: all good */
	uint64_t nuncertain;
	uint64_t nbad;
	int64_t duration_good_us;
	int64_t duration_uncertain_us;
	int64_t duration_bad_us;
	int64_t duration_zero_us;
	int64_t duration_nonzero_us;
	uint64_t transitions;
	uint32_t worst_quality; /* highest severity; the first such code seen */
	uint32_t first_row_quality;
	uint32_t last_row_quality;
	int64_t first_row_time;
	int64_t last_row_time;
	uint64_t sequence; /* highest sequence merged in */

	/* 0 unless nvalues > 0 */
	uint64_t min; /* words of the column's type */
	uint64_t max;
	int64_t min_time; /* first time of the minimum */
	int64_t max_time;
	uint64_t first; /* first and last non-NULL value */
	uint64_t last;
	int64_t first_time;
	int64_t last_time;
	uint32_t first_quality;
	uint32_t last_quality;
	double sum_hi; /* float types: hi + lo, compensated, |lo| <= ulp(hi)/2 */
	double sum_lo;
	double m2; /* float types: sum of squares about the mean (Chan's merge) */
	uint8_t decimals; /* float types: k + 1 = every value is a decimal of at most k digits after the
								 * point: int_sum and int_sumsq are exact, in units of 10^-k and 10^-2k, and
								 * sum_hi, sum_lo, m2 follow from them.  0 = they are not, int_* are 0 */
	int64_t int_sum_hi; /* integer types (and decimals), exact 128-bit: high word signed */
	uint64_t int_sum_lo;
	uint64_t int_sumsq_hi; /* exact 128-bit sum of squares, unsigned; all ones = did not fit */
	uint64_t int_sumsq_lo;
	double integral_stepped; /* value * us */
	double integral_sloped;
} TsdbSummary;

/* Fields for a partial decode: bits of `fields`. */
#define TSDB_SUMMARY_COUNTS 0x0001 /* nrows, nvalues, first/last_row_time, sequence */
#define TSDB_SUMMARY_MINMAX 0x0002 /* min, max */
#define TSDB_SUMMARY_MINMAX_TIMES 0x0004
#define TSDB_SUMMARY_SUM 0x0008 /* sum_*, int_sum_*, decimals */
#define TSDB_SUMMARY_SQUARES 0x0010 /* m2, int_sumsq_* */
#define TSDB_SUMMARY_FIRSTLAST 0x0020 /* first, last with time and quality */
#define TSDB_SUMMARY_QUALITY 0x0040 /* n*, duration_good/uncertain/bad, worst, first/last_row_quality */
#define TSDB_SUMMARY_INTEGRALS 0x0080 /* integrals, duration_zero/nonzero, transitions */
#define TSDB_SUMMARY_ALL 0x00FF
#define TSDB_SUMMARY_RANGE 0x0100 /* with SUM: min and max unless sums are exact; of arrays they are 0 instead */

#define TSDB_MAX_SUMMARIES 4096 /* in one chunk */

extern void tsdb_summary_init(TsdbSummary *summary);

/*
 * tsdb_summary_compute - the summary of rows 0 .. n-1, n > 0.
 *
 *	times		strictly ascending, us
 *	states		TsdbCellState (batch.h) per row, or NULL: all VALUE
 *	qualities	words of the quality column, or NULL: all good; quality_states NULL-able likewise (NULL quality = good)
 */
extern void tsdb_summary_compute(TsdbSummary *summary, TsdbType type, uint32_t n, const int64_t *times,
								 const uint64_t *words, const uint8_t *states,
								 const uint64_t *qualities, const uint8_t *quality_states, uint64_t sequence);

/* tsdb_summary_merge - append a later, disjoint stretch; into may be freshly initialised (nrows = 0). */
extern void tsdb_summary_merge(TsdbSummary *into, const TsdbSummary *next, TsdbType type);

/*
 * tsdb_summary_squares - sum of squares about the mean of the values, of any type with sums.
 *
 * NaN when the exact sum of squares of integers did not fit 128 bits: decode the values instead.
 */
extern double tsdb_summary_squares(const TsdbSummary *summary, TsdbType type);

/*
 * tsdb_summaries_encode / decode - n summaries of one column as a chunk, field by field.
 *
 *	n			0 .. TSDB_MAX_SUMMARIES; n = 0 appends nothing.  Empty ones (nrows = 0) are allowed
 *	base_us		a time known to the reader; times are coded relative to it
 *
 * What follows from other fields (all good, one value, no NULLs, regular durations) costs next to
 * nothing.  decode fills the asked fields and, whatever is asked, COUNTS; a field that was not asked is zero or right.
 */
extern void tsdb_summaries_encode(TsdbBytes *out, TsdbType type, const TsdbSummary *summaries, uint32_t n,
								  int64_t base_us, const TsdbMem *scratch);
extern TsdbStatus tsdb_summaries_decode(TsdbSpan src, TsdbType type, TsdbSummary *summaries, uint32_t n,
										int64_t base_us, uint32_t fields, const TsdbMem *scratch);

/* Fields of neighbouring summaries, side by side. */
typedef struct TsdbSummaryArrays
{
	bool is_plain; /* false: they have to be decoded one by one, and nothing below is there */
	bool has_nan; /* FLOAT8: among the extremes */
	uint8_t type; /* TsdbType */
	uint8_t decimals; /* of all, as in TsdbSummary */
	uint32_t n;
	uint64_t *nrows; /* > 0; all are values */
	int64_t *first_row_times; /* ascending, the stretches are disjoint; but the first may be all others together, as in a root */
	int64_t *last_row_times;
	uint64_t *mins; /* MINMAX, else NULL */
	uint64_t *maxs;
	int64_t *sums; /* SUM, if the type has it: exact, in units of the decimals */
	uint64_t *row_totals; /* n + 1: rows of all stretches before */
	int64_t *sum_totals; /* the same of sums; NULL when it may not fit */
	uint64_t *firsts; /* FIRSTLAST, else NULL */
	uint64_t *lasts;
	int64_t *first_offsets; /* of the first value behind the first row, us */
	int64_t *last_offsets; /* of the last value before the last row */
	bool has_integrals; /* INTEGRALS: those of regular stretches without a bad sample, from sums, firsts and lasts */
} TsdbSummaryArrays;

/*
 * tsdb_summaries_decode_arrays - the same bytes as fields side by side, where they are plain enough.
 *
 * Damage that is met here makes them not plain: tsdb_summaries_decode names it.  Arrays lie in mem.
 */
extern TsdbStatus tsdb_summaries_decode_arrays(TsdbSpan src, TsdbType type, TsdbSummaryArrays *arrays, uint32_t n,
											   int64_t base_us, uint32_t fields, const TsdbMem *mem);

/*
 * tsdb_summaries_fold - the summary of n > 0 plain stretches from `from` on.
 *
 * Sets the fields that were decoded and leaves the others; of floats int_sum_* alone, see tsdb_moments_derive_sum.  min and max are 0
 * unless they were decoded.
 */
extern void tsdb_summaries_fold(const TsdbSummaryArrays *arrays, uint32_t from, uint32_t n, TsdbSummary *out);

#endif /* TSDB_SUMMARY_H */
