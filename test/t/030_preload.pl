# Without shared_preload_libraries nothing is half done: an error that shows the line to add.
use strict;
use warnings;
use FindBin;
use lib $FindBin::RealBin;
use DurabilityKit;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $hint = qr/HINT:.*shared_preload_libraries = 'tsdb'/;
my $node = PostgreSQL::Test::Cluster->new('bare');
$node->init;
$node->append_conf('postgresql.conf', "shared_preload_libraries = ''");
$node->start;
my $error = sql_error($node, 'CREATE EXTENSION tsdb');
like($error, qr/ERROR:  55000/, 'CREATE EXTENSION fails');
like($error, $hint, 'the hint shows the line');
is($node->safe_psql('postgres', q{SELECT count(*) FROM pg_namespace WHERE nspname = 'tsdb'}), '0', 'and leaves no schema');
like(sql_error($node, q{LOAD 'tsdb'}), $hint, 'LOAD: the same hint');
foreach my $setting (qw(session_preload_libraries local_preload_libraries))
{
	my ($out, $error);
	local $ENV{PGOPTIONS} = "-c $setting=tsdb";
	$node->psql('postgres', 'CREATE EXTENSION tsdb', stdout => \$out, stderr => \$error);
	like($error, qr/shared_preload_libraries = 'tsdb'|could not access file/, "$setting does not do");
}
$node->stop;

# Taken away after tables were made.
$node->append_conf('postgresql.conf', "shared_preload_libraries = 'tsdb'\ntsdb.maintenance = off");
$node->start;
$node->safe_psql('postgres', 'CREATE EXTENSION tsdb; CREATE EXTENSION tsdb_test');
twins_create($node);
$node->safe_psql('postgres', twins_write('1, 2', 0, 500, 1));
my $total = twins_total($node);
$node->append_conf('postgresql.conf', "shared_preload_libraries = ''");
$node->restart;
foreach my $sql ('SELECT count(*) FROM m', q{INSERT INTO m VALUES ('2024-01-01', 1)}, 'DELETE FROM m', 'UPDATE m SET v = 1', 'TRUNCATE m', 'VACUUM m',
	'VACUUM FULL m', 'ANALYZE m', 'ALTER TABLE m ADD COLUMN x int', 'ALTER TABLE m SET (sample_interval = \'2s\')', q{SELECT tsdb.compact('m')},
	'CREATE TABLE n (time timestamptz) USING tsdb')
{
	like(sql_error($node, $sql), $hint, "not preloaded: $sql");
}
is($node->safe_psql('postgres', 'SELECT count(*) FROM h'), '1002', 'heap tables do not care');
$node->append_conf('postgresql.conf', "shared_preload_libraries = 'tsdb'");
$node->restart;
is(twins_total($node), $total, 'preloaded again: everything is there');
twins_same($node, 'preloaded again');

# DROP EXTENSION without the library: CASCADE takes the tables along.
$node->append_conf('postgresql.conf', "shared_preload_libraries = ''");
$node->restart;
like(sql_error($node, 'DROP EXTENSION tsdb'), qr/2BP01/, 'DROP EXTENSION is refused while there are tables');
log_clean($node);
$node->stop;
done_testing();
