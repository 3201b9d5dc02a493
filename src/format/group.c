/*-------------------------------------------------------------------------
 *
 * group.c
 *	  Group bases and group columns <-> bytes: the middle of a segment's tree.
 *
 * Group base, of nblocks blocks and the root's columns (both known from the root):
 *		columns		chunk references
 *		gaps		timelist: from_us less until_us of the block before; the first from the group's from_us
 *		spans		timelist: until_us - from_us - block_us
 *		first		timelist: first_time - from_us
 *		last		timelist: until_us - last_time
 *		rows		intlist of nrows, but the last: what is left of the group's
 *		ids			intlist of block_id less that of the block before - 1; the first from min_block_id - 1
 *		times		chunk references
 *
 * Group column, of nblocks blocks:
 *		nsummaries	varint
 *		summaries	varint: length, bytes
 *		subs		u8: bit k: there are sub-summaries of kind k, then of each: span_us, varint n, chunk reference (a list of one)
 *		cells		chunk references
 * What answers from summaries need comes first: they don't read on.
 * Lists: see ints.h and refs.h.
 *-------------------------------------------------------------------------
 */
#include "format/ints.h"
#include "format/number.h"
#include "format/refs.h"
#include "format/segment.h"

static void encode_block_spans(TsdbBytes *out, const TsdbGroupBase *base, const TsdbSegment *segment,
							   const TsdbSegmentGroup *group, int64_t *values, const TsdbMem *scratch);
static void encode_block_rows(TsdbBytes *out, const TsdbGroupBase *base, const TsdbSegment *segment,
							  int64_t *values, const TsdbMem *scratch);
static TsdbStatus decode_block_spans(TsdbSpan *src, TsdbGroupBase *base, const TsdbSegment *segment,
									 const TsdbSegmentGroup *group, int64_t *values, const TsdbMem *mem);
static TsdbStatus decode_block_times(TsdbSpan *src, TsdbGroupBase *base, int64_t *values, const TsdbMem *mem);
static TsdbStatus decode_block_rows(TsdbSpan *src, TsdbGroupBase *base, const TsdbSegmentGroup *group,
									int64_t *values, const TsdbMem *mem);
static TsdbStatus decode_block_ids(TsdbSpan *src, TsdbGroupBase *base, const TsdbSegment *segment,
								   int64_t *values, const TsdbMem *mem);
static void encode_subs(TsdbBytes *out, const TsdbGroupColumn *column, const TsdbMem *scratch);
static TsdbStatus decode_subs(TsdbSpan *src, TsdbGroupColumn *column, const TsdbMem *mem);

void
tsdb_groupbase_encode(TsdbBytes *out, const TsdbGroupBase *base, const TsdbSegment *segment,
					  const TsdbSegmentGroup *group, const TsdbMem *scratch)
{
	int64_t *values = (int64_t *) tsdb_mem_alloc(scratch, base->nblocks * sizeof(*values));
	TsdbChunkRef *refs = (TsdbChunkRef *) tsdb_mem_alloc(scratch, base->nblocks * sizeof(*refs));

	tsdb_refs_encode(out, base->columns, (uint32_t) base->ncolumns, scratch);
	encode_block_spans(out, base, segment, group, values, scratch);
	encode_block_rows(out, base, segment, values, scratch);
	for (uint32_t i = 0; i < base->nblocks; i++)
		refs[i] = base->blocks[i].times;
	tsdb_refs_encode(out, refs, base->nblocks, scratch);
}

TsdbStatus
tsdb_groupbase_open(TsdbSpan src, TsdbGroupBase *base, const TsdbSegment *segment,
					const TsdbSegmentGroup *group, const TsdbMem *mem)
{
	if (group->nblocks == 0 || group->nblocks > TSDB_GROUP_MAX_BLOCKS)
		return TSDB_CORRUPT;
	base->nblocks = group->nblocks;
	base->blocks = NULL;
	base->ncolumns = segment->ncolumns;
	base->columns = (TsdbChunkRef *) tsdb_mem_alloc(mem, ((size_t) base->ncolumns + 1) * sizeof(TsdbChunkRef));
	TSDB_TRY(tsdb_refs_decode(&src, base->columns, (uint32_t) base->ncolumns, segment->stream_bytes, mem));
	base->rest = src;
	return TSDB_OK;
}

TsdbStatus
tsdb_groupbase_read_blocks(TsdbGroupBase *base, const TsdbSegment *segment,
						   const TsdbSegmentGroup *group, const TsdbMem *mem)
{
	TsdbSpan src = base->rest;
	uint32_t n = base->nblocks;
	int64_t *values = (int64_t *) tsdb_mem_alloc(mem, n * sizeof(*values));
	TsdbChunkRef *refs = (TsdbChunkRef *) tsdb_mem_alloc(mem, n * sizeof(*refs));

	base->blocks = (TsdbBlock *) tsdb_mem_alloc(mem, n * sizeof(TsdbBlock));
	TSDB_TRY(decode_block_spans(&src, base, segment, group, values, mem));
	TSDB_TRY(decode_block_times(&src, base, values, mem));
	TSDB_TRY(decode_block_rows(&src, base, group, values, mem));
	TSDB_TRY(decode_block_ids(&src, base, segment, values, mem));
	TSDB_TRY(tsdb_refs_decode(&src, refs, n, segment->stream_bytes, mem));
	for (uint32_t i = 0; i < n; i++)
	{
		base->blocks[i].times = refs[i];
		if (refs[i].nbytes == 0)
			return TSDB_CORRUPT;
	}
	return tsdb_span_left(&src) == 0 ? TSDB_OK : TSDB_CORRUPT;
}

TsdbStatus
tsdb_groupbase_decode(TsdbSpan src, TsdbGroupBase *base, const TsdbSegment *segment,
					  const TsdbSegmentGroup *group, const TsdbMem *mem)
{
	TSDB_TRY(tsdb_groupbase_open(src, base, segment, group, mem));
	return tsdb_groupbase_read_blocks(base, segment, group, mem);
}

void
tsdb_groupcolumn_encode(TsdbBytes *out, const TsdbGroupColumn *column, uint32_t nblocks,
						const TsdbMem *scratch)
{
	tsdb_bytes_append_varint(out, column->nsummaries);
	tsdb_bytes_append_varint(out, tsdb_span_left(&column->summaries));
	tsdb_bytes_append(out, column->summaries.at, tsdb_span_left(&column->summaries));
	encode_subs(out, column, scratch);
	tsdb_refs_encode(out, column->cells, nblocks, scratch);
}

TsdbStatus
tsdb_groupcolumn_open(TsdbSpan src, TsdbGroupColumn *column, uint32_t nblocks, const TsdbMem *mem)
{
	uint64_t nsummaries;
	uint64_t nbytes;

	memset(column, 0, sizeof(*column));
	TSDB_TRY(tsdb_varint_decode_max(&src, nblocks, &nsummaries));
	column->nsummaries = (uint32_t) nsummaries;
	TSDB_TRY(tsdb_varint_decode_max(&src, tsdb_span_left(&src), &nbytes));
	tsdb_span_take(&src, (size_t) nbytes, &column->summaries);
	TSDB_TRY(decode_subs(&src, column, mem));
	column->rest = src;
	return TSDB_OK;
}

TsdbStatus
tsdb_groupcolumn_read_cells(TsdbGroupColumn *column, uint32_t nblocks, const TsdbMem *mem)
{
	TsdbSpan src = column->rest;
	uint32_t nstored = 0;

	column->cells = (TsdbChunkRef *) tsdb_mem_alloc(mem, ((size_t) nblocks + 1) * sizeof(TsdbChunkRef));
	TSDB_TRY(tsdb_refs_decode(&src, column->cells, nblocks, TSDB_SEGMENT_MAX_BYTES, mem));
	for (uint32_t i = 0; i < nblocks; i++)
		nstored += column->cells[i].nbytes > 0;
	if (column->nsummaries != nstored && !(column->nsummaries == 0 && nblocks == 1))
		return TSDB_CORRUPT;
	return tsdb_span_left(&src) == 0 ? TSDB_OK : TSDB_CORRUPT;
}

TsdbStatus
tsdb_groupcolumn_decode(TsdbSpan src, TsdbGroupColumn *column, uint32_t nblocks, const TsdbMem *mem)
{
	TSDB_TRY(tsdb_groupcolumn_open(src, column, nblocks, mem));
	return tsdb_groupcolumn_read_cells(column, nblocks, mem);
}

// private functions

static void
encode_block_spans(TsdbBytes *out, const TsdbGroupBase *base, const TsdbSegment *segment,
				   const TsdbSegmentGroup *group, int64_t *values, const TsdbMem *scratch)
{
	uint32_t n = base->nblocks;
	const TsdbBlock *blocks = base->blocks;

	for (uint32_t i = 0; i < n; i++)
		values[i] = tsdb_number_span(i == 0 ? group->from_us : blocks[i - 1].until_us, blocks[i].from_us);
	tsdb_timelist_encode(out, values, n, scratch);
	for (uint32_t i = 0; i < n; i++)
		values[i] = tsdb_number_span(blocks[i].from_us, blocks[i].until_us) - segment->block_us;
	tsdb_timelist_encode(out, values, n, scratch);
	for (uint32_t i = 0; i < n; i++)
		values[i] = tsdb_number_span(blocks[i].from_us, blocks[i].first_time);
	tsdb_timelist_encode(out, values, n, scratch);
	for (uint32_t i = 0; i < n; i++)
		values[i] = tsdb_number_span(blocks[i].last_time, blocks[i].until_us);
	tsdb_timelist_encode(out, values, n, scratch);
}

static void
encode_block_rows(TsdbBytes *out, const TsdbGroupBase *base, const TsdbSegment *segment,
				  int64_t *values, const TsdbMem *scratch)
{
	uint32_t n = base->nblocks;
	int64_t before = (int64_t) segment->min_block_id - 1;

	for (uint32_t i = 0; i < n; i++)
		values[i] = base->blocks[i].nrows;
	tsdb_intlist_encode(out, values, n - 1, scratch);
	for (uint32_t i = 0; i < n; i++)
	{
		values[i] = (int64_t) base->blocks[i].block_id - before - 1;
		before = base->blocks[i].block_id;
	}
	tsdb_intlist_encode(out, values, n, scratch);
}

static TsdbStatus
decode_block_spans(TsdbSpan *src, TsdbGroupBase *base, const TsdbSegment *segment,
				   const TsdbSegmentGroup *group, int64_t *values, const TsdbMem *mem)
{
	int64_t end_us = group->from_us;

	TSDB_TRY(tsdb_timelist_decode(src, values, base->nblocks, mem));
	for (uint32_t i = 0; i < base->nblocks; i++)
		base->blocks[i].from_us = values[i];
	TSDB_TRY(tsdb_timelist_decode(src, values, base->nblocks, mem));
	for (uint32_t i = 0; i < base->nblocks; i++)
	{
		TsdbBlock *block = &base->blocks[i];
		int64_t span_us;

		if (block->from_us < 0 ||
			__builtin_add_overflow(block->from_us, end_us, &block->from_us) ||
			__builtin_add_overflow(values[i], segment->block_us, &span_us) || span_us <= 0 ||
			__builtin_add_overflow(block->from_us, span_us, &block->until_us) ||
			block->until_us > group->until_us)
			return TSDB_CORRUPT;
		end_us = block->until_us;
	}
	return TSDB_OK;
}

static TsdbStatus
decode_block_times(TsdbSpan *src, TsdbGroupBase *base, int64_t *values, const TsdbMem *mem)
{
	TSDB_TRY(tsdb_timelist_decode(src, values, base->nblocks, mem));
	for (uint32_t i = 0; i < base->nblocks; i++)
	{
		TsdbBlock *block = &base->blocks[i];

		if (values[i] < 0 || values[i] >= tsdb_number_span(block->from_us, block->until_us))
			return TSDB_CORRUPT;
		block->first_time = block->from_us + values[i];
	}
	TSDB_TRY(tsdb_timelist_decode(src, values, base->nblocks, mem));
	for (uint32_t i = 0; i < base->nblocks; i++)
	{
		TsdbBlock *block = &base->blocks[i];

		if (values[i] <= 0 || values[i] > tsdb_number_span(block->first_time, block->until_us))
			return TSDB_CORRUPT;
		block->last_time = block->until_us - values[i];
	}
	return TSDB_OK;
}

static TsdbStatus
decode_block_rows(TsdbSpan *src, TsdbGroupBase *base, const TsdbSegmentGroup *group,
				  int64_t *values, const TsdbMem *mem)
{
	int64_t left = (int64_t) group->nrows;

	TSDB_TRY(tsdb_intlist_decode(src, values, base->nblocks - 1, mem));
	for (uint32_t i = 0; i < base->nblocks; i++)
	{
		int64_t nrows = i + 1 < base->nblocks ? values[i] : left;

		if (nrows < 1 || nrows > TSDB_MAX_VALUES || nrows > left)
			return TSDB_CORRUPT;
		base->blocks[i].nrows = (uint32_t) nrows;
		left -= nrows;
	}
	return TSDB_OK;
}

static TsdbStatus
decode_block_ids(TsdbSpan *src, TsdbGroupBase *base, const TsdbSegment *segment,
				 int64_t *values, const TsdbMem *mem)
{
	int64_t id = (int64_t) segment->min_block_id - 1;

	TSDB_TRY(tsdb_intlist_decode(src, values, base->nblocks, mem));
	for (uint32_t i = 0; i < base->nblocks; i++)
	{
		if (values[i] < -INT32_MAX || values[i] > INT32_MAX)
			return TSDB_CORRUPT;
		id += values[i] + 1;
		if (id < segment->min_block_id || id > segment->max_block_id)
			return TSDB_CORRUPT;
		base->blocks[i].block_id = (uint32_t) id;
	}
	return TSDB_OK;
}

static void
encode_subs(TsdbBytes *out, const TsdbGroupColumn *column, const TsdbMem *scratch)
{
	uint8_t kinds = 0;

	for (int k = 0; k < TSDB_SUB_KINDS; k++)
		if (column->subs[k].span_us > 0)
			kinds |= (uint8_t) (1 << k);
	tsdb_bytes_append_u8(out, kinds);
	for (int k = 0; k < TSDB_SUB_KINDS; k++)
	{
		const TsdbSubs *subs = &column->subs[k];

		if (subs->span_us == 0)
			continue;
		tsdb_span_us_encode(out, subs->span_us);
		tsdb_bytes_append_varint(out, subs->n);
		tsdb_refs_encode(out, &subs->ref, 1, scratch);
	}
}

static TsdbStatus
decode_subs(TsdbSpan *src, TsdbGroupColumn *column, const TsdbMem *mem)
{
	uint8_t kinds;

	if (!tsdb_span_read_u8(src, &kinds) || kinds >> TSDB_SUB_KINDS != 0)
		return TSDB_CORRUPT;
	for (int k = 0; k < TSDB_SUB_KINDS; k++)
	{
		TsdbSubs *subs = &column->subs[k];
		uint64_t n;

		if ((kinds >> k & 1) == 0)
			continue;
		TSDB_TRY(tsdb_span_us_decode(src, &subs->span_us));
		TSDB_TRY(tsdb_varint_decode_max(src, TSDB_MAX_SUMMARIES, &n));
		TSDB_TRY(tsdb_refs_decode(src, &subs->ref, 1, TSDB_SEGMENT_MAX_BYTES, mem));
		subs->n = (uint32_t) n;
		if (subs->span_us <= 0 || n == 0 || subs->ref.nbytes == 0)
			return TSDB_CORRUPT;
	}
	return TSDB_OK;
}
