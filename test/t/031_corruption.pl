# Damaged storage: every byte of it may be anything, and what comes of it is an error of class
# XX001, or an answer; never a crash.  tsdb.verify lists the damage.
use strict;
use warnings;
use FindBin;
use lib $FindBin::RealBin;
use DurabilityKit;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $seed = $ENV{TSDB_SEED} // int(time());
my $rounds = $ENV{TSDB_SOAK_SECONDS} ? $ENV{TSDB_SOAK_SECONDS} * 20 : 250;
note "seed $seed";

my $node = node_new('damaged', "autovacuum = off\nallow_system_table_mods = on\nstatement_timeout = 60s");
twins_create($node);
$node->safe_psql('postgres', twins_write('1, 2, 3', 0, 3000, 1) . q{SELECT tsdb.compact('m');});
$node->safe_psql('postgres', twins_write('2', 0, 50, 2));
$node->safe_psql('postgres', twins_write('3, 4', 0, 6000, 3));
my $toast = toast_of($node, 'm');
verify_clean($node, 'm', 'before');
my $kinds = $node->safe_psql('postgres', "SELECT string_agg(DISTINCT (chunk_id::int8 >> 28)::text, ',') FROM $toast");
is($kinds, '1,2,3,4,5', 'rows of every kind are there');

# While relkind says so, the storage is an ordinary table that UPDATE takes.
$node->safe_psql('postgres', "UPDATE pg_class SET relkind = 'r' WHERE oid = '$toast'::regclass");
$node->safe_psql('postgres', <<"SQL");
CREATE TABLE outcome (what text, way text, read_state text, compact_state text, update_state text, same bool, findings int);
-- One damage of one row: changed bytes, a cut, an addition, nothing at all.
CREATE FUNCTION damage(bytes bytea, way int) RETURNS bytea LANGUAGE plpgsql AS \$\$
DECLARE
    n int := length(bytes);
BEGIN
    IF n = 0 THEN RETURN 'x'::bytea; END IF;
    RETURN CASE way
        WHEN 0 THEN set_byte(bytes, (random() * (n - 1))::int, (random() * 255)::int)
        WHEN 1 THEN set_bit(bytes, (random() * (n * 8 - 1))::int8, (random() * 1)::int)
        WHEN 2 THEN substr(bytes, 1, (random() * (n - 1))::int)
        WHEN 3 THEN bytes || decode(md5(random()::text), 'hex')
        WHEN 4 THEN ''::bytea
        WHEN 5 THEN overlay(bytes PLACING decode(md5(random()::text), 'hex') FROM (random() * greatest(n - 16, 0))::int + 1)
        WHEN 6 THEN decode(repeat('ff', n), 'hex')
        WHEN 7 THEN substr(bytes, 1, least(n, 12)) || decode(repeat('ff', greatest(n - 12, 0)), 'hex')
    END;
END \$\$;
CREATE FUNCTION attempt(statement text) RETURNS text LANGUAGE plpgsql AS \$\$
BEGIN
    EXECUTE statement;
    RETURN 'fine';
EXCEPTION WHEN OTHERS THEN
    RETURN SQLSTATE || CASE WHEN SQLSTATE <> 'XX001' THEN ' ' || SQLERRM ELSE '' END;
END \$\$;
CREATE PROCEDURE torture(rounds int) LANGUAGE plpgsql AS \$\$
DECLARE
    victim record;
    way int;
    o outcome;
    damaged bytea;
    original text := (SELECT md5(string_agg(h::text, ',' ORDER BY sensor, time)) FROM h);
BEGIN
    FOR round IN 1 .. rounds LOOP
        way := (random() * 7)::int;
        -- Each kind gets its share.
        SELECT ctid, chunk_id, chunk_seq, chunk_data INTO victim FROM $toast
        WHERE chunk_id::int8 >> 28 = (ARRAY[1, 2, 3, 3, 4, 4, 5, 5, 5])[1 + (random() * 8)::int] ORDER BY random() LIMIT 1;
        CONTINUE WHEN victim.ctid IS NULL;
        damaged := damage(victim.chunk_data, way);
        o := NULL;
        BEGIN
            UPDATE $toast SET chunk_data = damaged WHERE ctid = victim.ctid;
            o.what := (victim.chunk_id::int8 >> 28)::text;
            o.way := way::text;
            o.read_state := attempt('SELECT count(v), sum(v), min(note) FROM m');
            o.read_state := attempt('CREATE TEMP TABLE answer AS SELECT md5(string_agg(m::text, '','' ORDER BY sensor, time)) FROM m');
            IF o.read_state = 'fine' THEN
                EXECUTE 'SELECT md5 = \$1 FROM answer' USING original INTO o.same;
            END IF;
            PERFORM attempt('SELECT * FROM m WHERE sensor = 2 AND time > ''2024-01-01 05:00Z''');
            PERFORM attempt('SELECT count(*) FROM tsdb.blocks(''m''), tsdb.runs(''m''), tsdb.segments(''m'')');
            PERFORM attempt('SELECT count(*) FROM tsdb.block_columns(''m'')');
            o.update_state := attempt('UPDATE m SET v = v + 1 WHERE sensor = 3 AND time < ''2024-01-01 05:00Z''');
            o.compact_state := attempt('SELECT tsdb.compact(''m'')');
            RAISE SQLSTATE 'UNDO1';
        EXCEPTION WHEN SQLSTATE 'UNDO1' THEN NULL;
        END;
        -- verify on its own: after the damage only.
        BEGIN
            UPDATE $toast SET chunk_data = damaged WHERE ctid = victim.ctid;
            o.findings := (SELECT count(*) FROM tsdb.verify('m'));
            RAISE SQLSTATE 'UNDO1';
        EXCEPTION WHEN SQLSTATE 'UNDO1' THEN NULL;
        END;
        INSERT INTO outcome SELECT o.*;
        COMMIT;
    END LOOP;
END \$\$;
SQL
my ($out, $error);
$node->psql('postgres', "SELECT setseed(($seed % 1000) / 1000.0); CALL torture($rounds)", stdout => \$out, stderr => \$error);
is($error =~ /(ERROR|FATAL|server closed|connection).*/ ? $& : '', '', "$rounds damages did not end the session");
note $node->safe_psql('postgres', q{SELECT what, count(*), count(*) FILTER (WHERE read_state = 'fine'), count(*) FILTER (WHERE findings > 0), count(*) FILTER (WHERE same) FROM outcome GROUP BY 1 ORDER BY 1});
is($node->safe_psql('postgres', q{SELECT DISTINCT what, s FROM outcome, unnest(ARRAY[read_state, compact_state, update_state]) s WHERE s NOT IN ('fine', 'XX001') LIMIT 5}),
	'', 'every error is of class XX001');
is($node->safe_psql('postgres', q{SELECT what, way, read_state, findings FROM outcome WHERE read_state = 'XX001' AND findings = 0 LIMIT 5}), '', 'verify finds what reading finds');
is($node->safe_psql('postgres', q{SELECT what, way, findings FROM outcome WHERE read_state = 'fine' AND NOT same AND findings = 0 LIMIT 5}), '', 'verify finds what changes an answer');
is($node->safe_psql('postgres', q{SELECT what, way FROM outcome WHERE what IN ('3', '4', '5') AND read_state = 'fine' AND NOT same LIMIT 5}), '', 'damaged runs, segments and pages never change an answer unnoticed');
$node->safe_psql('postgres', "UPDATE pg_class SET relkind = 't' WHERE oid = '$toast'::regclass");
twins_same($node, 'undamaged again');
verify_clean($node, 'm', 'undamaged again');

# Rows that are gone, and rows that belong to nothing; a segment long enough to have pages among them.
$node->safe_psql('postgres', twins_write('2', 0, 20000, 5) . q{SELECT tsdb.compact('m');} . twins_write('2', 0, 50, 6));
$node->safe_psql('postgres', "UPDATE pg_class SET relkind = 'r' WHERE oid = '$toast'::regclass");
foreach my $kind (1 .. 5)
{
	# Of segments the one that has pages.
	my $findings = $node->safe_psql('postgres', "BEGIN; DELETE FROM $toast WHERE ctid = (SELECT ctid FROM $toast WHERE chunk_id::int8 >> 28 = $kind
		ORDER BY chunk_id <> 4::int8 * (1 << 28) + (SELECT series_id FROM tsdb.segments('m') ORDER BY bytes DESC LIMIT 1), chunk_seq LIMIT 1);
		SELECT count(*) FROM tsdb.verify('m'); ROLLBACK");
	next if $kind == 3;	# a run that is gone leaves no trace, unless its pages are orphans; so does a short segment
	cmp_ok($findings, '>', 0, "verify finds that a row of kind $kind is gone");
}
my $findings = $node->safe_psql('postgres', "BEGIN; INSERT INTO $toast SELECT chunk_id, 123456789, chunk_data FROM $toast WHERE chunk_id::int8 >> 28 = 5 ORDER BY length(chunk_data) DESC LIMIT 1; SELECT string_agg(problem, ',') FROM tsdb.verify('m'); ROLLBACK");
isnt($findings, '', 'verify finds a page that belongs to nothing');
$node->safe_psql('postgres', "UPDATE pg_class SET relkind = 't' WHERE oid = '$toast'::regclass");

# The metapage, byte by byte, in the file of a stopped server.
my $path = $node->data_dir . '/' . $node->safe_psql('postgres', q{SELECT pg_relation_filepath('m')});
my $has_checksums = $node->safe_psql('postgres', 'SHOW data_checksums') eq 'on';
$node->safe_psql('postgres', 'CHECKPOINT');
$node->stop;
command_ok([ 'pg_checksums', '--disable', '--no-sync', '-D', $node->data_dir ], 'checksums off') if $has_checksums;
my $good = slurp_file($path);
srand($seed);
foreach my $case ('magic', 'version', 'zeroes', 'ones', 'cut', 'random')
{
	my $page = $good;
	substr($page, 24, 4) = 'XXXX' if $case eq 'magic';
	substr($page, 28, 4) = pack('V', 99) if $case eq 'version';
	$page = "\0" x 8192 if $case eq 'zeroes';
	substr($page, 24, 96) = "\xff" x 96 if $case eq 'ones';
	$page = substr($page, 0, 4096) if $case eq 'cut';
	substr($page, 24 + int(rand(96)), 1) = chr(int(rand(256))) if $case eq 'random';
	open(my $file, '>:raw', $path) or die;
	print $file $page;
	close $file;
	$node->start;
	my $read = sql_error($node, 'SELECT count(*), sum(v) FROM m');
	my $write = sql_error($node, q{BEGIN; INSERT INTO m VALUES ('2024-01-01', 1, 1); SELECT tsdb.compact('m'); ROLLBACK});
	my $verify = sql_error($node, q{SELECT * FROM tsdb.verify('m')});
	foreach my $error ($read, $write, $verify)
	{
		like($error, qr/^$|XX001|0A000|54000|XX002|22008|psql:<stdin>:\d+: ERROR/, "metapage, $case: an error or an answer");
	}
	like($write, qr/XX001|0A000/, "metapage, $case: no writing") if $case =~ /magic|version/;
	is($node->safe_psql('postgres', 'SELECT 1'), '1', "metapage, $case: the server lives");
	$node->stop;
}
open(my $file, '>:raw', $path) or die;
print $file $good;
close $file;
$node->start;
twins_same($node, 'metapage as it was');
log_clean($node);
$node->stop;
done_testing();
