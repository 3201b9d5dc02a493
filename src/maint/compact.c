/*-------------------------------------------------------------------------
 *
 * compact.c
 *	  One compaction: locks, barrier, snapshot, what to merge, what to delete.
 *
 *	1. Open the store for writing before anything is read: VACUUM FULL must
 *	   not move rows under our TIDs (the lock stays to the end of the transaction).
 *	2. Lock out other compactions; then wait for flushes that have a
 *	   sequence but no RUN row yet, and read the next sequence.
 *	3. Take a snapshot, after that.  The barrier is the lowest sequence that some transaction may still
 *	   bring or take away: of runs in progress, committed behind the snapshot's back, or being deleted.
 *	   Every run below it is visible now or never.
 *	4. Merge visible runs below the barrier into segments, and small ones into
 *	   bigger ones; delete those whose rows have all gone elsewhere.
 *
 * All in one transaction: an error or a crash undoes it as a whole, and readers see
 * the runs or the segments, never both or neither.
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "format/grid.h"
#include "maint/compaction.h"
#include "maint/policy.h"
#include "maint/progress.h"
#include "maint/segload.h"
#include "miscadmin.h"
#include "pg/counters.h"
#include "pg/debug_point.h"
#include "storage/latch.h"
#include "storage/lmgr.h"
#include "store/metapage.h"
#include "store/runbase.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"
#include "utils/wait_event.h"

#define BARRIER_TRIES 100
#define BARRIER_WAIT_MS 1
#define MANY_RUNS 512 /* more are merged into bigger ones before they go to segments */

static void count_result(const TsdbCompactResult *result, uint64 duration_us);
static uint64 read_barrier(Relation rel, bool is_patient);
static void take_snapshot(TsdbCompaction *compaction);
static bool sees_same_rows(TsdbCompaction *compaction, TsdbKind kind);
static void lower_barrier(const TsdbStoreRow *row, void *arg);
static void list_runs(TsdbCompaction *compaction);
static uint32 count_candidates(const TsdbCompaction *compaction);
static int64 choose_cutoff(const TsdbCompaction *compaction);
static void merge_tiers_first(TsdbCompaction *compaction);
static bool is_gone(const TsdbCompaction *compaction, uint32 i);
static void keep_bases(TsdbCompaction *compaction);
static void delete_runs(TsdbCompaction *compaction);
static void settle_segment(TsdbCompaction *compaction, TsdbSegmentKey key);
static void write_tombstone(TsdbCompaction *compaction, TsdbSegmentKey key, const TsdbStoredSegment *old);
static void sweep_segments(TsdbCompaction *compaction);
static bool has_key(const TsdbSegmentKeys *list, uint32 series, int32 segment_no);
static void update_rows(TsdbCompaction *compaction);

/* What lower_barrier works on. */
typedef struct BarrierScan
{
	Relation rel;
	uint64 barrier;
} BarrierScan;

void
tsdb_compact_table(Relation rel, TsdbCompactMode mode, bool wait, TsdbCompactResult *result)
{
	TsdbCompaction compaction;

	if (!tsdb_compaction_begin(&compaction, rel, mode, wait, result))
		return;
	if (tsdb_compaction_would_show_rows(&compaction))
	{
		memset(compaction.is_candidate, 0, sizeof(bool) * compaction.nruns);
		mode = TSDB_COMPACT_TIERS;
	}
	if (mode != TSDB_COMPACT_TIERS)
	{
		compaction.cutoff_us = choose_cutoff(&compaction);
		if (compaction.cutoff_us != PG_INT64_MIN)
			merge_tiers_first(&compaction);
		TSDB_DEBUG_POINT("compact_before_write");
		tsdb_segmerge_run(&compaction);
	}
	tsdb_tier_merge(&compaction);
	TSDB_DEBUG_POINT("compact_before_delete");
	delete_runs(&compaction);
	tsdb_compaction_settle(&compaction);
	if (mode == TSDB_COMPACT_FULL)
		sweep_segments(&compaction);
	tsdb_compaction_end(&compaction);
	count_result(result, GetCurrentTimestamp() - compaction.started);
}

void
tsdb_compact_materialize(Relation rel)
{
	const TsdbTable *table = tsdb_table_get(rel);
	TsdbCompaction compaction;
	TsdbCompactResult result;
	bool has_values = false;

	for (int v = 0; v < table->nvalues; v++)
		has_values |= table->values[v].missing_state == TSDB_CELL_VALUE;
	if (!has_values || !tsdb_compaction_begin(&compaction, rel, TSDB_COMPACT_FULL, true, &result))
		return;
	compaction.materialize = true;
	compaction.cutoff_us = PG_INT64_MAX;
	merge_tiers_first(&compaction);
	tsdb_segmerge_run(&compaction);
	delete_runs(&compaction);
	if (result.runs_left > 0)
		elog(ERROR, "%u runs of table \"%s\" could not be merged", result.runs_left, RelationGetRelationName(rel));
	tsdb_compaction_settle(&compaction);
	sweep_segments(&compaction);
	tsdb_compaction_end(&compaction);
}

bool
tsdb_compaction_begin(TsdbCompaction *compaction, Relation rel, TsdbCompactMode mode, bool wait,
					  TsdbCompactResult *result)
{
	MemoryContext caller = CurrentMemoryContext;

	memset(result, 0, sizeof(TsdbCompactResult));
	memset(compaction, 0, sizeof(TsdbCompaction));
	compaction->rel = rel;
	compaction->mode = mode;
	compaction->yield = !wait;
	compaction->result = result;
	compaction->rows_swept = -1;
	compaction->started = GetCurrentTimestamp();
	compaction->segment_us = tsdb_metapage_segment_us(rel);
	if (compaction->segment_us == 0)
		return false;
	tsdb_progress_start(RelationGetRelid(rel));
	compaction->context = AllocSetContextCreate(caller, "tsdb compaction", ALLOCSET_DEFAULT_SIZES);
	MemoryContextSwitchTo(compaction->context);
	compaction->store = tsdb_store_open(rel, RowExclusiveLock, false);
	if (compaction->store != NULL && !wait && !ConditionalLockPage(rel, TSDB_LOCK_COMPACT, ExclusiveLock))
		result->skipped = true;
	if (compaction->store == NULL || result->skipped)
	{
		if (compaction->store != NULL)
			tsdb_store_close(compaction->store);
		MemoryContextSwitchTo(caller);
		MemoryContextDelete(compaction->context);
		tsdb_progress_end();
		return false;
	}
	if (wait)
		LockPage(rel, TSDB_LOCK_COMPACT, ExclusiveLock);
	compaction->table = *tsdb_table_copy(rel);
	compaction->barrier = read_barrier(rel, !wait);
	TSDB_DEBUG_POINT("compact_after_barrier");
	compaction->cid = GetCurrentCommandId(true);
	take_snapshot(compaction);
	return true;
}

void
tsdb_compaction_end(TsdbCompaction *compaction)
{
	update_rows(compaction);
	UnregisterSnapshot(compaction->snapshot);
	tsdb_store_close(compaction->store);
	MemoryContextSwitchTo(MemoryContextGetParent(compaction->context));
	MemoryContextDelete(compaction->context);
	CommandCounterIncrement();
	tsdb_progress_end();
}

void
tsdb_compaction_absorb(TsdbCompaction *compaction, int64 until_us)
{
	compaction->cutoff_us = until_us;
	merge_tiers_first(compaction);
	tsdb_segmerge_run(compaction);
	delete_runs(compaction);
	tsdb_compaction_settle(compaction);
	compaction->touched.n = compaction->emptied.n = 0;
	tsdb_compaction_look_again(compaction);
}

void
tsdb_compaction_look_again(TsdbCompaction *compaction)
{
	Snapshot before = compaction->snapshot;
	SnapshotData later = *before;

	CommandCounterIncrement();
	compaction->cid = GetCurrentCommandId(true);
	later.curcid = compaction->cid;
	later.copied = false;
	compaction->snapshot = RegisterSnapshot(&later);
	UnregisterSnapshot(before);
	list_runs(compaction);
}

bool
tsdb_compaction_would_show_rows(TsdbCompaction *compaction)
{
	if (!IsolationUsesXactSnapshot() || !IsTransactionBlock())
		return false;
	return !sees_same_rows(compaction, TSDB_KIND_RUN) || !sees_same_rows(compaction, TSDB_KIND_SEGMENT);
}

void
tsdb_compaction_settle(TsdbCompaction *compaction)
{
	for (uint32 i = 0; i < compaction->emptied.n; i++)
	{
		CHECK_FOR_INTERRUPTS();
		settle_segment(compaction, compaction->emptied.keys[i]);
	}
}

bool
tsdb_compaction_has_older_runs(const TsdbCompaction *compaction, uint64 sequence)
{
	for (uint32 i = 0; i < compaction->nruns; i++)
		if (!compaction->is_merged[i] && compaction->runs[i].run.min_seq < sequence)
			return true;
	return false;
}

// private functions

static void
count_result(const TsdbCompactResult *result, uint64 duration_us)
{
	tsdb_counters_add(TSDB_STAT_RUNS_MERGED, result->runs_merged);
	tsdb_counters_add(TSDB_STAT_SEGMENTS_WRITTEN, result->segments_written);
	tsdb_counters_add(TSDB_STAT_BLOCKS_WRITTEN, result->blocks_written);
	tsdb_counters_add(TSDB_STAT_ROWS_COMPACTED, result->rows);
	tsdb_counters_add(TSDB_STAT_BYTES_COMPACTED, result->bytes_written);
	tsdb_counters_time(TSDB_STAT_COMPACTION, duration_us);
}

/*
 * The next sequence, at a moment when every lower one has its RUN row.  A background pass does not queue at once: behind a
 * flush that takes long, all others would queue behind it.
 */
static uint64
read_barrier(Relation rel, bool is_patient)
{
	bool is_held = false;
	uint64 next;

	for (int i = 0; is_patient && !is_held && i < BARRIER_TRIES; i++)
	{
		is_held = ConditionalLockPage(rel, TSDB_LOCK_ALLOCATE, ExclusiveLock);
		if (!is_held)
			(void) WaitLatch(MyLatch, WL_TIMEOUT | WL_EXIT_ON_PM_DEATH, BARRIER_WAIT_MS, PG_WAIT_EXTENSION);
		CHECK_FOR_INTERRUPTS();
	}
	if (!is_held)
		LockPage(rel, TSDB_LOCK_ALLOCATE, ExclusiveLock);
	next = tsdb_metapage_next(rel, TSDB_COUNTER_SEQUENCE);
	tsdb_runbase_advance(rel);
	UnlockPage(rel, TSDB_LOCK_ALLOCATE, ExclusiveLock);
	return next;
}

/* Snapshot, runs and the final barrier.  The latest snapshot also under REPEATABLE READ: see docs/ARCHITECTURE.md "Compaction". */
static void
take_snapshot(TsdbCompaction *compaction)
{
	BarrierScan scan;

	compaction->snapshot = RegisterSnapshot(GetLatestSnapshot());
	scan.rel = compaction->rel;
	scan.barrier = compaction->barrier;
	tsdb_store_barrier_scan(compaction->store, compaction->snapshot, lower_barrier, &scan);
	compaction->barrier = scan.barrier;
	list_runs(compaction);
}

/* Do the transaction's and compaction's snapshot agree on the rows of a kind? */
static bool
sees_same_rows(TsdbCompaction *compaction, TsdbKind kind)
{
	Snapshot old = RegisterSnapshot(GetTransactionSnapshot());
	TsdbStoreScan *scan = tsdb_store_beginscan(compaction->store, compaction->snapshot, kind, 0, PG_INT32_MIN,
											   TSDB_STORE_MAX_ID, PG_INT32_MAX, false);
	TsdbStoreScan *old_scan = tsdb_store_beginscan(compaction->store, old, kind, 0, PG_INT32_MIN,
												   TSDB_STORE_MAX_ID, PG_INT32_MAX, false);
	TsdbStoreRow row;
	TsdbStoreRow old_row;
	bool more;
	bool same;

	do
	{
		CHECK_FOR_INTERRUPTS();
		more = tsdb_store_getnext(scan, &row);
		same = tsdb_store_getnext(old_scan, &old_row) == more && (!more || ItemPointerEquals(&row.tid, &old_row.tid));
	} while (more && same);
	tsdb_store_endscan(old_scan);
	tsdb_store_endscan(scan);
	UnregisterSnapshot(old);
	return same;
}

static void
lower_barrier(const TsdbStoreRow *row, void *arg)
{
	BarrierScan *scan = arg;
	TsdbStoredRun stored;

	tsdb_runstore_decode_row(scan->rel, row, &stored);
	scan->barrier = Min(scan->barrier, Min(stored.run.run_no, Min(stored.run.min_seq, stored.run.barrier_seq)));
}

/*
 * List the visible runs and tell the candidates.  A run across the barrier lowers it to its first row; so does
 * one above that is coded against one below, which has to stay.
 */
static void
list_runs(TsdbCompaction *compaction)
{
	bool lowered;

	compaction->runs = tsdb_runstore_list(compaction->store, compaction->rel, compaction->snapshot, &compaction->nruns);
	compaction->is_candidate = palloc0_array(bool, compaction->nruns + 1);
	compaction->is_merged = palloc0_array(bool, compaction->nruns + 1);
	compaction->is_moved = palloc0_array(bool, compaction->nruns + 1);
	do
	{
		lowered = false;
		for (uint32 i = 0; i < compaction->nruns; i++)
		{
			const TsdbRun *run = &compaction->runs[i].run;

			uint64 lowest = run->base_no != 0 ? run->base_no : run->min_seq;

			if (run->max_seq >= compaction->barrier && lowest < compaction->barrier)
			{
				compaction->barrier = lowest;
				lowered = true;
			}
		}
	} while (lowered);
	for (uint32 i = 0; i < compaction->nruns; i++)
		compaction->is_candidate[i] = compaction->runs[i].run.max_seq < compaction->barrier;
}

static uint32
count_candidates(const TsdbCompaction *compaction)
{
	uint32 n = 0;

	for (uint32 i = 0; i < compaction->nruns; i++)
		n += compaction->is_candidate[i];
	return n;
}

/* Rows before which time make their segment due. */
static int64
choose_cutoff(const TsdbCompaction *compaction)
{
	TsdbRunTotals totals = {0};

	if (compaction->mode == TSDB_COMPACT_FULL)
		return PG_INT64_MAX;
	totals.min_time = PG_INT64_MAX;
	for (uint32 i = 0; i < compaction->nruns; i++)
	{
		const TsdbRun *run = &compaction->runs[i].run;

		if (!compaction->is_candidate[i])
			continue;
		totals.nrows += run->nrows;
		totals.nbytes += run->payload_bytes;
		totals.min_time = Min(totals.min_time, run->min_time);
	}
	return tsdb_policy_cutoff(&totals, compaction->table.compact_after_us,
							  tsdb_metapage_next(compaction->rel, TSDB_COUNTER_SERIES), true);
}

/* Thousands of tiny runs: walking over all of them at once would take too much memory. */
static void
merge_tiers_first(TsdbCompaction *compaction)
{
	if (count_candidates(compaction) <= MANY_RUNS)
		return;
	tsdb_tier_merge(compaction);
	delete_runs(compaction);
	tsdb_compaction_look_again(compaction);
}

static bool
is_gone(const TsdbCompaction *compaction, uint32 i)
{
	return compaction->is_merged[i] || compaction->is_moved[i];
}

/* A run that others are coded against stays as long as one of them; from the end, since bases lie before and may have bases. */
static void
keep_bases(TsdbCompaction *compaction)
{
	for (uint32 i = compaction->nruns; i-- > 0;)
	{
		uint64 base_no = compaction->runs[i].run.base_no;
		uint32 low = 0;
		uint32 high = i;

		if (base_no == 0 || is_gone(compaction, i))
			continue;
		while (low < high)
		{
			uint32 middle = low + (high - low) / 2;

			if (compaction->runs[middle].run.run_no < base_no)
				low = middle + 1;
			else
				high = middle;
		}
		if (low < i && compaction->runs[low].run.run_no == base_no)
			compaction->is_merged[low] = compaction->is_moved[low] = false;
	}
}

static void
delete_runs(TsdbCompaction *compaction)
{
	TsdbCompactResult *result = compaction->result;

	keep_bases(compaction);
	result->runs_left = result->runs_blocked = 0;
	tsdb_progress_phase(TSDB_PHASE_DELETING, compaction->nruns);
	for (uint32 i = 0; i < compaction->nruns; i++)
	{
		CHECK_FOR_INTERRUPTS();
		if (is_gone(compaction, i))
		{
			tsdb_runstore_delete(compaction->store, compaction->snapshot, &compaction->runs[i]);
			result->runs_merged++;
		}
		else
		{
			result->runs_left++;
			result->runs_blocked += !compaction->is_candidate[i];
		}
	}
}

static void
settle_segment(TsdbCompaction *compaction, TsdbSegmentKey key)
{
	MemoryContext work = AllocSetContextCreate(CurrentMemoryContext, "tsdb empty segment", ALLOCSET_DEFAULT_SIZES);
	MemoryContext caller = MemoryContextSwitchTo(work);
	TsdbStoredSegment old;
	bool has_old = tsdb_segstore_find(compaction->store, compaction->rel, compaction->snapshot,
									  key.series, key.segment_no, &old);

	if (tsdb_compaction_has_older_runs(compaction, key.merged_seq))
		write_tombstone(compaction, key, has_old ? &old : NULL);
	else if (has_old)
		tsdb_segstore_delete(compaction->store, compaction->rel, compaction->snapshot, &old);
	MemoryContextSwitchTo(caller);
	MemoryContextDelete(work);
}

static void
write_tombstone(TsdbCompaction *compaction, TsdbSegmentKey key, const TsdbStoredSegment *old)
{
	TsdbSegment segment = {0};
	TsdbSegmentWriter *writer;

	segment.series = key.series;
	segment.segment_no = key.segment_no;
	segment.from_us = tsdb_grid_segment_start(key.segment_no, compaction->segment_us);
	segment.until_us = key.segment_no == PG_INT32_MAX ? PG_INT64_MAX : tsdb_grid_segment_start(key.segment_no + 1, compaction->segment_us);
	segment.block_us = segment.group_us = compaction->segment_us;
	segment.merged_seq = key.merged_seq;
	writer = tsdb_segwriter_begin(compaction->store, compaction->rel, compaction->snapshot, old, true, compaction->cid);
	tsdb_segwriter_finish(writer, &segment);
}

/* The segments that were not touched: tombstones go if they may, wasted space is given back. */
static void
sweep_segments(TsdbCompaction *compaction)
{
	TsdbSegmentScan *scan = tsdb_segstore_beginscan(compaction->store, compaction->rel, compaction->snapshot,
													0, PG_INT32_MIN, TSDB_STORE_MAX_ID, PG_INT32_MAX, false);
	MemoryContext work = AllocSetContextCreate(CurrentMemoryContext, "tsdb sweep", ALLOCSET_DEFAULT_SIZES);
	MemoryContext caller = MemoryContextSwitchTo(work);
	TsdbStoredSegment stored;
	uint32 ntouched = compaction->touched.n;

	tsdb_progress_phase(TSDB_PHASE_SWEEPING, 0);
	compaction->rows_swept = 0;
	while (tsdb_segstore_getnext(scan, &stored))
	{
		const TsdbSegment *segment = &stored.segment;
		TsdbSegmentKeys touched = compaction->touched;

		/* Rewriting adds to the list, out of order. */
		touched.n = ntouched;
		CHECK_FOR_INTERRUPTS();
		compaction->rows_swept += segment->nrows;
		if (has_key(&touched, segment->series, segment->segment_no))
			;
		else if (segment->nrows == 0 && !tsdb_compaction_has_older_runs(compaction, segment->merged_seq))
			tsdb_segstore_delete(compaction->store, compaction->rel, compaction->snapshot, &stored);
		else if (segment->nrows > 0 && tsdb_segload_has_other_quality(compaction, segment))
			tsdb_segmerge_recode(compaction, &stored);
		else if (compaction->materialize && tsdb_segload_lacks_values(compaction, segment))
			tsdb_segmerge_recode(compaction, &stored);
		else if (segment->nrows > 0 && tsdb_segment_wasted_bytes(segment) > segment->stream_bytes / 20)
			tsdb_segmerge_rewrite(compaction, &stored);
		MemoryContextReset(work);
	}
	MemoryContextSwitchTo(caller);
	MemoryContextDelete(work);
	tsdb_segstore_endscan(scan);
}

static bool
has_key(const TsdbSegmentKeys *list, uint32 series, int32 segment_no)
{
	uint32 low = 0;
	uint32 high = list->n;

	while (low < high)
	{
		uint32 middle = low + (high - low) / 2;
		TsdbSegmentKey key = list->keys[middle];

		if (key.series == series && key.segment_no == segment_no)
			return true;
		if (key.series < series || (key.series == series && key.segment_no < segment_no))
			low = middle + 1;
		else
			high = middle;
	}
	return false;
}

/*
 * The estimate for the planner.  A row is counted when its run leaves tier 0 or
 * goes into a segment; there it turns out how many of them replaced others.
 */
static void
update_rows(TsdbCompaction *compaction)
{
	bool is_exact = compaction->rows_swept >= 0;
	double nrows = is_exact ? compaction->rows_swept : tsdb_metapage_rows(compaction->rel) - compaction->rows_taken;

	nrows += compaction->rows_added;
	for (uint32 i = 0; i < compaction->nruns; i++)
		if (is_exact ? !compaction->is_merged[i] : is_gone(compaction, i) && compaction->runs[i].run.tier == 0)
			nrows += compaction->runs[i].run.nrows;
	tsdb_metapage_set_rows(compaction->rel, Max(nrows, 0));
}
