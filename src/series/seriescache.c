/*-------------------------------------------------------------------------
 *
 * seriescache.c
 *	  What a backend remembers of the series of its tables.
 *
 * Memory is bounded by CACHE_BYTES at the end of every transaction (all is
 * dropped then) and, as for tags -> id, at any time.  What tsdb_seriescache_tags hands out must live to the end
 * of the transaction: contexts that are replaced before are kept as `retired` until then.
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/table.h"
#include "access/xact.h"
#include "common/hashfn.h"
#include "utils/hsearch.h"
#include "utils/inval.h"
#include "utils/memutils.h"

#include "pg/compat.h"
#include "series/seriescache.h"

#define CACHE_BYTES ((Size) 64 * 1024 * 1024)
#define ENTRY_OVERHEAD_BYTES 64
#define TABLE_OVERHEAD_BYTES ((Size) 13 * 1024) /* memory contexts of a table, which may be gone */

/* tags -> id */
typedef struct TagsKey
{
	const uint8 *bytes;
	Size nbytes;
} TagsKey;

typedef struct TagsEntry
{
	TagsKey key;
	uint32 hash;
	uint32 series_id;
	char status;
} TagsEntry;

#define SH_PREFIX tagsmap
#define SH_ELEMENT_TYPE TagsEntry
#define SH_KEY_TYPE TagsKey
#define SH_KEY key
#define SH_HASH_KEY(map, key) hash_bytes((key).bytes, (int) (key).nbytes)
#define SH_EQUAL(map, a, b) ((a).nbytes == (b).nbytes && memcmp((a).bytes, (b).bytes, (a).nbytes) == 0)
#define SH_STORE_HASH
#define SH_GET_HASH(map, entry) (entry)->hash
#define SH_SCOPE static inline
#define SH_DECLARE
#define SH_DEFINE
#include "lib/simplehash.h"

/* id -> tags */
typedef struct IdEntry
{
	uint32 series_id;
	char status;
	const Datum *values;
	const bool *isnull;
} IdEntry;

#define SH_PREFIX idmap
#define SH_ELEMENT_TYPE IdEntry
#define SH_KEY_TYPE uint32
#define SH_KEY series_id
#define SH_HASH_KEY(map, key) murmurhash32(key)
#define SH_EQUAL(map, a, b) ((a) == (b))
#define SH_SCOPE static inline
#define SH_DECLARE
#define SH_DEFINE
#include "lib/simplehash.h"

/* A tag of the row seen last: the Datum, or for by-reference types its bytes as they came in. */
typedef struct MemoTag
{
	bool isnull;
	Datum value;
	Size nbytes;
	Size offset; /* of the bytes in memo_bytes */
} MemoTag;

struct TsdbSeriesCache
{
	Oid relid;
	Oid toast_relid;
	RelFileLocator toast_locator;
	uint64 generation; /* counts invalidations */
	uint64 checked; /* generation as of which toast_locator and layout are right */
	MemoryContext map_context; /* tags -> id; may be reset at any time */
	tagsmap_hash *by_tags;
	MemoryContext tags_context; /* layout, id -> tags; kept until the end of the transaction */
	TsdbTagLayout layout;
	idmap_hash *by_id;
	uint32 memo_id; /* 0 = none */
	MemoTag *memo; /* layout.ntags */
	StringInfoData memo_bytes;
};

/* Leads from the OID of a table or of its TOAST relation to the cache. */
typedef struct RelidEntry
{
	Oid relid;
	TsdbSeriesCache *cache;
} RelidEntry;

static MemoryContext cache_context = NULL;
static HTAB *caches = NULL;
static TsdbSeriesCache *last_cache = NULL;
static Size map_bytes = 0;
static Size tags_bytes = 0;
static Size ntables = 0;
static List *retired = NIL; /* contexts */
static StringInfoData scratch;
static bool has_unsettled = false; /* until the end of the transaction */

static void cache_init(void);
static TsdbSeriesCache *cache_make(Oid relid);
static void cache_register(Oid relid, TsdbSeriesCache *cache);
static void cache_check(TsdbSeriesCache *cache, Relation rel, const TsdbTable *table);
static RelFileLocator toast_locator_get(Oid toast_relid);
static void map_reset(TsdbSeriesCache *cache);
static void map_reset_all(void);
static void tags_reset(TsdbSeriesCache *cache, const TsdbTable *table, TupleDesc desc);
static bool memo_matches(const TsdbSeriesCache *cache, const Datum *values, const bool *isnull);
static void memo_set(TsdbSeriesCache *cache, const Datum *values, const bool *isnull, uint32 series_id);
static bool raw_bytes(const TsdbTagColumn *column, Datum value, Size *nbytes);
static void on_invalidation(Datum arg, Oid relid);
static void on_xact_end(XactEvent event, void *arg);
static void on_subxact_end(SubXactEvent event, SubTransactionId sub_id, SubTransactionId parent_id, void *arg);
static void drop_all(void);

TsdbSeriesCache *
tsdb_seriescache_get(Relation rel, const TsdbTable *table)
{
	Oid relid = RelationGetRelid(rel);
	TsdbSeriesCache *cache = last_cache;

	if (cache == NULL || cache->relid != relid)
	{
		RelidEntry *entry;

		if (cache_context == NULL)
			cache_init();
		entry = hash_search(caches, &relid, HASH_FIND, NULL);
		cache = entry != NULL && entry->cache->relid == relid ? entry->cache : cache_make(relid);
		last_cache = cache;
	}
	if (cache->checked != cache->generation)
		cache_check(cache, rel, table);
	return cache;
}

uint32
tsdb_seriescache_find(TsdbSeriesCache *cache, const Datum *values, const bool *isnull, TsdbSpan *tags)
{
	TagsKey key;
	TagsEntry *entry;

	if (cache->memo_id != 0 && memo_matches(cache, values, isnull))
		return cache->memo_id;

	resetStringInfo(&scratch);
	tsdb_tagbytes_encode(&cache->layout, values, isnull, &scratch);
	key.bytes = (const uint8 *) scratch.data;
	key.nbytes = scratch.len;
	entry = tagsmap_lookup(cache->by_tags, key);
	if (entry == NULL)
	{
		*tags = tsdb_span(scratch.data, scratch.len);
		return 0;
	}
	memo_set(cache, values, isnull, entry->series_id);
	return entry->series_id;
}

/*
 * tsdb_seriescache_add - remember what was found in `store`.
 *
 * Opening the store may have told us that the table got another TOAST file meanwhile;
 * then nothing is remembered now.
 */
void
tsdb_seriescache_add(TsdbSeriesCache *cache, TsdbStore *store, const Datum *values, const bool *isnull,
					 TsdbSpan tags, uint32 series_id)
{
	TagsKey key;
	TagsEntry *entry;
	bool found;

	if (!RelFileLocatorEquals(cache->toast_locator, tsdb_store_rel(store)->rd_locator))
		return;
	if (map_bytes > CACHE_BYTES / 2)
		map_reset_all();

	key.nbytes = tsdb_span_left(&tags);
	key.bytes = memcpy(MemoryContextAlloc(cache->map_context, Max(key.nbytes, 1)), tags.at, key.nbytes);
	entry = tagsmap_insert(cache->by_tags, key, &found);
	entry->series_id = series_id;
	map_bytes += key.nbytes + ENTRY_OVERHEAD_BYTES;
	memo_set(cache, values, isnull, series_id);
}

bool
tsdb_seriescache_tags(TsdbSeriesCache *cache, uint32 series_id, const Datum **values, const bool **isnull)
{
	IdEntry *entry = idmap_lookup(cache->by_id, series_id);

	if (entry == NULL)
		return false;
	*values = entry->values;
	*isnull = entry->isnull;
	return true;
}

TsdbStatus
tsdb_seriescache_add_tags(TsdbSeriesCache *cache, uint32 series_id, TsdbSpan tags,
						  const Datum **values, const bool **isnull)
{
	MemoryContext old = MemoryContextSwitchTo(cache->tags_context);
	int ntags = Max(cache->layout.ntags, 1);
	Datum *tag_values = palloc(ntags * sizeof(Datum));
	bool *tag_isnull = palloc(ntags * sizeof(bool));
	TsdbStatus status = tsdb_tagbytes_decode(&cache->layout, tags, tag_values, tag_isnull);

	MemoryContextSwitchTo(old);
	if (status == TSDB_OK)
	{
		bool found;
		IdEntry *entry = idmap_insert(cache->by_id, series_id, &found);

		*values = entry->values = tag_values;
		*isnull = entry->isnull = tag_isnull;
	}
	tags_bytes += tsdb_span_left(&tags) + ntags * (sizeof(Datum) + sizeof(bool)) + ENTRY_OVERHEAD_BYTES;
	return status;
}

TsdbStatus
tsdb_seriescache_decode_tags(const TsdbSeriesCache *cache, TsdbSpan tags, Datum *values, bool *isnull)
{
	return tsdb_tagbytes_decode(&cache->layout, tags, values, isnull);
}

bool
tsdb_seriescache_has_room(void)
{
	return tags_bytes < CACHE_BYTES / 2;
}

void
tsdb_seriescache_forget(Oid relid)
{
	RelidEntry *entry = caches != NULL ? hash_search(caches, &relid, HASH_FIND, NULL) : NULL;

	if (entry == NULL)
		return;
	/* No file has this number: cache_check will find a difference. */
	MemSet(&entry->cache->toast_locator, 0xFF, sizeof(RelFileLocator));
	entry->cache->generation++;
}

void
tsdb_seriescache_forget_at_abort(void)
{
	has_unsettled = true;
}

// private functions

static void
cache_init(void)
{
	static bool registered = false;
	HASHCTL control;

	if (!registered)
	{
		MemoryContext old = MemoryContextSwitchTo(TopMemoryContext);

		initStringInfo(&scratch);
		MemoryContextSwitchTo(old);
		CacheRegisterRelcacheCallback(on_invalidation, (Datum) 0);
		RegisterXactCallback(on_xact_end, NULL);
		RegisterSubXactCallback(on_subxact_end, NULL);
		registered = true;
	}

	cache_context = AllocSetContextCreate(CacheMemoryContext, "tsdb series", ALLOCSET_DEFAULT_SIZES);
	control.keysize = sizeof(Oid);
	control.entrysize = sizeof(RelidEntry);
	control.hcxt = cache_context;
	caches = hash_create("tsdb series caches", 64, &control, HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
}

static TsdbSeriesCache *
cache_make(Oid relid)
{
	TsdbSeriesCache *cache = MemoryContextAllocZero(cache_context, sizeof(TsdbSeriesCache));

	cache->relid = relid;
	cache->generation = 1;
	cache->map_context = AllocSetContextCreate(cache_context, "tsdb series by tags", ALLOCSET_SMALL_SIZES);
	map_reset(cache);
	cache_register(relid, cache);
	ntables++;
	return cache;
}

static void
cache_register(Oid relid, TsdbSeriesCache *cache)
{
	RelidEntry *entry = hash_search(caches, &relid, HASH_ENTER, NULL);

	entry->cache = cache;
}

/*
 * cache_check - after an invalidation: is it still the same TOAST file, are the tags the same columns?
 *
 * An invalidation that arrives while we look makes the next call look again.
 */
static void
cache_check(TsdbSeriesCache *cache, Relation rel, const TsdbTable *table)
{
	uint64 generation = cache->generation;
	Oid toast_relid = rel->rd_rel->reltoastrelid;
	MemoryContext old = MemoryContextSwitchTo(cache_context);
	TsdbTagLayout layout = tsdb_tagbytes_layout(table, RelationGetDescr(rel));
	bool same_layout = cache->by_id != NULL && tsdb_tagbytes_layout_equals(&layout, &cache->layout);
	RelFileLocator locator;

	pfree(layout.columns);
	if (!same_layout)
		tags_reset(cache, table, RelationGetDescr(rel));
	MemoryContextSwitchTo(old);

	locator = toast_locator_get(toast_relid);
	if (!RelFileLocatorEquals(locator, cache->toast_locator) || toast_relid != cache->toast_relid)
	{
		map_reset(cache);
		if (same_layout)
			tags_reset(cache, NULL, NULL);
		cache->toast_locator = locator;
		cache->toast_relid = toast_relid;
		if (OidIsValid(toast_relid))
			cache_register(toast_relid, cache);
	}
	cache->checked = generation;
}

static RelFileLocator
toast_locator_get(Oid toast_relid)
{
	RelFileLocator locator;
	Relation toast;

	MemSet(&locator, 0, sizeof(locator));
	if (OidIsValid(toast_relid))
	{
		toast = table_open(toast_relid, AccessShareLock);
		locator = toast->rd_locator;
		table_close(toast, AccessShareLock);
	}
	return locator;
}

/* map_reset - forget tags -> id; nothing of it was handed out. */
static void
map_reset(TsdbSeriesCache *cache)
{
	MemoryContextReset(cache->map_context);
	cache->by_tags = tagsmap_create(cache->map_context, 64, NULL);
	cache->memo_id = 0;
}

static void
map_reset_all(void)
{
	HASH_SEQ_STATUS status;
	RelidEntry *entry;

	hash_seq_init(&status, caches);
	while ((entry = hash_seq_search(&status)) != NULL)
		if (entry->relid == entry->cache->relid)
			map_reset(entry->cache);
	map_bytes = 0;
}

/*
 * tags_reset - forget id -> tags, but leave alone what was handed out; take over the
 * columns of `table`, or with NULL keep the layout.
 */
static void
tags_reset(TsdbSeriesCache *cache, const TsdbTable *table, TupleDesc desc)
{
	MemoryContext context = AllocSetContextCreate(cache_context, "tsdb series tags", ALLOCSET_SMALL_SIZES);
	MemoryContext old = MemoryContextSwitchTo(context);
	TsdbTagLayout layout;

	if (table != NULL)
		layout = tsdb_tagbytes_layout(table, desc);
	else
	{
		Size nbytes = Max(cache->layout.ntags, 1) * sizeof(TsdbTagColumn);

		layout.ntags = cache->layout.ntags;
		layout.columns = memcpy(palloc(nbytes), cache->layout.columns, nbytes);
	}
	MemoryContextSwitchTo(cache_context);
	if (cache->tags_context != NULL)
		retired = lappend(retired, cache->tags_context);

	MemoryContextSwitchTo(context);
	cache->tags_context = context;
	cache->layout = layout;
	cache->by_id = idmap_create(context, 64, NULL);
	cache->memo = palloc0(Max(layout.ntags, 1) * sizeof(MemoTag));
	cache->memo_id = 0;
	initStringInfo(&cache->memo_bytes);
	MemoryContextSwitchTo(old);
}

/* memo_matches - has the row the tags of the last one?  False says nothing. */
static bool
memo_matches(const TsdbSeriesCache *cache, const Datum *values, const bool *isnull)
{
	for (int i = 0; i < cache->layout.ntags; i++)
	{
		const TsdbTagColumn *column = &cache->layout.columns[i];
		const MemoTag *memo = &cache->memo[i];
		Datum value = values[column->attnum - 1];
		Size nbytes;

		if (isnull[column->attnum - 1] || memo->isnull)
		{
			if (isnull[column->attnum - 1] != memo->isnull)
				return false;
		}
		else if (column->attbyval)
		{
			if (value != memo->value)
				return false;
		}
		else if (!raw_bytes(column, value, &nbytes) || nbytes != memo->nbytes ||
				 memcmp(DatumGetPointer(value), cache->memo_bytes.data + memo->offset, nbytes) != 0)
			return false;
	}
	return true;
}

static void
memo_set(TsdbSeriesCache *cache, const Datum *values, const bool *isnull, uint32 series_id)
{
	cache->memo_id = 0;
	resetStringInfo(&cache->memo_bytes);
	for (int i = 0; i < cache->layout.ntags; i++)
	{
		const TsdbTagColumn *column = &cache->layout.columns[i];
		MemoTag *memo = &cache->memo[i];

		memo->isnull = isnull[column->attnum - 1];
		memo->value = values[column->attnum - 1];
		if (memo->isnull || column->attbyval)
			continue;
		if (!raw_bytes(column, memo->value, &memo->nbytes))
			return;
		memo->offset = cache->memo_bytes.len;
		appendBinaryStringInfo(&cache->memo_bytes, DatumGetPointer(memo->value), memo->nbytes);
	}
	cache->memo_id = series_id;
}

/*
 * raw_bytes - length of a by-reference value as it is in memory.
 *
 * False for values stored elsewhere: equal pointers may lead to other contents next time.
 */
static bool
raw_bytes(const TsdbTagColumn *column, Datum value, Size *nbytes)
{
	if (column->attlen > 0)
		*nbytes = column->attlen;
	else if (VARATT_IS_EXTERNAL(DatumGetPointer(value)))
		return false;
	else
		*nbytes = VARSIZE_ANY(DatumGetPointer(value));
	return true;
}

static void
on_invalidation(Datum arg, Oid relid)
{
	HASH_SEQ_STATUS status;
	RelidEntry *entry;

	if (caches == NULL)
		return;
	if (OidIsValid(relid))
	{
		entry = hash_search(caches, &relid, HASH_FIND, NULL);
		if (entry != NULL)
			entry->cache->generation++;
		return;
	}
	hash_seq_init(&status, caches);
	while ((entry = hash_seq_search(&status)) != NULL)
		entry->cache->generation++;
}

static void
on_xact_end(XactEvent event, void *arg)
{
	ListCell *lc;

	if (event == XACT_EVENT_PRE_COMMIT || event == XACT_EVENT_PRE_PREPARE || event == XACT_EVENT_PARALLEL_PRE_COMMIT)
		return;
	if (has_unsettled && event != XACT_EVENT_COMMIT)
		map_reset_all();
	has_unsettled = false;
	foreach (lc, retired)
		MemoryContextDelete((MemoryContext) lfirst(lc));
	list_free(retired);
	retired = NIL;
	if (map_bytes + tags_bytes + ntables * TABLE_OVERHEAD_BYTES > CACHE_BYTES)
		drop_all();
}

/* on_subxact_end - ids never come back, so id -> tags may keep the series that is gone. */
static void
on_subxact_end(SubXactEvent event, SubTransactionId sub_id, SubTransactionId parent_id, void *arg)
{
	if (event == SUBXACT_EVENT_ABORT_SUB && has_unsettled)
		map_reset_all();
}

static void
drop_all(void)
{
	MemoryContextDelete(cache_context);
	cache_context = NULL;
	caches = NULL;
	last_cache = NULL;
	map_bytes = 0;
	tags_bytes = 0;
	ntables = 0;
}
