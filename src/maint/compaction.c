/*-------------------------------------------------------------------------
 *
 * compaction.c
 *	  What a compaction notes of the segments that its steps write.
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "maint/compaction.h"
#include "utils/memutils.h"

static void add_key(TsdbSegmentKeys *list, TsdbSegmentKey key, MemoryContext context);

void
tsdb_compaction_wrote(TsdbCompaction *compaction, TsdbSegmentKey key, uint64 nrows, uint64 nrows_before)
{
	compaction->rows_added += (double) nrows - (double) nrows_before;
	add_key(&compaction->touched, key, compaction->context);
	if (nrows == 0)
		add_key(&compaction->emptied, key, compaction->context);
}

// private functions

static void
add_key(TsdbSegmentKeys *list, TsdbSegmentKey key, MemoryContext context)
{
	if (list->n == list->capacity)
	{
		list->capacity = Max(list->capacity * 2, 64);
		if (list->keys == NULL)
			list->keys = MemoryContextAlloc(context, sizeof(TsdbSegmentKey) * list->capacity);
		else
			list->keys = repalloc_huge(list->keys, sizeof(TsdbSegmentKey) * list->capacity);
	}
	list->keys[list->n++] = key;
}
