/*-------------------------------------------------------------------------
 *
 * timeslices.c
 *	  Rows of many series in order of time: read slice by slice, each one sorted.
 *
 * Every slice costs a search in every series, so the first one is made for a few thousand rows.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "common/int.h"
#include "executor/executor.h"
#include "miscadmin.h"
#include "plan/timeslices.h"
#include "utils/memutils.h"
#include "utils/tuplesort.h"
#include "utils/typcache.h"

#define SHORTEST_US USECS_PER_SEC
#define GOOD_ROWS 4000 /* of the first slice */
#define FEW_ROWS 2000 /* fewer: the next slice is longer */
#define MANY_ROWS 50000 /* more: it is shorter */

struct TsdbTimeSlices
{
	MemoryContext context;
	AttrNumber time_attnum;
	Oid sort_op;
	bool is_backward;
	TupleTableSlot *unsorted_slot; /* rows with their TID in a column behind the others */
	TupleTableSlot *sorted_slot;
	int64 from; /* not read yet */
	int64 until;
	int64 width_us; /* of the next slice */
	uint64 nrows; /* in the open one */
	bool is_sorted;
	Tuplesortstate *sort; /* NULL: no slice is open */
};

static TupleDesc add_tid(TupleDesc desc);
static void close_slice(TsdbTimeSlices *slices);
static void choose_width(TsdbTimeSlices *slices);

TsdbTimeSlices *
tsdb_timeslices_create(TupleDesc desc, AttrNumber time_attnum, bool is_backward)
{
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "tsdb time slices", ALLOCSET_SMALL_SIZES);
	MemoryContext caller = MemoryContextSwitchTo(context);
	TsdbTimeSlices *slices = palloc0(sizeof(TsdbTimeSlices));
	TypeCacheEntry *type = lookup_type_cache(TIMESTAMPTZOID, TYPECACHE_LT_OPR | TYPECACHE_GT_OPR);

	slices->context = context;
	slices->time_attnum = time_attnum;
	slices->sort_op = is_backward ? type->gt_opr : type->lt_opr;
	slices->is_backward = is_backward;
	desc = add_tid(desc);
	slices->unsorted_slot = MakeSingleTupleTableSlot(desc, &TTSOpsVirtual);
	slices->sorted_slot = MakeSingleTupleTableSlot(desc, &TTSOpsMinimalTuple);
	MemoryContextSwitchTo(caller);
	return slices;
}

void
tsdb_timeslices_free(TsdbTimeSlices *slices)
{
	close_slice(slices);
	ExecDropSingleTupleTableSlot(slices->unsorted_slot);
	ExecDropSingleTupleTableSlot(slices->sorted_slot);
	MemoryContextDelete(slices->context);
}

void
tsdb_timeslices_start(TsdbTimeSlices *slices, int64 from, int64 until, double nrows)
{
	double width_us = ((double) until - (double) from) * GOOD_ROWS / Max(nrows, 1);

	close_slice(slices);
	slices->from = from;
	slices->until = until;
	slices->width_us = (int64) Max(SHORTEST_US, Min(width_us, 1e17));
	slices->nrows = MANY_ROWS; /* leave the width alone */
}

bool
tsdb_timeslices_open(TsdbTimeSlices *slices, int64 *from, int64 *until)
{
	Oid collation = InvalidOid;
	bool nulls_first = false;
	MemoryContext caller;

	if (slices->sort != NULL)
		choose_width(slices);
	close_slice(slices);
	if (slices->from >= slices->until)
		return false;

	*from = slices->from;
	*until = slices->until;
	if (slices->is_backward)
	{
		if (!pg_sub_s64_overflow(slices->until, slices->width_us, from))
			*from = Max(*from, slices->from);
		else
			*from = slices->from;
		slices->until = *from;
	}
	else
	{
		if (!pg_add_s64_overflow(slices->from, slices->width_us, until))
			*until = Min(*until, slices->until);
		else
			*until = slices->until;
		slices->from = *until;
	}

	caller = MemoryContextSwitchTo(slices->context);
	slices->sort = tuplesort_begin_heap(slices->sorted_slot->tts_tupleDescriptor, 1, &slices->time_attnum, &slices->sort_op,
										&collation, &nulls_first, work_mem, NULL, TUPLESORT_NONE);
	MemoryContextSwitchTo(caller);
	slices->nrows = 0;
	slices->is_sorted = false;
	return true;
}

void
tsdb_timeslices_put(TsdbTimeSlices *slices, TupleTableSlot *slot)
{
	TupleTableSlot *unsorted = slices->unsorted_slot;
	int natts = slot->tts_tupleDescriptor->natts;
	int64 tid = 0;

	memcpy(&tid, &slot->tts_tid, sizeof(ItemPointerData));
	ExecClearTuple(unsorted);
	memcpy(unsorted->tts_values, slot->tts_values, sizeof(Datum) * natts);
	memcpy(unsorted->tts_isnull, slot->tts_isnull, sizeof(bool) * natts);
	unsorted->tts_values[natts] = Int64GetDatum(tid);
	unsorted->tts_isnull[natts] = false;
	ExecStoreVirtualTuple(unsorted);
	tuplesort_puttupleslot(slices->sort, unsorted);
	slices->nrows++;
}

bool
tsdb_timeslices_get(TsdbTimeSlices *slices, TupleTableSlot *slot)
{
	TupleTableSlot *sorted = slices->sorted_slot;
	int natts = slot->tts_tupleDescriptor->natts;
	int64 tid;

	if (slices->sort == NULL)
		return false;
	if (!slices->is_sorted)
		tuplesort_performsort(slices->sort);
	slices->is_sorted = true;
	if (!tuplesort_gettupleslot(slices->sort, true, false, sorted, NULL))
		return false;

	slot_getallattrs(sorted);
	ExecClearTuple(slot);
	memcpy(slot->tts_values, sorted->tts_values, sizeof(Datum) * natts);
	memcpy(slot->tts_isnull, sorted->tts_isnull, sizeof(bool) * natts);
	ExecStoreVirtualTuple(slot);
	tid = DatumGetInt64(sorted->tts_values[natts]);
	memcpy(&slot->tts_tid, &tid, sizeof(ItemPointerData));
	return true;
}

// private functions

static TupleDesc
add_tid(TupleDesc desc)
{
	TupleDesc with_tid = CreateTemplateTupleDesc(desc->natts + 1);

	for (int i = 1; i <= desc->natts; i++)
		TupleDescCopyEntry(with_tid, i, desc, i);
	TupleDescInitEntry(with_tid, desc->natts + 1, "tid", INT8OID, -1, 0);
	return with_tid;
}

static void
close_slice(TsdbTimeSlices *slices)
{
	if (slices->sort == NULL)
		return;
	ExecClearTuple(slices->sorted_slot);
	tuplesort_end(slices->sort);
	slices->sort = NULL;
}

/* After a slice has been read. */
static void
choose_width(TsdbTimeSlices *slices)
{
	if (slices->nrows == 0)
		slices->width_us *= 8;
	else if (slices->nrows < FEW_ROWS)
		slices->width_us *= 4;
	else if (slices->nrows > MANY_ROWS)
		slices->width_us = Max(slices->width_us / 2, SHORTEST_US);
	slices->width_us = Min(slices->width_us, PG_INT64_MAX / 16);
}
