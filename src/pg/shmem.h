/*-------------------------------------------------------------------------
 *
 * shmem.h
 *	  Pieces of shared memory, asked for when the library is loaded.
 *
 *-------------------------------------------------------------------------
 */
#ifndef TSDB_SHMEM_H
#define TSDB_SHMEM_H

#include "postgres.h"
#include "storage/lwlock.h"

/*
 * tsdb_shmem_register - ask for a piece of shared memory; only from _PG_init under preload.
 *
 *	name	unique; of the piece, shown in pg_shmem_allocations
 *	place	set to the piece in every process, once the server has it
 *	make	fills the zeroed piece (NULL: zeros will do): when the server starts, and after a crash of a backend, when shared memory is made anew
 */
extern void tsdb_shmem_register(const char *name, Size nbytes, void **place, void (*make)(void *piece));

/* tsdb_shmem_lock - the lightweight lock that the library has; for maint/maintainer.c. */
extern LWLock *tsdb_shmem_lock(void);

#endif /* TSDB_SHMEM_H */
