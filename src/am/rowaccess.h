/*-------------------------------------------------------------------------
 *
 * rowaccess.h
 *	  One row of a table by TID or key: what UPDATE, DELETE, locks and triggers need.
 *
 *-------------------------------------------------------------------------
 */
#ifndef TSDB_ROWACCESS_H
#define TSDB_ROWACCESS_H

#include "postgres.h"
#include "executor/tuptable.h"
#include "format/batch.h"
#include "read/reader.h"
#include "read/rowslot.h"
#include "series/tsdbtable.h"

/* A reader of all columns with the pending rows that its snapshot sees. */
typedef struct TsdbRowAccess
{
	Relation	rel;
	TsdbReader *reader;
	Snapshot	snapshot;		/* registered by us, or NULL */
} TsdbRowAccess;

/* Open with the statement's snapshot (anything but MVCC: the active one). */
extern void tsdb_rowaccess_open(TsdbRowAccess *access, Relation rel, Snapshot snapshot);
/* Open with a snapshot taken now; of our own commands only those below curcid. */
extern void tsdb_rowaccess_open_latest(TsdbRowAccess *access, Relation rel, CommandId curcid);
extern void tsdb_rowaccess_close(TsdbRowAccess *access);

/* Store the row of a key, or of a TID, with its TID; false when there is none.  The slot is materialised. */
extern bool tsdb_rowaccess_by_key(TsdbRowAccess *access, TsdbKey key, TupleTableSlot *slot);
extern bool tsdb_rowaccess_by_tid(TsdbRowAccess *access, ItemPointer tid, TsdbKey *key, TupleTableSlot *slot);

/* tsdb_rowaccess_equal - the same values, bit for bit, in both slots? */
extern bool tsdb_rowaccess_equal(Relation rel, TupleTableSlot *a, TupleTableSlot *b);

#endif							/* TSDB_ROWACCESS_H */
