/*-------------------------------------------------------------------------
 *
 * linenumber.h
 *	  Numbers of line protocol: values of fields, and times.
 *
 * Independent of the locale; the nearest double, ties to even.
 *-------------------------------------------------------------------------
 */
#ifndef TSDB_LINENUMBER_H
#define TSDB_LINENUMBER_H

#include "base/base.h"

typedef enum TsdbNumberResult
{
	TSDB_NUMBER_OK,
	TSDB_NUMBER_INVALID, /* not a number, or another one than the suffix wants */
	TSDB_NUMBER_TOO_LARGE
} TsdbNumberResult;

/*
 * A number as it stands, cut up.  Digits are counted with zeros in front.
 */
typedef struct TsdbLineNumber
{
	const char *at; /* first character: sign, digit or point */
	const char *end; /* behind the last one */
	bool is_negative;
	char suffix; /* 'i', 'u' or NUL */
	uint32_t ndigits; /* before and after the point */
	uint32_t nfraction; /* after the point */
	bool has_exponent;
	uint64_t digits; /* as one number, if they are at most 19 */
} TsdbLineNumber;

/*
 * tsdb_linenumber_scan - cut a number out; it ends at a comma, a blank or `end`.
 *
 * Returns false when it has another form than sign, digits with at most one point, then
 * an exponent or one of the letters i and u.  A float with an exponent may still be invalid.
 */
extern bool tsdb_linenumber_scan(const char *at, const char *end, TsdbLineNumber *number);

/* tsdb_linenumber_integer - value of a number of suffix i or u, within int64. */
extern TsdbNumberResult tsdb_linenumber_integer(const TsdbLineNumber *number, int64_t *value);

/* tsdb_linenumber_float - value of a number without suffix; smaller ones than any double are 0. */
extern TsdbNumberResult tsdb_linenumber_float(const TsdbLineNumber *number, double *value);

/*
 * tsdb_linenumber_time - at[nbytes] is digits, perhaps with a minus before them; no digits at all is INVALID.
 */
extern TsdbNumberResult tsdb_linenumber_time(const char *at, size_t nbytes, int64_t *value);

#endif /* TSDB_LINENUMBER_H */
