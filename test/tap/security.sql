-- Row security, column and table privileges, as on a heap table.
SELECT no_plan();
SET timezone = 'UTC';
CREATE ROLE tap_reader;
CREATE ROLE tap_writer;
CREATE TABLE s (time timestamptz NOT NULL, site text NOT NULL, v int4, secret text) USING tsdb WITH (tags = 'site', sample_interval = '1s');
INSERT INTO s SELECT timestamptz '2024-01-01' + i * interval '1 s', site, i, 'key' FROM generate_series(1, 100) i, unnest(ARRAY['tap_reader', 'tap_writer', 'nobody']) site;
SELECT tsdb.compact('s');
INSERT INTO s VALUES ('2024-02-01', 'tap_reader', 1000, 'key'), ('2024-02-01', 'nobody', 1000, 'key');

-- Privileges.
SET ROLE tap_reader;
SELECT throws_ok('SELECT * FROM s', '42501', NULL, 'no right to read');
SELECT throws_ok($$INSERT INTO s VALUES ('2024-03-01', 'x', 1)$$, '42501', NULL, 'no right to insert');
SELECT throws_ok('UPDATE s SET v = 1', '42501', NULL, 'no right to update');
SELECT throws_ok('DELETE FROM s', '42501', NULL, 'no right to delete');
SELECT throws_ok('TRUNCATE s', '42501', NULL, 'no right to truncate');
SELECT throws_ok($$SELECT tsdb.compact('s')$$, '42501', NULL, 'no right to compact');
RESET ROLE;
GRANT SELECT (time, site, v), INSERT (time, site, v), UPDATE (v) ON s TO tap_reader;
SET ROLE tap_reader;
SELECT lives_ok('SELECT time, site, v FROM s', 'some columns');
SELECT is((SELECT count(*) FROM s), 302::bigint, 'count(*) needs one');
SELECT throws_ok('SELECT secret FROM s', '42501', NULL, 'not this one');
SELECT throws_ok('SELECT s FROM s', '42501', NULL, 'not the whole row');
SELECT throws_ok('SELECT v FROM s WHERE secret IS NULL', '42501', NULL, 'not in a condition');
SELECT lives_ok($$INSERT INTO s (time, site, v) VALUES ('2024-03-01', 'x', 1)$$, 'insert of some columns');
SELECT throws_ok($$INSERT INTO s VALUES ('2024-03-01', 'x', 1, 'y')$$, '42501', NULL, 'not of all');
SELECT lives_ok($$UPDATE s SET v = 2 WHERE site = 'x'$$, 'update of one');
SELECT throws_ok($$SELECT * FROM tsdb.block_columns('s')$$, '42501', NULL, 'summaries are of all columns');
SELECT throws_ok($$UPDATE s SET site = 'y' WHERE site = 'x'$$, '42501', NULL, 'not of a tag');
RESET ROLE;
DELETE FROM s WHERE site = 'x';

-- Row security.
GRANT SELECT, INSERT, UPDATE, DELETE ON s TO tap_reader, tap_writer;
ALTER TABLE s ENABLE ROW LEVEL SECURITY;
CREATE POLICY own_rows ON s USING (site = current_user) WITH CHECK (site = current_user);
CREATE POLICY all_new ON s AS RESTRICTIVE FOR UPDATE USING (v < 500);

SET ROLE tap_reader;
SELECT is((SELECT count(*) || ' ' || string_agg(DISTINCT site, ',') FROM s), '101 tap_reader', 'sees its own');
SELECT is((SELECT count(*) FROM s WHERE site = 'nobody'), 0::bigint, 'not others by name');
SELECT is((SELECT max(v) FROM s), 1000, 'nor in aggregates');
SELECT is((SELECT count(*) FROM s WHERE time >= '2024-02-01'), 1::bigint, 'nor by time');
SELECT is((SELECT count(*) FROM s WHERE tableoid = 's'::regclass AND ctid IS NOT NULL), 101::bigint, 'nor by ctid');
SELECT is((SELECT count(*) FROM s TABLESAMPLE bernoulli (100)), 101::bigint, 'nor by TABLESAMPLE');
SELECT throws_ok($$INSERT INTO s VALUES ('2024-03-01', 'nobody', 1)$$, '42501', NULL, 'no rows of others');
SELECT throws_ok($$INSERT INTO s VALUES ('2024-03-01', 'tap_reader', 1), ('2024-03-01', 'nobody', 1)$$, '42501', NULL, 'not one of them');
SELECT lives_ok($$INSERT INTO s VALUES ('2024-03-01', 'tap_reader', 1)$$, 'its own');
SELECT throws_ok($$UPDATE s SET site = 'nobody'$$, '42501', NULL, 'no row given away');
SELECT results_eq($$WITH u AS (UPDATE s SET v = v + 1 RETURNING 1) SELECT count(*) FROM u$$, 'SELECT 101::bigint', 'restrictive policy: not the big one');
SELECT results_eq($$WITH d AS (DELETE FROM s WHERE time = '2024-01-01 00:00:01' RETURNING site) SELECT string_agg(site, ',') FROM d$$, $$SELECT 'tap_reader'$$, 'deletes its own');
RESET ROLE;
SELECT is((SELECT string_agg(n::text, ',' ORDER BY site) FROM (SELECT site, count(*) AS n FROM s GROUP BY site) x), '101,101,100', 'the owner sees all');
-- What describes the table tells of hidden rows, too.
SELECT tsdb.set_series('s', '{"site": "nobody"}', description => 'of nobody', high => 50);
SET tsdb.edit_reason = 'security';
DELETE FROM s WHERE site = 'nobody' AND v = 5;
RESET tsdb.edit_reason;
SET ROLE tap_reader;
SELECT throws_ok(format('SELECT * FROM tsdb.%s(''s'')', f), '42501', 'what table "s" stores is hidden by row security', f)
    FROM unnest(ARRAY['segments', 'blocks', 'block_columns', 'runs', 'verify']) f;
SELECT throws_ok($$SELECT * FROM tsdb.violations('s', '{}', '2024-01-01', '2024-03-01', 'v')$$, '42501', NULL, 'violations');
SELECT throws_ok(format('SELECT * FROM tsdb.%s', f), '0A000', NULL, f)
    FROM unnest(ARRAY['history(''s'')', 'marks(''s'')', 'as_of(NULL::s, now())']) f;
SELECT is_empty('SELECT FROM tsdb.edits', 'edits of others');
SELECT is_empty('SELECT FROM tsdb.series', 'series');
SELECT is_empty('SELECT FROM tsdb.series_rules', 'rules');
SELECT results_eq($$SELECT DISTINCT tags FROM tsdb.interpolate_at('s', '{}', ARRAY[timestamptz '2024-01-01 00:00:10.5'], 'v')$$, $$SELECT jsonb '{"site": "tap_reader"}'$$, 'values between samples');
SELECT results_eq($$SELECT DISTINCT tags FROM tsdb.gapfill('1 day', 's', '{}', '2024-01-01', '2024-01-03', value_column => 'v')$$, $$SELECT jsonb '{"site": "tap_reader"}'$$, 'filled gaps');
SET tsdb.edit_reason = 'mine';
UPDATE s SET v = v WHERE time = '2024-01-01 00:00:07';
RESET tsdb.edit_reason;
SELECT results_eq('SELECT reason, written FROM tsdb.edits', $$SELECT 'mine', 1::bigint$$, 'edits of one''s own');
RESET ROLE;
SELECT ok((SELECT count(*) FROM tsdb.block_columns('s')) > 0 AND (SELECT count(*) FROM tsdb.edits) = 2 AND (SELECT count(*) FROM tsdb.series_rules) = 1, 'the owner is shown everything');

ALTER TABLE s FORCE ROW LEVEL SECURITY;
CREATE ROLE tap_owner;
ALTER TABLE s OWNER TO tap_owner;
SET ROLE tap_owner;
SELECT is((SELECT count(*) FROM s), 0::bigint, 'forced: not even the owner');
RESET ROLE;

-- A condition of the user's that talks is not asked about rows of others.
CREATE TABLE heard (what text);
GRANT INSERT ON heard TO PUBLIC;
CREATE FUNCTION leak(text) RETURNS boolean LANGUAGE plpgsql COST 0.0000001 AS $$ BEGIN INSERT INTO heard VALUES ($1); RETURN true; END $$;
SET ROLE tap_reader;
SELECT is((SELECT count(*) FROM s WHERE leak(site)), 101::bigint, 'own rows');
RESET ROLE;
SELECT is((SELECT string_agg(DISTINCT what, ',') FROM heard), 'tap_reader', 'no tag of another leaks');
TRUNCATE heard;
SET ROLE tap_reader;
SELECT is((SELECT count(*) FROM s WHERE leak(v::text) AND site = 'nobody'), 0::bigint, 'no rows');
RESET ROLE;
SELECT is((SELECT count(*) FROM heard), 0::bigint, 'no value of another leaks');
-- Views of the extension are barriers.
CREATE TABLE other (time timestamptz, site text) USING tsdb WITH (tags = 'site', sample_interval = '1s');
SELECT tsdb.set_series('other', '{"site": "x"}', description => 'classified');
CREATE TABLE mine (time timestamptz, site text) USING tsdb WITH (tags = 'site', sample_interval = '1s');
SELECT tsdb.set_series('mine', '{"site": "x"}', description => 'public');
GRANT SELECT ON mine TO tap_reader;
CREATE FUNCTION loud(text) RETURNS boolean STABLE LANGUAGE plpgsql COST 0.0000001 AS $$ BEGIN IF $1 = 'classified' THEN RAISE EXCEPTION 'heard %', $1; END IF; RETURN true; END $$;
SET ROLE tap_reader;
SELECT is((SELECT string_agg(description, ',') FROM tsdb.series_rules WHERE loud(description)), 'public', 'rules of other tables');
RESET ROLE;
DROP TABLE other, mine;
-- security barrier views
CREATE VIEW few WITH (security_barrier) AS SELECT * FROM s WHERE site = 'tap_writer';
GRANT SELECT ON few TO tap_reader;
ALTER TABLE s DISABLE ROW LEVEL SECURITY;
SET ROLE tap_reader;
SELECT is((SELECT count(*) FROM few WHERE leak(site)), 100::bigint, 'security barrier view');
RESET ROLE;
SELECT is((SELECT string_agg(DISTINCT what, ',') FROM heard), 'tap_writer', 'holds');
DROP VIEW few;
DROP TABLE s, heard;
DROP ROLE tap_reader, tap_writer, tap_owner;
SELECT * FROM finish();
