/*-------------------------------------------------------------------------
 *
 * integral.h
 *	  The parts of a summary that weigh values with time.
 *
 * integral_stepped, integral_sloped, duration_zero_us, duration_nonzero_us.  For use
 * by summary.c and summaries_*.c.
 *-------------------------------------------------------------------------
 */
#ifndef TSDB_INTEGRAL_H
#define TSDB_INTEGRAL_H

#include "format/number.h"
#include "format/summary.h"

/* tsdb_integral_compute - fill the integrals of n rows; the sums, first, last and counts are there already, nvalues > 0. Arguments as tsdb_summary_compute. */
extern void tsdb_integral_compute(TsdbSummary *summary, TsdbType type, uint32_t n, const int64_t *times,
								  const uint64_t *words, const uint8_t *states,
								  const uint64_t *qualities, const uint8_t *quality_states);

/* tsdb_integral_merge - integrals of a followed by b, with the region between them; out has the merged sums, first and last. */
extern void tsdb_integral_merge(TsdbSummary *out, const TsdbSummary *a, const TsdbSummary *b, TsdbType type);

/*
 * Integrals as tsdb.time_average means them, over the values alone: rows that are NULL are passed over, and quality does not count.  A
 * summary's own ones are the same where each row has a value that is not bad.
 *
 * tsdb_integral_of_values - set those of n rows, at least one of which has a value.
 * tsdb_integral_join - those of the values of a followed by those of b, with the straight line or the step between them.
 * tsdb_integral_is_of_values - are a summary's own ones the same?
 */
extern void tsdb_integral_of_values(TsdbSummary *summary, TsdbType type, uint32_t n, const int64_t *times,
									const uint64_t *words, const uint8_t *states);
extern void tsdb_integral_join(const TsdbSummary *a, const TsdbSummary *b, TsdbType type, double *stepped, double *sloped);
extern bool tsdb_integral_is_of_values(const TsdbSummary *summary);

/*
 * tsdb_integral_regular - what the integrals are when all rows have values that are not bad, at one distance.
 *
 * Returns false when the counts and times say that it can't be so, or the sum isn't finite.
 */
extern bool tsdb_integral_regular(const TsdbSummary *summary, TsdbType type, double *stepped, double *sloped);

/* tsdb_quality_at - status code of row i, see tsdb_summary_compute. */
static inline uint32_t
tsdb_quality_at(const uint64_t *qualities, const uint8_t *quality_states, uint32_t i)
{
	if (qualities == NULL || (quality_states && quality_states[i] != 0))
		return 0;
	return (uint32_t) qualities[i];
}

#endif /* TSDB_INTEGRAL_H */
