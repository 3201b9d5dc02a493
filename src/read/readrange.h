/*-------------------------------------------------------------------------
 *
 * readrange.h
 *	  Which keys a reader may deliver: some series, a stretch of time, a piece of the line of keys.
 *
 *-------------------------------------------------------------------------
 */
#ifndef TSDB_READRANGE_H
#define TSDB_READRANGE_H

#include "postgres.h"
#include "format/batch.h"

/* Times of a series that may be delivered, beyond one stretch of time for all. */
typedef struct TsdbReadWindows
{
	void *arg;
	/* The first window at or after a time, [*from, *until) with *from >= time; false when there is none. */
	bool (*next)(void *arg, uint32 series, int64 time, int64 *from, int64 *until);
	/* The last window before a time, *until <= time. */
	bool (*previous)(void *arg, uint32 series, int64 time, int64 *from, int64 *until);
} TsdbReadWindows;

typedef struct TsdbReadRange
{
	uint32 *series; /* ascending; NULL = all */
	uint32 nseries;
	int64 from; /* half open; PG_INT64_MIN .. PG_INT64_MAX = all */
	int64 until;
	const TsdbReadWindows *windows; /* NULL: all times */
	TsdbKey lo; /* of the line; hi is exclusive */
	TsdbKey hi;
} TsdbReadRange;

/*
 * tsdb_readrange_forward - move *key up to the next key that is allowed; false when there is none.
 *
 *	stop	out: end of the allowed stretch that starts there
 */
extern bool tsdb_readrange_forward(const TsdbReadRange *range, TsdbKey *key, TsdbKey *stop);

/*
 * tsdb_readrange_backward - move *key (exclusive upper end) down; false when nothing is allowed below it.
 *
 *	stop	out: start of the allowed stretch that ends there
 */
extern bool tsdb_readrange_backward(const TsdbReadRange *range, TsdbKey *key, TsdbKey *stop);

#endif /* TSDB_READRANGE_H */
