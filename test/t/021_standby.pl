# A streaming standby: it reads while the primary compacts and vacuums, and gets either the
# right answer or a conflict; promoted, it goes on writing without using a number again.
use strict;
use warnings;
use FindBin;
use lib $FindBin::RealBin;
use DurabilityKit;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $primary = node_new('primary', <<'CONF', allows_streaming => 1);
shared_buffers = 32MB
max_connections = 30
autovacuum = off
CONF
twins_create($primary);
$primary->safe_psql('postgres', twins_write('1, 2, 3', 0, 4000, 1));
$primary->backup('base');
my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($primary, 'base', has_streaming => 1);
$standby->append_conf('postgresql.conf', <<'CONF');
hot_standby_feedback = off
max_standby_streaming_delay = 0
CONF
$standby->start;

sub catch_up
{
	$primary->wait_for_catchup($standby, 'replay', $primary->lsn('insert'));
	return;
}

my $digest = 'SELECT count(*), sum(v::numeric), max(time), count(note) FROM m';
my $total;

# Rows that are gone for good and space that is used again: compaction, deletion and vacuum.
sub churn
{
	my ($round) = @_;
	$primary->safe_psql('postgres', twins_write('2, 3', $round * 30, $round * 30 + 600, $round));
	$primary->safe_psql('postgres', "BEGIN; DELETE FROM m WHERE sensor = 1 AND time < timestamptz '2024-01-01Z' + $round * interval '10 min';
		DELETE FROM h WHERE sensor = 1 AND time < timestamptz '2024-01-01Z' + $round * interval '10 min'; COMMIT;");
	$primary->safe_psql('postgres', q{SELECT tsdb.compact('m'); });
	$primary->safe_psql('postgres', 'VACUUM m');
	$primary->safe_psql('postgres', 'VACUUM ' . toast_of($primary, 'm'));
	return;
}

catch_up();
twins_same($standby, 'standby');
verify_clean($standby, 'm', 'standby');
is(twins_total($standby), twins_total($primary), 'standby: same total');
churn(1);
catch_up();
twins_same($standby, 'after compaction');
verify_clean($standby, 'm', 'after compaction');

# Without feedback an old snapshot either still reads what it saw, or is cancelled.
my $reader = DurabilityKit::Session->new($standby);
my ($right, $cancelled) = (0, 0);
foreach my $round (2 .. 7)
{
	$reader->query('ROLLBACK; BEGIN ISOLATION LEVEL REPEATABLE READ;');
	my $before = $reader->query($digest);
	churn($round);
	catch_up();
	my $after = $reader->query($digest);
	if ($reader->error eq '')
	{
		is($after, $before, "round $round: the old snapshot's answer");
		$right++;
	}
	else
	{
		like($reader->error, qr/conflict with recovery|server closed|terminating connection/, "round $round: a conflict");
		$cancelled++;
	}
	if (!$reader->alive)
	{
		$reader->quit;
		$reader = DurabilityKit::Session->new($standby);
	}
	twins_same($standby, "round $round");
}
note "$right right answers, $cancelled conflicts";
cmp_ok($cancelled, '>', 0, 'vacuum on the primary does conflict with old snapshots');
$reader->quit;

# A scan that is under way: rows come out of pages that the primary has vacuumed.
$standby->append_conf('postgresql.conf', 'max_standby_streaming_delay = 0');
$standby->reload;
my $cursor = DurabilityKit::Session->new($standby);
$cursor->query_safe('BEGIN ISOLATION LEVEL REPEATABLE READ; DECLARE c NO SCROLL CURSOR FOR SELECT sensor, time, v FROM m ORDER BY sensor, time;');
my $expected = $standby->safe_psql('postgres', 'SELECT sensor, time, v FROM h ORDER BY sensor, time');
my $got = $cursor->query_safe('FETCH 100 FROM c');
churn(8);
catch_up();
my $rest = $cursor->query('FETCH ALL FROM c');
ok($cursor->error =~ /conflict with recovery|server closed|terminating connection/ || "$got\n$rest" eq $expected, 'an open cursor is cancelled or right');
$cursor->quit;

# With feedback the primary keeps what the standby reads.
$standby->append_conf('postgresql.conf', "hot_standby_feedback = on\nmax_standby_streaming_delay = -1\nwal_receiver_status_interval = 1");
$standby->restart;
$reader = DurabilityKit::Session->new($standby);
$reader->query_safe('BEGIN ISOLATION LEVEL REPEATABLE READ;');
my $before = $reader->query_safe($digest);
$primary->poll_query_until('postgres', 'SELECT backend_xmin IS NOT NULL FROM pg_stat_replication') or die 'no feedback';
foreach my $round (9 .. 11)
{
	churn($round);
	catch_up();
	is($reader->query_safe($digest), $before, "feedback, round $round: the old snapshot's answer");
}
$reader->query_safe('COMMIT');
$reader->quit;
twins_same($standby, 'with feedback');

# What a standby refuses.
like(sql_error($standby, q{SELECT tsdb.compact('m')}), qr/25006|55000/, 'no compaction on a standby');
like(sql_error($standby, q{INSERT INTO m VALUES ('2024-01-01', 1)}), qr/25006/, 'no writing on a standby');

# Promotion while a transaction of the primary is under way.
my $open = DurabilityKit::Session->new($primary);
$open->query_safe('BEGIN;' . twins_write('50', 0, 100, 1));
$primary->safe_psql('postgres', twins_write('4', 0, 100, 1));
my $highest = $primary->safe_psql('postgres', q{SELECT max(run) FROM tsdb.runs('m')});
my ($last_block, $merged) = split(/\|/, $primary->safe_psql('postgres',
	q{SELECT (SELECT max(block_id) FROM tsdb.blocks('m')), (SELECT max(merged_sequence) FROM tsdb.segments('m'))}));
catch_up();
$total = twins_total($primary);
$primary->stop('immediate');
$open->quit;
$standby->promote;
is(twins_total($standby), $total, 'promoted: same total');
$standby->safe_psql('postgres', twins_write('4', 50, 150, 7));
my $next = $standby->safe_psql('postgres', q{SELECT max(run) FROM tsdb.runs('m')});
cmp_ok($next, '>', $highest, 'promoted: run numbers go on');
cmp_ok($next, '>=', $merged, 'promoted: sequences are above what was merged');
twins_same($standby, 'promoted');
$standby->safe_psql('postgres', q{SELECT tsdb.compact('m')} . ';' . twins_write('2, 4, 60', 0, 200, 9));
cmp_ok($standby->safe_psql('postgres', q{SELECT max(block_id) FROM tsdb.blocks('m')}), '>', $last_block, 'promoted: block ids go on');
twins_same($standby, 'promoted, compacted and written');
verify_clean($standby, 'm', 'promoted');

# The old primary follows the new one after a rewind of its history: here by a new copy.
$standby->backup('second');
my $third = PostgreSQL::Test::Cluster->new('third');
$third->init_from_backup($standby, 'second', has_streaming => 1);
$third->start;
$standby->safe_psql('postgres', twins_write('1', 0, 300, 3) . q{SELECT tsdb.compact('m')});
$standby->wait_for_catchup($third, 'replay', $standby->lsn('insert'));
twins_same($third, 'standby of the promoted server');
log_clean($_) foreach $primary, $standby, $third;
done_testing();
