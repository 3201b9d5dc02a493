/*-------------------------------------------------------------------------
 *
 * store_copy.c
 *	  VACUUM FULL of a tsdb table: copy every row version of its store.
 *
 * Core swaps the contents of the two TOAST relations afterwards, indexes included,
 * and does not rebuild them.
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/table.h"
#include "access/tableam.h"
#include "access/toast_internals.h"
#include "access/xact.h"
#include "executor/tuptable.h"
#include "miscadmin.h"
#include "storage/lmgr.h"
#include "utils/snapmgr.h"

#include "pg/compat.h"
#include "store/store_private.h"

static void index_fill(Relation toast);

void
tsdb_store_copy(Relation old_rel, Relation new_rel, TransactionId oldest_xmin,
				TransactionId *xid_cutoff, MultiXactId *multi_cutoff,
				double *num_tuples, double *tups_vacuumed, double *tups_recently_dead)
{
	Relation old_toast;
	Relation new_toast;

	*num_tuples = 0;
	*tups_vacuumed = 0;
	*tups_recently_dead = 0;
	if (!OidIsValid(old_rel->rd_rel->reltoastrelid))
		return;
	if (!OidIsValid(new_rel->rd_rel->reltoastrelid))
		elog(ERROR, "new copy of table \"%s\" has no TOAST relation", RelationGetRelationName(old_rel));

	/*
	 * Heap's own copy keeps xmin and xmax, so older snapshots go on seeing what they saw.  Rule C2: the cutoffs
	 * stay as that copy leaves them; they become relfrozenxid of the TOAST relation.
	 */
	old_toast = table_open(old_rel->rd_rel->reltoastrelid, AccessExclusiveLock);
	new_toast = table_open(new_rel->rd_rel->reltoastrelid, AccessExclusiveLock);
	table_relation_copy_for_cluster(old_toast, new_toast, NULL, false, oldest_xmin,
									xid_cutoff, multi_cutoff, num_tuples, tups_vacuumed, tups_recently_dead);
	CommandCounterIncrement();

	index_fill(new_toast);
	table_close(new_toast, NoLock);
	table_close(old_toast, NoLock);
}

// private functions

/*
 * index_fill - put every row version of a fresh copy into its empty index (rule C1).
 *
 * An index build won't do: the relation was made by this transaction, hence
 * counts as nobody else's, and the build would leave out versions that are dead to us but
 * not to older snapshots.
 */
static void
index_fill(Relation toast)
{
	TupleTableSlot *slot = table_slot_create(toast, NULL);
	Relation *indexes;
	int nindexes;
	int valid = toast_open_indexes(toast, AccessExclusiveLock, &indexes, &nindexes);
	TableScanDesc scan = table_beginscan(toast, SnapshotAny, 0, NULL);

	while (table_scan_getnextslot(scan, ForwardScanDirection, slot))
	{
		CHECK_FOR_INTERRUPTS();
		slot_getallattrs(slot);
		(void) index_insert(indexes[valid], slot->tts_values, slot->tts_isnull, &slot->tts_tid,
							toast, UNIQUE_CHECK_NO, false, NULL);
	}

	table_endscan(scan);
	toast_close_indexes(indexes, nindexes, NoLock);
	ExecDropSingleTupleTableSlot(slot);
}
