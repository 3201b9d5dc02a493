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
-- attr: what series know of themselves
--

-- Attributes for all series of a table whose tags contain `series`.  Change it with tsdb.set_series.
CREATE TABLE tsdb.series_rule (
    target regclass NOT NULL,
    series jsonb NOT NULL CHECK (jsonb_typeof(series) = 'object'),
    timezone text,
    unit text,
    low float8,
    high float8,
    stepped bool,
    description text,
    seq int8 NOT NULL);
CREATE INDEX series_rule_target_idx ON tsdb.series_rule (target, seq);
-- Not unique: rows of a dump may be restored over those that are there.
CREATE INDEX series_rule_series_idx ON tsdb.series_rule (target, (md5(series::text)));
COMMENT ON TABLE tsdb.series_rule IS 'attributes for all series of a table whose tags contain given ones';
-- Rules of tables that are gone would stop a restore.
SELECT pg_catalog.pg_extension_config_dump('tsdb.series_rule', 'WHERE EXISTS (SELECT FROM pg_catalog.pg_class c WHERE c.oid = target AND c.relpersistence <> ''t'')');

CREATE FUNCTION tsdb.series_rule_changed() RETURNS trigger
    AS 'MODULE_PATHNAME', 'tsdb_series_rule_changed' LANGUAGE C;
CREATE TRIGGER changed AFTER INSERT OR UPDATE OR DELETE ON tsdb.series_rule
    FOR EACH ROW EXECUTE FUNCTION tsdb.series_rule_changed();
CREATE TRIGGER emptied AFTER TRUNCATE ON tsdb.series_rule
    FOR EACH STATEMENT EXECUTE FUNCTION tsdb.series_rule_changed();
ALTER TABLE tsdb.series_rule ENABLE ALWAYS TRIGGER changed, ENABLE ALWAYS TRIGGER emptied;

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
COMMENT ON AGGREGATE tsdb.worst(tsdb.quality) IS 'a quality of the highest severity';
CREATE FUNCTION tsdb.count_good_step(count int8, quality tsdb.quality) RETURNS int8
    AS 'MODULE_PATHNAME', 'tsdb_count_good_step' LANGUAGE C CALLED ON NULL INPUT IMMUTABLE PARALLEL SAFE;
CREATE FUNCTION tsdb.count_uncertain_step(count int8, quality tsdb.quality) RETURNS int8
    AS 'MODULE_PATHNAME', 'tsdb_count_uncertain_step' LANGUAGE C CALLED ON NULL INPUT IMMUTABLE PARALLEL SAFE;
CREATE FUNCTION tsdb.count_bad_step(count int8, quality tsdb.quality) RETURNS int8
    AS 'MODULE_PATHNAME', 'tsdb_count_bad_step' LANGUAGE C CALLED ON NULL INPUT IMMUTABLE PARALLEL SAFE;
CREATE AGGREGATE tsdb.count_good(quality tsdb.quality) (
    SFUNC = tsdb.count_good_step, STYPE = int8, INITCOND = '0', COMBINEFUNC = pg_catalog.int8pl, PARALLEL = SAFE);
COMMENT ON AGGREGATE tsdb.count_good(tsdb.quality) IS 'rows whose quality is good or NULL';
CREATE AGGREGATE tsdb.count_uncertain(quality tsdb.quality) (
    SFUNC = tsdb.count_uncertain_step, STYPE = int8, INITCOND = '0', COMBINEFUNC = pg_catalog.int8pl, PARALLEL = SAFE);
COMMENT ON AGGREGATE tsdb.count_uncertain(tsdb.quality) IS 'rows whose quality is uncertain';
CREATE AGGREGATE tsdb.count_bad(quality tsdb.quality) (
    SFUNC = tsdb.count_bad_step, STYPE = int8, INITCOND = '0', COMBINEFUNC = pg_catalog.int8pl, PARALLEL = SAFE);
COMMENT ON AGGREGATE tsdb.count_bad(tsdb.quality) IS 'rows whose quality is bad';
CREATE FUNCTION tsdb.quality_step(state internal, quality tsdb.quality, "time" timestamptz) RETURNS internal
    AS 'MODULE_PATHNAME', 'tsdb_quality_step' LANGUAGE C CALLED ON NULL INPUT IMMUTABLE PARALLEL SAFE;
CREATE FUNCTION tsdb.percent_good_value(state internal) RETURNS float8
    AS 'MODULE_PATHNAME', 'tsdb_percent_good_value' LANGUAGE C CALLED ON NULL INPUT IMMUTABLE PARALLEL SAFE;
CREATE FUNCTION tsdb.duration_good_value(state internal) RETURNS interval
    AS 'MODULE_PATHNAME', 'tsdb_duration_good_value' LANGUAGE C CALLED ON NULL INPUT IMMUTABLE PARALLEL SAFE;
CREATE FUNCTION tsdb.duration_uncertain_value(state internal) RETURNS interval
    AS 'MODULE_PATHNAME', 'tsdb_duration_uncertain_value' LANGUAGE C CALLED ON NULL INPUT IMMUTABLE PARALLEL SAFE;
CREATE FUNCTION tsdb.duration_bad_value(state internal) RETURNS interval
    AS 'MODULE_PATHNAME', 'tsdb_duration_bad_value' LANGUAGE C CALLED ON NULL INPUT IMMUTABLE PARALLEL SAFE;
CREATE AGGREGATE tsdb.percent_good(quality tsdb.quality, "time" timestamptz) (
    SFUNC = tsdb.quality_step, STYPE = internal, FINALFUNC = tsdb.percent_good_value, PARALLEL = SAFE);
COMMENT ON AGGREGATE tsdb.percent_good(tsdb.quality, timestamptz) IS 'share of time in which the quality was good, in per cent';
CREATE AGGREGATE tsdb.duration_good(quality tsdb.quality, "time" timestamptz) (
    SFUNC = tsdb.quality_step, STYPE = internal, FINALFUNC = tsdb.duration_good_value, PARALLEL = SAFE);
COMMENT ON AGGREGATE tsdb.duration_good(tsdb.quality, timestamptz) IS 'time in which the quality was good';
CREATE AGGREGATE tsdb.duration_uncertain(quality tsdb.quality, "time" timestamptz) (
    SFUNC = tsdb.quality_step, STYPE = internal, FINALFUNC = tsdb.duration_uncertain_value, PARALLEL = SAFE);
COMMENT ON AGGREGATE tsdb.duration_uncertain(tsdb.quality, timestamptz) IS 'time in which the quality was uncertain';
CREATE AGGREGATE tsdb.duration_bad(quality tsdb.quality, "time" timestamptz) (
    SFUNC = tsdb.quality_step, STYPE = internal, FINALFUNC = tsdb.duration_bad_value, PARALLEL = SAFE);
COMMENT ON AGGREGATE tsdb.duration_bad(tsdb.quality, timestamptz) IS 'time in which the quality was bad';

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
-- edit: the journal; only the extension's code reads and writes these tables
--

CREATE SEQUENCE tsdb.edit_id;
CREATE SEQUENCE tsdb.edit_image_number;
CREATE SEQUENCE tsdb.edit_column_id AS int4;

CREATE TABLE tsdb.edit (
    id int8 PRIMARY KEY,
    relation regclass NOT NULL,
    kind text NOT NULL,
    series jsonb,
    from_time timestamptz,
    until_time timestamptz,
    written int8 NOT NULL,
    skipped int8 NOT NULL,
    reason text NOT NULL,
    role text NOT NULL,
    at timestamptz NOT NULL,
    undoes int8,
    undone_by int8);
CREATE INDEX edit_relation ON tsdb.edit (relation);
COMMENT ON TABLE tsdb.edit IS 'who changed samples on purpose, when and why; read it through tsdb.edits';

CREATE TABLE tsdb.edit_image (
    number int8 PRIMARY KEY,
    edit int8 NOT NULL,
    relation regclass NOT NULL,
    series_key int8 NOT NULL,
    tags text[] NOT NULL,
    first_time timestamptz NOT NULL,
    last_time timestamptz NOT NULL,
    samples int8 NOT NULL,
    form int4 NOT NULL,
    bytes bytea NOT NULL);
ALTER TABLE tsdb.edit_image ALTER COLUMN bytes SET STORAGE EXTERNAL;
CREATE INDEX edit_image_edit ON tsdb.edit_image (edit);
CREATE INDEX edit_image_series ON tsdb.edit_image (relation, series_key);
COMMENT ON TABLE tsdb.edit_image IS 'what edits replaced, packed; read it through tsdb.history()';

CREATE TABLE tsdb.edit_column (
    id int8 PRIMARY KEY,
    relation regclass NOT NULL,
    name name);
CREATE INDEX edit_column_relation ON tsdb.edit_column (relation);
COMMENT ON TABLE tsdb.edit_column IS 'names of the columns in tsdb.edit_image; NULL = dropped';

SELECT pg_catalog.pg_extension_config_dump('tsdb.edit_id', '');
SELECT pg_catalog.pg_extension_config_dump('tsdb.edit_image_number', '');
SELECT pg_catalog.pg_extension_config_dump('tsdb.edit_column_id', '');
SELECT pg_catalog.pg_extension_config_dump('tsdb.edit', '');
SELECT pg_catalog.pg_extension_config_dump('tsdb.edit_image', '');
SELECT pg_catalog.pg_extension_config_dump('tsdb.edit_column', '');

CREATE VIEW tsdb.edits WITH (security_barrier) AS
    SELECT id, relation AS "table", kind, series, from_time, until_time, written, skipped, reason, role, at, undoes, undone_by
    FROM tsdb.edit WHERE pg_catalog.has_table_privilege(relation, 'SELECT') AND (NOT pg_catalog.row_security_active(relation) OR role = current_user);
COMMENT ON VIEW tsdb.edits IS 'who changed samples on purpose, when and why';
GRANT SELECT ON tsdb.edits TO PUBLIC;

CREATE FUNCTION tsdb.backfill(target regclass, source text, reason text) RETURNS int8
    AS 'MODULE_PATHNAME', 'tsdb_backfill' LANGUAGE C STRICT VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION tsdb.backfill(regclass, text, text) IS 'write the rows of a query where there is no sample yet; returns the id of the edit';
CREATE FUNCTION tsdb.overwrite(target regclass, source text, reason text) RETURNS int8
    AS 'MODULE_PATHNAME', 'tsdb_overwrite' LANGUAGE C STRICT VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION tsdb.overwrite(regclass, text, text) IS 'write the rows of a query over what is there; returns the id of the edit';
CREATE FUNCTION tsdb.mark_deleted(target regclass, series jsonb, from_time timestamptz, until_time timestamptz, reason text) RETURNS int8
    AS 'MODULE_PATHNAME', 'tsdb_mark_deleted' LANGUAGE C STRICT VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION tsdb.mark_deleted(regclass, jsonb, timestamptz, timestamptz, text) IS 'take samples out of sight but keep them on record; returns the id of the edit';
CREATE FUNCTION tsdb.undo(edit int8, reason text) RETURNS int8
    AS 'MODULE_PATHNAME', 'tsdb_undo' LANGUAGE C STRICT VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION tsdb.undo(int8, text) IS 'put back what an edit replaced; returns the id of the edit that does so';

CREATE FUNCTION tsdb.history(target regclass, series jsonb DEFAULT '{}', from_time timestamptz DEFAULT '-infinity', until_time timestamptz DEFAULT 'infinity',
    OUT tags jsonb, OUT "time" timestamptz, OUT edit int8, OUT kind text, OUT old_row jsonb, OUT new_row jsonb,
    OUT role text, OUT reason text, OUT at timestamptz) RETURNS SETOF record
    AS 'MODULE_PATHNAME', 'tsdb_history' LANGUAGE C STRICT STABLE PARALLEL RESTRICTED;
COMMENT ON FUNCTION tsdb.history(regclass, jsonb, timestamptz, timestamptz) IS 'every version of samples that an edit replaced or deleted';
CREATE FUNCTION tsdb.marks(target regclass, series jsonb DEFAULT '{}', from_time timestamptz DEFAULT '-infinity', until_time timestamptz DEFAULT 'infinity',
    OUT tags jsonb, OUT "time" timestamptz, OUT mark text, OUT edit int8) RETURNS SETOF record
    AS 'MODULE_PATHNAME', 'tsdb_marks' LANGUAGE C STRICT STABLE PARALLEL RESTRICTED;
COMMENT ON FUNCTION tsdb.marks(regclass, jsonb, timestamptz, timestamptz) IS 'samples that an edit in force has backfilled, overwritten or deleted';
CREATE FUNCTION tsdb.as_of(target regclass, at timestamptz) RETURNS SETOF record
    AS 'MODULE_PATHNAME', 'tsdb_as_of' LANGUAGE C STRICT STABLE PARALLEL RESTRICTED;
COMMENT ON FUNCTION tsdb.as_of(regclass, timestamptz) IS 'rows of a table as they were known at a moment, as far as edits are journaled';
-- A literal would be taken for a row of the form below.
CREATE FUNCTION tsdb.as_of(target text, at timestamptz) RETURNS SETOF record
    AS 'MODULE_PATHNAME', 'tsdb_as_of_name' LANGUAGE C STRICT STABLE PARALLEL RESTRICTED;
CREATE FUNCTION tsdb.as_of("row" anyelement, at timestamptz) RETURNS SETOF anyelement
    AS 'MODULE_PATHNAME', 'tsdb_as_of_row' LANGUAGE C STABLE PARALLEL RESTRICTED;
COMMENT ON FUNCTION tsdb.as_of(anyelement, timestamptz) IS 'the same by row type: SELECT * FROM tsdb.as_of(NULL::boiler, ...)';

--
-- func/sql_patch: writing some columns of a sample
--

CREATE FUNCTION tsdb.patch(target regclass, source text) RETURNS int8
    AS 'MODULE_PATHNAME', 'tsdb_patch' LANGUAGE C STRICT VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION tsdb.patch(regclass, text) IS 'write the rows of a query, but only the columns that it has; returns their number';

--
-- func/sql_series: series of all tables, and their attributes
--

CREATE FUNCTION tsdb.set_series(target regclass, series jsonb, timezone text DEFAULT NULL, unit text DEFAULT NULL,
    low float8 DEFAULT NULL, high float8 DEFAULT NULL, stepped bool DEFAULT NULL, description text DEFAULT NULL) RETURNS void
    AS 'MODULE_PATHNAME', 'tsdb_set_series' LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION tsdb.set_series(regclass, jsonb, text, text, float8, float8, bool, text) IS 'give attributes to every series whose tags contain the given ones';
CREATE FUNCTION tsdb.unset_series(target regclass, series jsonb, attributes text[] DEFAULT NULL) RETURNS bool
    AS 'MODULE_PATHNAME', 'tsdb_unset_series' LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION tsdb.unset_series(regclass, jsonb, text[]) IS 'take attributes that were given to exactly these tags away';

CREATE FUNCTION tsdb.series_ids(target regclass) RETURNS SETOF int4
    AS 'MODULE_PATHNAME', 'tsdb_series_ids' LANGUAGE C STRICT STABLE PARALLEL RESTRICTED;
CREATE FUNCTION tsdb.series_ids(target regclass, series jsonb) RETURNS SETOF int4
    AS 'MODULE_PATHNAME', 'tsdb_series_ids_with_tags' LANGUAGE C STRICT STABLE PARALLEL RESTRICTED;
CREATE FUNCTION tsdb.series_key(target regclass, series_id int4) RETURNS text
    AS 'MODULE_PATHNAME', 'tsdb_series_key' LANGUAGE C STRICT STABLE PARALLEL RESTRICTED COST 10;
CREATE FUNCTION tsdb.series_tags(target regclass, series_id int4) RETURNS jsonb
    AS 'MODULE_PATHNAME', 'tsdb_series_tags_json' LANGUAGE C STRICT STABLE PARALLEL RESTRICTED COST 10;
CREATE FUNCTION tsdb.series_attributes(target regclass, series_id int4,
    OUT timezone text, OUT unit text, OUT low float8, OUT high float8, OUT description text, OUT stepped bool)
    AS 'MODULE_PATHNAME', 'tsdb_series_attributes' LANGUAGE C STRICT STABLE PARALLEL RESTRICTED COST 10;
CREATE FUNCTION tsdb.series_extent(target regclass, series_id int4,
    OUT first_time timestamptz, OUT last_time timestamptz, OUT samples int8, OUT blocks int8, OUT bytes int8)
    AS 'MODULE_PATHNAME', 'tsdb_series_extent' LANGUAGE C STRICT STABLE PARALLEL RESTRICTED COST 1000;

-- The laterals are aggregates so that the planner sees one row, and leaves out what a query does not ask for.
CREATE VIEW tsdb.series AS
SELECT c.oid::regclass AS "table", s.series_id, tsdb.series_key(c.oid::regclass, s.series_id) AS key,
       tsdb.series_tags(c.oid::regclass, s.series_id) AS tags,
       a.timezone, a.unit, a.low, a.high, a.description, a.stepped,
       e.first_time, e.last_time, e.samples, e.blocks, e.bytes
FROM pg_catalog.pg_class c
JOIN pg_catalog.pg_am m ON m.oid = c.relam AND m.amname = 'tsdb'
CROSS JOIN LATERAL tsdb.series_ids(c.oid::regclass) AS s(series_id)
LEFT JOIN LATERAL (
    SELECT max(x.timezone) AS timezone, max(x.unit) AS unit, max(x.low) AS low, max(x.high) AS high,
           max(x.description) AS description, bool_or(x.stepped) AS stepped
    FROM tsdb.series_attributes(c.oid::regclass, s.series_id) x) a ON true
LEFT JOIN LATERAL (
    SELECT max(x.first_time) AS first_time, max(x.last_time) AS last_time, max(x.samples) AS samples, max(x.blocks) AS blocks, max(x.bytes) AS bytes
    FROM tsdb.series_extent(c.oid::regclass, s.series_id) x) e ON true
WHERE c.relkind IN ('r', 'm') AND has_table_privilege(c.oid, 'SELECT') AND NOT row_security_active(c.oid);
COMMENT ON VIEW tsdb.series IS 'series of all tables that you may read, with their attributes';

CREATE VIEW tsdb.series_rules WITH (security_barrier) AS
SELECT DISTINCT r.target AS "table", r.series, r.timezone, r.unit, r.low, r.high, r.description, r.stepped
FROM tsdb.series_rule r
WHERE EXISTS (SELECT FROM pg_catalog.pg_class c WHERE c.oid = r.target) AND has_table_privilege(r.target, 'SELECT') AND NOT row_security_active(r.target);
COMMENT ON VIEW tsdb.series_rules IS 'what tsdb.set_series gave to which tags';
GRANT SELECT ON tsdb.series, tsdb.series_rules TO PUBLIC;

--
-- func/sql_rowattr: a row by its series
--

CREATE FUNCTION tsdb.row_support(internal) RETURNS internal
    AS 'MODULE_PATHNAME', 'tsdb_row_support' LANGUAGE C STRICT;

CREATE FUNCTION tsdb.local_time("row" record) RETURNS timestamp
    AS 'MODULE_PATHNAME', 'tsdb_local_time' LANGUAGE C STABLE PARALLEL SAFE SUPPORT tsdb.row_support;
COMMENT ON FUNCTION tsdb.local_time(record) IS 'time of a row on the wall clock of its series';
CREATE FUNCTION tsdb.local_time(target regclass, "time" timestamptz, VARIADIC tags "any") RETURNS timestamp
    AS 'MODULE_PATHNAME', 'tsdb_local_time' LANGUAGE C STABLE PARALLEL SAFE;
CREATE FUNCTION tsdb.local_bucket(bucket_width interval, "row" record) RETURNS timestamp
    AS 'MODULE_PATHNAME', 'tsdb_local_bucket' LANGUAGE C STABLE PARALLEL SAFE SUPPORT tsdb.row_support;
COMMENT ON FUNCTION tsdb.local_bucket(interval, record) IS 'start of the bucket that a row lies in, on the wall clock of its series';
CREATE FUNCTION tsdb.local_bucket(bucket_width interval, target regclass, "time" timestamptz, VARIADIC tags "any") RETURNS timestamp
    AS 'MODULE_PATHNAME', 'tsdb_local_bucket' LANGUAGE C STABLE PARALLEL SAFE;
CREATE FUNCTION tsdb.local_bucket(bucket_width interval, "row" record, origin timestamp) RETURNS timestamp
    AS 'MODULE_PATHNAME', 'tsdb_local_bucket_origin' LANGUAGE C STABLE PARALLEL SAFE SUPPORT tsdb.row_support;
CREATE FUNCTION tsdb.local_bucket(bucket_width interval, origin timestamp, target regclass, "time" timestamptz, VARIADIC tags "any") RETURNS timestamp
    AS 'MODULE_PATHNAME', 'tsdb_local_bucket_origin' LANGUAGE C STABLE PARALLEL SAFE;
CREATE FUNCTION tsdb.timezone("row" record) RETURNS text
    AS 'MODULE_PATHNAME', 'tsdb_row_timezone' LANGUAGE C STABLE PARALLEL SAFE SUPPORT tsdb.row_support;
COMMENT ON FUNCTION tsdb.timezone(record) IS 'time zone of the series of a row; NULL: none was given, UTC counts';
CREATE FUNCTION tsdb.timezone(target regclass, "time" timestamptz, VARIADIC tags "any") RETURNS text
    AS 'MODULE_PATHNAME', 'tsdb_row_timezone' LANGUAGE C STABLE PARALLEL SAFE;
CREATE FUNCTION tsdb.unit("row" record) RETURNS text
    AS 'MODULE_PATHNAME', 'tsdb_row_unit' LANGUAGE C STABLE PARALLEL SAFE SUPPORT tsdb.row_support;
COMMENT ON FUNCTION tsdb.unit(record) IS 'unit of the series of a row';
CREATE FUNCTION tsdb.unit(target regclass, "time" timestamptz, VARIADIC tags "any") RETURNS text
    AS 'MODULE_PATHNAME', 'tsdb_row_unit' LANGUAGE C STABLE PARALLEL SAFE;
CREATE FUNCTION tsdb.description("row" record) RETURNS text
    AS 'MODULE_PATHNAME', 'tsdb_row_description' LANGUAGE C STABLE PARALLEL SAFE SUPPORT tsdb.row_support;
COMMENT ON FUNCTION tsdb.description(record) IS 'description of the series of a row';
CREATE FUNCTION tsdb.description(target regclass, "time" timestamptz, VARIADIC tags "any") RETURNS text
    AS 'MODULE_PATHNAME', 'tsdb_row_description' LANGUAGE C STABLE PARALLEL SAFE;
CREATE FUNCTION tsdb.low("row" record) RETURNS float8
    AS 'MODULE_PATHNAME', 'tsdb_row_low' LANGUAGE C STABLE PARALLEL SAFE SUPPORT tsdb.row_support;
COMMENT ON FUNCTION tsdb.low(record) IS 'lower limit of the series of a row';
CREATE FUNCTION tsdb.low(target regclass, "time" timestamptz, VARIADIC tags "any") RETURNS float8
    AS 'MODULE_PATHNAME', 'tsdb_row_low' LANGUAGE C STABLE PARALLEL SAFE;
CREATE FUNCTION tsdb.high("row" record) RETURNS float8
    AS 'MODULE_PATHNAME', 'tsdb_row_high' LANGUAGE C STABLE PARALLEL SAFE SUPPORT tsdb.row_support;
COMMENT ON FUNCTION tsdb.high(record) IS 'upper limit of the series of a row';
CREATE FUNCTION tsdb.high(target regclass, "time" timestamptz, VARIADIC tags "any") RETURNS float8
    AS 'MODULE_PATHNAME', 'tsdb_row_high' LANGUAGE C STABLE PARALLEL SAFE;
CREATE FUNCTION tsdb.stepped("row" record) RETURNS bool
    AS 'MODULE_PATHNAME', 'tsdb_row_stepped' LANGUAGE C STABLE PARALLEL SAFE SUPPORT tsdb.row_support;
COMMENT ON FUNCTION tsdb.stepped(record) IS 'does a value of this series last until the next one?';
CREATE FUNCTION tsdb.stepped(target regclass, "time" timestamptz, VARIADIC tags "any") RETURNS bool
    AS 'MODULE_PATHNAME', 'tsdb_row_stepped' LANGUAGE C STABLE PARALLEL SAFE;
CREATE FUNCTION tsdb.out_of_limits("row" record) RETURNS bool
    AS 'MODULE_PATHNAME', 'tsdb_row_out_of_limits' LANGUAGE C STABLE PARALLEL SAFE;
COMMENT ON FUNCTION tsdb.out_of_limits(record) IS 'is the value of a row below the lower or above the upper limit of its series?';
CREATE FUNCTION tsdb.out_of_limits(value float8, "row" record) RETURNS bool
    AS 'MODULE_PATHNAME', 'tsdb_out_of_limits' LANGUAGE C STABLE PARALLEL SAFE SUPPORT tsdb.row_support;
COMMENT ON FUNCTION tsdb.out_of_limits(float8, record) IS 'is a value below the lower or above the upper limit of the series of a row?';
CREATE FUNCTION tsdb.out_of_limits(value float8, target regclass, "time" timestamptz, VARIADIC tags "any") RETURNS bool
    AS 'MODULE_PATHNAME', 'tsdb_out_of_limits' LANGUAGE C STABLE PARALLEL SAFE;

--
-- func/sql_units, sql_violations, sql_timeaverage: units, limits, averages over time
--

CREATE FUNCTION tsdb.convert(value float8, "from" text, "to" text) RETURNS float8
    AS 'MODULE_PATHNAME', 'tsdb_convert' LANGUAGE C STRICT STABLE PARALLEL SAFE COST 10;
COMMENT ON FUNCTION tsdb.convert(float8, text, text) IS 'a value in another unit, by extension unit';
CREATE FUNCTION tsdb.convert_to(value float8, "row" record, "to" text) RETURNS float8
    AS 'MODULE_PATHNAME', 'tsdb_convert_to' LANGUAGE C STABLE PARALLEL SAFE COST 10 SUPPORT tsdb.row_support;
COMMENT ON FUNCTION tsdb.convert_to(float8, record, text) IS 'a value of a series in another unit than its own';
CREATE FUNCTION tsdb.convert_to(value float8, "to" text, target regclass, "time" timestamptz, VARIADIC tags "any") RETURNS float8
    AS 'MODULE_PATHNAME', 'tsdb_convert_to' LANGUAGE C STABLE PARALLEL SAFE COST 10;

CREATE FUNCTION tsdb.violations(target regclass, series jsonb, "from" timestamptz, until timestamptz, value_column name DEFAULT NULL,
    OUT series_id int4, OUT tags jsonb, OUT "limit" text, OUT from_time timestamptz, OUT last_time timestamptz, OUT until_time timestamptz,
    OUT samples int8, OUT extreme float8) RETURNS SETOF record
    AS 'MODULE_PATHNAME', 'tsdb_violations' LANGUAGE C STABLE PARALLEL RESTRICTED ROWS 100;
COMMENT ON FUNCTION tsdb.violations(regclass, jsonb, timestamptz, timestamptz, name) IS 'when series were below their lower or above their upper limit';

-- Rows have to come in order of time, so there are no partial states, and no parallel plans below.
CREATE FUNCTION tsdb.time_average_step(state internal, value float8, "time" timestamptz) RETURNS internal
    AS 'MODULE_PATHNAME', 'tsdb_time_average_step' LANGUAGE C IMMUTABLE PARALLEL UNSAFE;
CREATE FUNCTION tsdb.time_average_step(state internal, value float8, "time" timestamptz, stepped bool) RETURNS internal
    AS 'MODULE_PATHNAME', 'tsdb_time_average_step' LANGUAGE C IMMUTABLE PARALLEL UNSAFE;
CREATE FUNCTION tsdb.time_average_value(state internal) RETURNS float8
    AS 'MODULE_PATHNAME', 'tsdb_time_average_final' LANGUAGE C IMMUTABLE PARALLEL UNSAFE;
CREATE AGGREGATE tsdb.time_average(value float8, "time" timestamptz) (
    SFUNC = tsdb.time_average_step, STYPE = internal, FINALFUNC = tsdb.time_average_value, PARALLEL = UNSAFE);
CREATE AGGREGATE tsdb.time_average(value float8, "time" timestamptz, stepped bool) (
    SFUNC = tsdb.time_average_step, STYPE = internal, FINALFUNC = tsdb.time_average_value, PARALLEL = UNSAFE);
COMMENT ON AGGREGATE tsdb.time_average(float8, timestamptz) IS 'average over time, on straight lines between samples; rows in order of time';
COMMENT ON AGGREGATE tsdb.time_average(float8, timestamptz, bool) IS 'average over time; stepped: a value lasts until the next one';

--
-- Filling gaps, values between samples.  Plain queries of the caller's, so his rights and policies count.
--

CREATE FUNCTION tsdb.table_columns(target regclass, OUT "time" text, OUT tags text[], OUT value text)
    AS 'MODULE_PATHNAME', 'tsdb_table_columns' LANGUAGE C STRICT STABLE PARALLEL RESTRICTED;

-- The condition that the tags of b contain `series`.
CREATE FUNCTION tsdb.tags_condition(target regclass, series jsonb) RETURNS text LANGUAGE plpgsql STABLE PARALLEL RESTRICTED
    SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    known text[] := (tsdb.table_columns(target)).tags;
    tag text;
    result text := 'true';
BEGIN
    IF jsonb_typeof(series) IS DISTINCT FROM 'object' THEN
        RAISE EXCEPTION 'series are named by a JSON object of tags' USING ERRCODE = 'invalid_parameter_value', HINT = 'For example ''{"plant": "a"}''; ''{}'' is every series.';
    END IF;
    FOR tag IN SELECT jsonb_object_keys(series) LOOP
        IF tag <> ALL (known) THEN
            RAISE EXCEPTION '"%" is not a tag of table "%"', tag, target USING ERRCODE = 'undefined_column',
                DETAIL = format('Its tags are: %s.', array_to_string(known, ', ')), HINT = 'Series are named by tags alone.';
        ELSIF series ->> tag IS NULL THEN
            result := result || format(' AND b.%I IS NULL', tag);
        ELSE
            result := result || format(' AND b.%I = %L', tag, series ->> tag);
        END IF;
    END LOOP;
    RETURN result;
END $$;

CREATE FUNCTION tsdb.gapfill(bucket_width interval, target regclass, series jsonb, "from" timestamptz, until timestamptz, fill text DEFAULT 'null',
    aggregate text DEFAULT 'avg', value_column name DEFAULT NULL,
    OUT tags jsonb, OUT bucket timestamp, OUT value float8, OUT filled bool) RETURNS SETOF record
    LANGUAGE plpgsql STABLE PARALLEL RESTRICTED SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    columns record := tsdb.table_columns(target);
    wanted text := coalesce(value_column, columns.value);
    object text := (SELECT coalesce(string_agg(format('%L, x.%I', t, t), ', '), '') FROM unnest(columns.tags) t);
    names text := (SELECT coalesce(string_agg(format('b.%I, ', t), ''), '') FROM unnest(columns.tags) t);
    arguments text := (SELECT coalesce(string_agg(format('x.%I', t), ', '), 'NULL::text') FROM unnest(columns.tags) t);
    call text;
    filler text;
BEGIN
    IF wanted IS NULL THEN
        RAISE EXCEPTION 'table "%" has no value column of numbers, or several', target USING ERRCODE = 'invalid_parameter_value', HINT = 'Say which column is meant: value_column => ''value''.';
    ELSIF NOT EXISTS (SELECT FROM pg_attribute WHERE attrelid = target AND attname = wanted AND attnum > 0 AND NOT attisdropped) THEN
        RAISE EXCEPTION 'column "%" of table "%" does not exist', wanted, target USING ERRCODE = 'undefined_column', HINT = 'Name a value column.';
    ELSIF NOT isfinite("from") OR NOT isfinite(until) OR "from" IS NULL OR until IS NULL THEN
        RAISE EXCEPTION 'buckets need a finite range of time' USING ERRCODE = 'invalid_parameter_value', HINT = 'Give the times between which there shall be buckets.';
    END IF;
    call := CASE WHEN aggregate IN ('avg', 'min', 'max', 'sum') THEN format('%s(b.%I)', aggregate, wanted)
                 WHEN aggregate IN ('first', 'last') THEN format('tsdb.%s(b.%I, b.%I)', aggregate, wanted, columns.time)
                 WHEN aggregate = 'count' THEN format('nullif(count(b.%I), 0)', wanted) END;
    filler := CASE WHEN fill = 'null' THEN 'NULL::float8'
                   WHEN fill = 'previous' THEN 'first_value(f.value) OVER run'
                   WHEN fill = 'linear' THEN 'first_value(f.value) OVER run + (last_value(f.next_value) OVER run - first_value(f.value) OVER run)'
                       ' * extract(epoch FROM f.bucket - first_value(f.bucket) OVER run)::float8 / nullif(extract(epoch FROM last_value(f.next_bucket) OVER run - first_value(f.bucket) OVER run), 0)::float8'
                   WHEN fill ~ '^[-+]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][-+]?[0-9]+)?$' THEN format('%L::float8', fill) END;
    IF call IS NULL OR filler IS NULL THEN
        RAISE EXCEPTION 'unknown way to % buckets', CASE WHEN call IS NULL THEN 'make' ELSE 'fill' END USING ERRCODE = 'invalid_parameter_value',
            DETAIL = 'aggregate is avg, min, max, sum, count, first or last; fill is null, previous, linear or a number.',
            HINT = format('It was given %L.', CASE WHEN call IS NULL THEN aggregate ELSE fill END);
    END IF;
    RETURN QUERY EXECUTE format($q$
        WITH found AS MATERIALIZED (
            SELECT jsonb_build_object(%1$s) AS tags, tsdb.timezone(%8$L::regclass, 'epoch', %9$s) AS zone, x.bucket, x.value
            FROM (SELECT %7$s tsdb.local_bucket($1, b) AS bucket, (%2$s)::float8 AS value
                  FROM %3$s b WHERE b.%4$I >= $2 AND b.%4$I < $3 AND %5$s GROUP BY %7$s tsdb.local_bucket($1, b)) x),
        lines AS (SELECT DISTINCT ON (f.tags) f.tags, coalesce(f.zone, 'UTC') AS zone FROM found f ORDER BY f.tags),
        shown AS (
            -- what the clock shows between the two times: where it is set forward buckets are missing, where it is set back some come again
            SELECT DISTINCT z.zone, tsdb.time_bucket($1, i.t AT TIME ZONE z.zone) AS bucket FROM (SELECT DISTINCT l.zone FROM lines l) z,
                (SELECT generate_series($2, $3 - interval '1 us', CASE WHEN $1 > interval '20 days' THEN interval '1 day' WHEN $1 >= interval '1 day' THEN interval '1 hour'
                     WHEN $1 >= interval '1 hour' THEN interval '15 min' WHEN $1 >= interval '15 min' THEN interval '5 min' ELSE $1 END)
                 UNION ALL SELECT $3 - interval '1 us' WHERE $2 < $3) i(t)),
        steps AS (SELECT l.tags, s.bucket FROM lines l JOIN shown s USING (zone) UNION SELECT f.tags, f.bucket FROM found f),
        filled AS (
            SELECT s.tags, s.bucket, f.value, count(f.value) OVER series AS run_no,
                   CASE WHEN f.value IS NULL THEN min(s.bucket) FILTER (WHERE f.value IS NOT NULL) OVER later END AS next_bucket
            FROM steps s LEFT JOIN found f USING (tags, bucket)
            WINDOW series AS (PARTITION BY s.tags ORDER BY s.bucket), later AS (PARTITION BY s.tags ORDER BY s.bucket ROWS BETWEEN CURRENT ROW AND UNBOUNDED FOLLOWING)),
        ends AS (SELECT f.*, n.value AS next_value FROM filled f LEFT JOIN found n ON n.tags = f.tags AND n.bucket = f.next_bucket)
        SELECT f.tags, f.bucket, coalesce(f.value, %6$s), f.value IS NULL FROM ends f
        WINDOW run AS (PARTITION BY f.tags, f.run_no ORDER BY f.bucket ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING)
        ORDER BY f.tags, f.bucket$q$,
        object, call, target, columns.time, tsdb.tags_condition(target, series), filler, names, target, arguments) USING bucket_width, "from", until;
END $$;
COMMENT ON FUNCTION tsdb.gapfill(interval, regclass, jsonb, timestamptz, timestamptz, text, text, name) IS 'buckets of local time of each series, empty ones filled';

CREATE FUNCTION tsdb.interpolate_at(target regclass, series jsonb, times timestamptz[], value_column name DEFAULT NULL,
    OUT tags jsonb, OUT "time" timestamptz, OUT value float8) RETURNS SETOF record
    LANGUAGE plpgsql STABLE PARALLEL RESTRICTED SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    columns record := tsdb.table_columns(target);
    wanted text := coalesce(value_column, columns.value);
    object text := (SELECT coalesce(string_agg(format('%L, b.%I', t, t), ', '), '') FROM unnest(columns.tags) t);
    line record;
    own text;
BEGIN
    IF wanted IS NULL THEN
        RAISE EXCEPTION 'table "%" has no value column of numbers, or several', target USING ERRCODE = 'invalid_parameter_value', HINT = 'Say which column is meant: value_column => ''value''.';
    ELSIF NOT EXISTS (SELECT FROM pg_attribute WHERE attrelid = target AND attname = wanted AND attnum > 0 AND NOT attisdropped) THEN
        RAISE EXCEPTION 'column "%" of table "%" does not exist', wanted, target USING ERRCODE = 'undefined_column', HINT = 'Name a value column.';
    END IF;
    FOR line IN EXECUTE format('SELECT DISTINCT jsonb_build_object(%s) AS tags FROM %s b WHERE %s ORDER BY 1', object, target, tsdb.tags_condition(target, series)) LOOP
        own := tsdb.tags_condition(target, line.tags);
        RETURN QUERY EXECUTE format($q$
            SELECT $1, w.t, CASE WHEN p.t = w.t OR p.stepped THEN p.v
                                 ELSE p.v + (n.v - p.v) * (extract(epoch FROM w.t - p.t)::float8 / extract(epoch FROM n.t - p.t)::float8) END
            FROM unnest($2) WITH ORDINALITY w(t, no)
            LEFT JOIN LATERAL (SELECT b.%2$I AS t, b.%3$I::float8 AS v, tsdb.stepped(b) AS stepped FROM %1$s b
                               WHERE %4$s AND b.%2$I <= w.t AND b.%3$I IS NOT NULL ORDER BY b.%2$I DESC LIMIT 1) p ON true
            LEFT JOIN LATERAL (SELECT b.%2$I AS t, b.%3$I::float8 AS v FROM %1$s b
                               WHERE %4$s AND b.%2$I >= w.t AND b.%3$I IS NOT NULL ORDER BY b.%2$I LIMIT 1) n ON true
            ORDER BY w.no$q$, target, columns.time, wanted, own) USING line.tags, times;
    END LOOP;
END $$;
COMMENT ON FUNCTION tsdb.interpolate_at(regclass, jsonb, timestamptz[], name) IS 'values of series at given times: between samples on a straight line, or stepped the earlier one';
