/*-------------------------------------------------------------------------
 *
 * tagfilter.h
 *	  Which series may have tags that contain those of a JSON object.
 *
 *-------------------------------------------------------------------------
 */
#ifndef TSDB_TAGFILTER_H
#define TSDB_TAGFILTER_H

#include "postgres.h"
#include "attr/rowtags.h"
#include "series/tsdbtable.h"
#include "utils/rel.h"

typedef struct TsdbTagFilter TsdbTagFilter;

/* tsdb_tagfilter_create - of what jsonb's @> means (NULL: nothing is given); members that can't be compared as Datums are left to it. */
extern TsdbTagFilter *tsdb_tagfilter_create(const TsdbRowTags *tags, Jsonb *series);

/* tsdb_tagfilter_may_match - false: the tags do not contain them; values by tag index. */
extern bool tsdb_tagfilter_may_match(const TsdbTagFilter *filter, const Datum *values, const bool *isnull);

/*
 * tsdb_tagfilter_find - the only series that may match, where each tag is given.
 *
 *	series	out: 0 = there is none
 *
 * Returns false when the series have to be looked at one by one.
 */
extern bool tsdb_tagfilter_find(const TsdbTagFilter *filter, Relation rel, const TsdbTable *table, uint32 *series);

#endif /* TSDB_TAGFILTER_H */
