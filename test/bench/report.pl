#!/usr/bin/perl
# report.pl - results of the bench scripts as tables and plots.
#
#   report.pl results codecs docs    write docs/bench-*.svg and the part of docs/BENCHMARKS.md between its markers
#   report.pl --goals results        print every goal and whether it was met
#
# Format of the results: see lib.sh.
use strict;
use warnings;

my %TITLES = (
    ingest        => 'Ingest',
    size          => 'Size on disk',
    single        => 'Single rows',
    amplification => 'Write amplification',
    queries       => 'Queries',
    summaries     => 'Answers from summaries',
    lineproto     => 'Line protocol',
    growth        => 'Growth',
    edits         => 'Corrections of the past',
    localtime     => 'Local time',
    density       => 'Density',
    real          => 'Real series',
    memory        => 'Memory',
);
my @SECTIONS = qw(ingest size single amplification queries summaries growth edits localtime lineproto density real memory);
my %LABELS = (
    rewritten => 'tsdb after VACUUM FULL',
    heap     => 'heap',
    btree    => 'heap + btree',
    brin     => 'heap + BRIN',
    influxdb => 'InfluxDB',
    victoria => 'VictoriaMetrics',
    duckdb   => 'DuckDB',
);
my @CONTENDERS = qw(tsdb rewritten heap btree brin influxdb victoria duckdb);
my @PLOTS = qw(ingest size queries growth);

if ($ARGV[0] eq '--goals') {
    print_goals(results_read($ARGV[1]));
} else {
    my ($file, $codecs, $docs) = @ARGV;
    my $results = results_read($file);
    plot_write($results, $_, "$docs/bench-$_.svg") for grep { $results->{values}{$_} } @PLOTS;
    page_write("$docs/BENCHMARKS.md", page_text($results, $codecs));
}

# results_read - { about, values{section}{what}{contender} = [number, unit], order{section} = [what...], goals, misses, notes }
sub results_read {
    my ($file) = @_;
    my %results = (about => [], values => {}, order => {}, goals => [], misses => [], notes => {});
    open my $in, '<', $file or die "$file: $!\n";
    while (my $line = <$in>) {
        chomp $line;
        my ($kind, @fields) = split /\t/, $line, -1;
        if ($kind eq 'value') {
            my ($section, $what, $contender, $number, $unit) = @fields;
            push @{ $results{order}{$section} }, $what unless $results{values}{$section}{$what};
            $results{values}{$section}{$what}{$contender} = [ $number, $unit ];
        } elsif ($kind eq 'note') {
            push @{ $results{notes}{ $fields[0] } }, $fields[1];
        } else {
            push @{ $results{ { about => 'about', goal => 'goals', miss => 'misses' }->{$kind} } }, \@fields;
        }
    }
    return \%results;
}

sub is_met {
    my ($goal) = @_;
    my (undef, undef, $number, $op, $limit) = @$goal;
    return $op eq '<=' ? $number <= $limit : $number >= $limit;
}

sub print_goals {
    my ($results) = @_;
    for my $goal (@{ $results->{goals} }) {
        my ($section, $text, $number, $op, $limit, $unit) = @$goal;
        printf "%-6s %-14s %s: %s %s (%s %s)\n", is_met($goal) ? 'met' : 'MISSED', $section, $text, short($number), $unit, $op, $limit;
    }
    printf "%-6s %-14s %s: %s\n", 'ABSENT', @$_ for @{ $results->{misses} };
    my $met = grep { is_met($_) } @{ $results->{goals} };
    printf "%d goals met, %d missed, %d not measured\n", $met, @{ $results->{goals} } - $met, scalar @{ $results->{misses} };
}

sub page_text {
    my ($results, $codecs) = @_;
    my $text = join '', map { "- $_->[0]: $_->[1]\n" } @{ $results->{about} };
    $text .= "\n## Goals\n\n| goal | measured | wanted | |\n|---|---|---|---|\n";
    for my $goal (@{ $results->{goals} }) {
        my (undef, $name, $number, $op, $limit, $unit) = @$goal;
        $text .= sprintf "| %s | %s %s | %s %s | %s |\n", $name, short($number), $unit, $op, $limit, is_met($goal) ? 'met' : '**missed**';
    }
    $text .= "| $_->[1] | not measured: $_->[2] | | **absent** |\n" for @{ $results->{misses} };
    for my $section (grep { $results->{values}{$_} } @SECTIONS) {
        $text .= "\n## $TITLES{$section}\n\n" . section_table($results, $section);
        $text .= "\n$_\n" for @{ $results->{notes}{$section} || [] };
        $text .= "\n![$TITLES{$section}](bench-$section.svg)\n" if grep { $_ eq $section } @PLOTS;
    }
    if (-s $codecs) {
        open my $in, '<', $codecs or die "$codecs: $!\n";
        local $/;
        $text .= "\n## Codecs\n\nWithout a server, 3600 values a chunk, by `test/bench/codec_bench.c`:\n\n```\n" . <$in> . "```\n";
    }
    return $text;
}

sub section_table {
    my ($results, $section) = @_;
    my $values = $results->{values}{$section};
    my @contenders = contenders_of($values);
    my $text = '| | ' . join(' | ', map { $LABELS{$_} || $_ } @contenders) . " |\n|---|" . '---:|' x @contenders . "\n";
    for my $what (@{ $results->{order}{$section} }) {
        my ($any) = values %{ $values->{$what} };
        my @cells = map { $values->{$what}{$_} ? short($values->{$what}{$_}[0]) : '' } @contenders;
        $text .= "| $what, $any->[1] | " . join(' | ', @cells) . " |\n";
    }
    return $text;
}

# contenders_of - those with any number in the section, ours first; others by number and name.
sub contenders_of {
    my ($values) = @_;
    my %seen = map { $_ => 1 } map { keys %$_ } values %$values;
    my @known = grep { delete $seen{$_} } @CONTENDERS;
    return (@known, sort { leading($a) <=> leading($b) || $a cmp $b } keys %seen);
}

sub leading { return $_[0] =~ /^(\d+)/ ? $1 : 0; }

# short - three significant digits, or all before the point.
sub short {
    my ($number) = @_;
    return sprintf '%.0f', $number if abs $number >= 100;
    return sprintf '%.3g', $number;
}

sub page_write {
    my ($file, $text) = @_;
    open my $in, '<', $file or die "$file: $!\n";
    my $page = do { local $/; <$in> };
    $page =~ s/(<!-- results -->\n).*(<!-- end of results -->)/$1$text$2/s or die "$file: no markers\n";
    open my $out, '>', $file or die "$file: $!\n";
    print $out $page or die "$file: $!\n";
    close $out or die "$file: $!\n";
}

# plot_write - one panel of horizontal bars for everything that at least two contenders have.
sub plot_write {
    my ($results, $section, $file) = @_;
    my $values = $results->{values}{$section};
    my ($y, $body) = (10, '');
    for my $what (grep { keys %{ $values->{$_} } > 1 } @{ $results->{order}{$section} }) {
        my ($panel, $height) = panel($what, $values->{$what}, $y);
        $body .= $panel;
        $y += $height;
    }
    open my $out, '>', $file or die "$file: $!\n";
    print $out qq(<svg xmlns="http://www.w3.org/2000/svg" width="720" height="$y" viewBox="0 0 720 $y" font-family="sans-serif" font-size="12">\n),
        qq(<rect width="720" height="$y" fill="white"/>\n), $body, "</svg>\n"
        or die "$file: $!\n";
    close $out or die "$file: $!\n";
}

# panel what values y - its SVG and its height.
sub panel {
    my ($what, $values, $y) = @_;
    my @contenders = contenders_of({ $what => $values });
    my $unit = $values->{ $contenders[0] }[1];
    my ($largest) = sort { $b <=> $a } map { $values->{$_}[0] } @contenders;
    my $svg = sprintf qq(<text x="10" y="%d" font-weight="bold">%s (%s)</text>\n), $y + 16, xml($what), xml($unit);
    my $row = $y + 24;
    for my $contender (@contenders) {
        my $number = $values->{$contender}[0];
        my $width = $largest > 0 ? 450 * $number / $largest : 0;
        $svg .= sprintf qq(<text x="150" y="%d" text-anchor="end">%s</text>), $row + 13, xml($LABELS{$contender} || $contender);
        $svg .= sprintf qq(<rect x="156" y="%d" width="%.1f" height="16" fill="%s"/>), $row, $width < 1 ? 1 : $width, $contender eq 'tsdb' ? '#c2410c' : '#94a3b8';
        $svg .= sprintf qq(<text x="%.1f" y="%d">%s</text>\n), 161 + $width, $row + 13, short($number);
        $row += 20;
    }
    return ($svg, $row - $y + 14);
}

sub xml {
    my ($text) = @_;
    $text =~ s/&/&amp;/g;
    $text =~ s/</&lt;/g;
    $text =~ s/>/&gt;/g;
    return $text;
}
