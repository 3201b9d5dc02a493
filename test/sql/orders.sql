-- Orders that the scan delivers without a sort, and queries that need one row of each series:
-- the same rows in the same order as a heap table, whatever lies in segments, runs and memory.
SET timezone = 'UTC';
SET datestyle = 'ISO, MDY';
SET max_parallel_workers_per_gather = 0;

CREATE TABLE ord_m (time timestamptz NOT NULL, plant text COLLATE "C", line int4, v float8, n int4, note text, quality tsdb.quality)
    USING tsdb WITH (tags = 'plant,line', sample_interval = '1s');
CREATE TABLE ord_h (LIKE ord_m) USING heap;
INSERT INTO ord_h
SELECT timestamptz '2024-01-01' + i * (1 + line % 3) * interval '90 s', plant, line, round((sin(i / 30.0 + line) * 50)::numeric, 1),
       CASE WHEN i % 7 = 0 THEN NULL ELSE i * line END, 'note ' || i / 9, CASE WHEN i % 40 = 3 THEN -2147483648 ELSE 0 END
FROM generate_series(0, 1500) i, (VALUES ('b', 3), ('a', 1), (NULL, 2), ('B', 1), ('a', 2), ('ä', 7)) s (plant, line);
INSERT INTO ord_h SELECT timestamptz '2024-01-02', 'lone', NULL, 1;
INSERT INTO ord_m SELECT * FROM ord_h;
SELECT tsdb.compact('ord_m');
-- Runs on top: later rows, rows in between, others again, some gone; one series that has only runs, one that has nothing left.
INSERT INTO ord_m SELECT time + interval '5 days 7 s', plant, line, v + 1, n, note, quality FROM ord_h WHERE line = 1 AND v > 0;
INSERT INTO ord_h SELECT time + interval '5 days 7 s', plant, line, v + 1, n, note, quality FROM ord_h WHERE line = 1 AND v > 0;
INSERT INTO ord_m SELECT time, 'new', 9, v, n, note, quality FROM ord_h WHERE plant = 'b' AND v < 0;
INSERT INTO ord_h SELECT time, 'new', 9, v, n, note, quality FROM ord_h WHERE plant = 'b' AND v < 0;
UPDATE ord_m SET v = 1000 WHERE plant = 'a' AND n % 100 = 4;
UPDATE ord_h SET v = 1000 WHERE plant = 'a' AND n % 100 = 4;
DELETE FROM ord_m WHERE plant = 'ä' OR (plant = 'b' AND time > '2024-01-04');
DELETE FROM ord_h WHERE plant = 'ä' OR (plant = 'b' AND time > '2024-01-04');
ANALYZE ord_m;

-- ordered(query): its rows in order are those of the heap table, also with pending rows; and no Sort is in the plan.
CREATE FUNCTION rows_of(query text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    result text;
BEGIN
    EXECUTE format('SELECT count(*) || '' '' || coalesce(md5(string_agg(x::text, ''|'')), '''') FROM (%s) x', query) INTO result;
    RETURN result;
END $$;
CREATE FUNCTION ordered(query text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    line text;
    plan text := '';
BEGIN
    IF rows_of(query) <> rows_of(replace(query, 'ord_m', 'ord_h')) THEN
        RETURN 'differs: ' || rows_of(query) || ', ' || rows_of(replace(query, 'ord_m', 'ord_h'));
    END IF;
    FOR line IN EXECUTE 'EXPLAIN (COSTS off) ' || query LOOP
        plan := plan || line;
    END LOOP;
    RETURN split_part(rows_of(query), ' ', 1) || ' rows' || CASE WHEN plan ~ 'Incremental Sort' THEN ', partly sorted' WHEN plan ~ 'Sort' THEN ', sorted' ELSE '' END
        || CASE WHEN plan ~ 'One Row Per Series' THEN ', one per series' ELSE '' END;
END $$;
CREATE TABLE ord_queries (id int PRIMARY KEY, query text);
INSERT INTO ord_queries VALUES
    (1, $$SELECT * FROM ord_m WHERE plant = 'a' AND line = 1 ORDER BY time$$),
    (2, $$SELECT * FROM ord_m WHERE plant = 'a' AND line = 1 ORDER BY time DESC$$),
    (3, $$SELECT * FROM ord_m WHERE plant = 'a' AND line = 1 ORDER BY time DESC LIMIT 3$$),
    (4, $$SELECT time, v FROM ord_m WHERE plant = 'a' AND line = 2 AND time < '2024-01-02' AND v > 10 ORDER BY plant, time DESC LIMIT 20 OFFSET 5$$),
    (5, $$SELECT * FROM ord_m ORDER BY plant, line, time LIMIT 5000$$),
    (6, $$SELECT * FROM ord_m ORDER BY plant, line, time DESC LIMIT 5000$$),
    (7, $$SELECT * FROM ord_m ORDER BY plant DESC, line, time LIMIT 2000$$),
    (8, $$SELECT * FROM ord_m ORDER BY plant NULLS FIRST, line DESC, time LIMIT 4000$$),
    (9, $$SELECT * FROM ord_m WHERE plant > 'a' ORDER BY line DESC, plant DESC, time DESC LIMIT 4000$$),
    (10, $$SELECT * FROM ord_m WHERE line = 1 ORDER BY plant, time LIMIT 5000$$),
    (11, $$SELECT * FROM ord_m ORDER BY plant, time, line LIMIT 1000$$),
    (12, $$SELECT * FROM ord_m ORDER BY time, plant, line LIMIT 100$$),
    (13, $$SELECT * FROM ord_m ORDER BY time DESC, plant, line LIMIT 100$$),
    (14, $$SELECT * FROM ord_m WHERE v > 49 ORDER BY time, plant, line LIMIT 100$$),
    (15, $$SELECT * FROM ord_m WHERE v < 0 AND time > '2024-01-03' AND note ~ '7' ORDER BY time DESC, plant, line LIMIT 100$$),
    (16, $$SELECT * FROM ord_m WHERE time < '2020-01-01' ORDER BY time DESC, plant, line LIMIT 100$$),
    (17, $$SELECT DISTINCT plant FROM ord_m ORDER BY plant$$),
    (18, $$SELECT DISTINCT plant, line FROM ord_m ORDER BY line DESC, plant LIMIT 4$$),
    (19, $$SELECT DISTINCT upper(plant) AS p FROM ord_m ORDER BY p$$),
    (20, $$SELECT DISTINCT plant FROM ord_m WHERE time > '2024-01-05' ORDER BY plant$$),
    (21, $$SELECT DISTINCT plant FROM ord_m WHERE v > 999 ORDER BY plant$$),
    (22, $$SELECT DISTINCT plant FROM ord_m WHERE note = 'note 5' ORDER BY plant$$),
    (23, $$SELECT DISTINCT plant, v FROM ord_m WHERE v > 49 ORDER BY plant, v$$),
    (24, $$SELECT DISTINCT ON (plant, line) * FROM ord_m ORDER BY plant, line, time DESC$$),
    (25, $$SELECT DISTINCT ON (line, plant) * FROM ord_m WHERE v IS NOT NULL AND n IS NULL ORDER BY line, plant DESC, time$$),
    (26, $$SELECT DISTINCT ON (plant) * FROM ord_m ORDER BY plant, line, time DESC$$),
    (27, $$SELECT DISTINCT ON (plant) * FROM ord_m ORDER BY plant, time DESC, line$$),
    (28, $$SELECT DISTINCT ON (plant, line) plant, line, v FROM ord_m ORDER BY plant, line, v DESC$$),
    (29, $$SELECT DISTINCT ON (plant, line) * FROM ord_m WHERE plant = 'a' AND line = 1 ORDER BY plant, line, time DESC$$),
    (30, $$SELECT DISTINCT ON (plant, line, time) time, plant, line, v FROM ord_m WHERE time < '2024-01-01 01:00' ORDER BY plant, line, time, v$$),
    (31, $$SELECT count(DISTINCT plant), count(DISTINCT line), max(plant), min(line) FROM ord_m$$),
    (32, $$SELECT plant, count(DISTINCT line) FROM ord_m GROUP BY plant ORDER BY plant$$),
    (33, $$SELECT line FROM ord_m GROUP BY line HAVING count(DISTINCT plant) > 1 ORDER BY line$$),
    (34, $$SELECT plant, count(DISTINCT line), count(*) FROM ord_m GROUP BY plant ORDER BY plant$$),
    (35, $$SELECT count(DISTINCT plant) FILTER (WHERE line > 1), count(DISTINCT line) FILTER (WHERE plant <> 'a') FROM ord_m WHERE time > '2024-01-02 12:00'$$),
    (36, $$SELECT count(DISTINCT plant) FILTER (WHERE v > 49) FROM ord_m$$),
    (37, $$SELECT s.line, l.* FROM generate_series(1, 9) s (line), LATERAL (SELECT time, v FROM ord_m m WHERE m.line = s.line AND m.plant = 'a' ORDER BY time DESC LIMIT 2) l$$),
    (38, $$SELECT x.* FROM (SELECT * FROM ord_m ORDER BY time DESC, plant, line LIMIT 50) x ORDER BY time, plant, line$$),
    (39, $$SELECT DISTINCT plant, count(*) OVER () AS n FROM ord_m ORDER BY plant$$),
    (40, $$SELECT DISTINCT 1 AS one FROM ord_m$$),
    (41, $$SELECT DISTINCT ON (plant, line) plant, line, time, v, n, quality FROM ord_m ORDER BY plant, line, time DESC$$),
    (42, $$SELECT DISTINCT ON (plant, line) plant, line, time, v, n, quality FROM ord_m ORDER BY plant, line, time$$),
    (43, $$SELECT DISTINCT ON (plant, line) plant, line, time FROM ord_m ORDER BY plant, line, time DESC$$),
    (44, $$SELECT DISTINCT ON (plant, line) plant, line, n FROM ord_m WHERE time < '2024-01-02 12:34' ORDER BY plant, line, time DESC$$),
    (45, $$SELECT DISTINCT ON (plant, line) plant, line, v FROM ord_m WHERE time >= '2024-01-04' ORDER BY plant, line, time DESC$$),
    (46, $$SELECT DISTINCT ON (plant, line) plant, line, time, v FROM ord_m WHERE time > '2024-01-01' ORDER BY plant, line, time$$),
    (47, $$SELECT DISTINCT ON (plant, line) plant, line, v FROM ord_m WHERE v < 30 ORDER BY plant, line, time DESC$$);
-- How core sorts and limits some of them differs from major to major.
SELECT id, CASE WHEN id IN (27, 28, 29, 40) THEN regexp_replace(ordered(query), ',.*', '') ELSE ordered(query) END AS ordered FROM ord_queries ORDER BY id;
-- The same with rows of this transaction, some flushed and some not, some of them old rows again.
BEGIN;
INSERT INTO ord_m (time, plant, line, v) VALUES ('2024-02-01', 'a', 1, 5), ('2023-12-31', 'zero', 0, 60), ('2024-01-01', 'a', 1, 70);
DELETE FROM ord_h WHERE time = '2024-01-01' AND plant = 'a' AND line = 1;
INSERT INTO ord_h (time, plant, line, v) VALUES ('2024-02-01', 'a', 1, 5), ('2023-12-31', 'zero', 0, 60), ('2024-01-01', 'a', 1, 70);
SELECT id, ordered(query) FROM ord_queries WHERE ordered(query) LIKE 'differs%' ORDER BY id;
DELETE FROM ord_m WHERE plant = 'new';
DELETE FROM ord_h WHERE plant = 'new';
SELECT id, ordered(query) FROM ord_queries WHERE ordered(query) LIKE 'differs%' ORDER BY id;
ROLLBACK;
-- Without the node; compacted; with generic plans.
SET tsdb.enable_scan = off;
SELECT id, ordered(query) FROM ord_queries WHERE ordered(query) LIKE 'differs%' ORDER BY id;
RESET tsdb.enable_scan;
SELECT tsdb.compact('ord_m');
SELECT id, ordered(query) FROM ord_queries WHERE ordered(query) LIKE 'differs%' ORDER BY id;

EXPLAIN (COSTS off) SELECT * FROM ord_m WHERE plant = 'a' AND line = 1 ORDER BY time DESC LIMIT 1;
EXPLAIN (COSTS off) SELECT DISTINCT ON (plant, line) * FROM ord_m WHERE v > 0 ORDER BY plant, line, time DESC;
EXPLAIN (COSTS off) SELECT * FROM ord_m ORDER BY time DESC LIMIT 3;
-- What reads how little: tags are in the catalogue.
CREATE FUNCTION decoded(query text) RETURNS int LANGUAGE plpgsql AS $$
DECLARE
    plan jsonb;
BEGIN
    EXECUTE 'EXPLAIN (ANALYZE, FORMAT json, TIMING off) ' || query INTO plan;
    RETURN jsonb_path_query_first(plan, '$.**."Blocks Decoded"')::int;
END $$;
SELECT decoded($$SELECT * FROM ord_m WHERE plant = 'a' AND line = 1 ORDER BY time DESC LIMIT 1$$) AS last_row,
       decoded($$SELECT DISTINCT ON (plant, line) * FROM ord_m ORDER BY plant, line, time DESC$$) AS last_rows,
       decoded($$SELECT DISTINCT plant FROM ord_m$$) AS tags, decoded($$SELECT count(DISTINCT line) FROM ord_m$$) AS counted,
       decoded($$SELECT * FROM ord_m WHERE v > 2000$$) AS by_value,
       decoded($$SELECT DISTINCT ON (plant, line) plant, time, v, n FROM ord_m ORDER BY plant, line, time DESC$$) AS last_values,
       decoded($$SELECT DISTINCT ON (plant, line) plant, time, v, n FROM ord_m ORDER BY plant, line, time$$) AS first_values,
       decoded($$SELECT DISTINCT plant FROM ord_m WHERE time > '2024-01-03'$$) AS late_tags;

-- Outermost rows told by summaries: any bits of a value, NULL, columns that are younger than the rows, rows that are deleted or replaced.
CREATE TABLE ord_m_edge (time timestamptz NOT NULL, tag int4, v float8, f float4, i int8, b boolean, d date) USING tsdb WITH (tags = 'tag', sample_interval = '1s');
CREATE TABLE ord_h_edge (LIKE ord_m_edge) USING heap;
INSERT INTO ord_h_edge
SELECT timestamptz '2024-01-01' + x * interval '1 hour', tag, CASE WHEN x NOT IN (0, 1500) THEN x::float8 WHEN tag = 1 THEN '-0' WHEN tag = 2 THEN 'NaN' WHEN tag = 3 THEN '-infinity' END,
       CASE WHEN tag = 2 THEN '-0' ELSE x / 3.0 END, 9223372036854775807 - x * tag, CASE WHEN x % 1500 > 0 OR tag <> 3 THEN tag = 1 END, CASE WHEN tag > 1 THEN date '-infinity' END
FROM generate_series(0, 1500) x, generate_series(1, 4) tag;
INSERT INTO ord_m_edge SELECT * FROM ord_h_edge;
SELECT tsdb.compact('ord_m_edge');
ALTER TABLE ord_m_edge ADD COLUMN late int4 DEFAULT 7, ADD COLUMN later float8;
ALTER TABLE ord_h_edge ADD COLUMN late int4 DEFAULT 7, ADD COLUMN later float8;
CREATE TABLE ord_edges (id int PRIMARY KEY, query text);
INSERT INTO ord_edges VALUES
    (1, $$SELECT DISTINCT ON (tag) * FROM ord_m_edge ORDER BY tag, time DESC$$),
    (2, $$SELECT DISTINCT ON (tag) * FROM ord_m_edge ORDER BY tag, time$$),
    (3, $$SELECT DISTINCT ON (tag) tag, late FROM ord_m_edge ORDER BY tag, time DESC$$),
    (4, $$SELECT DISTINCT ON (tag) tag, later, v FROM ord_m_edge WHERE time < '2024-02-10' ORDER BY tag, time DESC$$),
    (5, $$SELECT DISTINCT tag FROM ord_m_edge WHERE time > '2024-03-01' ORDER BY tag$$),
    (6, $$SELECT DISTINCT tag FROM ord_m_edge ORDER BY tag$$);
SELECT id, ordered(query), decoded(query) FROM ord_edges ORDER BY id;
SELECT tag, v, f, i, b, d FROM (SELECT DISTINCT ON (tag) * FROM ord_m_edge ORDER BY tag, time DESC) x;
-- Some rows of a segment are younger than the column; others are gone, or replaced, in runs.
INSERT INTO ord_m_edge VALUES ('2024-03-03 12:00:01', 1, 5, 6, 7, true, '2024-01-01', NULL, 8), ('2023-12-31', 2, 5, 6, 7, true, '2024-01-01', 8, NULL);
INSERT INTO ord_h_edge VALUES ('2024-03-03 12:00:01', 1, 5, 6, 7, true, '2024-01-01', NULL, 8), ('2023-12-31', 2, 5, 6, 7, true, '2024-01-01', 8, NULL);
SELECT id, ordered(query) FROM ord_edges WHERE ordered(query) LIKE 'differs%';
SELECT tsdb.compact('ord_m_edge');
SELECT id, ordered(query) FROM ord_edges WHERE ordered(query) LIKE 'differs%';
DELETE FROM ord_m_edge WHERE (tag = 1 AND time > '2024-01-01') OR (tag = 2 AND time < '2024-03-01') OR (tag = 3 AND time >= '2024-03-03 12:00') OR tag = 4;
DELETE FROM ord_h_edge WHERE (tag = 1 AND time > '2024-01-01') OR (tag = 2 AND time < '2024-03-01') OR (tag = 3 AND time >= '2024-03-03 12:00') OR tag = 4;
SELECT id, ordered(query) FROM ord_edges WHERE ordered(query) LIKE 'differs%';
SELECT tsdb.compact('ord_m_edge');
SELECT id, ordered(query) FROM ord_edges WHERE ordered(query) LIKE 'differs%';
-- One in the middle of the outermost segment changes nothing at its end: that one still tells.
UPDATE ord_m_edge SET v = 1 WHERE tag = 3 AND time = '2024-03-02 12:00';
UPDATE ord_h_edge SET v = 1 WHERE tag = 3 AND time = '2024-03-02 12:00';
SELECT id, ordered(query), decoded(query) FROM ord_edges WHERE id IN (1, 6);
-- TIDs need the block.
SELECT count(*) FROM ord_m_edge WHERE (ctid, time) IN (SELECT DISTINCT ON (tag) ctid, time FROM ord_m_edge ORDER BY tag, time DESC);
DROP TABLE ord_m_edge, ord_h_edge, ord_edges;

-- A cursor over an order goes both ways.
BEGIN;
DECLARE c SCROLL CURSOR FOR SELECT time, plant, line FROM ord_m ORDER BY plant DESC, line, time DESC;
MOVE FORWARD 1500 IN c;
FETCH 3 FROM c;
FETCH BACKWARD 3 FROM c;
MOVE FORWARD ALL IN c;
FETCH BACKWARD 2 FROM c;
MOVE BACKWARD ALL IN c;
FETCH 2 FROM c;
CLOSE c;
-- Rows for update keep their identity, sorted or not.
SELECT count(*) FROM (SELECT ctid FROM ord_m ORDER BY time DESC LIMIT 10 FOR UPDATE) x;
DECLARE u CURSOR FOR SELECT * FROM ord_m WHERE plant = 'a' AND line = 1 ORDER BY time DESC FOR UPDATE;
FETCH 2 FROM u;
UPDATE ord_m SET note = 'second last' WHERE CURRENT OF u;
SELECT note FROM ord_m WHERE plant = 'a' AND line = 1 ORDER BY time DESC LIMIT 3;
DECLARE w CURSOR FOR SELECT * FROM ord_m WHERE plant IN ('a', 'b') ORDER BY time DESC LIMIT 5;
FETCH 2 FROM w;
UPDATE ord_m SET note = 'by time' WHERE CURRENT OF w;
SELECT tableoid::regclass, time, plant, line, note FROM ord_m WHERE note = 'by time' ORDER BY time LIMIT 3;
SELECT count(*) FROM ord_m WHERE (ctid, time) IN (SELECT ctid, time FROM ord_m ORDER BY time LIMIT 7);
ROLLBACK;

-- Partitions: each one in order, merged.
CREATE TABLE ord_p (time timestamptz NOT NULL, tag text NOT NULL, v float8) PARTITION BY RANGE (time);
CREATE TABLE ord_p1 PARTITION OF ord_p FOR VALUES FROM ('2024-01-01') TO ('2024-02-01') USING tsdb WITH (tags = 'tag', sample_interval = '1s');
CREATE TABLE ord_p2 PARTITION OF ord_p FOR VALUES FROM ('2024-02-01') TO ('2024-03-01') USING tsdb WITH (tags = 'tag', sample_interval = '1s');
INSERT INTO ord_p SELECT timestamptz '2024-01-20' + i * interval '1 hour', CASE i % 2 WHEN 0 THEN 'a' ELSE 'b' END, i FROM generate_series(0, 500) i;
EXPLAIN (COSTS off) SELECT * FROM ord_p WHERE tag = 'a' ORDER BY time DESC LIMIT 2;
SELECT * FROM ord_p WHERE tag = 'a' ORDER BY time DESC LIMIT 2;
SELECT DISTINCT tag FROM ord_p ORDER BY tag;
-- Tags, and last rows, of partitions from their catalogues; columns stand in another order in one of them, one is partitioned again.
CREATE TABLE ord_m_part (time timestamptz NOT NULL, tag text, unit int4, v float8) PARTITION BY RANGE (time);
CREATE TABLE ord_m_part1 PARTITION OF ord_m_part FOR VALUES FROM ('2024-01-01') TO ('2024-02-01') USING tsdb WITH (tags = 'tag,unit', sample_interval = '1s');
CREATE TABLE ord_m_part2 (unit int4, gone int4, v float8, tag text, time timestamptz NOT NULL) USING tsdb WITH (tags = 'unit,tag', sample_interval = '1s');
ALTER TABLE ord_m_part2 DROP COLUMN gone;
ALTER TABLE ord_m_part ATTACH PARTITION ord_m_part2 FOR VALUES FROM ('2024-02-01') TO ('2024-03-01');
CREATE TABLE ord_m_part3 PARTITION OF ord_m_part FOR VALUES FROM ('2024-03-01') TO ('2024-05-01') PARTITION BY RANGE (time);
CREATE TABLE ord_m_part31 PARTITION OF ord_m_part3 FOR VALUES FROM ('2024-03-01') TO ('2024-04-01') USING tsdb WITH (tags = 'tag,unit', sample_interval = '1s');
CREATE TABLE ord_m_part32 PARTITION OF ord_m_part3 FOR VALUES FROM ('2024-04-01') TO ('2024-05-01') USING tsdb WITH (tags = 'tag,unit', sample_interval = '1s');
CREATE TABLE ord_h_part (LIKE ord_m_part) USING heap;
INSERT INTO ord_h_part SELECT timestamptz '2024-01-20' + i * interval '1 hour', (ARRAY['a', 'B', 'c', NULL])[1 + i % 4], i % 3, i FROM generate_series(0, 1700) i WHERE i % 4 <> 2 OR i < 900;
INSERT INTO ord_m_part SELECT * FROM ord_h_part;
SELECT tsdb.compact('ord_m_part1'), tsdb.compact('ord_m_part2'), tsdb.compact('ord_m_part31');
DELETE FROM ord_m_part WHERE tag = 'B' AND unit = 1 AND time > '2024-02-10';
DELETE FROM ord_h_part WHERE tag = 'B' AND unit = 1 AND time > '2024-02-10';
ANALYZE ord_m_part;
CREATE TABLE ord_parts (id int PRIMARY KEY, query text);
INSERT INTO ord_parts VALUES
    (1, $$SELECT DISTINCT tag FROM ord_m_part ORDER BY tag$$),
    (2, $$SELECT DISTINCT unit, tag FROM ord_m_part ORDER BY unit DESC, tag$$),
    (3, $$SELECT DISTINCT tag FROM ord_m_part WHERE time > '2024-03-02' AND tag <> 'a' ORDER BY tag$$),
    (4, $$SELECT DISTINCT tag || unit AS x FROM ord_m_part ORDER BY x$$),
    (5, $$SELECT count(DISTINCT tag), max(unit) FROM ord_m_part$$),
    (6, $$SELECT tag, count(DISTINCT unit) FROM ord_m_part GROUP BY tag ORDER BY tag$$),
    (7, $$SELECT tag FROM ord_m_part GROUP BY tag, unit HAVING unit > 0 ORDER BY tag$$),
    (8, $$SELECT DISTINCT ON (tag, unit) * FROM ord_m_part ORDER BY tag, unit, time DESC$$),
    (9, $$SELECT DISTINCT ON (tag, unit) tag, unit, time, v FROM ord_m_part WHERE time < '2024-03-10' ORDER BY tag, unit, time DESC$$),
    (10, $$SELECT DISTINCT ON (unit, tag) v, tag FROM ord_m_part ORDER BY unit, tag DESC, time$$),
    (11, $$SELECT DISTINCT tag FROM ord_m_part WHERE time < '2024-02-01' ORDER BY tag$$),
    (12, $$SELECT DISTINCT tag FROM ord_m_part WHERE time < '2020-02-01' ORDER BY tag$$),
    (13, $$SELECT DISTINCT tag, count(*) OVER () AS n FROM ord_m_part ORDER BY tag$$);
SELECT id, regexp_replace(ordered(query), CASE WHEN id = 4 THEN ',.*' ELSE ', (partly )?sorted' END, '') AS ordered FROM ord_parts ORDER BY id;
CREATE TABLE ord_m_part5 PARTITION OF ord_m_part FOR VALUES FROM ('2024-05-01') TO ('2024-06-01') USING heap;
INSERT INTO ord_m_part VALUES ('2024-05-01', 'heap', 1, 1);
INSERT INTO ord_h_part VALUES ('2024-05-01', 'heap', 1, 1);
SELECT id, regexp_replace(ordered(query), ', (partly )?sorted', '') AS ordered FROM ord_parts WHERE id IN (1, 3, 8, 9) ORDER BY id;
DROP TABLE ord_m_part, ord_h_part, ord_parts;

-- Row security: a condition that may leak is not evaluated before the policy.
CREATE ROLE ord_reader;
GRANT SELECT ON ord_m TO ord_reader;
CREATE FUNCTION tell(x text) RETURNS boolean LANGUAGE plpgsql COST 0.0001 AS $$ BEGIN RAISE NOTICE 'seen %', x; RETURN true; END $$;
ALTER TABLE ord_m ENABLE ROW LEVEL SECURITY;
CREATE POLICY mine ON ord_m USING (plant = 'lone');
SET ROLE ord_reader;
SELECT DISTINCT plant FROM ord_m WHERE tell(plant);
SELECT DISTINCT ON (plant, line) plant, v FROM ord_m ORDER BY plant, line, time DESC;
RESET ROLE;
DROP TABLE ord_m, ord_h, ord_p, ord_queries;
DROP ROLE ord_reader;
DROP FUNCTION rows_of, ordered, decoded, tell;
