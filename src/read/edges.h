/*-------------------------------------------------------------------------
 *
 * edges.h
 *	  First or last row of one series after the other, told by the roots of segments.
 *
 *-------------------------------------------------------------------------
 */
#ifndef TSDB_EDGES_H
#define TSDB_EDGES_H

#include "postgres.h"
#include "read/reader.h"

typedef struct TsdbEdges TsdbEdges;

/* Answer of a look that is not worth reading rows for. */
typedef enum TsdbPresence
{
	TSDB_PRESENCE_NONE,
	TSDB_PRESENCE_SOME,
	TSDB_PRESENCE_UNKNOWN
} TsdbPresence;

/*
 * tsdb_edges_open - look at last rows (backward) or first ones, in what the reader sees.
 *
 *	reader		stays open longer
 *	wanted		as in tsdb_reader_open; must stay valid
 *
 * Memory: a context of its own below the current one, bounded by the root of a segment.  Locks: as the reader.
 */
extern TsdbEdges *tsdb_edges_open(Relation rel, TsdbReader *reader, const TsdbWanted *wanted, int nwanted, ScanDirection direction);
extern void tsdb_edges_close(TsdbEdges *edges);

/* tsdb_edges_probe - does this series have a row in [from, until)? */
extern TsdbPresence tsdb_edges_probe(TsdbEdges *edges, uint32 series, int64 from, int64 until);

/*
 * tsdb_edges_find - the last or first row of this series in [from, until).
 *
 *	row		out, when the answer is SOME: a batch of one row, columns = wanted, valid until the next call; it has no TID
 *
 * UNKNOWN when summaries don't tell it: texts, rows in runs that are newer, a time range that cuts a segment.
 */
extern TsdbPresence tsdb_edges_find(TsdbEdges *edges, uint32 series, int64 from, int64 until, const TsdbBatch **row);

#endif /* TSDB_EDGES_H */
