/*-------------------------------------------------------------------------
 *
 * move.h
 *	  Move rows from the end of a table's storage into free space in front of it.
 *
 * Compaction writes segments behind the runs that it deletes: when those are vacuumed, the
 * front of the file is free and its end full.  Once moved, another vacuum gives the end back.
 *-------------------------------------------------------------------------
 */
#ifndef TSDB_MOVE_H
#define TSDB_MOVE_H

#include "postgres.h"
#include "storage/block.h"
#include "utils/rel.h"

typedef struct TsdbMove TsdbMove;

/*
 * tsdb_move_begin - look whether moving rows would shrink the file by a least_share-th of it and by least_pages.
 *
 * Goes by the free space map, so it comes after a vacuum.  Returns NULL when it doesn't pay, or when the end
 * of the file can't be emptied now.  Memory: current context, which must outlive the
 * transactions of the steps; maintenance_work_mem at most.
 * Locks: the caller holds AccessShareLock on the table.
 */
extern TsdbMove *tsdb_move_begin(Relation rel, uint32 least_share, BlockNumber least_pages);

/*
 * tsdb_move_step - move a portion of the rows in the current transaction; true when there is more to move.
 *
 * Does nothing more when somebody compacts the table.  Locks: as tsdb_compact_table.
 */
extern bool tsdb_move_step(Relation rel, TsdbMove *move);

/* tsdb_move_toast - OID of the TOAST relation that wants a vacuum then. */
extern Oid tsdb_move_toast(const TsdbMove *move);

/* tsdb_move_end - heap page from which on nothing lives any more: what the file can be cut to. */
extern BlockNumber tsdb_move_end(const TsdbMove *move);

/* tsdb_move_rows, tsdb_move_bytes - what was moved so far. */
extern uint64 tsdb_move_rows(const TsdbMove *move);
extern uint64 tsdb_move_bytes(const TsdbMove *move);

#endif /* TSDB_MOVE_H */
