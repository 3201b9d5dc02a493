/*-------------------------------------------------------------------------
 *
 * verify_private.h
 *	  Shared by verify.c and verifysegment.c.
 *
 *-------------------------------------------------------------------------
 */
#ifndef TSDB_VERIFY_PRIVATE_H
#define TSDB_VERIFY_PRIVATE_H

#include "postgres.h"
#include "maint/verify.h"
#include "series/tsdbtable.h"
#include "store/store.h"

/* Key of a row of the store. */
typedef struct TsdbObjectKey
{
	uint32 id;
	int32 seq;
} TsdbObjectKey;

typedef struct TsdbVerification
{
	Relation rel;
	const TsdbTable *table;
	TsdbStore *store; /* of the object that is being verified */
	Snapshot snapshot;
	int64 segment_us;
	uint64 next_sequence;
	uint64 next_page;
	TsdbVerifyReport report;
	void *arg;
	const char *object; /* what findings are about */
	uint32 *series; /* ids of the dictionary, ascending */
	uint32 nseries;
	uint64 *pages; /* that runs and segments use */
	uint64 npages;
	uint64 pages_capacity;
	uint64 nobjects; /* verified so far */
	MemoryContext context;
} TsdbVerification;

/* tsdb_verify_problem - report a finding about the current object. */
extern void tsdb_verify_problem(TsdbVerification *verification, const char *format, ...) pg_attribute_printf(2, 3);

/* tsdb_verify_use_page - a run or segment refers to a page. */
extern void tsdb_verify_use_page(TsdbVerification *verification, uint64 page_no);

/* tsdb_verify_is_series - is the series in the dictionary? */
extern bool tsdb_verify_is_series(const TsdbVerification *verification, uint32 series_id);

/* tsdb_verify_segment - root, groups, blocks, cells, summaries and pages of a segment. */
extern void tsdb_verify_segment(TsdbVerification *verification, const TsdbObjectKey *key);

#endif /* TSDB_VERIFY_PRIVATE_H */
