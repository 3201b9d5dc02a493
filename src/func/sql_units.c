/*-------------------------------------------------------------------------
 *
 * sql_units.c
 *	  SQL function tsdb.convert: from one unit to another, by extension unit (postgresql-unit).
 *
 * Which units there are, and what they mean, is that extension's business.
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "access/htup_details.h"
#include "catalog/dependency.h"
#include "catalog/pg_type.h"
#include "commands/extension.h"
#include "fmgr.h"
#include "nodes/value.h"
#include "parser/parse_func.h"
#include "pg/compat.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"

/* What a call site knows of the extension. */
typedef struct UnitSite
{
	FmgrInfo input; /* of type unit */
	Oid input_param;
	FmgrInfo in_unit; /* unit_at_double(unit, text) */
} UnitSite;

static UnitSite *get_site(FmgrInfo *flinfo);
static Oid unit_type(void);
static Oid type_schema(Oid type);

PG_FUNCTION_INFO_V1(tsdb_convert);

/* tsdb.convert(value, from, to) */
Datum
tsdb_convert(PG_FUNCTION_ARGS)
{
	double value = PG_GETARG_FLOAT8(0);
	UnitSite *site = get_site(fcinfo->flinfo);
	char *written;
	Datum quantity;

	if (isnan(value))
		PG_RETURN_FLOAT8(value);
	/* The extension reads no infinities; they stay what they are in any unit, but both units have to fit. */
	written = psprintf("%.17g %s", isinf(value) ? 1.0 : value, text_to_cstring(PG_GETARG_TEXT_PP(1)));
	quantity = InputFunctionCall(&site->input, written, site->input_param, -1);
	quantity = FunctionCall2(&site->in_unit, quantity, PG_GETARG_DATUM(2));
	PG_RETURN_FLOAT8(isinf(value) ? value : DatumGetFloat8(quantity));
}

// private functions

static UnitSite *
get_site(FmgrInfo *flinfo)
{
	UnitSite *site = (UnitSite *) flinfo->fn_extra;
	Oid arguments[2];
	Oid input;
	Oid type;
	List *name;

	if (site != NULL)
		return site;
	site = MemoryContextAllocZero(flinfo->fn_mcxt, sizeof(UnitSite));
	type = unit_type();
	arguments[0] = type;
	arguments[1] = TEXTOID;
	getTypeInputInfo(type, &input, &site->input_param);
	fmgr_info_cxt(input, &site->input, flinfo->fn_mcxt);
	name = list_make2(makeString(get_namespace_name(type_schema(type))), makeString("unit_at_double"));
	fmgr_info_cxt(LookupFuncName(name, 2, arguments, false), &site->in_unit, flinfo->fn_mcxt);
	flinfo->fn_extra = site;
	return site;
}

static Oid
unit_type(void)
{
	Oid extension = get_extension_oid("unit", true);
	Oid type = OidIsValid(extension) ? getExtensionType(extension, "unit") : InvalidOid;

	if (!OidIsValid(type))
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("units are converted by extension \"unit\", which is not there"),
				 errdetail("It is postgresql-unit; Debian's package is postgresql-%s-unit.", PG_MAJORVERSION),
				 errhint("Install the package on the server, then run CREATE EXTENSION unit.")));
	return type;
}

static Oid
type_schema(Oid type)
{
	HeapTuple tuple = SearchSysCache1(TYPEOID, ObjectIdGetDatum(type));
	Oid schema;

	if (!HeapTupleIsValid(tuple))
		elog(ERROR, "cache lookup failed for type %u", type);
	schema = ((Form_pg_type) GETSTRUCT(tuple))->typnamespace;
	ReleaseSysCache(tuple);
	return schema;
}
