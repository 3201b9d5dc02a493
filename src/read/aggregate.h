/*-------------------------------------------------------------------------
 *
 * aggregate.h
 *	  Summaries of series over buckets of time, read as high in the tree as they lie.
 *
 * The walk yields one cell for each series and bucket that has rows: the summary of
 * each wanted column over the rows of the cell, exactly as if they had been decoded.  A segment, group, block or
 * quarter of an hour that lies inside one bucket, and that no run and no pending row touches, is answered from its
 * summary; the rest is decoded and merged (format/merge.c decides, as everywhere).
 *-------------------------------------------------------------------------
 */
#ifndef TSDB_AGGREGATE_H
#define TSDB_AGGREGATE_H

#include "postgres.h"
#include "format/filter.h"
#include "format/summary.h"
#include "read/buckets.h"
#include "read/reader.h"

typedef struct TsdbAggregateColumn
{
	TsdbWanted wanted;
	uint32 fields; /* TSDB_SUMMARY_*: what has to be right in the cell's summary; COUNTS always is.  INTEGRALS: those of the values, see format/integral.h */
} TsdbAggregateColumn;

typedef struct TsdbAggregateRequest
{
	int ncolumns; /* ascending attnum; 0: nrows alone */
	TsdbAggregateColumn *columns;
	int nterms; /* conditions on columns of any kind, ANDed */
	TsdbFilterTerm *terms; /* of columns that need not be among `columns` */
	const TsdbBucketRule *rule; /* NULL = TSDB_BUCKETS_NONE */
	int ncuts; /* further edges of cells, ascending, us: for FILTER on time */
	const int64 *cuts;
	const TsdbReadWindows *windows; /* NULL = all times; stays the caller's; not with only_first and only_last */
	bool only_first; /* only the earliest row of each cell, respectively the earliest value of each column, matters: FIRSTLAST's `first` */
	bool only_last; /* the same for `last`: the walk goes backward in each series and stops at the first hit (no buckets) */
} TsdbAggregateRequest;

typedef struct TsdbAggregateCell
{
	uint32 series;
	TsdbBucket bucket; /* clipped to nothing: the whole bucket of the rule, or the stretch between cuts in it */
	uint64 nrows; /* > 0 */
	int64 first_time; /* of its rows */
	int64 last_time;
	TsdbSummary *summaries; /* one per column; nvalues = 0: all NULL */
} TsdbAggregateCell;

/* Beside those of the reader: what EXPLAIN shows. */
typedef struct TsdbAggregateCounters
{
	TsdbReaderCounters reader; /* blocks decoded, runs read, ... */
	uint64 segments_summarised; /* answered by the segment's or a group's summary in the root */
	uint64 groups_summarised;
	uint64 blocks_summarised;
	uint64 subs_summarised; /* quarters of an hour */
	uint64 blocks_skipped; /* by conditions on values */
} TsdbAggregateCounters;

typedef struct TsdbAggregator TsdbAggregator;

/*
 * tsdb_aggregator_open - as tsdb_reader_open; the request is copied.
 *
 * Locks and memory: as a reader's.
 */
extern TsdbAggregator *tsdb_aggregator_open(Relation rel, const TsdbTable *table, Snapshot snapshot,
											const TsdbAggregateRequest *request,
											TsdbBatch **pending, int npending);
extern void tsdb_aggregator_close(TsdbAggregator *aggregator);

/* tsdb_aggregator_restrict - as tsdb_reader_restrict; starts over at the first cell of what is left. */
extern void tsdb_aggregator_restrict(TsdbAggregator *aggregator, const uint32 *series, uint32 nseries,
									 int64 from, int64 until);

/* tsdb_aggregator_next - the next cell in order of (series, time), valid until the next call; NULL at the end. */
extern const TsdbAggregateCell *tsdb_aggregator_next(TsdbAggregator *aggregator);

/* tsdb_aggregator_is_regular - tsdb_buckets_is_regular of the bucket of the last cell; false when cuts shorten it. */
extern bool tsdb_aggregator_is_regular(const TsdbAggregator *aggregator, TsdbBucket bucket);

extern const TsdbAggregateCounters *tsdb_aggregator_counters(TsdbAggregator *aggregator);

#endif /* TSDB_AGGREGATE_H */
