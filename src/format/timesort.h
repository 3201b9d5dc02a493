/*-------------------------------------------------------------------------
 *
 * timesort.h
 *	  Row numbers of one series in order of their times.
 *
 *-------------------------------------------------------------------------
 */
#ifndef TSDB_TIMESORT_H
#define TSDB_TIMESORT_H

#include "base/base.h"

#define TSDB_TIMESORT_AT_ONCE (1 << 18) /* more are sorted in halves */

/*
 * tsdb_timesort - sort n row numbers by their times; rows of one time stay as they stand.
 *
 *	times	by row number
 *	spare	room for n row numbers
 *	keys	room for 2 n, but not more than 2 TSDB_TIMESORT_AT_ONCE
 *
 * Rows that mostly ascend cost little more than looking at them.
 */
extern void tsdb_timesort(const int64_t *times, uint32_t *rows, uint32_t *spare, uint64_t *keys, uint32_t n);

#endif /* TSDB_TIMESORT_H */
