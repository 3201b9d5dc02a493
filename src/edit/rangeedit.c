/*-------------------------------------------------------------------------
 *
 * rangeedit.c
 *	  Whole ranges of samples into the journal, without decoding them.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "edit/capture.h"
#include "edit/editcolumns.h"
#include "edit/edittags.h"
#include "format/image.h"
#include "edit/rangeedit.h"
#include "maint/rangedelete.h"
#include "miscadmin.h"
#include "pg/check.h"
#include "utils/memutils.h"

typedef struct RangeEdit
{
	Relation rel;
	const TsdbTable *table;
	uint32 *column_ids;
	TsdbSticky *stickies;
	MemoryContext scratch; /* one piece */
	TsdbEditTags tags; /* of the last series */
	uint32 tags_series; /* 0 = none */
} RangeEdit;

static uint32 column_id(int16 attnum, void *arg);
static void take(const TsdbTaken *taken, void *arg);
static void add_row(RangeEdit *range, TsdbImageForm form, uint64 nrows, int64 first_us, int64 last_us, TsdbSpan bytes);
static void add_rows(RangeEdit *range, const TsdbTaken *taken, uint32 from, uint32 until);

int64
tsdb_rangeedit_delete(Relation rel, const TsdbEdit *edit, const uint32 *series, uint32 nseries)
{
	RangeEdit range = {0};
	TsdbRangeDelete request = {0};
	int64 id = tsdb_capture_begin(rel, edit, false);

	range.rel = rel;
	range.table = tsdb_table_copy(rel);
	range.column_ids = tsdb_editcolumns_ids(rel, range.table);
	range.stickies = palloc0_array(TsdbSticky, range.table->nvalues + 1);
	range.scratch = AllocSetContextCreate(CurrentMemoryContext, "tsdb range edit", ALLOCSET_DEFAULT_SIZES);
	request.series = series;
	request.nseries = nseries;
	request.from_us = edit->from_us;
	request.until_us = edit->until_us;
	request.take = take;
	request.column_id = column_id;
	request.arg = &range;
	tsdb_capture_set_silent(true);
	(void) tsdb_rangedelete_run(rel, &request);
	tsdb_capture_set_silent(false);
	tsdb_capture_end(rel);
	MemoryContextDelete(range.scratch);
	return id;
}

// private functions

static uint32
column_id(int16 attnum, void *arg)
{
	const RangeEdit *range = arg;

	for (int i = 0; i < range->table->nvalues; i++)
		if (range->table->values[i].attnum == attnum)
			return range->column_ids[i];
	elog(ERROR, "column %d of table \"%s\" has no values", attnum, RelationGetRelationName(range->rel));
	return 0;
}

static void
take(const TsdbTaken *taken, void *arg)
{
	RangeEdit *range = arg;
	MemoryContext caller;

	if (range->tags_series != taken->series)
	{
		/* In the caller's context, which outlives the delete. */
		caller = MemoryContextSwitchTo(GetMemoryChunkContext(range->column_ids));
		range->tags = tsdb_edittags_of(range->rel, range->table, taken->series);
		range->tags_series = taken->series;
		MemoryContextSwitchTo(caller);
	}
	caller = MemoryContextSwitchTo(range->scratch);
	if (taken->rows == NULL)
		add_row(range, TSDB_IMAGE_STRETCH, taken->nrows, taken->first_time, taken->last_time, taken->stretch);
	else
		for (uint32 from = taken->from; from < taken->until; from += TSDB_IMAGE_MAX_SAMPLES)
			add_rows(range, taken, from, Min(taken->until, from + TSDB_IMAGE_MAX_SAMPLES));
	MemoryContextSwitchTo(caller);
	MemoryContextReset(range->scratch);
}

static void
add_row(RangeEdit *range, TsdbImageForm form, uint64 nrows, int64 first_us, int64 last_us, TsdbSpan bytes)
{
	TsdbEditImage row = {0};

	row.edit = tsdb_capture_id();
	row.relid = RelationGetRelid(range->rel);
	row.series_key = range->tags.key;
	row.tags = range->tags.texts;
	row.first_us = first_us;
	row.last_us = last_us;
	row.samples = nrows;
	row.form = form;
	tsdb_journal_add_image(&row, bytes);
	tsdb_capture_add_samples(nrows, first_us, last_us);
}

static void
add_rows(RangeEdit *range, const TsdbTaken *taken, uint32 from, uint32 until)
{
	TsdbMem mem = tsdb_mem_context(CurrentMemoryContext);
	uint32 n = until - from;
	TsdbImage image = {0};
	TsdbBytes bytes;

	image.nsamples = n;
	image.times = taken->rows->times + from;
	image.flags = palloc_array(uint8, n);
	memset(image.flags, TSDB_IMAGE_WAS, n);
	image.before = *taken->rows;
	image.before.nrows = n;
	image.ncolumns = taken->rows->ncolumns;
	image.column_ids = range->column_ids;
	image.fingerprints = palloc0_array(uint64, image.ncolumns + 1);
	image.before.columns = palloc_array(TsdbColumn, image.ncolumns + 1);
	for (int c = 0; c < image.ncolumns; c++)
	{
		image.before.columns[c] = taken->rows->columns[c];
		image.before.columns[c].words += from;
		if (image.before.columns[c].states != NULL)
			image.before.columns[c].states += from;
	}
	tsdb_bytes_init(&bytes, &mem);
	tsdb_image_encode(&bytes, &image, range->stickies, &mem);
	add_row(range, TSDB_IMAGE_SAMPLES, n, image.times[0], image.times[n - 1], tsdb_span(bytes.data, bytes.len));
}
