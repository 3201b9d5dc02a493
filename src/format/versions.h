/*-------------------------------------------------------------------------
 *
 * versions.h
 *	  The rows of all merge sources in one order: key, sequence, arrival.
 *-------------------------------------------------------------------------
 */
#ifndef TSDB_VERSIONS_H
#define TSDB_VERSIONS_H

#include "format/merge.h"

typedef struct TsdbVersion
{
	int64_t time;
	uint64_t sequence; /* UINT64_MAX: pending */
	uint32_t series;
	int32_t source;
	uint32_t row;
	uint8_t kind; /* TsdbRowKind */
} TsdbVersion;

static inline bool
tsdb_version_same_key(const TsdbVersion *a, const TsdbVersion *b)
{
	return a->time == b->time && a->series == b->series;
}

/*
 * tsdb_versions_collect - list rows of sources by (series, time, sequence, source, row).
 *
 *	watermark	rows with a lower sequence are left out, pending ones never
 *	nversions	out: how many
 *
 * Costs one pass when the sources, one after the other, are in order already.
 */
extern TsdbVersion *tsdb_versions_collect(const TsdbMergeSource *sources, int nsources, uint64_t watermark,
										  uint32_t *nversions, const TsdbMem *mem);

#endif /* TSDB_VERSIONS_H */
