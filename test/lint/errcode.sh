#!/bin/sh
# Every ereport() at ERROR or above carries an errcode; message texts follow PostgreSQL's style guide.
cd "$(dirname "$0")/../.." || exit 1
find src -name '*.[ch]' | sort | xargs perl -0777 -ne '
    s{(/\*.*?\*/)}{my $c = $1; $c =~ tr/\n//cd; $c}gse;
    while (/\bereport\(\s*(ERROR|FATAL|PANIC)\b((?:[^;"]|"(?:[^"\\]|\\.)*")*);/g)
    {
        my ($text, $at) = ($2, $-[0]);
        my $line = 1 + (substr($_, 0, $at) =~ tr/\n//);
        my @why;
        push @why, "without errcode" unless $text =~ /\berrcode|TSDB_ERRCODE/;
        push @why, "errmsg begins with a capital or ends with a period"
          if $text =~ /\berrmsg\(\s*"(?:[A-Z][a-z]|(?:[^"\\]|\\.)*\."\s*[,)])/;
        push @why, "errdetail or errhint is not a sentence"
          if $text =~ /\berr(?:detail|hint)\(\s*"(?:[^"\\]|\\.)*[^."?)\x27]"\s*[,)]/;
        print "$ARGV:$line: ereport($1) $_\n" and $bad = 1 foreach @why;
    }
    END { exit($bad ? 1 : 0) }' /dev/null
