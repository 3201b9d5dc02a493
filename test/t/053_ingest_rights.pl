# The line protocol server among attackers and administrators: whose code runs as whom, what may be written to, what becomes of
# requests when roles, tables, the extension or addresses change under it, and HTTP that is meant to deceive.
use strict;
use warnings;
use FindBin;
use lib $FindBin::RealBin;
use DurabilityKit;
use HTTP::Tiny;
use IO::Select;
use IO::Socket::INET;
use MIME::Base64;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes;

my $port = PostgreSQL::Test::Cluster::get_free_port();
my $base = "http://127.0.0.1:$port";
my $w = '/write?db=d';
my $node = node_new('rights', <<"CONF");
tsdb.ingest_database = ingest
tsdb.http_listen = '127.0.0.1:$port'
tsdb.anonymous_role = writer
max_prepared_transactions = 5
CONF
my $http = HTTP::Tiny->new(timeout => 30, keep_alive => 1);
$node->safe_psql('postgres', <<'SQL');
CREATE ROLE writer LOGIN;
CREATE ROLE mallory LOGIN PASSWORD 'm';
CREATE ROLE boss LOGIN SUPERUSER PASSWORD 'b';
CREATE DATABASE ingest;
SQL
sql(<<'SQL');
CREATE EXTENSION tsdb;
CREATE SCHEMA d;
GRANT ALL ON SCHEMA d, public TO writer, mallory;
SQL
wait_server();

test_code_of_users();
test_kinds_of_tables();
test_many_rows();
test_system_schemas();
test_roles();
test_settings();
test_events();
test_http();
test_second_cluster();
test_alter();
test_extension();
test_encoding();
$node->stop('fast');
log_clean($node);
done_testing();

sub sql { return $node->safe_psql('ingest', $_[0]); }

sub wait_server
{
	my $patience = time() + $PostgreSQL::Test::Utils::timeout_default;
	until (HTTP::Tiny->new(timeout => 5)->get("$base/ping")->{status} eq '204')
	{
		die 'the server does not answer' if time() > $patience;
		Time::HiRes::usleep(20_000);
	}
	return;
}

sub basic { return (Authorization => 'Basic ' . encode_base64($_[0], '')); }

# ask(path, lines, headers) - status and body.
sub ask
{
	my ($path, $lines, %headers) = @_;
	my $answer = $http->post("$base$path", { content => $lines, headers => \%headers });
	return "$answer->{status} " . (($answer->{content} // '') =~ s/\n\z//r);
}

sub writes
{
	my ($name, $expected, $path, $lines, %headers) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	my $got = ask($path, $lines, %headers);
	return ref $expected ? like($got, $expected, $name) : is($got, $expected, $name);
}

sub holds
{
	my ($name, $query, $expected) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	is(sql($query), $expected, $name);
	return;
}

# Triggers, defaults and functions of a role that may create tables run as whoever sends the lines, never as the server.
sub test_code_of_users
{
	sql(<<'SQL');
SET ROLE mallory;
CREATE TABLE public.seen (what text, who text, at_least text);
GRANT ALL ON public.seen TO writer;
-- No schema before the name: found as in any session.
CREATE FUNCTION d.note() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO seen VALUES (TG_NAME, current_user, TG_WHEN); RETURN NEW; END $$;
-- Puts off what it can once more.
CREATE FUNCTION d.note_again() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN SET CONSTRAINTS ALL DEFERRED; INSERT INTO d.second VALUES (now()); RETURN NEW; END $$;
CREATE FUNCTION d.me() RETURNS text LANGUAGE plpgsql AS $$ BEGIN INSERT INTO seen VALUES ('default', current_user, ''); RETURN current_user; END $$;
CREATE TABLE d.second (time timestamptz);
CREATE CONSTRAINT TRIGGER third AFTER INSERT ON d.second DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION d.note();
CREATE TABLE d.trap (time timestamptz, v float8, who text DEFAULT d.me());
CREATE TRIGGER first BEFORE INSERT ON d.trap FOR EACH ROW EXECUTE FUNCTION d.note();
CREATE CONSTRAINT TRIGGER later AFTER INSERT ON d.trap DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION d.note();
CREATE TABLE d.later (time timestamptz, v float8);
CREATE CONSTRAINT TRIGGER later_still AFTER INSERT ON d.later DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION d.note_again();
CREATE TABLE d.spoiled (time timestamptz, v float8);
CREATE FUNCTION d.spoil() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
	SET statement_timeout = 1; SET default_transaction_read_only = on; SET search_path = nowhere; SET lock_timeout = 1; SET synchronous_commit = off; SET timezone = 'Asia/Tokyo'; RETURN NEW;
END $$;
CREATE TRIGGER spoil BEFORE INSERT ON d.spoiled FOR EACH ROW EXECUTE FUNCTION d.spoil();
CREATE TABLE d.escape (time timestamptz, v float8);
CREATE FUNCTION d.up() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RESET ROLE; RETURN NEW; END $$;
CREATE CONSTRAINT TRIGGER up AFTER INSERT ON d.escape DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION d.up();
GRANT INSERT ON d.trap, d.second, d.later TO writer;
SQL
	writes('a table with deferred triggers', '204 ', "$w&u=mallory&p=m", 'trap v=1 1000');
	holds('all code has run, as who sent the lines', q{SELECT string_agg(DISTINCT what || ' ' || who, ', ' ORDER BY what || ' ' || who) FROM seen},
		'default mallory, first mallory, later mallory');
	sql('TRUNCATE seen');
	# Two roles at once: the worker waits for a lock while they come.
	my $locker = DurabilityKit::Session->new($node, 'ingest');
	sql(q{CREATE TABLE d.gate (time timestamptz NOT NULL, v float8) USING tsdb WITH (tags = $$$$, sample_interval = '1us'); ALTER TABLE d.gate OWNER TO writer});
	$locker->query_safe('BEGIN; LOCK TABLE d.gate');
	my @sockets = (post_start($w, 'gate v=1 1000'));
	$node->poll_query_until('postgres', 'SELECT count(*) = 1 FROM pg_locks WHERE NOT granted') or die;
	push @sockets, post_start($w, "gate v=2 2000\ntrap v=2 2000"), post_start("$w&u=mallory&p=m", 'trap v=3 3000'), post_start($w, 'gate v=4 4000');
	$locker->query_safe('COMMIT');
	$locker->quit;
	like(read_answer($_), qr{^HTTP/1.1 204}, 'requests of two roles together') foreach @sockets;
	holds('each is itself', q{SELECT string_agg(DISTINCT what || ' ' || who, ', ' ORDER BY what || ' ' || who) FROM seen},
		join(', ', map { ("$_ mallory", "$_ writer") } qw(default first later)));
	holds('and its rows are there once', q{SELECT (SELECT count(*) FROM d.trap), (SELECT string_agg(v::text, ',' ORDER BY v) FROM d.gate)}, '3|1,2,4');
	writes('what would run at the commit', qr/^403 .*cannot fire deferred trigger within security-restricted operation/, $w, 'later v=1 1000');
	writes('settings that a trigger makes', '204 ', "$w&u=mallory&p=m", 'spoiled v=1 1000');
	writes('end with it', '204 ', $w, "gate v=5 5000\ntrap v=5 5000");
	writes('nobody gets out of his role', qr/^403 .*cannot set parameter \\"role\\" within security-definer function/, "$w&u=mallory&p=m", 'escape v=1 1000');
	return;
}

# What is no table, or one that only the executor can write.
sub test_kinds_of_tables
{
	sql(<<'SQL');
SET ROLE writer;
CREATE VIEW d.a_view AS SELECT now() AS time, 1.0::float8 AS v;
CREATE MATERIALIZED VIEW d.a_matview AS SELECT now() AS time, 1.0::float8 AS v;
CREATE SEQUENCE d.a_sequence;
CREATE TYPE d.a_type AS (v float8);
CREATE TABLE d.parent (time timestamptz NOT NULL, host text, v float8) PARTITION BY RANGE (time);
CREATE TABLE d.parent_70 PARTITION OF d.parent FOR VALUES FROM ('1970-01-01') TO ('1971-01-01') USING tsdb WITH (tags = 'host', sample_interval = '1us');
CREATE TABLE d.parent_71 PARTITION OF d.parent FOR VALUES FROM ('1971-01-01') TO ('1972-01-01') USING heap;
CREATE TABLE d.made (time timestamptz NOT NULL, host text, v float8, twice float8 GENERATED ALWAYS AS (v * 2) STORED) USING heap;
CREATE DOMAIN d.percent AS float8 CHECK (VALUE <= 100);
CREATE TABLE d.domains (time timestamptz NOT NULL, v d.percent) USING tsdb WITH (tags = '', sample_interval = '1us');
CREATE TABLE d.timeless (v float8);
CREATE TABLE d.ruled (time timestamptz, v float8);
CREATE RULE away AS ON INSERT TO d.ruled DO INSTEAD NOTHING;
RESET ROLE;
CREATE FOREIGN DATA WRAPPER nowhere;
CREATE SERVER nowhere FOREIGN DATA WRAPPER nowhere;
CREATE FOREIGN TABLE d.a_foreign (time timestamptz, v float8) SERVER nowhere;
SQL
	writes("\"$_\"", qq(400 {"error":"partial write: \\"$_\\" is not a table dropped=1"}), $w, "$_ v=1 1000") foreach qw(a_view a_matview a_sequence a_type a_foreign);
	writes('a partitioned table', '204 ', $w, "parent,host=a v=1 0\nparent,host=a v=2 31536000000000000\nparent,host=a v=3 1000");
	holds('each row is in its partition', 'SELECT string_agg(tableoid::regclass || v::text, $$ $$ ORDER BY v) FROM d.parent', 'd.parent_701 d.parent_712 d.parent_703');
	writes('a partition itself', '204 ', $w, 'parent_70,host=b v=4 0');
	writes('beyond its bounds', qr/^400 .*violates partition constraint/, $w, 'parent_70,host=b v=4 31536000000000000');
	writes('no partition for a row', qr/^400 .*no partition of relation .* dropped=1/, $w, "parent,host=c v=5 0\nparent,host=c v=6 94608000000000000");
	holds('its neighbour is there', q{SELECT v FROM d.parent WHERE host = 'c'}, '5');
	writes('a generated column', '204 ', $w, 'made,host=a v=2 0');
	writes('is not written to', qr/^400 .*cannot insert a non-DEFAULT value into column/, $w, 'made,host=a twice=2 0');
	writes('a domain', qr/^400 .*value for domain .*dropped=1/, $w, "domains v=100 0\ndomains v=101 1000");
	holds('has what fits', 'SELECT v FROM d.domains', '100');
	writes('no column for the time', qr/^400 .*has no time column/, $w, 'timeless v=1 0');
	writes('a rule that takes the rows', '204 ', $w, 'ruled v=1 0');
	return;
}

# Rows of tables of others share statements; one that is refused harms no other, and none is there twice.
sub test_many_rows
{
	sql(<<'SQL');
SET ROLE writer;
CREATE TABLE d.heap (time timestamptz NOT NULL, host text, v float8, note text, CHECK (v < 1e6));
CREATE TABLE d.statements (n int);
CREATE FUNCTION d.count_statement() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO d.statements VALUES (1); RETURN NULL; END $$;
CREATE TRIGGER count_statement AFTER INSERT ON d.heap FOR EACH STATEMENT EXECUTE FUNCTION d.count_statement();
SQL
	writes('5000 lines', '204 ', $w, join("\n", map { "heap,host=h$_ v=$_,note=\"it's \\\\ \\\"$_\\\"\" ${_}000" } 1 .. 5000));
	holds('are 5000 rows', q{SELECT count(*), sum(v), count(DISTINCT time), max(note) FROM d.heap}, q{5000|12502500|5000|it's \ "999"});
	holds('in few statements', 'SELECT count(*) <= 6 FROM d.statements', 't');
	writes('fields in turn', '204 ', $w, join("\n", map { $_ % 2 ? "heap,host=x v=$_ $_" : "heap,host=x note=\"n\",v=$_ $_" } 1 .. 20));
	holds('are rows, too', q{SELECT count(*), count(note), sum(v) FROM d.heap WHERE host = 'x'}, '20|10|210');
	writes('a bad line among good ones', qr/^400 .*heap_v_check.*dropped=2"\}$/s, $w, join("\n", map { 'heap,host=y v=' . ($_ % 500 ? $_ : 1e6) . " $_" } 1 .. 1000));
	holds('drops itself alone', q{SELECT count(*) FROM d.heap WHERE host = 'y'}, '998');
	writes('a line that waits for a column and is bad then', qr/^400 .*heap_v_check.*dropped=1"\}$/s, $w, "heap,host=z v=1 0\nheap,host=z v=1e6,new=1 0\nheap,host=z v=3,new=1 0");
	holds('does not double what was committed before', q{SELECT string_agg(v::text, ',' ORDER BY v) FROM d.heap WHERE host = 'z'}, '1,3');
	return;
}

sub test_system_schemas
{
	my %before = map { $_ => sql("SELECT count(*) FROM $_") } qw(pg_catalog.pg_authid pg_catalog.pg_description);
	foreach my $schema (qw(pg_catalog information_schema pg_toast pg_temp_1 tsdb nosuch), 'x' x 200, '%ff%fe', '"d"', "d'--")
	{
		writes("database $schema", qr/^404 .*database not found/, "/write?db=$schema&u=boss&p=b", 'pg_description v=1 1');
	}
	writes('a database with a NUL in its name', '400 {"error":"database is required"}', '/write?db=d%00x', 'x v=1 1');
	writes('by version 2', qr/^404 .*database not found/, '/api/v2/write?bucket=pg_catalog&u=boss&p=b', 'pg_authid rolname="x" 1');
	is($http->get("$base/query?u=boss&p=b&q=SHOW+DATABASES")->{content} =~ s/.*"values"://r, qq([["d"],["public"]]}]}]}\n), 'SHOW DATABASES');
	like($http->post("$base/query?u=boss&p=b&q=CREATE+DATABASE+%22pg_x%22")->{content}, qr/unacceptable schema name/, 'CREATE DATABASE "pg_x"');
	writes('CREATE DATABASE with a name that is no text', '400 {"error":"the query is not UTF-8, or not valid in the encoding of the database"}', '/query?u=boss&p=b&q=CREATE+DATABASE+%22x%ff%22', '');
	like($http->post("$base/query?u=mallory&p=m&q=CREATE+DATABASE+%22x%22%22%3b+DROP+SCHEMA+d%3b--%22")->{content}, qr/error/, 'CREATE DATABASE by who may not');
	is(sql("SELECT count(*) FROM $_"), $before{$_}, "$_ is as it was") foreach sort keys %before;
	# A table of another schema, and one whose name has a dot.
	sql(q{CREATE SCHEMA other; CREATE TABLE other.t (time timestamptz NOT NULL, v float8) USING tsdb WITH (tags = $$$$, sample_interval = '1us'); GRANT ALL ON other.t TO writer});
	writes('a measurement is never in another schema', '204 ', $w, 'other.t v=1 1000');
	holds('but a table with a dot in its name', 'SELECT (SELECT count(*) FROM other.t), (SELECT v FROM d."other.t")', '0|1');
	return;
}

# Roles change under connections that stay open.
sub test_roles
{
	my %anna = basic('anna:a');

	sql(q{CREATE ROLE anna LOGIN PASSWORD 'a'; GRANT ALL ON SCHEMA d TO anna});
	my $ok = sub { writes($_[0], '204 ', $w, 'role v=1 1000', %anna) };
	my $no = sub { writes($_[0], '401 {"error":"authorization failed"}', $w, 'role v=1 1000', %anna) };
	$ok->('a role');
	sql('ALTER ROLE anna NOLOGIN');
	$no->('NOLOGIN');
	sql(q{ALTER ROLE anna LOGIN VALID UNTIL '2000-01-01'});
	$no->('VALID UNTIL the past');
	sql(q{ALTER ROLE anna VALID UNTIL 'infinity' CONNECTION LIMIT 0});
	$ok->('requests are no connections: CONNECTION LIMIT is not asked');
	sql('REVOKE CONNECT ON DATABASE ingest FROM PUBLIC');
	$no->('REVOKE CONNECT');
	sql('GRANT CONNECT ON DATABASE ingest TO PUBLIC');
	$ok->('GRANT CONNECT');
	sql('ALTER ROLE anna PASSWORD NULL');
	$no->('no password any more');
	sql(q{ALTER ROLE anna PASSWORD 'a'});
	sql(q{ALTER ROLE anna SET statement_timeout = 1; ALTER ROLE anna SET default_transaction_read_only = on; ALTER ROLE anna SET lock_timeout = 1; ALTER ROLE anna SET role = 'writer'; ALTER ROLE anna SET search_path = 'other'});
	$ok->('settings of the role say nothing');
	# By way of a group.
	sql('CREATE ROLE crew; GRANT crew TO anna; REVOKE ALL ON SCHEMA d FROM anna');
	writes('REVOKE USAGE', qr/^403 .*not authorized to write to database/, $w, 'role v=1 1000', %anna);
	sql('GRANT ALL ON SCHEMA d TO crew');
	$ok->('rights of a group');
	sql(q{CREATE TABLE d.columns_only (time timestamptz NOT NULL, host text, v float8) USING tsdb WITH (tags = $$host$$, sample_interval = '1us'); GRANT INSERT (time, host, v) ON d.columns_only TO anna});
	writes('INSERT on each column', '204 ', $w, 'columns_only,host=a v=1 1000', %anna);
	sql('REVOKE INSERT (v) ON d.columns_only FROM anna');
	writes('but for one', qr/^403 .*not authorized to write to measurement/, $w, 'columns_only,host=a v=1 1000', %anna);
	sql('ALTER ROLE anna RENAME TO bertha');
	$no->('renamed');
	sql(q{DROP OWNED BY bertha; REASSIGN OWNED BY bertha TO boss; DROP ROLE bertha});
	$no->('dropped');
	sql('ALTER ROLE writer RENAME TO was_writer');
	writes('the role of those who give no name is gone', qr/^401 .*unable to parse authentication credentials/, $w, 'role v=1 1000');
	sql('ALTER ROLE was_writer RENAME TO writer');
	writes('and back', '204 ', $w, 'mine v=1 1000');
	return;
}

# Settings of the database that would stop or mislead the server, taken in when it starts anew.
sub test_settings
{
	$node->safe_psql('postgres', "ALTER DATABASE ingest SET $_") foreach q{statement_timeout = '1ms'}, q{lock_timeout = '1ms'}, 'default_transaction_read_only = on', q{default_transaction_isolation = 'serializable'},
	  q{default_table_access_method = tsdb}, 'row_security = off', q{datestyle = 'german'}, q{timezone = 'Australia/Lord_Howe'}, 'standard_conforming_strings = off', q{search_path = 'other, public'},
	  q{idle_in_transaction_session_timeout = '1ms'}, 'extra_float_digits = -15';
	$node->restart;
	wait_server();
	writes('a new table', '204 ', $w, "set,host=a\\b v=0.1 1596240000000000000");
	writes('a heap table', '204 ', $w, "heap,host=set\\b v=0.1,note=\"a\\\\b'c\" 1596240000000000000");
	$node->safe_psql('postgres', 'ALTER DATABASE ingest RESET ALL');
	holds('their rows', q{SELECT s.time = h.time AND s.time = '2020-08-01 00:00:00+00', s.host, h.host, s.v, h.v, h.note FROM d.set s, d.heap h WHERE h.host LIKE 'set%'}, q{t|a\b|set\b|0.1|0.1|a\b'c});
	$node->restart;
	wait_server();
	# A name that is no role looks to clients like a wrong password: the log says what it is.
	my $log_end = -s $node->logfile;
	$node->safe_psql('postgres', 'ALTER SYSTEM SET tsdb.anonymous_role = wirter');
	$node->reload;
	ok($node->wait_for_log(qr/Setting "tsdb.anonymous_role" names "wirter", which is no role/, $log_end), 'the log names a role that is none');
	writes('who gives no name is refused then', qr/^401 /, $w, 'set v=1');
	$node->safe_psql('postgres', 'ALTER SYSTEM RESET tsdb.anonymous_role');
	$node->restart;
	wait_server();
	return;
}

# Event triggers: they run as the role, and may refuse.
sub test_events
{
	sql(<<'SQL');
TRUNCATE seen;
CREATE FUNCTION public.on_ddl() RETURNS event_trigger LANGUAGE plpgsql AS $$
BEGIN
	INSERT INTO public.seen VALUES (tg_tag, current_user, '');
	IF EXISTS (SELECT FROM pg_event_trigger_ddl_commands() WHERE object_identity LIKE '%forbidden%') THEN RAISE 'no such name'; END IF;
END $$;
CREATE EVENT TRIGGER on_ddl ON ddl_command_end EXECUTE FUNCTION public.on_ddl();
SQL
	writes('a table is made', '204 ', $w, 'event v=1 1000');
	writes('a column is added', '204 ', $w, 'event w=1 1000');
	writes('an event trigger refuses', qr/^400 .*no such name dropped=1/, $w, "forbidden v=1 1000\nevent v=2 2000");
	holds('as whom they ran', q{SELECT string_agg(what || ' ' || who, ', ' ORDER BY what) FROM seen}, 'ALTER TABLE writer, CREATE TABLE writer');
	holds('who was not refused', 'SELECT string_agg(v::text, $$,$$ ORDER BY v) FROM d.event', '1,2');
	sql('DROP EVENT TRIGGER on_ddl');
	return;
}

sub post_start
{
	my ($path, $body) = @_;
	return send_bytes("POST $path HTTP/1.1\r\nHost: x\r\nContent-Length: " . length($body) . "\r\n\r\n$body");
}

sub send_bytes
{
	my ($bytes) = @_;
	my $socket = IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $port, Proto => 'tcp') or die "connect: $!";
	$socket->syswrite($bytes);
	return $socket;
}

# read_answer(socket, pattern) - what comes until the pattern, the headers' end by default.
sub read_answer
{
	my ($socket, $until) = @_;
	my $answer = '';
	$until //= qr/\r\n\r\n/;
	while ($answer !~ $until && IO::Select->new($socket)->can_read(20))
	{
		last unless $socket->sysread($answer, 65536, length $answer);
	}
	return $answer;
}

# all_of(bytes) - everything that the server says to them before it closes, or is silent for a while.
sub all_of
{
	my ($bytes) = @_;
	my $socket = send_bytes($bytes);
	my $answer = '';
	while (IO::Select->new($socket)->can_read(length $answer ? 1 : 4))
	{
		last unless $socket->sysread($answer, 65536, length $answer);
	}
	return $answer;
}

sub test_http
{
	my $line = 'smuggled v=1 1000';
	my $inner = "POST $w HTTP/1.1\r\nHost: x\r\nContent-Length: " . length($line) . "\r\n\r\n$line";
	my $post = "POST $w HTTP/1.1\r\nHost: x\r\n";

	# A proxy that reads such a message otherwise than we do would take what follows for somebody else's.
	like(all_of($_->[1]), $_->[2], $_->[0]) or diag(sql(q{SELECT to_regclass('d.smuggled')})) foreach
	  [ 'length and chunks', "${post}Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n$inner", qr{\A(HTTP/1.1 400|\z)} ],
	  [ 'two lengths', "${post}Content-Length: 0\r\nContent-Length: " . length($inner) . "\r\n\r\n$inner", qr{\A(HTTP/1.1 400|\z)} ],
	  [ 'a negative length', "${post}Content-Length: -1\r\n\r\n$inner", qr{\A(HTTP/1.1 400|\z)} ],
	  [ 'a length beyond all', "${post}Content-Length: 99999999999999999999\r\n\r\n$inner", qr{\A(HTTP/1.1 4\d\d|\z)} ],
	  [ 'a length that is none', "${post}Content-Length: 0x10\r\n\r\n$inner", qr{\A(HTTP/1.1 400|\z)} ],
	  [ 'an unknown transfer encoding', "${post}Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n$inner", qr{\A(HTTP/1.1 (400|501)|\z)} ],
	  [ 'a chunk of a negative size', "${post}Transfer-Encoding: chunked\r\n\r\n-1\r\n$inner", qr{\A(HTTP/1.1 400|\z)} ],
	  [ 'a chunk beyond all', "${post}Transfer-Encoding: chunked\r\n\r\nffffffffffffffffff\r\n$inner", qr{\A(HTTP/1.1 (400|413)|\z)} ],
	  [ 'no host', "GET /ping HTTP/1.1\r\n\r\n", qr{\AHTTP/1.1 (204|400)} ],
	  [ 'version 9', "GET /ping HTTP/9.9\r\nHost: x\r\n\r\n", qr{\A(HTTP/1.1 (400|505)|\z)} ],
	  [ 'CONNECT', "CONNECT evil:80 HTTP/1.1\r\nHost: x\r\n\r\n", qr{\AHTTP/1.1 4\d\d} ],
	  [ 'a long path', 'GET /' . 'a' x 100_000 . " HTTP/1.1\r\nHost: x\r\n\r\n", qr{\A(HTTP/1.1 414|\z)} ],
	  [ 'thousands of headers', "GET /ping HTTP/1.1\r\n" . join('', map { "X-$_: y\r\n" } 1 .. 20_000) . "\r\n", qr{\A(HTTP/1.1 431|\z)} ],
	  [ 'a hundred arguments', "GET /ping?" . join('&', map { "a$_=b" } 1 .. 100) . " HTTP/1.1\r\nHost: x\r\n\r\n", qr{\AHTTP/1.1 204} ],
	  [ 'thousands', "GET /ping?" . join('&', map { "a$_=b" } 1 .. 3000) . " HTTP/1.1\r\nHost: x\r\n\r\n", qr{\A(HTTP/1.1 4\d\d|\z)} ];
	holds('nothing was smuggled in', q{SELECT to_regclass('d.smuggled') IS NULL}, 't');

	# Several requests at once, the last one only half.
	my $pipeline = join '', map { my $l = "piped v=$_ ${_}000"; "POST $w HTTP/1.1\r\nHost: x\r\nContent-Length: " . length($l) . "\r\n\r\n$l" } 1 .. 20;
	is(scalar(() = all_of("$pipeline${post}Content-Length: 1000\r\n\r\npiped v=21 21000") =~ m{HTTP/1.1 204}g), 20, 'a pipeline of requests');
	holds('half of one writes nothing', 'SELECT count(*), max(v) FROM d.piped', '20|20');
	# Who asks and never reads the answers.
	my $deaf = send_bytes("GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n" x 5000);
	writes('others are served beside a client that reads nothing', '204 ', $w, 'piped v=22 22000');
	close $deaf;
	# A header of an answer that repeats what was sent.
	unlike(all_of("POST /write?db=x%0d%0aSet-Cookie:%20a=b HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 1\r\n\r\nx"), qr/^Set-Cookie/m, 'no header can be put into the answer');
	like(all_of("POST $w HTTP/1.0\r\nContent-Length: 18\r\n\r\npiped v=23 23000\r\n"), qr{\AHTTP/1.[01] 204}, 'HTTP/1.0');
	# Telegraf: the body in chunks and packed, no length, and nothing read but the status.
	require IO::Compress::Gzip;
	my $lines = "cpu,cpu=cpu-total,host=h usage_idle=98.1,usage_user=1i 1596240000000000000\n";
	IO::Compress::Gzip::gzip(\$lines => \my $packed);
	my $chunk = sprintf("%x\r\n%s\r\n0\r\n\r\n", length $packed, $packed);
	my $agent = "Host: x\r\nUser-Agent: Telegraf/1.30 Go/1.22\r\n";
	like(all_of("POST /query HTTP/1.1\r\n${agent}Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 31\r\n\r\nq=CREATE+DATABASE+%22tlgrf%22\r\n"), qr{\AHTTP/1.1 200 .*not authorized}s,
		'telegraf: CREATE DATABASE, which it may be refused');
	like(all_of("POST $w&consistency=any HTTP/1.1\r\n${agent}Content-Type: text/plain; charset=utf-8\r\nContent-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n$chunk"), qr/\AHTTP\/1.1 204 [^{]*\z/s, 'telegraf: a batch');
	like(all_of("POST /api/v2/write?bucket=d&org=O HTTP/1.1\r\n${agent}Authorization: Token mallory:m\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n$chunk"),
		qr{\AHTTP/1.1 403 .*"code":"forbidden"}s, 'telegraf: version 2, a table of somebody else');
	like(all_of("POST /api/v2/write?bucket=d&org=O HTTP/1.1\r\n${agent}Authorization: Token secret\r\nContent-Length: 1\r\n\r\nx"), qr{\AHTTP/1.1 401 .*"code":"unauthorized"}s, 'telegraf: version 2, a token that is none');
	holds('telegraf: its row', 'SELECT time, cpu, host, usage_idle, usage_user FROM d.cpu', '2020-08-01 00:00:00+00|cpu-total|h|98.1|1');
	return;
}

# Of the same user, with the same port: it must not take connections that are meant for the first.
sub test_second_cluster
{
	my $other = node_new('second', "tsdb.ingest_database = postgres\ntsdb.http_listen = '127.0.0.1:$port'\ntsdb.anonymous_role = postgres\n");
	my $patience = time() + $PostgreSQL::Test::Utils::timeout_default;

	$other->safe_psql('postgres', 'CREATE SCHEMA d');
	Time::HiRes::usleep(50_000) until PostgreSQL::Test::Utils::slurp_file($other->logfile) =~ /could not listen on "127.0.0.1:$port": Address already in use/ || time() > $patience;
	cmp_ok(time(), '<=', $patience, 'a second cluster says that the port is taken');
	is(scalar(grep { HTTP::Tiny->new->post("$base$w", { content => "first v=$_ ${_}000" })->{status} eq '204' } 1 .. 20), 20, 'the first takes every connection');
	holds('and has the rows', 'SELECT count(*) FROM d.first', '20');
	$other->stop('fast');
	return;
}

# Tables change while lines come for them: every request is answered 204, or with an error that names a reason, and every row that was acknowledged is there.
sub test_alter
{
	sql(<<'SQL');
SET ROLE writer;
CREATE TABLE d.moving (time timestamptz NOT NULL, host text, v float8) USING tsdb WITH (tags = 'host', sample_interval = '1us');
CREATE TABLE d.spare (time timestamptz NOT NULL, host text, v float8) USING tsdb WITH (tags = 'host', sample_interval = '1us');
SQL
	my $parent = $$;
	my $seconds = $ENV{TSDB_SOAK_SECONDS} // 4;
	my @pids = map {
		my $number = $_;
		my $pid = fork // die;
		if ($pid == 0)
		{
			my $own = HTTP::Tiny->new(timeout => 60, keep_alive => 1);
			my $until = time() + $seconds;
			my $odd = 0;
			require POSIX;
			for (my $i = 0; time() < $until; $i++)
			{
				my $lines = join '', map { "moving,host=c$number v=" . ($i * 10 + $_) . ',x' . ($i % 3) . '=1 ' . (($i * 10 + $_) * 1000) . "\n" } 0 .. 9;
				my $answer = $own->post("$base$w", { content => $lines });
				$odd++ if $answer->{status} !~ /^(204|503)$/;
				redo if $answer->{status} eq '503' && time() < $until + 30;
				PostgreSQL::Test::Utils::append_to_file("$PostgreSQL::Test::Utils::tmp_check/moving.$number", "$i\n") if $answer->{status} eq '204';
			}
			POSIX::_exit($odd > 0);
		}
		$pid
	} 1 .. 2;
	my $until = time() + $seconds;
	my $n = 0;
	while (time() < $until)
	{
		sql($_) foreach 'ALTER TABLE d.moving ADD COLUMN IF NOT EXISTS y' . ($n % 2) . ' int8', "ALTER TABLE d.moving SET (retention = '" . (100 + $n % 2) . " years')", 'ALTER TABLE d.moving DROP COLUMN IF EXISTS y' . ($n % 2),
		  "SELECT tsdb.compact('d.moving')", 'BEGIN; ALTER TABLE d.moving RENAME TO away; ALTER TABLE d.away RENAME TO moving; COMMIT', 'ALTER TABLE d.moving ALTER v TYPE float8', 'VACUUM FULL d.moving',
		  'CREATE TRIGGER t BEFORE INSERT ON d.moving FOR EACH ROW EXECUTE FUNCTION d.note(); DROP TRIGGER t ON d.moving';
		$n++;
	}
	my $failed = 0;
	foreach my $pid (@pids) { waitpid $pid, 0; $failed += $? >> 8; }
	is($failed, 0, 'a table changes under its writers: they are told nothing but 204 and 503');
	foreach my $number (1 .. 2)
	{
		my @batches = split /\n/, PostgreSQL::Test::Utils::slurp_file("$PostgreSQL::Test::Utils::tmp_check/moving.$number");
		holds(scalar(@batches) . " batches of a writer, $n rounds of changes: every row is there",
			"SELECT count(*) FROM unnest('{" . join(',', @batches) . "}'::int[]) b, generate_series(0, 9) i LEFT JOIN LATERAL (SELECT v FROM d.moving m WHERE host = 'c$number' AND time = timestamptz 'epoch' + (b * 10 + i) * interval '1us') m ON true WHERE v IS DISTINCT FROM b * 10 + i", '0');
	}
	verify_clean($node, 'd.moving', 'after the changes', 'ingest');
	return;
}

sub test_extension
{
	writes('before', '204 ', $w, 'extension v=1 1000');
	sql('DROP EXTENSION tsdb CASCADE');
	writes('without the extension nothing is lost: come back', qr/^503 .*the database has no extension/, $w, "extension v=2 2000\nextension v=3 3000");
	writes('heap tables are written to', '204 ', $w, 'heap,host=noext v=1 0');
	sql('CREATE EXTENSION tsdb');
	writes('when it is back', '204 ', $w, "extension v=2 2000\nextension v=3 3000");
	holds('the lines are there', 'SELECT string_agg(v::text, $$,$$ ORDER BY v) FROM d.extension', '2,3');
	return;
}

# A database that is not UTF-8: lines are.
sub test_encoding
{
	$node->safe_psql('postgres', q{CREATE DATABASE latin ENCODING 'LATIN1' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0});
	$node->safe_psql('latin', 'CREATE EXTENSION tsdb; CREATE SCHEMA d AUTHORIZATION writer');
	$node->append_conf('postgresql.conf', 'tsdb.ingest_database = latin');
	$node->restart;
	wait_server();
	writes('text in a database of LATIN1', '204 ', $w, "grad,ort=K\xc3\xb6ln t\xc3\xbcr=\"\xc3\xa4\" 1000");
	is($node->safe_psql('latin', q{SET client_encoding = 'UTF8'; SELECT ort, "t} . "\xc3\xbc" . q{r", octet_length(ort) FROM d.grad}), "K\xc3\xb6ln|\xc3\xa4|4", 'is converted');
	writes('what it has not', qr/^400 .*has no equivalent/, $w, "grad,ort=\xe2\x82\xac v=1 1000");
	writes('what is no text', qr/^400 .*not valid UTF-8/, $w, "grad,ort=\xff v=1 1000");
	return;
}
