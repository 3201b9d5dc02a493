/*-------------------------------------------------------------------------
 *
 * codec_bench.c
 *	  Size and speed of the codecs, beside LZ4 and memcpy in the same run.
 *
 *	  codec_bench [folder of CSV files: header line, then time,value] [values a chunk, 3600]
 *
 * For each series: bits a value with everything counted, codecs chosen, and
 * M values/s of encode (try all; sticky), decode, fold, LZ4 and memcpy of the
 * raw doubles.  The methods take turns on the same chunks; medians of rounds.
 * The generated series of plant.h follow those of the folder.  Last lines:
 * medians over the series of the ratios that the goals are written in.
 *-------------------------------------------------------------------------
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <lz4.h>
#include <time.h>

#include "../unit/plant.h"
#include "codec/codec.h"

#define MAX_VALUES 200000
#define MAX_SERIES 64
#define NROUNDS 15
#define NPLANT_VALUES 72000
#define MAX_CHUNKS (MAX_VALUES / 64)

typedef enum Method
{
	METHOD_ENCODE,
	METHOD_STICKY,
	METHOD_DECODE,
	METHOD_FOLD,
	METHOD_LZ4_ENCODE,
	METHOD_LZ4_DECODE,
	METHOD_MEMCPY,
	NMETHODS
} Method;

typedef struct Result
{
	double bits;
	double speed[NMETHODS]; /* M values/s */
} Result;

static Arena arena;
static const TsdbMem mem = {arena_alloc, &arena};
static double values[MAX_VALUES];
static TsdbBytes chunks[MAX_CHUNKS];
static TsdbBytes packed[MAX_CHUNKS]; /* by LZ4 */
static uint64_t decoded[TSDB_MAX_VALUES];
static Result results[MAX_SERIES];
static uint32_t nresults;

/* Working memory of one chunk: one block, used from its start again. */
static uint8_t *work;
static size_t work_used;
#define WORK_BYTES ((size_t) 64 << 20)

static void *work_alloc(void *region, size_t nbytes);
static void bench_folder(const char *path, uint32_t n);
static uint32_t read_csv(const char *path);
static void bench_series(const char *name, uint32_t nvalues, uint32_t n);
static void prepare(uint32_t nvalues, uint32_t n, char *codecs);
static double run(Method method, uint32_t nvalues, uint32_t n);
static void run_chunk(Method method, uint32_t chunk, uint32_t start, uint32_t n, TsdbSticky *sticky);
static double now_s(void);
static int compare_doubles(const void *left, const void *right);
static double median_ratio(Method method, Method reference);
static double worst_ratio(Method method, Method reference);

static const TsdbMem work_mem = {work_alloc, NULL};

int
main(int argc, char **argv)
{
	uint32_t n = argc > 2 ? (uint32_t) atoi(argv[2]) : 3600;
	double log_bits = 0;

	if (n < 64 || n > TSDB_MAX_VALUES)
	{
		fprintf(stderr, "values a chunk: 64 .. %d\n", TSDB_MAX_VALUES);
		return 1;
	}
	work = malloc(WORK_BYTES);
	memset(work, 0, WORK_BYTES);
	printf("%-18s %8s  %-24s %8s %8s %8s %8s %8s %8s %8s\n", "series", "bits", "chunks by codec",
		   "encode", "sticky", "decode", "fold", "lz4 enc", "lz4 dec", "memcpy");
	if (argc > 1)
		bench_folder(argv[1], n);
	for (PlantSeries series = 0; series < PLANT_NSERIES; series++)
	{
		plant_fill(series, values, NPLANT_VALUES, 1);
		bench_series(plant_names[series], NPLANT_VALUES, n);
	}
	for (uint32_t i = 0; i < nresults; i++)
		log_bits += log(results[i].bits);
	printf("geometric mean %.3f bits a value\n", exp(log_bits / nresults));
	printf("decode / lz4 decode    %.2f median, %.2f worst\n", median_ratio(METHOD_DECODE, METHOD_LZ4_DECODE),
		   worst_ratio(METHOD_DECODE, METHOD_LZ4_DECODE));
	printf("decode / memcpy        %.3f median\n", median_ratio(METHOD_DECODE, METHOD_MEMCPY));
	printf("fold / memcpy          %.3f median\n", median_ratio(METHOD_FOLD, METHOD_MEMCPY));
	printf("encode / lz4 encode    %.2f median\n", median_ratio(METHOD_ENCODE, METHOD_LZ4_ENCODE));
	printf("sticky / lz4 encode    %.2f median\n", median_ratio(METHOD_STICKY, METHOD_LZ4_ENCODE));
	arena_reset(&arena);
	return 0;
}

// private functions

static void *
work_alloc(void *region, size_t nbytes)
{
	void *piece = work + work_used;

	work_used += (nbytes + 63) / 64 * 64;
	if (work_used > WORK_BYTES)
		abort();
	return piece;
}

static void
bench_folder(const char *path, uint32_t n)
{
	struct dirent **entries;
	int count = scandir(path, &entries, NULL, alphasort);

	for (int i = 0; i < count; i++)
	{
		char *name = entries[i]->d_name;
		char *dot = strrchr(name, '.');
		char file[4096];

		if (dot == NULL || strcmp(dot, ".csv") != 0)
			continue;
		snprintf(file, sizeof(file), "%s/%s", path, name);
		*dot = '\0';
		bench_series(name, read_csv(file), n);
	}
}

static uint32_t
read_csv(const char *path)
{
	FILE *file = fopen(path, "r");
	char line[256];
	uint32_t count = 0;

	if (file == NULL || fgets(line, sizeof(line), file) == NULL)
		return 0;
	while (count < MAX_VALUES && fgets(line, sizeof(line), file) != NULL)
	{
		char *comma = strchr(line, ',');

		if (comma != NULL)
			values[count++] = strtod(comma + 1, NULL);
	}
	fclose(file);
	return count;
}

static void
bench_series(const char *name, uint32_t nvalues, uint32_t n)
{
	Result *result = &results[nresults++];
	double times[NMETHODS][NROUNDS];
	char codecs[64];
	size_t nbytes = 0;

	prepare(nvalues, n, codecs);
	for (uint32_t chunk = 0; chunk * n < nvalues; chunk++)
		nbytes += chunks[chunk].len;
	for (int round = 0; round < NROUNDS; round++)
		for (Method method = 0; method < NMETHODS; method++)
			times[method][round] = run(method, nvalues, n);

	result->bits = (double) nbytes * 8 / nvalues;
	printf("%-18s %8.3f  %-24s", name, result->bits, codecs);
	for (Method method = 0; method < NMETHODS; method++)
	{
		qsort(times[method], NROUNDS, sizeof(double), compare_doubles);
		result->speed[method] = 1e-6 / times[method][NROUNDS / 2];
		printf(" %8.0f", result->speed[method]);
	}
	printf("\n");
	fflush(stdout);
	arena_reset(&arena);
}

/* Encode all chunks, by both; check them; name the codecs. */
static void
prepare(uint32_t nvalues, uint32_t n, char *codecs)
{
	static const char names[] = "Rcdb DrI";
	uint32_t counts[8] = {0};

	for (uint32_t start = 0, chunk = 0; start < nvalues; start += n, chunk++)
	{
		uint32_t m = nvalues - start < n ? nvalues - start : n;
		int bound = LZ4_compressBound((int) (m * 8));

		tsdb_bytes_init(&chunks[chunk], &mem);
		tsdb_bytes_init(&packed[chunk], &mem);
		work_used = 0;
		tsdb_column_encode(&chunks[chunk], TSDB_TYPE_FLOAT8, (uint64_t *) values + start, m, NULL, &work_mem);
		counts[tsdb_column_codec(tsdb_span(chunks[chunk].data, chunks[chunk].len))]++;
		packed[chunk].len = (size_t) LZ4_compress_default((char *) (values + start), (char *) tsdb_bytes_reserve(&packed[chunk], (size_t) bound), (int) (m * 8), bound);
		if (tsdb_column_decode(tsdb_span(chunks[chunk].data, chunks[chunk].len), TSDB_TYPE_FLOAT8, decoded, m, &work_mem) != TSDB_OK ||
			memcmp(decoded, values + start, m * 8) != 0)
		{
			printf("a chunk does not decode to what was encoded\n");
			exit(1);
		}
	}
	codecs[0] = '\0';
	for (int codec = 0; codec < 8; codec++)
		if (counts[codec] > 0)
			sprintf(codecs + strlen(codecs), "%c%u ", codec == 4 ? 'D' : names[codec == 5 ? 6 : codec], counts[codec]);
}

/* Seconds a value, of one pass over all chunks. */
static double
run(Method method, uint32_t nvalues, uint32_t n)
{
	TsdbSticky sticky;
	double start_s = now_s();

	memset(&sticky, 0, sizeof(sticky));
	for (uint32_t start = 0, chunk = 0; start < nvalues; start += n, chunk++)
	{
		work_used = 0;
		run_chunk(method, chunk, start, nvalues - start < n ? nvalues - start : n, &sticky);
	}
	return (now_s() - start_s) / nvalues;
}

static void
run_chunk(Method method, uint32_t chunk, uint32_t start, uint32_t n, TsdbSticky *sticky)
{
	static char lz4_out[LZ4_COMPRESSBOUND(TSDB_MAX_VALUES * 8)];
	TsdbSpan src = tsdb_span(chunks[chunk].data, chunks[chunk].len);
	TsdbBytes out;
	TsdbFold fold;

	switch (method)
	{
		case METHOD_ENCODE:
		case METHOD_STICKY:
			tsdb_bytes_init(&out, &work_mem);
			tsdb_column_encode(&out, TSDB_TYPE_FLOAT8, (uint64_t *) values + start, n,
							   method == METHOD_STICKY ? sticky : NULL, &work_mem);
			break;
		case METHOD_DECODE:
			if (tsdb_column_decode(src, TSDB_TYPE_FLOAT8, decoded, n, &work_mem) != TSDB_OK)
				abort();
			break;
		case METHOD_FOLD:
			if (tsdb_column_fold(src, TSDB_TYPE_FLOAT8, n, &fold, &work_mem) != TSDB_OK)
				abort();
			break;
		case METHOD_LZ4_ENCODE:
			(void) LZ4_compress_default((char *) (values + start), lz4_out, (int) (n * 8), (int) sizeof(lz4_out));
			break;
		case METHOD_LZ4_DECODE:
			if (LZ4_decompress_safe((char *) packed[chunk].data, (char *) decoded, (int) packed[chunk].len, (int) (n * 8)) < 0)
				abort();
			break;
		case METHOD_MEMCPY:
			memcpy(decoded, values + start, n * 8);
			break;
		case NMETHODS:
			break;
	}
	__asm__ volatile("" ::"r"(decoded)
					 : "memory");
}

static double
now_s(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double) now.tv_sec + (double) now.tv_nsec * 1e-9;
}

static int
compare_doubles(const void *left, const void *right)
{
	double a = *(const double *) left;
	double b = *(const double *) right;

	return a < b ? -1 : a > b;
}

static double
median_ratio(Method method, Method reference)
{
	double ratios[MAX_SERIES];

	for (uint32_t i = 0; i < nresults; i++)
		ratios[i] = results[i].speed[method] / results[i].speed[reference];
	qsort(ratios, nresults, sizeof(double), compare_doubles);
	return ratios[nresults / 2];
}

static double
worst_ratio(Method method, Method reference)
{
	double worst = INFINITY;

	for (uint32_t i = 0; i < nresults; i++)
		worst = fmin(worst, results[i].speed[method] / results[i].speed[reference]);
	return worst;
}
