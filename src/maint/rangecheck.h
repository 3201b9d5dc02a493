/*-------------------------------------------------------------------------
 *
 * rangecheck.h
 *	  Has a range of a table changed since the transaction's snapshot?
 *
 *-------------------------------------------------------------------------
 */
#ifndef TSDB_RANGECHECK_H
#define TSDB_RANGECHECK_H

#include "maint/compaction.h"
#include "maint/rangedelete.h"

/*
 * tsdb_rangecheck_run - under REPEATABLE READ and above: serialisation error when runs or segments in the range are not
 * those that the transaction's snapshot sees.
 *
 *	series	ascending, NULL = all
 *
 * Also after a compaction, which changes no sample: what would be replaced is not what the snapshot reads by, and it
 * would see both.
 */
extern void tsdb_rangecheck_run(TsdbCompaction *compaction, const uint32 *series, uint32 nseries, int64 from_us, int64 until_us);

/*
 * tsdb_rangecheck_is_same - is what a statement's snapshot sees in a range all that is there now?
 *
 * Segments have to be the very rows that it sees.  A run that it does not see does not matter as long as it holds no
 * version of a sample in the range.
 */
extern bool tsdb_rangecheck_is_same(TsdbCompaction *compaction, Snapshot snapshot, const TsdbRangeDelete *request);

#endif /* TSDB_RANGECHECK_H */
