/*-------------------------------------------------------------------------
 *
 * merge.h
 *	  Last write wins: the only code that decides which value a reader sees.
 *
 * For one (series, time) the versions are applied in order of (sequence, order of
 * sources, row): FULL replaces the row, PATCH writes its non-ABSENT cells (on a missing or deleted
 * row: the other cells become NULL), TOMBSTONE removes it.
 *-------------------------------------------------------------------------
 */
#ifndef TSDB_MERGE_H
#define TSDB_MERGE_H

#include "format/batch.h"

/* Rows from .. until-1 of a batch that hold versions for the merge. */
typedef struct TsdbMergeSource
{
	const TsdbBatch *batch;
	uint32_t from;
	uint32_t until;
	bool is_pending; /* rows of the writer's own memory: above every sequence, below the watermark never */
} TsdbMergeSource;

/* Where a row of a merge result came from; for TIDs. */
typedef struct TsdbOrigin
{
	int32_t source; /* index of the source that held the newest version, -1 = base */
	uint32_t row; /* row in its batch */
} TsdbOrigin;

/*
 * tsdb_merge_rows - merge compacted rows and newer versions.
 *
 *	base		rows of segments (FULL, unique keys, older than every source), or NULL; rows base_from .. base_until-1
 *	sources		in no particular order of time; later pending sources are newer than earlier ones
 *	watermark	versions with a sequence below it are ignored (they are in base already)
 *	out			FULL rows, each key once; columns are those of the inputs (all inputs have
 *				the same columns in the same order); text is copied to out->arena
 *	origins		NULL, or set to an array of out->nrows in mem
 */
extern TsdbStatus tsdb_merge_rows(const TsdbBatch *base, uint32_t base_from, uint32_t base_until,
								  const TsdbMergeSource *sources, int nsources, uint64_t watermark,
								  TsdbBatch *out, TsdbOrigin **origins, const TsdbMem *mem);

/*
 * tsdb_merge_versions - merge runs into a bigger run (tiers): keeps each row's own
 * sequence and kind.  For a key, versions older than its newest FULL or TOMBSTONE are
 * dropped; PATCH versions after it are kept as rows of their own, ascending by sequence.
 */
extern TsdbStatus tsdb_merge_versions(const TsdbMergeSource *sources, int nsources, TsdbBatch *out, const TsdbMem *mem);

/*
 * tsdb_merge_flush - sort and consolidate the rows of one flush, given in order of arrival.
 *
 *	in		unsorted; kinds and states as written; sequences are ignored
 *	order	out: set to an array in mem of row numbers of `in`: sorted by (series, time), the winning row of each key;
 *			a PATCH on a FULL/PATCH row of the same flush is folded into it (in place, in `in`: the earlier row is
 *			updated and kept as the winner), PATCH after TOMBSTONE becomes FULL with NULLs
 *	nout	out: number of winners
 *
 * Fast when the rows of each series arrive in order (stable counting by series), else sorts.
 */
extern void tsdb_merge_flush(TsdbBatch *in, uint32_t **order, uint32_t *nout, const TsdbMem *mem);

/* tsdb_batch_gather - copy rows order[0 .. n-1] of in to out (arrays in mem; text shares or copies the arena). */
extern void tsdb_batch_gather(TsdbBatch *out, const TsdbBatch *in, const uint32_t *order, uint32_t n, const TsdbMem *mem);

#endif /* TSDB_MERGE_H */
