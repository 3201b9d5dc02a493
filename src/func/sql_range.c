/*-------------------------------------------------------------------------
 *
 * sql_range.c
 *	  Range deletes by themselves, for tests: without journal, privileges beyond the owner's, or row security.
 *
 * See test/setup/debug_points.sql; maint/rangedelete.h is what they test.
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/table.h"
#include "catalog/pg_type.h"
#include "fmgr.h"
#include "format/stretch.h"
#include "funcapi.h"
#include "maint/rangedelete.h"
#include "pg/check.h"
#include "pg/compat.h"
#include "series/tsdbtable.h"
#include "utils/acl.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#define FIRST_COLUMN_ID 1000 /* ids of archived columns: more than any attnum */

static uint32 *series_of(ArrayType *array, uint32 *nseries);
static void put_taken(const TsdbTaken *taken, void *arg);
static uint32 column_id(int16 attnum, void *arg);
static int16 attnum_of(uint32 id, void *arg);

PG_FUNCTION_INFO_V1(tsdb_test_range_delete);
PG_FUNCTION_INFO_V1(tsdb_test_range_archive);
PG_FUNCTION_INFO_V1(tsdb_test_range_restore);

/* tsdb_test.range_delete(regclass, int4[], timestamptz, timestamptz) - returns the samples taken out; series NULL = all. */
Datum
tsdb_test_range_delete(PG_FUNCTION_ARGS)
{
	Relation rel = tsdb_table_open(PG_GETARG_OID(0), AccessShareLock, ACL_DELETE);
	TsdbRangeDelete request = {0};
	uint64 nrows;

	if (!PG_ARGISNULL(1))
		request.series = series_of(PG_GETARG_ARRAYTYPE_P(1), &request.nseries);
	request.from_us = PG_GETARG_TIMESTAMPTZ(2);
	request.until_us = PG_GETARG_TIMESTAMPTZ(3);
	nrows = tsdb_rangedelete_run(rel, &request);
	table_close(rel, NoLock);
	PG_RETURN_INT64((int64) nrows);
}

/* tsdb_test.range_archive(...) - the same; returns what was taken out: series, first, last, samples, how it came, stretch. */
Datum
tsdb_test_range_archive(PG_FUNCTION_ARGS)
{
	Relation rel = tsdb_table_open(PG_GETARG_OID(0), AccessShareLock, ACL_DELETE);
	TsdbRangeDelete request = {0};

	InitMaterializedSRF(fcinfo, 0);
	if (!PG_ARGISNULL(1))
		request.series = series_of(PG_GETARG_ARRAYTYPE_P(1), &request.nseries);
	request.from_us = PG_GETARG_TIMESTAMPTZ(2);
	request.until_us = PG_GETARG_TIMESTAMPTZ(3);
	request.take = put_taken;
	request.column_id = column_id;
	request.arg = fcinfo->resultinfo;
	(void) tsdb_rangedelete_run(rel, &request);
	table_close(rel, NoLock);
	return (Datum) 0;
}

/* tsdb_test.range_restore(regclass, int4, bytea[]) - put stretches of one series back; returns the samples. */
Datum
tsdb_test_range_restore(PG_FUNCTION_ARGS)
{
	Relation rel = tsdb_table_open(PG_GETARG_OID(0), AccessShareLock, ACL_INSERT);
	ArrayType *array = PG_GETARG_ARRAYTYPE_P(2);
	TsdbRangeRestore *restore;
	Datum *stretches;
	int nstretches;
	uint64 nrows;

	deconstruct_array(array, BYTEAOID, -1, false, TYPALIGN_INT, &stretches, NULL, &nstretches);
	restore = tsdb_rangerestore_begin(rel);
	for (int i = 0; i < nstretches; i++)
	{
		bytea *bytes = DatumGetByteaPP(stretches[i]);

		tsdb_rangerestore_put(restore, PG_GETARG_INT32(1), tsdb_span(VARDATA_ANY(bytes), VARSIZE_ANY_EXHDR(bytes)),
							  attnum_of, rel);
	}
	nrows = tsdb_rangerestore_end(restore);
	table_close(rel, NoLock);
	PG_RETURN_INT64((int64) nrows);
}

// private functions

static uint32 *
series_of(ArrayType *array, uint32 *nseries)
{
	Datum *ids;
	uint32 *series;
	int n;

	deconstruct_array(array, INT4OID, sizeof(int32), true, TYPALIGN_INT, &ids, NULL, &n);
	series = palloc_array(uint32, n + 1);
	for (int i = 0; i < n; i++)
		series[i] = DatumGetInt32(ids[i]);
	*nseries = n;
	return series;
}

static void
put_taken(const TsdbTaken *taken, void *arg)
{
	ReturnSetInfo *result = arg;
	TsdbMem mem = tsdb_mem_context(CurrentMemoryContext);
	TsdbSpan stretch = taken->stretch;
	bool is_archived = tsdb_span_left(&stretch) > 0;
	Datum values[6];
	bool nulls[6] = {false};
	uint32 *ids;
	TsdbBytes packed;
	bytea *bytes;

	if (!is_archived)
	{
		ids = palloc_array(uint32, taken->rows->ncolumns + 1);
		for (int c = 0; c < taken->rows->ncolumns; c++)
			ids[c] = column_id(taken->rows->columns[c].attnum, NULL);
		tsdb_bytes_init(&packed, &mem);
		tsdb_stretch_pack(&packed, taken->rows, taken->from, taken->until, ids, &mem);
		stretch = tsdb_span(packed.data, packed.len);
	}
	bytes = palloc(VARHDRSZ + tsdb_span_left(&stretch));
	SET_VARSIZE(bytes, VARHDRSZ + tsdb_span_left(&stretch));
	memcpy(VARDATA(bytes), stretch.at, tsdb_span_left(&stretch));
	values[0] = Int32GetDatum(taken->series);
	values[1] = TimestampTzGetDatum(taken->first_time);
	values[2] = TimestampTzGetDatum(taken->last_time);
	values[3] = Int64GetDatum((int64) taken->nrows);
	values[4] = BoolGetDatum(is_archived);
	values[5] = PointerGetDatum(bytes);
	tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
}

static uint32
column_id(int16 attnum, void *arg)
{
	return FIRST_COLUMN_ID + attnum;
}

static int16
attnum_of(uint32 id, void *arg)
{
	const TsdbTable *table = tsdb_table_get((Relation) arg);

	return id <= FIRST_COLUMN_ID || id > (uint32) (FIRST_COLUMN_ID + table->natts) ? 0 : (int16) (id - FIRST_COLUMN_ID);
}
