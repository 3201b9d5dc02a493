/*-------------------------------------------------------------------------
 *
 * sql_stats.c
 *	  SQL functions behind the views tsdb.stats and tsdb.progress.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_class.h"
#include "fmgr.h"
#include "funcapi.h"
#include "maint/progress.h"
#include "miscadmin.h"
#include "pg/counters.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

static bool may_see(const TsdbProgress *progress);

PG_FUNCTION_INFO_V1(tsdb_stats);
PG_FUNCTION_INFO_V1(tsdb_progress);

/* tsdb.stats - counters of the server since it started. */
Datum
tsdb_stats(PG_FUNCTION_ARGS)
{
	enum
	{
		COL_NAME,
		COL_COUNT,
		COL_P50,
		COL_P99,
		COL_SINCE,
		NCOLS
	};
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;

	InitMaterializedSRF(fcinfo, 0);
	for (int i = 0; i < TSDB_NSTATS; i++)
	{
		TsdbStatisticValue value;
		Datum values[NCOLS];
		bool nulls[NCOLS] = {false};

		tsdb_counters_read(i, &value);
		values[COL_NAME] = CStringGetTextDatum(value.name);
		values[COL_COUNT] = Int64GetDatum((int64) value.count);
		values[COL_P50] = Float8GetDatum((float8) value.p50_us / 1000.0);
		values[COL_P99] = Float8GetDatum((float8) value.p99_us / 1000.0);
		values[COL_SINCE] = TimestampTzGetDatum(tsdb_counters_since());
		nulls[COL_P50] = nulls[COL_P99] = !value.is_duration;
		tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
	}
	return (Datum) 0;
}

/* tsdb.progress - long work that is going on in this database, on tables that the role may read. */
Datum
tsdb_progress(PG_FUNCTION_ARGS)
{
	enum
	{
		COL_PID,
		COL_TABLE,
		COL_PHASE,
		COL_DONE,
		COL_TOTAL,
		COL_STARTED,
		NCOLS
	};
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	int n;
	TsdbProgress *list = tsdb_progress_list(&n);

	InitMaterializedSRF(fcinfo, 0);
	for (int i = 0; i < n; i++)
	{
		Datum values[NCOLS];
		bool nulls[NCOLS] = {false};

		if (!may_see(&list[i]))
			continue;
		values[COL_PID] = Int32GetDatum(list[i].pid);
		values[COL_TABLE] = ObjectIdGetDatum(list[i].relid);
		values[COL_PHASE] = CStringGetTextDatum(tsdb_progress_name(list[i].phase));
		values[COL_DONE] = Int64GetDatum((int64) list[i].done);
		values[COL_TOTAL] = Int64GetDatum((int64) list[i].total);
		values[COL_STARTED] = TimestampTzGetDatum(list[i].started);
		nulls[COL_TOTAL] = list[i].total == 0;
		tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
	}
	return (Datum) 0;
}

// private functions

static bool
may_see(const TsdbProgress *progress)
{
	bool is_missing = false;

	return progress->database_id == MyDatabaseId &&
		   pg_class_aclcheck_ext(progress->relid, GetUserId(), ACL_SELECT, &is_missing) == ACLCHECK_OK && !is_missing;
}
