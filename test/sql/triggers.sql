-- Triggers on tsdb tables: row and statement, before and after, transition tables,
-- deferred constraint triggers, foreign keys to heap tables.
SET timezone = 'UTC';
SET datestyle = 'ISO, MDY';
CREATE TABLE tr (time timestamptz NOT NULL, tag text, v int4) USING tsdb WITH (tags = 'tag', sample_interval = '1min');

CREATE FUNCTION tell() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE NOTICE '% % %: % -> %', TG_NAME, TG_WHEN, TG_OP,
        CASE WHEN TG_OP <> 'INSERT' THEN format('%s %s %s', to_char(OLD.time, 'HH24:MI:SS'), OLD.tag, OLD.v) END,
        CASE WHEN TG_OP <> 'DELETE' THEN format('%s %s %s', to_char(NEW.time, 'HH24:MI:SS'), NEW.tag, NEW.v) END;
    RETURN CASE WHEN TG_OP = 'DELETE' THEN OLD ELSE NEW END;
END $$;
CREATE FUNCTION tell_statement() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE NOTICE '% % % statement, % rows in the table', TG_NAME, TG_WHEN, TG_OP, (SELECT count(*) FROM tr);
    RETURN NULL;
END $$;
CREATE TRIGGER b_row BEFORE INSERT OR UPDATE OR DELETE ON tr FOR EACH ROW EXECUTE FUNCTION tell();
CREATE TRIGGER a_row AFTER INSERT OR UPDATE OR DELETE ON tr FOR EACH ROW EXECUTE FUNCTION tell();
CREATE TRIGGER b_statement BEFORE INSERT OR UPDATE OR DELETE OR TRUNCATE ON tr FOR EACH STATEMENT EXECUTE FUNCTION tell_statement();
CREATE TRIGGER a_statement AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON tr FOR EACH STATEMENT EXECUTE FUNCTION tell_statement();

-- The time that is stored shows after the row is written, not before.
INSERT INTO tr VALUES ('2024-01-01 00:00:30', 'a', 1), ('2024-01-01 00:01:59', 'a', 2);
INSERT INTO tr VALUES ('2024-01-01 00:00:01', 'a', 3);
UPDATE tr SET v = v + 10 WHERE tag = 'a';
UPDATE tr SET time = time + interval '1 min' WHERE tag = 'a';
UPDATE tr SET tag = 'b' WHERE v = 13;
COPY tr FROM stdin;
2024-01-01 00:05:07	c	5
2024-01-01 00:05:08	c	6
\.
DELETE FROM tr WHERE tag = 'c';
MERGE INTO tr USING (VALUES ('b', 1), ('d', 2)) s (tag, v) ON tr.tag = s.tag
    WHEN MATCHED THEN UPDATE SET v = s.v WHEN NOT MATCHED THEN INSERT VALUES ('2024-01-02', s.tag, s.v);
TRUNCATE tr;
DROP TRIGGER b_row ON tr;
DROP TRIGGER a_row ON tr;
DROP TRIGGER b_statement ON tr;
DROP TRIGGER a_statement ON tr;

-- BEFORE triggers that change or refuse the row; one that writes the same sample.
CREATE FUNCTION adjust() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.v < 0 THEN
        RETURN NULL;
    END IF;
    NEW.time := NEW.time + interval '10 min 1 s';
    NEW.v := NEW.v * 2;
    RETURN NEW;
END $$;
CREATE TRIGGER adjust BEFORE INSERT OR UPDATE ON tr FOR EACH ROW EXECUTE FUNCTION adjust();
INSERT INTO tr VALUES ('2024-01-01', 'a', 1), ('2024-01-01', 'a', -1), ('2024-01-01 00:01', 'a', 3) RETURNING *;
UPDATE tr SET v = v + 100 WHERE v = 2 RETURNING *;
SELECT * FROM tr;
DROP TRIGGER adjust ON tr;
CREATE FUNCTION meddle() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE tr SET v = 0 WHERE tag = OLD.tag AND time = OLD.time;
    RETURN CASE WHEN TG_OP = 'DELETE' THEN OLD ELSE NEW END;
END $$;
CREATE TRIGGER meddle BEFORE DELETE ON tr FOR EACH ROW EXECUTE FUNCTION meddle();
DELETE FROM tr;
DROP TRIGGER meddle ON tr;
SELECT count(*) FROM tr;

-- Transition tables.
CREATE FUNCTION tables() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    was text;
    is_now text;
BEGIN
    IF TG_OP <> 'INSERT' THEN
        SELECT string_agg(format('%s %s %s', to_char(time, 'MI:SS'), tag, v), ', ' ORDER BY tag, time, v) INTO was FROM old_rows;
    END IF;
    IF TG_OP <> 'DELETE' THEN
        SELECT string_agg(format('%s %s %s', to_char(time, 'MI:SS'), tag, v), ', ' ORDER BY tag, time, v) INTO is_now FROM new_rows;
    END IF;
    RAISE NOTICE '%: old [%], new [%]', TG_OP, was, is_now;
    RETURN NULL;
END $$;
TRUNCATE tr;
CREATE TRIGGER i AFTER INSERT ON tr REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION tables();
CREATE TRIGGER u AFTER UPDATE ON tr REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION tables();
CREATE TRIGGER d AFTER DELETE ON tr REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION tables();
INSERT INTO tr VALUES ('2024-01-01 00:00:59', 'a', 1), ('2024-01-01 00:01:00', 'b', 2);
COPY tr FROM stdin;
2024-01-01 00:07:07	c	5
\.
UPDATE tr SET v = v * 10 WHERE v < 5;
UPDATE tr SET time = time + interval '1 min', tag = tag || '+';
DELETE FROM tr WHERE v > 5;
DELETE FROM tr WHERE v > 1000;
SELECT * FROM tr;
DROP TRIGGER i ON tr;
DROP TRIGGER u ON tr;
DROP TRIGGER d ON tr;

-- WHEN conditions; deferred constraint triggers, past savepoints and a flush.
TRUNCATE tr;
CREATE CONSTRAINT TRIGGER late AFTER INSERT OR UPDATE OR DELETE ON tr DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION tell();
CREATE TRIGGER big AFTER UPDATE ON tr FOR EACH ROW WHEN (NEW.v > OLD.v + 50) EXECUTE FUNCTION tell();
BEGIN;
INSERT INTO tr VALUES ('2024-01-01 00:00:30', 'a', 1);
SAVEPOINT s;
INSERT INTO tr VALUES ('2024-01-01 00:01:30', 'a', 2);
ROLLBACK TO s;
UPDATE tr SET v = v + 100;
DELETE FROM tr;
SELECT 'now come the deferred ones' AS commit;
COMMIT;
SET tsdb.write_buffer = '64kB';
DROP TRIGGER late ON tr;
CREATE TABLE counted (n bigint, old_sum bigint, new_sum bigint);
INSERT INTO counted VALUES (0, 0, 0);
CREATE FUNCTION add_up() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE counted SET n = n + 1, old_sum = old_sum + CASE TG_OP WHEN 'INSERT' THEN 0 ELSE OLD.v END,
        new_sum = new_sum + CASE TG_OP WHEN 'DELETE' THEN 0 ELSE NEW.v END;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER late AFTER INSERT OR UPDATE OR DELETE ON tr DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION add_up();
BEGIN;
INSERT INTO tr SELECT '2024-01-01'::timestamptz + i * interval '1 min', 'many', i FROM generate_series(1, 3000) i;
UPDATE tr SET v = -v WHERE v <= 10;
DELETE FROM tr WHERE v > 2990;
COMMIT;
SELECT n, old_sum, new_sum, (SELECT sum(v) FROM tr) FROM counted;
RESET tsdb.write_buffer;
DROP TRIGGER late ON tr;
DROP TRIGGER big ON tr;

-- A trigger on a heap table that writes to a tsdb table, and back.
CREATE TABLE current_value (tag text PRIMARY KEY, v int4);
CREATE FUNCTION log_value() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO tr VALUES ('2024-06-01'::timestamptz + NEW.v * interval '1 min', NEW.tag, NEW.v);
    RETURN NEW;
END $$;
CREATE TRIGGER log AFTER INSERT OR UPDATE ON current_value FOR EACH ROW EXECUTE FUNCTION log_value();
INSERT INTO current_value VALUES ('logged', 1);
UPDATE current_value SET v = v + 1;
UPDATE current_value SET v = v + 1;
SELECT * FROM tr WHERE tag = 'logged';

-- Foreign keys to a heap table.
CREATE TABLE sensor (name text PRIMARY KEY, note text);
INSERT INTO sensor VALUES ('s1'), ('s2'), ('s3');
CREATE TABLE sample (time timestamptz NOT NULL, sensor text REFERENCES sensor ON DELETE CASCADE ON UPDATE CASCADE, v int4) USING tsdb WITH (tags = 'sensor', sample_interval = '1s');
INSERT INTO sample VALUES ('2024-01-01', 's1', 1), ('2024-01-01', 's2', 2), ('2024-01-01', 's3', 3), ('2024-01-01', NULL, 0);
INSERT INTO sample VALUES ('2024-01-02', 's1', 4), ('2024-01-02', 'unknown', 1);
UPDATE sample SET sensor = 'unknown' WHERE v = 1;
COPY sample FROM stdin;
2024-01-02	unknown	1
\.
DELETE FROM sensor WHERE name = 's2';
UPDATE sensor SET name = 's9' WHERE name = 's3';
SELECT sensor, v FROM sample ORDER BY v;
ALTER TABLE sample DROP CONSTRAINT sample_sensor_fkey;
ALTER TABLE sample ADD CONSTRAINT fk FOREIGN KEY (sensor) REFERENCES sensor ON DELETE SET NULL DEFERRABLE INITIALLY DEFERRED;
BEGIN;
INSERT INTO sample VALUES ('2024-01-03', 'later', 5);
INSERT INTO sensor VALUES ('later');
COMMIT;
BEGIN;
INSERT INTO sample VALUES ('2024-01-04', 'never', 6);
COMMIT;
-- a row that another of the transaction replaced, or that is gone, needs no referenced row
BEGIN;
INSERT INTO sample VALUES ('2024-01-04', 'never', 6);
DELETE FROM sample WHERE sensor = 'never';
COMMIT;
DELETE FROM sensor WHERE name = 'later';
SELECT sensor, v FROM sample ORDER BY v;
ALTER TABLE sample DROP CONSTRAINT fk;
INSERT INTO sample VALUES ('2024-01-05', 'orphan', 7);
ALTER TABLE sample ADD CONSTRAINT fk FOREIGN KEY (sensor) REFERENCES sensor;
DELETE FROM sample WHERE sensor = 'orphan';
ALTER TABLE sample ADD CONSTRAINT fk FOREIGN KEY (sensor) REFERENCES sensor NOT VALID;
ALTER TABLE sample VALIDATE CONSTRAINT fk;
DELETE FROM sensor WHERE name = 's1';
DROP TABLE tr, counted, current_value, sample, sensor;
DROP FUNCTION tell, tell_statement, adjust, meddle, tables, add_up, log_value;
