/*-------------------------------------------------------------------------
 *
 * check.h
 *	  The one place where a pure layer's TsdbStatus becomes an ERROR.
 *
 *-------------------------------------------------------------------------
 */
#ifndef TSDB_CHECK_H
#define TSDB_CHECK_H

#include "base/base.h"
#include "utils/rel.h"

/*
 * TSDB_CHECK - raise DATA_CORRUPTED unless status is TSDB_OK.
 *
 *	rel		the tsdb table
 *	...		errdetail format and arguments: which row, what was expected
 */
#define TSDB_CHECK(status, rel, ...)                                                                                 \
	do                                                                                                               \
	{                                                                                                                \
		if (unlikely((status) != TSDB_OK))                                                                           \
			ereport(ERROR,                                                                                           \
					(errcode(ERRCODE_DATA_CORRUPTED),                                                                \
					 errmsg("invalid data in table \"%s\"", RelationGetRelationName(rel)),                           \
					 errdetail(__VA_ARGS__),                                                                         \
					 errhint("Run tsdb.verify('%s') to list every damaged object.", RelationGetRelationName(rel)))); \
	} while (0)

/* tsdb_mem_context - a TsdbMem that allocates in a memory context (sizes beyond 1 GB included). */
extern TsdbMem tsdb_mem_context(MemoryContext context);

#endif /* TSDB_CHECK_H */
