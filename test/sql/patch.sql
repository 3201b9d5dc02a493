-- Columns that a patch does not name: kept, NULL in a new sample, and what the column says for older rows when it is younger than the patch.
SET timezone = 'UTC';
SET datestyle = 'ISO, MDY';

CREATE TABLE pat_m (time timestamptz NOT NULL, tag text, a int4, b int4) USING tsdb WITH (tags = 'tag', sample_interval = '1s');
CREATE TABLE pat_h (LIKE pat_m, PRIMARY KEY (tag, time)) USING heap;

-- patch(names, rows): the same to both.
CREATE FUNCTION patch(names text, source text) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    assignments text := (SELECT string_agg(format('%1$I = EXCLUDED.%1$I', name), ', ') FROM unnest(string_to_array(names, ', ')) name);
BEGIN
    -- The heap table's INSERT gives defaults to columns that it does not name; a patch gives none.
    EXECUTE format('INSERT INTO pat_h (time, tag, %1$s) SELECT * FROM (%2$s) q ON CONFLICT (tag, time) DO UPDATE SET %3$s', names, source, assignments);
    RETURN tsdb.patch('pat_m', format('SELECT * FROM (%s) q (time, tag, %s)', source, names));
END $$;
CREATE FUNCTION alter_both(action text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE 'ALTER TABLE pat_m ' || action;
    EXECUTE 'ALTER TABLE pat_h ' || action;
END $$;
-- add_column(definition, default): the default counts for rows that are there.
CREATE FUNCTION add_column(name text, type text, value text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    PERFORM alter_both(format('ADD COLUMN %I %s DEFAULT %s', name, type, value));
    PERFORM alter_both(format('ALTER COLUMN %I DROP DEFAULT', name));
END $$;
CREATE FUNCTION differing() RETURNS bigint LANGUAGE sql AS $$
    SELECT count(*) FROM (SELECT m::text FROM pat_m m EXCEPT ALL SELECT h::text FROM pat_h h) x
$$;

INSERT INTO pat_m SELECT timestamptz '2024-01-01' + i * interval '1 min', tag, i, -i FROM generate_series(0, 99) i, (VALUES ('x'), ('y')) t (tag);
INSERT INTO pat_h SELECT * FROM pat_m;
SELECT tsdb.compact('pat_m');
-- Samples of segments, of runs, and new ones.
INSERT INTO pat_m VALUES ('2024-01-02', 'x', 1, 2), ('2024-01-02 00:01', 'x', 1, 2);
INSERT INTO pat_h VALUES ('2024-01-02', 'x', 1, 2), ('2024-01-02 00:01', 'x', 1, 2);
SELECT patch('a', $$VALUES (timestamptz '2024-01-01 00:05', 'x', 1000), ('2024-01-02', 'x', 1001), ('2024-01-03', 'x', 1002), ('2024-01-03', 'z', 1003)$$);
DELETE FROM pat_m WHERE tag = 'y' AND time = '2024-01-01 00:07';
DELETE FROM pat_h WHERE tag = 'y' AND time = '2024-01-01 00:07';
SELECT add_column('c', 'int4', '7'), add_column('t', 'text', '''seven'''), add_column('n', 'float8', 'NULL');
SELECT differing();
SELECT * FROM pat_m WHERE time > '2024-01-01 12:00' OR a > 999 ORDER BY tag, time;
-- What is named now, and patches that know the columns and leave them out.
SELECT patch('c', $$VALUES (timestamptz '2024-01-03', 'x', 8), ('2024-01-01 00:05', 'x', NULL), ('2024-01-04', 'x', 9)$$),
       patch('b', $$VALUES (timestamptz '2024-01-03', 'x', 11), ('2024-01-05', 'x', 12), ('2024-01-01 00:07', 'y', 13)$$),
       patch('t, n', $$VALUES (timestamptz '2024-01-03', 'z', 'eight', 1.5), ('2024-01-05', 'z', NULL, NULL)$$);
SELECT differing();
SELECT * FROM pat_m WHERE time > '2024-01-01 12:00' OR a > 999 OR a IS NULL ORDER BY tag, time;
-- Runs merged into bigger ones, with another column in between; then all in segments.
CREATE PROCEDURE patch_often(names text) LANGUAGE plpgsql AS $$
BEGIN
    FOR i IN 1 .. 70 LOOP
        PERFORM patch(names, format('VALUES (timestamptz ''2024-01-04'' + %s * interval ''1 min'', ''x'', %s)', i % 11, i));
        COMMIT;
    END LOOP;
END $$;
CALL patch_often('b');
SELECT tsdb_test.compact('pat_m', 'tiers') > 64 AS merged;
SELECT differing();
CALL patch_often('a');
SELECT add_column('d', 'int8', '70');
SELECT patch('a', $$VALUES (timestamptz '2024-01-06 00:01', 'x', 3), ('2024-01-06 00:02', 'x', 4)$$);
SELECT differing();
SELECT tsdb_test.compact('pat_m', 'tiers') > 64 AS merged;
SELECT differing();
SELECT add_column('d2', 'boolean', 'true');
CALL patch_often('d');
SELECT tsdb_test.compact('pat_m', 'tiers') > 64 AS merged;
SELECT differing();
SELECT tsdb.compact('pat_m');
SELECT differing();
SELECT * FROM tsdb.verify('pat_m');
-- In one transaction: rows in memory are older than the column.
BEGIN;
SELECT patch('a', $$VALUES (timestamptz '2024-01-07', 'x', 1), ('2024-01-01 00:09', 'x', 2)$$);
SELECT add_column('e', 'int4', '700');
SELECT patch('b', $$VALUES (timestamptz '2024-01-07', 'x', 5), ('2024-01-07 00:01', 'x', 6)$$);
SELECT differing();
SAVEPOINT s;
SELECT add_column('f', 'text', '''gone''');
SELECT patch('f', $$VALUES (timestamptz '2024-01-07 00:01', 'x', 'here'), ('2024-01-07 00:02', 'x', 'here')$$);
SELECT differing();
ROLLBACK TO s;
SELECT add_column('g', 'text', '''there''');
SELECT differing();
COMMIT;
SELECT differing();
SELECT * FROM pat_m WHERE time >= '2024-01-06' ORDER BY time;
SELECT tsdb.compact('pat_m');
SELECT differing(), count(*) FROM pat_m;
DROP TABLE pat_m, pat_h;
DROP PROCEDURE patch_often;
DROP FUNCTION patch, alter_both, add_column, differing;
