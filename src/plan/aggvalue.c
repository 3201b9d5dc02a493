/*-------------------------------------------------------------------------
 *
 * aggvalue.c
 *	  Aggregates of integers as the numerics that core's functions return.
 *
 * The same steps as core's final functions, with the functions of numeric.
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "plan/aggvalue.h"
#include "utils/builtins.h"
#include "utils/numeric.h"
#include "utils/timestamp.h"

/* So many that rounding the root twice gives what rounding it once does. */
#define ROOT_DIGITS 100

static Datum unsigned_numeric(TsdbUint128 value);
static bool is_positive(Datum value);
static Datum root(Datum value);

Datum
tsdb_aggvalue_numeric(TsdbInt128 value)
{
	if (value >= PG_INT64_MIN && value <= PG_INT64_MAX)
		return NumericGetDatum(int64_to_numeric((int64) value));
	if (value < 0)
		return DirectFunctionCall1(numeric_uminus, unsigned_numeric(-(TsdbUint128) value));
	return unsigned_numeric((TsdbUint128) value);
}

Datum
tsdb_aggvalue_mean(TsdbInt128 sum, uint64 n)
{
	return DirectFunctionCall2(numeric_div, tsdb_aggvalue_numeric(sum), NumericGetDatum(int64_to_numeric((int64) n)));
}

Datum
tsdb_aggvalue_variance(TsdbInt128 sum, TsdbUint128 squares, uint64 n, bool is_sample, bool is_deviation)
{
	Datum count = NumericGetDatum(int64_to_numeric((int64) n));
	Datum divisor = NumericGetDatum(int64_to_numeric((int64) (n - is_sample)));
	Datum total = tsdb_aggvalue_numeric(sum);
	Datum spread; /* n * squares - sum * sum */
	Datum variance;

	spread = DirectFunctionCall2(numeric_sub, DirectFunctionCall2(numeric_mul, count, unsigned_numeric(squares)),
								 DirectFunctionCall2(numeric_mul, total, total));
	if (!is_positive(spread))
		return NumericGetDatum(int64_to_numeric(0));
	variance = DirectFunctionCall2(numeric_div, spread, DirectFunctionCall2(numeric_mul, count, divisor));
	return is_deviation ? root(variance) : variance;
}

Datum
tsdb_aggvalue_duration(int64 us)
{
	Interval *interval = palloc0_array(Interval, 1);

	interval->time = us;
	return IntervalPGetDatum(interval);
}

// private functions

static Datum
unsigned_numeric(TsdbUint128 value)
{
	const uint64 part = UINT64CONST(1000000000000000000); /* 10^18 */
	Datum scale = NumericGetDatum(int64_to_numeric((int64) part));
	Datum result;

	if (value <= PG_INT64_MAX)
		return NumericGetDatum(int64_to_numeric((int64) value));
	result = DirectFunctionCall2(numeric_mul, unsigned_numeric(value / part), scale);
	return DirectFunctionCall2(numeric_add, result, NumericGetDatum(int64_to_numeric((int64) (value % part))));
}

static bool
is_positive(Datum value)
{
	return DatumGetBool(DirectFunctionCall2(numeric_gt, value, NumericGetDatum(int64_to_numeric(0))));
}

/* The square root with as many digits as the value has; numeric_sqrt gives more. */
static Datum
root(Datum value)
{
	Datum scale = DirectFunctionCall1(numeric_scale, value);
	Datum fine = DirectFunctionCall2(numeric_round, value, Int32GetDatum(ROOT_DIGITS));

	return DirectFunctionCall2(numeric_round, DirectFunctionCall1(numeric_sqrt, fine), scale);
}
