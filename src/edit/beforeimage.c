/*-------------------------------------------------------------------------
 *
 * beforeimage.c
 *	  Read what rows are about to replace, and put it into the journal.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "edit/beforeimage.h"
#include "edit/editcolumns.h"
#include "edit/edittags.h"
#include "format/image.h"
#include "edit/journal.h"
#include "edit/lookup.h"
#include "miscadmin.h"
#include "pg/check.h"
#include "pg/debug_point.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"
#include "write/flush.h"

/* The work of one call. */
typedef struct Work
{
	TsdbBeforeImages *images;
	const TsdbTable *table;
	const TsdbBatch *written;
	uint32 *column_ids;
	TsdbSticky *stickies;
	TsdbLookup *now; /* after the locks */
	TsdbLookup *before; /* REPEATABLE READ: as the transaction sees the table; NULL: the same as `now` */
	TsdbEditTags tags; /* of the last series */
	uint32 tags_series; /* 0 = none */
} Work;

static void open_lookups(Work *work);
static void restrict_lookup(TsdbLookup *lookup, const TsdbBatch *written);
static bool same_runs(const TsdbLookup *a, const TsdbLookup *b);
static void write_stretch(Work *work, uint32 first, uint32 n);
static uint32 keep_empty(Work *work, uint32 first, uint32 n, const bool *found, uint32 *rows);
static void check_unchanged(Work *work, uint32 series, const int64 *times, uint32 n, const bool *found, const TsdbBatch *rows);
static uint64 fingerprint_of(const TsdbBatch *rows, int column);
static uint64 fold_written(const Work *work, int column, const TsdbImage *image, const uint32 *rows);
static void add_image(Work *work, uint32 series, const TsdbImage *image);

void
tsdb_beforeimage_write(TsdbBeforeImages *images, TsdbBatch *written)
{
	MemoryContext caller = CurrentMemoryContext;
	MemoryContext stretch = AllocSetContextCreate(caller, "tsdb image", ALLOCSET_DEFAULT_SIZES);
	Work work = {0};
	uint32 n;

	work.images = images;
	work.table = tsdb_table_copy(images->rel);
	tsdb_flush_adapt_columns(written, work.table);
	work.written = written;
	work.column_ids = tsdb_editcolumns_ids(images->rel, work.table);
	work.stickies = palloc0_array(TsdbSticky, work.table->nvalues + 1);
	if (images->only_empty)
	{
		images->existing = palloc0(sizeof(TsdbBatch));
		images->existing->series = MemoryContextAllocHuge(caller, sizeof(uint32) * ((Size) written->nrows + 1));
		images->existing->times = MemoryContextAllocHuge(caller, sizeof(int64) * ((Size) written->nrows + 1));
	}
	open_lookups(&work);
	for (uint32 first = 0; first < written->nrows; first += n)
	{
		CHECK_FOR_INTERRUPTS();
		for (n = 1; n < TSDB_IMAGE_MAX_SAMPLES && first + n < written->nrows && written->series[first + n] == written->series[first];)
			n++;
		if (work.tags_series != written->series[first])
		{
			work.tags = tsdb_edittags_of(images->rel, work.table, written->series[first]);
			work.tags_series = written->series[first];
		}
		MemoryContextSwitchTo(stretch);
		write_stretch(&work, first, n);
		MemoryContextSwitchTo(caller);
		MemoryContextReset(stretch);
	}
	tsdb_lookup_close(work.now);
	if (work.before != NULL)
		tsdb_lookup_close(work.before);
}

// private functions

static void
open_lookups(Work *work)
{
	TsdbBeforeImages *images = work->images;
	int nwanted = images->only_empty ? 0 : work->table->nvalues;

	TSDB_DEBUG_POINT("edit_before_image");
	work->now = tsdb_lookup_open(images->rel, work->table, GetLatestSnapshot(), images->cid, nwanted);
	restrict_lookup(work->now, work->written);
	if (!IsolationUsesXactSnapshot())
		return;
	work->before = tsdb_lookup_open(images->rel, work->table, GetTransactionSnapshot(), images->cid, nwanted);
	if (same_runs(work->now, work->before))
	{
		tsdb_lookup_close(work->before);
		work->before = NULL;
	}
	else
		restrict_lookup(work->before, work->written);
}

static void
restrict_lookup(TsdbLookup *lookup, const TsdbBatch *written)
{
	uint32 *series = MemoryContextAllocHuge(CurrentMemoryContext, sizeof(uint32) * ((Size) written->nrows + 1));
	int64 from = PG_INT64_MAX;
	int64 until = PG_INT64_MIN;
	uint32 nseries = 0;

	for (uint32 row = 0; row < written->nrows; row++)
	{
		if (nseries == 0 || series[nseries - 1] != written->series[row])
			series[nseries++] = written->series[row];
		from = Min(from, written->times[row]);
		until = Max(until, written->times[row] + 1);
	}
	tsdb_lookup_restrict(lookup, series, nseries, from, until);
	pfree(series);
}

static bool
same_runs(const TsdbLookup *a, const TsdbLookup *b)
{
	const uint64 *left;
	const uint64 *right;
	uint32 nleft = tsdb_reader_run_numbers(a->reader, &left);
	uint32 nright = tsdb_reader_run_numbers(b->reader, &right);

	return nleft == nright && memcmp(left, right, sizeof(uint64) * nleft) == 0;
}

/* One series, n rows from `first` on. */
static void
write_stretch(Work *work, uint32 first, uint32 n)
{
	const TsdbBatch *written = work->written;
	uint32 series = written->series[first];
	const int64 *times = written->times + first;
	bool *found = palloc_array(bool, n);
	uint32 *rows = palloc_array(uint32, n);
	TsdbImage image = {0};

	tsdb_lookup_rows(work->now, series, times, n, found, &image.before);
	if (work->before != NULL)
		check_unchanged(work, series, times, n, found, &image.before);
	image.nsamples = keep_empty(work, first, n, found, rows);
	if (image.nsamples == 0)
		return;
	if (work->images->only_empty)
		image.before.nrows = 0;

	image.times = palloc_array(int64, image.nsamples);
	image.flags = palloc_array(uint8, image.nsamples);
	for (uint32 i = 0; i < image.nsamples; i++)
	{
		image.times[i] = written->times[rows[i]];
		image.flags[i] = found[rows[i] - first] ? TSDB_IMAGE_WAS : 0;
		if (written->kinds == NULL || written->kinds[rows[i]] != TSDB_ROW_TOMBSTONE)
			image.flags[i] |= TSDB_IMAGE_IS;
	}
	image.ncolumns = work->table->nvalues;
	image.column_ids = work->column_ids;
	if (image.before.ncolumns == 0)
	{
		image.before.columns = palloc0_array(TsdbColumn, image.ncolumns + 1);
		for (int c = 0; c < image.ncolumns; c++)
			image.before.columns[c].type = work->table->values[c].type;
	}
	image.fingerprints = palloc_array(uint64, image.ncolumns + 1);
	for (int c = 0; c < image.ncolumns; c++)
		image.fingerprints[c] = fold_written(work, c, &image, rows);
	add_image(work, series, &image);
}

/* Which rows will be written: all, or those that find no sample; the others go to `existing`. */
static uint32
keep_empty(Work *work, uint32 first, uint32 n, const bool *found, uint32 *rows)
{
	TsdbBatch *existing = work->images->existing;
	uint32 nkept = 0;

	for (uint32 i = 0; i < n; i++)
	{
		if (existing == NULL || !found[i])
		{
			rows[nkept++] = first + i;
			continue;
		}
		existing->series[existing->nrows] = work->written->series[first + i];
		existing->times[existing->nrows++] = work->written->times[first + i];
	}
	return nkept;
}

/* The transaction goes by an older snapshot: what it replaces has to be what it has seen. */
static void
check_unchanged(Work *work, uint32 series, const int64 *times, uint32 n, const bool *found, const TsdbBatch *rows)
{
	bool *found_before = palloc_array(bool, n);
	TsdbBatch before;
	bool is_same;

	tsdb_lookup_rows(work->before, series, times, n, found_before, &before);
	is_same = memcmp(found, found_before, n) == 0;
	for (int c = 0; c < rows->ncolumns && is_same; c++)
		is_same = fingerprint_of(rows, c) == fingerprint_of(&before, c);
	if (!is_same)
		ereport(ERROR,
				(errcode(ERRCODE_T_R_SERIALIZATION_FAILURE),
				 errmsg("could not serialize access due to concurrent update"),
				 errdetail("Samples of table \"%s\" that this edit replaces have changed since the transaction began.",
						   RelationGetRelationName(work->images->rel)),
				 errhint("Repeat the transaction.")));
}

static uint64
fingerprint_of(const TsdbBatch *rows, int column)
{
	uint64 fingerprint = 0;

	for (uint32 row = 0; row < rows->nrows; row++)
		fingerprint = tsdb_image_fold(fingerprint, &rows->columns[column], rows->arena.data, row);
	return fingerprint;
}

/* Of what will be there: a patch leaves cells as they are. */
static uint64
fold_written(const Work *work, int column, const TsdbImage *image, const uint32 *rows)
{
	uint8_t null_state = TSDB_CELL_NULL;
	const TsdbColumn nothing = {0, TSDB_TYPE_INT8, NULL, &null_state};
	const TsdbColumn *cells = &work->written->columns[column];
	uint64 fingerprint = 0;
	uint32 before_row = 0;

	for (uint32 i = 0; i < image->nsamples; i++)
	{
		bool was = (image->flags[i] & TSDB_IMAGE_WAS) != 0;

		if ((image->flags[i] & TSDB_IMAGE_IS) != 0)
		{
			if (cells->states == NULL || cells->states[rows[i]] != TSDB_CELL_ABSENT)
				fingerprint = tsdb_image_fold(fingerprint, cells, work->written->arena.data, rows[i]);
			else if (was)
				fingerprint = tsdb_image_fold(fingerprint, &image->before.columns[column], image->before.arena.data, before_row);
			else
				fingerprint = tsdb_image_fold(fingerprint, &nothing, NULL, 0);
		}
		before_row += was;
	}
	return fingerprint;
}

static void
add_image(Work *work, uint32 series, const TsdbImage *image)
{
	TsdbBeforeImages *images = work->images;
	TsdbMem mem = tsdb_mem_context(CurrentMemoryContext);
	TsdbEditImage row = {0};
	TsdbBytes bytes;

	tsdb_bytes_init(&bytes, &mem);
	tsdb_image_encode(&bytes, image, work->stickies, &mem);
	row.edit = images->edit;
	row.relid = RelationGetRelid(images->rel);
	row.series_key = work->tags.key;
	row.tags = work->tags.texts;
	row.first_us = image->times[0];
	row.last_us = image->times[image->nsamples - 1];
	row.samples = image->nsamples;
	row.form = TSDB_IMAGE_SAMPLES;
	tsdb_journal_add_image(&row, tsdb_span(bytes.data, bytes.len));
	images->first_us = images->nsamples == 0 ? row.first_us : Min(images->first_us, row.first_us);
	images->last_us = images->nsamples == 0 ? row.last_us : Max(images->last_us, row.last_us);
	images->nsamples += image->nsamples;
}
