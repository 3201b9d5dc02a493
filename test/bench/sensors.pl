#!/usr/bin/perl
# sensors.pl - the sensor workload: random walks with two decimals, the same bytes in every run.
#
#   sensors.pl format series seconds [file]
#
# One row per series and second, in order of time.  Formats:
#   copy    time<TAB>series<TAB>value, for COPY
#   line    sensor,series=... value=... seconds, for line protocol with precision=s
#   both    "copy" into file.tsv and "line" into file.line
#
# A step is a rounded normal deviate (1.5 hundredths) with a pull back to the
# sensor's own level: about 2.7 bits of news in every sample.
use strict;
use warnings;

use constant EPOCH => 1704067200;    # 2024-01-01 UTC

my ($format, $nseries, $seconds, $file) = @ARGV;
die "usage: sensors.pl copy|line|both series seconds [file]\n"
    unless defined $seconds && $format =~ /^(?:copy|line|both)$/ && ($format ne 'both' || defined $file);

srand(4711);
my @steps = map { step() } 1 .. 65536;
my @names = map { sprintf 's%04d', $_ } 1 .. $nseries;
my @levels = map { 1500 + int(rand(3000)) } @names;
my @values = @levels;
my ($copy, $line) = outputs();

for my $second (0 .. $seconds - 1) {
    my $time = time_text(EPOCH + $second);
    my $epoch = EPOCH + $second;
    my ($rows, $lines) = ('', '');
    for my $i (0 .. $nseries - 1) {
        my $value = $values[$i] + $steps[int(rand(65536))];
        $value -= $value > $levels[$i] ? 1 : -1 if rand() < 0.02;
        $values[$i] = $value;
        my $text = sprintf '%d.%02d', $value / 100, $value % 100;
        $rows .= "$time\t$names[$i]\t$text\n" if $copy;
        $lines .= "sensor,series=$names[$i] value=$text $epoch\n" if $line;
    }
    print $copy $rows or die "sensors.pl: $!\n" if $copy;
    print $line $lines or die "sensors.pl: $!\n" if $line;
}
for my $handle (grep { defined } $copy, $line) {
    close $handle or die "sensors.pl: $!\n";
}

sub step {
    my $sum = -6;
    $sum += rand() for 1 .. 12;
    return sprintf '%.0f', 1.5 * $sum;
}

sub time_text {
    my ($s, $m, $h, $day, $month, $year) = gmtime shift;
    return sprintf '%04d-%02d-%02d %02d:%02d:%02d+00', $year + 1900, $month + 1, $day, $h, $m, $s;
}

sub outputs {
    return (\*STDOUT, undef) if $format eq 'copy';
    return (undef, \*STDOUT) if $format eq 'line';
    open my $tsv, '>', "$file.tsv" or die "$file.tsv: $!\n";
    open my $lp, '>', "$file.line" or die "$file.line: $!\n";
    return ($tsv, $lp);
}
