-- Edits: what is written under a reason is on record, is marked, and can be undone.
\set SHOW_CONTEXT never
SET timezone = 'UTC';
CREATE TABLE edited (time timestamptz NOT NULL, sensor text, v float8, note text, quality tsdb.quality) USING tsdb WITH (tags = 'sensor', sample_interval = '1s');
INSERT INTO edited SELECT timestamptz '2024-01-01Z' + i * interval '1 min', 's' || i % 2, i, 'n' || i FROM generate_series(1, 10) i;
SELECT tsdb.compact('edited');
CREATE TABLE original AS SELECT * FROM edited;
CREATE VIEW journal AS SELECT id - (SELECT min(id) FROM tsdb.edits) + 1 AS id, kind, "table", series, from_time, until_time, written, skipped, reason,
    role = current_user AS own, at <= now() AS past, undoes - (SELECT min(id) FROM tsdb.edits) + 1 AS undoes, undone_by - (SELECT min(id) FROM tsdb.edits) + 1 AS undone_by FROM tsdb.edits;
-- Nothing is journaled without a reason.
UPDATE edited SET v = v WHERE sensor = 's0';
SELECT count(*) FROM tsdb.edits;

-- Plain SQL, one edit per statement.
BEGIN;
SET LOCAL tsdb.edit_reason = 'calibration';
UPDATE edited SET v = v + 100 WHERE sensor = 's1' AND time < '2024-01-01 00:06Z';
DELETE FROM edited WHERE time = '2024-01-01 00:02Z';
INSERT INTO edited VALUES ('2024-01-01 00:00:30Z', 's1', 77, 'x'), ('2024-01-01 00:03Z', 's1', 33, 'y');
SAVEPOINT a;
DELETE FROM edited;
ROLLBACK TO a;
COPY edited (time, sensor, v) FROM stdin WITH (DELIMITER ',');
2024-01-01 00:20:00Z,s2,20
2024-01-01 00:20:00Z,s2,21
\.
SELECT tsdb.patch('edited', $$SELECT timestamptz '2024-01-01 00:09Z' AS time, 's1' AS sensor, tsdb.quality('bad_sensor_failure') AS quality$$);
MERGE INTO edited e USING (VALUES (timestamptz '2024-01-01 00:04Z', 4)) AS s (time, v) ON e.time = s.time WHEN MATCHED THEN UPDATE SET v = 44;
DO $$ BEGIN UPDATE edited SET note = 'in a block' WHERE time = '2024-01-01 00:08Z'; END $$;
-- A row that moves: gone from one place, new in another.
UPDATE edited SET time = time + interval '1 hour' WHERE time = '2024-01-01 00:10Z';
COMMIT;
SELECT * FROM journal ORDER BY id;
SELECT tags, time, edit - (SELECT min(id) FROM tsdb.edits) + 1 AS edit, kind, old_row - '{time,sensor}'::text[] AS old_row, new_row - '{time,sensor}'::text[] AS new_row, reason FROM tsdb.history('edited');
SELECT tags, time, mark FROM tsdb.marks('edited');
SELECT tags, time, mark FROM tsdb.marks('edited', '{"sensor": "s0"}', '2024-01-01 00:03Z', '2024-01-01 00:09Z');
-- The table as it was.
SELECT count(*) FROM (TABLE original EXCEPT SELECT * FROM tsdb.as_of(NULL::edited, (SELECT min(at) FROM tsdb.edits) - interval '1 us')) x;
SELECT count(*) FROM (SELECT * FROM tsdb.as_of(NULL::edited, (SELECT min(at) FROM tsdb.edits) - interval '1 us') EXCEPT TABLE original) x;
SELECT count(*) FROM (SELECT * FROM tsdb.as_of(NULL::edited, now()) EXCEPT TABLE edited) x;
SELECT count(*), sum(v) FROM tsdb.as_of('edited', now()) AS x (time timestamptz, sensor text, v float8, note text, quality tsdb.quality);
SELECT count(*), sum(v) FROM tsdb.as_of('edited', '2100-01-01 08:00') AS x (time timestamptz, sensor text, v float8, note text, quality tsdb.quality);
SELECT count(*), sum(v) FROM tsdb.as_of('edited'::regclass, now()) AS x (time timestamptz, sensor text, v float8, note text, quality tsdb.quality);

-- The four functions.
SELECT tsdb.backfill('edited', $$SELECT timestamptz '2024-01-01Z' + i * interval '1 min' AS time, 's' || i % 2 AS sensor, -i AS v FROM generate_series(5, 12) i;$$, 'found a logger') > 0 AS done;
SELECT tsdb.overwrite('edited', $$SELECT timestamptz '2024-01-01 00:11Z' AS time, 's1' AS sensor, 0.5 AS v$$, 'typo') > 0 AS done;
SELECT tsdb.mark_deleted('edited', '{"sensor": "s0"}', '-infinity', '2024-01-01 00:07Z', 'wrong sensor') > 0 AS done;
SELECT tsdb.backfill('edited', $$SELECT time, sensor FROM edited WHERE false$$, 'nothing') > 0 AS done;
SELECT * FROM journal WHERE id > 8 ORDER BY id;
SELECT * FROM edited ORDER BY sensor, time;
SELECT tags, time, mark FROM tsdb.marks('edited');

-- Undo: the last first; then everything is as it was.
CREATE FUNCTION nth(n int8) RETURNS int8 LANGUAGE sql AS 'SELECT min(id) + n - 1 FROM tsdb.edits';
\set VERBOSITY terse
DO $$ BEGIN PERFORM tsdb.undo(nth(10), 'too early'); EXCEPTION WHEN OTHERS THEN RAISE NOTICE '%', regexp_replace(SQLERRM, '[0-9]+', 'N', 'g'); END $$;
DO $$ DECLARE e int8; BEGIN FOR e IN SELECT id FROM tsdb.edits ORDER BY id DESC LOOP PERFORM tsdb.undo(e, 'all back'); END LOOP; END $$;
SELECT count(*) FROM (TABLE original EXCEPT TABLE edited) x;
SELECT count(*) FROM (TABLE edited EXCEPT TABLE original) x;
SELECT count(*) FROM tsdb.marks('edited');
DO $$ BEGIN PERFORM tsdb.undo(nth(1), 'again'); EXCEPTION WHEN OTHERS THEN RAISE NOTICE '%', regexp_replace(SQLERRM, '[0-9]+', 'N', 'g'); END $$;
SELECT tsdb.undo(-1, 'no such edit');
-- Redo the first of them, then a write without a reason is in the way.
SELECT tsdb.undo(undone_by, 'redo') > 0 AS done FROM tsdb.edits WHERE id = nth(1);
SELECT tags, time, mark FROM tsdb.marks('edited');
SELECT undone_by IS NULL AS in_force FROM tsdb.edits WHERE id = nth(1);
UPDATE edited SET v = 0 WHERE time = '2024-01-01 00:03Z';
DO $$ BEGIN PERFORM tsdb.undo(nth(1), 'too late'); EXCEPTION WHEN OTHERS THEN RAISE NOTICE '%', regexp_replace(SQLERRM, '[0-9]+', 'N', 'g'); END $$;

-- What is refused.
SELECT tsdb.overwrite('edited', 'SELECT 1', 'x');
SELECT tsdb.overwrite('edited', 'DELETE FROM edited', 'x');
SELECT tsdb.overwrite('edited', $$SELECT now() AS time, 1 AS v$$, 'x');
SELECT tsdb.overwrite('edited', $$SELECT now() AS time, 's1' AS sensor, 1 AS nosuch$$, 'x');
SELECT tsdb.backfill('edited', $$SELECT now() AS time, 's1' AS sensor$$, ' ');
SELECT tsdb.mark_deleted('edited', '{"plant": "a"}', '-infinity', 'infinity', 'x');
SELECT tsdb.mark_deleted('edited', '[1]', '-infinity', 'infinity', 'x');
SELECT tsdb.mark_deleted('edited', '{}', 'infinity', '-infinity', 'x');
SELECT tsdb.history('original');
SELECT tsdb.as_of(1, now());
BEGIN;
SET LOCAL tsdb.edit_reason = 'no';
TRUNCATE edited;
ROLLBACK;
CREATE TEMP TABLE passing (time timestamptz, v int4) USING tsdb WITH (tags = '', sample_interval = '1s');
SELECT tsdb.overwrite('passing', 'SELECT now() AS time', 'x');

-- Columns come, go, and change name and type; so do tags.
CREATE TABLE shape (time timestamptz, "Tag" int4, a int4, b text, c float4) USING tsdb WITH (tags = '"Tag"', sample_interval = '1s');
INSERT INTO shape SELECT timestamptz '2024-01-01Z' + i * interval '1 s', i % 2, i, 'b' || i, i / 2.0 FROM generate_series(0, 5) i;
SELECT tsdb.mark_deleted('shape', '{"Tag": 1}', '2024-01-01Z', '2025-01-01Z', 'shapes') AS edit \gset
ALTER TABLE shape RENAME COLUMN a TO aa;
ALTER TABLE shape RENAME COLUMN "Tag" TO label;
ALTER TABLE shape DROP COLUMN b, ADD COLUMN d int4 DEFAULT 7;
ALTER TABLE shape ALTER COLUMN aa TYPE text;
ALTER TABLE shape ADD COLUMN unit text, SET (tags = 'label,unit');
SELECT tags, time, old_row FROM tsdb.history('shape');
SELECT tsdb.undo(:edit, 'back') > 0 AS done;
SELECT * FROM shape ORDER BY time;
SELECT count(*) FROM tsdb.edit_column WHERE relation = 'shape'::regclass AND name IS NULL;
-- The table goes, and its history with it.
DROP TABLE shape;
SELECT count(*) FROM tsdb.edit WHERE id >= :edit;
SELECT count(*) FROM tsdb.edit_image WHERE edit >= :edit;

-- Tables that need a reason.
CREATE TABLE strict (time timestamptz, v int4) USING tsdb WITH (tags = '', sample_interval = '1s', require_reason = true, edit_horizon = '2 days');
-- The first load is free.
INSERT INTO strict SELECT timestamptz '2024-01-01Z' + i * interval '1 s', i FROM generate_series(1, 1000) i;
\set VERBOSITY default
DO $$ BEGIN INSERT INTO strict VALUES ('2024-01-01Z', 0); EXCEPTION WHEN restrict_violation THEN RAISE NOTICE '%', SQLERRM; END $$;
DO $$ BEGIN UPDATE strict SET v = 0 WHERE v = 5; EXCEPTION WHEN restrict_violation THEN RAISE NOTICE '%', SQLERRM; END $$;
DO $$ BEGIN DELETE FROM strict; EXCEPTION WHEN restrict_violation THEN RAISE NOTICE '%', SQLERRM; END $$;
DO $$ BEGIN PERFORM tsdb.patch('strict', $q$SELECT timestamptz '2024-01-01Z' AS time, 1 AS v$q$); EXCEPTION WHEN restrict_violation THEN RAISE NOTICE '%', SQLERRM; END $$;
TRUNCATE strict;
INSERT INTO strict SELECT now() - interval '1 day', -1;
SELECT tsdb.overwrite('strict', $$SELECT timestamptz '2024-01-01Z' AS time, 1 AS v$$, 'said why') > 0 AS done;
BEGIN;
SET LOCAL tsdb.edit_reason = 'said why';
UPDATE strict SET v = 0 WHERE v = 5;
COMMIT;
SELECT kind, written, reason FROM tsdb.edits WHERE "table" = 'strict'::regclass ORDER BY id;
ALTER TABLE strict SET (require_reason = false);
DELETE FROM strict WHERE v = 6;
ALTER TABLE strict SET (require_reason = perhaps);
ALTER TABLE strict SET (edit_horizon = '-1 day');

-- Rights.
CREATE ROLE tsdb_edit_reader;
CREATE ROLE tsdb_edit_writer;
GRANT SELECT ON edited TO tsdb_edit_reader;
GRANT SELECT, INSERT ON edited TO tsdb_edit_writer;
SET ROLE tsdb_edit_reader;
SELECT count(*) > 0 AS sees FROM tsdb.edits;
SELECT count(*) > 0 AS sees FROM tsdb.edits WHERE "table" <> 'edited'::regclass;
SELECT count(*) > 0 AS sees FROM tsdb.history('edited');
SELECT tsdb.backfill('edited', $$SELECT now() AS time, 's1' AS sensor$$, 'x');
SELECT tsdb.mark_deleted('edited', '{}', '-infinity', 'infinity', 'x');
SELECT * FROM tsdb.edit;
SELECT * FROM tsdb.history('strict');
SET ROLE tsdb_edit_writer;
SELECT tsdb.backfill('edited', $$SELECT timestamptz '2030-01-01Z' AS time, 's9' AS sensor$$, 'mine') AS edit \gset
SELECT role FROM tsdb.edits WHERE id = :edit;
SELECT tsdb.overwrite('edited', $$SELECT now() AS time, 's1' AS sensor$$, 'x');
SELECT tsdb.undo(:edit, 'x');
RESET ROLE;
SELECT tsdb.undo(:edit, 'x') > 0 AS done;
ALTER TABLE edited ENABLE ROW LEVEL SECURITY;
CREATE POLICY mine ON edited USING (sensor = 's1') WITH CHECK (sensor = 's1');
GRANT UPDATE, DELETE ON edited TO tsdb_edit_writer;
SET ROLE tsdb_edit_writer;
SELECT tsdb.history('edited');
SELECT tsdb.overwrite('edited', $$SELECT timestamptz '2030-01-01Z' AS time, 's9' AS sensor$$, 'x');
SELECT tsdb.mark_deleted('edited', '{}', '-infinity', 'infinity', 'mine only') > 0 AS done;
SELECT tsdb.undo(:edit, 'x');
RESET ROLE;
SELECT DISTINCT sensor FROM edited ORDER BY 1;

-- Triggers.
CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE NOTICE '% %', TG_WHEN, TG_OP; RETURN NEW; END $$;
CREATE TRIGGER after AFTER INSERT ON original FOR EACH ROW EXECUTE FUNCTION note();
CREATE TABLE triggered (time timestamptz, v int4) USING tsdb WITH (tags = '', sample_interval = '1s');
CREATE TRIGGER before BEFORE INSERT ON triggered FOR EACH ROW EXECUTE FUNCTION note();
SELECT tsdb.backfill('triggered', $$SELECT timestamptz '2024-01-01Z' AS time, 1 AS v$$, 'x') AS edit \gset
SELECT tsdb.undo(:edit, 'x');
ALTER TABLE triggered DISABLE TRIGGER before;
SELECT tsdb.undo(:edit, 'x') > 0 AS done;
CREATE TRIGGER after AFTER INSERT ON triggered FOR EACH ROW EXECUTE FUNCTION note();
SELECT tsdb.backfill('triggered', $$SELECT timestamptz '2024-01-01Z' AS time, 1 AS v$$, 'x');
SELECT tsdb.overwrite('triggered', $$SELECT timestamptz '2024-01-01Z' AS time, 1 AS v$$, 'x') > 0 AS done;

-- A statement that overflows the buffer is one edit all the same.
SET tsdb.write_buffer = '64kB';
CREATE TABLE big (time timestamptz, tag int4, v int4) USING tsdb WITH (tags = 'tag', sample_interval = '1s');
INSERT INTO big SELECT timestamptz '2024-01-01Z' + i * interval '1 s', i % 3, i FROM generate_series(1, 30000) i;
SELECT tsdb.compact('big');
SELECT tsdb.overwrite('big', $$SELECT timestamptz '2024-01-01Z' + i % 20000 * interval '1 s' AS time, i % 20000 % 3 AS tag, -i AS v FROM generate_series(1, 40000) i$$, 'big') AS edit \gset
SELECT count(DISTINCT edit) AS edits, count(*) > 3 AS several FROM tsdb.edit_image WHERE edit = :edit;
SELECT count(*), count(old_row), sum((new_row ->> 'v')::int4) FROM tsdb.history('big');
SELECT mark, count(*) FROM tsdb.marks('big') GROUP BY 1 ORDER BY 1;
SELECT tsdb.undo(:edit, 'back') > 0 AS done;
SELECT count(*), sum(v) FROM big;
SELECT tsdb.backfill('big', $$SELECT timestamptz '2024-01-01Z' + i * interval '1 s' AS time, i % 3 AS tag, -i AS v FROM generate_series(20001, 60000) i ORDER BY hashint4(i)$$, 'big') AS edit \gset
SELECT written, skipped FROM tsdb.edits WHERE id = :edit;
SELECT count(*), sum(v) FROM big;
SELECT tsdb.undo(:edit, 'back') > 0 AS done;
SELECT count(*), sum(v) FROM big;
RESET tsdb.write_buffer;

-- Whole blocks go and come back as they are: cut by the range, touched by a run, under another type, over a second deletion.
CREATE TABLE blocks (time timestamptz NOT NULL, sensor int4, v float8, note text, quality tsdb.quality) USING tsdb WITH (tags = 'sensor', sample_interval = '1s');
INSERT INTO blocks SELECT timestamptz '2024-01-01Z' + i * interval '1 min', s, round((20 + 5 * sin(i / 200.0) + s)::numeric, 1), CASE WHEN i % 100 = 0 THEN 'n' || i END, CASE WHEN i % 1000 = 0 THEN 1073741824 ELSE 0 END
FROM generate_series(0, 40000) i, generate_series(1, 3) s;
SELECT tsdb.compact('blocks');
INSERT INTO blocks SELECT timestamptz '2024-01-03Z' + i * interval '1 min', 2, -1 FROM generate_series(0, 1000) i;
CREATE VIEW fingerprint AS SELECT count(*), md5(string_agg(concat_ws('|', time, sensor, v, coalesce(note, '~'), quality::int4), ',' ORDER BY sensor, time)) FROM blocks;
SELECT count AS count, md5 FROM fingerprint \gset
SELECT tsdb.mark_deleted('blocks', '{"sensor": 2}', '2024-01-02 12:34:30Z', '2024-01-20Z', 'range') AS edit \gset
SELECT form, sum(samples) FROM tsdb.edit_image WHERE edit = :edit GROUP BY 1 ORDER BY 1;
SELECT count(*), min(time), max(time) FROM tsdb.marks('blocks') WHERE mark = 'deleted';
SELECT count(*), sum((old_row ->> 'v')::numeric) FROM tsdb.history('blocks', '{}', '2024-01-05Z', '2024-01-06Z');
SELECT count(*) FROM blocks WHERE sensor = 2;
SELECT md5(string_agg(concat_ws('|', time, sensor, v, coalesce(note, '~'), quality::int4), ',' ORDER BY sensor, time)) = :'md5' AS same FROM tsdb.as_of(NULL::blocks, (SELECT min(at) FROM tsdb.edits WHERE id = :edit) - interval '1 us');
SELECT tsdb.mark_deleted('blocks', '{}', '2024-01-10Z', '2024-01-11Z', 'a day more') AS other \gset
SELECT tsdb.undo(:edit, 'back') AS undo \gset
SELECT count(*) FROM tsdb.marks('blocks');
SELECT tsdb.undo(:undo, 'redo') AS redo \gset
SELECT count(*) FROM blocks WHERE sensor = 2;
SELECT tsdb.undo(:redo, 'back again') > 0 AS done;
INSERT INTO blocks VALUES ('2024-01-10 12:00Z', 1, 1);
DO $$ BEGIN PERFORM tsdb.undo(max(id), 'in the way') FROM tsdb.edits WHERE reason = 'a day more'; EXCEPTION WHEN object_not_in_prerequisite_state THEN RAISE NOTICE '%', regexp_replace(SQLERRM, '[0-9]+', 'N', 'g'); END $$;
DELETE FROM blocks WHERE time = '2024-01-10 12:00Z' AND sensor = 1;
DROP VIEW fingerprint;
ALTER TABLE blocks ALTER COLUMN v TYPE text;
CREATE VIEW fingerprint AS SELECT count(*), md5(string_agg(concat_ws('|', time, sensor, v, coalesce(note, '~'), quality::int4), ',' ORDER BY sensor, time)) FROM blocks;
SELECT tsdb.undo(:other, 'converted') > 0 AS done;
SELECT count = :count AND md5 = :'md5' AS same FROM fingerprint;
SELECT tsdb.compact('blocks');
SELECT count = :count AND md5 = :'md5' AS same FROM fingerprint;
SELECT * FROM tsdb.verify('blocks');
DROP VIEW fingerprint;

-- What a function writes is an edit too; it is over with the savepoint or the transaction.
BEGIN;
SET LOCAL tsdb.edit_reason = 'by a function';
SAVEPOINT a;
INSERT INTO blocks (time, sensor) VALUES ('2024-01-11 12:00Z', 1);
SELECT tsdb_test.range_delete('blocks', NULL, '2024-01-11 12:00Z', '2024-01-11 12:01Z');
RELEASE a;
SELECT tsdb_test.range_delete('blocks', NULL, '2024-01-11 12:00Z', '2024-01-11 12:01Z');
COMMIT;
SELECT kind, written FROM tsdb.edits WHERE reason = 'by a function' ORDER BY id;

-- A backfill leaves alone what the same transaction has written before, whether with a reason or without.
BEGIN;
INSERT INTO blocks (time, sensor, note) VALUES ('2031-01-12 12:00Z', 1, 'first'), ('2031-01-12 12:01Z', 1, 'first');
SAVEPOINT a;
INSERT INTO blocks (time, sensor, note) VALUES ('2031-01-12 12:02Z', 1, 'second');
SELECT tsdb.backfill('blocks', $$SELECT timestamptz '2031-01-12 12:00Z' + i * interval '1 min' AS time, 1 AS sensor, 'filled' AS note FROM generate_series(0, 3) i$$, 'same transaction') > 0 AS done;
RELEASE a;
COMMIT;
SELECT time, note FROM blocks WHERE time >= '2031-01-12Z' AND sensor = 1 ORDER BY time;
SELECT written, skipped FROM tsdb.edits WHERE reason = 'same transaction';

-- Series whose other samples lie at another time are not searched once for each.
CREATE TABLE many(time timestamptz NOT NULL, sensor int4 NOT NULL, value float8) USING tsdb WITH (tags = 'sensor', sample_interval = '1s');
INSERT INTO many SELECT '2024-01-01Z', s, s FROM generate_series(1, 200) s;
SELECT tsdb.compact('many');
BEGIN;
SELECT tsdb.backfill('many', $$SELECT timestamptz '2024-01-02Z' AS time, s AS sensor, s::float8 AS value FROM generate_series(1, 200) s$$, 'late') > 0 AS done;
SELECT sum(idx_scan) < 2000 AS is_linear FROM pg_stat_xact_all_tables WHERE relid = (SELECT reltoastrelid FROM pg_class WHERE oid = 'many'::regclass);
COMMIT;

DROP VIEW journal;
DROP FUNCTION nth;
DROP TABLE many, edited, original, strict, triggered, big, blocks;
DROP FUNCTION note;
DROP ROLE tsdb_edit_reader, tsdb_edit_writer;
SELECT count(*) FROM tsdb.edit, tsdb.edit_image, tsdb.edit_column;
