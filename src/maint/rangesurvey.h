/*-------------------------------------------------------------------------
 *
 * rangesurvey.h
 *	  Does it pay to take a range out as a whole?
 *
 *-------------------------------------------------------------------------
 */
#ifndef TSDB_RANGESURVEY_H
#define TSDB_RANGESURVEY_H

#include "postgres.h"
#include "format/run.h"
#include "maint/rangedelete.h"

#define TSDB_RANGESURVEY_MANY_ROWS 262144 /* of runs in a range: more are compacted before it is taken out */

/* tsdb_rangesurvey_is_large - does a whole block lie in the range, or a good part of blocks, or more than MANY_ROWS rows of runs? */
extern bool tsdb_rangesurvey_is_large(Relation rel, const TsdbRangeDelete *request, Snapshot snapshot);

/* tsdb_rangesurvey_run_rows - how many rows of a run may lie in the range, going by its header. */
extern uint64 tsdb_rangesurvey_run_rows(const TsdbRangeDelete *request, const TsdbRun *run);

#endif /* TSDB_RANGESURVEY_H */
