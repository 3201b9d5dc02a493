/*-------------------------------------------------------------------------
 *
 * agggroups.c
 *	  The groups of an aggregation: found by two ids, kept in order of first appearance.
 *
 * Groups lie in chunks that never move.  Nothing is spilled: the memory is that of the
 * groups, some hundred bytes each, however many rows there are.
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "common/hashfn.h"
#include "plan/agggroups.h"
#include "utils/memutils.h"

#define CHUNK_GROUPS 512
#define FIRST_CHUNKS 16

typedef struct GroupEntry
{
	uint64 key; /* tags and bucket */
	TsdbAggGroup *group;
	char status;
} GroupEntry;

#define SH_PREFIX groupmap
#define SH_ELEMENT_TYPE GroupEntry
#define SH_KEY_TYPE uint64
#define SH_KEY key
#define SH_HASH_KEY(tb, key) (murmurhash32((uint32) (key) ^ murmurhash32((uint32) ((key) >> 32))))
#define SH_EQUAL(tb, a, b) ((a) == (b))
#define SH_SCOPE static inline
#define SH_DEFINE
#define SH_DECLARE
#include "lib/simplehash.h"

struct TsdbAggGroups
{
	MemoryContext context;
	Size group_bytes;
	uint32 ngroups;
	uint32 max_chunks;
	char **chunks; /* CHUNK_GROUPS groups each */
	groupmap_hash *map;
	TsdbAggGroup *last; /* asked for */
};

static void initialise(TsdbAggGroups *groups);
static TsdbAggGroup *append(TsdbAggGroups *groups);

TsdbAggGroups *
tsdb_agggroups_create(Size states_bytes)
{
	TsdbAggGroups *groups = palloc0(sizeof(TsdbAggGroups));

	groups->group_bytes = MAXALIGN(sizeof(TsdbAggGroup)) + MAXALIGN(states_bytes);
	groups->context = AllocSetContextCreate(CurrentMemoryContext, "tsdb groups", ALLOCSET_DEFAULT_SIZES);
	initialise(groups);
	return groups;
}

void
tsdb_agggroups_reset(TsdbAggGroups *groups)
{
	MemoryContextReset(groups->context);
	initialise(groups);
}

TsdbAggGroup *
tsdb_agggroups_get(TsdbAggGroups *groups, uint32 tags, uint32 bucket)
{
	bool found;
	GroupEntry *entry;

	if (groups->last != NULL && groups->last->tags == tags && groups->last->bucket == bucket)
		return groups->last;

	entry = groupmap_insert(groups->map, ((uint64) tags << 32) | bucket, &found);
	if (!found)
	{
		entry->group = append(groups);
		entry->group->tags = tags;
		entry->group->bucket = bucket;
	}
	groups->last = entry->group;
	return entry->group;
}

uint32
tsdb_agggroups_count(const TsdbAggGroups *groups)
{
	return groups->ngroups;
}

TsdbAggGroup *
tsdb_agggroups_at(const TsdbAggGroups *groups, uint32 i)
{
	Assert(i < groups->ngroups);
	return (TsdbAggGroup *) (groups->chunks[i / CHUNK_GROUPS] + groups->group_bytes * (i % CHUNK_GROUPS));
}

// private functions

static void
initialise(TsdbAggGroups *groups)
{
	groups->ngroups = 0;
	groups->last = NULL;
	groups->max_chunks = FIRST_CHUNKS;
	groups->chunks = MemoryContextAlloc(groups->context, sizeof(char *) * FIRST_CHUNKS);
	groups->map = groupmap_create(groups->context, CHUNK_GROUPS, NULL);
}

static TsdbAggGroup *
append(TsdbAggGroups *groups)
{
	uint32 chunk = groups->ngroups / CHUNK_GROUPS;

	if (groups->ngroups == PG_UINT32_MAX)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("too many groups"),
				 errdetail("The limit is %u.", PG_UINT32_MAX),
				 errhint("Set tsdb.enable_agg = off for this query.")));
	if (groups->ngroups % CHUNK_GROUPS == 0)
	{
		if (chunk == groups->max_chunks)
		{
			groups->max_chunks *= 2;
			groups->chunks = repalloc_huge(groups->chunks, sizeof(char *) * groups->max_chunks);
		}
		groups->chunks[chunk] = MemoryContextAllocZero(groups->context, groups->group_bytes * CHUNK_GROUPS);
	}
	groups->ngroups++;
	return tsdb_agggroups_at(groups, groups->ngroups - 1);
}
