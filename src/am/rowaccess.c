/*-------------------------------------------------------------------------
 *
 * rowaccess.c
 *	  One row of a table by TID or key.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "am/rowaccess.h"
#include "utils/datum.h"
#include "utils/snapmgr.h"
#include "write/buffer.h"

static void open_reader(TsdbRowAccess *access, Snapshot snapshot);
static void store_row(TsdbRowAccess *access, const TsdbBatch *batch, TupleTableSlot *slot);

void
tsdb_rowaccess_open(TsdbRowAccess *access, Relation rel, Snapshot snapshot)
{
	access->rel = rel;
	access->snapshot = NULL;
	if (snapshot == NULL || snapshot->snapshot_type != SNAPSHOT_MVCC)
	{
		access->snapshot = RegisterSnapshot(ActiveSnapshotSet() ? GetActiveSnapshot() : GetLatestSnapshot());
		snapshot = access->snapshot;
	}
	open_reader(access, snapshot);
}

void
tsdb_rowaccess_open_latest(TsdbRowAccess *access, Relation rel, CommandId curcid)
{
	access->rel = rel;
	access->snapshot = RegisterSnapshot(GetLatestSnapshot());
	access->snapshot->curcid = curcid;
	open_reader(access, access->snapshot);
}

void
tsdb_rowaccess_close(TsdbRowAccess *access)
{
	tsdb_reader_close(access->reader);
	if (access->snapshot != NULL)
		UnregisterSnapshot(access->snapshot);
}

bool
tsdb_rowaccess_by_key(TsdbRowAccess *access, TsdbKey key, TupleTableSlot *slot)
{
	const TsdbBatch *batch = tsdb_reader_fetch(access->reader, key);

	ExecClearTuple(slot);
	if (batch == NULL)
		return false;
	store_row(access, batch, slot);
	return true;
}

bool
tsdb_rowaccess_by_tid(TsdbRowAccess *access, ItemPointer tid, TsdbKey *key, TupleTableSlot *slot)
{
	ItemPointerData asked = *tid;

	if (!tsdb_reader_resolve(access->reader, tid, key) || !tsdb_rowaccess_by_key(access, *key, slot))
		return false;

	/* The reader's own TID of a pending row would mean nothing once the reader is closed. */
	slot->tts_tid = asked;
	return true;
}

bool
tsdb_rowaccess_equal(Relation rel, TupleTableSlot *a, TupleTableSlot *b)
{
	TupleDesc	desc = RelationGetDescr(rel);

	slot_getallattrs(a);
	slot_getallattrs(b);
	for (int i = 0; i < desc->natts; i++)
	{
		Form_pg_attribute att = TupleDescAttr(desc, i);

		if (att->attisdropped)
			continue;
		if (a->tts_isnull[i] != b->tts_isnull[i])
			return false;
		if (!a->tts_isnull[i] && !datumIsEqual(a->tts_values[i], b->tts_values[i], att->attbyval, att->attlen))
			return false;
	}
	return true;
}

// private functions

static void
open_reader(TsdbRowAccess *access, Snapshot snapshot)
{
	const TsdbTable *table = tsdb_table_get(access->rel);
	int			npending;
	TsdbBatch **pending = tsdb_buffer_pending(access->rel, table, snapshot->curcid, &npending);

	access->reader = tsdb_reader_open(access->rel, table, snapshot, table->values, table->nvalues, pending, npending);
}

static void
store_row(TsdbRowAccess *access, const TsdbBatch *batch, TupleTableSlot *slot)
{
	const TsdbTable *table = tsdb_table_get(access->rel);
	TsdbRowFiller *filler = tsdb_rowfiller_create(access->rel, table, table->values, table->nvalues);

	tsdb_rowfiller_set_batch(filler, batch);
	tsdb_rowfiller_fill(filler, 0, slot);
	tsdb_reader_tid(access->reader, 0, &slot->tts_tid);
	slot->tts_tableOid = RelationGetRelid(access->rel);
	ExecMaterializeSlot(slot);
	tsdb_rowfiller_free(filler);
}
