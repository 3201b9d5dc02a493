/*-------------------------------------------------------------------------
 *
 * segload.c
 *	  Groups and blocks of a segment, with all their columns, as compaction needs them.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "format/block.h"
#include "maint/segload.h"
#include "miscadmin.h"
#include "pg/check.h"

static void load_part(TsdbCompaction *compaction, const TsdbSegment *segment, uint32 group_no, TsdbLoadedGroup *part);
static void join_columns(TsdbLoadedGroup *loaded, int ncolumns);
static void load_counts(TsdbCompaction *compaction, const TsdbSegment *segment, int column_no, TsdbSummary *whole);
static void load_cells(TsdbCompaction *compaction, const TsdbSegment *segment, const TsdbBlock *block,
					   TsdbChunkRef cells, const TsdbWanted *wanted, TsdbBatch *batch, TsdbColumn *column);
static void fill_missing(TsdbBatch *batch, TsdbColumn *column, const TsdbWanted *wanted);

void
tsdb_segload_group(TsdbCompaction *compaction, const TsdbSegment *segment, uint32 group_no, uint32 ngroups,
				   TsdbLoadedGroup *loaded)
{
	uint32 nblocks = 0;

	memset(loaded, 0, sizeof(TsdbLoadedGroup));
	loaded->group_no = group_no;
	loaded->ngroups = ngroups;
	loaded->parts = palloc0_array(TsdbLoadedGroup, ngroups);
	for (uint32 p = 0; p < ngroups; p++)
	{
		CHECK_FOR_INTERRUPTS();
		load_part(compaction, segment, group_no + p, &loaded->parts[p]);
		nblocks += loaded->parts[p].base.nblocks;
	}
	loaded->base = loaded->parts[0].base;
	loaded->has_column = loaded->parts[0].has_column;
	loaded->columns = loaded->parts[0].columns;
	if (ngroups == 1)
		return;

	loaded->base.nblocks = 0;
	loaded->base.blocks = palloc_array(TsdbBlock, nblocks);
	loaded->base.columns = NULL;
	for (uint32 p = 0; p < ngroups; p++)
	{
		const TsdbGroupBase *base = &loaded->parts[p].base;

		memcpy(loaded->base.blocks + loaded->base.nblocks, base->blocks, sizeof(TsdbBlock) * base->nblocks);
		loaded->base.nblocks += base->nblocks;
	}
	join_columns(loaded, segment->ncolumns);
}

bool
tsdb_segload_is_uniform(const TsdbLoadedGroup *loaded, int ncolumns)
{
	for (uint32 p = 0; p < loaded->ngroups; p++)
		for (int c = 0; c < ncolumns; c++)
			if (loaded->parts[p].has_column[c] && loaded->parts[p].columns[c].subs[TSDB_SUBS_WHOLE].span_us != loaded->columns[c].subs[TSDB_SUBS_WHOLE].span_us)
				return false;
	return true;
}

void
tsdb_segload_block(TsdbCompaction *compaction, const TsdbSegment *segment, const TsdbLoadedGroup *loaded,
				   uint32 block_index, TsdbBatch *batch)
{
	const TsdbTable *table = &compaction->table;
	const TsdbBlock *block = &loaded->base.blocks[block_index];

	memset(batch, 0, sizeof(TsdbBatch));
	batch->nrows = block->nrows;
	batch->series_id = segment->series;
	batch->times = palloc_array(int64, block->nrows);
	tsdb_segstore_block_times(compaction->store, compaction->rel, compaction->snapshot, segment, block, batch->times);
	batch->ncolumns = table->nvalues;
	batch->columns = palloc0_array(TsdbColumn, table->nvalues + 1);
	for (int v = 0; v < table->nvalues; v++)
	{
		int c = tsdb_segload_column(compaction, segment, &table->values[v]);
		TsdbChunkRef cells = {0, 0};

		if (c >= 0 && loaded->has_column[c])
			cells = loaded->columns[c].cells[block_index];
		load_cells(compaction, segment, block, cells, &table->values[v], batch, &batch->columns[v]);
	}
}

int
tsdb_segload_column(TsdbCompaction *compaction, const TsdbSegment *segment, const TsdbWanted *wanted)
{
	for (int c = 0; c < segment->ncolumns; c++)
		if (segment->columns[c].attnum == wanted->attnum)
		{
			if (segment->columns[c].type != wanted->type)
				TSDB_CHECK(TSDB_CORRUPT, compaction->rel, "Column %d of series %u, segment %d, has type %d instead of %d.",
						   wanted->attnum, segment->series, segment->segment_no,
						   segment->columns[c].type, wanted->type);
			return c;
		}
	return -1;
}

bool
tsdb_segload_extent(TsdbCompaction *compaction, const TsdbSegment *segment, int64 *first_us, int64 *last_us)
{
	TsdbSummary whole;

	if (segment->ngroups == 0)
		return false;
	*first_us = segment->groups[0].from_us;
	*last_us = segment->groups[segment->ngroups - 1].until_us - 1;
	if (segment->ncolumns == 0)
		return true;
	load_counts(compaction, segment, 0, &whole);
	if (whole.nrows == segment->nrows)
	{
		*first_us = whole.first_row_time;
		*last_us = whole.last_row_time;
	}
	return true;
}

bool
tsdb_segload_lacks_values(TsdbCompaction *compaction, const TsdbSegment *segment)
{
	const TsdbTable *table = &compaction->table;

	for (int v = 0; v < table->nvalues && segment->nrows > 0; v++)
	{
		int c = tsdb_segload_column(compaction, segment, &table->values[v]);
		TsdbSummary whole;

		if (table->values[v].missing_state != TSDB_CELL_VALUE)
			continue;
		if (c < 0)
			return true;
		load_counts(compaction, segment, c, &whole);
		if (whole.nrows < segment->nrows)
			return true;
	}
	return false;
}

bool
tsdb_segload_has_other_quality(const TsdbCompaction *compaction, const TsdbSegment *segment)
{
	const TsdbTable *table = &compaction->table;

	for (int i = 0; i < segment->ncolumns; i++)
	{
		int16 attnum = segment->columns[i].attnum;

		if (attnum <= table->natts && table->columns[attnum - 1].role == TSDB_ROLE_VALUE &&
			table->columns[attnum - 1].quality_attnum != segment->columns[i].quality_attnum)
			return true;
	}
	return false;
}

// private functions

static void
load_part(TsdbCompaction *compaction, const TsdbSegment *segment, uint32 group_no, TsdbLoadedGroup *part)
{
	part->group_no = group_no;
	part->ngroups = 1;
	tsdb_segstore_group(compaction->store, compaction->rel, compaction->snapshot, segment, group_no, &part->base);
	part->has_column = palloc0_array(bool, segment->ncolumns + 1);
	part->columns = palloc0_array(TsdbGroupColumn, segment->ncolumns + 1);
	for (int c = 0; c < segment->ncolumns; c++)
		part->has_column[c] = tsdb_segstore_groupcolumn(compaction->store, compaction->rel, compaction->snapshot,
														segment, &part->base, c, &part->columns[c]);
}

/* Cells of the blocks of all groups. */
static void
join_columns(TsdbLoadedGroup *loaded, int ncolumns)
{
	loaded->has_column = palloc0_array(bool, ncolumns + 1);
	loaded->columns = palloc0_array(TsdbGroupColumn, ncolumns + 1);
	for (int c = 0; c < ncolumns; c++)
	{
		TsdbChunkRef *cells = palloc0_array(TsdbChunkRef, loaded->base.nblocks);

		loaded->columns[c].cells = cells;
		for (uint32 p = 0; p < loaded->ngroups; p++)
		{
			const TsdbLoadedGroup *part = &loaded->parts[p];

			if (part->has_column[c])
			{
				memcpy(cells, part->columns[c].cells, sizeof(TsdbChunkRef) * part->base.nblocks);
				loaded->columns[c].subs[TSDB_SUBS_WHOLE].span_us = part->columns[c].subs[TSDB_SUBS_WHOLE].span_us;
				loaded->has_column[c] = true;
			}
			cells += part->base.nblocks;
		}
	}
}

/* Rows of a column, of the whole segment. */
static void
load_counts(TsdbCompaction *compaction, const TsdbSegment *segment, int column_no, TsdbSummary *whole)
{
	const TsdbSegmentColumn *column = &segment->columns[column_no];
	TsdbMem mem = tsdb_mem_context(CurrentMemoryContext);
	uint32 nsummaries = tsdb_segment_nsummaries(segment);
	TsdbSummary *summaries = palloc_array(TsdbSummary, nsummaries);

	TSDB_CHECK(tsdb_summaries_decode(column->summaries, column->type, summaries, nsummaries, segment->from_us,
									 TSDB_SUMMARY_COUNTS, &mem),
			   compaction->rel, "The summaries of series %u, segment %d, do not decode.",
			   segment->series, segment->segment_no);
	*whole = summaries[0];
	pfree(summaries);
}

static void
load_cells(TsdbCompaction *compaction, const TsdbSegment *segment, const TsdbBlock *block,
		   TsdbChunkRef cells, const TsdbWanted *wanted, TsdbBatch *batch, TsdbColumn *column)
{
	TsdbMem mem = tsdb_mem_context(CurrentMemoryContext);
	bool has_states = false;
	TsdbSpan bytes;

	column->attnum = wanted->attnum;
	column->type = wanted->type;
	column->words = palloc_array(uint64, batch->nrows);
	column->states = palloc_array(uint8, batch->nrows);
	batch->arena.mem = &mem;
	if (cells.nbytes == 0)
		fill_missing(batch, column, wanted);
	else
	{
		bytes = tsdb_segstore_chunk(compaction->store, compaction->rel, compaction->snapshot, segment, cells);
		TSDB_CHECK(tsdb_cells_decode(bytes, wanted->type, column->words, column->states, &has_states, batch->nrows,
									 &batch->arena, &mem),
				   compaction->rel, "Column %d of block %u of series %u, segment %d, does not decode.",
				   wanted->attnum, block->block_id, segment->series, segment->segment_no);
		if (!has_states)
			column->states = NULL;
	}
	batch->arena.mem = NULL;
}

/* The rows were written before the column existed. */
static void
fill_missing(TsdbBatch *batch, TsdbColumn *column, const TsdbWanted *wanted)
{
	uint64 word = wanted->missing_word;

	if (wanted->missing_state != TSDB_CELL_VALUE)
	{
		memset(column->states, TSDB_CELL_NULL, batch->nrows);
		return;
	}
	if (wanted->type == TSDB_TYPE_TEXT)
	{
		static const uint8 padding[4] = {0};
		uint32 nbytes;

		memcpy(&nbytes, wanted->missing_text, sizeof(nbytes));
		word = batch->arena.len;
		tsdb_bytes_append(&batch->arena, wanted->missing_text, sizeof(nbytes) + nbytes);
		tsdb_bytes_append(&batch->arena, padding, (4 - batch->arena.len % 4) % 4);
	}
	for (uint32 i = 0; i < batch->nrows; i++)
		column->words[i] = word;
	column->states = NULL;
}
