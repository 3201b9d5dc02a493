# The background worker: finds databases by itself, compacts, applies retention, and survives what happens to them.
use strict;
use warnings;
use FindBin;
use lib $FindBin::RealBin;
use DurabilityKit;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = node_new('worker', <<'CONF');
tsdb.maintenance = on
tsdb.maintenance_naptime = 1
restart_after_crash = on
autovacuum_naptime = 1
CONF

sub table
{
	my ($db, $options) = @_;
	$options //= '';
	$node->safe_psql($db, <<~"SQL");
		CREATE TABLE m (time timestamptz NOT NULL, sensor int4, v float8) USING tsdb WITH (tags = 'sensor', sample_interval = '1s' $options);
		CREATE TABLE h (LIKE m, UNIQUE (sensor, time)) USING heap;
		SQL
	return;
}

# Many small commits of old data, in both tables; each is a run.
sub fill
{
	my ($db, $ncommits, $sensor) = @_;
	my $sql = '';
	foreach my $i (1 .. $ncommits)
	{
		my $values = join(', ', map { "(timestamptz '2020-01-01Z' + $i * interval '1 min' + $_ * interval '5 s', $sensor, $i + $_)" } 0 .. 9);
		$sql .= "BEGIN; INSERT INTO m VALUES $values; INSERT INTO h VALUES $values; COMMIT;\n";
	}
	$node->safe_psql($db, $sql);
	return;
}

sub wait_runs
{
	my ($db, $below, $name) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	ok($node->poll_query_until($db, "SELECT count(*) < $below FROM tsdb.runs('m')"), "$name: the runs are merged by themselves");
	return;
}

# A database that comes later; one that doesn't have the extension; one that refuses connections.
$node->safe_psql('postgres', 'CREATE DATABASE later');
$node->safe_psql('postgres', 'CREATE DATABASE without');
$node->safe_psql('postgres', 'CREATE DATABASE closed ALLOW_CONNECTIONS false');
$node->safe_psql('later', 'CREATE EXTENSION tsdb');
foreach my $db ('postgres', 'later')
{
	table($db);
	fill($db, 300, 1);
	wait_runs($db, 65, $db);
	twins_same($node, $db, $db);
	verify_clean($node, 'm', $db, $db);
}
ok($node->poll_query_until('postgres', q{SELECT count(*) = 1 FROM pg_stat_activity WHERE backend_type = 'tsdb launcher'}), 'there is one launcher');

# Retention.
$node->safe_psql('later', <<'SQL');
CREATE TABLE expiring (time timestamptz NOT NULL, v float8) USING tsdb WITH (tags = '', sample_interval = '1s', retention = '7 days', compact_after = '1h');
INSERT INTO expiring SELECT now() - i * interval '1 hour', i FROM generate_series(0, 2000) i;
SQL
ok($node->poll_query_until('later', q{SELECT count(*) BETWEEN 100 AND 300 FROM expiring}), 'what is older than the retention goes')
  or note $node->safe_psql('later', 'SELECT count(*), min(time) FROM expiring');
is($node->safe_psql('later', q{SELECT count(*) FROM expiring WHERE time > now() - interval '6 days 23 hours'}), '167', 'what is younger stays');
verify_clean($node, 'expiring', 'retention', 'later');

# Runs against runs against runs: the rows of the first two are packed, those of the last are too young.
$node->safe_psql('later', <<'SQL');
CREATE TABLE chained (time timestamptz NOT NULL, s int4, v float8) USING tsdb WITH (tags = 's', sample_interval = '1s', compact_after = '1h');
INSERT INTO chained SELECT '2020-01-01 00:00:00Z', s, s / 100.0 FROM generate_series(1, 200) s;
INSERT INTO chained SELECT '2020-01-01 00:00:01Z', s, s / 100.0 + 0.01 FROM generate_series(1, 200) s;
INSERT INTO chained SELECT now() + interval '1 day', s, s / 100.0 + 0.03 FROM generate_series(1, 200) s;
SQL
ok($node->poll_query_until('later', q{SELECT count(*) = 200 FROM tsdb.segments('chained')}), 'what is old of a chain of runs is packed');
is($node->safe_psql('later', q{SELECT count(*) FROM tsdb.runs('chained')}), '3', 'the chain stays as long as its end');
is($node->safe_psql('later', q{SELECT count(*), round(sum(v)::numeric, 2) FROM chained}), '600|611.00', 'and can be read');
verify_clean($node, 'chained', 'chained', 'later');

# Merged runs leave room in front of them, which segments take: hardly any have to be moved before the file is cut.
$node->safe_psql('later', join '', 'CREATE TABLE roomy (time timestamptz NOT NULL, s int4, v float8) USING tsdb WITH (tags = $$s$$, sample_interval = $$1s$$);',
	map { "INSERT INTO roomy SELECT now() + $_ * interval '1 s', s, random() FROM generate_series(1, 300) s;\n" } 1 .. 260);
ok($node->poll_query_until('later', q{SELECT count(*) < 65 AND max(tier) > 0 FROM tsdb.runs('roomy')}), 'commits become bigger runs');
$node->safe_psql('later', 'VACUUM (TRUNCATE false) roomy');
$node->safe_psql('later', q{SELECT tsdb.compact('roomy')});
my ($vacuumed, $said);
$node->psql('later', 'VACUUM (VERBOSE) roomy', stdout => \$vacuumed, stderr => \$said);
my $nmoved = $said =~ /moved (\d+) rows/ ? $1 : 0;
cmp_ok($nmoved, '<', 100, "VACUUM moves $nmoved rows of 300 segments");
cmp_ok($node->safe_psql('later', q{SELECT sum(bytes) / 8192 FROM tsdb.segments('roomy')}), '>',
	0.75 * $node->safe_psql('later', 'SELECT pg_relation_size(reltoastrelid) / 8192 FROM pg_class WHERE relname = $$roomy$$'), 'and the file is full');
verify_clean($node, 'roomy', 'roomy', 'later');

# A table that somebody has locked is skipped; others are not held up.
$node->safe_psql('postgres', 'CREATE TABLE locked (time timestamptz NOT NULL, v float8) USING tsdb WITH (tags = $$$$, sample_interval = $$1s$$)');
my $locker = DurabilityKit::Session->new($node);
$locker->query_safe('BEGIN; LOCK TABLE locked');
fill('postgres', 300, 2);
wait_runs('postgres', 65, 'beside a locked table');
twins_same($node, 'beside a locked table');
$locker->query_safe('COMMIT');
$locker->quit;

# The launcher is killed politely, then all crash.
my $launcher = $node->safe_psql('postgres', q{SELECT pid FROM pg_stat_activity WHERE backend_type = 'tsdb launcher'});
$node->safe_psql('postgres', "SELECT pg_terminate_backend($launcher)");
ok($node->poll_query_until('postgres', qq{SELECT count(*) = 1 FROM pg_stat_activity WHERE backend_type = 'tsdb launcher' AND pid <> $launcher}), 'a terminated launcher comes back');
fill('postgres', 100, 3);
$launcher = $node->safe_psql('postgres', q{SELECT pid FROM pg_stat_activity WHERE backend_type = 'tsdb launcher'});
kill 'KILL', $launcher;
ok($node->poll_query_until('postgres', qq{SELECT count(*) = 1 FROM pg_stat_activity WHERE backend_type = 'tsdb launcher' AND pid <> $launcher}), 'after kill -9 of the launcher too');
fill('postgres', 300, 4);
wait_runs('postgres', 65, 'after a crash');
twins_same($node, 'after a crash');

# DROP EXTENSION and DROP DATABASE while the worker is about.
$node->safe_psql('later', 'DROP EXTENSION tsdb CASCADE');
is($node->safe_psql('later', q{SELECT count(*) FROM pg_class WHERE relname IN ('m', 'expiring')}), '0', 'DROP EXTENSION CASCADE takes the tables along');
$node->safe_psql('later', 'DROP TABLE h; CREATE EXTENSION tsdb');
table('later');
fill('later', 300, 5);
wait_runs('later', 65, 'extension made again');
foreach my $round (1 .. 3)
{
	$node->safe_psql('postgres', "CREATE DATABASE short_$round");
	$node->safe_psql("short_$round", 'CREATE EXTENSION tsdb');
	table("short_$round");
	fill("short_$round", 100, 1);
	my ($out, $error) = ('', '');
	is($node->psql('postgres', "DROP DATABASE short_$round", stdout => \$out, stderr => \$error), 0, "DROP DATABASE $round is not kept waiting") or diag $error;
}
my ($out, $error) = ('', '');
is($node->psql('postgres', 'CREATE DATABASE copy TEMPLATE later', stderr => \$error), 0, 'nor is CREATE DATABASE TEMPLATE') or diag $error;
twins_same($node, 'copy', 'copy');

# Off means off, after a reload.
$node->append_conf('postgresql.conf', 'tsdb.maintenance = off');
$node->reload;
$node->poll_query_until('postgres', q{SELECT setting = 'off' FROM pg_settings WHERE name = 'tsdb.maintenance'});
$node->poll_query_until('postgres', q{SELECT count(*) = 0 FROM pg_stat_activity WHERE backend_type = 'tsdb maintenance worker'});
is($node->safe_psql('postgres', q{SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'tsdb launcher'}), '1', 'the launcher is still there');
is($node->safe_psql('postgres', q{SELECT count FROM tsdb.stats WHERE name LIKE '%errors%'}), '0', 'no table failed');
$node->safe_psql('postgres', 'DROP DATABASE later');
$node->safe_psql('postgres', 'SELECT 1');
$node->stop('fast');
my $log = slurp_file($node->logfile);
unlike($log, qr/PANIC|TRAP|terminated by signal 11|ERROR:  .*(could not|cache lookup|not found)/, 'the log is clean');
done_testing();
