/*-------------------------------------------------------------------------
 *
 * sql_edit.c
 *	  tsdb.backfill, overwrite, mark_deleted and undo: edits in one call.
 *
 * The first three run an INSERT or DELETE as the caller: privileges, row security, defaults, constraints and triggers are those
 * of SQL, and the journal sees the rows as it sees all others.
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/table.h"
#include "access/xact.h"
#include "catalog/pg_trigger.h"
#include "catalog/pg_type.h"
#include "commands/trigger.h"
#include "edit/capture.h"
#include "edit/edittags.h"
#include "edit/rangeedit.h"
#include "edit/undo.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "pg/compat.h"
#include "series/tsdbtable.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/jsonb.h"
#include "utils/lsyscache.h"
#include "utils/plancache.h"
#include "utils/rls.h"
#include "utils/snapmgr.h"

static int64 run_insert(Relation rel, text *source, const char *kind, const char *reason);
static bool has_delete_triggers(Relation rel);
static int64 run_delete(Relation rel, const TsdbEdit *edit);
static int64 run_range_delete(Relation rel, const TsdbEdit *edit);
static char *reason_text(text *reason);
static void refuse_triggers(Relation rel, const char *function, bool only_after);
static char *insert_query(Relation rel, const char *source, const char *function);
static TupleDesc source_columns(Relation rel, const char *source, const char *function);
static void check_columns(Relation rel, TupleDesc source, const char *function);
static char *delete_query(Relation rel, bool is_all);
static char *table_name(Relation rel);

/*
 * tsdb_backfill - INSERT of what is missing.
 *
 * AFTER ROW triggers are refused: they would fire for rows that are left out.
 */
PG_FUNCTION_INFO_V1(tsdb_backfill);
Datum
tsdb_backfill(PG_FUNCTION_ARGS)
{
	char *reason = reason_text(PG_GETARG_TEXT_PP(2));
	Relation rel = tsdb_table_open(PG_GETARG_OID(0), RowExclusiveLock, ACL_INSERT);
	int64 id;

	PreventCommandIfReadOnly("tsdb.backfill()");
	refuse_triggers(rel, "tsdb.backfill()", true);
	id = run_insert(rel, PG_GETARG_TEXT_PP(1), "backfill", reason);
	table_close(rel, NoLock);
	PG_RETURN_INT64(id);
}

/* tsdb_overwrite - INSERT, which replaces; it needs UPDATE as well, as INSERT ... ON CONFLICT DO UPDATE does. */
PG_FUNCTION_INFO_V1(tsdb_overwrite);
Datum
tsdb_overwrite(PG_FUNCTION_ARGS)
{
	char *reason = reason_text(PG_GETARG_TEXT_PP(2));
	Relation rel = tsdb_table_open(PG_GETARG_OID(0), RowExclusiveLock, ACL_INSERT);
	int64 id;

	PreventCommandIfReadOnly("tsdb.overwrite()");
	if (pg_class_aclcheck(RelationGetRelid(rel), GetUserId(), ACL_UPDATE) != ACLCHECK_OK)
		aclcheck_error(ACLCHECK_NO_PRIV, OBJECT_TABLE, RelationGetRelationName(rel));
	id = run_insert(rel, PG_GETARG_TEXT_PP(1), "overwrite", reason);
	table_close(rel, NoLock);
	PG_RETURN_INT64(id);
}

/*
 * tsdb_mark_deleted - by ranges where nobody has to look at the rows, else a DELETE.
 *
 * The lock is taken later, in the mode that the way needs.
 */
PG_FUNCTION_INFO_V1(tsdb_mark_deleted);
Datum
tsdb_mark_deleted(PG_FUNCTION_ARGS)
{
	char *reason = reason_text(PG_GETARG_TEXT_PP(4));
	Relation rel = tsdb_table_open(PG_GETARG_OID(0), AccessShareLock, ACL_DELETE);
	TsdbEdit edit = {0};
	int64 id;

	PreventCommandIfReadOnly("tsdb.mark_deleted()");
	edit.kind = "mark_deleted";
	edit.reason = reason;
	edit.series = PG_GETARG_DATUM(1);
	edit.has_range = true;
	edit.from_us = PG_GETARG_TIMESTAMPTZ(2);
	edit.until_us = PG_GETARG_TIMESTAMPTZ(3);
	if (edit.from_us > edit.until_us)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("from_time is later than until_time"),
				 errdetail("They are %s and %s.", pstrdup(timestamptz_to_str(edit.from_us)),
						   pstrdup(timestamptz_to_str(edit.until_us)))));
	tsdb_edittags_check_filter(rel, tsdb_table_get(rel), edit.series);
	if (has_delete_triggers(rel) || check_enable_rls(RelationGetRelid(rel), InvalidOid, false) == RLS_ENABLED)
		id = run_delete(rel, &edit);
	else
		id = run_range_delete(rel, &edit);
	table_close(rel, NoLock);
	PG_RETURN_INT64(id);
}

/* tsdb_undo - see undo.h, which takes the lock that is needed.  Row triggers are refused: rows come back bit for bit, not through SQL. */
PG_FUNCTION_INFO_V1(tsdb_undo);
Datum
tsdb_undo(PG_FUNCTION_ARGS)
{
	int64 id = PG_GETARG_INT64(0);
	char *reason = reason_text(PG_GETARG_TEXT_PP(1));
	TsdbEdit *edit = tsdb_journal_find_edit(id, GetActiveSnapshot());
	Relation rel;

	PreventCommandIfReadOnly("tsdb.undo()");
	if (edit == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("there is no edit %lld", (long long) id),
				 errdetail("It was never made, or its table was dropped."),
				 errhint("View tsdb.edits lists them.")));
	rel = tsdb_table_open(edit->relid, AccessShareLock, ACL_SELECT);
	if (check_enable_rls(RelationGetRelid(rel), InvalidOid, false) == RLS_ENABLED)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("tsdb.undo() does not work under row security"),
				 errdetail("Policies of table \"%s\" apply to you.", RelationGetRelationName(rel)),
				 errhint("Let the owner of the table undo the edit.")));
	refuse_triggers(rel, "tsdb.undo()", false);
	id = tsdb_undo_run(rel, edit, reason);
	table_close(rel, NoLock);
	PG_RETURN_INT64(id);
}

// private functions

static int64
run_insert(Relation rel, text *source, const char *kind, const char *reason)
{
	bool only_empty = strcmp(kind, "backfill") == 0;
	TsdbEdit edit = {0};
	char *query;
	int64 id;

	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "SPI_connect failed");
	query = insert_query(rel, text_to_cstring(source), psprintf("tsdb.%s()", kind));
	edit.kind = kind;
	edit.reason = reason;
	id = tsdb_capture_begin(rel, &edit, only_empty);
	if (SPI_execute(query, false, 0) != SPI_OK_INSERT)
		elog(ERROR, "INSERT failed");
	tsdb_capture_end(rel);
	CommandCounterIncrement();
	SPI_finish();
	return id;
}

static bool
has_delete_triggers(Relation rel)
{
	for (int i = 0; rel->trigdesc != NULL && i < rel->trigdesc->numtriggers; i++)
		if (TRIGGER_FOR_DELETE(rel->trigdesc->triggers[i].tgtype))
			return true;
	return false;
}

static int64
run_delete(Relation rel, const TsdbEdit *edit)
{
	Datum arguments[] = {TimestampTzGetDatum(edit->from_us), TimestampTzGetDatum(edit->until_us), edit->series};
	Oid types[] = {TIMESTAMPTZOID, TIMESTAMPTZOID, JSONBOID};
	char *query = delete_query(rel, JB_ROOT_COUNT(DatumGetJsonbP(edit->series)) == 0);
	int64 id = tsdb_capture_begin(rel, edit, false);

	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "SPI_connect failed");
	if (SPI_execute_with_args(query, 3, types, arguments, NULL, false, 0) != SPI_OK_DELETE)
		elog(ERROR, "DELETE failed");
	tsdb_capture_end(rel);
	CommandCounterIncrement();
	SPI_finish();
	return id;
}

/* A DELETE with these conditions would need SELECT as well. */
static int64
run_range_delete(Relation rel, const TsdbEdit *edit)
{
	uint32 *series;
	uint32 nseries;
	int64 id;

	if (pg_class_aclcheck(RelationGetRelid(rel), GetUserId(), ACL_SELECT) != ACLCHECK_OK)
		aclcheck_error(ACLCHECK_NO_PRIV, OBJECT_TABLE, RelationGetRelationName(rel));
	series = tsdb_edittags_select(rel, tsdb_table_copy(rel), edit->series, &nseries);
	if (JB_ROOT_COUNT(DatumGetJsonbP(edit->series)) == 0)
		id = tsdb_rangeedit_delete(rel, edit, NULL, 0);
	else
		id = tsdb_rangeedit_delete(rel, edit, series, nseries);
	CommandCounterIncrement();
	return id;
}

static char *
reason_text(text *reason)
{
	char *string = text_to_cstring(reason);

	if (string[strspn(string, " \t\r\n")] == '\0')
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("the reason is empty"),
				 errdetail("Who reads the journal later wants to know why samples were changed."),
				 errhint("Say it in some words.")));
	return string;
}

/*
 * Refuse row triggers of users.
 *
 *	only_after	those that see rows after they were inserted; else all of them
 */
static void
refuse_triggers(Relation rel, const char *function, bool only_after)
{
	for (int i = 0; rel->trigdesc != NULL && i < rel->trigdesc->numtriggers; i++)
	{
		const Trigger *trigger = &rel->trigdesc->triggers[i];
		bool is_after = TRIGGER_FOR_AFTER(trigger->tgtype) && TRIGGER_FOR_INSERT(trigger->tgtype) &&
						(TRIGGER_FOR_ROW(trigger->tgtype) || trigger->tgnewtable != NULL);

		if (trigger->tgisinternal || trigger->tgenabled == TRIGGER_DISABLED ||
			(only_after ? !is_after : !TRIGGER_FOR_ROW(trigger->tgtype)))
			continue;
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("%s does not work on a table with trigger \"%s\"", function, trigger->tgname),
				 errdetail(only_after ? "It would fire for rows of table \"%s\" that are not written." : "It would not fire for the rows of table \"%s\" that come back.",
						   RelationGetRelationName(rel)),
				 errhint("Disable the trigger, or write with INSERT under tsdb.edit_reason.")));
	}
}

/* INSERT of the query's columns by name. */
static char *
insert_query(Relation rel, const char *source, const char *function)
{
	Size length = strlen(source);
	StringInfoData names;
	TupleDesc desc;

	/* It becomes a subquery. */
	while (length > 0 && strchr("; \t\r\n", source[length - 1]) != NULL)
		length--;
	source = pnstrdup(source, length);
	desc = source_columns(rel, source, function);
	check_columns(rel, desc, function);
	initStringInfo(&names);
	for (int i = 0; i < desc->natts; i++)
		appendStringInfo(&names, "%s%s", i > 0 ? ", " : "", quote_identifier(NameStr(TupleDescAttr(desc, i)->attname)));
	return psprintf("INSERT INTO %s (%s) SELECT %s FROM (%s\n) s", table_name(rel), names.data, names.data, source);
}

static TupleDesc
source_columns(Relation rel, const char *source, const char *function)
{
	SPIPlanPtr plan = SPI_prepare(source, 0, NULL);
	TupleDesc desc = NULL;

	if (plan != NULL && SPI_is_cursor_plan(plan) && list_length(SPI_plan_get_plan_sources(plan)) == 1)
		desc = ((CachedPlanSource *) linitial(SPI_plan_get_plan_sources(plan)))->resultDesc;
	if (desc == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("source of %s is not a query", function),
				 errdetail("The source is \"%s\".", source),
				 errhint("Give one SELECT or VALUES whose columns are named like those of table \"%s\".",
						 RelationGetRelationName(rel))));
	return desc;
}

static void
check_columns(Relation rel, TupleDesc source, const char *function)
{
	const TsdbTable *table = tsdb_table_get(rel);
	TupleDesc desc = RelationGetDescr(rel);
	bool *is_given = palloc0_array(bool, desc->natts);

	for (int i = 0; i < source->natts; i++)
	{
		const char *name = NameStr(TupleDescAttr(source, i)->attname);
		int attnum = get_attnum(RelationGetRelid(rel), name);

		if (attnum <= 0 || is_given[attnum - 1])
			ereport(ERROR,
					(errcode(ERRCODE_UNDEFINED_COLUMN),
					 errmsg("column \"%s\" of the source does not fit table \"%s\"", name, RelationGetRelationName(rel)),
					 errdetail(attnum <= 0 ? "The table has no column of that name." : "The source names it twice."),
					 errhint("Name the columns of the source like those of the table.")));
		is_given[attnum - 1] = true;
	}
	for (int i = 0; i < desc->natts; i++)
		if ((table->columns[i].role == TSDB_ROLE_TIME || table->columns[i].role == TSDB_ROLE_TAG) && !is_given[i])
			ereport(ERROR,
					(errcode(ERRCODE_UNDEFINED_COLUMN),
					 errmsg("the source of %s lacks column \"%s\"", function, NameStr(TupleDescAttr(desc, i)->attname)),
					 errdetail("Tags and time say which sample of table \"%s\" is meant.", RelationGetRelationName(rel)),
					 errhint("Add the column to the query.")));
}

static char *
delete_query(Relation rel, bool is_all)
{
	const TsdbTable *table = tsdb_table_get(rel);
	TupleDesc desc = RelationGetDescr(rel);
	const char *time = quote_identifier(NameStr(TupleDescAttr(desc, table->time_attnum - 1)->attname));
	StringInfoData query;

	initStringInfo(&query);
	appendStringInfo(&query, "DELETE FROM ONLY %s t WHERE t.%s OPERATOR(pg_catalog.>=) $1 AND t.%s OPERATOR(pg_catalog.<) $2",
					 table_name(rel), time, time);
	if (is_all)
		return query.data;
	appendStringInfoString(&query, " AND pg_catalog.jsonb_build_object(");
	for (int i = 0; i < table->ntags; i++)
	{
		const char *name = NameStr(TupleDescAttr(desc, table->tag_attnums[i] - 1)->attname);

		appendStringInfo(&query, "%s%s, t.%s", i > 0 ? ", " : "", quote_literal_cstr(name), quote_identifier(name));
	}
	appendStringInfoString(&query, ") OPERATOR(pg_catalog.@>) $3");
	return query.data;
}

static char *
table_name(Relation rel)
{
	return quote_qualified_identifier(get_namespace_name(RelationGetNamespace(rel)), RelationGetRelationName(rel));
}
