/*-------------------------------------------------------------------------
 *
 * lineproto.c
 *	  InfluxDB line protocol: bytes -> points, without copying.
 *
 * A line ends at a newline that is not escaped and not inside of a string, so
 * finding the end means to look for strings first; lines without a quote and
 * a backslash, nearly all of them, end at the next newline.
 *
 * A character is escaped when a backslash stands before it, even an escaped
 * one: a\\,b is one piece.  In fields the backslash and the next character
 * are passed together, so there \\ does end an escape.  Both are InfluxDB's
 * rules; where they contradict each other the line is refused.
 *
 * Fields are read in one go.  What can't be read is looked at again by
 * fields_error, in the order in which InfluxDB looks, for the same words.
 *-------------------------------------------------------------------------
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "proto/linenumber.h"
#include "proto/lineproto.h"

#define FIRST_CAPACITY 16
#define FEW_TAGS 8 /* compared each with each */
#define SHOWN_BYTES 48 /* of a number in an error */
#define KEY_EXTRA 4 /* bytes between series and field in InfluxDB's own keys */
#define MIN_NS (INT64_MIN + 2)
#define MAX_NS (INT64_MAX - 1)

/* What characters end. */
#define STOP_COMMA 1
#define STOP_BLANK 2
#define STOP_EQUALS 4
#define STOP_QUOTE 8
#define STOP_BACKSLASH 16
#define STOP_NEWLINE 32

static const uint8_t stops[256] = {
	[','] = STOP_COMMA,
	[' '] = STOP_BLANK,
	['='] = STOP_EQUALS,
	['"'] = STOP_QUOTE,
	['\\'] = STOP_BACKSLASH,
	['\n'] = STOP_NEWLINE,
};

static bool next_line(TsdbLineReader *reader);
static const char *find_next(const char *found, const char *at, const char *end, char c);
static const char *find_line_end(const char *at, const char *end);
static const char *skip_blanks(const char *at, const char *end);
static inline const char *find_stop(const char *at, const char *end, unsigned set);
static inline const char *find_stop_escaped(const char *at, const char *end, unsigned set, bool *has_escapes);
static inline TsdbLineText text_from(const char *at, const char *end, bool has_escapes);
static const char *read_series(TsdbLineReader *reader, const char *at, const char *end);
static const char *read_tag(TsdbLineReader *reader, const char *at, const char *end);
static TsdbLineTag *add_tag(TsdbLineReader *reader);
static TsdbLineField *add_field(TsdbLineReader *reader);
static void *grow(const TsdbMem *mem, const void *items, uint32_t n, size_t item_bytes, uint32_t *capacity);
static bool has_duplicate_tags(TsdbLineReader *reader);
static bool has_duplicate_of_many(TsdbLineReader *reader);
static int compare_keys(TsdbLineText left, TsdbLineText right);
static int compare_tags(const void *left, const void *right);
static const char *read_fields(TsdbLineReader *reader, const char *at, const char *end);
static const char *read_field(TsdbLineReader *reader, const char *at, const char *end);
static const char *read_string(const char *at, const char *end, TsdbLineText *text);
static const char *read_number(TsdbLineReader *reader, const char *at, const char *end, TsdbLineField *field);
static const char *read_boolean(const char *at, const char *end, bool *value);
static inline bool is_number_start(char c);
static inline bool is_at_end(const char *at, const char *end);
static bool are_keys_short(TsdbLineReader *reader, size_t series_bytes);
static const char *fields_error(TsdbLineReader *reader, const char *at, const char *end);
static const char *equals_error(const char *fields, const char *at, const char *end);
static const char *value_error(TsdbLineReader *reader, const char **at, const char *end);
static bool read_time(TsdbLineReader *reader, const char *at, const char *end);
static bool scale_time(TsdbLineReader *reader, int64_t time);
static bool time_number_error(TsdbLineReader *reader, const char *at, size_t nbytes, TsdbNumberResult result);
static uint32_t unescape(TsdbLineText text, char *to, unsigned set);

bool
tsdb_precision_parse(const char *name, TsdbPrecision *precision)
{
	static const struct
	{
		const char *name;
		TsdbPrecision precision;
	} names[] = {
		{"", TSDB_PRECISION_NS},
		{"n", TSDB_PRECISION_NS},
		{"ns", TSDB_PRECISION_NS},
		{"u", TSDB_PRECISION_US},
		{"us", TSDB_PRECISION_US},
		{"ms", TSDB_PRECISION_MS},
		{"s", TSDB_PRECISION_S},
		{"m", TSDB_PRECISION_M},
		{"h", TSDB_PRECISION_H}};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strcmp(name != NULL ? name : "", names[i].name) == 0)
		{
			*precision = names[i].precision;
			return true;
		}
	return false;
}

uint32_t
tsdb_line_unescape_key(TsdbLineText text, char *to)
{
	return unescape(text, to, STOP_COMMA | STOP_BLANK | STOP_EQUALS);
}

uint32_t
tsdb_line_unescape_name(TsdbLineText text, char *to)
{
	return unescape(text, to, STOP_COMMA | STOP_BLANK | STOP_EQUALS | STOP_QUOTE);
}

uint32_t
tsdb_line_unescape_string(TsdbLineText text, char *to)
{
	return unescape(text, to, STOP_QUOTE | STOP_BACKSLASH);
}

void
tsdb_line_begin(TsdbLineReader *reader, const char *text, size_t nbytes, TsdbPrecision precision, const TsdbMem *mem)
{
	memset(reader, 0, sizeof(*reader));
	reader->at = nbytes > 0 ? text : "";
	reader->end = reader->at + nbytes;
	reader->quote = find_next(NULL, reader->at, reader->end, '"');
	reader->backslash = find_next(NULL, reader->at, reader->end, '\\');
	reader->precision = precision;
	reader->mem = mem;
}

TsdbLineResult
tsdb_line_next(TsdbLineReader *reader)
{
	const char *at;
	const char *end;
	size_t series_bytes;

	if (!next_line(reader))
		return TSDB_LINE_END;
	at = reader->line;
	end = at + reader->line_bytes;
	reader->error = NULL;
	reader->point.ntags = 0;
	reader->point.nfields = 0;

	at = read_series(reader, at, end);
	if (at == NULL)
		return TSDB_LINE_BAD;
	series_bytes = (size_t) (at - reader->line);
	at = read_fields(reader, skip_blanks(at, end), end);
	if (at == NULL || !are_keys_short(reader, series_bytes) || !read_time(reader, at, end))
		return TSDB_LINE_BAD;
	return TSDB_LINE_POINT;
}

// private functions

/* Cut the next line out: no blanks before it, no comment, not empty, no carriage return at its end. */
static bool
next_line(TsdbLineReader *reader)
{
	while (reader->at < reader->end)
	{
		const char *at = reader->at;
		const char *end = memchr(at, '\n', (size_t) (reader->end - at));
		const char *text_end;

		if (end == NULL)
			end = reader->end;
		at = skip_blanks(at, end);
		reader->quote = find_next(reader->quote, at, reader->end, '"');
		reader->backslash = find_next(reader->backslash, at, reader->end, '\\');
		/* A comment is one line, whatever is in it. */
		if (at < end && *at != '#' && (reader->quote < end || reader->backslash < end))
			end = find_line_end(reader->at, reader->end);
		reader->at = end < reader->end ? end + 1 : end;

		text_end = end > at && end[-1] == '\r' ? end - 1 : end;
		if (at == text_end || *at == '#')
			continue;
		reader->line = at;
		reader->line_bytes = (uint32_t) (text_end - at);
		return true;
	}
	return false;
}

/* The first c at or after `at`; `found` is what the last search gave. */
static const char *
find_next(const char *found, const char *at, const char *end, char c)
{
	if (found != NULL && found >= at)
		return found;
	found = at < end ? memchr(at, c, (size_t) (end - at)) : NULL;
	return found != NULL ? found : end;
}

/*
 * The newline that ends a line with quotes or backslashes, or `end`.
 *
 * A quote opens a string only behind a blank and where a value is: after more equals signs than commas.
 */
static const char *
find_line_end(const char *at, const char *end)
{
	bool is_quoted = false;
	bool is_in_fields = false;
	int64_t open_values = 0; /* equals signs less commas */

	for (;; at++)
	{
		at = find_stop(at, end, is_quoted ? STOP_QUOTE | STOP_BACKSLASH : ~0u);
		if (at == end)
			return end;
		switch (*at)
		{
			case '\\':
				at += at + 2 < end;
				break;
			case ' ':
				is_in_fields = true;
				break;
			case '=':
				open_values += is_in_fields;
				break;
			case ',':
				open_values -= is_in_fields;
				break;
			case '"':
				is_quoted ^= is_in_fields && open_values > 0;
				break;
			default:
				return at; /* a newline */
		}
	}
}

static const char *
skip_blanks(const char *at, const char *end)
{
	while (at < end && (*at == ' ' || *at == '\t' || *at == '\0'))
		at++;
	return at;
}

/* The first character of a set, or `end`. */
static inline const char *
find_stop(const char *at, const char *end, unsigned set)
{
	while (at < end && (stops[(uint8_t) *at] & set) == 0)
		at++;
	return at;
}

/* The first one that has no backslash before it. */
static inline const char *
find_stop_escaped(const char *at, const char *end, unsigned set, bool *has_escapes)
{
	*has_escapes = false;
	for (;;)
	{
		at = find_stop(at, end, set | STOP_BACKSLASH);
		if (at == end || *at != '\\')
			return at;
		*has_escapes = true;
		at++;
		if (at < end && *at != '\\')
			at++;
	}
}

static inline TsdbLineText
text_from(const char *at, const char *end, bool has_escapes)
{
	TsdbLineText text;

	text.at = at;
	text.nbytes = (uint32_t) (end - at);
	text.has_escapes = has_escapes;
	return text;
}

/* Measurement and tags; returns the blank behind them. */
static const char *
read_series(TsdbLineReader *reader, const char *at, const char *end)
{
	bool has_escapes;
	const char *stop;

	if (*at == ',')
	{
		reader->error = "missing measurement";
		return NULL;
	}
	stop = find_stop_escaped(at, end, STOP_COMMA | STOP_BLANK, &has_escapes);
	reader->point.measurement = text_from(at, stop, has_escapes);
	while (stop != NULL && stop < end && *stop == ',')
		stop = read_tag(reader, stop + 1, end);
	if (stop == NULL)
		return NULL;
	if (stop == end)
		reader->error = "missing fields";
	else if (has_duplicate_tags(reader))
		reader->error = "duplicate tags";
	else if (stop - at > TSDB_LINE_MAX_KEY)
	{
		snprintf(reader->error_text, TSDB_LINE_ERROR_BYTES, "max key length exceeded: %td > %d", stop - at, TSDB_LINE_MAX_KEY);
		reader->error = reader->error_text;
	}
	return reader->error == NULL ? stop : NULL;
}

/* One tag; returns the comma or blank behind it, or `end`. */
static const char *
read_tag(TsdbLineReader *reader, const char *at, const char *end)
{
	TsdbLineTag *tag = add_tag(reader);
	bool has_escapes;
	const char *stop;

	if (at == end || (stops[(uint8_t) *at] & (STOP_COMMA | STOP_BLANK | STOP_EQUALS)) != 0)
	{
		reader->error = "missing tag key";
		return NULL;
	}
	stop = find_stop_escaped(at, end, STOP_COMMA | STOP_BLANK | STOP_EQUALS, &has_escapes);
	tag->key = text_from(at, stop, has_escapes);
	at = stop + 1;
	if (stop == end || *stop != '=' || at == end || *at == ',' || *at == ' ')
	{
		reader->error = "missing tag value";
		return NULL;
	}
	/* The first character of a value may be an equals sign. */
	stop = find_stop_escaped(at + (*at == '='), end, STOP_COMMA | STOP_BLANK | STOP_EQUALS, &has_escapes);
	tag->value = text_from(at, stop, has_escapes);
	if (stop < end && *stop == '=')
	{
		reader->error = "invalid tag format";
		return NULL;
	}
	return stop;
}

static TsdbLineTag *
add_tag(TsdbLineReader *reader)
{
	TsdbLinePoint *point = &reader->point;

	if (point->ntags == reader->tags_capacity)
		point->tags = grow(reader->mem, point->tags, point->ntags, sizeof(TsdbLineTag), &reader->tags_capacity);
	return &point->tags[point->ntags++];
}

static TsdbLineField *
add_field(TsdbLineReader *reader)
{
	TsdbLinePoint *point = &reader->point;

	if (point->nfields == reader->fields_capacity)
		point->fields = grow(reader->mem, point->fields, point->nfields, sizeof(TsdbLineField), &reader->fields_capacity);
	return &point->fields[point->nfields++];
}

/* A copy of n items with room for as many more. */
static void *
grow(const TsdbMem *mem, const void *items, uint32_t n, size_t item_bytes, uint32_t *capacity)
{
	void *grown;

	*capacity = n > 0 ? 2 * n : FIRST_CAPACITY;
	grown = tsdb_mem_alloc(mem, *capacity * item_bytes);
	if (n > 0)
		memcpy(grown, items, n * item_bytes);
	return grown;
}

/* Two tags whose keys are written alike. */
static bool
has_duplicate_tags(TsdbLineReader *reader)
{
	const TsdbLinePoint *point = &reader->point;
	uint32_t sorted = 1;

	while (sorted < point->ntags && compare_keys(point->tags[sorted - 1].key, point->tags[sorted].key) < 0)
		sorted++;
	if (sorted >= point->ntags)
		return false;
	if (point->ntags > FEW_TAGS)
		return has_duplicate_of_many(reader);
	for (uint32_t i = sorted; i < point->ntags; i++)
		for (uint32_t j = 0; j < i; j++)
			if (compare_keys(point->tags[i].key, point->tags[j].key) == 0)
				return true;
	return false;
}

static bool
has_duplicate_of_many(TsdbLineReader *reader)
{
	const TsdbLinePoint *point = &reader->point;

	if (reader->sorted_capacity < reader->tags_capacity)
	{
		reader->sorted = tsdb_mem_alloc(reader->mem, reader->tags_capacity * sizeof(TsdbLineTag));
		reader->sorted_capacity = reader->tags_capacity;
	}
	memcpy(reader->sorted, point->tags, point->ntags * sizeof(TsdbLineTag));
	qsort(reader->sorted, point->ntags, sizeof(TsdbLineTag), compare_tags);
	for (uint32_t i = 1; i < point->ntags; i++)
		if (compare_keys(reader->sorted[i - 1].key, reader->sorted[i].key) == 0)
			return true;
	return false;
}

static int
compare_keys(TsdbLineText left, TsdbLineText right)
{
	uint32_t shorter = left.nbytes < right.nbytes ? left.nbytes : right.nbytes;
	int order = memcmp(left.at, right.at, shorter);

	return order != 0 ? order : left.nbytes > right.nbytes ? 1
							: left.nbytes < right.nbytes   ? -1
														   : 0;
}

static int
compare_tags(const void *left, const void *right)
{
	return compare_keys(((const TsdbLineTag *) left)->key, ((const TsdbLineTag *) right)->key);
}

/* All fields; returns the blank behind them, or `end`. */
static const char *
read_fields(TsdbLineReader *reader, const char *at, const char *end)
{
	const char *fields = at;

	for (;;)
	{
		at = read_field(reader, at, end);
		if (at == NULL)
		{
			reader->error = fields_error(reader, fields, end);
			return NULL;
		}
		if (at == end || *at == ' ')
			return at;
		at++;
	}
}

/* One field; returns the comma or blank behind it, `end`, or NULL if it can't be read. */
static const char *
read_field(TsdbLineReader *reader, const char *at, const char *end)
{
	TsdbLineField *field = add_field(reader);
	bool has_escapes;
	const char *stop = find_stop_escaped(at, end, STOP_COMMA | STOP_BLANK | STOP_EQUALS, &has_escapes);

	if (stop == at || end - stop < 2 || *stop != '=')
		return NULL;
	/* Here the two rules about backslashes must agree. */
	if (has_escapes)
		for (const char *c = at; c < stop; c++)
			if (*c == '\\' && ++c < stop && *c == '\\')
				return NULL;
	field->key = text_from(at, stop, has_escapes);
	at = stop + 1;
	if (is_number_start(*at))
		return read_number(reader, at, end, field);
	if (*at == '"')
	{
		field->type = TSDB_FIELD_STRING;
		return read_string(at + 1, end, &field->value.string);
	}
	field->type = TSDB_FIELD_BOOLEAN;
	return read_boolean(at, end, &field->value.boolean);
}

/* From behind the first quote; a backslash takes the next character along. */
static const char *
read_string(const char *at, const char *end, TsdbLineText *text)
{
	const char *start = at;
	bool has_escapes = false;

	for (;;)
	{
		at = find_stop(at, end, STOP_QUOTE | STOP_BACKSLASH);
		if (at == end)
			return NULL;
		if (*at == '"')
			break;
		has_escapes = true;
		at += 1 + (at + 1 < end);
	}
	*text = text_from(start, at, has_escapes);
	return is_at_end(at + 1, end) ? at + 1 : NULL;
}

static const char *
read_number(TsdbLineReader *reader, const char *at, const char *end, TsdbLineField *field)
{
	TsdbLineNumber number;
	TsdbNumberResult result;

	if (!tsdb_linenumber_scan(at, end, &number))
		return NULL;
	if (number.suffix == '\0')
	{
		field->type = TSDB_FIELD_FLOAT;
		result = tsdb_linenumber_float(&number, &field->value.real);
	}
	else
	{
		field->type = TSDB_FIELD_INTEGER;
		result = tsdb_linenumber_integer(&number, &field->value.integer);
	}
	return result == TSDB_NUMBER_OK ? number.end : NULL;
}

static const char *
read_boolean(const char *at, const char *end, bool *value)
{
	static const char *const spellings[] = {"t", "T", "true", "True", "TRUE", "f", "F", "false", "False", "FALSE"};
	const char *stop = find_stop(at, end, STOP_COMMA | STOP_BLANK);
	size_t nbytes = (size_t) (stop - at);

	for (size_t i = 0; i < sizeof(spellings) / sizeof(spellings[0]); i++)
		if (strlen(spellings[i]) == nbytes && memcmp(spellings[i], at, nbytes) == 0)
		{
			*value = *at == 't' || *at == 'T';
			return stop;
		}
	return NULL;
}

/* An n or N is no number, but InfluxDB calls it an invalid one. */
static inline bool
is_number_start(char c)
{
	return (unsigned char) (c - '0') <= 9 || c == '-' || c == '.' || c == 'n' || c == 'N';
}

static inline bool
is_at_end(const char *at, const char *end)
{
	return at == end || *at == ',' || *at == ' ';
}

static bool
are_keys_short(TsdbLineReader *reader, size_t series_bytes)
{
	const TsdbLinePoint *point = &reader->point;

	if (reader->line_bytes + KEY_EXTRA <= TSDB_LINE_MAX_KEY)
		return true;
	for (uint32_t i = 0; i < point->nfields; i++)
	{
		size_t nbytes = series_bytes + KEY_EXTRA + point->fields[i].key.nbytes;

		if (nbytes > TSDB_LINE_MAX_KEY)
		{
			snprintf(reader->error_text, TSDB_LINE_ERROR_BYTES, "max key length exceeded: %zu > %d", nbytes, TSDB_LINE_MAX_KEY);
			reader->error = reader->error_text;
			return false;
		}
	}
	return true;
}

/*
 * Why fields can't be read, in InfluxDB's words.
 *
 * It goes from equals sign to equals sign and looks at what is around each; commas it only counts.
 */
static const char *
fields_error(TsdbLineReader *reader, const char *at, const char *end)
{
	const char *fields = at;
	bool is_quoted = false;
	int64_t equals = 0;
	int64_t commas = 0;

	for (; at < end && (is_quoted || *at != ' '); at++)
	{
		if (*at == '\\' && at + 1 < end)
			at++;
		else if (*at == '"' && equals > commas)
			is_quoted = !is_quoted;
		else if (*at == ',' && !is_quoted)
			commas++;
		else if (*at == '=' && !is_quoted)
		{
			const char *error = equals_error(fields, at, end);

			equals++;
			if (error != NULL)
				return error;
			if (at[1] == '"')
				continue;
			at++;
			error = value_error(reader, &at, end);
			if (error != NULL)
				return error;
			at--;
		}
	}
	return is_quoted ? "unbalanced quotes" : "invalid field format";
}

/* What is wrong beside an equals sign. */
static const char *
equals_error(const char *fields, const char *at, const char *end)
{
	/* The first field has a blank before it that is not escaped, or the series would not have ended. */
	if (at == fields)
		return "missing field key";
	if ((at[-1] == ' ' || at[-1] == ',') && (at - 1 == fields || at[-2] != '\\'))
		return "missing field key";
	if (at + 1 == end || at[1] == ',' || at[1] == ' ')
		return "missing field value";
	return NULL;
}

/* What is wrong with a number or boolean; moves *at to the comma or blank behind a good one. */
static const char *
value_error(TsdbLineReader *reader, const char **at, const char *end)
{
	TsdbLineNumber number;
	double real;
	int64_t integer;
	bool boolean;
	const char *stop;
	int nbytes;

	if (!is_number_start(**at))
	{
		stop = read_boolean(*at, end, &boolean);
		if (stop == NULL)
			return "invalid boolean";
		*at = stop;
		return NULL;
	}
	if (!tsdb_linenumber_scan(*at, end, &number))
		return "invalid number";
	*at = number.end;
	if (number.suffix == '\0')
		return tsdb_linenumber_float(&number, &real) == TSDB_NUMBER_OK ? NULL : "invalid float";
	switch (tsdb_linenumber_integer(&number, &integer))
	{
		case TSDB_NUMBER_OK:
			return NULL;
		case TSDB_NUMBER_INVALID:
			return "invalid number";
		case TSDB_NUMBER_TOO_LARGE:
			break;
	}
	/* A number without its suffix; InfluxDB repeats all of it, however long. */
	nbytes = number.end - number.at - 1 < SHOWN_BYTES ? (int) (number.end - number.at - 1) : SHOWN_BYTES;
	snprintf(reader->error_text, TSDB_LINE_ERROR_BYTES, "unable to parse %s %.*s: strconv.ParseInt: parsing \"%.*s\": value out of range",
			 number.suffix == 'i' ? "integer" : "unsigned", nbytes, number.at, nbytes, number.at);
	return reader->error_text;
}

/* The time, if there is one, and nothing but blanks behind it. */
static bool
read_time(TsdbLineReader *reader, const char *at, const char *end)
{
	const char *start = skip_blanks(at, end);
	TsdbNumberResult result;
	int64_t time;
	size_t nbytes;

	reader->point.has_time = start < end;
	reader->point.unix_us = 0;
	if (start == end)
		return true;
	for (at = start + (*start == '-'); at < end && *at != ' ' && *at != '\n'; at++)
		if ((unsigned char) (*at - '0') > 9)
		{
			reader->error = "bad timestamp";
			return false;
		}
	nbytes = (size_t) (at - start);
	/* A newline that is escaped comes first: as if there were no time. */
	result = tsdb_linenumber_time(start, nbytes, &time);
	if (result != TSDB_NUMBER_OK)
		return time_number_error(reader, start, nbytes, result);
	if (!scale_time(reader, time))
		return false;
	while (at < end && *at == ' ')
		at++;
	if (at < end)
		reader->error = "point is invalid";
	return at == end;
}

/* In units of the precision -> microseconds; the range is that of nanoseconds in an int64. */
static bool
scale_time(TsdbLineReader *reader, int64_t time)
{
	static const int64_t ns_per_unit[] = {
		[TSDB_PRECISION_NS] = 1,
		[TSDB_PRECISION_US] = 1000,
		[TSDB_PRECISION_MS] = 1000000,
		[TSDB_PRECISION_S] = 1000000000,
		[TSDB_PRECISION_M] = INT64_C(60000000000),
		[TSDB_PRECISION_H] = INT64_C(3600000000000)};
	int64_t ns;

	if (__builtin_mul_overflow(time, ns_per_unit[reader->precision], &ns) || ns < MIN_NS || ns > MAX_NS)
	{
		snprintf(reader->error_text, TSDB_LINE_ERROR_BYTES, "time outside range %" PRId64 " - %" PRId64, MIN_NS, MAX_NS);
		reader->error = reader->error_text;
		return false;
	}
	reader->point.unix_us = ns / 1000 - (ns % 1000 < 0);
	return true;
}

static bool
time_number_error(TsdbLineReader *reader, const char *at, size_t nbytes, TsdbNumberResult result)
{
	snprintf(reader->error_text, TSDB_LINE_ERROR_BYTES, "strconv.ParseInt: parsing \"%.*s\": %s",
			 nbytes < SHOWN_BYTES ? (int) nbytes : SHOWN_BYTES, at,
			 result == TSDB_NUMBER_TOO_LARGE ? "value out of range" : "invalid syntax");
	reader->error = reader->error_text;
	return false;
}

/* Leave out backslashes before characters of a set. */
static uint32_t
unescape(TsdbLineText text, char *to, unsigned set)
{
	char *start = to;

	for (uint32_t i = 0; i < text.nbytes; i++)
	{
		if (text.at[i] == '\\' && i + 1 < text.nbytes && (stops[(uint8_t) text.at[i + 1]] & set) != 0)
			i++;
		*to++ = text.at[i];
	}
	return (uint32_t) (to - start);
}
