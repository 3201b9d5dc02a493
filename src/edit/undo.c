/*-------------------------------------------------------------------------
 *
 * undo.c
 *	  Put back what an edit replaced.
 *
 * First all series are locked: from then on nobody else edits them, and a new snapshot sees all who did.  Then each image
 * is compared with what the table holds now, and what was there is written again: bit for bit, through the
 * buffer, so that it is journaled as every write is.  Archived stretches go back as they are, where their place is
 * empty, under the lock that ranges need.
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "edit/capture.h"
#include "edit/editcolumns.h"
#include "edit/edittags.h"
#include "format/image.h"
#include "edit/lookup.h"
#include "edit/pastsamples.h"
#include "edit/undo.h"
#include "maint/rangedelete.h"
#include "miscadmin.h"
#include "pg/check.h"
#include "pg/compat.h"
#include "storage/lmgr.h"
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

/* An image of a later edit in force that may hold the same samples, or of the same edit. */
typedef struct LaterImage
{
	const TsdbEdit *edit;
	TsdbPastBytes bytes;
} LaterImage;

typedef struct Undo
{
	Relation rel;
	const TsdbTable *table;
	const TsdbEdit *edit;
	List *columns;
	uint32 *column_ids;
	Snapshot snapshot; /* after the locks */
	TsdbLookup *lookup;
	CommandId cid;
	int nimages;
	UndoneImage *images;
	AclMode rights; /* found to be needed */
	MemoryContext scratch; /* one image */
} Undo;

static bool has_stretches(List *headers);
static void undo_samples(Undo *undo);
static void undo_stretches(Undo *undo);
static bool is_restorable(Undo *undo, const TsdbPastBytes *bytes);
static void lock_images(Undo *undo, List *headers);
static int compare_series(const void *a, const void *b);
static void check_in_force(Undo *undo);
static void visit(Undo *undo, const UndoneImage *undone, bool checks, bool writes);
static List *find_later(Undo *undo, const TsdbEditImage *header);
static void check_later(Undo *undo, List *later, const TsdbImage *image, bool *is_repeated);
static bool is_later(const TsdbEdit *other, const TsdbEdit *edit);
static bool first_common(const TsdbImage *a, const TsdbImage *b, int64 *time);
static void check_piece(Undo *undo, const UndoneImage *undone, List *later, const TsdbImage *image);
static void check_unchanged(Undo *undo, const TsdbImage *image, const bool *found, const TsdbBatch *rows);
static void need_right(Undo *undo, AclMode right);
static void write_rows(Undo *undo, uint32 series, const TsdbImage *image, const TsdbBatch *before);
static int16 attnum_of(uint32 id, void *arg);
static void add_restored(Undo *undo, const TsdbEditImage *header, const TsdbImage *old);
static void set_undone(Snapshot snapshot, const TsdbEdit *edit, int64 by);

int64
tsdb_undo_run(Relation rel, const TsdbEdit *edit, const char *reason)
{
	List *headers = tsdb_journal_images_of_edit(edit->id, GetActiveSnapshot());
	bool is_range = has_stretches(headers);
	TsdbEdit row = {0};
	Undo undo = {0};
	int64 id;

	LockRelationOid(RelationGetRelid(rel), is_range ? ShareRowExclusiveLock : RowExclusiveLock);
	row.kind = TSDB_KIND_UNDO;
	row.reason = reason;
	row.undoes = edit->id;
	undo.rel = rel;
	undo.table = tsdb_table_copy(rel);
	undo.edit = edit;
	undo.columns = tsdb_journal_columns(RelationGetRelid(rel));
	undo.scratch = AllocSetContextCreate(CurrentMemoryContext, "tsdb undo", ALLOCSET_DEFAULT_SIZES);
	id = tsdb_capture_begin(rel, &row, false);
	lock_images(&undo, headers);
	undo.snapshot = RegisterSnapshot(GetLatestSnapshot());
	check_in_force(&undo);
	undo.cid = GetCurrentCommandId(true);
	undo.lookup = tsdb_lookup_open(rel, undo.table, undo.snapshot, undo.cid, undo.table->nvalues);
	if (is_range)
		undo_stretches(&undo);
	else
		undo_samples(&undo);
	tsdb_lookup_close(undo.lookup);
	tsdb_capture_end(rel);
	set_undone(undo.snapshot, edit, id);
	UnregisterSnapshot(undo.snapshot);
	MemoryContextDelete(undo.scratch);
	return id;
}

// private functions

static bool
has_stretches(List *headers)
{
	ListCell *lc;

	foreach (lc, headers)
		if (((const TsdbEditImage *) lfirst(lc))->form == TSDB_IMAGE_STRETCH)
			return true;
	return false;
}

static void
undo_samples(Undo *undo)
{
	tsdb_capture_set_command(undo->cid);
	for (int i = 0; i < undo->nimages; i++)
		visit(undo, &undo->images[i], true, true);
}

/* Look at everything first: blocks that are put back are seen at once. */
static void
undo_stretches(Undo *undo)
{
	MemoryContext caller = CurrentMemoryContext;
	bool *is_done = palloc0_array(bool, undo->nimages + 1);
	TsdbRangeRestore *restore;

	for (int i = 0; i < undo->nimages; i++)
		visit(undo, &undo->images[i], true, false);
	undo->column_ids = tsdb_editcolumns_ids(undo->rel, undo->table);
	tsdb_capture_set_silent(true);
	restore = tsdb_rangerestore_begin(undo->rel);
	for (int i = 0; i < undo->nimages; i++)
	{
		const UndoneImage *undone = &undo->images[i];
		TsdbPastBytes bytes;

		if (undone->header->form != TSDB_IMAGE_STRETCH)
			continue;
		MemoryContextSwitchTo(undo->scratch);
		tsdb_past_read(undo->rel, undone->header, &bytes);
		is_done[i] = is_restorable(undo, &bytes);
		if (is_done[i])
		{
			tsdb_rangerestore_put(restore, undone->series, bytes.bytes, attnum_of, undo);
			for (uint32 piece = 0; piece < bytes.npieces; piece++)
			{
				TsdbImage image;

				CHECK_FOR_INTERRUPTS();
				tsdb_past_decode(&bytes, piece, &image);
				add_restored(undo, undone->header, &image);
			}
		}
		MemoryContextSwitchTo(caller);
		MemoryContextReset(undo->scratch);
	}
	(void) tsdb_rangerestore_end(restore);
	tsdb_capture_set_silent(false);
	undo->cid = GetCurrentCommandId(true);
	tsdb_capture_set_command(undo->cid);
	for (int i = 0; i < undo->nimages; i++)
		if (!is_done[i])
			visit(undo, &undo->images[i], false, true);
}

/* Columns that got another type since have to be converted. */
static bool
is_restorable(Undo *undo, const TsdbPastBytes *bytes)
{
	for (int c = 0; c < bytes->stretch.ncolumns; c++)
	{
		int place = tsdb_editcolumns_place(undo->rel, undo->table, undo->columns, bytes->stretch.columns[c].id);

		if (place >= 0 && undo->table->values[place].type != bytes->stretch.columns[c].type)
			return false;
	}
	return true;
}

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
 * Look at an image and write what was there.
 *
 *	checks	raise if it can't be undone
 */
static void
visit(Undo *undo, const UndoneImage *undone, bool checks, bool writes)
{
	MemoryContext caller = MemoryContextSwitchTo(undo->scratch);
	List *later = checks ? find_later(undo, undone->header) : NIL;
	TsdbPastBytes bytes;

	tsdb_past_read(undo->rel, undone->header, &bytes);
	for (uint32 piece = 0; piece < bytes.npieces; piece++)
	{
		TsdbImage image;

		CHECK_FOR_INTERRUPTS();
		tsdb_past_decode(&bytes, piece, &image);
		if (checks)
			check_piece(undo, undone, later, &image);
		if (writes)
		{
			TsdbBatch rows = image.before;

			tsdb_editcolumns_adapt(undo->rel, undo->table, undo->columns, image.column_ids, &rows);
			write_rows(undo, undone->series, &image, &rows);
		}
	}
	MemoryContextSwitchTo(caller);
	MemoryContextReset(undo->scratch);
}

/* List of LaterImage. */
static List *
find_later(Undo *undo, const TsdbEditImage *header)
{
	List *later = NIL;
	ListCell *lc;

	foreach (lc, tsdb_journal_images_of_series(RelationGetRelid(undo->rel), header->series_key, undo->snapshot))
	{
		const TsdbEditImage *other = lfirst(lc);
		bool is_same = other->edit == header->edit;
		const TsdbEdit *edit;
		LaterImage *image;

		if (other->number <= header->number || other->last_us < header->first_us || other->first_us > header->last_us ||
			VARSIZE(other->tags) != VARSIZE(header->tags) || memcmp(other->tags, header->tags, VARSIZE(header->tags)) != 0)
			continue;
		edit = is_same ? undo->edit : tsdb_journal_find_edit(other->edit, undo->snapshot);
		if (edit == NULL || (!is_same && !is_later(edit, undo->edit)))
			continue;
		image = palloc(sizeof(LaterImage));
		image->edit = edit;
		tsdb_past_read(undo->rel, other, &image->bytes);
		later = lappend(later, image);
	}
	return later;
}

/*
 * Raise if an edit that is in force touched a sample of the image later.
 *
 *	is_repeated	out: a later image of the same edit holds a sample of this one, so what this one left is not there any more
 */
static void
check_later(Undo *undo, List *later, const TsdbImage *image, bool *is_repeated)
{
	ListCell *lc;

	*is_repeated = false;
	foreach (lc, later)
	{
		const LaterImage *other = lfirst(lc);

		for (uint32 piece = 0; piece < other->bytes.npieces; piece++)
		{
			TsdbImage touched;
			int64 time;

			if (!tsdb_past_overlaps(&other->bytes, piece, image->times[0], image->times[image->nsamples - 1]))
				continue;
			tsdb_past_decode(&other->bytes, piece, &touched);
			if (!first_common(image, &touched, &time))
				continue;
			if (other->edit != undo->edit)
				ereport(ERROR,
						(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
						 errmsg("edit %lld can't be undone: edit %lld touched the same samples later",
								(long long) undo->edit->id, (long long) other->edit->id),
						 errdetail("The first of them is of %s.", timestamptz_to_str(time)),
						 errhint("Undo edit %lld first.", (long long) other->edit->id)));
			*is_repeated = true;
		}
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

/* Raise if a piece of an image can't be put back. */
static void
check_piece(Undo *undo, const UndoneImage *undone, List *later, const TsdbImage *image)
{
	bool *found = palloc_array(bool, image->nsamples);
	bool is_repeated;
	TsdbBatch rows;

	check_later(undo, later, image, &is_repeated);
	tsdb_lookup_rows(undo->lookup, undone->series, image->times, image->nsamples, found, &rows);
	if (!is_repeated)
		check_unchanged(undo, image, found, &rows);
	for (uint32 i = 0; i < image->nsamples; i++)
	{
		bool was = (image->flags[i] & TSDB_IMAGE_WAS) != 0;

		if (was || found[i])
			need_right(undo, was && found[i] ? ACL_UPDATE : was ? ACL_INSERT
																: ACL_DELETE);
	}
}

/* The table has to hold what the edit left: else something was written over it without a reason. */
static void
check_unchanged(Undo *undo, const TsdbImage *image, const bool *found, const TsdbBatch *rows)
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
				 errdetail("They lie between %s and %s.", pstrdup(timestamptz_to_str(image->times[0])),
						   pstrdup(timestamptz_to_str(image->times[image->nsamples - 1]))),
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

static int16
attnum_of(uint32 id, void *arg)
{
	const Undo *undo = arg;
	int place = tsdb_editcolumns_place(undo->rel, undo->table, undo->columns, id);

	return place < 0 ? 0 : undo->table->values[place].attnum;
}

/* The image of a piece that was put back: where nothing was, the old samples are. */
static void
add_restored(Undo *undo, const TsdbEditImage *header, const TsdbImage *old)
{
	TsdbMem mem = tsdb_mem_context(CurrentMemoryContext);
	TsdbEditImage row = *header;
	TsdbBatch rows = old->before;
	TsdbImage image = {0};
	TsdbBytes bytes;

	tsdb_editcolumns_adapt(undo->rel, undo->table, undo->columns, old->column_ids, &rows);
	image.nsamples = old->nsamples;
	image.times = old->times;
	image.flags = palloc_array(uint8, image.nsamples);
	memset(image.flags, TSDB_IMAGE_IS, image.nsamples);
	image.ncolumns = undo->table->nvalues;
	image.column_ids = undo->column_ids;
	image.fingerprints = palloc0_array(uint64, image.ncolumns + 1);
	for (int c = 0; c < image.ncolumns; c++)
		for (uint32 i = 0; i < rows.nrows; i++)
			image.fingerprints[c] = tsdb_image_fold(image.fingerprints[c], &rows.columns[c], rows.arena.data, i);
	image.before.columns = rows.columns;
	tsdb_bytes_init(&bytes, &mem);
	tsdb_image_encode(&bytes, &image, NULL, &mem);
	row.edit = tsdb_capture_id();
	row.first_us = image.times[0];
	row.last_us = image.times[image.nsamples - 1];
	row.samples = image.nsamples;
	row.form = TSDB_IMAGE_SAMPLES;
	tsdb_journal_add_image(&row, tsdb_span(bytes.data, bytes.len));
	tsdb_capture_add_samples(row.samples, row.first_us, row.last_us);
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
