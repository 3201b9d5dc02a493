/*-------------------------------------------------------------------------
 *
 * golden_kit.h
 *	  Golden files: bytes that an encoder of each format version has written.
 *
 * A golden file must decode for ever to the values that its case makes.  That today's
 * encoder writes the same bytes is checked too, so that no change of the format passes
 * unseen; an encoder that has learnt something better may differ once it is
 * known why: give the case is_relaxed, and add a file of the new bytes.
 *
 * Tests run in the top folder of the tree.  `test --write` writes the files that are missing, never
 * one that exists.
 *-------------------------------------------------------------------------
 */
#ifndef TSDB_TEST_GOLDEN_KIT_H
#define TSDB_TEST_GOLDEN_KIT_H

#include "tap.h"

#define GOLDEN_DIRECTORY "test/data/golden/v1"

/*
 * One file.
 *
 *	encode	append the bytes of the case's values
 *	check	decode and compare; NULL, or what is wrong
 */
typedef struct GoldenCase
{
	const char *name;
	void (*encode)(const void *detail, TsdbBytes *out);
	const char *(*check)(const void *detail, TsdbSpan src);
	const void *detail;
	bool is_relaxed; /* the encoder may write other bytes: liblz4 does from one version to the next */
} GoldenCase;

static Arena arena;
static const TsdbMem mem = {arena_alloc, &arena};

/* golden_zeroed - n zeroed elements. */
__attribute__((unused)) static void *
golden_zeroed(size_t n, size_t width)
{
	void *array = tsdb_mem_alloc(&mem, (n + 1) * width);

	memset(array, 0, (n + 1) * width);
	return array;
}

static inline void
golden_path(const char *name, char path[256])
{
	snprintf(path, 256, "%s/%s", GOLDEN_DIRECTORY, name);
}

/* golden_read - a whole file in a block of exactly its size; false when there is none. */
static inline bool
golden_read(const char *name, TsdbSpan *bytes)
{
	static uint8_t buffer[65536];
	char path[256];
	size_t nbytes;
	FILE *file;

	golden_path(name, path);
	file = fopen(path, "rb");
	if (file == NULL)
		return false;
	nbytes = fread(buffer, 1, sizeof(buffer), file);
	fclose(file);
	*bytes = tsdb_span(exact_copy(&mem, buffer, nbytes), nbytes);
	return nbytes < sizeof(buffer);
}

static inline void
golden_write(const GoldenCase *golden)
{
	TsdbSpan there;
	TsdbBytes out;
	char path[256];
	FILE *file;

	if (golden_read(golden->name, &there))
		return;
	tsdb_bytes_init(&out, &mem);
	golden->encode(golden->detail, &out);
	golden_path(golden->name, path);
	file = fopen(path, "wb");
	if (file == NULL || fwrite(out.data, 1, out.len, file) != out.len || fclose(file) != 0)
	{
		perror(path);
		exit(1);
	}
	printf("# wrote %s, %zu bytes\n", path, out.len);
}

/* golden_check - decode the file; decode and compare what is encoded now; refuse every shorter file. */
static inline void
golden_check(const GoldenCase *golden)
{
	const char *wrong = NULL;
	TsdbSpan file;
	TsdbBytes out;
	bool is_same;

	if (!ok(golden_read(golden->name, &file), "%s: there", golden->name))
		return;
	wrong = golden->check(golden->detail, file);
	ok(wrong == NULL, "%s: %zu bytes decode: %s", golden->name, tsdb_span_left(&file), wrong ? wrong : "as written");

	tsdb_bytes_init(&out, &mem);
	golden->encode(golden->detail, &out);
	wrong = golden->check(golden->detail, tsdb_span(exact_copy(&mem, out.data, out.len), out.len));
	is_same = out.len == tsdb_span_left(&file) && memcmp(out.data, file.at, out.len) == 0;
	ok(wrong == NULL && (is_same || golden->is_relaxed), "%s: the encoder writes %s", golden->name,
	   is_same ? "the same bytes" : "other bytes");

	wrong = NULL;
	for (size_t nbytes = 0; nbytes < tsdb_span_left(&file) && wrong == NULL; nbytes += 1 + nbytes / 8)
		if (golden->check(golden->detail, tsdb_span(exact_copy(&mem, file.at, nbytes), nbytes)) == NULL)
			wrong = "accepted";
	ok(wrong == NULL, "%s: cut short, it is %s", golden->name, wrong ? wrong : "refused");
}

/* golden_main - all cases; what main() returns. */
static inline int
golden_main(int argc, char **argv, const GoldenCase *cases, size_t ncases)
{
	bool is_writing = argc > 1 && strcmp(argv[1], "--write") == 0;

	for (size_t i = 0; i < ncases; i++)
	{
		if (is_writing)
			golden_write(&cases[i]);
		else
			golden_check(&cases[i]);
		arena_reset(&arena);
	}
	free(arena.pieces);
	arena.pieces = NULL;
	arena.capacity = 0;
	return is_writing ? 0 : done();
}

#endif /* TSDB_TEST_GOLDEN_KIT_H */
