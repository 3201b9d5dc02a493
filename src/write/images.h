/*-------------------------------------------------------------------------
 *
 * images.h
 *	  Row images for AFTER ROW triggers, by TID, to the end of the transaction.
 *
 * The trigger machinery remembers TIDs and fetches the rows later, perhaps at
 * commit, when they have been flushed, merged or replaced.
 *-------------------------------------------------------------------------
 */
#ifndef TSDB_IMAGES_H
#define TSDB_IMAGES_H

#include "postgres.h"
#include "executor/tuptable.h"
#include "storage/itemptr.h"
#include "utils/rel.h"

/* tsdb_images_keep - remember the slot's row under tid; an older image of that TID is replaced. */
extern void tsdb_images_keep(Relation rel, ItemPointer tid, TupleTableSlot *slot);

/* tsdb_images_find - store the image into slot; false when there is none. */
extern bool tsdb_images_find(Relation rel, ItemPointer tid, TupleTableSlot *slot);

/* tsdb_images_forget - the transaction is over. */
extern void tsdb_images_forget(void);

#endif /* TSDB_IMAGES_H */
