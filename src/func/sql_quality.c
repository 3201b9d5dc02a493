/*-------------------------------------------------------------------------
 *
 * sql_quality.c
 *	  SQL functions for quality codes: names, OPC DA, the aggregate tsdb.worst.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "fmgr.h"
#include "format/quality.h"
#include "format/summary.h"
#include "pg/compat.h"
#include "utils/builtins.h"

static uint32 parse_name(const char *name);
static int severity(uint32 code);

PG_FUNCTION_INFO_V1(tsdb_quality);
PG_FUNCTION_INFO_V1(tsdb_quality_literal);
PG_FUNCTION_INFO_V1(tsdb_quality_text);
PG_FUNCTION_INFO_V1(tsdb_quality_of_da);
PG_FUNCTION_INFO_V1(tsdb_quality_as_da);
PG_FUNCTION_INFO_V1(tsdb_worst_step);

/* tsdb.quality(text) - the code of a name. */
Datum
tsdb_quality(PG_FUNCTION_ARGS)
{
	PG_RETURN_INT32((int32) parse_name(text_to_cstring(PG_GETARG_TEXT_PP(0))));
}

/* tsdb.quality(unknown) - the same for a literal. */
Datum
tsdb_quality_literal(PG_FUNCTION_ARGS)
{
	PG_RETURN_INT32((int32) parse_name(PG_GETARG_CSTRING(0)));
}

/* tsdb.quality_name(quality) - the name of a code; tsdb.quality(text) gives it back. */
Datum
tsdb_quality_text(PG_FUNCTION_ARGS)
{
	char buffer[TSDB_QUALITY_NAME_BYTES];

	PG_RETURN_TEXT_P(cstring_to_text(tsdb_quality_name((uint32) PG_GETARG_INT32(0), buffer)));
}

/* tsdb.quality_from_da(int) - the code for a 16-bit quality of OPC DA. */
Datum
tsdb_quality_of_da(PG_FUNCTION_ARGS)
{
	int32 da = PG_GETARG_INT32(0);

	if (da < 0 || da > PG_UINT16_MAX)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("OPC DA quality %d is out of range", da),
				 errdetail("It must be between 0 and %d.", PG_UINT16_MAX)));
	PG_RETURN_INT32((int32) tsdb_quality_from_da((uint16) da));
}

/* tsdb.quality_to_da(quality) - the nearest quality of OPC DA. */
Datum
tsdb_quality_as_da(PG_FUNCTION_ARGS)
{
	PG_RETURN_INT32(tsdb_quality_to_da((uint32) PG_GETARG_INT32(0)));
}

/* tsdb.worst(quality) - keep the first code of the highest severity. */
Datum
tsdb_worst_step(PG_FUNCTION_ARGS)
{
	int32 worst = PG_GETARG_INT32(0);
	int32 code = PG_GETARG_INT32(1);

	PG_RETURN_INT32(severity((uint32) code) > severity((uint32) worst) ? code : worst);
}

// private functions

static uint32
parse_name(const char *name)
{
	uint32 code;

	if (!tsdb_quality_from_name(name, strlen(name), &code))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("quality \"%s\" does not exist", name),
				 errhint("Names are those of OPC UA, for example 'good', 'uncertain_last_usable_value' or 'bad_sensor_failure'; any code can be written as '0x80000000'.")));
	return code;
}

static int
severity(uint32 code)
{
	if (TSDB_QUALITY_IS_BAD(code))
		return 2;
	return TSDB_QUALITY_IS_UNCERTAIN(code) ? 1 : 0;
}
