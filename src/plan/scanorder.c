/*-------------------------------------------------------------------------
 *
 * scanorder.c
 *	  Orders of rows that a scan can deliver without sorting them.
 *
 * Only tags whose equal values have equal bytes can be sort keys in front of the time: otherwise two series may tie.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "pg/compat.h"
#include "plan/scanorder.h"
#include "series/series.h"
#include "utils/datum.h"
#include "utils/memutils.h"
#include "utils/sortsupport.h"
#include "utils/typcache.h"

/* A series with the tags it is sorted by. */
typedef struct SortedSeries
{
	uint32 series;
	Datum *values;
	bool *isnull;
} SortedSeries;

typedef struct SortRule
{
	int nkeys;
	SortSupport keys;
} SortRule;

static bool match_key(RelOptInfo *rel, const TsdbTable *table, PathKey *key, Bitmapset **covered, TsdbScanOrder *order);
static EquivalenceMember *find_member(RelOptInfo *rel, EquivalenceClass *ec, AttrNumber attnum);
static bool match_tag(PathKey *key, EquivalenceMember *member, int tag_index, TsdbScanOrder *order);
static bool match_time(PathKey *key, TsdbScanOrder *order);
static SortRule make_rule(List *sort_keys);
static void read_keys(Relation rel, List *sort_keys, SortedSeries *sorted);
static int compare_series(const void *a, const void *b, void *arg);

void
tsdb_scanorder_match(RelOptInfo *rel, const TsdbTable *table, const TsdbQuals *quals, List *pathkeys,
					 TsdbScanOrder *order)
{
	Bitmapset *covered = bms_copy(quals->pinned);
	ListCell *lc;

	memset(order, 0, sizeof(*order));
	foreach (lc, pathkeys)
	{
		/* Behind tags and time nothing can make a difference: there are no two such rows. */
		if (!order->by_time && !match_key(rel, table, lfirst_node(PathKey, lc), &covered, order))
			break;
		order->nkeys++;
	}
	order->has_all_tags = bms_num_members(covered) == table->ntags;
}

bool
tsdb_scanorder_is_time(RelOptInfo *rel, const TsdbTable *table, PathKey *key, bool *is_backward)
{
	TsdbScanOrder order = {0};

	if (find_member(rel, key->pk_eclass, table->time_attnum) == NULL || !match_time(key, &order))
		return false;
	*is_backward = order.is_backward;
	return true;
}

void
tsdb_scanorder_sort(Relation rel, List *sort_keys, uint32 *series, uint32 nseries)
{
	MemoryContext work = AllocSetContextCreate(CurrentMemoryContext, "tsdb order of series", ALLOCSET_DEFAULT_SIZES);
	MemoryContext caller = MemoryContextSwitchTo(work);
	SortedSeries *sorted = MemoryContextAllocHuge(work, sizeof(SortedSeries) * Max(nseries, 1));
	SortRule rule = make_rule(sort_keys);

	for (uint32 i = 0; i < nseries; i++)
	{
		CHECK_FOR_INTERRUPTS();
		sorted[i].series = series[i];
		read_keys(rel, sort_keys, &sorted[i]);
	}
	qsort_arg(sorted, nseries, sizeof(SortedSeries), compare_series, &rule);
	for (uint32 i = 0; i < nseries; i++)
		series[i] = sorted[i].series;
	MemoryContextSwitchTo(caller);
	MemoryContextDelete(work);
}

// private functions

/* Can this pathkey come next?  If so, add what it takes to the order. */
static bool
match_key(RelOptInfo *rel, const TsdbTable *table, PathKey *key, Bitmapset **covered, TsdbScanOrder *order)
{
	EquivalenceMember *member;

	if (find_member(rel, key->pk_eclass, table->time_attnum) != NULL)
		return bms_num_members(*covered) == table->ntags && match_time(key, order);

	for (int i = 0; i < table->ntags; i++)
	{
		member = find_member(rel, key->pk_eclass, table->tag_attnums[i]);
		if (member == NULL)
			continue;
		if (!bms_is_member(i, *covered) && !match_tag(key, member, i, order))
			return false;
		*covered = bms_add_member(*covered, i);
		return true;
	}
	return false;
}

static EquivalenceMember *
find_member(RelOptInfo *rel, EquivalenceClass *ec, AttrNumber attnum)
{
	ListCell *lc;

	if (ec->ec_has_volatile)
		return NULL;
	foreach (lc, tsdb_compat_ec_members(ec, rel))
	{
		EquivalenceMember *member = lfirst(lc);

		if (!member->em_is_const && tsdb_quals_is_column((Node *) member->em_expr, rel, attnum))
			return member;
	}
	return NULL;
}

static bool
match_tag(PathKey *key, EquivalenceMember *member, int tag_index, TsdbScanOrder *order)
{
	Oid collation = key->pk_eclass->ec_collation;
	Oid sort_op = tsdb_compat_pathkey_operator(key, member->em_datatype);

	if (!OidIsValid(sort_op) || !tsdb_quals_is_bytewise(member->em_datatype, collation))
		return false;
	order->sort_keys = lappend(order->sort_keys, list_make4_int(tag_index, (int) sort_op, (int) collation, key->pk_nulls_first));
	return true;
}

static bool
match_time(PathKey *key, TsdbScanOrder *order)
{
	if (key->pk_opfamily != lookup_type_cache(TIMESTAMPTZOID, TYPECACHE_BTREE_OPFAMILY)->btree_opf)
		return false;
	order->by_time = true;
	order->is_backward = tsdb_compat_pathkey_is_descending(key);
	return true;
}

static SortRule
make_rule(List *sort_keys)
{
	SortRule rule = {list_length(sort_keys), palloc0(sizeof(SortSupportData) * Max(list_length(sort_keys), 1))};

	for (int i = 0; i < rule.nkeys; i++)
	{
		List *key = list_nth(sort_keys, i);

		rule.keys[i].ssup_cxt = CurrentMemoryContext;
		rule.keys[i].ssup_collation = (Oid) lthird_int(key);
		rule.keys[i].ssup_nulls_first = lfourth_int(key) != 0;
		PrepareSortSupportFromOrderingOp((Oid) lsecond_int(key), &rule.keys[i]);
	}
	return rule;
}

/* Copies: the cache of the dictionary may let go of its own at any invalidation message. */
static void
read_keys(Relation rel, List *sort_keys, SortedSeries *sorted)
{
	const TsdbTable *table = tsdb_table_get(rel);
	int nkeys = list_length(sort_keys);
	const Datum *values;
	const bool *isnull;

	sorted->values = palloc(sizeof(Datum) * Max(nkeys, 1));
	sorted->isnull = palloc(sizeof(bool) * Max(nkeys, 1));
	tsdb_series_tags(rel, table, sorted->series, &values, &isnull);
	for (int i = 0; i < nkeys; i++)
	{
		int tag = linitial_int(list_nth(sort_keys, i));
		Form_pg_attribute att = TupleDescAttr(RelationGetDescr(rel), table->tag_attnums[tag] - 1);

		sorted->isnull[i] = isnull[tag];
		sorted->values[i] = isnull[tag] ? (Datum) 0 : datumCopy(values[tag], att->attbyval, att->attlen);
	}
}

/* Equal ones in order of their ids, so that every execution has the same order. */
static int
compare_series(const void *a, const void *b, void *arg)
{
	const SortedSeries *x = a;
	const SortedSeries *y = b;
	const SortRule *rule = arg;

	for (int i = 0; i < rule->nkeys; i++)
	{
		int order = ApplySortComparator(x->values[i], x->isnull[i], y->values[i], y->isnull[i], &rule->keys[i]);

		if (order != 0)
			return order;
	}
	return x->series < y->series ? -1 : x->series > y->series;
}
