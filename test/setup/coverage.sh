#!/bin/sh
# coverage.sh - line coverage of the pure folders by unit tests and fuzz corpora.
set -eu
. "$(dirname "$0")/lib.sh"

find "$BUILD/pure-coverage" -name '*.gcda' -delete 2>/dev/null || true
FLAVOUR=coverage "$ROOT/test/setup/test.sh" unit fuzz-replay
cd "$ROOT"
find build/pure-coverage/src -name '*.gcda' | sort | while read -r file; do
    gcov -n "$file" 2>/dev/null
done | awk '
    /^File / { gsub("\047", "", $2); name = $2 }
    /^Lines executed:/ && name ~ /\.c$/ {
        split($0, part, /[:% ]+/)
        printf "%6.1f %%  %s\n", part[3], name
        name = ""
    }'
