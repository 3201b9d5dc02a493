/*-------------------------------------------------------------------------
 *
 * runcursor.c
 *	  Walk over the rows of many runs in step, chunk by chunk.
 *
 * A chunk is decoded when a position inside it is asked for, and kept until the
 * cursor has left it and no source points into it, or memory is short: then the chunks that
 * were used longest ago go and are decoded again when needed.
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "maint/runcursor.h"
#include "miscadmin.h"
#include "pg/check.h"
#include "store/runbase.h"
#include "utils/memutils.h"

struct TsdbRunCursors
{
	TsdbStore *store;
	Relation rel;
	Snapshot snapshot;
	const TsdbTable *table;
	MemoryContext context;
	uint32 ncursors;
	TsdbRunCursor *cursors;
	Size memory_bytes;
	Size nbytes; /* of chunks that are not in use by sources only */
	uint64 clock;
	TsdbRunBase base; /* of the chunk decoded last that has one */
	MemoryContext retired; /* parent of chunks that cursors have left and sources still need */
	TsdbMergeSource *sources;
	int nsources;
	int capacity;
};

static void load_chunk(TsdbRunCursors *cursors, TsdbRunCursor *cursor);
static void leave_chunk(TsdbRunCursors *cursors, TsdbRunCursor *cursor);
static void drop_chunk(TsdbRunCursors *cursors, TsdbRunCursor *cursor);
static void next_chunk(TsdbRunCursors *cursors, TsdbRunCursor *cursor);
static void add_source(TsdbRunCursors *cursors, const TsdbBatch *batch, uint32 from, uint32 until);
static void evict_chunks(TsdbRunCursors *cursors);
static const TsdbRunChunk *current_chunk(const TsdbRunCursor *cursor);

TsdbRunCursors *
tsdb_runcursor_open(TsdbStore *store, Relation rel, Snapshot snapshot, const TsdbTable *table,
					TsdbStoredRun *runs, const bool *chosen, uint32 nruns, Size memory_bytes)
{
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "tsdb run cursors", ALLOCSET_DEFAULT_SIZES);
	MemoryContext old = MemoryContextSwitchTo(context);
	TsdbRunCursors *cursors = palloc0(sizeof(TsdbRunCursors));

	cursors->store = store;
	cursors->rel = rel;
	cursors->snapshot = snapshot;
	cursors->table = table;
	cursors->context = context;
	cursors->memory_bytes = memory_bytes;
	cursors->retired = AllocSetContextCreate(context, "tsdb retired chunks", ALLOCSET_SMALL_SIZES);
	cursors->capacity = 64;
	cursors->sources = palloc_array(TsdbMergeSource, cursors->capacity);
	cursors->cursors = palloc0_array(TsdbRunCursor, nruns + 1);
	for (uint32 i = 0; i < nruns; i++)
	{
		TsdbRunCursor *cursor = &cursors->cursors[cursors->ncursors];

		if (!chosen[i] || runs[i].run.nchunks == 0)
			continue;
		cursor->stored = &runs[i];
		cursor->index = i;
		cursor->key = runs[i].run.chunks[0].first;
		cursors->ncursors++;
	}
	MemoryContextSwitchTo(old);
	return cursors;
}

void
tsdb_runcursor_close(TsdbRunCursors *cursors)
{
	MemoryContextDelete(cursors->context);
}

TsdbRunCursor *
tsdb_runcursor_list(TsdbRunCursors *cursors, uint32 *ncursors)
{
	*ncursors = cursors->ncursors;
	return cursors->cursors;
}

void
tsdb_runcursor_seek(TsdbRunCursors *cursors, TsdbRunCursor *cursor, TsdbKey key)
{
	while (!tsdb_runcursor_is_done(cursor) && tsdb_key_compare(cursor->key, key) < 0)
	{
		if (tsdb_key_compare(current_chunk(cursor)->last, key) < 0)
		{
			next_chunk(cursors, cursor);
			continue;
		}
		load_chunk(cursors, cursor);
		cursor->row = Max(cursor->row, tsdb_batch_find(cursor->batch, key));
		if (cursor->row >= cursor->batch->nrows)
			TSDB_CHECK(TSDB_CORRUPT, cursors->rel, "Chunk %u of run %llu ends before its last key.",
					   cursor->chunk_no, (unsigned long long) cursor->stored->run.run_no);
		cursor->key = tsdb_batch_key(cursor->batch, cursor->row);
	}
}

uint64
tsdb_runcursor_count(TsdbRunCursors *cursors, TsdbRunCursor *cursor, TsdbKey until)
{
	const TsdbRun *run = &cursor->stored->run;
	uint64 nrows;

	if (tsdb_runcursor_is_done(cursor) || tsdb_key_compare(cursor->key, until) >= 0)
		return 0;
	if (tsdb_key_compare(current_chunk(cursor)->last, until) >= 0)
	{
		load_chunk(cursors, cursor);
		return tsdb_batch_find(cursor->batch, until) - cursor->row;
	}
	nrows = current_chunk(cursor)->nrows - cursor->row;
	for (uint32 i = cursor->chunk_no + 1; i < run->nchunks; i++)
	{
		const TsdbRunChunk *chunk = &run->chunks[i];

		if (tsdb_key_compare(chunk->first, until) >= 0)
			break;
		if (tsdb_key_compare(chunk->last, until) < 0)
			nrows += chunk->nrows;
		else if (chunk->first.series == chunk->last.series)
			nrows += chunk->nrows * (((double) until.time - (double) chunk->first.time) /
									 ((double) chunk->last.time - (double) chunk->first.time + 1));
	}
	return nrows;
}

int64
tsdb_runcursor_last_time(TsdbRunCursors *cursors, TsdbRunCursor *cursor, TsdbKey until)
{
	const TsdbRun *run = &cursor->stored->run;
	uint32 last = cursor->chunk_no;

	while (last + 1 < run->nchunks && tsdb_key_compare(run->chunks[last + 1].first, until) < 0)
		last++;
	if (tsdb_key_compare(run->chunks[last].last, until) < 0)
		return run->chunks[last].last.time;
	if (last != cursor->chunk_no)
		return run->chunks[last].last.series == until.series ? until.time - 1 : run->chunks[last].first.time;
	load_chunk(cursors, cursor);
	last = tsdb_batch_find(cursor->batch, until);
	return last > 0 ? cursor->batch->times[last - 1] : cursor->key.time;
}

void
tsdb_runcursor_take(TsdbRunCursors *cursors, TsdbRunCursor *cursor, TsdbKey until)
{
	while (!tsdb_runcursor_is_done(cursor) && tsdb_key_compare(cursor->key, until) < 0)
	{
		uint32 end;

		load_chunk(cursors, cursor);
		end = tsdb_batch_find(cursor->batch, until);
		if (end <= cursor->row)
			TSDB_CHECK(TSDB_CORRUPT, cursors->rel, "Chunk %u of run %llu is not in order.",
					   cursor->chunk_no, (unsigned long long) cursor->stored->run.run_no);
		add_source(cursors, cursor->batch, cursor->row, end);
		cursor->is_taken = true;
		cursor->taken += end - cursor->row;
		if (end == cursor->batch->nrows)
			next_chunk(cursors, cursor);
		else
		{
			cursor->row = end;
			cursor->key = tsdb_batch_key(cursor->batch, end);
		}
	}
}

TsdbMergeSource *
tsdb_runcursor_sources(TsdbRunCursors *cursors, int *nsources)
{
	*nsources = cursors->nsources;
	return cursors->sources;
}

void
tsdb_runcursor_release(TsdbRunCursors *cursors)
{
	cursors->nsources = 0;
	MemoryContextDeleteChildren(cursors->retired);
	for (uint32 i = 0; i < cursors->ncursors; i++)
		cursors->cursors[i].is_taken = false;
}

// private functions

static void
load_chunk(TsdbRunCursors *cursors, TsdbRunCursor *cursor)
{
	MemoryContext context;
	MemoryContext old;
	TsdbMem mem;
	TsdbBatch *batch;

	cursor->used = ++cursors->clock;
	if (cursor->batch != NULL)
		return;
	CHECK_FOR_INTERRUPTS();
	if (cursors->nbytes > cursors->memory_bytes)
		evict_chunks(cursors);
	context = AllocSetContextCreate(cursors->context, "tsdb run chunk", ALLOCSET_SMALL_SIZES);
	old = MemoryContextSwitchTo(context);
	mem = tsdb_mem_context(context);
	batch = palloc0(sizeof(TsdbBatch));
	tsdb_runbase_decode(cursors->store, cursors->rel, cursors->snapshot, cursor->stored, cursor->chunk_no,
						cursors->table->values, cursors->table->nvalues, &cursors->base, cursors->context, batch, &mem);
	MemoryContextSwitchTo(old);
	cursor->batch = batch;
	cursor->context = context;
	cursor->nbytes = MemoryContextMemAllocated(context, true);
	cursors->nbytes += cursor->nbytes;
}

/* Forget the decoded chunk; sources may still point into it. */
static void
leave_chunk(TsdbRunCursors *cursors, TsdbRunCursor *cursor)
{
	if (cursor->batch == NULL)
		return;
	if (!cursor->is_taken)
	{
		drop_chunk(cursors, cursor);
		return;
	}
	MemoryContextSetParent(cursor->context, cursors->retired);
	cursors->nbytes -= cursor->nbytes;
	cursor->context = NULL;
	cursor->batch = NULL;
	cursor->is_taken = false;
}

static void
drop_chunk(TsdbRunCursors *cursors, TsdbRunCursor *cursor)
{
	MemoryContextDelete(cursor->context);
	cursors->nbytes -= cursor->nbytes;
	cursor->context = NULL;
	cursor->batch = NULL;
}

static void
next_chunk(TsdbRunCursors *cursors, TsdbRunCursor *cursor)
{
	leave_chunk(cursors, cursor);
	cursor->chunk_no++;
	cursor->row = 0;
	if (!tsdb_runcursor_is_done(cursor))
		cursor->key = current_chunk(cursor)->first;
}

static void
add_source(TsdbRunCursors *cursors, const TsdbBatch *batch, uint32 from, uint32 until)
{
	TsdbMergeSource *source;

	if (cursors->nsources == cursors->capacity)
	{
		cursors->capacity *= 2;
		cursors->sources = repalloc_array(cursors->sources, TsdbMergeSource, cursors->capacity);
	}
	source = &cursors->sources[cursors->nsources++];
	source->batch = batch;
	source->from = from;
	source->until = until;
	source->is_pending = false;
}

/* Down to three quarters of the limit, those used longest ago first; not those that sources point into. */
static void
evict_chunks(TsdbRunCursors *cursors)
{
	uint64 newest = cursors->clock;
	uint64 oldest = newest;

	for (uint32 i = 0; i < cursors->ncursors; i++)
		if (cursors->cursors[i].batch != NULL && !cursors->cursors[i].is_taken)
			oldest = Min(oldest, cursors->cursors[i].used);
	while (cursors->nbytes > cursors->memory_bytes / 4 * 3 && oldest < newest)
	{
		uint64 bound = oldest + Max((newest - oldest) / 4, 1);

		for (uint32 i = 0; i < cursors->ncursors; i++)
		{
			TsdbRunCursor *cursor = &cursors->cursors[i];

			if (cursor->batch != NULL && !cursor->is_taken && cursor->used < bound)
				drop_chunk(cursors, cursor);
		}
		oldest = bound;
	}
}

static const TsdbRunChunk *
current_chunk(const TsdbRunCursor *cursor)
{
	return &cursor->stored->run.chunks[cursor->chunk_no];
}
