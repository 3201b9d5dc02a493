/*-------------------------------------------------------------------------
 *
 * runstore.c
 *	  Runs as rows: list, read chunks, write, delete.
 *
 * A run is one RUN row (header, and the payload when both fit into a row)
 * and, for a longer payload, consecutive PAGE rows.  All rows of a run are
 * inserted by one command of one transaction and deleted by one.
 *
 * See docs/FORMAT.md "Runs".
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/parallel.h"
#include "miscadmin.h"
#include "pg/check.h"
#include "pg/counters.h"
#include "pg/debug_point.h"
#include "pg/wakeup.h"
#include "store/metapage.h"
#include "store/runbase.h"
#include "store/runstore.h"
#include "storage/lmgr.h"
#include "utils/memutils.h"

#define BASE_MAX_BYTES 65536 /* payload of a base and of what is coded against it: both stay small for the tiers */
#define WAKEUP_RUNS 64 /* new runs of a table between calls of the maintainer */

static void encode_alone(TsdbRun *run, TsdbBytes *payload, const TsdbBatch *batch, bool fresh, TsdbSticky *stickies,
						 bool use_lz4, const TsdbMem *mem);
static void note_offer(TsdbRunOffer *offer, Relation rel, const TsdbRun *run);
static void count_run(Relation rel, const TsdbRun *run, bool fresh);
static int compare_runs(const void *a, const void *b);
static void write_pages(TsdbStore *store, uint64 first_page, const TsdbBytes *payload, uint8 tier, CommandId cid);
static uint64 pages_for(uint64 nbytes);

TsdbStoredRun *
tsdb_runstore_list(TsdbStore *store, Relation rel, Snapshot snapshot, uint32 *nruns)
{
	TsdbStoreScan *scan;
	TsdbStoreRow row;
	TsdbStoredRun *runs;
	uint32 capacity = 16;
	uint32 n = 0;

	runs = palloc_array(TsdbStoredRun, capacity);
	scan = tsdb_store_beginscan(store, snapshot, TSDB_KIND_RUN, 0, PG_INT32_MIN, 0, PG_INT32_MAX, false);
	while (tsdb_store_getnext(scan, &row))
	{
		Size nbytes = tsdb_span_left(&row.bytes);
		uint8 *copy = palloc(nbytes);

		CHECK_FOR_INTERRUPTS();
		if (n == capacity)
		{
			capacity *= 2;
			runs = repalloc_array(runs, TsdbStoredRun, capacity);
		}
		memcpy(copy, row.bytes.at, nbytes);
		row.bytes = tsdb_span(copy, nbytes);
		tsdb_runstore_decode_row(rel, &row, &runs[n]);
		n++;
	}
	tsdb_store_endscan(scan);

	/* Key order wraps every 2^31 runs; run numbers do not. */
	qsort(runs, n, sizeof(TsdbStoredRun), compare_runs);
	*nruns = n;
	return runs;
}

void
tsdb_runstore_decode_row(Relation rel, const TsdbStoreRow *row, TsdbStoredRun *stored)
{
	TsdbMem mem = tsdb_mem_context(CurrentMemoryContext);

	stored->payload = row->bytes;
	TSDB_CHECK(tsdb_runheader_decode(&stored->payload, &stored->run, &mem), rel,
			   "The header of run %d does not decode.", row->seq);
	stored->tid = row->tid;
	stored->xmin = row->xmin;
	if ((int32) (stored->run.run_no & PG_INT32_MAX) != row->seq ||
		(stored->run.first_page == 0 && tsdb_span_left(&stored->payload) != stored->run.payload_bytes))
		TSDB_CHECK(TSDB_CORRUPT, rel, "Run %d calls itself %llu, with %llu bytes of payload.", row->seq,
				   (unsigned long long) stored->run.run_no, (unsigned long long) stored->run.payload_bytes);
}

TsdbSpan
tsdb_runstore_chunk(TsdbStore *store, Relation rel, Snapshot snapshot, const TsdbStoredRun *stored, uint32 chunk_no)
{
	const TsdbRunChunk *chunk = &stored->run.chunks[chunk_no];
	uint64 offset = chunk->offset;
	uint8 *bytes;
	Size done = 0;

	if (offset > stored->run.payload_bytes || chunk->nbytes > stored->run.payload_bytes - offset)
		TSDB_CHECK(TSDB_CORRUPT, rel, "Chunk %u of run %llu lies outside the payload.", chunk_no,
				   (unsigned long long) stored->run.run_no);
	if (stored->run.first_page == 0)
		return tsdb_span(stored->payload.at + offset, chunk->nbytes);

	bytes = palloc(Max(chunk->nbytes, 1));
	while (done < chunk->nbytes)
	{
		uint64 page_no = stored->run.first_page + offset / TSDB_STORE_MAX_BYTES;
		Size skip = offset % TSDB_STORE_MAX_BYTES;
		TsdbSpan page = tsdb_store_get_page(store, snapshot, page_no);
		Size take;

		if (tsdb_span_left(&page) <= skip)
			TSDB_CHECK(TSDB_CORRUPT, rel, "Page %llu of run %llu is too short.", (unsigned long long) page_no,
					   (unsigned long long) stored->run.run_no);
		take = Min(tsdb_span_left(&page) - skip, chunk->nbytes - done);
		memcpy(bytes + done, page.at + skip, take);
		pfree(unconstify(uint8 *, page.at));
		done += take;
		offset += take;
	}
	return tsdb_span(bytes, chunk->nbytes);
}

uint64
tsdb_runstore_write(TsdbStore *store, Relation rel, const TsdbBatch *batch, bool fresh,
					uint64 fixed_seq, uint64 barrier_seq, uint8 tier,
					TsdbSticky *stickies, bool use_lz4, TsdbRunOffer *offer, CommandId cid)
{
	MemoryContext work = AllocSetContextCreate(CurrentMemoryContext, "tsdb run", ALLOCSET_DEFAULT_SIZES);
	MemoryContext old = MemoryContextSwitchTo(work);
	TsdbMem mem = tsdb_mem_context(work);
	TsdbRun run = {0};
	TsdbBytes header;
	TsdbBytes payload;
	uint64 run_no;

	tsdb_bytes_init(&header, &mem);
	tsdb_bytes_init(&payload, &mem);
	if (offer == NULL || offer->run_no == 0 ||
		!tsdb_run_encode_against(&run, &payload, batch, offer->run_no, offer->rows, stickies, use_lz4, &mem) ||
		payload.len > BASE_MAX_BYTES)
		encode_alone(&run, &payload, batch, fresh, stickies, use_lz4, &mem);
	run.tier = tier;

	/*
	 * From the allocation of the sequence until the RUN row is in place nobody
	 * may read the barrier: a compaction would take the number for a run
	 * that does not exist.
	 */
	LockPage(rel, TSDB_LOCK_ALLOCATE, ShareLock);
	if (run.base_no != 0 && tsdb_runbase_generation(rel) != offer->generation)
		encode_alone(&run, &payload, batch, fresh, stickies, use_lz4, &mem);
	if (offer != NULL)
		note_offer(offer, rel, &run);
	run_no = fixed_seq != 0 ? fixed_seq : tsdb_metapage_allocate(rel, TSDB_COUNTER_SEQUENCE, run.nnumbers);
	TSDB_DEBUG_POINT("flush_after_sequence");
	run.run_no = run_no;
	if (fresh)
		run.min_seq = run.max_seq = run_no;
	run.barrier_seq = barrier_seq != 0 ? Min(barrier_seq, run.min_seq) : run.min_seq;
	if (run.base_no != 0)
		run.barrier_seq = Min(run.barrier_seq, run.base_no);

	/* Room for the header: its own numbers are a few dozen bytes longer at most. */
	tsdb_runheader_encode(&header, &run, &mem);
	if (header.len + payload.len > TSDB_STORE_MAX_BYTES)
	{
		run.first_page = tsdb_metapage_allocate(rel, TSDB_COUNTER_PAGE, pages_for(payload.len));
		header.len = 0;
		tsdb_runheader_encode(&header, &run, &mem);
		if (header.len > TSDB_STORE_MAX_BYTES)
			elog(ERROR, "header of a tsdb run of %u chunks takes %zu bytes", run.nchunks, header.len);
		write_pages(store, run.first_page, &payload, tier, cid);
	}
	else
		tsdb_bytes_append(&header, payload.data, payload.len);
	tsdb_store_put(store, TSDB_KIND_RUN, 0, (int32) (run_no & PG_INT32_MAX), header.data, header.len, cid, false);
	UnlockPage(rel, TSDB_LOCK_ALLOCATE, ShareLock);
	count_run(rel, &run, fresh);

	MemoryContextSwitchTo(old);
	MemoryContextDelete(work);
	return run_no;
}

uint64
tsdb_runstore_reserve(Relation rel, uint64 nnumbers)
{
	return tsdb_metapage_allocate(rel, TSDB_COUNTER_SEQUENCE, nnumbers);
}

void
tsdb_runstore_delete(TsdbStore *store, Snapshot snapshot, const TsdbStoredRun *stored)
{
	ItemPointerData tid = stored->tid;

	if (stored->run.first_page != 0)
	{
		uint64 npages = pages_for(stored->run.payload_bytes);

		for (uint64 i = 0; i < npages; i++)
		{
			CHECK_FOR_INTERRUPTS();
			tsdb_store_delete_page(store, snapshot, stored->run.first_page + i);
		}
	}
	tsdb_store_delete(store, &tid);
}

// private functions

/* Code the run without a base, in place of what is in the payload. */
static void
encode_alone(TsdbRun *run, TsdbBytes *payload, const TsdbBatch *batch, bool fresh, TsdbSticky *stickies, bool use_lz4,
			 const TsdbMem *mem)
{
	payload->len = 0;
	tsdb_run_encode(run, payload, batch, fresh, stickies, use_lz4, mem);
}

static void
note_offer(TsdbRunOffer *offer, Relation rel, const TsdbRun *run)
{
	offer->generation = tsdb_runbase_generation(rel);
	offer->is_used = run->base_no != 0;
	offer->may_serve = run->nchunks == 1 && run->payload_bytes <= BASE_MAX_BYTES;
}

/* Count a run that was written; so many of them are work for the maintainer. */
static void
count_run(Relation rel, const TsdbRun *run, bool fresh)
{
	tsdb_counters_add(TSDB_STAT_RUNS_WRITTEN, 1);
	if (!fresh)
		return;
	tsdb_counters_add(TSDB_STAT_ROWS_FLUSHED, run->nrows);
	if ((run->run_no + run->nnumbers) / WAKEUP_RUNS != run->run_no / WAKEUP_RUNS && !RELATION_IS_LOCAL(rel))
		tsdb_wakeup_request(MyDatabaseId);
}

static int
compare_runs(const void *a, const void *b)
{
	uint64 left = ((const TsdbStoredRun *) a)->run.run_no;
	uint64 right = ((const TsdbStoredRun *) b)->run.run_no;

	return left < right ? -1 : left > right;
}

static void
write_pages(TsdbStore *store, uint64 first_page, const TsdbBytes *payload, uint8 tier, CommandId cid)
{
	uint64 npages = pages_for(payload->len);
	uint64 nfull = tier > 0 ? payload->len / TSDB_STORE_MAX_BYTES : 0;

	if (nfull > 0)
		tsdb_store_put_end_pages(store, first_page, payload->data, nfull, cid);
	for (uint64 i = nfull; i < npages; i++)
	{
		Size offset = i * TSDB_STORE_MAX_BYTES;

		tsdb_store_put_page(store, first_page + i, payload->data + offset,
							Min(payload->len - offset, TSDB_STORE_MAX_BYTES), cid);
	}
}

static uint64
pages_for(uint64 nbytes)
{
	return (nbytes + TSDB_STORE_MAX_BYTES - 1) / TSDB_STORE_MAX_BYTES;
}
