/*-------------------------------------------------------------------------
 *
 * policy.h
 *	  When a table is due for which maintenance.
 *
 *-------------------------------------------------------------------------
 */
#ifndef TSDB_POLICY_H
#define TSDB_POLICY_H

#include "postgres.h"
#include "maint/compact.h"

/* Runs of one tier that are merged into the next at a time. */
#define TSDB_TIER_FANIN 64

/* A run of this size is left alone until it goes into segments. */
#define TSDB_TIER_FULL_ROWS (1u << 16)
#define TSDB_TIER_FULL_BYTES (4 * 1024 * 1024)

/* What the runs of a table amount to. */
typedef struct TsdbRunTotals
{
	uint64 nrows;
	uint64 nbytes;
	int64 min_time; /* PG_INT64_MAX when there is none */
	uint32 widest_tier; /* runs that are not full in the tier that has most of them */
} TsdbRunTotals;

/*
 * tsdb_policy_cutoff - segments with rows before this time are due; PG_INT64_MIN = none.
 *
 *	after_us	the table's compact_after, -1 = ours to choose
 *	nseries		of the table
 *	is_thorough	from time to time (a look every few passes): then also few and late rows
 */
extern int64 tsdb_policy_cutoff(const TsdbRunTotals *totals, int64 after_us, uint64 nseries, bool is_thorough);

typedef struct TsdbPolicyStep
{
	bool is_due;
	TsdbCompactMode mode;
} TsdbPolicyStep;

/* tsdb_policy_choose - look at the runs of a table: what should be done now? */
extern TsdbPolicyStep tsdb_policy_choose(Relation rel, bool is_thorough);

/* tsdb_policy_is_small - is the run one that tiers still merge? */
extern bool tsdb_policy_is_small(uint64 nrows, uint64 nbytes);

#endif /* TSDB_POLICY_H */
