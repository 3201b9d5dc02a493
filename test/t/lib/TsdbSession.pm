# TsdbSession.pm - a psql that lives in the background: one statement in, its
# output and SQLSTATE out.  Statements of several sessions alternate as the caller
# says, so what they do together can be repeated.
package TsdbSession;

use strict;
use warnings;
use IPC::Open3;

my $SECONDS = $ENV{TSDB_HANG_SECONDS} || 180;    # a statement that takes longer hangs

# new TsdbSession(name, connection string, sub that gets each statement)
sub new
{
	my ($class, $name, $connstr, $log) = @_;
	my $self = bless { name => $name, log => $log, n => 0 }, $class;

	$self->{pid} = open3(
		$self->{in}, $self->{out}, undef,
		'psql', '-XAtq', '-F', '|', '-d', $connstr,
		'-v', 'VERBOSITY=terse', '-v', 'ON_ERROR_STOP=0');
	$self->{in}->autoflush(1);
	return $self;
}

# run(sql [, what to log instead]) - { state => SQLSTATE, out => lines of rows, tag => number of rows changed, error => text }
sub run
{
	my ($self, $sql, $label) = @_;
	my $mark = "=mark" . ++$self->{n} . "=";
	my @out;

	$self->{log}->(defined $label ? "-- [$self->{name}] $label" : "[$self->{name}] $sql;");
	local $SIG{PIPE} = 'IGNORE';
	local $SIG{ALRM} = sub { die "session $self->{name} hangs in: $sql\n" };
	alarm $SECONDS;
	print { $self->{in} } "$sql;\n\\echo $mark :SQLSTATE :ROW_COUNT\n";
	while (defined(my $line = readline($self->{out})))
	{
		chomp $line;
		if ($line =~ /^$mark (\S+) (\d+)$/)
		{
			alarm 0;
			return $self->result($1, $2, \@out);
		}
		push @out, $line;
	}
	alarm 0;
	die "session $self->{name} lost its server in: $sql\n" . join("\n", @out) . "\n";
}

# one(sql) - the output as one string; dies of errors
sub one
{
	my ($self, $sql) = @_;
	my $result = $self->run($sql);

	die "session $self->{name}: $result->{error}\nin: $sql\n" if $result->{state} ne '00000';
	return join("\n", @{ $result->{out} });
}

# close - ask psql to leave, or after a crash just collect it
sub close
{
	my ($self) = @_;

	local $SIG{PIPE} = 'IGNORE';
	print { $self->{in} } "\\q\n";
	CORE::close($self->{in});
	1 while defined(readline($self->{out}));
	waitpid($self->{pid}, 0);
	return;
}

sub result
{
	my ($self, $state, $count, $out) = @_;
	my $error = '';

	if ($state ne '00000')
	{
		$error = join("\n", grep { /ERROR|FATAL|PANIC/ } @$out) || "@$out";
		$self->{log}->("[$self->{name}] -- $state $error");
	}
	return {
		state => $state,
		count => $count,
		out => [ grep { !/^(psql:|WARNING|NOTICE|ERROR|DETAIL|HINT|LINE|CONTEXT)/ } @$out ],
		error => $error
	};
}

1;
