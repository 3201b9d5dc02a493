/*-------------------------------------------------------------------------
 *
 * modified.h
 *	  Samples that commands of this transaction have updated or deleted, and which command did last.
 *
 * And those that a command wrote which takes rows away too: it takes what was there before it,
 * never what it writes itself.
 *-------------------------------------------------------------------------
 */
#ifndef TSDB_MODIFIED_H
#define TSDB_MODIFIED_H

#include "postgres.h"
#include "format/batch.h"

/*
 * tsdb_modified_mark - remember that command cid updates or deletes this sample.
 *
 * Returns false, and in *by the command, when this command or one that it triggered had
 * done so already (TM_SelfModified).
 */
extern bool tsdb_modified_mark(Oid relid, TsdbKey key, CommandId cid, CommandId *by);

/* tsdb_modified_unmark - the change was refused after all: the command may come back to the sample. */
extern void tsdb_modified_unmark(Oid relid, TsdbKey key);

/* tsdb_modified_set_removing - command cid takes rows away; what it has written has to be told next. is: does it? */
extern void tsdb_modified_set_removing(CommandId cid);
extern bool tsdb_modified_is_removing(CommandId cid);

/* tsdb_modified_set_written - a command that takes rows away has written this sample. is: did it? */
extern void tsdb_modified_set_written(Oid relid, TsdbKey key, CommandId cid);
extern bool tsdb_modified_is_written(Oid relid, TsdbKey key, CommandId cid);

/* tsdb_modified_end_commands - no command is being executed any more: what was marked can be forgotten. */
extern void tsdb_modified_end_commands(void);

/* tsdb_modified_end_transaction - its memory goes by itself. */
extern void tsdb_modified_end_transaction(void);

#endif /* TSDB_MODIFIED_H */
