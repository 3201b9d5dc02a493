-- Buckets and conditions of local time: each series by its own zone, answered from summaries and read in windows; a heap twin says what is right.
SET timezone = 'UTC';
SET datestyle = 'ISO, MDY';
SET max_parallel_workers_per_gather = 0;
CREATE TABLE lo_m (time timestamptz NOT NULL, site text NOT NULL, sensor int4, v float8, i int4)
    USING tsdb WITH (tags = 'site,sensor', sample_interval = '1s');
CREATE TABLE lo_h (LIKE lo_m) USING heap;
CREATE TABLE lo_zone (site text PRIMARY KEY, zone text);
INSERT INTO lo_zone VALUES ('santiago', 'America/Santiago'), ('sydney', 'Australia/Sydney'), ('howe', 'Australia/Lord_Howe'), ('kathmandu', 'Asia/Kathmandu'),
    ('havana', 'America/Havana'), ('cet', 'Europe/Brussels'), ('utc', 'UTC'), ('none', NULL);
SELECT count(tsdb.set_series('lo_m', jsonb_build_object('site', site), timezone => zone)) FROM lo_zone WHERE zone IS NOT NULL;
-- Clocks change in this time.
INSERT INTO lo_h SELECT t, site, s, (i % 400) / 4.0 - 20, CASE WHEN i % 7 > 0 THEN i % 1000 END
FROM lo_zone, (VALUES (1), (NULL)) AS x(s), LATERAL (SELECT timestamptz '2026-03-06' + i * (CASE WHEN s = 1 THEN interval '11 min' ELSE interval '53 min' END) AS t, i FROM generate_series(0, 7500) i) g
WHERE t < '2026-04-09';
INSERT INTO lo_m SELECT * FROM lo_h;
SELECT tsdb.compact('lo_m');
-- Some blocks are touched by later rows, deletions and own ones.
INSERT INTO lo_h SELECT time + interval '1 min', site, sensor, v + 1, i FROM lo_h WHERE time BETWEEN '2026-03-20' AND '2026-03-21' AND sensor = 1;
INSERT INTO lo_m SELECT * FROM lo_h WHERE time BETWEEN '2026-03-20' AND '2026-03-21 00:02';
DELETE FROM lo_m WHERE time BETWEEN '2026-03-28 03:00' AND '2026-03-29 05:30' AND site IN ('sydney', 'cet');
DELETE FROM lo_h WHERE time BETWEEN '2026-03-28 03:00' AND '2026-03-29 05:30' AND site IN ('sydney', 'cet');
CREATE VIEW lo_t AS SELECT h.*, timezone(coalesce(zone, 'UTC'), time) AS local FROM lo_h h JOIN lo_zone USING (site);

-- The same answers?  differs(query about lo_m with b, about lo_t): rows of only one of them.
CREATE FUNCTION lo_differs(ours text, theirs text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    n int8;
    m int8;
    plan text;
    line text;
BEGIN
    EXECUTE format('WITH a AS MATERIALIZED (SELECT x::text FROM (%s) x), b AS MATERIALIZED (SELECT x::text FROM (%s) x)
                    SELECT (SELECT count(*) FROM a), (SELECT count(*) FROM ((TABLE a EXCEPT ALL TABLE b) UNION ALL (TABLE b EXCEPT ALL TABLE a)) y)', ours, theirs) INTO n, m;
    FOR line IN EXECUTE 'EXPLAIN (COSTS OFF) ' || ours LOOP
        IF line ~ 'TsdbAggregate' THEN plan := 'TsdbAggregate'; EXIT; END IF;
        IF line ~ 'TsdbScan' THEN plan := 'TsdbScan'; END IF;
    END LOOP;
    RETURN format('%s rows, %s differ, %s', n, m, plan);
END $$;
SELECT width, lo_differs(format('SELECT tsdb.local_bucket(%L, b) AS t, site, count(*), sum(v), min(i), max(i), avg(v), min(time), max(time) FROM lo_m b GROUP BY 1, 2', width),
                         format('SELECT tsdb.time_bucket(%L, local) AS t, site, count(*), sum(v), min(i), max(i), avg(v), min(time), max(time) FROM lo_t GROUP BY 1, 2', width))
FROM unnest('{15 min,1 hour,90 min,6 hours,1 day,7 days,1 month,1 year}'::text[]) width;
SELECT lo_differs('SELECT tsdb.local_bucket(''1 day'', b, ''2026-01-01 06:00'') AS t, sensor, count(*), sum(v) FROM lo_m b GROUP BY 1, 2',
                  'SELECT tsdb.time_bucket(''1 day'', local, ''2026-01-01 06:00''::timestamp) AS t, sensor, count(*), sum(v) FROM lo_t GROUP BY 1, 2');
SELECT lo_differs('SELECT tsdb.local_bucket(''1 day'', b) AS t, count(*), sum(i) FROM lo_m b WHERE time >= ''2026-03-10 05:00'' AND v > 3 AND site <> ''cet'' GROUP BY 1',
                  'SELECT tsdb.time_bucket(''1 day'', local) AS t, count(*), sum(i) FROM lo_t WHERE time >= ''2026-03-10 05:00'' AND v > 3 AND site <> ''cet'' GROUP BY 1');
SELECT lo_differs('SELECT extract(hour FROM tsdb.local_bucket(''1 hour'', b)) AS t, count(*), sum(i) FROM lo_m b GROUP BY 1 HAVING count(*) > 10',
                  'SELECT extract(hour FROM local) AS t, count(*), sum(i) FROM lo_t GROUP BY 1 HAVING count(*) > 10');

PREPARE lo_buckets(interval, timestamp) AS SELECT tsdb.local_bucket($1, b, $2) AS t, count(*) FROM lo_m b GROUP BY 1 ORDER BY 1 LIMIT 2;
SET plan_cache_mode = force_generic_plan;
EXECUTE lo_buckets('7 days', '2026-01-01');
EXECUTE lo_buckets('1 month', '2026-01-01');
EXECUTE lo_buckets(NULL, '2026-01-01');
EXECUTE lo_buckets('0 days', '2026-01-01');
RESET plan_cache_mode;
SELECT tsdb.local_bucket(NULL, b) AS t, count(*) > 0 FROM lo_m b GROUP BY 1;

-- Conditions: by scan and by aggregate.
CREATE TABLE lo_conditions (n int4, c text);
INSERT INTO lo_conditions VALUES
    (1, 'extract(hour FROM %1$s) = 6'), (2, 'extract(hour FROM %1$s) IN (6, 18) AND time < ''2026-03-15'''), (3, 'extract(hour FROM %1$s) BETWEEN 22 AND 25'),
    (4, 'date_part(''hour'', %1$s) < 3 OR date_part(''hour'', %1$s) >= 22'), (5, 'extract(dow FROM %1$s) = 0 AND extract(hour FROM %1$s) = 2'), (6, 'extract(isodow FROM %1$s) IN (6, 7)'),
    (7, 'extract(day FROM %1$s) = 29'), (8, 'extract(month FROM %1$s) <> 3'), (9, '%1$s >= ''2026-03-08 02:30'' AND %1$s < ''2026-03-08 03:30'''),
    (10, '(%1$s)::date = ''2026-04-05'''), (11, '(%1$s)::time >= ''05:45'' AND (%1$s)::time < ''06:10'''), (12, '(%1$s)::date > ''2026-04-04'' AND extract(hour FROM %1$s)::int = 1'),
    (13, 'extract(hour FROM %1$s) = 24'), (14, 'extract(hour FROM %1$s) = 6 AND (%1$s)::time < ''03:00'''), (15, 'NOT (extract(hour FROM %1$s) > 4 AND extract(hour FROM %1$s) < 20)'),
    (16, '''2026-03-29 01:00'' < %1$s AND ''2026-03-29 04:00'' >= %1$s'), (17, 'extract(hour FROM %1$s) = 6 AND v > 50 AND site = ''howe'''), (18, 'extract(minute FROM %1$s) = 3'),
    (19, 'extract(hour FROM %1$s) = 6 AND sensor IS NULL'), (20, '%1$s < ''2026-03-07'''), (21, '%1$s = ''2026-04-05 02:15'''), (22, '(%1$s)::date < ''1999-01-01'''), (23, 'extract(hour FROM %1$s) = NULL'), (24, 'time > ''2026-03-20'' AND %1$s < ''2026-03-15'' AND extract(hour FROM %1$s) <> 18');
SELECT n, lo_differs(format('SELECT b.* FROM lo_m b WHERE ' || c, 'tsdb.local_time(b)'), format('SELECT time, site, sensor, v, i FROM lo_t b WHERE ' || c, 'local')) AS scan,
       lo_differs(format('SELECT site, count(*), sum(v), min(i), max(time) FROM lo_m b WHERE ' || c || ' GROUP BY 1', 'tsdb.local_time(b)'),
                  format('SELECT site, count(*), sum(v), min(i), max(time) FROM lo_t b WHERE ' || c || ' GROUP BY 1', 'local')) AS aggregate,
       lo_differs(format('SELECT tsdb.local_bucket(''2 hours'', b) AS t, count(*), sum(v) FROM lo_m b WHERE ' || c || ' GROUP BY 1', 'tsdb.local_time(b)'),
                  format('SELECT tsdb.time_bucket(''2 hours'', local) AS t, count(*), sum(v) FROM lo_t b WHERE ' || c || ' GROUP BY 1', 'local')) AS both
FROM lo_conditions ORDER BY n;
SELECT count(*), min(v) FROM lo_m b WHERE time > '2026-04-20' AND tsdb.local_time(b) < '2026-03-15';
SELECT count(*) FROM (SELECT * FROM lo_m b WHERE time < '2026-03-15' AND tsdb.local_time(b) > '2026-03-20' ORDER BY time DESC LIMIT 3) x;
-- Backward, by tags, by time, with a limit, in a cursor; pending rows; rows to be changed.
SELECT lo_differs('(SELECT * FROM lo_m b WHERE extract(hour FROM tsdb.local_time(b)) = 6 AND site = ''howe'' AND sensor = 1 ORDER BY time DESC LIMIT 30)',
                  '(SELECT time, site, sensor, v, i FROM lo_t WHERE extract(hour FROM local) = 6 AND site = ''howe'' AND sensor = 1 ORDER BY time DESC LIMIT 30)');
SELECT lo_differs('(SELECT * FROM lo_m b WHERE tsdb.local_time(b)::time < ''00:20'' ORDER BY site DESC, sensor, time DESC LIMIT 100)',
                  '(SELECT time, site, sensor, v, i FROM lo_t WHERE local::time < ''00:20'' ORDER BY site DESC, sensor, time DESC LIMIT 100)');
SELECT lo_differs('(SELECT time, site, sensor FROM lo_m b WHERE extract(hour FROM tsdb.local_time(b)) = 3 ORDER BY time, site, sensor LIMIT 100)',
                  '(SELECT time, site, sensor FROM lo_t WHERE extract(hour FROM local) = 3 ORDER BY time, site, sensor LIMIT 100)');
SELECT lo_differs('SELECT DISTINCT site FROM lo_m b WHERE tsdb.local_time(b) < ''2026-03-05 22:00''', 'SELECT DISTINCT site FROM lo_t WHERE local < ''2026-03-05 22:00''');
SELECT lo_differs('SELECT DISTINCT ON (site, sensor) site, sensor, time FROM lo_m b WHERE extract(hour FROM tsdb.local_time(b)) = 6 ORDER BY site, sensor, time DESC',
                  'SELECT DISTINCT ON (site, sensor) site, sensor, time FROM lo_t b WHERE extract(hour FROM local) = 6 ORDER BY site, sensor, time DESC');
BEGIN;
DECLARE c SCROLL CURSOR FOR SELECT time FROM lo_m b WHERE extract(hour FROM tsdb.local_time(b)) = 6 AND site = 'utc' AND sensor = 1;
FETCH 2 FROM c;
FETCH ABSOLUTE 10 FROM c;
FETCH BACKWARD 3 FROM c;
FETCH LAST FROM c;
INSERT INTO lo_m SELECT t, 'santiago', 1, 7, 7 FROM generate_series(timestamptz '2026-05-01', '2026-05-03', '20 min') t;
INSERT INTO lo_h SELECT t, 'santiago', 1, 7, 7 FROM generate_series(timestamptz '2026-05-01', '2026-05-03', '20 min') t;
UPDATE lo_m b SET v = -1 WHERE extract(hour FROM tsdb.local_time(b)) = 6 AND site = 'sydney';
UPDATE lo_h h SET v = -1 FROM lo_t t WHERE extract(hour FROM t.local) = 6 AND h.site = 'sydney' AND t.site = 'sydney' AND h.time = t.time AND h.sensor IS NOT DISTINCT FROM t.sensor;
DELETE FROM lo_m b WHERE extract(hour FROM tsdb.local_time(b)) = 5 AND extract(dow FROM tsdb.local_time(b)) < 3;
DELETE FROM lo_h h USING lo_t t WHERE extract(hour FROM t.local) = 5 AND extract(dow FROM t.local) < 3 AND h.site = t.site AND h.time = t.time AND h.sensor IS NOT DISTINCT FROM t.sensor;
SELECT lo_differs('SELECT * FROM lo_m', 'SELECT * FROM lo_h');
SELECT lo_differs('SELECT tsdb.local_bucket(''1 day'', b) AS t, site, count(*), sum(v) FROM lo_m b WHERE extract(hour FROM tsdb.local_time(b)) IN (4, 6) GROUP BY 1, 2',
                  'SELECT tsdb.time_bucket(''1 day'', local) AS t, site, count(*), sum(v) FROM lo_t b WHERE extract(hour FROM local) IN (4, 6) GROUP BY 1, 2');
ROLLBACK;

-- What is read: nothing is decoded where hours are whole parts, and little else.
CREATE FUNCTION lo_explain(query text) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
    line text;
BEGIN
    FOR line IN EXECUTE 'EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF, SUMMARY OFF, BUFFERS OFF) ' || query LOOP
        CONTINUE WHEN line ~ 'Windows Read|Segments|Runs Read|Pending|Skipped|Cells|Memory|Batches|Sort';
        RETURN NEXT regexp_replace(line, 'actual rows=([0-9]+)(\.00)?', 'actual rows=\1');
    END LOOP;
END $$;
CREATE TABLE lo_fast (time timestamptz NOT NULL, plant text, v float8) USING tsdb WITH (tags = 'plant', sample_interval = '1s');
INSERT INTO lo_fast SELECT t, p, extract(epoch FROM t)::int8 % 1000 FROM (VALUES ('cl'), ('au')) p(p), generate_series(timestamptz '2026-02-01', '2026-02-03', '1 s') t;
SELECT tsdb.compact('lo_fast');
SELECT tsdb.set_series('lo_fast', '{"plant": "cl"}', timezone => 'America/Santiago'), tsdb.set_series('lo_fast', '{"plant": "au"}', timezone => 'Australia/Sydney');
SELECT lo_explain('SELECT plant, avg(v) FROM lo_fast b WHERE extract(hour FROM tsdb.local_time(b)) = 6 GROUP BY 1');
SELECT lo_explain('SELECT tsdb.local_bucket(''1 day'', b), avg(v) FROM lo_fast b GROUP BY 1');
SELECT lo_explain('SELECT count(*) FROM lo_fast b WHERE extract(hour FROM tsdb.local_time(b)) = 24');
SELECT lo_explain('SELECT max(v) FROM (SELECT v FROM lo_fast b WHERE extract(hour FROM tsdb.local_time(b)) = 6 AND tsdb.local_time(b) < ''2026-02-02'' OFFSET 0) x');
SELECT (SELECT count(*) FROM tsdb.blocks('lo_fast')) AS blocks;

-- Partitions go by the rules of their parent; a table without tags has one clock.
CREATE TABLE lo_p (time timestamptz NOT NULL, site text, v int4) PARTITION BY RANGE (time);
CREATE TABLE lo_p1 (v int4, site text, time timestamptz NOT NULL) USING tsdb WITH (tags = 'site', sample_interval = '1s');
ALTER TABLE lo_p ATTACH PARTITION lo_p1 FOR VALUES FROM (MINVALUE) TO ('2026-03-20');
CREATE TABLE lo_p2 PARTITION OF lo_p FOR VALUES FROM ('2026-03-20') TO (MAXVALUE) USING tsdb WITH (tags = 'site', sample_interval = '1s');
INSERT INTO lo_p SELECT time, site, sum(i) FROM lo_h GROUP BY 1, 2;
SELECT count(tsdb.set_series('lo_p', jsonb_build_object('site', site), timezone => zone)) FROM lo_zone WHERE zone IS NOT NULL;
SELECT tsdb.compact('lo_p1');
SELECT lo_differs('SELECT tsdb.local_bucket(''1 day'', b) AS t, site, count(*), sum(v) FROM lo_p b WHERE extract(hour FROM tsdb.local_time(b)) IN (4, 6) GROUP BY 1, 2',
                  'SELECT tsdb.time_bucket(''1 day'', timezone(coalesce(zone, ''UTC''), time)) AS t, site, count(*), sum(v) FROM (SELECT time, site, sum(i)::int4 AS v FROM lo_h GROUP BY 1, 2) b JOIN lo_zone USING (site) WHERE extract(hour FROM timezone(coalesce(zone, ''UTC''), time)) IN (4, 6) GROUP BY 1, 2');
SELECT lo_differs('SELECT time, site, v FROM lo_p b WHERE extract(hour FROM tsdb.local_time(b)) = 6', 'SELECT * FROM (SELECT time, site, sum(i)::int4 AS v FROM lo_h GROUP BY 1, 2) b JOIN lo_zone USING (site) WHERE false') ~ '^[1-9]';
SELECT count(*) FROM lo_p b WHERE extract(hour FROM tsdb.local_time(b)) = 6;
SELECT count(*) FROM lo_p b WHERE extract(hour FROM timezone(coalesce(tsdb.timezone(b), 'UTC'), time)) = 6;
CREATE TABLE lo_1 (time timestamptz NOT NULL, v int4) USING tsdb WITH (tags = '', sample_interval = '1s');
INSERT INTO lo_1 SELECT t, 1 FROM generate_series(timestamptz '2026-03-28', '2026-03-31', '1 hour') t;
SELECT tsdb.set_series('lo_1', '{}', timezone => 'Europe/Berlin');
SELECT tsdb.local_bucket('1 day', b), count(*) FROM lo_1 b GROUP BY 1 ORDER BY 1;
SELECT tsdb.local_time(b) FROM lo_1 b WHERE extract(hour FROM tsdb.local_time(b)) IN (1, 2, 3) AND tsdb.local_time(b)::date = '2026-03-29';
-- A call may name columns that are no tags: the clock of a row, not of a series.
SELECT lo_differs('SELECT count(*) FROM lo_m WHERE extract(hour FROM tsdb.local_time(''lo_m'', time, site, i)) = 6',
                  'SELECT count(*) FROM lo_t WHERE extract(hour FROM local) = 6');
SELECT lo_differs('SELECT tsdb.local_bucket(''1 day'', ''lo_m'', time, site, i) AS t, count(*) FROM lo_m GROUP BY 1',
                  'SELECT tsdb.time_bucket(''1 day'', local) AS t, count(*) FROM lo_t GROUP BY 1');
DROP TABLE lo_1, lo_p, lo_fast, lo_conditions;
DROP VIEW lo_t;
DROP TABLE lo_m, lo_h, lo_zone;
DROP FUNCTION lo_differs, lo_explain;
