/*-------------------------------------------------------------------------
 *
 * tid.c
 *	  Numbers for TIDs of rows that are in this backend's memory only.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "store/tid.h"

static uint64 next_number = 1;

uint64
tsdb_tid_reserve(uint64 n)
{
	uint64 first = next_number;

	next_number += n;
	return first;
}
