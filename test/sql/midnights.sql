-- Cells that cut blocks: what the sums and extremes of short spans answer, against a heap.

CREATE TABLE meter (time timestamptz NOT NULL, sensor int4 NOT NULL, v float8, n int4, r float8, s bool)
    USING tsdb WITH (tags = 'sensor', sample_interval = '1s');
CREATE TABLE meter_heap (LIKE meter);

-- 1: a sample a minute. 2: one every ten seconds. 3: every minute with gaps, digits that come and go, NULLs for a day, numbers that are no decimals.
-- 4: a quarter of the minutes, and none for half an hour of each two and a half: spans without rows.
CREATE FUNCTION samples(sensor int4, since timestamptz, until timestamptz, step interval) RETURNS SETOF meter LANGUAGE sql AS $$
    SELECT t, sensor,
        CASE WHEN sensor = 3 AND t BETWEEN '2024-03-28Z' AND '2024-03-29Z' AND i % 7 = 0 THEN NULL
             WHEN sensor = 3 AND i / 30 % 2 = 0 THEN round(20 + sin(i / 500.0::float8))
             ELSE round(2000 + 500 * sin(i / 571.0::float8) + 40 * sin(i * 12.9898::float8)) / 100 END,
        (i * 7919 % 1009)::int4 - 500, sin(i), i / 100 % 3 = 0
    FROM (SELECT t, (extract(epoch FROM t) / extract(epoch FROM step))::int8 AS i FROM generate_series(since, until - step, step) t) x
    WHERE sensor < 3 OR (sensor = 3 AND i % 11 <> 0 AND i / 97 % 13 <> 0) OR (sensor = 4 AND i % 4 = 0 AND i / 30 % 5 <> 0)
$$;
INSERT INTO meter_heap SELECT s.* FROM (VALUES (1, interval '1 min', 14), (2, '10 s', 3), (3, '1 min', 12), (4, '1 min', 8)) AS d (sensor, step, days),
    samples(sensor, timestamptz '2024-04-07 23:17Z' - days * interval '1 day', '2024-04-08 11:40Z', step) s;
INSERT INTO meter TABLE meter_heap;
SELECT tsdb.compact('meter');
SELECT count(*) FROM tsdb.verify('meter');

-- differing - cells of a query that the table and its twin answer differently
CREATE FUNCTION differing(keys text, condition text DEFAULT 'true') RETURNS int8 LANGUAGE plpgsql AS $$
DECLARE
    one text := 'SELECT %1$s AS k, sensor, count(*), count(v) AS values, round(sum(v)::numeric, 4) AS sum, round(avg(v)::numeric, 9) AS avg, sum(n) AS ints, avg(n) AS mean FROM %2$s t WHERE %3$s GROUP BY 1, 2';
    two text := 'SELECT %1$s AS k, sensor, min(v), max(v), min(n), max(n), count(n), sum(n), round(sum(v)::numeric, 4) FROM %2$s t WHERE %3$s GROUP BY 1, 2';
    three text := 'SELECT %1$s AS k, sensor, max(r), round(sum(r)::numeric, 6), count(s), tsdb.first(v, time), tsdb.last(n, time), min(time), max(time), min(n), round(stddev(v)::numeric, 6) FROM %2$s t WHERE %3$s GROUP BY 1, 2';
    query text;
    n int8;
    total int8 := 0;
BEGIN
    FOREACH query IN ARRAY ARRAY[one, two, three] LOOP
        EXECUTE 'SELECT count(*) FROM (((' || format(query, keys, 'meter', condition) || ') EXCEPT (' || format(query, keys, 'meter_heap', condition) || '))
            UNION ALL ((' || format(query, keys, 'meter_heap', condition) || ') EXCEPT (' || format(query, keys, 'meter', condition) || '))) d' INTO n;
        total := total + n;
    END LOOP;
    RETURN total;
END $$;
-- zones on the hour, with and without changes of the clock, at :30 (Lord Howe changes by half an hour) and at :45
CREATE VIEW answers AS
    SELECT zone, differing(format('date_trunc(%L, time, %L)', 'day', zone)) AS days,
        differing(format('date_trunc(%L, time, %L)', 'month', zone)) AS months
    FROM unnest('{UTC,Europe/Berlin,Asia/Kolkata,Australia/Lord_Howe,Asia/Kathmandu}'::text[]) AS zone;
TABLE answers;
SELECT differing(format('date_trunc(%L, time, %L)', 'hour', zone), 'sensor IN (1, 3)') FROM unnest('{UTC,Asia/Kathmandu}'::text[]) AS zone;

-- parts - blocks decoded and parts from summaries of a query on one sensor
CREATE FUNCTION parts(sensor int4, keys text, aggregates text, condition text DEFAULT 'true', OUT decoded text, OUT parts text) LANGUAGE plpgsql AS $$
DECLARE
    line text;
BEGIN
    FOR line IN EXECUTE format('EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF, SUMMARY OFF) SELECT %s, %s FROM meter t WHERE sensor = %s AND %s GROUP BY 1', keys, aggregates, sensor, condition) LOOP
        decoded := coalesce(substring(line FROM 'Blocks Decoded: (\d+)'), decoded);
        parts := coalesce(substring(line FROM 'Parts from Summary: (\d+)'), parts);
    END LOOP;
END $$;
SELECT sensor, zone, aggregates, p.* FROM (VALUES (1), (2)) AS t (sensor),
    unnest('{UTC,Europe/Berlin,Asia/Kathmandu}'::text[]) AS zone,
    unnest('{"count(v), avg(v)","sum(n), avg(v)","min(v), max(n)","avg(v), max(v)","count(v), stddev(v)","tsdb.last(v, time)"}'::text[]) AS aggregates,
    parts(sensor, format('date_trunc(%L, time, %L)', 'day', zone), aggregates) p ORDER BY 3, 1, 2;
-- hours of a sample a minute, half hours, quarters
SELECT step, p.* FROM unnest('{1 hour,30 min,15 min}'::text[]) AS step, parts(1, format('tsdb.time_bucket(%L, time)', step), 'avg(v)') p;
-- edges of the range, FILTER on the time, one hour of each local day
SELECT * FROM parts(1, '1', 'avg(v)', $$time >= '2024-03-27 07:30Z' AND time < '2024-04-05 22:00Z'$$);
SELECT * FROM parts(1, '1', $$avg(v), avg(v) FILTER (WHERE time < '2024-04-05 22:30Z')$$);
SELECT differing('1', $$time >= '2024-03-27 07:30Z' AND time < '2024-04-05 22:00Z'$$), differing('1', $$time > '2024-03-27 07:29:10Z' AND time <= '2024-04-05 22:17Z'$$);
SELECT count(tsdb.set_series('meter', jsonb_build_object('sensor', s), timezone => (ARRAY['Europe/Berlin', 'Asia/Kathmandu', 'America/New_York', 'Asia/Kolkata'])[s])) FROM generate_series(1, 4) s;
SELECT p.* FROM parts(1, '1', 'avg(v)', 'extract(hour FROM tsdb.local_time(t)) = 6') p;
SELECT sensor, count(v), round(avg(v)::numeric, 6), min(v), max(n) FROM meter t WHERE extract(hour FROM tsdb.local_time(t)) = 6 GROUP BY 1
EXCEPT SELECT sensor, count(v), round(avg(v)::numeric, 6), min(v), max(n) FROM meter_heap
    WHERE extract(hour FROM time AT TIME ZONE (ARRAY['Europe/Berlin', 'Asia/Kathmandu', 'America/New_York', 'Asia/Kolkata'])[sensor]) = 6 GROUP BY 1;

-- versions over the segments, then packed: old parts beside new ones
CREATE PROCEDURE on_both(statement text) LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format(statement, 'meter');
    EXECUTE format(statement, 'meter_heap');
END $$;
CALL on_both($$UPDATE %s SET v = 17.125, n = -n WHERE time IN ('2024-03-28 22:30Z', '2024-04-04 23:59Z', '2024-04-06 00:00Z')$$);
CALL on_both($$DELETE FROM %s WHERE time BETWEEN '2024-04-02 18:10Z' AND '2024-04-02 18:20Z' OR (sensor = 3 AND time BETWEEN '2024-03-31 10:00Z' AND '2024-04-03 21:00Z')$$);
CALL on_both($$INSERT INTO %s SELECT (samples(s, '2024-04-08 11:40Z', '2024-04-10Z', '1 min')).* FROM generate_series(1, 4) s$$);
TABLE answers;
SELECT tsdb_test.compact('meter', 'aged');
TABLE answers;
SELECT count(*) FROM tsdb.verify('meter');
SELECT tsdb.compact('meter');
SELECT count(*) FROM tsdb.verify('meter');
VACUUM FULL meter;
TABLE answers;
-- blocks that a range delete cuts and drops
SELECT tsdb_test.range_delete('meter', NULL, '2024-03-29 09:41Z', '2024-04-03 17:03Z') > 0 AS any;
DELETE FROM meter_heap WHERE time >= '2024-03-29 09:41Z' AND time < '2024-04-03 17:03Z';
TABLE answers;
SELECT count(*) FROM tsdb.verify('meter');

-- what sums would cost too much for has none: a walk of small steps at a sample a minute; neither has what jitters
CREATE TABLE walk (time timestamptz NOT NULL, sensor int4 NOT NULL, v float8) USING tsdb WITH (tags = 'sensor', sample_interval = '1us');
INSERT INTO walk SELECT timestamptz '2024-03-01Z' + i * interval '1 min', 1, (2000 + sum(i * 48271 % 2147483647 % 3 - 1) OVER (ORDER BY i)) / 100.0 FROM generate_series(0, 9999) i;
INSERT INTO walk SELECT timestamptz '2024-03-01Z' + i * interval '1 min' + (i * 48271 % 2147483647 % 1000) * interval '1 ms', 2, round(10000 * sin(i * 12.9898)) / 100 FROM generate_series(0, 9999) i;
SELECT tsdb.compact('walk');
CREATE TABLE walk_heap AS TABLE walk;
SELECT * FROM tsdb.verify('walk');
SELECT sensor, date_trunc('day', time, 'Asia/Kolkata'), count(v), round(sum(v)::numeric, 4), max(v) FROM walk GROUP BY 1, 2
EXCEPT SELECT sensor, date_trunc('day', time, 'Asia/Kolkata'), count(v), round(sum(v)::numeric, 4), max(v) FROM walk_heap GROUP BY 1, 2;
DROP TABLE meter, meter_heap, walk, walk_heap CASCADE;
DROP VIEW answers;
DROP FUNCTION parts, differing;
DROP PROCEDURE on_both;
