# A logical slot decodes heap tables of a database in which tsdb tables are written; tsdb rows
# are not decoded, and nothing of theirs stops the slot.
use strict;
use warnings;
use FindBin;
use lib $FindBin::RealBin;
use DurabilityKit;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = node_new('publisher', <<'CONF', allows_streaming => 'logical');
shared_buffers = 16MB
max_connections = 30
tsdb.write_buffer = '1MB'
CONF
twins_create($node);
$node->safe_psql('postgres', q{CREATE TABLE plain (id int PRIMARY KEY, big text); ALTER TABLE plain ALTER COLUMN big SET STORAGE EXTERNAL});
my @plugins = ('pgoutput');
push @plugins, 'test_decoding' if -e $node->config_data('--pkglibdir') . '/test_decoding.so';
$node->safe_psql('postgres', "SELECT pg_create_logical_replication_slot('slot_$_', '$_')") foreach @plugins;
$node->safe_psql('postgres', 'CREATE PUBLICATION heap_only FOR TABLE plain');

# A subscriber whose copy of the heap table is a heap table, and whose copy of another is a tsdb table.
my $subscriber = node_new('subscriber', '');
$subscriber->safe_psql('postgres', <<'SQL');
CREATE TABLE plain (id int PRIMARY KEY, big text);
CREATE TABLE feed (time timestamptz NOT NULL, sensor int, v float8) USING tsdb WITH (tags = 'sensor', sample_interval = '1s');
SQL
$node->safe_psql('postgres', 'CREATE TABLE feed (time timestamptz NOT NULL, sensor int, v float8); CREATE PUBLICATION feed FOR TABLE feed WITH (publish = $$insert, truncate$$)');
my $connection = $node->connstr('postgres') =~ s/'/''/gr;
$subscriber->safe_psql('postgres', "CREATE SUBSCRIPTION heap_only CONNECTION '$connection' PUBLICATION heap_only, feed");
$subscriber->wait_for_subscription_sync($node, 'heap_only');

# Everything that writes, mixed with toasted heap rows in the same transactions.
my $mixed = q{INSERT INTO plain SELECT max + i, repeat(md5(i::text), 200) FROM (SELECT coalesce(max(id), 0) AS max FROM plain) p, generate_series(1, 3) i;};
foreach my $sql (
	twins_write('1, 2', 0, 3000, 1),
	"SELECT tsdb.compact('m');",
	q{DELETE FROM m WHERE sensor = 1 AND time < '2024-01-01 02:00Z';},
	q{UPDATE m SET v = v + 1 WHERE sensor = 2 AND time < '2024-01-01 01:00Z';},
	q{SAVEPOINT a; INSERT INTO m SELECT timestamptz '2025-01-01Z' + i * interval '1 s', 5, i FROM generate_series(1, 60000) i; ROLLBACK TO a;},
	q{INSERT INTO m SELECT timestamptz '2025-01-01Z' + i * interval '1 s', 6, i FROM generate_series(1, 60000) i; SELECT tsdb.compact('m');},
	q{ALTER TABLE m ADD COLUMN w float8; INSERT INTO m (time, sensor, w) VALUES ('2026-01-01', 1, 1);},
	q{ALTER TABLE m ALTER COLUMN w TYPE float4;},
	q{TRUNCATE m; INSERT INTO m (time, sensor, w) VALUES ('2026-01-01', 1, 1);},
	q{CREATE TABLE made USING tsdb WITH (tags = '', sample_interval = '1s') AS SELECT now() AS time, 1.5::float8 AS v;})
{
	$node->safe_psql('postgres', "BEGIN; $mixed $sql $mixed COMMIT");
}
$node->safe_psql('postgres', 'VACUUM m');
$node->safe_psql('postgres', 'VACUUM FULL m');
$node->safe_psql('postgres', "BEGIN; $mixed INSERT INTO m (time, sensor, w) VALUES ('2026-01-02', 7, 1); PREPARE TRANSACTION 'p'");
$node->safe_psql('postgres', q{COMMIT PREPARED 'p'});
$node->safe_psql('postgres', q{INSERT INTO feed SELECT timestamptz '2024-01-01Z' + i * interval '1 s', i % 3, i FROM generate_series(1, 3000) i});
my $rows = $node->safe_psql('postgres', 'SELECT count(*), sum(length(big)) FROM plain');

if (grep { $_ eq 'test_decoding' } @plugins)
{
	my $changes = $node->safe_psql('postgres', q{SELECT data FROM pg_logical_slot_get_changes('slot_test_decoding', NULL, NULL)});
	my @inserted = $changes =~ /^table public\.plain: INSERT/mg;
	is(scalar(@inserted), (split /\|/, $rows)[0], 'test_decoding shows every row of the heap table');
	like($changes, qr/^table public\.h: INSERT/m, 'and those of the twin');
	unlike($changes, qr/^table (public\.m|pg_toast\.\w+|public\.made): (INSERT|UPDATE|DELETE)/m, 'and none of a tsdb table');
}
else
{
	note 'no test_decoding here';
}
is($node->safe_psql('postgres', q{SELECT count(*) > 0 FROM pg_logical_slot_get_binary_changes('slot_pgoutput', NULL, NULL, 'proto_version', '1', 'publication_names', 'heap_only')}),
	't', 'pgoutput decodes');
$node->wait_for_catchup('heap_only');
is($subscriber->safe_psql('postgres', 'SELECT count(*), sum(length(big)) FROM plain'), $rows, 'the subscriber has every row');
is($subscriber->safe_psql('postgres', 'SELECT count(*), sum(v), count(DISTINCT sensor) FROM feed'), '3000|4501500|3', 'a tsdb table as subscriber');
$subscriber->safe_psql('postgres', q{SELECT tsdb.compact('feed')});
$node->safe_psql('postgres', q{INSERT INTO feed VALUES ('2024-01-01 00:00:01Z', 1, 1000)});
$node->wait_for_catchup('heap_only');
is($subscriber->safe_psql('postgres', q{SELECT v FROM feed WHERE time = '2024-01-01 00:00:01Z' AND sensor = 1}), '1000', 'the last write wins there too');
verify_clean($subscriber, 'feed', 'subscriber');

# Publishing a tsdb table is refused aloud.
like(sql_error($node, 'CREATE PUBLICATION p FOR TABLE m'), qr/0A000/, 'CREATE PUBLICATION FOR TABLE is refused');
like(sql_error($node, 'ALTER PUBLICATION heap_only ADD TABLE m'), qr/0A000/, 'ALTER PUBLICATION ADD TABLE is refused');
# A crash in between does not hurt the slots.
$node->stop('immediate');
$node->start;
$node->safe_psql('postgres', "BEGIN; $mixed INSERT INTO m (time, sensor, w) VALUES ('2026-01-03', 7, 1); COMMIT");
$rows = $node->safe_psql('postgres', 'SELECT count(*), sum(length(big)) FROM plain');
$node->wait_for_catchup('heap_only');
is($subscriber->safe_psql('postgres', 'SELECT count(*), sum(length(big)) FROM plain'), $rows, 'after a crash: the subscriber has every row');
is($node->safe_psql('postgres', q{SELECT count(*) FROM pg_replication_slots WHERE wal_status IN ('lost', 'unreserved')}), '0', 'no slot is lost');
unlike(slurp_file($node->logfile), qr/toast chunk|could not map filenode|unexpected/, 'decoding met nothing odd');
log_clean($_) foreach $node, $subscriber;
done_testing();
