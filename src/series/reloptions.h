/*-------------------------------------------------------------------------
 *
 * reloptions.h
 *	  Where the options of a tsdb table are kept: pg_class.reloptions.
 *
 * They stand there unprefixed beside core's, so that \d+ shows and pg_dump writes them.
 * Core passes over unknown entries when it reads, but refuses them when it changes
 * the list, so am/ddl_alter.c takes ours out around core's changes.  Lists are of DefElem (name, String or NULL).
 *-------------------------------------------------------------------------
 */
#ifndef TSDB_RELOPTIONS_H
#define TSDB_RELOPTIONS_H

#include "postgres.h"
#include "nodes/pg_list.h"
#include "utils/rel.h"

/* tsdb_reloptions_read - all options of a relation, core's too. */
extern List *tsdb_reloptions_read(Oid relid);

/* tsdb_reloptions_write - replace all options of a relation.  The caller makes the change visible (CommandCounterIncrement). */
extern void tsdb_reloptions_write(Oid relid, List *options);

/* tsdb_reloptions_filter - those that are ours, or those that are not. */
extern List *tsdb_reloptions_filter(List *options, bool ours);

/* tsdb_reloptions_set - a list with one option set (value NULL: taken out). */
extern List *tsdb_reloptions_set(List *options, const char *name, const char *value);

/* tsdb_reloptions_find - value of an option; NULL when it is not there. */
extern const char *tsdb_reloptions_find(List *options, const char *name);

/* tsdb_reloptions_from_array - a text[] of "name=value" as a list. */
extern List *tsdb_reloptions_from_array(Datum array);

/*
 * TsdbReloptionsChange - while ALTER TABLE runs in core, a table has two sets
 * of options: old rows are read with the old ones, everything else goes by the new ones.
 * pg_class may hold neither.
 */
typedef struct TsdbReloptionsChange
{
	struct TsdbReloptionsChange *outer;
	Oid relid;
	uint64 serial; /* never 0, never used twice by this backend */
	List *old_options; /* ours; NIL = the table was not ours */
	List *new_options; /* ours; NIL = it will not be ours */
} TsdbReloptionsChange;

/* Begin and end must pair, also on errors (PG_FINALLY); the struct and its lists belong to the caller. */
extern void tsdb_reloptions_begin_change(TsdbReloptionsChange *change);
extern void tsdb_reloptions_end_change(TsdbReloptionsChange *change);

/*
 * tsdb_reloptions_change_of - the change in progress that concerns a relation, or NULL.
 *
 * Also for the transient relation that a rewrite of the table fills.
 */
extern const TsdbReloptionsChange *tsdb_reloptions_change_of(Relation rel);

/* tsdb_reloptions_name - name of a relation for messages: that of the table for the transient relation of a rewrite. */
extern const char *tsdb_reloptions_name(Relation rel);

#endif /* TSDB_RELOPTIONS_H */
