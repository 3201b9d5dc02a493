/*-------------------------------------------------------------------------
 *
 * verifysegment.c
 *	  Check a segment: root, groups, blocks, cells, summaries, pages.
 *
 * Summaries are computed anew from the rows, level by level, and compared as they are
 * coded.  The bytes of all chunks that are reached, together with those that count as dead,
 * must make up the stream.
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "format/block.h"
#include "format/grid.h"
#include "format/subs.h"
#include "maint/verify_private.h"
#include "miscadmin.h"
#include "pg/check.h"
#include "store/segstore.h"
#include "utils/memutils.h"

/* Segment, group and block that are being checked. */
/* Sub-summaries of a group. */
typedef struct StoredSubs
{
	uint32 n;
	uint32 next; /* not looked at yet */
	TsdbSummary *list;
} StoredSubs;

typedef struct Check
{
	TsdbVerification *verification;
	TsdbStoredSegment stored;
	const TsdbSegment *segment;
	uint64 live_bytes;
	TsdbSummary **root; /* per column: summaries of the root */
	TsdbSummary *totals; /* per column: of the groups so far */

	uint32 group_no;
	TsdbGroupBase base;
	bool *has_column;
	TsdbGroupColumn *columns;
	TsdbSummary **summaries; /* per column: coded summaries of the group's blocks */
	StoredSubs (*subs)[TSDB_SUB_KINDS];
	uint32 *next_summary; /* per column: of the next block */
	TsdbSummary *group_totals; /* per column */
} Check;

static void check_root(Check *check);
static void check_stored_pages(Check *check);
static TsdbSummary *decode_summaries(Check *check, TsdbSpan bytes, TsdbType type, uint32 n, int64 base_us);
static void verify_group(Check *check, uint32 group_no);
static void load_group(Check *check);
static void verify_block(Check *check, uint32 block_no);
static void check_block_rows(Check *check, const TsdbBlock *block, const TsdbBatch *batch);
static void verify_cells(Check *check, const TsdbBlock *block, uint32 block_no, int column_no, TsdbBatch *batch);
static void verify_summary(Check *check, const TsdbBlock *block, int column_no, const TsdbBatch *batch);
static void verify_subs(Check *check, const TsdbBlock *block, int column_no, TsdbSubKind kind, const TsdbBatch *batch);
static bool has_subs(const Check *check, const TsdbBlock *block, int column_no, TsdbSubKind kind);
static bool matches_reduced(const TsdbSummary *stored, TsdbSummary *computed, TsdbType type, TsdbSubKind kind);
static bool matches_rows(Check *check, const TsdbSummary *stored, int column_no, TsdbSubKind kind, const TsdbBatch *batch,
						 uint32 from, uint32 nrows);
static void check_group_totals(Check *check);
static bool same_summary(TsdbType type, const TsdbSummary *a, const TsdbSummary *b, int64 base_us);

void
tsdb_verify_segment(TsdbVerification *verification, const TsdbObjectKey *key)
{
	Check check = {0};
	const TsdbSegment *segment;

	check.verification = verification;
	verification->object = psprintf("segment %d of series %u", key->seq, key->id);
	if (!tsdb_segstore_find(verification->store, verification->rel, verification->snapshot, key->id, key->seq, &check.stored))
	{
		tsdb_verify_problem(verification, "is not found by its key");
		return;
	}
	check.segment = segment = &check.stored.segment;
	check_root(&check);
	check_stored_pages(&check);
	check.root = palloc0_array(TsdbSummary *, segment->ncolumns + 1);
	check.totals = palloc0_array(TsdbSummary, segment->ncolumns + 1);
	if (segment->nrows > 0)
		for (int c = 0; c < segment->ncolumns; c++)
			check.root[c] = decode_summaries(&check, segment->columns[c].summaries, segment->columns[c].type,
											 tsdb_segment_nsummaries(segment), segment->from_us);
	for (uint32 g = 0; g < segment->ngroups; g++)
		verify_group(&check, g);
	for (int c = 0; c < segment->ncolumns && segment->nrows > 0; c++)
		if (!same_summary(segment->columns[c].type, &check.root[c][0], &check.totals[c], segment->from_us))
			tsdb_verify_problem(verification, "the summary of column %d is not that of its groups", segment->columns[c].attnum);
	if (check.live_bytes + segment->dead_bytes != segment->stream_bytes)
		tsdb_verify_problem(verification, "has %llu live and %llu dead bytes in a stream of %llu",
							(unsigned long long) check.live_bytes, (unsigned long long) segment->dead_bytes,
							(unsigned long long) segment->stream_bytes);
}

// private functions

static void
check_root(Check *check)
{
	TsdbVerification *verification = check->verification;
	const TsdbSegment *segment = check->segment;
	int64 from_us = tsdb_grid_segment_start(segment->segment_no, verification->segment_us);
	uint64 nrows = 0;

	if (segment->from_us != from_us)
		tsdb_verify_problem(verification, "does not begin where its number says");
	if (!tsdb_verify_is_series(verification, segment->series))
		tsdb_verify_problem(verification, "its series is not in the dictionary");
	if (segment->merged_seq > verification->next_sequence)
		tsdb_verify_problem(verification, "is merged up to %llu, the next sequence to be given out is %llu",
							(unsigned long long) segment->merged_seq, (unsigned long long) verification->next_sequence);
	for (uint32 g = 0; g < segment->ngroups; g++)
		nrows += segment->groups[g].nrows;
	if (nrows != segment->nrows)
		tsdb_verify_problem(verification, "has %llu rows, its groups have %llu",
							(unsigned long long) segment->nrows, (unsigned long long) nrows);
	for (int c = 0; c < segment->ncolumns; c++)
	{
		int16 attnum = segment->columns[c].attnum;
		const TsdbTable *table = verification->table;

		if (attnum < 1 || attnum > table->natts ||
			(table->columns[attnum - 1].role != TSDB_ROLE_VALUE && table->columns[attnum - 1].role != TSDB_ROLE_DROPPED))
			tsdb_verify_problem(verification, "stores column %d, which is no value column", attnum);
		else if (table->columns[attnum - 1].role == TSDB_ROLE_VALUE &&
				 table->columns[attnum - 1].type != segment->columns[c].type)
			tsdb_verify_problem(verification, "stores column %d as type %d", attnum, segment->columns[c].type);
	}
}

/* The pages of root and stream exist, and hold as much as they should. */
static void
check_stored_pages(Check *check)
{
	TsdbVerification *verification = check->verification;
	const TsdbSegment *segment = check->segment;
	uint64 tail_start = tsdb_segment_tail_start(segment);
	uint64 npages = tsdb_segment_pages_for(segment, tail_start);
	uint64 missing = 0;

	for (uint32 i = 0; i < check->stored.root_npages; i++)
		tsdb_verify_use_page(verification, check->stored.root_page + i);
	for (uint64 i = 0, p = 0; p < npages; p++)
		if (i < segment->npages && segment->pages[i].stream_page == p)
			i++;
		else
			missing += tsdb_segment_page_start(segment, p + 1) - tsdb_segment_page_start(segment, p);
	/* Pages without a live chunk may be gone. */
	if (segment->npages > npages || missing > segment->dead_bytes ||
		(npages > 0 && (segment->npages == 0 || segment->pages[segment->npages - 1].stream_page != npages - 1)))
		tsdb_verify_problem(verification, "lists %u pages for a stream of %llu bytes, %zu of them beside the root",
							segment->npages, (unsigned long long) segment->stream_bytes, tsdb_span_left(&segment->tail));
	for (uint32 i = 0; i < segment->npages; i++)
	{
		const TsdbSegmentPage *page = &segment->pages[i];
		uint64 from = tsdb_segment_page_start(segment, page->stream_page);
		uint64 wanted = Min(tail_start, tsdb_segment_page_start(segment, page->stream_page + 1)) - from;
		TsdbSpan bytes;

		CHECK_FOR_INTERRUPTS();
		tsdb_verify_use_page(verification, page->page_no);
		bytes = tsdb_store_get_page(verification->store, verification->snapshot, page->page_no);
		if (tsdb_span_left(&bytes) != wanted)
			tsdb_verify_problem(verification, "page %llu holds %zu bytes instead of %llu",
								(unsigned long long) page->page_no, tsdb_span_left(&bytes), (unsigned long long) wanted);
		pfree(unconstify(uint8 *, bytes.at));
	}
}

static TsdbSummary *
decode_summaries(Check *check, TsdbSpan bytes, TsdbType type, uint32 n, int64 base_us)
{
	TsdbMem mem = tsdb_mem_context(CurrentMemoryContext);
	TsdbSummary *summaries = palloc_array(TsdbSummary, Max(n, 1));

	TSDB_CHECK(tsdb_summaries_decode(bytes, type, summaries, n, base_us, TSDB_SUMMARY_ALL, &mem),
			   check->verification->rel, "Summaries of series %u, segment %d, do not decode.",
			   check->segment->series, check->segment->segment_no);
	return summaries;
}

static void
verify_group(Check *check, uint32 group_no)
{
	MemoryContext work = AllocSetContextCreate(CurrentMemoryContext, "tsdb verify group", ALLOCSET_DEFAULT_SIZES);
	MemoryContext caller = MemoryContextSwitchTo(work);
	uint64 nrows = 0;

	check->group_no = group_no;
	load_group(check);
	for (uint32 b = 0; b < check->base.nblocks; b++)
	{
		nrows += check->base.blocks[b].nrows;
		verify_block(check, b);
	}
	if (nrows != check->segment->groups[group_no].nrows)
		tsdb_verify_problem(check->verification, "group %u has %llu rows, its blocks have %llu", group_no,
							(unsigned long long) check->segment->groups[group_no].nrows, (unsigned long long) nrows);
	check_group_totals(check);
	MemoryContextSwitchTo(caller);
	MemoryContextDelete(work);
}

static void
load_group(Check *check)
{
	TsdbVerification *verification = check->verification;
	const TsdbSegment *segment = check->segment;
	const TsdbSegmentGroup *group = &segment->groups[check->group_no];
	int ncolumns = segment->ncolumns;

	tsdb_segstore_group(verification->store, verification->rel, verification->snapshot, segment, check->group_no, &check->base);
	check->live_bytes += group->base.nbytes;
	check->has_column = palloc0_array(bool, ncolumns + 1);
	check->columns = palloc0_array(TsdbGroupColumn, ncolumns + 1);
	check->summaries = palloc0_array(TsdbSummary *, ncolumns + 1);
	check->subs = palloc0(sizeof(StoredSubs) * TSDB_SUB_KINDS * (ncolumns + 1));
	check->next_summary = palloc0_array(uint32, ncolumns + 1);
	check->group_totals = palloc0_array(TsdbSummary, ncolumns + 1);
	for (int c = 0; c < ncolumns; c++)
	{
		TsdbGroupColumn *column = &check->columns[c];

		check->has_column[c] = tsdb_segstore_groupcolumn(verification->store, verification->rel, verification->snapshot,
														 segment, &check->base, c, column);
		if (!check->has_column[c])
			continue;
		check->live_bytes += check->base.columns[c].nbytes;
		if (column->nsummaries > 0)
			check->summaries[c] = decode_summaries(check, column->summaries, segment->columns[c].type,
												   column->nsummaries, group->from_us);
		else
			check->summaries[c] = &check->root[c][segment->ngroups == 1 ? 0 : check->group_no + 1];
		for (int k = 0; k < TSDB_SUB_KINDS; k++)
		{
			const TsdbSubs *subs = &column->subs[k];

			if (subs->n == 0)
				continue;
			check->live_bytes += subs->ref.nbytes;
			check->subs[c][k].n = subs->n;
			check->subs[c][k].list = decode_summaries(check,
													  tsdb_segstore_chunk(verification->store, verification->rel,
																		  verification->snapshot, segment, subs->ref),
													  segment->columns[c].type, subs->n, group->from_us);
		}
	}
}

static void
verify_block(Check *check, uint32 block_no)
{
	MemoryContext work = AllocSetContextCreate(CurrentMemoryContext, "tsdb verify block", ALLOCSET_DEFAULT_SIZES);
	MemoryContext caller = MemoryContextSwitchTo(work);
	TsdbVerification *verification = check->verification;
	const TsdbSegment *segment = check->segment;
	const TsdbBlock *block = &check->base.blocks[block_no];
	TsdbBatch batch = {0};

	CHECK_FOR_INTERRUPTS();
	batch.nrows = block->nrows;
	batch.series_id = segment->series;
	batch.times = palloc_array(int64, block->nrows);
	tsdb_segstore_block_times(verification->store, verification->rel, verification->snapshot, segment, block, batch.times);
	check->live_bytes += block->times.nbytes;
	check_block_rows(check, block, &batch);
	batch.ncolumns = segment->ncolumns;
	batch.columns = palloc0_array(TsdbColumn, segment->ncolumns + 1);
	for (int c = 0; c < segment->ncolumns; c++)
		verify_cells(check, block, block_no, c, &batch);
	for (int c = 0; c < segment->ncolumns; c++)
		if (check->has_column[c] && check->columns[c].cells[block_no].nbytes > 0)
			verify_summary(check, block, c, &batch);
	MemoryContextSwitchTo(caller);
	MemoryContextDelete(work);
}

static void
check_block_rows(Check *check, const TsdbBlock *block, const TsdbBatch *batch)
{
	const TsdbSegment *segment = check->segment;

	if (block->block_id < segment->min_block_id || block->block_id > segment->max_block_id)
		tsdb_verify_problem(check->verification, "block %u is not among %u to %u of the root",
							block->block_id, segment->min_block_id, segment->max_block_id);
	for (uint32 i = 0; i < batch->nrows; i++)
		if (batch->times[i] < block->from_us || batch->times[i] >= block->until_us ||
			(i > 0 && batch->times[i] <= batch->times[i - 1]))
		{
			tsdb_verify_problem(check->verification, "row %u of block %u is out of order or outside of its span", i, block->block_id);
			return;
		}
}

static void
verify_cells(Check *check, const TsdbBlock *block, uint32 block_no, int column_no, TsdbBatch *batch)
{
	TsdbVerification *verification = check->verification;
	const TsdbSegmentColumn *definition = &check->segment->columns[column_no];
	TsdbColumn *column = &batch->columns[column_no];
	TsdbMem mem = tsdb_mem_context(CurrentMemoryContext);
	bool has_states = false;
	TsdbChunkRef ref = {0, 0};
	TsdbSpan bytes;

	column->attnum = definition->attnum;
	column->type = definition->type;
	column->words = palloc0_array(uint64, block->nrows);
	column->states = palloc_array(uint8, block->nrows);
	memset(column->states, TSDB_CELL_NULL, block->nrows);
	if (check->has_column[column_no])
		ref = check->columns[column_no].cells[block_no];
	if (ref.nbytes == 0)
		return;
	check->live_bytes += ref.nbytes;
	bytes = tsdb_segstore_chunk(verification->store, verification->rel, verification->snapshot, check->segment, ref);
	batch->arena.mem = &mem;
	TSDB_CHECK(tsdb_cells_decode(bytes, column->type, column->words, column->states, &has_states, block->nrows, &batch->arena, &mem),
			   verification->rel, "Column %d of block %u does not decode.", column->attnum, block->block_id);
	batch->arena.mem = NULL;
	for (uint32 i = 0; has_states && i < block->nrows; i++)
		if (column->states[i] > TSDB_CELL_NULL)
		{
			tsdb_verify_problem(verification, "row %u of column %d of block %u is absent", i, column->attnum, block->block_id);
			break;
		}
	if (!has_states)
		column->states = NULL;
}

/* The stored summary of a block and its quarters against its rows. */
static void
verify_summary(Check *check, const TsdbBlock *block, int column_no, const TsdbBatch *batch)
{
	TsdbType type = check->segment->columns[column_no].type;
	TsdbSummary *stored = &check->summaries[column_no][check->next_summary[column_no]++];
	TsdbSummary *total = &check->group_totals[column_no];

	if (!matches_rows(check, stored, column_no, TSDB_SUBS_WHOLE, batch, 0, batch->nrows))
		tsdb_verify_problem(check->verification, "the summary of column %d of block %u is not that of its rows",
							check->segment->columns[column_no].attnum, block->block_id);
	if (total->nrows == 0)
		*total = *stored;
	else
		tsdb_summary_merge(total, stored, type);
	for (int k = 0; k < TSDB_SUB_KINDS; k++)
		if (has_subs(check, block, column_no, k))
			verify_subs(check, block, column_no, k, batch);
}

static void
verify_subs(Check *check, const TsdbBlock *block, int column_no, TsdbSubKind kind, const TsdbBatch *batch)
{
	int64 span_us = check->columns[column_no].subs[kind].span_us;
	StoredSubs *subs = &check->subs[column_no][kind];
	uint32 from = 0;

	while (from < batch->nrows)
	{
		uint32 end = from + 1;
		const TsdbSummary *stored;
		int64 start_us;

		if (subs->next >= subs->n || !tsdb_grid_floor(batch->times[from], span_us, &start_us))
		{
			tsdb_verify_problem(check->verification, "column %d of block %u lacks sub-summaries",
								check->segment->columns[column_no].attnum, block->block_id);
			return;
		}
		while (end < batch->nrows && batch->times[end] - start_us < span_us)
			end++;
		stored = &subs->list[subs->next++];
		if (!matches_rows(check, stored, column_no, kind, batch, from, end - from))
			tsdb_verify_problem(check->verification, "a sub-summary of column %d of block %u is not that of its rows",
								check->segment->columns[column_no].attnum, block->block_id);
		from = end;
	}
}

/* Fine ones may be left out, for all of a block. */
static bool
has_subs(const Check *check, const TsdbBlock *block, int column_no, TsdbSubKind kind)
{
	const StoredSubs *subs = &check->subs[column_no][kind];

	if (kind == TSDB_SUBS_WHOLE)
		return subs->n > 0;
	return subs->next < subs->n && subs->list[subs->next].first_row_time <= block->last_time;
}

/* Is a summary that of these rows?  Not to be told when the quality column that it was made with is gone. */
static bool
matches_rows(Check *check, const TsdbSummary *stored, int column_no, TsdbSubKind kind, const TsdbBatch *batch,
			 uint32 from, uint32 nrows)
{
	const TsdbSegment *segment = check->segment;
	const TsdbColumn *column = &batch->columns[column_no];
	int16 quality_attnum = segment->columns[column_no].quality_attnum;
	const TsdbColumn *quality = quality_attnum > 0 ? tsdb_batch_column(batch, quality_attnum) : NULL;
	TsdbSummary computed;

	if (quality_attnum > 0 && quality == NULL)
		return true;
	tsdb_summary_compute(&computed, column->type, nrows, batch->times + from, column->words + from,
						 column->states ? column->states + from : NULL,
						 quality ? quality->words + from : NULL,
						 quality && quality->states ? quality->states + from : NULL, stored->sequence);
	if (kind != TSDB_SUBS_WHOLE)
		return matches_reduced(stored, &computed, column->type, kind);
	return same_summary(column->type, stored, &computed, segment->from_us);
}

/* Sums may be kept in units of more decimals. */
static bool
matches_reduced(const TsdbSummary *stored, TsdbSummary *computed, TsdbType type, TsdbSubKind kind)
{
	TsdbSummary pair[2];

	if (!tsdb_subs_can_reduce(computed, type, kind))
		return false;
	tsdb_subs_reduce(computed, kind);
	pair[0] = *stored;
	pair[1] = *computed;
	return tsdb_subs_align(pair, 2) && pair[0].decimals == stored->decimals && pair[0].nrows == pair[1].nrows &&
		   pair[0].nvalues == pair[1].nvalues && pair[0].first_row_time == pair[1].first_row_time &&
		   pair[0].last_row_time == pair[1].last_row_time && pair[0].int_sum_lo == pair[1].int_sum_lo &&
		   pair[0].min == pair[1].min && pair[0].max == pair[1].max;
}

/* The group's summaries in the root against those of its blocks. */
static void
check_group_totals(Check *check)
{
	const TsdbSegment *segment = check->segment;

	for (int c = 0; c < segment->ncolumns; c++)
	{
		TsdbType type = segment->columns[c].type;
		const TsdbSummary *stored = &check->root[c][segment->ngroups == 1 ? 0 : check->group_no + 1];
		TsdbSummary *total = &check->totals[c];

		for (int k = 0; k < TSDB_SUB_KINDS; k++)
			if (check->subs[c][k].next != check->subs[c][k].n)
				tsdb_verify_problem(check->verification, "column %d of group %u has %u sub-summaries of no block",
									segment->columns[c].attnum, check->group_no, check->subs[c][k].n - check->subs[c][k].next);
		if (!same_summary(type, stored, &check->group_totals[c], segment->from_us))
			tsdb_verify_problem(check->verification, "the summary of column %d of group %u is not that of its blocks",
								segment->columns[c].attnum, check->group_no);
		if (stored->nrows == 0)
			continue;
		if (total->nrows == 0)
			*total = *stored;
		else
			tsdb_summary_merge(total, stored, type);
	}
}

/* Compared as coded: members without meaning do not count. */
static bool
same_summary(TsdbType type, const TsdbSummary *a, const TsdbSummary *b, int64 base_us)
{
	MemoryContext work = AllocSetContextCreate(CurrentMemoryContext, "tsdb summary", ALLOCSET_SMALL_SIZES);
	TsdbMem mem = tsdb_mem_context(work);
	TsdbBytes left;
	TsdbBytes right;
	bool same;

	tsdb_bytes_init(&left, &mem);
	tsdb_bytes_init(&right, &mem);
	tsdb_summaries_encode(&left, type, a, 1, base_us, &mem);
	tsdb_summaries_encode(&right, type, b, 1, base_us, &mem);
	same = left.len == right.len && memcmp(left.data, right.data, left.len) == 0;
	MemoryContextDelete(work);
	return same;
}
