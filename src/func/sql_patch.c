/*-------------------------------------------------------------------------
 *
 * sql_patch.c
 *	  tsdb.patch(target, source): write only the columns that a query names.
 *
 * A patch row leaves the other columns of its sample as they are (NULL where there is no
 * sample yet), whoever wrote them and whenever the runs are merged.
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/table.h"
#include "access/xact.h"
#include "catalog/pg_type_d.h"
#include "edit/capture.h"
#include "executor/executor.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "parser/parse_coerce.h"
#include "series/rowkey.h"
#include "series/tsdbtable.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/rls.h"
#include "write/buffer.h"

#define FETCH_ROWS 1000

static void check_target(Relation rel);
static void check_privileges(Relation rel, const bool *written);
static int *match_columns(Relation rel, const TsdbTable *table, TupleDesc source, bool *written);
static char *source_with_casts(Relation rel, const char *source, TupleDesc desc, const int *targets);
static void patch_row(Relation rel, HeapTuple tuple, TupleDesc desc, const int *targets, const bool *written,
					  TupleTableSlot *slot, CommandId cid);

/*
 * tsdb_patch - returns the number of rows of the source.
 *
 * The source must have every tag and the time; other columns of the target that it lacks are left as
 * they are.  Row security: refused for tables whose policies bind the caller, for they see whole rows only.
 */
PG_FUNCTION_INFO_V1(tsdb_patch);
Datum
tsdb_patch(PG_FUNCTION_ARGS)
{
	Relation rel = tsdb_table_open(PG_GETARG_OID(0), RowExclusiveLock, ACL_NO_RIGHTS);
	char *source = text_to_cstring(PG_GETARG_TEXT_PP(1));
	int natts = RelationGetDescr(rel)->natts;
	Size length = strlen(source);
	bool *written = palloc0_array(bool, natts);
	TupleTableSlot *slot = table_slot_create(rel, NULL);
	CommandId cid;
	SPIPlanPtr plan;
	Portal portal;
	int *targets;
	uint64 nrows = 0;

	check_target(rel);

	/* The query may become a subquery. */
	while (length > 0 && strchr("; \t\r\n", source[length - 1]) != NULL)
		source[--length] = '\0';
	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "SPI_connect failed");
	plan = SPI_prepare(source, 0, NULL);
	if (plan == NULL || !SPI_is_cursor_plan(plan))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("source of tsdb.patch() is not a query"),
				 errdetail("The source is \"%s\".", source),
				 errhint("Give one SELECT or VALUES whose columns are named like those of table \"%s\".",
						 RelationGetRelationName(rel))));
	portal = SPI_cursor_open(NULL, plan, NULL, NULL, false);
	targets = match_columns(rel, tsdb_table_get(rel), portal->tupDesc, written);
	check_privileges(rel, written);
	source = source_with_casts(rel, source, portal->tupDesc, targets);
	if (source != NULL)
	{
		SPI_cursor_close(portal);
		portal = SPI_cursor_open_with_args(NULL, source, 0, NULL, NULL, NULL, false, 0);
	}

	/* The source does not see what is written here. */
	cid = GetCurrentCommandId(true);
	do
	{
		CHECK_FOR_INTERRUPTS();
		SPI_cursor_fetch(portal, true, FETCH_ROWS);
		for (uint64 i = 0; i < SPI_processed; i++)
			patch_row(rel, SPI_tuptable->vals[i], SPI_tuptable->tupdesc, targets, written, slot, cid);
		nrows += SPI_processed;
		SPI_freetuptable(SPI_tuptable);
	} while (SPI_processed > 0);
	SPI_cursor_close(portal);
	SPI_finish();
	tsdb_capture_end_command(cid);
	ExecDropSingleTupleTableSlot(slot);
	table_close(rel, NoLock);
	PG_RETURN_INT64((int64) nrows);
}

// private functions

static void
check_target(Relation rel)
{
	PreventCommandIfReadOnly("tsdb.patch()");
	if (check_enable_rls(RelationGetRelid(rel), InvalidOid, false) == RLS_ENABLED)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("tsdb.patch() does not work under row security"),
				 errdetail("Policies of table \"%s\" apply to you, and they judge whole rows.",
						   RelationGetRelationName(rel)),
				 errhint("Write whole rows with INSERT or UPDATE.")));
	if (rel->trigdesc != NULL && (rel->trigdesc->trig_insert_before_row || rel->trigdesc->trig_insert_after_row ||
								  rel->trigdesc->trig_insert_new_table))
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("tsdb.patch() does not fire triggers"),
				 errdetail("Table \"%s\" has triggers on INSERT, which would have to see whole rows.",
						   RelationGetRelationName(rel)),
				 errhint("Write whole rows with INSERT or UPDATE.")));
	if (rel->rd_att->constr != NULL &&
		(rel->rd_att->constr->num_check > 0 || rel->rd_att->constr->has_generated_stored))
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("tsdb.patch() does not work on a table with CHECK constraints or generated columns"),
				 errdetail("Those of table \"%s\" are defined on whole rows.", RelationGetRelationName(rel)),
				 errhint("Write whole rows with INSERT or UPDATE.")));
}

/* INSERT on the table, or on each column that is written. */
static void
check_privileges(Relation rel, const bool *written)
{
	Oid relid = RelationGetRelid(rel);

	if (pg_class_aclcheck(relid, GetUserId(), ACL_INSERT) == ACLCHECK_OK)
		return;
	for (int i = 0; i < RelationGetDescr(rel)->natts; i++)
		if (written[i] && pg_attribute_aclcheck(relid, i + 1, GetUserId(), ACL_INSERT) != ACLCHECK_OK)
			aclcheck_error(ACLCHECK_NO_PRIV, OBJECT_TABLE, RelationGetRelationName(rel));
}

/* For each column of the source, the attnum - 1 of the target that has its name. */
static int *
match_columns(Relation rel, const TsdbTable *table, TupleDesc source, bool *written)
{
	TupleDesc desc = RelationGetDescr(rel);
	int *targets = palloc_array(int, source->natts);

	for (int s = 0; s < source->natts; s++)
	{
		const char *name = NameStr(TupleDescAttr(source, s)->attname);
		int attnum = get_attnum(RelationGetRelid(rel), name);

		if (attnum <= 0 || written[attnum - 1])
			ereport(ERROR,
					(errcode(ERRCODE_UNDEFINED_COLUMN),
					 errmsg("column \"%s\" of the source does not fit table \"%s\"", name, RelationGetRelationName(rel)),
					 errdetail(attnum <= 0 ? "The table has no column of that name." : "The source names it twice."),
					 errhint("Name the columns of the source like those of the table.")));
		targets[s] = attnum - 1;
		written[attnum - 1] = true;
	}
	for (int i = 0; i < desc->natts; i++)
		if ((table->columns[i].role == TSDB_ROLE_TIME || table->columns[i].role == TSDB_ROLE_TAG) && !written[i])
			ereport(ERROR,
					(errcode(ERRCODE_UNDEFINED_COLUMN),
					 errmsg("the source of tsdb.patch() lacks column \"%s\"", NameStr(TupleDescAttr(desc, i)->attname)),
					 errdetail("Tags and time say which sample of table \"%s\" is meant.", RelationGetRelationName(rel)),
					 errhint("Add the column to the query.")));
		else if (TupleDescAttr(desc, i)->attnotnull && !written[i])
			ereport(ERROR,
					(errcode(ERRCODE_NOT_NULL_VIOLATION),
					 errmsg("the source of tsdb.patch() lacks column \"%s\"", NameStr(TupleDescAttr(desc, i)->attname)),
					 errdetail("The column is NOT NULL, and a sample that does not exist yet would get NULL there."),
					 errhint("Add the column to the query.")));
	return targets;
}

/* The source wrapped into casts to the target's types, NULL when it needs none. */
static char *
source_with_casts(Relation rel, const char *source, TupleDesc desc, const int *targets)
{
	StringInfoData query;
	bool same = true;

	initStringInfo(&query);
	appendStringInfoString(&query, "SELECT ");
	for (int s = 0; s < desc->natts; s++)
	{
		Form_pg_attribute from = TupleDescAttr(desc, s);
		Form_pg_attribute to = TupleDescAttr(RelationGetDescr(rel), targets[s]);

		if (from->atttypid != to->atttypid || from->atttypmod != to->atttypmod)
			same = false;
		if (!can_coerce_type(1, &from->atttypid, &to->atttypid, COERCION_ASSIGNMENT))
			ereport(ERROR,
					(errcode(ERRCODE_DATATYPE_MISMATCH),
					 errmsg("column \"%s\" is of type %s but the source has type %s", NameStr(to->attname),
							format_type_be(to->atttypid), format_type_be(from->atttypid)),
					 errhint("Cast it in the query.")));
		appendStringInfo(&query, "%sCAST(s.%s AS %s)", s > 0 ? ", " : "", quote_identifier(NameStr(from->attname)),
						 format_type_with_typemod(to->atttypid, to->atttypmod));
	}
	appendStringInfo(&query, " FROM (%s\n) s", source);
	return same ? NULL : query.data;
}

static void
patch_row(Relation rel, HeapTuple tuple, TupleDesc desc, const int *targets, const bool *written,
		  TupleTableSlot *slot, CommandId cid)
{
	const TsdbTable *table = tsdb_table_get(rel);
	ItemPointerData unused;
	TsdbKey key;

	ExecClearTuple(slot);
	memset(slot->tts_isnull, true, sizeof(bool) * RelationGetDescr(rel)->natts);
	for (int s = 0; s < desc->natts; s++)
	{
		Form_pg_attribute att = TupleDescAttr(RelationGetDescr(rel), targets[s]);
		bool isnull;

		slot->tts_values[targets[s]] = heap_getattr(tuple, s + 1, desc, &isnull);
		slot->tts_isnull[targets[s]] = isnull;
		if (isnull && att->attnotnull)
			ereport(ERROR,
					(errcode(ERRCODE_NOT_NULL_VIOLATION),
					 errmsg("null value in column \"%s\" of table \"%s\"", NameStr(att->attname),
							RelationGetRelationName(rel)),
					 errdetail("The column is NOT NULL."),
					 errhint("Leave the column out of the source, or give it a value.")));
	}
	ExecStoreVirtualTuple(slot);
	key = tsdb_rowkey_get(rel, table, slot, true);
	table = tsdb_table_get(rel);
	tsdb_buffer_append(rel, table, key.series, key.time, TSDB_ROW_PATCH, slot->tts_values, slot->tts_isnull,
					   written, cid, &unused);
}
