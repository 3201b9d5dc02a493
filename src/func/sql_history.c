/*-------------------------------------------------------------------------
 *
 * sql_history.c
 *	  tsdb.history, marks and as_of: what the journal knows of samples.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/table.h"
#include "edit/edittags.h"
#include "edit/lookup.h"
#include "edit/pastsamples.h"
#include "executor/executor.h"
#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "pg/compat.h"
#include "series/series.h"
#include "utils/acl.h"
#include "parser/parse_type.h"
#include "utils/builtins.h"
#include "utils/json.h"
#include "utils/jsonb.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rls.h"
#include "utils/snapmgr.h"
#include "utils/typcache.h"

/* A call of history or marks. */
typedef struct PastCall
{
	Relation rel;
	const TsdbTable *table;
	TsdbPast *past;
	ReturnSetInfo *result;
} PastCall;

/* A call of as_of. */
typedef struct AsOf
{
	Relation rel;
	const TsdbTable *table;
	ReturnSetInfo *result;
	TupleTableSlot *slot;
	TsdbLookup *lookup;
	MemoryContext rows; /* of one window */
} AsOf;

static void open_call(FunctionCallInfo fcinfo, PastCall *call);
static void close_call(PastCall *call);
static Relation open_table(Oid relid);
static void put_series_history(PastCall *call, const TsdbPastSeries *series, TsdbLookup *lookup, TupleTableSlot *slot);
static void read_now(TsdbLookup *lookup, const TsdbPastSeries *series, bool **found, TsdbBatch *rows);
static Datum row_jsonb(PastCall *call, const TsdbPastSeries *series, const TsdbBatch *rows, uint32 row, TupleTableSlot *slot);
static void put_series_marks(PastCall *call, const TsdbPastSeries *series);
static Datum run_as_of(FunctionCallInfo fcinfo, Oid relid, TimestampTz at);
static void put_untouched(AsOf *as_of, uint32 series);
static void begin_series(AsOf *as_of, uint32 series);
static uint32 put_versions(AsOf *as_of, const TsdbPastSeries *series, uint32 i, int64 until);
static void put_series_as_of(AsOf *as_of, const TsdbPastSeries *series);
static void put_row(AsOf *as_of, const Datum *tags, const bool *tag_isnull, const TsdbBatch *rows, uint32 row);
static bool *mark_touched(AsOf *as_of, const uint32 *all, uint32 nall);

PG_FUNCTION_INFO_V1(tsdb_history);
Datum
tsdb_history(PG_FUNCTION_ARGS)
{
	PastCall call;
	TsdbPastSeries series;
	TsdbLookup *lookup;
	TupleTableSlot *slot;

	open_call(fcinfo, &call);
	lookup = tsdb_lookup_open(call.rel, call.table, GetActiveSnapshot(), GetActiveSnapshot()->curcid, 1);
	slot = MakeSingleTupleTableSlot(RelationGetDescr(call.rel), &TTSOpsVirtual);
	while (tsdb_past_next(call.past, &series))
		put_series_history(&call, &series, lookup, slot);
	ExecDropSingleTupleTableSlot(slot);
	tsdb_lookup_close(lookup);
	close_call(&call);
	return (Datum) 0;
}

PG_FUNCTION_INFO_V1(tsdb_marks);
Datum
tsdb_marks(PG_FUNCTION_ARGS)
{
	PastCall call;
	TsdbPastSeries series;

	open_call(fcinfo, &call);
	while (tsdb_past_next(call.past, &series))
		put_series_marks(&call, &series);
	close_call(&call);
	return (Datum) 0;
}

PG_FUNCTION_INFO_V1(tsdb_as_of);
Datum
tsdb_as_of(PG_FUNCTION_ARGS)
{
	return run_as_of(fcinfo, PG_GETARG_OID(0), PG_GETARG_TIMESTAMPTZ(1));
}

/* tsdb_as_of_name - the table by its name: of literals the parser takes the form with text first, else it would see a row. */
PG_FUNCTION_INFO_V1(tsdb_as_of_name);
Datum
tsdb_as_of_name(PG_FUNCTION_ARGS)
{
	return run_as_of(fcinfo, DatumGetObjectId(DirectFunctionCall1(text_regclass, PG_GETARG_DATUM(0))), PG_GETARG_TIMESTAMPTZ(1));
}

/* tsdb_as_of_row - the table is that of the argument's row type; its value does not matter. */
PG_FUNCTION_INFO_V1(tsdb_as_of_row);
Datum
tsdb_as_of_row(PG_FUNCTION_ARGS)
{
	Oid type_oid = get_fn_expr_argtype(fcinfo->flinfo, 0);
	Oid relid = OidIsValid(type_oid) ? typeidTypeRelid(type_oid) : InvalidOid;

	if (!OidIsValid(relid))
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE),
				 errmsg("tsdb.as_of() needs a row of a table"),
				 errdetail("It was given a value of type %s.", format_type_be(type_oid)),
				 errhint("Write tsdb.as_of(NULL::boiler, ...) for table \"boiler\".")));
	if (PG_ARGISNULL(1))
	{
		InitMaterializedSRF(fcinfo, 0);
		return (Datum) 0;
	}
	return run_as_of(fcinfo, relid, PG_GETARG_TIMESTAMPTZ(1));
}

// private functions

static void
open_call(FunctionCallInfo fcinfo, PastCall *call)
{
	Datum filter = PG_GETARG_DATUM(1);

	InitMaterializedSRF(fcinfo, 0);
	call->result = (ReturnSetInfo *) fcinfo->resultinfo;
	call->rel = open_table(PG_GETARG_OID(0));
	call->table = tsdb_table_copy(call->rel);
	tsdb_edittags_check_filter(call->rel, call->table, filter);
	call->past = tsdb_past_open(call->rel, filter, PG_GETARG_TIMESTAMPTZ(2), PG_GETARG_TIMESTAMPTZ(3),
								PG_INT64_MIN, GetActiveSnapshot());
}

static void
close_call(PastCall *call)
{
	tsdb_past_close(call->past);
	table_close(call->rel, AccessShareLock);
}

static Relation
open_table(Oid relid)
{
	Relation rel = tsdb_table_open(relid, AccessShareLock, ACL_SELECT);

	if (check_enable_rls(relid, InvalidOid, false) == RLS_ENABLED)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("the history of table \"%s\" can't be read under row security", RelationGetRelationName(rel)),
				 errdetail("Policies of the table apply to you; they are not applied to older versions of rows."),
				 errhint("Ask its owner.")));
	return rel;
}

static void
put_series_history(PastCall *call, const TsdbPastSeries *series, TsdbLookup *lookup, TupleTableSlot *slot)
{
	enum
	{
		COL_TAGS,
		COL_TIME,
		COL_EDIT,
		COL_KIND,
		COL_OLD_ROW,
		COL_NEW_ROW,
		COL_ROLE,
		COL_REASON,
		COL_AT,
		NCOLS
	};
	MemoryContext work = AllocSetContextCreate(CurrentMemoryContext, "tsdb history", ALLOCSET_DEFAULT_SIZES);
	TsdbBatch now;
	bool *is_now;
	uint32 now_row = 0;

	read_now(lookup, series, &is_now, &now);
	for (uint32 i = 0; i < series->nversions; i++)
	{
		const TsdbPastVersion *version = &series->versions[i];
		const TsdbPastImage *image = &series->images[version->image];
		bool is_first = i == 0 || series->versions[i - 1].time != version->time;
		bool is_last = i + 1 == series->nversions || series->versions[i + 1].time != version->time;
		const TsdbPastVersion *next = is_last ? NULL : version + 1;
		MemoryContext caller = MemoryContextSwitchTo(work);
		Datum values[NCOLS];
		bool nulls[NCOLS] = {false};

		CHECK_FOR_INTERRUPTS();
		/* A statement that wrote a sample twice is one change: from what was there first. */
		while (next != NULL && series->images[next->image].edit == image->edit)
			next = next + 1 < series->versions + series->nversions && next[1].time == version->time ? next + 1 : NULL;
		if (is_first || series->images[version[-1].image].edit != image->edit)
		{
			values[COL_TAGS] = series->jsonb;
			values[COL_TIME] = TimestampTzGetDatum(version->time);
			values[COL_EDIT] = Int64GetDatum(image->edit->id);
			values[COL_KIND] = CStringGetTextDatum(image->edit->kind);
			values[COL_ROLE] = CStringGetTextDatum(image->edit->role);
			values[COL_REASON] = CStringGetTextDatum(image->edit->reason);
			values[COL_AT] = TimestampTzGetDatum(image->edit->at);
			nulls[COL_OLD_ROW] = version->row == TSDB_NO_ROW;
			if (!nulls[COL_OLD_ROW])
				values[COL_OLD_ROW] = row_jsonb(call, series, &image->before, version->row, slot);
			nulls[COL_NEW_ROW] = next != NULL ? next->row == TSDB_NO_ROW : !is_now[i];
			if (!nulls[COL_NEW_ROW] && next != NULL)
				values[COL_NEW_ROW] = row_jsonb(call, series, &series->images[next->image].before, next->row, slot);
			else if (!nulls[COL_NEW_ROW])
				values[COL_NEW_ROW] = row_jsonb(call, series, &now, now_row, slot);
			tuplestore_putvalues(call->result->setResult, call->result->setDesc, values, nulls);
		}
		if (is_last && is_now[i])
			now_row++;
		MemoryContextSwitchTo(caller);
		MemoryContextReset(work);
	}
	MemoryContextDelete(work);
}

/* The table's rows at the times of the versions; found: for every version of such a time. */
static void
read_now(TsdbLookup *lookup, const TsdbPastSeries *series, bool **found, TsdbBatch *rows)
{
	int64 *times = MemoryContextAllocHuge(CurrentMemoryContext, sizeof(int64) * ((Size) series->nversions + 1));
	bool *there = MemoryContextAllocHuge(CurrentMemoryContext, (Size) series->nversions + 1);
	uint32 n = 0;

	*found = MemoryContextAllocHuge(CurrentMemoryContext, (Size) series->nversions + 1);
	for (uint32 i = 0; i < series->nversions; i++)
		if (n == 0 || times[n - 1] != series->versions[i].time)
			times[n++] = series->versions[i].time;
	tsdb_lookup_rows(lookup, series->series, times, n, there, rows);
	n = 0;
	for (uint32 i = 0; i < series->nversions; i++)
	{
		if (i > 0 && series->versions[i].time != series->versions[i - 1].time)
			n++;
		(*found)[i] = there[n];
	}
}

static Datum
row_jsonb(PastCall *call, const TsdbPastSeries *series, const TsdbBatch *rows, uint32 row, TupleTableSlot *slot)
{
	HeapTuple tuple;
	Datum json;

	tsdb_past_fill(call->rel, call->table, series->tags, series->tag_isnull, rows, row, slot);
	tuple = heap_form_tuple(RelationGetDescr(call->rel), slot->tts_values, slot->tts_isnull);
	json = DirectFunctionCall1(row_to_json, heap_copy_tuple_as_datum(tuple, RelationGetDescr(call->rel)));
	return DirectFunctionCall1(jsonb_in, CStringGetDatum(TextDatumGetCString(json)));
}

/* The mark of a sample is that of the last edit that touched it and is in force; an undo leaves none. */
static void
put_series_marks(PastCall *call, const TsdbPastSeries *series)
{
	for (uint32 i = 0; i < series->nversions;)
	{
		int64 time = series->versions[i].time;
		const TsdbEdit *edit = NULL;
		bool was = false;
		bool is = false;

		CHECK_FOR_INTERRUPTS();
		for (; i < series->nversions && series->versions[i].time == time; i++)
		{
			const TsdbPastVersion *version = &series->versions[i];
			const TsdbEdit *candidate = series->images[version->image].edit;

			if (candidate->undone_by != 0 || strcmp(candidate->kind, TSDB_KIND_UNDO) == 0)
				continue;
			edit = candidate;
			was = version->row != TSDB_NO_ROW;
			is = version->is_there;
		}
		if (edit != NULL && (was || is))
		{
			Datum values[4];
			bool nulls[4] = {false};

			values[0] = series->jsonb;
			values[1] = TimestampTzGetDatum(time);
			values[2] = CStringGetTextDatum(!is ? "deleted" : was ? "overwritten"
																  : "backfilled");
			values[3] = Int64GetDatum(edit->id);
			tuplestore_putvalues(call->result->setResult, call->result->setDesc, values, nulls);
		}
	}
}

/*
 * First the series that edits have touched since, sample by sample: what the first of those edits found counts.  Then all
 * others as they are.
 */
static Datum
run_as_of(FunctionCallInfo fcinfo, Oid relid, TimestampTz at)
{
	Snapshot snapshot = GetActiveSnapshot();
	AsOf as_of = {0};
	TsdbPastSeries series;
	TsdbPast *past;
	uint32 *all;
	uint32 nall;
	bool *is_touched;

	InitMaterializedSRF(fcinfo, 0);
	as_of.result = (ReturnSetInfo *) fcinfo->resultinfo;
	as_of.rel = open_table(relid);
	as_of.table = tsdb_table_copy(as_of.rel);
	as_of.slot = MakeSingleTupleTableSlot(RelationGetDescr(as_of.rel), &TTSOpsVirtual);
	as_of.rows = AllocSetContextCreate(CurrentMemoryContext, "tsdb as_of", ALLOCSET_DEFAULT_SIZES);
	as_of.lookup = tsdb_lookup_open(as_of.rel, as_of.table, snapshot, snapshot->curcid, 1);
	all = tsdb_series_list(as_of.rel, as_of.table, &nall);
	is_touched = mark_touched(&as_of, all, nall);
	past = tsdb_past_open(as_of.rel, 0, PG_INT64_MIN, PG_INT64_MAX, at, snapshot);
	while (tsdb_past_next(past, &series))
	{
		put_series_as_of(&as_of, &series);
		if (series.series != 0)
			is_touched[series.series] = true;
	}
	for (uint32 i = 0; i < nall; i++)
		if (!is_touched[all[i]])
			put_untouched(&as_of, all[i]);
	tsdb_past_close(past);
	tsdb_lookup_close(as_of.lookup);
	ExecDropSingleTupleTableSlot(as_of.slot);
	table_close(as_of.rel, AccessShareLock);
	return (Datum) 0;
}

/* Room for a flag per series id. */
static bool *
mark_touched(AsOf *as_of, const uint32 *all, uint32 nall)
{
	return MemoryContextAllocExtended(CurrentMemoryContext, nall > 0 ? (Size) all[nall - 1] + 1 : 1,
									  MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
}

/* A series as the table has it. */
static void
put_untouched(AsOf *as_of, uint32 series)
{
	const TsdbBatch *rows;
	const Datum *tags;
	const bool *tag_isnull;

	begin_series(as_of, series);
	while ((rows = tsdb_reader_next(as_of->lookup->reader, ForwardScanDirection)) != NULL)
	{
		tsdb_series_tags(as_of->rel, as_of->table, series, &tags, &tag_isnull);
		for (uint32 row = 0; row < rows->nrows; row++)
			put_row(as_of, tags, tag_isnull, rows, row);
	}
}

/* A series with what the first edit of each sample found, in order of time. */
static void
put_series_as_of(AsOf *as_of, const TsdbPastSeries *series)
{
	const TsdbBatch *rows = NULL;
	uint32 i = 0;

	begin_series(as_of, series->series);
	while (series->series != 0 && (rows = tsdb_reader_next(as_of->lookup->reader, ForwardScanDirection)) != NULL)
	{
		CHECK_FOR_INTERRUPTS();
		for (uint32 row = 0; row < rows->nrows; row++)
		{
			i = put_versions(as_of, series, i, rows->times[row]);
			if (i < series->nversions && series->versions[i].time == rows->times[row])
				i = put_versions(as_of, series, i, rows->times[row] + 1);
			else
				put_row(as_of, series->tags, series->tag_isnull, rows, row);
		}
	}
	(void) put_versions(as_of, series, i, PG_INT64_MAX);
}

static void
begin_series(AsOf *as_of, uint32 series)
{
	TsdbKey lo = {series, PG_INT64_MIN};
	TsdbKey hi = {series, PG_INT64_MAX};

	tsdb_reader_set_range(as_of->lookup->reader, lo, hi);
}

/* Versions of samples before `until`, of each the first; returns where to go on. */
static uint32
put_versions(AsOf *as_of, const TsdbPastSeries *series, uint32 i, int64 until)
{
	for (; i < series->nversions && series->versions[i].time < until; i++)
	{
		const TsdbPastVersion *version = &series->versions[i];

		if (version->row != TSDB_NO_ROW && (i == 0 || version[-1].time != version->time))
			put_row(as_of, series->tags, series->tag_isnull, &series->images[version->image].before, version->row);
	}
	return i;
}

static void
put_row(AsOf *as_of, const Datum *tags, const bool *tag_isnull, const TsdbBatch *rows, uint32 row)
{
	MemoryContext caller = MemoryContextSwitchTo(as_of->rows);

	tsdb_past_fill(as_of->rel, as_of->table, tags, tag_isnull, rows, row, as_of->slot);
	tuplestore_puttupleslot(as_of->result->setResult, as_of->slot);
	MemoryContextSwitchTo(caller);
	MemoryContextReset(as_of->rows);
}
