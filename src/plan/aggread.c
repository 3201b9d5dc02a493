/*-------------------------------------------------------------------------
 *
 * aggread.c
 *	  The reading half of TsdbAggregate: cells of every table, one after the other.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "executor/executor.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "plan/aggread.h"
#include "plan/bucketexpr.h"
#include "series/series.h"
#include "series/tsdbtable.h"
#include "store/metapage.h"
#include "utils/datum.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"
#include "write/buffer.h"

/* Into which the series ids are cut for parallel processes. */
#define UNITS 128

/* A restart skips numbers: so few are looked up to learn how many series there are. */
#define MAX_LISTED 256

static void evaluate_times_filters(TsdbAggNodeState *state);
static List *evaluate_bucket(TsdbAggNodeState *state);
static void list_cuts(const TsdbAggNodeState *state, TsdbAggregateRequest *request);
static int compare_times(const void *a, const void *b);
static void open_table(TsdbAggNodeState *state, TsdbAggTableState *table);
static bool has_local_conditions(const TsdbAggNodeState *state);
static bool next_zone(TsdbAggNodeState *state);
static void open_aggregator(TsdbAggNodeState *state, const uint32 *series, uint32 nseries);
static void start_units(TsdbAggNodeState *state);
static bool take_unit(TsdbAggNodeState *state);
static void enter_cell(TsdbAggNodeState *state, const TsdbAggregateCell *cell);
static void request_columns(TsdbAggNodeState *state, const TsdbAggTableState *table, TsdbAggregateRequest *request);
static bool wants_side(const TsdbAggNodeState *state, TsdbAggKind kind, TsdbAggKind time_kind);
static void enter_series(TsdbAggNodeState *state, const TsdbAggTableState *table, uint32 series);
static bool is_true(ExprState *expression, ExprContext *econtext);
static void fill_tags(TsdbAggNodeState *state, const TsdbAggTableState *table, uint32 series);
static bool has_tag(const TsdbAggNodeState *state, AttrNumber attnum);
static void enter_bucket(TsdbAggNodeState *state, const TsdbAggregateCell *cell);
static void compute_bucket_keys(TsdbAggNodeState *state, const TsdbAggregateCell *cell);
static void evaluate_keys(TsdbAggNodeState *state, List *keys, Datum *values, bool *isnull);
static void add_to_call(const TsdbAggCallState *call, char *states, const TsdbAggregateCell *cell);
static void add_counters(TsdbAggregateCounters *sum, const TsdbAggregateCounters *more);

void
tsdb_aggread_find_time(TsdbAggNodeState *state)
{
	const TsdbAggTableState *table = &state->tables[0];
	int attnum = 0;
	ListCell *lc;

	foreach (lc, table->attnums)
	{
		attnum++;
		if (lfirst_int(lc) == tsdb_table_get(table->rel)->time_attnum)
			state->time_attnum = (AttrNumber) attnum;
	}
}

void
tsdb_aggread_start(TsdbAggNodeState *state)
{
	TsdbAggregateRequest *request = &state->request;

	memset(request, 0, sizeof(*request));
	state->next_table = 0;
	state->nzones = state->next_zone = 0;
	state->series = 0;
	state->has_present = false;
	tsdb_aggbuckets_reset(state->seen_buckets);
	evaluate_times_filters(state);
	list_cuts(state, request);
	if (state->bucket != NIL)
	{
		tsdb_bucketexpr_rule(evaluate_bucket(state), &state->rule);
		request->rule = &state->rule;
	}
	else if (request->ncuts == 0 && !has_local_conditions(state))
	{
		request->only_first = wants_side(state, TSDB_AGG_FIRST, TSDB_AGG_MIN);
		request->only_last = wants_side(state, TSDB_AGG_LAST, TSDB_AGG_MAX);
	}
	for (int i = 0; i < state->ntables; i++)
		state->tables[i].restricted = tsdb_restriction_evaluate(state->tables[i].restriction);
}

const TsdbAggregateCell *
tsdb_aggread_next(TsdbAggNodeState *state)
{
	for (;;)
	{
		const TsdbAggregateCell *cell = state->aggregator ? tsdb_aggregator_next(state->aggregator) : NULL;

		CHECK_FOR_INTERRUPTS();
		if (cell != NULL)
		{
			enter_cell(state, cell);
			return cell;
		}
		if (state->aggregator != NULL && state->shared != NULL && take_unit(state))
			continue;
		tsdb_aggread_stop(state);
		if (next_zone(state))
			continue;
		if (state->next_table == state->ntables)
			return NULL;
		open_table(state, &state->tables[state->next_table++]);
	}
}

void
tsdb_aggread_stop(TsdbAggNodeState *state)
{
	if (state->aggregator == NULL)
		return;
	add_counters(&state->counters, tsdb_aggregator_counters(state->aggregator));
	tsdb_aggregator_close(state->aggregator);
	state->aggregator = NULL;
}

/* Series that come to be later have no rows that this snapshot sees. */
bool
tsdb_aggread_is_one_series(TsdbAggNodeState *state)
{
	const TsdbAggTableState *table = &state->tables[0];
	uint32 nseries = PG_UINT32_MAX;
	uint64 next;

	if (state->ntables != 1)
		return false;
	if (table->restricted->series != NULL)
		return table->restricted->nseries <= 1;
	next = tsdb_metapage_next(table->rel, TSDB_COUNTER_SERIES);
	if (next > 2 && next <= MAX_LISTED)
		pfree(tsdb_series_list(table->rel, tsdb_table_get(table->rel), &nseries));
	return next <= 2 || nseries <= 1;
}

uint32
tsdb_aggread_unit_series(TsdbAggNodeState *state)
{
	return 1 + (uint32) (tsdb_metapage_next(state->tables[0].rel, TSDB_COUNTER_SERIES) / UNITS);
}

void
tsdb_aggread_add(const TsdbAggNodeState *state, const TsdbAggregateCell *cell, char *states)
{
	for (int i = 0; i < state->ncalls; i++)
	{
		const TsdbAggCallState *call = &state->calls[i];

		if (!call->takes_series)
			continue;
		if (call->times_filter != NULL && (cell->first_time < call->from || cell->first_time >= call->until))
			continue;
		add_to_call(call, states, cell);
	}
}

// private functions

static void
evaluate_times_filters(TsdbAggNodeState *state)
{
	for (int i = 0; i < state->ncalls; i++)
	{
		TsdbAggCallState *call = &state->calls[i];
		const TsdbRestricted *restricted;

		if (call->times_filter == NULL)
			continue;
		restricted = tsdb_restriction_evaluate(call->times_filter);
		call->from = restricted->from;
		call->until = restricted->until;
	}
}

/* The bucketing with its arguments as constants. */
static List *
evaluate_bucket(TsdbAggNodeState *state)
{
	List *exprs = tsdb_bucketexpr_arguments(state->bucket);
	List *values = NIL;
	ListCell *expr;
	ListCell *argument;

	forboth (expr, exprs, argument, state->bucket_arguments)
	{
		Oid type = exprType(lfirst(expr));
		int16 length;
		bool by_value;
		bool isnull;
		Datum value = ExecEvalExprSwitchContext(lfirst(argument), state->econtext, &isnull);

		get_typlenbyval(type, &length, &by_value);
		if (!isnull)
			value = datumCopy(value, by_value, length);
		values = lappend(values, makeConst(type, -1, InvalidOid, length, value, isnull, by_value));
	}
	ResetExprContext(state->econtext);
	return tsdb_bucketexpr_with_arguments(state->bucket, values);
}

/* Cells end at the edges of FILTERs, so that each is wholly in or out. */
static void
list_cuts(const TsdbAggNodeState *state, TsdbAggregateRequest *request)
{
	int64 *cuts = palloc(sizeof(int64) * 2 * Max(state->ncalls, 1));
	int ncuts = 0;

	for (int i = 0; i < state->ncalls; i++)
	{
		const TsdbAggCallState *call = &state->calls[i];

		if (call->times_filter == NULL || call->from >= call->until)
			continue;
		if (call->from != PG_INT64_MIN)
			cuts[ncuts++] = call->from;
		if (call->until != PG_INT64_MAX)
			cuts[ncuts++] = call->until;
	}
	qsort(cuts, ncuts, sizeof(int64), compare_times);
	for (int i = 0; i < ncuts; i++)
	{
		if (request->ncuts == 0 || cuts[i] != cuts[request->ncuts - 1])
			cuts[request->ncuts++] = cuts[i];
	}
	request->cuts = cuts;
}

static int
compare_times(const void *a, const void *b)
{
	int64 x = *(const int64 *) a;
	int64 y = *(const int64 *) b;

	return x < y ? -1 : x > y;
}

/* Are all aggregates of the earliest (latest) row or value of something? */
static bool
wants_side(const TsdbAggNodeState *state, TsdbAggKind kind, TsdbAggKind time_kind)
{
	for (int i = 0; i < state->ncalls; i++)
	{
		const TsdbAggCall *call = &state->calls[i].call;

		if (call->kind != kind && !(call->kind == time_kind && call->source == TSDB_AGG_TIME))
			return false;
	}
	return state->ncalls > 0;
}

static void
open_table(TsdbAggNodeState *state, TsdbAggTableState *table)
{
	const TsdbRestricted *restricted = table->restricted;
	TsdbAggregateRequest *request = &state->request;

	state->table = table;
	state->series = 0; /* no series has this id */
	state->nzones = state->next_zone = 0;
	if (tsdb_restricted_is_empty(restricted))
		return;
	request_columns(state, table, request);
	request->terms = tsdb_valuefilter_evaluate(table->values, &request->nterms);
	if (table->clock == NIL)
	{
		open_aggregator(state, restricted->series, restricted->nseries);
		return;
	}
	state->local_clock = tsdb_localclock_create(table->rel, table->clock, table->clock_attnums, table->local);
	if (tsdb_localclock_is_never(state->local_clock))
		return;
	request->windows = tsdb_localclock_windows(state->local_clock);
	state->zones = tsdb_localclock_group(state->local_clock, restricted->series, restricted->nseries, &state->nzones);
}

/* Where series have clocks of their own: go on to those of the next zone. */
static bool
next_zone(TsdbAggNodeState *state)
{
	const TsdbZoneSeries *zone;

	if (state->next_zone == state->nzones)
		return false;
	zone = &state->zones[state->next_zone++];
	state->nzones_read++;
	tsdb_localclock_set_zone(state->local_clock, zone->zone);
	if (tsdb_bucketexpr_clock(state->bucket) != NIL)
	{
		/* Buckets that begin at the same time have other keys in another zone. */
		tsdb_bucketexpr_localise(&state->rule, zone->zone);
		tsdb_aggbuckets_reset(state->seen_buckets);
		state->has_present = false;
	}
	open_aggregator(state, zone->series, zone->nseries);
	return true;
}

static void
open_aggregator(TsdbAggNodeState *state, const uint32 *series, uint32 nseries)
{
	const TsdbAggTableState *table = state->table;
	Snapshot snapshot = state->css.ss.ps.state->es_snapshot;
	TsdbBatch **pending;
	int npending;

	pending = tsdb_buffer_pending(table->rel, tsdb_table_get(table->rel), snapshot->curcid, &npending);
	state->aggregator = tsdb_aggregator_open(table->rel, tsdb_table_get(table->rel), snapshot, &state->request, pending, npending);
	if (state->shared == NULL)
		tsdb_aggregator_restrict(state->aggregator, series, nseries, table->restricted->from, table->restricted->until);
	else
		start_units(state);
}

static bool
has_local_conditions(const TsdbAggNodeState *state)
{
	for (int i = 0; i < state->ntables; i++)
		if (state->tables[i].local != NIL)
			return true;
	return false;
}

/* Go to before the first unit: an aggregator with nothing to read. */
static void
start_units(TsdbAggNodeState *state)
{
	const TsdbRestricted *restricted = state->table->restricted;

	state->series_list = restricted->series;
	state->nseries = restricted->nseries;
	if (restricted->series == NULL)
		state->series_list = tsdb_series_list(state->table->rel, tsdb_table_get(state->table->rel), &state->nseries);
	state->next_series = 0;
	tsdb_aggregator_restrict(state->aggregator, state->series_list, 0, restricted->from, restricted->until);
}

/*
 * Claim a range of series ids that holds series of the list; false when there is none left.
 *
 * Ranges of ids and not of the list: a process may know series that came after the snapshot.
 */
static bool
take_unit(TsdbAggNodeState *state)
{
	const TsdbRestricted *restricted = state->table->restricted;
	uint64 unit_series = state->shared->unit_series;

	while (state->next_series < state->nseries)
	{
		uint64 until = unit_series * (pg_atomic_fetch_add_u32(&state->shared->next_unit, 1) + UINT64CONST(1));
		uint32 first;

		while (state->next_series < state->nseries && state->series_list[state->next_series] < until - unit_series)
			state->next_series++;
		first = state->next_series;
		while (state->next_series < state->nseries && state->series_list[state->next_series] < until)
			state->next_series++;
		if (state->next_series == first)
			continue;
		tsdb_aggregator_restrict(state->aggregator, state->series_list + first, state->next_series - first,
								 restricted->from, restricted->until);
		return true;
	}
	return false;
}

static void
enter_cell(TsdbAggNodeState *state, const TsdbAggregateCell *cell)
{
	state->ncells++;
	if (cell->series != state->series)
	{
		enter_series(state, state->table, cell->series);
		state->has_present = state->has_present && !state->is_streaming; /* the keys were thrown away */
	}
	state->series = cell->series;
	if (!state->has_present || cell->bucket.from != state->present.from || cell->bucket.until != state->present.until)
		enter_bucket(state, cell);
}

/* The columns and fields that the aggregates need, ascending. */
static void
request_columns(TsdbAggNodeState *state, const TsdbAggTableState *table, TsdbAggregateRequest *request)
{
	const TsdbTable *columns = tsdb_table_get(table->rel);

	request->ncolumns = 0;
	request->columns = palloc0(sizeof(TsdbAggregateColumn) * Max(columns->nvalues, 1));
	for (int i = 0; i < columns->nvalues; i++)
	{
		uint32 fields = 0;

		for (int j = 0; j < state->ncalls; j++)
		{
			TsdbAggCallState *call = &state->calls[j];

			if (call->call.source != TSDB_AGG_VALUE ||
				list_nth_int(table->attnums, call->call.attnum - 1) != columns->values[i].attnum)
				continue;
			fields |= tsdb_aggstate_fields(&call->call);
			call->column = request->ncolumns;
		}
		if (fields == 0)
			continue;
		request->columns[request->ncolumns].wanted = columns->values[i];
		request->columns[request->ncolumns].fields = fields;
		request->ncolumns++;
	}
}

/* Everything that depends on the tags alone. */
static void
enter_series(TsdbAggNodeState *state, const TsdbAggTableState *table, uint32 series)
{
	if (state->needs_tags)
		fill_tags(state, table, series);
	for (int i = 0; i < state->ncalls; i++)
	{
		TsdbAggCallState *call = &state->calls[i];

		call->takes_series = ExecQual(call->tags_filter, state->econtext) &&
							 (call->call.source != TSDB_AGG_TAG || has_tag(state, call->call.attnum));
		call->call.is_stepped = call->stepped != NULL && is_true(call->stepped, state->econtext);
	}
	ResetExprContext(state->econtext);
	evaluate_keys(state, state->tag_keys, state->tag_values, state->tag_isnull);
	if (state->is_streaming)
	{
		MemoryContext caller = MemoryContextSwitchTo(state->result_context);

		MemoryContextReset(state->result_context);
		tsdb_aggkeys_copy(state->tag_sets, state->tag_values, state->tag_isnull);
		MemoryContextSwitchTo(caller);
	}
	else
	{
		state->tags_id = tsdb_aggkeys_intern(state->tag_sets, state->tag_values, state->tag_isnull);
		ResetExprContext(state->econtext);
	}
}

static bool
is_true(ExprState *expression, ExprContext *econtext)
{
	bool isnull;
	Datum value = ExecEvalExprSwitchContext(expression, econtext, &isnull);

	return !isnull && DatumGetBool(value);
}

static void
fill_tags(TsdbAggNodeState *state, const TsdbAggTableState *table, uint32 series)
{
	const TsdbTable *columns = tsdb_table_get(table->rel);
	TupleTableSlot *row = ExecClearTuple(state->row);
	const Datum *values;
	const bool *isnull;
	int attno = 0;
	ListCell *lc;

	tsdb_series_tags(table->rel, columns, series, &values, &isnull);
	foreach (lc, table->attnums)
	{
		int attnum = lfirst_int(lc);

		if (attnum != 0 && columns->columns[attnum - 1].role == TSDB_ROLE_TAG)
		{
			row->tts_values[attno] = values[columns->columns[attnum - 1].tag_index];
			row->tts_isnull[attno] = isnull[columns->columns[attnum - 1].tag_index];
		}
		attno++;
	}
	ExecStoreVirtualTuple(row);
}

static bool
has_tag(const TsdbAggNodeState *state, AttrNumber attnum)
{
	return !state->row->tts_isnull[attnum - 1];
}

static void
enter_bucket(TsdbAggNodeState *state, const TsdbAggregateCell *cell)
{
	state->has_present = true;
	state->present = cell->bucket;
	if (state->is_streaming)
	{
		ResetExprContext(state->econtext);
		compute_bucket_keys(state, cell);
		return;
	}
	if (cell->bucket.until - cell->bucket.from == 1)
	{
		/* There may be as many as rows. */
		compute_bucket_keys(state, cell);
		state->bucket_id = tsdb_aggkeys_intern(state->bucket_sets, state->bucket_values, state->bucket_isnull);
		ResetExprContext(state->econtext);
		return;
	}
	if (tsdb_aggbuckets_find(state->seen_buckets, cell->bucket.from, &state->bucket_id))
		return;
	compute_bucket_keys(state, cell);
	state->bucket_id = tsdb_aggkeys_intern(state->bucket_sets, state->bucket_values, state->bucket_isnull);
	ResetExprContext(state->econtext);
	tsdb_aggbuckets_store(state->seen_buckets, cell->bucket.from, state->bucket_id);
}

/* Any time of the bucket will do. */
static void
compute_bucket_keys(TsdbAggNodeState *state, const TsdbAggregateCell *cell)
{
	TupleTableSlot *row = state->row;

	if (state->bucket == NIL)
		return;
	if (state->has_start_key && tsdb_aggregator_is_regular(state->aggregator, cell->bucket))
	{
		state->bucket_values[0] = TimestampTzGetDatum(cell->bucket.from);
		return;
	}
	ExecClearTuple(row);
	row->tts_values[state->time_attnum - 1] = TimestampTzGetDatum(cell->first_time);
	row->tts_isnull[state->time_attnum - 1] = false;
	ExecStoreVirtualTuple(row);
	evaluate_keys(state, state->bucket_keys, state->bucket_values, state->bucket_isnull);
}

static void
evaluate_keys(TsdbAggNodeState *state, List *keys, Datum *values, bool *isnull)
{
	int i = 0;
	ListCell *lc;

	foreach (lc, keys)
	{
		values[i] = ExecEvalExprSwitchContext(lfirst(lc), state->econtext, &isnull[i]);
		i++;
	}
}

static void
add_to_call(const TsdbAggCallState *call, char *states, const TsdbAggregateCell *cell)
{
	void *state = states + call->offset;

	switch (call->call.source)
	{
		case TSDB_AGG_ROWS:
		case TSDB_AGG_TAG:
			tsdb_aggstate_add_rows(state, cell->nrows);
			break;
		case TSDB_AGG_TIME:
			tsdb_aggstate_add_times(state, &call->call, cell->nrows, cell->first_time, cell->last_time);
			break;
		case TSDB_AGG_VALUE:
			tsdb_aggstate_add_summary(state, &call->call, &cell->summaries[call->column]);
			break;
	}
}

static void
add_counters(TsdbAggregateCounters *sum, const TsdbAggregateCounters *more)
{
	uint64 *sums = (uint64 *) sum;
	const uint64 *counters = (const uint64 *) more;

	for (Size i = 0; i < sizeof(*sum) / sizeof(uint64); i++)
		sums[i] += counters[i];
}
