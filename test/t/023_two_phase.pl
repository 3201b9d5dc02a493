# Prepared transactions: over restarts and crashes, and with compaction in between, which they hold back.
use strict;
use warnings;
use FindBin;
use lib $FindBin::RealBin;
use DurabilityKit;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = node_new('prepared', "autovacuum = off\ntsdb.write_buffer = '1MB'");
twins_create($node);
$node->safe_psql('postgres', twins_write('1, 2', 0, 1000, 1));

sub compact
{
	$node->safe_psql('postgres', q{SELECT tsdb.compact('m')});
	return;
}

sub crash
{
	my ($way) = @_;
	$way == 0 ? $node->restart : $way == 1 ? do { $node->stop('immediate'); $node->start } : do { kill_all($node); $node->start };
	return;
}

foreach my $way (0 .. 2)
{
	my $name = ('restart', 'immediate stop', 'kill -9')[$way];
	# Prepared first, hence of lower sequence than what comes later and wins over it.
	$node->safe_psql('postgres', 'BEGIN;' . twins_write('1', 0, 300, 10 + $way) . "PREPARE TRANSACTION 'kept'");
	$node->safe_psql('postgres', "BEGIN; DELETE FROM m WHERE sensor = 2 AND time < '2024-01-01 01:00Z'; PREPARE TRANSACTION 'given up'");
	my $before = twins_total($node);
	$node->safe_psql('postgres', 'INSERT INTO m SELECT time, sensor, -5, note, quality FROM h WHERE sensor = 3');
	is($node->safe_psql('postgres', 'SELECT count(*) FROM m') , (split /\|/, $before)[0] + $node->safe_psql('postgres', 'SELECT count(*) FROM h WHERE sensor = 3'),
		"$name: what is prepared is not seen") if $way == 0;
	# A later write of the same slots, not prepared: it wins, though it is committed first.
	$node->safe_psql('postgres', q{INSERT INTO m SELECT timestamptz '2024-01-01Z' + i * interval '10 s', 1, -1, 'later', 0 FROM generate_series(0, 20) i});
	compact();
	crash($way);
	is($node->safe_psql('postgres', 'SELECT count(*) FROM pg_prepared_xacts'), '2', "$name: both transactions are there");
	compact();
	$node->safe_psql('postgres', 'VACUUM m');
	is($node->safe_psql('postgres', q{SELECT count(*) FROM m WHERE note = 'later'}), '21', "$name: the later write is seen");
	# The series of the prepared UPDATE or DELETE is still locked; INSERT goes on.
	like(sql_error($node, "SET lock_timeout = '200ms'; DELETE FROM m WHERE sensor = 2 AND time < '2024-01-01 01:00Z'"), qr/55P03/,
		"$name: its lock outlives the restart");
	$node->safe_psql('postgres', q{COMMIT PREPARED 'kept'});
	is($node->safe_psql('postgres', q{SELECT count(*) FROM m WHERE note = 'later'}), '21', "$name: the later write wins over the prepared one");
	is($node->safe_psql('postgres', q{SELECT count(*) FROM m a JOIN h b USING (sensor, time) WHERE a.sensor = 1 AND a.v IS DISTINCT FROM b.v}),
		$node->safe_psql('postgres', q{SELECT count(*) FROM m a JOIN h b USING (sensor, time) WHERE a.note = 'later' AND a.v IS DISTINCT FROM b.v}),
		"$name: and else the prepared one is what is read");
	compact();
	is($node->safe_psql('postgres', q{SELECT count(*) FROM m WHERE note = 'later'}), '21', "$name: and so it is after compaction");
	crash($way);
	$node->safe_psql('postgres', q{ROLLBACK PREPARED 'given up'});
	compact();
	verify_clean($node, 'm', $name);
	# Back to twins.
	$node->safe_psql('postgres', 'BEGIN;' . twins_write('1', 0, 30, 10 + $way) . 'COMMIT');
	twins_same($node, $name);
}

# A prepared transaction holds back compaction of what came after it, and only that.
$node->safe_psql('postgres', q{SELECT tsdb.compact('m')});
is($node->safe_psql('postgres', q{SELECT count(*) FROM tsdb.runs('m')}), '0', 'all packed');
$node->safe_psql('postgres', 'BEGIN;' . twins_write('1', 0, 50, 3) . "PREPARE TRANSACTION 'barrier'");
$node->safe_psql('postgres', twins_write('4', 0, 50, 3));
compact();
is($node->safe_psql('postgres', q{SELECT count(*) FROM tsdb.runs('m') WHERE blocked}), '1', 'a later run is kept back and says so');
$node->safe_psql('postgres', q{COMMIT PREPARED 'barrier'});
compact();
is($node->safe_psql('postgres', q{SELECT count(*) FROM tsdb.runs('m')}), '0', 'then it goes');
twins_same($node, 'barrier');

# New table, new series, overflow, savepoints, all in one prepared transaction.
$node->safe_psql('postgres', q{BEGIN;
	CREATE TABLE p (time timestamptz NOT NULL, sensor int, v float8) USING tsdb WITH (tags = 'sensor', sample_interval = '1s');
	INSERT INTO p SELECT timestamptz '2024-01-01Z' + i * interval '1 s', i % 5, i FROM generate_series(1, 60000) i;
	SAVEPOINT a; INSERT INTO p SELECT timestamptz '2025-01-01Z' + i * interval '1 s', 77, i FROM generate_series(1, 60000) i; ROLLBACK TO a;
	SAVEPOINT b; DELETE FROM p WHERE sensor = 4; RELEASE b; UPDATE p SET v = -v WHERE sensor = 3;
	PREPARE TRANSACTION 'table'});
crash(2);
like(sql_error($node, 'SELECT count(*) FROM p'), qr/42P01/, 'a prepared table is not seen');
$node->safe_psql('postgres', q{COMMIT PREPARED 'table'});
is($node->safe_psql('postgres', 'SELECT count(*), sum(v), count(DISTINCT sensor) FROM p'), '48000|720000000|4', 'a prepared table with its rows');
$node->safe_psql('postgres', q{SELECT tsdb.compact('p')});
is($node->safe_psql('postgres', 'SELECT count(*), sum(v), count(DISTINCT sensor) FROM p'), '48000|720000000|4', 'the same after compaction');
verify_clean($node, 'p', 'a prepared table');

# TRUNCATE and DROP, prepared and given up.
$node->safe_psql('postgres', q{BEGIN; TRUNCATE p; INSERT INTO p VALUES ('2024-01-01', 1, 1); PREPARE TRANSACTION 'truncated'});
crash(1);
$node->safe_psql('postgres', q{ROLLBACK PREPARED 'truncated'});
is($node->safe_psql('postgres', 'SELECT count(*), sum(v) FROM p'), '48000|720000000', 'TRUNCATE given up');
$node->safe_psql('postgres', q{BEGIN; TRUNCATE p; INSERT INTO p VALUES ('2024-01-01', 1, 1); PREPARE TRANSACTION 'truncated'});
crash(2);
$node->safe_psql('postgres', q{COMMIT PREPARED 'truncated'});
is($node->safe_psql('postgres', 'SELECT count(*), sum(v) FROM p'), '1|1', 'TRUNCATE committed');
verify_clean($node, 'p', 'truncated');
# A compaction may be prepared too.
$node->safe_psql('postgres', twins_write('1, 2', 0, 400, 8) . q{BEGIN; SELECT tsdb.compact('m'); PREPARE TRANSACTION 'compaction'});
crash(1);
twins_same($node, 'compaction prepared');
$node->safe_psql('postgres', twins_write('1, 2', 100, 500, 9));
$node->safe_psql('postgres', q{COMMIT PREPARED 'compaction'});
twins_same($node, 'compaction committed');
compact();
twins_same($node, 'and another one');
verify_clean($node, 'm', 'compaction committed');
log_clean($node);
$node->stop;
done_testing();
