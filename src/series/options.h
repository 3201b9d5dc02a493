/*-------------------------------------------------------------------------
 *
 * options.h
 *	  The options of a tsdb table: names, values, what is allowed.
 *
 * Knows nothing of the table's columns; tsdbtable.c brings the two together.
 *-------------------------------------------------------------------------
 */
#ifndef TSDB_OPTIONS_H
#define TSDB_OPTIONS_H

#include "postgres.h"
#include "nodes/pg_list.h"
#include "series/tsdbtable.h"

/* The names, as in WITH (...). */
#define TSDB_OPTION_TAGS "tags"
#define TSDB_OPTION_SAMPLE_INTERVAL "sample_interval"
#define TSDB_OPTION_BLOCK_INTERVAL "block_interval"
#define TSDB_OPTION_TIME_COLUMN "time_column"
#define TSDB_OPTION_COMPRESSION "compression"
#define TSDB_OPTION_RETENTION "retention"
#define TSDB_OPTION_COMPACT_AFTER "compact_after"
#define TSDB_OPTION_REQUIRE_REASON "require_reason"
#define TSDB_OPTION_EDIT_HORIZON "edit_horizon"

/* All of them, for messages. */
#define TSDB_OPTION_NAMES "tags, sample_interval, block_interval, time_column, compression, retention, compact_after, require_reason, edit_horizon"

typedef struct TsdbOptions
{
	List *tags; /* column names (char *), in the option's order */
	char *time_column; /* NULL = the only timestamptz column */
	int64 sample_us;
	int64 block_us; /* 0 = auto */
	int64 retention_us; /* 0 = none */
	int64 compact_after_us; /* -1 = chosen by the worker */
	bool require_reason;
	int64 edit_horizon_us;
	TsdbCompression compression;
} TsdbOptions;

/* tsdb_options_has - is this the name of one of our options? */
extern bool tsdb_options_has(const char *name);

/*
 * tsdb_options_parse - values of a list of DefElems (name, String); other names are passed over.
 *
 *	table_name	for messages
 *
 * Raises INVALID_PARAMETER_VALUE for a value that is not allowed and for a missing required option.
 * Memory: current context.
 */
extern void tsdb_options_parse(List *options, const char *table_name, TsdbOptions *result);

/* tsdb_options_is_sample_interval - is this a value that option sample_interval may have?  Looks at no catalog. */
extern bool tsdb_options_is_sample_interval(const char *value);

/*
 * tsdb_options_rename - the value of an option after a column got another name.
 *
 * Returns NULL when the option doesn't name the column.
 */
extern char *tsdb_options_rename(const char *option, const char *value, const char *old_column, const char *new_column);

#endif /* TSDB_OPTIONS_H */
