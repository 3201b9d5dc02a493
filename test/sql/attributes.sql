-- Attributes of series: rules by tags, the functions about a row, the views.
SET timezone = 'UTC';
SET datestyle = 'ISO, MDY';
CREATE TABLE at_m (time timestamptz NOT NULL, plant text NOT NULL, sensor varchar(20), line int4, ok bool, value float8, quality tsdb.quality)
    USING tsdb WITH (tags = 'plant,sensor,line,ok', sample_interval = '1s');
INSERT INTO at_m SELECT t, p, s, l, l = 1, 5, 0
FROM generate_series(timestamptz '2026-03-29', '2026-03-30', '6 hours') t,
     (VALUES ('cl', 't1', 1), ('cl', 'p 1', 2), ('au', 't1', 1), ('au', NULL, NULL)) s(p, s, l);
SELECT tsdb.compact('at_m');
INSERT INTO at_m VALUES ('2026-04-01', 'au', 't1', 1, true, 7, 0);

-- The rule with the most tags counts, for each attribute by itself; of equals the last one.
SELECT tsdb.set_series('at_m', '{"plant": "cl"}', timezone => 'America/Santiago', unit => 'degC', low => 1, high => 4);
SELECT tsdb.set_series('at_m', '{"plant": "au"}', timezone => 'Australia/Sydney', stepped => true);
SELECT tsdb.set_series('at_m', '{"line": 1, "ok": true}', description => 'line one', high => 6);
SELECT tsdb.set_series('at_m', '{"sensor": null, "line": null}', description => 'none');
SELECT tsdb.set_series('at_m', '{}', unit => 'K', stepped => false);
SELECT tsdb.set_series('at_m', '{"sensor": "t1"}', low => 2);
SELECT * FROM tsdb.series_rules WHERE "table" = 'at_m'::regclass ORDER BY series::text;
SELECT key, tags, timezone, unit, low, high, description, stepped FROM tsdb.series WHERE "table" = 'at_m'::regclass ORDER BY key;
SELECT key, first_time, last_time, samples, blocks, bytes > 0 AS has_bytes FROM tsdb.series WHERE "table" = 'at_m'::regclass ORDER BY key;
SELECT key, unit FROM tsdb.series WHERE key ~ '^at_m,.*sensor=p' AND tags @> '{"plant": "cl"}';
SELECT count(*) FROM tsdb.series WHERE "table" = 'at_m'::regclass AND tags @> '{"line": 1}' AND unit = 'K';
-- A later call for the same tags changes what it gives and is the newest again.
SELECT tsdb.set_series('at_m', '{"plant": "cl"}', low => 3);
SELECT key, unit, low FROM tsdb.series WHERE "table" = 'at_m'::regclass AND tags @> '{"plant": "cl"}' ORDER BY key;
SELECT tsdb.unset_series('at_m', '{"plant": "cl"}', '{low,unit}'), tsdb.unset_series('at_m', '{"sensor": "t1"}'), tsdb.unset_series('at_m', '{"plant": "x"}');
SELECT * FROM tsdb.series_rules WHERE "table" = 'at_m'::regclass ORDER BY series::text;
-- What a query does not ask for is not worked out.  The joins around it are core's, and differ from major to major.
CREATE FUNCTION functions_of(query text) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
    line text;
BEGIN
    FOR line IN EXECUTE 'EXPLAIN (COSTS OFF) ' || query LOOP
        IF line ~ 'series' THEN
            RETURN NEXT ltrim(line, ' ->');
        END IF;
    END LOOP;
END $$;
SELECT functions_of($$SELECT key FROM tsdb.series WHERE "table" = 1::oid::regclass AND tags @> '{"plant": "cl"}'$$);
DROP FUNCTION functions_of;

-- Refused.
SELECT tsdb.set_series('at_m', '{"line": "x"}', unit => 'K');
SELECT tsdb.set_series('at_m', '{"line": [1]}', unit => 'K');
SELECT tsdb.set_series('at_m', '{"value": 1}', unit => 'K');
SELECT tsdb.set_series('at_m', '[]', unit => 'K');
SELECT tsdb.set_series('at_m', '{}', low => 3, high => 1);
SELECT tsdb.set_series('at_m', '{"plant": "cl"}', low => 5);
SELECT tsdb.set_series('at_m', '{}', low => 'NaN');
SELECT tsdb.set_series('at_m', '{}', timezone => 'Mars/Olympus');
SELECT tsdb.set_series('at_m', '{}', timezone => 'CEST');
SELECT tsdb.set_series('at_m', '{}');
SELECT tsdb.set_series('at_m', NULL, unit => 'K');
SELECT tsdb.set_series('pg_class', '{}', unit => 'K');
SELECT tsdb.set_series(1::oid, '{}', unit => 'K');
SELECT tsdb.unset_series('at_m', '{}', '{colour}');
SELECT tsdb.series_key('at_m', 0), tsdb.series_key('at_m', 99);
SELECT tsdb.series_ids('pg_class');

-- Functions about a row: of a table they read the columns that count.
EXPLAIN (COSTS OFF, VERBOSE) SELECT tsdb.local_time(b), tsdb.unit(b) FROM at_m b;
SELECT plant, sensor, tsdb.local_time(b), tsdb.local_bucket('1 day', b) AS day, tsdb.local_bucket('1 month', b, '2000-01-01') AS month, tsdb.timezone(b), tsdb.unit(b), tsdb.low(b), tsdb.high(b),
       tsdb.stepped(b), tsdb.description(b), tsdb.out_of_limits(b) AS row_out, tsdb.out_of_limits(value, b) AS value_out
FROM at_m b WHERE time >= '2026-03-29 12:00' AND time < '2026-03-29 18:00' ORDER BY plant, sensor;
SELECT plant, tsdb.local_bucket('1 day', b) AS day, count(*), avg(value) FROM at_m b GROUP BY 1, 2 ORDER BY 1, 2;
-- The same by any way that a row of the table comes.
SELECT count(*) FILTER (WHERE x), count(*) FROM (
    SELECT tsdb.local_time(r) = tsdb.local_time(m) AND tsdb.local_bucket('6 hours', r) = tsdb.local_bucket('6 hours', m) AND tsdb.unit(r) IS NOT DISTINCT FROM tsdb.unit(m)
           AND tsdb.local_time(r) = timezone(coalesce(tsdb.timezone(m), 'UTC'), m.time) AND tsdb.local_time(r) = tsdb.local_time('at_m', m.time, m.plant, m.sensor, m.line, m.ok) AS x
    FROM (SELECT b AS r, time AS t, plant AS p, sensor AS s FROM at_m b OFFSET 0) q JOIN at_m m ON q.t = m.time AND q.p = m.plant AND q.s IS NOT DISTINCT FROM m.sensor) y;
SELECT p.p, tsdb.local_time(m), tsdb.unit(m) FROM (VALUES ('cl'), ('nowhere')) p(p) LEFT JOIN at_m m ON m.plant = p.p AND m.time = '2026-03-29' AND m.line = 1 ORDER BY 1;
SELECT (SELECT max(tsdb.local_time(m)) FROM (SELECT 1) x) FROM at_m m WHERE plant = 'cl' AND line = 1 AND time = '2026-03-29';
SELECT tsdb.local_time(ROW('2026-06-01 12:00+00', 'au', NULL, NULL, NULL, 1, 0)::at_m), tsdb.local_time(ROW(NULL, 'au', NULL, NULL, NULL, 1, 0)::at_m), tsdb.local_time(NULL::at_m),
       tsdb.local_time(ROW('infinity', 'au', NULL, NULL, NULL, 1, 0)::at_m), tsdb.local_bucket('1 day', ROW('-infinity', 'au', NULL, NULL, NULL, 1, 0)::at_m);
CREATE FUNCTION at_clock() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE NOTICE '% is % there', NEW.time, tsdb.local_time(NEW); RETURN NEW; END $$;
CREATE TRIGGER at_clock BEFORE INSERT ON at_m FOR EACH ROW EXECUTE FUNCTION at_clock();
INSERT INTO at_m VALUES ('2026-04-04 15:59', 'au', 't1', 1, true, 7, 0), ('2026-04-04 16:00', 'cl', 't1', 1, true, 7, 0) RETURNING tsdb.local_time(at_m);
DROP TRIGGER at_clock ON at_m;
SELECT tsdb.local_time(q) FROM (SELECT * FROM at_m OFFSET 0) q LIMIT 1;
SELECT tsdb.local_time(c) FROM pg_class c LIMIT 1;
SELECT tsdb.local_time('at_m', now(), 'au'::text), 1;
SELECT tsdb.local_time('at_m', now(), 'au'::text, 1, 1, true);
SELECT tsdb.local_bucket('0 days', b) FROM at_m b LIMIT 1;
SELECT tsdb.local_bucket('1 month 1 day', b) FROM at_m b LIMIT 1;

-- Transactions: own changes at once, gone with ROLLBACK; changes by hand count.
PREPARE units AS SELECT string_agg(DISTINCT tsdb.unit(b), ',') FROM at_m b;
EXECUTE units;
BEGIN;
SELECT tsdb.set_series('at_m', '{"plant": "au"}', unit => 'bar');
EXECUTE units;
SAVEPOINT a;
SELECT tsdb.set_series('at_m', '{"plant": "au"}', unit => 'psi');
EXECUTE units;
ROLLBACK TO a;
EXECUTE units;
ROLLBACK;
EXECUTE units;
UPDATE tsdb.series_rule SET unit = 'mK' WHERE target = 'at_m'::regclass AND unit = 'K';
EXECUTE units;
BEGIN;
DELETE FROM tsdb.series_rule WHERE target = 'at_m'::regclass;
EXECUTE units;
ROLLBACK;
BEGIN;
TRUNCATE tsdb.series_rule;
EXECUTE units;
ROLLBACK;
EXECUTE units;

-- Columns are renamed, tables dropped; a partitioned table speaks for its partitions.
ALTER TABLE at_m RENAME plant TO site;
SELECT * FROM tsdb.series_rules WHERE "table" = 'at_m'::regclass ORDER BY series::text;
SELECT DISTINCT site, tsdb.timezone(b) FROM at_m b ORDER BY 1;
CREATE TABLE at_p (time timestamptz NOT NULL, plant text, value int4) PARTITION BY RANGE (time);
SELECT tsdb.set_series('at_p', '{}', unit => 'K');
CREATE TABLE at_old (plant text, value int4, time timestamptz NOT NULL) USING tsdb WITH (tags = 'plant', sample_interval = '1s');
INSERT INTO at_old VALUES ('cl', 1, '2025-06-01 12:00'), ('au', 2, '2025-06-01 12:00');
SELECT tsdb.set_series('at_old', '{}', unit => 'of its own');
ALTER TABLE at_p ATTACH PARTITION at_old FOR VALUES FROM (MINVALUE) TO ('2026-01-01');
CREATE TABLE at_new PARTITION OF at_p FOR VALUES FROM ('2026-01-01') TO (MAXVALUE) USING tsdb WITH (tags = 'plant', sample_interval = '1s');
INSERT INTO at_p VALUES ('2026-06-01 12:00', 'cl', 3), ('2026-06-01 12:00', 'au', 4);
SELECT tsdb.set_series('at_p', '{"plant": "cl"}', timezone => 'America/Santiago', high => 2);
SELECT tsdb.set_series('at_p', '{}', timezone => 'Australia/Sydney');
SELECT tsdb.set_series('at_new', '{}', unit => 'K');
SELECT value, tsdb.local_time(p), tsdb.unit(p), tsdb.out_of_limits(p) FROM at_p p ORDER BY 1;
SELECT value, tsdb.local_time(p), tsdb.unit(p) FROM at_old p ORDER BY 1;
SELECT key, timezone FROM tsdb.series WHERE key ~ '^at_(old|new)' ORDER BY 1;
ALTER TABLE at_p RENAME plant TO site;
SELECT * FROM tsdb.series_rules WHERE "table" IN ('at_p'::regclass, 'at_old'::regclass) ORDER BY "table"::text, series::text;
ALTER TABLE at_p DETACH PARTITION at_old;
SELECT value, tsdb.local_time(p), tsdb.unit(p) FROM at_old p ORDER BY 1;

-- Rights: the owner sets, readers of the table see.
CREATE ROLE at_reader;
CREATE ROLE at_owner;
GRANT SELECT ON at_m TO at_reader;
ALTER TABLE at_old OWNER TO at_owner;
SET ROLE at_reader;
SELECT tsdb.set_series('at_m', '{}', unit => 'K');
SELECT DISTINCT "table" FROM tsdb.series;
SELECT DISTINCT "table" FROM tsdb.series_rules;
SELECT tsdb.series_key('at_new', 1);
SELECT count(*) FROM tsdb.series_rule;
SELECT DISTINCT tsdb.unit(b) FROM at_m b ORDER BY 1;
SET ROLE at_owner;
SELECT tsdb.set_series('at_old', '{"site": "cl"}', unit => 'bar');
SELECT DISTINCT tsdb.unit(b) FROM at_old b ORDER BY 1;
RESET ROLE;

-- Attributes are for those who may read the tags, however they ask; a view hands on its owner's right with the row.
CREATE TABLE at_r (time timestamptz NOT NULL, site text, sensor text, value float8) USING tsdb WITH (tags = 'site,sensor', sample_interval = '1s');
INSERT INTO at_r VALUES ('2025-06-01 12:00', 'au', 't1', 1);
SELECT tsdb.set_series('at_r', '{"site": "au"}', timezone => 'Australia/Sydney', unit => 'K', high => 0, stepped => true, low => -9, description => 'd');
CREATE ROLE at_stranger;
CREATE ROLE at_tags;
GRANT SELECT (site, sensor, time) ON at_r TO at_tags;
CREATE TABLE at_own (time timestamptz NOT NULL, site text, sensor text) USING tsdb WITH (tags = 'site,sensor', sample_interval = '1s');
INSERT INTO at_own VALUES ('2025-06-01 12:00', 'au', 't1');
GRANT SELECT ON at_own TO at_stranger, at_tags;
CREATE VIEW at_v AS SELECT b, site, sensor, time, tsdb.unit(b) AS unit, tsdb.local_time(b) AS local FROM at_r b;
GRANT SELECT ON at_v TO at_stranger;
CREATE FUNCTION at_fake() RETURNS SETOF at_r LANGUAGE sql AS $$SELECT jsonb_populate_record(NULL::at_r, '{"time": "2025-06-01", "site": "au"}')$$;
CREATE FUNCTION at_ask(query text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    answer text;
BEGIN
    EXECUTE query INTO answer;
    RETURN answer;
EXCEPTION WHEN insufficient_privilege THEN
    RETURN sqlerrm;
END $$;
CREATE TABLE at_questions (n serial, query text);
GRANT SELECT ON at_questions TO at_stranger, at_tags;
INSERT INTO at_questions (query) VALUES
    ($$SELECT tsdb.unit('at_r'::regclass, now(), 'au'::text, 't1'::text)$$),
    ($$SELECT tsdb.timezone('at_r'::regclass, now(), 'au'::text, 't1'::text)$$),
    ($$SELECT count(tsdb.low('at_r'::regclass, now(), 'au'::text, 't1'::text)) + count(tsdb.high('at_r'::regclass, now(), 'au'::text, 't1'::text))$$),
    ($$SELECT count(tsdb.stepped('at_r'::regclass, now(), 'au'::text, 't1'::text)) + count(tsdb.description('at_r'::regclass, now(), 'au'::text, 't1'::text))$$),
    ($$SELECT tsdb.local_time('at_r'::regclass, '2025-06-01', 'au'::text, 't1'::text)$$),
    ($$SELECT tsdb.local_bucket('1 day', 'at_r'::regclass, '2025-06-01', 'au'::text, 't1'::text)$$),
    ($$SELECT tsdb.out_of_limits(1e9, 'at_r'::regclass, now(), 'au'::text, 't1'::text)$$),
    ($$SELECT tsdb.unit(jsonb_populate_record(NULL::at_r, '{"time": "2025-06-01", "site": "au"}'))$$),
    ($$SELECT tsdb.unit(r) FROM at_fake() r$$),
    ($$SELECT tsdb.unit(r) FROM (SELECT r FROM at_fake() r OFFSET 0) x$$),
    ($$SELECT tsdb.unit('at_r'::regclass, time, site, sensor) FROM at_own$$),
    ($$SELECT count(*) FROM at_own WHERE tsdb.unit('at_r'::regclass, time, site, sensor) IS NULL$$),
    ($$SELECT count(*) FROM at_own WHERE extract(hour FROM tsdb.local_time('at_r'::regclass, time, site, sensor)) = 22$$),
    ($$SELECT * FROM at_own WHERE extract(hour FROM tsdb.local_time('at_r'::regclass, time, site, sensor)) = 22$$),
    ($$SELECT count(*) FROM at_own GROUP BY tsdb.local_bucket('1 day', 'at_r'::regclass, time, site, sensor)$$),
    ($$SELECT tsdb.unit('at_r'::regclass, time, site, sensor) FROM at_v LIMIT 1$$),
    ($$SELECT string_agg(DISTINCT unit, ',') FROM at_v$$),
    ($$SELECT min(local) FROM at_v$$),
    ($$SELECT string_agg(DISTINCT tsdb.unit(b), ',') FROM at_v$$),
    ($$SELECT count(tsdb.out_of_limits(1, b)) > 0 FROM at_v$$),
    ($$SELECT count(*) > 0 FROM at_v WHERE extract(hour FROM tsdb.local_time(b)) >= 0$$);
SELECT n, left(query, 100) AS query, at_ask(query) FROM at_questions ORDER BY n;
SET ROLE at_stranger;
SELECT n, at_ask(query) FROM at_questions ORDER BY n;
SET ROLE at_tags;
SELECT n, at_ask(query) FROM at_questions ORDER BY n;
RESET ROLE;
DROP VIEW at_v;
DROP FUNCTION at_fake, at_ask;
DROP TABLE at_r, at_own, at_questions;
DROP ROLE at_stranger, at_tags;
ALTER TABLE at_m ENABLE ROW LEVEL SECURITY;
CREATE POLICY only_cl ON at_m USING (site = 'cl');
SET ROLE at_reader;
SELECT count(*) FROM tsdb.series;
SELECT tsdb.series_key('at_m', 1);
SELECT DISTINCT site, tsdb.unit(b) FROM at_m b ORDER BY 1;
RESET ROLE;
DROP TABLE at_m, at_p, at_old;
SELECT count(*) FROM tsdb.series_rule;
DROP FUNCTION at_clock;
DROP ROLE at_reader, at_owner;
