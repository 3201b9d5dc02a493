/*-------------------------------------------------------------------------
 *
 * sql_series.c
 *	  SQL functions about attributes of series: tsdb.set_series, tsdb.unset_series, tsdb.table_columns.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "access/htup_details.h"
#include "access/relation.h"
#include "attr/attributes.h"
#include "attr/ruleedit.h"
#include "catalog/pg_type.h"
#include "commands/trigger.h"
#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "pg/compat.h"
#include "series/tsdbtable.h"
#include "utils/acl.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/syscache.h"

static Jsonb *canonical_series(Oid relid, Jsonb *series);
static Oid open_target(Oid relid);
static void raise_unknown_tag(const TsdbRowTags *tags, const char *name) pg_attribute_noreturn();
static List *list_attributes(ArrayType *names);
static int find_attribute(const char *name);
static void check_number(FunctionCallInfo fcinfo, int argno, const char *name);
static void invalidate(HeapTuple tuple, TupleDesc desc);

PG_FUNCTION_INFO_V1(tsdb_set_series);
PG_FUNCTION_INFO_V1(tsdb_unset_series);
PG_FUNCTION_INFO_V1(tsdb_series_rule_changed);
PG_FUNCTION_INFO_V1(tsdb_table_columns);

/* tsdb.set_series(target, series, timezone, unit, low, high, stepped, description) */
Datum
tsdb_set_series(PG_FUNCTION_ARGS)
{
	TsdbRuleGiven given;
	bool any = false;
	Oid target;

	if (PG_ARGISNULL(0) || PG_ARGISNULL(1))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("table and series must not be null"),
				 errhint("'{}' is every series of the table.")));
	PreventCommandIfReadOnly("tsdb.set_series()");
	PreventCommandIfParallelMode("tsdb.set_series()");
	target = open_target(PG_GETARG_OID(0));
	if (!PG_ARGISNULL(2))
		(void) tsdb_tagrules_zone(text_to_cstring(PG_GETARG_TEXT_PP(2)));
	check_number(fcinfo, 4, "low");
	check_number(fcinfo, 5, "high");
	for (int i = TSDB_RULE_TIMEZONE; i <= TSDB_RULE_DESCRIPTION; i++)
	{
		given.isnull[i] = PG_ARGISNULL(i - 1);
		given.values[i] = PG_GETARG_DATUM(i - 1);
		any |= !given.isnull[i];
	}
	if (!any)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("no attribute was given"),
				 errhint("Give timezone, unit, low, high, stepped or description; tsdb.unset_series() takes them away.")));
	tsdb_ruleedit_set(target, canonical_series(target, PG_GETARG_JSONB_P(1)), &given);
	PG_RETURN_VOID();
}

/* tsdb.unset_series(target, series, attributes text[]) */
Datum
tsdb_unset_series(PG_FUNCTION_ARGS)
{
	List *attributes = NIL;
	Oid target;

	if (PG_ARGISNULL(0) || PG_ARGISNULL(1))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("table and series must not be null"),
				 errhint("'{}' names the rule for every series of the table.")));
	PreventCommandIfReadOnly("tsdb.unset_series()");
	PreventCommandIfParallelMode("tsdb.unset_series()");
	target = open_target(PG_GETARG_OID(0));
	if (!PG_ARGISNULL(2))
		attributes = list_attributes(PG_GETARG_ARRAYTYPE_P(2));
	PG_RETURN_BOOL(tsdb_ruleedit_unset(target, canonical_series(target, PG_GETARG_JSONB_P(1)), attributes));
}

/* Trigger of tsdb.series_rule: whoever changed it, and however, caches hear of it. */
Datum
tsdb_series_rule_changed(PG_FUNCTION_ARGS)
{
	TriggerData *trigger = (TriggerData *) fcinfo->context;

	if (!CALLED_AS_TRIGGER(fcinfo))
		ereport(ERROR,
				(errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
				 errmsg("function was not called by a trigger")));
	if (TRIGGER_FIRED_FOR_STATEMENT(trigger->tg_event))
	{
		CacheInvalidateRelcacheAll();
		return PointerGetDatum(NULL);
	}
	invalidate(trigger->tg_trigtuple, RelationGetDescr(trigger->tg_relation));
	if (TRIGGER_FIRED_BY_UPDATE(trigger->tg_event))
		invalidate(trigger->tg_newtuple, RelationGetDescr(trigger->tg_relation));
	return PointerGetDatum(NULL);
}

/* tsdb.table_columns(target): which columns are what; the value is NULL unless there is just one of numbers. */
Datum
tsdb_table_columns(PG_FUNCTION_ARGS)
{
	Oid relid = PG_GETARG_OID(0);
	const TsdbRowTags *tags = tsdb_attributes_tags(tsdb_attributes_open(relid));
	Datum *names = palloc(sizeof(Datum) * (tags->ntags + 1));
	Datum values[3];
	bool nulls[3] = {false, false, tags->value_attnum == 0};
	TupleDesc desc;

	if (get_call_result_type(fcinfo, NULL, &desc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	for (int i = 0; i < tags->ntags; i++)
		names[i] = CStringGetTextDatum(tags->tags[i].name);
	values[0] = CStringGetTextDatum(get_attname(relid, tags->time_attnum, false));
	values[1] = PointerGetDatum(construct_array(names, tags->ntags, TEXTOID, -1, false, TYPALIGN_INT));
	if (!nulls[2])
		values[2] = CStringGetTextDatum(get_attname(relid, tags->value_attnum, false));
	PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(desc), values, nulls)));
}

// private functions

/* The tags that were given, as the table would print them. */
static Jsonb *
canonical_series(Oid relid, Jsonb *series)
{
	const TsdbRowTags *tags = tsdb_attributes_tags(tsdb_attributes_open(relid));
	Datum *values = palloc0(sizeof(Datum) * (tags->ntags + 1));
	bool *isnull = palloc0(sizeof(bool) * (tags->ntags + 1));
	Bitmapset *named;
	char *unknown;

	tsdb_rowtags_parse(tags, series, values, isnull, &named, &unknown);
	if (unknown != NULL)
		raise_unknown_tag(tags, unknown);
	/* An empty set is NULL, which would be all tags. */
	return bms_is_empty(named) ? series : tsdb_rowtags_json(tags, values, isnull, named);
}

/* Whose rules may be changed; held against others who change them, and against DDL, to the end of the transaction. */
static Oid
open_target(Oid relid)
{
	Relation rel;
	char kind;
	bool is_partition;

	if (SearchSysCacheExists1(RELOID, ObjectIdGetDatum(relid)) && !tsdb_compat_is_owner(relid, GetUserId()))
		aclcheck_error(ACLCHECK_NOT_OWNER, get_relkind_objtype(get_rel_relkind(relid)), get_rel_name(relid));
	rel = try_relation_open(relid, ShareUpdateExclusiveLock);
	if (rel == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_TABLE),
				 errmsg("relation with OID %u does not exist", relid)));
	kind = rel->rd_rel->relkind;
	is_partition = rel->rd_rel->relispartition;
	relation_close(rel, NoLock);
	if (is_partition && (tsdb_table_is(relid) || kind == RELKIND_PARTITIONED_TABLE))
	{
		Oid root = tsdb_rowtags_root(tsdb_attributes_tags(tsdb_attributes_open(relid)));

		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE),
				 errmsg("\"%s\" is a partition", get_rel_name(relid)),
				 errdetail("A series has the same attributes in all partitions."),
				 errhint("Name the partitioned table \"%s\".", get_rel_name(root))));
	}
	(void) tsdb_attributes_open(relid);
	return relid;
}

static void
raise_unknown_tag(const TsdbRowTags *tags, const char *name)
{
	StringInfoData list;

	initStringInfo(&list);
	for (int i = 0; i < tags->ntags; i++)
		appendStringInfo(&list, "%s%s", i > 0 ? ", " : "", tags->tags[i].name);
	ereport(ERROR,
			(errcode(ERRCODE_UNDEFINED_COLUMN),
			 errmsg("\"%s\" is not a tag of table \"%s\"", name, get_rel_name(tags->relid)),
			 errdetail("Its tags are: %s.", list.data),
			 errhint("Series are named by tags alone, for example '{\"%s\": \"...\"}'.", tags->ntags > 0 ? tags->tags[0].name : "tag")));
}

static List *
list_attributes(ArrayType *names)
{
	Datum *values;
	bool *nulls;
	int n;
	List *attributes = NIL;

	deconstruct_array(names, TEXTOID, -1, false, TYPALIGN_INT, &values, &nulls, &n);
	for (int i = 0; i < n; i++)
	{
		char *name = nulls[i] ? "" : TextDatumGetCString(values[i]);

		attributes = list_append_unique_int(attributes, find_attribute(name));
	}
	return attributes;
}

static int
find_attribute(const char *name)
{
	for (int attribute = TSDB_RULE_TIMEZONE; attribute <= TSDB_RULE_DESCRIPTION; attribute++)
		if (strcmp(tsdb_ruleedit_name(attribute), name) == 0)
			return attribute;
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("there is no attribute \"%s\"", name),
			 errdetail("Attributes of series are timezone, unit, low, high, stepped and description."),
			 errhint("Leave the list out to take all of them away.")));
}

/* Limits are numbers, perhaps infinite. */
static void
check_number(FunctionCallInfo fcinfo, int argno, const char *name)
{
	if (!PG_ARGISNULL(argno) && isnan(PG_GETARG_FLOAT8(argno)))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("limit \"%s\" must be a number", name),
				 errdetail("NaN was given."),
				 errhint("tsdb.unset_series() takes a limit away.")));
}

static void
invalidate(HeapTuple tuple, TupleDesc desc)
{
	bool isnull;
	Oid relid = DatumGetObjectId(heap_getattr(tuple, TSDB_RULE_TARGET, desc, &isnull));

	if (!isnull && SearchSysCacheExists1(RELOID, ObjectIdGetDatum(relid)))
		CacheInvalidateRelcacheByRelid(relid);
}
