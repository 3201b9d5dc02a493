/*-------------------------------------------------------------------------
 *
 * tagrules.c
 *	  Rules of a table: attributes for all series whose tags contain given ones.
 *
 * Rules that name the same tags form a form; in it a hash of the tags' bytes leads to the rule, so a series
 * costs one look-up per form, however many rules there are.
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "attr/tagrules.h"
#include "catalog/indexing.h"
#include "catalog/namespace.h"
#include "common/hashfn.h"
#include "miscadmin.h"
#include "pg/compat.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"

typedef struct TagRule
{
	uint64 seq;
	TsdbAttributes given;
} TagRule;

/* Tags as bytes -> rule. */
typedef struct RuleKey
{
	const char *bytes;
	Size nbytes;
} RuleKey;

typedef struct RuleEntry
{
	RuleKey key;
	uint32 hash;
	TagRule *rule;
	char status;
} RuleEntry;

#define SH_PREFIX rulemap
#define SH_ELEMENT_TYPE RuleEntry
#define SH_KEY_TYPE RuleKey
#define SH_KEY key
#define SH_HASH_KEY(table, key) hash_bytes((const unsigned char *) (key).bytes, (int) (key).nbytes)
#define SH_EQUAL(table, a, b) ((a).nbytes == (b).nbytes && memcmp((a).bytes, (b).bytes, (a).nbytes) == 0)
#define SH_STORE_HASH
#define SH_GET_HASH(table, entry) ((entry)->hash)
#define SH_SCOPE static inline
#define SH_DECLARE
#define SH_DEFINE
#include "lib/simplehash.h"

/* Rules that name the same tags. */
typedef struct RuleForm
{
	Bitmapset *named;
	int nnamed;
	rulemap_hash *rules;
} RuleForm;

struct TsdbTagRules
{
	const TsdbRowTags *tags;
	int nforms;
	RuleForm *forms; /* most tags first */
	int nzones;
	pg_tz **zones;
	StringInfoData scratch;
	const TagRule **matches; /* of one series, room for one of each form */
};

static Oid rule_table(Oid *index);
static void add_rule(TsdbTagRules *rules, HeapTuple tuple, TupleDesc desc);
static void read_given(HeapTuple tuple, TupleDesc desc, TsdbAttributes *given);
static const char *read_text(HeapTuple tuple, TupleDesc desc, int attnum);
static double read_number(HeapTuple tuple, TupleDesc desc, int attnum, bool *is_given);
static RuleForm *find_form(TsdbTagRules *rules, Bitmapset *named);
static void insert_rule(TsdbTagRules *rules, RuleForm *form, const Datum *values, const bool *isnull, TagRule *rule);
static RuleKey make_key(const TsdbTagRules *rules, const RuleForm *form, const Datum *values, const bool *isnull);
static void add_zone(TsdbTagRules *rules, pg_tz *zone);
static int compare_forms(const void *a, const void *b);
static int list_matches(const TsdbTagRules *rules, const Datum *values, const bool *isnull);
static void take_given(TsdbAttributes *attributes, const TsdbAttributes *given);

TsdbTagRules *
tsdb_tagrules_load(const TsdbRowTags *tags)
{
	Oid index;
	Oid relid = rule_table(&index);
	TsdbTagRules *rules;
	Relation rel;
	SysScanDesc scan;
	ScanKeyData key;
	HeapTuple tuple;

	if (!OidIsValid(relid))
		return NULL;
	rules = palloc0(sizeof(TsdbTagRules));
	rules->tags = tags;
	initStringInfo(&rules->scratch);
	add_zone(rules, NULL);
	rel = table_open(relid, AccessShareLock);
	ScanKeyInit(&key, TSDB_RULE_TARGET, BTEqualStrategyNumber, F_OIDEQ, ObjectIdGetDatum(tsdb_rowtags_root(tags)));
	scan = systable_beginscan(rel, index, true, NULL, 1, &key);
	while (HeapTupleIsValid(tuple = systable_getnext(scan)))
	{
		CHECK_FOR_INTERRUPTS();
		add_rule(rules, tuple, RelationGetDescr(rel));
	}
	systable_endscan(scan);
	table_close(rel, AccessShareLock);
	if (rules->nforms == 0)
		return NULL;
	qsort(rules->forms, rules->nforms, sizeof(RuleForm), compare_forms);
	rules->matches = palloc(sizeof(TagRule *) * rules->nforms);
	return rules;
}

void
tsdb_tagrules_resolve(const TsdbTagRules *rules, const Datum *values, const bool *isnull, TsdbAttributes *attributes)
{
	int nmatches = list_matches(rules, values, isnull);

	memset(attributes, 0, sizeof(*attributes));
	for (int i = 0; i < nmatches; i++)
		take_given(attributes, &rules->matches[i]->given);
}

pg_tz *const *
tsdb_tagrules_zones(const TsdbTagRules *rules, int *nzones)
{
	*nzones = rules->nzones;
	return rules->zones;
}

pg_tz *
tsdb_tagrules_zone(const char *name)
{
	pg_tz *zone;
	const char *canonical;

	if (name[0] == '\0' || pg_tzset(name) == NULL || tsdb_compat_zone_changes(name))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("time zone \"%s\" not recognized", name),
				 errdetail("Abbreviations such as CEST, which stand for an offset, name no zone."),
				 errhint("Give a full name such as 'America/Santiago'; pg_timezone_names lists them.")));
	zone = tsdb_compat_zone_get(name);
	canonical = pg_get_timezone_name(zone);
	return strcmp(canonical, "UTC") == 0 || strcmp(canonical, "Etc/UTC") == 0 || strcmp(canonical, "GMT") == 0 ? NULL : zone;
}

void
tsdb_tagrules_forget(Oid relid)
{
	Oid index;
	Oid table = rule_table(&index);
	Relation rel;
	SysScanDesc scan;
	ScanKeyData key;
	HeapTuple tuple;

	if (!OidIsValid(table) || table == relid)
		return;
	rel = table_open(table, RowExclusiveLock);
	ScanKeyInit(&key, TSDB_RULE_TARGET, BTEqualStrategyNumber, F_OIDEQ, ObjectIdGetDatum(relid));
	scan = systable_beginscan(rel, index, true, NULL, 1, &key);
	while (HeapTupleIsValid(tuple = systable_getnext(scan)))
		CatalogTupleDelete(rel, &tuple->t_self);
	systable_endscan(scan);
	table_close(rel, RowExclusiveLock);
}

// private functions

/* tsdb.series_rule and its index by table; InvalidOid where the extension is not installed. */
static Oid
rule_table(Oid *index)
{
	Oid schema = get_namespace_oid("tsdb", true);
	Oid relid = OidIsValid(schema) ? get_relname_relid(TSDB_RULE_TABLE, schema) : InvalidOid;

	*index = OidIsValid(schema) ? get_relname_relid(TSDB_RULE_INDEX, schema) : InvalidOid;
	return OidIsValid(*index) ? relid : InvalidOid;
}

/* Rules that name a column which is no tag hold for no series. */
static void
add_rule(TsdbTagRules *rules, HeapTuple tuple, TupleDesc desc)
{
	Datum *values = palloc0(sizeof(Datum) * Max(rules->tags->ntags, 1));
	bool *isnull = palloc(sizeof(bool) * Max(rules->tags->ntags, 1));
	TagRule *rule = palloc0(sizeof(TagRule));
	Bitmapset *named;
	char *unknown;
	bool no_value;
	Datum series = heap_getattr(tuple, TSDB_RULE_SERIES, desc, &no_value);

	tsdb_rowtags_parse(rules->tags, DatumGetJsonbP(series), values, isnull, &named, &unknown);
	if (unknown != NULL)
		return;
	rule->seq = DatumGetInt64(heap_getattr(tuple, TSDB_RULE_SEQ, desc, &no_value));
	read_given(tuple, desc, &rule->given);
	add_zone(rules, rule->given.zone);
	insert_rule(rules, find_form(rules, named), values, isnull, rule);
}

static void
read_given(HeapTuple tuple, TupleDesc desc, TsdbAttributes *given)
{
	bool isnull;

	given->timezone = read_text(tuple, desc, TSDB_RULE_TIMEZONE);
	if (given->timezone != NULL)
		given->zone = tsdb_tagrules_zone(given->timezone);
	given->unit = read_text(tuple, desc, TSDB_RULE_UNIT);
	given->description = read_text(tuple, desc, TSDB_RULE_DESCRIPTION);
	given->low = read_number(tuple, desc, TSDB_RULE_LOW, &given->has_low);
	given->high = read_number(tuple, desc, TSDB_RULE_HIGH, &given->has_high);
	given->stepped = DatumGetBool(heap_getattr(tuple, TSDB_RULE_STEPPED, desc, &isnull));
	given->has_stepped = !isnull;
}

static const char *
read_text(HeapTuple tuple, TupleDesc desc, int attnum)
{
	bool isnull;
	Datum value = heap_getattr(tuple, attnum, desc, &isnull);

	return isnull ? NULL : TextDatumGetCString(value);
}

static double
read_number(HeapTuple tuple, TupleDesc desc, int attnum, bool *is_given)
{
	bool isnull;
	Datum value = heap_getattr(tuple, attnum, desc, &isnull);

	*is_given = !isnull;
	return isnull ? 0 : DatumGetFloat8(value);
}

static RuleForm *
find_form(TsdbTagRules *rules, Bitmapset *named)
{
	RuleForm *form;

	for (int i = 0; i < rules->nforms; i++)
		if (bms_equal(rules->forms[i].named, named))
			return &rules->forms[i];
	if (rules->nforms == 0)
		rules->forms = palloc(sizeof(RuleForm));
	else
		rules->forms = repalloc(rules->forms, sizeof(RuleForm) * (rules->nforms + 1));
	form = &rules->forms[rules->nforms++];
	form->named = named;
	form->nnamed = bms_num_members(named);
	form->rules = rulemap_create(CurrentMemoryContext, 16, NULL);
	return form;
}

/* Of two with equal tags, which only changes by hand can make, the newer one counts. */
static void
insert_rule(TsdbTagRules *rules, RuleForm *form, const Datum *values, const bool *isnull, TagRule *rule)
{
	RuleKey key;
	RuleEntry *entry;
	bool found;

	key = make_key(rules, form, values, isnull);
	key.bytes = memcpy(palloc(key.nbytes + 1), key.bytes, key.nbytes);
	entry = rulemap_insert(form->rules, key, &found);
	if (!found || entry->rule->seq < rule->seq)
		entry->rule = rule;
}

/* Valid until the next one. */
static RuleKey
make_key(const TsdbTagRules *rules, const RuleForm *form, const Datum *values, const bool *isnull)
{
	StringInfo scratch = unconstify(StringInfoData *, &rules->scratch);
	RuleKey key;

	resetStringInfo(scratch);
	if (form->nnamed > 0)
		tsdb_rowtags_encode(rules->tags, values, isnull, form->named, scratch);
	key.bytes = scratch->data;
	key.nbytes = scratch->len;
	return key;
}

static void
add_zone(TsdbTagRules *rules, pg_tz *zone)
{
	for (int i = 0; i < rules->nzones; i++)
		if (rules->zones[i] == zone)
			return;
	rules->zones = rules->zones == NULL ? palloc(sizeof(pg_tz *)) : repalloc(rules->zones, sizeof(pg_tz *) * (rules->nzones + 1));
	rules->zones[rules->nzones++] = zone;
}

static int
compare_forms(const void *a, const void *b)
{
	return ((const RuleForm *) b)->nnamed - ((const RuleForm *) a)->nnamed;
}

/* The rules that hold for a series, the one that counts most first. */
static int
list_matches(const TsdbTagRules *rules, const Datum *values, const bool *isnull)
{
	int n = 0;
	int first = 0; /* with as many tags as the form at hand */

	for (int i = 0; i < rules->nforms; i++)
	{
		const RuleForm *form = &rules->forms[i];
		RuleEntry *entry;
		int place;

		if (i > 0 && form->nnamed != rules->forms[i - 1].nnamed)
			first = n;
		entry = rulemap_lookup(form->rules, make_key(rules, form, values, isnull));
		if (entry == NULL)
			continue;
		for (place = n++; place > first && rules->matches[place - 1]->seq < entry->rule->seq; place--)
			rules->matches[place] = rules->matches[place - 1];
		rules->matches[place] = entry->rule;
	}
	return n;
}

/* What is not known yet. */
static void
take_given(TsdbAttributes *attributes, const TsdbAttributes *given)
{
	if (attributes->timezone == NULL && given->timezone != NULL)
	{
		attributes->timezone = given->timezone;
		attributes->zone = given->zone;
	}
	if (attributes->unit == NULL)
		attributes->unit = given->unit;
	if (attributes->description == NULL)
		attributes->description = given->description;
	if (!attributes->has_low && given->has_low)
	{
		attributes->has_low = true;
		attributes->low = given->low;
	}
	if (!attributes->has_high && given->has_high)
	{
		attributes->has_high = true;
		attributes->high = given->high;
	}
	if (!attributes->has_stepped && given->has_stepped)
	{
		attributes->has_stepped = true;
		attributes->stepped = given->stepped;
	}
}
