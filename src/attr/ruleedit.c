/*-------------------------------------------------------------------------
 *
 * ruleedit.c
 *	  Changes to the rules of a table (tsdb.series_rule).
 *
 * Plain SQL, run as the owner of that table: whoever may change the rules of a table has no rights on it. Its
 * trigger tells the caches.
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "attr/ruleedit.h"
#include "catalog/namespace.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "access/table.h"

#define NGIVEN (TSDB_RULE_DESCRIPTION - TSDB_RULE_TIMEZONE + 1)

/* The surroundings of a statement. */
typedef struct Edit
{
	Oid role;
	int context;
	int nest_level;
} Edit;

static const Oid given_types[] = {TEXTOID, TEXTOID, FLOAT8OID, FLOAT8OID, BOOLOID, TEXTOID};

static bool begin_edit(Edit *edit);
static void end_edit(Edit *edit);
static void run(const char *sql, int nargs, const Oid *types, Datum *values, const bool *isnull, int expected);
static void check_limits(void);

void
tsdb_ruleedit_set(Oid relid, Jsonb *series, const TsdbRuleGiven *given)
{
	Oid types[2 + NGIVEN] = {OIDOID, JSONBOID};
	Datum values[2 + NGIVEN] = {ObjectIdGetDatum(relid), JsonbPGetDatum(series)};
	bool isnull[2 + NGIVEN] = {false, false};
	Edit edit;

	for (int i = 0; i < NGIVEN; i++)
	{
		types[2 + i] = given_types[i];
		values[2 + i] = given->values[TSDB_RULE_TIMEZONE + i];
		isnull[2 + i] = given->isnull[TSDB_RULE_TIMEZONE + i];
	}
	if (!begin_edit(&edit))
		return;
	run("UPDATE tsdb.series_rule r SET timezone = coalesce($3, timezone), unit = coalesce($4, unit), low = coalesce($5, low), "
		"high = coalesce($6, high), stepped = coalesce($7, stepped), description = coalesce($8, description), "
		"seq = (SELECT pg_catalog.max(seq) + 1 FROM tsdb.series_rule WHERE target = $1) "
		"WHERE target = $1 AND pg_catalog.md5(series::text) = pg_catalog.md5($2::text) RETURNING low, high",
		lengthof(types), types, values, isnull, SPI_OK_UPDATE_RETURNING);
	if (SPI_processed == 0)
		run("INSERT INTO tsdb.series_rule (target, series, timezone, unit, low, high, stepped, description, seq) "
			"VALUES ($1::pg_catalog.regclass, $2, $3, $4, $5, $6, $7, $8, "
			"  (SELECT coalesce(pg_catalog.max(seq), 0) + 1 FROM tsdb.series_rule WHERE target = $1)) RETURNING low, high",
			lengthof(types), types, values, isnull, SPI_OK_INSERT_RETURNING);
	check_limits();
	end_edit(&edit);
}

bool
tsdb_ruleedit_unset(Oid relid, Jsonb *series, List *attributes)
{
	static const Oid types[2] = {OIDOID, JSONBOID};
	Datum values[2] = {ObjectIdGetDatum(relid), JsonbPGetDatum(series)};
	bool isnull[2] = {false, false};
	StringInfoData sql;
	bool found;
	Edit edit;
	ListCell *lc;

	initStringInfo(&sql);
	appendStringInfoString(&sql, "UPDATE tsdb.series_rule SET seq = seq");
	for (int attribute = TSDB_RULE_TIMEZONE; attribute <= TSDB_RULE_DESCRIPTION && attributes == NIL; attribute++)
		appendStringInfo(&sql, ", %s = NULL", tsdb_ruleedit_name(attribute));
	foreach (lc, attributes)
		appendStringInfo(&sql, ", %s = NULL", tsdb_ruleedit_name(lfirst_int(lc)));
	appendStringInfoString(&sql, " WHERE target = $1 AND pg_catalog.md5(series::text) = pg_catalog.md5($2::text)");
	if (!begin_edit(&edit))
		return false;
	run(sql.data, 2, types, values, isnull, SPI_OK_UPDATE);
	found = SPI_processed > 0;
	if (found)
		run("DELETE FROM tsdb.series_rule WHERE target = $1 AND pg_catalog.md5(series::text) = pg_catalog.md5($2::text) "
			"AND coalesce(timezone, unit, description) IS NULL AND coalesce(low, high) IS NULL AND stepped IS NULL",
			2, types, values, isnull, SPI_OK_DELETE);
	end_edit(&edit);
	return found;
}

void
tsdb_ruleedit_rename(List *relids, const char *old_name, const char *new_name)
{
	static const Oid types[3] = {OIDOID, TEXTOID, TEXTOID};
	Datum values[3] = {(Datum) 0, CStringGetTextDatum(old_name), CStringGetTextDatum(new_name)};
	bool isnull[3] = {false, false, false};
	Edit edit;
	ListCell *lc;

	if (relids == NIL || !begin_edit(&edit))
		return;
	foreach (lc, relids)
	{
		values[0] = ObjectIdGetDatum(lfirst_oid(lc));
		run("UPDATE tsdb.series_rule SET series = (series - $2) || pg_catalog.jsonb_build_object($3, series -> $2) "
			"WHERE target = $1 AND series ? $2",
			3, types, values, isnull, SPI_OK_UPDATE);
	}
	end_edit(&edit);
}

const char *
tsdb_ruleedit_name(int attribute)
{
	static const char *const names[] = {"timezone", "unit", "low", "high", "stepped", "description"};

	return names[attribute - TSDB_RULE_TIMEZONE];
}

// private functions

/* False where the extension has no table of rules. */
static bool
begin_edit(Edit *edit)
{
	Oid schema = get_namespace_oid("tsdb", true);
	Oid relid = OidIsValid(schema) ? get_relname_relid(TSDB_RULE_TABLE, schema) : InvalidOid;
	Relation rel;

	if (!OidIsValid(relid))
		return false;
	rel = table_open(relid, RowExclusiveLock);
	edit->nest_level = NewGUCNestLevel();
	(void) set_config_option("search_path", "pg_catalog, pg_temp", PGC_USERSET, PGC_S_SESSION, GUC_ACTION_SAVE, true, 0, false);
	GetUserIdAndSecContext(&edit->role, &edit->context);
	SetUserIdAndSecContext(rel->rd_rel->relowner, edit->context | SECURITY_LOCAL_USERID_CHANGE);
	table_close(rel, NoLock);
	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "could not connect to SPI");
	return true;
}

static void
end_edit(Edit *edit)
{
	SPI_finish();
	SetUserIdAndSecContext(edit->role, edit->context);
	AtEOXact_GUC(true, edit->nest_level);
}

static void
run(const char *sql, int nargs, const Oid *types, Datum *values, const bool *isnull, int expected)
{
	char nulls[2 + NGIVEN];
	int result;

	for (int i = 0; i < nargs; i++)
		nulls[i] = isnull[i] ? 'n' : ' ';
	result = SPI_execute_with_args(sql, nargs, unconstify(Oid *, types), values, nulls, false, 0);
	if (result != expected)
		elog(ERROR, "statement on the rules of series failed: %s", SPI_result_code_string(result));
}

/* Of the rule that was returned. */
static void
check_limits(void)
{
	HeapTuple tuple = SPI_tuptable->vals[0];
	bool no_low;
	bool no_high;
	double low = DatumGetFloat8(SPI_getbinval(tuple, SPI_tuptable->tupdesc, 1, &no_low));
	double high = DatumGetFloat8(SPI_getbinval(tuple, SPI_tuptable->tupdesc, 2, &no_high));

	if (!no_low && !no_high && !(low <= high))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("the low limit is above the high limit"),
				 errdetail("The rule would have low %g and high %g.", low, high),
				 errhint("Give both, low first below high; tsdb.unset_series() takes one away.")));
}
