-- Traps that aggregates over compressed columns fell into elsewhere, one case each: the answer is that of a
-- heap table.  Numbers are issues of timescale/timescaledb, or as said.
SET timezone = 'UTC';
SET datestyle = 'ISO, MDY';
SET max_parallel_workers_per_gather = 0;

CREATE TABLE trap_m (
    time timestamptz NOT NULL, site varchar(10) NOT NULL, sensor text, v float8, f float4, i int4, big int8, ok bool, day date, seen timestamptz
) USING tsdb WITH (tags = 'site,sensor', sample_interval = '1s', time_column = 'time');
CREATE TABLE trap_h (LIKE trap_m) USING heap;
INSERT INTO trap_h
SELECT timestamptz '2024-03-30 18:00' + n * interval '1 min', site, sensor,
       CASE WHEN n % 11 = 0 THEN NULL ELSE round((sin(n / 50.0) * 100)::numeric, 2) END, n % 7, n % 100 - 50, n * 1000000000000, n % 3 = 0,
       date '2024-03-31' + n % 3, timestamptz '2024-03-31 12:00' + n % 5 * interval '1 hour'
FROM generate_series(0, 1439) n, (VALUES ('north', 'a'), ('north', 'b'), ('south', 'a'), ('south', NULL)) AS s (site, sensor);
INSERT INTO trap_m SELECT * FROM trap_h;
SELECT tsdb.compact('trap_m');
ANALYZE trap_m;

-- asked(query): is the answer on trap_m, with and without the aggregate node, that on trap_h?  And who gives it?
CREATE FUNCTION asked(query text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    twin text := replace(query, 'trap_m', 'trap_h');
    differing bigint;
    nrows bigint;
    line text;
    node text := 'rows';
    switch text;
BEGIN
    FOREACH switch IN ARRAY ARRAY['off', 'on'] LOOP
        PERFORM set_config('tsdb.enable_agg', switch, false);
        EXECUTE format('SELECT count(*) FROM (((%1$s) EXCEPT ALL (%2$s)) UNION ALL ((%2$s) EXCEPT ALL (%1$s))) d', query, twin) INTO differing;
        IF differing <> 0 THEN
            RETURN format('%s rows differ, enable_agg = %s', differing, switch);
        END IF;
    END LOOP;
    EXECUTE format('SELECT count(*) FROM (%s) d', twin) INTO nrows;
    FOR line IN EXECUTE 'EXPLAIN (COSTS OFF) ' || query LOOP
        IF line ~ 'TsdbAggregate' THEN
            node := 'summaries';
        END IF;
    END LOOP;
    RETURN format('same %s rows, from %s', nrows, node);
END $$;

-- 9902: group columns that are not selected, in another order than those that are.
SELECT asked('SELECT count(*), sum(i) FROM trap_m GROUP BY sensor, site');
SELECT asked('SELECT site, sum(i) FROM trap_m GROUP BY sensor, date_trunc(''hour'', time), site');
SELECT asked('SELECT max(i) FROM trap_m GROUP BY date_trunc(''day'', time)');
SELECT asked('SELECT site FROM trap_m GROUP BY sensor, site');

-- 7410, 7415: columns of other relations around and inside of the aggregated one.
SELECT asked('SELECT w.n, x.* FROM (VALUES (1, ''north''), (2, ''south''), (3, ''none'')) w (n, site), LATERAL (SELECT sensor, sum(i) FROM trap_m t WHERE t.site = w.site GROUP BY sensor) x');
SELECT asked('SELECT a.site, a.total, b.least FROM (SELECT site, sum(i) AS total FROM trap_m GROUP BY site) a JOIN (SELECT site, min(v) AS least FROM trap_m GROUP BY site) b USING (site)');
SELECT asked('SELECT w.site, (SELECT count(*) FROM trap_m t WHERE t.site = w.site AND t.time < ''2024-03-31'') FROM (VALUES (''north''), (''south'')) w (site)');
SELECT asked('SELECT t.site, w.n, sum(t.i) FROM trap_m t JOIN (VALUES (1, ''north'')) w (n, site) ON w.site = t.site GROUP BY 1, 2');
SELECT asked('SELECT 2 * sum(i) + count(*), site || ''!'' FROM trap_m GROUP BY site');

-- 9238, 9266: HAVING, also about aggregates and groups that are not selected; aggregates without partial states.
SELECT asked('SELECT site, sensor FROM trap_m GROUP BY site, sensor HAVING sum(i) < 0 AND sensor = ''a''');
SELECT asked('SELECT date_trunc(''hour'', time), max(i) FROM trap_m GROUP BY 1 HAVING min(v) < -90 OR bool_and(ok)');
SELECT asked('SELECT count(*) FROM trap_m HAVING count(*) > 100000');
SELECT asked('SELECT site, count(DISTINCT i), string_agg(DISTINCT sensor, '','') FROM trap_m GROUP BY site');

-- 10203: aggregates that share a transition state, and one aggregate twice.
SELECT asked('SELECT avg(i), stddev(i), variance(i), sum(i), avg(i) FROM trap_m');
SELECT asked('SELECT site, avg(f)::numeric(20, 9), sum(f), stddev_pop(f)::numeric(20, 9), var_samp(f)::numeric(20, 9) FROM trap_m GROUP BY site');
SELECT asked('SELECT sum(big), avg(big), count(big) FROM trap_m');

-- 9947: a varchar tag against text, in conditions and as a key.
SELECT asked('SELECT site, count(*) FROM trap_m WHERE site = ''north''::text GROUP BY site');
SELECT asked('SELECT site::text, count(*) FROM trap_m WHERE site LIKE ''n%'' GROUP BY site::text');
SELECT asked('SELECT upper(site), count(v) FROM trap_m WHERE site IN (''north'', ''none'') GROUP BY upper(site)');

-- 10082: functions that give NULL, in conditions, keys and around aggregates.
SELECT asked('SELECT nullif(sensor, ''a''), count(*) FROM trap_m GROUP BY 1');
SELECT asked('SELECT site, nullif(count(*), 1440) FROM trap_m WHERE coalesce(sensor, ''a'') = ''a'' GROUP BY site');
SELECT asked('SELECT count(*), max(v) FROM trap_m WHERE sensor = NULL');
SELECT asked('SELECT count(*), sum(i) FROM trap_m WHERE time < NULL::timestamptz');

-- 9921: IS NULL and IS NOT NULL are no conditions on least and greatest.
SELECT asked('SELECT site, count(*), min(v), max(i) FROM trap_m WHERE v IS NULL GROUP BY site');
SELECT asked('SELECT site, count(*), min(i) FROM trap_m WHERE v IS NOT NULL GROUP BY site');
SELECT asked('SELECT sensor, count(*) FROM trap_m WHERE sensor IS NULL GROUP BY sensor');

-- 9976: a date against a timestamptz.
SELECT asked('SELECT count(*), min(time), max(time) FROM trap_m WHERE time >= date ''2024-03-31''');
SELECT asked('SELECT count(*), max(seen) FROM trap_m WHERE seen > date ''2024-03-31'' AND day = timestamptz ''2024-04-01''');
SELECT asked('SELECT min(day), max(day), min(seen), max(seen) FROM trap_m GROUP BY site');
SET timezone = 'America/New_York';
SELECT asked('SELECT count(*), min(time), max(time) FROM trap_m WHERE time >= date ''2024-03-31''');
SELECT asked('SELECT time::date, count(*) FROM trap_m GROUP BY 1');
SET timezone = 'UTC';

-- 7686: backward.
SELECT asked('SELECT date_trunc(''hour'', time) AS hour, sum(i) FROM trap_m GROUP BY 1 ORDER BY 1 DESC LIMIT 3');
SELECT asked('SELECT max(time) FROM trap_m WHERE site = ''south'' AND sensor = ''a''');
BEGIN;
DECLARE back SCROLL CURSOR FOR SELECT site, count(*) FROM trap_m GROUP BY site ORDER BY site;
FETCH ALL back;
FETCH BACKWARD ALL back;
FETCH FIRST back;
COMMIT;

-- hydradatabase/columnar 181: FILTER.
SELECT asked('SELECT count(*) FILTER (WHERE site = ''north''), count(*), sum(i) FILTER (WHERE time >= ''2024-03-31'') FROM trap_m');
SELECT asked('SELECT sensor, count(*) FILTER (WHERE site = ''none''), avg(i) FILTER (WHERE site = ''south''), avg(i) FROM trap_m GROUP BY sensor');
SELECT asked('SELECT count(*) FILTER (WHERE i > 0), max(i) FILTER (WHERE v IS NULL) FROM trap_m');

-- Rows that runs and the open transaction bring, above summaries; what it has not committed is gone afterwards.
BEGIN;
DELETE FROM trap_m WHERE i = 7;
DELETE FROM trap_h WHERE i = 7;
UPDATE trap_m SET v = v + 1000 WHERE sensor = 'b' AND i > 45;
UPDATE trap_h SET v = v + 1000 WHERE sensor = 'b' AND i > 45;
SELECT asked('SELECT site, date_trunc(''hour'', time), count(*), max(v), sum(i) FROM trap_m GROUP BY 1, 2');
ROLLBACK;
SELECT asked('SELECT site, count(*), max(v), sum(i) FROM trap_m GROUP BY 1');

-- 7584: NaN is greater than everything, also than infinity, and equal to itself; -0 equals 0.
CREATE TABLE nan_m (time timestamptz NOT NULL, v float8, f float4) USING tsdb WITH (tags = '', sample_interval = '1s', block_interval = '1m');
INSERT INTO nan_m SELECT timestamptz '2024-01-01' + n * interval '1 s', x::float8, x::float4
FROM unnest(ARRAY['1', 'NaN', '-Infinity', 'Infinity', '-0', '0', '-5', NULL]) WITH ORDINALITY u (x, n);
INSERT INTO nan_m SELECT timestamptz '2024-01-01 01:00' + n * interval '1 s', n, n FROM generate_series(1, 100) n;
SELECT tsdb.compact('nan_m');
SELECT min(v), max(v), sum(v), avg(v), stddev(v), min(f), max(f), sum(f) FROM nan_m;
SELECT date_trunc('hour', time) AS hour, count(v), min(v), max(v), avg(v), var_pop(v) FROM nan_m GROUP BY 1 ORDER BY 1;
SELECT count(*), min(v), max(v) FROM nan_m WHERE v > 'Infinity';
SELECT count(*), sum(v) FROM nan_m WHERE v = 0;
SELECT count(*), max(v) FROM nan_m WHERE v < 'NaN' AND v <> 'Infinity';

-- 10374: a sum does not depend on the order of what is added more than any other order of summation would.
CREATE TABLE sum_m (time timestamptz NOT NULL, v float8) USING tsdb WITH (tags = '', sample_interval = '1s', block_interval = '1m');
INSERT INTO sum_m SELECT timestamptz '2024-01-01' + n * interval '1 s', CASE n % 3 WHEN 0 THEN 1e16 WHEN 1 THEN 0.1 ELSE -1e16 END FROM generate_series(0, 2999) n;
SELECT abs(sum(v) - sum(v::numeric)) <= 1e-12 * sum(abs(v)) AS within FROM sum_m;
SELECT tsdb.compact('sum_m');
SELECT abs(sum(v) - sum(v::numeric)) <= 1e-12 * sum(abs(v)) AS within FROM sum_m;
SELECT abs(s - (SELECT sum(v::numeric) FROM sum_m)) <= 1e-12 * 2e19 AS within FROM (SELECT sum(v) AS s FROM sum_m) x;

-- A sum that overflows is an error, also when its parts do not.
CREATE TABLE far_m (time timestamptz NOT NULL, v float8, f float4) USING tsdb WITH (tags = '', sample_interval = '1s', block_interval = '1m');
INSERT INTO far_m SELECT timestamptz '2024-01-01' + n * interval '1 min', 1e308, 3e38 FROM generate_series(0, 9) n;
SELECT tsdb.compact('far_m');
SELECT sum(v) FROM far_m;
SELECT avg(v) FROM far_m;
SELECT sum(f) FROM far_m;
SELECT max(v), avg(f) FROM far_m;

-- No row: one row of the whole table, none of its groups.
SELECT asked('SELECT count(*), count(v), sum(v), avg(i), min(time), bool_or(ok), stddev(v) FROM trap_m WHERE time > ''2030-01-01''');
SELECT asked('SELECT site, count(*) FROM trap_m WHERE time > ''2030-01-01'' GROUP BY site');
SELECT asked('SELECT count(*) FROM trap_m WHERE false');

-- Row security: nobody learns of rows and series that a policy hides, through no function.
CREATE ROLE regress_trap;
GRANT SELECT (time, site, v) ON trap_m TO regress_trap;
CREATE POLICY north ON trap_m USING (site = 'north' AND v < 50);
ALTER TABLE trap_m ENABLE ROW LEVEL SECURITY;
CREATE FUNCTION tell(site text, v float8) RETURNS boolean LANGUAGE plpgsql COST 0.0001 AS $$
BEGIN
    IF site <> 'north' OR v >= 50 THEN
        RAISE NOTICE 'site % has %', site, v;
    END IF;
    RETURN true;
END $$;
SET ROLE regress_trap;
SELECT site, count(*), max(v) < 50 AS low FROM trap_m GROUP BY site;
SELECT count(*) FROM trap_m WHERE tell(site, 0);
SELECT count(*) FROM trap_m WHERE tell('north', v);
SELECT count(*) FILTER (WHERE tell(site, 0)), count(*) FROM trap_m;
SELECT tell(site, 0), count(*) FROM trap_m GROUP BY 1;
SELECT sum(i) FROM trap_m;
SELECT site FROM trap_m GROUP BY site HAVING max(i) > 0;
RESET ROLE;
ALTER TABLE trap_m DISABLE ROW LEVEL SECURITY;

-- The zone of a prepared statement is that of its execution, not of its plan.
SET plan_cache_mode = force_generic_plan;
PREPARE days AS SELECT date_trunc('day', time) AS day, count(*) FROM trap_m GROUP BY 1 ORDER BY 1;
EXECUTE days;
SET timezone = 'Europe/Berlin';
EXECUTE days;
SET timezone = 'Asia/Kathmandu';
EXECUTE days;
RESET plan_cache_mode;

-- So many groups that their estimate is far beyond work_mem: core's plan, which spills, unless groups are emitted as they come.
SET work_mem = '64kB';
SET hash_mem_multiplier = 1;
CREATE TABLE many_m (time timestamptz NOT NULL, tag int4, other int4, v float8) USING tsdb WITH (tags = 'tag,other', sample_interval = '1s');
INSERT INTO many_m SELECT timestamptz '2024-01-01' + i * interval '1 s', i % 10, 1, i FROM generate_series(0, 99999) i;
SELECT tsdb.compact('many_m');
ANALYZE many_m;
CREATE FUNCTION uses_node(query text) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
    line text;
BEGIN
    FOR line IN EXECUTE 'EXPLAIN (COSTS OFF) ' || query LOOP
        IF line ~ 'TsdbAggregate' THEN
            RETURN true;
        END IF;
    END LOOP;
    RETURN false;
END $$;
SELECT uses_node($$SELECT tag, date_trunc('second', time), sum(v) FROM many_m WHERE time BETWEEN '2024-01-01' AND '2024-01-02' GROUP BY 1, 2$$) AS too_many,
       uses_node($$SELECT tag, date_trunc('hour', time), sum(v) FROM many_m WHERE time BETWEEN '2024-01-01' AND '2024-01-02' GROUP BY 1, 2$$) AS few,
       uses_node($$SELECT tag, other, date_trunc('second', time, 'UTC'), sum(v) FROM many_m WHERE time BETWEEN '2024-01-01' AND '2024-01-02' GROUP BY 1, 2, 3$$) AS streamed,
       uses_node($$SELECT tag, other, date_trunc('second', time, 'UTC'), sum(v) FROM many_m WHERE time BETWEEN '2024-01-01' AND '2024-01-02' GROUP BY 1, 2, 3 ORDER BY 3, 1$$) AS streamed_and_sorted;
DROP TABLE many_m;
DROP FUNCTION uses_node;
DROP TABLE trap_m, trap_h, nan_m, sum_m, far_m;
DROP FUNCTION asked, tell;
DROP ROLE regress_trap;
