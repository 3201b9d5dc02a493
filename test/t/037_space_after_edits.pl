# Late data leave no holes in the file: a table that got them ends as small as one that was loaded in order.  And the space of a
# month that was deleted comes back, although its rows share pages with those of other months.
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

# Short segments, so that few pages hold nothing but that month.
run(q{CREATE TABLE months (time timestamptz NOT NULL, sensor int4, v float8) USING tsdb WITH (tags = 'sensor', sample_interval = '1min')},
	q{INSERT INTO months SELECT timestamptz '2024-01-01Z' + i * interval '1 min', s, round(2000 + 500 * sin(i / 571.0::float8) + 40 * sin((i + s) * 12.9898::float8)) / 100
		FROM generate_series(0, 91 * 1440 - 1) i, generate_series(1, 30) s}, q{SELECT tsdb.compact('months')}, 'VACUUM FULL months', 'CREATE TABLE rest AS SELECT * FROM months');
my $before = pages('months');
run(q{SELECT tsdb.mark_deleted('months', '{}', '2024-02-01Z', '2024-03-01Z', 'test')}, 'VACUUM months',
	q{DELETE FROM rest WHERE time >= '2024-02-01Z' AND time < '2024-03-01Z'});
my $returned = ($before - pages('months')) / ($before * 29 / 91);
cmp_ok($returned, '>=', 0.9, sprintf('%.2f of the space of a month comes back', $returned));
is($node->safe_psql('postgres', 'SELECT count(*) FROM ((TABLE months EXCEPT TABLE rest) UNION ALL (TABLE rest EXCEPT TABLE months)) d'), '0', 'the other months are there');
verify_clean($node, 'months', 'a month deleted');
log_clean($node);
$node->stop;
done_testing();
