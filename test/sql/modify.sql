-- INSERT, UPDATE, DELETE, MERGE: the table is a map of (tags, grid time).
SET timezone = 'UTC';
SET datestyle = 'ISO, MDY';
CREATE TABLE md (time timestamptz NOT NULL, tag text, v float8, note text) USING tsdb WITH (tags = 'tag', sample_interval = '10s');

-- RETURNING shows the stored time; the last of equal keys wins, also within a statement.
INSERT INTO md VALUES ('2024-01-01 00:00:09.999', 'a', 1, 'x'), ('2024-01-01 00:00:05', 'a', 2, NULL), ('1969-12-31 23:59:59', 'a', 3, 'old') RETURNING *;
SELECT * FROM md;
INSERT INTO md (time, tag, v) VALUES ('1969-12-31 23:59:52', 'a', 4);
SELECT * FROM md;

-- UPDATE writes the whole row; of time and tags it moves the row, onto another one if need be.
UPDATE md SET v = v * 10 WHERE tag = 'a' RETURNING *;
UPDATE md SET time = time + interval '14 s', note = 'moved' WHERE v = 20 RETURNING *;
UPDATE md SET tag = 'b' WHERE v = 40;
UPDATE md SET tag = NULL WHERE tag = 'a';
SELECT * FROM md;
INSERT INTO md SELECT '2024-02-01'::timestamptz + i * interval '10 s', t, i FROM generate_series(1, 4) i, unnest(ARRAY['p', 'q']) t;
-- every row to where the next one was, and back; with another order of rows in the table too
UPDATE md SET time = time + interval '10 s' WHERE tag IN ('p', 'q');
SELECT time, tag, v FROM md WHERE tag IN ('p', 'q');
UPDATE md SET time = time - interval '20 s' WHERE tag IN ('p', 'q');
SELECT time, tag, v FROM md WHERE tag IN ('p', 'q');
UPDATE md SET tag = CASE tag WHEN 'p' THEN 'q' ELSE 'p' END, v = v + CASE tag WHEN 'p' THEN 100 ELSE 0 END WHERE tag IN ('p', 'q');
SELECT time, tag, v FROM md WHERE tag IN ('p', 'q');
-- onto a row that stays: the moved one replaces it
UPDATE md SET tag = 'p' WHERE tag = 'q' AND v > 102;
SELECT time, tag, v FROM md WHERE tag IN ('p', 'q');
-- the same by hand: a command takes away what was there before it, not what it writes
WITH d AS (DELETE FROM md WHERE tag = 'p' RETURNING *) INSERT INTO md SELECT time + interval '10 s', tag, v FROM d;
SELECT time, tag, v FROM md WHERE tag IN ('p', 'q');
WITH i AS (INSERT INTO md VALUES ('2024-02-01 00:00:20', 'p', 77) RETURNING *), d AS (DELETE FROM md WHERE tag = 'p' RETURNING v) SELECT (SELECT v FROM i), (SELECT count(*) FROM d);
SELECT time, tag, v FROM md WHERE tag IN ('p', 'q');
INSERT INTO md SELECT '2024-02-01'::timestamptz + i * interval '10 s', 'p', i FROM generate_series(0, 3) i;

-- Joined with a source that has several rows for one sample: one of them, once.
UPDATE md SET note = s.note FROM (VALUES ('p', 'first'), ('p', 'first')) s (tag, note) WHERE md.tag = s.tag;
SELECT tag, note, count(*) FROM md GROUP BY 1, 2 ORDER BY 1, 2;
DELETE FROM md USING (VALUES ('q'), ('q')) s (tag) WHERE md.tag = s.tag RETURNING md.*;

-- MERGE.
MERGE INTO md USING (VALUES ('2024-02-01 00:00:00'::timestamptz, 'p', 1000), ('2024-02-01 00:00:10', 'p', NULL), ('2024-02-01 00:00:55', 'p', 1002)) s (time, tag, v)
ON md.tag = s.tag AND md.time = s.time
WHEN MATCHED AND s.v IS NULL THEN DELETE
WHEN MATCHED THEN UPDATE SET v = s.v
WHEN NOT MATCHED THEN INSERT VALUES (s.time, s.tag, s.v, 'merged');
SELECT * FROM md WHERE tag = 'p';
MERGE INTO md USING (VALUES (1), (2)) s (k) ON md.tag = 'p' WHEN MATCHED THEN UPDATE SET v = k;

-- Positioned changes; row locks.
BEGIN;
DECLARE c CURSOR FOR SELECT * FROM md WHERE tag = 'p';
FETCH 2 FROM c;
UPDATE md SET v = -1 WHERE CURRENT OF c;
FETCH 1 FROM c;
DELETE FROM md WHERE CURRENT OF c;
SELECT * FROM md WHERE tag = 'p';
ROLLBACK;
BEGIN;
SELECT * FROM md WHERE tag = 'p' FOR UPDATE;
SELECT * FROM md WHERE tag = 'p' FOR SHARE SKIP LOCKED;
SELECT v FROM md WHERE tag = 'p' ORDER BY v DESC LIMIT 1 FOR NO KEY UPDATE NOWAIT;
DELETE FROM md WHERE ctid = (SELECT ctid FROM md WHERE tag = 'p' ORDER BY time LIMIT 1);
SELECT count(*) FROM md WHERE tag = 'p';
COMMIT;

-- Deleted and written again.
DELETE FROM md;
SELECT count(*) FROM md;
INSERT INTO md VALUES ('2024-01-01', 'a', 1);
BEGIN;
DELETE FROM md;
INSERT INTO md VALUES ('2024-01-01', 'a', 2);
UPDATE md SET v = v + 1;
DELETE FROM md WHERE v = 2;
UPDATE md SET v = v + 1;
COMMIT;
SELECT time, tag, v FROM md;

-- Errors leave nothing behind.
INSERT INTO md VALUES ('2024-01-02', 'a', 5), ('infinity', 'a', 6);
INSERT INTO md VALUES ('2024-01-02', 'a', 5), ('-infinity', 'a', 6);
INSERT INTO md VALUES ('2024-01-02', 'a', 5), (NULL, 'a', 6);
UPDATE md SET time = 'infinity';
UPDATE md SET v = 1 / (v - v);
SELECT time, tag, v FROM md;
INSERT INTO md VALUES ('2024-01-02', 'a', 5) ON CONFLICT DO NOTHING;
INSERT INTO md VALUES ('2024-01-02', 'a', 5) ON CONFLICT (tag, time) DO UPDATE SET v = 1;
SELECT count(*) FROM md;
-- constraints
ALTER TABLE md ADD CONSTRAINT positive CHECK (v > 0);
INSERT INTO md VALUES ('2024-01-03', 'a', 5), ('2024-01-04', 'a', -5);
UPDATE md SET v = -v;
SELECT time, tag, v FROM md;
-- a WITH query that nobody reads runs when the statement finishes: what it opened must not outlive a cursor around it
ALTER TABLE md DROP CONSTRAINT positive;
CREATE FUNCTION explain_rows(query text) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
    line text;
BEGIN
    FOR line IN EXECUTE 'EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF, SUMMARY OFF) ' || query LOOP
        IF line LIKE '%Delete on%' OR line LIKE '%Update on%' THEN RETURN NEXT replace(trim(line), '=0.00', '=0'); END IF;
    END LOOP;
END $$;
SELECT explain_rows('WITH u AS (UPDATE md SET v = v + 1) SELECT 1');
SELECT explain_rows('WITH d AS (DELETE FROM md WHERE v > 0) SELECT 1');
SELECT count(*) FROM md;
DROP FUNCTION explain_rows;
DROP TABLE md;
