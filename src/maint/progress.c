/*-------------------------------------------------------------------------
 *
 * progress.c
 *	  What long work is going on, for the view tsdb.progress.
 *
 * A few places in shared memory; who finds none works unseen.
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "maint/progress.h"
#include "miscadmin.h"
#include "pg/shmem.h"
#include "storage/ipc.h"
#include "storage/lwlock.h"
#include "storage/spin.h"
#include "utils/timestamp.h"

#define NPLACES 64

typedef struct Place
{
	slock_t lock;
	TsdbProgress progress;
} Place;

static const char *const names[] = {
	"waiting", "merging into segments", "merging runs", "deleting runs", "sweeping segments",
	"retention", "verifying", "moving rows"};

static Place *places = NULL; /* in shared memory */
static Place *mine = NULL;

static void make_places(void *piece);
static void end_with_transaction(XactEvent event, void *arg);
static void end_with_process(int code, Datum arg);

void
tsdb_progress_start(Oid relid)
{
	static bool has_callback = false;

	tsdb_progress_end();
	if (places == NULL)
		return;
	if (!has_callback)
	{
		before_shmem_exit(end_with_process, 0);
		has_callback = true;
	}
	for (int i = 0; i < NPLACES && mine == NULL; i++)
	{
		Place *place = &places[i];

		SpinLockAcquire(&place->lock);
		if (place->progress.pid == 0)
		{
			memset(&place->progress, 0, sizeof(TsdbProgress));
			place->progress.pid = MyProcPid;
			place->progress.database_id = MyDatabaseId;
			place->progress.relid = relid;
			place->progress.started = GetCurrentTimestamp();
			mine = place;
		}
		SpinLockRelease(&place->lock);
	}
}

void
tsdb_progress_phase(TsdbPhase phase, uint64 total)
{
	if (mine == NULL)
		return;
	SpinLockAcquire(&mine->lock);
	mine->progress.phase = phase;
	mine->progress.done = 0;
	mine->progress.total = total;
	SpinLockRelease(&mine->lock);
}

void
tsdb_progress_set(uint64 done)
{
	if (mine == NULL)
		return;
	SpinLockAcquire(&mine->lock);
	mine->progress.done = done;
	SpinLockRelease(&mine->lock);
}

void
tsdb_progress_end(void)
{
	if (mine == NULL)
		return;
	SpinLockAcquire(&mine->lock);
	mine->progress.pid = 0;
	SpinLockRelease(&mine->lock);
	mine = NULL;
}

TsdbProgress *
tsdb_progress_list(int *n)
{
	TsdbProgress *list = palloc_array(TsdbProgress, NPLACES);

	*n = 0;
	for (int i = 0; places != NULL && i < NPLACES; i++)
	{
		SpinLockAcquire(&places[i].lock);
		list[*n] = places[i].progress;
		SpinLockRelease(&places[i].lock);
		if (list[*n].pid != 0)
			(*n)++;
	}
	return list;
}

const char *
tsdb_progress_name(TsdbPhase phase)
{
	return names[phase];
}

void
tsdb_progress_init(void)
{
	tsdb_shmem_register("tsdb progress", sizeof(Place) * NPLACES, (void **) &places, make_places);
	RegisterXactCallback(end_with_transaction, NULL);
}

// private functions

static void
make_places(void *piece)
{
	Place *made = piece;

	for (int i = 0; i < NPLACES; i++)
		SpinLockInit(&made[i].lock);
}

static void
end_with_transaction(XactEvent event, void *arg)
{
	if (event == XACT_EVENT_ABORT || event == XACT_EVENT_COMMIT || event == XACT_EVENT_PREPARE)
		tsdb_progress_end();
}

static void
end_with_process(int code, Datum arg)
{
	tsdb_progress_end();
}
