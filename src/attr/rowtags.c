/*-------------------------------------------------------------------------
 *
 * rowtags.c
 *	  Time and tags in the rows of a relation: a tsdb table, or a partitioned one with tsdb partitions.
 *
 * A partitioned table has no options: its partitions say which columns are tags.
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/relation.h"
#include "catalog/partition.h"
#include "catalog/pg_inherits.h"
#include "catalog/pg_type.h"
#include "fmgr.h"
#include "attr/rowtags.h"
#include "pg/compat.h"
#include "series/tsdbtable.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"

static Oid find_member(Oid relid);
static void raise_not_ours(Relation rel) pg_attribute_noreturn();
static void fill_columns(TsdbRowTags *tags, Relation rel, Relation member);
static void find_value(TsdbRowTags *tags, const TsdbTable *table, TupleDesc desc);
static Oid number_type(uint8 type);
static void fill_tag(TsdbRowTags *tags, int index, Form_pg_attribute attr);
static void make_layout(TsdbRowTags *tags, TupleDesc desc);
static Datum parse_value(const TsdbRowTag *tag, const JsonbValue *value, bool *isnull);
static void raise_not_scalar(const TsdbRowTag *tag) pg_attribute_noreturn();
static void push_value(JsonbParseState **state, const TsdbRowTag *tag, Datum value, bool isnull);

TsdbRowTags *
tsdb_rowtags_load(Oid relid)
{
	TsdbRowTags *tags = palloc0(sizeof(TsdbRowTags));
	Relation rel = relation_open(relid, AccessShareLock);
	Relation member = rel;

	tags->relid = relid;
	if (rel->rd_rel->relispartition)
		tags->ancestors = get_partition_ancestors(relid);
	if (!tsdb_table_is(relid))
	{
		Oid found = rel->rd_rel->relkind == RELKIND_PARTITIONED_TABLE ? find_member(relid) : InvalidOid;

		if (!OidIsValid(found))
			raise_not_ours(rel);
		member = relation_open(found, AccessShareLock);
	}
	fill_columns(tags, rel, member);
	if (member != rel)
		relation_close(member, NoLock);
	relation_close(rel, NoLock);
	return tags;
}

bool
tsdb_rowtags_are_in(Oid relid)
{
	return OidIsValid(find_member(relid));
}

Oid
tsdb_rowtags_root(const TsdbRowTags *tags)
{
	return tags->ancestors != NIL ? llast_oid(tags->ancestors) : tags->relid;
}

int
tsdb_rowtags_find(const TsdbRowTags *tags, const char *name, int len)
{
	for (int i = 0; i < tags->ntags; i++)
		if (strlen(tags->tags[i].name) == (size_t) len && memcmp(tags->tags[i].name, name, len) == 0)
			return i;
	return -1;
}

void
tsdb_rowtags_parse(const TsdbRowTags *tags, Jsonb *series, Datum *values, bool *isnull, Bitmapset **named, char **unknown)
{
	JsonbIterator *iterator;
	JsonbIteratorToken token;
	JsonbValue value;
	int index = -1;

	*named = NULL;
	*unknown = NULL;
	memset(isnull, true, sizeof(bool) * tags->ntags);
	if (!JB_ROOT_IS_OBJECT(series))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("series are named by a JSON object of tags"),
				 errdetail("An array or a single value was given."),
				 errhint("For example '{\"plant\": \"a\"}'; '{}' is every series.")));
	iterator = JsonbIteratorInit(&series->root);
	while ((token = JsonbIteratorNext(&iterator, &value, true)) != WJB_DONE)
	{
		if (token == WJB_KEY)
		{
			index = tsdb_rowtags_find(tags, value.val.string.val, value.val.string.len);
			if (index < 0)
				*unknown = pnstrdup(value.val.string.val, value.val.string.len);
			else
				*named = bms_add_member(*named, index);
		}
		else if (token == WJB_VALUE && index >= 0)
			values[index] = parse_value(&tags->tags[index], &value, &isnull[index]);
	}
}

void
tsdb_rowtags_encode(const TsdbRowTags *tags, const Datum *values, const bool *isnull, const Bitmapset *named, StringInfo out)
{
	bool few[MaxHeapAttributeNumber];

	for (int i = 0; i < tags->ntags; i++)
		few[i] = isnull[i] || (named != NULL && !bms_is_member(i, named));
	tsdb_tagbytes_encode(&tags->layout, values, few, out);
}

Jsonb *
tsdb_rowtags_json(const TsdbRowTags *tags, const Datum *values, const bool *isnull, const Bitmapset *named)
{
	JsonbParseState *state = NULL;

	pushJsonbValue(&state, WJB_BEGIN_OBJECT, NULL);
	for (int i = 0; i < tags->ntags; i++)
		if (named == NULL || bms_is_member(i, named))
			push_value(&state, &tags->tags[i], values[i], isnull[i]);
	return JsonbValueToJsonb(pushJsonbValue(&state, WJB_END_OBJECT, NULL));
}

// private functions

/* The first tsdb table below a partitioned one, or InvalidOid. */
static Oid
find_member(Oid relid)
{
	List *members = find_all_inheritors(relid, AccessShareLock, NULL);
	ListCell *lc;

	foreach (lc, members)
	{
		if (tsdb_table_is(lfirst_oid(lc)))
			return lfirst_oid(lc);
	}
	return InvalidOid;
}

static void
raise_not_ours(Relation rel)
{
	ereport(ERROR,
			(errcode(ERRCODE_WRONG_OBJECT_TYPE),
			 errmsg("\"%s\" is not a tsdb table", RelationGetRelationName(rel)),
			 rel->rd_rel->relkind == RELKIND_PARTITIONED_TABLE
				 ? errdetail("It has no partition that is one.")
				 : errdetail("Series belong to tables of tsdb and to partitioned tables of such."),
			 errhint("Name the table itself, as in SELECT tsdb.local_time(b) FROM boiler b.")));
}

static void
fill_columns(TsdbRowTags *tags, Relation rel, Relation member)
{
	const TsdbTable *table = tsdb_table_get(member);
	TupleDesc desc = RelationGetDescr(member);

	tags->ntags = table->ntags;
	tags->tags = palloc0(sizeof(TsdbRowTag) * Max(tags->ntags, 1));
	tags->time_attnum = get_attnum(tags->relid, NameStr(TupleDescAttr(desc, table->time_attnum - 1)->attname));
	for (int i = 0; i < tags->ntags; i++)
	{
		AttrNumber attnum = get_attnum(tags->relid, NameStr(TupleDescAttr(desc, table->tag_attnums[i] - 1)->attname));

		fill_tag(tags, i, TupleDescAttr(RelationGetDescr(rel), attnum - 1));
	}
	make_layout(tags, RelationGetDescr(rel));
	find_value(tags, table, desc);
}

static void
find_value(TsdbRowTags *tags, const TsdbTable *table, TupleDesc desc)
{
	int nfound = 0;

	for (int i = 0; i < table->nvalues; i++)
	{
		const TsdbWanted *value = &table->values[i];

		if (!OidIsValid(number_type(value->type)))
			continue;
		tags->value_attnum = get_attnum(tags->relid, NameStr(TupleDescAttr(desc, value->attnum - 1)->attname));
		tags->value_type = number_type(value->type);
		nfound++;
	}
	if (nfound != 1)
		tags->value_attnum = 0;
}

static Oid
number_type(uint8 type)
{
	switch (type)
	{
		case TSDB_TYPE_INT2:
			return INT2OID;
		case TSDB_TYPE_INT4:
			return INT4OID;
		case TSDB_TYPE_INT8:
			return INT8OID;
		case TSDB_TYPE_FLOAT4:
			return FLOAT4OID;
		case TSDB_TYPE_FLOAT8:
			return FLOAT8OID;
		default:
			return InvalidOid;
	}
}

static void
fill_tag(TsdbRowTags *tags, int index, Form_pg_attribute attr)
{
	TsdbRowTag *tag = &tags->tags[index];

	tag->name = pstrdup(NameStr(attr->attname));
	tag->attnum = attr->attnum;
	tag->type_oid = attr->atttypid;
	tag->typmod = attr->atttypmod;
	tag->collation = attr->attcollation;
	getTypeInputInfo(tag->type_oid, &tag->input, &tag->input_param);
}

static void
make_layout(TsdbRowTags *tags, TupleDesc desc)
{
	tags->layout.ntags = tags->ntags;
	tags->layout.columns = palloc0(sizeof(TsdbTagColumn) * Max(tags->ntags, 1));
	for (int i = 0; i < tags->ntags; i++)
	{
		Form_pg_attribute attr = TupleDescAttr(desc, tags->tags[i].attnum - 1);

		tags->layout.columns[i].attnum = (int16) (i + 1);
		tags->layout.columns[i].attlen = attr->attlen;
		tags->layout.columns[i].attbyval = attr->attbyval;
		tags->layout.columns[i].type_oid = attr->atttypid;
		tags->layout.columns[i].tag_index = i;
	}
}

static Datum
parse_value(const TsdbRowTag *tag, const JsonbValue *value, bool *isnull)
{
	char *text = NULL;

	*isnull = value->type == jbvNull;
	switch (value->type)
	{
		case jbvNull:
			return (Datum) 0;
		case jbvString:
			text = pnstrdup(value->val.string.val, value->val.string.len);
			break;
		case jbvNumeric:
			text = DatumGetCString(DirectFunctionCall1(numeric_out, NumericGetDatum(value->val.numeric)));
			break;
		case jbvBool:
			text = value->val.boolean ? "true" : "false";
			break;
		default:
			raise_not_scalar(tag);
	}
	return OidInputFunctionCall(tag->input, text, tag->input_param, tag->typmod);
}

static void
raise_not_scalar(const TsdbRowTag *tag)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("tag \"%s\" was given an array or an object", tag->name),
			 errhint("Give one value for each tag; call the function once for each series otherwise.")));
}

/* Numbers and booleans as such, all else as its text. */
static void
push_value(JsonbParseState **state, const TsdbRowTag *tag, Datum value, bool isnull)
{
	JsonbValue json;
	Oid output;
	bool is_varlena;

	json.type = jbvString;
	json.val.string.val = tag->name;
	json.val.string.len = (int) strlen(tag->name);
	pushJsonbValue(state, WJB_KEY, &json);
	if (isnull)
		json.type = jbvNull;
	else if (tag->type_oid == BOOLOID)
	{
		json.type = jbvBool;
		json.val.boolean = DatumGetBool(value);
	}
	else
	{
		char *text;

		getTypeOutputInfo(tag->type_oid, &output, &is_varlena);
		text = OidOutputFunctionCall(output, value);
		if (tag->type_oid == INT2OID || tag->type_oid == INT4OID || tag->type_oid == INT8OID)
		{
			json.type = jbvNumeric;
			json.val.numeric = DatumGetNumeric(DirectFunctionCall3(numeric_in, CStringGetDatum(text),
																   ObjectIdGetDatum(InvalidOid), Int32GetDatum(-1)));
		}
		else
		{
			json.val.string.val = text;
			json.val.string.len = (int) strlen(text);
		}
	}
	pushJsonbValue(state, WJB_VALUE, &json);
}
