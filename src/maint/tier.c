/*-------------------------------------------------------------------------
 *
 * tier.c
 *	  Small runs into bigger ones.
 *
 * Every commit leaves a run; readers look at each of them.  So runs of one
 * tier are merged, many at a time, into runs of the next, long before their rows are old
 * enough for segments.  A wide merge (TSDB_TIER_FANIN) keeps the number of times that a
 * row is written low.  Rows keep their own sequence and kind, so any set of runs below the
 * barrier may be merged, whatever was written between them.
 *
 * The line of keys is cut into pieces of bounded memory; each piece becomes a run.
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "maint/compaction.h"
#include "maint/policy.h"
#include "maint/progress.h"
#include "miscadmin.h"
#include "pg/check.h"
#include "utils/memutils.h"

#define TIER_MAX 15 /* higher tiers stay what they are */
#define PIECE_BYTES (32 * 1024 * 1024) /* decoded rows of a run to be written */

static bool merge_tier(TsdbCompaction *compaction, uint8 tier);
static uint32 choose_runs(TsdbCompaction *compaction, uint8 tier, bool *chosen);
static void merge_runs(TsdbCompaction *compaction, const bool *chosen, uint8 tier);
static uint32 run_pages(const TsdbCompaction *compaction);
static Size row_bytes(const TsdbTable *table);
static bool piece_end(TsdbRunCursor *list, uint32 ncursors, uint64 max_rows, TsdbKey *until);
static bool lowest_key(TsdbRunCursor *list, uint32 ncursors, TsdbKey *key);
static int compare_starts(const void *a, const void *b);
static void write_piece(TsdbCompaction *compaction, TsdbRunCursors *cursors, uint8 tier);

void
tsdb_tier_merge(TsdbCompaction *compaction)
{
	for (uint8 tier = 0; tier <= TIER_MAX; tier++)
		(void) merge_tier(compaction, tier);
}

// private functions

static bool
merge_tier(TsdbCompaction *compaction, uint8 tier)
{
	bool *chosen = palloc0_array(bool, compaction->nruns + 1);
	uint32 nchosen = choose_runs(compaction, tier, chosen);
	bool merges = nchosen >= TSDB_TIER_FANIN;

	if (merges)
		merge_runs(compaction, chosen, Min(tier + 1, TIER_MAX));
	pfree(chosen);
	return merges;
}

/* Runs of the tier that are not merged yet and not big enough. */
static uint32
choose_runs(TsdbCompaction *compaction, uint8 tier, bool *chosen)
{
	uint32 nchosen = 0;

	for (uint32 i = 0; i < compaction->nruns; i++)
	{
		const TsdbRun *run = &compaction->runs[i].run;

		chosen[i] = compaction->is_candidate[i] && !compaction->is_merged[i] && !compaction->is_moved[i] &&
					Min(run->tier, TIER_MAX) == tier &&
					tsdb_policy_is_small(run->nrows, run->payload_bytes);
		nchosen += chosen[i];
	}
	return nchosen;
}

static void
merge_runs(TsdbCompaction *compaction, const bool *chosen, uint8 tier)
{
	uint64 max_rows = Min(PIECE_BYTES / row_bytes(&compaction->table), TSDB_RUN_MAX_ROWS);
	TsdbRunCursors *cursors;
	TsdbRunCursor *list;
	uint32 ncursors;
	TsdbKey until;

	cursors = tsdb_runcursor_open(compaction->store, compaction->rel, compaction->snapshot, &compaction->table,
								  compaction->runs, chosen, compaction->nruns, (Size) maintenance_work_mem * 1024);
	list = tsdb_runcursor_list(cursors, &ncursors);
	tsdb_progress_phase(TSDB_PHASE_TIERS, 0);
	tsdb_store_note_run_pages(compaction->store, run_pages(compaction));
	while (piece_end(list, ncursors, max_rows, &until))
	{
		CHECK_FOR_INTERRUPTS();
		for (uint32 i = 0; i < ncursors; i++)
			tsdb_runcursor_take(cursors, &list[i], until);
		write_piece(compaction, cursors, tier);
		tsdb_progress_set(compaction->result->rows);
	}
	tsdb_runcursor_close(cursors);
	for (uint32 i = 0; i < compaction->nruns; i++)
		compaction->is_moved[i] |= chosen[i];
}

/* Full pages of merged runs, also of those that will be deleted: their place is free only then. */
static uint32
run_pages(const TsdbCompaction *compaction)
{
	uint64 npages = 0;

	for (uint32 i = 0; i < compaction->nruns; i++)
		if (compaction->runs[i].run.tier > 0)
			npages += compaction->runs[i].run.payload_bytes / TSDB_STORE_MAX_BYTES;
	return Min(npages, PG_INT32_MAX);
}

/* Decoded size of a row. */
static Size
row_bytes(const TsdbTable *table)
{
	return sizeof(uint32) + sizeof(int64) + sizeof(uint64) + 1 + (sizeof(uint64) + 1) * (Size) table->nvalues;
}

/*
 * Where the next piece ends: at the start of a chunk, so that the chunks before it hold at most max_rows; one
 * chunk further at least.  False when no row is left.
 */
static bool
piece_end(TsdbRunCursor *list, uint32 ncursors, uint64 max_rows, TsdbKey *until)
{
	TsdbRunChunk *starts;
	uint64 nrows = 0;
	uint32 nchunks = 0;
	uint32 n = 0;
	TsdbKey from;

	if (!lowest_key(list, ncursors, &from))
		return false;
	for (uint32 i = 0; i < ncursors; i++)
		nchunks += list[i].stored->run.nchunks - list[i].chunk_no;
	starts = palloc_array(TsdbRunChunk, nchunks);
	for (uint32 i = 0; i < ncursors; i++)
		for (uint32 c = list[i].chunk_no; c < list[i].stored->run.nchunks; c++)
		{
			starts[n] = list[i].stored->run.chunks[c];
			if (c == list[i].chunk_no)
			{
				starts[n].first = list[i].key;
				starts[n].nrows -= list[i].row;
			}
			n++;
		}
	qsort(starts, n, sizeof(TsdbRunChunk), compare_starts);

	until->series = PG_UINT32_MAX;
	until->time = PG_INT64_MAX;
	for (uint32 i = 0; i < n; i++)
	{
		nrows += starts[i].nrows;
		if (nrows > max_rows && tsdb_key_compare(starts[i].first, from) > 0)
		{
			*until = starts[i].first;
			break;
		}
	}
	pfree(starts);
	return true;
}

static bool
lowest_key(TsdbRunCursor *list, uint32 ncursors, TsdbKey *key)
{
	bool found = false;

	key->series = PG_UINT32_MAX;
	key->time = PG_INT64_MAX;
	for (uint32 i = 0; i < ncursors; i++)
	{
		if (tsdb_runcursor_is_done(&list[i]))
			continue;
		if (!found || tsdb_key_compare(list[i].key, *key) < 0)
			*key = list[i].key;
		found = true;
	}
	return found;
}

static int
compare_starts(const void *a, const void *b)
{
	return tsdb_key_compare(((const TsdbRunChunk *) a)->first, ((const TsdbRunChunk *) b)->first);
}

static void
write_piece(TsdbCompaction *compaction, TsdbRunCursors *cursors, uint8 tier)
{
	MemoryContext work = AllocSetContextCreate(CurrentMemoryContext, "tsdb tier merge", ALLOCSET_DEFAULT_SIZES);
	MemoryContext caller = MemoryContextSwitchTo(work);
	TsdbMem mem = tsdb_mem_context(work);
	TsdbBatch rows = {0};
	int nsources;
	TsdbMergeSource *sources = tsdb_runcursor_sources(cursors, &nsources);

	TSDB_CHECK(tsdb_merge_versions(sources, nsources, &rows, &mem), compaction->rel, "Rows of %d runs do not merge.", nsources);
	tsdb_runcursor_release(cursors);
	if (rows.nrows > 0)
	{
		(void) tsdb_runstore_write(compaction->store, compaction->rel, &rows, false, 0, 0, tier, NULL,
								   compaction->table.compression != TSDB_COMPRESSION_FAST, NULL, compaction->cid);
		compaction->result->rows += rows.nrows;
	}
	MemoryContextSwitchTo(caller);
	MemoryContextDelete(work);
}
