-- Groups of blocks are short while they fill, and become one when the last of its blocks has rows.

CREATE FUNCTION hours_since(at timestamptz) RETURNS text LANGUAGE sql STABLE AS
    $$SELECT floor(extract(epoch FROM now() - at) / 3600) || ' hours'$$;

-- block by block into the segment of 2024-01-22 to 2024-02-23; what comes is not old enough for the segment to be written anew
CREATE PROCEDURE feed(name text, block interval, nblocks int, OUT ngroups int[]) LANGUAGE plpgsql AS $$
DECLARE
    start timestamptz := '2024-01-22Z';
    n int;
BEGIN
    FOR i IN 0 .. nblocks - 1 LOOP
        EXECUTE format($q$INSERT INTO %s SELECT t, s, round(100 * sin(extract(epoch FROM t) / 7000 + s)) / 10, extract(epoch FROM t)::int %% 977
            FROM generate_series($1, $2 - interval '1 min', '1 min') t, generate_series(1, 1) s$q$, name)
        USING start + i * block, start + (i + 1) * block;
        COMMIT;
        PERFORM tsdb_test.compact(name::regclass, 'aged');
        SELECT max(groups) INTO n FROM tsdb.segments(name::regclass);
        ngroups := ngroups || n;
    END LOOP;
END $$;

CREATE TABLE hourly (time timestamptz NOT NULL, sensor int4 NOT NULL, v float8, n int4)
    USING tsdb WITH (tags = 'sensor', sample_interval = '1min', block_interval = '1h');
CREATE TABLE dayly (LIKE hourly) USING tsdb WITH (tags = 'sensor', sample_interval = '1min', block_interval = '2 days');
DO $$ BEGIN
    EXECUTE format('ALTER TABLE hourly SET (compact_after = %L)', hours_since('2024-02-22Z'));
    EXECUTE format('ALTER TABLE dayly SET (compact_after = %L)', hours_since('2024-02-22 12:00Z'));
END $$;

-- 256 hours make a group: the eleventh day completes it
CALL feed('hourly', '1 day', 13, NULL);
-- the whole segment does
CALL feed('dayly', '2 days', 16, NULL);
SELECT * FROM tsdb.verify('hourly');
SELECT * FROM tsdb.verify('dayly');

CREATE TABLE hourly_heap (LIKE hourly);
INSERT INTO hourly_heap SELECT t, s, round(100 * sin(extract(epoch FROM t) / 7000 + s)) / 10, extract(epoch FROM t)::int % 977
    FROM generate_series('2024-01-22Z', timestamptz '2024-02-23Z' - interval '1 min', '1 min') t, generate_series(1, 1) s;

-- differing - buckets of a zone in which the table and its twin, up to a time, answer differently
CREATE FUNCTION differing(name text, zone text, unit text, until timestamptz) RETURNS SETOF record LANGUAGE plpgsql AS $$
DECLARE
    query text := 'SELECT sensor, date_trunc(%L, time, %L), count(*), count(v), sum(n), round(avg(v)::numeric, 9), min(v), max(n), min(time), max(time),
        tsdb.first(v, time), tsdb.last(n, time) FROM %s WHERE time < %L GROUP BY 1, 2';
BEGIN
    RETURN QUERY EXECUTE format('(' || query || ') EXCEPT (' || query || ')', unit, zone, name, until, unit, zone, 'hourly_heap', until);
    RETURN QUERY EXECUTE format('(' || query || ') EXCEPT (' || query || ')', unit, zone, 'hourly_heap', until, unit, zone, name, until);
END $$;
CREATE VIEW answers AS
    SELECT name, count(*) FILTER (WHERE d.sensor IS NOT NULL) AS differing
    FROM (VALUES ('hourly', timestamptz '2024-02-04Z'), ('dayly', '2024-02-23Z')) AS t (name, until)
    CROSS JOIN (VALUES ('UTC', 'day'), ('Europe/Berlin', 'hour'), ('Europe/Berlin', 'week'), ('Asia/Kathmandu', 'day'), ('Asia/Kathmandu', 'month')) AS b (zone, unit)
    LEFT JOIN LATERAL differing(name, zone, unit, until)
        AS d (sensor int4, at timestamptz, rows int8, values int8, sum int8, avg numeric, min float8, max int4, first_time timestamptz, last_time timestamptz, first float8, last int4) ON true
    GROUP BY 1 ORDER BY 1;
TABLE answers;
SET tsdb.enable_scan = off;
SELECT count(*) FROM (TABLE hourly EXCEPT TABLE hourly_heap) AS d;
RESET tsdb.enable_scan;

-- edits in a complete group, and in one that fills; runs over them, then packed
UPDATE hourly SET v = -v WHERE time IN ('2024-01-25 12:30Z', '2024-02-03 01:00Z');
DELETE FROM hourly WHERE time BETWEEN '2024-01-24 23:50Z' AND '2024-01-25 01:10Z' AND sensor = 1;
UPDATE dayly SET v = -v WHERE time IN ('2024-01-25 12:30Z', '2024-02-03 01:00Z');
DELETE FROM dayly WHERE time BETWEEN '2024-01-24 23:50Z' AND '2024-01-25 01:10Z' AND sensor = 1;
UPDATE hourly_heap SET v = -v WHERE time IN ('2024-01-25 12:30Z', '2024-02-03 01:00Z');
DELETE FROM hourly_heap WHERE time BETWEEN '2024-01-24 23:50Z' AND '2024-01-25 01:10Z' AND sensor = 1;
TABLE answers;
SELECT tsdb_test.compact('hourly', 'aged') > 0 AS hourly, tsdb_test.compact('dayly', 'aged') > 0 AS dayly;
TABLE answers;
SELECT * FROM tsdb.verify('hourly');
SELECT * FROM tsdb.verify('dayly');

-- what is written anew is joined as well, and left as short as it was where rows are still to come
UPDATE hourly SET n = n WHERE time >= '2024-02-01Z';
SELECT tsdb.compact('hourly');
SELECT DISTINCT groups, dead_bytes FROM tsdb.segments('hourly');
TABLE answers;
SELECT * FROM tsdb.verify('hourly');

-- a column that some blocks of a group lack
ALTER TABLE hourly ADD COLUMN later int4;
INSERT INTO hourly SELECT t, 1, 1, 2, 3 FROM generate_series('2024-02-04Z', timestamptz '2024-02-13Z' - interval '1 min', '1 min') t;
SELECT tsdb_test.compact('hourly', 'aged') > 0 AS hourly;
SELECT groups FROM tsdb.segments('hourly') ORDER BY series_id;
SELECT date_trunc('day', time, 'Europe/Berlin') AS day, count(*), count(later), sum(later), max(v) FROM hourly
    WHERE sensor = 1 AND time >= '2024-02-02Z' AND time < '2024-02-06Z' GROUP BY 1 ORDER BY 1;
SELECT * FROM tsdb.verify('hourly');

-- load, delete and retain by the group
SELECT tsdb_test.retain('dayly', '2024-01-29 12:00Z') AS rows;
DELETE FROM hourly_heap WHERE time < '2024-01-29 12:00Z';
SELECT differing FROM answers WHERE name = 'dayly';
SELECT * FROM tsdb.verify('dayly');
DROP TABLE hourly, dayly, hourly_heap CASCADE;
DROP VIEW answers;
DROP PROCEDURE feed;
DROP FUNCTION hours_since, differing;
