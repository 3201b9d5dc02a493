/*-------------------------------------------------------------------------
 *
 * tagfilter.c
 *	  Which series may have tags that contain those of a JSON object.
 *
 * Compared are what JSON writes as tsdb_rowtags_json does: texts with strings, whole numbers with numbers, booleans, NULL.
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "attr/tagfilter.h"
#include "catalog/pg_type.h"
#include "series/series.h"
#include "utils/builtins.h"
#include "utils/numeric.h"

/* What a tag has to be. */
typedef enum Wanted
{
	WANT_ANY,
	WANT_NULL,
	WANT_TEXT,
	WANT_WHOLE,
	WANT_BOOL
} Wanted;

typedef struct TagWanted
{
	Wanted wanted;
	Datum value; /* of the tag's type */
	int64 whole;
} TagWanted;

struct TsdbTagFilter
{
	bool is_never; /* it names something that is no tag */
	const TsdbRowTags *tags;
	TagWanted wanted[FLEXIBLE_ARRAY_MEMBER]; /* by tag index */
};

static void want(TagWanted *wanted, Oid type, const JsonbValue *value);
static bool read_whole(Numeric number, int64 *whole);
static int64 whole_of(Oid type, Datum value);
static bool is_same_text(Datum a, Datum b);

TsdbTagFilter *
tsdb_tagfilter_create(const TsdbRowTags *tags, Jsonb *series)
{
	TsdbTagFilter *filter = palloc0(offsetof(TsdbTagFilter, wanted) + sizeof(TagWanted) * tags->ntags);
	JsonbIterator *iterator;
	JsonbIteratorToken token;
	JsonbValue value;
	int index = -1;

	filter->tags = tags;
	if (series == NULL || !JB_ROOT_IS_OBJECT(series))
		return filter;
	iterator = JsonbIteratorInit(&series->root);
	while ((token = JsonbIteratorNext(&iterator, &value, true)) != WJB_DONE)
	{
		if (token == WJB_KEY)
		{
			index = tsdb_rowtags_find(tags, value.val.string.val, value.val.string.len);
			filter->is_never |= index < 0;
		}
		else if (token == WJB_VALUE && index >= 0)
			want(&filter->wanted[index], tags->tags[index].type_oid, &value);
	}
	return filter;
}

bool
tsdb_tagfilter_may_match(const TsdbTagFilter *filter, const Datum *values, const bool *isnull)
{
	if (filter->is_never)
		return false;
	for (int i = 0; i < filter->tags->ntags; i++)
	{
		const TagWanted *wanted = &filter->wanted[i];

		if (wanted->wanted == WANT_ANY)
			continue;
		if (isnull[i] != (wanted->wanted == WANT_NULL))
			return false;
		if (wanted->wanted == WANT_WHOLE && whole_of(filter->tags->tags[i].type_oid, values[i]) != wanted->whole)
			return false;
		if (wanted->wanted == WANT_BOOL && DatumGetBool(values[i]) != DatumGetBool(wanted->value))
			return false;
		if (wanted->wanted == WANT_TEXT && !is_same_text(values[i], wanted->value))
			return false;
	}
	return true;
}

bool
tsdb_tagfilter_find(const TsdbTagFilter *filter, Relation rel, const TsdbTable *table, uint32 *series)
{
	Datum *values;
	bool *isnull;

	*series = 0;
	if (filter->is_never)
		return true;
	values = palloc0(sizeof(Datum) * (table->natts + 1));
	isnull = palloc0(sizeof(bool) * (table->natts + 1));
	for (int i = 0; i < filter->tags->ntags; i++)
	{
		const TagWanted *wanted = &filter->wanted[i];

		if (wanted->wanted == WANT_ANY)
			return false;
		values[table->tag_attnums[i] - 1] = wanted->value;
		isnull[table->tag_attnums[i] - 1] = wanted->wanted == WANT_NULL;
	}
	*series = tsdb_series_find(rel, table, values, isnull);
	return true;
}

// private functions

/* What JSON writes in another way than the tags do is left to jsonb. */
static void
want(TagWanted *wanted, Oid type, const JsonbValue *value)
{
	if (value->type == jbvNull)
		wanted->wanted = WANT_NULL;
	else if (value->type == jbvString && (type == TEXTOID || type == VARCHAROID))
	{
		wanted->wanted = WANT_TEXT;
		wanted->value = PointerGetDatum(cstring_to_text_with_len(value->val.string.val, value->val.string.len));
	}
	else if (value->type == jbvBool && type == BOOLOID)
	{
		wanted->wanted = WANT_BOOL;
		wanted->value = BoolGetDatum(value->val.boolean);
	}
	else if (value->type == jbvNumeric && read_whole(value->val.numeric, &wanted->whole))
	{
		if (type == INT8OID)
			wanted->value = Int64GetDatum(wanted->whole);
		else if (type == INT4OID && wanted->whole == (int32) wanted->whole)
			wanted->value = Int32GetDatum((int32) wanted->whole);
		else if (type == INT2OID && wanted->whole == (int16) wanted->whole)
			wanted->value = Int16GetDatum((int16) wanted->whole);
		else
			return;
		wanted->wanted = WANT_WHOLE;
	}
}

/* Numbers of at most 18 digits, without a point. */
static bool
read_whole(Numeric number, int64 *whole)
{
	char *text = DatumGetCString(DirectFunctionCall1(numeric_out, NumericGetDatum(number)));
	const char *digits = text + (*text == '-');

	if (*digits == '\0' || strlen(digits) > 18 || strspn(digits, "0123456789") != strlen(digits))
		return false;
	*whole = strtoll(text, NULL, 10);
	return true;
}

static int64
whole_of(Oid type, Datum value)
{
	return type == INT8OID ? DatumGetInt64(value) : type == INT4OID ? DatumGetInt32(value)
																	: DatumGetInt16(value);
}

static bool
is_same_text(Datum a, Datum b)
{
	const struct varlena *x = (const struct varlena *) DatumGetPointer(a);
	const struct varlena *y = (const struct varlena *) DatumGetPointer(b);

	return VARSIZE_ANY_EXHDR(x) == VARSIZE_ANY_EXHDR(y) && memcmp(VARDATA_ANY(x), VARDATA_ANY(y), VARSIZE_ANY_EXHDR(x)) == 0;
}
