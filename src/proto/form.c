/*-------------------------------------------------------------------------
 *
 * form.c
 *	  Bodies of type application/x-www-form-urlencoded.
 *
 *-------------------------------------------------------------------------
 */
#include <string.h>

#include "proto/form.h"

static size_t decode(const char *from, size_t nbytes, char *to);
static int hex_digit(char c);

bool
tsdb_form_find(const char *form, size_t nbytes, const char *name, char *value)
{
	const char *end = form + nbytes;

	for (const char *at = form; at < end;)
	{
		const char *amp = (const char *) memchr(at, '&', (size_t) (end - at));
		const char *next = amp != NULL ? amp : end;
		const char *equals = (const char *) memchr(at, '=', (size_t) (next - at));
		const char *key_end = equals != NULL ? equals : next;

		decode(at, (size_t) (key_end - at), value);
		if (strcmp(value, name) == 0)
		{
			decode(equals != NULL ? equals + 1 : next, equals != NULL ? (size_t) (next - equals - 1) : 0, value);
			return true;
		}
		at = next + 1;
	}
	return false;
}

// private functions

static size_t
decode(const char *from, size_t nbytes, char *to)
{
	size_t n = 0;

	for (size_t i = 0; i < nbytes; i++)
	{
		char c = from[i] == '+' ? ' ' : from[i];

		if (c == '%' && i + 2 < nbytes && hex_digit(from[i + 1]) >= 0 && hex_digit(from[i + 2]) >= 0)
		{
			c = (char) (hex_digit(from[i + 1]) * 16 + hex_digit(from[i + 2]));
			i += 2;
		}
		to[n++] = c;
	}
	to[n] = '\0';
	return n;
}

static int
hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}
