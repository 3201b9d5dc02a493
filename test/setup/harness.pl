# harness.pl - run TAP programs, keep a log of each, count.
#
#   perl harness.pl STAGE COUNTFILE LOGDIR JOBS COMMAND... -- FILE...
#
# Appends "STAGE passed failed" to COUNTFILE.  A file that dies, breaks its
# plan or runs no test at all counts as one failure more.
use strict;
use warnings;
use TAP::Harness;

my ($stage, $countfile, $logdir, $jobs, @rest) = @ARGV;
my @command;
while (@rest && $rest[0] ne '--')
{
	push @command, shift @rest;
}
shift @rest;

my $harness = TAP::Harness->new(
	{
		verbosity => -1,
		timer => 1,
		merge => 1,
		jobs => $jobs,
		exec => sub {
			my ($self, $file) = @_;
			return [ @command, $file ];
		},
	});
my %log;
$harness->callback(
	made_parser => sub {
		my ($parser, $test) = @_;
		my $name = (ref $test ? $test->[0] : "$test");
		(my $base = $name) =~ s{.*/}{};
		open(my $out, '>', "$logdir/$stage-$base.log") or die "$logdir/$stage-$base.log: $!";
		$out->autoflush(1);
		$log{$name} = "$logdir/$stage-$base.log";
		$parser->callback(ALL => sub { print $out $_[0]->raw, "\n"; });
	});

my $result = $harness->runtests(@rest);
my ($passed, $failed) = (0, 0);
foreach my $name ($result->descriptions)
{
	my ($parser) = $result->parsers($name);
	my $good = $parser->passed;
	my $bad = $parser->failed;
	$bad++
	  if $bad == 0
	  && ($parser->exit || $parser->wait || $parser->parse_errors || $good == 0);
	$passed += $good;
	$failed += $bad;
	next unless $bad;
	print "--- $name failed; the end of its log:\n";
	open(my $in, '<', $log{$name}) or next;
	my @lines = <$in>;
	splice(@lines, 0, @lines - 60) if @lines > 60;
	print @lines;
	print "    $_\n" foreach $parser->parse_errors;
	print "    exit status ", $parser->exit, "\n" if $parser->exit;
}
open(my $count, '>>', $countfile) or die "$countfile: $!";
print $count "$stage $passed $failed\n";
