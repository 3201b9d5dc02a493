/*-------------------------------------------------------------------------
 *
 * undo.c
 *	  Put back what an edit replaced.
 *
 * First all series are locked: from then on nobody else edits them, and a new snapshot sees all who did.  Then each image
 * is compared with what the table holds now, and what was there is written again: bit for bit, through the
 * buffer, so that it is journaled as every write is.
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "edit/capture.h"
#include "edit/editcolumns.h"
#include "edit/edittags.h"
#include "edit/image.h"
#include "edit/lookup.h"
#include "edit/pastsamples.h"
#include "edit/undo.h"
#include "miscadmin.h"
#include "pg/compat.h"
#include "utils/acl.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"
#include "write/buffer.h"

/* An image of the edit, and where it belongs. */
typedef struct UndoneImage
{
	const TsdbEditImage *header;
	uint32 series;
} UndoneImage;

typedef struct Undo
{
	Relation rel;
	const TsdbTable *table;
	const TsdbEdit *edit;
	List *columns;
	Snapshot snapshot; /* after the locks */
	TsdbLookup *lookup;
	CommandId cid;
	int nimages;
	UndoneImage *images;
	AclMode rights; /* found to be needed */
} Undo;

static void lock_images(Undo *undo, List *headers);
static int compare_series(const void *a, const void *b);
static void check_in_force(Undo *undo);
static void check_later(Undo *undo, const TsdbEditImage *header, const TsdbImage *image, bool *is_repeated);
static bool is_later(const TsdbEdit *other, const TsdbEdit *edit);
static bool first_common(const TsdbImage *a, const TsdbImage *b, int64 *time);
static void put_back(Undo *undo, const UndoneImage *undone);
static void check_unchanged(Undo *undo, const UndoneImage *undone, const TsdbImage *image, const bool *found, const TsdbBatch *rows);
static void need_right(Undo *undo, AclMode right);
static void write_rows(Undo *undo, uint32 series, const TsdbImage *image, const TsdbBatch *before);
static void set_undone(Snapshot snapshot, const TsdbEdit *edit, int64 by);

int64
tsdb_undo_run(Relation rel, const TsdbEdit *edit, const char *reason)
{
	MemoryContext work = AllocSetContextCreate(CurrentMemoryContext, "tsdb undo", ALLOCSET_DEFAULT_SIZES);
	TsdbEdit row = {0};
	Undo undo = {0};
	int64 id;

	row.kind = TSDB_KIND_UNDO;
	row.reason = reason;
	row.undoes = edit->id;
	undo.rel = rel;
	undo.table = tsdb_table_copy(rel);
	undo.edit = edit;
	undo.columns = tsdb_journal_columns(RelationGetRelid(rel));
	id = tsdb_capture_begin(rel, &row, false);
	lock_images(&undo, tsdb_journal_images_of_edit(edit->id, GetActiveSnapshot()));
	undo.snapshot = RegisterSnapshot(GetLatestSnapshot());
	check_in_force(&undo);
	undo.cid = GetCurrentCommandId(true);
	tsdb_capture_set_command(undo.cid);
	undo.lookup = tsdb_lookup_open(rel, undo.table, undo.snapshot, undo.cid, undo.table->nvalues);
	for (int i = 0; i < undo.nimages; i++)
	{
		MemoryContext caller = MemoryContextSwitchTo(work);

		CHECK_FOR_INTERRUPTS();
		put_back(&undo, &undo.images[i]);
		MemoryContextSwitchTo(caller);
		MemoryContextReset(work);
	}
	tsdb_lookup_close(undo.lookup);
	tsdb_capture_end(rel);
	set_undone(undo.snapshot, edit, id);
	UnregisterSnapshot(undo.snapshot);
	MemoryContextDelete(work);
	return id;
}

// private functions

/* In order of the series, so that two sessions can't wait for each other; images of a series stay in order. */
static void
lock_images(Undo *undo, List *headers)
{
	Datum *values = palloc0_array(Datum, undo->table->ntags + 1);
	bool *isnull = palloc0_array(bool, undo->table->ntags + 1);
	ListCell *lc;

	undo->images = palloc_array(UndoneImage, list_length(headers) + 1);
	foreach (lc, headers)
	{
		UndoneImage *image = &undo->images[undo->nimages++];

		image->header = lfirst(lc);
		tsdb_edittags_values(undo->rel, undo->table, image->header->tags, values, isnull);
		image->series = tsdb_edittags_series(undo->rel, undo->table, values, isnull, true);
	}
	qsort(undo->images, undo->nimages, sizeof(UndoneImage), compare_series);
	for (int i = 0; i < undo->nimages; i++)
		tsdb_capture_lock(undo->rel, undo->images[i].series);
}

static int
compare_series(const void *a, const void *b)
{
	const UndoneImage *left = a;
	const UndoneImage *right = b;

	if (left->series != right->series)
		return left->series < right->series ? -1 : 1;
	if (left->header->first_us != right->header->first_us)
		return left->header->first_us < right->header->first_us ? -1 : 1;
	return left->header->number < right->header->number ? -1 : left->header->number > right->header->number;
}

static void
check_in_force(Undo *undo)
{
	const TsdbEdit *now = tsdb_journal_find_edit(undo->edit->id, undo->snapshot);

	if (now == NULL || now->undone_by != 0)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("edit %lld is undone already", (long long) undo->edit->id),
				 errdetail("Edit %lld did it.", now == NULL ? 0LL : (long long) now->undone_by),
				 errhint("Undo edit %lld to have it back.", now == NULL ? 0LL : (long long) now->undone_by)));
}

/*
 * Raise if an edit that is in force touched a sample of the image later.
 *
 *	is_repeated	out: a later image of the same edit holds a sample of this one, so what this one left is not there any more
 */
static void
check_later(Undo *undo, const TsdbEditImage *header, const TsdbImage *image, bool *is_repeated)
{
	ListCell *lc;

	*is_repeated = false;
	foreach (lc, tsdb_journal_images_of_series(RelationGetRelid(undo->rel), header->series_key, undo->snapshot))
	{
		const TsdbEditImage *other = lfirst(lc);
		bool is_same = other->edit == header->edit;
		const TsdbEdit *edit;
		TsdbImage later;
		int64 time;

		if (other->number <= header->number || other->last_us < header->first_us || other->first_us > header->last_us ||
			VARSIZE(other->tags) != VARSIZE(header->tags) || memcmp(other->tags, header->tags, VARSIZE(header->tags)) != 0)
			continue;
		edit = is_same ? undo->edit : tsdb_journal_find_edit(other->edit, undo->snapshot);
		if (edit == NULL || (!is_same && !is_later(edit, undo->edit)))
			continue;
		tsdb_past_decode(undo->rel, other, &later);
		if (!first_common(image, &later, &time))
			continue;
		if (is_same)
			*is_repeated = true;
		else
			ereport(ERROR,
					(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
					 errmsg("edit %lld can't be undone: edit %lld touched the same samples later",
							(long long) undo->edit->id, (long long) edit->id),
					 errdetail("The first of them is of %s.", timestamptz_to_str(time)),
					 errhint("Undo edit %lld first.", (long long) edit->id)));
	}
}

/* An undo of an edit that came after this one has only brought back what this one had left. */
static bool
is_later(const TsdbEdit *other, const TsdbEdit *edit)
{
	return other->undone_by == 0 && (strcmp(other->kind, TSDB_KIND_UNDO) != 0 || other->undoes < edit->id);
}

static bool
first_common(const TsdbImage *a, const TsdbImage *b, int64 *time)
{
	uint32 i = 0;
	uint32 j = 0;

	while (i < a->nsamples && j < b->nsamples)
	{
		if (a->times[i] == b->times[j])
		{
			*time = a->times[i];
			return true;
		}
		if (a->times[i] < b->times[j])
			i++;
		else
			j++;
	}
	return false;
}

static void
put_back(Undo *undo, const UndoneImage *undone)
{
	TsdbImage image;
	TsdbBatch rows;
	bool is_repeated;
	bool *found;

	tsdb_past_decode(undo->rel, undone->header, &image);
	check_later(undo, undone->header, &image, &is_repeated);
	found = palloc_array(bool, image.nsamples);
	tsdb_lookup_rows(undo->lookup, undone->series, image.times, image.nsamples, found, &rows);
	if (!is_repeated)
		check_unchanged(undo, undone, &image, found, &rows);
	for (uint32 i = 0; i < image.nsamples; i++)
	{
		bool was = (image.flags[i] & TSDB_IMAGE_WAS) != 0;

		if (was || found[i])
			need_right(undo, was && found[i] ? ACL_UPDATE : was ? ACL_INSERT
																: ACL_DELETE);
	}
	rows = image.before;
	tsdb_editcolumns_adapt(undo->rel, undo->table, undo->columns, image.column_ids, &rows);
	write_rows(undo, undone->series, &image, &rows);
}

/* The table has to hold what the edit left: else something was written over it without a reason. */
static void
check_unchanged(Undo *undo, const UndoneImage *undone, const TsdbImage *image, const bool *found, const TsdbBatch *rows)
{
	bool is_same = true;

	for (uint32 i = 0; i < image->nsamples && is_same; i++)
		is_same = found[i] == ((image->flags[i] & TSDB_IMAGE_IS) != 0);
	for (int c = 0; c < image->ncolumns && is_same; c++)
	{
		int place = tsdb_editcolumns_place(undo->rel, undo->table, undo->columns, image->column_ids[c]);
		uint64 fingerprint = 0;

		/* Columns that are gone, or have got another type since, can't be compared. */
		if (place < 0 || rows->columns[place].type != image->before.columns[c].type)
			continue;
		for (uint32 row = 0; row < rows->nrows; row++)
			fingerprint = tsdb_image_fold(fingerprint, &rows->columns[place], rows->arena.data, row);
		is_same = fingerprint == image->fingerprints[c];
	}
	if (!is_same)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("edit %lld can't be undone: samples of it were changed later without a reason",
						(long long) undo->edit->id),
				 errdetail("They lie between %s and %s.", pstrdup(timestamptz_to_str(undone->header->first_us)),
						   pstrdup(timestamptz_to_str(undone->header->last_us))),
				 errhint("Correct them with tsdb.overwrite() or tsdb.mark_deleted(); tsdb.history() shows what was there.")));
}

static void
need_right(Undo *undo, AclMode right)
{
	if ((undo->rights & right) != 0)
		return;
	if (pg_class_aclcheck(RelationGetRelid(undo->rel), GetUserId(), right) != ACLCHECK_OK)
		aclcheck_error(ACLCHECK_NO_PRIV, OBJECT_TABLE, RelationGetRelationName(undo->rel));
	undo->rights |= right;
}

static void
write_rows(Undo *undo, uint32 series, const TsdbImage *image, const TsdbBatch *before)
{
	TsdbCell *cells = palloc0_array(TsdbCell, undo->table->nvalues + 1);
	ItemPointerData unused;
	uint32 row = 0;

	for (uint32 i = 0; i < image->nsamples; i++)
	{
		if ((image->flags[i] & TSDB_IMAGE_WAS) == 0)
		{
			tsdb_buffer_append(undo->rel, undo->table, series, image->times[i], TSDB_ROW_TOMBSTONE, NULL, NULL, NULL, undo->cid, &unused);
			continue;
		}
		for (int c = 0; c < undo->table->nvalues; c++)
		{
			const TsdbColumn *column = &before->columns[c];

			cells[c].column = c;
			cells[c].is_null = column->states != NULL && column->states[row] != TSDB_CELL_VALUE;
			cells[c].word = column->words[row];
			if (column->type == TSDB_TYPE_TEXT && !cells[c].is_null)
			{
				uint32 nbytes;

				memcpy(&nbytes, before->arena.data + column->words[row], sizeof(nbytes));
				cells[c].text = before->arena.data + column->words[row] + sizeof(nbytes);
				cells[c].nbytes = nbytes;
			}
		}
		tsdb_buffer_append_cells(undo->rel, undo->table, series, image->times[i], cells, undo->table->nvalues, undo->cid);
		row++;
	}
}

/* An edit is out of force (by = 0: in force again).  If it is an undo, what that had undone is the other way round. */
static void
set_undone(Snapshot snapshot, const TsdbEdit *edit, int64 by)
{
	while (edit != NULL)
	{
		int64 id = edit->id;

		tsdb_journal_set_undone(id, by);
		CommandCounterIncrement();
		edit = edit->undoes == 0 ? NULL : tsdb_journal_find_edit(edit->undoes, snapshot);
		by = by != 0 ? 0 : id;
	}
}
