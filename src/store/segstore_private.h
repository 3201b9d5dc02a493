/*-------------------------------------------------------------------------
 *
 * segstore_private.h
 *	  What segstore.c and segwriter.c share: the forms of a SEGMENT row.
 *
 *	form u8		rest
 *	0			root
 *	1			first page varint, number of pages varint, bytes varint: the root lies in PAGE rows
 *	2			bytes of the root varint, root, tail of the stream
 *
 * See docs/FORMAT.md "Segments".
 *-------------------------------------------------------------------------
 */
#ifndef TSDB_SEGSTORE_PRIVATE_H
#define TSDB_SEGSTORE_PRIVATE_H

#include "store/segstore.h"

#define TSDB_ROOT_IN_ROW 0
#define TSDB_ROOT_IN_PAGES 1
#define TSDB_ROOT_WITH_TAIL 2

/* tsdb_segstore_delete_root - delete the SEGMENT row, and the pages of a long root. */
extern void tsdb_segstore_delete_root(TsdbStore *store, Snapshot snapshot, const TsdbStoredSegment *stored);

#endif /* TSDB_SEGSTORE_PRIVATE_H */
