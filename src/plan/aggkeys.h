/*-------------------------------------------------------------------------
 *
 * aggkeys.h
 *	  Group keys as small numbers: equal tuples of values get equal ids.
 *
 *-------------------------------------------------------------------------
 */
#ifndef TSDB_AGGKEYS_H
#define TSDB_AGGKEYS_H

#include "postgres.h"
#include "nodes/pg_list.h"

typedef struct TsdbAggKeys TsdbAggKeys;

/*
 * tsdb_aggkeys_create - a set of tuples.
 *
 *	exprs		expressions that the values come from: their types and collations
 *	operators	beside it: the equality operators, hashable
 *
 * Memory: a context below the current one.
 */
extern TsdbAggKeys *tsdb_aggkeys_create(List *exprs, List *operators);

/* tsdb_aggkeys_reset - forget every tuple. */
extern void tsdb_aggkeys_reset(TsdbAggKeys *keys);

/* tsdb_aggkeys_intern - the id of a tuple: 0, 1, ... in order of first appearance; new ones are copied. */
extern uint32 tsdb_aggkeys_intern(TsdbAggKeys *keys, const Datum *values, const bool *isnull);

/* tsdb_aggkeys_count - the number of tuples. */
extern uint32 tsdb_aggkeys_count(const TsdbAggKeys *keys);

/* tsdb_aggkeys_values - the first tuple that got this id. */
extern void tsdb_aggkeys_values(const TsdbAggKeys *keys, uint32 id, const Datum **values, const bool **isnull);

/* tsdb_aggkeys_copy - copy a tuple's values to the current memory context, in place. */
extern void tsdb_aggkeys_copy(const TsdbAggKeys *keys, Datum *values, const bool *isnull);

#endif /* TSDB_AGGKEYS_H */
