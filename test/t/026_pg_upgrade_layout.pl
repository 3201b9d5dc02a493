# pg_upgrade: files are taken over as they are, and numbers go on.
use strict;
use warnings;
use FindBin;
use lib $FindBin::RealBin;
use Cwd qw(getcwd);
use DurabilityKit;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $old = node_new('old', '');
twins_create($old);
$old->safe_psql('postgres', twins_write('1, 2, 3', 0, 4000, 1) . q{SELECT tsdb.compact('m');} . twins_write('2', 100, 900, 2));
$old->safe_psql('postgres', <<'SQL');
ALTER TABLE m DROP COLUMN note, ADD COLUMN w float8 DEFAULT 1.5;
ALTER TABLE h DROP COLUMN note, ADD COLUMN w float8 DEFAULT 1.5;
CREATE TABLE empty (time timestamptz, v int4) USING tsdb WITH (tags = '', sample_interval = '1s');
CREATE UNLOGGED TABLE unlogged (time timestamptz, v int4) USING tsdb WITH (tags = '', sample_interval = '1s');
INSERT INTO unlogged VALUES ('2024-01-01', 1);
CREATE TABLE full_vacuum (LIKE m) USING tsdb WITH (tags = 'sensor', sample_interval = '1s');
INSERT INTO full_vacuum SELECT * FROM m;
SELECT tsdb.compact('full_vacuum');
VACUUM FULL full_vacuum;
VACUUM FREEZE m;
CREATE TABLE edited (time timestamptz, v int4) USING tsdb WITH (tags = '', sample_interval = '1s');
INSERT INTO edited SELECT timestamptz '2024-01-01Z' + i * interval '1 s', i FROM generate_series(1, 100) i;
SELECT tsdb.mark_deleted('edited', '{}', '2024-01-01 00:00:10Z', '2024-01-01 00:00:20Z', 'upgraded');
DROP EXTENSION tsdb_test;
SQL
my $totals = 'SELECT (SELECT md5(string_agg(m::text, chr(10) ORDER BY sensor, time)) FROM m), (SELECT count(*) FROM unlogged), (SELECT count(*) FROM empty),
	(SELECT md5(string_agg(f::text, chr(10) ORDER BY sensor, time)) FROM full_vacuum f),
	(SELECT md5(string_agg(f::text, chr(10) ORDER BY time)) FROM tsdb.history($$edited$$) f), (SELECT string_agg(e::text, chr(10) ORDER BY id) FROM tsdb.edits e)';
my $wanted = $old->safe_psql('postgres', $totals);
my $options = q{SELECT relname, reloptions FROM pg_class WHERE relname IN ('m', 'empty', 'unlogged') ORDER BY 1};
my $wanted_options = $old->safe_psql('postgres', $options);
my ($highest, $merged, $block) = split /\|/, $old->safe_psql('postgres',
	q{SELECT (SELECT max(run) FROM tsdb.runs('m')), (SELECT max(merged_sequence) FROM tsdb.segments('m')), (SELECT max(block_id) FROM tsdb.blocks('m'))});
my $bindir = $old->config_data('--bindir');
$old->stop;

foreach my $preloaded (1, 0)
{
	my $way = $preloaded ? 'preloaded' : 'not preloaded meanwhile';
	my $new = PostgreSQL::Test::Cluster->new("new$preloaded");
	$new->init;
	$new->append_conf('postgresql.conf', "tsdb.maintenance = off");
	$new->append_conf('postgresql.conf', "shared_preload_libraries = ''") if !$preloaded;
	my $work = PostgreSQL::Test::Utils::tempdir;
	my $before = getcwd();
	chdir $work or die;
	command_ok([ 'pg_upgrade', '--no-sync', '-d', $old->data_dir, '-D', $new->data_dir, '-b', $bindir, '-B', $bindir,
			'-s', $new->host, '-p', $old->port, '-P', $new->port ], "pg_upgrade, $way")
	  or diag join("\n", map { "$_: " . slurp_file($_) } glob($new->data_dir . '/pg_upgrade_output.d/*/log/*.log'));
	chdir $before;
	$new->append_conf('postgresql.conf', "shared_preload_libraries = 'tsdb'") if !$preloaded;
	$new->start;
	is($new->safe_psql('postgres', $totals), $wanted, "$way: every row");
	is($new->safe_psql('postgres', $options), $wanted_options, "$way: options");
	twins_same($new, $way);
	verify_clean($new, $_, "$way, $_") foreach qw(m full_vacuum unlogged empty);
	$new->safe_psql('postgres', q{INSERT INTO m SELECT time, sensor, v + 1, quality, w FROM h WHERE sensor = 2; UPDATE h SET v = v + 1 WHERE sensor = 2});
	cmp_ok($new->safe_psql('postgres', q{SELECT max(run) FROM tsdb.runs('m')}), '>', $highest, "$way: run numbers go on");
	twins_same($new, "$way, written");
	$new->safe_psql('postgres', q{SELECT tsdb.compact('m'); INSERT INTO empty VALUES ('2024-01-01', 1); SELECT tsdb.compact('empty')});
	cmp_ok($new->safe_psql('postgres', q{SELECT max(merged_sequence) FROM tsdb.segments('m')}), '>', $merged, "$way: sequences go on");
	cmp_ok($new->safe_psql('postgres', q{SELECT max(block_id) FROM tsdb.blocks('m')}), '>', $block, "$way: block ids go on");
	twins_same($new, "$way, compacted");
	verify_clean($new, 'm', "$way, compacted");
	$new->safe_psql('postgres', 'VACUUM FREEZE; VACUUM FULL m;');
	twins_same($new, "$way, vacuumed");
	log_clean($new);
	$new->stop;
}
done_testing();
