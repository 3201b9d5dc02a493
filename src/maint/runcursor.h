/*-------------------------------------------------------------------------
 *
 * runcursor.h
 *	  Walk over the rows of many runs in step, chunk by chunk.
 *
 *-------------------------------------------------------------------------
 */
#ifndef TSDB_RUNCURSOR_H
#define TSDB_RUNCURSOR_H

#include "postgres.h"
#include "format/merge.h"
#include "series/tsdbtable.h"
#include "store/runstore.h"

/* Position in one run; only moves forward. */
typedef struct TsdbRunCursor
{
	const TsdbStoredRun *stored;
	uint32 index; /* of the run, for the caller */
	uint32 chunk_no; /* chunk of the next row; nchunks = at the end */
	uint32 row; /* the next row in that chunk */
	TsdbKey key; /* its key */
	uint64 taken; /* rows handed out so far */
	TsdbBatch *batch; /* chunk_no decoded, NULL = not now */
	MemoryContext context; /* of batch */
	Size nbytes; /* of context */
	bool is_taken; /* sources point into batch */
	uint64 used; /* for eviction */
} TsdbRunCursor;

typedef struct TsdbRunCursors TsdbRunCursors;

/*
 * tsdb_runcursor_open - cursors at the first rows of n runs.
 *
 *	memory_bytes	decoded chunks that are kept at most, beyond those in use
 *
 * Memory: a context of its own below the current one; `runs` must live as long.
 */
extern TsdbRunCursors *tsdb_runcursor_open(TsdbStore *store, Relation rel, Snapshot snapshot, const TsdbTable *table,
										   TsdbStoredRun *runs, const bool *chosen, uint32 nruns, Size memory_bytes);
extern void tsdb_runcursor_close(TsdbRunCursors *cursors);

/* tsdb_runcursor_list - the cursors, in order of their runs. */
extern TsdbRunCursor *tsdb_runcursor_list(TsdbRunCursors *cursors, uint32 *ncursors);

/* tsdb_runcursor_is_done - no row left? */
static inline bool
tsdb_runcursor_is_done(const TsdbRunCursor *cursor)
{
	return cursor->chunk_no >= cursor->stored->run.nchunks;
}

/* tsdb_runcursor_seek - move to the first row at or after key. */
extern void tsdb_runcursor_seek(TsdbRunCursors *cursors, TsdbRunCursor *cursor, TsdbKey key);

/*
 * tsdb_runcursor_count - how many rows lie before `until`.
 *
 * Exact when that is in the cursor's chunk; later chunks are judged by their headers, and of one that another series
 * begins in nothing counts: then tsdb_runcursor_last_time ends there as well.
 */
extern uint64 tsdb_runcursor_count(TsdbRunCursors *cursors, TsdbRunCursor *cursor, TsdbKey until);

/* tsdb_runcursor_last_time - about the last time of the cursor's series before `until`. */
extern int64 tsdb_runcursor_last_time(TsdbRunCursors *cursors, TsdbRunCursor *cursor, TsdbKey until);

/*
 * tsdb_runcursor_take - add the rows before `until` to the sources and step over them.
 *
 * The batches stay until tsdb_runcursor_release.
 */
extern void tsdb_runcursor_take(TsdbRunCursors *cursors, TsdbRunCursor *cursor, TsdbKey until);

/* tsdb_runcursor_sources - what was taken since the last release. */
extern TsdbMergeSource *tsdb_runcursor_sources(TsdbRunCursors *cursors, int *nsources);
extern void tsdb_runcursor_release(TsdbRunCursors *cursors);

#endif /* TSDB_RUNCURSOR_H */
