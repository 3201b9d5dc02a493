/*-------------------------------------------------------------------------
 *
 * golden_codec_test.c
 *	  Golden files of column chunks, times, flags and texts.
 *
 * See golden_kit.h.  Each file is written by one given codec, and the test sees that
 * all codecs, orders of packing, kinds of miniblocks and modes have a file.
 *-------------------------------------------------------------------------
 */
#include "codec/codec_private.h"
#include "golden_fill.h"
#include "golden_kit.h"

#define MAX_N 1500
#define TAG_MODE 7

/* Kinds of miniblocks, by the range of their code. */
typedef enum Kind
{
	KIND_ANY,
	KIND_PLAIN,
	KIND_PATCHED,
	KIND_RICE,
	KIND_RICE_PATCHED
} Kind;

typedef struct ColumnCase
{
	TsdbType type;
	TsdbCodec codec;
	uint32_t decimals;
	GoldenFill fill;
	uint32_t n;
	int order; /* INT: TsdbIpkOrder, -1 = does not matter */
	Kind kind; /* INT: of the first miniblock */
} ColumnCase;

typedef struct TimesCase
{
	int mode;
	void (*fill)(int64_t *times, uint32_t n);
	uint32_t n;
} TimesCase;

typedef struct FlagsCase
{
	int mode;
	void (*fill)(uint8_t *flags, uint32_t n);
	uint32_t n;
} FlagsCase;

typedef struct TextCase
{
	uint8_t tag;
	uint32_t ndistinct; /* 0 = all are different */
	uint32_t repeats; /* of the words of a text */
	uint32_t n;
} TextCase;

static void encode_column(const void *detail, TsdbBytes *out);
static const char *check_column(const void *detail, TsdbSpan src);
static const char *check_packing(const ColumnCase *column, TsdbSpan body);
static Kind kind_of(uint8_t code);
static void encode_times(const void *detail, TsdbBytes *out);
static const char *check_times(const void *detail, TsdbSpan src);
static void encode_flags(const void *detail, TsdbBytes *out);
static const char *check_flags(const void *detail, TsdbSpan src);
static void make_texts(const TextCase *text, TsdbBytes *texts, uint64_t *words);
static void encode_text(const void *detail, TsdbBytes *out);
static const char *check_text(const void *detail, TsdbSpan src);

#define COLUMN(file, ...)                                                                           \
	{                                                                                               \
		.name = file, .encode = encode_column, .check = check_column, .detail = &(const ColumnCase) \
		{                                                                                           \
			__VA_ARGS__                                                                             \
		}                                                                                           \
	}
#define TIMES(file, ...)                                                                         \
	{                                                                                            \
		.name = file, .encode = encode_times, .check = check_times, .detail = &(const TimesCase) \
		{                                                                                        \
			__VA_ARGS__                                                                          \
		}                                                                                        \
	}
#define FLAGS(file, ...)                                                                         \
	{                                                                                            \
		.name = file, .encode = encode_flags, .check = check_flags, .detail = &(const FlagsCase) \
		{                                                                                        \
			__VA_ARGS__                                                                          \
		}                                                                                        \
	}
#define TEXT(file, relaxed, ...)                                                                                                  \
	{                                                                                                                             \
		.name = file, .encode = encode_text, .check = check_text, .detail = &(const TextCase){__VA_ARGS__}, .is_relaxed = relaxed \
	}

static const GoldenCase cases[] = {
	COLUMN("raw_float8", TSDB_TYPE_FLOAT8, TSDB_CODEC_RAW, 0, fill_wild, 40, -1, KIND_ANY),
	COLUMN("raw_float4", TSDB_TYPE_FLOAT4, TSDB_CODEC_RAW, 0, fill_wild4, 40, -1, KIND_ANY),
	COLUMN("const_decimal", TSDB_TYPE_FLOAT8, TSDB_CODEC_CONST, 0, fill_decimal, 1000, -1, KIND_ANY),
	COLUMN("const_nan", TSDB_TYPE_FLOAT8, TSDB_CODEC_CONST, 0, fill_nan, 1000, -1, KIND_ANY),
	COLUMN("const_int8", TSDB_TYPE_INT8, TSDB_CODEC_CONST, 0, fill_minus, 1000, -1, KIND_ANY),
	COLUMN("dec_float8", TSDB_TYPE_FLOAT8, TSDB_CODEC_DEC, 2, fill_decimals, 1000, -1, KIND_ANY),
	COLUMN("dec_exceptions", TSDB_TYPE_FLOAT8, TSDB_CODEC_DEC, 2, fill_exceptions, 1000, -1, KIND_ANY),
	COLUMN("dec_neighbours", TSDB_TYPE_FLOAT8, TSDB_CODEC_DEC, 2, fill_neighbours, 1000, -1, KIND_ANY),
	COLUMN("dec_float4", TSDB_TYPE_FLOAT4, TSDB_CODEC_DEC, 1, fill_decimals4, 1000, -1, KIND_ANY),
	COLUMN("bits_float8", TSDB_TYPE_FLOAT8, TSDB_CODEC_BITS, 0, fill_digits, 300, -1, KIND_ANY),
	COLUMN("bits_float4", TSDB_TYPE_FLOAT4, TSDB_CODEC_BITS, 0, fill_digits4, 300, -1, KIND_ANY),
	COLUMN("dict_float8", TSDB_TYPE_FLOAT8, TSDB_CODEC_DICT, 0, fill_lattice, 1000, -1, KIND_ANY),
	COLUMN("dict_quality", TSDB_TYPE_QUALITY, TSDB_CODEC_DICT, 0, fill_qualities, 1000, -1, KIND_ANY),
	COLUMN("rle_float8", TSDB_TYPE_FLOAT8, TSDB_CODEC_RLE, 0, fill_steps, 1000, -1, KIND_ANY),
	COLUMN("rle_bool", TSDB_TYPE_BOOL, TSDB_CODEC_RLE, 0, fill_states, 1000, -1, KIND_ANY),
	COLUMN("int_offsets", TSDB_TYPE_INT4, TSDB_CODEC_INT, 0, fill_levels, 1000, TSDB_IPK_OFFSETS, KIND_PLAIN),
	COLUMN("int_deltas", TSDB_TYPE_INT4, TSDB_CODEC_INT, 0, fill_walk, 1000, TSDB_IPK_DELTAS, KIND_ANY),
	COLUMN("int_slope", TSDB_TYPE_INT8, TSDB_CODEC_INT, 0, fill_counter, 1000, TSDB_IPK_SLOPE, KIND_ANY),
	COLUMN("int_second", TSDB_TYPE_INT8, TSDB_CODEC_INT, 0, fill_square, 1000, TSDB_IPK_SECOND, KIND_ANY),
	COLUMN("int_centred", TSDB_TYPE_INT4, TSDB_CODEC_INT, 0, fill_noise, 1000, TSDB_IPK_CENTRED, KIND_ANY),
	COLUMN("int_line", TSDB_TYPE_INT4, TSDB_CODEC_INT, 0, fill_line, 1000, TSDB_IPK_SLOPE, KIND_ANY),
	COLUMN("int_patched", TSDB_TYPE_INT8, TSDB_CODEC_INT, 0, fill_spikes, 700, -1, KIND_PATCHED),
	COLUMN("int_rice", TSDB_TYPE_INT4, TSDB_CODEC_INT, 0, fill_waiting, 700, -1, KIND_RICE),
	COLUMN("int_rice_patched", TSDB_TYPE_INT8, TSDB_CODEC_INT, 0, fill_waiting_spikes, 700, -1, KIND_RICE_PATCHED),
	COLUMN("int_wide", TSDB_TYPE_INT8, TSDB_CODEC_INT, 0, fill_wide, 300, -1, KIND_PLAIN),
	COLUMN("int_one", TSDB_TYPE_DATE, TSDB_CODEC_INT, 0, fill_minus, 1, -1, KIND_ANY),

	TIMES("times_one", 0, fill_regular, 1),
	TIMES("times_regular", 0, fill_regular, MAX_N),
	TIMES("times_bitmap", 1, fill_thirds, MAX_N),
	TIMES("times_missing", 2, fill_holes, MAX_N),
	TIMES("times_list", 3, fill_arrivals, 300),
	TIMES("times_jitter", 4, fill_late, 300),

	FLAGS("flags_equal", 0, fill_equal, MAX_N),
	FLAGS("flags_bitmap", 1, fill_coins, MAX_N),
	FLAGS("flags_list", 2, fill_few, MAX_N),
	FLAGS("flags_pairs", 3, fill_dice, MAX_N),
	FLAGS("flags_runs", 4, fill_bursts, MAX_N),

	TEXT("text_dict", false, TSDB_TAG(TSDB_CODEC_DICT, 0), 4, 1, 500),
	TEXT("text_one", false, TSDB_TAG(TSDB_CODEC_DICT, 0), 1, 1, 500),
	TEXT("text_raw", false, TSDB_TAG(TSDB_CODEC_RAW, 0), 0, 1, 4),
	TEXT("text_dict_lz4", true, TSDB_TAG(TSDB_CODEC_DICT, 1), 9, 8, 100),
	TEXT("text_raw_lz4", true, TSDB_TAG(TSDB_CODEC_RAW, 1), 0, 8, 60),
};

int
main(int argc, char **argv)
{
	return golden_main(argc, argv, cases, sizeof(cases) / sizeof(cases[0]));
}

// private functions

static void
encode_column(const void *detail, TsdbBytes *out)
{
	const ColumnCase *column = (const ColumnCase *) detail;
	uint64_t words[MAX_N];

	column->fill(words, column->n);
	if (!tsdb_chunk_encode_as(out, column->codec, column->decimals, column->type, words, column->n, TSDB_MASK_ALL, &mem))
		abort();
}

static const char *
check_column(const void *detail, TsdbSpan src)
{
	const ColumnCase *column = (const ColumnCase *) detail;
	uint64_t expected[MAX_N];
	uint64_t words[MAX_N];

	column->fill(expected, column->n);
	if (tsdb_column_decode(src, column->type, words, column->n, &mem) != TSDB_OK)
		return "it does not";
	if (memcmp(words, expected, column->n * sizeof(uint64_t)) != 0)
		return "to other values";
	if (tsdb_column_codec(src) != column->codec)
		return "another codec";
	src.at++;
	return column->codec == TSDB_CODEC_INT ? check_packing(column, src) : NULL;
}

/* check_packing - order of the array and kind of its first miniblock. */
static const char *
check_packing(const ColumnCase *column, TsdbSpan body)
{
	TsdbIpk ipk;
	uint8_t code;

	if (tsdb_ipk_open(&ipk, body, column->n) != TSDB_OK)
		return "header";
	if (column->order >= 0 && ipk.order != column->order)
		return "another order";
	if (column->kind == KIND_ANY)
		return NULL;
	ipk.src.at += ipk.base_bytes;
	if (ipk.zero || !tsdb_span_read_u8(&ipk.src, &code) || kind_of(code) != column->kind)
		return "another kind of miniblock";
	return NULL;
}

static Kind
kind_of(uint8_t code)
{
	if (code >= TSDB_IPK_CODE_RICE_PATCHED)
		return KIND_RICE_PATCHED;
	if (code >= TSDB_IPK_CODE_RICE)
		return KIND_RICE;
	return code >= TSDB_IPK_CODE_PATCHED ? KIND_PATCHED : KIND_PLAIN;
}

static void
encode_times(const void *detail, TsdbBytes *out)
{
	const TimesCase *list = (const TimesCase *) detail;
	int64_t times[MAX_N];

	list->fill(times, list->n);
	tsdb_times_encode(out, times, list->n, GOLDEN_START_US, &mem);
}

static const char *
check_times(const void *detail, TsdbSpan src)
{
	const TimesCase *list = (const TimesCase *) detail;
	int64_t expected[MAX_N];
	int64_t times[MAX_N];

	list->fill(expected, list->n);
	if (tsdb_times_decode(src, times, list->n, GOLDEN_START_US, &mem) != TSDB_OK)
		return "it does not";
	if (memcmp(times, expected, list->n * sizeof(int64_t)) != 0)
		return "to other times";
	return (src.at[0] & TAG_MODE) == list->mode ? NULL : "another mode";
}

static void
encode_flags(const void *detail, TsdbBytes *out)
{
	const FlagsCase *list = (const FlagsCase *) detail;
	uint8_t flags[MAX_N];

	list->fill(flags, list->n);
	tsdb_flags_encode(out, flags, list->n, &mem);
}

static const char *
check_flags(const void *detail, TsdbSpan src)
{
	const FlagsCase *list = (const FlagsCase *) detail;
	uint8_t expected[MAX_N];
	uint8_t flags[MAX_N];

	list->fill(expected, list->n);
	if (tsdb_flags_decode(src, flags, list->n, &mem) != TSDB_OK)
		return "it does not";
	if (memcmp(flags, expected, list->n) != 0)
		return "to other states";
	return (src.at[0] & TAG_MODE) == list->mode ? NULL : "another mode";
}

static void
make_texts(const TextCase *text, TsdbBytes *texts, uint64_t *words)
{
	uint64_t random = 24;
	char string[256];

	tsdb_bytes_init(texts, &mem);
	for (uint32_t i = 0; i < text->n; i++)
	{
		uint32_t number = text->ndistinct > 0 ? random_below(&random, text->ndistinct) : i;
		int length = 0;

		for (uint32_t j = 0; j < text->repeats; j++)
			length += snprintf(string + length, sizeof(string) - (size_t) length, "charge %u in d\xc3\xa9gassage, ", number);
		words[i] = golden_text(texts, number == 3 ? "" : string);
	}
}

static void
encode_text(const void *detail, TsdbBytes *out)
{
	const TextCase *text = (const TextCase *) detail;
	uint64_t words[MAX_N];
	TsdbBytes texts;

	make_texts(text, &texts, words);
	tsdb_text_encode(out, texts.data, words, text->n, true, &mem);
}

static const char *
check_text(const void *detail, TsdbSpan src)
{
	const TextCase *text = (const TextCase *) detail;
	uint64_t expected[MAX_N];
	uint64_t words[MAX_N];
	TsdbBytes texts;
	TsdbBytes decoded;

	make_texts(text, &texts, expected);
	tsdb_bytes_init(&decoded, &mem);
	if (tsdb_text_decode(src, words, text->n, &decoded, 1 << 20, &mem) != TSDB_OK)
		return "it does not";
	for (uint32_t i = 0; i < text->n; i++)
		if (!golden_same_text(texts.data, expected[i], decoded.data, words[i]))
			return "to other strings";
	return src.at[0] == text->tag ? NULL : "another tag";
}
