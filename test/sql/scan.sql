-- The scan node: reads only the series, times and columns that a query needs,
-- and answers what a heap table with the same rows answers.
SET timezone = 'UTC';
SET datestyle = 'ISO, MDY';
SET max_parallel_workers_per_gather = 0;
SET enable_material = off;

CREATE TABLE scan_m (
    time timestamptz NOT NULL, plant text NOT NULL, sensor varchar(20), line int4,
    v float8, f float4, i2 int2, i4 int4, i8 int8, b bool, note text, day date, at timestamptz, quality tsdb.quality
) USING tsdb WITH (tags = 'plant,sensor,line', sample_interval = '1s', time_column = 'time');
CREATE TABLE scan_h (LIKE scan_m) USING heap;

-- Some of it long ago, some NULL, one series without a sensor; a column that is gone and one that came later.
INSERT INTO scan_h
SELECT t, plant, sensor, line,
       CASE WHEN n % 11 = 0 THEN NULL WHEN n % 101 = 1 THEN 'NaN' ELSE round((sin(n / 50.0) * 100)::numeric, 2) END,
       (n % 1000) / 8.0 - 60, n % 300 - 150, n * 7 - 5000, n::int8 * 10000000000 - 7, n % 3 = 0,
       CASE WHEN n % 5 = 0 THEN 'note ' || n / 40 WHEN n % 7 = 0 THEN '' END,
       date '1999-12-01' + n / 10, timestamptz '1960-01-01' + n * interval '1 hour',
       CASE WHEN n % 50 = 0 THEN -2147483648 ELSE 0 END
FROM (VALUES ('north', 'temp', 1), ('north', 'temp', 2), ('north', 'flow', NULL), ('south', 'temp', 1),
             ('south', NULL, NULL), ('Äußere', 'x_1%', -5)) AS s(plant, sensor, line),
     LATERAL (SELECT timestamptz '2024-01-01' + i * interval '10 s' AS t, i AS n FROM generate_series(0, 2999) i
              UNION ALL
              SELECT timestamptz '1969-12-31 23:00' + i * interval '1 min', i FROM generate_series(0, 119) i) x;
INSERT INTO scan_m SELECT * FROM scan_h ORDER BY time;
ALTER TABLE scan_m DROP COLUMN i2, ADD COLUMN later float8 DEFAULT 1.5, ADD COLUMN word text DEFAULT 'unset';
ALTER TABLE scan_h DROP COLUMN i2, ADD COLUMN later float8 DEFAULT 1.5, ADD COLUMN word text DEFAULT 'unset';
INSERT INTO scan_m SELECT time + interval '1 day', plant, sensor, line, v, f, i4, i8, b, note, day, at, quality, f, 'set'
FROM scan_h WHERE time > '2024-01-01' AND line IS NOT NULL;
INSERT INTO scan_h SELECT time + interval '1 day', plant, sensor, line, v, f, i4, i8, b, note, day, at, quality, f, 'set'
FROM scan_h WHERE time > '2024-01-01' AND line IS NOT NULL;
ANALYZE scan_m;

-- same(query): the query on scan_m, with and without the scan node, equals the query on scan_h.
CREATE FUNCTION same(query text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    twin text := replace(query, 'scan_m', 'scan_h');
    differing bigint;
    nrows bigint;
    plain boolean;
BEGIN
    FOREACH plain IN ARRAY ARRAY[true, false] LOOP
        PERFORM set_config('tsdb.enable_scan', CASE WHEN plain THEN 'off' ELSE 'on' END, false);
        EXECUTE format('SELECT (SELECT count(*) FROM ((%1$s) EXCEPT ALL (%2$s)) a) + (SELECT count(*) FROM ((%2$s) EXCEPT ALL (%1$s)) b)',
                       query, twin) INTO differing;
        IF differing <> 0 THEN
            RETURN format('%s rows differ, enable_scan = %s', differing, current_setting('tsdb.enable_scan'));
        END IF;
    END LOOP;
    EXECUTE format('SELECT count(*) FROM (%s) a', query) INTO nrows;
    RETURN format('same %s rows', nrows);
END $$;

-- Columns of every type, dropped and added ones; whole rows; no columns.
SELECT same('SELECT * FROM scan_m');
SELECT same('SELECT plant, v, note FROM scan_m');
SELECT same('SELECT note, day, at, quality, later, word FROM scan_m');
SELECT same('SELECT count(*), count(v), count(f), sum(i4), sum(i8), count(note), min(day), max(at) FROM scan_m');
SELECT same('SELECT row_to_json(scan_m)::text FROM scan_m');
SELECT same('SELECT 1 FROM scan_m');
SELECT count(*), count(DISTINCT ctid), count(DISTINCT tableoid) FROM scan_m;

-- Times: every operator, both ways round, other types, bounds that are never reached.
SELECT same($$SELECT * FROM scan_m WHERE time >= '2024-01-01 01:00' AND time < '2024-01-01 02:00'$$);
SELECT same($$SELECT * FROM scan_m WHERE time BETWEEN '2024-01-01 01:00' AND '2024-01-01 02:00'$$);
SELECT same($$SELECT * FROM scan_m WHERE '2024-01-01 01:00' <= time AND '2024-01-01 02:00' > time$$);
SELECT same($$SELECT * FROM scan_m WHERE time > '2024-01-01 01:00' AND time <= '2024-01-01 02:00'$$);
SELECT same($$SELECT * FROM scan_m WHERE time = '2024-01-01 01:00'$$);
SELECT same($$SELECT * FROM scan_m WHERE time = '2024-01-01 01:00:00.5'$$);
SELECT same($$SELECT * FROM scan_m WHERE time < '1970-01-01'$$);
SELECT same($$SELECT * FROM scan_m WHERE time > '-infinity' AND time < 'infinity'$$);
SELECT same($$SELECT * FROM scan_m WHERE time >= 'infinity' OR time <= '-infinity'$$);
SELECT same($$SELECT * FROM scan_m WHERE time <= '-infinity'$$);
SELECT same($$SELECT * FROM scan_m WHERE time > 'infinity'$$);
SELECT same($$SELECT * FROM scan_m WHERE time > NULL::timestamptz$$);
SELECT same($$SELECT * FROM scan_m WHERE time >= date '2024-01-02'$$);
SELECT same($$SELECT * FROM scan_m WHERE time < date '5874897-12-31' AND time > date '4713-01-01 BC'$$);
SELECT same($$SELECT * FROM scan_m WHERE timestamp '2024-01-02 01:00' > time$$);
SELECT same($$SELECT * FROM scan_m WHERE time < now() AND time > now() - interval '1000 years'$$);
SELECT same($$SELECT * FROM scan_m WHERE time::date = '2024-01-02'$$);
SELECT same($$SELECT * FROM scan_m WHERE time > '2024-01-01 02:00' AND time < '2024-01-01 01:00'$$);
SELECT same($$SELECT * FROM scan_m WHERE time > (SELECT max(time) - interval '5 min' FROM scan_m)$$);
SET timezone = 'America/St_Johns';
SELECT same($$SELECT * FROM scan_m WHERE time >= date '2024-01-02'$$);
SELECT same($$SELECT * FROM scan_m WHERE time >= timestamp '2024-01-02 03:00'$$);
SET timezone = 'UTC';

-- Tags: equality, lists, patterns, NULLs, expressions, what may raise.
SELECT same($$SELECT * FROM scan_m WHERE plant = 'north'$$);
SELECT same($$SELECT * FROM scan_m WHERE plant = 'north' AND sensor = 'temp' AND line = 2$$);
SELECT same($$SELECT * FROM scan_m WHERE plant = 'north' AND sensor = 'temp' AND 3 = line$$);
SELECT same($$SELECT * FROM scan_m WHERE plant = 'south' AND sensor = 'temp' AND line = 1 AND plant <> 'south'$$);
SELECT same($$SELECT * FROM scan_m WHERE plant = 'south' AND sensor = NULL AND line = 1$$);
SELECT same($$SELECT * FROM scan_m WHERE plant = 'nowhere'$$);
SELECT same($$SELECT * FROM scan_m WHERE sensor IS NULL$$);
SELECT same($$SELECT * FROM scan_m WHERE line IS NULL AND sensor IS NOT NULL$$);
SELECT same($$SELECT * FROM scan_m WHERE plant IN ('south', 'east') OR line = 2$$);
SELECT same($$SELECT * FROM scan_m WHERE plant LIKE 's%'$$);
SELECT same($$SELECT * FROM scan_m WHERE plant ILIKE 'N%' AND sensor NOT LIKE '%o%'$$);
SELECT same($$SELECT * FROM scan_m WHERE plant ~ '^[[:upper:]Ä]'$$);
SELECT same($$SELECT * FROM scan_m WHERE sensor LIKE ANY (ARRAY['f%', 'x\_%'])$$);
SELECT same($$SELECT * FROM scan_m WHERE upper(plant) = 'SOUTH' AND coalesce(line, 0) < 1$$);
SELECT same($$SELECT * FROM scan_m WHERE left(plant, 1) || coalesce(sensor, '') = 'ntemp'$$);
SELECT same($$SELECT * FROM scan_m WHERE 10 / (line + 6) > 1$$);
SELECT same($$SELECT * FROM scan_m WHERE plant = sensor OR line > 1$$);
SELECT same($$SELECT * FROM scan_m WHERE plant IN (SELECT plant FROM scan_m WHERE line = -5)$$);
SELECT same($$SELECT * FROM scan_m WHERE plant = 'north' AND time = '2024-01-01 01:00' AND v > 0$$);
SELECT same($$SELECT * FROM scan_m WHERE plant = 'north' AND random() >= 0$$);
SELECT same($$SELECT * FROM scan_m WHERE plant || v::text LIKE 'north%'$$);
SELECT same($$SELECT * FROM scan_m WHERE NOT b AND i4 > 1000 AND note LIKE '%7'$$);
-- The tags of a rolled back series stay in the dictionary, but no query may stumble over them.
BEGIN;
INSERT INTO scan_m (time, plant, sensor, line) VALUES ('2024-01-01', 'gone', 'temp', -6);
ROLLBACK;
SELECT same($$SELECT * FROM scan_m WHERE 10 / (line + 6) > 1$$);
SELECT same($$SELECT * FROM scan_m WHERE plant = 'gone'$$);

-- What EXPLAIN says, in the words of PostgreSQL 15 where newer ones have others.
CREATE FUNCTION explain(query text, options text DEFAULT 'COSTS off') RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
    line text;
BEGIN
    FOR line IN EXECUTE format('EXPLAIN (%s) %s', options, query) LOOP
        line := regexp_replace(line, '\n *"Disabled": false,', '');
        line := regexp_replace(line, 'rows=(\d+)\.00', 'rows=\1');
        line := regexp_replace(line, '\(InitPlan 1\)\.col1', '$0');
        line := regexp_replace(line, 'InitPlan 1$', 'InitPlan 1 (returns $0)');
        line := regexp_replace(line, '\((w\.\w+) = (\w+|\(\w+\)::text)\)', '(\2 = \1)', 'g');
        IF line !~ 'Planning Time|Execution Time|Windows|Segments|Blocks|Runs|Workers' THEN
            RETURN NEXT line;
        END IF;
    END LOOP;
END $$;
SELECT explain('SELECT * FROM scan_m');
SELECT explain($$SELECT v FROM scan_m WHERE plant = 'north' AND time >= '2024-01-01 01:00' AND time < '2024-01-01 02:00'$$);
SELECT explain($$SELECT v FROM scan_m WHERE plant = 'north' AND sensor = 'flow' AND time > '2024-01-02' AND time < '2024-01-01'$$);
SELECT explain($$SELECT v FROM scan_m WHERE plant ~ 'o' AND time > '2024-01-01 08:00'$$, 'ANALYZE, BUFFERS off, COSTS off, TIMING off, SUMMARY off');
SELECT explain($$SELECT v FROM scan_m WHERE time > (SELECT timestamptz '2024-01-01 08:00')$$);
SELECT explain($$SELECT v FROM scan_m WHERE plant = 'north'$$, 'FORMAT json, COSTS off');
SET tsdb.enable_scan = off;
SELECT explain($$SELECT v FROM scan_m WHERE plant = 'north'$$);
RESET tsdb.enable_scan;
-- One point of the table: one window.
CREATE FUNCTION windows(query text) RETURNS int LANGUAGE plpgsql AS $$
DECLARE
    plan jsonb;
BEGIN
    EXECUTE 'EXPLAIN (ANALYZE, FORMAT json, TIMING off) ' || query INTO plan;
    RETURN plan->0->'Plan'->>'Windows Read';
END $$;
SELECT windows($$SELECT v FROM scan_m WHERE plant = 'north' AND sensor = 'temp' AND line = 2 AND time = '2024-01-01 01:00'$$);
SELECT windows($$SELECT v FROM scan_m WHERE plant = 'nowhere'$$);
-- Alternatives of times: what lies between them is read, what lies around them is not.
CREATE TABLE scan_hulls (id int PRIMARY KEY, condition text);
INSERT INTO scan_hulls VALUES
    (1, $$time IN ('2024-01-01 01:00', '2024-01-01 02:00', NULL)$$),
    (2, $$time >= '2024-01-01 01:00' AND time < '2024-01-01 01:30' OR time > '2024-01-01 02:00' AND time <= '2024-01-01 02:10' AND v > 0$$),
    (3, $$time = '2024-01-01 01:00' OR time = NULL OR time BETWEEN NULL AND '2024-01-01 00:30'$$),
    (4, $$time < '2024-01-01 00:30' OR time < '2024-01-01 01:00' AND plant = 'north'$$),
    (5, $$time < '2024-01-01 00:30' OR time > '2024-01-01 22:00'$$),
    (6, $$time < '2024-01-01 00:30' OR plant = 'north'$$),
    (7, $$time = ANY ((SELECT array_agg(t) FROM generate_series(timestamptz '2024-01-01 01:00', '2024-01-01 03:00', '30 min') t)::timestamptz[])$$),
    (8, $$time IN (timestamptz '2024-01-01 01:00' + interval '30 min', date_trunc('hour', timestamptz '2024-01-01 02:59')) AND (time > '2024-01-01 01:30' OR time < 'infinity')$$),
    (9, $$time = ANY ('{}'::timestamptz[]) OR time = ALL ('{2024-01-01 01:00}'::timestamptz[])$$),
    (10, $$NOT (time < '2024-01-01 01:00' OR time >= '2024-01-01 02:00')$$),
    (11, $$time::date = '2024-01-01' OR time = date '2024-01-02'$$);
SELECT id, same('SELECT * FROM scan_m WHERE ' || condition), windows('SELECT v FROM scan_m WHERE ' || condition) < windows('SELECT v FROM scan_m') AS reads_less FROM scan_hulls ORDER BY id;
SELECT explain($$SELECT v FROM scan_m WHERE time IN ('2024-01-01 01:00', '2024-01-01 02:00')$$);
DROP TABLE scan_hulls;

-- Parameters: generic plans, NULL among them; nested loops; rescans.
SET plan_cache_mode = force_generic_plan;
PREPARE p(text, timestamptz, timestamptz) AS
    SELECT count(*), sum(i4) FROM scan_m WHERE plant = $1 AND sensor = 'temp' AND line = 1 AND time >= $2 AND time < $3;
EXECUTE p('north', '2024-01-01 01:00', '2024-01-01 02:00');
EXECUTE p('south', '1960-01-01', '1970-01-01');
EXECUTE p('south', '1960-01-01', NULL);
EXECUTE p(NULL, '1960-01-01', '1970-01-01');
EXPLAIN (COSTS off) EXECUTE p('north', '2024-01-01 01:00', '2024-01-01 02:00');
RESET plan_cache_mode;
CREATE TABLE scan_window (plant text, sensor text, line int4, from_time timestamptz, until_time timestamptz);
INSERT INTO scan_window VALUES ('north', 'temp', 1, '2024-01-01 01:00', '2024-01-01 02:00'),
    ('north', 'temp', 2, '2024-01-01 03:00', '2024-01-02 02:00'), ('south', 'temp', 1, NULL, 'infinity'),
    ('south', 'temp', 1, '-infinity', '1970-01-01'), ('nowhere', 'temp', 1, '-infinity', 'infinity'), (NULL, NULL, NULL, 'now', 'now');
ANALYZE scan_window;
SET enable_hashjoin = off;
SET enable_mergejoin = off;
SELECT explain($$SELECT * FROM scan_window w JOIN scan_m m ON m.plant = w.plant AND m.sensor = w.sensor AND m.line = w.line
    AND m.time >= w.from_time AND m.time < w.until_time$$);
SELECT same($$SELECT m.*, w.from_time FROM scan_window w JOIN scan_m m ON m.plant = w.plant AND m.sensor = w.sensor
    AND m.line = w.line AND m.time >= w.from_time AND m.time < w.until_time$$);
SELECT same($$SELECT m.* FROM scan_window w JOIN scan_m m ON m.time >= w.from_time AND m.time < w.until_time AND m.plant LIKE w.plant$$);
SELECT same($$SELECT w.plant, x.* FROM scan_window w CROSS JOIN LATERAL
    (SELECT time, v FROM scan_m m WHERE m.plant = w.plant AND m.time >= w.from_time ORDER BY line, time LIMIT 3) x$$);
SELECT same($$SELECT w.plant, x.n FROM scan_window w LEFT JOIN LATERAL
    (SELECT count(*) AS n FROM scan_m m WHERE m.line = w.line AND m.time < w.until_time) x ON true$$);
RESET enable_hashjoin;
RESET enable_mergejoin;
SELECT same('SELECT a.time, a.v, b.v AS other FROM scan_m a JOIN scan_m b USING (plant, sensor, line, time) WHERE a.line = 1');

-- Cursors, both ways.
BEGIN;
DECLARE c SCROLL CURSOR FOR SELECT time, plant, line, i4 FROM scan_m WHERE plant = 'north' AND sensor = 'temp' AND time > '2024-01-01 08:19:30';
FETCH 2 FROM c;
FETCH BACKWARD 1 FROM c;
FETCH LAST FROM c;
FETCH RELATIVE -1 FROM c;
MOVE FORWARD ALL IN c;
FETCH BACKWARD 2 FROM c;
MOVE BACKWARD ALL IN c;
FETCH NEXT FROM c;
FETCH ABSOLUTE 5 FROM c;
CLOSE c;
-- Forward and backward give the same rows, turning round anywhere.
CREATE FUNCTION both_ways(query text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    c refcursor;
    r record;
    there text[] := '{}';
    back text[] := '{}';
BEGIN
    OPEN c SCROLL FOR EXECUTE query;
    LOOP
        FETCH NEXT FROM c INTO r;
        EXIT WHEN NOT FOUND;
        there := there || r::text;
        IF cardinality(there) % 97 = 0 THEN
            FETCH PRIOR FROM c INTO r;
            IF r::text <> there[cardinality(there) - 1] THEN RETURN 'differs at ' || cardinality(there); END IF;
            FETCH NEXT FROM c INTO r;
            IF r::text <> there[cardinality(there)] THEN RETURN 'differs after ' || cardinality(there); END IF;
        END IF;
    END LOOP;
    LOOP
        FETCH PRIOR FROM c INTO r;
        EXIT WHEN NOT FOUND;
        back := r::text || back;
    END LOOP;
    RETURN format('%s rows, %s', cardinality(there), CASE WHEN there = back THEN 'same' ELSE 'not the same' END);
END $$;
SELECT both_ways($$SELECT * FROM scan_m WHERE time < '2024-01-01 00:10' OR note IS NULL AND i4 < -4900$$);
SELECT both_ways($$SELECT time, v, note, ctid FROM scan_m WHERE plant ~ 'o' AND time BETWEEN '2024-01-01 06:00' AND '2024-01-02 01:00'$$);
SET LOCAL tsdb.enable_scan = off;
SELECT both_ways($$SELECT time, v, note, ctid FROM scan_m WHERE plant ~ 'o' AND time BETWEEN '2024-01-01 06:00' AND '2024-01-02 01:00'$$);
SET LOCAL tsdb.enable_scan = on;
-- A cursor sees what was there when it was opened.
DECLARE d CURSOR FOR SELECT count(*) FROM scan_m WHERE plant = 'east';
INSERT INTO scan_m (time, plant) VALUES ('2024-02-01', 'east');
FETCH d;
SELECT count(*) FROM scan_m WHERE plant = 'east';
DECLARE e CURSOR FOR SELECT time, plant FROM scan_m WHERE plant = 'east' FOR UPDATE;
FETCH e;
UPDATE scan_m SET v = 7 WHERE CURRENT OF e;
SELECT v FROM scan_m WHERE plant = 'east';
ROLLBACK;

-- Pending rows, updates, deletes, row locks and what they return.
BEGIN;
INSERT INTO scan_m (time, plant, v) VALUES ('2024-03-01', 'west', 1), ('2024-03-01 00:00:01', 'west', 2);
INSERT INTO scan_h (time, plant, v) VALUES ('2024-03-01', 'west', 1), ('2024-03-01 00:00:01', 'west', 2);
SELECT same($$SELECT * FROM scan_m WHERE plant = 'west'$$);
SAVEPOINT s;
UPDATE scan_m SET v = v + 10 WHERE plant = 'west' RETURNING time, v, word;
UPDATE scan_h SET v = v + 10 WHERE plant = 'west';
DELETE FROM scan_m WHERE plant = 'north' AND sensor = 'temp' AND time < '1970-01-01' AND line = 1;
DELETE FROM scan_h WHERE plant = 'north' AND sensor = 'temp' AND time < '1970-01-01' AND line = 1;
SELECT same('SELECT * FROM scan_m');
ROLLBACK TO s;
SELECT time, v FROM scan_m WHERE plant = 'west' ORDER BY time FOR UPDATE;
SELECT explain('SELECT plant, v FROM scan_m WHERE time > $$2024-02-01$$', 'ANALYZE, BUFFERS off, COSTS off, TIMING off, SUMMARY off');
ROLLBACK;
SELECT count(*) FROM scan_h WHERE plant = 'west';

-- Parallel: alike with workers, without them, with pending rows of this and of an outer level.
SET max_parallel_workers_per_gather = 2;
SET min_parallel_table_scan_size = 0;
SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
SELECT explain('SELECT plant, v FROM scan_m');
SELECT same('SELECT * FROM scan_m');
SELECT same($$SELECT plant, count(*), sum(i4) FROM scan_m WHERE time > '2024-01-01 05:00' AND line > 0 GROUP BY plant$$);
SELECT same('SELECT a.time, a.v, b.v AS other FROM scan_m a JOIN scan_m b USING (plant, sensor, line, time) WHERE a.line = 1');
BEGIN;
INSERT INTO scan_m (time, plant, v, i4) VALUES ('2024-03-01', 'west', 1, 2);
INSERT INTO scan_h (time, plant, v, i4) VALUES ('2024-03-01', 'west', 1, 2);
SELECT same('SELECT plant, count(*), sum(i4) FROM scan_m GROUP BY plant');
UPDATE scan_m SET i4 = i4 + 1 WHERE plant = 'west';
UPDATE scan_h SET i4 = i4 + 1 WHERE plant = 'west';
SAVEPOINT s;
UPDATE scan_m SET i4 = i4 + 1 WHERE plant = 'west';
UPDATE scan_h SET i4 = i4 + 1 WHERE plant = 'west';
SELECT same('SELECT plant, count(*), sum(i4) FROM scan_m GROUP BY plant');
ROLLBACK TO s;
SELECT same('SELECT plant, count(*), sum(i4) FROM scan_m GROUP BY plant');
ROLLBACK;
SET parallel_leader_participation = off;
SELECT same('SELECT * FROM scan_m WHERE plant = $$north$$');
RESET parallel_leader_participation;
SET max_parallel_workers = 0;
SELECT same('SELECT * FROM scan_m WHERE plant = $$north$$');
RESET max_parallel_workers;
RESET parallel_setup_cost;
RESET parallel_tuple_cost;
RESET min_parallel_table_scan_size;
SET max_parallel_workers_per_gather = 0;

-- Row security: a leaky condition may not look at series that the policy hides.
CREATE ROLE regress_scan_reader;
GRANT SELECT ON scan_m TO regress_scan_reader;
CREATE POLICY only_south ON scan_m USING (plant = 'south');
ALTER TABLE scan_m ENABLE ROW LEVEL SECURITY;
CREATE FUNCTION leak(text) RETURNS boolean LANGUAGE plpgsql COST 0.0000001 AS
    $$ BEGIN IF $1 <> 'south' THEN RAISE NOTICE 'leaked %', $1; END IF; RETURN true; END $$;
SET ROLE regress_scan_reader;
SELECT count(*), min(plant), max(plant) FROM scan_m WHERE leak(plant);
SELECT count(*), min(plant), max(plant) FROM scan_m WHERE plant LIKE '%o%' AND line = 1;
RESET ROLE;
ALTER TABLE scan_m DISABLE ROW LEVEL SECURITY;
REVOKE SELECT ON scan_m FROM regress_scan_reader;
DROP POLICY only_south ON scan_m;
DROP ROLE regress_scan_reader;

-- Partitions beside a heap one.
CREATE TABLE scan_p (time timestamptz NOT NULL, tag text, v float8) PARTITION BY RANGE (time);
CREATE TABLE scan_p1 PARTITION OF scan_p FOR VALUES FROM ('2024-01-01') TO ('2024-02-01')
    USING tsdb WITH (tags = 'tag', sample_interval = '1s');
CREATE TABLE scan_p2 PARTITION OF scan_p FOR VALUES FROM ('2024-02-01') TO ('2024-03-01')
    USING tsdb WITH (tags = 'tag', sample_interval = '1s');
CREATE TABLE scan_p3 PARTITION OF scan_p FOR VALUES FROM ('2024-03-01') TO ('2024-04-01') USING heap;
INSERT INTO scan_p SELECT timestamptz '2024-01-15' + i * interval '1 hour', CASE WHEN i % 2 = 0 THEN 'a' ELSE 'b' END, i
FROM generate_series(0, 1500) i;
SELECT explain($$SELECT * FROM scan_p WHERE tag = 'a' AND time >= '2024-01-31' AND time < '2024-03-02'$$);
SELECT count(*), sum(v) FROM scan_p WHERE tag = 'a' AND time >= '2024-01-31' AND time < '2024-03-02';
UPDATE scan_p SET time = time + interval '1 month' WHERE tag = 'b' AND time < '2024-01-16' RETURNING tableoid::regclass, time, v;
SELECT tableoid::regclass, count(*) FROM scan_p GROUP BY 1 ORDER BY 1;

-- A sample with no tags and no values; a materialised view; a temporary table.
CREATE TABLE scan_bare (time timestamptz NOT NULL) USING tsdb WITH (tags = '', sample_interval = '1 hour');
INSERT INTO scan_bare SELECT timestamptz '2024-01-01' + i * interval '1 hour' FROM generate_series(1, 50) i;
SELECT count(*), min(time), max(time) FROM scan_bare WHERE time < '2024-01-02';
CREATE MATERIALIZED VIEW scan_mv USING tsdb WITH (tags = 'plant', sample_interval = '1s') AS
    SELECT time, plant, v FROM scan_m WHERE sensor = 'flow';
SELECT explain($$SELECT * FROM scan_mv WHERE plant = 'north'$$);
SELECT count(*), count(v) FROM scan_mv WHERE plant = 'north' AND time > '2024-01-01 01:00';
CREATE TEMP TABLE scan_t (time timestamptz NOT NULL, tag text, v float8) USING tsdb WITH (tags = 'tag', sample_interval = '1s');
INSERT INTO scan_t SELECT time, plant, i4 FROM scan_h WHERE line = 1 AND time > '2024-01-01';
SELECT tag, count(*), sum(v) FROM scan_t WHERE time < '2024-01-01 02:00' GROUP BY tag ORDER BY tag;

DROP TABLE scan_t, scan_bare, scan_p, scan_window, scan_h;
DROP MATERIALIZED VIEW scan_mv;
DROP TABLE scan_m;
DROP FUNCTION same, explain, windows, leak;
