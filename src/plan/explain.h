/*-------------------------------------------------------------------------
 *
 * explain.h
 *	  What EXPLAIN shows of tsdb's nodes.
 *
 *-------------------------------------------------------------------------
 */
#ifndef TSDB_EXPLAIN_H
#define TSDB_EXPLAIN_H

#include "postgres.h"
#include "commands/explain.h"
#include "nodes/execnodes.h"
#include "pg/compat.h"
#include "plan/restriction.h"

/* tsdb_explain_scan - ExplainCustomScan of a TsdbScanState. */
extern void tsdb_explain_scan(CustomScanState *node, List *ancestors, ExplainState *es);

/* tsdb_explain_aggregate - ExplainCustomScan of a TsdbAggNodeState. */
extern void tsdb_explain_aggregate(CustomScanState *node, List *ancestors, ExplainState *es);

/* tsdb_explain_restriction - times and series of either node. */
extern void tsdb_explain_restriction(const TsdbRestricted *restricted, ExplainState *es);

/* tsdb_explain_needs_execution - walker: is there a parameter that only an execution knows?  context: the EState. */
extern bool tsdb_explain_needs_execution(Node *node, void *context);

#endif /* TSDB_EXPLAIN_H */
