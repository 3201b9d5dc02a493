/*-------------------------------------------------------------------------
 *
 * aggregate_block.c
 *	  Rows of a block that no version touches.
 *
 * The arrays are kept from block to block.
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "format/block.h"
#include "pg/check.h"
#include "read/aggregate_private.h"
#include "utils/memutils.h"

static void make_room(TsdbAggregateWalk *walk, uint32 nrows);
static void decode_column(TsdbAggregateWalk *walk, int s, uint32 from);
static const TsdbGroupColumn *get_directory(TsdbAggregateWalk *walk, int s);
static void fill_missing(TsdbAggregateWalk *walk, int s);

void
tsdb_aggregate_block_decode(TsdbAggregateWalk *walk)
{
	const TsdbBlock *block = &walk->base.blocks[walk->block_no];

	tsdb_aggregate_block_range(walk, 0, block->nrows);
	if (walk->block.times[0] != block->first_time || walk->block.times[block->nrows - 1] != block->last_time)
		TSDB_CHECK(TSDB_CORRUPT, walk->rel, "The times of block %u of series %u, segment %d, do not decode.",
				   block->block_id, walk->stored.segment.series, walk->stored.segment.segment_no);
}

void
tsdb_aggregate_block_range(TsdbAggregateWalk *walk, uint32 from, uint32 until)
{
	const TsdbSegment *segment = &walk->stored.segment;
	const TsdbBlock *block = &walk->base.blocks[walk->block_no];
	TsdbMem mem = tsdb_mem_context(walk->block_context);
	MemoryContext old;

	if (walk->has_decoded && walk->decoded_block == walk->block_no)
		return;
	walk->has_decoded = false;
	make_room(walk, block->nrows);
	MemoryContextReset(walk->block_context);
	old = MemoryContextSwitchTo(walk->block_context);
	walk->block.nrows = until;
	walk->block.series_id = segment->series;
	tsdb_segstore_some_times(walk->store, walk->rel, walk->snapshot, segment, block, walk->block.times, from, until);
	tsdb_bytes_init(&walk->block.arena, &mem);
	for (int s = 0; s < walk->nsources; s++)
		decode_column(walk, s, from);
	walk->block.arena.mem = NULL;
	MemoryContextSwitchTo(old);
	walk->ndecoded++;
	walk->has_decoded = from == 0 && until == block->nrows;
	walk->decoded_block = walk->block_no;
}

// private functions

static void
make_room(TsdbAggregateWalk *walk, uint32 nrows)
{
	TsdbBatch *batch = &walk->block;

	if (nrows <= walk->capacity)
		return;
	if (walk->capacity > 0)
	{
		pfree(batch->times);
		for (int s = 0; s < walk->nsources; s++)
		{
			pfree(batch->columns[s].words);
			pfree(walk->states[s]);
		}
	}
	walk->capacity = Max(nrows, 4096);
	batch->ncolumns = walk->nsources;
	batch->times = MemoryContextAlloc(walk->aggregator->context, sizeof(int64) * walk->capacity);
	for (int s = 0; s < walk->nsources; s++)
	{
		batch->columns[s].attnum = walk->sources[s].wanted.attnum;
		batch->columns[s].type = walk->sources[s].wanted.type;
		batch->columns[s].words = MemoryContextAlloc(walk->aggregator->context, sizeof(uint64) * walk->capacity);
		walk->states[s] = MemoryContextAlloc(walk->aggregator->context, walk->capacity);
	}
}

static void
decode_column(TsdbAggregateWalk *walk, int s, uint32 from)
{
	const TsdbSegment *segment = &walk->stored.segment;
	const TsdbBlock *block = &walk->base.blocks[walk->block_no];
	const TsdbGroupColumn *directory = get_directory(walk, s);
	TsdbColumn *column = &walk->block.columns[s];
	TsdbMem mem = tsdb_mem_context(walk->block_context);
	bool has_states = false;
	TsdbSpan bytes;

	column->states = walk->states[s];
	if (directory == NULL || directory->cells[walk->block_no].nbytes == 0)
	{
		fill_missing(walk, s);
		return;
	}
	bytes = tsdb_segstore_chunk(walk->store, walk->rel, walk->snapshot, segment, directory->cells[walk->block_no]);
	TSDB_CHECK(tsdb_cells_decode_range(bytes, column->type, column->words, column->states, &has_states, block->nrows,
									   from, walk->block.nrows, &walk->block.arena, &mem),
			   walk->rel, "Column %d of block %u of series %u, segment %d, does not decode.",
			   column->attnum, block->block_id, segment->series, segment->segment_no);
	if (!has_states)
		column->states = NULL;
}

/* Where the cells of a column are; NULL when the group has none. */
static const TsdbGroupColumn *
get_directory(TsdbAggregateWalk *walk, int s)
{
	if (walk->columns[s] < 0)
		return NULL;
	if (!walk->has_directory[s] && walk->sources[s].fields == 0)
	{
		MemoryContext old = MemoryContextSwitchTo(walk->group_context);

		walk->has_directory[s] = tsdb_segstore_open_groupcolumn(walk->store, walk->rel, walk->snapshot,
																&walk->stored.segment, &walk->base, walk->columns[s],
																&walk->directories[s]);
		MemoryContextSwitchTo(old);
	}
	if (!walk->has_directory[s])
		return NULL;
	tsdb_aggregate_level_cells(walk, s);
	return &walk->directories[s];
}

/* The rows were written before the column existed. */
static void
fill_missing(TsdbAggregateWalk *walk, int s)
{
	const TsdbWanted *wanted = &walk->sources[s].wanted;
	TsdbColumn *column = &walk->block.columns[s];
	uint64 word = wanted->missing_word;

	if (wanted->missing_state == TSDB_CELL_VALUE && column->type == TSDB_TYPE_TEXT)
	{
		TsdbBytes *arena = &walk->block.arena;
		uint32 nbytes;

		memcpy(&nbytes, wanted->missing_text, sizeof(nbytes));
		word = arena->len;
		tsdb_bytes_append(arena, wanted->missing_text, sizeof(nbytes) + nbytes);
		memset(tsdb_bytes_reserve(arena, 4), 0, 4);
		arena->len = (arena->len + 3) & ~(Size) 3;
	}
	for (uint32 i = 0; i < walk->block.nrows; i++)
		column->words[i] = word;
	if (wanted->missing_state == TSDB_CELL_VALUE)
		column->states = NULL;
	else
		memset(column->states, wanted->missing_state, walk->block.nrows);
}
