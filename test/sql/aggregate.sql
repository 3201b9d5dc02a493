-- The aggregate node: answers grouped queries from summaries, as a heap table with the same rows would.
SET timezone = 'UTC';
SET datestyle = 'ISO, MDY';
SET max_parallel_workers_per_gather = 0;

CREATE TABLE agg_m (
    time timestamptz NOT NULL, plant text NOT NULL, sensor varchar(20), line int4,
    v float8, f float4, i2 int2, i4 int4, i8 int8, b bool, note text, day date, at timestamptz, quality tsdb.quality
) USING tsdb WITH (tags = 'plant,sensor,line', sample_interval = '1s', time_column = 'time');
CREATE TABLE agg_h (LIKE agg_m) USING heap;

-- Quarters add up exactly in any order.  Some rows before 1970, some NULLs, tags that are NULL.
INSERT INTO agg_h
SELECT t, plant, sensor, line,
       CASE WHEN n % 11 > 0 THEN (n % 400) / 4.0 - 20 END, (n % 100) / 4.0, n % 300 - 150, n * 7 - 5000,
       n::int8 * 100000000000000 - 7, CASE WHEN n % 13 > 0 THEN n % 3 = 0 END, CASE WHEN n % 5 = 0 THEN 'note' END,
       date '1999-12-01' + n / 10, timestamptz '1960-01-01' + n * interval '1 hour',
       CASE WHEN n % 50 = 0 THEN -2147483648 ELSE 0 END
FROM (VALUES ('north', 'temp', 1), ('north', 'temp', 2), ('north', 'flow', NULL), ('south', 'temp', 1),
             ('south', NULL, NULL), ('Äußere', 'x_1%', -5)) AS s(plant, sensor, line),
     LATERAL (SELECT timestamptz '2024-03-29' + i * interval '100 s' AS t, i AS n FROM generate_series(0, 2999) i
              UNION ALL
              SELECT timestamptz '1969-12-31 23:00' + i * interval '1 min', i FROM generate_series(0, 119) i) x;
INSERT INTO agg_m SELECT * FROM agg_h;
SELECT tsdb.compact('agg_m');

-- Some blocks are overwritten, deleted from and added to, and not compacted.
INSERT INTO agg_h SELECT time + interval '7 s', plant, sensor, line, v + 1, f, i2, i4, i8, b, note, day, at, quality
FROM agg_h WHERE plant = 'north' AND time BETWEEN '2024-03-30 10:00' AND '2024-03-30 11:00';
INSERT INTO agg_m SELECT * FROM agg_h WHERE plant = 'north' AND time BETWEEN '2024-03-30 10:00' AND '2024-03-30 11:01';
DELETE FROM agg_h WHERE sensor = 'flow' AND time BETWEEN '2024-03-31 00:00' AND '2024-03-31 00:20';
DELETE FROM agg_m WHERE sensor = 'flow' AND time BETWEEN '2024-03-31 00:00' AND '2024-03-31 00:20';
ALTER TABLE agg_m DROP COLUMN i2, ADD COLUMN later float8 DEFAULT 1.5;
ALTER TABLE agg_h DROP COLUMN i2, ADD COLUMN later float8 DEFAULT 1.5;
ANALYZE agg_m;

-- same(query): the query on agg_m equals the query on agg_h, and what answered it.
CREATE FUNCTION same(query text) RETURNS text LANGUAGE sql AS $$ SELECT tsdb_test.same(query, 'agg_m', 'agg_h') $$;

-- Aggregates
SELECT same('SELECT count(*), count(v), sum(v), avg(v), min(v), max(v) FROM agg_m');
SELECT same('SELECT plant, sum(f), avg(f), min(f), max(f), sum(i8), avg(i8), min(i8), max(i8) FROM agg_m GROUP BY plant');
SELECT same('SELECT plant, sum(i4), avg(i4), min(i4), max(i4), variance(i4), stddev(i4), var_pop(i4), stddev_pop(i4) FROM agg_m GROUP BY plant');
SELECT same('SELECT sensor, bool_and(b), bool_or(b), every(b), min(day), max(day), min(at), max(at), count(note), min(quality), max(quality) FROM agg_m GROUP BY 1');
SELECT same('SELECT line, min(time), max(time), count(time), count(line), count(plant), count(1), count(later), sum(later) FROM agg_m GROUP BY line');
SELECT same('SELECT plant, sensor, line, tsdb.first(v, time), tsdb.last(i4, time), tsdb.last(b, time) FROM agg_m GROUP BY 1, 2, 3');
SELECT same('SELECT avg(v) * 2 + count(*), max(v) - min(v), sum(v), sum(v) FROM agg_m GROUP BY plant HAVING count(v) > 10 AND avg(v) > 1');
SELECT same('SELECT 1 FROM agg_m HAVING count(*) > 5');
SELECT same('SELECT round(stddev(v)::numeric, 9), round(var_pop(v)::numeric, 9) FROM agg_m');
SELECT same('SELECT count(*) FILTER (WHERE plant = ''north''), sum(v) FILTER (WHERE time >= ''2024-03-30 03:00:07''), count(*) FROM agg_m');
SELECT same('SELECT date_trunc(''day'', time), count(*) FILTER (WHERE time < ''2024-03-30 12:00'' AND line IS NULL), count(*) FROM agg_m GROUP BY 1');
SELECT same('SELECT count(*), sum(v), max(i4) FROM agg_m WHERE time > ''2050-01-01''');
SELECT same('SELECT plant, count(*) FROM agg_m WHERE time > ''2050-01-01'' GROUP BY plant');

-- Group keys
SELECT same('SELECT upper(plant) || coalesce(sensor, ''-''), count(*) FROM agg_m GROUP BY 1');
SELECT same('SELECT ''x''::text, line + 1, count(*) FROM agg_m GROUP BY 1, 2');
SELECT same('SELECT count(*) FROM agg_m GROUP BY plant, date_trunc(''hour'', time)');
SELECT same('SELECT floor(extract(epoch from time)/300)*300 AS t, plant, avg(v) FROM agg_m GROUP BY 1, 2');
SELECT same('SELECT floor(extract(epoch from time)/1.0368e+06)*1.0368e+06 AS t, avg(v) FROM agg_m GROUP BY 1');
SELECT same('SELECT floor(extract(epoch from time)/0.02)*0.02 AS t, avg(v) FROM agg_m WHERE time < ''1970-01-01 00:30'' GROUP BY 1');
SELECT same('SELECT floor(date_part(''epoch'', time)/3600)*3600 AS t, avg(v) FROM agg_m GROUP BY 1');
SELECT same('SELECT to_timestamp(floor(extract(epoch from time)/3600)*3600) AS t, count(*) FROM agg_m GROUP BY 1');
SELECT same('SELECT floor(extract(epoch from time)/3600)::int8*3600 AS t, count(*) FROM agg_m GROUP BY 1');
SELECT same('SELECT time::date AS t, count(*), sum(i8) FROM agg_m GROUP BY 1');
SELECT same('SELECT to_char(date_trunc(''day'', time), ''YYYY-MM-DD'') AS t, count(*) FROM agg_m GROUP BY 1');
SELECT same('SELECT extract(dow from date_trunc(''day'', time)) AS t, count(*) FROM agg_m GROUP BY 1');
SELECT same('SELECT date_bin(''90 min'', time, ''2001-01-01 00:10'') AS t, count(*) FROM agg_m GROUP BY 1');
SELECT same('SELECT date_trunc(''week'', time, ''America/New_York'') AS t, count(*) FROM agg_m GROUP BY 1');
SELECT same('SELECT date_trunc(''day'', time AT TIME ZONE ''Europe/Berlin'') AT TIME ZONE ''Europe/Berlin'' AS t, count(*) FROM agg_m GROUP BY 1');
SELECT same('SELECT tsdb.time_bucket(''300.000s'', time) AS t, count(*) FROM agg_m GROUP BY 1');
SELECT same('SELECT tsdb.time_bucket(''1 month'', time, ''Asia/Tokyo'') AS t, count(*) FROM agg_m GROUP BY 1');
SELECT same('SELECT tsdb.time_bucket(''2 days'', time::date) AS t, count(*) FROM agg_m GROUP BY 1');
-- The clock changes on 31 March 2024 in Berlin and on 7 April on Lord Howe Island.
SET timezone = 'Europe/Berlin';
SELECT same('SELECT date_trunc(''hour'', time) AS t, count(*) FROM agg_m GROUP BY 1');
SELECT same('SELECT date_trunc(''day'', time) AS t, count(*) FROM agg_m GROUP BY 1');
SET timezone = 'Australia/Lord_Howe';
SELECT same('SELECT date_trunc(''hour'', time::timestamp) AS t, count(*) FROM agg_m GROUP BY 1');
SELECT same('SELECT time::date AS t, count(*) FROM agg_m GROUP BY 1');
SET timezone = 'UTC';

-- Conditions
SELECT same('SELECT plant, count(*), sum(i4) FROM agg_m WHERE v > 50 AND i4 <> 7 AND b GROUP BY plant');
SELECT same('SELECT plant, count(*) FROM agg_m WHERE v IS NULL AND tsdb.is_good(quality) GROUP BY plant');
SELECT same('SELECT count(*) FROM agg_m WHERE plant LIKE ''n%'' AND sensor IN (''temp'', ''flow'') AND (line > 1 OR line IS NULL)');
SELECT same('SELECT count(*) FROM agg_m WHERE time BETWEEN ''2024-03-30'' AND ''2024-03-31''');
SELECT same('SELECT count(*) FROM agg_m WHERE plant = (SELECT max(plant COLLATE "C") FROM agg_h)');

-- What summaries can't answer
SELECT same('SELECT count(*) FROM agg_m WHERE note = ''note''');
SELECT same('SELECT sum(v + 1), sum(v ORDER BY time) FROM agg_m');
SELECT same('SELECT note, count(*) FROM agg_m GROUP BY note');
SELECT same('SELECT plant, sensor, count(*) FROM agg_m GROUP BY GROUPING SETS ((plant), (sensor), ())');
SELECT same('SELECT extract(hour from time), count(*) FROM agg_m GROUP BY 1');
SELECT same('SELECT date_trunc(''day'', time), date_trunc(''month'', time), count(*) FROM agg_m GROUP BY 1, 2');
SELECT same('SELECT count(*) FILTER (WHERE v > 3) FROM agg_m');
SELECT same('SELECT count(*) FROM agg_m WHERE random() > 2');
SELECT same('SELECT max(note), stddev(i8) FROM agg_m');
SELECT same('SELECT count(*) FROM agg_m x JOIN (VALUES (1), (2)) y(line) USING (line)');
SELECT same('SELECT count(*) FROM agg_m WHERE time <> ''2024-03-30 10:00''');
SELECT same('SELECT count(*) FROM agg_m TABLESAMPLE SYSTEM (100)');

-- Inside other queries
SELECT same('SELECT a.x, b.* FROM (VALUES (1), (2), (9)) a(x), LATERAL (SELECT plant, count(*), a.x + max(i4) FROM agg_m WHERE line = a.x GROUP BY plant) b');
SELECT same('SELECT a.x, (SELECT sum(v) FROM agg_m WHERE time < timestamptz ''2024-03-29'' + a.x * interval ''1 hour'') FROM generate_series(1, 5) a(x)');
SELECT same('SELECT a.x, b.* FROM (VALUES (1), (2)) a(x), LATERAL (SELECT line + a.x, count(*) FILTER (WHERE line = a.x) FROM agg_m GROUP BY line + a.x) b');
SELECT same('SELECT plant, sum(count(*)) OVER (ORDER BY plant COLLATE "C") FROM agg_m GROUP BY plant');
SELECT same('SELECT count(*), max(n) FROM (SELECT plant, count(*) AS n FROM agg_m GROUP BY plant) s');

-- Order and limit
SELECT date_trunc('day', time) AS t, line, count(*) FROM agg_m WHERE plant = 'north' GROUP BY 1, 2 ORDER BY 2 DESC NULLS LAST, 1 LIMIT 4;
EXPLAIN (COSTS OFF) SELECT date_trunc('day', time) AS t, line, count(*) FROM agg_m WHERE plant = 'north' GROUP BY 1, 2 ORDER BY 1, 2 DESC NULLS LAST LIMIT 4;
SELECT date_trunc('hour', time) AS t, count(*), tsdb.last(v, time) FROM agg_m WHERE plant = 'north' AND sensor = 'temp' AND line = 1 GROUP BY 1 ORDER BY 1 LIMIT 2;
SELECT plant, count(*) FROM agg_m GROUP BY plant ORDER BY count(*) DESC, plant COLLATE "C" LIMIT 2;

-- A prepared statement follows the time zone.
PREPARE days(text) AS SELECT date_trunc('day', time) AS t, count(*) FROM agg_m WHERE plant = $1 AND time > '2024-03-31' GROUP BY 1 ORDER BY 1;
SET plan_cache_mode = force_generic_plan;
EXECUTE days('south');
SET timezone = 'Asia/Kathmandu';
EXECUTE days('south');
SET timezone = 'UTC';
EXECUTE days('nowhere');
RESET plan_cache_mode;

-- Rows of the transaction itself, and a cursor that must not see them.
BEGIN;
DECLARE before CURSOR FOR SELECT plant, count(*), max(v) FROM agg_m GROUP BY plant ORDER BY plant COLLATE "C";
INSERT INTO agg_m (time, plant, v) VALUES ('2024-04-02', 'west', 1000), ('2024-03-30 00:00:05', 'south', 2000);
INSERT INTO agg_h (time, plant, v) VALUES ('2024-04-02', 'west', 1000), ('2024-03-30 00:00:05', 'south', 2000);
SELECT same('SELECT plant, count(*), max(v), max(time) FROM agg_m GROUP BY plant');
SAVEPOINT s;
DELETE FROM agg_m WHERE plant = 'west';
DELETE FROM agg_h WHERE plant = 'west';
SELECT same('SELECT plant, count(*), max(v), max(time) FROM agg_m GROUP BY plant');
ROLLBACK TO s;
SELECT same('SELECT date_trunc(''day'', time), count(*), max(v) FROM agg_m GROUP BY 1');
FETCH ALL before;
ROLLBACK;

-- NaN, infinities, overflow
CREATE TABLE agg_x (time timestamptz NOT NULL, s int4, v float8, f float4) USING tsdb WITH (tags = 's', sample_interval = '1s');
INSERT INTO agg_x VALUES ('2024-01-01', 1, 'NaN', 1), ('2024-01-02', 1, 5, 2), ('2024-01-01', 2, 'infinity', 3), ('2024-01-02', 2, 7, 4),
    ('2024-01-01', 3, '-infinity', 'NaN'), ('2024-01-02', 3, 'infinity', 1), ('2024-01-01', 4, 1e308, 3e38), ('2024-01-02', 4, 1.5e308, 3e38),
    ('2024-01-01', 5, 'infinity', 1);
SELECT s, min(v), max(v), sum(v), avg(v), stddev(v), var_pop(v), min(f), max(f) FROM agg_x WHERE s <> 4 GROUP BY s ORDER BY s;
SELECT sum(v) FROM agg_x WHERE s = 4;
SELECT avg(v) FROM agg_x WHERE s = 4;
SELECT sum(f) FROM agg_x WHERE s = 4;
SELECT max(v), min(f) FROM agg_x WHERE s = 4;

-- Partitions: one node over those that are left.  Their columns may stand in another order.
CREATE TABLE agg_p (time timestamptz NOT NULL, host text, v float8, i int4) PARTITION BY RANGE (time);
CREATE TABLE agg_p1 PARTITION OF agg_p FOR VALUES FROM ('2024-01-01') TO ('2024-02-01') USING tsdb WITH (tags = 'host', sample_interval = '1s');
CREATE TABLE agg_p2 (i int4, host text, gone int4, time timestamptz NOT NULL, v float8) USING tsdb WITH (tags = 'host', sample_interval = '1s');
ALTER TABLE agg_p2 DROP COLUMN gone;
ALTER TABLE agg_p ATTACH PARTITION agg_p2 FOR VALUES FROM ('2024-02-01') TO ('2024-03-01');
CREATE TABLE agg_p3 PARTITION OF agg_p FOR VALUES FROM ('2024-03-01') TO ('2024-04-01') USING heap;
INSERT INTO agg_p SELECT timestamptz '2024-01-20' + n * interval '1 hour', 'h' || n % 3, n / 4.0, n FROM generate_series(1, 900) n;
EXPLAIN (COSTS OFF) SELECT host, date_trunc('month', time) AS t, count(*), sum(v) FROM agg_p WHERE time < '2024-03-01' AND host <> 'h2' GROUP BY 1, 2 ORDER BY 1, 2;
SELECT host, date_trunc('month', time) AS t, count(*), sum(v), max(i) FROM agg_p WHERE time < '2024-03-01' AND host <> 'h2' GROUP BY 1, 2 ORDER BY 1, 2;
EXPLAIN (COSTS OFF) SELECT count(*) FROM agg_p;

-- Parallel: series are shared out where samples have to be decoded; it also works without any worker.
SET max_parallel_workers_per_gather = 2;
SET min_parallel_table_scan_size = 0;
SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
EXPLAIN (COSTS OFF) SELECT plant, sensor, line, date_trunc('day', time), count(*) FROM agg_m WHERE v > 50 GROUP BY 1, 2, 3, 4 HAVING count(*) > 3;
CREATE TABLE agg_r (plant text, sensor text, line int4, day timestamptz, n int8, total float8);
INSERT INTO agg_r SELECT plant, sensor, line, date_trunc('day', time), count(*), sum(v) FROM agg_h WHERE v > 50 GROUP BY 1, 2, 3, 4 HAVING count(*) > 3;
SELECT count(*) FROM agg_r;
SELECT count(*) FROM (SELECT plant, sensor, line, date_trunc('day', time), count(*), sum(v) FROM agg_m WHERE v > 50 GROUP BY 1, 2, 3, 4 HAVING count(*) > 3
    INTERSECT SELECT * FROM agg_r) s;
SET max_parallel_workers = 0;
SELECT count(*) FROM (SELECT plant, sensor, line, date_trunc('day', time), count(*), sum(v) FROM agg_m WHERE v > 50 GROUP BY 1, 2, 3, 4 HAVING count(*) > 3
    INTERSECT SELECT * FROM agg_r) s;
RESET max_parallel_workers;
RESET parallel_tuple_cost;
RESET parallel_setup_cost;
RESET min_parallel_table_scan_size;
SET max_parallel_workers_per_gather = 0;
DROP TABLE agg_r;

-- Row security and views that leak nothing
CREATE ROLE agg_reader;
GRANT SELECT ON agg_m TO agg_reader;
ALTER TABLE agg_m ENABLE ROW LEVEL SECURITY;
CREATE POLICY north ON agg_m USING (plant = 'north' AND time > '2024-01-01');
SET ROLE agg_reader;
EXPLAIN (COSTS OFF) SELECT plant, count(*) FROM agg_m GROUP BY plant;
SELECT plant, count(*) FROM agg_m GROUP BY plant;
SELECT plant, count(*) FROM agg_m WHERE v > 20 GROUP BY plant;
RESET ROLE;
ALTER TABLE agg_m DISABLE ROW LEVEL SECURITY;
DROP POLICY north ON agg_m;
REVOKE ALL ON agg_m FROM agg_reader;
DROP ROLE agg_reader;

-- What EXPLAIN shows.  How many blocks and groups there are is not the point here, but that summaries are used.
CREATE FUNCTION shown(query text) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
    line text;
    summarised int := 0;
BEGIN
    FOR line IN EXECUTE 'EXPLAIN (ANALYZE, BUFFERS OFF, COSTS OFF, TIMING OFF, SUMMARY OFF) ' || query LOOP
        line := regexp_replace(line, 'rows=(\d+)\.00', 'rows=\1');
        IF line ~ 'from Summary' THEN
            summarised := summarised + substring(line FROM '\d+')::int;
        ELSIF line !~ 'Blocks Decoded|Segments Opened|Cells' THEN
            RETURN NEXT line;
        END IF;
    END LOOP;
    RETURN NEXT format('summaries used: %s', summarised > 0);
END $$;
SELECT shown('SELECT plant, date_trunc(''year'', time), avg(v) FROM agg_m WHERE time >= ''1960-01-01'' AND time < ''2024-03-31 06:00'' GROUP BY 1, 2 HAVING count(*) > 100');
SET tsdb.enable_agg = off;
EXPLAIN (COSTS OFF) SELECT plant, count(*) FROM agg_m GROUP BY plant;
RESET tsdb.enable_agg;

DROP TABLE agg_m, agg_h, agg_x, agg_p;
DROP FUNCTION same, shown;
