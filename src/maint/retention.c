/*-------------------------------------------------------------------------
 *
 * retention.c
 *	  Option retention: drop what is too old.
 *
 * A range delete that is in no hurry: rows that are still in runs stay until they have come to segments, and a block that
 * would lose little stays as it is.  So no lock on the table is needed beyond those of a compaction.
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "maint/compaction.h"
#include "maint/progress.h"
#include "maint/segcut.h"
#include "miscadmin.h"
#include "pg/counters.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

static uint64 drop_before(TsdbCompaction *compaction, int64 until_us);

uint64
tsdb_compact_retention(Relation rel, int64 until_us, bool wait)
{
	TsdbCompaction compaction;
	TsdbCompactResult result;
	uint64 dropped;

	if (!tsdb_compaction_begin(&compaction, rel, TSDB_COMPACT_AGED, wait, &result))
		return 0;
	tsdb_progress_phase(TSDB_PHASE_RETENTION, 0);
	dropped = drop_before(&compaction, until_us);
	tsdb_compaction_settle(&compaction);
	tsdb_compaction_end(&compaction);
	tsdb_counters_add(TSDB_STAT_ROWS_EXPIRED, dropped);
	tsdb_counters_time(TSDB_STAT_RETENTION, GetCurrentTimestamp() - compaction.started);
	return dropped;
}

// private functions

/* Walk over the old segments; a tombstone of an earlier retention goes when it may. */
static uint64
drop_before(TsdbCompaction *compaction, int64 until_us)
{
	TsdbSegmentScan *scan = tsdb_segstore_beginscan(compaction->store, compaction->rel, compaction->snapshot,
													0, PG_INT32_MIN, TSDB_STORE_MAX_ID, PG_INT32_MAX, false);
	MemoryContext work = AllocSetContextCreate(CurrentMemoryContext, "tsdb retention", ALLOCSET_DEFAULT_SIZES);
	MemoryContext caller = MemoryContextSwitchTo(work);
	TsdbSegmentCut cut = {.from_us = PG_INT64_MIN, .until_us = until_us, .lazily = true};
	TsdbStoredSegment stored;
	uint64 dropped = 0;

	while (tsdb_segstore_getnext(scan, &stored))
	{
		const TsdbSegment *segment = &stored.segment;

		CHECK_FOR_INTERRUPTS();
		if (segment->nrows == 0 && !tsdb_compaction_has_older_runs(compaction, segment->merged_seq))
			tsdb_segstore_delete(compaction->store, compaction->rel, compaction->snapshot, &stored);
		else if (segment->nrows > 0 && segment->from_us < until_us)
			dropped += segment->nrows - tsdb_segcut_run(compaction, &stored, &cut);
		MemoryContextReset(work);
	}
	MemoryContextSwitchTo(caller);
	MemoryContextDelete(work);
	tsdb_segstore_endscan(scan);
	return dropped;
}
