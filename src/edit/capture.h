/*-------------------------------------------------------------------------
 *
 * capture.h
 *	  What is written while there is a reason goes into the journal.
 *
 * One edit per statement and table.  When a row is buffered the lock of its series is taken; before rows are flushed, and when the
 * statement ends, what they replace is read and kept (docs/ARCHITECTURE.md "Journal").
 *-------------------------------------------------------------------------
 */
#ifndef TSDB_CAPTURE_H
#define TSDB_CAPTURE_H

#include "postgres.h"
#include "edit/journal.h"
#include "format/batch.h"
#include "utils/rel.h"

/* How the session's next edit is called, unless a function says so. */
typedef enum TsdbEditKind
{
	TSDB_EDIT_UNKNOWN, /* goes by the rows */
	TSDB_EDIT_INSERT,
	TSDB_EDIT_COPY,
	TSDB_EDIT_UPDATE,
	TSDB_EDIT_DELETE,
	TSDB_EDIT_MERGE
} TsdbEditKind;

/*
 * tsdb_capture_begin - the next command that writes to the table, or tsdb_capture_set_command, makes one edit.
 *
 *	edit	kind, reason, series, has_range, from_us, until_us and undoes count; copied
 *	only_empty	rows whose sample is there already are not written, but counted as skipped
 *
 * Returns the edit's id.  Ends with tsdb_capture_end, or when the (sub)transaction aborts.
 */
extern int64 tsdb_capture_begin(Relation rel, const TsdbEdit *edit, bool only_empty);
extern void tsdb_capture_set_command(CommandId cid);
extern void tsdb_capture_end(Relation rel);

/* tsdb_capture_lock - take the lock of a series for the edit in progress of a function. */
extern void tsdb_capture_lock(Relation rel, uint32 series);

/* tsdb_capture_set_silent - what is written from now on the function keeps a record of by itself. */
extern void tsdb_capture_set_silent(bool is_silent);

/* tsdb_capture_add_samples - count samples that a function keeps a record of by itself. */
extern int64 tsdb_capture_id(void);
extern void tsdb_capture_add_samples(uint64 nsamples, int64 first_us, int64 last_us);

/* tsdb_capture_end_command - a command of this id is over: complete the edits that it made. */
extern void tsdb_capture_end_command(CommandId cid);

/* tsdb_capture_set_kind - what kind of command is running; returns the one before. */
extern TsdbEditKind tsdb_capture_set_kind(TsdbEditKind kind);

/* tsdb_capture_refuse_truncate - raise if TRUNCATE of this table would go past the journal. */
extern void tsdb_capture_refuse_truncate(Oid relid);

/* tsdb_capture_init - setting and callbacks; after tsdb_buffer_init. */
extern void tsdb_capture_init(void);

#endif /* TSDB_CAPTURE_H */
