/*-------------------------------------------------------------------------
 *
 * number.h
 *	  A column's word as a number: classes of types, order, equality.
 *
 * Order and equality are PostgreSQL's: NaN equals itself and is above all
 * numbers, -0.0 = 0.0.
 *-------------------------------------------------------------------------
 */
#ifndef TSDB_NUMBER_H
#define TSDB_NUMBER_H

#include "codec/codec.h"

__extension__ typedef __int128 TsdbInt128;
__extension__ typedef unsigned __int128 TsdbUint128;

static inline bool
tsdb_type_is_known(unsigned type)
{
	return type >= TSDB_TYPE_FLOAT8 && type <= TSDB_TYPE_QUALITY;
}

static inline bool
tsdb_type_is_float(TsdbType type)
{
	return type == TSDB_TYPE_FLOAT8 || type == TSDB_TYPE_FLOAT4;
}

/* tsdb_type_has_sum - does adding and averaging values of the type mean something? */
static inline bool
tsdb_type_has_sum(TsdbType type)
{
	return type <= TSDB_TYPE_BOOL;
}

static inline double
tsdb_number_double(uint64_t bits)
{
	double value;

	memcpy(&value, &bits, sizeof(value));
	return value;
}

static inline uint64_t
tsdb_number_bits(double value)
{
	uint64_t bits;

	memcpy(&bits, &value, sizeof(bits));
	return bits;
}

static inline float
tsdb_number_float(uint64_t word)
{
	uint32_t bits = (uint32_t) word;
	float value;

	memcpy(&value, &bits, sizeof(value));
	return value;
}

/* tsdb_number_value - a word of a type that has sums as a double (int8: rounded). */
static inline double
tsdb_number_value(TsdbType type, uint64_t word)
{
	if (type == TSDB_TYPE_FLOAT8)
		return tsdb_number_double(word);
	if (type == TSDB_TYPE_FLOAT4)
		return tsdb_number_float(word);
	return (double) (int64_t) word;
}

/* tsdb_number_less - does a sort before b? */
static inline bool
tsdb_number_less(TsdbType type, uint64_t a, uint64_t b)
{
	if (tsdb_type_is_float(type))
	{
		double x = tsdb_number_value(type, a);
		double y = tsdb_number_value(type, b);

		return x < y || (y != y && x == x);
	}
	return (int64_t) a < (int64_t) b;
}

static inline bool
tsdb_number_is_zero(TsdbType type, uint64_t word)
{
	return tsdb_type_is_float(type) ? tsdb_number_value(type, word) == 0 : word == 0;
}

/* tsdb_number_is_same - bit compare, but 0.0 is -0.0. */
static inline bool
tsdb_number_is_same(TsdbType type, uint64_t a, uint64_t b)
{
	return a == b || (tsdb_number_is_zero(type, a) && tsdb_number_is_zero(type, b));
}

/* tsdb_number_span - until - from without overflow trouble. */
static inline int64_t
tsdb_number_span(int64_t from, int64_t until)
{
	return (int64_t) ((uint64_t) until - (uint64_t) from);
}

static inline int64_t
tsdb_number_add(int64_t a, int64_t b)
{
	return (int64_t) ((uint64_t) a + (uint64_t) b);
}

#endif /* TSDB_NUMBER_H */
