/*-------------------------------------------------------------------------
 *
 * agggroups.h
 *	  The groups of an aggregation: found by two ids, kept in order of first appearance.
 *
 *-------------------------------------------------------------------------
 */
#ifndef TSDB_AGGGROUPS_H
#define TSDB_AGGGROUPS_H

#include "postgres.h"

typedef struct TsdbAggGroups TsdbAggGroups;

/* One group; the accumulators follow it in memory. */
typedef struct TsdbAggGroup
{
	uint32 tags; /* id of the keys that are made of tags */
	uint32 bucket; /* id of the keys that are made of the time */
} TsdbAggGroup;

#define TSDB_AGGGROUP_STATES(group) ((char *) (group) + MAXALIGN(sizeof(TsdbAggGroup)))

/* tsdb_agggroups_create - no groups yet; states_bytes of zeroes come with each new one. */
extern TsdbAggGroups *tsdb_agggroups_create(Size states_bytes);

/* tsdb_agggroups_reset - forget every group. */
extern void tsdb_agggroups_reset(TsdbAggGroups *groups);

/* tsdb_agggroups_get - the group of these ids, made when it is new; valid until the reset. */
extern TsdbAggGroup *tsdb_agggroups_get(TsdbAggGroups *groups, uint32 tags, uint32 bucket);

extern uint32 tsdb_agggroups_count(const TsdbAggGroups *groups);

/* tsdb_agggroups_at - the i-th group. */
extern TsdbAggGroup *tsdb_agggroups_at(const TsdbAggGroups *groups, uint32 i);


#endif /* TSDB_AGGGROUPS_H */
