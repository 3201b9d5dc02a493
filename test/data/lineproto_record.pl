#!/usr/bin/perl
# lineproto_record.pl - ask a running InfluxDB 1.x for the answers of lineproto.txt.
#
#   lineproto_record.pl http://127.0.0.1:8086 < lineproto.txt > new
#
# A line of the file: text, answer of InfluxDB, and ours if it is another one,
# with tabs between.  An answer is "! error" or the point:
#   measurement{tag=value ...} field:type=value ... @time in microseconds
# with tags and fields in order of their keys.  Lines that begin with a number
# sign are comments.  Newlines, tabs, carriage returns, NULs and backslashes
# are written \n \t \r \0 \\.
use strict;
use warnings;
use HTTP::Tiny;
use JSON::PP;

my $url = shift // die "usage: $0 url < old > new\n";
my $http = HTTP::Tiny->new;
my %escapes = (n => "\n", t => "\t", r => "\r", 0 => "\0", '\\' => '\\');
my %names = reverse %escapes;
my $number = 0;

while (my $line = <STDIN>)
{
	chomp $line;
	if ($line =~ /^(#|$)/)
	{
		print "$line\n";
		next;
	}
	my ($text, undef, $ours) = split /\t/, $line;
	my $answer = escaped(answer(unescaped($text)));
	print join("\t", $text, $answer, defined $ours && $ours ne $answer ? $ours : ()), "\n";
}

sub unescaped { my $text = shift; $text =~ s/\\(.)/$escapes{$1}/g; return $text; }
sub escaped { my $text = shift; $text =~ s/([\n\t\r\0\\])/\\$names{$1}/g; return $text; }

sub answer
{
	my $text = shift;
	my $name = 'case' . ++$number;

	query('', "CREATE DATABASE $name");
	my $reply = $http->post("$url/write?db=$name", { content => $text });
	my $answer = $reply->{success} ? point($name) : '! ' . reason($reply->{content}, $text);
	query('', "DROP DATABASE $name");
	return $answer;
}

sub query
{
	my ($name, $query) = @_;

	return JSON::PP->new->decode($http->post_form("$url/query?epoch=ns&db=$name", { q => $query })->{content})->{results}[0]{series};
}

sub reason
{
	my ($content, $text) = @_;
	my $error = JSON::PP->new->decode($content)->{error};

	$error =~ s/^unable to parse '.*': (?=[^']*$)//s;
	return $error;
}

sub point
{
	my $name = shift;
	my $series = (query($name, 'SELECT * FROM /.*/ GROUP BY *') // return 'nothing')->[0];
	my %types = map { $_->[0] => $_->[1] } @{ query($name, 'SHOW FIELD KEYS')->[0]{values} };
	my %values;
	@values{ @{ $series->{columns} } } = @{ $series->{values}[0] };
	my $tags = join ' ', map { "$_=$series->{tags}{$_}" } sort keys %{ $series->{tags} // {} };
	my $time = delete $values{time};
	my $us = do { use integer; $time / 1000 - ($time % 1000 < 0 ? 1 : 0) };

	return join ' ', "$series->{name}\{$tags}", (map { "$_:$types{$_}=" . value($types{$_}, $values{$_}) } sort keys %values), "\@$us";
}

sub value
{
	my ($type, $value) = @_;

	return $type eq 'float' ? sprintf('%.17g', $value) : $type eq 'boolean' ? ($value ? 'true' : 'false') : $value;
}
