/*-------------------------------------------------------------------------
 *
 * tsdbtable.h
 *	  What a table's options mean: roles of its columns, grid, spans. Cached per backend.
 *
 *-------------------------------------------------------------------------
 */
#ifndef TSDB_TSDBTABLE_H
#define TSDB_TSDBTABLE_H

#include "postgres.h"
#include "access/tupdesc.h"
#include "format/batch.h"
#include "utils/rel.h"

typedef enum TsdbRole
{
	TSDB_ROLE_DROPPED,
	TSDB_ROLE_TIME,
	TSDB_ROLE_TAG,
	TSDB_ROLE_VALUE /* value and quality columns, also text etc. */
} TsdbRole;

typedef enum TsdbCompression
{
	TSDB_COMPRESSION_AUTO,
	TSDB_COMPRESSION_FAST,
	TSDB_COMPRESSION_SMALL
} TsdbCompression;

typedef struct TsdbTableColumn
{
	TsdbRole role;
	uint8 type; /* TsdbType, for TSDB_ROLE_VALUE */
	int16 quality_attnum; /* value columns: the quality column that belongs to it, 0 = none */
	int tag_index; /* TSDB_ROLE_TAG: position in the option */
} TsdbTableColumn;

typedef struct TsdbTable
{
	Oid relid;
	int natts;
	TsdbTableColumn *columns; /* natts, by attnum - 1 */
	int16 time_attnum;
	int ntags;
	int16 *tag_attnums; /* in the option's order */
	int nvalues;
	TsdbWanted *values; /* nvalues, ascending attnum, with missing values: all a full row holds */
	int64 sample_us; /* grid */
	int64 block_us; /* 0 = auto */
	int64 retention_us; /* 0 = none */
	int64 compact_after_us; /* -1 = chosen by the worker */
	TsdbCompression compression;
	bool require_reason; /* older samples are changed with a reason only */
	int64 edit_horizon_us; /* older than that */
} TsdbTable;

/*
 * tsdb_table_get - the meaning of an open tsdb table; valid until the relation is closed,
 * at most to the end of the transaction.
 *
 * Raises when the options are missing or don't fit (with errhint).
 */
extern const TsdbTable *tsdb_table_get(Relation rel);

/* tsdb_table_copy - as tsdb_table_get; a copy in the current context, which outlives invalidations. */
extern const TsdbTable *tsdb_table_copy(Relation rel);

/*
 * tsdb_table_as_described - the relation as a reader must see it who fills rows of this descriptor.
 *
 * Nearly always rel itself.  A rewrite by ALTER TABLE, though, reads the rows as they
 * were before the command, while the relation already has its new columns and options:
 * then the result is a stand-in in the current context, for reading only and as long as rel is open, with
 * the old ones; tsdb_table_get works on it.
 */
extern Relation tsdb_table_as_described(Relation rel, TupleDesc desc);

/* tsdb_table_is - does this relation use the tsdb access method?  By OID; no lock is taken, false for a missing one. */
extern bool tsdb_table_is(Oid relid);

/* tsdb_table_am_oid - OID of access method tsdb in this database, InvalidOid before CREATE EXTENSION.  Cached. */
extern Oid tsdb_table_am_oid(void);

/* tsdb_table_value_type - TsdbType for a column type (domains looked through), 0 when unsupported. */
extern uint8 tsdb_table_value_type(Oid type_oid);

/*
 * tsdb_table_open - open a tsdb table named by a user in a function: checks relkind, AM and that the
 * current role has the privileges in `mode` (ACL_SELECT, ...).
 */
extern Relation tsdb_table_open(Oid relid, LOCKMODE lockmode, uint32 required_acl);

/* tsdb_table_segment_us - span of a segment for a new table with this grid. */
extern int64 tsdb_table_segment_us(const TsdbTable *table);

#endif /* TSDB_TSDBTABLE_H */
