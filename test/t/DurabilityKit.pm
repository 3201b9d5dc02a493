# DurabilityKit.pm - what the durability tests of this folder share.
#
# The oracle is a heap table h, the twin of a tsdb table m: every transaction writes the
# same to both, so that whatever survives must be the same in both.
package DurabilityKit;

use strict;
use warnings;
use Exporter 'import';
use IPC::Run;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes;

our @EXPORT = qw(node_new twins_create twins_write twins_same twins_total verify_clean sql_error
  point_waited toast_of children_of kill_all log_clean
  script_start script_output);

# node_new(name, settings, init parameters...) - a started node with the extension.
sub node_new
{
	my ($name, $settings, %init) = @_;
	my $node = PostgreSQL::Test::Cluster->new($name);
	$node->init(%init);
	$node->append_conf('postgresql.conf', "log_statement = none\ntsdb.maintenance = off\n$settings");
	$node->start;
	$node->safe_psql('postgres', 'CREATE EXTENSION tsdb; CREATE EXTENSION tsdb_test;');
	return $node;
}

# twins_create(node, kind) - the tables m and h; kind: '', UNLOGGED, ...
sub twins_create
{
	my ($node, $kind) = @_;
	$kind //= '';
	$node->safe_psql('postgres', <<~"SQL");
		CREATE $kind TABLE m (time timestamptz NOT NULL, sensor int4, v float8, note text, quality tsdb.quality)
		    USING tsdb WITH (tags = 'sensor', sample_interval = '1s');
		CREATE $kind TABLE h (LIKE m, UNIQUE (sensor, time)) USING heap;
		SQL
	return;
}

# twins_write(sensors, from, until, factor) - statements that upsert one sample per 10 s into both.
#
#	from, until		numbers of samples since 2024
#	factor			makes the values of this write different from those of others
sub twins_write
{
	my ($sensors, $from, $until, $factor) = @_;
	my $rows = <<~"SQL";
		SELECT timestamptz '2024-01-01 00:00Z' + i * interval '10 s', s,
		       CASE WHEN i % 17 = 0 THEN NULL ELSE round((sin(i / 40.0) * 100)::numeric, 2) * $factor END,
		       CASE WHEN i % 9 = 0 THEN 'note ' || i / 50 END, CASE WHEN i % 70 = 0 THEN -2147483648 ELSE 0 END
		FROM generate_series($from, $until) i, unnest(ARRAY[$sensors]) s
		SQL
	return "INSERT INTO m $rows; INSERT INTO h $rows"
	  . ' ON CONFLICT (sensor, time) DO UPDATE SET v = EXCLUDED.v, note = EXCLUDED.note, quality = EXCLUDED.quality;';
}

# twins_same(node, test name, database) - m and h hold the same rows.
sub twins_same
{
	my ($node, $name, $db) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	my $differing = $node->safe_psql($db // 'postgres', <<~'SQL');
		SELECT count(*) FROM ((SELECT m::text FROM m EXCEPT ALL SELECT h::text FROM h)
		    UNION ALL (SELECT h::text FROM h EXCEPT ALL SELECT m::text FROM m)) d
		SQL
	is($differing, '0', "$name: the same rows as the heap table");
	return;
}

# twins_total(node) - one line about all rows of m.
sub twins_total
{
	my ($node, $db) = @_;
	return $node->safe_psql($db // 'postgres', 'SELECT count(*), count(v), sum(v::numeric), max(time) FROM m');
}

# verify_clean(node, table, test name, database) - tsdb.verify finds nothing.
sub verify_clean
{
	my ($node, $table, $name, $db) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	is($node->safe_psql($db // 'postgres', "SELECT * FROM tsdb.verify('$table') LIMIT 5"), '', "$name: verify finds nothing");
	return;
}

# sql_error(node, statements, database) - the error that they raise: SQLSTATE, text, detail, hint; '' = none.
sub sql_error
{
	my ($node, $sql, $db) = @_;
	my ($stdout, $stderr);
	$node->psql($db // 'postgres', $sql, stdout => \$stdout, stderr => \$stderr, extra_params => [ '-v', 'VERBOSITY=verbose' ]);
	return join("\n", grep { !/^(NOTICE|WARNING|LOCATION|DEBUG|LOG)/ } split(/\n/, $stderr));
}

# point_waited(node) - wait until some backend waits at a debug point.
sub point_waited
{
	my ($node, $db) = @_;
	$node->poll_query_until($db // 'postgres', q{SELECT count(*) > 0 FROM pg_locks
		WHERE locktype = 'advisory' AND objsubid = x'7402'::int AND NOT granted})
	  or die 'nobody came to the debug point';
	return;
}

# toast_of(node, table) - name of the table's storage.
sub toast_of
{
	my ($node, $table, $db) = @_;
	return $node->safe_psql($db // 'postgres', "SELECT reltoastrelid::regclass FROM pg_class WHERE oid = '$table'::regclass");
}

# children_of(pid) - process ids.
sub children_of
{
	my ($parent) = @_;
	my @children;
	foreach my $path (glob '/proc/[0-9]*/stat')
	{
		open(my $file, '<', $path) or next;
		my $line = <$file> // '';
		push @children, $1 if $line =~ /^(\d+) \(.*\) \S $parent /;
	}
	return @children;
}

# kill_all(node) - SIGKILL for the postmaster and every process of it, as when the power fails.
sub kill_all
{
	my ($node) = @_;
	my $postmaster = $node->{_pid};
	kill 'STOP', $postmaster;
	my @children = children_of($postmaster);
	kill 'KILL', $postmaster, @children;
	# Until init has reaped it, a dead postmaster counts as one that runs.
	my $patience = time() + $PostgreSQL::Test::Utils::timeout_default;
	while (grep { kill(0, $_) } $postmaster, @children)
	{
		die 'killed processes are still there' if time() > $patience;
		Time::HiRes::usleep(10_000);
	}
	$node->{_pid} = undef;
	return;
}

my $scripts = PostgreSQL::Test::Utils::tempdir;

# script_start(node, name, statements, database) - psql runs them in the background, to the first error.
sub script_start
{
	my ($node, $name, $script, $db) = @_;
	open(my $file, '>', "$scripts/$name.sql") or die "$scripts/$name.sql: $!";
	print $file $script;
	close $file;
	return IPC::Run::start(
		[ $node->installed_command('psql'), '-XAtq', '-v', 'ON_ERROR_STOP=1', '-d', $node->connstr($db // 'postgres'), '-f', "$scripts/$name.sql" ],
		'>', "$scripts/$name.out", '2>', "$scripts/$name.err");
}

# script_output(name) - what it wrote so far, and its errors.
sub script_output
{
	my ($name) = @_;
	return map { PostgreSQL::Test::Utils::slurp_file("$scripts/$name.$_") } qw(out err);
}

# log_clean(node) - no process of the server has crashed by itself.
sub log_clean
{
	my ($node) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	# Recovery says so of a database's folder that had gone already before the crash.
	my $gone = qr/startup\[\d+\] WARNING:  could not open directory "pg_tblspc/;
	my @lines = grep { !/$gone/ && /PANIC|TRAP:|terminated by signal (?!9:)|floating-point exception|cache lookup|could not open|leak:|past chunk end/ }
	  split(/\n/, PostgreSQL::Test::Utils::slurp_file($node->logfile));
	is(join("\n", @lines), '', $node->name . ': the server never crashed by itself');
	return;
}

# A psql that stays open.
package DurabilityKit::Session;

use Test::More;

sub new
{
	my ($class, $node, $db) = @_;
	my $self = bless { stdin => '', stdout => '', stderr => '', serial => 0 }, $class;
	$self->{timer} = IPC::Run::timeout($PostgreSQL::Test::Utils::timeout_default);
	$self->{run} = IPC::Run::start(
		[ $node->installed_command('psql'), '-XAtq', '-v', 'VERBOSITY=verbose', '-d', $node->connstr($db // 'postgres'), '-f', '-' ],
		'<', \$self->{stdin}, '>', \$self->{stdout}, '2>', \$self->{stderr}, $self->{timer});
	$self->query('SELECT 1') eq '1' or die "no connection: $self->{stderr}";
	$self->query('SET tsdb.debug_points = on');
	return $self;
}

# start(statements) - send them and come back at once; finish gets what they return.
sub start
{
	my ($self, $sql) = @_;
	$self->{serial}++;
	$self->{stdout} = $self->{stderr} = '';
	$self->{timer}->start($PostgreSQL::Test::Utils::timeout_default);
	$self->{stdin} .= "$sql\n;\n\\echo done-$self->{serial}\n\\warn done-$self->{serial}\n";
	# psql may be gone with its connection; error() tells.
	eval { $self->{run}->pump_nb; 1 } or $self->{stderr} .= "server closed the connection: $@";
	return $self;
}

# finish - what the statements wrote; their errors are in error().
sub finish
{
	my ($self) = @_;
	my $mark = "done-$self->{serial}";
	until ($self->{stdout} =~ /$mark\n/ && $self->{stderr} =~ /$mark\n/)
	{
		last unless eval { $self->{run}->pumpable && $self->{run}->pump; };
	}
	my $out = $self->{stdout};
	$out =~ s/\n?$mark\n.*//s;
	return $out;
}

sub query
{
	my ($self, $sql) = @_;
	$self->start($sql);
	return $self->finish;
}

# query_safe(statements) - die on an error.
sub query_safe
{
	my ($self, $sql) = @_;
	my $out = $self->query($sql);
	die "$sql: " . $self->error if $self->error ne '';
	return $out;
}

# error - what the last statements wrote to stderr, '' = nothing but notices.
sub error
{
	my ($self) = @_;
	return join("\n", grep { /^(psql:.*)?(ERROR|FATAL|PANIC)|server closed|connection/ } split(/\n/, $self->{stderr}));
}

sub is_running
{
	my ($self) = @_;
	eval { $self->{run}->pump_nb };
	return $self->{stdout} !~ /done-$self->{serial}\n/;
}

# alive - is the session still there?
sub alive
{
	my ($self) = @_;
	return $self->query('SELECT 1') eq '1';
}

# quit - end the session, whatever state it is in.
sub quit
{
	my ($self) = @_;
	$self->{run}->kill_kill(grace => 1) if !eval { $self->{stdin} .= "\\q\n"; $self->{timer}->start(20); $self->{run}->finish; 1 };
	return;
}

1;
