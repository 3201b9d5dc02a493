/*-------------------------------------------------------------------------
 *
 * names.c
 *	  Keys of line protocol -> identifiers of PostgreSQL.
 *
 *-------------------------------------------------------------------------
 */
#include <stdio.h>

#include "base/base.h"
#include "proto/names.h"

#define MAX_BYTES ((size_t) TSDB_NAME_BYTES - 1)
#define HASH_DIGITS 16

static bool is_taken(const char *key, size_t nbytes);
static bool looks_mapped(const char *key, size_t nbytes);
static bool ends_with(const char *key, size_t nbytes, const char *tail);
static void write_tail(const char *key, size_t nbytes, const char *tail, char *name);
static void write_hashed(const char *key, size_t nbytes, const char *tail, char *name);

bool
tsdb_name_map(const char *key, size_t nbytes, TsdbNameForm form, char *name)
{
	const char *tail = form == TSDB_NAME_TAG ? "~tag" : form == TSDB_NAME_FIELD ? "~field"
																				: "";
	if (nbytes + strlen(tail) > MAX_BYTES || looks_mapped(key, nbytes))
	{
		write_hashed(key, nbytes, tail, name);
		return true;
	}
	if (is_taken(key, nbytes) && form == TSDB_NAME_FIRST)
		tail = "~";
	write_tail(key, nbytes, tail, name);
	return *tail != '\0';
}

// private functions

/* System columns of every table. */
static bool
is_taken(const char *key, size_t nbytes)
{
	static const char *const taken[] = {"ctid", "xmin", "cmin", "xmax", "cmax", "tableoid"};

	for (size_t i = 0; i < sizeof(taken) / sizeof(taken[0]); i++)
		if (strlen(taken[i]) == nbytes && memcmp(key, taken[i], nbytes) == 0)
			return true;
	return false;
}

static bool
looks_mapped(const char *key, size_t nbytes)
{
	size_t i;

	if (ends_with(key, nbytes, "~") || ends_with(key, nbytes, "~tag") || ends_with(key, nbytes, "~field"))
		return true;
	if (nbytes <= HASH_DIGITS || key[nbytes - HASH_DIGITS - 1] != '~')
		return false;
	for (i = nbytes - HASH_DIGITS; i < nbytes; i++)
		if (!((key[i] >= '0' && key[i] <= '9') || (key[i] >= 'a' && key[i] <= 'f')))
			return false;
	return true;
}

static bool
ends_with(const char *key, size_t nbytes, const char *tail)
{
	size_t length = strlen(tail);

	return nbytes >= length && memcmp(key + nbytes - length, tail, length) == 0;
}

static void
write_tail(const char *key, size_t nbytes, const char *tail, char *name)
{
	memcpy(name, key, nbytes);
	memcpy(name + nbytes, tail, strlen(tail) + 1);
}

/* The start, cut between characters, and the hash; the kind goes into the hash. */
static void
write_hashed(const char *key, size_t nbytes, const char *tail, char *name)
{
	uint64_t hash = tsdb_hash_bytes(key, nbytes) ^ tsdb_hash_bytes(tail, strlen(tail));
	size_t start = nbytes < MAX_BYTES - HASH_DIGITS - 1 ? nbytes : MAX_BYTES - HASH_DIGITS - 1;

	while (start > 0 && start < nbytes && ((unsigned char) key[start] & 0xC0) == 0x80)
		start--;
	memcpy(name, key, start);
	snprintf(name + start, HASH_DIGITS + 2, "~%016llx", (unsigned long long) hash);
}
