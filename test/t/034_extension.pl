# The extension in template1 and in several databases: tables of the same name and of the
# copied template do not mix; DROP EXTENSION and CREATE EXTENSION again, rolled back or not.
use strict;
use warnings;
use FindBin;
use lib $FindBin::RealBin;
use DurabilityKit;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $table = q{CREATE TABLE m (time timestamptz NOT NULL, sensor int4, v float8) USING tsdb WITH (tags = 'sensor', sample_interval = '1s')};
my $fill = q{INSERT INTO m SELECT timestamptz '2024-01-01' + i * interval '1s', 1, i FROM generate_series(1, %d) i};
my $count = 'SELECT count(*), sum(v) FROM m';

my $node = PostgreSQL::Test::Cluster->new('several');
$node->init;
$node->append_conf('postgresql.conf', 'tsdb.maintenance = off');
$node->start;

# Every database has tables and numbers of its own.
$node->safe_psql('template1', 'CREATE EXTENSION tsdb');
$node->safe_psql('postgres', 'CREATE EXTENSION tsdb; CREATE DATABASE one; CREATE DATABASE two');
my %rows = (template1 => 10, one => 1000, two => 2000, postgres => 3);
foreach my $db (sort keys %rows)
{
	$node->safe_psql($db, $table);
	$node->safe_psql($db, sprintf $fill, $rows{$db});
}
foreach my $db (sort keys %rows)
{
	is($node->safe_psql($db, $count), "$rows{$db}|" . $rows{$db} * ($rows{$db} + 1) / 2, "$db: its own rows");
	verify_clean($node, 'm', $db, $db);
}

# A database made from a template with a table in it goes on where that stood.
$node->safe_psql('postgres', 'CREATE DATABASE three');
is($node->safe_psql('three', $count), '10|55', 'a copy has the rows of the template');
$node->safe_psql('three', q{INSERT INTO m VALUES ('2024-01-01 00:00:01', 1, 101), ('2024-01-01 00:00:01', 2, 1); SELECT tsdb.compact('m')});
is($node->safe_psql('three', $count), '11|156', 'and takes writes');
verify_clean($node, 'm', 'three', 'three');
is($node->safe_psql('template1', $count), '10|55', 'which the template does not see');

# DROP and CREATE, in one transaction with rows not yet flushed, and rolled back.
like(sql_error($node, 'DROP EXTENSION tsdb', 'one'), qr/2BP01/, 'DROP EXTENSION is refused while there are tables');
is($node->safe_psql('one', "BEGIN; INSERT INTO m VALUES ('2025-01-01', 1, 0); DROP EXTENSION tsdb CASCADE; ROLLBACK; $count"), '1000|500500', 'rolled back');
is($node->safe_psql('one', "BEGIN; INSERT INTO m VALUES ('2025-01-01', 1, 0); DROP EXTENSION tsdb CASCADE; CREATE EXTENSION tsdb; $table; "
		  . sprintf($fill, 5) . "; COMMIT; $count"), '5|15', 'dropped and made again in one transaction');
foreach my $round (1 .. 3)
{
	is($node->safe_psql('one', "DROP EXTENSION tsdb CASCADE; CREATE TABLE plain (a int); DROP TABLE plain; CREATE EXTENSION tsdb; $table; "
			  . sprintf($fill, $round) . "; $count"), "$round|" . $round * ($round + 1) / 2, "and in one session, round $round");
}
verify_clean($node, 'm', 'one', 'one');
is($node->safe_psql('two', $count), '2000|2001000', 'the other database does not notice');
$node->stop('immediate');
$node->start;
is($node->safe_psql('one', $count), '3|6', 'after a crash');
is($node->safe_psql('two', $count), '2000|2001000', 'the other database after a crash');
$node->safe_psql('postgres', "DROP DATABASE $_") foreach qw(one two three);
log_clean($node);
$node->stop;
done_testing();
