-- Units, limits, averages over time, filled gaps, values between samples.
SET timezone = 'UTC';
SET datestyle = 'ISO, MDY';
SET max_parallel_workers_per_gather = 0;
\set SHOW_CONTEXT never
CREATE TABLE sv_m (time timestamptz NOT NULL, plant text, line int4, value float8, small float4, whole int4, quality tsdb.quality)
    USING tsdb WITH (tags = 'plant,line', sample_interval = '1s', block_interval = '1h');
CREATE TABLE sv_h (LIKE sv_m) USING heap;
INSERT INTO sv_h SELECT t, p, l, CASE WHEN n % 97 = 0 THEN NULL WHEN n % 5000 < 40 THEN 600 WHEN n BETWEEN 20000 AND 20100 THEN 'NaN'::float8 ELSE 100 + n % 50 END, n % 50 + 0.1, n % 1000, 0
FROM (VALUES ('cl', 1), ('au', NULL), ('none', 7)) s(p, l), LATERAL (SELECT t, (extract(epoch FROM t)::int8 / 10) % 40000 AS n FROM generate_series(timestamptz '2026-03-28', '2026-03-30', '10 s') t) x;
INSERT INTO sv_m SELECT * FROM sv_h;
SELECT tsdb.compact('sv_m');
INSERT INTO sv_h SELECT time + interval '1 s', plant, line, 700, 0, 2000, 0 FROM sv_h WHERE time BETWEEN '2026-03-29 01:00' AND '2026-03-29 01:01';
INSERT INTO sv_m SELECT * FROM sv_h WHERE value = 700;
DELETE FROM sv_m WHERE time BETWEEN '2026-03-28 20:00' AND '2026-03-29 04:30' AND plant = 'au';
DELETE FROM sv_h WHERE time BETWEEN '2026-03-28 20:00' AND '2026-03-29 04:30' AND plant = 'au';
SELECT tsdb.set_series('sv_m', '{"plant": "cl"}', timezone => 'Europe/Berlin', unit => 'degC', high => 500, low => 100.5, stepped => true),
       tsdb.set_series('sv_m', '{"line": null}', timezone => 'Australia/Sydney', high => 48.05);

-- Units need extension unit; the detail names the package of this major.
\set VERBOSITY terse
SELECT tsdb.convert(1, 'bar', 'psi');
SELECT tsdb.convert_to(value, b, 'degF') FROM sv_m b WHERE time = '2026-03-28 12:00' AND plant = 'none';
SELECT tsdb.convert_to(value, b, 'degF') FROM sv_m b WHERE time = '2026-03-28 12:00' AND plant = 'cl';
\set VERBOSITY default

-- Violations: as a heap table has them.
CREATE FUNCTION sv_violations(col text, low float8, high float8, cond text) RETURNS TABLE (what text, f timestamptz, l timestamptz, u timestamptz, n int8, e float8) LANGUAGE plpgsql AS $$
BEGIN
    RETURN QUERY EXECUTE format($q$
        WITH o AS (SELECT time, %1$s::float8 AS v, s.side, CASE WHEN s.side = 'low' THEN %1$s < $1 ELSE %1$s > $2 END AS out FROM sv_h, (VALUES ('low'), ('high')) s(side) WHERE %2$s AND %1$s IS NOT NULL),
        r AS (SELECT *, count(*) FILTER (WHERE NOT out) OVER (PARTITION BY side ORDER BY time) AS run, lead(time) OVER (PARTITION BY side ORDER BY time) AS next FROM o)
        SELECT side, min(time), max(time), max(next), count(*), CASE WHEN side = 'low' THEN min(v) ELSE max(v) END FROM r WHERE out GROUP BY side, run$q$, col, cond) USING low, high;
END $$;
SELECT tags, "limit", count(*), sum(samples), min(extreme), max(extreme) FROM tsdb.violations('sv_m', '{}', '-infinity', 'infinity', 'value') GROUP BY 1, 2 ORDER BY 1, 2;
SELECT count(*) FROM ((SELECT "limit", from_time, last_time, until_time, samples, extreme FROM tsdb.violations('sv_m', '{"plant": "cl"}', '-infinity', 'infinity', 'value') EXCEPT SELECT * FROM sv_violations('value', 100.5, 500, 'plant = ''cl'''))
    UNION ALL (SELECT * FROM sv_violations('value', 100.5, 500, 'plant = ''cl''') EXCEPT SELECT "limit", from_time, last_time, until_time, samples, extreme FROM tsdb.violations('sv_m', '{"plant": "cl"}', '-infinity', 'infinity', 'value'))) x;
SELECT count(*) FROM ((SELECT "limit", from_time, last_time, until_time, samples, extreme FROM tsdb.violations('sv_m', '{"plant": "au"}', '2026-03-28 06:00', '2026-03-29 12:00:05', 'small') EXCEPT SELECT * FROM sv_violations('small', NULL, 48.05, 'plant = ''au'' AND time >= ''2026-03-28 06:00'' AND time < ''2026-03-29 12:00:05'''))
    UNION ALL (SELECT * FROM sv_violations('small', NULL, 48.05, 'plant = ''au'' AND time >= ''2026-03-28 06:00'' AND time < ''2026-03-29 12:00:05''') EXCEPT SELECT "limit", from_time, last_time, until_time, samples, extreme FROM tsdb.violations('sv_m', '{"plant": "au"}', '2026-03-28 06:00', '2026-03-29 12:00:05', 'small'))) x;
SELECT * FROM tsdb.violations('sv_m', '{"plant": "cl"}', '2026-03-29 00:00', '2026-03-29 01:00:27', 'whole') ORDER BY from_time LIMIT 2;
SELECT plant, count(*) FILTER (WHERE tsdb.out_of_limits(value, b)) = (SELECT sum(samples) FROM tsdb.violations('sv_m', jsonb_build_object('plant', plant), '-infinity', 'infinity', 'value')) AS same FROM sv_m b WHERE plant <> 'none' GROUP BY 1 ORDER BY 1;
SELECT tsdb.violations('sv_m', '{}', '-infinity', 'infinity');
SELECT tsdb.violations('sv_m', '{}', '-infinity', 'infinity', 'plant');
SELECT tsdb.violations('sv_m', '{"nix": 1}', '-infinity', 'infinity', 'value');
SELECT tsdb.violations('sv_m', NULL, '-infinity', 'infinity', 'value');
-- NaN is further off than anything
CREATE TABLE sv_nan (time timestamptz, sensor text, v float8) USING tsdb WITH (tags = 'sensor', sample_interval = '1s');
INSERT INTO sv_nan VALUES ('2026-01-01 00:00', 'a', 1), ('2026-01-01 00:01', 'a', 7), ('2026-01-01 00:02', 'a', 'NaN'), ('2026-01-01 00:03', 'a', 9), ('2026-01-01 00:04', 'a', NULL), ('2026-01-01 00:05', 'a', 2);
SELECT tsdb.set_series('sv_nan', '{}', low => 0, high => 5);
SELECT "limit", from_time, last_time, until_time, samples, extreme FROM tsdb.violations('sv_nan', '{}', '-infinity', 'infinity');
SELECT tsdb.compact('sv_nan');
SELECT "limit", from_time, last_time, until_time, samples, extreme FROM tsdb.violations('sv_nan', '{}', '-infinity', 'infinity');
DROP TABLE sv_nan;

-- Averages over time.
SELECT tsdb.time_average(v, t), tsdb.time_average(v, t, true), tsdb.time_average(v, t, false)
FROM (VALUES (1, timestamptz '2026-01-01'), (3, '2026-01-02'), (NULL, '2026-01-02 05:00'), (3, '2026-01-04'), (5, NULL)) x(v, t);
SELECT tsdb.time_average(v, t), tsdb.time_average(v, t, true) FROM (VALUES (7, now())) x(v, t);
SELECT tsdb.time_average(v, t), tsdb.time_average(v, t, true) FROM (VALUES (7, now())) x(v, t) WHERE false;
SELECT tsdb.time_average(v, t), tsdb.time_average(v, t, true) FROM (VALUES ('infinity'::float8, timestamptz '2026-01-01'), (3, '2026-01-02')) x(v, t);
SELECT tsdb.time_average(v, t), tsdb.time_average(v, t, true) FROM (VALUES (1, timestamptz '2026-01-01'), (3, '2026-01-02'), (5, '2026-01-02'), (7, '2026-01-03')) x(v, t);
SELECT tsdb.time_average(v, t) FROM (VALUES (1, timestamptz '2026-01-02'), (3, '2026-01-01')) x(v, t);
SELECT tsdb.time_average(v, t ORDER BY t) FROM (VALUES (1, timestamptz '2026-01-02'), (3, '2026-01-01')) x(v, t);
SELECT plant, tsdb.local_bucket('1 day', b) AS day, round(tsdb.time_average(whole, time)::numeric, 6) AS sloped, round(tsdb.time_average(whole, time, true)::numeric, 6) AS stepped FROM sv_m b GROUP BY plant, line, 2 ORDER BY 1, 2;
SELECT plant, round((sum((whole + next) / 2.0 * d) / sum(d))::numeric, 6) AS sloped, round((sum(whole * d) / sum(d))::numeric, 6) AS stepped
FROM (SELECT plant, whole, lead(whole) OVER w AS next, extract(epoch FROM lead(time) OVER w - time) AS d FROM sv_h WHERE time < '2026-03-28 13:00' AND plant = 'au' WINDOW w AS (PARTITION BY plant ORDER BY time)) x GROUP BY 1;

-- Gaps: per series and local time; the hour that Berlin skips on 29 March is no bucket.
SELECT tags ->> 'plant' AS plant, bucket, value, filled FROM tsdb.gapfill('1 hour', 'sv_m', '{"plant": "cl"}', '2026-03-28 23:00', '2026-03-29 04:00', value_column => 'whole', aggregate => 'min');
SELECT bucket, value, filled FROM tsdb.gapfill('2 hours', 'sv_m', '{"plant": "au"}', '2026-03-28 16:00', '2026-03-29 10:00', 'linear', 'count', 'whole');
SELECT bucket, value, filled FROM tsdb.gapfill('2 hours', 'sv_m', '{"plant": "au"}', '2026-03-28 16:00', '2026-03-29 10:00', 'previous', 'last', 'whole');
SELECT bucket, value, filled FROM tsdb.gapfill('2 hours', 'sv_m', '{"plant": "au", "line": null}', '2026-03-28 22:00', '2026-03-29 06:00', '-1.5', 'first', 'whole');
SELECT tags ->> 'plant' AS plant, count(*), count(*) FILTER (WHERE filled), round(sum(value)::numeric, 4) FROM tsdb.gapfill('15 min', 'sv_m', '{}', '2026-03-28', '2026-03-30', value_column => 'value', aggregate => 'max') GROUP BY 1 ORDER BY 1;
SELECT * FROM tsdb.gapfill('1 hour', 'sv_m', '{}', '2026-03-28', '2026-03-29');
SELECT * FROM tsdb.gapfill('1 hour', 'sv_m', '{}', '2026-03-28', 'infinity', value_column => 'value');
SELECT * FROM tsdb.gapfill('1 hour', 'sv_m', '{}', '2026-03-28', '2026-03-29', 'cubic', value_column => 'value');
SELECT * FROM tsdb.gapfill('1 hour', 'sv_m', '{}', '2026-03-28', '2026-03-29', 'null; DROP TABLE sv_m', value_column => 'value');
SELECT * FROM tsdb.gapfill('1 hour', 'sv_m', '{"nix": 1}', '2026-03-28', '2026-03-29', value_column => 'value');
SELECT * FROM tsdb.gapfill('1 hour', 'sv_m', '[]', '2026-03-28', '2026-03-29', value_column => 'value');
-- Where clocks are set back the first local time is not that of the first instant, nor the last one that of the last.
CREATE TABLE sv_back (time timestamptz NOT NULL, tag text, v float8) USING tsdb WITH (tags = 'tag', sample_interval = '1s');
SELECT tsdb.set_series('sv_back', '{"tag": "a"}', timezone => 'Europe/Berlin');
SELECT tsdb.set_series('sv_back', '{"tag": "b"}', timezone => 'Australia/Lord_Howe');
INSERT INTO sv_back SELECT t, 'a', 1 FROM generate_series(timestamptz '2024-10-26 22:00Z', '2024-10-27 04:00Z', '5 min') t;
INSERT INTO sv_back SELECT t, 'b', 1 FROM generate_series(timestamptz '2024-04-06 13:00Z', '2024-04-06 18:00Z', '5 min') t;
SELECT tag, count(*) AS asked, count(*) FILTER (WHERE (SELECT sum(value) FROM tsdb.gapfill(width, 'sv_back', jsonb_build_object('tag', tag), f, u, aggregate => 'count')) =
                                                  (SELECT count(*) FROM sv_back b WHERE b.tag = r.tag AND time >= f AND time < u)) AS whole
FROM (VALUES ('a', timestamptz '2024-10-26 23:40Z'), ('b', '2024-04-06 14:00Z')) r (tag, start), generate_series(start, start + interval '150 min', '10 min') f,
    generate_series(f + interval '10 min', start + interval '3 hours', '10 min') u, unnest('{15 min,1 hour}'::interval[]) width GROUP BY 1 ORDER BY 1;
DROP TABLE sv_back;
-- Values between samples: stepped where the series says so, none beyond its ends.
SELECT tags ->> 'plant' AS plant, time, value FROM tsdb.interpolate_at('sv_m', '{}', '{2026-03-28 00:00:05, 2026-03-28 00:00:10, 2026-03-28 20:30, 2026-03-27, 2026-03-30 00:00:00.5}', 'whole');

SELECT * FROM tsdb.interpolate_at('sv_m', '{}', '{2026-03-28}', 'nix');
-- A table without tags; the caller's rights count.
CREATE TABLE sv_1 (time timestamptz NOT NULL, v int4) USING tsdb WITH (tags = '', sample_interval = '1s');
INSERT INTO sv_1 VALUES ('2026-01-01', 1), ('2026-01-04', 4);
SELECT * FROM tsdb.gapfill('1 day', 'sv_1', '{}', '2026-01-01', '2026-01-05', 'linear');
SELECT * FROM tsdb.interpolate_at('sv_1', '{}', '{2026-01-02}');
CREATE ROLE sv_reader;
SET ROLE sv_reader;
SELECT * FROM tsdb.gapfill('1 day', 'sv_1', '{}', '2026-01-01', '2026-01-05', 'linear');
SELECT * FROM tsdb.interpolate_at('sv_1', '{}', '{2026-01-02}');
SELECT tsdb.violations('sv_1', '{}', '-infinity', 'infinity');
RESET ROLE;
DROP ROLE sv_reader;
DROP TABLE sv_m, sv_h, sv_1;
DROP FUNCTION sv_violations;
