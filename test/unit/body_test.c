/*-------------------------------------------------------------------------
 *
 * body_test.c
 *	  Bodies of requests: plain and gzip in pieces of any size, limits, the account, and forms.
 *-------------------------------------------------------------------------
 */
#include <zlib.h>

#include "proto/body.h"
#include "proto/form.h"
#include "tap.h"

#define MAX_TEXT 300000
#define ROOM (MAX_TEXT * 2)

static uint8_t text[MAX_TEXT];
static uint8_t packed[ROOM];

static void test_pieces(void);
static void test_encodings(void);
static void test_limit(const char *encoding);
static void test_bomb(void);
static void test_members(void);
static void test_damaged(void);
static void test_account(void);
static void test_form(void);
static size_t pack(const uint8_t *from, size_t nbytes, uint8_t *to);
static TsdbBodyFault read_body(TsdbBody *body, const char *encoding, const uint8_t *bytes, size_t nbytes, size_t piece,
							   size_t max_bytes, TsdbBodyAccount *account);
static bool holds(const TsdbBody *body, size_t nbytes);
static void form_is(const char *form, const char *name, const char *value);

int
main(void)
{
	uint64_t random = 7;

	for (size_t i = 0; i < MAX_TEXT; i++)
		text[i] = (uint8_t) ('a' + random_below(&random, 20));
	test_pieces();
	test_encodings();
	test_limit(NULL);
	test_limit("gzip");
	test_bomb();
	test_members();
	test_damaged();
	test_account();
	test_form();
	return done();
}

// private functions

static void
test_pieces(void)
{
	static const size_t sizes[] = {0, 1, 2, 16382, 16383, 16384, 16385, 32767, 32768, MAX_TEXT};
	static const size_t pieces[] = {1, 7, 4096, ROOM};

	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
		for (size_t j = 0; j < sizeof(pieces) / sizeof(pieces[0]); j++)
		{
			size_t npacked = pack(text, sizes[i], packed);
			TsdbBodyAccount account = {0, SIZE_MAX};
			TsdbBody plain;
			TsdbBody gzip;

			ok(read_body(&plain, "identity", text, sizes[i], pieces[j], MAX_TEXT, &account) == TSDB_BODY_OK && holds(&plain, sizes[i]) &&
				   read_body(&gzip, "gzip", packed, npacked, pieces[j], MAX_TEXT, &account) == TSDB_BODY_OK && holds(&gzip, sizes[i]),
			   "%zu bytes, plain and gzip, in pieces of %zu", sizes[i], pieces[j]);
			ok(account.used_bytes == plain.capacity + gzip.capacity, "  both are in the account");
			tsdb_body_free(&plain);
			tsdb_body_free(&gzip);
			ok(account.used_bytes == 0, "  and out of it");
		}
}

static void
test_encodings(void)
{
	static const char *const plain[] = {"", "identity", "Identity"};
	static const char *const gzip[] = {"gzip", "GZIP", "x-gzip"};
	static const char *const unknown[] = {"br", "deflate", "gzip, gzip", "gzip ", "zstd"};
	TsdbBodyAccount account = {0, SIZE_MAX};
	size_t npacked = pack(text, 100, packed);
	TsdbBody body;

	for (size_t i = 0; i < 3; i++)
	{
		ok(read_body(&body, plain[i], text, 100, 10, 100, &account) == TSDB_BODY_OK && holds(&body, 100), "\"%s\" is plain", plain[i]);
		tsdb_body_free(&body);
		ok(read_body(&body, gzip[i], packed, npacked, 10, 100, &account) == TSDB_BODY_OK && holds(&body, 100), "\"%s\" is unpacked", gzip[i]);
		tsdb_body_free(&body);
	}
	for (size_t i = 0; i < sizeof(unknown) / sizeof(unknown[0]); i++)
		ok(read_body(&body, unknown[i], text, 100, 10, 100, &account) == TSDB_BODY_ENCODING && body.data == NULL, "\"%s\" is not known", unknown[i]);
	ok(read_body(&body, "gzip", packed, 0, 10, 100, &account) == TSDB_BODY_OK && holds(&body, 0), "no bytes are no harm as gzip");
	tsdb_body_free(&body);
	ok(account.used_bytes == 0, "the account is empty");
}

/* Exactly the limit is allowed, whatever the pieces. */
static void
test_limit(const char *encoding)
{
	static const size_t limits[] = {0, 1, 100, 16383, 16384, 40000};
	const char *shown = encoding != NULL ? encoding : "plain";

	for (size_t i = 0; i < sizeof(limits) / sizeof(limits[0]); i++)
	{
		size_t limit = limits[i];
		bool fits = true;
		bool refused = true;

		for (size_t piece = 1; piece <= ROOM; piece = piece * 3 + 1)
			for (size_t over = 0; over < 2; over++)
			{
				const uint8_t *bytes = encoding != NULL ? packed : text;
				size_t nbytes = encoding != NULL ? pack(text, limit + over, packed) : limit + over;
				TsdbBodyAccount account = {0, SIZE_MAX};
				TsdbBody body;
				TsdbBodyFault fault = read_body(&body, encoding, bytes, nbytes, piece, limit, &account);

				if (over == 0)
					fits &= fault == TSDB_BODY_OK && holds(&body, limit) && body.capacity <= limit + 1;
				else
					refused &= fault == TSDB_BODY_TOO_LARGE && body.data == NULL && account.used_bytes == 0;
				tsdb_body_free(&body);
			}
		ok(fits, "%s: a body of the largest size, %zu, fits", shown, limit);
		ok(refused, "%s: one byte more is refused, and its memory given back", shown);
	}
}

static void
test_bomb(void)
{
	uint8_t *zeros = (uint8_t *) calloc(1, (size_t) 64 << 20);
	uint8_t *bomb = (uint8_t *) malloc((size_t) 1 << 20);
	TsdbBodyAccount account = {0, SIZE_MAX};
	z_stream stream = {0};
	TsdbBody body;
	size_t nbytes;

	if (zeros == NULL || bomb == NULL || deflateInit2(&stream, 9, Z_DEFLATED, 31, 9, Z_DEFAULT_STRATEGY) != Z_OK)
		abort();
	stream.next_in = zeros;
	stream.avail_in = 64U << 20;
	stream.next_out = bomb;
	stream.avail_out = 1U << 20;
	if (deflate(&stream, Z_FINISH) != Z_STREAM_END)
		abort();
	nbytes = stream.total_out;
	deflateEnd(&stream);
	tsdb_body_begin(&body, "gzip", 1 << 20, &account);
	for (size_t i = 0; i < nbytes; i++)
	{
		tsdb_body_add(&body, bomb + i, 1);
		if (account.used_bytes > (1 << 20) + 1)
			break;
	}
	tsdb_body_end(&body);
	ok(nbytes < 100000 && body.fault == TSDB_BODY_TOO_LARGE && account.used_bytes == 0,
	   "%zu bytes that unpack to 64 MB: stopped at the limit of 1 MB", nbytes);
	free(zeros);
	free(bomb);
}

static void
test_members(void)
{
	TsdbBodyAccount account = {0, SIZE_MAX};
	uint8_t *empty = packed + ROOM - 100;
	size_t nempty = pack(text, 0, empty);
	bool whole = true;
	bool repeated = true;

	for (size_t piece = 1; piece < 200; piece++)
	{
		size_t n = pack(text, 50, packed);
		TsdbBody body;

		memcpy(packed + n, empty, nempty);
		n += nempty;
		n += pack(text + 50, 150, packed + n);
		whole &= read_body(&body, "gzip", packed, n, piece, 1000, &account) == TSDB_BODY_OK && holds(&body, 200);
		tsdb_body_free(&body);
		packed[n] = 'x';
		repeated &= read_body(&body, "gzip", packed, n + 1, piece, 1000, &account) == TSDB_BODY_DAMAGED;
	}
	ok(whole, "three members, one of them empty, are one text");
	ok(repeated, "something else behind them is not");
}

/* Every beginning but the whole, and every single bit. */
static void
test_damaged(void)
{
	TsdbBodyAccount account = {0, SIZE_MAX};
	size_t n = pack(text, 500, packed);
	size_t nseen = 0;
	size_t nwrong = 0;
	TsdbBody body;

	for (size_t i = 1; i < n; i++)
		nseen += read_body(&body, "gzip", packed, i, 64, 1000, &account) == TSDB_BODY_DAMAGED && body.data == NULL;
	ok(nseen == n - 1, "every truncation is seen");
	for (size_t i = 0; i < n * 8; i++)
	{
		packed[i / 8] ^= (uint8_t) (1 << i % 8);
		if (read_body(&body, "gzip", packed, n, 64, 1000, &account) == TSDB_BODY_OK && !holds(&body, 500))
			nwrong++;
		tsdb_body_free(&body);
		packed[i / 8] ^= (uint8_t) (1 << i % 8);
	}
	ok(nwrong == 0, "no flipped bit changes the text unseen");
	ok(account.used_bytes == 0, "the account is empty");
}

/* Bodies share it; who comes too late gets nothing, the others keep theirs. */
static void
test_account(void)
{
	TsdbBodyAccount account = {0, 100000};
	TsdbBody first;
	TsdbBody second;
	size_t n;

	ok(read_body(&first, NULL, text, 60000, 1000, MAX_TEXT, &account) == TSDB_BODY_OK, "60000 bytes of 100000");
	ok(read_body(&second, NULL, text, 60000, 1000, MAX_TEXT, &account) == TSDB_BODY_NO_ROOM && second.data == NULL, "no room for as many again");
	n = pack(text, 60000, packed);
	ok(read_body(&second, "gzip", packed, n, 1000, MAX_TEXT, &account) == TSDB_BODY_NO_ROOM && second.data == NULL, "nor packed");
	ok(read_body(&second, NULL, text, 16000, 1000, MAX_TEXT, &account) == TSDB_BODY_OK && holds(&second, 16000), "but for less");
	ok(holds(&first, 60000) && account.used_bytes == first.capacity + second.capacity && account.used_bytes <= account.max_bytes, "the first is whole");
	/* A limit that has become smaller than what is in use, as after a reload. */
	account.max_bytes = 1000;
	tsdb_body_free(&second);
	ok(read_body(&second, NULL, text, 1, 1, MAX_TEXT, &account) == TSDB_BODY_NO_ROOM, "a lower limit holds for the next one");
	tsdb_body_free(&first);
	ok(account.used_bytes == 0, "the account is empty");
	tsdb_body_free(&first);
	ok(account.used_bytes == 0, "also after a second free");
}

static void
test_form(void)
{
	form_is("q=CREATE+DATABASE+%22telegraf%22", "q", "CREATE DATABASE \"telegraf\"");
	form_is("a=1&q=2&q=3", "q", "2");
	form_is("q", "q", "");
	form_is("q=", "q", "");
	form_is("qq=1&q=a=b", "q", "a=b");
	form_is("%71=%41%2b%2B+%", "q", "A++ %");
	form_is("q=%4", "q", "%4");
	form_is("q=%zz%4g", "q", "%zz%4g");
	form_is("&&=&q=1&", "q", "1");
	form_is("", "q", NULL);
	form_is("Q=1&q1=2", "q", NULL);
}

static size_t
pack(const uint8_t *from, size_t nbytes, uint8_t *to)
{
	z_stream stream = {0};

	if (deflateInit2(&stream, 1, Z_DEFLATED, 31, 8, Z_DEFAULT_STRATEGY) != Z_OK)
		abort();
	stream.next_in = (Bytef *) from;
	stream.avail_in = (uInt) nbytes;
	stream.next_out = to;
	stream.avail_out = ROOM / 2;
	if (deflate(&stream, Z_FINISH) != Z_STREAM_END)
		abort();
	deflateEnd(&stream);
	return stream.total_out;
}

/* In blocks of exactly the pieces' size. */
static TsdbBodyFault
read_body(TsdbBody *body, const char *encoding, const uint8_t *bytes, size_t nbytes, size_t piece, size_t max_bytes, TsdbBodyAccount *account)
{
	tsdb_body_begin(body, encoding, max_bytes, account);
	for (size_t i = 0; i < nbytes; i += piece)
	{
		size_t n = nbytes - i < piece ? nbytes - i : piece;
		uint8_t *copy = (uint8_t *) malloc(n);

		if (copy == NULL)
			abort();
		memcpy(copy, bytes + i, n);
		tsdb_body_add(body, copy, n);
		free(copy);
	}
	tsdb_body_end(body);
	return body->fault;
}

static bool
holds(const TsdbBody *body, size_t nbytes)
{
	return body->data != NULL && body->nbytes == nbytes && body->nbytes < body->capacity && memcmp(body->data, text, nbytes) == 0 &&
		   body->data[nbytes] == '\0';
}

/* value NULL = there is no such field. */
static void
form_is(const char *form, const char *name, const char *value)
{
	size_t nbytes = strlen(form);
	char *copy = (char *) malloc(nbytes > 0 ? nbytes : 1);
	char *room = (char *) malloc(nbytes + 1);
	bool found;

	if (copy == NULL || room == NULL)
		abort();
	memcpy(copy, form, nbytes);
	found = tsdb_form_find(copy, nbytes, name, room);
	ok(found == (value != NULL) && (!found || strcmp(room, value) == 0), "form \"%s\"", form);
	free(copy);
	free(room);
}
