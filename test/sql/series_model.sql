-- Violations and filled gaps against models that know nothing of blocks: around changes of clocks, after corrections, with values that are bad, NULL, NaN, infinite.
SET timezone = 'UTC';
SET datestyle = 'ISO, MDY';
SET max_parallel_workers_per_gather = 0;
\set SHOW_CONTEXT never
SELECT setseed(0.5);
CREATE TABLE mo_m (time timestamptz NOT NULL, zone text, value float8, whole int8, quality tsdb.quality) USING tsdb WITH (tags = 'zone', sample_interval = '1s', block_interval = '6h');
CREATE TABLE mo_h (LIKE mo_m) USING heap;
CREATE TABLE mo_changes AS SELECT zone, change::timestamptz FROM (VALUES
    ('Europe/Berlin', '2025-10-26 01:00'), ('Europe/Berlin', '2026-03-29 01:00'), ('Australia/Lord_Howe', '2025-10-04 15:30'), ('Australia/Lord_Howe', '2026-04-04 15:00'),
    ('America/Santiago', '2025-09-07 04:00'), ('America/Santiago', '2026-04-05 03:00'), ('Asia/Kathmandu', '2026-01-01'), ('America/St_Johns', '2025-11-02 04:30')) x(zone, change);
INSERT INTO mo_h SELECT DISTINCT ON (zone, t) t, zone, v, CASE WHEN n % 5 = 0 THEN 9223372036854775807 - n WHEN n % 5 = 1 THEN -9223372036854775808 + n ELSE n - 300 END, q
FROM (SELECT zone, date_trunc('second', change + (random() - 0.5) * interval '60 hours') AS t, n,
             CASE WHEN n % 17 = 0 THEN NULL WHEN n % 19 = 0 THEN 'NaN' WHEN n % 23 = 0 THEN 'Infinity' ELSE round((random() * 100)::numeric, 2)::float8 END AS v,
             CASE WHEN n % 7 = 0 THEN -2147483648 WHEN n % 11 = 0 THEN NULL ELSE 0 END AS q
      FROM mo_changes, generate_series(1, 150) n) x WHERE extract(hour FROM t) NOT IN (5, 9, 10, 17) ORDER BY zone, t, n;
INSERT INTO mo_m SELECT * FROM mo_h;
SELECT tsdb.compact('mo_m');
SELECT count(tsdb.set_series('mo_m', jsonb_build_object('zone', zone), timezone => zone)) FROM (SELECT DISTINCT zone FROM mo_changes) x;

-- Corrections of the past, some of them undone: the table is what the twin is.
SELECT tsdb.overwrite('mo_m', $$SELECT time, zone, 150 AS value, 7 AS whole FROM mo_h WHERE extract(minute FROM time) < 6$$, 'wrong sensor') IS NOT NULL AS done;
UPDATE mo_h SET value = 150, whole = 7, quality = NULL WHERE extract(minute FROM time) < 6;
SELECT tsdb.backfill('mo_m', $$SELECT change + interval '90 min 7 s' AS time, zone, -20 AS value, -9223372036854775808 AS whole FROM mo_changes$$, 'from the logger') IS NOT NULL AS done;
INSERT INTO mo_h SELECT change + interval '90 min 7 s', zone, -20, -9223372036854775808, NULL FROM mo_changes c WHERE NOT EXISTS (SELECT FROM mo_h h WHERE h.zone = c.zone AND h.time = c.change + interval '90 min 7 s');
SELECT tsdb.mark_deleted('mo_m', '{"zone": "Asia/Kathmandu"}', '2026-01-01 02:00', '2026-01-01 03:30', 'test') AS edit \gset
SELECT tsdb.undo(:edit, 'not that one') IS NOT NULL AS done;
SELECT tsdb.mark_deleted('mo_m', '{"zone": "America/Santiago"}', '2026-04-05 01:00', '2026-04-05 02:30', 'test') IS NOT NULL AS done;
DELETE FROM mo_h WHERE zone = 'America/Santiago' AND time >= '2026-04-05 01:00' AND time < '2026-04-05 02:30';
SELECT count(*) FROM ((SELECT time, zone, value, whole FROM mo_m EXCEPT SELECT time, zone, value, whole FROM mo_h) UNION ALL (SELECT time, zone, value, whole FROM mo_h EXCEPT SELECT time, zone, value, whole FROM mo_m)) x;

-- Violations: a run of samples that follow one another beyond one limit.
CREATE FUNCTION mo_violations(col text, low float8, high float8, f timestamptz, u timestamptz) RETURNS TABLE (zone text, side text, from_time timestamptz, last_time timestamptz, until_time timestamptz, samples int8, extreme float8) LANGUAGE plpgsql AS $$
BEGIN
    RETURN QUERY EXECUTE format($q$
        WITH o AS (SELECT h.zone, time, %1$s::float8 AS v, s.side, CASE WHEN s.side = 'low' THEN %1$s::float8 < $1 ELSE %1$s::float8 > $2 END AS out
                   FROM mo_h h, (VALUES ('low'), ('high')) s(side) WHERE time >= $3 AND time < $4 AND %1$s IS NOT NULL),
        r AS (SELECT *, count(*) FILTER (WHERE out IS NOT TRUE) OVER w AS run, lead(time) OVER w AS next FROM o WINDOW w AS (PARTITION BY o.zone, o.side ORDER BY time))
        SELECT r.zone, r.side, min(time), max(time), max(next) FILTER (WHERE n.out IS NOT TRUE), count(*), CASE WHEN r.side = 'low' THEN min(v) ELSE max(v) END
        FROM (SELECT r.*, (lead(out) OVER (PARTITION BY r.zone, r.side ORDER BY time)) AS next_out FROM r) r, LATERAL (SELECT r.next_out AS out) n WHERE r.out GROUP BY r.zone, r.side, run$q$, col) USING low, high, f, u;
END $$;
CREATE FUNCTION mo_check(col text, low float8, high float8, f timestamptz, u timestamptz) RETURNS TABLE (n int8, samples numeric, differ int8) LANGUAGE plpgsql AS $$
BEGIN
    PERFORM tsdb.unset_series('mo_m', '{}');
    PERFORM tsdb.set_series('mo_m', '{}', low => low, high => high, description => 'limits');
    RETURN QUERY WITH m AS (SELECT tags ->> 'zone', "limit", v.from_time, v.last_time, v.until_time, v.samples, v.extreme FROM tsdb.violations('mo_m', '{}', f, u, col::name) v),
                      h AS (SELECT * FROM mo_violations(col, low, high, f, u))
        SELECT (SELECT count(*) FROM m), (SELECT sum(m.samples) FROM m), (SELECT count(*) FROM ((TABLE m EXCEPT ALL TABLE h) UNION ALL (TABLE h EXCEPT ALL TABLE m)) x);
END $$;
SELECT c.*, d.* FROM (VALUES ('value', 20::float8, 80::float8, '-infinity'::timestamptz, 'infinity'::timestamptz), ('value', NULL, 149.99, '-infinity', 'infinity'), ('value', -19, NULL, '-infinity', 'infinity'), ('value', '-infinity', 'infinity', '-infinity', 'infinity'),
    ('value', 'infinity', NULL, '-infinity', 'infinity'), ('value', NULL, '-infinity', '-infinity', 'infinity'), ('value', 1e-300, 50, '2025-10-26 00:30', '2026-03-29 02:07:13'), ('value', 50, 50, '2026-01-01', '2026-01-01'), ('value', 50, 50, '2026-01-02', '2026-01-01'),
    ('whole', 0, 0, '-infinity', 'infinity'), ('whole', NULL, '-infinity', '-infinity', 'infinity'), ('whole', 'infinity', NULL, '-infinity', 'infinity'), ('whole', '-infinity', 'infinity', '-infinity', 'infinity'), ('whole', -9223372036854775808, 9223372036854775807, '-infinity', 'infinity'),
    ('whole', 9223372036854775807, NULL, '-infinity', 'infinity'), ('whole', -9223372036854774784, 9223372036854774784, '-infinity', 'infinity'), ('whole', 6.5, 7.5, '-infinity', 'infinity')) c(col, low, high, f, u), LATERAL mo_check(col, low, high, f, u) d;
SELECT count(*) FILTER (WHERE tsdb.out_of_limits(whole, b)) AS outside, (SELECT sum(samples) FROM tsdb.violations('mo_m', '{}', '-infinity', 'infinity', 'whole')) AS in_violations FROM mo_m b;

-- Gaps: the buckets that the clock of each series shows between the two times, looked at minute by minute.
CREATE FUNCTION mo_filled(w interval, f timestamptz, u timestamptz, fill text, agg text) RETURNS TABLE (zone text, bucket timestamp, value float8, filled bool) LANGUAGE plpgsql AS $$
BEGIN
    RETURN QUERY EXECUTE format($q$
        WITH found AS (SELECT h.zone, tsdb.time_bucket($1, h.time AT TIME ZONE h.zone) AS b, %1$s::float8 AS v FROM mo_h h WHERE h.time >= $2 AND h.time < $3 GROUP BY 1, 2),
        shown AS (SELECT DISTINCT z.zone, tsdb.time_bucket($1, t AT TIME ZONE z.zone) AS b FROM (SELECT DISTINCT found.zone FROM found) z, generate_series($2, $3 - interval '1 us', '1 min') t
                  UNION SELECT found.zone, found.b FROM found UNION SELECT z.zone, tsdb.time_bucket($1, ($3 - interval '1 us') AT TIME ZONE z.zone) FROM (SELECT DISTINCT found.zone FROM found) z WHERE $2 < $3),
        x AS (SELECT s.zone, s.b, f.v FROM shown s LEFT JOIN found f USING (zone, b))
        SELECT x.zone, x.b, coalesce(x.v, CASE $4 WHEN 'null' THEN NULL WHEN 'previous' THEN p.v WHEN 'linear' THEN p.v + (n.v - p.v) * extract(epoch FROM x.b - p.b)::float8 / extract(epoch FROM n.b - p.b)::float8 ELSE -1 END), x.v IS NULL
        FROM x LEFT JOIN LATERAL (SELECT * FROM x p WHERE p.zone = x.zone AND p.b < x.b AND p.v IS NOT NULL ORDER BY p.b DESC LIMIT 1) p ON true
               LEFT JOIN LATERAL (SELECT * FROM x n WHERE n.zone = x.zone AND n.b > x.b AND n.v IS NOT NULL ORDER BY n.b LIMIT 1) n ON true$q$, agg) USING w, f, u, fill;
END $$;
SELECT tsdb.unset_series('mo_m', '{}');
CREATE FUNCTION mo_gaps(w interval, f timestamptz, u timestamptz, fill text) RETURNS TABLE (buckets int8, gaps int8, differ int8) LANGUAGE sql AS $$
    WITH m AS (SELECT tags ->> 'zone' AS zone, bucket, round(value::numeric, 6) AS value, filled FROM tsdb.gapfill(w, 'mo_m', '{}', f, u, fill, 'max', 'value') WHERE value IS DISTINCT FROM 'Infinity' AND value IS DISTINCT FROM '-Infinity'),
         h AS (SELECT zone, bucket, round(value::numeric, 6) AS value, filled FROM mo_filled(w, f, u, fill, 'max(h.value)') WHERE value IS DISTINCT FROM 'Infinity' AND value IS DISTINCT FROM '-Infinity')
    SELECT count(*), count(*) FILTER (WHERE m.filled), (SELECT count(*) FROM ((TABLE m EXCEPT ALL TABLE h) UNION ALL (TABLE h EXCEPT ALL TABLE m)) x) FROM m $$;
SELECT w, fill, count(*) AS ranges, sum(d.buckets) > 0 AS has_buckets, sum(d.gaps) > 0 AS has_gaps, sum(d.differ) AS differ
FROM (VALUES ('15 min'::interval, 'previous'), ('30 min', 'linear'), ('1 hour', 'null'), ('7 hours', '-1'), ('1 day', 'linear'), ('2 days', 'previous'), ('1 month', 'null')) k(w, fill),
    LATERAL (SELECT change + off1 AS f, change + off1 + len AS u FROM mo_changes, (VALUES ('-20 min'::interval, '45 min'::interval), ('-50 min', '35 min'), ('10 min 3 s', '70 min'), ('-9 hours', '20 hours'), ('-70 min', '1 us'), ('0', '0')) r(off1, len)
             WHERE w > '20 min' OR len < '2 hours') r,
    LATERAL mo_gaps(w, f, u, fill) d GROUP BY 1, 2 ORDER BY 1;
-- The hour that Berlin shows twice, cut in it: quarters before and after.
SELECT bucket, value IS NULL AS gap FROM tsdb.gapfill('15 min', 'mo_m', '{"zone": "Europe/Berlin"}', '2025-10-26 00:30', '2025-10-26 01:10', value_column => 'value');
DROP TABLE mo_m, mo_h, mo_changes;
DROP FUNCTION mo_violations, mo_check, mo_filled, mo_gaps;
