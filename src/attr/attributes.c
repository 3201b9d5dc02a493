/*-------------------------------------------------------------------------
 *
 * attributes.c
 *	  Attributes of series: time zone, unit, limits, ...; cached per backend.
 *
 * For each relation: its rules, and the answers given so far by the bytes of the tags.  Answers are dropped
 * when they take more than ANSWER_BYTES.
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "attr/attributes.h"
#include "catalog/objectaddress.h"
#include "common/hashfn.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/hsearch.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"

#define ANSWER_BYTES ((Size) 16 * 1024 * 1024)

/* Tags as bytes -> attributes. */
typedef struct AnswerKey
{
	const char *bytes;
	Size nbytes;
} AnswerKey;

typedef struct Answer
{
	AnswerKey key;
	uint32 hash;
	TsdbAttributes *attributes;
	char status;
} Answer;

#define SH_PREFIX answermap
#define SH_ELEMENT_TYPE Answer
#define SH_KEY_TYPE AnswerKey
#define SH_KEY key
#define SH_HASH_KEY(table, key) hash_bytes((const unsigned char *) (key).bytes, (int) (key).nbytes)
#define SH_EQUAL(table, a, b) ((a).nbytes == (b).nbytes && memcmp((a).bytes, (b).bytes, (a).nbytes) == 0)
#define SH_STORE_HASH
#define SH_GET_HASH(table, entry) ((entry)->hash)
#define SH_SCOPE static inline
#define SH_DECLARE
#define SH_DEFINE
#include "lib/simplehash.h"

struct TsdbAttributed
{
	Oid relid;
	uint64 version; /* number of the invalidation that it is newer than; 0: not loaded */
	uint64 checked; /* value of last_invalidation when that was looked at */
	MemoryContext context; /* of tags and rules */
	MemoryContext answer_context;
	TsdbRowTags *tags;
	bool has_rules; /* they are loaded when somebody asks for attributes: who sets many looks at tags alone */
	TsdbTagRules *rules; /* NULL: none */
	answermap_hash *answers;
	StringInfoData scratch;
};

/* A relation, or a parent of one. */
typedef struct Source
{
	Oid relid; /* hash key */
	uint64 invalidated; /* number of its last invalidation */
	TsdbAttributed *attributed; /* NULL: only a parent */
} Source;

static HTAB *sources;
static MemoryContext cache_context;
static uint64 last_invalidation = 1;
static uint64 all_invalidated; /* number of the last invalidation of everything */

static const TsdbAttributes no_attributes;

static void cache_init(void);
static void on_invalidation(Datum arg, Oid relid);
static Source *get_source(Oid relid);
static void check(TsdbAttributed *attributed);
static bool is_current(const TsdbAttributed *attributed);
static void check_rules(TsdbAttributed *attributed);
static void load(TsdbAttributed *attributed);
static void load_rules(TsdbAttributed *attributed);
static void reset_answers(TsdbAttributed *attributed);

TsdbAttributed *
tsdb_attributes_open(Oid relid)
{
	Source *source;

	if (sources == NULL)
		cache_init();
	source = get_source(relid);
	if (source->attributed == NULL)
	{
		source->attributed = MemoryContextAllocZero(cache_context, sizeof(TsdbAttributed));
		source->attributed->relid = relid;
	}
	check(source->attributed);
	return source->attributed;
}

const TsdbRowTags *
tsdb_attributes_tags(TsdbAttributed *attributed)
{
	check(attributed);
	return attributed->tags;
}

const TsdbAttributes *
tsdb_attributes_find(TsdbAttributed *attributed, const Datum *values, const bool *isnull)
{
	StringInfo scratch = &attributed->scratch;
	AnswerKey key;
	Answer *answer;
	bool found;

	check_rules(attributed);
	if (attributed->rules == NULL)
		return &no_attributes;

	resetStringInfo(scratch);
	tsdb_rowtags_encode(attributed->tags, values, isnull, NULL, scratch);
	key.bytes = scratch->data;
	key.nbytes = scratch->len;
	answer = answermap_lookup(attributed->answers, key);
	if (answer != NULL)
		return answer->attributes;

	if (MemoryContextMemAllocated(attributed->answer_context, false) > ANSWER_BYTES)
		reset_answers(attributed);
	key.bytes = memcpy(MemoryContextAlloc(attributed->answer_context, key.nbytes + 1), scratch->data, key.nbytes);
	answer = answermap_insert(attributed->answers, key, &found);
	answer->attributes = MemoryContextAlloc(attributed->answer_context, sizeof(TsdbAttributes));
	tsdb_tagrules_resolve(attributed->rules, values, isnull, answer->attributes);
	return answer->attributes;
}

void
tsdb_attributes_check_rights(TsdbAttributed *attributed)
{
	const TsdbRowTags *tags = tsdb_attributes_tags(attributed);
	Oid relid = attributed->relid;
	bool may_read = tags->ntags > 0;

	if (pg_class_aclcheck(relid, GetUserId(), ACL_SELECT) == ACLCHECK_OK)
		return;
	for (int i = 0; i < tags->ntags; i++)
		may_read = may_read && pg_attribute_aclcheck(relid, tags->tags[i].attnum, GetUserId(), ACL_SELECT) == ACLCHECK_OK;
	if (!may_read)
		aclcheck_error(ACLCHECK_NO_PRIV, get_relkind_objtype(get_rel_relkind(relid)), get_rel_name(relid));
}

uint64
tsdb_attributes_version(TsdbAttributed *attributed)
{
	check(attributed);
	return attributed->version;
}

bool
tsdb_attributes_only_zone(TsdbAttributed *attributed, pg_tz **zone)
{
	int nzones = 1;

	check_rules(attributed);
	*zone = NULL;
	if (attributed->rules != NULL)
		*zone = tsdb_tagrules_zones(attributed->rules, &nzones)[0];
	return nzones == 1;
}

// private functions

static void
cache_init(void)
{
	static bool registered = false;
	HASHCTL control = {0};

	if (!registered)
	{
		CacheRegisterRelcacheCallback(on_invalidation, (Datum) 0);
		registered = true;
	}
	cache_context = AllocSetContextCreate(TopMemoryContext, "tsdb attributes", ALLOCSET_DEFAULT_SIZES);
	control.keysize = sizeof(Oid);
	control.entrysize = sizeof(Source);
	control.hcxt = cache_context;
	sources = hash_create("tsdb attributed relations", 64, &control, HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
}

static void
on_invalidation(Datum arg, Oid relid)
{
	if (sources == NULL)
		return;
	if (!OidIsValid(relid))
		all_invalidated = ++last_invalidation;
	else
	{
		Source *source = hash_search(sources, &relid, HASH_FIND, NULL);

		if (source != NULL)
			source->invalidated = ++last_invalidation;
	}
}

static Source *
get_source(Oid relid)
{
	bool found;
	Source *source = hash_search(sources, &relid, HASH_ENTER, &found);

	if (!found)
	{
		source->invalidated = last_invalidation;
		source->attributed = NULL;
	}
	return source;
}

/* Load what has changed.  Loading takes locks, which let further invalidations in. */
static void
check(TsdbAttributed *attributed)
{
	while (attributed->checked != last_invalidation)
	{
		uint64 seen = last_invalidation;

		if (!is_current(attributed))
			load(attributed);
		attributed->checked = seen;
	}
}

/* The same of the rules. */
static void
check_rules(TsdbAttributed *attributed)
{
	check(attributed);
	while (!attributed->has_rules)
	{
		load_rules(attributed);
		check(attributed);
	}
}

static bool
is_current(const TsdbAttributed *attributed)
{
	ListCell *lc;

	if (attributed->version < all_invalidated || attributed->version < get_source(attributed->relid)->invalidated ||
		attributed->version == 0)
		return false;
	foreach (lc, attributed->tags->ancestors)
	{
		if (attributed->version < get_source(lfirst_oid(lc))->invalidated)
			return false;
	}
	return true;
}

static void
load(TsdbAttributed *attributed)
{
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "tsdb tags of rows", ALLOCSET_SMALL_SIZES);
	MemoryContext caller = MemoryContextSwitchTo(context);
	uint64 version = last_invalidation;
	TsdbRowTags *tags;
	ListCell *lc;

	tags = tsdb_rowtags_load(attributed->relid);
	foreach (lc, tags->ancestors)
		(void) get_source(lfirst_oid(lc));
	MemoryContextSwitchTo(caller);
	MemoryContextSetParent(context, cache_context);

	if (attributed->context != NULL)
		MemoryContextDelete(attributed->context);
	attributed->context = context;
	attributed->tags = tags;
	attributed->has_rules = false;
	attributed->rules = NULL;
	attributed->version = version;
	attributed->answer_context = AllocSetContextCreate(context, "tsdb attributes by tags", ALLOCSET_DEFAULT_SIZES);
	reset_answers(attributed);
	caller = MemoryContextSwitchTo(context);
	initStringInfo(&attributed->scratch);
	MemoryContextSwitchTo(caller);
}

/* Newer than the version will do. */
static void
load_rules(TsdbAttributed *attributed)
{
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "tsdb series rules", ALLOCSET_SMALL_SIZES);
	MemoryContext caller = MemoryContextSwitchTo(context);
	TsdbTagRules *rules = tsdb_tagrules_load(attributed->tags);

	MemoryContextSwitchTo(caller);
	MemoryContextSetParent(context, attributed->context);
	attributed->rules = rules;
	attributed->has_rules = true;
}

static void
reset_answers(TsdbAttributed *attributed)
{
	MemoryContextReset(attributed->answer_context);
	attributed->answers = answermap_create(attributed->answer_context, 64, NULL);
}
