/*-------------------------------------------------------------------------
 *
 * verify.h
 *	  Read everything that a table stores and tell what is wrong with it.
 *
 *-------------------------------------------------------------------------
 */
#ifndef TSDB_VERIFY_H
#define TSDB_VERIFY_H

#include "postgres.h"
#include "utils/rel.h"
#include "utils/snapshot.h"

/* Called for each finding; the strings live until it returns. */
typedef void (*TsdbVerifyReport)(const char *object, const char *problem, void *arg);

/*
 * tsdb_verify_table - check every object that the snapshot sees.
 *
 * Runs and segments are read in a subtransaction each, so that damage anywhere is one finding
 * and the rest is still looked at.  Not in parallel mode.
 * Locks: AccessShareLock of the caller on the table.
 * Memory: one segment's group, and eight bytes for each page.
 */
extern void tsdb_verify_table(Relation rel, Snapshot snapshot, TsdbVerifyReport report, void *arg);

#endif /* TSDB_VERIFY_H */
