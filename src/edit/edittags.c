/*-------------------------------------------------------------------------
 *
 * edittags.c
 *	  Series as the journal names them: texts of their tags; and as users do: jsonb.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "base/base.h"
#include "catalog/pg_type.h"
#include "edit/edittags.h"
#include "executor/executor.h"
#include "funcapi.h"
#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "pg/compat.h"
#include "series/series.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/json.h"
#include "utils/jsonb.h"
#include "utils/lsyscache.h"

static int begin_fixed_settings(Relation rel, const TsdbTable *table);
static void end_fixed_settings(int nest);
static bool depends_on_settings(Oid type_oid);
static int64 key_of(const Datum *texts, const bool *isnull, int n);
static void row_arrays(Relation rel, const TsdbTable *table, const Datum *tags, const bool *tag_isnull,
					   Datum **values, bool **isnull);

TsdbEditTags
tsdb_edittags_of(Relation rel, const TsdbTable *table, uint32 series)
{
	Datum *texts = palloc0_array(Datum, table->ntags + 1);
	bool *isnull = palloc_array(bool, table->ntags + 1);
	const Datum *values;
	const bool *tag_isnull;
	TsdbEditTags result;
	int lower = 1;
	int n = 0;
	int nest;

	nest = begin_fixed_settings(rel, table);
	tsdb_series_tags(rel, table, series, &values, &tag_isnull);
	for (int i = 0; i < table->ntags; i++)
	{
		Form_pg_attribute att = TupleDescAttr(RelationGetDescr(rel), table->tag_attnums[i] - 1);
		Oid output;
		bool is_varlena;

		isnull[i] = tag_isnull[i];
		if (isnull[i])
			continue;
		getTypeOutputInfo(att->atttypid, &output, &is_varlena);
		texts[i] = CStringGetTextDatum(OidOutputFunctionCall(output, values[i]));
		n = i + 1;
	}
	end_fixed_settings(nest);
	result.key = key_of(texts, isnull, n);
	if (n == 0)
		result.texts = construct_empty_array(TEXTOID);
	else
		result.texts = construct_md_array(texts, isnull, 1, &n, &lower, TEXTOID, -1, false, TYPALIGN_INT);
	return result;
}

void
tsdb_edittags_values(Relation rel, const TsdbTable *table, ArrayType *texts, Datum *values, bool *isnull)
{
	Datum *elements;
	bool *nulls;
	int n;
	int nest = begin_fixed_settings(rel, table);

	deconstruct_array(texts, TEXTOID, -1, false, TYPALIGN_INT, &elements, &nulls, &n);
	for (int i = 0; i < table->ntags; i++)
	{
		Form_pg_attribute att = TupleDescAttr(RelationGetDescr(rel), table->tag_attnums[i] - 1);
		Oid input;
		Oid parameter;

		isnull[i] = i >= n || nulls[i];
		values[i] = (Datum) 0;
		if (isnull[i])
			continue;
		getTypeInputInfo(att->atttypid, &input, &parameter);
		values[i] = OidInputFunctionCall(input, TextDatumGetCString(elements[i]), parameter, att->atttypmod);
	}
	end_fixed_settings(nest);
}

uint32
tsdb_edittags_series(Relation rel, const TsdbTable *table, const Datum *values, const bool *isnull, bool create)
{
	Datum *row;
	bool *row_isnull;

	row_arrays(rel, table, values, isnull, &row, &row_isnull);
	return create ? tsdb_series_get_or_create(rel, table, row, row_isnull) : tsdb_series_find(rel, table, row, row_isnull);
}

Datum
tsdb_edittags_jsonb(Relation rel, const TsdbTable *table, const Datum *values, const bool *isnull)
{
	TupleDesc desc;
	Datum json;
	char *string;

	if (table->ntags == 0)
		return DirectFunctionCall1(jsonb_in, CStringGetDatum("{}"));
	desc = CreateTemplateTupleDesc(table->ntags);
	for (int i = 0; i < table->ntags; i++)
		TupleDescCopyEntry(desc, i + 1, RelationGetDescr(rel), table->tag_attnums[i]);
	desc = BlessTupleDesc(desc);
	json = DirectFunctionCall1(row_to_json, heap_copy_tuple_as_datum(heap_form_tuple(desc, unconstify(Datum *, values), unconstify(bool *, isnull)), desc));
	string = TextDatumGetCString(json);
	return DirectFunctionCall1(jsonb_in, CStringGetDatum(string));
}

void
tsdb_edittags_check_filter(Relation rel, const TsdbTable *table, Datum filter)
{
	Jsonb *jsonb = DatumGetJsonbP(filter);
	JsonbIterator *iterator;
	JsonbValue value;
	JsonbIteratorToken token;

	if (!JB_ROOT_IS_OBJECT(jsonb))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("series must be a JSON object"),
				 errdetail("It is %s.", JsonbToCString(NULL, &jsonb->root, VARSIZE(jsonb))),
				 errhint("Write '{\"plant\": \"antofagasta\"}' for the series with that tag, '{}' for all.")));
	iterator = JsonbIteratorInit(&jsonb->root);
	while ((token = JsonbIteratorNext(&iterator, &value, true)) != WJB_DONE)
	{
		bool found = token != WJB_KEY;

		for (int i = 0; i < table->ntags && !found; i++)
		{
			const char *name = NameStr(TupleDescAttr(RelationGetDescr(rel), table->tag_attnums[i] - 1)->attname);

			found = strlen(name) == (Size) value.val.string.len && memcmp(name, value.val.string.val, value.val.string.len) == 0;
		}
		if (!found)
			ereport(ERROR,
					(errcode(ERRCODE_UNDEFINED_COLUMN),
					 errmsg("table \"%s\" has no tag \"%s\"", RelationGetRelationName(rel),
							pnstrdup(value.val.string.val, value.val.string.len)),
					 errdetail("The keys of a series are names of tags."),
					 errhint("Option \"tags\" lists them.")));
	}
}

bool
tsdb_edittags_match(Datum tags, Datum filter)
{
	return DatumGetBool(DirectFunctionCall2(jsonb_contains, tags, filter));
}

uint32 *
tsdb_edittags_select(Relation rel, const TsdbTable *table, Datum filter, uint32 *nseries)
{
	uint32 nall;
	uint32 *all = tsdb_series_list(rel, table, &nall);
	bool is_all = JB_ROOT_COUNT(DatumGetJsonbP(filter)) == 0;
	MemoryContext work = AllocSetContextCreate(CurrentMemoryContext, "tsdb series filter", ALLOCSET_SMALL_SIZES);
	uint32 n = 0;

	for (uint32 i = 0; i < nall && !is_all; i++)
	{
		MemoryContext caller = MemoryContextSwitchTo(work);
		const Datum *values;
		const bool *isnull;

		CHECK_FOR_INTERRUPTS();
		tsdb_series_tags(rel, table, all[i], &values, &isnull);
		if (tsdb_edittags_match(tsdb_edittags_jsonb(rel, table, values, isnull), filter))
			all[n++] = all[i];
		MemoryContextSwitchTo(caller);
		MemoryContextReset(work);
	}
	MemoryContextDelete(work);
	*nseries = is_all ? nall : n;
	return all;
}

// private functions

/* Settings under which texts of values are the same in every session; returns what end_fixed_settings needs. */
static int
begin_fixed_settings(Relation rel, const TsdbTable *table)
{
	static const char *const settings[][2] = {
		{"datestyle", "ISO, YMD"},
		{"intervalstyle", "postgres"},
		{"extra_float_digits", "1"},
		{"bytea_output", "hex"},
		{"timezone", "UTC"},
		{"search_path", "pg_catalog"},
	};
	bool needed = false;
	int nest;

	for (int i = 0; i < table->ntags; i++)
		needed |= depends_on_settings(TupleDescAttr(RelationGetDescr(rel), table->tag_attnums[i] - 1)->atttypid);
	if (!needed)
		return 0;
	nest = NewGUCNestLevel();
	for (size_t i = 0; i < lengthof(settings); i++)
		(void) set_config_option(settings[i][0], settings[i][1], PGC_USERSET, PGC_S_SESSION, GUC_ACTION_SAVE, true, 0, false);
	return nest;
}

static void
end_fixed_settings(int nest)
{
	if (nest != 0)
		AtEOXact_GUC(true, nest);
}

static bool
depends_on_settings(Oid type_oid)
{
	switch (type_oid)
	{
		case TEXTOID:
		case VARCHAROID:
		case BPCHAROID:
		case NAMEOID:
		case BOOLOID:
		case INT2OID:
		case INT4OID:
		case INT8OID:
		case UUIDOID:
			return false;
		default:
			return true;
	}
}

static int64
key_of(const Datum *texts, const bool *isnull, int n)
{
	StringInfoData bytes;

	initStringInfo(&bytes);
	for (int i = 0; i < n; i++)
	{
		uint32 nbytes = isnull[i] ? PG_UINT32_MAX : VARSIZE_ANY_EXHDR(DatumGetPointer(texts[i]));

		appendBinaryStringInfo(&bytes, (const char *) &nbytes, sizeof(nbytes));
		if (!isnull[i])
			appendBinaryStringInfo(&bytes, VARDATA_ANY(DatumGetPointer(texts[i])), nbytes);
	}
	return (int64) tsdb_hash_bytes(bytes.data, bytes.len);
}

/* Tags by attnum - 1. */
static void
row_arrays(Relation rel, const TsdbTable *table, const Datum *tags, const bool *tag_isnull, Datum **values, bool **isnull)
{
	int natts = RelationGetNumberOfAttributes(rel);

	*values = palloc0_array(Datum, natts);
	*isnull = palloc_array(bool, natts);
	memset(*isnull, true, natts);
	for (int i = 0; i < table->ntags; i++)
	{
		(*values)[table->tag_attnums[i] - 1] = tags[i];
		(*isnull)[table->tag_attnums[i] - 1] = tag_isnull[i];
	}
}
