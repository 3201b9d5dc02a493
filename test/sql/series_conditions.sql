-- Conditions on attributes of series, evaluated once per series: whole series are skipped.
SET timezone = 'UTC';
SET max_parallel_workers_per_gather = 0;
\set SHOW_CONTEXT never
CREATE TABLE sc_m (time timestamptz NOT NULL, plant text, line int4, value float8) USING tsdb WITH (tags = 'plant,line', sample_interval = '1s');
INSERT INTO sc_m SELECT t, p, l, extract(epoch FROM t)::int8 % 100
FROM unnest('{a,b,c,NULL}'::text[]) p, generate_series(1, 5) l, generate_series(timestamptz '2026-01-01', '2026-01-01 01:00', '1 min') t;
CREATE TABLE sc_h AS TABLE sc_m;
SELECT tsdb.compact('sc_m');
ANALYZE sc_m;
SELECT tsdb.set_series('sc_m', '{}', unit => 'K', stepped => false), tsdb.set_series('sc_m', '{"plant": "a"}', unit => 'degC', low => 3, timezone => 'Europe/Berlin'),
       tsdb.set_series('sc_m', '{"plant": null}', high => 50, description => 'none'), tsdb.set_series('sc_m', '{"plant": "b", "line": 2}', unit => 'bar', stepped => true);

CREATE FUNCTION sc_explain(query text, options text DEFAULT 'ANALYZE, COSTS OFF, TIMING OFF, SUMMARY OFF, BUFFERS OFF') RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
    line text;
BEGIN
    FOR line IN EXECUTE format('EXPLAIN (%s) ', options) || query LOOP
        CONTINUE WHEN line !~ 'Tsdb|Aggregate|Group Key|Conditions|Series|Time Range|from Summary|Decoded|Skipped' OR line ~ 'Series Order';
        RETURN NEXT regexp_replace(line, 'actual rows=([0-9]+)(\.00)?', 'actual rows=\1');
    END LOOP;
END $$;
SELECT sc_explain($q$SELECT * FROM sc_m b WHERE tsdb.unit(b) = 'degC'$q$);
SELECT sc_explain($q$SELECT count(*) FROM sc_m b WHERE tsdb.unit(b) IN ('bar', 'psi') AND NOT tsdb.stepped(b) IS NOT TRUE AND plant LIKE 'b%'$q$);
SELECT sc_explain($q$SELECT tsdb.unit(b), tsdb.timezone(b) IS NULL, sum(value) FROM sc_m b WHERE tsdb.low(b) IS NULL GROUP BY 1, 2$q$);

-- As the functions say row by row.
CREATE FUNCTION sc_differ(cond text) RETURNS TABLE (n int8, differ int8) LANGUAGE plpgsql AS $$
BEGIN
    RETURN QUERY EXECUTE format($q$
        WITH m AS (SELECT * FROM sc_m b WHERE %1$s), h AS (SELECT * FROM sc_h b WHERE %2$s)
        SELECT (SELECT count(*) FROM m), (SELECT count(*) FROM ((TABLE m EXCEPT TABLE h) UNION ALL (TABLE h EXCEPT TABLE m)) x)$q$,
        cond, regexp_replace(cond, '\mb\)', '''sc_m''::regclass, time, plant, line)', 'g'));
END $$;
SELECT cond, d.* FROM unnest(ARRAY['tsdb.unit(b) = ''degC''', 'tsdb.unit(b) <> ''K''', 'tsdb.timezone(b) IS NULL', 'tsdb.low(b) < 5', 'coalesce(tsdb.high(b), 7) = 7', 'NOT tsdb.stepped(b)', 'tsdb.stepped(b)',
    'tsdb.description(b) ~ ''^no''', 'tsdb.unit(b) = ''K'' OR line = 3', 'tsdb.unit(b) = ''K'' AND value > 50', 'tsdb.unit(b) = ''K'' OR value > 50', 'CASE WHEN plant = ''a'' THEN tsdb.low(b) ELSE line END = 3',
    'tsdb.low(b) = value', 'tsdb.unit(b) || plant = ''degCa''', '1 / tsdb.low(b) < 1', 'tsdb.out_of_limits(value, b)']) cond, LATERAL sc_differ(cond) d;
SELECT tsdb.unit(b) AS unit, line > 4 AS last, count(*), sum(value) FROM sc_m b GROUP BY 1, 2 ORDER BY 1, 2;
SELECT tsdb.unit('sc_m'::regclass, time, plant, line) AS unit, line > 4 AS last, count(*), sum(value) FROM sc_h GROUP BY 1, 2 ORDER BY 1, 2;

-- Joins: a parameter; a row that is not there has no unit.
CREATE TABLE sc_u (unit text, plant text);
INSERT INTO sc_u VALUES ('bar', 'a'), ('degC', 'b'), ('degC', 'z');
SELECT u.unit, x.n FROM sc_u u, LATERAL (SELECT count(*) AS n FROM sc_m b WHERE tsdb.unit(b) = u.unit) x ORDER BY 1, 2;
SELECT u.plant, b.line, tsdb.unit(b), tsdb.stepped(b) IS NULL AS unknown FROM sc_u u LEFT JOIN sc_m b ON b.plant = u.plant AND b.time = '2026-01-01' WHERE tsdb.unit(b) IS DISTINCT FROM 'K' ORDER BY 1, 2;
SELECT count(*) FROM sc_u u LEFT JOIN sc_m b ON b.plant = u.plant AND tsdb.unit(b) = u.unit;

-- What is known counts from now on; as told by others, too; in prepared plans.
SET plan_cache_mode = force_generic_plan;
PREPARE units AS SELECT count(*) FROM sc_m b WHERE tsdb.unit(b) = $1;
EXECUTE units('psi');
BEGIN;
SELECT tsdb.set_series('sc_m', '{"plant": "c"}', unit => 'psi');
EXECUTE units('psi');
ROLLBACK;
EXECUTE units('psi');
ALTER TABLE sc_m RENAME plant TO site;
EXECUTE units('degC');
RESET plan_cache_mode;

-- Writers, partitions, row security.
BEGIN;
DELETE FROM sc_m b WHERE tsdb.unit(b) = 'degC' AND tsdb.low(b) = 3;
UPDATE sc_m b SET value = -1 WHERE tsdb.unit(b) = 'bar';
SELECT site, count(*), count(*) FILTER (WHERE value = -1) AS changed FROM sc_m GROUP BY 1 ORDER BY 1;
ROLLBACK;
CREATE TABLE sc_p (time timestamptz NOT NULL, site text, line int4, value float8) PARTITION BY RANGE (time);
CREATE TABLE sc_p1 PARTITION OF sc_p FOR VALUES FROM (MINVALUE) TO ('2026-01-01 00:30') USING tsdb WITH (tags = 'site,line', sample_interval = '1s');
CREATE TABLE sc_p2 (value float8, line int4, site text, time timestamptz NOT NULL) USING tsdb WITH (tags = 'site,line', sample_interval = '1s');
ALTER TABLE sc_p ATTACH PARTITION sc_p2 FOR VALUES FROM ('2026-01-01 00:30') TO (MAXVALUE);
INSERT INTO sc_p SELECT * FROM sc_h;
SELECT tsdb.set_series('sc_p', '{"line": 3}', unit => 'bar');
SELECT sc_explain($q$SELECT sum(value) FROM sc_p b WHERE tsdb.unit(b) = 'bar'$q$);
SELECT count(*), sum(value) FROM sc_p b WHERE tsdb.unit(b) = 'bar';
SELECT count(*), sum(value) FROM sc_h b WHERE line = 3;
CREATE ROLE sc_reader;
GRANT SELECT ON sc_m TO sc_reader;
ALTER TABLE sc_m ENABLE ROW LEVEL SECURITY;
CREATE POLICY only_kelvin ON sc_m USING (tsdb.unit(sc_m) = 'K' AND line < 3);
SET ROLE sc_reader;
SELECT tsdb.unit(b), min(line), max(line), count(*) FROM sc_m b GROUP BY 1;
SELECT count(*) FROM sc_m b WHERE tsdb.unit(b) = 'degC';
RESET ROLE;
DROP TABLE sc_m, sc_h, sc_u, sc_p;
DROP FUNCTION sc_differ, sc_explain;
DROP ROLE sc_reader;
