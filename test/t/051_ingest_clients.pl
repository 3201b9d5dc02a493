# The line protocol server and the clients of others: curl, the influx shell, influxdb-python, netcat;
# and InfluxDB 1.x itself as an oracle: what is sent to both is answered alike and is there afterwards.
use strict;
use warnings;
use FindBin;
use lib $FindBin::RealBin;
use DurabilityKit;
use Encode ();
use HTTP::Tiny;
use IO::Compress::Gzip qw(gzip);
use IPC::Run;
use JSON::PP;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes;

my $dir = PostgreSQL::Test::Utils::tempdir;
my ($port, $tcp_port, $udp_port) = map { PostgreSQL::Test::Cluster::get_free_port() } 1 .. 3;
my $node = node_new('clients', <<"CONF");
tsdb.ingest_database = postgres
tsdb.http_listen = '127.0.0.1:$port'
tsdb.tcp_listen = '127.0.0.1:$tcp_port/raw'
tsdb.udp_listen = '127.0.0.1:$udp_port/raw'
tsdb.anonymous_role = writer
CONF
$node->safe_psql('postgres', <<'SQL');
CREATE ROLE writer LOGIN;
CREATE ROLE anna LOGIN PASSWORD 's:cret';
GRANT CREATE ON DATABASE postgres TO writer, anna;
CREATE SCHEMA raw AUTHORIZATION writer;
SQL
my @measurements = ('cpu', 'mem', 'a\\ b', 'c\\,d', 'e=f', 'g"h', 'Ünï', "i'j");
my $url = "http://127.0.0.1:$port";
my $oracle_pid;
my $http = HTTP::Tiny->new(timeout => 30);
wait_for($url);

SKIP:
{
	skip('curl is not installed', 9) unless has_program('curl');
	curl_writes();
}
SKIP:
{
	skip('the influx shell (Debian: influxdb-client) is not installed', 11) unless has_program('influx');
	shell_writes();
}
SKIP:
{
	skip('influxdb-python (Debian: python3-influxdb) is not installed', 2) if system('python3 -c "import influxdb" 2>/dev/null') != 0;
	python_writes();
}
SKIP:
{
	skip('netcat (Debian: netcat-openbsd) is not installed', 2) unless has_program('nc');
	netcat_writes();
}
SKIP:
{
	skip('InfluxDB 1.x (Debian: influxdb), the oracle, is not installed', 1) unless has_program('influxd');
	compare(oracle_start());
}
$node->stop('fast');
log_clean($node);
done_testing();

END
{
	kill 'TERM', $oracle_pid if $oracle_pid;
}

sub has_program { return scalar grep { -x "$_/$_[0]" } split(/:/, $ENV{PATH}); }

sub wait_for
{
	my ($server) = @_;
	my $patience = time() + $PostgreSQL::Test::Utils::timeout_default;
	until ($http->get("$server/ping")->{status} eq '204')
	{
		die "$server does not answer" if time() > $patience;
		Time::HiRes::usleep(50_000);
	}
	return;
}

# run(stdin, command...) - what it writes to stdout and stderr.
sub run
{
	my ($stdin, @command) = @_;
	my $out = '';
	IPC::Run::run(\@command, '<', \$stdin, '>', \$out, '2>&1', IPC::Run::timeout($PostgreSQL::Test::Utils::timeout_default));
	return $out;
}

sub holds
{
	my ($name, $query, $expected) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	is($node->safe_psql('postgres', $query), $expected, $name);
	return;
}

sub write_file
{
	my ($name, $content) = @_;
	open(my $file, '>', "$dir/$name") or die "$dir/$name: $!";
	print $file $content;
	close $file;
	return "$dir/$name";
}

sub curl_writes
{
	my @curl = ('curl', '-sS', '-w', '%{http_code}');
	my $w = "$url/write?db=curl";

	is(run('', @curl, '-XPOST', "$url/query", '--data-urlencode', 'q=CREATE DATABASE "curl"'), qq({"results":[{"statement_id":0}]}\n200), 'curl: CREATE DATABASE in a form');
	like(run('', 'curl', '-sSI', "$url/ping"), qr/^HTTP\/1.1 204 .*^X-Influxdb-Version: 1\./msi, 'curl: HEAD /ping');
	is(run('', @curl, $w, '--data-binary', "cpu,host=a v=1 1000\ncpu,host=b v=2 2000"), '204', 'curl: lines as an argument');
	# Above a megabyte curl asks first whether it may send.
	my $lines = join '', map { "large,host=h$_ v=$_ 1000\n" } 1 .. 60_000;
	is(run($lines, @curl, $w, '-H', 'Expect: 100-continue', '--data-binary', '@-'), '204', 'curl: a megabyte after 100-continue');
	is(run($lines, @curl, '-XPOST', '-H', 'Transfer-Encoding: chunked', '-T', '-', "$w&precision=u"), '204', 'curl: in chunks');
	gzip(\$lines => \my $packed);
	my $file = write_file('lines.gz', $packed);
	is(run('', @curl, $w . '&precision=s', '-H', 'Content-Encoding: gzip', '--data-binary', "\@$file"), '204', 'curl: gzip');
	is(run('', @curl, '-u', 'anna:s:cret', "$url/query?q=CREATE+DATABASE+annas", '-XPOST') . run('', @curl, '-u', 'anna:s:cret', "$url/write?db=annas", '--data-binary', 'own v=1'),
		qq({"results":[{"statement_id":0}]}\n200204), 'curl: with a password');
	is(run('', @curl, '-u', 'anna:wrong', $w, '--data-binary', 'own v=1'), qq({"error":"authorization failed"}\n401), 'curl: with a wrong one');
	holds('curl: the rows', q{SELECT count(*), count(DISTINCT host), sum(v), max(time) FROM curl.large}, '180000|60000|5400090000|1970-01-01 00:16:40+00');
	return;
}

sub shell_writes
{
	my @influx = ('influx', '-host', '127.0.0.1', '-port', $port);
	# It has a session only with who sits at a terminal.
	my @terminal = ('env', 'TERM=dumb', 'SHELL=/bin/sh', 'script', '-qec', "@influx", '/dev/null');

	is(run('', @influx, '-execute', 'CREATE DATABASE shell'), '', 'influx: CREATE DATABASE');
	like(run('', @influx, '-execute', 'show databases'), qr/^name: databases\nname\n----\n(.*\n)*shell\n/, 'influx: SHOW DATABASES');
	is(run('', @influx, '-database', 'shell', '-execute', 'insert cpu,host=cli value=9,n=1i,s="a b" 1596240100000000000'), '', 'influx: insert');
	like(run("use shell\ninsert cpu,host=cli value=10 1596240101000000000\ninsert cpu,host=cli value=\"x\" 1596240101000000000\nexit\n", @terminal),
		qr/Connected to http.* version 1\..*Using database shell.*already exists as type float dropped=1/s, 'influx: a session with use and two inserts, one of them wrong');
	like(run("use shell.autogen\ninsert cpu,host=cli value=11 1596240102000000000\nexit\n", @terminal), qr/Using database shell\r?\nUsing retention policy autogen\r?\n/, 'influx: use with a retention policy');
	is(run('', @influx, '-database', 'shell', '-format', 'csv', '-execute', 'show measurements'), "name,name\nmeasurements,cpu\n", 'influx: SHOW MEASUREMENTS');
	like(run('', @influx, '-database', 'nodb', '-execute', 'insert cpu v=1'), qr/database not found: \\"nodb/, 'influx: an unknown database');
	like(run('', @influx, '-username', 'anna', '-password', 'wrong', '-execute', 'show databases'), qr/authorization failed/, 'influx: a wrong password');
	my $export = write_file('export', "# DDL\nCREATE DATABASE shell_import WITH NAME autogen\n# DML\n# CONTEXT-DATABASE: shell_import\n# CONTEXT-RETENTION-POLICY: autogen\n\n"
		  . join('', map { "m,k=a\\ b v=$_,t=\"x\" $_\n" } 1 .. 12_000));
	like(run('', @influx, '-import', '-path', $export, '-precision', 's'), qr/Processed 1 commands.*Processed 12000 inserts.*Failed 0 inserts/s, 'influx: -import');
	holds('influx: the rows', q{SELECT string_agg(host || value, ' ' ORDER BY time), max(n), max(s) FROM shell.cpu}, 'cli9 cli10 cli11|1|a b');
	holds('influx: the imported rows', q{SELECT count(*), sum(v), min(k), max(time) FROM shell_import.m}, '12000|72006000|a b|1970-01-01 03:20:00+00');
	return;
}

sub python_writes
{
	my $script = write_file('client.py', <<"PYTHON");
from influxdb import InfluxDBClient
from influxdb.exceptions import InfluxDBClientError

def refused(code, call, *arguments, **options):
    try:
        call(*arguments, **options)
    except InfluxDBClientError as error:
        assert error.code == code, error
        return error.content
    raise AssertionError('not refused')

client = InfluxDBClient('127.0.0.1', $port, 'anna', 's:cret')
assert client.ping().startswith('1.'), client.ping()
client.create_database('py')
client.create_database('py')
assert {'name': 'py'} in client.get_list_database()
client.switch_database('py')
assert client.get_list_retention_policies()[0]['name'] == 'autogen'
point = {'measurement': 'm', 'tags': {'host': 'a b', 'empty': ''}, 'time': '2020-08-01T00:00:00Z',
         'fields': {'f': 1.5, 'i': 7, 'b': True, 's': 'say "hi" \\\\ there'}}
assert client.write_points([point], tags={'dc': 'eu'})
assert client.write_points(['m,host=b f=%d' % i for i in range(1000)], protocol='line')
assert client.write_points([dict(point, time=i) for i in range(5000)], time_precision='ms', batch_size=1000)
assert client.get_list_measurements() == [{'name': 'm'}]
assert 'partial write' in refused(400, client.write_points, [dict(point, fields={'f': 'text'}), dict(point, time=0)])
refused(404, client.write_points, [point], database='nodb')
client.switch_user('anna', 'wrong')
refused(401, client.write_points, [point])
packed = InfluxDBClient('127.0.0.1', $port, 'anna', 's:cret', 'py', gzip=True)
assert packed.write_points([dict(point, time=i) for i in range(10000, 12000)], time_precision='ms')
datagrams = InfluxDBClient('127.0.0.1', use_udp=True, udp_port=$udp_port)
datagrams.write_points([{'measurement': 'py_udp', 'time': 1, 'fields': {'v': 1.0}}])
print('done')
PYTHON
	is(run('', 'python3', $script), "done\n", 'influxdb-python: whatever it does before, and to, write');
	# Those without a time came in one request, and are of one series.
	holds('influxdb-python: the rows', q{SELECT count(*), count(*) FILTER (WHERE dc = 'eu'), min(host), min(s), sum(i), bool_and(b) FROM py.m WHERE host = 'a b'},
		'7001|1|a b|say "hi" \\ there|49007|t');
	ok($node->poll_query_until('postgres', q{SELECT to_regclass('raw.py_udp') IS NOT NULL}), 'influxdb-python: over UDP');
	return;
}

sub netcat_writes
{
	run(join('', map { "nc,host=h$_ v=$_ 1000\n" } 1 .. 5000) . "nonsense\nnc,host=last v=1 1000", 'nc', '-N', '127.0.0.1', $tcp_port);
	ok($node->poll_query_until('postgres', q{SELECT to_regclass('raw.nc') IS NOT NULL})
		  && $node->poll_query_until('postgres', 'SELECT count(*) = 5001 AND sum(v) = 12502501 FROM raw.nc'), 'nc: lines over TCP');
	run("ncu v=1 1000\nncu v=2 2000\n", 'nc', '-u', '-w', '1', '127.0.0.1', $udp_port);
	ok($node->poll_query_until('postgres', q{SELECT to_regclass('raw.ncu') IS NOT NULL})
		  && $node->poll_query_until('postgres', 'SELECT sum(v) = 3 FROM raw.ncu'), 'nc: lines over UDP');
	return;
}

# An InfluxDB of its own, which ends with the test; returns where it listens.
sub oracle_start
{
	my ($oracle_port, $rpc_port) = map { PostgreSQL::Test::Cluster::get_free_port() } 1 .. 2;
	my $config = write_file('influxdb.conf', <<"CONF");
reporting-disabled = true
bind-address = "127.0.0.1:$rpc_port"
[meta]
  dir = "$dir/influxdb/meta"
[data]
  dir = "$dir/influxdb/data"
  wal-dir = "$dir/influxdb/wal"
[http]
  bind-address = "127.0.0.1:$oracle_port"
  log-enabled = false
[monitor]
  store-enabled = false
CONF
	$oracle_pid = fork // die;
	if ($oracle_pid == 0)
	{
		open(STDOUT, '>', "$dir/influxdb.log") or die;
		open(STDERR, '>&', \*STDOUT) or die;
		exec 'influxd', '-config', $config or die;
	}
	my $server = "http://127.0.0.1:$oracle_port";
	wait_for($server);
	return $server;
}

# ask(server, path, lines) - status and body.
sub ask
{
	my ($server, $path, $lines) = @_;
	my $answer = $http->post("$server$path", { content => $lines, headers => { 'Content-Type' => '' } });
	return "$answer->{status} " . ($answer->{content} =~ s/\n\z//r);
}

sub compare
{
	my ($theirs) = @_;
	my $seed = $ENV{TSDB_SEED} // time();

	note("seed $seed");
	srand($seed);
	$http->post("$_/query", { content => 'q=CREATE DATABASE oracle', headers => { 'Content-Type' => 'application/x-www-form-urlencoded' } }) foreach $theirs, $url;
	compare_batches($theirs, $ENV{TSDB_ROUNDS} ? $ENV{TSDB_ROUNDS} * 10 : 300);
	compare_points($theirs, $ENV{TSDB_ROUNDS} ? $ENV{TSDB_ROUNDS} * 10 : 300);
	compare_exceptions($theirs);
	return;
}

# Random batches.  Where InfluxDB names the first type conflict only, we name every bad line: its reason must be ours, too.
sub compare_batches
{
	my ($theirs, $nbatches) = @_;
	my %statuses;
	my $differing = 0;

	# Of a new field that comes with two types at once InfluxDB says no more than that.
	my $first = join '', map { "$_ f=1,f2=1,n=1i,s=\"x\",b=t,x\\ y=1 1596412800000000000\n" } @measurements;
	is(ask($_, '/write?db=oracle', $first), '204 ', 'every field has its type') foreach $theirs, $url;
	foreach my $i (1 .. $nbatches)
	{
		my $precision = ('', 'n', 'u', 'ms', 's', 'm', 'h')[ rand 7 ];
		my $lines = join("\n", map { random_line($precision) } 1 .. pick(1, 1 + rand 12));
		my $path = '/write?db=oracle' . ($precision ne '' ? "&precision=$precision" : '');
		my ($expected, $got) = (ask($theirs, $path, $lines), ask($url, $path, $lines));

		$statuses{ $expected =~ /field type conflict/ ? 'conflict' : $expected =~ /partial/ ? 'partial' : substr($expected, 0, 3) }++;
		next if $expected eq $got;
		if ($expected =~ /^(400 \{"error":"partial write: )(field type conflict: .*)( dropped=\d+"\})$/)
		{
			next if substr($got, 0, length $1) eq $1 && index($got, $2) > 0 && substr($got, -length $3) eq $3;
		}
		diag("lines:\n$lines\nInfluxDB: $expected\ntsdb:     $got") if $differing++ < 5;
	}
	is($differing, 0, "$nbatches batches are answered as InfluxDB does");
	is(join(' ', sort keys %statuses), '204 400 conflict partial', 'answers of every kind: ' . join(', ', map { "$_ $statuses{$_}" } sort keys %statuses));
	return;
}

sub pick { return $_[ rand @_ ]; }

# A line, good or bad.  Each key has a type of its own, most of the time.
sub random_line
{
	my ($precision) = @_;
	my %seconds = ('' => 1e-9, n => 1e-9, u => 1e-6, ms => 1e-3, s => 1, m => 60, h => 3600);
	my $measurement = pick(@measurements);
	my @tags = map { "$_=" . pick('x', 'y', 'a\\ b', 'c\\,d', 'e\\=f', '"q"', 'ü', 'b\\s') } grep { rand() < 0.4 } 'host', 'dc', 't\\ k', 'T\\=K', 'Host';
	my @fields = grep { rand() < 0.4 } 'f', 'f2', 'n', 's', 'b', 'x\\ y';
	# All in one week: InfluxDB has the types of fields by shards.
	my $us = 1_596_412_800_000_000 + int(rand 200) * 1_000_037;
	my $time = $precision eq '' || $precision eq 'n' ? ($us + 1) . sprintf('%03d', $us % 1000) : int($us / 1_000_000 / $seconds{$precision});

	@fields = ('f') unless @fields;
	return bad_line() if rand() < 0.15;
	return 'now,batch=' . int(rand 50) . ' f=' . pick(0, 1, -1.5, 1e9) if rand() < 0.05;
	@tags = reverse @tags if rand() < 0.3;
	my $line = join(',', $measurement, @tags) . (' ' x pick(1, 1, 1, 2)) . join(',', map { "$_=" . random_value($_) } @fields) . ($time ne '' ? " $time" : '');
	return pick('', '', '', '', ' ') . $line . pick('', '', '', ' ');
}

sub random_value
{
	my ($field) = @_;
	my $kind = rand() < 0.03 ? pick('n', 's', 'b') : substr($field, 0, 1);
	# An integer into a float column is an exception.
	$kind = 's' if $kind eq 'n' && $field =~ /^[fx]/;
	return pick('t', 'T', 'true', 'True', 'TRUE', 'f', 'F', 'false', 'False', 'FALSE') if $kind eq 'b';
	return pick(0, 1, -1, '9223372036854775807', '-9223372036854775808', int rand 1e9) . 'i' if $kind eq 'n';
	return '"' . pick('', 'text', 'a b', 'a,b=c', 'say \\"hi\\"', 'back\\\\slash', 'back\\slash', "two\nlines", 'ü', '#', '{}') . '"' if $kind eq 's';
	return pick(0, 1, -1, '1.', '.5', '-0', '1e9', '1E+9', '-1.5e-7', '007', '1e-400', '123456789.123456789', '1.7976931348623157e308', rand(1000) - 500);
}

# With the right types: some end up in other weeks.
sub bad_line
{
	my $line = pick('cpu', 'cpu,host=a', 'mem,a=b,c=d') . pick(' f=1', ' n=1i,f=2', ' b=t') . ' 1596412800000000000';
	return pick('cpu', 'cpu,host=a', ',host=a f=1', ' f=1', 'cpu,host f=1', 'cpu,host= f=1', 'cpu,=a f=1', 'cpu,host=a,host=b f=1', 'cpu,host=a,,b=c f=1', 'cpu,host=a=b f=1',
		'cpu f', 'cpu f=', 'cpu =1', 'cpu f=1,', 'cpu f=1,,n=2i', 'cpu f=1.2.3', 'cpu f=1e', 'cpu f=1e+', 'cpu f=+1', 'cpu f=NaN', 'cpu f=inf', 'cpu f=-', 'cpu f=.', 'cpu f=0x10',
		'cpu f=1e400', 'cpu n=9223372036854775808i', 'cpu n=1.5i', 'cpu n=i', 'cpu b=tru', 'cpu b=falsey', 'cpu f=1 x', 'cpu f=1 1.5', 'cpu f=1 1 1', 'cpu f=1 -', 'cpu f=1 9223372036854775807',
		'cpu f=1 99999999999999999999', 'cpu f=text', 'cpu, f=1', 'cpu f=1f', '# a comment', '', '   ',
		# One character taken away, or another one in its place.
		map { my $broken = $line; substr($broken, rand length $broken, 1, pick('', ',', '=', ' ', 'z', '-', '.', '\\')); $broken } 1 .. 10);
}

sub oracle_series
{
	my ($theirs, $query) = @_;
	my $escaped = HTTP::Tiny->new->www_form_urlencode({ db => 'oracle', epoch => 'ns', q => $query });
	return decode_json($http->get("$theirs/query?$escaped")->{content})->{results}[0]{series};
}

# Every point that InfluxDB has, as a row, and no other.
sub compare_points
{
	my ($theirs, $nbatches) = @_;
	my %expected;
	my %got;

	# One by one: over several measurements at once a field has the type that it has in one of them.
	foreach my $one (map { @{ oracle_series($theirs, 'SELECT * FROM "' . ($_->[0] =~ s/(["\\])/\\$1/gr) . '" GROUP BY *') } } @{ oracle_series($theirs, 'SHOW MEASUREMENTS')->[0]{values} })
	{
		foreach my $values (@{ $one->{values} })
		{
			my ($ns, @fields) = @$values;
			my %tags = %{ $one->{tags} // {} };
			$expected{ point_text($one->{name}, substr($ns, 0, -3), \%tags, { map { $one->{columns}[ $_ + 1 ] => $fields[$_] } 0 .. $#fields }) }++;
		}
	}
	my $tables = $node->safe_psql('postgres', q{SELECT quote_ident(relname) FROM pg_class WHERE relnamespace = 'oracle'::regnamespace AND relkind = 'r'});
	foreach my $table (split /\n/, $tables)
	{
		my $literal = "oracle.$table" =~ s/'/''/gr;
		my $option = $node->safe_psql('postgres', qq{SELECT option_value FROM pg_class, pg_options_to_table(reloptions) WHERE oid = '$literal'::regclass AND option_name = 'tags'});
		my %is_tag = map { /^"(.*)"$/ ? ($1 =~ s/""/"/gr => 1) : ($_ => 1) } $option =~ /"(?:[^"]|"")*"|[^",]+/g;
		my $rows = $node->safe_psql('postgres', qq{SELECT jsonb_build_object('us', (extract(epoch FROM time) * 1000000)::int8, 'row', to_jsonb(t) - 'time') FROM oracle.$table t});
		my $name = $table =~ /^"(.*)"$/s ? $1 =~ s/""/"/gr : $table;
		foreach my $row (map { decode_json($_) } split /\n/, Encode::encode_utf8(Encode::decode_utf8($rows)))
		{
			my %tags = map { $_ => $row->{row}{$_} } grep { $is_tag{ Encode::encode_utf8($_) } } keys %{ $row->{row} };
			my %fields = map { $_ => $row->{row}{$_} } grep { !exists $tags{$_} } keys %{ $row->{row} };
			$got{ point_text(Encode::decode_utf8($name), $row->{us}, \%tags, \%fields) }++;
		}
	}
	my @missing = grep { !exists $got{$_} } sort keys %expected;
	my @extra = grep { !exists $expected{$_} } sort keys %got;
	cmp_ok(scalar keys %expected, '>', $nbatches, 'InfluxDB has ' . keys(%expected) . ' points');
	is(join("\n", map { "missing $_" } splice(@missing, 0, 5)) . join("\n", map { "extra $_" } splice(@extra, 0, 5)), '', 'and the tables have the same');
	return;
}

# One text for one point, whoever tells of it; without its time if that is when it came.
sub point_text
{
	my ($measurement, $us, $tags, $fields) = @_;
	my @tags = map { "$_=$tags->{$_}" } grep { defined $tags->{$_} && $tags->{$_} ne '' } sort keys %$tags;
	my @fields = map {
		my $value = $fields->{$_};
		my $text = ref $value ? ($value ? 'true' : 'false') : $value =~ /^-?[\d.]+(e[-+]?\d+)?$/i && !/^n/ ? sprintf('%.17g', $value) : $value;
		"$_=" . ($text =~ s/\n/\\n/gr)
	} grep { defined $fields->{$_} } sort keys %$fields;
	$us = 'now' if $us > 1_700_000_000_000_000;
	return Encode::encode_utf8("$measurement,@tags $us @fields");
}

# What docs/LINE_PROTOCOL.md says that we answer otherwise.
sub compare_exceptions
{
	my ($theirs) = @_;
	my $w = '/write?db=oracle';
	my @exceptions = (
		[ 'a carriage return', $w, "ex1 v=1i 1000\r\n", qr/^400 .*bad timestamp/, '204 ' ],
		[ 'a comment with a quote', $w, "# a=\"b\nex2 v=bad", qr/^204/, q(400 {"error":"unable to parse 'ex2 v=bad': invalid boolean"}) ],
		[ 'an unsigned integer', $w, 'ex3 v=1u 1000', qr/^400 .*invalid number/, '204 ' ],
		[ 'text behind a quote', $w, 'ex4 v="x"yz 1000', qr/^204/, q(400 {"error":"unable to parse 'ex4 v=\"x\"yz 1000': invalid field format"}) ],
		[ 'an integer into a column of floats', $w, "ex5 v=1.5 1000\nex5 v=2i 2000", qr/^400 .*type conflict.*dropped=1/, '204 ' ],
		[ 'a type conflict and another bad line', $w, "ex6 v=1.5 1000\nex6 v=t 2000\nbad", qr/^400 [^\n]*is type boolean, already exists as type float dropped=1"\}$/,
			q(400 {"error":"partial write: unable to parse 'bad': missing fields\nfield type conflict: input field \"v\" on measurement \"ex6\" is type boolean, already exists as type float dropped=1"}) ],
		[ 'an unknown precision', "$w&precision=xx", 'ex7 v=1 1000', qr/^204/, '400 {"error":"invalid precision \"xx\" (use n, u, ms, s, m or h)"}' ],
		[ 'version 2', '/api/v2/write?bucket=oracle', 'ex8 v=1 1000', qr/^404/, '204 ' ]);

	foreach my $exception (@exceptions)
	{
		my ($name, $path, $lines, $expected, $ours) = @$exception;
		like(ask($theirs, $path, $lines), $expected, "InfluxDB: $name");
		is(ask($url, $path, $lines), $ours, "tsdb:     $name");
	}
	return;
}
