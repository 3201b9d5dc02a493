# 040_aggregates.pl - random aggregate queries on a tsdb table and a heap twin.
#
# Each round makes a table m and its twin h, changes both alike, and asks both the same after every change: rows in runs, in
# segments, in both, pending in the open transaction.  Integers and numerics have to be equal to the digit, floating point
# sums within 1e-12 of the sum of the magnitudes; an error on one side is one on the other.
#
#	TSDB_QUERIES		how many (1500, or as many as fit into TSDB_SOAK_SECONDS)
#	TSDB_SOAK_SECONDS	how long at most (40); without a limit when TSDB_QUERIES is set alone
#	TSDB_SEED			seed of the first round; the next rounds count up from it
#	TSDB_ROUNDS			stop after so many rounds
#	TSDB_DIFFERENCES	stop after so many different answers (5)
#	TSDB_HANG_SECONDS	a statement that takes longer hangs (180); on a busy machine core starts parallel workers slowly
#	TSDB_SHOW_PLANS		show plans that should have the aggregate node and don't
use strict;
use warnings;
use FindBin;
use lib $FindBin::RealBin, "$FindBin::RealBin/lib";
use List::Util qw(max sum0);
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(time);
use TsdbAggregateQuery;
use TsdbAggregateTwin qw(pick chance weighted);
use TsdbSession;

my $QUERIES_PER_STATE = 12;
my $EXPLAINED = 0.3;    # of the queries
my $EPSILON = 1e-12;
my $EPSILON4 = 6e-8;    # core adds float4 in float4

my $seconds = $ENV{TSDB_SOAK_SECONDS} || ($ENV{TSDB_QUERIES} ? 1e9 : 40);
my $queries = $ENV{TSDB_QUERIES} || ($ENV{TSDB_SOAK_SECONDS} ? 1e9 : 1500);
my $most = $ENV{TSDB_DIFFERENCES} || 5;
my $seed = $ENV{TSDB_SEED} // (time() * 1000) % 1_000_000_000;
my $until = time() + $seconds;
my ($node, $twin, $psql, $has_node, $is_open, @program, @differences, %functions, %settings);
my ($rounds, $asked, $explained, $summarised) = (0, 0, 0, 0);
my $died = '';
my (%done, %counted);

$node = PostgreSQL::Test::Cluster->new('aggregates');
$node->init;
$node->append_conf('postgresql.conf', <<CONF);
shared_preload_libraries = 'tsdb'
tsdb.maintenance = off
autovacuum = off
max_wal_size = 4GB
fsync = off
parallel_setup_cost = 0
parallel_tuple_cost = 0
min_parallel_table_scan_size = 0
jit = off
CONF
$node->start;
$node->safe_psql('postgres', 'CREATE EXTENSION tsdb; CREATE EXTENSION tsdb_test');
%functions = map { $_ => 1 } split /\n/, $node->safe_psql('postgres', "SELECT DISTINCT proname FROM pg_proc WHERE pronamespace = 'tsdb'::regnamespace");
$has_node = $node->safe_psql('postgres', "SELECT count(*) FROM pg_settings WHERE name = 'tsdb.enable_agg'");

while (!$died && @differences < $most && (($asked < $queries && time() < $until) || !$rounds) && $rounds < ($ENV{TSDB_ROUNDS} || 1e9))
{
	my $round_seed = $seed + $rounds++;

	note "round $rounds, seed $round_seed, $asked queries so far";
	@program = ();
	eval { play($round_seed); 1 } or $died = $@ || 'unknown';
	report_death($round_seed) if $died;
	$psql->close if $psql;
	undef $psql;
}
note join(', ', map { "$_ $done{$_}" } sort keys %done);
note join(', ', map { "$_ $counted{$_}" } sort keys %counted);
ok(!$died, "$rounds rounds from seed $seed");
ok(!@differences, "$asked aggregate queries answered as by the heap table");
cmp_ok($asked, '>', 0, 'queries were asked');
note "TsdbAggregate in $summarised of $explained plans, in $done{'of the node'} of $done{'made for the node'} of those that it is made for" if $explained;
cmp_ok($done{'of the node'} // 0, '>', $done{'made for the node'} / 2, 'most of those made for it were answered by the aggregate node') if $explained > 50;
ok(!(grep { !$counted{$_} } map { "$_ from Summary" } qw(Segments Groups Blocks Parts)), 'summaries of every level were used') if $explained > 1000;
$node->stop('immediate');
done_testing();

# play - one round: a pair of tables through several states
sub play
{
	my ($round_seed) = @_;

	srand($round_seed);
	$twin = TsdbAggregateTwin->new;
	$psql = session_new('a');
	$is_open = 0;
	$psql->one("SET tsdb.write_buffer = '" . pick('64kB', '64MB') . "'");
	$psql->one($_) foreach $twin->setup;
	ask_some(2) if chance(0.1);    # no row at all
	$psql->one($_) foreach $twin->load;
	ask_some($QUERIES_PER_STATE / 2);
	foreach my $n (1 .. 4)
	{
		step($n == 1 && chance(0.6) ? 'compact' : next_state());
		ask_some($QUERIES_PER_STATE);
	}
	same_rows();
	return;
}

sub session_new
{
	my ($name) = @_;
	my $session = TsdbSession->new($name, $node->connstr('postgres'), sub { push @program, $_[0]; });

	$session->one("\\pset null ~\nSELECT 1");
	return $session;
}

sub next_state { return weighted(compact => 4, change => 4, pending => 3, alter => 1, maintain => 2, old => 1); }

# step - to the next state
sub step
{
	my ($kind) = @_;

	$done{$kind}++;
	if ($kind eq 'compact')
	{
		compact();
	}
	elsif ($kind eq 'maintain')
	{
		$psql->one($twin->maintain) foreach 1 .. 2;
	}
	elsif ($kind eq 'pending')
	{
		pending();
	}
	elsif ($kind eq 'old')
	{
		old_snapshot();
	}
	else
	{
		$psql->one($_) foreach map { $twin->$kind } 1 .. ($kind eq 'alter' ? 1 : 1 + int(rand(4)));
		$psql->one($_) foreach $kind eq 'alter' ? $twin->overwrite : ();
	}
	return;
}

sub compact
{
	$psql->one("SELECT tsdb.compact('$_')") foreach $twin->tables;
	$psql->one('ANALYZE m') if chance(0.7);
	return;
}

# pending - ask inside a transaction that has changed rows, before and after ROLLBACK TO
sub pending
{
	$psql->one('BEGIN' . pick('', ' ISOLATION LEVEL REPEATABLE READ'));
	$is_open = 1;
	$psql->one($_) foreach $twin->change;
	ask_some($QUERIES_PER_STATE / 2);
	$psql->one('SAVEPOINT s');
	$psql->one($_) foreach map { $twin->change } 1 .. 2;
	ask_some($QUERIES_PER_STATE / 2);
	$psql->one('ROLLBACK TO s') if chance(0.5);
	ask_some($QUERIES_PER_STATE / 4);
	$psql->one(pick('COMMIT', 'ROLLBACK'));
	$is_open = 0;
	return;
}

# old_snapshot - ask in a transaction that has not seen the last changes, nor their compaction
sub old_snapshot
{
	my $writer = $psql;
	my $reader = session_new('b');

	$reader->one('BEGIN ISOLATION LEVEL REPEATABLE READ');
	$reader->one('SELECT count(*) FROM w');
	$writer->one($_) foreach map { $twin->change } 1 .. 3;
	compact();
	($psql, $is_open) = ($reader, 1);
	ask_some($QUERIES_PER_STATE);
	($psql, $is_open) = ($writer, 0);
	$reader->one('ROLLBACK');
	$reader->close;
	return;
}

# same_rows - the twins are twins still; else no difference of answers means anything
sub same_rows
{
	my $names = $twin->names;
	my $differing = $psql->one("SELECT count(*) FROM ((SELECT $names FROM m EXCEPT ALL SELECT $names FROM h) "
		  . "UNION ALL (SELECT $names FROM h EXCEPT ALL SELECT $names FROM m)) d");

	die "m and h hold different rows: $differing\n" if $differing ne '0';
	return;
}

# ask_some - n queries under random settings
sub ask_some
{
	my ($n) = @_;

	change_settings();
	foreach (1 .. $n)
	{
		return if @differences >= $most || $asked >= $queries || time() > $until;
		change_settings() if chance(0.15);
		ask();
	}
	return;
}

sub change_settings
{
	%settings = (
		TimeZone => pick(TsdbAggregateQuery->zones),
		'tsdb.enable_scan' => pick('on', 'on', 'on', 'off'),
		max_parallel_workers_per_gather => pick(0, 0, 0, 0, 0, 0, 2),
		enable_hashagg => pick('on', 'on', 'off'),
		parallel_leader_participation => pick('on', 'on', 'off'),
		enable_partitionwise_aggregate => pick('off', 'off', 'on'),
		force_parallel_mode => pick('off', 'off', 'off', 'off', 'off', 'on'),
		work_mem => pick('4MB', '4MB', '64kB'));
	$settings{debug_parallel_query} = delete $settings{force_parallel_mode} if $node->pg_version >= 16;
	$settings{'tsdb.enable_agg'} = pick('on', 'on', 'on', 'on', 'off') if $has_node;
	$psql->one("SELECT " . join(', ', map { "set_config('$_', '$settings{$_}', false)" } sort keys %settings));
	return;
}

# ask - one query of both
sub ask
{
	my $query = TsdbAggregateQuery->new($twin, \%functions);
	my $how = $query->statements;

	$psql->one("SET TimeZone = '$settings{TimeZone}'");
	$done{ $how->{way} }++;
	$asked++;
	explain_query($query, $how) if $how->{way} eq 'plain' && $has_node && $settings{'tsdb.enable_agg'} eq 'on' && chance($EXPLAINED);
	$psql->one($_) foreach @{ $how->{setup} };
	my @m = run_all($how, 'm');
	my @h = run_all($how, 'h');
	$psql->one($_) foreach @{ $how->{cleanup} };
	compare($query, $how, \@m, \@h);
	return;
}

sub explain_query
{
	my ($query, $how) = @_;

	$psql->one('SAVEPOINT e') if $is_open;
	my $plan = $psql->run("EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF, SUMMARY OFF) $how->{m}[0]");
	$psql->one('ROLLBACK TO e') if $is_open;
	my $is_summarised = "@{ $plan->{out} }" =~ /TsdbAggregate/;

	return if $plan->{state} ne '00000';    # an overflow, a division by zero
	$explained++;
	$summarised++ if $is_summarised;
	foreach my $line (@{ $plan->{out} })
	{
		$counted{$1} += $2 if $is_summarised && $line =~ /^ *(\w+ from Summary|Blocks Decoded|Blocks Skipped by Value|Pending Rows|Runs Read): (\d+)/;
	}
	$done{'made for the node'}++ if $query->{is_plain};
	$done{'of the node'}++ if $query->{is_plain} && $is_summarised;
	note join("\n", "not by the node: $how->{m}[0]", @{ $plan->{out} }) if $ENV{TSDB_SHOW_PLANS} && !$is_summarised && $query->{is_plain};
	return;
}

# run_all - the statements of one side; an error does not end the transaction that is open around them
sub run_all
{
	my ($how, $table) = @_;
	my $has_block = $is_open || $how->{is_cursor};
	my @results;

	$psql->one($is_open ? 'SAVEPOINT q' : 'BEGIN') if $has_block;
	foreach my $sql (@{ $how->{$table} })
	{
		my $result = $psql->run($sql);
		push @results, $result;
		$psql->one($is_open ? 'ROLLBACK TO q' : 'ROLLBACK') if $has_block && $result->{state} ne '00000';
		last if $how->{is_cursor} && $result->{state} ne '00000';
	}
	$psql->one($is_open ? 'RELEASE q' : 'COMMIT') if $has_block && ($is_open || $results[-1]{state} eq '00000');
	return @results;
}

# compare - the answers of all statements, that of a cursor as a whole
sub compare
{
	my ($query, $how, $m, $h) = @_;
	my @pairs = map { [ $m->[$_], $h->[$_] ] } 0 .. max($#$m, $#$h);

	if ($how->{is_cursor})
	{
		my @whole = map { my $side = $_; { state => $side->[-1]{state}, error => $side->[-1]{error}, out => [ map { @{ $_->{out} } } @$side ] } } $m, $h;
		@pairs = ([@whole]);
	}
	foreach my $pair (@pairs)
	{
		my $why = difference($query, $how, @$pair);
		next if !$why;
		push @differences, $why;
		report_difference($query, $how, $why, @$pair);
		return;
	}
	return;
}

# difference - why two results are not the same answer; '' when they are
sub difference
{
	my ($query, $how, $m, $h) = @_;
	my ($m_failed, $h_failed) = map { $_->{state} ne '00000' } $m, $h;

	return '' if !$m && !$h;
	if ($m_failed || $h_failed)
	{
		$done{'errors'}++;
		return '' if $m_failed && $h_failed && $m->{state} eq $h->{state};
		return '' if $query->{is_ambiguous} && ($m_failed ? $m : $h)->{state} eq '22003';
		return "m: $m->{state} $m->{error}; h: $h->{state} $h->{error}";
	}
	$done{'groups'} += @{ $h->{out} };
	return "m has " . @{ $m->{out} } . " rows, h has " . @{ $h->{out} } if @{ $m->{out} } != @{ $h->{out} };
	my @shape = ((map { { as => 'exact' } } 1 .. $how->{lead}), @{ $how->{shape} // $query->shape });
	my @m = map { cells_of($_) } @{ $m->{out} };
	my @h = map { cells_of($_) } @{ $h->{out} };
	return rows_difference(\@shape, \@m, \@h) if $how->{is_ordered};
	@m = exact_order(\@shape, @m);
	@h = exact_order(\@shape, @h);
	return rows_difference(\@shape, \@m, \@h) ? unmatched(\@shape, \@m, \@h) : '';
}

# -0 and 0 are equal, and which of them min() gives is not said.
sub cells_of
{
	my ($line) = @_;
	return [ map { $_ eq "-0" ? "0" : $_ } $line eq "" ? "" : split(/\|/, $line, -1) ];
}

sub exact_order
{
	my ($shape, @rows) = @_;
	my @exact = grep { $shape->[$_]{as} eq 'exact' } 0 .. $#$shape;
	my @loose = grep { $shape->[$_]{as} ne 'exact' } 0 .. $#$shape;
	my %key = map { my $row = $_; $row => join('|', @$row[@exact]) } @rows;

	return sort { $key{$a} cmp $key{$b} || numbers_compare([ @$a[@loose] ], [ @$b[@loose] ]) } @rows;
}

sub numbers_compare
{
	my ($one, $two) = @_;

	foreach my $i (0 .. $#$one)
	{
		my $order = is_number($one->[$i]) && is_number($two->[$i]) ? $one->[$i] <=> $two->[$i] : $one->[$i] cmp $two->[$i];
		return $order if $order;
	}
	return 0;
}

sub is_number { return $_[0] =~ /^-?[\d.]+(e[-+]?\d+)?$/; }

sub rows_difference
{
	my ($shape, $m, $h) = @_;

	foreach my $row (0 .. $#$m)
	{
		my $why = row_difference($shape, $m->[$row], $h->[$row]);
		return "row $row: $why" if $why;
	}
	return '';
}

# unmatched - rows of m and h that have no counterpart, whatever their order; '' when there are none
sub unmatched
{
	my ($shape, $m, $h) = @_;
	my @left = @$h;
	my @missing;

	foreach my $row (@$m)
	{
		my @near = grep { !row_difference($shape, $row, $left[$_]) } 0 .. $#left;
		my ($at) = sort { distance($shape, $row, $left[$a]) <=> distance($shape, $row, $left[$b]) } @near;
		defined $at ? splice(@left, $at, 1) : push @missing, $row;
	}
	return '' if !@missing;
	return 'm has ' . join(' and ', map { join('|', @$_) } splice(@missing, 0, 3)) . ', h has ' . join(' and ', map { join('|', @$_) } splice(@left, 0, 3));
}

sub distance
{
	my ($shape, $m, $h) = @_;
	return sum0(map { abs($m->[$_] - $h->[$_]) } grep { $shape->[$_]{as} ne 'exact' && is_number($m->[$_]) } 0 .. $#$shape);
}

sub row_difference
{
	my ($shape, $m, $h) = @_;
	my @extras = @$h[ scalar(@$shape) .. $#$h ];

	return 'number of columns' if @$m != @$shape;
	foreach my $i (0 .. $#$shape)
	{
		next if $m->[$i] eq $h->[$i];
		return "column $i is '$m->[$i]', should be '$h->[$i]'" if !is_near($shape->[$i], $m->[$i], $h->[$i], @extras);
	}
	return '';
}

# is_near - within what another order of summation may change
sub is_near
{
	my ($cell, $m, $h, @extras) = @_;

	return 0 if $cell->{as} eq 'exact' || grep { !is_number($_) } $m, $h;
	my ($largest, $count, $magnitude) = map { defined $_ ? $extras[$_] : undef } @{ $cell->{tolerances} };
	$magnitude = $largest * $count if !defined $magnitude && defined $count;
	my $error = abs($m - $h);

	return $error <= 10 * $EPSILON * $largest + 1e-300 if $cell->{as} eq 'timed';
	return $error <= $EPSILON * $magnitude if $cell->{as} eq 'sum';
	return $error <= $EPSILON4 * ($count + 2) * $magnitude if $cell->{as} eq 'sum4';
	return $error <= $EPSILON * $magnitude / $count if $cell->{as} eq 'mean';
	return variance_is_near($m, $h, $largest) if $cell->{as} eq 'variance';
	return variance_is_near($m * $m, $h * $h, $largest);
}

# The error of a variance depends on how far from zero the values lie.
sub variance_is_near
{
	my ($m, $h, $largest) = @_;
	return abs($m - $h) <= $EPSILON * $largest * sqrt(max($m, $h)) + 1e-24 * $largest * $largest + 1e-12 * max($m, $h);
}

sub report_difference
{
	my ($query, $how, $why, $m, $h) = @_;
	my $round_seed = $seed + $rounds - 1;
	my $file = "$PostgreSQL::Test::Utils::log_path/aggregates-$round_seed-" . @differences . '.sql';

	save_program($file);
	diag "seed $round_seed, $how->{way}" . ($query->{is_plain} ? '' : ', odd') . ($is_open ? ', in an open transaction' : '') . ": $why";
	diag 'settings: ' . join(', ', map { "$_ = $settings{$_}" } sort keys %settings);
	diag 'partitions: ' . ($twin->{parts} || 'none') . ', columns: ' . join('; ', map { "$_->{name} $_->{sql}" } @{ $twin->{columns} });
	diag 'm: ' . join('; ', @{ $how->{m} });
	diag 'the whole program is in ' . $file;
	diag "TSDB_SEED=$round_seed TSDB_ROUNDS=1 repeats it.";
	return;
}

sub save_program
{
	my ($file) = @_;

	open(my $out, '>', $file) or die "$file: $!";
	print $out "$_\n" foreach @program;
	close($out);
	return;
}

sub report_death
{
	my ($round_seed) = @_;
	my $file = "$PostgreSQL::Test::Utils::log_path/aggregates-$round_seed.sql";

	save_program($file);
	diag "the end of the program, the whole of which is in $file:";
	diag $_ foreach map { substr($_, 0, 1000) } @program[ max(0, @program - 4) .. $#program ];
	diag "seed $round_seed failed: $died";
	diag grep { /TRAP|PANIC|terminated by/ } split(/^/, slurp_file($node->logfile));
	diag "TSDB_SEED=$round_seed TSDB_ROUNDS=1 repeats it.";
	return;
}
