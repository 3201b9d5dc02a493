/*-------------------------------------------------------------------------
 *
 * rowaccess.h
 *	  One row of a table by TID or key: what UPDATE, DELETE, locks and triggers need.
 *
 * Opening a reader lists the runs; a statement that changes many rows must not do so
 * for each.  Within a run of the executor accesses are kept, and closed when it ends.
 *-------------------------------------------------------------------------
 */
#ifndef TSDB_ROWACCESS_H
#define TSDB_ROWACCESS_H

#include "postgres.h"
#include "executor/tuptable.h"
#include "format/batch.h"
#include "utils/rel.h"
#include "utils/snapshot.h"

/* A reader of all columns with the pending rows that its snapshot sees. */
typedef struct TsdbRowAccess TsdbRowAccess;

/* tsdb_rowaccess_seen - read with the statement's snapshot (anything but MVCC: the active one). */
extern TsdbRowAccess *tsdb_rowaccess_seen(Relation rel, Snapshot snapshot);

/*
 * tsdb_rowaccess_latest - read what is committed now; of our own commands only those below curcid.
 *
 *	series	whose lock the caller holds.  "Now" is a moment after this statement got that lock: rows of the series can't
 *			have been changed since by anybody who takes the lock too.  0: really now.
 */
extern TsdbRowAccess *tsdb_rowaccess_latest(Relation rel, CommandId curcid, uint32 series);

/* tsdb_rowaccess_release - done with it for the moment; NULL is fine. */
extern void tsdb_rowaccess_release(TsdbRowAccess *access);

/*
 * Read the row of a key, or of a TID, with its TID, into the access' own slot.
 *
 * The slot is valid until the next read or release; NULL when there is no such row.
 */
extern TupleTableSlot *tsdb_rowaccess_by_key(TsdbRowAccess *access, TsdbKey key);
extern TupleTableSlot *tsdb_rowaccess_by_tid(TsdbRowAccess *access, ItemPointer tid, TsdbKey *key);

/* tsdb_rowaccess_same - do both see the same runs, and the same segment around a key?  Then they see the same sample. */
extern bool tsdb_rowaccess_same(TsdbRowAccess *a, TsdbRowAccess *b, TsdbKey key);

/* tsdb_rowaccess_equal - the same values, bit for bit, in both slots? */
extern bool tsdb_rowaccess_equal(Relation rel, TupleTableSlot *a, TupleTableSlot *b);

/* tsdb_rowaccess_init - hook into the executor; called by _PG_init. */
extern void tsdb_rowaccess_init(void);

#endif /* TSDB_ROWACCESS_H */
