/*-------------------------------------------------------------------------
 *
 * batch.c
 *	  Finding and gathering rows of a batch.
 *-------------------------------------------------------------------------
 */
#include "format/batch.h"
#include "format/merge.h"

static bool is_stretch(const uint32_t *order, uint32_t n);
static void *gather_u64(const void *from, const uint32_t *order, uint32_t n, bool stretch, const TsdbMem *mem);
static uint32_t *gather_u32(uint32_t *from, const uint32_t *order, uint32_t n, bool stretch, const TsdbMem *mem);
static uint8_t *gather_u8(uint8_t *from, const uint32_t *order, uint32_t n, bool stretch, const TsdbMem *mem);

uint32_t
tsdb_batch_find(const TsdbBatch *batch, TsdbKey key)
{
	uint32_t low = 0;
	uint32_t high = batch->nrows;

	while (low < high)
	{
		uint32_t middle = low + (high - low) / 2;

		if (tsdb_key_compare(tsdb_batch_key(batch, middle), key) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

TsdbColumn *
tsdb_batch_column(const TsdbBatch *batch, int16_t attnum)
{
	int i;

	for (i = 0; i < batch->ncolumns; i++)
	{
		if (batch->columns[i].attnum == attnum)
			return &batch->columns[i];
	}
	return NULL;
}

/*
 * The arena is shared, full to the brim: whoever appends to out's copies it
 * first.  A stretch of neighbouring rows shares all arrays.
 */
void
tsdb_batch_gather(TsdbBatch *out, const TsdbBatch *in, const uint32_t *order, uint32_t n, const TsdbMem *mem)
{
	bool stretch = is_stretch(order, n);
	int i;

	*out = *in;
	out->nrows = n;
	out->arena.cap = out->arena.len;
	out->arena.mem = mem;
	out->times = (int64_t *) gather_u64(in->times, order, n, stretch, mem);
	out->series = gather_u32(in->series, order, n, stretch, mem);
	out->sequences = (uint64_t *) gather_u64(in->sequences, order, n, stretch, mem);
	out->kinds = gather_u8(in->kinds, order, n, stretch, mem);
	out->columns = (TsdbColumn *) tsdb_mem_alloc(mem, ((size_t) in->ncolumns + 1) * sizeof(TsdbColumn));
	for (i = 0; i < in->ncolumns; i++)
	{
		out->columns[i] = in->columns[i];
		out->columns[i].words = (uint64_t *) gather_u64(in->columns[i].words, order, n, stretch, mem);
		out->columns[i].states = gather_u8(in->columns[i].states, order, n, stretch, mem);
	}
}

// private functions

static bool
is_stretch(const uint32_t *order, uint32_t n)
{
	uint32_t i;

	for (i = 1; i < n; i++)
	{
		if (order[i] != order[0] + i)
			return false;
	}
	return n > 0;
}

/* gather_u64 - words from[order[i]]; a NULL array stays NULL. */
static void *
gather_u64(const void *from, const uint32_t *order, uint32_t n, bool stretch, const TsdbMem *mem)
{
	const uint64_t *words = (const uint64_t *) from;
	uint64_t *to;
	uint32_t i;

	if (words == NULL)
		return NULL;
	if (stretch)
		return (void *) (words + order[0]);
	to = (uint64_t *) tsdb_mem_alloc(mem, ((size_t) n + 1) * sizeof(uint64_t));
	for (i = 0; i < n; i++)
		to[i] = words[order[i]];
	return to;
}

static uint32_t *
gather_u32(uint32_t *from, const uint32_t *order, uint32_t n, bool stretch, const TsdbMem *mem)
{
	uint32_t *to;
	uint32_t i;

	if (from == NULL)
		return NULL;
	if (stretch)
		return from + order[0];
	to = (uint32_t *) tsdb_mem_alloc(mem, ((size_t) n + 1) * sizeof(uint32_t));
	for (i = 0; i < n; i++)
		to[i] = from[order[i]];
	return to;
}

static uint8_t *
gather_u8(uint8_t *from, const uint32_t *order, uint32_t n, bool stretch, const TsdbMem *mem)
{
	uint8_t *to;
	uint32_t i;

	if (from == NULL)
		return NULL;
	if (stretch)
		return from + order[0];
	to = (uint8_t *) tsdb_mem_alloc(mem, (size_t) n + 1);
	for (i = 0; i < n; i++)
		to[i] = from[order[i]];
	return to;
}
