-- Every value type bit for bit, before and after flush, compaction, dump format and back;
-- every way in: INSERT, COPY in three formats, INSERT ... SELECT.
SET timezone = 'UTC';
SET datestyle = 'ISO, MDY';
CREATE TABLE ty (
    time timestamptz NOT NULL, n int4, f8 float8, f4 float4, i2 int2, i4 int4, i8 int8, b bool, s text, ts timestamptz, d date, quality tsdb.quality
) USING tsdb WITH (tags = 'n', sample_interval = '1us', time_column = 'time');
CREATE TABLE ty_heap (LIKE ty) USING heap;
INSERT INTO ty_heap VALUES
    ('2024-01-01', 1, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL),
    ('2024-01-01 00:00:00.000001', 1, 0, 0, 0, 0, 0, false, '', '1970-01-01', '1970-01-01', 0),
    ('2024-01-01 00:00:00.000002', 1, '-0', '-0', -1, -1, -1, true, 'a', '1969-12-31 23:59:59.999999', '1969-12-31', -1),
    ('2024-01-01 00:00:00.000003', 1, 'NaN', 'NaN', 32767, 2147483647, 9223372036854775807, true, E'tab\tnewline\nquote\'back\\slash', 'infinity', 'infinity', 2147483647),
    ('2024-01-01 00:00:00.000004', 1, 'Infinity', 'Infinity', -32768, -2147483648, -9223372036854775808, false, 'Ünï 漢字 🙂', '-infinity', '-infinity', -2147483648),
    ('2024-01-01 00:00:00.000005', 1, '-Infinity', '-Infinity', 1, 1, 1, NULL, repeat('long ', 20000), '294276-12-31 23:59:59.999999', '5874897-12-31', 1073741824),
    ('1900-02-28 12:00:00.123456', 1, 1.7976931348623157e308, 3.4028235e38, 2, 2, 2, true, '\N', '4713-01-01 00:00:00 BC', '4713-01-01 BC', -2146500608),
    ('9999-12-31 23:59:59.999999', 1, 5e-324, 1e-45, 3, 3, 3, true, 'NULL', '2000-01-01', '2000-01-01', 5),
    ('4713-01-01 00:00:00 BC', NULL, 0.1, 0.1, 4, 4, 4, true, ' ', '2000-01-01 00:00:00.000001', '2000-02-29', 6),
    ('290000-12-30 23:59:59.999999', NULL, 1e22, 16777217, 5, 5, 5, true, md5('x'), '1999-12-31', '1582-10-15', 7),
    ('2024-01-01', NULL, 123456789.987654321, 0.3, 6, 6, 6, false, ',', '2024-02-29 12:34:56.789', '2024-02-29', 8);
-- regular data too, so that every codec has its turn
INSERT INTO ty_heap
SELECT '2023-01-01'::timestamptz + i * interval '1 s', 2, round((sin(i / 30.0) * 100)::numeric, 2), i / 8.0, i % 100, i, i * 10000000000, i % 7 = 0,
       'state ' || i / 100, timestamptz '2000-01-01' + i * interval '17 min 1 us', date '2000-01-01' + i, CASE WHEN i % 50 = 0 THEN -2147483648 ELSE 0 END
FROM generate_series(1, 2000) i;
INSERT INTO ty_heap
SELECT '2023-01-01'::timestamptz + i * i * interval '1 ms', 3, random(), random(), random() * 10, random() * 1e9, random() * 1e18, random() < 0.5,
       md5(random()::text), to_timestamp(random() * 1e9), date '2000-01-01' + (random() * 10000)::int, (random() * 1e9)::int
FROM generate_series(1, 500) i;
CREATE FUNCTION bits(t regclass) RETURNS SETOF text LANGUAGE plpgsql AS $$
BEGIN
    RETURN QUERY EXECUTE format($q$
        SELECT concat_ws('|', timestamptz_send(time), coalesce(n::text, '-'), coalesce(float8send(f8)::text, '-'), coalesce(float4send(f4)::text, '-'), coalesce(i2::text, '-'),
            coalesce(i4::text, '-'), coalesce(i8::text, '-'), coalesce(b::text, '-'), coalesce(textsend(s)::text, '-'), coalesce(timestamptz_send(ts)::text, '-'),
            coalesce(date_send(d)::text, '-'), coalesce(quality::text, '-')) FROM %s$q$, t);
END $$;
CREATE FUNCTION same() RETURNS text LANGUAGE sql AS $$
    SELECT format('%s rows, %s and %s differ', (SELECT count(*) FROM ty),
        (SELECT count(*) FROM (SELECT bits('ty') EXCEPT ALL SELECT bits('ty_heap')) a), (SELECT count(*) FROM (SELECT bits('ty_heap') EXCEPT ALL SELECT bits('ty')) a))
$$;
BEGIN;
INSERT INTO ty SELECT * FROM ty_heap;
SELECT same();
COMMIT;
SELECT same();
SELECT tsdb.compact('ty');
SELECT same();
-- into other rows of the same block
UPDATE ty SET i4 = i4 WHERE i2 % 3 = 0;
SELECT same();
SELECT tsdb.compact('ty');
SELECT same();
SELECT * FROM tsdb.verify('ty');
SELECT time, n, f8, f4, i2, i4, i8, b, left(s, 30) AS s, ts, d, quality FROM ty WHERE n IS DISTINCT FROM 2 AND n IS DISTINCT FROM 3;

-- COPY out of one and into the other, each format.
SELECT current_setting('data_directory') AS datadir \gset
\set textfile :datadir '/tsdb_types.text'
\set csvfile :datadir '/tsdb_types.csv'
\set binaryfile :datadir '/tsdb_types.binary'
COPY ty TO :'textfile';
COPY ty_heap TO :'csvfile' (FORMAT csv, HEADER);
COPY (SELECT * FROM ty ORDER BY random()) TO :'binaryfile' (FORMAT binary);
TRUNCATE ty;
COPY ty FROM :'textfile';
SELECT same();
TRUNCATE ty;
COPY ty FROM :'csvfile' (FORMAT csv, HEADER);
SELECT same();
TRUNCATE ty;
COPY ty FROM :'binaryfile' (FORMAT binary, FREEZE false);
SELECT same();
TRUNCATE ty_heap;
COPY ty_heap FROM :'textfile';
SELECT same();
-- some columns; a condition; a bad line takes everything back
COPY ty (n, time) FROM stdin;
9	2024-05-05
\.
COPY ty (time, n, i4) FROM stdin WHERE i4 > 1;
2024-05-06	9	1
2024-05-07	9	2
\.
COPY ty (time, n, i4) FROM stdin;
2024-05-08	9	1
2024-05-09	9	x
\.
SELECT * FROM ty WHERE n = 9;
COPY (SELECT time, n, i4, quality FROM ty WHERE n = 9) TO stdout;

-- Tags of other types; NULL, equal looking values, one that only its bytes tell apart.
CREATE TABLE tg (time timestamptz NOT NULL, a numeric, b date, c uuid, d "char", e float8, v int4) USING tsdb WITH (tags = 'a, b, c, d, e', sample_interval = '1s');
INSERT INTO tg VALUES ('2024-01-01', 1, '2020-02-29', NULL, 'x', 0, 1), ('2024-01-01', 1.0, '2020-02-29', NULL, 'x', 0, 2), ('2024-01-01', 1, '2020-02-29', NULL, 'x', '-0', 3),
    ('2024-01-01', NULL, NULL, NULL, NULL, NULL, 4), ('2024-01-01', NULL, 'infinity', '00000000-0000-0000-0000-000000000001', '', 'NaN', 5),
    ('2024-01-01', NULL, NULL, NULL, NULL, NULL, 6);
SELECT * FROM tg ORDER BY v;
SELECT v FROM tg WHERE a = 1 ORDER BY v;
SELECT v FROM tg WHERE e = 0 ORDER BY v;
-- only tags, or one series without any
CREATE TABLE none (time timestamptz NOT NULL) USING tsdb WITH (tags = '', sample_interval = '1d');
INSERT INTO none VALUES ('2024-01-01 23:59:59'), ('2024-01-01'), ('2024-01-02 01:00');
SELECT * FROM none;
SELECT tsdb.compact('none');
SELECT * FROM none;

-- Types that can't be stored.
CREATE TABLE bad (time timestamptz NOT NULL, v numeric) USING tsdb WITH (tags = '', sample_interval = '1s');
CREATE TABLE bad (time timestamptz NOT NULL, v jsonb) USING tsdb WITH (tags = '', sample_interval = '1s');
CREATE TABLE bad (time timestamptz NOT NULL, v float8[]) USING tsdb WITH (tags = '', sample_interval = '1s');
CREATE TABLE bad (time timestamptz NOT NULL, v varchar(5)) USING tsdb WITH (tags = '', sample_interval = '1s');
-- Domains, defaults, generated columns, identity.
CREATE DOMAIN percent AS float8 CHECK (VALUE BETWEEN 0 AND 100);
CREATE TABLE other (time timestamptz NOT NULL DEFAULT '2024-01-01', p percent, v text CHECK (length(v) <= 5), twice float8 GENERATED ALWAYS AS (p * 2) STORED, id int8 GENERATED ALWAYS AS IDENTITY)
    USING tsdb WITH (tags = '', sample_interval = '1s');
INSERT INTO other (p, v) VALUES (5, 'hello');
INSERT INTO other (time, p) VALUES ('2024-01-02', 6);
INSERT INTO other (time, p) VALUES ('2024-01-03', 101);
INSERT INTO other (time, v) VALUES ('2024-01-03', 'too long');
UPDATE other SET p = p + 1;
SELECT * FROM other;
DROP TABLE ty, ty_heap, tg, none, other;
DROP DOMAIN percent;
DROP FUNCTION bits, same;
