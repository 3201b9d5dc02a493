/*-------------------------------------------------------------------------
 *
 * ddl_object.c
 *	  Object access hook: what a command did to which table.
 *
 * Core calls it for every table, column and index that it makes, changes or drops,
 * whichever command asked for it and however deep it recursed.
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/relation.h"
#include "access/table.h"
#include "access/xact.h"
#include "catalog/indexing.h"
#include "catalog/objectaccess.h"
#include "catalog/pg_attribute.h"
#include "catalog/pg_class.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/snapmgr.h"
#include "utils/syscache.h"

#include "am/ddl_private.h"
#include "edit/journal.h"
#include "series/options.h"

TsdbDdlFrame *tsdb_ddl_object_frame;

static object_access_hook_type next_object_access;

static void object_access(ObjectAccessType access, Oid class_oid, Oid object_oid, int sub_id, void *arg);
static void relation_created(Oid relid, bool internal);
static void index_created(Oid index_oid);
static void table_created(Oid relid, const char *name);
static List *take_create_options(const char *name);
static void relation_dropped(Oid relid);
static void column_dropped(Oid relid, AttrNumber attnum);
static void column_altered(Oid relid, AttrNumber attnum);
static void column_renamed(Oid relid, const char *old_name, const char *new_name);
static TsdbDdlColumn *make_column(Oid relid, AttrNumber attnum);
static HeapTuple own_tuple(Oid catalog, Oid index, ScanKeyData *keys, int nkeys);
static HeapTuple own_row(Oid catalog, Oid index, AttrNumber key_column, Oid key);
static HeapTuple own_attribute(Oid relid, AttrNumber attnum);

void
tsdb_ddl_object_init(void)
{
	next_object_access = object_access_hook;
	object_access_hook = object_access;
}

void
tsdb_ddl_object_touch(TsdbDdlFrame *frame, Oid relid)
{
	MemoryContext caller;

	if (frame == NULL || !tsdb_table_is(relid))
		return;
	caller = MemoryContextSwitchTo(frame->context);
	frame->touched_oids = list_append_unique_oid(frame->touched_oids, relid);
	MemoryContextSwitchTo(caller);
}

Oid
tsdb_ddl_object_access_method(Oid relid)
{
	HeapTuple tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(relid));
	Oid am = InvalidOid;

	if (HeapTupleIsValid(tuple))
	{
		am = ((Form_pg_class) GETSTRUCT(tuple))->relam;
		ReleaseSysCache(tuple);
	}
	return am;
}

// private functions

static void
object_access(ObjectAccessType access, Oid class_oid, Oid object_oid, int sub_id, void *arg)
{
	if (next_object_access)
		next_object_access(access, class_oid, object_oid, sub_id, arg);

	if (access != OAT_POST_CREATE && access != OAT_POST_ALTER && access != OAT_DROP)
		return;
	if (class_oid != RelationRelationId || !OidIsValid(tsdb_table_am_oid()))
		return;

	if (access == OAT_POST_CREATE && sub_id == 0)
		relation_created(object_oid, arg != NULL && ((ObjectAccessPostCreate *) arg)->is_internal);
	else if (access == OAT_DROP && sub_id == 0)
	{
		tsdb_ddl_rules_dropped(object_oid);
		relation_dropped(object_oid);
	}
	else if (!tsdb_table_is(object_oid))
		return;
	else if (access == OAT_DROP)
	{
		column_dropped(object_oid, sub_id);
		if (sub_id > 0 && tsdb_ddl_object_frame != NULL)
		{
			MemoryContext caller = MemoryContextSwitchTo(tsdb_ddl_object_frame->context);

			tsdb_ddl_object_frame->dropped = lappend(tsdb_ddl_object_frame->dropped, make_column(object_oid, sub_id));
			MemoryContextSwitchTo(caller);
			tsdb_ddl_object_touch(tsdb_ddl_object_frame, object_oid);
		}
	}
	else
	{
		if (access == OAT_POST_ALTER && sub_id > 0)
			column_altered(object_oid, sub_id);
		tsdb_ddl_object_touch(tsdb_ddl_object_frame, object_oid);
	}
}

/* relation_created - its rows in the catalogs are there, but nobody sees them before the next command. */
static void
relation_created(Oid relid, bool internal)
{
	HeapTuple tuple = own_row(RelationRelationId, ClassOidIndexId, Anum_pg_class_oid, relid);
	Form_pg_class form;

	if (tuple == NULL)
		return;
	form = (Form_pg_class) GETSTRUCT(tuple);

	if (form->relkind == RELKIND_INDEX)
		index_created(relid);
	else if (!internal && form->relam == tsdb_table_am_oid() &&
			 (form->relkind == RELKIND_RELATION || form->relkind == RELKIND_MATVIEW))
		table_created(relid, NameStr(form->relname));
	heap_freetuple(tuple);
}

static void
index_created(Oid index_oid)
{
	HeapTuple tuple = own_row(IndexRelationId, IndexRelidIndexId, Anum_pg_index_indexrelid, index_oid);

	if (tuple == NULL)
		return;
	tsdb_ddl_refuse_index((const FormData_pg_index *) GETSTRUCT(tuple));
	heap_freetuple(tuple);
}

/*
 * table_created - write the options of a new table, and see whether they fit its columns.
 *
 * Core increments the command counter at this place too when the table has
 * constraints, so the relation is complete enough to be opened.
 */
static void
table_created(Oid relid, const char *name)
{
	TsdbDdlFrame *frame = tsdb_ddl_object_frame;
	List *ours = take_create_options(name);
	Relation rel;

	CommandCounterIncrement();
	if (ours != NIL)
	{
		tsdb_reloptions_write(relid, list_concat(tsdb_reloptions_read(relid), ours));
		CommandCounterIncrement();
	}

	rel = relation_open(relid, AccessShareLock);
	(void) tsdb_table_get(rel);
	relation_close(rel, AccessShareLock);

	if (frame != NULL)
	{
		MemoryContext caller = MemoryContextSwitchTo(frame->context);

		frame->created_oids = lappend_oid(frame->created_oids, relid);
		MemoryContextSwitchTo(caller);
		tsdb_ddl_object_touch(frame, relid);
	}
}

/* take_create_options - the options of the command in progress, if it is the one that makes this table. */
static List *
take_create_options(const char *name)
{
	TsdbDdlFrame *frame = tsdb_ddl_object_frame;

	if (frame == NULL || frame->create_name == NULL || frame->created || strcmp(frame->create_name, name) != 0)
		return NIL;
	frame->created = true;
	return list_copy(frame->create_options);
}

/* relation_dropped - its history goes with it, also when it is a heap table by now. */
static void
relation_dropped(Oid relid)
{
	if (get_rel_relkind(relid) == RELKIND_RELATION)
		tsdb_journal_forget(relid);
}

static void
column_dropped(Oid relid, AttrNumber attnum)
{
	char *name = attnum > 0 ? get_attname(relid, attnum, true) : NULL;

	if (name != NULL)
		tsdb_journal_rename_column(relid, name, NULL);
}

/* column_altered - renamed, or of another type; the catalog caches still have it as it was. */
static void
column_altered(Oid relid, AttrNumber attnum)
{
	TsdbDdlFrame *frame = tsdb_ddl_object_frame;
	HeapTuple tuple = own_attribute(relid, attnum);
	TsdbDdlColumn *old = make_column(relid, attnum);
	Form_pg_attribute now;

	if (tuple == NULL || old == NULL)
		return;
	now = (Form_pg_attribute) GETSTRUCT(tuple);

	if (strcmp(old->name, NameStr(now->attname)) != 0)
	{
		tsdb_journal_rename_column(relid, old->name, NameStr(now->attname));
		column_renamed(relid, old->name, NameStr(now->attname));
	}
	if (frame != NULL && old->type_oid != now->atttypid &&
		tsdb_table_value_type(old->type_oid) != tsdb_table_value_type(now->atttypid))
	{
		MemoryContext caller = MemoryContextSwitchTo(frame->context);

		frame->retyped = lappend(frame->retyped, make_column(relid, attnum));
		MemoryContextSwitchTo(caller);
	}
	heap_freetuple(tuple);
}

/* column_renamed - the options name columns: rename there too. */
static void
column_renamed(Oid relid, const char *old_name, const char *new_name)
{
	List *options = tsdb_reloptions_read(relid);
	bool changed = false;
	ListCell *lc;

	foreach (lc, tsdb_reloptions_filter(options, true))
	{
		DefElem *def = lfirst_node(DefElem, lc);
		char *value = tsdb_options_rename(def->defname, tsdb_reloptions_find(options, def->defname), old_name, new_name);

		if (value == NULL)
			continue;
		options = tsdb_reloptions_set(options, def->defname, value);
		changed = true;
	}
	if (changed)
		tsdb_reloptions_write(relid, options);
}

/* make_column - a column as it was before the command; NULL if there was none. */
static TsdbDdlColumn *
make_column(Oid relid, AttrNumber attnum)
{
	HeapTuple tuple = SearchSysCache2(ATTNUM, ObjectIdGetDatum(relid), Int16GetDatum(attnum));
	HeapTuple table = SearchSysCache1(RELOID, ObjectIdGetDatum(relid));
	TsdbDdlColumn *column = NULL;

	if (HeapTupleIsValid(tuple) && HeapTupleIsValid(table))
	{
		column = palloc0(sizeof(TsdbDdlColumn));
		column->relid = relid;
		column->name = pstrdup(NameStr(((Form_pg_attribute) GETSTRUCT(tuple))->attname));
		column->type_oid = ((Form_pg_attribute) GETSTRUCT(tuple))->atttypid;
		column->relfilenode = ((Form_pg_class) GETSTRUCT(table))->relfilenode;
	}
	if (HeapTupleIsValid(tuple))
		ReleaseSysCache(tuple);
	if (HeapTupleIsValid(table))
		ReleaseSysCache(table);
	return column;
}

/* own_tuple - a catalog row as this command left it (a copy), or NULL. */
static HeapTuple
own_tuple(Oid catalog, Oid index, ScanKeyData *keys, int nkeys)
{
	Relation rel = table_open(catalog, AccessShareLock);
	SysScanDesc scan = systable_beginscan(rel, index, true, SnapshotSelf, nkeys, keys);
	HeapTuple tuple = systable_getnext(scan);

	if (HeapTupleIsValid(tuple))
		tuple = heap_copytuple(tuple);
	systable_endscan(scan);
	table_close(rel, AccessShareLock);
	return tuple;
}

static HeapTuple
own_row(Oid catalog, Oid index, AttrNumber key_column, Oid key)
{
	ScanKeyData scan_key;

	ScanKeyInit(&scan_key, key_column, BTEqualStrategyNumber, F_OIDEQ, ObjectIdGetDatum(key));
	return own_tuple(catalog, index, &scan_key, 1);
}

static HeapTuple
own_attribute(Oid relid, AttrNumber attnum)
{
	ScanKeyData keys[2];

	ScanKeyInit(&keys[0], Anum_pg_attribute_attrelid, BTEqualStrategyNumber, F_OIDEQ, ObjectIdGetDatum(relid));
	ScanKeyInit(&keys[1], Anum_pg_attribute_attnum, BTEqualStrategyNumber, F_INT2EQ, Int16GetDatum(attnum));
	return own_tuple(AttributeRelationId, AttributeRelidNumIndexId, keys, 2);
}
