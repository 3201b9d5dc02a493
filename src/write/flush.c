/*-------------------------------------------------------------------------
 *
 * flush.c
 *	  Buffered rows -> runs.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "format/grid.h"
#include "format/merge.h"
#include "miscadmin.h"
#include "pg/check.h"
#include "pg/counters.h"
#include "pg/debug_point.h"
#include "store/metapage.h"
#include "store/runstore.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"
#include "write/baserows.h"
#include "write/flush.h"

#define MAX_VERSIONS 8192 /* of one sample in one run */

static uint32 piece_rows(const TsdbBatch *rows, const uint32 *order, uint32 first, uint32 n);
static void create_metapage(Relation rel, int64 segment_us, bool has_blocks, const TsdbBatch *rows,
							const uint32 *order, uint32 n);
static uint32 *sort_by_key(const TsdbBatch *rows);
static void merge_sort(const TsdbBatch *rows, uint32 *order, uint32 *spare, uint32 n);
static void add_cids(TsdbBatch *piece, const uint32 *order, const TsdbBufferChunk *chunk);

uint64
tsdb_flush_chunk(Relation rel, TsdbBufferChunk *chunk, uint64 barrier_seq, bool at_commit)
{
	MemoryContext work = AllocSetContextCreate(CurrentMemoryContext, "tsdb flush", ALLOCSET_DEFAULT_SIZES);
	MemoryContext piece_context = AllocSetContextCreate(work, "tsdb flush piece", ALLOCSET_DEFAULT_SIZES);
	MemoryContext old = MemoryContextSwitchTo(work);
	TsdbMem mem = tsdb_mem_context(work);
	TsdbMem piece_mem = tsdb_mem_context(piece_context);
	/* Before anything that takes a lock: the description goes when somebody changes the table's pg_class row. */
	const TsdbTable *table = tsdb_table_get(rel);
	int64 segment_us = tsdb_table_segment_us(table);
	bool has_blocks = table->block_us > 0;
	bool use_lz4 = table->compression != TSDB_COMPRESSION_FAST;
	TsdbStore *store = tsdb_store_open(rel, RowExclusiveLock, true);
	bool several = !at_commit && chunk->nmarks > 1;
	CommandId cid = at_commit ? GetCurrentCommandId(true) : tsdb_chunk_lowest_cid(chunk);
	TsdbSticky *stickies = palloc0_array(TsdbSticky, chunk->rows.ncolumns + 2);
	uint64 reserved = chunk->reserved_seq;
	uint64 lowest = 0;
	TimestampTz started = GetCurrentTimestamp();
	uint32 *order;
	uint32 n;

	TSDB_DEBUG_POINT("flush_before");
	if (several)
	{
		order = sort_by_key(&chunk->rows);
		n = chunk->rows.nrows;
	}
	else
		tsdb_merge_flush(&chunk->rows, &order, &n, &mem);
	create_metapage(rel, segment_us, has_blocks, &chunk->rows, order, n);
	for (uint32 first = 0; first < n;)
	{
		uint32 nrows = piece_rows(&chunk->rows, order, first, n);
		bool may_differ = at_commit && nrows == n && chunk->reserved_seq == 0 && barrier_seq == 0;
		TsdbRunOffer offer;
		TsdbBatch piece;
		uint64 run_no;

		CHECK_FOR_INTERRUPTS();
		MemoryContextReset(piece_context);
		MemoryContextSwitchTo(piece_context);
		tsdb_batch_gather(&piece, &chunk->rows, order + first, nrows, &piece_mem);
		if (several)
			add_cids(&piece, order + first, chunk);
		if (may_differ)
			tsdb_baserows_offer(rel, &offer);
		run_no = tsdb_runstore_write(store, rel, &piece, true, reserved, barrier_seq, 0,
									 several ? NULL : stickies, use_lz4, may_differ ? &offer : NULL, cid);
		if (may_differ)
			tsdb_baserows_note(rel, &piece, run_no, &offer);
		if (lowest == 0)
			lowest = barrier_seq != 0 && barrier_seq < run_no ? barrier_seq : run_no;
		if (reserved != 0)
			reserved += (nrows + TSDB_RUN_TID_ROWS - 1) / TSDB_RUN_TID_ROWS;
		first += nrows;
	}
	TSDB_DEBUG_POINT("flush_after");
	MemoryContextSwitchTo(work);
	tsdb_store_close(store);
	MemoryContextSwitchTo(old);
	MemoryContextDelete(work);
	tsdb_counters_time(TSDB_STAT_FLUSH, GetCurrentTimestamp() - started);
	return lowest;
}

uint64
tsdb_flush_numbers(uint32 nrows)
{
	/* Each piece takes one number per TSDB_RUN_TID_ROWS rows, rounded up; see piece_rows() for their number. */
	return nrows / TSDB_RUN_TID_ROWS + nrows / TSDB_RUN_MAX_ROWS + nrows / MAX_VERSIONS + 2;
}

void
tsdb_flush_adapt_columns(TsdbBatch *batch, const TsdbTable *table)
{
	TsdbMem mem = tsdb_mem_context(CurrentMemoryContext);
	TsdbColumn *columns = palloc0_array(TsdbColumn, table->nvalues + 1);

	batch->arena.mem = &mem;
	for (int i = 0; i < table->nvalues; i++)
	{
		const TsdbWanted *wanted = &table->values[i];
		TsdbColumn *column = tsdb_batch_column(batch, wanted->attnum);
		uint64 word = wanted->missing_word;

		if (column != NULL && column->type == wanted->type)
		{
			columns[i] = *column;
			continue;
		}
		columns[i].attnum = wanted->attnum;
		columns[i].type = wanted->type;
		columns[i].words = palloc_array(uint64, batch->nrows + 1);
		columns[i].states = palloc_array(uint8, batch->nrows + 1);
		if (wanted->missing_state == TSDB_CELL_VALUE && wanted->type == TSDB_TYPE_TEXT)
		{
			uint32 nbytes;
			uint32 padding = 0;

			memcpy(&nbytes, wanted->missing_text, sizeof(nbytes));
			word = batch->arena.len;
			tsdb_bytes_append(&batch->arena, wanted->missing_text, sizeof(nbytes) + nbytes);
			tsdb_bytes_append(&batch->arena, &padding, (4 - nbytes % 4) % 4);
		}
		for (uint32 row = 0; row < batch->nrows; row++)
		{
			bool is_gone = batch->kinds != NULL && batch->kinds[row] == TSDB_ROW_TOMBSTONE;

			/* A PATCH too: all that it patches is older than the column. */
			columns[i].words[row] = word;
			columns[i].states[row] = is_gone ? TSDB_CELL_ABSENT : wanted->missing_state;
		}
	}
	batch->arena.mem = NULL;
	batch->columns = columns;
	batch->ncolumns = table->nvalues;
}

// private functions

/*
 * create_metapage - fix the span of segments with the first rows.
 *
 *	segment_us	span by the table's options
 *	has_blocks	the span of blocks is one of them: longer segments would not make longer blocks
 *
 * A history of years is loaded at once as a rule, and tells how dense the series are.
 */
static void
create_metapage(Relation rel, int64 segment_us, bool has_blocks, const TsdbBatch *rows, const uint32 *order, uint32 n)
{
	double series_us = 0;
	uint32 nseries = 0;

	if (tsdb_metapage_segment_us(rel) != 0)
		return;
	for (uint32 first = 0; first < n && !has_blocks;)
	{
		TsdbKey from = tsdb_batch_key(rows, order[first]);
		TsdbKey until = from;

		for (; first < n && tsdb_batch_key(rows, order[first]).series == from.series; first++)
			until = tsdb_batch_key(rows, order[first]);
		series_us += (double) until.time - (double) from.time;
		nseries++;
	}
	(void) tsdb_metapage_create(rel, tsdb_grid_choose_segment(n, nseries, series_us, segment_us));
}

/* Rows of the next run: bounded as a whole, and in versions of one sample, which must fit a chunk. */
static uint32
piece_rows(const TsdbBatch *rows, const uint32 *order, uint32 first, uint32 n)
{
	uint32 nversions = 1;

	n = Min(n - first, TSDB_RUN_MAX_ROWS);
	for (uint32 i = 1; i < n; i++)
	{
		uint32 row = order[first + i];
		uint32 previous = order[first + i - 1];
		bool same = rows->times[row] == rows->times[previous] && rows->series[row] == rows->series[previous];

		nversions = same ? nversions + 1 : 1;
		if (nversions > MAX_VERSIONS)
			return i;
	}
	return n;
}

/* Row numbers by (series, time), rows of one key in order of arrival. */
static uint32 *
sort_by_key(const TsdbBatch *rows)
{
	uint32 n = rows->nrows;
	uint32 *order = MemoryContextAllocHuge(CurrentMemoryContext, sizeof(uint32) * ((Size) n + 1));
	uint32 *spare = MemoryContextAllocHuge(CurrentMemoryContext, sizeof(uint32) * ((Size) n + 1));

	for (uint32 i = 0; i < n; i++)
		order[i] = i;
	merge_sort(rows, order, spare, n);
	pfree(spare);
	return order;
}

/* Bottom-up and stable. */
static void
merge_sort(const TsdbBatch *rows, uint32 *order, uint32 *spare, uint32 n)
{
	for (uint64 width = 1; width < n; width *= 2)
	{
		CHECK_FOR_INTERRUPTS();
		for (uint64 left = 0; left < n; left += 2 * width)
		{
			uint64 middle = Min(left + width, n);
			uint64 right = Min(left + 2 * width, n);
			uint64 i = left;
			uint64 j = middle;

			for (uint64 k = left; k < right; k++)
			{
				bool take_left = i < middle &&
								 (j >= right || tsdb_key_compare(tsdb_batch_key(rows, order[i]),
																 tsdb_batch_key(rows, order[j])) <= 0);

				spare[k] = take_left ? order[i++] : order[j++];
			}
		}
		memcpy(order, spare, sizeof(uint32) * n);
	}
}

static void
add_cids(TsdbBatch *piece, const uint32 *order, const TsdbBufferChunk *chunk)
{
	TsdbColumn *columns = palloc_array(TsdbColumn, piece->ncolumns + 1);
	TsdbColumn *cids = &columns[piece->ncolumns];

	memcpy(columns, piece->columns, sizeof(TsdbColumn) * piece->ncolumns);
	cids->attnum = TSDB_CID_ATTNUM;
	cids->type = TSDB_TYPE_INT8;
	cids->states = NULL;
	cids->words = MemoryContextAllocHuge(CurrentMemoryContext, sizeof(uint64) * ((Size) piece->nrows + 1));
	for (uint32 i = 0; i < piece->nrows; i++)
		cids->words[i] = tsdb_chunk_cid(chunk, order[i]);
	piece->columns = columns;
	piece->ncolumns++;
}
