/*-------------------------------------------------------------------------
 *
 * replay_main.c
 *	  main() of a fuzz target where there is no libFuzzer: runs it on files.
 *
 * Arguments are files or folders of files; prints TAP, one line for each
 * argument.  A finding is an abort of the target.
 *-------------------------------------------------------------------------
 */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_FILE_BYTES (1 << 20)
#define MAX_PATH_BYTES 4096

extern int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t nbytes);

static int replay_folder(const char *path, DIR *folder);
static int replay_file(const char *path);

int
main(int argc, char **argv)
{
	int failed = 0;

	for (int i = 1; i < argc; i++)
	{
		DIR *folder = opendir(argv[i]);
		int count = folder != NULL ? replay_folder(argv[i], folder) : replay_file(argv[i]);

		failed += count == 0;
		printf("%sok %d - %s: %d inputs\n", count > 0 ? "" : "not ", i, argv[i], count);
	}
	printf("1..%d\n", argc - 1);
	return failed > 0;
}

// private functions

static int
replay_folder(const char *path, DIR *folder)
{
	struct dirent *entry;
	int count = 0;

	while ((entry = readdir(folder)) != NULL)
	{
		char file[MAX_PATH_BYTES];

		if (entry->d_name[0] == '.')
			continue;
		snprintf(file, sizeof(file), "%s/%s", path, entry->d_name);
		count += replay_file(file);
	}
	closedir(folder);
	return count;
}

/* The input in a block of exactly its size, so that a sanitizer sees overruns. */
static int
replay_file(const char *path)
{
	FILE *file = fopen(path, "rb");
	uint8_t *whole = malloc(MAX_FILE_BYTES);
	uint8_t *exact;
	size_t nbytes;

	if (file == NULL || whole == NULL)
	{
		fprintf(stderr, "cannot read %s\n", path);
		free(whole);
		return 0;
	}
	nbytes = fread(whole, 1, MAX_FILE_BYTES, file);
	fclose(file);
	exact = malloc(nbytes > 0 ? nbytes : 1);
	if (exact == NULL)
		abort();
	memcpy(exact, whole, nbytes);
	(void) LLVMFuzzerTestOneInput(exact, nbytes);
	free(exact);
	free(whole);
	return 1;
}
