/*-------------------------------------------------------------------------
 *
 * point.h
 *	  Points of line protocol -> rows of tables.
 *
 *-------------------------------------------------------------------------
 */
#ifndef TSDB_POINT_H
#define TSDB_POINT_H

#include "postgres.h"
#include "lib/stringinfo.h"
#include "nodes/pg_list.h"
#include "server/create.h"
#include "server/measurement.h"
#include "server/writer.h"
#include "write/buffer.h"

/* A table or column that could not be made. */
typedef struct TsdbRefusal
{
	TsdbMeasurementKey key;
	const char *message;
	bool is_forbidden;
} TsdbRefusal;

/* How far the lines of a request have come. */
typedef struct TsdbPointProgress
{
	const char *lines; /* of this pass */
	Size nbytes;
	uint64 nwritten;
	uint64 ndropped;
	uint64 nunreadable;
	bool is_forbidden;
	int nerrors;
	int errors_bytes;
} TsdbPointProgress;

/* The lines of a request while they are being written. */
typedef struct TsdbPointBatch
{
	TsdbWriteRequest *request;
	MemoryContext context; /* lives as long as the request */
	Oid schema;
	bool is_valid_text; /* all of it is UTF-8 */
	TsdbPointProgress now;
	TsdbPointProgress committed;
	const ErrorData *retry; /* the whole request has to come again */
	StringInfo errors;
	StringInfo put_off; /* lines for the next pass */
	List *wishes; /* TsdbWishes, of this pass */
	List *refused; /* TsdbRefusal */
	const char *reason; /* of the last point that was dropped */
	/* of the last point */
	TsdbMeasurement *measurement;
	char *measurement_text; /* as it stood in the line */
	uint32 measurement_bytes;
	uint32 measurement_room;
	/* working memory, for one point */
	MemoryContext row_context;
	Datum *values; /* by attnum - 1 */
	bool *isnull;
	int natts;
	TsdbCell *cells;
	uint32 ncells;
	struct TsdbSqlRows *sql_rows; /* pointsql.c */
} TsdbPointBatch;

typedef enum TsdbPointOutcome
{
	TSDB_POINT_WRITTEN,
	TSDB_POINT_DROPPED, /* batch->reason says why */
	TSDB_POINT_PUT_OFF /* its table or a column has to be made first: batch->wishes */
} TsdbPointOutcome;

/* Around the points of one pass, inside its transaction; end raises what tables raise. */
extern void tsdb_point_begin(TsdbPointBatch *batch);
extern void tsdb_point_end(TsdbPointBatch *batch);

/* tsdb_point_resolve - find and open the table of a point; WRITTEN: it is there, go on with write. */
extern TsdbPointOutcome tsdb_point_resolve(TsdbPointBatch *batch, const TsdbLinePoint *point);

/* tsdb_point_write - buffer its row, or keep it for an INSERT where only the executor can write it. */
extern TsdbPointOutcome tsdb_point_write(TsdbPointBatch *batch, const TsdbLinePoint *point);

/* tsdb_point_flush - INSERT what was kept; raises what tables raise. */
extern void tsdb_point_flush(TsdbPointBatch *batch);

#endif /* TSDB_POINT_H */
