/*-------------------------------------------------------------------------
 *
 * linenumber.c
 *	  Numbers of line protocol: values of fields, and times.
 *
 * A float of at most 19 digits, 19 of them after the point, without an
 * exponent, is one division of integers: nearly every one that is sent.
 * The rest goes through strtod, written as an integer and an exponent, so
 * that the decimal point of the locale does not matter.
 *-------------------------------------------------------------------------
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "proto/linenumber.h"

#define EXACT_DIGITS 19 /* 10^19 < 2^64 */
#define EXACT_INTEGER (UINT64_C(1) << 53)
#define EXACT_POWER 22 /* 10^22 is the last one that a double holds */
#define INTEGER_DIGITS 18 /* all of them fit int64 */

/* Two decimals that agree in so many digits, one of them not ending there, lie on one side of every tie. */
#define SIGNIFICANT_DIGITS 780
#define EXPONENT_LIMIT 100000000 /* far beyond every double, also with SIGNIFICANT_DIGITS */

static const uint64_t power_of_ten[EXACT_DIGITS + 1] = {
	UINT64_C(1), UINT64_C(10), UINT64_C(100), UINT64_C(1000), UINT64_C(10000), UINT64_C(100000),
	UINT64_C(1000000), UINT64_C(10000000), UINT64_C(100000000), UINT64_C(1000000000),
	UINT64_C(10000000000), UINT64_C(100000000000), UINT64_C(1000000000000), UINT64_C(10000000000000),
	UINT64_C(100000000000000), UINT64_C(1000000000000000), UINT64_C(10000000000000000),
	UINT64_C(100000000000000000), UINT64_C(1000000000000000000), UINT64_C(10000000000000000000)};

static const double double_of_ten[EXACT_POWER + 1] = {
	1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11,
	1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};

static inline bool is_digit(char c);
static inline bool is_last(const char *at, const char *end);
static bool scan_exponent(const char *at, const char *end, TsdbLineNumber *number);
static double divide(uint64_t digits, uint32_t power);
static TsdbNumberResult read_float(const TsdbLineNumber *number, double *value);
static bool read_exponent(const char *at, const char *end, int64_t *exponent);

bool
tsdb_linenumber_scan(const char *at, const char *end, TsdbLineNumber *number)
{
	const char *point = NULL;
	const char *digits;
	uint64_t value = 0;

	number->at = at;
	number->is_negative = at < end && *at == '-';
	at += number->is_negative;
	digits = at;
	for (; at < end && is_digit(*at); at++)
		value = value * 10 + (uint64_t) (*at - '0');
	if (at < end && *at == '.')
	{
		point = at;
		for (at++; at < end && is_digit(*at); at++)
			value = value * 10 + (uint64_t) (*at - '0');
	}
	number->ndigits = (uint32_t) (at - digits - (point != NULL));
	number->nfraction = point != NULL ? (uint32_t) (at - point - 1) : 0;
	number->digits = value;
	number->suffix = '\0';
	number->has_exponent = false;
	number->end = at;
	if (is_last(at, end))
		return number->ndigits > 0;
	if ((*at == 'i' || *at == 'u') && point == NULL)
	{
		number->suffix = *at;
		number->end = at + 1;
		return number->ndigits > 0 && is_last(at + 1, end);
	}
	return scan_exponent(at, end, number);
}

TsdbNumberResult
tsdb_linenumber_integer(const TsdbLineNumber *number, int64_t *value)
{
	if (number->suffix == 'u' && number->is_negative)
		return TSDB_NUMBER_INVALID;
	if (number->ndigits > INTEGER_DIGITS)
		return tsdb_linenumber_time(number->at, (size_t) (number->end - number->at) - 1, value);
	*value = number->is_negative ? -(int64_t) number->digits : (int64_t) number->digits;
	return TSDB_NUMBER_OK;
}

TsdbNumberResult
tsdb_linenumber_float(const TsdbLineNumber *number, double *value)
{
	double magnitude;

	if (number->has_exponent || number->ndigits > EXACT_DIGITS)
		return read_float(number, value);
	/* Both operands are exact, so the quotient is the nearest double. */
	if (number->digits <= EXACT_INTEGER)
		magnitude = (double) number->digits / double_of_ten[number->nfraction];
	else
		magnitude = divide(number->digits, number->nfraction);
	*value = number->is_negative ? -magnitude : magnitude;
	return TSDB_NUMBER_OK;
}

TsdbNumberResult
tsdb_linenumber_time(const char *at, size_t nbytes, int64_t *value)
{
	const char *end = at + nbytes;
	bool is_negative = nbytes > 0 && *at == '-';
	uint64_t limit = (uint64_t) INT64_MAX + is_negative;
	uint64_t magnitude = 0;

	at += is_negative;
	if (at == end)
		return TSDB_NUMBER_INVALID;
	for (; at < end; at++)
	{
		uint64_t digit = (uint64_t) (*at - '0');

		if (magnitude > (limit - digit) / 10)
			return TSDB_NUMBER_TOO_LARGE;
		magnitude = magnitude * 10 + digit;
	}
	*value = (int64_t) (is_negative ? 0 - magnitude : magnitude);
	return TSDB_NUMBER_OK;
}

// private functions

static inline bool
is_digit(char c)
{
	return (unsigned char) (c - '0') <= 9;
}

static inline bool
is_last(const char *at, const char *end)
{
	return at == end || *at == ',' || *at == ' ';
}

/*
 * From the first e on: what InfluxDB's scanner lets pass, digits, points, letters e with a sign behind them.  What
 * it makes of it is decided by tsdb_linenumber_float.
 */
static bool
scan_exponent(const char *at, const char *end, TsdbLineNumber *number)
{
	bool has_point = number->end - number->at - number->is_negative > (ptrdiff_t) number->ndigits;

	if (*at != 'e' && *at != 'E')
		return false;
	for (; !is_last(at, end); at++)
	{
		bool is_letter = *at == 'e' || *at == 'E';
		bool is_sign = (*at == '+' || *at == '-') && (at[-1] == 'e' || at[-1] == 'E');

		if (*at == '.' && has_point)
			return false;
		has_point |= *at == '.';
		if (!is_letter && !is_sign && !is_digit(*at) && *at != '.')
			return false;
	}
	number->has_exponent = true;
	number->end = at;
	return true;
}

/*
 * The double nearest to digits / 10^power, digits > 2^53, power <= 19.
 *
 * Both are shifted until their highest bit is set; then the quotient of 127 by 64 bits has 63 or 64
 * bits, of which 53 are kept, and the remainder decides what is a tie.
 */
static double
divide(uint64_t digits, uint32_t power)
{
	int digits_shift = __builtin_clzll(digits);
	int divisor_shift = __builtin_clzll(power_of_ten[power]);
	uint64_t divisor = power_of_ten[power] << divisor_shift;
	unsigned __int128 dividend = (unsigned __int128) (digits << digits_shift) << 63;
	uint64_t quotient = (uint64_t) (dividend / divisor);
	uint64_t rest = (uint64_t) (dividend - (unsigned __int128) quotient * divisor);
	int extra = 11 - __builtin_clzll(quotient); /* bits beyond 53 */
	uint64_t kept = quotient >> extra;
	uint64_t cut = quotient & ((UINT64_C(1) << extra) - 1);
	uint64_t half = UINT64_C(1) << (extra - 1);

	if (cut > half || (cut == half && (rest > 0 || (kept & 1) != 0)))
		kept++;
	return ldexp((double) kept, extra + divisor_shift - digits_shift - 63);
}

/* Any float: digits without the point and zeros before them, and an exponent, to strtod. */
static TsdbNumberResult
read_float(const TsdbLineNumber *number, double *value)
{
	char text[SIGNIFICANT_DIGITS + 32];
	const char *at = number->at + number->is_negative;
	size_t used = 0;
	int64_t exponent = 0;
	int64_t written = 0;
	bool has_digits = false;
	bool has_point = false;
	bool has_more = false;

	for (; at < number->end && *at != 'e' && *at != 'E'; at++)
	{
		if (*at == '.')
		{
			has_point = true;
			continue;
		}
		has_digits = true;
		written -= has_point;
		if (used == 0 && *at == '0')
			continue;
		if (used < SIGNIFICANT_DIGITS)
			text[used++] = *at;
		else
		{
			has_more |= *at != '0';
			written++;
		}
	}
	if (!has_digits || (number->has_exponent && !read_exponent(at + 1, number->end, &exponent)))
		return TSDB_NUMBER_INVALID;
	if (used == 0)
		text[used++] = '0';
	if (has_more)
	{
		text[used++] = '1';
		written--;
	}
	snprintf(text + used, sizeof(text) - used, "e%lld", (long long) (exponent + written));
	*value = strtod(text, NULL);
	if (isinf(*value))
		return TSDB_NUMBER_TOO_LARGE;
	if (number->is_negative)
		*value = -*value;
	return TSDB_NUMBER_OK;
}

/* An optional sign and at least one digit; large ones are capped. */
static bool
read_exponent(const char *at, const char *end, int64_t *exponent)
{
	bool is_negative = at < end && *at == '-';

	if (at < end && (*at == '-' || *at == '+'))
		at++;
	if (at == end)
		return false;
	for (*exponent = 0; at < end; at++)
	{
		if (!is_digit(*at))
			return false;
		if (*exponent < EXPONENT_LIMIT)
			*exponent = *exponent * 10 + (*at - '0');
	}
	if (is_negative)
		*exponent = -*exponent;
	return true;
}
