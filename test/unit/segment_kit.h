/*-------------------------------------------------------------------------
 *
 * segment_kit.h
 *	  Random segment trees and their comparison, for tests and fuzzers.
 *-------------------------------------------------------------------------
 */
#ifndef TSDB_TEST_SEGMENT_KIT_H
#define TSDB_TEST_SEGMENT_KIT_H

#include "format/grid.h"
#include "format/segment.h"
#include "tap.h"

#define KIT_SEGMENT_US (32 * TSDB_US_PER_DAY)

/* kit_array - zeroed memory. */
__attribute__((unused)) static void *
kit_array(const TsdbMem *mem, size_t n, size_t size)
{
	void *array = tsdb_mem_alloc(mem, (n + 1) * size);

	memset(array, 0, (n + 1) * size);
	return array;
}

/* kit_chunk - the next chunk of a stream, now and then with dead bytes before it. */
__attribute__((unused)) static TsdbChunkRef
kit_chunk(TsdbSegment *segment, uint32_t nbytes, uint64_t *random)
{
	TsdbChunkRef ref;

	if (random_below(random, 10) == 0)
	{
		uint32_t dead_bytes = random_below(random, 5000);

		segment->dead_bytes += dead_bytes;
		segment->stream_bytes += dead_bytes;
	}
	ref.offset = segment->stream_bytes;
	ref.nbytes = nbytes;
	segment->stream_bytes += nbytes;
	return ref;
}

/* kit_blocks - blocks of block_us in a group's span, some left out, some cut in two. */
__attribute__((unused)) static void
kit_blocks(TsdbSegment *segment, TsdbSegmentGroup *group, TsdbGroupBase *base, uint64_t *random, const TsdbMem *mem)
{
	uint64_t room = (uint64_t) ((group->until_us - group->from_us) / segment->block_us) * 2;
	bool is_full = random_below(random, 2) == 0;

	base->blocks = (TsdbBlock *) kit_array(mem, room, sizeof(TsdbBlock));
	base->nblocks = 0;
	for (int64_t from_us = group->from_us; from_us < group->until_us; from_us += segment->block_us)
	{
		int64_t cut_us = is_full || random_below(random, 10) ? segment->block_us : segment->block_us / 3 + 1;

		if (!is_full && random_below(random, 4) == 0 && (base->nblocks > 0 || from_us + segment->block_us < group->until_us))
			continue;
		for (int64_t at_us = 0; at_us < segment->block_us && base->nblocks < room; at_us += cut_us, cut_us = segment->block_us - at_us)
		{
			TsdbBlock *block = &base->blocks[base->nblocks++];

			block->from_us = from_us + at_us;
			block->until_us = block->from_us + cut_us;
			block->nrows = is_full ? 3600 : 1 + random_below(random, 16384);
			block->first_time = block->from_us + (is_full ? 0 : random_below(random, (uint32_t) (cut_us / 2 < 1000000 ? 1 : 1000000)));
			block->last_time = is_full ? block->until_us - 1 : block->first_time;
			block->block_id = segment->max_block_id += is_full ? 1 : 1 + random_below(random, 100);
			block->times = kit_chunk(segment, 5 + random_below(random, 3), random);
			group->nrows += block->nrows;
		}
	}
	group->nblocks = base->nblocks;
}

/*
 * kit_segment - a root with its group bases (an array of ngroups).
 *
 * The bytes of the summaries of its columns are random: roots don't look into them.
 */
__attribute__((unused)) static TsdbGroupBase *
kit_segment(TsdbSegment *segment, uint32_t ngroups, int ncolumns, int64_t block_us, uint64_t *random, const TsdbMem *mem)
{
	TsdbGroupBase *bases = (TsdbGroupBase *) kit_array(mem, ngroups, sizeof(TsdbGroupBase));
	int64_t from_us;

	memset(segment, 0, sizeof(*segment));
	segment->series = 1 + random_below(random, 1000);
	segment->segment_no = (int32_t) random_below(random, 1000) - 100;
	segment->from_us = tsdb_grid_segment_start(segment->segment_no, KIT_SEGMENT_US);
	segment->until_us = segment->from_us + KIT_SEGMENT_US;
	segment->merged_seq = random_below(random, 1000000);
	segment->block_us = block_us;
	segment->group_us = ngroups > 1 || block_us < TSDB_US_PER_DAY ? TSDB_US_PER_DAY : KIT_SEGMENT_US;
	segment->ngroups = ngroups;
	segment->groups = (TsdbSegmentGroup *) kit_array(mem, ngroups, sizeof(TsdbSegmentGroup));
	segment->max_block_id = random_below(random, 1000000);
	segment->ncolumns = ncolumns;
	segment->columns = (TsdbSegmentColumn *) kit_array(mem, (size_t) ncolumns, sizeof(TsdbSegmentColumn));
	segment->min_block_id = segment->max_block_id + 1;

	from_us = segment->from_us;
	for (uint32_t i = 0; i < ngroups; i++, from_us += segment->group_us)
	{
		if (from_us + (ngroups - i) * segment->group_us < segment->until_us && random_below(random, 8) == 0)
			from_us += segment->group_us;
		segment->groups[i].from_us = from_us;
		segment->groups[i].until_us = from_us + segment->group_us;
		kit_blocks(segment, &segment->groups[i], &bases[i], random, mem);
		bases[i].ncolumns = ncolumns;
		bases[i].columns = (TsdbChunkRef *) kit_array(mem, (size_t) ncolumns, sizeof(TsdbChunkRef));
		for (int c = 0; c < ncolumns; c++)
			if (ncolumns < 3 || random_below(random, 5))
				bases[i].columns[c] = kit_chunk(segment, 90 + random_below(random, 9), random);
		segment->groups[i].base = kit_chunk(segment, 60, random);
		segment->nrows += segment->groups[i].nrows;
	}
	if (ngroups == 0)
		segment->min_block_id = segment->max_block_id = 0;
	for (int c = 0; c < ncolumns; c++)
	{
		uint8_t *bytes = (uint8_t *) tsdb_mem_alloc(mem, 39);

		for (int i = 0; i < 39; i++)
			bytes[i] = (uint8_t) random_next(random);
		segment->columns[c].attnum = (int16_t) ((c > 0 ? segment->columns[c - 1].attnum : 0) + 1 + (int) random_below(random, 3));
		segment->columns[c].quality_attnum = (int16_t) (random_below(random, 2) ? 0 : 1 + random_below(random, 1000));
		segment->columns[c].type = (uint8_t) (1 + random_below(random, 10));
		segment->columns[c].summaries = tsdb_span(bytes, 39);
	}
	segment->lead_bytes = random_below(random, 2) ? 0 : (uint32_t) random_below(random, TSDB_SEGMENT_PAGE_BYTES);
	segment->npages = (uint32_t) tsdb_segment_pages_for(segment, segment->stream_bytes);
	segment->pages = (TsdbSegmentPage *) kit_array(mem, segment->npages, sizeof(TsdbSegmentPage));
	for (uint32_t i = 0; i < segment->npages; i++)
	{
		segment->pages[i].stream_page = i;
		segment->pages[i].page_no = i == 0 ? 1 + random_below(random, 1 << 20)
										   : segment->pages[i - 1].page_no + (random_below(random, 20) ? 1 : 1 + random_below(random, 1000));
	}
	return bases;
}

#endif /* TSDB_TEST_SEGMENT_KIT_H */
