/*-------------------------------------------------------------------------
 *
 * grid.h
 *	  Time <-> sample, block and segment: the one place that divides by spans.
 *
 * All grids are aligned to 1970-01-01 00:00 UTC; times are PostgreSQL's: us since
 * 2000-01-01 UTC, INT64_MIN and INT64_MAX are the infinities.
 *-------------------------------------------------------------------------
 */
#ifndef TSDB_GRID_H
#define TSDB_GRID_H

#include "base/base.h"

#define TSDB_US_PER_DAY INT64_C(86400000000)
#define TSDB_EPOCH_1970_US (INT64_C(-946684800000000))

/* tsdb_grid_floor - start of the span of step_us that covers t_us.  False for the infinities and on overflow. */
extern bool tsdb_grid_floor(int64_t t_us, int64_t step_us, int64_t *start_us);

/* tsdb_grid_segment - number and start of the segment that covers t_us.  False as above, or when the number is out of int32. */
extern bool tsdb_grid_segment(int64_t t_us, int64_t segment_us, int32_t *segment_no, int64_t *from_us);

/* tsdb_grid_segment_start - start of segment segment_no, saturated to the ends of time. */
extern int64_t tsdb_grid_segment_start(int32_t segment_no, int64_t segment_us);

/*
 * tsdb_grid_choose_segment - segment_us, doubled as long as a segment holds less than a block of the size aimed at.
 *
 *	nrows		rows of a sample of the table's series, nseries of them
 *	series_us	sum of the times that each of them covers
 *
 * Few rows, or such that cover less time than a segment does, say nothing: then it is segment_us.  At most 512 days.
 */
extern int64_t tsdb_grid_choose_segment(uint64_t nrows, uint64_t nseries, double series_us, int64_t segment_us);

/* tsdb_grid_choose_block - span from the ladder so that a block holds about 4096 of nrows samples spread over span_us, 8192 of less than 2000 a day. Divides segment_us or equals it. */
extern int64_t tsdb_grid_choose_block(uint64_t nrows, int64_t span_us, int64_t sample_us, int64_t segment_us);

/* tsdb_grid_ladder - the i-th span of the ladder of automatic block spans, ascending from 0; 0 beyond its end. */
extern int64_t tsdb_grid_ladder(uint32_t i);

#endif /* TSDB_GRID_H */
