/*-------------------------------------------------------------------------
 *
 * pastsamples.c
 *	  What the journal holds of a table's samples, series by series.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "edit/editcolumns.h"
#include "edit/edittags.h"
#include "edit/pastsamples.h"
#include "executor/tuptable.h"
#include "miscadmin.h"
#include "pg/check.h"
#include "pg/compat.h"
#include "utils/hsearch.h"
#include "utils/memutils.h"

struct TsdbPast
{
	Relation rel;
	const TsdbTable *table;
	Datum filter;
	int64 from;
	int64 until;
	List *columns;
	HTAB *edits;
	List *images; /* those that count, by series, then number */
	int next; /* in images */
	MemoryContext series_context;
};

typedef struct EditEntry
{
	int64 id;
	TsdbEdit *edit;
} EditEntry;

static void raise_damaged(const TsdbPastBytes *past) pg_attribute_noreturn();
static void decode_block(const TsdbPastBytes *past, uint32 block_no, TsdbImage *image, const TsdbMem *mem);
static HTAB *index_edits(List *edits, TimestampTz after);
static TsdbEdit *find_edit(const TsdbPast *past, int64 id);
static int compare_images(const ListCell *a, const ListCell *b);
static bool same_series(const TsdbEditImage *a, const TsdbEditImage *b);
static int compare_tags(const TsdbEditImage *a, const TsdbEditImage *b);
static bool read_series(TsdbPast *past, int first, int n, TsdbPastSeries *series);
static void add_image(TsdbPast *past, const TsdbEditImage *header, TsdbPastSeries *series);
static void add_piece(TsdbPast *past, const TsdbPastBytes *bytes, uint32 piece, TsdbPastSeries *series);
static int compare_versions(const void *a, const void *b);

TsdbPast *
tsdb_past_open(Relation rel, Datum filter, int64 from, int64 until, TimestampTz after, Snapshot snapshot)
{
	TsdbPast *past = palloc0(sizeof(TsdbPast));
	List *images = NIL;
	ListCell *lc;

	past->rel = rel;
	past->table = tsdb_table_copy(rel);
	past->filter = filter;
	past->from = from;
	past->until = until;
	past->columns = tsdb_journal_columns(RelationGetRelid(rel));
	past->edits = index_edits(tsdb_journal_edits(RelationGetRelid(rel), snapshot), after);
	foreach (lc, tsdb_journal_images_of_table(RelationGetRelid(rel), snapshot))
	{
		TsdbEditImage *image = lfirst(lc);

		if (image->last_us >= from && image->first_us < until && find_edit(past, image->edit) != NULL)
			images = lappend(images, image);
	}
	list_sort(images, compare_images);
	past->images = images;
	past->series_context = AllocSetContextCreate(CurrentMemoryContext, "tsdb past samples", ALLOCSET_DEFAULT_SIZES);
	return past;
}

bool
tsdb_past_next(TsdbPast *past, TsdbPastSeries *series)
{
	while (past->next < list_length(past->images))
	{
		const TsdbEditImage *image = list_nth(past->images, past->next);
		int first = past->next;
		MemoryContext caller;
		bool has_versions;

		while (past->next < list_length(past->images) && same_series(image, list_nth(past->images, past->next)))
			past->next++;
		MemoryContextReset(past->series_context);
		caller = MemoryContextSwitchTo(past->series_context);
		has_versions = read_series(past, first, past->next - first, series);
		MemoryContextSwitchTo(caller);
		if (has_versions)
			return true;
	}
	return false;
}

void
tsdb_past_close(TsdbPast *past)
{
	MemoryContextDelete(past->series_context);
	hash_destroy(past->edits);
}

void
tsdb_past_read(Relation rel, const TsdbEditImage *header, TsdbPastBytes *past)
{
	struct varlena *bytes = PG_DETOAST_DATUM_PACKED(header->bytes);
	TsdbMem mem = tsdb_mem_context(CurrentMemoryContext);

	memset(past, 0, sizeof(*past));
	past->rel = rel;
	past->header = header;
	past->bytes = tsdb_span(VARDATA_ANY(bytes), VARSIZE_ANY_EXHDR(bytes));
	past->npieces = 1;
	if (header->form != TSDB_IMAGE_STRETCH)
		return;
	if (tsdb_stretch_decode(past->bytes, &past->stretch, &mem) != TSDB_OK || (int64) past->stretch.nrows != header->samples ||
		past->stretch.first_time != header->first_us || past->stretch.last_time != header->last_us)
		raise_damaged(past);
	past->npieces = past->stretch.nblocks;
}

bool
tsdb_past_overlaps(const TsdbPastBytes *past, uint32 piece, int64 first_us, int64 last_us)
{
	if (past->header->form != TSDB_IMAGE_STRETCH)
		return past->header->first_us <= last_us && past->header->last_us >= first_us;
	return past->stretch.blocks[piece].first_time <= last_us && past->stretch.blocks[piece].last_time >= first_us;
}

void
tsdb_past_decode(const TsdbPastBytes *past, uint32 piece, TsdbImage *image)
{
	const TsdbEditImage *header = past->header;
	TsdbMem *mem = palloc(sizeof(TsdbMem));

	*mem = tsdb_mem_context(CurrentMemoryContext);
	if (header->form == TSDB_IMAGE_STRETCH)
	{
		decode_block(past, piece, image, mem);
		return;
	}
	if (header->form != TSDB_IMAGE_SAMPLES || tsdb_image_decode(past->bytes, image, mem) != TSDB_OK ||
		image->nsamples != header->samples || image->times[0] != header->first_us ||
		image->times[image->nsamples - 1] != header->last_us)
		raise_damaged(past);
}

void
tsdb_past_fill(Relation rel, const TsdbTable *table, const Datum *tags, const bool *tag_isnull,
			   const TsdbBatch *rows, uint32 row, TupleTableSlot *slot)
{
	ExecClearTuple(slot);
	memset(slot->tts_isnull, true, sizeof(bool) * RelationGetNumberOfAttributes(rel));
	memset(slot->tts_values, 0, sizeof(Datum) * RelationGetNumberOfAttributes(rel));
	slot->tts_values[table->time_attnum - 1] = TimestampTzGetDatum(rows->times[row]);
	slot->tts_isnull[table->time_attnum - 1] = false;
	for (int i = 0; i < table->ntags; i++)
	{
		slot->tts_values[table->tag_attnums[i] - 1] = tags[i];
		slot->tts_isnull[table->tag_attnums[i] - 1] = tag_isnull[i];
	}
	for (int i = 0; i < table->nvalues; i++)
	{
		const TsdbColumn *column = &rows->columns[i];

		if (column->states != NULL && column->states[row] != TSDB_CELL_VALUE)
			continue;
		slot->tts_isnull[column->attnum - 1] = false;
		slot->tts_values[column->attnum - 1] = tsdb_editcolumns_datum(column, rows->arena.data, row);
	}
	ExecStoreVirtualTuple(slot);
}

// private functions

static void
raise_damaged(const TsdbPastBytes *past)
{
	ereport(ERROR,
			(errcode(ERRCODE_DATA_CORRUPTED),
			 errmsg("invalid data in the journal of table \"%s\"", RelationGetRelationName(past->rel)),
			 errdetail("Image %lld of edit %lld does not decode.", (long long) past->header->number,
					   (long long) past->header->edit)));
}

/* A block of an archived stretch as an image of samples that are gone, with the columns that it had. */
static void
decode_block(const TsdbPastBytes *past, uint32 block_no, TsdbImage *image, const TsdbMem *mem)
{
	const TsdbStretch *stretch = &past->stretch;
	TsdbWanted *wanted = palloc0_array(TsdbWanted, stretch->ncolumns + 1);
	int *places = palloc_array(int, stretch->ncolumns + 1);

	memset(image, 0, sizeof(*image));
	image->ncolumns = stretch->ncolumns;
	image->column_ids = palloc_array(uint32, stretch->ncolumns + 1);
	image->fingerprints = palloc0_array(uint64, stretch->ncolumns + 1);
	for (int c = 0; c < stretch->ncolumns; c++)
	{
		image->column_ids[c] = stretch->columns[c].id;
		wanted[c].type = stretch->columns[c].type;
		places[c] = c;
	}
	if (tsdb_stretch_rows(stretch, block_no, wanted, places, stretch->ncolumns, &image->before, mem) != TSDB_OK)
		raise_damaged(past);
	image->nsamples = image->before.nrows;
	image->times = image->before.times;
	image->flags = palloc_array(uint8, image->nsamples);
	memset(image->flags, TSDB_IMAGE_WAS, image->nsamples);
}

static HTAB *
index_edits(List *edits, TimestampTz after)
{
	HASHCTL ctl = {0};
	HTAB *index;
	ListCell *lc;

	ctl.keysize = sizeof(int64);
	ctl.entrysize = sizeof(EditEntry);
	ctl.hcxt = CurrentMemoryContext;
	index = hash_create("tsdb edits", 256, &ctl, HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	foreach (lc, edits)
	{
		TsdbEdit *edit = lfirst(lc);

		if (edit->at > after)
			((EditEntry *) hash_search(index, &edit->id, HASH_ENTER, NULL))->edit = edit;
	}
	return index;
}

static TsdbEdit *
find_edit(const TsdbPast *past, int64 id)
{
	EditEntry *entry = hash_search(past->edits, &id, HASH_FIND, NULL);

	return entry == NULL ? NULL : entry->edit;
}

static int
compare_images(const ListCell *a, const ListCell *b)
{
	const TsdbEditImage *left = lfirst(a);
	const TsdbEditImage *right = lfirst(b);
	int order = compare_tags(left, right);

	if (order != 0)
		return order;
	return left->number < right->number ? -1 : left->number > right->number;
}

static bool
same_series(const TsdbEditImage *a, const TsdbEditImage *b)
{
	return compare_tags(a, b) == 0;
}

/* Any order that brings those of a series together. */
static int
compare_tags(const TsdbEditImage *a, const TsdbEditImage *b)
{
	if (a->series_key != b->series_key)
		return a->series_key < b->series_key ? -1 : 1;
	if (VARSIZE(a->tags) != VARSIZE(b->tags))
		return VARSIZE(a->tags) < VARSIZE(b->tags) ? -1 : 1;
	return memcmp(a->tags, b->tags, VARSIZE(a->tags));
}

/* False: the filter leaves the series out, or no sample of it lies in the range. */
static bool
read_series(TsdbPast *past, int first, int n, TsdbPastSeries *series)
{
	const TsdbEditImage *image = list_nth(past->images, first);
	const TsdbTable *table = past->table;

	memset(series, 0, sizeof(*series));
	series->tags = palloc0_array(Datum, table->ntags + 1);
	series->tag_isnull = palloc0_array(bool, table->ntags + 1);
	tsdb_edittags_values(past->rel, table, image->tags, series->tags, series->tag_isnull);
	series->jsonb = tsdb_edittags_jsonb(past->rel, table, series->tags, series->tag_isnull);
	if (past->filter != 0 && !tsdb_edittags_match(series->jsonb, past->filter))
		return false;
	series->series = tsdb_edittags_series(past->rel, table, series->tags, series->tag_isnull, false);
	for (int i = first; i < first + n; i++)
		add_image(past, list_nth(past->images, i), series);
	if (series->nversions > 0)
		qsort(series->versions, series->nversions, sizeof(TsdbPastVersion), compare_versions);
	return series->nversions > 0;
}

static void
add_image(TsdbPast *past, const TsdbEditImage *header, TsdbPastSeries *series)
{
	TsdbPastBytes bytes;

	tsdb_past_read(past->rel, header, &bytes);
	series->images = series->images == NULL ? palloc_array(TsdbPastImage, bytes.npieces) : repalloc_huge(series->images, sizeof(TsdbPastImage) * (series->nimages + bytes.npieces));
	for (uint32 i = 0; i < bytes.npieces; i++)
	{
		CHECK_FOR_INTERRUPTS();
		if (tsdb_past_overlaps(&bytes, i, past->from, past->until - 1))
			add_piece(past, &bytes, i, series);
	}
}

static void
add_piece(TsdbPast *past, const TsdbPastBytes *bytes, uint32 piece, TsdbPastSeries *series)
{
	TsdbPastImage *past_image = &series->images[series->nimages];
	TsdbImage image;
	Size room;
	uint32 row = 0;

	tsdb_past_decode(bytes, piece, &image);
	past_image->edit = find_edit(past, bytes->header->edit);
	past_image->before = image.before;
	tsdb_editcolumns_adapt(past->rel, past->table, past->columns, image.column_ids, &past_image->before);
	room = sizeof(TsdbPastVersion) * ((Size) series->nversions + image.nsamples);
	if (series->versions == NULL)
		series->versions = MemoryContextAllocHuge(CurrentMemoryContext, room);
	else
		series->versions = repalloc_huge(series->versions, room);
	for (uint32 i = 0; i < image.nsamples; i++)
	{
		bool was = (image.flags[i] & TSDB_IMAGE_WAS) != 0;

		if (image.times[i] >= past->from && image.times[i] < past->until)
		{
			TsdbPastVersion *version = &series->versions[series->nversions++];

			version->time = image.times[i];
			version->image = series->nimages;
			version->row = was ? row : TSDB_NO_ROW;
			version->is_there = (image.flags[i] & TSDB_IMAGE_IS) != 0;
		}
		row += was;
	}
	series->nimages++;
}

static int
compare_versions(const void *a, const void *b)
{
	const TsdbPastVersion *left = a;
	const TsdbPastVersion *right = b;

	if (left->time != right->time)
		return left->time < right->time ? -1 : 1;
	return left->image < right->image ? -1 : left->image > right->image;
}
