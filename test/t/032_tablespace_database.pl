# Files that move: SET TABLESPACE, ALTER DATABASE SET TABLESPACE, with a crash after each.
use strict;
use warnings;
use FindBin;
use lib $FindBin::RealBin;
use DurabilityKit;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = node_new('movable', "autovacuum = off");
my @dirs = map { PostgreSQL::Test::Utils::tempdir } 1 .. 2;
$node->safe_psql('postgres', "CREATE TABLESPACE ts$_ LOCATION '" . $dirs[ $_ - 1 ] . "'") foreach 1 .. 2;
twins_create($node);
$node->safe_psql('postgres', 'CREATE UNLOGGED TABLE u (time timestamptz NOT NULL, v float8) USING tsdb WITH (tags = $$$$, sample_interval = $$1s$$)');
$node->safe_psql('postgres', twins_write('1, 2', 0, 3000, 1) . q{SELECT tsdb.compact('m');} . twins_write('2', 0, 50, 2));

sub where
{
	return $node->safe_psql('postgres', <<~'SQL');
		SELECT string_agg((pg_relation_filepath(oid) LIKE 'pg_tblspc/%')::text, ',')
		FROM (SELECT unnest(ARRAY[oid, reltoastrelid]) AS oid FROM pg_class WHERE oid = 'm'::regclass) files
		SQL
}

# Rows of an outer level can't go along: an error, and nothing is lost.
like(sql_error($node, 'BEGIN;' . twins_write('2', 0, 20, 9) . 'SAVEPOINT s; ALTER TABLE m SET TABLESPACE ts1; RELEASE s; COMMIT'), qr/0A000/, 'not inside a savepoint after writing');
$node->safe_psql('postgres', 'BEGIN;' . twins_write('2', 0, 20, 9) . 'SAVEPOINT s;' . twins_write('2', 5, 25, 8) . 'RELEASE s; ALTER TABLE m SET TABLESPACE ts1; SAVEPOINT s; ALTER TABLE m SET TABLESPACE ts2; ROLLBACK TO s;'
	. twins_write('2', 10, 30, 7) . 'ALTER TABLE m SET TABLESPACE pg_default; COMMIT');
twins_same($node, 'moved with savepoints');

my $factor = 2;
foreach my $to ('ts1', 'ts2', 'pg_default')
{
	foreach my $crash ('immediate', 'kill')
	{
		next if $to eq 'pg_default' && $crash eq 'kill';
		$factor++;
		# Pending rows, moved before they are flushed.
		$node->safe_psql('postgres', 'BEGIN;' . twins_write('2, 3', 100, 200, $factor) . "ALTER TABLE m SET TABLESPACE $to;" . twins_write('3', 150, 250, $factor) . 'COMMIT');
		$node->safe_psql('postgres', "BEGIN; ALTER TABLE m SET TABLESPACE pg_default; ROLLBACK; BEGIN; ALTER TABLE u SET TABLESPACE $to; COMMIT; INSERT INTO u VALUES ('2024-01-01', 1)");
		my $highest = $node->safe_psql('postgres', q{SELECT max(run) FROM tsdb.runs('m')});
		is(where(), $to eq 'pg_default' ? 'false,false' : 'true,true', "$to: table and storage are there");
		if ($crash eq 'kill') { kill_all($node) }
		else { $node->stop('immediate') }
		$node->start;
		twins_same($node, "$to, $crash");
		verify_clean($node, 'm', "$to, $crash");
		is($node->safe_psql('postgres', 'SELECT count(*) FROM u'), '0', "$to, $crash: the unlogged table is empty");
		$node->safe_psql('postgres', q{INSERT INTO u VALUES ('2024-01-01', 1)} . ';' . twins_write('1', 5, 10, $factor));
		cmp_ok($node->safe_psql('postgres', q{SELECT max(run) FROM tsdb.runs('m')}), '>', $highest, "$to, $crash: numbers go on");
		$node->safe_psql('postgres', "SELECT tsdb.compact('m')");
		twins_same($node, "$to, $crash, compacted");
		$node->safe_psql('postgres', 'ALTER TABLE m SET TABLESPACE ts1; ALTER TABLE m SET TABLESPACE pg_default; ALTER TABLE m SET TABLESPACE ts2') if $crash eq 'kill';
	}
}

# A whole database moves.
$node->safe_psql('postgres', 'CREATE DATABASE plant TABLESPACE ts1');
$node->safe_psql('plant', 'CREATE EXTENSION tsdb; CREATE TABLE m (time timestamptz NOT NULL, v float8) USING tsdb WITH (tags = $$$$, sample_interval = $$1s$$);
	INSERT INTO m SELECT timestamptz $$2024-01-01Z$$ + i * interval $$1 s$$, i FROM generate_series(1, 5000) i; SELECT tsdb.compact($$m$$); INSERT INTO m VALUES ($$2025-01-01Z$$, 1)');
foreach my $to ('ts2', 'pg_default')
{
	$node->safe_psql('postgres', "ALTER DATABASE plant SET TABLESPACE $to");
	$node->stop('immediate');
	$node->start;
	is($node->safe_psql('plant', 'SELECT count(*), sum(v) FROM m'), '5001|12502501', "the database in $to");
	verify_clean($node, 'm', "the database in $to", 'plant');
	my $highest = $node->safe_psql('plant', q{SELECT max(run) FROM tsdb.runs('m')});
	$node->safe_psql('plant', q{INSERT INTO m VALUES ('2025-01-01Z', 1)});
	cmp_ok($node->safe_psql('plant', q{SELECT max(run) FROM tsdb.runs('m')}), '>', $highest, "the database in $to: numbers go on");
}
$node->safe_psql('postgres', 'DROP DATABASE plant');

# DROP and rolled back CREATE leave no file behind.
my $files = sub { scalar(map { glob("$_/PG_*/*/*") } @dirs) };
$node->safe_psql('postgres', 'CREATE TABLE gone (time timestamptz NOT NULL, v float8) USING tsdb WITH (tags = $$$$, sample_interval = $$1s$$) TABLESPACE ts1; INSERT INTO gone VALUES (now(), 1)');
$node->safe_psql('postgres', 'BEGIN; CREATE TABLE never (time timestamptz NOT NULL, v float8) USING tsdb WITH (tags = $$$$, sample_interval = $$1s$$) TABLESPACE ts1; INSERT INTO never VALUES (now(), 1); ROLLBACK');
$node->safe_psql('postgres', 'DROP TABLE gone; DROP TABLE u');
$node->safe_psql('postgres', 'ALTER TABLE m SET TABLESPACE pg_default');
$node->safe_psql('postgres', 'CHECKPOINT');
is($files->(), 0, 'no file is left in the tablespaces');
$node->safe_psql('postgres', 'DROP TABLESPACE ts1');
$node->safe_psql('postgres', 'DROP TABLESPACE ts2');
twins_same($node, 'at the end');
verify_clean($node, 'm', 'at the end');
log_clean($node);
$node->stop;
done_testing();
