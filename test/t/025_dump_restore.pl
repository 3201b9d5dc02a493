# pg_dump and pg_restore in every format: options, rows, types, partitions, dropped and added columns.
use strict;
use warnings;
use FindBin;
use lib $FindBin::RealBin;
use DurabilityKit;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = node_new('source', '');
$node->safe_psql('postgres', q{CREATE DATABASE plant});
$node->safe_psql('plant', 'CREATE EXTENSION tsdb');
$node->safe_psql('plant', <<'SQL');
CREATE TABLE m (time timestamptz NOT NULL, sensor int4, v float8, note text, quality tsdb.quality)
    USING tsdb WITH (tags = 'sensor', sample_interval = '1s', block_interval = '1h', compression = 'small', retention = '100 years', compact_after = '2h', fillfactor = 90);
CREATE TABLE h (LIKE m, UNIQUE (sensor, time)) USING heap;
COMMENT ON TABLE m IS 'a table';
COMMENT ON COLUMN m.v IS 'a column';
-- Every type; odd names; a tag that is an expression's delight.
CREATE SCHEMA "Odd schema";
CREATE TABLE "Odd schema"."Mixed, case" ("The time" timestamptz, "a,b" text, "q""x" varchar(9), f8 float8, f4 float4, i2 int2, i4 int4, i8 int8, b bool, t text, at timestamptz, d date, f8_quality tsdb.quality)
    USING tsdb WITH (tags = '"a,b","q""x"', sample_interval = '1us', time_column = '"The time"');
INSERT INTO "Odd schema"."Mixed, case" SELECT timestamptz '1969-12-31Z' + i * interval '1234567 us', 'x' || i % 3, CASE WHEN i % 2 = 0 THEN 'y' END,
    CASE i % 5 WHEN 0 THEN 'NaN' WHEN 1 THEN '-0' WHEN 2 THEN 'infinity' WHEN 3 THEN 1e-300 * i END, i / 7.0::float4, i % 30000, -i, i::int8 * 10000000000, i % 2 = 0,
    CASE WHEN i % 4 = 0 THEN E'tab\t\\ "' || i || E'\n' END, timestamptz '2000-01-01Z' + i * interval '1 h', date '2000-01-01' + i, CASE WHEN i % 9 = 0 THEN 1073741824 ELSE 0 END
FROM generate_series(1, 5000) i;
-- Columns come and go.
CREATE TABLE changed (gone int4, time timestamptz NOT NULL, tag text, also_gone text, v float8) USING tsdb WITH (tags = 'tag', sample_interval = '10s');
INSERT INTO changed SELECT i, timestamptz '2024-01-01Z' + i * interval '10 s', 't' || i % 3, 'x', i FROM generate_series(1, 2000) i;
SELECT tsdb.compact('changed');
ALTER TABLE changed DROP COLUMN gone, DROP COLUMN also_gone, ADD COLUMN w int8 DEFAULT 42, ADD COLUMN word text DEFAULT 'unset', ADD COLUMN plain float4;
INSERT INTO changed SELECT timestamptz '2024-02-01Z' + i * interval '10 s', 't' || i % 3, i, i, 'set', i FROM generate_series(1, 500) i;
ALTER TABLE changed RENAME COLUMN tag TO label;
-- No tags; unlogged; a materialized view; partitions, one of them heap.
CREATE TABLE single (time timestamptz, v int4) USING tsdb WITH (tags = '', sample_interval = '1d');
INSERT INTO single SELECT timestamptz '1900-01-01Z' + i * interval '1 day', i FROM generate_series(1, 1000) i;
CREATE UNLOGGED TABLE unlogged (time timestamptz, v int4) USING tsdb WITH (tags = '', sample_interval = '1d');
INSERT INTO unlogged SELECT * FROM single LIMIT 10;
CREATE MATERIALIZED VIEW hourly USING tsdb WITH (tags = 'label', sample_interval = '1h') AS SELECT date_trunc('hour', time, 'UTC') AS time, label, avg(v) AS v FROM changed GROUP BY 1, 2;
CREATE TABLE parts (time timestamptz NOT NULL, tag int4, v float8) PARTITION BY RANGE (time);
CREATE TABLE parts_2023 PARTITION OF parts FOR VALUES FROM ('2023-01-01Z') TO ('2024-01-01Z') USING tsdb WITH (tags = 'tag', sample_interval = '1m');
CREATE TABLE parts_2024 PARTITION OF parts FOR VALUES FROM ('2024-01-01Z') TO ('2025-01-01Z') USING tsdb WITH (tags = 'tag', sample_interval = '1s');
CREATE TABLE parts_new PARTITION OF parts DEFAULT USING heap;
INSERT INTO parts SELECT timestamptz '2023-12-01Z' + i * interval '1 hour', i % 4, i FROM generate_series(1, 12000) i;
CREATE TABLE child (extra int4) INHERITS (single) USING tsdb WITH (tags = '', sample_interval = '1d');
INSERT INTO child VALUES ('1800-01-01Z', 1, 2);
-- What series know of themselves; rules of tables that are gone, or temporary, stay behind.
SELECT tsdb.set_series('m', '{}', unit => 'K', low => -1), tsdb.set_series('m', '{"sensor": 2}', timezone => 'Asia/Kathmandu', description => E'a\ttab');
SELECT tsdb.set_series('"Odd schema"."Mixed, case"', '{"a,b": "x1"}', high => 'Infinity', stepped => true), tsdb.set_series('parts', '{}', unit => 'bar');
CREATE TEMP TABLE passing (time timestamptz NOT NULL, tag text) USING tsdb WITH (tags = 'tag', sample_interval = '1s');
SELECT tsdb.set_series('passing', '{}', unit => 'K');
-- Row triggers, a foreign key, row security, privileges.
CREATE TABLE sensors (id int4 PRIMARY KEY);
INSERT INTO sensors SELECT generate_series(0, 100);
CREATE TABLE guarded (time timestamptz, id int4 REFERENCES sensors, v float8 CHECK (v < 1000), twice float8 GENERATED ALWAYS AS (v * 2) STORED) USING tsdb WITH (tags = 'id', sample_interval = '1s');
INSERT INTO guarded SELECT timestamptz '2024-01-01Z' + i * interval '1 s', i % 100, i % 1000 FROM generate_series(1, 3000) i;
ALTER TABLE guarded ENABLE ROW LEVEL SECURITY;
CREATE POLICY half ON guarded FOR SELECT USING (id < 50);
GRANT SELECT (v) ON guarded TO PUBLIC;
SQL
$node->safe_psql('plant', twins_write('1, 2, 3', 0, 4000, 1));
$node->safe_psql('plant', q{SELECT tsdb.compact('m')});
$node->safe_psql('plant', twins_write('2', 100, 900, 2));
$node->safe_psql('plant', q{BEGIN; DELETE FROM m WHERE sensor = 1 AND time < '2024-01-01 03:00Z'; DELETE FROM h WHERE sensor = 1 AND time < '2024-01-01 03:00Z'; COMMIT});

# Edits: a tag and a column whose text depends on settings, a renamed column, a dropped one.
$node->safe_psql('plant', <<'SQL');
CREATE TABLE "Odd schema".edited (time timestamptz NOT NULL, since date, ratio float8, v float8, gone int4, t text) USING tsdb WITH (tags = 'since,ratio', sample_interval = '1s', require_reason = true, edit_horizon = '1h');
INSERT INTO "Odd schema".edited SELECT timestamptz '2024-01-01Z' + i * interval '1 s', date '2024-02-03' + i % 3, CASE WHEN i % 4 > 0 THEN 1.0 / (i % 4 * 3) END, i / 7.0, i, repeat('x', i % 30) FROM generate_series(1, 5000) i;
SET datestyle = 'German';
BEGIN; SET LOCAL tsdb.edit_reason = 'dumped'; DELETE FROM "Odd schema".edited WHERE time < '2024-01-01 00:05Z'; COMMIT;
SET extra_float_digits = -10;
SELECT tsdb.overwrite('"Odd schema".edited', $$SELECT time, since, ratio, 'NaN'::float8 AS v FROM "Odd schema".edited WHERE v > 500$$, 'overwritten');
ALTER TABLE "Odd schema".edited RENAME COLUMN v TO value;
ALTER TABLE "Odd schema".edited DROP COLUMN gone;
SELECT tsdb.undo(min(id), 'half of it back') FROM tsdb.edits;
SELECT tsdb.mark_deleted('"Odd schema".edited', '{}', '2024-01-01 00:30Z', '2024-01-01 00:40Z', 'marked');
SQL
my $journal = <<'SQL';
SELECT id, "table"::text, kind, series, from_time, until_time, written, skipped, reason, role, at, undoes, undone_by FROM tsdb.edits ORDER BY id;
SELECT 'history', count(*), md5(string_agg(x::text, chr(10) ORDER BY x::text COLLATE "C")) FROM tsdb.history('"Odd schema".edited') x;
SELECT 'marks', count(*), md5(string_agg(x::text, chr(10) ORDER BY x::text COLLATE "C")) FROM tsdb.marks('"Odd schema".edited') x;
SELECT id, (SELECT count(*) || md5(string_agg(x::text, chr(10) ORDER BY x::text COLLATE "C")) FROM tsdb.as_of(NULL::"Odd schema".edited, at - interval '1 us') x) FROM tsdb.edits ORDER BY id;
BEGIN;
SELECT tsdb.undo(max(id), 'after the restore') - max(id) FROM tsdb.edits;
SELECT tsdb.undo(undone_by, 'after the restore') - id FROM tsdb.edits WHERE undone_by IS NOT NULL AND id = (SELECT min(id) FROM tsdb.edits);
SELECT count(*), md5(string_agg(x::text, chr(10) ORDER BY x::text COLLATE "C")) FROM "Odd schema".edited x;
ROLLBACK;
SQL

# Everything that must come through, as text.
my $rows = <<'SQL';
SELECT format('SELECT %L, count(*), md5(string_agg(x::text, chr(10) ORDER BY x::text COLLATE "C")) FROM %s x', c.oid::regclass, c.oid::regclass)
FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace
WHERE relkind IN ('r', 'm') AND nspname IN ('public', 'Odd schema') ORDER BY c.oid::regclass::text COLLATE "C" \gexec
SQL
my $description = <<'SQL';
SELECT c.oid::regclass, relkind, relpersistence, (SELECT amname FROM pg_am WHERE oid = relam), (SELECT array_agg(o ORDER BY o) FROM unnest(reloptions) o),
       (SELECT string_agg(concat_ws(' ', attname, atttypid::regtype, attnotnull, (SELECT pg_get_expr(adbin, adrelid) FROM pg_attrdef WHERE adrelid = c.oid AND adnum = attnum)), ', ' ORDER BY attname)
        FROM pg_attribute WHERE attrelid = c.oid AND attnum > 0 AND NOT attisdropped), pg_get_expr(relpartbound, c.oid)
FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace
WHERE relkind IN ('r', 'm', 'p') AND nspname IN ('public', 'Odd schema') ORDER BY c.oid::regclass::text COLLATE "C"
SQL
my $storage = <<'SQL';
SELECT c.oid::regclass, (SELECT array_agg(o ORDER BY o) FROM unnest(t.reloptions) o) FROM pg_class c JOIN pg_class t ON t.oid = c.reltoastrelid
WHERE c.relam = (SELECT oid FROM pg_am WHERE amname = 'tsdb') AND c.relkind <> 't' ORDER BY c.oid::regclass::text COLLATE "C"
SQL
my $attributes = <<'SQL';
SELECT * FROM tsdb.series_rules ORDER BY "table"::text COLLATE "C", series::text COLLATE "C";
SELECT DISTINCT sensor, tsdb.unit(x), tsdb.timezone(x), tsdb.description(x) FROM m x ORDER BY 1
SQL
my %wanted = map { $_ => $node->safe_psql('plant', $_) } $rows, $description, $storage, $attributes;
like($wanted{$attributes}, qr/Kathmandu/, 'attributes are there before the dump');
$node->safe_psql('plant', q{SELECT setval('tsdb.edit_id', (SELECT max(id) FROM tsdb.edits))});
$wanted{$journal} = $node->safe_psql('plant', $journal);
like($wanted{$journal}, qr/half of it back/, 'edits are there before the dump');
$node->safe_psql('plant', q{SELECT setval('tsdb.edit_id', (SELECT max(id) FROM tsdb.edits))});
like($wanted{$description}, qr/block_interval=1h/, 'options are there before the dump');

my $target = node_new('target', "fsync = off");
$target->safe_psql('postgres', 'CREATE EXTENSION IF NOT EXISTS tsdb');
my $dir = PostgreSQL::Test::Utils::tempdir;
my @source = ('-d', $node->connstr('plant'));

sub check
{
	my ($name, $db) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	is($target->safe_psql($db, $rows), $wanted{$rows}, "$name: every row of every table");
	is($target->safe_psql($db, $description), $wanted{$description}, "$name: definitions and options");
	is($target->safe_psql($db, $storage), $wanted{$storage}, "$name: options of the storage");
	is($target->safe_psql($db, $attributes), $wanted{$attributes}, "$name: attributes of series");
	is($target->safe_psql($db, $journal), $wanted{$journal}, "$name: edits, history, marks and the past");
	twins_same($target, $name, $db);
	verify_clean($target, $_, "$name, $_", $db) foreach 'm', 'changed', 'parts_2023', '"Odd schema"."Mixed, case"';
	$target->safe_psql($db, q{SELECT tsdb.compact('m'); SELECT tsdb.compact('"Odd schema"."Mixed, case"'); INSERT INTO guarded VALUES ('2025-01-01', 5, 6)});
	like(sql_error($target, q{INSERT INTO guarded VALUES ('2025-01-01', 5000, 6)}, $db), qr/23503/, "$name: the foreign key works");
	return;
}

my %formats = (
	'plain' => [ [ '-Fp', '-f', "$dir/plain.sql" ], undef ],
	'inserts' => [ [ '-Fp', '--rows-per-insert=100', '--column-inserts', '-f', "$dir/inserts.sql" ], undef ],
	'custom' => [ [ '-Fc', '-f', "$dir/custom" ], [ "$dir/custom" ] ],
	'directory' => [ [ '-Fd', '-j2', '-f', "$dir/directory" ], [ '-j2', "$dir/directory" ] ],
	'tar' => [ [ '-Ft', '-f', "$dir/tar" ], [ "$dir/tar" ] ]);
foreach my $format (sort keys %formats)
{
	my ($dump, $restore) = @{ $formats{$format} };
	my $db = "from_$format";
	$node->command_ok([ 'pg_dump', @source, @$dump ], "$format: pg_dump");
	$target->safe_psql('postgres', "CREATE DATABASE $db TEMPLATE template0");
	my @connection = ('-d', $target->connstr($db));
	local $ENV{PGOPTIONS} = $format eq 'inserts' ? '-c tsdb.enforce_reason=off' : '';
	$target->command_ok(
		$restore ? [ 'pg_restore', '-e', @connection, @$restore ] : [ 'psql', '-Xq', '-v', 'ON_ERROR_STOP=1', @connection, '-f', "$dir/$format.sql" ], "$format: restore");
	check($format, $db);
}

# Schema and rows apart; rows twice are the same rows once.
$node->command_ok([ 'pg_dump', @source, '--schema-only', '-f', "$dir/schema.sql" ], 'schema only');
$node->command_ok([ 'pg_dump', @source, '--data-only', '-T', 'sensors', '-T', 'h', '-T', 'tsdb.*', '-f', "$dir/data.sql" ], 'rows only');
$node->command_ok([ 'pg_dump', @source, '--data-only', '-t', 'tsdb.*', '-f', "$dir/journal.sql" ], 'edits only');
$node->command_ok([ 'pg_dump', @source, '--data-only', '-t', 'sensors', '-t', 'h', '-f', "$dir/heap.sql" ], 'rows of heap tables only');
$target->safe_psql('postgres', 'CREATE DATABASE apart TEMPLATE template0');
foreach my $file (qw(schema heap data journal))
{
	$target->command_ok([ 'psql', '-Xq', '-v', 'ON_ERROR_STOP=1', '-d', $target->connstr('apart'), '-f', "$dir/$file.sql" ], "apart: $file");
}
$target->safe_psql('apart', 'REFRESH MATERIALIZED VIEW hourly');
check('apart', 'apart');
my $deleted = $target->safe_psql('apart', 'DELETE FROM guarded WHERE time > $$2024-12-01$$; DELETE FROM m; DELETE FROM parts_new; SELECT count(*) FROM m');
is($deleted, '0', 'emptied');
{
	local $ENV{PGOPTIONS} = '-c tsdb.enforce_reason=off';
	$target->command_ok([ 'psql', '-Xq', '-v', 'ON_ERROR_STOP=1', '-d', $target->connstr('apart'), '-f', "$dir/data.sql" ], 'rows again');
}
is($target->safe_psql('apart', $rows), $wanted{$rows}, 'rows again over what is there: each once');
verify_clean($target, 'm', 'rows again', 'apart');

# pg_dumpall; a copy of a database by either strategy.
$node->command_ok([ 'pg_dumpall', '-d', $node->connstr('postgres'), '--no-role-passwords', '-f', "$dir/all.sql" ], 'pg_dumpall');
like(slurp_file("$dir/all.sql"), qr/default_table_access_method = tsdb/, 'pg_dumpall has the tables');
foreach my $strategy (qw(wal_log file_copy))
{
	$target->safe_psql('postgres', "CREATE DATABASE copy_$strategy TEMPLATE from_custom STRATEGY $strategy");
	$target->safe_psql("copy_$strategy", q{DELETE FROM guarded WHERE time > '2024-12-01'});
	is($target->safe_psql("copy_$strategy", $rows), $wanted{$rows}, "CREATE DATABASE by $strategy: every row");
	my $highest = $target->safe_psql('from_custom', q{SELECT max(merged_sequence) FROM tsdb.segments('m')});
	$target->safe_psql("copy_$strategy", twins_write('1, 9', 0, 200, 5) . q{SELECT tsdb.compact('m')});
	cmp_ok($target->safe_psql("copy_$strategy", q{SELECT max(merged_sequence) FROM tsdb.segments('m')}), '>', $highest, "CREATE DATABASE by $strategy: numbers go on");
	twins_same($target, "copy by $strategy", "copy_$strategy");
	verify_clean($target, 'm', "copy by $strategy", "copy_$strategy");
}
log_clean($_) foreach $node, $target;
done_testing();
