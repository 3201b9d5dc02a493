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

/* Where bases are read from, and to. */
typedef struct Source
{
	TsdbStore *store;
	Relation rel;
	Snapshot snapshot;
	const TsdbWanted *wanted;
	int nwanted;
	TsdbRunBase *base;
	MemoryContext parent;
} Source;

static pg_atomic_uint64 *generations = NULL; /* in shared memory */

static void make_generations(void *piece);
static pg_atomic_uint64 *generation_of(Relation rel);
static const TsdbBatch *find_base(Source *source, uint64 run_no, uint64 wanted_by, int depth);
static void load_base(Source *source, uint64 run_no, uint64 wanted_by, int depth, TsdbBatch *rows, MemoryContext context);
static void read_base(Source *source, uint64 run_no, uint64 wanted_by, TsdbStoredRun *stored);

void
tsdb_runbase_decode(TsdbStore *store, Relation rel, Snapshot snapshot, const TsdbStoredRun *stored, uint32 chunk_no,
					const TsdbWanted *wanted, int nwanted, TsdbRunBase *base, MemoryContext parent,
					TsdbBatch *batch, const TsdbMem *mem)
{
	TsdbSpan bytes = tsdb_runstore_chunk(store, rel, snapshot, stored, chunk_no);
	TsdbRun run = stored->run;

	if (run.base_no != 0)
	{
		Source source = {store, rel, snapshot, wanted, nwanted, base, parent};

		run.base = find_base(&source, run.base_no, run.run_no, 1);
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

/* The rows of a base, decoded if they are not at hand; they stay until the next call. */
static const TsdbBatch *
find_base(Source *source, uint64 run_no, uint64 wanted_by, int depth)
{
	TsdbRunBase *base = source->base;
	MemoryContext context;
	TsdbBatch rows = {0};
	int oldest = 0;

	for (int i = 0; i < TSDB_RUNBASE_KEPT; i++)
	{
		if (base->kept[i].run_no == run_no)
		{
			base->kept[i].used = ++base->clock;
			return &base->kept[i].rows;
		}
	}
	context = AllocSetContextCreate(source->parent, "tsdb base of runs", ALLOCSET_SMALL_SIZES);
	load_base(source, run_no, wanted_by, depth, &rows, context);
	for (int i = 1; i < TSDB_RUNBASE_KEPT; i++)
		if (base->kept[i].used < base->kept[oldest].used)
			oldest = i;
	if (base->kept[oldest].context != NULL)
		MemoryContextDelete(base->kept[oldest].context);
	base->kept[oldest].run_no = run_no;
	base->kept[oldest].used = ++base->clock;
	base->kept[oldest].context = context;
	base->kept[oldest].rows = rows;
	return &base->kept[oldest].rows;
}

static void
load_base(Source *source, uint64 run_no, uint64 wanted_by, int depth, TsdbBatch *rows, MemoryContext context)
{
	MemoryContext caller = MemoryContextSwitchTo(context);
	TsdbMem mem = tsdb_mem_context(context);
	TsdbStoredRun stored;

	if (depth > TSDB_RUNBASE_MAX_DEPTH)
		TSDB_CHECK(TSDB_CORRUPT, source->rel, "Run %llu is coded against a chain of more than %d runs.",
				   (unsigned long long) wanted_by, TSDB_RUNBASE_MAX_DEPTH);
	read_base(source, run_no, wanted_by, &stored);
	if (stored.run.base_no != 0)
		stored.run.base = find_base(source, stored.run.base_no, run_no, depth + 1);
	TSDB_CHECK(tsdb_runchunk_decode(tsdb_runstore_chunk(source->store, source->rel, source->snapshot, &stored, 0),
									&stored.run, stored.run.chunks, source->wanted, source->nwanted, rows, &mem),
			   source->rel, "Chunk 0 of run %llu does not decode.", (unsigned long long) run_no);
	MemoryContextSwitchTo(caller);
}

/* The header of a base. */
static void
read_base(Source *source, uint64 run_no, uint64 wanted_by, TsdbStoredRun *stored)
{
	TsdbStoreRow row = {0};

	row.seq = (int32) (run_no & PG_INT32_MAX);
	if (!tsdb_store_find(source->store, source->snapshot, TSDB_KIND_RUN, 0, row.seq, &row.bytes, &row.tid))
		TSDB_CHECK(TSDB_CORRUPT, source->rel, "Run %llu is coded against run %llu, which is not there.",
				   (unsigned long long) wanted_by, (unsigned long long) run_no);
	tsdb_runstore_decode_row(source->rel, &row, stored);
	if (stored->run.run_no != run_no || stored->run.nchunks != 1)
		TSDB_CHECK(TSDB_CORRUPT, source->rel, "Run %llu is coded against run %llu, which is no base.",
				   (unsigned long long) wanted_by, (unsigned long long) stored->run.run_no);
}
