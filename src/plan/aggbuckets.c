/*-------------------------------------------------------------------------
 *
 * aggbuckets.c
 *	  Memory of the buckets seen, so that their keys are computed once and not once per series.
 *
 * Buckets of a series come in order, and mostly those that the series before had.  So they are kept in an ascending
 * array with a cursor; only buckets that don't fit at its end go to a hash table.
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "common/hashfn.h"
#include "plan/aggbuckets.h"
#include "utils/memutils.h"

#define FIRST_CAPACITY 256

typedef struct SeenBucket
{
	int64 from;
	uint32 id;
	char status;
} SeenBucket;

#define SH_PREFIX seenmap
#define SH_ELEMENT_TYPE SeenBucket
#define SH_KEY_TYPE int64
#define SH_KEY from
#define SH_HASH_KEY(tb, key) murmurhash32((uint32) (key) ^ (uint32) ((uint64) (key) >> 32))
#define SH_EQUAL(tb, a, b) ((a) == (b))
#define SH_SCOPE static inline
#define SH_DEFINE
#define SH_DECLARE
#include "lib/simplehash.h"

struct TsdbAggBuckets
{
	MemoryContext context;
	uint32 n;
	uint32 capacity;
	SeenBucket *ascending; /* n of them */
	uint32 cursor; /* where the next one is expected */
	seenmap_hash *others; /* NULL: none */
};

static bool search(TsdbAggBuckets *buckets, int64 from, uint32 *id);

TsdbAggBuckets *
tsdb_aggbuckets_create(void)
{
	TsdbAggBuckets *buckets = palloc0(sizeof(TsdbAggBuckets));

	buckets->context = AllocSetContextCreate(CurrentMemoryContext, "tsdb buckets seen", ALLOCSET_DEFAULT_SIZES);
	return buckets;
}

void
tsdb_aggbuckets_reset(TsdbAggBuckets *buckets)
{
	MemoryContextReset(buckets->context);
	buckets->n = 0;
	buckets->capacity = 0;
	buckets->ascending = NULL;
	buckets->cursor = 0;
	buckets->others = NULL;
}

bool
tsdb_aggbuckets_find(TsdbAggBuckets *buckets, int64 from, uint32 *id)
{
	if (buckets->cursor < buckets->n && buckets->ascending[buckets->cursor].from == from)
	{
		*id = buckets->ascending[buckets->cursor++].id;
		return true;
	}
	if (buckets->n == 0 || from > buckets->ascending[buckets->n - 1].from)
		return false;
	return search(buckets, from, id);
}

void
tsdb_aggbuckets_store(TsdbAggBuckets *buckets, int64 from, uint32 id)
{
	bool found;

	if (buckets->n > 0 && from < buckets->ascending[buckets->n - 1].from)
	{
		if (buckets->others == NULL)
			buckets->others = seenmap_create(buckets->context, FIRST_CAPACITY, NULL);
		seenmap_insert(buckets->others, from, &found)->id = id;
		return;
	}
	if (buckets->n == buckets->capacity)
	{
		SeenBucket *grown;

		buckets->capacity = Max(buckets->capacity * 2, FIRST_CAPACITY);
		grown = MemoryContextAllocHuge(buckets->context, sizeof(SeenBucket) * buckets->capacity);
		if (buckets->n > 0)
		{
			memcpy(grown, buckets->ascending, sizeof(SeenBucket) * buckets->n);
			pfree(buckets->ascending);
		}
		buckets->ascending = grown;
	}
	buckets->ascending[buckets->n].from = from;
	buckets->ascending[buckets->n].id = id;
	buckets->n++;
	buckets->cursor = buckets->n;
}

// private functions

static bool
search(TsdbAggBuckets *buckets, int64 from, uint32 *id)
{
	uint32 low = 0;
	uint32 high = buckets->n;
	SeenBucket *other;

	while (low < high)
	{
		uint32 middle = low + (high - low) / 2;

		if (buckets->ascending[middle].from < from)
			low = middle + 1;
		else
			high = middle;
	}
	if (low < buckets->n && buckets->ascending[low].from == from)
	{
		*id = buckets->ascending[low].id;
		buckets->cursor = low + 1;
		return true;
	}
	other = buckets->others ? seenmap_lookup(buckets->others, from) : NULL;
	if (other != NULL)
		*id = other->id;
	return other != NULL;
}
