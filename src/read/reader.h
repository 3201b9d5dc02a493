/*-------------------------------------------------------------------------
 *
 * reader.h
 *	  Rows of a table in (series, time) order under one snapshot.
 *
 * The order of a table is a line of keys (series, time).  The reader cuts it into
 * windows at the edges of segments, blocks and run chunks; within a window it merges
 * the one block that may lie there, the rows of every run and the pending rows that the caller hands in.  Windows can be read forward, backward, or one
 * by one (point lookup), and the cut depends on the snapshot alone, so
 * parallel workers cut alike.
 *
 * Locks: AccessShareLock on the TOAST relation and its indexes from open to close.
 *-------------------------------------------------------------------------
 */
#ifndef TSDB_READER_H
#define TSDB_READER_H

#include "postgres.h"
#include "access/sdir.h"
#include "format/filter.h"
#include "format/merge.h"
#include "read/extent.h"
#include "read/readrange.h"
#include "series/tsdbtable.h"
#include "utils/snapshot.h"

typedef struct TsdbReader TsdbReader;

/* What EXPLAIN and tests want to know. */
typedef struct TsdbReaderCounters
{
	uint64 windows;
	uint64 blocks_decoded;
	uint64 blocks_skipped; /* by the time range or the series set, inside segments that were opened */
	uint64 blocks_filtered; /* by conditions on values, going by summaries */
	uint64 segments_opened;
	uint64 runs_read; /* runs with at least one chunk decoded */
	uint64 runs_skipped;
	uint64 pending_rows;
	uint64 rows; /* returned */
} TsdbReaderCounters;

/*
 * tsdb_reader_open - start reading.
 *
 *	snapshot	MVCC, registered or active as long as the reader lives; SnapshotAny and the like read as the latest snapshot
 *	wanted		value columns to decode, ascending attnum (see TsdbTable.values); may be none
 *	pending		the writer's own rows for this snapshot, oldest first (tsdb_buffer_pending); columns = wanted or more
 *
 * Memory: a context of its own below the current one, bounded by one block, one chunk per
 * overlapping run and the window.  Raises DATA_CORRUPTED on damage.
 */
extern TsdbReader *tsdb_reader_open(Relation rel, const TsdbTable *table, Snapshot snapshot,
									const TsdbWanted *wanted, int nwanted,
									TsdbBatch **pending, int npending);
extern void tsdb_reader_close(TsdbReader *reader);

/*
 * tsdb_reader_restrict - read only these series and times; call before the first next or after rescan.
 *
 *	series		ascending ids (copied), NULL = all; nseries = 0 with non-NULL series: nothing
 *	from, until	half open, us; PG_INT64_MIN .. PG_INT64_MAX = all
 */
extern void tsdb_reader_restrict(TsdbReader *reader, const uint32 *series, uint32 nseries, int64 from, int64 until);

/*
 * tsdb_reader_set_filter - from now on leave out blocks without a row that passes; call when no window is in use.
 *
 *	terms	on wanted columns (copied); nterms = 0: everything again
 *
 * By summaries alone, where no run and no pending row lies: rows that do not pass still come; see tsdb_filter_select.
 */
extern void tsdb_reader_set_filter(TsdbReader *reader, const TsdbFilterTerm *terms, int nterms);

/* tsdb_reader_set_windows - read only these times of what the restriction allows (NULL: all of it); the struct stays the caller's. */
extern void tsdb_reader_set_windows(TsdbReader *reader, const TsdbReadWindows *windows);

/* tsdb_reader_rescan - go back to before the first row; keeps what is cached. */
extern void tsdb_reader_rescan(TsdbReader *reader);

/* tsdb_reader_seek - the next window forward begins at or after key, the next one backward ends before it. */
extern void tsdb_reader_seek(TsdbReader *reader, TsdbKey key);

/*
 * tsdb_reader_next - the next non-empty window in this direction.
 *
 * The batch (FULL rows ascending whatever the direction, columns = wanted in order) is valid
 * until the next call.  NULL at the end; turning round after the end works.
 */
extern const TsdbBatch *tsdb_reader_next(TsdbReader *reader, ScanDirection direction);

/* tsdb_reader_set_range - read only what lies in [lo, hi) of what the restriction allows; go to before its first row. */
extern void tsdb_reader_set_range(TsdbReader *reader, TsdbKey lo, TsdbKey hi);

/*
 * tsdb_reader_next_version - the first key at or after `key` of which a run or the pending rows hold a version.
 *
 * Whether the version still counts is not looked at: its sequence may be below the watermark of the segment there.
 */
extern bool tsdb_reader_next_version(TsdbReader *reader, TsdbKey key, TsdbKey *found);

/* tsdb_reader_tid - TID of a row of the current window. */
extern void tsdb_reader_tid(TsdbReader *reader, uint32 row, ItemPointer tid);

/* tsdb_reader_fetch - the sample at a key: a batch of one row, or NULL.  Leaves the position of next alone is NOT promised. */
extern const TsdbBatch *tsdb_reader_fetch(TsdbReader *reader, TsdbKey key);

/* tsdb_reader_resolve - the key that a TID stands for under the reader's snapshot; false when it stands for nothing. */
extern bool tsdb_reader_resolve(TsdbReader *reader, ItemPointer tid, TsdbKey *key);

/* tsdb_reader_extent - times between which these series (ascending) have rows, if any; others may widen it.  near: see extent.h. */
extern TsdbExtent tsdb_reader_extent(TsdbReader *reader, const uint32 *series, uint32 nseries, ScanDirection near);

extern const TsdbReaderCounters *tsdb_reader_counters(const TsdbReader *reader);

/* tsdb_reader_is_merged - is every version in [lo, hi) below the watermark?  False when that would have to be looked up row by row. */
extern bool tsdb_reader_is_merged(TsdbReader *reader, TsdbKey lo, TsdbKey hi, uint64 watermark);

/*
 * tsdb_reader_merge - merge a caller's decoded block with the versions in [lo, hi), inside one span of it.
 *
 *	base		its rows, columns = wanted in order
 *	watermark	of its segment
 *	hi			out: where the window ends, at most where it was asked to
 *
 * The batch, perhaps without rows, is valid until the next call of anything.  Has no TIDs.
 */
extern const TsdbBatch *tsdb_reader_merge(TsdbReader *reader, const TsdbBatch *base, uint64 watermark,
										  TsdbKey lo, TsdbKey *hi);

/* tsdb_reader_snapshot - what it reads by; lives as long as the reader. */
extern Snapshot tsdb_reader_snapshot(const TsdbReader *reader);

/*
 * Units of a parallel scan: the line of keys cut into nunits pieces at segment starts
 * and run chunk starts; unit i is [start(i), start(i+1)).  Same for every backend with the same snapshot.
 */
extern uint32 tsdb_reader_nunits(TsdbReader *reader);
extern void tsdb_reader_set_unit(TsdbReader *reader, uint32 unit);

/* tsdb_reader_run_numbers - sorted run numbers that the snapshot sees; to tell whether two snapshots read the same. */
extern uint32 tsdb_reader_run_numbers(TsdbReader *reader, const uint64 **run_numbers);

/*
 * tsdb_reader_segment_tid - where the row of the segment around a key lies for the snapshot; invalid: there is none.
 *
 * Segments change with compaction, but also with range deletes: only with equal runs and equal TIDs a sample is sure to be the same.
 */
extern void tsdb_reader_segment_tid(TsdbReader *reader, TsdbKey key, ItemPointer tid);

#endif /* TSDB_READER_H */
