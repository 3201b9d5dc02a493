/*-------------------------------------------------------------------------
 *
 * sql_serieslist.c
 *	  SQL functions behind view tsdb.series: which series a table has, and what is known of each.
 *
 * The view lists ids first and works out the rest for the series that its conditions leave.  It asks for series after series
 * in the order of their ids, so each function reads ahead: at first one series, then twice as many each time that it was right.
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/table.h"
#include "attr/attributes.h"
#include "attr/tagfilter.h"
#include "catalog/pg_type.h"
#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "pg/compat.h"
#include "read/aggregate.h"
#include "series/series.h"
#include "series/seriesscan.h"
#include "series/tsdbtable.h"
#include "store/metapage.h"
#include "store/segstore.h"
#include "utils/builtins.h"
#include "utils/datum.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rls.h"
#include "utils/snapmgr.h"
#include "utils/syscache.h"
#include "write/buffer.h"

#define MAX_AHEAD 1024

/* A series that was read ahead. */
typedef struct AheadSeries
{
	uint32 series;
	Datum *values; /* by tag index */
	bool *isnull;
} AheadSeries;

/* What a call site knows, within one transaction. */
typedef struct SeriesSite
{
	Oid relid; /* the role may see its series */
	Oid role;
	LocalTransactionId lxid;
	TsdbAttributed *attributed;
	uint64 version; /* of `outputs` */
	FmgrInfo *outputs; /* by tag index */
	TupleDesc desc; /* of the result; NULL: not known yet */
	MemoryContext context; /* of outputs */
	MemoryContext ahead_context; /* of all below */
	AheadSeries *ahead; /* ascending */
	uint32 nahead;
	uint32 next_ahead; /* nothing before it is asked for any more */
	uint32 wanted; /* to read next time */
} SeriesSite;

/* What is stored of a series in segments. */
typedef struct Stored
{
	int64 nblocks;
	int64 nbytes;
} Stored;

static void list_series(ReturnSetInfo *result, Oid relid, Jsonb *series);
static void put_series(ReturnSetInfo *result, uint32 series);
static SeriesSite *open_site(FunctionCallInfo fcinfo);
static void check_site(SeriesSite *site, Oid relid);
static TupleDesc get_desc(SeriesSite *site, FunctionCallInfo fcinfo);
static Relation open_readable(Oid relid);
static bool is_readable(Oid relid);
static void get_tags(SeriesSite *site, uint32 series, const Datum **values, const bool **isnull);
static void read_ahead(SeriesSite *site, uint32 series);
static void copy_tags(AheadSeries *to, const TsdbRowTags *tags, const Datum *values, const bool *isnull);
static void raise_no_series(Relation rel, uint32 series) pg_attribute_noreturn();
static void append_value(StringInfo out, const TsdbRowTag *tag, FmgrInfo *output, Datum value);
static void append_escaped(StringInfo out, const char *text, Size len);
static Stored sum_segments(Relation rel, Snapshot snapshot, uint32 series);

PG_FUNCTION_INFO_V1(tsdb_series_ids);
PG_FUNCTION_INFO_V1(tsdb_series_ids_with_tags);
PG_FUNCTION_INFO_V1(tsdb_series_key);
PG_FUNCTION_INFO_V1(tsdb_series_tags_json);
PG_FUNCTION_INFO_V1(tsdb_series_attributes);
PG_FUNCTION_INFO_V1(tsdb_series_extent);

/* tsdb.series_ids(target): every series; none of a table that may not be read, or is gone. */
Datum
tsdb_series_ids(PG_FUNCTION_ARGS)
{
	InitMaterializedSRF(fcinfo, MAT_SRF_USE_EXPECTED_DESC);
	list_series((ReturnSetInfo *) fcinfo->resultinfo, PG_GETARG_OID(0), NULL);
	return (Datum) 0;
}

/* tsdb.series_ids(target, series): those whose tags may contain the given ones, at least; what the planner makes of conditions on the view. */
Datum
tsdb_series_ids_with_tags(PG_FUNCTION_ARGS)
{
	InitMaterializedSRF(fcinfo, MAT_SRF_USE_EXPECTED_DESC);
	list_series((ReturnSetInfo *) fcinfo->resultinfo, PG_GETARG_OID(0), PG_GETARG_JSONB_P(1));
	return (Datum) 0;
}

/* tsdb.series_key(target, series_id): as line protocol writes it, boiler,plant=a,sensor=t1. */
Datum
tsdb_series_key(PG_FUNCTION_ARGS)
{
	SeriesSite *site = open_site(fcinfo);
	const char *table = get_rel_name(site->relid);
	const TsdbRowTags *tags;
	const Datum *values;
	const bool *isnull;
	StringInfoData key;

	get_tags(site, PG_GETARG_UINT32(1), &values, &isnull);
	tags = tsdb_attributes_tags(site->attributed);
	initStringInfo(&key);
	append_escaped(&key, table, strlen(table));
	for (int i = 0; i < tags->ntags; i++)
	{
		if (isnull[i])
			continue;
		appendStringInfoChar(&key, ',');
		append_escaped(&key, tags->tags[i].name, strlen(tags->tags[i].name));
		appendStringInfoChar(&key, '=');
		append_value(&key, &tags->tags[i], &site->outputs[i], values[i]);
	}
	PG_RETURN_TEXT_P(cstring_to_text_with_len(key.data, key.len));
}

/* tsdb.series_tags(target, series_id) */
Datum
tsdb_series_tags_json(PG_FUNCTION_ARGS)
{
	SeriesSite *site = open_site(fcinfo);
	const Datum *values;
	const bool *isnull;

	get_tags(site, PG_GETARG_UINT32(1), &values, &isnull);
	PG_RETURN_JSONB_P(tsdb_rowtags_json(tsdb_attributes_tags(site->attributed), values, isnull, NULL));
}

/* tsdb.series_attributes(target, series_id) */
Datum
tsdb_series_attributes(PG_FUNCTION_ARGS)
{
	enum
	{
		COL_TIMEZONE,
		COL_UNIT,
		COL_LOW,
		COL_HIGH,
		COL_DESCRIPTION,
		COL_STEPPED,
		NCOLS
	};
	SeriesSite *site = open_site(fcinfo);
	const TsdbAttributes *attributes;
	const Datum *values;
	const bool *isnull;
	Datum result[NCOLS] = {0};
	bool nulls[NCOLS];
	TupleDesc desc;

	desc = get_desc(site, fcinfo);
	get_tags(site, PG_GETARG_UINT32(1), &values, &isnull);
	attributes = tsdb_attributes_find(site->attributed, values, isnull);
	nulls[COL_TIMEZONE] = attributes->timezone == NULL;
	if (!nulls[COL_TIMEZONE])
		result[COL_TIMEZONE] = CStringGetTextDatum(attributes->timezone);
	nulls[COL_UNIT] = attributes->unit == NULL;
	if (!nulls[COL_UNIT])
		result[COL_UNIT] = CStringGetTextDatum(attributes->unit);
	nulls[COL_DESCRIPTION] = attributes->description == NULL;
	if (!nulls[COL_DESCRIPTION])
		result[COL_DESCRIPTION] = CStringGetTextDatum(attributes->description);
	nulls[COL_LOW] = !attributes->has_low;
	result[COL_LOW] = Float8GetDatum(attributes->low);
	nulls[COL_HIGH] = !attributes->has_high;
	result[COL_HIGH] = Float8GetDatum(attributes->high);
	nulls[COL_STEPPED] = !attributes->has_stepped;
	result[COL_STEPPED] = BoolGetDatum(attributes->stepped);
	PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(desc, result, nulls)));
}

/* tsdb.series_extent(target, series_id): what the snapshot sees of it. */
Datum
tsdb_series_extent(PG_FUNCTION_ARGS)
{
	enum
	{
		COL_FIRST_TIME,
		COL_LAST_TIME,
		COL_SAMPLES,
		COL_BLOCKS,
		COL_BYTES,
		NCOLS
	};
	Relation rel = open_readable(PG_GETARG_OID(0));
	uint32 series = PG_GETARG_UINT32(1);
	Snapshot snapshot = GetActiveSnapshot();
	TsdbAggregateRequest request = {0};
	const TsdbAggregateCell *cell;
	TsdbAggregator *aggregator;
	TsdbBatch **pending;
	int npending;
	Stored stored;
	Datum values[NCOLS];
	bool nulls[NCOLS] = {false};
	TupleDesc desc;

	if (get_call_result_type(fcinfo, NULL, &desc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	desc = BlessTupleDesc(desc);
	pending = tsdb_buffer_pending(rel, tsdb_table_get(rel), snapshot->curcid, &npending);
	aggregator = tsdb_aggregator_open(rel, tsdb_table_get(rel), snapshot, &request, pending, npending);
	tsdb_aggregator_restrict(aggregator, &series, 1, PG_INT64_MIN, PG_INT64_MAX);
	cell = tsdb_aggregator_next(aggregator);
	nulls[COL_FIRST_TIME] = nulls[COL_LAST_TIME] = cell == NULL;
	values[COL_FIRST_TIME] = TimestampTzGetDatum(cell == NULL ? 0 : cell->first_time);
	values[COL_LAST_TIME] = TimestampTzGetDatum(cell == NULL ? 0 : cell->last_time);
	values[COL_SAMPLES] = Int64GetDatum(cell == NULL ? 0 : (int64) cell->nrows);
	tsdb_aggregator_close(aggregator);
	stored = sum_segments(rel, snapshot, series);
	values[COL_BLOCKS] = Int64GetDatum(stored.nblocks);
	values[COL_BYTES] = Int64GetDatum(stored.nbytes);
	table_close(rel, NoLock);
	PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(desc, values, nulls)));
}

// private functions

/*
 * list_series - ids into the result.
 *
 *	series	NULL: no tags were given
 */
static void
list_series(ReturnSetInfo *result, Oid relid, Jsonb *series)
{
	Relation rel;
	const TsdbTable *table;
	TsdbTagFilter *filter;
	uint32 found;
	TsdbSeriesScan *scan;
	const Datum *values;
	const bool *isnull;

	if (!SearchSysCacheExists1(RELOID, ObjectIdGetDatum(relid)) || !is_readable(relid))
		return;
	rel = tsdb_table_open(relid, AccessShareLock, ACL_SELECT);
	table = tsdb_table_get(rel);
	filter = tsdb_tagfilter_create(tsdb_attributes_tags(tsdb_attributes_open(relid)), series);
	if (tsdb_tagfilter_find(filter, rel, table, &found))
	{
		if (found != 0)
			put_series(result, found);
	}
	else
	{
		scan = tsdb_seriesscan_begin(rel, table, 0);
		while ((found = tsdb_seriesscan_next(scan, &values, &isnull)) != 0)
		{
			CHECK_FOR_INTERRUPTS();
			if (tsdb_tagfilter_may_match(filter, values, isnull))
				put_series(result, found);
		}
		tsdb_seriesscan_end(scan);
	}
	table_close(rel, NoLock);
}

static void
put_series(ReturnSetInfo *result, uint32 series)
{
	Datum value = Int32GetDatum((int32) series);
	bool isnull = false;

	tuplestore_putvalues(result->setResult, result->setDesc, &value, &isnull);
}

/* The call site, for the table of the first argument. */
static SeriesSite *
open_site(FunctionCallInfo fcinfo)
{
	SeriesSite *site = fcinfo->flinfo->fn_extra;
	Oid relid = PG_GETARG_OID(0);

	if (site == NULL)
	{
		site = MemoryContextAllocZero(fcinfo->flinfo->fn_mcxt, sizeof(SeriesSite));
		site->context = AllocSetContextCreate(fcinfo->flinfo->fn_mcxt, "tsdb series function", ALLOCSET_SMALL_SIZES);
		site->ahead_context = AllocSetContextCreate(fcinfo->flinfo->fn_mcxt, "tsdb series read ahead", ALLOCSET_DEFAULT_SIZES);
		fcinfo->flinfo->fn_extra = site;
	}
	if (site->relid != relid || site->role != GetUserId() || site->lxid != tsdb_compat_lxid() ||
		site->version != tsdb_attributes_version(site->attributed))
		check_site(site, relid);
	return site;
}

/* The table stays locked, so what is found out holds to the end of the transaction, but for changes of attributes. */
static void
check_site(SeriesSite *site, Oid relid)
{
	const TsdbRowTags *tags;
	MemoryContext caller;

	site->relid = InvalidOid;
	table_close(open_readable(relid), NoLock);
	site->attributed = tsdb_attributes_open(relid);
	tags = tsdb_attributes_tags(site->attributed);
	site->version = tsdb_attributes_version(site->attributed);
	site->nahead = 0;
	site->wanted = 1;
	MemoryContextReset(site->context);
	caller = MemoryContextSwitchTo(site->context);
	site->outputs = palloc0(sizeof(FmgrInfo) * (tags->ntags + 1));
	for (int i = 0; i < tags->ntags; i++)
	{
		Oid output;
		bool is_varlena;

		getTypeOutputInfo(tags->tags[i].type_oid, &output, &is_varlena);
		fmgr_info(output, &site->outputs[i]);
	}
	MemoryContextSwitchTo(caller);
	site->role = GetUserId();
	site->lxid = tsdb_compat_lxid();
	site->relid = relid;
}

static TupleDesc
get_desc(SeriesSite *site, FunctionCallInfo fcinfo)
{
	TupleDesc desc;
	MemoryContext caller;

	if (site->desc != NULL)
		return site->desc;
	if (get_call_result_type(fcinfo, NULL, &desc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	caller = MemoryContextSwitchTo(fcinfo->flinfo->fn_mcxt);
	site->desc = BlessTupleDesc(CreateTupleDescCopy(desc));
	MemoryContextSwitchTo(caller);
	return site->desc;
}

static Relation
open_readable(Oid relid)
{
	Relation rel = tsdb_table_open(relid, AccessShareLock, ACL_SELECT);

	if (!is_readable(relid))
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("the series of table \"%s\" are hidden by row security", RelationGetRelationName(rel)),
				 errhint("Ask its owner, or a role that bypasses row security.")));
	return rel;
}

static bool
is_readable(Oid relid)
{
	return check_enable_rls(relid, InvalidOid, true) != RLS_ENABLED;
}

static void
get_tags(SeriesSite *site, uint32 series, const Datum **values, const bool **isnull)
{
	while (site->next_ahead < site->nahead && site->ahead[site->next_ahead].series < series)
		site->next_ahead++;
	if (site->next_ahead >= site->nahead || site->ahead[site->next_ahead].series != series)
		read_ahead(site, series);
	*values = site->ahead[site->next_ahead].values;
	*isnull = site->ahead[site->next_ahead].isnull;
}

/* Read on from a series: more than the last time when it comes not far behind what was read then. */
static void
read_ahead(SeriesSite *site, uint32 series)
{
	Relation rel = table_open(site->relid, AccessShareLock);
	const TsdbRowTags *tags = tsdb_attributes_tags(site->attributed);
	uint32 last = site->nahead > 0 ? site->ahead[site->nahead - 1].series : 0;
	bool is_near = last != 0 && series > last && series - last <= site->nahead;
	TsdbSeriesScan *scan;
	MemoryContext caller;
	const Datum *values;
	const bool *isnull;
	uint32 found;

	if (series == 0 || series >= tsdb_metapage_next(rel, TSDB_COUNTER_SERIES))
		raise_no_series(rel, series);
	site->wanted = is_near ? Min(site->wanted * 2, MAX_AHEAD) : 1;
	site->nahead = site->next_ahead = 0;
	MemoryContextReset(site->ahead_context);
	caller = MemoryContextSwitchTo(site->ahead_context);
	site->ahead = palloc(sizeof(AheadSeries) * site->wanted);
	scan = tsdb_seriesscan_begin(rel, tsdb_table_get(rel), series);
	while (site->nahead < site->wanted && (found = tsdb_seriesscan_next(scan, &values, &isnull)) != 0)
	{
		site->ahead[site->nahead].series = found;
		copy_tags(&site->ahead[site->nahead++], tags, values, isnull);
	}
	tsdb_seriesscan_end(scan);
	MemoryContextSwitchTo(caller);
	if (site->nahead == 0 || site->ahead[0].series != series)
		raise_no_series(rel, series);
	table_close(rel, NoLock);
}

static void
copy_tags(AheadSeries *to, const TsdbRowTags *tags, const Datum *values, const bool *isnull)
{
	to->values = palloc(sizeof(Datum) * (tags->ntags + 1));
	to->isnull = palloc(sizeof(bool) * (tags->ntags + 1));
	for (int i = 0; i < tags->ntags; i++)
	{
		to->isnull[i] = isnull[i];
		to->values[i] = isnull[i] ? (Datum) 0 : datumCopy(values[i], tags->layout.columns[i].attbyval, tags->layout.columns[i].attlen);
	}
}

static void
raise_no_series(Relation rel, uint32 series)
{
	ereport(ERROR,
			(errcode(ERRCODE_UNDEFINED_OBJECT),
			 errmsg("table \"%s\" has no series %d", RelationGetRelationName(rel), (int) series)));
}

static void
append_value(StringInfo out, const TsdbRowTag *tag, FmgrInfo *output, Datum value)
{
	if (tag->type_oid == TEXTOID || tag->type_oid == VARCHAROID)
	{
		const struct varlena *text = (const struct varlena *) DatumGetPointer(value);

		append_escaped(out, VARDATA_ANY(text), VARSIZE_ANY_EXHDR(text));
	}
	else
	{
		const char *text = OutputFunctionCall(output, value);

		append_escaped(out, text, strlen(text));
	}
}

/* As in line protocol: a backslash before comma, space and equals sign. */
static void
append_escaped(StringInfo out, const char *text, Size len)
{
	Size from = 0;

	for (Size i = 0; i < len; i++)
	{
		if (text[i] != ',' && text[i] != ' ' && text[i] != '=')
			continue;
		appendBinaryStringInfo(out, text + from, (int) (i - from));
		appendStringInfoChar(out, '\\');
		from = i;
	}
	appendBinaryStringInfo(out, text + from, (int) (len - from));
}

static Stored
sum_segments(Relation rel, Snapshot snapshot, uint32 series)
{
	MemoryContext work = AllocSetContextCreate(CurrentMemoryContext, "tsdb segments of a series", ALLOCSET_DEFAULT_SIZES);
	MemoryContext caller = MemoryContextSwitchTo(work);
	TsdbStore *store = tsdb_store_open(rel, AccessShareLock, false);
	TsdbStoredSegment stored;
	Stored sum = {0, 0};

	if (store != NULL)
	{
		TsdbSegmentScan *scan = tsdb_segstore_beginscan(store, rel, snapshot, series, PG_INT32_MIN, series, PG_INT32_MAX, false);

		while (tsdb_segstore_getnext(scan, &stored))
		{
			CHECK_FOR_INTERRUPTS();
			for (uint32 i = 0; i < stored.segment.ngroups; i++)
				sum.nblocks += stored.segment.groups[i].nblocks;
			sum.nbytes += (int64) stored.segment.stream_bytes;
		}
		tsdb_segstore_endscan(scan);
		tsdb_store_close(store);
	}
	MemoryContextSwitchTo(caller);
	MemoryContextDelete(work);
	return sum;
}
