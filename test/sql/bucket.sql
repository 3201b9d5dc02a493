-- tsdb.time_bucket, tsdb.first and tsdb.last on ordinary tables.
SET timezone = 'UTC';
SET datestyle = 'ISO';
SET search_path = public, tsdb;
CREATE TABLE t (time timestamptz, ts timestamp, d date, v int4, note text);
INSERT INTO t SELECT x, x::timestamp, x::date, i, 'n' || i
FROM generate_series(1, 200) i, LATERAL (SELECT timestamptz '2024-03-29 01:02:03.5+00' + i * interval '37 min' AS x) g;

-- A literal without type is an interval; the third one is a zone for timestamptz, an origin for timestamp and date.
SELECT time_bucket('300.000s', time) AS "time", count(*) FROM t GROUP BY 1 ORDER BY 1 LIMIT 2;
SELECT time_bucket('1036800.000s', time) AS "time", count(*) FROM t GROUP BY time_bucket('1036800.000s', time) ORDER BY 1;
SELECT time_bucket('0.020s', timestamptz '2024-01-01 00:00:00.0199'), time_bucket('0.020s', timestamptz '2024-01-01 00:00:00.02');
SELECT pg_typeof(time_bucket('300.000s', time)), pg_typeof(time_bucket('300.000s', ts)), pg_typeof(time_bucket('1 day', d)) FROM t LIMIT 1;
SELECT time_bucket('1 day', timestamptz '2024-06-01 23:00', 'Europe/Berlin');
SELECT time_bucket('1 day', timestamptz '2024-06-01 23:00', 'Nowhere');
SELECT time_bucket('1 day', timestamptz '2024-06-01 23:00', timestamptz '2000-01-01 05:00');
SELECT time_bucket('1 day', timestamp '2024-06-01 23:00', '2000-01-01 05:00'), time_bucket('3 days', date '2024-06-01', '2000-01-02');
SELECT time_bucket('1 day', timestamptz '2024-06-01 23:00', timezone => 'CEST');
SELECT time_bucket('1 week', timestamptz '2024-06-05', origin => '2024-06-02');
SELECT time_bucket('1 week', timestamptz '2024-06-05', timezone => 'Asia/Kathmandu', origin => '2024-06-01 18:15+00');
SELECT time_bucket(bucket_width => '15 min', ts => timestamptz '2024-06-05 00:29');
SELECT time_bucket('1 day', '2024-06-01 23:00', timezone => 'Asia/Tokyo');

-- Weeks begin on Monday, months and years with the calendar; before 2000 too.
SELECT time_bucket('1 week', x), time_bucket('1 month', x), time_bucket('3 months', x), time_bucket('1 year', x), time_bucket('10 years', x)
FROM unnest('{2024-02-29 12:00, 2000-01-01, 1999-12-31 23:59:59.999999, 1969-07-20}'::timestamptz[]) x;
SELECT time_bucket('1 week', x), time_bucket('5 days', x), time_bucket('1 month', x), time_bucket('1 hour', x) FROM unnest('{2024-02-29, 1999-12-31, 0001-01-01 BC}'::date[]) x;
SELECT time_bucket('1 year', timestamptz '2024-02-29', origin => '2000-07-01');
SELECT time_bucket('6 months', timestamp '2024-09-30 10:00', origin => '2000-02-01');

-- Days of 23 and 25 hours, a repeated hour, a shift of 30 minutes.
SELECT time_bucket('1 day', x, 'Europe/Berlin') AS day, count(*)
FROM generate_series(timestamptz '2024-03-30 00:00+01', '2024-04-01 23:59+02', '1 hour') x GROUP BY 1 ORDER BY 1;
SELECT time_bucket('6 hours', x, 'Europe/Berlin') AS shift, count(*)
FROM generate_series(timestamptz '2024-10-27 00:00+02', '2024-10-27 23:59+01', '1 hour') x GROUP BY 1 ORDER BY 1;
SELECT time_bucket('1 hour', x, 'Europe/Berlin') AS hour, count(*)
FROM generate_series(timestamptz '2024-10-27 01:00+02', '2024-10-27 03:59+01', '15 min') x GROUP BY 1 ORDER BY 1;
SELECT time_bucket('1 day', x, 'Australia/Lord_Howe') AS day, count(*)
FROM generate_series(timestamptz '2024-04-06 00:00+11', '2024-04-08 00:00+10:30', '30 min') x GROUP BY 1 ORDER BY 1;
SELECT time_bucket('1 hour', timestamptz '2024-06-01 00:20', 'Asia/Kathmandu'), time_bucket('1 month', timestamptz '2024-06-30 20:00', 'Asia/Kathmandu');

-- Infinity stays; the ends of what timestamps can say.
SELECT time_bucket('1 day', timestamptz 'infinity'), time_bucket('1 month', timestamp '-infinity'), time_bucket('1 day', date 'infinity'), time_bucket('1 day', timestamptz 'infinity', 'Europe/Berlin');
SELECT time_bucket('1 day', timestamptz '294276-12-31 23:59:59.999999'), time_bucket('1 month', timestamptz '294276-12-31 23:59:59.999999', 'Pacific/Kiritimati');
SELECT time_bucket('1 week', timestamptz '4714-11-24 00:00:00+00 BC');
SELECT time_bucket('1 month', timestamptz '4714-11-24 00:00:00+00 BC');
SELECT time_bucket('1 day', timestamptz '4714-11-24 00:00:00+00 BC', 'Asia/Tokyo');
SELECT time_bucket('100000 years', timestamptz '2024-01-01'), time_bucket('290000 years', timestamptz '2024-01-01', 'Europe/Berlin');
SELECT time_bucket('290000 years', timestamptz '1999-01-01', 'Europe/Berlin');
SELECT time_bucket('106751991 days', timestamptz '2024-01-01', 'Europe/Berlin');
SELECT time_bucket('106751991 days', timestamp '4000-01-01 BC');
SELECT time_bucket('1 day', date '5874897-01-01');
SELECT time_bucket(NULL, time), time_bucket('1 day', NULL::timestamptz), time_bucket('1 day', time, NULL::text) FROM t LIMIT 1;

-- Refused.
\set SHOW_CONTEXT never
SELECT time_bucket('1 month 1 day', time) FROM t;
\echo :LAST_ERROR_SQLSTATE
SELECT time_bucket('0', time) FROM t;
\echo :LAST_ERROR_SQLSTATE
SELECT time_bucket('-5 min', ts) FROM t;
\echo :LAST_ERROR_SQLSTATE
SELECT time_bucket('-1 month', d) FROM t;
\echo :LAST_ERROR_SQLSTATE
SELECT time_bucket('1 month', time, origin => '2000-01-15') FROM t;
\echo :LAST_ERROR_SQLSTATE
SELECT time_bucket('1 month', time, 'Europe/Berlin', '2000-01-01') FROM t;
\echo :LAST_ERROR_SQLSTATE
SELECT time_bucket('1 day', time, origin => '-infinity') FROM t;
\echo :LAST_ERROR_SQLSTATE
SELECT time_bucket('1 day', d, origin => 'infinity') FROM t;
\echo :LAST_ERROR_SQLSTATE
SELECT time_bucket('2147483647 days', time) FROM t;
\echo :LAST_ERROR_SQLSTATE

-- Width and zone that change from row to row.
SELECT DISTINCT time_bucket(w, timestamptz '2024-06-05 12:34:56', z) AS bucket, w, z
FROM unnest('{1 min, 1 day, 1 month}'::interval[]) w, unnest('{UTC, America/New_York, Asia/Kolkata}'::text[]) z ORDER BY w, z;
-- Usable in an index and a generated column: it is immutable.
CREATE INDEX ON t (time_bucket('1 day', time, 'Europe/Berlin'));

-- first and last, for each type of time and of value.
SELECT first(v, time), last(v, time), first(note, ts), last(note, d), first(time, time), last(d, time) FROM t;
SELECT first(v, time ORDER BY random()), last(note, time ORDER BY random()), last(ARRAY[v, v], time), last(repeat(note, 100000), time) = repeat('n200', 100000) AS long, last((v, note)::text, time) FROM t;
SELECT time_bucket('1 day', time) AS day, first(v, time), last(v, time) FILTER (WHERE v % 2 = 0), last(DISTINCT v, time) FROM t GROUP BY 1 ORDER BY 1;
-- NULL values and NULL times do not count; nothing left: NULL.
SELECT first(x, time), last(x, time) FROM (VALUES (NULL, timestamptz '2000-01-01'), (1, '2000-01-02'), (2, '2000-01-03'), (NULL, '2000-01-04'), (9, NULL)) r(x, time);
SELECT first(x, time), last(x, time) FROM (VALUES (NULL::text, timestamptz '2000-01-01')) r(x, time);
SELECT first(v, time), last(note, time) FROM t WHERE false;
-- Infinite times are times; of equal ones the first and the last seen.
SELECT first(x, time), last(x, time) FROM (VALUES (1, timestamptz '2000-01-01'), (2, '-infinity'), (3, 'infinity')) r(x, time);
SELECT first(x, time), last(x, time) FROM (SELECT * FROM (VALUES (1, timestamptz '2000-01-01'), (2, '2000-01-01'), (3, '2000-01-01')) r(x, time) ORDER BY x) r;
-- As window functions.
SELECT v, first(note, time) OVER w, last(note, time) OVER w FROM t WINDOW w AS (ORDER BY time ROWS BETWEEN 2 PRECEDING AND 1 FOLLOWING) ORDER BY v LIMIT 4;
-- Wrong arguments.
SELECT first(v, note) FROM t;

-- In parallel: partial states and their union.
CREATE TABLE big AS SELECT timestamptz '2020-01-01' + (i * 7919 % 100003) * interval '1 min' AS time, i % 5 AS tag, i AS v, 'note ' || i AS note, i::numeric / 3 AS n FROM generate_series(1, 100002) i;
CREATE TABLE answers AS SELECT tag, first(v, time) AS a, last(v, time) AS b, first(note, time) AS c, last(n, time) AS d, first(v, time) FILTER (WHERE v < 0) AS e FROM big GROUP BY tag;
SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
SET min_parallel_table_scan_size = 0;
SET parallel_leader_participation = off;
EXPLAIN (COSTS OFF) SELECT tag, first(v, time), last(v, time), first(note, time), last(n, time) FROM big GROUP BY tag;
SELECT count(*) FROM (SELECT tag, first(v, time), last(v, time), first(note, time), last(n, time), first(v, time) FILTER (WHERE v < 0) FROM big GROUP BY tag EXCEPT SELECT * FROM answers) x;
SELECT count(*) FROM answers JOIN (SELECT tag, (array_agg(v ORDER BY time))[1] AS a, (array_agg(v ORDER BY time DESC))[1] AS b, (array_agg(note ORDER BY time))[1] AS c, (array_agg(n ORDER BY time DESC))[1] AS d FROM big GROUP BY tag) x USING (tag, a, b, c, d);
DROP TABLE t, big, answers;
