/*-------------------------------------------------------------------------
 *
 * verify.c
 *	  Read everything that a table stores and tell what is wrong with it.
 *
 * First a list of what there is: keys of runs, segments and pages.  Then each
 * run and segment is decoded down to the last cell (segments in verifysegment.c), in a
 * subtransaction with a store of its own, since a decoder that raises an error leaves pins
 * behind.  At last the pages that nobody refers to.
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "maint/compaction.h"
#include "maint/progress.h"
#include "maint/verify.h"
#include "maint/verify_private.h"
#include "miscadmin.h"
#include "pg/check.h"
#include "series/series.h"
#include "store/metapage.h"
#include "store/runbase.h"
#include "store/runstore.h"
#include "utils/memutils.h"
#include "utils/resowner.h"

static void copy_table(TsdbVerification *verification);
static void check_dictionary(TsdbVerification *verification);
static void check_series_rows(TsdbVerification *verification);
static void drop_unnamed_series(TsdbVerification *verification);
static int compare_ids(const void *a, const void *b);
static uint32 list_keys(TsdbVerification *verification, TsdbKind kind, TsdbObjectKey **keys);
static void verify_guarded(TsdbVerification *verification, const TsdbObjectKey *key,
						   void (*verify)(TsdbVerification *verification, const TsdbObjectKey *key));
static char *describe_error(void);
static void verify_run(TsdbVerification *verification, const TsdbObjectKey *key);
static void check_run_numbers(TsdbVerification *verification, const TsdbRun *run);
static void verify_chunk(TsdbVerification *verification, const TsdbStoredRun *stored, uint32 chunk_no);
static void check_pages(TsdbVerification *verification);
static int compare_pages(const void *a, const void *b);

void
tsdb_verify_table(Relation rel, Snapshot snapshot, TsdbVerifyReport report, void *arg)
{
	TsdbVerification verification = {0};
	TsdbObjectKey *keys;
	uint32 nkeys;

	verification.rel = rel;
	verification.snapshot = snapshot;
	verification.report = report;
	verification.arg = arg;
	verification.segment_us = tsdb_metapage_segment_us(rel);
	if (verification.segment_us == 0)
		return;
	verification.next_sequence = tsdb_metapage_next(rel, TSDB_COUNTER_SEQUENCE);
	verification.next_page = tsdb_metapage_next(rel, TSDB_COUNTER_PAGE);
	verification.context = AllocSetContextCreate(CurrentMemoryContext, "tsdb verify", ALLOCSET_DEFAULT_SIZES);
	copy_table(&verification);
	tsdb_progress_start(RelationGetRelid(rel));
	tsdb_progress_phase(TSDB_PHASE_VERIFYING, 0);

	check_dictionary(&verification);
	nkeys = list_keys(&verification, TSDB_KIND_RUN, &keys);
	for (uint32 i = 0; i < nkeys; i++)
		verify_guarded(&verification, &keys[i], verify_run);
	nkeys = list_keys(&verification, TSDB_KIND_SEGMENT, &keys);
	for (uint32 i = 0; i < nkeys; i++)
		verify_guarded(&verification, &keys[i], tsdb_verify_segment);
	check_pages(&verification);

	MemoryContextDelete(verification.context);
	tsdb_progress_end();
}

void
tsdb_verify_problem(TsdbVerification *verification, const char *format, ...)
{
	StringInfoData problem;

	initStringInfo(&problem);
	for (;;)
	{
		va_list arguments;
		int needed;

		va_start(arguments, format);
		needed = appendStringInfoVA(&problem, format, arguments);
		va_end(arguments);
		if (needed == 0)
			break;
		enlargeStringInfo(&problem, needed);
	}
	verification->report(verification->object, problem.data, verification->arg);
	pfree(problem.data);
}

void
tsdb_verify_use_page(TsdbVerification *verification, uint64 page_no)
{
	if (verification->npages == verification->pages_capacity)
	{
		verification->pages_capacity = Max(verification->pages_capacity * 2, 1024);
		if (verification->pages == NULL)
			verification->pages = MemoryContextAllocHuge(verification->context, sizeof(uint64) * verification->pages_capacity);
		else
			verification->pages = repalloc_huge(verification->pages, sizeof(uint64) * verification->pages_capacity);
	}
	verification->pages[verification->npages++] = page_no;
	if (page_no == 0 || page_no >= verification->next_page)
		tsdb_verify_problem(verification, "uses page %llu, the next one to be given out is %llu",
							(unsigned long long) page_no, (unsigned long long) verification->next_page);
}

bool
tsdb_verify_is_series(const TsdbVerification *verification, uint32 series_id)
{
	uint32 low = 0;
	uint32 high = verification->nseries;

	while (low < high)
	{
		uint32 middle = low + (high - low) / 2;

		if (verification->series[middle] == series_id)
			return true;
		if (verification->series[middle] < series_id)
			low = middle + 1;
		else
			high = middle;
	}
	return false;
}

// private functions

/* Opening relations may invalidate the cached one. */
static void
copy_table(TsdbVerification *verification)
{
	MemoryContext caller = MemoryContextSwitchTo(verification->context);

	verification->table = tsdb_table_copy(verification->rel);
	MemoryContextSwitchTo(caller);
}

/* The ids of all series, and that each has tags. */
static void
check_dictionary(TsdbVerification *verification)
{
	MemoryContext caller = MemoryContextSwitchTo(verification->context);
	uint64 next = tsdb_metapage_next(verification->rel, TSDB_COUNTER_SERIES);

	verification->object = "dictionary";
	verification->series = tsdb_series_list(verification->rel, verification->table, &verification->nseries);
	if (verification->nseries > 0 && verification->series[verification->nseries - 1] >= next)
		tsdb_verify_problem(verification, "series %u exists, the next one to be given out is %llu",
							verification->series[verification->nseries - 1], (unsigned long long) next);
	check_series_rows(verification);
	drop_unnamed_series(verification);
	MemoryContextSwitchTo(caller);
}

/* The rows themselves: what the session's cache knows of them may be older than the damage. */
static void
check_series_rows(TsdbVerification *verification)
{
	TsdbStore *store = tsdb_store_open(verification->rel, AccessShareLock, false);
	TsdbStoreScan *scan;
	TsdbStoreRow row;

	if (store == NULL)
		return;
	scan = tsdb_store_beginscan(store, verification->snapshot, TSDB_KIND_SERIES, 0, PG_INT32_MIN, 0, PG_INT32_MAX, false);
	while (tsdb_store_getnext(scan, &row))
	{
		CHECK_FOR_INTERRUPTS();
		if (!tsdb_series_row_is_intact(row.bytes))
			tsdb_verify_problem(verification, "the tags of series %d are damaged", row.seq);
	}
	tsdb_store_endscan(scan);
	tsdb_store_close(store);
}

/*
 * Forget series that can't be found by their tags.
 *
 * A crash may leave such a one, but then nobody uses its id: for runs and segments
 * it is not in the dictionary.
 */
static void
drop_unnamed_series(TsdbVerification *verification)
{
	TsdbObjectKey *keys;
	uint32 nkeys = list_keys(verification, TSDB_KIND_DICT, &keys);
	uint32 *named = palloc_array(uint32, nkeys + 1);
	uint32 n = 0;

	for (uint32 i = 0; i < nkeys; i++)
		named[i] = (uint32) keys[i].seq;
	qsort(named, nkeys, sizeof(uint32), compare_ids);
	for (uint32 i = 0; i < verification->nseries; i++)
		if (bsearch(&verification->series[i], named, nkeys, sizeof(uint32), compare_ids) != NULL)
			verification->series[n++] = verification->series[i];
	verification->nseries = n;
}

static int
compare_ids(const void *a, const void *b)
{
	uint32 left = *(const uint32 *) a;
	uint32 right = *(const uint32 *) b;

	return left < right ? -1 : left > right;
}

/* Keys of all rows of a kind. */
static uint32
list_keys(TsdbVerification *verification, TsdbKind kind, TsdbObjectKey **keys)
{
	MemoryContext caller = MemoryContextSwitchTo(verification->context);
	TsdbStore *store = tsdb_store_open(verification->rel, AccessShareLock, false);
	uint32 capacity = 1024;
	uint32 n = 0;

	*keys = palloc_array(TsdbObjectKey, capacity);
	if (store != NULL)
	{
		TsdbStoreRow row;
		TsdbStoreScan *scan = tsdb_store_beginscan(store, verification->snapshot, kind, 0, PG_INT32_MIN,
												   TSDB_STORE_MAX_ID, PG_INT32_MAX, false);

		while (tsdb_store_getnext(scan, &row))
		{
			CHECK_FOR_INTERRUPTS();
			if (n == capacity)
			{
				capacity *= 2;
				*keys = repalloc_huge(*keys, sizeof(TsdbObjectKey) * capacity);
			}
			(*keys)[n].id = row.id;
			(*keys)[n].seq = row.seq;
			n++;
		}
		tsdb_store_endscan(scan);
		tsdb_store_close(store);
	}
	MemoryContextSwitchTo(caller);
	return n;
}

/* Verify one object in a subtransaction; an error becomes a finding. */
static void
verify_guarded(TsdbVerification *verification, const TsdbObjectKey *key,
			   void (*verify)(TsdbVerification *verification, const TsdbObjectKey *key))
{
	MemoryContext caller = CurrentMemoryContext;
	ResourceOwner owner = CurrentResourceOwner;
	MemoryContext work = AllocSetContextCreate(verification->context, "tsdb verify object", ALLOCSET_DEFAULT_SIZES);

	CHECK_FOR_INTERRUPTS();
	tsdb_progress_set(++verification->nobjects);
	BeginInternalSubTransaction(NULL);
	MemoryContextSwitchTo(work);
	PG_TRY();
	{
		verification->store = tsdb_store_open(verification->rel, AccessShareLock, false);
		verify(verification, key);
		tsdb_store_close(verification->store);
		ReleaseCurrentSubTransaction();
		MemoryContextSwitchTo(caller);
		CurrentResourceOwner = owner;
	}
	PG_CATCH();
	{
		char *problem;

		MemoryContextSwitchTo(work);
		problem = describe_error();
		RollbackAndReleaseCurrentSubTransaction();
		MemoryContextSwitchTo(caller);
		CurrentResourceOwner = owner;
		tsdb_verify_problem(verification, "%s", problem);
	}
	PG_END_TRY();
	MemoryContextDelete(work);
}

/* Text of the current error, if it is one that damaged data cause; others go on. */
static char *
describe_error(void)
{
	ErrorData *error = CopyErrorData();

	if (error->sqlerrcode != ERRCODE_DATA_CORRUPTED && error->sqlerrcode != ERRCODE_INDEX_CORRUPTED &&
		error->sqlerrcode != ERRCODE_INTERNAL_ERROR && error->sqlerrcode != ERRCODE_IO_ERROR &&
		error->sqlerrcode != ERRCODE_UNDEFINED_FILE)
		ReThrowError(error);
	FlushErrorState();
	return error->detail != NULL ? error->detail : error->message;
}

static void
verify_run(TsdbVerification *verification, const TsdbObjectKey *key)
{
	TsdbStoreRow row = {0};
	TsdbStoredRun stored;
	uint64 nrows = 0;
	uint64 npages;

	verification->object = psprintf("run %d", key->seq);
	if (!tsdb_store_find(verification->store, verification->snapshot, TSDB_KIND_RUN, key->id, key->seq, &row.bytes, &row.tid))
	{
		tsdb_verify_problem(verification, "is not found by its key");
		return;
	}
	row.id = key->id;
	row.seq = key->seq;
	tsdb_runstore_decode_row(verification->rel, &row, &stored);
	check_run_numbers(verification, &stored.run);
	npages = stored.run.first_page == 0 ? 0 : (stored.run.payload_bytes + TSDB_STORE_MAX_BYTES - 1) / TSDB_STORE_MAX_BYTES;
	for (uint64 i = 0; i < npages; i++)
		tsdb_verify_use_page(verification, stored.run.first_page + i);
	for (uint32 i = 0; i < stored.run.nchunks; i++)
	{
		verify_chunk(verification, &stored, i);
		nrows += stored.run.chunks[i].nrows;
	}
	if (nrows != stored.run.nrows)
		tsdb_verify_problem(verification, "has %llu rows in its chunks and %llu in its header",
							(unsigned long long) nrows, (unsigned long long) stored.run.nrows);
}

static void
check_run_numbers(TsdbVerification *verification, const TsdbRun *run)
{
	if (run->run_no + run->nnumbers > verification->next_sequence || run->max_seq >= verification->next_sequence)
		tsdb_verify_problem(verification, "has sequences up to %llu, the next one to be given out is %llu",
							(unsigned long long) Max(run->max_seq, run->run_no + run->nnumbers - 1),
							(unsigned long long) verification->next_sequence);
	if (run->min_seq > run->max_seq || run->barrier_seq > run->min_seq)
		tsdb_verify_problem(verification, "has sequences %llu to %llu and the barrier %llu",
							(unsigned long long) run->min_seq, (unsigned long long) run->max_seq,
							(unsigned long long) run->barrier_seq);
	for (uint32 i = 0; i < run->nchunks; i++)
		if (tsdb_key_compare(run->chunks[i].first, run->chunks[i].last) > 0 ||
			(i > 0 && tsdb_key_compare(run->chunks[i - 1].last, run->chunks[i].first) > 0))
			tsdb_verify_problem(verification, "chunk %u is out of order", i);
}

static void
verify_chunk(TsdbVerification *verification, const TsdbStoredRun *stored, uint32 chunk_no)
{
	MemoryContext work = AllocSetContextCreate(CurrentMemoryContext, "tsdb verify chunk", ALLOCSET_DEFAULT_SIZES);
	MemoryContext caller = MemoryContextSwitchTo(work);
	TsdbMem mem = tsdb_mem_context(work);
	const TsdbRunChunk *chunk = &stored->run.chunks[chunk_no];
	TsdbBatch batch = {0};
	TsdbRunBase base = {0};
	uint32 last_series = 0;

	CHECK_FOR_INTERRUPTS();
	tsdb_runbase_decode(verification->store, verification->rel, verification->snapshot, stored, chunk_no,
						verification->table->values, verification->table->nvalues, &base, work, &batch, &mem);
	if (batch.nrows != chunk->nrows || tsdb_key_compare(tsdb_batch_key(&batch, 0), chunk->first) != 0 ||
		tsdb_key_compare(tsdb_batch_key(&batch, batch.nrows - 1), chunk->last) != 0)
		tsdb_verify_problem(verification, "chunk %u does not hold the rows that the header says", chunk_no);
	for (uint32 i = 0; i < batch.nrows; i++)
	{
		TsdbKey key = tsdb_batch_key(&batch, i);
		uint64 sequence = batch.sequences ? batch.sequences[i] : batch.sequence;

		if (sequence < stored->run.min_seq || sequence > stored->run.max_seq)
			tsdb_verify_problem(verification, "row %u of chunk %u has the sequence %llu", i, chunk_no, (unsigned long long) sequence);
		if (key.time < stored->run.min_time || key.time > stored->run.max_time)
			tsdb_verify_problem(verification, "row %u of chunk %u lies outside of the run's times", i, chunk_no);
		if (key.series != last_series && !tsdb_verify_is_series(verification, key.series))
			tsdb_verify_problem(verification, "series %u is not in the dictionary", key.series);
		last_series = key.series;
	}
	MemoryContextSwitchTo(caller);
	MemoryContextDelete(work);
}

/* Pages that exist and are used by nobody, or by two. */
static void
check_pages(TsdbVerification *verification)
{
	TsdbObjectKey *keys;
	uint32 nkeys = list_keys(verification, TSDB_KIND_PAGE, &keys);
	uint64 next = 0;

	if (verification->npages > 1)
		qsort(verification->pages, verification->npages, sizeof(uint64), compare_pages);
	for (uint64 i = 1; i < verification->npages; i++)
		if (verification->pages[i] == verification->pages[i - 1])
		{
			verification->object = psprintf("page %llu", (unsigned long long) verification->pages[i]);
			tsdb_verify_problem(verification, "is used twice");
		}
	for (uint32 i = 0; i < nkeys; i++)
	{
		uint64 page_no = (uint64) keys[i].id << 31 | (uint32) keys[i].seq;

		CHECK_FOR_INTERRUPTS();
		while (next < verification->npages && verification->pages[next] < page_no)
			next++;
		if (next < verification->npages && verification->pages[next] == page_no)
			continue;
		verification->object = psprintf("page %llu", (unsigned long long) page_no);
		tsdb_verify_problem(verification, "is not used by any run or segment");
	}
}

static int
compare_pages(const void *a, const void *b)
{
	uint64 left = *(const uint64 *) a;
	uint64 right = *(const uint64 *) b;

	return left < right ? -1 : left > right;
}
