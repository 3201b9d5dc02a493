# VACUUM by hand gives the space back that compaction left: rows move to the front of the storage, whatever else goes on.
use strict;
use warnings;
use FindBin;
use lib $FindBin::RealBin;
use DurabilityKit;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = node_new('space', "autovacuum = off\nmax_wal_senders = 0\nwal_level = minimal");
twins_create($node);

# Heap pages of the storage, and how much of them is rows, in per cent.
sub pages
{
	my ($table) = @_;
	my $toast = toast_of($node, $table);
	return split /\|/, $node->safe_psql('postgres', "SELECT pages, round(100 * bytes / pages / 8168)
		FROM (SELECT pg_relation_size('$toast') / 8192 AS pages) p, (SELECT sum(40 + length(chunk_data)) AS bytes FROM $toast) r");
}

sub load
{
	my ($from, $until, $factor) = @_;
	$node->safe_psql('postgres', twins_write('1, 2, 3, 4, 5, 6', $from, $until, $factor) . q{SELECT tsdb.compact('m');});
	return;
}

sub sound
{
	my ($name) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	twins_same($node, $name);
	verify_clean($node, 'm', $name);
	return;
}

# What VACUUM says when it moves rows.
sub moved
{
	my ($vacuum, @options) = @_;
	my ($out, $error);
	$node->psql('postgres', $vacuum, stdout => \$out, stderr => \$error, @options);
	return join ',', $error =~ /moved (\d+) rows|((?:ERROR|WARNING).*)/g ? $& =~ s/moved [1-9].*/moved/r : '';
}

load(0, 12000, 1);
my ($pages, $full) = pages('m');
is(moved('VACUUM (VERBOSE) m'), 'moved', 'VACUUM moves rows');
my ($pages_after, $full_after) = pages('m');
cmp_ok($pages_after, '<', $pages * 0.7, "$pages pages become $pages_after");
cmp_ok($full_after, '>=', 90, "$full per cent full become $full_after");
sound('moved');
is(moved('VACUUM (VERBOSE) m'), '', 'a second VACUUM has nothing to move');
$node->safe_psql('postgres', 'VACUUM FULL m');
cmp_ok((pages('m'))[0], '>', $pages_after * 0.95, 'VACUUM FULL gains hardly more');

# Options.
my $factor = 2;
foreach my $options ('INDEX_CLEANUP off', 'INDEX_CLEANUP false', 'TRUNCATE false', 'PROCESS_TOAST false')
{
	load(0, 12000, $factor++);
	is(moved("VACUUM (VERBOSE, $options) m"), '', "$options: nothing moves");
}
is(moved('VACUUM (VERBOSE)'), '', 'VACUUM of the database moves nothing');
foreach my $options ('ANALYZE', 'FREEZE', 'SKIP_LOCKED', 'PARALLEL 0', 'INDEX_CLEANUP auto', 'DISABLE_PAGE_SKIPPING', 'ANALYZE false, FULL false')
{
	load(0, 12000, $factor++);
	is(moved("VACUUM (VERBOSE, $options) m"), 'moved', "$options: rows move");
	sound($options);
}
is($node->safe_psql('postgres', q{SELECT count(*) FROM pg_stats WHERE tablename = 'm' AND attname = 'v'}), '1', 'ANALYZE went on as well');
like(sql_error($node, 'BEGIN; VACUUM m;'), qr/25001/, 'not in a transaction block');
like(sql_error($node, 'VACUUM (TRUNCATE nonsense) m'), qr/42601/, 'errors of options are those of core');
like(sql_error($node, 'VACUUM (FULL nonsense) m'), qr/42601/, 'also of those that are looked at before core does');

# Together with other tables, and as a partition.
load(0, 12000, $factor++);
is(moved('VACUUM (VERBOSE) h, m'), 'moved', 'with a heap table beside it');
sound('with a heap table');
$node->safe_psql('postgres', <<'SQL');
CREATE TABLE parted (time timestamptz NOT NULL, sensor int4, v float8) PARTITION BY RANGE (time);
CREATE TABLE p24 PARTITION OF parted FOR VALUES FROM ('2024-01-01Z') TO ('2025-01-01Z') USING tsdb WITH (tags = 'sensor', sample_interval = '1s');
CREATE TABLE p25 PARTITION OF parted FOR VALUES FROM ('2025-01-01Z') TO ('2026-01-01Z');
INSERT INTO parted SELECT timestamptz '2024-01-01Z' + i * interval '1 s', s, i * 7919 % 100003 / 7.0 FROM generate_series(1, 9000) i, generate_series(1, 4) s;
SELECT tsdb.compact('p24');
SQL
$pages = (pages('p24'))[0];
is(moved('VACUUM (VERBOSE) parted'), 'moved', 'rows of a partition move');
cmp_ok((pages('p24'))[0], '<', $pages * 0.7, 'and it shrinks');
is($node->safe_psql('postgres', 'SELECT count(*), sum(i * 7919 % 100003 / 7.0) = (SELECT sum(v) FROM parted WHERE sensor = 3) FROM generate_series(1, 9000) i'), '9000|t', 'its rows');
verify_clean($node, 'p24', 'partition');

# Rights: who may not vacuum moves nothing, who may needs no right on the schema of the storage.
$node->safe_psql('postgres', 'CREATE ROLE stranger LOGIN; CREATE ROLE owner LOGIN; GRANT ALL ON SCHEMA public TO owner; ALTER TABLE m OWNER TO owner; GRANT SELECT ON m TO stranger');
load(0, 12000, $factor++);
$pages = (pages('m'))[0];
like(moved('VACUUM (VERBOSE) m', extra_params => [ '-U', 'stranger' ]), qr/^WARNING:  /, 'a stranger is warned');
is((pages('m'))[0], $pages, 'and moves nothing');
is(moved('VACUUM (VERBOSE) m', extra_params => [ '-U', 'owner' ]), 'moved', 'the owner may');
$pages_after = (pages('m'))[0];
cmp_ok($pages_after, '<', $pages * 0.8, 'and the file shrinks');
sound('by its owner');

# Locks of others: SKIP_LOCKED waits for nobody, and a compaction is not waited for.
my $session = DurabilityKit::Session->new($node);
my $holder = DurabilityKit::Session->new($node);
load(0, 12000, $factor++);
$session->query_safe('BEGIN; LOCK TABLE m IN ACCESS EXCLUSIVE MODE');
is(moved('VACUUM (VERBOSE, SKIP_LOCKED) m'), q{WARNING:  skipping vacuum of "m" --- lock not available}, 'SKIP_LOCKED skips');
$session->query_safe('COMMIT');
$holder->query_safe(q{SELECT tsdb_test.debug_point_hold('compact_before_delete')});
$session->start(q{SELECT tsdb.compact('m')});
point_waited($node);
is(moved('VACUUM (VERBOSE) m'), 'moved 0 rows', 'nothing moves beside a compaction') or diag moved('VACUUM (VERBOSE) m');
$holder->query_safe(q{SELECT tsdb_test.debug_point_release('compact_before_delete')});
$session->finish;
is($session->error, '', 'the compaction ends well');
is(moved('VACUUM (VERBOSE) m'), 'moved', 'afterwards they do');
sound('beside a compaction');

# A snapshot that is there when the file is to be cut, and gone soon after.
load(0, 12000, $factor++);
my $reader = DurabilityKit::Session->new($node);
$holder->query_safe(q{SELECT tsdb_test.debug_point_hold('move_before_commit')});
$pages = (pages('m'))[0];
$session->start('VACUUM m');
point_waited($node);
$reader->query_safe('BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT 1');
$holder->query_safe(q{SELECT tsdb_test.debug_point_hold('vacuum_retry')});
$holder->query_safe(q{SELECT tsdb_test.debug_point_release('move_before_commit')});
$node->poll_query_until('postgres', q{SELECT wait_event_type = 'Lock' FROM pg_stat_activity WHERE query LIKE 'VACUUM m%'}) or die 'no second try';
is((pages('m'))[0], $pages, 'nothing is cut under an old snapshot');
$reader->query_safe('COMMIT');
$holder->query_safe(q{SELECT tsdb_test.debug_point_release('vacuum_retry')});
$session->finish;
is($session->error, '', 'the vacuum ends well');
cmp_ok((pages('m'))[0], '<', $pages * 0.7, 'the second try cuts');
$reader->quit;
sound('a snapshot in the way');

# A crash before the move is committed.
load(0, 12000, $factor++);
$holder->query_safe(q{SELECT tsdb_test.debug_point_hold('move_before_commit')});
$session->start('VACUUM m');
point_waited($node);
kill_all($node);
$_->quit foreach $holder, $session;
$node->start;
sound('crash while rows are moved');
is(moved('VACUUM (VERBOSE) m'), 'moved', 'they move after it');
sound('moved after the crash');

# Everything at once, for a while.
my $seconds = $ENV{TSDB_SOAK_SECONDS} // 6;
my $end = "clock_timestamp() > timestamptz '" . $node->safe_psql('postgres', "SELECT clock_timestamp() + interval '$seconds s'") . "'";
my @scripts;
foreach my $name (qw(vacuum write compact read))
{
	my $statement = {
		vacuum => 'VACUUM m;',
		write => join('', map { 'BEGIN;' . twins_write($_ % 6 + 1, $_ * 97 % 9000, $_ * 97 % 9000 + 900, $factor + $_) . 'COMMIT;' } 1 .. 4),
		compact => q{SELECT tsdb.compact('m');},
		read => q{BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) = (SELECT count(*) FROM h), sum(v::numeric) IS NOT DISTINCT FROM (SELECT sum(v::numeric) FROM h) FROM m; COMMIT;} }->{$name};
	push @scripts, [ $name, script_start($node, $name, "SELECT $end AS over \\gset\n\\if :over\n\\q\n\\endif\n$statement\n" x ($seconds * 60)) ];
}
foreach my $script (@scripts)
{
	my ($name, $run) = @$script;
	$run->finish;
	my ($out, $error) = script_output($name);
	is(join("\n", grep { /ERROR|FATAL/ } split /\n/, $error), '', "$name: no error");
	is(join(',', grep { !/^t\|t$|^$/ } split /\n/, $out), '', 'readers saw the same rows as in the heap table') if $name eq 'read';
	cmp_ok(scalar(() = $out =~ /t\|t/g), '>', 3, 'several times') if $name eq 'read';
}
sound('all at once');
log_clean($node);
$node->stop;
done_testing();
