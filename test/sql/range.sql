-- Whole ranges go without being decoded, and come back bit for bit.  A heap twin is the oracle.
-- compact_after keeps the background worker from packing.
\set SHOW_CONTEXT never
SET timezone = 'UTC';
SET datestyle = 'ISO';
CREATE TABLE m (time timestamptz NOT NULL, sensor text, v float8, n int4, s text, quality tsdb.quality)
    USING tsdb WITH (tags = 'sensor', sample_interval = '1s', compact_after = '36500 days', block_interval = '1h');
CREATE TABLE h (LIKE m);
CREATE VIEW differences AS
    SELECT 'missing' AS what, x.* FROM (TABLE h EXCEPT ALL TABLE m) x
    UNION ALL SELECT 'extra', x.* FROM (TABLE m EXCEPT ALL TABLE h) x;
CREATE TABLE archive (LIKE m);
ALTER TABLE archive DROP COLUMN time, DROP COLUMN sensor, DROP COLUMN v, DROP COLUMN n, DROP COLUMN s, DROP COLUMN quality,
    ADD COLUMN series_id int4, ADD COLUMN first timestamptz, ADD COLUMN last timestamptz, ADD COLUMN samples int8, ADD COLUMN is_archived bool, ADD COLUMN stretch bytea;
-- What a range holds, as the heap twin says it.
CREATE FUNCTION twin_delete(tag text, "from" timestamptz, until timestamptz) RETURNS int8 LANGUAGE sql AS
    $$WITH d AS (DELETE FROM h WHERE sensor = coalesce(tag, sensor) AND time >= $2 AND time < $3 RETURNING 1) SELECT count(*) FROM d$$;

-- an empty table, an empty range
SELECT tsdb_test.range_delete('m', NULL, '-infinity', 'infinity');
INSERT INTO h SELECT '2024-01-01Z'::timestamptz + i * interval '3 min', 's' || k, CASE WHEN i % 11 > 0 THEN i / 7.0 * k END, i % 100, CASE WHEN i % 3 = 0 THEN 'text ' || i % 5 END,
    CASE WHEN i % 50 = 0 THEN -2147483648 ELSE 0 END FROM generate_series(0, 26665) i, generate_series(1, 3) k ORDER BY k, i;
INSERT INTO m SELECT * FROM h;
SELECT tsdb.compact('m');
SELECT series_id, from_time, samples, blocks, groups FROM tsdb.segments('m') WHERE series_id = 2;
SELECT tsdb_test.range_delete('m', NULL, '2024-01-15', '2024-01-15'), tsdb_test.range_delete('m', ARRAY[]::int4[], '-infinity', 'infinity'),
    tsdb_test.range_delete('m', ARRAY[4, 70], '-infinity', 'infinity'), tsdb_test.range_delete('m', NULL, '2025-01-15', '2026-01-15');

-- edges on and off those of blocks; untouched blocks are the same blocks, nothing is in runs afterwards
SELECT array_agg(block_id) AS before FROM tsdb.blocks('m') \gset
SELECT tsdb_test.range_delete('m', ARRAY[2], '2024-01-10 12:00', '2024-01-20') = twin_delete('s2', '2024-01-10 12:00', '2024-01-20') AS same;
SELECT count(*) FILTER (WHERE block_id <> ALL (:'before')) AS written FROM tsdb.blocks('m');
SELECT tsdb_test.range_delete('m', ARRAY[1, 3], '2024-01-03 10:30:01', '2024-02-10 11:59:59') =
    twin_delete('s1', '2024-01-03 10:30:01', '2024-02-10 11:59:59') + twin_delete('s3', '2024-01-03 10:30:01', '2024-02-10 11:59:59') AS same;
SELECT count(*) FILTER (WHERE block_id <> ALL (:'before')) AS written FROM tsdb.blocks('m');
-- inside one block
SELECT tsdb_test.range_delete('m', ARRAY[1], '2024-02-20 10:10', '2024-02-20 10:20') = twin_delete('s1', '2024-02-20 10:10', '2024-02-20 10:20') AS same;
SELECT samples, from_time, until_time FROM tsdb.blocks('m') WHERE series_id = 1 AND from_time = '2024-02-20 10:00';
SELECT count(*) FROM tsdb.runs('m');
TABLE differences;
SELECT * FROM tsdb.verify('m');
-- summaries answer
CREATE FUNCTION explained(query text) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
    line text;
BEGIN
    FOR line IN EXECUTE 'EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF, SUMMARY OFF) ' || query LOOP
        IF line ~ 'Summary|Decoded|Skipped by' THEN RETURN NEXT trim(line); END IF;
    END LOOP;
END $$;
SELECT explained('SELECT sensor, count(*), sum(n), min(v), max(v) FROM m GROUP BY sensor');
SELECT count(*) FROM (SELECT sensor, count(*), sum(n), min(v), max(v), avg(n) FROM m GROUP BY sensor INTERSECT SELECT sensor, count(*), sum(n), min(v), max(v), avg(n) FROM h GROUP BY sensor) x;

-- over what is in runs and in memory: overwritten, patched, deleted, new samples
CREATE FUNCTION scribble() RETURNS void LANGUAGE sql AS $$
    INSERT INTO m SELECT time, 's2', -1, -1, 'over', 0 FROM h WHERE sensor = 's2' AND time BETWEEN '2024-02-01 10:00' AND '2024-02-01 12:15';
    SELECT tsdb.patch('m', $q$SELECT '2024-02-01 14:00:00Z'::timestamptz + i * interval '1 min' AS time, 's2' AS sensor, 7 AS n FROM generate_series(0, 30) i$q$);
    DELETE FROM m WHERE sensor = 's2' AND time BETWEEN '2024-02-01 16:00' AND '2024-02-01 16:30';
    INSERT INTO m SELECT '2023-12-01'::timestamptz + i * interval '1 d', 's2', i, i, NULL, 0 FROM generate_series(0, 300) i;
    INSERT INTO m VALUES ('2024-02-01 17:00:01', 's2', 1, 1, 'between', 0), ('2024-02-01 17:00:01', 's4', 1, 1, 'new', 0) $$;
SELECT scribble();
DELETE FROM h; INSERT INTO h TABLE m;
SELECT count(*) > 0 AS has_runs FROM tsdb.runs('m');
BEGIN;
SELECT tsdb_test.range_delete('m', ARRAY[2], '2024-02-01', '2024-02-02') = twin_delete('s2', '2024-02-01', '2024-02-02') AS same;
TABLE differences;
SELECT tsdb_test.range_delete('m', NULL, '2023-12-10', '2024-08-02') = twin_delete(NULL, '2023-12-10', '2024-08-02') AS same;
TABLE differences;
ROLLBACK;
TABLE differences;
BEGIN;
SELECT scribble();
SAVEPOINT a;
SELECT tsdb_test.range_delete('m', ARRAY[1, 2, 4], '2024-01-05', '2024-02-01 16:10') =
    twin_delete('s1', '2024-01-05', '2024-02-01 16:10') + twin_delete('s2', '2024-01-05', '2024-02-01 16:10') + twin_delete('s4', '2024-01-05', '2024-02-01 16:10') AS same;
TABLE differences;
ROLLBACK TO a;
TABLE differences;
SELECT tsdb_test.range_delete('m', ARRAY[2], '2024-01-05', '2024-02-01 16:10') = twin_delete('s2', '2024-01-05', '2024-02-01 16:10') AS same;
INSERT INTO m VALUES ('2024-01-06', 's2', 5, 5, 'after', 0);
INSERT INTO h VALUES ('2024-01-06', 's2', 5, 5, 'after', 0);
TABLE differences;
COMMIT;
TABLE differences;
SELECT tsdb.compact('m');
TABLE differences;
SELECT * FROM tsdb.verify('m');

-- archived and put back: every bit, in a transaction of its own, rows in runs and in blocks
SELECT scribble();
DELETE FROM h; INSERT INTO h TABLE m;
INSERT INTO archive SELECT * FROM tsdb_test.range_archive('m', NULL, '2024-01-25 10:20:30', '2024-02-16 16:10');
SELECT series_id, sum(samples), min(first), max(last), bool_or(is_archived) AS blocks, bool_or(NOT is_archived) AS rows FROM archive GROUP BY 1 ORDER BY 1;
SELECT sum(samples) = (SELECT count(*) FROM differences) AS complete FROM archive;
SELECT bool_and(first > before OR before IS NULL) AS ascending FROM (SELECT *, lag(last) OVER (PARTITION BY series_id ORDER BY first) AS before FROM archive) x;
SELECT count(*) FROM m WHERE time >= '2024-01-25 10:20:30' AND time < '2024-02-16 16:10';
SELECT series_id, tsdb_test.range_restore('m', series_id, array_agg(stretch ORDER BY first)) FROM archive GROUP BY 1 ORDER BY 1;
TABLE differences;
SELECT * FROM tsdb.verify('m');
SELECT tsdb.compact('m');
TABLE differences;
-- again, everything, in one transaction, stretches last first
BEGIN;
TRUNCATE archive;
INSERT INTO archive SELECT * FROM tsdb_test.range_archive('m', NULL, '-infinity', 'infinity');
SELECT count(*) FROM m;
SELECT count(*) FROM tsdb.segments('m');
SELECT series_id, tsdb_test.range_restore('m', series_id, array_agg(stretch ORDER BY first DESC)) FROM archive GROUP BY 1 ORDER BY 1 DESC;
TABLE differences;
COMMIT;
TABLE differences;
SELECT * FROM tsdb.verify('m');
-- twice is once; over other samples they win
SELECT series_id, tsdb_test.range_restore('m', series_id, array_agg(stretch ORDER BY first)) FROM archive WHERE series_id = 2 GROUP BY 1;
TABLE differences;
SELECT tsdb.compact('m');
TABLE differences;
SELECT * FROM tsdb.verify('m');
-- blocks came back as blocks
TRUNCATE archive;
INSERT INTO archive SELECT * FROM tsdb_test.range_archive('m', ARRAY[3], '2024-02-20', '2024-02-24');
SELECT series_id, tsdb_test.range_restore('m', series_id, array_agg(stretch ORDER BY first)) FROM archive GROUP BY 1;
SELECT count(*) FROM tsdb.runs('m');
TABLE differences;
SELECT * FROM tsdb.verify('m');

-- columns that came and went since, with values that rows are older than
TRUNCATE archive;
ALTER TABLE m ADD COLUMN d float8 DEFAULT 2.5, ADD COLUMN w text DEFAULT 'wörd';
ALTER TABLE h ADD COLUMN d float8 DEFAULT 2.5, ADD COLUMN w text DEFAULT 'wörd';
INSERT INTO m SELECT time + interval '1 s', sensor, v, n, s, quality, 1, 'mine' FROM m WHERE time BETWEEN '2024-02-20' AND '2024-02-20 03:00';
INSERT INTO h SELECT time + interval '1 s', sensor, v, n, s, quality, 1, 'mine' FROM h WHERE time BETWEEN '2024-02-20' AND '2024-02-20 03:00';
SELECT tsdb.compact('m');
INSERT INTO archive SELECT * FROM tsdb_test.range_archive('m', ARRAY[3], '2024-02-19 23:30', '2024-02-24');
ALTER TABLE m DROP COLUMN s CASCADE;
ALTER TABLE h DROP COLUMN s;
ALTER TABLE m ADD COLUMN late int4 DEFAULT 9, ADD COLUMN none bool;
ALTER TABLE h ADD COLUMN late int4 DEFAULT 9, ADD COLUMN none bool;
SELECT series_id, tsdb_test.range_restore('m', series_id, array_agg(stretch ORDER BY first)) FROM archive GROUP BY 1;
CREATE VIEW differences AS
    SELECT 'missing' AS what, x.* FROM (TABLE h EXCEPT ALL TABLE m) x
    UNION ALL SELECT 'extra', x.* FROM (TABLE m EXCEPT ALL TABLE h) x;
TABLE differences;
SELECT * FROM tsdb.verify('m');

-- another pairing of qualities: what is cut is coded anew as a whole
ALTER TABLE m ADD COLUMN quality2 tsdb.quality;
ALTER TABLE h ADD COLUMN quality2 tsdb.quality;
DROP VIEW differences;
ALTER TABLE m DROP COLUMN quality;
ALTER TABLE h DROP COLUMN quality;
CREATE VIEW differences AS
    SELECT 'missing' AS what, x.* FROM (TABLE h EXCEPT ALL TABLE m) x
    UNION ALL SELECT 'extra', x.* FROM (TABLE m EXCEPT ALL TABLE h) x;
SELECT tsdb_test.range_delete('m', ARRAY[1], '2024-02-20 10:30', '2024-02-20 13:30') = twin_delete('s1', '2024-02-20 10:30', '2024-02-20 13:30') AS same;
TABLE differences;
SELECT * FROM tsdb.verify('m');

-- damaged archives
\set VERBOSITY sqlstate
SELECT tsdb_test.range_restore('m', 3, ARRAY['\x'::bytea]);
SELECT tsdb_test.range_restore('m', 3, ARRAY[set_byte(stretch, length(stretch) / 2, 255 - get_byte(stretch, length(stretch) / 2))]) FROM archive LIMIT 1;
\set VERBOSITY default
TABLE differences;

-- many rows in runs are packed first
CREATE TABLE big (time timestamptz NOT NULL, sensor text, v float8) USING tsdb WITH (tags = 'sensor', sample_interval = '1s', compact_after = '36500 days');
INSERT INTO big SELECT '2024-01-01Z'::timestamptz + i * interval '1 s', 's' || k, sqrt(i * 7919 % 100003) FROM generate_series(0, 199999) i, generate_series(1, 2) k ORDER BY k, i;
SELECT tsdb_test.range_delete('big', NULL, '2024-01-01 10:00', '2024-01-02 10:00');
SELECT count(*) FROM tsdb.runs('big');
SELECT sensor, count(*), round(sum(v)) FROM big GROUP BY sensor ORDER BY sensor;
SELECT * FROM tsdb.verify('big');
-- the pages of what went are free at once
SELECT reltoastrelid::regclass AS toast FROM pg_class WHERE oid = 'big'::regclass \gset
SELECT sum(length(chunk_data)) AS before FROM :toast \gset
SELECT tsdb_test.range_delete('big', ARRAY[1], '2024-01-02 11:00', '2024-01-03 07:00');
SELECT sum(length(chunk_data)) < :before * 0.75 AS smaller FROM :toast;
SELECT * FROM tsdb.verify('big');
SELECT tsdb.compact('big');
SELECT sensor, count(*), round(sum(v)) FROM big GROUP BY sensor ORDER BY sensor;
SELECT * FROM tsdb.verify('big');
-- an error half way leaves everything as it was
SET tsdb.debug_points = on;
SET tsdb.debug_point_errors = 'range_before_write';
SELECT tsdb_test.range_delete('big', ARRAY[2], '2024-01-01 01:00', '2024-01-03 07:00');
RESET tsdb.debug_point_errors;
SET tsdb.debug_points = off;
SELECT sensor, count(*), round(sum(v)) FROM big GROUP BY sensor ORDER BY sensor;
SELECT * FROM tsdb.verify('big');
-- A second range of the same transaction: runs that the first one has merged into a bigger one reach back behind what is in
-- segments, whose watermark stays.  The sample of January 30 was written 520 times, then once more.
CREATE TABLE merged (time timestamptz NOT NULL, v float8) USING tsdb WITH (tags = '', sample_interval = '1s');
INSERT INTO merged SELECT timestamptz '1970-01-01Z' + i * interval '30 s', 1 FROM generate_series(0, 270000) i;
DO $$ BEGIN FOR i IN 1 .. 520 LOOP INSERT INTO merged VALUES ('1970-01-30Z', 60), (timestamptz '1970-06-01Z' + i * interval '1 s', i); COMMIT; END LOOP; END $$;
INSERT INTO merged SELECT timestamptz '1970-01-01Z' + i * interval '20 s', 90 FROM generate_series(0, 130000) i;
BEGIN;
SELECT tsdb_test.range_delete('merged', NULL, '1970-01-01Z', '1970-01-28Z');
SELECT tsdb_test.range_delete('merged', NULL, '1970-02-03Z', '1970-03-20Z');
SELECT v FROM merged WHERE time = '1970-01-30Z';
COMMIT;
SELECT v FROM merged WHERE time = '1970-01-30Z';
SELECT * FROM tsdb.verify('merged');
DROP TABLE merged;
DROP TABLE big, archive;
DROP TABLE m, h CASCADE;
DROP FUNCTION scribble, twin_delete, explained;
