/*-------------------------------------------------------------------------
 *
 * ddl_options.c
 *	  Our options in a list of WITH, SET or RESET.
 *
 * An option is ours by its name, or by the prefix "tsdb.", which the grammar
 * takes for a namespace unless it stands within the quotes of a name.
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/reloptions.h"
#include "catalog/pg_am.h"
#include "commands/defrem.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "nodes/value.h"

#include "am/ddl_private.h"
#include "pg/compat.h"
#include "series/options.h"
#include "store/store.h"

#define OUR_NAMESPACE "tsdb"
#define OUR_PREFIX "tsdb."
#define TOAST_NAMESPACE "toast"

static const char *our_name(const DefElem *def);
static bool is_known_to_core(DefElem *def);
static DefElem *make_ours(const char *name, DefElem *def, bool reset);
static char *value_of(DefElem *def);
static bool has_toast_option(List *options, const char *name);
static void raise_unknown(const char *name) pg_attribute_noreturn();

List *
tsdb_ddl_options_take(List *options, bool reset, List **ours)
{
	List *rest = NIL;
	ListCell *lc;

	*ours = NIL;
	foreach (lc, options)
	{
		DefElem *def = lfirst_node(DefElem, lc);
		const char *name = our_name(def);

		if (name == NULL)
		{
			if (def->defnamespace == NULL && !is_known_to_core(def))
				raise_unknown(def->defname);
			rest = lappend(rest, def);
			continue;
		}
		if (tsdb_reloptions_find(*ours, name) != NULL)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("option \"%s\" is given more than once", name)));
		*ours = lappend(*ours, make_ours(name, def, reset));
	}
	return rest;
}

void
tsdb_ddl_options_refuse_parent(List *options, const char *table_name)
{
	ListCell *lc;

	foreach (lc, options)
	{
		DefElem *def = lfirst_node(DefElem, lc);

		if (our_name(def) != NULL)
			ereport(ERROR,
					(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
					 errmsg("option \"%s\" can't be given to partitioned table \"%s\"", def->defname, table_name),
					 errdetail("A partitioned table stores nothing itself."),
					 errhint("Give the options to each partition: CREATE TABLE ... PARTITION OF ... USING tsdb WITH (...).")));
	}
}

/* Of other access methods we can't know what they take. */
void
tsdb_ddl_options_refuse_heap(List *options, const char *table_name, Oid access_method, bool is_new)
{
	ListCell *lc;

	if (access_method != HEAP_TABLE_AM_OID)
		return;
	foreach (lc, options)
	{
		DefElem *def = lfirst_node(DefElem, lc);

		if (our_name(def) != NULL)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("option \"%s\" can't be given to table \"%s\"", def->defname, table_name),
					 errdetail("It is an option of tsdb, and the access method of the table is heap."),
					 is_new ? errhint("Write USING tsdb in front of WITH.") : errhint("SET ACCESS METHOD tsdb in the same command makes it a table of tsdb.")));
	}
}

List *
tsdb_ddl_options_add_toast(List *options)
{
	ListCell *lc;

	/* pg_upgrade gives the new TOAST relation what the old one had, through pg_dump. */
	if (IsBinaryUpgrade)
		return options;

	foreach (lc, tsdb_reloptions_from_array(tsdb_store_toast_options()))
	{
		DefElem *def = lfirst_node(DefElem, lc);

		if (!has_toast_option(options, def->defname))
			options = lappend(options, makeDefElemExtended(TOAST_NAMESPACE, def->defname, def->arg, DEFELEM_UNSPEC, -1));
	}
	return options;
}

// private functions

/* our_name - name of an option of ours without prefix; NULL for others. */
static const char *
our_name(const DefElem *def)
{
	const char *name = def->defname;
	bool prefixed = def->defnamespace != NULL && strcmp(def->defnamespace, OUR_NAMESPACE) == 0;

	if (def->defnamespace == NULL && strncmp(name, OUR_PREFIX, strlen(OUR_PREFIX)) == 0)
	{
		name += strlen(OUR_PREFIX);
		prefixed = true;
	}
	if (prefixed && !tsdb_options_has(name))
		raise_unknown(psprintf("%s%s", OUR_PREFIX, name));
	return prefixed || (def->defnamespace == NULL && tsdb_options_has(name)) ? name : NULL;
}

/* is_known_to_core - is it an option of some kind of relation?  Core knows which. */
static bool
is_known_to_core(DefElem *def)
{
	return strcmp(def->defname, "oids") == 0 || AlterTableGetRelOptionsLockLevel(list_make1(def)) != NoLock;
}

static DefElem *
make_ours(const char *name, DefElem *def, bool reset)
{
	Node *value = NULL;

	if (reset && def->arg != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_SYNTAX_ERROR),
				 errmsg("RESET must not include values for parameters")));
	if (!reset && def->arg == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("option \"%s\" has no value", name),
				 errhint("Write %s = '...'.", name)));
	if (!reset)
		value = (Node *) makeString(value_of(def));
	return makeDefElem(pstrdup(name), value, def->location);
}

/* value_of - text of a value; the grammar takes time_column = time for a type, pg_catalog.time. */
static char *
value_of(DefElem *def)
{
	List *names = IsA(def->arg, TypeName) ? ((TypeName *) def->arg)->names : NIL;

	if (list_length(names) == 2 && strcmp(strVal(linitial(names)), "pg_catalog") == 0)
		return strVal(lsecond(names));
	return defGetString(def);
}

static bool
has_toast_option(List *options, const char *name)
{
	ListCell *lc;

	foreach (lc, options)
	{
		DefElem *def = lfirst_node(DefElem, lc);

		if (def->defnamespace != NULL && strcmp(def->defnamespace, TOAST_NAMESPACE) == 0 && strcmp(def->defname, name) == 0)
			return true;
	}
	return false;
}

static void
raise_unknown(const char *name)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("unknown option \"%s\" of a tsdb table", name),
			 errdetail("Options of tsdb are %s.", TSDB_OPTION_NAMES),
			 errhint("Storage parameters of PostgreSQL, such as autovacuum_enabled, are allowed too.")));
}
