/*-------------------------------------------------------------------------
 *
 * options.c
 *	  The options of a tsdb table: names, values, what is allowed.
 *
 * Column lists are written like SQL identifiers: folded to lower case unless
 * quoted.  Intervals are PostgreSQL's, but must have a unit: `retention =
 * 30` would be 30 seconds, and the user meant days.
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "format/grid.h"
#include "nodes/value.h"
#include "pg/compat.h"
#include "series/options.h"
#include "utils/builtins.h"
#include "utils/datetime.h"
#include "utils/varlena.h"

/* Longer spans would overflow when segments are laid out. */
#define MAX_SPAN_DAYS 100000
#define MAX_SPAN_US (MAX_SPAN_DAYS * TSDB_US_PER_DAY)

/* A month and a year in ages: their longest, so that nothing is dropped early. */
#define LONGEST_MONTH_DAYS 31
#define LONGEST_YEAR_DAYS 366

/* How old a sample may be to be changed without a reason under require_reason. */
#define DEFAULT_EDIT_HORIZON_US TSDB_US_PER_DAY

#define ALLOWED_GRID "an interval with a unit that divides a day or is a multiple of a day, from 1us to 100000 days, for example 100ms, 1s, 5min or 1d"
#define ALLOWED_AGE "a positive interval with a unit, for example 12 hours, 30 days or 10 years"

typedef struct OptionParser
{
	const char *name;
	void (*parse)(const char *value, TsdbOptions *options);
} OptionParser;

static void parse_tags(const char *value, TsdbOptions *options);
static void parse_sample_interval(const char *value, TsdbOptions *options);
static void parse_block_interval(const char *value, TsdbOptions *options);
static void parse_time_column(const char *value, TsdbOptions *options);
static void parse_compression(const char *value, TsdbOptions *options);
static void parse_retention(const char *value, TsdbOptions *options);
static void parse_compact_after(const char *value, TsdbOptions *options);
static void parse_require_reason(const char *value, TsdbOptions *options);
static void parse_edit_horizon(const char *value, TsdbOptions *options);
static bool read_grid(const char *value, int64 *us);
static int64 parse_grid(const char *option, const char *value);
static int64 parse_age(const char *option, const char *value);
static bool decode_interval(const char *value, struct pg_itm_in *interval);
static bool has_unit(const char *value);
static bool interval_us(const struct pg_itm_in *interval, int64 *us);
static List *split_names(const char *value, bool *ok);
static void check_names_once(List *names, const char *value);
static const OptionParser *find_parser(const char *name);
static void check_required(const char *name, bool given, const char *table_name, const char *example);
static void raise_invalid(const char *option, const char *value, const char *allowed) pg_attribute_noreturn();

static const OptionParser parsers[] = {
	{TSDB_OPTION_TAGS, parse_tags},
	{TSDB_OPTION_SAMPLE_INTERVAL, parse_sample_interval},
	{TSDB_OPTION_BLOCK_INTERVAL, parse_block_interval},
	{TSDB_OPTION_TIME_COLUMN, parse_time_column},
	{TSDB_OPTION_COMPRESSION, parse_compression},
	{TSDB_OPTION_RETENTION, parse_retention},
	{TSDB_OPTION_COMPACT_AFTER, parse_compact_after},
	{TSDB_OPTION_REQUIRE_REASON, parse_require_reason},
	{TSDB_OPTION_EDIT_HORIZON, parse_edit_horizon},
};

bool
tsdb_options_has(const char *name)
{
	return find_parser(name) != NULL;
}

void
tsdb_options_parse(List *options, const char *table_name, TsdbOptions *result)
{
	bool has_tags = false;
	ListCell *lc;

	memset(result, 0, sizeof(*result));
	result->compact_after_us = -1;
	result->edit_horizon_us = DEFAULT_EDIT_HORIZON_US;

	foreach (lc, options)
	{
		DefElem *def = lfirst_node(DefElem, lc);
		const OptionParser *parser = find_parser(def->defname);

		if (parser == NULL)
			continue;
		parser->parse(def->arg != NULL ? strVal(def->arg) : "", result);
		has_tags |= parser->parse == parse_tags;
	}

	check_required(TSDB_OPTION_TAGS, has_tags, table_name, "tags = 'plant,sensor'");
	check_required(TSDB_OPTION_SAMPLE_INTERVAL, result->sample_us > 0, table_name, "sample_interval = '1s'");

	if (result->block_us % result->sample_us != 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("option \"%s\" of table \"%s\" is not a multiple of \"%s\"",
						TSDB_OPTION_BLOCK_INTERVAL, table_name, TSDB_OPTION_SAMPLE_INTERVAL),
				 errdetail("The block interval is %lld us, the sample interval %lld us.",
						   (long long) result->block_us, (long long) result->sample_us),
				 errhint("Leave \"%s\" out to have it chosen by the density of each series.", TSDB_OPTION_BLOCK_INTERVAL)));
}

bool
tsdb_options_is_sample_interval(const char *value)
{
	int64 us;

	return read_grid(value, &us);
}

char *
tsdb_options_rename(const char *option, const char *value, const char *old_column, const char *new_column)
{
	StringInfoData renamed;
	bool ok;
	bool found = false;
	List *names;
	ListCell *lc;

	if (strcmp(option, TSDB_OPTION_TAGS) != 0 && strcmp(option, TSDB_OPTION_TIME_COLUMN) != 0)
		return NULL;

	names = split_names(value, &ok);
	initStringInfo(&renamed);
	foreach (lc, names)
	{
		const char *name = (const char *) lfirst(lc);

		if (strcmp(name, old_column) == 0)
		{
			found = true;
			name = new_column;
		}
		if (renamed.len > 0)
			appendStringInfoChar(&renamed, ',');
		appendStringInfoString(&renamed, quote_identifier(name));
	}
	return found ? renamed.data : NULL;
}

// private functions

static void
parse_tags(const char *value, TsdbOptions *options)
{
	bool ok;

	options->tags = split_names(value, &ok);
	if (!ok)
		raise_invalid(TSDB_OPTION_TAGS, value, "a comma-separated list of column names, for example plant,sensor, or nothing between the quotes for a table that is one series");
	check_names_once(options->tags, value);
}

static void
parse_sample_interval(const char *value, TsdbOptions *options)
{
	options->sample_us = parse_grid(TSDB_OPTION_SAMPLE_INTERVAL, value);
}

static void
parse_block_interval(const char *value, TsdbOptions *options)
{
	if (pg_strcasecmp(value, "auto") == 0)
		options->block_us = 0;
	else
		options->block_us = parse_grid(TSDB_OPTION_BLOCK_INTERVAL, value);
}

static void
parse_time_column(const char *value, TsdbOptions *options)
{
	bool ok;
	List *names = split_names(value, &ok);

	if (!ok || list_length(names) != 1)
		raise_invalid(TSDB_OPTION_TIME_COLUMN, value, "the name of a timestamptz column of the table");
	options->time_column = (char *) linitial(names);
}

static void
parse_compression(const char *value, TsdbOptions *options)
{
	if (pg_strcasecmp(value, "auto") == 0)
		options->compression = TSDB_COMPRESSION_AUTO;
	else if (pg_strcasecmp(value, "fast") == 0)
		options->compression = TSDB_COMPRESSION_FAST;
	else if (pg_strcasecmp(value, "small") == 0)
		options->compression = TSDB_COMPRESSION_SMALL;
	else
		raise_invalid(TSDB_OPTION_COMPRESSION, value, "auto, fast or small");
}

static void
parse_retention(const char *value, TsdbOptions *options)
{
	options->retention_us = parse_age(TSDB_OPTION_RETENTION, value);
}

static void
parse_compact_after(const char *value, TsdbOptions *options)
{
	options->compact_after_us = parse_age(TSDB_OPTION_COMPACT_AFTER, value);
}

static void
parse_require_reason(const char *value, TsdbOptions *options)
{
	if (!parse_bool(value, &options->require_reason))
		raise_invalid(TSDB_OPTION_REQUIRE_REASON, value, "true or false");
}

static void
parse_edit_horizon(const char *value, TsdbOptions *options)
{
	options->edit_horizon_us = parse_age(TSDB_OPTION_EDIT_HORIZON, value);
}

/* parse_grid - a span that grids can be made of: it divides a day or is a multiple of one. */
static int64
parse_grid(const char *option, const char *value)
{
	int64 us;

	if (!read_grid(value, &us))
		raise_invalid(option, value, option[0] == 'b' ? "auto, or " ALLOWED_GRID : ALLOWED_GRID);
	return us;
}

static bool
read_grid(const char *value, int64 *us)
{
	struct pg_itm_in interval;

	return decode_interval(value, &interval) && interval.tm_mon == 0 && interval.tm_year == 0 &&
		   interval_us(&interval, us) && *us >= 1 && *us <= MAX_SPAN_US &&
		   (TSDB_US_PER_DAY % *us == 0 || *us % TSDB_US_PER_DAY == 0);
}

static int64
parse_age(const char *option, const char *value)
{
	struct pg_itm_in interval;
	int64 us;

	if (!decode_interval(value, &interval) || !interval_us(&interval, &us) || us < 1)
		raise_invalid(option, value, ALLOWED_AGE);
	return us;
}

/* decode_interval - as interval_in, but without raising, so that the message can name the option. */
static bool
decode_interval(const char *value, struct pg_itm_in *interval)
{
	char work[MAXDATELEN * 2];
	char *field[MAXDATEFIELDS];
	int ftype[MAXDATEFIELDS];
	int nfields;
	int dtype = DTK_DELTA;
	int failure;

	memset(interval, 0, sizeof(*interval));
	if (!has_unit(value))
		return false;

	failure = ParseDateTime(value, work, sizeof(work), field, ftype, MAXDATEFIELDS, &nfields);
	if (failure == 0)
		failure = DecodeInterval(field, ftype, nfields, INTERVAL_FULL_RANGE, &dtype, interval);
	if (failure == DTERR_BAD_FORMAT)
		failure = DecodeISO8601Interval(pstrdup(value), &dtype, interval);
	return failure == 0 && dtype == DTK_DELTA;
}

/* has_unit - is it more than a bare number?  12:30:00 counts as having one. */
static bool
has_unit(const char *value)
{
	return value[strspn(value, " \t\r\n+-.0123456789eE")] != '\0';
}

/* interval_us - length in us; false when it overflows. */
static bool
interval_us(const struct pg_itm_in *interval, int64 *us)
{
	int64 days = (int64) interval->tm_mday +
				 (int64) interval->tm_mon * LONGEST_MONTH_DAYS +
				 (int64) interval->tm_year * LONGEST_YEAR_DAYS;

	return !__builtin_mul_overflow(days, TSDB_US_PER_DAY, us) &&
		   !__builtin_add_overflow(*us, interval->tm_usec, us);
}

/* split_names - list of identifiers, folded and truncated as SQL does. */
static List *
split_names(const char *value, bool *ok)
{
	List *names = NIL;

	/* The names point into the copy. */
	*ok = SplitIdentifierString(pstrdup(value), ',', &names);
	return *ok ? names : NIL;
}

static void
check_names_once(List *names, const char *value)
{
	ListCell *lc;

	foreach (lc, names)
	{
		for (int i = foreach_current_index(lc) + 1; i < list_length(names); i++)
		{
			if (strcmp((char *) lfirst(lc), (char *) list_nth(names, i)) == 0)
				ereport(ERROR,
						(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						 errmsg("column \"%s\" is listed twice in option \"%s\"", (char *) lfirst(lc), TSDB_OPTION_TAGS),
						 errdetail("The value is \"%s\"; a column may be listed once.", value)));
		}
	}
}

static const OptionParser *
find_parser(const char *name)
{
	for (size_t i = 0; i < lengthof(parsers); i++)
	{
		if (strcmp(parsers[i].name, name) == 0)
			return &parsers[i];
	}
	return NULL;
}

static void
check_required(const char *name, bool given, const char *table_name, const char *example)
{
	if (!given)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("option \"%s\" of tsdb table \"%s\" is missing", name, table_name),
				 errdetail("Options \"%s\" and \"%s\" are required.", TSDB_OPTION_TAGS, TSDB_OPTION_SAMPLE_INTERVAL),
				 errhint("Give it with WITH (%s, ...), or with SET (...) in ALTER TABLE.", example)));
}

static void
raise_invalid(const char *option, const char *value, const char *allowed)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("invalid value for option \"%s\": \"%s\"", option, value),
			 errdetail("Allowed is %s.", allowed)));
}
