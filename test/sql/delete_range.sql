-- DELETE of ranges: whole blocks go without being decoded where nobody has to see the rows, and only there.
-- A heap twin is the oracle.
\set SHOW_CONTEXT never
SET timezone = 'UTC';
SET datestyle = 'ISO';
CREATE TABLE m (time timestamptz NOT NULL, sensor text, v float8, n int4)
    USING tsdb WITH (tags = 'sensor', sample_interval = '1s', compact_after = '36500 days', block_interval = '1h');
CREATE TABLE h (LIKE m);
CREATE VIEW differences AS
    SELECT 'missing' AS what, x.* FROM (TABLE h EXCEPT ALL TABLE m) x
    UNION ALL SELECT 'extra', x.* FROM (TABLE m EXCEPT ALL TABLE h) x;
-- What EXPLAIN says of a statement that is executed.
CREATE FUNCTION explained(query text) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
    line text;
BEGIN
    FOR line IN EXECUTE 'EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF, SUMMARY OFF) ' || query LOOP
        IF line ~ 'Range Delete|Rows Deleted|Dropped|Blocks Decoded' THEN RETURN NEXT trim(line); END IF;
    END LOOP;
END $$;
-- The same DELETE on both, which have to report the same count.
CREATE FUNCTION twin(conditions text) RETURNS int8 LANGUAGE plpgsql AS $$
DECLARE
    of_m int8;
    of_h int8;
BEGIN
    EXECUTE 'DELETE FROM m ' || conditions;
    GET DIAGNOSTICS of_m = ROW_COUNT;
    EXECUTE 'DELETE FROM h ' || conditions;
    GET DIAGNOSTICS of_h = ROW_COUNT;
    IF of_m <> of_h THEN RAISE EXCEPTION 'DELETE % is % in m, % in h', conditions, of_m, of_h; END IF;
    RETURN of_m;
END $$;
CREATE FUNCTION fill() RETURNS void LANGUAGE sql AS $$
    TRUNCATE m, h;
    INSERT INTO h SELECT '2024-01-01Z'::timestamptz + i * interval '3 min', 's' || k, i / 7.0 * k, i % 100 FROM generate_series(0, 9999) i, generate_series(1, 3) k;
    INSERT INTO m TABLE h $$;
SELECT fill();
SELECT tsdb.compact('m');

-- edges are decoded, nothing else
EXPLAIN (COSTS OFF) DELETE FROM m WHERE sensor = 's1' AND time >= '2024-01-03 10:30' AND time < '2024-01-12 05:15';
BEGIN;
SELECT explained($$DELETE FROM m WHERE sensor = 's1' AND time >= '2024-01-03 10:30' AND time < '2024-01-12 05:15'$$);
ROLLBACK;
TABLE differences;
SELECT twin($$WHERE sensor = 's1' AND time >= '2024-01-03 10:30' AND time < '2024-01-12 05:15'$$);
TABLE differences;
SELECT count(*) FROM tsdb.runs('m');
SELECT explained($$DELETE FROM m WHERE sensor IN ('s2', 's3') AND time BETWEEN '2024-01-05' AND '2024-01-06'$$);
DELETE FROM h WHERE sensor IN ('s2', 's3') AND time BETWEEN '2024-01-05' AND '2024-01-06';
SELECT explained($$DELETE FROM m WHERE sensor LIKE 'x%' AND time < '2024-01-06'$$);
SELECT explained($$DELETE FROM m WHERE time < '2020-01-06'$$);
SELECT explained($$DELETE FROM m WHERE time < NULL$$);
SELECT explained($$DELETE FROM m WHERE sensor = 's2' AND time = '2024-01-07'$$);
DELETE FROM h WHERE sensor = 's2' AND time = '2024-01-07';
TABLE differences;

-- parameters, stable expressions, a bound from a query
SET plan_cache_mode = force_generic_plan;
PREPARE by_time(text, timestamptz, timestamptz) AS DELETE FROM m WHERE sensor = $1 AND time >= $2 AND time < $3;
EXPLAIN (COSTS OFF) EXECUTE by_time('s2', '2024-01-10', '2024-01-11');
SELECT explained($$EXECUTE by_time('s2', '2024-01-10', '2024-01-11')$$);
EXECUTE by_time('s2', '2024-01-11', '2024-01-12 12:34:56');
RESET plan_cache_mode;
DELETE FROM h WHERE sensor = 's2' AND time >= '2024-01-10' AND time < '2024-01-12 12:34:56';
SELECT twin($$WHERE sensor <> 's1' AND time < (SELECT min(time) FROM h) + interval '30 h'$$);
SELECT twin($$WHERE sensor = 's3' AND time < now() - (now() - '2024-01-03')$$);
BEGIN;
SELECT explained($$DELETE FROM m WHERE sensor <> 's1' AND time < (SELECT min(time) FROM m) + interval '30 h'$$);
SELECT explained($$DELETE FROM m WHERE time < now()$$);
ROLLBACK;
TABLE differences;
SELECT * FROM tsdb.verify('m');

-- over runs and memory: overwritten, patched, deleted, new samples, in savepoints
CREATE FUNCTION scribble(shift interval) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    t text;
BEGIN
    FOREACH t IN ARRAY ARRAY['m', 'h'] LOOP
        EXECUTE format('DELETE FROM %s WHERE sensor = ''s2'' AND time BETWEEN $1 + ''10:00'' AND $1 + ''12:15'' AND v > 0', t) USING '2024-01-14'::timestamptz + shift;
        EXECUTE format('INSERT INTO %s SELECT $1 + i * interval ''1 min'' + interval ''1 s'', ''s2'', i, i FROM generate_series(0, 300) i', t) USING '2024-01-14'::timestamptz + shift;
        EXECUTE format('UPDATE %s SET n = -1 WHERE sensor = ''s2'' AND time >= $1 AND time < $1 + interval ''3 h'' AND n > 50', t) USING '2024-01-14'::timestamptz + shift;
        EXECUTE format('INSERT INTO %s VALUES ($1, ''s9'', 1, 1)', t) USING '2024-01-14'::timestamptz + shift;
    END LOOP;
END $$;
SELECT scribble('0');
BEGIN;
SELECT scribble('1 d');
SAVEPOINT a;
SELECT scribble('2 d');
DECLARE before CURSOR FOR SELECT count(*), sum(n) FROM m WHERE v > -1;
SELECT explained($$DELETE FROM m WHERE time >= '2024-01-13 20:00' AND time < '2024-01-17'$$);
SELECT count(*) FROM m WHERE time >= '2024-01-13 20:00' AND time < '2024-01-17';
FETCH before;
SELECT count(*), sum(n) FROM h WHERE v > -1;
ROLLBACK TO a;
DELETE FROM h WHERE sensor = 's2' AND time >= '2024-01-16' AND time < '2024-01-17' AND extract(second FROM time) = 1;
TABLE differences;
SELECT twin($$WHERE time >= '2024-01-13 20:00' AND time < '2024-01-17'$$);
TABLE differences;
INSERT INTO m VALUES ('2024-01-14', 's2', 5, 5);
INSERT INTO h VALUES ('2024-01-14', 's2', 5, 5);
TABLE differences;
COMMIT;
TABLE differences;
SELECT tsdb.compact('m');
TABLE differences;
SELECT * FROM tsdb.verify('m');

-- REPEATABLE READ: twice in one transaction, then everything
BEGIN ISOLATION LEVEL REPEATABLE READ;
SELECT twin($$WHERE time < '2024-01-05'$$);
SELECT twin($$WHERE sensor = 's2' AND time >= '2024-01-08' AND time < '2024-01-20'$$);
TABLE differences;
SELECT twin('');
SELECT count(*) FROM m;
ROLLBACK;
TABLE differences;

-- everything, and the space comes back
SELECT pg_relation_size(reltoastrelid) > 8 * 8192 AS is_big FROM pg_class WHERE oid = 'm'::regclass;
SELECT explained('DELETE FROM m');
DELETE FROM h;
SELECT count(*) FROM m;
SELECT tsdb.compact('m');
SELECT count(*) FROM tsdb.segments('m');
VACUUM m;
SELECT pg_relation_size(reltoastrelid) <= 8 * 8192 AS is_small FROM pg_class WHERE oid = 'm'::regclass;
SELECT explained('DELETE FROM m');

-- rows that nobody has packed yet: many of them are packed first
SET tsdb.write_buffer = '64MB';
INSERT INTO h SELECT '2024-01-01Z'::timestamptz + i * interval '1 s', 's1', i, i FROM generate_series(1, 300000) i;
INSERT INTO m TABLE h;
RESET tsdb.write_buffer;
SELECT explained($$DELETE FROM m WHERE time < '2024-01-04 10:00'$$);
DELETE FROM h WHERE time < '2024-01-04 10:00';
TABLE differences;

-- how much is enough: a block, or many rows of blocks that are cut
CREATE TABLE c (time timestamptz NOT NULL, sensor text, v float8) USING tsdb WITH (tags = 'sensor', sample_interval = '1s', compact_after = '36500 days', block_interval = '8 d');
INSERT INTO c SELECT '2024-01-01Z'::timestamptz + i * interval '2 min', 's' || k, i FROM generate_series(0, 19999) i, generate_series(1, 2) k;
SELECT tsdb.compact('c');
SELECT DISTINCT from_time, until_time FROM tsdb.blocks('c') ORDER BY 1;
BEGIN;
SELECT explained($$DELETE FROM c WHERE sensor = 's1' AND time >= '2024-01-06' AND time < '2024-01-14'$$);
SELECT explained($$DELETE FROM c WHERE sensor = 's2' AND time >= '2024-01-06 00:01' AND time < '2024-01-08'$$);
SELECT explained($$DELETE FROM c WHERE sensor = 's2' AND time >= '2024-01-08' AND time < '2024-01-13 12:00'$$);
SELECT explained($$DELETE FROM c WHERE time >= '2024-01-18' AND time < '2024-01-18 08:00'$$);
SELECT sensor, count(*) FROM c GROUP BY 1 ORDER BY 1;
SELECT count(*) FROM generate_series(0, 19999) i, LATERAL (SELECT '2024-01-01Z'::timestamptz + i * interval '2 min' AS t) x
    WHERE NOT (t >= '2024-01-06 00:01' AND t < '2024-01-08') AND NOT (t >= '2024-01-08' AND t < '2024-01-13 12:00') AND NOT (t >= '2024-01-18' AND t < '2024-01-18 08:00');
ROLLBACK;
DROP TABLE c;

-- rows that somebody has to see go one by one
SELECT fill();
SELECT tsdb.compact('m');
CREATE TABLE other (sensor text);
INSERT INTO other VALUES ('s1');
BEGIN;
SELECT explained($$DELETE FROM m WHERE time < '2024-01-02' RETURNING v$$);
SELECT explained($$DELETE FROM m USING other o WHERE m.sensor = o.sensor AND time < '2024-01-02'$$);
SELECT explained($$DELETE FROM m WHERE time < '2024-01-03' AND n > 50$$);
SELECT explained($$DELETE FROM m WHERE time < '2024-01-03' AND n > 50 - random()$$);
SELECT explained($$DELETE FROM m WHERE time < '2024-01-03' OR time >= '2024-01-19'$$);
SELECT explained($$WITH d AS (DELETE FROM m WHERE time < '2024-01-04') SELECT 1$$);
SELECT min(time) FROM m;
SET LOCAL tsdb.enable_scan = off;
SELECT explained($$DELETE FROM m WHERE time < '2024-01-05'$$);
SELECT count(*), min(time) FROM m;
ROLLBACK;
-- under a reason, or where one is required
BEGIN;
SET LOCAL tsdb.edit_reason = 'wrong range';
SELECT explained($$DELETE FROM m WHERE sensor = 's1' AND time < '2024-01-03'$$);
SELECT kind, written, reason FROM tsdb.edits;
SET LOCAL tsdb.edit_reason = '';
SELECT tsdb.undo(max(id), 'was right') IS NOT NULL AS undone FROM tsdb.edits;
TABLE differences;
ROLLBACK;
ALTER TABLE m SET (require_reason = true);
\set VERBOSITY terse
DELETE FROM m WHERE time < '2024-01-03';
\set VERBOSITY default
ALTER TABLE m RESET (require_reason);

-- triggers
CREATE TABLE log (what text, n int8);
CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO log SELECT TG_NAME, count(*) FROM m;
    RETURN NULL;
END $$;
CREATE FUNCTION note_old() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO log SELECT TG_NAME, count(*) FROM old_rows;
    RETURN NULL;
END $$;
CREATE TRIGGER after_statement AFTER DELETE ON m FOR EACH STATEMENT EXECUTE FUNCTION note();
BEGIN;
SELECT explained($$DELETE FROM m WHERE time < '2024-01-03'$$);
DELETE FROM m;
TABLE log;
ROLLBACK;
CREATE TRIGGER before_statement BEFORE DELETE ON m FOR EACH STATEMENT EXECUTE FUNCTION note();
BEGIN;
SELECT explained($$DELETE FROM m WHERE time < '2024-01-03'$$);
TABLE log;
ROLLBACK;
DROP TRIGGER before_statement ON m;
DROP TRIGGER after_statement ON m;
CREATE TRIGGER with_rows AFTER DELETE ON m REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION note_old();
BEGIN;
SELECT explained($$DELETE FROM m WHERE sensor = 's1' AND time < '2024-01-03'$$);
TABLE log;
ROLLBACK;
DROP TRIGGER with_rows ON m;
CREATE FUNCTION keep_s1() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN CASE WHEN OLD.sensor <> 's1' THEN OLD END; END $$;
CREATE TRIGGER each_row BEFORE DELETE ON m FOR EACH ROW EXECUTE FUNCTION keep_s1();
BEGIN;
SELECT explained($$DELETE FROM m WHERE time < '2024-01-03'$$);
SELECT sensor, count(*) FROM m GROUP BY 1 ORDER BY 1;
ROLLBACK;
DROP TRIGGER each_row ON m;
-- a trigger that writes what the statement must not see
CREATE FUNCTION write_late() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format('INSERT INTO %I VALUES (''2024-01-02 00:00:01'', ''s1'', 77, 77)', TG_TABLE_NAME);
    RETURN NULL;
END $$;
CREATE TRIGGER late BEFORE DELETE ON m FOR EACH STATEMENT EXECUTE FUNCTION write_late();
CREATE TRIGGER late BEFORE DELETE ON h FOR EACH STATEMENT EXECUTE FUNCTION write_late();
SELECT twin($$WHERE time < '2024-01-03'$$);
TABLE differences;
SELECT * FROM m WHERE v = 77;
DROP TRIGGER late ON m;
DROP TRIGGER late ON h;

-- inside a query of its own kind: what goes is marked row by row, so that the outer one is told
CREATE FUNCTION purge() RETURNS int8 LANGUAGE sql AS $$ WITH d AS (DELETE FROM m WHERE time < '2024-01-05' RETURNING 1) SELECT count(*) FROM d $$;
CREATE FUNCTION purge_range() RETURNS int4 LANGUAGE plpgsql AS $$ BEGIN DELETE FROM m WHERE time < '2024-01-06'; RETURN -1; END $$;
BEGIN;
SELECT purge_range();
SELECT min(time) FROM m;
ROLLBACK;
UPDATE m SET n = purge_range() WHERE time < '2024-01-04' AND sensor = 's1';
WITH u AS (UPDATE m SET n = purge_range() WHERE time < '2024-01-04' AND sensor = 's1') SELECT 1 AS unread;
TABLE differences;

-- partitions: each on its own, a heap beside
CREATE TABLE p (time timestamptz NOT NULL, sensor text, v float8) PARTITION BY RANGE (time);
CREATE TABLE p1 PARTITION OF p FOR VALUES FROM (MINVALUE) TO ('2024-01-04') USING tsdb WITH (tags = 'sensor', sample_interval = '1s', compact_after = '36500 days', block_interval = '1h');
CREATE TABLE p2 PARTITION OF p FOR VALUES FROM ('2024-01-04') TO ('2024-01-08') USING heap;
CREATE TABLE p3 PARTITION OF p FOR VALUES FROM ('2024-01-08') TO (MAXVALUE) USING tsdb WITH (tags = 'sensor', sample_interval = '1s', compact_after = '36500 days', block_interval = '1h');
INSERT INTO p SELECT time, sensor, v FROM h;
SELECT tsdb.compact('p1'), tsdb.compact('p3');
BEGIN;
SELECT explained($$DELETE FROM p WHERE time >= '2024-01-02' AND time < '2024-01-10'$$);
DELETE FROM p WHERE sensor IN ('s1', 's2');
DELETE FROM p;
SELECT count(*) FROM p;
ROLLBACK;
CREATE TRIGGER with_rows AFTER DELETE ON p REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION note_old();
DELETE FROM p WHERE time < '2024-01-06';
TABLE log;
SELECT count(*) = (SELECT count(*) FROM h WHERE time >= '2024-01-06') AS same FROM p;
DROP TABLE p;

-- policies that are conditions like others; privileges
CREATE ROLE regress_cutter;
GRANT SELECT, DELETE ON m TO regress_cutter;
CREATE POLICY own ON m TO regress_cutter USING (sensor = 's2');
ALTER TABLE m ENABLE ROW LEVEL SECURITY;
BEGIN;
SET LOCAL ROLE regress_cutter;
SELECT explained($$DELETE FROM m WHERE time < '2024-01-10'$$);
RESET ROLE;
SELECT sensor, min(time) FROM m GROUP BY 1 ORDER BY 1;
ROLLBACK;
REVOKE DELETE ON m FROM regress_cutter;
SET ROLE regress_cutter;
DELETE FROM m WHERE time < '2024-01-10';
RESET ROLE;
ALTER TABLE m DISABLE ROW LEVEL SECURITY;
DROP POLICY own ON m;
REVOKE ALL ON m FROM regress_cutter;
DROP ROLE regress_cutter;
TABLE differences;

-- temporary and unlogged tables
CREATE TEMP TABLE t (time timestamptz NOT NULL, v float8) USING tsdb WITH (tags = '', sample_interval = '1s');
INSERT INTO t SELECT '2024-01-01'::timestamptz + i * interval '1 s', i FROM generate_series(0, 99999) i;
SELECT tsdb.compact('t');
SELECT explained($$DELETE FROM t WHERE time < '2024-01-01 12:00'$$);
SELECT count(*), min(v) FROM t;
CREATE UNLOGGED TABLE u (time timestamptz NOT NULL, v float8) USING tsdb WITH (tags = '', sample_interval = '1s');
INSERT INTO u TABLE t;
SELECT tsdb.compact('u');
SELECT explained('DELETE FROM u');
SELECT count(*) FROM u;
DROP TABLE t, u, other, log, m, h CASCADE;
DROP FUNCTION explained, twin, fill, scribble, note, note_old, keep_s1, write_late, purge, purge_range;
