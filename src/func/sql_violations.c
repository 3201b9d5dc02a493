/*-------------------------------------------------------------------------
 *
 * sql_violations.c
 *	  SQL function tsdb.violations: when series were outside of their limits.
 *
 * For each series and limit the rows beyond it are read, so blocks whose summaries lie inside are passed over.  A violation
 * goes on as long as the rows found follow one another; what comes next is looked up where a row that is not
 * beyond may lie between, by a second reader.
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "access/table.h"
#include "attr/attributes.h"
#include "fmgr.h"
#include "format/number.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "pg/compat.h"
#include "read/reader.h"
#include "series/series.h"
#include "series/tsdbtable.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/jsonb.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rls.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"
#include "write/buffer.h"

#define TWO_TO_63 9223372036854775808.0

/* A search for violations. */
typedef struct Search
{
	Relation rel;
	const TsdbRowTags *tags;
	TsdbAttributed *attributed;
	TsdbWanted value;
	int64 from; /* half open */
	int64 until;
	TsdbReader *reader; /* of rows beyond the limit */
	TsdbReader *lookup; /* of all rows */
	ReturnSetInfo *result;
	MemoryContext work; /* one series */

	/* the series at hand */
	uint32 series;
	const Datum *tag_values;
	const bool *tag_isnull;
	double limit;
	bool is_high;
	TsdbFilterTerm term;
	bool is_open; /* a violation that may go on */
	int64 first_time;
	int64 last_time;
	int64 nsamples;
	double extreme;
} Search;

static void open_search(Search *search, FunctionCallInfo fcinfo);
static void find_value(Search *search, const char *name);
static bool is_number(TsdbType type);
static TsdbReader *open_reader(Search *search);
static bool matches(const Search *search, const Bitmapset *named, const Datum *values, const bool *isnull);
static void search_series(Search *search);
static void search_side(Search *search, bool is_high, double limit);
static bool set_term(Search *search);
static void take_window(Search *search, const TsdbBatch *batch);
static bool is_beyond(const Search *search, double value);
static void take_row(Search *search, int64 time, double value);
static void close_violation(Search *search, bool has_end, int64 end);
static bool find_next(Search *search, int64 after, int64 *time, bool *is_outside);
static double value_of(const Search *search, const TsdbBatch *batch, uint32 row, bool *isnull);
static void put_violation(Search *search, bool has_end, int64 end);

PG_FUNCTION_INFO_V1(tsdb_violations);

/* tsdb.violations(target, series, from, until, value_column) */
Datum
tsdb_violations(PG_FUNCTION_ARGS)
{
	Search search = {0};
	Datum *given;
	bool *given_isnull;
	Bitmapset *named;
	char *unknown;
	uint32 *series;
	uint32 nseries;

	for (int i = 0; i < 4; i++)
		if (PG_ARGISNULL(i))
			ereport(ERROR,
					(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
					 errmsg("table, series and times must not be null"),
					 errhint("'{}' is every series, '-infinity' and 'infinity' are all times.")));
	InitMaterializedSRF(fcinfo, 0);
	open_search(&search, fcinfo);
	given = palloc0(sizeof(Datum) * (search.tags->ntags + 1));
	given_isnull = palloc0(sizeof(bool) * (search.tags->ntags + 1));
	tsdb_rowtags_parse(search.tags, PG_GETARG_JSONB_P(1), given, given_isnull, &named, &unknown);
	if (unknown != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_COLUMN),
				 errmsg("\"%s\" is not a tag of table \"%s\"", unknown, RelationGetRelationName(search.rel)),
				 errhint("Series are named by tags alone.")));

	series = tsdb_series_list(search.rel, tsdb_table_get(search.rel), &nseries);
	for (uint32 i = 0; i < nseries && search.from < search.until; i++)
	{
		CHECK_FOR_INTERRUPTS();
		search.series = series[i];
		tsdb_series_tags(search.rel, tsdb_table_get(search.rel), series[i], &search.tag_values, &search.tag_isnull);
		if (matches(&search, named, given, given_isnull))
			search_series(&search);
	}
	tsdb_reader_close(search.lookup);
	tsdb_reader_close(search.reader);
	table_close(search.rel, NoLock);
	return (Datum) 0;
}

// private functions

static void
open_search(Search *search, FunctionCallInfo fcinfo)
{
	Oid relid = PG_GETARG_OID(0);

	search->rel = tsdb_table_open(relid, AccessShareLock, ACL_SELECT);
	if (check_enable_rls(relid, InvalidOid, true) == RLS_ENABLED)
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("the series of table \"%s\" are hidden by row security", RelationGetRelationName(search->rel)),
				 errhint("Ask its owner, or a role that bypasses row security.")));
	search->attributed = tsdb_attributes_open(relid);
	search->tags = tsdb_attributes_tags(search->attributed);
	search->from = PG_GETARG_TIMESTAMPTZ(2);
	search->until = PG_GETARG_TIMESTAMPTZ(3);
	search->result = (ReturnSetInfo *) fcinfo->resultinfo;
	search->work = AllocSetContextCreate(CurrentMemoryContext, "tsdb violations", ALLOCSET_DEFAULT_SIZES);
	find_value(search, PG_ARGISNULL(4) ? NULL : NameStr(*PG_GETARG_NAME(4)));
	search->reader = open_reader(search);
	search->lookup = open_reader(search);
}

static void
find_value(Search *search, const char *name)
{
	const TsdbTable *table = tsdb_table_get(search->rel);
	AttrNumber attnum = name == NULL ? search->tags->value_attnum : get_attnum(RelationGetRelid(search->rel), name);

	for (int i = 0; i < table->nvalues; i++)
		if (table->values[i].attnum == attnum)
			search->value = table->values[i];
	if (search->value.attnum == 0 || !is_number((TsdbType) search->value.type))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 name == NULL ? errmsg("table \"%s\" has no value column of numbers, or several", RelationGetRelationName(search->rel))
							  : errmsg("column \"%s\" of table \"%s\" is not a value column of numbers", name, RelationGetRelationName(search->rel)),
				 errhint("Say which column is meant: value_column => 'value'.")));
}

static bool
is_number(TsdbType type)
{
	return type == TSDB_TYPE_FLOAT8 || type == TSDB_TYPE_FLOAT4 || type == TSDB_TYPE_INT2 || type == TSDB_TYPE_INT4 ||
		   type == TSDB_TYPE_INT8;
}

static TsdbReader *
open_reader(Search *search)
{
	Snapshot snapshot = GetActiveSnapshot();
	const TsdbTable *table = tsdb_table_get(search->rel);
	TsdbBatch **pending;
	int npending;

	pending = tsdb_buffer_pending(search->rel, table, snapshot->curcid, &npending);
	return tsdb_reader_open(search->rel, table, snapshot, &search->value, 1, pending, npending);
}

static bool
matches(const Search *search, const Bitmapset *named, const Datum *values, const bool *isnull)
{
	StringInfoData ours;
	StringInfoData theirs;
	bool equal;

	if (bms_is_empty(named))
		return true;
	initStringInfo(&ours);
	initStringInfo(&theirs);
	tsdb_rowtags_encode(search->tags, search->tag_values, search->tag_isnull, named, &ours);
	tsdb_rowtags_encode(search->tags, values, isnull, named, &theirs);
	equal = ours.len == theirs.len && memcmp(ours.data, theirs.data, ours.len) == 0;
	pfree(ours.data);
	pfree(theirs.data);
	return equal;
}

static void
search_series(Search *search)
{
	TsdbAttributes attributes = *tsdb_attributes_find(search->attributed, search->tag_values, search->tag_isnull);
	MemoryContext caller = MemoryContextSwitchTo(search->work);

	if (attributes.has_low)
		search_side(search, false, attributes.low);
	if (attributes.has_high)
		search_side(search, true, attributes.high);
	MemoryContextSwitchTo(caller);
	MemoryContextReset(search->work);
}

static void
search_side(Search *search, bool is_high, double limit)
{
	const TsdbBatch *batch;

	search->is_high = is_high;
	search->limit = limit;
	search->is_open = false;
	if (!set_term(search))
		return;
	tsdb_reader_restrict(search->reader, &search->series, 1, search->from, search->until);
	tsdb_reader_set_filter(search->reader, &search->term, 1);
	while ((batch = tsdb_reader_next(search->reader, ForwardScanDirection)) != NULL)
	{
		CHECK_FOR_INTERRUPTS();
		take_window(search, batch);
	}
	if (search->is_open)
	{
		int64 end = 0;
		bool is_outside;
		bool has_end = find_next(search, search->last_time, &end, &is_outside);

		close_violation(search, has_end, end);
	}
}

/* "Beyond the limit" as a condition on the column; false when no value of its type can be. */
static bool
set_term(Search *search)
{
	TsdbFilterTerm *term = &search->term;
	TsdbFilterOp op = search->is_high ? TSDB_FILTER_GT : TSDB_FILTER_LT;
	double whole;

	memset(term, 0, sizeof(*term));
	term->attnum = search->value.attnum;
	term->type = search->value.type;
	term->op = op;
	if (search->value.type == TSDB_TYPE_FLOAT4)
	{
		tsdb_filter_set_float(term, op, search->limit);
		return !term->never;
	}
	if (search->value.type == TSDB_TYPE_FLOAT8)
	{
		memcpy(&term->word, &search->limit, sizeof(double));
		return true;
	}
	whole = search->is_high ? floor(search->limit) : ceil(search->limit);
	if (search->is_high ? whole >= TWO_TO_63 : whole <= -TWO_TO_63)
		return false;
	if (whole >= TWO_TO_63 || whole < -TWO_TO_63)
	{
		/* Beyond all that a bigint can be: so is every value. */
		term->op = search->is_high ? TSDB_FILTER_GE : TSDB_FILTER_LE;
		term->word = (uint64) (search->is_high ? PG_INT64_MIN : PG_INT64_MAX);
		return true;
	}
	term->word = (uint64) (int64) whole;
	return true;
}

static void
take_window(Search *search, const TsdbBatch *batch)
{
	bool is_first = true;

	for (uint32 row = 0; row < batch->nrows; row++)
	{
		bool isnull;
		double value = value_of(search, batch, row, &isnull);

		if (isnull)
			continue;
		if (search->is_open && is_first)
		{
			/* Blocks may have been passed over before the window. */
			int64 time;
			bool is_outside;

			if (!find_next(search, search->last_time, &time, &is_outside) || !is_outside)
				close_violation(search, true, time);
		}
		is_first = false;
		if (is_beyond(search, value))
			take_row(search, batch->times[row], value);
		else if (search->is_open)
			close_violation(search, true, batch->times[row]);
	}
}

/* As SQL compares: NaN is above every number. */
static bool
is_beyond(const Search *search, double value)
{
	return search->is_high ? isnan(value) || value > search->limit : value < search->limit;
}

static void
take_row(Search *search, int64 time, double value)
{
	if (!search->is_open)
	{
		search->is_open = true;
		search->first_time = time;
		search->nsamples = 0;
		search->extreme = value;
	}
	search->last_time = time;
	search->nsamples++;
	if (search->is_high ? isnan(value) || value > search->extreme : value < search->extreme)
		search->extreme = value;
}

static void
close_violation(Search *search, bool has_end, int64 end)
{
	put_violation(search, has_end, end);
	search->is_open = false;
}

/* The next row with a value; false when there is none before the end. */
static bool
find_next(Search *search, int64 after, int64 *time, bool *is_outside)
{
	const TsdbBatch *batch;

	*time = 0;
	*is_outside = false;
	tsdb_reader_restrict(search->lookup, &search->series, 1, after + 1, search->until);
	while ((batch = tsdb_reader_next(search->lookup, ForwardScanDirection)) != NULL)
	{
		CHECK_FOR_INTERRUPTS();
		for (uint32 row = 0; row < batch->nrows; row++)
		{
			bool isnull;
			double value = value_of(search, batch, row, &isnull);

			if (isnull)
				continue;
			*time = batch->times[row];
			*is_outside = is_beyond(search, value);
			return true;
		}
	}
	return false;
}

static double
value_of(const Search *search, const TsdbBatch *batch, uint32 row, bool *isnull)
{
	const TsdbColumn *column = &batch->columns[0];

	*isnull = column->states != NULL && column->states[row] != TSDB_CELL_VALUE;
	return *isnull ? 0 : tsdb_number_value((TsdbType) search->value.type, column->words[row]);
}

static void
put_violation(Search *search, bool has_end, int64 end)
{
	enum
	{
		COL_SERIES,
		COL_TAGS,
		COL_LIMIT,
		COL_FROM,
		COL_LAST,
		COL_UNTIL,
		COL_SAMPLES,
		COL_EXTREME,
		NCOLS
	};
	Datum values[NCOLS];
	bool nulls[NCOLS] = {false};

	values[COL_SERIES] = Int32GetDatum((int32) search->series);
	values[COL_TAGS] = JsonbPGetDatum(tsdb_rowtags_json(search->tags, search->tag_values, search->tag_isnull, NULL));
	values[COL_LIMIT] = CStringGetTextDatum(search->is_high ? "high" : "low");
	values[COL_FROM] = TimestampTzGetDatum(search->first_time);
	values[COL_LAST] = TimestampTzGetDatum(search->last_time);
	values[COL_UNTIL] = TimestampTzGetDatum(end);
	nulls[COL_UNTIL] = !has_end;
	values[COL_SAMPLES] = Int64GetDatum(search->nsamples);
	values[COL_EXTREME] = Float8GetDatum(search->extreme);
	tuplestore_putvalues(search->result->setResult, search->result->setDesc, values, nulls);
}
