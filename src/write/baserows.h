/*-------------------------------------------------------------------------
 *
 * baserows.h
 *	  What this backend committed last to a table, for coding the next run against it.
 *
 * Samples of many series at one moment have little to do with each other: a run of one sample per series takes
 * three times the bytes of its share of a segment.  As differences from the run before it takes less than that.
 * Contract with compaction: store/runbase.h.
 *-------------------------------------------------------------------------
 */
#ifndef TSDB_BASEROWS_H
#define TSDB_BASEROWS_H

#include "postgres.h"
#include "store/runstore.h"
#include "utils/rel.h"

/* tsdb_baserows_offer - fill in the base for a run of this table, if there is one; the rest of *offer becomes zero. */
extern void tsdb_baserows_offer(Relation rel, TsdbRunOffer *offer);

/*
 * tsdb_baserows_note - a run was written at commit; it may become the next base.
 *
 *	rows	of it, as they were coded; copied
 *	offer	as tsdb_runstore_write left it
 */
extern void tsdb_baserows_note(Relation rel, const TsdbBatch *rows, uint64 run_no, const TsdbRunOffer *offer);

/* tsdb_baserows_forget - the table lost its rows. */
extern void tsdb_baserows_forget(Relation rel);

/* tsdb_baserows_end - the transaction is over: what it wrote counts from now on, or never did. */
extern void tsdb_baserows_end(bool committed);

#endif /* TSDB_BASEROWS_H */
