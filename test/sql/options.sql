-- Options of tsdb tables: what is required, what is allowed, how they are shown and changed.
\set SHOW_CONTEXT never

CREATE TABLE boiler (
    time    timestamptz NOT NULL,
    plant   text NOT NULL,
    sensor  text NOT NULL,
    value   float8,
    quality tsdb.quality
) USING tsdb WITH (tags = 'plant,sensor', sample_interval = '1s');
SELECT reloptions FROM pg_class WHERE oid = 'boiler'::regclass;

-- the storage relation is set up for us
SELECT t.reloptions @> '{vacuum_truncate=false,autovacuum_freeze_min_age=0}' AS toast_is_set_up
FROM pg_class c JOIN pg_class t ON t.oid = c.reltoastrelid WHERE c.oid = 'boiler'::regclass;

-- all of them, among core's; the prefix is accepted; what the user says about TOAST wins
CREATE TABLE every (a text, "B c" int, time timestamptz, other timestamptz, v float8) USING tsdb
WITH (tags = ' a , "B c" ', tsdb.sample_interval = '10ms', "tsdb.block_interval" = '1 hour', time_column = time, fillfactor = 50,
      compression = small, retention = '1 year 2 mons', compact_after = '90 s', toast.vacuum_truncate = on);
SELECT c.reloptions, t.reloptions @> '{vacuum_truncate=on}' AS users_toast_option
FROM pg_class c JOIN pg_class t ON t.oid = c.reltoastrelid WHERE c.oid = 'every'::regclass;
INSERT INTO every VALUES ('x', 1, '2024-01-01 00:00:00.018Z', '2024-01-01 00:00:00.018Z', 1);
SELECT extract(microseconds FROM time) AS time_us, extract(microseconds FROM other) AS other_us FROM every;

-- required
CREATE TABLE bad (time timestamptz, v float8) USING tsdb;
CREATE TABLE bad (time timestamptz, v float8) USING tsdb WITH (tags = '');
CREATE TABLE bad (time timestamptz, v float8) USING tsdb WITH (sample_interval = '1s');

-- unknown, repeated, without a value
CREATE TABLE bad (time timestamptz, v float8) USING tsdb WITH (tags = '', sample_interval = '1s', tagz = 'a');
CREATE TABLE bad (time timestamptz, v float8) USING tsdb WITH (tags = '', sample_interval = '1s', tsdb.fillfactor = 50);
CREATE TABLE bad (time timestamptz, v float8) USING tsdb WITH (tags = '', sample_interval = '1s', other.tags = '');
CREATE TABLE bad (time timestamptz, v float8) USING tsdb WITH (tags = '', sample_interval = '1s', sample_interval = '2s');
CREATE TABLE bad (time timestamptz, v float8) USING tsdb WITH (tags, sample_interval = '1s');
CREATE TABLE bad (time timestamptz, v float8) USING tsdb WITH (tags = '', sample_interval = '1s', fillfactor = 5);

-- not our table, not our options
CREATE TABLE bad (time timestamptz, v float8) USING heap WITH (tags = '', sample_interval = '1s');

-- intervals
CREATE FUNCTION try_option(option text, value text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format('CREATE TEMP TABLE try (time timestamptz, v float8) USING tsdb WITH (%s)',
                   concat_ws(', ', 'tags = ''''', CASE WHEN option <> 'sample_interval' THEN 'sample_interval = ''1s''' END,
                             format('%I = %L', option, value)));
    DROP TABLE try;
    RETURN 'ok';
EXCEPTION WHEN OTHERS THEN
    RETURN sqlstate || ' ' || sqlerrm;
END $$;
SELECT value, try_option('sample_interval', value)
FROM unnest('{1us,1ms,100ms,0.5 s,1s,00:00:30,1 min,PT5M,12h,1d,1 week,10 days,100000 d,864 s,
              0,1,1.5,0s,-1s,0.1us,7s,25h,36h,1 mon,1 year,1 week 1s,100001 d,99999999999 d,infinity,abc,""}'::text[]) value;
SELECT value, try_option('block_interval', value)
FROM unnest('{auto,AUTO,1s,1h,1 day,7 days,500ms,7s,36h,1 mon,3600,automatic}'::text[]) value;
SELECT option, value, try_option(option, value)
FROM unnest('{retention,compact_after}'::text[]) option, unnest('{1s,30 days,7 s,1 mon,10 years,30,0s,-1 day,forever}'::text[]) value;
SELECT value, try_option('compression', value) FROM unnest('{auto,fast,small,Small,lz4,""}'::text[]) value;
SELECT value, try_option('time_column', value) FROM unnest('{time,TIME,v,nosuch,"time,v",""}'::text[]) value;
CREATE TABLE bad (time timestamptz, v float8) USING tsdb WITH (tags = '', sample_interval = '7s');
CREATE TABLE bad (time timestamptz, v float8) USING tsdb WITH (tags = '', sample_interval = '1h', block_interval = '30min');
CREATE TABLE bad (time timestamptz, v float8) USING tsdb WITH (tags = '', sample_interval = '1s', retention = 30);
CREATE TABLE bad (time timestamptz, v float8) USING tsdb WITH (tags = '', sample_interval = '1s', compression = zip);

-- tags
CREATE TABLE bad (time timestamptz, a int, v float8) USING tsdb WITH (tags = 'a,a', sample_interval = '1s');
CREATE TABLE bad (time timestamptz, a int, v float8) USING tsdb WITH (tags = 'a,', sample_interval = '1s');
CREATE TABLE bad (time timestamptz, a int, v float8) USING tsdb WITH (tags = 'a,b', sample_interval = '1s');
CREATE TABLE bad (time timestamptz, "A" int, v float8) USING tsdb WITH (tags = 'A', sample_interval = '1s');
CREATE TABLE bad (time timestamptz, a xml, v float8) USING tsdb WITH (tags = 'a', sample_interval = '1s');
CREATE TABLE bad (time timestamptz, a int, v float8) USING tsdb WITH (tags = 'a,time', sample_interval = '1s');
CREATE TABLE bad (time timestamptz, a int, v float8) USING tsdb WITH (tags = 'a,time', sample_interval = '1s', time_column = 'time');
-- (not every server and encoding has such collations)
DO $$
BEGIN
    CREATE COLLATION blind (provider = icu, locale = 'und', deterministic = false);
    CREATE TABLE bad (time timestamptz, a text COLLATE blind) USING tsdb WITH (tags = 'a', sample_interval = '1s');
EXCEPTION WHEN feature_not_supported THEN
    RAISE NOTICE '%', CASE WHEN sqlerrm ~ 'ICU is not|encoding is not supported' THEN 'column "a" of table "bad" can''t be a tag' ELSE sqlerrm END;
END $$;
CREATE TABLE tag_types (time timestamptz, a uuid, b inet, c numeric, d jsonb, e int[], f date, g varchar(3), h bool) USING tsdb
WITH (tags = 'a,b,c,d,e,f,g,h', sample_interval = '1s');

-- time column
CREATE TABLE bad (time timestamp, v float8) USING tsdb WITH (tags = '', sample_interval = '1s');
CREATE TABLE bad (a timestamptz, b timestamptz) USING tsdb WITH (tags = '', sample_interval = '1s');
CREATE TABLE bad (time timestamptz, v float8) USING tsdb WITH (tags = '', sample_interval = '1s', time_column = v);
CREATE TABLE bad (time timestamptz, v float8) USING tsdb WITH (tags = '', sample_interval = '1s', time_column = 'nosuch');

-- value columns
CREATE TABLE bad (time timestamptz, v numeric) USING tsdb WITH (tags = '', sample_interval = '1s');
CREATE TABLE bad (time timestamptz, v varchar(10)) USING tsdb WITH (tags = '', sample_interval = '1s');
CREATE DOMAIN celsius AS float4 CHECK (VALUE > -273.2);
CREATE DOMAIN strict_quality AS tsdb.quality NOT NULL;
CREATE TABLE value_types (time timestamptz, a float8, b float4, c int2, d int4, e int8, f bool, g text, h date, i celsius,
    j strict_quality, k float8 GENERATED ALWAYS AS (a * 2) STORED) USING tsdb WITH (tags = '', sample_interval = '1s');
INSERT INTO value_types VALUES ('2024-01-01', 1.5, 2.5, 3, 4, 5, true, 'g', '2024-02-03', 20.5, 7);
SELECT a, b, c, d, e, f, g, h, i, j, k FROM value_types;

-- default_table_access_method obeys the same rules
SET default_table_access_method = tsdb;
CREATE TABLE bad (a int);
CREATE TABLE by_default (time timestamptz, v float8) WITH (tags = '', sample_interval = '1s');
CREATE TABLE IF NOT EXISTS by_default (a int);
SELECT 1 AS a INTO bad;
RESET default_table_access_method;
SELECT amname, c.reloptions FROM pg_class c JOIN pg_am a ON a.oid = relam WHERE c.oid = 'by_default'::regclass;

-- changes of an empty table
ALTER TABLE by_default SET (sample_interval = '10s', retention = '30 d');
ALTER TABLE by_default SET (fillfactor = 60, block_interval = '1h');
ALTER TABLE by_default RESET (retention, fillfactor), SET (compression = fast, autovacuum_enabled = off);
SELECT reloptions FROM pg_class WHERE oid = 'by_default'::regclass;
ALTER TABLE by_default RESET (tags);
ALTER TABLE by_default RESET (retention = '1d');
ALTER TABLE by_default RESET (nosuch);
ALTER TABLE by_default SET (sample_interval = '7s');
ALTER TABLE by_default SET (retention = '1 d', fillfactor = 5);
ALTER TABLE by_default SET (tags = 'v');
SELECT reloptions FROM pg_class WHERE oid = 'by_default'::regclass;
SELECT reloptions FROM pg_class WHERE oid = (SELECT reltoastrelid FROM pg_class WHERE oid = 'by_default'::regclass) AND NOT reloptions @> '{vacuum_truncate=false}';

-- a failed change leaves nothing behind, in a subtransaction neither
DO $$
BEGIN
    ALTER TABLE by_default SET (retention = '12 d', fillfactor = 30);
    RAISE division_by_zero;
EXCEPTION WHEN division_by_zero THEN NULL;
END $$;
BEGIN;
ALTER TABLE by_default SET (sample_interval = '1ms', fillfactor = 30);
SAVEPOINT s;
ALTER TABLE by_default SET (sample_interval = '1us');
INSERT INTO by_default VALUES ('2024-01-01 00:00:00.123456Z', 1);
ROLLBACK TO s;
INSERT INTO by_default VALUES ('2024-01-01 00:00:00.123456Z', 1);
SELECT extract(microseconds FROM time) FROM by_default;
ROLLBACK;
SELECT reloptions FROM pg_class WHERE oid = 'by_default'::regclass;

-- changes of a table with rows: a finer grid, nothing that would move or mix up rows
INSERT INTO boiler VALUES ('2024-01-01 00:00:00.7Z', 'a', 'b', 1, 0);
ALTER TABLE boiler SET (sample_interval = '2s');
ALTER TABLE boiler SET (tags = 'sensor');
ALTER TABLE boiler SET (tags = 'plant,sensor,quality');
ALTER TABLE boiler ADD COLUMN host text;
ALTER TABLE boiler SET (tags = 'plant,sensor,host');
ALTER TABLE boiler ADD COLUMN site text DEFAULT 'x', SET (tags = 'plant,sensor,site');
ALTER TABLE boiler SET (block_interval = '5 days');
ALTER TABLE boiler ADD COLUMN at timestamptz;
ALTER TABLE boiler ADD COLUMN at timestamptz, SET (time_column = 'at');
ALTER TABLE boiler ADD COLUMN at timestamptz, SET (time_column = 'time');
ALTER TABLE boiler SET (time_column = at);
ALTER TABLE boiler ADD COLUMN site text, SET (tags = 'plant,sensor,site');
ALTER TABLE boiler SET (sample_interval = '100ms', block_interval = '1 day', retention = '100 years');
INSERT INTO boiler VALUES ('2024-01-01 00:00:00.77Z', 'a', 'b', 2, 0, 'h', NULL, 's');
SELECT extract(milliseconds FROM time) AS ms, plant, sensor, value, host, site FROM boiler ORDER BY 1;
SELECT reloptions FROM pg_class WHERE oid = 'boiler'::regclass;

-- rows that are not committed yet are rows
BEGIN;
INSERT INTO by_default VALUES ('2024-01-01', 1);
ALTER TABLE by_default SET (sample_interval = '20s');
ROLLBACK;
ALTER TABLE by_default SET (sample_interval = '20s');

-- settings of the line protocol server are refused before they are written
ALTER SYSTEM SET tsdb.http_listen = '127.0.0.1:8086', 'nonsense';
ALTER SYSTEM SET tsdb.tcp_listen = 'localhost:8094/';
ALTER SYSTEM SET tsdb.default_sample_interval = '7s';
ALTER SYSTEM SET tsdb.default_sample_interval = '10';

-- privileges
CREATE ROLE regress_tsdb_other;
SET ROLE regress_tsdb_other;
ALTER TABLE boiler SET (retention = '3 d');
RESET ROLE;
DROP ROLE regress_tsdb_other;

DROP TABLE boiler, every, tag_types, value_types, by_default;
DROP DOMAIN celsius, strict_quality;
DROP FUNCTION try_option;
