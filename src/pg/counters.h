/*-------------------------------------------------------------------------
 *
 * counters.h
 *	  What the server has done since it started: counters and durations in shared memory.
 *
 * Shown by the view tsdb.stats.  Counters are of the whole server, not of one database.
 *-------------------------------------------------------------------------
 */
#ifndef TSDB_COUNTERS_H
#define TSDB_COUNTERS_H

#include "postgres.h"
#include "datatype/timestamp.h"

typedef enum TsdbStatistic
{
	/* plain counters */
	TSDB_STAT_ROWS_FLUSHED,
	TSDB_STAT_RUNS_WRITTEN,
	TSDB_STAT_RUNS_MERGED,
	TSDB_STAT_SEGMENTS_WRITTEN,
	TSDB_STAT_BLOCKS_WRITTEN,
	TSDB_STAT_ROWS_COMPACTED,
	TSDB_STAT_BYTES_COMPACTED,
	TSDB_STAT_ROWS_EXPIRED,
	TSDB_STAT_ROWS_CUT,
	TSDB_STAT_WORKER_PASSES,
	TSDB_STAT_WORKER_ERRORS,
	TSDB_STAT_INGEST_REQUESTS,
	TSDB_STAT_INGEST_BYTES,
	TSDB_STAT_INGEST_POINTS,
	TSDB_STAT_INGEST_REJECTED, /* lines */
	TSDB_STAT_INGEST_REFUSED, /* requests, for want of credentials */
	TSDB_STAT_INGEST_RETRIES, /* requests that were told to come back */
	TSDB_STAT_INGEST_COMMITS,
	TSDB_STAT_INGEST_QUEUE_BYTES, /* rises and falls */
	/* durations, counted and measured */
	TSDB_STAT_FLUSH,
	TSDB_STAT_COMPACTION,
	TSDB_STAT_RETENTION,
	TSDB_STAT_INGEST, /* from a complete request to its commit */
	TSDB_NSTATS
} TsdbStatistic;

typedef struct TsdbStatisticValue
{
	const char *name;
	uint64 count;
	bool is_duration; /* the percentiles are known */
	uint64 p50_us;
	uint64 p99_us;
} TsdbStatisticValue;

/* tsdb_counters_add - count n more. */
extern void tsdb_counters_add(TsdbStatistic which, uint64 n);

/* tsdb_counters_time - count one event that took this long. */
extern void tsdb_counters_time(TsdbStatistic which, uint64 duration_us);

/* tsdb_counters_read - value of a counter; percentiles are right within an eighth. */
extern void tsdb_counters_read(TsdbStatistic which, TsdbStatisticValue *value);

/* tsdb_counters_since - when counting began. */
extern TimestampTz tsdb_counters_since(void);

/* tsdb_counters_init - called by _PG_init. */
extern void tsdb_counters_init(void);

#endif /* TSDB_COUNTERS_H */
