/*-------------------------------------------------------------------------
 *
 * l1cursor.c
 *	  Compacted rows of a table: from key to block, both ways.
 *
 * Keeps two segments open (the one being read and its neighbour), each with
 * one group and one decoded block.
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "format/block.h"
#include "format/grid.h"
#include "miscadmin.h"
#include "pg/check.h"
#include "read/l1cursor.h"
#include "read/prune.h"
#include "read/segfind.h"
#include "utils/memutils.h"

#define NSLOTS 2
#define HINTS 4096 /* block id -> segment, a power of two */

/* An open segment. */
typedef struct Slot
{
	bool valid;
	uint64 used; /* for eviction */
	MemoryContext context;
	TsdbStoredSegment stored;
	int64 group_no; /* loaded group, -1 = none */
	MemoryContext group_context;
	TsdbGroupBase base;
	bool has_columns; /* group columns are loaded */
	TsdbGroupColumn *columns; /* per wanted column */
	bool *column_stored;
	TsdbPruner *pruner;
	uint32 block_id; /* decoded block, 0 = none */
	MemoryContext block_context;
	TsdbBatch block;
} Slot;

struct TsdbL1Cursor
{
	Relation rel;
	TsdbStore *store;
	Snapshot snapshot;
	int64 segment_us;
	int nwanted;
	const TsdbWanted *wanted;
	TsdbReaderCounters *counters;
	MemoryContext context;
	uint64 clock;
	Slot slots[NSLOTS];
	TsdbSegmentFinder *finder;
	Slot *region_slot; /* where the block of the last region is */
	uint32 region_block;
	ItemPointerData tid; /* of the segment that was asked for last */
	uint32 tid_series; /* 0 = none was */
	int32 tid_segment_no;
};

/* Where a block was seen last by this backend; only a hint. */
typedef struct Hint
{
	Oid relid;
	uint32 block_id;
	uint32 series;
	int32 segment_no;
} Hint;

static Hint hints[HINTS];

static bool split_key(TsdbL1Cursor *cursor, TsdbKey key, int32 *segment_no);
static Slot *open_segment(TsdbL1Cursor *cursor, uint32 series, int32 segment_no);
static void load_group(TsdbL1Cursor *cursor, Slot *slot, uint32 group_no);
static void load_columns(TsdbL1Cursor *cursor, Slot *slot);
static const TsdbBlock *block_from(TsdbL1Cursor *cursor, Slot *slot, int64 time);
static const TsdbBlock *block_upto(TsdbL1Cursor *cursor, Slot *slot, int64 time);
static void decode_block(TsdbL1Cursor *cursor, Slot *slot, const TsdbBlock *block, uint32 block_index);
static void decode_column(TsdbL1Cursor *cursor, Slot *slot, const TsdbBlock *block, uint32 block_index, int c);
static void fill_missing(TsdbBatch *batch, TsdbColumn *column, const TsdbWanted *wanted);
static Slot *find_block(TsdbL1Cursor *cursor, uint32 block_id, uint32 *block_index);
static bool block_in_segment(TsdbL1Cursor *cursor, Slot *slot, uint32 block_id, uint32 *block_index);

TsdbL1Cursor *
tsdb_l1_open(Relation rel, TsdbStore *store, Snapshot snapshot, int64 segment_us,
			 const TsdbWanted *wanted, int nwanted, TsdbReaderCounters *counters)
{
	TsdbL1Cursor *cursor = palloc0(sizeof(TsdbL1Cursor));

	cursor->rel = rel;
	cursor->store = store;
	cursor->snapshot = snapshot;
	cursor->segment_us = segment_us;
	cursor->wanted = wanted;
	cursor->nwanted = nwanted;
	cursor->counters = counters;
	cursor->finder = tsdb_segfind_create(store, snapshot);
	cursor->context = AllocSetContextCreate(CurrentMemoryContext, "tsdb segments", ALLOCSET_DEFAULT_SIZES);
	for (int i = 0; i < NSLOTS; i++)
	{
		Slot *slot = &cursor->slots[i];

		slot->context = AllocSetContextCreate(cursor->context, "tsdb segment", ALLOCSET_DEFAULT_SIZES);
		slot->group_context = AllocSetContextCreate(cursor->context, "tsdb group", ALLOCSET_DEFAULT_SIZES);
		slot->block_context = AllocSetContextCreate(cursor->context, "tsdb block", ALLOCSET_DEFAULT_SIZES);
	}
	return cursor;
}

void
tsdb_l1_close(TsdbL1Cursor *cursor)
{
	MemoryContextDelete(cursor->context);
	tsdb_segfind_free(cursor->finder);
	pfree(cursor);
}

void
tsdb_l1_restrict(TsdbL1Cursor *cursor, uint32 series_from, uint32 series_upto)
{
	tsdb_segfind_restrict(cursor->finder, series_from, series_upto);
}

bool
tsdb_l1_next(TsdbL1Cursor *cursor, TsdbKey key, TsdbKey *found)
{
	uint32 series = key.series;
	int64 time = key.time;
	int32 segment_no;

	if (!split_key(cursor, key, &segment_no))
		return false;
	for (;;)
	{
		const TsdbBlock *block;
		uint32 found_series;
		int32 found_no;
		Slot *slot;

		CHECK_FOR_INTERRUPTS();
		if (!tsdb_segfind_after(cursor->finder, series, segment_no, &found_series, &found_no))
			return false;
		if (found_series != series || found_no != segment_no)
			time = PG_INT64_MIN;
		slot = open_segment(cursor, found_series, found_no);
		block = block_from(cursor, slot, time);
		if (block != NULL)
		{
			found->series = found_series;
			found->time = Max(time, block->first_time);
			return true;
		}
		series = found_series;
		segment_no = found_no;
		if (segment_no == PG_INT32_MAX)
		{
			if (series >= TSDB_STORE_MAX_ID)
				return false;
			series++;
			segment_no = PG_INT32_MIN;
		}
		else
			segment_no++;
		time = PG_INT64_MIN;
	}
}

bool
tsdb_l1_previous(TsdbL1Cursor *cursor, TsdbKey key, TsdbKey *found)
{
	uint32 series = key.series;
	int64 time; /* last allowed, inclusive */
	int32 segment_no;

	if (key.time == PG_INT64_MIN)
	{
		if (key.series == 0)
			return false;
		series--;
		time = PG_INT64_MAX;
	}
	else
		time = key.time - 1;
	if (series > TSDB_STORE_MAX_ID)
	{
		series = TSDB_STORE_MAX_ID;
		time = PG_INT64_MAX;
	}
	key.series = series;
	key.time = time;
	(void) split_key(cursor, key, &segment_no);
	for (;;)
	{
		const TsdbBlock *block;
		uint32 found_series;
		int32 found_no;
		Slot *slot;

		CHECK_FOR_INTERRUPTS();
		if (!tsdb_segfind_before(cursor->finder, series, segment_no, &found_series, &found_no))
			return false;
		if (found_series != series || found_no != segment_no)
			time = PG_INT64_MAX;
		slot = open_segment(cursor, found_series, found_no);
		block = block_upto(cursor, slot, time);
		if (block != NULL)
		{
			found->series = found_series;
			found->time = Min(time, block->last_time);
			return true;
		}
		series = found_series;
		segment_no = found_no;
		if (segment_no == PG_INT32_MIN)
		{
			if (series == 0)
				return false;
			series--;
			segment_no = PG_INT32_MAX;
		}
		else
			segment_no--;
		time = PG_INT64_MAX;
	}
}

void
tsdb_l1_region(TsdbL1Cursor *cursor, TsdbKey key, TsdbRegion *region)
{
	const TsdbBlock *block;
	const TsdbSegment *segment;
	uint32 found_series;
	int32 found_no;
	int32 segment_no;
	Slot *slot;

	tsdb_l1_empty_region(region);
	if (!split_key(cursor, key, &segment_no))
		return;
	if (!tsdb_segfind_after(cursor->finder, key.series, segment_no, &found_series, &found_no) ||
		found_series != key.series || found_no != segment_no)
	{
		/* Between segments. */
		if (tsdb_segfind_after(cursor->finder, key.series, segment_no, &found_series, &found_no))
		{
			region->hi.series = found_series;
			region->hi.time = tsdb_grid_segment_start(found_no, cursor->segment_us);
		}
		if (tsdb_segfind_before(cursor->finder, key.series, segment_no, &found_series, &found_no))
		{
			region->lo.series = found_series;
			if (found_no == PG_INT32_MAX)
			{
				region->lo.series++;
				region->lo.time = PG_INT64_MIN;
			}
			else
				region->lo.time = tsdb_grid_segment_start(found_no + 1, cursor->segment_us);
		}
		return;
	}

	slot = open_segment(cursor, found_series, found_no);
	segment = &slot->stored.segment;
	region->lo.series = region->hi.series = key.series;
	region->lo.time = segment->from_us;
	region->hi.time = segment->until_us;
	region->watermark = segment->merged_seq;
	block = block_upto(cursor, slot, key.time);
	if (block != NULL && key.time < block->until_us)
	{
		region->lo.time = block->from_us;
		region->hi.time = block->until_us;
		region->has_block = true;
		region->block_id = block->block_id;
		cursor->region_slot = slot;
		cursor->region_block = block - slot->base.blocks;
		return;
	}
	if (block != NULL)
		region->lo.time = block->until_us;
	block = block_from(cursor, slot, key.time);
	if (block != NULL && block->from_us <= key.time)
	{
		/* inside the span of a block, before its first row */
		region->lo.time = block->from_us;
		region->hi.time = block->until_us;
		region->has_block = true;
		region->block_id = block->block_id;
		cursor->region_slot = slot;
		cursor->region_block = block - slot->base.blocks;
	}
	else if (block != NULL)
		region->hi.time = block->from_us;
}

void
tsdb_l1_empty_region(TsdbRegion *region)
{
	memset(region, 0, sizeof(TsdbRegion));
	region->lo.time = PG_INT64_MIN;
	region->hi.series = PG_UINT32_MAX;
	region->hi.time = PG_INT64_MAX;
}

const TsdbBatch *
tsdb_l1_block(TsdbL1Cursor *cursor)
{
	Slot *slot = cursor->region_slot;
	const TsdbBlock *block = &slot->base.blocks[cursor->region_block];

	if (slot->block_id != block->block_id)
		decode_block(cursor, slot, block, cursor->region_block);
	return &slot->block;
}

bool
tsdb_l1_barren(TsdbL1Cursor *cursor, const TsdbFilterTerm *terms, int nterms, ScanDirection direction, TsdbBarren *barren)
{
	Slot *slot = cursor->region_slot;

	if (slot->pruner == NULL)
	{
		MemoryContext old = MemoryContextSwitchTo(cursor->context);

		slot->pruner = tsdb_pruner_create(cursor->rel, cursor->wanted, cursor->nwanted);
		MemoryContextSwitchTo(old);
	}
	if (!slot->has_columns)
		load_columns(cursor, slot);
	return tsdb_pruner_find(slot->pruner, terms, nterms, &slot->stored.segment, (uint32) slot->group_no, &slot->base,
							slot->columns, slot->column_stored, cursor->region_block, direction, barren);
}

bool
tsdb_l1_resolve(TsdbL1Cursor *cursor, uint32 block_id, uint32 offset, TsdbKey *key)
{
	uint32 block_index;
	Slot *slot = find_block(cursor, block_id, &block_index);
	const TsdbBlock *block;

	if (slot == NULL)
		return false;
	block = &slot->base.blocks[block_index];
	if (offset == 0 || offset > block->nrows)
		return false;
	if (slot->block_id != block_id)
		decode_block(cursor, slot, block, block_index);
	*key = tsdb_batch_key(&slot->block, offset - 1);
	return true;
}

void
tsdb_l1_segment_tid(TsdbL1Cursor *cursor, TsdbKey key, ItemPointer tid)
{
	MemoryContext old = MemoryContextSwitchTo(cursor->context);
	int32 segment_no;
	TsdbSpan bytes;

	if (!split_key(cursor, key, &segment_no))
		ItemPointerSetInvalid(tid);
	else
	{
		if (cursor->tid_series != key.series || cursor->tid_segment_no != segment_no)
		{
			if (tsdb_store_find(cursor->store, cursor->snapshot, TSDB_KIND_SEGMENT, key.series, segment_no, &bytes, &cursor->tid))
				pfree(unconstify(uint8 *, bytes.at));
			else
				ItemPointerSetInvalid(&cursor->tid);
			cursor->tid_series = key.series;
			cursor->tid_segment_no = segment_no;
		}
		*tid = cursor->tid;
	}
	MemoryContextSwitchTo(old);
}

// private functions

/* Series and segment number of a key, times beyond every segment moved to the last; false above all series. */
static bool
split_key(TsdbL1Cursor *cursor, TsdbKey key, int32 *segment_no)
{
	int64 from_us;

	if (key.series > TSDB_STORE_MAX_ID)
		return false;
	if (!tsdb_grid_segment(key.time, cursor->segment_us, segment_no, &from_us))
		*segment_no = key.time < 0 ? PG_INT32_MIN : PG_INT32_MAX;
	return true;
}

static Slot *
open_segment(TsdbL1Cursor *cursor, uint32 series, int32 segment_no)
{
	Slot *slot = &cursor->slots[0];
	MemoryContext old;

	for (int i = 0; i < NSLOTS; i++)
	{
		Slot *candidate = &cursor->slots[i];

		if (candidate->valid && candidate->stored.segment.series == series &&
			candidate->stored.segment.segment_no == segment_no)
		{
			candidate->used = ++cursor->clock;
			return candidate;
		}
		if (candidate->used < slot->used)
			slot = candidate;
	}

	slot->valid = false;
	MemoryContextReset(slot->context);
	MemoryContextReset(slot->group_context);
	MemoryContextReset(slot->block_context);
	slot->group_no = -1;
	slot->block_id = 0;
	if (slot->pruner != NULL)
		tsdb_pruner_forget_segment(slot->pruner);
	old = MemoryContextSwitchTo(slot->context);
	if (!tsdb_segstore_find(cursor->store, cursor->rel, cursor->snapshot, series, segment_no, &slot->stored))
		elog(ERROR, "series %u of table \"%s\" has lost its segment %d", series,
			 RelationGetRelationName(cursor->rel), segment_no);
	MemoryContextSwitchTo(old);
	slot->valid = true;
	slot->used = ++cursor->clock;
	cursor->counters->segments_opened++;
	for (uint32 i = 0; i < slot->stored.segment.ngroups; i++)
		cursor->counters->blocks_skipped += slot->stored.segment.groups[i].nblocks;
	return slot;
}

static void
load_group(TsdbL1Cursor *cursor, Slot *slot, uint32 group_no)
{
	MemoryContext old;

	if (slot->group_no == group_no)
		return;
	MemoryContextReset(slot->group_context);
	slot->group_no = -1;
	slot->has_columns = false;
	if (slot->pruner != NULL)
		tsdb_pruner_forget_group(slot->pruner);
	old = MemoryContextSwitchTo(slot->group_context);
	tsdb_segstore_group(cursor->store, cursor->rel, cursor->snapshot, &slot->stored.segment, group_no, &slot->base);
	MemoryContextSwitchTo(old);
	slot->group_no = group_no;
}

/* Where the cells of the wanted columns are, for the loaded group. */
static void
load_columns(TsdbL1Cursor *cursor, Slot *slot)
{
	const TsdbSegment *segment = &slot->stored.segment;
	MemoryContext old = MemoryContextSwitchTo(slot->group_context);

	slot->columns = palloc0_array(TsdbGroupColumn, cursor->nwanted + 1);
	slot->column_stored = palloc0_array(bool, cursor->nwanted + 1);
	for (int c = 0; c < cursor->nwanted; c++)
		for (int i = 0; i < segment->ncolumns; i++)
			if (segment->columns[i].attnum == cursor->wanted[c].attnum)
			{
				if (segment->columns[i].type != cursor->wanted[c].type)
					TSDB_CHECK(TSDB_CORRUPT, cursor->rel, "Column %d of series %u, segment %d, has type %d instead of %d.",
							   segment->columns[i].attnum, segment->series, segment->segment_no,
							   segment->columns[i].type, cursor->wanted[c].type);
				slot->column_stored[c] = tsdb_segstore_groupcolumn(cursor->store, cursor->rel, cursor->snapshot,
																   segment, &slot->base, i, &slot->columns[c]);
			}
	slot->has_columns = true;
	MemoryContextSwitchTo(old);
}

/* The first block with a row at or after time; loads its group. */
static const TsdbBlock *
block_from(TsdbL1Cursor *cursor, Slot *slot, int64 time)
{
	const TsdbSegment *segment = &slot->stored.segment;
	uint32 group_no = 0;

	while (group_no < segment->ngroups && segment->groups[group_no].until_us <= time)
		group_no++;
	for (; group_no < segment->ngroups; group_no++)
	{
		load_group(cursor, slot, group_no);
		for (uint32 i = 0; i < slot->base.nblocks; i++)
			if (slot->base.blocks[i].last_time >= time)
				return &slot->base.blocks[i];
	}
	return NULL;
}

/* The last block with a row at or before time; loads its group. */
static const TsdbBlock *
block_upto(TsdbL1Cursor *cursor, Slot *slot, int64 time)
{
	const TsdbSegment *segment = &slot->stored.segment;
	int64 group_no = (int64) segment->ngroups - 1;

	while (group_no >= 0 && segment->groups[group_no].from_us > time)
		group_no--;
	for (; group_no >= 0; group_no--)
	{
		load_group(cursor, slot, group_no);
		for (int64 i = (int64) slot->base.nblocks - 1; i >= 0; i--)
			if (slot->base.blocks[i].first_time <= time)
				return &slot->base.blocks[i];
	}
	return NULL;
}

static void
decode_block(TsdbL1Cursor *cursor, Slot *slot, const TsdbBlock *block, uint32 block_index)
{
	const TsdbSegment *segment = &slot->stored.segment;
	TsdbBatch *batch = &slot->block;
	Hint *hint = &hints[block->block_id & (HINTS - 1)];
	MemoryContext old;

	slot->block_id = 0;
	MemoryContextReset(slot->block_context);
	if (!slot->has_columns)
		load_columns(cursor, slot);
	old = MemoryContextSwitchTo(slot->block_context);
	memset(batch, 0, sizeof(TsdbBatch));
	batch->nrows = block->nrows;
	batch->series_id = segment->series;
	batch->times = palloc_array(int64, block->nrows);
	tsdb_segstore_block_times(cursor->store, cursor->rel, cursor->snapshot, segment, block, batch->times);
	batch->ncolumns = cursor->nwanted;
	batch->columns = palloc0_array(TsdbColumn, cursor->nwanted + 1);
	for (int c = 0; c < cursor->nwanted; c++)
		decode_column(cursor, slot, block, block_index, c);
	MemoryContextSwitchTo(old);

	slot->block_id = block->block_id;
	hint->relid = RelationGetRelid(cursor->rel);
	hint->block_id = block->block_id;
	hint->series = segment->series;
	hint->segment_no = segment->segment_no;
	cursor->counters->blocks_decoded++;
	cursor->counters->blocks_skipped -= Min(cursor->counters->blocks_skipped, 1);
}

static void
decode_column(TsdbL1Cursor *cursor, Slot *slot, const TsdbBlock *block, uint32 block_index, int c)
{
	const TsdbSegment *segment = &slot->stored.segment;
	const TsdbWanted *wanted = &cursor->wanted[c];
	TsdbColumn *column = &slot->block.columns[c];
	TsdbMem mem = tsdb_mem_context(slot->block_context);
	bool has_states = false;
	TsdbSpan bytes;

	column->attnum = wanted->attnum;
	column->type = wanted->type;
	column->words = palloc_array(uint64, block->nrows);
	column->states = palloc_array(uint8, block->nrows);
	slot->block.arena.mem = &mem;
	if (!slot->column_stored[c] || slot->columns[c].cells[block_index].nbytes == 0)
	{
		fill_missing(&slot->block, column, wanted);
		slot->block.arena.mem = NULL;
		return;
	}
	bytes = tsdb_segstore_chunk(cursor->store, cursor->rel, cursor->snapshot, segment,
								slot->columns[c].cells[block_index]);
	TSDB_CHECK(tsdb_cells_decode(bytes, wanted->type, column->words, column->states, &has_states, block->nrows,
								 &slot->block.arena, &mem),
			   cursor->rel, "Column %d of block %u of series %u, segment %d, does not decode.",
			   wanted->attnum, block->block_id, segment->series, segment->segment_no);
	pfree(unconstify(uint8 *, bytes.at));
	slot->block.arena.mem = NULL;
	if (!has_states)
		column->states = NULL;
}

/* The rows were written before the column existed. */
static void
fill_missing(TsdbBatch *batch, TsdbColumn *column, const TsdbWanted *wanted)
{
	uint64 word = wanted->missing_word;

	if (wanted->missing_state == TSDB_CELL_VALUE && wanted->type == TSDB_TYPE_TEXT)
	{
		uint32 nbytes;

		memcpy(&nbytes, wanted->missing_text, sizeof(nbytes));
		word = batch->arena.len;
		tsdb_bytes_append(&batch->arena, wanted->missing_text, sizeof(nbytes) + nbytes);
		memset(tsdb_bytes_reserve(&batch->arena, 4), 0, 4);
		batch->arena.len = (batch->arena.len + 3) & ~(size_t) 3;
	}
	for (uint32 i = 0; i < batch->nrows; i++)
		column->words[i] = word;
	memset(column->states, wanted->missing_state, batch->nrows);
	if (wanted->missing_state == TSDB_CELL_VALUE)
		column->states = NULL;
}

/* The slot and place of a block: open ones first, then the hint, then every root that may list it. */
static Slot *
find_block(TsdbL1Cursor *cursor, uint32 block_id, uint32 *block_index)
{
	const Hint *hint = &hints[block_id & (HINTS - 1)];
	Slot *found = NULL;
	TsdbSegmentScan *scan;
	MemoryContext work;
	MemoryContext old;

	for (int i = 0; i < NSLOTS; i++)
		if (cursor->slots[i].valid && block_in_segment(cursor, &cursor->slots[i], block_id, block_index))
			return &cursor->slots[i];
	if (hint->relid == RelationGetRelid(cursor->rel) && hint->block_id == block_id)
	{
		uint32 series;
		int32 segment_no;

		if (tsdb_segfind_after(cursor->finder, hint->series, hint->segment_no, &series, &segment_no) &&
			series == hint->series && segment_no == hint->segment_no)
		{
			found = open_segment(cursor, series, segment_no);
			if (block_in_segment(cursor, found, block_id, block_index))
				return found;
			found = NULL;
		}
	}

	/* Rare: the TID comes from another backend or is old. */
	work = AllocSetContextCreate(CurrentMemoryContext, "tsdb find block", ALLOCSET_DEFAULT_SIZES);
	old = MemoryContextSwitchTo(work);
	scan = tsdb_segstore_beginscan(cursor->store, cursor->rel, cursor->snapshot, 0, PG_INT32_MIN,
								   TSDB_STORE_MAX_ID, PG_INT32_MAX, false);
	MemoryContextSwitchTo(old);
	while (found == NULL)
	{
		TsdbStoredSegment stored;
		MemoryContext root = AllocSetContextCreate(work, "tsdb root", ALLOCSET_DEFAULT_SIZES);
		bool more;
		bool candidate = false;

		CHECK_FOR_INTERRUPTS();
		MemoryContextSwitchTo(root);
		more = tsdb_segstore_getnext(scan, &stored);
		MemoryContextSwitchTo(old);
		if (more)
			candidate = stored.segment.nrows > 0 &&
						stored.segment.min_block_id <= block_id && block_id <= stored.segment.max_block_id;
		if (candidate)
		{
			found = open_segment(cursor, stored.segment.series, stored.segment.segment_no);
			if (!block_in_segment(cursor, found, block_id, block_index))
				found = NULL;
		}
		MemoryContextDelete(root);
		if (!more)
			break;
	}
	tsdb_segstore_endscan(scan);
	MemoryContextDelete(work);
	return found;
}

static bool
block_in_segment(TsdbL1Cursor *cursor, Slot *slot, uint32 block_id, uint32 *block_index)
{
	const TsdbSegment *segment = &slot->stored.segment;
	int64 first = slot->group_no;

	if (segment->nrows == 0 || block_id < segment->min_block_id || block_id > segment->max_block_id)
		return false;
	/* The loaded group first. */
	for (int64 pass = first >= 0 ? -1 : 0; pass < segment->ngroups; pass++)
	{
		if (pass == first && first >= 0)
			continue;
		load_group(cursor, slot, pass < 0 ? first : pass);
		for (uint32 i = 0; i < slot->base.nblocks; i++)
			if (slot->base.blocks[i].block_id == block_id)
			{
				*block_index = i;
				return true;
			}
	}
	return false;
}
