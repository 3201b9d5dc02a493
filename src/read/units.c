/*-------------------------------------------------------------------------
 *
 * units.c
 *	  Pieces of a table for the processes of a parallel scan.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "format/grid.h"
#include "miscadmin.h"
#include "read/keys.h"
#include "read/units.h"

typedef struct UnitList
{
	uint32 n;
	uint32 capacity;
	TsdbKey *keys;
} UnitList;

static void add_unit(UnitList *list, TsdbKey key);
static int compare_keys(const void *a, const void *b);

TsdbKey *
tsdb_units_list(TsdbStore *store, Snapshot snapshot, int64 segment_us, TsdbRunSet *runs, uint32 *nunits)
{
	UnitList list = {0, 64, palloc_array(TsdbKey, 64)};
	TsdbStoreRow row;

	add_unit(&list, KEY_MIN);
	if (store != NULL)
	{
		TsdbStoreScan *scan = tsdb_store_beginscan(store, snapshot, TSDB_KIND_SEGMENT,
												   0, PG_INT32_MIN, TSDB_STORE_MAX_ID, PG_INT32_MAX, false);

		while (tsdb_store_getnext(scan, &row))
		{
			TsdbKey key = {row.id, tsdb_grid_segment_start(row.seq, segment_us)};

			CHECK_FOR_INTERRUPTS();
			add_unit(&list, key);
		}
		tsdb_store_endscan(scan);
	}
	for (TsdbKey key = KEY_MIN; tsdb_runset_start(runs, key, &key); key = key_after(key))
		add_unit(&list, key);
	qsort(list.keys, list.n, sizeof(TsdbKey), compare_keys);

	*nunits = 0;
	for (uint32 i = 0; i < list.n; i++)
		if (i == 0 || compare_keys(&list.keys[*nunits - 1], &list.keys[i]) != 0)
			list.keys[(*nunits)++] = list.keys[i];
	return list.keys;
}

// private functions

static void
add_unit(UnitList *list, TsdbKey key)
{
	if (list->n == list->capacity)
		list->keys = repalloc_huge(list->keys, sizeof(TsdbKey) * (list->capacity *= 2));
	list->keys[list->n++] = key;
}

static int
compare_keys(const void *a, const void *b)
{
	return tsdb_key_compare(*(const TsdbKey *) a, *(const TsdbKey *) b);
}
