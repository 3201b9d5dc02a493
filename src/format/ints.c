/*-------------------------------------------------------------------------
 *
 * ints.c
 *	  Short lists of integers inside the objects of this folder.
 *
 *-------------------------------------------------------------------------
 */
#include "codec/codec.h"
#include "format/grid.h"
#include "format/ints.h"

#define NOT_ON_LADDER 255

static bool is_all_zero(const int64_t *values, uint32_t n);

void
tsdb_ints_encode(TsdbBytes *out, const int64_t *values, uint32_t n, const TsdbMem *scratch)
{
	if (n > TSDB_INTS_PLAIN)
		tsdb_column_encode(out, TSDB_TYPE_INT8, (const uint64_t *) values, n, NULL, scratch);
	else
		for (uint32_t i = 0; i < n; i++)
			tsdb_bytes_append_zvarint(out, values[i]);
}

TsdbStatus
tsdb_ints_decode(TsdbSpan src, int64_t *values, uint32_t n, const TsdbMem *scratch)
{
	if (n > TSDB_MAX_VALUES)
		return TSDB_CORRUPT;
	if (n > TSDB_INTS_PLAIN)
		return tsdb_column_decode(src, TSDB_TYPE_INT8, (uint64_t *) values, n, scratch);
	for (uint32_t i = 0; i < n; i++)
		if (!tsdb_span_read_zvarint(&src, &values[i]))
			return TSDB_CORRUPT;
	return tsdb_span_left(&src) == 0 ? TSDB_OK : TSDB_CORRUPT;
}

void
tsdb_intlist_encode(TsdbBytes *out, const int64_t *values, uint32_t n, const TsdbMem *scratch)
{
	TsdbBytes ints;

	if (n <= TSDB_INTS_PLAIN)
	{
		tsdb_ints_encode(out, values, n, scratch);
		return;
	}
	tsdb_bytes_init(&ints, scratch);
	if (!is_all_zero(values, n))
		tsdb_ints_encode(&ints, values, n, scratch);
	tsdb_bytes_append_varint(out, ints.len);
	tsdb_bytes_append(out, ints.data, ints.len);
}

TsdbStatus
tsdb_intlist_decode(TsdbSpan *src, int64_t *values, uint32_t n, const TsdbMem *scratch)
{
	TsdbSpan ints;
	uint64_t nbytes;

	if (n <= TSDB_INTS_PLAIN)
	{
		for (uint32_t i = 0; i < n; i++)
			if (!tsdb_span_read_zvarint(src, &values[i]))
				return TSDB_CORRUPT;
		return TSDB_OK;
	}
	if (!tsdb_span_read_varint(src, &nbytes) || nbytes > tsdb_span_left(src))
		return TSDB_CORRUPT;
	tsdb_span_take(src, (size_t) nbytes, &ints);
	if (nbytes > 0)
		return tsdb_ints_decode(ints, values, n, scratch);
	memset(values, 0, n * sizeof(*values));
	return TSDB_OK;
}

void
tsdb_timelist_encode(TsdbBytes *out, int64_t *values, uint32_t n, const TsdbMem *scratch)
{
	uint64_t unit = 0;

	for (uint32_t i = 0; i < n; i++)
		unit = tsdb_unit_divisor(unit, values[i]);
	tsdb_unit_encode(out, unit);
	if (unit == 0)
		return;
	for (uint32_t i = 0; i < n; i++)
		values[i] /= (int64_t) unit;
	tsdb_intlist_encode(out, values, n, scratch);
}

TsdbStatus
tsdb_timelist_decode(TsdbSpan *src, int64_t *values, uint32_t n, const TsdbMem *scratch)
{
	uint64_t unit;

	TSDB_TRY(tsdb_unit_decode(src, &unit));
	if (unit == 0)
	{
		memset(values, 0, n * sizeof(*values));
		return TSDB_OK;
	}
	TSDB_TRY(tsdb_intlist_decode(src, values, n, scratch));
	for (uint32_t i = 0; i < n; i++)
		if (__builtin_mul_overflow(values[i], (int64_t) unit, &values[i]))
			return TSDB_CORRUPT;
	return TSDB_OK;
}

uint64_t
tsdb_unit_divisor(uint64_t unit, int64_t value)
{
	uint64_t a = unit;
	uint64_t b = value < 0 ? 0 - (uint64_t) value : (uint64_t) value;

	while (b != 0)
	{
		uint64_t rest = a % b;

		a = b;
		b = rest;
	}
	return a > INT64_MAX ? 1 : a;
}

void
tsdb_unit_encode(TsdbBytes *out, uint64_t unit)
{
	uint8_t exponent = 0;

	if (unit == 0)
	{
		tsdb_bytes_append_u8(out, 0);
		return;
	}
	for (; unit % 10 == 0; unit /= 10)
		exponent++;
	tsdb_bytes_append_u8(out, exponent + 1);
	tsdb_bytes_append_varint(out, unit);
}

TsdbStatus
tsdb_unit_decode(TsdbSpan *src, uint64_t *unit)
{
	uint8_t exponent;

	*unit = 0;
	if (!tsdb_span_read_u8(src, &exponent))
		return TSDB_CORRUPT;
	if (exponent == 0)
		return TSDB_OK;
	if (!tsdb_span_read_varint(src, unit) || *unit == 0)
		return TSDB_CORRUPT;
	for (; exponent > 1; exponent--)
		if (__builtin_mul_overflow(*unit, (uint64_t) 10, unit))
			return TSDB_CORRUPT;
	return *unit <= INT64_MAX ? TSDB_OK : TSDB_CORRUPT;
}

void
tsdb_span_us_encode(TsdbBytes *out, int64_t span_us)
{
	for (uint8_t i = 0; tsdb_grid_ladder(i) != 0; i++)
		if (tsdb_grid_ladder(i) == span_us)
		{
			tsdb_bytes_append_u8(out, i);
			return;
		}
	tsdb_bytes_append_u8(out, NOT_ON_LADDER);
	tsdb_bytes_append_zvarint(out, span_us);
}

TsdbStatus
tsdb_span_us_decode(TsdbSpan *src, int64_t *span_us)
{
	uint8_t index;

	if (!tsdb_span_read_u8(src, &index))
		return TSDB_CORRUPT;
	if (index == NOT_ON_LADDER)
		return tsdb_span_read_zvarint(src, span_us) ? TSDB_OK : TSDB_CORRUPT;
	*span_us = tsdb_grid_ladder(index);
	return *span_us != 0 ? TSDB_OK : TSDB_CORRUPT;
}

// private functions

static bool
is_all_zero(const int64_t *values, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++)
		if (values[i] != 0)
			return false;
	return true;
}
