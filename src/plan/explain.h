/*-------------------------------------------------------------------------
 *
 * explain.h
 *	  What EXPLAIN shows of the scan node.
 *
 *-------------------------------------------------------------------------
 */
#ifndef TSDB_EXPLAIN_H
#define TSDB_EXPLAIN_H

#include "postgres.h"
#include "commands/explain.h"
#include "nodes/execnodes.h"
#include "pg/compat.h"

/* tsdb_explain_scan - ExplainCustomScan of a TsdbScanState. */
extern void tsdb_explain_scan(CustomScanState *node, List *ancestors, ExplainState *es);

#endif /* TSDB_EXPLAIN_H */
