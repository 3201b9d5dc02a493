/*-------------------------------------------------------------------------
 *
 * segment.h
 *	  The tree of a series' segment: root -> groups -> blocks -> chunks.
 *
 * A segment holds the samples of one series in one span (32 days, the table's
 * segment_us).  Its bytes are a stream of chunks, cut into pages of TSDB_SEGMENT_PAGE_BYTES; a
 * chunk is found by its offset in the stream and its length.  The stream only grows at its
 * end: a replaced chunk becomes dead bytes until the segment is rewritten.  The first page may be shorter, to
 * fill a gap of the heap; the bytes behind the last page, the tail, lie beside the root.
 *
 *		root			(SEGMENT row) watermark, page table, groups, per column: summaries
 *		  |				  [whole segment, group 0, group 1, ...]
 *		group base		(chunk) some hundred blocks: span, rows, id, chunk of their times,
 *		  |				  per column: where its group column chunk is
 *		group column	(chunk) per block: where its cells are, summaries; where the sub-summaries are
 *		  |
 *		sub-summaries	(chunk) of quarters of an hour or days
 *		times, cells	(chunks) payload
 *
 * All times absolute, us since 2000-01-01 UTC.  Every decoded object is checked: counts bounded by the bytes that hold them, blocks ascending and
 * disjoint and inside the segment, chunk references inside the stream.  Root bytes end with a crc32c.
 *-------------------------------------------------------------------------
 */
#ifndef TSDB_SEGMENT_H
#define TSDB_SEGMENT_H

#include "format/batch.h"
#include "format/summary.h"

#define TSDB_SEGMENT_PAGE_BYTES 8100
#define TSDB_SEGMENT_MAX_BYTES (UINT64_C(1) << 35) /* of a stream */
#define TSDB_SEGMENT_MAX_GROUPS (TSDB_MAX_SUMMARIES - 1)
#define TSDB_GROUP_MAX_BLOCKS TSDB_MAX_SUMMARIES

typedef struct TsdbChunkRef
{
	uint64_t offset; /* in the segment's stream */
	uint32_t nbytes; /* 0 = not stored */
} TsdbChunkRef;

typedef struct TsdbSegmentPage
{
	uint64_t stream_page; /* (lead_bytes + offset) / TSDB_SEGMENT_PAGE_BYTES; ascending */
	uint64_t page_no; /* key of the PAGE row */
} TsdbSegmentPage;

typedef struct TsdbSegmentGroup
{
	int64_t from_us; /* span of the group, aligned */
	int64_t until_us;
	uint32_t nblocks; /* > 0: empty groups are not listed */
	uint64_t nrows;
	TsdbChunkRef base;
} TsdbSegmentGroup;

typedef struct TsdbSegmentColumn
{
	int16_t attnum;
	uint8_t type; /* TsdbType */
	int16_t quality_attnum; /* quality column that the summaries were made with, 0 = none; another one now: they don't count */
	TsdbSpan summaries; /* coded: tsdb_segment_nsummaries(); see tsdb_summaries_decode, base_us = from_us of the segment */
} TsdbSegmentColumn;

typedef struct TsdbSegment
{
	uint32_t series;
	int32_t segment_no;
	int64_t from_us; /* span */
	int64_t until_us;
	uint64_t merged_seq; /* run rows below this are in here already */
	int64_t block_us; /* span of a block chosen for this segment */
	int64_t group_us; /* span of a group */
	uint64_t nrows; /* 0: a tombstone segment */
	uint32_t min_block_id; /* of all blocks; both 0 when there is none */
	uint32_t max_block_id;
	uint64_t stream_bytes; /* end of the stream */
	uint64_t dead_bytes; /* of them, in replaced chunks */
	uint32_t lead_bytes; /* that the first page lacks in front: the stream begins so far behind its beginning */
	uint32_t npages;
	TsdbSegmentPage *pages;
	TsdbSpan tail; /* last bytes of the stream, those in no page; not part of the coded root */
	uint32_t ngroups;
	TsdbSegmentGroup *groups;
	int ncolumns;
	TsdbSegmentColumn *columns; /* ascending attnum */
} TsdbSegment;

/*
 * tsdb_segment_nsummaries - summaries in each column of the root: of the whole segment, then of each group.
 *
 * One only when there is one group: it serves both.  0 in a tombstone segment.
 */
static inline uint32_t
tsdb_segment_nsummaries(const TsdbSegment *segment)
{
	return segment->ngroups > 1 ? 1 + segment->ngroups : segment->ngroups;
}

/* tsdb_segment_group_summary - which of them is that of group i. */
static inline uint32_t
tsdb_segment_group_summary(const TsdbSegment *segment, uint32_t i)
{
	return segment->ngroups > 1 ? 1 + i : i;
}

/* tsdb_segment_tail_start - offset in the stream at which the tail begins. */
static inline uint64_t
tsdb_segment_tail_start(const TsdbSegment *segment)
{
	return segment->stream_bytes - tsdb_span_left(&segment->tail);
}

/* tsdb_segment_pages_for - pages that the first nbytes of the stream take. */
static inline uint64_t
tsdb_segment_pages_for(const TsdbSegment *segment, uint64_t nbytes)
{
	return nbytes == 0 ? 0 : (segment->lead_bytes + nbytes + TSDB_SEGMENT_PAGE_BYTES - 1) / TSDB_SEGMENT_PAGE_BYTES;
}

/* tsdb_segment_page_start - offset in the stream at which a page begins. */
static inline uint64_t
tsdb_segment_page_start(const TsdbSegment *segment, uint64_t stream_page)
{
	return stream_page == 0 ? 0 : stream_page * TSDB_SEGMENT_PAGE_BYTES - segment->lead_bytes;
}

/* tsdb_segment_wasted_bytes - of the dead bytes those in pages that are there still; about, since the first page may be shorter. */
static inline uint64_t
tsdb_segment_wasted_bytes(const TsdbSegment *segment)
{
	uint64_t npages = tsdb_segment_pages_for(segment, tsdb_segment_tail_start(segment));
	uint64_t gone = npages > segment->npages ? (npages - segment->npages) * TSDB_SEGMENT_PAGE_BYTES : 0;

	return segment->dead_bytes > gone ? segment->dead_bytes - gone : 0;
}

typedef struct TsdbBlock
{
	uint32_t block_id; /* 31 bits, for TIDs */
	int64_t from_us; /* span; blocks of a segment are ascending and disjoint */
	int64_t until_us;
	uint32_t nrows; /* 1 .. TSDB_MAX_VALUES */
	int64_t first_time; /* of its rows */
	int64_t last_time;
	TsdbChunkRef times; /* tsdb_times_*, base_us = from_us */
} TsdbBlock;

typedef struct TsdbGroupBase
{
	uint32_t nblocks;
	TsdbBlock *blocks;
	int ncolumns; /* same columns as the root */
	TsdbChunkRef *columns; /* group column chunks; nbytes = 0: no block of the group holds the column */
	TsdbSpan rest; /* decoder: what the blocks are read from */
} TsdbGroupBase;

/* Kinds of sub-summaries; bits on disk.  Those of sums and of extremes hold nothing else, so that they can be fine. */
typedef enum TsdbSubKind
{
	TSDB_SUBS_WHOLE, /* all fields: quarters of an hour, days */
	TSDB_SUBS_SUMS, /* rows and sums */
	TSDB_SUBS_EXTREMES, /* rows, min and max */
	TSDB_SUB_KINDS
} TsdbSubKind;

typedef struct TsdbSubs
{
	int64_t span_us; /* 0 = there are none */
	uint32_t n; /* in all, ascending: each non-empty span of blocks that store cells; WHOLE: of all of these blocks, else of some */
	TsdbChunkRef ref; /* coded, base_us = group's from_us; a chunk, because few questions read it */
} TsdbSubs;

typedef struct TsdbGroupColumn
{
	TsdbChunkRef *cells; /* per block; nbytes = 0: the block was written before the column existed */
	TsdbSpan summaries; /* coded, one per block that stores cells, base_us = group's from_us */
	uint32_t nsummaries; /* of them; 0 is allowed in a group of one block: the group's summary in the root is the block's */
	TsdbSubs subs[TSDB_SUB_KINDS];
	TsdbSpan rest; /* decoder: what the cells are read from */
} TsdbGroupColumn;

/*
 * Encoders append to out; decoders allocate arrays in mem, spans point into src.
 *
 * What parents know is not repeated: spans, rows and ids of a group base are coded against the segment and the
 * group, so encode the root's fields first.  A caller that decodes an old group base needs the old root's segment and group.
 * The sum of nrows over groups is the segment's, over blocks the group's.
 */
extern void tsdb_segment_encode(TsdbBytes *out, const TsdbSegment *segment, const TsdbMem *scratch);
extern TsdbStatus tsdb_segment_decode(TsdbSpan src, TsdbSegment *segment, const TsdbMem *mem);

extern void tsdb_groupbase_encode(TsdbBytes *out, const TsdbGroupBase *base, const TsdbSegment *segment,
								  const TsdbSegmentGroup *group, const TsdbMem *scratch);
extern TsdbStatus tsdb_groupbase_decode(TsdbSpan src, TsdbGroupBase *base, const TsdbSegment *segment,
										const TsdbSegmentGroup *group, const TsdbMem *mem);

/* tsdb_groupbase_open - all but the blocks; read_blocks: the rest.  decode does both. */
extern TsdbStatus tsdb_groupbase_open(TsdbSpan src, TsdbGroupBase *base, const TsdbSegment *segment,
									  const TsdbSegmentGroup *group, const TsdbMem *mem);
extern TsdbStatus tsdb_groupbase_read_blocks(TsdbGroupBase *base, const TsdbSegment *segment,
											 const TsdbSegmentGroup *group, const TsdbMem *mem);

extern void tsdb_groupcolumn_encode(TsdbBytes *out, const TsdbGroupColumn *column, uint32_t nblocks,
									const TsdbMem *scratch);
extern TsdbStatus tsdb_groupcolumn_decode(TsdbSpan src, TsdbGroupColumn *column, uint32_t nblocks,
										  const TsdbMem *mem);

/* tsdb_groupcolumn_open - all but the cells; read_cells: the rest.  decode does both. */
extern TsdbStatus tsdb_groupcolumn_open(TsdbSpan src, TsdbGroupColumn *column, uint32_t nblocks, const TsdbMem *mem);
extern TsdbStatus tsdb_groupcolumn_read_cells(TsdbGroupColumn *column, uint32_t nblocks, const TsdbMem *mem);

#endif /* TSDB_SEGMENT_H */
