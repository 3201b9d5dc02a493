-- tsdb: install script.  Sections in the order of src/.
\echo Use "CREATE EXTENSION tsdb" to load this file. \quit

--
-- series: types of columns
--

-- OPC UA StatusCode, bit for bit; 0 = Good.
CREATE DOMAIN tsdb.quality AS int4 DEFAULT 0;
COMMENT ON DOMAIN tsdb.quality IS 'quality of a sample: OPC UA StatusCode, 0 = Good';

--
-- am: the access method
--

CREATE FUNCTION tsdb.handler(internal) RETURNS table_am_handler
    AS 'MODULE_PATHNAME', 'tsdb_handler' LANGUAGE C STRICT;
COMMENT ON FUNCTION tsdb.handler(internal) IS 'handler of table access method tsdb';

CREATE ACCESS METHOD tsdb TYPE TABLE HANDLER tsdb.handler;
COMMENT ON ACCESS METHOD tsdb IS 'time series: ordered and unique by (tags, time), compressed';

--
-- func: functions and views
--

--
-- func/sql_inspect: what a table stores, and tending it
--

CREATE FUNCTION tsdb.compact(target regclass) RETURNS void
    AS 'MODULE_PATHNAME', 'tsdb_compact' LANGUAGE C STRICT VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION tsdb.compact(regclass) IS 'pack everything that is not packed yet; the background worker does so when it pays';

CREATE FUNCTION tsdb.verify(target regclass, OUT object text, OUT problem text) RETURNS SETOF record
    AS 'MODULE_PATHNAME', 'tsdb_verify' LANGUAGE C STRICT VOLATILE PARALLEL UNSAFE ROWS 10;
COMMENT ON FUNCTION tsdb.verify(regclass) IS 'read and check everything that a table stores; one row per finding';

CREATE FUNCTION tsdb.segments(target regclass,
    OUT series_id int4, OUT segment int4, OUT from_time timestamptz, OUT until_time timestamptz,
    OUT samples int8, OUT blocks int8, OUT groups int4, OUT bytes int8, OUT dead_bytes int8,
    OUT block_interval interval, OUT merged_sequence int8) RETURNS SETOF record
    AS 'MODULE_PATHNAME', 'tsdb_segments' LANGUAGE C STRICT STABLE PARALLEL RESTRICTED;
COMMENT ON FUNCTION tsdb.segments(regclass) IS 'segments of a table: the samples of one series in one span of time';

CREATE FUNCTION tsdb.blocks(target regclass,
    OUT series_id int4, OUT block_id int8, OUT from_time timestamptz, OUT until_time timestamptz,
    OUT first_time timestamptz, OUT last_time timestamptz, OUT samples int4, OUT bytes int8, OUT time_bytes int8) RETURNS SETOF record
    AS 'MODULE_PATHNAME', 'tsdb_blocks' LANGUAGE C STRICT STABLE PARALLEL RESTRICTED;
COMMENT ON FUNCTION tsdb.blocks(regclass) IS 'blocks of a table';

CREATE FUNCTION tsdb.block_columns(target regclass,
    OUT series_id int4, OUT block_id int8, OUT column_name text, OUT codec text, OUT bytes int8,
    OUT samples int8, OUT non_null int8, OUT good int8, OUT uncertain int8, OUT bad int8,
    OUT min float8, OUT max float8, OUT first float8, OUT last float8, OUT transitions int8) RETURNS SETOF record
    AS 'MODULE_PATHNAME', 'tsdb_block_columns' LANGUAGE C STRICT STABLE PARALLEL RESTRICTED;
COMMENT ON FUNCTION tsdb.block_columns(regclass) IS 'summary of each column of each block of a table';

CREATE FUNCTION tsdb.runs(target regclass,
    OUT run int8, OUT tier int4, OUT first_time timestamptz, OUT last_time timestamptz,
    OUT samples int8, OUT chunks int4, OUT bytes int8, OUT min_sequence int8, OUT max_sequence int8, OUT blocked bool) RETURNS SETOF record
    AS 'MODULE_PATHNAME', 'tsdb_runs' LANGUAGE C STRICT STABLE PARALLEL RESTRICTED;
COMMENT ON FUNCTION tsdb.runs(regclass) IS 'runs of a table: what was written and is not packed into segments yet; blocked = a transaction in progress keeps it back';

--
-- func/sql_quality: quality codes
--

CREATE FUNCTION tsdb.quality(name text) RETURNS tsdb.quality
    AS 'MODULE_PATHNAME', 'tsdb_quality' LANGUAGE C STRICT IMMUTABLE PARALLEL SAFE;
-- tsdb.quality is also a type: without this one a literal would be read as its input, a number.
CREATE FUNCTION tsdb.quality(name unknown) RETURNS tsdb.quality
    AS 'MODULE_PATHNAME', 'tsdb_quality_literal' LANGUAGE C STRICT IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION tsdb.quality(text) IS 'code of a quality by its OPC UA name, or in hexadecimal';
CREATE FUNCTION tsdb.quality_name(quality tsdb.quality) RETURNS text
    AS 'MODULE_PATHNAME', 'tsdb_quality_text' LANGUAGE C STRICT IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION tsdb.quality_name(tsdb.quality) IS 'OPC UA name of a quality';
CREATE FUNCTION tsdb.quality_from_da(da int4) RETURNS tsdb.quality
    AS 'MODULE_PATHNAME', 'tsdb_quality_of_da' LANGUAGE C STRICT IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION tsdb.quality_from_da(int4) IS 'quality for a 16-bit quality of OPC DA';
CREATE FUNCTION tsdb.quality_to_da(quality tsdb.quality) RETURNS int4
    AS 'MODULE_PATHNAME', 'tsdb_quality_as_da' LANGUAGE C STRICT IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION tsdb.quality_to_da(tsdb.quality) IS 'nearest 16-bit quality of OPC DA';
CREATE FUNCTION tsdb.is_good(quality tsdb.quality) RETURNS bool
    LANGUAGE sql IMMUTABLE PARALLEL SAFE RETURN quality::int4 >= 0 AND quality::int4 < 1073741824;
CREATE FUNCTION tsdb.is_uncertain(quality tsdb.quality) RETURNS bool
    LANGUAGE sql IMMUTABLE PARALLEL SAFE RETURN quality::int4 >= 1073741824;
CREATE FUNCTION tsdb.is_bad(quality tsdb.quality) RETURNS bool
    LANGUAGE sql IMMUTABLE PARALLEL SAFE RETURN quality::int4 < 0;
CREATE FUNCTION tsdb.worst_step(worst tsdb.quality, quality tsdb.quality) RETURNS tsdb.quality
    AS 'MODULE_PATHNAME', 'tsdb_worst_step' LANGUAGE C STRICT IMMUTABLE PARALLEL SAFE;
CREATE AGGREGATE tsdb.worst(quality tsdb.quality) (
    SFUNC = tsdb.worst_step, STYPE = tsdb.quality, COMBINEFUNC = tsdb.worst_step, PARALLEL = SAFE);
COMMENT ON AGGREGATE tsdb.worst(tsdb.quality) IS 'the first quality of the highest severity';

--
-- func/sql_bucket, func/sql_firstlast: grouping by time
--

CREATE FUNCTION tsdb.time_bucket(bucket_width interval, ts timestamptz) RETURNS timestamptz
    AS 'MODULE_PATHNAME', 'tsdb_time_bucket' LANGUAGE C STRICT IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION tsdb.time_bucket(interval, timestamptz) IS 'start of the bucket that a time lies in; buckets of UTC';
CREATE FUNCTION tsdb.time_bucket(bucket_width interval, ts timestamptz, timezone text) RETURNS timestamptz
    AS 'MODULE_PATHNAME', 'tsdb_time_bucket_zone' LANGUAGE C STRICT IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION tsdb.time_bucket(interval, timestamptz, text) IS 'start of the bucket that a time lies in; buckets of the wall clock of a zone';
CREATE FUNCTION tsdb.time_bucket(bucket_width interval, ts timestamptz, timezone text, origin timestamptz) RETURNS timestamptz
    AS 'MODULE_PATHNAME', 'tsdb_time_bucket_zone_origin' LANGUAGE C STRICT IMMUTABLE PARALLEL SAFE;
CREATE FUNCTION tsdb.time_bucket(bucket_width interval, ts timestamptz, origin timestamptz) RETURNS timestamptz
    AS 'MODULE_PATHNAME', 'tsdb_time_bucket_origin' LANGUAGE C STRICT IMMUTABLE PARALLEL SAFE;
CREATE FUNCTION tsdb.time_bucket(bucket_width interval, ts timestamp) RETURNS timestamp
    AS 'MODULE_PATHNAME', 'tsdb_time_bucket' LANGUAGE C STRICT IMMUTABLE PARALLEL SAFE;
CREATE FUNCTION tsdb.time_bucket(bucket_width interval, ts timestamp, origin timestamp) RETURNS timestamp
    AS 'MODULE_PATHNAME', 'tsdb_time_bucket_origin' LANGUAGE C STRICT IMMUTABLE PARALLEL SAFE;
CREATE FUNCTION tsdb.time_bucket(bucket_width interval, ts date) RETURNS date
    AS 'MODULE_PATHNAME', 'tsdb_time_bucket_date' LANGUAGE C STRICT IMMUTABLE PARALLEL SAFE;
CREATE FUNCTION tsdb.time_bucket(bucket_width interval, ts date, origin date) RETURNS date
    AS 'MODULE_PATHNAME', 'tsdb_time_bucket_date_origin' LANGUAGE C STRICT IMMUTABLE PARALLEL SAFE;

-- Parts of the aggregates first and last; "any" is timestamptz, timestamp or date.
CREATE FUNCTION tsdb.first_step(state internal, value anyelement, "time" "any") RETURNS internal
    AS 'MODULE_PATHNAME', 'tsdb_first_step' LANGUAGE C IMMUTABLE PARALLEL SAFE;
CREATE FUNCTION tsdb.last_step(state internal, value anyelement, "time" "any") RETURNS internal
    AS 'MODULE_PATHNAME', 'tsdb_last_step' LANGUAGE C IMMUTABLE PARALLEL SAFE;
CREATE FUNCTION tsdb.first_combine(state internal, other internal) RETURNS internal
    AS 'MODULE_PATHNAME', 'tsdb_first_combine' LANGUAGE C IMMUTABLE PARALLEL SAFE;
CREATE FUNCTION tsdb.last_combine(state internal, other internal) RETURNS internal
    AS 'MODULE_PATHNAME', 'tsdb_last_combine' LANGUAGE C IMMUTABLE PARALLEL SAFE;
CREATE FUNCTION tsdb.extreme_serialize(state internal) RETURNS bytea
    AS 'MODULE_PATHNAME', 'tsdb_extreme_serialize' LANGUAGE C STRICT IMMUTABLE PARALLEL SAFE;
CREATE FUNCTION tsdb.extreme_deserialize(image bytea, state internal) RETURNS internal
    AS 'MODULE_PATHNAME', 'tsdb_extreme_deserialize' LANGUAGE C STRICT IMMUTABLE PARALLEL SAFE;
CREATE FUNCTION tsdb.extreme_value(state internal, value anyelement, "time" "any") RETURNS anyelement
    AS 'MODULE_PATHNAME', 'tsdb_extreme_value' LANGUAGE C IMMUTABLE PARALLEL SAFE;

CREATE AGGREGATE tsdb.first(value anyelement, "time" timestamptz) (
    SFUNC = tsdb.first_step, STYPE = internal, FINALFUNC = tsdb.extreme_value, FINALFUNC_EXTRA, COMBINEFUNC = tsdb.first_combine,
    SERIALFUNC = tsdb.extreme_serialize, DESERIALFUNC = tsdb.extreme_deserialize, PARALLEL = SAFE);
CREATE AGGREGATE tsdb.first(value anyelement, "time" timestamp) (
    SFUNC = tsdb.first_step, STYPE = internal, FINALFUNC = tsdb.extreme_value, FINALFUNC_EXTRA, COMBINEFUNC = tsdb.first_combine,
    SERIALFUNC = tsdb.extreme_serialize, DESERIALFUNC = tsdb.extreme_deserialize, PARALLEL = SAFE);
CREATE AGGREGATE tsdb.first(value anyelement, "time" date) (
    SFUNC = tsdb.first_step, STYPE = internal, FINALFUNC = tsdb.extreme_value, FINALFUNC_EXTRA, COMBINEFUNC = tsdb.first_combine,
    SERIALFUNC = tsdb.extreme_serialize, DESERIALFUNC = tsdb.extreme_deserialize, PARALLEL = SAFE);
CREATE AGGREGATE tsdb.last(value anyelement, "time" timestamptz) (
    SFUNC = tsdb.last_step, STYPE = internal, FINALFUNC = tsdb.extreme_value, FINALFUNC_EXTRA, COMBINEFUNC = tsdb.last_combine,
    SERIALFUNC = tsdb.extreme_serialize, DESERIALFUNC = tsdb.extreme_deserialize, PARALLEL = SAFE);
CREATE AGGREGATE tsdb.last(value anyelement, "time" timestamp) (
    SFUNC = tsdb.last_step, STYPE = internal, FINALFUNC = tsdb.extreme_value, FINALFUNC_EXTRA, COMBINEFUNC = tsdb.last_combine,
    SERIALFUNC = tsdb.extreme_serialize, DESERIALFUNC = tsdb.extreme_deserialize, PARALLEL = SAFE);
CREATE AGGREGATE tsdb.last(value anyelement, "time" date) (
    SFUNC = tsdb.last_step, STYPE = internal, FINALFUNC = tsdb.extreme_value, FINALFUNC_EXTRA, COMBINEFUNC = tsdb.last_combine,
    SERIALFUNC = tsdb.extreme_serialize, DESERIALFUNC = tsdb.extreme_deserialize, PARALLEL = SAFE);
COMMENT ON AGGREGATE tsdb.first(anyelement, timestamptz) IS 'value at the earliest time, of those that are not NULL';
COMMENT ON AGGREGATE tsdb.last(anyelement, timestamptz) IS 'value at the latest time, of those that are not NULL';

--
-- func/sql_stats: counters and progress of the server
--

CREATE FUNCTION tsdb.stats(OUT name text, OUT count int8, OUT p50_ms float8, OUT p99_ms float8, OUT since timestamptz) RETURNS SETOF record
    AS 'MODULE_PATHNAME', 'tsdb_stats' LANGUAGE C STRICT VOLATILE PARALLEL RESTRICTED ROWS 20;
CREATE VIEW tsdb.stats AS SELECT * FROM tsdb.stats();
COMMENT ON VIEW tsdb.stats IS 'what tsdb has done since the server started: counters, and percentiles of durations';

CREATE FUNCTION tsdb.progress(OUT pid int4, OUT "table" regclass, OUT phase text, OUT done int8, OUT total int8, OUT started timestamptz) RETURNS SETOF record
    AS 'MODULE_PATHNAME', 'tsdb_progress' LANGUAGE C STRICT VOLATILE PARALLEL RESTRICTED ROWS 5;
CREATE VIEW tsdb.progress AS SELECT * FROM tsdb.progress();
COMMENT ON VIEW tsdb.progress IS 'long work on tables of this database that is going on';

GRANT USAGE ON SCHEMA tsdb TO PUBLIC;
GRANT SELECT ON tsdb.stats, tsdb.progress TO PUBLIC;

--
-- func/sql_patch: writing some columns of a sample
--

CREATE FUNCTION tsdb.patch(target regclass, source text) RETURNS int8
    AS 'MODULE_PATHNAME', 'tsdb_patch' LANGUAGE C STRICT VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION tsdb.patch(regclass, text) IS 'write the rows of a query, but only the columns that it has; returns their number';
