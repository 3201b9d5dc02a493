/*-------------------------------------------------------------------------
 *
 * attributes.h
 *	  Attributes of series: time zone, unit, limits, ...; cached per backend.
 *
 * Kept up by relcache invalidations of the table and its parents: who changes rules sends one, and a transaction sees its own
 * changes from the next command on, others when it has committed.
 *-------------------------------------------------------------------------
 */
#ifndef TSDB_ATTRIBUTES_H
#define TSDB_ATTRIBUTES_H

#include "postgres.h"
#include "attr/tagrules.h"
#include "nodes/primnodes.h"

/*
 * How a call is marked that the planner has made of one about a row of a table in the query: who asks may read the row.  SQL has no way to
 * write a call of a function that is marked so.
 */
#define TSDB_CALL_OF_ROW COERCE_SQL_SYNTAX

/* What a backend knows of the series of a relation's rows; never freed. */
typedef struct TsdbAttributed TsdbAttributed;

/* tsdb_attributes_open - for a tsdb table or a partitioned table of such; raises WRONG_OBJECT_TYPE for others. */
extern TsdbAttributed *tsdb_attributes_open(Oid relid);

/*
 * tsdb_attributes_tags - columns of time and tags; valid until the next call of anything here.
 *
 * Looks for changes, as find does.
 */
extern const TsdbRowTags *tsdb_attributes_tags(TsdbAttributed *attributed);

/* tsdb_attributes_find - attributes of a series, values by tag index; valid until the next call of anything here. */
extern const TsdbAttributes *tsdb_attributes_find(TsdbAttributed *attributed, const Datum *values, const bool *isnull);

/* tsdb_attributes_check_rights - raises INSUFFICIENT_PRIVILEGE unless the present role may read the tags: attributes say something of them. */
extern void tsdb_attributes_check_rights(TsdbAttributed *attributed);

/* tsdb_attributes_version - grows whenever an earlier answer may have become another one. */
extern uint64 tsdb_attributes_version(TsdbAttributed *attributed);

/*
 * tsdb_attributes_only_zone - do all series, whatever their tags, have one zone?
 *
 *	zone	out: that zone; NULL = UTC
 */
extern bool tsdb_attributes_only_zone(TsdbAttributed *attributed, pg_tz **zone);

#endif /* TSDB_ATTRIBUTES_H */
