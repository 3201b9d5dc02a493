/*-------------------------------------------------------------------------
 *
 * keys.h
 *	  The line of keys (series, time).
 *
 *-------------------------------------------------------------------------
 */
#ifndef TSDB_KEYS_H
#define TSDB_KEYS_H

#include "postgres.h"
#include "format/batch.h"

static const TsdbKey KEY_MIN = {0, PG_INT64_MIN};
static const TsdbKey KEY_MAX = {PG_UINT32_MAX, PG_INT64_MAX};

static inline bool
key_before(TsdbKey a, TsdbKey b)
{
	return tsdb_key_compare(a, b) < 0;
}

/* The next key on the line. */
static inline TsdbKey
key_after(TsdbKey key)
{
	if (key.time == PG_INT64_MAX)
	{
		key.series++;
		key.time = PG_INT64_MIN;
	}
	else
		key.time++;
	return key;
}

static inline TsdbKey
key_min(TsdbKey a, TsdbKey b)
{
	return key_before(a, b) ? a : b;
}

static inline TsdbKey
key_max(TsdbKey a, TsdbKey b)
{
	return key_before(a, b) ? b : a;
}

#endif /* TSDB_KEYS_H */
