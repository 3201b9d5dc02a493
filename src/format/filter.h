/*-------------------------------------------------------------------------
 *
 * filter.h
 *	  Conditions on value and quality columns: judged by summary, evaluated over decoded columns.
 *
 * Order of values is PostgreSQL's: NaN is equal to itself and above all numbers, -0.0 = 0.0.
 *-------------------------------------------------------------------------
 */
#ifndef TSDB_FILTER_H
#define TSDB_FILTER_H

#include "format/batch.h"
#include "format/summary.h"

typedef enum TsdbFilterOp
{
	TSDB_FILTER_LT,
	TSDB_FILTER_LE,
	TSDB_FILTER_EQ,
	TSDB_FILTER_NE,
	TSDB_FILTER_GE,
	TSDB_FILTER_GT,
	TSDB_FILTER_NULL, /* IS NULL */
	TSDB_FILTER_NOT_NULL,
	TSDB_FILTER_GOOD, /* severity of a quality code */
	TSDB_FILTER_UNCERTAIN,
	TSDB_FILTER_BAD,
	TSDB_FILTER_NOT_GOOD
} TsdbFilterOp;

/* One condition; a filter is an array of them, ANDed.  No comparison holds for a NULL cell. */
typedef struct TsdbFilterTerm
{
	int16_t attnum;
	uint8_t type; /* TsdbType; no TEXT but for NULL and NOT_NULL */
	uint8_t op; /* TsdbFilterOp */
	bool never; /* nothing matches: the right side is NULL */
	uint64_t word; /* right side, as a word of the type; integer types: any int64 */
} TsdbFilterTerm;

typedef enum TsdbFilterVerdict
{
	TSDB_FILTER_NONE, /* no row of the stretch matches */
	TSDB_FILTER_SOME, /* perhaps: decode it */
	TSDB_FILTER_ALL /* every row matches */
} TsdbFilterVerdict;

/* What a summary needs to be judged: TSDB_SUMMARY_*. */
#define TSDB_FILTER_FIELDS (TSDB_SUMMARY_COUNTS | TSDB_SUMMARY_MINMAX)

/* tsdb_filter_judge - what a summary of the term's column says; NULL: nothing is known. */
extern TsdbFilterVerdict tsdb_filter_judge(const TsdbFilterTerm *term, const TsdbSummary *summary);

/*
 * tsdb_filter_set_float - compare a FLOAT4 column with a double that need not be a float.
 *
 * Sets op, word and never of the term; op says what is asked for.
 */
extern void tsdb_filter_set_float(TsdbFilterTerm *term, TsdbFilterOp op, double value);

/*
 * tsdb_filter_select - rows of [from, until) of a batch that all terms let through.
 *
 *	batch	holds the columns of all terms
 *	rows	room for until - from indexes; returns their number, ascending
 */
extern uint32_t tsdb_filter_select(const TsdbFilterTerm *terms, int nterms, const TsdbBatch *batch,
								   uint32_t from, uint32_t until, uint32_t *rows);

#endif /* TSDB_FILTER_H */
