-- What `make run` shows.
\pset footer off
\pset null -
\timing on

\echo
\echo '== This machine now: the last value of every series'
SELECT DISTINCT ON (metric, device) metric, device, value, to_char(time, 'HH24:MI:SS') AS utc
FROM machine
ORDER BY metric, device, time DESC;

\echo
\echo '== Daily averages of good samples, each plant on its own clock, last five days'
SELECT plant, tsdb.local_bucket('1 day', b)::date AS local_day,
       round(avg(value) FILTER (WHERE sensor = 'steam_temperature')::numeric, 2) AS steam_temperature,
       round(avg(value) FILTER (WHERE sensor = 'steam_pressure')::numeric, 2) AS steam_pressure,
       round(avg(value) FILTER (WHERE sensor = 'ambient')::numeric, 2) AS ambient
FROM boiler b
WHERE time >= now() - interval '5 days' AND tsdb.is_good(quality)
GROUP BY 1, 2
ORDER BY 1, 2;

\echo
\echo '== At six in the morning in Antofagasta and in Newcastle: the average of 90 days'
SELECT plant, sensor, tsdb.unit(b), round(avg(value)::numeric, 2) AS at_six
FROM boiler b
WHERE extract(hour FROM tsdb.local_time(b)) = 6 AND sensor IN ('steam_temperature', 'steam_pressure', 'ambient')
GROUP BY 1, 2, 3
ORDER BY 1, 2;

\echo
\echo '== Steam that was too hot: the longest times above the limit'
SELECT tags ->> 'plant' AS plant, from_time, until_time - from_time AS "for", samples, extreme
FROM tsdb.violations('boiler', '{"sensor": "steam_temperature"}', '-infinity', 'infinity')
ORDER BY samples DESC, from_time
LIMIT 3;

\echo
\echo '== The quality of what the sensors sent'
SELECT plant, sensor, count(*) AS samples,
       count(*) FILTER (WHERE tsdb.is_good(quality)) AS good,
       count(*) FILTER (WHERE tsdb.is_uncertain(quality)) AS uncertain,
       count(*) FILTER (WHERE tsdb.is_bad(quality)) AS bad,
       tsdb.quality_name(tsdb.worst(quality)) AS worst
FROM boiler
GROUP BY plant, sensor
ORDER BY plant, sensor;

\echo
\echo '== One hour of one sensor'
SELECT min(value), round(avg(value)::numeric, 3) AS avg, max(value), count(*)
FROM boiler
WHERE plant = 'newcastle' AND sensor = 'steam_pressure'
  AND time >= date_trunc('hour', now()) - interval '30 days' AND time < date_trunc('hour', now()) - interval '30 days' + interval '1 hour';

\echo
\echo '== The last write wins: send a sample again to correct it'
\timing off
SELECT time AS corrected FROM boiler WHERE plant = 'newcastle' AND sensor = 'drum_level' ORDER BY time DESC LIMIT 1
\gset
SELECT 'before' AS what, time, value, quality FROM boiler WHERE plant = 'newcastle' AND sensor = 'drum_level' AND time = :'corrected';
INSERT INTO boiler VALUES (:'corrected', 'newcastle', 'drum_level', 51.5, 0);
SELECT 'after' AS what, time, value, quality FROM boiler WHERE plant = 'newcastle' AND sensor = 'drum_level' AND time = :'corrected';
\timing on

\echo
\echo '== Size on disk, everything included'
SELECT count(*) AS rows,
       pg_size_pretty(pg_total_relation_size('boiler_heap')) AS "heap + btree",
       pg_size_pretty(pg_total_relation_size('boiler')) AS tsdb,
       round(pg_total_relation_size('boiler_heap')::numeric / pg_total_relation_size('boiler'), 1) AS "times smaller",
       round(pg_total_relation_size('boiler')::numeric / count(*), 2) AS "bytes per sample"
FROM boiler;

\echo
\echo '== How it is stored: packed blocks in segments; what arrived lately in runs, until the worker packs them'
SELECT relname AS "table",
       (SELECT count(*) FROM tsdb.segments(oid)) AS segments,
       (SELECT count(*) FROM tsdb.blocks(oid)) AS blocks,
       (SELECT count(*) FROM tsdb.runs(oid)) AS runs,
       (SELECT count(*) FROM tsdb.verify(oid)) AS damage_found
FROM pg_class
WHERE oid IN ('boiler'::regclass, 'machine'::regclass)
ORDER BY relname;

\echo
\echo '== What the server has done since it started'
SELECT name, count, round(p50_ms::numeric, 2) AS p50_ms, round(p99_ms::numeric, 2) AS p99_ms
FROM tsdb.stats
WHERE count > 0;
