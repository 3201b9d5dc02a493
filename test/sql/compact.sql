-- Compaction changes where rows are, never what they are; the inspection functions show it.
-- compact_after keeps the background worker from packing, so that counts are stable.
\set SHOW_CONTEXT never
SET timezone = 'UTC';
SET datestyle = 'ISO';
SET intervalstyle = 'postgres';

CREATE TABLE m (time timestamptz NOT NULL, sensor text, v float8, n int4, s text, quality tsdb.quality)
    USING tsdb WITH (tags = 'sensor', sample_interval = '1s', compact_after = '36500 days', block_interval = '1h');
CREATE TABLE h (LIKE m);
CREATE VIEW differences AS
    SELECT 'missing' AS what, x.* FROM (TABLE h EXCEPT ALL TABLE m) x
    UNION ALL SELECT 'extra', x.* FROM (TABLE m EXCEPT ALL TABLE h) x;

-- an empty table
SELECT tsdb.compact('m');
SELECT count(*) FROM tsdb.segments('m');
SELECT count(*) FROM tsdb.runs('m');
SELECT * FROM tsdb.verify('m');

-- runs become blocks
INSERT INTO h SELECT '2024-01-31Z'::timestamptz + i * interval '10 s', 's' || i % 2, i, i % 7, CASE WHEN i % 3 = 0 THEN 'text ' || i % 5 END,
    CASE WHEN i % 50 = 0 THEN -2147483648 ELSE 0 END FROM generate_series(0, 9999) i;
INSERT INTO m SELECT * FROM h WHERE v < 6000;
INSERT INTO m SELECT * FROM h WHERE v >= 6000;
SELECT tier, samples, first_time, last_time, blocked FROM tsdb.runs('m') ORDER BY run;
TABLE differences;
SELECT tsdb.compact('m');
SELECT count(*) FROM tsdb.runs('m');
SELECT series_id, from_time, until_time, samples, blocks, groups, dead_bytes, block_interval FROM tsdb.segments('m');
SELECT sum(samples), min(samples), max(samples), bool_and(first_time >= from_time AND last_time < until_time) AS inside,
    bool_and(until_time - from_time = '1h') AS hourly FROM tsdb.blocks('m');
SELECT column_name, sum(samples), sum(non_null), sum(good), sum(bad), min(min), max(max) FROM tsdb.block_columns('m') GROUP BY 1 ORDER BY 1;
TABLE differences;
SELECT * FROM tsdb.verify('m');
-- nothing to do
SELECT tsdb_test.compact('m', 'full');

-- edits of packed rows: only the touched blocks are written again
SELECT array_agg(block_id ORDER BY block_id) AS before FROM tsdb.blocks('m') \gset
UPDATE m SET v = -v, s = 'edited' WHERE time BETWEEN '2024-01-31 10:10Z' AND '2024-01-31 10:12Z';
UPDATE h SET v = -v, s = 'edited' WHERE time BETWEEN '2024-01-31 10:10Z' AND '2024-01-31 10:12Z';
DELETE FROM m WHERE time BETWEEN '2024-01-31 12:00Z' AND '2024-01-31 14:59:59Z' AND sensor = 's1';
DELETE FROM h WHERE time BETWEEN '2024-01-31 12:00Z' AND '2024-01-31 14:59:59Z' AND sensor = 's1';
INSERT INTO h VALUES ('2023-06-01Z', 's0', 1, NULL, NULL, 0), ('2030-01-01Z', 's2', 2, 2, 'new', 0);
INSERT INTO m VALUES ('2023-06-01Z', 's0', 1, NULL, NULL, 0), ('2030-01-01Z', 's2', 2, 2, 'new', 0);
TABLE differences;
SELECT tsdb.compact('m');
TABLE differences;
SELECT count(*) FILTER (WHERE block_id = ANY (:'before')) AS kept, count(*) FILTER (WHERE block_id <> ALL (:'before')) AS written FROM tsdb.blocks('m');
SELECT * FROM tsdb.verify('m');

-- a transaction's own rows stay, and are not lost
BEGIN;
INSERT INTO m VALUES ('2024-01-31 10:00Z', 's0', 0, 0, 'mine', 0);
SAVEPOINT a;
INSERT INTO m VALUES ('2024-01-31 10:00:10Z', 's1', 0, 0, 'gone', 0);
SELECT tsdb.compact('m');
SELECT s FROM m WHERE time BETWEEN '2024-01-31 10:00Z' AND '2024-01-31 10:00:10Z';
ROLLBACK TO a;
COMMIT;
SELECT s FROM m WHERE time BETWEEN '2024-01-31 10:00Z' AND '2024-01-31 10:00:10Z';
UPDATE h SET v = 0, n = 0, s = 'mine', quality = 0 WHERE time = '2024-01-31 10:00Z' AND sensor = 's0';
SELECT tsdb.compact('m');
TABLE differences;
-- a rolled back compaction leaves everything as it was
INSERT INTO h SELECT '2024-02-10Z'::timestamptz + i * interval '1 min', 's0', i, 1, 'x', 0 FROM generate_series(1, 100) i;
INSERT INTO m SELECT '2024-02-10Z'::timestamptz + i * interval '1 min', 's0', i, 1, 'x', 0 FROM generate_series(1, 100) i;
BEGIN;
SELECT tsdb.compact('m');
SELECT count(*) FROM tsdb.runs('m');
ROLLBACK;
SELECT count(*) FROM tsdb.runs('m');
TABLE differences;

-- part of the runs: segments with old rows are merged, what lies in others stays in its run
ALTER TABLE m SET (compact_after = '20 days');
INSERT INTO h SELECT date_trunc('second', now()) - i * interval '1 day', 's0', i, 0, 'aged', 0 FROM generate_series(0, 100, 5) i;
INSERT INTO m SELECT * FROM h WHERE s = 'aged';
DELETE FROM m WHERE time < '2024-01-31 06:00Z';
DELETE FROM h WHERE time < '2024-01-31 06:00Z';
SELECT tsdb_test.compact('m', 'aged') >= 0 AS done;
SELECT count(*) > 0 AS has_segments FROM tsdb.segments('m') WHERE until_time < now();
TABLE differences;
DELETE FROM m WHERE s = 'aged' AND time < now() - interval '70 days';
DELETE FROM h WHERE s = 'aged' AND time < now() - interval '70 days';
SELECT tsdb_test.compact('m', 'aged') >= 0 AS done;
TABLE differences;
SELECT * FROM tsdb.verify('m');
ALTER TABLE m SET (compact_after = '36500 days');
SELECT tsdb.compact('m');
-- tombstones are gone when no run is left
SELECT count(*) FROM tsdb.segments('m') WHERE samples = 0;
TABLE differences;

-- many small runs become one of the next tier, each row keeping its sequence
DO $$ BEGIN FOR i IN 1 .. 80 LOOP
    INSERT INTO m VALUES ('2024-03-01Z'::timestamptz + i % 20 * interval '1 s', 's0', i, i, NULL, 0);
    COMMIT;
END LOOP; END $$;
INSERT INTO h SELECT '2024-03-01Z'::timestamptz + i % 20 * interval '1 s', 's0', i, i, NULL, 0 FROM generate_series(61, 80) i;
SELECT tsdb_test.compact('m', 'tiers') >= 0 AS done;
SELECT count(*) < 64 AS few, max(tier), max(max_sequence) - min(min_sequence) >= 19 AS own_sequences FROM tsdb.runs('m');
TABLE differences;
SELECT * FROM tsdb.verify('m');

-- more than fits a block: halves
CREATE TABLE dense (time timestamptz NOT NULL, v int8) USING tsdb WITH (tags = '', sample_interval = '1ms', block_interval = '1h', compact_after = '36500 days');
INSERT INTO dense SELECT '2024-04-01Z'::timestamptz + i * interval '10 ms', i FROM generate_series(0, 99999) i;
SELECT tsdb.compact('dense');
SELECT count(*) > 6 AS split, max(samples) <= 16384 AS fits, sum(samples) FROM tsdb.blocks('dense');
SELECT count(*), sum(v) FROM dense;
SELECT * FROM tsdb.verify('dense');
-- another block span applies from the next compaction on
ALTER TABLE dense SET (block_interval = '1min');
INSERT INTO dense VALUES ('2024-04-01Z', 5);
SELECT tsdb.compact('dense');
SELECT count(*), max(until_time - from_time) FROM tsdb.blocks('dense');
ALTER TABLE dense RESET (block_interval);
INSERT INTO dense VALUES ('2024-04-01Z', 6);
SELECT tsdb.compact('dense');
SELECT min(samples), max(samples), sum(samples), max(until_time - from_time) FROM tsdb.blocks('dense');
SELECT count(*), sum(v) FROM dense;
SELECT * FROM tsdb.verify('dense');

-- columns that come and go
INSERT INTO h SELECT '2024-04-01 05:00Z'::timestamptz + i * interval '1 s', 'full1', i, 0, NULL, 0 FROM generate_series(0, 3599) i;
INSERT INTO m SELECT * FROM h WHERE sensor = 'full1';
TABLE differences;
DROP VIEW differences;
ALTER TABLE m ADD COLUMN extra int4 DEFAULT 7, ADD COLUMN more text DEFAULT 'old', DROP COLUMN n;
INSERT INTO m VALUES ('2024-04-01 05:00Z', 'full1', 0, NULL, 0, 8, 'new');
SELECT extra, more, count(*) FROM m GROUP BY 1, 2 ORDER BY 1;
SELECT tsdb.compact('m');
SELECT extra, more, count(*) FROM m GROUP BY 1, 2 ORDER BY 1;
SELECT * FROM tsdb.verify('m');
-- VACUUM FULL makes core forget the defaults
VACUUM FULL m;
SELECT atthasmissing FROM pg_attribute WHERE attrelid = 'm'::regclass AND attname IN ('extra', 'more');
SELECT extra, more, count(*) FROM m GROUP BY 1, 2 ORDER BY 1;
SELECT * FROM tsdb.verify('m');

-- everything deleted: the segments go
DELETE FROM m;
SELECT tsdb.compact('m');
SELECT count(*) FROM tsdb.segments('m');
SELECT count(*) FROM tsdb.runs('m');
SELECT count(*) FROM m;
SELECT * FROM tsdb.verify('m');

-- values change their quality column by a rename: their summaries are made anew
CREATE TABLE q (time timestamptz NOT NULL, v float8, w float8, v_quality tsdb.quality)
    USING tsdb WITH (tags = '', sample_interval = '1s', block_interval = '1h', compact_after = '36500 days');
INSERT INTO q SELECT '2024-01-01Z'::timestamptz + i * interval '1 min', i, i, CASE WHEN i % 2 = 0 THEN -2147483648 ELSE 0 END FROM generate_series(0, 999) i;
SELECT tsdb.compact('q');
SELECT column_name, sum(bad) FROM tsdb.block_columns('q') GROUP BY 1 ORDER BY 1;
ALTER TABLE q RENAME v_quality TO w_quality;
SELECT tsdb.compact('q');
SELECT column_name, sum(bad) FROM tsdb.block_columns('q') GROUP BY 1 ORDER BY 1;
SELECT * FROM tsdb.verify('q');
DROP TABLE q;

-- retention: whole blocks, and segments
CREATE TABLE r (time timestamptz NOT NULL, sensor text, v float8)
    USING tsdb WITH (tags = 'sensor', sample_interval = '1s', block_interval = '1h', compact_after = '36500 days', retention = '36500 days');
INSERT INTO r SELECT '2024-05-01Z'::timestamptz + i * interval '10 min', 's' || k, i FROM generate_series(0, 9999) i, generate_series(1, 2) k;
SELECT tsdb.compact('r');
SELECT tsdb_test.retain('r', '2024-05-20 10:00Z');
SELECT min(time), count(*) FROM r;
SELECT min(from_time) FROM tsdb.blocks('r');
SELECT tsdb_test.retain('r', '2024-05-20 10:00Z');
SELECT tsdb_test.retain('r', '2024-07-01Z');
SELECT min(time), count(*) FROM r;
SELECT * FROM tsdb.verify('r');
SELECT tsdb_test.retain('r', '2025-01-01Z');
SELECT count(*) FROM r;
SELECT count(*) FROM tsdb.segments('r');
SELECT * FROM tsdb.verify('r');

-- who may, and what it works on
CREATE TABLE plain (a int);
SELECT tsdb.compact('plain');
SELECT * FROM tsdb.verify('plain');
-- first, last and changes of a block; what it is about goes when it fails
CREATE TABLE ends (time timestamptz, v float8, n int4, on_ bool) USING tsdb WITH (tags = '', sample_interval = '1s', compact_after = '36500 days');
INSERT INTO ends VALUES ('2024-01-01 00:00:00', NULL, 5, true), ('2024-01-01 00:00:01', 3, 5, true), ('2024-01-01 00:00:02', 1, 5, false), ('2024-01-01 00:00:03', 2, 4, true), ('2024-01-01 00:00:04', NULL, 4, NULL);
SET tsdb.debug_points = on;
SET tsdb.debug_point_errors = 'compact_before_delete';
SELECT tsdb.compact('ends');
RESET tsdb.debug_point_errors;
SET tsdb.debug_points = off;
SELECT * FROM tsdb.progress;
SELECT tsdb.compact('ends');
SELECT column_name, samples, non_null, min, max, first, last, transitions FROM tsdb.block_columns('ends') ORDER BY 1;
DROP TABLE ends;
CREATE ROLE regress_tsdb_reader;
SET ROLE regress_tsdb_reader;
SELECT * FROM tsdb.segments('m');
SELECT * FROM tsdb.verify('m');
RESET ROLE;
GRANT SELECT ON m TO regress_tsdb_reader;
SET ROLE regress_tsdb_reader;
SELECT * FROM tsdb.segments('m');
SELECT tsdb.compact('m');
SELECT count(*) FROM tsdb.progress;
SELECT count(*) > 0 AS shown FROM tsdb.stats;
RESET ROLE;
BEGIN READ ONLY;
SELECT tsdb.compact('m');
ROLLBACK;
SELECT name FROM tsdb.stats WHERE p50_ms IS NOT NULL AND name = 'compaction';
REVOKE ALL ON m FROM regress_tsdb_reader;
DROP ROLE regress_tsdb_reader;
DROP TABLE m, h, r, dense, plain;
