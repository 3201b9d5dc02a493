/*-------------------------------------------------------------------------
 *
 * rangerestore.c
 *	  Put archived stretches back into a table.
 *
 * Under the locks of a range delete.  Rows go into segments as blocks where nothing else lies: no version in a run or
 * pending, and no block whose span reaches there.  The watermark of the segment stays; a segment that is made has none, so
 * that runs count in it as they did while there was no segment.  All other rows are written as ordinary ones.
 *
 * Memory: one decoded block, and a segment that is being built.
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "format/grid.h"
#include "format/stretch.h"
#include "maint/rangecheck.h"
#include "maint/rangedelete.h"
#include "maint/segbuild.h"
#include "miscadmin.h"
#include "pg/check.h"
#include "read/keys.h"
#include "read/reader.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"
#include "write/buffer.h"

struct TsdbRangeRestore
{
	Relation rel;
	TsdbCompaction compaction;
	TsdbCompactResult result;
	bool is_stored; /* compaction has begun: there are segments, or may be */
	TsdbTable table;
	TsdbReader *reader; /* versions in runs and pending rows */
	uint64 nrows;
	MemoryContext context;
	MemoryContext scratch; /* one block */

	/* the segment that is being built */
	TsdbSegmentBuild *build;
	MemoryContext segment_context;
	bool has_old;
	TsdbStoredSegment stored;
	TsdbSegmentPlan plan;
	int64 done_us; /* blocks before it are in */

	TsdbKey last; /* everything before was looked at under the present snapshot */
};

static void open_reader(TsdbRangeRestore *restore);
static void look_again(TsdbRangeRestore *restore);
static void decode_stretch(TsdbRangeRestore *restore, TsdbSpan bytes, TsdbStretch *stretch);
static int *find_places(TsdbRangeRestore *restore, const TsdbStretch *stretch,
						int16 (*attnum_of)(uint32 column_id, void *arg), void *arg);
static void put_rows(TsdbRangeRestore *restore, const TsdbStretch *stretch, const TsdbBatch *rows, uint32 from, uint32 until);
static bool enter_segment(TsdbRangeRestore *restore, const TsdbStretch *stretch, uint32 series, int64 time_us);
static void make_plan(TsdbRangeRestore *restore, const TsdbStretch *stretch);
static void finish_segment(TsdbRangeRestore *restore);
static bool has_versions(TsdbRangeRestore *restore, uint32 series, int64 first_us, int64 last_us);
static bool find_room(TsdbRangeRestore *restore, int64 first_us, int64 last_us, int64 *from_us, int64 *until_us);
static void write_ordinary(TsdbRangeRestore *restore, const TsdbBatch *rows, uint32 from, uint32 until);
static void fill_cell(TsdbCell *cell, const TsdbBatch *rows, int c, uint32 row);

TsdbRangeRestore *
tsdb_rangerestore_begin(Relation rel)
{
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "tsdb range restore", ALLOCSET_DEFAULT_SIZES);
	MemoryContext caller = MemoryContextSwitchTo(context);
	TsdbRangeRestore *restore = palloc0(sizeof(TsdbRangeRestore));

	restore->rel = rel;
	restore->context = context;
	restore->scratch = AllocSetContextCreate(context, "tsdb restored block", ALLOCSET_DEFAULT_SIZES);
	restore->segment_context = AllocSetContextCreate(context, "tsdb restored segment", ALLOCSET_DEFAULT_SIZES);
	tsdb_rangedelete_lock(rel);
	restore->is_stored = tsdb_compaction_begin(&restore->compaction, rel, TSDB_COMPACT_AGED, true, &restore->result);
	MemoryContextSwitchTo(context);
	restore->table = *tsdb_table_copy(rel);
	if (restore->is_stored)
		open_reader(restore);
	MemoryContextSwitchTo(caller);
	return restore;
}

void
tsdb_rangerestore_put(TsdbRangeRestore *restore, uint32 series, TsdbSpan bytes,
					  int16 (*attnum_of)(uint32 column_id, void *arg), void *arg)
{
	MemoryContext work = AllocSetContextCreate(restore->context, "tsdb restored stretch", ALLOCSET_DEFAULT_SIZES);
	MemoryContext caller = MemoryContextSwitchTo(work);
	TsdbStretch stretch;
	int *places;

	decode_stretch(restore, bytes, &stretch);
	places = find_places(restore, &stretch, attnum_of, arg);
	if (restore->is_stored)
		tsdb_rangecheck_run(&restore->compaction, &series, 1, stretch.first_time, stretch.last_time + 1);
	MemoryContextSwitchTo(restore->scratch);
	for (uint32 i = 0; i < stretch.nblocks; i++)
	{
		TsdbMem mem = tsdb_mem_context(restore->scratch);
		TsdbBatch rows;

		CHECK_FOR_INTERRUPTS();
		if (tsdb_stretch_rows(&stretch, i, restore->table.values, places, restore->table.nvalues, &rows, &mem) != TSDB_OK)
			ereport(ERROR,
					(errcode(ERRCODE_DATA_CORRUPTED),
					 errmsg("archived samples of table \"%s\" do not decode", RelationGetRelationName(restore->rel)),
					 errdetail("Block %u of a stretch is damaged, or a column has another type now.", i)));
		rows.series_id = series;
		put_rows(restore, &stretch, &rows, 0, rows.nrows);
		MemoryContextReset(restore->scratch);
	}
	restore->nrows += stretch.nrows;
	MemoryContextSwitchTo(caller);
	MemoryContextDelete(work);
}

uint64
tsdb_rangerestore_end(TsdbRangeRestore *restore)
{
	MemoryContext caller = CurrentMemoryContext;
	uint64 nrows;

	MemoryContextSwitchTo(restore->context);
	finish_segment(restore);
	if (restore->is_stored)
	{
		tsdb_reader_close(restore->reader);
		MemoryContextSwitchTo(restore->compaction.context);
		tsdb_compaction_end(&restore->compaction);
	}
	else
		CommandCounterIncrement();
	nrows = restore->nrows;
	MemoryContextSwitchTo(caller);
	MemoryContextDelete(restore->context);
	return nrows;
}

// private functions

/* No values: only keys of versions are asked for. */
static void
open_reader(TsdbRangeRestore *restore)
{
	Snapshot snapshot = restore->compaction.snapshot;
	TsdbBatch **pending;
	int npending;

	pending = tsdb_buffer_pending(restore->rel, &restore->table, snapshot->curcid, &npending);
	restore->reader = tsdb_reader_open(restore->rel, &restore->table, snapshot, restore->table.values, restore->table.nvalues,
									   pending, npending);
	restore->last = KEY_MIN;
}

/* Stretches that do not ascend: what was written before has to be seen. */
static void
look_again(TsdbRangeRestore *restore)
{
	MemoryContext caller = MemoryContextSwitchTo(restore->context);

	finish_segment(restore);
	tsdb_reader_close(restore->reader);
	MemoryContextSwitchTo(restore->compaction.context);
	(void) tsdb_buffer_flush(RelationGetRelid(restore->rel));
	tsdb_compaction_look_again(&restore->compaction);
	MemoryContextSwitchTo(restore->context);
	open_reader(restore);
	MemoryContextSwitchTo(caller);
}

static void
decode_stretch(TsdbRangeRestore *restore, TsdbSpan bytes, TsdbStretch *stretch)
{
	TsdbMem mem = tsdb_mem_context(CurrentMemoryContext);

	if (tsdb_stretch_decode(bytes, stretch, &mem) != TSDB_OK || stretch->first_time < MIN_TIMESTAMP ||
		stretch->last_time >= END_TIMESTAMP)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_CORRUPTED),
				 errmsg("archived samples of table \"%s\" do not decode", RelationGetRelationName(restore->rel)),
				 errdetail("A stretch of %zu bytes is damaged.", tsdb_span_left(&bytes))));
}

/* Per value column of the table, its place in the stretch; -1 = it is not there. */
static int *
find_places(TsdbRangeRestore *restore, const TsdbStretch *stretch,
			int16 (*attnum_of)(uint32 column_id, void *arg), void *arg)
{
	int *places = palloc_array(int, restore->table.nvalues + 1);

	for (int v = 0; v < restore->table.nvalues; v++)
		places[v] = -1;
	for (int c = 0; c < stretch->ncolumns; c++)
	{
		int16 attnum = attnum_of(stretch->columns[c].id, arg);

		for (int v = 0; v < restore->table.nvalues; v++)
			if (attnum > 0 && restore->table.values[v].attnum == attnum)
				places[v] = c;
	}
	return places;
}

/* Rows of one decoded block; in pieces where they lie in several segments or groups. */
static void
put_rows(TsdbRangeRestore *restore, const TsdbStretch *stretch, const TsdbBatch *rows, uint32 from, uint32 until)
{
	while (from < until)
	{
		int64 group_from = PG_INT64_MIN;
		int64 group_until = PG_INT64_MAX;
		int64 from_us;
		int64 until_us;
		uint32 end = from;
		bool is_open = enter_segment(restore, stretch, rows->series_id, rows->times[from]);

		if (is_open)
		{
			(void) tsdb_segbuild_enter(restore->build, rows->times[from]);
			tsdb_segbuild_group_span(restore->build, &group_from, &group_until);
		}
		while (end < until && rows->times[end] < group_until)
			end++;
		if (is_open && !has_versions(restore, rows->series_id, rows->times[from], rows->times[end - 1]) &&
			find_room(restore, rows->times[from], rows->times[end - 1], &from_us, &until_us))
		{
			tsdb_segbuild_add(restore->build, from_us, until_us, rows, from, end);
			restore->done_us = until_us;
		}
		else
			write_ordinary(restore, rows, from, end);
		restore->last.series = rows->series_id;
		restore->last.time = rows->times[end - 1];
		from = end;
	}
}

/* Make the segment around a time the one that is being built; false when rows can't go to segments. */
static bool
enter_segment(TsdbRangeRestore *restore, const TsdbStretch *stretch, uint32 series, int64 time_us)
{
	TsdbCompaction *compaction = &restore->compaction;
	TsdbKey key = {series, time_us};
	MemoryContext caller;
	int32 segment_no;
	int64 from_us;

	if (!restore->is_stored || !tsdb_grid_segment(time_us, compaction->segment_us, &segment_no, &from_us))
		return false;
	if (!key_before(restore->last, key))
		look_again(restore);
	if (restore->build != NULL && restore->plan.series == series && restore->plan.segment_no == segment_no)
		return true;
	finish_segment(restore);
	caller = MemoryContextSwitchTo(restore->segment_context);
	restore->has_old = tsdb_segstore_find(compaction->store, compaction->rel, compaction->snapshot, series, segment_no,
										  &restore->stored);
	restore->plan.series = series;
	restore->plan.segment_no = segment_no;
	restore->plan.from_us = from_us;
	restore->plan.until_us = segment_no == PG_INT32_MAX ? PG_INT64_MAX : tsdb_grid_segment_start(segment_no + 1, compaction->segment_us);
	make_plan(restore, stretch);
	restore->build = tsdb_segbuild_begin(compaction, &restore->plan, restore->has_old ? &restore->stored : NULL);
	restore->done_us = restore->plan.from_us;
	MemoryContextSwitchTo(caller);
	return true;
}

static void
make_plan(TsdbRangeRestore *restore, const TsdbStretch *stretch)
{
	TsdbSegmentPlan *plan = &restore->plan;
	double span_us = (double) stretch->last_time - (double) stretch->first_time;

	span_us = stretch->nrows > 1 ? span_us * stretch->nrows / (stretch->nrows - 1) : 0;
	span_us = Max(span_us, (double) restore->table.sample_us);
	plan->relayout = plan->rewrite = false;
	tsdb_segmerge_layout(&restore->compaction, plan, restore->has_old ? &restore->stored.segment : NULL, stretch->nrows, span_us);
}

static void
finish_segment(TsdbRangeRestore *restore)
{
	TsdbCompaction *compaction = &restore->compaction;
	uint64 nrows;

	if (restore->build == NULL)
		return;
	nrows = tsdb_segbuild_finish(restore->build, restore->has_old ? restore->stored.segment.merged_seq : 0);
	compaction->rows_added += (double) nrows - (restore->has_old ? (double) restore->stored.segment.nrows : 0);
	restore->build = NULL;
	MemoryContextReset(restore->segment_context);
}

static bool
has_versions(TsdbRangeRestore *restore, uint32 series, int64 first_us, int64 last_us)
{
	TsdbKey first = {series, first_us};
	TsdbKey last = {series, last_us};
	TsdbKey found;

	return tsdb_reader_next_version(restore->reader, first, &found) && !key_before(last, found);
}

/* The span of a new block of the entered group, if no other one reaches there. */
static bool
find_room(TsdbRangeRestore *restore, int64 first_us, int64 last_us, int64 *from_us, int64 *until_us)
{
	const TsdbLoadedGroup *loaded = tsdb_segbuild_enter(restore->build, first_us);
	int64 group_from;
	int64 group_until;

	/* The summaries of a new block would not fit those that stay. */
	if (restore->has_old && tsdb_segload_has_other_quality(&restore->compaction, &restore->stored.segment))
		return false;
	tsdb_segbuild_group_span(restore->build, &group_from, &group_until);
	if (!tsdb_grid_floor(first_us, restore->plan.block_us, from_us))
		*from_us = group_from;
	if (!tsdb_grid_floor(last_us, restore->plan.block_us, until_us) ||
		__builtin_add_overflow(*until_us, restore->plan.block_us, until_us))
		*until_us = group_until;
	*from_us = Max(*from_us, Max(group_from, restore->done_us));
	*until_us = Min(*until_us, group_until);
	for (uint32 i = 0; loaded != NULL && i < loaded->base.nblocks; i++)
	{
		const TsdbBlock *block = &loaded->base.blocks[i];

		if (block->until_us <= first_us)
			*from_us = Max(*from_us, block->until_us);
		else if (block->from_us > last_us)
			*until_us = Min(*until_us, block->from_us);
		else
			return false;
	}
	return *from_us <= first_us && last_us < *until_us;
}

static void
write_ordinary(TsdbRangeRestore *restore, const TsdbBatch *rows, uint32 from, uint32 until)
{
	TsdbCell *cells = palloc0_array(TsdbCell, rows->ncolumns + 1);

	for (uint32 row = from; row < until; row++)
	{
		CHECK_FOR_INTERRUPTS();
		for (int c = 0; c < rows->ncolumns; c++)
			fill_cell(&cells[c], rows, c, row);
		tsdb_buffer_append_cells(restore->rel, &restore->table, rows->series_id, rows->times[row], cells, rows->ncolumns,
								 GetCurrentCommandId(true));
	}
}

static void
fill_cell(TsdbCell *cell, const TsdbBatch *rows, int c, uint32 row)
{
	const TsdbColumn *column = &rows->columns[c];
	uint32 nbytes;

	cell->column = c;
	cell->is_null = column->states != NULL && column->states[row] != TSDB_CELL_VALUE;
	if (cell->is_null)
		return;
	cell->word = column->words[row];
	if (column->type != TSDB_TYPE_TEXT)
		return;
	memcpy(&nbytes, rows->arena.data + cell->word, sizeof(nbytes));
	cell->text = rows->arena.data + cell->word + sizeof(nbytes);
	cell->nbytes = nbytes;
}
