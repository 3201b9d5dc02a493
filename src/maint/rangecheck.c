/*-------------------------------------------------------------------------
 *
 * rangecheck.c
 *	  Has a range of a table changed since the transaction's snapshot?
 *
 * Rows of the store are never changed in place, so two snapshots agree on a row when they see it at the same TID.
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "format/grid.h"
#include "maint/rangecheck.h"
#include "miscadmin.h"
#include "utils/snapmgr.h"

#define CURSOR_BYTES (4 * 1024 * 1024)

typedef struct Range
{
	TsdbCompaction *compaction;
	const uint32 *series;
	uint32 nseries;
	int64 from_us;
	int64 until_us;
} Range;

static bool has_same_rows(const Range *range, Snapshot old_snapshot, TsdbKind kind, uint32 id_from, uint32 id_until);
static int compare_rows(const TsdbStoreRow *a, const TsdbStoreRow *b);
static bool touches(const Range *range, const TsdbStoreRow *row);
static bool sees_same_transactions(Snapshot a, Snapshot b);
static bool has_new_versions(TsdbCompaction *compaction, Snapshot old_snapshot, const TsdbRangeDelete *request);
static ItemPointerData *list_tids(TsdbCompaction *compaction, Snapshot snapshot, uint32 *ntids);
static int compare_tids(const void *a, const void *b);
static bool holds_key(TsdbRunCursors *cursors, TsdbRunCursor *cursor, const TsdbRangeDelete *request);

void
tsdb_rangecheck_run(TsdbCompaction *compaction, const uint32 *series, uint32 nseries, int64 from_us, int64 until_us)
{
	Range range = {compaction, series, nseries, from_us, until_us};
	Snapshot old;
	SnapshotData same_command;
	bool same;

	if (!IsolationUsesXactSnapshot())
		return;
	old = RegisterSnapshot(GetTransactionSnapshot());

	/* Of what this transaction has written both are to see the same. */
	same_command = *old;
	same_command.curcid = compaction->snapshot->curcid;
	same = has_same_rows(&range, &same_command, TSDB_KIND_RUN, 0, TSDB_STORE_MAX_ID) &&
		   has_same_rows(&range, &same_command, TSDB_KIND_SEGMENT, series != NULL ? series[0] : 0,
						 series != NULL ? series[nseries - 1] : TSDB_STORE_MAX_ID);
	UnregisterSnapshot(old);
	if (!same)
		ereport(ERROR,
				(errcode(ERRCODE_T_R_SERIALIZATION_FAILURE),
				 errmsg("could not serialize access due to concurrent update"),
				 errdetail("Samples of table \"%s\" in the range were written or compacted after the transaction's snapshot.",
						   RelationGetRelationName(compaction->rel)),
				 errhint("Run the transaction again.")));
}

bool
tsdb_rangecheck_is_same(TsdbCompaction *compaction, Snapshot snapshot, const TsdbRangeDelete *request)
{
	Range range = {compaction, request->series, request->nseries, request->from_us, request->until_us};
	SnapshotData same_command = *snapshot;

	if (sees_same_transactions(snapshot, compaction->snapshot))
		return true;
	same_command.curcid = compaction->snapshot->curcid;
	return has_same_rows(&range, &same_command, TSDB_KIND_SEGMENT, request->series != NULL ? request->series[0] : 0,
						 request->series != NULL ? request->series[request->nseries - 1] : TSDB_STORE_MAX_ID) &&
		   !has_new_versions(compaction, &same_command, request);
}

// private functions

/* Step through what both snapshots see. */
static bool
has_same_rows(const Range *range, Snapshot old_snapshot, TsdbKind kind, uint32 id_from, uint32 id_until)
{
	TsdbCompaction *compaction = range->compaction;
	TsdbStoreScan *scans[2];
	TsdbStoreRow rows[2];
	bool more[2];
	bool same = true;

	for (int i = 0; i < 2; i++)
	{
		scans[i] = tsdb_store_beginscan(compaction->store, i == 0 ? old_snapshot : compaction->snapshot, kind, id_from,
										PG_INT32_MIN, id_until, PG_INT32_MAX, false);
		more[i] = tsdb_store_getnext(scans[i], &rows[i]);
	}
	while (same && (more[0] || more[1]))
	{
		int order = !more[0] ? 1 : !more[1] ? -1
											: compare_rows(&rows[0], &rows[1]);

		CHECK_FOR_INTERRUPTS();
		if (order != 0 || !ItemPointerEquals(&rows[0].tid, &rows[1].tid))
			same = !(order <= 0 && touches(range, &rows[0])) && !(order >= 0 && touches(range, &rows[1]));
		if (order <= 0)
			more[0] = tsdb_store_getnext(scans[0], &rows[0]);
		if (order >= 0)
			more[1] = tsdb_store_getnext(scans[1], &rows[1]);
	}
	tsdb_store_endscan(scans[0]);
	tsdb_store_endscan(scans[1]);
	return same;
}

static int
compare_rows(const TsdbStoreRow *a, const TsdbStoreRow *b)
{
	if (a->id != b->id)
		return a->id < b->id ? -1 : 1;
	return a->seq < b->seq ? -1 : a->seq > b->seq;
}

/* Does a run or a segment lie in the range, at least in part? */
static bool
touches(const Range *range, const TsdbStoreRow *row)
{
	const uint32 *series = range->series;
	TsdbStoredRun stored;
	bool is_listed = series == NULL;

	if (row->kind == TSDB_KIND_RUN)
	{
		tsdb_runstore_decode_row(range->compaction->rel, row, &stored);
		return stored.run.min_time < range->until_us && stored.run.max_time >= range->from_us;
	}
	for (uint32 i = 0; i < range->nseries && !is_listed; i++)
		is_listed = series[i] == row->id;
	return is_listed && tsdb_grid_segment_start(row->seq, range->compaction->segment_us) < range->until_us &&
		   (row->seq == PG_INT32_MAX ||
			tsdb_grid_segment_start(row->seq + 1, range->compaction->segment_us) > range->from_us);
}

/* Are the same transactions over for both?  False may mean that they are listed in another order. */
static bool
sees_same_transactions(Snapshot a, Snapshot b)
{
	return a->xmin == b->xmin && a->xmax == b->xmax && a->xcnt == b->xcnt && a->subxcnt == b->subxcnt &&
		   a->suboverflowed == b->suboverflowed && (a->xcnt == 0 || memcmp(a->xip, b->xip, sizeof(TransactionId) * a->xcnt) == 0) &&
		   (a->subxcnt == 0 || memcmp(a->subxip, b->subxip, sizeof(TransactionId) * a->subxcnt) == 0);
}

/* Does a run that the old snapshot does not see hold a version of a sample in the range? */
static bool
has_new_versions(TsdbCompaction *compaction, Snapshot old_snapshot, const TsdbRangeDelete *request)
{
	bool *is_new = palloc0_array(bool, compaction->nruns + 1);
	uint32 ntids;
	ItemPointerData *tids = list_tids(compaction, old_snapshot, &ntids);
	TsdbRunCursors *cursors;
	TsdbRunCursor *list;
	uint32 ncursors;
	bool found = false;

	for (uint32 i = 0; i < compaction->nruns; i++)
	{
		const TsdbStoredRun *stored = &compaction->runs[i];

		is_new[i] = stored->run.min_time < request->until_us && stored->run.max_time >= request->from_us &&
					bsearch(&stored->tid, tids, ntids, sizeof(ItemPointerData), compare_tids) == NULL;
	}
	cursors = tsdb_runcursor_open(compaction->store, compaction->rel, compaction->snapshot, &compaction->table,
								  compaction->runs, is_new, compaction->nruns, CURSOR_BYTES);
	list = tsdb_runcursor_list(cursors, &ncursors);
	for (uint32 i = 0; i < ncursors && !found; i++)
		found = holds_key(cursors, &list[i], request);
	tsdb_runcursor_close(cursors);
	return found;
}

/* Where the runs lie that a snapshot sees, sorted. */
static ItemPointerData *
list_tids(TsdbCompaction *compaction, Snapshot snapshot, uint32 *ntids)
{
	TsdbStoreScan *scan = tsdb_store_beginscan(compaction->store, snapshot, TSDB_KIND_RUN, 0, PG_INT32_MIN, TSDB_STORE_MAX_ID,
											   PG_INT32_MAX, false);
	uint32 capacity = 64;
	ItemPointerData *tids = palloc_array(ItemPointerData, capacity);
	TsdbStoreRow row;

	*ntids = 0;
	while (tsdb_store_getnext(scan, &row))
	{
		CHECK_FOR_INTERRUPTS();
		if (*ntids == capacity)
		{
			capacity *= 2;
			tids = repalloc_array(tids, ItemPointerData, capacity);
		}
		tids[(*ntids)++] = row.tid;
	}
	tsdb_store_endscan(scan);
	qsort(tids, *ntids, sizeof(ItemPointerData), compare_tids);
	return tids;
}

static int
compare_tids(const void *a, const void *b)
{
	return ItemPointerCompare(unconstify(void *, a), unconstify(void *, b));
}

static bool
holds_key(TsdbRunCursors *cursors, TsdbRunCursor *cursor, const TsdbRangeDelete *request)
{
	while (!tsdb_runcursor_is_done(cursor))
	{
		TsdbKey wanted = cursor->key;

		CHECK_FOR_INTERRUPTS();
		if (!tsdb_rangedelete_next_key(request, &wanted))
			return false;
		if (tsdb_key_compare(wanted, cursor->key) == 0)
			return true;
		tsdb_runcursor_seek(cursors, cursor, wanted);
	}
	return false;
}
