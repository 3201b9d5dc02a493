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
SELECT plant, date_trunc('day', time AT TIME ZONE p.timezone)::date AS local_day,
       round(avg(value) FILTER (WHERE sensor = 'steam_temperature')::numeric, 2) AS steam_temperature,
       round(avg(value) FILTER (WHERE sensor = 'steam_pressure')::numeric, 2) AS steam_pressure,
       round(avg(value) FILTER (WHERE sensor = 'ambient')::numeric, 2) AS ambient
FROM boiler JOIN plant p ON p.name = plant
WHERE time >= now() - interval '5 days' AND quality BETWEEN 0 AND 1073741823
GROUP BY 1, 2
ORDER BY 1, 2;

\echo
\echo '== The quality of what the sensors sent'
SELECT plant, sensor, count(*) AS samples,
       count(*) FILTER (WHERE quality BETWEEN 0 AND 1073741823) AS good,
       count(*) FILTER (WHERE quality >= 1073741824) AS uncertain,
       count(*) FILTER (WHERE quality < 0) AS bad
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
SELECT time AS corrected FROM boiler WHERE plant = 'newcastle' AND sensor = 'drum_level' ORDER BY time DESC LIMIT 1
\gset
INSERT INTO boiler VALUES (:'corrected', 'newcastle', 'drum_level', 51.5, 0);
SELECT time, value, quality FROM boiler WHERE plant = 'newcastle' AND sensor = 'drum_level' AND time = :'corrected';

\echo
\echo '== Size on disk, everything included'
SELECT count(*) AS rows,
       pg_size_pretty(pg_total_relation_size('boiler_heap')) AS "heap + btree",
       pg_size_pretty(pg_total_relation_size('boiler')) AS tsdb,
       round(pg_total_relation_size('boiler_heap')::numeric / pg_total_relation_size('boiler'), 1) AS "times smaller",
       round(pg_total_relation_size('boiler')::numeric / count(*), 2) AS "bytes per sample"
FROM boiler;

\echo
\echo '== How it is stored'
SELECT count(*) AS blocks FROM tsdb.blocks('boiler');
SELECT count(*) AS segments FROM tsdb.segments('boiler');
SELECT count(*) AS runs_of_machine FROM tsdb.runs('machine');
SELECT * FROM tsdb.stats LIMIT 12;
SELECT count(*) AS damage_found FROM tsdb.verify('boiler');
