/*-------------------------------------------------------------------------
 *
 * locktag.h
 *	  Heavyweight locks of tsdb beside those on relations and their pages.
 *
 * They are locks of the advisory class, whose users have field4 = 1 or 2; ours
 * are told apart by other values.  Lock method: USER_LOCKMETHOD.
 *-------------------------------------------------------------------------
 */
#ifndef TSDB_LOCKTAG_H
#define TSDB_LOCKTAG_H

#include "postgres.h"

#include "miscadmin.h"
#include "storage/lock.h"

typedef enum TsdbLockClass
{
	TSDB_LOCKCLASS_SERIES = 0x7401, /* table OID, series id; id 0 = all series */
	TSDB_LOCKCLASS_DEBUG_POINT = 0x7402, /* hash of the name, 0 */
	TSDB_LOCKCLASS_NAME = 0x7403 /* schema OID, hash of a table name: who makes it or its columns for the ingest server */
} TsdbLockClass;

/* tsdb_locktag_make - the tag of a lock of this database. */
static inline LOCKTAG
tsdb_locktag_make(TsdbLockClass lock_class, uint32 field2, uint32 field3)
{
	LOCKTAG tag;

	SET_LOCKTAG_ADVISORY(tag, MyDatabaseId, field2, field3, lock_class);
	return tag;
}

#endif /* TSDB_LOCKTAG_H */
