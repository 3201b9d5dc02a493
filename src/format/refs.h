/*-------------------------------------------------------------------------
 *
 * refs.h
 *	  Lists of references to chunks of a segment's stream.
 *
 * For use by segment.c and group.c; layout in refs.c.
 *-------------------------------------------------------------------------
 */
#ifndef TSDB_REFS_H
#define TSDB_REFS_H

#include "format/segment.h"

/* n is at most TSDB_MAX_VALUES. */
extern void tsdb_refs_encode(TsdbBytes *out, const TsdbChunkRef *refs, uint32_t n, const TsdbMem *scratch);

/* tsdb_refs_decode - refuses chunks that end behind stream_bytes.  Chunks that are not stored get offset 0. */
extern TsdbStatus tsdb_refs_decode(TsdbSpan *src, TsdbChunkRef *refs, uint32_t n, uint64_t stream_bytes, const TsdbMem *scratch);

#endif /* TSDB_REFS_H */
