/*-------------------------------------------------------------------------
 *
 * create.h
 *	  Tables and columns that lines name and that are not there yet.
 *
 *-------------------------------------------------------------------------
 */
#ifndef TSDB_CREATE_H
#define TSDB_CREATE_H

#include "postgres.h"
#include "nodes/pg_list.h"
#include "server/measurement.h"

/* A column that a table has to have. */
typedef struct TsdbWish
{
	char *key; /* as in the line */
	Size nbytes;
	bool is_tag;
	const char *type_name; /* of a field: float8, int8, bool, text */
} TsdbWish;

/* A table and the columns that were missed, in the order in which they were seen. */
typedef struct TsdbWishes
{
	TsdbMeasurementKey key;
	char *measurement; /* as in the line */
	Size measurement_bytes;
	List *columns; /* TsdbWish */
} TsdbWishes;

/* tsdb_wishes_add - ask for a column, once.  Memory: current context. */
extern void tsdb_wishes_add(TsdbWishes *wishes, const char *key, Size nbytes, bool is_tag, const char *type_name);

/*
 * tsdb_create - make what is missing, in a transaction of its own, as this role.
 *
 * Others may do the same at the same time: whoever comes second finds it done.  A tag joins the option `tags`.
 * Raises when the role may not, when a name is taken by something else, on lock timeout.
 */
extern void tsdb_create(const TsdbWishes *wishes, Oid role);

#endif /* TSDB_CREATE_H */
