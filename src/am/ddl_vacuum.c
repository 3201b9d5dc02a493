/*-------------------------------------------------------------------------
 *
 * ddl_vacuum.c
 *	  VACUUM by hand of tsdb tables: give space back to the file system.
 *
 * Core's VACUUM frees what compaction has deleted, at the front of the file; what it wrote lies
 * behind, so the file can't be cut.  When core is done, in transactions of their own, rows are moved to the
 * front (maint/move.c), and core vacuums the TOAST relation once more, which cuts the file.
 * Never inside of VACUUM: see docs/ARCHITECTURE.md "Why VACUUM does not compact".
 *
 * Autovacuum does none of this: the cut takes an exclusive lock.
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/relation.h"
#include "access/xact.h"
#include "catalog/namespace.h"
#include "catalog/pg_inherits.h"
#include "commands/defrem.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "nodes/value.h"
#include "storage/bufmgr.h"
#include "storage/latch.h"
#include "storage/lmgr.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/portal.h"
#include "utils/snapmgr.h"
#include "utils/wait_event.h"

#include "am/ddl_private.h"
#include "maint/move.h"
#include "pg/compat.h"
#include "pg/debug_point.h"
#include "store/store.h"

#define MAX_TRIES 3
#define RETRY_MS 100
#define LEAST_SHARE 32 /* of a file is worth a move */

static DefElem *find_option(List *options, const char *name);
static bool is_on(List *options, const char *name, bool otherwise);
static bool gives_back(VacuumStmt *stmt);
static bool skips_indexes(List *options);
static List *tables_of(const RangeVar *name);
static VacuumStmt *toast_vacuum(const VacuumStmt *stmt, Oid toast_oid);
static Relation open_table(Oid relid, bool skip_locked);

List *
tsdb_ddl_vacuum_begin(VacuumStmt *stmt)
{
	MemoryContext caller = MemoryContextSwitchTo(PortalContext);
	List *tables = NIL;
	bool all_ours = true;
	ListCell *cell;

	if (gives_back(stmt))
		foreach (cell, stmt->rels)
		{
			VacuumRelation *target = lfirst_node(VacuumRelation, cell);
			List *own = target->relation != NULL ? tables_of(target->relation) : NIL;

			all_ours &= target->relation != NULL && tsdb_table_is(RangeVarGetRelid(target->relation, NoLock, true));
			tables = list_concat_unique_oid(tables, own);
		}
	if (tables != NIL && all_ours)
		stmt->options = lappend(stmt->options, makeDefElem("truncate", (Node *) makeString("true"), -1));
	MemoryContextSwitchTo(caller);
	return tables;
}

VacuumStmt *
tsdb_ddl_vacuum_move(Oid relid, const VacuumStmt *stmt, BlockNumber *npages)
{
	bool skip_locked = is_on(stmt->options, "skip_locked", false);
	int level = is_on(stmt->options, "verbose", false) ? INFO : DEBUG2;
	TsdbMove *move = NULL;
	VacuumStmt *again = NULL;
	bool more;

	do
	{
		Relation rel = open_table(relid, skip_locked);

		more = false;
		if (rel != NULL)
		{
			MemoryContext caller = MemoryContextSwitchTo(PortalContext);

			PushActiveSnapshot(GetTransactionSnapshot());
			if (move == NULL)
				move = tsdb_move_begin(rel, LEAST_SHARE, 1);
			more = move != NULL && tsdb_move_step(rel, move);
			PopActiveSnapshot();
			MemoryContextSwitchTo(caller);
			if (move != NULL && !more)
				ereport(level,
						(errmsg("moved %llu rows, %llu bytes, to the front of the storage of table \"%s\"",
								(unsigned long long) tsdb_move_rows(move), (unsigned long long) tsdb_move_bytes(move),
								RelationGetRelationName(rel))));
			relation_close(rel, NoLock);
		}
		/* Ends the transaction that core's VACUUM left open, or the one of the step before. */
		CommitTransactionCommand();
		StartTransactionCommand();
	} while (more);

	if (move != NULL)
	{
		MemoryContext caller = MemoryContextSwitchTo(PortalContext);

		again = toast_vacuum(stmt, tsdb_move_toast(move));
		*npages = tsdb_move_end(move);
		MemoryContextSwitchTo(caller);
	}
	return again;
}

bool
tsdb_ddl_vacuum_retry(const VacuumStmt *again, BlockNumber npages, int ntries)
{
	Oid toast_oid = linitial_node(VacuumRelation, again->rels)->oid;
	Relation rel = ntries < MAX_TRIES ? try_relation_open(toast_oid, AccessShareLock) : NULL;
	bool is_longer = rel != NULL && RelationGetNumberOfBlocks(rel) > npages;

	/* Core cuts nothing below a sixteenth. */
	if (is_longer)
		is_longer = !tsdb_store_cut(rel, npages);
	if (rel != NULL)
		relation_close(rel, AccessShareLock);
	if (is_longer)
	{
		TSDB_DEBUG_POINT("vacuum_retry");
		(void) WaitLatch(MyLatch, WL_TIMEOUT | WL_EXIT_ON_PM_DEATH, RETRY_MS, PG_WAIT_EXTENSION);
		CHECK_FOR_INTERRUPTS();
	}
	return is_longer;
}

// private functions

static DefElem *
find_option(List *options, const char *name)
{
	ListCell *cell;

	foreach (cell, options)
	{
		DefElem *option = lfirst_node(DefElem, cell);

		if (strcmp(option->defname, name) == 0)
			return option;
	}
	return NULL;
}

/* is_on - value of a boolean option.  Core has not looked at it yet: it may raise. */
static bool
is_on(List *options, const char *name, bool otherwise)
{
	DefElem *option = find_option(options, name);

	return option != NULL ? defGetBoolean(option) : otherwise;
}

/* gives_back - is it a VACUUM that names tables and may cut their files? */
static bool
gives_back(VacuumStmt *stmt)
{
	return stmt->is_vacuumcmd && stmt->rels != NIL && find_option(stmt->options, "truncate") == NULL &&
		   !is_on(stmt->options, "full", false) && is_on(stmt->options, "process_toast", true) &&
		   !is_on(stmt->options, "only_database_stats", false) && !skips_indexes(stmt->options);
}

/* skips_indexes - dead rows that the index still has keep their places in the heap. */
static bool
skips_indexes(List *options)
{
	DefElem *option = find_option(options, "index_cleanup");

	return option != NULL && option->arg != NULL && pg_strcasecmp(defGetString(option), "auto") != 0 && !defGetBoolean(option);
}

/* tables_of - tsdb tables that VACUUM of a name vacuums and the user may: the table itself or its partitions. */
static List *
tables_of(const RangeVar *name)
{
	Oid relid = RangeVarGetRelid(name, NoLock, true);
	List *tables = NIL;
	List *candidates;
	ListCell *cell;

	if (!OidIsValid(relid))
		return NIL;
	if (get_rel_relkind(relid) == RELKIND_PARTITIONED_TABLE && name->inh)
		candidates = find_all_inheritors(relid, NoLock, NULL);
	else
		candidates = list_make1_oid(relid);
	foreach (cell, candidates)
		if (tsdb_table_is(lfirst_oid(cell)) && tsdb_compat_may_vacuum(lfirst_oid(cell)))
			tables = lappend_oid(tables, lfirst_oid(cell));
	return tables;
}

/* toast_vacuum - the command for the TOAST relation alone. */
static VacuumStmt *
toast_vacuum(const VacuumStmt *stmt, Oid toast_oid)
{
	VacuumStmt *again = makeNode(VacuumStmt);
	ListCell *cell;

	again->is_vacuumcmd = true;
	again->rels = list_make1(makeVacuumRelation(NULL, toast_oid, NIL));
	foreach (cell, stmt->options)
	{
		DefElem *option = lfirst_node(DefElem, cell);

		if (strcmp(option->defname, "analyze") != 0 && strcmp(option->defname, "process_main") != 0 &&
			strcmp(option->defname, "truncate") != 0)
			again->options = lappend(again->options, copyObject(option));
	}
	again->options = lappend(again->options, makeDefElem("truncate", (Node *) makeString("true"), -1));
	return again;
}

/* open_table - NULL when it is gone, is no tsdb table any more, or is locked and shall be skipped then. */
static Relation
open_table(Oid relid, bool skip_locked)
{
	Relation rel;

	if (!skip_locked)
		LockRelationOid(relid, AccessShareLock);
	else if (!ConditionalLockRelationOid(relid, AccessShareLock))
		return NULL;
	rel = try_relation_open(relid, NoLock);
	if (rel == NULL)
	{
		UnlockRelationOid(relid, AccessShareLock);
		return NULL;
	}
	if (!tsdb_table_is(relid) || RELATION_IS_OTHER_TEMP(rel) ||
		(skip_locked && OidIsValid(rel->rd_rel->reltoastrelid) &&
		 !ConditionalLockRelationOid(rel->rd_rel->reltoastrelid, RowExclusiveLock)))
	{
		relation_close(rel, NoLock);
		return NULL;
	}
	return rel;
}
