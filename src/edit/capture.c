/*-------------------------------------------------------------------------
 *
 * capture.c
 *	  What is written while there is a reason goes into the journal: which edits are open.
 *
 * The buffer tells of every row (watch_append) and of the rows of a chunk before they are flushed (watch_flush).
 * An edit is a command id and a table; its row of tsdb.edit is written when the command is over, since only then are
 * its numbers known.  Images are read and written by beforeimage.c.
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/relation.h"
#include "access/xact.h"
#include "catalog/pg_class.h"
#include "edit/beforeimage.h"
#include "edit/capture.h"
#include "edit/lookup.h"
#include "miscadmin.h"
#include "pg/compat.h"
#include "series/series.h"
#include "series/tsdbtable.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"
#include "write/buffer.h"

/* An edit that is being made. */
typedef struct OpenEdit
{
	TsdbEdit row;
	CommandId cid; /* InvalidCommandId: not known yet */
	int nest_level;
	bool is_called; /* by a function, which has told its id */
	bool is_silent; /* the function writes the images */
	bool only_empty;
	bool has_fixed_range; /* as asked for */
	int64 sample_us;
	uint32 nlocked; /* series that `locked` has a bit for */
	uint8 *locked;
} OpenEdit;

static char *edit_reason = NULL; /* tsdb.edit_reason */
static bool has_reason = false;
static bool enforce_reason = true; /* tsdb.enforce_reason */
static TsdbEditKind current_kind = TSDB_EDIT_UNKNOWN;
static List *open_edits = NIL; /* in TopTransactionContext */
static OpenEdit *called = NULL; /* the one that a function has begun */

/* A load into an empty table, which needs no reason. */
static Oid loaded_relid = InvalidOid;
static CommandId loaded_cid = InvalidCommandId;

static void watch_append(Relation rel, const TsdbTable *table, TsdbKey key, TsdbRowKind kind, CommandId cid);
static void watch_flush(Relation rel, TsdbBufferChunk *chunk);
static OpenEdit *find_edit(Oid relid, CommandId cid);
static OpenEdit *start_edit(Relation rel, TsdbRowKind kind, CommandId cid);
static OpenEdit *create_edit(Relation rel, const TsdbEdit *row);
static bool is_journaled(Relation rel);
static const char *kind_name(TsdbRowKind kind);
static void lock_series(OpenEdit *edit, Relation rel, uint32 series);
static void check_reason(Relation rel, const TsdbTable *table, TsdbKey key, CommandId cid);
static bool is_first_load(Relation rel, CommandId cid);
static bool is_empty(Relation rel, CommandId cid);
static void capture(OpenEdit *edit, Relation rel, TsdbBufferChunk *chunk);
static void drop_existing(TsdbBufferChunk *chunk, CommandId cid, const TsdbBatch *existing);
static void add_samples(OpenEdit *edit, uint64 nsamples, int64 first_us, int64 last_us);
static void finish(OpenEdit *edit, Relation rel);
static void remove_edit(OpenEdit *edit);
static const char *given_reason(void);
static void end_all(void);
static void finish_some(bool all, CommandId cid);
static void update_watch(void);
static void assign_reason(const char *value, void *extra);
static void on_transaction(XactEvent event, void *arg);
static void on_subtransaction(SubXactEvent event, SubTransactionId mine, SubTransactionId parent, void *arg);

static const TsdbBufferWatcher watcher = {watch_append, watch_flush};

int64
tsdb_capture_begin(Relation rel, const TsdbEdit *row, bool only_empty)
{
	if (!is_journaled(rel))
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("edits of table \"%s\" can't be journaled", RelationGetRelationName(rel)),
				 errdetail("Temporary tables and materialized views have no history."),
				 errhint("Use INSERT, UPDATE or DELETE.")));
	if (called != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_IN_USE),
				 errmsg("an edit is in progress already"),
				 errdetail("It is edit %lld.", (long long) called->row.id),
				 errhint("Functions that make edits can't be called by the source of another, or by triggers.")));
	called = create_edit(rel, row);
	called->is_called = true;
	called->has_fixed_range = row->has_range;
	called->only_empty = only_empty;
	update_watch();
	return called->row.id;
}

void
tsdb_capture_set_command(CommandId cid)
{
	called->cid = cid;
}

void
tsdb_capture_end(Relation rel)
{
	OpenEdit *edit = called;

	called = NULL;
	finish(edit, rel);
	update_watch();
}

void
tsdb_capture_lock(Relation rel, uint32 series)
{
	lock_series(called, rel, series);
}

void
tsdb_capture_set_silent(bool is_silent)
{
	called->is_silent = is_silent;
}

int64
tsdb_capture_id(void)
{
	return called->row.id;
}

void
tsdb_capture_add_samples(uint64 nsamples, int64 first_us, int64 last_us)
{
	add_samples(called, nsamples, first_us, last_us);
}

void
tsdb_capture_end_command(CommandId cid)
{
	if (open_edits != NIL)
		finish_some(false, cid);
}

TsdbEditKind
tsdb_capture_set_kind(TsdbEditKind kind)
{
	TsdbEditKind before = current_kind;

	current_kind = kind;
	return before;
}

void
tsdb_capture_refuse_truncate(Oid relid)
{
	Relation rel = relation_open(relid, AccessShareLock);
	bool is_refused = is_journaled(rel) && (has_reason || (enforce_reason && tsdb_table_get(rel)->require_reason));

	/* A parallel pg_restore truncates tables before it fills them. */
	if (is_refused && !is_empty(rel, GetCurrentCommandId(false)))
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("TRUNCATE of table \"%s\" can't be journaled", RelationGetRelationName(rel)),
				 errdetail(has_reason ? "Setting \"tsdb.edit_reason\" is set." : "Option \"require_reason\" is set."),
				 errhint("Use tsdb.mark_deleted('%s', '{}', '-infinity', 'infinity', 'reason'), which can be undone.",
						 RelationGetRelationName(rel))));
	relation_close(rel, AccessShareLock);
}

void
tsdb_capture_init(void)
{
	DefineCustomStringVariable("tsdb.edit_reason",
							   "Why samples are changed: while it is set, changes of tsdb tables are journaled with it.",
							   "Empty: they are not.",
							   &edit_reason, "", PGC_USERSET, 0, NULL, assign_reason, NULL);
	DefineCustomBoolVariable("tsdb.enforce_reason",
							 "Tables with option require_reason refuse changes of old samples without a reason.",
							 "Off: they do not; for restoring dumps that are made of INSERTs.",
							 &enforce_reason, true, PGC_SUSET, 0, NULL, NULL, NULL);
	tsdb_buffer_set_watcher(&watcher);
	RegisterXactCallback(on_transaction, NULL);
	RegisterSubXactCallback(on_subtransaction, NULL);
}

// private functions

static void
watch_append(Relation rel, const TsdbTable *table, TsdbKey key, TsdbRowKind kind, CommandId cid)
{
	OpenEdit *edit;

	if (called != NULL && called->is_silent && called->row.relid == RelationGetRelid(rel))
		return;
	edit = find_edit(RelationGetRelid(rel), cid);
	if (edit == NULL)
		edit = start_edit(rel, kind, cid);
	if (edit != NULL)
		lock_series(edit, rel, key.series);
	else if (table->require_reason)
		check_reason(rel, table, key, cid);
}

static void
watch_flush(Relation rel, TsdbBufferChunk *chunk)
{
	ListCell *lc;

	foreach (lc, open_edits)
	{
		OpenEdit *edit = lfirst(lc);

		if (edit->row.relid == RelationGetRelid(rel) && edit->cid != InvalidCommandId)
			capture(edit, rel, chunk);
	}
	chunk->nreviewed = chunk->rows.nrows;
}

static OpenEdit *
find_edit(Oid relid, CommandId cid)
{
	ListCell *lc;

	foreach (lc, open_edits)
	{
		OpenEdit *edit = lfirst(lc);

		if (edit->row.relid == relid && edit->cid == cid)
			return edit;
	}
	return NULL;
}

static OpenEdit *
start_edit(Relation rel, TsdbRowKind kind, CommandId cid)
{
	TsdbEdit row = {0};
	OpenEdit *edit;

	if (called != NULL && called->cid == InvalidCommandId && called->row.relid == RelationGetRelid(rel))
	{
		called->cid = cid;
		return called;
	}
	row.reason = called != NULL ? called->row.reason : given_reason();
	if (row.reason == NULL || !is_journaled(rel))
		return NULL;
	row.kind = kind_name(kind);
	edit = create_edit(rel, &row);
	edit->cid = cid;
	return edit;
}

static OpenEdit *
create_edit(Relation rel, const TsdbEdit *row)
{
	MemoryContext caller = MemoryContextSwitchTo(TopTransactionContext);
	OpenEdit *edit = palloc0(sizeof(OpenEdit));

	edit->row = *row;
	edit->row.id = tsdb_journal_next_edit();
	edit->row.relid = RelationGetRelid(rel);
	edit->row.kind = pstrdup(row->kind);
	edit->row.reason = pstrdup(row->reason);
	edit->row.role = pstrdup(GetUserNameFromId(GetUserId(), false));
	edit->row.at = GetCurrentTransactionStartTimestamp();
	if (row->series != 0)
		edit->row.series = PointerGetDatum(PG_DETOAST_DATUM_COPY(row->series));
	edit->sample_us = tsdb_table_get(rel)->sample_us;
	edit->cid = InvalidCommandId;
	edit->nest_level = GetCurrentTransactionNestLevel();
	open_edits = lappend(open_edits, edit);
	MemoryContextSwitchTo(caller);
	return edit;
}

/* Rewrites and refreshes change no sample; names of temporary tables mean nothing to pg_restore. */
static bool
is_journaled(Relation rel)
{
	return !OidIsValid(rel->rd_rel->relrewrite) && rel->rd_rel->relkind == RELKIND_RELATION &&
		   rel->rd_rel->relpersistence != RELPERSISTENCE_TEMP && !IsInParallelMode();
}

static const char *
kind_name(TsdbRowKind kind)
{
	switch (current_kind)
	{
		case TSDB_EDIT_INSERT:
			return "insert";
		case TSDB_EDIT_COPY:
			return "copy";
		case TSDB_EDIT_UPDATE:
			return "update";
		case TSDB_EDIT_DELETE:
			return "delete";
		case TSDB_EDIT_MERGE:
			return "merge";
		case TSDB_EDIT_UNKNOWN:
			break;
	}
	return kind == TSDB_ROW_FULL ? "insert" : kind == TSDB_ROW_PATCH ? "patch"
																	 : "delete";
}

/* Two edits of one sample come one after the other: who reads what he replaces sees all of the other's. */
static void
lock_series(OpenEdit *edit, Relation rel, uint32 series)
{
	if (series >= edit->nlocked)
	{
		uint32 nlocked = Max(series + 1, edit->nlocked * 2);

		nlocked = (nlocked + 511) & ~(uint32) 511;
		if (edit->locked == NULL)
			edit->locked = MemoryContextAllocZero(TopTransactionContext, nlocked / 8);
		else
		{
			edit->locked = repalloc(edit->locked, nlocked / 8);
			memset(edit->locked + edit->nlocked / 8, 0, (nlocked - edit->nlocked) / 8);
		}
		edit->nlocked = nlocked;
	}
	if ((edit->locked[series / 8] & (1 << series % 8)) != 0)
		return;
	(void) tsdb_series_lock(rel, series, LockWaitBlock);
	edit->locked[series / 8] |= 1 << series % 8;
}

static void
check_reason(Relation rel, const TsdbTable *table, TsdbKey key, CommandId cid)
{
	TimestampTz horizon = GetCurrentStatementStartTimestamp() - table->edit_horizon_us;

	if (!enforce_reason || key.time >= horizon || !is_journaled(rel) || is_first_load(rel, cid))
		return;
	ereport(ERROR,
			(errcode(ERRCODE_RESTRICT_VIOLATION),
			 errmsg("a reason is required to change samples of table \"%s\" that are older than its horizon",
					RelationGetRelationName(rel)),
			 errdetail("The sample is of %s; without a reason nothing before %s may be written, changed or deleted.",
					   pstrdup(timestamptz_to_str(key.time)), pstrdup(timestamptz_to_str(horizon))),
			 errhint("SET LOCAL tsdb.edit_reason = '...', or use tsdb.backfill(), tsdb.overwrite() or tsdb.mark_deleted().")));
}

/* An empty table has no history to protect: pg_restore fills it without a reason. */
static bool
is_first_load(Relation rel, CommandId cid)
{
	if (loaded_relid == RelationGetRelid(rel) && loaded_cid == cid)
		return true;
	if (!is_empty(rel, cid))
		return false;
	loaded_relid = RelationGetRelid(rel);
	loaded_cid = cid;
	return true;
}

/* Has nobody, nor a command of ours below cid, left a sample? */
static bool
is_empty(Relation rel, CommandId cid)
{
	TsdbLookup *lookup = tsdb_lookup_open(rel, tsdb_table_get(rel), GetLatestSnapshot(), cid, 0);
	bool is_empty = tsdb_reader_next(lookup->reader, ForwardScanDirection) == NULL;

	tsdb_lookup_close(lookup);
	return is_empty;
}

/* Write the images of what the edit's command has put into a chunk since the last time. */
static void
capture(OpenEdit *edit, Relation rel, TsdbBufferChunk *chunk)
{
	MemoryContext work = AllocSetContextCreate(CurrentMemoryContext, "tsdb journal", ALLOCSET_DEFAULT_SIZES);
	MemoryContext caller = MemoryContextSwitchTo(work);
	TsdbBatch *written = tsdb_chunk_written(chunk, chunk->nreviewed, edit->cid);

	if (written != NULL)
	{
		TsdbBeforeImages images = {0};

		for (uint32 row = 0; row < written->nrows; row++)
			lock_series(edit, rel, written->series[row]);
		images.rel = rel;
		images.edit = edit->row.id;
		images.cid = edit->cid;
		images.only_empty = edit->only_empty;
		tsdb_beforeimage_write(&images, written);
		add_samples(edit, images.nsamples, images.first_us, images.last_us);
		if (images.existing != NULL && images.existing->nrows > 0)
		{
			drop_existing(chunk, edit->cid, images.existing);
			edit->row.skipped += images.existing->nrows;
		}
	}
	MemoryContextSwitchTo(caller);
	MemoryContextDelete(work);
}

/* Take rows of a command out that found a sample; that may be a row of an earlier command, in the same chunk. */
static void
drop_existing(TsdbBufferChunk *chunk, CommandId cid, const TsdbBatch *existing)
{
	uint32 first = chunk->nreviewed;
	bool *is_gone = MemoryContextAllocHuge(CurrentMemoryContext, (Size) chunk->rows.nrows - first + 1);

	for (uint32 row = first; row < chunk->rows.nrows; row++)
	{
		TsdbKey key = tsdb_batch_key(&chunk->rows, row);
		uint32 place = tsdb_batch_find(existing, key);

		is_gone[row - first] = tsdb_chunk_cid(chunk, row) == cid && place < existing->nrows &&
							   tsdb_key_compare(tsdb_batch_key(existing, place), key) == 0;
	}
	tsdb_chunk_remove(chunk, first, is_gone);
}

static void
add_samples(OpenEdit *edit, uint64 nsamples, int64 first_us, int64 last_us)
{
	if (nsamples == 0)
		return;
	edit->row.written += nsamples;
	if (edit->has_fixed_range)
		return;
	edit->row.from_us = edit->row.has_range ? Min(edit->row.from_us, first_us) : first_us;
	edit->row.until_us = edit->row.has_range ? Max(edit->row.until_us, last_us + edit->sample_us) : last_us + edit->sample_us;
	edit->row.has_range = true;
}

/* A command that changed nothing leaves no edit; a function does, for it has told the id. */
static void
finish(OpenEdit *edit, Relation rel)
{
	tsdb_buffer_review(rel);
	if (edit->row.written > 0 || edit->is_called)
		tsdb_journal_add_edit(&edit->row);
	remove_edit(edit);
}

static void
remove_edit(OpenEdit *edit)
{
	open_edits = list_delete_ptr(open_edits, edit);
	if (called == edit)
		called = NULL;
	if (edit->locked != NULL)
		pfree(edit->locked);
	pfree(edit);
}

/* given_reason - tsdb.edit_reason, NULL when there is none. */
static const char *
given_reason(void)
{
	return has_reason ? edit_reason : NULL;
}

/* end_all - complete every edit of the current level that no function holds open. */
static void
end_all(void)
{
	if (open_edits == NIL)
		return;
	/* COMMIT and RELEASE come without one; long values of the journal need it. */
	PushActiveSnapshot(GetTransactionSnapshot());
	finish_some(true, InvalidCommandId);
	PopActiveSnapshot();
}

static void
finish_some(bool all, CommandId cid)
{
	List *edits = list_copy(open_edits);
	ListCell *lc;

	foreach (lc, edits)
	{
		OpenEdit *edit = lfirst(lc);
		Relation rel;

		if (edit == called || edit->nest_level != GetCurrentTransactionNestLevel() || (!all && edit->cid != cid))
			continue;
		rel = try_relation_open(edit->row.relid, RowExclusiveLock);
		if (rel != NULL && tsdb_table_is(edit->row.relid))
			finish(edit, rel);
		else
			remove_edit(edit);
		if (rel != NULL)
			relation_close(rel, NoLock);
	}
	list_free(edits);
}

static void
update_watch(void)
{
	tsdb_buffer_is_watched = has_reason || called != NULL;
}

static void
assign_reason(const char *value, void *extra)
{
	has_reason = value != NULL && value[strspn(value, " \t\r\n")] != '\0';
	update_watch();
}

/* Called before the buffer's own callback, since it was registered later: images come before the rows. */
static void
on_transaction(XactEvent event, void *arg)
{
	switch (event)
	{
		case XACT_EVENT_PRE_COMMIT:
		case XACT_EVENT_PRE_PREPARE:
			end_all();
			break;
		case XACT_EVENT_COMMIT:
		case XACT_EVENT_PREPARE:
		case XACT_EVENT_ABORT:
		case XACT_EVENT_PARALLEL_COMMIT:
		case XACT_EVENT_PARALLEL_ABORT:
			/* The memory goes with TopTransactionContext. */
			open_edits = NIL;
			called = NULL;
			current_kind = TSDB_EDIT_UNKNOWN;
			loaded_relid = InvalidOid;
			update_watch();
			break;
		case XACT_EVENT_PARALLEL_PRE_COMMIT:
			break;
	}
}

static void
on_subtransaction(SubXactEvent event, SubTransactionId mine, SubTransactionId parent, void *arg)
{
	int nest_level = GetCurrentTransactionNestLevel();
	List *edits;
	ListCell *lc;

	if (open_edits == NIL)
		return;
	if (event == SUBXACT_EVENT_PRE_COMMIT_SUB)
		end_all();
	edits = list_copy(open_edits);
	foreach (lc, edits)
	{
		OpenEdit *edit = lfirst(lc);

		if (edit->nest_level < nest_level)
			continue;
		if (event == SUBXACT_EVENT_COMMIT_SUB)
			edit->nest_level--;
		else if (event == SUBXACT_EVENT_ABORT_SUB)
			remove_edit(edit);
	}
	list_free(edits);
	update_watch();
}
