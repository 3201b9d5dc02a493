/*-------------------------------------------------------------------------
 *
 * aggregate.c
 *	  Summaries of series over buckets of time: pieces -> cells.
 *
 * The walk (aggregate_walk.c) brings pieces in order of (series, time).  A piece that is a summary lies
 * inside one cell by construction; windows of rows are cut here.
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "format/number.h"
#include "miscadmin.h"
#include "pg/check.h"
#include "read/aggregate_private.h"
#include "series/series.h"
#include "utils/memutils.h"

static void copy_request(TsdbAggregator *aggregator, const TsdbAggregateRequest *request);
static void list_sources(TsdbAggregator *aggregator, const TsdbTable *table);
static TsdbAggregateSource *add_source(TsdbAggregator *aggregator, const TsdbTable *table, int16 attnum);
static int compare_sources(const void *a, const void *b);
static int find_source(const TsdbAggregator *aggregator, int16 attnum);
static void open_cell(TsdbAggregator *aggregator, int64 time);
static bool close_cell(TsdbAggregator *aggregator);
static void take_piece(TsdbAggregator *aggregator);
static void take_summaries(TsdbAggregator *aggregator);
static void take_rows(TsdbAggregator *aggregator);
static bool has_all(const TsdbAggregator *aggregator);
static const TsdbAggregateCell *next_last(TsdbAggregator *aggregator);
static bool has_found_all(const TsdbAggregator *aggregator);
static void take_older(TsdbAggregator *aggregator);
static void close_found(TsdbAggregator *aggregator);
static void add_rows(TsdbAggregator *aggregator, const uint32 *rows, uint32 from, uint32 n);
static uint32 find_row(const TsdbBatch *batch, uint32 from, uint32 until, int64 time);

TsdbAggregator *
tsdb_aggregator_open(Relation rel, const TsdbTable *table, Snapshot snapshot, const TsdbAggregateRequest *request,
					 TsdbBatch **pending, int npending)
{
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "tsdb aggregator", ALLOCSET_DEFAULT_SIZES);
	MemoryContext old = MemoryContextSwitchTo(context);
	TsdbAggregator *aggregator = palloc0(sizeof(TsdbAggregator));
	TsdbWanted *wanted;

	aggregator->context = context;
	aggregator->row_context = AllocSetContextCreate(context, "tsdb aggregated rows", ALLOCSET_DEFAULT_SIZES);
	aggregator->rel = rel;
	copy_request(aggregator, request);
	aggregator->table = table;
	aggregator->is_backward = request->only_last && !request->only_first && request->ncuts == 0 &&
							  (request->rule == NULL || request->rule->kind == TSDB_BUCKETS_NONE);
	aggregator->is_found = palloc0_array(bool, request->ncolumns + 1);
	list_sources(aggregator, table);
	wanted = palloc_array(TsdbWanted, aggregator->nsources + 1);
	for (int s = 0; s < aggregator->nsources; s++)
		wanted[s] = aggregator->sources[s].wanted;
	aggregator->reader = tsdb_reader_open(rel, table, snapshot, wanted, aggregator->nsources, pending, npending);
	tsdb_reader_set_filter(aggregator->reader, aggregator->request.terms, aggregator->request.nterms);
	aggregator->walk = tsdb_aggregate_walk_open(aggregator, table, snapshot);
	if (request->rule != NULL && request->rule->kind != TSDB_BUCKETS_NONE)
		aggregator->buckets = tsdb_buckets_create(aggregator->request.rule);
	aggregator->cell.summaries = palloc0_array(TsdbSummary, request->ncolumns + 1);
	MemoryContextSwitchTo(old);
	return aggregator;
}

void
tsdb_aggregator_close(TsdbAggregator *aggregator)
{
	tsdb_aggregate_walk_close(aggregator->walk);
	tsdb_reader_close(aggregator->reader);
	MemoryContextDelete(aggregator->context);
}

void
tsdb_aggregator_restrict(TsdbAggregator *aggregator, const uint32 *series, uint32 nseries, int64 from, int64 until)
{
	MemoryContext old = MemoryContextSwitchTo(aggregator->context);

	tsdb_aggregate_walk_restrict(aggregator->walk, series, nseries, from, until);
	aggregator->is_open = false;
	aggregator->has_piece = false;
	aggregator->next_series = 0;
	if (aggregator->is_backward)
	{
		if (aggregator->series != NULL)
			pfree(aggregator->series);
		aggregator->series = NULL;
		aggregator->nseries = nseries;
		if (series != NULL)
		{
			aggregator->series = palloc_extended(sizeof(uint32) * Max((Size) nseries, 1), MCXT_ALLOC_HUGE);
			memcpy(aggregator->series, series, sizeof(uint32) * nseries);
		}
	}
	MemoryContextSwitchTo(old);
}

const TsdbAggregateCell *
tsdb_aggregator_next(TsdbAggregator *aggregator)
{
	TsdbAggregatePiece *piece = &aggregator->piece;

	if (aggregator->is_backward)
		return next_last(aggregator);
	for (;;)
	{
		int64 time;

		CHECK_FOR_INTERRUPTS();
		if (!aggregator->has_piece && !tsdb_aggregate_walk_next(aggregator->walk, piece))
			return close_cell(aggregator) ? &aggregator->cell : NULL;
		aggregator->has_piece = true;
		time = piece->summaries != NULL || piece->strip != NULL ? piece->first_time : piece->batch->times[piece->row];
		if (aggregator->is_open &&
			(aggregator->cell.series != piece->series || time >= aggregator->cell.bucket.until) &&
			close_cell(aggregator))
			return &aggregator->cell;
		if (!aggregator->is_open)
			open_cell(aggregator, time);
		take_piece(aggregator);
		if (aggregator->request.only_first && aggregator->cell.bucket.until == PG_INT64_MAX && has_all(aggregator))
		{
			aggregator->has_piece = false;
			tsdb_aggregate_walk_skip(aggregator->walk);
			close_cell(aggregator);
			return &aggregator->cell;
		}
	}
}

const TsdbAggregateCounters *
tsdb_aggregator_counters(TsdbAggregator *aggregator)
{
	tsdb_aggregate_walk_count(aggregator->walk);
	return &aggregator->counters;
}

bool
tsdb_aggregator_is_regular(const TsdbAggregator *aggregator, TsdbBucket bucket)
{
	return aggregator->buckets != NULL && aggregator->request.ncuts == 0 &&
		   tsdb_buckets_is_regular(aggregator->buckets, bucket);
}

TsdbBucket
tsdb_aggregate_bucket(TsdbAggregator *aggregator, int64 time)
{
	const TsdbAggregateRequest *request = &aggregator->request;
	TsdbBucket bucket = {PG_INT64_MIN, PG_INT64_MAX};
	int low = 0;
	int high = request->ncuts;

	if (aggregator->bucket.from <= time && time < aggregator->bucket.until)
		return aggregator->bucket;
	if (aggregator->buckets != NULL)
		bucket = tsdb_buckets_find(aggregator->buckets, time);
	while (low < high) /* the first cut above time */
	{
		int middle = low + (high - low) / 2;

		if (request->cuts[middle] <= time)
			low = middle + 1;
		else
			high = middle;
	}
	if (low > 0)
		bucket.from = Max(bucket.from, request->cuts[low - 1]);
	if (low < request->ncuts)
		bucket.until = Min(bucket.until, request->cuts[low]);
	aggregator->bucket = bucket;
	return bucket;
}

// private functions

static void
copy_request(TsdbAggregator *aggregator, const TsdbAggregateRequest *request)
{
	TsdbAggregateRequest *copy = &aggregator->request;
	TsdbAggregateColumn *columns = palloc_array(TsdbAggregateColumn, request->ncolumns + 1);
	TsdbFilterTerm *terms = palloc_array(TsdbFilterTerm, request->nterms + 1);
	int64 *cuts = palloc_array(int64, request->ncuts + 1);

	*copy = *request;
	if (request->ncolumns > 0)
		memcpy(columns, request->columns, sizeof(TsdbAggregateColumn) * request->ncolumns);
	if (request->nterms > 0)
		memcpy(terms, request->terms, sizeof(TsdbFilterTerm) * request->nterms);
	if (request->ncuts > 0)
		memcpy(cuts, request->cuts, sizeof(int64) * request->ncuts);
	copy->columns = columns;
	copy->terms = terms;
	copy->cuts = cuts;
	if (request->rule != NULL)
	{
		TsdbBucketRule *rule = palloc_object(TsdbBucketRule);

		*rule = *request->rule;
		copy->rule = rule;
	}
}

/* Asked columns, columns of conditions, quality columns: each once. */
static void
list_sources(TsdbAggregator *aggregator, const TsdbTable *table)
{
	const TsdbAggregateRequest *request = &aggregator->request;

	aggregator->sources = palloc0_array(TsdbAggregateSource, request->ncolumns * 2 + request->nterms + 1);
	for (int i = 0; i < request->ncolumns; i++)
	{
		const TsdbAggregateColumn *column = &request->columns[i];
		TsdbAggregateSource *source = add_source(aggregator, table, column->wanted.attnum);

		source->wanted = column->wanted;
		source->output = i;
		source->asked = column->fields | TSDB_SUMMARY_COUNTS;
		source->fields |= source->asked;
	}
	for (int i = 0; i < request->nterms; i++)
	{
		TsdbAggregateSource *source = add_source(aggregator, table, request->terms[i].attnum);

		source->fields |= TSDB_FILTER_FIELDS;
	}
	for (int i = 0; i < request->ncolumns; i++)
	{
		int16 quality_attnum = table->columns[request->columns[i].wanted.attnum - 1].quality_attnum;

		if (quality_attnum > 0 && (request->columns[i].fields & TSDB_SUMMARY_QUALITY))
			add_source(aggregator, table, quality_attnum);
	}
	qsort(aggregator->sources, aggregator->nsources, sizeof(TsdbAggregateSource), compare_sources);
	for (int s = 0; s < aggregator->nsources; s++)
	{
		TsdbAggregateSource *source = &aggregator->sources[s];

		if (source->asked & TSDB_SUMMARY_QUALITY)
			source->quality = find_source(aggregator, source->quality_attnum);
	}
}

static TsdbAggregateSource *
add_source(TsdbAggregator *aggregator, const TsdbTable *table, int16 attnum)
{
	TsdbAggregateSource *source = &aggregator->sources[aggregator->nsources];
	int found = find_source(aggregator, attnum);

	if (found >= 0)
		return &aggregator->sources[found];
	source->output = source->quality = -1;
	source->quality_attnum = table->columns[attnum - 1].quality_attnum;
	for (int i = 0; i < table->nvalues; i++)
		if (table->values[i].attnum == attnum)
			source->wanted = table->values[i];
	if (source->wanted.attnum != attnum)
		elog(ERROR, "column %d of table \"%s\" holds no values", attnum, RelationGetRelationName(aggregator->rel));
	aggregator->nsources++;
	return source;
}

static int
compare_sources(const void *a, const void *b)
{
	return ((const TsdbAggregateSource *) a)->wanted.attnum - ((const TsdbAggregateSource *) b)->wanted.attnum;
}

static int
find_source(const TsdbAggregator *aggregator, int16 attnum)
{
	for (int s = 0; s < aggregator->nsources; s++)
		if (aggregator->sources[s].wanted.attnum == attnum)
			return s;
	return -1;
}

static void
open_cell(TsdbAggregator *aggregator, int64 time)
{
	TsdbAggregateCell *cell = &aggregator->cell;

	cell->series = aggregator->piece.series;
	cell->bucket = tsdb_aggregate_bucket(aggregator, time);
	cell->nrows = 0;
	/* Fields of no values count as much as those that were not asked for. */
	for (int i = 0; i < aggregator->request.ncolumns; i++)
		cell->summaries[i].nrows = cell->summaries[i].nvalues = 0;
	aggregator->is_open = true;
}

/* False when no row of the cell was let through. */
static bool
close_cell(TsdbAggregator *aggregator)
{
	bool was_open = aggregator->is_open;

	aggregator->is_open = false;
	if (!was_open || aggregator->cell.nrows == 0)
		return false;
	for (int i = 0; i < aggregator->request.ncolumns; i++)
		tsdb_aggregate_finish(&aggregator->cell.summaries[i], aggregator->request.columns[i].wanted.type,
							  aggregator->request.columns[i].fields);
	return true;
}

static void
take_piece(TsdbAggregator *aggregator)
{
	if (aggregator->piece.summaries != NULL || aggregator->piece.strip != NULL)
		take_summaries(aggregator);
	else
		take_rows(aggregator);
}

static void
take_summaries(TsdbAggregator *aggregator)
{
	TsdbAggregateCell *cell = &aggregator->cell;
	const TsdbAggregatePiece *piece = &aggregator->piece;

	if (cell->nrows == 0)
		cell->first_time = piece->first_time;
	cell->last_time = piece->last_time;
	cell->nrows += piece->nrows;
	for (int s = 0; s < aggregator->nsources; s++)
	{
		const TsdbAggregateSource *source = &aggregator->sources[s];

		if (source->output < 0 || source->is_closed)
			continue;
		if (piece->strip != NULL)
			tsdb_aggregate_add(&cell->summaries[source->output], &piece->strip->arrays[s],
							   piece->strip->offsets[s] + piece->index, piece->nstretches, source->asked);
		else
			tsdb_aggregate_merge(&cell->summaries[source->output], piece->summaries[s], source->wanted.type, source->asked);
	}
	aggregator->has_piece = false;
}

/* The rows of the piece that lie in the cell. */
static void
take_rows(TsdbAggregator *aggregator)
{
	TsdbAggregatePiece *piece = &aggregator->piece;
	const TsdbBatch *batch = piece->batch;
	const TsdbAggregateRequest *request = &aggregator->request;
	uint32 from = piece->row;
	uint32 until = find_row(batch, from, piece->until, aggregator->cell.bucket.until);
	MemoryContext old = MemoryContextSwitchTo(aggregator->row_context);

	if (request->nterms == 0)
		add_rows(aggregator, NULL, from, until - from);
	else
	{
		uint32 *rows = palloc_array(uint32, until - from);
		uint32 n = tsdb_filter_select(request->terms, request->nterms, batch, from, until, rows);

		if (n == until - from)
			add_rows(aggregator, NULL, from, n);
		else if (n > 0)
			add_rows(aggregator, rows, 0, n);
	}
	MemoryContextSwitchTo(old);
	MemoryContextReset(aggregator->row_context);
	piece->row = until;
	aggregator->has_piece = until < piece->until;
}

/* Is there a row, and a value of each column? */
static bool
has_all(const TsdbAggregator *aggregator)
{
	for (int i = 0; i < aggregator->request.ncolumns; i++)
		if (aggregator->cell.summaries[i].nvalues == 0)
			return false;
	return aggregator->cell.nrows > 0;
}

/* Go back in each series until the last value of each column is found. */
static const TsdbAggregateCell *
next_last(TsdbAggregator *aggregator)
{
	if (aggregator->series == NULL)
	{
		MemoryContext old = MemoryContextSwitchTo(aggregator->context);

		aggregator->series = tsdb_series_list(aggregator->rel, aggregator->table, &aggregator->nseries);
		MemoryContextSwitchTo(old);
	}
	while (aggregator->next_series < aggregator->nseries)
	{
		TsdbAggregateCell *cell = &aggregator->cell;

		CHECK_FOR_INTERRUPTS();
		aggregator->piece.series = aggregator->series[aggregator->next_series++];
		open_cell(aggregator, 0);
		aggregator->was_forward = false;
		memset(aggregator->is_found, 0, sizeof(bool) * aggregator->request.ncolumns);
		for (int s = 0; s < aggregator->nsources; s++)
			aggregator->sources[s].is_closed = false;
		tsdb_aggregate_back_begin(aggregator->walk, cell->series);
		while (!has_found_all(aggregator) && tsdb_aggregate_back_next(aggregator->walk, &aggregator->piece))
			take_older(aggregator);
		if (close_cell(aggregator))
			return cell;
	}
	return NULL;
}

static bool
has_found_all(const TsdbAggregator *aggregator)
{
	for (int i = 0; i < aggregator->request.ncolumns; i++)
		if (!aggregator->is_found[i])
			return false;
	return aggregator->cell.nrows > 0;
}

/* Of the piece what nothing newer has a value for. */
static void
take_older(TsdbAggregator *aggregator)
{
	TsdbAggregateCell *cell = &aggregator->cell;
	TsdbAggregatePiece *piece = &aggregator->piece;
	uint64 nrows = cell->nrows;
	int64 last_time = cell->last_time;

	/* Pieces of one stretch forward follow one another: none of them has the last word. */
	if (!piece->is_forward || !aggregator->was_forward)
		close_found(aggregator);
	aggregator->was_forward = piece->is_forward;
	take_piece(aggregator);
	if (nrows > 0)
		cell->last_time = Max(last_time, cell->last_time);
	if (!piece->is_forward)
		close_found(aggregator);
}

/* Nothing older counts for columns that have a value. */
static void
close_found(TsdbAggregator *aggregator)
{
	for (int s = 0; s < aggregator->nsources; s++)
	{
		TsdbAggregateSource *source = &aggregator->sources[s];

		if (source->output >= 0 && aggregator->cell.summaries[source->output].nvalues > 0)
			source->is_closed = aggregator->is_found[source->output] = true;
	}
}

static void
add_rows(TsdbAggregator *aggregator, const uint32 *rows, uint32 from, uint32 n)
{
	TsdbAggregateCell *cell = &aggregator->cell;
	const TsdbBatch *batch = aggregator->piece.batch;

	if (cell->nrows == 0)
		cell->first_time = batch->times[rows != NULL ? rows[0] : from];
	cell->last_time = batch->times[rows != NULL ? rows[n - 1] : from + n - 1];
	cell->nrows += n;
	for (int s = 0; s < aggregator->nsources; s++)
	{
		const TsdbAggregateSource *source = &aggregator->sources[s];

		if (source->output >= 0 && !source->is_closed)
			tsdb_aggregate_fold(&cell->summaries[source->output], source->asked, batch, &batch->columns[s],
								source->quality >= 0 ? &batch->columns[source->quality] : NULL, rows, from, n);
	}
}

/* The first row of [from, until) that is not before time, or until. */
static uint32
find_row(const TsdbBatch *batch, uint32 from, uint32 until, int64 time)
{
	uint32 low = from;
	uint32 high = until;

	if (time == PG_INT64_MAX || batch->times[until - 1] < time)
		return until;
	while (low < high)
	{
		uint32 middle = low + (high - low) / 2;

		if (batch->times[middle] < time)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}
