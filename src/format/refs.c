/*-------------------------------------------------------------------------
 *
 * refs.c
 *	  Lists of references to chunks of a segment's stream.
 *
 *		lengths		intlist of nbytes
 *		gaps		zvarint, intlist of offset less the end of the stored chunk before, of the stored ones; the
 *					first from 0
 *-------------------------------------------------------------------------
 */
#include "format/ints.h"
#include "format/refs.h"

void
tsdb_refs_encode(TsdbBytes *out, const TsdbChunkRef *refs, uint32_t n, const TsdbMem *scratch)
{
	int64_t *values = (int64_t *) tsdb_mem_alloc(scratch, (n + 1) * sizeof(*values));
	uint64_t end = 0;
	uint32_t nstored = 0;

	for (uint32_t i = 0; i < n; i++)
		values[i] = refs[i].nbytes;
	tsdb_intlist_encode(out, values, n, scratch);
	for (uint32_t i = 0; i < n; i++)
		if (refs[i].nbytes > 0)
		{
			values[nstored++] = (int64_t) (refs[i].offset - end);
			end = refs[i].offset + refs[i].nbytes;
		}
	if (nstored == 0)
		return;
	/* Apart: the first is usually big, the others small or 0. */
	tsdb_bytes_append_zvarint(out, values[0]);
	tsdb_intlist_encode(out, values + 1, nstored - 1, scratch);
}

TsdbStatus
tsdb_refs_decode(TsdbSpan *src, TsdbChunkRef *refs, uint32_t n, uint64_t stream_bytes, const TsdbMem *scratch)
{
	int64_t *values = (int64_t *) tsdb_mem_alloc(scratch, (n + 1) * sizeof(*values));
	uint64_t end = 0;
	uint32_t nstored = 0;

	TSDB_TRY(tsdb_intlist_decode(src, values, n, scratch));
	for (uint32_t i = 0; i < n; i++)
	{
		if (values[i] < 0 || values[i] > UINT32_MAX)
			return TSDB_CORRUPT;
		refs[i].nbytes = (uint32_t) values[i];
		refs[i].offset = 0;
		nstored += values[i] > 0;
	}
	if (nstored == 0)
		return TSDB_OK;
	if (!tsdb_span_read_zvarint(src, values))
		return TSDB_CORRUPT;
	TSDB_TRY(tsdb_intlist_decode(src, values + 1, nstored - 1, scratch));
	for (uint32_t i = 0; i < n; i++)
	{
		if (refs[i].nbytes == 0)
			continue;
		refs[i].offset = end + (uint64_t) *values++;
		if (refs[i].offset > stream_bytes || refs[i].nbytes > stream_bytes - refs[i].offset)
			return TSDB_CORRUPT;
		end = refs[i].offset + refs[i].nbytes;
	}
	return TSDB_OK;
}
