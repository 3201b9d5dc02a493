-- Every way to make, change and drop a tsdb table and its columns.
\set SHOW_CONTEXT never
CREATE FUNCTION options(regclass) RETURNS text LANGUAGE sql AS
$$ SELECT concat_ws(' ', amname, reloptions) FROM pg_class c JOIN pg_am a ON a.oid = relam WHERE c.oid = $1 $$;

--
-- CREATE TABLE AS and its kin: the rows come before the command is over
--
CREATE TABLE made USING tsdb WITH (tags = 'k', sample_interval = '1s') AS
SELECT '2024-01-01Z'::timestamptz + i * interval '1 s' AS time, i % 3 AS k, i::float8 AS v FROM generate_series(1, 10) i;
SELECT options('made'), count(*), sum(v) FROM made;
CREATE TABLE bad USING tsdb AS SELECT now() AS time;
CREATE TABLE bad USING tsdb WITH (tags = '', sample_interval = '1s') AS SELECT now() AS time, 1::numeric AS v;
CREATE TABLE made2 USING tsdb WITH (tags = '', sample_interval = '1s') AS SELECT time, v FROM made WITH NO DATA;
CREATE TABLE IF NOT EXISTS made2 USING tsdb WITH (tags = '', sample_interval = '1s') AS SELECT 1;
DO $$
BEGIN
    EXECUTE 'EXPLAIN (ANALYZE) CREATE TABLE made3 USING tsdb WITH (tags = '''', sample_interval = ''1s'') AS SELECT ''2024-01-01Z''::timestamptz AS time';
END $$;
SELECT options('made2'), options('made3'), count(*) FROM made3;
CREATE MATERIALIZED VIEW averages USING tsdb WITH (tags = 'k', sample_interval = '1min') AS
SELECT date_trunc('minute', time) AS time, k, avg(v) AS v FROM made GROUP BY 1, 2;
REFRESH MATERIALIZED VIEW averages;
ALTER MATERIALIZED VIEW averages SET (retention = '10 d', fillfactor = 40);
ALTER MATERIALIZED VIEW averages RENAME k TO key;
SELECT options('averages');
SELECT k, v FROM averages AS a(time, k, v) ORDER BY k;
PREPARE q AS SELECT '2024-01-01Z'::timestamptz AS time;
CREATE TABLE made4 USING tsdb WITH (tags = '', sample_interval = '1s') AS EXECUTE q;
SELECT count(*) FROM made4;
DEALLOCATE q;
DROP MATERIALIZED VIEW averages;
DROP TABLE made2, made3, made4;

--
-- LIKE, INHERITS, OF, schema elements, persistence, columns that bring relations along
--
CREATE TABLE alike (LIKE made INCLUDING ALL) USING tsdb;
CREATE TABLE alike (LIKE made INCLUDING ALL) USING tsdb WITH (tags = 'k', sample_interval = '1s');
CREATE TABLE heap_twin (LIKE made INCLUDING ALL);
SELECT options('alike'), options('heap_twin');
DROP TABLE alike, heap_twin;

CREATE TABLE parent (time timestamptz, k int, v float8);
CREATE TABLE child (w float8) INHERITS (parent) USING tsdb WITH (tags = 'k', sample_interval = '1s');
INSERT INTO child VALUES ('2024-01-01Z', 1, 2, 3);
ALTER TABLE parent RENAME k TO key;
ALTER TABLE parent ADD COLUMN j jsonb;
ALTER TABLE parent ADD COLUMN x int8 DEFAULT 7;
ALTER TABLE parent ALTER COLUMN v TYPE numeric;
ALTER TABLE parent ALTER COLUMN v TYPE text;
ALTER TABLE parent DROP COLUMN key;
ALTER TABLE parent DROP COLUMN v;
SELECT options('child'), key, w, x FROM child;
DROP TABLE parent CASCADE;

CREATE TYPE sample AS (time timestamptz, tag int, v float8);
CREATE TABLE typed OF sample USING tsdb WITH (tags = 'tag', sample_interval = '1s');
ALTER TYPE sample RENAME ATTRIBUTE tag TO t CASCADE;
ALTER TYPE sample ADD ATTRIBUTE j jsonb CASCADE;
ALTER TYPE sample ALTER ATTRIBUTE v TYPE int8 CASCADE;
ALTER TYPE sample DROP ATTRIBUTE t CASCADE;
SELECT options('typed');
DROP TYPE sample CASCADE;

CREATE SCHEMA plant
    CREATE TABLE line (time timestamptz, machine text, v float8) USING tsdb WITH (tags = 'machine', sample_interval = '1s')
    CREATE VIEW newest AS SELECT max(time) FROM line;
SELECT options('plant.line');
CREATE TEMP TABLE temporary (time timestamptz, v float8) USING tsdb WITH (tags = '', sample_interval = '1s') ON COMMIT DELETE ROWS;
CREATE UNLOGGED TABLE unlogged (time timestamptz, v float8 CHECK (v > 0), s serial, i int GENERATED ALWAYS AS IDENTITY, d float8 DEFAULT 1)
USING tsdb WITH (tags = '', sample_interval = '1s');
INSERT INTO unlogged VALUES ('2024-01-01Z', 1);
INSERT INTO unlogged VALUES ('2024-01-02Z', -1);
ALTER TABLE unlogged SET LOGGED;
SELECT options('temporary'), options('unlogged'), v, s, i, d FROM unlogged;
DROP TABLE temporary, unlogged;

--
-- Columns
--
CREATE TABLE t (time timestamptz, plant text, v float8, quality tsdb.quality) USING tsdb WITH (tags = 'plant', sample_interval = '1s');
INSERT INTO t VALUES ('2024-01-01Z', 'a', 1, 0), ('2024-01-02Z', 'b', 2, 7);
ALTER TABLE t RENAME plant TO "The, ""Plant""";
ALTER TABLE t RENAME time TO at;
ALTER TABLE t RENAME v TO value;
SELECT options('t');
ALTER TABLE t RENAME "The, ""Plant""" TO plant;
ALTER TABLE t DROP COLUMN plant;
ALTER TABLE t DROP COLUMN at;
ALTER TABLE t DROP COLUMN at, ADD COLUMN at2 timestamptz;
ALTER TABLE t ADD COLUMN j jsonb;
SELECT relfilenode AS before FROM pg_class WHERE oid = 't'::regclass \gset
ALTER TABLE t ADD COLUMN c int2 DEFAULT -3, ADD COLUMN d text DEFAULT 'old', ADD COLUMN e float4 DEFAULT 1.5, ADD COLUMN f date DEFAULT '2024-05-06',
    ADD COLUMN g bool DEFAULT true, ADD COLUMN h float8;
SELECT relfilenode = :before AS no_rewrite FROM pg_class WHERE oid = 't'::regclass;
INSERT INTO t VALUES ('2024-01-03Z', 'c', 3, 0, 33, 'new', 0, NULL, false, 5);
SELECT plant, value, c, d, e, f, g, h FROM t ORDER BY plant;
ALTER TABLE t DROP COLUMN value, DROP COLUMN c;
ALTER TABLE t ADD COLUMN value int4 NOT NULL DEFAULT 4;
SELECT plant, value, d, e FROM t ORDER BY plant;

-- new types: rewritten, with the old rows read as they were
ALTER TABLE t ALTER COLUMN value TYPE text USING 'v' || value, ALTER COLUMN e TYPE float8, DROP COLUMN f, ADD COLUMN r float8 DEFAULT random();
ALTER TABLE t ALTER COLUMN plant TYPE varchar(5), SET (sample_interval = '10ms', fillfactor = 70), ALTER COLUMN g DROP DEFAULT, ALTER COLUMN g TYPE int4 USING g::int;
SELECT plant, value, d, e, g, r IS NOT NULL AS has_r FROM t ORDER BY plant;
ALTER TABLE t ALTER COLUMN h TYPE json USING to_json(h);
ALTER TABLE t ALTER COLUMN at TYPE timestamp;
ALTER TABLE t ALTER COLUMN at TYPE text;
ALTER TABLE t ALTER COLUMN quality TYPE int4;
ALTER TABLE t ALTER COLUMN quality TYPE int4 USING quality + 0;
SELECT plant, quality, pg_typeof(quality) FROM t ORDER BY plant;
SELECT options('t');
ALTER TABLE t ADD CHECK (value <> 'v4');
ALTER TABLE t ADD CHECK (value <> 'v5'), ALTER COLUMN value SET NOT NULL;

-- a tag goes with its type, but only if the table goes too
CREATE TYPE plant.color AS ENUM ('red', 'green');
CREATE TABLE plant.lamp (time timestamptz, color plant.color, v float8) USING tsdb WITH (tags = 'color', sample_interval = '1s');
CREATE TABLE lamp (time timestamptz, color plant.color, v float8) USING tsdb WITH (tags = 'color', sample_interval = '1s');
SET client_min_messages = warning;
DROP TYPE plant.color CASCADE;
DROP TABLE lamp;
DROP SCHEMA plant CASCADE;
RESET client_min_messages;

-- an empty table may lose a tag together with its name in the options
CREATE TABLE empty (time timestamptz, a int, b int) USING tsdb WITH (tags = 'a,b', sample_interval = '1s');
ALTER TABLE empty DROP COLUMN b, SET (tags = 'a');
SELECT options('empty');
DROP TABLE empty;

--
-- Changes among rows of the same transaction that are not flushed yet
--
CREATE TABLE mix (time timestamptz, k text, v float8) USING tsdb WITH (tags = 'k', sample_interval = '1s');
BEGIN;
INSERT INTO mix VALUES ('2024-01-01Z', 'a', 1.5);
ALTER TABLE mix ADD COLUMN host text, SET (tags = 'k,host');
INSERT INTO mix VALUES ('2024-01-01Z', 'a', 2, 'h');
ALTER TABLE mix ALTER COLUMN v TYPE text;
INSERT INTO mix VALUES ('2024-01-02Z', 'b', '3', 'h');
SAVEPOINT s;
ALTER TABLE mix SET (sample_interval = '1ms', fillfactor = 30);
INSERT INTO mix VALUES ('2024-01-03 00:00:00.5Z', 'c', '4', 'h');
ALTER TABLE mix ADD COLUMN n int4 DEFAULT 5;
INSERT INTO mix VALUES ('2024-01-04Z', 'd', '5', 'h', 6);
ALTER TABLE mix ALTER COLUMN n TYPE float8, DROP COLUMN v;
INSERT INTO mix VALUES ('2024-01-05Z', 'e', 'h', 7);
SELECT k, host, n, options('mix') FROM mix ORDER BY time, host NULLS FIRST;
ROLLBACK TO s;
INSERT INTO mix VALUES ('2024-01-06Z', 'f', '8', 'h');
COMMIT;
SELECT k, v, host, options('mix') FROM mix ORDER BY v;
BEGIN;
INSERT INTO mix VALUES ('2024-01-07Z', 'g', '9', 'h');
ALTER TABLE mix SET ACCESS METHOD heap;
INSERT INTO mix VALUES ('2024-01-08Z', 'h', 'heap', 'h');
ALTER TABLE mix SET ACCESS METHOD tsdb, SET (tags = 'host,k', sample_interval = '1d');
INSERT INTO mix VALUES ('2024-01-08 12:00Z', 'h', 'tsdb', 'h');
COMMIT;
SELECT k, v, host, options('mix') FROM mix ORDER BY v;
DROP TABLE mix;

--
-- Access method, both ways, with options in any order
--
CREATE TABLE h (time timestamptz, k int, v float8, n numeric) WITH (fillfactor = 70);
INSERT INTO h SELECT '2024-01-01Z'::timestamptz + i * interval '1 s', i % 2, i FROM generate_series(1, 100) i;
ALTER TABLE h SET ACCESS METHOD tsdb;
ALTER TABLE h SET ACCESS METHOD tsdb, SET (tags = 'k', sample_interval = '1s');
ALTER TABLE h SET (sample_interval = '1s', fillfactor = 71), DROP COLUMN n, SET ACCESS METHOD tsdb, SET (tags = 'k');
SELECT options('h'), count(*), sum(v) FROM h;
SELECT reloptions @> '{vacuum_truncate=false}' AS toast_is_set_up FROM pg_class WHERE oid = (SELECT reltoastrelid FROM pg_class WHERE oid = 'h'::regclass);
ALTER TABLE h SET (retention = '1 d', fillfactor = 50), SET ACCESS METHOD heap;
ALTER TABLE h SET (fillfactor = 50), SET ACCESS METHOD heap;
SELECT options('h'), count(*), sum(v) FROM h;
SELECT reloptions FROM pg_class WHERE oid = (SELECT reltoastrelid FROM pg_class WHERE oid = 'h'::regclass);
ALTER TABLE h SET (tags = 'k');
ALTER TABLE h SET ACCESS METHOD tsdb, ALTER COLUMN v TYPE float4, ADD COLUMN x float8 DEFAULT random(), RESET (fillfactor), SET (tags = 'k', sample_interval = '1s');
SELECT options('h'), count(*), sum(v), count(x) FROM h;
VACUUM FULL h;
VACUUM h;
SELECT options('h'), count(*), sum(v), count(x) FROM h;
BEGIN;
ALTER TABLE h SET ACCESS METHOD heap;
ROLLBACK;
SELECT options('h'), count(*) FROM h;
CREATE TABLE keyed (time timestamptz PRIMARY KEY, v float8);
ALTER TABLE keyed SET ACCESS METHOD tsdb, SET (tags = '', sample_interval = '1s');
CREATE TABLE no_toast (time timestamptz, v float8);
ALTER TABLE no_toast SET (tags = '', sample_interval = '1s'), SET ACCESS METHOD tsdb;
ALTER TABLE no_toast SET (retention = '1 d', fillfactor = 40);
SELECT options('no_toast');
DROP TABLE keyed, no_toast, h;

--
-- Partitions
--
CREATE TABLE parts (time timestamptz, k int, v float8) PARTITION BY RANGE (time) WITH (tags = 'k', sample_interval = '1s');
CREATE TABLE parts (time timestamptz, k int, v float8) PARTITION BY RANGE (time);
ALTER TABLE parts SET (tags = 'k');
CREATE TABLE parts1 PARTITION OF parts FOR VALUES FROM ('2024-01-01Z') TO ('2024-02-01Z') USING tsdb WITH (tags = 'k', sample_interval = '1s');
CREATE TABLE parts2 PARTITION OF parts FOR VALUES FROM ('2024-02-01Z') TO ('2024-03-01 00:00:00.5Z') USING tsdb WITH (tags = 'k', sample_interval = '1s');
CREATE TABLE parts2 PARTITION OF parts FOR VALUES FROM ('2024-02-01Z') TO ('2024-03-01 00:00:00.5Z');
ALTER TABLE parts2 SET ACCESS METHOD tsdb, SET (tags = 'k', sample_interval = '1s');
ALTER TABLE parts2 SET ACCESS METHOD tsdb, SET (tags = 'k', sample_interval = '100ms');
CREATE TABLE parts3 (LIKE parts) USING tsdb WITH (tags = 'k', sample_interval = '1s');
ALTER TABLE parts ATTACH PARTITION parts3 FOR VALUES FROM ('2024-03-01 00:00:00.5Z') TO (MAXVALUE);
ALTER TABLE parts ATTACH PARTITION parts3 FOR VALUES FROM ('2024-03-02Z') TO (MAXVALUE);
CREATE TABLE parts4 PARTITION OF parts FOR VALUES FROM (MINVALUE) TO ('2024-01-01Z');
ALTER TABLE parts RENAME k TO key;
ALTER TABLE parts ADD COLUMN w float8 DEFAULT 3;
ALTER TABLE parts ADD COLUMN n numeric;
ALTER TABLE parts DROP COLUMN key;
INSERT INTO parts VALUES ('2023-12-31Z', 1, 1), ('2024-01-01 00:00:00.9Z', 1, 2), ('2024-02-29Z', 1, 3), ('2025-01-01Z', 1, 4);
SELECT tableoid::regclass, options(tableoid), v, w FROM parts ORDER BY time;
ALTER TABLE parts DETACH PARTITION parts3 CONCURRENTLY;
CREATE TABLE sub PARTITION OF parts FOR VALUES FROM ('2024-06-01 00:00:00.5Z') TO ('2024-07-01Z') PARTITION BY HASH (key);
CREATE TABLE sub0 PARTITION OF sub FOR VALUES WITH (MODULUS 1, REMAINDER 0) USING tsdb WITH (tags = 'key', sample_interval = '1s');
CREATE TABLE sub0 PARTITION OF sub FOR VALUES WITH (MODULUS 1, REMAINDER 0) USING tsdb WITH (tags = 'key', sample_interval = '1ms');
CREATE TABLE hashed (time timestamptz, v float8) PARTITION BY HASH (time);
CREATE TABLE hashed0 PARTITION OF hashed FOR VALUES WITH (MODULUS 1, REMAINDER 0) USING tsdb WITH (tags = '', sample_interval = '1s');
DROP TABLE parts, parts3, hashed;

--
-- Commands within commands
--
CREATE FUNCTION note_ddl() RETURNS event_trigger LANGUAGE plpgsql AS $$
BEGIN
    IF tg_tag = 'CREATE TABLE' AND to_regclass('ddl_log') IS NULL THEN
        CREATE TABLE ddl_log (time timestamptz, tag text, n int) USING tsdb WITH (tags = 'tag', sample_interval = '1us');
    END IF;
    INSERT INTO ddl_log VALUES (clock_timestamp(), tg_tag, 1);
END $$;
CREATE EVENT TRIGGER note_ddl ON ddl_command_end EXECUTE FUNCTION note_ddl();
CREATE TABLE noted (time timestamptz, v float8) USING tsdb WITH (tags = '', sample_interval = '1h');
ALTER TABLE noted SET (retention = '1 d', fillfactor = 50);
DROP EVENT TRIGGER note_ddl;
SELECT options('ddl_log'), options('noted'), tag FROM ddl_log ORDER BY time;
CREATE FUNCTION make_inner() RETURNS int LANGUAGE plpgsql AS $$
BEGIN
    CREATE TEMP TABLE inner_table (time timestamptz) USING tsdb WITH (tags = '', sample_interval = '1d');
    RETURN 1;
END $$;
CREATE TABLE outer_table USING tsdb WITH (tags = '', sample_interval = '1h') AS SELECT '2024-01-01 01:30Z'::timestamptz AS time, make_inner() AS v;
SELECT options('inner_table'), options('outer_table'), extract(epoch FROM time) / 3600 AS hours FROM outer_table;
DROP TABLE ddl_log, noted, inner_table, outer_table;
DROP FUNCTION note_ddl, make_inner;

DROP TABLE made, t;
DROP FUNCTION options;
