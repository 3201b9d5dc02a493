/*-------------------------------------------------------------------------
 *
 * summaries_private.h
 *	  Layout of an array of summaries; what its encoder and decoder share.
 *
 *		head		u8: bit 0 ROWS_FROM_LENGTH, bit 1 JOINED, bits 3-7: decimals of all values of a float type
 *		unit		of all times and durations, see ints.h
 *		present		varint, bit i: chunk i is there
 *		lengths		varint each, of the chunks that are there but the last
 *		chunks
 *
 * Each field is written as its difference from what follows from the fields before
 * it, so that the usual value is 0; a chunk of zeros is left out.  n = all summaries, m = those with values (nvalues > 0),
 * f = those of m whose sums are not exact.  "ints" see ints.h, "values" are column chunks of the column's type, "floats" of type FLOAT8.
 *
 *	 0 rows				ints n		nrows; ROWS_FROM_LENGTH: length / unit + 1 - nrows, the samples missing from a regular stretch
 *	 1 nulls			ints n		nrows - nvalues
 *	 2 first row		ints n		first_row_time - base_us, in units as all times
 *	 3 length			ints n		last_row_time - first_row_time
 *	 4 sequence			ints n
 *	 5 extremes			values 2m	min.., max..; JOINED: 4m: min.., max.., first.., last..
 *	 6 extreme times	ints 2m		min_time.., max_time.., less first_row_time
 *	 7 sum				ints m-f	low words of the exact sum
 *	 8 squares			ints m-f	low words of the spread, see moments.h
 *	 9 transitions		ints m
 *	10 ends				values 2m	first.., last.., unless JOINED
 *	11 integral kinds	flags m		1: the integrals are stored; no chunk: none is, all follow from sum, first and last
 *	12 stepped			floats		integral_stepped, of the stored ones
 *	13 sloped			floats		integral_sloped
 *	14 zero				ints m		duration_zero_us
 *	15 stateless		ints m		duration_good_us + duration_uncertain_us - duration_zero_us - duration_nonzero_us
 *	16 value times		ints 2m		first_time - first_row_time.., last_row_time - last_time..
 *	17 value qualities	ints 2m		first_quality.., last_quality..
 *	18 decimals			ints m		when they differ: decimals
 *	19 sum high			ints m-f	high words of the sum, less the sign of the low one
 *	20 float sum		floats f	sum_hi
 *	21 float rest		floats f	sum_lo
 *	22 float squares	floats f	m2
 *	23 squares high		ints m-f	high words of the spread
 *	24 not good			ints 2n		nuncertain.., nbad..
 *	25 not good times	ints 2n		duration_uncertain_us.., duration_bad_us..
 *	26 qualities		ints 3n		worst.., first_row_quality.., last_row_quality..
 *-------------------------------------------------------------------------
 */
#ifndef TSDB_SUMMARIES_PRIVATE_H
#define TSDB_SUMMARIES_PRIVATE_H

#include "format/ints.h"
#include "format/integral.h"
#include "format/moments.h"
#include "format/summary.h"

#define HEAD_ROWS_FROM_LENGTH 1
#define HEAD_JOINED 2
#define HEAD_DECIMALS_SHIFT 3

#define JOINED_MAX 8 /* values of so few summaries cost less in one chunk */

typedef enum Chunk
{
	CHUNK_ROWS,
	CHUNK_NULLS,
	CHUNK_FIRST_ROW,
	CHUNK_LENGTH,
	CHUNK_SEQUENCE,
	CHUNK_EXTREMES,
	CHUNK_EXTREME_TIMES,
	CHUNK_SUM,
	CHUNK_SQUARES,
	CHUNK_TRANSITIONS,
	CHUNK_ENDS,
	CHUNK_INTEGRAL_KINDS,
	CHUNK_STEPPED,
	CHUNK_SLOPED,
	CHUNK_ZERO,
	CHUNK_STATELESS,
	CHUNK_VALUE_TIMES,
	CHUNK_VALUE_QUALITIES,
	CHUNK_DECIMALS,
	CHUNK_SUM_HIGH,
	CHUNK_FLOAT_SUM,
	CHUNK_FLOAT_REST,
	CHUNK_FLOAT_SQUARES,
	CHUNK_SQUARES_HIGH,
	CHUNK_NOT_GOOD,
	CHUNK_NOT_GOOD_TIMES,
	CHUNK_QUALITIES,
	NCHUNKS
} Chunk;

/* Summaries being coded. */
typedef struct Coding
{
	TsdbType type;
	uint32_t n;
	int64_t base_us;
	uint64_t unit_us;
	uint8_t head;
	const TsdbMem *scratch;
	uint64_t *words; /* room for 4 n: numbers of the chunk at hand */
	uint32_t nwords;
	TsdbSpan chunks[NCHUNKS]; /* at = NULL: not there */

	/* Subsets of the summaries, in order; the encoder only reads them. */
	uint32_t nvalued; /* that have values */
	uint32_t nexact; /* of these: sums are integers */
	uint32_t nrounded; /* of these: sums are rounded */
	uint32_t nstored; /* of these: integrals are stored */
	TsdbSummary **valued;
	TsdbSummary **exact;
	TsdbSummary **rounded;
	TsdbSummary **stored;
} Coding;

static inline void
tsdb_coding_init(Coding *coding, TsdbType type, uint32_t n, int64_t base_us, const TsdbMem *scratch)
{
	memset(coding, 0, sizeof(*coding));
	coding->type = type;
	coding->n = n;
	coding->base_us = base_us;
	coding->scratch = scratch;
	coding->words = (uint64_t *) tsdb_mem_alloc(scratch, (size_t) n * 4 * sizeof(uint64_t));
	coding->valued = (TsdbSummary **) tsdb_mem_alloc(scratch, (size_t) n * 4 * sizeof(TsdbSummary *));
	coding->exact = coding->valued + n;
	coding->rounded = coding->exact + n;
	coding->stored = coding->rounded + n;
}

/* tsdb_coding_split - those that have values into exact and rounded; decimals are known. */
static inline void
tsdb_coding_split(Coding *coding)
{
	for (uint32_t i = 0; i < coding->nvalued; i++)
	{
		TsdbSummary *summary = coding->valued[i];

		if (!tsdb_type_is_float(coding->type) || summary->decimals > 0)
			coding->exact[coding->nexact++] = summary;
		else
			coding->rounded[coding->nrounded++] = summary;
	}
}

/* tsdb_coding_read - head and chunks, by a coding of which the rest is set; uses up src. */
extern TsdbStatus tsdb_coding_read(TsdbSpan *src, Coding *coding);

#endif /* TSDB_SUMMARIES_PRIVATE_H */
