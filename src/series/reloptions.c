/*-------------------------------------------------------------------------
 *
 * reloptions.c
 *	  Where the options of a tsdb table are kept: pg_class.reloptions.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/reloptions.h"
#include "access/table.h"
#include "catalog/indexing.h"
#include "catalog/pg_class.h"
#include "catalog/pg_type.h"
#include "nodes/makefuncs.h"
#include "nodes/value.h"
#include "storage/lmgr.h"
#include "storage/lock.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"

#include "series/options.h"
#include "series/reloptions.h"

static TsdbReloptionsChange *changes; /* innermost first */
static uint64 last_serial;

static Datum array_of(List *options);
static void update_pg_class(Oid relid, Datum reloptions);
static Oid rewritten_table(Relation rel);

List *
tsdb_reloptions_read(Oid relid)
{
	HeapTuple tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(relid));
	Datum reloptions;
	bool isnull;
	List *options;

	if (!HeapTupleIsValid(tuple))
		elog(ERROR, "cache lookup failed for relation %u", relid);
	reloptions = SysCacheGetAttr(RELOID, tuple, Anum_pg_class_reloptions, &isnull);
	options = isnull ? NIL : tsdb_reloptions_from_array(reloptions);
	ReleaseSysCache(tuple);
	return options;
}

void
tsdb_reloptions_write(Oid relid, List *options)
{
	update_pg_class(relid, options == NIL ? (Datum) 0 : array_of(options));
}

List *
tsdb_reloptions_filter(List *options, bool ours)
{
	List *result = NIL;
	ListCell *lc;

	foreach (lc, options)
	{
		DefElem *def = lfirst_node(DefElem, lc);

		if (tsdb_options_has(def->defname) == ours)
			result = lappend(result, def);
	}
	return result;
}

List *
tsdb_reloptions_set(List *options, const char *name, const char *value)
{
	List *result = NIL;
	DefElem *set = value ? makeDefElem(pstrdup(name), (Node *) makeString(pstrdup(value)), -1) : NULL;
	bool placed = false;
	ListCell *lc;

	foreach (lc, options)
	{
		DefElem *def = lfirst_node(DefElem, lc);

		if (strcmp(def->defname, name) != 0)
			result = lappend(result, def);
		else if (set != NULL && !placed)
		{
			result = lappend(result, set);
			placed = true;
		}
	}
	if (set != NULL && !placed)
		result = lappend(result, set);
	return result;
}

const char *
tsdb_reloptions_find(List *options, const char *name)
{
	ListCell *lc;

	foreach (lc, options)
	{
		DefElem *def = lfirst_node(DefElem, lc);

		if (strcmp(def->defname, name) == 0)
			return def->arg != NULL ? strVal(def->arg) : "";
	}
	return NULL;
}

List *
tsdb_reloptions_from_array(Datum array)
{
	return untransformRelOptions(array);
}

void
tsdb_reloptions_begin_change(TsdbReloptionsChange *change)
{
	change->serial = ++last_serial;
	change->outer = changes;
	changes = change;
}

void
tsdb_reloptions_end_change(TsdbReloptionsChange *change)
{
	Assert(changes == change);
	changes = change->outer;
}

const TsdbReloptionsChange *
tsdb_reloptions_change_of(Relation rel)
{
	const TsdbReloptionsChange *change = changes;
	Oid table;

	if (likely(change == NULL))
		return NULL;

	table = rewritten_table(rel);
	while (change != NULL && change->relid != RelationGetRelid(rel) && change->relid != table)
		change = change->outer;
	return change;
}

const char *
tsdb_reloptions_name(Relation rel)
{
	Oid table = rewritten_table(rel);
	char *name = OidIsValid(table) ? get_rel_name(table) : NULL;

	return name ? name : RelationGetRelationName(rel);
}

// private functions

static Datum
array_of(List *options)
{
	ArrayBuildState *array = NULL;
	ListCell *lc;

	foreach (lc, options)
	{
		DefElem *def = lfirst_node(DefElem, lc);
		char *entry = def->arg ? psprintf("%s=%s", def->defname, strVal(def->arg)) : def->defname;

		array = accumArrayResult(array, CStringGetTextDatum(entry), false, TEXTOID, CurrentMemoryContext);
	}
	return makeArrayResult(array, CurrentMemoryContext);
}

static void
update_pg_class(Oid relid, Datum reloptions)
{
	Relation pg_class = table_open(RelationRelationId, RowExclusiveLock);
	HeapTuple tuple = SearchSysCacheLocked1(RELOID, ObjectIdGetDatum(relid));
	HeapTuple changed;
	Datum values[Natts_pg_class] = {0};
	bool isnull[Natts_pg_class] = {false};
	bool replace[Natts_pg_class] = {false};

	if (!HeapTupleIsValid(tuple))
		elog(ERROR, "cache lookup failed for relation %u", relid);

	values[Anum_pg_class_reloptions - 1] = reloptions;
	isnull[Anum_pg_class_reloptions - 1] = reloptions == (Datum) 0;
	replace[Anum_pg_class_reloptions - 1] = true;
	changed = heap_modify_tuple(tuple, RelationGetDescr(pg_class), values, isnull, replace);

	CatalogTupleUpdate(pg_class, &changed->t_self, changed);
	UnlockTuple(pg_class, &tuple->t_self, InplaceUpdateTupleLock);

	heap_freetuple(changed);
	ReleaseSysCache(tuple);
	table_close(pg_class, RowExclusiveLock);
}

/* rewritten_table - the table that core's rewrite fills this transient relation for, or InvalidOid. */
static Oid
rewritten_table(Relation rel)
{
	unsigned int table;
	char rest;

	if (sscanf(RelationGetRelationName(rel), "pg_temp_%u%c", &table, &rest) != 1)
		return InvalidOid;
	return (Oid) table;
}
