/*-------------------------------------------------------------------------
 *
 * runbase.c
 *	  Runs that others are coded against.
 *
 * Generations are counters in shared memory, several tables to one: a step too many makes a
 * writer start with a new base, no more.  After a crash no backend remembers a base.
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "pg/check.h"
#include "pg/compat.h"
#include "pg/shmem.h"
#include "port/atomics.h"
#include "store/runbase.h"
#include "utils/memutils.h"

#define NGENERATIONS 64

static pg_atomic_uint64 *generations = NULL; /* in shared memory */

static void make_generations(void *piece);
static pg_atomic_uint64 *generation_of(Relation rel);
static void load_base(TsdbStore *store, Relation rel, Snapshot snapshot, const TsdbRun *run,
					  const TsdbWanted *wanted, int nwanted, TsdbRunBase *base, MemoryContext parent);

void
tsdb_runbase_decode(TsdbStore *store, Relation rel, Snapshot snapshot, const TsdbStoredRun *stored, uint32 chunk_no,
					const TsdbWanted *wanted, int nwanted, TsdbRunBase *base, MemoryContext parent,
					TsdbBatch *batch, const TsdbMem *mem)
{
	TsdbSpan bytes = tsdb_runstore_chunk(store, rel, snapshot, stored, chunk_no);
	TsdbRun run = stored->run;

	if (run.base_no != 0)
	{
		if (base->run_no != run.base_no)
			load_base(store, rel, snapshot, &run, wanted, nwanted, base, parent);
		run.base = &base->rows;
	}
	TSDB_CHECK(tsdb_runchunk_decode(bytes, &run, &run.chunks[chunk_no], wanted, nwanted, batch, mem),
			   rel, "Chunk %u of run %llu does not decode.", chunk_no, (unsigned long long) run.run_no);
}

uint64
tsdb_runbase_generation(Relation rel)
{
	return pg_atomic_read_u64(generation_of(rel));
}

void
tsdb_runbase_advance(Relation rel)
{
	pg_atomic_fetch_add_u64(generation_of(rel), 1);
}

void
tsdb_runbase_init(void)
{
	tsdb_shmem_register("tsdb run generations", sizeof(pg_atomic_uint64) * NGENERATIONS, (void **) &generations,
						make_generations);
}

// private functions

static void
make_generations(void *piece)
{
	pg_atomic_uint64 *made = piece;

	for (int i = 0; i < NGENERATIONS; i++)
		pg_atomic_init_u64(&made[i], 0);
}

static pg_atomic_uint64 *
generation_of(Relation rel)
{
	return &generations[TSDB_LOCATOR_NUMBER(rel->rd_locator) % NGENERATIONS];
}

static void
load_base(TsdbStore *store, Relation rel, Snapshot snapshot, const TsdbRun *run, const TsdbWanted *wanted, int nwanted,
		  TsdbRunBase *base, MemoryContext parent)
{
	TsdbStoreRow row = {0};
	TsdbStoredRun stored;
	MemoryContext caller;
	TsdbMem mem;

	base->run_no = 0;
	if (base->context == NULL)
		base->context = AllocSetContextCreate(parent, "tsdb base of runs", ALLOCSET_SMALL_SIZES);
	MemoryContextReset(base->context);
	caller = MemoryContextSwitchTo(base->context);
	mem = tsdb_mem_context(base->context);
	row.seq = (int32) (run->base_no & PG_INT32_MAX);
	if (!tsdb_store_find(store, snapshot, TSDB_KIND_RUN, 0, row.seq, &row.bytes, &row.tid))
		TSDB_CHECK(TSDB_CORRUPT, rel, "Run %llu is coded against run %llu, which is not there.",
				   (unsigned long long) run->run_no, (unsigned long long) run->base_no);
	tsdb_runstore_decode_row(rel, &row, &stored);
	if (stored.run.run_no != run->base_no || stored.run.base_no != 0 || stored.run.nchunks != 1)
		TSDB_CHECK(TSDB_CORRUPT, rel, "Run %llu is coded against run %llu, which is no base.",
				   (unsigned long long) run->run_no, (unsigned long long) stored.run.run_no);
	TSDB_CHECK(tsdb_runchunk_decode(tsdb_runstore_chunk(store, rel, snapshot, &stored, 0), &stored.run,
									stored.run.chunks, wanted, nwanted, &base->rows, &mem),
			   rel, "Chunk 0 of run %llu does not decode.", (unsigned long long) run->base_no);
	base->run_no = run->base_no;
	MemoryContextSwitchTo(caller);
}
