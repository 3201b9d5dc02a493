# wal_level = minimal: a table made and filled in one transaction is not logged but synced.
use strict;
use warnings;
use FindBin;
use lib $FindBin::RealBin;
use DurabilityKit;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = node_new('minimal', "wal_level = minimal\nmax_wal_senders = 0\nwal_skip_threshold = 0\nautovacuum = off\ntsdb.write_buffer = '1MB'");
my @crashes = ([ 'immediate stop' => sub { $node->stop('immediate'); $node->start } ], [ 'kill -9' => sub { kill_all($node); $node->start } ]);
my $create = q{CREATE TABLE %s (time timestamptz NOT NULL, sensor int, v float8, note text) USING tsdb WITH (tags = 'sensor', sample_interval = '1s');};
my $fill = q{INSERT INTO %s SELECT timestamptz '2024-01-01Z' + i * interval '1 s', i %% 5, i, CASE WHEN i %% 10 = 0 THEN 'n' || i END FROM generate_series(1, %d) i;};

foreach my $threshold ('0', '2MB', '1GB')
{
	$node->append_conf('postgresql.conf', "wal_skip_threshold = $threshold");
	$node->reload;
	foreach my $case (@crashes)
	{
		my ($way, $crash) = @$case;
		my $name = "wal_skip_threshold $threshold, $way";
		foreach my $n (10, 30000)
		{
			my ($count, $sum) = ($n, $n * ($n + 1) / 2);
			my $plain = sprintf($create, 'a') . sprintf($fill, 'a', $n);
			my %work = (
				'loaded' => "BEGIN; $plain COMMIT",
				'compacted' => "BEGIN; $plain SELECT tsdb.compact('a'); COMMIT",
				'half of it compacted' => "BEGIN; $plain SELECT tsdb.compact('a'); " . sprintf($fill, 'a', $n / 2) . ' COMMIT',
				'truncated and loaded' => sprintf($create, 'a') . sprintf($fill, 'a', 7) . 'BEGIN; TRUNCATE a;' . sprintf($fill, 'a', $n) . 'COMMIT',
				'truncate rolled back' => "$plain BEGIN; TRUNCATE a; " . sprintf($fill, 'a', 5) . 'SELECT tsdb.compact(\'a\'); ROLLBACK',
				'savepoints' => "BEGIN; SAVEPOINT s; $plain RELEASE s; SAVEPOINT s;" . q{INSERT INTO a VALUES ('2030-01-01', 9, 9);} . 'ROLLBACK TO s; COMMIT',
				'rewritten' => "$plain BEGIN; ALTER TABLE a ALTER COLUMN v TYPE float4; ALTER TABLE a ALTER COLUMN v TYPE float8; COMMIT",
				'vacuum full' => "$plain SELECT tsdb.compact('a'); VACUUM FULL a;",
				'as select' => q{CREATE TABLE a USING tsdb WITH (tags = 'sensor', sample_interval = '1s') AS } . (sprintf($fill, 'a', $n) =~ s/INSERT INTO a//r =~ s/\* interval '1 s',/* interval '1 s' AS time,/r =~ s/i % 5, i,/i % 5 AS sensor, i::float8 AS v,/r =~ s/END FROM/END AS note FROM/r));
			foreach my $what (sort keys %work)
			{
				# One crash for all tables of a turn.
				my $table = 'a_' . $what =~ s/ /_/gr;
				$node->safe_psql('postgres', "DROP TABLE IF EXISTS $table");
				$node->safe_psql('postgres', $work{$what} =~ s/\ba\b(?=[\s;']|$)/$table/gr);
			}
			$node->safe_psql('postgres', 'BEGIN; ' . sprintf($create, 'a_never') . sprintf($fill, 'a_never', $n) . 'ROLLBACK');
			$crash->();
			my @wrong;
			foreach my $what (sort keys %work)
			{
				my $table = 'a_' . $what =~ s/ /_/gr;
				my $got = $node->safe_psql('postgres', "SELECT count(*), sum(v::numeric) FROM $table");
				push @wrong, "$what: $got" if $got ne "$count|$sum";
				my $findings = $node->safe_psql('postgres', "SELECT * FROM tsdb.verify('$table') LIMIT 3");
				push @wrong, "$what: $findings" if $findings ne '';
				# It goes on from there.
				$node->safe_psql('postgres', "INSERT INTO $table (time, sensor, v) VALUES ('2031-01-01', 1, 0), ('2031-01-01', 8, 0); SELECT tsdb.compact('$table')");
				$got = $node->safe_psql('postgres', "SELECT count(*), sum(v::numeric) FROM $table");
				push @wrong, "$what, later: $got" if $got ne ($count + 2) . "|$sum";
				$findings = $node->safe_psql('postgres', "SELECT * FROM tsdb.verify('$table') LIMIT 3");
				push @wrong, "$what, later: $findings" if $findings ne '';
			}
			is(join("\n", @wrong), '', "$name, $n rows: everything is there and sound");
		}
	}
}
log_clean($node);
$node->stop;
done_testing();
