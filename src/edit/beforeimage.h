/*-------------------------------------------------------------------------
 *
 * beforeimage.h
 *	  Read what rows are about to replace, and put it into the journal.
 *
 *-------------------------------------------------------------------------
 */
#ifndef TSDB_BEFOREIMAGE_H
#define TSDB_BEFOREIMAGE_H

#include "postgres.h"
#include "format/batch.h"
#include "utils/rel.h"

typedef struct TsdbBeforeImages
{
	Relation rel;
	int64 edit;
	CommandId cid; /* that writes the rows: what it finds is what earlier commands, and others, have left */
	bool only_empty; /* rows that find a sample will not be written */

	/* out */
	uint64 nsamples; /* that are written */
	int64 first_us; /* of those */
	int64 last_us;
	TsdbBatch *existing; /* only_empty: keys of the others */
} TsdbBeforeImages;

/*
 * tsdb_beforeimage_write - write the images of rows that are about to be flushed.
 *
 *	written	sorted, each key once; any kind of rows; its columns may be those of an older form of the table
 *
 * The caller holds the locks of the series.  Under REPEATABLE READ and above: serialisation error when a sample has changed since
 * the transaction's snapshot.  Memory: the current context, which the caller throws away.
 */
extern void tsdb_beforeimage_write(TsdbBeforeImages *images, TsdbBatch *written);

#endif /* TSDB_BEFOREIMAGE_H */
