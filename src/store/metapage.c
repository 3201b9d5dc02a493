/*-------------------------------------------------------------------------
 *
 * metapage.c
 *	  The one page of the main fork: format version and logged counters.
 *
 * Page 0, after the page header (offsets from the end of the header):
 *
 *	OFFSET	SIZE
 *	0		4		magic, 'tsdb'
 *	4		4		format version
 *	8		8		incarnation of the server that moved a `next` last
 *	16		8		span of a segment in us, 0 = not fixed yet
 *	24		8		estimated live rows, float8
 *	32		16 * 4	per counter: next, limit
 *
 * Every WAL record holds the whole page (200 bytes, as the hole is left out), so a
 * standby's page is that of the primary.  Between records `next` and the estimate move in the
 * buffer only: the change reaches the disk with the page, or is lost in a crash, after
 * which the incarnation differs and counting goes on at `limit`.
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/generic_xlog.h"
#include "access/xact.h"
#include "access/xlog.h"
#include "miscadmin.h"
#include "pg/shmem.h"
#include "storage/bufmgr.h"
#include "storage/bufpage.h"
#include "storage/ipc.h"
#include "storage/lwlock.h"
#include "storage/smgr.h"

#include "pg/compat.h"
#include "store/metapage.h"
#include "store/store.h"

#define METAPAGE_MAGIC 0x62647374 /* "tsdb", little endian */

typedef struct Counter
{
	uint64 next;
	uint64 limit;
} Counter;

typedef struct Metapage
{
	uint32 magic;
	uint32 version;
	uint64 incarnation;
	int64 segment_us;
	double nrows;
	Counter counters[TSDB_NCOUNTERS];
} Metapage;

StaticAssertDecl(sizeof(Metapage) == 96, "the metapage is part of the disk format");

static uint64 *server_incarnation = NULL; /* in shared memory */

static void make_incarnation(void *piece);
static uint64 incarnation_get(void);
static Buffer metapage_open(Relation rel, int lockmode);
static Buffer metapage_open_or_create(Relation rel);
static void metapage_init(Relation rel, Buffer buffer);
static Metapage *metapage_of(Page page);
static Metapage *metapage_check(Relation rel, Page page);
static uint64 counter_next(const Metapage *meta, TsdbCounter counter);
static void counter_check(Relation rel, TsdbCounter counter, uint64 first, uint64 n);
static void counter_log_ahead(Relation rel, Buffer buffer, TsdbCounter counter, uint64 n);
static void mark_dirty_unlogged(Relation rel, Buffer buffer);

uint64
tsdb_metapage_allocate(Relation rel, TsdbCounter counter, uint64 n)
{
	Buffer buffer = metapage_open_or_create(rel);
	Metapage *meta = metapage_check(rel, BufferGetPage(buffer));
	uint64 first = counter_next(meta, counter);

	counter_check(rel, counter, first, n);
	if (meta->incarnation != incarnation_get() || first + n > meta->counters[counter].limit)
		counter_log_ahead(rel, buffer, counter, n);
	meta->counters[counter].next = first + n;
	mark_dirty_unlogged(rel, buffer);
	UnlockReleaseBuffer(buffer);
	return first;
}

uint64
tsdb_metapage_next(Relation rel, TsdbCounter counter)
{
	Buffer buffer = metapage_open(rel, BUFFER_LOCK_SHARE);
	uint64 next;

	if (!BufferIsValid(buffer))
		return 1;
	next = counter_next(metapage_check(rel, BufferGetPage(buffer)), counter);
	UnlockReleaseBuffer(buffer);
	return next;
}

int64
tsdb_metapage_segment_us(Relation rel)
{
	Buffer buffer = metapage_open(rel, BUFFER_LOCK_SHARE);
	int64 segment_us;

	if (!BufferIsValid(buffer))
		return 0;
	segment_us = metapage_check(rel, BufferGetPage(buffer))->segment_us;
	UnlockReleaseBuffer(buffer);
	return segment_us;
}

int64
tsdb_metapage_create(Relation rel, int64 segment_us)
{
	int64 in_force = tsdb_metapage_segment_us(rel);
	Buffer buffer;

	Assert(segment_us > 0);
	if (in_force != 0)
		return in_force;

	buffer = metapage_open_or_create(rel);
	in_force = metapage_check(rel, BufferGetPage(buffer))->segment_us;
	if (in_force == 0)
	{
		GenericXLogState *state = GenericXLogStart(rel);

		in_force = segment_us;
		metapage_of(GenericXLogRegisterBuffer(state, buffer, GENERIC_XLOG_FULL_IMAGE))->segment_us = segment_us;
		GenericXLogFinish(state);
	}
	UnlockReleaseBuffer(buffer);
	return in_force;
}

double
tsdb_metapage_rows(Relation rel)
{
	Buffer buffer = metapage_open(rel, BUFFER_LOCK_SHARE);
	double nrows;

	if (!BufferIsValid(buffer))
		return 0;
	nrows = metapage_check(rel, BufferGetPage(buffer))->nrows;
	UnlockReleaseBuffer(buffer);
	return nrows >= 0 ? nrows : 0;
}

void
tsdb_metapage_set_rows(Relation rel, double nrows)
{
	Buffer buffer;

	if (RecoveryInProgress())
		return;
	buffer = metapage_open(rel, BUFFER_LOCK_EXCLUSIVE);
	if (!BufferIsValid(buffer))
		return;
	metapage_check(rel, BufferGetPage(buffer))->nrows = nrows;
	mark_dirty_unlogged(rel, buffer);
	UnlockReleaseBuffer(buffer);
}

void
tsdb_metapage_copy(Relation old_rel, Relation new_rel)
{
	Buffer buffer = metapage_open(old_rel, BUFFER_LOCK_SHARE);
	GenericXLogState *state;
	Metapage content;

	if (!BufferIsValid(buffer))
		return;
	content = *metapage_check(old_rel, BufferGetPage(buffer));
	UnlockReleaseBuffer(buffer);

	/* Nobody's incarnation: the new page goes on where the old one stopped. */
	for (int i = 0; i < TSDB_NCOUNTERS; i++)
		content.counters[i].limit = counter_next(&content, i);
	content.incarnation = 0;

	buffer = metapage_open_or_create(new_rel);
	state = GenericXLogStart(new_rel);
	*metapage_of(GenericXLogRegisterBuffer(state, buffer, GENERIC_XLOG_FULL_IMAGE)) = content;
	GenericXLogFinish(state);
	UnlockReleaseBuffer(buffer);
}

void
tsdb_metapage_shmem_init(void)
{
	tsdb_shmem_register("tsdb incarnation", sizeof(uint64), (void **) &server_incarnation, make_incarnation);
}

// private functions

/* make_incarnation - choose the incarnation; also after a crash of a backend, when shared memory is made anew. */
static void
make_incarnation(void *piece)
{
	uint64 *made = piece;

	if (!pg_strong_random(made, sizeof(uint64)))
		ereport(ERROR,
				(errcode(ERRCODE_INTERNAL_ERROR),
				 errmsg("could not generate random number for tsdb")));
	if (*made == 0)
		*made = 1;
}

static uint64
incarnation_get(void)
{
	if (server_incarnation == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("tsdb must be preloaded"),
				 errhint("Put shared_preload_libraries = 'tsdb' into postgresql.conf and restart the server.")));
	return *server_incarnation;
}

/*
 * metapage_open - pin and lock the page; InvalidBuffer when the table was never written to.
 *
 * The number of pages is asked of smgr: the table AM's answer is made up for the planner.
 * A page of zeroes is left by a crash right after the extension.
 */
static Buffer
metapage_open(Relation rel, int lockmode)
{
	Buffer buffer;

	if (smgrnblocks(RelationGetSmgr(rel), MAIN_FORKNUM) == 0)
		return InvalidBuffer;
	buffer = ReadBuffer(rel, 0);
	LockBuffer(buffer, lockmode);
	if (PageIsNew(BufferGetPage(buffer)))
	{
		UnlockReleaseBuffer(buffer);
		return InvalidBuffer;
	}
	return buffer;
}

static Buffer
metapage_open_or_create(Relation rel)
{
	Buffer buffer = metapage_open(rel, BUFFER_LOCK_EXCLUSIVE);

	if (BufferIsValid(buffer))
		return buffer;
	buffer = tsdb_compat_first_page(rel);
	LockBuffer(buffer, BUFFER_LOCK_EXCLUSIVE);
	if (PageIsNew(BufferGetPage(buffer)))
		metapage_init(rel, buffer);
	return buffer;
}

/* metapage_init - first contents, under the exclusive lock; WAL: the whole page. */
static void
metapage_init(Relation rel, Buffer buffer)
{
	GenericXLogState *state = GenericXLogStart(rel);
	Page page = GenericXLogRegisterBuffer(state, buffer, GENERIC_XLOG_FULL_IMAGE);
	Metapage *meta;

	PageInit(page, BLCKSZ, 0);
	((PageHeader) page)->pd_lower += sizeof(Metapage);
	meta = metapage_of(page);
	memset(meta, 0, sizeof(Metapage));
	meta->magic = METAPAGE_MAGIC;
	meta->version = TSDB_FORMAT_VERSION;
	for (int i = 0; i < TSDB_NCOUNTERS; i++)
		meta->counters[i].next = meta->counters[i].limit = 1;
	GenericXLogFinish(state);
}

static Metapage *
metapage_of(Page page)
{
	return (Metapage *) PageGetContents(page);
}

static Metapage *
metapage_check(Relation rel, Page page)
{
	Metapage *meta = metapage_of(page);

	if (((PageHeader) page)->pd_lower < MAXALIGN(SizeOfPageHeaderData) + sizeof(Metapage) ||
		meta->magic != METAPAGE_MAGIC || meta->version == 0)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_CORRUPTED),
				 errmsg("invalid metapage in table \"%s\"", RelationGetRelationName(rel)),
				 errdetail("Found magic number 0x%08X, expected 0x%08X.", meta->magic, METAPAGE_MAGIC),
				 errhint("Restore the table from a backup.")));
	if (meta->version > TSDB_FORMAT_VERSION)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("table \"%s\" has a newer storage format", RelationGetRelationName(rel)),
				 errdetail("Its format version is %u, this version of tsdb knows versions up to %u.",
						   meta->version, TSDB_FORMAT_VERSION),
				 errhint("Install a newer version of tsdb.")));
	for (int i = 0; i < TSDB_NCOUNTERS; i++)
		if (meta->counters[i].limit == 0 || meta->counters[i].next == 0 || meta->segment_us < 0)
			ereport(ERROR,
					(errcode(ERRCODE_DATA_CORRUPTED),
					 errmsg("invalid metapage in table \"%s\"", RelationGetRelationName(rel)),
					 errdetail("A counter is zero or the span of segments negative."),
					 errhint("Restore the table from a backup.")));
	return meta;
}

/* counter_next - the next number: `next` if this server put it there, else nothing below `limit` is safe. */
static uint64
counter_next(const Metapage *meta, TsdbCounter counter)
{
	if (server_incarnation != NULL && meta->incarnation == *server_incarnation)
		return meta->counters[counter].next;
	return meta->counters[counter].limit;
}

static void
counter_check(Relation rel, TsdbCounter counter, uint64 first, uint64 n)
{
	uint64 last = counter == TSDB_COUNTER_SERIES ? TSDB_STORE_MAX_ID : PG_INT64_MAX - TSDB_COUNTER_STEP;

	if (n > last || first > last - n + 1)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("table \"%s\" has used up its %s", RelationGetRelationName(rel),
						counter == TSDB_COUNTER_SERIES ? "series" : "numbers"),
				 errdetail("The limit is %llu.", (unsigned long long) last),
				 errhint("Copy the table to a new one.")));
}

/*
 * counter_log_ahead - log that the next n numbers and TSDB_COUNTER_STEP more may be in use.
 *
 * Taken over from another incarnation, all counters go on at their limits.  The record comes before
 * the numbers are used, hence before anything that holds them.
 */
static void
counter_log_ahead(Relation rel, Buffer buffer, TsdbCounter counter, uint64 n)
{
	GenericXLogState *state;
	Metapage *meta;

	/* As nextval does: only a transaction with an XID waits at commit for the record to reach the disk. */
	if (RelationNeedsWAL(rel) && !IsInParallelMode())
		(void) GetTopTransactionId();

	state = GenericXLogStart(rel);
	meta = metapage_of(GenericXLogRegisterBuffer(state, buffer, GENERIC_XLOG_FULL_IMAGE));
	for (int i = 0; i < TSDB_NCOUNTERS; i++)
		meta->counters[i].next = counter_next(meta, i);
	meta->incarnation = incarnation_get();
	if (meta->counters[counter].next + n > meta->counters[counter].limit)
		meta->counters[counter].limit = meta->counters[counter].next + n + TSDB_COUNTER_STEP;
	GenericXLogFinish(state);
}

/*
 * mark_dirty_unlogged - have a change without WAL written with the page.
 *
 * As for hint bits, so checksums hold after a torn write.  But hints are dropped
 * for relations that skip WAL (wal_level = minimal), whose `next` has to survive eviction.
 */
static void
mark_dirty_unlogged(Relation rel, Buffer buffer)
{
	if (RelationNeedsWAL(rel))
		MarkBufferDirtyHint(buffer, true);
	else
		MarkBufferDirty(buffer);
}
