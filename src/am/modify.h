/*-------------------------------------------------------------------------
 *
 * modify.h
 *	  INSERT, UPDATE, DELETE, row locks and fetches by TID for the access method.
 *
 * Signatures are those of the TableAmRoutine members that they serve.
 *-------------------------------------------------------------------------
 */
#ifndef TSDB_MODIFY_H
#define TSDB_MODIFY_H

#include "postgres.h"
#include "access/tableam.h"
#include "pg/compat.h"

extern void tsdb_modify_insert(Relation rel, TupleTableSlot *slot, CommandId cid);
extern TM_Result tsdb_modify_delete(Relation rel, ItemPointer tid, CommandId cid, Snapshot snapshot, Snapshot crosscheck,
									bool wait, TM_FailureData *tmfd);
extern TM_Result tsdb_modify_update(Relation rel, ItemPointer tid, TupleTableSlot *slot, CommandId cid,
									Snapshot snapshot, Snapshot crosscheck, bool wait, TM_FailureData *tmfd);
extern TM_Result tsdb_modify_lock(Relation rel, ItemPointer tid, Snapshot snapshot, TupleTableSlot *slot,
								  CommandId cid, LockWaitPolicy wait_policy, uint8 flags, TM_FailureData *tmfd);
extern bool tsdb_modify_fetch(Relation rel, ItemPointer tid, Snapshot snapshot, TupleTableSlot *slot);
extern bool tsdb_modify_satisfies(Relation rel, TupleTableSlot *slot, Snapshot snapshot);

#endif /* TSDB_MODIFY_H */
