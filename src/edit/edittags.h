/*-------------------------------------------------------------------------
 *
 * edittags.h
 *	  Series as the journal names them: texts of their tags; and as users do: jsonb.
 *
 *-------------------------------------------------------------------------
 */
#ifndef TSDB_EDITTAGS_H
#define TSDB_EDITTAGS_H

#include "postgres.h"
#include "series/tsdbtable.h"
#include "utils/array.h"
#include "utils/rel.h"

/* A series as the journal has it. */
typedef struct TsdbEditTags
{
	ArrayType *texts; /* of the tags in the option's order, without NULLs at the end: tags can be added there */
	int64 key; /* hash of texts; frozen */
} TsdbEditTags;

/* tsdb_edittags_of - a series of a table.  Texts do not depend on the session's settings.  Memory: current context. */
extern TsdbEditTags tsdb_edittags_of(Relation rel, const TsdbTable *table, uint32 series);

/* tsdb_edittags_values - tags by tag index, as the table has them now. */
extern void tsdb_edittags_values(Relation rel, const TsdbTable *table, ArrayType *texts, Datum *values, bool *isnull);

/* tsdb_edittags_series - id of the series with these tags; 0 when there is none and `create` is false. */
extern uint32 tsdb_edittags_series(Relation rel, const TsdbTable *table, const Datum *values, const bool *isnull, bool create);

/* tsdb_edittags_jsonb - tags as an object: {"plant": "a", "line": 3, "sensor": null}. */
extern Datum tsdb_edittags_jsonb(Relation rel, const TsdbTable *table, const Datum *values, const bool *isnull);

/* tsdb_edittags_check_filter - raise unless a filter is an object whose keys are tags of the table. */
extern void tsdb_edittags_check_filter(Relation rel, const TsdbTable *table, Datum filter);

/* tsdb_edittags_match - do the tags contain the filter? */
extern bool tsdb_edittags_match(Datum tags, Datum filter);

/* tsdb_edittags_select - ids of the series whose tags contain the filter, ascending. */
extern uint32 *tsdb_edittags_select(Relation rel, const TsdbTable *table, Datum filter, uint32 *nseries);

#endif /* TSDB_EDITTAGS_H */
