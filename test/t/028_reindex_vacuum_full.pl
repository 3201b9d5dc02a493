# What an administrator may do to the storage: REINDEX, also concurrently and cancelled, VACUUM FULL of
# the table and of its storage, freezing, and getting space back.
use strict;
use warnings;
use FindBin;
use lib $FindBin::RealBin;
use DurabilityKit;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = node_new('admin', "autovacuum = off\ntsdb.write_buffer = '1MB'");
twins_create($node);
my $toast = toast_of($node, 'm');
$node->safe_psql('postgres', twins_write('1, 2', 0, 3000, 1));

sub sound
{
	my ($name) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	twins_same($node, $name);
	verify_clean($node, 'm', $name);
	my ($main, $storage) = split /\|/, $node->safe_psql('postgres',
		q{SELECT m.relfrozenxid, t.relfrozenxid FROM pg_class m JOIN pg_class t ON t.oid = m.reltoastrelid WHERE m.oid = 'm'::regclass});
	isnt($storage, '0', "$name: relfrozenxid of the storage is set");
	return;
}

sub indexes
{
	return $node->safe_psql('postgres', "SELECT count(*), count(*) FILTER (WHERE NOT indisvalid) FROM pg_index WHERE indrelid = '$toast'::regclass");
}

# Writers that are open across REINDEX CONCURRENTLY, begun before it and in the middle.
# More than the buffer holds: the writer has locks on the storage from then on.
my $overflow = q{INSERT INTO m SELECT timestamptz '2025-01-01Z' + i * interval '1 s', 6, i FROM generate_series(1, 60000) i; DELETE FROM m WHERE sensor = 6;};
my $writer = DurabilityKit::Session->new($node);
my $second = DurabilityKit::Session->new($node);
my $admin = DurabilityKit::Session->new($node);
my $holder = DurabilityKit::Session->new($node);
$writer->query_safe('BEGIN;' . twins_write('3', 0, 1000, 1) . $overflow);
$admin->start("REINDEX TABLE CONCURRENTLY $toast");
$node->poll_query_until('postgres', "SELECT count(*) > 1 FROM pg_index WHERE indrelid = '$toast'::regclass") or die;
$second->query_safe('BEGIN;' . twins_write('4, 5', 0, 1000, 1));
ok($admin->is_running, 'REINDEX CONCURRENTLY waits for the writer');
$writer->query_safe(twins_write('3', 900, 1100, 2) . 'COMMIT;');
$node->safe_psql('postgres', twins_write('7', 0, 300, 2));
$second->query_safe(twins_write('4', 900, 1100, 2) . 'COMMIT;');
$admin->finish;
is($admin->error, '', 'REINDEX CONCURRENTLY ends well');
is(indexes(), '1|0', 'one index is left');
sound('REINDEX CONCURRENTLY with writers');
$node->safe_psql('postgres', q{SELECT tsdb.compact('m')} . ";REINDEX TABLE $toast");
sound('compacted and reindexed');

# A new series while REINDEX CONCURRENTLY has an index that is not valid yet: dictionary rows are seen by it at once.
$writer->query_safe('BEGIN;' . twins_write('3', 0, 10, 3) . $overflow);
$admin->start("REINDEX TABLE CONCURRENTLY $toast");
$node->poll_query_until('postgres', "SELECT count(*) > 1 FROM pg_index WHERE indrelid = '$toast'::regclass") or die;
$node->safe_psql('postgres', "BEGIN; SET LOCAL lock_timeout = '30s';" . twins_write('100, 101', 0, 50, 1) . 'COMMIT');
$node->safe_psql('postgres', 'BEGIN;' . twins_write('102, 103', 0, 50, 1) . 'ROLLBACK');
$writer->query_safe('COMMIT');
$admin->finish;
is($admin->error, '', 'REINDEX CONCURRENTLY with new series ends well');
$node->safe_psql('postgres', twins_write('100, 101, 102, 103', 40, 90, 2));
sound('new series during REINDEX CONCURRENTLY');

# Cancelled: the leftover index must not get in the way of anything.
$writer->query_safe('BEGIN;' . twins_write('3', 500, 600, 4) . $overflow);
$admin->start("REINDEX TABLE CONCURRENTLY $toast");
$node->poll_query_until('postgres', "SELECT count(*) > 1 FROM pg_index WHERE indrelid = '$toast'::regclass") or die;
$node->safe_psql('postgres', q{SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE query LIKE 'REINDEX%' AND pid <> pg_backend_pid()});
$admin->finish;
like($admin->error, qr/57014/, 'REINDEX CONCURRENTLY is cancelled');
$writer->query_safe('COMMIT');
is(indexes(), '2|1', 'it leaves an invalid index');
sound('with the leftover');
$node->safe_psql('postgres', twins_write('1, 2', 100, 900, 4) . q{SELECT tsdb.compact('m');});
sound('with the leftover, compacted');
$node->safe_psql('postgres', 'VACUUM FULL m');
sound('with the leftover, VACUUM FULL');
$node->safe_psql('postgres', twins_write('1, 2', 200, 950, 5) . q{SELECT tsdb.compact('m');} . twins_write('104', 0, 20, 1));
sound('with the leftover, VACUUM FULL and compacted');
my $leftover = $node->safe_psql('postgres', "SELECT indexrelid::regclass FROM pg_index WHERE indrelid = '$toast'::regclass AND NOT indisvalid");
$node->safe_psql('postgres', "DROP INDEX $leftover") if $leftover ne '';
is(indexes(), '1|0', 'the leftover can be dropped');

# The series that was never finished (its DICT row is missing) does not spoil REINDEX.
foreach my $point (qw(series_before_insert series_before_dict))
{
	$writer->query("SELECT tsdb_test.debug_point_error('$point')");
	$writer->query('BEGIN;' . twins_write('300', 0, 10, 1) . 'COMMIT');
	isnt($writer->error, '', "an error at $point");
	$writer->query(q{ROLLBACK; SELECT tsdb_test.debug_point_error('')});
	$node->safe_psql('postgres', "REINDEX TABLE $toast");
	$node->safe_psql('postgres', 'VACUUM FULL m');
	$node->safe_psql('postgres', "REINDEX TABLE CONCURRENTLY $toast");
	sound("failed dictionary insert at $point");
}
$node->safe_psql('postgres', twins_write('300', 0, 10, 2));
sound('the series after all');

# VACUUM FULL of the table or of its storage against an older repeatable-read snapshot.
my $digest = 'SELECT count(*), sum(v::numeric), count(note), max(time) FROM m';
my $reader = DurabilityKit::Session->new($node);
foreach my $target ('m', $toast)
{
	$reader->query_safe('BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM h;');
	my $before = $node->safe_psql('postgres', $digest);
	$node->safe_psql('postgres', 'BEGIN; DELETE FROM m WHERE sensor = 2; DELETE FROM h WHERE sensor = 2; COMMIT;');
	$node->safe_psql('postgres', twins_write('1', 0, 500, 6) . q{SELECT tsdb.compact('m');} . twins_write('1', 0, 50, 7));
	isnt($node->safe_psql('postgres', $digest), $before, 'something changed');
	$node->safe_psql('postgres', "VACUUM FULL $target");
	is($reader->query_safe($digest), $before, "VACUUM FULL $target: an older snapshot sees what it saw");
	$node->safe_psql('postgres', $_) foreach 'VACUUM m', "VACUUM $toast", "REINDEX TABLE $toast";
	is($reader->query_safe($digest), $before, "VACUUM FULL $target, VACUUM and REINDEX: the same");
	$reader->query_safe('COMMIT');
	sound("VACUUM FULL $target");
	$node->safe_psql('postgres', twins_write('2', 0, 2000, 8) . q{SELECT tsdb.compact('m');} . twins_write('2', 100, 150, 9));
	sound("written after VACUUM FULL $target");
}

# Compaction in the middle when VACUUM FULL of the storage comes, and the other way round.
foreach my $point (qw(compact_after_barrier compact_before_write compact_before_delete))
{
	$node->safe_psql('postgres', twins_write('1, 2', 100, 700, 11));
	$holder->query_safe("SELECT tsdb_test.debug_point_hold('$point')");
	$writer->start(q{SELECT tsdb.compact('m')});
	point_waited($node);
	$admin->start("VACUUM FULL $toast");
	$node->poll_query_until('postgres', q{SELECT count(*) = 1 FROM pg_locks WHERE mode = 'AccessExclusiveLock' AND NOT granted}) or die;
	$holder->query_safe("SELECT tsdb_test.debug_point_release('$point')");
	$writer->finish;
	is($writer->error, '', "$point: compaction ends well beside VACUUM FULL of the storage");
	$admin->finish;
	is($admin->error, '', "$point: and so does VACUUM FULL");
	sound("VACUUM FULL of the storage at $point");
	$node->safe_psql('postgres', q{SELECT tsdb.compact('m')});
	sound("compaction after VACUUM FULL of the storage at $point");
}

# relfrozenxid of every rewrite; age goes down by VACUUM FREEZE.
foreach my $rewrite ('VACUUM FULL m', "VACUUM FULL $toast", 'ALTER TABLE m ALTER COLUMN v TYPE float4; ALTER TABLE m ALTER COLUMN v TYPE float8', 'ALTER TABLE m SET UNLOGGED; ALTER TABLE m SET LOGGED',
	'ALTER TABLE m SET ACCESS METHOD heap; ALTER TABLE m SET ACCESS METHOD tsdb, SET (tags = $$sensor$$, sample_interval = $$1s$$)')
{
	my $before = $node->safe_psql('postgres', $digest);
	$node->safe_psql('postgres', $rewrite);
	$toast = toast_of($node, 'm');
	is($node->safe_psql('postgres', $digest), $before, "$rewrite: the same rows") unless $rewrite =~ /float4/;
	$node->safe_psql('postgres', 'UPDATE h SET v = v::float4') if $rewrite =~ /float4/;
	sound($rewrite);
	$node->safe_psql('postgres', twins_write('1, 2', 100, 300, 12) . q{SELECT tsdb.compact('m')});
	sound("written after $rewrite");
}
$node->safe_psql('postgres', 'SELECT txid_current()') foreach 1 .. 50;
my $ages = q{SELECT age(m.relfrozenxid), age(t.relfrozenxid) FROM pg_class m JOIN pg_class t ON t.oid = m.reltoastrelid WHERE m.oid = 'm'::regclass};
my ($main_before, $storage_before) = split /\|/, $node->safe_psql('postgres', $ages);
cmp_ok($storage_before, '>', 40, 'the storage has an age');
$node->safe_psql('postgres', 'VACUUM FREEZE m');
my ($main_after, $storage_after) = split /\|/, $node->safe_psql('postgres', $ages);
cmp_ok($storage_after, '<', 5, 'VACUUM FREEZE makes the storage young');
cmp_ok($main_after, '<', 5, 'VACUUM FREEZE makes the table young');
sound('VACUUM FREEZE');

# Space comes back.
$node->safe_psql('postgres', <<'SQL');
CREATE TABLE big (time timestamptz NOT NULL, sensor int4, v float8) USING tsdb WITH (tags = 'sensor', sample_interval = '1s');
INSERT INTO big SELECT timestamptz '2024-01-01Z' + i * interval '1 s', i % 2, random() FROM generate_series(1, 200000) i;
SELECT tsdb.compact('big');
SQL
$node->safe_psql('postgres', 'VACUUM big');
my $size = $node->safe_psql('postgres', q{SELECT pg_total_relation_size('big')});
foreach (1 .. 3)
{
	$node->safe_psql('postgres', q{UPDATE big SET v = random() WHERE sensor = 0; SELECT tsdb.compact('big');});
	$node->safe_psql('postgres', 'VACUUM big');
}
my $worn = $node->safe_psql('postgres', q{SELECT pg_total_relation_size('big')});
cmp_ok($worn, '<', $size * 2.5, "rewritten three times: $worn bytes after $size");
$node->safe_psql('postgres', q{DELETE FROM big WHERE time >= '2024-01-01 01:00Z'; SELECT tsdb.compact('big');});
$node->safe_psql('postgres', 'VACUUM big');
my $left = $node->safe_psql('postgres', q{SELECT pg_total_relation_size('big')});
cmp_ok($left, '<', $size / 4, "DELETE, compaction and VACUUM give space back: $left bytes of $worn");
is($node->safe_psql('postgres', 'SELECT count(*) FROM big'), '3599', 'and the rest is there');
verify_clean($node, 'big', 'space');
$node->safe_psql('postgres', q{DELETE FROM big; SELECT tsdb.compact('big');});
$node->safe_psql('postgres', 'VACUUM big');
cmp_ok($node->safe_psql('postgres', q{SELECT pg_total_relation_size('big')}), '<', 150_000, 'an emptied table is small');
verify_clean($node, 'big', 'emptied');
$_->quit foreach $writer, $second, $admin, $holder, $reader;
log_clean($node);
$node->stop;
done_testing();
