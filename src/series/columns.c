/*-------------------------------------------------------------------------
 *
 * columns.c
 *	  Columns of a tsdb table: which one is the time, a tag, a value, a quality.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/tupdesc_details.h"
#include "catalog/namespace.h"
#include "catalog/pg_type.h"
#include "utils/builtins.h"
#include "utils/date.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"
#include "utils/timestamp.h"
#include "utils/typcache.h"

#include "pg/compat.h"
#include "series/columns.h"

#define SCHEMA_NAME "tsdb"
#define QUALITY_NAME "quality"
#define QUALITY_SUFFIX "_quality"
#define VALUE_TYPES "float8, float4, int2, int4, int8, bool, text, timestamptz, date and tsdb.quality"

static Oid quality_oid;
static bool quality_oid_known;
static uint64 quality_invalidations;
static bool quality_callback_registered;

static void assign_tags(TupleDesc desc, const char *table_name, List *names, TsdbTable *table);
static void check_tag(Form_pg_attribute attr, const char *table_name);
static void raise_virtual(Form_pg_attribute attr, const char *table_name, const char *role) pg_attribute_noreturn();
static void assign_time(TupleDesc desc, const char *table_name, const char *name, TsdbTable *table);
static int16 default_time_column(TupleDesc desc, const char *table_name, const TsdbTable *table);
static void check_time(Form_pg_attribute attr, const char *table_name, const TsdbTable *table);
static void assign_values(TupleDesc desc, const char *table_name, TsdbTable *table);
static const char *nearest_type(Oid type_oid);
static void fill_wanted(TupleDesc desc, const TsdbTableColumn *column, int attno, TsdbWanted *wanted);
static const uint8_t *missing_text(Datum value);
static void assign_qualities(TupleDesc desc, TsdbTable *table);
static int16 quality_of_column(TupleDesc desc, const TsdbTable *table, const char *name);
static int16 general_quality(TupleDesc desc, const TsdbTable *table);
static bool is_quality(TupleDesc desc, const TsdbTable *table, int attno);
static bool is_dedicated(TupleDesc desc, const TsdbTable *table, const char *quality_name);
static int16 find_column(TupleDesc desc, const char *name);
static void raise_no_column(const char *option, const char *column, const char *table_name) pg_attribute_noreturn();
static Oid domain_base(Oid type_oid);
static Oid quality_type(void);
static void forget_quality_type(Datum arg, int cacheid, uint32 hashvalue);

void
tsdb_columns_assign(TupleDesc desc, const char *table_name, const TsdbOptions *options, TsdbTable *table)
{
	table->natts = desc->natts;
	table->columns = palloc0(sizeof(TsdbTableColumn) * Max(desc->natts, 1));
	for (int attno = 0; attno < desc->natts; attno++)
		table->columns[attno].role = TupleDescAttr(desc, attno)->attisdropped ? TSDB_ROLE_DROPPED : TSDB_ROLE_VALUE;

	assign_tags(desc, table_name, options->tags, table);
	assign_time(desc, table_name, options->time_column, table);
	assign_values(desc, table_name, table);
	assign_qualities(desc, table);
}

uint8
tsdb_columns_value_type(Oid type_oid)
{
	Oid quality = quality_type();

	while (OidIsValid(type_oid))
	{
		if (type_oid == quality)
			return TSDB_TYPE_QUALITY;
		switch (type_oid)
		{
			case FLOAT8OID:
				return TSDB_TYPE_FLOAT8;
			case FLOAT4OID:
				return TSDB_TYPE_FLOAT4;
			case INT2OID:
				return TSDB_TYPE_INT2;
			case INT4OID:
				return TSDB_TYPE_INT4;
			case INT8OID:
				return TSDB_TYPE_INT8;
			case BOOLOID:
				return TSDB_TYPE_BOOL;
			case TEXTOID:
				return TSDB_TYPE_TEXT;
			case TIMESTAMPTZOID:
				return TSDB_TYPE_TIMESTAMPTZ;
			case DATEOID:
				return TSDB_TYPE_DATE;
			default:
				/* One step at a time: a domain may stand on tsdb.quality. */
				type_oid = domain_base(type_oid);
		}
	}
	return 0;
}

Size
tsdb_columns_text_bytes(const uint8_t *text)
{
	uint32_t length;

	memcpy(&length, text, sizeof(length));
	return sizeof(length) + length;
}

// private functions

static void
assign_tags(TupleDesc desc, const char *table_name, List *names, TsdbTable *table)
{
	ListCell *lc;

	table->tag_attnums = palloc0(sizeof(int16) * Max(list_length(names), 1));
	foreach (lc, names)
	{
		const char *name = (const char *) lfirst(lc);
		int16 attnum = find_column(desc, name);

		if (attnum == 0)
			raise_no_column(TSDB_OPTION_TAGS, name, table_name);
		check_tag(TupleDescAttr(desc, attnum - 1), table_name);
		table->columns[attnum - 1].role = TSDB_ROLE_TAG;
		table->columns[attnum - 1].tag_index = table->ntags;
		table->tag_attnums[table->ntags++] = attnum;
	}
}

static void
check_tag(Form_pg_attribute attr, const char *table_name)
{
	TypeCacheEntry *type = lookup_type_cache(attr->atttypid, TYPECACHE_HASH_PROC);

	if (!OidIsValid(type->hash_proc))
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("column \"%s\" of table \"%s\" can't be a tag", NameStr(attr->attname), table_name),
				 errdetail("Its type %s has no hash function.", format_type_be(attr->atttypid)),
				 errhint("Tags may be of any type that can be hashed, for example text, int4 or uuid.")));
	if (OidIsValid(attr->attcollation) && !get_collation_isdeterministic(attr->attcollation))
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("column \"%s\" of table \"%s\" can't be a tag", NameStr(attr->attname), table_name),
				 errdetail("Its collation \"%s\" is not deterministic.", get_collation_name(attr->attcollation)),
				 errhint("Give the column a deterministic collation, for example COLLATE \"C\".")));
	if (tsdb_compat_is_virtual(attr))
		raise_virtual(attr, table_name, "a tag");
}

/* Rows are found by what they store. */
static void
raise_virtual(Form_pg_attribute attr, const char *table_name, const char *role)
{
	ereport(ERROR,
			(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
			 errmsg("column \"%s\" of table \"%s\" can't be %s", NameStr(attr->attname), table_name, role),
			 errdetail("It is a virtual generated column, which no row holds."),
			 errhint("Declare it GENERATED ALWAYS AS (...) STORED.")));
}

static void
assign_time(TupleDesc desc, const char *table_name, const char *name, TsdbTable *table)
{
	int16 attnum;

	if (name == NULL)
		attnum = default_time_column(desc, table_name, table);
	else
	{
		attnum = find_column(desc, name);
		if (attnum == 0)
			raise_no_column(TSDB_OPTION_TIME_COLUMN, name, table_name);
		check_time(TupleDescAttr(desc, attnum - 1), table_name, table);
	}
	if (tsdb_compat_is_virtual(TupleDescAttr(desc, attnum - 1)))
		raise_virtual(TupleDescAttr(desc, attnum - 1), table_name, "the time column");
	table->time_attnum = attnum;
	table->columns[attnum - 1].role = TSDB_ROLE_TIME;
}

/* default_time_column - the only timestamptz column that isn't a tag. */
static int16
default_time_column(TupleDesc desc, const char *table_name, const TsdbTable *table)
{
	int16 found = 0;

	for (int attno = 0; attno < desc->natts; attno++)
	{
		if (table->columns[attno].role != TSDB_ROLE_VALUE || TupleDescAttr(desc, attno)->atttypid != TIMESTAMPTZOID)
			continue;
		if (found != 0)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("time column of tsdb table \"%s\" is ambiguous", table_name),
					 errdetail("Columns \"%s\" and \"%s\" are both timestamptz.",
							   NameStr(TupleDescAttr(desc, found - 1)->attname), NameStr(TupleDescAttr(desc, attno)->attname)),
					 errhint("Name one with option \"%s\"; a command that adds a column can set it too.", TSDB_OPTION_TIME_COLUMN)));
		found = attno + 1;
	}
	if (found == 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_TABLE_DEFINITION),
				 errmsg("tsdb table \"%s\" has no time column", table_name),
				 errdetail("It must have a column of type timestamptz that is not a tag."),
				 errhint("Declare one, for example: time timestamptz NOT NULL.  Columns of type timestamp or text don't do.")));
	return found;
}

static void
check_time(Form_pg_attribute attr, const char *table_name, const TsdbTable *table)
{
	if (attr->atttypid != TIMESTAMPTZOID)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("column \"%s\" of table \"%s\" can't be the time column", NameStr(attr->attname), table_name),
				 errdetail("Its type is %s, not timestamptz.", format_type_be(attr->atttypid))));
	if (table->columns[attr->attnum - 1].role == TSDB_ROLE_TAG)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("column \"%s\" of table \"%s\" can't be the time column", NameStr(attr->attname), table_name),
				 errdetail("It is listed in option \"%s\".", TSDB_OPTION_TAGS)));
}

static void
assign_values(TupleDesc desc, const char *table_name, TsdbTable *table)
{
	table->values = palloc0(sizeof(TsdbWanted) * Max(desc->natts, 1));
	for (int attno = 0; attno < desc->natts; attno++)
	{
		TsdbTableColumn *column = &table->columns[attno];
		Form_pg_attribute attr = TupleDescAttr(desc, attno);

		if (column->role != TSDB_ROLE_VALUE)
			continue;
		column->type = tsdb_columns_value_type(attr->atttypid);
		if (column->type == 0)
			ereport(ERROR,
					(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
					 errmsg("column \"%s\" of tsdb table \"%s\" has unsupported type %s",
							NameStr(attr->attname), table_name, format_type_be(attr->atttypid)),
					 errdetail("Value columns may be %s.", VALUE_TYPES),
					 errhint("Declare it %s, unless it identifies the series: then it belongs into option \"%s\" and may have any hashable type.",
							 nearest_type(attr->atttypid), TSDB_OPTION_TAGS)));
		fill_wanted(desc, column, attno, &table->values[table->nvalues++]);
	}
}

/* nearest_type - what most people mean who write a type that value columns can't have. */
static const char *
nearest_type(Oid type_oid)
{
	switch (getBaseType(type_oid))
	{
		case NUMERICOID:
			return "float8 or int8";
		case TIMESTAMPOID:
			return "timestamptz";
		default:
			return "text";
	}
}

/* fill_wanted - what a reader of all columns asks for, with the value of rows older than the column. */
static void
fill_wanted(TupleDesc desc, const TsdbTableColumn *column, int attno, TsdbWanted *wanted)
{
	wanted->attnum = attno + 1;
	wanted->type = column->type;
	wanted->missing_state = TSDB_CELL_NULL;
	if (!TupleDescAttr(desc, attno)->atthasmissing || desc->constr == NULL ||
		desc->constr->missing == NULL || !desc->constr->missing[attno].am_present)
		return;

	wanted->missing_state = TSDB_CELL_VALUE;
	if (column->type == TSDB_TYPE_TEXT)
		wanted->missing_text = missing_text(desc->constr->missing[attno].am_value);
	else
		wanted->missing_word = tsdb_columns_word(column->type, desc->constr->missing[attno].am_value);
}

static const uint8_t *
missing_text(Datum value)
{
	struct varlena *packed = PG_DETOAST_DATUM_PACKED(value);
	uint32_t length = VARSIZE_ANY_EXHDR(packed);
	uint8_t *text = palloc(sizeof(length) + length);

	memcpy(text, &length, sizeof(length));
	memcpy(text + sizeof(length), VARDATA_ANY(packed), length);
	return text;
}

/* assign_qualities - pair each value with its quality column; see "Quality columns" in docs/SQL.md. */
static void
assign_qualities(TupleDesc desc, TsdbTable *table)
{
	int16 general = general_quality(desc, table);

	for (int attno = 0; attno < table->natts; attno++)
	{
		int16 own;

		if (table->columns[attno].role != TSDB_ROLE_VALUE || is_quality(desc, table, attno))
			continue;
		own = quality_of_column(desc, table, NameStr(TupleDescAttr(desc, attno)->attname));
		table->columns[attno].quality_attnum = own != 0 ? own : general;
	}
}

/* quality_of_column - the quality column called <name>_quality, or 0. */
static int16
quality_of_column(TupleDesc desc, const TsdbTable *table, const char *name)
{
	int16 attnum = find_column(desc, psprintf("%s%s", name, QUALITY_SUFFIX));

	return attnum != 0 && is_quality(desc, table, attnum - 1) ? attnum : 0;
}

/* general_quality - the quality column of all values without one of their own: called quality, or the only one. */
static int16
general_quality(TupleDesc desc, const TsdbTable *table)
{
	int16 attnum = find_column(desc, QUALITY_NAME);
	int16 only = 0;
	int nqualities = 0;

	if (attnum != 0 && is_quality(desc, table, attnum - 1))
		return attnum;
	for (int attno = 0; attno < table->natts; attno++)
	{
		if (!is_quality(desc, table, attno))
			continue;
		nqualities++;
		only = attno + 1;
	}
	if (nqualities != 1 || is_dedicated(desc, table, NameStr(TupleDescAttr(desc, only - 1)->attname)))
		return 0;
	return only;
}

static bool
is_quality(TupleDesc desc, const TsdbTable *table, int attno)
{
	return table->columns[attno].role == TSDB_ROLE_VALUE && table->columns[attno].type == TSDB_TYPE_QUALITY;
}

/* is_dedicated - does the quality column's name say which value column it belongs to? */
static bool
is_dedicated(TupleDesc desc, const TsdbTable *table, const char *quality_name)
{
	size_t length = strlen(quality_name);
	size_t suffix = strlen(QUALITY_SUFFIX);
	int16 attnum;

	if (length <= suffix || strcmp(quality_name + length - suffix, QUALITY_SUFFIX) != 0)
		return false;
	attnum = find_column(desc, pnstrdup(quality_name, length - suffix));
	return attnum != 0 && table->columns[attnum - 1].role == TSDB_ROLE_VALUE;
}

/* find_column - attnum of a live column, or 0. */
static int16
find_column(TupleDesc desc, const char *name)
{
	for (int attno = 0; attno < desc->natts; attno++)
	{
		Form_pg_attribute attr = TupleDescAttr(desc, attno);

		if (!attr->attisdropped && strcmp(NameStr(attr->attname), name) == 0)
			return attno + 1;
	}
	return 0;
}

static void
raise_no_column(const char *option, const char *column, const char *table_name)
{
	ereport(ERROR,
			(errcode(ERRCODE_UNDEFINED_COLUMN),
			 errmsg("column \"%s\" named in option \"%s\" does not exist in table \"%s\"", column, option, table_name),
			 errhint("Names are folded to lower case unless they stand in double quotes.")));
}

/* domain_base - the type that a domain stands on, one step; InvalidOid for other types. */
static Oid
domain_base(Oid type_oid)
{
	HeapTuple tuple = SearchSysCache1(TYPEOID, ObjectIdGetDatum(type_oid));
	Oid base = InvalidOid;

	if (!HeapTupleIsValid(tuple))
		return InvalidOid;
	if (((Form_pg_type) GETSTRUCT(tuple))->typtype == TYPTYPE_DOMAIN)
		base = ((Form_pg_type) GETSTRUCT(tuple))->typbasetype;
	ReleaseSysCache(tuple);
	return base;
}

static Oid
quality_type(void)
{
	if (!quality_callback_registered)
	{
		CacheRegisterSyscacheCallback(TYPENAMENSP, forget_quality_type, (Datum) 0);
		CacheRegisterSyscacheCallback(NAMESPACENAME, forget_quality_type, (Datum) 0);
		quality_callback_registered = true;
	}
	if (!quality_oid_known)
	{
		uint64 invalidations = quality_invalidations;
		Oid schema = get_namespace_oid(SCHEMA_NAME, true);

		quality_oid = InvalidOid;
		if (OidIsValid(schema))
			quality_oid = GetSysCacheOid2(TYPENAMENSP, Anum_pg_type_oid, CStringGetDatum(QUALITY_NAME), ObjectIdGetDatum(schema));
		quality_oid_known = invalidations == quality_invalidations;
	}
	return quality_oid;
}

static void
forget_quality_type(Datum arg, int cacheid, uint32 hashvalue)
{
	quality_invalidations++;
	quality_oid_known = false;
}
