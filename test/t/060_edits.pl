# 060_edits.pl - random edits against a model that keeps full history.
#
# Each step is an edit, an undo, a write without a reason, or maintenance.  The model is told what was asked for and works
# out what must be there: the table, history, marks, and the table as of the moment after any edit before.
#
#	TSDB_EDITS			how many steps (120)
#	TSDB_SEED			seed
use strict;
use warnings;
use FindBin;
use lib $FindBin::RealBin;
use DurabilityKit;
use List::Util qw(max min);
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $steps = $ENV{TSDB_EDITS} || 120;
my $seed = $ENV{TSDB_SEED} // time() % 1_000_000;
my $SERIES = 3;
my $SLOTS = 40;
my $FULL_CHECK_STEPS = 20;

# now: key -> row; versions: key -> list of [edit, old, new]; edits: id -> {kind, keys, undone_by, undoes}, in order.
my (%now, %versions, %edits, @order, %done);
my $log = '';
my $node = node_new('edits', 'max_prepared_transactions = 2');

srand($seed);
note("seed $seed");
$node->safe_psql('postgres', <<'SQL');
CREATE TABLE m (time timestamptz NOT NULL, s int4, v int8, n text) USING tsdb WITH (tags = 's', sample_interval = '1 min');
CREATE FUNCTION key(s int4, t timestamptz) RETURNS text LANGUAGE sql IMMUTABLE AS
    $$ SELECT s || '/' || (extract(epoch FROM t - timestamptz '2024-01-01Z') / 60)::int4 $$;
CREATE FUNCTION val(j jsonb) RETURNS text LANGUAGE sql IMMUTABLE AS
    $$ SELECT CASE WHEN j IS NOT NULL THEN coalesce(j ->> 'v', '~') || '|' || coalesce(j ->> 'n', '~') ELSE '-' END $$;
SQL

my @operations = (
	[ 10, \&insert ], [ 6, \&update ], [ 4, \&shift_times ], [ 6, \&delete_range ], [ 8, \&backfill ], [ 8, \&overwrite ],
	[ 6, \&mark_deleted ], [ 6, \&patch ], [ 24, \&undo ], [ 5, \&plain ], [ 4, \&rolled_back ], [ 4, \&savepoint ],
	[ 3, \&prepared ], [ 8, \&compact ], [ 1, \&restart ]);

for my $step (1 .. $steps)
{
	my $pick = int(rand(sum_of(map { $_->[0] } @operations)));
	for my $operation (@operations)
	{
		$pick -= $operation->[0];
		next if $pick >= 0;
		$operation->[1]->();
		last;
	}
	my $problem = check($step % $FULL_CHECK_STEPS == 0 || $step == $steps);
	next if $problem eq '';
	fail("step $step, seed $seed: $problem");
	diag(substr($log, -3000));
	last;
}
ok(keys %edits > $steps / 4, 'many edits: ' . join(', ', map { "$_ $done{$_}" } sort keys %done));
is($node->safe_psql('postgres', q{SELECT * FROM tsdb.verify('m')}), '', 'verify');
log_clean($node);
done_testing();

sub sum_of
{
	my $sum = 0;
	$sum += $_ for @_;
	return $sum;
}

# run(sql) - rows of the last query, as a list of lines; dies with the error's text.
sub run
{
	my ($sql) = @_;
	$log .= "$sql\n";
	my ($status, $out, $error) = $node->psql('postgres', $sql, extra_params => [ '-v', 'ON_ERROR_STOP=1' ]);
	die "$error\n" if $status != 0;
	return split(/\n/, $out);
}

sub key_of { return "$_[0]/$_[1]"; }

sub sql_time { return "timestamptz '2024-01-01Z' + $_[0] * interval '1 min'"; }

sub random_rows
{
	my ($n) = @_;
	return map { { s => int(rand($SERIES)), t => int(rand($SLOTS)), v => rand() < 0.1 ? undef : int(rand(100000)), n => rand() < 0.5 ? undef : 'n' . int(rand(50)) } } 1 .. $n;
}

sub row_text
{
	my ($row) = @_;
	return ($row->{v} // '~') . '|' . ($row->{n} // '~');
}

sub sql_values
{
	return 'VALUES ' . join(', ', map { '(' . sql_time($_->{t}) . ", $_->{s}, " . (defined $_->{v} ? "$_->{v}::int8" : 'NULL::int8') . ', ' . (defined $_->{n} ? "'$_->{n}'" : 'NULL') . ')' } @_);
}

sub source { return '$$SELECT * FROM (' . sql_values(@_) . ') x (time, s, v, n)$$'; }

# random_range() - series (undef = all) and slots, half open.
sub random_range
{
	my $from = int(rand($SLOTS));
	return (rand() < 0.3 ? undef : int(rand($SERIES)), $from, $from + 1 + int(rand(12)));
}

sub keys_in
{
	my ($s, $from, $until) = @_;
	return grep { my ($ks, $kt) = split(m{/}, $_); (!defined $s || $ks == $s) && $kt >= $from && $kt < $until } sort keys %now;
}

sub where
{
	my ($s, $from, $until) = @_;
	return 'time >= ' . sql_time($from) . ' AND time < ' . sql_time($until) . (defined $s ? " AND s = $s" : '');
}

# journal(kind, id, changes, undoes) - changes: key -> new row or undef.
sub journal
{
	my ($kind, $id, $changes, $undoes) = @_;
	$done{$kind}++;
	$edits{$id} = { id => $id, kind => $kind, keys => [ keys %$changes ], undoes => $undoes };
	push @order, $id;
	for my $key (keys %$changes)
	{
		push @{ $versions{$key} }, [ $id, $now{$key}, $changes->{$key} ];
	}
	apply($changes);
}

sub apply
{
	my ($changes) = @_;
	for my $key (keys %$changes)
	{
		if (defined $changes->{$key}) { $now{$key} = $changes->{$key}; }
		else { delete $now{$key}; }
	}
}

# under_reason(kind, sql, changes) - a statement; it leaves an edit if it changes something.
sub under_reason
{
	my ($kind, $sql, $changes) = @_;
	my $id = (run("BEGIN; SET LOCAL tsdb.edit_reason = 'because'; $sql; COMMIT; SELECT coalesce(max(id), 0) FROM tsdb.edits"))[-1];
	journal($kind, $id, $changes) if %$changes;
}

sub insert
{
	my @rows = random_rows(1 + int(rand(8)));
	under_reason('insert', 'INSERT INTO m ' . sql_values(@rows), { map { key_of($_->{s}, $_->{t}) => row_text($_) } @rows });
}

sub update
{
	my @range = random_range();
	my %changes;
	for my $key (keys_in(@range))
	{
		my ($v, $n) = split(/\|/, $now{$key});
		$changes{$key} = ($v eq '~' ? '~' : $v + 1) . "|$n";
	}
	under_reason('update', 'UPDATE m SET v = v + 1 WHERE ' . where(@range), \%changes);
}

sub shift_times
{
	my @range = random_range();
	my $by = int(rand(5)) - 2;
	my (%changes, %moved);
	for my $key (keys_in(@range))
	{
		my ($s, $t) = split(m{/}, $key);
		$changes{$key} = undef;
		$moved{ key_of($s, $t + $by) } = $now{$key};
	}
	%changes = (%changes, %moved);
	under_reason('update', "UPDATE m SET time = time + $by * interval '1 min' WHERE " . where(@range), \%changes);
}

sub delete_range
{
	my @range = random_range();
	under_reason('delete', 'DELETE FROM m WHERE ' . where(@range), { map { $_ => undef } keys_in(@range) });
}

sub backfill
{
	my @rows = random_rows(1 + int(rand(15)));
	my %changes = map { key_of($_->{s}, $_->{t}) => row_text($_) } grep { !defined $now{ key_of($_->{s}, $_->{t}) } } @rows;
	my ($id) = run("SELECT tsdb.backfill('m', " . source(@rows) . ", 'late')");
	journal('backfill', $id, \%changes);
}

sub overwrite
{
	my @rows = random_rows(1 + int(rand(15)));
	my ($id) = run("SELECT tsdb.overwrite('m', " . source(@rows) . ", 'typo')");
	journal('overwrite', $id, { map { key_of($_->{s}, $_->{t}) => row_text($_) } @rows });
}

sub mark_deleted
{
	my ($s, $from, $until) = random_range();
	my $series = defined $s ? "{\"s\": $s}" : '{}';
	my ($id) = run("SELECT tsdb.mark_deleted('m', '$series', " . sql_time($from) . ', ' . sql_time($until) . ", 'bad')");
	journal('mark_deleted', $id, { map { $_ => undef } keys_in($s, $from, $until) });
}

sub patch
{
	my @rows = random_rows(1 + int(rand(5)));
	my %changes;
	for my $row (@rows)
	{
		my $key = key_of($row->{s}, $row->{t});
		my $n = (split(/\|/, $changes{$key} // $now{$key} // '~|~'))[1];
		$changes{$key} = ($row->{v} // '~') . "|$n";
	}
	under_reason('patch', 'SELECT tsdb.patch(\'m\', $$SELECT time, s, v FROM (' . sql_values(@rows) . ') x (time, s, v, n)$$)', \%changes);
}

# Mostly one of the last edits, else any.
sub undo
{
	return if !@order;
	my $id = rand() < 0.7 ? $order[ -1 - int(rand(min(6, scalar @order))) ] : $order[ rand @order ];
	my $edit = $edits{$id};
	my $refusal = refusal_of($edit);
	my $undo = eval { (run("SELECT tsdb.undo($id, 'oops')"))[0] };
	my $error = $undo ? '' : $@;

	if ($refusal ne '')
	{
		$done{"refused: $refusal"}++;
		die "undo of $id should have been refused ($refusal), but: " . ($undo ? "edit $undo" : $error) if $undo || $error !~ /$refusal/;
		return;
	}
	die "undo of $id was refused: $error" if !$undo;
	my %changes;
	for my $key (@{ $edit->{keys} })
	{
		my ($version) = grep { $_->[0] == $id } @{ $versions{$key} };
		# Nothing is written where nothing was and nothing is.
		$changes{$key} = $version->[1];
	}
	journal('undo', $undo, \%changes, $id);
	my $by = $undo;
	for (my $target = $edit; $target; $target = $target->{undoes} ? $edits{ $target->{undoes} } : undef)
	{
		$target->{undone_by} = $by;
		$by = $by ? undef : $target->{id};
	}
}

# What the undo of an edit must be refused with; '' = it must work.
sub refusal_of
{
	my ($edit) = @_;
	return 'undone already' if $edit->{undone_by};
	my %at = map { $order[$_] => $_ } 0 .. $#order;
	for my $key (@{ $edit->{keys} })
	{
		my $seen = 0;
		for my $version (@{ $versions{$key} })
		{
			my $other = $edits{ $version->[0] };
			$seen = 1, next if $other == $edit;
			next if !$seen || $other->{undone_by};
			return 'touched the same samples later' if !$other->{undoes} || $at{ $other->{undoes} } < $at{ $edit->{id} };
		}
	}
	for my $key (@{ $edit->{keys} })
	{
		my ($version) = grep { $_->[0] == $edit->{id} } @{ $versions{$key} };
		return 'changed later without a reason' if ($version->[2] // '-') ne ($now{$key} // '-');
	}
	return '';
}

sub plain
{
	my @rows = random_rows(1 + int(rand(3)));
	if (rand() < 0.6)
	{
		run('INSERT INTO m ' . sql_values(@rows));
		apply({ map { key_of($_->{s}, $_->{t}) => row_text($_) } @rows });
	}
	else
	{
		my $row = $rows[0];
		run("DELETE FROM m WHERE s = $row->{s} AND time = " . sql_time($row->{t}));
		apply({ key_of($row->{s}, $row->{t}) => undef });
	}
	$done{plain}++;
}

sub rolled_back
{
	my @rows = random_rows(5);
	run("BEGIN; SET LOCAL tsdb.edit_reason = 'never'; INSERT INTO m " . sql_values(@rows) . "; DELETE FROM m WHERE s = 1; SELECT tsdb.backfill('m', " . source(@rows) . ", 'never'); ROLLBACK");
	$done{'rolled back'}++;
}

sub savepoint
{
	my @rows = random_rows(4);
	under_reason('insert', 'INSERT INTO m ' . sql_values(@rows) . '; SAVEPOINT a; DELETE FROM m; ROLLBACK TO a; SAVEPOINT b; RELEASE b', { map { key_of($_->{s}, $_->{t}) => row_text($_) } @rows });
	$done{savepoint}++;
}

sub prepared
{
	my @rows = random_rows(4);
	run("BEGIN; SET LOCAL tsdb.edit_reason = 'twice'; INSERT INTO m " . sql_values(@rows) . "; PREPARE TRANSACTION 'p'");
	my ($id) = run("COMMIT PREPARED 'p'; SELECT max(id) FROM tsdb.edits");
	journal('insert', $id, { map { key_of($_->{s}, $_->{t}) => row_text($_) } @rows });
	$done{prepared}++;
}

sub compact
{
	run(rand() < 0.7 ? q{SELECT tsdb.compact('m')} : 'VACUUM m');
	$done{compact}++;
}

sub restart
{
	$node->restart;
	$done{restart}++;
}

# check(all) - '' or what is wrong.
sub check
{
	my ($all) = @_;
	my @moments = !@order ? () : $all ? @order : ($order[ rand @order ]);
	my %wanted = (
		table => [ map { "$_ $now{$_}" } keys %now ],
		history => [ map { history_of($_) } keys %versions ],
		marks => [ grep { defined } map { mark_of($_) } keys %versions ],
		edits => [ map { join(' ', $_->{id}, $_->{kind}, $_->{undoes} // '-', $_->{undone_by} // '-', scalar @{ $_->{keys} }) } values %edits ]);
	my $sql = <<'SQL';
SELECT 'table ' || key(s, time) || ' ' || coalesce(v::text, '~') || '|' || coalesce(n, '~') FROM m;
SELECT 'history ' || key((tags ->> 's')::int4, time) || ' ' || edit || ' ' || val(old_row) || ' ' || val(new_row) FROM tsdb.history('m');
SELECT 'marks ' || key((tags ->> 's')::int4, time) || ' ' || mark || ' ' || edit FROM tsdb.marks('m');
SELECT concat_ws(' ', 'edits', id, kind, coalesce(undoes::text, '-'), coalesce(undone_by::text, '-'), written) FROM tsdb.edits;
SQL
	for my $id (@moments)
	{
		$wanted{"at$id"} = [ as_of($id) ];
		$sql .= "SELECT 'at$id ' || key(s, time) || ' ' || coalesce(v::text, '~') || '|' || coalesce(n, '~') FROM tsdb.as_of(NULL::m, (SELECT at FROM tsdb.edits WHERE id = $id));\n";
	}
	my ($status, $out, $error) = $node->psql('postgres', $sql, extra_params => [ '-v', 'ON_ERROR_STOP=1' ]);
	return $error if $status != 0;
	my %got;
	for my $line (split(/\n/, $out))
	{
		my ($what, $rest) = split(/ /, $line, 2);
		push @{ $got{$what} }, $rest;
	}
	for my $what (sort keys %wanted)
	{
		my $problem = difference($what, $got{$what} // [], $wanted{$what});
		return $problem if $problem ne '';
	}
	return '';
}

sub difference
{
	my ($what, $got, $wanted) = @_;
	my %count;
	$count{$_}++ for @$got;
	$count{$_}-- for @$wanted;
	my @wrong = map { ($count{$_} > 0 ? '+' : '-') . $_ } grep { $count{$_} != 0 } sort keys %count;
	return @wrong ? "$what: " . join('; ', @wrong[ 0 .. min(9, $#wrong) ]) : '';
}

sub history_of
{
	my ($key) = @_;
	my @list = @{ $versions{$key} };
	return map {
		my $new = $_ < $#list ? $list[ $_ + 1 ][1] : $now{$key};
		"$key $list[$_][0] " . ($list[$_][1] // '-') . ' ' . ($new // '-')
	} 0 .. $#list;
}

sub mark_of
{
	my ($key) = @_;
	my ($last) = grep { my $edit = $edits{ $_->[0] }; !$edit->{undone_by} && !$edit->{undoes} } reverse @{ $versions{$key} };
	return undef if !$last || (!defined $last->[1] && !defined $last->[2]);
	return "$key " . (!defined $last->[2] ? 'deleted' : defined $last->[1] ? 'overwritten' : 'backfilled') . " $last->[0]";
}

# as_of(id) - the table after that edit: of each sample what the first later edit found, else what is there now.
sub as_of
{
	my ($id) = @_;
	my %at = map { $order[$_] => $_ } 0 .. $#order;
	my %all = map { $_ => 1 } keys %now, keys %versions;
	my @rows;
	for my $key (keys %all)
	{
		my ($first) = grep { $at{ $_->[0] } > $at{$id} } @{ $versions{$key} // [] };
		my $row = $first ? $first->[1] : $now{$key};
		push @rows, "$key $row" if defined $row;
	}
	return @rows;
}
