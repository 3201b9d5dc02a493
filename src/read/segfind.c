/*-------------------------------------------------------------------------
 *
 * segfind.c
 *	  The nearest segment in (series, segment number) order, both ways.
 *
 * A search reads a leaf page of the index anyway, so who goes on from segment to segment gets
 * more and more of them by one search.
 */
#include "postgres.h"

#include "access/sdir.h"
#include "read/segfind.h"

#define MAX_AHEAD 64 /* segments that one search finds */

typedef struct SegmentKey
{
	uint32 series;
	int32 segment_no;
} SegmentKey;

/* Segments that the last search in one direction found, in the order of that direction without a gap. */
typedef struct Memo
{
	bool valid;
	bool is_last; /* there is none behind them */
	SegmentKey origin; /* searched from */
	uint32 nkeys;
	uint32 at; /* the last answer, or nkeys */
	uint32 nahead; /* how many the next search looks for */
	SegmentKey keys[MAX_AHEAD];
} Memo;

struct TsdbSegmentFinder
{
	TsdbStore *store;
	Snapshot snapshot;
	uint32 series_from; /* searches stay inside, both inclusive */
	uint32 series_upto;
	Memo after;
	Memo before;
};

static bool find_segment(TsdbSegmentFinder *finder, Memo *memo, SegmentKey key, ScanDirection direction, SegmentKey *found);
static bool recall(Memo *memo, SegmentKey key, ScanDirection direction);
static void search_segments(TsdbSegmentFinder *finder, Memo *memo, SegmentKey key, ScanDirection direction);
static int compare_segments(SegmentKey a, SegmentKey b, ScanDirection direction);

TsdbSegmentFinder *
tsdb_segfind_create(TsdbStore *store, Snapshot snapshot)
{
	TsdbSegmentFinder *finder = palloc0(sizeof(TsdbSegmentFinder));

	finder->store = store;
	finder->snapshot = snapshot;
	finder->series_upto = TSDB_STORE_MAX_ID;
	return finder;
}

void
tsdb_segfind_free(TsdbSegmentFinder *finder)
{
	pfree(finder);
}

void
tsdb_segfind_restrict(TsdbSegmentFinder *finder, uint32 series_from, uint32 series_upto)
{
	finder->series_from = series_from;
	finder->series_upto = Min(series_upto, TSDB_STORE_MAX_ID);
	finder->after.valid = false;
	finder->before.valid = false;
}

bool
tsdb_segfind_after(TsdbSegmentFinder *finder, uint32 series, int32 segment_no, uint32 *found_series, int32 *found_no)
{
	SegmentKey key = {series, segment_no};
	SegmentKey found;

	if (!find_segment(finder, &finder->after, key, ForwardScanDirection, &found))
		return false;
	*found_series = found.series;
	*found_no = found.segment_no;
	return true;
}

bool
tsdb_segfind_before(TsdbSegmentFinder *finder, uint32 series, int32 segment_no, uint32 *found_series, int32 *found_no)
{
	SegmentKey key = {series, segment_no};
	SegmentKey found;

	if (!find_segment(finder, &finder->before, key, BackwardScanDirection, &found))
		return false;
	*found_series = found.series;
	*found_no = found.segment_no;
	return true;
}

// private functions

/* The first segment at or behind key in this direction. */
static bool
find_segment(TsdbSegmentFinder *finder, Memo *memo, SegmentKey key, ScanDirection direction, SegmentKey *found)
{
	Memo *other = ScanDirectionIsBackward(direction) ? &finder->after : &finder->before;

	if (!recall(memo, key, direction))
		search_segments(finder, memo, key, direction);
	if (memo->at == memo->nkeys)
		return false;
	*found = memo->keys[memo->at];

	/* A search in the other direction mostly starts right here. */
	if (!recall(other, *found, -direction))
	{
		other->valid = true;
		other->is_last = false;
		other->origin = other->keys[0] = *found;
		other->nkeys = 1;
		other->at = 0;
		other->nahead = 1;
	}
	return true;
}

/* Is the answer known?  Then it is at memo->at. */
static bool
recall(Memo *memo, SegmentKey key, ScanDirection direction)
{
	if (!memo->valid || compare_segments(memo->origin, key, direction) > 0)
		return false;
	while (memo->at > 0 && compare_segments(memo->keys[memo->at - 1], key, direction) >= 0)
		memo->at--;
	while (memo->at < memo->nkeys && compare_segments(memo->keys[memo->at], key, direction) < 0)
		memo->at++;
	return memo->at < memo->nkeys || memo->is_last;
}

/* Who asks for one behind the last search's gets more at once. */
static void
search_segments(TsdbSegmentFinder *finder, Memo *memo, SegmentKey key, ScanDirection direction)
{
	bool is_backward = ScanDirectionIsBackward(direction);
	bool is_next = memo->valid && memo->nkeys > 0 && memo->at == memo->nkeys;
	TsdbStoreScan *scan;
	TsdbStoreRow row;

	memo->nahead = is_next ? Min(memo->nahead * 2, MAX_AHEAD) : 1;
	memo->valid = true;
	memo->origin = key;
	memo->nkeys = memo->at = 0;
	if (is_backward)
		scan = tsdb_store_beginscan(finder->store, finder->snapshot, TSDB_KIND_SEGMENT,
									finder->series_from, PG_INT32_MIN, key.series, key.segment_no, true);
	else
		scan = tsdb_store_beginscan(finder->store, finder->snapshot, TSDB_KIND_SEGMENT,
									key.series, key.segment_no, finder->series_upto, PG_INT32_MAX, false);
	while (memo->nkeys < memo->nahead && tsdb_store_getnext(scan, &row))
	{
		memo->keys[memo->nkeys].series = row.id;
		memo->keys[memo->nkeys].segment_no = row.seq;
		memo->nkeys++;
	}
	memo->is_last = memo->nkeys < memo->nahead;
	tsdb_store_endscan(scan);
}

static int
compare_segments(SegmentKey a, SegmentKey b, ScanDirection direction)
{
	int order = a.series != b.series ? (a.series < b.series ? -1 : 1) : (a.segment_no > b.segment_no) - (a.segment_no < b.segment_no);

	return ScanDirectionIsBackward(direction) ? -order : order;
}
