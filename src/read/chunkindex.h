/*-------------------------------------------------------------------------
 *
 * chunkindex.h
 *	  Which run chunks hold keys of a range, among any number of runs.
 *
 * A static interval index: the chunks sorted by first key, under a tree of the greatest
 * last key, and a second order by last key.  n chunks: built in O(n log n), asked in O(log n + answers).
 *-------------------------------------------------------------------------
 */
#ifndef TSDB_CHUNKINDEX_H
#define TSDB_CHUNKINDEX_H

#include "postgres.h"
#include "format/batch.h"
#include "store/runstore.h"

typedef struct TsdbChunkEntry
{
	TsdbKey first;
	TsdbKey last;
	uint32 run; /* index in the list of runs */
	uint32 chunk_no;
} TsdbChunkEntry;

typedef struct TsdbChunkIndex TsdbChunkIndex;

/*
 * tsdb_chunkindex_create - index the chunks of runs whose rows lie in [from, until) at least in part.
 *
 * Memory: current context.
 */
extern TsdbChunkIndex *tsdb_chunkindex_create(const TsdbStoredRun *runs, uint32 nruns, int64 from, int64 until);
extern void tsdb_chunkindex_free(TsdbChunkIndex *index);

/* tsdb_chunkindex_overlapping - chunks with first < hi and last >= lo, ascending by first; returns their number, in *entries an array that is valid until the next call. */
extern uint32 tsdb_chunkindex_overlapping(TsdbChunkIndex *index, TsdbKey lo, TsdbKey hi, const TsdbChunkEntry ***entries);

/* tsdb_chunkindex_first_after - the lowest first key above key. */
extern bool tsdb_chunkindex_first_after(TsdbChunkIndex *index, TsdbKey key, TsdbKey *found);
/* tsdb_chunkindex_first_upto - the greatest first key at or below key. */
extern bool tsdb_chunkindex_first_upto(TsdbChunkIndex *index, TsdbKey key, TsdbKey *found);
/* tsdb_chunkindex_last_before - the greatest last key below key. */
extern bool tsdb_chunkindex_last_before(TsdbChunkIndex *index, TsdbKey key, TsdbKey *found);

#endif /* TSDB_CHUNKINDEX_H */
