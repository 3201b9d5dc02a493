# 010_differential.pl - random programs on a tsdb table and a heap twin.
#
# Each round makes a table m and its twin h and does the same to both: one or two
# sessions, transactions, savepoints, cursors, old snapshots, DDL, maintenance,
# crashes.  One program decides whose turn it is, so a seed repeats the round.
#
#	TSDB_SOAK_SECONDS	how long (40)
#	TSDB_SEED			seed of the first round; the next rounds count up from it
#	TSDB_ROUNDS			stop after so many rounds
use strict;
use warnings;
use FindBin;
use lib $FindBin::RealBin, "$FindBin::RealBin/lib";
use DurabilityKit qw(kill_all);
use List::Util qw(max min);
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(time);
use TsdbSession;
use TsdbTwin;

# Refused because of the other session; both tables roll back together.
my %CONFLICT = map { $_ => 1 } qw(40001 40P01 55P03);
my $VERIFY_STEPS = 25;
# Where something fails that mostly does not.
my @FRAGILE = qw(series_before_insert series_before_dict flush_before flush_after_reservation flush_after_sequence flush_after
	compact_after_barrier compact_before_write compact_before_delete range_after_lock range_before_write delete_before_lock edit_before_image);

my $seconds = $ENV{TSDB_SOAK_SECONDS} || 40;
my $seed = $ENV{TSDB_SEED} // (time() * 1000) % 1_000_000_000;
my $until = time() + $seconds;
my ($node, $twin, %session, @program, @prepared, $rewrites, $has_verify);
my $rounds = 0;
my $failed = '';
my %done;

$node = PostgreSQL::Test::Cluster->new('differential');
$node->init;
$node->append_conf('postgresql.conf', <<CONF);
shared_preload_libraries = 'tsdb'
max_prepared_transactions = 10
tsdb.maintenance = on
tsdb.maintenance_naptime = 1
max_wal_size = 4GB
fsync = off
parallel_setup_cost = 0
parallel_tuple_cost = 0
min_parallel_table_scan_size = 0
CONF
$node->start;
$node->safe_psql('postgres', 'CREATE EXTENSION tsdb; CREATE EXTENSION tsdb_test');
$has_verify = $node->safe_psql('postgres', "SELECT to_regprocedure('tsdb.verify(regclass)') IS NOT NULL") eq 't';

while (!$failed && (time() < $until || !$rounds) && $rounds < ($ENV{TSDB_ROUNDS} || 1e9))
{
	my $round_seed = $seed + $rounds++;

	note "round $rounds, seed $round_seed";
	@program = ();
	eval { play($round_seed); 1 } or $failed = $@ || 'unknown';
	report($round_seed) if $failed;
}
note join(', ', map { "$_ $done{$_}" } sort keys %done);
ok(!$failed, "$rounds rounds from seed $seed");
cmp_ok($done{compared} // 0, '>', 0, 'tables were compared');
cmp_ok($done{rows_cut} // 0, '>', 0, 'DELETE took ranges out') if $done{purge} > 100;
close_sessions();
$node->stop('immediate');
done_testing();

# play - one round
sub play
{
	my ($round_seed) = @_;
	my $kind = $round_seed % 4;    # 0, 1: one session, 2: two, 3: two that write the same samples

	srand($round_seed);
	$twin = TsdbTwin->new;
	@prepared = ();
	$rewrites = 0;
	open_sessions($kind);
	$session{a}{psql}->one($_) foreach $twin->setup;
	foreach my $step (1 .. 40 + int(rand(60)))
	{
		step($session{ pick(sort keys %session) });
		verify() if $step % $VERIFY_STEPS == 0;
		last if time() > $until + 20;
	}
	finish();
	close_sessions();
	return;
}

sub open_sessions
{
	my ($kind) = @_;

	%session = ();
	foreach my $name ($kind < 2 ? 'a' : ('a', 'b'))
	{
		$session{$name} = {
			name => $name,
			parity => $kind == 2 ? ($name eq 'a' ? 0 : 1) : undef,
			is_racing => $kind == 3,
			buffer => $kind == 3 ? '64MB' : pick('64kB', '64kB', '64MB') };
		connect_session($session{$name}, $kind);
	}
	return;
}

sub connect_session
{
	my ($self) = @_;
	my $parallel = $self->{is_racing} ? 0 : pick(0, 0, 2);

	$self->{reason} = pick('', '', '', 'a reason');
	$self->{psql} = TsdbSession->new($self->{name}, $node->connstr('postgres'), \&remember);
	$self->{psql}->one($_) foreach (
		"SET timezone = 'UTC'",
		"SET tsdb.write_buffer = '$self->{buffer}'",
		"SET max_parallel_workers_per_gather = $parallel",
		"SET tsdb.edit_reason = '$self->{reason}'",
		'SET tsdb.debug_points = on',
		"SET tsdb.enable_scan = " . pick('on', 'on', 'off'),
		'SET lock_timeout = 150');
	forget_transaction($self);
	return;
}

sub close_sessions
{
	$_->{psql}->close foreach grep { $_->{psql} } values %session;
	%session = ();
	return;
}

# step - one random thing in one session
sub step
{
	my ($self) = @_;
	my @idle = (
		begin => 30, alone => 12, compact => 8, vacuum => 3, vacuum_full => 2, analyze => 2, reindex => 1,
		alter => 3, truncate => 1, restart => 1, prepared => 6, check => 5, query => 5);
	my @open = (
		change => 45, commit => 14, rollback => 4, savepoint => 9, release => 4, rollback_to => 6, query => 12, check => 6,
		declare => 6, fetch => 8, bad => 3, fail => 8, block => 4, alter => 2, truncate => 1, compact => 2, prepare => 2, lock => 2, again => 6);
	my @racing = (change => 45, commit => 20, rollback => 4, savepoint => 6, release => 3, rollback_to => 4, again => 3, compact => 5);
	my @choices = !$self->{open} ? @idle : $self->{is_racing} ? @racing : @open;
	my $what = weighted(@choices);

	$done{$what}++;
	no strict 'refs';
	&{"do_$what"}($self);
	return;
}

# Transactions.
sub do_begin
{
	my ($self) = @_;
	my $level = $self->{is_racing} ? 'READ COMMITTED' : pick('READ COMMITTED', 'READ COMMITTED', 'REPEATABLE READ', 'SERIALIZABLE');

	$self->{psql}->one("BEGIN ISOLATION LEVEL $level");
	$self->{open} = 1;
	$self->{is_old} = $level ne 'READ COMMITTED';
	$self->{psql}->one('SELECT 1') if $self->{is_old} && chance(0.3);    # a snapshot, but no lock on the tables
	do_again($self) if $self->{is_old} && chance(0.5);
	return;
}

sub do_commit
{
	my ($self) = @_;

	foreach my $sql (@{ $self->{queue} })
	{
		return if !ran($self, $self->{psql}->run($sql));
	}
	my $rewrote = $self->{rewrote};
	my $held = $self->{cursors};
	my $breaks = !$self->{is_racing} && chance(0.1);
	break_at($self, pick(grep { /^flush/ } @FRAGILE)) if $breaks;
	my $result = $self->{psql}->run('COMMIT');
	break_at($self, '') if $breaks;
	if ($result->{state} ne '00000')
	{
		die "COMMIT: $result->{error}\n" if !$CONFLICT{ $result->{state} } && !is_broken($result);
		undo_model($self, 0);
		forget_transaction($self);
		return;
	}
	$rewrites++ if $rewrote;
	forget_transaction($self);
	$self->{cursors} = [ grep { $_->{is_held} } @$held ];
	do_check($self) if chance(0.5);
	do_fetch($self) while @{ $self->{cursors} };
	return;
}

sub do_rollback
{
	my ($self) = @_;

	$self->{psql}->one('ROLLBACK');
	undo_model($self, 0);
	forget_transaction($self);
	do_check($self) if chance(0.3);
	return;
}

sub do_savepoint
{
	my ($self) = @_;

	push @{ $self->{frames} }, { queued => scalar @{ $self->{queue} } };
	$self->{psql}->one('SAVEPOINT s' . @{ $self->{frames} });
	return;
}

sub do_release
{
	my ($self) = @_;
	my $depth = @{ $self->{frames} };

	return if !$depth;
	$self->{psql}->one("RELEASE s$depth");
	my $frame = pop @{ $self->{frames} };
	$self->{model} //= $frame->{model} if $depth == 1;
	$self->{frames}[-1]{model} //= $frame->{model} if $depth > 1;
	$_->{depth} = min($_->{depth}, $depth - 1) foreach @{ $self->{cursors} };
	return;
}

sub do_rollback_to
{
	my ($self) = @_;
	my $depth = 1 + int(rand(@{ $self->{frames} } || 0));

	return if !@{ $self->{frames} };
	$self->{psql}->one("ROLLBACK TO s$depth");
	undo_model($self, $depth);
	splice(@{ $self->{queue} }, $self->{frames}[ $depth - 1 ]{queued});
	$#{ $self->{frames} } = $depth - 1;
	$self->{cursors} = [ grep { $_->{depth} < $depth } @{ $self->{cursors} } ];
	do_check($self) if chance(0.4) && !$self->{is_racing};
	return;
}

sub do_prepare
{
	my ($self) = @_;
	my $name = 'p' . (@program + 0);

	return if grep { $_->{is_held} } @{ $self->{cursors} };
	my $result = $self->{psql}->run("PREPARE TRANSACTION '$name'");
	if ($result->{state} ne '00000')
	{
		die "PREPARE TRANSACTION: $result->{error}\n" if !$CONFLICT{ $result->{state} };
		undo_model($self, 0);
	}
	else
	{
		push @prepared, { name => $name, model => first_model($self), rewrote => $self->{rewrote} };
	}
	forget_transaction($self);
	return;
}

# The other session's COMMIT PREPARED may fail under SERIALIZABLE; it stays prepared then.
sub do_prepared
{
	my ($self) = @_;
	my $prepared = shift @prepared;

	return if !$prepared;
	my $commit = chance(0.7);
	my $result = $self->{psql}->run(($commit ? 'COMMIT' : 'ROLLBACK') . " PREPARED '$prepared->{name}'");
	die "$result->{error}\n" if $result->{state} ne '00000';
	$rewrites++ if $commit && $prepared->{rewrote};
	$twin->restore($prepared->{model}) if !$commit && $prepared->{model};
	do_check($self);
	return;
}

# Writing.
sub do_change
{
	my ($self) = @_;
	my @kinds = $self->{is_racing} ? (qw(insert insert bulk copy_in)) :
	  (qw(insert insert insert bulk bulk update update delete move merge copy_in self_insert purge purge cut swap));
	push @kinds, qw(mark unmark), $twin->{is_partitioned} ? () : qw(backfill overwrite) if !$self->{is_racing};
	my $kind = pick(@kinds);

	$done{$kind}++;
	pair($self, $kind eq 'copy_in' ? $twin->copy_in($self, copy_file($self)) : $twin->$kind($self));
	return;
}

# A statement that is its own transaction: two of them could part ways if a lock made one wait.
sub do_alone
{
	my ($self) = @_;

	return do_begin($self) if @prepared || keys %session > 1;
	do_change($self);
	return;
}

sub do_block { my ($self) = @_; return pair($self, $twin->block($self)); }

sub do_alter
{
	my ($self) = @_;
	my $copy = $twin->copy;

	return if $self->{is_racing} && $self->{open};
	return change_model($self, $copy, $twin->alter);
}

sub do_truncate
{
	my ($self) = @_;

	return if $self->{reason} || $self->{is_racing} && $self->{open};
	return change_model($self, $twin->copy, $twin->truncate);
}

# change_model - DDL on both in the open transaction or in one of its own
sub change_model
{
	my ($self, $copy, $statement) = @_;
	my $was_open = $self->{open};

	# ALTER and TRUNCATE refuse a table that an open cursor of the session reads.
	close_cursor($self, shift @{ $self->{cursors} }) while @{ $self->{cursors} };

	if (!$was_open)
	{
		$self->{psql}->one('BEGIN');
		$self->{open} = 1;
	}
	my $frame = @{ $self->{frames} } ? $self->{frames}[-1] : $self;
	$frame->{model} //= $copy;
	$self->{rewrote} = 1 if $statement->{is_rewrite};
	do_commit($self) if pair($self, $statement) && !$was_open;
	return;
}

# A statement that fails half way leaves nothing.
sub do_bad
{
	my ($self) = @_;

	do_savepoint($self) if !@{ $self->{frames} };
	my $result = $self->{psql}->run($twin->bad($self));
	return if $result->{state} eq '00000';
	die "$result->{error}\n" if $result->{state} !~ /^(23502|23514|22012)$/ && !$CONFLICT{ $result->{state} };
	recover($self);
	return;
}

# Nor does one that fails deep inside, or one that is rolled back; what comes after is as if they had not been.
sub do_fail
{
	my ($self) = @_;

	do_savepoint($self);
	break_at($self, pick(@FRAGILE));
	foreach my $try (1 .. 1 + int(rand(3)))
	{
		my $kind = pick(qw(insert bulk bulk update delete move mark unmark overwrite self_insert compact read));
		my $sql =
			$kind eq 'compact' ? "SELECT tsdb.compact('" . pick($twin->tables) . "')"
		  : $kind eq 'read' ? 'SELECT count(*) FROM m'
		  : $kind eq 'overwrite' && $twin->{is_partitioned} ? 'SELECT 1'
		  : $twin->$kind($self)->{m};
		my $result = $self->{psql}->run($sql);

		next if $result->{state} eq '00000';
		die "$result->{error}\n" if !is_broken($result) && !$CONFLICT{ $result->{state} };
		$done{failed}++ if is_broken($result);
		last;
	}
	my $depth = @{ $self->{frames} };
	$self->{psql}->one("ROLLBACK TO s$depth");
	break_at($self, '');
	do_check($self) if chance(0.5);
	return;
}

sub break_at { my ($self, $point) = @_; return $self->{psql}->one("SELECT tsdb_test.debug_point_error('$point')"); }
sub is_broken { my ($result) = @_; return $result->{error} =~ /debug point/; }

sub do_lock
{
	my ($self) = @_;
	my $condition = $twin->condition . $twin->own_sql($self, '');
	my $strength = pick('UPDATE', 'NO KEY UPDATE', 'SHARE', 'KEY SHARE') . pick('', ' SKIP LOCKED', ' NOWAIT');
	my $m = $self->{psql}->run("SELECT count(*) FROM (SELECT FROM m WHERE $condition FOR $strength) x");

	return if !ran($self, $m);
	my $h = $self->{psql}->run("SELECT count(*) FROM h WHERE $condition");
	return if !ran($self, $h);
	my ($locked, $there) = ($m->{out}[0], $h->{out}[0]);
	die "FOR $strength locks $locked rows in m, h has $there\n" if $locked > $there || ($locked != $there && $strength !~ /SKIP/);
	return;
}

# Reading.
sub do_check
{
	my ($self) = @_;
	return if @{ $self->{queue} };
	compare($self, 'true');
	my $result = $self->{psql}->run($twin->totals, 'compare totals');
	die "totals differ: @{ $result->{out} }\n" if ran($self, $result) && @{ $result->{out} };
	return;
}

sub do_query { my ($self) = @_; return compare($self, $twin->condition); }

sub compare
{
	my ($self, $condition) = @_;
	return if @{ $self->{queue} };
	my $result = $self->{psql}->run($twin->difference($condition), "compare WHERE $condition");

	return if !ran($self, $result);
	$done{compared}++;
	die "m and h differ WHERE $condition:\n" . join("\n", @{ $result->{out} }) . "\n" if @{ $result->{out} };
	return;
}

# An old snapshot sees what it saw, whatever others commit, compact or vacuum.
sub do_again
{
	my ($self) = @_;

	return if !$self->{is_old};
	my $m = $self->{psql}->run($twin->digest('m'), 'digest of m');
	return if !ran($self, $m);
	my $h = $self->{psql}->run($twin->digest('h'), 'digest of h');
	return if !ran($self, $h);
	die "old snapshot: m has $m->{out}[0], h has $h->{out}[0]\n" if $m->{out}[0] ne $h->{out}[0];
	return;
}

sub do_declare
{
	my ($self) = @_;
	my $name = 'k' . (@program + 0);
	my $row = $twin->rowtext;
	my $condition = $twin->condition;
	my $is_held = chance(0.2);
	my $options = ($is_held ? 'SCROLL CURSOR WITH HOLD' : 'SCROLL CURSOR') . " FOR SELECT $row AS r FROM";

	return if !ran($self, $self->{psql}->run("DECLARE ${name}m $options m WHERE $condition"));
	return if !ran($self, $self->{psql}->run("DECLARE ${name}h $options h WHERE $condition"));
	my $cursor = { name => $name, is_held => $is_held, depth => scalar @{ $self->{frames} }, seen => [] };
	push @{ $self->{cursors} }, $cursor;
	return if chance(0.5);
	my $first = $self->{psql}->run('FETCH ' . int(rand(20)) . " ${name}m");
	$cursor->{seen} = $first->{out};
	ran($self, $first);
	return;
}

# All rows of a cursor, opened long ago perhaps: the twin's, and the same both ways.
sub do_fetch
{
	my ($self) = @_;
	my $cursor = shift @{ $self->{cursors} };

	return if !$cursor;
	my $name = $cursor->{name};
	my $m = $self->{psql}->run("FETCH ALL ${name}m");
	return if !ran($self, $m);
	my $h = $self->{psql}->run("FETCH ALL ${name}h");
	return if !ran($self, $h);
	my @m = (@{ $cursor->{seen} }, @{ $m->{out} });
	same_rows($cursor, \@m, $h->{out});
	close_cursor($self, $cursor) if !@m || scroll($self, $cursor, \@m);
	return;
}

sub close_cursor
{
	my ($self, $cursor) = @_;

	$self->{psql}->one("CLOSE $cursor->{name}$_") foreach qw(m h);
	return;
}

sub same_rows
{
	my ($cursor, $m, $h) = @_;
	my %count;

	$count{$_}++ foreach @$m;
	$count{$_}-- foreach @$h;
	my @different = grep { $count{$_} } sort keys %count;
	die "cursor $cursor->{name}: " . @$m . " rows of m, " . @$h . " of h; (difference: row)\n"
	  . join("\n", map { "$count{$_}: $_" } splice(@different, 0, 12)) . "\n"
	  if @different;
	$done{fetched}++;
	return;
}

# Rows can hold newlines nowhere, so a line is a row.  False when the transaction had to be rolled back.
sub scroll
{
	my ($self, $cursor, $rows) = @_;
	my $n = @$rows;

	foreach (1 .. 3)
	{
		my $at = 1 + int(rand($n));
		my $back = min($at, int(rand(30)));
		my $absolute = $self->{psql}->run("FETCH ABSOLUTE $at $cursor->{name}m");
		return 0 if !ran($self, $absolute);
		my $backward = $self->{psql}->run("FETCH BACKWARD $back $cursor->{name}m");
		return 0 if !ran($self, $backward);
		my ($one, $before) = ($absolute->{out}[0], $backward->{out});
		my @expected = reverse @$rows[ max(0, $at - 1 - $back) .. $at - 2 ];

		@expected = ($rows->[ $at - 1 ]) if $back == 0;    # FETCH 0 repeats the current row
		die "cursor $cursor->{name}: row $at is $one, was $rows->[$at - 1]\n" if $one ne $rows->[ $at - 1 ];
		die "cursor $cursor->{name}: $back rows backward from $at are\n@$before\nwere\n@expected\n" if "@$before" ne "@expected";
	}
	return 1;
}

# Maintenance.
sub do_compact { my ($self) = @_; return maintain($self, "SELECT tsdb.compact('" . pick($twin->tables) . "')"); }
sub do_vacuum { my ($self) = @_; return maintain($self, pick('VACUUM m', 'VACUUM (FREEZE) m', 'VACUUM h')); }
sub do_analyze { my ($self) = @_; return maintain($self, 'ANALYZE m'); }
sub do_reindex { my ($self) = @_; return maintain($self, pick('REINDEX TABLE m', 'REINDEX TABLE CONCURRENTLY m')); }

sub do_vacuum_full
{
	my ($self) = @_;
	my $table = pick($twin->tables);
	my $toast = $self->{psql}->one("SELECT reltoastrelid::regclass FROM pg_class WHERE oid = '$table'::regclass");
	my $result = $self->{psql}->run(pick('VACUUM FULL m', 'VACUUM FULL m', 'VACUUM FULL h', $toast eq '-' ? 'VACUUM FULL m' : "VACUUM FULL $toast"));

	die "VACUUM FULL: $result->{error}\n" if $result->{state} ne '00000' && !$CONFLICT{ $result->{state} };
	do_check($self);
	return;
}

sub maintain
{
	my ($self, $sql) = @_;

	return if !ran($self, $self->{psql}->run($sql));
	do_check($self) if chance(0.7);
	return;
}

sub do_restart
{
	my $how = pick('fast', 'immediate', 'kill', 'kill');
	my $self;

	return if !chance(0.3);
	remember("-- restart: $how");
	$how eq 'kill' ? kill_all($node) : $node->stop($how);
	foreach $self (values %session)
	{
		undo_model($self, 0);
		$self->{psql}->close;
	}
	$node->start;
	connect_session($session{$_}) foreach sort keys %session;
	do_check($session{a});
	return;
}

sub verify
{
	my $self = $session{a};

	return if !$has_verify;
	foreach my $table ($twin->tables)
	{
		my $result = $self->{psql}->run("SELECT * FROM tsdb.verify('$table')");
		die "tsdb.verify('$table'): @{ $result->{out} }\n" if ran($self, $result) && @{ $result->{out} };
	}
	return;
}

# finish - end what is open, compare, compact, compare
sub finish
{
	foreach my $name (sort keys %session)
	{
		my $self = $session{$name};
		next if !$self->{open};
		chance(0.7) ? do_commit($self) : do_rollback($self);
	}
	my $self = $session{a};
	do_prepared($self) while @prepared;
	do_check($self);
	$self->{psql}->one('SET lock_timeout = 0');    # the worker may be at work
	$self->{psql}->one("SELECT tsdb.compact('$_')") foreach $twin->tables;
	do_check($self);
	verify();
	$done{rows_cut} += $self->{psql}->one("SELECT count FROM tsdb.stats WHERE name = 'rows_cut'");
	$self->{psql}->one('VACUUM m');
	do_check($self);
	return;
}

# pair - one statement for both tables; false when the transaction, or a part of it, had to be rolled back
sub pair
{
	my ($self, $statement) = @_;
	my $count;

	return 0 if $statement->{before} && !ran($self, $self->{psql}->run($statement->{before}));
	my $m = $self->{psql}->run($statement->{m});
	return 0 if !ran($self, $m);
	$m->{count} = $m->{out}[0] || 0 if $statement->{count_is_out};
	if ($self->{is_racing} && $self->{open} && !$statement->{is_rewrite})
	{
		push @{ $self->{queue} }, @{ $statement->{h} };
		return 1;
	}
	foreach my $i (0 .. $#{ $statement->{h} })
	{
		my $h = $self->{psql}->run($statement->{h}[$i]);
		return 0 if !ran($self, $h);
		$count = $h->{count} if $i == ($statement->{rows_of} // 0);
	}
	die "rows changed: $m->{count} in m, $count in h\n" if $statement->{counted} && $m->{count} != $count;
	return 1;
}

# ran - did a statement succeed?  A conflict with the other session is undone, anything else is a failure.
sub ran
{
	my ($self, $result) = @_;

	return 1 if $result->{state} eq '00000';
	die "$result->{state} $result->{error}\n" if !$CONFLICT{ $result->{state} };
	$done{conflict}++;
	recover($self) if $self->{open};
	return 0;
}

# recover - after an error: back to a savepoint, or give up the transaction
sub recover
{
	my ($self) = @_;
	return @{ $self->{frames} } && chance(0.6) ? do_rollback_to($self) : do_rollback($self);
}

sub forget_transaction
{
	my ($self) = @_;

	$self->{open} = $self->{is_old} = $self->{rewrote} = 0;
	$self->{frames} = [];
	$self->{cursors} = [];
	$self->{queue} = [];
	delete $self->{model};
	return;
}

# undo_model - the definition as it was before the savepoint at this depth (0: the transaction)
sub undo_model
{
	my ($self, $depth) = @_;
	my @models = grep { defined } map { $_->{model} } @{ $self->{frames} }[ max($depth - 1, 0) .. $#{ $self->{frames} } ];

	unshift @models, $self->{model} if $depth == 0 && $self->{model};
	$twin->restore($models[0]) if @models;
	delete $_->{model} foreach @{ $self->{frames} }[ max($depth - 1, 0) .. $#{ $self->{frames} } ];
	return;
}

sub first_model
{
	my ($self) = @_;
	my ($model) = grep { defined } $self->{model}, map { $_->{model} } @{ $self->{frames} };
	return $model;
}

sub copy_file
{
	my ($self) = @_;
	return $node->basedir . "/copy_$self->{name}";
}

sub remember
{
	my ($line) = @_;
	push @program, $line;
	return;
}

# report - why, and the whole program in a file
sub report
{
	my ($round_seed) = @_;
	my $file = "$PostgreSQL::Test::Utils::log_path/differential-$round_seed.sql";
	my @last = map { length($_) > 400 ? substr($_, 0, 400) . ' ...' : $_ } @program[ max(0, @program - 30) .. $#program ];

	open(my $out, '>', $file) or die "$file: $!";
	print $out "$_\n" foreach @program;
	close($out);
	diag "The end of the program, the whole of which is in $file:";
	diag $_ foreach @last;
	diag "seed $round_seed failed: $failed";
	diag grep { /TRAP|PANIC|terminated by/ } split(/^/, slurp_file($node->logfile));
	diag "TSDB_SEED=$round_seed repeats it.";
	return;
}

sub pick { return $_[ int(rand(@_)) ]; }
sub chance { return rand() < $_[0]; }

# weighted(name => weight, ...)
sub weighted
{
	my @pairs = @_;
	my $total = 0;

	$total += $pairs[ 2 * $_ + 1 ] foreach 0 .. @pairs / 2 - 1;
	my $at = rand($total);
	while (@pairs > 2 && ($at -= $pairs[1]) >= 0)
	{
		splice(@pairs, 0, 2);
	}
	return $pairs[0];
}
