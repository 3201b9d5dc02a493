/*-------------------------------------------------------------------------
 *
 * runstore.h
 *	  Runs as rows: list, read chunks, write, delete.
 *
 *-------------------------------------------------------------------------
 */
#ifndef TSDB_RUNSTORE_H
#define TSDB_RUNSTORE_H

#include "format/run.h"
#include "store/store.h"

/*
 * A run that is written before the end of its transaction may hold rows of several commands: they carry their
 * command ids in a last column of this number, and the transaction's own readers leave out rows of
 * commands that their snapshot does not see.  Other transactions see all or nothing, and a merge drops the column.
 */
#define TSDB_CID_ATTNUM TSDB_RUN_ROW_ATTNUM

typedef struct TsdbStoredRun
{
	TsdbRun run;
	ItemPointerData tid; /* of the RUN row */
	TransactionId xmin; /* who wrote it */
	TsdbSpan payload; /* inline payload; empty when it lies in pages */
} TsdbStoredRun;

/* What a run may be coded against, and what came of it. */
typedef struct TsdbRunOffer
{
	uint64 run_no; /* of the base, 0 = none */
	const TsdbBatch *rows; /* of the base */
	uint64 generation; /* of the base; out: of the run that was written */
	bool is_used; /* out: the run is coded against the base */
	bool may_serve; /* out: the run may become a base */
} TsdbRunOffer;

/*
 * tsdb_runstore_list - every run that the snapshot sees, ascending by run_no.
 *
 * Headers and inline payloads are copied into the current context (a few kB per run).
 */
extern TsdbStoredRun *tsdb_runstore_list(TsdbStore *store, Relation rel, Snapshot snapshot, uint32 *nruns);

/* tsdb_runstore_decode_row - header of a RUN row as a scan returned it; arrays in the current context, payload points into the row's bytes. */
extern void tsdb_runstore_decode_row(Relation rel, const TsdbStoreRow *row, TsdbStoredRun *stored);

/* tsdb_runstore_chunk - bytes of chunk chunk_no; valid as long as the current context (or the run's payload). */
extern TsdbSpan tsdb_runstore_chunk(TsdbStore *store, Relation rel, Snapshot snapshot,
									const TsdbStoredRun *stored, uint32 chunk_no);

/*
 * tsdb_runstore_write - code a sorted batch as a run and insert it.
 *
 *	fresh		rows take the run's new sequence; false: rows keep batch->sequences (tier merge)
 *	fixed_seq	0, or (fresh only) a sequence reserved before with tsdb_runstore_reserve
 *	barrier_seq lowest sequence that this transaction has reserved and not written yet; 0 = none
 *	stickies	see tsdb_run_encode
 *	offer		fresh runs of a transaction that is about to commit: store/runbase.h; else NULL
 *
 * Returns the run number.  Allocation of the sequence and insertion of the RUN row happen under the allocation
 * lock (ARCHITECTURE 2.2).  Works in a leader in parallel mode.
 */
extern uint64 tsdb_runstore_write(TsdbStore *store, Relation rel, const TsdbBatch *batch, bool fresh,
								  uint64 fixed_seq, uint64 barrier_seq, uint8 tier,
								  TsdbSticky *stickies, bool use_lz4, TsdbRunOffer *offer, CommandId cid);

/* tsdb_runstore_reserve - take sequences for rows that will be written later by this transaction. */
extern uint64 tsdb_runstore_reserve(Relation rel, uint64 nnumbers);

extern void tsdb_runstore_delete(TsdbStore *store, Snapshot snapshot, const TsdbStoredRun *stored);

#endif /* TSDB_RUNSTORE_H */
