/*-------------------------------------------------------------------------
 *
 * body_fuzz.c
 *	  libFuzzer target of request bodies and forms.
 *
 * Input: way u8 (plain, gzip as it stands, gzip of the rest in several members that may be cut off, form),
 * limit u8, account u8, piece u8, cut u8, then bytes.  Aborts when a body breaks its limit or the account, when the account is
 * not empty afterwards, when there is no NUL behind a body, when it is other than what zlib makes of
 * the whole at once, and when a form's value is longer than it may be.
 */
#include <zlib.h>

#include "proto/body.h"
#include "proto/form.h"
#include "tap.h"

#define HEADER_BYTES 5

typedef enum Way
{
	WAY_PLAIN,
	WAY_GZIP,
	WAY_PACKED,
	WAY_FORM
} Way;

static Arena arena;
static const TsdbMem mem = {arena_alloc, &arena};

extern int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t nbytes);

static void check(bool condition);
static void check_body(const char *encoding, const uint8_t *bytes, size_t nbytes, const uint8_t *header);
static void check_account(const TsdbBody *body, const TsdbBodyAccount *account);
static void check_form(const uint8_t *bytes, size_t nbytes);
static size_t pack(const uint8_t *bytes, size_t nbytes, size_t member, uint8_t *to, size_t room);
static TsdbBodyFault unpack(const uint8_t *bytes, size_t nbytes, uint8_t *to, size_t room, size_t *nunpacked);
static size_t smaller(size_t left, size_t right);

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t nbytes)
{
	const uint8_t *rest;
	size_t nrest;

	if (nbytes < HEADER_BYTES)
		return 0;
	rest = bytes + HEADER_BYTES;
	nrest = nbytes - HEADER_BYTES;
	switch ((Way) (bytes[0] % 4))
	{
		case WAY_PLAIN:
			check_body(NULL, rest, nrest, bytes);
			break;
		case WAY_GZIP:
			check_body("gzip", rest, nrest, bytes);
			break;
		case WAY_PACKED:
		{
			size_t room = nrest * 40 + 100; /* many members of a byte */
			uint8_t *packed = tsdb_mem_alloc(&mem, room);
			size_t npacked = pack(rest, nrest, (size_t) bytes[3] * 16 + 1, packed, room);
			size_t cut = bytes[4] < 200 ? 0 : smaller((size_t) bytes[4] - 200, npacked);

			check_body("gzip", packed, npacked - cut, bytes);
			break;
		}
		case WAY_FORM:
			check_form(rest, nrest);
			break;
	}
	arena_reset(&arena);
	return 0;
}

// private functions

static void
check(bool condition)
{
	if (!condition)
		abort();
}

static void
check_body(const char *encoding, const uint8_t *bytes, size_t nbytes, const uint8_t *header)
{
	size_t max_bytes = (size_t) header[1] * header[1] * 4;
	size_t piece = (size_t) header[3] + 1;
	TsdbBodyAccount account = {1000, 1000 + (header[2] < 128 ? SIZE_MAX / 2 : (size_t) (header[2] - 128) * 2048)};
	uint8_t *expected = tsdb_mem_alloc(&mem, max_bytes + 1);
	size_t nexpected = nbytes;
	TsdbBodyFault fault = TSDB_BODY_OK;
	TsdbBody body;

	if (encoding != NULL)
		fault = unpack(bytes, nbytes, expected, max_bytes + 1, &nexpected);
	else
		memcpy(expected, bytes, smaller(nbytes, max_bytes + 1));
	if (fault == TSDB_BODY_OK && nexpected > max_bytes)
		fault = TSDB_BODY_TOO_LARGE;
	tsdb_body_begin(&body, encoding, max_bytes, &account);
	for (size_t i = 0; i < nbytes; i += piece)
	{
		size_t n = smaller(piece, nbytes - i);

		tsdb_body_add(&body, exact_copy(&mem, bytes + i, n), n);
		check_account(&body, &account);
	}
	tsdb_body_end(&body);
	check_account(&body, &account);
	if (body.fault == TSDB_BODY_OK)
	{
		check(fault == TSDB_BODY_OK && body.nbytes == nexpected && body.nbytes <= max_bytes && body.nbytes < body.capacity);
		check(memcmp(body.data, expected, nexpected) == 0 && body.data[nexpected] == '\0');
	}
	else
	{
		check(body.data == NULL && body.capacity == 0 && account.used_bytes == 1000);
		/* Of a text that is both, zlib may say one or the other first. */
		check(body.fault == fault || (body.fault == TSDB_BODY_NO_ROOM && header[2] >= 128) ||
			  (body.fault == TSDB_BODY_DAMAGED && fault == TSDB_BODY_TOO_LARGE) ||
			  (body.fault == TSDB_BODY_TOO_LARGE && fault == TSDB_BODY_DAMAGED));
	}
	tsdb_body_free(&body);
	check(account.used_bytes == 1000);
}

static void
check_account(const TsdbBody *body, const TsdbBodyAccount *account)
{
	check(account->used_bytes == 1000 + body->capacity && account->used_bytes <= account->max_bytes);
	check(body->capacity <= body->max_bytes + 1 && body->nbytes <= body->max_bytes);
}

/* The input is the name, up to a NUL, and the form. */
static void
check_form(const uint8_t *bytes, size_t nbytes)
{
	const uint8_t *nul = nbytes > 0 ? memchr(bytes, '\0', nbytes) : NULL;
	const uint8_t *form = nul != NULL ? nul + 1 : bytes;
	size_t nform = (size_t) (bytes + nbytes - form);
	char *value = tsdb_mem_alloc(&mem, nform + 1);
	const char *name = nul != NULL ? (const char *) bytes : "q";

	if (tsdb_form_find((char *) exact_copy(&mem, form, nform), nform, name, value))
		check(strlen(value) + (nul != NULL ? 0 : 1) <= nform);
}

/* As gzip, one member after the other; none for no bytes. */
static size_t
pack(const uint8_t *bytes, size_t nbytes, size_t member, uint8_t *to, size_t room)
{
	size_t npacked = 0;

	for (size_t i = 0; i < nbytes; i += member)
	{
		z_stream stream = {0};

		check(deflateInit2(&stream, 1, Z_DEFLATED, 31, 8, Z_DEFAULT_STRATEGY) == Z_OK);
		stream.next_in = (Bytef *) bytes + i;
		stream.avail_in = (uInt) smaller(member, nbytes - i);
		stream.next_out = to + npacked;
		stream.avail_out = (uInt) (room - npacked);
		check(deflate(&stream, Z_FINISH) == Z_STREAM_END);
		npacked += stream.total_out;
		deflateEnd(&stream);
	}
	return npacked;
}

/* With the library alone, all at once.  TOO_LARGE when it does not fit into the room. */
static TsdbBodyFault
unpack(const uint8_t *bytes, size_t nbytes, uint8_t *to, size_t room, size_t *nunpacked)
{
	z_stream stream = {0};
	TsdbBodyFault fault = TSDB_BODY_OK;

	*nunpacked = 0;
	check(inflateInit2(&stream, 31) == Z_OK);
	stream.next_in = (Bytef *) bytes;
	stream.avail_in = (uInt) nbytes;
	while (fault == TSDB_BODY_OK && stream.avail_in > 0)
	{
		int result;

		stream.next_out = to + *nunpacked;
		stream.avail_out = (uInt) (room - *nunpacked);
		result = inflate(&stream, Z_FINISH);
		*nunpacked = room - stream.avail_out;
		if (result == Z_STREAM_END)
			check(inflateReset(&stream) == Z_OK);
		else
			fault = stream.avail_out == 0 ? TSDB_BODY_TOO_LARGE : TSDB_BODY_DAMAGED;
	}
	inflateEnd(&stream);
	return fault;
}

static size_t
smaller(size_t left, size_t right)
{
	return left < right ? left : right;
}
