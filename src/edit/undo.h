/*-------------------------------------------------------------------------
 *
 * undo.h
 *	  Put back what an edit replaced.
 *
 *-------------------------------------------------------------------------
 */
#ifndef TSDB_UNDO_H
#define TSDB_UNDO_H

#include "postgres.h"
#include "edit/journal.h"
#include "utils/rel.h"

/*
 * tsdb_undo_run - put back exactly what was there, as an edit of its own; returns its id.
 *
 * Refused when the edit is undone already, when a later edit in force touched a sample of it, and when a sample isn't what the
 * edit left there.  Needs INSERT, UPDATE and DELETE, each if there is something to be inserted, replaced, deleted.
 */
extern int64 tsdb_undo_run(Relation rel, const TsdbEdit *edit, const char *reason);

#endif /* TSDB_UNDO_H */
