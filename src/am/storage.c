/*-------------------------------------------------------------------------
 *
 * storage.c
 *	  Storage-manager callbacks of the table access method.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "access/multixact.h"
#include "access/relation.h"
#include "access/transam.h"
#include "catalog/storage.h"
#include "catalog/storage_xlog.h"
#include "miscadmin.h"
#include "storage/bufmgr.h"
#include "storage/procarray.h"
#include "storage/smgr.h"
#include "utils/timestamp.h"

#include "am/storage.h"
#include "maint/compact.h"
#include "maint/maintainer.h"
#include "series/series.h"
#include "store/metapage.h"
#include "store/store.h"
#include "write/buffer.h"

/* PostgreSQL 15 and 16 prefetch the pages that ANALYZE asks for in the main fork's first file segment. */
#define MAX_PAGES (RELSEG_SIZE - 1)

/* Stored bytes of a sample, when nobody has counted the samples yet. */
#define GUESSED_SAMPLE_BYTES 1.5

static void copy_fork(Relation rel, SMgrRelation target, ForkNumber fork, const RelFileLocator *locator);
static BlockNumber store_pages(Relation rel);
static double estimate_rows(Relation rel, BlockNumber npages);

void
tsdb_storage_set_new_filelocator(Relation rel, const RelFileLocator *locator, char persistence,
								 TransactionId *freeze_xid, MultiXactId *min_multi)
{
	SMgrRelation storage = RelationCreateStorage(*locator, persistence, true);

	*freeze_xid = InvalidTransactionId;
	*min_multi = InvalidMultiXactId;

	/* Logged and synced at once, like heap's: recovery may have removed a file of that name before. */
	if (persistence == RELPERSISTENCE_UNLOGGED)
	{
		smgrcreate(storage, INIT_FORKNUM, false);
		log_smgrcreate(locator, INIT_FORKNUM);
		smgrimmedsync(storage, INIT_FORKNUM);
	}
	smgrclose(storage);
}

void
tsdb_storage_nontransactional_truncate(Relation rel)
{
	RelationTruncate(rel, 0);
	/* The same files go on with an empty dictionary and new numbers. */
	tsdb_series_forget(rel);
}

void
tsdb_storage_copy_data(Relation rel, const RelFileLocator *locator)
{
	SMgrRelation target;

	/* Rows that are not flushed yet belong to the files as they are now, and would be taken for truncated ones. */
	if (!tsdb_buffer_flush(RelationGetRelid(rel)))
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("cannot move table \"%s\" after rows were written to it outside of the savepoint", RelationGetRelationName(rel)),
				 errdetail("Rows of an outer transaction level can't be written out here."),
				 errhint("Move the table before the savepoint or in another transaction.")));

	/* The copy doesn't go through the buffers. */
	FlushRelationBuffers(rel);
	target = RelationCreateStorage(*locator, rel->rd_rel->relpersistence, true);
	RelationCopyStorage(RelationGetSmgr(rel), target, MAIN_FORKNUM, rel->rd_rel->relpersistence);
	for (ForkNumber fork = MAIN_FORKNUM + 1; fork <= MAX_FORKNUM; fork++)
		if (smgrexists(RelationGetSmgr(rel), fork))
			copy_fork(rel, target, fork, locator);

	RelationDropStorage(rel);
	smgrclose(target);
}

void
tsdb_storage_copy_for_cluster(Relation old_rel, Relation new_rel, TransactionId oldest_xmin,
							  TransactionId *xid_cutoff, MultiXactId *multi_cutoff,
							  double *num_tuples, double *tups_vacuumed, double *tups_recently_dead)
{
	/* Core is about to forget the defaults of columns that older rows lack. */
	tsdb_compact_materialize(old_rel);
	tsdb_store_copy(old_rel, new_rel, oldest_xmin, xid_cutoff, multi_cutoff,
					num_tuples, tups_vacuumed, tups_recently_dead);
	tsdb_metapage_copy(old_rel, new_rel);

	/* Becomes reltuples of the table. */
	*num_tuples = estimate_rows(new_rel, store_pages(new_rel));
}

void
tsdb_storage_vacuum(Relation rel)
{
	TimestampTz started = GetCurrentTimestamp();
	TransactionId frozen_xid = InvalidTransactionId;
	MultiXactId min_multi = InvalidMultiXactId;
	double nrows = estimate_rows(rel, store_pages(rel));

	/* Invalid is left alone; ALTER TABLE rewrites set both, and somebody has to move them on (rule C2). */
	if (TransactionIdIsNormal(rel->rd_rel->relfrozenxid))
		frozen_xid = GetOldestNonRemovableTransactionId(rel);
	if (MultiXactIdIsValid(rel->rd_rel->relminmxid))
		min_multi = GetOldestMultiXactId();

	tsdb_compat_update_relstats(rel, tsdb_storage_pages(rel), nrows, frozen_xid, min_multi);
	tsdb_compat_report_vacuum(rel, (PgStat_Counter) nrows, started);
	tsdb_maintainer_wake(MyDatabaseId);
}

BlockNumber
tsdb_storage_pages(Relation rel)
{
	if (smgrnblocks(RelationGetSmgr(rel), MAIN_FORKNUM) == 0)
		return 0;
	return Max(1, Min(store_pages(rel), MAX_PAGES));
}

uint64
tsdb_storage_size(Relation rel, ForkNumber fork)
{
	if (fork != MAIN_FORKNUM && fork != InvalidForkNumber)
		return 0;
	return (uint64) tsdb_storage_pages(rel) * BLCKSZ;
}

void
tsdb_storage_estimate_size(Relation rel, BlockNumber *pages, double *tuples, double *allvisfrac)
{
	*pages = store_pages(rel);
	*tuples = estimate_rows(rel, *pages);
	*allvisfrac = 0;
}

// private functions

static void
copy_fork(Relation rel, SMgrRelation target, ForkNumber fork, const RelFileLocator *locator)
{
	char persistence = rel->rd_rel->relpersistence;

	smgrcreate(target, fork, false);
	if (RelationIsPermanent(rel) || (persistence == RELPERSISTENCE_UNLOGGED && fork == INIT_FORKNUM))
		log_smgrcreate(locator, fork);
	RelationCopyStorage(RelationGetSmgr(rel), target, fork, persistence);
}

static BlockNumber
store_pages(Relation rel)
{
	Relation toast;
	BlockNumber npages;

	if (!OidIsValid(rel->rd_rel->reltoastrelid))
		return 0;
	toast = relation_open(rel->rd_rel->reltoastrelid, AccessShareLock);
	npages = RelationGetNumberOfBlocks(toast);
	relation_close(toast, AccessShareLock);
	return npages;
}

static double
estimate_rows(Relation rel, BlockNumber npages)
{
	double nrows = tsdb_metapage_rows(rel);

	if (nrows > 0)
		return nrows;
	return rint((double) npages * BLCKSZ / GUESSED_SAMPLE_BYTES);
}
