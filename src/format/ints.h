/*-------------------------------------------------------------------------
 *
 * ints.h
 *	  Short lists of integers inside the objects of this folder.
 *
 *	 ints		n <= TSDB_INTS_PLAIN: n zvarints; else a column chunk of type INT8.  The length is known from outside
 *	 intlist	n <= TSDB_INTS_PLAIN: ints; else varint: bytes of the ints, 0 = all are 0; ints
 *	 timelist	unit, intlist of time / unit
 *	 unit		u8: 0 = everything is 0 (no list follows), else 1 + e; varint m: the unit is m * 10^e us
 * For use by summaries_*.c, segment.c and group.c.
 *-------------------------------------------------------------------------
 */
#ifndef TSDB_INTS_H
#define TSDB_INTS_H

#include "base/base.h"

#define TSDB_INTS_PLAIN 4 /* so few cost less without a codec's tag */

/* n is at most TSDB_MAX_VALUES; decoders refuse more.  decode of ints uses up src, the others move it. */
extern void tsdb_ints_encode(TsdbBytes *out, const int64_t *values, uint32_t n, const TsdbMem *scratch);
extern TsdbStatus tsdb_ints_decode(TsdbSpan src, int64_t *values, uint32_t n, const TsdbMem *scratch);

extern void tsdb_intlist_encode(TsdbBytes *out, const int64_t *values, uint32_t n, const TsdbMem *scratch);
extern TsdbStatus tsdb_intlist_decode(TsdbSpan *src, int64_t *values, uint32_t n, const TsdbMem *scratch);

/* Lists of durations and distances of times: their greatest common divisor is taken out.  encode destroys values. */
extern void tsdb_timelist_encode(TsdbBytes *out, int64_t *values, uint32_t n, const TsdbMem *scratch);
extern TsdbStatus tsdb_timelist_decode(TsdbSpan *src, int64_t *values, uint32_t n, const TsdbMem *scratch);

/* tsdb_unit_divisor - greatest common divisor of unit and value; 0 stands for "any". */
extern uint64_t tsdb_unit_divisor(uint64_t unit, int64_t value);

extern void tsdb_unit_encode(TsdbBytes *out, uint64_t unit);
extern TsdbStatus tsdb_unit_decode(TsdbSpan *src, uint64_t *unit);

/* A span of time: one byte when it is on the ladder of block spans. */
extern void tsdb_span_us_encode(TsdbBytes *out, int64_t span_us);
extern TsdbStatus tsdb_span_us_decode(TsdbSpan *src, int64_t *span_us);

/* tsdb_varint_decode_max - read a varint that is at most max. */
static inline TsdbStatus
tsdb_varint_decode_max(TsdbSpan *src, uint64_t max, uint64_t *value)
{
	return tsdb_span_read_varint(src, value) && *value <= max ? TSDB_OK : TSDB_CORRUPT;
}

#define TSDB_TRY(expression)         \
	do                               \
	{                                \
		if ((expression) != TSDB_OK) \
			return TSDB_CORRUPT;     \
	} while (0)

#endif /* TSDB_INTS_H */
