/*-------------------------------------------------------------------------
 *
 * reply.h
 *	  Answers to HTTP clients as InfluxDB gives them.
 *
 *-------------------------------------------------------------------------
 */
#ifndef TSDB_REPLY_H
#define TSDB_REPLY_H

#include "server/auth.h"
#include "server/http.h"
#include "server/writer.h"

#define TSDB_REPLY_VERSION "1.8.10" /* of InfluxDB, whose ways these are */

/* Which API's words a client knows. */
typedef enum TsdbDialect
{
	TSDB_DIALECT_V1,
	TSDB_DIALECT_V2
} TsdbDialect;

/* tsdb_reply_empty - a status without a body. */
extern void tsdb_reply_empty(TsdbHttpRequest *request, int status);

extern void tsdb_reply_text(TsdbHttpRequest *request, int status, const char *content_type, const char *text);

/* tsdb_reply_json - a document; a line end is added. */
extern void tsdb_reply_json(TsdbHttpRequest *request, int status, const char *json);

/* tsdb_reply_error - {"error": ...}, respectively {"code": ..., "message": ...}. */
extern void tsdb_reply_error(TsdbHttpRequest *request, TsdbDialect dialect, int status, const char *message);

/* tsdb_reply_auth - who is not let in; result is not TSDB_AUTH_OK. */
extern void tsdb_reply_auth(TsdbHttpRequest *request, TsdbDialect dialect, TsdbAuthResult result);

/* tsdb_reply_fault - a body that could not be taken. */
extern void tsdb_reply_fault(TsdbHttpRequest *request, TsdbDialect dialect, TsdbBodyFault fault);

/* tsdb_reply_write - what became of a write. */
extern void tsdb_reply_write(TsdbHttpRequest *request, TsdbDialect dialect, const TsdbWriteRequest *write);

#endif /* TSDB_REPLY_H */
