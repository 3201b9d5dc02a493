/*-------------------------------------------------------------------------
 *
 * measurement.c
 *	  What the ingest server knows of the tables it writes to.
 *
 * Descriptions are kept from one transaction to the next, until the relation cache says that the table
 * has changed.
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/table.h"
#include "access/xact.h"
#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "catalog/pg_type_d.h"
#include "miscadmin.h"
#include "pg/compat.h"
#include "server/measurement.h"
#include "storage/lmgr.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rls.h"
#include "utils/syscache.h"
#include "utils/timestamp.h"
#include "utils/typcache.h"

#define MAX_MEASUREMENTS 10000 /* more are forgotten all at once */
#define LOCKED_MS 10000 /* a lock that could not be had is not waited for again so soon */

static HTAB *measurements = NULL;
static MemoryContext context = NULL;
static TsdbMeasurement *first_open = NULL;

static void make_measurements(void);
static void lock_table(TsdbMeasurement *measurement, Oid relid, LOCKMODE lockmode);
static void note_locked(void);
static void describe(TsdbMeasurement *measurement);
static void describe_column(TsdbMeasurement *measurement, const TsdbTable *table, Form_pg_attribute att);
static bool is_direct(Relation rel);
static void on_relation(Datum arg, Oid relid);

TsdbMeasurement *
tsdb_measurement_open(const TsdbMeasurementKey *key, LOCKMODE lockmode)
{
	bool found;
	TsdbMeasurement *measurement = hash_search(measurements, key, HASH_ENTER, &found);

	if (!found)
		memset((char *) measurement + sizeof(TsdbMeasurementKey), 0, sizeof(TsdbMeasurement) - sizeof(TsdbMeasurementKey));
	if (measurement->rel != NULL)
		return measurement;

	/* A table that is dropped or renamed while we wait for its lock is looked up again. */
	for (int attempts = 0; attempts < 10; attempts++)
	{
		Oid relid = get_relname_relid(key->name, key->schema);
		char kind = OidIsValid(relid) ? get_rel_relkind(relid) : '\0';

		if (kind != RELKIND_RELATION && kind != RELKIND_PARTITIONED_TABLE)
			return NULL;
		lock_table(measurement, relid, lockmode);
		measurement->rel = try_table_open(relid, NoLock);
		if (measurement->rel == NULL)
		{
			UnlockRelationOid(relid, lockmode);
			continue;
		}
		if (get_relname_relid(key->name, key->schema) != relid)
		{
			table_close(measurement->rel, lockmode);
			measurement->rel = NULL;
			continue;
		}
		measurement->next_open = first_open;
		first_open = measurement;
		if (!measurement->is_valid || measurement->relid != relid)
			describe(measurement);
		measurement->table = measurement->is_direct ? tsdb_table_get(measurement->rel) : NULL;
		return measurement;
	}
	return NULL;
}

const TsdbTarget *
tsdb_measurement_column(const TsdbMeasurement *measurement, const char *key, Size nbytes, bool is_tag)
{
	char name[TSDB_NAME_BYTES] = {0};
	const TsdbTarget *target;

	(void) tsdb_name_map(key, nbytes, TSDB_NAME_FIRST, name);
	target = hash_search(measurement->columns, name, HASH_FIND, NULL);
	if (target == NULL || (target->role == TSDB_ROLE_TAG) == is_tag || !measurement->is_direct)
		return target;
	(void) tsdb_name_map(key, nbytes, is_tag ? TSDB_NAME_TAG : TSDB_NAME_FIELD, name);
	return hash_search(measurement->columns, name, HASH_FIND, NULL);
}

bool
tsdb_measurement_permits(TsdbMeasurement *measurement, Oid role)
{
	Oid relid = measurement->relid;

	if (measurement->role == role)
		return true;
	if (pg_class_aclcheck(relid, role, ACL_INSERT) != ACLCHECK_OK)
	{
		/* Or on every column: which ones a line has is not asked. */
		TupleDesc desc = RelationGetDescr(measurement->rel);

		for (int i = 0; i < desc->natts; i++)
			if (!TupleDescAttr(desc, i)->attisdropped &&
				pg_attribute_aclcheck(relid, i + 1, role, ACL_INSERT) != ACLCHECK_OK)
				return false;
	}
	measurement->role = role;
	return true;
}

void
tsdb_measurement_close_all(LOCKMODE lockmode)
{
	if (lockmode == TSDB_CLOSED_BY_ABORT)
		note_locked();
	while (first_open != NULL)
	{
		TsdbMeasurement *measurement = first_open;

		if (lockmode >= 0)
			table_close(measurement->rel, lockmode);
		measurement->rel = NULL;
		measurement->table = NULL;
		measurement->role = InvalidOid;
		first_open = measurement->next_open;
	}
	if (hash_get_num_entries(measurements) > MAX_MEASUREMENTS)
	{
		MemoryContextReset(context);
		make_measurements();
	}
}

void
tsdb_measurement_init(void)
{
	context = AllocSetContextCreate(TopMemoryContext, "tsdb measurements", ALLOCSET_DEFAULT_SIZES);
	make_measurements();
	CacheRegisterRelcacheCallback(on_relation, (Datum) 0);
}

// private functions

static void
make_measurements(void)
{
	HASHCTL control = {0};

	control.keysize = sizeof(TsdbMeasurementKey);
	control.entrysize = sizeof(TsdbMeasurement);
	control.hcxt = context;
	measurements = hash_create("tsdb measurements", 64, &control, HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
}

/*
 * Whoever holds a lock for seconds mostly does so for longer, and all who write through this process wait when it does.  So
 * they wait once, and then only look whether the lock is free.
 */
static void
lock_table(TsdbMeasurement *measurement, Oid relid, LOCKMODE lockmode)
{
	if (measurement->locked_at != 0 && !TimestampDifferenceExceeds(measurement->locked_at, GetCurrentTimestamp(), LOCKED_MS))
	{
		if (!ConditionalLockRelationOid(relid, lockmode))
		{
			measurement->locked_at = GetCurrentTimestamp();
			ereport(ERROR,
					(errcode(ERRCODE_LOCK_NOT_AVAILABLE),
					 errmsg("could not obtain lock on relation \"%s\"", measurement->key.name),
					 errdetail("It was locked some moments ago, and it still is."),
					 errhint("The lines can be sent again.")));
		}
	}
	else
	{
		measurement->is_waiting = true;
		LockRelationOid(relid, lockmode);
		measurement->is_waiting = false;
	}
	measurement->locked_at = 0;
}

static void
note_locked(void)
{
	HASH_SEQ_STATUS status;
	TsdbMeasurement *measurement;

	hash_seq_init(&status, measurements);
	while ((measurement = hash_seq_search(&status)) != NULL)
		if (measurement->is_waiting)
		{
			measurement->is_waiting = false;
			measurement->locked_at = GetCurrentTimestamp();
		}
}

static void
describe(TsdbMeasurement *measurement)
{
	Relation rel = measurement->rel;
	TupleDesc desc = RelationGetDescr(rel);
	bool is_ours = rel->rd_rel->relkind == RELKIND_RELATION && tsdb_table_is(RelationGetRelid(rel));
	const TsdbTable *table = is_ours ? tsdb_table_get(rel) : NULL;
	HASHCTL control = {0};

	if (measurement->columns != NULL)
		hash_destroy(measurement->columns);
	control.keysize = TSDB_NAME_BYTES;
	control.entrysize = sizeof(TsdbTarget);
	control.hcxt = context;
	measurement->columns = hash_create("tsdb measurement", desc->natts, &control, HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	if (measurement->memos == NULL)
		measurement->memos = MemoryContextAlloc(context, sizeof(TsdbKeyMemo) * TSDB_KEY_MEMOS * 2);
	memset(measurement->memos, 0, sizeof(TsdbKeyMemo) * TSDB_KEY_MEMOS * 2);
	measurement->relid = RelationGetRelid(rel);
	measurement->is_direct = is_ours && is_direct(rel);
	measurement->nrequired = 0;
	for (int i = 0; i < desc->natts; i++)
		if (!TupleDescAttr(desc, i)->attisdropped)
			describe_column(measurement, table, TupleDescAttr(desc, i));
	measurement->is_valid = true;
}

static void
describe_column(TsdbMeasurement *measurement, const TsdbTable *table, Form_pg_attribute att)
{
	char name[TSDB_NAME_BYTES] = {0};
	TsdbTarget *target;

	strlcpy(name, NameStr(att->attname), sizeof(name));
	target = hash_search(measurement->columns, name, HASH_ENTER, NULL);
	target->attnum = att->attnum;
	target->type_oid = att->atttypid;
	target->typmod = att->atttypmod;
	target->type = tsdb_table_value_type(att->atttypid);
	target->is_not_null = att->attnotnull;
	target->value_index = -1;
	target->role = TSDB_ROLE_VALUE;
	if (table == NULL)
		return;
	target->role = table->columns[att->attnum - 1].role;
	for (int i = 0; i < table->nvalues; i++)
		if (table->values[i].attnum == att->attnum)
			target->value_index = i;
	if (target->role != TSDB_ROLE_TIME && att->attnotnull)
		measurement->nrequired++;
}

/* What only the executor can do for a row needs the executor. */
static bool
is_direct(Relation rel)
{
	TupleConstr *constraints = RelationGetDescr(rel)->constr;

	if (rel->rd_rel->relispartition || rel->rd_rel->relrowsecurity || rel->rd_rules != NULL)
		return false;
	if (rel->trigdesc != NULL && (rel->trigdesc->trig_insert_before_row || rel->trigdesc->trig_insert_after_row ||
								  rel->trigdesc->trig_insert_before_statement || rel->trigdesc->trig_insert_after_statement ||
								  rel->trigdesc->trig_insert_new_table))
		return false;
	for (int i = 0; i < RelationGetDescr(rel)->natts; i++)
	{
		Form_pg_attribute att = TupleDescAttr(RelationGetDescr(rel), i);

		if (!att->attisdropped && get_typtype(att->atttypid) == TYPTYPE_DOMAIN && DomainHasConstraints(att->atttypid))
			return false;
	}
	return constraints == NULL || (constraints->num_check == 0 && !constraints->has_generated_stored);
}

static void
on_relation(Datum arg, Oid relid)
{
	HASH_SEQ_STATUS status;
	TsdbMeasurement *measurement;

	hash_seq_init(&status, measurements);
	while ((measurement = hash_seq_search(&status)) != NULL)
		if (relid == InvalidOid || measurement->relid == relid)
			measurement->is_valid = false;
}
