/*-------------------------------------------------------------------------
 *
 * images.c
 *	  Row images for AFTER ROW triggers, by TID, to the end of the transaction.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "utils/hsearch.h"
#include "utils/memutils.h"
#include "write/images.h"

typedef struct ImageKey
{
	Oid relid;
	ItemPointerData tid;
} ImageKey;

typedef struct Image
{
	ImageKey key;
	HeapTuple tuple;
} Image;

static HTAB *images = NULL; /* below TopTransactionContext */

static void make_key(ImageKey *key, Relation rel, ItemPointer tid);

void
tsdb_images_keep(Relation rel, ItemPointer tid, TupleTableSlot *slot)
{
	ImageKey key;
	Image *image;
	bool found;
	MemoryContext old;

	if (images == NULL)
	{
		HASHCTL ctl = {0};

		ctl.keysize = sizeof(ImageKey);
		ctl.entrysize = sizeof(Image);
		ctl.hcxt = TopTransactionContext;
		images = hash_create("tsdb row images", 256, &ctl, HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	}
	make_key(&key, rel, tid);
	slot_getallattrs(slot);
	old = MemoryContextSwitchTo(TopTransactionContext);
	image = hash_search(images, &key, HASH_ENTER, &found);
	if (found && image->tuple != NULL)
		heap_freetuple(image->tuple);
	image->tuple = NULL;
	image->tuple = heap_form_tuple(RelationGetDescr(rel), slot->tts_values, slot->tts_isnull);
	MemoryContextSwitchTo(old);
}

bool
tsdb_images_find(Relation rel, ItemPointer tid, TupleTableSlot *slot)
{
	ImageKey key;
	Image *image;

	if (images == NULL)
		return false;
	make_key(&key, rel, tid);
	image = hash_search(images, &key, HASH_FIND, NULL);
	if (image == NULL || image->tuple == NULL)
		return false;
	ExecClearTuple(slot);
	heap_deform_tuple(image->tuple, RelationGetDescr(rel), slot->tts_values, slot->tts_isnull);
	ExecStoreVirtualTuple(slot);
	slot->tts_tid = *tid;
	slot->tts_tableOid = RelationGetRelid(rel);
	return true;
}

void
tsdb_images_forget(void)
{
	images = NULL;
}

// private functions

static void
make_key(ImageKey *key, Relation rel, ItemPointer tid)
{
	memset(key, 0, sizeof(ImageKey)); /* padding is hashed */
	key->relid = RelationGetRelid(rel);
	key->tid = *tid;
}
