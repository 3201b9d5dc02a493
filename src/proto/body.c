/*-------------------------------------------------------------------------
 *
 * body.c
 *	  The body of a request as it comes in: limited, unpacked when it is gzip.
 *
 *-------------------------------------------------------------------------
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <zlib.h>

#include "proto/body.h"

#define FIRST_BYTES ((size_t) 16 * 1024)
#define GZIP_WINDOW (15 + 16) /* zlib: largest window, gzip header */

static void add_plain(TsdbBody *body, const void *bytes, size_t nbytes);
static void add_packed(TsdbBody *body, const void *bytes, size_t nbytes);
static bool reserve(TsdbBody *body, size_t nbytes);
static void fail(TsdbBody *body, TsdbBodyFault fault);
static void end_inflate(TsdbBody *body);

void
tsdb_body_begin(TsdbBody *body, const char *encoding, size_t max_bytes, TsdbBodyAccount *account)
{
	memset(body, 0, sizeof(*body));
	body->max_bytes = max_bytes;
	body->account = account;
	if (encoding == NULL || *encoding == '\0' || strcasecmp(encoding, "identity") == 0)
		return;
	if (strcasecmp(encoding, "gzip") != 0 && strcasecmp(encoding, "x-gzip") != 0)
	{
		fail(body, TSDB_BODY_ENCODING);
		return;
	}
	body->inflate = calloc(1, sizeof(z_stream));
	if (body->inflate == NULL)
		fail(body, TSDB_BODY_NO_ROOM);
	else if (inflateInit2((z_stream *) body->inflate, GZIP_WINDOW) != Z_OK)
	{
		free(body->inflate);
		body->inflate = NULL;
		fail(body, TSDB_BODY_NO_ROOM);
	}
}

void
tsdb_body_add(TsdbBody *body, const void *bytes, size_t nbytes)
{
	if (body->fault != TSDB_BODY_OK || nbytes == 0)
		return;
	if (body->inflate == NULL)
		add_plain(body, bytes, nbytes);
	else
		add_packed(body, bytes, nbytes);
}

void
tsdb_body_end(TsdbBody *body)
{
	/* An empty body is no gzip stream, and no harm either. */
	if (body->inflate != NULL && !body->is_ended && ((z_stream *) body->inflate)->total_in > 0)
		fail(body, TSDB_BODY_DAMAGED);
	end_inflate(body);
	if (body->fault == TSDB_BODY_OK && reserve(body, 0))
		body->data[body->nbytes] = '\0';
}

void
tsdb_body_free(TsdbBody *body)
{
	end_inflate(body);
	free(body->data);
	if (body->account != NULL)
		body->account->used_bytes -= body->capacity;
	body->data = NULL;
	body->nbytes = body->capacity = 0;
}

// private functions

static void
add_plain(TsdbBody *body, const void *bytes, size_t nbytes)
{
	if (!reserve(body, nbytes))
		return;
	memcpy(body->data + body->nbytes, bytes, nbytes);
	body->nbytes += nbytes;
}

/* A gzip file may be several, one after the other. */
static void
add_packed(TsdbBody *body, const void *bytes, size_t nbytes)
{
	z_stream *stream = (z_stream *) body->inflate;

	stream->next_in = (Bytef *) bytes;
	stream->avail_in = (uInt) nbytes;
	while (stream->avail_in > 0)
	{
		/* A full body may still have the end of its gzip stream to come. */
		bool is_full = body->nbytes == body->max_bytes;
		int result;

		if (body->is_ended && inflateReset(stream) != Z_OK)
		{
			fail(body, TSDB_BODY_DAMAGED);
			return;
		}
		body->is_ended = false;
		if (!reserve(body, is_full ? 0 : 1))
			return;
		stream->next_out = (Bytef *) body->data + body->nbytes;
		stream->avail_out = (uInt) (body->capacity - body->nbytes - 1);
		result = inflate(stream, Z_NO_FLUSH);
		body->nbytes = body->capacity - 1 - stream->avail_out;
		if (result == Z_STREAM_END)
			body->is_ended = true;
		else if (result == Z_BUF_ERROR && is_full)
		{
			fail(body, TSDB_BODY_TOO_LARGE);
			return;
		}
		else if (result != Z_OK && !(result == Z_BUF_ERROR && stream->avail_out == 0))
		{
			fail(body, result == Z_MEM_ERROR ? TSDB_BODY_NO_ROOM : TSDB_BODY_DAMAGED);
			return;
		}
	}
}

/* Room for so many bytes and the NUL at the end; sets the fault when there is none. */
static bool
reserve(TsdbBody *body, size_t nbytes)
{
	size_t capacity = body->capacity > 0 ? body->capacity : FIRST_BYTES;
	char *data;

	if (nbytes > body->max_bytes - body->nbytes)
	{
		fail(body, TSDB_BODY_TOO_LARGE);
		return false;
	}
	while (capacity - 1 < body->nbytes + nbytes)
		capacity *= 2;
	if (capacity > body->max_bytes + 1 && body->nbytes + nbytes <= body->max_bytes)
		capacity = body->max_bytes + 1;
	if (capacity <= body->capacity)
		return true;
	if (body->account->used_bytes + (capacity - body->capacity) > body->account->max_bytes ||
		(data = (char *) realloc(body->data, capacity)) == NULL)
	{
		fail(body, TSDB_BODY_NO_ROOM);
		return false;
	}
	body->account->used_bytes += capacity - body->capacity;
	body->data = data;
	body->capacity = capacity;
	return true;
}

static void
fail(TsdbBody *body, TsdbBodyFault fault)
{
	tsdb_body_free(body);
	body->fault = fault;
}

static void
end_inflate(TsdbBody *body)
{
	if (body->inflate == NULL)
		return;
	inflateEnd((z_stream *) body->inflate);
	free(body->inflate);
	body->inflate = NULL;
}
