#!/usr/bin/perl
# http.pl - the HTTP client of the peers: one connection, kept open.
#
#   http.pl load url lines <file     POST stdin in bodies of so many lines; prints ms
#   http.pl time url repeats         GET; prints the median ms and the bytes of the answer
#   http.pl get url                  GET; prints the answer
#   http.pl post url                 POST without a body
#   http.pl wait url                 GET until it answers, 30 s at most
use strict;
use warnings;
use HTTP::Tiny;
use Time::HiRes qw(sleep time);

my $http = HTTP::Tiny->new(timeout => 600, keep_alive => 1);
my %verbs = (
    load => \&load,
    time => \&time_get,
    get  => sub { print get($_[0]) },
    post => sub { post($_[0], '') },
    wait => \&wait_for,
);
my ($verb, @args) = @ARGV;
my $code = $verbs{ $verb // '' } or die "usage: http.pl load|time|get|post|wait url ...\n";
$code->(@args);

sub load {
    my ($url, $lines) = @_;
    my $start = time;
    my ($body, $count) = ('', 0);
    while (my $line = <STDIN>) {
        $body .= $line;
        next if ++$count % $lines;
        post($url, $body);
        $body = '';
    }
    post($url, $body) if length $body;
    printf "%.1f\n", (time - $start) * 1000;
}

sub time_get {
    my ($url, $repeats) = @_;
    my ($bytes, @times);
    for (1 .. $repeats) {
        my $start = time;
        $bytes = length get($url);
        push @times, (time - $start) * 1000;
    }
    @times = sort { $a <=> $b } @times;
    printf "%.3f %d\n", $times[ @times / 2 ], $bytes;
}

sub wait_for {
    my ($url) = @_;
    my $until = time + 30;
    until ($http->get($url)->{success}) {
        die "no answer from $url\n" if time > $until;
        sleep 0.1;
    }
}

sub get {
    my ($url) = @_;
    my $response = $http->get($url);
    die "GET $url: $response->{status} $response->{content}\n" unless $response->{success};
    return $response->{content};
}

sub post {
    my ($url, $body) = @_;
    my $response = $http->post($url, { content => $body });
    die "POST $url: $response->{status} $response->{content}\n" unless $response->{success};
}
