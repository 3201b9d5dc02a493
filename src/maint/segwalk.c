/*-------------------------------------------------------------------------
 *
 * segwalk.c
 *	  Walk over all rows of a segment that is taken apart, in stretches of time.
 *
 * Keeps one group and one decoded block.
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "maint/segwalk.h"
#include "miscadmin.h"
#include "utils/memutils.h"

static void load_group(TsdbSegmentWalk *walk);
static void load_block(TsdbSegmentWalk *walk);
static uint32 find_time(const TsdbBatch *batch, int64 time_us);

void
tsdb_segwalk_start(TsdbSegmentWalk *walk, TsdbCompaction *compaction, const TsdbSegment *segment, MemoryContext context)
{
	memset(walk, 0, sizeof(TsdbSegmentWalk));
	walk->compaction = compaction;
	walk->segment = segment;
	walk->context = context;
	walk->group_context = AllocSetContextCreate(context, "tsdb old group", ALLOCSET_DEFAULT_SIZES);
	load_group(walk);
}

bool
tsdb_segwalk_time(const TsdbSegmentWalk *walk, int64 *time_us)
{
	if (walk->group_no >= walk->segment->ngroups)
		return false;
	*time_us = walk->batch != NULL ? walk->batch->times[walk->row] : walk->loaded.base.blocks[walk->block_index].first_time;
	return true;
}

uint64
tsdb_segwalk_count(const TsdbSegmentWalk *walk, int64 until_us)
{
	const TsdbSegment *segment = walk->segment;
	uint64 nrows = 0;

	if (walk->group_no >= segment->ngroups)
		return 0;
	if (walk->batch != NULL)
		nrows += Max(find_time(walk->batch, until_us), walk->row) - walk->row;
	for (uint32 i = walk->block_index + (walk->batch != NULL ? 1 : 0); i < walk->loaded.base.nblocks; i++)
		if (walk->loaded.base.blocks[i].first_time < until_us)
			nrows += walk->loaded.base.blocks[i].nrows;
	for (uint32 g = walk->group_no + 1; g < segment->ngroups; g++)
		if (segment->groups[g].until_us <= until_us)
			nrows += segment->groups[g].nrows;
	return nrows;
}

bool
tsdb_segwalk_take(TsdbSegmentWalk *walk, int64 until_us, MemoryContext window,
				  const TsdbBatch **batch, uint32 *from, uint32 *until)
{
	int64 time_us;

	if (!tsdb_segwalk_time(walk, &time_us) || time_us >= until_us)
		return false;
	CHECK_FOR_INTERRUPTS();
	if (walk->batch == NULL)
		load_block(walk);
	*batch = walk->batch;
	*from = walk->row;
	*until = walk->row = find_time(walk->batch, until_us);
	if (walk->row < walk->batch->nrows)
		return true;

	MemoryContextSetParent(walk->block_context, window);
	walk->batch = NULL;
	walk->row = 0;
	if (++walk->block_index == walk->loaded.base.nblocks)
	{
		walk->group_no++;
		walk->block_index = 0;
		load_group(walk);
	}
	return true;
}

// private functions

static void
load_group(TsdbSegmentWalk *walk)
{
	MemoryContext caller;

	MemoryContextReset(walk->group_context);
	if (walk->group_no >= walk->segment->ngroups)
		return;
	caller = MemoryContextSwitchTo(walk->group_context);
	tsdb_segload_group(walk->compaction, walk->segment, walk->group_no, 1, &walk->loaded);
	MemoryContextSwitchTo(caller);
}

static void
load_block(TsdbSegmentWalk *walk)
{
	MemoryContext caller;

	walk->block_context = AllocSetContextCreate(walk->context, "tsdb old block", ALLOCSET_DEFAULT_SIZES);
	caller = MemoryContextSwitchTo(walk->block_context);
	walk->batch = palloc(sizeof(TsdbBatch));
	tsdb_segload_block(walk->compaction, walk->segment, &walk->loaded, walk->block_index, walk->batch);
	walk->batch->sequence = walk->segment->merged_seq;
	MemoryContextSwitchTo(caller);
}

static uint32
find_time(const TsdbBatch *batch, int64 time_us)
{
	TsdbKey key = {batch->series_id, time_us};

	return tsdb_batch_find(batch, key);
}
