/*-------------------------------------------------------------------------
 *
 * image_test.c
 *	  Before-images of edits: coded and decoded, fingerprints, damage, the golden file.
 *-------------------------------------------------------------------------
 */
#include "format/image.h"
#include "golden_fill.h"
#include "golden_kit.h"

#define ROWS 300
#define NCOLUMNS 3
#define SECOND_US 1000000

static void encode_image(const void *detail, TsdbBytes *out);
static const char *check_image(const void *detail, TsdbSpan src);
static bool decodes_with(uint32_t nsamples);
static void make_image(TsdbImage *image);
static uint8_t flags_of(uint32_t i);

static const GoldenCase cases[] = {
	{.name = "image", .encode = encode_image, .check = check_image},
};

int
main(int argc, char **argv)
{
	return golden_main(argc, argv, cases, sizeof(cases) / sizeof(cases[0]));
}

// private functions

static void
encode_image(const void *detail, TsdbBytes *out)
{
	TsdbImage image;

	make_image(&image);
	tsdb_image_encode(out, &image, NULL, &mem);
}

/* Every cell as it was; every changed byte and every truncation refused; fingerprints that tell values apart. */
static const char *
check_image(const void *detail, TsdbSpan src)
{
	TsdbImage wanted;
	TsdbImage got;
	TsdbImage damaged;
	size_t nbytes = tsdb_span_left(&src);
	uint8_t *copy = (uint8_t *) tsdb_mem_alloc(&mem, nbytes);
	uint64_t prints[2] = {0, 0};

	make_image(&wanted);
	if (tsdb_image_decode(src, &got, &mem) != TSDB_OK)
		return "it does not";
	if (got.nsamples != ROWS || got.ncolumns != NCOLUMNS || got.before.nrows != wanted.before.nrows)
		return "counts";
	if (memcmp(got.times, wanted.times, ROWS * sizeof(int64_t)) != 0 || memcmp(got.flags, wanted.flags, ROWS) != 0)
		return "times or flags";
	for (int c = 0; c < NCOLUMNS; c++)
	{
		const TsdbColumn *column = &got.before.columns[c];

		if (got.column_ids[c] != wanted.column_ids[c] || got.fingerprints[c] != wanted.fingerprints[c] || column->type != wanted.before.columns[c].type)
			return "ids, fingerprints or types";
		prints[0] = prints[1] = 0;
		for (uint32_t row = 0; row < got.before.nrows; row++)
		{
			prints[0] = tsdb_image_fold(prints[0], column, got.before.arena.data, row);
			prints[1] = tsdb_image_fold(prints[1], &wanted.before.columns[c], wanted.before.arena.data, row);
		}
		if (prints[0] != prints[1])
			return "a cell";
		if (c == 2 && tsdb_image_fold(prints[0], column, got.before.arena.data, 0) ==
						  tsdb_image_fold(prints[0], column, got.before.arena.data, 1))
			return "fingerprints of different cells";
	}
	for (size_t i = 0; i < nbytes; i++)
	{
		memcpy(copy, src.at, nbytes);
		copy[i] ^= (uint8_t) (1 + i % 255);
		if (tsdb_image_decode(tsdb_span(copy, nbytes), &damaged, &mem) != TSDB_CORRUPT ||
			tsdb_image_decode(tsdb_span(src.at, i), &damaged, &mem) != TSDB_CORRUPT)
			return "damage was not refused";
	}
	return decodes_with(TSDB_IMAGE_MAX_SAMPLES) && !decodes_with(TSDB_IMAGE_MAX_SAMPLES + 1) ? NULL : "more samples than an image may have";
}

/* decodes_with - does an image of so many samples, none of which was there? */
static bool
decodes_with(uint32_t nsamples)
{
	TsdbImage image;
	TsdbImage got;
	TsdbBytes out;

	memset(&image, 0, sizeof(image));
	image.nsamples = nsamples;
	image.times = (int64_t *) tsdb_mem_alloc(&mem, nsamples * sizeof(int64_t));
	image.flags = (uint8_t *) golden_zeroed(nsamples, 1);
	for (uint32_t i = 0; i < nsamples; i++)
		image.times[i] = (int64_t) i * SECOND_US;
	tsdb_bytes_init(&out, &mem);
	tsdb_image_encode(&out, &image, NULL, &mem);
	return tsdb_image_decode(tsdb_span(out.data, out.len), &got, &mem) == TSDB_OK;
}

static void
make_image(TsdbImage *image)
{
	static const TsdbType types[NCOLUMNS] = {TSDB_TYPE_FLOAT8, TSDB_TYPE_INT4, TSDB_TYPE_TEXT};
	uint64_t decimals[ROWS];
	uint64_t walk[ROWS];
	uint32_t row = 0;

	memset(image, 0, sizeof(*image));
	fill_decimals(decimals, ROWS);
	fill_walk(walk, ROWS);
	image->nsamples = ROWS;
	image->times = (int64_t *) tsdb_mem_alloc(&mem, ROWS * sizeof(int64_t));
	image->flags = (uint8_t *) tsdb_mem_alloc(&mem, ROWS);
	image->ncolumns = image->before.ncolumns = NCOLUMNS;
	image->column_ids = (uint32_t *) tsdb_mem_alloc(&mem, NCOLUMNS * sizeof(uint32_t));
	image->fingerprints = (uint64_t *) tsdb_mem_alloc(&mem, NCOLUMNS * sizeof(uint64_t));
	image->before.columns = (TsdbColumn *) golden_zeroed(NCOLUMNS, sizeof(TsdbColumn));
	tsdb_bytes_init(&image->before.arena, &mem);
	for (int c = 0; c < NCOLUMNS; c++)
	{
		image->column_ids[c] = (uint32_t) (c * 70000 + 1);
		image->fingerprints[c] = UINT64_C(0xFEDCBA9876543210) + (uint64_t) c;
		image->before.columns[c].type = types[c];
		image->before.columns[c].words = (uint64_t *) tsdb_mem_alloc(&mem, ROWS * sizeof(uint64_t));
	}
	image->before.columns[1].states = (uint8_t *) golden_zeroed(ROWS, 1);
	for (uint32_t i = 0; i < ROWS; i++)
	{
		uint8_t string[8] = {3, 0, 0, 0, 'n', (uint8_t) ('a' + i % 26), 'x', 0};

		image->times[i] = INT64_C(-800000000000000) + (int64_t) (i * i) * SECOND_US;
		image->flags[i] = flags_of(i);
		if ((image->flags[i] & TSDB_IMAGE_WAS) == 0)
			continue;
		image->before.columns[0].words[row] = decimals[i];
		image->before.columns[1].states[row] = row % 7 == 1 ? TSDB_CELL_NULL : TSDB_CELL_VALUE;
		image->before.columns[1].words[row] = row % 7 == 1 ? 0 : walk[i];
		image->before.columns[2].words[row] = image->before.arena.len;
		tsdb_bytes_append(&image->before.arena, string, sizeof(string));
		row++;
	}
	image->before.nrows = row;
}

/* Overwritten, deleted, added, and touched for nothing. */
static uint8_t
flags_of(uint32_t i)
{
	return i % 11 == 0 ? 0 : i % 5 == 0 ? TSDB_IMAGE_WAS
						 : i % 3 == 0	? TSDB_IMAGE_IS
										: TSDB_IMAGE_WAS | TSDB_IMAGE_IS;
}
