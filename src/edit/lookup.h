/*-------------------------------------------------------------------------
 *
 * lookup.h
 *	  The samples of a table at given times.
 *
 *-------------------------------------------------------------------------
 */
#ifndef TSDB_LOOKUP_H
#define TSDB_LOOKUP_H

#include "postgres.h"
#include "read/reader.h"
#include "utils/rel.h"

/* A reader of rows as they were right before one of our own commands. */
typedef struct TsdbLookup
{
	Relation rel;
	const TsdbWanted *wanted;
	int nwanted;
	Snapshot snapshot; /* registered */
	TsdbReader *reader;
	bool is_placed; /* is there an `asked`? */
	TsdbKey asked; /* the last key that was looked for */
	const TsdbBatch *window; /* of the first row at or after it; NULL: there is none */
	uint32 row; /* rows before it are not asked for any more */
} TsdbLookup;

/*
 * tsdb_lookup_open - read what this snapshot (a copy is registered) and our own commands below curcid have left.
 *
 *	nwanted	0: look for samples only, not for their values; else all of table->values
 */
extern TsdbLookup *tsdb_lookup_open(Relation rel, const TsdbTable *table, Snapshot snapshot, CommandId curcid, int nwanted);
extern void tsdb_lookup_close(TsdbLookup *lookup);

/* tsdb_lookup_restrict - only these series (ascending) and times will be asked for, in order of (series, time). */
extern void tsdb_lookup_restrict(TsdbLookup *lookup, const uint32 *series, uint32 nseries, int64 from, int64 until);

/*
 * tsdb_lookup_rows - the samples of a series at n ascending times.
 *
 * Cheap when calls ascend, too; nothing else may move the lookup's reader between them.
 *
 *	found	room for n: is there a sample?
 *	rows	out: those that are there, in the current context; columns = wanted
 */
extern void tsdb_lookup_rows(TsdbLookup *lookup, uint32 series, const int64 *times, uint32 n, bool *found, TsdbBatch *rows);

#endif /* TSDB_LOOKUP_H */
