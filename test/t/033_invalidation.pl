# What a backend remembers of a table may be invalidated whenever it takes a lock.  Under a server
# with assertions every such moment is used; else others analyze the table all the time.
use strict;
use warnings;
use FindBin;
use lib $FindBin::RealBin;
use DurabilityKit;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = node_new('forgetful', "autovacuum = off\nmax_parallel_workers_per_gather = 0\ntsdb.write_buffer = '1MB'");
my $asserts = $node->safe_psql('postgres', 'SHOW debug_assertions') eq 'on';
$node->safe_psql('postgres', <<'SQL');
CREATE TABLE m (time timestamptz NOT NULL, plant text, sensor int4, v float8, note text, i8 int8, quality tsdb.quality)
    USING tsdb WITH (tags = 'plant,sensor', sample_interval = '1s');
CREATE TABLE h (LIKE m, UNIQUE (plant, sensor, time)) USING heap;
CREATE TABLE s (LIKE m) USING heap;
INSERT INTO s SELECT timestamptz '2024-01-01Z' + i * interval '1 min', 'p' || i % 3, i % 4, i, 'note' || i, i, 0 FROM generate_series(1, 12) i;
CREATE FUNCTION differing() RETURNS bigint LANGUAGE sql AS
$$ SELECT count(*) FROM ((SELECT m::text FROM m EXCEPT ALL SELECT h::text FROM h) UNION ALL (SELECT h::text FROM h EXCEPT ALL SELECT m::text FROM m)) d $$;
SQL
my $disturbance;
if (!$asserts)
{
	$disturbance = script_start($node, 'disturbance', "ANALYZE m;\nVACUUM m;\n" x 100_000);
}
my $session = DurabilityKit::Session->new($node);
$session->query_safe('SET debug_discard_caches = 1') if $asserts;
my @both = (
	'INSERT INTO %s SELECT * FROM s',
	'UPDATE %s SET v = v + 1 WHERE sensor = 1',
	'DELETE FROM %s WHERE plant = $$p1$$ AND sensor = 2',
	'ALTER TABLE %s ADD COLUMN w float8 DEFAULT 3.5, ADD COLUMN x text DEFAULT $$unset$$',
	'UPDATE %s SET w = 1, x = NULL WHERE time < $$2024-01-01 00:10Z$$',
	'MERGE INTO %1$s t USING s ON t.time = s.time AND t.plant = s.plant AND t.sensor = s.sensor WHEN MATCHED THEN UPDATE SET v = 1 WHEN NOT MATCHED THEN INSERT (time, plant, sensor, v) VALUES (s.time, s.plant, s.sensor, 2)',
	'ALTER TABLE %s ALTER COLUMN i8 TYPE float8',
	'ALTER TABLE %s RENAME COLUMN sensor TO place',
	'ALTER TABLE %s DROP COLUMN note',
	'UPDATE %s SET v = v * 2 WHERE place IN (1, 3)');
foreach my $round (1 .. ($asserts ? 1 : 20))
{
	foreach my $statement (@both)
	{
		next if $round > 1 && $statement =~ /ALTER|MERGE|INSERT|sensor/;
		(my $name = $statement) =~ s/ %(1\$)?s / /g;
		$session->query('BEGIN;' . join(';', map { sprintf($statement, $_) } qw(m h)) . '; SAVEPOINT a; DELETE FROM m WHERE v > 5; ROLLBACK TO a; COMMIT');
		is($session->error, '', "$name: no error") if $round == 1 || $session->error ne '';
		is($node->safe_psql('postgres', 'SELECT differing()'), '0', "$name: same rows") if $round == 1;
	}
	foreach my $statement (
		q{SELECT tsdb.compact('m')}, q{SELECT count(*) FROM tsdb.verify('m')}, q{SELECT count(*) FROM tsdb.blocks('m')}, q{SELECT count(*) FROM tsdb.block_columns('m')},
		q{SELECT count(*) FROM tsdb.segments('m')}, q{SELECT count(*) FROM tsdb.runs('m')}, q{SELECT * FROM m WHERE plant = 'p0' AND time > '2024-01-01 00:20Z' FOR UPDATE},
		q{SELECT plant, count(*), sum(v) FROM m GROUP BY 1}, q{COPY m TO '/dev/null'}, q{SELECT count(*) FROM m TABLESAMPLE system (50)},
		q{BEGIN; DECLARE c SCROLL CURSOR FOR SELECT * FROM m; FETCH 3 FROM c; FETCH LAST FROM c; FETCH BACKWARD 2 FROM c; COMMIT})
	{
		my $out = $session->query($statement);
		is($session->error, '', "$statement: no error") if $round == 1 || $session->error ne '';
		is($out, '0', "$statement: nothing") if $statement =~ /verify/;
	}
}
$session->query_safe('ANALYZE m; VACUUM m; VACUUM FULL m') if $asserts;
is($node->safe_psql('postgres', 'SELECT differing()'), '0', 'same rows at the end');

# Tables that come and go: what is remembered of them is bounded.
$session->query_safe('SET debug_discard_caches = 0') if $asserts;
$session->query_safe(<<'SQL');
CREATE PROCEDURE come_and_go(n int) LANGUAGE plpgsql AS $$
BEGIN
    FOR i IN 1 .. n LOOP
        CREATE TEMP TABLE passing (time timestamptz NOT NULL, sensor int4, v float8) USING tsdb WITH (tags = 'sensor', sample_interval = '1s');
        INSERT INTO passing VALUES (now(), i, i);
        DROP TABLE passing;
        COMMIT;
    END LOOP;
END $$;
SQL
foreach my $round (1 .. 12)
{
	$session->query_safe('CALL come_and_go(500)');
	$session->query_safe('VACUUM pg_class, pg_attribute, pg_type, pg_depend, pg_index');
}
cmp_ok($session->query_safe("SELECT sum(total_bytes) FROM pg_backend_memory_contexts WHERE name LIKE 'tsdb%'"), '<', 80_000_000, '6000 tables take no more than 5000');
$session->quit;
$disturbance->kill_kill if $disturbance;
verify_clean($node, 'm', 'at the end');
log_clean($node);
$node->stop;
done_testing();
