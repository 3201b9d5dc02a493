/*-------------------------------------------------------------------------
 *
 * body.h
 *	  The body of a request as it comes in: limited, unpacked when it is gzip.
 *
 * Pure C; memory by malloc, and running out of it is a fault like others, since the callers are callbacks of a
 * library that nothing may be thrown through.
 *-------------------------------------------------------------------------
 */
#ifndef TSDB_BODY_H
#define TSDB_BODY_H

#include <stdbool.h>
#include <stddef.h>

/* What is wrong with a body. */
typedef enum TsdbBodyFault
{
	TSDB_BODY_OK,
	TSDB_BODY_TOO_LARGE, /* beyond max_bytes */
	TSDB_BODY_NO_ROOM, /* the account is full, or out of memory */
	TSDB_BODY_DAMAGED, /* not what its encoding says */
	TSDB_BODY_ENCODING /* an encoding that we don't know */
} TsdbBodyFault;

/* Memory that many bodies share. */
typedef struct TsdbBodyAccount
{
	size_t used_bytes;
	size_t max_bytes;
} TsdbBodyAccount;

typedef struct TsdbBody
{
	char *data; /* NULL until there is some; after tsdb_body_end a NUL follows */
	size_t nbytes;
	size_t capacity;
	size_t max_bytes;
	TsdbBodyAccount *account;
	TsdbBodyFault fault; /* once set, what comes is thrown away */
	void *inflate; /* z_stream, NULL = plain */
	bool is_ended; /* the gzip stream is complete */
} TsdbBody;

/*
 * tsdb_body_begin - an empty body.
 *
 *	encoding	value of Content-Encoding; NULL, "" and "identity" = plain, "gzip", "x-gzip"
 */
extern void tsdb_body_begin(TsdbBody *body, const char *encoding, size_t max_bytes, TsdbBodyAccount *account);

/* tsdb_body_add - the next bytes of it. */
extern void tsdb_body_add(TsdbBody *body, const void *bytes, size_t nbytes);

/* tsdb_body_end - no more will come. */
extern void tsdb_body_end(TsdbBody *body);

/* tsdb_body_free - give the memory back; the body may be begun again. */
extern void tsdb_body_free(TsdbBody *body);

#endif /* TSDB_BODY_H */
