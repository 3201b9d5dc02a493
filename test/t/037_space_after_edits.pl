# Late data leave no holes in the file: a table that got them ends as small as one that was loaded in order.
use strict;
use warnings;
use FindBin;
use lib $FindBin::RealBin;
use DurabilityKit;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = node_new('edits', "autovacuum = off\nmax_wal_senders = 0\nwal_level = minimal");
my $OPTIONS = q{USING tsdb WITH (tags = 'sensor', sample_interval = '1s')};
$node->safe_psql('postgres', <<"SQL");
CREATE FUNCTION samples(n int4, nseries int4) RETURNS TABLE ("time" timestamptz, sensor int4, v float8, is_late bool) LANGUAGE sql AS \$\$
	SELECT timestamptz '2014-01-01Z' + i * interval '788 s', s, round(2000 + 500 * sin((i + s) / 571.0::float8) + 40 * sin((i + s) * 12.9898::float8)) / 100, i % 2 = 1
	FROM generate_series(0, n - 1) i, generate_series(1, nseries) s ORDER BY 1, 2 \$\$;
CREATE TABLE late (time timestamptz NOT NULL, sensor int4, v float8) $OPTIONS;
CREATE TABLE ordered (time timestamptz NOT NULL, sensor int4, v float8) $OPTIONS;
SQL

# Heap pages of the storage.
sub pages
{
	my ($table) = @_;
	return $node->safe_psql('postgres', "SELECT pg_relation_size('" . toast_of($node, $table) . "') / 8192");
}

# Statements, by one session.
sub run
{
	$node->safe_psql('postgres', join "\n", map { "$_;" } @_);
	return;
}

# What fits by the sum of bytes may fit in no piece: some of these sizes leave a row like that.
foreach my $n (12016, 16021)
{
	run('TRUNCATE late, ordered', "INSERT INTO ordered SELECT time, sensor, v FROM samples($n, 20)",
		q{SELECT tsdb.compact('ordered')}, 'VACUUM FULL ordered');
	my $ordered = pages('ordered');
	run("INSERT INTO late SELECT time, sensor, v FROM samples($n, 20) WHERE NOT is_late", q{SELECT tsdb.compact('late')}, 'VACUUM late',
		"INSERT INTO late SELECT time, sensor, v FROM samples($n, 20) WHERE is_late ORDER BY hashint8extended(extract(epoch FROM time)::int8 * 1000 + sensor, 0)",
		q{SELECT tsdb.compact('late')}, 'VACUUM late');
	cmp_ok(pages('late'), '<=', $ordered * 1.05, "late data take no more than $ordered pages");
	is($node->safe_psql('postgres', 'SELECT count(*) FROM ((TABLE late EXCEPT TABLE ordered) UNION ALL (TABLE ordered EXCEPT TABLE late)) d'), '0', 'the same rows');
	verify_clean($node, 'late', 'late data');
}
log_clean($node);
$node->stop;
done_testing();
