-- What a transaction sees of its own rows: what a heap table would show, for
-- every kind of reader, with rows in the buffer, flushed, and rolled back.
SET timezone = 'UTC';
SET datestyle = 'ISO, MDY';
CREATE TABLE vis (time timestamptz NOT NULL, tag text, v int4) USING tsdb WITH (tags = 'tag', sample_interval = '1s');
INSERT INTO vis VALUES ('2024-01-01', 'a', 1), ('2024-01-01', 'b', 2);

-- A statement does not see its own rows.
INSERT INTO vis SELECT time + interval '1 day', tag, v + 10 FROM vis;
INSERT INTO vis SELECT time + interval '2 days', tag, v FROM vis RETURNING (SELECT count(*) FROM vis), time, tag, v;
WITH i AS (INSERT INTO vis VALUES ('2024-02-01', 'a', 5) RETURNING v),
     u AS (UPDATE vis SET v = 0 WHERE time = '2024-01-01' AND tag = 'a' RETURNING v),
     d AS (DELETE FROM vis WHERE tag = 'b' AND time < '2024-01-02' RETURNING v)
SELECT (SELECT count(*) FROM vis) AS before, (SELECT v FROM i) AS i, (SELECT v FROM u) AS u, (SELECT v FROM d) AS d,
       (SELECT v FROM vis WHERE time = '2024-01-01' AND tag = 'a') AS old;
SELECT * FROM vis;

-- A volatile function does see the rows so far, a stable one does not.
CREATE FUNCTION seen_now() RETURNS bigint VOLATILE LANGUAGE sql AS 'SELECT count(*) FROM vis';
CREATE FUNCTION seen_then() RETURNS bigint STABLE LANGUAGE sql AS 'SELECT count(*) FROM vis';
TRUNCATE vis;
INSERT INTO vis SELECT '2024-01-01'::timestamptz + i * interval '1s', 'f', seen_now() * 100 + seen_then() FROM generate_series(1, 3) i RETURNING v;
CREATE TABLE vis_heap (LIKE vis);
INSERT INTO vis_heap SELECT '2024-01-01'::timestamptz + i * interval '1s', 'f', (SELECT count(*) FROM vis_heap) FROM generate_series(1, 3) i RETURNING v;

-- Cursors see the moment of DECLARE.
BEGIN;
DECLARE before CURSOR FOR SELECT v FROM vis;
INSERT INTO vis VALUES ('2024-01-01 00:00:10', 'f', 10);
DECLARE between CURSOR FOR SELECT v FROM vis;
DELETE FROM vis WHERE v < 10;
FETCH ALL FROM before;
FETCH ALL FROM between;
SELECT v FROM vis;
ROLLBACK;

-- Savepoints, small buffer: rows are flushed inside the subtransactions.
SET tsdb.write_buffer = '64kB';
BEGIN;
INSERT INTO vis SELECT '2024-03-01'::timestamptz + i * interval '1s', 'bulk', 1 FROM generate_series(1, 3000) i;
SAVEPOINT a;
INSERT INTO vis SELECT '2024-03-01'::timestamptz + i * interval '1s', 'bulk', 2 FROM generate_series(2000, 5000) i;
SAVEPOINT b;
DELETE FROM vis WHERE tag = 'bulk' AND time > '2024-03-01 01:00:00';
SELECT v, count(*) FROM vis WHERE tag = 'bulk' GROUP BY v ORDER BY v;
ROLLBACK TO b;
SELECT v, count(*) FROM vis WHERE tag = 'bulk' GROUP BY v ORDER BY v;
RELEASE a;
SAVEPOINT c;
UPDATE vis SET v = 3 WHERE tag = 'bulk' AND time <= '2024-03-01 00:10:00';
ROLLBACK TO c;
INSERT INTO vis VALUES ('2024-03-01 00:00:01', 'bulk', 4);
SELECT v, count(*) FROM vis WHERE tag = 'bulk' GROUP BY v ORDER BY v;
COMMIT;
SELECT v, count(*) FROM vis WHERE tag = 'bulk' GROUP BY v ORDER BY v;
RESET tsdb.write_buffer;

-- Exception blocks.
DO $$
BEGIN
    INSERT INTO vis VALUES ('2024-04-01', 'e', 1);
    BEGIN
        INSERT INTO vis VALUES ('2024-04-01', 'e', 2), ('2024-04-02', 'e', 2);
        DELETE FROM vis WHERE tag = 'bulk';
        RAISE NOTICE 'inside: % rows of e, % of bulk', (SELECT count(*) FROM vis WHERE tag = 'e'), (SELECT count(*) FROM vis WHERE tag = 'bulk');
        RAISE division_by_zero;
    EXCEPTION WHEN division_by_zero THEN
        RAISE NOTICE 'after: % rows of e, % of bulk', (SELECT count(*) FROM vis WHERE tag = 'e'), (SELECT count(*) FROM vis WHERE tag = 'bulk');
    END;
    INSERT INTO vis VALUES ('2024-04-03', 'e', 3);
END $$;
SELECT * FROM vis WHERE tag = 'e';

-- A procedure that commits in a loop over the table.
CREATE PROCEDURE thin() LANGUAGE plpgsql AS $$
DECLARE
    r record;
BEGIN
    FOR r IN SELECT time, v FROM vis WHERE tag = 'e' LOOP
        UPDATE vis SET v = v * 10 WHERE tag = 'e' AND time = r.time;
        COMMIT;
    END LOOP;
END $$;
CALL thin();
SELECT * FROM vis WHERE tag = 'e';

-- TRUNCATE and rewrites with rows in the buffer.
BEGIN;
INSERT INTO vis VALUES ('2024-05-01', 'x', 1);
SAVEPOINT s;
TRUNCATE vis;
INSERT INTO vis VALUES ('2024-05-01', 'y', 2);
SELECT * FROM vis;
ROLLBACK TO s;
SELECT tag, v FROM vis WHERE tag IN ('x', 'y');
ALTER TABLE vis ALTER COLUMN v TYPE int8;
SELECT tag, v FROM vis WHERE tag IN ('x', 'y');
INSERT INTO vis VALUES ('2024-05-01', 'y', 10000000000);
ALTER TABLE vis ADD COLUMN w text DEFAULT 'new';
UPDATE vis SET w = 'changed' WHERE tag = 'x';
SELECT tag, v, w FROM vis WHERE tag IN ('x', 'y');
COMMIT;
SELECT tag, v, w FROM vis WHERE tag IN ('x', 'y');
SELECT tsdb.compact('vis');
SELECT tag, v, w FROM vis WHERE tag IN ('x', 'y');
SELECT * FROM tsdb.verify('vis');
DROP TABLE vis, vis_heap;
DROP FUNCTION seen_now, seen_then;
DROP PROCEDURE thin;
