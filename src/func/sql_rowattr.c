/*-------------------------------------------------------------------------
 *
 * sql_rowattr.c
 *	  SQL functions about a row by its series: tsdb.local_time, tsdb.local_bucket, tsdb.timezone, tsdb.unit,
 *	  tsdb.low, tsdb.high, tsdb.stepped, tsdb.description, tsdb.out_of_limits.
 *
 * Each comes in two forms: of a row, whose type says which table it is of, and of a table, a time and tags.  Rows cost more: all
 * columns have to be read, and a row be made of them.  So the planner turns the first form into the
 * second where the row is one of a table in the query (tsdb_row_support).
 *
 * What a call site knows stays from call to call: the tags seen last and the attributes of their series.
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "access/htup_details.h"
#include "attr/attributes.h"
#include "catalog/pg_type.h"
#include "fmgr.h"
#include "funcapi.h"
#include "nodes/value.h"
#include "parser/parse_func.h"
#include "pg/compat.h"
#include "read/buckets.h"
#include "utils/builtins.h"
#include "utils/datum.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"
#include "utils/typcache.h"

/* What a call site knows. */
typedef struct RowSite
{
	MemoryContext context; /* of all below */
	bool has_form;
	bool is_columns; /* which form it is */
	Oid type; /* row form: of the rows */
	int32 typmod;
	TupleDesc desc; /* of that type */
	Oid relid;
	TsdbAttributed *attributed;
	uint64 version; /* of what stands below */
	int ntags;
	int16 *attlens;
	bool *byvals;
	AttrNumber *attnums; /* row form: of the tags */
	AttrNumber time_attnum;
	bool has_tags; /* the ones seen last */
	Datum *values;
	bool *isnull;
	Datum *next_values; /* of the row at hand */
	bool *next_isnull;
	MemoryContext tags_context; /* of values and attributes */
	TsdbAttributes attributes; /* texts in tags_context */
	bool has_width; /* local_bucket */
	Interval width;
	bool has_origin;
	Timestamp origin;
	TsdbBuckets *buckets;
	FmgrInfo convert; /* convert_to: tsdb.convert */
} RowSite;

static RowSite *get_site(FmgrInfo *flinfo);
static const TsdbAttributes *get_attributes(FunctionCallInfo fcinfo, int argno, TimestampTz *time);
static bool read_row(RowSite *site, FmgrInfo *flinfo, HeapTupleHeader row, TimestampTz *time);
static void open_row_type(RowSite *site, FmgrInfo *flinfo, Oid type, int32 typmod);
static bool read_columns(RowSite *site, FunctionCallInfo fcinfo, int argno, TimestampTz *time);
static void check_columns(RowSite *site, FunctionCallInfo fcinfo, int argno);
static void open_relation(RowSite *site, FmgrInfo *flinfo, Oid relid);
static bool is_of_row(const FmgrInfo *flinfo);
static bool has_same_tags(const RowSite *site);
static void remember(RowSite *site, const TsdbAttributes *attributes);
static Datum text_or_null(FunctionCallInfo fcinfo, const char *text);
static Timestamp wall_clock(TimestampTz time, pg_tz *zone);
static Datum local_bucket(FunctionCallInfo fcinfo, int argno, const Timestamp *origin);
static TsdbBuckets *get_buckets(FmgrInfo *flinfo, const Interval *width, const Timestamp *origin);
static bool read_value(RowSite *site, HeapTupleHeader row, double *value);
static void raise_no_value(const RowSite *site) pg_attribute_noreturn();
static FmgrInfo *get_convert(FmgrInfo *flinfo);
static bool is_out_of_limits(const TsdbAttributes *attributes, double value);

PG_FUNCTION_INFO_V1(tsdb_local_time);
PG_FUNCTION_INFO_V1(tsdb_local_bucket);
PG_FUNCTION_INFO_V1(tsdb_local_bucket_origin);
PG_FUNCTION_INFO_V1(tsdb_row_timezone);
PG_FUNCTION_INFO_V1(tsdb_row_unit);
PG_FUNCTION_INFO_V1(tsdb_row_description);
PG_FUNCTION_INFO_V1(tsdb_row_low);
PG_FUNCTION_INFO_V1(tsdb_row_high);
PG_FUNCTION_INFO_V1(tsdb_row_stepped);
PG_FUNCTION_INFO_V1(tsdb_out_of_limits);
PG_FUNCTION_INFO_V1(tsdb_row_out_of_limits);
PG_FUNCTION_INFO_V1(tsdb_convert_to);

/* tsdb.local_time(row), tsdb.local_time(target, time, tags ...): what the wall clock of its series shows. */
Datum
tsdb_local_time(PG_FUNCTION_ARGS)
{
	TimestampTz time;
	const TsdbAttributes *attributes = get_attributes(fcinfo, 0, &time);

	if (attributes == NULL)
		PG_RETURN_NULL();
	PG_RETURN_TIMESTAMP(wall_clock(time, attributes->zone));
}

/* tsdb.local_bucket(width, row), tsdb.local_bucket(width, target, time, tags ...) */
Datum
tsdb_local_bucket(PG_FUNCTION_ARGS)
{
	return local_bucket(fcinfo, 1, NULL);
}

/* tsdb.local_bucket(width, row, origin), tsdb.local_bucket(width, origin, target, time, tags ...) */
Datum
tsdb_local_bucket_origin(PG_FUNCTION_ARGS)
{
	int origin_argno = get_fn_expr_argtype(fcinfo->flinfo, 1) == TIMESTAMPOID ? 1 : 2;
	Timestamp origin;

	if (PG_ARGISNULL(origin_argno))
		PG_RETURN_NULL();
	origin = PG_GETARG_TIMESTAMP(origin_argno);
	return local_bucket(fcinfo, 3 - origin_argno, &origin);
}

/* tsdb.timezone(row): NULL where none was set. */
Datum
tsdb_row_timezone(PG_FUNCTION_ARGS)
{
	const TsdbAttributes *attributes = get_attributes(fcinfo, 0, NULL);

	return text_or_null(fcinfo, attributes == NULL ? NULL : attributes->timezone);
}

/* tsdb.unit(row) */
Datum
tsdb_row_unit(PG_FUNCTION_ARGS)
{
	const TsdbAttributes *attributes = get_attributes(fcinfo, 0, NULL);

	return text_or_null(fcinfo, attributes == NULL ? NULL : attributes->unit);
}

/* tsdb.description(row) */
Datum
tsdb_row_description(PG_FUNCTION_ARGS)
{
	const TsdbAttributes *attributes = get_attributes(fcinfo, 0, NULL);

	return text_or_null(fcinfo, attributes == NULL ? NULL : attributes->description);
}

/* tsdb.low(row) */
Datum
tsdb_row_low(PG_FUNCTION_ARGS)
{
	const TsdbAttributes *attributes = get_attributes(fcinfo, 0, NULL);

	if (attributes == NULL || !attributes->has_low)
		PG_RETURN_NULL();
	PG_RETURN_FLOAT8(attributes->low);
}

/* tsdb.high(row) */
Datum
tsdb_row_high(PG_FUNCTION_ARGS)
{
	const TsdbAttributes *attributes = get_attributes(fcinfo, 0, NULL);

	if (attributes == NULL || !attributes->has_high)
		PG_RETURN_NULL();
	PG_RETURN_FLOAT8(attributes->high);
}

/* tsdb.stepped(row) */
Datum
tsdb_row_stepped(PG_FUNCTION_ARGS)
{
	const TsdbAttributes *attributes = get_attributes(fcinfo, 0, NULL);

	if (attributes == NULL || !attributes->has_stepped)
		PG_RETURN_NULL();
	PG_RETURN_BOOL(attributes->stepped);
}

/* tsdb.out_of_limits(value, row), tsdb.out_of_limits(value, target, time, tags ...): false where there is no limit. */
Datum
tsdb_out_of_limits(PG_FUNCTION_ARGS)
{
	const TsdbAttributes *attributes = get_attributes(fcinfo, 1, NULL);

	if (attributes == NULL || PG_ARGISNULL(0))
		PG_RETURN_NULL();
	PG_RETURN_BOOL(is_out_of_limits(attributes, PG_GETARG_FLOAT8(0)));
}

/* tsdb.out_of_limits(row): of the only value column. */
Datum
tsdb_row_out_of_limits(PG_FUNCTION_ARGS)
{
	const TsdbAttributes *attributes = get_attributes(fcinfo, 0, NULL);
	double value;

	if (attributes == NULL || !read_value(get_site(fcinfo->flinfo), PG_GETARG_HEAPTUPLEHEADER(0), &value))
		PG_RETURN_NULL();
	PG_RETURN_BOOL(is_out_of_limits(attributes, value));
}

/* tsdb.convert_to(value, row, to), tsdb.convert_to(value, to, target, time, tags ...): from the unit of its series; NULL without one. */
Datum
tsdb_convert_to(PG_FUNCTION_ARGS)
{
	int unit_argno = get_fn_expr_argtype(fcinfo->flinfo, 1) == TEXTOID ? 1 : 2;
	const TsdbAttributes *attributes = get_attributes(fcinfo, 3 - unit_argno, NULL);

	if (attributes == NULL || attributes->unit == NULL || PG_ARGISNULL(0) || PG_ARGISNULL(unit_argno))
		PG_RETURN_NULL();
	return FunctionCall3(get_convert(fcinfo->flinfo), PG_GETARG_DATUM(0), CStringGetTextDatum(attributes->unit),
						 PG_GETARG_DATUM(unit_argno));
}

// private functions

static RowSite *
get_site(FmgrInfo *flinfo)
{
	RowSite *site = (RowSite *) flinfo->fn_extra;

	if (site == NULL)
	{
		site = MemoryContextAllocZero(flinfo->fn_mcxt, sizeof(RowSite));
		site->context = AllocSetContextCreate(flinfo->fn_mcxt, "tsdb row function", ALLOCSET_SMALL_SIZES);
		site->tags_context = AllocSetContextCreate(flinfo->fn_mcxt, "tsdb series of a row", ALLOCSET_SMALL_SIZES);
		flinfo->fn_extra = site;
	}
	return site;
}

/*
 * get_attributes - those of the row that begins at an argument; NULL when it is NULL or has no time.
 *
 *	time	out, may be NULL
 */
static const TsdbAttributes *
get_attributes(FunctionCallInfo fcinfo, int argno, TimestampTz *time)
{
	RowSite *site = get_site(fcinfo->flinfo);
	TimestampTz row_time = 0;

	if (PG_ARGISNULL(argno))
		return NULL;
	if (!site->has_form)
	{
		site->is_columns = get_fn_expr_argtype(fcinfo->flinfo, argno) == REGCLASSOID;
		site->has_form = true;
	}
	if (site->is_columns ? !read_columns(site, fcinfo, argno, &row_time)
						 : !read_row(site, fcinfo->flinfo, PG_GETARG_HEAPTUPLEHEADER(argno), &row_time))
		return NULL;
	if (time != NULL)
		*time = row_time;
	if (!site->has_tags || !has_same_tags(site))
		remember(site, tsdb_attributes_find(site->attributed, site->next_values, site->next_isnull));
	return &site->attributes;
}

/* Time and tags of a row value; false without a time. */
static bool
read_row(RowSite *site, FmgrInfo *flinfo, HeapTupleHeader row, TimestampTz *time)
{
	HeapTupleData tuple;
	bool isnull;

	if (site->desc == NULL || site->type != HeapTupleHeaderGetTypeId(row) || site->typmod != HeapTupleHeaderGetTypMod(row) ||
		site->version != tsdb_attributes_version(site->attributed))
		open_row_type(site, flinfo, HeapTupleHeaderGetTypeId(row), HeapTupleHeaderGetTypMod(row));
	tuple.t_len = HeapTupleHeaderGetDatumLength(row);
	ItemPointerSetInvalid(&tuple.t_self);
	tuple.t_tableOid = InvalidOid;
	tuple.t_data = row;
	*time = DatumGetTimestampTz(heap_getattr(&tuple, site->time_attnum, site->desc, &isnull));
	if (isnull)
		return false;
	for (int i = 0; i < site->ntags; i++)
		site->next_values[i] = heap_getattr(&tuple, site->attnums[i], site->desc, &site->next_isnull[i]);
	return true;
}

static void
open_row_type(RowSite *site, FmgrInfo *flinfo, Oid type, int32 typmod)
{
	Oid relid = type == RECORDOID ? InvalidOid : get_typ_typrelid(type);
	MemoryContext caller;

	if (!OidIsValid(relid))
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE),
				 errmsg("the row is not one of a table"),
				 errdetail("Its type %s does not say which table its series belongs to.", format_type_be(type)),
				 errhint("Give a row of the table itself, as in SELECT tsdb.local_time(b) FROM boiler b; "
						 "or the columns: tsdb.local_time('boiler', time, plant, sensor).")));
	open_relation(site, flinfo, relid);
	caller = MemoryContextSwitchTo(site->context);
	site->type = type;
	site->typmod = typmod;
	site->desc = lookup_rowtype_tupdesc_copy(type, typmod);
	MemoryContextSwitchTo(caller);
}

/* Time and tags from arguments; false without a time. */
static bool
read_columns(RowSite *site, FunctionCallInfo fcinfo, int argno, TimestampTz *time)
{
	Oid relid = PG_GETARG_OID(argno);

	if (site->attributed == NULL || site->relid != relid || site->version != tsdb_attributes_version(site->attributed))
	{
		open_relation(site, fcinfo->flinfo, relid);
		check_columns(site, fcinfo, argno);
	}
	if (PG_ARGISNULL(argno + 1))
		return false;
	*time = PG_GETARG_TIMESTAMPTZ(argno + 1);
	for (int i = 0; i < site->ntags; i++)
	{
		site->next_values[i] = PG_GETARG_DATUM(argno + 2 + i);
		site->next_isnull[i] = PG_ARGISNULL(argno + 2 + i);
	}
	return true;
}

/* A table without tags is given a NULL. */
static void
check_columns(RowSite *site, FunctionCallInfo fcinfo, int argno)
{
	const TsdbRowTags *tags = tsdb_attributes_tags(site->attributed);
	bool fits = PG_NARGS() == argno + 2 + Max(tags->ntags, 1);

	for (int i = 0; fits && i < tags->ntags; i++)
		fits = getBaseType(get_fn_expr_argtype(fcinfo->flinfo, argno + 2 + i)) == getBaseType(tags->tags[i].type_oid);
	if (!fits)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("the tags of table \"%s\" were expected", get_rel_name(site->relid)),
				 errdetail("It has %d tags; they are given in the order of its option \"tags\" and with their types.", tags->ntags),
				 errhint("Cast literals, as in 'a'::text; or give a row of the table instead.")));
}

/* Begin anew for the rows of a relation. */
static void
open_relation(RowSite *site, FmgrInfo *flinfo, Oid relid)
{
	TsdbAttributed *attributed;
	const TsdbRowTags *tags;
	MemoryContext caller;

	site->desc = NULL;
	site->attributed = NULL;
	site->has_tags = false;
	attributed = tsdb_attributes_open(relid);
	if (!is_of_row(flinfo))
		tsdb_attributes_check_rights(attributed);
	MemoryContextReset(site->context);
	caller = MemoryContextSwitchTo(site->context);
	tags = tsdb_attributes_tags(attributed);
	site->version = tsdb_attributes_version(attributed);
	site->relid = relid;
	site->ntags = tags->ntags;
	site->time_attnum = tags->time_attnum;
	site->attnums = palloc(sizeof(AttrNumber) * (tags->ntags + 1));
	site->attlens = palloc(sizeof(int16) * (tags->ntags + 1));
	site->byvals = palloc(sizeof(bool) * (tags->ntags + 1));
	for (int i = 0; i < tags->ntags; i++)
	{
		site->attnums[i] = tags->tags[i].attnum;
		site->attlens[i] = tags->layout.columns[i].attlen;
		site->byvals[i] = tags->layout.columns[i].attbyval;
	}
	site->values = palloc0(sizeof(Datum) * (tags->ntags + 1));
	site->isnull = palloc0(sizeof(bool) * (tags->ntags + 1));
	site->next_values = palloc0(sizeof(Datum) * (tags->ntags + 1));
	site->next_isnull = palloc0(sizeof(bool) * (tags->ntags + 1));
	site->attributed = attributed;
	MemoryContextSwitchTo(caller);
}

/* Has the planner seen that it is about a row of a table in the query?  Anybody can make a row, or give a table and tags. */
static bool
is_of_row(const FmgrInfo *flinfo)
{
	const FuncExpr *call = (const FuncExpr *) flinfo->fn_expr;

	return call != NULL && IsA(call, FuncExpr) && call->funcformat == TSDB_CALL_OF_ROW;
}

static bool
has_same_tags(const RowSite *site)
{
	for (int i = 0; i < site->ntags; i++)
	{
		if (site->isnull[i] != site->next_isnull[i])
			return false;
		if (!site->isnull[i] && !datum_image_eq(site->values[i], site->next_values[i], site->byvals[i], site->attlens[i]))
			return false;
	}
	return true;
}

static void
remember(RowSite *site, const TsdbAttributes *attributes)
{
	MemoryContext caller;

	site->has_tags = false;
	MemoryContextReset(site->tags_context);
	caller = MemoryContextSwitchTo(site->tags_context);
	site->attributes = *attributes;
	if (attributes->timezone != NULL)
		site->attributes.timezone = pstrdup(attributes->timezone);
	if (attributes->unit != NULL)
		site->attributes.unit = pstrdup(attributes->unit);
	if (attributes->description != NULL)
		site->attributes.description = pstrdup(attributes->description);
	for (int i = 0; i < site->ntags; i++)
	{
		site->isnull[i] = site->next_isnull[i];
		if (!site->isnull[i])
			site->values[i] = datumCopy(site->next_values[i], site->byvals[i], site->attlens[i]);
	}
	site->has_tags = true;
	MemoryContextSwitchTo(caller);
}

static Datum
text_or_null(FunctionCallInfo fcinfo, const char *text)
{
	if (text == NULL)
		PG_RETURN_NULL();
	PG_RETURN_TEXT_P(cstring_to_text(text));
}

/* As time AT TIME ZONE zone. */
static Timestamp
wall_clock(TimestampTz time, pg_tz *zone)
{
	int64 local;

	if (TIMESTAMP_NOT_FINITE(time))
		return time;
	local = time;
	if (zone != NULL)
	{
		struct pg_tm tm;
		fsec_t fsec;
		int offset_secs;

		if (timestamp2tm(time, &offset_secs, &tm, &fsec, NULL, zone) != 0)
			local = PG_INT64_MIN;
		else
			local = time - (int64) offset_secs * USECS_PER_SEC;
	}
	if (!IS_VALID_TIMESTAMP(local))
		ereport(ERROR,
				(errcode(ERRCODE_DATETIME_VALUE_OUT_OF_RANGE),
				 errmsg("timestamp out of range")));
	return local;
}

/* tsdb.time_bucket of the local time. */
static Datum
local_bucket(FunctionCallInfo fcinfo, int argno, const Timestamp *origin)
{
	TimestampTz time;
	const TsdbAttributes *attributes;
	TsdbBuckets *buckets;
	Timestamp start;

	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	attributes = get_attributes(fcinfo, argno, &time);
	if (attributes == NULL)
		PG_RETURN_NULL();
	buckets = get_buckets(fcinfo->flinfo, PG_GETARG_INTERVAL_P(0), origin);
	if (TIMESTAMP_NOT_FINITE(time))
		PG_RETURN_TIMESTAMP(time);
	start = tsdb_buckets_key(buckets, wall_clock(time, attributes->zone));
	if (start == PG_INT64_MIN)
		ereport(ERROR,
				(errcode(ERRCODE_DATETIME_VALUE_OUT_OF_RANGE),
				 errmsg("timestamp out of range"),
				 errdetail("The bucket begins before the first timestamp there is.")));
	PG_RETURN_TIMESTAMP(start);
}

static TsdbBuckets *
get_buckets(FmgrInfo *flinfo, const Interval *width, const Timestamp *origin)
{
	RowSite *site = get_site(flinfo);
	TsdbBucketRule rule;
	MemoryContext caller;

	if (site->has_width && memcmp(&site->width, width, sizeof(Interval)) == 0 && site->has_origin == (origin != NULL) &&
		(origin == NULL || site->origin == *origin))
		return site->buckets;
	tsdb_buckets_interval_get(width, NULL, origin, &rule);
	if (site->buckets != NULL)
		pfree(site->buckets);
	site->buckets = NULL;
	caller = MemoryContextSwitchTo(flinfo->fn_mcxt);
	site->buckets = tsdb_buckets_create(&rule);
	MemoryContextSwitchTo(caller);
	site->has_width = true;
	site->width = *width;
	site->has_origin = origin != NULL;
	site->origin = origin != NULL ? *origin : 0;
	return site->buckets;
}

/* The value of a row that read_row has seen; false for NULL. */
static bool
read_value(RowSite *site, HeapTupleHeader row, double *value)
{
	const TsdbRowTags *tags = tsdb_attributes_tags(site->attributed);
	HeapTupleData tuple;
	Datum datum;
	bool isnull;

	if (tags->value_attnum == 0)
		raise_no_value(site);
	tuple.t_len = HeapTupleHeaderGetDatumLength(row);
	tuple.t_data = row;
	datum = heap_getattr(&tuple, tags->value_attnum, site->desc, &isnull);
	if (isnull)
		return false;
	switch (tags->value_type)
	{
		case INT2OID:
			*value = DatumGetInt16(datum);
			break;
		case INT4OID:
			*value = DatumGetInt32(datum);
			break;
		case INT8OID:
			*value = (double) DatumGetInt64(datum);
			break;
		case FLOAT4OID:
			*value = DatumGetFloat4(datum);
			break;
		default:
			*value = DatumGetFloat8(datum);
			break;
	}
	return true;
}

static void
raise_no_value(const RowSite *site)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("table \"%s\" has no value column of numbers, or several", get_rel_name(site->relid)),
			 errhint("Say which value is meant: tsdb.out_of_limits(b.value, b).")));
}

/* tsdb.convert */
static FmgrInfo *
get_convert(FmgrInfo *flinfo)
{
	static const Oid arguments[] = {FLOAT8OID, TEXTOID, TEXTOID};
	RowSite *site = get_site(flinfo);

	if (!OidIsValid(site->convert.fn_oid))
		fmgr_info_cxt(LookupFuncName(list_make2(makeString("tsdb"), makeString("convert")), lengthof(arguments), arguments, false),
					  &site->convert, flinfo->fn_mcxt);
	return &site->convert;
}

/* As SQL compares: NaN is above every number. */
static bool
is_out_of_limits(const TsdbAttributes *attributes, double value)
{
	return (attributes->has_low && value < attributes->low) ||
		   (attributes->has_high && (value > attributes->high || isnan(value)));
}
