-- Buckets whose width, unit, zone or origin is known when execution starts: parameters, settings, the outer row of a join.
-- What the node emits is what core makes of a heap table's rows, errors too.
SET timezone = 'Europe/Berlin';
SET datestyle = 'ISO, YMD';
SET max_parallel_workers_per_gather = 0;
SET plan_cache_mode = force_generic_plan;

CREATE TABLE par_m (time timestamptz NOT NULL, tag int4, v float8) USING tsdb WITH (tags = 'tag', sample_interval = '1s');
CREATE TABLE par_h (LIKE par_m) USING heap;
INSERT INTO par_h SELECT timestamptz '2024-03-30 00:00+00' + i * interval '100 s', i % 3, i FROM generate_series(0, 5000) i;
INSERT INTO par_m SELECT * FROM par_h;
SELECT tsdb.compact('par_m');
INSERT INTO par_h VALUES ('2024-03-31 01:00:07+00', 1, 7), ('2031-01-01', 2, -1);
INSERT INTO par_m VALUES ('2024-03-31 01:00:07+00', 1, 7), ('2031-01-01', 2, -1);
ANALYZE par_m;

-- same(types, query, arguments): generic plans of both give the same rows, or the same error; what answered it.
CREATE FUNCTION same(types text, query text, arguments text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    line text;
    node text := 'rows';
    result text;
    results text[] := '{}';
BEGIN
    EXECUTE format('PREPARE par_q0 %s AS %s', types, query);
    EXECUTE format('PREPARE par_q1 %s AS %s', types, replace(query, 'par_m', 'par_h'));
    FOR line IN EXECUTE format('EXPLAIN (COSTS OFF) EXECUTE par_q0 %s', arguments) LOOP
        IF line LIKE '%TsdbAggregate%' THEN node := 'summaries'; END IF;
    END LOOP;
    FOR i IN 0 .. 1 LOOP
        BEGIN
            EXECUTE format('CREATE TEMP TABLE par_result AS EXECUTE par_q%s %s', i, arguments);
            SELECT count(*) || ' rows ' || md5(string_agg(r::text, '|' ORDER BY r::text COLLATE "C")) FROM par_result r INTO result;
            DROP TABLE par_result;
        EXCEPTION WHEN OTHERS THEN
            result := SQLSTATE || ' ' || SQLERRM;
        END;
        results := results || result;
    END LOOP;
    DEALLOCATE par_q0;
    DEALLOCATE par_q1;
    RETURN CASE WHEN results[1] IS DISTINCT FROM results[2] THEN format('differs: %s, should be %s', results[1], results[2])
        WHEN results[1] LIKE '% rows %' THEN regexp_replace(results[1], 'rows [0-9a-f]{32}$', 'rows') || ' from ' || node
        ELSE 'error from ' || node END;
END $$;

SELECT w, same('(interval)', 'SELECT tsdb.time_bucket($1, time), tag, count(*), sum(v) FROM par_m GROUP BY 1, 2', format('(%L)', w))
FROM unnest(ARRAY['1 hour', '7 minutes', '1 day', '1 month', '0', '-1 hour', '1 month 1 day', NULL]) w;
SELECT z, same('(text)', 'SELECT tsdb.time_bucket(''1 day'', time, $1), count(*), avg(v) FROM par_m GROUP BY 1', format('(%L)', z)) AS bucket,
       same('(text)', 'SELECT date_trunc(''month'', time AT TIME ZONE $1) AS m, max(v) FROM par_m GROUP BY 1 ORDER BY 1', format('(%L)', z)) AS trunc
FROM unnest(ARRAY['Europe/Berlin', 'UTC', 'Asia/Kathmandu', 'CET', 'EST', 'MSK', '+03', 'Nowhere/Land', NULL]) z;
SELECT u, same('(text)', 'SELECT date_trunc($1, time), count(*) FROM par_m WHERE tag = 1 GROUP BY 1', format('(%L)', u)) AS local,
       same('(text)', 'SELECT date_trunc($1, time, ''America/St_Johns'') AS t, count(*), min(time) FROM par_m GROUP BY t, tag ORDER BY t DESC LIMIT 7', format('(%L)', u)) AS zone
FROM unnest(ARRAY['hour', 'DAY', 'week', 'decade', 'milliseconds', 'epoch', 'fortnight', '', NULL]) u;
SELECT n, same('(numeric)', 'SELECT floor(extract(epoch FROM time) / $1) * $1, count(*), sum(v) FROM par_m GROUP BY 1', format('(%L)', n)) AS exact,
       same('(float8)', 'SELECT floor(date_part(''epoch'', time) / $1) * 300, count(*), sum(v) FROM par_m GROUP BY 1', format('(%L)', n)) AS float
FROM unnest(ARRAY['300', '0.5', '86400', '1e7', '-60', '0', '0.0000007', 'NaN', NULL]) n;
SELECT o, same('(timestamptz, interval)', 'SELECT date_bin($2, time, $1), tag, count(*) FROM par_m GROUP BY 1, 2', format('(%L, ''90 min'')', o)) AS bin,
       same('(timestamptz, interval)', 'SELECT tsdb.time_bucket($2, time, origin => $1), count(*) FROM par_m GROUP BY 1', format('(%L, ''2 days'')', o)) AS bucket,
       same('(timestamptz, interval)', 'SELECT tsdb.time_bucket($2, time::date, origin => $1::date), count(*) FROM par_m GROUP BY 1', format('(%L, ''2 days'')', o)) AS days
FROM unnest(ARRAY['2000-01-01', '2024-03-31 02:30', 'infinity', NULL]) o;

-- Stable expressions: settings, and what follows the session's time zone.
SET par.zone = 'America/New_York';
SET par.width = '6 hours';
SELECT same('', $$SELECT tsdb.time_bucket(current_setting('par.width')::interval, time, current_setting('par.zone')), count(*), tsdb.last(v, time) FROM par_m WHERE tag = 0 GROUP BY 1$$, '');
SELECT same('', $$SELECT date_bin('1 day', time, date_trunc('day', to_timestamp(86400))), count(*) FROM par_m GROUP BY 1$$, '');
-- Of each outer row, in one plan.
SELECT w, x.* FROM (VALUES (interval '1 day'), (interval '1 month'), (NULL), (interval '7 days')) w (w),
    LATERAL (SELECT tsdb.time_bucket(w, time) AS t, count(*), sum(v) FROM par_m WHERE tag = 2 GROUP BY 1) x WHERE x.t > '2024-04-04' OR x.t IS NULL ORDER BY w, t;
-- Not without a row: the width is a column.
SELECT same('', $$SELECT tsdb.time_bucket(v * interval '1 day', time), count(*) FROM par_m WHERE v = 2 GROUP BY 1$$, '');

-- Quotients are rounded: after the year 2286 and before 1653 the edges are not where whole numbers are; in float8 some decades earlier and later.
CREATE TABLE par_m2 (time timestamptz NOT NULL, v int4) USING tsdb WITH (tags = '', sample_interval = '1us');
CREATE TABLE par_h2 (LIKE par_m2) USING heap;
INSERT INTO par_h2 SELECT to_timestamp(base) + k * interval '1 us' + d * interval '1 day', k
FROM (VALUES (9999936000), (20736000000), (30240000000), (249999955200)) b (base), generate_series(-60, 3) k, generate_series(0, 4) d;
INSERT INTO par_h2 SELECT t + k * interval '1 us', k
FROM unnest('{2600-01-01Z, 9999-12-31Z, 0500-01-01Z, 0001-01-01Z, 4000-01-01Z BC}'::timestamptz[]) t, generate_series(-5, 5) k;
INSERT INTO par_h2 SELECT to_timestamp(edge) + i * interval '7 s', i FROM unnest(ARRAY[-10000000000, -8589934592, 8589934592]) edge, generate_series(-20, 100) i;
INSERT INTO par_h2 SELECT timestamptz '2286-11-20 17:00+00' + i * interval '7 s', i FROM generate_series(0, 1000) i;
INSERT INTO par_m2 SELECT * FROM par_h2;
SELECT tsdb.compact('par_m2');
ANALYZE par_m2;
SELECT n, same('(numeric)', 'SELECT floor(extract(epoch FROM time) / $1), count(*), sum(v) FROM par_m2 GROUP BY 1', format('(%s)', n)) AS parameter,
       same('', format('SELECT floor(extract(epoch FROM time) / %1$s) * %1$s AS t, count(*), sum(v) FROM par_m2 GROUP BY 1 ORDER BY t', n), '') AS literal,
       same('', format('SELECT floor(extract(epoch FROM time) / %1$s) * %1$s AS t, count(*) FROM par_m2 GROUP BY 1 ORDER BY t LIMIT 3 OFFSET 2', n), '') AS first
FROM unnest(ARRAY[300, 7200, 86400, 200, 1, 0.02]) n;
SELECT n, same('(float8)', 'SELECT floor(date_part(''epoch'', time) / $1), count(*), sum(v) FROM par_m2 GROUP BY 1', format('(%s)', n)) AS parameter,
       same('', format('SELECT floor(extract(epoch FROM time)::float8 / %1$s) * %1$s AS t, count(*), sum(v) FROM par_m2 GROUP BY 1 ORDER BY t', n), '') AS literal,
       same('', format('SELECT floor(date_part(''epoch'', time) / %1$s) * %1$s AS t, count(*) FROM par_m2 GROUP BY 1 ORDER BY t LIMIT 3 OFFSET 2', n), '') AS first
FROM unnest(ARRAY[300, 7200, 86400, 200, 1, 604800]) n;
DROP TABLE par_m, par_h, par_m2, par_h2;
DROP FUNCTION same;
