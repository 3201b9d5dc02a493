-- Conditions on values: blocks are left out by their summaries, rows of the others by loops over
-- columns; both have to agree with the operators of SQL.
SET timezone = 'UTC';
SET max_parallel_workers_per_gather = 0;

CREATE TABLE val_m (time timestamptz NOT NULL, tag text, f8 float8, f4 float4, i2 int2, i4 int4, i8 int8, b bool,
                    note text, day date, at timestamptz, q tsdb.quality)
    USING tsdb WITH (tags = 'tag', sample_interval = '1s', time_column = 'time');
CREATE TABLE val_h (LIKE val_m) USING heap;
-- Stretches of a day with values of their own, so that blocks differ; specials in some.
INSERT INTO val_h
SELECT timestamptz '2024-01-01' + i * interval '1 min', tag,
       CASE WHEN i % 997 = 5 THEN 'NaN' WHEN i % 991 = 6 THEN '-infinity' WHEN i / 1440 = 2 THEN NULL
            WHEN i % 7 = 0 THEN '-0' ELSE (i / 1440) * 10 + (i % 50) / 8.0 END,
       CASE WHEN i / 1440 = 3 THEN 'NaN' WHEN i % 5 = 0 THEN 0.1 ELSE (i % 300) / 10.0 END,
       i / 1440 * 100 - 150, i - 5000, i::int8 * 10000000000, CASE WHEN i / 1440 < 4 THEN i % 2 = 0 ELSE true END,
       CASE WHEN i % 3 = 0 THEN 'note' END, date '2024-01-01' + i / 1440, timestamptz '2024-06-01' - i * interval '1 min',
       CASE WHEN i / 1440 = 1 THEN -2147483648 + i % 2 WHEN i / 1440 = 3 THEN 1073741824 + i % 5 WHEN i % 11 = 0 THEN NULL ELSE i % 3 END
FROM generate_series(0, 7199) i, (VALUES ('x'), ('y')) s (tag);
INSERT INTO val_m SELECT * FROM val_h;
SELECT tsdb.compact('val_m');
-- A column that came later: its blocks differ from those before; and runs on top of some blocks.
ALTER TABLE val_m ADD COLUMN late int4 DEFAULT 5, ADD COLUMN empty float8;
ALTER TABLE val_h ADD COLUMN late int4 DEFAULT 5, ADD COLUMN empty float8;
INSERT INTO val_h SELECT time + interval '10 days', tag, f8, f4, i2, i4, i8, b, note, day, at, q, i4 % 9, f4 FROM val_h WHERE i4 > 1000;
INSERT INTO val_m SELECT * FROM val_h WHERE time >= '2024-01-11';
SELECT tsdb.compact('val_m');
UPDATE val_m SET f8 = 123456, i4 = -77777 WHERE time = '2024-01-02 06:00';
UPDATE val_h SET f8 = 123456, i4 = -77777 WHERE time = '2024-01-02 06:00';
DELETE FROM val_m WHERE time >= '2024-01-03' AND time < '2024-01-03 05:00' AND tag = 'x';
DELETE FROM val_h WHERE time >= '2024-01-03' AND time < '2024-01-03 05:00' AND tag = 'x';
ANALYZE val_m;

-- matching(condition): how many rows; or that the heap table, or counting alone, says otherwise.
CREATE FUNCTION matching(condition text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    here text;
    there text;
    counted bigint;
BEGIN
    EXECUTE format('SELECT count(*) FROM val_m WHERE %s', condition) INTO counted;
    EXECUTE format('SELECT count(*) || '' '' || coalesce(sum(extract(epoch FROM time)), 0) FROM val_m WHERE %s', condition) INTO here;
    EXECUTE format('SELECT count(*) || '' '' || coalesce(sum(extract(epoch FROM time)), 0) FROM val_h WHERE %s', condition) INTO there;
    RETURN CASE WHEN here = there AND split_part(here, ' ', 1) = counted::text THEN split_part(here, ' ', 1) ELSE 'differs: ' || here || ', ' || there || ', ' || counted END;
END $$;
-- Every operator on every column with constants around and on its values.
CREATE TABLE val_cases AS
SELECT column_name, format('%s %s %s', column_name, op, value) AS condition, format('%s %s %s', value, op, column_name) AS turned
FROM unnest(ARRAY['<', '<=', '=', '<>', '>=', '>']) op,
     (VALUES ('f8', ARRAY['0', '-0.0', '''NaN''', '''infinity''', '''-infinity''', '10.125', '12::int', '40.5::float4', 'NULL::float8', '1e300']),
             ('f4', ARRAY['0', '0.1', '0.1::float4', '''NaN''::float8', '1e300', '-1e300', '29.9::float4', '5']),
             ('i2', ARRAY['-150', '50::int2', '250::int8', '99999', '-99999999999']),
             ('i4', ARRAY['-5000', '0::int2', '2199::int8', '99999999999', '-77777', 'NULL']),
             ('i8', ARRAY['0', '50000000000::int8', '5::int2', '71990000000000']),
             ('b', ARRAY['true', 'false']),
             ('day', ARRAY['date ''2024-01-03''', 'date ''infinity''', 'timestamptz ''2024-01-03 12:00''']),
             ('at', ARRAY['timestamptz ''2024-05-30''', 'date ''2024-05-25''', '''infinity''']),
             ('q', ARRAY['0', '-2147483648', 'tsdb.quality(''bad'')', '1073741824']),
             ('late', ARRAY['5', '6', '0']), ('empty', ARRAY['0', '5.5'])) v (column_name, "values"), unnest("values") value;
SELECT condition, matching(condition) FROM val_cases WHERE matching(condition) LIKE 'differs%';
SELECT turned, matching(turned) FROM val_cases WHERE column_name IN ('f4', 'i2') AND matching(turned) LIKE 'differs%';
SELECT count(*) FROM val_cases;
SELECT condition, matching(condition) FROM (VALUES
    ('f8 IS NULL'), ('f8 IS NOT NULL'), ('NOT f8 IS NULL AND f8 > 30'), ('b'), ('NOT b'), ('b IS TRUE'), ('b IS NOT TRUE'),
    ('b IS FALSE'), ('b IS UNKNOWN'), ('note IS NULL AND i4 > 2000'), ('note IS NOT NULL AND i2 = 50'), ('empty IS NULL'), ('late IS NULL'),
    ('f8 BETWEEN 10 AND 12'), ('f8 BETWEEN 12 AND 10'), ('i4 IN (1, 2, 2100, -77777)'), ('i4 NOT IN (1, 2)'),
    ('i8 = ANY (ARRAY[50000000000, NULL])'), ('i8 = ANY (''{}'')'), ('i8 = ANY (NULL::int8[])'), ('f4 IN (0.1, 0.1::float4)'), ('f4 = ANY (ARRAY[''NaN'']::float4[])'),
    ('i4 < ALL (ARRAY[-4000, 3])'), ('tsdb.is_good(q)'), ('tsdb.is_bad(q)'), ('tsdb.is_uncertain(q)'), ('NOT tsdb.is_good(q)'),
    ('NOT tsdb.is_bad(q)'), ('NOT tsdb.is_uncertain(q) AND f8 > 0'), ('tsdb.is_good(q) IS NULL'), ('f8 > 10 AND f4 < 3 AND i4 > 0 AND tsdb.is_good(q)'),
    ('f8 > f4'), ('f8 + 1 > 30'), ('f8 > (SELECT avg(i2) FROM val_h)'), ('f8 > random() * 0 + 40'), ('i4 > 10 OR i4 < -4990'),
    ('q < 0 OR q >= 5'), ('q < 0 OR i4 >= 1073741824'), ('f8 > 45 AND tag = ''x'' AND time < ''2024-01-05 12:00''')) c (condition);

-- How much is left out; an edited block is looked at.
CREATE FUNCTION counters(query text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    plan jsonb;
BEGIN
    EXECUTE 'EXPLAIN (ANALYZE, FORMAT json, TIMING off) ' || query INTO plan;
    plan := plan->0->'Plan';
    RETURN format('%s rows, %s removed, %s blocks by value, %s decoded', (plan->>'Actual Rows')::float8, plan->'Rows Removed by Value',
                  CASE WHEN (plan->>'Blocks Skipped by Value')::int > 0 THEN 'some' ELSE 'no' END, plan->'Blocks Decoded');
END $$;
SELECT counters('SELECT time, i8 FROM val_m WHERE i8 > 99999999999999999') LIKE '0 rows%' AS none,
       counters('SELECT time, i4 FROM val_m WHERE i4 = -77777') LIKE '2 rows%' AS edited;
SELECT tsdb.compact('val_m');
SELECT counters('SELECT time, i4 FROM val_m WHERE i4 > 1000000');
SELECT counters('SELECT time, i4 FROM val_m WHERE i2 > 100 AND i8 > 99999999999999999');
SELECT counters('SELECT time FROM val_m WHERE late = 7777');
EXPLAIN (COSTS off) SELECT time FROM val_m WHERE f8 > 10 AND i4 IN (1, 2) AND 7 > i2 AND note LIKE 'n%';

-- Parameters: unknown at planning, NULL, of an outer row.
SET plan_cache_mode = force_generic_plan;
PREPARE p (float8, int8) AS SELECT count(*), min(f8), max(i4) FROM val_m WHERE f8 >= $1 AND i4 < $2;
EXECUTE p (10, 3000);
EXECUTE p ('NaN', 3000000000);
EXECUTE p (NULL, 3000);
RESET plan_cache_mode;
SET enable_hashjoin = off;
SET enable_mergejoin = off;
SELECT s.n, c.count FROM generate_series(-150, 250, 100) s (n), LATERAL (SELECT count(*) FROM val_m WHERE i2 = s.n AND f8 > s.n) c;
-- A newer version of a row is checked again in full.
BEGIN;
UPDATE val_m SET f8 = f8 + 1 WHERE f8 = 123456 RETURNING f8;
SELECT f8 FROM val_m WHERE f8 > 100000 AND f8 < 'NaN';
SELECT count(*) FROM val_m WHERE f8 = 123456;
ROLLBACK;
DROP TABLE val_m, val_h, val_cases;
DROP FUNCTION matching, counters;
