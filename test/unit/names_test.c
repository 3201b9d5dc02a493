/*-------------------------------------------------------------------------
 *
 * names_test.c
 *	  Keys of line protocol -> identifiers: short enough, valid UTF-8, never one for two keys.
 *-------------------------------------------------------------------------
 */
#include "proto/names.h"
#include "tap.h"

#define MAX_KEYS 60000
#define MAX_KEY 200

typedef struct Mapped
{
	char name[TSDB_NAME_BYTES];
	uint32_t key;
	TsdbNameForm form;
} Mapped;

static Mapped mapped[MAX_KEYS];
static char keys[MAX_KEYS][MAX_KEY];

static void test_plain(void);
static void test_mapped(void);
static void test_long(void);
static void test_distinct(void);
static void random_key(uint64_t *random, char *key);
static bool maps_to(const char *key, TsdbNameForm form, const char *name);
static bool is_utf8(const char *name);
static int compare_mapped(const void *left, const void *right);

int
main(void)
{
	test_plain();
	test_mapped();
	test_long();
	test_distinct();
	return done();
}

// private functions

static void
test_plain(void)
{
	static const char *const plain[] = {
		"value", "Value", "select", "a b", "a\"b", "a'b", "a\\b", "a.b", "~", "~~", "a~", "~tag", "x~field", "日本語", "😀", "1", "%", "\t",
		"CTID", "Xmin", "oid", "xmin ", "a~b", "123456789012345678901234567890123456789012345678901234567890123"};

	for (size_t i = 0; i < sizeof(plain) / sizeof(plain[0]); i++)
	{
		size_t nbytes = strlen(plain[i]);
		bool ends_as_mapped = plain[i][nbytes - 1] == '~' || strcmp(plain[i], "~tag") == 0 || strcmp(plain[i], "x~field") == 0;
		char name[TSDB_NAME_BYTES];
		bool differs = tsdb_name_map(plain[i], nbytes, TSDB_NAME_FIRST, name);

		ok(differs == ends_as_mapped && differs == (strcmp(name, plain[i]) != 0), "\"%s\" %s", plain[i], differs ? "is mapped" : "is its own name");
	}
}

static void
test_mapped(void)
{
	static const char *const taken[] = {"ctid", "xmin", "cmin", "xmax", "cmax", "tableoid"};

	for (size_t i = 0; i < sizeof(taken) / sizeof(taken[0]); i++)
	{
		char expected[TSDB_NAME_BYTES];

		sprintf(expected, "%s~", taken[i]);
		ok(maps_to(taken[i], TSDB_NAME_FIRST, expected), "%s is a system column", taken[i]);
	}
	ok(maps_to("host", TSDB_NAME_TAG, "host~tag"), "a tag with the name of a field");
	ok(maps_to("host", TSDB_NAME_FIELD, "host~field"), "a field with the name of a tag");
	ok(maps_to("ctid", TSDB_NAME_FIELD, "ctid~field"), "a second kind of a system column");
}

static void
test_long(void)
{
	char key[MAX_KEY];
	char name[TSDB_NAME_BYTES];
	char other[TSDB_NAME_BYTES];

	memset(key, 'x', sizeof(key));
	ok(tsdb_name_map(key, 64, TSDB_NAME_FIRST, name) && strlen(name) == 63 && memcmp(name, key, 46) == 0 && name[46] == '~', "64 bytes: the beginning and a hash");
	ok(tsdb_name_map(key, 65, TSDB_NAME_FIRST, other) && strcmp(name, other) != 0, "one byte more: another hash");
	ok(tsdb_name_map(key, 64, TSDB_NAME_FIRST, other) && strcmp(name, other) == 0, "always the same");
	ok(tsdb_name_map(key, 59, TSDB_NAME_TAG, name) && strlen(name) == 63 && strcmp(name + 59, "~tag") == 0, "59 bytes have room for ~tag");
	ok(tsdb_name_map(key, 60, TSDB_NAME_TAG, name) && strlen(name) == 63 && name[46] == '~', "60 have not");
	ok(tsdb_name_map(key, 64, TSDB_NAME_TAG, name) && tsdb_name_map(key, 64, TSDB_NAME_FIELD, other) && strcmp(name, other) != 0, "the kind is part of the hash");
	for (int shift = 0; shift < 4; shift++)
	{
		strcpy(key, "abc" + 3 - shift);
		for (int i = 0; i < 20; i++)
			strcat(key, "😀");
		ok(tsdb_name_map(key, strlen(key), TSDB_NAME_FIRST, name) && is_utf8(name), "cut between characters, %d bytes before them", shift);
	}
}

/* Many keys that look like each other's names: one name each. */
static void
test_distinct(void)
{
	uint64_t random = 7;
	bool is_short = true;
	bool is_valid = true;
	bool is_distinct = true;

	for (uint32_t i = 0; i < MAX_KEYS; i++)
	{
		/* Every third key is the name of one before. */
		if (i % 3 == 2)
			strcpy(keys[i], mapped[random_below(&random, i)].name);
		else
			random_key(&random, keys[i]);
		mapped[i].key = i;
		mapped[i].form = (TsdbNameForm) random_below(&random, 3);
		tsdb_name_map(keys[i], strlen(keys[i]), mapped[i].form, mapped[i].name);
		is_short &= strlen(mapped[i].name) < TSDB_NAME_BYTES && mapped[i].name[0] != '\0';
		is_valid &= is_utf8(mapped[i].name);
	}
	qsort(mapped, MAX_KEYS, sizeof(Mapped), compare_mapped);
	for (uint32_t i = 1; i < MAX_KEYS; i++)
		if (strcmp(mapped[i - 1].name, mapped[i].name) == 0 &&
			(mapped[i - 1].form != mapped[i].form || strcmp(keys[mapped[i - 1].key], keys[mapped[i].key]) != 0))
		{
			printf("# %s: \"%s\" as %d, \"%s\" as %d\n", mapped[i].name, keys[mapped[i - 1].key], (int) mapped[i - 1].form, keys[mapped[i].key], (int) mapped[i].form);
			is_distinct = false;
		}
	ok(is_short, "every name fits");
	ok(is_valid, "every name is UTF-8");
	ok(is_distinct, "no name for two keys");
}

static void
random_key(uint64_t *random, char *key)
{
	static const char *const pieces[] = {"a", "b", "~", "~tag", "~field", "ctid", "xmin", "é", "😀", "0123456789abcdef", "~0123456789abcdef", "xxxxxxxxxxxxxxxxxxxx"};
	uint32_t n = 1 + random_below(random, 6);

	key[0] = '\0';
	for (uint32_t i = 0; i < n; i++)
		strcat(key, pieces[random_below(random, sizeof(pieces) / sizeof(pieces[0]))]);
}

static bool
maps_to(const char *key, TsdbNameForm form, const char *name)
{
	char got[TSDB_NAME_BYTES];
	bool differs = tsdb_name_map(key, strlen(key), form, got);

	return strcmp(got, name) == 0 && differs == (strcmp(got, key) != 0);
}

/* Whole characters; what is in the keys is valid. */
static bool
is_utf8(const char *name)
{
	const uint8_t *at = (const uint8_t *) name;

	while (*at != '\0')
	{
		int follow = *at < 0x80 ? 0 : *at < 0xc0 ? -1
								  : *at < 0xe0	 ? 1
								  : *at < 0xf0	 ? 2
												 : 3;

		if (follow < 0)
			return false;
		for (at++; follow > 0; follow--, at++)
			if ((*at & 0xc0) != 0x80)
				return false;
	}
	return true;
}

static int
compare_mapped(const void *left, const void *right)
{
	return strcmp(((const Mapped *) left)->name, ((const Mapped *) right)->name);
}
