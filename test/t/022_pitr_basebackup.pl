# A base backup taken under load, recovery to a point between two commits, and the timeline after it.
use strict;
use warnings;
use FindBin;
use lib $FindBin::RealBin;
use DurabilityKit;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = node_new('origin', <<'CONF', allows_streaming => 1, has_archiving => 1);
shared_buffers = 16MB
max_connections = 30
tsdb.write_buffer = '1MB'
CONF
twins_create($node);
$node->safe_psql('postgres', twins_write('1, 2', 0, 3000, 1));

# The backup runs while rows come in, are deleted, compacted and vacuumed.
my @load = map {
	my $writer = $_;
	my $script = join('', map {
		'BEGIN;' . twins_write($writer, $_ * 20, $_ * 20 + 300, $_)
		  . "DELETE FROM m WHERE sensor = $writer AND time < timestamptz '2024-01-01Z' + $_ * interval '1 min';"
		  . "DELETE FROM h WHERE sensor = $writer AND time < timestamptz '2024-01-01Z' + $_ * interval '1 min';COMMIT;\n"
	} 1 .. 400);
	script_start($node, "writer$writer", $script);
} 11 .. 12;
my $keeper = script_start($node, 'keeper', "SELECT tsdb.compact('m');\nVACUUM m;\n" x 3000);
$node->poll_query_until('postgres', q{SELECT count(*) > 500 FROM h WHERE sensor > 10});
$node->backup('hot');
my $bounded = $node->safe_psql('postgres', 'SELECT count(*) FROM h');
ok($load[0]->pumpable, 'the load went on during the backup');
$_->kill_kill foreach @load, $keeper;
$node->poll_query_until('postgres', q{SELECT count(*) = 1 FROM pg_stat_activity WHERE backend_type = 'client backend' AND datname = 'postgres'});

# Marks between commits; compaction on both sides of them.
$node->safe_psql('postgres', q{SELECT tsdb.compact('m');} . twins_write('1', 100, 900, 5));
my %at;
foreach my $step (1 .. 4)
{
	$node->safe_psql('postgres', 'BEGIN;' . twins_write('1, 3', $step * 100, $step * 100 + 500, $step) . 'COMMIT');
	$node->safe_psql('postgres', "SELECT tsdb.compact('m')") if $step % 2 == 0;
	$at{$step}{total} = twins_total($node);
	$at{$step}{rows} = $node->safe_psql('postgres', 'SELECT md5(string_agg(m::text, chr(10) ORDER BY sensor, time)) FROM m');
	$node->safe_psql('postgres', "SELECT pg_create_restore_point('step$step')");
	$at{$step}{highest} = $node->safe_psql('postgres', q{SELECT coalesce(max(run), 0) FROM tsdb.runs('m')});
}
$node->safe_psql('postgres', 'BEGIN; DELETE FROM m WHERE sensor = 1; DELETE FROM h WHERE sensor = 1; COMMIT');
$node->safe_psql('postgres', "SELECT tsdb.compact('m')");
$node->safe_psql('postgres', 'VACUUM m');
$node->safe_psql('postgres', 'TRUNCATE m, h');
my $last = $node->safe_psql('postgres', 'SELECT pg_walfile_name(pg_switch_wal())');
$node->poll_query_until('postgres', "SELECT last_archived_wal >= '$last' FROM pg_stat_archiver") or die 'not archived';
$node->stop;

foreach my $step (1, 2, 4)
{
	my $restored = PostgreSQL::Test::Cluster->new("restored$step");
	$restored->init_from_backup($node, 'hot', has_restoring => 1);
	$restored->append_conf('postgresql.conf', "recovery_target_name = 'step$step'\nrecovery_target_action = 'promote'\narchive_mode = off");
	$restored->start;
	$restored->poll_query_until('postgres', 'SELECT NOT pg_is_in_recovery()') or die 'still recovering';
	is(twins_total($restored), $at{$step}{total}, "step $step: the rows of that moment");
	is($restored->safe_psql('postgres', 'SELECT md5(string_agg(m::text, chr(10) ORDER BY sensor, time)) FROM m'),
		$at{$step}{rows}, "step $step: byte for byte");
	twins_same($restored, "step $step");
	verify_clean($restored, 'm', "step $step");
	$restored->safe_psql('postgres', twins_write('1, 2', 0, 900, 77));
	cmp_ok($restored->safe_psql('postgres', q{SELECT max(run) FROM tsdb.runs('m')}), '>', $at{$step}{highest}, "step $step: numbers go on");
	$restored->safe_psql('postgres', q{SELECT tsdb.compact('m')});
	twins_same($restored, "step $step, written and compacted");
	verify_clean($restored, 'm', "step $step, written and compacted");
	log_clean($restored);
	$restored->stop;
}
log_clean($node);
done_testing();
