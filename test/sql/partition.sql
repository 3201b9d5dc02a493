-- tsdb partitions beside heap ones, inheritance, views, row movement.
SET timezone = 'UTC';
SET datestyle = 'ISO, MDY';
CREATE TABLE part (time timestamptz NOT NULL, tag text, v int4) PARTITION BY RANGE (time);
CREATE TABLE part_old PARTITION OF part FOR VALUES FROM (MINVALUE) TO ('2024-01-01') USING tsdb WITH (tags = 'tag', sample_interval = '1s');
CREATE TABLE part_2024 PARTITION OF part FOR VALUES FROM ('2024-01-01') TO ('2025-01-01') USING tsdb WITH (tags = 'tag', sample_interval = '1min');
CREATE TABLE part_new PARTITION OF part FOR VALUES FROM ('2025-01-01') TO (MAXVALUE) USING heap;
INSERT INTO part VALUES ('2023-12-31 23:59:59.9', 'a', 1), ('2024-01-01 00:00:59', 'a', 2), ('2024-12-31 23:59:59', 'a', 3), ('2025-01-01 00:00:00.5', 'a', 4), ('2024-06-01', 'b', 5)
RETURNING tableoid::regclass, *;
INSERT INTO part VALUES ('2024-01-01 00:00:01', 'a', 20), ('2025-01-01 00:00:00.5', 'a', 40);
SELECT tableoid::regclass, * FROM part ORDER BY time, v;
COPY part FROM stdin;
2023-06-01	c	6
2024-06-01	c	7
2025-06-01	c	8
\.
-- rows move between partitions of either kind
UPDATE part SET time = time + interval '1 year' WHERE tag = 'c' RETURNING tableoid::regclass, *;
UPDATE part SET time = time - interval '2 years' WHERE tag = 'c' RETURNING tableoid::regclass, *;
SELECT tableoid::regclass, * FROM part WHERE tag = 'c' ORDER BY time;
DELETE FROM part WHERE v IN (6, 8) RETURNING tableoid::regclass, *;
MERGE INTO part USING (VALUES ('2024-06-01'::timestamptz, 'b', 50), ('2025-02-01', 'd', 60), ('2023-02-01', 'd', 70)) s (time, tag, v) ON part.time = s.time AND part.tag = s.tag
    WHEN MATCHED THEN UPDATE SET v = s.v WHEN NOT MATCHED THEN INSERT VALUES (s.time, s.tag, s.v);
SELECT tableoid::regclass, * FROM part ORDER BY time, v;
-- row triggers of the parent; a trigger that sees the stored time
CREATE FUNCTION tell() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE NOTICE '% % %', TG_TABLE_NAME, TG_OP, CASE WHEN TG_OP = 'DELETE' THEN OLD ELSE NEW END;
    RETURN NULL;
END $$;
CREATE TRIGGER tell AFTER INSERT OR UPDATE OR DELETE ON part FOR EACH ROW EXECUTE FUNCTION tell();
INSERT INTO part VALUES ('2024-03-01 00:00:30', 'e', 1), ('2025-03-01 00:00:30', 'e', 2);
UPDATE part SET time = time + interval '1 year' WHERE tag = 'e' AND v = 1;
DROP TRIGGER tell ON part;
SELECT count(*), sum(v), min(time), max(time) FROM part WHERE time >= '2024-01-01' AND time < '2025-01-01';
EXPLAIN (COSTS OFF) SELECT * FROM part WHERE time < '2023-06-01';
-- attach, detach, truncate, defaults
CREATE TABLE loose (time timestamptz NOT NULL, tag text, v int4) USING tsdb WITH (tags = 'tag', sample_interval = '1s');
INSERT INTO loose VALUES ('2024-07-01', 'z', 1);
ALTER TABLE part DETACH PARTITION part_2024;
ALTER TABLE part ATTACH PARTITION loose FOR VALUES FROM ('2024-01-01') TO ('2024-07-01');
ALTER TABLE part ATTACH PARTITION loose FOR VALUES FROM ('2024-01-01') TO ('2025-01-01');
INSERT INTO part VALUES ('2024-07-02', 'z', 2);
SELECT tableoid::regclass, * FROM part WHERE tag = 'z' ORDER BY time;
SELECT tsdb.compact('loose');
SELECT tableoid::regclass, * FROM part WHERE tag = 'z' ORDER BY time;
TRUNCATE part;
SELECT count(*) FROM part;
SELECT count(*) FROM part_2024;
-- a grid that the bound is not on: the stored time would lie in another partition
CREATE TABLE part_list (time timestamptz NOT NULL, tag text, v int4) PARTITION BY LIST (tag);
CREATE TABLE part_list_a PARTITION OF part_list FOR VALUES IN ('a', NULL) USING tsdb WITH (tags = 'tag', sample_interval = '1s');
CREATE TABLE part_list_rest PARTITION OF part_list DEFAULT USING tsdb WITH (tags = 'tag', sample_interval = '1s');
INSERT INTO part_list VALUES ('2024-01-01', 'a', 1), ('2024-01-01', NULL, 2), ('2024-01-01', 'q', 3);
UPDATE part_list SET tag = CASE tag WHEN 'a' THEN 'q' WHEN 'q' THEN 'a' END WHERE tag IS NOT NULL;
SELECT tableoid::regclass, * FROM part_list ORDER BY v;

-- Inheritance.
CREATE TABLE base (time timestamptz NOT NULL, v int4);
CREATE TABLE derived (tag text) INHERITS (base) USING tsdb WITH (tags = 'tag', sample_interval = '1s');
INSERT INTO base VALUES ('2024-01-01', 1);
INSERT INTO derived VALUES ('2024-01-01 00:00:00.5', 2, 'a');
UPDATE base SET v = v + 10;
SELECT tableoid::regclass, * FROM base ORDER BY v;
DELETE FROM base WHERE v = 12 RETURNING tableoid::regclass, *;
ALTER TABLE base ADD COLUMN w float8 DEFAULT 0.5;
INSERT INTO derived VALUES ('2024-01-02', 3, 'a', 1);
SELECT tableoid::regclass, * FROM base ORDER BY v;

-- Views that can be written to.
CREATE VIEW of_a AS SELECT time, v FROM part_list_a WHERE tag = 'a' WITH CHECK OPTION;
INSERT INTO of_a VALUES ('2024-01-05', 5);
CREATE VIEW with_tag AS SELECT * FROM part_list_a WHERE v > 0 WITH CHECK OPTION;
INSERT INTO with_tag VALUES ('2024-01-05 00:00:00.7', 'a', 5) RETURNING *;
INSERT INTO with_tag VALUES ('2024-01-05', 'a', -5);
UPDATE with_tag SET v = v * 2 WHERE tag = 'a' RETURNING *;
UPDATE of_a SET v = v + 1 RETURNING *;
DELETE FROM of_a WHERE v > 10;
SELECT * FROM part_list_a ORDER BY time, v;
CREATE MATERIALIZED VIEW daily AS SELECT date_trunc('day', time) AS day, sum(v) FROM part_list GROUP BY 1;
INSERT INTO part_list VALUES ('2024-01-09', 'a', 9);
REFRESH MATERIALIZED VIEW daily;
SELECT * FROM daily ORDER BY day;
DROP TABLE part, part_2024, part_list, base CASCADE;
DROP FUNCTION tell;
