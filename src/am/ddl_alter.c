/*-------------------------------------------------------------------------
 *
 * ddl_alter.c
 *	  ALTER TABLE: options around core's work.
 *
 * Core validates the whole old list of options when it changes one, and ours are
 * unknown to it.  So: work out the new options, take the old ones out of pg_class if
 * core is going to look, let core run (with the change announced, because a rewrite
 * needs the new options for the new rows and the old ones for the old rows), write the new ones.
 * Everything is in one transaction: who can see the table in between is us.
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/relation.h"
#include "access/tableam.h"
#include "access/xact.h"
#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "catalog/pg_inherits.h"
#include "catalog/toasting.h"
#include "commands/defrem.h"
#include "commands/tablecmds.h"
#include "nodes/makefuncs.h"
#include "nodes/value.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"

#include "am/ddl_private.h"
#include "pg/compat.h"
#include "series/options.h"
#include "store/metapage.h"
#include "store/store.h"

struct TsdbDdlAlter
{
	TsdbReloptionsChange change;
	bool was_ours;
	bool will_be_ours;
	bool is_checked; /* old table is ours, has rows, and options change that its rows depend on */
	int natts; /* before; columns above are new */
	int16 time_attnum;
	int ntags;
	int16 *tag_attnums;
	int64 sample_us;
};

static bool find_table(AlterTableStmt *stmt, TsdbDdlAlter *alter);
static void refuse_heap(AlterTableStmt *stmt, Oid access_method);
static Oid new_access_method(AlterTableStmt *stmt, Oid current);
static List *take_changes(AlterTableStmt *stmt, List **changes);
static bool changes_core_options(AlterTableStmt *stmt);
static bool is_light(List *changes);
static void drop_empty_commands(AlterTableStmt *stmt);
static void lock_table(AlterTableStmt *stmt, TsdbDdlAlter *alter);
static List *changed_options(List *options, List *changes);
static void remember_table(TsdbDdlAlter *alter);
static void adjust_toast(Oid relid, bool ours);
static void check_change(const TsdbDdlAlter *alter);
static void check_tags(const TsdbDdlAlter *alter, Relation rel, const TsdbTable *table);
static void check_block(Relation rel, const TsdbTable *table);
static void raise_has_rows(Relation rel, const char *option, const char *detail) pg_attribute_noreturn();

TsdbDdlAlter *
tsdb_ddl_alter_begin(AlterTableStmt *stmt)
{
	TsdbDdlAlter *alter = palloc0(sizeof(TsdbDdlAlter));
	List *changes = NIL;
	List *all;
	bool by_core;

	if (!find_table(stmt, alter))
		return NULL;

	if (alter->will_be_ours)
		take_changes(stmt, &changes);
	by_core = changes_core_options(stmt);
	if (changes == NIL && !by_core && alter->was_ours == alter->will_be_ours)
		return NULL;

	if (is_light(changes) && alter->was_ours)
		drop_empty_commands(stmt);
	lock_table(stmt, alter);
	remember_table(alter);

	all = tsdb_reloptions_read(alter->change.relid);
	alter->change.old_options = alter->was_ours ? tsdb_reloptions_filter(all, true) : NIL;
	if (alter->will_be_ours)
		alter->change.new_options = changed_options(alter->change.old_options, changes);

	if (by_core && alter->change.old_options != NIL)
	{
		tsdb_reloptions_write(alter->change.relid, tsdb_reloptions_filter(all, false));
		CommandCounterIncrement();
	}
	tsdb_reloptions_begin_change(&alter->change);
	return alter;
}

void
tsdb_ddl_alter_abandon(TsdbDdlAlter *alter)
{
	tsdb_reloptions_end_change(&alter->change);
}

void
tsdb_ddl_alter_finish(TsdbDdlAlter *alter, TsdbDdlFrame *frame)
{
	Oid relid = alter->change.relid;
	List *options;

	tsdb_reloptions_end_change(&alter->change);

	options = tsdb_reloptions_filter(tsdb_reloptions_read(relid), false);
	if (tsdb_table_is(relid))
		options = list_concat(options, alter->change.new_options);
	tsdb_reloptions_write(relid, options);
	CommandCounterIncrement();
	if (alter->was_ours != alter->will_be_ours)
		adjust_toast(relid, alter->will_be_ours);
	CommandCounterIncrement();

	check_change(alter);
	tsdb_ddl_object_touch(frame, relid);
}

void
tsdb_ddl_alter_attached(AlterTableStmt *stmt, TsdbDdlFrame *frame)
{
	ListCell *lc;

	foreach (lc, stmt->cmds)
	{
		AlterTableCmd *cmd = lfirst_node(AlterTableCmd, lc);
		Oid relid = InvalidOid;
		ListCell *child;

		if (cmd->subtype == AT_AttachPartition)
			relid = RangeVarGetRelid(castNode(PartitionCmd, cmd->def)->name, NoLock, true);
		if (!OidIsValid(relid))
			continue;
		foreach (child, find_all_inheritors(relid, NoLock, NULL))
			tsdb_ddl_object_touch(frame, lfirst_oid(child));
	}
}

// private functions

/* find_table - is the command about a table that is ours before or after? */
static bool
find_table(AlterTableStmt *stmt, TsdbDdlAlter *alter)
{
	Oid relid = RangeVarGetRelid(stmt->relation, NoLock, true);
	Oid before;
	Oid after;
	char relkind;

	if (!OidIsValid(relid))
		return false;
	relkind = get_rel_relkind(relid);
	if (relkind == RELKIND_PARTITIONED_TABLE)
	{
		ListCell *lc;

		foreach (lc, stmt->cmds)
		{
			AlterTableCmd *cmd = lfirst_node(AlterTableCmd, lc);

			if (cmd->subtype == AT_SetRelOptions)
				tsdb_ddl_options_refuse_parent((List *) cmd->def, stmt->relation->relname);
		}
	}
	if (relkind != RELKIND_RELATION && relkind != RELKIND_MATVIEW)
		return false;

	before = tsdb_ddl_object_access_method(relid);
	alter->change.relid = relid;
	alter->was_ours = before == tsdb_table_am_oid();
	after = new_access_method(stmt, before);
	alter->will_be_ours = after == tsdb_table_am_oid();
	refuse_heap(stmt, after);
	return alter->was_ours || alter->will_be_ours;
}

/* refuse_heap - our options are given to a table that heap has after the command. */
static void
refuse_heap(AlterTableStmt *stmt, Oid access_method)
{
	ListCell *lc;

	foreach (lc, stmt->cmds)
	{
		AlterTableCmd *cmd = lfirst_node(AlterTableCmd, lc);

		if (cmd->subtype == AT_SetRelOptions)
			tsdb_ddl_options_refuse_heap((List *) cmd->def, stmt->relation->relname, access_method, false);
	}
}

static Oid
new_access_method(AlterTableStmt *stmt, Oid current)
{
	ListCell *lc;

	foreach (lc, stmt->cmds)
	{
		AlterTableCmd *cmd = lfirst_node(AlterTableCmd, lc);

		/* No name: SET ACCESS METHOD DEFAULT, from 17 on. */
		if (cmd->subtype == AT_SetAccessMethod)
			return get_table_am_oid(cmd->name ? cmd->name : default_table_access_method, true);
	}
	return current;
}

/* take_changes - move our options from the commands to a list; SET has a value, RESET none.  The later wins. */
static List *
take_changes(AlterTableStmt *stmt, List **changes)
{
	ListCell *lc;

	foreach (lc, stmt->cmds)
	{
		AlterTableCmd *cmd = lfirst_node(AlterTableCmd, lc);
		List *ours;

		if (cmd->subtype != AT_SetRelOptions && cmd->subtype != AT_ResetRelOptions)
			continue;
		cmd->def = (Node *) tsdb_ddl_options_take((List *) cmd->def, cmd->subtype == AT_ResetRelOptions, &ours);
		*changes = list_concat(*changes, ours);
	}
	return *changes;
}

static bool
changes_core_options(AlterTableStmt *stmt)
{
	ListCell *lc;

	foreach (lc, stmt->cmds)
	{
		AlterTableCmd *cmd = lfirst_node(AlterTableCmd, lc);

		if ((cmd->subtype == AT_SetRelOptions || cmd->subtype == AT_ResetRelOptions) && cmd->def != NULL)
			return true;
	}
	return false;
}

/* is_light - do these changes leave alone what readers and writers of the table go by? */
static bool
is_light(List *changes)
{
	ListCell *lc;

	foreach (lc, changes)
	{
		const char *name = lfirst_node(DefElem, lc)->defname;

		if (strcmp(name, TSDB_OPTION_RETENTION) != 0 && strcmp(name, TSDB_OPTION_COMPACT_AFTER) != 0 &&
			strcmp(name, TSDB_OPTION_COMPRESSION) != 0 && strcmp(name, TSDB_OPTION_REQUIRE_REASON) != 0 &&
			strcmp(name, TSDB_OPTION_EDIT_HORIZON) != 0)
			return false;
	}
	return true;
}

/* drop_empty_commands - core takes AccessExclusiveLock for an empty list of options, ShareUpdateExclusiveLock for no command. */
static void
drop_empty_commands(AlterTableStmt *stmt)
{
	List *cmds = NIL;
	ListCell *lc;

	foreach (lc, stmt->cmds)
	{
		AlterTableCmd *cmd = lfirst_node(AlterTableCmd, lc);

		if ((cmd->subtype == AT_SetRelOptions || cmd->subtype == AT_ResetRelOptions) && cmd->def == NULL)
			continue;
		cmds = lappend(cmds, cmd);
	}
	stmt->cmds = cmds;
}

/* lock_table - lock as core will, for the owner only; from here on the name means this table. */
static void
lock_table(AlterTableStmt *stmt, TsdbDdlAlter *alter)
{
	Oid relid = RangeVarGetRelidExtended(stmt->relation, AlterTableGetLockLevel(stmt->cmds), 0,
										 RangeVarCallbackOwnsRelation, NULL);

	if (relid != alter->change.relid || alter->was_ours != tsdb_table_is(relid))
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_IN_USE),
				 errmsg("table \"%s\" was changed by another session", stmt->relation->relname),
				 errhint("Try again.")));
}

static List *
changed_options(List *options, List *changes)
{
	ListCell *lc;

	foreach (lc, changes)
	{
		DefElem *def = lfirst_node(DefElem, lc);

		options = tsdb_reloptions_set(options, def->defname, def->arg ? strVal(def->arg) : NULL);
	}
	return options;
}

/* remember_table - what check_change compares with. */
static void
remember_table(TsdbDdlAlter *alter)
{
	Relation rel = relation_open(alter->change.relid, NoLock);

	if (alter->will_be_ours && !alter->was_ours)
	{
		tsdb_ddl_refuse_indexed(rel);
		tsdb_ddl_refuse_publishing(rel);
	}
	alter->is_checked = alter->was_ours && alter->will_be_ours && tsdb_ddl_check_has_rows(rel);
	if (alter->is_checked)
	{
		const TsdbTable *table = tsdb_table_get(rel);

		alter->natts = table->natts;
		alter->time_attnum = table->time_attnum;
		alter->ntags = table->ntags;
		alter->tag_attnums = palloc(sizeof(int16) * Max(table->ntags, 1));
		memcpy(alter->tag_attnums, table->tag_attnums, sizeof(int16) * table->ntags);
		alter->sample_us = table->sample_us;
	}
	relation_close(rel, NoLock);
}

/* adjust_toast - give the TOAST relation our settings when the table became ours (make it if need be), take them away when it was. */
static void
adjust_toast(Oid relid, bool ours)
{
	Relation rel = relation_open(relid, NoLock);
	Oid toast = rel->rd_rel->reltoastrelid;
	List *options;
	ListCell *lc;

	relation_close(rel, NoLock);
	if (!OidIsValid(toast))
	{
		/* Later, with a weaker lock, core could not make it. */
		if (ours)
			AlterTableCreateToastTable(relid, tsdb_store_toast_options(), AccessExclusiveLock);
		return;
	}

	options = tsdb_reloptions_read(toast);
	foreach (lc, tsdb_reloptions_from_array(tsdb_store_toast_options()))
	{
		DefElem *def = lfirst_node(DefElem, lc);
		const char *current = tsdb_reloptions_find(options, def->defname);

		if (ours && current == NULL)
			options = tsdb_reloptions_set(options, def->defname, strVal(def->arg));
		else if (!ours && current != NULL && strcmp(current, strVal(def->arg)) == 0)
			options = tsdb_reloptions_set(options, def->defname, NULL);
	}
	tsdb_reloptions_write(toast, options);
}

/* check_change - do the rows that are there still mean the same? */
static void
check_change(const TsdbDdlAlter *alter)
{
	Relation rel;
	const TsdbTable *table;

	if (!alter->is_checked)
		return;

	rel = relation_open(alter->change.relid, NoLock);
	table = tsdb_table_get(rel);
	if (table->time_attnum != alter->time_attnum)
		raise_has_rows(rel, TSDB_OPTION_TIME_COLUMN, "The time column can be chosen as long as the table is empty.");
	if (alter->sample_us % table->sample_us != 0)
		raise_has_rows(rel, TSDB_OPTION_SAMPLE_INTERVAL,
					   psprintf("Rows stand on a grid of %lld us, so that only a divisor of that is allowed, not %lld us.",
								(long long) alter->sample_us, (long long) table->sample_us));
	check_tags(alter, rel, table);
	check_block(rel, table);
	relation_close(rel, NoLock);
}

/* check_tags - the old tags first, then columns that this very command added. */
static void
check_tags(const TsdbDdlAlter *alter, Relation rel, const TsdbTable *table)
{
	bool fits = table->ntags >= alter->ntags;

	for (int i = 0; fits && i < table->ntags; i++)
	{
		int16 attnum = table->tag_attnums[i];

		if (i < alter->ntags)
			fits = attnum == alter->tag_attnums[i];
		else
			fits = attnum > alter->natts;
		if (fits && i >= alter->ntags && TupleDescAttr(RelationGetDescr(rel), attnum - 1)->atthasmissing)
			raise_has_rows(rel, TSDB_OPTION_TAGS,
						   "The new tag column has a default, but the tag of the series that are there is null.");
	}
	if (!fits)
		raise_has_rows(rel, TSDB_OPTION_TAGS,
					   "A tag can only be appended, together with its column: ALTER TABLE ... ADD COLUMN c type, SET (tags = '...,c').");
}

/* check_block - blocks must fill the segments, whose span was fixed by the first row. */
static void
check_block(Relation rel, const TsdbTable *table)
{
	int64 segment_us = tsdb_metapage_segment_us(rel);

	if (segment_us > 0 && table->block_us > 0 && segment_us % table->block_us != 0)
		raise_has_rows(rel, TSDB_OPTION_BLOCK_INTERVAL,
					   psprintf("The block interval must divide the segments of this table, which are %lld days long.",
								(long long) (segment_us / (INT64CONST(86400) * USECS_PER_SEC))));
}

static void
raise_has_rows(Relation rel, const char *option, const char *detail)
{
	ereport(ERROR,
			(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
			 errmsg("option \"%s\" of table \"%s\" can't be changed like this while the table has rows",
					option, RelationGetRelationName(rel)),
			 errdetail_internal("%s", detail),
			 errhint("Make a new table with the wanted options, INSERT INTO it SELECT from this one, and rename it.")));
}
