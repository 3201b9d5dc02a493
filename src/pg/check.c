/*-------------------------------------------------------------------------
 *
 * check.c
 *	  Memory of the server for the pure layers.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "utils/memutils.h"

#include "pg/check.h"

#define TSDB_MEM_ALIGN 16

static void *context_alloc(void *region, size_t nbytes);

/*
 * tsdb_mem_context - a TsdbMem that allocates in a memory context.
 *
 * Pieces go when the context is reset; the caller sees to that.  Beyond 1 GB is allowed.
 */
TsdbMem
tsdb_mem_context(MemoryContext context)
{
	TsdbMem mem;

	mem.alloc = context_alloc;
	mem.region = context;
	return mem;
}

// private functions

/* Chunks of a context are aligned to 8 bytes only. */
static void *
context_alloc(void *region, size_t nbytes)
{
	char *chunk = MemoryContextAllocHuge((MemoryContext) region, nbytes + TSDB_MEM_ALIGN - MAXIMUM_ALIGNOF);

	return (void *) TYPEALIGN(TSDB_MEM_ALIGN, chunk);
}
