#!/bin/sh
# What a header offers is used by another file, what a source defines is used at all, debug points by tests; rules
# that comments name are in docs/ARCHITECTURE.md.
cd "$(dirname "$0")/../.." || exit 1
find src test sql -name '*.[ch]' -o -name '*.sql' | sort | xargs perl -we '
    use strict;
    my (%text, %users, $bad);
    for my $file (@ARGV)
    {
        open(my $in, "<", $file) or die "$file: $!\n";
        local $/;
        $text{$file} = <$in>;
        # Not in comments; strings count: workers are started by the name of their function.
        (my $code = $text{$file}) =~ s{/\*.*?\*/}{}gs;
        $users{$_}{$file}++ for $code =~ /\b[A-Za-z_]\w*\b/g;
    }
    for my $file (grep { m{^src/} } sort keys %text)
    {
        while ($file =~ /\.h$/ && $text{$file} =~ /^extern [^;({]*?\b(\w+)\(/mg)
        {
            # Its definition; a second file; or its own name in quotes, for those whom the server calls.
            my @files = grep { $_ ne $file } keys %{ $users{$1} };
            next if @files > 1 || grep { $text{$_} =~ /"$1"/ } @files;
            next if ($text{$file} =~ /^#define.*(?:\\\n.*)*\b$1\(/m);
            print "$file: only the file that defines $1() uses it\n";
            $bad = 1;
        }
        while ($text{$file} =~ /^#define (\w+)/mg)
        {
            my ($name, $uses) = ($1, 0);
            $uses += $_ for values %{ $users{$name} };
            next if $uses > 1 || $name =~ /_H$/;
            print "$file: nobody uses $name\n";
            $bad = 1;
        }
    }
    my $tests = "";
    for my $file (glob("test/specs/*.spec test/sql/*.sql test/t/*.pl test/t/*.pm test/tap/*.sql"))
    {
        open(my $in, "<", $file) or die "$file: $!\n";
        local $/;
        $tests .= <$in>;
    }
    for my $file (grep { m{^src/} } sort keys %text)
    {
        for my $point ($text{$file} =~ /^\s*TSDB_DEBUG_POINT\("(\w+)"\)/mg)
        {
            next if $tests =~ /\b$point\b/;
            print "$file: no test uses debug point $point\n";
            $bad = 1;
        }
    }
    open(my $page, "<", "docs/ARCHITECTURE.md") or die "docs/ARCHITECTURE.md: $!\n";
    my %rules = map { /^\| ([CR]\d+) \|/ ? ($1 => 1) : () } <$page>;
    for my $file (sort keys %text)
    {
        while ($text{$file} =~ /\brules? ([CR]\d+)(?:(?:,| and) ([CR]\d+))?/g)
        {
            for my $rule (grep { defined && !$rules{$_} } $1, $2)
            {
                print "$file: docs/ARCHITECTURE.md has no rule $rule\n";
                $bad = 1;
            }
        }
    }
    exit($bad ? 1 : 0);'
