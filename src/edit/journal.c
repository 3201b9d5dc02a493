/*-------------------------------------------------------------------------
 *
 * journal.c
 *	  The journal's tables: edits, before-images, names of columns.
 *
 * Read and written without SQL: the user has no rights on them, and no search path or setting of his must matter.
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/heapam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "access/xact.h"
#include "catalog/indexing.h"
#include "catalog/namespace.h"
#include "commands/sequence.h"
#include "edit/journal.h"
#include "miscadmin.h"
#include "pg/compat.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"

/* Columns of the tables, as sql/tsdb.sql makes them. */
enum
{
	EDIT_ID = 1,
	EDIT_RELATION,
	EDIT_KIND,
	EDIT_SERIES,
	EDIT_FROM_TIME,
	EDIT_UNTIL_TIME,
	EDIT_WRITTEN,
	EDIT_SKIPPED,
	EDIT_REASON,
	EDIT_ROLE,
	EDIT_AT,
	EDIT_UNDOES,
	EDIT_UNDONE_BY,
	EDIT_NATTS = EDIT_UNDONE_BY
};

enum
{
	IMAGE_NUMBER = 1,
	IMAGE_EDIT,
	IMAGE_RELATION,
	IMAGE_SERIES_KEY,
	IMAGE_TAGS,
	IMAGE_FIRST_TIME,
	IMAGE_LAST_TIME,
	IMAGE_SAMPLES,
	IMAGE_FORM,
	IMAGE_BYTES,
	IMAGE_NATTS = IMAGE_BYTES
};

enum
{
	COLUMN_ID = 1,
	COLUMN_RELATION,
	COLUMN_NAME,
	COLUMN_NATTS = COLUMN_NAME
};

/* A scan of one of them by an index. */
typedef struct JournalScan
{
	Relation rel;
	SysScanDesc scan;
} JournalScan;

static bool has_edits(Oid relid);
static Oid journal_oid(const char *name);
static bool is_installed(void);
static void begin_scan(JournalScan *scan, const char *table, const char *index, LOCKMODE lock, Snapshot snapshot,
					   int nkeys, ScanKey keys);
static void end_scan(JournalScan *scan);
static void int8_key(ScanKey key, AttrNumber attnum, int64 value);
static void oid_key(ScanKey key, AttrNumber attnum, Oid value);
static void insert_row(const char *table, Datum *values, bool *nulls);
static List *read_edits(const char *index, Snapshot snapshot, ScanKey key);
static TsdbEdit *read_edit(HeapTuple tuple, TupleDesc desc);
static List *read_images(const char *index, Snapshot snapshot, int nkeys, ScanKey keys);
static TsdbEditImage *read_image(HeapTuple tuple, TupleDesc desc);
static int compare_edits(const ListCell *a, const ListCell *b);
static int compare_images(const ListCell *a, const ListCell *b);
static void delete_rows(const char *table, const char *index, AttrNumber attnum, Oid relid);

int64
tsdb_journal_next_edit(void)
{
	return nextval_internal(journal_oid("edit_id"), false);
}

void
tsdb_journal_add_edit(const TsdbEdit *edit)
{
	Datum values[EDIT_NATTS];
	bool nulls[EDIT_NATTS] = {false};

	values[EDIT_ID - 1] = Int64GetDatum(edit->id);
	values[EDIT_RELATION - 1] = ObjectIdGetDatum(edit->relid);
	values[EDIT_KIND - 1] = CStringGetTextDatum(edit->kind);
	values[EDIT_SERIES - 1] = edit->series;
	nulls[EDIT_SERIES - 1] = edit->series == 0;
	values[EDIT_FROM_TIME - 1] = TimestampTzGetDatum(edit->from_us);
	values[EDIT_UNTIL_TIME - 1] = TimestampTzGetDatum(edit->until_us);
	nulls[EDIT_FROM_TIME - 1] = nulls[EDIT_UNTIL_TIME - 1] = !edit->has_range;
	values[EDIT_WRITTEN - 1] = Int64GetDatum(edit->written);
	values[EDIT_SKIPPED - 1] = Int64GetDatum(edit->skipped);
	values[EDIT_REASON - 1] = CStringGetTextDatum(edit->reason);
	values[EDIT_ROLE - 1] = CStringGetTextDatum(edit->role);
	values[EDIT_AT - 1] = TimestampTzGetDatum(edit->at);
	values[EDIT_UNDOES - 1] = Int64GetDatum(edit->undoes);
	nulls[EDIT_UNDOES - 1] = edit->undoes == 0;
	values[EDIT_UNDONE_BY - 1] = Int64GetDatum(edit->undone_by);
	nulls[EDIT_UNDONE_BY - 1] = edit->undone_by == 0;
	insert_row("edit", values, nulls);
}

void
tsdb_journal_add_image(TsdbEditImage *image, TsdbSpan bytes)
{
	Datum values[IMAGE_NATTS];
	bool nulls[IMAGE_NATTS] = {false};
	Size nbytes = tsdb_span_left(&bytes);
	bytea *copy = palloc(VARHDRSZ + nbytes);

	SET_VARSIZE(copy, VARHDRSZ + nbytes);
	memcpy(VARDATA(copy), bytes.at, nbytes);
	image->number = nextval_internal(journal_oid("edit_image_number"), false);
	values[IMAGE_NUMBER - 1] = Int64GetDatum(image->number);
	values[IMAGE_EDIT - 1] = Int64GetDatum(image->edit);
	values[IMAGE_RELATION - 1] = ObjectIdGetDatum(image->relid);
	values[IMAGE_SERIES_KEY - 1] = Int64GetDatum(image->series_key);
	values[IMAGE_TAGS - 1] = PointerGetDatum(image->tags);
	values[IMAGE_FIRST_TIME - 1] = TimestampTzGetDatum(image->first_us);
	values[IMAGE_LAST_TIME - 1] = TimestampTzGetDatum(image->last_us);
	values[IMAGE_SAMPLES - 1] = Int64GetDatum(image->samples);
	values[IMAGE_FORM - 1] = Int32GetDatum(image->form);
	values[IMAGE_BYTES - 1] = PointerGetDatum(copy);
	insert_row("edit_image", values, nulls);
	pfree(copy);
}

uint32
tsdb_journal_add_column(Oid relid, const char *name)
{
	Datum values[COLUMN_NATTS];
	bool nulls[COLUMN_NATTS] = {false};
	NameData key;
	int64 id = nextval_internal(journal_oid("edit_column_id"), false);

	namestrcpy(&key, name);
	values[COLUMN_ID - 1] = Int64GetDatum(id);
	values[COLUMN_RELATION - 1] = ObjectIdGetDatum(relid);
	values[COLUMN_NAME - 1] = NameGetDatum(&key);
	insert_row("edit_column", values, nulls);
	return (uint32) id;
}

void
tsdb_journal_set_undone(int64 edit, int64 undone_by)
{
	Datum values[EDIT_NATTS] = {0};
	bool nulls[EDIT_NATTS] = {false};
	bool replaces[EDIT_NATTS] = {false};
	JournalScan scan;
	ScanKeyData key;
	HeapTuple tuple;

	values[EDIT_UNDONE_BY - 1] = Int64GetDatum(undone_by);
	nulls[EDIT_UNDONE_BY - 1] = undone_by == 0;
	replaces[EDIT_UNDONE_BY - 1] = true;
	int8_key(&key, EDIT_ID, edit);
	begin_scan(&scan, "edit", "edit_pkey", RowExclusiveLock, SnapshotSelf, 1, &key);
	tuple = systable_getnext(scan.scan);
	if (!HeapTupleIsValid(tuple))
		elog(ERROR, "edit %lld is gone", (long long) edit);
	tuple = heap_modify_tuple(tuple, RelationGetDescr(scan.rel), values, nulls, replaces);
	CatalogTupleUpdate(scan.rel, &tuple->t_self, tuple);
	end_scan(&scan);
}

TsdbEdit *
tsdb_journal_find_edit(int64 id, Snapshot snapshot)
{
	ScanKeyData key;
	List *edits;

	int8_key(&key, EDIT_ID, id);
	edits = read_edits("edit_pkey", snapshot, &key);
	return edits == NIL ? NULL : linitial(edits);
}

List *
tsdb_journal_edits(Oid relid, Snapshot snapshot)
{
	ScanKeyData key;

	oid_key(&key, EDIT_RELATION, relid);
	return read_edits("edit_relation", snapshot, &key);
}

List *
tsdb_journal_images_of_edit(int64 edit, Snapshot snapshot)
{
	ScanKeyData key;

	int8_key(&key, IMAGE_EDIT, edit);
	return read_images("edit_image_edit", snapshot, 1, &key);
}

List *
tsdb_journal_images_of_table(Oid relid, Snapshot snapshot)
{
	ScanKeyData key;

	oid_key(&key, IMAGE_RELATION, relid);
	return read_images("edit_image_series", snapshot, 1, &key);
}

List *
tsdb_journal_images_of_series(Oid relid, int64 series_key, Snapshot snapshot)
{
	ScanKeyData keys[2];

	oid_key(&keys[0], IMAGE_RELATION, relid);
	int8_key(&keys[1], IMAGE_SERIES_KEY, series_key);
	return read_images("edit_image_series", snapshot, 2, keys);
}

List *
tsdb_journal_columns(Oid relid)
{
	List *columns = NIL;
	JournalScan scan;
	ScanKeyData key;
	HeapTuple tuple;

	oid_key(&key, COLUMN_RELATION, relid);
	begin_scan(&scan, "edit_column", "edit_column_relation", AccessShareLock, SnapshotSelf, 1, &key);
	while (HeapTupleIsValid(tuple = systable_getnext(scan.scan)))
	{
		TsdbEditColumn *column = palloc0(sizeof(TsdbEditColumn));
		bool isnull;
		Datum name = heap_getattr(tuple, COLUMN_NAME, RelationGetDescr(scan.rel), &isnull);

		column->name = isnull ? NULL : pstrdup(NameStr(*DatumGetName(name)));
		column->id = (uint32) DatumGetInt64(heap_getattr(tuple, COLUMN_ID, RelationGetDescr(scan.rel), &isnull));
		columns = lappend(columns, column);
	}
	end_scan(&scan);
	return columns;
}

void
tsdb_journal_rename_column(Oid relid, const char *old_name, const char *new_name)
{
	Datum values[COLUMN_NATTS] = {0};
	bool nulls[COLUMN_NATTS] = {false};
	bool replaces[COLUMN_NATTS] = {false};
	NameData name;
	JournalScan scan;
	ScanKeyData key;
	HeapTuple tuple;

	if (!is_installed())
		return;
	if (new_name != NULL)
		namestrcpy(&name, new_name);
	values[COLUMN_NAME - 1] = NameGetDatum(&name);
	nulls[COLUMN_NAME - 1] = new_name == NULL;
	replaces[COLUMN_NAME - 1] = true;
	oid_key(&key, COLUMN_RELATION, relid);
	begin_scan(&scan, "edit_column", "edit_column_relation", RowExclusiveLock, SnapshotSelf, 1, &key);
	while (HeapTupleIsValid(tuple = systable_getnext(scan.scan)))
	{
		bool isnull;
		Datum old = heap_getattr(tuple, COLUMN_NAME, RelationGetDescr(scan.rel), &isnull);

		if (isnull || strcmp(NameStr(*DatumGetName(old)), old_name) != 0)
			continue;
		tuple = heap_modify_tuple(tuple, RelationGetDescr(scan.rel), values, nulls, replaces);
		CatalogTupleUpdate(scan.rel, &tuple->t_self, tuple);
	}
	end_scan(&scan);
}

void
tsdb_journal_forget(Oid relid)
{
	if (!is_installed() || !has_edits(relid))
		return;
	delete_rows("edit", "edit_relation", EDIT_RELATION, relid);
	delete_rows("edit_image", "edit_image_series", IMAGE_RELATION, relid);
	delete_rows("edit_column", "edit_column_relation", COLUMN_RELATION, relid);
}

// private functions

static bool
has_edits(Oid relid)
{
	JournalScan scan;
	ScanKeyData key;
	bool has;

	oid_key(&key, EDIT_RELATION, relid);
	begin_scan(&scan, "edit", "edit_relation", AccessShareLock, SnapshotSelf, 1, &key);
	has = HeapTupleIsValid(systable_getnext(scan.scan));
	end_scan(&scan);
	return has;
}

static Oid
journal_oid(const char *name)
{
	Oid oid = get_relname_relid(name, get_namespace_oid("tsdb", false));

	if (!OidIsValid(oid))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_TABLE),
				 errmsg("relation \"tsdb.%s\" does not exist", name),
				 errdetail("The journal of edits belongs to extension \"tsdb\"."),
				 errhint("Run ALTER EXTENSION tsdb UPDATE.")));
	return oid;
}

/* DROP EXTENSION may drop the journal before the tables. */
static bool
is_installed(void)
{
	Oid schema = get_namespace_oid("tsdb", true);

	return OidIsValid(schema) && OidIsValid(get_relname_relid("edit", schema)) &&
		   OidIsValid(get_relname_relid("edit_image", schema)) && OidIsValid(get_relname_relid("edit_column", schema)) &&
		   OidIsValid(get_relname_relid("edit_image_series", schema)) &&
		   OidIsValid(get_relname_relid("edit_column_relation", schema)) &&
		   OidIsValid(get_relname_relid("edit_relation", schema));
}

static void
begin_scan(JournalScan *scan, const char *table, const char *index, LOCKMODE lock, Snapshot snapshot, int nkeys, ScanKey keys)
{
	scan->rel = table_open(journal_oid(table), lock);
	scan->scan = systable_beginscan(scan->rel, journal_oid(index), true, snapshot, nkeys, keys);
}

static void
end_scan(JournalScan *scan)
{
	systable_endscan(scan->scan);
	table_close(scan->rel, NoLock);
}

static void
int8_key(ScanKey key, AttrNumber attnum, int64 value)
{
	ScanKeyInit(key, attnum, BTEqualStrategyNumber, F_INT8EQ, Int64GetDatum(value));
}

static void
oid_key(ScanKey key, AttrNumber attnum, Oid value)
{
	ScanKeyInit(key, attnum, BTEqualStrategyNumber, F_OIDEQ, ObjectIdGetDatum(value));
}

static void
insert_row(const char *table, Datum *values, bool *nulls)
{
	Relation rel = table_open(journal_oid(table), RowExclusiveLock);
	HeapTuple tuple = heap_form_tuple(RelationGetDescr(rel), values, nulls);

	CatalogTupleInsert(rel, tuple);
	heap_freetuple(tuple);
	table_close(rel, NoLock);
}

/* Ascending by id. */
static List *
read_edits(const char *index, Snapshot snapshot, ScanKey key)
{
	List *edits = NIL;
	JournalScan scan;
	HeapTuple tuple;

	begin_scan(&scan, "edit", index, AccessShareLock, snapshot, 1, key);
	while (HeapTupleIsValid(tuple = systable_getnext(scan.scan)))
	{
		CHECK_FOR_INTERRUPTS();
		edits = lappend(edits, read_edit(tuple, RelationGetDescr(scan.rel)));
	}
	end_scan(&scan);
	list_sort(edits, compare_edits);
	return edits;
}

static TsdbEdit *
read_edit(HeapTuple tuple, TupleDesc desc)
{
	TsdbEdit *edit = palloc0(sizeof(TsdbEdit));
	Datum values[EDIT_NATTS];
	bool nulls[EDIT_NATTS];

	heap_deform_tuple(tuple, desc, values, nulls);
	edit->id = DatumGetInt64(values[EDIT_ID - 1]);
	edit->relid = DatumGetObjectId(values[EDIT_RELATION - 1]);
	edit->kind = TextDatumGetCString(values[EDIT_KIND - 1]);
	edit->written = DatumGetInt64(values[EDIT_WRITTEN - 1]);
	edit->skipped = DatumGetInt64(values[EDIT_SKIPPED - 1]);
	edit->reason = TextDatumGetCString(values[EDIT_REASON - 1]);
	edit->role = TextDatumGetCString(values[EDIT_ROLE - 1]);
	edit->at = DatumGetTimestampTz(values[EDIT_AT - 1]);
	edit->undoes = nulls[EDIT_UNDOES - 1] ? 0 : DatumGetInt64(values[EDIT_UNDOES - 1]);
	edit->undone_by = nulls[EDIT_UNDONE_BY - 1] ? 0 : DatumGetInt64(values[EDIT_UNDONE_BY - 1]);
	return edit;
}

static List *
read_images(const char *index, Snapshot snapshot, int nkeys, ScanKey keys)
{
	List *images = NIL;
	JournalScan scan;
	HeapTuple tuple;

	begin_scan(&scan, "edit_image", index, AccessShareLock, snapshot, nkeys, keys);
	while (HeapTupleIsValid(tuple = systable_getnext(scan.scan)))
	{
		CHECK_FOR_INTERRUPTS();
		images = lappend(images, read_image(tuple, RelationGetDescr(scan.rel)));
	}
	end_scan(&scan);
	list_sort(images, compare_images);
	return images;
}

static TsdbEditImage *
read_image(HeapTuple tuple, TupleDesc desc)
{
	TsdbEditImage *image = palloc0(sizeof(TsdbEditImage));
	Datum values[IMAGE_NATTS];
	bool nulls[IMAGE_NATTS];

	/* The copy keeps what the Datums point to; long bytes stay where they are until they are asked for. */
	tuple = heap_copytuple(tuple);
	heap_deform_tuple(tuple, desc, values, nulls);
	image->number = DatumGetInt64(values[IMAGE_NUMBER - 1]);
	image->edit = DatumGetInt64(values[IMAGE_EDIT - 1]);
	image->relid = DatumGetObjectId(values[IMAGE_RELATION - 1]);
	image->series_key = DatumGetInt64(values[IMAGE_SERIES_KEY - 1]);
	image->tags = DatumGetArrayTypeP(values[IMAGE_TAGS - 1]);
	image->first_us = DatumGetTimestampTz(values[IMAGE_FIRST_TIME - 1]);
	image->last_us = DatumGetTimestampTz(values[IMAGE_LAST_TIME - 1]);
	image->samples = DatumGetInt64(values[IMAGE_SAMPLES - 1]);
	image->form = (TsdbImageForm) DatumGetInt32(values[IMAGE_FORM - 1]);
	image->bytes = values[IMAGE_BYTES - 1];
	return image;
}

static int
compare_edits(const ListCell *a, const ListCell *b)
{
	int64 left = ((const TsdbEdit *) lfirst(a))->id;
	int64 right = ((const TsdbEdit *) lfirst(b))->id;

	return left < right ? -1 : left > right;
}

static int
compare_images(const ListCell *a, const ListCell *b)
{
	int64 left = ((const TsdbEditImage *) lfirst(a))->number;
	int64 right = ((const TsdbEditImage *) lfirst(b))->number;

	return left < right ? -1 : left > right;
}

static void
delete_rows(const char *table, const char *index, AttrNumber attnum, Oid relid)
{
	JournalScan scan;
	ScanKeyData key;
	HeapTuple tuple;

	oid_key(&key, attnum, relid);
	begin_scan(&scan, table, index, RowExclusiveLock, SnapshotSelf, 1, &key);
	while (HeapTupleIsValid(tuple = systable_getnext(scan.scan)))
	{
		CHECK_FOR_INTERRUPTS();
		simple_heap_delete(scan.rel, &tuple->t_self);
	}
	end_scan(&scan);
}
