/*-------------------------------------------------------------------------
 *
 * measurement.h
 *	  What the ingest server knows of the tables it writes to.
 *
 *-------------------------------------------------------------------------
 */
#ifndef TSDB_MEASUREMENT_H
#define TSDB_MEASUREMENT_H

#include "postgres.h"
#include "proto/names.h"
#include "series/tsdbtable.h"
#include "datatype/timestamp.h"
#include "utils/hsearch.h"
#include "utils/rel.h"

/* A column, by its identifier. */
typedef struct TsdbTarget
{
	char name[TSDB_NAME_BYTES]; /* hash key */
	TsdbRole role; /* of a table of another access method: VALUE, but for its time */
	AttrNumber attnum;
	uint8 type; /* TsdbType, 0 = none of ours */
	int value_index; /* in TsdbTable.values, -1 = no value */
	bool is_not_null;
	Oid type_oid;
	int32 typmod;
} TsdbTarget;

#define TSDB_KEY_MEMOS 64

/* The column of the key that stood at some place of the last line, as it stood there. */
typedef struct TsdbKeyMemo
{
	const TsdbTarget *target; /* NULL = none */
	uint8 nbytes;
	char text[55];
} TsdbKeyMemo;

typedef struct TsdbMeasurementKey
{
	Oid schema;
	char name[TSDB_NAME_BYTES]; /* identifier of the table */
} TsdbMeasurementKey;

typedef struct TsdbMeasurement
{
	TsdbMeasurementKey key; /* hash key */
	bool is_valid; /* what follows is right */
	Oid relid;
	bool is_direct; /* rows may go straight into the write buffer: a tsdb table without triggers, checks and the like */
	bool is_waiting; /* for the lock */
	TimestampTz locked_at; /* when the lock could not be had last, 0 = it could */
	int nrequired; /* tags and values that are NOT NULL */
	HTAB *columns; /* TsdbTarget by name */
	TsdbKeyMemo (*memos)[TSDB_KEY_MEMOS]; /* of fields, of tags */
	/* as long as one transaction lasts */
	Relation rel; /* NULL = not open in this one */
	const TsdbTable *table; /* NULL when it isn't direct */
	Oid role; /* may insert into every column */
	struct TsdbMeasurement *next_open;
} TsdbMeasurement;

/*
 * tsdb_measurement_open - the table of that name, locked.
 *
 * NULL when there is none that can be written to.  Raises on lock timeout; a table whose lock could not be had
 * some moments ago is not waited for.
 */
extern TsdbMeasurement *tsdb_measurement_open(const TsdbMeasurementKey *key, LOCKMODE lockmode);

/* tsdb_measurement_column - the column of a key as a tag or as a field (names.h); NULL = none yet. */
extern const TsdbTarget *tsdb_measurement_column(const TsdbMeasurement *measurement, const char *key, Size nbytes, bool is_tag);

/* tsdb_measurement_permits - may the role write rows straight into the table? */
extern bool tsdb_measurement_permits(TsdbMeasurement *measurement, Oid role);

#define TSDB_CLOSED_BY_ABORT (-1)

/* tsdb_measurement_close_all - close what is open and let go of a lock (NoLock: keep it); after an abort the relations are closed already. */
extern void tsdb_measurement_close_all(LOCKMODE lockmode);

/* tsdb_measurement_init - once per process. */
extern void tsdb_measurement_init(void);

#endif /* TSDB_MEASUREMENT_H */
