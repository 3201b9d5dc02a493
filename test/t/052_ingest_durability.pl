# The line protocol server when things end: SIGKILL of worker, postmaster and client while they write, several workers,
# a standby, DROP DATABASE, and clients that are faster than the disk.
use strict;
use warnings;
use FindBin;
use lib $FindBin::RealBin;
use DurabilityKit;
use HTTP::Tiny;
use IO::Socket::INET;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes;

my $nclients = 4;
my $batch_lines = 40;
my $round_batches = 1_000_000;    # more than a client sends in a round: rounds write different times
my $parent = $$;
my @forked;
my $dir = PostgreSQL::Test::Utils::tempdir;
my $port = PostgreSQL::Test::Cluster::get_free_port();
my $url = "http://127.0.0.1:$port";
my $seed = $ENV{TSDB_SEED} // time();
note("seed $seed");
srand($seed);
my $node = node_new('ingest_kill', '', allows_streaming => 1);
$node->safe_psql('postgres', 'CREATE ROLE writer LOGIN; CREATE DATABASE ingest');
$node->safe_psql('ingest', 'CREATE EXTENSION tsdb; CREATE SCHEMA d AUTHORIZATION writer');
$node->append_conf('postgresql.conf', <<"CONF");
tsdb.ingest_database = ingest
tsdb.ingest_workers = 2
tsdb.http_listen = '127.0.0.1:$port'
tsdb.anonymous_role = writer
tsdb.ingest_memory = 4MB
tsdb.ingest_max_body = 1MB
restart_after_crash = on
CONF
$node->restart;
wait_server($url);
is(workers(), '2', 'two workers');

test_kills($ENV{TSDB_ROUNDS} // 10);
test_memory();
test_slow_disk();
test_series();
test_standby();
test_drop_database();
$node->stop('fast');
log_clean($node);
done_testing();

# Whatever happens, no client stays behind.
END
{
	kill 'KILL', @forked if $$ == $parent;
}

sub forked
{
	my $pid = fork // die;
	push @forked, $pid if $pid;
	return $pid;
}

sub reap
{
	my ($pid) = @_;
	waitpid $pid, 0;
	@forked = grep { $_ != $pid } @forked;
	return $?;
}

sub workers { return $node->safe_psql('postgres', q{SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'tsdb ingest worker'}); }

sub log_count { return scalar(() = PostgreSQL::Test::Utils::slurp_file($node->logfile) =~ /\Q$_[0]/g); }

sub worker_pids
{
	my ($out) = '';
	$node->psql('postgres', q{SELECT pid FROM pg_stat_activity WHERE backend_type = 'tsdb ingest worker'}, stdout => \$out);
	return split /\n/, $out // '';
}

sub wait_server
{
	my ($server) = @_;
	my $patience = time() + $PostgreSQL::Test::Utils::timeout_default;
	until (HTTP::Tiny->new(timeout => 5)->get("$server/ping")->{status} eq '204')
	{
		die "$server does not answer" if time() > $patience;
		Time::HiRes::usleep(20_000);
	}
	return;
}

# client_start(round, number) - a process that writes batch after batch, each until it is acknowledged, and says which are.
sub client_start
{
	my ($round, $number) = @_;
	my $pid = forked();
	return $pid if $pid;
	my $http = HTTP::Tiny->new(timeout => 20, keep_alive => 1);
	open(my $log, '>>', "$dir/acknowledged.$number") or die;
	$log->autoflush;
	for (my $batch = 0;; $batch++)
	{
		my $lines = batch($round, $number, $batch);
		until ($http->post("$url/write?db=d&precision=u", { content => $lines })->{status} eq '204')
		{
			Time::HiRes::usleep(20_000);
		}
		print $log "$round $batch\n";
	}
}

# Of several series, some shared by the clients; a table of its own for each round, and a column for some batches.
sub batch
{
	my ($round, $number, $batch) = @_;
	my $first = ($round * $round_batches + $batch) * $batch_lines;
	return join '', map { "m,client=c$number,series=s" . ($_ % 7) . ' v=' . ($first + $_) . "i,round=${round}i" . ($batch % 5 == 0 ? ",extra$round=t" : '') . ' ' . ($first + $_) . "\n" } 0 .. $batch_lines - 1;
}

# Rounds of random kills; whatever was acknowledged must be there, and a batch that is sent twice changes nothing.
sub test_kills
{
	my ($nrounds) = @_;
	my %killed;
	my $missing = 0;
	my $nacknowledged = 0;

	foreach my $round (1 .. $nrounds)
	{
		my %clients = map { $_ => client_start($round, $_) } 1 .. $nclients;
		my $what = (qw(worker postmaster client))[ $round % 3 ];

		Time::HiRes::usleep(50_000 + int rand 300_000);
		$killed{$what}++;
		if ($what eq 'worker')
		{
			my @pids = worker_pids();
			kill 'KILL', $pids[ rand @pids ] if @pids;
			# The postmaster starts everybody anew.
			wait_restart();
		}
		elsif ($what eq 'postmaster')
		{
			kill_all($node);
			$node->start;
			wait_server($url);
		}
		else
		{
			my $number = 1 + int rand $nclients;
			kill 'KILL', $clients{$number};
			reap(delete $clients{$number});
		}
		Time::HiRes::usleep(50_000 + int rand 100_000);
		foreach my $pid (values %clients) { kill 'KILL', $pid; reap($pid); }
		wait_server($url);
		my ($nbatches, $nlost) = check_round($round);
		$nacknowledged += $nbatches;
		$missing += $nlost;
		diag("round $round, killed the $what: $nlost of $nbatches batches are not there") if $nlost;
	}
	is($missing, 0, "$nrounds rounds: each of the $nacknowledged acknowledged batches is there; killed: " . join(', ', map { "$killed{$_} times a $_" } sort keys %killed));
	cmp_ok($nacknowledged, '>', $nrounds, 'they were some');
	verify_clean($node, 'd.m', 'after the kills', 'ingest');
	test_retry();
	return;
}

sub wait_restart
{
	my $patience = time() + $PostgreSQL::Test::Utils::timeout_default;
	wait_server($url);
	until ($node->psql('postgres', 'SELECT 1') == 0)
	{
		die 'the server does not come back' if time() > $patience;
		Time::HiRes::usleep(50_000);
	}
	return;
}

# check_round(round) - how many batches were acknowledged, how many of them are not wholly there.
sub check_round
{
	my ($round) = @_;
	my @acknowledged;

	foreach my $number (1 .. $nclients)
	{
		next unless -e "$dir/acknowledged.$number";
		foreach my $line (split /\n/, PostgreSQL::Test::Utils::slurp_file("$dir/acknowledged.$number"))
		{
			push @acknowledged, "('c$number', $1)" if $line =~ /^$round (\d+)$/;
		}
	}
	return (0, 0) unless @acknowledged;
	my $lost = $node->safe_psql('ingest', 'SELECT count(*) FROM (VALUES ' . join(', ', @acknowledged) . ") a (client, batch) WHERE $batch_lines <>"
		  . " (SELECT count(*) FROM d.m WHERE m.client = a.client AND time >= timestamptz 'epoch' + ($round * $round_batches + a.batch) * $batch_lines * interval '1us'"
		  . " AND time < timestamptz 'epoch' + ($round * $round_batches + a.batch + 1) * $batch_lines * interval '1us'"
		  . " AND m.v = (extract(epoch FROM time) * 1000000)::int8 AND m.round = $round AND (a.batch % 5 <> 0 OR extra$round))");
	return (scalar @acknowledged, $lost);
}

# Every batch of the first clients once more.
sub test_retry
{
	my $query = 'SELECT count(*), sum(hashtextextended(m::text, 0)) FROM d.m';
	my $before = $node->safe_psql('ingest', $query);
	my $http = HTTP::Tiny->new(timeout => 20, keep_alive => 1);
	my @failed = grep { $http->post("$url/write?db=d&precision=u", { content => $_ })->{status} ne '204' }
	  map { /^(\d+) (\d+)$/ ? batch($1, 1, $2) : () } split /\n/, PostgreSQL::Test::Utils::slurp_file("$dir/acknowledged.1");

	is(scalar @failed, 0, 'batches are sent again');
	is($node->safe_psql('ingest', $query), $before, 'which changes nothing');
	return;
}

# While a table is locked, more comes than may wait.
sub test_memory
{
	my $locker = DurabilityKit::Session->new($node, 'ingest');
	my $lines = join '', map { "m,client=fast,series=s v=${_}i,round=0i $_\n" } 1 .. 15_000;
	my %statuses;
	my $most_kb = 0;

	$locker->query_safe('BEGIN; LOCK TABLE d.m');
	my @clients = map { fast_client($_, $lines) } 1 .. 14;
	my $patience = time() + 60;
	while (1)
	{
		my $kb = $node->safe_psql('postgres', "SELECT count FROM tsdb.stats WHERE name = 'ingest_queue_bytes'") / 1024;
		$most_kb = $kb if $kb > $most_kb;
		%statuses = ();
		foreach my $number (1 .. 14)
		{
			$statuses{$_}++ foreach -e "$dir/fast.$number" ? split(/\n/, PostgreSQL::Test::Utils::slurp_file("$dir/fast.$number")) : ();
		}
		last if ($statuses{503} // 0) > 6 || time() > $patience;
		Time::HiRes::usleep(50_000);
	}
	cmp_ok($statuses{503} // 0, '>', 6, 'a locked table: clients are told to come back');
	my $began = time();
	is(HTTP::Tiny->new(timeout => 60)->post("$url/write?db=d", { content => 'other v=1 1' })->{status}, '204', 'who writes into another table is served');
	cmp_ok(time() - $began, '<', 15, 'without waiting for each of those');
	is($statuses{204} // 0, 0, 'nothing is acknowledged meanwhile');
	cmp_ok($most_kb, '>', 0, 'requests wait');
	# Two workers.
	cmp_ok($most_kb, '<=', 2 * 4096, 'and never hold more than they may');
	foreach my $pid (worker_pids())
	{
		my ($rss_kb) = PostgreSQL::Test::Utils::slurp_file("/proc/$pid/status") =~ /^RssAnon:\s+(\d+) kB/m;
		cmp_ok($rss_kb, '<', 80 * 1024, "a worker's memory: $rss_kb kB");
	}
	$locker->query_safe('COMMIT');
	$locker->quit;
	my @failed = grep { reap($_) != 0 } @clients;
	is(scalar @failed, 0, 'then every client succeeds');
	is($node->safe_psql('ingest', q{SELECT count(*), sum(v) FROM d.m WHERE client = 'fast'}), '15000|112507500', 'and its rows are there');
	return;
}

# A disk that takes 20 ms for whatever has to be there, and clients that could send ten times what it takes.
sub test_slow_disk
{
	my ($nbatches, $nfast) = (3, 16);
	# About 800 kB a body, so that four of them are as much as a worker may hold.
	my $lines = join '', map { "slow,client=%d,series=s$_ v=$_.5,note=\"" . 'x' x 40 . "\" %d\n" } 1 .. 10_000;

	$node->safe_psql('postgres', 'ALTER SYSTEM SET ' . $_) foreach 'fsync = on', 'commit_delay = 20000', 'commit_siblings = 0', q{tsdb.ingest_max_body = '3MB'};
	$node->reload;
	my $began = time();
	my @clients = map {
		my $number = $_;
		my $pid = forked();
		if ($pid == 0)
		{
			my $http = HTTP::Tiny->new(timeout => 60, keep_alive => 1);
			my %statuses;
			require POSIX;
			for (my $batch = 1; $batch <= $nbatches && time() < $began + 90;)
			{
				my $body = $lines =~ s/client=%d/client=$number/gr =~ s/%d\n/${batch}000\n/gr;
				my $status = $http->post("$url/write?db=d", { content => $body })->{status};
				$statuses{$status}++;
				$status eq '204' ? $batch++ : Time::HiRes::usleep(20_000);
			}
			PostgreSQL::Test::Utils::append_to_file("$dir/slow.$number", join ' ', %statuses);
			POSIX::_exit(($statuses{204} // 0) != $nbatches);
		}
		$pid
	} 1 .. $nfast;
	my ($most_kb, $most_rss_kb) = (0, 0);
	while (1)
	{
		my $kb = $node->safe_psql('postgres', "SELECT count FROM tsdb.stats WHERE name = 'ingest_queue_bytes'") / 1024;
		$most_kb = $kb if $kb > $most_kb;
		foreach my $pid (worker_pids())
		{
			my ($rss_kb) = PostgreSQL::Test::Utils::slurp_file("/proc/$pid/status") =~ /^RssAnon:\s+(\d+) kB/m;
			$most_rss_kb = $rss_kb if $rss_kb > $most_rss_kb;
		}
		last if grep { -e "$dir/slow.$_" } 1 .. $nfast and !grep { !-e "$dir/slow.$_" } 1 .. $nfast;
		last if time() > $began + 100;
		Time::HiRes::usleep(50_000);
	}
	my @failed = grep { reap($_) != 0 } @clients;
	my %statuses;
	foreach my $number (1 .. $nfast)
	{
		my %own = split / /, PostgreSQL::Test::Utils::slurp_file("$dir/slow.$number");
		$statuses{$_} += $own{$_} foreach keys %own;
	}
	is(scalar @failed, 0, 'a slow disk: each client gets everything written in the end');
	# Half of the first requests find no room.
	cmp_ok($statuses{503} // 0, '>', 4, "what is more than it takes is refused: $statuses{503} times 503, $statuses{204} times 204");
	cmp_ok($most_kb, '<=', 2 * 4096, sprintf('requests hold %d kB at most', $most_kb));
	cmp_ok($most_rss_kb, '<', 64 * 1024, "and a worker $most_rss_kb kB");
	is($node->safe_psql('ingest', 'SELECT count(*), count(DISTINCT series) FROM d.slow'), $nfast * $nbatches * 10_000 . '|10000', 'every row is there');
	$node->safe_psql('postgres', 'ALTER SYSTEM RESET ALL');
	$node->reload;
	return;
}

# Many series: what a worker remembers of them is bounded, and none costs more than those before it.
sub test_series
{
	my ($nseries, $step) = (120_000, 5000);
	my $http = HTTP::Tiny->new(timeout => 60, keep_alive => 1);
	my @seconds;
	my $failed = 0;

	for (my $first = 0; $first < $nseries; $first += $step)
	{
		my $lines = join '', map { sprintf("meter,site=s%d,id=%09d v=%d 1000\n", $_ % 100, $_, $_) } $first .. $first + $step - 1;
		my $began = Time::HiRes::time();
		$failed++ if $http->post("$url/write?db=d", { content => $lines })->{status} ne '204';
		push @seconds, Time::HiRes::time() - $began;
	}
	my @sorted = map { [ sort { $a <=> $b } @$_ ] } [ @seconds[ 1 .. 8 ] ], [ @seconds[ -8 .. -1 ] ];
	my ($early, $late) = map { $_->[3] } @sorted;
	is($failed, 0, "$nseries series");
	cmp_ok($late, '<', 4 * $early, sprintf('the last ones cost as much as the first: %.0f and %.0f us each', $early / $step * 1e6, $late / $step * 1e6));
	foreach my $pid (worker_pids())
	{
		my ($rss_kb) = PostgreSQL::Test::Utils::slurp_file("/proc/$pid/status") =~ /^RssAnon:\s+(\d+) kB/m;
		cmp_ok($rss_kb, '<', 80 * 1024, "a worker's memory: $rss_kb kB");
	}
	is($node->safe_psql('ingest', 'SELECT count(*), sum(v) FROM d.meter'), "$nseries|" . $nseries * ($nseries - 1) / 2, 'their rows');
	return;
}

# A client that sends the same until it is taken, and notes what it is told.
sub fast_client
{
	my ($number, $lines) = @_;
	my $pid = forked();
	return $pid if $pid;
	my $http = HTTP::Tiny->new(timeout => 60, keep_alive => 1);
	open(my $log, '>', "$dir/fast.$number") or die;
	$log->autoflush;
	my $patience = time() + 90;
	require POSIX;
	while (time() < $patience)
	{
		my $status = $http->post("$url/write?db=d&precision=ms", { content => $lines })->{status};
		print $log "$status\n";
		POSIX::_exit(0) if $status eq '204';
		Time::HiRes::usleep(100_000);
	}
	POSIX::_exit(1);
}

sub test_standby
{
	my $standby_port = PostgreSQL::Test::Cluster::get_free_port();
	my $standby = PostgreSQL::Test::Cluster->new('ingest_standby');

	$node->backup('base');
	$standby->init_from_backup($node, 'base', has_streaming => 1);
	$standby->append_conf('postgresql.conf', "tsdb.http_listen = '127.0.0.1:$standby_port'");
	$standby->start;
	$node->wait_for_catchup($standby);
	is($standby->safe_psql('postgres', q{SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'tsdb ingest worker'}), '0', 'a standby has no worker');
	ok(!IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $standby_port, Proto => 'tcp'), 'and listens nowhere');
	is($standby->safe_psql('ingest', q{SELECT count(*) FROM d.m WHERE client = 'fast'}), '15000', 'what was acknowledged is there');
	$standby->promote;
	wait_server("http://127.0.0.1:$standby_port");
	is(HTTP::Tiny->new(timeout => 20)->post("http://127.0.0.1:$standby_port/write?db=d", { content => 'm,client=promoted v=1i 1' })->{status}, '204', 'promoted, it takes lines');
	is($standby->safe_psql('ingest', q{SELECT count(*) FROM d.m WHERE client = 'promoted'}), '1', 'and has them');
	$standby->stop('fast');
	log_clean($standby);
	return;
}

# With clients in the middle of their requests.
sub test_drop_database
{
	my @half = map {
		my $socket = IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $port, Proto => 'tcp') or die "connect: $!";
		$socket->syswrite("POST /write?db=d HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nm v=1");
		$socket
	} 1 .. 8;
	my $http = HTTP::Tiny->new(timeout => 20);
	is($http->post("$url/write?db=d", { content => 'm,client=last v=1i 1' })->{status}, '204', 'half of a request does not keep others waiting') foreach 1 .. 2;
	my $began = time();
	is(sql_error($node, 'DROP DATABASE ingest WITH (FORCE)'), '', 'DROP DATABASE WITH (FORCE)');
	cmp_ok(time() - $began, '<', 10, 'which does not hang');
	my $patience = time() + $PostgreSQL::Test::Utils::timeout_default;
	Time::HiRes::usleep(100_000) until log_count('waiting for database "ingest"') >= 2 || time() > $patience;
	is(workers(), '2', 'the workers wait for a database of that name');
	Time::HiRes::sleep(4);
	is(log_count('FATAL:  database "ingest" does not exist'), '2', 'each has tried it once');
	is(log_count('waiting for database "ingest"'), '2', 'and says once that it waits');
	$node->safe_psql('postgres', 'CREATE DATABASE ingest');
	$node->safe_psql('ingest', 'CREATE EXTENSION tsdb; CREATE SCHEMA d AUTHORIZATION writer');
	wait_server($url);
	is($http->post("$url/write?db=d", { content => 'm v=1 1' })->{status}, '204', 'when there is one of that name again, the workers are back');
	return;
}
