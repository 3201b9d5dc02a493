-- Commits of many series are coded as differences from an earlier commit of the session.
\set SHOW_CONTEXT never
SET timezone = 'UTC';
SET datestyle = 'ISO';
CREATE TABLE walk (time timestamptz NOT NULL, series int4 NOT NULL, value float8, small float4, count int8, note text)
    USING tsdb WITH (tags = 'series', sample_interval = '1s', compact_after = '36500 days');
CREATE TABLE twin (time timestamptz, series int4, value float8, small float4, count int8, note text);

-- second: 200 series at one moment.
CREATE PROCEDURE second(n int) LANGUAGE sql AS $$
    WITH rows AS (
        SELECT timestamptz '2026-01-01 00:00:00+00' + n * interval '1 second', s,
            (s * 7919 % 3001 + (n * s) % 7)::float8 / 100, ((s * 31 + n) % 11)::float4 / 4, int8 '1000000000000' * s + n,
            'note ' || s % 3
        FROM generate_series(1, 200) s),
    one AS (INSERT INTO walk SELECT * FROM rows)
    INSERT INTO twin SELECT * FROM rows
$$;
CREATE VIEW difference AS
    (TABLE walk EXCEPT ALL TABLE twin) UNION ALL (TABLE twin EXCEPT ALL TABLE walk);
DO $$ BEGIN FOR n IN 1 .. 10 LOOP CALL second(n); COMMIT; END LOOP; END $$;
SELECT count(*) AS runs, count(*) FILTER (WHERE bytes > 400) AS alone, max(bytes) > 2 * min(bytes) AS are_smaller FROM tsdb.runs('walk');
SELECT count(*) FROM difference;
SELECT * FROM tsdb.verify('walk');

-- Only some columns; one series; another order.
SELECT sum(count), count(DISTINCT note) FROM walk WHERE series IN (3, 77);
SELECT value, small FROM walk WHERE series = 77 ORDER BY time DESC LIMIT 3;

-- What was rolled back is no base.
BEGIN; CALL second(11); ROLLBACK;
CALL second(12);
SELECT count(*) FROM difference;
-- Nulls, fewer series, other rows of the same series.
INSERT INTO walk SELECT '2026-01-01 00:01:00+00', s, NULLIF(s, 7), s, s FROM generate_series(1, 200) s;
INSERT INTO twin SELECT '2026-01-01 00:01:00+00', s, NULLIF(s, 7), s, s FROM generate_series(1, 200) s;
INSERT INTO walk SELECT '2026-01-01 00:01:01+00', s, s FROM generate_series(1, 199) s;
INSERT INTO twin SELECT '2026-01-01 00:01:01+00', s, s FROM generate_series(1, 199) s;
INSERT INTO walk SELECT '2026-01-01 00:01:02+00', s, 'NaN', '-0', s FROM generate_series(1, 200) s;
INSERT INTO twin SELECT '2026-01-01 00:01:02+00', s, 'NaN', '-0', s FROM generate_series(1, 200) s;
SELECT count(*) FROM difference;

-- A transaction in progress holds the base of its run back: here a prepared one.
SELECT tsdb.compact('walk');
DO $$ BEGIN FOR n IN 20 .. 22 LOOP CALL second(n); COMMIT; END LOOP; END $$;
BEGIN; CALL second(23); PREPARE TRANSACTION 'walk';
SELECT tsdb.compact('walk');
SELECT count(*) FROM tsdb.runs('walk');
COMMIT PREPARED 'walk';
SELECT count(*) FROM difference;
SELECT * FROM tsdb.verify('walk');
SELECT tsdb.compact('walk');
SELECT count(*) FROM tsdb.runs('walk');
SELECT count(*) FROM difference;
-- The next run has no base any more, and those after it have.
DO $$ BEGIN FOR n IN 24 .. 26 LOOP CALL second(n); COMMIT; END LOOP; END $$;
SELECT bytes > 400 AS alone FROM tsdb.runs('walk') ORDER BY run;
SELECT count(*) FROM difference;

-- Columns that came or went; rows written again.
ALTER TABLE walk ADD COLUMN later int4 DEFAULT 5;
SELECT count(*) FROM walk WHERE later IS DISTINCT FROM 5;
DO $$ BEGIN FOR n IN 27 .. 30 LOOP CALL second(n); COMMIT; END LOOP; END $$;
SELECT count(*) FROM walk WHERE later = 5 AND time > '2026-01-01 00:00:26+00';
ALTER TABLE walk DROP COLUMN later;
DELETE FROM walk WHERE series % 2 = 0; DELETE FROM twin WHERE series % 2 = 0;
UPDATE walk SET value = -value WHERE time > '2026-01-01 00:00:25+00'; UPDATE twin SET value = -value WHERE time > '2026-01-01 00:00:25+00';
SELECT count(*) FROM difference;
VACUUM FULL walk;
CALL second(31);
SELECT count(*) FROM difference;
SELECT tsdb.compact('walk');
SELECT count(*) FROM difference;
TRUNCATE walk; TRUNCATE twin;
CALL second(32); CALL second(33);
SELECT count(*) FROM difference;
SELECT * FROM tsdb.verify('walk');

-- A long chain: each run against one of those before it, some far behind.
DO $$ BEGIN FOR n IN 101 .. 400 LOOP CALL second(n); COMMIT; END LOOP; END $$;
SELECT count(*) AS runs, count(*) FILTER (WHERE bytes > 400) AS alone FROM tsdb.runs('walk');
SELECT count(*) FROM difference;
SELECT * FROM tsdb.verify('walk');
SELECT t, (SELECT count(*) FROM (SELECT * FROM walk WHERE time = t INTERSECT ALL SELECT * FROM twin WHERE time = t) both_have) AS same
    FROM (VALUES (timestamptz '2026-01-01 00:06:00+00'), ('2026-01-01 00:02:00+00'), ('2026-01-01 00:05:55+00')) v (t);
SELECT time, value FROM walk WHERE series = 9 ORDER BY time DESC LIMIT 2;
SELECT tsdb.compact('walk');
SELECT count(*) FROM difference;
DROP VIEW difference; DROP TABLE walk, twin; DROP PROCEDURE second;
