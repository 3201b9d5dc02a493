/*-------------------------------------------------------------------------
 *
 * segstore.h
 *	  Segments as rows: root, stream of pages, copy-on-write writer.
 *
 * The SEGMENT row holds the root, or, when it is longer than a row, the numbers of the pages that do.
 * A root is replaced as a whole (delete + insert of the key); pages are immutable and shared by
 * successive roots until a rewrite.
 *-------------------------------------------------------------------------
 */
#ifndef TSDB_SEGSTORE_H
#define TSDB_SEGSTORE_H

#include "format/segment.h"
#include "store/store.h"

typedef struct TsdbStoredSegment
{
	TsdbSegment segment;
	ItemPointerData tid; /* of the SEGMENT row */
	uint64 root_page; /* first page of a long root, 0 = in the row */
	uint32 root_npages;
	Size root_bytes;
} TsdbStoredSegment;

/* Scan of segments in (series, segment number) order; see tsdb_store_beginscan. */
typedef struct TsdbSegmentScan TsdbSegmentScan;
extern TsdbSegmentScan *tsdb_segstore_beginscan(TsdbStore *store, Relation rel, Snapshot snapshot,
												uint32 series_from, int32 segment_from,
												uint32 series_until, int32 segment_until, bool backward);
/* rescan - begin anew with another range. */
extern void tsdb_segstore_rescan(TsdbSegmentScan *scan, uint32 series_from, int32 segment_from,
								 uint32 series_until, int32 segment_until);
/* getnext - decodes the next root into the current context; false at the end. */
extern bool tsdb_segstore_getnext(TsdbSegmentScan *scan, TsdbStoredSegment *stored);
/* getnext_pinned - the same, but root and tail are not copied out of the page: they are there until the scan moves on or ends. */
extern bool tsdb_segstore_getnext_pinned(TsdbSegmentScan *scan, TsdbStoredSegment *stored);
extern void tsdb_segstore_endscan(TsdbSegmentScan *scan);

/* tsdb_segstore_find - one segment; false when there is none. */
extern bool tsdb_segstore_find(TsdbStore *store, Relation rel, Snapshot snapshot, uint32 series, int32 segment_no,
							   TsdbStoredSegment *stored);

/*
 * tsdb_segstore_chunk - a chunk of the stream, palloc'd in the current context.
 *
 * In the stream each chunk is followed by its crc32c, which is checked and cut off here; references count it.
 */
extern TsdbSpan tsdb_segstore_chunk(TsdbStore *store, Relation rel, Snapshot snapshot,
									const TsdbSegment *segment, TsdbChunkRef ref);

/* Load and check one level of the tree; arrays in the current context. */
extern void tsdb_segstore_group(TsdbStore *store, Relation rel, Snapshot snapshot, const TsdbSegment *segment,
								uint32 group_no, TsdbGroupBase *base);
/* column_index: position in segment->columns.  false when no block of the group holds the column. */
extern bool tsdb_segstore_groupcolumn(TsdbStore *store, Relation rel, Snapshot snapshot, const TsdbSegment *segment,
									  const TsdbGroupBase *base, int column_index, TsdbGroupColumn *column);
/* The same in two steps: what answers from summaries need, then blocks and cells. */
extern void tsdb_segstore_open_group(TsdbStore *store, Relation rel, Snapshot snapshot, const TsdbSegment *segment,
									 uint32 group_no, TsdbGroupBase *base);
extern void tsdb_segstore_read_blocks(Relation rel, const TsdbSegment *segment, uint32 group_no, TsdbGroupBase *base);
extern bool tsdb_segstore_open_groupcolumn(TsdbStore *store, Relation rel, Snapshot snapshot, const TsdbSegment *segment,
										   const TsdbGroupBase *base, int column_index, TsdbGroupColumn *column);
extern void tsdb_segstore_read_cells(Relation rel, const TsdbSegment *segment, const TsdbGroupBase *base, int column_index,
									 TsdbGroupColumn *column);
/* tsdb_segstore_block_times - times[nrows] of a block. */
extern void tsdb_segstore_block_times(TsdbStore *store, Relation rel, Snapshot snapshot, const TsdbSegment *segment,
									  const TsdbBlock *block, int64 *times);
/* tsdb_segstore_some_times - at least times[from .. until - 1]. */
extern void tsdb_segstore_some_times(TsdbStore *store, Relation rel, Snapshot snapshot, const TsdbSegment *segment,
									 const TsdbBlock *block, int64 *times, uint32 from, uint32 until);

/*
 * TsdbSegmentWriter - append chunks to a segment's stream and replace its root.
 *
 * Chunks that stay where they are keep their references.  rewrite = true starts an empty stream:
 * every chunk must then be appended again, and the old pages are deleted at finish.
 */
typedef struct TsdbSegmentWriter TsdbSegmentWriter;
extern TsdbSegmentWriter *tsdb_segwriter_begin(TsdbStore *store, Relation rel, Snapshot snapshot,
											   const TsdbStoredSegment *old, bool rewrite, CommandId cid);
extern TsdbChunkRef tsdb_segwriter_append(TsdbSegmentWriter *writer, const void *bytes, Size nbytes);
/*
 * tsdb_segwriter_release - delete the pages of the old stream that lie wholly in bytes from .. until-1, which no chunk needs any more.
 *
 * The page table has a gap there; for a stream that is not rewritten.  Call when nothing more is appended.
 */
extern void tsdb_segwriter_release(TsdbSegmentWriter *writer, uint64 from, uint64 until);
/*
 * tsdb_segwriter_finish - write the last page and the root, delete the old root and pages that are no longer used.
 *
 * `segment` comes with everything but stream_bytes and the page table, which are filled in.
 */
extern void tsdb_segwriter_finish(TsdbSegmentWriter *writer, TsdbSegment *segment);

/* tsdb_segstore_delete - remove a segment: root and pages, for good. */
extern void tsdb_segstore_delete(TsdbStore *store, Relation rel, Snapshot snapshot, const TsdbStoredSegment *stored);

#endif /* TSDB_SEGSTORE_H */
