/*-------------------------------------------------------------------------
 *
 * ddl_private.h
 *	  What the files of DDL share.
 *
 *	ddl.c			ProcessUtility hook: which command, in which order
 *	ddl_options.c	our options in a list of WITH, SET or RESET
 *	ddl_alter.c		ALTER TABLE: options around core's work
 *	ddl_object.c	object access hook: what a command did to which table
 *	ddl_check.c		the tables that a command touched, after it
 *	ddl_vacuum.c	VACUUM by hand
 *	ddl_rules.c		rules for series (tsdb.series_rule) follow their tables
 *	ddl_refuse.c	what tsdb tables can't do: keys, publications, ON CONFLICT
 *
 *-------------------------------------------------------------------------
 */
#ifndef TSDB_DDL_PRIVATE_H
#define TSDB_DDL_PRIVATE_H

#include "postgres.h"
#include "access/attnum.h"
#include "access/htup.h"
#include "catalog/pg_index.h"
#include "nodes/parsenodes.h"
#include "series/reloptions.h"
#include "series/tsdbtable.h"

/* A column that a command dropped, or whose stored type it changed. */
typedef struct TsdbDdlColumn
{
	Oid relid;
	char *name;
	Oid type_oid; /* before the command */
	Oid relfilenode; /* before the command */
} TsdbDdlColumn;

/*
 * TsdbDdlFrame - a utility command in progress; commands nest (schema elements, event
 * triggers, functions called by a query).
 */
typedef struct TsdbDdlFrame
{
	struct TsdbDdlFrame *outer;
	MemoryContext context; /* lives as long as the command */
	const char *create_name; /* the tsdb table that the command makes, or NULL */
	List *create_options; /* its options, ours only */
	bool created;
	List *created_oids; /* tsdb tables made */
	List *touched_oids; /* tsdb tables made or changed */
	List *dropped; /* TsdbDdlColumn * of tsdb tables */
	List *retyped;
} TsdbDdlFrame;

/* ddl_object.c */

/* The innermost command, NULL outside of commands that matter. */
extern TsdbDdlFrame *tsdb_ddl_object_frame;

/* tsdb_ddl_object_init - put the object access hook in place. */
extern void tsdb_ddl_object_init(void);

/* tsdb_ddl_object_access_method - access method of a relation; InvalidOid when there is no such relation or it has none.  No lock is taken. */
extern Oid tsdb_ddl_object_access_method(Oid relid);

/* tsdb_ddl_object_touch - have a table checked at the end of the command. */
extern void tsdb_ddl_object_touch(TsdbDdlFrame *frame, Oid relid);

/* ddl_options.c */

/*
 * tsdb_ddl_options_take - take our options out of a list.
 *
 *	options		DefElems of WITH, SET or RESET
 *	reset		RESET: no values
 *	ours		out: DefElems (name, String; RESET: NULL), unprefixed
 *
 * Returns the rest.  Raises for names that neither we nor core know, missing or superfluous values, repetitions.
 */
extern List *tsdb_ddl_options_take(List *options, bool reset, List **ours);

/* tsdb_ddl_options_refuse_parent - raise, with a hint, if options for a partitioned table are ours. */
extern void tsdb_ddl_options_refuse_parent(List *options, const char *table_name);

/* tsdb_ddl_options_refuse_heap - raise, with a hint, if options are ours and the table is one of heap's; is_new: by CREATE. */
extern void tsdb_ddl_options_refuse_heap(List *options, const char *table_name, Oid access_method, bool is_new);

/* tsdb_ddl_options_add_toast - append the settings of our TOAST relations that the user didn't give. */
extern List *tsdb_ddl_options_add_toast(List *options);

/* ddl_alter.c */

typedef struct TsdbDdlAlter TsdbDdlAlter;

/*
 * tsdb_ddl_alter_begin - what must happen before core runs an ALTER TABLE.
 *
 * Changes stmt (the caller's copy): our options go.  Returns NULL when core needs no help; else
 * tsdb_ddl_alter_abandon must follow when core raises, tsdb_ddl_alter_finish when not.
 * Locks: the table, as core will.
 */
extern TsdbDdlAlter *tsdb_ddl_alter_begin(AlterTableStmt *stmt);
extern void tsdb_ddl_alter_abandon(TsdbDdlAlter *alter);
extern void tsdb_ddl_alter_finish(TsdbDdlAlter *alter, TsdbDdlFrame *frame);

/* tsdb_ddl_alter_attached - have the tsdb partitions checked that an ALTER TABLE attached. */
extern void tsdb_ddl_alter_attached(AlterTableStmt *stmt, TsdbDdlFrame *frame);

/* ddl_check.c */

/* tsdb_ddl_check_tables - do the tables that the command touched still make sense?  Raises if not. */
extern void tsdb_ddl_check_tables(TsdbDdlFrame *frame);

/* tsdb_ddl_check_has_rows - may the table hold rows, flushed or pending? */
extern bool tsdb_ddl_check_has_rows(Relation rel);

/* ddl_vacuum.c */

/*
 * tsdb_ddl_vacuum_begin - what must happen before core runs a VACUUM.
 *
 * If all tables it names are ours it gets TRUNCATE true (the caller's copy): autovacuum's must not cut the file, one by
 * hand shall (rule C10).  Returns OIDs of tsdb tables that tsdb_ddl_vacuum_move is for, in PortalContext.
 */
extern List *tsdb_ddl_vacuum_begin(VacuumStmt *stmt);

/*
 * tsdb_ddl_vacuum_move - move rows of a table to the front of its storage if that lets the file be cut.
 *
 * Comes after core's VACUUM, in the transaction that this left open; ends it and leaves another one.
 * Returns the VACUUM of the TOAST relation that cuts the file, NULL when there is nothing to gain, and in *npages what it
 * should be cut to.
 */
extern VacuumStmt *tsdb_ddl_vacuum_move(Oid relid, const VacuumStmt *stmt, BlockNumber *npages);

/*
 * tsdb_ddl_vacuum_retry - should that VACUUM, run so many times, be run again?
 *
 * A snapshot that somebody held for a moment, even in another database, is enough for it to cut nothing. Waits for
 * that moment.
 */
extern bool tsdb_ddl_vacuum_retry(const VacuumStmt *again, BlockNumber npages, int ntries);

/* ddl_rules.c */

/* tsdb_ddl_rules_renamed - after ALTER TABLE ... RENAME COLUMN: rules name tags. */
extern void tsdb_ddl_rules_renamed(const RenameStmt *stmt);

/* tsdb_ddl_rules_dropped - a relation is being dropped. */
extern void tsdb_ddl_rules_dropped(Oid relid);

/* ddl_refuse.c */

/* tsdb_ddl_refuse_init - put the planner hook for ON CONFLICT in place. */
extern void tsdb_ddl_refuse_init(void);

/* tsdb_ddl_refuse_index - raise if a new index is one of a tsdb table. */
extern void tsdb_ddl_refuse_index(const FormData_pg_index *index);

/* tsdb_ddl_refuse_indexed - raise if the table, about to become a tsdb table, has indexes. */
extern void tsdb_ddl_refuse_indexed(Relation rel);

/* tsdb_ddl_refuse_references - raise if a foreign key among columns and constraints references a tsdb table.  new_table: tsdb table being made, or NULL. */
extern void tsdb_ddl_refuse_references(List *elements, const char *new_table);

/* tsdb_ddl_refuse_publishing - raise if the table, about to become a tsdb table, is named in a publication. */
extern void tsdb_ddl_refuse_publishing(Relation rel);

/* tsdb_ddl_refuse_warn_published - warn when a new tsdb table is in a publication of all tables, of its schema or of a parent. */
extern void tsdb_ddl_refuse_warn_published(Relation rel);

/* tsdb_ddl_refuse_publication - after a command about a publication: raise if it names tsdb tables, warn if it includes some otherwise. */
extern void tsdb_ddl_refuse_publication(Node *stmt);

#endif /* TSDB_DDL_PRIVATE_H */
