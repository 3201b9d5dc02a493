# DELETE of whole ranges: a crash takes all of it back, PREPARE keeps it, standbys read it, the space comes back.
use strict;
use warnings;
use FindBin;
use lib $FindBin::RealBin;
use DurabilityKit;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = node_new('ranges', <<'CONF', allows_streaming => 1);
autovacuum = off
max_connections = 30
CONF
$node->safe_psql('postgres', <<'SQL');
CREATE TABLE m (time timestamptz NOT NULL, sensor int, v float8)
	USING tsdb WITH (tags = 'sensor', sample_interval = '1s', block_interval = '1h', compact_after = '36500 days');
CREATE TABLE h (LIKE m);
INSERT INTO h SELECT timestamptz '2024-01-01Z' + i * interval '1 min', s, hashint8(i * 100 + s) FROM generate_series(1, 20) s, generate_series(0, 9999) i;
INSERT INTO m TABLE h;
SQL
$node->safe_psql('postgres', q{SELECT tsdb.compact('m')});
$node->backup('base');
my $standby = PostgreSQL::Test::Cluster->new('ranges_standby');
$standby->init_from_backup($node, 'base', has_streaming => 1);
$standby->append_conf('postgresql.conf', "hot_standby_feedback = off\nmax_standby_streaming_delay = 0");
$standby->start;

my $digest = 'SELECT count(*), sum(v), min(time), max(time) FROM ';

sub same
{
	my ($where, $name) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	is($where->safe_psql('postgres', '(TABLE m EXCEPT TABLE h) UNION ALL (TABLE h EXCEPT TABLE m) LIMIT 5'), '', "$name: as the twin");
	return is($where->safe_psql('postgres', "$digest m"), $where->safe_psql('postgres', "$digest h"), "$name: as many");
}

# delete_both - the plan of the one on m
sub delete_both
{
	my ($conditions) = @_;
	my $plan = $node->safe_psql('postgres', "EXPLAIN (ANALYZE, COSTS OFF) DELETE FROM m WHERE $conditions");
	$node->safe_psql('postgres', "DELETE FROM h WHERE $conditions");
	return $plan;
}

# A crash when all is written but the commit.
foreach my $way ('immediate stop', 'kill -9')
{
	my $holder = DurabilityKit::Session->new($node);
	my $victim = DurabilityKit::Session->new($node);
	$holder->query_safe(q{SELECT tsdb_test.debug_point_hold('delete_after_write')});
	$victim->start(q{DELETE FROM m WHERE sensor <= 10 AND time >= '2024-01-02 10:30Z' AND time < '2024-01-06 11:45Z';});
	point_waited($node);
	$way eq 'kill -9' ? kill_all($node) : $node->stop('immediate');
	$node->start;
	$_->quit foreach $holder, $victim;
	same($node, $way);
	verify_clean($node, 'm', $way);
}
like(delete_both(q{sensor <= 10 AND time >= '2024-01-02 10:30Z' AND time < '2024-01-06 11:45Z'}), qr/Range Delete: done/, 'then it works');
kill_all($node);
$node->start;
same($node, 'committed, then killed');
verify_clean($node, 'm', 'committed, then killed');

# Prepared: its locks and its rows outlive a crash; INSERTs go on.
foreach my $way ('COMMIT', 'ROLLBACK')
{
	my $conditions = $way eq 'COMMIT' ? 'sensor IN (11, 12)' : 'sensor = 13';
	$node->safe_psql('postgres', "BEGIN; DELETE FROM m WHERE $conditions; PREPARE TRANSACTION 'range'");
	same($node, "$way: prepared only");
	kill_all($node);
	$node->start;
	same($node, "$way: prepared, then killed");
	like(sql_error($node, "SET lock_timeout = '200ms'; UPDATE m SET v = 0 WHERE ($conditions) AND time = '2024-01-01Z'"), qr/55P03/, "$way: UPDATE waits");
	my $second = $way eq 'COMMIT' ? 1 : 2;
	$node->safe_psql('postgres', "INSERT INTO $_ VALUES ('2024-01-03 00:00:0${second}Z', 12, -1), ('2024-01-03 00:00:0${second}Z', 13, -1)") foreach qw(m h);
	$node->safe_psql('postgres', "$way PREPARED 'range'");
	$node->safe_psql('postgres', "DELETE FROM h WHERE $conditions AND v <> -1") if $way eq 'COMMIT';
	same($node, $way);
	$node->safe_psql('postgres', q{SELECT tsdb.compact('m')});
	same($node, "$way, compacted");
	verify_clean($node, 'm', $way);
}

# A standby: an old snapshot reads what it saw, or is cancelled once VACUUM has removed it.
my $reader = DurabilityKit::Session->new($standby);
my %answers = (right => 0, cancelled => 0);
foreach my $round (1 .. 4)
{
	$node->wait_for_catchup($standby, 'replay', $node->lsn('insert'));
	$reader->query('ROLLBACK; BEGIN ISOLATION LEVEL REPEATABLE READ;');
	my $before = $reader->query("$digest m");
	like(delete_both("sensor = 13 + $round AND time < '2024-01-05 10:10Z'"), qr/Range Delete: done/, "round $round: by ranges");
	$node->safe_psql('postgres', 'VACUUM m') if $round > 2;
	$node->wait_for_catchup($standby, 'replay', $node->lsn('insert'));
	my $after = $reader->query("$digest m");
	if ($reader->error eq '')
	{
		is($after, $before, "round $round: the old snapshot's answer");
		$answers{right}++;
	}
	else
	{
		like($reader->error, qr/conflict with recovery|server closed|terminating connection/, "round $round: a conflict");
		$answers{cancelled}++;
	}
	if (!$reader->alive)
	{
		$reader->quit;
		$reader = DurabilityKit::Session->new($standby);
	}
	same($standby, "round $round, standby");
}
$reader->quit;
cmp_ok($answers{right}, '>=', 2, 'a range delete alone is no conflict');
verify_clean($standby, 'm', 'standby');

# The space comes back.
my $size = q{SELECT pg_relation_size(reltoastrelid) FROM pg_class WHERE oid = 'm'::regclass};
$node->safe_psql('postgres', q{SELECT tsdb.compact('m')});
$node->safe_psql('postgres', 'VACUUM m');
my $full = $node->safe_psql('postgres', $size);
like(delete_both(q{time >= '2024-01-02Z'}), qr/Range Delete: done/, 'most of it goes');
$node->safe_psql('postgres', 'VACUUM m');
my $rest = $node->safe_psql('postgres', $size);
note "$full bytes, then $rest";
cmp_ok($rest, '<', $full / 2, 'and its space with it');
same($node, 'the rest');
log_clean($node);
$standby->stop;
$node->stop;
done_testing();
