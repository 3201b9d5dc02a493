/*-------------------------------------------------------------------------
 *
 * rowaccess.c
 *	  One row of a table by TID or key.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "am/rowaccess.h"
#include "format/grid.h"
#include "series/series.h"
#include "utils/builtins.h"
#include "utils/datum.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"
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

TsdbKey
tsdb_rowaccess_key(Relation rel, const TsdbTable *table, TupleTableSlot *slot, bool create)
{
	int			att = table->time_attnum - 1;
	TsdbKey		key;
	int32		segment_no;
	int64		segment_start;
	TimestampTz time;

	slot_getallattrs(slot);
	if (slot->tts_isnull[att])
		ereport(ERROR,
				(errcode(ERRCODE_NOT_NULL_VIOLATION),
				 errmsg("null time in table \"%s\"", RelationGetRelationName(rel)),
				 errdetail("Column \"%s\" is the time of a sample.",
						   NameStr(TupleDescAttr(RelationGetDescr(rel), att)->attname)),
				 errhint("Declare the column NOT NULL and give every row a time.")));
	time = DatumGetTimestampTz(slot->tts_values[att]);
	if (!tsdb_grid_floor(time, table->sample_us, &key.time) ||
		!tsdb_grid_segment(key.time, tsdb_table_segment_us(table), &segment_no, &segment_start) ||
		!IS_VALID_TIMESTAMP(key.time))
		ereport(ERROR,
				(errcode(ERRCODE_DATETIME_VALUE_OUT_OF_RANGE),
				 errmsg("time %s is out of range for table \"%s\"", timestamptz_to_str(time),
						RelationGetRelationName(rel)),
				 errdetail("A sample needs a finite time between 4713 BC and 294276 AD on the grid of the table."),
				 errhint("Correct the value of column \"%s\".",
						 NameStr(TupleDescAttr(RelationGetDescr(rel), att)->attname))));
	slot->tts_values[att] = TimestampTzGetDatum(key.time);
	key.series = create ?
		tsdb_series_get_or_create(rel, table, slot->tts_values, slot->tts_isnull) :
		tsdb_series_find(rel, table, slot->tts_values, slot->tts_isnull);
	return key;
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
