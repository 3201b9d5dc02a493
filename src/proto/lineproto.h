/*-------------------------------------------------------------------------
 *
 * lineproto.h
 *	  InfluxDB line protocol: bytes -> points, without copying.
 *
 *	  measurement[,tag=value...] field=value[,field=value...] [time]
 *
 * Pure C.  The text is only read: a point's parts are slices of it, as they stand, and whoever
 * needs one that has escapes asks for it to be unescaped.  Accepted and refused is what
 * InfluxDB 1.8 accepts and refuses, with its words; docs/LINE_PROTOCOL.md says the whole of it.
 *-------------------------------------------------------------------------
 */
#ifndef TSDB_LINEPROTO_H
#define TSDB_LINEPROTO_H

#include "base/base.h"

/* Unit of the times of lines. */
typedef enum TsdbPrecision
{
	TSDB_PRECISION_NS,
	TSDB_PRECISION_US,
	TSDB_PRECISION_MS,
	TSDB_PRECISION_S,
	TSDB_PRECISION_M,
	TSDB_PRECISION_H
} TsdbPrecision;

/* tsdb_precision_parse - n, ns, u, us, ms, s, m, h; NULL or "" = ns.  False for others. */
extern bool tsdb_precision_parse(const char *name, TsdbPrecision *precision);

/* A slice of the text. */
typedef struct TsdbLineText
{
	const char *at;
	uint32_t nbytes;
	bool has_escapes;
} TsdbLineText;

/* tsdb_line_unescape_key - tag key and value: backslash before comma, equals sign, blank. */
extern uint32_t tsdb_line_unescape_key(TsdbLineText text, char *to); /* room for text.nbytes; returns the length */
/* tsdb_line_unescape_name - measurement and field key: before a double quote too. */
extern uint32_t tsdb_line_unescape_name(TsdbLineText text, char *to);
/* tsdb_line_unescape_string - value of a string field, quotes already off: backslash before quote and backslash. */
extern uint32_t tsdb_line_unescape_string(TsdbLineText text, char *to);

typedef struct TsdbLineTag
{
	TsdbLineText key;
	TsdbLineText value;
} TsdbLineTag;

typedef enum TsdbFieldType
{
	TSDB_FIELD_FLOAT,
	TSDB_FIELD_INTEGER, /* 1i; also 1u that fits */
	TSDB_FIELD_BOOLEAN,
	TSDB_FIELD_STRING
} TsdbFieldType;

typedef struct TsdbLineField
{
	TsdbLineText key;
	TsdbFieldType type;
	union
	{
		double real;
		int64_t integer;
		bool boolean;
		TsdbLineText string;
	} value;
} TsdbLineField;

typedef struct TsdbLinePoint
{
	TsdbLineText measurement;
	uint32_t ntags;
	TsdbLineTag *tags; /* as they stand, no key twice */
	uint32_t nfields; /* at least one */
	TsdbLineField *fields; /* as they stand; of two with one key the later counts */
	bool has_time;
	int64_t unix_us; /* floor of the time */
} TsdbLinePoint;

#define TSDB_LINE_MAX_KEY 65535 /* bytes of measurement and tags; with the longest field key and four more, too */
#define TSDB_LINE_ERROR_BYTES 192

typedef enum TsdbLineResult
{
	TSDB_LINE_POINT,
	TSDB_LINE_BAD, /* `error` says why; the next call goes on with the next line */
	TSDB_LINE_END
} TsdbLineResult;

typedef struct TsdbLineReader
{
	/* of the last call of next */
	TsdbLinePoint point;
	const char *line; /* the line: without leading blanks, comments, line end */
	uint32_t line_bytes;
	const char *error; /* "missing fields", "invalid number", ...: what follows the line in InfluxDB's message */
	/* private */
	const char *at;
	const char *end;
	TsdbPrecision precision;
	const TsdbMem *mem;
	uint32_t tags_capacity;
	uint32_t fields_capacity;
	uint32_t sorted_capacity;
	TsdbLineTag *sorted; /* working room */
	const char *quote; /* the first one at or after `at`, or end; if it is behind `at` it is out of date */
	const char *backslash;
	char error_text[TSDB_LINE_ERROR_BYTES];
} TsdbLineReader;

/*
 * tsdb_line_begin - read points from text[nbytes], less than 4 GB.
 *
 *	mem		of the arrays of tags and fields, which grow and are used for every point
 *
 * Nothing is read at or beyond text + nbytes.
 */
extern void tsdb_line_begin(TsdbLineReader *reader, const char *text, size_t nbytes, TsdbPrecision precision, const TsdbMem *mem);

/* tsdb_line_next - the next point; blank lines and comments are passed over. */
extern TsdbLineResult tsdb_line_next(TsdbLineReader *reader);

#endif /* TSDB_LINEPROTO_H */
