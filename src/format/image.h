/*-------------------------------------------------------------------------
 *
 * image.h
 *	  Before-image: what an edit found at some times of one series, and a fingerprint of what it left there.
 *
 *	 bytes		what
 *	 1			version, 1
 *	 varint		number of times n, 1 .. TSDB_IMAGE_MAX_SAMPLES
 *	 zvarint	first time, us
 *	 varint		length of the times, times (codec.h), against the first
 *	 varint		length of the flags, flags (codec.h): bit 0 there was a sample, bit 1 there is one after the edit
 *	 varint		number of columns, then for each: varint id, u8 TsdbType, u64 fingerprint of its cells after the edit,
 *				varint length, cells (format/block.h) of the samples that were there
 *	 u32		crc32c
 *
 * Names neither series nor attnums, so it can be kept in a table that is dumped and restored.
 *-------------------------------------------------------------------------
 */
#ifndef TSDB_IMAGE_H
#define TSDB_IMAGE_H

#include "format/batch.h"

#define TSDB_IMAGE_MAX_SAMPLES 16384
#define TSDB_IMAGE_MAX_COLUMNS 1700

#define TSDB_IMAGE_WAS 1 /* there was a sample */
#define TSDB_IMAGE_IS 2 /* there is one now */

typedef struct TsdbImage
{
	uint32_t nsamples;
	int64_t *times; /* ascending */
	uint8_t *flags;
	TsdbBatch before; /* FULL rows: those with TSDB_IMAGE_WAS, in order; attnums of columns are 0 */
	int ncolumns; /* of before */
	uint32_t *column_ids;
	uint64_t *fingerprints; /* per column */
} TsdbImage;

/*
 * tsdb_image_encode - append an image.
 *
 *	stickies	one per column, see tsdb_cells_encode; NULL = try all codecs
 */
extern void tsdb_image_encode(TsdbBytes *out, const TsdbImage *image, TsdbSticky *stickies, const TsdbMem *scratch);

/* tsdb_image_decode - the reverse; everything in mem.  Any bytes may come. */
extern TsdbStatus tsdb_image_decode(TsdbSpan src, TsdbImage *image, const TsdbMem *mem);

/* tsdb_image_fold - add the cell of a row to a column's fingerprint, which begins with 0; the same wherever a value comes from. */
extern uint64_t tsdb_image_fold(uint64_t fingerprint, const TsdbColumn *column, const uint8_t *arena, uint32_t row);

#endif /* TSDB_IMAGE_H */
