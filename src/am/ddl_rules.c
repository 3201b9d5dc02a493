/*-------------------------------------------------------------------------
 *
 * ddl_rules.c
 *	  Rules for series (tsdb.series_rule) follow their tables.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/namespace.h"
#include "catalog/pg_inherits.h"
#include "utils/lsyscache.h"

#include "am/ddl_private.h"
#include "attr/ruleedit.h"

void
tsdb_ddl_rules_renamed(const RenameStmt *stmt)
{
	Oid relid;
	List *relids = NIL;

	if (stmt->renameType != OBJECT_COLUMN || stmt->relation == NULL)
		return;
	relid = RangeVarGetRelid(stmt->relation, NoLock, true);
	/* IF EXISTS, and a column that is not there. */
	if (!OidIsValid(relid) || get_attnum(relid, stmt->newname) == InvalidAttrNumber)
		return;
	if (get_rel_relkind(relid) == RELKIND_PARTITIONED_TABLE || tsdb_table_is(relid))
		relids = find_all_inheritors(relid, NoLock, NULL);
	tsdb_ruleedit_rename(relids, stmt->subname, stmt->newname);
}

void
tsdb_ddl_rules_dropped(Oid relid)
{
	if (get_rel_relkind(relid) == RELKIND_PARTITIONED_TABLE || tsdb_table_is(relid))
		tsdb_tagrules_forget(relid);
}
