/*-------------------------------------------------------------------------
 *
 * counters.c
 *	  What the server has done since it started: counters and durations in shared memory.
 *
 * Durations go into a histogram with four steps to a factor of two.
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "miscadmin.h"
#include "pg/counters.h"
#include "pg/shmem.h"
#include "port/atomics.h"
#include "port/pg_bitutils.h"
#include "storage/ipc.h"
#include "storage/lwlock.h"
#include "utils/timestamp.h"

#define FIRST_DURATION TSDB_STAT_FLUSH
#define NDURATIONS (TSDB_NSTATS - FIRST_DURATION)
#define STEPS 4 /* of the histogram, to a factor of two */
#define NBUCKETS (64 * STEPS)

typedef struct Counters
{
	TimestampTz since;
	pg_atomic_uint64 counts[TSDB_NSTATS];
	pg_atomic_uint64 buckets[NDURATIONS][NBUCKETS];
} Counters;

static const char *const names[TSDB_NSTATS] = {
	"rows_flushed", "runs_written", "runs_merged", "segments_written", "blocks_written", "rows_compacted",
	"bytes_compacted", "rows_expired", "rows_cut", "worker_passes", "worker_errors",
	"ingest_requests", "ingest_bytes", "ingest_points", "ingest_rejected", "ingest_refused", "ingest_retries", "ingest_commits",
	"ingest_queue_bytes", "flush", "compaction", "retention", "ingest"};

static Counters *counters = NULL; /* in shared memory */

static void make_counters(void *piece);
static uint32 bucket_of(uint64 duration_us);
static uint64 bucket_middle(uint32 bucket);
static uint64 percentile(uint32 duration, double part);

void
tsdb_counters_add(TsdbStatistic which, uint64 n)
{
	if (counters != NULL)
		pg_atomic_fetch_add_u64(&counters->counts[which], (int64) n);
}

void
tsdb_counters_time(TsdbStatistic which, uint64 duration_us)
{
	Assert(which >= FIRST_DURATION);
	if (counters == NULL)
		return;
	pg_atomic_fetch_add_u64(&counters->counts[which], 1);
	pg_atomic_fetch_add_u64(&counters->buckets[which - FIRST_DURATION][bucket_of(duration_us)], 1);
}

void
tsdb_counters_read(TsdbStatistic which, TsdbStatisticValue *value)
{
	memset(value, 0, sizeof(TsdbStatisticValue));
	value->name = names[which];
	if (counters == NULL)
		return;
	value->count = pg_atomic_read_u64(&counters->counts[which]);
	value->is_duration = which >= FIRST_DURATION && value->count > 0;
	if (value->is_duration)
	{
		value->p50_us = percentile(which - FIRST_DURATION, 0.50);
		value->p99_us = percentile(which - FIRST_DURATION, 0.99);
	}
}

TimestampTz
tsdb_counters_since(void)
{
	return counters != NULL ? counters->since : 0;
}

void
tsdb_counters_init(void)
{
	tsdb_shmem_register("tsdb counters", sizeof(Counters), (void **) &counters, make_counters);
}

// private functions

static void
make_counters(void *piece)
{
	Counters *made = piece;

	made->since = GetCurrentTimestamp();
	for (int i = 0; i < TSDB_NSTATS; i++)
		pg_atomic_init_u64(&made->counts[i], 0);
	for (int i = 0; i < NDURATIONS; i++)
		for (int b = 0; b < NBUCKETS; b++)
			pg_atomic_init_u64(&made->buckets[i][b], 0);
}

/* bucket_of - below STEPS the value itself, then its highest bits. */
static uint32
bucket_of(uint64 duration_us)
{
	int high;

	if (duration_us < STEPS)
		return (uint32) duration_us;
	high = pg_leftmost_one_pos64(duration_us);
	return (uint32) ((high - 1) * STEPS + ((duration_us >> (high - 2)) & (STEPS - 1)));
}

/* bucket_middle - middle of what falls into a bucket. */
static uint64
bucket_middle(uint32 bucket)
{
	int high = (int) (bucket / STEPS) + 1;
	uint64 step;

	if (bucket < STEPS)
		return bucket;
	step = UINT64CONST(1) << (high - 2);
	return (STEPS + bucket % STEPS) * step + step / 2;
}

static uint64
percentile(uint32 duration, double part)
{
	uint64 total = 0;
	uint64 seen = 0;

	for (int b = 0; b < NBUCKETS; b++)
		total += pg_atomic_read_u64(&counters->buckets[duration][b]);
	for (int b = 0; b < NBUCKETS; b++)
	{
		seen += pg_atomic_read_u64(&counters->buckets[duration][b]);
		if (seen > 0 && (double) seen >= part * (double) total)
			return bucket_middle(b);
	}
	return 0;
}
