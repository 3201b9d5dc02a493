/*-------------------------------------------------------------------------
 *
 * writer.h
 *	  Batches of line protocol -> committed rows.
 *
 *-------------------------------------------------------------------------
 */
#ifndef TSDB_WRITER_H
#define TSDB_WRITER_H

#include "postgres.h"
#include "proto/lineproto.h"

typedef enum TsdbWriteStatus
{
	TSDB_WRITE_DONE, /* every line is committed */
	TSDB_WRITE_PARTIAL, /* the good lines are; message says what is wrong with the first bad one */
	TSDB_WRITE_REJECTED, /* no line was good */
	TSDB_WRITE_NO_SCHEMA, /* there is no such schema */
	TSDB_WRITE_FORBIDDEN, /* the role may not */
	TSDB_WRITE_RETRY /* not now: locks, a full disk, no memory; nothing was written, the same batch may be sent again */
} TsdbWriteStatus;

/* One request: lines of one client for one schema. */
typedef struct TsdbWriteRequest
{
	Oid role;
	const char *schema;
	char *lines; /* a NUL follows; may be changed */
	Size nbytes;
	TsdbPrecision precision;
	int64 received_us; /* time of lines that have none */
	/* result */
	TsdbWriteStatus status;
	char *message; /* as InfluxDB words it; in the context that was current at tsdb_writer_run */
	uint64 npoints; /* committed */
	uint64 nrejected; /* lines left out */
} TsdbWriteRequest;

/*
 * tsdb_writer_run - write these requests and say what became of each.
 *
 * Outside a transaction.  All share one commit; when that fails each is written alone, so that none harms another.  Rows are
 * durable on return (synchronous_commit decides, as ever).  Raises nothing but FATAL.
 */
extern void tsdb_writer_run(TsdbWriteRequest **requests, int nrequests);

#endif /* TSDB_WRITER_H */
