/*-------------------------------------------------------------------------
 *
 * writer.c
 *	  Batches of line protocol -> committed rows.
 *
 * A group of requests is written in passes.  A pass is one transaction; lines that need a table or a column that is
 * not there yet are put off, with all later lines of their measurement, so that the last write still
 * wins; between the passes what is missing is made, in transactions of its own (create.c).
 *
 * When a pass fails nobody knows whose line it was: each request is then written alone from there on, and,
 * when the error is one of data, line by line in savepoints.
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/catalog.h"
#include "catalog/namespace.h"
#include "catalog/pg_namespace.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "pg/check.h"
#include "pg/compat.h"
#include "pg/counters.h"
#include "server/create.h"
#include "server/point.h"
#include "server/session.h"
#include "server/writer.h"
#include "utils/acl.h"
#include "utils/memutils.h"
#include "utils/resowner.h"

#define MAX_PASSES 6 /* more tables and columns than that are not missing in turn */
#define MAX_ERRORS 20 /* told to the client; the others are counted */
#define MAX_LINE_SHOWN 1000

typedef enum WriteMode
{
	MODE_TOGETHER, /* the lines of a pass in one transaction */
	MODE_CAREFUL /* each in a savepoint */
} WriteMode;

static void prepare(TsdbPointBatch *batch, TsdbWriteRequest *request);
static bool find_schema(TsdbPointBatch *batch);
static void take_encoding(TsdbPointBatch *batch);
static bool is_database(const char *schema);
static void restart(TsdbPointBatch *batch);
static void settle(TsdbPointBatch *batch);
static ErrorData *write_group(TsdbPointBatch *batches, int nbatches, WriteMode mode);
static ErrorData *write_pass(TsdbPointBatch *batches, int nbatches, WriteMode mode);
static void write_lines(TsdbPointBatch *batch, WriteMode mode);
static void write_line(TsdbPointBatch *batch, const TsdbLineReader *reader, WriteMode mode);
static void write_carefully(TsdbPointBatch *batch, const TsdbLineReader *reader);
static void take_outcome(TsdbPointBatch *batch, const TsdbLineReader *reader, TsdbPointOutcome outcome);
static bool grant_wishes(TsdbPointBatch *batch);
static void note_error(TsdbPointBatch *batch, const char *message);
static void note_bad_line(TsdbPointBatch *batch, const TsdbLineReader *reader, const char *message);
static bool is_about_data(const ErrorData *error);
static void fail(TsdbPointBatch *batch, const ErrorData *error);
static void conclude(TsdbPointBatch *batch);

void
tsdb_writer_run(TsdbWriteRequest **requests, int nrequests)
{
	MemoryContext caller = CurrentMemoryContext;
	TsdbPointBatch *batches = palloc0(sizeof(TsdbPointBatch) * nrequests);
	int nbatches = 0;
	bool is_locked;
	ErrorData *error;

	for (int i = 0; i < nrequests; i++)
	{
		prepare(&batches[nbatches], requests[i]);
		if (find_schema(&batches[nbatches]))
			nbatches++;
		MemoryContextSwitchTo(caller);
	}
	error = nbatches > 0 ? write_group(batches, nbatches, MODE_TOGETHER) : NULL;
	/* Whoever needs no table that is locked should not wait for each that does. */
	is_locked = error != NULL && nbatches > 1 && error->sqlerrcode == ERRCODE_LOCK_NOT_AVAILABLE;
	if (is_locked)
		tsdb_session_hurry(true);
	for (int i = 0; i < nbatches; i++)
	{
		ErrorData *own = error;

		if (error != NULL && nbatches > 1)
		{
			restart(&batches[i]);
			own = write_group(&batches[i], 1, MODE_TOGETHER);
		}
		/* A policy may refuse a line, too. */
		if (own != NULL && (is_about_data(own) || own->sqlerrcode == ERRCODE_INSUFFICIENT_PRIVILEGE))
		{
			restart(&batches[i]);
			own = write_group(&batches[i], 1, MODE_CAREFUL);
		}
		if (own != NULL)
			fail(&batches[i], own);
		else
			conclude(&batches[i]);
	}
	if (is_locked)
		tsdb_session_hurry(false);
	MemoryContextSwitchTo(caller);
}

// private functions

static void
prepare(TsdbPointBatch *batch, TsdbWriteRequest *request)
{
	memset(batch, 0, sizeof(*batch));
	batch->request = request;
	batch->context = CurrentMemoryContext;
	request->status = TSDB_WRITE_DONE;
	request->message = NULL;
	request->npoints = request->nrejected = 0;
	batch->committed.lines = request->lines;
	batch->committed.nbytes = request->nbytes;
	batch->is_valid_text = pg_verify_mbstr(PG_UTF8, request->lines, (int) request->nbytes, true);
	restart(batch);
}

/* False, with the request's status set, when there is no such schema, or the role may not use it. */
static bool
find_schema(TsdbPointBatch *batch)
{
	TsdbWriteRequest *request = batch->request;
	MemoryContext context = CurrentMemoryContext;

	PG_TRY();
	{
		tsdb_session_begin(InvalidOid);
		batch->schema = is_database(request->schema) ? get_namespace_oid(request->schema, true) : InvalidOid;
		MemoryContextSwitchTo(context);
		if (!OidIsValid(batch->schema))
		{
			request->status = TSDB_WRITE_NO_SCHEMA;
			request->message = psprintf("database not found: \"%s\"", request->schema);
		}
		else if (object_aclcheck(NamespaceRelationId, batch->schema, request->role, ACL_USAGE) != ACLCHECK_OK)
		{
			request->status = TSDB_WRITE_FORBIDDEN;
			request->message = psprintf("\"%s\" user is not authorized to write to database \"%s\"",
										GetUserNameFromId(request->role, true), request->schema);
		}
		else
			take_encoding(batch);
		tsdb_session_commit();
		MemoryContextSwitchTo(context);
	}
	PG_CATCH();
	{
		fail(batch, tsdb_session_rollback(context));
	}
	PG_END_TRY();
	return request->status == TSDB_WRITE_DONE;
}

/* Lines are UTF-8; most databases are, too. */
static void
take_encoding(TsdbPointBatch *batch)
{
	TsdbPointProgress *all = &batch->committed;
	char *converted;

	if (GetDatabaseEncoding() == PG_UTF8 || GetDatabaseEncoding() == PG_SQL_ASCII)
		return;
	if (!batch->is_valid_text)
		ereport(ERROR,
				(errcode(ERRCODE_CHARACTER_NOT_IN_REPERTOIRE),
				 errmsg("lines are not valid UTF-8"),
				 errdetail("The encoding of the database is %s, so all of them have to be converted.", GetDatabaseEncodingName()),
				 errhint("Send UTF-8.")));
	converted = (char *) pg_do_encoding_conversion((unsigned char *) unconstify(char *, all->lines), (int) all->nbytes, PG_UTF8, GetDatabaseEncoding());
	if (converted == all->lines)
		return;
	all->lines = converted;
	all->nbytes = strlen(converted);
	restart(batch);
}

/* Not the system's, nor ours: there even a superuser would write by mistake only. */
static bool
is_database(const char *schema)
{
	return !IsReservedName(schema) && strcmp(schema, "information_schema") != 0 && strcmp(schema, "tsdb") != 0;
}

/* As if nothing had been tried since the last pass that was committed: rows of a heap table would be there twice. */
static void
restart(TsdbPointBatch *batch)
{
	batch->now = batch->committed;
	if (batch->errors != NULL)
	{
		batch->errors->len = batch->now.errors_bytes;
		batch->errors->data[batch->errors->len] = '\0';
	}
	batch->retry = NULL;
	batch->put_off = NULL;
	batch->wishes = batch->refused = NIL;
}

/* What was put off is all that is left. */
static void
settle(TsdbPointBatch *batch)
{
	batch->now.lines = batch->put_off != NULL ? batch->put_off->data : NULL;
	batch->now.nbytes = batch->put_off != NULL ? (Size) batch->put_off->len : 0;
	batch->now.errors_bytes = batch->errors != NULL ? batch->errors->len : 0;
	batch->committed = batch->now;
}

/* Passes until nothing is put off.  Returns the error that ended it. */
static ErrorData *
write_group(TsdbPointBatch *batches, int nbatches, WriteMode mode)
{
	for (int pass = 0; pass < MAX_PASSES; pass++)
	{
		ErrorData *error = write_pass(batches, nbatches, mode);
		bool is_done = true;

		if (error != NULL)
			return error;
		for (int i = 0; i < nbatches; i++)
			if (grant_wishes(&batches[i]))
				is_done = false;
		if (is_done)
			return NULL;
	}
	for (int i = 0; i < nbatches; i++)
		if (batches[i].now.nbytes > 0)
			note_error(&batches[i], "tables and columns change too fast to be written to");
	return NULL;
}

static ErrorData *
write_pass(TsdbPointBatch *batches, int nbatches, WriteMode mode)
{
	MemoryContext caller = CurrentMemoryContext;
	ErrorData *volatile error = NULL;

	PG_TRY();
	{
		tsdb_session_begin(InvalidOid);
		MemoryContextSwitchTo(caller);
		for (int i = 0; i < nbatches; i++)
		{
			tsdb_session_become(batches[i].request->role);
			write_lines(&batches[i], mode);
		}
		tsdb_session_become(InvalidOid);
		tsdb_measurement_close_all(NoLock);
		tsdb_session_commit();
		MemoryContextSwitchTo(caller);
		tsdb_counters_add(TSDB_STAT_INGEST_COMMITS, 1);
		for (int i = 0; i < nbatches; i++)
			settle(&batches[i]);
	}
	PG_CATCH();
	{
		error = tsdb_session_rollback(caller);
		tsdb_measurement_close_all(TSDB_CLOSED_BY_ABORT);
	}
	PG_END_TRY();
	return error;
}

/* The lines that are left, or those that the last pass put off. */
static void
write_lines(TsdbPointBatch *batch, WriteMode mode)
{
	TsdbMem mem = tsdb_mem_context(batch->context);
	TsdbLineReader reader;
	TsdbLineResult result;

	batch->put_off = NULL;
	batch->wishes = NIL;
	tsdb_point_begin(batch);
	tsdb_line_begin(&reader, batch->now.lines, batch->now.nbytes, batch->request->precision, &mem);
	while ((result = tsdb_line_next(&reader)) != TSDB_LINE_END)
	{
		CHECK_FOR_INTERRUPTS();
		if (result == TSDB_LINE_BAD)
		{
			batch->now.nunreadable++;
			note_bad_line(batch, &reader, reader.error);
		}
		else if (!batch->is_valid_text && !pg_verify_mbstr(PG_UTF8, reader.line, (int) reader.line_bytes, true))
		{
			batch->now.nunreadable++;
			note_bad_line(batch, &reader, "invalid UTF-8");
		}
		else
			write_line(batch, &reader, mode);
	}
	tsdb_point_end(batch);
}

static void
write_line(TsdbPointBatch *batch, const TsdbLineReader *reader, WriteMode mode)
{
	TsdbPointOutcome outcome = tsdb_point_resolve(batch, &reader->point);

	if (outcome == TSDB_POINT_WRITTEN && mode == MODE_CAREFUL)
		write_carefully(batch, reader);
	else if (outcome == TSDB_POINT_WRITTEN)
		take_outcome(batch, reader, tsdb_point_write(batch, &reader->point));
	else
		take_outcome(batch, reader, outcome);
}

/* In a savepoint: whatever the row raises is the line's. */
static void
write_carefully(TsdbPointBatch *batch, const TsdbLineReader *reader)
{
	MemoryContext caller = CurrentMemoryContext;
	ResourceOwner owner = CurrentResourceOwner;

	BeginInternalSubTransaction(NULL);
	MemoryContextSwitchTo(caller);
	PG_TRY();
	{
		TsdbPointOutcome outcome = tsdb_point_write(batch, &reader->point);

		tsdb_point_flush(batch);
		ReleaseCurrentSubTransaction();
		MemoryContextSwitchTo(caller);
		CurrentResourceOwner = owner;
		take_outcome(batch, reader, outcome);
	}
	PG_CATCH();
	{
		ErrorData *error;

		MemoryContextSwitchTo(caller);
		error = CopyErrorData();
		FlushErrorState();
		RollbackAndReleaseCurrentSubTransaction();
		MemoryContextSwitchTo(caller);
		CurrentResourceOwner = owner;
		if (error->sqlerrcode == ERRCODE_INSUFFICIENT_PRIVILEGE)
			batch->now.is_forbidden = true; /* a policy */
		else if (!is_about_data(error))
			ReThrowError(error);
		batch->now.ndropped++;
		note_bad_line(batch, reader, error->message);
		FreeErrorData(error);
	}
	PG_END_TRY();
}

static void
take_outcome(TsdbPointBatch *batch, const TsdbLineReader *reader, TsdbPointOutcome outcome)
{
	switch (outcome)
	{
		case TSDB_POINT_WRITTEN:
			batch->now.nwritten++;
			break;
		case TSDB_POINT_DROPPED:
			batch->now.ndropped++;
			note_error(batch, batch->reason);
			break;
		case TSDB_POINT_PUT_OFF:
			if (batch->put_off == NULL)
			{
				MemoryContext caller = MemoryContextSwitchTo(batch->context);

				batch->put_off = makeStringInfo();
				MemoryContextSwitchTo(caller);
			}
			appendBinaryStringInfo(batch->put_off, reader->line, (int) reader->line_bytes);
			appendStringInfoChar(batch->put_off, '\n');
			break;
	}
}

/* Make the tables and columns that lines wait for; true when there are lines to be tried again. */
static bool
grant_wishes(TsdbPointBatch *batch)
{
	MemoryContext caller = CurrentMemoryContext;
	ListCell *lc;

	foreach (lc, batch->wishes)
	{
		TsdbWishes *wishes = lfirst(lc);

		PG_TRY();
		{
			tsdb_create(wishes, batch->request->role);
			MemoryContextSwitchTo(caller);
		}
		PG_CATCH();
		{
			TsdbRefusal *refusal;
			ErrorData *error = tsdb_session_rollback(caller);

			tsdb_measurement_close_all(TSDB_CLOSED_BY_ABORT);
			MemoryContextSwitchTo(batch->context);
			refusal = palloc(sizeof(TsdbRefusal));
			refusal->key = wishes->key;
			refusal->message = error->message;
			refusal->is_forbidden = error->sqlerrcode == ERRCODE_INSUFFICIENT_PRIVILEGE;
			if (!refusal->is_forbidden && !is_about_data(error))
				batch->retry = error;
			batch->refused = lappend(batch->refused, refusal);
			MemoryContextSwitchTo(caller);
		}
		PG_END_TRY();
	}
	return batch->now.nbytes > 0;
}

static void
note_error(TsdbPointBatch *batch, const char *message)
{
	MemoryContext caller = MemoryContextSwitchTo(batch->context);

	if (batch->errors == NULL)
		batch->errors = makeStringInfo();
	if (batch->now.nerrors++ < MAX_ERRORS)
		appendStringInfo(batch->errors, "%s%s", batch->errors->len > 0 ? "\n" : "", message);
	MemoryContextSwitchTo(caller);
}

/* The line may be anything: what is no text is shown as question marks. */
static void
note_bad_line(TsdbPointBatch *batch, const TsdbLineReader *reader, const char *message)
{
	int nbytes = Min(reader->line_bytes, MAX_LINE_SHOWN);
	char *shown;
	char *text;

	/* A body may hold millions of bad lines. */
	if (batch->now.nerrors >= MAX_ERRORS)
	{
		batch->now.nerrors++;
		return;
	}
	shown = pnstrdup(reader->line, nbytes);
	if ((Size) nbytes < reader->line_bytes)
		shown[pg_mbcliplen(shown, nbytes, nbytes - 1)] = '\0';
	if (!pg_verify_mbstr(PG_UTF8, shown, (int) strlen(shown), true))
		for (char *c = shown; *c != '\0'; c++)
			if (IS_HIGHBIT_SET(*c))
				*c = '?';
	text = psprintf("unable to parse '%s': %s", shown, message);
	note_error(batch, text);
	pfree(text);
	pfree(shown);
}

/* Errors that a line may be the cause of, and that come back with it. */
static bool
is_about_data(const ErrorData *error)
{
	switch (ERRCODE_TO_CATEGORY(error->sqlerrcode))
	{
		case ERRCODE_DATA_EXCEPTION:
		case ERRCODE_INTEGRITY_CONSTRAINT_VIOLATION:
		case ERRCODE_PROGRAM_LIMIT_EXCEEDED:
		case ERRCODE_FEATURE_NOT_SUPPORTED:
		case ERRCODE_PLPGSQL_ERROR:
		case ERRCODE_WITH_CHECK_OPTION_VIOLATION:
			return true;
		case ERRCODE_SYNTAX_ERROR_OR_ACCESS_RULE_VIOLATION:
			return error->sqlerrcode != ERRCODE_INSUFFICIENT_PRIVILEGE;
		default:
			return false;
	}
}

static void
fail(TsdbPointBatch *batch, const ErrorData *error)
{
	TsdbWriteRequest *request = batch->request;

	request->message = error->message;
	request->npoints = 0;
	if (error->sqlerrcode == ERRCODE_INSUFFICIENT_PRIVILEGE)
		request->status = TSDB_WRITE_FORBIDDEN;
	else
		request->status = is_about_data(error) ? TSDB_WRITE_REJECTED : TSDB_WRITE_RETRY;
}

/* What the client is told. */
static void
conclude(TsdbPointBatch *batch)
{
	TsdbWriteRequest *request = batch->request;
	MemoryContext caller = MemoryContextSwitchTo(batch->context);

	request->npoints = batch->now.nwritten;
	request->nrejected = batch->now.ndropped + batch->now.nunreadable;
	if (batch->retry != NULL)
		fail(batch, batch->retry);
	else if (batch->now.nerrors > 0)
	{
		if (batch->now.nerrors > MAX_ERRORS)
			appendStringInfo(batch->errors, "\nand %d more", batch->now.nerrors - MAX_ERRORS);
		request->status = batch->now.is_forbidden && batch->now.nwritten == 0 ? TSDB_WRITE_FORBIDDEN : batch->now.nwritten > 0 ? TSDB_WRITE_PARTIAL
																															   : TSDB_WRITE_REJECTED;
		if (request->status == TSDB_WRITE_FORBIDDEN || (batch->now.nwritten == 0 && batch->now.ndropped == 0))
			request->message = batch->errors->data;
		else
			request->message = psprintf("partial write: %s dropped=" UINT64_FORMAT, batch->errors->data, batch->now.ndropped);
	}
	MemoryContextSwitchTo(caller);
}
