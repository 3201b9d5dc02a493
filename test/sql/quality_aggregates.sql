-- Aggregates over qualities: right on any table, and from summaries on ours.
\set SHOW_CONTEXT never
SET timezone = 'UTC';
SET datestyle = 'ISO';
SET intervalstyle = 'postgres';
SET max_parallel_workers_per_gather = 0;

-- what they mean
CREATE FUNCTION q(name text) RETURNS tsdb.quality IMMUTABLE LANGUAGE sql RETURN tsdb.quality(name);
SELECT tsdb.quality_name(tsdb.worst(c)) FROM unnest(ARRAY[q('good'), q('uncertain_last_usable_value'), q('uncertain'), NULL]) c;
SELECT tsdb.quality_name(tsdb.worst(c)) FROM unnest(ARRAY[q('bad_sensor_failure'), q('bad'), q('bad_device_failure'), q('uncertain')]) c;
SELECT tsdb.worst(c), tsdb.count_good(c), tsdb.count_uncertain(c), tsdb.count_bad(c) FROM unnest(ARRAY[NULL, NULL]::tsdb.quality[]) c;
SELECT tsdb.count_good(c), tsdb.count_uncertain(c), tsdb.count_bad(c) FROM unnest(ARRAY[0, 1073741824, -2147483648, -1, NULL]::tsdb.quality[]) c;
SELECT tsdb.worst(c), tsdb.count_bad(c), tsdb.percent_good(c, t), tsdb.duration_good(c, t) FROM unnest(ARRAY[]::tsdb.quality[], ARRAY[]::timestamptz[]) AS x (c, t);
SELECT tsdb.percent_good(c, t), tsdb.duration_good(c, t), tsdb.duration_uncertain(c, t), tsdb.duration_bad(c, t)
    FROM (VALUES (0, '2024-01-01 10:00'::timestamptz), (q('bad'), '2024-01-01 13:00'), (q('uncertain'), '2024-01-03 12:00'), (NULL, '2024-01-01 11:00'), (0, '2024-01-01 12:30'), (0, NULL)) x (c, t);
SELECT tsdb.percent_good(0, 'epoch'), tsdb.percent_good(q('bad'), 'epoch'), tsdb.duration_bad(q('bad'), 'epoch');
SELECT tsdb.duration_good(0, t) FROM (VALUES ('-infinity'::timestamptz), ('2024-01-01')) x (t);

-- from summaries
CREATE TABLE qa_m (time timestamptz NOT NULL, plant text NOT NULL, sensor int4, note text, v float8, n int8, n_quality tsdb.quality, quality tsdb.quality, lonely_quality tsdb.quality)
    USING tsdb WITH (tags = 'plant,sensor', sample_interval = '1s', compact_after = '36500 days', block_interval = '1h');
CREATE TABLE qa_h (LIKE qa_m);
INSERT INTO qa_h SELECT '2024-01-01'::timestamptz + i * interval '97 s' + (i % 7) * interval '1 s', 'p' || s % 2, s, CASE WHEN i % 9 = 0 THEN 'x' END, CASE WHEN i % 5 > 0 THEN i END, i,
    CASE WHEN i % 100 < 10 * s THEN q('bad_sensor_failure') WHEN i % 10 = 4 THEN NULL ELSE 0 END,
    CASE WHEN i % 3000 BETWEEN 900 AND 1000 + 100 * s THEN q('bad') WHEN i % 77 = 0 THEN q('uncertain_last_usable_value') WHEN i % 50 = 3 THEN NULL ELSE 7 END,
    CASE WHEN i % 4 = 0 THEN q('bad') END
    FROM generate_series(0, 19999) i, generate_series(1, 3) s;
INSERT INTO qa_m SELECT * FROM qa_h;
SELECT tsdb.compact('qa_m');
INSERT INTO qa_h SELECT time + interval '11 s', plant, sensor, note, v, n, q('uncertain'), q('bad_device_failure'), NULL FROM qa_h WHERE sensor = 2 AND time BETWEEN '2024-01-05' AND '2024-01-05 02:00';
INSERT INTO qa_m SELECT * FROM qa_h WHERE sensor = 2 AND time BETWEEN '2024-01-05' AND '2024-01-05 02:01';
DELETE FROM qa_m WHERE sensor = 3 AND time BETWEEN '2024-01-08' AND '2024-01-08 10:00';
DELETE FROM qa_h WHERE sensor = 3 AND time BETWEEN '2024-01-08' AND '2024-01-08 10:00';
ANALYZE qa_m;

CREATE FUNCTION same(query text) RETURNS text LANGUAGE sql AS $$ SELECT tsdb_test.same(query, 'qa_m', 'qa_h') $$;

SELECT same('SELECT tsdb.worst(quality), tsdb.worst(n_quality), tsdb.worst(lonely_quality) FROM qa_m');
SELECT same('SELECT plant, tsdb.worst(quality), tsdb.count_good(quality), tsdb.count_uncertain(quality), tsdb.count_bad(quality), tsdb.count_bad(n_quality) FROM qa_m GROUP BY plant');
SELECT same('SELECT plant, sensor, tsdb.percent_good(quality, time), tsdb.duration_good(quality, time), tsdb.duration_uncertain(quality, time), tsdb.duration_bad(quality, time), tsdb.duration_bad(n_quality, time) FROM qa_m GROUP BY plant, sensor');
SELECT same('SELECT plant, sensor, date_trunc(''hour'', time), tsdb.percent_good(quality, time), tsdb.duration_bad(quality, time), tsdb.count_good(quality), count(*), avg(v) FROM qa_m GROUP BY 1, 2, 3');
SELECT same('SELECT plant, sensor, tsdb.time_bucket(''1 day'', time, ''Asia/Kathmandu''), tsdb.percent_good(quality, time), tsdb.percent_good(n_quality, time), tsdb.worst(n_quality) FROM qa_m WHERE time BETWEEN ''2024-01-02 03:04:05'' AND ''2024-01-19 06:07:08'' GROUP BY 1, 2, 3');
SELECT same('SELECT plant, sensor, extract(hour FROM date_trunc(''hour'', time)), tsdb.duration_good(quality, time), tsdb.duration_bad(quality, time) FROM qa_m GROUP BY 1, 2, 3');
SELECT same('SELECT date_trunc(''day'', time), tsdb.percent_good(quality, time) FROM qa_m WHERE plant = ''p0'' AND sensor = 2 GROUP BY 1');
SELECT same('SELECT plant, sensor, tsdb.duration_bad(quality, time) FILTER (WHERE time < ''2024-01-10 12:34'') FROM qa_m GROUP BY 1, 2');
-- several series are one sequence: not from summaries; nor without a value column of that quality
SELECT same('SELECT plant, tsdb.percent_good(quality, time) FROM qa_m GROUP BY plant');
SELECT same('SELECT plant, sensor, tsdb.percent_good(lonely_quality, time), tsdb.count_bad(lonely_quality) FROM qa_m GROUP BY plant, sensor');
SELECT same('SELECT plant, sensor, tsdb.duration_bad(quality, time + interval ''1 s'') FROM qa_m GROUP BY 1, 2');
-- conditions on qualities
SELECT same('SELECT plant, sensor, count(*), avg(v), tsdb.duration_good(quality, time), tsdb.count_uncertain(quality) FROM qa_m WHERE tsdb.is_good(quality) GROUP BY 1, 2');
SELECT same('SELECT plant, sensor, count(*), tsdb.worst(quality), tsdb.duration_bad(n_quality, time) FROM qa_m WHERE tsdb.is_bad(quality) GROUP BY 1, 2');
SELECT same('SELECT plant, count(*), min(quality), tsdb.worst(quality) FROM qa_m WHERE tsdb.is_uncertain(quality) GROUP BY 1');
SELECT same('SELECT plant, count(*), tsdb.count_bad(n_quality) FROM qa_m WHERE quality >= 1073741824 GROUP BY 1');
SELECT same('SELECT plant, count(*) FROM qa_m WHERE quality = 7 AND v > 100 GROUP BY 1');
SELECT same('SELECT plant, count(*) FROM qa_m WHERE NOT tsdb.is_bad(quality) GROUP BY 1');
-- and what they skip
CREATE FUNCTION explained(query text) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
    line text;
BEGIN
    FOR line IN EXECUTE 'EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF, SUMMARY OFF) ' || query LOOP
        IF line ~ 'Summary|Decoded|Skipped by' THEN RETURN NEXT trim(line); END IF;
    END LOOP;
END $$;
SELECT explained('SELECT plant, sensor, time FROM qa_m WHERE tsdb.is_bad(quality) AND sensor = 1');
SELECT explained('SELECT plant, sensor, time FROM qa_m WHERE tsdb.is_uncertain(n_quality) AND sensor = 1');
SELECT explained('SELECT plant, sensor, time FROM qa_m WHERE quality = 5 AND sensor = 1');
SELECT explained('SELECT plant, sensor, count(v), tsdb.duration_bad(quality, time) FROM qa_m WHERE tsdb.is_bad(quality) AND sensor = 1 GROUP BY 1, 2');
SELECT explained('SELECT plant, sensor, tsdb.percent_good(quality, time), tsdb.worst(quality) FROM qa_m WHERE sensor = 1 GROUP BY 1, 2');
DROP TABLE qa_m, qa_h;
DROP FUNCTION same, q, explained;
