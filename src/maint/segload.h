/*-------------------------------------------------------------------------
 *
 * segload.h
 *	  Groups and blocks of a segment, with all their columns, as compaction needs them.
 *
 *-------------------------------------------------------------------------
 */
#ifndef TSDB_SEGLOAD_H
#define TSDB_SEGLOAD_H

#include "maint/compaction.h"

/* A group, or neighbouring ones as if they were one, with the directories of its columns, in the order of the root's columns. */
typedef struct TsdbLoadedGroup
{
	uint32 group_no; /* the first */
	uint32 ngroups;
	struct TsdbLoadedGroup *parts; /* each of them */
	TsdbGroupBase base; /* blocks of all; columns are those of parts */
	bool *has_column; /* some block stores the column */
	TsdbGroupColumn *columns; /* cells and sub_us; summaries are those of parts */
} TsdbLoadedGroup;

/* tsdb_segload_group - load groups of a stored segment, ngroups > 0; arrays in the current context. */
extern void tsdb_segload_group(TsdbCompaction *compaction, const TsdbSegment *segment, uint32 group_no, uint32 ngroups,
							   TsdbLoadedGroup *loaded);

/* tsdb_segload_is_uniform - have the columns of all groups sub-summaries of the same span? */
extern bool tsdb_segload_is_uniform(const TsdbLoadedGroup *loaded, int ncolumns);

/* tsdb_segload_block - decode a block: every value column of the table as it is now; arrays in the current context. */
extern void tsdb_segload_block(TsdbCompaction *compaction, const TsdbSegment *segment, const TsdbLoadedGroup *loaded,
							   uint32 block_index, TsdbBatch *batch);

/* tsdb_segload_column - position of a column in a root, -1 = the segment lacks it. */
extern int tsdb_segload_column(TsdbCompaction *compaction, const TsdbSegment *segment, const TsdbWanted *wanted);

/*
 * tsdb_segload_extent - times of the first and the last row of a segment, as far as its root knows.
 *
 * At least inside its groups; false for a segment without rows.
 */
extern bool tsdb_segload_extent(TsdbCompaction *compaction, const TsdbSegment *segment, int64 *first_us, int64 *last_us);

/* tsdb_segload_lacks_values - do blocks lack a column whose missing value is not NULL? */
extern bool tsdb_segload_lacks_values(TsdbCompaction *compaction, const TsdbSegment *segment);

/* tsdb_segload_has_other_quality - do values belong to another quality column now than when their summaries were made? */
extern bool tsdb_segload_has_other_quality(const TsdbCompaction *compaction, const TsdbSegment *segment);

#endif /* TSDB_SEGLOAD_H */
