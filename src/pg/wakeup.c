/*-------------------------------------------------------------------------
 *
 * wakeup.c
 *	  Ask the maintenance launcher to look at a database soon.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "miscadmin.h"
#include "pg/shmem.h"
#include "pg/wakeup.h"
#include "storage/ipc.h"
#include "storage/latch.h"
#include "storage/proc.h"
#include "storage/spin.h"

#define NREQUESTS 32

typedef struct Wakeup
{
	slock_t lock;
	Latch *launcher; /* NULL: none runs */
	Oid requests[NREQUESTS]; /* databases, InvalidOid = free */
} Wakeup;

static Wakeup *wakeup = NULL; /* in shared memory */

static void make_wakeup(void *piece);
static void forget_launcher(int code, Datum arg);

void
tsdb_wakeup_request(Oid database_id)
{
	Latch *latch;
	int free = -1;

	if (wakeup == NULL)
		return;
	SpinLockAcquire(&wakeup->lock);
	for (int i = 0; i < NREQUESTS; i++)
	{
		if (wakeup->requests[i] == database_id)
			break;
		if (wakeup->requests[i] == InvalidOid && free < 0)
			free = i;
		if (i == NREQUESTS - 1 && free >= 0)
			wakeup->requests[free] = database_id;
	}
	latch = wakeup->launcher;
	SpinLockRelease(&wakeup->lock);
	if (latch != NULL)
		SetLatch(latch);
}

void
tsdb_wakeup_listen(void)
{
	SpinLockAcquire(&wakeup->lock);
	wakeup->launcher = MyLatch;
	SpinLockRelease(&wakeup->lock);
	before_shmem_exit(forget_launcher, 0);
}

Oid
tsdb_wakeup_next(void)
{
	Oid database_id = InvalidOid;

	SpinLockAcquire(&wakeup->lock);
	for (int i = 0; i < NREQUESTS && database_id == InvalidOid; i++)
	{
		database_id = wakeup->requests[i];
		wakeup->requests[i] = InvalidOid;
	}
	SpinLockRelease(&wakeup->lock);
	return database_id;
}

void
tsdb_wakeup_init(void)
{
	tsdb_shmem_register("tsdb wakeup", sizeof(Wakeup), (void **) &wakeup, make_wakeup);
}

// private functions

static void
make_wakeup(void *piece)
{
	Wakeup *made = piece;

	SpinLockInit(&made->lock);
}

static void
forget_launcher(int code, Datum arg)
{
	SpinLockAcquire(&wakeup->lock);
	wakeup->launcher = NULL;
	SpinLockRelease(&wakeup->lock);
}
