/*-------------------------------------------------------------------------
 *
 * lineproto_test.c
 *	  Line protocol: the recorded answers of InfluxDB, lines of a text, numbers.
 *-------------------------------------------------------------------------
 */
#include <math.h>

#include "proto/linenumber.h"
#include "proto/lineproto.h"
#include "tap.h"

#define CASES "test/data/lineproto.txt"
#define MAX_CASE 4096

static Arena arena;
static const TsdbMem mem = {arena_alloc, &arena};

static void test_cases(void);
static void test_case(char *line);
static size_t unescape_case(char *text);
static void answer(const char *text, size_t nbytes, char *to);
static char *append_escaped(char *to, const char *from, size_t nbytes);
static void render(TsdbLinePoint *point, char *to);
static int compare_tags(const void *left, const void *right);
static int compare_fields(const void *left, const void *right);
static int compare_texts(TsdbLineText left, TsdbLineText right);
static char *append_text(char *to, TsdbLineText text, uint32_t (*unescape)(TsdbLineText, char *));
static void test_lines(void);
static bool reads_as(const char *text, const char *expected);
static bool reads_as_bytes(const char *text, size_t nbytes, const char *expected);
static void test_times(void);
static int64_t time_of(const char *line, TsdbPrecision precision);
static const char *error_of(const char *line, TsdbPrecision precision);
static void test_precisions(void);
static void test_unsigned(void);
static void test_lengths(void);
static char *repeat(const char *piece, uint32_t n, const char *tail);
static void test_many(void);
static void test_floats(void);
static bool reads_like_strtod(const char *text);
static void test_truncation(void);

int
main(void)
{
	test_cases();
	test_lines();
	test_times();
	test_precisions();
	test_unsigned();
	test_lengths();
	test_many();
	test_floats();
	test_truncation();
	arena_reset(&arena);
	return done();
}

// private functions

static void
test_cases(void)
{
	FILE *file = fopen(CASES, "r");
	char line[MAX_CASE];

	if (!ok(file != NULL, "%s is there", CASES))
		return;
	while (fgets(line, sizeof(line), file) != NULL)
	{
		line[strcspn(line, "\n")] = '\0';
		if (line[0] != '#' && line[0] != '\0')
			test_case(line);
	}
	fclose(file);
}

/* text, answer of InfluxDB, perhaps ours. */
static void
test_case(char *line)
{
	char shown[MAX_CASE];
	char got[4 * MAX_CASE];
	char *expected = strchr(line, '\t');
	char *ours;
	size_t nbytes;

	if (!ok(expected != NULL, "a case has an answer: %s", line))
		return;
	*expected++ = '\0';
	ours = strchr(expected, '\t');
	if (ours != NULL)
		expected = ours + 1;
	snprintf(shown, sizeof(shown), "%s", line);
	nbytes = unescape_case(line);
	answer(line, nbytes, got);
	if (!ok(strcmp(got, expected) == 0, "%s", shown))
		printf("# got      %s\n# expected %s\n", got, expected);
}

static size_t
unescape_case(char *text)
{
	static const char letters[] = "ntr0\\";
	static const char meant[] = "\n\t\r\0\\";
	char *to = text;

	for (const char *from = text; *from != '\0'; from++)
	{
		if (*from == '\\')
			*to++ = meant[strchr(letters, *++from) - letters];
		else
			*to++ = *from;
	}
	return (size_t) (to - text);
}

/* The first line's point or error, written as in the file. */
static void
answer(const char *text, size_t nbytes, char *to)
{
	uint8_t *copy = exact_copy(&mem, text, nbytes);
	char plain[2 * MAX_CASE];
	TsdbLineReader reader;

	tsdb_line_begin(&reader, (char *) copy, nbytes, TSDB_PRECISION_NS, &mem);
	switch (tsdb_line_next(&reader))
	{
		case TSDB_LINE_POINT:
			render(&reader.point, plain);
			break;
		case TSDB_LINE_BAD:
			snprintf(plain, sizeof(plain), "! %s", reader.error);
			break;
		case TSDB_LINE_END:
			snprintf(plain, sizeof(plain), "nothing");
			break;
	}
	*append_escaped(to, plain, strlen(plain)) = '\0';
	arena_reset(&arena);
}

static char *
append_escaped(char *to, const char *from, size_t nbytes)
{
	static const char letters[] = "ntr\\";
	static const char meant[] = "\n\t\r\\";

	for (size_t i = 0; i < nbytes; i++)
	{
		const char *found = strchr(meant, from[i]);

		if (found != NULL)
		{
			*to++ = '\\';
			*to++ = letters[found - meant];
		}
		else
			*to++ = from[i];
	}
	return to;
}

/* measurement{tag=value ...} field:type=value ... @time */
static void
render(TsdbLinePoint *point, char *to)
{
	to = append_text(to, point->measurement, tsdb_line_unescape_name);
	*to++ = '{';
	if (point->ntags > 0)
		qsort(point->tags, point->ntags, sizeof(TsdbLineTag), compare_tags);
	for (uint32_t i = 0; i < point->ntags; i++)
	{
		to = append_text(to, point->tags[i].key, tsdb_line_unescape_key);
		*to++ = '=';
		to = append_text(to, point->tags[i].value, tsdb_line_unescape_key);
		*to++ = i + 1 < point->ntags ? ' ' : '}';
	}
	if (point->ntags == 0)
		*to++ = '}';
	/* Of two with one key the later counts: stable, since they are compared by place too. */
	qsort(point->fields, point->nfields, sizeof(TsdbLineField), compare_fields);
	for (uint32_t i = 0; i < point->nfields; i++)
	{
		const TsdbLineField *field = &point->fields[i];

		if (i + 1 < point->nfields && compare_texts(field->key, point->fields[i + 1].key) == 0)
			continue;
		*to++ = ' ';
		to = append_text(to, field->key, tsdb_line_unescape_name);
		switch (field->type)
		{
			case TSDB_FIELD_FLOAT:
				to += sprintf(to, ":float=%.17g", field->value.real);
				break;
			case TSDB_FIELD_INTEGER:
				to += sprintf(to, ":integer=%lld", (long long) field->value.integer);
				break;
			case TSDB_FIELD_BOOLEAN:
				to += sprintf(to, ":boolean=%s", field->value.boolean ? "true" : "false");
				break;
			case TSDB_FIELD_STRING:
				to += sprintf(to, ":string=");
				to = append_text(to, field->value.string, tsdb_line_unescape_string);
				break;
		}
	}
	if (point->has_time)
		to += sprintf(to, " @%lld", (long long) point->unix_us);
	*to = '\0';
}

static int
compare_tags(const void *left, const void *right)
{
	return compare_texts(((const TsdbLineTag *) left)->key, ((const TsdbLineTag *) right)->key);
}

static int
compare_fields(const void *left, const void *right)
{
	TsdbLineText a = ((const TsdbLineField *) left)->key;
	TsdbLineText b = ((const TsdbLineField *) right)->key;
	int order = compare_texts(a, b);

	return order != 0 ? order : a.at < b.at ? -1
											: 1;
}

static int
compare_texts(TsdbLineText left, TsdbLineText right)
{
	uint32_t shorter = left.nbytes < right.nbytes ? left.nbytes : right.nbytes;
	int order = memcmp(left.at, right.at, shorter);

	return order != 0 ? order : (int) left.nbytes - (int) right.nbytes;
}

static char *
append_text(char *to, TsdbLineText text, uint32_t (*unescape)(TsdbLineText, char *))
{
	if (text.has_escapes)
		return to + unescape(text, to);
	memcpy(to, text.at, text.nbytes);
	return to + text.nbytes;
}

static void
test_lines(void)
{
	ok(reads_as("", ""), "nothing in an empty text");
	ok(reads_as("\n\n \n\t\n\r\n  \r\n", ""), "blank lines are passed over");
	ok(reads_as("# a comment\n  # another\nm v=1 1\n", "m{} v:float=1 @0;"), "comments are passed over");
	ok(reads_as("# say=\"hi\nm v=1 1\n# \\\nm w=2 1", "m{} v:float=1 @0;m{} w:float=2 @0;"), "a comment is one line, whatever quotes are in it");
	ok(reads_as("m v=1\r\nm v=2 2000\r\nm v=3 3000\r", "m{} v:float=1;m{} v:float=2 @2;m{} v:float=3 @3;"), "lines end with CR LF too");
	ok(reads_as("m v=1\nm v=2\n\nm v=3", "m{} v:float=1;m{} v:float=2;m{} v:float=3;"), "the last line needs no newline");
	ok(reads_as("bad\nm v=1\nm v=x\nm v=2", "!bad missing fields;m{} v:float=1;!m v=x invalid boolean;m{} v:float=2;"), "a bad line does not spoil the others");
	ok(reads_as("m s=\"one\ntwo\" 1000\nm v=2", "m{} s:string=one\ntwo @1;m{} v:float=2;"), "a string has two lines");
	ok(reads_as("m s=\"one\r\ntwo\" 1000\r\nm v=2", "m{} s:string=one\r\ntwo @1;m{} v:float=2;"), "a string keeps its carriage returns");
	ok(reads_as("m s=\"a\\\"\nb\"\nm v=2", "m{} s:string=a\"\nb;m{} v:float=2;"), "an escaped quote does not close a string");
	ok(reads_as("m s=\"a\\\\\"\nm v=2", "m{} s:string=a\\;m{} v:float=2;"), "an escaped backslash before the quote does not keep it open");
	ok(reads_as("m s=\"open\nm v=2", "!m s=\"open\nm v=2 unbalanced quotes;"), "a string that stays open takes the rest");
	ok(reads_as("m,t=\"x v=1\nm v=2", "m{t=\"x} v:float=1;m{} v:float=2;"), "a quote in a tag opens nothing");
	ok(reads_as("m \"a=1\nm v=2", "m{} \"a:float=1;m{} v:float=2;"), "a quote in a field key opens nothing");
	ok(reads_as("m a=1,\"b=1\nm v=2", "m{} \"b:float=1 a:float=1;m{} v:float=2;"), "nor in the second one");
	ok(reads_as("a v=1,s=\"x\"\nb v=1,s=\"y,z=\"\nc v=1", "a{} s:string=x v:float=1;b{} s:string=y,z= v:float=1;c{} v:float=1;"), "strings in several lines");
	ok(reads_as("m\\\nn v=1", "m\\\nn{} v:float=1;"), "an escaped newline belongs to the line");
	ok(reads_as("m v=1\\\n", "!m v=1\\ invalid number;"), "a backslash at the end of the text escapes nothing");
	ok(reads_as_bytes("\0 m v=1\0", 9, "!m v=1 invalid number;"), "a NUL is a blank before a line, no part of a number");
	ok(reads_as("m v=1,v=2i", "m{} v:integer=2;"), "of two fields with one key the later is the last");
	ok(reads_as(" cpu,host=cli value=9 1596240100000000000", "cpu{host=cli} value:float=9 @1596240100000000;"), "the influx shell puts a blank first");
}

/* Every result of a text, each with a semicolon: a point, or ! line error. */
static bool
reads_as(const char *text, const char *expected)
{
	return reads_as_bytes(text, strlen(text), expected);
}

static bool
reads_as_bytes(const char *text, size_t nbytes, const char *expected)
{
	uint8_t *copy = exact_copy(&mem, text, nbytes);
	char got[MAX_CASE];
	char *to = got;
	TsdbLineReader reader;
	TsdbLineResult result;

	*to = '\0';
	tsdb_line_begin(&reader, (char *) copy, nbytes, TSDB_PRECISION_NS, &mem);
	while ((result = tsdb_line_next(&reader)) != TSDB_LINE_END)
	{
		if (result == TSDB_LINE_POINT)
			render(&reader.point, to);
		else
			sprintf(to, "!%.*s %s", (int) reader.line_bytes, reader.line, reader.error);
		strcat(to, ";");
		to += strlen(to);
	}
	arena_reset(&arena);
	if (strcmp(got, expected) != 0)
		printf("# got      %s\n# expected %s\n", got, expected);
	return strcmp(got, expected) == 0;
}

static void
test_times(void)
{
	/* Each as InfluxDB answers it. */
	static const struct
	{
		TsdbPrecision precision;
		int64_t time;
	} last[] = {
		{TSDB_PRECISION_US, INT64_C(9223372036854775)},
		{TSDB_PRECISION_MS, INT64_C(9223372036854)},
		{TSDB_PRECISION_M, 153722867},
		{TSDB_PRECISION_H, 2562047}};

	ok(time_of("m v=1 1999", TSDB_PRECISION_NS) == 1, "nanoseconds are cut off");
	ok(time_of("m v=1 -1", TSDB_PRECISION_NS) == -1, "before 1970: floor");
	ok(time_of("m v=1 -1000", TSDB_PRECISION_NS) == -1 && time_of("m v=1 -1001", TSDB_PRECISION_NS) == -2, "floor only where there is a rest");
	ok(time_of("m v=1 -7", TSDB_PRECISION_US) == -7, "microseconds");
	ok(time_of("m v=1 1596240000000", TSDB_PRECISION_MS) == INT64_C(1596240000000000), "milliseconds");
	ok(time_of("m v=1 1596240000", TSDB_PRECISION_S) == INT64_C(1596240000000000), "seconds");
	ok(time_of("m v=1 26604000", TSDB_PRECISION_M) == INT64_C(1596240000000000), "minutes");
	ok(time_of("m v=1 443400", TSDB_PRECISION_H) == INT64_C(1596240000000000), "hours");
	ok(time_of("m v=1 9223372036", TSDB_PRECISION_S) == INT64_C(9223372036000000), "the last second of the range");
	ok(strcmp(error_of("m v=1 9223372037", TSDB_PRECISION_S), "time outside range -9223372036854775806 - 9223372036854775806") == 0, "the first one outside");
	ok(strcmp(error_of("m v=1 -9223372037", TSDB_PRECISION_S), "time outside range -9223372036854775806 - 9223372036854775806") == 0, "the same before 1970");
	for (size_t i = 0; i < sizeof(last) / sizeof(last[0]); i++)
	{
		char line[64];

		sprintf(line, "m v=1 %lld", (long long) last[i].time);
		ok(strcmp(error_of(line, last[i].precision), "") == 0, "the last unit, %s", line);
		sprintf(line, "m v=1 %lld", (long long) -last[i].time - 1);
		ok(strncmp(error_of(line, last[i].precision), "time outside range ", 19) == 0, "one before the first, %s", line);
	}
	ok(strcmp(error_of("m v=1 9223372036854775807", TSDB_PRECISION_H), "time outside range -9223372036854775806 - 9223372036854775806") == 0, "a product that overflows");
}

/* INT64_MAX: no time, or a bad line. */
static int64_t
time_of(const char *line, TsdbPrecision precision)
{
	TsdbLineReader reader;

	tsdb_line_begin(&reader, line, strlen(line), precision, &mem);
	return tsdb_line_next(&reader) == TSDB_LINE_POINT && reader.point.has_time ? reader.point.unix_us : INT64_MAX;
}

/* Until the next call. */
static const char *
error_of(const char *line, TsdbPrecision precision)
{
	static TsdbLineReader reader;

	tsdb_line_begin(&reader, line, strlen(line), precision, &mem);
	return tsdb_line_next(&reader) == TSDB_LINE_BAD ? reader.error : "";
}

static void
test_precisions(void)
{
	static const char *const names[] = {"", "n", "ns", "u", "us", "ms", "s", "m", "h"};
	static const TsdbPrecision meant[] = {
		TSDB_PRECISION_NS, TSDB_PRECISION_NS, TSDB_PRECISION_NS, TSDB_PRECISION_US, TSDB_PRECISION_US,
		TSDB_PRECISION_MS, TSDB_PRECISION_S, TSDB_PRECISION_M, TSDB_PRECISION_H};
	TsdbPrecision precision;

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		ok(tsdb_precision_parse(names[i], &precision) && precision == meant[i], "precision \"%s\"", names[i]);
	ok(tsdb_precision_parse(NULL, &precision) && precision == TSDB_PRECISION_NS, "none means nanoseconds");
	ok(!tsdb_precision_parse("xx", &precision) && !tsdb_precision_parse("S", &precision), "others are refused");
}

static void
test_unsigned(void)
{
	ok(reads_as("m v=7u", "m{} v:integer=7;"), "an unsigned integer is an integer");
	ok(reads_as("m v=9223372036854775807u", "m{} v:integer=9223372036854775807;"), "up to the largest");
	ok(strcmp(error_of("m v=9223372036854775808u", TSDB_PRECISION_NS),
			  "unable to parse unsigned 9223372036854775808: strconv.ParseInt: parsing \"9223372036854775808\": value out of range") == 0,
	   "one more is out of range");
	ok(strcmp(error_of("m v=-1u", TSDB_PRECISION_NS), "invalid number") == 0, "no minus");
	ok(strcmp(error_of("m v=-000000000000000000001u", TSDB_PRECISION_NS), "invalid number") == 0, "nor before many digits");
	ok(strcmp(error_of("m v=1.0u", TSDB_PRECISION_NS), "invalid number") == 0, "no point");
	ok(strcmp(error_of("m v=1ui", TSDB_PRECISION_NS), "invalid number") == 0, "one letter only");
}

static void
test_lengths(void)
{
	ok(strcmp(error_of(repeat("m", 65535, " v=1"), TSDB_PRECISION_NS), "max key length exceeded: 65540 > 65535") == 0, "the longest series leaves no room for a field");
	ok(strcmp(error_of(repeat("m", 65536, " v=1"), TSDB_PRECISION_NS), "max key length exceeded: 65536 > 65535") == 0, "a longer series");
	ok(strcmp(error_of(repeat("m", 65530, " v=1"), TSDB_PRECISION_NS), "") == 0, "room for one letter");
	ok(strcmp(error_of(repeat("m", 65530, " v=1,ww=2"), TSDB_PRECISION_NS), "max key length exceeded: 65536 > 65535") == 0, "each field is measured");
	ok(strcmp(error_of(repeat("m,a=b,c=", 1, repeat("x", 65527, " v=1")), TSDB_PRECISION_NS), "max key length exceeded: 65540 > 65535") == 0, "tags count");
	ok(strcmp(error_of(repeat("9", 60, "i"), TSDB_PRECISION_NS), "missing fields") == 0, "digits alone are a measurement");
	ok(strlen(error_of(repeat("m v=", 1, repeat("9", 100000, "i")), TSDB_PRECISION_NS)) < TSDB_LINE_ERROR_BYTES, "an error stays short");
	ok(strcmp(error_of(repeat("m s=\"", 1, repeat("x", 1000000, "\"")), TSDB_PRECISION_NS), "") == 0, "strings may be long");
	arena_reset(&arena);
}

static char *
repeat(const char *piece, uint32_t n, const char *tail)
{
	size_t nbytes = strlen(piece);
	char *text = arena_alloc(&arena, n * nbytes + strlen(tail) + 1);

	for (uint32_t i = 0; i < n; i++)
		memcpy(text + i * nbytes, piece, nbytes);
	strcpy(text + n * nbytes, tail);
	return text;
}

/* More tags and fields than the arrays begin with; the reader's memory does not grow with the lines. */
static void
test_many(void)
{
	char line[MAX_CASE * 4];
	char *to = line;
	TsdbLineReader reader;
	size_t nbytes;
	bool is_right = true;

	to += sprintf(to, "m");
	for (int i = 199; i >= 0; i--)
		to += sprintf(to, ",tag%d=%d", i, i);
	for (int i = 0; i < 300; i++)
		to += sprintf(to, "%cfield%d=%di", i == 0 ? ' ' : ',', i, i);
	*to++ = '\n';
	*to = '\0';
	tsdb_line_begin(&reader, repeat(line, 50, ""), 50 * (size_t) (to - line), TSDB_PRECISION_NS, &mem);
	is_right &= tsdb_line_next(&reader) == TSDB_LINE_POINT;
	nbytes = arena.nbytes;
	for (int i = 1; i < 50; i++)
		is_right &= tsdb_line_next(&reader) == TSDB_LINE_POINT;
	is_right &= tsdb_line_next(&reader) == TSDB_LINE_END;
	ok(is_right && reader.point.ntags == 200 && reader.point.nfields == 300, "200 tags and 300 fields");
	ok(reader.point.fields[299].value.integer == 299 && reader.point.tags[0].value.nbytes == 3, "as they stand");
	ok(arena.nbytes == nbytes, "fifty lines take the memory of one");
	strcpy(line, "m");
	for (int i = 0; i < 200; i++)
		sprintf(line + strlen(line), ",tag%d=x", i * 7 % 199);
	strcat(line, " v=1");
	ok(strcmp(error_of(line, TSDB_PRECISION_NS), "duplicate tags") == 0, "one of 200 tags twice");
	arena_reset(&arena);
}

static void
test_floats(void)
{
	uint64_t random = 42;
	char text[128];
	bool is_right = true;
	static const char *const hard[] = {
		"-0", "-0.0", "0", "9007199254740993", "9007199254740995", "0.1", "1.00000000000000011102230246251565404236316680908203125",
		"1.00000000000000011102230246251565404236316680908203124", "1.00000000000000011102230246251565404236316680908203126",
		"18446744073709551615", "9999999999999999999", "9999999999999999999.5", "0.9999999999999999999", "4503599627370497.5",
		"4503599627370496.5", "4503599627370498.5", "1e22", "1e23", "8.5e22", "2.2250738585072011e-308", "4.9406564584124654e-324",
		"2.4703282292062327e-324", "2.4703282292062328e-324", "1.7976931348623157e308", "0.000000000000000000000000001", "6.02214076e23"};

	for (size_t i = 0; i < sizeof(hard) / sizeof(hard[0]); i++)
		ok(reads_like_strtod(hard[i]), "%s", hard[i]);
	for (int i = 0; i < 300000; i++)
	{
		uint64_t digits = random_next(&random) >> random_below(&random, 64);
		uint32_t point = random_below(&random, 21);
		char plain[32];
		uint32_t length = (uint32_t) sprintf(plain, "%llu", (unsigned long long) digits);

		if (point >= length)
			sprintf(text, "0.%0*d%s", (int) (point - length), 0, plain);
		else
			sprintf(text, "%.*s.%s", (int) (length - point), plain, plain + length - point);
		is_right &= reads_like_strtod(text);
		snprintf(text, sizeof(text), "%.17g", random_unit(&random) * (double) (i % 1000));
		is_right &= reads_like_strtod(text);
		sprintf(text, "%s%se%d", random_below(&random, 2) ? "-" : "", plain, (int) random_below(&random, 700) - 350);
		is_right &= reads_like_strtod(text);
	}
	ok(is_right, "random decimals become the nearest doubles");
	for (int i = 0; i < 3000; i++)
	{
		/* Halfway between two doubles, and a digit far behind that decides. */
		double value = ldexp(1.0 + (double) (random_next(&random) >> 12) * 0x1p-52, (int) random_below(&random, 100) - 50);
		char exact[1200];
		uint32_t length = (uint32_t) snprintf(exact, 200, "%.160f", value + value * 0x1p-54);

		memset(exact + length, '0', 800);
		exact[length + 800] = (char) ('0' + i % 2);
		exact[length + 801] = '\0';
		is_right &= reads_like_strtod(exact);
	}
	ok(is_right, "long decimals too");
}

static bool
reads_like_strtod(const char *text)
{
	uint8_t *copy = exact_copy(&mem, text, strlen(text));
	TsdbLineNumber number;
	double got = 0;
	double expected = strtod(text, NULL);
	TsdbNumberResult result = TSDB_NUMBER_INVALID;

	if (tsdb_linenumber_scan((char *) copy, (char *) copy + strlen(text), &number))
		result = tsdb_linenumber_float(&number, &got);
	arena_reset(&arena);
	if (result == TSDB_NUMBER_TOO_LARGE)
		return isinf(expected);
	if (result == TSDB_NUMBER_OK && memcmp(&got, &expected, sizeof(got)) == 0)
		return true;
	printf("# %s: %d %.17g\n", text, (int) result, got);
	return false;
}

/* Every beginning of a text, in memory of exactly its size. */
static void
test_truncation(void)
{
	static const char text[] = "m\\ 1,a\\,b=c\\=d,e=f g\\ h=1.5e3,s=\"x\\\"y\nz\\\\\",i=-12i,u=3u,b=true -1596240000000000000 \r\n# c\nn v=.5,w=1. 1\n";
	uint32_t npoints = 0;

	for (size_t nbytes = 0; nbytes < sizeof(text); nbytes++)
	{
		uint8_t *copy = exact_copy(&mem, text, nbytes);
		TsdbLineReader reader;
		TsdbLineResult result;

		tsdb_line_begin(&reader, (char *) copy, nbytes, TSDB_PRECISION_NS, &mem);
		while ((result = tsdb_line_next(&reader)) != TSDB_LINE_END)
			npoints += result == TSDB_LINE_POINT;
		arena_reset(&arena);
	}
	ok(npoints > 0, "every beginning is read without looking beyond it");
}
