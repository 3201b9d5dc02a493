/*-------------------------------------------------------------------------
 *
 * form.h
 *	  Bodies of type application/x-www-form-urlencoded.
 *
 *-------------------------------------------------------------------------
 */
#ifndef TSDB_FORM_H
#define TSDB_FORM_H

#include <stdbool.h>
#include <stddef.h>

/*
 * tsdb_form_find - the value of a field, decoded.
 *
 *	value	room for nbytes + 1 bytes; ends with a NUL
 *
 * False when there is no such field.  A % that two hex digits don't follow stands for itself.
 */
extern bool tsdb_form_find(const char *form, size_t nbytes, const char *name, char *value);

#endif /* TSDB_FORM_H */
