/*-------------------------------------------------------------------------
 *
 * create.c
 *	  Tables and columns that lines name and that are not there yet.
 *
 * One short transaction: it takes a lock on the table's name against other workers, looks what is missing, lets go
 * of the table, and gives ALTER TABLE the rest: that takes the strongest lock first and adds what is
 * missing then.  Whoever writes lines holds no lock meanwhile, so nobody waits in a circle.
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "base/base.h"
#include "commands/defrem.h"
#include "lib/stringinfo.h"
#include "pg/locktag.h"
#include "server/create.h"
#include "server/session.h"
#include "server/settings.h"
#include "utils/builtins.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"

#define TIME_COLUMN "time"

/* A column to be added. */
typedef struct Addition
{
	char name[TSDB_NAME_BYTES];
	const TsdbWish *wish;
	bool has_comment; /* the name is not the key */
} Addition;

static void lock_name(const TsdbMeasurementKey *key);
static void create_table(const TsdbWishes *wishes);
static void add_columns(const TsdbWishes *wishes);
static List *list_additions(const TsdbWishes *wishes, const TsdbMeasurement *measurement);
static bool choose_name(const TsdbWish *wish, const TsdbMeasurement *measurement, List *additions, char *name);
static const Addition *find_addition(List *additions, const char *name);
static char *tag_option(List *tags, List *additions);
static void append_column(StringInfo command, const Addition *addition);
static void comment_columns(const TsdbMeasurementKey *key, List *additions);
static void comment(const char *object, const char *key, Size nbytes);
static char *table_name(const TsdbMeasurementKey *key);

void
tsdb_wishes_add(TsdbWishes *wishes, const char *key, Size nbytes, bool is_tag, const char *type_name)
{
	TsdbWish *wish;
	ListCell *lc;

	foreach (lc, wishes->columns)
	{
		wish = lfirst(lc);
		if (wish->is_tag == is_tag && wish->nbytes == nbytes && memcmp(wish->key, key, nbytes) == 0)
			return;
	}
	wish = palloc(sizeof(TsdbWish));
	wish->key = pnstrdup(key, nbytes);
	wish->nbytes = nbytes;
	wish->is_tag = is_tag;
	wish->type_name = type_name;
	wishes->columns = lappend(wishes->columns, wish);
}

void
tsdb_create(const TsdbWishes *wishes, Oid role)
{
	tsdb_session_begin(role);
	lock_name(&wishes->key);
	if (OidIsValid(get_relname_relid(wishes->key.name, wishes->key.schema)))
		add_columns(wishes);
	else
		create_table(wishes);
	tsdb_session_commit();
}

// private functions

static void
lock_name(const TsdbMeasurementKey *key)
{
	LOCKTAG tag = tsdb_locktag_make(TSDB_LOCKCLASS_NAME, key->schema,
									(uint32) tsdb_hash_bytes(key->name, strlen(key->name)));

	(void) LockAcquire(&tag, ExclusiveLock, false, false);
	AcceptInvalidationMessages();
}

static void
create_table(const TsdbWishes *wishes)
{
	List *additions = list_additions(wishes, NULL);
	char *name = table_name(&wishes->key);
	StringInfoData command;
	ListCell *lc;

	if (!OidIsValid(get_am_oid("tsdb", true)))
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("the database has no extension \"tsdb\""),
				 errdetail("Measurement \"%s\" needs a table of its access method.", wishes->key.name),
				 errhint("Create it: CREATE EXTENSION tsdb.")));
	initStringInfo(&command);
	appendStringInfo(&command, "CREATE TABLE %s (" TIME_COLUMN " timestamptz NOT NULL", name);
	foreach (lc, additions)
	{
		appendStringInfoString(&command, ", ");
		append_column(&command, lfirst(lc));
	}
	appendStringInfo(&command, ") USING tsdb WITH (tags = %s, sample_interval = %s, time_column = '" TIME_COLUMN "')",
					 quote_literal_cstr(tag_option(NIL, additions)), quote_literal_cstr(tsdb_default_sample_interval));
	tsdb_session_execute(command.data);
	if (strlen(wishes->key.name) != wishes->measurement_bytes ||
		memcmp(wishes->key.name, wishes->measurement, wishes->measurement_bytes) != 0)
		comment(psprintf("TABLE %s", name), wishes->measurement, wishes->measurement_bytes);
	comment_columns(&wishes->key, additions);
}

static void
add_columns(const TsdbWishes *wishes)
{
	TsdbMeasurement *measurement = tsdb_measurement_open(&wishes->key, AccessShareLock);
	List *additions;
	List *tags = NIL;
	bool is_ours;
	StringInfoData command;
	ListCell *lc;
	bool has_tags = false;

	if (measurement == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE),
				 errmsg("\"%s\" is not a table", wishes->key.name),
				 errdetail("The measurement has the name of something that can't be written to."),
				 errhint("Rename one of them.")));
	is_ours = tsdb_table_is(measurement->relid);
	if (is_ours)
	{
		const TsdbTable *table = tsdb_table_get(measurement->rel);

		for (int i = 0; i < table->ntags; i++)
			tags = lappend(tags, pstrdup(NameStr(TupleDescAttr(RelationGetDescr(measurement->rel), table->tag_attnums[i] - 1)->attname)));
	}
	additions = list_additions(wishes, measurement);
	tsdb_measurement_close_all(AccessShareLock);
	if (additions == NIL)
		return;

	initStringInfo(&command);
	appendStringInfo(&command, "ALTER TABLE %s", table_name(&wishes->key));
	foreach (lc, additions)
	{
		const Addition *addition = lfirst(lc);

		appendStringInfoString(&command, lc == list_head(additions) ? " ADD COLUMN IF NOT EXISTS " : ", ADD COLUMN IF NOT EXISTS ");
		append_column(&command, addition);
		has_tags |= addition->wish->is_tag;
	}
	if (is_ours && has_tags)
		appendStringInfo(&command, ", SET (tags = %s)", quote_literal_cstr(tag_option(tags, additions)));
	tsdb_session_execute(command.data);
	comment_columns(&wishes->key, additions);
}

/* Those that the table (NULL = there is none) doesn't have. */
static List *
list_additions(const TsdbWishes *wishes, const TsdbMeasurement *measurement)
{
	List *additions = NIL;
	ListCell *lc;

	foreach (lc, wishes->columns)
	{
		const TsdbWish *wish = lfirst(lc);
		Addition *addition = palloc0(sizeof(Addition));

		addition->wish = wish;
		if (!choose_name(wish, measurement, additions, addition->name))
			continue;
		addition->has_comment = strlen(addition->name) != wish->nbytes || memcmp(addition->name, wish->key, wish->nbytes) != 0;
		additions = lappend(additions, addition);
	}
	return additions;
}

/* False when the column is there already, or one that takes the key anyhow. */
static bool
choose_name(const TsdbWish *wish, const TsdbMeasurement *measurement, List *additions, char *name)
{
	const Addition *other;
	char first[TSDB_NAME_BYTES] = {0};

	if (measurement != NULL && tsdb_measurement_column(measurement, wish->key, wish->nbytes, wish->is_tag) != NULL)
		return false;
	(void) tsdb_name_map(wish->key, wish->nbytes, TSDB_NAME_FIRST, first);
	if (measurement == NULL && strcmp(first, TIME_COLUMN) == 0)
		return false; /* every table has it */
	other = find_addition(additions, first);
	if (other == NULL && (measurement == NULL || hash_search(measurement->columns, first, HASH_FIND, NULL) == NULL))
	{
		strlcpy(name, first, TSDB_NAME_BYTES);
		return true;
	}
	/* The name is there as the other kind. */
	(void) tsdb_name_map(wish->key, wish->nbytes, wish->is_tag ? TSDB_NAME_TAG : TSDB_NAME_FIELD, name);
	return find_addition(additions, name) == NULL;
}

static const Addition *
find_addition(List *additions, const char *name)
{
	ListCell *lc;

	foreach (lc, additions)
		if (strcmp(((const Addition *) lfirst(lc))->name, name) == 0)
			return lfirst(lc);
	return NULL;
}

/* Value of the option: the tags of today and those that are added. */
static char *
tag_option(List *tags, List *additions)
{
	StringInfoData option;
	ListCell *lc;

	initStringInfo(&option);
	foreach (lc, tags)
		appendStringInfo(&option, "%s%s", option.len > 0 ? "," : "", quote_identifier(lfirst(lc)));
	foreach (lc, additions)
	{
		const Addition *addition = lfirst(lc);

		if (addition->wish->is_tag)
			appendStringInfo(&option, "%s%s", option.len > 0 ? "," : "", quote_identifier(addition->name));
	}
	return option.data;
}

static void
append_column(StringInfo command, const Addition *addition)
{
	appendStringInfo(command, "%s pg_catalog.%s", quote_identifier(addition->name),
					 addition->wish->is_tag ? "text" : addition->wish->type_name);
}

/* Whose name is not their key's. */
static void
comment_columns(const TsdbMeasurementKey *key, List *additions)
{
	ListCell *lc;

	foreach (lc, additions)
	{
		const Addition *addition = lfirst(lc);

		if (addition->has_comment)
			comment(psprintf("COLUMN %s.%s", table_name(key), quote_identifier(addition->name)),
					addition->wish->key, addition->wish->nbytes);
	}
}

static void
comment(const char *object, const char *key, Size nbytes)
{
	tsdb_session_execute(psprintf("COMMENT ON %s IS %s", object, quote_literal_cstr(pnstrdup(key, nbytes))));
}

static char *
table_name(const TsdbMeasurementKey *key)
{
	return quote_qualified_identifier(get_namespace_name(key->schema), key->name);
}
