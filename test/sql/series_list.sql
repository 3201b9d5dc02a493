-- View tsdb.series with many series: conditions on tags look them up, functions read ahead.
SET timezone = 'UTC';
\set SHOW_CONTEXT never
CREATE TABLE sl_m (time timestamptz NOT NULL, plant text, unit_no varchar(9), line int4, big int8, ok bool, day date) USING tsdb WITH (tags = 'plant,unit_no,line,big,ok,day', sample_interval = '1s');
INSERT INTO sl_m SELECT '2026-01-01', CASE WHEN n % 7 <> 0 THEN 'p,' || n % 5 END, CASE WHEN n % 11 <> 0 THEN 'u=' || n % 3 END, CASE WHEN n % 13 <> 0 THEN n - 1500 END, n * 10000000000 + 1, n % 2 = 0, date '2026-01-01' + n % 4
FROM generate_series(1, 3000) n;
-- Names of a transaction that was rolled back stay.
BEGIN;
INSERT INTO sl_m SELECT '2026-01-01', 'gone ' || n FROM generate_series(1, 3) n;
ROLLBACK;
SELECT tsdb.set_series('sl_m', '{"plant": "p,1"}', unit => 'K'), tsdb.set_series('sl_m', '{"line": null}', low => 3);
CREATE FUNCTION sl_call(query text) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
    line text;
BEGIN
    FOR line IN EXECUTE 'EXPLAIN (VERBOSE, COSTS OFF) ' || query LOOP
        IF line ~ 'Function Call|series_ids' THEN RETURN NEXT trim(line); END IF;
    END LOOP;
END $$;
SELECT sl_call($$SELECT series_id FROM tsdb.series WHERE "table" = 'sl_m'::regclass AND tags @> '{"plant": "p,1"}'$$);
SELECT sl_call($$SELECT series_id FROM tsdb.series WHERE "table" = 'sl_m'::regclass AND tags ->> 'plant' = 'p,1'$$);

-- What the condition says of every series.  The second form is not seen by the planner.
CREATE FUNCTION sl_differ(cond text) RETURNS TABLE (n int8, differ int8) LANGUAGE plpgsql AS $$
BEGIN
    RETURN QUERY EXECUTE format($q$
        WITH a AS (SELECT series_id, key, unit, low FROM tsdb.series WHERE "table" = 'sl_m'::regclass AND %1$s),
             b AS (SELECT series_id, key, unit, low FROM tsdb.series WHERE "table" = 'sl_m'::regclass AND %2$s)
        SELECT (SELECT count(*) FROM a), (SELECT count(*) FROM ((TABLE a EXCEPT TABLE b) UNION ALL (TABLE b EXCEPT TABLE a)) x)$q$,
        cond, regexp_replace(cond, '\mtags\M', '(tags || ''{}'')', 'g'));
END $$;
SELECT cond, d.* FROM unnest(ARRAY[$$tags @> '{}'$$, $$tags @> '{"plant": "p,1"}'$$, $$'{"plant": "p,1", "line": 6}' <@ tags$$, $$tags @> '{"plant": null}'$$, $$tags @> '{"plant": "P,1"}'$$,
    $$tags @> '{"unit_no": "u=1", "line": -30}'$$, $$tags @> '{"line": -30.0}'$$, $$tags @> '{"line": "-30"}'$$, $$tags @> '{"line": -3e1}'$$, $$tags @> '{"line": 1.5}'$$, $$tags @> '{"line": 30000000000}'$$,
    $$tags @> '{"big": 20000000001}'$$, $$tags @> '{"big": 99999999999999999999}'$$, $$tags @> '{"ok": true, "day": "2026-01-02"}'$$, $$tags @> '{"ok": "true"}'$$, $$tags @> '{"nix": 1}'$$, $$tags @> '{"nix": null}'$$,
    $$tags @> '{"plant": ["p,1"]}'$$, $$tags @> '{"plant": {}}'$$, $$tags @> '["plant"]'$$, $$tags @> '"plant"'$$, $$tags @> NULL$$, $$tags @> '{"plant": "p,1"}' OR line_of(tags) = 7$$,
    $$tags = '{"ok": false, "big": 20010000000001, "day": "2026-01-02", "line": 501, "plant": "p,1", "unit_no": "u=0"}'$$, $$tags @> '{"ok": false, "big": 20010000000001, "day": "2026-01-02", "line": 501, "plant": "p,1", "unit_no": "u=0"}'$$,
    $$tags = '{"plant": "p,1"}'$$, $$tags = '{"ok": null, "big": null, "day": null, "line": null, "plant": "gone 2", "unit_no": null}'$$, $$tags @> '{"ok": null, "big": null, "day": null, "line": null, "plant": "gone 2", "unit_no": null, "x": 1}'$$,
    $$key ~ 'plant=p\\,3,' AND tags @> '{"ok": true}'$$, $$series_id % 100 = 7 AND tags @> '{"ok": false}'$$]) cond, LATERAL sl_differ(replace(cond, 'line_of(tags)', '(tags ->> ''line'')::int4')) d;
-- Tags that pin all but one, that JSON does not write as the dictionary compares: a date.
SELECT count(*) FROM tsdb.series WHERE "table" = 'sl_m'::regclass AND tags @> '{"ok": false, "big": 20010000000001, "line": 501, "plant": "p,1", "unit_no": "u=0"}';

-- Parameters, joins on either side, subqueries.
PREPARE of(jsonb) AS SELECT count(*) FROM tsdb.series WHERE "table" = 'sl_m'::regclass AND tags @> $1;
SET plan_cache_mode = force_generic_plan;
EXECUTE of('{"line": 7}');
EXECUTE of(NULL);
EXECUTE of('{"plant": "p,2", "ok": true}');
RESET plan_cache_mode;
SELECT count(*), count(x) FROM tsdb.series s LEFT JOIN (VALUES (1)) v(x) ON s.tags @> '{"line": 7}' WHERE s."table" = 'sl_m'::regclass;
SELECT count(*), count(s.key) FROM (VALUES (1), (2)) v(x) LEFT JOIN tsdb.series s ON s.tags @> '{"line": 7}' AND s."table" = 'sl_m'::regclass;
SELECT v.tags, (SELECT count(*) FROM tsdb.series s WHERE s."table" = 'sl_m'::regclass AND s.tags @> v.tags) FROM (VALUES ('{"line": 7}'::jsonb), ('{"plant": null}'), ('{"nix": 2}')) v(tags);

-- In any order of asking.
SELECT count(*) FROM generate_series(1, 3000) n WHERE tsdb.series_tags('sl_m', n) -> 'big' IS DISTINCT FROM to_jsonb(n * 10000000000 + 1);
SELECT count(*) FROM generate_series(3000, 1, -1) n WHERE tsdb.series_tags('sl_m', n) -> 'big' IS DISTINCT FROM to_jsonb(n * 10000000000 + 1);
SELECT count(*) FROM generate_series(1, 3000) i, LATERAL (SELECT (i * 997) % 3000 + 1 AS n) x WHERE tsdb.series_tags('sl_m', n) -> 'big' IS DISTINCT FROM to_jsonb(n * 10000000000 + 1);
SELECT count(*) FROM generate_series(1, 3000) i, LATERAL (SELECT CASE WHEN i % 300 < 5 THEN 17 ELSE i - i % 3 + 1 END AS n) x WHERE tsdb.series_tags('sl_m', n) -> 'big' IS DISTINCT FROM to_jsonb(n * 10000000000 + 1);
SELECT n, tsdb.series_key(t, n) FROM (VALUES (7, 'sl_m'::regclass), (8, 'sl_m')) v(n, t);
SELECT tsdb.series_key('sl_m', 0);
SELECT tsdb.series_key('sl_m', 1000000);
-- Rights are looked at for each role and table that a call is about.
CREATE TABLE sl_2 (time timestamptz NOT NULL, plant text) USING tsdb WITH (tags = 'plant', sample_interval = '1s');
INSERT INTO sl_2 VALUES ('2026-01-01', 'x');
SELECT n, t, tsdb.series_key(t, n) FROM (VALUES (1, 'sl_m'::regclass), (1, 'sl_2'), (2, 'sl_m')) v(n, t);
CREATE ROLE sl_reader;
GRANT SELECT ON sl_2 TO sl_reader;
SET ROLE sl_reader;
SELECT key FROM tsdb.series WHERE tags @> '{"plant": "x"}' OR tags @> '{"plant": "p,1"}';
SELECT key FROM tsdb.series WHERE tags @> '{"plant": "x"}';
SELECT tsdb.series_ids('sl_m', '{}');
SELECT tsdb.series_key(t, 1) FROM unnest('{sl_2,sl_m}'::regclass[]) t;
RESET ROLE;
DROP TABLE sl_m, sl_2;
DROP FUNCTION sl_differ, sl_call;
DROP ROLE sl_reader;
