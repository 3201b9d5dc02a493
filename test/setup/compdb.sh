#!/bin/sh
# compdb.sh - compile_commands.json for clangd and friends.
set -eu
. "$(dirname "$0")/lib.sh"

server_install
cd "$ROOT"
make -nB PG_CONFIG="$PG_CONFIG" all | perl -e '
    use JSON::PP;
    my ($dir, @entries) = ($ARGV[0]);
    while (<STDIN>)
    {
        chomp;
        push @entries, { directory => $dir, command => $_, file => $1 } if /-c\s.*?(src\/\S+\.c)/;
    }
    print JSON::PP->new->pretty->canonical->encode(\@entries);' "$ROOT" >compile_commands.json
note "$(grep -c '"file"' compile_commands.json) files in compile_commands.json"
