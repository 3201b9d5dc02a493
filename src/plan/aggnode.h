/*-------------------------------------------------------------------------
 *
 * aggnode.h
 *	  TsdbAggregate: a custom scan that answers a grouped query from summaries.
 *
 * Plan:
 *	  custom_scan_tlist	keys, then aggregates: the rows that the node emits
 *	  custom_exprs		time bounds of the FILTERs, a list for each aggregate;
 *						for each table a list of three lists: time bounds, pins, right sides of conditions on values;
 *						parameters in custom_private
 *	  custom_private	{ the query's table, is there a GROUP BY, are all tags keys }, as oids;
 *						keys, their equality operators, their kinds (TsdbAggKeyKind); the bucketing (bucketexpr.h);
 *						for each aggregate: its call (aggquery.h), conditions on tags and strategies of the bounds of its FILTER;
 *						for each table: { oid }, columns by those of the query's table, conditions on tags,
 *						strategies of the bounds, shapes of the conditions on values, clock of and conditions on local time (localexpr.h);
 *						the order of the output (aggorder.h);
 *						for each aggregate: the expression that says whether tsdb.time_average is stepped
 *	  qual				HAVING
 *-------------------------------------------------------------------------
 */
#ifndef TSDB_AGGNODE_H
#define TSDB_AGGNODE_H

#include "postgres.h"
#include "nodes/execnodes.h"
#include "nodes/extensible.h"
#include "plan/aggbuckets.h"
#include "plan/agggroups.h"
#include "plan/localclock.h"
#include "plan/aggkeys.h"
#include "plan/aggstate.h"
#include "plan/restriction.h"
#include "plan/valuequals.h"
#include "port/atomics.h"
#include "read/aggregate.h"

/* An aggregate. */
typedef struct TsdbAggCallState
{
	TsdbAggCall call;
	Size offset; /* of its accumulator in a group */
	ExprState *tags_filter; /* NULL: none */
	ExprState *stepped; /* NULL: it is not */
	TsdbRestriction *times_filter; /* NULL: none */
	int64 from; /* of times_filter, half open */
	int64 until;
	int column; /* VALUE: in the request for the present table */
	bool takes_series; /* the present series passes tags_filter, and TAG: has the tag */
} TsdbAggCallState;

/* A table to read. */
typedef struct TsdbAggTableState
{
	Relation rel;
	List *attnums; /* int list: its columns by those of the query's table */
	TsdbRestriction *restriction;
	const TsdbRestricted *restricted; /* NULL: to be evaluated */
	TsdbValueFilter *values;
	List *clock; /* localexpr.h: of the buckets or of `local`; NIL: no zone matters */
	List *clock_attnums; /* its columns by those of the clock's expression; NIL: the same */
	List *local; /* conditions on local time */
} TsdbAggTableState;

#define TSDB_AGGNODE_NCOUNTERS (sizeof(TsdbAggregateCounters) / sizeof(uint64))

/* What the processes of a parallel aggregation share. */
typedef struct TsdbAggShared
{
	pg_atomic_uint32 next_unit; /* first range of series ids that nobody has taken */
	uint32 unit_series; /* ids in a range */
	pg_atomic_uint64 ncells; /* of the workers */
	pg_atomic_uint64 counters[TSDB_AGGNODE_NCOUNTERS]; /* of the workers, as in TsdbAggregateCounters */
} TsdbAggShared;

typedef struct TsdbAggNodeState
{
	CustomScanState css;
	MemoryContext context; /* of one aggregation: aggregator, pending rows, request */
	TsdbAggregateRequest request; /* to the present table */
	TsdbBucketRule rule;
	TsdbAggregator *aggregator; /* NULL: none open */
	TsdbAggTableState *table; /* being read */
	int next_table;
	TsdbLocalClock *local_clock; /* of that table; NULL: no zone matters */
	TsdbZoneSeries *zones; /* its series by zones: read one zone after the other */
	int nzones;
	int next_zone;
	uint64 nzones_read; /* of all tables */
	uint32 series; /* being read; 0: none yet */
	TsdbAggShared *shared; /* NULL: not parallel */
	uint32 *series_list; /* parallel: of the table, ascending */
	uint32 nseries;
	uint32 next_series; /* in the list: first that is not yet passed */
	bool is_grouped;
	int ncalls;
	TsdbAggCallState *calls;
	Size states_bytes;
	int ntables;
	TsdbAggTableState *tables;
	int nkeys;
	bool *key_buckets; /* made of the time, not of tags */
	int *key_positions; /* among the keys of its kind */
	List *tag_keys; /* ExprStates */
	List *bucket_keys;
	List *bucket; /* bucketexpr.h */
	List *bucket_arguments; /* ExprStates */
	bool needs_tags; /* a key, FILTER or count looks at tags */
	bool has_all_tags; /* no two series of one table have equal tag keys */
	bool has_start_key; /* the only bucket key is the start of the bucket, where that is regular */
	bool has_rising_keys; /* where the rule is FIXED, bucket keys grow from bucket to bucket */
	AttrNumber time_attnum; /* of the query's table */
	TupleTableSlot *row; /* of the query's table: tags and time, the rest NULL */
	ExprContext *econtext; /* of keys and filters */
	Datum *tag_values; /* keys of the present series */
	bool *tag_isnull;
	Datum *bucket_values; /* keys of the last bucket that they were computed for */
	bool *bucket_isnull;
	TsdbAggKeys *tag_sets; /* values of tag keys */
	TsdbAggKeys *bucket_sets;
	TsdbAggBuckets *seen_buckets; /* ids in bucket_sets */
	TsdbAggGroups *groups;
	uint32 tags_id; /* of the present series */
	uint32 bucket_id; /* of the present bucket */
	TsdbBucket present; /* bucket of the last cell */
	bool has_present;
	bool is_started;
	bool is_streaming; /* groups come one after the other and are not kept */
	const TsdbAggregateCell *ahead; /* streaming: first cell of the next group */
	char *states; /* streaming: accumulators of the present group */
	bool is_done; /* not streaming: groups are complete */
	MemoryContext result_context; /* of `sorted` */
	List *order; /* aggorder.h; NIL: as they come */
	bool is_rising_order; /* by bucket keys ascending, apart from tags */
	TsdbAggGroup **sorted; /* the groups in that order */
	uint32 next; /* group to emit */
	TsdbAggregateCounters counters; /* of all tables */
	uint64 ncells;
} TsdbAggNodeState;

extern const CustomScanMethods tsdb_aggnode_methods;

/* tsdb_aggnode_init - make the node known, so that workers can read plans with it. */
extern void tsdb_aggnode_init(void);

#endif /* TSDB_AGGNODE_H */
