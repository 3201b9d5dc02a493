/*-------------------------------------------------------------------------
 *
 * journal.h
 *	  The journal's tables: edits, before-images, names of columns.
 *
 * Heap tables of the extension that pg_dump dumps and nobody may read or write directly.  A table is named by regclass, a
 * series by the texts of its tags in the order of the option, a column by a number that tsdb.edit_column keeps the name of:
 * nothing in them is lost by dump, restore, upgrade or RENAME.
 *-------------------------------------------------------------------------
 */
#ifndef TSDB_JOURNAL_H
#define TSDB_JOURNAL_H

#include "postgres.h"
#include "base/base.h"
#include "nodes/pg_list.h"
#include "utils/array.h"
#include "utils/snapshot.h"
#include "utils/timestamp.h"

/* A row of tsdb.edit. */
typedef struct TsdbEdit
{
	int64 id;
	Oid relid;
	const char *kind;
	Datum series; /* jsonb, 0 = NULL: which series it was asked for */
	bool has_range;
	int64 from_us; /* half open */
	int64 until_us;
	int64 written;
	int64 skipped;
	const char *reason;
	const char *role;
	TimestampTz at;
	int64 undoes; /* 0 = nothing */
	int64 undone_by; /* 0 = in force */
} TsdbEdit;

/* What image holds. */
typedef enum TsdbImageForm
{
	TSDB_IMAGE_SAMPLES = 0, /* edit/image.h */
	TSDB_IMAGE_STRETCH = 1 /* format/stretch.h: samples that were there and are gone */
} TsdbImageForm;

/* A row of tsdb.edit_image: one series and a stretch of its time.  By number = in the order in which a sample was changed. */
typedef struct TsdbEditImage
{
	int64 number;
	int64 edit;
	Oid relid;
	int64 series_key; /* hash of tags */
	ArrayType *tags; /* text[] */
	int64 first_us; /* inclusive both */
	int64 last_us;
	int64 samples;
	TsdbImageForm form;
	Datum bytes; /* bytea, perhaps toasted; for reading */
} TsdbEditImage;

/* A row of tsdb.edit_column. */
typedef struct TsdbEditColumn
{
	uint32 id;
	const char *name; /* NULL: dropped */
} TsdbEditColumn;

#define TSDB_KIND_UNDO "undo"

/* tsdb_journal_next_edit - a new id. */
extern int64 tsdb_journal_next_edit(void);

/* tsdb_journal_add_edit, add_image, add_column - insert a row; visible to later commands.  add_image and add_column choose the number. */
extern void tsdb_journal_add_edit(const TsdbEdit *edit);
extern void tsdb_journal_add_image(TsdbEditImage *image, TsdbSpan bytes);
extern uint32 tsdb_journal_add_column(Oid relid, const char *name);

/* tsdb_journal_set_undone - undone_by of an edit; 0 = in force again. */
extern void tsdb_journal_set_undone(int64 edit, int64 undone_by);

/* tsdb_journal_find_edit - by id; NULL when there is none.  Memory: the current context, as below. */
extern TsdbEdit *tsdb_journal_find_edit(int64 id, Snapshot snapshot);

/* tsdb_journal_edits - List of TsdbEdit of a table, by id. */
extern List *tsdb_journal_edits(Oid relid, Snapshot snapshot);

/* tsdb_journal_images_of_edit, of_table, of_series - List of TsdbEditImage, by number. */
extern List *tsdb_journal_images_of_edit(int64 edit, Snapshot snapshot);
extern List *tsdb_journal_images_of_table(Oid relid, Snapshot snapshot);
extern List *tsdb_journal_images_of_series(Oid relid, int64 series_key, Snapshot snapshot);

/* tsdb_journal_columns - List of TsdbEditColumn of a table, as they are now. */
extern List *tsdb_journal_columns(Oid relid);

/* DDL: a column got another name (NULL: was dropped); a table goes. */
extern void tsdb_journal_rename_column(Oid relid, const char *old_name, const char *new_name);
extern void tsdb_journal_forget(Oid relid);


#endif /* TSDB_JOURNAL_H */
