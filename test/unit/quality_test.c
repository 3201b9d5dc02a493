/*-------------------------------------------------------------------------
 *
 * quality_test.c
 *	  Names of status codes and OPC DA qualities.
 *-------------------------------------------------------------------------
 */
#include "tap.h"

#include "format/quality.h"

static void test_names(void);
static void test_round_trip(void);
static void test_da(void);
static void test_worse(void);
static void test_percent(void);

int
main(void)
{
	test_names();
	test_round_trip();
	test_da();
	test_worse();
	test_percent();
	return done();
}

// private functions

static bool
is_code(const char *name, uint32_t code)
{
	uint32_t got;

	return tsdb_quality_from_name(name, strlen(name), &got) && got == code;
}

static bool
is_refused(const char *name)
{
	uint32_t got;

	return !tsdb_quality_from_name(name, strlen(name), &got);
}

static void
test_names(void)
{
	char buffer[TSDB_QUALITY_NAME_BYTES];

	ok(is_code("good", 0), "good");
	ok(is_code("bad_sensor_failure", 0x808C0000), "snake case");
	ok(is_code("Bad_SensorFailure", 0x808C0000), "the specification's spelling");
	ok(is_code("BADSENSORFAILURE", 0x808C0000) && is_code(" bad-sensor failure ", 0x808C0000), "case and separators don't matter");
	ok(is_code("0x808c0000", 0x808C0000) && is_code("0X1", 1), "hex digits");
	ok(is_code("uncertain_data_sub_normal+interpolated+partial", 0x40A40406), "marks");
	ok(is_code("bad + constant", 0x80000700), "limit bits imply the data value bit");
	ok(is_refused("") && is_refused("+") && is_refused("bad+") && is_refused("goodish"),
	   "unknown names are refused");
	ok(is_refused("bad+low+high") && is_refused("bad+low+low"), "contradicting and repeated marks are refused");
	ok(is_refused("0x") && is_refused("0x123456789") && is_refused("0x12g4"), "bad hex is refused");
	ok(strcmp(tsdb_quality_name(0x808C0000, buffer), "bad_sensor_failure") == 0, "name of a code");
	ok(strcmp(tsdb_quality_name(0x40A40406, buffer), "uncertain_data_sub_normal+interpolated+partial") == 0, "name with marks");
	ok(strcmp(tsdb_quality_name(0x80FF0000, buffer), "0x80FF0000") == 0, "unknown sub-code");
	ok(strcmp(tsdb_quality_name(0x00000100, buffer), "0x00000100") == 0, "limit bits without the data value bit have no spelling");
}

static void
test_round_trip(void)
{
	uint64_t random = 1;
	char buffer[TSDB_QUALITY_NAME_BYTES];
	uint32_t code;
	uint32_t nwrong = 0;
	size_t longest = 0;

	for (uint32_t i = 0; tsdb_quality_standard(i, &code) != NULL; i++)
		for (uint32_t low = 0; low < 0x10000; low++)
		{
			size_t length = strlen(tsdb_quality_name(code | low, buffer));

			nwrong += !is_code(buffer, code | low);
			longest = length > longest ? length : longest;
		}
	ok(nwrong == 0, "every standard code with every low half comes back from its name");
	ok(longest < TSDB_QUALITY_NAME_BYTES - 1, "the longest name has %zu bytes", longest);
	for (int i = 0; i < 100000; i++)
	{
		code = (uint32_t) random_next(&random);
		nwrong += !is_code(tsdb_quality_name(code, buffer), code);
	}
	ok(nwrong == 0, "random codes come back from their names");
}

static void
test_da(void)
{
	uint32_t nwrong = 0;

	ok(tsdb_quality_from_da(192) == 0 && tsdb_quality_to_da(0) == 192, "good is 192");
	ok(tsdb_quality_from_da(0) == 0x80000000 && tsdb_quality_to_da(0x80000000) == 0, "bad is 0");
	ok(tsdb_quality_from_da(16) == 0x808C0000 && tsdb_quality_to_da(0x808C0000) == 16, "sensor failure");
	ok(tsdb_quality_from_da(68) == 0x40900000 && tsdb_quality_to_da(0x408F0000) == 68, "last usable value");
	ok(tsdb_quality_from_da(216) == 0x00960000, "local override");
	ok(tsdb_quality_from_da(0xAB00 | 88 | 2) == 0x40950600, "limit bits, the vendor's byte left out");
	ok(tsdb_quality_from_da(20) == 0x80000000, "last known value has no counterpart");
	ok(tsdb_quality_to_da(0x80FF0000) == 0 && tsdb_quality_to_da(0x40FF0000) == 64 && tsdb_quality_to_da(0x00FF0000) == 192,
	   "unknown sub-codes keep their severity");
	for (uint32_t da = 0; da < 256; da++)
	{
		uint16_t back = tsdb_quality_to_da(tsdb_quality_from_da((uint16_t) da));
		uint16_t severity = (da & 0xC0) == 0xC0 ? 192 : (da & 0xC0) == 0x40 ? 64
																			: 0;

		nwrong += back != da && back != (severity | (da & 3));
	}
	ok(nwrong == 0, "there and back keeps the quality, or at least severity and limit");
}

/* The worst of many codes follows from the least and the greatest of them, as signed numbers. */
static void
test_worse(void)
{
	static const uint32_t codes[] = {0, 7, 0x00960000, 0x3FFFFFFF, 0x40000000, 0x408F0000, 0x7FFFFFFF, 0x80000000, 0x808C0000, 0xFFFFFFFF};
	enum
	{
		NCODES = sizeof(codes) / sizeof(codes[0])
	};
	bool is_right = true;

	for (uint32_t set = 1; set < 1u << NCODES; set++)
	{
		uint32_t worst = 0;
		int32_t least = INT32_MAX;
		int32_t greatest = INT32_MIN;
		bool is_first = true;

		for (int i = 0; i < NCODES; i++)
		{
			if ((set >> i & 1) == 0)
				continue;
			worst = is_first ? codes[i] : tsdb_quality_worse(codes[i], worst);
			least = (int32_t) codes[i] < least ? (int32_t) codes[i] : least;
			greatest = (int32_t) codes[i] > greatest ? (int32_t) codes[i] : greatest;
			is_first = false;
		}
		for (int i = 0; i < NCODES; i++)
			if ((set >> i & 1) != 0 && tsdb_quality_severity(codes[i]) > tsdb_quality_severity(worst))
				is_right = false;
		is_right &= worst == tsdb_quality_worse((uint32_t) least, (uint32_t) greatest);
	}
	ok(is_right, "the worst of every set of codes");
	ok(tsdb_quality_severity(0x3FFFFFFF) == TSDB_SEVERITY_GOOD && tsdb_quality_severity(0x40000000) == TSDB_SEVERITY_UNCERTAIN &&
		   tsdb_quality_severity(0xC0000000) == TSDB_SEVERITY_BAD,
	   "severities");
}

static void
test_percent(void)
{
	static const int64_t none[3] = {0, 0, 0};
	static const int64_t some[3] = {3, 1, 0};
	static const int64_t most[3] = {INT64_MAX, 0, INT64_MAX};

	ok(tsdb_quality_percent_good(none, TSDB_SEVERITY_GOOD) == 100 && tsdb_quality_percent_good(none, TSDB_SEVERITY_UNCERTAIN) == 0,
	   "a single sample is good or not");
	ok(tsdb_quality_percent_good(some, TSDB_SEVERITY_BAD) == 75 && tsdb_quality_percent_good(most, TSDB_SEVERITY_GOOD) == 50,
	   "the share of good time");
}
