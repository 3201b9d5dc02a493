/*-------------------------------------------------------------------------
 *
 * edges.c
 *	  First or last row of one series after the other, told by the roots of segments.
 *
 * The root of the outermost segment has the time of its outermost row, and with each column the outermost value that
 * is not NULL and its time: when the times are equal that is the row's value, else the row has NULL there.
 */
#include "postgres.h"

#include "format/grid.h"
#include "miscadmin.h"
#include "pg/check.h"
#include "read/edges.h"
#include "read/keys.h"
#include "store/metapage.h"
#include "store/segstore.h"
#include "utils/memutils.h"

#define MAX_SEGMENTS 4 /* to look into for a group */
#define MAX_GROUPS 4 /* of each */

struct TsdbEdges
{
	Relation rel;
	TsdbReader *reader;
	Snapshot snapshot;
	bool is_backward;
	TsdbStore *store; /* NULL: nothing was ever written */
	int64 segment_us;
	TsdbSegmentScan *scan; /* NULL: not begun */
	MemoryContext context;
	MemoryContext scan_context;
	MemoryContext segment_context; /* of the segment that is looked at */
	TsdbStoredSegment stored;
	int nwanted;
	const TsdbWanted *wanted;
	TsdbSummary *summaries; /* per wanted column, of the segment */
	bool *is_stored; /* is there one? */
	TsdbBatch row; /* its one time, words and states: */
	int64 time;
	uint64 *words;
	uint8 *states;
};

static bool begin_series(TsdbEdges *edges, uint32 series, int64 from, int64 until);
static bool next_segment(TsdbEdges *edges);
static bool has_quiet_group(TsdbEdges *edges, int64 from, int64 until);
static TsdbPresence look_at_segment(TsdbEdges *edges, uint32 series, int64 from, int64 until);
static bool find_time(TsdbEdges *edges);
static void load_summaries(TsdbEdges *edges);
static void decode_summary(TsdbEdges *edges, int column_no, uint32 fields, TsdbSummary *summary);
static bool is_quiet(TsdbEdges *edges, uint32 series, int64 from, int64 until);
static bool set_cells(TsdbEdges *edges);
static bool set_cell(TsdbEdges *edges, int c);
static void make_row(TsdbEdges *edges);

TsdbEdges *
tsdb_edges_open(Relation rel, TsdbReader *reader, const TsdbWanted *wanted, int nwanted, ScanDirection direction)
{
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "tsdb edges", ALLOCSET_SMALL_SIZES);
	MemoryContext caller = MemoryContextSwitchTo(context);
	TsdbEdges *edges = palloc0(sizeof(TsdbEdges));

	edges->rel = rel;
	edges->reader = reader;
	edges->snapshot = tsdb_reader_snapshot(reader);
	edges->is_backward = ScanDirectionIsBackward(direction);
	edges->context = context;
	edges->scan_context = AllocSetContextCreate(context, "tsdb edges scan", ALLOCSET_SMALL_SIZES);
	edges->segment_context = AllocSetContextCreate(context, "tsdb edges segment", ALLOCSET_DEFAULT_SIZES);
	edges->segment_us = tsdb_metapage_segment_us(rel);
	if (edges->segment_us != 0)
		edges->store = tsdb_store_open(rel, AccessShareLock, false);
	edges->nwanted = nwanted;
	edges->wanted = wanted;
	edges->summaries = palloc_array(TsdbSummary, nwanted + 1);
	edges->is_stored = palloc_array(bool, nwanted + 1);
	make_row(edges);
	MemoryContextSwitchTo(caller);
	return edges;
}

void
tsdb_edges_close(TsdbEdges *edges)
{
	if (edges->scan != NULL)
		tsdb_segstore_endscan(edges->scan);
	if (edges->store != NULL)
		tsdb_store_close(edges->store);
	MemoryContextDelete(edges->context);
}

TsdbPresence
tsdb_edges_probe(TsdbEdges *edges, uint32 series, int64 from, int64 until)
{
	TsdbPresence presence = TSDB_PRESENCE_UNKNOWN;
	bool any = false;

	if (begin_series(edges, series, from, until))
	{
		for (int i = 0; next_segment(edges); i++)
		{
			const TsdbSegment *segment = &edges->stored.segment;

			if (segment->until_us <= from || segment->from_us >= until)
				break;
			if (has_quiet_group(edges, from, until))
				return TSDB_PRESENCE_SOME;
			if (!any && segment->nrows > 0)
				presence = look_at_segment(edges, series, from, until);
			any = any || segment->nrows > 0;
			if (presence != TSDB_PRESENCE_UNKNOWN || i == MAX_SEGMENTS)
				return presence;
		}
	}
	return any || !is_quiet(edges, series, from, until) ? TSDB_PRESENCE_UNKNOWN : TSDB_PRESENCE_NONE;
}

TsdbPresence
tsdb_edges_find(TsdbEdges *edges, uint32 series, int64 from, int64 until, const TsdbBatch **row)
{
	if (begin_series(edges, series, from, until))
	{
		while (next_segment(edges))
		{
			if (edges->stored.segment.nrows == 0)
				continue;
			edges->row.series_id = series;
			*row = &edges->row;
			return look_at_segment(edges, series, from, until);
		}
	}
	return is_quiet(edges, series, from, until) ? TSDB_PRESENCE_NONE : TSDB_PRESENCE_UNKNOWN;
}

// private functions

/* False when there can't be a segment. */
static bool
begin_series(TsdbEdges *edges, uint32 series, int64 from, int64 until)
{
	int64 time = edges->is_backward ? until - 1 : from;
	int32 segment_no;
	int64 from_us;
	int32 first;
	int32 last;

	if (edges->store == NULL || series > TSDB_STORE_MAX_ID || from >= until)
		return false;
	if (!tsdb_grid_segment(time, edges->segment_us, &segment_no, &from_us))
		segment_no = time < 0 ? PG_INT32_MIN : PG_INT32_MAX;
	first = edges->is_backward ? PG_INT32_MIN : segment_no;
	last = edges->is_backward ? segment_no : PG_INT32_MAX;
	if (edges->scan != NULL)
		tsdb_segstore_rescan(edges->scan, series, first, series, last);
	else
	{
		MemoryContext caller = MemoryContextSwitchTo(edges->scan_context);

		edges->scan = tsdb_segstore_beginscan(edges->store, edges->rel, edges->snapshot, series, first, series, last,
											  edges->is_backward);
		MemoryContextSwitchTo(caller);
	}
	return true;
}

static bool
next_segment(TsdbEdges *edges)
{
	MemoryContext caller;
	bool found;

	CHECK_FOR_INTERRUPTS();
	MemoryContextReset(edges->segment_context);
	caller = MemoryContextSwitchTo(edges->segment_context);
	found = tsdb_segstore_getnext(edges->scan, &edges->stored);
	MemoryContextSwitchTo(caller);
	return found;
}

/* Is there a group in [from, until) that nothing newer touches?  It has rows, then. */
static bool
has_quiet_group(TsdbEdges *edges, int64 from, int64 until)
{
	const TsdbSegment *segment = &edges->stored.segment;
	int nlooks = 0;

	for (uint32 i = 0; i < segment->ngroups && nlooks < MAX_GROUPS; i++)
	{
		const TsdbSegmentGroup *group = &segment->groups[i];

		if (group->from_us < from || group->until_us > until)
			continue;
		if (is_quiet(edges, segment->series, group->from_us, group->until_us))
			return true;
		nlooks++;
	}
	return false;
}

/* The row is in this segment, unless it is newer or out of the range. */
static TsdbPresence
look_at_segment(TsdbEdges *edges, uint32 series, int64 from, int64 until)
{
	MemoryContext caller = MemoryContextSwitchTo(edges->segment_context);
	bool is_found;

	load_summaries(edges);
	is_found = find_time(edges) && set_cells(edges);
	MemoryContextSwitchTo(caller);
	if (!is_found || (edges->is_backward ? edges->time >= until : edges->time < from))
		return TSDB_PRESENCE_UNKNOWN;
	if (edges->is_backward ? edges->time < from : edges->time >= until)
		return is_quiet(edges, series, from, until) ? TSDB_PRESENCE_NONE : TSDB_PRESENCE_UNKNOWN;
	if (!(edges->is_backward ? is_quiet(edges, series, edges->time, until) : is_quiet(edges, series, from, edges->time + 1)))
		return TSDB_PRESENCE_UNKNOWN;
	return TSDB_PRESENCE_SOME;
}

/* Of each wanted column that the whole segment stores. */
static void
load_summaries(TsdbEdges *edges)
{
	const TsdbSegment *segment = &edges->stored.segment;
	int at = 0;

	for (int c = 0; c < edges->nwanted; c++)
	{
		const TsdbWanted *wanted = &edges->wanted[c];

		edges->is_stored[c] = false;
		while (at < segment->ncolumns && segment->columns[at].attnum < wanted->attnum)
			at++;
		if (at == segment->ncolumns || segment->columns[at].attnum != wanted->attnum)
			continue;
		if (segment->columns[at].type != wanted->type)
			TSDB_CHECK(TSDB_CORRUPT, edges->rel, "Column %d of series %u, segment %d, has type %d instead of %d.",
					   wanted->attnum, segment->series, segment->segment_no, segment->columns[at].type, wanted->type);
		decode_summary(edges, at, TSDB_SUMMARY_FIRSTLAST, &edges->summaries[c]);
		edges->is_stored[c] = true;
	}
}

static void
decode_summary(TsdbEdges *edges, int column_no, uint32 fields, TsdbSummary *summary)
{
	const TsdbSegment *segment = &edges->stored.segment;
	const TsdbSegmentColumn *column = &segment->columns[column_no];
	uint32 n = tsdb_segment_nsummaries(segment);
	TsdbMem mem = tsdb_mem_context(CurrentMemoryContext);
	TsdbSummary *summaries = palloc_array(TsdbSummary, n);

	TSDB_CHECK(tsdb_summaries_decode(column->summaries, (TsdbType) column->type, summaries, n, segment->from_us, fields, &mem),
			   edges->rel, "The summaries of column %d of series %u, segment %d, do not decode.",
			   column->attnum, segment->series, segment->segment_no);
	*summary = summaries[0];
}

/* The time of the outermost row, from any column that all rows store; false when there is none. */
static bool
find_time(TsdbEdges *edges)
{
	const TsdbSegment *segment = &edges->stored.segment;
	const TsdbSummary *summary = NULL;
	TsdbSummary other;

	for (int c = 0; c < edges->nwanted && summary == NULL; c++)
	{
		if (edges->is_stored[c] && edges->summaries[c].nrows == segment->nrows)
			summary = &edges->summaries[c];
	}
	for (int i = 0; i < segment->ncolumns && summary == NULL; i++)
	{
		decode_summary(edges, i, TSDB_SUMMARY_COUNTS, &other);
		if (other.nrows == segment->nrows)
			summary = &other;
	}
	if (summary == NULL)
		return false;
	edges->time = edges->is_backward ? summary->last_row_time : summary->first_row_time;
	return true;
}

static bool
set_cells(TsdbEdges *edges)
{
	for (int c = 0; c < edges->nwanted; c++)
	{
		if (!set_cell(edges, c))
			return false;
	}
	return true;
}

/* The value of a column in the row at edges->time; false when that is not known: some rows are older than the column, a text. */
static bool
set_cell(TsdbEdges *edges, int c)
{
	const TsdbWanted *wanted = &edges->wanted[c];
	const TsdbSummary *summary = &edges->summaries[c];
	bool has_value = edges->is_stored[c] && summary->nvalues > 0 &&
					 edges->time == (edges->is_backward ? summary->last_time : summary->first_time);

	if (wanted->type == TSDB_TYPE_TEXT)
		return false;
	if (has_value)
		edges->words[c] = edges->is_backward ? summary->last : summary->first;
	else if (edges->is_stored[c] && summary->nrows != edges->stored.segment.nrows)
		return false;
	else if (!edges->is_stored[c] && wanted->missing_state == TSDB_CELL_VALUE)
	{
		edges->words[c] = wanted->missing_word;
		has_value = true;
	}
	edges->states[c] = has_value ? TSDB_CELL_VALUE : TSDB_CELL_NULL;
	return true;
}

/* Does no run and no pending row lie there? */
static bool
is_quiet(TsdbEdges *edges, uint32 series, int64 from, int64 until)
{
	TsdbKey lo = {series, from};
	TsdbKey hi = {series, until};
	TsdbKey found;

	return !tsdb_reader_next_version(edges->reader, lo, &found) || !key_before(found, hi);
}

static void
make_row(TsdbEdges *edges)
{
	edges->words = palloc0_array(uint64, edges->nwanted + 1);
	edges->states = palloc0_array(uint8, edges->nwanted + 1);
	edges->row.nrows = 1;
	edges->row.times = &edges->time;
	edges->row.ncolumns = edges->nwanted;
	edges->row.columns = palloc0_array(TsdbColumn, edges->nwanted + 1);
	for (int c = 0; c < edges->nwanted; c++)
	{
		edges->row.columns[c].attnum = edges->wanted[c].attnum;
		edges->row.columns[c].type = edges->wanted[c].type;
		edges->row.columns[c].words = &edges->words[c];
		edges->row.columns[c].states = &edges->states[c];
	}
}
