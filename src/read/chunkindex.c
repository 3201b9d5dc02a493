/*-------------------------------------------------------------------------
 *
 * chunkindex.c
 *	  Which run chunks hold keys of a range, among any number of runs.
 *
 * The tree is implicit: leaf i is entry i, node (level l, number j) covers the
 * entries j * 2^l .. (j + 1) * 2^l - 1 and holds the greatest last key of them.
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "read/chunkindex.h"
#include "utils/memutils.h"

#define MAX_LEVELS 33

struct TsdbChunkIndex
{
	uint32 n;
	TsdbChunkEntry *entries; /* by first key */
	TsdbKey *lasts; /* last keys, ascending */
	int nlevels;
	TsdbKey *levels[MAX_LEVELS]; /* levels[0] unused: the entries themselves */
	const TsdbChunkEntry **answer;
	uint32 answer_capacity;
	uint32 nanswer;
};

static int compare_entries(const void *a, const void *b);
static int compare_keys(const void *a, const void *b);
static void build_levels(TsdbChunkIndex *index);
static uint32 count_first_below(const TsdbChunkIndex *index, TsdbKey key, bool inclusive);
static void collect(TsdbChunkIndex *index, int level, uint32 node, uint32 until, TsdbKey lo);
static TsdbKey greatest_last(const TsdbChunkIndex *index, int level, uint32 node);

TsdbChunkIndex *
tsdb_chunkindex_create(const TsdbStoredRun *runs, uint32 nruns, int64 from, int64 until)
{
	TsdbChunkIndex *index = palloc0(sizeof(TsdbChunkIndex));
	Size n = 0;

	for (uint32 i = 0; i < nruns; i++)
		n += runs[i].run.nchunks;
	index->entries = MemoryContextAllocHuge(CurrentMemoryContext, sizeof(TsdbChunkEntry) * (n + 1));
	for (uint32 i = 0; i < nruns; i++)
	{
		const TsdbRun *run = &runs[i].run;

		if (run->max_time < from || run->min_time >= until)
			continue;
		for (uint32 c = 0; c < run->nchunks; c++)
		{
			TsdbChunkEntry *entry = &index->entries[index->n++];

			entry->first = run->chunks[c].first;
			entry->last = run->chunks[c].last;
			entry->run = i;
			entry->chunk_no = c;
		}
	}
	qsort(index->entries, index->n, sizeof(TsdbChunkEntry), compare_entries);
	index->lasts = MemoryContextAllocHuge(CurrentMemoryContext, sizeof(TsdbKey) * ((Size) index->n + 1));
	for (uint32 i = 0; i < index->n; i++)
		index->lasts[i] = index->entries[i].last;
	qsort(index->lasts, index->n, sizeof(TsdbKey), compare_keys);
	build_levels(index);
	return index;
}

void
tsdb_chunkindex_free(TsdbChunkIndex *index)
{
	for (int level = 1; level < index->nlevels; level++)
		pfree(index->levels[level]);
	if (index->answer != NULL)
		pfree(index->answer);
	pfree(index->lasts);
	pfree(index->entries);
	pfree(index);
}

uint32
tsdb_chunkindex_overlapping(TsdbChunkIndex *index, TsdbKey lo, TsdbKey hi, const TsdbChunkEntry ***entries)
{
	index->nanswer = 0;
	if (index->n > 0)
		collect(index, index->nlevels - 1, 0, count_first_below(index, hi, false), lo);
	*entries = index->answer;
	return index->nanswer;
}

bool
tsdb_chunkindex_first_after(TsdbChunkIndex *index, TsdbKey key, TsdbKey *found)
{
	uint32 i = count_first_below(index, key, true);

	if (i == index->n)
		return false;
	*found = index->entries[i].first;
	return true;
}

bool
tsdb_chunkindex_first_upto(TsdbChunkIndex *index, TsdbKey key, TsdbKey *found)
{
	uint32 i = count_first_below(index, key, true);

	if (i == 0)
		return false;
	*found = index->entries[i - 1].first;
	return true;
}

bool
tsdb_chunkindex_last_before(TsdbChunkIndex *index, TsdbKey key, TsdbKey *found)
{
	uint32 low = 0;
	uint32 high = index->n;

	while (low < high)
	{
		uint32 middle = low + (high - low) / 2;

		if (tsdb_key_compare(index->lasts[middle], key) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	if (low == 0)
		return false;
	*found = index->lasts[low - 1];
	return true;
}

// private functions

static int
compare_entries(const void *a, const void *b)
{
	const TsdbChunkEntry *left = a;
	const TsdbChunkEntry *right = b;
	int order = tsdb_key_compare(left->first, right->first);

	if (order != 0)
		return order;
	if (left->run != right->run)
		return left->run < right->run ? -1 : 1;
	return left->chunk_no < right->chunk_no ? -1 : left->chunk_no > right->chunk_no;
}

static int
compare_keys(const void *a, const void *b)
{
	return tsdb_key_compare(*(const TsdbKey *) a, *(const TsdbKey *) b);
}

static void
build_levels(TsdbChunkIndex *index)
{
	uint32 width = index->n;

	index->nlevels = 1;
	while (width > 1)
	{
		int level = index->nlevels++;
		uint32 nodes = width / 2 + width % 2;

		index->levels[level] = MemoryContextAllocHuge(CurrentMemoryContext, sizeof(TsdbKey) * nodes);
		for (uint32 j = 0; j < nodes; j++)
		{
			TsdbKey left = greatest_last(index, level - 1, 2 * j);
			TsdbKey right = 2 * j + 1 < width ? greatest_last(index, level - 1, 2 * j + 1) : left;

			index->levels[level][j] = tsdb_key_compare(left, right) < 0 ? right : left;
		}
		width = nodes;
	}
}

/* Number of entries whose first key is below key, or at it. */
static uint32
count_first_below(const TsdbChunkIndex *index, TsdbKey key, bool inclusive)
{
	uint32 low = 0;
	uint32 high = index->n;

	while (low < high)
	{
		uint32 middle = low + (high - low) / 2;

		if (tsdb_key_compare(index->entries[middle].first, key) < (inclusive ? 1 : 0))
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* Add the entries below a node, of those before `until`, that end at or after lo. */
static void
collect(TsdbChunkIndex *index, int level, uint32 node, uint32 until, TsdbKey lo)
{
	uint64 from = (uint64) node << level;

	if (from >= until || tsdb_key_compare(greatest_last(index, level, node), lo) < 0)
		return;
	if (level > 0)
	{
		collect(index, level - 1, 2 * node, until, lo);
		if (((uint64) (2 * node + 1) << (level - 1)) < index->n)
			collect(index, level - 1, 2 * node + 1, until, lo);
		return;
	}
	if (index->nanswer == index->answer_capacity)
	{
		index->answer_capacity = Max(16, index->answer_capacity * 2);
		if (index->answer == NULL)
			index->answer = MemoryContextAlloc(GetMemoryChunkContext(index),
											   sizeof(TsdbChunkEntry *) * index->answer_capacity);
		else
			index->answer = repalloc_huge(index->answer, sizeof(TsdbChunkEntry *) * index->answer_capacity);
	}
	index->answer[index->nanswer++] = &index->entries[node];
}

static TsdbKey
greatest_last(const TsdbChunkIndex *index, int level, uint32 node)
{
	return level == 0 ? index->entries[node].last : index->levels[level][node];
}
