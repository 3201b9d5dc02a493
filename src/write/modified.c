/*-------------------------------------------------------------------------
 *
 * modified.c
 *	  Samples that commands of this transaction have updated or deleted, and which command did last.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "utils/hsearch.h"
#include "utils/memutils.h"
#include "write/modified.h"

typedef struct ModifiedKey
{
	Oid relid; /* invalid: an entry for a command that takes rows away, whose number is in series */
	uint32 series;
	int64 time;
} ModifiedKey;

typedef struct Modified
{
	ModifiedKey key;
	CommandId cid; /* InvalidCommandId: none */
	CommandId written_cid; /* InvalidCommandId: none */
} Modified;

static HTAB *modified = NULL; /* in TopTransactionContext */
static CommandId removing_cid = InvalidCommandId; /* known to have taken rows away */
static CommandId not_removing_cid = InvalidCommandId; /* known not to have, yet */

static Modified *find_modified(Oid relid, TsdbKey key, bool create);

bool
tsdb_modified_mark(Oid relid, TsdbKey key, CommandId cid, CommandId *by)
{
	Modified *entry = find_modified(relid, key, true);

	if (entry->cid != InvalidCommandId && entry->cid >= cid)
	{
		*by = entry->cid;
		return false;
	}
	entry->cid = cid;
	return true;
}

void
tsdb_modified_unmark(Oid relid, TsdbKey key)
{
	Modified *entry = find_modified(relid, key, false);

	if (entry != NULL)
		entry->cid = InvalidCommandId;
}

void
tsdb_modified_set_removing(CommandId cid)
{
	TsdbKey command = {cid, 0};

	find_modified(InvalidOid, command, true)->cid = cid;
	removing_cid = cid;
	not_removing_cid = InvalidCommandId;
}

bool
tsdb_modified_is_removing(CommandId cid)
{
	TsdbKey command = {cid, 0};

	if (modified == NULL || cid == not_removing_cid)
		return false;
	if (cid == removing_cid)
		return true;
	if (find_modified(InvalidOid, command, false) != NULL)
		removing_cid = cid;
	else
		not_removing_cid = cid;
	return cid == removing_cid;
}

void
tsdb_modified_set_written(Oid relid, TsdbKey key, CommandId cid)
{
	find_modified(relid, key, true)->written_cid = cid;
}

bool
tsdb_modified_is_written(Oid relid, TsdbKey key, CommandId cid)
{
	const Modified *entry = find_modified(relid, key, false);

	return entry != NULL && entry->written_cid == cid;
}

void
tsdb_modified_end_commands(void)
{
	if (modified != NULL)
		hash_destroy(modified);
	tsdb_modified_end_transaction();
}

void
tsdb_modified_end_transaction(void)
{
	modified = NULL;
	removing_cid = not_removing_cid = InvalidCommandId;
}

// private functions

/* What this transaction did to a sample; when there is nothing, a new entry or NULL. */
static Modified *
find_modified(Oid relid, TsdbKey key, bool create)
{
	ModifiedKey hash_key;
	Modified *entry;
	bool found;

	if (modified == NULL && create)
	{
		HASHCTL ctl = {0};

		ctl.keysize = sizeof(ModifiedKey);
		ctl.entrysize = sizeof(Modified);
		ctl.hcxt = TopTransactionContext;
		modified = hash_create("tsdb modified samples", 256, &ctl, HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	}
	if (modified == NULL)
		return NULL;
	memset(&hash_key, 0, sizeof(hash_key));
	hash_key.relid = relid;
	hash_key.series = key.series;
	hash_key.time = key.time;
	entry = hash_search(modified, &hash_key, create ? HASH_ENTER : HASH_FIND, &found);
	if (!found && create)
		entry->cid = entry->written_cid = InvalidCommandId;
	return entry;
}
