/*-------------------------------------------------------------------------
 *
 * editcolumns.h
 *	  Columns of images <-> columns of the table as it is now.
 *
 *-------------------------------------------------------------------------
 */
#ifndef TSDB_EDITCOLUMNS_H
#define TSDB_EDITCOLUMNS_H

#include "postgres.h"
#include "format/image.h"
#include "nodes/pg_list.h"
#include "series/tsdbtable.h"
#include "utils/rel.h"

/* tsdb_editcolumns_ids - the journal's ids of table->values; made for columns that have none yet. */
extern uint32 *tsdb_editcolumns_ids(Relation rel, const TsdbTable *table);

/* tsdb_editcolumns_place - index in table->values of the column with an id, -1 when it was dropped; columns: tsdb_journal_columns. */
extern int tsdb_editcolumns_place(Relation rel, const TsdbTable *table, List *columns, uint32 id);

/*
 * tsdb_editcolumns_adapt - rows with the columns of the table as it is now.
 *
 *	ids		per column of rows
 *
 * Dropped columns go, columns that are newer have what older rows have there, values of columns that got
 * another type are converted by way of text.  Columns of the result: table->values.  Memory: current context.
 */
extern void tsdb_editcolumns_adapt(Relation rel, const TsdbTable *table, List *columns, const uint32 *ids, TsdbBatch *rows);

/* tsdb_editcolumns_datum - a value of a column as a Datum of the column's base type; text in the current context. */
extern Datum tsdb_editcolumns_datum(const TsdbColumn *column, const uint8_t *arena, uint32 row);

#endif /* TSDB_EDITCOLUMNS_H */
