/*-------------------------------------------------------------------------
 *
 * shmem.c
 *	  Pieces of shared memory, asked for when the library is loaded.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "miscadmin.h"
#include "pg/shmem.h"
#include "storage/ipc.h"
#include "storage/shmem.h"

#define MAX_PIECES 8
#define LOCK_NAME "tsdb maintenance"

typedef struct Piece
{
	const char *name;
	Size nbytes;
	void **place;
	void (*make)(void *piece);
} Piece;

static int npieces = 0;
static Piece pieces[MAX_PIECES];
static shmem_request_hook_type prev_shmem_request = NULL;
static shmem_startup_hook_type prev_shmem_startup = NULL;

static void shmem_request(void);
static void shmem_startup(void);

void
tsdb_shmem_register(const char *name, Size nbytes, void **place, void (*make)(void *piece))
{
	if (npieces == MAX_PIECES)
		elog(ERROR, "too many pieces of shared memory");
	if (npieces == 0)
	{
		prev_shmem_request = shmem_request_hook;
		shmem_request_hook = shmem_request;
		prev_shmem_startup = shmem_startup_hook;
		shmem_startup_hook = shmem_startup;
	}
	pieces[npieces].name = name;
	pieces[npieces].nbytes = nbytes;
	pieces[npieces].place = place;
	pieces[npieces].make = make;
	npieces++;
}

LWLock *
tsdb_shmem_lock(void)
{
	return &GetNamedLWLockTranche(LOCK_NAME)->lock;
}

// private functions

static void
shmem_request(void)
{
	if (prev_shmem_request)
		prev_shmem_request();
	for (int i = 0; i < npieces; i++)
		RequestAddinShmemSpace(pieces[i].nbytes);
	RequestNamedLWLockTranche(LOCK_NAME, 1);
}

static void
shmem_startup(void)
{
	if (prev_shmem_startup)
		prev_shmem_startup();
	LWLockAcquire(AddinShmemInitLock, LW_EXCLUSIVE);
	for (int i = 0; i < npieces; i++)
	{
		bool found;
		void *piece = ShmemInitStruct(pieces[i].name, pieces[i].nbytes, &found);

		if (!found)
		{
			memset(piece, 0, pieces[i].nbytes);
			if (pieces[i].make != NULL)
				pieces[i].make(piece);
		}
		*pieces[i].place = piece;
	}
	LWLockRelease(AddinShmemInitLock);
}
