/*-------------------------------------------------------------------------
 *
 * compat.h
 *	  What differs between PostgreSQL 15, 16, 17 and 18, in one place.
 *
 * The only file that looks at PG_VERSION_NUM.  Code is written with the names of the newest
 * major; this file maps them back, or wraps a call as tsdb_compat_<call>.
 *-------------------------------------------------------------------------
 */
#ifndef TSDB_COMPAT_H
#define TSDB_COMPAT_H

#include "postgres.h"

#include "access/genam.h"
#include "access/multixact.h"
#include "access/stratnum.h"
#include "access/tableam.h"
#include "catalog/pg_class.h"
#include "catalog/pg_database.h"
#include "commands/vacuum.h"
#include "executor/tuptable.h"
#include "nodes/pathnodes.h"
#include "miscadmin.h"
#include "parser/scansup.h"
#include "pgstat.h"
#include "storage/bufmgr.h"
#include "storage/lmgr.h"
#include "storage/proc.h"
#include "storage/smgr.h"
#include "utils/acl.h"
#include "utils/datetime.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/timestamp.h"

#if PG_VERSION_NUM < 150000 || PG_VERSION_NUM >= 190000
#error "tsdb supports PostgreSQL 15 to 18"
#endif

#if PG_VERSION_NUM >= 160000
#include "varatt.h"
#endif

/*
 * 16: relfilenode became relfilelocator
 */
#if PG_VERSION_NUM < 160000
#include "storage/relfilenode.h"

typedef RelFileNode RelFileLocator;
typedef Oid RelFileNumber;
#define rd_locator rd_node
#define relation_set_new_filelocator relation_set_new_filenode
#define RelFileLocatorEquals(a, b) RelFileNodeEquals(a, b)
#define TSDB_LOCATOR_NUMBER(locator) ((locator).relNode)
#else
#include "storage/relfilelocator.h"

#define TSDB_LOCATOR_NUMBER(locator) ((locator).relNumber)
#endif

/*
 * 16: one function checks privileges on objects of all kinds
 */
#if PG_VERSION_NUM < 160000
#include "catalog/pg_database.h"
#include "catalog/pg_namespace.h"

static inline AclResult
object_aclcheck(Oid class_id, Oid object_id, Oid role, AclMode mode)
{
	if (class_id == DatabaseRelationId)
		return pg_database_aclcheck(object_id, role, mode);
	Assert(class_id == NamespaceRelationId);
	return pg_namespace_aclcheck(object_id, role, mode);
}
#endif

/*
 * 16: tuple_update reports which indexes need entries
 */
#if PG_VERSION_NUM < 160000
typedef bool TU_UpdateIndexes;
#define TU_None false
#endif

/*
 * 17: backend ids became proc numbers
 */
#if PG_VERSION_NUM < 170000
#include "storage/backendid.h"

typedef BackendId ProcNumber;
#endif

/*
 * 18: ExplainProperty* and ExplainState moved
 */
#if PG_VERSION_NUM >= 180000
#include "commands/explain_format.h"
#include "commands/explain_state.h"
#endif

/*
 * 17: foreign keys ask a slot whether its row is the current transaction's; before, they look at its xmin
 */
static inline void
tsdb_compat_slot_ops_set_current(TupleTableSlotOps *ops, bool (*is_current)(TupleTableSlot *slot))
{
#if PG_VERSION_NUM >= 170000
	ops->is_current_xact_tuple = is_current;
#endif
}

/*
 * 18: indexes of other methods have orders too
 */
static inline bool
tsdb_compat_is_order_operator(Oid opno)
{
#if PG_VERSION_NUM >= 180000
	return get_op_index_interpretation(opno) != NIL;
#else
	return get_op_btree_interpretation(opno) != NIL;
#endif
}

/*
 * 18: pg_noreturn stands before the declaration
 */
#ifndef pg_attribute_noreturn
#define pg_attribute_noreturn() __attribute__((noreturn))
#endif

/*
 * tsdb_compat_index_beginscan - index_beginscan without ordering operators; 18 added instrumentation.
 */
static inline IndexScanDesc
tsdb_compat_index_beginscan(Relation heap, Relation index, Snapshot snapshot, int nkeys)
{
#if PG_VERSION_NUM >= 180000
	return index_beginscan(heap, index, snapshot, NULL, nkeys, 0);
#else
	return index_beginscan(heap, index, snapshot, nkeys, 0);
#endif
}

/*
 * tsdb_compat_first_page - pin page 0 of the main fork, adding it (zeroed) when the fork is empty.
 *
 * Several backends may come here at once; all get the same page, unlocked.
 */
static inline Buffer
tsdb_compat_first_page(Relation rel)
{
#if PG_VERSION_NUM >= 160000
	return ExtendBufferedRelTo(BMR_REL(rel), MAIN_FORKNUM, NULL, EB_CLEAR_SIZE_CACHE, 1, RBM_NORMAL);
#else
	bool lock = !RELATION_IS_LOCAL(rel);
	Buffer buffer;

	if (lock)
		LockRelationForExtension(rel, ExclusiveLock);
	if (smgrnblocks(RelationGetSmgr(rel), MAIN_FORKNUM) == 0)
		buffer = ReadBuffer(rel, P_NEW);
	else
		buffer = ReadBuffer(rel, 0);
	if (lock)
		UnlockRelationForExtension(rel, ExclusiveLock);
	return buffer;
#endif
}

/*
 * tsdb_compat_extend - make the main fork at least so many pages long, zeroed ones.
 */
static inline void
tsdb_compat_extend(Relation rel, BlockNumber npages)
{
#if PG_VERSION_NUM >= 160000
	ReleaseBuffer(ExtendBufferedRelTo(BMR_REL(rel), MAIN_FORKNUM, NULL, EB_CLEAR_SIZE_CACHE, npages, RBM_NORMAL));
#else
	bool lock = !RELATION_IS_LOCAL(rel);

	if (lock)
		LockRelationForExtension(rel, ExclusiveLock);
	while (smgrnblocks(RelationGetSmgr(rel), MAIN_FORKNUM) < npages)
		ReleaseBuffer(ReadBuffer(rel, P_NEW));
	if (lock)
		UnlockRelationForExtension(rel, ExclusiveLock);
#endif
}

/*
 * tsdb_compat_update_relstats - vac_update_relstats of a relation without indexes or visibility map.
 */
static inline void
tsdb_compat_update_relstats(Relation rel, BlockNumber npages, double ntuples,
							TransactionId frozen_xid, MultiXactId min_multi)
{
	bool frozen_updated;
	bool multi_updated;

#if PG_VERSION_NUM >= 180000
	vac_update_relstats(rel, npages, ntuples, 0, 0, false, frozen_xid, min_multi, &frozen_updated, &multi_updated, false);
#else
	vac_update_relstats(rel, npages, ntuples, 0, false, frozen_xid, min_multi, &frozen_updated, &multi_updated, false);
#endif
}

/*
 * tsdb_compat_report_vacuum - tell the statistics that rel was vacuumed; 18 wants to know since when.
 */
static inline void
tsdb_compat_report_vacuum(Relation rel, PgStat_Counter live_tuples, TimestampTz started)
{
#if PG_VERSION_NUM >= 180000
	pgstat_report_vacuum(RelationGetRelid(rel), rel->rd_rel->relisshared, live_tuples, 0, started);
#else
	pgstat_report_vacuum(RelationGetRelid(rel), rel->rd_rel->relisshared, live_tuples, 0);
#endif
}

/*
 * tsdb_compat_lxid - number of the current top-level transaction in this backend.
 */
static inline LocalTransactionId
tsdb_compat_lxid(void)
{
#if PG_VERSION_NUM >= 170000
	return MyProc->vxid.lxid;
#else
	return MyProc->lxid;
#endif
}

/*
 * 17: ANALYZE hands out its sample of blocks as a read stream.  18: the parallel scan knows the
 * relation by locator.
 */
#if PG_VERSION_NUM >= 170000
#include "storage/read_stream.h"

#define TSDB_ANALYZE_BLOCK_PARAMS TableScanDesc scan, ReadStream *stream
#define TSDB_ANALYZE_BLOCK_ARGS scan, stream

static inline bool
tsdb_compat_analyze_block(TSDB_ANALYZE_BLOCK_PARAMS, BlockNumber *blkno)
{
	BufferAccessStrategy strategy;

	*blkno = read_stream_next_block(stream, &strategy);
	return *blkno != InvalidBlockNumber;
}
#else
#define TSDB_ANALYZE_BLOCK_PARAMS TableScanDesc scan, BlockNumber block, BufferAccessStrategy strategy
#define TSDB_ANALYZE_BLOCK_ARGS scan, block, strategy

static inline bool
tsdb_compat_analyze_block(TSDB_ANALYZE_BLOCK_PARAMS, BlockNumber *blkno)
{
	*blkno = block;
	return true;
}
#endif

static inline void
tsdb_compat_parallelscan_set_rel(ParallelTableScanDesc target, Relation rel)
{
#if PG_VERSION_NUM >= 180000
	target->phs_locator = rel->rd_locator;
#else
	target->phs_relid = RelationGetRelid(rel);
#endif
}

/*
 * tsdb_compat_is_owner - does the role own the relation?  16 has one function for all kinds of objects.
 */
static inline bool
tsdb_compat_is_owner(Oid relid, Oid roleid)
{
#if PG_VERSION_NUM >= 160000
	return object_ownercheck(RelationRelationId, relid, roleid);
#else
	return pg_class_ownercheck(relid, roleid);
#endif
}

/*
 * tsdb_compat_is_virtual - is the column computed whenever it is read, and stored nowhere?  Since 18.
 */
static inline bool
tsdb_compat_is_virtual(Form_pg_attribute attr)
{
#if PG_VERSION_NUM >= 180000
	return attr->attgenerated == ATTRIBUTE_GENERATED_VIRTUAL;
#else
	return false;
#endif
}

/*
 * tsdb_compat_may_vacuum - may the current user vacuum the relation?  17 has a privilege for it.
 */
static inline bool
tsdb_compat_may_vacuum(Oid relid)
{
#if PG_VERSION_NUM >= 170000
	return object_ownercheck(DatabaseRelationId, MyDatabaseId, GetUserId()) ||
		   pg_class_aclcheck(relid, GetUserId(), ACL_MAINTAIN) == ACLCHECK_OK;
#elif PG_VERSION_NUM >= 160000
	return object_ownercheck(DatabaseRelationId, MyDatabaseId, GetUserId()) || tsdb_compat_is_owner(relid, GetUserId());
#else
	return pg_database_ownercheck(MyDatabaseId, GetUserId()) || tsdb_compat_is_owner(relid, GetUserId());
#endif
}

/*
 * tsdb_compat_zone_get - time zone by name or abbreviation, as date_trunc(text, timestamptz, text) reads it; raises.
 */
static inline pg_tz *
tsdb_compat_zone_get(const char *name)
{
#if PG_VERSION_NUM >= 160000
	return DecodeTimezoneNameToTz(name);
#else
	char *lower = downcase_truncate_identifier(name, (int) strlen(name), false);
	pg_tz *zone = NULL;
	int offset_secs;
	int kind = DecodeTimezoneAbbrev(0, lower, &offset_secs, &zone);

	if (kind == TZ || kind == DTZ)
		return pg_tzset_offset(-offset_secs);
	if (kind != DYNTZ)
		zone = strlen(name) <= TZ_STRLEN_MAX ? pg_tzset(name) : NULL;
	if (zone == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("time zone \"%s\" not recognized", name)));
	return zone;
#endif
}

/*
 * tsdb_compat_zone_changes - is the name an abbreviation whose offset depends on the year?  16 put the names of zones under one function.
 */
static inline bool
tsdb_compat_zone_changes(const char *name)
{
	int offset_secs;
	pg_tz *zone;

#if PG_VERSION_NUM >= 160000
	return DecodeTimezoneName(name, &offset_secs, &zone) == TZNAME_DYNTZ;
#else
	char *lower = downcase_truncate_identifier(name, (int) strlen(name), false);

	return DecodeTimezoneAbbrev(0, lower, &offset_secs, &zone) == DYNTZ;
#endif
}

/*
 * tsdb_compat_var_copy_nulling - a column that stands for (part of) another Var is NULL where that one is; 16 says which joins do so.
 * In RETURNING it is of the same row, OLD or NEW, since 18.
 */
static inline void
tsdb_compat_var_copy_nulling(Var *var, const Var *from)
{
#if PG_VERSION_NUM >= 160000
	var->varnullingrels = bms_copy(from->varnullingrels);
#endif
#if PG_VERSION_NUM >= 180000
	var->varreturningtype = from->varreturningtype;
#endif
}

/*
 * 18: ExecutorRun lost execute_once
 */
#if PG_VERSION_NUM >= 180000
#define TSDB_EXECUTOR_RUN_PARAMS QueryDesc *query, ScanDirection direction, uint64 count
#define TSDB_EXECUTOR_RUN_ARGS query, direction, count
#else
#define TSDB_EXECUTOR_RUN_PARAMS QueryDesc *query, ScanDirection direction, uint64 count, bool execute_once
#define TSDB_EXECUTOR_RUN_ARGS query, direction, count, execute_once
#endif

/*
 * 18: pathkeys hold a CompareType instead of a btree strategy; members of child relations left ec_members
 */
static inline Oid
tsdb_compat_pathkey_operator(const PathKey *key, Oid type)
{
#if PG_VERSION_NUM >= 180000
	return get_opfamily_member_for_cmptype(key->pk_opfamily, type, type, key->pk_cmptype);
#else
	return get_opfamily_member(key->pk_opfamily, type, type, key->pk_strategy);
#endif
}

static inline bool
tsdb_compat_pathkey_is_descending(const PathKey *key)
{
#if PG_VERSION_NUM >= 180000
	return key->pk_cmptype == COMPARE_GT;
#else
	return key->pk_strategy == BTGreaterStrategyNumber;
#endif
}

/* tsdb_compat_ec_members - members of an equivalence class that may be expressions of rel; among others. */
static inline List *
tsdb_compat_ec_members(const EquivalenceClass *ec, const RelOptInfo *rel)
{
#if PG_VERSION_NUM >= 180000
	if (ec->ec_childmembers != NULL && (int) rel->relid < ec->ec_childmembers_size)
		return list_concat_copy(ec->ec_members, ec->ec_childmembers[rel->relid]);
#endif
	return ec->ec_members;
}

/*
 * 18: EXPLAIN's range table has an entry for the groups, which is no table
 */
#if PG_VERSION_NUM >= 180000
#define tsdb_compat_explain_ntables(es) ((es)->rtable_size)
#else
#define tsdb_compat_explain_ntables(es) list_length((es)->rtable)
#endif

#endif /* TSDB_COMPAT_H */
