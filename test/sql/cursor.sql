-- Cursors: both ways, over runs, blocks and rows not yet flushed; WITH HOLD.
SET timezone = 'UTC';
SET datestyle = 'ISO, MDY';
CREATE TABLE cur (time timestamptz NOT NULL, tag text, v int4) USING tsdb WITH (tags = 'tag', sample_interval = '1s');
INSERT INTO cur SELECT '2024-01-01'::timestamptz + i * interval '1s', t, i FROM generate_series(1, 3) i, unnest(ARRAY['a', 'b', 'c', 'd', 'e']) t;
SELECT tsdb.compact('cur');
INSERT INTO cur VALUES ('2024-01-01 00:00:02', 'b', 20), ('2024-06-01', 'd', 40);

BEGIN;
INSERT INTO cur VALUES ('2024-01-01 00:00:02', 'd', 200), ('2024-06-01', 'f', 600);
DECLARE every SCROLL CURSOR FOR SELECT to_char(time, 'MM-DD SS') AS t, tag, v FROM cur;
MOVE ALL IN every;
FETCH BACKWARD ALL FROM every;
FETCH 3 FROM every;
FETCH BACKWARD 2 FROM every;
FETCH ABSOLUTE 9 FROM every;
FETCH RELATIVE -3 FROM every;
FETCH LAST FROM every;
FETCH PRIOR FROM every;
FETCH ABSOLUTE -4 FROM every;
-- some series only: their windows lie apart
DECLARE few SCROLL CURSOR FOR SELECT to_char(time, 'MM-DD SS') AS t, tag, v FROM cur WHERE tag IN ('b', 'd', 'f');
MOVE ALL IN few;
FETCH BACKWARD ALL FROM few;
FETCH 5 FROM few;
FETCH BACKWARD ALL FROM few;
FETCH ALL FROM few;
FETCH BACKWARD 3 FROM few;
-- some times only
DECLARE times SCROLL CURSOR FOR SELECT to_char(time, 'MM-DD SS') AS t, tag, v FROM cur WHERE time >= '2024-01-01 00:00:02' AND time < '2024-01-01 00:00:04';
FETCH 3 FROM times;
FETCH BACKWARD ALL FROM times;
MOVE ALL IN times;
FETCH BACKWARD 3 FROM times;
DECLARE both_of_them SCROLL CURSOR FOR SELECT to_char(time, 'MM-DD SS') AS t, tag, v FROM cur WHERE time >= '2024-01-01 00:00:02' AND tag >= 'd';
MOVE ALL IN both_of_them;
FETCH BACKWARD ALL FROM both_of_them;
FETCH ALL FROM both_of_them;
DECLARE nothing SCROLL CURSOR FOR SELECT v FROM cur WHERE tag = 'unknown';
FETCH BACKWARD 1 FROM nothing;
FETCH 1 FROM nothing;
FETCH BACKWARD 1 FROM nothing;
-- what came after does not show
DELETE FROM cur;
INSERT INTO cur VALUES ('2030-01-01', 'z', 1);
FETCH FIRST FROM every;
FETCH BACKWARD ALL FROM every;
FETCH ALL FROM every;
ROLLBACK;

-- The table's own scan, without the scan node.
SET tsdb.enable_scan = off;
BEGIN;
DECLARE plain SCROLL CURSOR FOR SELECT to_char(time, 'MM-DD SS') AS t, tag, v FROM cur WHERE tag IN ('b', 'd');
MOVE ALL IN plain;
FETCH BACKWARD ALL FROM plain;
FETCH ALL FROM plain;
COMMIT;
RESET tsdb.enable_scan;

-- Rows of later commands, flushed meanwhile: a cursor of before does not see them, nor that rows are gone, however often it is read.
SET tsdb.write_buffer = '64kB';
BEGIN;
INSERT INTO cur SELECT '2024-03-01'::timestamptz + i * interval '1s', 'z', i FROM generate_series(1, 3000) i;
DECLARE old SCROLL CURSOR FOR SELECT tag, v FROM cur;
FETCH 2 FROM old;
INSERT INTO cur VALUES ('2025-03-01', 'z', 1);
DELETE FROM cur;
INSERT INTO cur SELECT '2024-03-01'::timestamptz + i * interval '1s', 'z', -i FROM generate_series(1, 3000) i;
SELECT count(*), sum(v) FROM cur;
FETCH ABSOLUTE 3016 FROM old;
FETCH NEXT FROM old;
MOVE ABSOLUTE 0 IN old;
FETCH NEXT FROM old;
FETCH ABSOLUTE 3016 FROM old;
FETCH NEXT FROM old;
FETCH ABSOLUTE -3016 FROM old;
FETCH ABSOLUTE 2000 FROM old;
ROLLBACK;
RESET tsdb.write_buffer;

-- WITH HOLD outlives its transaction, and the table.
BEGIN;
DECLARE held SCROLL CURSOR WITH HOLD FOR SELECT tag, v FROM cur WHERE tag <= 'b';
FETCH 2 FROM held;
INSERT INTO cur VALUES ('2024-01-01 00:00:02', 'a', -1);
COMMIT;
SELECT tsdb.compact('cur');
DROP TABLE cur;
FETCH ALL FROM held;
FETCH FIRST FROM held;
CLOSE held;

-- More rows than a window or a block, backward.
CREATE TABLE cur (time timestamptz NOT NULL, tag text, v int4) USING tsdb WITH (tags = 'tag', sample_interval = '1s');
INSERT INTO cur SELECT '2024-01-01'::timestamptz + i * interval '1s', 'a', i FROM generate_series(1, 50000) i;
INSERT INTO cur SELECT '2024-01-01'::timestamptz + i * interval '1s', 'a', -i FROM generate_series(1, 50000, 2) i;
BEGIN;
INSERT INTO cur SELECT '2024-01-01'::timestamptz + i * interval '1s', 'a', 0 FROM generate_series(1, 50000, 7) i;
CREATE FUNCTION walk() RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    c SCROLL CURSOR FOR SELECT time, v FROM cur;
    r record;
    last timestamptz := 'infinity';
    n int := 0;
    total bigint := 0;
BEGIN
    OPEN c;
    MOVE LAST IN c;
    FETCH c INTO r;
    LOOP
        FETCH PRIOR FROM c INTO r;
        EXIT WHEN NOT FOUND;
        IF r.time >= last THEN
            RETURN format('%s after %s', r.time, last);
        END IF;
        last := r.time;
        n := n + 1;
        total := total + r.v;
    END LOOP;
    RETURN format('%s rows, sum %s', n, total);
END $$;
SELECT walk(), count(*), sum(v) FROM cur;
COMMIT;
SELECT tsdb.compact('cur');
SELECT walk(), count(*), sum(v) FROM cur;
DROP TABLE cur;
DROP FUNCTION walk;
