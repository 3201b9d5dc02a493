/*-------------------------------------------------------------------------
 *
 * pastsamples.h
 *	  What the journal holds of a table's samples, series by series.
 *
 *-------------------------------------------------------------------------
 */
#ifndef TSDB_PASTSAMPLES_H
#define TSDB_PASTSAMPLES_H

#include "postgres.h"
#include "format/image.h"
#include "edit/journal.h"
#include "executor/tuptable.h"
#include "format/stretch.h"
#include "series/tsdbtable.h"
#include "utils/rel.h"

#define TSDB_NO_ROW PG_UINT32_MAX

/* A piece of an image with its edit. */
typedef struct TsdbPastImage
{
	const TsdbEdit *edit;
	TsdbBatch before; /* FULL rows, columns = table->values as they are now */
} TsdbPastImage;

/* One sample in one image. */
typedef struct TsdbPastVersion
{
	int64 time;
	uint32 image; /* index; ascending in the order of edits */
	uint32 row; /* of its `before`; TSDB_NO_ROW: there was no sample */
	bool is_there; /* after the edit */
} TsdbPastVersion;

typedef struct TsdbPastSeries
{
	Datum *tags; /* by tag index */
	bool *tag_isnull;
	Datum jsonb;
	uint32 series; /* 0 = the table has never heard of it: it was restored from a dump */
	TsdbPastImage *images;
	uint32 nimages;
	TsdbPastVersion *versions; /* by time, then in the order of the edits */
	uint32 nversions;
} TsdbPastSeries;

typedef struct TsdbPast TsdbPast;

/*
 * tsdb_past_open - what a snapshot sees of the journal of a table.
 *
 *	filter			jsonb, checked; 0 = every series
 *	from, until		of the samples, us, half open
 *	after			only edits of transactions that began later than that; PG_INT64_MIN = all
 */
extern TsdbPast *tsdb_past_open(Relation rel, Datum filter, int64 from, int64 until, TimestampTz after, Snapshot snapshot);

/* tsdb_past_next - the next series that has versions; valid until the next call.  Memory: all images of one series. */
extern bool tsdb_past_next(TsdbPast *past, TsdbPastSeries *series);
extern void tsdb_past_close(TsdbPast *past);

/*
 * TsdbPastBytes - an image's bytes, of whatever form: pieces that decode to a TsdbImage each, ascending in time.
 */
typedef struct TsdbPastBytes
{
	Relation rel;
	const TsdbEditImage *header;
	TsdbSpan bytes;
	TsdbStretch stretch; /* TSDB_IMAGE_STRETCH */
	uint32 npieces;
} TsdbPastBytes;

/* tsdb_past_read - fetch and check an image; raises DATA_CORRUPTED.  Memory: current context. */
extern void tsdb_past_read(Relation rel, const TsdbEditImage *header, TsdbPastBytes *past);

/* tsdb_past_overlaps - may a piece hold samples in [first_us, last_us]? */
extern bool tsdb_past_overlaps(const TsdbPastBytes *past, uint32 piece, int64 first_us, int64 last_us);

/* tsdb_past_decode - a piece; raises DATA_CORRUPTED.  Memory: current context. */
extern void tsdb_past_decode(const TsdbPastBytes *past, uint32 piece, TsdbImage *image);

/* tsdb_past_fill - store a row as the table has it into a slot; text in the current context. */
extern void tsdb_past_fill(Relation rel, const TsdbTable *table, const Datum *tags, const bool *tag_isnull,
						   const TsdbBatch *rows, uint32 row, TupleTableSlot *slot);

#endif /* TSDB_PASTSAMPLES_H */
