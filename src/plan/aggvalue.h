/*-------------------------------------------------------------------------
 *
 * aggvalue.h
 *	  Aggregates of integers as the numerics that core's functions return.
 *
 *-------------------------------------------------------------------------
 */
#ifndef TSDB_AGGVALUE_H
#define TSDB_AGGVALUE_H

#include "postgres.h"
#include "format/number.h"

/* tsdb_aggvalue_numeric - a whole number. */
extern Datum tsdb_aggvalue_numeric(TsdbInt128 value);

/* tsdb_aggvalue_mean - sum / n with core's number of digits; n > 0. */
extern Datum tsdb_aggvalue_mean(TsdbInt128 sum, uint64 n);

/*
 * tsdb_aggvalue_variance - variance, or with is_deviation its root, with core's number of digits.
 *
 *	squares		exact sum of squares
 *	is_sample	divide by n - 1, which has to be > 0, not by n
 */
extern Datum tsdb_aggvalue_variance(TsdbInt128 sum, TsdbUint128 squares, uint64 n, bool is_sample, bool is_deviation);

/* tsdb_aggvalue_duration - an interval; in hours, since days are not always as long. */
extern Datum tsdb_aggvalue_duration(int64 us);

#endif /* TSDB_AGGVALUE_H */
