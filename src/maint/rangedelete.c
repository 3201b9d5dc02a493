/*-------------------------------------------------------------------------
 *
 * rangedelete.c
 *	  Take whole ranges of time out of a table.
 *
 *	1. Flush what may be flushed, lock writers and compactions out, and take a snapshot after that: every version is
 *	   visible now or its writer was rolled back, but for rows that this transaction itself still holds in memory.
 *	2. Walk along the line of keys.  Blocks of segments go from the lists (segcut.c).  Keys of which a run or the pending
 *	   rows hold a version that counts get an ordinary tombstone, whose sequence is above all.
 *	3. The watermarks of segments stay, so older runs stay covered and newer ones win as before.
 *
 * All of it is rows of the store, deleted and inserted in this (sub)transaction, and pending tombstones: rollback,
 * savepoints, crash, standbys and older snapshots need nothing of their own.
 *
 * Memory: one group's directories, one window of rows, ARCHIVE_BYTES of coded chunks.
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "format/stretch.h"
#include "maint/compaction.h"
#include "maint/rangecheck.h"
#include "maint/rangedelete.h"
#include "maint/rangesegments.h"
#include "maint/rangesurvey.h"
#include "maint/segcut.h"
#include "miscadmin.h"
#include "pg/check.h"
#include "pg/debug_point.h"
#include "read/keys.h"
#include "read/reader.h"
#include "series/series.h"
#include "storage/latch.h"
#include "storage/lmgr.h"
#include "store/metapage.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"
#include "utils/wait_event.h"
#include "write/buffer.h"

#define ARCHIVE_BYTES (512 * 1024) /* of chunks after which a stretch is closed */
#define WAIT_MS 10 /* between two looks whether a compaction is over */
#define MAX_WAITS 1000
#define ROWS_PER_WAIT 5000 /* that can be deleted one by one meanwhile */

typedef struct Walk
{
	const TsdbRangeDelete *request;
	Relation rel;
	TsdbCompaction compaction;
	TsdbCompactResult result;
	bool is_stored; /* compaction has begun: there is more than pending rows */
	TsdbTable table;
	Snapshot snapshot;
	TsdbReader *reader;
	TsdbKey pos; /* everything before is done */
	TsdbRangeDeleted deleted;
	MemoryContext context;
	MemoryContext scratch; /* one step */

	/* the stretch that is being gathered */
	MemoryContext archive_context;
	TsdbStretch archive;
	uint32 archive_series;
	uint32 archive_capacity;
	Size archive_bytes;
} Walk;

static void create_walk(Walk *walk, Relation rel, const TsdbRangeDelete *request);
static void free_walk(Walk *walk);
static void lock_series(Relation rel, const TsdbRangeDelete *request);
static bool lock_compaction(Relation rel, double nexpected);
static bool begin_beside(Walk *walk, Snapshot snapshot);
static void begin_walk(Walk *walk);
static void open_reader(Walk *walk);
static void run_walk(Walk *walk);
static void end_walk(Walk *walk);
static void absorb_runs(Walk *walk);
static void remove_segments(Walk *walk);
static void visit_block(const TsdbSegment *segment, const TsdbLoadedGroup *loaded, uint32 block_index,
						const TsdbBatch *rows, uint32 from, uint32 until, void *arg);
static bool is_touched(Walk *walk, const TsdbSegment *segment, TsdbKey lo, TsdbKey hi);
static void remove_versions(Walk *walk, TsdbKey until);
static void remove_rows(Walk *walk, TsdbKey lo, TsdbKey hi);
static void write_tombstones(Walk *walk, TsdbKey lo, TsdbKey hi);
static void give_rows(Walk *walk, uint32 series, const TsdbBatch *rows, uint32 from, uint32 until);
static void archive_block(Walk *walk, const TsdbSegment *segment, const TsdbLoadedGroup *loaded, uint32 block_index);
static TsdbStretchBlock *add_archived(Walk *walk, uint32 series);
static void begin_archive(Walk *walk, uint32 series);
static void flush_archive(Walk *walk);

uint64
tsdb_rangedelete_run(Relation rel, const TsdbRangeDelete *request)
{
	MemoryContext caller = CurrentMemoryContext;
	Walk walk = {0};

	if (request->from_us >= request->until_us || (request->series != NULL && request->nseries == 0))
		return 0;
	create_walk(&walk, rel, request);
	begin_walk(&walk);
	run_walk(&walk);
	MemoryContextSwitchTo(caller);
	free_walk(&walk);
	return walk.deleted.nrows;
}

TsdbRangeOutcome
tsdb_rangedelete_statement(Relation rel, const TsdbRangeDelete *request, Snapshot snapshot, double nexpected,
						   TsdbRangeDeleted *deleted)
{
	MemoryContext caller = CurrentMemoryContext;
	Walk walk = {0};
	bool is_same;

	if (!tsdb_rangesurvey_is_large(rel, request, snapshot))
		return TSDB_RANGE_SMALL;
	TSDB_DEBUG_POINT("delete_before_lock");
	lock_series(rel, request);
	if (!lock_compaction(rel, nexpected))
		return TSDB_RANGE_BUSY;
	create_walk(&walk, rel, request);
	is_same = begin_beside(&walk, snapshot);
	if (is_same)
	{
		run_walk(&walk);
		TSDB_DEBUG_POINT("delete_after_write");
	}
	MemoryContextSwitchTo(caller);
	free_walk(&walk);
	if (!is_same)
		UnlockPage(rel, TSDB_LOCK_COMPACT, ExclusiveLock);
	*deleted = walk.deleted;
	return is_same ? TSDB_RANGE_DONE : TSDB_RANGE_CHANGED;
}

bool
tsdb_rangedelete_next_key(const TsdbRangeDelete *request, TsdbKey *key)
{
	uint32 low = 0;
	uint32 high = request->nseries;

	if (key->time >= request->until_us)
	{
		if (key->series == PG_UINT32_MAX)
			return false;
		key->series++;
		key->time = PG_INT64_MIN;
	}
	while (request->series != NULL && low < high)
	{
		uint32 middle = low + (high - low) / 2;

		if (request->series[middle] < key->series)
			low = middle + 1;
		else
			high = middle;
	}
	if (request->series != NULL)
	{
		if (low == request->nseries)
			return false;
		if (request->series[low] != key->series)
		{
			key->series = request->series[low];
			key->time = PG_INT64_MIN;
		}
	}
	key->time = Max(key->time, request->from_us);
	return true;
}

void
tsdb_rangedelete_lock(Relation rel)
{
	if (IsInParallelMode())
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_TRANSACTION_STATE),
				 errmsg("cannot take ranges out of table \"%s\" during a parallel operation", RelationGetRelationName(rel))));
	LockRelationOid(RelationGetRelid(rel), ShareRowExclusiveLock);
	(void) tsdb_buffer_flush(RelationGetRelid(rel));

	/* Rows that were just flushed count as written before. */
	CommandCounterIncrement();
}

// private functions

static void
create_walk(Walk *walk, Relation rel, const TsdbRangeDelete *request)
{
	walk->rel = rel;
	walk->request = request;
	walk->context = AllocSetContextCreate(CurrentMemoryContext, "tsdb range delete", ALLOCSET_DEFAULT_SIZES);
	walk->scratch = AllocSetContextCreate(walk->context, "tsdb range delete step", ALLOCSET_DEFAULT_SIZES);
	walk->archive_context = AllocSetContextCreate(walk->context, "tsdb archived stretch", ALLOCSET_DEFAULT_SIZES);
	MemoryContextSwitchTo(walk->context);
}

static void
free_walk(Walk *walk)
{
	MemoryContextDelete(walk->context);
}

/* Against UPDATE, DELETE and row locks of others: what they have changed is known when this is granted. */
static void
lock_series(Relation rel, const TsdbRangeDelete *request)
{
	if (request->series == NULL || request->nseries > TSDB_SERIES_MAX_LOCKS)
		(void) tsdb_series_lock(rel, 0, LockWaitBlock);
	else
		for (uint32 i = 0; i < request->nseries; i++)
			(void) tsdb_series_lock(rel, request->series[i], LockWaitBlock);
}

/*
 * Never queued for: whoever has it may wait for what this transaction holds.  A compaction in the background is over soon;
 * to wait longer than the rows would take one by one does not pay.
 */
static bool
lock_compaction(Relation rel, double nexpected)
{
	int nwaits = (int) Min(nexpected / ROWS_PER_WAIT, MAX_WAITS);

	while (!ConditionalLockPage(rel, TSDB_LOCK_COMPACT, ExclusiveLock))
	{
		if (nwaits-- <= 0)
			return false;
		(void) WaitLatch(MyLatch, WL_TIMEOUT | WL_EXIT_ON_PM_DEATH, WAIT_MS, PG_WAIT_EXTENSION);
		CHECK_FOR_INTERRUPTS();
	}
	return true;
}

/* With the locks in hand: false, with nothing changed, when the range is not any more what the snapshot sees. */
static bool
begin_beside(Walk *walk, Snapshot snapshot)
{
	TsdbCompaction *compaction = &walk->compaction;

	walk->is_stored = tsdb_compaction_begin(compaction, walk->rel, TSDB_COMPACT_AGED, true, &walk->result);
	if (!walk->is_stored)
		return false;
	if (!tsdb_rangecheck_is_same(compaction, snapshot, walk->request))
	{
		tsdb_compaction_end(compaction);
		UnlockPage(walk->rel, TSDB_LOCK_COMPACT, ExclusiveLock);
		return false;
	}
	absorb_runs(walk);
	MemoryContextSwitchTo(walk->context);
	open_reader(walk);
	return true;
}

static void
begin_walk(Walk *walk)
{
	tsdb_rangedelete_lock(walk->rel);
	walk->is_stored = tsdb_compaction_begin(&walk->compaction, walk->rel, TSDB_COMPACT_AGED, true, &walk->result);
	if (walk->is_stored)
	{
		tsdb_rangecheck_run(&walk->compaction, walk->request->series, walk->request->nseries, walk->request->from_us,
							walk->request->until_us);
		absorb_runs(walk);
	}
	MemoryContextSwitchTo(walk->context);
	open_reader(walk);
}

static void
open_reader(Walk *walk)
{
	const TsdbRangeDelete *request = walk->request;
	TsdbBatch **pending;
	int npending;

	walk->table = *tsdb_table_copy(walk->rel);
	walk->snapshot = RegisterSnapshot(walk->is_stored ? walk->compaction.snapshot : GetLatestSnapshot());
	pending = tsdb_buffer_pending(walk->rel, &walk->table, walk->snapshot->curcid, &npending);
	walk->reader = tsdb_reader_open(walk->rel, &walk->table, walk->snapshot, walk->table.values, walk->table.nvalues,
									pending, npending);
	tsdb_reader_restrict(walk->reader, request->series, request->nseries, request->from_us, request->until_us);
	walk->pos = KEY_MIN;
}

static void
run_walk(Walk *walk)
{
	if (walk->is_stored)
		remove_segments(walk);
	remove_versions(walk, KEY_MAX);
	flush_archive(walk);
	end_walk(walk);
}

static void
end_walk(Walk *walk)
{
	walk->deleted.blocks_decoded += tsdb_reader_counters(walk->reader)->blocks_decoded;
	tsdb_reader_close(walk->reader);
	UnregisterSnapshot(walk->snapshot);
	if (walk->is_stored)
	{
		MemoryContextSwitchTo(walk->compaction.context);
		tsdb_compaction_settle(&walk->compaction);
		tsdb_compaction_end(&walk->compaction);
	}
	else
		CommandCounterIncrement();
}

/* Many rows in runs: in segments they go without tombstones. */
static void
absorb_runs(Walk *walk)
{
	TsdbCompaction *compaction = &walk->compaction;
	const TsdbRangeDelete *request = walk->request;
	uint64 nrows = 0;

	for (uint32 i = 0; i < compaction->nruns; i++)
		if (compaction->is_candidate[i])
			nrows += tsdb_rangesurvey_run_rows(request, &compaction->runs[i].run);
	if (nrows > TSDB_RANGESURVEY_MANY_ROWS && !tsdb_compaction_would_show_rows(compaction))
		tsdb_compaction_absorb(compaction, request->until_us);
}

static void
remove_segments(Walk *walk)
{
	TsdbCompaction *compaction = &walk->compaction;
	const TsdbRangeDelete *request = walk->request;
	MemoryContext work = AllocSetContextCreate(walk->context, "tsdb range delete segment", ALLOCSET_DEFAULT_SIZES);
	TsdbSegmentCut cut = {request->from_us, request->until_us, false, visit_block, walk};
	TsdbRangeSegments *segments = tsdb_rangesegments_begin(compaction->store, walk->rel, compaction->snapshot, request);
	TsdbStoredSegment stored;

	MemoryContextSwitchTo(work);
	while (tsdb_rangesegments_next(segments, &stored))
	{
		CHECK_FOR_INTERRUPTS();
		TSDB_DEBUG_POINT("range_before_write");
		(void) tsdb_segcut_run(compaction, &stored, &cut);
		MemoryContextReset(work);
	}
	MemoryContextSwitchTo(walk->context);
	tsdb_rangesegments_end(segments);
}

static void
visit_block(const TsdbSegment *segment, const TsdbLoadedGroup *loaded, uint32 block_index,
			const TsdbBatch *rows, uint32 from, uint32 until, void *arg)
{
	Walk *walk = arg;
	const TsdbBlock *block = &loaded->base.blocks[block_index];
	TsdbKey lo = {segment->series, Max(block->from_us, walk->request->from_us)};
	TsdbKey hi = {segment->series, Min(block->until_us, walk->request->until_us)};

	if (rows != NULL)
		walk->deleted.blocks_decoded++;
	remove_versions(walk, lo);
	if (is_touched(walk, segment, lo, hi))
		remove_rows(walk, lo, hi);
	else if (rows != NULL)
		give_rows(walk, segment->series, rows, from, until);
	else
	{
		walk->deleted.nrows += block->nrows;
		walk->deleted.blocks_dropped++;
		if (walk->request->take != NULL)
			archive_block(walk, segment, loaded, block_index);
	}
	walk->pos = hi;
}

/* Does a run or a pending row hold a version of a key in [lo, hi) that counts? */
static bool
is_touched(Walk *walk, const TsdbSegment *segment, TsdbKey lo, TsdbKey hi)
{
	TsdbKey found;

	return tsdb_reader_next_version(walk->reader, lo, &found) && key_before(found, hi) &&
		   !tsdb_reader_is_merged(walk->reader, lo, hi, segment->merged_seq);
}

/* Rows between what is done and `until`: no block lies there that is still to come. */
static void
remove_versions(Walk *walk, TsdbKey until)
{
	TsdbKey found;

	while (tsdb_rangedelete_next_key(walk->request, &walk->pos) && key_before(walk->pos, until) &&
		   tsdb_reader_next_version(walk->reader, walk->pos, &found) && key_before(found, until))
	{
		TsdbKey lo = found;

		CHECK_FOR_INTERRUPTS();
		if (tsdb_rangedelete_next_key(walk->request, &found) && tsdb_key_compare(lo, found) == 0)
		{
			TsdbKey end = {lo.series, walk->request->until_us};

			found = key_min(end, until);
			remove_rows(walk, lo, found);
		}
		walk->pos = found;
	}
	walk->pos = key_max(walk->pos, until);
}

/* Rows of one series, as blocks, runs and pending rows together say. */
static void
remove_rows(Walk *walk, TsdbKey lo, TsdbKey hi)
{
	const TsdbBatch *rows;

	tsdb_reader_set_range(walk->reader, lo, hi);
	while ((rows = tsdb_reader_next(walk->reader, ForwardScanDirection)) != NULL)
		give_rows(walk, lo.series, rows, 0, rows->nrows);
	write_tombstones(walk, lo, hi);
}

/* A tombstone for each key that is in runs or pending; that of a sample that is gone already does no harm. */
static void
write_tombstones(Walk *walk, TsdbKey lo, TsdbKey hi)
{
	TsdbKey key;

	while (tsdb_reader_next_version(walk->reader, lo, &key) && key_before(key, hi))
	{
		ItemPointerData unused;

		CHECK_FOR_INTERRUPTS();
		tsdb_buffer_append(walk->rel, &walk->table, key.series, key.time, TSDB_ROW_TOMBSTONE, NULL, NULL, NULL,
						   GetCurrentCommandId(true), &unused);
		lo = key_after(key);
	}
}

static void
give_rows(Walk *walk, uint32 series, const TsdbBatch *rows, uint32 from, uint32 until)
{
	TsdbTaken taken = {0};

	if (from >= until)
		return;
	walk->deleted.nrows += until - from;
	if (walk->request->take == NULL)
		return;
	flush_archive(walk);
	taken.series = series;
	taken.nrows = until - from;
	taken.first_time = rows->times[from];
	taken.last_time = rows->times[until - 1];
	taken.rows = rows;
	taken.from = from;
	taken.until = until;
	walk->request->take(&taken, walk->request->arg);
}

/* Copy the chunks of a block as they are. */
static void
archive_block(Walk *walk, const TsdbSegment *segment, const TsdbLoadedGroup *loaded, uint32 block_index)
{
	TsdbCompaction *compaction = &walk->compaction;
	const TsdbBlock *block = &loaded->base.blocks[block_index];
	TsdbStretchBlock *archived = add_archived(walk, segment->series);
	MemoryContext caller = MemoryContextSwitchTo(walk->archive_context);

	archived->base_us = block->from_us;
	archived->nrows = block->nrows;
	archived->first_time = block->first_time;
	archived->last_time = block->last_time;
	archived->times = tsdb_segstore_chunk(compaction->store, walk->rel, compaction->snapshot, segment, block->times);
	archived->cells = palloc0_array(TsdbSpan, walk->table.nvalues + 1);
	walk->archive_bytes += block->times.nbytes;
	for (int v = 0; v < walk->table.nvalues; v++)
	{
		int c = tsdb_segload_column(compaction, segment, &walk->table.values[v]);

		if (c < 0 || !loaded->has_column[c] || loaded->columns[c].cells[block_index].nbytes == 0)
			continue;
		archived->cells[v] = tsdb_segstore_chunk(compaction->store, walk->rel, compaction->snapshot, segment,
												 loaded->columns[c].cells[block_index]);
		walk->archive_bytes += loaded->columns[c].cells[block_index].nbytes;
	}
	MemoryContextSwitchTo(caller);
}

static TsdbStretchBlock *
add_archived(Walk *walk, uint32 series)
{
	TsdbStretch *archive = &walk->archive;

	if (archive->nblocks > 0 && (walk->archive_series != series || walk->archive_bytes >= ARCHIVE_BYTES ||
								 archive->nblocks == TSDB_STRETCH_MAX_BLOCKS))
		flush_archive(walk);
	if (archive->nblocks == 0)
		begin_archive(walk, series);
	if (archive->nblocks == walk->archive_capacity)
	{
		walk->archive_capacity *= 2;
		archive->blocks = repalloc_array(archive->blocks, TsdbStretchBlock, walk->archive_capacity);
	}
	return &archive->blocks[archive->nblocks++];
}

static void
begin_archive(Walk *walk, uint32 series)
{
	MemoryContext caller = MemoryContextSwitchTo(walk->archive_context);
	TsdbStretch *archive = &walk->archive;

	walk->archive_series = series;
	walk->archive_capacity = 64;
	walk->archive_bytes = 0;
	archive->blocks = palloc_array(TsdbStretchBlock, walk->archive_capacity);
	archive->ncolumns = walk->table.nvalues;
	archive->columns = palloc0_array(TsdbStretchColumn, walk->table.nvalues + 1);
	for (int v = 0; v < walk->table.nvalues; v++)
	{
		const TsdbWanted *wanted = &walk->table.values[v];
		TsdbStretchColumn *column = &archive->columns[v];
		uint32 length;

		column->id = walk->request->column_id(wanted->attnum, walk->request->arg);
		column->type = wanted->type;
		column->missing_state = wanted->missing_state;
		column->missing_word = wanted->missing_word;
		if (wanted->type == TSDB_TYPE_TEXT && wanted->missing_state == TSDB_CELL_VALUE)
		{
			memcpy(&length, wanted->missing_text, sizeof(length));
			column->missing_text = tsdb_span(wanted->missing_text + sizeof(length), length);
		}
	}
	MemoryContextSwitchTo(caller);
}

/* Hand the gathered stretch out. */
static void
flush_archive(Walk *walk)
{
	TsdbStretch *archive = &walk->archive;
	TsdbMem mem = tsdb_mem_context(walk->archive_context);
	TsdbTaken taken = {0};
	TsdbBytes bytes;

	if (archive->nblocks == 0)
		return;
	tsdb_bytes_init(&bytes, &mem);
	(void) tsdb_bytes_reserve(&bytes, walk->archive_bytes + walk->archive_bytes / 8);
	tsdb_stretch_encode(&bytes, archive, &mem);
	taken.series = walk->archive_series;
	taken.first_time = archive->blocks[0].first_time;
	taken.last_time = archive->blocks[archive->nblocks - 1].last_time;
	taken.stretch = tsdb_span(bytes.data, bytes.len);
	for (uint32 i = 0; i < archive->nblocks; i++)
		taken.nrows += archive->blocks[i].nrows;
	walk->request->take(&taken, walk->request->arg);
	archive->nblocks = 0;
	MemoryContextReset(walk->archive_context);
}
