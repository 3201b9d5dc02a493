/*-------------------------------------------------------------------------
 *
 * buffer.c
 *	  Rows that this transaction has written and not yet flushed.
 *
 * A buffer belongs to one main-fork relfilenode, so TRUNCATE, DROP and rewrites need no
 * bookkeeping: at flush the table is opened by OID, and rows of another
 * relfilenode than the table's are not written (a rewrite has copied them, a truncate
 * removed them; ROLLBACK TO brings the old relfilenode and with it the rows back).
 *
 * Levels form a stack: rows of a subtransaction move to the parent's level when it commits and go when it aborts.
 *
 * Order of flush = order of sequence = who wins.  Only rows of the current level can be flushed
 * (the heap stamps rows with the current subtransaction); when outer levels
 * still hold rows, which are older, sequences are reserved for those
 * first, and the flushed run carries the lowest of them as its barrier so
 * that no compaction passes them by.
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/parallel.h"
#include "access/relation.h"
#include "access/xact.h"
#include "miscadmin.h"
#include "pg/compat.h"
#include "pg/debug_point.h"
#include "storage/lmgr.h"
#include "store/metapage.h"
#include "store/runstore.h"
#include "store/store.h"
#include "store/tid.h"
#include "utils/guc.h"
#include "utils/hsearch.h"
#include "utils/memutils.h"
#include "write/baserows.h"
#include "write/buffer.h"
#include "write/chunk.h"
#include "write/flush.h"
#include "write/images.h"
#include "write/modified.h"

#define PENDING_ROWS_TO_FLUSH 10000 /* a read that finds more flushes them first, if it may */
#define CONCAT_ROWS 4096 /* smaller chunks of a subtransaction are copied into the parent's */

/* Chunks of one subtransaction level. */
typedef struct Level
{
	int nest_level;
	int nchunks;
	int capacity;
	TsdbBufferChunk **chunks; /* oldest first */
} Level;

/* A run that this transaction has written. */
typedef struct OwnRun
{
	int nest_level;
	uint64 barrier_seq;
} OwnRun;

typedef struct TableBuffer
{
	RelFileLocator locator; /* hash key */
	Oid relid;
	int nlevels;
	int levels_capacity;
	Level *levels; /* outermost first */
	int nruns;
	int runs_capacity;
	OwnRun *runs;
	uint64 tid_number; /* TIDs of rows appended: next is (tid_number, tid_row) */
	uint32 tid_row;
} TableBuffer;

static int write_buffer_kb = 64 * 1024;
static MemoryContext buffer_context = NULL; /* below TopTransactionContext; all of it */
static HTAB *buffers = NULL;
static const TsdbBufferWatcher *watcher = NULL;
static bool is_reviewing = false; /* the watcher is reading: nothing is flushed under its feet */

bool tsdb_buffer_is_watched = false;

static void watch_append(Relation rel, const TsdbTable *table, TsdbKey key, TsdbRowKind kind, CommandId cid);
static void review_level(Relation rel, Level *level);
static bool may_remove(Relation rel, TsdbKey key, CommandId cid);
static void remember_written(CommandId cid);
static void remember_rows(Oid relid, const TsdbBufferChunk *chunk, uint32 from, uint32 until, CommandId cid);
static TableBuffer *find_buffer(Relation rel);
static TableBuffer *get_buffer(Relation rel);
static TsdbBufferChunk *current_chunk(TableBuffer *buffer, const TsdbTable *table);
static Level *push_level(TableBuffer *buffer, int nest_level);
static void add_chunk(Level *level, TsdbBufferChunk *chunk);
static void set_tid(TableBuffer *buffer, ItemPointer tid);
static void limit_memory(TableBuffer *buffer);
static Size total_bytes(void);
static Size level_bytes(const Level *level);
static bool has_rows(const TableBuffer *buffer);
static bool is_empty(const Level *level);
static bool flush_buffer(TableBuffer *buffer, bool at_commit);
static uint64 reserve_outer(TableBuffer *buffer, Relation rel);
static void drop_levels(TableBuffer *buffer);
static void free_level(Level *level);
static void end_subtransaction_commit(TableBuffer *buffer, int nest_level);
static void end_subtransaction_abort(TableBuffer *buffer, int nest_level);
static void on_transaction(XactEvent event, void *arg);
static void on_subtransaction(SubXactEvent event, SubTransactionId mine, SubTransactionId parent, void *arg);

void
tsdb_buffer_append(Relation rel, const TsdbTable *table, uint32 series, int64 time_us, TsdbRowKind kind,
				   const Datum *values, const bool *isnull, const bool *written, CommandId cid, ItemPointer tid)
{
	TsdbKey key = {series, time_us};
	TableBuffer *buffer;
	TsdbBufferChunk *chunk;
	Size before;

	watch_append(rel, table, key, kind, cid);
	buffer = get_buffer(rel);
	chunk = current_chunk(buffer, table);
	before = chunk->nbytes;
	if (kind == TSDB_ROW_TOMBSTONE && !may_remove(rel, key, cid))
	{
		set_tid(buffer, tid);
		return;
	}
	if (kind == TSDB_ROW_FULL && tsdb_modified_is_removing(cid))
		tsdb_modified_set_written(RelationGetRelid(rel), key, cid);
	tsdb_chunk_append(chunk, table, series, time_us, kind, values, isnull, written, cid);
	set_tid(buffer, tid);
	if (chunk->nbytes != before)
		limit_memory(buffer);
}

void
tsdb_buffer_append_cells(Relation rel, const TsdbTable *table, uint32 series, int64 time_us,
						 const TsdbCell *cells, int ncells, CommandId cid)
{
	TsdbKey key = {series, time_us};
	TableBuffer *buffer;
	TsdbBufferChunk *chunk;
	Size before;

	watch_append(rel, table, key, TSDB_ROW_PATCH, cid);
	buffer = get_buffer(rel);
	chunk = current_chunk(buffer, table);
	before = chunk->nbytes;
	tsdb_chunk_append_cells(chunk, series, time_us, cells, ncells, cid);
	if (chunk->nbytes != before)
		limit_memory(buffer);
}

TsdbBatch **
tsdb_buffer_pending(Relation rel, const TsdbTable *table, CommandId curcid, int *nbatches)
{
	TableBuffer *buffer = find_buffer(rel);
	TsdbBatch **batches;
	Size nrows = 0;
	int n = 0;

	*nbatches = 0;
	if (buffer == NULL)
		return NULL;
	for (int i = 0; i < buffer->nlevels; i++)
		for (int c = 0; c < buffer->levels[i].nchunks; c++)
		{
			nrows += buffer->levels[i].chunks[c]->rows.nrows;
			n++;
		}
	if (nrows > PENDING_ROWS_TO_FLUSH && !IsInParallelMode() && flush_buffer(buffer, false))
		return NULL;

	batches = palloc_array(TsdbBatch *, n + 1);
	for (int i = 0; i < buffer->nlevels; i++)
		for (int c = 0; c < buffer->levels[i].nchunks; c++)
		{
			TsdbBufferChunk *chunk = buffer->levels[i].chunks[c];
			TsdbBatch *visible = tsdb_chunk_visible(chunk, curcid);

			if (visible == NULL)
				continue;
			batches[*nbatches] = visible;
			/* Rows of later levels may have been flushed, above the sequence that was reserved for these. */
			batches[*nbatches]->sequence = chunk->reserved_seq;
			if (!tsdb_chunk_fits(chunk, table))
				tsdb_flush_adapt_columns(batches[*nbatches], table);
			(*nbatches)++;
		}
	return batches;
}

bool
tsdb_buffer_has_pending(Oid relid)
{
	HASH_SEQ_STATUS status;
	TableBuffer *buffer;

	if (buffers == NULL)
		return false;
	hash_seq_init(&status, buffers);
	while ((buffer = hash_seq_search(&status)) != NULL)
		if ((relid == InvalidOid || buffer->relid == relid) && has_rows(buffer))
		{
			hash_seq_term(&status);
			return true;
		}
	return false;
}

bool
tsdb_buffer_flush(Oid relid)
{
	HASH_SEQ_STATUS status;
	TableBuffer *buffer;
	bool all = true;

	if (buffers == NULL)
		return true;
	hash_seq_init(&status, buffers);
	while ((buffer = hash_seq_search(&status)) != NULL)
		if (relid == InvalidOid || buffer->relid == relid)
			all = flush_buffer(buffer, false) && all;
	return all;
}

void
tsdb_buffer_forget(Relation rel)
{
	TableBuffer *buffer = find_buffer(rel);

	if (buffer != NULL)
	{
		drop_levels(buffer);
		buffer->nruns = 0;
	}
	tsdb_baserows_forget(rel);
}

void
tsdb_buffer_set_watcher(const TsdbBufferWatcher *new_watcher)
{
	watcher = new_watcher;
}

void
tsdb_buffer_review(Relation rel)
{
	TableBuffer *buffer = find_buffer(rel);

	if (buffer != NULL && has_rows(buffer) &&
		buffer->levels[buffer->nlevels - 1].nest_level == GetCurrentTransactionNestLevel())
		review_level(rel, &buffer->levels[buffer->nlevels - 1]);
}

void
tsdb_buffer_init(void)
{
	DefineCustomIntVariable("tsdb.write_buffer",
							"Memory that rows written by a transaction may take before they are flushed.",
							"Per backend, for all tables together.",
							&write_buffer_kb, 64 * 1024, 64, MAX_KILOBYTES,
							PGC_USERSET, GUC_UNIT_KB, NULL, NULL, NULL);
	RegisterXactCallback(on_transaction, NULL);
	RegisterSubXactCallback(on_subtransaction, NULL);
}

// private functions

static void
watch_append(Relation rel, const TsdbTable *table, TsdbKey key, TsdbRowKind kind, CommandId cid)
{
	if (watcher != NULL && (tsdb_buffer_is_watched || table->require_reason))
		watcher->append(rel, table, key, kind, cid);
}

static void
review_level(Relation rel, Level *level)
{
	if (watcher == NULL)
		return;
	is_reviewing = true;
	for (int c = 0; c < level->nchunks; c++)
		if (level->chunks[c]->nreviewed < level->chunks[c]->rows.nrows)
			watcher->flush(rel, level->chunks[c]);
	is_reviewing = false;
}

/*
 * A command takes away what was there before it, never what it writes itself: UPDATE t SET time = time + '1 s',
 * rows that move between partitions, WITH d AS (DELETE ... RETURNING *) INSERT ... all put rows where
 * others are yet to be taken from.
 */
static bool
may_remove(Relation rel, TsdbKey key, CommandId cid)
{
	if (!tsdb_modified_is_removing(cid))
	{
		tsdb_modified_set_removing(cid);
		remember_written(cid);
	}
	return !tsdb_modified_is_written(RelationGetRelid(rel), key, cid);
}

/* The rows that this command wrote before it took any away; those that were flushed meanwhile are not known. */
static void
remember_written(CommandId cid)
{
	HASH_SEQ_STATUS status;
	TableBuffer *buffer;

	hash_seq_init(&status, buffers);
	while ((buffer = hash_seq_search(&status)) != NULL)
		for (int i = 0; i < buffer->nlevels; i++)
			for (int c = 0; c < buffer->levels[i].nchunks; c++)
			{
				const TsdbBufferChunk *chunk = buffer->levels[i].chunks[c];

				for (int m = 0; m < chunk->nmarks; m++)
					if (chunk->marks[m].cid == cid)
						remember_rows(buffer->relid, chunk, chunk->marks[m].first_row,
									  m + 1 < chunk->nmarks ? chunk->marks[m + 1].first_row : chunk->rows.nrows, cid);
			}
}

static void
remember_rows(Oid relid, const TsdbBufferChunk *chunk, uint32 from, uint32 until, CommandId cid)
{
	for (uint32 row = from; row < until; row++)
		if (chunk->rows.kinds == NULL || chunk->rows.kinds[row] == TSDB_ROW_FULL)
			tsdb_modified_set_written(relid, tsdb_batch_key(&chunk->rows, row), cid);
}

static TableBuffer *
find_buffer(Relation rel)
{
	RelFileLocator locator;

	if (buffers == NULL)
		return NULL;
	locator = rel->rd_locator;
	return hash_search(buffers, &locator, HASH_FIND, NULL);
}

static TableBuffer *
get_buffer(Relation rel)
{
	static TableBuffer *last = NULL;
	RelFileLocator locator = rel->rd_locator;
	TableBuffer *buffer;
	bool found;

	if (buffers == NULL)
	{
		HASHCTL ctl = {0};

		last = NULL;
		buffer_context = AllocSetContextCreate(TopTransactionContext, "tsdb buffers", ALLOCSET_SMALL_SIZES);
		ctl.keysize = sizeof(RelFileLocator);
		ctl.entrysize = sizeof(TableBuffer);
		ctl.hcxt = buffer_context;
		buffers = hash_create("tsdb buffers", 8, &ctl, HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);

		/* No later step may need a new transaction id: parallel mode forbids it. */
		(void) GetTopTransactionId();
	}
	if (last != NULL && memcmp(&last->locator, &locator, sizeof(locator)) == 0)
	{
		/* A rewrite gives the relfilenode of its transient relation to the table. */
		last->relid = RelationGetRelid(rel);
		return last;
	}
	buffer = hash_search(buffers, &locator, HASH_ENTER, &found);
	if (!found)
	{
		memset((char *) buffer + sizeof(RelFileLocator), 0, sizeof(TableBuffer) - sizeof(RelFileLocator));
		buffer->tid_row = TSDB_RUN_TID_ROWS;
	}
	buffer->relid = RelationGetRelid(rel);
	last = buffer;
	return buffer;
}

static TsdbBufferChunk *
current_chunk(TableBuffer *buffer, const TsdbTable *table)
{
	int nest_level = GetCurrentTransactionNestLevel();
	Level *level = buffer->nlevels > 0 ? &buffer->levels[buffer->nlevels - 1] : NULL;
	TsdbBufferChunk *chunk;

	if (level == NULL || level->nest_level != nest_level)
	{
		Assert(level == NULL || level->nest_level < nest_level);
		(void) GetCurrentTransactionId();
		level = push_level(buffer, nest_level);
	}
	chunk = level->nchunks > 0 ? level->chunks[level->nchunks - 1] : NULL;
	if (chunk == NULL || chunk->reserved_seq != 0 || !tsdb_chunk_fits(chunk, table))
	{
		chunk = tsdb_chunk_create(buffer_context, table);
		add_chunk(level, chunk);
	}
	return chunk;
}

static Level *
push_level(TableBuffer *buffer, int nest_level)
{
	Level *level;

	if (buffer->nlevels == buffer->levels_capacity)
	{
		int capacity = Max(4, buffer->levels_capacity * 2);
		Level *levels = MemoryContextAllocZero(buffer_context, sizeof(Level) * capacity);

		if (buffer->nlevels > 0)
			memcpy(levels, buffer->levels, sizeof(Level) * buffer->nlevels);
		buffer->levels = levels;
		buffer->levels_capacity = capacity;
	}
	level = &buffer->levels[buffer->nlevels++];
	memset(level, 0, sizeof(Level));
	level->nest_level = nest_level;
	return level;
}

static void
add_chunk(Level *level, TsdbBufferChunk *chunk)
{
	if (level->nchunks == level->capacity)
	{
		int capacity = Max(4, level->capacity * 2);
		TsdbBufferChunk **chunks = MemoryContextAlloc(buffer_context, sizeof(TsdbBufferChunk *) * capacity);

		if (level->nchunks > 0)
			memcpy(chunks, level->chunks, sizeof(TsdbBufferChunk *) * level->nchunks);
		if (level->chunks != NULL)
			pfree(level->chunks);
		level->chunks = chunks;
		level->capacity = capacity;
	}
	level->chunks[level->nchunks++] = chunk;
}

static void
set_tid(TableBuffer *buffer, ItemPointer tid)
{
	if (buffer->tid_row == TSDB_RUN_TID_ROWS)
	{
		buffer->tid_number = tsdb_tid_reserve(1);
		buffer->tid_row = 0;
	}
	tsdb_tid_set_row(tid, TSDB_TID_PENDING, buffer->tid_number, buffer->tid_row++);
}

/* After an array of this buffer has grown: memory is not counted for each row. */
static void
limit_memory(TableBuffer *buffer)
{
	if (total_bytes() <= (Size) write_buffer_kb * 1024)
		return;
	if (level_bytes(&buffer->levels[buffer->nlevels - 1]) >= (Size) write_buffer_kb * 128)
		(void) flush_buffer(buffer, false);
	else
		(void) tsdb_buffer_flush(InvalidOid);
}

static Size
total_bytes(void)
{
	return MemoryContextMemAllocated(buffer_context, true);
}

static Size
level_bytes(const Level *level)
{
	Size total = 0;

	for (int c = 0; c < level->nchunks; c++)
		total += level->chunks[c]->nbytes;
	return total;
}

static bool
has_rows(const TableBuffer *buffer)
{
	for (int i = 0; i < buffer->nlevels; i++)
		if (buffer->levels[i].nchunks > 0)
			return true;
	return false;
}

static bool
is_empty(const Level *level)
{
	for (int c = 0; c < level->nchunks; c++)
		if (level->chunks[c]->rows.nrows > 0)
			return false;
	return true;
}

/* Write the rows of the current level; true when no row is left in the buffer. */
static bool
flush_buffer(TableBuffer *buffer, bool at_commit)
{
	Level *level;
	Relation rel;
	RelFileLocator locator;
	uint64 barrier_seq;
	bool has_outer;

	if (!has_rows(buffer))
		return true;
	if (is_reviewing)
		return false;
	level = &buffer->levels[buffer->nlevels - 1];
	if (level->nest_level != GetCurrentTransactionNestLevel())
		return false;
	rel = try_relation_open(buffer->relid, RowExclusiveLock);
	if (rel == NULL)
	{
		if (at_commit)
			drop_levels(buffer);
		return at_commit;
	}
	locator = rel->rd_locator;
	if (memcmp(&locator, &buffer->locator, sizeof(locator)) != 0)
	{
		relation_close(rel, NoLock);
		if (at_commit)
			drop_levels(buffer);
		return at_commit;
	}

	review_level(rel, level);
	if (is_empty(level))
	{
		/* The watcher took all rows out.  Without a run there would be no barrier to hold reservations for outer levels. */
		relation_close(rel, NoLock);
		free_level(level);
		buffer->nlevels--;
		return !has_rows(buffer);
	}

	/*
	 * From the first reservation until a run with its barrier is in place nobody may read the barrier.  The
	 * store's locks come first in the order of locks.
	 */
	has_outer = buffer->nlevels > 1;
	if (has_outer)
	{
		tsdb_store_close(tsdb_store_open(rel, RowExclusiveLock, true));
		LockPage(rel, TSDB_LOCK_ALLOCATE, ShareLock);
	}
	barrier_seq = reserve_outer(buffer, rel);
	TSDB_DEBUG_POINT("flush_after_reservation");
	for (int c = 0; c < level->nchunks; c++)
	{
		uint64 lowest;

		if (level->chunks[c]->rows.nrows == 0)
			continue;
		lowest = tsdb_flush_chunk(rel, level->chunks[c], barrier_seq, at_commit);
		if (buffer->nruns == buffer->runs_capacity)
		{
			int capacity = Max(8, buffer->runs_capacity * 2);
			OwnRun *runs = MemoryContextAlloc(buffer_context, sizeof(OwnRun) * capacity);

			if (buffer->nruns > 0)
				memcpy(runs, buffer->runs, sizeof(OwnRun) * buffer->nruns);
			buffer->runs = runs;
			buffer->runs_capacity = capacity;
		}
		buffer->runs[buffer->nruns].nest_level = level->nest_level;
		buffer->runs[buffer->nruns].barrier_seq = lowest;
		buffer->nruns++;
	}
	if (has_outer)
		UnlockPage(rel, TSDB_LOCK_ALLOCATE, ShareLock);
	relation_close(rel, NoLock);
	free_level(level);
	buffer->nlevels--;
	return !has_rows(buffer);
}

/* Give the rows of outer levels, which are older, their sequences now.  Returns the lowest, 0 = none. */
static uint64
reserve_outer(TableBuffer *buffer, Relation rel)
{
	uint64 lowest = 0;

	for (int i = 0; i < buffer->nlevels - 1; i++)
		for (int c = 0; c < buffer->levels[i].nchunks; c++)
		{
			TsdbBufferChunk *chunk = buffer->levels[i].chunks[c];

			if (chunk->reserved_seq == 0)
				chunk->reserved_seq = tsdb_runstore_reserve(rel, tsdb_flush_numbers(chunk->rows.nrows));
			if (lowest == 0 || chunk->reserved_seq < lowest)
				lowest = chunk->reserved_seq;
		}
	return lowest;
}

static void
drop_levels(TableBuffer *buffer)
{
	for (int i = 0; i < buffer->nlevels; i++)
		free_level(&buffer->levels[i]);
	buffer->nlevels = 0;
}

static void
free_level(Level *level)
{
	for (int c = 0; c < level->nchunks; c++)
		tsdb_chunk_free(level->chunks[c]);
	level->nchunks = 0;
}

static void
end_subtransaction_commit(TableBuffer *buffer, int nest_level)
{
	Level *level = buffer->nlevels > 0 ? &buffer->levels[buffer->nlevels - 1] : NULL;
	Level *parent = buffer->nlevels > 1 ? level - 1 : NULL;

	for (int i = 0; i < buffer->nruns; i++)
		if (buffer->runs[i].nest_level == nest_level)
			buffer->runs[i].nest_level--;
	if (level == NULL || level->nest_level != nest_level)
		return;
	if (parent == NULL || parent->nest_level != nest_level - 1)
	{
		level->nest_level--;
		return;
	}
	for (int c = 0; c < level->nchunks; c++)
	{
		TsdbBufferChunk *chunk = level->chunks[c];
		TsdbBufferChunk *last = parent->nchunks > 0 ? parent->chunks[parent->nchunks - 1] : NULL;

		if (last != NULL && last->reserved_seq == 0 && chunk->reserved_seq == 0 &&
			chunk->rows.nrows <= CONCAT_ROWS && tsdb_chunk_same_columns(last, chunk))
		{
			tsdb_chunk_concat(last, chunk);
			tsdb_chunk_free(chunk);
		}
		else
			add_chunk(parent, chunk);
	}
	level->nchunks = 0;
	buffer->nlevels--;
}

static void
end_subtransaction_abort(TableBuffer *buffer, int nest_level)
{
	int kept = 0;
	uint64 lowest = 0;

	while (buffer->nlevels > 0 && buffer->levels[buffer->nlevels - 1].nest_level >= nest_level)
	{
		free_level(&buffer->levels[buffer->nlevels - 1]);
		buffer->nlevels--;
	}
	for (int i = 0; i < buffer->nruns; i++)
		if (buffer->runs[i].nest_level < nest_level)
		{
			buffer->runs[kept++] = buffer->runs[i];
			if (lowest == 0 || buffer->runs[i].barrier_seq < lowest)
				lowest = buffer->runs[i].barrier_seq;
		}
	buffer->nruns = kept;

	/* A reservation counts only while a run in progress holds compaction back. */
	for (int i = 0; i < buffer->nlevels; i++)
		for (int c = 0; c < buffer->levels[i].nchunks; c++)
		{
			TsdbBufferChunk *chunk = buffer->levels[i].chunks[c];

			if (lowest == 0 || chunk->reserved_seq < lowest)
				chunk->reserved_seq = 0;
		}
}

static void
on_transaction(XactEvent event, void *arg)
{
	HASH_SEQ_STATUS status;
	TableBuffer *buffer;

	switch (event)
	{
		case XACT_EVENT_PRE_COMMIT:
		case XACT_EVENT_PRE_PREPARE:
			if (buffers == NULL)
				break;
			hash_seq_init(&status, buffers);
			while ((buffer = hash_seq_search(&status)) != NULL)
				if (!flush_buffer(buffer, true))
					elog(ERROR, "tsdb rows of an inner transaction level are left at commit");
			break;
		case XACT_EVENT_COMMIT:
		case XACT_EVENT_PREPARE:
		case XACT_EVENT_ABORT:
		case XACT_EVENT_PARALLEL_COMMIT:
		case XACT_EVENT_PARALLEL_ABORT:
			/* The memory goes with TopTransactionContext. */
			buffers = NULL;
			buffer_context = NULL;
			is_reviewing = false;
			tsdb_modified_end_transaction();
			tsdb_images_forget();
			tsdb_baserows_end(event == XACT_EVENT_COMMIT);
			break;
		case XACT_EVENT_PARALLEL_PRE_COMMIT:
			break;
	}
}

static void
on_subtransaction(SubXactEvent event, SubTransactionId mine, SubTransactionId parent, void *arg)
{
	HASH_SEQ_STATUS status;
	TableBuffer *buffer;
	int nest_level = GetCurrentTransactionNestLevel();

	if (event == SUBXACT_EVENT_ABORT_SUB)
		is_reviewing = false;
	if (buffers == NULL || (event != SUBXACT_EVENT_COMMIT_SUB && event != SUBXACT_EVENT_ABORT_SUB))
		return;
	hash_seq_init(&status, buffers);
	while ((buffer = hash_seq_search(&status)) != NULL)
	{
		if (event == SUBXACT_EVENT_COMMIT_SUB)
			end_subtransaction_commit(buffer, nest_level);
		else
			end_subtransaction_abort(buffer, nest_level);
	}
}
