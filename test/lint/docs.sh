#!/bin/sh
# docs/SQL.md describes what expected/catalog.out lists - functions, their arguments and columns, views,
# types, settings, options - and nothing else.  Links between documents lead somewhere.
cd "$(dirname "$0")/../.." || exit 1
perl -we '
    use strict;
    my (%catalog, %docs, $bad);
    open(my $listing, "<", "expected/catalog.out") or die "expected/catalog.out: $!\n";
    while (<$listing>)
    {
        $catalog{"$1 $2"} = 1 if /^(function|view|type|setting|access method) (\S.*)$/;
        $catalog{"column $1 $2"} = 1 if /^column (\S+\.\S+) (.+)$/;
        $catalog{"option $_"} = 1 for /^DETAIL:  Options of tsdb are (.*)\.$/ ? split(/, /, $1) : ();
    }
    die "expected/catalog.out lists nothing\n" unless %catalog;

    my ($chapter, @objects) = ("");
    open(my $page, "<", "docs/SQL.md") or die "docs/SQL.md: $!\n";
    while (<$page>)
    {
        if (/^## (.*)/) { $chapter = $1; @objects = (); next; }
        if (/^### /)
        {
            @objects = /`([^`]+)`/g;
            for my $name (@objects)
            {
                my $kind = $name =~ /\(/ ? "function" : $name eq "tsdb" ? "access method" : $chapter eq "Views" ? "view" : "type";
                $docs{"$kind $name"} = $.;
            }
        }
        next unless /^\| `([^`]+)` \| ([^|]*[^| ]) *\|/;
        my ($first, $second) = ($1, $2);
        $docs{"option $first"} = $. if $chapter eq "Options";
        $docs{"setting $first"} = $. if $chapter eq "Settings";
        for my $object (@objects)
        {
            (my $name = $object) =~ s/\(.*//;
            $docs{"column $name.$first " . ($second eq "timestamptz" ? "timestamp with time zone" : $second)} = $.;
        }
    }
    for (sort keys %catalog) { print "docs/SQL.md lacks: $_\n" and $bad = 1 unless $docs{$_}; }
    for (sort keys %docs) { print "docs/SQL.md:$docs{$_}: the catalog does not have: $_\n" and $bad = 1 unless $catalog{$_}; }

    my %anchors;
    for my $file ("README.md", glob("docs/*.md"))
    {
        open(my $in, "<", $file) or die "$file: $!\n";
        for (<$in>)
        {
            next unless /^#+ (.*?)\s*$/;
            (my $anchor = lc $1) =~ s/[^\w\- ]//g;
            $anchor =~ s/ /-/g;
            $anchors{"$file#$anchor"} = 1;
        }
    }
    for my $file ("README.md", glob("docs/*.md"))
    {
        open(my $in, "<", $file) or die "$file: $!\n";
        while (<$in>)
        {
            while (/\]\(([^)\s]+)\)/g)
            {
                my ($path, $anchor) = split(/#/, $1, 2);
                next if $path =~ /^https?:/;
                (my $dir = $file) =~ s{[^/]*$}{};
                my $to = $path eq "" ? $file : "$dir$path";
                print "$file:$.: no file $to\n" and $bad = 1 unless -e $to;
                print "$file:$.: no heading $to#$anchor\n" and $bad = 1 if defined $anchor && !$anchors{"$to#$anchor"};
            }
        }
    }
    exit($bad ? 1 : 0);'
