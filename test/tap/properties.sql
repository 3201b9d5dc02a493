-- Properties of tsdb tables that hold for any rows: random ones, compared with a heap
-- table or with what plain SQL computes.
SELECT no_plan();
SET timezone = 'UTC';
SELECT setseed(0.42);

-- The stored time is the time floored to the grid; RETURNING and the table say the same.
CREATE TABLE source AS
    SELECT i, timestamptz '2000-01-01' + (random() - 0.5) * interval '200 years' AS time, 'tag' || (random() * 5)::int AS tag, random() * 100 AS v
    FROM generate_series(1, 2000) i;
CREATE FUNCTION check_grid(grid interval) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
    us bigint := extract(epoch FROM grid) * 1000000;
BEGIN
    EXECUTE format($q$CREATE TABLE g (time timestamptz NOT NULL, tag text, i int4, v float8) USING tsdb WITH (tags = 'tag', sample_interval = '%s us')$q$, us);
    CREATE TABLE returned (time timestamptz, tag text, i int4);
    WITH r AS (INSERT INTO g SELECT time, tag, i, v FROM source ORDER BY i RETURNING time, tag, i)
    INSERT INTO returned SELECT * FROM r;
    CREATE TABLE expected AS SELECT date_bin(grid, time, timestamptz '2000-01-01') AS time, tag, i, v FROM source;
    RETURN NEXT is((SELECT count(*) FROM returned r JOIN expected e USING (i) WHERE r.time <> e.time OR r.tag <> e.tag), 0::bigint, grid || ': RETURNING floors');
    RETURN NEXT set_eq('SELECT time, tag, i, v FROM g', 'SELECT DISTINCT ON (tag, time) time, tag, i, v FROM expected ORDER BY tag, time, i DESC', grid || ': the last row of a slot is there');
    PERFORM tsdb.compact('g');
    RETURN NEXT set_eq('SELECT time, tag, i, v FROM g', 'SELECT DISTINCT ON (tag, time) time, tag, i, v FROM expected ORDER BY tag, time, i DESC', grid || ': so it is after compaction');
    RETURN NEXT is((SELECT count(*) FROM (SELECT time, lag(time) OVER (PARTITION BY tag ORDER BY ctid) AS last FROM g) x WHERE time < last), 0::bigint, grid || ': ctids of a series ascend with time');
    RETURN NEXT is_empty($q$SELECT * FROM tsdb.verify('g')$q$, grid || ': verified');
    DROP TABLE g, returned, expected;
END $$;
SELECT check_grid('1 us');
SELECT check_grid('250 ms');
SELECT check_grid('1 s');
SELECT check_grid('15 min');
SELECT check_grid('1 day');

-- The same statements on a heap twin: what is returned, what is left.
CREATE TABLE m (time timestamptz NOT NULL, tag text, v int4, note text) USING tsdb WITH (tags = 'tag', sample_interval = '1s');
CREATE TABLE h (LIKE m) USING heap;
INSERT INTO h SELECT DISTINCT ON (slot, tag) timestamptz '2024-01-01' + slot * interval '1 s', tag, v, note
FROM (SELECT (random() * 3000)::int AS slot, 'tag' || (random() * 3)::int AS tag, (random() * 1000)::int AS v, md5(random()::text) AS note FROM generate_series(1, 5000)) x;
INSERT INTO m SELECT * FROM h ORDER BY random();
CREATE FUNCTION twin(sql text) RETURNS SETOF text LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE 'CREATE TEMP TABLE rm ON COMMIT DROP AS WITH x AS (' || format(sql, 'm') || ') SELECT * FROM x';
    EXECUTE 'CREATE TEMP TABLE rh ON COMMIT DROP AS WITH x AS (' || format(sql, 'h') || ') SELECT * FROM x';
    RETURN NEXT bag_eq('SELECT * FROM rm', 'SELECT * FROM rh', 'result of ' || sql);
    RETURN NEXT bag_eq('SELECT * FROM m', 'SELECT * FROM h', 'rows after ' || sql);
    DROP TABLE rm, rh;
END $$;
SELECT twin('SELECT * FROM %s');
SELECT twin('UPDATE %s SET v = v * 2, note = NULL WHERE v < 100 RETURNING *');
SELECT twin('DELETE FROM %s WHERE v %% 10 = 3 RETURNING note, v');
SELECT twin('UPDATE %s t SET v = s.v FROM (SELECT tag, max(v) AS v FROM h GROUP BY tag) s WHERE t.tag = s.tag AND t.v > 900 RETURNING t.*');
SELECT tsdb.compact('m');
SELECT twin('UPDATE %s SET time = time + interval ''1 day'' WHERE tag = ''tag1'' RETURNING time, v');
SELECT twin('UPDATE %s SET tag = upper(tag) WHERE tag = ''tag2'' AND v > 500 RETURNING *');
SELECT twin('DELETE FROM %s t USING (SELECT tag, min(time) AS time FROM h GROUP BY tag) s WHERE t.tag = s.tag AND t.time = s.time RETURNING t.*');
SELECT twin('INSERT INTO %s SELECT time + interval ''10 days'', tag, -v FROM h WHERE v < 50 RETURNING *');
SELECT twin('SELECT tag, count(*), sum(v), min(time), max(time), count(note) AS notes FROM %s GROUP BY tag');
SELECT twin('SELECT * FROM (SELECT *, row_number() OVER (PARTITION BY tag ORDER BY time DESC) AS n FROM %s) x WHERE n <= 3');
SELECT twin('SELECT a.tag, a.time, b.v - a.v AS step FROM %1$s a JOIN %1$s b ON b.tag = a.tag AND b.time = a.time + interval ''1 s''');
SELECT twin('SELECT t.*, l.v AS last FROM (SELECT DISTINCT tag FROM h) t, LATERAL (SELECT v FROM %s m WHERE m.tag = t.tag ORDER BY time DESC LIMIT 1) l');
SELECT twin('SELECT tag, time FROM %s WHERE (tag, time) IN (SELECT tag, time FROM h WHERE v > 950)');
SELECT twin('SELECT s.t, m.v FROM generate_series(timestamptz ''2024-01-01'', ''2024-01-01 00:05'', ''1 s'') s (t) LEFT JOIN %s m ON m.time = s.t AND m.tag = ''tag0''');
SELECT is_empty($$SELECT * FROM tsdb.verify('m')$$, 'verified');

-- System columns: a ctid names its row, rows of one table have its oid.
SELECT is((SELECT count(DISTINCT ctid) FROM m), (SELECT count(*) FROM m), 'ctids are unique');
SELECT is((SELECT count(*) FROM m a WHERE EXISTS (SELECT FROM m b WHERE b.ctid = a.ctid AND b.time = a.time AND b.tag = a.tag)), (SELECT count(*) FROM m), 'a ctid names its row');
SELECT is((SELECT count(*) FROM m WHERE tableoid = 'm'::regclass), (SELECT count(*) FROM m), 'tableoid');
WITH few AS (SELECT ctid FROM m ORDER BY note LIMIT 10), d AS (DELETE FROM m WHERE ctid IN (SELECT ctid FROM few) RETURNING *)
SELECT is((SELECT count(*) FROM d), 10::bigint, 'DELETE by ctid');
DELETE FROM h WHERE NOT EXISTS (SELECT FROM m WHERE m.time = h.time AND m.tag = h.tag);
SELECT bag_eq('SELECT * FROM m', 'SELECT * FROM h', 'only those');
SELECT throws_ok('SELECT xmin FROM m', '0A000', NULL, 'xmin: rows have none');

-- Plans of other shapes give the same rows.
CREATE FUNCTION total(settings text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    setting text;
    result text;
BEGIN
    FOREACH setting IN ARRAY string_to_array(settings, ' ') LOOP
        PERFORM set_config(split_part(setting, '=', 1), split_part(setting, '=', 2), true);
    END LOOP;
    SELECT count(*) || ' ' || sum(v) || ' ' || sum(extract(epoch FROM time)) || ' ' || md5(string_agg(note, '' ORDER BY tag, time)) INTO result FROM m;
    FOREACH setting IN ARRAY string_to_array(settings, ' ') LOOP
        EXECUTE 'RESET ' || split_part(setting, '=', 1);
    END LOOP;
    RETURN result;
END $$;
SELECT is(total('tsdb.enable_scan=off'), total('tsdb.enable_scan=on'), 'with and without the scan node');
SELECT is(total('max_parallel_workers_per_gather=2 parallel_setup_cost=0 parallel_tuple_cost=0 min_parallel_table_scan_size=0'), total('max_parallel_workers_per_gather=0'), 'parallel');
SELECT is(total('max_parallel_workers_per_gather=2 parallel_setup_cost=0 parallel_tuple_cost=0 min_parallel_table_scan_size=0 tsdb.enable_scan=off'), total('max_parallel_workers_per_gather=0'), 'parallel without the scan node');
SELECT is(total('force_parallel_mode=on'), total('force_parallel_mode=off'), 'forced') WHERE current_setting('server_version_num')::int < 160000;
BEGIN;
INSERT INTO m VALUES ('2030-01-01', 'pending', 1, 'x');
SELECT is(total('max_parallel_workers_per_gather=2 parallel_setup_cost=0 parallel_tuple_cost=0 min_parallel_table_scan_size=0'), total('max_parallel_workers_per_gather=0'), 'parallel with rows not yet flushed');
DELETE FROM m WHERE tag = 'pending';
COMMIT;

-- Prepared statements keep working across everything that changes the table.
PREPARE get(text) AS SELECT count(*) FROM m WHERE tag = $1;
PREPARE put(timestamptz, text, int4) AS INSERT INTO m (time, tag, v) VALUES ($1, $2, $3);
SET plan_cache_mode = force_generic_plan;
EXECUTE put('2031-01-01', 'prepared', 1);
SELECT results_eq($$EXECUTE get('prepared')$$, 'SELECT 1::bigint', 'generic plan');
ALTER TABLE m ADD COLUMN w float8 DEFAULT 0.5;
EXECUTE put('2031-01-02', 'prepared', 1);
SELECT results_eq($$EXECUTE get('prepared')$$, 'SELECT 2::bigint', 'after ADD COLUMN');
ALTER TABLE m RENAME COLUMN tag TO label;
ALTER TABLE m RENAME COLUMN label TO tag;
SELECT tsdb.compact('m');
VACUUM FULL m;
EXECUTE put('2031-01-03', 'prepared', 1);
SELECT results_eq($$EXECUTE get('prepared')$$, 'SELECT 3::bigint', 'after VACUUM FULL');
ALTER TABLE m ALTER COLUMN v TYPE int8;
EXECUTE put('2031-01-04', 'prepared', 1);
SELECT results_eq($$EXECUTE get('prepared')$$, 'SELECT 4::bigint', 'after ALTER TYPE');
TRUNCATE m;
EXECUTE put('2031-01-05', 'prepared', 1);
SELECT results_eq($$EXECUTE get('prepared')$$, 'SELECT 1::bigint', 'after TRUNCATE');
DEALLOCATE ALL;

-- Since 18 RETURNING has two rows.
CREATE TABLE clocks (time timestamptz NOT NULL, tag text) USING tsdb WITH (tags = 'tag', sample_interval = '1s');
SELECT tsdb.set_series('clocks', '{"tag": "a"}', timezone => 'Asia/Tokyo');
SELECT tsdb.set_series('clocks', '{"tag": "b"}', timezone => 'UTC');
INSERT INTO clocks VALUES ('2024-01-01', 'a');
SELECT CASE WHEN current_setting('server_version_num')::int4 < 180000 THEN pass('RETURNING has no OLD')
    ELSE results_eq($$WITH u AS (UPDATE clocks SET time = time + interval '1 hour', tag = 'b' RETURNING tsdb.local_time(old), tsdb.local_time(new)) TABLE u$$,
        $$VALUES (timestamp '2024-01-01 09:00', timestamp '2024-01-01 01:00')$$, 'local time of OLD and NEW') END;

-- Since 18 generated columns may be virtual: values, but nothing that rows are found by.
SELECT CASE WHEN current_setting('server_version_num')::int4 < 180000 THEN pass('no virtual columns')
    ELSE throws_ok(c, '0A000', NULL, c) END
FROM (VALUES ($$CREATE TABLE made (time timestamptz, a text, tag text GENERATED ALWAYS AS (upper(a))) USING tsdb WITH (tags = 'tag', sample_interval = '1s')$$),
    ($$CREATE TABLE made (a timestamptz, time timestamptz GENERATED ALWAYS AS (a)) USING tsdb WITH (tags = '', sample_interval = '1s', time_column = 'time')$$)) v(c);
SELECT CASE WHEN current_setting('server_version_num')::int4 < 180000 THEN pass('no virtual columns')
    ELSE lives_ok($$CREATE TABLE made (time timestamptz NOT NULL, tag text, v int4, w int4 GENERATED ALWAYS AS (v * 2)) USING tsdb WITH (tags = 'tag', sample_interval = '1s');
                    INSERT INTO made (time, tag, v) SELECT timestamptz '2024-01-01' + i * interval '1 s', 'a', i FROM generate_series(1, 100) i; SELECT tsdb.compact('made')$$, 'values') END;
SELECT CASE WHEN current_setting('server_version_num')::int4 < 180000 THEN pass('no virtual columns')
    ELSE results_eq('SELECT count(*), sum(w), max(w), tsdb.last(w, time) FROM made WHERE w > 100 GROUP BY tag', 'VALUES (50::bigint, 7550::bigint, 200, 200)', 'are computed in aggregates and conditions') END;
SELECT * FROM finish();
