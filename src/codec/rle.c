/*-------------------------------------------------------------------------
 *
 * rle.c
 *	  RLE: runs of equal words.
 *
 * Body, after the tag:
 *	  r			varint, runs, 1 .. n
 *	  lengths	IPK(r) of run length - 1; the lengths add up to n
 *	  values	chunk of the r values; any codec but RLE
 *-------------------------------------------------------------------------
 */
#include "codec/codec_private.h"

#define FILL_STEP 4 /* words that are stored at once */

static bool read_runs(TsdbSpan *src, TsdbType type, uint32_t n, unsigned mask, uint32_t *r, int64_t **lengths, uint64_t **values, const TsdbMem *scratch);

/*
 * tsdb_rle_count - number of runs.
 */
TSDB_CLONES uint32_t
tsdb_rle_count(const uint64_t *words, uint32_t n)
{
	uint64_t runs = n > 0;

	for (uint32_t i = 1; i < n; i++)
		runs += words[i] != words[i - 1];
	return (uint32_t) runs;
}

/*
 * tsdb_rle_encode - append a whole chunk, tag included.
 */
void
tsdb_rle_encode(TsdbBytes *out, TsdbType type, const uint64_t *words, uint32_t n, unsigned mask,
				const TsdbMem *scratch)
{
	uint32_t r = tsdb_rle_count(words, n);
	int64_t *lengths = tsdb_mem_array(scratch, r, sizeof(int64_t));
	uint64_t *values = tsdb_mem_array(scratch, r, sizeof(uint64_t));
	uint32_t run = 0;

	lengths[0] = 0;
	values[0] = words[0];
	for (uint32_t i = 1; i < n; i++)
	{
		if (words[i] != words[i - 1])
		{
			run++;
			values[run] = words[i];
			lengths[run] = 0;
		}
		else
			lengths[run]++;
	}
	tsdb_bytes_append_u8(out, TSDB_TAG(TSDB_CODEC_RLE, 0));
	tsdb_bytes_append_varint(out, r);
	tsdb_ipk_encode(out, lengths, r);
	tsdb_chunk_encode(out, type, values, r, mask & TSDB_MASK_RUN_VALUES, scratch);
}

/*
 * tsdb_rle_decode - the body of a chunk into n words.
 */
TsdbStatus
tsdb_rle_decode(TsdbSpan *src, TsdbType type, uint64_t *words, uint32_t n, unsigned mask,
				const TsdbMem *scratch)
{
	uint32_t r;
	int64_t *lengths;
	uint64_t *values;
	uint32_t at = 0;

	if (!read_runs(src, type, n, mask, &r, &lengths, &values, scratch))
		return TSDB_CORRUPT;
	for (uint32_t run = 0; run < r; run++)
	{
		uint32_t until = at + (uint32_t) lengths[run] + 1;
		uint64_t value = values[run];

		/* Short runs overwrite what follows, which costs less than a branch. */
		for (; at < until && at + FILL_STEP <= n; at += FILL_STEP)
			for (uint32_t i = 0; i < FILL_STEP; i++)
				words[at + i] = value;
		for (; at < until; at++)
			words[at] = value;
		at = until;
	}
	return TSDB_OK;
}

/*
 * tsdb_rle_fold - the body of a chunk into a running fold: each run once, with its length.
 */
TsdbStatus
tsdb_rle_fold(TsdbSpan *src, uint32_t n, unsigned mask, TsdbFoldState *state, const TsdbMem *scratch)
{
	uint32_t r;
	int64_t *lengths;
	uint64_t *values;
	uint32_t *counts;

	if (!read_runs(src, state->type, n, mask, &r, &lengths, &values, scratch))
		return TSDB_CORRUPT;
	counts = tsdb_mem_array(scratch, r, sizeof(uint32_t));
	for (uint32_t run = 0; run < r; run++)
		counts[run] = (uint32_t) lengths[run] + 1;
	tsdb_fold_add_weighted(state, values, counts, r);
	return TSDB_OK;
}

// private functions

static bool
read_runs(TsdbSpan *src, TsdbType type, uint32_t n, unsigned mask, uint32_t *r, int64_t **lengths, uint64_t **values, const TsdbMem *scratch)
{
	uint64_t count;
	uint64_t total;

	if (!tsdb_span_read_varint(src, &count) || count == 0 || count > n)
		return false;
	*r = (uint32_t) count;
	*lengths = tsdb_mem_array(scratch, *r, sizeof(int64_t));
	*values = tsdb_mem_array(scratch, *r, sizeof(uint64_t));
	if (tsdb_ipk_decode(src, *lengths, *r) != TSDB_OK)
		return false;
	total = count;
	for (uint32_t run = 0; run < *r; run++)
	{
		if ((uint64_t) (*lengths)[run] >= n)
			return false;
		total += (uint64_t) (*lengths)[run];
	}
	return total == n &&
		   tsdb_chunk_decode(src, type, *values, *r, mask & TSDB_MASK_RUN_VALUES, scratch) == TSDB_OK;
}
