/*-------------------------------------------------------------------------
 *
 * prune.c
 *	  Blocks of an open segment that no row of can pass a filter, by their summaries.
 *
 * The whole segment is asked first, then its groups, then the block: the higher the answer
 * is found, the less has to be loaded.  Summaries are decoded once per segment and group and column.
 */
#include "postgres.h"

#include "pg/check.h"
#include "read/prune.h"
#include "utils/memutils.h"

struct TsdbPruner
{
	Relation rel;
	const TsdbWanted *wanted;
	int nwanted;
	MemoryContext segment_context;
	MemoryContext group_context;
	TsdbSummary **roots; /* per wanted column, NULL: not decoded */
	TsdbSummary **blocks; /* per wanted column: one per block that stores cells */
};

/* What tsdb_pruner_find was asked about. */
typedef struct Question
{
	TsdbPruner *pruner;
	const TsdbFilterTerm *terms;
	int nterms;
	const TsdbSegment *segment;
	uint32 group_no;
	const TsdbGroupBase *base;
	const TsdbGroupColumn *columns;
	const bool *stored;
} Question;

static bool is_root_barren(Question *question, uint32 summary_no, uint64 nrows);
static const TsdbSummary *root_summaries(Question *question, int c);
static bool is_block_barren(Question *question, uint32 block_index);
static const TsdbSummary *block_summary(Question *question, int c, uint32 block_index, TsdbSummary *missing);
static const TsdbSummary *block_summaries(Question *question, int c);
static int wanted_index(const TsdbPruner *pruner, int16 attnum);
static void widen(Question *question, uint32 block_index, ScanDirection direction, TsdbBarren *barren);

TsdbPruner *
tsdb_pruner_create(Relation rel, const TsdbWanted *wanted, int nwanted)
{
	TsdbPruner *pruner = palloc0(sizeof(TsdbPruner));

	pruner->rel = rel;
	pruner->wanted = wanted;
	pruner->nwanted = nwanted;
	pruner->segment_context = AllocSetContextCreate(CurrentMemoryContext, "tsdb segment summaries", ALLOCSET_DEFAULT_SIZES);
	pruner->group_context = AllocSetContextCreate(CurrentMemoryContext, "tsdb group summaries", ALLOCSET_DEFAULT_SIZES);
	pruner->roots = palloc0(sizeof(TsdbSummary *) * (nwanted + 1));
	pruner->blocks = palloc0(sizeof(TsdbSummary *) * (nwanted + 1));
	return pruner;
}

void
tsdb_pruner_forget_segment(TsdbPruner *pruner)
{
	MemoryContextReset(pruner->segment_context);
	memset(pruner->roots, 0, sizeof(TsdbSummary *) * pruner->nwanted);
	tsdb_pruner_forget_group(pruner);
}

void
tsdb_pruner_forget_group(TsdbPruner *pruner)
{
	MemoryContextReset(pruner->group_context);
	memset(pruner->blocks, 0, sizeof(TsdbSummary *) * pruner->nwanted);
}

bool
tsdb_pruner_find(TsdbPruner *pruner, const TsdbFilterTerm *terms, int nterms, const TsdbSegment *segment,
				 uint32 group_no, const TsdbGroupBase *base, const TsdbGroupColumn *columns,
				 const bool *stored, uint32 block_index, ScanDirection direction, TsdbBarren *barren)
{
	Question question = {pruner, terms, nterms, segment, group_no, base, columns, stored};
	const TsdbSegmentGroup *group = &segment->groups[group_no];

	if (is_root_barren(&question, 0, segment->nrows))
	{
		barren->from_us = segment->from_us;
		barren->until_us = segment->until_us;
	}
	else if (is_root_barren(&question, tsdb_segment_group_summary(segment, group_no), group->nrows))
	{
		barren->from_us = group->from_us;
		barren->until_us = group->until_us;
	}
	else if (is_block_barren(&question, block_index))
	{
		barren->from_us = base->blocks[block_index].from_us;
		barren->until_us = base->blocks[block_index].until_us;
		barren->nblocks = 1;
		return true;
	}
	else
		return false;
	widen(&question, block_index, direction, barren);
	return true;
}

// private functions

/* Does a summary of the root, of nrows rows, say that no row passes? */
static bool
is_root_barren(Question *question, uint32 summary_no, uint64 nrows)
{
	for (int i = 0; i < question->nterms; i++)
	{
		int c = wanted_index(question->pruner, question->terms[i].attnum);
		const TsdbSummary *summaries = c >= 0 ? root_summaries(question, c) : NULL;

		/* Rows written before the column existed are not in its summary. */
		if (summaries != NULL && summaries[summary_no].nrows == nrows &&
			tsdb_filter_judge(&question->terms[i], &summaries[summary_no]) == TSDB_FILTER_NONE)
			return true;
	}
	return false;
}

/* NULL: the segment does not hold the column. */
static const TsdbSummary *
root_summaries(Question *question, int c)
{
	TsdbPruner *pruner = question->pruner;
	const TsdbSegment *segment = question->segment;
	uint32 n = tsdb_segment_nsummaries(segment);
	TsdbMem mem = tsdb_mem_context(pruner->segment_context);

	for (int i = 0; i < segment->ncolumns && pruner->roots[c] == NULL; i++)
	{
		const TsdbSegmentColumn *column = &segment->columns[i];
		TsdbSummary *summaries;

		if (column->attnum != pruner->wanted[c].attnum)
			continue;
		summaries = MemoryContextAllocHuge(pruner->segment_context, sizeof(TsdbSummary) * Max(n, 1));
		TSDB_CHECK(tsdb_summaries_decode(column->summaries, (TsdbType) column->type, summaries, n, segment->from_us,
										 TSDB_FILTER_FIELDS, &mem),
				   pruner->rel, "The summaries of column %d of series %u, segment %d, do not decode.",
				   column->attnum, segment->series, segment->segment_no);
		pruner->roots[c] = summaries;
	}
	return pruner->roots[c];
}

static bool
is_block_barren(Question *question, uint32 block_index)
{
	for (int i = 0; i < question->nterms; i++)
	{
		int c = wanted_index(question->pruner, question->terms[i].attnum);
		TsdbSummary missing;

		if (c >= 0 && tsdb_filter_judge(&question->terms[i], block_summary(question, c, block_index, &missing)) == TSDB_FILTER_NONE)
			return true;
	}
	return false;
}

/* The summary of a block's column; NULL when there is none. */
static const TsdbSummary *
block_summary(Question *question, int c, uint32 block_index, TsdbSummary *missing)
{
	const TsdbGroupColumn *column = &question->columns[c];
	const TsdbWanted *wanted = &question->pruner->wanted[c];
	uint32 n = 0;

	if (!question->stored[c] || column->cells[block_index].nbytes == 0)
	{
		/* Written before the column existed: every row has the same cell. */
		if (wanted->type == TSDB_TYPE_TEXT && wanted->missing_state == TSDB_CELL_VALUE)
			return NULL;
		tsdb_summary_init(missing);
		missing->nrows = question->base->blocks[block_index].nrows;
		missing->nvalues = wanted->missing_state == TSDB_CELL_VALUE ? missing->nrows : 0;
		missing->min = missing->max = wanted->missing_word;
		return missing;
	}
	if (column->nsummaries == 0)
		return NULL; /* the only block of its group, which has been asked */
	for (uint32 i = 0; i < block_index; i++)
		n += column->cells[i].nbytes != 0;
	return &block_summaries(question, c)[n];
}

static const TsdbSummary *
block_summaries(Question *question, int c)
{
	TsdbPruner *pruner = question->pruner;
	const TsdbGroupColumn *column = &question->columns[c];
	const TsdbSegment *segment = question->segment;
	TsdbMem mem = tsdb_mem_context(pruner->group_context);

	if (pruner->blocks[c] == NULL)
	{
		TsdbSummary *summaries = MemoryContextAllocHuge(pruner->group_context, sizeof(TsdbSummary) * column->nsummaries);

		TSDB_CHECK(tsdb_summaries_decode(column->summaries, (TsdbType) pruner->wanted[c].type, summaries, column->nsummaries,
										 segment->groups[question->group_no].from_us, TSDB_FILTER_FIELDS, &mem),
				   pruner->rel, "The summaries of column %d in group %u of series %u, segment %d, do not decode.",
				   pruner->wanted[c].attnum, question->group_no, segment->series, segment->segment_no);
		pruner->blocks[c] = summaries;
	}
	return pruner->blocks[c];
}

/* Index of a column among the wanted ones, -1 = not there. */
static int
wanted_index(const TsdbPruner *pruner, int16 attnum)
{
	for (int c = 0; c < pruner->nwanted; c++)
		if (pruner->wanted[c].attnum == attnum)
			return c;
	return -1;
}

/* Add neighbouring groups that are barren too, and count blocks from the given one on. */
static void
widen(Question *question, uint32 block_index, ScanDirection direction, TsdbBarren *barren)
{
	const TsdbSegment *segment = question->segment;
	bool is_backward = ScanDirectionIsBackward(direction);
	int64 step = is_backward ? -1 : 1;

	barren->nblocks = is_backward ? block_index + 1 : question->base->nblocks - block_index;
	for (int64 i = (int64) question->group_no + step; i >= 0 && i < segment->ngroups; i += step)
	{
		const TsdbSegmentGroup *group = &segment->groups[i];
		bool is_inside = barren->from_us <= group->from_us && group->until_us <= barren->until_us;

		if (!is_inside && !is_root_barren(question, tsdb_segment_group_summary(segment, (uint32) i), group->nrows))
			break;
		barren->nblocks += group->nblocks;
		barren->from_us = Min(barren->from_us, group->from_us);
		barren->until_us = Max(barren->until_us, group->until_us);
	}
}
