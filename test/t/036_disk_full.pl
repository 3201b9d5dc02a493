# A full disk: statements fail, nothing is lost, and all goes on when there is room again.
#
# The server's limit on the size of a file stands in for the disk: it can be set and lifted while the server runs.
use strict;
use warnings;
use FindBin;
use lib $FindBin::RealBin;
use DurabilityKit;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

use constant FULL_BYTES => 24 * 1024 * 1024;    # above a segment of WAL

plan skip_all => 'needs prlimit' if system('prlimit --version >/dev/null 2>&1') != 0;
my $node = node_new('full', "autovacuum = off\nmax_wal_size = 2GB");

# New sessions inherit the limit of the postmaster.
sub disk
{
	my ($limit) = @_;
	my ($pid) = split /\n/, slurp_file($node->data_dir . '/postmaster.pid');
	system_or_bail('prlimit', '--pid', $pid, "--fsize=$limit:unlimited");
	return;
}

# Rows from .. until of one sensor that no codec makes smaller: a hash of their numbers.
sub rows
{
	my ($from, $until, $seed) = @_;
	my @words = map { "hashint8extended(i, $seed + $_)" } 0 .. 3;
	return "SELECT timestamptz '2024-01-01Z' + i * interval '1 s', i % 4, @{[join ', ', @words]} FROM generate_series($from, $until) i";
}

# holds(name, SELECT...) - m holds exactly the rows of these queries.
sub holds
{
	my ($name, @queries) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	my $wanted = join ' UNION ALL ', @queries;
	is( $node->safe_psql('postgres', "SET work_mem = '1GB'; SELECT count(*) FROM ((TABLE m EXCEPT ALL ($wanted)) UNION ALL (($wanted) EXCEPT ALL TABLE m)) d"),
		'0', "$name: the rows of what was committed, and no others");
	verify_clean($node, 'm', $name);
	return;
}

my $columns = 'time timestamptz NOT NULL, sensor int8, a int8, b int8, c int8, d int8';
$node->safe_psql('postgres', "CREATE TABLE m ($columns) USING tsdb WITH (tags = 'sensor', sample_interval = '1s')");
my $first = rows(1, 300_000, 1);
$node->safe_psql('postgres', "INSERT INTO m $first");
my $too_large = qr/could not (extend|write|fallocate)|File too large/;

# A statement that overflows the write buffer, one that fails at commit, and one in a savepoint.
disk(FULL_BYTES);
my $second = rows(300_001, 1_100_000, 1);
like(sql_error($node, "INSERT INTO m $second"), $too_large, 'a large load fails');
holds('after a failed load', $first);
like(sql_error($node, "SET tsdb.write_buffer = '512MB'; BEGIN; INSERT INTO m $second; COMMIT"), $too_large, 'a COMMIT fails');
holds('after a failed commit', $first);
my $few = rows(2_000_001, 2_000_100, 1);
$node->safe_psql('postgres', <<~"SQL");
	BEGIN;
	INSERT INTO m $few;
	SAVEPOINT s;
	DO \$\$ BEGIN
	    INSERT INTO m $second;
	    SET LOCAL tsdb.write_buffer = '1MB';
	    PERFORM count(*) FROM m;
	    RAISE 'not reached';
	EXCEPTION WHEN OTHERS THEN
	    IF SQLERRM = 'not reached' THEN RAISE; END IF;
	END \$\$;
	COMMIT;
	SQL
holds('after a failed savepoint', $first, $few);

# Compaction has no room for a copy; readers and small commits go on.
my $third = rows(300_001, 600_000, 2);
disk('unlimited');
$node->safe_psql('postgres', "INSERT INTO m $third");
disk(FULL_BYTES);
like(sql_error($node, q{SELECT tsdb.compact('m')}), $too_large, 'compaction fails');
holds('after a failed compaction', $first, $few, $third);

# The server goes down while the disk is full.
$node->stop('immediate');
$node->start;
holds('after a crash', $first, $few, $third);

# Room again.
$node->safe_psql('postgres', q{SELECT tsdb.compact('m')});
$node->safe_psql('postgres', 'VACUUM m');
$node->safe_psql('postgres', "INSERT INTO m $second");
holds('with room again', $first, $few, $second);
$node->safe_psql('postgres', q{SELECT tsdb.compact('m')});
holds('and compacted', $first, $few, $second);
log_clean($node);
done_testing();
