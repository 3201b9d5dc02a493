#!/bin/sh
# fuzz.sh - libFuzzer with address and undefined sanitizers: T=target (default all), TIME=seconds each.
#
# Starts from the corpus in test/fuzz/corpus; new inputs go to build/fuzz/<target>, crashes to build/fuzz.
set -eu
. "$(dirname "$0")/lib.sh"

command -v clang >/dev/null || packages_install clang
packages_install make liblz4-dev zlib1g-dev
work_open
cd "$ROOT"
make -s -j"$JOBS" -f test/setup/pure.mk FLAVOUR=fuzz fuzz
for target in build/pure-fuzz/test/fuzz/${T:-*}_fuzz; do
    [ -x "$target" ] || die "no test/fuzz/${T:-*}_fuzz.c"
    name=$(basename "$target" _fuzz)
    mkdir -p "build/fuzz/$name" "test/fuzz/corpus/$name"
    note "$name for ${TIME:-60} s"
    "$target" -max_total_time="${TIME:-60}" -timeout=10 -rss_limit_mb=2048 -print_final_stats=1 \
        -artifact_prefix="build/fuzz/$name-" "build/fuzz/$name" "test/fuzz/corpus/$name" 2>"build/fuzz/$name.log" || {
        tail -n 60 "build/fuzz/$name.log"
        die "$name: see build/fuzz/$name-*"
    }
    grep -E '^(Done|stat::number_of_executed_units|stat::peak_rss)' "build/fuzz/$name.log"
done
