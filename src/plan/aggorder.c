/*-------------------------------------------------------------------------
 *
 * aggorder.c
 *	  The order in which groups are emitted.
 *
 * Distinct keys are sorted first, each once; then groups are sorted by the ranks of their
 * keys.  Keys of one series come in order of time, and sorting what is sorted costs little.
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/stratnum.h"
#include "pg/compat.h"
#include "plan/aggorder.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/sortsupport.h"

/* A column to sort by. */
typedef struct SortKey
{
	bool is_bucket;
	uint32 *ranks; /* by id of the tags or the bucket */
} SortKey;

/* Of a sort of groups. */
typedef struct GroupOrder
{
	int nkeys;
	SortKey *keys;
} GroupOrder;

/* Of a sort of the ids of one set of keys. */
typedef struct IdOrder
{
	const TsdbAggKeys *sets;
	int position; /* of the column */
	SortSupportData support;
} IdOrder;

static List *match_pathkey(const TsdbAggQuery *query, const PathKey *pathkey);
static void set_key(SortKey *key, const TsdbAggNodeState *state, List *plan);
static void rank_ids(IdOrder *order, uint32 *ranks);
static int compare_ids(const void *a, const void *b, void *arg);
static int compare_groups(const void *a, const void *b, void *arg);

List *
tsdb_aggorder_match(const TsdbAggQuery *query, List *pathkeys)
{
	List *order = NIL;
	ListCell *lc;

	foreach (lc, pathkeys)
	{
		List *key = match_pathkey(query, lfirst_node(PathKey, lc));

		if (key == NIL)
			break;
		order = lappend(order, key);
	}
	return order;
}

TsdbAggGroup **
tsdb_aggorder_sort(const TsdbAggNodeState *state)
{
	uint32 ngroups = tsdb_agggroups_count(state->groups);
	TsdbAggGroup **groups = palloc_extended(sizeof(TsdbAggGroup *) * Max(ngroups, 1), MCXT_ALLOC_HUGE);
	GroupOrder order;
	ListCell *lc;

	order.nkeys = 0;
	order.keys = palloc(sizeof(SortKey) * list_length(state->order));
	foreach (lc, state->order)
		set_key(&order.keys[order.nkeys++], state, lfirst(lc));
	for (uint32 i = 0; i < ngroups; i++)
		groups[i] = tsdb_agggroups_at(state->groups, i);
	qsort_arg(groups, ngroups, sizeof(TsdbAggGroup *), compare_groups, &order);
	return groups;
}

// private functions

static List *
match_pathkey(const TsdbAggQuery *query, const PathKey *pathkey)
{
	ListCell *lc;

	foreach (lc, pathkey->pk_eclass->ec_members)
	{
		EquivalenceMember *member = lfirst(lc);
		Oid operator;

		for (int i = 0; i < list_length(query->keys); i++)
		{
			if (!equal(list_nth(query->keys, i), member->em_expr))
				continue;
			operator= get_opfamily_member(pathkey->pk_opfamily, member->em_datatype, member->em_datatype,
										  tsdb_compat_pathkey_is_descending(pathkey) ? BTGreaterStrategyNumber : BTLessStrategyNumber);
			if (!OidIsValid(operator))
				return NIL;
			return list_make5_int(i, (int) operator,(int) pathkey->pk_eclass->ec_collation, pathkey->pk_nulls_first,
								  !tsdb_compat_pathkey_is_descending(pathkey));
		}
	}
	return NIL;
}

static void
set_key(SortKey *key, const TsdbAggNodeState *state, List *plan)
{
	int position = linitial_int(plan);
	IdOrder order = {0};

	key->is_bucket = state->key_buckets[position];
	order.sets = key->is_bucket ? state->bucket_sets : state->tag_sets;
	order.position = state->key_positions[position];
	order.support.ssup_cxt = CurrentMemoryContext;
	order.support.ssup_collation = (Oid) lthird_int(plan);
	order.support.ssup_nulls_first = lfourth_int(plan) != 0;
	PrepareSortSupportFromOrderingOp((Oid) lsecond_int(plan), &order.support);
	key->ranks = palloc_extended(sizeof(uint32) * Max(tsdb_aggkeys_count(order.sets), 1), MCXT_ALLOC_HUGE);
	rank_ids(&order, key->ranks);
}

/* Ids whose columns are equal get the same rank. */
static void
rank_ids(IdOrder *order, uint32 *ranks)
{
	uint32 nids = tsdb_aggkeys_count(order->sets);
	uint32 *ids = palloc_extended(sizeof(uint32) * Max(nids, 1), MCXT_ALLOC_HUGE);
	uint32 rank = 0;

	for (uint32 i = 0; i < nids; i++)
		ids[i] = i;
	qsort_arg(ids, nids, sizeof(uint32), compare_ids, order);
	for (uint32 i = 0; i < nids; i++)
	{
		if (i > 0 && compare_ids(&ids[i - 1], &ids[i], order) != 0)
			rank++;
		ranks[ids[i]] = rank;
	}
	pfree(ids);
}

static int
compare_ids(const void *a, const void *b, void *arg)
{
	IdOrder *order = arg;
	const Datum *a_values;
	const Datum *b_values;
	const bool *a_isnull;
	const bool *b_isnull;

	tsdb_aggkeys_values(order->sets, *(const uint32 *) a, &a_values, &a_isnull);
	tsdb_aggkeys_values(order->sets, *(const uint32 *) b, &b_values, &b_isnull);
	return ApplySortComparator(a_values[order->position], a_isnull[order->position],
							   b_values[order->position], b_isnull[order->position], &order->support);
}

static int
compare_groups(const void *a, const void *b, void *arg)
{
	const GroupOrder *order = arg;
	const TsdbAggGroup *x = *(TsdbAggGroup *const *) a;
	const TsdbAggGroup *y = *(TsdbAggGroup *const *) b;

	for (int i = 0; i < order->nkeys; i++)
	{
		const SortKey *key = &order->keys[i];
		uint32 x_rank = key->ranks[key->is_bucket ? x->bucket : x->tags];
		uint32 y_rank = key->ranks[key->is_bucket ? y->bucket : y->tags];

		if (x_rank != y_rank)
			return x_rank < y_rank ? -1 : 1;
	}
	return 0;
}
