/*-------------------------------------------------------------------------
 *
 * aggregate_private.h
 *	  Between the parts of the walk over summaries.
 *
 *		aggregate.c			cells: cuts pieces at the edges of buckets and merges them
 *		aggregate_walk.c	pieces: summaries as high in the tree as they serve, rows elsewhere
 *		aggregate_back.c	the same for one series, newest first
 *		aggregate_strip.c	pieces of several stretches
 *		aggregate_level.c	summaries of one level of the tree: load them, ask whether one serves
 *		aggregate_subs.c	sub-summaries of a block: which kind serves
 *		aggregate_block.c	rows of a block that no version touches
 *		aggregate_fold.c	rows -> summaries, summaries -> summaries: the fields that are asked for
 *-------------------------------------------------------------------------
 */
#ifndef TSDB_AGGREGATE_PRIVATE_H
#define TSDB_AGGREGATE_PRIVATE_H

#include "read/aggregate.h"
#include "store/segstore.h"

/* A column that the walk looks at: asked for, in a condition, or quality of an asked one. */
typedef struct TsdbAggregateSource
{
	TsdbWanted wanted;
	uint32 fields; /* to decode of its summaries, 0 = none */
	uint32 asked; /* of these, by the request */
	int output; /* index in the request's columns, -1 = not asked for */
	int16 quality_attnum; /* quality column of the table as it is now, 0 = none */
	int quality; /* index of that source if rows need it, else -1 */
	bool is_closed; /* only_last: nothing is added any more */
} TsdbAggregateSource;

/* Rows of one series: summaries of a stretch inside one cell, or rows of a window. */
typedef struct TsdbAggregatePiece
{
	uint32 series;
	const TsdbSummary **summaries; /* per source (NULL: not asked for), or NULL: stretches or rows of the batch */
	const struct TsdbAggregateLevel *strip; /* neighbouring stretches, or NULL */
	uint32 index; /* the first of them */
	uint32 nstretches;
	uint64 nrows;
	int64 first_time;
	int64 last_time;
	const TsdbBatch *batch; /* columns are the sources */
	uint32 row; /* the first that is not taken yet */
	uint32 until;
	bool is_forward; /* of a walk backward: later than the piece before it all the same */
} TsdbAggregatePiece;

typedef struct TsdbAggregateWalk TsdbAggregateWalk;

typedef enum TsdbAggregateDepth
{
	DEPTH_SEGMENTS,
	DEPTH_GROUPS,
	DEPTH_BLOCKS,
	DEPTH_SUBS
} TsdbAggregateDepth;

/* Summaries of neighbouring stretches; per source. */
typedef struct TsdbAggregateLevel
{
	TsdbSummaryArrays *arrays; /* plain, or else: */
	TsdbSummary **summaries; /* one for each stretch; NULL: the column is not stored */
	uint32 *offsets; /* where stretch 0 is in those */
	bool *has_qualities; /* were they made with the quality column that counts? */
	TsdbSummary *taken; /* out of arrays, for one stretch */
	int strip_source; /* any one when all that is asked for is plain and covers all rows: several stretches are taken at once; else -1 */
} TsdbAggregateLevel;

/* A stretch of a level. */
typedef struct TsdbAggregateStretch
{
	int64 from_us; /* span */
	int64 until_us;
	uint64 nrows;
	uint32 index; /* in the arrays of the level */
	bool has_times; /* first and last are known */
	int64 first_time; /* of its rows */
	int64 last_time;
} TsdbAggregateStretch;

typedef enum TsdbAggregateAnswer
{
	ANSWER_PIECE, /* the summaries serve: walk->piece is filled */
	ANSWER_NOTHING, /* no row of the stretch matters */
	ANSWER_CUT, /* no version touches it, but it must be taken apart */
	ANSWER_TOUCHED
} TsdbAggregateAnswer;

struct TsdbAggregator
{
	MemoryContext context;
	Relation rel;
	TsdbAggregateRequest request;
	int nsources;
	TsdbAggregateSource *sources; /* ascending attnum */
	TsdbAggregateCounters counters;
	TsdbReader *reader;
	TsdbAggregateWalk *walk;
	TsdbBuckets *buckets; /* NULL = all time */
	TsdbBucket bucket; /* found last */

	TsdbAggregateCell cell; /* being gathered, or returned last */
	bool is_open; /* being gathered */
	TsdbAggregatePiece piece;
	bool has_piece;
	MemoryContext row_context; /* of one fold */

	/* only_last: series by series */
	const TsdbTable *table;
	bool is_backward;
	bool *is_found; /* per column: its last value is known */
	bool was_forward; /* the piece before */
	uint32 *series; /* NULL = not listed yet */
	uint32 nseries;
	uint32 next_series;
};

/* A walk backward over one series: walk->pos is the exclusive upper end of what is left. */
typedef struct TsdbAggregateBack
{
	bool is_positioned; /* walk->scan goes back from the last segment of the series */
	int64 from_us; /* the reader reads down to here */
	int32 nwindows; /* read so far */
	bool is_forward; /* walking forward over the rest of a segment */
	int64 saved_from; /* meanwhile: the restriction */
	int64 saved_until;
	uint32 *saved_series;
	uint32 saved_nseries;
	uint32 series; /* the one at hand */
} TsdbAggregateBack;

struct TsdbAggregateWalk
{
	TsdbAggregator *aggregator;
	Relation rel;
	TsdbStore *store; /* NULL: nothing was ever written */
	Snapshot snapshot;
	int64 segment_us;
	int nsources;
	const TsdbAggregateSource *sources;

	/* restriction */
	uint32 *series; /* NULL = all */
	uint32 nseries;
	int64 from;
	int64 until;
	int64 window_from; /* of the allowed stretch around pos: from, or where its window begins */

	TsdbKey pos; /* everything before is done */
	TsdbKey stop; /* end of the allowed stretch around pos */
	bool has_root; /* of the segment at hand: its columns are known */
	bool has_summaries; /* its summaries and those of its groups are loaded */
	bool has_group; /* a group of it is loaded */
	uint32 loaded_group;
	bool has_decoded; /* a block of that group is decoded */
	uint32 decoded_block;
	bool is_reading; /* the reader has windows before pos */
	bool is_merging; /* the block at hand is decoded, and versions are merged into it from pos on */
	TsdbAggregateDepth depth;

	/* the first version at or after the key that was asked for last */
	bool has_touched;
	TsdbKey touched_from;
	TsdbKey touched;

	TsdbSegmentScan *scan;
	bool is_scanning; /* scan stands before the segments that come next */
	MemoryContext scan_context;
	MemoryContext segment_context;
	bool has_segment; /* the first that ends after pos */
	TsdbStoredSegment stored;
	bool is_merged_known;
	bool is_merged; /* runs in its span are in it already */
	int *columns; /* per source: column of the segment, -1 = none */
	TsdbAggregateLevel root;
	MemoryContext group_context;
	uint32 group_no;
	TsdbGroupBase base; /* blocks = NULL: not read yet, see tsdb_aggregate_level_base */
	TsdbGroupColumn *directories; /* per source */
	bool *has_directory;
	bool *has_cells; /* of those: read, see tsdb_aggregate_level_cells */
	TsdbAggregateLevel blocks;
	uint32 block_no;
	/* parts of all blocks of the group, by kind; offsets: of the block at hand */
	bool is_sub_tried[TSDB_SUB_KINDS];
	bool has_subs[TSDB_SUB_KINDS];
	int64 sub_us[TSDB_SUB_KINDS];
	TsdbAggregateLevel subs[TSDB_SUB_KINDS];
	TsdbSubKind sub_kind; /* of the block at hand */
	uint32 sub_no;
	uint32 nsubs; /* of the block at hand */

	TsdbAggregateBack back;

	/* the block that was decoded last */
	MemoryContext block_context;
	TsdbBatch block;
	uint8 **states; /* per source */
	uint32 capacity; /* rows that the arrays of block have room for */
	uint64 ndecoded;

	/* the piece that was handed out */
	const TsdbSummary **summaries; /* per source */
	TsdbSummary *patched; /* per source: made up for rows older than the column */
};

/* tsdb_aggregate_bucket - the cell's stretch of time that a time lies in. */
extern TsdbBucket tsdb_aggregate_bucket(TsdbAggregator *aggregator, int64 time);

/* tsdb_aggregate_walk_open - segments of store; reader and sources are the aggregator's. */
extern TsdbAggregateWalk *tsdb_aggregate_walk_open(TsdbAggregator *aggregator, const TsdbTable *table, Snapshot snapshot);
extern void tsdb_aggregate_walk_close(TsdbAggregateWalk *walk);
extern void tsdb_aggregate_walk_restrict(TsdbAggregateWalk *walk, const uint32 *series, uint32 nseries,
										 int64 from, int64 until);
/* tsdb_aggregate_walk_next - the next piece in order of (series, time), valid until the next call; false at the end. */
extern bool tsdb_aggregate_walk_next(TsdbAggregateWalk *walk, TsdbAggregatePiece *piece);

/* tsdb_aggregate_walk_skip - go on at the next series. */
extern void tsdb_aggregate_walk_skip(TsdbAggregateWalk *walk);
/* tsdb_aggregate_walk_pass - go on behind a stretch, but not over the end of what is allowed: a later window may begin in it. */
extern void tsdb_aggregate_walk_pass(TsdbAggregateWalk *walk, int64 until_us);
/* tsdb_aggregate_walk_count - bring the aggregator's counters up to date. */
extern void tsdb_aggregate_walk_count(TsdbAggregateWalk *walk);

/* tsdb_aggregate_back_begin - turn to a series, next: its next older piece. */
extern void tsdb_aggregate_back_begin(TsdbAggregateWalk *walk, uint32 series);
extern bool tsdb_aggregate_back_next(TsdbAggregateWalk *walk, TsdbAggregatePiece *piece);

/* tsdb_aggregate_touched - does a run or a pending row hold a version in a stretch of the series at walk->pos? */
extern bool tsdb_aggregate_touched(TsdbAggregateWalk *walk, int64 from_us, int64 until_us);

/* tsdb_aggregate_level_init - make room.  root: find the columns of the segment; summaries: decode those of it and its groups.  group: load the summaries of its blocks. */
extern void tsdb_aggregate_level_init(TsdbAggregateWalk *walk, TsdbAggregateLevel *level);
extern void tsdb_aggregate_level_root(TsdbAggregateWalk *walk);
extern void tsdb_aggregate_level_summaries(TsdbAggregateWalk *walk);
extern void tsdb_aggregate_level_group(TsdbAggregateWalk *walk);
/* tsdb_aggregate_level_base - read the blocks of the group, unless it is done.  cells: where those of a column with a directory are. */
extern void tsdb_aggregate_level_base(TsdbAggregateWalk *walk);
extern const TsdbChunkRef *tsdb_aggregate_level_cells(TsdbAggregateWalk *walk, int s);

/* tsdb_aggregate_level_clear - nothing is stored.  decode: n coded summaries of a source. */
extern void tsdb_aggregate_level_clear(TsdbAggregateWalk *walk, TsdbAggregateLevel *level);
extern void tsdb_aggregate_level_decode(TsdbAggregateWalk *walk, TsdbAggregateLevel *level, TsdbSpan bytes, int s,
										uint32 fields, uint32 n, int64 base_us);

/* tsdb_aggregate_level_find_strip - what strip_source is, but for covers: are all rows of a stretch in what is asked for? */
extern int tsdb_aggregate_level_find_strip(const TsdbAggregateWalk *walk, const TsdbAggregateLevel *level);
extern bool tsdb_aggregate_level_covers(const TsdbAggregateWalk *walk, const TsdbAggregateLevel *level, uint32 index, uint64 nrows);

/* tsdb_aggregate_level_get - the summary of a stretch of a stored column, NULL of others; valid until the next call for the source. */
extern const TsdbSummary *tsdb_aggregate_level_get(const TsdbAggregateLevel *level, int s, uint32 index);

/*
 * tsdb_aggregate_level_count - how many stretches, from `index` on to at most `until`, can be taken at once.
 *
 * They lie inside one cell and the restriction, and no condition is to be met; 0: ask for one.  Versions are the caller's.
 */
extern uint32 tsdb_aggregate_level_count(TsdbAggregateWalk *walk, const TsdbAggregateLevel *level, uint32 index, uint32 until);

/*
 * tsdb_aggregate_strip_groups - take groups from the one at hand on as one piece; false when not even that one can be taken so.
 *
 * blocks, subs: the same of blocks, and of parts of a block that no version touches.  untouched: of blocks of which only the
 * summaries were read; no version touches the rest of the group then, so what lies between rows counts for nothing and
 * the spans of blocks are not needed.  fine: of fine parts of any blocks, on the same terms.
 */
extern bool tsdb_aggregate_strip_groups(TsdbAggregateWalk *walk, TsdbAggregatePiece *piece);
extern bool tsdb_aggregate_strip_fine(TsdbAggregateWalk *walk, TsdbAggregatePiece *piece);
extern bool tsdb_aggregate_strip_untouched(TsdbAggregateWalk *walk, TsdbAggregatePiece *piece);
extern bool tsdb_aggregate_strip_blocks(TsdbAggregateWalk *walk, TsdbAggregatePiece *piece);
extern bool tsdb_aggregate_strip_subs(TsdbAggregateWalk *walk, TsdbAggregatePiece *piece);

/* tsdb_aggregate_subs_find - find the parts of the block at hand, from pos on; false when it has none that serve. */
extern bool tsdb_aggregate_subs_find(TsdbAggregateWalk *walk);
/* tsdb_aggregate_subs_of_group - number of fine parts of the group, if they serve at pos; index: of the first that does not end before it. */
extern uint32 tsdb_aggregate_subs_of_group(TsdbAggregateWalk *walk, uint32 *index);
/* tsdb_aggregate_subs_rows - rows of the first n parts of the block at hand. */
extern uint64 tsdb_aggregate_subs_rows(TsdbAggregateWalk *walk, uint32 n);
/* tsdb_aggregate_level_ask - does a stretch's summary serve?  Then piece is filled. */
extern TsdbAggregateAnswer tsdb_aggregate_level_ask(TsdbAggregateWalk *walk, const TsdbAggregateLevel *level,
													TsdbAggregateStretch *stretch, TsdbAggregatePiece *piece);

/* tsdb_aggregate_block_decode - the rows of the block at hand: walk->block, columns are the sources.  range: rows from .. until - 1 are right. */
extern void tsdb_aggregate_block_decode(TsdbAggregateWalk *walk);
extern void tsdb_aggregate_block_range(TsdbAggregateWalk *walk, uint32 from, uint32 until);

/*
 * tsdb_aggregate_merge - append a later stretch to a summary, the asked fields.
 *
 * Exact sums of decimals are added as integers alone: tsdb_aggregate_finish then makes the sums of
 * doubles from them.
 */
extern void tsdb_aggregate_merge(TsdbSummary *into, const TsdbSummary *next, TsdbType type, uint32 fields);
extern void tsdb_aggregate_finish(TsdbSummary *summary, TsdbType type, uint32 fields);

/* tsdb_aggregate_add - append n stretches of plain summaries. */
extern void tsdb_aggregate_add(TsdbSummary *into, const TsdbSummaryArrays *arrays, uint32 from, uint32 n, uint32 fields);

/*
 * tsdb_aggregate_fold - add rows of a batch to the summary of one of its columns.
 *
 *	rows		indexes, ascending; NULL: from .. from + n - 1
 *	quality		quality column, or NULL
 */
extern void tsdb_aggregate_fold(TsdbSummary *into, uint32 fields, const TsdbBatch *batch, const TsdbColumn *column,
								const TsdbColumn *quality, const uint32 *rows, uint32 from, uint32 n);

#endif /* TSDB_AGGREGATE_PRIVATE_H */
