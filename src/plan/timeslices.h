/*-------------------------------------------------------------------------
 *
 * timeslices.h
 *	  Rows of many series in order of time: read slice by slice, each one sorted.
 *
 * Tables are kept series by series.  So that ORDER BY time LIMIT n need not read them whole, a short
 * slice of time at the near end is read first, then the next one, each as much
 * longer or shorter as the number of rows found in the one before calls for.
 *-------------------------------------------------------------------------
 */
#ifndef TSDB_TIMESLICES_H
#define TSDB_TIMESLICES_H

#include "postgres.h"
#include "executor/tuptable.h"

typedef struct TsdbTimeSlices TsdbTimeSlices;

/*
 * tsdb_timeslices_create - for rows of this descriptor.
 *
 *	time_attnum	a timestamptz without NULLs
 *	is_backward	latest first
 *
 * Memory: below the current context; of rows, work_mem and beyond that files.
 */
extern TsdbTimeSlices *tsdb_timeslices_create(TupleDesc desc, AttrNumber time_attnum, bool is_backward);
extern void tsdb_timeslices_free(TsdbTimeSlices *slices);

/* tsdb_timeslices_start - begin with all rows in [from, until) to come; nrows: how many they may be. */
extern void tsdb_timeslices_start(TsdbTimeSlices *slices, int64 from, int64 until, double nrows);

/* tsdb_timeslices_open - go to the next slice, [*from, *until): its rows have to be put now.  False behind the last one. */
extern bool tsdb_timeslices_open(TsdbTimeSlices *slices, int64 *from, int64 *until);
/* tsdb_timeslices_put - a row, in a virtual slot with its TID. */
extern void tsdb_timeslices_put(TsdbTimeSlices *slices, TupleTableSlot *slot);

/* tsdb_timeslices_get - the next row of the open slice into a virtual slot, with its TID, valid until the next call; false when there is none. */
extern bool tsdb_timeslices_get(TsdbTimeSlices *slices, TupleTableSlot *slot);

#endif /* TSDB_TIMESLICES_H */
