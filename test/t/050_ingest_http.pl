# The line protocol server over real sockets: HTTP, TCP and UDP, clients that behave and clients that don't.
use strict;
use warnings;
use FindBin;
use lib $FindBin::RealBin;
use DurabilityKit;
use HTTP::Tiny;
use IO::Compress::Gzip qw(gzip);
use IO::Select;
use IO::Socket::INET;
use MIME::Base64;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes;

my ($port, $tcp_port, $udp_port) = map { PostgreSQL::Test::Cluster::get_free_port() } 1 .. 3;
my $node = node_new('ingest', <<"CONF");
tsdb.ingest_database = postgres
tsdb.http_listen = '127.0.0.1:$port'
tsdb.tcp_listen = '127.0.0.1:$tcp_port/raw'
tsdb.udp_listen = '127.0.0.1:$udp_port/raw'
tsdb.anonymous_role = writer
tsdb.ingest_max_body = 1MB
tsdb.ingest_memory = 8MB
tsdb.ingest_timeout = 2
restart_after_crash = on
CONF
$node->safe_psql('postgres', <<'SQL');
CREATE ROLE writer LOGIN;
CREATE ROLE scram LOGIN PASSWORD 's:cret';
SET password_encryption = md5;
CREATE ROLE md5 LOGIN PASSWORD 'old';
CREATE ROLE nologin PASSWORD 'x';
GRANT CREATE ON DATABASE postgres TO writer, scram;
CREATE SCHEMA raw AUTHORIZATION writer;
SQL

my $http = HTTP::Tiny->new(timeout => 20, keep_alive => 1);
my $base = "http://127.0.0.1:$port";

# request(method, path and query, body, headers) - status and body.
sub request
{
	my ($method, $path, $body, %headers) = @_;
	my $answer = $http->request($method, "$base$path", { headers => \%headers, defined $body ? (content => $body) : () });
	return ("$answer->{status}", $answer->{content} // '', $answer->{headers});
}

# writes(name, status, path and query, body, body expected, headers)
sub writes
{
	my ($name, $status, $path, $body, $expected, %headers) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	my ($got, $text) = request('POST', $path, $body, %headers);
	is("$got " . ($text =~ s/\n\z//r), "$status " . ($expected // ''), $name);
	return;
}

sub holds
{
	my ($name, $query, $expected) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	is($node->safe_psql('postgres', $query), $expected, $name);
	return;
}

# raw(bytes) - send them on a connection of its own, close that direction, return all that comes.
sub raw
{
	my ($bytes, $keep) = @_;
	my $socket = IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $port, Proto => 'tcp') or die "connect: $!";
	$socket->syswrite($bytes);
	return $socket if $keep;
	$socket->shutdown(1);
	my $answer = '';
	my $select = IO::Select->new($socket);
	while ($select->can_read(20))
	{
		last unless $socket->sysread($answer, 65536, length $answer);
	}
	return $answer;
}

# post_start(body) - a connection with a request on its way; post_end reads the answer.
sub post_start
{
	my ($body) = @_;
	my $socket = IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $port, Proto => 'tcp') or die "connect: $!";
	my $request = "POST /write?db=telegraf HTTP/1.1\r\nHost: x\r\nContent-Length: " . length($body) . "\r\n\r\n$body";
	for (my $sent = 0; $sent < length $request;)
	{
		$sent += $socket->syswrite($request, length($request) - $sent, $sent) // die "send: $!";
	}
	return $socket;
}

# split_requests(client, path) - median of what requests take, in ms, whose bodies follow in a packet of their own.
sub split_requests
{
	my ($client, $path) = @_;
	my @ms;
	foreach my $i (1 .. 41)
	{
		my $began = Time::HiRes::time();
		my $line = "nagle v=$i $i";
		$client->syswrite("POST $path HTTP/1.1\r\nHost: x\r\nContent-Length: " . length($line) . "\r\n\r\n");
		$client->syswrite($line);
		post_end($client);
		push @ms, (Time::HiRes::time() - $began) * 1000;
	}
	return (sort { $a <=> $b } @ms)[20];
}

sub post_end
{
	my ($socket) = @_;
	my $answer = '';
	while ($answer !~ /\r\n\r\n/ && IO::Select->new($socket)->can_read(20))
	{
		last unless $socket->sysread($answer, 65536, length $answer);
	}
	return $answer;
}

sub stat_count { return $node->safe_psql('postgres', "SELECT count FROM tsdb.stats WHERE name = '$_[0]'"); }

sub worker
{
	return $node->safe_psql('postgres', q{SELECT pid FROM pg_stat_activity WHERE backend_type = 'tsdb ingest worker'});
}

sub wait_server
{
	my $patience = time() + $PostgreSQL::Test::Utils::timeout_default;
	until ((request('GET', '/ping'))[0] eq '204')
	{
		die 'the server does not answer' if time() > $patience;
		Time::HiRes::usleep(50_000);
	}
	return;
}

wait_server();

# What clients ask before they write.
my ($status, $body, $headers) = request('GET', '/ping');
is($status, '204', '/ping');
like($headers->{'x-influxdb-version'}, qr/^1\.\d/, 'a version that clients understand');
is((request('HEAD', '/ping'))[0], '204', 'HEAD /ping');
is((request('GET', '/ping?verbose=true'))[1], qq({"version":"1.8.10"}\n), '/ping?verbose=true');
like((request('GET', '/health'))[1], qr/"status":"pass"/, '/health');
writes('CREATE DATABASE in a form', 200, '/query', 'q=CREATE+DATABASE+%22telegraf%22', '{"results":[{"statement_id":0}]}',
	'Content-Type' => 'application/x-www-form-urlencoded');
writes('CREATE DATABASE in the URL, again', 200, '/query?q=CREATE%20DATABASE%20telegraf%0A', '', '{"results":[{"statement_id":0}]}');
like((request('GET', '/query?q=show+databases'))[1], qr/^\{"results":\[\{"statement_id":0,"series":\[\{"name":"databases","columns":\["name"\],"values":\[.*\["telegraf"\]/, 'SHOW DATABASES');
is((request('GET', '/query'))[1], qq({"error":"missing required parameter \\"q\\""}\n), 'no query');
is((request('GET', '/query?q=SHOW+RETENTION+POLICIES+on+%22telegraf%22'))[1],
	qq({"results":[{"statement_id":0,"series":[{"columns":["name","duration","shardGroupDuration","replicaN","default"],"values":[["autogen","0s","168h0m0s",1,true]]}]}]}\n),
	'SHOW RETENTION POLICIES');
like((request('GET', '/query?q=CREATE'))[1], qr/error parsing query: found EOF, expected DATABASE at line 1, char 7/, 'half a statement');
is((request('GET', '/query?q=SHOW+DATABASES;SHOW+MEASUREMENTS&db=telegraf'))[1] =~ s/.*"statement_id":1/1/sr, "1}]}\n", 'two statements');
is((request('GET', '/write'))[0], '405', 'GET /write');
is((request('POST', '/nosuch', ''))[0], '404', 'an unknown path');

# Writing.
my $w = '/write?db=telegraf';
writes('lines', 204, $w, <<'LINES');
cpu,host=a,dc=eu value=1.5,n=3i,s="hi",b=true 1596240000000000000
cpu,host=a,dc=eu value=2.5 1596240010000000000
cpu,host=b,dc=us value=7 1596240003000000000
LINES
writes('a field left out is left as it is', 204, $w, 'cpu,dc=eu,host=a n=9i 1596240000000000000');
holds('the rows', 'SELECT * FROM telegraf.cpu ORDER BY time', <<'ROWS' =~ s/\n\z//r);
2020-08-01 00:00:00+00|a|eu|1.5|9|hi|t
2020-08-01 00:00:03+00|b|us|7|||
2020-08-01 00:00:10+00|a|eu|2.5|||
ROWS
holds('the table is ours', q{SELECT amname FROM pg_class c JOIN pg_am a ON a.oid = relam WHERE c.oid = 'telegraf.cpu'::regclass}, 'tsdb');
is((request('GET', '/query?q=SHOW+MEASUREMENTS&db=telegraf'))[1],
	qq({"results":[{"statement_id":0,"series":[{"name":"measurements","columns":["name"],"values":[["cpu"]]}]}]}\n), 'SHOW MEASUREMENTS');
my $text = join '', map { "packed v=${_}i $_\n" } 1 .. 1000;
gzip(\$text => \my $packed);
writes('gzip', 204, "$w&precision=s", $packed, undef, 'Content-Encoding' => 'gzip');
my @chunks = map { "chunked v=${_}i $_\n" } 1 .. 1000;
writes('chunked', 204, "$w&precision=ms", sub { shift @chunks });
@chunks = unpack '(a100)*', $packed;
writes('chunked gzip', 204, "$w&precision=h", sub { shift @chunks }, undef, 'Content-Encoding' => 'gzip');
holds('all of them', 'SELECT (SELECT count(*) FROM telegraf.packed), sum(v), max(time) FROM telegraf.chunked', '2000|500500|1970-01-01 00:00:01+00');
writes('damaged gzip', 400, $w, substr($packed, 0, 100), '{"error":"body is not what its content encoding says"}', 'Content-Encoding' => 'gzip');
writes('an unknown encoding', 415, $w, 'x', '{"error":"unknown content encoding; gzip and identity are understood"}', 'Content-Encoding' => 'br');
writes('version 2', 204, '/api/v2/write?bucket=telegraf/autogen&org=o&precision=ns', 'two v=1 1');
writes('version 2, unknown bucket', 404, '/api/v2/write?bucket=nodb', 'two v=1 1', '{"code":"not found","message":"database not found: \"nodb\""}');
writes('nothing', 204, $w, '');
writes('no database', 400, '/write', 'x v=1', '{"error":"database is required"}');
writes('unknown database', 404, '/write?db=nodb', 'x v=1', '{"error":"database not found: \"nodb\""}');
writes('unknown retention policy', 500, "$w&rp=nope", 'x v=1', '{"error":"retention policy not found: nope"}');
writes('unknown precision', 400, "$w&precision=xx", 'x v=1', '{"error":"invalid precision \"xx\" (use n, u, ms, s, m or h)"}');

# Bad lines don't harm good ones.
writes('one bad line', 400, $w, 'bad', q({"error":"unable to parse 'bad': missing fields"}));
writes('a bad line among good ones', 400, $w, "good v=1 1\nbad line\ngood v=2 2000000000",
	q({"error":"partial write: unable to parse 'bad line': invalid field format dropped=0"}));
writes('a type conflict', 400, $w, "good v=3 3000000000\ngood v=\"x\" 4000000000",
	'{"error":"partial write: field type conflict: input field \"v\" on measurement \"good\" is type string, already exists as type float dropped=1"}');
writes('an integer is widened', 204, $w, 'good v=5i 5000000000');
holds('the good ones', q{SELECT string_agg(v::text, ',' ORDER BY time) FROM telegraf.good}, '1,2,3,5');
writes('text that is none', 400, $w, "good v=6 6000000000\ngood,t=\xff v=7 7000000000",
	q({"error":"partial write: unable to parse 'good,t=? v=7 7000000000': invalid UTF-8 dropped=0"}));

# Names that PostgreSQL can't hold.
my $long = 'l' x 100;
writes('odd names', 204, $w, "odd,ctid=t,both=1,Case=A,case=a,$long=x xmin=1,both=2,$long=3,a\\ b\\,c=4 1");
holds('odd columns', q{SELECT "ctid~", "both", "Case", "case", "xmin~", "both~field", "a b,c" FROM telegraf.odd}, 't|1|A|a|1|2|4');
holds('their keys', q{SELECT count(*), max(length(col_description(attrelid, attnum))) FROM pg_attribute WHERE attrelid = 'telegraf.odd'::regclass AND col_description(attrelid, attnum) IS NOT NULL}, '5|100');
writes('a long measurement', 204, $w, "$long v=1 1\n${long}x v=2 1");
holds('two tables', q{SELECT count(DISTINCT obj_description(c.oid)) FROM pg_class c WHERE relname LIKE 'llll%' AND relkind = 'r'}, '2');

# Tables made by hand.
$node->safe_psql('postgres', <<'SQL');
SET ROLE writer;
CREATE TABLE telegraf.byhand (time timestamptz NOT NULL, unit int4, v float4, small int2) USING tsdb WITH (tags = 'unit', sample_interval = '1s');
CREATE TABLE telegraf.strict (time timestamptz NOT NULL, host text NOT NULL, v float8 NOT NULL, w float8) USING tsdb WITH (tags = 'host', sample_interval = '1s');
CREATE TABLE telegraf.heaped (time timestamptz, host text, v numeric, CHECK (v < 100));
CREATE TABLE telegraf.noted (time timestamptz NOT NULL, v int8) USING tsdb WITH (tags = '', sample_interval = '1s');
CREATE FUNCTION telegraf.twice() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.v := NEW.v * 2; RETURN NEW; END $$;
CREATE TRIGGER twice BEFORE INSERT ON telegraf.noted FOR EACH ROW EXECUTE FUNCTION telegraf.twice();
SQL
writes('into a table of tsdb', 204, $w, 'byhand,unit=7 v=1.5,small=3i 1500000000');
writes('what does not fit', 400, $w, "byhand,unit=8 small=70000i 1500000000\nbyhand,unit=x v=1 1\nbyhand,unit=9 v=2 1",
	'{"error":"partial write: field type conflict: input field \"small\" on measurement \"byhand\" is type integer, already exists as type integer\nunable to parse \'byhand,unit=x v=1 1\': invalid input syntax for type integer: \"x\" dropped=2"}');
holds('the rows of it', 'SELECT time, unit, v, small FROM telegraf.byhand ORDER BY unit', "1970-01-01 00:00:01+00|7|1.5|3\n1970-01-01 00:00:00+00|9|2|");
writes('a tag and a field that must be there', 400, $w, "strict v=1 0\nstrict,host=a w=1 0\nstrict,host=a v=1 0",
	'{"error":"partial write: ' . join('\n', ('a line on measurement \"strict\" lacks a tag or field that must not be NULL') x 2) . ' dropped=2"}');
writes('into a heap table', 400, $w, "heaped,host=a v=1.25 0\nheaped,host=a v=100 0\nheaped,host=b v=2 0",
	q({"error":"partial write: unable to parse 'heaped,host=a v=100 0': new row for relation \"heaped\" violates check constraint \"heaped_v_check\" dropped=1"}));
holds('the rows of the heap table', 'SELECT * FROM telegraf.heaped ORDER BY host', "1970-01-01 00:00:00+00|a|1.25\n1970-01-01 00:00:00+00|b|2");
writes('triggers fire', 204, $w, 'noted v=21i 0');
holds('and count', 'SELECT v FROM telegraf.noted', '42');

# Who may what.
sub basic { return (Authorization => 'Basic ' . encode_base64($_[0], '')); }
$node->safe_psql('postgres', 'GRANT USAGE, CREATE ON SCHEMA telegraf TO scram, md5');
writes('a password of SCRAM', 204, $w, 'own v=1 1', undef, basic('scram:s:cret'));
writes('as a token', 204, $w, 'own v=1 2', undef, Authorization => 'Token scram:s:cret');
writes('in the URL', 204, "$w&u=md5&p=old", 'own5 v=1 1');
holds('who owns what', q{SELECT string_agg(relowner::regrole::text, ',' ORDER BY relname) FROM pg_class WHERE relname IN ('own', 'own5')}, 'scram,md5');
writes('a wrong password', 401, $w, 'own v=1 1', '{"error":"authorization failed"}', basic('scram:no'));
writes('no such role', 401, $w, 'own v=1 1', '{"error":"authorization failed"}', basic('nobody:x'));
writes('a role that may not log in', 401, $w, 'own v=1 1', '{"error":"authorization failed"}', basic('nologin:x'));
writes('an unreadable header', 401, $w, 'own v=1 1', '{"error":"unable to parse authentication credentials"}', Authorization => 'Basic !!!');
writes('no right to write', 403, "$w&u=md5&p=old", 'own v=1 1', '{"error":"\"md5\" user is not authorized to write to measurement \"own\" of database \"telegraf\""}');
writes('no right to add a column', 403, "$w&u=md5&p=old", 'cpu new=1 1', '{"error":"\"md5\" user is not authorized to write to measurement \"cpu\" of database \"telegraf\""}');
$node->safe_psql('postgres', 'GRANT INSERT ON telegraf.own TO md5');
writes('a right to write', 204, "$w&u=md5&p=old", 'own v=7 7000');
writes('but not to alter', 403, "$w&u=md5&p=old", 'own new=1 1', '{"error":"must be owner of table own"}');
$node->safe_psql('postgres', "ALTER ROLE md5 PASSWORD 'new'");
writes('a changed password counts at once', 401, "$w&u=md5&p=old", 'own v=1 1', '{"error":"authorization failed"}');
$node->safe_psql('postgres', 'REVOKE USAGE ON SCHEMA telegraf FROM md5');
writes('no right to use the schema', 403, "$w&u=md5&p=new", 'own v=1 1', '{"error":"\"md5\" user is not authorized to write to database \"telegraf\""}');
$node->safe_psql('postgres', 'CREATE TABLE telegraf.guarded (time timestamptz NOT NULL, host text, v float8) USING tsdb WITH (tags = $$host$$, sample_interval = $$1s$$);'
	  . 'ALTER TABLE telegraf.guarded ENABLE ROW LEVEL SECURITY; GRANT INSERT ON telegraf.guarded TO writer; CREATE POLICY own ON telegraf.guarded FOR INSERT TO writer WITH CHECK (host = current_user)');
writes('row security', 400, $w, "guarded,host=writer v=1 0\nguarded,host=other v=1 0",
	q({"error":"partial write: unable to parse 'guarded,host=other v=1 0': new row violates row-level security policy for table \"guarded\" dropped=1"}));
writes('an injection is a name', 204, $w, q{x"\\ y;'z,a"b=c'd e"f'=1 1});

# Limits, and clients that misbehave while others are served.
my $large = raw("POST $w HTTP/1.1\r\nHost: x\r\nContent-Length: 2000000\r\n\r\n", 1);
my $answer = '';
$large->sysread($answer, 65536, length $answer) while $answer !~ /Large"/ && IO::Select->new($large)->can_read(20);
like($answer, qr/^HTTP\/1.1 413 .*Request Entity Too Large/s, 'a body too large is refused before it comes');
my $bomb = "\0" x 4_000_000;
gzip(\$bomb => \my $small);
is((request('POST', $w, $small, 'Content-Encoding' => 'gzip'))[0], '413', 'a small body that unpacks to a large one');
my @slow = map { raw("POST $w HTTP/1.1\r\nHost: x\r\nContent-Le", 1) } 1 .. 50;
my @half = map { raw("POST $w HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\ncpu v=1", 1) } 1 .. 50;
like(raw("\x16\x03\x01garbage\0\xff\r\n\r\n" x 100), qr/^(HTTP\/1.[01] 400|$)/, 'garbage');
like(raw("GET /ping HTTP/1.1\r\n" . "X: " . 'y' x 100_000 . "\r\n\r\n"), qr/^(HTTP\/1.[01] 4|$)/, 'a header without end');
writes('others are served meanwhile', 204, $w, 'cpu,host=c value=1 1596240000000000000');
ok(IO::Select->new($slow[0])->can_read(30), 'a silent connection is closed');
close $_ foreach @slow, @half;

# Raw lines.
my $tcp = IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $tcp_port, Proto => 'tcp') or die "connect: $!";
$tcp->syswrite("tcp,x=1 v=1 1000\nbad\ntcp,x=1 v=2");
$tcp->syswrite(" 2000\ntcp,x=1 v=3 3000");
close $tcp;
$node->poll_query_until('postgres', q{SELECT to_regclass('raw.tcp') IS NOT NULL}) or die;
ok($node->poll_query_until('postgres', 'SELECT sum(v) = 6 FROM raw.tcp'), 'lines over TCP, one of them bad, the last without an end');
my $udp = IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $udp_port, Proto => 'udp') or die "connect: $!";
$udp->send("udp v=$_ ${_}000") foreach 1 .. 10;
ok($node->poll_query_until('postgres', q{SELECT to_regclass('raw.udp') IS NOT NULL}) && $node->poll_query_until('postgres', 'SELECT sum(v) = 55 FROM raw.udp'), 'lines over UDP');

# Many clients that make the same tables and columns at the same time.
my @clients = map {
	my $i = $_;
	my $pid = fork // die;
	if ($pid == 0)
	{
		my $own = HTTP::Tiny->new(timeout => 60);
		my $bad = 0;
		foreach my $j (1 .. 20)
		{
			my $lines = join '', map { "shared$_,t$i=x f$j=1,g$i=2 " . ($i * 1000 + $j) . "000\n" } 1 .. 3;
			$bad++ if $own->request('POST', "$base$w", { content => $lines })->{status} ne '204';
		}
		require POSIX;
		POSIX::_exit($bad);
	}
	$pid
} 1 .. 6;
my $failed = 0;
foreach my $pid (@clients) { waitpid $pid, 0; $failed += $? >> 8; }
is($failed, 0, 'six clients, three tables, forty columns: every request is written');
holds('every row is there', 'SELECT count(*), sum(g1), sum(f20) FROM telegraf.shared3', '120|40|6');

# The database says: not now.
my $locker = DurabilityKit::Session->new($node);
$locker->query_safe('BEGIN; LOCK TABLE telegraf.cpu');
($status, $body, $headers) = request('POST', $w, 'cpu,host=a value=1 1');
is("$status $headers->{'retry-after'}", '503 1', 'a locked table: come back later');
my $asked = Time::HiRes::time();
is((request('POST', $w, 'cpu,host=a value=1 1'))[0], '503', 'and again');
cmp_ok(Time::HiRes::time() - $asked, '<', 2.5, 'without waiting for what was locked a moment ago');
$locker->query_safe('COMMIT');
writes('when the lock is gone', 204, $w, 'cpu,host=a value=1 1');

# While a commit is under way others come, each in many pieces: they share the next one.
my $before = stat_count('ingest_commits');
$locker->query_safe('BEGIN; LOCK TABLE telegraf.good');
my $first = post_start('good v=6 6000000000');
$node->poll_query_until('postgres', q{SELECT count(*) = 1 FROM pg_locks WHERE NOT granted}) or die;
my @others = map {
	my $i = $_;
	post_start(join '', map { "grouped,n=$i v=$_ ${_}000\n" } 1 .. $i * 2500)
} 1 .. 6;
$locker->query_safe('COMMIT');
$locker->quit;
like(post_end($_), qr/^HTTP\/1.1 204/, 'a request that came while another one was written') foreach $first, @others;
my $ncommits = stat_count('ingest_commits') - $before;
# Of the first the commit, of the others a pass that misses the table.
cmp_ok($ncommits, '<=', 5, "seven requests, $ncommits commits");
holds('and all of their lines', 'SELECT count(*) FROM telegraf.grouped', '52500');

# A client that sends headers and body apart and waits for an acknowledgement in between, as Nagle said.
my $plain = IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $port, Proto => 'tcp') or die "connect: $!";
my $ms;
# On a busy machine a request may take as long for other reasons.
foreach (1 .. 3)
{
	$ms = split_requests($plain, $w);
	last if $ms < 35;
}
cmp_ok($ms, '<', 35, sprintf('no delayed acknowledgement: %.1f ms a request', $ms));

# Settings, stops and crashes.
my $new_port = PostgreSQL::Test::Cluster::get_free_port();
$node->append_conf('postgresql.conf', "tsdb.http_listen = '127.0.0.1:$new_port'\ntsdb.anonymous_role = ''");
$node->reload;
$base = "http://127.0.0.1:$new_port";
wait_server();
writes('after a reload, who gives no name is refused', 401, $w, 'cpu value=1 1', '{"error":"unable to parse authentication credentials"}');
writes('and others are not', 204, $w, 'own v=9 9000', undef, basic('scram:s:cret'));
my $pid = worker();
kill 'TERM', $pid;
$node->poll_query_until('postgres', qq{SELECT count(*) = 1 FROM pg_stat_activity WHERE backend_type = 'tsdb ingest worker' AND pid <> $pid}) or die;
wait_server();
writes('after the worker was stopped', 204, $w, 'own v=10 10000', undef, basic('scram:s:cret'));
kill 'KILL', worker();
$node->poll_query_until('postgres', 'SELECT true') or die;
wait_server();
writes('after it was killed', 204, $w, 'own v=11 11000', undef, basic('scram:s:cret'));
holds('what was acknowledged is there', 'SELECT count(*) FROM telegraf.own WHERE v >= 9', '3');
like((request('GET', '/metrics'))[1], qr/^tsdb_ingest_points_total \d/m, '/metrics');
holds('tsdb.stats', q{SELECT count(*) FROM tsdb.stats WHERE name LIKE 'ingest%'}, '9');
verify_clean($node, $_, $_) foreach qw(telegraf.cpu telegraf.shared1 telegraf.odd);
$node->stop('fast');
log_clean($node);
done_testing();
