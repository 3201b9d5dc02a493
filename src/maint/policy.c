/*-------------------------------------------------------------------------
 *
 * policy.c
 *	  When a table is due for which maintenance.
 *
 * Merging a segment rewrites the last block of every series that was written to, so
 * it should come when about half a block has gathered; until then runs of
 * one tier are merged when there are too many of them:
 *
 *		runs hold						and						then
 *		rows older than compact_after	16 MB, or now and then	segments
 *		half a block for every series	16 MB					segments, all rows
 *		256 MB													segments, all rows
 *		rows older than a day			now and then			segments
 *		64 small runs of one tier								bigger runs
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "maint/policy.h"
#include "series/tsdbtable.h"
#include "store/metapage.h"
#include "store/runstore.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

#define LATE_US INT64CONST(86400000000)
#define HALF_BLOCK_ROWS 2048
#define MUCH_BYTES (16 * 1024 * 1024)
#define TOO_MUCH_BYTES (256 * 1024 * 1024)
#define NTIERS 16

static void add_totals(TsdbRunTotals *totals, const TsdbStoredRun *runs, uint32 nruns);

int64
tsdb_policy_cutoff(const TsdbRunTotals *totals, int64 after_us, uint64 nseries, bool is_thorough)
{
	int64 now_us = GetCurrentTimestamp();
	int64 cutoff_us;

	if (after_us >= 0)
	{
		if (__builtin_sub_overflow(now_us, after_us, &cutoff_us))
			return PG_INT64_MIN;
		return (is_thorough || totals->nbytes > MUCH_BYTES) && totals->min_time < cutoff_us ? cutoff_us : PG_INT64_MIN;
	}
	if (totals->nbytes > TOO_MUCH_BYTES ||
		(totals->nbytes > MUCH_BYTES && totals->nrows / HALF_BLOCK_ROWS >= nseries))
		return PG_INT64_MAX;
	cutoff_us = now_us - LATE_US;
	return is_thorough && totals->min_time < cutoff_us ? cutoff_us : PG_INT64_MIN;
}

TsdbPolicyStep
tsdb_policy_choose(Relation rel, bool is_thorough)
{
	MemoryContext work = AllocSetContextCreate(CurrentMemoryContext, "tsdb policy", ALLOCSET_DEFAULT_SIZES);
	MemoryContext caller = MemoryContextSwitchTo(work);
	TsdbPolicyStep step = {false, TSDB_COMPACT_TIERS};
	TsdbStore *store = tsdb_metapage_segment_us(rel) != 0 ? tsdb_store_open(rel, AccessShareLock, false) : NULL;

	if (store != NULL)
	{
		TsdbRunTotals totals = {0};
		uint32 nruns;
		TsdbStoredRun *runs = tsdb_runstore_list(store, rel, GetActiveSnapshot(), &nruns);

		add_totals(&totals, runs, nruns);
		if (tsdb_policy_cutoff(&totals, tsdb_table_get(rel)->compact_after_us,
							   tsdb_metapage_next(rel, TSDB_COUNTER_SERIES), is_thorough) != PG_INT64_MIN)
		{
			step.is_due = true;
			step.mode = TSDB_COMPACT_AGED;
		}
		else
			step.is_due = totals.widest_tier >= TSDB_TIER_FANIN;
		tsdb_store_close(store);
	}
	MemoryContextSwitchTo(caller);
	MemoryContextDelete(work);
	return step;
}

bool
tsdb_policy_is_small(uint64 nrows, uint64 nbytes)
{
	return nrows < TSDB_TIER_FULL_ROWS && nbytes < TSDB_TIER_FULL_BYTES;
}

// private functions

static void
add_totals(TsdbRunTotals *totals, const TsdbStoredRun *runs, uint32 nruns)
{
	uint32 tiers[NTIERS] = {0};

	totals->min_time = PG_INT64_MAX;
	for (uint32 i = 0; i < nruns; i++)
	{
		const TsdbRun *run = &runs[i].run;
		uint32 *tier = &tiers[Min(run->tier, NTIERS - 1)];

		totals->nrows += run->nrows;
		totals->nbytes += run->payload_bytes;
		if (run->nrows > 0)
			totals->min_time = Min(totals->min_time, run->min_time);
		if (!tsdb_policy_is_small(run->nrows, run->payload_bytes))
			continue;
		++*tier; /* not inside of Max, which would do it twice */
		totals->widest_tier = Max(totals->widest_tier, *tier);
	}
}
