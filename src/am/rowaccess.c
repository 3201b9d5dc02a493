/*-------------------------------------------------------------------------
 *
 * rowaccess.c
 *	  One row of a table by TID or key.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/tableam.h"
#include "am/rowaccess.h"
#include "executor/executor.h"
#include "lib/ilist.h"
#include "pg/compat.h"
#include "read/reader.h"
#include "read/rowslot.h"
#include "series/tsdbtable.h"
#include "utils/datum.h"
#include "utils/hsearch.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"
#include "write/buffer.h"
#include "write/modified.h"

struct TsdbRowAccess
{
	dlist_node node; /* in kept, when depth > 0 */
	int depth; /* executor run that keeps it, 0 = none: closed at release */
	MemoryContext context;
	Relation rel;
	Snapshot given; /* seen: the caller's snapshot, to know it again; latest: NULL */
	TransactionId given_xmin;
	TransactionId given_xmax;
	CommandId curcid;
	Snapshot registered; /* ours, or NULL */
	TsdbReader *reader;
	TsdbRowFiller *filler;
	TupleTableSlot *slot;
	HTAB *series; /* latest: series whose lock was held when it was opened or later found held */
};

static dlist_head kept = DLIST_STATIC_INIT(kept);
static int run_depth = 0;
static ExecutorRun_hook_type prev_executor_run = NULL;
static ExecutorFinish_hook_type prev_executor_finish = NULL;

static TsdbRowAccess *create_access(Relation rel);
static void open_reader(TsdbRowAccess *access, Snapshot snapshot);
static void close_access(TsdbRowAccess *access);
static TsdbRowAccess *find_seen(Relation rel, Snapshot snapshot);
static TsdbRowAccess *find_latest(Relation rel);
static void executor_run(TSDB_EXECUTOR_RUN_PARAMS);
static void executor_finish(QueryDesc *query);
static void end_run(bool is_error);

TsdbRowAccess *
tsdb_rowaccess_seen(Relation rel, Snapshot snapshot)
{
	TsdbRowAccess *access;
	bool is_mvcc = snapshot != NULL && snapshot->snapshot_type == SNAPSHOT_MVCC;

	if (!is_mvcc)
		snapshot = ActiveSnapshotSet() ? GetActiveSnapshot() : GetLatestSnapshot();
	access = find_seen(rel, snapshot);
	if (access != NULL)
		return access;
	access = create_access(rel);
	access->given = snapshot;
	access->given_xmin = snapshot->xmin;
	access->given_xmax = snapshot->xmax;
	access->curcid = snapshot->curcid;
	access->registered = RegisterSnapshot(snapshot);
	open_reader(access, access->registered);
	return access;
}

TsdbRowAccess *
tsdb_rowaccess_latest(Relation rel, CommandId curcid, uint32 series)
{
	TsdbRowAccess *access = find_latest(rel);

	if (access != NULL)
	{
		/* Opened after this statement got the lock of the series? */
		if (series != 0 && access->curcid == curcid && hash_search(access->series, &series, HASH_FIND, NULL) != NULL)
			return access;
		close_access(access);
	}
	access = create_access(rel);
	access->curcid = curcid;
	access->registered = RegisterSnapshot(GetLatestSnapshot());
	access->registered->curcid = curcid;
	open_reader(access, access->registered);
	if (access->depth > 0)
	{
		HASHCTL ctl = {0};

		ctl.keysize = sizeof(uint32);
		ctl.entrysize = sizeof(uint32);
		ctl.hcxt = access->context;
		access->series = hash_create("tsdb locked series", 32, &ctl, HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
		if (series != 0)
			(void) hash_search(access->series, &series, HASH_ENTER, NULL);
	}
	return access;
}

void
tsdb_rowaccess_release(TsdbRowAccess *access)
{
	if (access != NULL && access->depth == 0)
		close_access(access);
}

TupleTableSlot *
tsdb_rowaccess_by_key(TsdbRowAccess *access, TsdbKey key)
{
	const TsdbBatch *batch = tsdb_reader_fetch(access->reader, key);

	ExecClearTuple(access->slot);
	if (batch == NULL)
		return NULL;
	tsdb_rowfiller_set_batch(access->filler, batch);
	tsdb_rowfiller_fill(access->filler, 0, access->slot);
	tsdb_reader_tid(access->reader, 0, &access->slot->tts_tid);
	access->slot->tts_tableOid = RelationGetRelid(access->rel);
	return access->slot;
}

TupleTableSlot *
tsdb_rowaccess_by_tid(TsdbRowAccess *access, ItemPointer tid, TsdbKey *key)
{
	TupleTableSlot *slot = NULL;

	if (tsdb_reader_resolve(access->reader, tid, key))
		slot = tsdb_rowaccess_by_key(access, *key);

	/* The row may have another TID here (pending rows are numbered anew by each reader): keep the caller's. */
	if (slot != NULL)
		slot->tts_tid = *tid;
	return slot;
}

bool
tsdb_rowaccess_same(TsdbRowAccess *a, TsdbRowAccess *b, TsdbKey key)
{
	const uint64 *left;
	const uint64 *right;
	uint32 nleft = tsdb_reader_run_numbers(a->reader, &left);
	uint32 nright = tsdb_reader_run_numbers(b->reader, &right);
	ItemPointerData left_tid;
	ItemPointerData right_tid;

	if (a->curcid != b->curcid || nleft != nright || memcmp(left, right, sizeof(uint64) * nleft) != 0)
		return false;
	tsdb_reader_segment_tid(a->reader, key, &left_tid);
	tsdb_reader_segment_tid(b->reader, key, &right_tid);
	return memcmp(&left_tid, &right_tid, sizeof(left_tid)) == 0;
}

bool
tsdb_rowaccess_equal(Relation rel, TupleTableSlot *a, TupleTableSlot *b)
{
	TupleDesc desc = RelationGetDescr(rel);

	slot_getallattrs(a);
	slot_getallattrs(b);
	for (int i = 0; i < desc->natts; i++)
	{
		Form_pg_attribute att = TupleDescAttr(desc, i);

		if (att->attisdropped)
			continue;
		if (a->tts_isnull[i] != b->tts_isnull[i])
			return false;
		if (!a->tts_isnull[i] && !datum_image_eq(a->tts_values[i], b->tts_values[i], att->attbyval, att->attlen))
			return false;
	}
	return true;
}

void
tsdb_rowaccess_init(void)
{
	prev_executor_run = ExecutorRun_hook;
	ExecutorRun_hook = executor_run;
	prev_executor_finish = ExecutorFinish_hook;
	ExecutorFinish_hook = executor_finish;
}

// private functions

static TsdbRowAccess *
create_access(Relation rel)
{
	MemoryContext context = AllocSetContextCreate(TopTransactionContext, "tsdb row access", ALLOCSET_DEFAULT_SIZES);
	TsdbRowAccess *access = MemoryContextAllocZero(context, sizeof(TsdbRowAccess));

	access->context = context;
	access->rel = rel;
	return access;
}

static void
open_reader(TsdbRowAccess *access, Snapshot snapshot)
{
	MemoryContext old = MemoryContextSwitchTo(access->context);
	const TsdbTable *table;
	int npending;
	TsdbBatch **pending;

	pending = tsdb_buffer_pending(access->rel, tsdb_table_get(access->rel), snapshot->curcid, &npending);
	table = tsdb_table_get(access->rel);
	access->reader = tsdb_reader_open(access->rel, table, snapshot, table->values, table->nvalues, pending, npending);
	access->filler = tsdb_rowfiller_create(access->rel, table, table->values, table->nvalues);
	access->slot = MakeSingleTupleTableSlot(RelationGetDescr(access->rel), table_slot_callbacks(access->rel));
	MemoryContextSwitchTo(old);
	access->depth = run_depth;
	if (run_depth > 0)
		dlist_push_head(&kept, &access->node);
}

static void
close_access(TsdbRowAccess *access)
{
	if (access->depth > 0)
		dlist_delete(&access->node);
	ExecDropSingleTupleTableSlot(access->slot);
	tsdb_rowfiller_free(access->filler);
	tsdb_reader_close(access->reader);
	UnregisterSnapshot(access->registered);
	MemoryContextDelete(access->context);
}

static TsdbRowAccess *
find_seen(Relation rel, Snapshot snapshot)
{
	dlist_iter iter;

	dlist_foreach (iter, &kept)
	{
		TsdbRowAccess *access = dlist_container(TsdbRowAccess, node, iter.cur);

		if (access->depth == run_depth && access->rel == rel && access->given == snapshot &&
			access->given_xmin == snapshot->xmin && access->given_xmax == snapshot->xmax &&
			access->curcid == snapshot->curcid)
			return access;
	}
	return NULL;
}

static TsdbRowAccess *
find_latest(Relation rel)
{
	dlist_iter iter;

	dlist_foreach (iter, &kept)
	{
		TsdbRowAccess *access = dlist_container(TsdbRowAccess, node, iter.cur);

		if (access->depth == run_depth && access->rel == rel && access->given == NULL)
			return access;
	}
	return NULL;
}

static void
executor_run(TSDB_EXECUTOR_RUN_PARAMS)
{
	run_depth++;
	PG_TRY();
	{
		if (prev_executor_run != NULL)
			prev_executor_run(TSDB_EXECUTOR_RUN_ARGS);
		else
			standard_ExecutorRun(TSDB_EXECUTOR_RUN_ARGS);
		end_run(false);
	}
	PG_CATCH();
	{
		end_run(true);
		PG_RE_THROW();
	}
	PG_END_TRY();
}

/* Triggers and WITH queries that nobody reads change rows here; what they open belongs to this query, not to one around it. */
static void
executor_finish(QueryDesc *query)
{
	run_depth++;
	PG_TRY();
	{
		if (prev_executor_finish != NULL)
			prev_executor_finish(query);
		else
			standard_ExecutorFinish(query);
		end_run(false);
	}
	PG_CATCH();
	{
		end_run(true);
		PG_RE_THROW();
	}
	PG_END_TRY();
}

/*
 * Close what this run has opened.  After an error the resource owners give back locks, pins and snapshots; only the
 * memory is ours to drop.
 */
static void
end_run(bool is_error)
{
	dlist_mutable_iter iter;

	dlist_foreach_modify (iter, &kept)
	{
		TsdbRowAccess *access = dlist_container(TsdbRowAccess, node, iter.cur);

		if (access->depth != run_depth)
			continue;
		if (is_error)
		{
			dlist_delete(&access->node);
			MemoryContextDelete(access->context);
		}
		else
			close_access(access);
	}
	run_depth--;
	if (run_depth == 0)
		tsdb_modified_end_commands();
}
