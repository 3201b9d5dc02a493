-- What tsdb tables can't do is said when it is asked for, with what to do instead.
\set SHOW_CONTEXT never
CREATE TABLE t (time timestamptz, plant text, v float8) USING tsdb WITH (tags = 'plant', sample_interval = '1s');
INSERT INTO t VALUES ('2024-01-01Z', 'a', 1);

-- indexes and keys
CREATE INDEX ON t (plant);
CREATE INDEX CONCURRENTLY ON t (plant);
CREATE UNIQUE INDEX ON t (plant, time);
ALTER TABLE t ADD PRIMARY KEY (plant, time);
ALTER TABLE t ADD UNIQUE (plant, time);
ALTER TABLE t ADD EXCLUDE (plant WITH =);
ALTER TABLE t ADD COLUMN id int PRIMARY KEY;
CREATE TABLE bad (time timestamptz PRIMARY KEY, v float8) USING tsdb WITH (tags = '', sample_interval = '1s');
CREATE TABLE bad (time timestamptz, v float8, UNIQUE (time)) USING tsdb WITH (tags = '', sample_interval = '1s');
CREATE TABLE keyed (time timestamptz PRIMARY KEY, v float8);
CREATE TABLE bad (LIKE keyed INCLUDING ALL) USING tsdb WITH (tags = '', sample_interval = '1s');
CREATE TABLE parts (time timestamptz, plant text, v float8) PARTITION BY RANGE (time);
CREATE TABLE parts1 PARTITION OF parts FOR VALUES FROM ('2024-01-01Z') TO ('2024-02-01Z') USING tsdb WITH (tags = 'plant', sample_interval = '1s');
ALTER TABLE parts ADD PRIMARY KEY (time);
CREATE INDEX ON parts (time);
-- an index of a parent without them is taken to new partitions
DROP TABLE parts1;
CREATE INDEX ON parts (time);
CREATE TABLE parts1 PARTITION OF parts FOR VALUES FROM ('2024-01-01Z') TO ('2024-02-01Z') USING tsdb WITH (tags = 'plant', sample_interval = '1s');
ALTER TABLE parts ATTACH PARTITION t DEFAULT;
DROP INDEX parts_time_idx;
CREATE TABLE parts1 PARTITION OF parts FOR VALUES FROM ('2024-01-01Z') TO ('2024-02-01Z') USING tsdb WITH (tags = 'plant', sample_interval = '1s');

-- being referenced by a foreign key
CREATE TABLE bad (a text REFERENCES t (plant));
CREATE TABLE bad (a text, FOREIGN KEY (a) REFERENCES t (plant));
ALTER TABLE keyed ADD FOREIGN KEY (time) REFERENCES t;
ALTER TABLE keyed ADD COLUMN a text REFERENCES t (plant);
CREATE TABLE bad (time timestamptz, plant text, twin text REFERENCES bad (plant)) USING tsdb WITH (tags = 'plant', sample_interval = '1s');
-- the other direction is fine
CREATE TABLE plants (name text PRIMARY KEY);
INSERT INTO plants VALUES ('a');
ALTER TABLE t ADD FOREIGN KEY (plant) REFERENCES plants;
INSERT INTO t VALUES ('2024-01-02Z', 'nosuch', 1);

-- ON CONFLICT, however it comes to the table
INSERT INTO t VALUES ('2024-01-01Z', 'a', 2) ON CONFLICT DO NOTHING;
INSERT INTO t VALUES ('2024-01-01Z', 'a', 2) ON CONFLICT (plant, time) DO UPDATE SET v = excluded.v;
EXPLAIN INSERT INTO t VALUES ('2024-01-01Z', 'a', 2) ON CONFLICT (plant, time) DO NOTHING;
WITH w AS (INSERT INTO t VALUES ('2024-01-01Z', 'a', 2) ON CONFLICT DO NOTHING RETURNING v) SELECT * FROM w;
PREPARE upsert AS INSERT INTO t VALUES ('2024-01-01Z', 'a', 2) ON CONFLICT DO NOTHING;
EXECUTE upsert;
DEALLOCATE upsert;
CREATE VIEW through AS SELECT * FROM t;
INSERT INTO through VALUES ('2024-01-01Z', 'a', 2) ON CONFLICT DO NOTHING;
CREATE TABLE ruled (time timestamptz, plant text, v float8);
CREATE RULE r AS ON INSERT TO ruled DO INSTEAD INSERT INTO t VALUES (new.time, new.plant, new.v) ON CONFLICT DO NOTHING;
INSERT INTO ruled VALUES ('2024-01-01Z', 'a', 2);
INSERT INTO parts VALUES ('2024-01-01Z', 'a', 2) ON CONFLICT DO NOTHING;
INSERT INTO keyed VALUES ('2024-01-01Z', 1) ON CONFLICT DO NOTHING;
SELECT v FROM t;

-- publications
SET client_min_messages = error;
CREATE PUBLICATION regress_p FOR TABLE t;
CREATE PUBLICATION regress_p FOR TABLE keyed;
ALTER PUBLICATION regress_p ADD TABLE t;
ALTER PUBLICATION regress_p SET TABLE t, keyed;
ALTER TABLE keyed DROP CONSTRAINT keyed_pkey;
ALTER TABLE keyed SET ACCESS METHOD tsdb, SET (tags = '', sample_interval = '1s');
DROP PUBLICATION regress_p;
CREATE PUBLICATION regress_p FOR ALL TABLES;
DROP PUBLICATION regress_p;
CREATE PUBLICATION regress_p FOR ALL TABLES;
RESET client_min_messages;
CREATE TABLE covered (time timestamptz, v float8) USING tsdb WITH (tags = '', sample_interval = '1s');
CREATE TEMP TABLE uncovered (time timestamptz, v float8) USING tsdb WITH (tags = '', sample_interval = '1s');
DROP PUBLICATION regress_p;

DROP VIEW through;
DROP TABLE t, keyed, parts, plants, ruled, covered, uncovered;

-- what is given to functions
CREATE TABLE f (time timestamptz, plant text, v float8, w float8) USING tsdb WITH (tags = 'plant', sample_interval = '1s');
INSERT INTO f VALUES (NULL, 'a', 1);
UPDATE f SET time = NULL;
INSERT INTO f VALUES ('2024-01-01Z', 'a', 1, 2);
UPDATE f SET time = NULL;
INSERT INTO f VALUES ('2024-01-01Z', repeat('x', 9000), 1);
SELECT tsdb.patch('f', $$SELECT now() AS time, 'a' AS plant, 'one' AS v$$);
SELECT tsdb.patch('f', $$SELECT now() AS time, 1 AS v$$);
SELECT tsdb.as_of(NULL::text[], now());
-- patch writes parts of rows: nobody may be there who has to see whole ones
ALTER TABLE f ADD CHECK (v < w);
SELECT tsdb.patch('f', $$SELECT timestamptz '2024-01-01Z' AS time, 'a' AS plant, 3 AS v$$);
ALTER TABLE f DROP CONSTRAINT f_check;
CREATE FUNCTION f_trigger() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
CREATE TRIGGER f_trigger AFTER INSERT ON f FOR EACH ROW EXECUTE FUNCTION f_trigger();
SELECT tsdb.patch('f', $$SELECT timestamptz '2024-01-01Z' AS time, 'a' AS plant, 3 AS v$$);
DROP TRIGGER f_trigger ON f;
CREATE ROLE regress_tsdb_patch;
GRANT SELECT, INSERT ON f TO regress_tsdb_patch;
CREATE POLICY f_policy ON f USING (plant = 'b');
ALTER TABLE f ENABLE ROW LEVEL SECURITY;
SET ROLE regress_tsdb_patch;
SELECT tsdb.patch('f', $$SELECT timestamptz '2024-01-01Z' AS time, 'a' AS plant, 3 AS v$$);
SELECT tsdb.history('f');
SELECT tsdb.as_of(NULL::f, now());
SELECT * FROM tsdb.violations('f', '{}', '2024-01-01Z', '2025-01-01Z', 'v');
SELECT count(*) FROM tsdb.series WHERE "table" = 'f'::regclass;
RESET ROLE;
REVOKE ALL ON f FROM regress_tsdb_patch;
GRANT SELECT ON f TO regress_tsdb_patch;
GRANT INSERT (time, plant, w) ON f TO regress_tsdb_patch;
ALTER TABLE f DISABLE ROW LEVEL SECURITY;
SET ROLE regress_tsdb_patch;
SELECT tsdb.patch('f', $$SELECT timestamptz '2024-01-01Z' AS time, 'a' AS plant, 3 AS v$$);
SELECT tsdb.patch('f', $$SELECT timestamptz '2024-01-01Z' AS time, 'a' AS plant, 4 AS w$$);
SELECT tsdb.overwrite('f', $$SELECT timestamptz '2024-01-01Z' AS time, 'a' AS plant, 4 AS w$$, 'x');
RESET ROLE;
TABLE f;
DROP TABLE f;
DROP FUNCTION f_trigger;
DROP ROLE regress_tsdb_patch;
