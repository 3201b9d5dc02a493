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
#include "write/modified.h"

/* A row that is about to be changed: as the statement saw it and as it is now. */
typedef struct Target
{
	TsdbKey key;
	TsdbRowAccess *seen_access;
	TsdbRowAccess *newest_access;
	TupleTableSlot *seen;
	TupleTableSlot *newest; /* NULL: gone */
	TupleTableSlot *copy; /* holder of `seen` when its access is gone */
	bool changed;
} Target;

static TM_Result find_target(Relation rel, ItemPointer tid, CommandId cid, Snapshot snapshot, Snapshot crosscheck,
							 LockWaitPolicy wait_policy, bool is_change, Target *target, TM_FailureData *tmfd);
static bool find_seen(Relation rel, ItemPointer tid, Snapshot snapshot, Target *target);
static void read_newest(Relation rel, Snapshot snapshot, Target *target);
static void check_older(Relation rel, Snapshot crosscheck, Target *target);
static void free_target(Target *target);
static void copy_row(Relation rel, TupleTableSlot *to, TupleTableSlot *from);
static CommandId curcid_of(Snapshot snapshot);
static void write_row(Relation rel, const TsdbTable *table, TsdbKey key, TupleTableSlot *slot, CommandId cid);
static void write_tombstone(Relation rel, const TsdbTable *table, TsdbKey key, CommandId cid);

void
tsdb_modify_insert(Relation rel, TupleTableSlot *slot, CommandId cid)
{
	const TsdbTable *table = tsdb_table_get(rel);
	TsdbKey key = tsdb_rowkey_get(rel, table, slot, true);

	/* Creating a series may have processed invalidations. */
	table = tsdb_table_get(rel);
	write_row(rel, table, key, slot, cid);
	if (rel->trigdesc != NULL && rel->trigdesc->trig_insert_after_row)
		tsdb_images_keep(rel, &slot->tts_tid, slot);
}

TM_Result
tsdb_modify_delete(Relation rel, ItemPointer tid, CommandId cid, Snapshot snapshot, Snapshot crosscheck, bool wait,
				   TM_FailureData *tmfd)
{
	Target target;
	TM_Result result = find_target(rel, tid, cid, snapshot, crosscheck, wait ? LockWaitBlock : LockWaitSkip, true, &target, tmfd);

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
tsdb_modify_update(Relation rel, ItemPointer tid, TupleTableSlot *slot, CommandId cid, Snapshot snapshot, Snapshot crosscheck,
				   bool wait, TM_FailureData *tmfd)
{
	Target target;
	TM_Result result = find_target(rel, tid, cid, snapshot, crosscheck, wait ? LockWaitBlock : LockWaitSkip, true, &target, tmfd);

	if (result == TM_Ok)
	{
		const TsdbTable *table = tsdb_table_get(rel);
		TsdbKey key = tsdb_rowkey_get(rel, table, slot, true);

		table = tsdb_table_get(rel);
		if (tsdb_key_compare(key, target.key) != 0)
			write_tombstone(rel, table, target.key, cid);
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
	Target target;
	TM_Result result = find_target(rel, tid, cid, snapshot, InvalidSnapshot, wait_policy, false, &target, tmfd);

	if (result == TM_WouldBlock && wait_policy == LockWaitError)
		ereport(ERROR,
				(errcode(ERRCODE_LOCK_NOT_AVAILABLE),
				 errmsg("could not obtain lock on row in relation \"%s\"", RelationGetRelationName(rel)),
				 errdetail("Another transaction has changed or locked samples of the same series.")));
	tmfd->traversed = false;
	if (result == TM_Updated && (flags & TUPLE_LOCK_FLAG_FIND_LAST_VERSION) != 0)
	{
		result = TM_Ok;
		tmfd->traversed = true;
	}
	if (result == TM_Ok || result == TM_Updated)
	{
		copy_row(rel, slot, target.newest);
		if (tmfd->traversed)
			*tid = slot->tts_tid;
	}
	free_target(&target);
	return result;
}

bool
tsdb_modify_fetch(Relation rel, ItemPointer tid, Snapshot snapshot, TupleTableSlot *slot)
{
	TsdbRowAccess *access;
	TupleTableSlot *row;
	TsdbKey key;

	if (tsdb_images_find(rel, tid, slot))
		return true;
	access = tsdb_rowaccess_seen(rel, snapshot);
	row = tsdb_rowaccess_by_tid(access, tid, &key);
	if (row == NULL && snapshot != NULL && snapshot->snapshot_type != SNAPSHOT_MVCC)
	{
		/* SnapshotAny: the version that a row lock has returned may be newer than the active snapshot. */
		tsdb_rowaccess_release(access);
		access = tsdb_rowaccess_latest(rel, curcid_of(snapshot), 0);
		row = tsdb_rowaccess_by_tid(access, tid, &key);
	}
	if (row != NULL)
		copy_row(rel, slot, row);
	tsdb_rowaccess_release(access);
	return row != NULL;
}

/* Is the row in the slot, as it is, still what the table holds?  Foreign key checks ask this of rows inserted before. */
bool
tsdb_modify_satisfies(Relation rel, TupleTableSlot *slot, Snapshot snapshot)
{
	TsdbKey key = tsdb_rowkey_get(rel, tsdb_table_get(rel), slot, false);
	TsdbRowAccess *access;
	TupleTableSlot *row;
	bool result;

	if (key.series == 0)
		return false;
	if (snapshot->snapshot_type == SNAPSHOT_MVCC)
		access = tsdb_rowaccess_seen(rel, snapshot);
	else
		access = tsdb_rowaccess_latest(rel, InvalidCommandId, 0);
	row = tsdb_rowaccess_by_key(access, key);
	result = row != NULL && tsdb_rowaccess_equal(rel, slot, row);
	tsdb_rowaccess_release(access);
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
find_target(Relation rel, ItemPointer tid, CommandId cid, Snapshot snapshot, Snapshot crosscheck,
			LockWaitPolicy wait_policy, bool is_change, Target *target, TM_FailureData *tmfd)
{
	CommandId by;

	memset(target, 0, sizeof(Target));
	tmfd->ctid = *tid;
	tmfd->xmax = InvalidTransactionId;
	tmfd->cmax = InvalidCommandId;
	tmfd->traversed = false;

	if (!find_seen(rel, tid, snapshot, target))
		return TM_Deleted;
	if (is_change && !tsdb_modified_mark(RelationGetRelid(rel), target->key, cid, &by))
	{
		tmfd->xmax = GetCurrentTransactionId();
		tmfd->cmax = by;
		return TM_SelfModified;
	}
	if (!tsdb_series_lock(rel, target->key.series, wait_policy))
		return TM_WouldBlock;
	read_newest(rel, snapshot, target);
	if (crosscheck != InvalidSnapshot && !target->changed)
		check_older(rel, crosscheck, target);
	if (!target->changed)
		return TM_Ok;
	if (is_change)
		tsdb_modified_unmark(RelationGetRelid(rel), target->key);
	if (target->newest == NULL)
		return TM_Deleted;
	tmfd->ctid = target->newest->tts_tid;
	return TM_Updated;
}

/* The row as the statement's snapshot has it; or, for a TID that a row lock has returned, as it is now. */
static bool
find_seen(Relation rel, ItemPointer tid, Snapshot snapshot, Target *target)
{
	target->seen_access = tsdb_rowaccess_seen(rel, snapshot);
	target->seen = tsdb_rowaccess_by_tid(target->seen_access, tid, &target->key);
	if (target->seen == NULL)
	{
		tsdb_rowaccess_release(target->seen_access);
		target->seen_access = tsdb_rowaccess_latest(rel, curcid_of(snapshot), 0);
		target->seen = tsdb_rowaccess_by_tid(target->seen_access, tid, &target->key);
		if (target->seen != NULL)
		{
			/* The access may be closed and its slot go when the newest version is read: keep a copy. */
			target->copy = table_slot_create(rel, NULL);
			copy_row(rel, target->copy, target->seen);
			target->seen = target->copy;
			tsdb_rowaccess_release(target->seen_access);
			target->seen_access = NULL;
		}
	}
	return target->seen != NULL;
}

static void
read_newest(Relation rel, Snapshot snapshot, Target *target)
{
	target->newest_access = tsdb_rowaccess_latest(rel, curcid_of(snapshot), target->key.series);
	if (target->seen_access != NULL && tsdb_rowaccess_same(target->seen_access, target->newest_access, target->key))
	{
		target->newest = target->seen;
		return;
	}
	target->newest = tsdb_rowaccess_by_key(target->newest_access, target->key);
	target->changed = target->newest == NULL || !tsdb_rowaccess_equal(rel, target->seen, target->newest);
}

/*
 * Foreign key actions of a REPEATABLE READ transaction work on rows as they are now, but must not touch any that the
 * transaction's own snapshot does not see, or sees otherwise.
 */
static void
check_older(Relation rel, Snapshot crosscheck, Target *target)
{
	TsdbRowAccess *access = tsdb_rowaccess_seen(rel, crosscheck);
	TupleTableSlot *older = tsdb_rowaccess_by_key(access, target->key);

	target->changed = older == NULL || !tsdb_rowaccess_equal(rel, target->newest, older);
	tsdb_rowaccess_release(access);
}

static void
free_target(Target *target)
{
	if (target->copy != NULL)
		ExecDropSingleTupleTableSlot(target->copy);
	tsdb_rowaccess_release(target->seen_access);
	tsdb_rowaccess_release(target->newest_access);
}

/* Copy a row with its TID; the slot then owns its values. */
static void
copy_row(Relation rel, TupleTableSlot *to, TupleTableSlot *from)
{
	ExecCopySlot(to, from);
	to->tts_tid = from->tts_tid;
	to->tts_tableOid = RelationGetRelid(rel);
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

static void
write_tombstone(Relation rel, const TsdbTable *table, TsdbKey key, CommandId cid)
{
	ItemPointerData unused;

	tsdb_buffer_append(rel, table, key.series, key.time, TSDB_ROW_TOMBSTONE, NULL, NULL, NULL, cid, &unused);
}
