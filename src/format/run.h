/*-------------------------------------------------------------------------
 *
 * run.h
 *	  A run: rows of many series as they were flushed, sorted, in chunks of columns.
 *
 * Rows ascend by (series, time, sequence).  A run is cut into chunks of at most
 * TSDB_RUN_CHUNK_ROWS rows (a chunk also ends at the end of a series once it holds
 * TSDB_RUN_CHUNK_MIN rows; rows of one (series, time) stay together, up to TSDB_MAX_VALUES of them), each decodable alone and column by column.  The
 * header lists the chunks with their first and last keys; chunk bytes form a stream (payload) that
 * lies behind the header in the RUN row when both fit, else in pages.
 *
 * A small run may be coded against an earlier one, its base, that has the same series in the same order: then
 * the series are not repeated, and columns are differences where that is smaller.
 *
 * Flush, tier merge and the overlay of pending rows all use this.
 *-------------------------------------------------------------------------
 */
#ifndef TSDB_RUN_H
#define TSDB_RUN_H

#include "format/batch.h"

/* Column of something about the version itself, not a cell of the row: TOMBSTONEs have it too, and never NULL. */
#define TSDB_RUN_ROW_ATTNUM 32767

#define TSDB_RUN_CHUNK_ROWS 8192
#define TSDB_RUN_CHUNK_MIN 2048
#define TSDB_RUN_MAX_ROWS (1u << 19) /* rows in a run at most, so that its header fits a row of the store */
#define TSDB_RUN_TID_ROWS 60000 /* rows per run number: a run of more takes several, see docs/ARCHITECTURE.md "TIDs" */

typedef struct TsdbRunChunk
{
	TsdbKey first;
	TsdbKey last;
	uint32_t nrows;
	uint64_t first_row; /* ordinal in the run; derived */
	uint64_t offset; /* in the payload; derived */
	uint32_t nbytes;
} TsdbRunChunk;

typedef struct TsdbRun
{
	uint64_t run_no; /* = the sequence of a fresh run; first of nnumbers */
	uint32_t nnumbers; /* ceil(nrows / TSDB_RUN_TID_ROWS), at least 1 */
	uint64_t min_seq; /* lowest and highest sequence of its rows */
	uint64_t max_seq;
	uint64_t barrier_seq; /* no run below may be compacted while the writer is in progress; <= min_seq */
	uint64_t base_no; /* the run that this one is coded against, 0 = none */
	const TsdbBatch *base; /* its rows, for whoever encodes or decodes chunks; not of the header */
	uint8_t tier; /* 0 = flushed, n = merged from tier n - 1 */
	uint64_t nrows;
	int64_t min_time; /* over all rows */
	int64_t max_time;
	uint64_t payload_bytes;
	uint64_t first_page; /* 0: the payload follows the header; else the first of consecutive pages */
	uint32_t nchunks;
	TsdbRunChunk *chunks;
} TsdbRun;

/*
 * tsdb_run_encode - code a sorted batch.
 *
 *	run			out: nrows, chunks, times, payload_bytes, min/max_seq, nnumbers are filled; the caller sets run_no, tier, first_page, barrier_seq
 *	payload		out: chunk bytes are appended
 *	fresh		true: every row has batch->sequence, which is not known yet: rows carry no sequence and
 *				readers use run_no (min_seq = max_seq = run_no: set by the caller)
 *	stickies	NULL, or one per column of the batch (flush)
 */
extern void tsdb_run_encode(TsdbRun *run, TsdbBytes *payload, const TsdbBatch *batch, bool fresh,
							TsdbSticky *stickies, bool use_lz4, const TsdbMem *mem);

/*
 * tsdb_run_encode_against - as tsdb_run_encode of a fresh run, coded against the rows of run base_no.
 *
 * Returns false, with nothing appended, when that does not pay: other series, more than one chunk, kinds, or no column
 * gets smaller.  base must be what a decoder will have: what tsdb_run_encode was given for a run that is not coded against another.
 */
extern bool tsdb_run_encode_against(TsdbRun *run, TsdbBytes *payload, const TsdbBatch *batch, uint64_t base_no,
									const TsdbBatch *base, TsdbSticky *stickies, bool use_lz4, const TsdbMem *mem);

/* Header <-> bytes.  decode leaves in src what follows the header (an inline payload). Ends with a crc32c of the header. */
extern void tsdb_runheader_encode(TsdbBytes *out, const TsdbRun *run, const TsdbMem *scratch);
extern TsdbStatus tsdb_runheader_decode(TsdbSpan *src, TsdbRun *run, const TsdbMem *mem);

/*
 * tsdb_runchunk_decode - expand a chunk.
 *
 *	run			its base must be there when it has a base_no: all rows, with the same columns wanted
 *	wanted		columns to decode, ascending attnum; batch->columns gets exactly these in this order.  In
 *				FULL rows a column that the chunk lacks is filled from its missing value; in PATCH rows
 *				and TOMBSTONEs it is ABSENT.
 *
 * The batch's arrays live in mem.  Stored columns of another type than wanted are corrupt.
 */
extern TsdbStatus tsdb_runchunk_decode(TsdbSpan src, const TsdbRun *run, const TsdbRunChunk *chunk,
									   const TsdbWanted *wanted, int nwanted, TsdbBatch *batch, const TsdbMem *mem);

#endif /* TSDB_RUN_H */
