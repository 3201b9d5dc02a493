/*-------------------------------------------------------------------------
 *
 * line.c
 *	  Arrays of integers with one distance: told by their coded form, filled.
 *
 *-------------------------------------------------------------------------
 */
#include "codec/codec_private.h"

static bool is_narrow_line(int64_t step, uint32_t n);

/*
 * tsdb_column_line - see codec.h.
 */
bool
tsdb_column_line(TsdbSpan src, uint32_t n, int64_t *first, int64_t *step)
{
	uint8_t tag;
	TsdbIpk ipk;

	if (n == 0 || n > TSDB_MAX_VALUES || !tsdb_span_read_u8(&src, &tag))
		return false;
	*step = 0;
	if (tag == TSDB_TAG(TSDB_CODEC_CONST, 0))
		return tsdb_span_read_zvarint(&src, first) && tsdb_span_left(&src) == 0;
	if (tag != TSDB_TAG(TSDB_CODEC_INT, 0) || tsdb_ipk_open(&ipk, src, n) != TSDB_OK || !ipk.zero ||
		tsdb_span_left(&ipk.src) > 0)
		return false;
	*first = ipk.base;
	if (ipk.order >= TSDB_IPK_SLOPE)
		*step = (int64_t) ipk.delta;
	return is_narrow_line(*step, n);
}

/*
 * tsdb_line_fill - see codec.h.
 */
TSDB_CLONES void
tsdb_line_fill(int64_t *values, uint32_t n, int64_t first, int64_t step)
{
	for (uint32_t i = 0; i < n; i++)
		values[i] = (int64_t) ((uint64_t) first + i * (uint64_t) step);
}

// private functions

/* is_narrow_line - far from where arithmetic of 32 or 64 bits wraps around? */
static bool
is_narrow_line(int64_t step, uint32_t n)
{
	return step >= 0 && step < INT32_MAX / (int64_t) n;
}
