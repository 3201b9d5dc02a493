/*-------------------------------------------------------------------------
 *
 * lineproto_bench.c
 *	  Speed of the line protocol parser, best of rounds.
 *
 * For each kind of line: MB/s, M lines/s and M fields/s.
 *-------------------------------------------------------------------------
 */
#define _GNU_SOURCE
#include <time.h>

#include "../unit/tap.h"
#include "proto/lineproto.h"

#define NLINES 20000
#define NROUNDS 25
#define MAX_LINE 512

typedef int (*Writer)(char *to, int i);

static Arena arena;
static const TsdbMem mem = {arena_alloc, &arena};

static int write_telegraf(char *to, int i);
static int write_three(char *to, int i);
static int write_narrow(char *to, int i);
static int write_strings(char *to, int i);
static int write_escapes(char *to, int i);
static void bench(const char *name, Writer writer);
static uint64_t read_all(const char *text, size_t nbytes);
static double now_s(void);

int
main(void)
{
	printf("%-24s %10s %10s %10s\n", "line protocol", "MB/s", "M lines/s", "M fields/s");
	bench("10 fields of Telegraf", write_telegraf);
	bench("3 fields", write_three);
	bench("1 field", write_narrow);
	bench("strings", write_strings);
	bench("escapes", write_escapes);
	return 0;
}

// private functions

static int
write_telegraf(char *to, int i)
{
	return sprintf(to, "cpu,cpu=cpu%d,host=host-%d.example.com usage_guest=0,usage_guest_nice=0,usage_idle=%.14f,usage_iowait=%.16f,usage_irq=0,"
					   "usage_nice=0,usage_softirq=%.16f,usage_steal=0,usage_system=%.14f,usage_user=%.15f 1596240000%09d\n",
				   i % 8, i % 100, 98.1234 + i * 1e-6, 0.05123456 + i * 1e-7, 0.0123456 + i * 1e-8, 1.234567 + i * 1e-5, 3.456789 + i * 1e-5, i);
}

static int
write_three(char *to, int i)
{
	return sprintf(to, "cpu,host=host-%d a=%di,b=%d.%d,c=%d 1596240000%09d\n", i % 100, i, i % 100, i % 10, i % 1000, i);
}

static int
write_narrow(char *to, int i)
{
	return sprintf(to, "m,t=%d v=%d 1596240000%09d\n", i % 1000, i % 1000, i);
}

static int
write_strings(char *to, int i)
{
	return sprintf(to, "m,t=%d v=%d,s=\"some text, with comma\",q=\"x\" 1596240000%09d\n", i % 1000, i % 1000, i);
}

static int
write_escapes(char *to, int i)
{
	return sprintf(to, "m\\ x,t=a\\,%d v=%d,s=\"some \\\"text, with comma\" 1596240000%09d\n", i % 1000, i % 1000, i);
}

static void
bench(const char *name, Writer writer)
{
	char *text = arena_alloc(&arena, (size_t) NLINES * MAX_LINE);
	size_t nbytes = 0;
	uint64_t nfields = 0;
	double best_s = 1e9;

	for (int i = 0; i < NLINES; i++)
		nbytes += (size_t) writer(text + nbytes, i);
	for (int round = 0; round < NROUNDS; round++)
	{
		double start_s = now_s();
		double taken_s;

		nfields = read_all(text, nbytes);
		taken_s = now_s() - start_s;
		best_s = taken_s < best_s ? taken_s : best_s;
	}
	printf("%-24s %10.0f %10.2f %10.1f\n", name, (double) nbytes / best_s / 1e6, NLINES / best_s / 1e6, (double) nfields / best_s / 1e6);
	arena_reset(&arena);
}

static uint64_t
read_all(const char *text, size_t nbytes)
{
	TsdbLineReader reader;
	TsdbLineResult result;
	uint64_t nfields = 0;

	tsdb_line_begin(&reader, text, nbytes, TSDB_PRECISION_NS, &mem);
	while ((result = tsdb_line_next(&reader)) != TSDB_LINE_END)
	{
		if (result == TSDB_LINE_BAD)
		{
			printf("%.*s: %s\n", (int) reader.line_bytes, reader.line, reader.error);
			exit(1);
		}
		nfields += reader.point.nfields;
	}
	return nfields;
}

static double
now_s(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double) now.tv_sec + (double) now.tv_nsec * 1e-9;
}
