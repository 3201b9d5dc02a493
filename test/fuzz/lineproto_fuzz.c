/*-------------------------------------------------------------------------
 *
 * lineproto_fuzz.c
 *	  libFuzzer target of line protocol.
 *
 * Input: precision u8, then the text.  Aborts when a slice lies outside of its
 * line, when an error is missing or too long, when reading does not come to
 * an end, and when a point that is written as a line again reads as another
 * point.
 *-------------------------------------------------------------------------
 */
#include "proto/lineproto.h"
#include "tap.h"

#define MAX_NUMBER 40 /* bytes of a number as it is written here */

static Arena arena;
static const TsdbMem mem = {arena_alloc, &arena};

extern int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t nbytes);

static void check(bool condition);
static void check_point(const TsdbLineReader *reader);
static void check_text(const TsdbLineReader *reader, TsdbLineText text);
static void check_again(const char *text, const TsdbLineReader *reader);
static void write_text(TsdbBytes *out, TsdbLineText text);
static void write_value(TsdbBytes *out, const TsdbLineField *field);
static bool is_same_text(TsdbLineText left, TsdbLineText right);
static bool is_same_value(const TsdbLineField *left, const TsdbLineField *right);

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t nbytes)
{
	TsdbLineReader reader;
	TsdbLineResult result;
	size_t nlines = 0;
	uint8_t *copy;

	if (nbytes == 0)
		return 0;
	copy = exact_copy(&mem, bytes + 1, nbytes - 1);
	tsdb_line_begin(&reader, (char *) copy, nbytes - 1, (TsdbPrecision) (bytes[0] % (TSDB_PRECISION_H + 1)), &mem);
	while ((result = tsdb_line_next(&reader)) != TSDB_LINE_END)
	{
		check(++nlines < nbytes);
		check(reader.line_bytes > 0 && (uint8_t *) reader.line >= copy && (uint8_t *) reader.line + reader.line_bytes <= copy + nbytes - 1);
		if (result == TSDB_LINE_BAD)
			check(reader.error != NULL && reader.error[0] != '\0' && strlen(reader.error) < TSDB_LINE_ERROR_BYTES);
		else
		{
			check(reader.error == NULL);
			check_point(&reader);
			check_again((char *) copy, &reader);
		}
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
check_point(const TsdbLineReader *reader)
{
	const TsdbLinePoint *point = &reader->point;

	check(point->nfields > 0);
	check(point->has_time || point->unix_us == 0);
	check_text(reader, point->measurement);
	for (uint32_t i = 0; i < point->ntags; i++)
	{
		check_text(reader, point->tags[i].key);
		check_text(reader, point->tags[i].value);
		for (uint32_t j = 0; j < i && i < 50; j++)
			check(!is_same_text(point->tags[i].key, point->tags[j].key));
	}
	for (uint32_t i = 0; i < point->nfields; i++)
	{
		const TsdbLineField *field = &point->fields[i];

		check_text(reader, field->key);
		if (field->type == TSDB_FIELD_STRING && field->value.string.nbytes > 0)
			check_text(reader, field->value.string);
		if (field->type == TSDB_FIELD_FLOAT)
			check(field->value.real - field->value.real == 0);
	}
}

/* Inside of the line, not empty, and no longer when it is unescaped. */
static void
check_text(const TsdbLineReader *reader, TsdbLineText text)
{
	char *to = tsdb_mem_alloc(&mem, text.nbytes);

	check(text.nbytes > 0 && text.at >= reader->line && text.at + text.nbytes <= reader->line + reader->line_bytes);
	check(text.has_escapes == (memchr(text.at, '\\', text.nbytes) != NULL));
	check(tsdb_line_unescape_key(text, to) <= text.nbytes);
	check(tsdb_line_unescape_name(text, to) <= text.nbytes);
	check(tsdb_line_unescape_string(text, to) <= text.nbytes);
}

/*
 * As a line with its time in microseconds, and the blanks before it: behind one, a quote in
 * the series counts where lines are cut.
 */
static void
check_again(const char *text, const TsdbLineReader *reader)
{
	const TsdbLinePoint *point = &reader->point;
	const char *start = reader->line;
	TsdbLineReader again;
	TsdbBytes out;

	tsdb_bytes_init(&out, &mem);
	while (start > text && (start[-1] == ' ' || start[-1] == '\t' || start[-1] == '\0'))
		start--;
	tsdb_bytes_append(&out, start, (size_t) (reader->line - start));
	write_text(&out, point->measurement);
	for (uint32_t i = 0; i < point->ntags; i++)
	{
		tsdb_bytes_append_u8(&out, ',');
		write_text(&out, point->tags[i].key);
		tsdb_bytes_append_u8(&out, '=');
		write_text(&out, point->tags[i].value);
	}
	for (uint32_t i = 0; i < point->nfields; i++)
	{
		tsdb_bytes_append_u8(&out, i == 0 ? ' ' : ',');
		write_text(&out, point->fields[i].key);
		tsdb_bytes_append_u8(&out, '=');
		write_value(&out, &point->fields[i]);
	}
	if (point->has_time)
		out.len += (size_t) sprintf((char *) tsdb_bytes_reserve(&out, MAX_NUMBER), " %lld", (long long) point->unix_us);

	tsdb_line_begin(&again, (char *) out.data, out.len, TSDB_PRECISION_US, &mem);
	/* The first and last microsecond are out of the range of nanoseconds, in part. */
	if (tsdb_line_next(&again) == TSDB_LINE_BAD)
	{
		check(strncmp(again.error, "time outside range", 18) == 0);
		return;
	}
	check(again.point.ntags == point->ntags && again.point.nfields == point->nfields);
	check(again.point.has_time == point->has_time && again.point.unix_us == point->unix_us);
	check(is_same_text(again.point.measurement, point->measurement));
	for (uint32_t i = 0; i < point->ntags; i++)
		check(is_same_text(again.point.tags[i].key, point->tags[i].key) && is_same_text(again.point.tags[i].value, point->tags[i].value));
	for (uint32_t i = 0; i < point->nfields; i++)
		check(is_same_text(again.point.fields[i].key, point->fields[i].key) && is_same_value(&again.point.fields[i], &point->fields[i]));
	check(tsdb_line_next(&again) == TSDB_LINE_END);
}

static void
write_text(TsdbBytes *out, TsdbLineText text)
{
	tsdb_bytes_append(out, text.at, text.nbytes);
}

static void
write_value(TsdbBytes *out, const TsdbLineField *field)
{
	char *to;

	switch (field->type)
	{
		case TSDB_FIELD_FLOAT:
			to = (char *) tsdb_bytes_reserve(out, MAX_NUMBER);
			out->len += (size_t) sprintf(to, "%.17g", field->value.real);
			break;
		case TSDB_FIELD_INTEGER:
			to = (char *) tsdb_bytes_reserve(out, MAX_NUMBER);
			out->len += (size_t) sprintf(to, "%lldi", (long long) field->value.integer);
			break;
		case TSDB_FIELD_BOOLEAN:
			tsdb_bytes_append_u8(out, field->value.boolean ? 't' : 'f');
			break;
		case TSDB_FIELD_STRING:
			tsdb_bytes_append_u8(out, '"');
			write_text(out, field->value.string);
			tsdb_bytes_append_u8(out, '"');
			break;
	}
}

static bool
is_same_text(TsdbLineText left, TsdbLineText right)
{
	return left.nbytes == right.nbytes && left.has_escapes == right.has_escapes && memcmp(left.at, right.at, left.nbytes) == 0;
}

static bool
is_same_value(const TsdbLineField *left, const TsdbLineField *right)
{
	if (left->type != right->type)
		return false;
	switch (left->type)
	{
		case TSDB_FIELD_FLOAT:
			return memcmp(&left->value.real, &right->value.real, sizeof(double)) == 0;
		case TSDB_FIELD_INTEGER:
			return left->value.integer == right->value.integer;
		case TSDB_FIELD_BOOLEAN:
			return left->value.boolean == right->value.boolean;
		case TSDB_FIELD_STRING:
			return is_same_text(left->value.string, right->value.string);
	}
	return false;
}
