/*-------------------------------------------------------------------------
 *
 * storage.h
 *	  Storage-manager callbacks of the table access method.
 *
 * The main fork holds nothing, or one metapage; all rows are in the TOAST
 * relation, which core creates, truncates, moves and drops by itself.
 * None of these looks at the write buffer; the handler does.
 *-------------------------------------------------------------------------
 */
#ifndef TSDB_STORAGE_H
#define TSDB_STORAGE_H

#include "postgres.h"

#include "commands/vacuum.h"
#include "pg/compat.h"
#include "utils/rel.h"

/*
 * tsdb_storage_set_new_filelocator - make an empty main fork, and for unlogged tables an empty init fork.
 *
 * The metapage comes with the first writer.  The table itself holds no transaction ids.
 */
extern void tsdb_storage_set_new_filelocator(Relation rel, const RelFileLocator *locator, char persistence,
											 TransactionId *freeze_xid, MultiXactId *min_multi);

/* tsdb_storage_nontransactional_truncate - empty a table that only this transaction has seen; core does its TOAST relation. */
extern void tsdb_storage_nontransactional_truncate(Relation rel);

/* tsdb_storage_copy_data - ALTER TABLE SET TABLESPACE: copy the forks to another file. */
extern void tsdb_storage_copy_data(Relation rel, const RelFileLocator *locator);

/* tsdb_storage_copy_for_cluster - VACUUM FULL: copy all row versions and the counters; row counts are of samples. */
extern void tsdb_storage_copy_for_cluster(Relation old_rel, Relation new_rel, TransactionId oldest_xmin,
										  TransactionId *xid_cutoff, MultiXactId *multi_cutoff,
										  double *num_tuples, double *tups_vacuumed, double *tups_recently_dead);

/*
 * tsdb_storage_vacuum - VACUUM of the table proper: advance relfrozenxid and report.
 *
 * Writes no rows: other backends don't see the transaction of a lazy vacuum as running.
 */
extern void tsdb_storage_vacuum(Relation rel);

/* tsdb_storage_pages - pages that the planner and ANALYZE shall see: those of the store, below 131072 (rule C8). */
extern BlockNumber tsdb_storage_pages(Relation rel);

/* tsdb_storage_size - the same in bytes for the main fork or all (InvalidForkNumber), 0 for the others. */
extern uint64 tsdb_storage_size(Relation rel, ForkNumber fork);

/* tsdb_storage_estimate_size - rows and pages for the planner. */
extern void tsdb_storage_estimate_size(Relation rel, BlockNumber *pages, double *tuples, double *allvisfrac);

#endif /* TSDB_STORAGE_H */
