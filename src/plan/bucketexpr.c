/*-------------------------------------------------------------------------
 *
 * bucketexpr.c
 *	  Which expressions over the time are constant in buckets of time.
 *
 * Only the edges matter here: the value of a bucket is computed by the expression itself at a time in the
 * bucket.  So a recognised function may be wrapped in others, for example floor(...)*n or to_timestamp.
 *
 * A description is a list: { form, clock }, unit, zone, width, origin; all but the first are arguments of the function, a NULL constant where
 * there is none.  Arguments that are not constants are evaluated when execution starts.
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "catalog/pg_collation.h"
#include "catalog/pg_type.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
#include "plan/bucketexpr.h"
#include "plan/localexpr.h"
#include "plan/quals.h"
#include "utils/builtins.h"
#include "utils/date.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/numeric.h"
#include "utils/timestamp.h"

#define EPOCH_US ((POSTGRES_EPOCH_JDATE - UNIX_EPOCH_JDATE) * USECS_PER_DAY)
#define MAX_WIDTH_SECONDS 1e9
/* From 1970: as long as quotients are not rounded to a whole number.  The years 1653 to 2286; 1697 to 2242 in float8. */
#define MAX_EXACT_SECONDS INT64CONST(10000000000)
#define MAX_EXACT_FLOAT_SECONDS (INT64CONST(1) << 33)
#define GUESSED_WIDTH_US ((double) USECS_PER_HOUR) /* of buckets that are not known before execution */

/* What the function sees of the time. */
typedef enum Clock
{
	CLOCK_NONE,
	CLOCK_INSTANT, /* the timestamptz */
	CLOCK_WALL, /* timestamp in a zone */
	CLOCK_DATE /* its date */
} Clock;

typedef enum Form
{
	FORM_TRUNC, /* date_trunc and ::date: unit, zone */
	FORM_INTERVAL, /* time_bucket over timestamptz: width, zone, origin timestamptz */
	FORM_WALL_INTERVAL, /* time_bucket over timestamp: width, zone, origin timestamp */
	FORM_DATE_INTERVAL, /* the same over date */
	FORM_BIN, /* date_bin over timestamptz: width, origin */
	FORM_WALL_BIN, /* date_bin over timestamp: width, zone, origin */
	FORM_DIVISION, /* floor(epoch / n): width */
	FORM_LOCAL /* tsdb.local_bucket: width, origin, clock */
} Form;

/* A recognised function. */
typedef struct Bucketing
{
	Form form;
	Node *unit;
	Node *zone; /* NULL: the session's, in forms that have one */
	Node *width; /* DIVISION: the divisor */
	Node *origin;
	List *clock; /* localexpr.h; NIL: one for all */
} Bucketing;

typedef struct Search
{
	RelOptInfo *rel;
	AttrNumber time_attnum;
	List *found; /* description of the function seen */
	bool failed;
} Search;

static Node *strip_rising(Node *node);
static bool is_positive(Node *node);
static bool search_bucketing(Node *node, void *context);
static bool match_bucketing(Search *search, Node *node, Bucketing *bucketing);
static bool are_arguments(const Bucketing *bucketing);
static bool is_known(const Bucketing *bucketing);
static bool is_constant(Node *node);
static Clock match_clock(Search *search, Node *node, Node **zone);
static bool match_trunc(Search *search, FuncExpr *call, Bucketing *bucketing);
static bool match_bin(Search *search, FuncExpr *call, Bucketing *bucketing);
static bool match_time_bucket(Search *search, FuncExpr *call, Bucketing *bucketing);
static bool match_local_bucket(Search *search, FuncExpr *call, Bucketing *bucketing);
static bool match_division(Search *search, FuncExpr *call, Bucketing *bucketing);
static bool match_epoch(Search *search, Node *node);
static int64 division_width_us(const Const *divisor);
static bool is_time_bucket(Oid function);
static Node *argument(Node *node);
static Const *constant(Node *node);
static bool is_zone(Node *zone);
static pg_tz *zone_of(Node *zone);
static bool has_values(const Bucketing *bucketing);
static bool build_rule(const Bucketing *bucketing, TsdbBucketRule *rule);
static Datum value_of(Node *argument);
static bool build_interval(const Bucketing *bucketing, TsdbBucketRule *rule);
static bool build_wall_interval(const Bucketing *bucketing, TsdbBucketRule *rule);
static bool build_bin(const Bucketing *bucketing, TsdbBucketRule *rule);
static bool build_division(const Bucketing *bucketing, TsdbBucketRule *rule);
static int64 wall_us(const Const *origin);
static List *describe(const Bucketing *bucketing);
static Node *or_none(Node *argument);
static Node *or_null(Node *argument);
static void undescribe(List *bucket, Bucketing *bucketing);

List *
tsdb_bucketexpr_find(RelOptInfo *rel, AttrNumber time_attnum, Node *expr)
{
	Search search = {rel, time_attnum, NIL, false};

	search_bucketing(expr, &search);
	return search.failed ? NIL : search.found;
}

TsdbBucketRise
tsdb_bucketexpr_rise(RelOptInfo *rel, AttrNumber time_attnum, Node *expr)
{
	Search search = {rel, time_attnum, NIL, false};
	Bucketing bucketing = {0};
	Node *inner = strip_rising(expr);

	if (!match_bucketing(&search, inner, &bucketing) || !is_known(&bucketing) || bucketing.form == FORM_LOCAL)
		return TSDB_BUCKET_ANY;
	if (inner == expr && exprType(expr) == TIMESTAMPTZOID &&
		(bucketing.form == FORM_TRUNC || bucketing.form == FORM_INTERVAL))
		return TSDB_BUCKET_START;
	return TSDB_BUCKET_RISING;
}

void
tsdb_bucketexpr_rule(List *bucket, TsdbBucketRule *rule)
{
	Bucketing bucketing;

	undescribe(bucket, &bucketing);
	if (is_known(&bucketing) && build_rule(&bucketing, rule))
		return;

	/* Whatever the function makes of such arguments: each time is looked at. */
	memset(rule, 0, sizeof(*rule));
	rule->kind = TSDB_BUCKETS_FIXED;
	rule->width_us = 1;
}

List *
tsdb_bucketexpr_arguments(List *bucket)
{
	return list_copy_tail(bucket, 1);
}

List *
tsdb_bucketexpr_with_arguments(List *bucket, List *arguments)
{
	return lcons(linitial(bucket), arguments);
}

List *
tsdb_bucketexpr_clock(List *bucket)
{
	return bucket == NIL ? NIL : lsecond(linitial_node(List, bucket));
}

void
tsdb_bucketexpr_localise(TsdbBucketRule *rule, pg_tz *zone)
{
	rule->zone = zone;
	if (zone != NULL && rule->kind == TSDB_BUCKETS_FIXED)
		rule->kind = TSDB_BUCKETS_LOCAL;
	else if (zone == NULL && rule->kind == TSDB_BUCKETS_LOCAL)
		rule->kind = TSDB_BUCKETS_FIXED;
}

double
tsdb_bucketexpr_width(List *bucket)
{
	Bucketing bucketing;
	TsdbBucketRule rule;

	undescribe(bucket, &bucketing);
	if (!is_known(&bucketing) || !build_rule(&bucketing, &rule))
		return GUESSED_WIDTH_US;
	return rule.kind == TSDB_BUCKETS_MONTHS ? rule.months * (30.0 * USECS_PER_DAY) : (double) rule.width_us;
}

// private functions

/* Take off what keeps different numbers different and in order. */
static Node *
strip_rising(Node *node)
{
	for (;;)
	{
		const OpExpr *op = (const OpExpr *) node;
		const FuncExpr *call = (const FuncExpr *) node;

		if (IsA(node, OpExpr) && (op->opfuncid == F_NUMERIC_MUL || op->opfuncid == F_FLOAT8MUL) &&
			is_positive(lsecond(op->args)))
			node = linitial(op->args);
		else if (IsA(node, FuncExpr) &&
				 (call->funcid == F_TO_TIMESTAMP_FLOAT8 || call->funcid == F_FLOAT8_NUMERIC))
			node = linitial(call->args);
		else
			return node;
	}
}

/* A constant number above 0 and not tiny? */
static bool
is_positive(Node *node)
{
	const Const *value = constant(node);

	if (value == NULL || (value->consttype != NUMERICOID && value->consttype != FLOAT8OID))
		return false;
	if (value->consttype == NUMERICOID)
		return DatumGetFloat8(DirectFunctionCall1(numeric_float8, value->constvalue)) >= 1e-6;
	return DatumGetFloat8(value->constvalue) >= 1e-6;
}

static bool
search_bucketing(Node *node, void *context)
{
	Search *search = context;
	Bucketing bucketing = {0};

	if (node == NULL || search->failed)
		return search->failed;
	if (match_bucketing(search, node, &bucketing))
	{
		List *found = describe(&bucketing);

		search->failed = search->found != NIL && !equal(search->found, found);
		search->found = found;
		return search->failed;
	}
	if (IsA(node, Var))
	{
		search->failed = true; /* the bare time, or another column */
		return true;
	}
	return expression_tree_walker(node, search_bucketing, context);
}

static bool
match_bucketing(Search *search, Node *node, Bucketing *bucketing)
{
	FuncExpr *call = (FuncExpr *) node;
	TsdbBucketRule rule;
	bool matches;

	if (!IsA(node, FuncExpr))
		return false;
	switch (call->funcid)
	{
		case F_DATE_TRUNC_TEXT_TIMESTAMPTZ:
		case F_DATE_TRUNC_TEXT_TIMESTAMPTZ_TEXT:
		case F_DATE_TRUNC_TEXT_TIMESTAMP:
			matches = match_trunc(search, call, bucketing);
			break;
		case F_DATE_BIN_INTERVAL_TIMESTAMPTZ_TIMESTAMPTZ:
		case F_DATE_BIN_INTERVAL_TIMESTAMP_TIMESTAMP:
			matches = match_bin(search, call, bucketing);
			break;
		case F_FLOOR_NUMERIC:
		case F_FLOOR_FLOAT8:
			matches = match_division(search, call, bucketing);
			break;
		default:
			matches = match_clock(search, node, &bucketing->zone) == CLOCK_DATE;
			if (matches)
			{
				bucketing->form = FORM_TRUNC;
				bucketing->unit = (Node *) makeConst(TEXTOID, -1, DEFAULT_COLLATION_OID, -1, CStringGetTextDatum("day"), false, false);
			}
			else
				matches = (is_time_bucket(call->funcid) && match_time_bucket(search, call, bucketing)) ||
						  match_local_bucket(search, call, bucketing);
			break;
	}
	return matches && are_arguments(bucketing) && (!is_known(bucketing) || build_rule(bucketing, &rule));
}

/* Can the arguments be evaluated without a row? */
static bool
are_arguments(const Bucketing *bucketing)
{
	return !contain_var_clause(bucketing->unit) && !contain_var_clause(bucketing->zone) &&
		   !contain_var_clause(bucketing->width) && !contain_var_clause(bucketing->origin);
}

/* Are they constants? */
static bool
is_known(const Bucketing *bucketing)
{
	return is_constant(bucketing->unit) && is_constant(bucketing->zone) && is_constant(bucketing->width) &&
		   is_constant(bucketing->origin);
}

static bool
is_constant(Node *node)
{
	return node == NULL || IsA(node, Const);
}

/* Is this the time, or what a wall clock or calendar shows then?  *zone stays NULL for the session's. */
static Clock
match_clock(Search *search, Node *node, Node **zone)
{
	FuncExpr *call = (FuncExpr *) node;

	if (tsdb_quals_is_column(node, search->rel, search->time_attnum))
		return CLOCK_INSTANT;
	if (!IsA(node, FuncExpr))
		return CLOCK_NONE;
	switch (call->funcid)
	{
		case F_TIMEZONE_TEXT_TIMESTAMPTZ:
			*zone = argument(linitial(call->args));
			return tsdb_quals_is_column(lsecond(call->args), search->rel, search->time_attnum)
					   ? CLOCK_WALL
					   : CLOCK_NONE;
		case F_TIMESTAMP_TIMESTAMPTZ:
			return tsdb_quals_is_column(linitial(call->args), search->rel, search->time_attnum) ? CLOCK_WALL : CLOCK_NONE;
		case F_DATE_TIMESTAMPTZ:
			return tsdb_quals_is_column(linitial(call->args), search->rel, search->time_attnum) ? CLOCK_DATE : CLOCK_NONE;
		case F_DATE_TIMESTAMP:
			return match_clock(search, linitial(call->args), zone) == CLOCK_WALL ? CLOCK_DATE : CLOCK_NONE;
		default:
			return CLOCK_NONE;
	}
}

/* date_trunc(unit, time [, zone]) */
static bool
match_trunc(Search *search, FuncExpr *call, Bucketing *bucketing)
{
	Clock clock = match_clock(search, lsecond(call->args), &bucketing->zone);

	bucketing->form = FORM_TRUNC;
	bucketing->unit = argument(linitial(call->args));
	if (list_length(call->args) == 3)
		bucketing->zone = argument(lthird(call->args));
	return clock == CLOCK_INSTANT || clock == CLOCK_WALL;
}

/* date_bin(width, time, origin) */
static bool
match_bin(Search *search, FuncExpr *call, Bucketing *bucketing)
{
	Clock clock = match_clock(search, lsecond(call->args), &bucketing->zone);

	bucketing->form = clock == CLOCK_INSTANT ? FORM_BIN : FORM_WALL_BIN;
	bucketing->width = argument(linitial(call->args));
	bucketing->origin = argument(lthird(call->args));
	return clock == CLOCK_INSTANT || clock == CLOCK_WALL;
}

/* tsdb.time_bucket(width, time [, zone] [, origin]) */
static bool
match_time_bucket(Search *search, FuncExpr *call, Bucketing *bucketing)
{
	Clock clock;

	if (list_length(call->args) < 2 || exprType(linitial(call->args)) != INTERVALOID)
		return false;
	clock = match_clock(search, lsecond(call->args), &bucketing->zone);
	bucketing->form = clock == CLOCK_INSTANT ? FORM_INTERVAL : clock == CLOCK_DATE ? FORM_DATE_INTERVAL
																				   : FORM_WALL_INTERVAL;
	bucketing->width = argument(linitial(call->args));
	for (int i = 2; i < list_length(call->args); i++)
	{
		Node *option = argument(list_nth(call->args, i));

		if (exprType(option) != TEXTOID)
			bucketing->origin = option;
		else
			bucketing->zone = option;
	}
	return clock != CLOCK_NONE &&
		   (clock != CLOCK_INSTANT || bucketing->origin == NULL || exprType(bucketing->origin) == TIMESTAMPTZOID);
}

/* tsdb.local_bucket(width, [origin,] table, time, tags ...) */
static bool
match_local_bucket(Search *search, FuncExpr *call, Bucketing *bucketing)
{
	int nbefore;

	bucketing->clock = tsdb_localexpr_clock(search->rel, search->time_attnum, (Node *) call, "local_bucket", &nbefore);
	if (bucketing->clock == NIL || nbefore == 0)
		return false;
	bucketing->form = FORM_LOCAL;
	bucketing->zone = NULL;
	bucketing->width = argument(linitial(call->args));
	bucketing->origin = nbefore == 2 ? argument(lsecond(call->args)) : NULL;
	return true;
}

/*
 * floor(extract(epoch from time) / n), in numeric and in float8.
 *
 * The quotient is rounded, but in the centuries around us never from one microsecond to another; before and later each time is looked
 * at.  Float8: whole seconds only, for which the quotient is exact where it is a whole number.
 */
static bool
match_division(Search *search, FuncExpr *call, Bucketing *bucketing)
{
	OpExpr *division = linitial(call->args);

	if (!IsA(division, OpExpr) || (division->opfuncid != F_NUMERIC_DIV && division->opfuncid != F_FLOAT8DIV) ||
		!match_epoch(search, linitial(division->args)))
		return false;
	bucketing->form = FORM_DIVISION;
	bucketing->width = argument(lsecond(division->args));
	return true;
}

/* extract(epoch from time), date_part('epoch', time), either as float8 */
static bool
match_epoch(Search *search, Node *node)
{
	FuncExpr *call = (FuncExpr *) node;
	const Const *unit;
	char *name;

	if (!IsA(node, FuncExpr))
		return false;
	if (call->funcid == F_FLOAT8_NUMERIC)
		return match_epoch(search, linitial(call->args));
	if ((call->funcid != F_EXTRACT_TEXT_TIMESTAMPTZ && call->funcid != F_DATE_PART_TEXT_TIMESTAMPTZ) ||
		!tsdb_quals_is_column(lsecond(call->args), search->rel, search->time_attnum))
		return false;
	unit = constant(linitial(call->args));
	if (unit == NULL)
		return false;
	name = TextDatumGetCString(unit->constvalue);
	return pg_strcasecmp(name, "epoch") == 0;
}

/* The divisor in microseconds, 0 when it isn't a whole number of them (float8: of seconds). */
static int64
division_width_us(const Const *divisor)
{
	double seconds;
	Datum width;

	if (divisor->consttype == FLOAT8OID)
	{
		seconds = DatumGetFloat8(divisor->constvalue);
		return seconds >= 1 && seconds <= MAX_WIDTH_SECONDS && rint(seconds) == seconds ? (int64) seconds * USECS_PER_SEC : 0;
	}

	seconds = DatumGetFloat8(DirectFunctionCall1(numeric_float8, divisor->constvalue));
	if (!(seconds > 0 && seconds <= MAX_WIDTH_SECONDS))
		return 0;
	width = DirectFunctionCall2(numeric_mul, divisor->constvalue, NumericGetDatum(int64_to_numeric(USECS_PER_SEC)));
	if (!DatumGetBool(DirectFunctionCall2(numeric_eq, width, DirectFunctionCall1(numeric_floor, width))))
		return 0;
	return DatumGetInt64(DirectFunctionCall1(numeric_int8, width));
}

static bool
is_time_bucket(Oid function)
{
	char *name = get_func_name(function);
	char *schema;

	if (name == NULL || strcmp(name, "time_bucket") != 0)
		return false;
	schema = get_namespace_name(get_func_namespace(function));
	return schema != NULL && strcmp(schema, "tsdb") == 0;
}

static Node *
argument(Node *node)
{
	while (IsA(node, RelabelType))
		node = (Node *) ((RelabelType *) node)->arg;
	return node;
}

/* The node if it is a constant and not NULL. */
static Const *
constant(Node *node)
{
	node = argument(node);
	return IsA(node, Const) && !((Const *) node)->constisnull ? (Const *) node : NULL;
}

/* A zone of the database of zones: abbreviations such as CET mean something else to SQL. */
static bool
is_zone(Node *zone)
{
	const Const *value = (const Const *) zone;
	char *name;

	if (zone == NULL)
		return true;
	if (value->constisnull || value->consttype != TEXTOID)
		return false;
	name = TextDatumGetCString(value->constvalue);
	return (strchr(name, '/') != NULL || pg_strcasecmp(name, "UTC") == 0) && pg_tzset(name) != NULL;
}

/* NULL where it is UTC, whose buckets are simpler. */
static pg_tz *
zone_of(Node *zone)
{
	pg_tz *result = zone == NULL ? session_timezone : pg_tzset(TextDatumGetCString(((Const *) zone)->constvalue));
	const char *name = pg_get_timezone_name(result);

	return strcmp(name, "UTC") == 0 || strcmp(name, "Etc/UTC") == 0 || strcmp(name, "GMT") == 0 ? NULL : result;
}

/* Is no argument NULL, and the zone one of those whose buckets are known? */
static bool
has_values(const Bucketing *bucketing)
{
	return (bucketing->unit == NULL || constant(bucketing->unit) != NULL) &&
		   (bucketing->width == NULL || constant(bucketing->width) != NULL) &&
		   (bucketing->origin == NULL || constant(bucketing->origin) != NULL) && is_zone(bucketing->zone);
}

/* All arguments are constants.  False when there are no such buckets. */
static bool
build_rule(const Bucketing *bucketing, TsdbBucketRule *rule)
{
	memset(rule, 0, sizeof(*rule));
	if (!has_values(bucketing))
		return false;
	switch (bucketing->form)
	{
		case FORM_TRUNC:
			return tsdb_buckets_trunc_rule(TextDatumGetCString(value_of(bucketing->unit)), zone_of(bucketing->zone), rule);
		case FORM_INTERVAL:
			return build_interval(bucketing, rule);
		case FORM_WALL_INTERVAL:
		case FORM_DATE_INTERVAL:
		case FORM_LOCAL:
			return build_wall_interval(bucketing, rule);
		case FORM_BIN:
		case FORM_WALL_BIN:
			return build_bin(bucketing, rule);
		case FORM_DIVISION:
			return build_division(bucketing, rule);
	}
	return false;
}

static Datum
value_of(Node *argument)
{
	return ((Const *) argument)->constvalue;
}

static bool
build_interval(const Bucketing *bucketing, TsdbBucketRule *rule)
{
	int64 origin = bucketing->origin ? DatumGetTimestampTz(value_of(bucketing->origin)) : 0;
	bool invalid;
	const char *hint;

	return !TIMESTAMP_NOT_FINITE(origin) &&
		   tsdb_buckets_interval_rule(DatumGetIntervalP(value_of(bucketing->width)),
									  bucketing->zone ? zone_of(bucketing->zone) : NULL,
									  bucketing->origin ? &origin : NULL, rule, &invalid, &hint) == NULL;
}

/* The buckets of UTC, seen on the wall clock. */
static bool
build_wall_interval(const Bucketing *bucketing, TsdbBucketRule *rule)
{
	const Interval *width = DatumGetIntervalP(value_of(bucketing->width));
	int64 origin = bucketing->origin ? wall_us((Const *) bucketing->origin) : 0;
	bool invalid;
	const char *hint;

	if (bucketing->form == FORM_DATE_INTERVAL && width->time != 0)
		return false; /* dates change at midnight only */
	if (TIMESTAMP_NOT_FINITE(origin) ||
		tsdb_buckets_interval_rule(width, NULL, bucketing->origin ? &origin : NULL, rule, &invalid, &hint) != NULL)
		return false;
	tsdb_bucketexpr_localise(rule, bucketing->form == FORM_LOCAL ? NULL : zone_of(bucketing->zone));
	return true;
}

static bool
build_bin(const Bucketing *bucketing, TsdbBucketRule *rule)
{
	if (!tsdb_buckets_fixed_rule(DatumGetIntervalP(value_of(bucketing->width)), wall_us((Const *) bucketing->origin), rule))
		return false;
	if (bucketing->form == FORM_WALL_BIN)
	{
		rule->kind = TSDB_BUCKETS_LOCAL;
		rule->zone = zone_of(bucketing->zone);
	}
	return true;
}

static bool
build_division(const Bucketing *bucketing, TsdbBucketRule *rule)
{
	const Const *divisor = (Const *) bucketing->width;
	int64 exact_us = (divisor->consttype == NUMERICOID ? MAX_EXACT_SECONDS : MAX_EXACT_FLOAT_SECONDS) * USECS_PER_SEC;

	rule->kind = TSDB_BUCKETS_FIXED;
	rule->width_us = division_width_us(divisor);
	rule->origin_us = -EPOCH_US;
	rule->exact_from_us = -exact_us - EPOCH_US;
	rule->exact_until_us = exact_us - EPOCH_US;
	return rule->width_us > 0;
}

/* A constant timestamp, timestamptz or date as it stands. */
static int64
wall_us(const Const *origin)
{
	if (origin->consttype == DATEOID)
		return DatumGetTimestamp(DirectFunctionCall1(date_timestamp, origin->constvalue));
	return DatumGetTimestamp(origin->constvalue);
}

static List *
describe(const Bucketing *bucketing)
{
	return list_make5(list_make2(makeInteger(bucketing->form), bucketing->clock), or_none(bucketing->unit), or_none(bucketing->zone),
					  or_none(bucketing->width), or_none(bucketing->origin));
}

/* No argument, unlike one that is NULL, is a NULL of a type that none has. */
static Node *
or_none(Node *argument)
{
	return argument ? argument : (Node *) makeNullConst(VOIDOID, -1, InvalidOid);
}

static Node *
or_null(Node *argument)
{
	return IsA(argument, Const) && ((Const *) argument)->consttype == VOIDOID ? NULL : argument;
}

static void
undescribe(List *bucket, Bucketing *bucketing)
{
	bucketing->form = intVal(linitial(linitial_node(List, bucket)));
	bucketing->clock = lsecond(linitial_node(List, bucket));
	bucketing->unit = or_null(lsecond(bucket));
	bucketing->zone = or_null(lthird(bucket));
	bucketing->width = or_null(lfourth(bucket));
	bucketing->origin = or_null(list_nth(bucket, 4));
}
