/*-------------------------------------------------------------------------
 *
 * tagbytes.h
 *	  Tags of a series as bytes: the form that is stored, hashed and compared.
 *
 * For each tag that is not NULL, ascending attnum: { attnum varint, length varint, bytes }.
 * The bytes of a value: by-value types attlen bytes, little endian; other fixed-length types as
 * in memory; variable-length types their contents without header, decompressed.
 *-------------------------------------------------------------------------
 */
#ifndef TSDB_TAGBYTES_H
#define TSDB_TAGBYTES_H

#include "postgres.h"

#include "access/tupdesc.h"
#include "base/base.h"
#include "lib/stringinfo.h"
#include "series/tsdbtable.h"

typedef struct TsdbTagColumn
{
	int16 attnum;
	int16 attlen;
	bool attbyval;
	Oid type_oid;
	int tag_index; /* position in the option's list */
} TsdbTagColumn;

/* TsdbTagLayout - the tag columns of a table, ascending attnum. */
typedef struct TsdbTagLayout
{
	int ntags;
	TsdbTagColumn *columns;
} TsdbTagLayout;

/* tsdb_tagbytes_layout - the layout of a table; allocated in the current context. */
extern TsdbTagLayout tsdb_tagbytes_layout(const TsdbTable *table, TupleDesc desc);

extern bool tsdb_tagbytes_layout_equals(const TsdbTagLayout *a, const TsdbTagLayout *b);

/* tsdb_tagbytes_encode - append the tags of a row; values and isnull by attnum - 1, toasted values are fine. */
extern void tsdb_tagbytes_encode(const TsdbTagLayout *layout, const Datum *values, const bool *isnull, StringInfo out);

/*
 * tsdb_tagbytes_decode - values by tag_index; by-reference values are allocated in the current context.
 *
 * Tags of columns that the layout doesn't know are skipped; absent ones are NULL.
 */
extern TsdbStatus tsdb_tagbytes_decode(const TsdbTagLayout *layout, TsdbSpan bytes, Datum *values, bool *isnull);

#endif /* TSDB_TAGBYTES_H */
