/*-------------------------------------------------------------------------
 *
 * reader.c
 *	  Rows of a table in (series, time) order under one snapshot.
 *
 * Every source (segments, each run, each batch of pending rows) can say which
 * is its first key at or after, or its last key before, a given one.  A step
 * takes the nearest of them, finds the region of the compacted tree around it
 * (one block, or the gap between blocks), cuts the window at chunk starts, and
 * merges what the sources hold inside it.
 *
 * Run list and pending rows are captured together when the reader is opened: a
 * flush later on cannot make a row count twice.
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "format/grid.h"
#include "lib/ilist.h"
#include "miscadmin.h"
#include "pg/check.h"
#include "read/keys.h"
#include "read/l1cursor.h"
#include "read/reader.h"
#include "read/readrange.h"
#include "read/runset.h"
#include "read/units.h"
#include "store/tid.h"
#include "store/metapage.h"
#include "store/segstore.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"

#define MAX_WINDOW_ROWS 65536 /* of a window that merges many runs */

struct TsdbReader
{
	dlist_node node; /* in open_readers */
	MemoryContext context;
	MemoryContext window_context;
	MemoryContextCallback on_delete;
	Relation rel;
	Snapshot snapshot;
	bool own_snapshot;
	TsdbStore *store; /* NULL: nothing was ever written */
	int64 segment_us;
	int nwanted;
	TsdbWanted *wanted;
	TsdbL1Cursor *l1;

	TsdbRunSet *runs;

	int npending;
	TsdbBatch *pending;
	uint64 *pending_numbers;

	TsdbReadRange range; /* restriction and unit */
	uint32 nunits;
	TsdbKey *units;
	int nterms; /* conditions on values */
	TsdbFilterTerm *terms;

	/* position: the last window was [lo, hi) */
	TsdbKey lo;
	TsdbKey hi;
	bool started;
	TsdbBatch window;
	TsdbOrigin *origins; /* NULL: all rows are those of the block */
	uint32 block_id;
	uint32 block_first; /* row of the block that is row 0 of the window's base */
	TsdbMergeSource *sources;
	int *source_runs; /* index of the run, or -1 - index of the pending batch */
	TsdbReaderCounters counters;
};

/* For TIDs of pending rows: who holds them. */
static dlist_head open_readers = DLIST_STATIC_INIT(open_readers);

static void unlink_reader(void *arg);
static void take_pending(TsdbReader *reader, TsdbBatch **pending, int npending);
static bool next_key(TsdbReader *reader, TsdbKey key, TsdbKey *found);
static bool next_version(TsdbReader *reader, TsdbKey key, TsdbKey *found);
static bool previous_key(TsdbReader *reader, TsdbKey key, TsdbKey *found);
static bool step_forward(TsdbReader *reader);
static bool step_backward(TsdbReader *reader);
static bool skip_barren(TsdbReader *reader, const TsdbRegion *region, TsdbKey stop, ScanDirection direction);
static bool is_quiet(TsdbReader *reader, TsdbKey lo, TsdbKey hi);
static void read_window(TsdbReader *reader, const TsdbRegion *region, ScanDirection direction);
static int begin_window(TsdbReader *reader, ScanDirection direction);
static void merge_window(TsdbReader *reader, const TsdbBatch *base, int nsources, uint64 watermark);
static bool cut_window(TsdbReader *reader, int nsources, ScanDirection direction);
static void set_view(TsdbReader *reader, TsdbBatch *view, const TsdbBatch *batch, uint32 from, uint32 until);
static int collect_sources(TsdbReader *reader);
static bool resolve_pending(Relation rel, ItemPointer tid, TsdbKey *key);

TsdbReader *
tsdb_reader_open(Relation rel, const TsdbTable *table, Snapshot snapshot,
				 const TsdbWanted *wanted, int nwanted, TsdbBatch **pending, int npending)
{
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "tsdb reader", ALLOCSET_DEFAULT_SIZES);
	MemoryContext old = MemoryContextSwitchTo(context);
	TsdbReader *reader = palloc0(sizeof(TsdbReader));

	reader->context = context;
	reader->window_context = AllocSetContextCreate(context, "tsdb window", ALLOCSET_DEFAULT_SIZES);
	reader->rel = rel;
	reader->nwanted = nwanted;

	reader->wanted = palloc_array(TsdbWanted, nwanted + 1);
	memcpy(reader->wanted, wanted, sizeof(TsdbWanted) * nwanted);

	if (snapshot != NULL && snapshot->snapshot_type == SNAPSHOT_MVCC)
		reader->snapshot = snapshot;
	else
	{
		reader->snapshot = RegisterSnapshot(ActiveSnapshotSet() ? GetActiveSnapshot() : GetLatestSnapshot());
		reader->own_snapshot = true;
	}

	dlist_push_head(&open_readers, &reader->node);
	reader->on_delete.func = unlink_reader;
	reader->on_delete.arg = reader;
	MemoryContextRegisterResetCallback(context, &reader->on_delete);

	reader->segment_us = tsdb_metapage_segment_us(rel);
	if (reader->segment_us != 0)
		reader->store = tsdb_store_open(rel, AccessShareLock, false);
	reader->runs = tsdb_runset_open(rel, reader->store, reader->snapshot, reader->wanted, nwanted, &reader->counters);
	take_pending(reader, pending, npending);
	reader->sources = palloc_array(TsdbMergeSource, tsdb_runset_size(reader->runs) + npending + 1);
	reader->source_runs = palloc_array(int, tsdb_runset_size(reader->runs) + npending + 1);
	if (reader->store != NULL)
		reader->l1 = tsdb_l1_open(rel, reader->store, reader->snapshot, reader->segment_us,
								  reader->wanted, nwanted, &reader->counters);

	reader->range.from = PG_INT64_MIN;
	reader->range.until = PG_INT64_MAX;
	reader->range.lo = KEY_MIN;
	reader->range.hi = KEY_MAX;
	tsdb_reader_rescan(reader);
	MemoryContextSwitchTo(old);
	return reader;
}

void
tsdb_reader_close(TsdbReader *reader)
{
	if (reader->l1 != NULL)
		tsdb_l1_close(reader->l1);
	if (reader->store != NULL)
		tsdb_store_close(reader->store);
	if (reader->own_snapshot)
		UnregisterSnapshot(reader->snapshot);
	MemoryContextDelete(reader->context);
}

void
tsdb_reader_restrict(TsdbReader *reader, const uint32 *series, uint32 nseries, int64 from, int64 until)
{
	if (reader->range.series != NULL)
		pfree(reader->range.series);
	reader->range.series = NULL;
	reader->range.nseries = nseries;
	if (series != NULL)
	{
		reader->range.series = MemoryContextAlloc(reader->context, sizeof(uint32) * Max(nseries, 1));
		memcpy(reader->range.series, series, sizeof(uint32) * nseries);
	}
	if (reader->l1 != NULL)
		tsdb_l1_restrict(reader->l1, series != NULL && nseries > 0 ? series[0] : 0,
						 series != NULL && nseries > 0 ? series[nseries - 1] : TSDB_STORE_MAX_ID);
	if (from != reader->range.from || until != reader->range.until)
		tsdb_runset_restrict(reader->runs, from, until);
	reader->range.from = from;
	reader->range.until = until;
	tsdb_reader_rescan(reader);
}

void
tsdb_reader_set_filter(TsdbReader *reader, const TsdbFilterTerm *terms, int nterms)
{
	if (reader->terms != NULL)
		pfree(reader->terms);
	reader->terms = MemoryContextAlloc(reader->context, sizeof(TsdbFilterTerm) * Max(nterms, 1));
	if (nterms > 0)
		memcpy(reader->terms, terms, sizeof(TsdbFilterTerm) * nterms);
	reader->nterms = nterms;
}

void
tsdb_reader_set_windows(TsdbReader *reader, const TsdbReadWindows *windows)
{
	reader->range.windows = windows;
}

void
tsdb_reader_rescan(TsdbReader *reader)
{
	reader->lo = reader->hi = reader->range.lo;
	reader->started = false;
	reader->window.nrows = 0;
}

void
tsdb_reader_seek(TsdbReader *reader, TsdbKey key)
{
	reader->lo = reader->hi = key;
	reader->started = true;
	reader->window.nrows = 0;
}

const TsdbBatch *
tsdb_reader_next(TsdbReader *reader, ScanDirection direction)
{
	MemoryContext old = MemoryContextSwitchTo(reader->context);
	bool found;

	if (!reader->started && ScanDirectionIsBackward(direction))
		reader->lo = reader->hi = reader->range.hi;
	reader->started = true;
	do
	{
		CHECK_FOR_INTERRUPTS();
		found = ScanDirectionIsBackward(direction) ? step_backward(reader) : step_forward(reader);
	} while (found && reader->window.nrows == 0);
	MemoryContextSwitchTo(old);
	if (!found)
	{
		reader->window.nrows = 0;
		return NULL;
	}
	reader->counters.rows += reader->window.nrows;
	return &reader->window;
}

void
tsdb_reader_set_range(TsdbReader *reader, TsdbKey lo, TsdbKey hi)
{
	reader->range.lo = lo;
	reader->range.hi = hi;
	tsdb_reader_rescan(reader);
}

bool
tsdb_reader_next_version(TsdbReader *reader, TsdbKey key, TsdbKey *found)
{
	MemoryContext old = MemoryContextSwitchTo(reader->context);
	bool any = next_version(reader, key, found);

	MemoryContextSwitchTo(old);
	return any;
}

void
tsdb_reader_tid(TsdbReader *reader, uint32 row, ItemPointer tid)
{
	TsdbOrigin origin;

	Assert(row < reader->window.nrows);
	if (reader->origins != NULL)
		origin = reader->origins[row];
	else
	{
		origin.source = -1;
		origin.row = row;
	}
	if (origin.source < 0)
		tsdb_tid_set_block(tid, reader->block_id, reader->block_first + origin.row);
	else if (reader->source_runs[origin.source] >= 0)
		tsdb_runset_tid(reader->runs, reader->source_runs[origin.source], origin.row, tid);
	else
		tsdb_tid_set_row(tid, TSDB_TID_PENDING,
						 reader->pending_numbers[-1 - reader->source_runs[origin.source]], origin.row);
}

const TsdbBatch *
tsdb_reader_fetch(TsdbReader *reader, TsdbKey key)
{
	MemoryContext old = MemoryContextSwitchTo(reader->context);
	TsdbRegion region;

	if (reader->l1 != NULL)
		tsdb_l1_region(reader->l1, key, &region);
	else
		tsdb_l1_empty_region(&region);
	reader->lo = key;
	reader->hi = key_after(key);
	read_window(reader, &region, NoMovementScanDirection);
	MemoryContextSwitchTo(old);
	Assert(reader->window.nrows <= 1);
	return reader->window.nrows == 0 ? NULL : &reader->window;
}

bool
tsdb_reader_resolve(TsdbReader *reader, ItemPointer tid, TsdbKey *key)
{
	MemoryContext old = MemoryContextSwitchTo(reader->context);
	bool found;

	if (!ItemPointerIsValid(tid))
		found = false;
	else if (tsdb_tid_is_block(tid))
		found = reader->l1 != NULL &&
				tsdb_l1_resolve(reader->l1, ItemPointerGetBlockNumberNoCheck(tid), ItemPointerGetOffsetNumberNoCheck(tid), key);
	else if (tsdb_tid_kind(tid) == TSDB_TID_RUN)
		found = tsdb_runset_resolve(reader->runs, tid, key);
	else
		found = resolve_pending(reader->rel, tid, key);
	MemoryContextSwitchTo(old);
	return found;
}

TsdbExtent
tsdb_reader_extent(TsdbReader *reader, const uint32 *series, uint32 nseries, ScanDirection near)
{
	TsdbExtent extent = {PG_INT64_MAX, PG_INT64_MIN};
	MemoryContext old = MemoryContextSwitchTo(reader->context);

	tsdb_runset_extent(reader->runs, &extent);
	for (int i = 0; i < reader->npending; i++)
		for (uint32 row = 0; row < reader->pending[i].nrows; row++)
			tsdb_extent_add(&extent, reader->pending[i].times[row], reader->pending[i].times[row] + 1);
	if (reader->store != NULL)
		tsdb_extent_add_segments(&extent, reader->rel, reader->store, reader->snapshot, reader->segment_us, series, nseries, near);
	MemoryContextSwitchTo(old);
	return extent;
}

const TsdbReaderCounters *
tsdb_reader_counters(const TsdbReader *reader)
{
	return &reader->counters;
}

bool
tsdb_reader_is_merged(TsdbReader *reader, TsdbKey lo, TsdbKey hi, uint64 watermark)
{
	return reader->npending == 0 && tsdb_runset_is_below(reader->runs, lo, hi, watermark);
}

const TsdbBatch *
tsdb_reader_merge(TsdbReader *reader, const TsdbBatch *base, uint64 watermark, TsdbKey lo, TsdbKey *hi)
{
	MemoryContext old = MemoryContextSwitchTo(reader->context);
	int nsources;

	reader->lo = lo;
	reader->hi = tsdb_runset_start_after(reader->runs, lo, *hi);
	nsources = begin_window(reader, ForwardScanDirection);
	merge_window(reader, base, nsources, watermark);
	*hi = reader->hi;
	MemoryContextSwitchTo(old);
	return &reader->window;
}

Snapshot
tsdb_reader_snapshot(const TsdbReader *reader)
{
	return reader->snapshot;
}

uint32
tsdb_reader_nunits(TsdbReader *reader)
{
	if (reader->units == NULL)
	{
		MemoryContext caller = MemoryContextSwitchTo(reader->context);

		reader->units = tsdb_units_list(reader->store, reader->snapshot, reader->segment_us, reader->runs, &reader->nunits);
		MemoryContextSwitchTo(caller);
	}
	return reader->nunits;
}

void
tsdb_reader_set_unit(TsdbReader *reader, uint32 unit)
{
	uint32 nunits = tsdb_reader_nunits(reader);

	Assert(unit < nunits);
	reader->range.lo = reader->units[unit];
	reader->range.hi = unit + 1 < nunits ? reader->units[unit + 1] : KEY_MAX;
	tsdb_reader_rescan(reader);
}

uint32
tsdb_reader_run_numbers(TsdbReader *reader, const uint64 **run_numbers)
{
	return tsdb_runset_numbers(reader->runs, run_numbers);
}

void
tsdb_reader_segment_tid(TsdbReader *reader, TsdbKey key, ItemPointer tid)
{
	ItemPointerSetInvalid(tid);
	if (reader->l1 != NULL)
		tsdb_l1_segment_tid(reader->l1, key, tid);
}

// private functions

static void
unlink_reader(void *arg)
{
	dlist_delete(&((TsdbReader *) arg)->node);
}

/* Take over the caller's batches with just the wanted columns. */
static void
take_pending(TsdbReader *reader, TsdbBatch **pending, int npending)
{
	reader->npending = npending;
	reader->pending = palloc_array(TsdbBatch, npending + 1);
	reader->pending_numbers = palloc_array(uint64, npending + 1);
	for (int i = 0; i < npending; i++)
	{
		TsdbBatch *batch = &reader->pending[i];

		*batch = *pending[i];
		batch->ncolumns = reader->nwanted;
		batch->columns = palloc_array(TsdbColumn, reader->nwanted + 1);
		for (int c = 0; c < reader->nwanted; c++)
		{
			TsdbColumn *column = tsdb_batch_column(pending[i], reader->wanted[c].attnum);

			if (column == NULL)
				elog(ERROR, "pending rows of table \"%s\" lack column %d",
					 RelationGetRelationName(reader->rel), reader->wanted[c].attnum);
			batch->columns[c] = *column;
		}
		reader->pending_numbers[i] = tsdb_tid_reserve(batch->nrows / TSDB_RUN_TID_ROWS + 1);
		reader->counters.pending_rows += batch->nrows;
	}
}

/* The first key at or after `key` where any source may hold something. */
static bool
next_key(TsdbReader *reader, TsdbKey key, TsdbKey *found)
{
	TsdbKey candidate;
	bool any = next_version(reader, key, found);

	if (reader->l1 != NULL && tsdb_l1_next(reader->l1, key, &candidate))
	{
		*found = any ? key_min(*found, candidate) : candidate;
		any = true;
	}
	return any;
}

/* The same of runs and pending rows only. */
static bool
next_version(TsdbReader *reader, TsdbKey key, TsdbKey *found)
{
	bool any = tsdb_runset_next(reader->runs, key, found);

	for (int i = 0; i < reader->npending; i++)
	{
		uint32 row = tsdb_batch_find(&reader->pending[i], key);

		if (row < reader->pending[i].nrows)
		{
			TsdbKey candidate = tsdb_batch_key(&reader->pending[i], row);

			*found = any ? key_min(*found, candidate) : candidate;
			any = true;
		}
	}
	return any;
}

/* The last key before `key` where any source may hold something. */
static bool
previous_key(TsdbReader *reader, TsdbKey key, TsdbKey *found)
{
	TsdbKey best = KEY_MIN;
	TsdbKey candidate;
	bool any = false;

	if (reader->l1 != NULL && tsdb_l1_previous(reader->l1, key, &candidate))
	{
		best = candidate;
		any = true;
	}
	if (tsdb_runset_previous(reader->runs, key, &candidate))
	{
		best = any ? key_max(best, candidate) : candidate;
		any = true;
	}
	for (int i = 0; i < reader->npending; i++)
	{
		uint32 row = tsdb_batch_find(&reader->pending[i], key);

		if (row > 0)
		{
			candidate = tsdb_batch_key(&reader->pending[i], row - 1);
			best = any ? key_max(best, candidate) : candidate;
			any = true;
		}
	}
	*found = best;
	return any;
}

static bool
step_forward(TsdbReader *reader)
{
	TsdbKey key = reader->hi;
	TsdbKey stop;
	TsdbRegion region;

	for (;;)
	{
		TsdbKey found;

		CHECK_FOR_INTERRUPTS();
		if (!tsdb_readrange_forward(&reader->range, &key, &stop) || !next_key(reader, key, &found))
		{
			reader->lo = reader->hi = reader->range.hi;
			return false;
		}
		if (key_before(found, stop))
		{
			key = found;
			break;
		}
		key = found;
		if (!key_before(key, reader->range.hi))
		{
			reader->lo = reader->hi = reader->range.hi;
			return false;
		}
	}
	if (reader->l1 != NULL)
		tsdb_l1_region(reader->l1, key, &region);
	else
		tsdb_l1_empty_region(&region);
	reader->lo = key;
	reader->hi = tsdb_runset_start_after(reader->runs, key, key_min(stop, region.hi));
	if (!skip_barren(reader, &region, stop, ForwardScanDirection))
		read_window(reader, &region, ForwardScanDirection);
	return true;
}

static bool
step_backward(TsdbReader *reader)
{
	TsdbKey key = reader->lo; /* exclusive */
	TsdbKey stop;
	TsdbRegion region;

	for (;;)
	{
		TsdbKey found;

		CHECK_FOR_INTERRUPTS();
		if (!tsdb_readrange_backward(&reader->range, &key, &stop) || !previous_key(reader, key, &found))
		{
			reader->lo = reader->hi = reader->range.lo;
			return false;
		}
		if (!key_before(found, stop))
		{
			if (reader->l1 != NULL)
				tsdb_l1_region(reader->l1, found, &region);
			else
				tsdb_l1_empty_region(&region);
			reader->hi = key_min(key, region.hi);
			reader->lo = tsdb_runset_start_upto(reader->runs, found, key_max(stop, region.lo));
			break;
		}
		key = key_after(found);
		if (!key_before(reader->range.lo, key))
		{
			reader->lo = reader->hi = reader->range.lo;
			return false;
		}
	}
	if (!skip_barren(reader, &region, stop, BackwardScanDirection))
		read_window(reader, &region, BackwardScanDirection);
	return true;
}

/*
 * Make the window an empty one if the block in it has no row that passes, and widen it as far as that holds.
 *
 *	stop	where the window has to end in this direction
 */
static bool
skip_barren(TsdbReader *reader, const TsdbRegion *region, TsdbKey stop, ScanDirection direction)
{
	TsdbKey lo = reader->lo;
	TsdbKey hi = reader->hi;
	TsdbBarren barren;
	TsdbKey edge;

	if (reader->nterms == 0 || !region->has_block ||
		!tsdb_l1_barren(reader->l1, reader->terms, reader->nterms, direction, &barren))
		return false;

	edge.series = region->lo.series;
	edge.time = ScanDirectionIsBackward(direction) ? barren.from_us : barren.until_us;
	if (ScanDirectionIsBackward(direction))
		lo = key_min(lo, key_max(stop, edge));
	else
		hi = key_max(hi, key_min(stop, edge));
	if (is_quiet(reader, lo, hi))
	{
		reader->lo = lo;
		reader->hi = hi;
	}
	else if (is_quiet(reader, reader->lo, reader->hi))
		barren.nblocks = 1;
	else
		return false;
	reader->counters.blocks_filtered += barren.nblocks;
	reader->counters.blocks_skipped -= Min(reader->counters.blocks_skipped, barren.nblocks);
	reader->window.nrows = 0;
	return true;
}

/* Does no run and no pending row lie in [lo, hi)? */
static bool
is_quiet(TsdbReader *reader, TsdbKey lo, TsdbKey hi)
{
	TsdbKey found;

	return !next_version(reader, lo, &found) || !key_before(found, hi);
}

/*
 * Merge the rows in [lo, hi), which lies inside the region and touches at most one chunk of each run.
 *
 * A window of too many rows is cut short at its far end, seen in the given direction.
 */
static void
read_window(TsdbReader *reader, const TsdbRegion *region, ScanDirection direction)
{
	int nsources = begin_window(reader, direction);

	reader->block_id = region->block_id;
	merge_window(reader, region->has_block ? tsdb_l1_block(reader->l1) : NULL, nsources, region->watermark);
}

/* What runs and pending rows hold in the window, cut short if need be. */
static int
begin_window(TsdbReader *reader, ScanDirection direction)
{
	int nsources;

	MemoryContextReset(reader->window_context);
	reader->counters.windows++;
	reader->origins = NULL;
	nsources = collect_sources(reader);
	if (nsources > 1 && !ScanDirectionIsNoMovement(direction) && cut_window(reader, nsources, direction))
		nsources = collect_sources(reader);
	return nsources;
}

static void
merge_window(TsdbReader *reader, const TsdbBatch *base, int nsources, uint64 watermark)
{
	TsdbMem mem = tsdb_mem_context(reader->window_context);
	uint32 base_from = 0;
	TsdbBatch view;

	if (base != NULL)
	{
		/* Origins count from the first row of the view. */
		base_from = tsdb_batch_find(base, reader->lo);
		set_view(reader, &view, base, base_from, tsdb_batch_find(base, reader->hi));
		reader->block_first = base_from;
	}
	if (nsources == 0)
	{
		if (base != NULL)
			reader->window = view;
		else
			reader->window.nrows = 0;
		return;
	}
	TSDB_CHECK(tsdb_merge_rows(base != NULL ? &view : NULL, 0, base != NULL ? view.nrows : 0,
							   reader->sources, nsources, Max(watermark, 1),
							   &reader->window, &reader->origins, &mem),
			   reader->rel, "Rows of series %u do not merge.", reader->lo.series);
}

static void
set_view(TsdbReader *reader, TsdbBatch *view, const TsdbBatch *batch, uint32 from, uint32 until)
{
	*view = *batch;
	view->nrows = until - from;
	view->times += from;
	if (view->series != NULL)
		view->series += from;
	view->columns = MemoryContextAlloc(reader->window_context, sizeof(TsdbColumn) * (batch->ncolumns + 1));
	for (int i = 0; i < batch->ncolumns; i++)
	{
		view->columns[i] = batch->columns[i];
		view->columns[i].words += from;
		if (view->columns[i].states != NULL)
			view->columns[i].states += from;
	}
}

static int
collect_sources(TsdbReader *reader)
{
	int n = tsdb_runset_collect(reader->runs, reader->lo, reader->hi, reader->sources, reader->source_runs);

	for (int i = 0; i < reader->npending; i++)
	{
		TsdbMergeSource *source = &reader->sources[n];

		source->batch = &reader->pending[i];
		source->from = tsdb_batch_find(&reader->pending[i], reader->lo);
		source->until = tsdb_batch_find(&reader->pending[i], reader->hi);
		source->is_pending = source->batch->sequence == 0;
		reader->source_runs[n] = -1 - i;
		if (source->from < source->until)
			n++;
	}
	return n;
}

/* Move the far end of a window that merges too many rows; true when it was moved. */
static bool
cut_window(TsdbReader *reader, int nsources, ScanDirection direction)
{
	const TsdbMergeSource *widest = &reader->sources[0];
	uint64 nrows = 0;
	uint32 keep;
	TsdbKey edge;

	for (int i = 0; i < nsources; i++)
	{
		const TsdbMergeSource *source = &reader->sources[i];

		nrows += source->until - source->from;
		if (source->until - source->from > widest->until - widest->from)
			widest = source;
	}
	if (nrows <= MAX_WINDOW_ROWS)
		return false;
	keep = (uint32) ((uint64) (widest->until - widest->from) * (MAX_WINDOW_ROWS / 2) / nrows);
	edge = tsdb_batch_key(widest->batch, ScanDirectionIsBackward(direction) ? widest->until - 1 - keep : widest->from + keep);
	if (!key_before(reader->lo, edge) || !key_before(edge, reader->hi))
		return false;
	if (ScanDirectionIsBackward(direction))
		reader->lo = edge;
	else
		reader->hi = edge;
	return true;
}

static bool
resolve_pending(Relation rel, ItemPointer tid, TsdbKey *key)
{
	dlist_iter iter;

	dlist_foreach (iter, &open_readers)
	{
		TsdbReader *reader = dlist_container(TsdbReader, node, iter.cur);

		if (RelationGetRelid(reader->rel) != RelationGetRelid(rel))
			continue;
		for (int i = 0; i < reader->npending; i++)
		{
			uint64 row;

			if (tsdb_tid_row(tid, reader->pending_numbers[i], reader->pending[i].nrows, &row))
			{
				*key = tsdb_batch_key(&reader->pending[i], row);
				return true;
			}
		}
	}
	return false;
}
