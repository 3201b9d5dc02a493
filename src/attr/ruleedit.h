/*-------------------------------------------------------------------------
 *
 * ruleedit.h
 *	  Changes to the rules of a table (tsdb.series_rule).
 *
 *-------------------------------------------------------------------------
 */
#ifndef TSDB_RULEEDIT_H
#define TSDB_RULEEDIT_H

#include "postgres.h"
#include "attr/tagrules.h"

/* What a call gives, as Datums by TSDB_RULE_TIMEZONE .. TSDB_RULE_DESCRIPTION; NULL = leave it. */
typedef struct TsdbRuleGiven
{
	Datum values[TSDB_RULE_DESCRIPTION + 1];
	bool isnull[TSDB_RULE_DESCRIPTION + 1];
} TsdbRuleGiven;

/* tsdb_ruleedit_set - make or change the rule of these tags; raises INVALID_PARAMETER_VALUE when its low is then above its high. */
extern void tsdb_ruleedit_set(Oid relid, Jsonb *series, const TsdbRuleGiven *given);

/*
 * tsdb_ruleedit_unset - take attributes out of the rule of these tags, and the rule when none is left.
 *
 *	attributes	int list of TSDB_RULE_*; NIL = all
 *
 * Returns false when there is no such rule.
 */
extern bool tsdb_ruleedit_unset(Oid relid, Jsonb *series, List *attributes);

/* tsdb_ruleedit_rename - a tag of these tables (oid list) has got another name. */
extern void tsdb_ruleedit_rename(List *relids, const char *old_name, const char *new_name);

/* tsdb_ruleedit_name - column of tsdb.series_rule. */
extern const char *tsdb_ruleedit_name(int attribute);

#endif /* TSDB_RULEEDIT_H */
