/*-------------------------------------------------------------------------
 *
 * rowkey.c
 *	  Where a row belongs: its series and its time on the grid.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "format/grid.h"
#include "series/rowkey.h"
#include "series/series.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

TsdbKey
tsdb_rowkey_get(Relation rel, const TsdbTable *table, TupleTableSlot *slot, bool create)
{
	int att = table->time_attnum - 1;
	TsdbKey key;
	int32 segment_no;
	int64 segment_start;
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
				 errdetail("A sample needs a finite time between 4713 BC and 294246 AD on the grid of the table."),
				 errhint("Correct the value of column \"%s\".",
						 NameStr(TupleDescAttr(RelationGetDescr(rel), att)->attname))));
	slot->tts_values[att] = TimestampTzGetDatum(key.time);
	key.series = create ? tsdb_series_get_or_create(rel, table, slot->tts_values, slot->tts_isnull) : tsdb_series_find(rel, table, slot->tts_values, slot->tts_isnull);
	return key;
}
