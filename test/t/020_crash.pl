# Crashes: what was acknowledged is there, nothing else is, and no number is used twice.
use strict;
use warnings;
use FindBin;
use lib $FindBin::RealBin;
use DurabilityKit;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(usleep time);

my $seed = $ENV{TSDB_SEED} // int(time());
my $seconds = $ENV{TSDB_SOAK_SECONDS} // 9;
srand($seed);
note "seed $seed";

my $node = node_new('crash', "checkpoint_timeout = 30\nautovacuum_naptime = 1\ntsdb.write_buffer = '1MB'");
twins_create($node);
$node->safe_psql('postgres', <<'SQL');
CREATE TABLE acknowledged (writer int, serial int);
CREATE UNLOGGED TABLE u (time timestamptz NOT NULL, v float8) USING tsdb WITH (tags = '', sample_interval = '1s');
SQL

# The highest number that any session has ever seen in the table.
sub highest
{
	return $node->safe_psql('postgres', q{SELECT coalesce(max(run), 0) FROM tsdb.runs('m')});
}

# A crash at each named place, in turn of the ways to crash.
my @ways = (
	[ 'immediate stop' => sub { $node->stop('immediate'); $node->start } ],
	[ 'kill -9 of all' => sub { kill_all($node); $node->start } ]);
my $load = twins_write('1, 2, 3', 0, 3000, 1);
my %statement = (
	series_before_insert => twins_write('90', 0, 10, 1),
	series_before_dict => twins_write('91', 0, 10, 1),
	flush_before => twins_write('4', 0, 500, 1),
	flush_after_sequence => twins_write('4', 0, 500, 1),
	flush_after => twins_write('4', 0, 500, 1),
	compact_after_barrier => q{SELECT tsdb.compact('m');},
	compact_before_write => q{SELECT tsdb.compact('m');},
	compact_before_delete => q{SELECT tsdb.compact('m');});
$node->safe_psql('postgres', $load);
my $turn = 0;
foreach my $point (sort keys %statement)
{
	my ($way, $crash) = @{ $ways[ $turn++ % @ways ] };
	# Something in segments, something in runs, some of it deleted.
	$node->safe_psql('postgres', q{SELECT tsdb.compact('m');} . twins_write('2, 3', $turn * 50, $turn * 50 + 400, $turn));
	$node->safe_psql('postgres', "BEGIN; DELETE FROM $_ WHERE sensor = 1 AND time < timestamptz '2024-01-01Z' + $turn * interval '1 min'; COMMIT") foreach qw(m h);
	my $before = highest();
	my $total = twins_total($node);
	my $holder = DurabilityKit::Session->new($node);
	my $victim = DurabilityKit::Session->new($node);
	$holder->query_safe("SELECT tsdb_test.debug_point_hold('$point')");
	$victim->start("BEGIN; $statement{$point} COMMIT;");
	point_waited($node);
	$crash->();
	$_->quit foreach $holder, $victim;
	my $after = highest();
	is(twins_total($node), $total, "$way at $point: nothing lost, nothing gained");
	twins_same($node, $point);
	verify_clean($node, 'm', $point);
	$node->safe_psql('postgres', $statement{$point} . twins_write('5', $turn, $turn + 10, $turn));
	twins_same($node, "written after $point");
	cmp_ok(highest(), '>', $before, "$point: run numbers go on") if $point !~ /compact/;
}

# Rolled back numbers are not used again either, not even when the crash comes before anything was logged.
my $session = DurabilityKit::Session->new($node);
$session->query_safe("BEGIN; INSERT INTO m SELECT timestamptz '2024-01-01Z' + i * interval '1 s', 6, i, repeat('x', 200) FROM generate_series(1, 30000) i;");
my $unseen = $session->query_safe(q{SELECT max(run) FROM tsdb.runs('m')});
kill_all($node);
$node->start;
$session->quit;
$node->safe_psql('postgres', twins_write('5', 1, 10, 3));
SKIP:
{
	skip 'the buffer did not overflow', 1 if $unseen eq '';
	cmp_ok(highest(), '>', $unseen, 'a run number of the transaction that crashed is not used again');
}
is($node->safe_psql('postgres', 'SELECT count(*) FROM m WHERE sensor = 6'), '0', 'its rows are not there');

# Unlogged tables are emptied and go on working.
$node->safe_psql('postgres', q{INSERT INTO u SELECT timestamptz '2024-01-01Z' + i * interval '1 s', i FROM generate_series(1, 5000) i; SELECT tsdb.compact('u'); INSERT INTO u VALUES ('2025-01-01', 1);});
is($node->safe_psql('postgres', 'SELECT count(*) FROM u'), '5001', 'unlogged table');
$node->restart;
is($node->safe_psql('postgres', 'SELECT count(*) FROM u'), '5001', 'unlogged table after a restart');
$node->stop('immediate');
$node->start;
is($node->safe_psql('postgres', 'SELECT count(*) FROM u'), '0', 'unlogged table is empty after a crash');
$node->safe_psql('postgres', q{INSERT INTO u SELECT timestamptz '2024-01-01Z' + i * interval '1 s', i FROM generate_series(1, 300) i; SELECT tsdb.compact('u');});
is($node->safe_psql('postgres', 'SELECT count(*), sum(v) FROM u'), '300|45150', 'unlogged table filled again');
verify_clean($node, 'u', 'unlogged table');

# Random moments: three writers with series of their own, who correct them too, compaction and vacuum.
my $serial = 0;

sub writer_start
{
	my ($writer) = @_;
	my $script = '';
	foreach (1 .. 3000)
	{
		$serial++;
		my $from = int(rand(4000));
		my $until = $from + int(rand(rand() < 0.1 ? 6000 : 60));
		$script .= 'BEGIN;' . twins_write(10 + $writer, $from, $until, $serial);
		$script .= 'SAVEPOINT a;' . twins_write(10 + $writer, $from, $from + 40, $serial + 1) . 'ROLLBACK TO a;' if rand() < 0.2;
		if (rand() < 0.2)
		{
			my $condition = "sensor = 10 + $writer AND time < timestamptz '2024-01-01Z' + $from * interval '10 s'";
			$script .= "DELETE FROM m WHERE $condition; DELETE FROM h WHERE $condition;";
		}
		$script .= edit_of($writer, $from) if $writer == 3;
		$script .= "INSERT INTO acknowledged VALUES ($writer, $serial);" . (rand() < 0.1 ? 'ROLLBACK;' : "COMMIT;\n\\echo $serial\n");
	}
	return script_start($node, "writer$writer", $script);
}

# A range that vanishes, for good or to be put back by the same transaction, or gaps that are filled.  One writer alone:
# two that wrote before they ask for ranges would wait for each other.
sub edit_of
{
	my ($writer, $at) = @_;
	my ($from, $until) = map { "timestamptz '2024-01-01Z' + $_ * interval '10 s'" } $at, $at + int(rand(2000));
	my $sensor = 10 + $writer;
	my $mark = "tsdb.mark_deleted('m', '{\"sensor\": $sensor}', $from, $until, 'wrong')";
	my $kind = rand();

	return '' if $kind < 0.6;
	return "DO \$\$ BEGIN PERFORM $mark; END \$\$; DELETE FROM h WHERE sensor = $sensor AND time >= $from AND time < $until;" if $kind < 0.75;
	return "DO \$\$ DECLARE edit int8 := $mark; BEGIN PERFORM tsdb.undo(edit, 'not wrong'); END \$\$;" if $kind < 0.9;
	(my $rows = twins_write($sensor, $at, $at + 50, 1)) =~ s/^INSERT INTO m (.*?);.*/$1/s;
	my $source = "SELECT * FROM ($rows) AS x (time, sensor, v, note, quality)";
	return "DO \$\$ BEGIN PERFORM tsdb.backfill('m', \$q\$$source\$q\$, 'gaps'); END \$\$; INSERT INTO h $rows ON CONFLICT DO NOTHING;";
}

my $keeper = "SELECT tsdb.compact('m');\n\\echo compacted\nVACUUM m;\nCHECKPOINT;\n" x 2000;
my $until = time() + $seconds;
my $round = 0;
my ($commits, $compactions) = (0, 0);
my $highest = highest();
while (time() < $until || $round < 3)
{
	my ($way, $crash) = @{ $ways[ $round++ % @ways ] };
	my @writers = map { writer_start($_) } 1 .. 3;
	my $keeper_run = script_start($node, 'keeper', $keeper);
	my $run_until = time() + 0.5 + rand(1.5);
	# What any snapshot has seen counts as used.
	while (time() < $run_until)
	{
		my $now = highest();
		$highest = $now if $now > $highest;
		usleep(20_000);
	}
	$crash->();
	eval { $_->finish; 1 } or note "psql: $@" foreach @writers, $keeper_run;
	$compactions += () = (script_output('keeper'))[0] =~ /compacted/g;
	my @errors = map { (script_output($_))[1] =~ /(ERROR:.*)/g } qw(writer1 writer2 writer3 keeper);
	is("@errors", '', "round $round: no error before the crash");
	my @missing;
	foreach my $writer (1 .. 3)
	{
		my @done = split(/\n/, (script_output("writer$writer"))[0]);
		$commits += @done;
		next unless @done;
		my %there = map { $_ => 1 } split(/\n/, $node->safe_psql('postgres', "SELECT serial FROM acknowledged WHERE writer = $writer"));
		push @missing, grep { !$there{$_} } @done;
	}
	is("@missing", '', "round $round, $way: every acknowledged commit is there");
	twins_same($node, "round $round");
	verify_clean($node, 'm', "round $round");
	$node->safe_psql('postgres', 'BEGIN;' . twins_write('7', $round, $round, $round) . 'COMMIT');
	my $now = $node->safe_psql('postgres', q{SELECT max(run) FROM tsdb.runs('m')});
	cmp_ok($now, '>', $highest, "round $round: run numbers go on");
	$highest = $now;
}
cmp_ok($commits, '>', 20, "$commits transactions were committed in $round rounds");
cmp_ok($compactions, '>', 0, "$compactions compactions were done");
$node->safe_psql('postgres', q{SELECT tsdb.compact('m'); VACUUM m; VACUUM FULL m; REINDEX TABLE } . toast_of($node, 'm'));
twins_same($node, 'at the end');
verify_clean($node, 'm', 'at the end');
log_clean($node);
$node->stop;
done_testing();
