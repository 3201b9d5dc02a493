# What README.md and the documents print is what comes out: every block of SQL runs, and the lines of the block that follows
# one of README.md appear in what psql says, in their order.  "..." stands for any lines.
use strict;
use warnings;
use FindBin;
use lib $FindBin::RealBin;
use DurabilityKit;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

# test.sh puts the documents beside the tests.
my $root = "$FindBin::RealBin/..";
my $node = node_new('documents', 'tsdb.maintenance = off');

my $database = database_new('readme');
my @blocks = blocks_read('README.md');
my $compared = 0;
foreach my $i (0 .. $#blocks)
{
	my ($kind, $line, $text) = @{ $blocks[$i] };
	next unless $kind eq 'sql';
	my ($out, $error) = psql($database, $text);
	is($error, '', "README.md:$line: no error");
	next unless $i < $#blocks && $blocks[ $i + 1 ][0] eq '' && $blocks[ $i + 1 ][3];
	my $missing = line_missing($out, $blocks[ $i + 1 ][2]);
	ok(!defined $missing, "README.md:$blocks[$i + 1][1]: as printed") or diag("not there, or not in this order: $missing\nbut:\n$out");
	$compared++;
}
cmp_ok($compared, '>=', 8, 'README.md shows outputs');

# Documents whose blocks stand alone, on the tables that they speak of.
foreach my $document ('docs/SQL.md', 'docs/OPERATIONS.md')
{
	my $database = database_new($document =~ s/\W/_/gr);
	my $table = q{(time timestamptz NOT NULL, plant text NOT NULL, sensor text NOT NULL, value float8, quality tsdb.quality)};
	my $boiler = qq{CREATE TABLE boiler $table USING tsdb WITH (tags = 'plant,sensor', sample_interval = '1s')};
	my $ran = 0;
	psql($database, qq{
		$boiler; CREATE TABLE logger_dump $table;
		INSERT INTO boiler SELECT now() - i * interval '10 s', 'antofagasta', 't1', 480 + i % 7, 0 FROM generate_series(1, 5000) i;
		INSERT INTO logger_dump SELECT now() - i * interval '1 min', 'antofagasta', 't1', i, 0 FROM generate_series(1, 5000) i;});
	foreach my $block (grep { $_->[0] eq 'sql' } blocks_read($document))
	{
		my (undef, $line, $text) = @$block;
		psql($database, 'DROP TABLE boiler') if $text =~ /CREATE TABLE boiler/;
		my ($out, $error) = psql($database, $text);
		$error = '' if $error =~ /postgresql-\d+-unit/;
		is($error, '', "$document:$line: no error");
		$ran++;
	}
	cmp_ok($ran, '>=', 2, "$document shows statements");
}
log_clean($node);
$node->stop;
done_testing();

sub database_new
{
	my ($name) = @_;
	$name = lc $name;
	$node->safe_psql('postgres', "CREATE DATABASE $name");
	$node->safe_psql($name, 'CREATE EXTENSION tsdb') unless $name eq 'readme';
	return $name;
}

# psql database text - what is printed, as one types it in, and the errors.
sub psql
{
	my ($database, $text) = @_;
	my ($out, $error) = ('', '');
	my @command = ($node->installed_command('psql'), '-X', '-d', $node->connstr($database), '-P', 'pager=off');
	IPC::Run::run(\@command, '<', \$text, '>', \$out, '2>', \$error);
	return ($out, join "\n", grep { /ERROR|FATAL|HINT|DETAIL/ } split /\n/, $error);
}

# blocks_read file - [language, line, text, follows another at once] of each fenced block.
sub blocks_read
{
	my ($file) = @_;
	my (@blocks, $block);
	my $last_end = 0;
	open my $in, '<', "$root/$file" or die "$file: $!\n";
	while (my $line = <$in>)
	{
		if ($line !~ /^```(\w*)/)
		{
			$block->[2] .= $line if $block;
			next;
		}
		if ($block)
		{
			push @blocks, $block;
			$block = undef;
			$last_end = $.;
		}
		else
		{
			$block = [ $1, $., '', $. == $last_end + 1 ];
		}
	}
	return @blocks;
}

# line_missing out wanted - the first line of `wanted` that does not come, in order, in `out`.
sub line_missing
{
	my ($out, $wanted) = @_;
	my @lines = map { trimmed($_) } split /\n/, $out;
	foreach my $line (grep { $_ ne '' && !/^\s*\.\.\.$/ } map { trimmed($_) } split /\n/, $wanted)
	{
		shift @lines while @lines && $lines[0] ne $line;
		return $line unless @lines;
		shift @lines;
	}
	return undef;
}

# PostgreSQL 18 counts rows of a plan with decimals.
sub trimmed
{
	my ($line) = @_;
	$line =~ s/\s+$//;
	$line =~ s/(actual rows=\d+)\.00/$1/;
	return $line;
}
