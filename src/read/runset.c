/*-------------------------------------------------------------------------
 *
 * runset.c
 *	  The runs that a snapshot sees, as one source of versions.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "miscadmin.h"
#include "pg/check.h"
#include "read/chunkindex.h"
#include "read/keys.h"
#include "read/runset.h"
#include "store/runbase.h"
#include "store/tid.h"
#include "utils/memutils.h"

#define MAX_LOADED_CHUNKS 256 /* kept decoded; more only when a window needs them at once */

/* A run and the chunk of it that was decoded last. */
typedef struct RunCursor
{
	TsdbStoredRun *stored;
	int64 chunk_no; /* decoded chunk, -1 = none */
	MemoryContext context;
	TsdbBatch batch;
	bool counted;
	bool is_own; /* written by this transaction: rows may be of later commands */
} RunCursor;

struct TsdbRunSet
{
	MemoryContext context;
	Relation rel;
	TsdbStore *store;
	Snapshot snapshot;
	int nwanted;
	TsdbWanted *wanted; /* and behind them the column of command ids */
	TsdbReaderCounters *counters;
	int64 from;
	int64 until;
	uint32 nruns;
	TsdbStoredRun *runs;
	RunCursor *cursors;
	uint64 *run_numbers;
	TsdbChunkIndex *index; /* of the chunks that the restriction leaves, NULL = not made yet */
	uint32 nloaded; /* decoded chunks */
	TsdbRunBase base; /* of the chunk decoded last that has one */
	uint32 load_limit; /* more: drop those that the window does not need */
};

static TsdbChunkIndex *get_index(TsdbRunSet *set);
static void drop_chunks(TsdbRunSet *set, TsdbKey lo, TsdbKey hi);
static void load_chunk(TsdbRunSet *set, RunCursor *cursor, uint32 chunk_no);
static void hide_later_commands(TsdbRunSet *set, RunCursor *cursor);

TsdbRunSet *
tsdb_runset_open(Relation rel, TsdbStore *store, Snapshot snapshot, const TsdbWanted *wanted, int nwanted,
				 TsdbReaderCounters *counters)
{
	TsdbRunSet *set = palloc0(sizeof(TsdbRunSet));

	set->context = CurrentMemoryContext;
	set->rel = rel;
	set->store = store;
	set->snapshot = snapshot;
	set->counters = counters;
	set->from = PG_INT64_MIN;
	set->until = PG_INT64_MAX;
	set->load_limit = MAX_LOADED_CHUNKS;

	/* After the wanted columns: the command ids of runs of our own transaction. */
	set->nwanted = nwanted;
	set->wanted = palloc0_array(TsdbWanted, nwanted + 1);
	set->wanted[nwanted].attnum = TSDB_CID_ATTNUM;
	set->wanted[nwanted].type = TSDB_TYPE_INT8;
	set->wanted[nwanted].missing_state = TSDB_CELL_VALUE;
	memcpy(set->wanted, wanted, sizeof(TsdbWanted) * nwanted);

	if (store != NULL)
		set->runs = tsdb_runstore_list(store, rel, snapshot, &set->nruns);
	set->cursors = MemoryContextAllocExtended(CurrentMemoryContext, sizeof(RunCursor) * ((Size) set->nruns + 1),
											  MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
	set->run_numbers = MemoryContextAllocHuge(CurrentMemoryContext, sizeof(uint64) * ((Size) set->nruns + 1));
	for (uint32 i = 0; i < set->nruns; i++)
	{
		set->cursors[i].stored = &set->runs[i];
		set->cursors[i].chunk_no = -1;
		set->cursors[i].is_own = TransactionIdIsCurrentTransactionId(set->runs[i].xmin);
		set->run_numbers[i] = set->runs[i].run.run_no;
	}
	return set;
}

void
tsdb_runset_restrict(TsdbRunSet *set, int64 from, int64 until)
{
	set->from = from;
	set->until = until;
	if (set->index != NULL)
		tsdb_chunkindex_free(set->index);
	set->index = NULL;
	set->counters->runs_skipped = 0;
	for (uint32 i = 0; i < set->nruns; i++)
		if (set->runs[i].run.max_time < from || set->runs[i].run.min_time >= until)
			set->counters->runs_skipped++;
}

uint32
tsdb_runset_size(const TsdbRunSet *set)
{
	return set->nruns;
}

uint32
tsdb_runset_numbers(const TsdbRunSet *set, const uint64 **run_numbers)
{
	*run_numbers = set->run_numbers;
	return set->nruns;
}

void
tsdb_runset_extent(const TsdbRunSet *set, TsdbExtent *extent)
{
	for (uint32 i = 0; i < set->nruns; i++)
		tsdb_extent_add(extent, set->runs[i].run.min_time, set->runs[i].run.max_time + 1);
}

bool
tsdb_runset_next(TsdbRunSet *set, TsdbKey key, TsdbKey *found)
{
	const TsdbChunkEntry **entries;
	uint32 nentries = tsdb_chunkindex_overlapping(get_index(set), key, key_after(key), &entries);
	bool any = tsdb_chunkindex_first_after(get_index(set), key, found);

	for (uint32 i = 0; i < nentries; i++)
	{
		RunCursor *cursor = &set->cursors[entries[i]->run];
		TsdbKey candidate;

		load_chunk(set, cursor, entries[i]->chunk_no);
		candidate = tsdb_batch_key(&cursor->batch, tsdb_batch_find(&cursor->batch, key));
		*found = any ? key_min(*found, candidate) : candidate;
		any = true;
	}
	return any;
}

bool
tsdb_runset_previous(TsdbRunSet *set, TsdbKey key, TsdbKey *found)
{
	const TsdbChunkEntry **entries;
	uint32 nentries = tsdb_chunkindex_overlapping(get_index(set), key, key, &entries);
	bool any = tsdb_chunkindex_last_before(get_index(set), key, found);

	for (uint32 i = 0; i < nentries; i++)
	{
		RunCursor *cursor = &set->cursors[entries[i]->run];
		TsdbKey candidate;

		load_chunk(set, cursor, entries[i]->chunk_no);
		candidate = tsdb_batch_key(&cursor->batch, tsdb_batch_find(&cursor->batch, key) - 1);
		*found = any ? key_max(*found, candidate) : candidate;
		any = true;
	}
	return any;
}

bool
tsdb_runset_is_below(TsdbRunSet *set, TsdbKey lo, TsdbKey hi, uint64 watermark)
{
	const TsdbChunkEntry **entries;
	uint32 nentries = tsdb_chunkindex_overlapping(get_index(set), lo, hi, &entries);

	for (uint32 i = 0; i < nentries; i++)
		if (set->runs[entries[i]->run].run.max_seq >= watermark)
			return false;
	return true;
}

bool
tsdb_runset_start(TsdbRunSet *set, TsdbKey key, TsdbKey *found)
{
	TsdbKey start;

	/* At or after key: above the key before it. */
	if (tsdb_chunkindex_first_upto(get_index(set), key, &start) && tsdb_key_compare(start, key) == 0)
	{
		*found = start;
		return true;
	}
	return tsdb_chunkindex_first_after(get_index(set), key, found);
}

TsdbKey
tsdb_runset_start_after(TsdbRunSet *set, TsdbKey key, TsdbKey limit)
{
	TsdbKey start;

	if (tsdb_chunkindex_first_after(get_index(set), key, &start))
		limit = key_min(limit, start);
	return limit;
}

TsdbKey
tsdb_runset_start_upto(TsdbRunSet *set, TsdbKey key, TsdbKey limit)
{
	TsdbKey start;

	if (tsdb_chunkindex_first_upto(get_index(set), key, &start))
		limit = key_max(limit, start);
	return limit;
}

int
tsdb_runset_collect(TsdbRunSet *set, TsdbKey lo, TsdbKey hi, TsdbMergeSource *sources, int *runs)
{
	const TsdbChunkEntry **entries;
	uint32 nentries = tsdb_chunkindex_overlapping(get_index(set), lo, hi, &entries);
	int n = 0;

	if (set->nloaded > set->load_limit)
		drop_chunks(set, lo, hi);
	for (uint32 i = 0; i < nentries; i++)
	{
		RunCursor *cursor = &set->cursors[entries[i]->run];
		TsdbMergeSource *source = &sources[n];

		if (n > 0 && runs[n - 1] == (int) entries[i]->run)
			elog(ERROR, "run %llu of table \"%s\" has one sample in two chunks",
				 (unsigned long long) cursor->stored->run.run_no, RelationGetRelationName(set->rel));
		load_chunk(set, cursor, entries[i]->chunk_no);
		source->batch = &cursor->batch;
		source->from = tsdb_batch_find(&cursor->batch, lo);
		source->until = tsdb_batch_find(&cursor->batch, hi);
		source->is_pending = false;
		runs[n] = entries[i]->run;
		if (source->from < source->until)
			n++;
	}
	return n;
}

void
tsdb_runset_tid(const TsdbRunSet *set, int run, uint32 row, ItemPointer tid)
{
	const RunCursor *cursor = &set->cursors[run];

	tsdb_tid_set_row(tid, TSDB_TID_RUN, cursor->stored->run.run_no,
					 cursor->stored->run.chunks[cursor->chunk_no].first_row + row);
}

bool
tsdb_runset_resolve(TsdbRunSet *set, ItemPointer tid, TsdbKey *key)
{
	for (uint32 i = 0; i < set->nruns; i++)
	{
		RunCursor *cursor = &set->cursors[i];
		const TsdbRun *run = &cursor->stored->run;
		uint32 chunk_no = 0;
		uint64 row;

		if (!tsdb_tid_row(tid, run->run_no, run->nrows, &row))
			continue;
		while (chunk_no + 1 < run->nchunks && run->chunks[chunk_no + 1].first_row <= row)
			chunk_no++;
		load_chunk(set, cursor, chunk_no);
		if (row - run->chunks[chunk_no].first_row >= cursor->batch.nrows)
			return false;
		*key = tsdb_batch_key(&cursor->batch, row - run->chunks[chunk_no].first_row);
		return true;
	}
	return false;
}

// private functions

static TsdbChunkIndex *
get_index(TsdbRunSet *set)
{
	if (set->index == NULL)
	{
		MemoryContext old = MemoryContextSwitchTo(set->context);

		set->index = tsdb_chunkindex_create(set->runs, set->nruns, set->from, set->until);
		MemoryContextSwitchTo(old);
	}
	return set->index;
}

/* Give back decoded chunks that do not touch the window. */
static void
drop_chunks(TsdbRunSet *set, TsdbKey lo, TsdbKey hi)
{
	set->nloaded = 0;
	for (uint32 i = 0; i < set->nruns; i++)
	{
		RunCursor *cursor = &set->cursors[i];
		const TsdbRunChunk *chunk;

		if (cursor->chunk_no < 0)
			continue;
		chunk = &cursor->stored->run.chunks[cursor->chunk_no];
		if (key_before(chunk->last, lo) || !key_before(chunk->first, hi))
		{
			cursor->chunk_no = -1;
			MemoryContextDelete(cursor->context);
			cursor->context = NULL;
		}
		else
			set->nloaded++;
	}
	set->load_limit = Max(MAX_LOADED_CHUNKS, set->nloaded * 2);
}

static void
load_chunk(TsdbRunSet *set, RunCursor *cursor, uint32 chunk_no)
{
	TsdbStoredRun *stored = cursor->stored;
	MemoryContext old;
	TsdbMem mem;

	if (cursor->chunk_no == chunk_no)
		return;
	cursor->chunk_no = -1;
	if (cursor->context == NULL)
		set->nloaded++;
	if (cursor->context == NULL)
		cursor->context = AllocSetContextCreate(set->context, "tsdb chunk", ALLOCSET_SMALL_SIZES);
	else
		MemoryContextReset(cursor->context);
	old = MemoryContextSwitchTo(cursor->context);
	mem = tsdb_mem_context(cursor->context);
	tsdb_runbase_decode(set->store, set->rel, set->snapshot, stored, chunk_no, set->wanted,
						cursor->is_own ? set->nwanted + 1 : set->nwanted, &set->base, set->context,
						&cursor->batch, &mem);
	if (cursor->is_own)
		hide_later_commands(set, cursor);
	MemoryContextSwitchTo(old);
	cursor->chunk_no = chunk_no;
	if (!cursor->counted)
	{
		cursor->counted = true;
		set->counters->runs_read++;
	}
}

/*
 * Rows of commands that the snapshot does not see get sequence 0, which is
 * below every watermark; they stay in place, for TIDs count them.
 */
static void
hide_later_commands(TsdbRunSet *set, RunCursor *cursor)
{
	TsdbBatch *batch = &cursor->batch;
	const uint64 *cids = batch->columns[set->nwanted].words;

	batch->ncolumns--;
	for (uint32 row = 0; row < batch->nrows; row++)
	{
		if (cids[row] < set->snapshot->curcid)
			continue;
		if (batch->sequences == NULL)
		{
			batch->sequences = MemoryContextAllocHuge(cursor->context, sizeof(uint64) * batch->nrows);
			for (uint32 i = 0; i < batch->nrows; i++)
				batch->sequences[i] = batch->sequence;
		}
		batch->sequences[row] = 0;
	}
}
