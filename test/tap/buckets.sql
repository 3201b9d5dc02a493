-- Buckets of src/read/buckets.c and tsdb.time_bucket against date_trunc, around the changes of time zones.
--
-- A few zones by default, those in which something odd happened; TSDB_ZONES=all (make zones) looks at every zone.
SELECT no_plan();
SET timezone = 'UTC';
\set zones few
\getenv zones TSDB_ZONES
SELECT setseed(0.25);

CREATE TABLE zones AS
SELECT name FROM pg_timezone_names
WHERE :'zones' = 'all' AND name !~ '^(posix|right)/'
   OR name IN ('UTC', 'Europe/Berlin', 'Asia/Kathmandu', 'Australia/Lord_Howe', 'America/St_Johns', 'America/Havana', 'America/Santiago',
               'Africa/Cairo', 'Pacific/Apia', 'America/Toronto');

-- Changes of the offset between 1880 and 2040, to the second: by looking once a day and halving.
CREATE FUNCTION changes(zone text) RETURNS SETOF timestamptz LANGUAGE plpgsql AS $$
DECLARE
    low timestamptz;
    high timestamptz;
    middle timestamptz;
    before interval;
BEGIN
    FOR low, high, before IN
        SELECT t - interval '1 day', t, gone FROM (
            SELECT t, timezone(zone, t) - timezone('UTC', t) AS shift, lag(timezone(zone, t) - timezone('UTC', t)) OVER (ORDER BY t) AS gone
            FROM generate_series(timestamptz '1880-01-01', '2040-01-01', '1 day') t) x
        WHERE shift <> gone
    LOOP
        WHILE high - low > interval '1 s' LOOP
            middle := low + date_trunc('second', (high - low) / 2);
            IF timezone(zone, middle) - timezone('UTC', middle) = before THEN low := middle; ELSE high := middle; END IF;
        END LOOP;
        RETURN NEXT high;
    END LOOP;
END $$;

-- Times to look at: both sides of each change, around and days from it; and some from all of history.
CREATE FUNCTION samples(zone text) RETURNS SETOF timestamptz LANGUAGE sql AS $$
    WITH c AS MATERIALIZED (SELECT changes(zone) AS t)
    SELECT t + step * interval '30 min' FROM c, generate_series(-52, 52, 4) step
    UNION SELECT t + o FROM c, unnest(ARRAY['-1 us', '0', '1 us', '-1 s', '59 s', '60 s', '7 min', '15 min', '59 min', '3599.999999 s', '-7 min', '-45 min', '40 days', '-40 days']::interval[]) o
    UNION SELECT timestamptz '2000-01-01' + (random() - 0.5) * interval '4000 years' FROM generate_series(1, 300)
    UNION SELECT timestamptz '2000-01-01' + (random() - 0.5) * interval '400 years' FROM generate_series(1, 300)
    UNION VALUES (timestamptz '3999-02-01 BC'), ('294275-01-01'), ('0001-01-01 BC'), ('0001-01-01'), ('0010-06-01'), ('0101-01-01 BC')
$$;

-- In order of time: each sample is in its bucket; equal buckets have equal keys; where one bucket touches the next the key changes, unless
-- a clock that is set back makes it the same again.
CREATE FUNCTION check_rule(rule text, key text, may_repeat bool) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
    zone text;
    nsamples int8 := 0;
    counts int8[];
    total int8[] := ARRAY[0, 0, 0, 0, 0];
BEGIN
    FOR zone IN SELECT name FROM zones LOOP
        EXECUTE format($q$
            WITH s AS MATERIALIZED (
                SELECT t, (b).from_time AS f, (b).until_time AS u, %1$s AS key
                FROM (SELECT t, tsdb_test.bucket(%2$L, %3$L, t) AS b FROM (SELECT * FROM samples WHERE zone = %3$L ORDER BY t OFFSET 0) q) x),
            p AS (SELECT *, lag(f) OVER w AS f0, lag(u) OVER w AS u0, lag(key) OVER w AS key0 FROM s WINDOW w AS (ORDER BY t))
            SELECT ARRAY[count(*),
                count(*) FILTER (WHERE NOT (f <= t AND t < u)),
                count(*) FILTER (WHERE f = f0 AND (u <> u0 OR key <> key0)),
                count(*) FILTER (WHERE f > f0 AND f < u0),
                count(*) FILTER (WHERE f = u0 AND key = key0)] FROM p$q$,
            format(key, 't', quote_literal(zone)), rule, zone) INTO counts;
        nsamples := nsamples + counts[1];
        FOR i IN 2 .. 5 LOOP
            total[i] := total[i] + counts[i];
            IF counts[i] > 0 AND (i < 5 OR NOT may_repeat) THEN
                RETURN NEXT diag(format('%s in %s: check %s fails %s times', rule, zone, i, counts[i]));
            END IF;
        END LOOP;
    END LOOP;
    RETURN NEXT cmp_ok(nsamples, '>', 10000::int8, rule || ': there are samples');
    RETURN NEXT is(total[2], 0::int8, rule || ': every time is in its bucket');
    RETURN NEXT is(total[3], 0::int8, rule || ': a bucket has one key');
    RETURN NEXT is(total[4], 0::int8, rule || ': buckets do not overlap');
    IF NOT may_repeat THEN
        RETURN NEXT is(total[5], 0::int8, rule || ': touching buckets have different keys');
    END IF;
END $$;

SELECT diag(count(*) || ' zones') FROM zones;
CREATE TABLE samples AS SELECT name AS zone, t FROM zones, samples(name) t;
CREATE INDEX ON samples (zone, t);
ANALYZE samples;
SELECT check_rule(unit, format('date_trunc(%L, %%s, %%s)', unit), unit IN ('minute', 'hour'))
FROM unnest('{second,minute,hour,day,week,month,quarter,year,decade,century,millennium}'::text[]) unit;
-- On the wall clock, repeated hours have equal keys.
SELECT check_rule(unit, format('date_trunc(%L, timezone(%%2$s, %%1$s))', unit), true)
FROM unnest('{minute,hour,day,week,month,year}'::text[]) unit;
SELECT check_rule('day', 'timezone(%2$s, %1$s)::date', false);
SELECT check_rule(width, format('tsdb.time_bucket(%L, %%s, %%s)', width), width::interval <= '1 hour')
FROM unnest('{20 ms,300 s,1 hour,90 min,7 hours,1 day,36 hours,7 days,1 month,5 months,100 years}'::text[]) width;

-- tsdb.time_bucket is date_trunc, except where a day begins twice or not at midnight; then it is never after the time.
SELECT is((SELECT count(*) FROM samples WHERE tsdb.time_bucket('1 hour', t, zone) <> date_trunc('hour', t, zone)), 0::int8, 'hours of time_bucket and date_trunc');
SELECT is((SELECT count(*) FROM samples WHERE tsdb.time_bucket('1 min', t, zone) <> date_trunc('minute', t, zone)), 0::int8, 'minutes');
CREATE FUNCTION check_calendar(width interval, unit text) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
    odd int8;
BEGIN
    SELECT count(*) INTO odd FROM samples, LATERAL (SELECT tsdb.time_bucket(width, t, zone) AS ours, date_trunc(unit, t, zone) AS theirs) x
    WHERE ours > t OR timezone(zone, ours - interval '1 us') >= date_trunc(unit, timezone(zone, t))
        OR timezone(zone, ours) < date_trunc(unit, timezone(zone, t))
        OR ours <> theirs AND timezone(zone, theirs - interval '1 us') < timezone(zone, theirs) AND timezone(zone, theirs - interval '1 us') < date_trunc(unit, timezone(zone, t))
           AND NOT EXISTS (SELECT FROM generate_series(ours, theirs, '1 s') s WHERE timezone(zone, s) <= date_trunc(unit, timezone(zone, t)) AND s > ours);
    RETURN NEXT is(odd, 0::int8, width || ': begins when the wall clock first shows its start');
END $$;
SELECT check_calendar('1 day', 'day');
SELECT check_calendar('7 days', 'week');
SELECT check_calendar('1 month', 'month');
SELECT check_calendar('1 year', 'year');

-- tsdb.local_time is AT TIME ZONE, tsdb.local_bucket is date_trunc of it: with a series per zone.
CREATE TABLE local (time timestamptz NOT NULL, zone text, v int4) USING tsdb WITH (tags = 'zone', sample_interval = '1us');
SELECT count(*) >= 0 FROM (SELECT tsdb.set_series('local', jsonb_build_object('zone', name), timezone => name) FROM zones) x;
INSERT INTO local SELECT t, zone, 1 FROM samples WHERE t BETWEEN '4000-01-01 BC' AND '294000-01-01';
SELECT is((SELECT count(*) FROM local l WHERE tsdb.local_time(l) IS DISTINCT FROM timezone(zone, time)), 0::int8, 'local_time is AT TIME ZONE');
CREATE FUNCTION check_local(width interval, unit text) RETURNS SETOF text LANGUAGE plpgsql AS $$
BEGIN
    RETURN NEXT is((SELECT count(*) FROM local l WHERE tsdb.local_bucket(width, l) <> date_trunc(unit, timezone(zone, time))), 0::int8, width || ' of local time');
END $$;
SELECT check_local('1 minute', 'minute');
SELECT check_local('1 hour', 'hour');
SELECT check_local('1 day', 'day');
SELECT check_local('7 days', 'week');
SELECT check_local('1 month', 'month');
SELECT check_local('1 year', 'year');
DROP TABLE local;

-- Any order of questions has the same answers as ascending order.
SELECT is((SELECT count(*) FROM (
        SELECT a.t FROM (SELECT t, tsdb_test.bucket('day', 'America/St_Johns', t) AS b FROM (SELECT t FROM samples WHERE zone = 'America/St_Johns' ORDER BY t OFFSET 0) x) a
        JOIN (SELECT t, tsdb_test.bucket('day', 'America/St_Johns', t) AS b FROM (SELECT t FROM samples WHERE zone = 'America/St_Johns' ORDER BY random() OFFSET 0) x) r USING (t)
        JOIN (SELECT t, tsdb_test.bucket('day', 'America/St_Johns', t) AS b FROM (SELECT t FROM samples WHERE zone = 'America/St_Johns' ORDER BY t DESC OFFSET 0) x) d USING (t)
        WHERE a.b <> r.b OR a.b <> d.b) x), 0::int8, 'the order of questions does not matter');

SELECT is((SELECT count(*) FROM (SELECT t, tsdb.time_bucket('1 day', t, 'America/St_Johns') AS b FROM unnest('{1927-10-30 19:30:52, 294275-01-01, 3634-08-05 21:42, 4000-01-01 BC, 2437-07-01}'::timestamptz[]) t) x
    WHERE b <> date_trunc('day', t, 'America/St_Johns')), 0::int8, 'jumps over all of history');
-- Behind the end of what zone files list, the rules go on.
SELECT is(tsdb_test.bucket_count('day', 'America/St_Johns', '2030-01-01 03:30+00', '2830-01-01 03:30+00'), (date '2830-01-01' - date '2030-01-01')::int8, 'days of eight centuries');
SELECT is((SELECT count(*) FROM (SELECT t, tsdb_test.bucket('day', 'America/St_Johns', t) AS b FROM generate_series(timestamptz '2030-01-01 12:00', '2830-01-01', '1 day') t) x
    WHERE (b).from_time <> date_trunc('day', t, 'America/St_Johns')), 0::int8, 'they begin at midnight');

-- Days of one year: 23, 24 and 25 hours; 23.5 and 24.5 hours; one that was skipped.
SELECT is(tsdb_test.bucket_count('hour', 'Europe/Berlin', '2023-12-31 23:00+00', '2024-12-31 23:00+00'), 8784::int8, 'hours of a year');
SELECT is(tsdb_test.bucket_count('day', 'Europe/Berlin', '2023-12-31 23:00+00', '2024-12-31 23:00+00'), 366::int8, 'days of a year');
SELECT is(tsdb_test.bucket_count('day', 'Australia/Lord_Howe', '2023-12-31 13:00+00', '2024-12-31 13:00+00'), 366::int8, 'days with half hours more and less');
SELECT is(tsdb_test.bucket_count('day', 'Pacific/Apia', '2011-01-01 10:00+00', '2011-12-31 10:00+00'), 364::int8, 'Samoa had no 30 December 2011');
SELECT is(tsdb.time_bucket('1 day', '2024-11-03 04:30+00', 'America/Havana'), timestamptz '2024-11-03 04:00+00', 'the first of two midnights');
SELECT * FROM finish();
