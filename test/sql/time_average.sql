-- tsdb.time_average from summaries: as the heap twin's aggregate, to rounding.
SET timezone = 'UTC';
SET datestyle = 'ISO, MDY';
SET max_parallel_workers_per_gather = 0;
\set SHOW_CONTEXT never

-- Series: regular with a few NULLs; bad samples now and then; irregular in steps and values; not finite; NULL alone; one sample.
CREATE TABLE ta_m (time timestamptz NOT NULL, plant text, line int4, value float8, small float4, tiny int2, whole int4, big int8, quality tsdb.quality)
    USING tsdb WITH (tags = 'plant,line', sample_interval = '1s', block_interval = '1h');
CREATE TABLE ta_h (LIKE ta_m) USING heap;
INSERT INTO ta_h SELECT t, 'regular', 1, CASE WHEN n % 3001 = 0 THEN NULL ELSE 100 + n % 50 END, n % 50 + 0.1, n % 300, n % 1000, n * 1000003, 0
FROM (SELECT t, (extract(epoch FROM t)::int8 / 30) % 40000 AS n FROM generate_series(timestamptz '2026-03-26', '2026-03-31', '30 s') t) x;
INSERT INTO ta_h SELECT time, 'bad', NULL, value, -small, tiny, CASE WHEN whole < 300 THEN NULL ELSE whole END, big - 20000000000, CASE WHEN whole BETWEEN 10 AND 20 AND time > '2026-03-28' THEN -2147483648 END FROM ta_h;
INSERT INTO ta_h SELECT time + (whole % 7) * interval '1 s', 'irregular', 7, sin(whole) * 1e3, sin(whole), tiny, whole, big, 0 FROM ta_h WHERE plant = 'regular' AND whole % 10 NOT IN (3, 4, 8);
INSERT INTO ta_h SELECT time, 'odd', 1, CASE whole WHEN 0 THEN 'NaN'::float8 WHEN 500 THEN 'Infinity' ELSE whole END, CASE WHEN time < '2026-03-27' THEN 1::float4 WHEN time < '2026-03-29' THEN '-Infinity' ELSE 2 END,
    0, CASE WHEN time = '2026-03-27' THEN 4 END, NULL, 0 FROM ta_h WHERE plant = 'regular';
INSERT INTO ta_h VALUES ('2026-03-27 12:00', 'one', 2, 3.5, 2.5, 1, 2, 3, 0);
INSERT INTO ta_m SELECT * FROM ta_h;
SELECT tsdb.compact('ta_m');
ANALYZE ta_m;
SELECT tsdb.set_series('ta_m', '{"plant": "regular"}', stepped => true, timezone => 'Europe/Berlin', unit => 'degC'),
       tsdb.set_series('ta_m', '{"plant": "irregular"}', stepped => false, timezone => 'Australia/Lord_Howe');

-- The same of both, by groups: how many there are, whether the node computed them, and how many differ by more than rounding.
CREATE FUNCTION ta_differ(keys text, expr text, cond text DEFAULT 'true', target text DEFAULT 'ta_m', scale float8 DEFAULT 1000) RETURNS TABLE (groups int8, by_node bool, differ int8) LANGUAGE plpgsql AS $$
DECLARE
    query text := 'SELECT ROW(%1$s)::text AS k, %2$s AS v FROM %3$s b WHERE %4$s GROUP BY %1$s';
    line text;
BEGIN
    by_node := false;
    FOR line IN EXECUTE 'EXPLAIN ' || format(query, keys, expr, target, cond) LOOP
        by_node := by_node OR line LIKE '%TsdbAggregate%';
    END LOOP;
    EXECUTE format('SELECT count(*), count(*) FILTER (WHERE m.v IS DISTINCT FROM h.v AND (abs(m.v - h.v) <= 1e-12 * greatest(abs(h.v), $1)) IS NOT TRUE) FROM (%s) m FULL JOIN (%s) h USING (k)',
        format(query, keys, expr, target, cond), format(query, keys, expr, 'ta_h', cond)) INTO groups, differ USING scale;
    RETURN NEXT;
END $$;
CREATE FUNCTION ta_explain(query text, options text DEFAULT 'ANALYZE, COSTS OFF, TIMING OFF, SUMMARY OFF, BUFFERS OFF') RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
    line text;
BEGIN
    FOR line IN EXECUTE format('EXPLAIN (%s) ', options) || query LOOP
        CONTINUE WHEN line !~ 'Tsdb|Aggregate|Group Key|Conditions|Series|Time Range|from Summary|Decoded|Skipped' OR line ~ 'Series Order';
        RETURN NEXT regexp_replace(line, 'actual rows=([0-9]+)(\.00)?', 'actual rows=\1');
    END LOOP;
END $$;
CREATE VIEW ta_all AS
SELECT keys, expr, d.* FROM
    unnest(ARRAY['plant, line', 'plant, line, tsdb.time_bucket(''1 day'', time)', 'plant, line, tsdb.time_bucket(''17 min'', time)', 'line, plant, date_trunc(''day'', time, ''Asia/Kathmandu'')',
        'line, plant, extract(dow FROM tsdb.local_bucket(''1 day'', ''ta_m''::regclass, time, plant, line))']) keys,
    unnest(ARRAY['tsdb.time_average(value, time ORDER BY time)', 'tsdb.time_average(value, time, true ORDER BY time)', 'tsdb.time_average(small, time ORDER BY time)', 'tsdb.time_average(tiny, time, NULL ORDER BY time)',
        'tsdb.time_average(whole, time, tsdb.stepped(''ta_m''::regclass, time, plant, line) ORDER BY time)', 'tsdb.time_average(whole, time, line = 1 ORDER BY time)', 'tsdb.time_average(big, time ORDER BY time) / 1e8']) expr,
    LATERAL ta_differ(keys, expr) d;
SELECT keys, min(groups), max(groups), bool_and(by_node) AS by_node, sum(differ) AS differ FROM ta_all GROUP BY 1 ORDER BY 1;

-- Rows in runs over segments, deleted ones, pending ones.
INSERT INTO ta_h SELECT time + interval '1 s', plant, line, 700, 0, 3, 2000, 7, 0 FROM ta_h WHERE time BETWEEN '2026-03-29 01:00' AND '2026-03-29 01:01';
INSERT INTO ta_m SELECT * FROM ta_h WHERE value = 700 AND whole = 2000;
DELETE FROM ta_m WHERE time BETWEEN '2026-03-28 20:00' AND '2026-03-29 04:30' AND plant = 'bad';
DELETE FROM ta_h WHERE time BETWEEN '2026-03-28 20:00' AND '2026-03-29 04:30' AND plant = 'bad';
BEGIN;
UPDATE ta_m SET whole = NULL, value = -5 WHERE time BETWEEN '2026-03-30 12:00' AND '2026-03-30 12:10';
UPDATE ta_h SET whole = NULL, value = -5 WHERE time BETWEEN '2026-03-30 12:00' AND '2026-03-30 12:10';
SELECT keys, min(groups), max(groups), bool_and(by_node) AS by_node, sum(differ) AS differ FROM ta_all GROUP BY 1 ORDER BY 1;
ROLLBACK;

-- Bounds of time, conditions on values and local time, FILTER; tags that are pinned instead of keys; beside aggregates that look at the quality.
SELECT cond, d.* FROM unnest(ARRAY['time >= ''2026-03-27 00:00:05'' AND time < ''2026-03-29 17:03''', 'whole > 500', 'value < 120 AND quality IS NULL', 'tsdb.unit(''ta_m''::regclass, time, plant, line) = ''degC''',
    'extract(hour FROM tsdb.local_time(''ta_m''::regclass, time, plant, line)) IN (6, 23)', 'plant = ''regular''']) cond, LATERAL ta_differ('plant, line', 'tsdb.time_average(whole, time ORDER BY time)', cond) d;
SELECT d.* FROM ta_differ('plant, line', 'tsdb.time_average(whole, time ORDER BY time) FILTER (WHERE time > ''2026-03-28 07:00:03'' AND line = 1)') d;
SELECT d.* FROM ta_differ('line', 'tsdb.time_average(whole, time ORDER BY time)', 'plant = ''regular''') d;
SELECT d.* FROM ta_differ('time::date', 'tsdb.time_average(whole, time ORDER BY time) + sum(whole) * 0', 'plant = ''regular'' AND line = 1') d;
SELECT d.* FROM ta_differ('plant, line', 'tsdb.time_average(whole, time ORDER BY time) + tsdb.percent_good(quality, time) + stddev(whole)::float8') d;

-- A row by its own series.  Blocks are decoded where samples are bad or NULL, where buckets cut them, and where something newer lies.
SELECT plant, round(tsdb.time_average(whole, time, tsdb.stepped(b))::numeric, 6) AS average, round(tsdb.time_average(whole, time, true)::numeric, 6) AS stepped FROM ta_m b WHERE plant <> 'odd' GROUP BY plant, line ORDER BY 1;
SELECT ta_explain($q$SELECT tsdb.time_bucket('1 day', time), tsdb.time_average(whole, time, tsdb.stepped(b) ORDER BY time) FROM ta_m b WHERE plant = 'regular' AND line = 1 AND time < '2026-03-29' GROUP BY 1$q$);

-- What core computes from rows: several series in a group, other orders, other arguments.
SELECT ta_explain($q$SELECT tsdb.time_average(tiny, time) FROM ta_m GROUP BY plant$q$, 'COSTS OFF');
SELECT ta_explain($q$SELECT tsdb.time_average(tiny, time ORDER BY time DESC) FROM ta_m GROUP BY plant, line$q$, 'COSTS OFF');
SELECT ta_explain($q$SELECT tsdb.time_average(tiny + 1, time) FROM ta_m GROUP BY plant, line$q$, 'COSTS OFF');
SELECT ta_explain($q$SELECT tsdb.time_average(tiny, time, whole > 3) FROM ta_m GROUP BY plant, line$q$, 'COSTS OFF');

-- Partitions that have the rows of each series in order; a default partition may have any.
CREATE TABLE ta_p (LIKE ta_h) PARTITION BY LIST (line);
CREATE TABLE ta_p1 PARTITION OF ta_p FOR VALUES IN (1) PARTITION BY RANGE (time);
CREATE TABLE ta_p12 PARTITION OF ta_p1 FOR VALUES FROM ('2026-03-28 12:00') TO (MAXVALUE) USING tsdb WITH (tags = 'plant,line', sample_interval = '1s');
CREATE TABLE ta_p11 (quality tsdb.quality, big int8, whole int4, line int4, plant text, time timestamptz NOT NULL, tiny int2, small float4, value float8) USING tsdb WITH (tags = 'plant,line', sample_interval = '1s');
ALTER TABLE ta_p1 ATTACH PARTITION ta_p11 FOR VALUES FROM (MINVALUE) TO ('2026-03-28 12:00');
CREATE TABLE ta_p7 PARTITION OF ta_p DEFAULT USING tsdb WITH (tags = 'plant,line', sample_interval = '1s');
INSERT INTO ta_p SELECT * FROM ta_h;
SELECT expr, d.* FROM unnest(ARRAY['tsdb.time_average(value, time, true ORDER BY time)', 'tsdb.time_average(whole, time ORDER BY time)', 'tsdb.percent_good(quality, time)', 'extract(epoch FROM tsdb.duration_bad(quality, time))::float8']) expr,
    LATERAL ta_differ('plant, line', expr, target => 'ta_p') d;
SELECT d.* FROM ta_differ('line, extract(hour FROM tsdb.time_bucket(''1 hour'', time))', 'tsdb.time_average(whole, time ORDER BY time)', 'plant = ''regular''', 'ta_p') d;
ALTER TABLE ta_p1 DETACH PARTITION ta_p11;
CREATE TABLE ta_p10 PARTITION OF ta_p1 DEFAULT USING tsdb WITH (tags = 'plant,line', sample_interval = '1s');
INSERT INTO ta_p SELECT * FROM ta_h WHERE line = 1 AND time < '2026-03-28 12:00';
SELECT d.* FROM ta_differ('plant, line', 'tsdb.time_average(whole, time ORDER BY time)', target => 'ta_p') d;
SELECT d.* FROM ta_differ('plant, line', 'tsdb.time_average(whole, time ORDER BY time)', 'line <> 1', target => 'ta_p') d;
DROP TABLE ta_p, ta_p11;
DROP VIEW ta_all;
DROP FUNCTION ta_differ, ta_explain;
DROP TABLE ta_m, ta_h;
