/*-------------------------------------------------------------------------
 *
 * handler.c
 *	  The table of callbacks of access method tsdb.
 *
 * Each callback is a line or two; the work is in scan.c, sample.c, modify.c and
 * storage.c.  See docs/ARCHITECTURE.md for what must be right in which.
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/sysattr.h"
#include "access/xact.h"
#include "am/handler.h"
#include "am/modify.h"
#include "am/scan.h"
#include "am/storage.h"
#include "catalog/pg_am_d.h"
#include "fmgr.h"
#include "pg/compat.h"
#include "store/store.h"
#include "utils/builtins.h"
#include "write/buffer.h"

static TupleTableSlotOps slot_ops;
static const TableAmRoutine routine;

static HeapTuple copy_heap_tuple(TupleTableSlot *slot);
static Datum get_system_attribute(TupleTableSlot *slot, int attnum, bool *isnull);
static bool may_be_current(TupleTableSlot *slot);
static void refuse_index(Relation rel) pg_attribute_noreturn();
static void create_missing_store(Relation rel);

PG_FUNCTION_INFO_V1(tsdb_handler);
Datum
tsdb_handler(PG_FUNCTION_ARGS)
{
	PG_RETURN_POINTER(&routine);
}

void
tsdb_handler_init(void)
{
	slot_ops = TTSOpsVirtual;
	slot_ops.copy_heap_tuple = copy_heap_tuple;
	slot_ops.getsysattr = get_system_attribute;
	tsdb_compat_slot_ops_set_current(&slot_ops, may_be_current);
}

// private functions

static HeapTuple
copy_heap_tuple(TupleTableSlot *slot)
{
	HeapTuple tuple = TTSOpsVirtual.copy_heap_tuple(slot);

	/* ANALYZE sorts by t_self (rule C6). */
	tuple->t_self = slot->tts_tid;
	tuple->t_tableOid = slot->tts_tableOid;
	return tuple;
}

/*
 * A foreign key is checked again after an UPDATE that leaves its columns alone if the row is of this
 * transaction (the check of its INSERT finds it gone), which it sees by xmin.  Rows have none, but any may be ours.
 */
static Datum
get_system_attribute(TupleTableSlot *slot, int attnum, bool *isnull)
{
	if (attnum != MinTransactionIdAttributeNumber || !may_be_current(slot))
		return TTSOpsVirtual.getsysattr(slot, attnum, isnull);
	*isnull = false;
	return TransactionIdGetDatum(GetTopTransactionIdIfAny());
}

static bool
may_be_current(TupleTableSlot *slot)
{
	return TransactionIdIsValid(GetTopTransactionIdIfAny());
}

static const TupleTableSlotOps *
tsdbam_slot_callbacks(Relation rel)
{
	return &slot_ops;
}

static IndexFetchTableData *
tsdbam_index_fetch_begin(Relation rel)
{
	refuse_index(rel);
}

static void
tsdbam_index_fetch_reset(IndexFetchTableData *scan)
{
	refuse_index(scan->rel);
}

static void
tsdbam_index_fetch_end(IndexFetchTableData *scan)
{
	refuse_index(scan->rel);
}

static bool
tsdbam_index_fetch_tuple(IndexFetchTableData *scan, ItemPointer tid, Snapshot snapshot, TupleTableSlot *slot,
						 bool *call_again, bool *all_dead)
{
	refuse_index(scan->rel);
}

static TransactionId
tsdbam_index_delete_tuples(Relation rel, TM_IndexDeleteOp *delstate)
{
	refuse_index(rel);
}

static double
tsdbam_index_build_range_scan(Relation rel, Relation index, struct IndexInfo *info, bool allow_sync,
							  bool anyvisible, bool progress, BlockNumber start, BlockNumber npages,
							  IndexBuildCallback callback, void *state, TableScanDesc scan)
{
	refuse_index(rel);
}

static void
tsdbam_index_validate_scan(Relation rel, Relation index, struct IndexInfo *info, Snapshot snapshot,
						   struct ValidateIndexState *state)
{
	refuse_index(rel);
}

static void
tsdbam_tuple_insert(Relation rel, TupleTableSlot *slot, CommandId cid, int options, struct BulkInsertStateData *bistate)
{
	tsdb_modify_insert(rel, slot, cid);
}

static void
tsdbam_tuple_insert_speculative(Relation rel, TupleTableSlot *slot, CommandId cid, int options,
								struct BulkInsertStateData *bistate, uint32 token)
{
	refuse_index(rel);
}

static void
tsdbam_tuple_complete_speculative(Relation rel, TupleTableSlot *slot, uint32 token, bool succeeded)
{
	refuse_index(rel);
}

static void
tsdbam_multi_insert(Relation rel, TupleTableSlot **slots, int nslots, CommandId cid, int options,
					struct BulkInsertStateData *bistate)
{
	for (int i = 0; i < nslots; i++)
		tsdb_modify_insert(rel, slots[i], cid);
}

static TM_Result
tsdbam_tuple_delete(Relation rel, ItemPointer tid, CommandId cid, Snapshot snapshot, Snapshot crosscheck,
					bool wait, TM_FailureData *tmfd, bool changing_part)
{
	return tsdb_modify_delete(rel, tid, cid, snapshot, crosscheck, wait, tmfd);
}

static TM_Result
tsdbam_tuple_update(Relation rel, ItemPointer tid, TupleTableSlot *slot, CommandId cid, Snapshot snapshot,
					Snapshot crosscheck, bool wait, TM_FailureData *tmfd, LockTupleMode *lockmode,
					TU_UpdateIndexes *update_indexes)
{
	*lockmode = LockTupleExclusive;
	*update_indexes = TU_None;
	return tsdb_modify_update(rel, tid, slot, cid, snapshot, crosscheck, wait, tmfd);
}

static TM_Result
tsdbam_tuple_lock(Relation rel, ItemPointer tid, Snapshot snapshot, TupleTableSlot *slot, CommandId cid,
				  LockTupleMode mode, LockWaitPolicy wait_policy, uint8 flags, TM_FailureData *tmfd)
{
	return tsdb_modify_lock(rel, tid, snapshot, slot, cid, wait_policy, flags, tmfd);
}

/*
 * The end of COPY, CREATE TABLE AS or a rewrite.  Rows of a rewrite are in a transient table, which is
 * gone at commit: they must be flushed now, and an empty one needs its store too (rule C7).
 */
static void
tsdbam_finish_bulk_insert(Relation rel, int options)
{
	if (!OidIsValid(rel->rd_rel->relrewrite))
		return;
	create_missing_store(rel);
	if (!tsdb_buffer_flush(RelationGetRelid(rel)))
		elog(ERROR, "rows of rewritten table \"%s\" can't be flushed", RelationGetRelationName(rel));
}

static bool
tsdbam_tuple_fetch_row_version(Relation rel, ItemPointer tid, Snapshot snapshot, TupleTableSlot *slot)
{
	return tsdb_modify_fetch(rel, tid, snapshot, slot);
}

static bool
tsdbam_tuple_tid_valid(TableScanDesc scan, ItemPointer tid)
{
	return ItemPointerIsValid(tid);
}

static void
tsdbam_tuple_get_latest_tid(TableScanDesc scan, ItemPointer tid)
{
}

static bool
tsdbam_tuple_satisfies_snapshot(Relation rel, TupleTableSlot *slot, Snapshot snapshot)
{
	return tsdb_modify_satisfies(rel, slot, snapshot);
}

static void
tsdbam_relation_nontransactional_truncate(Relation rel)
{
	tsdb_buffer_forget(rel);
	tsdb_storage_nontransactional_truncate(rel);
}

static void
tsdbam_relation_copy_for_cluster(Relation old_rel, Relation new_rel, Relation index, bool use_sort,
								 TransactionId oldest_xmin, TransactionId *xid_cutoff, MultiXactId *multi_cutoff,
								 double *num_tuples, double *tups_vacuumed, double *tups_recently_dead)
{
	tsdb_storage_copy_for_cluster(old_rel, new_rel, oldest_xmin, xid_cutoff, multi_cutoff,
								  num_tuples, tups_vacuumed, tups_recently_dead);
}

static void
tsdbam_relation_vacuum(Relation rel, struct VacuumParams *params, BufferAccessStrategy strategy)
{
	tsdb_storage_vacuum(rel);
}

static void
tsdbam_relation_estimate_size(Relation rel, int32 *attr_widths, BlockNumber *pages, double *tuples, double *allvisfrac)
{
	tsdb_storage_estimate_size(rel, pages, tuples, allvisfrac);
}

static bool
tsdbam_relation_needs_toast_table(Relation rel)
{
	return true;
}

static Oid
tsdbam_relation_toast_am(Relation rel)
{
	return HEAP_TABLE_AM_OID;
}

static void
refuse_index(Relation rel)
{
	ereport(ERROR,
			(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
			 errmsg("table \"%s\" can't have indexes or unique constraints", RelationGetRelationName(rel)),
			 errdetail("A table of access method tsdb is ordered and unique by its tags and time already."),
			 errhint("Leave the index out; a plain INSERT is the upsert.")));
}

static void
create_missing_store(Relation rel)
{
	tsdb_store_close(tsdb_store_open(rel, RowExclusiveLock, true));
}

static const TableAmRoutine routine = {
	.type = T_TableAmRoutine,
	.slot_callbacks = tsdbam_slot_callbacks,
	.scan_begin = tsdb_scan_begin,
	.scan_end = tsdb_scan_end,
	.scan_rescan = tsdb_scan_rescan,
	.scan_getnextslot = tsdb_scan_getnextslot,
	.parallelscan_estimate = tsdb_scan_parallel_estimate,
	.parallelscan_initialize = tsdb_scan_parallel_initialize,
	.parallelscan_reinitialize = tsdb_scan_parallel_reinitialize,
	.index_fetch_begin = tsdbam_index_fetch_begin,
	.index_fetch_reset = tsdbam_index_fetch_reset,
	.index_fetch_end = tsdbam_index_fetch_end,
	.index_fetch_tuple = tsdbam_index_fetch_tuple,
	.index_delete_tuples = tsdbam_index_delete_tuples,
	.tuple_fetch_row_version = tsdbam_tuple_fetch_row_version,
	.tuple_tid_valid = tsdbam_tuple_tid_valid,
	.tuple_get_latest_tid = tsdbam_tuple_get_latest_tid,
	.tuple_satisfies_snapshot = tsdbam_tuple_satisfies_snapshot,
	.tuple_insert = tsdbam_tuple_insert,
	.tuple_insert_speculative = tsdbam_tuple_insert_speculative,
	.tuple_complete_speculative = tsdbam_tuple_complete_speculative,
	.multi_insert = tsdbam_multi_insert,
	.tuple_delete = tsdbam_tuple_delete,
	.tuple_update = tsdbam_tuple_update,
	.tuple_lock = tsdbam_tuple_lock,
	.finish_bulk_insert = tsdbam_finish_bulk_insert,
	.relation_set_new_filelocator = tsdb_storage_set_new_filelocator,
	.relation_nontransactional_truncate = tsdbam_relation_nontransactional_truncate,
	.relation_copy_data = tsdb_storage_copy_data,
	.relation_copy_for_cluster = tsdbam_relation_copy_for_cluster,
	.relation_vacuum = tsdbam_relation_vacuum,
	.scan_analyze_next_block = tsdb_sample_analyze_next_block,
	.scan_analyze_next_tuple = tsdb_sample_analyze_next_tuple,
	.index_build_range_scan = tsdbam_index_build_range_scan,
	.index_validate_scan = tsdbam_index_validate_scan,
	.relation_size = tsdb_storage_size,
	.relation_needs_toast_table = tsdbam_relation_needs_toast_table,
	.relation_toast_am = tsdbam_relation_toast_am,
	.relation_estimate_size = tsdbam_relation_estimate_size,
	.scan_sample_next_block = tsdb_sample_next_block,
	.scan_sample_next_tuple = tsdb_sample_next_tuple,
};
