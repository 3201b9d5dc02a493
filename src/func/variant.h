/*-------------------------------------------------------------------------
 *
 * variant.h
 *	  Several SQL functions that are one in C.
 *
 *-------------------------------------------------------------------------
 */
#ifndef TSDB_VARIANT_H
#define TSDB_VARIANT_H

#include "fmgr.h"

/* TSDB_SQL_VARIANT - define the SQL function `name` as `function` with an argument of its own. */
#define TSDB_SQL_VARIANT(name, function, argument) \
	PG_FUNCTION_INFO_V1(name);                     \
	Datum name(PG_FUNCTION_ARGS)                   \
	{                                              \
		return function(fcinfo, argument);         \
	}                                              \
	extern int no_such_variable

#endif /* TSDB_VARIANT_H */
