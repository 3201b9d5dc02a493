#!/bin/sh
# Public functions on top, then the line "// private functions", then the static ones;
# that line is the only comment of its kind in the tree.
cd "$(dirname "$0")/../.." || exit 1
find src test -name '*.[ch]' | sort | xargs perl -0777 -ne '
    sub bad { print "$ARGV:$_[0]: $_[1]\n"; $bad = 1 }
    # Blank comments and literals, keep line numbers.
    s{(/\*.*?\*/|"(?:[^"\\\n]|\\.)*"|\x27(?:[^\x27\\\n]|\\.)+\x27)}{my $c = $1; $c =~ s/[^\n]/ /g; $c}gse;
    my @lines = split /\n/;
    my ($mark, $first_static, $last_public);
    for my $i (0 .. $#lines)
    {
        if ($lines[$i] =~ m{^// private functions$})
        {
            bad($i + 1, "second \"// private functions\"") if $mark;
            $mark = $i + 1;
        }
        elsif ($lines[$i] =~ m{//})
        {
            bad($i + 1, "// comment");
        }
    }
    next unless $ARGV =~ /\.c$/ && $ARGV =~ /^src/;
    my $text = join("\n", @lines);
    while ($text =~ /^([A-Za-z_][^\n;{}=#]*)\n([A-Za-z_]\w*)\(([^;{}]*)\)\s*\n\{/mg)
    {
        my ($type, $name, $line) = ($1, $2, 1 + (substr($text, 0, $-[2]) =~ tr/\n//));
        if ($type =~ /\bstatic\b/)
        {
            $first_static //= [ $line, $name ];
            bad($line, "static $name() above \"// private functions\"") if $mark && $line < $mark;
        }
        else
        {
            $last_public = [ $line, $name ];
            bad($line, "$name() is not static, yet below \"// private functions\"") if $mark && $line > $mark;
        }
    }
    bad($first_static->[0], "no \"// private functions\" before $first_static->[1]()")
      if $first_static && $last_public && !$mark;
    bad($mark, "\"// private functions\" without any") if $mark && !$first_static;
    END { exit($bad ? 1 : 0) }' /dev/null
