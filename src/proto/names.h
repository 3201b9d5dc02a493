/*-------------------------------------------------------------------------
 *
 * names.h
 *	  Keys of line protocol -> identifiers of PostgreSQL.
 *
 * A key that PostgreSQL can hold is its own identifier, letter for letter.  Others get one of the same beginning and
 * a tail that begins with a tilde, and their column or table carries the key in its comment:
 *	 key~			a name that PostgreSQL has taken: ctid, xmin, cmin, xmax, cmax, tableoid
 *	 key~tag, key~field		a key that the table has as the other kind already
 *	 start~0123456789abcdef		a key of more than 63 bytes, or one that ends as if it had been mapped: hash of the key
 *-------------------------------------------------------------------------
 */
#ifndef TSDB_NAMES_H
#define TSDB_NAMES_H

#include <stdbool.h>
#include <stddef.h>

#define TSDB_NAME_BYTES 64 /* with the NUL: PostgreSQL's NAMEDATALEN */

typedef enum TsdbNameForm
{
	TSDB_NAME_FIRST, /* of its table, or of the kind that came first */
	TSDB_NAME_TAG, /* there is a field of that name */
	TSDB_NAME_FIELD /* there is a tag of that name */
} TsdbNameForm;

/*
 * tsdb_name_map - write the identifier of a key.
 *
 *	key		valid UTF-8 without NUL, not empty
 *	name	out: TSDB_NAME_BYTES
 *
 * Returns whether it differs from the key, which then belongs into a comment.
 */
extern bool tsdb_name_map(const char *key, size_t nbytes, TsdbNameForm form, char *name);

#endif /* TSDB_NAMES_H */
