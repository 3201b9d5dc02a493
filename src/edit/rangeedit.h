/*-------------------------------------------------------------------------
 *
 * rangeedit.h
 *	  Whole ranges of samples into the journal, without decoding them.
 *
 *-------------------------------------------------------------------------
 */
#ifndef TSDB_RANGEEDIT_H
#define TSDB_RANGEEDIT_H

#include "postgres.h"
#include "edit/journal.h"
#include "utils/rel.h"

/*
 * tsdb_rangeedit_delete - take samples of a range out of the table and keep them on record; returns the edit's id.
 *
 *	edit	see tsdb_capture_begin; its range is what is taken out
 *	series	ascending ids, NULL = all
 *
 * Locks: see tsdb_rangedelete_run; the caller holds no lock on the table that conflicts with itself.
 */
extern int64 tsdb_rangeedit_delete(Relation rel, const TsdbEdit *edit, const uint32 *series, uint32 nseries);

#endif /* TSDB_RANGEEDIT_H */
