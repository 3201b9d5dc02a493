/*-------------------------------------------------------------------------
 *
 * rowtags.h
 *	  Time and tags in the rows of a relation: a tsdb table, or a partitioned one with tsdb partitions.
 *
 *-------------------------------------------------------------------------
 */
#ifndef TSDB_ROWTAGS_H
#define TSDB_ROWTAGS_H

#include "postgres.h"
#include "access/attnum.h"
#include "lib/stringinfo.h"
#include "nodes/bitmapset.h"
#include "nodes/pg_list.h"
#include "series/tagbytes.h"
#include "utils/jsonb.h"

typedef struct TsdbRowTag
{
	char *name;
	AttrNumber attnum;
	Oid type_oid;
	int32 typmod;
	Oid collation;
	Oid input; /* of its type */
	Oid input_param;
} TsdbRowTag;

typedef struct TsdbRowTags
{
	Oid relid;
	List *ancestors; /* oid list: partitioned parents, the nearest first */
	AttrNumber time_attnum;
	AttrNumber value_attnum; /* the only value column that holds numbers and no qualities; 0: there is none, or several */
	Oid value_type; /* int2, int4, int8, float4 or float8 */
	int ntags;
	TsdbRowTag *tags; /* in the order of the option */
	TsdbTagLayout layout; /* for arrays by tag index */
} TsdbRowTags;

/*
 * tsdb_rowtags_load - look at a relation; raises WRONG_OBJECT_TYPE when its rows are not those of tsdb tables.
 *
 * Locks: AccessShareLock on it, until the end of the transaction.  Memory: current context.
 */
extern TsdbRowTags *tsdb_rowtags_load(Oid relid);

/* tsdb_rowtags_are_in - does a partitioned table have a partition that is a tsdb table?  Locks all of them. */
extern bool tsdb_rowtags_are_in(Oid relid);

/* tsdb_rowtags_root - the table that attributes of its series are kept for: itself, or the topmost partitioned parent. */
extern Oid tsdb_rowtags_root(const TsdbRowTags *tags);

/* tsdb_rowtags_find - index of the tag of this name; -1: there is none. */
extern int tsdb_rowtags_find(const TsdbRowTags *tags, const char *name, int len);

/*
 * tsdb_rowtags_parse - the tags that a JSON object names, as values by tag index.
 *
 *	named	out: indexes of the tags that it names; a JSON null is a tag that is NULL
 *	unknown	out: the name of a member that is no tag, or NULL
 *
 * Raises INVALID_PARAMETER_VALUE when it is no object or a member is no scalar, and what the type's input function raises.
 */
extern void tsdb_rowtags_parse(const TsdbRowTags *tags, Jsonb *series, Datum *values, bool *isnull, Bitmapset **named,
							   char **unknown);

/* tsdb_rowtags_encode - append the bytes of those tags that `named` holds (NULL: all). */
extern void tsdb_rowtags_encode(const TsdbRowTags *tags, const Datum *values, const bool *isnull, const Bitmapset *named,
								StringInfo out);

/* tsdb_rowtags_json - the tags that `named` holds (NULL: all) as a JSON object; a NULL tag is null. */
extern Jsonb *tsdb_rowtags_json(const TsdbRowTags *tags, const Datum *values, const bool *isnull, const Bitmapset *named);

#endif /* TSDB_ROWTAGS_H */
