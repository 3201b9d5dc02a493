/*-------------------------------------------------------------------------
 *
 * modify.c
 *	  INSERT, UPDATE, DELETE, row locks and fetches by TID for the access method.
 *
 * An UPDATE writes the whole row again, a DELETE a tombstone; both hold the lock of the
 * series to the end of the transaction.  With the lock in hand the newest committed version is compared with the
 * one that the statement saw: "always fine" would lose updates.
 */
#include "postgres.h"

#include "access/xact.h"
#include "am/modify.h"
#include "am/rowaccess.h"
#include "commands/trigger.h"
#include "executor/executor.h"
#include "series/rowkey.h"
#include "series/series.h"
#include "utils/snapmgr.h"
#include "write/buffer.h"
#include "write/images.h"

/* A row that is about to be changed: as the statement saw it and as it is now. */
typedef struct Target
{
	TsdbKey		key;
	TupleTableSlot *seen;
	TupleTableSlot *newest;		/* empty: gone */
	bool		changed;
} Target;

static TM_Result find_target(Relation rel, ItemPointer tid, CommandId cid, Snapshot snapshot,
							 LockWaitPolicy wait_policy, bool is_change, Target *target, TM_FailureData *tmfd);
static bool find_seen(Relation rel, ItemPointer tid, Snapshot snapshot, Target *target);
static void read_newest(Relation rel, Snapshot snapshot, Target *target);
static void free_target(Target *target);
static CommandId curcid_of(Snapshot snapshot);
static void write_row(Relation rel, const TsdbTable *table, TsdbKey key, TupleTableSlot *slot, CommandId cid);
static void write_tombstone(Relation rel, const TsdbTable *table, TsdbKey key, CommandId cid);

void
tsdb_modify_insert(Relation rel, TupleTableSlot *slot, CommandId cid)
{
	const TsdbTable *table = tsdb_table_get(rel);
	TsdbKey		key = tsdb_rowkey_get(rel, table, slot, true);

	/* Creating a series may have processed invalidations. */
	table = tsdb_table_get(rel);
	write_row(rel, table, key, slot, cid);
	if (rel->trigdesc != NULL && rel->trigdesc->trig_insert_after_row)
		tsdb_images_keep(rel, &slot->tts_tid, slot);
}

TM_Result
tsdb_modify_delete(Relation rel, ItemPointer tid, CommandId cid, Snapshot snapshot, bool wait, TM_FailureData *tmfd)
{
	Target		target;
	TM_Result	result = find_target(rel, tid, cid, snapshot, wait ? LockWaitBlock : LockWaitSkip, true, &target, tmfd);

	if (result == TM_Ok)
	{
		write_tombstone(rel, tsdb_table_get(rel), target.key, cid);
		if (rel->trigdesc != NULL && (rel->trigdesc->trig_delete_after_row || rel->trigdesc->trig_update_after_row ||
									  rel->trigdesc->trig_delete_old_table))
			tsdb_images_keep(rel, tid, target.seen);
	}
	free_target(&target);
	return result;
}

TM_Result
tsdb_modify_update(Relation rel, ItemPointer tid, TupleTableSlot *slot, CommandId cid, Snapshot snapshot,
				   bool wait, TM_FailureData *tmfd)
{
	Target		target;
	TM_Result	result = find_target(rel, tid, cid, snapshot, wait ? LockWaitBlock : LockWaitSkip, true, &target, tmfd);

	if (result == TM_Ok)
	{
		const TsdbTable *table = tsdb_table_get(rel);
		TsdbKey		key = tsdb_rowkey_get(rel, table, slot, true);

		table = tsdb_table_get(rel);
		if (tsdb_key_compare(key, target.key) != 0)
		{
			write_tombstone(rel, table, target.key, cid);
			tsdb_buffer_mark_moved(rel, key, cid);
		}
		write_row(rel, table, key, slot, cid);
		if (rel->trigdesc != NULL && (rel->trigdesc->trig_update_after_row ||
									  rel->trigdesc->trig_update_old_table || rel->trigdesc->trig_update_new_table))
		{
			tsdb_images_keep(rel, tid, target.seen);
			tsdb_images_keep(rel, &slot->tts_tid, slot);
		}
	}
	free_target(&target);
	return result;
}

TM_Result
tsdb_modify_lock(Relation rel, ItemPointer tid, Snapshot snapshot, TupleTableSlot *slot, CommandId cid,
				 LockWaitPolicy wait_policy, uint8 flags, TM_FailureData *tmfd)
{
	Target		target;
	TM_Result	result = find_target(rel, tid, cid, snapshot, wait_policy, false, &target, tmfd);

	tmfd->traversed = false;
	if (result == TM_Updated && (flags & TUPLE_LOCK_FLAG_FIND_LAST_VERSION) != 0)
	{
		result = TM_Ok;
		tmfd->traversed = true;
	}
	if (result == TM_Ok || result == TM_Updated)
	{
		ExecCopySlot(slot, target.newest);
		slot->tts_tid = target.newest->tts_tid;
		slot->tts_tableOid = RelationGetRelid(rel);
		if (tmfd->traversed)
			*tid = slot->tts_tid;
	}
	free_target(&target);
	return result;
}

bool
tsdb_modify_fetch(Relation rel, ItemPointer tid, Snapshot snapshot, TupleTableSlot *slot)
{
	TsdbRowAccess access;
	TsdbKey		key;
	bool		found;

	if (tsdb_images_find(rel, tid, slot))
		return true;
	tsdb_rowaccess_open(&access, rel, snapshot);
	found = tsdb_rowaccess_by_tid(&access, tid, &key, slot);
	tsdb_rowaccess_close(&access);
	if (!found && snapshot != NULL && snapshot->snapshot_type != SNAPSHOT_MVCC)
	{
		/* SnapshotAny: the version that a row lock has returned may be newer than the active snapshot. */
		tsdb_rowaccess_open_latest(&access, rel, curcid_of(snapshot));
		found = tsdb_rowaccess_by_tid(&access, tid, &key, slot);
		tsdb_rowaccess_close(&access);
	}
	return found;
}

/* Is the row in the slot, as it is, still what the table holds?  Foreign key checks ask this of rows inserted before. */
bool
tsdb_modify_satisfies(Relation rel, TupleTableSlot *slot, Snapshot snapshot)
{
	TupleTableSlot *now = table_slot_create(rel, NULL);
	TsdbRowAccess access;
	TsdbKey		key = tsdb_rowkey_get(rel, tsdb_table_get(rel), slot, false);
	bool		result = false;

	if (key.series != 0)
	{
		if (snapshot->snapshot_type == SNAPSHOT_MVCC)
			tsdb_rowaccess_open(&access, rel, snapshot);
		else
			tsdb_rowaccess_open_latest(&access, rel, InvalidCommandId);
		result = tsdb_rowaccess_by_key(&access, key, now) && tsdb_rowaccess_equal(rel, slot, now);
		tsdb_rowaccess_close(&access);
	}
	ExecDropSingleTupleTableSlot(now);
	return result;
}

// private functions

/*
 * Find the row of a TID, lock its series, and see whether it is still as the statement saw it.
 *
 *	is_change	for UPDATE and DELETE: refuse a second change by the same command
 *
 * free_target() is due whatever the result.
 */
static TM_Result
find_target(Relation rel, ItemPointer tid, CommandId cid, Snapshot snapshot, LockWaitPolicy wait_policy,
			bool is_change, Target *target, TM_FailureData *tmfd)
{
	CommandId	by;

	target->seen = table_slot_create(rel, NULL);
	target->newest = table_slot_create(rel, NULL);
	target->changed = false;
	tmfd->ctid = *tid;
	tmfd->xmax = InvalidTransactionId;
	tmfd->cmax = InvalidCommandId;
	tmfd->traversed = false;

	if (!find_seen(rel, tid, snapshot, target))
		return TM_Deleted;
	if (is_change && !tsdb_buffer_mark_modified(rel, target->key, cid, &by))
	{
		tmfd->xmax = GetCurrentTransactionId();
		tmfd->cmax = by;
		return TM_SelfModified;
	}
	if (!tsdb_series_lock(rel, target->key.series, wait_policy))
		return TM_WouldBlock;
	read_newest(rel, snapshot, target);
	if (!target->changed)
		return TM_Ok;
	if (is_change)
		tsdb_buffer_unmark_modified(rel, target->key);
	if (TTS_EMPTY(target->newest))
		return TM_Deleted;
	tmfd->ctid = target->newest->tts_tid;
	return TM_Updated;
}

/* The row as the statement's snapshot has it; or, for a TID that a row lock has returned, as it is now. */
static bool
find_seen(Relation rel, ItemPointer tid, Snapshot snapshot, Target *target)
{
	TsdbRowAccess access;
	bool		found;

	tsdb_rowaccess_open(&access, rel, snapshot);
	found = tsdb_rowaccess_by_tid(&access, tid, &target->key, target->seen);
	tsdb_rowaccess_close(&access);
	if (!found)
	{
		tsdb_rowaccess_open_latest(&access, rel, curcid_of(snapshot));
		found = tsdb_rowaccess_by_tid(&access, tid, &target->key, target->seen);
		tsdb_rowaccess_close(&access);
	}
	return found;
}

static void
read_newest(Relation rel, Snapshot snapshot, Target *target)
{
	TsdbRowAccess access;

	tsdb_rowaccess_open_latest(&access, rel, curcid_of(snapshot));
	(void) tsdb_rowaccess_by_key(&access, target->key, target->newest);
	tsdb_rowaccess_close(&access);
	target->changed = TTS_EMPTY(target->newest) || !tsdb_rowaccess_equal(rel, target->seen, target->newest);
}

static void
free_target(Target *target)
{
	ExecDropSingleTupleTableSlot(target->seen);
	ExecDropSingleTupleTableSlot(target->newest);
}

/* Which of our own commands count as done. */
static CommandId
curcid_of(Snapshot snapshot)
{
	if (snapshot != NULL && snapshot->snapshot_type == SNAPSHOT_MVCC)
		return snapshot->curcid;
	return ActiveSnapshotSet() ? GetActiveSnapshot()->curcid : GetCurrentCommandId(false);
}

static void
write_row(Relation rel, const TsdbTable *table, TsdbKey key, TupleTableSlot *slot, CommandId cid)
{
	tsdb_buffer_append(rel, table, key.series, key.time, TSDB_ROW_FULL,
					   slot->tts_values, slot->tts_isnull, NULL, cid, &slot->tts_tid);
	slot->tts_tableOid = RelationGetRelid(rel);
}

/* Take a row away; another one that the same command has moved to its place stays. */
static void
write_tombstone(Relation rel, const TsdbTable *table, TsdbKey key, CommandId cid)
{
	ItemPointerData unused;

	if (tsdb_buffer_is_moved(rel, key, cid))
		return;
	tsdb_buffer_append(rel, table, key.series, key.time, TSDB_ROW_TOMBSTONE, NULL, NULL, NULL, cid, &unused);
}
