/*-------------------------------------------------------------------------
 *
 * tagrules.h
 *	  Rules of a table: attributes for all series whose tags contain given ones.
 *
 * They are rows of tsdb.series_rule.  Each attribute of a series is that of the rule with the most tags that gives it;
 * of several such the one that was set last.
 *-------------------------------------------------------------------------
 */
#ifndef TSDB_TAGRULES_H
#define TSDB_TAGRULES_H

#include "postgres.h"
#include "attr/rowtags.h"
#include "pgtime.h"

/* Attributes of a series, or what a rule gives. */
typedef struct TsdbAttributes
{
	const char *timezone; /* NULL: none */
	pg_tz *zone; /* of timezone; NULL: UTC */
	const char *unit; /* NULL: none */
	const char *description; /* NULL: none */
	bool has_low;
	bool has_high;
	bool has_stepped;
	bool stepped;
	double low;
	double high;
} TsdbAttributes;

typedef struct TsdbTagRules TsdbTagRules;

/* Columns of tsdb.series_rule. */
enum
{
	TSDB_RULE_TARGET = 1,
	TSDB_RULE_SERIES,
	TSDB_RULE_TIMEZONE,
	TSDB_RULE_UNIT,
	TSDB_RULE_LOW,
	TSDB_RULE_HIGH,
	TSDB_RULE_STEPPED,
	TSDB_RULE_DESCRIPTION,
	TSDB_RULE_SEQ
};

#define TSDB_RULE_TABLE "series_rule"
#define TSDB_RULE_INDEX "series_rule_target_idx"

/*
 * tsdb_tagrules_load - the rules that hold for rows of these tags, as they stand now; NULL when there is none.
 *
 * Own changes of earlier commands are among them; the transaction's snapshot does not matter.  Memory: current context.
 */
extern TsdbTagRules *tsdb_tagrules_load(const TsdbRowTags *tags);

/* tsdb_tagrules_resolve - the attributes of a series; values by tag index.  Texts are those of the rules. */
extern void tsdb_tagrules_resolve(const TsdbTagRules *rules, const Datum *values, const bool *isnull, TsdbAttributes *attributes);

/* tsdb_tagrules_zones - the different zones that rules give and, first of all, UTC (NULL); sets *nzones. */
extern pg_tz *const *tsdb_tagrules_zones(const TsdbTagRules *rules, int *nzones);

/*
 * tsdb_tagrules_zone - time zone by name, as AT TIME ZONE reads it; NULL for UTC.
 *
 * Raises INVALID_PARAMETER_VALUE when there is none, and for abbreviations that are no zones.
 */
extern pg_tz *tsdb_tagrules_zone(const char *name);

/* tsdb_tagrules_forget - delete the rules of a table that is being dropped. */
extern void tsdb_tagrules_forget(Oid relid);

#endif /* TSDB_TAGRULES_H */
